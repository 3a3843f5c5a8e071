/* Addresses and prefixes as text. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "conf.h"

bool
bh_prefix_mask(uint8_t addr[16], unsigned len)
{
	bool any = false;
	uint8_t keep;
	unsigned i;

	for (i = len / 8; i < 16; i++) {
		keep = i == len / 8 ? (uint8_t)(0xff00 >> len % 8) : 0;
		any |= (addr[i] & (uint8_t)~keep) != 0;
		addr[i] &= keep;
	}
	return any;
}

bool
bh_prefix_covers(const struct bh_prefix *a, const struct bh_prefix *b)
{
	uint8_t net[16];

	if (a->family != b->family || a->len > b->len)
		return false;
	memcpy(net, b->addr, sizeof(net));
	bh_prefix_mask(net, a->len);
	return memcmp(net, a->addr, sizeof(net)) == 0;
}

/* "/24" behind the address: false when it isn't a number from 0 to max. */
static bool
prefix_len(const char *text, unsigned max, uint8_t *len)
{
	unsigned v = 0, n;

	for (n = 0; text[n] >= '0' && text[n] <= '9' && n < 3; n++)
		v = v * 10 + (unsigned)(text[n] - '0');
	*len = (uint8_t)v;
	return n > 0 && text[n] == '\0' && v <= max;
}

int
bh_prefix_parse(const char *text, struct bh_prefix *out, struct bh_err *err)
{
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct bh_prefix p = {.family = 4, .len = 32};
	char addr[INET6_ADDRSTRLEN], net[64];
	unsigned max = 32;

	if (n >= sizeof(addr))
		n = 0;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (inet_pton(AF_INET, addr, p.addr) != 1) {
		p.family = 6;
		p.len = max = 128;
		if (inet_pton(AF_INET6, addr, p.addr) != 1)
			return bh_err_set(err, EINVAL,
					  "expected an address or prefix such as 10.0.0.0/8 or "
					  "2001:db8::1, found '%.60s'",
					  text);
	}
	if (slash != NULL && !prefix_len(slash + 1, max, &p.len))
		return bh_err_set(err, EINVAL,
				  "expected a prefix length from 0 to %u, found '%.20s'", max,
				  slash + 1);
	*out = p;
	if (bh_prefix_mask(p.addr, p.len)) {
		bh_prefix_format(&p, net, sizeof(net));
		return bh_err_set(
			err, EINVAL,
			"'%.60s' has bits set behind its prefix: write %s for the network, "
			"or %s for the one address",
			text, net, addr);
	}
	return 0;
}

int
bh_yaml_prefix(const struct bh_yaml_doc *doc, const struct bh_yaml *node, struct bh_prefix *out,
	       struct bh_err *err)
{
	struct bh_err e = {0};
	char found[BH_FOUND_LEN];

	if (node->type != BH_YAML_SCALAR || node->text[0] == '\0')
		return bh_yaml_err(doc, node, err,
				   "expected an address or prefix such as 10.0.0.0/8, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	if (bh_prefix_parse(node->text, out, &e) != 0)
		return bh_yaml_err(doc, node, err, "%s", e.what);
	return 0;
}

void
bh_prefix_format(const struct bh_prefix *p, char *out, size_t size)
{
	char addr[INET6_ADDRSTRLEN];
	unsigned host = p->family == 4 ? 32 : 128;

	if (inet_ntop(p->family == 4 ? AF_INET : AF_INET6, p->addr, addr, sizeof(addr)) == NULL)
		addr[0] = '\0';
	if (p->len == host)
		snprintf(out, size, "%s", addr);
	else
		snprintf(out, size, "%s/%u", addr, p->len);
}
