/* SYN, SYN/ACK, ACK and nothing else; starts that were not seen. */
#include "test_stream_rig.h"
#include "unit.h"

static struct rig rig;
static struct bh_stream_params params;

#define A BH_TCP_ACK
#define S BH_TCP_SYN
#define PUT(side, flags, off, ack, text) rig_put(&rig, side, flags, off, ack, text)

static void
create(void)
{
	CU_ASSERT_TRUE_FATAL(rig_create(&rig, &params));
}

static uint8_t
open_with(const char *data, bool hold)
{
	struct rig_segment syn = {0, S, 0, 0, data, (uint32_t)strlen(data)};

	rig_input(&rig, &syn, true, hold);
	return rig.r.act;
}

/* Up to and with the SYN (1), the SYN/ACK (2), the ACK (3). */
static void
start(unsigned packets)
{
	params = rig_params();
	create();
	CU_ASSERT_EQUAL(open_with("", true), BH_STREAM_PASS);
	if (packets > 1)
		CU_ASSERT_EQUAL(PUT(1, S | A, 0, 0, ""), BH_STREAM_PASS);
	if (packets > 2)
		CU_ASSERT_EQUAL(PUT(0, A, 0, 0, ""), BH_STREAM_PASS);
}

static void
drops(uint8_t side, uint8_t flags, int64_t off, int64_t ack, const char *text,
      enum bh_exception why)
{
	CU_ASSERT_EQUAL(PUT(side, flags, off, ack, text), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig.r.exception, why + 1);
	CU_ASSERT_EQUAL(rig.r.reason, bh_exception_info(why)->reason);
	CU_ASSERT_FALSE(rig.r.established);
}

static void
three_packets_complete_a_handshake(void)
{
	start(1);
	CU_ASSERT_EQUAL(bh_stream_wire(rig.s, 0), 0);
	CU_ASSERT_EQUAL(bh_stream_wire(rig.s, 1), BH_STREAM_NO_WIRE);
	PUT(1, S | A, 0, 0, "");
	CU_ASSERT_FALSE(rig.r.established);
	CU_ASSERT_FALSE(bh_stream_is_established(rig.s));
	PUT(0, A, 0, 0, "");
	CU_ASSERT_TRUE(rig.r.established);
	CU_ASSERT_TRUE(bh_stream_is_established(rig.s));
	PUT(0, A, 0, 0, "");
	CU_ASSERT_FALSE(rig.r.established);
	rig_destroy(&rig);
}

static void
data_with_the_ack_completes_it_too(void)
{
	start(2);
	CU_ASSERT_EQUAL(PUT(0, A, 0, 0, "abc"), BH_STREAM_KEPT);
	CU_ASSERT_TRUE(rig.r.established);
	rig_destroy(&rig);
}

static void
the_same_syn_and_syn_ack_may_come_again(void)
{
	start(1);
	CU_ASSERT_EQUAL(PUT(0, S, 0, 0, ""), BH_STREAM_PASS);
	PUT(1, S | A, 0, 0, "");
	CU_ASSERT_EQUAL(PUT(0, S, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(1, S | A, 0, 0, ""), BH_STREAM_PASS);
	PUT(0, A, 0, 0, "");
	CU_ASSERT_EQUAL(PUT(0, S, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(1, S | A, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_FALSE(rig.r.established);
	rig_destroy(&rig);
}

static void
another_syn_or_syn_ack_is_dropped(void)
{
	unsigned packets;

	for (packets = 1; packets <= 3; packets++) {
		start(packets);
		drops(0, S, 5, 0, "", BH_EXCEPTION_TCP_HANDSHAKE);
		drops(0, S, -1, 0, "", BH_EXCEPTION_TCP_HANDSHAKE);
		if (packets > 1)
			drops(1, S | A, 5, 0, "", BH_EXCEPTION_TCP_HANDSHAKE);
		rig_destroy(&rig);
	}
}

static void
repeated_syn_may_lack_its_scale_but_not_change_it(void)
{
	start(1);
	rig_destroy(&rig);
	create();
	memcpy(rig.option, "\3\3\7\1", 4);
	rig.option_len = 4;
	open_with("", true);
	CU_ASSERT_EQUAL(PUT(0, S, 0, 0, ""), BH_STREAM_PASS);
	rig.option_len = 0;
	CU_ASSERT_EQUAL(PUT(0, S, 0, 0, ""), BH_STREAM_PASS);
	rig.option_len = 4;
	rig.option[2] = 8;
	drops(0, S, 0, 0, "", BH_EXCEPTION_TCP_HANDSHAKE);
	rig_destroy(&rig);
}

static void
split_and_simultaneous_handshakes_are_dropped(void)
{
	start(1);
	drops(1, S, 0, 0, "", BH_EXCEPTION_TCP_HANDSHAKE);     /* simultaneous, or split */
	drops(0, S | A, 0, 0, "", BH_EXCEPTION_TCP_HANDSHAKE); /* what would answer it */
	drops(1, A, 0, 0, "", BH_EXCEPTION_TCP_HANDSHAKE);     /* the ACK of a split one */
	drops(0, A, 0, 0, "", BH_EXCEPTION_TCP_HANDSHAKE);
	PUT(1, S | A, 0, 0, "");
	drops(1, S, 0, 0, "", BH_EXCEPTION_TCP_HANDSHAKE);
	drops(0, S | A, 0, 0, "", BH_EXCEPTION_TCP_HANDSHAKE);
	rig_destroy(&rig);
}

static void
syn_ack_must_acknowledge_exactly_the_syn(void)
{
	start(1);
	drops(1, S | A, 0, -1, "", BH_EXCEPTION_TCP_HANDSHAKE);
	drops(1, S | A, 0, 1, "", BH_EXCEPTION_TCP_HANDSHAKE);
	/* The number of one that was refused binds nobody. */
	CU_ASSERT_EQUAL(PUT(1, S | A, 0, 0, ""), BH_STREAM_PASS);
	rig_destroy(&rig);
}

static void
syn_ack_comes_from_the_other_wire(void)
{
	start(1);
	rig.wire[1] = 0;
	CU_ASSERT_EQUAL(PUT(1, S | A, 0, 0, ""), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_WRONG_SIDE);
	rig.wire[1] = 7;
	CU_ASSERT_EQUAL(PUT(1, S | A, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(bh_stream_wire(rig.s, 1), 7);
	rig_destroy(&rig);
}

static void
ack_of_something_else_completes_nothing(void)
{
	start(2);
	drops(0, A, 0, 1, "", BH_EXCEPTION_TCP_ACK);
	drops(0, A, 0, -1, "", BH_EXCEPTION_TCP_ACK);
	drops(0, A, 70000, 0, "", BH_EXCEPTION_TCP_SEQUENCE);
	CU_ASSERT_FALSE(bh_stream_is_established(rig.s));
	rig_destroy(&rig);
}

static void
data_before_the_handshake_is_complete_is_dropped(void)
{
	start(1);
	drops(0, A, 0, 0, "abc", BH_EXCEPTION_TCP_EARLY_DATA);
	drops(1, A, 0, 0, "abc", BH_EXCEPTION_TCP_EARLY_DATA);
	PUT(1, S | A, 0, 0, "");
	drops(1, A, 0, 0, "abc", BH_EXCEPTION_TCP_EARLY_DATA);
	drops(1, A | BH_TCP_FIN, 0, 0, "", BH_EXCEPTION_TCP_HANDSHAKE);
	drops(0, A, 0, 1, "abc", BH_EXCEPTION_TCP_ACK);
	CU_ASSERT_EQUAL(bh_stream_edge(rig.s, 0), 0);
	CU_ASSERT_EQUAL(bh_stream_edge(rig.s, 1), 0);
	PUT(0, A, 0, 0, "");
	CU_ASSERT_EQUAL(PUT(1, A, 0, 0, "abc"), BH_STREAM_KEPT);
	rig_destroy(&rig);
}

static void
refusal_of_a_syn_needs_its_exact_number(void)
{
	start(1);
	drops(1, BH_TCP_RST, 0, 0, "", BH_EXCEPTION_TCP_RST);
	drops(1, BH_TCP_RST | A, 0, 1, "", BH_EXCEPTION_TCP_RST);
	drops(1, BH_TCP_RST | A, 0, -1, "", BH_EXCEPTION_TCP_RST);
	CU_ASSERT_EQUAL(PUT(1, BH_TCP_RST | A, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_TRUE(rig.r.closing);
	/* A forged one: the server answers all the same. */
	CU_ASSERT_EQUAL(PUT(1, S | A, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(0, A, 0, 0, ""), BH_STREAM_PASS);
	rig_destroy(&rig);
}

static void
data_on_a_syn_is_dropped_and_the_syn_may_come_without(void)
{
	params = rig_params();
	create();
	CU_ASSERT_EQUAL(open_with("abc", true), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig.r.exception, BH_EXCEPTION_TCP_SYN_DATA + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rig.s);
	drops(1, S | A, 0, 0, "", BH_EXCEPTION_TCP_HANDSHAKE);
	rig.isn[0] += 12345;
	CU_ASSERT_EQUAL(PUT(0, S, 0, 0, ""), BH_STREAM_PASS);
	drops(1, S | A, 0, 0, "abc", BH_EXCEPTION_TCP_SYN_DATA);
	CU_ASSERT_EQUAL(PUT(1, S | A, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(0, A, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_TRUE(rig.r.established);
	rig_destroy(&rig);
}

static void
data_on_a_syn_that_may_pass_is_judged(void)
{
	struct bh_stream_tag tag;
	char text[64];
	bool ended;

	params = rig_params();
	params.action[BH_EXCEPTION_TCP_SYN_DATA] = BH_ACTION_PASS;
	create();
	CU_ASSERT_EQUAL(open_with("abc", true), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_EXCEPTION);
	drops(1, S | A, 0, 3, "", BH_EXCEPTION_TCP_HANDSHAKE);
	CU_ASSERT_EQUAL(rig_read(&rig, 0, text, &ended), 3);
	bh_stream_release(rig.s, 0, 3);
	CU_ASSERT_PTR_NOT_NULL(bh_stream_pop(rig.st, rig.s, 0, &tag));
	CU_ASSERT_EQUAL(tag.tcp_flags, S);
	CU_ASSERT_EQUAL(PUT(1, S | A, 0, 3, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(0, A, 3, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_TRUE(rig.r.established);
	CU_ASSERT_EQUAL(PUT(0, A, 3, 0, "def"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(rig_read(&rig, 0, text, &ended), 3);
	CU_ASSERT_STRING_EQUAL(text, "def");
	rig_destroy(&rig);
	/* The server did not take the data: it comes again, and must be the same. */
	create();
	open_with("abc", true);
	rig_read(&rig, 0, text, &ended);
	bh_stream_release(rig.s, 0, 3);
	bh_stream_pop(rig.st, rig.s, 0, &tag);
	CU_ASSERT_EQUAL(PUT(1, S | A, 0, 0, ""), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(0, A, 0, 0, "abc"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(0, A, 0, 0, "abX"), BH_STREAM_END);
	rig_destroy(&rig);
}

static void
exceptions_end_the_connection_where_configured(void)
{
	start(2);
	rig_destroy(&rig);
	params.action[BH_EXCEPTION_TCP_HANDSHAKE] = BH_ACTION_DROP_FLOW;
	params.action[BH_EXCEPTION_TCP_EARLY_DATA] = BH_ACTION_REJECT;
	create();
	open_with("", true);
	CU_ASSERT_EQUAL(PUT(1, S, 0, 0, ""), BH_STREAM_END);
	CU_ASSERT_FALSE(rig.r.reset);
	CU_ASSERT_EQUAL(PUT(0, A, 0, 0, "x"), BH_STREAM_END);
	CU_ASSERT_TRUE(rig.r.reset);
	rig_destroy(&rig);
}

static void
midstream_begins_with_the_first_packet_of_each_side(void)
{
	struct bh_parsed h = {
		.payload_len = 3, .tcp_flags = A, .tcp_seq = 5001, .tcp_ack = 77, .tcp_window = 10};
	struct rig_packet k = {.data = "abc", .len = 3, .refs = 1};
	uint8_t tcp[20] = {[12] = 0x50};
	struct bh_stream_packet p = {.h = &h, .tcp = tcp, .packet = &k, .wire = 1, .side = 1};
	char text[64];
	bool ended;

	params = rig_params();
	create();
	rig.s = bh_stream_open_midstream(rig.st, &p, true, &rig.r);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rig.s);
	CU_ASSERT_EQUAL(rig.r.act, BH_STREAM_KEPT);
	CU_ASSERT_TRUE(bh_stream_is_established(rig.s));
	CU_ASSERT_EQUAL(rig_read(&rig, 1, text, &ended), 3);
	rig.isn[1] = 5000;
	rig.isn[0] = 76;
	CU_ASSERT_EQUAL(PUT(1, A, -3, 0, "old"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(0, A, 0, 0, "question"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(rig_read(&rig, 0, text, &ended), 8);
	CU_ASSERT_EQUAL(PUT(0, A, 0, 0, "Question"), BH_STREAM_END);
	rig.wire[0] = 1;
	CU_ASSERT_EQUAL(PUT(0, A, 8, 0, "x"), BH_STREAM_DROP);
	CU_ASSERT_EQUAL(rig.r.reason, BH_REASON_TCP_WRONG_SIDE);
	rig_destroy(&rig);
}

static void
watched_connection_may_lack_its_syn_ack(void)
{
	char text[64];
	bool ended;

	params = rig_params();
	create();
	CU_ASSERT_EQUAL(open_with("", false), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(PUT(0, A, 0, 0, "question"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig_read(&rig, 0, text, &ended), 8);
	CU_ASSERT_EQUAL(PUT(1, A, 0, 8, "answer"), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(rig_read(&rig, 1, text, &ended), 6);
	CU_ASSERT_STRING_EQUAL(text, "answer");
	rig_destroy(&rig);
}

const struct bh_unit_test bh_suite_stream_handshake[] = {
	BH_TEST(three_packets_complete_a_handshake),
	BH_TEST(data_with_the_ack_completes_it_too),
	BH_TEST(the_same_syn_and_syn_ack_may_come_again),
	BH_TEST(another_syn_or_syn_ack_is_dropped),
	BH_TEST(repeated_syn_may_lack_its_scale_but_not_change_it),
	BH_TEST(split_and_simultaneous_handshakes_are_dropped),
	BH_TEST(syn_ack_must_acknowledge_exactly_the_syn),
	BH_TEST(syn_ack_comes_from_the_other_wire),
	BH_TEST(ack_of_something_else_completes_nothing),
	BH_TEST(data_before_the_handshake_is_complete_is_dropped),
	BH_TEST(refusal_of_a_syn_needs_its_exact_number),
	BH_TEST(data_on_a_syn_is_dropped_and_the_syn_may_come_without),
	BH_TEST(data_on_a_syn_that_may_pass_is_judged),
	BH_TEST(exceptions_end_the_connection_where_configured),
	BH_TEST(midstream_begins_with_the_first_packet_of_each_side),
	BH_TEST(watched_connection_may_lack_its_syn_ack),
	BH_TEST_END,
};
