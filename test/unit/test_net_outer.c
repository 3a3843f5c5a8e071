/* The packets around a tunnelled one: what they say of themselves, and their UDP checksum. */
#include "net_frame.h"

static uint64_t
sum_frame(void *arg, uint32_t off, uint32_t len)
{
	const struct net_frame *f = arg;

	CU_ASSERT_TRUE(off + len <= f->len);
	return bh_csum_add(0, f->b + off, len);
}

static enum bh_csum_state
judge(struct net_frame *f, const struct bh_parsed *h, uint16_t *good)
{
	const struct bh_csum_view view = {.head = f->b, .sum = sum_frame, .arg = f};

	return bh_net_tunnel_csum(&view, h, false, good);
}

static enum bh_reason
parse_to(const struct net_frame *f, unsigned stop, struct bh_parsed *h)
{
	struct bh_parse_params params;

	bh_parse_params_default(&params);
	params.stop_at_tunnel = (uint8_t)stop;
	memset(h, 0xee, sizeof(*h));
	return bh_net_parse(&params, BH_LINK_ETHERNET, f->b, f->len, f->len, 3, h);
}

static void
ip(struct net_frame *f, bool v6, unsigned net, unsigned proto)
{
	memset(f->src, 0, 16);
	memset(f->dst, 0, 16);
	f->src[0] = f->dst[0] = v6 ? 0xfd : 10;
	f->src[3] = f->dst[3] = (uint8_t)net;
	f->src[v6 ? 15 : 2] = 1;
	f->dst[v6 ? 15 : 2] = 2;
	if (v6)
		net_ip6(f, proto);
	else
		net_ip4(f, proto);
}

static void
vxlan(struct net_frame *f)
{
	net_udp(f, 55555, 4789);
	net_32(f, 0x08000000);
	net_32(f, 7 << 8);
}

/* IP and UDP (network 1), VXLAN, Ethernet with what is said; its L4 offset is 34 or 54. */
static void
build_vxlan(struct net_frame *f, bool v6, bool arp)
{
	net_start(f);
	net_eth(f, v6 ? BH_ETH_IP6 : BH_ETH_IP4);
	ip(f, v6, 1, BH_PROTO_UDP);
	vxlan(f);
	net_eth(f, arp ? BH_ETH_ARP : BH_ETH_IP4);
	if (arp) {
		net_fill(f, 28);
	} else {
		ip(f, false, 2, BH_PROTO_TCP);
		net_tcp(f, 2000, 22, BH_TCP_SYN);
	}
	net_end(f);
}

static void
stopped_parse_is_that_of_the_packet_around(void)
{
	struct net_frame f;
	struct bh_parsed h;
	unsigned v6, arp;

	for (v6 = 0; v6 < 2; v6++) {
		for (arp = 0; arp < 2; arp++) {
			build_vxlan(&f, v6, arp);
			CU_ASSERT_EQUAL(parse_to(&f, 1, &h), BH_REASON_NONE);
			CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
			CU_ASSERT_EQUAL(h.flags, 0);
			CU_ASSERT_EQUAL(h.key.proto, BH_PROTO_UDP);
			CU_ASSERT_EQUAL(h.key.family, v6 ? BH_IP6 : BH_IP4);
			CU_ASSERT_EQUAL(h.key.tunnel, BH_TUNNEL_NONE);
			CU_ASSERT_EQUAL(h.key.tenant, 0);
			CU_ASSERT_EQUAL(h.service, 4789);
			CU_ASSERT_EQUAL(h.l4_off, v6 ? 54 : 34);
			CU_ASSERT_EQUAL(h.payload_len, f.len - h.l4_off - 8u);
			/* There is no second one. */
			CU_ASSERT_EQUAL(parse_to(&f, 2, &h), BH_REASON_NONE);
			CU_ASSERT_EQUAL(h.kind, arp ? BH_FRAME_ARP : BH_FRAME_IP);
			CU_ASSERT_EQUAL(h.key.tunnel, BH_TUNNEL_VXLAN);
		}
	}
}

static void
assert_field(struct net_frame *f, const struct bh_parsed *h)
{
	uint16_t right, good = 0, pseudo;
	uint32_t at = h->l4_off + 6u;

	memcpy(&right, f->b + at, 2);
	CU_ASSERT_EQUAL(judge(f, h, &good), BH_CSUM_GOOD);
	net_set16(f, at, __builtin_bswap16(right) ^ 1);
	CU_ASSERT_EQUAL(judge(f, h, &good), BH_CSUM_BAD);
	CU_ASSERT_EQUAL(good, right);
	pseudo = net_naive_sum(0, f->b + h->l3_off + (h->key.family == BH_IP4 ? 12 : 8),
			       h->key.family == BH_IP4 ? 8 : 32);
	pseudo = net_naive_sum(pseudo, (uint8_t[]){0, BH_PROTO_UDP}, 2);
	pseudo = net_naive_sum(pseudo, f->b + h->l4_off + 4, 2);
	net_set16(f, at, pseudo);
	good = 0;
	CU_ASSERT_EQUAL(judge(f, h, &good), BH_CSUM_PARTIAL);
	CU_ASSERT_EQUAL(good, right);
	/* RFC 6935: none, over IPv6, too. */
	net_set16(f, at, 0);
	CU_ASSERT_EQUAL(judge(f, h, &good), BH_CSUM_NONE);
	memcpy(f->b + at, &right, 2);
}

static void
checksum_of_the_tunnel_is_judged_whatever_is_inside(void)
{
	struct net_frame f;
	struct bh_parsed h;
	unsigned v6, arp;

	for (v6 = 0; v6 < 2; v6++) {
		for (arp = 0; arp < 2; arp++) {
			build_vxlan(&f, v6, arp);
			CU_ASSERT_EQUAL_FATAL(parse_to(&f, 1, &h), BH_REASON_NONE);
			assert_field(&f, &h);
		}
	}
}

/* IP in IP (1), and in that VXLAN (2): the second one's UDP, none of the first. */
static void
second_tunnel_has_its_own(void)
{
	struct net_frame f;
	struct bh_parsed h;
	uint16_t good;

	net_start(&f);
	net_eth(&f, BH_ETH_IP4);
	ip(&f, false, 1, BH_PROTO_IPV6);
	ip(&f, true, 2, BH_PROTO_UDP);
	vxlan(&f);
	net_eth(&f, BH_ETH_IP4);
	ip(&f, false, 3, BH_PROTO_TCP);
	net_tcp(&f, 2000, 22, BH_TCP_SYN);
	net_end(&f);
	CU_ASSERT_EQUAL(parse_to(&f, 1, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.proto, BH_PROTO_IPV6);
	CU_ASSERT_EQUAL(h.l4_off, 34);
	CU_ASSERT_EQUAL(judge(&f, &h, &good), BH_CSUM_NONE);
	CU_ASSERT_EQUAL(parse_to(&f, 2, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.proto, BH_PROTO_UDP);
	CU_ASSERT_EQUAL(h.key.tunnel, BH_TUNNEL_IPIP);
	CU_ASSERT_EQUAL(h.l4_off, 74);
	assert_field(&f, &h);
	CU_ASSERT_EQUAL(parse_to(&f, 0, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.proto, BH_PROTO_TCP);
}

static void
gre_has_no_udp_checksum(void)
{
	struct net_frame f;
	struct bh_parsed h;
	uint16_t good;

	net_start(&f);
	net_eth(&f, BH_ETH_IP4);
	ip(&f, false, 1, BH_PROTO_GRE);
	net_32(&f, BH_ETH_IP4);
	ip(&f, false, 2, BH_PROTO_TCP);
	net_tcp(&f, 2000, 22, BH_TCP_SYN);
	net_end(&f);
	CU_ASSERT_EQUAL(parse_to(&f, 1, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.proto, BH_PROTO_GRE);
	CU_ASSERT_EQUAL(h.payload_off, 34);
	CU_ASSERT_EQUAL(judge(&f, &h, &good), BH_CSUM_NONE);
}

/* ---- ICMP errors about a tunnel's packet ----------------------------------------------------------- */

enum { VXLAN, VXLAN6, GENEVE, GRE, IPIP, TWO, WRAPS };

/* 10.0.1.1 or fd00:1::1 to ...2 a tunnel, inside 10.0.2.1:2000 to 10.0.2.2:22; returns where its ports end. */
static uint32_t
build_wrapped(struct net_frame *f, unsigned wrap)
{
	static const uint16_t proto[WRAPS] = {BH_PROTO_UDP, BH_PROTO_UDP,  BH_PROTO_UDP,
					      BH_PROTO_GRE, BH_PROTO_IPIP, BH_PROTO_IPIP};

	net_start(f);
	net_eth(f, wrap == VXLAN6 ? BH_ETH_IP6 : BH_ETH_IP4);
	ip(f, wrap == VXLAN6, 1, proto[wrap]);
	if (wrap == TWO)
		ip(f, false, 3, BH_PROTO_UDP);
	if (wrap == VXLAN || wrap == VXLAN6 || wrap == TWO) {
		vxlan(f);
	} else if (wrap == GENEVE) {
		net_udp(f, 5, 6081);
		net_32(f, 0x00006558);
		net_32(f, 7 << 8);
	} else if (wrap == GRE) {
		net_32(f, 0x20006558);
		net_32(f, 7);
	}
	if (wrap != IPIP) {
		net_macs(f);
		net_tag(f, BH_ETH_VLAN, 99);
		net_16(f, BH_ETH_IP4);
	}
	ip(f, false, 2, BH_PROTO_TCP);
	net_tcp(f, 2000, 22, BH_TCP_SYN);
	net_end(f);
	return f->len - 16;
}

/* An error from a router to the tunnel's sender, quoting n bytes of its IP packet. */
static void
error_about(struct net_frame *f, const struct net_frame *in, bool v6, uint32_t n)
{
	net_start(f);
	net_eth(f, v6 ? BH_ETH_IP6 : BH_ETH_IP4);
	ip(f, v6, 1, v6 ? BH_PROTO_ICMPV6 : BH_PROTO_ICMP);
	net_icmp(f, v6, v6 ? 2 : 3, v6 ? 0 : 4, 0);
	net_bytes(f, in->b + 14, n);
	net_end(f);
}

static enum bh_reason
quoted_inner(const struct net_frame *f, struct bh_flow_key *key)
{
	struct bh_parse_params params;
	uint8_t *copy = malloc(f->len);
	enum bh_reason reason;
	struct bh_parsed h;

	bh_parse_params_default(&params);
	CU_ASSERT_EQUAL(net_parse(f, &h), BH_REASON_NONE);
	CU_ASSERT_TRUE((h.flags & BH_PKT_ICMP_ERROR) != 0);
	memset(key, 0xee, sizeof(*key));
	memcpy(copy, f->b, f->len);
	reason = bh_net_quoted_inner(&params, copy, f->len, &h, key);
	free(copy);
	return reason;
}

static void
error_about_a_tunnel_speaks_of_the_flow_inside(void)
{
	struct net_frame in, f;
	struct bh_flow_key key;
	struct bh_parsed h;
	unsigned wrap;

	for (wrap = 0; wrap < WRAPS; wrap++) {
		uint32_t ports = build_wrapped(&in, wrap), n;

		CU_ASSERT_EQUAL(net_parse(&in, &h), BH_REASON_NONE);
		CU_ASSERT_EQUAL(h.service, 22);
		for (n = ports - 14; n <= in.len - 14; n++) {
			error_about(&f, &in, wrap == VXLAN6, n);
			CU_ASSERT_EQUAL(quoted_inner(&f, &key), BH_REASON_NONE);
			CU_ASSERT_EQUAL(memcmp(&key, &h.key, sizeof(key)), 0);
		}
	}
}

/* From the outer IP header on, any length up to the inner ports. */
static void
quote_that_ends_before_the_inner_ports_does_not_say_which(void)
{
	struct net_frame in, f;
	struct bh_flow_key key;
	enum bh_reason want;
	unsigned wrap;

	for (wrap = 0; wrap < WRAPS; wrap++) {
		uint32_t ports = build_wrapped(&in, wrap), n, least = wrap == VXLAN6 ? 40 : 20;

		for (n = 0; n < ports - 14; n++) {
			error_about(&f, &in, wrap == VXLAN6, n);
			want = n < least || (n < least + 4 && wrap <= GENEVE)
				       ? BH_REASON_ICMP_QUOTE
				       : BH_REASON_ICMP_TUNNEL_QUOTE;
			CU_ASSERT_EQUAL(quoted_inner(&f, &key), want);
		}
	}
}

static void
error_about_tunnelled_arp_is_about_no_flow(void)
{
	struct net_frame in, f;
	struct bh_flow_key key;

	build_vxlan(&in, false, true);
	error_about(&f, &in, false, in.len - 14);
	CU_ASSERT_EQUAL(quoted_inner(&f, &key), BH_REASON_ICMP_TUNNEL_QUOTE);
}

static void
error_about_no_tunnel_is_the_same_to_both(void)
{
	static const unsigned protos[] = {BH_PROTO_TCP, BH_PROTO_UDP, BH_PROTO_SCTP, 50};
	struct bh_flow_key key, plain;
	struct net_frame in, f;
	struct bh_parsed h;
	uint8_t from;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(protos); i++) {
		net_start(&in);
		net_eth(&in, BH_ETH_IP4);
		ip(&in, false, 1, protos[i]);
		net_32(&in, 4789u << 16 | 53); /* ports; a tunnel's is the destination's */
		net_fill(&in, 16);
		net_set16(&in, 14 + 2, in.len - 14);
		error_about(&f, &in, false, in.len - 14);
		CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
		CU_ASSERT_EQUAL(bh_net_quoted(f.b, f.len, &h, &plain, &from), BH_REASON_NONE);
		CU_ASSERT_EQUAL(quoted_inner(&f, &key), BH_REASON_NONE);
		CU_ASSERT_EQUAL(memcmp(&key, &plain, sizeof(key)), 0);
	}
}

const struct bh_unit_test bh_suite_net_outer[] = {
	BH_TEST(stopped_parse_is_that_of_the_packet_around),
	BH_TEST(checksum_of_the_tunnel_is_judged_whatever_is_inside),
	BH_TEST(second_tunnel_has_its_own),
	BH_TEST(gre_has_no_udp_checksum),
	BH_TEST(error_about_a_tunnel_speaks_of_the_flow_inside),
	BH_TEST(quote_that_ends_before_the_inner_ports_does_not_say_which),
	BH_TEST(error_about_tunnelled_arp_is_about_no_flow),
	BH_TEST(error_about_no_tunnel_is_the_same_to_both),
	BH_TEST_END,
};
