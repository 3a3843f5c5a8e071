/* stream: what a hostile or a long connection must not cost. */
#include <time.h>

#include "test_stream_rig.h"
#include "unit.h"

#define PIECES 4000

static void
gap_is_told_in_one_walk_however_many_pieces_lie_behind_it(void)
{
	struct bh_stream_params p = rig_params();
	struct bh_stream_gap gap;
	struct rig g;
	clock_t begin;
	unsigned i;

	p.segments = 32768;
	p.side_segments = PIECES + 4;
	CU_ASSERT_FATAL(rig_create(&g, &p));
	g.option_len = 4;
	memcpy(g.option, "\x04\x02\x01\x01", 4);
	CU_ASSERT_FATAL(rig_handshake(&g, true));
	g.option_len = 0;
	CU_ASSERT_EQUAL(rig_put(&g, 1, BH_TCP_ACK, 0, 0, ""), BH_STREAM_PASS);
	for (i = 0; i < PIECES; i++)
		CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 10 + i, 0, "x"), BH_STREAM_KEPT);
	begin = clock();
	for (i = 0; i < 500; i++)
		CU_ASSERT_TRUE(bh_stream_gap(g.s, 0, &gap));
	/* Some 4 million steps; each piece asked for its whole run took 8 thousand million. */
	CU_ASSERT_TRUE(clock() - begin < CLOCKS_PER_SEC);
	CU_ASSERT_EQUAL(gap.n_blocks, 1);
	CU_ASSERT_EQUAL(gap.block[0].from, g.isn[0] + 1 + 10);
	CU_ASSERT_EQUAL(gap.block[0].to, g.isn[0] + 1 + 10 + PIECES);
	rig_destroy(&g);
}

/* What is kept below a skip is judged: where it fills the bound, the sender is slowed down, not cut off. */
static void
side_that_is_full_of_judged_bytes_goes_on_behind_a_skip(void)
{
	struct bh_stream_params p = rig_params();
	static char text[501], out[8192];
	struct rig g;
	bool ended;
	unsigned i;

	p.side_bytes = 4096;
	memset(text, 'x', sizeof(text) - 1);
	CU_ASSERT_FATAL(rig_create(&g, &p));
	CU_ASSERT_FATAL(rig_handshake(&g, true));
	for (i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 500 * i, 0, text), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(rig_read(&g, 0, out, &ended), 4000);
	CU_ASSERT_EQUAL(bh_stream_skip(g.s, 0, 20000), 20000);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 24000, 0, text), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(g.r.reason, BH_REASON_STREAM_BYTES);
	rig_destroy(&g);
}

/* A number that no receiver can take must not look like the end of the connection. */
static void
abort_within_a_skip_lies_within_the_receivers_window(void)
{
	struct bh_stream_params p = rig_params();
	struct rig g;

	CU_ASSERT_FATAL(rig_create(&g, &p));
	CU_ASSERT_FATAL(rig_handshake(&g, true));
	CU_ASSERT_EQUAL(bh_stream_skip(g.s, 1, BH_STREAM_SKIP), BH_STREAM_SKIP);
	CU_ASSERT_EQUAL(rig_put(&g, 1, BH_TCP_RST, 500000000, 0, ""), BH_STREAM_DROP);
	CU_ASSERT_FALSE(g.r.closing);
	CU_ASSERT_EQUAL(rig_put(&g, 1, BH_TCP_RST, 40000, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_TRUE(g.r.closing);
	rig_destroy(&g);
}

const struct bh_unit_test bh_suite_stream_review[] = {
	BH_TEST(gap_is_told_in_one_walk_however_many_pieces_lie_behind_it),
	BH_TEST(side_that_is_full_of_judged_bytes_goes_on_behind_a_skip),
	BH_TEST(abort_within_a_skip_lies_within_the_receivers_window),
	BH_TEST_END,
};
