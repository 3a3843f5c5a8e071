/* A gateway that stands by has its twin's flows, and no others. */
#include <errno.h>

#include "../../lib/gateway/carry.h"
#include "../../lib/gateway/twin.h"
#include "gateway_talk.h"

#define WALK_MS 1000

static void
with_a_twin(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	snprintf(c->pair_listen, sizeof(c->pair_listen), "10.9.0.1:8475");
}

/* One gateway plays both: what it tells while it forwards, it is told when it stands by. */
static void
begin(struct rig *r)
{
	static const struct rig_options options = {.tune = with_a_twin};
	const struct bh_carry_params params = {.walk_ms = WALK_MS};

	rig_start(r, &options);
	CU_ASSERT_EQUAL_FATAL(bh_gateway_carry_keep(r->g, &params), 0);
	CU_ASSERT_EQUAL_FATAL(bh_gateway_carry_start(r->g, &params), 0);
	CU_ASSERT_EQUAL_FATAL(bh_gateway_adopt_start(r->g, &params), 0);
	rig_run(r);
}

static void
forwards(struct rig *r, bool on)
{
	if (!on)
		atomic_store(&r->g->forward_until, 1);
	else
		CU_ASSERT_EQUAL(bh_gateway_forward(r->g, r->now_ns + 36000 * BH_NS_PER_SEC), 0);
}

/* The last record of the one connection. */
static struct bh_flow_record
told(struct rig *r)
{
	struct bh_flow_record all[64] = {0};
	uint32_t n = 0, got;

	do {
		rig_run(r);
		got = bh_gateway_carry_take(r->g, all + n, (uint32_t)BH_ARRAY_SIZE(all) - n);
		n += got;
	} while (n == 0 || got != 0);
	return all[n - 1];
}

static struct bh_carry_counts
counts(const struct rig *r)
{
	struct bh_carry_counts c;

	bh_gateway_carry_counts(r->g, &c);
	return c;
}

static void
stands_by_and_forgets(struct rig *r)
{
	forwards(r, false);
	rig_run(r);
	bh_gateway_forget(r->g);
	CU_ASSERT_FALSE(bh_gateway_adopted(r->g));
	rig_run(r);
	CU_ASSERT_TRUE(bh_gateway_adopted(r->g));
	CU_ASSERT_EQUAL(r->c.flows, 0);
}

static void
it_begins_with_what_it_was_told(void)
{
	struct bh_flow_record f;
	struct rig_frame again;
	struct talk t;
	struct rig r;

	begin(&r);
	forwards(&r, true);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 6379));
	f = told(&r);
	rig_clear(&r);
	stands_by_and_forgets(&r);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_FLOW), 0);
	CU_ASSERT_EQUAL(bh_gateway_adopt(r.g, &f, 1), 1);
	forwards(&r, true);
	/* The ring is not empty yet: nothing passes before. */
	frame(&t, 0, BH_TCP_ACK, NULL, &again);
	CU_ASSERT(rig_drops(&r, RIG_OUTSIDE, &again, BH_REASON_PAIR_STANDBY));
	CU_ASSERT_EQUAL(counts(&r).adopted, 1);
	CU_ASSERT(acks(&t, 0));
	CU_ASSERT(says(&t, 1, "+PONG\r\n"));
	rig_stop(&r);
}

static void
it_adopts_nothing_while_it_forwards(void)
{
	struct bh_flow_record f;
	struct talk t;
	struct rig r;

	begin(&r);
	forwards(&r, true);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 6379));
	f = told(&r);
	f.key.port[(f.flags & BH_FLAG_INITIATOR) != 0] ^= 0x0101;
	CU_ASSERT_EQUAL(bh_gateway_adopt(r.g, &f, 1), 1);
	rig_run(&r);
	CU_ASSERT_TRUE(bh_gateway_adopted(r.g));
	CU_ASSERT_EQUAL(counts(&r).adopted, 0);
	CU_ASSERT_EQUAL(r.c.flows, 1);
	/* Nor does it forget. */
	bh_gateway_forget(r.g);
	rig_run(&r);
	CU_ASSERT_TRUE(bh_gateway_adopted(r.g));
	CU_ASSERT_EQUAL(r.c.flows, 1);
	rig_stop(&r);
}

/* Without forgetting, what it opened itself is left as it is. */
static void
its_own_past_is_not_before_what_it_is_told(void)
{
	struct bh_flow_record f;
	struct talk t;
	struct rig r;

	begin(&r);
	forwards(&r, true);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 6379));
	f = told(&r);
	forwards(&r, false);
	rig_run(&r);
	CU_ASSERT_EQUAL(bh_gateway_adopt(r.g, &f, 1), 1);
	rig_run(&r);
	CU_ASSERT_EQUAL(counts(&r).own, 1);
	stands_by_and_forgets(&r);
	CU_ASSERT_EQUAL(bh_gateway_adopt(r.g, &f, 1), 1);
	rig_run(&r);
	CU_ASSERT_EQUAL(counts(&r).own, 1);
	CU_ASSERT_EQUAL(counts(&r).adopted, 1);
	CU_ASSERT_EQUAL(r.c.flows, 1);
	rig_stop(&r);
}

static void
memory_that_is_kept_tells_all_again(void)
{
	const struct bh_carry_params params = {0};
	struct talk t;
	struct rig r;

	begin(&r);
	forwards(&r, true);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 6379));
	told(&r);
	CU_ASSERT_TRUE(bh_gateway_carry_walked(r.g));
	CU_ASSERT_EQUAL(bh_gateway_carry_keep(r.g, &params), -EBUSY);
	bh_gateway_carry_stop(r.g);
	/* A worker may still be in its turn. */
	CU_ASSERT_EQUAL(bh_gateway_carry_start(r.g, &params), -EAGAIN);
	rig_run(&r);
	bh_gateway_control(r.g);
	CU_ASSERT_EQUAL_FATAL(bh_gateway_carry_start(r.g, &params), 0);
	CU_ASSERT_FALSE(bh_gateway_carry_walked(r.g));
	CU_ASSERT_EQUAL(told(&r).state, BH_STATE_ESTABLISHED);
	CU_ASSERT_TRUE(bh_gateway_carry_walked(r.g));
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_standby[] = {
	BH_TEST(it_begins_with_what_it_was_told),
	BH_TEST(it_adopts_nothing_while_it_forwards),
	BH_TEST(its_own_past_is_not_before_what_it_is_told),
	BH_TEST(memory_that_is_kept_tells_all_again),
	BH_TEST_END,
};
