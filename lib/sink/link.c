/* link: a connection to where a sink's records go. Only the sink's own thread waits here. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sink_priv.h"

#define WAIT_MS 5000

int
bh_link_init(struct bh_link *l, const char *to, const char *default_port, int stop_fd,
	     struct bh_err *err)
{
	const char *sep = strstr(to, "://"), *host, *end, *port;

	*l = (struct bh_link){.fd = -1, .stop_fd = stop_fd};
	if (sep == NULL || (size_t)(sep - to) >= sizeof(l->scheme))
		goto bad;
	snprintf(l->scheme, sizeof(l->scheme), "%.*s", (int)(sep - to), to);
	l->stream = strcmp(l->scheme, "udp") != 0;
	host = sep + 3;
	if (*host == '[') {
		end = strchr(++host, ']');
		port = end != NULL && end[1] == ':' ? end + 2 : NULL;
		if (end == NULL || (end[1] != ':' && end[1] != '\0'))
			goto bad;
	} else {
		end = host + strcspn(host, ":");
		port = *end == ':' ? end + 1 : NULL;
	}
	if (end == host || (size_t)(end - host) >= sizeof(l->host))
		goto bad;
	snprintf(l->host, sizeof(l->host), "%.*s", (int)(end - host), host);
	if (port == NULL)
		port = default_port;
	if (*port == '\0' || strlen(port) > 5 || port[strspn(port, "0123456789")] != '\0')
		goto bad;
	snprintf(l->port, sizeof(l->port), "%s", port);
	return 0;
bad:
	return bh_err_set(
		err, EINVAL,
		"'%.80s' is no target: write udp://host:port, tcp://... or tls://..., an IPv6 "
		"address in brackets",
		to);
}

/* 0 once the socket is ready, -ETIMEDOUT, -ECANCELED: the sink is to end. */
int
bh_link_wait(const struct bh_link *l, short events)
{
	struct pollfd fd[2] = {{.fd = l->fd, .events = events},
			       {.fd = l->stop_fd, .events = POLLIN}};
	int n = poll(fd, 2, WAIT_MS);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ETIMEDOUT;
	return fd[0].revents != 0 ? 0 : -ECANCELED;
}

static int
try_address(struct bh_link *l, const struct addrinfo *a)
{
	int rc, code = 0, one = 1;
	socklen_t len = sizeof(code);

	l->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	if (l->stream)
		(void)setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (connect(l->fd, a->ai_addr, a->ai_addrlen) == 0)
		return 0;
	rc = errno == EINPROGRESS ? bh_link_wait(l, POLLOUT) : -errno;
	if (rc == 0 && getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
		code = errno;
	return rc != 0 ? rc : -code;
}

int
bh_link_connect(struct bh_link *l)
{
	struct addrinfo hints = {.ai_socktype = l->stream ? SOCK_STREAM : SOCK_DGRAM,
				 .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL, *a;
	int rc = -EHOSTUNREACH;

	if (l->fd >= 0)
		return 0;
	if (getaddrinfo(l->host, l->port, &hints, &list) != 0)
		return -EHOSTUNREACH;
	for (a = list; a != NULL; a = a->ai_next) {
		rc = try_address(l, a);
		if (rc == 0 || rc == -ECANCELED)
			break;
		bh_link_close(l);
	}
	freeaddrinfo(list);
	if (rc == 0 && l->tls != NULL)
		rc = bh_tls_handshake(l->tls, l);
	if (rc != 0)
		bh_link_close(l);
	return rc;
}

/* Whoever receives says nothing: a byte or an end that can be read means that it closes. */
static int
other_end(const struct bh_link *l)
{
	char byte[64];
	ssize_t n;

	if (l->tls != NULL)
		return bh_tls_look(l->tls);
	n = recv(l->fd, byte, sizeof(byte), MSG_DONTWAIT);
	if (n == 0 && l->stream)
		return -EPIPE;
	return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
}

/* Bytes taken or -errno. */
static ssize_t
send_some(struct bh_link *l, const void *data, size_t len)
{
	ssize_t n;

	if (l->tls != NULL)
		return bh_tls_send(l->tls, data, len);
	n = send(l->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

int
bh_link_send(struct bh_link *l, const void *data, size_t len)
{
	const uint8_t *p = data;
	int rc = other_end(l);
	ssize_t n;

	while (rc == 0 && len != 0) {
		n = send_some(l, p, len);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (n == -EAGAIN) {
			rc = bh_link_wait(l, POLLOUT);
		} else if (n != -EINTR) {
			rc = (int)n;
		}
	}
	return rc;
}

int
bh_link_settled(struct bh_link *l)
{
	int left = 0, rc;

	if (l->fd < 0)
		return -ENOTCONN;
	rc = other_end(l);
	if (rc != 0 || !l->stream)
		return rc != 0 ? rc : 1;
	/* Bytes that the other end's TCP has not acknowledged. */
	if (ioctl(l->fd, SIOCOUTQ, &left) != 0)
		return -errno;
	return left == 0;
}

void
bh_link_close(struct bh_link *l)
{
	if (l->tls != NULL)
		bh_tls_end(l->tls);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
