/* gateway: full tables, time-outs, draining. */
#include <stdlib.h>

#include "gateway_rig.h"

#define WEB "10.1.0.1"
#define REDIS "10.2.0.1"

static struct rig_packet
packet(uint8_t proto, bool to_redis, uint16_t client, uint16_t port)
{
	return (struct rig_packet){
		.src = to_redis ? WEB : REDIS,
		.dst = to_redis ? REDIS : WEB,
		.proto = proto,
		.sport = to_redis ? client : port,
		.dport = to_redis ? port : client,
		.tcp_flags = BH_TCP_SYN,
		.payload = 20,
	};
}

static void
build(struct rig_frame *f, uint8_t proto, bool to_redis, uint16_t client, uint16_t port)
{
	struct rig_packet p = packet(proto, to_redis, client, port);

	rig_build(f, &p);
}

static void
small_table(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->max_flows = 64;
	c->event_flows = false;
}

/* Four hundred flows through a table of 64, allowed and denied ones mixed in each burst: whoever was evicted,
 * no denied packet may leave by an allowed flow's verdict, and an allowed one only fails for lack of room. */
static void
eviction_in_a_burst_never_lends_a_verdict(void)
{
	struct rig_frame f;
	struct rig r;
	unsigned round, i, k, allowed, wrong = 0;

	srand(11);
	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = small_table});
	for (round = 0; round < 400; round++) {
		uint64_t full = r.c.dropped[BH_REASON_FLOW_TABLE_FULL];

		allowed = 0;
		rig_clear(&r);
		for (i = 0; i < BH_BURST; i++) {
			bool good = rand() % 2;

			build(&f, 17, true, (uint16_t)(1000 + rand() % 200), good ? 6379 : 53);
			rig_put(&r, RIG_OUTSIDE, &f);
			allowed += good;
		}
		rig_run(&r);
		for (k = 0; k < r.wire[RIG_INSIDE].n_out; k++)
			wrong += r.wire[RIG_INSIDE].out[k].b[36] != 6379 >> 8;
		full = r.c.dropped[BH_REASON_FLOW_TABLE_FULL] - full;
		CU_ASSERT(r.wire[RIG_INSIDE].n_out <= allowed);
		CU_ASSERT(r.wire[RIG_INSIDE].n_out + full >= allowed);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(r.c.flows_evicted > 1000);
	CU_ASSERT_EQUAL(r.c.flows_opened - r.c.flows_ended, r.c.flows);
	rig_stop(&r);
}

static void
established_flows_survive_a_flood(void)
{
	struct rig_frame f;
	struct rig r;
	unsigned i;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = small_table});
	for (i = 0; i < 64; i++) {
		build(&f, 17, true, (uint16_t)(1000 + i), 6379);
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
		build(&f, 17, false, (uint16_t)(1000 + i), 6379);
		CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	}
	for (i = 0; i < 500; i++) {
		build(&f, 17, true, (uint16_t)(2000 + i), 6379);
		CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_FLOW_TABLE_FULL));
		rig_clear(&r);
	}
	CU_ASSERT_EQUAL(r.c.flows_evicted, 0);
	for (i = 0; i < 64; i++) {
		build(&f, 17, true, (uint16_t)(1000 + i), 6379);
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	}
	rig_stop(&r);
}

/* The sweep is far away in a table of a million: the packet itself must notice. 30 s is a NEW flow's time. */
static void
large_table(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->max_flows = 1u << 16;
}

static void
time_out_is_exact_whether_or_not_the_sweep_was_there(void)
{
	struct rig_frame f;
	struct rig r;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = large_table});
	build(&f, 17, true, 1000, 6379);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	/* rig_passes takes 1 ms after the packet. */
	rig_wait(&r, 30000 - 2);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	CU_ASSERT_EQUAL(r.c.flows_opened, 1);
	rig_wait(&r, 30000 - 1);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	CU_ASSERT_EQUAL(r.c.flows_opened, 2);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_FLOW), 1);
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_FLOW)->flow_end, BH_FLOW_END_TIMEOUT);
	rig_stop(&r);
}

static void
idle_flows_end_without_a_packet(void)
{
	struct rig_frame f;
	struct rig r;
	unsigned i;

	rig_start(&r, NULL);
	for (i = 0; i < 300; i++) {
		build(&f, 17, true, (uint16_t)(1000 + i), 6379);
		rig_put(&r, RIG_OUTSIDE, &f);
	}
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.flows, 300);
	/* The sweep turns the table over in some four seconds. */
	for (i = 0; i < 36000; i++)
		rig_run(&r);
	CU_ASSERT_EQUAL(r.c.flows, 0);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_FLOW), 300);
	rig_stop(&r);
}

/* Clocks are corrected: a step back of a few milliseconds must not look like 49 days. */
static void
clock_that_steps_back_ends_no_flow(void)
{
	struct rig_frame f;
	struct rig r;

	rig_start(&r, NULL);
	rig_wait(&r, 5000);
	build(&f, 17, true, 1000, 6379);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	r.now_ns -= 40 * BH_NS_PER_MS;
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.flows_opened, 1);
	CU_ASSERT_EQUAL(r.c.flows_ended, 0);
	rig_stop(&r);
}

static void
put_tcp(struct rig *r, uint8_t flags)
{
	struct rig_packet p = packet(6, true, 1000, 6379);
	struct rig_frame f;

	p.tcp_flags = flags;
	rig_build(&f, &p);
	rig_put(r, RIG_OUTSIDE, &f);
}

/* A closed connection's ports are used again while its flow is still in the table; the new SYN may come twice
 * in one burst. */
static void
new_connection_on_old_ports_is_a_new_flow(void)
{
	struct rig r;
	unsigned i;

	rig_start(&r, NULL);
	for (i = 0; i < 3; i++) {
		put_tcp(&r, BH_TCP_SYN);
		put_tcp(&r, BH_TCP_SYN);
		rig_run(&r);
		CU_ASSERT_EQUAL(r.c.flows_opened, i + 1);
		CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_FLOW), i);
		put_tcp(&r, BH_TCP_RST);
		rig_run(&r);
	}
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_FLOW)->flow_end, BH_FLOW_END_CLOSED);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 9);
	rig_stop(&r);
}

/* rig_stop() itself asserts packets == forwarded + dropped and that all buffers are back. */
static void
drain_drops_what_is_held_and_ends_each_flow_once(void)
{
	struct rig_frame whole, part[3], f;
	struct bh_event e[16];
	struct rig r;
	unsigned i, n, ended = 0;

	rig_start(&r, NULL);
	for (i = 0; i < 9; i++) {
		build(&f, 17, true, (uint16_t)(1000 + i), 6379);
		rig_put(&r, RIG_OUTSIDE, &f);
	}
	rig_build(&whole,
		  &(struct rig_packet){.src = WEB, .dst = REDIS, .proto = 17, .payload = 900});
	rig_fragment(&whole, part, 3);
	rig_put(&r, RIG_OUTSIDE, &part[0]);
	rig_put(&r, RIG_OUTSIDE, &part[2]);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.held, 2);
	CU_ASSERT_EQUAL(bh_worker_drain(bh_gateway_worker(r.g, 0), r.clock.mono_ns(&r),
					r.clock.wall_ns(&r)),
			0);
	bh_gateway_counters(r.g, UINT32_MAX, &r.c);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_SHUTDOWN], 2);
	while ((n = bh_gateway_events(r.g, e, BH_ARRAY_SIZE(e))) != 0) {
		for (i = 0; i < n; i++)
			ended +=
				e[i].type == BH_EVENT_FLOW && e[i].flow_end == BH_FLOW_END_SHUTDOWN;
	}
	CU_ASSERT_EQUAL(ended, 9);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_table[] = {
	BH_TEST(eviction_in_a_burst_never_lends_a_verdict),
	BH_TEST(established_flows_survive_a_flood),
	BH_TEST(time_out_is_exact_whether_or_not_the_sweep_was_there),
	BH_TEST(idle_flows_end_without_a_packet),
	BH_TEST(clock_that_steps_back_ends_no_flow),
	BH_TEST(new_connection_on_old_ports_is_a_new_flow),
	BH_TEST(drain_drops_what_is_held_and_ends_each_flow_once),
	BH_TEST_END,
};
