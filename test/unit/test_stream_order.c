/* Bytes of a side: kept, ordered, read, released, compared. */
#include "test_stream_rig.h"
#include "unit.h"

static struct rig rig;
static char text[65536];
static bool ended;

#define A BH_TCP_ACK
#define DATA(off, t) rig_put(&rig, 0, BH_TCP_ACK | BH_TCP_PSH, off, 0, t)
#define ACK(n) rig_put(&rig, 1, BH_TCP_ACK, 0, n, "")

static void
start(bool hold)
{
	struct bh_stream_params p = rig_params();

	CU_ASSERT_TRUE_FATAL(rig_create(&rig, &p));
	CU_ASSERT_TRUE_FATAL(rig_handshake(&rig, hold));
}

/* Every packet's last reference is gone once the stream is closed and what passed is freed. */
static void
finish(void)
{
	uint32_t i, n = rig.n_packets;

	CU_ASSERT_EQUAL(bh_stream_count(rig.st), 1);
	rig_close_stream(&rig);
	for (i = 0; i < n; i++)
		CU_ASSERT_TRUE(rig.packet[i].refs == 0 || rig.packet[i].refs == 1);
	CU_ASSERT_EQUAL(bh_stream_count(rig.st), 0);
	CU_ASSERT_EQUAL(bh_stream_waiting(rig.st), 0);
	rig_destroy(&rig);
}

static const char *
all_of(uint8_t side)
{
	rig_read(&rig, side, text, &ended);
	return text;
}

static struct rig_packet *
pop(uint8_t side)
{
	struct bh_stream_tag tag;
	struct rig_packet *k = bh_stream_pop(rig.st, rig.s, side, &tag);

	if (k != NULL) {
		CU_ASSERT_EQUAL(tag.side, side);
		CU_ASSERT_EQUAL(tag.wire, rig.wire[side]);
		CU_ASSERT_EQUAL(tag.l3_len, 40 + k->len);
	}
	return k;
}

/* The next packet that may go; there must be one. */
static struct rig_packet *
popped(uint8_t side)
{
	struct rig_packet *k = pop(side);

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	return k;
}

static void
bytes_wait_until_they_are_released(void)
{
	uint32_t bytes;

	start(true);
	CU_ASSERT_EQUAL(DATA(0, "hello"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(bh_stream_held(rig.s, &bytes), 1);
	CU_ASSERT_EQUAL(bytes, 5);
	CU_ASSERT_PTR_NULL(pop(0));
	bh_stream_release(rig.s, 0, 5);
	CU_ASSERT_PTR_NULL(pop(0)); /* nothing was read yet */
	CU_ASSERT_STRING_EQUAL(all_of(0), "hello");
	bh_stream_release(rig.s, 0, 4);
	CU_ASSERT_PTR_NULL(pop(0));
	bh_stream_release(rig.s, 0, 5);
	CU_ASSERT_EQUAL(popped(0)->from, 0);
	CU_ASSERT_PTR_NULL(pop(0));
	CU_ASSERT_EQUAL(bh_stream_held(rig.s, &bytes), 0);
	CU_ASSERT_EQUAL(bytes, 0);
	CU_ASSERT_EQUAL(bh_stream_seq(rig.s, 0), rig.isn[0] + 6);
	finish();
}

static void
gaps_are_not_shown_and_what_is_behind_them_waits(void)
{
	start(true);
	CU_ASSERT_EQUAL(DATA(6, "world"), BH_STREAM_KEPT);
	CU_ASSERT_STRING_EQUAL(all_of(0), "");
	CU_ASSERT_EQUAL(bh_stream_edge(rig.s, 0), 0);
	CU_ASSERT_EQUAL(DATA(0, "hello"), BH_STREAM_KEPT);
	CU_ASSERT_STRING_EQUAL(all_of(0), "hello");
	CU_ASSERT_EQUAL(DATA(5, " "), BH_STREAM_KEPT);
	CU_ASSERT_STRING_EQUAL(all_of(0), " world");
	bh_stream_release(rig.s, 0, 11);
	CU_ASSERT_EQUAL(popped(0)->from, 0);
	CU_ASSERT_EQUAL(popped(0)->from, 5);
	CU_ASSERT_EQUAL(popped(0)->from, 6);
	CU_ASSERT_PTR_NULL(pop(0));
	finish();
}

static void
a_fin_alone_may_lie_behind_a_gap(void)
{
	start(true);
	CU_ASSERT_FALSE(bh_stream_has_gap(rig.s));
	CU_ASSERT_EQUAL(rig_put(&rig, 0, A | BH_TCP_FIN, 5, 0, ""), BH_STREAM_KEPT);
	CU_ASSERT_TRUE(bh_stream_has_gap(rig.s));
	CU_ASSERT_EQUAL(DATA(0, "hello"), BH_STREAM_KEPT);
	CU_ASSERT_FALSE(bh_stream_has_gap(rig.s));
	finish();
}

static void
retransmission_with_other_content_ends_the_connection(void)
{
	start(true);
	DATA(0, "hello");
	CU_ASSERT_EQUAL(DATA(3, "lX"), BH_STREAM_END);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_CONFLICT);
	CU_ASSERT_EQUAL(rig.r.exception, BH_EXCEPTION_TCP_CONFLICT + 1);
	CU_ASSERT_FALSE(rig.r.reset);
	CU_ASSERT_STRING_EQUAL(all_of(0), "hello");
	finish();
}

static void
what_has_gone_is_compared_until_it_is_acknowledged(void)
{
	start(true);
	DATA(0, "hello");
	all_of(0);
	bh_stream_release(rig.s, 0, 5);
	CU_ASSERT_EQUAL(popped(0)->refs, 2);
	CU_ASSERT_EQUAL(DATA(0, "hello"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(ACK(2), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(DATA(0, "xyllo"), BH_STREAM_PASS); /* below 2 nobody looks any more */
	CU_ASSERT_EQUAL(DATA(0, "heXlo"), BH_STREAM_END);
	CU_ASSERT_EQUAL(ACK(5), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.packet[3].refs, 1);
	CU_ASSERT_EQUAL(DATA(0, "HELLO"), BH_STREAM_PASS);
	CU_ASSERT_STRING_EQUAL(all_of(0), "");
	finish();
}

static void
one_packet_fills_several_holes(void)
{
	start(true);
	rig.run = 3;
	DATA(2, "cd");
	DATA(6, "gh");
	CU_ASSERT_EQUAL(DATA(1, "bcdefghi"), BH_STREAM_KEPT);
	CU_ASSERT_STRING_EQUAL(all_of(0), "");
	CU_ASSERT_EQUAL(DATA(0, "abcd"), BH_STREAM_KEPT);
	CU_ASSERT_STRING_EQUAL(all_of(0), "abcdefghi");
	CU_ASSERT_EQUAL(DATA(0, "abcdefgX"), BH_STREAM_END);
	bh_stream_release(rig.s, 0, 9);
	CU_ASSERT_EQUAL(popped(0)->from, 0);
	CU_ASSERT_EQUAL(popped(0)->from, 1);
	CU_ASSERT_EQUAL(popped(0)->from, 2);
	CU_ASSERT_EQUAL(popped(0)->from, 6);
	CU_ASSERT_PTR_NULL(pop(0));
	finish();
}

static void
packet_that_reaches_beyond_what_is_released_waits_alone(void)
{
	start(true);
	DATA(0, "ab");
	DATA(2, "cd");
	CU_ASSERT_EQUAL(DATA(1, "bcdef"), BH_STREAM_KEPT);
	all_of(0);
	bh_stream_release(rig.s, 0, 4);
	CU_ASSERT_EQUAL(popped(0)->from, 0);
	CU_ASSERT_EQUAL(popped(0)->from, 2);
	CU_ASSERT_PTR_NULL(pop(0));
	bh_stream_release(rig.s, 0, 6);
	CU_ASSERT_EQUAL(popped(0)->from, 1);
	finish();
}

static void
copy_of_what_waits_waits_too(void)
{
	start(true);
	DATA(0, "hello");
	CU_ASSERT_EQUAL(DATA(0, "hello"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(bh_stream_held(rig.s, NULL), 2);
	CU_ASSERT_STRING_EQUAL(all_of(0), "hello");
	bh_stream_release(rig.s, 0, 5);
	CU_ASSERT_PTR_NOT_NULL(pop(0));
	CU_ASSERT_PTR_NOT_NULL(pop(0));
	CU_ASSERT_PTR_NULL(pop(0));
	finish();
}

static void
reading_can_begin_again_until_bytes_are_acknowledged_away(void)
{
	start(true);
	DATA(0, "hello");
	DATA(5, " world");
	CU_ASSERT_STRING_EQUAL(all_of(0), "hello world");
	CU_ASSERT_TRUE(bh_stream_rewind(rig.s, 0));
	CU_ASSERT_EQUAL(bh_stream_read_so_far(rig.s, 0), 0);
	bh_stream_release(rig.s, 0, 11);
	pop(0);
	pop(0);
	ACK(11);
	CU_ASSERT_STRING_EQUAL(all_of(0), "hello world");
	CU_ASSERT_FALSE(bh_stream_rewind(rig.s, 0));
	finish();
}

static void
fin_is_shown_behind_the_last_byte(void)
{
	start(true);
	CU_ASSERT_EQUAL(rig_put(&rig, 0, A | BH_TCP_FIN, 5, 0, ""), BH_STREAM_KEPT);
	all_of(0);
	CU_ASSERT_FALSE(ended);
	DATA(0, "hello");
	CU_ASSERT_STRING_EQUAL(all_of(0), "hello");
	CU_ASSERT_TRUE(ended);
	bh_stream_release(rig.s, 0, 5);
	CU_ASSERT_EQUAL(popped(0)->len, 5);
	CU_ASSERT_EQUAL(bh_stream_seq(rig.s, 0), rig.isn[0] + 6);
	CU_ASSERT_TRUE(popped(0)->fin);
	CU_ASSERT_EQUAL(bh_stream_seq(rig.s, 0), rig.isn[0] + 7);
	CU_ASSERT_EQUAL(ACK(6), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig_put(&rig, 0, A | BH_TCP_FIN, 5, 0, ""), BH_STREAM_PASS);
	finish();
}

static void
nothing_follows_a_fin(void)
{
	start(true);
	CU_ASSERT_EQUAL(rig_put(&rig, 0, A | BH_TCP_FIN, 3, 0, ""), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(DATA(0, "abcd"), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_FIN);
	CU_ASSERT_EQUAL(rig_put(&rig, 0, A | BH_TCP_FIN, 4, 0, ""), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig_put(&rig, 0, A | BH_TCP_FIN, 2, 0, ""), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(DATA(0, "abc"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(rig_put(&rig, 1, A | BH_TCP_FIN, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig_put(&rig, 1, A, 0, 0, "x"), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_FIN);
	/* Its own number lies behind the FIN. */
	CU_ASSERT_EQUAL(rig_put(&rig, 1, A, 1, 0, ""), BH_STREAM_PASS);
	finish();
}

static void
fin_below_bytes_that_are_known_is_refused(void)
{
	start(true);
	DATA(4, "e");
	CU_ASSERT_EQUAL(rig_put(&rig, 0, A | BH_TCP_FIN, 0, 0, "abcd"), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_FIN);
	finish();
}

static void
let_go_frees_what_waits_and_compares_what_was_judged(void)
{
	start(true);
	DATA(0, "hello");
	DATA(7, "beyond a gap");
	all_of(0);
	bh_stream_let_go(rig.st, rig.s);
	CU_ASSERT_FALSE(bh_stream_settled(rig.s));
	CU_ASSERT_EQUAL(popped(0)->from, 0);
	CU_ASSERT_EQUAL(popped(0)->from, 7);
	CU_ASSERT_PTR_NULL(pop(0));
	CU_ASSERT_FALSE(bh_stream_settled(rig.s));
	CU_ASSERT_EQUAL(DATA(7, "BEYOND"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(DATA(19, "new"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.packet[rig.n_packets - 1].refs, 1);
	CU_ASSERT_EQUAL(DATA(2, "llo???"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(DATA(2, "lXo???"), BH_STREAM_END);
	CU_ASSERT_EQUAL(ACK(4), BH_STREAM_PASS);
	CU_ASSERT_FALSE(bh_stream_settled(rig.s));
	CU_ASSERT_EQUAL(ACK(22), BH_STREAM_PASS);
	CU_ASSERT_TRUE(bh_stream_settled(rig.s));
	finish();
}

static void
what_is_only_watched_passes_and_is_read_in_order(void)
{
	start(false);
	CU_ASSERT_EQUAL(DATA(5, " world"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(DATA(0, "hello"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.packet[3].refs, 2);
	CU_ASSERT_EQUAL(ACK(11), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.packet[3].refs, 2);
	CU_ASSERT_STRING_EQUAL(all_of(0), "hello world");
	CU_ASSERT_EQUAL(rig.packet[3].refs, 1);
	CU_ASSERT_EQUAL(DATA(11, "abc"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(DATA(11, "abX"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_CONFLICT);
	CU_ASSERT_EQUAL(rig.r.exception, BH_EXCEPTION_TCP_CONFLICT + 1);
	CU_ASSERT_STRING_EQUAL(all_of(0), "abc");
	finish();
}

static void
numbers_wrap(void)
{
	unsigned i;

	start(true);
	rig.window[0] = 65535;
	for (i = 0; i < 100; i++) {
		char line[] = "0123456789";

		line[9] = (char)('a' + i % 26);
		CU_ASSERT_EQUAL(rig_put(&rig, 1, A, 10 * i, 0, line), BH_STREAM_KEPT);
		CU_ASSERT_EQUAL(rig_put(&rig, 1, A, 10 * i, 0, line), BH_STREAM_KEPT);
		CU_ASSERT_STRING_EQUAL(all_of(1), line);
		bh_stream_release(rig.s, 1, 10 * i + 10);
		CU_ASSERT_PTR_NOT_NULL(pop(1));
		CU_ASSERT_PTR_NOT_NULL(pop(1));
		if (i % 3 == 0)
			CU_ASSERT_EQUAL(rig_put(&rig, 0, A, 0, 10 * i + 10, ""), BH_STREAM_PASS);
	}
	CU_ASSERT_EQUAL(bh_stream_edge(rig.s, 1), 1000);
	CU_ASSERT_EQUAL(bh_stream_seq(rig.s, 1), rig.isn[1] + 1001);
	finish();
}

static void
both_sides_are_told_apart(void)
{
	start(true);
	DATA(0, "question");
	CU_ASSERT_EQUAL(rig_put(&rig, 1, A, 0, 0, "answer"), BH_STREAM_KEPT);
	CU_ASSERT_STRING_EQUAL(all_of(1), "answer");
	CU_ASSERT_STRING_EQUAL(all_of(0), "question");
	bh_stream_release(rig.s, 1, 6);
	CU_ASSERT_PTR_NULL(pop(0));
	CU_ASSERT_EQUAL(popped(1)->side, 1);
	CU_ASSERT_EQUAL(bh_stream_wire(rig.s, 0), 0);
	CU_ASSERT_EQUAL(bh_stream_wire(rig.s, 1), 1);
	finish();
}

static unsigned handed;

static void
count_handed(void *arg, void *packet, const struct bh_stream_tag *tag)
{
	CU_ASSERT_PTR_EQUAL(arg, &handed);
	CU_ASSERT_EQUAL(tag->side, 0);
	CU_ASSERT_EQUAL(((struct rig_packet *)packet)->refs, 1);
	handed++;
}

static void
close_hands_back_what_never_went(void)
{
	start(true);
	DATA(0, "gone");
	DATA(4, "held");
	DATA(10, "beyond");
	all_of(0);
	bh_stream_release(rig.s, 0, 4);
	pop(0);
	handed = 0;
	bh_stream_close(rig.st, rig.s, count_handed, &handed);
	CU_ASSERT_EQUAL(handed, 2);
	CU_ASSERT_EQUAL(rig.packet[3].refs, 1);
	CU_ASSERT_EQUAL(bh_stream_waiting(rig.st), 0);
	rig.s = NULL;
	rig_destroy(&rig);
}

/* RFC 2018 4: the block of the last packet first; RFC 5681 3.2: nothing is acknowledged that the receiver has not. */
static void
gap_is_told_to_its_sender_in_the_receivers_words(void)
{
	static const uint8_t syn[] = {4, 2, 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 1};
	static const uint8_t stamp[] = {1, 1, 8, 10, 0, 0, 0, 50, 0, 0, 0, 9};
	struct bh_stream_params p = rig_params();
	struct bh_stream_gap gap;
	struct bh_stream_tag tag;
	struct rig g;

	CU_ASSERT_FATAL(rig_create(&g, &p));
	memcpy(g.option, syn, sizeof(syn));
	g.option_len = sizeof(syn);
	CU_ASSERT_FATAL(rig_handshake(&g, true));
	memcpy(g.option, stamp, sizeof(stamp));
	g.option_len = sizeof(stamp);
	g.window[1] = 777;
	CU_ASSERT_EQUAL(rig_put(&g, 1, BH_TCP_ACK, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 0, 0, "first"), BH_STREAM_KEPT);
	CU_ASSERT_FALSE(bh_stream_gap(g.s, 0, &gap));
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 10, 0, "third"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 20, 0, "fifth"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 15, 0, "forth"), BH_STREAM_KEPT);
	/* What is undecided before it can't be acknowledged by anyone. */
	CU_ASSERT_TRUE(bh_stream_gap(g.s, 0, &gap));
	CU_ASSERT_EQUAL(gap.ack, g.isn[0] + 1);
	CU_ASSERT_EQUAL(rig_read(&g, 0, text, &ended), 5);
	bh_stream_release(g.s, 0, 5);
	CU_ASSERT_PTR_NOT_NULL(bh_stream_pop(g.st, g.s, 0, &tag));
	/* But not before the receiver has all that has gone. */
	CU_ASSERT_FALSE(bh_stream_gap(g.s, 0, &gap));
	CU_ASSERT_EQUAL(rig_put(&g, 1, BH_TCP_ACK, 0, 5, ""), BH_STREAM_PASS);
	CU_ASSERT_TRUE(bh_stream_gap(g.s, 0, &gap));
	CU_ASSERT_EQUAL(gap.ack, g.isn[0] + 1 + 5);
	CU_ASSERT_EQUAL(gap.seq, g.isn[1] + 1);
	CU_ASSERT_EQUAL(gap.window, 777);
	CU_ASSERT_TRUE(gap.stamped);
	CU_ASSERT_EQUAL(gap.ts_val, 50);
	CU_ASSERT_EQUAL(gap.ts_ecr, 9);
	CU_ASSERT_EQUAL(gap.n_blocks, 1);
	CU_ASSERT_EQUAL(gap.block[0].from, g.isn[0] + 1 + 10);
	CU_ASSERT_EQUAL(gap.block[0].to, g.isn[0] + 1 + 25);
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 30, 0, "seven"), BH_STREAM_KEPT);
	CU_ASSERT_TRUE(bh_stream_gap(g.s, 0, &gap));
	CU_ASSERT_EQUAL(gap.n_blocks, 2);
	CU_ASSERT_EQUAL(gap.block[0].from, g.isn[0] + 1 + 30);
	CU_ASSERT_EQUAL(gap.block[1].to, g.isn[0] + 1 + 25);
	/* What closes it is in order. */
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 5, 0, "secon"), BH_STREAM_KEPT);
	CU_ASSERT_FALSE(bh_stream_gap(g.s, 0, &gap));
	rig_destroy(&g);
}

/* A handshake that took a second try has no round trip's time: its sender would wait for seconds. */
static void
gap_at_the_very_start_is_told_by_what_the_syn_ack_said(void)
{
	static const uint8_t syn[] = {4, 2, 1, 3, 3, 4, 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0};
	struct bh_stream_params p = rig_params();
	struct bh_stream_gap gap;
	struct rig g;

	CU_ASSERT_FATAL(rig_create(&g, &p));
	memcpy(g.option, syn, sizeof(syn));
	g.option_len = sizeof(syn);
	g.window[1] = 16000;
	CU_ASSERT_FATAL(rig_handshake(&g, true));
	CU_ASSERT_EQUAL(rig_put(&g, 0, BH_TCP_ACK, 5, 0, "world"), BH_STREAM_KEPT);
	CU_ASSERT_TRUE(bh_stream_gap(g.s, 0, &gap));
	CU_ASSERT_EQUAL(gap.ack, g.isn[0] + 1);
	CU_ASSERT_EQUAL(gap.seq, g.isn[1] + 1);
	CU_ASSERT_EQUAL(gap.window, 1000);
	CU_ASSERT_EQUAL(gap.ts_val, 9);
	CU_ASSERT_EQUAL(gap.n_blocks, 1);
	CU_ASSERT_EQUAL(gap.block[0].from, g.isn[0] + 6);
	rig_destroy(&g);
}

const struct bh_unit_test bh_suite_stream_order[] = {
	BH_TEST(gap_at_the_very_start_is_told_by_what_the_syn_ack_said),
	BH_TEST(bytes_wait_until_they_are_released),
	BH_TEST(gaps_are_not_shown_and_what_is_behind_them_waits),
	BH_TEST(a_fin_alone_may_lie_behind_a_gap),
	BH_TEST(retransmission_with_other_content_ends_the_connection),
	BH_TEST(what_has_gone_is_compared_until_it_is_acknowledged),
	BH_TEST(one_packet_fills_several_holes),
	BH_TEST(packet_that_reaches_beyond_what_is_released_waits_alone),
	BH_TEST(copy_of_what_waits_waits_too),
	BH_TEST(reading_can_begin_again_until_bytes_are_acknowledged_away),
	BH_TEST(fin_is_shown_behind_the_last_byte),
	BH_TEST(nothing_follows_a_fin),
	BH_TEST(fin_below_bytes_that_are_known_is_refused),
	BH_TEST(let_go_frees_what_waits_and_compares_what_was_judged),
	BH_TEST(what_is_only_watched_passes_and_is_read_in_order),
	BH_TEST(numbers_wrap),
	BH_TEST(both_sides_are_told_apart),
	BH_TEST(close_hands_back_what_never_went),
	BH_TEST(gap_is_told_to_its_sender_in_the_receivers_words),
	BH_TEST_END,
};
