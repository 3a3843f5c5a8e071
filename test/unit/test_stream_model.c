/* Any packets in any order: the receiver reads what was judged. */
#include "test_stream_world.h"
#include "unit.h"

#define RUNS 4000
#define STEPS 300

static void
play(uint32_t side_segments, bool hostile, uint8_t on_conflict, uint64_t seed)
{
	struct bh_stream_params p = rig_params();
	struct world_source src;
	const char *bad = NULL;
	struct rig g;
	unsigned run;

	p.side_segments = side_segments;
	p.action[BH_EXCEPTION_TCP_CONFLICT] = on_conflict;
	if (side_segments < 64)
		p.action[BH_EXCEPTION_STREAM_SEGMENTS] = BH_ACTION_DROP_PACKET;
	CU_ASSERT_TRUE_FATAL(rig_create(&g, &p));
	for (run = 0; run < RUNS && bad == NULL; run++) {
		src = (struct world_source){.seed = (run + seed) * 0x9e3779b97f4a7c15u};
		bad = world_run(&g, &src, hostile, side_segments < 64, STEPS);
	}
	if (bad != NULL)
		fprintf(stderr, "\nrun %u of seed %llu: %s\n", run - 1, (unsigned long long)seed,
			bad);
	CU_ASSERT_PTR_NULL(bad);
	rig_destroy(&g);
}

static void
honest_senders_lose_nothing(void)
{
	play(1024, false, BH_ACTION_DROP_FLOW, 1);
}

static void
honest_senders_come_through_narrow_bounds(void)
{
	play(6, false, BH_ACTION_DROP_FLOW, 100000);
}

static void
hostile_senders_are_read_as_judged(void)
{
	play(1024, true, BH_ACTION_DROP_FLOW, 200000);
}

static void
conflicts_that_drop_packets_leave_the_first_copy(void)
{
	play(1024, true, BH_ACTION_DROP_PACKET, 300000);
}

static void
hostile_senders_gain_nothing_by_narrow_bounds(void)
{
	play(5, true, BH_ACTION_DROP_PACKET, 400000);
}

const struct bh_unit_test bh_suite_stream_model[] = {
	BH_TEST(honest_senders_lose_nothing),
	BH_TEST(honest_senders_come_through_narrow_bounds),
	BH_TEST(hostile_senders_are_read_as_judged),
	BH_TEST(conflicts_that_drop_packets_leave_the_first_copy),
	BH_TEST(hostile_senders_gain_nothing_by_narrow_bounds),
	BH_TEST_END,
};
