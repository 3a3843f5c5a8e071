/* parse_ip4: the IPv4 header (RFC 791), wherever in a frame it stands. */
#include "net_priv.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_LSRR = 131,
	OPTION_SSRR = 137,
};

enum {
	FLAG_RESERVED = 0x8000,
	FLAG_DF = 0x4000,
	FLAG_MF = 0x2000,
	OFFSET_MASK = 0x1fff, /* in units of 8 bytes */
};

void
bh_net_set_addresses(struct bh_net_ctx *c, uint32_t l3_off, const void *src, const void *dst)
{
	struct bh_parsed *out = c->out;

	out->l3_off = (uint16_t)l3_off;
	if (c->tunnels == 0)
		out->outer_l3_off = out->l3_off;
	out->from = bh_flow_key_set(&out->key, src, dst, 0, 0);
	c->to_itself = out->key.family == BH_IP4 ? bh_net_order4(src, dst) == 0
						 : bh_net_order6(src, dst) == 0;
}

/* Option lists have no good reason to be odd: each option must say its length and lie within. */
static enum bh_reason
walk_options(struct bh_cur options)
{
	uint8_t kind, len;

	while (bh_cur_u8(&options, &kind) && kind != OPTION_END) {
		if (kind == OPTION_NOP)
			continue;
		if (!bh_cur_u8(&options, &len) || len < 2 ||
		    bh_cur_take(&options, len - 2u) == NULL)
			return BH_REASON_IP4_OPTION;
		if (kind == OPTION_LSRR || kind == OPTION_SSRR)
			return BH_REASON_IP4_SOURCE_ROUTE;
	}
	return BH_REASON_NONE;
}

static inline bool
is_sum_ok(const uint8_t *h, uint32_t head)
{
	if (BH_LIKELY(head == BH_IP4_HEADER))
		return bh_net_ip4_sum_ok(h);
	return bh_csum_fold(bh_csum_add(0, h, head)) == 0xffff;
}

/* Lengths, then the checksum over a header that is all there, then what is in it. */
static enum bh_reason
check_header(struct bh_net_ctx *c, const uint8_t *h, uint32_t head, uint32_t total)
{
	uint32_t start = (uint32_t)(h - c->frame);

	if (total < BH_IP4_HEADER || total > c->end - start)
		return BH_REASON_IP4_LENGTH;
	if (head < BH_IP4_HEADER || head > total)
		return BH_REASON_IP4_IHL;
	if (bh_cur_take(&c->cur, head - BH_IP4_HEADER) == NULL)
		return BH_REASON_IP4_TRUNCATED;
	bh_net_narrow(c, start + total);
	if (c->params->check_ip4_checksum && !is_sum_ok(h, head))
		return BH_REASON_IP4_CHECKSUM;
	return walk_options(bh_cur(h + BH_IP4_HEADER, head - BH_IP4_HEADER));
}

static enum bh_reason
read_fragment(struct bh_net_ctx *c, uint32_t head, uint16_t flags, uint8_t proto)
{
	const struct bh_net_fragment f = {
		.id = c->out->ip_id,
		.off = (flags & OFFSET_MASK) * 8u,
		.base = head,
		.proto = proto,
		.more = (flags & FLAG_MF) != 0,
	};
	enum bh_reason reason = bh_net_fragment(c, &f);

	if (reason != BH_REASON_NONE || c->datagram)
		return reason != BH_REASON_NONE ? reason : bh_net_l4(c, proto);
	if (f.off == 0 && !bh_net_header_whole(c, proto))
		return BH_REASON_FRAG_NO_HEADER;
	return BH_REASON_NONE;
}

enum bh_reason
bh_net_ip4(struct bh_net_ctx *c)
{
	struct bh_parsed *out = c->out;
	uint32_t start = bh_net_at(c), head;
	const uint8_t *h = bh_cur_take(&c->cur, BH_IP4_HEADER);
	enum bh_reason reason;
	uint16_t flags;

	out->kind = BH_FRAME_IP;
	if (h == NULL)
		return BH_REASON_IP4_TRUNCATED;
	if (h[0] >> 4 != 4)
		return BH_REASON_IP4_VERSION;
	out->key.family = BH_IP4;
	out->key.proto = h[9];
	bh_net_set_addresses(c, start, h + 12, h + 16);
	out->l3_len = bh_load_be16(h + 2);
	out->ip_id = bh_load_be16(h + 4);
	out->ttl = h[8];
	head = (h[0] & 0xfu) * 4;
	reason = check_header(c, h, head, out->l3_len);
	if (reason != BH_REASON_NONE)
		return reason;
	flags = bh_load_be16(h + 6);
	if ((flags & FLAG_RESERVED) != 0 ||
	    ((flags & FLAG_DF) != 0 && (flags & (FLAG_MF | OFFSET_MASK)) != 0))
		return BH_REASON_IP4_FLAGS;
	if ((flags & (FLAG_MF | OFFSET_MASK)) != 0)
		return read_fragment(c, head, flags, h[9]);
	return bh_net_l4(c, h[9]);
}
