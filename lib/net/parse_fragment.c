/* parse_fragment: what IPv4 and IPv6 fragments have in common. Joining them is the flow room's. */
#include "net_priv.h"

#define DATAGRAM_MAX 65535u

/* The first fragment of a datagram that has come whole: the layer goes on to the datagram's end on the
 * wire; what is in memory stays. */
static enum bh_reason
become_datagram(struct bh_net_ctx *c, const struct bh_net_fragment *f, uint32_t len)
{
	struct bh_parsed *out = c->out;
	uint32_t whole = bh_net_at(c) - out->l3_off + c->total;

	if (f->off != 0)
		return BH_REASON_FRAG_NO_HEADER;
	if (c->total < len)
		return BH_REASON_FRAG_LENGTH;
	if (f->base + c->total > DATAGRAM_MAX)
		return BH_REASON_FRAG_TOO_BIG;
	c->end = bh_net_at(c) + c->total;
	c->datagram = true;
	out->flags |= BH_PKT_FIRST_FRAGMENT;
	out->l3_len = (uint16_t)(whole < UINT16_MAX ? whole : UINT16_MAX);
	return BH_REASON_NONE;
}

static void
set_fragment(struct bh_net_ctx *c, const struct bh_net_fragment *f)
{
	struct bh_parsed *out = c->out;

	out->kind = BH_FRAME_FRAGMENT;
	out->key.proto = f->proto;
	out->key.port[0] = (uint16_t)(f->id >> 16);
	out->key.port[1] = (uint16_t)f->id;
	out->l4_off = (uint16_t)bh_net_at(c);
	out->frag_off = (uint16_t)f->off;
	out->frag_len = (uint16_t)bh_net_left(c);
	if (f->off == 0)
		out->flags |= BH_PKT_FIRST_FRAGMENT;
	if (!f->more)
		out->flags |= BH_PKT_LAST_FRAGMENT;
	bh_net_payload(c, bh_net_at(c));
}

enum bh_reason
bh_net_fragment(struct bh_net_ctx *c, const struct bh_net_fragment *f)
{
	uint32_t len = bh_net_left(c);

	c->fragmented = true;
	/* A fragment without data would never be missed, and never overlap. */
	if (len == 0 || (f->more && len % 8 != 0))
		return BH_REASON_FRAG_LENGTH;
	if (f->base + f->off + len > DATAGRAM_MAX)
		return BH_REASON_FRAG_TOO_BIG;
	if (c->datagram)
		return BH_REASON_FRAG_NO_HEADER;
	if (c->total != 0)
		return become_datagram(c, f, len);
	set_fragment(c, f);
	return BH_REASON_NONE;
}

bool
bh_net_header_whole(const struct bh_net_ctx *c, uint8_t proto)
{
	uint32_t left = bh_net_left(c);
	const uint8_t *h = c->cur.p;

	switch (proto) {
	case BH_PROTO_TCP:
		if (left < BH_TCP_HEADER)
			return false;
		/* With its options; a capture may have cut them off. */
		return bh_cur_left(&c->cur) < BH_TCP_HEADER || h[12] >> 4 << 2 <= (int)left;
	case BH_PROTO_UDP:
		return left >= BH_UDP_HEADER;
	case BH_PROTO_ICMP:
	case BH_PROTO_ICMPV6:
		return left >= BH_ICMP_HEADER;
	case BH_PROTO_SCTP:
		return left >= BH_SCTP_HEADER;
	default:
		return true;
	}
}
