/* gateway: quarantines, blocks and cuts come and go while flows are open. */
#include "../../lib/policy/restriction.h"
#include "gateway_rig.h"

#define WEB "10.1.0.1"
#define BATCH "10.1.0.2"
#define REDIS "10.2.0.1"

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

static void
ping(struct rig_frame *f, const char *from, const char *to)
{
	rig_build(f, &(struct rig_packet){
			     .src = from, .dst = to, .proto = 1, .sport = 9, .icmp_type = 8});
}

static struct bh_restriction
quarantine(const char *address)
{
	struct bh_restriction r = {.id = 1, .kind = BH_RESTRICTION_QUARANTINE};

	CU_ASSERT_EQUAL(bh_restriction_end(address, &r.end[0], NULL), 0);
	return r;
}

static void
established_connection_stops_at_once_and_passes_after_the_release(void)
{
	const char *const who[2] = {WEB, REDIS};
	const struct bh_event *e;
	struct bh_restriction q;
	struct rig_frame f;
	struct rig r;
	unsigned i;

	for (i = 0; i < 4; i++) {
		bool to_redis = (i & 1) != 0;
		unsigned wire = to_redis ? RIG_OUTSIDE : RIG_INSIDE;

		rig_start(&r, NULL);
		open_connection(&r);
		q = quarantine(who[i >> 1]);
		CU_ASSERT_EQUAL(bh_policy_restrict(r.policy, &q, 1, NULL), 0);
		tcp(&f, to_redis, BH_TCP_ACK | BH_TCP_PSH);
		CU_ASSERT_TRUE(rig_drops(&r, wire, &f, BH_REASON_QUARANTINED));
		CU_ASSERT_TRUE(rig_drops(&r, wire, &f, BH_REASON_QUARANTINED));
		CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_QUARANTINED], 2);
		e = rig_event(&r, BH_EVENT_VIOLATION);
		CU_ASSERT_EQUAL(e->reason, BH_REASON_QUARANTINED);
		CU_ASSERT_EQUAL(e->mode, BH_MODE_PROTECT);
		CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 1);
		CU_ASSERT_EQUAL(bh_policy_restrict(r.policy, NULL, 0, NULL), 0);
		CU_ASSERT_TRUE(rig_passes(&r, wire, &f));
		tcp(&f, !to_redis, BH_TCP_ACK | BH_TCP_PSH);
		CU_ASSERT_TRUE(rig_passes(&r, to_redis ? RIG_INSIDE : RIG_OUTSIDE, &f));
		CU_ASSERT_EQUAL(r.c.flows, 1);
		rig_stop(&r);
	}
}

static void
listed_paths_of_a_quarantined_endpoint_stay_and_rules_still_judge_them(void)
{
	struct bh_restriction_path path[2];
	struct bh_restriction q;
	struct rig_frame f;
	struct rig r;

	rig_start(&r, NULL);
	open_connection(&r);
	q = quarantine(WEB);
	CU_ASSERT_EQUAL(bh_restriction_path("redis:6379", &path[0], NULL), 0);
	CU_ASSERT_EQUAL(bh_restriction_path("redis:9999", &path[1], NULL), 0);
	q.path = path;
	q.n_paths = 2;
	CU_ASSERT_EQUAL(bh_policy_restrict(r.policy, &q, 1, NULL), 0);
	tcp(&f, true, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	tcp(&f, false, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	/* Allowed by a rule, but no path. */
	ping(&f, WEB, REDIS);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_QUARANTINED));
	/* A path that no rule allows. */
	rig_build(&f, &(struct rig_packet){.src = WEB,
					   .dst = REDIS,
					   .proto = 6,
					   .sport = 40001,
					   .dport = 9999,
					   .tcp_flags = BH_TCP_SYN});
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_DEFAULT_DENY));
	/* Others are not touched. */
	rig_build(&f, &(struct rig_packet){.src = BATCH,
					   .dst = REDIS,
					   .proto = 6,
					   .sport = 40001,
					   .dport = 6380,
					   .tcp_flags = BH_TCP_SYN});
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_stop(&r);
}

static void
quarantine_holds_in_discover_and_monitor(void)
{
	static const unsigned modes[] = {BH_MODE_DISCOVER, BH_MODE_MONITOR};
	struct bh_restriction q = quarantine(REDIS);
	struct rig_frame f;
	struct rig r;
	unsigned i;

	for (i = 0; i < 2; i++) {
		rig_start(&r, &(struct rig_options){.mode = modes[i]});
		open_connection(&r);
		ping(&f, BATCH, REDIS);
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
		CU_ASSERT_EQUAL(bh_policy_restrict(r.policy, &q, 1, NULL), 0);
		CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_QUARANTINED));
		tcp(&f, true, BH_TCP_ACK | BH_TCP_PSH);
		CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_QUARANTINED));
		rig_stop(&r);
	}
}

static void
block_refuses_what_fits_it_and_nothing_else(void)
{
	struct bh_restriction b = {.id = 2, .kind = BH_RESTRICTION_BLOCK};
	struct rig_frame f;
	struct rig r;

	rig_start(&r, NULL);
	open_connection(&r);
	CU_ASSERT_EQUAL(bh_restriction_end("web", &b.end[0], NULL), 0);
	CU_ASSERT_EQUAL(bh_restriction_end(REDIS, &b.end[1], NULL), 0);
	CU_ASSERT_EQUAL(bh_restriction_service("6379", &b.first, &b.last, NULL), 0);
	CU_ASSERT_EQUAL(bh_policy_restrict(r.policy, &b, 1, NULL), 0);
	tcp(&f, true, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_BLOCKED));
	ping(&f, WEB, REDIS);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_stop(&r);
}

static void
cut_answers_both_ends_of_its_connection_alone(void)
{
	struct bh_restriction c = {.id = 3, .kind = BH_RESTRICTION_CUT, .proto = 6};
	struct rig_frame f;
	struct rig r;

	rig_start(&r, NULL);
	open_connection(&r);
	CU_ASSERT_EQUAL(bh_restriction_end(WEB, &c.end[0], NULL), 0);
	CU_ASSERT_EQUAL(bh_restriction_end(REDIS, &c.end[1], NULL), 0);
	c.port[0] = 40000;
	c.port[1] = 6379;
	CU_ASSERT_EQUAL(bh_policy_restrict(r.policy, &c, 1, NULL), 0);
	rig_build(&f, &(struct rig_packet){.src = WEB,
					   .dst = REDIS,
					   .proto = 6,
					   .sport = 40001,
					   .dport = 6379,
					   .tcp_flags = BH_TCP_SYN});
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_clear(&r);
	tcp(&f, true, BH_TCP_ACK | BH_TCP_PSH);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	tcp(&f, false, BH_TCP_ACK | BH_TCP_PSH);
	rig_put(&r, RIG_INSIDE, &f);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_CUT], 2);
	/* Each packet tells both. */
	CU_ASSERT_EQUAL(r.c.answers, 4);
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 2);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 2);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_restrict[] = {
	{"an established connection stops at once, and passes after the release",
	 established_connection_stops_at_once_and_passes_after_the_release},
	{"listed paths of a quarantined endpoint stay, and rules still judge them",
	 listed_paths_of_a_quarantined_endpoint_stay_and_rules_still_judge_them},
	{"a quarantine holds in discover and monitor", quarantine_holds_in_discover_and_monitor},
	{"a block refuses what fits it and nothing else",
	 block_refuses_what_fits_it_and_nothing_else},
	{"a cut answers both ends of its connection alone",
	 cut_answers_both_ends_of_its_connection_alone},
	{NULL, NULL},
};
