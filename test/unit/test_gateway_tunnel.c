/* gateway: tunnels between local senders. Their own UDP checksum may be unfinished, too. */
#include "gateway_rig.h"

#define WEB "10.1.0.1"
#define REDIS "10.2.0.1"

static const char *const ends[][2] = {{"192.0.2.1", "192.0.2.2"},
				      {"2001:db8:9::1", "2001:db8:9::2"}};

static void
partial_wires(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)c;
	p->wire[0].partial_checksums = p->wire[1].partial_checksums = true;
}

static void
partial_and_verified(struct bh_config *c, struct bh_gateway_params *p)
{
	partial_wires(c, p);
	c->l4_checksum = BH_CHECK_VERIFY;
}

static void
verified(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->l4_checksum = BH_CHECK_VERIFY;
}

enum { ARP, TCP, UDP, FRAGMENT, CONTENTS };

/* What may be inside; of a TCP or UDP packet the checksum may be left out. */
static void
build_content(struct rig_frame *f, unsigned what, bool partial)
{
	static const uint8_t arp[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,  0, 0, 0, 0,
				      1,    0x08, 0x06, 0,    1,    8,    0,  6, 4, 0, 1,
				      2,    0,    0,    0,    0,    1,    10, 1, 0, 1, 0,
				      0,    0,    0,    0,    0,    10,   2,  0, 1};
	struct rig_frame whole;
	struct rig_packet p = {
		.src = WEB,
		.dst = REDIS,
		.proto = what == TCP ? 6 : 17,
		.sport = 1000,
		.dport = 6379,
		.tcp_flags = BH_TCP_SYN,
		.payload = 75,
		.partial = partial,
	};

	if (what == ARP) {
		f->len = sizeof(arp);
		memcpy(f->b, arp, sizeof(arp));
		return;
	}
	rig_build(&whole, &p);
	*f = whole;
	if (what == FRAGMENT) {
		struct rig_frame part[2];

		rig_fragment(&whole, part, 2);
		*f = part[1];
	}
}

static void
build_tunnel(struct rig_frame *f, const struct rig_frame *content, unsigned v6, uint16_t port,
	     bool partial)
{
	rig_build(f, &(struct rig_packet){.src = ends[v6][0],
					  .dst = ends[v6][1],
					  .proto = port != 0 ? 17 : 47,
					  .sport = 40000,
					  .dport = port,
					  .content = content,
					  .partial = partial});
}

/* Whatever `bad` is when it comes in, it leaves as `good`; a fragment waits for its others. */
static void
assert_mended(struct rig *r, const struct rig_frame *bad, const struct rig_frame *good, bool held)
{
	rig_clear(r);
	rig_put(r, RIG_OUTSIDE, bad);
	rig_run(r);
	if (held) {
		rig_wait(r, 60000);
		rig_run(r);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(r->wire[RIG_INSIDE].n_out, 1);
	CU_ASSERT_TRUE(rig_same(&r->wire[RIG_INSIDE].out[0], good));
}

static const uint16_t ports[] = {4789, 6081};

static void
partial_checksums_of_tunnels_are_completed_whatever_is_inside(void)
{
	struct rig_frame content, bad, good;
	unsigned i, v6, what, done = 0;
	struct rig r;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = partial_wires});
	for (what = 0; what < CONTENTS; what++) {
		build_content(&content, what, false);
		for (i = 0; i < BH_ARRAY_SIZE(ports); i++) {
			for (v6 = 0; v6 < 2; v6++) {
				build_tunnel(&bad, &content, v6, ports[i], true);
				build_tunnel(&good, &content, v6, ports[i], false);
				assert_mended(&r, &bad, &good, what == FRAGMENT);
				CU_ASSERT_EQUAL(r.c.partial_checksums, ++done);
			}
		}
	}
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_L4_CHECKSUM], 0);
	rig_stop(&r);
}

/* Linux sums a tunnel's header around a partial checksum as if that were complete. */
static void
tunnels_are_verified_after_what_is_inside_was_completed(void)
{
	struct rig_frame content, left_out, bad, good;
	struct rig r;
	unsigned i, v6, what;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = partial_and_verified});
	for (what = TCP; what <= UDP; what++) {
		build_content(&content, what, false);
		build_content(&left_out, what, true);
		for (i = 0; i <= BH_ARRAY_SIZE(ports); i++) {
			for (v6 = 0; v6 < 2; v6++) {
				uint16_t port = i < BH_ARRAY_SIZE(ports) ? ports[i] : 0;

				build_tunnel(&good, &content, v6, port, false);
				bad = good;
				memcpy(bad.b + bad.len - left_out.len, left_out.b, left_out.len);
				assert_mended(&r, &bad, &good, false);
				CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &good));
			}
		}
	}
	CU_ASSERT_EQUAL(r.c.partial_checksums, 2 * 3 * 2);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_L4_CHECKSUM], 0);
	rig_stop(&r);
}

static void
partial_checksums_of_split_tunnel_frames_are_completed(void)
{
	struct rig_frame content, bad, good;
	struct rig r;
	unsigned split;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = partial_wires});
	build_content(&content, TCP, false);
	build_tunnel(&bad, &content, 0, 4789, true);
	build_tunnel(&good, &content, 0, 4789, false);
	for (split = 1; split < bad.len; split++) {
		rig_clear(&r);
		rig_put_split(&r, RIG_OUTSIDE, &bad, split);
		rig_run(&r);
		CU_ASSERT_EQUAL_FATAL(r.wire[RIG_INSIDE].n_out, 1);
		CU_ASSERT_TRUE(rig_same(&r.wire[RIG_INSIDE].out[0], &good));
	}
	rig_stop(&r);
}

static void
set_udp_checksum(struct rig_frame *f, uint8_t high, uint8_t low)
{
	f->b[rig_l4(f) + 6] = high;
	f->b[rig_l4(f) + 7] = low;
}

/* And 0 is none, over both families. */
static void
wrong_checksums_of_tunnels_pass_unless_they_are_verified(void)
{
	static void (*const tune[])(struct bh_config * c,
				    struct bh_gateway_params * p) = {partial_wires, verified,
								     partial_and_verified};
	struct rig_frame content, none, wrong;
	struct rig r;
	unsigned i, v6, what;

	for (i = 0; i < BH_ARRAY_SIZE(tune); i++) {
		rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = tune[i]});
		for (v6 = 0; v6 < 2; v6++) {
			for (what = ARP; what <= UDP; what++) {
				build_content(&content, what, false);
				build_tunnel(&wrong, &content, v6, 4789, false);
				none = wrong;
				set_udp_checksum(&none, 0, 0);
				CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &none));
				wrong.b[rig_l4(&wrong) + 6] ^= 1;
				CU_ASSERT_TRUE(i == 0 ? rig_passes(&r, RIG_OUTSIDE, &wrong)
						      : rig_drops(&r, RIG_OUTSIDE, &wrong,
								  BH_REASON_L4_CHECKSUM));
			}
		}
		CU_ASSERT_EQUAL(r.c.partial_checksums, 0);
		rig_stop(&r);
	}
}

/* On a wire where nobody leaves checksums out, that form is as wrong as any other. */
static void
partial_checksum_of_a_tunnel_is_wrong_on_other_wires(void)
{
	struct rig_frame content, bad;
	struct rig r;

	build_content(&content, ARP, false);
	build_tunnel(&bad, &content, 0, 4789, true);
	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = verified});
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &bad, BH_REASON_L4_CHECKSUM));
	rig_stop(&r);
}

/* A router before the other end of the tunnel sends what it can quote of a packet. */
static void
build_error(struct rig_frame *e, const struct rig_frame *about, unsigned v6, const char *to)
{
	rig_build(e, &(struct rig_packet){.src = v6 ? "2001:db8:9::9" : "192.0.2.9",
					  .dst = to,
					  .proto = v6 ? 58 : 1,
					  .icmp_type = v6 ? 2 : 3,
					  .icmp_code = v6 ? 0 : 4,
					  .quote = about});
}

static void
errors_about_a_tunnel_are_related_to_the_flow_inside(void)
{
	struct rig_frame content, f, e, other;
	struct rig r;
	unsigned i, v6;

	rig_start(&r, NULL);
	build_content(&content, TCP, false);
	for (i = 0; i <= BH_ARRAY_SIZE(ports); i++) {
		uint16_t port = i < BH_ARRAY_SIZE(ports) ? ports[i] : 0;

		for (v6 = 0; v6 < 2; v6++) {
			build_tunnel(&f, &content, v6, port, false);
			build_error(&e, &f, v6, ends[v6][0]);
			/* The first tunnel of a kind opens the flow; its addresses are not the flow's. */
			if (v6 == 0)
				CU_ASSERT_TRUE(
					rig_drops(&r, RIG_INSIDE, &e, BH_REASON_ICMP_UNSOLICITED));
			CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
			CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &e));
			/* Only to who had sent it. */
			build_error(&other, &f, v6, v6 ? "2001:db8:9::7" : "192.0.2.7");
			CU_ASSERT_TRUE(
				rig_drops(&r, RIG_INSIDE, &other, BH_REASON_ICMP_UNSOLICITED));
			/* Another network is another flow. */
			f.b[rig_l4(&f) + (port != 0 ? 14 : 7)] ^= 8;
			build_error(&other, &f, v6, ends[v6][0]);
			CU_ASSERT_TRUE(
				rig_drops(&r, RIG_INSIDE, &other, BH_REASON_ICMP_UNSOLICITED));
			/* RFC 792's 8 bytes end with the outer UDP header. */
			f.len = rig_l4(&f) + 8;
			build_error(&other, &f, v6, ends[v6][0]);
			CU_ASSERT_TRUE(
				rig_drops(&r, RIG_INSIDE, &other, BH_REASON_ICMP_TUNNEL_QUOTE));
		}
	}
	rig_label(&r, WEB, NULL);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &e, BH_REASON_ICMP_UNSOLICITED));
	rig_stop(&r);
}

/* ---- clients whose port is a tunnel's -------------------------------------------------------------- */

static void
build_datagram(struct rig_frame *f, bool reply, uint16_t port, uint8_t seed)
{
	rig_build(f, &(struct rig_packet){.src = reply ? REDIS : WEB,
					  .dst = reply ? WEB : REDIS,
					  .proto = 17,
					  .sport = reply ? 6379 : port,
					  .dport = reply ? port : 6379,
					  .payload = (uint16_t)(seed % 70),
					  .seed = seed});
}

/* Of any length and with any first byte. */
static void
replies_to_a_tunnels_port_are_of_the_flow_that_asked(void)
{
	struct rig_frame request, reply;
	unsigned i, seed, n = 0;
	struct rig r;

	rig_start(&r, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(ports); i++) {
		build_datagram(&request, false, ports[i], 0);
		for (seed = 0; seed < 256; seed++) {
			build_datagram(&reply, true, ports[i], (uint8_t)seed);
			rig_put(&r, RIG_INSIDE, &reply);
			rig_run(&r);
			CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 0);
		}
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &request));
		for (seed = 0; seed < 256; seed++) {
			build_datagram(&reply, true, ports[i], (uint8_t)seed);
			CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &reply));
			n++;
		}
		rig_clear(&r);
	}
	CU_ASSERT_EQUAL(r.c.flows_opened, BH_ARRAY_SIZE(ports));
	CU_ASSERT_EQUAL(r.c.passed[BH_REASON_RULE_ALLOW], BH_ARRAY_SIZE(ports) + n);
	CU_ASSERT_EQUAL(bh_counters_dropped(&r.c), n);
	CU_ASSERT_TRUE(r.c.dropped[BH_REASON_VXLAN_HEADER] >= 128);
	CU_ASSERT_TRUE(r.c.dropped[BH_REASON_GENEVE_HEADER] >= 128);
	CU_ASSERT_TRUE(r.c.dropped[BH_REASON_L2_DENY] > 20);
	rig_stop(&r);
}

/* What is a tunnel stays one, and its contents are judged, whoever asked for it. */
static void
flow_from_a_tunnels_port_lets_no_tunnel_through(void)
{
	struct rig_frame request, content, f;
	struct rig r;

	rig_start(&r, NULL);
	build_datagram(&request, false, 4789, 0);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &request));
	rig_build(&content, &(struct rig_packet){.src = REDIS,
						 .dst = WEB,
						 .proto = 6,
						 .sport = 1000,
						 .dport = 22,
						 .tcp_flags = BH_TCP_SYN});
	rig_build(&f, &(struct rig_packet){.src = REDIS,
					   .dst = WEB,
					   .proto = 17,
					   .sport = 6379,
					   .dport = 4789,
					   .content = &content});
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &f, BH_REASON_DEFAULT_DENY));
	/* And to a tunnel's port nobody opens a flow but a tunnel's. */
	build_datagram(&f, false, 6379, 17);
	f.b[rig_l4(&f) + 2] = 4789 >> 8;
	f.b[rig_l4(&f) + 3] = (uint8_t)4789;
	rig_load(&r, "version: 1\nrules:\n  - {from: any, to: any, action: allow}\n");
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_VXLAN_HEADER));
	CU_ASSERT_EQUAL(r.c.flows_opened, 2);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_tunnel[] = {
	BH_TEST(partial_checksums_of_tunnels_are_completed_whatever_is_inside),
	BH_TEST(tunnels_are_verified_after_what_is_inside_was_completed),
	BH_TEST(partial_checksums_of_split_tunnel_frames_are_completed),
	BH_TEST(wrong_checksums_of_tunnels_pass_unless_they_are_verified),
	BH_TEST(partial_checksum_of_a_tunnel_is_wrong_on_other_wires),
	BH_TEST(errors_about_a_tunnel_are_related_to_the_flow_inside),
	BH_TEST(replies_to_a_tunnels_port_are_of_the_flow_that_asked),
	BH_TEST(flow_from_a_tunnels_port_lets_no_tunnel_through),
	BH_TEST_END,
};
