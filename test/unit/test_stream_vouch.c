/* What is acknowledged in the receiver's name: when, with which numbers, and what is owed to the receiver then. */
#include "test_stream_rig.h"
#include "unit.h"

#define LONGEST 1700

static struct rig rig;

#define DATA(off, t) rig_put(&rig, 0, BH_TCP_ACK | BH_TCP_PSH, off, 0, t)
#define ACK(n) rig_put(&rig, 1, BH_TCP_ACK, 0, n, "")

static void
start(void)
{
	struct bh_stream_params p = rig_params();

	CU_ASSERT_TRUE_FATAL(rig_create(&rig, &p));
	CU_ASSERT_TRUE_FATAL(rig_handshake(&rig, true));
}

/* How far the sender is told to be acknowledged now; 0: it is told nothing. */
static uint32_t
vouch(struct bh_stream_gap *out)
{
	if (bh_stream_vouch(rig.s, 0, LONGEST, out) == NULL)
		return 0;
	bh_stream_vouched(rig.s, 0);
	return out->ack - rig.isn[0] - 1;
}

static unsigned
release(uint64_t to)
{
	static char text[65536];
	struct bh_stream_tag tag;
	unsigned n = 0;
	bool ended;

	rig_read(&rig, 0, text, &ended);
	bh_stream_release(rig.s, 0, to);
	while (bh_stream_pop(rig.st, rig.s, 0, &tag) != NULL)
		n++;
	return n;
}

/* Bytes that are to be sent again now, from which offset. */
static uint32_t
owed(uint32_t *from)
{
	uint32_t n;

	if (bh_stream_owed(rig.s, 0, &n, from) == NULL)
		return 0;
	*from -= rig.isn[0] + 1;
	return n;
}

static void
the_right_edge_of_the_window_stays_where_the_receiver_put_it(void)
{
	struct bh_stream_gap gap;

	start();
	rig.window[1] = 1000;
	rig_put(&rig, 1, BH_TCP_ACK, 0, 0, "");
	DATA(0, "judged, not yet");
	CU_ASSERT_EQUAL(vouch(&gap), 15);
	/* 65,535 were offered once, and an edge never moves back (RFC 9293 3.8.6). */
	CU_ASSERT_EQUAL(gap.window, 65535 - 15);
	CU_ASSERT_EQUAL(gap.seq, rig.isn[1] + 1);
	CU_ASSERT_EQUAL(vouch(&gap), 0);
	rig_destroy(&rig);
}

static void
what_is_behind_a_gap_or_has_gone_is_nobodys_to_vouch_for(void)
{
	struct bh_stream_gap gap;

	start();
	DATA(7, " not yet");
	CU_ASSERT_EQUAL(vouch(&gap), 0);
	DATA(0, "judged,");
	CU_ASSERT_EQUAL(release(7), 1);
	CU_ASSERT_EQUAL(vouch(&gap),
			0); /* its sender waits for the receiver, and knows what to do */
	ACK(7);
	CU_ASSERT_EQUAL(vouch(&gap), 15);
	rig_destroy(&rig);
}

/* What the receiver acknowledges has gone: a part of a packet that waits is sent by bh_stream_part() alone, which says so. */
static void
only_what_has_gone_is_owed(void)
{
	struct bh_stream_gap gap;
	uint32_t from, n;

	start();
	DATA(0, "judged, not yet");
	CU_ASSERT_EQUAL(vouch(&gap), 15);
	CU_ASSERT_EQUAL(release(7), 0);
	CU_ASSERT_EQUAL(owed(&from), 0);
	CU_ASSERT_PTR_NOT_NULL(bh_stream_part(rig.s, 0, &n));
	bh_stream_part_gone(rig.s, 0);
	CU_ASSERT_EQUAL(owed(&from), 7);
	CU_ASSERT_EQUAL(ACK(7), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(owed(&from), 0);
	CU_ASSERT_EQUAL(release(15), 1);
	CU_ASSERT_EQUAL(owed(&from), 15);
	CU_ASSERT_EQUAL(from, 7);
	CU_ASSERT_EQUAL(ACK(15), BH_STREAM_PASS);
	CU_ASSERT_FALSE(bh_stream_owes(rig.s, 0));
	rig_destroy(&rig);
}

/* Linux' has no byte (RFC 9293 3.8.4); the receiver is behind it and would not answer. */
static void
a_keep_alive_is_answered_while_bytes_are_owed(void)
{
	struct bh_stream_gap gap;

	start();
	DATA(0, "judged, not yet");
	CU_ASSERT_EQUAL(vouch(&gap), 15);
	CU_ASSERT_EQUAL(rig_put(&rig, 0, BH_TCP_ACK, 15, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(vouch(&gap), 0); /* an acknowledgement of its own asks for nothing */
	CU_ASSERT_EQUAL(rig_put(&rig, 0, BH_TCP_ACK, 14, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(vouch(&gap), 15);
	CU_ASSERT_EQUAL(vouch(&gap), 0);
	release(15);
	ACK(15);
	rig_put(&rig, 0, BH_TCP_ACK, 14, 0, "");
	CU_ASSERT_EQUAL(vouch(&gap), 0); /* the receiver's own to answer */
	rig_destroy(&rig);
}

/* The sender believes it delivered, and says it otherwise. */
static void
acknowledged_bytes_that_come_again_are_held_to_the_first_copy(void)
{
	struct bh_stream_gap gap;

	start();
	DATA(0, "judged, not yet");
	CU_ASSERT_EQUAL(vouch(&gap), 15);
	CU_ASSERT_EQUAL(DATA(0, "JUDGED, not yet"), BH_STREAM_END);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_CONFLICT);
	rig_close_stream(&rig);
	rig_destroy(&rig);
	/* Released, gone, lost: until the receiver has it. */
	start();
	DATA(0, "judged, not yet");
	CU_ASSERT_EQUAL(vouch(&gap), 15);
	CU_ASSERT_EQUAL(release(15), 1);
	CU_ASSERT_EQUAL(DATA(0, "JUDGED, not yet"), BH_STREAM_END);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_CONFLICT);
	rig_destroy(&rig);
}

const struct bh_unit_test bh_suite_stream_vouch[] = {
	BH_TEST(the_right_edge_of_the_window_stays_where_the_receiver_put_it),
	BH_TEST(what_is_behind_a_gap_or_has_gone_is_nobodys_to_vouch_for),
	BH_TEST(only_what_has_gone_is_owed),
	BH_TEST(a_keep_alive_is_answered_while_bytes_are_owed),
	BH_TEST(acknowledged_bytes_that_come_again_are_held_to_the_first_copy),
	BH_TEST_END,
};
