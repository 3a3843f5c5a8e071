/* Which packets a connection accepts: options, sequence, acknowledgement, RST, timestamps, urgent data, wires. */
#include "test_stream_rig.h"
#include "unit.h"

static struct rig rig;
static struct bh_stream_params params;

#define A BH_TCP_ACK
#define PUT(side, flags, off, ack, text) rig_put(&rig, side, flags, off, ack, text)
#define DATA(off, t) PUT(0, BH_TCP_ACK, off, 0, t)
#define ASSERT_DROPPED(why)                                                                        \
	do {                                                                                       \
		CU_ASSERT_EQUAL(rig.r.act, BH_STREAM_DROP);                                        \
		CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_##why);                                    \
		CU_ASSERT_EQUAL(rig.r.exception, BH_EXCEPTION_##why + 1);                          \
	} while (0)

static void
create(void)
{
	CU_ASSERT_TRUE_FATAL(rig_create(&rig, &params));
}

static void
start(bool hold)
{
	params = rig_params();
	create();
	CU_ASSERT_TRUE_FATAL(rig_handshake(&rig, hold));
}

static void
finish(void)
{
	rig_destroy(&rig);
}

/* Read, release and send on all that can go of a side. */
static void
release_all(uint8_t side)
{
	char text[4096];
	struct bh_stream_tag tag;
	struct rig_packet *k;
	bool ended;

	rig_read(&rig, side, text, &ended);
	bh_stream_release(rig.s, side, bh_stream_edge(rig.s, side));
	while ((k = bh_stream_pop(rig.st, rig.s, side, &tag)) != NULL)
		rig_drop(k);
}

static void
set_options(const void *bytes, uint32_t len)
{
	memcpy(rig.option, bytes, len);
	rig.option_len = len;
}

static void
set_stamp(uint32_t value, uint32_t echo)
{
	uint8_t o[12] = {1, 1, 8, 10};
	unsigned i;

	for (i = 0; i < 4; i++) {
		o[4 + i] = (uint8_t)(value >> (24 - 8 * i));
		o[8 + i] = (uint8_t)(echo >> (24 - 8 * i));
	}
	set_options(o, sizeof(o));
}

static void
sequence_beyond_the_window_is_dropped_but_for_a_probes_byte(void)
{
	start(true);
	rig.window[1] = 10;
	PUT(1, A, 0, 0, "");
	/* The right edge never moves back (RFC 9293 3.8.6): it is where the handshake had put it. */
	CU_ASSERT_EQUAL(DATA(65535, "x"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(DATA(65535, "xy"), BH_STREAM_DROP);
	ASSERT_DROPPED(TCP_SEQUENCE);
	CU_ASSERT_EQUAL(DATA(65536, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(DATA(65537, ""), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(PUT(0, A | BH_TCP_FIN, 65536, 0, ""), BH_STREAM_DROP);
	finish();
}

static void
sequence_more_than_a_window_back_is_dropped(void)
{
	start(true);
	CU_ASSERT_EQUAL(DATA(-65535, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(DATA(-65536, ""), BH_STREAM_DROP);
	ASSERT_DROPPED(TCP_SEQUENCE);
	finish();
}

static void
window_is_scaled_when_both_sides_offered_it(void)
{
	static const uint8_t scale2[] = {3, 3, 2, 1};
	struct rig_segment syn = {.side = 0, .flags = BH_TCP_SYN};
	unsigned both;

	params = rig_params();
	for (both = 0; both < 2; both++) {
		create();
		rig.window[0] = rig.window[1] = 100;
		set_options(scale2, sizeof(scale2));
		rig_input(&rig, &syn, true, true);
		rig.option_len = both ? 4 : 0;
		PUT(1, BH_TCP_SYN | A, 0, 0, "");
		rig.option_len = 0;
		PUT(0, A, 0, 0, "");
		/* The SYN/ACK's own window is not scaled. */
		CU_ASSERT_EQUAL(DATA(101, "x"), BH_STREAM_DROP);
		PUT(1, A, 0, 0, "");
		CU_ASSERT_EQUAL(DATA(101, "x"), both ? BH_STREAM_KEPT : BH_STREAM_DROP);
		CU_ASSERT_EQUAL(DATA(400, "x"), both ? BH_STREAM_KEPT : BH_STREAM_DROP);
		CU_ASSERT_EQUAL(DATA(401, "x"), BH_STREAM_DROP);
		finish();
	}
}

static void
keep_alives_pass_and_are_not_read(void)
{
	char text[64];
	bool ended;

	start(true);
	CU_ASSERT_EQUAL(DATA(-1, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(DATA(-1, "?"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig_read(&rig, 0, text, &ended), 0);
	DATA(0, "abc");
	release_all(0);
	PUT(1, A, 0, 3, "");
	CU_ASSERT_EQUAL(DATA(2, "?"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(DATA(2, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(bh_stream_edge(rig.s, 0), 3);
	/* One whose byte is not acknowledged is no keep-alive. */
	DATA(3, "d");
	release_all(0);
	CU_ASSERT_EQUAL(DATA(3, "?"), BH_STREAM_END);
	finish();
}

static void
acknowledgement_of_what_was_not_released_is_dropped(void)
{
	start(true);
	DATA(0, "hello");
	CU_ASSERT_EQUAL(PUT(1, A, 0, 1, ""), BH_STREAM_DROP);
	ASSERT_DROPPED(TCP_ACK);
	release_all(0);
	CU_ASSERT_EQUAL(PUT(1, A, 0, 5, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(1, A, 0, 6, ""), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(PUT(1, A, 0, 3, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(1, A, 0, 5 - 65536, ""), BH_STREAM_DROP);
	ASSERT_DROPPED(TCP_ACK);
	CU_ASSERT_EQUAL(PUT(1, A, 0, 5 - 65535, ""), BH_STREAM_PASS);
	finish();
}

static void
dropped_packets_change_nothing(void)
{
	start(true);
	DATA(0, "hello");
	release_all(0);
	/* Out of the window, though its acknowledgement would do. */
	CU_ASSERT_EQUAL(PUT(1, A, 70000, 5, ""), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(DATA(0, "HELLO"), BH_STREAM_END);
	CU_ASSERT_EQUAL(PUT(1, A, 0, 5, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(DATA(0, "HELLO"), BH_STREAM_PASS);
	finish();
}

static void
only_an_exact_rst_passes_and_nothing_ends(void)
{
	start(true);
	DATA(0, "hello");
	release_all(0);
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_RST, 4, 0, ""), BH_STREAM_DROP);
	ASSERT_DROPPED(TCP_RST);
	CU_ASSERT_FALSE(rig.r.closing);
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_RST, 6, 0, ""), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_RST, 70000, 0, ""), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_SEQUENCE);
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_RST, 5, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_TRUE(rig.r.closing);
	/* What the receiver expects while those five bytes are under way to it. */
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_RST | A, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_TRUE(rig.r.closing);
	CU_ASSERT_EQUAL(DATA(5, " world"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(DATA(0, "HELLO"), BH_STREAM_END);
	finish();
}

static void
rst_behind_a_fin_is_exact(void)
{
	start(true);
	CU_ASSERT_EQUAL(PUT(0, A | BH_TCP_FIN, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_RST, 1, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_TRUE(rig.r.closing);
	finish();
}

static void
rst_behind_what_waits_resets_both_ends(void)
{
	start(true);
	DATA(0, "hello");
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_RST, 5, 0, ""), BH_STREAM_END);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_RST);
	CU_ASSERT_TRUE(rig.r.reset);
	CU_ASSERT_EQUAL(rig.r.exception, 0);
	DATA(10, "beyond a gap");
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_RST, 22, 0, ""), BH_STREAM_END);
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_RST, 12, 0, ""), BH_STREAM_DROP);
	finish();
}

static void
inexact_rst_passes_where_that_is_configured(void)
{
	start(true);
	params.action[BH_EXCEPTION_TCP_RST] = BH_ACTION_PASS;
	finish();
	create();
	CU_ASSERT_TRUE(rig_handshake(&rig, true));
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_RST, 7, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_EXCEPTION);
	CU_ASSERT_EQUAL(rig.r.exception, BH_EXCEPTION_TCP_RST + 1);
	CU_ASSERT_FALSE(rig.r.closing);
	CU_ASSERT_EQUAL(DATA(0, "still held"), BH_STREAM_KEPT);
	finish();
}

/* A handshake with timestamps on both SYNs, or on one. */
static void
start_stamped(uint32_t value, bool answer)
{
	struct rig_segment syn = {.side = 0, .flags = BH_TCP_SYN};

	create();
	set_stamp(value, 0);
	rig_input(&rig, &syn, true, true);
	set_stamp(900, value);
	if (!answer)
		rig.option_len = 0;
	PUT(1, BH_TCP_SYN | A, 0, 0, "");
	set_stamp(value, 900);
	CU_ASSERT_EQUAL(PUT(0, A, 0, 0, ""), BH_STREAM_PASS);
}

static uint8_t
stamped(uint32_t value, int64_t off, const char *text)
{
	set_stamp(value, 900);
	return DATA(off, text);
}

static void
new_bytes_with_an_old_timestamp_are_dropped(void)
{
	params = rig_params();
	start_stamped(5, true);
	CU_ASSERT_EQUAL(stamped(4, 0, "abc"), BH_STREAM_DROP);
	ASSERT_DROPPED(TCP_PAWS);
	CU_ASSERT_EQUAL(stamped(7, 0, "abc"), BH_STREAM_KEPT);
	release_all(0);
	/* Overtaken, for all that is known. */
	CU_ASSERT_EQUAL(stamped(6, 3, "def"), BH_STREAM_KEPT);
	set_stamp(901, 7);
	CU_ASSERT_EQUAL(PUT(1, A, 0, 1, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(stamped(6, 6, "ghi"), BH_STREAM_DROP);
	ASSERT_DROPPED(TCP_PAWS);
	CU_ASSERT_EQUAL(PUT(0, A | BH_TCP_FIN, 6, 0, ""), BH_STREAM_DROP);
	/* Bytes that are known, an acknowledgement, a RST: the receiver's to judge. */
	CU_ASSERT_EQUAL(stamped(6, 0, "abc"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(stamped(6, 6, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_RST, 3, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(stamped(7, 6, "ghi"), BH_STREAM_KEPT);
	finish();
}

static void
echo_of_a_timestamp_that_was_never_sent_counts_for_nothing(void)
{
	params = rig_params();
	start_stamped(5, true);
	CU_ASSERT_EQUAL(stamped(7, 0, "abc"), BH_STREAM_KEPT);
	set_stamp(901, 1000);
	CU_ASSERT_EQUAL(PUT(1, A, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(stamped(6, 3, "def"), BH_STREAM_KEPT);
	finish();
}

static void
timestamps_wrap_and_count_only_when_both_offered_them(void)
{
	params = rig_params();
	start_stamped(UINT32_MAX, true);
	CU_ASSERT_EQUAL(stamped(1, 0, "abc"), BH_STREAM_KEPT);
	set_stamp(901, 1);
	PUT(1, A, 0, 0, "");
	CU_ASSERT_EQUAL(stamped(UINT32_MAX, 3, "def"), BH_STREAM_DROP);
	finish();
	start_stamped(5, false);
	CU_ASSERT_EQUAL(stamped(1, 0, "abc"), BH_STREAM_KEPT);
	finish();
}

static void
urgent_flag_is_cleared_or_the_packet_dropped(void)
{
	start(true);
	CU_ASSERT_EQUAL(PUT(0, A | BH_TCP_URG, 0, 0, "abc"), BH_STREAM_KEPT);
	CU_ASSERT_TRUE(rig.r.clear_urgent);
	CU_ASSERT_EQUAL(rig.r.exception, BH_EXCEPTION_TCP_URGENT + 1);
	CU_ASSERT_EQUAL(PUT(0, A | BH_TCP_URG, 3, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_TRUE(rig.r.clear_urgent);
	CU_ASSERT_EQUAL(DATA(3, "d"), BH_STREAM_KEPT);
	CU_ASSERT_FALSE(rig.r.clear_urgent);
	finish();
	params.action[BH_EXCEPTION_TCP_URGENT] = BH_ACTION_REJECT;
	create();
	CU_ASSERT_TRUE(rig_handshake(&rig, true));
	CU_ASSERT_EQUAL(PUT(0, A | BH_TCP_URG, 0, 0, "abc"), BH_STREAM_END);
	CU_ASSERT_TRUE(rig.r.reset);
	CU_ASSERT_FALSE(rig.r.clear_urgent);
	finish();
}

static void
options_that_stacks_may_read_differently_are_dropped(void)
{
	static const struct {
		uint8_t bytes[12];
		uint32_t len;
		bool good;
	} cases[] = {
		{{1, 1, 1, 0}, 4, true},
		{{2, 4, 5, 180}, 4, true},
		{{5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0}, 12, true},
		{{254, 4, 1, 2}, 4, true},                /* unknown */
		{{0, 255, 255, 255}, 4, true},            /* behind the end */
		{{2, 4, 5, 180, 2, 4, 5, 180}, 8, false}, /* twice */
		{{254, 2, 254, 2}, 4, false},
		{{1, 1, 1, 8}, 4, false},   /* no length */
		{{1, 1, 8, 10}, 4, false},  /* over the header */
		{{254, 1, 1, 1}, 4, false}, /* shorter than itself */
		{{254, 0, 1, 1}, 4, false}, /* a loop */
		{{3, 4, 7, 0}, 4, false},   /* scale of 2 bytes */
		{{8, 4, 0, 0}, 4, false},   /* stamp of 2 bytes */
		{{4, 3, 0, 0}, 4, false},   /* SACK permitted with a value */
		{{30, 4, 0, 0}, 4, false},  /* MPTCP */
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		start(true);
		set_options(cases[i].bytes, cases[i].len);
		CU_ASSERT_EQUAL(DATA(0, "abc"), cases[i].good ? BH_STREAM_KEPT : BH_STREAM_DROP);
		if (!cases[i].good)
			ASSERT_DROPPED(TCP_OPTIONS);
		finish();
	}
}

static void
each_side_speaks_from_its_own_wire(void)
{
	start(true);
	DATA(0, "hello");
	release_all(0);
	rig.wire[1] = 0;
	CU_ASSERT_EQUAL(PUT(1, A, 0, 5, ""), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_WRONG_SIDE);
	CU_ASSERT_EQUAL(rig.r.exception, 0);
	CU_ASSERT_EQUAL(DATA(0, "HELLO"), BH_STREAM_END);
	rig.wire[0] = 3;
	CU_ASSERT_EQUAL(DATA(0, "hello"), BH_STREAM_DROP);
	finish();
}

static void
watched_sender_that_heeds_no_window_is_read_in_order(void)
{
	char text[RIG_PAYLOAD + 1];
	bool ended;

	params = rig_params();
	create();
	rig.window[0] = rig.window[1] = 4;
	CU_ASSERT_TRUE_FATAL(rig_handshake(&rig, false));
	CU_ASSERT_EQUAL(DATA(9, "ahead"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(DATA(0, "too much"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_SEQUENCE);
	CU_ASSERT_EQUAL(rig_read(&rig, 0, text, &ended), 8);
	finish();
}

static void
watched_streams_drop_nothing(void)
{
	static const uint8_t twice[] = {254, 2, 254, 2};

	start(false);
	CU_ASSERT_EQUAL(DATA(70000, "x"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_SEQUENCE);
	CU_ASSERT_EQUAL(PUT(1, A, 0, 9, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_ACK);
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_RST, 9, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_RST);
	CU_ASSERT_EQUAL(PUT(0, BH_TCP_SYN, 9, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_HANDSHAKE);
	CU_ASSERT_EQUAL(PUT(0, A | BH_TCP_URG, 0, 0, "abc"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_URGENT);
	CU_ASSERT_FALSE(rig.r.clear_urgent);
	CU_ASSERT_EQUAL(bh_stream_edge(rig.s, 0), 3);
	CU_ASSERT_EQUAL(bh_stream_edge(rig.s, 1), 0);
	rig.wire[0] = 1;
	CU_ASSERT_EQUAL(DATA(3, "d"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_WRONG_SIDE);
	rig.wire[0] = 0;
	set_options(twice, sizeof(twice));
	CU_ASSERT_EQUAL(DATA(3, "d"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_OPTIONS);
	CU_ASSERT_EQUAL(bh_stream_edge(rig.s, 0), 3);
	finish();
}

const struct bh_unit_test bh_suite_stream_rules[] = {
	BH_TEST(sequence_beyond_the_window_is_dropped_but_for_a_probes_byte),
	BH_TEST(sequence_more_than_a_window_back_is_dropped),
	BH_TEST(window_is_scaled_when_both_sides_offered_it),
	BH_TEST(keep_alives_pass_and_are_not_read),
	BH_TEST(acknowledgement_of_what_was_not_released_is_dropped),
	BH_TEST(dropped_packets_change_nothing),
	BH_TEST(only_an_exact_rst_passes_and_nothing_ends),
	BH_TEST(rst_behind_a_fin_is_exact),
	BH_TEST(rst_behind_what_waits_resets_both_ends),
	BH_TEST(inexact_rst_passes_where_that_is_configured),
	BH_TEST(new_bytes_with_an_old_timestamp_are_dropped),
	BH_TEST(echo_of_a_timestamp_that_was_never_sent_counts_for_nothing),
	BH_TEST(timestamps_wrap_and_count_only_when_both_offered_them),
	BH_TEST(urgent_flag_is_cleared_or_the_packet_dropped),
	BH_TEST(options_that_stacks_may_read_differently_are_dropped),
	BH_TEST(each_side_speaks_from_its_own_wire),
	BH_TEST(watched_sender_that_heeds_no_window_is_read_in_order),
	BH_TEST(watched_streams_drop_nothing),
	BH_TEST_END,
};
