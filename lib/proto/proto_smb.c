/* smb 1, 2, 3 (MS-CIFS 2.2.3.1, MS-SMB2 2.2.1) behind a NetBIOS or direct TCP header. */
#include "proto_priv.h"

static enum bh_proto_answer
message(const struct bh_proto_input *in, unsigned side)
{
	const uint8_t *p = in->data[side];
	uint32_t n = in->len[side];

	if (n < 8) {
		if (n > 0 && p[0] != 0 && p[0] != 0x81)
			return BH_PROTO_NO;
		if (n > 4 && p[4] < 0xfc && p[4] != 0x20)
			return BH_PROTO_NO;
		return bh_proto_wants_more(in, side);
	}
	/* NetBIOS session request (RFC 1002 4.3.2): two encoded names of 34 bytes */
	if (p[0] == 0x81)
		return bh_load_be16(p + 2) == 68 && p[4] == 0x20 ? BH_PROTO_YES : BH_PROTO_NO;
	if (p[0] != 0 || (p[4] != 0xff && p[4] != 0xfe && p[4] != 0xfd && p[4] != 0xfc))
		return BH_PROTO_NO;
	return memcmp(p + 5, "SMB", 3) == 0 && (bh_load_be32(p) & 0xffffff) >= 32 ? BH_PROTO_YES
										  : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_SMB(const struct bh_proto_input *in)
{
	return bh_proto_either(message(in, BH_CLIENT), message(in, BH_SERVER));
}
