/* Tunnels: the inner headers are what is judged. */
#include "net_frame.h"

/* Inner packet: 192.168.0.1:2000 -> 192.168.0.2:22, TCP. */
static void
inner(struct net_frame *f, bool ethernet)
{
	memset(f->src, 0, 16);
	memset(f->dst, 0, 16);
	memcpy(f->src, "\xc0\xa8\0\1", 4);
	memcpy(f->dst, "\xc0\xa8\0\2", 4);
	if (ethernet)
		net_eth(f, BH_ETH_IP4);
	net_ip4(f, BH_PROTO_TCP);
	net_tcp(f, 2000, 22, BH_TCP_SYN);
	net_fill(f, 4);
}

static void
inner6(struct net_frame *f)
{
	memcpy(f->src, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	memcpy(f->dst, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
	net_ip6(f, BH_PROTO_TCP);
	net_tcp(f, 2000, 22, BH_TCP_SYN);
	net_fill(f, 4);
}

static void
outer(struct net_frame *f, bool v6, unsigned proto)
{
	net_start(f);
	net_eth(f, v6 ? BH_ETH_IP6 : BH_ETH_IP4);
	if (v6) {
		memcpy(f->src, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
		memcpy(f->dst, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 16);
		net_ip6(f, proto);
	} else {
		net_ip4(f, proto);
	}
}

static void
vxlan(struct net_frame *f, unsigned port, uint32_t vni)
{
	net_udp(f, 55555, port);
	net_32(f, 0x08000000);
	net_32(f, vni << 8);
}

static void
geneve(struct net_frame *f, unsigned type, uint32_t vni, const void *options, uint32_t n)
{
	net_udp(f, 55555, 6081);
	net_8(f, n / 4);
	net_8(f, 0);
	net_16(f, type);
	net_32(f, vni << 8);
	net_bytes(f, options, n);
}

static void
assert_inner(struct net_frame *f, enum bh_tunnel tunnel, uint32_t vni, bool v6)
{
	struct bh_parsed h;

	net_end(f);
	CU_ASSERT_EQUAL(net_parse(f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
	CU_ASSERT_EQUAL(h.key.tunnel, tunnel);
	CU_ASSERT_EQUAL(BH_TENANT_VNI(h.key.tenant), vni);
	CU_ASSERT_EQUAL(h.flags, BH_PKT_TUNNELLED);
	CU_ASSERT_EQUAL(h.key.family, v6 ? BH_IP6 : BH_IP4);
	CU_ASSERT_EQUAL(h.ethertype, v6 ? BH_ETH_IP6 : BH_ETH_IP4);
	CU_ASSERT_EQUAL(memcmp(h.key.addr[h.from].b, f->src, 16), 0);
	CU_ASSERT_EQUAL(memcmp(h.key.addr[1 - h.from].b, f->dst, 16), 0);
	CU_ASSERT_EQUAL(h.key.port[h.from], 2000);
	CU_ASSERT_EQUAL(h.service, 22);
	CU_ASSERT_EQUAL(h.outer_l3_off, 14);
	CU_ASSERT_EQUAL(h.payload_off, f->len - 4);
	CU_ASSERT_EQUAL(h.payload_len, 4);
	CU_ASSERT_EQUAL(h.l4_off, f->len - 24);
	CU_ASSERT_EQUAL(h.l3_off, f->len - 24 - (v6 ? 40 : 20));
}

static void
vxlan_is_looked_into(void)
{
	struct net_frame f;
	unsigned v6;

	for (v6 = 0; v6 < 2; v6++) {
		outer(&f, v6, BH_PROTO_UDP);
		vxlan(&f, 4789, 0xabcdef);
		inner(&f, true);
		assert_inner(&f, BH_TUNNEL_VXLAN, 0xabcdef, false);
		outer(&f, v6, BH_PROTO_UDP);
		vxlan(&f, 8472, 0);
		inner(&f, true);
		assert_inner(&f, BH_TUNNEL_VXLAN, 0, false);
		outer(&f, v6, BH_PROTO_UDP);
		vxlan(&f, 4789, 1);
		net_eth(&f, BH_ETH_IP6);
		inner6(&f);
		assert_inner(&f, BH_TUNNEL_VXLAN, 1, true);
	}
}

static void
tunnel_ports_are_those_configured(void)
{
	struct bh_parse_params params;
	struct net_frame f;
	struct bh_parsed h;

	bh_parse_params_default(&params);
	params.vxlan_port[3] = 250;
	outer(&f, false, BH_PROTO_UDP);
	vxlan(&f, 250, 9);
	inner(&f, true);
	net_end(&f);
	CU_ASSERT_EQUAL(bh_net_parse(&params, BH_LINK_ETHERNET, f.b, f.len, f.len, 0, &h),
			BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.tunnel, BH_TUNNEL_VXLAN);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.tunnel, BH_TUNNEL_NONE);
	CU_ASSERT_EQUAL(h.service, 250);
	memset(&params, 0, sizeof(params));
	outer(&f, false, BH_PROTO_UDP);
	vxlan(&f, 4789, 9);
	inner(&f, true);
	net_end(&f);
	CU_ASSERT_EQUAL(bh_net_parse(&params, BH_LINK_ETHERNET, f.b, f.len, f.len, 0, &h),
			BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.service, 4789);
}

/* `n` bytes of UDP payload to a tunnel's port. */
static enum bh_reason
judge_payload(unsigned port, const void *payload, uint32_t n)
{
	struct net_frame f;

	outer(&f, false, BH_PROTO_UDP);
	net_udp(&f, 1, port);
	net_bytes(&f, payload, n);
	net_end(&f);
	return net_judge(&f);
}

static void
vxlan_header_is_judged(void)
{
	uint8_t b[64] = {8};
	unsigned n;

	for (n = 0; n < 8; n++)
		CU_ASSERT_EQUAL(judge_payload(4789, b, n), BH_REASON_VXLAN_HEADER);
	for (n = 8; n < 22; n++)
		CU_ASSERT_EQUAL(judge_payload(4789, b, n), BH_REASON_TUNNEL_INNER);
	CU_ASSERT_EQUAL(judge_payload(4789, b, 22), BH_REASON_NONE);
	b[0] = 0xf7 & ~4;
	CU_ASSERT_EQUAL(judge_payload(4789, b, 22), BH_REASON_VXLAN_HEADER);
	b[0] = 0x88; /* group policy */
	CU_ASSERT_EQUAL(judge_payload(4789, b, 22), BH_REASON_NONE);
	b[3] = 1; /* reserved, without the flag that gives it a meaning */
	CU_ASSERT_EQUAL(judge_payload(4789, b, 22), BH_REASON_NONE);
	b[0] = 0x9b;
	CU_ASSERT_EQUAL(judge_payload(4789, b, 22), BH_REASON_NONE);
	b[0] = 0x0c; /* generic protocol: two readings, unless it is Ethernet */
	CU_ASSERT_EQUAL(judge_payload(4789, b, 22), BH_REASON_TUNNEL_INNER);
	b[3] = 3;
	CU_ASSERT_EQUAL(judge_payload(4789, b, 22), BH_REASON_NONE);
}

static void
geneve_is_looked_into(void)
{
	static const uint8_t options[12] = {1, 2, 3, 1, 0, 0, 0, 0, 4, 5, 6, 0};
	struct net_frame f;
	unsigned n;

	for (n = 0; n <= 12; n += 12) {
		outer(&f, false, BH_PROTO_UDP);
		geneve(&f, BH_ETH_TEB, 0x123456, options, n);
		inner(&f, true);
		assert_inner(&f, BH_TUNNEL_GENEVE, 0x123456, false);
		outer(&f, true, BH_PROTO_UDP);
		geneve(&f, BH_ETH_IP4, 7, options, n);
		inner(&f, false);
		assert_inner(&f, BH_TUNNEL_GENEVE, 7, false);
		outer(&f, false, BH_PROTO_UDP);
		geneve(&f, BH_ETH_IP6, 7, options, n);
		inner6(&f);
		assert_inner(&f, BH_TUNNEL_GENEVE, 7, true);
	}
}

static void
geneve_header_is_judged(void)
{
	uint8_t b[64] = {0, 0, 0x65, 0x58};
	unsigned n;

	for (n = 0; n < 8; n++)
		CU_ASSERT_EQUAL(judge_payload(6081, b, n), BH_REASON_GENEVE_HEADER);
	CU_ASSERT_EQUAL(judge_payload(6081, b, 21), BH_REASON_TUNNEL_INNER);
	CU_ASSERT_EQUAL(judge_payload(6081, b, 22), BH_REASON_NONE);
	b[0] = 0x40;
	CU_ASSERT_EQUAL(judge_payload(6081, b, 40), BH_REASON_GENEVE_HEADER);
	b[0] = 0x02; /* 8 bytes of options: one of 8, then one that says 12 */
	b[11] = 1;
	CU_ASSERT_EQUAL(judge_payload(6081, b, 40), BH_REASON_NONE);
	b[11] = 2;
	CU_ASSERT_EQUAL(judge_payload(6081, b, 40), BH_REASON_GENEVE_HEADER);
	b[0] = 0x3f; /* 252 bytes of options */
	CU_ASSERT_EQUAL(judge_payload(6081, b, 40), BH_REASON_GENEVE_HEADER);
	b[0] = 0;
	b[2] = 0x88;
	b[3] = 0x47;
	CU_ASSERT_EQUAL(judge_payload(6081, b, 40), BH_REASON_TUNNEL_INNER);
}

static void
gre(struct net_frame *f, unsigned flags, unsigned type, uint32_t key)
{
	net_16(f, flags);
	net_16(f, type);
	if (flags & 0x8000)
		net_32(f, 0x11110000);
	if (flags & 0x2000)
		net_32(f, key);
	if (flags & 0x1000)
		net_32(f, 99);
}

static void
gre_is_looked_into(void)
{
	struct net_frame f;
	unsigned i;

	for (i = 0; i < 8; i++) {
		unsigned flags = (i & 1) << 15 | (i & 2) << 12 | (i & 4) << 10;
		uint32_t vni = flags & 0x2000 ? 0x777 : 0;

		outer(&f, i & 1, BH_PROTO_GRE);
		gre(&f, flags, BH_ETH_TEB, 0x777);
		inner(&f, true);
		assert_inner(&f, BH_TUNNEL_GRE, vni, false);
		outer(&f, i & 1, BH_PROTO_GRE);
		gre(&f, flags, BH_ETH_IP4, 0x777);
		inner(&f, false);
		assert_inner(&f, BH_TUNNEL_GRE, vni, false);
		outer(&f, i & 1, BH_PROTO_GRE);
		gre(&f, flags, BH_ETH_IP6, 0x777);
		inner6(&f);
		assert_inner(&f, BH_TUNNEL_GRE, vni, true);
	}
}

static void
gre_keys_become_the_network(void)
{
	static const struct {
		unsigned type;
		uint32_t key, vni;
	} cases[] = {
		{BH_ETH_IP4, 0x00ffffff, 0xffffff},
		{BH_ETH_IP4, 0x01000000, 0x000001},
		{BH_ETH_IP4, 0x12345678, 0x345678 ^ 0x12},
		{BH_ETH_TEB, 0x000fffff, 0x0fffff}, /* VSID would be reserved: a plain key */
		{BH_ETH_TEB, 0x00100000, 0x001000}, /* NVGRE, flow id 0 */
		{BH_ETH_TEB, 0x001000ff, 0x001000}, /* the same network */
		{BH_ETH_TEB, 0xfffffeaa, 0xfffffe},
	};
	struct net_frame f;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		outer(&f, false, BH_PROTO_GRE);
		gre(&f, 0x2000, cases[i].type, cases[i].key);
		inner(&f, cases[i].type == BH_ETH_TEB);
		assert_inner(&f, BH_TUNNEL_GRE, cases[i].vni, false);
	}
}

static enum bh_reason
parse_gre(const void *header, uint32_t n, struct bh_parsed *h)
{
	struct net_frame f;

	outer(&f, false, BH_PROTO_GRE);
	net_bytes(&f, header, n);
	net_end(&f);
	net_fill(&f, 20);
	return net_parse(&f, h);
}

static void
gre_header_is_judged(void)
{
	struct bh_parsed h;
	unsigned n;

	for (n = 0; n < 16; n++)
		CU_ASSERT_EQUAL(parse_gre("\xb0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0", n, &h),
				BH_REASON_GRE_HEADER);
	CU_ASSERT_EQUAL(parse_gre("\xb0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, &h),
			BH_REASON_TUNNEL_INNER);
	CU_ASSERT_EQUAL(parse_gre("\0\2\x08\0\x45", 5, &h), BH_REASON_GRE_HEADER);
	CU_ASSERT_EQUAL(parse_gre("\0\7\x08\0\x45", 5, &h), BH_REASON_GRE_HEADER);
	CU_ASSERT_EQUAL(parse_gre("\x40\0\x08\0\x45", 5, &h), BH_REASON_GRE_HEADER);
	CU_ASSERT_EQUAL(parse_gre("\x08\0\x08\0\x45", 5, &h), BH_REASON_GRE_HEADER);
	/* Its twin has a reserved bit that is to be ignored. */
	CU_ASSERT_EQUAL(parse_gre("\0\x08\x08\0\x45", 5, &h), BH_REASON_IP4_TRUNCATED);
}

static void
other_gre_is_protocol_47(void)
{
	static const char *const headers[] = {"\x10\0\x88\xbe\0\0\0\1", "\0\0\x88\x47\0\0\0\0",
					      "\x30\x01\x88\x0b\0\0\0\0", "\x30\1\x08\0\0\0\0\1",
					      "\0\0\0\0\0\0\0\0"};
	struct bh_parsed h;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(headers); i++) {
		CU_ASSERT_EQUAL(parse_gre(headers[i], 8, &h), BH_REASON_NONE);
		CU_ASSERT_EQUAL(h.kind, BH_FRAME_IP);
		CU_ASSERT_EQUAL(h.key.proto, BH_PROTO_GRE);
		CU_ASSERT_EQUAL(h.key.tunnel, BH_TUNNEL_NONE);
		CU_ASSERT_EQUAL(h.payload_off, 34);
		CU_ASSERT_EQUAL(h.payload_len, 8);
		CU_ASSERT_EQUAL(h.flags, 0);
	}
}

static void
ip_in_ip_is_looked_into(void)
{
	struct net_frame f;
	unsigned v6;

	for (v6 = 0; v6 < 2; v6++) {
		outer(&f, v6, BH_PROTO_IPIP);
		inner(&f, false);
		assert_inner(&f, BH_TUNNEL_IPIP, 0, false);
		outer(&f, v6, BH_PROTO_IPV6);
		inner6(&f);
		assert_inner(&f, BH_TUNNEL_IPIP, 0, true);
		outer(&f, v6, BH_PROTO_IPIP);
		inner6(&f);
		net_end(&f);
		NET_ASSERT_REASON(&f, TUNNEL_INNER);
		outer(&f, v6, BH_PROTO_IPV6);
		net_end(&f);
		NET_ASSERT_REASON(&f, TUNNEL_INNER);
	}
}

static void
tunnels_that_are_off_are_protocols_by_number(void)
{
	static const uint8_t protos[] = {BH_PROTO_IPIP, BH_PROTO_IPV6, BH_PROTO_GRE};
	struct bh_parse_params params;
	struct net_frame f;
	struct bh_parsed h;
	unsigned i;

	bh_parse_params_default(&params);
	params.gre = false;
	params.ipip = false;
	for (i = 0; i < BH_ARRAY_SIZE(protos); i++) {
		outer(&f, false, protos[i]);
		net_fill(&f, 3);
		net_end(&f);
		CU_ASSERT_EQUAL(bh_net_parse(&params, BH_LINK_ETHERNET, f.b, f.len, f.len, 0, &h),
				BH_REASON_NONE);
		CU_ASSERT_EQUAL(h.key.proto, protos[i]);
		CU_ASSERT_EQUAL(h.key.tunnel, BH_TUNNEL_NONE);
	}
}

static void
third_tunnel_is_refused(void)
{
	struct net_frame f;
	struct bh_parsed h;

	outer(&f, false, BH_PROTO_UDP);
	vxlan(&f, 4789, 0x123456);
	net_eth(&f, BH_ETH_IP4);
	net_ip4(&f, BH_PROTO_GRE);
	gre(&f, 0x2000, BH_ETH_IP4, 5);
	inner(&f, false);
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.key.tunnel, BH_TUNNEL_GRE);
	CU_ASSERT_EQUAL(BH_TENANT_VNI(h.key.tenant), 5);
	CU_ASSERT_EQUAL(h.key.tenant >> 24, 0x3456 ^ 0x12);
	CU_ASSERT_EQUAL(h.outer_l3_off, 14);
	CU_ASSERT_EQUAL(h.service, 22);

	outer(&f, false, BH_PROTO_UDP);
	vxlan(&f, 4789, 1);
	net_eth(&f, BH_ETH_IP4);
	net_ip4(&f, BH_PROTO_IPIP);
	net_ip4(&f, BH_PROTO_IPIP);
	inner(&f, false);
	net_end(&f);
	NET_ASSERT_REASON(&f, TUNNEL_DEPTH);
	outer(&f, false, BH_PROTO_IPIP);
	net_ip4(&f, BH_PROTO_IPIP);
	net_ip4(&f, BH_PROTO_UDP);
	vxlan(&f, 4789, 1);
	inner(&f, true);
	net_end(&f);
	NET_ASSERT_REASON(&f, TUNNEL_DEPTH);
}

static void
inner_malformations_have_their_own_reasons(void)
{
	struct net_frame f;

	outer(&f, false, BH_PROTO_UDP);
	vxlan(&f, 4789, 1);
	inner(&f, true);
	net_end(&f);
	f.b[64 + 10] ^= 1;
	NET_ASSERT_REASON(&f, IP4_CHECKSUM);
	f.b[64 + 10] ^= 1;
	f.b[64] = 0x65;
	NET_ASSERT_REASON(&f, IP4_VERSION);
	f.b[64] = 0x45;
	f.b[84 + 13] = BH_TCP_SYN | BH_TCP_FIN;
	NET_ASSERT_REASON(&f, TCP_FLAGS);
	f.b[84 + 13] = BH_TCP_SYN;
	NET_ASSERT_PASSES(&f);
	/* An inner packet must not reach beyond its tunnel, be there bytes or not. */
	net_fill(&f, 10);
	net_set16(&f, 64 + 2, 44 + 10);
	net_sum4(&f, 64);
	NET_ASSERT_REASON(&f, IP4_LENGTH);
}

static void
inner_frames_other_than_ip_keep_nothing_of_the_outer_ones(void)
{
	struct net_frame f;
	struct bh_parsed h;

	net_start(&f);
	net_eth(&f, BH_ETH_IP4);
	f.src[0] = 200; /* the sender is end 1 of the outer packet */
	net_ip4(&f, BH_PROTO_UDP);
	vxlan(&f, 4789, 6);
	net_macs(&f);
	net_tag(&f, 0x8100, 44);
	net_16(&f, BH_ETH_ARP);
	net_fill(&f, 28);
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.kind, BH_FRAME_ARP);
	CU_ASSERT_EQUAL(h.key.tunnel, BH_TUNNEL_VXLAN);
	CU_ASSERT_EQUAL(h.key.tenant, (bh_tenant)44 << 52 | 6);
	CU_ASSERT_EQUAL(h.key.family | h.key.proto | h.key.port[0] | h.key.port[1], 0);
	CU_ASSERT_EQUAL(h.key.addr[0].q[0] | h.key.addr[1].q[0], 0);
	CU_ASSERT_EQUAL(h.ttl | h.ip_id | h.l3_len | h.from, 0);
	CU_ASSERT_EQUAL(h.outer_l3_off, 14);
	CU_ASSERT_EQUAL(h.payload_len, 28);
	CU_ASSERT_EQUAL(h.flags, BH_PKT_TUNNELLED);
}

static void
outer_and_inner_vlans_are_both_of_the_tenant(void)
{
	struct net_frame f;
	struct bh_parsed h;

	net_start(&f);
	net_macs(&f);
	net_tag(&f, 0x8100, 100);
	net_16(&f, BH_ETH_IP4);
	net_ip4(&f, BH_PROTO_UDP);
	vxlan(&f, 4789, 3);
	net_macs(&f);
	net_tag(&f, 0x8100, 200);
	net_16(&f, BH_ETH_IP4);
	inner(&f, false);
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(BH_TENANT_VLAN1(h.key.tenant), 100);
	CU_ASSERT_EQUAL(BH_TENANT_VLAN2(h.key.tenant), 200);
	CU_ASSERT_EQUAL(BH_TENANT_VNI(h.key.tenant), 3);
}

static void
inner_icmp_error_speaks_of_a_flow_of_its_tunnel(void)
{
	struct net_frame f;
	struct bh_parsed h;
	struct bh_flow_key key;
	uint8_t from;

	outer(&f, false, BH_PROTO_UDP);
	vxlan(&f, 4789, 6);
	net_eth(&f, BH_ETH_IP4);
	net_ip4(&f, BH_PROTO_ICMP);
	net_icmp(&f, false, 3, 4, 0);
	net_ip4(&f, BH_PROTO_UDP);
	net_16(&f, 1234);
	net_16(&f, 53);
	net_fill(&f, 4);
	net_end(&f);
	CU_ASSERT_EQUAL(net_parse(&f, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.flags, BH_PKT_ICMP_ERROR | BH_PKT_TUNNELLED);
	CU_ASSERT_EQUAL(bh_net_quoted(f.b, f.len, &h, &key, &from), BH_REASON_NONE);
	CU_ASSERT_EQUAL(key.tenant, 6);
	CU_ASSERT_EQUAL(key.tunnel, BH_TUNNEL_VXLAN);
	CU_ASSERT_EQUAL(key.port[from], 1234);
}

const struct bh_unit_test bh_suite_net_tunnel[] = {
	BH_TEST(vxlan_is_looked_into),
	BH_TEST(tunnel_ports_are_those_configured),
	BH_TEST(vxlan_header_is_judged),
	BH_TEST(geneve_is_looked_into),
	BH_TEST(geneve_header_is_judged),
	BH_TEST(gre_is_looked_into),
	BH_TEST(gre_keys_become_the_network),
	BH_TEST(gre_header_is_judged),
	BH_TEST(other_gre_is_protocol_47),
	BH_TEST(ip_in_ip_is_looked_into),
	BH_TEST(tunnels_that_are_off_are_protocols_by_number),
	BH_TEST(third_tunnel_is_refused),
	BH_TEST(inner_malformations_have_their_own_reasons),
	BH_TEST(inner_frames_other_than_ip_keep_nothing_of_the_outer_ones),
	BH_TEST(outer_and_inner_vlans_are_both_of_the_tenant),
	BH_TEST(inner_icmp_error_speaks_of_a_flow_of_its_tunnel),
	BH_TEST_END,
};
