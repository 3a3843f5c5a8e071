/* sip (RFC 3261 7): request line with a sip URI and version, or a status line. */
#include "proto_priv.h"

static enum bh_proto_answer
message(const struct bh_proto_input *in, unsigned side)
{
	enum bh_proto_answer a = bh_proto_spells(in, side, "SIP/2.0 ");
	const uint8_t *p = in->data[side];
	uint32_t n = in->len[side], end, i;
	int line;

	if (a != BH_PROTO_NO)
		return a;
	for (i = 0; i < n && i < 12 && p[i] >= 'A' && p[i] <= 'Z'; i++)
		;
	if (i == n)
		return n < 12 ? bh_proto_wants_more(in, side) : BH_PROTO_NO;
	if (i < 3 || p[i] != ' ')
		return BH_PROTO_NO;
	line = bh_proto_line(in, side, &end);
	if (line < 0)
		return n > 1024 ? BH_PROTO_NO : bh_proto_wants_more(in, side);
	return line > 8 && memcmp(p + line - 8, " SIP/2.0", 8) == 0 ? BH_PROTO_YES : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_SIP(const struct bh_proto_input *in)
{
	if (in->transport == BH_OVER_UDP)
		return message(in, in->from);
	return bh_proto_either(message(in, BH_CLIENT), message(in, BH_SERVER));
}
