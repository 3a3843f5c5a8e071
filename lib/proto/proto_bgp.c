/* bgp 4 (RFC 4271 4.1): marker of ones, length, type. */
#include "proto_priv.h"

static enum bh_proto_answer
message(const struct bh_proto_input *in, unsigned side)
{
	const uint8_t *p = in->data[side];
	uint32_t n = in->len[side], i, length;

	for (i = 0; i < 16; i++) {
		if (i == n)
			return bh_proto_wants_more(in, side);
		if (p[i] != 0xff)
			return BH_PROTO_NO;
	}
	if (n < 19)
		return bh_proto_wants_more(in, side);
	length = bh_load_be16(p + 16);
	return length >= 19 && length <= 4096 && p[18] >= 1 && p[18] <= 5 ? BH_PROTO_YES
									  : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_BGP(const struct bh_proto_input *in)
{
	return bh_proto_either(message(in, BH_CLIENT), message(in, BH_SERVER));
}
