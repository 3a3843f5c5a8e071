/* Fragments, and the datagrams they make. */
#include "net_frame.h"

#define MF 0x2000u

/* A fragment of 10.0.0.1 -> 10.0.0.2 or 2001:db8::1 -> ::2, holding `n` bytes of `data`. */
static void
fragment(struct net_frame *f, bool v6, unsigned proto, unsigned off, bool more, const void *data,
	 uint32_t n)
{
	static const uint8_t src[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	static const uint8_t dst[16] = {0x20, 1, 0xd, 0xb8, [15] = 2};

	net_start(f);
	net_eth(f, v6 ? BH_ETH_IP6 : BH_ETH_IP4);
	if (v6) {
		memcpy(f->src, src, 16);
		memcpy(f->dst, dst, 16);
		net_ip6(f, BH_EXT_FRAGMENT);
		net_fragment6(f, proto, off, more, 0xabcd1234);
	} else {
		net_ip4(f, proto);
	}
	net_bytes(f, data, n);
	net_end(f);
	if (!v6) {
		net_set16(f, 14 + 6, off / 8 | (more ? MF : 0));
		net_sum4(f, 14);
	}
}

/* L4 header and payload alone: what a datagram holds. */
static uint32_t
udp_data(uint8_t *out, unsigned dport, uint32_t len)
{
	struct net_frame f;

	net_start(&f);
	net_ip4(&f, BH_PROTO_UDP);
	net_udp(&f, 1000, dport);
	net_fill(&f, len - 8);
	net_end(&f);
	memcpy(out, f.b + 20, len);
	return len;
}

static void
fragment_has_addresses_and_id_but_no_ports(void)
{
	uint8_t data[64];
	struct net_frame f;
	struct bh_parsed h;
	unsigned v6, i;

	udp_data(data, 53, 64);
	for (v6 = 0; v6 < 2; v6++) {
		for (i = 0; i < 3; i++) {
			fragment(&f, v6, BH_PROTO_UDP, i * 64, i < 2, data, 64);
			CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
			CU_ASSERT_EQUAL(h.kind, BH_FRAME_FRAGMENT);
			CU_ASSERT_EQUAL(h.key.family, v6 ? BH_IP6 : BH_IP4);
			CU_ASSERT_EQUAL(h.key.proto, BH_PROTO_UDP);
			CU_ASSERT_EQUAL(h.key.port[0], v6 ? 0xabcd : 0);
			CU_ASSERT_EQUAL(h.key.port[1], 0x1234);
			CU_ASSERT_EQUAL(h.ip_id, 0x1234);
			CU_ASSERT_EQUAL(h.frag_off, i * 64);
			CU_ASSERT_EQUAL(h.frag_len, 64);
			CU_ASSERT_EQUAL(h.l4_off, f.len - 64);
			CU_ASSERT_EQUAL(h.flags, i == 0   ? BH_PKT_FIRST_FRAGMENT
						 : i == 2 ? BH_PKT_LAST_FRAGMENT
							  : 0);
			CU_ASSERT_EQUAL(h.service, 0);
		}
	}
}

static void
fragments_of_both_directions_differ_by_from_alone(void)
{
	struct net_frame f;
	struct bh_parsed a, b;
	uint8_t data[64];

	udp_data(data, 53, 64);
	fragment(&f, false, BH_PROTO_UDP, 8, true, data, 64);
	CU_ASSERT_EQUAL(net_parse(&f, &a), BH_REASON_NONE);
	memcpy(f.b + 14 + 12, f.dst, 4);
	memcpy(f.b + 14 + 16, f.src, 4);
	CU_ASSERT_EQUAL(net_parse(&f, &b), BH_REASON_NONE);
	CU_ASSERT_EQUAL(memcmp(&a.key, &b.key, sizeof(a.key)), 0);
	CU_ASSERT_NOT_EQUAL(a.from, b.from);
}

static void
fragment_lengths_are_judged(void)
{
	static const uint8_t data[64];
	struct net_frame f;
	unsigned v6;

	for (v6 = 0; v6 < 2; v6++) {
		fragment(&f, v6, 253, 0, true, data, 63);
		NET_ASSERT_REASON(&f, FRAG_LENGTH);
		fragment(&f, v6, 253, 64, true, data, 1);
		NET_ASSERT_REASON(&f, FRAG_LENGTH);
		fragment(&f, v6, 253, 64, true, data, 0);
		NET_ASSERT_REASON(&f, FRAG_LENGTH);
		fragment(&f, v6, 253, 64, false, data, 0);
		NET_ASSERT_REASON(&f, FRAG_LENGTH);
		fragment(&f, v6, 253, 64, false, data, 63);
		NET_ASSERT_PASSES(&f);
		fragment(&f, v6, 253, 0, true, data, 64);
		NET_ASSERT_PASSES(&f);
	}
}

static void
fragments_beyond_65535_bytes_are_refused(void)
{
	static const uint8_t data[64];
	struct net_frame f;

	/* IPv4 counts its header of 20 bytes, IPv6 does not count its own of 40. */
	fragment(&f, false, 253, 65528, false, data, 1);
	NET_ASSERT_REASON(&f, FRAG_TOO_BIG);
	fragment(&f, false, 253, 65456, false, data, 60);
	NET_ASSERT_REASON(&f, FRAG_TOO_BIG);
	fragment(&f, false, 253, 65456, false, data, 59);
	NET_ASSERT_PASSES(&f);
	fragment(&f, true, 253, 65528, false, data, 8);
	NET_ASSERT_REASON(&f, FRAG_TOO_BIG);
	fragment(&f, true, 253, 65528, false, data, 7);
	NET_ASSERT_PASSES(&f);
}

static void
unfragmentable_headers_count_towards_65535(void)
{
	struct net_frame f;
	unsigned n;

	for (n = 7; n >= 6; n--) {
		net_start(&f);
		net_eth(&f, BH_ETH_IP6);
		net_ip6(&f, BH_EXT_DESTINATION);
		net_options6(&f, BH_EXT_FRAGMENT, 0);
		net_fragment6(&f, 253, 65520, false, 1);
		net_fill(&f, n + 1);
		net_end(&f);
		if (n == 7)
			NET_ASSERT_REASON(&f, FRAG_TOO_BIG);
		else
			NET_ASSERT_PASSES(&f);
	}
}

static void
first_fragment_must_hold_the_header(void)
{
	static const struct {
		uint8_t proto, need;
	} cases[] = {{BH_PROTO_TCP, 28},   {BH_PROTO_UDP, 8},   {BH_PROTO_ICMP, 8},
		     {BH_PROTO_ICMPV6, 8}, {BH_PROTO_SCTP, 16}, {253, 8}};
	uint8_t data[64] = {0};
	struct net_frame f;
	unsigned i, n, v6;

	data[12] = 0x70; /* TCP: 28 bytes of header */
	for (v6 = 0; v6 < 2; v6++) {
		for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
			for (n = 8; n <= 32; n += 8) {
				fragment(&f, v6, cases[i].proto, 0, true, data, n);
				if (n < cases[i].need)
					NET_ASSERT_REASON(&f, FRAG_NO_HEADER);
				else
					NET_ASSERT_PASSES(&f);
			}
			/* Of later ones nothing is asked. */
			fragment(&f, v6, cases[i].proto, 8, true, data, 8);
			NET_ASSERT_PASSES(&f);
		}
		data[12] = 0x60; /* 24 bytes, which just fit */
		fragment(&f, v6, BH_PROTO_TCP, 0, true, data, 24);
		NET_ASSERT_PASSES(&f);
		data[12] = 0x70;
	}
}

static void
first_fragment_must_hold_the_extension_headers(void)
{
	struct net_frame f;
	unsigned n;

	for (n = 0; n < 2; n++) {
		net_start(&f);
		net_eth(&f, BH_ETH_IP6);
		net_ip6(&f, BH_EXT_FRAGMENT);
		net_fragment6(&f, BH_EXT_DESTINATION, 0, true, 1);
		net_options6(&f, BH_PROTO_UDP, 1);
		if (n == 0)
			f.len -= 8;
		else
			net_fill(&f, 8);
		net_end(&f);
		if (n == 0)
			NET_ASSERT_REASON(&f, FRAG_NO_HEADER);
		else
			NET_ASSERT_PASSES(&f);
	}
}

/* Its data may begin anywhere in a header of the first one's. */
static void
data_of_a_later_fragment_is_not_read_as_headers(void)
{
	static const uint8_t exts[] = {BH_EXT_HOP_BY_HOP, BH_EXT_DESTINATION, BH_EXT_ROUTING,
				       BH_EXT_FRAGMENT, BH_EXT_AUTH};
	uint8_t data[64];
	struct net_frame f;
	struct bh_parsed h;
	unsigned i;

	memset(data, 0xff, sizeof(data));
	for (i = 0; i < BH_ARRAY_SIZE(exts); i++) {
		fragment(&f, true, exts[i], 64, true, data, sizeof(data));
		CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
		CU_ASSERT_EQUAL(h.kind, BH_FRAME_FRAGMENT);
		CU_ASSERT_EQUAL(h.key.proto, exts[i]);
		CU_ASSERT_EQUAL(h.l4_off, 14 + 40 + 8);
		CU_ASSERT_EQUAL(h.frag_len, sizeof(data));
	}
}

static void
chain_behind_a_fragment_header_is_judged(void)
{
	struct net_frame f;
	struct bh_parsed h;

	net_start(&f);
	net_eth(&f, BH_ETH_IP6);
	net_ip6(&f, BH_EXT_FRAGMENT);
	net_fragment6(&f, BH_EXT_FRAGMENT, 0, true, 1);
	net_fragment6(&f, BH_PROTO_UDP, 0, false, 1);
	net_fill(&f, 8);
	net_end(&f);
	NET_ASSERT_REASON(&f, IP6_EXT_ORDER);
	net_start(&f);
	net_eth(&f, BH_ETH_IP6);
	net_ip6(&f, BH_EXT_FRAGMENT);
	net_fragment6(&f, BH_EXT_DESTINATION, 0, true, 1);
	net_options6(&f, BH_PROTO_UDP, 0);
	net_fill(&f, 8);
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.proto, BH_EXT_DESTINATION);
	CU_ASSERT_EQUAL(h.l4_off, 14 + 40 + 8);
	CU_ASSERT_EQUAL(h.frag_len, 16);
}

/* ---- whole datagrams ------------------------------------------------------------------------------ */

static enum bh_reason
parse_datagram(const struct net_frame *f, uint32_t total, struct bh_parsed *h)
{
	struct bh_parse_params params;
	uint8_t *copy = malloc(f->len);
	enum bh_reason reason;

	if (copy == NULL)
		abort();
	memcpy(copy, f->b, f->len);
	bh_parse_params_default(&params);
	reason =
		bh_net_parse_datagram(&params, BH_LINK_ETHERNET, copy, f->len, f->len, 3, total, h);
	free(copy);
	return reason;
}

static void
datagram_is_judged_by_its_whole_length(void)
{
	uint8_t data[200];
	struct net_frame f;
	struct bh_parsed h;
	unsigned v6;

	udp_data(data, 53, 200);
	for (v6 = 0; v6 < 2; v6++) {
		fragment(&f, v6, BH_PROTO_UDP, 0, true, data, 64);
		CU_ASSERT_EQUAL(parse_datagram(&f, 200, &h), BH_REASON_NONE);
		CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
		CU_ASSERT_EQUAL(h.key.port[0], 1000);
		CU_ASSERT_EQUAL(h.key.port[1], 53);
		CU_ASSERT_EQUAL(h.key.pair, 3);
		CU_ASSERT_EQUAL(h.service, 53);
		CU_ASSERT_EQUAL(h.payload_len, 192);
		CU_ASSERT_EQUAL(h.l3_len, v6 ? 40 + 8 + 200 : 20 + 200);
		CU_ASSERT_EQUAL(h.flags, BH_PKT_CUT | BH_PKT_FIRST_FRAGMENT);
		CU_ASSERT_EQUAL(h.frag_off, 0);
		CU_ASSERT_EQUAL(h.frag_len, 0);
		CU_ASSERT_EQUAL(parse_datagram(&f, 201, &h), BH_REASON_UDP_LENGTH);
		CU_ASSERT_EQUAL(parse_datagram(&f, 199, &h), BH_REASON_UDP_LENGTH);
		CU_ASSERT_EQUAL(parse_datagram(&f, 63, &h), BH_REASON_FRAG_LENGTH);
		CU_ASSERT_EQUAL(parse_datagram(&f, 65536, &h), BH_REASON_FRAG_TOO_BIG);
		CU_ASSERT_EQUAL(parse_datagram(&f, v6 ? 65535 : 65515, &h), BH_REASON_UDP_LENGTH);
		CU_ASSERT_EQUAL(h.l3_len, 65535);
		if (!v6)
			CU_ASSERT_EQUAL(parse_datagram(&f, 65516, &h), BH_REASON_FRAG_TOO_BIG);
	}
}

static void
datagram_has_the_key_of_the_unfragmented_packet(void)
{
	struct net_frame f, whole;
	struct bh_parsed a, b;
	uint8_t data[120];

	net_start(&whole);
	net_eth(&whole, BH_ETH_IP4);
	net_ip4(&whole, BH_PROTO_TCP);
	net_tcp(&whole, 3000, 443, BH_TCP_ACK | BH_TCP_PSH);
	net_fill(&whole, 100);
	net_end(&whole);
	CU_ASSERT_EQUAL(net_parse(&whole, &a), BH_REASON_NONE);
	memcpy(data, whole.b + 34, 120);
	fragment(&f, false, BH_PROTO_TCP, 0, true, data, 48);
	CU_ASSERT_EQUAL(parse_datagram(&f, 120, &b), BH_REASON_NONE);
	CU_ASSERT_EQUAL(memcmp(&a.key, &b.key, sizeof(a.key)), 0);
	CU_ASSERT_EQUAL(a.tcp_seq, b.tcp_seq);
	CU_ASSERT_EQUAL(a.tcp_flags, b.tcp_flags);
	CU_ASSERT_EQUAL(a.payload_len, b.payload_len);
	CU_ASSERT_EQUAL(a.payload_off, b.payload_off);
	CU_ASSERT_EQUAL(a.l3_len, b.l3_len);
	data[13] = BH_TCP_SYN | BH_TCP_FIN;
	fragment(&f, false, BH_PROTO_TCP, 0, true, data, 48);
	CU_ASSERT_EQUAL(parse_datagram(&f, 120, &b), BH_REASON_TCP_FLAGS);
}

static void
later_fragment_is_no_datagram_and_a_whole_packet_is_itself(void)
{
	uint8_t data[64];
	struct net_frame f;
	struct bh_parsed a, b;

	udp_data(data, 53, 64);
	fragment(&f, false, BH_PROTO_UDP, 8, true, data, 64);
	CU_ASSERT_EQUAL(parse_datagram(&f, 72, &a), BH_REASON_FRAG_NO_HEADER);
	fragment(&f, false, BH_PROTO_UDP, 0, false, data, 64);
	CU_ASSERT_EQUAL(parse_datagram(&f, 64, &a), BH_REASON_NONE);
	CU_ASSERT_EQUAL(net_parse(&f, &b), BH_REASON_NONE);
	CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
}

/* VXLAN in a fragmented outer datagram: inner Ethernet, IPv4, UDP of 296 bytes. */
static uint32_t
vxlan_data(uint8_t *out, unsigned inner_flags)
{
	struct net_frame f;

	net_start(&f);
	net_ip4(&f, BH_PROTO_UDP);
	net_udp(&f, 40000, 4789);
	net_32(&f, 0x08000000);
	net_32(&f, 77 << 8);
	net_eth(&f, BH_ETH_IP4);
	memcpy(f.src, "\xc0\xa8\0\1", 4);
	memcpy(f.dst, "\xc0\xa8\0\2", 4);
	net_ip4(&f, BH_PROTO_UDP);
	net_udp(&f, 2000, 123);
	net_fill(&f, 296);
	net_end(&f);
	net_set16(&f, 50 + 6, inner_flags);
	net_sum4(&f, 50);
	memcpy(out, f.b + 20, f.len - 20);
	return f.len - 20;
}

static void
inner_headers_are_reached_in_a_fragmented_tunnel(void)
{
	uint8_t data[512];
	uint32_t total = vxlan_data(data, 0x4000);
	struct net_frame f;
	struct bh_parsed h;

	fragment(&f, false, BH_PROTO_UDP, 0, true, data, 128);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_FRAGMENT);
	CU_ASSERT_EQUAL(h.key.tunnel, BH_TUNNEL_NONE);
	CU_ASSERT_EQUAL(parse_datagram(&f, total, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
	CU_ASSERT_EQUAL(h.key.tunnel, BH_TUNNEL_VXLAN);
	CU_ASSERT_EQUAL(BH_TENANT_VNI(h.key.tenant), 77);
	CU_ASSERT_EQUAL(h.service, 123);
	CU_ASSERT_EQUAL(h.payload_len, 296);
	CU_ASSERT_EQUAL(h.l3_len, 324);
	CU_ASSERT_EQUAL(h.flags, BH_PKT_CUT | BH_PKT_FIRST_FRAGMENT | BH_PKT_TUNNELLED);
	/* Inner headers that lie in a later fragment cannot be read. */
	fragment(&f, false, BH_PROTO_UDP, 0, true, data, 32);
	CU_ASSERT_EQUAL(parse_datagram(&f, total, &h), BH_REASON_IP4_TRUNCATED);
	fragment(&f, false, BH_PROTO_UDP, 0, true, data, 56);
	CU_ASSERT_EQUAL(parse_datagram(&f, total, &h), BH_REASON_UDP_TRUNCATED);
}

static void
fragment_inside_a_fragmented_tunnel_is_refused(void)
{
	uint8_t data[512];
	uint32_t total = vxlan_data(data, MF);
	struct net_frame f;
	struct bh_parsed h;

	fragment(&f, false, BH_PROTO_UDP, 0, true, data, 128);
	CU_ASSERT_EQUAL(parse_datagram(&f, total, &h), BH_REASON_FRAG_NO_HEADER);
}

static void
fragment_inside_a_tunnel_is_a_fragment_of_the_inner_flow(void)
{
	struct net_frame f;
	struct bh_parsed h;
	uint8_t data[512];
	uint32_t n = vxlan_data(data, MF);

	net_start(&f);
	net_eth(&f, BH_ETH_IP4);
	net_ip4(&f, BH_PROTO_UDP);
	net_bytes(&f, data, n);
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_FRAGMENT);
	CU_ASSERT_EQUAL(h.key.tunnel, BH_TUNNEL_VXLAN);
	CU_ASSERT_EQUAL(h.key.addr[0].b[0], 0xc0);
	CU_ASSERT_EQUAL(h.frag_len, 304);
	CU_ASSERT_EQUAL(h.flags, BH_PKT_FIRST_FRAGMENT | BH_PKT_TUNNELLED);
	net_set16(&f, 64 + 6, 8);
	net_sum4(&f, 64);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.flags, BH_PKT_LAST_FRAGMENT | BH_PKT_TUNNELLED);
	net_set16(&f, 64 + 6, MF);
	net_sum4(&f, 64);
	/* The inner datagram, once whole: the outer packet stays as it is. */
	CU_ASSERT_EQUAL(parse_datagram(&f, 304, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.flags, BH_PKT_FIRST_FRAGMENT | BH_PKT_TUNNELLED);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
	CU_ASSERT_EQUAL(h.service, 123);
	CU_ASSERT_EQUAL(h.payload_len, 296);
}

static void
neighbour_discovery_in_fragments_is_not_trusted(void)
{
	static const uint8_t src[16] = {0xfe, 0x80, [15] = 1};
	struct net_frame f;
	struct bh_parsed h;
	unsigned atomic;

	for (atomic = 0; atomic < 2; atomic++) {
		net_start(&f);
		net_eth(&f, BH_ETH_IP6);
		memcpy(f.src, src, 16);
		net_ip6(&f, atomic ? BH_EXT_FRAGMENT : BH_PROTO_ICMPV6);
		f.b[14 + 7] = 255;
		if (atomic)
			net_fragment6(&f, BH_PROTO_ICMPV6, 0, false, 1);
		net_icmp(&f, true, 135, 0, 0);
		net_fill(&f, 16);
		net_end(&f);
		CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
		CU_ASSERT_EQUAL(h.kind, atomic ? BH_FRAME_IP : BH_FRAME_ND);
	}
}

static void
group_membership_in_fragments_is_not_trusted(void)
{
	static const uint8_t data[16] = {0x22};
	struct net_frame f;
	struct bh_parsed h;

	fragment(&f, false, BH_PROTO_IGMP, 0, true, data, 16);
	memcpy(f.b + 14 + 16, "\xe0\0\0\x16", 4);
	f.b[14 + 8] = 1;
	net_sum4(&f, 14);
	CU_ASSERT_EQUAL(parse_datagram(&f, 32, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
	net_set16(&f, 14 + 6, 0);
	net_sum4(&f, 14);
	CU_ASSERT_EQUAL(parse_datagram(&f, 32, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_MCAST);
}

const struct bh_unit_test bh_suite_net_fragment[] = {
	BH_TEST(fragment_has_addresses_and_id_but_no_ports),
	BH_TEST(fragments_of_both_directions_differ_by_from_alone),
	BH_TEST(fragment_lengths_are_judged),
	BH_TEST(fragments_beyond_65535_bytes_are_refused),
	BH_TEST(unfragmentable_headers_count_towards_65535),
	BH_TEST(first_fragment_must_hold_the_header),
	BH_TEST(first_fragment_must_hold_the_extension_headers),
	BH_TEST(data_of_a_later_fragment_is_not_read_as_headers),
	BH_TEST(chain_behind_a_fragment_header_is_judged),
	BH_TEST(datagram_is_judged_by_its_whole_length),
	BH_TEST(datagram_has_the_key_of_the_unfragmented_packet),
	BH_TEST(later_fragment_is_no_datagram_and_a_whole_packet_is_itself),
	BH_TEST(inner_headers_are_reached_in_a_fragmented_tunnel),
	BH_TEST(fragment_inside_a_fragmented_tunnel_is_refused),
	BH_TEST(fragment_inside_a_tunnel_is_a_fragment_of_the_inner_flow),
	BH_TEST(neighbour_discovery_in_fragments_is_not_trusted),
	BH_TEST(group_membership_in_fragments_is_not_trusted),
	BH_TEST_END,
};
