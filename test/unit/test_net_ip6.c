/* The IPv6 header and its extension headers: every way they can be wrong beside a right twin. */
#include "net_frame.h"

#define L3 14u
#define EXT 54u

static void
begin(struct net_frame *f, unsigned next)
{
	net_start(f);
	net_eth(f, BH_ETH_IP6);
	net_ip6(f, next);
}

static void
finish(struct net_frame *f)
{
	net_udp(f, 1000, 53);
	net_fill(f, 8);
	net_end(f);
}

static void
plain(struct net_frame *f)
{
	begin(f, BH_PROTO_UDP);
	finish(f);
}

static void
fields_of_a_plain_packet_are_read(void)
{
	struct net_frame f;
	struct bh_parsed h;

	plain(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
	CU_ASSERT_EQUAL(h.key.family, BH_IP6);
	CU_ASSERT_EQUAL(memcmp(h.key.addr[0].b, f.src, 16), 0);
	CU_ASSERT_EQUAL(memcmp(h.key.addr[1].b, f.dst, 16), 0);
	CU_ASSERT_EQUAL(h.l3_off, L3);
	CU_ASSERT_EQUAL(h.l4_off, EXT);
	CU_ASSERT_EQUAL(h.payload_len, 8);
	CU_ASSERT_EQUAL(h.l3_len, 56);
	CU_ASSERT_EQUAL(h.ttl, 64);
	CU_ASSERT_EQUAL(h.ethertype, BH_ETH_IP6);
}

static void
header_cut_short_is_refused(void)
{
	struct net_frame f;
	struct bh_parsed h;
	uint32_t n;

	plain(&f);
	for (n = L3; n < EXT; n++) {
		CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, n, n, &h),
				BH_REASON_IP6_TRUNCATED);
		CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, n, f.len, &h),
				BH_REASON_IP6_TRUNCATED);
	}
}

static void
wrong_version_is_refused(void)
{
	struct net_frame f;

	plain(&f);
	f.b[L3] = 0x40;
	NET_ASSERT_REASON(&f, IP6_VERSION);
	f.b[L3] = 0x6f; /* traffic class */
	NET_ASSERT_PASSES(&f);
}

static void
payload_length_beyond_the_frame_is_refused(void)
{
	struct net_frame f;

	plain(&f);
	net_set16(&f, L3 + 4, 17);
	NET_ASSERT_REASON(&f, IP6_LENGTH);
	net_set16(&f, L3 + 4, 16);
	NET_ASSERT_PASSES(&f);
}

static void
extension_headers_in_order_are_followed(void)
{
	struct net_frame f;
	struct bh_parsed h;

	begin(&f, BH_EXT_HOP_BY_HOP);
	net_options6(&f, BH_EXT_DESTINATION, 0);
	net_options6(&f, BH_EXT_ROUTING, 1);
	net_routing6(&f, BH_EXT_FRAGMENT, 4, 0);
	net_fragment6(&f, BH_EXT_AUTH, 0, false, 7);
	net_auth(&f, BH_EXT_DESTINATION);
	net_options6(&f, BH_PROTO_UDP, 2);
	finish(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
	CU_ASSERT_EQUAL(h.key.proto, BH_PROTO_UDP);
	CU_ASSERT_EQUAL(h.l4_off, EXT + 8 + 16 + 24 + 8 + 24 + 24);
	CU_ASSERT_EQUAL(h.key.port[0], 1000);
	CU_ASSERT_EQUAL(h.flags, 0);
}

static void
extension_header_that_runs_over_the_packet_is_refused(void)
{
	static const uint8_t exts[] = {BH_EXT_HOP_BY_HOP, BH_EXT_DESTINATION, BH_EXT_ROUTING,
				       BH_EXT_FRAGMENT, BH_EXT_AUTH};
	struct net_frame f;
	struct bh_parsed h;
	unsigned i, n;

	for (i = 0; i < BH_ARRAY_SIZE(exts); i++) {
		for (n = 0; n < 8; n++) {
			begin(&f, exts[i]);
			net_fill(&f, n);
			net_end(&f);
			if (n == 0 && exts[i] == BH_EXT_HOP_BY_HOP)
				continue; /* that would announce a jumbogram */
			NET_ASSERT_REASON(&f, IP6_EXT_TRUNCATED);
		}
		if (exts[i] == BH_EXT_FRAGMENT)
			continue;
		begin(&f, exts[i]);
		net_options6(&f, BH_PROTO_NONE, 1);
		net_end(&f);
		f.b[EXT + 1] = exts[i] == BH_EXT_AUTH ? 3 : 2;
		NET_ASSERT_REASON(&f, IP6_EXT_TRUNCATED);
	}
	/* The wire had it all, memory does not. */
	begin(&f, BH_EXT_DESTINATION);
	net_options6(&f, BH_PROTO_UDP, 1);
	finish(&f);
	CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, EXT + 15, f.len, &h),
			BH_REASON_IP6_EXT_TRUNCATED);
	NET_ASSERT_PASSES(&f);
}

static void
authentication_header_below_12_bytes_is_refused(void)
{
	struct net_frame f;

	begin(&f, BH_EXT_AUTH);
	net_auth(&f, BH_PROTO_NONE);
	net_end(&f);
	NET_ASSERT_PASSES(&f);
	f.b[EXT + 1] = 0;
	NET_ASSERT_REASON(&f, IP6_EXT_TRUNCATED);
	f.b[EXT + 1] = 1; /* 12 bytes, then "no next header" */
	NET_ASSERT_PASSES(&f);
}

static void
more_than_eight_extension_headers_are_refused(void)
{
	struct net_frame f;
	unsigned n, i;

	for (n = 1; n <= 10; n++) {
		begin(&f, BH_EXT_DESTINATION);
		for (i = 1; i < n; i++)
			net_options6(&f, BH_EXT_DESTINATION, 0);
		net_options6(&f, BH_PROTO_UDP, 0);
		finish(&f);
		if (n <= 2)
			NET_ASSERT_PASSES(&f);
		else if (n <= 8)
			NET_ASSERT_REASON(&f, IP6_EXT_ORDER);
		else
			NET_ASSERT_REASON(&f, IP6_EXT_COUNT);
	}
}

/* One extension header of a kind, with what follows it. */
static void
add_ext(struct net_frame *f, unsigned type, unsigned next)
{
	switch (type) {
	case BH_EXT_ROUTING:
		net_routing6(f, next, 3, 0);
		break;
	case BH_EXT_FRAGMENT:
		net_fragment6(f, next, 0, false, 1);
		break;
	case BH_EXT_AUTH:
		net_auth(f, next);
		break;
	default:
		net_options6(f, next, 0);
		break;
	}
}

static void
extension_headers_come_once_and_hop_by_hop_first(void)
{
	static const uint8_t exts[] = {BH_EXT_HOP_BY_HOP, BH_EXT_DESTINATION, BH_EXT_ROUTING,
				       BH_EXT_FRAGMENT, BH_EXT_AUTH};
	struct net_frame f;
	unsigned i, j;

	for (i = 0; i < 5; i++) {
		for (j = 0; j < 5; j++) {
			begin(&f, exts[i]);
			add_ext(&f, exts[i], exts[j]);
			add_ext(&f, exts[j], BH_PROTO_UDP);
			finish(&f);
			if (exts[j] == BH_EXT_HOP_BY_HOP ||
			    (i == j && exts[i] != BH_EXT_DESTINATION))
				NET_ASSERT_REASON(&f, IP6_EXT_ORDER);
			else
				NET_ASSERT_PASSES(&f);
		}
	}
}

static void
routing_type_0_is_refused(void)
{
	struct net_frame f;

	begin(&f, BH_EXT_ROUTING);
	net_routing6(&f, BH_PROTO_UDP, 0, 0);
	finish(&f);
	NET_ASSERT_REASON(&f, IP6_ROUTING0);
	begin(&f, BH_EXT_ROUTING);
	net_routing6(&f, BH_PROTO_UDP, 2, 1);
	finish(&f);
	NET_ASSERT_PASSES(&f);
}

static void
hop_by_hop(struct net_frame *f, const char *options)
{
	begin(f, BH_EXT_HOP_BY_HOP);
	net_8(f, BH_PROTO_UDP);
	net_8(f, 0);
	net_bytes(f, options, 6);
	finish(f);
}

static void
jumbograms_are_refused(void)
{
	struct net_frame f;

	hop_by_hop(&f, "\xc2\x04\0\1\0\0");
	net_set16(&f, L3 + 4, 0);
	NET_ASSERT_REASON(&f, IP6_JUMBO);
	hop_by_hop(&f, "\xc2\x04\0\1\0\0");
	NET_ASSERT_REASON(&f, IP6_JUMBO);
	hop_by_hop(&f, "\xc3\x04\0\1\0\0");
	NET_ASSERT_PASSES(&f);
	net_set16(&f, L3 + 4, 0);
	NET_ASSERT_REASON(&f, IP6_EXT_TRUNCATED);
}

static void
option_lists_must_hold_together(void)
{
	struct net_frame f;
	unsigned n;

	hop_by_hop(&f, "\1\4\0\0\0\0");
	NET_ASSERT_PASSES(&f);
	hop_by_hop(&f, "\0\0\0\0\0\0");
	NET_ASSERT_PASSES(&f);
	hop_by_hop(&f, "\0\0\0\1\1\0");
	NET_ASSERT_PASSES(&f);
	hop_by_hop(&f, "\1\5\0\0\0\0");
	NET_ASSERT_REASON(&f, IP6_OPTION);
	hop_by_hop(&f, "\0\0\0\0\0\1");
	NET_ASSERT_REASON(&f, IP6_OPTION);
	/* 32 options of 2 bytes, then 33. */
	for (n = 32; n <= 33; n++) {
		uint32_t at;

		begin(&f, BH_EXT_DESTINATION);
		at = f.len;
		net_options6(&f, BH_PROTO_UDP, 8);
		finish(&f);
		memset(f.b + at + 2, 0, 70);
		for (unsigned i = 0; i < n; i++)
			f.b[at + 2 + 2 * i] = 1;
		f.b[at + 2 + 2 * (n - 1) + 1] = (uint8_t)(70 - 2 * n);
		if (n == 32)
			NET_ASSERT_PASSES(&f);
		else
			NET_ASSERT_REASON(&f, IP6_OPTION);
	}
}

static void
no_next_header_and_unknown_protocols_are_judged_by_number(void)
{
	static const uint8_t protos[] = {59, 50, 135, 139, 140, 253, 2};
	struct net_frame f;
	struct bh_parsed h;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(protos); i++) {
		begin(&f, protos[i]);
		net_fill(&f, 11);
		net_end(&f);
		CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
		CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
		CU_ASSERT_EQUAL(h.key.proto, protos[i]);
		CU_ASSERT_EQUAL(h.key.port[0], 0);
		CU_ASSERT_EQUAL(h.payload_off, EXT);
		CU_ASSERT_EQUAL(h.payload_len, 11);
	}
}

static void
atomic_fragment_is_a_whole_packet(void)
{
	struct net_frame f;
	struct bh_parsed h;

	begin(&f, BH_EXT_FRAGMENT);
	net_fragment6(&f, BH_PROTO_UDP, 0, false, 0xabcdef01);
	f.b[f.len - 7] = 0xff; /* reserved, not a length */
	f.b[f.len - 5] = 0x06; /* reserved bits beside the offset */
	finish(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
	CU_ASSERT_EQUAL(h.flags, 0);
	CU_ASSERT_EQUAL(h.l4_off, EXT + 8);
	CU_ASSERT_EQUAL(h.service, 53);
}

static void
lengths_up_to_65535_bytes_do_not_wrap(void)
{
	static uint8_t big[70000];
	struct bh_parse_params params;
	struct net_frame f;
	struct bh_parsed h;
	unsigned ext;

	bh_parse_params_default(&params);
	for (ext = 0; ext <= 8; ext += 8) {
		begin(&f, ext ? BH_EXT_DESTINATION : BH_PROTO_UDP);
		if (ext)
			net_options6(&f, BH_PROTO_UDP, 0);
		net_udp(&f, 1, 2);
		net_set16(&f, L3 + 4, 65535);
		net_set16(&f, EXT + ext + 4, 65535 - ext);
		memcpy(big, f.b, f.len);
		CU_ASSERT_EQUAL(bh_net_parse(&params, BH_LINK_ETHERNET, big, sizeof(big),
					     sizeof(big), 0, &h),
				BH_REASON_NONE);
		CU_ASSERT_EQUAL(h.payload_len, 65535 - ext - 8);
		CU_ASSERT_EQUAL(h.l3_len, 65535);
	}
}

const struct bh_unit_test bh_suite_net_ip6[] = {
	BH_TEST(fields_of_a_plain_packet_are_read),
	BH_TEST(header_cut_short_is_refused),
	BH_TEST(wrong_version_is_refused),
	BH_TEST(payload_length_beyond_the_frame_is_refused),
	BH_TEST(extension_headers_in_order_are_followed),
	BH_TEST(extension_header_that_runs_over_the_packet_is_refused),
	BH_TEST(authentication_header_below_12_bytes_is_refused),
	BH_TEST(more_than_eight_extension_headers_are_refused),
	BH_TEST(extension_headers_come_once_and_hop_by_hop_first),
	BH_TEST(routing_type_0_is_refused),
	BH_TEST(jumbograms_are_refused),
	BH_TEST(option_lists_must_hold_together),
	BH_TEST(no_next_header_and_unknown_protocols_are_judged_by_number),
	BH_TEST(atomic_fragment_is_a_whole_packet),
	BH_TEST(lengths_up_to_65535_bytes_do_not_wrap),
	BH_TEST_END,
};
