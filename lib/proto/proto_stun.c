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

static enum bh_proto_answer
message(const struct bh_proto_input *in, unsigned side)
{
	const uint8_t *p = in->data[side];
	uint32_t n = in->len[side], length;

	if (n < HEADER)
		return bh_proto_wants_more(in, side);
	length = bh_load_be16(p + 2);
	if ((p[0] & 0xc0) != 0 || length % 4 != 0)
		return BH_PROTO_NO;
	if (in->transport == BH_OVER_UDP && length != n - HEADER)
		return BH_PROTO_NO;
	if (bh_load_be32(p + 4) == COOKIE)
		return BH_PROTO_YES;
	/* Without the cookie only Binding is known, and its attributes must be there. */
	return (bh_load_be16(p) == 0x0001 || bh_load_be16(p) == 0x0101 ||
		bh_load_be16(p) == 0x0111) &&
			       length >= 8 && length <= n - HEADER && attributes(p + HEADER, length)
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_STUN(const struct bh_proto_input *in)
{
	if (in->transport == BH_OVER_UDP)
		return message(in, in->from);
	return bh_proto_either(message(in, BH_CLIENT), message(in, BH_SERVER));
}
