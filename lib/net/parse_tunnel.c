/* parse_tunnel: VXLAN (RFC 7348), Geneve (RFC 8926), GRE (RFC 2784, 2890), IP in IP (RFC 2003, 4213).
 * What is inside is what is judged; the network it belongs to becomes part of the tenant. */
#include "net_priv.h"

/* The cursor stands on the inner packet. The outer tunnel's network moves up, folded: xor keeps small
 * numbers, which is what people use, apart. */
static enum bh_reason
enter(struct bh_net_ctx *c, enum bh_tunnel tunnel, uint32_t vni, enum bh_net_layer inner)
{
	struct bh_parsed *out = c->out;
	uint32_t outer = BH_TENANT_VNI(out->key.tenant);
	const uint8_t version = inner == BH_LAYER_IP4 ? 4 : 6;

	if (c->tunnels == BH_NET_MAX_TUNNELS)
		return BH_REASON_TUNNEL_DEPTH;
	if (bh_net_left(c) < (inner == BH_LAYER_ETHERNET ? BH_ETH_HEADER : 1))
		return BH_REASON_TUNNEL_INNER;
	if (inner != BH_LAYER_ETHERNET && bh_cur_left(&c->cur) != 0 && *c->cur.p >> 4 != version)
		return BH_REASON_TUNNEL_INNER;
	out->key.tenant &= ~(bh_tenant)0xffffffffff;
	out->key.tenant |= (bh_tenant)((outer ^ outer >> 16) & 0xffff) << 24 | (vni & 0xffffff);
	out->key.tunnel = (uint8_t)tunnel;
	out->flags |= BH_PKT_TUNNELLED;
	if (inner != BH_LAYER_ETHERNET)
		out->ethertype = inner == BH_LAYER_IP4 ? BH_ETH_IP4 : BH_ETH_IP6;
	c->tunnels++;
	c->next = (uint8_t)inner;
	return BH_REASON_NONE;
}

/* Flags, reserved (3), VNI (3), reserved. GPE's P flag would give the third byte the inner protocol:
 * a receiver that knows it and one that does not must read the same. */
#define VXLAN_SIZE 8u
#define VXLAN_FLAG_VNI 0x08
#define VXLAN_FLAG_PROTO 0x04
#define VXLAN_GPE_ETHERNET 3

enum bh_reason
bh_net_vxlan(struct bh_net_ctx *c)
{
	const uint8_t *h = bh_cur_take(&c->cur, VXLAN_SIZE);

	if (h == NULL || (h[0] & VXLAN_FLAG_VNI) == 0)
		return BH_REASON_VXLAN_HEADER;
	if ((h[0] & VXLAN_FLAG_PROTO) != 0 && h[3] != VXLAN_GPE_ETHERNET)
		return BH_REASON_TUNNEL_INNER;
	return enter(c, BH_TUNNEL_VXLAN, bh_load_be32(h + 4) >> 8, BH_LAYER_ETHERNET);
}

/* Version and length of options in 4 bytes, flags, protocol (2), VNI (3), reserved; then options of
 * class (2), type, length in 4 bytes. */
#define GENEVE_SIZE 8u
#define GENEVE_OPTION 4u

static bool
is_geneve_options(struct bh_cur options)
{
	const uint8_t *o;

	while (bh_cur_left(&options) != 0) {
		o = bh_cur_take(&options, GENEVE_OPTION);
		if (o == NULL || bh_cur_take(&options, (o[3] & 0x1fu) * 4) == NULL)
			return false;
	}
	return true;
}

enum bh_reason
bh_net_geneve(struct bh_net_ctx *c)
{
	const uint8_t *h = bh_cur_take(&c->cur, GENEVE_SIZE), *options;
	enum bh_net_layer inner;
	uint32_t len;

	if (h == NULL || h[0] >> 6 != 0)
		return BH_REASON_GENEVE_HEADER;
	len = (h[0] & 0x3fu) * 4;
	options = bh_cur_take(&c->cur, len);
	if (options == NULL || !is_geneve_options(bh_cur(options, len)))
		return BH_REASON_GENEVE_HEADER;
	switch (bh_load_be16(h + 2)) {
	case BH_ETH_TEB:
		inner = BH_LAYER_ETHERNET;
		break;
	case BH_ETH_IP4:
		inner = BH_LAYER_IP4;
		break;
	case BH_ETH_IP6:
		inner = BH_LAYER_IP6;
		break;
	default:
		return BH_REASON_TUNNEL_INNER;
	}
	return enter(c, BH_TUNNEL_GENEVE, bh_load_be32(h + 4) >> 8, inner);
}

/* Flags (2), protocol (2); checksum and reserved, key, sequence, 4 bytes each, as flagged. */
enum {
	GRE_CHECKSUM = 0x8000,
	GRE_KEY = 0x2000,
	GRE_SEQ = 0x1000,
	GRE_UNKNOWN = 0x4c00, /* routing and what RFC 2784 2.3 wants discarded */
	GRE_VERSION = 0x0007,
};

/* 24 bits for the tenant. Over Ethernet an NVGRE key is VSID (24) and flow id (8), which differs from
 * flow to flow; VSIDs below 4096 are reserved (RFC 7637 3.2), so that a small key is a plain one. */
static uint32_t
gre_network(uint32_t key, enum bh_net_layer inner)
{
	if (inner == BH_LAYER_ETHERNET && key >> 8 >= 4096)
		return key >> 8;
	return (key ^ key >> 24) & 0xffffff;
}

enum bh_reason
bh_net_gre(struct bh_net_ctx *c)
{
	const uint8_t *h = bh_cur_take(&c->cur, 4), *p;
	enum bh_net_layer inner;
	uint32_t network = 0;
	uint16_t flags, proto;

	if (h == NULL)
		return BH_REASON_GRE_HEADER;
	flags = bh_load_be16(h);
	proto = bh_load_be16(h + 2);
	if ((flags & GRE_VERSION) == 1) /* PPTP (RFC 2637) and private uses: not looked into */
		return bh_net_other(c);
	if ((flags & (GRE_VERSION | GRE_UNKNOWN)) != 0)
		return BH_REASON_GRE_HEADER;
	if ((flags & GRE_CHECKSUM) != 0 && bh_cur_take(&c->cur, 4) == NULL)
		return BH_REASON_GRE_HEADER;
	inner = proto == BH_ETH_TEB   ? BH_LAYER_ETHERNET
		: proto == BH_ETH_IP4 ? BH_LAYER_IP4
		: proto == BH_ETH_IP6 ? BH_LAYER_IP6
				      : BH_LAYER_DONE;
	if ((flags & GRE_KEY) != 0) {
		p = bh_cur_take(&c->cur, 4);
		if (p == NULL)
			return BH_REASON_GRE_HEADER;
		network = gre_network(bh_load_be32(p), inner);
	}
	if ((flags & GRE_SEQ) != 0 && bh_cur_take(&c->cur, 4) == NULL)
		return BH_REASON_GRE_HEADER;
	/* ERSPAN, MPLS, keep-alives and the like: protocol 47, not looked into. */
	if (inner == BH_LAYER_DONE)
		return bh_net_other(c);
	return enter(c, BH_TUNNEL_GRE, network, inner);
}

enum bh_reason
bh_net_ipip(struct bh_net_ctx *c, enum bh_net_layer inner)
{
	return enter(c, BH_TUNNEL_IPIP, 0, inner);
}
