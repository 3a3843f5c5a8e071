#include "ber.h"

bool
bh_ber_head(struct bh_cur *c, uint8_t *tag, uint32_t *length)
{
	uint8_t b;
	unsigned n;

	if (!bh_cur_u8(c, tag) || !bh_cur_u8(c, &b))
		return false;
	if (b < 0x80) {
		*length = b;
		return true;
	}
	n = b & 0x7f;
	if (n == 0 || n > 4)
		return false;
	for (*length = 0; n > 0; n--) {
		if (!bh_cur_u8(c, &b))
			return false;
		*length = *length << 8 | b;
	}
	return true;
}

bool
bh_ber_expect(struct bh_cur *c, uint8_t tag, uint32_t *length)
{
	uint8_t t;

	return bh_ber_head(c, &t, length) && t == tag;
}

bool
bh_ber_integer(struct bh_cur *c, uint32_t *value)
{
	uint32_t n;
	uint8_t b;

	if (!bh_ber_expect(c, 0x02, &n) || n == 0 || n > 4)
		return false;
	for (*value = 0; n > 0; n--) {
		if (!bh_cur_u8(c, &b))
			return false;
		*value = *value << 8 | b;
	}
	return true;
}
