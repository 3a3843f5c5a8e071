/* snmp v1, v2c, v3 (RFC 1157 4, RFC 3416 3, RFC 3412 6). */
#include "ber.h"

static enum bh_proto_answer
message(const struct bh_proto_input *in, unsigned side)
{
	struct bh_cur c = bh_side(in, side);
	uint32_t total, version, n;
	uint8_t tag;

	if (!bh_ber_expect(&c, 0x30, &total))
		return BH_PROTO_NO;
	if (!bh_ber_integer(&c, &version) || version > 3 || version == 2)
		return BH_PROTO_NO;
	if (version == 3)
		/* msgGlobalData: id, maximum size, flags of one byte, security model */
		return bh_ber_expect(&c, 0x30, &n) && bh_ber_integer(&c, &n) &&
				       bh_ber_integer(&c, &n) && bh_ber_expect(&c, 0x04, &n) &&
				       n == 1
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	if (!bh_ber_expect(&c, 0x04, &n) || bh_cur_take(&c, n) == NULL)
		return BH_PROTO_NO;
	if (!bh_ber_head(&c, &tag, &n) || tag < 0xa0 || tag > 0xa8)
		return BH_PROTO_NO;
	/* v1 traps begin with the enterprise's object identifier, all else with the request's number; outer
	 * lengths may be wrong in what agents send. */
	return tag == 0xa4 ? (bh_ber_expect(&c, 0x06, &n) ? BH_PROTO_YES : BH_PROTO_NO)
			   : (bh_ber_integer(&c, &n) ? BH_PROTO_YES : BH_PROTO_NO);
}

enum bh_proto_answer
bh_proto_SNMP(const struct bh_proto_input *in)
{
	if (in->transport == BH_OVER_UDP)
		return message(in, in->from);
	if (in->len[BH_CLIENT] > 0 && in->data[BH_CLIENT][0] != 0x30)
		return BH_PROTO_NO;
	if (in->len[BH_CLIENT] < 12)
		return bh_proto_wants_more(in, BH_CLIENT);
	return message(in, BH_CLIENT);
}
