/* sip (RFC 3261 7): request line with a sip URI and version, or a status line. */
#include "proto_priv.h"

static enum bh_proto_answer
message(struct bh_proto_input *in, unsigned side)
{
	enum bh_proto_answer a;
	const uint8_t *p;
	uint32_t n, end, i;
	int line;

	/* Keep-alives between messages (RFC 5626 3.5.1) are empty lines. */
	while (in->len[side] > 0 && (in->data[side][0] == '\r' || in->data[side][0] == '\n')) {
		in->data[side]++;
		in->len[side]--;
	}
	p = in->data[side];
	n = in->len[side];
	a = bh_proto_spells(in, side, "SIP/2.0 ");
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
	if (line > 8 && memcmp(p + line - 8, " SIP/2.0", 8) == 0)
		return BH_PROTO_YES;
	/* The request line is damaged: a SIP URI, and the first hop names the protocol again. */
	return bh_proto_find_nocase(in, side, " sip:", i + 5) == (int)i &&
			       bh_proto_find_nocase(in, side, "\nvia: SIP/2.0/", 512) > 0
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_SIP(const struct bh_proto_input *in)
{
	struct bh_proto_input own = *in;

	if (in->transport == BH_OVER_UDP)
		return message(&own, in->from);
	return bh_proto_either(message(&own, BH_CLIENT), message(&own, BH_SERVER));
}
