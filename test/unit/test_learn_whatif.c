/* learn: what a draft would do to a recorded day is what it does to the same day, pair by pair, verdict by verdict.
 * A day of random connections is judged under a random policy as the gateway judges (first what opens it, then with the
 * application that it speaks) and recorded; what-if is asked about a random draft with other segments; then the same
 * connections are judged under the draft. */
#include "../../lib/learn/draft.h"
#include "learn_rig.h"

#define CLIENTS 24
#define SERVERS 15
#define DAY 600
#define ROUNDS 40

static const char *const teams[] = {"web", "api", "batch", "ops"};
static const char *const servers[] = {"redis", "http", "postgresql", "dns", "smtp"};
static const uint16_t ports[] = {6379, 80, 5432, 53, 25};

struct connection {
	uint8_t client, server, proto;
	uint16_t port;
	uint8_t app; /* that it speaks */
	uint8_t before, after;
	bool heard; /* its application was seen, when the day was recorded */
};

struct world {
	struct rig r;
	struct bh_policy *p; /* in force */
	const struct bh_view *view;
	struct bh_policy_scratch *scratch;
	struct connection day[DAY];
	uint8_t client_env[CLIENTS], server_env[SERVERS];
	/* What what-if says of a pair, by connection. */
	uint8_t told_before[DAY], told_after[DAY];
	unsigned told;
};

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

static void
publish(void *arg, const struct bh_view *view)
{
	((struct world *)arg)->view = view;
}

static void
endpoints(const struct world *w, struct bh_buf *b)
{
	unsigned i;

	bh_buf_str(b, "endpoints:\n");
	for (i = 0; i < CLIENTS; i++)
		bh_buf_printf(b, "  - {address: 10.1.0.%u, labels: {team: %s, env: e%u}}\n", i + 1,
			      teams[i % 4], w->client_env[i]);
	for (i = 0; i < SERVERS; i++)
		bh_buf_printf(b, "  - {address: 10.2.0.%u, labels: {app: %s, env: e%u}}\n", i + 1,
			      servers[i % 5], w->server_env[i]);
}

/* Segments of one value, or split by a second label: each document cuts otherwise. */
static unsigned
segments(struct bh_buf *b, char name[24][24])
{
	static const char *const modes[] = {"", ", mode: monitor", ", mode: discover"};
	unsigned i, e, n = 0;

	bh_buf_str(b, "segments:\n");
	for (i = 0; i < 9; i++) {
		const char *key = i < 4 ? "team" : "app",
			   *value = i < 4 ? teams[i] : servers[i - 4];
		bool split = rnd(2) == 0;

		for (e = 0; e < (split ? 2u : 1u); e++) {
			snprintf(name[n], sizeof(name[n]), split ? "%s-%u" : "%s", value, e);
			bh_buf_printf(b, "  %s: {selector: \"%s=%s", name[n], key, value);
			if (split)
				bh_buf_printf(b, ", env=e%u", e);
			bh_buf_printf(b, "\"%s}\n", modes[rnd(6) < 4 ? 0 : 1 + rnd(2)]);
			n++;
		}
	}
	return n;
}

static void
policy_text(const struct world *w, struct bh_buf *b)
{
	char name[24][24];
	unsigned i, n;

	bh_buf_printf(b,
		      "version: 1\nnetworks: {internal: [10.0.0.0/8]}\nmodes: {default: protect, "
		      "contention: %s}\n",
		      rnd(2) ? "basic" : "strict");
	endpoints(w, b);
	n = segments(b, name);
	bh_buf_str(b, "rules:\n");
	for (i = 0; i < 14; i++) {
		unsigned app = rnd(5);

		bh_buf_printf(b, "  - {id: r%u, from: %s, to: %s, action: %s, ", i,
			      rnd(4) ? name[rnd(n)] : "any", rnd(5) ? name[rnd(n)] : "any",
			      rnd(4) ? "allow" : "deny");
		if (rnd(3) == 0)
			bh_buf_printf(b, "ports: [tcp/%u, udp/%u]}\n", ports[app], ports[app]);
		else if (rnd(4) == 0)
			bh_buf_str(b, "ports: tcp/1-6000}\n");
		else
			bh_buf_printf(b, "applications: [%s]}\n", servers[app]);
	}
}

static void
load(struct world *w, struct bh_policy **p, const struct bh_buf *text)
{
	struct bh_policy_params params = {.max_endpoints = 256,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish,
					  .arg = w};
	struct bh_err err = {0};

	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(p, &params), 0);
	if (bh_policy_load_text(*p, "t", text->data, text->len, false, NULL, &err) != 0) {
		fprintf(stderr, "%u: %s\n%s\n", err.line, err.what, text->data);
		CU_FAIL_FATAL("a policy does not load");
	}
}

static unsigned
key_of(const struct connection *c, struct bh_flow_key *key)
{
	const uint8_t client[4] = {10, 1, 0, (uint8_t)(c->client + 1)},
		      server[4] = {10, 2, 0, (uint8_t)(c->server + 1)};

	*key = (struct bh_flow_key){.family = BH_IP4, .proto = c->proto};
	return bh_flow_key_set(key, client, server, 40000, c->port);
}

/* As a connection goes: what opens it is judged, and if that does not tell, what it says. */
static void
judge(struct world *w, const struct connection *c, struct bh_judgement *j, bool *heard)
{
	const struct bh_proto_state state = {.app = c->app, .decided = true};
	const struct bh_said said = {.app = &state, .scratch = w->scratch};
	struct bh_flow_key key;
	unsigned initiator = key_of(c, &key);

	bh_policy_judge(w->view, &key, initiator, c->port, NULL, j);
	*heard = j->verdict == BH_VERDICT_PENDING || j->mode != BH_MODE_PROTECT ||
		 j->verdict == BH_VERDICT_ALLOW;
	if (*heard)
		bh_policy_judge(w->view, &key, initiator, c->port, &said, j);
}

static void
record(struct world *w, const struct connection *c, const struct bh_judgement *j)
{
	const uint8_t both = BH_TCP_SYN | BH_TCP_ACK;
	struct bh_event e = {
		.type = BH_EVENT_FLOW,
		.time_ns = w->r.wall,
		.has_flow = 1,
		.segment = {j->segment[0], j->segment[1]},
		.verdict = j->verdict,
		.reason = j->reason,
		.rule = j->rule,
		.app = c->heard ? c->app : 0,
		.app_done = c->heard,
		.flow_state = BH_STATE_CLOSED,
		.tcp_seen = {both, both},
	};

	e.initiator = (uint8_t)key_of(c, &e.key);
	if (j->verdict != BH_VERDICT_ALLOW) {
		/* Told at once, before anything was heard. */
		struct bh_event alert = e;

		alert.type = BH_EVENT_VIOLATION;
		alert.app_done = 0;
		alert.app = j->verdict == BH_VERDICT_VIOLATE ? 0 : e.app;
		bh_learn_events(w->r.l, &alert, 1);
	}
	bh_learn_events(w->r.l, &e, 1);
}

static void
live(struct world *w)
{
	struct bh_judgement j;
	unsigned i;

	for (i = 0; i < DAY; i++) {
		struct connection *c = &w->day[i];
		unsigned speaks;

		*c = (struct connection){.client = (uint8_t)rnd(CLIENTS),
					 .server = (uint8_t)rnd(SERVERS)};
		speaks = rnd(8) ? c->server % 5 : rnd(5);
		c->proto = servers[speaks][0] == 'd' && rnd(2) ? 17 : 6;
		c->port = rnd(8) ? ports[c->server % 5] : 4000 + (uint16_t)rnd(3);
		c->app = (uint8_t)bh_app_find(servers[speaks]);
		w->r.wall += BH_NS_PER_SEC;
		judge(w, c, &j, &c->heard);
		c->before = j.verdict;
		record(w, c, &j);
	}
}

static bool
told(void *arg, const struct bh_conversation *c, const struct bh_draft_verdict *before,
     const struct bh_draft_verdict *after)
{
	struct world *w = arg;
	unsigned i;

	w->told++;
	for (i = 0; i < DAY; i++) {
		const struct connection *d = &w->day[i];
		unsigned app = c->app[0] != '\0' ? bh_app_find(c->app) : 0;

		if (c->address[0][3] != d->client + 1 || c->address[1][3] != d->server + 1 ||
		    c->service != ((uint32_t)d->proto << 16 | d->port) ||
		    app != (d->heard ? d->app : 0))
			continue;
		w->told_before[i] = before->verdict;
		w->told_after[i] = after->verdict;
	}
	return true;
}

struct score {
	unsigned changed, same, by_application, wrong;
};

static void
check(struct world *w, struct score *s)
{
	struct bh_judgement j;
	bool heard;
	unsigned i;

	for (i = 0; i < DAY; i++) {
		struct connection *c = &w->day[i];

		judge(w, c, &j, &heard);
		c->after = j.verdict;
		if (w->told_after[i] == BH_VERDICT_PENDING && !c->heard && heard) {
			/* It was refused before it said a word, and the draft would listen. */
			s->by_application++;
			s->wrong += w->told_before[i] != c->before;
		} else if (w->told_after[i] != BH_VERDICT_NONE) {
			s->changed++;
			s->wrong += w->told_before[i] != c->before || w->told_after[i] != c->after;
		} else {
			s->same++;
			s->wrong += c->before != c->after;
		}
	}
}

static void
one_round(struct score *s, bool restarted)
{
	struct world *w = calloc(1, sizeof(*w));
	struct bh_buf force = {0}, draft = {0};
	struct bh_whatif wanted = {.name = "draft", .max_endpoints = 256, .mode = BH_MODE_PROTECT};
	struct bh_whatif_counts n;
	struct bh_policy *second;
	struct bh_err err = {0};
	unsigned i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	rig_enter(&w->r);
	bh_learn_close(w->r.l);
	w->r.p.max = 4096;
	CU_ASSERT_EQUAL_FATAL(bh_policy_scratch_create(&w->scratch), 0);
	for (i = 0; i < CLIENTS; i++)
		w->client_env[i] = (uint8_t)rnd(2);
	for (i = 0; i < SERVERS; i++)
		w->server_env[i] = (uint8_t)rnd(2);
	policy_text(w, &force);
	policy_text(w, &draft);
	load(w, &w->p, &force);
	CU_ASSERT_EQUAL_FATAL(rig_open(&w->r), 0);
	live(w);
	if (restarted) {
		CU_ASSERT_EQUAL(bh_learn_save(w->r.l, &err), 0);
		rig_again(&w->r);
	}
	wanted.p = w->p;
	wanted.text = draft.data;
	wanted.len = draft.len;
	CU_ASSERT_EQUAL(bh_learn_whatif(w->r.l, &wanted, told, w, &n, &err), 0);
	CU_ASSERT_EQUAL(n.changed_pairs, w->told);
	CU_ASSERT_EQUAL(n.incomplete, 0);
	CU_ASSERT_EQUAL(n.unknown, 0);
	load(w, &second, &draft);
	check(w, s);
	bh_policy_destroy(second);
	bh_policy_destroy(w->p);
	bh_policy_scratch_destroy(w->scratch);
	rig_leave(&w->r);
	bh_buf_free(&force);
	bh_buf_free(&draft);
	free(w);
}

static void
a_recorded_day_is_judged_as_it_will_be(void)
{
	struct score s = {0};
	unsigned i;

	srand(2026);
	for (i = 0; i < ROUNDS; i++)
		one_round(&s, i % 2 != 0);
	fprintf(stderr, "what-if: %u changed, %u as they were, %u by application, %u wrong\n",
		s.changed, s.same, s.by_application, s.wrong);
	CU_ASSERT_EQUAL(s.wrong, 0);
	/* The random days are worth something. */
	CU_ASSERT(s.changed > ROUNDS * DAY / 20 && s.same > ROUNDS * DAY / 20);
	CU_ASSERT(s.by_application > ROUNDS);
}

static bool
count_members(void *arg, const struct bh_conversation *c)
{
	unsigned *n = arg;

	n[0] += c->n_members;
	n[1] += c->members_lost;
	return true;
}

static void
pairs_are_bounded_and_the_latest_stay(void)
{
	static const struct bh_learn_filter all = {.seen = -1};
	struct bh_event e;
	unsigned i, turn, n[2];
	struct rig r;

	rig_enter(&r);
	for (i = 0; i < 3 * BH_LEARN_MEMBERS; i++) {
		e = rig_flow(&r, 2, 3, 80, BH_APP_HTTP);
		e.time_ns += i;
		e.key.addr[0].b[2] = (uint8_t)(i >> 8);
		e.key.addr[0].b[3] = (uint8_t)i;
		bh_learn_events(r.l, &e, 1);
		if (i % 50 == 0)
			CU_ASSERT_EQUAL(bh_learn_save(r.l, &r.err), 0);
	}
	for (turn = 0; turn < 2; turn++) {
		n[0] = n[1] = 0;
		bh_learn_each(r.l, &all, count_members, n);
		CU_ASSERT_EQUAL(n[0], BH_LEARN_MEMBERS);
		CU_ASSERT_EQUAL(n[1], 1);
		CU_ASSERT_EQUAL(bh_learn_save(r.l, &r.err), 0);
		rig_again(&r);
	}
	rig_leave(&r);
}

const struct bh_unit_test bh_suite_learn_whatif[] = {
	BH_TEST(a_recorded_day_is_judged_as_it_will_be),
	BH_TEST(pairs_are_bounded_and_the_latest_stay),
	BH_TEST_END,
};
