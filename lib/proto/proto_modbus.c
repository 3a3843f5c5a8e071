/* modbus/tcp (Modbus Messaging on TCP/IP 3.1): MBAP header and a function. Proven by one unit whose length is the
 * one its function must have, by two units whose lengths chain, or by a request and its answer. A capture may begin
 * with the answer: both sides are asked. */
#include "proto_priv.h"

#define MBAP 7
#define MEI 43 /* encapsulated interface: 14 reads the device's identification, 13 is CANopen */

/* Is a whole header at p of a length that exists? n >= MBAP + 1. */
static bool
is_header(const uint8_t *p)
{
	return bh_load_be16(p + 2) == 0 && bh_load_be16(p + 4) >= 2 && bh_load_be16(p + 4) <= 254;
}

/* Does the length fit the function, as a request or as an answer? n >= 9 bytes at p. */
static bool
fits(const uint8_t *p)
{
	uint32_t length = bh_load_be16(p + 4);

	if ((p[7] & 0x80) != 0) /* exception: its code */
		return (p[7] & 0x7f) != 0 && (p[7] & 0x7f) <= MEI && length == 3 && p[8] >= 1 &&
		       p[8] <= 11;
	switch (p[7]) {
	case 1:
	case 2:
	case 3:
	case 4:
		return length == 6 || length == 3u + p[8];
	case 5:
	case 6:
	case 8:
		return length == 6;
	case 15:
	case 16: /* the answer has a count and no values; the request's is checked by the chain */
		return length == 6;
	case 17:
	case 23:
		return length == 3u + p[8];
	case MEI:
		return p[8] == 13 || p[8] == 14;
	default:
		return false;
	}
}

static enum bh_proto_answer
unit(const struct bh_proto_input *in, unsigned side)
{
	const uint8_t *p = in->data[side];
	uint32_t n = in->len[side], next;

	if (n < MBAP + 2)
		return (n >= 4 && bh_load_be16(p + 2) != 0) || (n >= 5 && p[4] != 0)
			       ? BH_PROTO_NO
			       : bh_proto_wants_more(in, side);
	if (!is_header(p))
		return BH_PROTO_NO;
	next = 6u + bh_load_be16(p + 4);
	if (n == next && fits(p))
		return BH_PROTO_YES;
	if (n < next + MBAP + 1)
		return bh_proto_wants_more(in, side);
	p += next;
	return is_header(p) && p[6] == in->data[side][6] ? BH_PROTO_YES : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_MODBUS(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT], *s = in->data[BH_SERVER];
	enum bh_proto_answer a = bh_proto_either(unit(in, BH_CLIENT), unit(in, BH_SERVER));

	if (a != BH_PROTO_MAYBE || in->len[0] < MBAP + 2 || in->len[1] < MBAP + 2)
		return a;
	if (!is_header(p) || !is_header(s))
		return BH_PROTO_NO;
	return bh_load_be16(p) == bh_load_be16(s) && p[6] == s[6] && (p[7] & 0x7f) == (s[7] & 0x7f)
		       ? BH_PROTO_YES
		       : BH_PROTO_MAYBE;
}
