/* parse: the straight path for what most frames are, and the door to the layers for all others.
 *
 * The straight path takes Ethernet with at most one 802.1Q tag, IPv4 without options or IPv6 without
 * extension headers, TCP or UDP, nothing wrong, no fragment, no tunnel. Whatever else a frame is, it
 * is parsed from the start by parse_layers.c, which alone names reasons. Both agree on what both
 * accept: test_net_model and fuzz_net_frame compare them. */
#include "net_priv.h"

/* Constants as they stand in a frame: compared without swapping what was loaded. */
#define BE16(v) __builtin_bswap16(v)

/* Inlined once for each place an IP header can be, so that offsets are constants. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* The arguments of bh_net_parse, in registers once all is inlined. */
struct straight {
	const struct bh_parse_params *params;
	const uint8_t *p;
	struct bh_parsed *out;
	uint32_t caplen;
	uint32_t wirelen;
	uint8_t pair;
};

static inline uint16_t
load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Length of the TCP header if it is right in itself and in its packet, else 0. */
static inline uint32_t
straight_tcp(const uint8_t *h, uint32_t len, uint32_t have)
{
	uint32_t head;

	if (len < BH_TCP_HEADER || have < BH_TCP_HEADER)
		return 0;
	head = h[12] >> 4 << 2;
	if (head < BH_TCP_HEADER || head > len || head > have || load16(h) == 0 ||
	    load16(h + 2) == 0)
		return 0;
	return bh_net_tcp_flags_ok(h[13]) ? head : 0;
}

static inline void
fill_tcp(struct bh_parsed *out, const uint8_t *h)
{
	uint32_t seq = bh_load_be32(h + 4), ack = bh_load_be32(h + 8);
	uint16_t window = bh_load_be16(h + 14);
	uint8_t flags = h[13];

	out->tcp_flags = flags;
	out->tcp_window = window;
	out->tcp_seq = seq;
	out->tcp_ack = ack;
}

/* The L4 header at `off`, of which 8 bytes are in memory; the packet ends at `end` (wire). */
static ALWAYS_INLINE bool
straight_l4(const struct straight *s, uint32_t off, uint32_t end, uint8_t proto, uint32_t from)
{
	const uint8_t *h = s->p + off;
	struct bh_parsed *out = s->out;
	uint32_t ports = bh_load_be32(h), head;

	if (proto == BH_PROTO_UDP) {
		if (bh_load_be16(h + 4) != end - off ||
		    bh_net_udp_tunnel(s->params, (uint16_t)ports) != BH_TUNNEL_NONE)
			return false;
		head = BH_UDP_HEADER;
		out->tcp_flags = 0;
		out->tcp_window = 0;
		out->tcp_seq = 0;
		out->tcp_ack = 0;
	} else {
		head = proto == BH_PROTO_TCP ? straight_tcp(h, end - off, s->caplen - off) : 0;
		if (head == 0)
			return false;
		fill_tcp(out, h);
	}
	out->service = (uint16_t)ports;
	out->key.port[from] = (uint16_t)(ports >> 16);
	out->key.port[!from] = (uint16_t)ports;
	out->key.proto = proto;
	out->key.pair = s->pair;
	out->key.tunnel = BH_TUNNEL_NONE;
	out->l4_off = (uint16_t)off;
	out->payload_off = (uint16_t)(off + head);
	out->payload_len = (uint16_t)(end - off - head);
	out->frag_off = 0;
	out->frag_len = 0;
	out->icmp_type = 0;
	out->icmp_code = 0;
	out->kind = BH_FRAME_IP;
	out->spare = 0;
	out->flags = end > s->caplen ? BH_PKT_CUT : 0;
	out->from = (uint8_t)from;
	return true;
}

static ALWAYS_INLINE bool
straight_ip4(const struct straight *s, uint32_t off)
{
	const uint8_t *h = s->p + off;
	struct bh_parsed *out = s->out;
	uint32_t src, dst, total, from, swap;
	uint16_t id;
	uint8_t ttl, proto;

	if (s->caplen < off + BH_IP4_HEADER + BH_UDP_HEADER)
		return false;
	src = bh_net_load32(h + 12);
	dst = bh_net_load32(h + 16);
	total = bh_load_be16(h + 2);
	/* Flags and offset: only DF may be set. Equal addresses may be a land attack. */
	if (h[0] != 0x45 || (load16(h + 6) & BE16(0xbfff)) != 0 || off + total > s->wirelen ||
	    total < BH_IP4_HEADER + BH_UDP_HEADER || src == dst)
		return false;
	if (s->params->check_ip4_checksum && !bh_net_ip4_sum_ok(h))
		return false;
	id = bh_load_be16(h + 4);
	ttl = h[8];
	proto = h[9];
	/* Without a branch: which end is the smaller is a coin toss to the predictor. */
	from = __builtin_bswap32(src) > __builtin_bswap32(dst);
	swap = (src ^ dst) & -from;
	out->key.addr[0].q[0] = src ^ swap;
	out->key.addr[0].q[1] = 0;
	out->key.addr[1].q[0] = dst ^ swap;
	out->key.addr[1].q[1] = 0;
	out->key.family = BH_IP4;
	out->l3_off = (uint16_t)off;
	out->outer_l3_off = (uint16_t)off;
	out->ethertype = BH_ETH_IP4;
	out->l3_len = (uint16_t)total;
	out->ip_id = id;
	out->ttl = ttl;
	return straight_l4(s, off + BH_IP4_HEADER, off + total, proto, from);
}

static ALWAYS_INLINE bool
straight_ip6(const struct straight *s, uint32_t off)
{
	const uint8_t *h = s->p + off;
	struct bh_parsed *out = s->out;
	uint32_t len, from;
	uint8_t hop_limit, proto;
	int order;

	if (s->caplen < off + BH_IP6_HEADER + BH_UDP_HEADER)
		return false;
	order = bh_net_order6(h + 8, h + 24);
	len = BH_IP6_HEADER + bh_load_be16(h + 4);
	if (h[0] >> 4 != 6 || off + len > s->wirelen || len < BH_IP6_HEADER + BH_UDP_HEADER ||
	    order == 0)
		return false;
	hop_limit = h[7];
	proto = h[6];
	from = order > 0;
	memcpy(&out->key.addr[from], h + 8, 16);
	memcpy(&out->key.addr[!from], h + 24, 16);
	out->key.family = BH_IP6;
	out->l3_off = (uint16_t)off;
	out->outer_l3_off = (uint16_t)off;
	out->ethertype = BH_ETH_IP6;
	out->l3_len = (uint16_t)(len < UINT16_MAX ? len : UINT16_MAX);
	out->ip_id = 0;
	out->ttl = hop_limit;
	return straight_l4(s, off + BH_IP6_HEADER, off + len, proto, from);
}

static inline bool
parse_straight(const struct straight *s)
{
	uint16_t type, tag;

	if (s->caplen < BH_ETH_HEADER + BH_IP4_HEADER + BH_UDP_HEADER)
		return false;
	type = load16(s->p + 12);
	if (type != BE16(BH_ETH_VLAN)) {
		s->out->key.tenant = 0;
		if (BH_LIKELY(type == BE16(BH_ETH_IP4)))
			return straight_ip4(s, BH_ETH_HEADER);
		return type == BE16(BH_ETH_IP6) && straight_ip6(s, BH_ETH_HEADER);
	}
	tag = bh_load_be16(s->p + 14);
	type = load16(s->p + 16);
	s->out->key.tenant = (bh_tenant)(tag & 0xfff) << 52;
	if (BH_LIKELY(type == BE16(BH_ETH_IP4)))
		return straight_ip4(s, BH_ETH_HEADER + 4);
	return type == BE16(BH_ETH_IP6) && straight_ip6(s, BH_ETH_HEADER + 4);
}

static __attribute__((noinline)) enum bh_reason
parse_layers(const struct bh_parse_params *params, enum bh_link_type link, struct bh_cur cur,
	     uint32_t wirelen, uint8_t pair, struct bh_parsed *out)
{
	struct bh_net_ctx c = {
		.params = params, .frame = cur.p, .cur = cur, .end = wirelen, .out = out};

	return bh_net_parse_layers(&c, link, pair);
}

enum bh_reason
bh_net_parse(const struct bh_parse_params *params, enum bh_link_type link, const uint8_t *p,
	     uint32_t caplen, uint32_t wirelen, uint8_t pair, struct bh_parsed *out)
{
	const struct straight s = {
		.params = params,
		.p = p,
		.out = out,
		.caplen = caplen,
		.wirelen = wirelen,
		.pair = pair,
	};

	if (BH_LIKELY(link == BH_LINK_ETHERNET) && BH_LIKELY(parse_straight(&s)))
		return BH_REASON_NONE;
	return parse_layers(params, link, bh_cur(p, caplen), wirelen, pair, out);
}

enum bh_reason
bh_net_parse_datagram(const struct bh_parse_params *params, enum bh_link_type link,
		      const uint8_t *p, uint32_t caplen, uint32_t wirelen, uint8_t pair,
		      uint32_t total_l4_len, struct bh_parsed *out)
{
	struct bh_net_ctx c = {
		.params = params,
		.frame = p,
		.cur = bh_cur(p, caplen),
		.end = wirelen,
		.total = total_l4_len,
		.out = out,
	};

	return bh_net_parse_layers(&c, link, pair);
}

void
bh_parse_params_default(struct bh_parse_params *params)
{
	/* 8472: Linux' own VXLAN port, from before RFC 7348 had one. */
	*params = (struct bh_parse_params){
		.vxlan_port = {4789, 8472},
		.geneve_port = {6081},
		.gre = true,
		.ipip = true,
		.check_ip4_checksum = true,
	};
}
