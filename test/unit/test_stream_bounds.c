/* What is kept is bounded, and what happens at each bound; the store's pools. */
#include "../../lib/stream/stream_priv.h"
#include "test_stream_rig.h"
#include "unit.h"

static struct rig rig;
static struct bh_stream_params params;
static char block[RIG_PAYLOAD + 1];

#define A BH_TCP_ACK
#define DATA(off, t) rig_put(&rig, 0, A, off, 0, t)

static void
start(bool hold)
{
	memset(block, 'x', RIG_PAYLOAD);
	CU_ASSERT_TRUE_FATAL(rig_create(&rig, &params));
	CU_ASSERT_TRUE_FATAL(rig_handshake(&rig, hold));
}

static void
release_all(void)
{
	static char text[1 << 16];
	struct bh_stream_tag tag;
	struct rig_packet *k;
	bool ended;

	rig_read(&rig, 0, text, &ended);
	bh_stream_release(rig.s, 0, bh_stream_edge(rig.s, 0));
	while ((k = bh_stream_pop(rig.st, rig.s, 0, &tag)) != NULL)
		rig_drop(k);
}

static void
undecided_bytes_beyond_the_bound_are_an_exception(void)
{
	unsigned i;

	params = rig_params();
	params.side_bytes = 4096;
	start(true);
	for (i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(DATA(i * RIG_PAYLOAD, block), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(DATA(4096, "x"), BH_STREAM_END);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_STREAM_BYTES);
	CU_ASSERT_EQUAL(rig.r.exception, BH_EXCEPTION_STREAM_BYTES + 1);
	/* The other side has room of its own. */
	CU_ASSERT_EQUAL(rig_put(&rig, 1, A, 0, 0, "x"), BH_STREAM_KEPT);
	rig_destroy(&rig);
}

static void
bytes_that_wait_for_acknowledgement_only_slow_the_sender(void)
{
	unsigned i;

	params = rig_params();
	params.side_bytes = 4096;
	start(true);
	for (i = 0; i < 8; i++)
		DATA(i * RIG_PAYLOAD, block);
	release_all();
	CU_ASSERT_EQUAL(DATA(4096, "x"), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_STREAM_BYTES);
	CU_ASSERT_EQUAL(rig.r.exception, 0);
	CU_ASSERT_EQUAL(DATA(0, block), BH_STREAM_PASS);
	rig_put(&rig, 1, A, 0, RIG_PAYLOAD, "");
	CU_ASSERT_EQUAL(DATA(4096, "x"), BH_STREAM_KEPT);
	rig_destroy(&rig);
}

static void
what_comes_before_a_gap_has_room_of_its_own(void)
{
	unsigned i;

	params = rig_params();
	params.side_bytes = 4096;
	params.side_segments = 8;
	start(true);
	for (i = 1; i <= 8; i++)
		CU_ASSERT_EQUAL(DATA((i + 7) * RIG_PAYLOAD, block), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(DATA(16 * RIG_PAYLOAD, "x"), BH_STREAM_END);
	/* Undecided, and still all of it gets in. */
	for (i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(DATA(i * RIG_PAYLOAD, block), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(bh_stream_edge(rig.s, 0), 16 * RIG_PAYLOAD);
	rig_destroy(&rig);
}

static void
packets_are_bounded_like_bytes(void)
{
	unsigned i;

	params = rig_params();
	params.side_segments = 8;
	start(true);
	for (i = 0; i < 8; i++)
		DATA(i, "x");
	CU_ASSERT_EQUAL(DATA(8, "x"), BH_STREAM_END);
	CU_ASSERT_EQUAL(rig.r.exception, BH_EXCEPTION_STREAM_SEGMENTS + 1);
	/* Copies of what waits count, too. */
	CU_ASSERT_EQUAL(DATA(1, "x"), BH_STREAM_END);
	release_all();
	CU_ASSERT_EQUAL(DATA(0, "xx"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(DATA(8, "x"), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_STREAM_SEGMENTS);
	CU_ASSERT_EQUAL(rig.r.exception, 0);
	rig_put(&rig, 1, A, 0, 1, "");
	CU_ASSERT_EQUAL(DATA(8, "x"), BH_STREAM_KEPT);
	rig_destroy(&rig);
}

static void
nobody_takes_the_whole_pool_of_packets(void)
{
	struct rig_segment syn = {.side = 0, .flags = BH_TCP_SYN};
	struct bh_stream *hog;
	unsigned i;

	params = rig_params();
	params.segments = 64;
	start(true);
	hog = rig.s;
	for (i = 0; i < 32; i++)
		CU_ASSERT_EQUAL(DATA(i, "x"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(bh_stream_waiting(rig.st), 32);
	CU_ASSERT_EQUAL(DATA(32, "x"), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_STREAM_SEGMENTS);
	CU_ASSERT_EQUAL(rig.r.exception, 0);
	/* Another connection still gets some; behind a gap less. */
	rig_input(&rig, &syn, true, true);
	rig_put(&rig, 1, BH_TCP_SYN | A, 0, 0, "");
	rig_put(&rig, 0, A, 0, 0, "");
	for (i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(DATA(2 * i + 1, "x"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(DATA(13, "x"), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(DATA(0, "x"), BH_STREAM_KEPT);
	bh_stream_close(rig.st, rig.s, NULL, NULL);
	rig.s = hog;
	release_all();
	CU_ASSERT_EQUAL(bh_stream_waiting(rig.st), 0);
	rig_put(&rig, 1, A, 0, 32, "");
	for (i = 32; i < 64; i++)
		CU_ASSERT_EQUAL(DATA(i, "x"), BH_STREAM_KEPT);
	rig_destroy(&rig);
}

static void
watched_streams_let_pass_what_is_too_much(void)
{
	params = rig_params();
	params.side_segments = 4;
	start(false);
	DATA(1, "x");
	DATA(3, "x");
	DATA(5, "x");
	DATA(7, "x");
	CU_ASSERT_EQUAL(DATA(9, "x"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_STREAM_SEGMENTS);
	CU_ASSERT_EQUAL(rig.packet[rig.n_packets - 1].refs, 1);
	rig_destroy(&rig);
}

static void
full_store_does_as_configured_and_takes_closed_places_again(void)
{
	static const struct {
		uint8_t action, act;
		bool reset;
	} cases[] = {
		{BH_ACTION_DROP_PACKET, BH_STREAM_DROP, false},
		{BH_ACTION_DROP_FLOW, BH_STREAM_END, false},
		{BH_ACTION_REJECT, BH_STREAM_END, true},
		{BH_ACTION_PASS, BH_STREAM_PASS, false},
	};
	struct rig_segment syn = {.side = 0, .flags = BH_TCP_SYN};
	struct bh_stream *s[16];
	unsigned c, i;

	for (c = 0; c < BH_ARRAY_SIZE(cases); c++) {
		params = rig_params();
		params.action[BH_EXCEPTION_STREAM_FULL] = cases[c].action;
		CU_ASSERT_TRUE_FATAL(rig_create(&rig, &params));
		for (i = 0; i < 16; i++) {
			rig_input(&rig, &syn, true, true);
			CU_ASSERT_PTR_NOT_NULL_FATAL(rig.s);
			s[i] = rig.s;
		}
		CU_ASSERT_EQUAL(bh_stream_count(rig.st), 16);
		rig_input(&rig, &syn, true, true);
		CU_ASSERT_PTR_NULL(rig.s);
		CU_ASSERT_EQUAL(rig.r.act, cases[c].act);
		CU_ASSERT_EQUAL(rig.r.reset, cases[c].reset);
		CU_ASSERT_EQUAL(rig.r.exception, BH_EXCEPTION_STREAM_FULL + 1);
		bh_stream_close(rig.st, s[7], NULL, NULL);
		rig_input(&rig, &syn, true, true);
		CU_ASSERT_PTR_EQUAL(rig.s, s[7]);
		for (i = 0; i < 16; i++)
			bh_stream_close(rig.st, s[i], NULL, NULL);
		CU_ASSERT_EQUAL(bh_stream_count(rig.st), 0);
		rig.s = NULL;
		rig_destroy(&rig);
	}
}

static void
bounds_of_the_store_itself_are_checked(void)
{
	struct bh_stream_store *st = NULL;
	struct bh_stream_params p;

#define REFUSED(field, value)                                                                      \
	do {                                                                                       \
		p = rig_params();                                                                  \
		p.field = value;                                                                   \
		CU_ASSERT_NOT_EQUAL(bh_stream_store_create(&st, &p), 0);                           \
	} while (0)
	REFUSED(streams, 15);
	REFUSED(streams, (1u << 20) + 1);
	REFUSED(segments, 63);
	REFUSED(segments, (1u << 24) + 1);
	REFUSED(side_bytes, 4095);
	REFUSED(side_bytes, (64u << 20) + 1);
	REFUSED(side_segments, 3);
	REFUSED(side_segments, 65536);
	REFUSED(payload, NULL);
	bh_stream_store_destroy(NULL);
}

/* 320 bytes is what docs and streams.max say. */
static void
memory_is_what_the_configuration_says(void)
{
	CU_ASSERT_TRUE(sizeof(struct bh_stream) <= 384);
	CU_ASSERT_TRUE(sizeof(struct bh_stream_node) <= 48);
}

const struct bh_unit_test bh_suite_stream_bounds[] = {
	BH_TEST(undecided_bytes_beyond_the_bound_are_an_exception),
	BH_TEST(bytes_that_wait_for_acknowledgement_only_slow_the_sender),
	BH_TEST(what_comes_before_a_gap_has_room_of_its_own),
	BH_TEST(packets_are_bounded_like_bytes),
	BH_TEST(nobody_takes_the_whole_pool_of_packets),
	BH_TEST(watched_streams_let_pass_what_is_too_much),
	BH_TEST(full_store_does_as_configured_and_takes_closed_places_again),
	BH_TEST(bounds_of_the_store_itself_are_checked),
	BH_TEST(memory_is_what_the_configuration_says),
	BH_TEST_END,
};
