/* Documents into force: what a load reports, what it leaves alone, what names keep. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy_world.h"
#include "unit.h"

static const struct bh_view *current;
static unsigned published;

static void
publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	current = view;
	published++;
}

static struct bh_policy *
make(enum bh_mode mode, uint32_t max_endpoints)
{
	struct bh_policy_params params = {.max_endpoints = max_endpoints,
					  .mode = mode,
					  .publish = publish};
	struct bh_policy *p = NULL;

	current = NULL;
	published = 0;
	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&p, &params), 0);
	return p;
}

static struct bh_policy_change
load(struct bh_policy *p, const char *text, bool dry_run)
{
	struct bh_policy_change change = {0};
	struct bh_err err = {0};
	int rc = bh_policy_load_text(p, "p.yaml", text, strlen(text), dry_run, &change, &err);

	if (rc != 0)
		fprintf(stderr, "\n%u:%u: %s\n", err.line, err.column, err.what);
	CU_ASSERT_EQUAL(rc, 0);
	return change;
}

static struct bh_judgement
judge(const char *src, const char *dst, uint8_t proto, uint16_t service)
{
	struct bh_flow_key key = {.proto = proto, .family = 4};
	struct bh_judgement j;
	struct bh_prefix p;

	bh_prefix_parse(src, &p, NULL);
	memcpy(key.addr[0].b, p.addr, 16);
	bh_prefix_parse(dst, &p, NULL);
	memcpy(key.addr[1].b, p.addr, 16);
	key.family = p.family;
	bh_policy_judge(current, &key, 0, service, NULL, &j);
	return j;
}

#define BASE                                                                                       \
	"version: 1\n"                                                                             \
	"endpoints:\n"                                                                             \
	"  - {address: 10.0.0.1, labels: {app: web}}\n"                                            \
	"  - {address: 10.0.0.2, labels: {app: db}}\n"                                             \
	"segments:\n"                                                                              \
	"  web: {selector: app=web}\n"                                                             \
	"  db: {selector: app=db}\n"                                                               \
	"  net: {addresses: [10.5.0.0/16]}\n"                                                      \
	"rules:\n"                                                                                 \
	"  - {id: a, from: web, to: db, ports: tcp/5432, action: allow}\n"                         \
	"  - {id: b, from: net, to: db, action: deny}\n"                                           \
	"  - {id: c, from: net, to: web, action: reject}\n"

static void
load_reports_what_it_changes(void)
{
	static const char next[] =
		"version: 1\n"
		"endpoints:\n"
		"  - {address: 10.0.0.1, labels: {app: web, tier: front}}\n"
		"  - {address: 10.0.0.3, labels: {app: db}}\n"
		"  - {address: 10.0.0.4, labels: {app: db}}\n"
		"segments:\n"
		"  web: {selector: \"app in (web, api)\"}\n"
		"  net: {addresses: [10.5.0.0/16]}\n"
		"  cache: {selector: app=cache}\n"
		"  more: {selector: app=more}\n"
		"rules:\n"
		"  - {id: c, from: net, to: web, action: deny}\n"
		"  - {id: a, from: web, to: cache, ports: tcp/5432, action: allow}\n"
		"  - {id: d, from: any, to: more, action: allow}\n";
	struct bh_policy *p = make(BH_MODE_PROTECT, 100);
	struct bh_policy_change c = load(p, BASE, false);

	CU_ASSERT_EQUAL(c.revision, 1);
	CU_ASSERT_EQUAL(c.segments, 3);
	CU_ASSERT_EQUAL(c.segments_added, 3);
	CU_ASSERT_EQUAL(c.rules, 3);
	CU_ASSERT_EQUAL(c.rules_added, 3);
	CU_ASSERT_EQUAL(c.endpoints, 2);
	CU_ASSERT_EQUAL(c.endpoints_added, 2);
	c = load(p, next, true);
	CU_ASSERT_EQUAL(c.revision, 1);
	CU_ASSERT_EQUAL(bh_policy_revision(p), 1);
	CU_ASSERT_EQUAL(published, 1);
	c = load(p, next, false);
	CU_ASSERT_EQUAL(c.revision, 2);
	CU_ASSERT_EQUAL(c.segments_added, 2);
	CU_ASSERT_EQUAL(c.segments_removed, 1);
	CU_ASSERT_EQUAL(c.segments_changed, 1);
	CU_ASSERT_EQUAL(c.rules, 3);
	CU_ASSERT_EQUAL(c.rules_added, 1);
	CU_ASSERT_EQUAL(c.rules_removed, 1);
	CU_ASSERT_EQUAL(c.rules_changed, 2);
	CU_ASSERT_EQUAL(c.endpoints, 3);
	CU_ASSERT_EQUAL(c.endpoints_added, 2);
	CU_ASSERT_EQUAL(c.endpoints_removed, 1);
	CU_ASSERT_EQUAL(c.endpoints_changed, 1);
	c = load(p, next, false);
	CU_ASSERT_EQUAL(c.rules_changed + c.rules_added + c.rules_removed, 0);
	CU_ASSERT_EQUAL(c.segments_changed + c.segments_added + c.segments_removed, 0);
	CU_ASSERT_EQUAL(c.endpoints_changed + c.endpoints_added + c.endpoints_removed, 0);
	bh_policy_destroy(p);
}

/* Order decides: a rule that overtook another is a change. */
static void
moved_rule_counts_as_changed(void)
{
	char text[4096] = "version: 1\nrules:\n";
	struct bh_policy *p = make(BH_MODE_PROTECT, 64);
	struct bh_policy_change c;
	int i;

	for (i = 0; i < 9; i++)
		sprintf(text + strlen(text), "  - {id: r%d, from: any, to: any, action: deny}\n",
			i);
	load(p, text, false);
	strcpy(text, "version: 1\nrules:\n");
	sprintf(text + strlen(text), "  - {id: r8, from: any, to: any, action: deny}\n");
	for (i = 0; i < 8; i++)
		sprintf(text + strlen(text), "  - {id: r%d, from: any, to: any, action: deny}\n",
			i);
	c = load(p, text, true);
	CU_ASSERT_EQUAL(c.rules_changed, 1);
	CU_ASSERT_EQUAL(c.rules_added, 0);
	bh_policy_destroy(p);
}

static void
failed_load_leaves_all_as_it_was(void)
{
	static const char *const bad[] = {
		"version: 1\nrules: [{from: nobody, to: any, action: allow}]\n",
		"version: 1\nendpoints:\n  - {address: 10.0.0.1, labels: {app: db}}\n"
		"  - {address: 10.0.0.7, labels: {app: db}}\n"
		"  - {address: 10.0.0.8, labels: {app: db}}\n",
		"not: yaml: at all\n",
	};
	struct bh_policy *p = make(BH_MODE_PROTECT, 2);
	struct bh_policy_change c = load(p, BASE, false);
	struct bh_judgement before = judge("10.0.0.1", "10.0.0.2", 6, 5432), after;
	const struct bh_view *view = current;
	struct bh_policy_counts counts;
	struct bh_buf text = {0};
	size_t i;

	CU_ASSERT_EQUAL(before.verdict, BH_VERDICT_ALLOW);
	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		struct bh_err err = {0};

		CU_ASSERT_NOT_EQUAL(bh_policy_load_text(p, "bad.yaml", bad[i], strlen(bad[i]),
							false, &c, &err),
				    0);
		CU_ASSERT_STRING_EQUAL(err.file, "bad.yaml");
		CU_ASSERT_TRUE(err.line != 0 && err.column != 0);
	}
	after = judge("10.0.0.1", "10.0.0.2", 6, 5432);
	CU_ASSERT_TRUE(w_same_judgement(&before, &after));
	CU_ASSERT_PTR_EQUAL(current, view);
	CU_ASSERT_EQUAL(bh_policy_revision(p), 1);
	bh_policy_counts(p, &counts);
	CU_ASSERT_EQUAL(counts.endpoints, 2);
	CU_ASSERT_EQUAL(counts.label_sets, 2);
	bh_policy_text(p, &text);
	CU_ASSERT_STRING_EQUAL(text.data, BASE);
	bh_buf_free(&text);
	bh_policy_destroy(p);
}

static void
names_keep_their_numbers_over_documents(void)
{
	struct bh_policy *p = make(BH_MODE_PROTECT, 64);
	struct bh_judgement first, last;

	load(p, BASE, false);
	first = judge("10.5.1.1", "10.0.0.2", 6, 1);
	CU_ASSERT_STRING_EQUAL(bh_policy_rule_name(p, first.rule), "b");
	CU_ASSERT_STRING_EQUAL(bh_policy_segment_name(p, first.segment[0]), "net");
	load(p, "version: 1\n", false);
	CU_ASSERT_STRING_EQUAL(bh_policy_rule_name(p, first.rule), "b");
	CU_ASSERT_STRING_EQUAL(bh_policy_segment_name(p, first.segment[0]), "net");
	load(p,
	     "version: 1\nsegments: {x: {selector: x}, net: {addresses: [10.5.0.0/16]}}\n"
	     "rules: [{from: x, to: x, action: deny}, {id: b, from: net, to: any, action: "
	     "allow}]\n",
	     false);
	last = judge("10.5.1.1", "10.0.0.2", 6, 1);
	CU_ASSERT_EQUAL(last.rule, first.rule);
	CU_ASSERT_EQUAL(last.segment[0], first.segment[0]);
	CU_ASSERT_EQUAL(last.class_[0], first.class_[0]);
	CU_ASSERT_STRING_EQUAL(bh_policy_segment_name(p, BH_SEGMENT_EXTERNAL), "external");
	CU_ASSERT_STRING_EQUAL(bh_policy_segment_name(p, BH_SEGMENT_UNKNOWN), "unknown");
	CU_ASSERT_STRING_EQUAL(bh_policy_segment_name(p, 1000), "");
	CU_ASSERT_STRING_EQUAL(bh_policy_rule_name(p, BH_NO_RULE), "");
	bh_policy_destroy(p);
}

static void
without_policy_nothing_passes_unless_discovering(void)
{
	static const struct {
		enum bh_mode mode;
		unsigned verdict, reason;
	} cases[] = {
		{BH_MODE_PROTECT, BH_VERDICT_DENY, BH_REASON_NO_POLICY},
		{BH_MODE_MONITOR, BH_VERDICT_VIOLATE, BH_REASON_NO_POLICY},
		{BH_MODE_DISCOVER, BH_VERDICT_ALLOW, BH_REASON_DISCOVER},
	};
	struct bh_judgement j;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct bh_policy *p = make(cases[i].mode, 64);

		CU_ASSERT_PTR_NULL(current);
		CU_ASSERT_EQUAL(bh_policy_load_empty(p, NULL), 0);
		CU_ASSERT_EQUAL(bh_policy_revision(p), 0);
		j = judge("10.0.0.1", "8.8.8.8", 6, 1);
		CU_ASSERT_EQUAL(j.verdict, cases[i].verdict);
		CU_ASSERT_EQUAL(j.reason, cases[i].reason);
		CU_ASSERT_EQUAL(j.segment[0], BH_SEGMENT_UNKNOWN);
		CU_ASSERT_EQUAL(j.segment[1], BH_SEGMENT_EXTERNAL);
		/* A document without rules is a policy: what it denies is denied by default. */
		load(p, "version: 1\nnetworks: {internal: []}\n", false);
		j = judge("10.0.0.1", "8.8.8.8", 6, 1);
		CU_ASSERT_EQUAL(j.reason, cases[i].mode != BH_MODE_DISCOVER ? BH_REASON_DEFAULT_DENY
									    : BH_REASON_DISCOVER);
		bh_policy_destroy(p);
	}
}

/* What every mode makes of a rule that denies. */
static void
mode_softens_denials_and_keeps_their_rule(void)
{
	static const struct {
		enum bh_mode mode;
		unsigned verdict, reason;
	} cases[] = {
		{BH_MODE_PROTECT, BH_VERDICT_REJECT, BH_REASON_RULE_REJECT},
		{BH_MODE_MONITOR, BH_VERDICT_VIOLATE, BH_REASON_RULE_REJECT},
		{BH_MODE_DISCOVER, BH_VERDICT_ALLOW, BH_REASON_DISCOVER},
	};
	struct bh_judgement j;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct bh_policy *p = make(cases[i].mode, 64);

		load(p, BASE, false);
		j = judge("10.5.0.1", "10.0.0.1", 17, 1);
		CU_ASSERT_EQUAL(j.verdict, cases[i].verdict);
		CU_ASSERT_EQUAL(j.reason, cases[i].reason);
		CU_ASSERT_EQUAL(j.mode, cases[i].mode);
		CU_ASSERT_EQUAL(j.protect_verdict, BH_VERDICT_REJECT);
		CU_ASSERT_EQUAL(j.protect_reason, BH_REASON_RULE_REJECT);
		CU_ASSERT_STRING_EQUAL(bh_policy_rule_name(p, j.rule), "c");
		j = judge("10.0.0.1", "10.0.0.2", 6, 5432);
		CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_ALLOW);
		CU_ASSERT_EQUAL(j.reason, BH_REASON_RULE_ALLOW);
		bh_policy_destroy(p);
	}
}

static void
lists_that_multiply_too_far_name_the_rule(void)
{
	struct bh_policy *p = make(BH_MODE_PROTECT, 64);
	struct bh_buf text = {0};
	struct bh_err err = {0};
	char got[1024];
	int i, k;

	bh_buf_str(&text, "version: 1\nsegments:\n");
	for (i = 0; i < 2100; i++)
		bh_buf_printf(&text, "  s%d: {selector: a=v%d}\n", i, i);
	bh_buf_str(&text, "rules:\n  - {id: small, from: s1, to: s2, action: allow}\n"
			  "  - {id: wide, from: [s0");
	for (k = 0; k < 2; k++) {
		for (i = 1; i < 2100; i++)
			bh_buf_printf(&text, ", s%d", i);
		bh_buf_str(&text, k == 0 ? "], to: [s0" : "], action: allow}\n");
	}
	CU_ASSERT_EQUAL(bh_policy_load_text(p, "p.yaml", text.data, text.len, false, NULL, &err),
			-E2BIG);
	bh_err_format(&err, got, sizeof(got));
	CU_ASSERT_STRING_EQUAL(
		got,
		"p.yaml:2105:5: the rules name more than 4194304 pairs of segments, rule 'wide' "
		"alone 4410000: give the segments in its lists a common label and make that one "
		"segment");
	bh_buf_free(&text);
	bh_policy_destroy(p);
}

struct seen {
	unsigned n;
	char text[1024];
};

static bool
see_segment(void *arg, const struct bh_segment_info *s)
{
	struct seen *seen = arg;

	seen->n++;
	sprintf(seen->text + strlen(seen->text), "%s[%s]%u/%u@%u%s ", s->name, s->selector,
		s->n_addresses, s->members, s->line, s->reserved ? "!" : "");
	return seen->n < 6;
}

static bool
see_rule(void *arg, const struct bh_rule_info *r)
{
	struct seen *seen = arg;

	seen->n++;
	sprintf(seen->text + strlen(seen->text), "%u %s: %s > %s (%s) %s '%s' @%u; ", r->index,
		r->id, r->from, r->to, r->ports, bh_verdict_name(r->action), r->comment, r->line);
	return true;
}

static void
segments_and_rules_are_told_as_they_were_written(void)
{
	static const char text[] =
		"version: 1\n"
		"endpoints:\n"
		"  - {address: 10.0.0.1, labels: {app: web}}\n"
		"  - {address: 10.0.0.2, labels: {app: web}}\n"
		"  - {address: 10.5.0.0/24, labels: {app: db}}\n"
		"  - {address: 10.0.0.0/8, labels: {app: net}}\n"
		"segments:\n"
		"  web: {selector: [app=web, '!legacy']}\n"
		"  both:\n"
		"    selector: app=db\n"
		"    addresses: [10.0.0.0/30, 10.0.0.0/31, 10.5.0.0/16]\n"
		"rules:\n"
		"  - {from: [web, both], to: any, ports: [tcp/80, icmp/3/4], action: allow}\n"
		"  - {id: x, from: any, to: web, action: reject, comment: why not}\n";
	struct bh_policy *p = make(BH_MODE_PROTECT, 64);
	struct seen seen = {0};

	load(p, text, false);
	bh_policy_segments_each(p, see_segment, &seen);
	CU_ASSERT_STRING_EQUAL(seen.text, "external[]0/0@0! unknown[]0/0@0! "
					  "web[app=web, !legacy]0/2@8 both[app=db]3/3@9 ");
	seen = (struct seen){0};
	bh_policy_rules_each(p, see_rule, &seen);
	CU_ASSERT_STRING_EQUAL(seen.text,
			       "0 rule-1: web, both > any (tcp/80, icmp/3/4) allow '' @13; "
			       "1 x: any > web (any) reject 'why not' @14; ");
	bh_policy_destroy(p);
}

static void
shipped_policy_loads_and_says_what_its_comments_say(void)
{
	struct bh_policy *p = make(BH_MODE_PROTECT, 64);
	struct bh_policy_change c;
	struct bh_err err = {0};

	CU_ASSERT_EQUAL_FATAL(bh_policy_load_file(p, "config/policy.yaml", false, &c, &err), 0);
	CU_ASSERT_EQUAL(judge("10.9.1.20", "10.9.2.10", 6, 6379).verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(judge("10.9.1.10", "10.9.2.10", 6, 6379).verdict, BH_VERDICT_PENDING);
	CU_ASSERT_EQUAL(judge("10.9.1.10", "10.9.2.10", 17, 6379).verdict, BH_VERDICT_REJECT);
	CU_ASSERT_EQUAL(judge("10.9.1.10", "10.9.2.11", 6, 443).verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(judge("10.9.1.20", "10.9.2.11", 1, 8 << 8).verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(judge("10.9.2.10", "10.9.1.20", 6, 80).reason, BH_REASON_DEFAULT_DENY);
	CU_ASSERT_EQUAL(judge("8.8.8.8", "10.9.2.10", 6, 6379).reason, BH_REASON_DEFAULT_DENY);
	CU_ASSERT_EQUAL(judge("10.9.9.9", "10.9.2.10", 6, 6379).reason, BH_REASON_UNKNOWN_SEGMENT);
	bh_policy_destroy(p);
}

const struct bh_unit_test bh_suite_policy_load[] = {
	BH_TEST(load_reports_what_it_changes),
	BH_TEST(moved_rule_counts_as_changed),
	BH_TEST(failed_load_leaves_all_as_it_was),
	BH_TEST(names_keep_their_numbers_over_documents),
	BH_TEST(without_policy_nothing_passes_unless_discovering),
	BH_TEST(mode_softens_denials_and_keeps_their_rule),
	BH_TEST(lists_that_multiply_too_far_name_the_rule),
	BH_TEST(segments_and_rules_are_told_as_they_were_written),
	BH_TEST(shipped_policy_loads_and_says_what_its_comments_say),
	BH_TEST_END};
