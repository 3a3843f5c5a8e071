/* TCP options (RFC 9293 3.1, 7323): one walk that accepts only what every stack reads alike. */
#include "stream_priv.h"

#define TCP_HEADER 20

enum {
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_SCALE = 3,
	OPT_SACK_OK = 4,
	OPT_STAMP = 8,
	OPT_MPTCP = 30, /* RFC 8684 */
};

/* Lengths that are not a matter of taste; 0: any. */
static uint8_t
length_of(uint8_t kind)
{
	switch (kind) {
	case OPT_MSS:
		return 4;
	case OPT_SCALE:
		return 3;
	case OPT_SACK_OK:
		return 2;
	case OPT_STAMP:
		return 10;
	default:
		return 0;
	}
}

static bool
read_option(uint8_t kind, const uint8_t *value, uint8_t len, struct bh_stream_options *o)
{
	if (length_of(kind) != 0 && length_of(kind) != len)
		return false;
	switch (kind) {
	case OPT_SCALE:
		o->scale = *value <= BH_STREAM_MAX_SHIFT ? *value : BH_STREAM_MAX_SHIFT;
		return true;
	case OPT_STAMP:
		o->stamp = true;
		o->ts_val = bh_load_be32(value);
		o->ts_ecr = bh_load_be32(value + 4);
		return true;
	case OPT_SACK_OK:
		o->sack = true;
		return true;
	case OPT_MPTCP:
		/* What a socket reads then comes from several connections, in an order that only their
		 * options tell. Without it both ends speak plain TCP. */
		return false;
	default:
		return true;
	}
}

bool
bh_stream_read_options(const uint8_t *tcp, struct bh_stream_options *o)
{
	uint32_t head = (uint32_t)tcp[12] >> 4 << 2;
	struct bh_cur c = bh_cur(tcp + TCP_HEADER, head - TCP_HEADER);
	uint64_t seen[4] = {0};
	const uint8_t *value;
	uint8_t kind, len;

	*o = (struct bh_stream_options){.scale = BH_STREAM_NO_SCALE};
	/* Most segments of most stacks: two NOPs and the stamp. */
	if (head == TCP_HEADER + 12 && bh_load_be32(c.p) == 0x0101080a) {
		o->stamp = true;
		o->ts_val = bh_load_be32(c.p + 4);
		o->ts_ecr = bh_load_be32(c.p + 8);
		return true;
	}
	while (bh_cur_u8(&c, &kind) && kind != OPT_END) {
		if (kind == OPT_NOP)
			continue;
		if (!bh_cur_u8(&c, &len) || len < 2)
			return false;
		value = bh_cur_take(&c, len - 2u);
		if (value == NULL || (seen[kind >> 6] >> (kind & 63) & 1) != 0)
			return false;
		seen[kind >> 6] |= UINT64_C(1) << (kind & 63);
		if (!read_option(kind, value, len, o))
			return false;
	}
	return true;
}
