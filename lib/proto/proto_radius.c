/* radius and its accounting and dynamic authorisation (RFC 2865 3, 2866, 5176): known code, the datagram's
 * length, attributes that fill it. */
#include "proto_priv.h"

#define HEADER 20

static bool
is_code(uint8_t code)
{
	return (code >= 1 && code <= 5) || (code >= 11 && code <= 13) || (code >= 40 && code <= 45);
}

/* Three attributes and more that end with the datagram. */
static bool
fills(const uint8_t *p, uint32_t n)
{
	uint32_t at = HEADER, whole = 0;

	for (; n - at >= 2 && p[at] != 0 && p[at + 1] >= 2 && p[at + 1] <= n - at; at += p[at + 1])
		whole++;
	return at == n && whole >= 3;
}

enum bh_proto_answer
bh_proto_RADIUS(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[in->from], *other = in->data[1 - in->from];
	uint32_t n = in->len[in->from], length, at, whole = 0;

	if (n < HEADER || !is_code(p[0]))
		return BH_PROTO_NO;
	length = bh_load_be16(p + 2);
	if (length < HEADER || length > n)
		return BH_PROTO_NO;
	for (at = HEADER; at < length; at += p[at + 1], whole++) {
		if (length - at < 2 || p[at] == 0 || p[at + 1] < 2 || p[at + 1] > length - at)
			break;
	}
	/* One attribute or the length is damaged: the datagram's exact length and what is whole of it are proof
	 * enough. */
	if (at < length)
		return (length == n || fills(p, n)) && whole >= 1 && bh_load_be32(p + 4) != 0
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	/* An answer may have no attributes: then the request with the same identifier proves it. */
	if (length > HEADER)
		return BH_PROTO_YES;
	return in->len[1 - in->from] >= HEADER && is_code(other[0]) && other[1] == p[1]
		       ? BH_PROTO_YES
		       : BH_PROTO_MAYBE;
}
