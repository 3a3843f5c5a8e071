/* Random plans of valid frames, the bytes they make and what must be read from them. A plan says all
 * that the parser should find out; nothing here looks at bytes to know it. */
#ifndef BH_TEST_NET_PLAN_H
#define BH_TEST_NET_PLAN_H

#include "net_frame.h"

static uint64_t seed;

static inline uint32_t
dice(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((seed >> 33) % n);
}

struct level {
	bool v6;
	uint8_t src[16], dst[16];
	unsigned ext; /* bits: hop-by-hop, destination, routing, atomic fragment, AH, destination */
	unsigned options;        /* IPv4: bytes, a multiple of 4 */
	unsigned n_tags, tag[2]; /* of the Ethernet frame that this packet is in */
	enum bh_tunnel tunnel;   /* that this packet is in; NONE: the outermost */
	bool ethernet;           /* GRE, Geneve: a frame in the tunnel, not a packet */
	uint32_t network;
	unsigned gre_flags;
};

struct plan {
	unsigned n;
	struct level level[3];
	unsigned proto, sport, dport, flags, payload, padding;
	bool reply; /* ICMP */
};

static inline void
plan_level(struct level *l, bool outermost)
{
	static const uint8_t exts[] = {0, 0, 0, 1, 2, 8, 16, 33, 63};
	unsigned i;

	memset(l, 0, sizeof(*l));
	l->v6 = dice(2);
	for (i = 0; i < (l->v6 ? 16u : 4u); i++) {
		l->src[i] = (uint8_t)(1 + dice(3));
		l->dst[i] = (uint8_t)(1 + dice(3));
	}
	l->dst[3] = (uint8_t)(l->src[3] + 1 + dice(2)); /* never land */
	l->ext = exts[dice(sizeof(exts))];
	l->options = dice(4) == 0 ? 4 * dice(11) : 0;
	l->n_tags = dice(3) == 0 ? 1 + dice(2) : 0;
	l->tag[0] = 1 + dice(4094);
	l->tag[1] = 1 + dice(4094);
	if (outermost)
		return;
	l->tunnel = (enum bh_tunnel)(BH_TUNNEL_VXLAN + dice(4));
	l->ethernet = l->tunnel == BH_TUNNEL_VXLAN || (l->tunnel != BH_TUNNEL_IPIP && dice(2));
	l->gre_flags = dice(8);
	if (l->tunnel != BH_TUNNEL_IPIP)
		l->network = dice(1 << 20);
	if (l->tunnel == BH_TUNNEL_GRE && (l->gre_flags & 2) == 0)
		l->network = 0;
	if (!l->ethernet)
		l->n_tags = 0;
}

static inline void
plan_frame(struct plan *p)
{
	static const uint8_t protos[] = {BH_PROTO_TCP,  BH_PROTO_TCP,
					 BH_PROTO_UDP,  BH_PROTO_UDP,
					 BH_PROTO_ICMP, BH_PROTO_ICMPV6,
					 BH_PROTO_SCTP, 253};
	static const uint8_t flags[] = {BH_TCP_SYN, BH_TCP_SYN | BH_TCP_ACK, BH_TCP_ACK | 0xc8,
					BH_TCP_FIN | BH_TCP_ACK, BH_TCP_RST};
	unsigned i, n = dice(3);

	p->n = 1 + (dice(2) ? n : 0);
	for (i = 0; i < p->n; i++)
		plan_level(&p->level[i], i == 0);
	p->proto = protos[dice(sizeof(protos))];
	if (p->proto == BH_PROTO_ICMP || p->proto == BH_PROTO_ICMPV6)
		p->proto = p->level[p->n - 1].v6 ? BH_PROTO_ICMPV6 : BH_PROTO_ICMP;
	p->sport = 1 + dice(4000);
	p->dport = 1 + dice(4000);
	p->flags = flags[dice(sizeof(flags))];
	p->payload = dice(60);
	p->padding = dice(3) == 0 ? dice(20) : 0;
}

/* ---- from plan to bytes, and to what must be read ------------------------------------------------ */

static inline void
put_frame_header(struct net_frame *f, const struct level *l, struct bh_parsed *want)
{
	unsigned i;

	net_macs(f);
	for (i = 0; i < l->n_tags; i++) {
		bh_tenant vid = l->tag[i];

		net_tag(f, i == 0 && l->n_tags == 2 ? BH_ETH_QINQ : BH_ETH_VLAN, l->tag[i]);
		if (BH_TENANT_VLAN1(want->key.tenant) == 0)
			want->key.tenant |= vid << 52;
		else
			want->key.tenant =
				(want->key.tenant & ~((bh_tenant)0xfff << 40)) | vid << 40;
	}
	net_16(f, l->v6 ? BH_ETH_IP6 : BH_ETH_IP4);
}

static inline void
put_tunnel(struct net_frame *f, const struct level *l, struct bh_parsed *want)
{
	unsigned type = l->ethernet ? BH_ETH_TEB : l->v6 ? BH_ETH_IP6 : BH_ETH_IP4;
	bh_tenant outer = BH_TENANT_VNI(want->key.tenant);

	want->key.tenant = (want->key.tenant >> 40 << 40) | ((outer ^ outer >> 16) & 0xffff) << 24 |
			   l->network;
	want->key.tunnel = (uint8_t)l->tunnel;
	want->flags |= BH_PKT_TUNNELLED;
	switch (l->tunnel) {
	case BH_TUNNEL_VXLAN:
		net_udp(f, 40000 + dice(9999), dice(2) ? 4789 : 8472);
		net_32(f, 0x08000000);
		net_32(f, l->network << 8);
		break;
	case BH_TUNNEL_GENEVE:
		net_udp(f, 40000 + dice(9999), 6081);
		net_16(f, 0x0140);
		net_16(f, type);
		net_32(f, l->network << 8);
		net_32(f, 0x01020300);
		break;
	case BH_TUNNEL_GRE:
		net_16(f, (l->gre_flags & 1) << 15 | (l->gre_flags & 2) << 12 |
				  (l->gre_flags & 4) << 10);
		net_16(f, type);
		if (l->gre_flags & 1)
			net_32(f, 0);
		if (l->gre_flags & 2)
			net_32(f, l->network);
		if (l->gre_flags & 4)
			net_32(f, dice(1000));
		break;
	default:
		break;
	}
}

static inline unsigned
tunnel_proto(const struct level *inner)
{
	switch (inner->tunnel) {
	case BH_TUNNEL_GRE:
		return BH_PROTO_GRE;
	case BH_TUNNEL_IPIP:
		return inner->v6 ? BH_PROTO_IPV6 : BH_PROTO_IPIP;
	default:
		return BH_PROTO_UDP;
	}
}

/* The extension headers of a level's bits, in RFC 8200's order. */
static const uint8_t ext_order[] = {BH_EXT_HOP_BY_HOP, BH_EXT_DESTINATION, BH_EXT_ROUTING,
				    BH_EXT_FRAGMENT,   BH_EXT_AUTH,        BH_EXT_DESTINATION};

static inline void
put_extensions(struct net_frame *f, unsigned ext, unsigned proto)
{
	unsigned i, j, next;

	for (i = 0; i < 6; i++) {
		if ((ext >> i & 1) == 0)
			continue;
		for (j = i + 1; j < 6 && (ext >> j & 1) == 0; j++)
			;
		next = j < 6 ? ext_order[j] : proto;
		if (ext_order[i] == BH_EXT_ROUTING)
			net_routing6(f, next, 4, 0);
		else if (ext_order[i] == BH_EXT_FRAGMENT)
			net_fragment6(f, next, 0, false, dice(1000));
		else if (ext_order[i] == BH_EXT_AUTH)
			net_auth(f, next);
		else
			net_options6(f, next, dice(4));
	}
}

static inline unsigned
first_header(const struct level *l, unsigned proto)
{
	return l->ext != 0 ? ext_order[__builtin_ctz(l->ext)] : proto;
}

static inline void
put_ip(struct net_frame *f, const struct level *l, unsigned proto, struct bh_parsed *want)
{
	static const uint8_t nops[40] = {1, 1, 1};

	want->l3_off = (uint16_t)f->len;
	want->ethertype = l->v6 ? BH_ETH_IP6 : BH_ETH_IP4;
	want->ttl = 64;
	want->ip_id = l->v6 ? 0 : 0x1234;
	want->key.family = l->v6 ? BH_IP6 : BH_IP4;
	memcpy(f->src, l->src, 16);
	memcpy(f->dst, l->dst, 16);
	if (l->v6) {
		net_ip6(f, first_header(l, proto));
		put_extensions(f, l->ext, proto);
	} else {
		net_ip4_with(f, proto, nops, l->options);
	}
	want->l4_off = (uint16_t)f->len;
}

static inline void
put_l4(struct net_frame *f, const struct plan *p, struct bh_parsed *want)
{
	bool v6 = p->level[p->n - 1].v6;
	unsigned type = v6 ? 128 + p->reply : p->reply ? 0 : 8;

	want->service = (uint16_t)p->dport;
	switch (p->proto) {
	case BH_PROTO_TCP:
		net_tcp(f, p->sport, p->dport, p->flags);
		want->tcp_flags = (uint8_t)p->flags;
		want->tcp_seq = 0x01020304;
		want->tcp_ack = 0x05060708;
		want->tcp_window = 0xfaf0;
		break;
	case BH_PROTO_UDP:
		net_udp(f, p->sport, p->dport);
		break;
	case BH_PROTO_SCTP:
		net_sctp(f, p->sport, p->dport);
		break;
	case BH_PROTO_ICMP:
	case BH_PROTO_ICMPV6:
		want->icmp_type = (uint8_t)type;
		want->service = (uint16_t)(type << 8);
		want->flags |= BH_PKT_ICMP_QUERY;
		if (!p->reply)
			want->flags |= BH_PKT_TO_SERVER_HINT;
		net_icmp(f, v6, type, 0, p->sport);
		break;
	default:
		want->service = 0;
		break;
	}
	want->payload_off = (uint16_t)f->len;
	want->payload_len = (uint16_t)p->payload;
	net_fill(f, p->payload);
}

static inline void
want_key(const struct plan *p, struct bh_parsed *want)
{
	const struct level *l = &p->level[p->n - 1];
	uint16_t sport = (uint16_t)p->sport, dport = (uint16_t)p->dport;
	int order = memcmp(l->src, l->dst, 16);

	if (p->proto == 253)
		sport = dport = 0;
	if (p->proto == BH_PROTO_ICMP || p->proto == BH_PROTO_ICMPV6)
		dport = sport;
	want->from = order > 0;
	memcpy(want->key.addr[want->from].b, l->src, 16);
	memcpy(want->key.addr[1 - want->from].b, l->dst, 16);
	want->key.port[want->from] = sport;
	want->key.port[1 - want->from] = dport;
	want->key.proto = (uint8_t)p->proto;
	want->key.pair = 3;
}

static inline void
build(const struct plan *p, struct net_frame *f, struct bh_parsed *want)
{
	unsigned i;

	net_start(f);
	memset(want, 0, sizeof(*want));
	put_frame_header(f, &p->level[0], want);
	for (i = 0; i < p->n; i++) {
		const struct level *l = &p->level[i];

		if (i != 0) {
			put_tunnel(f, l, want);
			if (l->ethernet)
				put_frame_header(f, l, want);
		}
		put_ip(f, l, i + 1 < p->n ? tunnel_proto(&p->level[i + 1]) : p->proto, want);
		if (i == 0)
			want->outer_l3_off = want->l3_off;
	}
	put_l4(f, p, want);
	net_end(f);
	want->l3_len = (uint16_t)(f->len - want->l3_off);
	want_key(p, want);
	net_fill(f, p->padding);
}

/* The answer: all ends change places. */
static inline void
turn_round(struct plan *p)
{
	unsigned i, port = p->sport;
	uint8_t a[16];

	for (i = 0; i < p->n; i++) {
		memcpy(a, p->level[i].src, 16);
		memcpy(p->level[i].src, p->level[i].dst, 16);
		memcpy(p->level[i].dst, a, 16);
	}
	if (p->proto == BH_PROTO_ICMP || p->proto == BH_PROTO_ICMPV6) {
		p->reply = !p->reply;
		return;
	}
	p->sport = p->dport;
	p->dport = port;
}

#endif
