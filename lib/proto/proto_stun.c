/* stun, turn (RFC 8489 5; classic RFC 3489 without the cookie): type, length, attributes that fill it. */
#include "proto_priv.h"

#define HEADER 20
#define COOKIE 0x2112a442u

static bool
attributes(const uint8_t *p, uint32_t n)
{
	uint32_t at = 0, length;

	while (n - at >= 4) {
		length = (bh_load_be16(p + at + 2) + 3u) & ~3u;
		if (length > n - at - 4)
			return false;
		at += 4 + length;
	}
	return at == n;
}

/* A message at p of which n bytes are here; more: the stream may bring the rest. */
static enum bh_proto_answer
message(const uint8_t *p, uint32_t n, enum bh_proto_answer more)
{
	uint32_t length;

	if (n < HEADER)
		return n > 0 && (p[0] & 0xc0) != 0 ? BH_PROTO_NO : more;
	length = bh_load_be16(p + 2);
	if ((p[0] & 0xc0) != 0)
		return BH_PROTO_NO;
	/* Some clients do not pad their attributes, and some put data behind the message. */
	if (bh_load_be32(p + 4) == COOKIE)
		return length <= n - HEADER || more == BH_PROTO_MAYBE ? BH_PROTO_YES : BH_PROTO_NO;
	/* Without the cookie only Binding is known, and its attributes must be there. */
	if (length % 4 != 0 || length < 8 || (bh_load_be16(p) & ~0x0110) != 0x0001)
		return BH_PROTO_NO;
	if (length > n - HEADER)
		return more;
	return attributes(p + HEADER, length) ? BH_PROTO_YES : BH_PROTO_NO;
}

/* Over TCP the message itself, or framed by a length of two bytes (RFC 4571, ICE-TCP). */
static enum bh_proto_answer
stream(const struct bh_proto_input *in, unsigned side)
{
	enum bh_proto_answer more = bh_proto_wants_more(in, side);
	const uint8_t *p = in->data[side];
	uint32_t n = in->len[side];
	enum bh_proto_answer a = message(p, n, more);

	if (a == BH_PROTO_YES || n < 2)
		return a;
	if (n < 2 + HEADER)
		return bh_proto_either(a, p[0] <= 5 ? more : BH_PROTO_NO);
	if (p[0] <= 5 && bh_load_be32(p + 6) == COOKIE && bh_load_be16(p) >= HEADER)
		return BH_PROTO_YES;
	return a;
}

enum bh_proto_answer
bh_proto_STUN(const struct bh_proto_input *in)
{
	if (in->transport != BH_OVER_UDP)
		return bh_proto_either(stream(in, BH_CLIENT), stream(in, BH_SERVER));
	return message(in->data[in->from], in->len[in->from], BH_PROTO_NO);
}
