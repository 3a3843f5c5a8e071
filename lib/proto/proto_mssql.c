/* mssql, TDS 4.2 to 8 (MS-TDS 2.2.3): a pre-login or login packet. */
#include "proto_priv.h"

enum { LOGIN4 = 0x02, LOGIN7 = 0x10, PRELOGIN = 0x12 };
#define HEADER 8

/* Options: token, offset, length each, ended by 0xff; the first is VERSION at the list's end. */
static enum bh_proto_answer
prelogin(const struct bh_proto_input *in, struct bh_cur c, uint32_t length)
{
	const uint8_t *p = c.p;

	if (bh_cur_left(&c) < 6)
		return bh_proto_wants_more(in, BH_CLIENT);
	return p[0] == 0 && bh_load_be16(p + 1) >= 6 &&
			       bh_load_be16(p + 1) + 6u <= length - HEADER &&
			       bh_load_be16(p + 3) == 6 && (p[5] <= 8 || p[5] == 0xff)
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_MSSQL(const struct bh_proto_input *in)
{
	struct bh_cur c = bh_side(in, BH_CLIENT);
	const uint8_t *h = bh_cur_take(&c, HEADER);
	const uint8_t *p = in->data[BH_CLIENT];
	uint32_t length;

	if (in->len[BH_CLIENT] > 0 && p[0] != PRELOGIN && p[0] != LOGIN7 && p[0] != LOGIN4)
		return BH_PROTO_NO;
	if (h == NULL)
		return bh_proto_wants_more(in, BH_CLIENT);
	length = bh_load_be16(h + 2);
	if ((h[1] & 0xe0) != 0 || length < HEADER + 6 || length > 32767 || h[7] != 0)
		return BH_PROTO_NO;
	switch (h[0]) {
	case PRELOGIN:
		return prelogin(in, c, length);
	case LOGIN7: /* its own length again, and a TDS version 7.x */
		if (bh_cur_left(&c) < 8)
			return bh_proto_wants_more(in, BH_CLIENT);
		return bh_load_le32(c.p) >= 86 && bh_load_le32(c.p) <= 131072 &&
				       (c.p[7] >> 4 == 7 || c.p[4] >> 4 == 7)
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	case LOGIN4: /* host name: 30 bytes and its length */
		if (bh_cur_left(&c) < 31)
			return bh_proto_wants_more(in, BH_CLIENT);
		return length == 512 && c.p[30] <= 30 && bh_proto_printable(c.p, c.p[30])
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	default:
		return BH_PROTO_NO;
	}
}
