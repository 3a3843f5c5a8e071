/* stream: bytes that are only counted pass without being kept; what was judged before and behind them is. */
#include "test_stream_rig.h"
#include "unit.h"

static char out[65536];

/* "head" is judged and released, the next 1000 bytes are a body, then comes "tail". */
static void
start(struct rig *g)
{
	struct bh_stream_params p = rig_params();
	bool ended;

	CU_ASSERT_FATAL(rig_create(g, &p));
	CU_ASSERT_FATAL(rig_handshake(g, true));
	CU_ASSERT_EQUAL(rig_put(g, 0, BH_TCP_ACK, 0, 0, "head"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(rig_read(g, 0, out, &ended), 4);
	bh_stream_release(g->s, 0, 4);
	CU_ASSERT_EQUAL(bh_stream_skip(g->s, 0, 1000), 1000);
}

static void
skipped_bytes_pass_in_any_order_and_are_not_kept(void)
{
	struct rig g;
	struct bh_stream_tag tag;

	start(&g);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 500, 0, "middle"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(g.packet[(g.n_packets - 1) % RIG_PACKETS].refs, 1);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 4, 0, "first"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 4, 0, "other"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(bh_stream_held(g.s, NULL), 1); /* the head, to be popped */
	CU_ASSERT_PTR_NOT_NULL(bh_stream_pop(g.st, g.s, 0, &tag));
	rig_destroy(&g);
}

static void
what_was_judged_before_is_still_compared(void)
{
	struct rig g;

	start(&g);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 0, 0, "head and body"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 0, 0, "haed and body"), BH_STREAM_END);
	CU_ASSERT_EQUAL(g.r.reason, BH_REASON_TCP_CONFLICT);
	rig_destroy(&g);
}

static void
reading_goes_on_behind_what_was_skipped(void)
{
	struct rig g;
	bool ended;

	start(&g);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 1002, 0, "..tail"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(rig_read(&g, 0, out, &ended), 4);
	CU_ASSERT_STRING_EQUAL(out, "tail");
	CU_ASSERT_EQUAL(bh_stream_read_so_far(g.s, 0), 1008);
	/* One of the body's bytes may be another now, none of the tail's. */
	bh_stream_release(g.s, 0, 1008);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 1002, 0, "::tail"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 1002, 0, "..liat"), BH_STREAM_END);
	rig_destroy(&g);
}

static void
tail_that_came_before_the_skip_is_found(void)
{
	struct bh_stream_params p = rig_params();
	struct rig g;
	bool ended;

	CU_ASSERT_FATAL(rig_create(&g, &p));
	CU_ASSERT_FATAL(rig_handshake(&g, true));
	rig_put(&g, 0, BH_TCP_ACK, 0, 0, "head");
	rig_put(&g, 0, BH_TCP_ACK, 1004, 0, "tail");
	CU_ASSERT_EQUAL(rig_read(&g, 0, out, &ended), 4);
	CU_ASSERT_EQUAL(bh_stream_skip(g.s, 0, 1000), 1000);
	CU_ASSERT_EQUAL(rig_read(&g, 0, out, &ended), 4);
	CU_ASSERT_STRING_EQUAL(out, "tail");
	rig_destroy(&g);
}

static void
side_may_end_or_abort_within_what_was_skipped(void)
{
	struct rig g;
	bool ended = false;

	start(&g);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK | BH_TCP_FIN, 300, 0, "end"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig_read(&g, 0, out, &ended), 0);
	CU_ASSERT_TRUE(ended);
	CU_ASSERT_EQUAL(bh_stream_read_so_far(g.s, 0), 303);
	CU_ASSERT_EQUAL(rig_put(&g, 1, BH_TCP_ACK, 0, 304, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 303, 0, "more"), BH_STREAM_DROP);
	rig_destroy(&g);

	start(&g);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_RST, 300, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_TRUE(g.r.closing);
	rig_destroy(&g);
}

static void
no_more_is_skipped_than_numbers_can_tell(void)
{
	struct bh_stream_params p = rig_params();
	struct rig g;
	int64_t at;

	CU_ASSERT_FATAL(rig_create(&g, &p));
	CU_ASSERT_FATAL(rig_handshake(&g, true));
	CU_ASSERT_EQUAL(bh_stream_skip(g.s, 1, UINT32_MAX), BH_STREAM_SKIP);
	CU_ASSERT_EQUAL(bh_stream_skip(g.s, 1, 1), 0);
	/* The receiver has most of it: on it goes. */
	for (at = 0; at <= BH_STREAM_SKIP / 2 + 60000; at += 60000) {
		if (rig_put(&g, 1, BH_TCP_ACK, at, 0, "x") != BH_STREAM_PASS ||
		    rig_put(&g, 0, BH_TCP_ACK, 0, at + 1, "") != BH_STREAM_PASS)
			CU_FAIL_FATAL("what is skipped passes");
	}
	CU_ASSERT_EQUAL(bh_stream_skip(g.s, 1, 7), 7);
	/* Numbers of what has not come are nobody's. */
	CU_ASSERT_EQUAL(bh_stream_seq(g.s, 1), g.isn[1] + 1 + (uint32_t)at - 60000 + 1);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 0, at + 60000, ""), BH_STREAM_DROP);
	rig_destroy(&g);
}

const struct bh_unit_test bh_suite_stream_skip[] = {
	BH_TEST(skipped_bytes_pass_in_any_order_and_are_not_kept),
	BH_TEST(what_was_judged_before_is_still_compared),
	BH_TEST(reading_goes_on_behind_what_was_skipped),
	BH_TEST(tail_that_came_before_the_skip_is_found),
	BH_TEST(side_may_end_or_abort_within_what_was_skipped),
	BH_TEST(no_more_is_skipped_than_numbers_can_tell),
	BH_TEST_END,
};
