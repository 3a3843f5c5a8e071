/* The IPv4 header: every way it can be wrong beside a twin that is right. */
#include "net_frame.h"

#define L3 14u
#define L4 34u

static void
plain(struct net_frame *f)
{
	net_start(f);
	net_eth(f, BH_ETH_IP4);
	net_ip4(f, BH_PROTO_UDP);
	net_udp(f, 1000, 53);
	net_fill(f, 16);
	net_end(f);
}

static void
fields_of_a_plain_packet_are_read(void)
{
	struct net_frame f;
	struct bh_parsed h;

	plain(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
	CU_ASSERT_EQUAL(h.key.family, BH_IP4);
	CU_ASSERT_EQUAL(h.key.proto, BH_PROTO_UDP);
	CU_ASSERT_EQUAL(h.key.pair, 3);
	CU_ASSERT_EQUAL(memcmp(h.key.addr[0].b, f.src, 16), 0);
	CU_ASSERT_EQUAL(memcmp(h.key.addr[1].b, f.dst, 16), 0);
	CU_ASSERT_EQUAL(h.key.port[0], 1000);
	CU_ASSERT_EQUAL(h.key.port[1], 53);
	CU_ASSERT_EQUAL(h.from, 0);
	CU_ASSERT_EQUAL(h.service, 53);
	CU_ASSERT_EQUAL(h.l3_off, L3);
	CU_ASSERT_EQUAL(h.outer_l3_off, L3);
	CU_ASSERT_EQUAL(h.l4_off, L4);
	CU_ASSERT_EQUAL(h.payload_off, L4 + 8);
	CU_ASSERT_EQUAL(h.payload_len, 16);
	CU_ASSERT_EQUAL(h.l3_len, 44);
	CU_ASSERT_EQUAL(h.ttl, 64);
	CU_ASSERT_EQUAL(h.ip_id, 0x1234);
	CU_ASSERT_EQUAL(h.flags, 0);
}

static void
header_cut_short_is_refused(void)
{
	struct net_frame f;
	struct bh_parsed h;
	uint32_t n;

	plain(&f);
	for (n = L3; n < L4; n++)
		CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, n, n, &h),
				BH_REASON_IP4_TRUNCATED);
	/* On the wire all was there, in memory it is not. */
	for (n = L3; n < L4; n++)
		CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, n, f.len, &h),
				BH_REASON_IP4_TRUNCATED);
}

static void
options_that_are_not_in_memory_are_refused(void)
{
	struct net_frame f;
	struct bh_parsed h;

	net_start(&f);
	net_eth(&f, BH_ETH_IP4);
	net_ip4_with(&f, 253, "\1\1\1\1\1\1\1\0", 8);
	net_fill(&f, 20);
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, L4 + 7, f.len, &h),
			BH_REASON_IP4_TRUNCATED);
	CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, L4 + 8, f.len, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.flags, BH_PKT_CUT);
}

static void
wrong_version_is_refused(void)
{
	struct net_frame f;
	struct bh_parsed h;

	plain(&f);
	f.b[L3] = 0x65;
	net_sum4(&f, L3);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_IP4_VERSION);
	CU_ASSERT_EQUAL(h.key.family, 0);
	f.b[L3] = 0x45;
	net_sum4(&f, L3);
	NET_ASSERT_PASSES(&f);
}

static void
header_length_is_judged(void)
{
	struct net_frame f;

	plain(&f);
	f.b[L3] = 0x44;
	NET_ASSERT_REASON(&f, IP4_IHL);
	/* 12 words, 48 bytes, in a packet of 44. */
	f.b[L3] = 0x4c;
	NET_ASSERT_REASON(&f, IP4_IHL);
	f.b[L3] = 0x45;
	NET_ASSERT_PASSES(&f);
}

static void
total_length_is_judged(void)
{
	struct net_frame f;

	plain(&f);
	net_set16(&f, L3 + 2, 19);
	net_sum4(&f, L3);
	NET_ASSERT_REASON(&f, IP4_LENGTH);
	net_set16(&f, L3 + 2, 0);
	net_sum4(&f, L3);
	NET_ASSERT_REASON(&f, IP4_LENGTH);
	net_set16(&f, L3 + 2, f.len - L3 + 1);
	net_sum4(&f, L3);
	NET_ASSERT_REASON(&f, IP4_LENGTH);
	net_set16(&f, L3 + 2, f.len - L3);
	net_sum4(&f, L3);
	NET_ASSERT_PASSES(&f);
}

static void
every_flipped_bit_breaks_the_checksum(void)
{
	struct net_frame f;
	unsigned bit;

	plain(&f);
	/* From identification on: nothing that another reason would catch first. */
	for (bit = 4 * 8; bit < 20 * 8; bit++) {
		f.b[L3 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		NET_ASSERT_REASON(&f, IP4_CHECKSUM);
		f.b[L3 + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	NET_ASSERT_PASSES(&f);
}

static void
checksum_over_options_is_judged(void)
{
	struct net_frame f;

	net_start(&f);
	net_eth(&f, BH_ETH_IP4);
	net_ip4_with(&f, 253, "\x94\x04\0\0", 4); /* router alert */
	net_end(&f);
	NET_ASSERT_PASSES(&f);
	f.b[L4 + 3] ^= 1;
	NET_ASSERT_REASON(&f, IP4_CHECKSUM);
}

static void
checksum_is_ignored_when_not_asked_for(void)
{
	struct bh_parse_params params;
	struct net_frame f;
	struct bh_parsed h;

	bh_parse_params_default(&params);
	CU_ASSERT_TRUE(params.check_ip4_checksum);
	params.check_ip4_checksum = false;
	plain(&f);
	net_set16(&f, L3 + 10, 0);
	CU_ASSERT_EQUAL(bh_net_parse(&params, BH_LINK_ETHERNET, f.b, f.len, f.len, 0, &h),
			BH_REASON_NONE);
	NET_ASSERT_REASON(&f, IP4_CHECKSUM);
}

static enum bh_reason
judge_options(const void *options, uint32_t n)
{
	struct net_frame f;

	net_start(&f);
	net_eth(&f, BH_ETH_IP4);
	net_ip4_with(&f, BH_PROTO_UDP, options, n);
	net_udp(&f, 1, 2);
	net_end(&f);
	return net_judge(&f);
}

static void
option_lists_must_hold_together(void)
{
	CU_ASSERT_EQUAL(judge_options("\1\1\1\0", 4), BH_REASON_NONE);
	CU_ASSERT_EQUAL(judge_options("\x94\x04\0\0", 4), BH_REASON_NONE);
	CU_ASSERT_EQUAL(judge_options("\x42\x02\1\0", 4), BH_REASON_NONE);
	CU_ASSERT_EQUAL(judge_options("\x07\x07\x04\0\0\0\0\0", 8), BH_REASON_NONE);
	/* What stands behind the end of the list is not read. */
	CU_ASSERT_EQUAL(judge_options("\0\x83\x01\x01", 4), BH_REASON_NONE);
	CU_ASSERT_EQUAL(judge_options("\x94\x05\0\0", 4), BH_REASON_IP4_OPTION);
	CU_ASSERT_EQUAL(judge_options("\x94\x01\0\0", 4), BH_REASON_IP4_OPTION);
	CU_ASSERT_EQUAL(judge_options("\x94\x00\0\0", 4), BH_REASON_IP4_OPTION);
	CU_ASSERT_EQUAL(judge_options("\1\1\1\x94", 4), BH_REASON_IP4_OPTION);
}

static void
source_routes_are_refused(void)
{
	CU_ASSERT_EQUAL(judge_options("\x83\x07\x04\x0a\0\0\1\0", 8), BH_REASON_IP4_SOURCE_ROUTE);
	CU_ASSERT_EQUAL(judge_options("\1\x89\x07\x04\x0a\0\0\1", 8), BH_REASON_IP4_SOURCE_ROUTE);
	/* Record route only writes down where it went. */
	CU_ASSERT_EQUAL(judge_options("\1\x07\x07\x04\0\0\0\0", 8), BH_REASON_NONE);
}

static enum bh_reason
judge_flags(unsigned flags)
{
	struct net_frame f;

	plain(&f);
	net_set16(&f, L3 + 6, flags);
	net_sum4(&f, L3);
	return net_judge(&f);
}

static void
flags_that_contradict_are_refused(void)
{
	CU_ASSERT_EQUAL(judge_flags(0x8000), BH_REASON_IP4_FLAGS);
	CU_ASSERT_EQUAL(judge_flags(0xc000), BH_REASON_IP4_FLAGS);
	CU_ASSERT_EQUAL(judge_flags(0x6000), BH_REASON_IP4_FLAGS);
	CU_ASSERT_EQUAL(judge_flags(0x4001), BH_REASON_IP4_FLAGS);
	CU_ASSERT_EQUAL(judge_flags(0x4000), BH_REASON_NONE);
	CU_ASSERT_EQUAL(judge_flags(0x2000), BH_REASON_NONE);
	CU_ASSERT_EQUAL(judge_flags(0x0001), BH_REASON_NONE);
	CU_ASSERT_EQUAL(judge_flags(0), BH_REASON_NONE);
}

static void
addresses_of_a_malformed_packet_are_told(void)
{
	struct net_frame f;
	struct bh_parsed h;

	plain(&f);
	net_set16(&f, L3 + 10, 0);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_IP4_CHECKSUM);
	CU_ASSERT_EQUAL(h.key.family, BH_IP4);
	CU_ASSERT_EQUAL(h.key.proto, BH_PROTO_UDP);
	CU_ASSERT_EQUAL(memcmp(h.key.addr[h.from].b, f.src, 4), 0);
	CU_ASSERT_EQUAL(memcmp(h.key.addr[1 - h.from].b, f.dst, 4), 0);
	CU_ASSERT_EQUAL(h.l3_off, L3);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
	CU_ASSERT_EQUAL(h.payload_off, 0);
}

const struct bh_unit_test bh_suite_net_ip4[] = {
	BH_TEST(fields_of_a_plain_packet_are_read),
	BH_TEST(header_cut_short_is_refused),
	BH_TEST(options_that_are_not_in_memory_are_refused),
	BH_TEST(wrong_version_is_refused),
	BH_TEST(header_length_is_judged),
	BH_TEST(total_length_is_judged),
	BH_TEST(every_flipped_bit_breaks_the_checksum),
	BH_TEST(checksum_over_options_is_judged),
	BH_TEST(checksum_is_ignored_when_not_asked_for),
	BH_TEST(option_lists_must_hold_together),
	BH_TEST(source_routes_are_refused),
	BH_TEST(flags_that_contradict_are_refused),
	BH_TEST(addresses_of_a_malformed_packet_are_told),
	BH_TEST_END,
};
