/* net_hot: the straight path of bh_net_parse, inlined into the stage that asks it of every packet. It takes
 * Ethernet with at most one 802.1Q tag, IPv4 without options or IPv6 without extension headers, TCP or
 * UDP, nothing wrong, no fragment, no tunnel. Whatever else a frame is, bh_net_parse() starts from its
 * first byte and alone names reasons; what both accept they agree on: test_net_model and fuzz_net_frame.
 *
 * Its cost is the number of its instructions: loads are 8 bytes wide where they can be, and fields that follow
 * one another in struct bh_parsed are put together in a register and stored at once (little-endian). */
#ifndef BH_NET_HOT_H
#define BH_NET_HOT_H

#include <emmintrin.h>

#include "net.h"

enum {
	BH_PROTO_ICMP = 1,
	BH_PROTO_IGMP = 2,
	BH_PROTO_IPIP = 4,
	BH_PROTO_TCP = 6,
	BH_PROTO_UDP = 17,
	BH_PROTO_IPV6 = 41,
	BH_PROTO_GRE = 47,
	BH_PROTO_ICMPV6 = 58,
	BH_PROTO_NONE = 59,
	BH_PROTO_SCTP = 132,
};

enum {
	BH_ETH_IP4 = 0x0800,
	BH_ETH_ARP = 0x0806,
	BH_ETH_TEB = 0x6558, /* transparent Ethernet bridging */
	BH_ETH_VLAN = 0x8100,
	BH_ETH_IP6 = 0x86dd,
	BH_ETH_QINQ = 0x88a8,
	BH_ETH_LLDP = 0x88cc,
	BH_ETH_QINQ_OLD = 0x9100,
	BH_ETH_MIN = 0x0600, /* below: a length (IEEE 802.3 3.2.6) */
};

#define BH_ETH_HEADER 14u
#define BH_ETH_TAG 4u
#define BH_IP4_HEADER 20u
#define BH_IP6_HEADER 40u
#define BH_TCP_HEADER 20u
#define BH_UDP_HEADER 8u
#define BH_ICMP_HEADER 8u
#define BH_SCTP_HEADER 12u

/* Inlined once for each place an IP header can be, so that offsets are constants. */
#define BH_NET_INLINE static inline __attribute__((always_inline))

/* Bytes as they stand in the frame. */
static inline uint16_t
bh_net_load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t
bh_net_load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
bh_net_load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* memcmp of two addresses, in registers. */
static inline int
bh_net_order6(const uint8_t *a, const uint8_t *b)
{
	uint64_t x = bh_net_load64(a), y = bh_net_load64(b);

	if (x == y) {
		x = bh_net_load64(a + 8);
		y = bh_net_load64(b + 8);
	}
	x = __builtin_bswap64(x);
	y = __builtin_bswap64(y);
	return (x > y) - (x < y);
}

/* a + b in ones complement: the carry comes back in. */
static inline uint64_t
bh_net_add(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum + (sum < a);
}

/* The checksum of an IPv4 header of 20 bytes is right when their ones-complement sum is -0: a multiple
 * of 2^16 - 1 that is not 0, as the first byte is not; and 2^64 is 1 modulo 2^16 - 1. */
static inline bool
bh_net_ip4_sum_ok(const uint8_t *h)
{
	uint64_t sum = bh_net_add(bh_net_load64(h), bh_net_load64(h + 8));

	return bh_net_add(sum, bh_net_load32(h + 16)) % 0xffff == 0;
}

/* Flags that a TCP sends together: one of SYN, SYN+ACK, RST, RST+ACK, ACK, FIN+ACK, with PSH or not,
 * and URG where data can be (on a bare SYN some stacks set it). ECE, CWR and AE are not judged: they
 * are set in many combinations (RFC 3168, 9768). */
static inline bool
bh_net_tcp_flags_ok(uint8_t flags)
{
#define WITH_PSH(f) (UINT64_C(1) << (f) | UINT64_C(1) << ((f) | BH_TCP_PSH))
	const uint64_t ok = WITH_PSH(BH_TCP_SYN) | WITH_PSH(BH_TCP_SYN | BH_TCP_URG) |
			    WITH_PSH(BH_TCP_SYN | BH_TCP_ACK) | WITH_PSH(BH_TCP_RST) |
			    WITH_PSH(BH_TCP_RST | BH_TCP_ACK) | WITH_PSH(BH_TCP_ACK) |
			    WITH_PSH(BH_TCP_ACK | BH_TCP_URG) | WITH_PSH(BH_TCP_ACK | BH_TCP_FIN) |
			    WITH_PSH(BH_TCP_ACK | BH_TCP_FIN | BH_TCP_URG);
#undef WITH_PSH

	return (ok >> (flags & 0x3f) & 1) != 0;
}

/* May a UDP port be a tunnel's? All 8 at once; 0, an unused place in the lists, is taken for one. */
static inline bool
bh_net_may_be_tunnel(const struct bh_parse_params *params, uint16_t port)
{
	const __m128i ports = _mm_loadu_si128((const __m128i *)params->vxlan_port);

	_Static_assert(BH_NET_MAX_TUNNEL_PORTS == 4 &&
			       offsetof(struct bh_parse_params, geneve_port) ==
				       offsetof(struct bh_parse_params, vxlan_port) + 8,
		       "both lists together are 16 bytes");
	return _mm_movemask_epi8(_mm_cmpeq_epi16(ports, _mm_set1_epi16((short)port))) != 0;
}

/* What finds a packet's flow and counts it there; the rest of struct bh_parsed follows from the frame. */
struct bh_plain {
	struct bh_flow_key key;
	uint16_t l3_len;
	uint8_t from;
	uint8_t tcp_flags;
};
_Static_assert(sizeof(struct bh_plain) == 56, "48 + 4, and 4 of alignment");

/* The frame, and what its headers have said so far: wide, so that nothing is extended twice. */
struct bh_net_straight {
	const struct bh_parse_params *params;
	const uint8_t *p;
	uint32_t caplen, wirelen;
	uint32_t l4_off;
	int32_t l4_len; /* bytes of the IP packet from there on; negative: its length is wrong */
	uint64_t word;  /* of the key, behind its ports: proto, family, pair */
	uint8_t proto;
	bool from;
};

/* Is the TCP header right in itself and in its packet? */
static inline bool
bh_net_straight_tcp(const uint8_t *h, int32_t len, int32_t have)
{
	int32_t head;

	if (len < (int32_t)BH_TCP_HEADER || have < len)
		return false;
	head = h[12] >> 4 << 2;
	return head >= (int32_t)BH_TCP_HEADER && head <= len && bh_net_load16(h) != 0 &&
	       bh_net_load16(h + 2) != 0 && bh_net_tcp_flags_ok(h[13]);
}

/* The L4 header, and what stands behind the key's addresses. */
BH_NET_INLINE bool
bh_net_straight_l4(const struct bh_net_straight *s, struct bh_plain *out)
{
	const uint8_t *h = s->p + s->l4_off;
	uint32_t ports = __builtin_bswap32(bh_net_load32(h)); /* source << 16 | destination */
	uint64_t word;

	if (s->proto == BH_PROTO_UDP) {
		if (bh_load_be16(h + 4) != s->l4_len || s->l4_len < (int32_t)BH_UDP_HEADER ||
		    bh_net_may_be_tunnel(s->params, (uint16_t)ports))
			return false;
		word = s->word | (uint64_t)BH_PROTO_UDP << 32;
		out->tcp_flags = 0;
	} else if (s->proto == BH_PROTO_TCP) {
		if (!bh_net_straight_tcp(h, s->l4_len, (int32_t)(s->caplen - s->l4_off)))
			return false;
		word = s->word | (uint64_t)BH_PROTO_TCP << 32;
		out->tcp_flags = h[13];
	} else {
		return false;
	}
	_Static_assert(offsetof(struct bh_flow_key, tunnel) ==
			       offsetof(struct bh_flow_key, port) + 7,
		       "port[0], port[1], proto, family, pair, tunnel");
	/* port[from] is the sender's. */
	word |= s->from ? ports : ports >> 16 | ports << 16;
	memcpy(&out->key.port, &word, sizeof(word));
	out->from = s->from;
	return true;
}

/* The same sum as bh_net_ip4_sum_ok, of a header whose 8th byte is 0 and 7th at most 0x40: there is room for
 * the last word above the first ones. */
static inline bool
bh_net_straight_sum_ok(const uint8_t *h)
{
	return bh_net_add(bh_net_load64(h) + bh_net_load32(h + 16), bh_net_load64(h + 8)) %
		       0xffff ==
	       0;
}

/* Behind an IPv4 header's first byte, which is 0x45. */
BH_NET_INLINE bool
bh_net_straight_ip4(struct bh_net_straight *s, uint32_t off, struct bh_plain *out)
{
	const uint8_t *h = s->p + off;
	uint64_t both, turned;
	uint32_t total;

	if (s->caplen < off + BH_IP4_HEADER + BH_UDP_HEADER)
		return false;
	total = bh_load_be16(h + 2);
	both = __builtin_bswap64(bh_net_load64(h + 12)); /* source << 32 | destination */
	turned = both << 32 | both >> 32;
	/* Of flags and offset only DF may be set. Equal addresses may be a land attack. */
	if ((bh_net_load16(h + 6) & 0xffbf) != 0 || off + total > s->wirelen || both == turned)
		return false;
	if (s->params->check_ip4_checksum && !bh_net_straight_sum_ok(h))
		return false;
	/* Without a branch: which end is the smaller is a coin toss to the predictor. */
	s->from = both > turned;
	both = __builtin_bswap64(both > turned ? turned : both);
	out->key.addr[0].q[0] = (uint32_t)both;
	out->key.addr[0].q[1] = 0;
	out->key.addr[1].q[0] = both >> 32;
	out->key.addr[1].q[1] = 0;
	out->l3_len = (uint16_t)total;
	s->l4_off = off + BH_IP4_HEADER;
	s->l4_len = (int32_t)(total - BH_IP4_HEADER);
	s->word |= (uint64_t)BH_IP4 << 40;
	s->proto = h[9];
	return bh_net_straight_l4(s, out);
}

BH_NET_INLINE bool
bh_net_straight_ip6(struct bh_net_straight *s, uint32_t off, struct bh_plain *out)
{
	const uint8_t *h = s->p + off;
	uint32_t len;
	int order;

	if (s->caplen < off + BH_IP6_HEADER + BH_UDP_HEADER)
		return false;
	order = bh_net_order6(h + 8, h + 24);
	len = BH_IP6_HEADER + bh_load_be16(h + 4);
	if (h[0] >> 4 != 6 || off + len > s->wirelen || len > UINT16_MAX || order == 0)
		return false;
	s->from = order > 0;
	memcpy(&out->key.addr[s->from], h + 8, 16);
	memcpy(&out->key.addr[!s->from], h + 24, 16);
	out->l3_len = (uint16_t)len;
	s->l4_off = off + BH_IP6_HEADER;
	s->l4_len = (int32_t)(len - BH_IP6_HEADER);
	s->word |= (uint64_t)BH_IP6 << 40;
	s->proto = h[6];
	return bh_net_straight_l4(s, out);
}

/* Behind one tag. */
BH_NET_INLINE bool
bh_net_straight_vlan(struct bh_net_straight *s, struct bh_plain *out)
{
	const uint32_t off = BH_ETH_HEADER + BH_ETH_TAG;
	uint16_t type = bh_load_be16(s->p + 16);

	out->key.tenant = (bh_tenant)(bh_load_be16(s->p + 14) & 0xfff) << 52;
	if (type == BH_ETH_IP4)
		return s->p[off] == 0x45 && bh_net_straight_ip4(s, off, out);
	return type == BH_ETH_IP6 && bh_net_straight_ip6(s, off, out);
}

/* IPv4 without options behind plain Ethernet? That is known from one look at four bytes, and asked apart from
 * bh_net_plain() where the parse of the others need not be inlined. */
static inline bool
bh_net_may_be_plain_ip4(const uint8_t *p, uint32_t caplen)
{
	return caplen >= BH_ETH_HEADER + BH_IP4_HEADER + BH_UDP_HEADER &&
	       (bh_net_load32(p + 12) & 0xffffff) == (0x450000 | __builtin_bswap16(BH_ETH_IP4));
}

/* The same as bh_net_plain(), where bh_net_may_be_plain_ip4() says so. */
BH_NET_INLINE bool
bh_net_plain_ip4(const struct bh_parse_params *params, const uint8_t *p, uint32_t caplen,
		 uint32_t wirelen, uint8_t pair, struct bh_plain *out)
{
	struct bh_net_straight s = {.params = params,
				    .p = p,
				    .caplen = caplen,
				    .wirelen = wirelen,
				    .word = (uint64_t)pair << 48};

	out->key.tenant = 0;
	return bh_net_straight_ip4(&s, BH_ETH_HEADER, out);
}

/* True: that is what the frame is, and *out is complete. False: ask bh_net_parse(), same arguments. */
BH_NET_INLINE bool
bh_net_plain(const struct bh_parse_params *params, const uint8_t *p, uint32_t caplen,
	     uint32_t wirelen, uint8_t pair, struct bh_plain *out)
{
	struct bh_net_straight s = {.params = params,
				    .p = p,
				    .caplen = caplen,
				    .wirelen = wirelen,
				    .word = (uint64_t)pair << 48};
	uint16_t type;

	if (BH_LIKELY(bh_net_may_be_plain_ip4(p, caplen)))
		return bh_net_plain_ip4(params, p, caplen, wirelen, pair, out);
	if (caplen < BH_ETH_HEADER + BH_ETH_TAG + BH_IP4_HEADER + BH_UDP_HEADER)
		return false;
	type = bh_load_be16(p + 12);
	out->key.tenant = 0;
	if (type == BH_ETH_IP6)
		return bh_net_straight_ip6(&s, BH_ETH_HEADER, out);
	return type == BH_ETH_VLAN && bh_net_straight_vlan(&s, out);
}

/* Where the IP header of the frame is that *plain is about. */
static inline uint32_t
bh_net_plain_l3(const uint8_t *p)
{
	return BH_ETH_HEADER + (bh_load_be16(p + 12) == BH_ETH_VLAN ? BH_ETH_TAG : 0);
}

/* Does the TCP segment that *plain is about say anything? */
static inline bool
bh_net_plain_tcp_says(const struct bh_plain *plain, const uint8_t *p)
{
	uint32_t head = plain->key.family == BH_IP4 ? BH_IP4_HEADER : BH_IP6_HEADER;

	return plain->l3_len > head + (p[bh_net_plain_l3(p) + head + 12] >> 4 << 2);
}

/* All that bh_net_parse() says of the frame that *plain is about. */
static inline void
bh_net_plain_parsed(const struct bh_plain *plain, const uint8_t *p, uint32_t caplen,
		    struct bh_parsed *out)
{
	bool v4 = plain->key.family == BH_IP4, tcp = plain->key.proto == BH_PROTO_TCP;
	uint64_t l3_off = bh_net_plain_l3(p);
	uint64_t l4_off = l3_off + (v4 ? BH_IP4_HEADER : BH_IP6_HEADER);
	uint64_t payload = l4_off + (tcp ? (uint64_t)p[l4_off + 12] >> 4 << 2 : BH_UDP_HEADER);
	uint64_t end = l3_off + plain->l3_len, word;

	out->key = plain->key;
	_Static_assert(offsetof(struct bh_parsed, payload_len) ==
			       offsetof(struct bh_parsed, l3_off) + 6,
		       "l3_off, l4_off, payload_off, payload_len");
	word = l3_off | l4_off << 16 | payload << 32 | (end - payload) << 48;
	memcpy(&out->l3_off, &word, sizeof(word));
	_Static_assert(offsetof(struct bh_parsed, service) ==
			       offsetof(struct bh_parsed, outer_l3_off) + 6,
		       "outer_l3_off, ethertype, l3_len, service");
	word = l3_off | (uint64_t)(v4 ? BH_ETH_IP4 : BH_ETH_IP6) << 16 |
	       (uint64_t)plain->l3_len << 32 | (uint64_t)bh_load_be16(p + l4_off + 2) << 48;
	memcpy(&out->outer_l3_off, &word, sizeof(word));
	_Static_assert(offsetof(struct bh_parsed, flags) ==
				       offsetof(struct bh_parsed, frag_off) + 8 &&
			       BH_FRAME_IP == 0,
		       "frag_off, frag_len, icmp_type, icmp_code, kind, spare");
	memset(&out->frag_off, 0, 8);
	out->flags = end > caplen ? BH_PKT_CUT : 0;
	out->from = plain->from;
	out->ttl = p[l3_off + (v4 ? 8 : 7)];
	out->tcp_flags = plain->tcp_flags;
	out->ip_id = v4 ? bh_load_be16(p + l3_off + 4) : 0;
	out->tcp_window = tcp ? bh_load_be16(p + l4_off + 14) : 0;
	out->tcp_seq = tcp ? bh_load_be32(p + l4_off + 4) : 0;
	out->tcp_ack = tcp ? bh_load_be32(p + l4_off + 8) : 0;
}

/* Both in one: *out is what bh_net_parse() would say. False as above. */
BH_NET_INLINE bool
bh_net_parse_straight(const struct bh_parse_params *params, const uint8_t *p, uint32_t caplen,
		      uint32_t wirelen, uint8_t pair, struct bh_parsed *out)
{
	struct bh_plain plain;

	if (!bh_net_plain(params, p, caplen, wirelen, pair, &plain))
		return false;
	bh_net_plain_parsed(&plain, p, caplen, out);
	return true;
}

#endif
