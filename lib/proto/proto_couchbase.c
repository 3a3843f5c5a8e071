/* couchbase: the key-value protocol, told from memcached's by opcodes only it has: HELLO, bucket selection,
 * cluster configuration, DCP, collections. */
#include "memcache_binary.h"

static bool
is_own(uint8_t opcode)
{
	switch (opcode) {
	case 0x1f: /* HELLO */
	case 0x3d: /* set vbucket */
	case 0x89: /* select bucket */
	case 0xb5: /* get cluster configuration */
	case 0xb6: /* get random key */
	case 0xba: /* collections manifest */
	case 0xbb: /* collection id */
	case 0xfe: /* error map */
		return true;
	default:
		return opcode >= 0x50 && opcode <= 0x66; /* DCP */
	}
}

enum bh_proto_answer
bh_proto_COUCHBASE(const struct bh_proto_input *in)
{
	uint8_t opcode = 0;
	enum bh_proto_answer a = bh_memcache_binary(in, BH_CLIENT, &opcode);

	if (a == BH_PROTO_YES)
		return is_own(opcode) ? BH_PROTO_YES : BH_PROTO_NO;
	if (in->len[BH_CLIENT] == 0 && bh_memcache_binary(in, BH_SERVER, &opcode) == BH_PROTO_YES)
		return is_own(opcode) ? BH_PROTO_YES : BH_PROTO_NO;
	return a;
}
