/* What is below IP: Ethernet, tags, LLC, link headers of captures. */
#include "net_frame.h"

static void
udp4(struct net_frame *f)
{
	net_ip4(f, BH_PROTO_UDP);
	net_udp(f, 1000, 53);
	net_fill(f, 10);
	net_end(f);
}

static void
plain(struct net_frame *f)
{
	net_start(f);
	net_eth(f, BH_ETH_IP4);
	udp4(f);
}

static void
frame_shorter_than_ethernet_is_a_runt(void)
{
	struct net_frame f;
	struct bh_parsed h;
	uint32_t n;

	plain(&f);
	for (n = 0; n < 14; n++) {
		CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, n, n, &h), BH_REASON_ETH_RUNT);
		CU_ASSERT_EQUAL(h.key.family, 0);
		CU_ASSERT_EQUAL(h.kind, BH_FRAME_OTHER);
	}
	CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, 14, 14, &h), BH_REASON_IP4_TRUNCATED);
	NET_ASSERT_PASSES(&f);
}

static void
two_tags_are_read_and_three_refused(void)
{
	static const unsigned tpid[] = {0x8100, 0x88a8, 0x9100};
	struct net_frame f;
	struct bh_parsed h;
	unsigned i;

	for (i = 0; i < 9; i++) {
		net_start(&f);
		net_macs(&f);
		net_tag(&f, tpid[i % 3], 0xe064);
		net_tag(&f, tpid[i / 3], 0x20c8);
		net_16(&f, BH_ETH_IP4);
		udp4(&f);
		CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
		CU_ASSERT_EQUAL(BH_TENANT_VLAN1(h.key.tenant), 0x064);
		CU_ASSERT_EQUAL(BH_TENANT_VLAN2(h.key.tenant), 0x0c8);
		CU_ASSERT_EQUAL(BH_TENANT_VNI(h.key.tenant), 0);
		CU_ASSERT_EQUAL(h.l3_off, 22);
		CU_ASSERT_EQUAL(h.ethertype, BH_ETH_IP4);

		net_start(&f);
		net_macs(&f);
		net_tag(&f, tpid[i % 3], 1);
		net_tag(&f, tpid[i / 3], 2);
		net_tag(&f, 0x8100, 3);
		net_16(&f, BH_ETH_IP4);
		udp4(&f);
		NET_ASSERT_REASON(&f, VLAN_DEPTH);
	}
}

static void
one_tag_is_the_first_vlan_and_priority_tags_are_none(void)
{
	struct net_frame f;
	struct bh_parsed h;

	net_start(&f);
	net_macs(&f);
	net_tag(&f, 0x8100, 0xefff);
	net_16(&f, BH_ETH_IP4);
	udp4(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.tenant, (bh_tenant)0xfff << 52);

	net_start(&f);
	net_macs(&f);
	net_tag(&f, 0x8100, 0xe000);
	net_16(&f, BH_ETH_IP4);
	udp4(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.tenant, 0);

	net_start(&f);
	net_macs(&f);
	net_tag(&f, 0x88a8, 1);
	net_tag(&f, 0x8100, 1);
	net_16(&f, BH_ETH_IP4);
	udp4(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.tenant, (bh_tenant)1 << 52 | (bh_tenant)1 << 40);

	net_start(&f);
	net_macs(&f);
	net_tag(&f, 0x88a8, 0x0000);
	net_tag(&f, 0x8100, 0x0007);
	net_16(&f, BH_ETH_IP4);
	udp4(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.tenant, (bh_tenant)7 << 52);
}

static void
frame_that_ends_inside_a_tag_is_refused(void)
{
	struct net_frame f;
	struct bh_parsed h;
	uint32_t n;

	net_start(&f);
	net_macs(&f);
	net_tag(&f, 0x88a8, 5);
	net_tag(&f, 0x8100, 6);
	net_16(&f, BH_ETH_IP4);
	udp4(&f);
	for (n = 14; n < 22; n++)
		CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, n, n, &h),
				BH_REASON_VLAN_TRUNCATED);
	CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, 22, 22, &h), BH_REASON_IP4_TRUNCATED);
}

static void
assert_kind(unsigned type, const char *body, uint32_t n, enum bh_frame_kind kind)
{
	struct net_frame f;
	struct bh_parsed h;
	unsigned tagged;

	for (tagged = 0; tagged < 2; tagged++) {
		net_start(&f);
		net_macs(&f);
		if (tagged)
			net_tag(&f, 0x8100, 9);
		net_16(&f, type);
		net_bytes(&f, body, n);
		net_fill(&f, 46);
		CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
		CU_ASSERT_EQUAL(h.kind, kind);
		CU_ASSERT_EQUAL(h.key.family, 0);
		CU_ASSERT_EQUAL(h.key.pair, 3);
		CU_ASSERT_EQUAL(h.key.tenant, tagged ? (bh_tenant)9 << 52 : 0);
		CU_ASSERT_EQUAL(h.ethertype, type < 0x600 ? 0 : type);
		CU_ASSERT_EQUAL(h.payload_off, tagged ? 18 : 14);
		CU_ASSERT_EQUAL(h.l3_off, h.payload_off);
		CU_ASSERT_EQUAL(h.l4_off, h.payload_off);
		CU_ASSERT_EQUAL(h.outer_l3_off, h.payload_off);
		CU_ASSERT_EQUAL(h.payload_len, type < 0x600 ? type : n + 46);
	}
}

static void
frames_other_than_ip_have_their_kind(void)
{
	assert_kind(0x0806, "", 0, BH_FRAME_ARP);
	assert_kind(0x88cc, "", 0, BH_FRAME_LLDP);
	assert_kind(0x0026, "\x42\x42\x03", 3, BH_FRAME_STP);
	assert_kind(0x0032, "\xaa\xaa\x03\x00\x00\x0c\x01\x0b", 8, BH_FRAME_STP);
	assert_kind(0x0008, "\xaa\xaa\x03\x00\x00\x0c\x01\x0b", 8, BH_FRAME_STP);
	assert_kind(0x0003, "\x42\x42\x03", 3, BH_FRAME_STP);
	/* Their twins, off by a byte. */
	assert_kind(0x0007, "\xaa\xaa\x03\x00\x00\x0c\x01\x0b", 8, BH_FRAME_OTHER);
	assert_kind(0x0026, "\x42\x43\x03", 3, BH_FRAME_OTHER);
	assert_kind(0x0032, "\xaa\xaa\x03\x00\x00\x0c\x01\x0c", 8, BH_FRAME_OTHER);
	assert_kind(0x0002, "\x42\x42\x03", 3, BH_FRAME_OTHER); /* a length that ends before */
	assert_kind(0x0026, "\xaa\xaa\x03\x00\x00\x00\x08\x00", 8, BH_FRAME_OTHER);
	assert_kind(0x8847, "", 0, BH_FRAME_OTHER);
	assert_kind(0x8864, "", 0, BH_FRAME_OTHER);
	assert_kind(0x0600, "", 0, BH_FRAME_OTHER);
}

static void
length_field_beyond_the_frame_reads_what_there_is(void)
{
	struct net_frame f;
	struct bh_parsed h;

	net_start(&f);
	net_eth(&f, 0x05ff);
	net_bytes(&f, "\x42\x42\x03", 3);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_STP);
	CU_ASSERT_EQUAL(h.payload_len, 3);
}

static void
padding_is_no_payload(void)
{
	struct net_frame f;
	struct bh_parsed h;

	net_start(&f);
	net_eth(&f, BH_ETH_IP4);
	net_ip4(&f, BH_PROTO_TCP);
	net_tcp(&f, 1, 2, BH_TCP_ACK);
	net_end(&f);
	net_fill(&f, 6);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.payload_len, 0);
	CU_ASSERT_EQUAL(h.payload_off, 54);
	/* Padding that a capture cut off is not missed. */
	CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, 54, 60, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.flags, 0);
}

/* The same packet behind a link header of n bytes. */
static void
assert_link(enum bh_link_type link, const void *header, uint32_t n, bool v6)
{
	struct net_frame f;
	struct bh_parsed h, eth;
	uint32_t cut;

	net_start(&f);
	net_eth(&f, v6 ? BH_ETH_IP6 : BH_ETH_IP4);
	if (v6)
		net_ip6(&f, BH_PROTO_TCP);
	else
		net_ip4(&f, BH_PROTO_TCP);
	net_tcp(&f, 5, 6, BH_TCP_SYN);
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &eth), BH_REASON_NONE);
	net_start(&f);
	net_bytes(&f, header, n);
	if (v6)
		net_ip6(&f, BH_PROTO_TCP);
	else
		net_ip4(&f, BH_PROTO_TCP);
	net_tcp(&f, 5, 6, BH_TCP_SYN);
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse_cut(&f, link, f.len, f.len, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(memcmp(&h.key, &eth.key, sizeof(h.key)), 0);
	CU_ASSERT_EQUAL(h.l3_off, n);
	CU_ASSERT_EQUAL(h.l4_off - n, eth.l4_off - 14u);
	CU_ASSERT_EQUAL(h.ethertype, eth.ethertype);
	for (cut = 0; cut < n; cut++)
		CU_ASSERT_EQUAL(net_parse_cut(&f, link, cut, cut, &h), BH_REASON_LINK_TRUNCATED);
}

static void
link_headers_of_captures_lead_to_the_same_packet(void)
{
	assert_link(BH_LINK_RAW_IP, "", 0, false);
	assert_link(BH_LINK_RAW_IP, "", 0, true);
	assert_link(BH_LINK_SLL, "\0\0\0\1\0\6\0\0\0\0\0\0\0\0\x08\x00", 16, false);
	assert_link(BH_LINK_SLL, "\0\4\0\1\0\6\0\0\0\0\0\0\0\0\x86\xdd", 16, true);
	assert_link(BH_LINK_SLL2, "\x08\0\0\0\0\0\0\2\0\1\0\6\0\0\0\0\0\0\0\0", 20, false);
	assert_link(BH_LINK_SLL2, "\x86\xdd\0\0\0\0\0\2\0\1\0\6\0\0\0\0\0\0\0\0", 20, true);
	assert_link(BH_LINK_NULL, "\2\0\0\0", 4, false);
	assert_link(BH_LINK_NULL, "\0\0\0\2", 4, false);
	assert_link(BH_LINK_NULL, "\x0a\0\0\0", 4, true);
	assert_link(BH_LINK_NULL, "\0\0\0\x18", 4, true);
	assert_link(BH_LINK_NULL, "\x1c\0\0\0", 4, true);
	assert_link(BH_LINK_NULL, "\x1e\0\0\0", 4, true);
}

static enum bh_reason
judge_link(enum bh_link_type link, const void *bytes, uint32_t n, struct bh_parsed *h)
{
	struct net_frame f;

	net_start(&f);
	net_bytes(&f, bytes, n);
	net_fill(&f, 40);
	return net_parse_cut(&f, link, f.len, f.len, h);
}

static void
unknown_link_headers_are_refused_and_odd_ones_are_other(void)
{
	static const uint8_t stp[20] = {[3] = 1, [15] = 4, [16] = 0x42, 0x42, 3};
	static const uint8_t tagged[24] = {[3] = 1, [14] = 0x81, 0, 0, 77, 0x08, 0x06};
	static const uint8_t netlink[20] = {[2] = 824 >> 8, 824 & 0xff, [14] = 0x08};
	static const uint8_t netlink2[20] = {8, 0, [8] = 824 >> 8, 824 & 0xff};
	struct bh_parsed h;

	CU_ASSERT_EQUAL(judge_link(BH_LINK_RAW_IP, "\x55", 1, &h), BH_REASON_LINK_TRUNCATED);
	CU_ASSERT_EQUAL(judge_link(BH_LINK_NULL, "\0\0\0\7", 4, &h), BH_REASON_LINK_TRUNCATED);
	CU_ASSERT_EQUAL(judge_link((enum bh_link_type)99, stp, 20, &h), BH_REASON_LINK_TRUNCATED);
	CU_ASSERT_EQUAL(judge_link(BH_LINK_SLL, stp, 20, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_STP);
	CU_ASSERT_EQUAL(judge_link(BH_LINK_SLL, netlink, 20, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_OTHER);
	CU_ASSERT_EQUAL(judge_link(BH_LINK_SLL2, netlink2, 20, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_OTHER);
	CU_ASSERT_EQUAL(judge_link(BH_LINK_SLL, tagged, 24, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_ARP);
	CU_ASSERT_EQUAL(h.key.tenant, (bh_tenant)77 << 52);
}

static void
kinds_have_names(void)
{
	unsigned i, j;

	for (i = 0; i < BH_FRAME_KINDS; i++) {
		CU_ASSERT_STRING_NOT_EQUAL(bh_frame_kind_name(i), "invalid");
		for (j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(bh_frame_kind_name(i), bh_frame_kind_name(j));
	}
	CU_ASSERT_STRING_EQUAL(bh_frame_kind_name(BH_FRAME_KINDS), "invalid");
	CU_ASSERT_STRING_EQUAL(bh_frame_kind_name(BH_FRAME_ND), "nd");
}

const struct bh_unit_test bh_suite_net_link[] = {
	BH_TEST(frame_shorter_than_ethernet_is_a_runt),
	BH_TEST(two_tags_are_read_and_three_refused),
	BH_TEST(one_tag_is_the_first_vlan_and_priority_tags_are_none),
	BH_TEST(frame_that_ends_inside_a_tag_is_refused),
	BH_TEST(frames_other_than_ip_have_their_kind),
	BH_TEST(length_field_beyond_the_frame_reads_what_there_is),
	BH_TEST(padding_is_no_payload),
	BH_TEST(link_headers_of_captures_lead_to_the_same_packet),
	BH_TEST(unknown_link_headers_are_refused_and_odd_ones_are_other),
	BH_TEST(kinds_have_names),
	BH_TEST_END,
};
