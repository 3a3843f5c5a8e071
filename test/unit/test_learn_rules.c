/* learn: the list that is made from conversations allows them, and nothing beside them; compared with a plain evaluator over
 * the conversations themselves. */
#include "../../lib/learn/draft.h"
#include "learn_rig.h"

static struct bh_learned *
make(struct rig *r, unsigned ports)
{
	const struct bh_learned_params p = {.ports = ports};
	struct bh_learned *o = NULL;

	CU_ASSERT_EQUAL_FATAL(bh_learn_rules(r->l, &p, &o, &r->err), 0);
	return o;
}

/* "s2>s3 [tcp/80] [http]; ..." */
static void
rules_text(const struct bh_learned *o, struct bh_buf *b)
{
	uint32_t i, k;

	for (i = 0; i < o->n_rules; i++) {
		const struct bh_learned_rule *r = &o->rule[i];

		bh_buf_str(b, i != 0 ? "; " : "");
		for (k = 0; k < r->n_from; k++)
			bh_buf_printf(b, "%s%s", k != 0 ? "," : "", r->from[k]);
		for (k = 0; k < r->n_to; k++)
			bh_buf_printf(b, "%s%s", k != 0 ? "," : ">", r->to[k]);
		bh_buf_printf(b, " %s%s%s", r->ports, r->applications[0] != '\0' ? " " : "",
			      r->applications);
	}
}

#define RULES_ARE(r, ports, text)                                                                  \
	do {                                                                                       \
		struct bh_learned *o_ = make(r, ports);                                            \
		struct bh_buf b_ = {0};                                                            \
		rules_text(o_, &b_);                                                               \
		CU_ASSERT_STRING_EQUAL(b_.data != NULL ? b_.data : "", text);                      \
		if (b_.data != NULL && strcmp(b_.data, text) != 0)                                 \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, b_.data);               \
		bh_buf_free(&b_);                                                                  \
		bh_learned_free(o_);                                                               \
	} while (0)

static void
proven_is_by_application_else_by_port(void)
{
	struct bh_event e;
	struct rig r;

	rig_enter(&r);
	rig_see(&r, 2, 3, 6379, BH_APP_REDIS);
	rig_see(&r, 2, 3, 9000, 0);
	rig_see(&r, 2, 3, 80, BH_APP_HTTP);
	rig_see(&r, 2, 3, 80, 0); /* one went by unproven */
	rig_see(&r, 2, 3, 22, BH_APP_SSH);
	e = rig_flow(&r, 2, 3, 22, 0); /* a probe that said nothing */
	e.app_done = 0;
	bh_learn_events(r.l, &e, 1);
	RULES_ARE(&r, 20,
		  "s2>s3 [tcp/80, tcp/9000]; s2>s3 [tcp/6379] [redis]; "
		  "s2>s3 [tcp/22] [ssh]");
	rig_leave(&r);
}

static void
what_is_alike_is_one_rule(void)
{
	struct rig r;

	rig_enter(&r);
	rig_see(&r, 2, 4, 80, BH_APP_HTTP);
	rig_see(&r, 3, 4, 80, BH_APP_HTTP);
	rig_see(&r, 3, 5, 80, BH_APP_HTTP);
	rig_see(&r, 2, 5, 80, BH_APP_HTTP);
	rig_see(&r, 2, 5, 443, BH_APP_TLS);
	rig_see(&r, 6, 5, 8000, BH_APP_HTTP);
	rig_see(&r, 6, 5, 8001, BH_APP_HTTP);
	rig_see(&r, 6, 5, 8002, BH_APP_HTTP);
	rig_see(&r, 6, 5, 8004, BH_APP_HTTP);
	RULES_ARE(&r, 20,
		  "s2,s3>s4,s5 [tcp/80] [http]; "
		  "s6>s5 [tcp/8000-8002, tcp/8004] [http]; s2>s5 [tcp/443] [tls]");
	RULES_ARE(&r, 1,
		  "s2,s3>s4,s5 [tcp/80] [http]; s6>s5 [tcp/8000-8004] [http]; "
		  "s2>s5 [tcp/443] [tls]");
	rig_leave(&r);
}

static void
who_meets_the_world_needs_no_names_of_it(void)
{
	struct bh_event e;
	struct rig r;
	unsigned i;

	rig_enter(&r);
	for (i = 1; i <= 6; i++) {
		e = rig_flow(&r, RIG_EXTERNAL, 3, 443, BH_APP_TLS);
		e.key.addr[0].b[0] = 192;
		e.key.addr[0].b[3] = (uint8_t)i;
		bh_learn_events(r.l, &e, 1);
	}
	RULES_ARE(&r, 20, "external>s3 [tcp/443] [tls]");
	/* One of them is also met by somebody who meets few: it keeps its name, and its rule. */
	e = rig_flow(&r, 4, RIG_EXTERNAL, 22, BH_APP_SSH);
	e.key.addr[1].b[0] = 192;
	e.key.addr[1].b[3] = 2;
	bh_learn_events(r.l, &e, 1);
	RULES_ARE(&r, 20,
		  "s4>host-192.0.0.2 [tcp/22] [ssh]; external,host-192.0.0.2>s3 [tcp/443] [tls]");
	rig_leave(&r);
}

static void
paths_and_tables_are_generalised(void)
{
	static const char *const paths[] = {"/cart/17", "/cart/18", "/health"};
	struct bh_event slots[1 + BH_EVENT_TEXT_SLOTS];
	struct bh_event_ring *ring;
	struct rig r;
	unsigned i;

	rig_enter(&r);
	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&ring, 64), 0);
	for (i = 0; i < 43; i++) {
		struct bh_event e = rig_flow(&r, 2, i < 3 ? 3 : 4, 80, BH_APP_HTTP);
		struct bh_event_text t = {.len = 0};
		char path[32];

		snprintf(path, sizeof(path), "/api/x%c%c", 'a' + i % 20, 'a' + i / 20);
		e.type = BH_EVENT_OPERATION;
		bh_event_text_add(&t, BH_OP_HTTP_METHOD, "GET", 3);
		bh_event_text_add(&t, BH_OP_HTTP_PATH, i < 3 ? paths[i] : path,
				  strlen(i < 3 ? paths[i] : path));
		if (i % 2 == 0) /* a request without a host: hosts can't be listed */
			bh_event_text_add(&t, BH_OP_HTTP_HOST, "shop", 4);
		CU_ASSERT_TRUE_FATAL(bh_event_push_text(ring, &e, &t));
		bh_learn_events(r.l, slots, bh_event_pop(ring, slots, BH_ARRAY_SIZE(slots)));
	}
	bh_event_ring_destroy(ring);
	RULES_ARE(&r, 20,
		  "s2>s3 [tcp/80] [{http: {methods: [\"GET\"], paths: [\"/cart/*\", "
		  "\"/health\"]}}]; s2>s4 [tcp/80] [{http: {methods: [\"GET\"], paths: "
		  "[\"/api/*\"]}}]");
	rig_leave(&r);
}

/* ---- the model -------------------------------------------------------------------------------------------- */

#define SEGMENTS 6 /* s2 .. s7 */
#define SEEN_MAX 40

struct said {
	unsigned from, to; /* 2 .. 7, or 100 + n: an external address */
	uint16_t port;
	unsigned app;
	bool undecided;
};

static const unsigned model_apps[] = {0,          BH_APP_REDIS, BH_APP_HTTP, BH_APP_MYSQL,
				      BH_APP_SSH, BH_APP_SMTP};

static unsigned
rnd(unsigned n)
{
	return (unsigned)random() % n;
}

static unsigned
random_party(void)
{
	return rnd(6) == 0 ? 100 + rnd(3) : 2 + rnd(SEGMENTS);
}

static struct said
random_said(void)
{
	struct said s = {.from = random_party(),
			 .to = random_party(),
			 .port = (uint16_t)(1000 + rnd(6)),
			 .app = model_apps[rnd(BH_ARRAY_SIZE(model_apps))]};

	s.undecided = s.app == 0 && rnd(2) == 0;
	return s;
}

static void
put_address(unsigned party, uint8_t out[16])
{
	memset(out, 0, 16);
	if (party >= 100) {
		out[0] = 203;
		out[2] = 113;
	} else {
		out[0] = 10;
	}
	out[3] = (uint8_t)party;
}

static void
see_said(struct rig *r, const struct said *s)
{
	struct bh_event e = rig_flow(r, s->from >= 100 ? RIG_EXTERNAL : s->from,
				     s->to >= 100 ? RIG_EXTERNAL : s->to, s->port, s->app);

	put_address(s->from, e.key.addr[0].b);
	put_address(s->to, e.key.addr[1].b);
	e.app_done = !s->undecided;
	bh_learn_events(r->l, &e, 1);
}

/* By the words of the promise alone. */
static bool
model_allows(const struct said *list, unsigned n, const struct said *q)
{
	bool known = false, named = false, unproven = false, same = false;
	unsigned i;

	for (i = 0; i < n; i++) {
		const struct said *s = &list[i];

		if (s->from != q->from || s->to != q->to || s->port != q->port)
			continue;
		known = true;
		named |= s->app != 0;
		unproven |= s->app == 0 && !s->undecided;
		same |= s->app != 0 && s->app == q->app;
	}
	return known && (unproven || !named || same);
}

static void
put_world(struct bh_buf *b, const struct bh_learned *o)
{
	unsigned i;

	bh_buf_str(b, "version: 1\nendpoints:\n");
	for (i = 2; i < 2 + SEGMENTS; i++)
		bh_buf_printf(b, "  - {address: 10.0.0.%u, labels: {app: s%u}}\n", i, i);
	bh_buf_str(b, "segments:\n");
	for (i = 2; i < 2 + SEGMENTS; i++)
		bh_buf_printf(b, "  s%u: {selector: app=s%u}\n", i, i);
	bh_learned_yaml(o, "", b);
}

static bool
draft_allows(struct bh_draft *d, const struct said *q)
{
	struct bh_conversation c = {
		.family = 4,
		.service = 6u << 16 | q->port,
		.app = q->app != 0 ? bh_app_name(q->app) : "",
		.undecided = q->undecided,
	};
	struct bh_draft_verdict v;

	put_address(q->from, c.address[0]);
	put_address(q->to, c.address[1]);
	bh_draft_judge(d, &c, &v);
	/* One that said too little to tell: it goes as far as it went. */
	return v.verdict == BH_VERDICT_ALLOW || (q->undecided && v.verdict == BH_VERDICT_PENDING);
}

static void
one_world(unsigned n)
{
	struct said list[SEEN_MAX], q;
	struct bh_draft_params p = {.name = "learned",
				    .max_endpoints = 64,
				    .mode = BH_MODE_PROTECT};
	struct bh_draft *d = NULL;
	struct bh_learned *o;
	struct bh_buf b = {0};
	unsigned i;
	struct rig r;

	rig_enter(&r);
	for (i = 0; i < n; i++) {
		list[i] = random_said();
		see_said(&r, &list[i]);
	}
	o = make(&r, 1000);
	put_world(&b, o);
	bh_learned_free(o);
	p.text = b.data;
	p.len = b.len;
	if (bh_draft_open(&d, &p, &r.err) != 0) {
		fprintf(stderr, "line %u: %s\n%s\n", r.err.line, r.err.what, b.data);
		CU_FAIL_FATAL("the list does not load");
	}
	for (i = 0; i < n; i++) {
		q = list[i];
		CU_ASSERT_TRUE(draft_allows(d, &q));
	}
	for (i = 0; i < 400; i++) {
		q = i % 2 == 0 || n == 0 ? random_said() : list[rnd(n)];
		q.port = (uint16_t)(q.port + (rnd(4) == 0));
		q.undecided = false;
		if (draft_allows(d, &q) != model_allows(list, n, &q)) {
			fprintf(stderr, "%u>%u %u %s: model %d\n%s\n", q.from, q.to, q.port,
				bh_app_name(q.app), model_allows(list, n, &q), b.data);
			CU_FAIL_FATAL("the list and the model differ");
		}
	}
	bh_draft_close(d);
	bh_buf_free(&b);
	rig_leave(&r);
}

static void
the_list_is_what_was_seen_and_nothing_else(void)
{
	unsigned i;

	srandom(11);
	for (i = 0; i < 60; i++)
		one_world(rnd(SEEN_MAX + 1));
}

static void
the_order_of_sightings_does_not_matter(void)
{
	struct said list[SEEN_MAX];
	struct bh_buf b[2] = {{0}, {0}};
	struct bh_learned *o;
	struct rig r;
	unsigned i, k;

	srandom(12);
	for (i = 0; i < SEEN_MAX; i++)
		list[i] = random_said();
	for (k = 0; k < 2; k++) {
		rig_enter(&r);
		for (i = 0; i < SEEN_MAX; i++)
			see_said(&r, &list[k == 0 ? i : SEEN_MAX - 1 - i]);
		o = make(&r, 20);
		bh_learned_yaml(o, "", &b[k]);
		bh_learned_free(o);
		rig_leave(&r);
	}
	CU_ASSERT_STRING_EQUAL(b[0].data, b[1].data);
	bh_buf_free(&b[0]);
	bh_buf_free(&b[1]);
}

const struct bh_unit_test bh_suite_learn_rules[] = {
	BH_TEST(proven_is_by_application_else_by_port),
	BH_TEST(what_is_alike_is_one_rule),
	BH_TEST(who_meets_the_world_needs_no_names_of_it),
	BH_TEST(paths_and_tables_are_generalised),
	BH_TEST(the_list_is_what_was_seen_and_nothing_else),
	BH_TEST(the_order_of_sightings_does_not_matter),
	BH_TEST_END,
};
