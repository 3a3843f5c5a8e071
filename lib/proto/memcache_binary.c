#include "memcache_binary.h"

/* Request: 0x80 (0x08 with a flexible frame); response: 0x81 (0x18); server-sent request: 0x82. */
static bool
is_magic(uint8_t b, unsigned side)
{
	return side == BH_CLIENT ? b == 0x80 || b == 0x08 : b == 0x81 || b == 0x18;
}

enum bh_proto_answer
bh_memcache_binary(const struct bh_proto_input *in, unsigned side, uint8_t *opcode)
{
	const uint8_t *p = in->data[side];
	uint32_t n = in->len[side], key, body;

	if (n > 0 && !is_magic(p[0], side))
		return BH_PROTO_NO;
	if (n < BH_MEMCACHE_HEADER)
		return bh_proto_wants_more(in, side);
	/* magic, opcode, key length, extras length, data type, vbucket or status, body length */
	key = p[0] == 0x08 || p[0] == 0x18 ? p[3] : bh_load_be16(p + 2);
	body = bh_load_be32(p + 8);
	if (p[4] > 32 || p[5] > 7 || key + p[4] > body || key > 250 || body > (32u << 20))
		return BH_PROTO_NO;
	*opcode = p[1];
	return BH_PROTO_YES;
}
