/* mqtt 3.1, 3.1.1 and 5: CONNECT with its protocol name and level. */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_MQTT(const struct bh_proto_input *in)
{
	struct bh_cur c = bh_side(in, BH_CLIENT);
	uint32_t length = 0, shift = 0;
	const uint8_t *name;
	uint16_t n;
	uint8_t b;

	if (!bh_cur_u8(&c, &b))
		return bh_proto_wants_more(in, BH_CLIENT);
	if (b != 0x10)
		return BH_PROTO_NO;
	do {
		if (!bh_cur_u8(&c, &b))
			return bh_proto_wants_more(in, BH_CLIENT);
		length |= (uint32_t)(b & 0x7f) << shift;
		shift += 7;
	} while ((b & 0x80) != 0 && shift < 28);
	if (length < 10)
		return BH_PROTO_NO;
	if (!bh_cur_be16(&c, &n))
		return bh_proto_wants_more(in, BH_CLIENT);
	if (n != 4 && n != 6)
		return BH_PROTO_NO;
	name = bh_cur_take(&c, n);
	if (name == NULL || !bh_cur_u8(&c, &b))
		return bh_proto_wants_more(in, BH_CLIENT);
	/* The top bit of the level marks a bridge (mosquitto). */
	b &= 0x7f;
	if (n == 4)
		return memcmp(name, "MQTT", 4) == 0 && (b == 4 || b == 5) ? BH_PROTO_YES
									  : BH_PROTO_NO;
	return memcmp(name, "MQIsdp", 6) == 0 && b == 3 ? BH_PROTO_YES : BH_PROTO_NO;
}
