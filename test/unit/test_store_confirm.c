/* store: what nobody confirms in time is taken back by itself, also over a restart. */
#include "test_store_rig.h"

#define TEN_MIN_MS 600000

static void
pass(struct rig *r, uint64_t ms)
{
	r->mono += ms * BH_NS_PER_MS;
	r->wall += ms * BH_NS_PER_MS;
}

static void
commit_without_confirmation_rolls_back_by_itself(void)
{
	struct bh_confirm w;
	struct rig r;

	rig_enter(&r);
	rig_commit(&r, "ok one", 0);
	CU_ASSERT_EQUAL(rig_commit(&r, "ok two", TEN_MIN_MS), 0);
	RIG_IN_FORCE(&r, 2, "ok two");
	pass(&r, TEN_MIN_MS - 1);
	CU_ASSERT_EQUAL(rig_tick(&r), 0);
	bh_store_waiting(r.s, &w);
	CU_ASSERT_EQUAL(w.number, 2);
	CU_ASSERT_EQUAL(w.previous, 1);
	CU_ASSERT_EQUAL(w.left_ms, 1);
	RIG_IN_FORCE(&r, 2, "ok two");
	pass(&r, 1);
	CU_ASSERT_EQUAL(rig_tick(&r), 1);
	RIG_IN_FORCE(&r, 3, "ok one");
	CU_ASSERT_EQUAL(rig_state(&r, 2), BH_REVISION_ROLLED_BACK);
	bh_store_waiting(r.s, &w);
	CU_ASSERT_EQUAL(w.number, 0);
	pass(&r, TEN_MIN_MS);
	CU_ASSERT_EQUAL(rig_tick(&r), 0);
	rig_leave(&r);
}

static void
confirmed_commit_stays(void)
{
	uint32_t number = 0;
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL(bh_store_confirm(r.s, "api:alice", &number, NULL), -ENOENT);
	rig_commit(&r, "ok one", 0);
	rig_commit(&r, "ok two", TEN_MIN_MS);
	CU_ASSERT_EQUAL(bh_store_confirm(r.s, "api:alice", &number, NULL), 0);
	CU_ASSERT_EQUAL(number, 2);
	CU_ASSERT_EQUAL(rig_state(&r, 2), BH_REVISION_CONFIRMED);
	pass(&r, 2 * TEN_MIN_MS);
	CU_ASSERT_EQUAL(rig_tick(&r), 0);
	RIG_IN_FORCE(&r, 2, "ok two");
	CU_ASSERT_EQUAL(bh_store_confirm(r.s, "api:alice", &number, NULL), -ENOENT);
	rig_leave(&r);
}

static void
nothing_else_is_committed_while_one_waits(void)
{
	uint32_t number;
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL(rig_commit(&r, "ok one", TEN_MIN_MS), -ENOENT); /* back to what? */
	CU_ASSERT_EQUAL(r.published, 0);
	rig_commit(&r, "ok one", 0);
	rig_commit(&r, "ok two", TEN_MIN_MS);
	CU_ASSERT_EQUAL(rig_commit(&r, "ok three", 0), -EALREADY);
	CU_ASSERT_EQUAL(rig_commit(&r, "ok three", TEN_MIN_MS), -EALREADY);
	CU_ASSERT_EQUAL(bh_store_file(r.s, "ok file", 7, &r.ops, &number, NULL), -EALREADY);
	RIG_IN_FORCE(&r, 2, "ok two");
	CU_ASSERT_EQUAL(rig_rollback(&r, 0), 0); /* the way out */
	RIG_IN_FORCE(&r, 3, "ok one");
	pass(&r, 2 * TEN_MIN_MS);
	CU_ASSERT_EQUAL(rig_tick(&r), 0);
	RIG_IN_FORCE(&r, 3, "ok one");
	CU_ASSERT_EQUAL(rig_commit(&r, "ok three", 0), 0);
	rig_leave(&r);
}

static void
deadline_survives_a_restart(void)
{
	struct bh_store_started st;
	struct bh_confirm w;
	struct rig r;

	rig_enter(&r);
	rig_commit(&r, "ok one", 0);
	rig_commit(&r, "ok two", TEN_MIN_MS);
	pass(&r, 4 * TEN_MIN_MS / 10);
	CU_ASSERT_EQUAL(rig_restart(&r, NULL, &st), 0);
	CU_ASSERT_FALSE(st.expired);
	RIG_IN_FORCE(&r, 2, "ok two");
	bh_store_waiting(r.s, &w);
	CU_ASSERT_EQUAL(w.left_ms, 6 * TEN_MIN_MS / 10);
	pass(&r, w.left_ms);
	CU_ASSERT_EQUAL(rig_tick(&r), 1);
	RIG_IN_FORCE(&r, 3, "ok one");

	rig_commit(&r, "ok four", TEN_MIN_MS);
	r.wall += 2 * TEN_MIN_MS * BH_NS_PER_MS; /* while it was down */
	CU_ASSERT_EQUAL(rig_restart(&r, NULL, &st), 0);
	CU_ASSERT_TRUE(st.expired);
	RIG_IN_FORCE(&r, 5, "ok one");
	rig_leave(&r);
}

static void
clock_that_was_set_back_makes_no_confirmation_time_longer(void)
{
	struct bh_store_started st;
	struct bh_confirm w;
	struct rig r;

	rig_enter(&r);
	rig_commit(&r, "ok one", 0);
	rig_commit(&r, "ok two", TEN_MIN_MS);
	r.wall -= 365 * 86400 * BH_NS_PER_SEC;
	CU_ASSERT_EQUAL(rig_restart(&r, NULL, &st), 0);
	bh_store_waiting(r.s, &w);
	CU_ASSERT_EQUAL(w.left_ms, TEN_MIN_MS);
	rig_leave(&r);
}

static void
rollback_that_fails_is_tried_again(void)
{
	struct rig r;

	rig_enter(&r);
	rig_commit(&r, "ok one", 0);
	rig_commit(&r, "ok two", TEN_MIN_MS);
	pass(&r, TEN_MIN_MS);
	r.publish_rc = -EAGAIN;
	CU_ASSERT_EQUAL(rig_tick(&r), -EAGAIN);
	CU_ASSERT_EQUAL(rig_tick(&r), 0); /* not at once */
	r.publish_rc = 0;
	pass(&r, 1000);
	CU_ASSERT_EQUAL(rig_tick(&r), 1);
	CU_ASSERT_STRING_EQUAL(r.force, "ok one");
	rig_leave(&r);
}

const struct bh_unit_test bh_suite_store_confirm[] = {
	BH_TEST(commit_without_confirmation_rolls_back_by_itself),
	BH_TEST(confirmed_commit_stays),
	BH_TEST(nothing_else_is_committed_while_one_waits),
	BH_TEST(deadline_survives_a_restart),
	BH_TEST(clock_that_was_set_back_makes_no_confirmation_time_longer),
	BH_TEST(rollback_that_fails_is_tried_again),
	BH_TEST_END,
};
