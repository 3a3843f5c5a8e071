/* openvpn (its "Network protocol" documentation): a hard reset from the client, and one from the server that
 * acknowledges it by the client's session id. Over TCP behind a length. */
#include "proto_priv.h"

#define MIN_PACKET 14 /* opcode, session id, no acknowledgement, packet id */

enum { CLIENT_V1 = 1, SERVER_V1 = 2, CLIENT_V2 = 7, SERVER_V2 = 8, CLIENT_V3 = 10 };

static enum bh_proto_answer
take_packet(const struct bh_proto_input *in, unsigned side, struct bh_cur *c)
{
	uint16_t length;

	*c = bh_side(in, side);
	if (in->transport == BH_OVER_UDP)
		return bh_cur_left(c) >= MIN_PACKET ? BH_PROTO_YES : BH_PROTO_NO;
	if (!bh_cur_be16(c, &length))
		return bh_proto_wants_more(in, side);
	if (length < MIN_PACKET || length > 1600)
		return BH_PROTO_NO;
	if (bh_cur_left(c) < length)
		return bh_proto_wants_more(in, side);
	c->end = c->p + length;
	return BH_PROTO_YES;
}

/* tls-crypt hides the acknowledgement; session id, packet id and time stay in the clear, and the two clocks
 * agree within a day. */
static bool
is_tls_crypt(const struct bh_cur *c, const struct bh_cur *s)
{
	uint32_t there, here;

	if (bh_cur_left(c) < 1 + 8 + 8 + 32 || bh_cur_left(s) < 1 + 8 + 8 + 32)
		return false;
	there = bh_load_be32(s->p + 13);
	here = bh_load_be32(c->p + 13);
	return bh_load_be32(s->p + 9) < 256 && here > 1000000000 &&
	       (there > here ? there - here : here - there) < 86400;
}

/* tls-auth: an HMAC, replay protection (packet id 1, time), no acknowledgement, packet id 0. tls-crypt: the replay
 * protection comes first, then an HMAC and 5 hidden bytes. */
static bool
is_authenticated(const struct bh_cur *c)
{
	static const uint8_t hmac[] = {16, 20, 28, 32, 48, 64};
	size_t n = bh_cur_left(c), i;

	for (i = 0; i < BH_ARRAY_SIZE(hmac); i++) {
		const uint8_t *p = c->p + 9 + hmac[i];

		if (n == 9u + hmac[i] + 13 && bh_load_be32(p) == 1 &&
		    bh_load_be32(p + 4) > 1000000000 && p[8] == 0 && bh_load_be32(p + 9) == 0)
			return true;
	}
	return n == 9 + 8 + 32 + 5 && bh_load_be32(c->p + 9) == 1 &&
	       bh_load_be32(c->p + 13) > 1000000000 && bh_load_be32(c->p + 13) < 2500000000u;
}

enum bh_proto_answer
bh_proto_OPENVPN(const struct bh_proto_input *in)
{
	enum bh_proto_answer a;
	struct bh_cur c, s;
	uint8_t op;

	if (in->transport == BH_OVER_TCP && in->len[BH_CLIENT] > 0 && in->data[BH_CLIENT][0] > 6)
		return BH_PROTO_NO;
	a = take_packet(in, BH_CLIENT, &c);
	if (a != BH_PROTO_YES)
		return a;
	op = c.p[0] >> 3;
	if ((c.p[0] & 7) != 0 || (op != CLIENT_V1 && op != CLIENT_V2 && op != CLIENT_V3))
		return BH_PROTO_NO;
	/* Without an HMAC: no acknowledgements, packet id 0. */
	if (bh_cur_left(&c) == 14 && c.p[9] == 0 && bh_load_be32(c.p + 10) == 0)
		return BH_PROTO_YES;
	if (is_authenticated(&c))
		return BH_PROTO_YES;
	if (in->len[BH_SERVER] == 0)
		return BH_PROTO_MAYBE;
	a = take_packet(in, BH_SERVER, &s);
	if (a != BH_PROTO_YES)
		return a;
	op = s.p[0] >> 3;
	if (op != SERVER_V1 && op != SERVER_V2)
		return BH_PROTO_NO;
	return memmem(s.p + 9, bh_cur_left(&s) - 9, c.p + 1, 8) != NULL || is_tls_crypt(&c, &s)
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}
