/* modbus/tcp (Modbus Messaging on TCP/IP 3.1): MBAP header and a function; proven by the answer, or by a
 * request whose length is the one its function must have. */
#include "proto_priv.h"

#define MBAP 7

static enum bh_proto_answer
header(const struct bh_proto_input *in, unsigned side)
{
	const uint8_t *p = in->data[side];
	uint32_t length;

	if (in->len[side] < MBAP + 1)
		return bh_proto_wants_more(in, side);
	length = bh_load_be16(p + 4);
	if (bh_load_be16(p + 2) != 0 || length < 2 || length > 254)
		return BH_PROTO_NO;
	return (p[7] & 0x7f) >= 1 && (p[7] & 0x7f) <= 127 ? BH_PROTO_YES : BH_PROTO_NO;
}

/* Length field that a request of this function has; 0: variable. */
static uint32_t
fixed_length(uint8_t function)
{
	switch (function) {
	case 1:
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
		return 6;
	case 7:
	case 11:
	case 12:
	case 17:
		return 2;
	default:
		return 0;
	}
}

enum bh_proto_answer
bh_proto_MODBUS(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT], *s = in->data[BH_SERVER];
	enum bh_proto_answer a = header(in, BH_CLIENT);
	uint32_t length;

	if (a != BH_PROTO_YES)
		return a;
	length = bh_load_be16(p + 4);
	if (fixed_length(p[7]) == length && in->len[BH_CLIENT] == 6 + length && p[7] <= 6)
		return BH_PROTO_YES;
	a = header(in, BH_SERVER);
	if (a != BH_PROTO_YES)
		return a;
	return bh_load_be16(p) == bh_load_be16(s) && p[6] == s[6] && p[7] == (s[7] & 0x7f)
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}
