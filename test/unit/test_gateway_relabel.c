/* gateway: labels and policies change while flows are open. */
#include <stdio.h>

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
					  .payload = 50});
}

static void
tcp(struct rig_frame *f, bool to_redis, uint8_t flags)
{
	rig_build(f, &(struct rig_packet){.src = to_redis ? WEB : REDIS,
					  .dst = to_redis ? REDIS : WEB,
					  .proto = 6,
					  .sport = to_redis ? 40000 : 6379,
					  .dport = to_redis ? 6379 : 40000,
					  .tcp_flags = flags,
					  .payload = flags & BH_TCP_PSH ? 100 : 0});
}

static void
open_connection(struct rig *r)
{
	struct rig_frame f;

	tcp(&f, true, BH_TCP_SYN);
	CU_ASSERT_TRUE(rig_passes(r, RIG_OUTSIDE, &f));
	tcp(&f, false, BH_TCP_SYN | BH_TCP_ACK);
	CU_ASSERT_TRUE(rig_passes(r, RIG_INSIDE, &f));
	tcp(&f, true, BH_TCP_ACK);
	CU_ASSERT_TRUE(rig_passes(r, RIG_OUTSIDE, &f));
	rig_clear(r);
}

static const char *
name_of(struct rig *r, const struct bh_event *e, bool initiator)
{
	return bh_policy_segment_name(r->policy,
				      e->segment[initiator ? e->initiator : 1 - e->initiator]);
}

/* Either end, either direction of the next packet. */
static void
changed_label_stops_the_flow_with_its_next_packet(void)
{
	const struct bh_event *e;
	struct rig_frame f;
	struct rig r;
	unsigned i;

	for (i = 0; i < 4; i++) {
		bool to_redis = i & 1;

		rig_start(&r, NULL);
		open_connection(&r);
		rig_label(&r, i & 2 ? WEB : REDIS, "other");
		tcp(&f, to_redis, BH_TCP_ACK | BH_TCP_PSH);
		CU_ASSERT_TRUE(rig_drops(&r, to_redis ? RIG_OUTSIDE : RIG_INSIDE, &f,
					 BH_REASON_LABELS_CHANGED));
		e = rig_event(&r, BH_EVENT_VIOLATION);
		CU_ASSERT_EQUAL(e->reason, BH_REASON_LABELS_CHANGED);
		CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_DENY);
		CU_ASSERT_EQUAL(e->key.port[1 - e->initiator], 6379);
		CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 1);
		/* The record of what was allowed ended, with the words of that time. */
		e = rig_event(&r, BH_EVENT_FLOW);
		CU_ASSERT_EQUAL(e->flow_end, BH_FLOW_END_RELABELLED);
		CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_ALLOW);
		CU_ASSERT_EQUAL(e->packets[0] + e->packets[1], 3);
		CU_ASSERT_STRING_EQUAL(name_of(&r, e, true), "web");
		CU_ASSERT_STRING_EQUAL(name_of(&r, e, false), "redis");
		CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_LABELS_CHANGED));
		rig_stop(&r);
	}
}

static void
label_that_comes_back_restores_the_connection(void)
{
	struct rig_frame f;
	struct rig r;

	rig_start(&r, NULL);
	open_connection(&r);
	tcp(&f, true, BH_TCP_ACK | BH_TCP_PSH);
	rig_label(&r, REDIS, "other");
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_LABELS_CHANGED));
	rig_label(&r, REDIS, "redis");
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	tcp(&f, false, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	CU_ASSERT_EQUAL(r.c.flows, 1);
	/* Established, not just any state: its time-out is hours, not seconds. */
	rig_wait(&r, 3600 * 1000);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	rig_stop(&r);
}

/* An address nobody had labelled gets an owner: slot 0, which all unlabelled ones share, must say so. */
static void
address_that_becomes_an_endpoint_is_judged_anew(void)
{
	static const char policy[] = "version: 1\n"
				     "segments:\n"
				     "  locked: {selector: app=locked}\n"
				     "rules:\n"
				     "  - {from: any, to: locked, action: deny}\n"
				     "  - {from: any, to: any, action: allow}\n";
	struct rig_frame f, g;
	struct rig r;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = policy});
	udp(&f, WEB, REDIS, 1000, 2000);
	udp(&g, WEB, "10.9.9.9", 1000, 2000);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &g));
	rig_label(&r, REDIS, "locked");
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_LABELS_CHANGED));
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &g));
	/* The longer prefix wins over the one that covered it. */
	rig_label(&r, "10.9.0.0/16", "open");
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &g));
	rig_label(&r, "10.9.9.0/24", "locked");
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &g, BH_REASON_LABELS_CHANGED));
	rig_stop(&r);
}

static void
deleted_endpoint_leaves_no_rights_to_who_gets_its_slot(void)
{
	struct rig_frame f, g;
	struct rig r;
	unsigned i;

	rig_start(&r, NULL);
	udp(&f, WEB, REDIS, 1000, 6379);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	for (i = 0; i < 20; i++) {
		char other[32];

		/* The freed slot goes to another address with the very labels that had the right. */
		snprintf(other, sizeof(other), "10.3.0.%u", i + 1);
		rig_label(&r, WEB, NULL);
		rig_label(&r, other, "web");
		CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_LABELS_CHANGED));
		udp(&g, other, REDIS, 1000, 6379);
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &g));
		rig_label(&r, other, NULL);
		rig_label(&r, WEB, "web");
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	}
	rig_stop(&r);
}

static void
same_segments_under_a_new_policy_are_the_same_flow(void)
{
	struct rig_frame f;
	struct rig r;
	unsigned i;

	rig_start(&r, NULL);
	open_connection(&r);
	tcp(&f, true, BH_TCP_ACK | BH_TCP_PSH);
	for (i = 0; i < 100; i++) {
		rig_load(&r, rig_policy);
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	}
	CU_ASSERT_EQUAL(r.n_events, 0);
	CU_ASSERT_EQUAL(r.c.flows_opened, 1);
	CU_ASSERT_EQUAL(bh_counters_dropped(&r.c), 0);
	CU_ASSERT_EQUAL(r.c.judged, 101);
	rig_stop(&r);
}

static void
policy_without_the_rule_stops_the_flow_and_says_so(void)
{
	static const char none[] = "version: 1\n"
				   "endpoints:\n"
				   "  - {address: 10.1.0.1, labels: {app: web}}\n"
				   "  - {address: 10.2.0.1, labels: {app: redis}}\n"
				   "segments:\n"
				   "  web:   {selector: app=web}\n"
				   "  redis: {selector: app=redis}\n";
	struct rig_frame f;
	struct rig r;

	rig_start(&r, NULL);
	open_connection(&r);
	tcp(&f, true, BH_TCP_ACK | BH_TCP_PSH);
	rig_load(&r, none);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_POLICY_CHANGED));
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_VIOLATION)->reason, BH_REASON_POLICY_CHANGED);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_FLOW), 0);
	CU_ASSERT_EQUAL(r.c.flows_opened, 1);
	/* And back. */
	rig_load(&r, rig_policy);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_stop(&r);
}

/* web and batch may both talk to redis on this port: the connection goes on, under another record. */
static void
move_to_another_allowed_segment_begins_a_new_record(void)
{
	static const char both[] =
		"version: 1\n"
		"endpoints:\n"
		"  - {address: 10.1.0.1, labels: {app: web}}\n"
		"  - {address: 10.2.0.1, labels: {app: redis}}\n"
		"segments:\n"
		"  web:   {selector: app=web}\n"
		"  batch: {selector: app=batch}\n"
		"  redis: {selector: app=redis}\n"
		"rules:\n"
		"  - {from: web, to: redis, ports: [tcp/6379], action: allow}\n"
		"  - {from: batch, to: redis, ports: [tcp/6379], action: allow}\n";
	const struct bh_event *e;
	uint64_t first_id;
	struct rig_frame f;
	struct rig r;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = both});
	open_connection(&r);
	rig_label(&r, WEB, "batch");
	tcp(&f, false, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	CU_ASSERT_EQUAL(r.n_events, 1);
	e = rig_event(&r, BH_EVENT_FLOW);
	CU_ASSERT_EQUAL(e->flow_end, BH_FLOW_END_RELABELLED);
	CU_ASSERT_STRING_EQUAL(name_of(&r, e, true), "web");
	first_id = e->flow_id;
	CU_ASSERT_EQUAL(r.c.flows_opened, 2);
	CU_ASSERT_EQUAL(r.c.flows_relabelled, 1);
	rig_wait(&r, 3600 * 1000); /* still established */
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	rig_clear(&r);
	rig_wait(&r, 3 * 3600 * 1000);
	rig_run(&r);
	rig_run(&r);
	e = rig_event(&r, BH_EVENT_FLOW);
	CU_ASSERT_NOT_EQUAL(e->flow_id, first_id);
	CU_ASSERT_STRING_EQUAL(name_of(&r, e, true), "batch");
	CU_ASSERT_EQUAL(e->packets[0] + e->packets[1], 2);
	rig_stop(&r);
}

/* A burst that was looked up under the old labels is not in flight: the change came before its turn. */
static void
changes_between_turns_reach_every_packet_of_the_next(void)
{
	struct rig_frame f;
	struct rig r;
	unsigned i;

	rig_start(&r, NULL);
	open_connection(&r);
	tcp(&f, true, BH_TCP_ACK | BH_TCP_PSH);
	for (i = 0; i < BH_BURST; i++)
		rig_put(&r, RIG_OUTSIDE, &f);
	rig_label(&r, REDIS, "other");
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_LABELS_CHANGED], BH_BURST);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 1);
	rig_stop(&r);
}

static unsigned freed;

static void
count_free(void *obj)
{
	CU_ASSERT_PTR_EQUAL(obj, &freed);
	freed++;
}

static void
turn(struct rig *r, unsigned worker)
{
	bh_worker_poll(bh_gateway_worker(r->g, worker), r->clock.mono_ns(r), r->clock.wall_ns(r));
}

static void
retired_object_is_freed_after_every_worker_turned(void)
{
	struct rig r;

	rig_start(&r, &(struct rig_options){.n_workers = 3, .mode = BH_MODE_PROTECT});
	freed = 0;
	bh_gateway_retire(r.g, &freed, count_free);
	bh_gateway_control(r.g);
	CU_ASSERT_EQUAL(freed, 0);
	turn(&r, 0);
	turn(&r, 2);
	turn(&r, 2);
	bh_gateway_control(r.g);
	CU_ASSERT_EQUAL(freed, 0);
	turn(&r, 1);
	CU_ASSERT_EQUAL(freed, 0);
	bh_gateway_control(r.g);
	CU_ASSERT_EQUAL(freed, 1);
	bh_gateway_control(r.g);
	CU_ASSERT_EQUAL(freed, 1);
	/* What waits when the gateway goes is not leaked. */
	bh_gateway_retire(r.g, &freed, count_free);
	rig_stop(&r);
	CU_ASSERT_EQUAL(freed, 2);
}

const struct bh_unit_test bh_suite_gateway_relabel[] = {
	BH_TEST(changed_label_stops_the_flow_with_its_next_packet),
	BH_TEST(label_that_comes_back_restores_the_connection),
	BH_TEST(address_that_becomes_an_endpoint_is_judged_anew),
	BH_TEST(deleted_endpoint_leaves_no_rights_to_who_gets_its_slot),
	BH_TEST(same_segments_under_a_new_policy_are_the_same_flow),
	BH_TEST(policy_without_the_rule_stops_the_flow_and_says_so),
	BH_TEST(move_to_another_allowed_segment_begins_a_new_record),
	BH_TEST(changes_between_turns_reach_every_packet_of_the_next),
	BH_TEST(retired_object_is_freed_after_every_worker_turned),
	BH_TEST_END,
};
