/* tftp (RFC 1350, options RFC 2347): a read or write request with its mode. */
#include "proto_priv.h"

static bool
is_mode(const uint8_t *p, size_t n)
{
	static const char *const modes[] = {"octet", "netascii", "mail"};
	size_t i, j;

	for (i = 0; i < BH_ARRAY_SIZE(modes); i++) {
		if (strlen(modes[i]) != n)
			continue;
		for (j = 0; j < n && (p[j] | 0x20) == modes[i][j]; j++)
			;
		if (j == n)
			return true;
	}
	return false;
}

enum bh_proto_answer
bh_proto_TFTP(const struct bh_proto_input *in)
{
	struct bh_cur c = bh_side(in, in->from);
	const uint8_t *nul;
	uint16_t op;

	if (!bh_cur_be16(&c, &op) || (op != 1 && op != 2) || bh_cur_left(&c) < 4)
		return BH_PROTO_NO;
	nul = memchr(c.p, 0, bh_cur_left(&c));
	if (nul == NULL || nul == c.p)
		return BH_PROTO_NO;
	c.p = nul + 1;
	nul = bh_cur_left(&c) != 0 ? memchr(c.p, 0, bh_cur_left(&c)) : NULL;
	return nul != NULL && is_mode(c.p, (size_t)(nul - c.p)) ? BH_PROTO_YES : BH_PROTO_NO;
}
