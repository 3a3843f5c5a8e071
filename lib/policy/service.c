/* Services of a rule: "tcp/6379", "udp/53", "tcp/8000-8100", "icmp/3/4", "proto/47", "any". */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

static const struct {
	const char *name;
	uint8_t proto;
	bool icmp; /* type and code instead of ports */
} protos[] = {{"tcp", 6, false},
	      {"udp", 17, false},
	      {"sctp", 132, false},
	      {"icmp", 1, true},
	      {"icmpv6", 58, true}};

/* A number from min to max at *p, which moves behind it. */
static bool
number(const char **p, unsigned min, unsigned max, unsigned *out)
{
	unsigned v = 0, n = 0;

	for (; **p >= '0' && **p <= '9' && n < 6; n++)
		v = v * 10 + (unsigned)(*(*p)++ - '0');
	*out = v;
	return n > 0 && v >= min && v <= max;
}

static int
fail(const char *text, const char *at, size_t *offset, struct bh_err *err, const char *what)
{
	*offset = (size_t)(at - text);
	return bh_err_set(err, EINVAL, "%s", what);
}

/* Behind "tcp/": 80 or 8000-8100. */
static int
ports(const char *text, const char *p, uint32_t base, struct bh_service *out, size_t *at,
      struct bh_err *err)
{
	unsigned first, last;
	const char *start = p;

	if (!number(&p, 1, 65535, &first) || (*p != '\0' && *p != '-'))
		return fail(text, start, at, err,
			    "expected a port from 1 to 65535 or a range such as 8000-8100 here");
	last = first;
	if (*p == '-') {
		start = ++p;
		if (!number(&p, 1, 65535, &last) || *p != '\0')
			return fail(text, start, at, err,
				    "expected the last port of the range, up to 65535, here");
		if (last < first)
			return fail(text, start, at, err,
				    "the range ends before it begins: write the lower port first");
	}
	*out = (struct bh_service){base | first, base | last};
	return 0;
}

/* Behind "icmp/": type or type/code. */
static int
icmp(const char *text, const char *p, uint32_t base, struct bh_service *out, size_t *at,
     struct bh_err *err)
{
	const char *start = p;
	unsigned type, code;

	if (!number(&p, 0, 255, &type) || (*p != '\0' && *p != '/'))
		return fail(text, start, at, err, "expected an ICMP type from 0 to 255 here");
	*out = (struct bh_service){base | type << 8, base | type << 8 | 0xff};
	if (*p == '\0')
		return 0;
	start = ++p;
	if (!number(&p, 0, 255, &code) || *p != '\0')
		return fail(text, start, at, err, "expected an ICMP code from 0 to 255 here");
	out->first = out->last = base | type << 8 | code;
	return 0;
}

int
bh_service_parse(const char *text, struct bh_service *out, size_t *at, struct bh_err *err)
{
	size_t n = strcspn(text, "/"), i;
	const char *rest = text + n + 1;
	unsigned proto;
	uint32_t base;

	*at = 0;
	if (strcmp(text, "any") == 0) {
		*out = (struct bh_service){0, BH_SERVICE_LAST};
		return 0;
	}
	for (i = 0; i < BH_ARRAY_SIZE(protos); i++) {
		if (strlen(protos[i].name) != n || strncmp(protos[i].name, text, n) != 0)
			continue;
		base = (uint32_t)protos[i].proto << 16;
		*out = (struct bh_service){base, base | 0xffff};
		if (text[n] == '\0')
			return 0;
		return protos[i].icmp ? icmp(text, rest, base, out, at, err)
				      : ports(text, rest, base, out, at, err);
	}
	if (n == 5 && strncmp(text, "proto/", 6) == 0) {
		if (!number(&rest, 0, 255, &proto) || *rest != '\0')
			return fail(text, text + n + 1, at, err,
				    "expected an IP protocol number from 0 to 255 here");
		*out = (struct bh_service){proto << 16, proto << 16 | 0xffff};
		return 0;
	}
	if (*text != '\0' && strspn(text, "0123456789-") == strlen(text))
		return bh_err_set(err, EINVAL,
				  "a port without its protocol: write tcp/%.20s or udp/%.20s", text,
				  text);
	return bh_err_set(err, EINVAL,
			  "expected tcp, udp or sctp with a port (tcp/443, udp/8000-8100), icmp or "
			  "icmpv6 (icmp/8), proto/NUMBER or any, found '%.40s'",
			  text);
}
