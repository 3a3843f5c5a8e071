/* amqp 0-8, 0-9, 0-9-1, 0-10 and 1.0: the protocol header, from either side (AMQP 0-9-1 4.2.2, 1.0 2.2). */
#include "proto_priv.h"

static enum bh_proto_answer
header(const struct bh_proto_input *in, unsigned side)
{
	static const uint8_t known[][4] = {
		{0, 0, 9, 1}, {0, 1, 0, 0},  {3, 1, 0, 0}, {2, 1, 0, 0}, {1, 1, 0, 9},
		{1, 1, 8, 0}, {1, 1, 0, 10}, {1, 1, 9, 1}, {0, 0, 9, 0}, {1, 1, 9, 0},
	};
	enum bh_proto_answer a = bh_proto_spells(in, side, "AMQP");
	size_t i;

	if (a != BH_PROTO_YES)
		return a;
	if (in->len[side] < 8)
		return bh_proto_wants_more(in, side);
	for (i = 0; i < BH_ARRAY_SIZE(known); i++) {
		if (memcmp(in->data[side] + 4, known[i], 4) == 0)
			return BH_PROTO_YES;
	}
	return BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_AMQP(const struct bh_proto_input *in)
{
	return bh_proto_either(header(in, BH_CLIENT), header(in, BH_SERVER));
}
