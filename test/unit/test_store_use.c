/* store: what rules have decided, over restarts. */
#include "test_store_rig.h"

static void
add(struct rig *r, const char *rule, uint64_t body, uint64_t hits, uint64_t at)
{
	const struct bh_store_use u = {.rule = rule,
				       .body = body,
				       .hits = hits,
				       .packets = 2 * hits,
				       .bytes = 100 * hits,
				       .first_ns = at,
				       .last_ns = at};

	CU_ASSERT_EQUAL(bh_store_uses_add(r->s, &u, 1, NULL), 0);
}

static struct bh_store_use
get(struct rig *r, const char *rule, uint64_t body)
{
	struct bh_store_use u = {.rule = rule, .body = body};

	if (bh_store_use_get(r->s, &u, NULL) != 0)
		u.hits = 0;
	return u;
}

static void
figures_add_up_over_restarts(void)
{
	struct bh_store_use u;
	struct rig r;

	rig_enter(&r);
	add(&r, "a", 7, 3, r.wall + 50);
	add(&r, "a", 7, 2, r.wall + 10);
	rig_close(&r);
	CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL), 0);
	add(&r, "a", 7, 1, r.wall + 20);
	u = get(&r, "a", 7);
	CU_ASSERT_EQUAL(u.hits, 6);
	CU_ASSERT_EQUAL(u.packets, 12);
	CU_ASSERT_EQUAL(u.bytes, 600);
	CU_ASSERT_EQUAL(u.first_ns, r.wall + 10);
	CU_ASSERT_EQUAL(u.last_ns, r.wall + 50);
	rig_leave(&r);
}

static void
a_rule_is_in_force_since_it_came_and_not_since_a_restart(void)
{
	struct bh_store_use u = {.rule = "a", .body = 7};
	struct rig r;

	rig_enter(&r);
	u.since_ns = r.wall;
	CU_ASSERT_EQUAL(bh_store_uses_since(r.s, &u, 1, true, NULL), 0);
	CU_ASSERT_EQUAL(u.since_ns, r.wall);
	rig_close(&r);
	CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL), 0);
	u.since_ns = r.wall + 50;
	CU_ASSERT_EQUAL(bh_store_uses_since(r.s, &u, 1, true, NULL), 0);
	CU_ASSERT_EQUAL(u.since_ns, r.wall);
	/* Taken out, and in again. */
	u.since_ns = r.wall + 60;
	CU_ASSERT_EQUAL(bh_store_uses_since(r.s, &u, 1, false, NULL), 0);
	CU_ASSERT_EQUAL(u.since_ns, r.wall + 60);
	rig_leave(&r);
}

static void
another_content_under_an_old_id_has_figures_of_its_own(void)
{
	struct rig r;

	rig_enter(&r);
	add(&r, "rule-1", 7, 3, r.wall);
	add(&r, "rule-1", UINT64_MAX - 1, 5, r.wall);
	CU_ASSERT_EQUAL(get(&r, "rule-1", 7).hits, 3);
	CU_ASSERT_EQUAL(get(&r, "rule-1", UINT64_MAX - 1).hits, 5);
	CU_ASSERT_EQUAL(get(&r, "rule-1", 8).hits, 0);
	CU_ASSERT_EQUAL(get(&r, "rule-2", 7).hits, 0);
	rig_leave(&r);
}

static void
what_was_not_used_for_800_days_is_forgotten(void)
{
	const uint64_t day = UINT64_C(86400) * BH_NS_PER_SEC;
	uint64_t start;
	struct rig r;

	rig_enter(&r);
	start = r.wall;
	add(&r, "old", 1, 1, start);
	add(&r, "young", 1, 1, start + 2 * day);
	rig_close(&r);
	r.wall = start + 801 * day;
	CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL), 0);
	CU_ASSERT_EQUAL(get(&r, "old", 1).hits, 0);
	CU_ASSERT_EQUAL(get(&r, "young", 1).hits, 1);
	rig_leave(&r);
}

const struct bh_unit_test bh_suite_store_use[] = {
	BH_TEST(figures_add_up_over_restarts),
	BH_TEST(a_rule_is_in_force_since_it_came_and_not_since_a_restart),
	BH_TEST(another_content_under_an_old_id_has_figures_of_its_own),
	BH_TEST(what_was_not_used_for_800_days_is_forgotten),
	BH_TEST_END,
};
