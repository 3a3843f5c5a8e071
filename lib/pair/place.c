/* place: where the other one is. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pair_priv.h"

int
bh_pair_address(const char *text, struct sockaddr_storage *out, socklen_t *len)
{
	const char *colon = strrchr(text, ':');
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	bool brackets = text[0] == '[' && colon != NULL && colon[-1] == ']';
	char host[64];
	in_port_t port;

	memset(out, 0, sizeof(*out));
	if (colon == NULL || colon - text >= (ptrdiff_t)sizeof(host))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text) - 2 * brackets, text + brackets);
	port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (!brackets && inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = port;
		*len = sizeof(*four);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &six->sin6_addr) != 1)
		return -EINVAL;
	six->sin6_family = AF_INET6;
	six->sin6_port = port;
	*len = sizeof(*six);
	return 0;
}

bool
bh_pair_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a,
				  *six_b = (const struct sockaddr_in6 *)b;
	const struct sockaddr_in *four = (const struct sockaddr_in *)a,
				 *four_b = (const struct sockaddr_in *)b;

	if (a->ss_family != b->ss_family)
		return false;
	return a->ss_family == AF_INET
		       ? four->sin_addr.s_addr == four_b->sin_addr.s_addr
		       : memcmp(&six->sin6_addr, &six_b->sin6_addr, sizeof(six->sin6_addr)) == 0;
}

/* A port of its own is for whoever connects: the one that is configured listens. */
static struct sockaddr_storage
any_port(const struct sockaddr_storage *at)
{
	struct sockaddr_storage a = *at;

	if (a.ss_family == AF_INET)
		((struct sockaddr_in *)&a)->sin_port = 0;
	else
		((struct sockaddr_in6 *)&a)->sin6_port = 0;
	return a;
}

int
bh_pair_socket(const struct bh_pair_link *l, int type, bool connects, struct bh_err *err)
{
	const struct sockaddr_storage from = connects ? any_port(&l->own) : l->own;
	int fd = socket(l->own.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, rc;

	if (fd < 0)
		return bh_err_set(err, errno, "pair: no socket: %s", strerror(errno));
	if (type == SOCK_STREAM) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	if (l->interface[0] != '\0' && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, l->interface,
						  (socklen_t)strlen(l->interface)) != 0) {
		rc = bh_err_set(err, errno, "pair: interface %s: %s", l->interface,
				strerror(errno));
		goto out;
	}
	/* Whoever connects may not be allowed to choose its address any more (Landlock); the kernel's choice is the same
	 * where the link has one address. */
	if ((bind(fd, (const struct sockaddr *)&from, l->len) != 0 && !connects) ||
	    (type == SOCK_STREAM && !connects && listen(fd, 4) != 0)) {
		rc = bh_err_set(err, errno,
				"pair: cannot use the address of pair.listen: %s (it must be one "
				"of this machine, and its port free)",
				strerror(errno));
		goto out;
	}
	return fd;
out:
	close(fd);
	return rc;
}
