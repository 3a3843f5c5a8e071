/* dtls after stun on the same ports (RFC 7983: WebRTC's connectivity checks come first). Reported as dtls. */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_STUN_DTLS(const struct bh_proto_input *in)
{
	/* While checks go on, records may follow. */
	return bh_proto_DTLS(in) == BH_PROTO_YES ? BH_PROTO_YES : BH_PROTO_MAYBE;
}
