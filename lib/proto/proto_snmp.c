/* snmp v1, v2c, v3 (RFC 1157 4, RFC 3416 3, RFC 3412 6). */
#include "ber.h"

static enum bh_proto_answer
message(const struct bh_proto_input *in, unsigned side)
{
	struct bh_cur c = bh_side(in, side);
	uint32_t total, version, n;
	const uint8_t *body;
	uint8_t tag;

	if (!bh_ber_expect(&c, 0x30, &total))
		return BH_PROTO_NO;
	body = c.p;
	if (in->transport == BH_OVER_UDP && in->len[side] < BH_PROTO_WINDOW &&
	    total > bh_cur_left(&c))
		return BH_PROTO_NO;
	if (!bh_ber_integer(&c, &version) || version > 3 || version == 2)
		return BH_PROTO_NO;
	if (version == 3)
		return bh_ber_expect(&c, 0x30, &n) && bh_ber_integer(&c, &n) ? BH_PROTO_YES
									     : BH_PROTO_NO;
	if (!bh_ber_expect(&c, 0x04, &n) || bh_cur_take(&c, n) == NULL)
		return BH_PROTO_NO;
	if (!bh_ber_head(&c, &tag, &n) || tag < 0xa0 || tag > 0xa8)
		return BH_PROTO_NO;
	return n + (uint32_t)(c.p - body) <= total ? BH_PROTO_YES : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_SNMP(const struct bh_proto_input *in)
{
	if (in->transport == BH_OVER_UDP)
		return message(in, in->from);
	if (in->len[BH_CLIENT] < 12)
		return bh_proto_wants_more(in, BH_CLIENT);
	return message(in, BH_CLIENT);
}
