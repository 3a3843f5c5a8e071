/* rdp (MS-RDPBCGR 2.2.1.1): TPKT, X.224 connection request with a cookie or a negotiation request. */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_RDP(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT], *s = in->data[BH_SERVER];
	uint32_t n = in->len[BH_CLIENT], length;

	if (n < 11)
		return (n > 0 && p[0] != 3) || (n > 1 && p[1] != 0)
			       ? BH_PROTO_NO
			       : bh_proto_wants_more(in, BH_CLIENT);
	length = bh_load_be16(p + 2);
	if (p[0] != 3 || p[1] != 0 || length < 11 || length > 1024 || p[5] != 0xe0 ||
	    p[4] + 5u != length)
		return BH_PROTO_NO;
	if (n < length)
		return bh_proto_wants_more(in, BH_CLIENT);
	if (bh_proto_find_nocase(in, BH_CLIENT, "Cookie: ", length) == 11)
		return BH_PROTO_YES;
	/* rdpNegReq: type 1, length 8, at the end (or before a correlation info) */
	if (length >= 19 && p[11] == 1 && bh_load_le16(p + 13) == 8)
		return BH_PROTO_YES;
	/* A client older than negotiation: others use TPKT too, its GCC request follows the confirm. */
	if (in->len[BH_SERVER] < 11)
		return bh_proto_wants_more(in, BH_SERVER);
	if (s[0] != 3 || s[5] != 0xd0)
		return BH_PROTO_NO;
	return bh_proto_find_nocase(in, BH_CLIENT, "Duca", BH_PROTO_WINDOW) >= 0
		       ? BH_PROTO_YES
		       : bh_proto_wants_more(in, BH_CLIENT);
}
