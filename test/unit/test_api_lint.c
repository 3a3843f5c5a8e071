/* /lint and /explain over HTTP. */
#include "api_fixture.h"

static json_t *
post_lint(const struct fix *f, const char *text, long status)
{
	struct answer a;
	json_t *o;

	fix_ask(f,
		&(struct ask){.method = "POST",
			      .path = "/api/v1/lint",
			      .body = text,
			      .type = "application/yaml"},
		&a);
	CU_ASSERT_EQUAL(a.status, status);
	o = json_incref(a.json);
	fix_answer_free(&a);
	return o;
}

static const char shadowed[] =
	"version: 1\n"
	"segments: {a: {selector: app=a}, b: {addresses: [10.5.0.0/24]}}\n"
	"rules:\n"
	"  - {id: first, from: a, to: b, ports: tcp/1-100, action: allow}\n"
	"  - {id: second, from: a, to: b, ports: tcp/50, applications: redis, action: deny}\n";

static void
a_document_is_linted_and_not_put_in_force(void)
{
	struct fix f;
	json_t *o, *finding, *w;

	fix_start(&f, NULL);
	o = post_lint(&f, shadowed, 200);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "findings")), 1);
	CU_ASSERT_EQUAL(fix_int(json_object_get(o, "counts"), "error"), 1);
	finding = json_array_get(json_object_get(o, "findings"), 0);
	CU_ASSERT_STRING_EQUAL(fix_str(finding, "kind"), "shadowed");
	CU_ASSERT_STRING_EQUAL(fix_str(finding, "severity"), "error");
	CU_ASSERT_STRING_EQUAL(fix_str(finding, "rule"), "second");
	CU_ASSERT_EQUAL(fix_int(finding, "line"), 5);
	CU_ASSERT_STRING_EQUAL(json_string_value(
				       json_array_get(json_object_get(finding, "others"), 0)),
			       "first");
	w = json_object_get(finding, "witness");
	CU_ASSERT_STRING_EQUAL(fix_str(w, "service"), "tcp/50");
	CU_ASSERT_STRING_EQUAL(fix_str(w, "application"), "redis");
	CU_ASSERT_STRING_EQUAL(fix_str(w, "rule"), "first");
	CU_ASSERT_STRING_EQUAL(fix_str(json_object_get(w, "to"), "segment"), "b");
	json_decref(o);
	o = fix_get(&f, "/api/v1/rules/web-to-redis");
	CU_ASSERT_PTR_NOT_NULL(o);
	json_decref(o);
	fix_stop(&f);
}

static void
an_empty_body_means_the_policy_in_force(void)
{
	struct fix f;
	json_t *o;

	fix_start(&f, NULL);
	o = post_lint(&f, "", 200);
	CU_ASSERT_EQUAL(fix_int(o, "rules"), 2);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "findings")), 0);
	json_decref(o);
	o = fix_get(&f, "/api/v1/lint");
	CU_ASSERT_EQUAL(fix_int(o, "rules"), 2);
	json_decref(o);
	o = post_lint(&f, "version: 1\nrules: 5\n", 422);
	CU_ASSERT_EQUAL(fix_int(o, "line"), 2);
	json_decref(o);
	f.token = NULL;
	o = post_lint(&f, shadowed, 401);
	json_decref(o);
	fix_stop(&f);
}

/* The fixture's rules: one that decided yesterday, one that never did, for 100 days. */
static bool
use_of_rules(void *arg, uint32_t rule, struct bh_api_use *out)
{
	const uint64_t day = UINT64_C(86400) * BH_NS_PER_SEC, now = bh_clock_system.wall_ns(NULL);
	struct fix *f = arg;

	*out = (struct bh_api_use){.since_ns = now - 100 * day};
	if (strcmp(bh_policy_rule_name(f->policy, rule), "web-to-redis") == 0) {
		out->hits = 1;
		out->first_ns = out->last_ns = now - day;
	}
	return true;
}

static void
count_rules(struct bh_api_params *p)
{
	p->ops.rule_use = use_of_rules;
}

static void
rules_in_force_that_decided_nothing_for_so_long_are_told(void)
{
	static const struct {
		const char *path;
		unsigned n;
	} cases[] = {{"/api/v1/lint", 1},
		     {"/api/v1/lint?days=101", 0},
		     {"/api/v1/lint?days=1", 2},
		     {"/api/v1/lint?days=0", 1}};
	json_t *o, *finding;
	struct fix f;
	size_t i;

	fix_start(&f, count_rules);
	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		o = fix_get(&f, cases[i].path);
		CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "findings")), cases[i].n);
		finding = json_array_get(json_object_get(o, "findings"), cases[i].n == 2);
		if (cases[i].n != 0) {
			CU_ASSERT_STRING_EQUAL(fix_str(finding, "kind"), "never-hit");
			CU_ASSERT_STRING_EQUAL(fix_str(finding, "rule"), "no-more");
			CU_ASSERT(fix_str(finding, "since")[0] != '\0');
		}
		json_decref(o);
	}
	fix_stop(&f);
}

/* How many findings of this kind there are, all of them about this rule. */
static unsigned
findings_about(json_t *lint, const char *kind, const char *rule)
{
	json_t *list = json_object_get(lint, "findings"), *f;
	unsigned n = 0;
	size_t i;

	json_array_foreach(list, i, f)
	{
		if (strcmp(fix_str(f, "kind"), kind) != 0)
			continue;
		CU_ASSERT_STRING_EQUAL(fix_str(f, "rule"), rule);
		n++;
	}
	return n;
}

#define DRAFT                                                                                      \
	"version: 1\n"                                                                             \
	"segments: {web: {selector: app=web}, redis: {selector: app=redis}}\n"                     \
	"rules:\n"                                                                                 \
	"  - {id: new, from: redis, to: web, ports: tcp/1, action: allow}\n"

/* What is in force was counted; who takes it over into a draft is told, at each dry run. */
static void
a_draft_hears_of_rules_that_it_takes_over_word_for_word(void)
{
	static const struct {
		const char *text;
		unsigned n;
	} cases[] = {
		{DRAFT "  - {id: no-more, from: any, to: redis, action: deny, comment: kept}\n", 1},
		{DRAFT "  - {id: no-more, from: any, to: redis, ports: tcp, action: deny}\n", 0},
		{DRAFT "  - {id: no-longer, from: any, to: redis, action: deny}\n", 0},
		{DRAFT, 0},
	};
	struct answer a;
	struct fix f;
	size_t i;

	fix_start(&f, count_rules);
	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		json_t *o = post_lint(&f, cases[i].text, 200);

		CU_ASSERT_EQUAL(findings_about(o, "never-hit", "no-more"), cases[i].n);
		json_decref(o);
		fix_ask(&f,
			&(struct ask){.method = "PUT",
				      .path = "/api/v1/policy?dry_run=1",
				      .body = cases[i].text,
				      .type = "application/yaml"},
			&a);
		CU_ASSERT_EQUAL(a.status, 200);
		CU_ASSERT_EQUAL(findings_about(json_object_get(a.json, "lint"), "never-hit",
					       "no-more"),
				cases[i].n);
		fix_answer_free(&a);
	}
	fix_stop(&f);
}

static void
a_decision_is_explained_by_address_segment_and_labels(void)
{
	static const char *const froms[] = {"10.1.0.10", "web", "app=web,tier=front"};
	struct fix f;
	char path[200];
	json_t *o;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(froms); i++) {
		snprintf(path, sizeof(path),
			 "/api/v1/explain?from=%s&to=10.2.0.20&service=tcp/6379", froms[i]);
		o = fix_get(&f, path);
		CU_ASSERT_STRING_EQUAL(fix_str(o, "verdict"), "allow");
		CU_ASSERT_STRING_EQUAL(fix_str(o, "rule"), "web-to-redis");
		CU_ASSERT_EQUAL(json_is_true(json_object_get(o, "judged")), i == 0);
		json_decref(o);
	}
	o = fix_get(&f, "/api/v1/explain?from=web&to=redis&service=tcp/80&application=http"
			"&op=methods=GET&op=paths=/x");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "verdict"), "deny");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "rule"), "no-more");
	CU_ASSERT_STRING_EQUAL(fix_str(json_object_get(o, "nearest"), "rule"), "web-to-redis");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "path")), 2);
	CU_ASSERT_STRING_EQUAL(fix_str(json_array_get(json_object_get(o, "path"), 0), "outcome"),
			       "port");
	json_decref(o);
	fix_stop(&f);
}

static void
wrong_questions_are_400_and_say_what(void)
{
	static const char *const paths[] = {
		"/api/v1/explain",
		"/api/v1/explain?from=web&to=redis",
		"/api/v1/explain?from=web&to=redis&service=any",
		"/api/v1/explain?from=nobody&to=redis&service=tcp/1",
		"/api/v1/explain?from=10.0.0.0/8&to=redis&service=tcp/1",
		"/api/v1/explain?from=10.0.0.1&to=2001:db8::1&service=tcp/1",
		"/api/v1/explain?from=a%3Db,c&to=redis&service=tcp/1",
		"/api/v1/explain?from=web&to=redis&service=tcp/1&application=rediss",
		"/api/v1/explain?from=web&to=redis&service=tcp/1&op=methods=GET",
		"/api/v1/explain?from=web&to=redis&service=tcp/1&application=redis&op=methods=GET",
	};
	struct answer a;
	struct fix f;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(paths); i++) {
		fix_ask(&f, &(struct ask){.method = "GET", .path = paths[i]}, &a);
		CU_ASSERT_EQUAL(a.status, 400);
		CU_ASSERT(fix_str(a.json, "detail")[0] != '\0');
		fix_answer_free(&a);
	}
	fix_stop(&f);
}

const struct bh_unit_test bh_suite_api_lint[] = {
	BH_TEST(a_document_is_linted_and_not_put_in_force),
	BH_TEST(an_empty_body_means_the_policy_in_force),
	BH_TEST(rules_in_force_that_decided_nothing_for_so_long_are_told),
	BH_TEST(a_draft_hears_of_rules_that_it_takes_over_word_for_word),
	BH_TEST(a_decision_is_explained_by_address_segment_and_labels),
	BH_TEST(wrong_questions_are_400_and_say_what),
	BH_TEST_END,
};
