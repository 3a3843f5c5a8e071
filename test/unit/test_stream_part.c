/* What may go of a packet that waits: a sender that may have one packet on its way only comes on. */
#include "test_stream_rig.h"
#include "unit.h"

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

static void
read_and_release(uint64_t to)
{
	static char text[65536];
	struct bh_stream_tag tag;
	bool ended;

	rig_read(&rig, 0, text, &ended);
	bh_stream_release(rig.s, 0, to);
	while (bh_stream_pop(rig.st, rig.s, 0, &tag) != NULL)
		;
}

/* How many bytes of the first packet that waits may go; says that they have. */
static uint32_t
part(void)
{
	uint32_t n = 0;

	if (bh_stream_part(rig.s, 0, &n) == NULL)
		return 0;
	bh_stream_part_gone(rig.s, 0);
	return n;
}

static void
first_bytes_go_once(void)
{
	start();
	CU_ASSERT_EQUAL(DATA(0, "judged, not yet"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(part(), 0);
	read_and_release(7);
	CU_ASSERT_EQUAL(part(), 7);
	CU_ASSERT_EQUAL(part(), 0);
	CU_ASSERT_EQUAL(ACK(7), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(part(), 0);
	rig_destroy(&rig);
}

static void
a_part_that_was_lost_goes_again_when_it_is_sent_again(void)
{
	unsigned i;

	start();
	DATA(0, "judged, not yet");
	read_and_release(7);
	CU_ASSERT_EQUAL(part(), 7);
	for (i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(DATA(0, "judged, not yet"), BH_STREAM_KEPT);
		CU_ASSERT_EQUAL(part(), 7);
		CU_ASSERT_EQUAL(part(), 0);
	}
	CU_ASSERT_EQUAL(ACK(7), BH_STREAM_PASS);
	/* Overtaken by its own acknowledgement: nobody needs it. */
	CU_ASSERT_EQUAL(DATA(0, "judged, not yet"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(part(), 0);
	rig_destroy(&rig);
}

static void
packets_that_were_joined_go_as_far_as_they_may(void)
{
	start();
	DATA(0, "judged,");
	read_and_release(7); /* gone, lost behind us */
	CU_ASSERT_EQUAL(DATA(7, " not yet"), BH_STREAM_KEPT);
	read_and_release(7);
	CU_ASSERT_EQUAL(part(), 0);
	CU_ASSERT_EQUAL(DATA(0, "judged, not yet"), BH_STREAM_KEPT);
	CU_ASSERT_EQUAL(part(), 7);
	CU_ASSERT_EQUAL(part(), 0);
	rig_destroy(&rig);
}

static void
an_acknowledgement_answers_what_was_asked_again(void)
{
	start();
	DATA(0, "judged, not yet");
	read_and_release(7);
	CU_ASSERT_EQUAL(part(), 7);
	DATA(0, "judged, not yet");
	CU_ASSERT_EQUAL(ACK(3), BH_STREAM_PASS);
	CU_ASSERT_EQUAL(part(), 0); /* the sender goes on by itself */
	rig_destroy(&rig);
}

/* ---- a sender after time-outs ------------------------------------------------------------------ */

#define ALL 24000
#define MSS 300

/* A connection of messages whose heads are judged whole and whose bodies pass as they come, over a network that loses
 * packets before and behind the store. */
struct road {
	uint64_t seed;
	uint8_t bytes[ALL];
	int64_t needs[ALL + 1]; /* a prefix that ends here may go when so much is known */
	int64_t sent, arrived;  /* by the sender; in order, at the receiver */
	int64_t in_flight[64][2];
	unsigned n_flight;
	char text[ALL + 1];
};

static unsigned
pick(struct road *w, unsigned n)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return (unsigned)((w->seed >> 20) % n);
}

static void
plan_messages(struct road *w)
{
	int64_t at = 0, head, body, i;

	while (at < ALL) {
		head = at + 2 + pick(w, MSS / 2);
		body = head + pick(w, 900);
		for (i = at + 1; i <= body && i <= ALL; i++) {
			w->bytes[i - 1] = (uint8_t)pick(w, 256);
			w->needs[i] = i < head && head < ALL ? head : i;
		}
		at = body;
	}
}

/* A packet gets through to the receiver, or not; it takes what is in order. */
static void
carry(struct road *w, int64_t from, int64_t to)
{
	if (pick(w, 3) == 0 || w->n_flight == 64)
		return;
	w->in_flight[w->n_flight][0] = from;
	w->in_flight[w->n_flight++][1] = to;
}

static void
arrive(struct road *w)
{
	unsigned i;

	for (i = 0; i < w->n_flight; i++) {
		if (w->in_flight[i][0] <= w->arrived && w->in_flight[i][1] > w->arrived)
			w->arrived = w->in_flight[i][1];
	}
	w->n_flight = 0;
}

static void
forward(struct road *w)
{
	struct bh_stream_tag tag;
	struct rig_packet *k;
	int64_t to;
	uint32_t n;
	bool ended;

	rig_read(&rig, 0, w->text, &ended);
	to = (int64_t)bh_stream_edge(rig.s, 0);
	while (to > 0 && w->needs[to] > (int64_t)bh_stream_edge(rig.s, 0))
		to--;
	bh_stream_release(rig.s, 0, (uint64_t)to);
	while ((k = bh_stream_pop(rig.st, rig.s, 0, &tag)) != NULL) {
		k->refs--;
		carry(w, k->from, k->from + k->len);
	}
	k = bh_stream_part(rig.s, 0, &n);
	if (k == NULL)
		return;
	CU_ASSERT_TRUE(k->from + n <= to);
	carry(w, k->from, k->from + n);
	bh_stream_part_gone(rig.s, 0);
}

static void
send_bytes(struct road *w, int64_t from, int64_t to)
{
	struct rig_segment m = {.flags = BH_TCP_ACK,
				.off = from,
				.data = w->bytes + from,
				.len = (uint32_t)(to - from)};

	if (to > w->sent)
		w->sent = to;
	if (pick(w, 3) == 0)
		return;
	rig_input(&rig, &m, false, false);
	CU_ASSERT_TRUE(rig.r.act == BH_STREAM_PASS || rig.r.act == BH_STREAM_KEPT);
	if (rig.r.act == BH_STREAM_PASS)
		carry(w, from, to);
	forward(w);
}

/* A flight, then time-outs, each with one packet (RFC 5681 3.1) in which small ones are joined, until all is acknowledged.
 * False: the sender gives up. */
static bool
one_flight(struct road *w, unsigned packets)
{
	int64_t una = w->arrived, to;
	unsigned tries = 0, cwnd;

	while (packets-- != 0 && w->sent < ALL) {
		to = w->sent + 1 + pick(w, MSS);
		send_bytes(w, w->sent, to < ALL ? to : ALL);
	}
	for (cwnd = 0; una < w->sent && tries < 60; tries++) {
		unsigned i;

		arrive(w);
		cwnd = w->arrived > una ? cwnd + 1 : 1;
		tries = w->arrived > una ? 0 : tries;
		una = w->arrived;
		ACK(una);
		forward(w);
		for (i = 0, to = una; i < cwnd && to < w->sent; i++) {
			int64_t from = to;

			to = from + MSS < w->sent ? from + MSS : w->sent;
			send_bytes(w, from, to);
		}
		/* The rest of a head that was not written yet. */
		if (w->sent < ALL && w->needs[w->sent] > w->sent)
			send_bytes(w, w->sent, w->needs[w->sent]);
	}
	return tries < 60;
}

static void
senders_with_one_packet_on_its_way_come_on(void)
{
	static struct road w;
	unsigned run;

	for (run = 0; run < 60; run++) {
		w = (struct road){.seed = (run + 1) * 0x9e3779b97f4a7c15u};
		plan_messages(&w);
		start();
		while (w.arrived < ALL && one_flight(&w, 1 + pick(&w, 12)))
			;
		CU_ASSERT_EQUAL_FATAL(w.arrived, ALL);
		CU_ASSERT_EQUAL(bh_stream_held(rig.s, NULL), 0);
		rig_destroy(&rig);
	}
}

const struct bh_unit_test bh_suite_stream_part[] = {
	BH_TEST(first_bytes_go_once),
	BH_TEST(a_part_that_was_lost_goes_again_when_it_is_sent_again),
	BH_TEST(packets_that_were_joined_go_as_far_as_they_may),
	BH_TEST(an_acknowledgement_answers_what_was_asked_again),
	BH_TEST(senders_with_one_packet_on_its_way_come_on),
	BH_TEST_END,
};
