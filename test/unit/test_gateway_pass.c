/* gateway: what passes, what does not, and what is said about it. */
#include "gateway_rig.h"

#define WEB "10.1.0.1"
#define BATCH "10.1.0.2"
#define REDIS "10.2.0.1"

static void
udp(struct rig_frame *f, const char *src, const char *dst, uint16_t sport, uint16_t dport)
{
	rig_build(f, &(struct rig_packet){.src = src,
					  .dst = dst,
					  .proto = 17,
					  .sport = sport,
					  .dport = dport,
					  .payload = 200});
}

static void
tcp(struct rig_frame *f, bool to_redis, uint16_t port, uint8_t flags)
{
	rig_build(f, &(struct rig_packet){.src = to_redis ? WEB : REDIS,
					  .dst = to_redis ? REDIS : WEB,
					  .proto = 6,
					  .sport = to_redis ? 40000 : port,
					  .dport = to_redis ? port : 40000,
					  .tcp_flags = flags,
					  .payload = flags & BH_TCP_PSH ? 100 : 0});
}

static void
arp(struct rig_frame *f)
{
	static const uint8_t head[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,
				       1,    8,    6,    0,    1,    8,    0, 6, 4, 0, 1};

	memset(f->b, 0, sizeof(f->b));
	memcpy(f->b, head, sizeof(head));
	f->len = 60;
}

static void
nothing_passes_before_a_policy_is_published(void)
{
	struct rig r;
	struct rig_frame f;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_DISCOVER, .no_policy = true});
	udp(&f, WEB, REDIS, 40000, 6379);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_NO_POLICY));
	arp(&f);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_NO_POLICY));
	CU_ASSERT_EQUAL(r.c.flows, 0);
	rig_load(&r, rig_policy);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	udp(&f, WEB, REDIS, 40000, 6379);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_stop(&r);
}

static void
allowed_flow_passes_both_ways_bit_for_bit(void)
{
	static const char *const ends[][2] = {{WEB, REDIS}, {"2001:db8:1::1", "2001:db8:2::1"}};
	struct rig_packet p = {.proto = 17, .payload = 333};
	struct rig r;
	struct rig_frame f;
	unsigned i;

	rig_start(&r, NULL);
	for (i = 0; i < 4; i++) {
		p.src = ends[i / 2][0];
		p.dst = ends[i / 2][1];
		p.sport = 40000;
		p.dport = 6379;
		p.vlan = i % 2 == 0 ? 0 : 20;
		rig_build(&f, &p);
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
		p.src = ends[i / 2][1];
		p.dst = ends[i / 2][0];
		p.sport = 6379;
		p.dport = 40000;
		rig_build(&f, &p);
		CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	}
	/* Families and VLANs are different flows, directions are not. */
	CU_ASSERT_EQUAL(r.c.flows_opened, 4);
	CU_ASSERT_EQUAL(r.c.judged, 4);
	CU_ASSERT_EQUAL(r.c.passed[BH_REASON_RULE_ALLOW], 8);
	CU_ASSERT_EQUAL(r.n_events, 0);
	rig_stop(&r);
}

/* The responder may not open what the initiator may. */
static void
rule_allows_one_direction_only(void)
{
	struct rig r;
	struct rig_frame f;

	rig_start(&r, NULL);
	udp(&f, REDIS, WEB, 40000, 6379);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &f, BH_REASON_DEFAULT_DENY));
	rig_stop(&r);
}

static void
denied_flow_is_reported_once_and_never_passes(void)
{
	const struct bh_event *e;
	struct rig r;
	struct rig_frame f;
	unsigned i;

	rig_start(&r, NULL);
	udp(&f, WEB, REDIS, 40000, 53);
	for (i = 0; i < 5; i++)
		CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_DEFAULT_DENY));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 1);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_DROP), 1);
	CU_ASSERT_EQUAL(r.n_events, 2);
	e = rig_event(&r, BH_EVENT_VIOLATION);
	CU_ASSERT_EQUAL(e->reason, BH_REASON_DEFAULT_DENY);
	CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(e->mode, BH_MODE_PROTECT);
	CU_ASSERT_EQUAL(e->port, RIG_OUTSIDE);
	CU_ASSERT_EQUAL(e->key.port[1 - e->initiator], 53);
	CU_ASSERT_STRING_EQUAL(bh_policy_segment_name(r.policy, e->segment[e->initiator]), "web");
	CU_ASSERT_STRING_EQUAL(bh_policy_segment_name(r.policy, e->segment[1 - e->initiator]),
			       "redis");
	CU_ASSERT_EQUAL(r.c.judged, 1);
	rig_stop(&r);
}

static void
monitor_passes_what_it_reports(void)
{
	struct rig r;
	struct rig_frame f;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_MONITOR});
	udp(&f, WEB, REDIS, 40000, 53);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	CU_ASSERT_EQUAL(r.c.passed[BH_REASON_MONITOR], 2);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 1);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_DROP), 0);
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_VIOLATION)->verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_VIOLATION)->mode, BH_MODE_MONITOR);
	rig_stop(&r);
}

static void
connection_seen_from_the_middle_is_refused_unless_discovering(void)
{
	struct rig r;
	struct rig_frame f;

	rig_start(&r, NULL);
	tcp(&f, true, 6379, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_TCP_MIDSTREAM));
	tcp(&f, false, 6379, BH_TCP_SYN | BH_TCP_ACK);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &f, BH_REASON_TCP_MIDSTREAM));
	CU_ASSERT_EQUAL(r.c.flows, 0);
	tcp(&f, true, 6379, BH_TCP_SYN);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	tcp(&f, true, 6379, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_stop(&r);

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_DISCOVER});
	tcp(&f, false, 6379, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	rig_stop(&r);
}

static void
accept_midstream(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->midstream = true;
}

/* Picked up in the middle, the end with the well-known port is the server: the rule for its clients holds. */
static void
midstream_is_accepted_where_configured_and_judged_by_its_server(void)
{
	struct rig r;
	struct rig_frame f;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT,
					    .tune = accept_midstream,
					    .policy = RIG_WEB_DB
					    "rules:\n"
					    "  - {from: web, to: any, ports: [tcp/443, "
					    "tcp/6379], action: allow}\n"});
	tcp(&f, false, 443, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	tcp(&f, false, 444, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &f, BH_REASON_DEFAULT_DENY));

	/* Where no port tells, the first packet seen may be either end's. */
	tcp(&f, false, 6379, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	tcp(&f, true, 6379, BH_TCP_ACK);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	tcp(&f, false, 6380, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &f, BH_REASON_DEFAULT_DENY));

	/* An answer to nothing is no way around the rule for who opens. */
	tcp(&f, false, 6379, BH_TCP_SYN);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &f, BH_REASON_DEFAULT_DENY));
	rig_stop(&r);
}

static void
same_new_flow_twice_in_a_burst_opens_once(void)
{
	struct rig r;
	struct rig_frame f, denied;
	unsigned i;

	rig_start(&r, NULL);
	udp(&f, WEB, REDIS, 40000, 6379);
	udp(&denied, WEB, REDIS, 40000, 53);
	for (i = 0; i < 8; i++) {
		rig_put(&r, RIG_OUTSIDE, &f);
		rig_put(&r, RIG_OUTSIDE, &denied);
	}
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.flows_opened, 2);
	CU_ASSERT_EQUAL(r.c.judged, 2);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 8);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_DEFAULT_DENY], 8);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 1);
	rig_stop(&r);
}

static void
full_transmit_queue_drops_the_rest_and_counts_it(void)
{
	struct bh_wire_counters in, out;
	struct rig r;
	struct rig_frame f;
	unsigned i;

	rig_start(&r, NULL);
	udp(&f, WEB, REDIS, 40000, 6379);
	r.wire[RIG_INSIDE].room = 10;
	for (i = 0; i < 16; i++)
		rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 10);
	CU_ASSERT_EQUAL(r.c.forwarded, 10);
	CU_ASSERT_EQUAL(r.c.forwarded_bytes, 10 * f.len);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_TX_RING_FULL], 6);
	bh_gateway_wire_counters(r.g, RIG_OUTSIDE, &in);
	bh_gateway_wire_counters(r.g, RIG_INSIDE, &out);
	CU_ASSERT_EQUAL(in.rx_packets, 16);
	CU_ASSERT_EQUAL(in.dropped, 6);
	CU_ASSERT_EQUAL(out.tx_packets, 10);
	CU_ASSERT_EQUAL(out.dropped, 0);
	rig_stop(&r);
}

static void
frame_longer_than_the_leaving_wire_takes_is_dropped(void)
{
	struct rig_packet p = {.src = WEB, .dst = REDIS, .proto = 17, .sport = 1, .dport = 6379};
	struct rig r;
	struct rig_frame f;

	rig_start(&r, NULL);
	p.vlan = 9;
	p.payload = 1500 - 28;
	rig_build(&f, &p);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	p.payload = 1500 - 28 + 9;
	rig_build(&f, &p);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_OVERSIZE));
	rig_stop(&r);
}

static void
wire_without_a_link_gets_nothing(void)
{
	struct rig r;
	struct rig_frame f, g;

	rig_start(&r, NULL);
	udp(&f, WEB, REDIS, 40000, 6379);
	udp(&g, REDIS, WEB, 6379, 40000);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	bh_gateway_wire_down(r.g, RIG_INSIDE, true);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_LINK_DOWN));
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &g));
	bh_gateway_wire_down(r.g, RIG_INSIDE, false);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_stop(&r);
}

static void
drop_arp(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->frame_pass[BH_FRAME_ARP] = false;
}

static void
frames_that_are_not_ip_follow_their_class(void)
{
	struct rig r;
	struct rig_frame f;

	rig_start(&r, NULL);
	arp(&f);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_stop(&r);
	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = drop_arp});
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_L2_DENY));
	rig_stop(&r);
}

/* One event for each of the first hundred in a second; the next second's first says how many were left out. */
static void
flood_of_malformed_frames_is_written_about_in_bounds(void)
{
	struct rig r;
	struct rig_frame f;
	unsigned i;

	rig_start(&r, NULL);
	udp(&f, WEB, REDIS, 40000, 6379);
	f.b[14] = 0x55;
	for (i = 0; i < 500; i++)
		rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_IP4_VERSION], 500);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_MALFORMED), 100);
	rig_wait(&r, 1000);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_IP4_VERSION));
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_MALFORMED)->repeated, 400);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_pass[] = {
	BH_TEST(nothing_passes_before_a_policy_is_published),
	BH_TEST(allowed_flow_passes_both_ways_bit_for_bit),
	BH_TEST(rule_allows_one_direction_only),
	BH_TEST(denied_flow_is_reported_once_and_never_passes),
	BH_TEST(monitor_passes_what_it_reports),
	BH_TEST(connection_seen_from_the_middle_is_refused_unless_discovering),
	BH_TEST(midstream_is_accepted_where_configured_and_judged_by_its_server),
	BH_TEST(same_new_flow_twice_in_a_burst_opens_once),
	BH_TEST(full_transmit_queue_drops_the_rest_and_counts_it),
	BH_TEST(frame_longer_than_the_leaving_wire_takes_is_dropped),
	BH_TEST(wire_without_a_link_gets_nothing),
	BH_TEST(frames_that_are_not_ip_follow_their_class),
	BH_TEST(flood_of_malformed_frames_is_written_about_in_bounds),
	BH_TEST_END,
};
