/* The linter: planted faults, all of them and nothing else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policy_lint_rig.h"

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

/* ---- single rules ----------------------------------------------------------------------------------- */

/* Segments of the cases: prod is inside all of app-*, its addresses are inside wide's. */
static const char head[] = "version: 1\n"
			   "endpoints:\n"
			   "  - {address: 10.0.0.1, labels: {app: web, env: prod}}\n"
			   "  - {address: 10.0.0.2, labels: {app: db, env: prod}}\n"
			   "  - {address: 10.0.0.3, labels: {app: web, env: lab}}\n"
			   "segments:\n"
			   "  web: {selector: app=web}\n"
			   "  db: {selector: app=db}\n"
			   "  webprod: {selector: 'app=web, env=prod'}\n"
			   "  webnot: {selector: 'app=web, env!=prod'}\n"
			   "  low: {addresses: [10.8.0.0/17]}\n"
			   "  high: {addresses: [10.8.128.0/17]}\n"
			   "  wide8: {addresses: [10.8.0.0/16]}\n"
			   "  apps: {selector: 'app in (web, db)'}\n"
			   "  notlab: {selector: 'env != lab'}\n"
			   "  anyapp: {selector: app}\n"
			   "  narrow: {addresses: [10.9.0.0/25, 10.9.0.128/26]}\n"
			   "  wide: {addresses: [10.9.0.0/24, 10.8.0.0/16]}\n"
			   "  nobody: {selector: app=ghost}\n"
			   "rules:\n";

/* rules; findings as "kind id other ..." in order, "" = none. */
static const struct {
	const char *rules, *found;
} cases[] = {
	{"- {id: a, from: web, to: db, ports: tcp/1-100, action: allow}\n"
	 "- {id: b, from: web, to: db, ports: tcp/50, action: allow}\n",
	 "shadowed b a\n"},
	{"- {id: a, from: web, to: db, ports: tcp/1-100, action: allow}\n"
	 "- {id: b, from: web, to: db, ports: tcp/50, action: deny}\n",
	 "shadowed b a\n"},
	/* two together */
	{"- {id: a, from: web, to: db, ports: tcp/1-100, action: allow}\n"
	 "- {id: b, from: web, to: db, ports: tcp/101-200, action: allow}\n"
	 "- {id: c, from: web, to: db, ports: tcp/50-150, action: allow}\n",
	 "shadowed c a b\n"},
	{"- {id: a, from: web, to: db, ports: tcp/1-99, action: allow}\n"
	 "- {id: b, from: web, to: db, ports: tcp/101-200, action: allow}\n"
	 "- {id: c, from: web, to: db, ports: tcp/50-150, action: allow}\n",
	 ""},
	/* segments inside others */
	{"- {id: a, from: web, to: db, ports: tcp/50, action: allow}\n"
	 "- {id: b, from: webprod, to: db, ports: tcp/50, action: allow}\n",
	 "shadowed b a\n"},
	{"- {id: a, from: apps, to: anyapp, ports: tcp/50, action: allow}\n"
	 "- {id: b, from: [web, webprod], to: apps, ports: tcp/50, action: allow}\n",
	 "shadowed b a\n"},
	{"- {id: a, from: notlab, to: db, ports: tcp/50, action: allow}\n"
	 "- {id: b, from: webprod, to: db, ports: tcp/50, action: allow}\n",
	 "shadowed b a\n"},
	{"- {id: a, from: wide, to: db, ports: tcp/50, action: allow}\n"
	 "- {id: b, from: narrow, to: db, ports: tcp/50, action: allow}\n",
	 "shadowed b a\n"},
	/* only several together hold all: labels with and without, addresses */
	{"- {id: a, from: webprod, to: db, ports: tcp/50, action: allow}\n"
	 "- {id: b, from: webnot, to: db, ports: tcp/50, action: allow}\n"
	 "- {id: c, from: web, to: db, ports: tcp/50, action: deny}\n",
	 "shadowed c a b\n"},
	{"- {id: a, from: low, to: webprod, ports: tcp/50, action: allow}\n"
	 "- {id: b, from: high, to: webprod, ports: tcp/1-50, action: allow}\n"
	 "- {id: c, from: wide8, to: webprod, ports: tcp/50, action: allow}\n",
	 "shadowed c a b\n"},
	{"- {id: c, from: web, to: db, ports: tcp/50, action: allow}\n"
	 "- {id: a, from: webprod, to: db, ports: tcp/50, action: allow}\n"
	 "- {id: b, from: webnot, to: db, ports: tcp/50, action: allow}\n",
	 "shadowed a c\nshadowed b c\n"},
	{"- {id: c, from: web, to: db, ports: tcp/50, action: allow}\n"
	 "- {id: a, from: webprod, to: db, ports: tcp/50-51, action: allow}\n"
	 "- {id: b, from: webnot, to: db, ports: tcp/50-51, action: allow}\n",
	 "redundant c a b\n"},
	/* an endpoint may be in one of two and not in the other */
	{"- {id: a, from: notlab, to: db, ports: tcp/50, action: allow}\n"
	 "- {id: b, from: web, to: db, ports: tcp/50, action: allow}\n",
	 ""},
	/* the narrow one first: without it the same */
	{"- {id: a, from: webprod, to: db, ports: tcp/50, action: allow}\n"
	 "- {id: b, from: web, to: db, ports: tcp/50-60, action: allow}\n",
	 "redundant a b\n"},
	{"- {id: a, from: webprod, to: db, ports: tcp/50-60, action: allow}\n"
	 "- {id: b, from: web, to: db, ports: tcp/50-55, action: allow}\n"
	 "- {id: c, from: web, to: db, ports: tcp/56-60, action: allow}\n",
	 "redundant a b c\n"},
	/* between them somebody who might be meant, too, says no */
	{"- {id: a, from: webprod, to: db, ports: tcp/50, action: allow}\n"
	 "- {id: n, from: notlab, to: db, ports: tcp/40-50, action: deny}\n"
	 "- {id: b, from: web, to: db, ports: tcp/50-60, action: allow}\n",
	 ""},
	{"- {id: a, from: webprod, to: db, ports: tcp/50, action: allow}\n"
	 "- {id: n, from: db, to: db, ports: tcp/40-50, action: deny}\n"
	 "- {id: b, from: web, to: db, ports: tcp/50-60, action: allow}\n",
	 "redundant a b\n"},
	/* contradiction, and what is none: an exception, a guard */
	{"- {id: a, from: web, to: db, ports: tcp/50-60, action: deny}\n"
	 "- {id: b, from: web, to: db, ports: tcp/55-70, action: allow}\n",
	 "contradicting b a\n"},
	{"- {id: a, from: web, to: db, ports: tcp/22, action: deny}\n"
	 "- {id: b, from: web, to: db, ports: [tcp/22, tcp/80], action: allow}\n",
	 "contradicting b a\n"},
	{"- {id: a, from: web, to: db, ports: tcp/22, action: deny}\n"
	 "- {id: b, from: web, to: db, action: allow}\n",
	 ""},
	{"- {id: a, from: any, to: db, ports: tcp/22, action: deny}\n"
	 "- {id: b, from: web, to: db, ports: tcp/1-100, action: allow}\n",
	 ""},
	{"- {id: a, from: web, to: db, applications: redis, action: deny}\n"
	 "- {id: b, from: web, to: db, applications: [redis, mysql], action: allow}\n",
	 "contradicting b a\n"},
	/* applications: of one name, on top of one, all there are */
	{"- {id: a, from: web, to: db, applications: [http, redis], action: allow}\n"
	 "- {id: b, from: web, to: db, ports: tcp/80, applications: grpc, action: allow}\n",
	 "shadowed b a\n"},
	{"- {id: a, from: web, to: db, applications: redis, action: allow}\n"
	 "- {id: b, from: web, to: db, ports: tcp/80, action: allow}\n",
	 ""},
	{"- {id: a, from: web, to: db, action: allow}\n"
	 "- {id: b, from: web, to: db, applications: redis, action: deny}\n",
	 "shadowed b a\n"},
	/* operations */
	{"- {id: a, from: web, to: db, applications: redis, action: allow}\n"
	 "- {id: b, from: web, to: db, applications: [redis: {commands: get}], action: deny}\n",
	 "shadowed b a\n"},
	{"- {id: a, from: web, to: db, applications: [redis: {commands: [get, SET]}], action: "
	 "allow}\n"
	 "- {id: b, from: web, to: db, applications: [redis: {commands: set, keys: x}], action: "
	 "allow}\n",
	 "shadowed b a\n"},
	{"- {id: a, from: web, to: db, applications: [http: {paths: '/api/*'}], action: allow}\n"
	 "- {id: b, from: web, to: db, applications: [http: {paths: '/api/v1/*'}], action: "
	 "allow}\n",
	 "shadowed b a\n"},
	{"- {id: a, from: web, to: db, applications: [http: {paths: '/api/*'}], action: allow}\n"
	 "- {id: b, from: web, to: db, applications: [http: {paths: '/*'}], action: allow}\n",
	 "redundant a b\n"},
	{"- {id: a, from: web, to: db, applications: [redis: {keys: x}], action: deny}\n"
	 "- {id: b, from: web, to: db, applications: [redis: {keys: x}], action: allow}\n",
	 ""}, /* a command without a key */
	/* shape */
	{"- {id: a, from: any, to: any, action: allow}\n", "over-broad a\n"},
	{"- {id: a, from: any, to: db, ports: tcp, action: allow}\n", "over-broad a\n"},
	{"- {id: a, from: any, to: db, ports: tcp/1-32767, action: allow}\n", ""},
	{"- {id: a, from: any, to: db, applications: http, action: allow}\n", ""},
	{"- {id: a, from: any, to: any, action: deny}\n", ""},
	{"- {id: a, from: nobody, to: db, ports: tcp/1, action: deny}\n", "no-members a\n"},
};

static void
put_findings(const struct bh_lint *l, struct bh_buf *b)
{
	uint32_t i, k;

	bh_buf_reset(b);
	bh_buf_str(b, "");
	for (i = 0; i < l->n_findings; i++) {
		const struct bh_lint_finding *f = &l->finding[i];

		bh_buf_printf(b, "%s %s", bh_lint_kind_name(f->kind), f->id);
		for (k = 0; k < f->n_others; k++)
			bh_buf_printf(b, " %s", f->other[k]);
		bh_buf_str(b, "\n");
	}
}

static void
each_mistake_is_found_and_nothing_else(void)
{
	struct bh_policy *p = make_policy();
	struct bh_buf text = {0}, found = {0};
	struct bh_lint *l;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		bh_buf_reset(&text);
		bh_buf_printf(&text, "%s%s", head, cases[i].rules);
		l = lint(p, text.data);
		put_findings(l, &found);
		if (strcmp(found.data, cases[i].found) != 0) {
			fprintf(stderr, "\n%sexpected: %s\nfound: %s\n", cases[i].rules,
				cases[i].found, found.data);
			CU_FAIL("findings");
		}
		bh_lint_free(l);
	}
	bh_buf_free(&text);
	bh_buf_free(&found);
	bh_policy_destroy(p);
}

static void
a_finding_tells_line_sentence_and_a_connection(void)
{
	struct bh_policy *p = make_policy();
	struct bh_buf text = {0};
	const struct bh_lint_finding *f;
	struct bh_lint *l;

	bh_buf_printf(&text, "%s%s", head, cases[1].rules);
	l = lint(p, text.data);
	CU_ASSERT_EQUAL_FATAL(l->n_findings, 1);
	f = &l->finding[0];
	CU_ASSERT_EQUAL(f->line, 22);
	CU_ASSERT_EQUAL(f->severity, BH_LINT_ERROR);
	CU_ASSERT_PTR_NOT_NULL(strstr(f->text, "rule 'b' never decides"));
	CU_ASSERT(f->witness.valid);
	CU_ASSERT_STRING_EQUAL(f->witness.segment[0], "web");
	CU_ASSERT_STRING_EQUAL(f->witness.address[0], "10.0.0.1");
	CU_ASSERT_STRING_EQUAL(f->witness.address[1], "10.0.0.2");
	CU_ASSERT_EQUAL(f->witness.service, 6 << 16 | 50);
	CU_ASSERT_STRING_EQUAL(f->witness.by, "a");
	CU_ASSERT_EQUAL(f->witness.verdict, BH_VERDICT_ALLOW);
	bh_lint_free(l);
	bh_buf_free(&text);
	bh_policy_destroy(p);
}

static void
the_document_in_force_is_linted_without_a_text(void)
{
	struct bh_policy *p = make_policy();
	struct bh_label label = {"app", "ghost"};
	struct bh_endpoint_change c = {.op = BH_ENDPOINT_PUT,
				       .endpoint = {.labels = &label, .n_labels = 1}};
	struct bh_buf text = {0};
	struct bh_lint *l = NULL;
	struct bh_err err = {0};

	bh_buf_printf(&text, "%s%s", head, cases[BH_ARRAY_SIZE(cases) - 1].rules);
	load(p, text.data, text.len);
	CU_ASSERT_EQUAL_FATAL(bh_policy_lint(p, "in force", NULL, 0, &l, &err), 0);
	CU_ASSERT_EQUAL(l->n_findings, 1);
	bh_lint_free(l);
	/* Who came over REST counts. */
	bh_prefix_parse("10.0.0.9", &c.endpoint.prefix, NULL);
	CU_ASSERT_EQUAL(bh_policy_endpoints_apply(p, &c, 1, NULL, &err), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_lint(p, "in force", NULL, 0, &l, &err), 0);
	CU_ASSERT_EQUAL(l->n_findings, 0);
	bh_lint_free(l);
	CU_ASSERT_EQUAL(bh_policy_lint(p, "x", "version: 2\n", 11, &l, &err), -EINVAL);
	CU_ASSERT_EQUAL(err.line, 1);
	bh_buf_free(&text);
	bh_policy_destroy(p);
}

/* ---- planted faults --------------------------------------------------------------------------------- */

#define SERVICES 200
#define PLANTED 50

struct plant {
	struct bh_buf text, expect;
	unsigned n, rules;
};

/* A clean rule: its pair of segments and its ports are nobody else's. Each service is a segment, those of one team are
 * another. */
static void
put_clean(struct plant *w, unsigned i)
{
	unsigned from = i % SERVICES, to = (from + 1 + i / SERVICES) % SERVICES, port = 1000 + i;

	bh_buf_printf(&w->text, "- {id: r%u, from: s%u, to: s%u, ports: %s/%u-%u, %saction: %s}\n",
		      i, from, to, rnd(4) != 0 ? "tcp" : "udp", port, port + rnd(20),
		      rnd(3) == 0 ? "applications: [dns, snmp], " : "",
		      rnd(5) == 0 ? "deny" : "allow");
}

/* Two rules (or three) between segments that no clean rule names. */
static void
put_fault(struct plant *w, unsigned i)
{
	static const char *const ends[] = {"from: x%u, to: y%u", "from: [x%u, y%u], to: any"};
	unsigned kind = i % 5, how = rnd(3);
	struct bh_buf end = {0};

	bh_buf_printf(&end, ends[0], i, i);
	if (kind == 0) {
		bh_buf_printf(&w->text,
			      "- {id: a%u, from: %c%u, to: y%u, ports: tcp/100-%u, "
			      "action: %s}\n",
			      i, how == 0 ? 'x' : 'z', i, i, how == 2 ? 150 : 200,
			      rnd(2) != 0 ? "deny" : "allow");
		if (how == 2)
			bh_buf_printf(&w->text,
				      "- {id: e%u, %s, ports: tcp/151-300, action: allow}\n", i,
				      end.data);
		bh_buf_printf(&w->text, "- {id: b%u, %s, ports: tcp/120-180, %saction: allow}\n", i,
			      end.data, how == 1 ? "applications: redis, " : "");
		bh_buf_printf(&w->expect,
			      how == 2 ? "shadowed b%u a%u e%u\n" : "shadowed b%u a%u\n", i, i, i);
	} else if (kind == 1) {
		bh_buf_printf(
			&w->text,
			"- {id: a%u, %s, ports: tcp/120-180, %saction: allow}\n"
			"- {id: b%u, from: %c%u, to: y%u, ports: tcp/100-200, action: allow}\n",
			i, end.data, how == 1 ? "applications: redis, " : "", i,
			how == 0 ? 'z' : 'x', i, i);
		bh_buf_printf(&w->expect, "redundant a%u b%u\n", i, i);
	} else if (kind == 2) {
		bh_buf_printf(&w->text,
			      "- {id: a%u, %s, ports: tcp/100-150, action: allow}\n"
			      "- {id: b%u, %s, ports: %s, action: %s}\n",
			      i, end.data, i, end.data,
			      how == 0 ? "tcp/140-200" : "[tcp/99, tcp/120-130]",
			      how == 1 ? "reject" : "deny");
		bh_buf_printf(&w->expect, "contradicting b%u a%u\n", i, i);
	} else if (kind == 3) {
		bh_buf_printf(&w->text,
			      "- {id: a%u, from: x%u, to: any, ports: %s, action: allow}\n", i, i,
			      how == 0   ? "any"
			      : how == 1 ? "udp"
					 : "tcp/1024-65535");
		bh_buf_printf(&w->expect, "over-broad a%u\n", i);
	} else {
		bh_buf_printf(&w->text,
			      "- {id: a%u, from: x%u, to: ghost%u, ports: tcp/9, action: "
			      "allow}\n",
			      i, i, i);
		bh_buf_printf(&w->expect, "no-members a%u\n", i);
	}
	bh_buf_free(&end);
}

/* x inside of z, in each way that it can be written; y beside them, and one that nobody is in. */
static void
put_segments(struct plant *w, unsigned i)
{
	struct bh_buf *b = &w->text;

	switch (i / 5 % 5) {
	case 0:
		bh_buf_printf(b, "  x%u: {selector: 'app=x%u-a, env=p'}\n", i, i);
		bh_buf_printf(b, "  z%u: {selector: 'app in (x%u-a, w%u)'}\n", i, i, i);
		break;
	case 1:
		bh_buf_printf(b, "  x%u: {selector: 'app prefix (x%u-a, x%u-b)'}\n", i, i, i);
		bh_buf_printf(b, "  z%u: {selector: 'app prefix (x%u-, u%u-)'}\n", i, i, i);
		break;
	case 2:
		bh_buf_printf(b, "  x%u: {selector: 'app ~ \"^x%u-[a-f]{1,4}$\"'}\n", i, i);
		bh_buf_printf(b, "  z%u: {selector: 'app ~ \"^x%u-[a-h]+(-[0-9]+)*$\"'}\n", i, i);
		break;
	case 3:
		bh_buf_printf(b, "  x%u: {selector: app=x%u-a, within: [10.2.%u.0/26]}\n", i, i, i);
		bh_buf_printf(b, "  z%u: {selector: app prefix x%u-a, within: [10.2.%u.0/24]}\n", i,
			      i, i);
		break;
	default:
		bh_buf_printf(b, "  x%u: {selector: 'app=x%u-a, tier%u contains d%u-x'}\n", i, i,
			      i / 25, i);
		bh_buf_printf(b, "  z%u: {selector: 'app=x%u-a, tier%u contains (d%u-, q%u)'}\n", i,
			      i, i / 25, i, i);
	}
	bh_buf_printf(b, "  y%u: {selector: app=y%u}\n  ghost%u: {selector: app=ghost%u}\n", i, i,
		      i, i);
}

static void
put_world(struct plant *w, unsigned rules)
{
	unsigned i, fault = 0;

	bh_buf_str(&w->text, "version: 1\nendpoints:\n");
	for (i = 0; i < SERVICES; i++)
		bh_buf_printf(&w->text, "- {address: 10.1.%u.1, labels: {app: s%u}}\n", i, i);
	for (i = 0; i < 5 * PLANTED; i++)
		bh_buf_printf(
			&w->text,
			"- {address: 10.2.%u.1, labels: {app: x%u-a, env: p, tier%u: a-d%u-xb}}\n"
			"- {address: 10.3.%u.1, labels: {app: y%u}}\n",
			i, i, i / 25, i, i, i);
	bh_buf_str(&w->text, "segments:\n");
	for (i = 0; i < SERVICES; i++)
		bh_buf_printf(&w->text, "  s%u: {selector: app=s%u}\n", i, i);
	for (i = 0; i < 5 * PLANTED; i++)
		put_segments(w, i);
	bh_buf_str(&w->text, "rules:\n");
	for (i = 0; i < rules; i++) {
		put_clean(w, i);
		while (fault < 5 * PLANTED && (uint64_t)fault * rules < (uint64_t)i * 5 * PLANTED)
			put_fault(w, fault++);
	}
	while (fault < 5 * PLANTED)
		put_fault(w, fault++);
}

static void
planted_faults_are_found_all_and_only_those(void)
{
	static const unsigned sizes[] = {1000, 3000, 10000};
	struct bh_policy *p = make_policy();
	struct bh_buf found = {0};
	struct bh_lint *l;
	size_t i;

	srand(7);
	for (i = 0; i < BH_ARRAY_SIZE(sizes); i++) {
		struct plant w = {0};
		clock_t spent = clock();

		put_world(&w, sizes[i]);
		l = lint(p, w.text.data);
		spent = clock() - spent;
		put_findings(l, &found);
		CU_ASSERT(l->complete);
		CU_ASSERT_EQUAL(l->n_findings, 5 * PLANTED);
		if (strcmp(found.data, w.expect.data) != 0) {
			fprintf(stderr, "\n%s\nexpected:\n%s\nfound:\n%s\n", w.text.data,
				w.expect.data, found.data);
			CU_FAIL("findings");
		}
		/* Seconds: of the processor's own time, whatever else runs. */
		CU_ASSERT(spent < 10 * CLOCKS_PER_SEC);
		bh_lint_free(l);
		bh_buf_free(&w.text);
		bh_buf_free(&w.expect);
	}
	bh_buf_free(&found);
	bh_policy_destroy(p);
}

/* Rules that all overlap are the worst: none of them may take more than its share. */
static void
ten_thousand_rules_between_two_segments_take_seconds(void)
{
	struct bh_policy *p = make_policy();
	struct bh_buf text = {0};
	struct bh_lint *l;
	unsigned i;

	bh_buf_str(&text, "version: 1\nsegments: {a: {selector: app=a}, b: {selector: app=b}}\n"
			  "rules:\n");
	for (i = 0; i < 10000; i++)
		bh_buf_printf(&text, "- {from: a, to: b, ports: tcp/%u-%u, action: %s}\n", i + 1,
			      i + 1 + i % 7, i % 3 == 0 ? "deny" : "allow");
	l = lint(p, text.data);
	CU_ASSERT(l->elapsed_ns < 20 * BH_NS_PER_SEC);
	CU_ASSERT(l->n_findings != 0);
	if (getenv("BH_VERBOSE") != NULL)
		fprintf(stderr, "\none pair: %llu ms, %u findings, complete %d\n",
			(unsigned long long)(l->elapsed_ns / BH_NS_PER_MS), l->n_findings,
			l->complete);
	bh_lint_free(l);
	bh_buf_free(&text);
	bh_policy_destroy(p);
}

/* What is not read is said, and neither hides that what is written alike is alike nor is taken for something it is not. */
static void
what_a_regex_means_is_known_or_said_to_be_unknown(void)
{
	static const struct {
		const char *inner, *outer;
		const char *found;
	} pairs[] = {
		{"k ~ \"^ab+$\"", "k ~ \"^a\"", "shadowed b a\n"},
		{"k ~ \"^a\"", "k ~ \"^ab+$\"", ""},
		{"k ~ \"^(?i)a\"", "k ~ \"a\"", "not-decided b\n"},
		{"k ~ \"(?i)^AB$\"", "k in (ab, aB, Ab, AB)", "shadowed b a\n"},
		{"k ~ \"^(a|b)\\d{2}$\", k !~ \"5\"", "k !~ \"[c-z]|5\"", "shadowed b a\n"},
		{"k ~ \"^[[:lower:]][^[:lower:]]$\"", "k ~ \"^\\w[A-Z0-9]$\"", "shadowed b a\n"},
		/* A value is no longer than 127 characters, and ends with a letter or a digit. */
		{"k ~ \"^.{126,}$\"", "k ~ \"^.{126}.?$\"", "shadowed b a\n"},
		{"k ~ \"-.?$\"", "k ~ \"-[^-]$\"", "shadowed b a\n"},
		{"k prefix -a", "k=a", ""},
		{"k prefix a", "k=a", ""},
		{"k=a, k prefix a", "k=a", "shadowed b a\n"},
		/* Back references, and what explodes. */
		{"k ~ \"^(a+)b\\1$\"", "k ~ \"^a\"", "not-decided b\n"},
		{"k ~ \"(a+)+$\"", "k ~ \"a\"", "not-decided b\n"},
		{"k ~ \"(.)\\1\"", "k ~ \"(.)\\1\"",
		 "not-decided a\nshadowed b a\nnot-decided b\n"},
		{"k ~ \"(.)\\1\"", "k !~ \"(.)\\1\"", "not-decided a\nnot-decided b\n"},
	};
	struct bh_policy *p = make_policy();
	struct bh_buf text = {0}, found = {0};
	struct bh_lint *l;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(pairs); i++) {
		bh_buf_reset(&text);
		bh_buf_printf(&text,
			      "version: 1\nsegments:\n  inner: {selector: '%s'}\n"
			      "  outer: {selector: '%s'}\n  to: {selector: app=db}\nrules:\n"
			      "- {id: a, from: outer, to: to, ports: tcp/1-2, action: allow}\n"
			      "- {id: b, from: inner, to: to, ports: tcp/2, action: allow}\n",
			      pairs[i].inner, pairs[i].outer);
		l = lint(p, text.data);
		put_findings(l, &found);
		if (strcmp(found.data, pairs[i].found) != 0) {
			fprintf(stderr, "\n%s\nexpected: %s\nfound: %s\n", text.data,
				pairs[i].found, found.data);
			CU_FAIL("findings");
		}
		bh_lint_free(l);
	}
	bh_buf_free(&text);
	bh_buf_free(&found);
	bh_policy_destroy(p);
}

static void
names_are_said_not_to_be_compared(void)
{
	static const struct {
		const char *inner, *outer, *found;
	} pairs[] = {
		{"names: [a.shop.example]", "names: ['*.shop.example']",
		 "not-decided a\nnot-decided b\n"},
		{"names: [a.example]", "addresses: [192.0.2.0/24]", "not-decided b\n"},
		{"names: [a.example]", "selector: app=web", ""},
	};
	struct bh_policy *p = make_policy();
	struct bh_buf text = {0}, found = {0};
	struct bh_lint *l;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(pairs); i++) {
		bh_buf_reset(&text);
		bh_buf_printf(&text,
			      "version: 1\nsegments:\n  inner: {%s}\n  outer: {%s}\n"
			      "  from: {selector: app=db}\nrules:\n"
			      "- {id: a, from: from, to: outer, ports: tcp/1-2, action: allow}\n"
			      "- {id: b, from: from, to: inner, ports: tcp/2, action: deny}\n",
			      pairs[i].inner, pairs[i].outer);
		l = lint(p, text.data);
		put_findings(l, &found);
		CU_ASSERT_STRING_EQUAL(found.data, pairs[i].found);
		bh_lint_free(l);
	}
	bh_buf_free(&text);
	bh_buf_free(&found);
	bh_policy_destroy(p);
}

/* Five thousand beginnings of one key, and parts that combine: what is too much is said, too. */
static void
five_thousand_beginnings_take_seconds(void)
{
	struct bh_policy *p = make_policy();
	struct bh_buf text = {0};
	struct bh_lint *l;
	unsigned i, unread = 0, shadowed = 0;

	bh_buf_str(&text, "version: 1\nsegments:\n  to: {selector: app=db}\n");
	for (i = 0; i < 5000; i++)
		bh_buf_printf(&text, "  s%u: {selector: app prefix team-%u-%u-}\n", i, i / 100,
			      i % 100);
	for (i = 0; i < 40; i++)
		bh_buf_printf(&text, "  c%u: {selector: app contains q%u}\n", i, i);
	bh_buf_str(&text, "  all: {selector: app prefix team-7}\nrules:\n"
			  "- {id: a, from: all, to: to, ports: tcp/1, action: allow}\n");
	for (i = 0; i < 5000; i++)
		bh_buf_printf(&text, "- {from: s%u, to: to, ports: tcp/1, action: allow}\n", i);
	for (i = 0; i < 40; i++)
		bh_buf_printf(&text, "- {from: c%u, to: to, ports: tcp/2, action: allow}\n", i);
	l = lint(p, text.data);
	CU_ASSERT(l->elapsed_ns < 20 * BH_NS_PER_SEC);
	CU_ASSERT(l->complete);
	for (i = 0; i < l->n_findings; i++) {
		shadowed += l->finding[i].kind == BH_LINT_SHADOWED;
		unread += l->finding[i].kind == BH_LINT_UNDECIDED;
	}
	/* team-7-0- to team-7-99-. */
	CU_ASSERT_EQUAL(shadowed, 100);
	CU_ASSERT(unread > 0 && unread <= 40);
	if (getenv("BH_VERBOSE") != NULL)
		fprintf(stderr, "\nfive thousand beginnings: %llu ms, %u unread\n",
			(unsigned long long)(l->elapsed_ns / BH_NS_PER_MS), unread);
	bh_lint_free(l);
	bh_buf_free(&text);
	bh_policy_destroy(p);
}

const struct bh_unit_test bh_suite_policy_lint[] = {
	BH_TEST(each_mistake_is_found_and_nothing_else),
	BH_TEST(a_finding_tells_line_sentence_and_a_connection),
	BH_TEST(the_document_in_force_is_linted_without_a_text),
	BH_TEST(planted_faults_are_found_all_and_only_those),
	BH_TEST(ten_thousand_rules_between_two_segments_take_seconds),
	BH_TEST(what_a_regex_means_is_known_or_said_to_be_unknown),
	BH_TEST(names_are_said_not_to_be_compared),
	BH_TEST(five_thousand_beginnings_take_seconds),
	BH_TEST_END,
};
