/* openwire, ActiveMQ: WireFormatInfo, from either side. */
#include "proto_priv.h"

static enum bh_proto_answer
info(const struct bh_proto_input *in, unsigned side)
{
	const uint8_t *p = in->data[side];
	uint32_t n = in->len[side];

	if ((n >= 1 && p[0] != 0) || (n >= 5 && p[4] != 1))
		return BH_PROTO_NO;
	if (n < 13)
		return bh_proto_wants_more(in, side);
	/* length, type 1, magic */
	return memcmp(p + 5, "ActiveMQ", 8) == 0 ? BH_PROTO_YES : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_OPENWIRE(const struct bh_proto_input *in)
{
	return bh_proto_either(info(in, BH_CLIENT), info(in, BH_SERVER));
}
