/* gateway: flows that go over from one gateway to another, and what becomes of them there. */
#include <errno.h>
#include <stdlib.h>

#include "gateway_talk.h"

static const char words[] =
	RIG_WEB_DB "rules:\n"
		   "  - {id: site, from: web, to: db, ports: [tcp/80],\n"
		   "     applications: [{http: {methods: [GET]}}], action: allow}\n"
		   "  - {id: cache, from: web, to: db, applications: [redis], action: allow}\n";

static const char nothing[] = "version: 1\n"
			      "endpoints:\n"
			      "  - {address: 10.1.0.1, labels: {app: web}}\n"
			      "  - {address: 10.2.0.1, labels: {app: redis}}\n"
			      "segments:\n"
			      "  web: {selector: app=web}\n"
			      "  redis: {selector: app=redis}\n"
			      "rules: []\n";

static const char *const pairs[] = {"pair"};
static const struct bh_handover_self self = {.pair = pairs, .n_pairs = 1};

/* Two gateways, and what one tells the other by blocks as they would be on a wire. */
struct pair {
	struct rig a, b;
	struct bh_handover_reader reader;
	uint64_t number;
};

static union {
	uint8_t byte[BH_HANDOVER_MAX];
	struct bh_handover_block head;
} block;

static void
pair_start(struct pair *p, const struct rig_options *a, const struct rig_options *b)
{
	struct bh_flow_record *f;
	struct bh_err err = {0};
	uint32_t n;
	size_t len;

	rig_start(&p->a, a);
	rig_start(&p->b, b);
	p->b.buffers = p->a.buffers;
	CU_ASSERT_EQUAL_FATAL(bh_gateway_carry_start(p->a.g, &(struct bh_carry_params){0}), 0);
	CU_ASSERT_EQUAL_FATAL(bh_gateway_adopt_start(p->b.g, &(struct bh_carry_params){0}), 0);
	bh_handover_reader_init(&p->reader, &self);
	len = bh_handover_put_head(&self, block.byte, sizeof(block));
	CU_ASSERT_EQUAL_FATAL(bh_handover_read(&p->reader, block.byte, len, &f, &n, &err),
			      BH_HANDOVER_HEAD);
	p->number = 1;
}

/* Each counts the buffers of both: those that wait go first. */
static void
pair_stop(struct pair *p)
{
	bh_gateway_carry_stop(p->a.g);
	bh_gateway_adopt_stop(p->b.g);
	while (bh_worker_drain(bh_gateway_worker(p->a.g, 0), 0, RIG_WALL0) != 0)
		;
	while (bh_worker_drain(bh_gateway_worker(p->b.g, 0), 0, RIG_WALL0) != 0)
		;
	rig_stop(&p->a);
	rig_stop(&p->b);
}

/* All that a has to say goes to b. Returns the records. */
static uint32_t
hand_over(struct pair *p)
{
	struct bh_flow_record *f = bh_handover_records(&block.head);
	struct bh_err err = {0};
	uint32_t n, got, total = 0, done;

	do {
		rig_run(&p->a);
		got = bh_gateway_carry_take(p->a.g, f, BH_HANDOVER_FLOWS_MAX);
		if (got == 0)
			continue;
		total += got;
		CU_ASSERT_EQUAL_FATAL(bh_handover_read(&p->reader, block.byte,
						       bh_handover_seal(&block.head,
									BH_HANDOVER_FLOWS, got,
									p->number++),
						       &f, &n, &err),
				      BH_HANDOVER_FLOWS);
		CU_ASSERT_EQUAL(n, got);
		for (done = 0; done < n; done += bh_gateway_adopt(p->b.g, f + done, n - done))
			rig_run(&p->b);
	} while (got != 0 || !bh_gateway_carry_walked(p->a.g));
	while (!bh_gateway_adopted(p->b.g))
		rig_run(&p->b);
	return total;
}

/* One connection on which the client says something, and goes over in the middle of it. Did that pass? */
static bool
taken_over(struct pair *p, struct talk *t, const struct rig_options *o, uint16_t port,
	   const char *said)
{
	bool passed;

	pair_start(p, o, o);
	CU_ASSERT_TRUE(opens(t, &p->a, 40000, port));
	passed = says(t, 0, said);
	hand_over(p);
	CU_ASSERT_EQUAL(p->b.c.flows, 1);
	t->r = &p->b;
	return passed;
}

static struct bh_carry_counts
counts(const struct rig *r)
{
	struct bh_carry_counts c;

	bh_gateway_carry_counts(r->g, &c);
	return c;
}

static void
an_allowed_connection_goes_on(void)
{
	struct pair p;
	struct talk t;
	uint64_t judged;

	pair_start(&p, NULL, NULL);
	CU_ASSERT_TRUE(opens(&t, &p.a, 40000, 6379));
	CU_ASSERT_TRUE(says(&t, 0, PING));
	CU_ASSERT_TRUE(says(&t, 1, "+PONG\r\n"));
	CU_ASSERT_NOT_EQUAL(hand_over(&p), 0);
	CU_ASSERT_EQUAL(p.b.c.flows, 1);
	t.r = &p.b;
	judged = p.b.c.judged;
	CU_ASSERT_TRUE(says(&t, 0, PING));
	CU_ASSERT_TRUE(says(&t, 1, "+PONG\r\n"));
	CU_ASSERT_EQUAL(p.b.c.judged, judged);
	CU_ASSERT_EQUAL(rig_count_events(&p.b, BH_EVENT_VIOLATION), 0);
	pair_stop(&p);
}

static void
what_changed_since_is_told_again(void)
{
	struct pair p;
	struct talk t, u;
	const struct bh_flow *f1;
	uint32_t cursor = 0;
	struct rig_frame f;

	pair_start(&p, NULL, NULL);
	CU_ASSERT_TRUE(opens(&t, &p.a, 40000, 6379));
	hand_over(&p);
	CU_ASSERT_EQUAL(hand_over(&p), 0);
	CU_ASSERT_TRUE(says(&t, 0, PING)); /* counters alone */
	frame(&t, 1, BH_TCP_FIN | BH_TCP_ACK, NULL, &f);
	CU_ASSERT_TRUE(rig_passes(&p.a, RIG_INSIDE, &f));
	CU_ASSERT_TRUE(opens(&u, &p.a, 40001, 6379));
	CU_ASSERT_NOT_EQUAL(hand_over(&p), 0);
	CU_ASSERT_EQUAL(p.b.c.flows, 2);
	CU_ASSERT_EQUAL(counts(&p.b).adopted, 2);
	f1 = bh_flow_next(bh_gateway_worker(p.b.g, 0)->flows, &cursor, UINT32_MAX);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f1);
	CU_ASSERT_EQUAL(f1->state, BH_STATE_FIN_WAIT);
	CU_ASSERT_EQUAL(f1->packets[0] + f1->packets[1], 5);
	pair_stop(&p);
}

static void
the_listeners_policy_decides(void)
{
	struct pair p;
	struct talk t;

	pair_start(&p, NULL, &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = nothing});
	CU_ASSERT_TRUE(opens(&t, &p.a, 40000, 6379));
	hand_over(&p);
	CU_ASSERT_EQUAL(p.b.c.flows, 1);
	t.r = &p.b;
	CU_ASSERT_FALSE(says(&t, 0, PING));
	CU_ASSERT_FALSE(says(&t, 1, "+PONG\r\n"));
	CU_ASSERT_EQUAL(p.b.wire[0].n_out + p.b.wire[1].n_out, 0);
	CU_ASSERT_EQUAL(p.b.c.dropped[BH_REASON_POLICY_CHANGED], 2);
	CU_ASSERT_EQUAL(rig_count_events(&p.b, BH_EVENT_VIOLATION), 1);
	pair_stop(&p);
}

static void
a_policy_that_changes_after_adoption_decides(void)
{
	struct pair p;
	struct talk t;

	pair_start(&p, NULL, NULL);
	CU_ASSERT_TRUE(opens(&t, &p.a, 40000, 6379));
	hand_over(&p);
	t.r = &p.b;
	CU_ASSERT_TRUE(says(&t, 0, PING));
	rig_load(&p.b, nothing);
	CU_ASSERT_FALSE(says(&t, 0, PING));
	rig_load(&p.b, rig_policy);
	CU_ASSERT_TRUE(says(&t, 1, "+PONG\r\n"));
	pair_stop(&p);
}

static void
what_bytes_have_proven_goes_on_and_another_word_of_it_too(void)
{
	const struct rig_options o = {.mode = BH_MODE_PROTECT, .policy = words};
	struct pair p;
	struct talk t;

	pair_start(&p, &o, &o);
	CU_ASSERT_TRUE(opens(&t, &p.a, 40000, 7777));
	CU_ASSERT_TRUE(says(&t, 0, PING));
	CU_ASSERT_TRUE(says(&t, 1, "+PONG\r\n"));
	CU_ASSERT_TRUE(acks(&t, 0));
	hand_over(&p);
	t.r = &p.b;
	CU_ASSERT_TRUE(says(&t, 0, PING));
	CU_ASSERT_TRUE(says(&t, 1, "+PONG\r\n"));
	pair_stop(&p);
}

/* Is what left last on this wire a RST? */
static bool
was_reset(const struct rig *r, unsigned wire)
{
	const struct rig_frame *f = &r->wire[wire].out[r->wire[wire].n_out - 1];

	return r->wire[wire].n_out != 0 && (f->b[rig_l4(f) + 13] & BH_TCP_RST) != 0;
}

static void
what_is_judged_by_its_operations_is_cut_in_the_middle(void)
{
	const struct rig_options o = {.mode = BH_MODE_PROTECT, .policy = words};
	struct pair p;
	struct talk t;

	CU_ASSERT_TRUE(taken_over(&p, &t, &o, 80, GET));
	CU_ASSERT_FALSE(says(&t, 0, DELETE_IT));
	CU_ASSERT_EQUAL(p.b.wire[RIG_INSIDE].n_out, 0);
	CU_ASSERT_TRUE(was_reset(&p.b, RIG_OUTSIDE));
	CU_ASSERT_FALSE(says(&t, 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
	CU_ASSERT_TRUE(was_reset(&p.b, RIG_INSIDE));
	CU_ASSERT_EQUAL(p.b.c.dropped[BH_REASON_HANDOVER], 2);
	CU_ASSERT_EQUAL(p.b.c.exceptions[BH_EXCEPTION_HANDOVER], 1);
	CU_ASSERT_EQUAL(rig_event(&p.b, BH_EVENT_VIOLATION)->reason, BH_REASON_HANDOVER);
	CU_ASSERT_EQUAL(counts(&p.b).cut, 1);
	/* Another policy, of the same meaning, does not take that back. */
	rig_load(&p.b, words);
	CU_ASSERT_FALSE(says(&t, 0, GET));
	pair_stop(&p);
}

static struct bh_inspect_engine *engine;

static void
sensors_block(struct bh_config *c, struct bh_gateway_params *p)
{
	p->inspect = engine;
	c->inspect = BH_INSPECT_DENY;
}

/* Its rule asks for no application, and says the same of it there as here. */
static void
what_blocking_sensors_look_for_is_cut_in_the_middle(void)
{
	const struct rig_options o = {.mode = BH_MODE_PROTECT, .tune = sensors_block};
	struct bh_err err = {0};
	struct pair p;
	struct talk t;

	CU_ASSERT_EQUAL_FATAL(bh_inspect_engine_create(&engine, &err), 0);
	CU_ASSERT_TRUE(taken_over(&p, &t, &o, 6379, GET));
	CU_ASSERT_FALSE(says(&t, 0, GET));
	CU_ASSERT_EQUAL(p.b.wire[RIG_INSIDE].n_out, 0);
	CU_ASSERT_EQUAL(p.b.c.dropped[BH_REASON_HANDOVER], 1);
	CU_ASSERT_EQUAL(counts(&p.b).cut, 1);
	pair_stop(&p);
	bh_inspect_engine_destroy(engine);
}

/* Its first bytes have gone, and may come again otherwise: it is no proof yet. */
static void
what_is_not_acknowledged_yet_is_no_proof(void)
{
	const struct rig_options o = {.mode = BH_MODE_PROTECT, .policy = words};
	struct pair p;
	struct talk t;

	CU_ASSERT_TRUE(taken_over(&p, &t, &o, 7777, PING));
	CU_ASSERT_FALSE(says(&t, 0, GET));
	CU_ASSERT_EQUAL(p.b.wire[RIG_INSIDE].n_out, 0);
	pair_stop(&p);
}

static void
what_was_refused_for_what_it_said_stays_refused(void)
{
	const struct rig_options o = {.mode = BH_MODE_PROTECT, .policy = words};
	struct pair p;
	struct talk t;

	CU_ASSERT_FALSE(taken_over(&p, &t, &o, 7777, GET));
	t.seq[0] -= (uint32_t)strlen(GET);
	CU_ASSERT_FALSE(says(&t, 0, PING));
	CU_ASSERT_EQUAL(p.b.wire[RIG_INSIDE].n_out, 0);
	CU_ASSERT_EQUAL(p.b.c.dropped[BH_REASON_APP_DENY], 1);
	pair_stop(&p);
}

static void
where_nothing_is_blocked_it_goes_on(void)
{
	const struct rig_options o = {.mode = BH_MODE_MONITOR, .policy = words};
	struct pair p;
	struct talk t;

	CU_ASSERT_TRUE(taken_over(&p, &t, &o, 80, GET));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	CU_ASSERT_TRUE(says(&t, 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
	pair_stop(&p);
}

static void
datagrams(struct rig *r, unsigned side, bool *passed)
{
	struct rig_frame f;

	rig_build(&f, &(struct rig_packet){.src = side == 0 ? WEB : DB,
					   .dst = side == 0 ? DB : WEB,
					   .proto = 17,
					   .sport = side == 0 ? 5000 : 6379,
					   .dport = side == 0 ? 6379 : 5000,
					   .payload = 20});
	*passed = rig_passes(r, side == 0 ? RIG_OUTSIDE : RIG_INSIDE, &f);
}

static void
answers_to_datagrams_pass_where_the_question_was_not_seen(void)
{
	struct pair p;
	bool passed;

	pair_start(&p, NULL, NULL);
	datagrams(&p.a, 0, &passed);
	CU_ASSERT_TRUE(passed);
	hand_over(&p);
	datagrams(&p.b, 1, &passed);
	CU_ASSERT_TRUE(passed);
	datagrams(&p.b, 0, &passed);
	CU_ASSERT_TRUE(passed);
	pair_stop(&p);
}

static void
what_ended_there_ends_here_without_a_record(void)
{
	struct pair p;
	struct talk t;
	struct rig_frame f;

	pair_start(&p, NULL, NULL);
	CU_ASSERT_TRUE(opens(&t, &p.a, 40000, 6379));
	hand_over(&p);
	frame(&t, 0, BH_TCP_RST | BH_TCP_ACK, NULL, &f);
	CU_ASSERT_TRUE(rig_passes(&p.a, RIG_OUTSIDE, &f));
	rig_wait(&p.a, 20000);
	rig_run(&p.a);
	rig_wait(&p.a, 20000);
	rig_run(&p.a);
	CU_ASSERT_EQUAL(p.a.c.flows, 0);
	hand_over(&p);
	rig_run(&p.b);
	CU_ASSERT_EQUAL(p.b.c.flows, 0);
	CU_ASSERT_EQUAL(counts(&p.b).ended, 1);
	CU_ASSERT_EQUAL(rig_count_events(&p.b, BH_EVENT_FLOW), 0);
	pair_stop(&p);
}

static void
small_table(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->max_flows = 64;
}

static unsigned
count_state(const struct rig *r, uint8_t state)
{
	struct bh_flow_table *t = bh_gateway_worker(r->g, 0)->flows;
	const struct bh_flow *f;
	uint32_t cursor = 0;
	unsigned n = 0;

	while ((f = bh_flow_next(t, &cursor, UINT32_MAX)) != NULL)
		n += f->state == state;
	return n;
}

/* As it does among flows that were opened here, however long others have been idle. */
static void
what_was_over_when_it_came_makes_room_first(void)
{
	enum { OVER = 8, FLOWS = 64 };
	struct pair p;
	struct talk t;
	struct rig_frame f;
	unsigned i;

	pair_start(&p, NULL, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = small_table});
	for (i = 0; i < OVER; i++) {
		CU_ASSERT_TRUE(opens(&t, &p.a, (uint16_t)(40000 + i), 6379));
		frame(&t, 0, BH_TCP_RST | BH_TCP_ACK, NULL, &f);
		CU_ASSERT_TRUE(rig_passes(&p.a, RIG_OUTSIDE, &f));
	}
	for (i = 0; i < FLOWS; i++) {
		if (i == FLOWS - OVER) {
			hand_over(&p);
			CU_ASSERT_EQUAL(count_state(&p.b, BH_STATE_CLOSED), OVER);
		}
		rig_build(&f, &(struct rig_packet){.src = WEB,
						   .dst = DB,
						   .proto = 17,
						   .sport = (uint16_t)(50000 + i),
						   .dport = 6379,
						   .payload = 20});
		CU_ASSERT_TRUE(rig_passes(&p.b, RIG_OUTSIDE, &f));
	}
	CU_ASSERT_EQUAL(count_state(&p.b, BH_STATE_NEW), FLOWS);
	CU_ASSERT_EQUAL(count_state(&p.b, BH_STATE_CLOSED), 0);
	pair_stop(&p);
}

static void
a_flow_that_was_opened_here_is_known_better_here(void)
{
	struct pair p;
	struct talk t, u;

	pair_start(&p, NULL, NULL);
	CU_ASSERT_TRUE(opens(&t, &p.a, 40000, 6379));
	CU_ASSERT_TRUE(opens(&u, &p.b, 40000, 6379));
	hand_over(&p);
	CU_ASSERT_EQUAL(p.b.c.flows, 1);
	CU_ASSERT_NOT_EQUAL(counts(&p.b).own, 0);
	CU_ASSERT_EQUAL(counts(&p.b).adopted, 0);
	CU_ASSERT_TRUE(says(&u, 0, PING));
	pair_stop(&p);
}

/* More changes than the list holds: the walk finds them all the same. */
static void
a_full_list_of_changes_is_made_up_for(void)
{
	enum { FLOWS = 700 };
	struct bh_flow_record got[64];
	struct rig r;
	struct talk t;
	uint8_t seen[FLOWS] = {0};
	uint32_t n, i, missing = FLOWS;

	rig_start(&r, NULL);
	CU_ASSERT_EQUAL_FATAL(bh_gateway_carry_start(r.g, &(struct bh_carry_params){.ring = 64}),
			      0);
	CU_ASSERT_EQUAL(bh_gateway_carry_start(r.g, &(struct bh_carry_params){0}), -EBUSY);
	for (i = 0; i < FLOWS; i++) {
		CU_ASSERT_TRUE_FATAL(opens(&t, &r, (uint16_t)(20000 + i), 6379));
		rig_clear(&r);
	}
	CU_ASSERT_FALSE(bh_gateway_carry_walked(r.g));
	while (!bh_gateway_carry_walked(r.g)) {
		n = bh_gateway_carry_take(r.g, got, BH_ARRAY_SIZE(got));
		for (i = 0; i < n; i++) {
			unsigned port = got[i].key.port[got[i].flags & BH_FLAG_INITIATOR];

			if (got[i].state != BH_STATE_ESTABLISHED)
				continue;
			missing -= seen[port - 20000] == 0;
			seen[port - 20000] = 1;
		}
		rig_run(&r);
		rig_clear(&r);
	}
	CU_ASSERT_EQUAL(missing, 0);
	CU_ASSERT_NOT_EQUAL(counts(&r).again, 0);
	bh_gateway_carry_stop(r.g);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_carry[] = {
	BH_TEST(an_allowed_connection_goes_on),
	BH_TEST(what_changed_since_is_told_again),
	BH_TEST(the_listeners_policy_decides),
	BH_TEST(a_policy_that_changes_after_adoption_decides),
	BH_TEST(what_bytes_have_proven_goes_on_and_another_word_of_it_too),
	BH_TEST(what_is_judged_by_its_operations_is_cut_in_the_middle),
	BH_TEST(what_blocking_sensors_look_for_is_cut_in_the_middle),
	BH_TEST(what_is_not_acknowledged_yet_is_no_proof),
	BH_TEST(what_was_refused_for_what_it_said_stays_refused),
	BH_TEST(where_nothing_is_blocked_it_goes_on),
	BH_TEST(answers_to_datagrams_pass_where_the_question_was_not_seen),
	BH_TEST(what_ended_there_ends_here_without_a_record),
	BH_TEST(what_was_over_when_it_came_makes_room_first),
	BH_TEST(a_flow_that_was_opened_here_is_known_better_here),
	BH_TEST(a_full_list_of_changes_is_made_up_for),
	BH_TEST_END,
};
