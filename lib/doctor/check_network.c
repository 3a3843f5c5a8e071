/* What others are asked, and asks us: the API's address, name servers. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor_priv.h"

#define TCP_LISTEN 0x0a /* <net/tcp_states.h> */

struct listen_at {
	char host[64];
	unsigned port;
	bool any, loopback;
};

/* "127.0.0.1:8471", "[::1]:8471". */
static bool
listen_parse(struct listen_at *out, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t n;

	memset(out, 0, sizeof(*out));
	if (colon == NULL || (size_t)(colon - text) >= sizeof(out->host))
		return false;
	n = (size_t)(colon - text);
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']')
		snprintf(out->host, sizeof(out->host), "%.*s", (int)n - 2, text + 1);
	else
		snprintf(out->host, sizeof(out->host), "%.*s", (int)n, text);
	out->port = (unsigned)strtoul(colon + 1, NULL, 10);
	out->any = strcmp(out->host, "0.0.0.0") == 0 || strcmp(out->host, "::") == 0;
	out->loopback = strncmp(out->host, "127.", 4) == 0 || strcmp(out->host, "::1") == 0;
	return true;
}

/* An address as /proc/net/tcp writes it: words of 32 bits in the machine's order. */
static void
kernel_form(const char *host, char *out, size_t size)
{
	uint32_t word[4] = {0};
	unsigned i, n = 4;

	if (strchr(host, ':') == NULL)
		n = 1;
	inet_pton(n == 1 ? AF_INET : AF_INET6, host, word);
	out[0] = '\0';
	for (i = 0; i < n && 8 * i + 9 <= size; i++)
		snprintf(out + 8 * i, 9, "%08X", word[i]);
}

/* Does a socket listen there, or at all addresses? */
static bool
taken(const struct bh_doctor *d, const char *file, const struct listen_at *at)
{
	char *text = bh_doctor_text(d, file), *next = text, *line;
	char ours[40], address[40];
	unsigned port, state;
	bool found = false;

	kernel_form(at->host, ours, sizeof(ours));
	while (!found && (line = bh_doctor_line(&next)) != NULL) {
		if (sscanf(line, " %*u: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x", address, &port,
			   &state) != 3 ||
		    state != TCP_LISTEN || port != at->port)
			continue;
		found = at->any || strspn(address, "0") == strlen(address) ||
			strcmp(address, ours) == 0;
	}
	free(text);
	return found;
}

static void
check_api(const struct bh_doctor *d)
{
	struct listen_at at;
	char value[16];

	if (strcmp(d->c->api_listen, "off") == 0 || !listen_parse(&at, d->c->api_listen))
		return;
	snprintf(value, sizeof(value), "%u", at.port);
	/* A gateway that runs is the one who listens there. */
	if (!d->r->running && (taken(d, "/proc/net/tcp", &at) || taken(d, "/proc/net/tcp6", &at)))
		bh_doctor_add(d->r, BH_DOCTOR_API_PORT_USED, d->c->path, value,
			      "something listens at %s", d->c->api_listen);
	if (!at.loopback && d->c->api_certificate[0] == '\0')
		bh_doctor_add(d->r, BH_DOCTOR_API_PLAIN, d->c->path, "",
			      "api.listen is %s, and there is no api.tls.certificate",
			      d->c->api_listen);
}

static void
check_names(const struct bh_doctor *d)
{
	char *text, server[64];

	if (!d->c->names_resolve || d->c->n_resolvers != 0)
		return;
	text = bh_doctor_text(d, "/etc/resolv.conf");
	if (text == NULL || !bh_doctor_field(text, "nameserver", server, sizeof(server)))
		bh_doctor_add(d->r, BH_DOCTOR_DNS_NONE, d->c->path, "",
			      "neither names.resolvers nor /etc/resolv.conf names one");
	free(text);
}

void
bh_doctor_check_network(const struct bh_doctor *d)
{
	if (d->c == NULL)
		return;
	check_api(d);
	check_names(d);
}
