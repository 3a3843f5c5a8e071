/* oracle, TNS: a CONNECT packet with a version in use, or its description in words. */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_ORACLE(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT];
	uint32_t n = in->len[BH_CLIENT], length, version;

	if (n < 12)
		return n >= 5 && p[4] != 1 ? BH_PROTO_NO : bh_proto_wants_more(in, BH_CLIENT);
	/* length (2), checksum (2), type CONNECT, flags, header checksum (2), version, compatible */
	length = bh_load_be16(p);
	version = bh_load_be16(p + 8);
	if (p[4] != 1 || length < 26 || bh_load_be16(p + 2) != 0 || bh_load_be16(p + 6) != 0)
		return BH_PROTO_NO;
	if (version < 300 || version > 330 || bh_load_be16(p + 10) > version)
		return BH_PROTO_NO;
	return BH_PROTO_YES;
}
