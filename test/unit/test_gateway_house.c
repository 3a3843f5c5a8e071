/* gateway: housekeeping in small pieces. What it owes it does in time, and never much of it in one turn. */
#include <stdlib.h>

#include "gateway_rig.h"

/* Denied ones are flows, too, for 30 s or less each; nothing else is in the table. */
static void
open_flows(struct rig *r, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		struct rig_packet p = {.src = "10.1.0.1",
				       .dst = "10.2.0.1",
				       .proto = 17,
				       .sport = (uint16_t)(1000 + i),
				       .dport = 6379,
				       .payload = 20};
		struct rig_frame f;

		rig_build(&f, &p);
		rig_put(r, RIG_OUTSIDE, &f);
		if (i % BH_BURST == BH_BURST - 1 || i + 1 == n) {
			rig_run(r);
			rig_clear(r);
		}
	}
	CU_ASSERT_EQUAL(r->c.flows, n);
}

/* One turn of the worker at this time, nothing else. Returns flows that it ended. */
static uint64_t
turn(struct rig *r)
{
	struct bh_worker *w = bh_gateway_worker(r->g, 0);
	uint64_t before = w->c.flows_ended;

	bh_worker_poll(w, r->clock.mono_ns(r->clock.arg), r->clock.wall_ns(r->clock.arg));
	return w->c.flows_ended - before;
}

/* How long these flows may be idle. */
static uint64_t
idle_ns(const struct rig *r)
{
	return bh_gateway_worker(r->g, 0)->timeout_ms[BH_STATE_NEW] * BH_NS_PER_MS;
}

static void
quiet(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->max_flows = 1u << 16;
	c->event_flows = false;
}

static void
turns_of_a_few_microseconds_end_flows_in_time_and_few_at_once(void)
{
	uint64_t opened, first, last, at_once = 0, ended = 0, n;
	struct rig r;

	rig_start(&r, &(struct rig_options){.tune = quiet});
	first = r.now_ns;
	open_flows(&r, 300);
	opened = r.now_ns;
	first += idle_ns(&r);
	last = opened + idle_ns(&r);
	/* Two entries a slice of the 300 that are there; the clock's steps are not the slices'. */
	last += (300 / 2 + 16) * BH_SLICE_NS + BH_NS_PER_MS;
	while (r.now_ns < last) {
		r.now_ns += 23457;
		n = turn(&r);
		CU_ASSERT_TRUE(n == 0 || r.now_ns >= first);
		at_once = n > at_once ? n : at_once;
		ended += n;
	}
	CU_ASSERT_EQUAL(ended, 300);
	CU_ASSERT_TRUE(at_once <= 2);
	rig_stop(&r);
}

static void
what_a_pause_owes_is_done_a_little_each_turn(void)
{
	uint64_t at_once = 0, ended, n;
	unsigned turns;
	struct rig r;

	rig_start(&r, &(struct rig_options){.tune = quiet});
	open_flows(&r, 6000);
	rig_wait(&r, 3600 * 1000);
	ended = turn(&r);
	CU_ASSERT_EQUAL(ended, BH_AGE_PER_TURN);
	for (turns = 0; ended < 6000 && turns < 1000; turns++) {
		r.now_ns += BH_SLICE_NS;
		n = turn(&r);
		at_once = n > at_once ? n : at_once;
		ended += n;
	}
	CU_ASSERT_EQUAL(ended, 6000);
	CU_ASSERT_TRUE(at_once <= 2 + 32);
	CU_ASSERT_TRUE(turns <= (6000 - BH_AGE_PER_TURN) / 32 + 1);
	rig_stop(&r);
}

static void
every_slice_is_kept_whatever_the_clocks_steps(void)
{
	struct rig r;
	struct bh_worker *w;
	unsigned i;

	rig_start(&r, &(struct rig_options){.tune = quiet});
	w = bh_gateway_worker(r.g, 0);
	turn(&r);
	srand(7);
	for (i = 0; i < 20000; i++) {
		uint64_t before = w->kept_slice;

		r.now_ns += (uint64_t)rand() % (i % 100 == 0 ? 5000000 : 70000);
		turn(&r);
		CU_ASSERT_EQUAL(w->kept_slice, r.clock.mono_ns(r.clock.arg) / BH_SLICE_NS);
		CU_ASSERT_TRUE(w->kept_slice >= before);
		CU_ASSERT_EQUAL(w->now_ms, (uint32_t)(w->mono_ns / BH_NS_PER_MS));
		CU_ASSERT_EQUAL(w->kept_ms, w->now_ms);
	}
	rig_stop(&r);
}

static void
few_contexts(struct bh_config *c, struct bh_gateway_params *p)
{
	quiet(c, p);
	c->app_contexts = 150;
}

static void
contexts_that_are_somebodys_are_known_as_such(void)
{
	static struct bh_flow flow[151];
	struct bh_worker *w;
	unsigned i, taken = 0, k;
	struct rig r;

	rig_start(&r, &(struct rig_options){.tune = few_contexts});
	w = bh_gateway_worker(r.g, 0);
	srand(8);
	for (i = 0; i < 5000; i++) {
		k = 1 + (unsigned)rand() % 150;
		if (w->app[k].flow != NULL) {
			bh_app_release(w, k, BH_REASON_NONE);
			taken--;
		} else if ((k = bh_app_take(w, &flow[taken])) != 0) {
			taken++;
		}
		for (k = 0; k <= 150; k++)
			CU_ASSERT_EQUAL(w->app_used[k / 64] >> k % 64 & 1, w->app[k].flow != NULL);
	}
	CU_ASSERT_TRUE(taken > 30);
	for (k = 1; k <= 150; k++)
		if (w->app[k].flow != NULL)
			bh_app_release(w, k, BH_REASON_NONE);
	rig_stop(&r);
}

/* Each number comes up once in a round of the cursor, whatever the length of turns. */
static void
a_round_looks_at_each_context(void)
{
	struct bh_worker *w;
	struct rig r;
	unsigned i, rounds = 0, before;

	rig_start(&r, &(struct rig_options){.tune = few_contexts});
	w = bh_gateway_worker(r.g, 0);
	turn(&r);
	before = w->app_cursor;
	for (i = 0; i < 38 * 10; i++) {
		r.now_ns += BH_SLICE_NS;
		turn(&r);
		CU_ASSERT_EQUAL(w->app_cursor, (before + 1) % 38); /* of four each: 0 to 151 */
		before = w->app_cursor;
		rounds += before == 0;
	}
	CU_ASSERT_EQUAL(rounds, 10);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_house[] = {
	BH_TEST(turns_of_a_few_microseconds_end_flows_in_time_and_few_at_once),
	BH_TEST(what_a_pause_owes_is_done_a_little_each_turn),
	BH_TEST(every_slice_is_kept_whatever_the_clocks_steps),
	BH_TEST(contexts_that_are_somebodys_are_known_as_such),
	BH_TEST(a_round_looks_at_each_context),
	BH_TEST_END,
};
