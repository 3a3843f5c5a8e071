/* telnet (RFC 854, 855): option negotiation, two commands at the start of one side or one of each. */
#include "proto_priv.h"

/* Number of whole negotiations at the start, at most 2; *partial: the bytes end inside one. */
static unsigned
negotiations(const struct bh_proto_input *in, unsigned side, bool *partial)
{
	const uint8_t *p = in->data[side];
	uint32_t n = in->len[side], at = 0;
	unsigned found = 0;

	*partial = false;
	while (found < 2 && at < n && p[at] == 0xff) {
		if (n - at < 3) {
			*partial = true;
			break;
		}
		/* WILL WONT DO DONT, or SB; options in use: 0..49, 138..140, 200.., 255 */
		if (p[at + 1] < 250 || p[at + 1] == 255 || (p[at + 2] > 49 && p[at + 2] < 138))
			return 0;
		found++;
		if (p[at + 1] == 250)
			break;
		at += 3;
	}
	return found;
}

enum bh_proto_answer
bh_proto_TELNET(const struct bh_proto_input *in)
{
	bool partial[2];
	unsigned n[2] = {negotiations(in, 0, &partial[0]), negotiations(in, 1, &partial[1])};

	if (n[0] == 2 || n[1] == 2 || (n[0] != 0 && n[1] != 0))
		return BH_PROTO_YES;
	if (n[0] + n[1] == 0 && in->len[0] != 0 && in->len[1] != 0 && !partial[0] && !partial[1])
		return BH_PROTO_NO;
	return bh_proto_either(bh_proto_wants_more(in, 0), bh_proto_wants_more(in, 1));
}
