/* tftp (RFC 1350, options RFC 2347): a read or write request with its mode. */
#include <strings.h>

#include "proto_priv.h"

#define BLOCKS 16 /* of a transfer's beginning */

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

/* The transfer moves to ports of its own: one of the first blocks on one side, its acknowledgement on the other. */
static bool
is_transfer(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[0], *q = in->data[1];
	uint32_t m = in->len[1], block;

	if (in->len[0] < 4 || m < 4)
		return false;
	if (bh_load_be16(p) == 4) {
		p = in->data[1];
		q = in->data[0];
		m = in->len[0];
	}
	block = bh_load_be16(p + 2);
	if (bh_load_be16(p) != 3 || bh_load_be16(q) != 4 || m != 4 || block < 1 || block > BLOCKS)
		return false;
	return bh_load_be16(q + 2) == block || bh_load_be16(q + 2) + 1u == block;
}

/* Option acknowledgement (RFC 2347): pairs of a known name and digits. The client answers for block 0. */
static bool
is_options(struct bh_cur c)
{
	static const char *const names[] = {"blksize",    "tsize",    "timeout",
					    "windowsize", "rollover", "multicast"};
	const uint8_t *name = c.p, *nul;
	size_t i;

	nul = bh_cur_left(&c) != 0 ? memchr(name, 0, bh_cur_left(&c)) : NULL;
	if (nul == NULL || c.end[-1] != 0 || nul + 2 > c.end || nul[1] < '0' || nul[1] > '9')
		return false;
	for (i = 0; i < BH_ARRAY_SIZE(names); i++) {
		if (strcasecmp((const char *)name, names[i]) == 0)
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

	if (is_transfer(in))
		return BH_PROTO_YES;
	if (!bh_cur_be16(&c, &op))
		return BH_PROTO_NO;
	if (op == 6)
		return is_options(c) ? BH_PROTO_YES : BH_PROTO_NO;
	if ((op != 1 && op != 2) || bh_cur_left(&c) < 4)
		return BH_PROTO_NO;
	nul = memchr(c.p, 0, bh_cur_left(&c));
	if (nul == NULL)
		return BH_PROTO_NO;
	/* Scanners send an empty file name, or one of zeros: the mode is still a word of its own. */
	for (c.p = nul + 1; bh_cur_left(&c) != 0 && c.p[0] == 0; c.p++)
		;
	nul = bh_cur_left(&c) != 0 ? memchr(c.p, 0, bh_cur_left(&c)) : NULL;
	return nul != NULL && is_mode(c.p, (size_t)(nul - c.p)) ? BH_PROTO_YES : BH_PROTO_NO;
}
