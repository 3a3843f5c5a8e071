/* ICMP of both families: queries, errors and the packets they quote, what stays on its link. */
#include "net_frame.h"

static const uint8_t addr6[2][16] = {{0xfe, 0x80, [15] = 1}, {0xfe, 0x80, [15] = 2}};

static void
begin(struct net_frame *f, bool v6, unsigned proto)
{
	net_start(f);
	net_eth(f, v6 ? BH_ETH_IP6 : BH_ETH_IP4);
	if (v6) {
		memcpy(f->src, addr6[0], 16);
		memcpy(f->dst, addr6[1], 16);
		net_ip6(f, proto);
	} else {
		net_ip4(f, proto);
	}
}

static enum bh_reason
parse_icmp(bool v6, unsigned type, unsigned code, struct bh_parsed *h)
{
	struct net_frame f;

	begin(&f, v6, v6 ? BH_PROTO_ICMPV6 : BH_PROTO_ICMP);
	if (v6)
		f.b[14 + 7] = 255;
	net_icmp(&f, v6, type, code, 0x7788);
	net_fill(&f, 24);
	net_end(&f);
	return net_parse(&f, h);
}

static bool
is_one_of(unsigned type, const char *list, size_t n)
{
	return memchr(list, (int)type, n) != NULL;
}

static void
types_are_queries_errors_or_neither(void)
{
	static const char queries[2][12] = {{8, 0, 13, 14, 15, 16, 17, 18, 42, 43},
					    {(char)128, (char)129, (char)160, (char)161}};
	static const char requests[2][5] = {{8, 13, 15, 17, 42}, {(char)128, (char)160}};
	static const char errors[2][4] = {{3, 4, 11, 12}, {1, 2, 3, 4}};
	static const uint8_t n_queries[2] = {10, 4}, n_requests[2] = {5, 2};
	struct bh_parsed h;
	unsigned v6, type;

	for (v6 = 0; v6 < 2; v6++) {
		for (type = 0; type < 256; type++) {
			bool query = is_one_of(type, queries[v6], n_queries[v6]);
			bool error = is_one_of(type, errors[v6], 4);

			CU_ASSERT_EQUAL(parse_icmp(v6, type, 5, &h), BH_REASON_NONE);
			CU_ASSERT_EQUAL(h.icmp_type, type);
			CU_ASSERT_EQUAL(h.icmp_code, 5);
			CU_ASSERT_EQUAL(h.service, type << 8 | 5);
			CU_ASSERT_EQUAL((h.flags & BH_PKT_ICMP_QUERY) != 0, query);
			CU_ASSERT_EQUAL((h.flags & BH_PKT_ICMP_ERROR) != 0, error);
			CU_ASSERT_EQUAL((h.flags & BH_PKT_TO_SERVER_HINT) != 0,
					is_one_of(type, requests[v6], n_requests[v6]));
			CU_ASSERT_EQUAL(h.key.port[0], query ? 0x7788 : type << 8 | 5);
			CU_ASSERT_EQUAL(h.key.port[1], h.key.port[0]);
		}
	}
}

static void
icmp_of_the_other_family_is_refused(void)
{
	struct net_frame f;

	begin(&f, false, BH_PROTO_ICMPV6);
	net_icmp(&f, true, 128, 0, 1);
	net_end(&f);
	NET_ASSERT_REASON(&f, ICMP_FAMILY);
	begin(&f, true, BH_PROTO_ICMP);
	net_icmp(&f, false, 8, 0, 1);
	net_end(&f);
	NET_ASSERT_REASON(&f, ICMP_FAMILY);
	begin(&f, true, BH_PROTO_ICMPV6);
	net_icmp(&f, true, 128, 0, 1);
	net_end(&f);
	NET_ASSERT_PASSES(&f);
}

static void
neighbour_discovery_comes_from_the_link(void)
{
	struct net_frame f;
	struct bh_parsed h;
	unsigned type;

	for (type = 132; type <= 138; type++) {
		bool nd = type >= 133 && type <= 136;

		CU_ASSERT_EQUAL(parse_icmp(true, type, 0, &h), BH_REASON_NONE);
		CU_ASSERT_EQUAL(h.kind, nd ? BH_FRAME_ND : BH_FRAME_IP);
		begin(&f, true, BH_PROTO_ICMPV6);
		f.b[14 + 7] = 254;
		net_icmp(&f, true, type, 0, 0);
		net_fill(&f, 16);
		net_end(&f);
		CU_ASSERT_EQUAL(net_judge(&f), nd ? BH_REASON_ND_HOP_LIMIT : BH_REASON_NONE);
	}
}

static enum bh_frame_kind
kind_of_membership(bool v6, unsigned type, const char *dst, unsigned ttl)
{
	struct net_frame f;
	struct bh_parsed h;

	net_start(&f);
	f.src[0] = 250; /* end 1 */
	net_eth(&f, v6 ? BH_ETH_IP6 : BH_ETH_IP4);
	memcpy(f.dst, dst, v6 ? 16 : 4);
	if (v6) {
		memcpy(f.src, addr6[0], 16);
		net_ip6(&f, BH_EXT_HOP_BY_HOP);
		f.b[14 + 7] = (uint8_t)ttl;
		net_8(&f, BH_PROTO_ICMPV6);
		net_8(&f, 0);
		net_bytes(&f, "\x05\x02\0\0\1\0", 6); /* router alert */
		net_icmp(&f, true, type, 0, 0);
	} else {
		net_ip4_with(&f, BH_PROTO_IGMP, "\x94\x04\0\0", 4);
		f.b[14 + 8] = (uint8_t)ttl;
		net_8(&f, type);
		net_fill(&f, 7);
	}
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.proto, v6 ? BH_PROTO_ICMPV6 : BH_PROTO_IGMP);
	return h.kind;
}

static void
group_membership_stays_on_its_link(void)
{
	static const char all4[] = "\xe0\0\0\x16", host4[] = "\x0a\0\0\2";
	static const char all6[] = "\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\x16";
	static const uint8_t mld[] = {130, 131, 132, 143};
	unsigned i;

	CU_ASSERT_EQUAL(kind_of_membership(false, 0x22, all4, 1), BH_FRAME_MCAST);
	CU_ASSERT_EQUAL(kind_of_membership(false, 0x22, all4, 2), BH_FRAME_IP);
	CU_ASSERT_EQUAL(kind_of_membership(false, 0x16, "\xef\xff\xff\xff", 1), BH_FRAME_MCAST);
	CU_ASSERT_EQUAL(kind_of_membership(false, 0x16, "\xff\xff\xff\xff", 1), BH_FRAME_IP);
	CU_ASSERT_EQUAL(kind_of_membership(false, 0x22, host4, 1), BH_FRAME_IP);
	for (i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(kind_of_membership(true, mld[i], all6, 1), BH_FRAME_MCAST);
		CU_ASSERT_EQUAL(kind_of_membership(true, mld[i], all6, 2), BH_FRAME_IP);
		CU_ASSERT_EQUAL(kind_of_membership(true, mld[i], (const char *)addr6[1], 1),
				BH_FRAME_IP);
	}
	CU_ASSERT_EQUAL(kind_of_membership(true, 144, all6, 1), BH_FRAME_IP);
}

/* ---- quoted packets ------------------------------------------------------------------------------- */

/* An error from `dst` (or a router) about the packet in `in`, of which `n` bytes are quoted. */
static void
error_about(struct net_frame *f, bool v6, const struct net_frame *in, uint32_t n)
{
	net_start(f);
	net_eth(f, v6 ? BH_ETH_IP6 : BH_ETH_IP4);
	memcpy(f->src, in->dst, 16);
	memcpy(f->dst, in->src, 16);
	f->dst[3] ^= 0x10; /* that it comes to the sender is for others to judge */
	if (v6)
		net_ip6(f, BH_PROTO_ICMPV6);
	else
		net_ip4(f, BH_PROTO_ICMP);
	net_icmp(f, v6, v6 ? 1 : 3, 1, 0);
	net_bytes(f, in->b + 14, n);
	net_end(f);
}

static enum bh_reason
quoted(const struct net_frame *f, struct bh_flow_key *key, uint8_t *from)
{
	struct bh_parsed h;
	uint8_t *copy = malloc(f->len);
	enum bh_reason reason = net_parse(f, &h);

	if (copy == NULL)
		abort();
	memcpy(copy, f->b, f->len);
	CU_ASSERT_EQUAL(reason, BH_REASON_NONE);
	CU_ASSERT_TRUE((h.flags & BH_PKT_ICMP_ERROR) != 0);
	reason = bh_net_quoted(copy, f->len, &h, key, from);
	free(copy);
	return reason;
}

static void
build(struct net_frame *f, bool v6, unsigned proto)
{
	begin(f, v6, proto);
	switch (proto) {
	case BH_PROTO_TCP:
		net_tcp(f, 50000, 80, BH_TCP_SYN);
		break;
	case BH_PROTO_UDP:
		net_udp(f, 50000, 53);
		break;
	case BH_PROTO_SCTP:
		net_sctp(f, 50000, 2905);
		break;
	case BH_PROTO_ICMP:
	case BH_PROTO_ICMPV6:
		net_icmp(f, v6, v6 ? 128 : 8, 0, 0x4242);
		break;
	default:
		net_fill(f, 20);
		break;
	}
	net_fill(f, 40);
	net_end(f);
}

static void
error_speaks_of_the_flow_it_quotes(void)
{
	static const uint8_t protos[] = {BH_PROTO_TCP,  BH_PROTO_UDP,    BH_PROTO_SCTP,
					 BH_PROTO_ICMP, BH_PROTO_ICMPV6, 50};
	struct net_frame in, f;
	struct bh_flow_key key;
	struct bh_parsed h;
	unsigned i, v6;
	uint8_t from;

	for (v6 = 0; v6 < 2; v6++) {
		for (i = 0; i < BH_ARRAY_SIZE(protos); i++) {
			if (protos[i] == (v6 ? BH_PROTO_ICMP : BH_PROTO_ICMPV6))
				continue;
			build(&in, v6, protos[i]);
			CU_ASSERT_EQUAL(net_parse(&in, &h), BH_REASON_NONE);
			error_about(&f, v6, &in, (v6 ? 40 : 20) + 8);
			CU_ASSERT_EQUAL(quoted(&f, &key, &from), BH_REASON_NONE);
			CU_ASSERT_EQUAL(memcmp(&key, &h.key, sizeof(key)), 0);
			CU_ASSERT_EQUAL(from, h.from);
		}
	}
}

static void
quote_without_header_or_ports_is_refused(void)
{
	static const struct {
		uint8_t proto, need;
	} cases[] = {{BH_PROTO_TCP, 4}, {BH_PROTO_UDP, 4}, {BH_PROTO_ICMP, 8}, {50, 0}};
	struct net_frame in, f;
	struct bh_flow_key key;
	unsigned i, n;
	uint8_t from;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		build(&in, false, cases[i].proto);
		for (n = 0; n < 40; n++) {
			error_about(&f, false, &in, n);
			CU_ASSERT_EQUAL(quoted(&f, &key, &from), n < 20u + cases[i].need
									 ? BH_REASON_ICMP_QUOTE
									 : BH_REASON_NONE);
		}
	}
	build(&in, true, BH_PROTO_TCP);
	for (n = 0; n < 50; n++) {
		error_about(&f, true, &in, n);
		CU_ASSERT_EQUAL(quoted(&f, &key, &from),
				n < 44 ? BH_REASON_ICMP_QUOTE : BH_REASON_NONE);
	}
}

static void
quote_of_the_other_version_or_a_later_fragment_is_refused(void)
{
	struct net_frame in, f;
	struct bh_flow_key key;
	uint8_t from;

	build(&in, false, BH_PROTO_TCP);
	in.b[14] = 0x65;
	error_about(&f, false, &in, 28);
	CU_ASSERT_EQUAL(quoted(&f, &key, &from), BH_REASON_ICMP_QUOTE);
	in.b[14] = 0x44;
	error_about(&f, false, &in, 28);
	CU_ASSERT_EQUAL(quoted(&f, &key, &from), BH_REASON_ICMP_QUOTE);
	in.b[14] = 0x45;
	net_set16(&in, 14 + 6, 1);
	error_about(&f, false, &in, 28);
	CU_ASSERT_EQUAL(quoted(&f, &key, &from), BH_REASON_ICMP_QUOTE);
	net_set16(&in, 14 + 6, 0x2000); /* the first one has the ports */
	error_about(&f, false, &in, 28);
	CU_ASSERT_EQUAL(quoted(&f, &key, &from), BH_REASON_NONE);
	build(&in, true, BH_PROTO_TCP);
	in.b[14] = 0x45;
	error_about(&f, true, &in, 48);
	CU_ASSERT_EQUAL(quoted(&f, &key, &from), BH_REASON_ICMP_QUOTE);
	/* ICMP of one family in IP of the other. */
	build(&in, false, BH_PROTO_ICMP);
	in.b[14 + 9] = BH_PROTO_ICMPV6;
	error_about(&f, false, &in, 28);
	CU_ASSERT_EQUAL(quoted(&f, &key, &from), BH_REASON_ICMP_QUOTE);
}

static void
quoted_extension_headers_are_followed(void)
{
	struct net_frame in, f;
	struct bh_flow_key key;
	unsigned off, i;
	uint8_t from;

	for (off = 0; off <= 8; off += 8) {
		begin(&in, true, BH_EXT_HOP_BY_HOP);
		net_options6(&in, BH_EXT_FRAGMENT, 1);
		net_fragment6(&in, BH_EXT_AUTH, off, true, 9);
		in.b[in.len - 7] = 0xff; /* reserved, not a length */
		net_auth(&in, BH_PROTO_UDP);
		net_udp(&in, 7, 8);
		net_fill(&in, 16);
		net_end(&in);
		error_about(&f, true, &in, 40 + 16 + 8 + 24 + 4);
		if (off != 0) {
			CU_ASSERT_EQUAL(quoted(&f, &key, &from), BH_REASON_ICMP_QUOTE);
			continue;
		}
		CU_ASSERT_EQUAL(quoted(&f, &key, &from), BH_REASON_NONE);
		CU_ASSERT_EQUAL(key.proto, BH_PROTO_UDP);
		CU_ASSERT_EQUAL(key.port[from], 7);
		/* A quote that ends inside a header has no ports, though bytes are left. */
		for (i = 40; i < 40 + 16 + 8 + 24 + 4; i++) {
			error_about(&f, true, &in, i);
			CU_ASSERT_EQUAL(quoted(&f, &key, &from), BH_REASON_ICMP_QUOTE);
		}
	}
	for (off = 8; off <= 9; off++) {
		begin(&in, true, BH_EXT_DESTINATION);
		for (i = 1; i < off; i++)
			net_options6(&in, BH_EXT_DESTINATION, 0);
		net_options6(&in, BH_PROTO_UDP, 0);
		net_udp(&in, 7, 8);
		net_end(&in);
		error_about(&f, true, &in, in.len - 14);
		CU_ASSERT_EQUAL(quoted(&f, &key, &from),
				off == 8 ? BH_REASON_NONE : BH_REASON_ICMP_QUOTE);
	}
}

static void
quote_beyond_memory_is_not_read(void)
{
	struct net_frame in, f;
	struct bh_flow_key key;
	struct bh_parsed h;
	uint8_t from, *copy;
	uint32_t cap;

	build(&in, false, BH_PROTO_TCP);
	error_about(&f, false, &in, 28);
	for (cap = 42; cap <= f.len; cap++) {
		CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, cap, f.len, &h),
				BH_REASON_NONE);
		copy = malloc(cap);
		memcpy(copy, f.b, cap);
		CU_ASSERT_EQUAL(bh_net_quoted(copy, cap, &h, &key, &from),
				cap < 42 + 24 ? BH_REASON_ICMP_QUOTE : BH_REASON_NONE);
		free(copy);
	}
}

static void
quote_is_of_the_errors_tenant(void)
{
	struct net_frame in, f;
	struct bh_flow_key key;
	struct bh_parsed h;
	uint8_t from;

	build(&in, false, BH_PROTO_TCP);
	net_start(&f);
	net_macs(&f);
	net_tag(&f, 0x8100, 12);
	net_16(&f, BH_ETH_IP4);
	memcpy(f.src, "\x0a\0\0\xfe", 4); /* a router */
	memcpy(f.dst, in.src, 4);
	net_ip4(&f, BH_PROTO_ICMP);
	net_icmp(&f, false, 11, 0, 0);
	net_bytes(&f, in.b + 14, 28);
	net_end(&f);
	CU_ASSERT_EQUAL(quoted(&f, &key, &from), BH_REASON_NONE);
	net_parse(&f, &h);
	CU_ASSERT_EQUAL(key.tenant, h.key.tenant);
	CU_ASSERT_EQUAL(key.pair, 3);
	CU_ASSERT_EQUAL(memcmp(key.addr[from].b, in.src, 16), 0);
	CU_ASSERT_EQUAL(memcmp(key.addr[1 - from].b, in.dst, 16), 0);
}

const struct bh_unit_test bh_suite_net_icmp[] = {
	BH_TEST(types_are_queries_errors_or_neither),
	BH_TEST(icmp_of_the_other_family_is_refused),
	BH_TEST(neighbour_discovery_comes_from_the_link),
	BH_TEST(group_membership_stays_on_its_link),
	BH_TEST(error_speaks_of_the_flow_it_quotes),
	BH_TEST(quote_without_header_or_ports_is_refused),
	BH_TEST(quote_of_the_other_version_or_a_later_fragment_is_refused),
	BH_TEST(quoted_extension_headers_are_followed),
	BH_TEST(quote_beyond_memory_is_not_read),
	BH_TEST(quote_is_of_the_errors_tenant),
	BH_TEST_END,
};
