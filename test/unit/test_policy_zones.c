/* Zones: membership, borders, cardholder data, expiry; and thousands of decisions with another evaluator's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/policy.h"
#include "../../lib/policy/policy_hot.h"
#include "unit.h"

#define YEAR_2100_NS (UINT64_C(4102444800) * 1000000000)

static const struct bh_view *current;

static void
publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	current = view;
}

static struct bh_policy *
make(unsigned mode)
{
	struct bh_policy_params params = {.max_endpoints = 64,
					  .mode = (enum bh_mode)mode,
					  .publish = publish};
	struct bh_policy *p = NULL;

	current = NULL;
	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&p, &params), 0);
	return p;
}

static void
load(struct bh_policy *p, const char *text)
{
	struct bh_err err = {0};
	char message[1024];

	if (bh_policy_load_text(p, "zones.yaml", text, strlen(text), false, NULL, &err) != 0) {
		bh_err_format(&err, message, sizeof(message));
		fprintf(stderr, "\n%s\n%s", message, text);
		CU_FAIL_FATAL("a good policy does not load");
	}
}

static struct bh_judgement
ask(const char *from, const char *to, unsigned port)
{
	struct bh_flow_key key = {.family = BH_IP4, .proto = 6};
	struct bh_judgement j;
	struct bh_prefix a, b;

	CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(from, &a, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(to, &b, NULL), 0);
	memcpy(key.addr[0].b, a.addr, 16);
	memcpy(key.addr[1].b, b.addr, 16);
	bh_policy_judge(current, &key, 0, (uint16_t)port, NULL, &j);
	return j;
}

#define WEB "10.0.0.1"
#define API "10.0.0.2"
#define CARDS "10.0.0.3"
#define MAINFRAME "192.0.2.7"
#define HOSTS                                                                                      \
	"version: 1\nendpoints:\n"                                                                 \
	"  - {address: 10.0.0.1, labels: {app: web, namespace: shop}}\n"                           \
	"  - {address: 10.0.0.2, labels: {app: api, namespace: shop}}\n"                           \
	"  - {address: 10.0.0.3, labels: {app: cards, namespace: pay}}\n"                          \
	"segments:\n  web: {selector: app=web}\n  api: {selector: app=api}\n"                      \
	"  cards: {selector: app=cards}\n"

static void
a_rule_between_zones_holds_for_whoever_is_in_them(void)
{
	const struct bh_label labels[] = {{"app", "web"}};
	struct bh_endpoint_change c = {.op = BH_ENDPOINT_PUT,
				       .endpoint = {.labels = labels, .n_labels = 1}};
	struct bh_policy *p = make(BH_MODE_PROTECT);
	struct bh_judgement j;

	load(p, HOSTS "zones:\n  front: {segments: [web, api]}\n"
		      "  back: {segments: [cards], addresses: [192.0.2.0/28]}\n"
		      "rules: [{from: zone:front, to: zone:back, ports: tcp/80, action: allow}]\n");
	CU_ASSERT_EQUAL(ask(WEB, CARDS, 80).verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(ask(API, MAINFRAME, 80).verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(ask(CARDS, WEB, 80).verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(ask(WEB, API, 80).verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(ask("10.0.0.9", CARDS, 80).verdict, BH_VERDICT_DENY);
	bh_prefix_parse("10.0.0.9", &c.endpoint.prefix, NULL);
	CU_ASSERT_EQUAL(bh_policy_endpoints_apply(p, &c, 1, NULL, NULL), 0);
	j = ask("10.0.0.9", CARDS, 80);
	CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_STRING_EQUAL(bh_policy_segment_name(p, j.segment[0]), "zone:front");
	bh_policy_destroy(p);
}

static void
only_a_rule_that_names_zones_leads_over_a_border(void)
{
	struct bh_policy *p = make(BH_MODE_PROTECT);
	struct bh_judgement j;

	load(p, HOSTS
	     "zones:\n  front: {segments: [web, api], intra: only}\n"
	     "rules:\n  - {id: z, from: zone:front, to: cards, ports: tcp/80, action: allow}\n"
	     "  - {id: s, from: any, to: any, ports: tcp/80-90, action: allow}\n");
	CU_ASSERT_EQUAL(ask(WEB, API, 85).verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(ask(WEB, CARDS, 80).verdict, BH_VERDICT_ALLOW);
	j = ask(WEB, CARDS, 85);
	CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(j.reason, BH_REASON_ZONE_BOUNDARY);
	CU_ASSERT_STRING_EQUAL(bh_policy_rule_name(p, j.rule), "s");
	CU_ASSERT_EQUAL(ask(CARDS, WEB, 80).reason, BH_REASON_ZONE_BOUNDARY);
	CU_ASSERT_EQUAL(ask("8.8.8.8", WEB, 80).reason, BH_REASON_ZONE_BOUNDARY);
	CU_ASSERT_EQUAL(ask(WEB, CARDS, 99).reason, BH_REASON_DEFAULT_DENY);
	CU_ASSERT_EQUAL(ask(CARDS, MAINFRAME, 80).verdict, BH_VERDICT_ALLOW);
	bh_policy_destroy(p);
}

/* A marked namespace has no exceptions; in monitor the border is told as protect tells it. */
static void
nothing_leads_over_the_border_of_a_marked_namespace(void)
{
	static const unsigned modes[] = {BH_MODE_PROTECT, BH_MODE_MONITOR, BH_MODE_DISCOVER};
	static const unsigned verdicts[] = {BH_VERDICT_DENY, BH_VERDICT_VIOLATE, BH_VERDICT_ALLOW};
	unsigned i;

	for (i = 0; i < 3; i++) {
		struct bh_policy *p = make(modes[i]);
		struct bh_judgement j;

		load(p,
		     HOSTS "namespaces: {boundary: [pay]}\n"
			   "zones:\n  front: {segments: [web, api]}\n  pay: {segments: [cards]}\n"
			   "rules:\n  - {from: zone:front, to: zone:pay, action: allow}\n"
			   "  - {from: any, to: any, action: allow}\n");
		j = ask(WEB, CARDS, 80);
		CU_ASSERT_EQUAL(j.verdict, verdicts[i]);
		CU_ASSERT_EQUAL(j.protect_verdict, BH_VERDICT_DENY);
		CU_ASSERT_EQUAL(j.protect_reason, BH_REASON_NAMESPACE_BOUNDARY);
		CU_ASSERT_EQUAL(ask(CARDS, WEB, 80).protect_reason, BH_REASON_NAMESPACE_BOUNDARY);
		CU_ASSERT_EQUAL(ask(WEB, API, 80).verdict, BH_VERDICT_ALLOW);
		CU_ASSERT_EQUAL(ask(CARDS, CARDS, 80).verdict, BH_VERDICT_ALLOW);
		bh_policy_destroy(p);
	}
}

#define CDE HOSTS "zones:\n  cde: {segments: [cards], cde: true}\nrules:\n"
#define KEYS "owner: team-pay, reason: PCI-7, expires: 2100-01-01, "

static void
rules_into_cardholder_data_say_why_and_until_when(void)
{
	static const struct {
		const char *rule, *what; /* NULL: it loads */
	} cases[] = {
		{"  - {from: web, to: cards, " KEYS "action: allow}\n", NULL},
		{"  - {from: web, to: zone:cde, action: allow}\n", "has no 'owner'"},
		{"  - {from: web, to: [api, cards], owner: a, action: allow}\n", "has no 'reason'"},
		{"  - {from: any, to: any, owner: a, reason: b, action: allow}\n",
		 "has no 'expires'"},
		{"  - {from: web, to: cards, action: deny}\n", NULL},
		{"  - {from: cards, to: zone:cde, action: allow}\n", NULL},
		{"  - {from: cards, to: web, action: allow}\n", NULL},
		{"  - {from: web, to: api, action: allow}\n", NULL},
		{"  - {from: web, to: api, expires: 2100-02-30, action: allow}\n",
		 "expected a day"},
		{"  - {from: web, to: api, expires: soon, action: allow}\n", "expected a day"},
	};
	struct bh_policy *p = make(BH_MODE_PROTECT);
	char text[2048];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct bh_err err = {0};
		int rc;

		snprintf(text, sizeof(text), "%s%s", CDE, cases[i].rule);
		rc = bh_policy_load_text(p, "c.yaml", text, strlen(text), false, NULL, &err);
		CU_ASSERT_EQUAL(rc, cases[i].what == NULL ? 0 : -EINVAL);
		if (cases[i].what != NULL && strstr(err.what, cases[i].what) == NULL)
			fprintf(stderr, "\n%s: %s", cases[i].rule, err.what);
		CU_ASSERT(cases[i].what == NULL || strstr(err.what, cases[i].what) != NULL);
		CU_ASSERT(cases[i].what == NULL || err.line == 13);
	}
	bh_policy_destroy(p);
}

static void
the_stricter_mode_counts_where_cardholder_data_is_touched(void)
{
	struct bh_policy *p = make(BH_MODE_DISCOVER);
	struct bh_mode_change c[] = {{"cards", BH_MODE_PROTECT, 0}, {"api", BH_MODE_PROTECT, 0}};

	load(p, CDE "  - {from: cards, to: web, ports: tcp/1, action: allow}\n");
	CU_ASSERT_EQUAL(bh_policy_modes_set(p, c, 2, true, false, NULL), 0);
	CU_ASSERT_EQUAL(ask(WEB, CARDS, 80).mode, BH_MODE_PROTECT);
	CU_ASSERT_EQUAL(ask(CARDS, WEB, 80).mode, BH_MODE_PROTECT);
	CU_ASSERT_EQUAL(ask(WEB, API, 80).mode, BH_MODE_DISCOVER);
	bh_policy_destroy(p);
}

static void
what_has_expired_allows_nothing(void)
{
	struct bh_question q = {.service = 6u << 16 | 80};
	struct bh_policy *p = make(BH_MODE_PROTECT);
	struct bh_explanation *e = NULL;
	struct bh_judgement j;
	struct bh_buf ids = {0};

	load(p, HOSTS
	     "rules:\n"
	     "  - {id: old, from: any, to: any, expires: 2020-01-01, action: allow}\n"
	     "  - {id: a, from: web, to: api, expires: '2100-01-01T00:00:00Z', action: allow}\n"
	     "  - {id: b, from: web, to: cards, expires: 2100-01-02, action: allow}\n");
	CU_ASSERT_EQUAL(ask(API, WEB, 80).verdict, BH_VERDICT_DENY);
	j = ask(WEB, API, 80);
	CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(bh_policy_expire(p, YEAR_2100_NS - 1, &ids), 0);
	CU_ASSERT_EQUAL(bh_view_stamp(current, j.slot[0], j.slot[1]), j.stamp);
	CU_ASSERT_EQUAL(bh_policy_expire(p, YEAR_2100_NS, &ids), 1);
	CU_ASSERT_STRING_EQUAL(ids.data, "a");
	CU_ASSERT_NOT_EQUAL(bh_view_stamp(current, j.slot[0], j.slot[1]), j.stamp);
	CU_ASSERT_EQUAL(ask(WEB, API, 80).verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(ask(WEB, CARDS, 80).verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(bh_policy_expire(p, YEAR_2100_NS, &ids), 0);
	bh_prefix_parse(WEB, &q.end[0].address, NULL);
	bh_prefix_parse(API, &q.end[1].address, NULL);
	CU_ASSERT_EQUAL_FATAL(bh_policy_explain(p, &q, &e, NULL), 0);
	CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(e->step[1].outcome, BH_EXPLAIN_EXPIRED);
	CU_ASSERT_EQUAL(e->unmet, 1u << BH_EXPLAIN_EXPIRED);
	bh_explanation_free(e);
	bh_buf_free(&ids);
	bh_policy_destroy(p);
}

/* The linter takes a zone for what holds its members, and claims nothing else. */
static void
lint_knows_who_is_in_a_zone(void)
{
	static const struct {
		const char *rules, *id; /* NULL: nothing is found */
	} cases[] = {
		{"[{id: a, from: zone:front, to: zone:back, ports: tcp/80, action: allow},"
		 " {id: b, from: web, to: cards, ports: tcp/80, action: deny}]\n",
		 "b"},
		{"[{id: a, from: web, to: cards, ports: tcp/80, action: deny},"
		 " {id: b, from: zone:front, to: zone:back, ports: tcp/80, action: allow}]\n",
		 NULL},
		{"[{id: a, from: zone:back, to: web, ports: tcp/80, action: allow},"
		 " {id: b, from: zone:front, to: web, ports: tcp/80, action: deny}]\n",
		 NULL},
		{"[{id: a, from: any, to: any, ports: tcp/80, expires: 2001-01-01, action: allow},"
		 " {id: b, from: web, to: cards, ports: tcp/80, action: deny}]\n",
		 NULL},
	};
	struct bh_policy *p = make(BH_MODE_PROTECT);
	struct bh_lint *l = NULL;
	char text[2048];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		uint32_t k, shadowed = 0;

		snprintf(text, sizeof(text),
			 "%szones: {front: {segments: [web, api]}, back: {segments: [cards]}}\n"
			 "rules: %s",
			 HOSTS, cases[i].rules);
		CU_ASSERT_EQUAL_FATAL(bh_policy_lint(p, "l", text, strlen(text), &l, NULL), 0);
		for (k = 0; k < l->n_findings; k++) {
			if (l->finding[k].kind != BH_LINT_SHADOWED)
				continue;
			shadowed++;
			CU_ASSERT_STRING_EQUAL(l->finding[k].id,
					       cases[i].id != NULL ? cases[i].id : "");
		}
		CU_ASSERT_EQUAL(shadowed, cases[i].id != NULL);
		bh_lint_free(l);
	}
	bh_policy_destroy(p);
}

/* ---- another evaluator -------------------------------------------------------------------------------- */

#define SEGMENTS 5
#define ZONES 3  /* sides number them behind the segments */
#define PLACES 9 /* 0-6 endpoints, 7 an address of zone 0, 8 external */
#define RULES 8

static struct {
	unsigned in[PLACES]; /* bits of segments */
	unsigned member[ZONES];
	bool cde[ZONES], only[ZONES];
	unsigned mode[SEGMENTS]; /* 3: none */
	unsigned n_rules;
	struct {
		int from, to; /* -1: any; from SEGMENTS on, zones */
		unsigned port, action;
		bool expired;
	} rule[RULES];
} w;

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

static void
random_world(void)
{
	unsigned i;

	memset(&w, 0, sizeof(w));
	for (i = 0; i < 7; i++)
		w.in[i] = rnd(5) == 0 ? 0 : rnd(1u << SEGMENTS) & rnd(1u << SEGMENTS);
	for (i = 0; i < ZONES; i++) {
		w.member[i] = 1 + rnd((1u << SEGMENTS) - 1);
		w.cde[i] = rnd(4) == 0;
		w.only[i] = rnd(2) == 0;
	}
	for (i = 0; i < SEGMENTS; i++)
		w.mode[i] = rnd(4);
	w.n_rules = rnd(RULES + 1);
	for (i = 0; i < w.n_rules; i++) {
		w.rule[i].from = (int)rnd(SEGMENTS + ZONES + 1) - 1;
		w.rule[i].to = (int)rnd(SEGMENTS + ZONES + 1) - 1;
		w.rule[i].port = 80 + rnd(2);
		w.rule[i].action = rnd(4) == 0 ? BH_VERDICT_REJECT : BH_VERDICT_ALLOW;
		w.rule[i].expired = rnd(6) == 0;
	}
}

static void
put_side(struct bh_buf *b, const char *key, int side)
{
	if (side < 0)
		bh_buf_printf(b, "%s: any, ", key);
	else if (side < SEGMENTS)
		bh_buf_printf(b, "%s: s%d, ", key, side);
	else
		bh_buf_printf(b, "%s: 'zone:z%d', ", key, side - SEGMENTS);
}

static void
put_world(struct bh_buf *b)
{
	static const char *const words[] = {"discover", "monitor", "protect"};
	unsigned i, k, n;

	bh_buf_str(b, "version: 1\nendpoints:\n");
	for (i = 0; i < 7; i++) {
		bh_buf_printf(b, "  - {address: 10.0.0.%u, labels: {x: y", i + 1);
		for (k = 0; k < SEGMENTS; k++) {
			if ((w.in[i] >> k & 1) != 0)
				bh_buf_printf(b, ", s%u: a", k);
		}
		bh_buf_str(b, "}}\n");
	}
	bh_buf_str(b, "segments:\n");
	for (k = 0; k < SEGMENTS; k++)
		bh_buf_printf(b, "  s%u: {selector: s%u%s%s}\n", k, k,
			      w.mode[k] != 3 ? ", mode: " : "",
			      w.mode[k] != 3 ? words[w.mode[k]] : "");
	bh_buf_str(b, "zones:\n");
	for (i = 0; i < ZONES; i++) {
		bh_buf_printf(b, "  z%u: {cde: %s, intra: %s, ", i, w.cde[i] ? "true" : "false",
			      w.only[i] ? "only" : "any");
		bh_buf_str(b, i == 0 ? "addresses: [192.0.2.1], segments: [" : "segments: [");
		for (k = n = 0; k < SEGMENTS; k++) {
			if ((w.member[i] >> k & 1) != 0)
				bh_buf_printf(b, "%ss%u", n++ == 0 ? "" : ", ", k);
		}
		bh_buf_str(b, "]}\n");
	}
	bh_buf_str(b, "rules:\n");
	for (i = 0; i < w.n_rules; i++) {
		bh_buf_str(b, "  - {");
		put_side(b, "from", w.rule[i].from);
		put_side(b, "to", w.rule[i].to);
		bh_buf_printf(b, "ports: tcp/%u, owner: o, reason: r, expires: %s, action: %s}\n",
			      w.rule[i].port, w.rule[i].expired ? "2001-09-09" : "2101-01-01",
			      w.rule[i].action == BH_VERDICT_ALLOW ? "allow" : "reject");
	}
}

static bool
in_zone(unsigned place, unsigned zone)
{
	return (w.in[place] & w.member[zone]) != 0 || (place == 7 && zone == 0);
}

static bool
side_fits(int side, unsigned place)
{
	return side < 0 || (side < SEGMENTS ? (w.in[place] >> side & 1) != 0
					    : in_zone(place, (unsigned)side - SEGMENTS));
}

/* Of an end: 3, it has none. */
static unsigned
end_mode(unsigned place)
{
	unsigned k, best = 3;

	for (k = 0; k < SEGMENTS; k++) {
		if ((w.in[place] >> k & 1) != 0 && w.mode[k] != 3 &&
		    (best == 3 || w.mode[k] > best))
			best = w.mode[k];
	}
	/* By default protect. */
	return best != 3 ? best : w.in[place] != 0 || place == 7 ? BH_MODE_PROTECT : 3;
}

static unsigned
pair_mode(unsigned from, unsigned to)
{
	unsigned a = end_mode(from), b = end_mode(to), z;
	bool strict = false;

	for (z = 0; z < ZONES; z++)
		strict |= w.cde[z] && (in_zone(from, z) || in_zone(to, z));
	if (a == 3 || b == 3)
		return a != 3 ? a : b != 3 ? b : BH_MODE_PROTECT;
	return strict == (a > b) ? a : b;
}

static void
expect(unsigned from, unsigned to, unsigned port, unsigned *verdict, unsigned *reason)
{
	unsigned i, z;

	*verdict = BH_VERDICT_DENY;
	*reason = (w.in[from] == 0 && from < 7) || (w.in[to] == 0 && to < 7)
			  ? BH_REASON_UNKNOWN_SEGMENT
			  : BH_REASON_DEFAULT_DENY;
	for (i = 0; i < w.n_rules; i++) {
		if (!w.rule[i].expired && w.rule[i].port == port &&
		    side_fits(w.rule[i].from, from) && side_fits(w.rule[i].to, to))
			break;
	}
	if (i == w.n_rules)
		return;
	*verdict = w.rule[i].action;
	*reason = *verdict == BH_VERDICT_ALLOW ? BH_REASON_RULE_ALLOW : BH_REASON_RULE_REJECT;
	for (z = 0; z < ZONES && *verdict == BH_VERDICT_ALLOW; z++) {
		if (w.only[z] &&
		    ((in_zone(from, z) && !in_zone(to, z) && w.rule[i].from < SEGMENTS) ||
		     (in_zone(to, z) && !in_zone(from, z) && w.rule[i].to < SEGMENTS))) {
			*verdict = BH_VERDICT_DENY;
			*reason = BH_REASON_ZONE_BOUNDARY;
		}
	}
}

static void
place_text(unsigned place, char out[16])
{
	snprintf(out, 16,
		 place == 7   ? "192.0.2.1"
		 : place == 8 ? "8.8.8.8"
			      : "10.0.0.%u",
		 place + 1);
}

static unsigned
wrong_decisions(unsigned *asked, unsigned *borders)
{
	unsigned from, to, port, verdict, reason, wrong = 0;

	for (from = 0; from < PLACES; from++) {
		for (to = 0; to < PLACES; to++) {
			for (port = 80; port < 82; port++, ++*asked) {
				struct bh_judgement j;
				char a[16], b[16];

				place_text(from, a);
				place_text(to, b);
				j = ask(a, b, port);
				expect(from, to, port, &verdict, &reason);
				*borders += reason == BH_REASON_ZONE_BOUNDARY;
				if (j.protect_verdict == verdict && j.protect_reason == reason &&
				    j.mode == pair_mode(from, to))
					continue;
				fprintf(stderr, "\n%s -> %s tcp/%u: want %s %s %s, got %s %s %s\n",
					a, b, port, bh_verdict_name(verdict),
					bh_reason_name(reason), bh_mode_name(pair_mode(from, to)),
					bh_verdict_name(j.protect_verdict),
					bh_reason_name(j.protect_reason), bh_mode_name(j.mode));
				wrong++;
			}
		}
	}
	return wrong;
}

static void
decisions_with_zones_are_those_of_another_evaluator(void)
{
	unsigned round, asked = 0, wrong = 0, borders = 0;

	srand(43);
	for (round = 0; round < 1000 && wrong == 0; round++) {
		struct bh_policy *p = make(BH_MODE_PROTECT);
		struct bh_buf text = {0};

		random_world();
		put_world(&text);
		load(p, text.data);
		wrong += wrong_decisions(&asked, &borders);
		if (wrong != 0)
			fprintf(stderr, "%s", text.data);
		bh_buf_free(&text);
		bh_policy_destroy(p);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(asked >= 100000 && borders > 1000);
}

const struct bh_unit_test bh_suite_policy_zones[] = {
	BH_TEST(a_rule_between_zones_holds_for_whoever_is_in_them),
	BH_TEST(only_a_rule_that_names_zones_leads_over_a_border),
	BH_TEST(nothing_leads_over_the_border_of_a_marked_namespace),
	BH_TEST(rules_into_cardholder_data_say_why_and_until_when),
	BH_TEST(the_stricter_mode_counts_where_cardholder_data_is_touched),
	BH_TEST(what_has_expired_allows_nothing),
	BH_TEST(lint_knows_who_is_in_a_zone),
	BH_TEST(decisions_with_zones_are_those_of_another_evaluator),
	BH_TEST_END,
};
