/* Ageing, with a clock of our own that wraps on the way. */
#include "test_flow_rig.h"

struct log {
	uint32_t n;
	uint32_t n_why[BH_FLOW_END_COUNT];
	uint8_t state;
};

static void
on_end(void *arg, const struct bh_flow *f, enum bh_flow_end why)
{
	struct log *log = arg;

	log->n++;
	log->n_why[why]++;
	log->state = f->state;
}

static void
each_state_ends_at_its_own_time_out(void)
{
	struct log log = {0};
	struct bh_flow_table *t = rig_table(64, 21, on_end, &log);
	const uint32_t starts[] = {0, 1000, INT32_MAX - 5000u, UINT32_MAX - 5000, UINT32_MAX};
	unsigned i, state;

	for (i = 0; i < BH_ARRAY_SIZE(starts); i++) {
		for (state = 0; state < BH_STATE_COUNT; state++) {
			enum bh_flow_end why =
				state == BH_STATE_CLOSED ? BH_FLOW_END_CLOSED : BH_FLOW_END_TIMEOUT;
			uint32_t end = starts[i] + t->timeout_ms[state];

			memset(&log, 0, sizeof(log));
			rig_insert(t, 1, starts[i])->state = (uint8_t)state;
			CU_ASSERT_EQUAL(bh_flow_age(t, starts[i], 64), 0);
			CU_ASSERT_EQUAL(bh_flow_age(t, end - 1, 64), 0);
			CU_ASSERT_EQUAL(bh_flow_age(t, end, 64), 1);
			CU_ASSERT_EQUAL(log.n, 1);
			CU_ASSERT_EQUAL(log.n_why[why], 1);
			CU_ASSERT_EQUAL(log.state, state);
			CU_ASSERT_EQUAL(bh_flow_count(t), 0);
		}
	}
	bh_flow_table_destroy(t);
}

static void
a_packet_starts_the_time_out_anew(void)
{
	struct bh_flow_table *t = rig_table(64, 22, NULL, NULL);
	struct bh_parsed pkt = {.l3_len = 64};
	uint32_t now = UINT32_MAX - 45000, i;
	struct bh_flow *f = rig_insert(t, 1, now);

	pkt.key = f->key;
	for (i = 0; i < 10; i++) {
		now += 29999;
		CU_ASSERT_EQUAL(bh_flow_age(t, now, 64), 0);
		bh_flow_touch(f, &pkt, now);
	}
	CU_ASSERT_EQUAL(bh_flow_age(t, now + 30000, 64), 1);
	bh_flow_table_destroy(t);
}

static void
slices_reach_every_entry_once_a_turn(void)
{
	struct log log = {0};
	struct bh_flow_table *t = rig_table(1000, 23, on_end, &log);
	uint32_t i, ended = 0;

	for (i = 0; i < 1000; i++)
		rig_insert(t, i, 0);
	for (i = 0; i < 142; i++)
		ended += bh_flow_age(t, 30000, 7);
	CU_ASSERT_EQUAL(ended, 994);
	ended += bh_flow_age(t, 30000, 7);
	CU_ASSERT_EQUAL(ended, 1000);
	CU_ASSERT_EQUAL(log.n, 1000);
	CU_ASSERT_EQUAL(bh_flow_age(t, 60000, 5000), 0);
	CU_ASSERT_TRUE(rig_is_sound(t));
	bh_flow_table_destroy(t);
}

static void
a_budget_beyond_the_table_looks_at_each_entry_once(void)
{
	struct bh_flow_table *t = rig_table(64, 24, NULL, NULL);
	uint32_t i;

	CU_ASSERT_EQUAL(bh_flow_age(t, 0, UINT32_MAX), 0);
	for (i = 0; i < 50; i++)
		rig_insert(t, i, 0);
	CU_ASSERT_EQUAL(bh_flow_age(t, 30000, UINT32_MAX), 50);
	bh_flow_table_destroy(t);
}

static void
an_entry_ahead_of_the_clock_is_not_idle(void)
{
	struct bh_flow_table *t = rig_table(64, 25, NULL, NULL);

	rig_insert(t, 1, 10000);
	CU_ASSERT_EQUAL(bh_flow_age(t, 9000, 64), 0);
	rig_insert(t, 2, 500);
	CU_ASSERT_EQUAL(bh_flow_age(t, UINT32_MAX - 500, 64), 0);
	bh_flow_table_destroy(t);
}

static void
aged_entries_are_free_at_once(void)
{
	struct bh_flow_table *t = rig_table(64, 26, NULL, NULL);
	uint32_t round, i, refused = 0;

	for (round = 0; round < 50; round++) {
		for (i = 0; i < 64; i++) {
			struct bh_flow *f = rig_insert(t, round * 64 + i, round * 120000);

			if (f == NULL)
				refused++;
			else
				f->state = BH_STATE_REPLIED;
		}
		refused += rig_insert(t, 1u << 20, round * 120000) != NULL;
		CU_ASSERT_EQUAL(bh_flow_age(t, (round + 1) * 120000, 64), 64);
	}
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT_TRUE(rig_is_sound(t));
	bh_flow_table_destroy(t);
}

static void
end_all_reports_every_flow_with_its_reason(void)
{
	struct log log = {0};
	struct bh_flow_table *t = rig_table(300, 27, on_end, &log);
	uint32_t i;

	for (i = 0; i < 300; i++)
		rig_insert(t, i, 0);
	bh_flow_end_all(t, BH_FLOW_END_SHUTDOWN);
	CU_ASSERT_EQUAL(log.n_why[BH_FLOW_END_SHUTDOWN], 300);
	CU_ASSERT_EQUAL(bh_flow_count(t), 0);
	CU_ASSERT_TRUE(rig_is_sound(t));
	bh_flow_table_destroy(t);
}

const struct bh_unit_test bh_suite_flow_age[] = {
	BH_TEST(each_state_ends_at_its_own_time_out),
	BH_TEST(a_packet_starts_the_time_out_anew),
	BH_TEST(slices_reach_every_entry_once_a_turn),
	BH_TEST(a_budget_beyond_the_table_looks_at_each_entry_once),
	BH_TEST(an_entry_ahead_of_the_clock_is_not_idle),
	BH_TEST(aged_entries_are_free_at_once),
	BH_TEST(end_all_reports_every_flow_with_its_reason),
	BH_TEST_END,
};
