/* kerberos 5 (RFC 4120 5.4, 7.2.2): an application tag and the same number as message type; over TCP
 * behind a length. */
#include "ber.h"

/* [n] INTEGER of one small value. */
static bool
field(struct bh_cur *c, uint8_t tag, uint32_t *value)
{
	uint32_t n;

	return bh_ber_expect(c, tag, &n) && bh_ber_integer(c, value);
}

/* AS-REQ 10, AS-REP 11, TGS-REQ 12, TGS-REP 13, AP-REQ 14, AP-REP 15, KRB-ERROR 30. */
static bool
message(struct bh_cur c)
{
	uint32_t n, pvno, type;
	uint8_t tag;

	if (!bh_ber_head(&c, &tag, &n) || (tag & 0xe0) != 0x60 || !bh_ber_expect(&c, 0x30, &n))
		return false;
	/* Requests number their fields from 1, the others from 0. */
	if (bh_cur_left(&c) == 0)
		return false;
	if (c.p[0] == 0xa1)
		return field(&c, 0xa1, &pvno) && field(&c, 0xa2, &type) && pvno == 5 &&
		       type == (tag & 0x1fu);
	return field(&c, 0xa0, &pvno) && field(&c, 0xa1, &type) && pvno == 5 &&
	       type == (tag & 0x1fu);
}

static enum bh_proto_answer
over_tcp(const struct bh_proto_input *in, unsigned side)
{
	struct bh_cur c = bh_side(in, side);
	uint32_t length;

	if (bh_cur_left(&c) < 4 + 20)
		return (bh_cur_left(&c) > 0 && c.p[0] != 0) ||
				       (bh_cur_left(&c) > 4 && (c.p[4] & 0xe0) != 0x60)
			       ? BH_PROTO_NO
			       : bh_proto_wants_more(in, side);
	return bh_cur_be32(&c, &length) && length < (1u << 24) && message(c) ? BH_PROTO_YES
									     : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_KERBEROS(const struct bh_proto_input *in)
{
	if (in->transport == BH_OVER_UDP)
		return message(bh_side(in, in->from)) ? BH_PROTO_YES : BH_PROTO_NO;
	return bh_proto_either(over_tcp(in, BH_CLIENT), over_tcp(in, BH_SERVER));
}
