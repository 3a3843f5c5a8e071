/* gateway: senders that say no more until they are acknowledged. */
#include "gateway_talk.h"

static const char policy[] =
	RIG_WEB_DB "rules:\n"
		   "  - {from: web, to: db,\n"
		   "     applications: [{redis: {commands: [ping]}},\n"
		   "                    {http: {methods: [GET]}}], action: allow}\n";

static void
run_ms(struct rig *r, unsigned ms)
{
	for (unsigned i = 0; i < ms; i++)
		rig_run(r);
}

/* How far the client has been acknowledged by the last packet it got; UINT32_MAX: it got none. */
static uint32_t
client_heard(const struct road *w)
{
	const struct rig_wire *wire = &w->r.wire[RIG_OUTSIDE];
	const struct rig_frame *f;
	const uint8_t *tcp;

	if (wire->n_out == 0)
		return UINT32_MAX;
	f = &wire->out[wire->n_out - 1];
	tcp = f->b + rig_l4(f);
	CU_ASSERT_TRUE(rig_checksums_good(f));
	CU_ASSERT_EQUAL(tcp[13], BH_TCP_ACK);
	CU_ASSERT_EQUAL(bh_load_be32(tcp + 4), w->t.seq[1]);
	return bh_load_be32(tcp + 8) - w->start;
}

/* Half a command, acknowledged in the server's name. */
static void
half(struct road *w, const char *text)
{
	road_start(w, policy, 0);
	road_sends(w, 0, text);
	run_ms(&w->r, 120);
	CU_ASSERT_EQUAL(client_heard(w), strlen(text));
	rig_clear(&w->r);
}

/* write, write, read (RFC 896): the second waits for the first one's acknowledgement. */
static void
a_sender_that_waits_is_heard(void)
{
	struct road w;

	road_start(&w, policy, 0);
	road_sends(&w, 0, "*1\r\n$4\r\n");
	run_ms(&w.r, 10);
	CU_ASSERT_EQUAL(client_heard(&w), UINT32_MAX); /* it may go on by itself */
	run_ms(&w.r, 110);
	CU_ASSERT_EQUAL(client_heard(&w), 8);
	CU_ASSERT_EQUAL(w.r.wire[RIG_OUTSIDE].n_out, 1);
	CU_ASSERT_EQUAL(w.r.wire[RIG_INSIDE].n_out, 0);
	CU_ASSERT_EQUAL(w.r.c.held, 1);
	road_sends(&w, 8, "PING\r\n");
	CU_ASSERT_EQUAL(road_arrived(&w), 2);
	road_has(&w, 14);
	CU_ASSERT_EQUAL(w.r.c.held, 0);
	run_ms(&w.r, 1000);
	CU_ASSERT_EQUAL(road_arrived(&w), 0); /* nothing is owed */
	rig_stop(&w.r);
}

static void
what_was_vouched_for_is_sent_until_the_receiver_has_it(void)
{
	struct road w;

	half(&w, "*1\r\n$4\r\n");
	road_sends(&w, 8, "PING\r\n");
	CU_ASSERT_EQUAL(road_arrived(&w), 2); /* and both are lost */
	run_ms(&w.r, 200);
	CU_ASSERT_EQUAL(road_arrived(&w), 0);
	run_ms(&w.r, 250);
	CU_ASSERT_EQUAL(w.r.wire[RIG_INSIDE].n_out, 1);
	CU_ASSERT_EQUAL(bh_load_be32(w.r.wire[RIG_INSIDE].out[0].b +
				     rig_l4(&w.r.wire[RIG_INSIDE].out[0]) + 4),
			w.start);
	CU_ASSERT_EQUAL(road_arrived(&w), 1);
	run_ms(&w.r, 700);
	CU_ASSERT_EQUAL(road_arrived(&w), 1);
	road_has(&w, 8);
	run_ms(&w.r, 5000); /* the rest is the sender's own to repeat */
	CU_ASSERT_EQUAL(road_arrived(&w), 0);
	rig_stop(&w.r);
}

static void
a_sender_that_has_not_heard_it_hears_it_again(void)
{
	struct road w;

	half(&w, "*1\r\n$4\r\n");
	run_ms(&w.r, 1000);
	CU_ASSERT_EQUAL(client_heard(&w), UINT32_MAX);
	road_sends(&w, 0, "*1\r\n$4\r\n");
	run_ms(&w.r, 120);
	CU_ASSERT_EQUAL(client_heard(&w), 8);
	CU_ASSERT_EQUAL(road_arrived(&w), 0);
	rig_stop(&w.r);
}

/* Windows' keep-alive brings a byte of garbage. */
static void
a_garbage_byte_of_a_keep_alive_goes_nowhere(void)
{
	struct road w;

	half(&w, "*1\r\n$4\r\n");
	road_sends(&w, 7, "X");
	CU_ASSERT_EQUAL(w.r.c.exceptions[BH_EXCEPTION_TCP_CONFLICT], 0);
	run_ms(&w.r, 120);
	CU_ASSERT_EQUAL(client_heard(&w), 8);
	road_sends(&w, 8, "PING\r\n");
	CU_ASSERT_EQUAL(road_arrived(&w), 2);
	rig_stop(&w.r);
}

static void
what_is_denied_does_not_arrive_for_it(void)
{
	struct road w;

	half(&w, "*1\r\n$8\r\n");
	road_sends(&w, 8, "FLUSHALL\r\n");
	run_ms(&w.r, 3000);
	CU_ASSERT_EQUAL(w.r.c.dropped[BH_REASON_OPERATION_DENY] + w.r.c.dropped[BH_REASON_APP_DENY],
			2);
	for (unsigned i = 0; i < w.r.wire[RIG_INSIDE].n_out; i++) {
		const struct rig_frame *f = &w.r.wire[RIG_INSIDE].out[i];

		CU_ASSERT_TRUE((f->b[rig_l4(f) + 13] & BH_TCP_RST) != 0);
	}
	rig_stop(&w.r);
}

/* The head of a request in pieces, each sent when the one before is acknowledged. */
static void
a_request_in_small_writes_gets_through(void)
{
	static const char *const piece[] = {"GET", " /a HT", "TP/1.1\r\n", "Host: d", "b\r\n\r\n"};
	struct road w;
	uint32_t at = 0;
	unsigned i;

	road_start(&w, policy, 0);
	for (i = 0; i < BH_ARRAY_SIZE(piece); i++) {
		road_sends(&w, at, piece[i]);
		at += (uint32_t)strlen(piece[i]);
		if (i + 1 == BH_ARRAY_SIZE(piece))
			break;
		run_ms(&w.r, 120);
		CU_ASSERT_EQUAL(client_heard(&w), at);
		CU_ASSERT_EQUAL(road_arrived(&w), 0);
	}
	CU_ASSERT_EQUAL(road_arrived(&w), BH_ARRAY_SIZE(piece));
	rig_stop(&w.r);
}

const struct bh_unit_test bh_suite_gateway_vouch[] = {
	BH_TEST(a_sender_that_waits_is_heard),
	BH_TEST(what_was_vouched_for_is_sent_until_the_receiver_has_it),
	BH_TEST(a_sender_that_has_not_heard_it_hears_it_again),
	BH_TEST(a_garbage_byte_of_a_keep_alive_goes_nowhere),
	BH_TEST(what_is_denied_does_not_arrive_for_it),
	BH_TEST(a_request_in_small_writes_gets_through),
	BH_TEST_END,
};
