/* spark RPC (network-common): frame length (8 bytes, itself included), message type, and in the first message
 * an address or class of its own. */
#include "proto_priv.h"

static bool
holds(const struct bh_proto_input *in, const char *text)
{
	return memmem(in->data[BH_CLIENT], in->len[BH_CLIENT], text, strlen(text)) != NULL;
}

enum bh_proto_answer
bh_proto_SPARK(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT];
	uint32_t n = in->len[BH_CLIENT], length;

	if (n < 9)
		return (n >= 1 && p[0] != 0) || (n >= 4 && bh_load_be32(p) != 0)
			       ? BH_PROTO_NO
			       : bh_proto_wants_more(in, BH_CLIENT);
	length = bh_load_be32(p + 4);
	if (bh_load_be32(p) != 0 || length < 13 || length > (1u << 30) || p[8] > 11)
		return BH_PROTO_NO;
	if (holds(in, "spark") || holds(in, "Spark") || holds(in, "endpoint-verifier"))
		return BH_PROTO_YES;
	return n >= length ? BH_PROTO_NO : bh_proto_wants_more(in, BH_CLIENT);
}
