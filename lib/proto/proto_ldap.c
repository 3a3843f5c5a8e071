/* ldap and cldap (RFC 4511 4.1.1): SEQUENCE, message id, an operation, lengths that nest. */
#include "ber.h"

/* What an operation must begin with. */
static bool
operation(struct bh_cur *c, uint8_t tag, uint32_t length)
{
	uint32_t n, version;
	uint8_t inner;

	switch (tag) {
	case 0x60: /* BindRequest: version 2 or 3 */
		return bh_ber_integer(c, &version) && (version == 2 || version == 3);
	case 0x61: /* BindResponse, SearchResultDone and others: resultCode ENUMERATED of one byte */
	case 0x65:
	case 0x67:
	case 0x69:
	case 0x6b:
	case 0x78:
		return bh_ber_expect(c, 0x0a, &n) && n == 1;
	case 0x63: /* SearchRequest: base, scope */
	case 0x64: /* SearchResultEntry: name */
	case 0x66:
	case 0x68:
	case 0x6c: /* ModifyDNRequest, CompareRequest */
	case 0x6e:
		return bh_ber_expect(c, 0x04, &n) && n < length;
	case 0x77: /* ExtendedRequest: [0] oid in digits */
		return bh_ber_head(c, &inner, &n) && inner == 0x80 && n > 4 && bh_cur_left(c) > 0 &&
		       c->p[0] >= '0' && c->p[0] <= '2';
	case 0x42: /* UnbindRequest: NULL */
		return length == 0;
	case 0x50: /* AbandonRequest: the id */
		return length >= 1 && length <= 4;
	default:
		return false;
	}
}

static enum bh_proto_answer
message(const struct bh_proto_input *in, unsigned side)
{
	struct bh_cur c = bh_side(in, side);
	uint32_t total, id, length;
	const uint8_t *body;
	uint8_t tag;

	if (bh_cur_left(&c) != 0 && c.p[0] != 0x30)
		return BH_PROTO_NO;
	if (bh_cur_left(&c) < 14 && !(bh_cur_left(&c) >= 7 && c.p[1] == bh_cur_left(&c) - 2))
		return bh_proto_wants_more(in, side);
	if (!bh_ber_expect(&c, 0x30, &total))
		return BH_PROTO_NO;
	body = c.p;
	if (!bh_ber_integer(&c, &id) || !bh_ber_head(&c, &tag, &length))
		return BH_PROTO_NO;
	/* Controls may follow the operation; nothing else may. */
	if (length + (uint32_t)(c.p - body) > total)
		return BH_PROTO_NO;
	return operation(&c, tag, length) ? BH_PROTO_YES : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_LDAP(const struct bh_proto_input *in)
{
	if (in->transport == BH_OVER_UDP)
		return message(in, in->from);
	return bh_proto_either(message(in, BH_CLIENT), message(in, BH_SERVER));
}
