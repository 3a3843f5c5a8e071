/* ssh (RFC 4253 4.2): the identification string, from either side. */
#include "proto_priv.h"

static enum bh_proto_answer
banner(const struct bh_proto_input *in, unsigned side)
{
	enum bh_proto_answer a = bh_proto_spells(in, side, "SSH-");
	const uint8_t *p = in->data[side];

	if (a != BH_PROTO_YES)
		return a;
	if (in->len[side] < 6)
		return bh_proto_wants_more(in, side);
	return (p[4] == '1' || p[4] == '2') && p[5] == '.' ? BH_PROTO_YES : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_SSH(const struct bh_proto_input *in)
{
	return bh_proto_either(banner(in, BH_CLIENT), banner(in, BH_SERVER));
}
