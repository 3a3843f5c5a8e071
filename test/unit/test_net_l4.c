/* TCP, UDP, SCTP, land: every way they can be wrong beside a twin that is right. */
#include "net_frame.h"

#define L3 14u
#define L4 34u

static void
begin(struct net_frame *f, unsigned proto)
{
	net_start(f);
	net_eth(f, BH_ETH_IP4);
	net_ip4(f, proto);
}

static void
tcp(struct net_frame *f, unsigned sport, unsigned dport, unsigned flags)
{
	begin(f, BH_PROTO_TCP);
	net_tcp(f, sport, dport, flags);
	net_fill(f, 12);
	net_end(f);
}

static void
fields_of_tcp_are_read(void)
{
	struct net_frame f;
	struct bh_parsed h;

	tcp(&f, 40000, 443, BH_TCP_ACK | BH_TCP_PSH | 0xc0);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.port[h.from], 40000);
	CU_ASSERT_EQUAL(h.key.port[1 - h.from], 443);
	CU_ASSERT_EQUAL(h.service, 443);
	CU_ASSERT_EQUAL(h.tcp_seq, 0x01020304);
	CU_ASSERT_EQUAL(h.tcp_ack, 0x05060708);
	CU_ASSERT_EQUAL(h.tcp_window, 0xfaf0);
	CU_ASSERT_EQUAL(h.tcp_flags, 0xd8);
	CU_ASSERT_EQUAL(h.payload_off, L4 + 20);
	CU_ASSERT_EQUAL(h.payload_len, 12);
}

/* The packet ends n bytes into its L4 header, as its IP length says. */
static enum bh_reason
judge_short(unsigned proto, uint32_t n)
{
	struct net_frame f;

	begin(&f, proto);
	net_tcp(&f, 1, 2, BH_TCP_ACK); /* 20 bytes that any protocol may read */
	f.n--;
	f.len = L4 + n;
	net_end(&f);
	net_fill(&f, 30); /* padding is not the packet's */
	return net_judge(&f);
}

static void
header_cut_short_is_refused(void)
{
	struct net_frame f;
	struct bh_parsed h;
	uint32_t n;

	for (n = 0; n < 20; n++)
		CU_ASSERT_EQUAL(judge_short(BH_PROTO_TCP, n), BH_REASON_TCP_TRUNCATED);
	CU_ASSERT_EQUAL(judge_short(BH_PROTO_TCP, 20), BH_REASON_NONE);
	for (n = 0; n < 8; n++)
		CU_ASSERT_EQUAL(judge_short(BH_PROTO_UDP, n), BH_REASON_UDP_TRUNCATED);
	for (n = 0; n < 8; n++)
		CU_ASSERT_EQUAL(judge_short(BH_PROTO_ICMP, n), BH_REASON_ICMP_TRUNCATED);
	CU_ASSERT_EQUAL(judge_short(BH_PROTO_ICMP, 8), BH_REASON_NONE);
	for (n = 0; n < 12; n++)
		CU_ASSERT_EQUAL(judge_short(BH_PROTO_SCTP, n), BH_REASON_SCTP_TRUNCATED);
	CU_ASSERT_EQUAL(judge_short(BH_PROTO_SCTP, 12), BH_REASON_NONE);
	CU_ASSERT_EQUAL(judge_short(253, 0), BH_REASON_NONE);
	/* Cut by the capture. */
	tcp(&f, 1, 2, BH_TCP_ACK);
	for (n = L4; n < L4 + 20; n++)
		CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, n, f.len, &h),
				BH_REASON_TCP_TRUNCATED);
	CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, n, f.len, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.flags, BH_PKT_CUT);
	CU_ASSERT_EQUAL(h.payload_len, 12);
}

/* A packet of n < 8 bytes whose UDP length says n, in a frame that is longer. */
static void
udp_below_its_header_is_refused_though_its_length_agrees(void)
{
	struct net_frame f;
	unsigned v6, n;

	for (v6 = 0; v6 < 2; v6++) {
		for (n = 0; n < 8; n++) {
			net_start(&f);
			net_eth(&f, v6 ? BH_ETH_IP6 : BH_ETH_IP4);
			if (v6)
				net_ip6(&f, BH_PROTO_UDP);
			else
				net_ip4(&f, BH_PROTO_UDP);
			f.len += n;
			net_end(&f);
			net_set16(&f, f.len - n, 1);
			net_set16(&f, f.len - n + 2, 2);
			net_set16(&f, f.len - n + 4, n);
			f.len += 30;
			NET_ASSERT_REASON(&f, UDP_TRUNCATED);
		}
	}
}

static void
tcp_data_offset_is_judged(void)
{
	struct net_frame f;
	struct bh_parsed h;
	unsigned words;

	tcp(&f, 1, 2, BH_TCP_ACK);
	for (words = 0; words < 16; words++) {
		f.b[L4 + 12] = (uint8_t)(words << 4);
		if (words < 5 || words > 8)
			NET_ASSERT_REASON(&f, TCP_OFFSET);
		else
			NET_ASSERT_PASSES(&f);
	}
	/* Options of which the capture has but some. */
	f.b[L4 + 12] = 0x70;
	CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, L4 + 27, f.len, &h),
			BH_REASON_TCP_TRUNCATED);
	CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, L4 + 28, f.len, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.payload_len, 4);
}

static void
tcp_port_zero_is_refused(void)
{
	struct net_frame f;

	tcp(&f, 0, 2, BH_TCP_ACK);
	NET_ASSERT_REASON(&f, TCP_PORT_ZERO);
	tcp(&f, 1, 0, BH_TCP_ACK);
	NET_ASSERT_REASON(&f, TCP_PORT_ZERO);
	tcp(&f, 1, 2, BH_TCP_ACK);
	NET_ASSERT_PASSES(&f);
}

/* Flags by the rules in words, against all 256 combinations. */
static bool
is_sane(unsigned flags)
{
	bool fin = flags & 1, syn = flags & 2, rst = flags & 4, ack = flags & 16, urg = flags & 32;

	if (!syn && !rst && !ack)
		return false; /* null, and what only comes inside a connection */
	if (syn && (fin || rst))
		return false; /* opens and ends */
	if (fin && (rst || !ack))
		return false; /* ends twice, or before anything was acknowledged */
	if (urg && (rst || (syn && ack)))
		return false; /* urgent data where there is none */
	return true;
}

static void
tcp_flags_that_nobody_sends_are_refused(void)
{
	struct net_frame f;
	unsigned flags;

	for (flags = 0; flags < 256; flags++) {
		tcp(&f, 1, 2, flags);
		if (is_sane(flags))
			NET_ASSERT_PASSES(&f);
		else
			NET_ASSERT_REASON(&f, TCP_FLAGS);
	}
}

static void
udp_length_is_judged(void)
{
	struct net_frame f;
	unsigned len;

	begin(&f, BH_PROTO_UDP);
	net_udp(&f, 1, 2);
	net_fill(&f, 4);
	net_end(&f);
	for (len = 0; len < 32; len++) {
		net_set16(&f, L4 + 4, len);
		if (len == 12)
			NET_ASSERT_PASSES(&f);
		else
			NET_ASSERT_REASON(&f, UDP_LENGTH);
	}
}

static void
udp_without_payload_and_port_zero_passes(void)
{
	struct net_frame f;
	struct bh_parsed h;

	begin(&f, BH_PROTO_UDP);
	net_udp(&f, 0, 9);
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.payload_len, 0);
	CU_ASSERT_EQUAL(h.key.port[h.from], 0);
	/* An unused place in the list of tunnel ports is no port. */
	begin(&f, BH_PROTO_UDP);
	net_udp(&f, 9, 0);
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.service, 0);
}

static void
sctp_has_ports(void)
{
	struct net_frame f;
	struct bh_parsed h;

	begin(&f, BH_PROTO_SCTP);
	net_sctp(&f, 7000, 2905);
	net_fill(&f, 16);
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.port[h.from], 7000);
	CU_ASSERT_EQUAL(h.service, 2905);
	CU_ASSERT_EQUAL(h.payload_off, L4 + 12);
	CU_ASSERT_EQUAL(h.payload_len, 16);
}

static void
other_protocols_have_no_ports(void)
{
	static const uint8_t protos[] = {0, 3, 33, 50, 51, 89, 103, 112, 136, 255};
	struct net_frame f;
	struct bh_parsed h;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(protos); i++) {
		begin(&f, protos[i]);
		net_fill(&f, 20);
		net_end(&f);
		CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
		CU_ASSERT_EQUAL(h.key.proto, protos[i]);
		CU_ASSERT_EQUAL(h.key.port[0] | h.key.port[1] | h.service, 0);
		CU_ASSERT_EQUAL(h.payload_off, L4);
		CU_ASSERT_EQUAL(h.payload_len, 20);
	}
}

/* Between one address and itself the ports alone tell the ends apart. */
static void
flow_of_a_host_with_itself_has_one_key(void)
{
	struct net_frame f;
	struct bh_parsed h[2];
	unsigned i, proto;

	for (proto = 0; proto < 2; proto++) {
		for (i = 0; i < 2; i++) {
			net_start(&f);
			net_eth(&f, BH_ETH_IP4);
			memcpy(f.dst, f.src, 4);
			net_ip4(&f, proto ? BH_PROTO_TCP : BH_PROTO_UDP);
			if (proto)
				net_tcp(&f, i ? 80 : 5000, i ? 5000 : 80, BH_TCP_ACK);
			else
				net_udp(&f, i ? 80 : 5000, i ? 5000 : 80);
			net_end(&f);
			CU_ASSERT_EQUAL(net_parse(&f, &h[i]), BH_REASON_NONE);
		}
		CU_ASSERT_EQUAL(memcmp(&h[0].key, &h[1].key, sizeof(h[0].key)), 0);
		CU_ASSERT_EQUAL(h[0].key.port[0], 80);
		CU_ASSERT_EQUAL(h[0].from, 1);
		CU_ASSERT_EQUAL(h[1].from, 0);
	}
}

/* From an address to itself. */
static enum bh_reason
judge_land(bool v6, const char *addr, unsigned proto, unsigned sport, unsigned dport)
{
	struct net_frame f;

	net_start(&f);
	net_eth(&f, v6 ? BH_ETH_IP6 : BH_ETH_IP4);
	memcpy(f.src, addr, v6 ? 16 : 4);
	memcpy(f.dst, addr, v6 ? 16 : 4);
	if (v6)
		net_ip6(&f, proto);
	else
		net_ip4(&f, proto);
	if (proto == BH_PROTO_TCP)
		net_tcp(&f, sport, dport, BH_TCP_SYN);
	else if (proto == BH_PROTO_UDP)
		net_udp(&f, sport, dport);
	else if (proto == BH_PROTO_SCTP)
		net_sctp(&f, sport, dport);
	else
		net_icmp(&f, v6, v6 ? 128 : 8, 0, 1);
	net_end(&f);
	return net_judge(&f);
}

static void
land_is_refused(void)
{
	static const char a4[] = "\x0a\0\0\1", lo4[] = "\x7f\0\0\1";
	static const char a6[] = "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1";
	static const char lo6[] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1";
	static const uint8_t ports[] = {BH_PROTO_TCP, BH_PROTO_UDP, BH_PROTO_SCTP};
	unsigned i;

	for (i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(judge_land(false, a4, ports[i], 139, 139), BH_REASON_LAND);
		CU_ASSERT_EQUAL(judge_land(true, a6, ports[i], 139, 139), BH_REASON_LAND);
		CU_ASSERT_EQUAL(judge_land(false, lo4, ports[i], 139, 139), BH_REASON_LAND);
		CU_ASSERT_EQUAL(judge_land(false, a4, ports[i], 139, 140), BH_REASON_NONE);
		CU_ASSERT_EQUAL(judge_land(true, a6, ports[i], 140, 139), BH_REASON_NONE);
	}
	CU_ASSERT_EQUAL(judge_land(false, a4, BH_PROTO_ICMP, 0, 0), BH_REASON_LAND);
	CU_ASSERT_EQUAL(judge_land(true, a6, BH_PROTO_ICMPV6, 0, 0), BH_REASON_LAND);
	/* A host that pings itself does it over its loopback. */
	CU_ASSERT_EQUAL(judge_land(false, lo4, BH_PROTO_ICMP, 0, 0), BH_REASON_NONE);
	CU_ASSERT_EQUAL(judge_land(true, lo6, BH_PROTO_ICMPV6, 0, 0), BH_REASON_NONE);
}

const struct bh_unit_test bh_suite_net_l4[] = {
	BH_TEST(fields_of_tcp_are_read),
	BH_TEST(header_cut_short_is_refused),
	BH_TEST(udp_below_its_header_is_refused_though_its_length_agrees),
	BH_TEST(tcp_data_offset_is_judged),
	BH_TEST(tcp_port_zero_is_refused),
	BH_TEST(tcp_flags_that_nobody_sends_are_refused),
	BH_TEST(udp_length_is_judged),
	BH_TEST(udp_without_payload_and_port_zero_passes),
	BH_TEST(sctp_has_ports),
	BH_TEST(other_protocols_have_no_ports),
	BH_TEST(flow_of_a_host_with_itself_has_one_key),
	BH_TEST(land_is_refused),
	BH_TEST_END,
};
