/* Modes: the tables of both contentions, cell by cell; thousands of decisions between ends of several segments each, with
 * another evaluator's; changes while flows are open. */
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/policy.h"
#include "../../lib/policy/policy_hot.h"
#include "unit.h"

enum { D = BH_MODE_DISCOVER, M = BH_MODE_MONITOR, P = BH_MODE_PROTECT, NONE = 3 };

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

	if (bh_policy_load_text(p, "modes.yaml", text, strlen(text), false, NULL, &err) != 0) {
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
	CU_ASSERT_EQUAL(bh_policy_pair_mode(current, &key, 0), j.mode);
	return j;
}

static int
set(struct bh_policy *p, const char *segment, unsigned mode, struct bh_err *err)
{
	struct bh_mode_change c = {.segment = segment, .mode = (uint8_t)mode};

	return bh_policy_modes_set(p, &c, 1, true, false, err);
}

/* ---- the tables -------------------------------------------------------------------------------------- */

/* The container firewall's, cell by cell; what it has no cell for, an end without a mode, last. */
static const struct {
	unsigned from, to, basic, strict;
} table[] = {
	{D, D, D, D},    {D, M, D, M},    {D, P, D, P},    {M, D, D, M},
	{M, M, M, M},    {M, P, M, P},    {P, D, D, P},    {P, M, M, P},
	{P, P, P, P},    {D, NONE, D, D}, {M, NONE, M, M}, {P, NONE, P, P},
	{NONE, D, D, D}, {NONE, M, M, M}, {NONE, P, P, P}, {NONE, NONE, P, P},
};

static void
both_tables_hold_cell_by_cell(void)
{
	static const char *const hosts[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
	static const char *const nobody[] = {"8.8.8.8", "10.9.9.9", "10.0.0.9"};
	static const char *const contentions[] = {"basic", "strict"};
	static const unsigned verdicts[] = {BH_VERDICT_ALLOW, BH_VERDICT_VIOLATE, BH_VERDICT_DENY};
	char text[1024];
	unsigned strict, i, k, want;

	for (strict = 0; strict < 2; strict++) {
		struct bh_policy *p = make(P);

		snprintf(
			text, sizeof(text),
			"version: 1\nmodes: {contention: %s}\nendpoints:\n"
			"  - {address: 10.0.0.1, labels: {m: d}}\n"
			"  - {address: 10.0.0.2, labels: {m: m}}\n"
			"  - {address: 10.0.0.3, labels: {m: p}}\n"
			"  - {address: 10.0.0.9, labels: {other: x}}\n"
			"segments:\n  d: {selector: m=d, mode: discover}\n"
			"  m: {selector: m=m, mode: monitor}\n  p: {selector: m=p, mode: protect}\n"
			"rules: [{from: any, to: any, ports: tcp/80, action: allow},\n"
			"        {from: any, to: any, ports: tcp/81, action: reject}]\n",
			contentions[strict]);
		load(p, text);
		for (i = 0; i < BH_ARRAY_SIZE(table); i++) {
			for (k = 0; k < 3; k++) { /* external, unknown, in no segment */
				const char *from =
					table[i].from != NONE ? hosts[table[i].from] : nobody[k];
				const char *to = table[i].to != NONE ? hosts[table[i].to]
								     : nobody[(k + 1) % 3];
				struct bh_judgement j = ask(from, to, 22);

				want = strict != 0 ? table[i].strict : table[i].basic;
				CU_ASSERT_EQUAL(j.mode, want);
				CU_ASSERT_EQUAL(j.verdict, verdicts[want]);
				CU_ASSERT_EQUAL(j.protect_verdict, BH_VERDICT_DENY);
				CU_ASSERT_EQUAL(j.reason,
						want == D ? BH_REASON_DISCOVER : j.protect_reason);
				j = ask(from, to, 80);
				CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_ALLOW);
				CU_ASSERT_EQUAL(j.mode, want);
				j = ask(from, to, 81);
				CU_ASSERT_EQUAL(j.protect_verdict, BH_VERDICT_REJECT);
				CU_ASSERT_EQUAL(j.verdict == BH_VERDICT_REJECT, want == P);
			}
		}
		bh_policy_destroy(p);
	}
}

/* ---- another evaluator -------------------------------------------------------------------------------- */

#define SEGMENTS 6
#define HOSTS 10 /* 0-7 endpoints, 8 external, 9 unknown */
#define RULES 6

static struct {
	unsigned mode[SEGMENTS], set[SEGMENTS]; /* NONE: not named */
	unsigned in[HOSTS];                     /* bits of segments */
	unsigned box, normal, override;         /* normal, override: NONE */
	bool strict;
	unsigned n_rules;
	struct {
		int from, to; /* -1: any */
		unsigned port, action;
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
	for (i = 0; i < SEGMENTS; i++) {
		w.mode[i] = rnd(4);
		w.set[i] = NONE;
	}
	for (i = 0; i < 8; i++)
		w.in[i] = rnd(4) == 0 ? 0 : rnd(1u << SEGMENTS) & rnd(1u << SEGMENTS);
	w.box = rnd(3);
	w.normal = rnd(4);
	w.override = rnd(8) == 0 ? rnd(3) : NONE;
	w.strict = rnd(2) != 0;
	w.n_rules = rnd(RULES + 1);
	for (i = 0; i < w.n_rules; i++) {
		w.rule[i].from = (int)rnd(SEGMENTS + 1) - 1;
		w.rule[i].to = (int)rnd(SEGMENTS + 1) - 1;
		w.rule[i].port = 80 + rnd(2);
		w.rule[i].action =
			(unsigned[]){BH_VERDICT_ALLOW, BH_VERDICT_DENY, BH_VERDICT_REJECT}[rnd(3)];
	}
}

static void
host_text(unsigned host, char out[16])
{
	snprintf(out, 16, host == 8 ? "8.8.8.8" : "10.0.0.%u", host + 1);
}

static void
put_world(struct bh_buf *b)
{
	static const char *const words[] = {"discover", "monitor", "protect"};
	static const char *const actions[] = {"", "allow", "", "deny", "reject"};
	unsigned i, k, n;

	bh_buf_printf(b, "version: 1\nmodes: {contention: %s", w.strict ? "strict" : "basic");
	if (w.normal != NONE)
		bh_buf_printf(b, ", default: %s", words[w.normal]);
	bh_buf_printf(b, ", override: %s}\nendpoints:\n",
		      w.override != NONE ? words[w.override] : "none");
	for (i = 0; i < 8; i++) {
		bh_buf_printf(b, "  - {address: 10.0.0.%u, labels: {x: y", i + 1);
		/* Odd hosts are in segment 5 by address. */
		for (k = 0; k < SEGMENTS; k++) {
			if ((w.in[i] >> k & 1) != 0 && !(k == 5 && i % 2 == 1))
				bh_buf_printf(b, ", s%u: a", k);
		}
		bh_buf_str(b, "}}\n");
	}
	bh_buf_str(b, "segments:\n");
	for (k = 0; k < SEGMENTS; k++) {
		bh_buf_printf(b, "  s%u: {selector: s%u", k, k);
		for (i = 1, n = 0; k == 5 && i < 8; i += 2) {
			if ((w.in[i] >> k & 1) != 0)
				bh_buf_printf(b, "%s10.0.0.%u", n++ == 0 ? ", addresses: [" : ", ",
					      i + 1);
		}
		bh_buf_printf(b, "%s", k == 5 && n != 0 ? "]" : "");
		if (w.mode[k] != NONE)
			bh_buf_printf(b, ", mode: %s", words[w.mode[k]]);
		bh_buf_str(b, "}\n");
	}
	bh_buf_str(b, "rules:\n");
	for (i = 0; i < w.n_rules; i++) {
		char from[16] = "any", to[16] = "any";

		if (w.rule[i].from >= 0)
			snprintf(from, sizeof(from), "s%d", w.rule[i].from);
		if (w.rule[i].to >= 0)
			snprintf(to, sizeof(to), "s%d", w.rule[i].to);
		bh_buf_printf(b, "  - {from: %s, to: %s, ports: tcp/%u, action: %s}\n", from, to,
			      w.rule[i].port, actions[w.rule[i].action]);
	}
}

/* An end's mode: the highest that its segments name. NONE: it has none. */
static unsigned
end_mode(unsigned host, unsigned normal)
{
	unsigned k, named = 0;
	bool any = false;

	for (k = 0; k < SEGMENTS; k++) {
		unsigned m = w.set[k] != NONE ? w.set[k] : w.mode[k];

		if ((w.in[host] >> k & 1) == 0 || m == NONE)
			continue;
		named = any && named > m ? named : m;
		any = true;
	}
	return any ? named : w.in[host] != 0 ? normal : NONE;
}

static unsigned
pair_mode(unsigned from, unsigned to)
{
	unsigned normal = w.normal != NONE ? w.normal : w.box, i;
	unsigned a = end_mode(from, normal), b = end_mode(to, normal);

	if (w.override != NONE)
		return w.override;
	if (a == NONE && b == NONE)
		return normal;
	for (i = 0; i < BH_ARRAY_SIZE(table) - 1; i++) {
		if (table[i].from == a && table[i].to == b)
			return w.strict ? table[i].strict : table[i].basic;
	}
	return NONE;
}

static bool
decision_is_right(unsigned from, unsigned to, unsigned port)
{
	unsigned i, verdict = BH_VERDICT_DENY, reason, mode = pair_mode(from, to);
	struct bh_judgement j;
	char a[16], b[16];
	bool good;

	reason = w.in[from] == 0 || w.in[to] == 0 ? BH_REASON_UNKNOWN_SEGMENT
						  : BH_REASON_DEFAULT_DENY;
	/* Who is external is known to be. */
	if (reason == BH_REASON_UNKNOWN_SEGMENT && (from == 8 || w.in[from] != 0) &&
	    (to == 8 || w.in[to] != 0))
		reason = BH_REASON_DEFAULT_DENY;
	for (i = 0; i < w.n_rules; i++) {
		if (w.rule[i].port != port ||
		    (w.rule[i].from >= 0 && (w.in[from] >> w.rule[i].from & 1) == 0) ||
		    (w.rule[i].to >= 0 && (w.in[to] >> w.rule[i].to & 1) == 0))
			continue;
		verdict = w.rule[i].action;
		reason = verdict == BH_VERDICT_ALLOW  ? BH_REASON_RULE_ALLOW
			 : verdict == BH_VERDICT_DENY ? BH_REASON_RULE_DENY
						      : BH_REASON_RULE_REJECT;
		break;
	}
	host_text(from, a);
	host_text(to, b);
	j = ask(a, b, port);
	good = j.mode == mode && j.protect_verdict == verdict && j.protect_reason == reason;
	if (verdict == BH_VERDICT_ALLOW || mode == P)
		good &= j.verdict == verdict && j.reason == reason;
	else if (mode == M)
		good &= j.verdict == BH_VERDICT_VIOLATE && j.reason == reason;
	else
		good &= j.verdict == BH_VERDICT_ALLOW && j.reason == BH_REASON_DISCOVER;
	if (!good)
		fprintf(stderr, "\n%s -> %s tcp/%u: want %s %s in %s, got %s %s in %s\n", a, b,
			port, bh_verdict_name(verdict), bh_reason_name(reason), bh_mode_name(mode),
			bh_verdict_name(j.protect_verdict), bh_reason_name(j.protect_reason),
			bh_mode_name(j.mode));
	return good;
}

/* All pairs, all ports. */
static unsigned
wrong_decisions(unsigned *asked)
{
	unsigned from, to, port, wrong = 0;

	for (from = 0; from < HOSTS; from++) {
		for (to = 0; to < HOSTS; to++) {
			for (port = 80; port < 82; port++, ++*asked)
				wrong += !decision_is_right(from, to, port);
		}
	}
	return wrong;
}

static void
decisions_are_those_of_another_evaluator(void)
{
	unsigned round, i, asked = 0, wrong = 0;

	srand(41);
	for (round = 0; round < 400 && wrong == 0; round++) {
		struct bh_buf text = {0};
		struct bh_policy *p;

		random_world();
		p = make(w.box);
		put_world(&text);
		load(p, text.data);
		wrong += wrong_decisions(&asked);
		for (i = 0; i < 6 && wrong == 0; i++) {
			unsigned k = rnd(SEGMENTS);
			char name[4];

			snprintf(name, sizeof(name), "s%u", k);
			w.set[k] = rnd(4);
			CU_ASSERT_EQUAL(set(p, name, w.set[k] != NONE ? w.set[k] : BH_MODE_UNSET,
					    NULL),
					0);
			/* What was set stays over a load. */
			if (i == 3)
				load(p, text.data);
			wrong += wrong_decisions(&asked);
		}
		if (wrong != 0)
			fprintf(stderr, "%s", text.data);
		bh_buf_free(&text);
		bh_policy_destroy(p);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(asked >= 100000);
}

/* ---- changes ----------------------------------------------------------------------------------------- */

#define TWO                                                                                        \
	"version: 1\nendpoints:\n"                                                                 \
	"  - {address: 10.0.0.1, labels: {app: web}}\n  - {address: 10.0.0.2, labels: {app: "      \
	"db}}\n"                                                                                   \
	"segments:\n  web: {selector: app=web, mode: monitor}\n  db: {selector: app=db}\nrules: "  \
	"[]\n"

static void
a_set_mode_makes_open_flows_stale_and_is_atomic(void)
{
	struct bh_mode_change both[] = {{"web", P, 0}, {"db", P, 0}},
			      bad[] = {{"web", D, 0}, {"dbx", D, 0}};
	struct bh_policy *p = make(D);
	struct bh_judgement j;
	struct bh_err err = {0};
	uint32_t stamp;

	load(p, TWO);
	j = ask("10.0.0.1", "10.0.0.2", 22);
	CU_ASSERT_EQUAL(j.mode, D);
	stamp = j.stamp;
	CU_ASSERT_EQUAL(bh_policy_modes_set(p, both, 2, true, true, NULL), 0);
	CU_ASSERT_EQUAL(bh_view_stamp(current, j.slot[0], j.slot[1]), stamp);
	CU_ASSERT_EQUAL(bh_policy_modes_set(p, both, 2, true, false, NULL), 0);
	CU_ASSERT_EQUAL(both[0].before, BH_MODE_UNSET);
	CU_ASSERT_NOT_EQUAL(bh_view_stamp(current, j.slot[0], j.slot[1]), stamp);
	j = ask("10.0.0.1", "10.0.0.2", 22);
	CU_ASSERT_EQUAL(j.mode, P);
	CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_DENY);
	stamp = j.stamp;
	CU_ASSERT_EQUAL(bh_policy_modes_set(p, bad, 2, true, false, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.what, "no segment is named 'dbx': did you mean 'db'?");
	CU_ASSERT_EQUAL(bh_view_stamp(current, j.slot[0], j.slot[1]), stamp);
	CU_ASSERT_EQUAL(ask("10.0.0.1", "10.0.0.2", 22).mode, P);
	bh_policy_destroy(p);
}

static void
the_origin_of_a_mode_is_told(void)
{
	struct bh_policy *p = make(P);
	enum bh_mode_origin origin;
	struct bh_modes_info info;
	struct bh_err err = {0};
	enum bh_mode mode;

	load(p, TWO);
	CU_ASSERT(bh_policy_segment_mode(p, "web", &mode, &origin));
	CU_ASSERT(mode == BH_MODE_MONITOR && origin == BH_MODE_WRITTEN);
	CU_ASSERT(bh_policy_segment_mode(p, "db", &mode, &origin));
	CU_ASSERT(mode == BH_MODE_PROTECT && origin == BH_MODE_DEFAULTED);
	CU_ASSERT_EQUAL(set(p, "web", D, NULL), 0);
	CU_ASSERT(bh_policy_segment_mode(p, "web", &mode, &origin));
	CU_ASSERT(mode == BH_MODE_DISCOVER && origin == BH_MODE_SET);
	bh_policy_modes(p, &info);
	CU_ASSERT(info.default_mode == P && info.override_mode == BH_MODE_UNSET && !info.strict);
	CU_ASSERT(info.segments[D] == 1 && info.segments[M] == 0 && info.segments[P] == 1);
	CU_ASSERT_EQUAL(set(p, "web", BH_MODE_UNSET, NULL), 0);
	CU_ASSERT(bh_policy_segment_mode(p, "web", &mode, &origin));
	CU_ASSERT(mode == BH_MODE_MONITOR && origin == BH_MODE_WRITTEN);
	CU_ASSERT_FALSE(bh_policy_segment_mode(p, "nobody", &mode, &origin));
	CU_ASSERT_EQUAL(set(p, "external", P, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "is reserved"));
	CU_ASSERT_EQUAL(set(p, "web", 7, NULL), -EINVAL);
	bh_policy_destroy(p);
}

/* What was set before a segment is there counts from the moment that it is. */
static void
a_mode_waits_for_its_segment(void)
{
	struct bh_mode_change c = {"db", D, 0};
	struct bh_policy *p = make(P);

	CU_ASSERT_EQUAL(bh_policy_modes_set(p, &c, 1, false, false, NULL), 0);
	load(p, TWO);
	CU_ASSERT_EQUAL(ask("10.0.0.2", "8.8.8.8", 22).mode, D);
	load(p, "version: 1\n");
	CU_ASSERT_EQUAL(ask("10.0.0.2", "8.8.8.8", 22).mode, P);
	load(p, TWO);
	CU_ASSERT_EQUAL(ask("10.0.0.2", "8.8.8.8", 22).mode, D);
	bh_policy_destroy(p);
}

static void
mistakes_in_modes_say_where(void)
{
	static const char *const cases[][2] = {
		{"version: 1\nmodes: {defualt: monitor}\n", "'defualt'"},
		{"version: 1\nmodes: {contention: loose}\n", "expected basic or strict"},
		{"version: 1\nmodes: {override: off}\n", "expected none, discover"},
		{"version: 1\nsegments: {a: {selector: x, mode: protct}}\n",
		 "did you mean 'protect'?"},
		{"version: 1\nmodes: protect\n", "'modes'"},
	};
	struct bh_policy *p = make(P);
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct bh_err err = {0};

		CU_ASSERT_EQUAL(bh_policy_load_text(p, "m.yaml", cases[i][0], strlen(cases[i][0]),
						    true, NULL, &err),
				-EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.what, cases[i][1]));
		CU_ASSERT(err.line == 2 && err.column > 1);
	}
	bh_policy_destroy(p);
}

static void
explain_tells_the_mode_and_whose_it_is(void)
{
	struct bh_question q = {.service = 6u << 16 | 22};
	struct bh_policy *p = make(P);
	struct bh_explanation *e = NULL;

	load(p, TWO);
	bh_prefix_parse("10.0.0.1", &q.end[0].address, NULL);
	bh_prefix_parse("10.0.0.2", &q.end[1].address, NULL);
	CU_ASSERT_EQUAL_FATAL(bh_policy_explain(p, &q, &e, NULL), 0);
	CU_ASSERT(e->judged && e->mode == M && e->verdict == BH_VERDICT_VIOLATE);
	CU_ASSERT_STRING_EQUAL(
		e->mode_text,
		"monitor: from has monitor by segment web, to has protect by default; "
		"the less strict, contention is basic");
	bh_explanation_free(e);
	CU_ASSERT_EQUAL(set(p, "db", D, NULL), 0);
	q.end[0] = (struct bh_question_end){.segment = "external"};
	q.end[1] = (struct bh_question_end){.segment = "db"};
	CU_ASSERT_EQUAL_FATAL(bh_policy_explain(p, &q, &e, NULL), 0);
	CU_ASSERT(!e->judged && e->mode == D);
	CU_ASSERT_STRING_EQUAL(e->mode_text,
			       "discover: from has none, to has discover by segment db (set)");
	bh_explanation_free(e);
	bh_policy_destroy(p);
}

const struct bh_unit_test bh_suite_policy_modes[] = {
	BH_TEST(both_tables_hold_cell_by_cell),
	BH_TEST(decisions_are_those_of_another_evaluator),
	BH_TEST(a_set_mode_makes_open_flows_stale_and_is_atomic),
	BH_TEST(the_origin_of_a_mode_is_told),
	BH_TEST(a_mode_waits_for_its_segment),
	BH_TEST(mistakes_in_modes_say_where),
	BH_TEST(explain_tells_the_mode_and_whose_it_is),
	BH_TEST_END,
};
