/* elasticsearch between nodes: "ES", length, request id, status, version. Reported under the same name. */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_ES_TRANSPORT(const struct bh_proto_input *in)
{
	enum bh_proto_answer a = bh_proto_spells(in, BH_CLIENT, "ES");
	const uint8_t *p = in->data[BH_CLIENT];

	if (a != BH_PROTO_YES)
		return a;
	if (in->len[BH_CLIENT] < 19)
		return bh_proto_wants_more(in, BH_CLIENT);
	/* status: 4 bits in use; version id: 7.x is 7XXYY99 */
	return bh_load_be32(p + 2) < (1u << 28) && p[14] < 16 && bh_load_be32(p + 15) > 100000 &&
			       bh_load_be32(p + 15) < 200000000
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}
