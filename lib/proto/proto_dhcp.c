/* dhcp and bootp with vendor options (RFC 2131 2, RFC 2132 2). */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_DHCP(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[in->from];

	if (in->len[in->from] < 240)
		return BH_PROTO_NO;
	return (p[0] == 1 || p[0] == 2) && p[2] <= 16 && bh_load_be32(p + 236) == 0x63825363
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}
