/* gateway: DNS answers reach their clients when what they say is in force. The test is the control core, too: it learns from
 * the events whenever it likes. */
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/host.h"
#include "gateway_rig.h"

#define WEB "10.1.0.1"
#define RESOLVER "10.2.0.1"
#define S BH_NS_PER_SEC

static const char by_name[] = "version: 1\n"
			      "endpoints:\n  - {address: 10.1.0.1, labels: {app: web}}\n"
			      "  - {address: 10.2.0.1, labels: {app: dns}}\n"
			      "segments:\n  web: {selector: app=web}\n  dns: {selector: app=dns}\n"
			      "  bank: {names: ['*.bank.test']}\n"
			      "rules:\n  - {from: web, to: dns, ports: udp/53, action: allow}\n"
			      "  - {from: web, to: bank, ports: tcp/8080, action: allow}\n";
static const char nameless[] = "version: 1\n"
			       "endpoints:\n  - {address: 10.1.0.1, labels: {app: web}}\n"
			       "  - {address: 10.2.0.1, labels: {app: dns}}\n"
			       "segments:\n  web: {selector: app=web}\n  dns: {selector: app=dns}\n"
			       "rules:\n  - {from: web, to: dns, ports: udp/53, action: allow}\n";

#define ADDRESSES 2
struct ask {
	uint16_t sport, id;
	char name[32];
	unsigned n;
	uint8_t last[ADDRESSES]; /* of 203.0.113.x */
};

static void
message(struct rig_frame *f, const struct ask *a, bool answer)
{
	uint8_t m[256] = {(uint8_t)(a->id >> 8),
			  (uint8_t)a->id,
			  answer ? 0x81 : 0x01,
			  answer ? 0x80 : 0,
			  0,
			  1};
	const char *part = a->name, *dot;
	unsigned at = 12, i;

	for (; *part != '\0'; part = dot + (*dot == '.')) {
		dot = part + strcspn(part, ".");
		m[at++] = (uint8_t)(dot - part);
		memcpy(m + at, part, (size_t)(dot - part));
		at += (unsigned)(dot - part);
	}
	at++;
	m[at + 1] = m[at + 3] = 1; /* A, IN */
	at += 4;
	m[7] = answer ? (uint8_t)a->n : 0;
	for (i = 0; answer && i < a->n; i++) {
		const uint8_t record[] = {0xc0, 12, 0, 1, 0,   1, 0,   0,
					  0,    60, 0, 4, 203, 0, 113, a->last[i]};

		memcpy(m + at, record, sizeof(record));
		at += (unsigned)sizeof(record);
	}
	rig_build(f, &(struct rig_packet){.src = answer ? RESOLVER : WEB,
					  .dst = answer ? WEB : RESOLVER,
					  .proto = 17,
					  .sport = answer ? 53 : a->sport,
					  .dport = answer ? a->sport : 53,
					  .payload = (uint16_t)at,
					  .text = m});
}

static bool
answer_passes(struct rig *r, const struct ask *a)
{
	struct rig_frame f;

	message(&f, a, false);
	CU_ASSERT_TRUE(rig_passes(r, RIG_OUTSIDE, &f));
	message(&f, a, true);
	return rig_passes(r, RIG_INSIDE, &f);
}

static bool
connects(struct rig *r, unsigned last, uint16_t sport)
{
	struct rig_frame f;
	char to[32];

	snprintf(to, sizeof(to), "203.0.113.%u", last);
	rig_build(&f, &(struct rig_packet){.src = WEB,
					   .dst = to,
					   .proto = 6,
					   .sport = sport,
					   .dport = 8080,
					   .tcp_flags = BH_TCP_SYN});
	return rig_passes(r, RIG_OUTSIDE, &f);
}

static void
learn_event(struct rig *r, const struct bh_event *e, uint64_t mono)
{
	struct bh_name_answer a = {.ttl = 60, .family = BH_IP4};
	char name[BH_HOST_MAX] = "";
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;

	while (bh_event_text_next(e, &cursor, &field, &at, &len)) {
		if (field == BH_OP_DNS_NAME)
			memcpy(name, at, len);
		if (field != BH_EVENT_ADDRESS)
			continue;
		a.name = name;
		memcpy(a.addr, at + 5, 4);
		CU_ASSERT(bh_policy_names_learn(r->policy, &a, 1, mono, NULL) >= 0);
	}
}

/* What the control core has taken so far is in force. */
static void
learn_all(struct rig *r, uint64_t mono)
{
	unsigned i;

	for (i = 0; i < r->n_events; i += 1u + r->event[i].n_text) {
		if (r->event[i].type == BH_EVENT_NAMES)
			learn_event(r, &r->event[i], mono);
	}
	r->n_events = 0;
	bh_gateway_names_in_force(r->g);
}

static void
start(struct rig *r, const char *policy,
      void (*tune)(struct bh_config *, struct bh_gateway_params *))
{
	rig_start(r,
		  &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = policy, .tune = tune});
	rig_run(r); /* the view is a millisecond old */
}

static void
answer_waits_until_its_address_is_in_force(void)
{
	struct ask a = {40000, 7, "a.bank.test", 2, {1, 2}};
	struct rig_frame f;
	struct rig r;

	start(&r, by_name, NULL);
	CU_ASSERT_FALSE(answer_passes(&r, &a));
	CU_ASSERT_EQUAL(r.c.held, 1);
	CU_ASSERT_EQUAL(r.c.names_held, 1);
	CU_ASSERT_FALSE(connects(&r, 1, 50000));
	learn_all(&r, S);
	rig_clear(&r);
	rig_run(&r);
	message(&f, &a, true);
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 1);
	CU_ASSERT_TRUE(rig_same(&r.wire[RIG_OUTSIDE].out[0], &f));
	CU_ASSERT_TRUE(connects(&r, 1, 50001));
	CU_ASSERT_TRUE(connects(&r, 2, 50002));
	/* What is known already does not wait; one address more does. */
	a = (struct ask){40001, 8, "a.bank.test", 1, {2}};
	CU_ASSERT_TRUE(answer_passes(&r, &a));
	a = (struct ask){40002, 9, "b.bank.test", 1, {2}};
	CU_ASSERT_FALSE(answer_passes(&r, &a));
	CU_ASSERT_EQUAL(r.c.names_held, 2);
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_NAMES_LATE], 0);
	rig_stop(&r);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_SHUTDOWN], 1);
}

static void
what_no_segment_is_named_by_never_waits(void)
{
	struct ask a = {40000, 7, "a.other.test", 1, {1}}, none = {40001, 7, "a.bank.test", 0, {0}};
	struct rig r;

	start(&r, by_name, NULL);
	CU_ASSERT_TRUE(answer_passes(&r, &a));
	CU_ASSERT_TRUE(answer_passes(&r, &none));
	rig_stop(&r);
	start(&r, nameless, NULL);
	none.n = 1;
	CU_ASSERT_TRUE(answer_passes(&r, &none));
	CU_ASSERT_EQUAL(r.c.names_held, 0);
	rig_stop(&r);
}

static void
no_hold(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->names_hold_ms = 0;
	c->max_flows = 65536;
}

static void
long_hold(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->names_hold_ms = 5000;
}

static void
drop_late(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->exception[BH_EXCEPTION_NAMES_LATE] = BH_ACTION_DROP_PACKET;
}

static void
answers_wait_no_longer_than_names_hold(void)
{
	struct ask a = {40000, 7, "a.bank.test", 1, {1}};
	unsigned drop;
	struct rig r;

	for (drop = 0; drop < 2; drop++) {
		start(&r, by_name, drop != 0 ? drop_late : NULL);
		CU_ASSERT_FALSE(answer_passes(&r, &a));
		rig_wait(&r, r.config.names_hold_ms - 3);
		rig_run(&r);
		CU_ASSERT_EQUAL(r.c.held, 1);
		rig_clear(&r);
		rig_wait(&r, 3);
		rig_run(&r);
		CU_ASSERT_EQUAL(r.c.held, 0);
		CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_NAMES_LATE], 1);
		CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 1 - drop);
		CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_NAMES_LATE], drop);
		rig_stop(&r);
	}
	start(&r, by_name, no_hold);
	CU_ASSERT_TRUE(answer_passes(&r, &a));
	rig_stop(&r);
}

static void
no_more_answers_wait_than_there_is_room_for(void)
{
	struct ask a = {.n = 1};
	unsigned i, passed = 0;
	struct rig r;

	start(&r, by_name, long_hold);
	for (i = 0; i < 600; i++) {
		rig_clear(&r);
		a.sport = (uint16_t)(20000 + i);
		snprintf(a.name, sizeof(a.name), "n%u.bank.test", i);
		passed += answer_passes(&r, &a);
	}
	CU_ASSERT_EQUAL(r.c.names_held, 512);
	CU_ASSERT_EQUAL(passed, 600 - 512);
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_NAMES_LATE], 600 - 512);
	rig_stop(&r);
}

/* A client that is somebody else by then does not get what it asked for as who it was. */
static void
answer_that_waited_goes_only_to_whom_it_may_go_now(void)
{
	struct ask a = {40000, 7, "a.bank.test", 1, {1}};
	struct rig r;

	start(&r, by_name, NULL);
	CU_ASSERT_FALSE(answer_passes(&r, &a));
	rig_label(&r, WEB, "batch");
	learn_all(&r, S);
	rig_clear(&r);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.held, 0);
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 0);
	CU_ASSERT_EQUAL(bh_counters_dropped(&r.c), 1);
	rig_stop(&r);
}

/* ---- any order of what workers and control do --------------------------------------------------------- */

#define FLYING 64
struct world {
	struct rig r;
	struct ask flying[FLYING]; /* asked; the answer has not reached the client */
	unsigned n_flying;
	uint64_t mono;
	uint16_t port;
	unsigned answered, refused;
};

static void
ask_something(struct world *w)
{
	struct ask *a = &w->flying[w->n_flying];
	struct rig_frame f;
	unsigned i;

	if (w->n_flying == FLYING)
		return;
	*a = (struct ask){.sport = w->port++, .id = (uint16_t)rand(), .n = 1u + rand() % ADDRESSES};
	snprintf(a->name, sizeof(a->name), "n%d.bank.test", rand() % 12);
	for (i = 0; i < a->n; i++)
		a->last[i] = (uint8_t)(1 + rand() % 40);
	message(&f, a, false);
	rig_put(&w->r, RIG_OUTSIDE, &f);
	rig_run(&w->r);
	message(&f, a, true);
	rig_put(&w->r, RIG_INSIDE, &f);
	w->n_flying++;
}

/* Each client that has its answer connects at once; others hear theirs meanwhile. */
static void
clients_hear(struct world *w)
{
	const struct rig_wire *out = &w->r.wire[RIG_OUTSIDE], *in = &w->r.wire[RIG_INSIDE];
	unsigned i, k, at;

	for (i = 0; i < out->n_out; i++) {
		uint16_t port = (uint16_t)(out->out[i].b[36] << 8 | out->out[i].b[37]);
		struct ask heard;

		for (at = 0; at < w->n_flying && w->flying[at].sport != port;)
			at++;
		CU_ASSERT_FATAL(at < w->n_flying);
		heard = w->flying[at];
		w->flying[at] = w->flying[--w->n_flying];
		w->answered++;
		for (k = 0; k < heard.n; k++) {
			unsigned before = in->n_out;

			connects(&w->r, heard.last[k], w->port++);
			w->refused += in->n_out == before;
		}
	}
	w->r.wire[0].n_out = w->r.wire[1].n_out = 0;
}

static void
turn(struct world *w)
{
	rig_run(&w->r);
	clients_hear(w);
}

/* As the daemon's tick: what leaves first is not known any more, then it is gone; between them what was told before. */
static void
expire(struct world *w)
{
	CU_ASSERT(bh_policy_names_leave(w->r.policy, w->mono) >= 0);
	if (rand() % 2)
		turn(w);
	learn_all(&w->r, w->mono);
	if (rand() % 2)
		turn(w);
	CU_ASSERT(bh_policy_names_expire(w->r.policy, w->mono, NULL) >= 0);
}

static void
go_through(struct world *w, unsigned seed, unsigned steps,
	   void (*tune)(struct bh_config *, struct bh_gateway_params *))
{
	memset(w, 0, sizeof(*w));
	w->mono = S;
	w->port = 1025;
	srand(seed);
	rig_start(&w->r, &(struct rig_options){.mode = BH_MODE_PROTECT,
					       .policy = by_name,
					       .n_workers = 2,
					       .queues = 2,
					       .tune = tune});
	while (steps-- > 0) {
		if (w->port > 60000)
			w->port = 1025;
		switch (rand() % 6) {
		case 0:
		case 1:
			ask_something(w);
			clients_hear(w);
			break;
		case 2:
		case 3:
			turn(w);
			break;
		case 4:
			learn_all(&w->r, w->mono);
			break;
		default:
			w->mono += (uint64_t)(rand() % 30) * S;
			expire(w);
			break;
		}
	}
	/* What is still waiting hears it. */
	turn(w);
	learn_all(&w->r, w->mono);
	turn(w);
	CU_ASSERT_EQUAL(w->n_flying, 0);
}

static void
more_flows(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->max_flows = 65536;
}

/* 40 orders of 400 steps; and the same without holding shows that it is this that does it. */
static void
who_connects_the_moment_it_has_its_answer_is_never_refused(void)
{
	struct world *w = malloc(sizeof(*w));
	unsigned seed, answered = 0, refused = 0, waited = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	for (seed = 1; seed <= 40; seed++) {
		go_through(w, seed, 400, more_flows);
		answered += w->answered;
		refused += w->refused;
		waited += (unsigned)w->r.c.names_held;
		CU_ASSERT_EQUAL(w->r.c.exceptions[BH_EXCEPTION_NAMES_LATE], 0);
		rig_stop(&w->r);
	}
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT(answered > 4000);
	CU_ASSERT(waited > answered / 10 && waited < answered);
	go_through(w, 1, 400, no_hold);
	CU_ASSERT(w->refused > 10);
	rig_stop(&w->r);
	free(w);
}

const struct bh_unit_test bh_suite_gateway_answers[] = {
	BH_TEST(answer_waits_until_its_address_is_in_force),
	BH_TEST(what_no_segment_is_named_by_never_waits),
	BH_TEST(answers_wait_no_longer_than_names_hold),
	BH_TEST(no_more_answers_wait_than_there_is_room_for),
	BH_TEST(answer_that_waited_goes_only_to_whom_it_may_go_now),
	BH_TEST(who_connects_the_moment_it_has_its_answer_is_never_refused),
	BH_TEST_END,
};
