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

const struct bh_unit_test bh_suite_net_outer[] = {
	BH_TEST(stopped_parse_is_that_of_the_packet_around),
	BH_TEST(checksum_of_the_tunnel_is_judged_whatever_is_inside),
	BH_TEST(second_tunnel_has_its_own),
	BH_TEST(gre_has_no_udp_checksum),
	BH_TEST_END,
};
