/* Judgements against an evaluator that loops over the policy as it is written (policy_world.h), over
 * random policies, packets and changes; and the promise of the stamp: while it is fresh, the answer is
 * the same. */
#include "policy_world.h"
#include "unit.h"

#define FLOWS 64

static const struct bh_view *current;

static void
publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	current = view;
}

/* ---- what should be ----------------------------------------------------------------------------------- */

struct packet {
	struct bh_flow_key key;
	unsigned initiator;
	uint16_t service;
};

struct answer {
	unsigned sets[2]; /* segments of each end, bits; 0 and 1 reserved */
	bool unknown[2];
	int rule;
	unsigned verdict, reason;
	const char *segment[2];
	char name[2][16];
};

static bool
labels_match(const struct w_segment *s, const struct w_endpoint *e)
{
	unsigned i;

	for (i = 0; i < s->n_requirements; i++) {
		const struct w_requirement *r = &s->requirement[i];
		int v = e->label[r->key];
		bool in = v >= 0 && (r->values & 1u << v) != 0;
		bool met[] = {in, !in, v >= 0, v < 0};

		if (!met[r->op])
			return false;
	}
	return s->n_requirements != 0;
}

static const struct w_endpoint *
owner_of(const struct world *w, const struct bh_prefix *host, bh_tenant tenant)
{
	bh_tenant ask[3] = {tenant, tenant & 0xffffff, 0};
	const struct w_endpoint *best = NULL;
	unsigned k, i;

	for (k = 0; k < 3 && best == NULL; k++) {
		for (i = 0; i < W_ENDPOINTS; i++) {
			const struct w_endpoint *e = &w->endpoint[i];

			if (e->used && e->tenant == ask[k] && bh_prefix_covers(&e->prefix, host) &&
			    (best == NULL || e->prefix.len > best->prefix.len))
				best = e;
		}
	}
	return best;
}

static bool
is_internal(const struct bh_prefix *host)
{
	/* Of the universe: 10/8 and fd00::/8 are, 192.0.0/24 and 2000::/8 are not. */
	return host->addr[0] == 10 || host->addr[0] == 0xfd;
}

static void
expect_end(const struct world *w, const struct packet *p, unsigned end, struct answer *a)
{
	struct bh_prefix host = {.family = p->key.family, .len = p->key.family == 4 ? 32 : 128};
	const struct w_endpoint *e;
	unsigned i, k;

	memcpy(host.addr, p->key.addr[end].b, 16);
	e = owner_of(w, &host, p->key.tenant);
	for (i = 0; i < w->n_segments; i++) {
		const struct w_segment *s = &w->segment[i];
		bool in = e != NULL && labels_match(s, e);

		for (k = 0; k < s->n_addresses; k++)
			in |= bh_prefix_covers(&s->address[k], &host);
		a->sets[end] |= in ? 4u << i : 0;
	}
	if (e == NULL && a->sets[end] == 0)
		a->sets[end] = is_internal(&host) ? 2 : 1;
	a->unknown[end] = a->sets[end] == 0 || a->sets[end] == 2;
}

/* The first segment, in document order, that the end is in and the rule names. */
static void
expect_segment(struct answer *a, unsigned end, unsigned named)
{
	unsigned in = a->sets[end] & (named != 0 ? named : ~0u);

	a->segment[end] =
		in != 0 ? w_segment_name((unsigned)__builtin_ctz(in), a->name[end]) : "unknown";
}

static void
expect(const struct world *w, const struct packet *p, struct answer *a)
{
	unsigned from = p->initiator, to = 1 - from,
		 svc = (unsigned)p->key.proto << 16 | p->service, i, k;

	*a = (struct answer){.rule = -1, .verdict = BH_VERDICT_DENY};
	expect_end(w, p, 0, a);
	expect_end(w, p, 1, a);
	for (i = 0; i < w->n_rules && a->rule < 0; i++) {
		const struct w_rule *r = &w->rule[i];
		bool port = r->n_services == 0;

		for (k = 0; k < r->n_services; k++)
			port |= svc >= w_services[r->service[k]].first &&
				svc <= w_services[r->service[k]].last;
		if (port && (r->from == 0 || (r->from & a->sets[from]) != 0) &&
		    (r->to == 0 || (r->to & a->sets[to]) != 0))
			a->rule = (int)i;
	}
	expect_segment(a, from, a->rule >= 0 ? w->rule[a->rule].from : 0);
	expect_segment(a, to, a->rule >= 0 ? w->rule[a->rule].to : 0);
	a->reason =
		a->unknown[0] || a->unknown[1] ? BH_REASON_UNKNOWN_SEGMENT : BH_REASON_DEFAULT_DENY;
	if (a->rule >= 0) {
		a->verdict = w->rule[a->rule].action;
		a->reason = a->verdict == BH_VERDICT_ALLOW  ? BH_REASON_RULE_ALLOW
			    : a->verdict == BH_VERDICT_DENY ? BH_REASON_RULE_DENY
							    : BH_REASON_RULE_REJECT;
	}
	if (a->verdict != BH_VERDICT_ALLOW && w->mode == BH_MODE_DISCOVER) {
		a->verdict = BH_VERDICT_ALLOW;
		a->reason = BH_REASON_DISCOVER;
	} else if (a->verdict != BH_VERDICT_ALLOW && w->mode == BH_MODE_MONITOR) {
		a->verdict = BH_VERDICT_VIOLATE;
	}
}

/* ---- what is --------------------------------------------------------------------------------------------- */

static void
random_packet(struct packet *p)
{
	static const uint8_t protos[] = {6, 6, 6, 17, 17, 1, 58, 132, 47, 0, 255};
	static const uint16_t services[] = {80,    85, 86,     74,         75,         53,
					    49,    60, 8 << 8, 3 << 8 | 4, 3 << 8 | 5, 128 << 8,
					    38412, 0,  1,      65535};
	struct bh_prefix a, b;

	*p = (struct packet){.initiator = w_rnd(2)};
	w_random_prefix(&a, true);
	do {
		w_random_prefix(&b, true);
	} while (b.family != a.family);
	memcpy(p->key.addr[0].b, a.addr, 16);
	memcpy(p->key.addr[1].b, b.addr, 16);
	p->key.family = a.family;
	p->key.proto = protos[w_rnd(sizeof(protos))];
	p->service = services[w_rnd(BH_ARRAY_SIZE(services))];
	p->key.tenant = w_random_tenant();
}

/* Sets of segments by name and the number that the policy gave them, over all policies of a model. */
static struct {
	unsigned n;
	struct {
		char text[128];
		uint32_t number;
	} seen[8192];
} numbers;

static bool
number_is_right(const struct world *w, unsigned set, uint32_t number)
{
	char text[128] = "", name[16];
	unsigned i;

	for (i = 0; i < w->n_segments + 2; i++) {
		if ((set & 1u << i) != 0)
			sprintf(text + strlen(text), "%s ", w_segment_name(i, name));
	}
	for (i = 0; i < numbers.n; i++) {
		if ((strcmp(numbers.seen[i].text, text) == 0) != (numbers.seen[i].number == number))
			return false;
		if (numbers.seen[i].number == number)
			return true;
	}
	CU_ASSERT_TRUE_FATAL(numbers.n < BH_ARRAY_SIZE(numbers.seen));
	strcpy(numbers.seen[numbers.n].text, text);
	numbers.seen[numbers.n++].number = number;
	return true;
}

/* One judgement equals what should be. Returns false (and shows it) when not. */
static bool
check(struct bh_policy *p, const struct world *w, const struct packet *pkt,
      struct bh_judgement *out)
{
	struct answer a;
	char id[16] = "";
	bool good;
	unsigned i;

	expect(w, pkt, &a);
	bh_policy_judge(current, &pkt->key, pkt->initiator, pkt->service, NULL, out);
	if (a.rule >= 0)
		sprintf(id, "rule-%d", a.rule + 1);
	good = out->verdict == a.verdict && out->reason == a.reason &&
	       (a.rule >= 0) == (out->rule != BH_NO_RULE) &&
	       strcmp(bh_policy_rule_name(p, out->rule), id) == 0;
	for (i = 0; i < 2; i++) {
		good &= strcmp(bh_policy_segment_name(p, out->segment[i]), a.segment[i]) == 0;
		good &= number_is_right(w, a.sets[i], out->class_[i]);
	}
	good &= out->stamp == bh_view_stamp(current, out->slot[0], out->slot[1]);
	if (!good)
		fprintf(stderr, "\nwant %s %s rule '%s' %s %s\ngot  %s %s rule '%s' %s %s\n",
			bh_verdict_name(a.verdict), bh_reason_name(a.reason), id, a.segment[0],
			a.segment[1], bh_verdict_name(out->verdict), bh_reason_name(out->reason),
			bh_policy_rule_name(p, out->rule),
			bh_policy_segment_name(p, out->segment[0]),
			bh_policy_segment_name(p, out->segment[1]));
	return good;
}

static struct bh_policy *
make_policy(unsigned mode, uint32_t max_endpoints)
{
	struct bh_policy_params params = {.max_endpoints = max_endpoints,
					  .mode = (enum bh_mode)mode,
					  .publish = publish};
	struct bh_policy *p = NULL;

	current = NULL;
	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&p, &params), 0);
	return p;
}

static void
load(struct bh_policy *p, const struct world *w)
{
	struct bh_err err = {0};
	struct bh_buf text = {0};
	char message[1024];

	w_put(&text, w);
	if (bh_policy_load_text(p, "w.yaml", text.data, text.len, false, NULL, &err) != 0) {
		bh_err_format(&err, message, sizeof(message));
		fprintf(stderr, "\n%s\n%s", message, text.data);
		CU_FAIL_FATAL("a good policy does not load");
	}
	bh_buf_free(&text);
}

static void
judgements_are_those_of_the_written_policy(void)
{
	struct bh_judgement j;
	struct packet pkt;
	struct bh_policy *p;
	struct world w;
	unsigned round, i, wrong = 0;

	srand(21);
	for (round = 0; round < 1500 && wrong == 0; round++) {
		w = (struct world){.mode = round % 8 == 0   ? BH_MODE_DISCOVER
					   : round % 8 == 1 ? BH_MODE_MONITOR
							    : BH_MODE_PROTECT};
		numbers.n = 0;
		w_random_policy(&w);
		w_random_endpoints(&w, w_rnd(W_ENDPOINTS + 1));
		p = make_policy(w.mode, W_ENDPOINTS);
		load(p, &w);
		for (i = 0; i < 200; i++) {
			random_packet(&pkt);
			wrong += !check(p, &w, &pkt, &j);
		}
		bh_policy_destroy(p);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- changes ------------------------------------------------------------------------------------------------ */

#define BATCH_MAX 6

struct batch {
	struct bh_endpoint_change change[BATCH_MAX];
	struct bh_label label[BATCH_MAX][W_KEYS];
	size_t n;
};

static const char *const key_names[W_KEYS] = {"k0", "k1", "k2", "k3"};
static const char *const value_names[W_VALUES] = {"v0", "v1", "v2"};

/* One random change, added to the batch and done to the world. */
static void
add_change(struct batch *b, struct world *w)
{
	struct bh_endpoint_change *c = &b->change[b->n];
	struct bh_label *labels = b->label[b->n];
	struct w_endpoint fresh = {.used = true, .rest = true}, *e;
	unsigned k, n = 0;
	int at;

	w_random_labels(&fresh);
	w_random_prefix(&fresh.prefix, false);
	fresh.tenant = w_random_tenant();
	if (w_rnd(3) != 0) { /* one that may exist */
		e = &w->endpoint[w_rnd(W_ENDPOINTS)];
		if (e->used) {
			fresh.prefix = e->prefix;
			fresh.tenant = e->tenant;
		}
	}
	at = w_find(w, &fresh.prefix, fresh.tenant);
	*c = (struct bh_endpoint_change){
		.op = at < 0 ? BH_ENDPOINT_PUT : (enum bh_endpoint_op)w_rnd(3),
		.endpoint = {.prefix = fresh.prefix, .tenant = fresh.tenant, .labels = labels}};
	for (k = 0; k < W_KEYS; k++) {
		if (c->op == BH_ENDPOINT_PATCH && w_rnd(2) == 0) {
			fresh.label[k] = w->endpoint[at].label[k];
			continue;
		}
		if (fresh.label[k] >= 0)
			labels[n++] = (struct bh_label){key_names[k], value_names[fresh.label[k]]};
		else if (c->op == BH_ENDPOINT_PATCH)
			labels[n++] = (struct bh_label){key_names[k], NULL};
	}
	c->endpoint.n_labels = n;
	for (k = 0; at < 0 && k < W_ENDPOINTS; k++) {
		if (!w->endpoint[k].used)
			at = (int)k;
	}
	if (at < 0)
		return; /* the world is full */
	b->n++;
	w->endpoint[at] = fresh;
	w->endpoint[at].used = c->op != BH_ENDPOINT_DELETE;
}

struct flow {
	struct packet pkt;
	struct bh_judgement j;
};

/* After a change: flows with a fresh stamp have an unchanged answer; stale ones are judged anew. */
static unsigned
check_flows(struct bh_policy *p, const struct world *w, struct flow *flow, unsigned *stale)
{
	struct bh_judgement before;
	unsigned i, wrong = 0;
	bool fresh;

	for (i = 0; i < FLOWS; i++) {
		before = flow[i].j;
		fresh = before.stamp == bh_view_stamp(current, before.slot[0], before.slot[1]);
		wrong += !check(p, w, &flow[i].pkt, &flow[i].j);
		if (fresh)
			wrong += !w_same_judgement(&before, &flow[i].j);
		*stale += !fresh;
	}
	return wrong;
}

static void
fresh_stamp_means_the_same_answer_under_any_change(void)
{
	static struct flow flow[FLOWS];
	struct bh_policy *p;
	struct world w;
	struct batch b;
	unsigned round, step, i, wrong = 0, stale = 0, reloads = 0;

	srand(22);
	for (round = 0; round < 60 && wrong == 0; round++) {
		w = (struct world){.mode = BH_MODE_PROTECT};
		numbers.n = 0;
		w_random_policy(&w);
		p = make_policy(w.mode, W_ENDPOINTS);
		load(p, &w);
		memset(flow, 0, sizeof(flow));
		for (i = 0; i < FLOWS; i++) {
			random_packet(&flow[i].pkt);
			wrong += !check(p, &w, &flow[i].pkt, &flow[i].j);
		}
		for (step = 0; step < 200 && wrong == 0; step++) {
			b.n = 0;
			for (i = 1 + w_rnd(BATCH_MAX); i > 0; i--)
				add_change(&b, &w);
			CU_ASSERT_EQUAL_FATAL(bh_policy_endpoints_apply(p, b.change, b.n, NULL,
									NULL),
					      0);
			wrong += check_flows(p, &w, flow, &stale);
			if (w_rnd(16) != 0)
				continue;
			/* Another document: REST's endpoints stay, the file's are new. */
			for (i = 0; i < W_ENDPOINTS; i++)
				w.endpoint[i].used &= w.endpoint[i].rest;
			w_random_policy(&w);
			w_random_endpoints(&w, w_rnd(W_ENDPOINTS / 2));
			load(p, &w);
			wrong += check_flows(p, &w, flow, &stale);
			reloads++;
		}
		bh_policy_destroy(p);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(reloads > 100);
	/* Stamps must not be stale all the time, or the test above sees nothing. */
	CU_ASSERT_TRUE(stale < 60 * 200 * FLOWS / 2);
}

const struct bh_unit_test bh_suite_policy_judge[] = {
	BH_TEST(judgements_are_those_of_the_written_policy),
	BH_TEST(fresh_stamp_means_the_same_answer_under_any_change), BH_TEST_END};
