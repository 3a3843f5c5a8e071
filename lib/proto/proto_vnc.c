/* vnc, rfb (RFC 6143 7.1.1): "RFB 003.008\n" from either side. */
#include "proto_priv.h"

static enum bh_proto_answer
version(const struct bh_proto_input *in, unsigned side)
{
	enum bh_proto_answer a = bh_proto_spells(in, side, "RFB 00");
	const uint8_t *p = in->data[side];

	if (a != BH_PROTO_YES)
		return a;
	if (in->len[side] < 12)
		return bh_proto_wants_more(in, side);
	return p[6] >= '0' && p[6] <= '9' && p[7] == '.' && p[8] >= '0' && p[8] <= '9' &&
			       p[11] == '\n'
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_VNC(const struct bh_proto_input *in)
{
	return bh_proto_either(version(in, BH_CLIENT), version(in, BH_SERVER));
}
