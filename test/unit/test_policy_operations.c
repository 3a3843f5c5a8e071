/* Operations in rules, case by case: what people write, and what must not be told wrongly. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/policy.h"
#include "unit.h"

#define HEAD                                                                                       \
	"version: 1\n"                                                                             \
	"endpoints:\n"                                                                             \
	"  - {address: 10.0.0.1, labels: {app: web}}\n"                                            \
	"  - {address: 10.0.0.2, labels: {app: db}}\n"                                             \
	"segments:\n"                                                                              \
	"  web: {selector: app=web}\n"                                                             \
	"  orders-db: {selector: app=db}\n"                                                        \
	"rules:\n"

static const struct bh_view *current;

static void
publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	current = view;
}

static struct bh_policy *
make(void)
{
	struct bh_policy_params params = {.max_endpoints = 16,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish};
	struct bh_policy *p = NULL;

	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&p, &params), 0);
	return p;
}

static struct bh_policy_change
load(struct bh_policy *p, const char *rules)
{
	struct bh_policy_change change = {0};
	struct bh_buf text = {0};
	struct bh_err err = {0};

	bh_buf_printf(&text, HEAD "%s", rules);
	if (bh_policy_load_text(p, "p.yaml", text.data, text.len, false, &change, &err) != 0)
		fprintf(stderr, "\n%u:%u: %s\n", err.line, err.column, err.what);
	CU_ASSERT_EQUAL(err.what[0], '\0');
	bh_buf_free(&text);
	return change;
}

/* From web to orders-db over an IP protocol. */
static struct bh_judgement
judge(uint8_t proto, const struct bh_said *said)
{
	struct bh_flow_key key = {.family = BH_IP4, .proto = proto};
	struct bh_judgement j;

	key.addr[0].b[0] = key.addr[1].b[0] = 10;
	key.addr[0].b[3] = 1;
	key.addr[1].b[3] = 2;
	bh_policy_judge(current, &key, 0, 5432, said, &j);
	return j;
}

static const struct bh_proto_state postgresql = {.app = BH_APP_POSTGRESQL, .decided = 1},
				   http = {.app = BH_APP_HTTP, .decided = 1},
				   redis = {.app = BH_APP_REDIS, .decided = 1},
				   nothing = {.decided = 1};

static struct bh_judgement
judge_sql(const char *verb, const char *table, uint8_t flags)
{
	struct bh_op op = {.app = BH_APP_POSTGRESQL, .flags = flags};
	struct bh_said said = {.app = &postgresql, .op = &op};

	bh_op_add(&op, BH_OP_PG_VERB, verb, strlen(verb));
	if (table != NULL)
		bh_op_add(&op, BH_OP_PG_TABLE, table, strlen(table));
	return judge(6, &said);
}

static const char select_and_insert[] =
	"  - from: web\n"
	"    to: orders-db\n"
	"    applications:\n"
	"      - postgresql: { verbs: [select, insert], tables: [\"orders\", \"order_*\"] }\n"
	"    action: allow\n";

static void
connection_that_may_select_may_not_delete(void)
{
	struct bh_policy *p = make();
	struct bh_said said = {.app = &postgresql};
	struct bh_judgement j;

	load(p, select_and_insert);
	j = judge(6, NULL);
	CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_PENDING);
	CU_ASSERT_EQUAL(j.reason, BH_REASON_HANDSHAKE);
	CU_ASSERT_STRING_EQUAL(bh_policy_rule_name(p, j.rule), "rule-1");
	j = judge(6, &said);
	CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_TRUE(j.by_operation && j.by_application);
	CU_ASSERT_EQUAL(judge_sql("select", "orders", 0).verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(judge_sql("SELECT", "order_items", 0).verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(judge_sql("select", NULL, 0).verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_FALSE(judge_sql("select", "orders", 0).by_operation);
	j = judge_sql("delete", "orders", 0);
	CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(j.reason, BH_REASON_OPERATION_DENY);
	CU_ASSERT_EQUAL(j.denied, BH_DENIED_DROP);
	CU_ASSERT_EQUAL(judge_sql("select", "cards", 0).reason, BH_REASON_OPERATION_DENY);
	CU_ASSERT_EQUAL(judge_sql("select", "Orders", 0).reason, BH_REASON_OPERATION_DENY);
	CU_ASSERT_EQUAL(judge_sql("select", "orders", BH_OP_PARTIAL).verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(judge_sql("delete", "orders", BH_OP_SESSION).verdict, BH_VERDICT_ALLOW);
	bh_policy_destroy(p);
}

static void
another_application_is_denied_by_its_name(void)
{
	struct bh_policy *p = make();
	struct bh_said said = {.app = &redis};

	load(p, select_and_insert);
	CU_ASSERT_EQUAL(judge(6, &said).verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(judge(6, &said).reason, BH_REASON_APP_DENY);
	said.app = &nothing;
	CU_ASSERT_EQUAL(judge(6, &said).reason, BH_REASON_APP_UNKNOWN);
	/* PostgreSQL is not spoken over these: no rule is about them. */
	CU_ASSERT_EQUAL(judge(17, NULL).reason, BH_REASON_DEFAULT_DENY);
	CU_ASSERT_EQUAL(judge(1, NULL).reason, BH_REASON_DEFAULT_DENY);
	CU_ASSERT_FALSE(judge(17, NULL).by_application);
	bh_policy_destroy(p);
}

static void
what_is_denied_goes_the_way_that_the_rule_says(void)
{
	static const char *const rules[] = {
		"  - {from: web, to: orders-db, action: allow, denied: reset,\n"
		"     applications: [{postgresql: {verbs: select}}]}\n",
		"  - {from: web, to: orders-db, action: allow, denied: respond,\n"
		"     applications: [{http: {methods: GET}}, {postgresql: {verbs: select}}]}\n"
		"  - {from: web, to: any, action: reject}\n",
		"  - {from: web, to: orders-db, action: allow, applications: [{postgresql: {verbs: "
		"select}}]}\n"
		"  - {from: web, to: any, action: reject}\n",
		"  - {from: web, to: orders-db, action: allow, denied: respond, applications: "
		"[{http: "
		"{methods: GET}}]}\n"
		"  - {from: web, to: orders-db, action: allow, applications: [{postgresql: {verbs: "
		"select}}]}\n",
	};
	static const uint8_t want[][2] = {{BH_VERDICT_DENY, BH_DENIED_RESET},
					  {BH_VERDICT_REJECT, BH_DENIED_RESPOND},
					  {BH_VERDICT_REJECT, BH_DENIED_RESET},
					  {BH_VERDICT_DENY, BH_DENIED_DROP}};
	struct bh_policy *p = make();
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(rules); i++) {
		load(p, rules[i]);
		CU_ASSERT_EQUAL(judge_sql("delete", "x", 0).verdict, want[i][0]);
		CU_ASSERT_EQUAL(judge_sql("delete", "x", 0).denied, want[i][1]);
	}
	bh_policy_destroy(p);
}

/* A path to a rule with a regular expression that explodes; with and without what it needs. */
static uint8_t
judge_path(struct bh_policy_scratch *scratch, const char *path)
{
	struct bh_op op = {.app = BH_APP_HTTP};
	struct bh_said said = {&http, &op, scratch};

	bh_op_add(&op, BH_OP_HTTP_PATH, path, strlen(path));
	return judge(6, &said).verdict;
}

static void
regular_expression_that_cannot_be_told_allows_nothing(void)
{
	static const char deny[] = "  - {from: any, to: any, action: deny,\n"
				   "     applications: [{http: {paths: ['~^/(a+)+$']}}]}\n"
				   "  - {from: any, to: any, action: allow}\n",
			  allow[] = "  - {from: any, to: any, action: allow,\n"
				    "     applications: [{http: {paths: ['~^/(a+)+$']}}]}\n";
	static const char hard[] = "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
	struct bh_policy *p = make();
	struct bh_policy_scratch *s;

	CU_ASSERT_EQUAL_FATAL(bh_policy_scratch_create(&s), 0);
	load(p, allow);
	CU_ASSERT_EQUAL(judge_path(s, "/aaa"), BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(judge_path(NULL, "/aaa"), BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(judge_path(s, "/b"), BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(judge_path(s, hard), BH_VERDICT_DENY);
	load(p, deny);
	CU_ASSERT_EQUAL(judge_path(s, "/aaa"), BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(judge_path(NULL, "/b"), BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(judge_path(s, "/b"), BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(judge_path(s, hard), BH_VERDICT_DENY);
	bh_policy_scratch_destroy(s);
	bh_policy_destroy(p);
}

/* Searched, not anchored; in any case for names, exactly for paths; $ is the end and not the line before it. */
static void
regular_expressions_are_searched(void)
{
	struct bh_policy *p = make();
	struct bh_policy_scratch *s;

	CU_ASSERT_EQUAL_FATAL(bh_policy_scratch_create(&s), 0);
	load(p, "  - {from: any, to: any, action: allow, applications: [{http: {paths: "
		"['~/v[12]/', '~end$']}}]}\n");
	CU_ASSERT_EQUAL(judge_path(s, "/api/v2/x"), BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(judge_path(s, "/api/V2/x"), BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(judge_path(s, "/end"), BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(judge_path(s, "/end\n"), BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(judge_path(s, "/ende"), BH_VERDICT_DENY);
	bh_policy_scratch_destroy(s);
	bh_policy_destroy(p);
}

static void
changed_operations_are_a_changed_rule(void)
{
	static const char *const lists[] = {"[redis]",
					    "[redis, tls]",
					    "[{redis: {commands: get}}]",
					    "[{redis: {commands: [get]}}]",
					    "[{redis: {commands: [get, set]}}]",
					    "[{redis: {commands: 'get, set'}}]",
					    "[{redis: {keys: [get, set]}}]"};
	/* [get] and get are the same list. */
	static const unsigned changed[] = {0, 1, 1, 0, 1, 1, 1};
	struct bh_policy *p = make();
	char rule[256];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(lists); i++) {
		snprintf(rule, sizeof(rule),
			 "  - {id: a, from: web, to: any, action: allow, applications: %s}\n",
			 lists[i]);
		CU_ASSERT_EQUAL(load(p, rule).rules_changed, changed[i]);
	}
	snprintf(
		rule, sizeof(rule),
		"  - {id: a, from: web, to: any, action: allow, denied: reset, applications: %s}\n",
		lists[i - 1]);
	CU_ASSERT_EQUAL(load(p, rule).rules_changed, 1);
	CU_ASSERT_EQUAL(load(p, rule).rules_changed, 0);
	bh_policy_destroy(p);
}

static bool
check_told(void *arg, const struct bh_rule_info *r)
{
	static const char *const want[] = {
		"postgresql (verbs: select, insert; tables: orders, order_*)", "redis, unknown",
		"any"};
	CU_ASSERT_STRING_EQUAL(r->applications, want[r->index]);
	CU_ASSERT_STRING_EQUAL(r->denied, "");
	CU_ASSERT_EQUAL(r->n_apps, r->index == 1 ? 2 : r->index == 0 ? 1 : 0);
	if (r->index == 0) {
		CU_ASSERT_EQUAL(r->app[0].app, BH_APP_POSTGRESQL);
		CU_ASSERT_EQUAL(r->app[0].list[1].field, BH_OP_PG_TABLE);
		CU_ASSERT_STRING_EQUAL(r->app[0].list[1].pattern[1], "order_*");
	}
	++*(unsigned *)arg;
	return true;
}

static void
rules_are_told_with_their_applications(void)
{
	struct bh_policy *p = make();
	char text[1024];
	unsigned n = 0;

	snprintf(text, sizeof(text),
		 "%s  - {from: web, to: any, applications: [Redis, UNKNOWN], action: deny}\n"
		 "  - {from: web, to: any, applications: any, action: allow}\n",
		 select_and_insert);
	load(p, text);
	bh_policy_rules_each(p, check_told, &n);
	CU_ASSERT_EQUAL(n, 3);
	bh_policy_destroy(p);
}

static int
load_overlapping(struct bh_policy *p, unsigned n, struct bh_err *err)
{
	struct bh_buf text = {0};
	unsigned i;
	int rc;

	bh_buf_str(&text, HEAD);
	for (i = 0; i < n; i++)
		bh_buf_printf(
			&text,
			"  - {from: web, to: orders-db, ports: tcp/%u-%u, applications: redis, "
			"action: allow}\n",
			i + 1, 30000 + i);
	rc = bh_policy_load_text(p, "p.yaml", text.data, text.len, false, NULL, err);
	bh_buf_free(&text);
	return rc;
}

/* n rules that overlap in all their ports are n * n in their chains: to a bound. */
static void
overlapping_rules_fit_to_a_bound_that_is_an_error(void)
{
	struct bh_policy *p = make();
	struct bh_policy_counts counts;
	struct bh_said said = {.app = &redis};
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(load_overlapping(p, 1500, &err), 0);
	bh_policy_counts(p, &counts);
	CU_ASSERT_TRUE(counts.bytes > 1500 * 1500 * 4 && counts.bytes < 64u << 20);
	CU_ASSERT_EQUAL(judge(6, NULL).verdict, BH_VERDICT_PENDING);
	CU_ASSERT_STRING_EQUAL(bh_policy_rule_name(p, judge(6, &said).rule), "rule-1");
	said.app = &http;
	CU_ASSERT_EQUAL(judge(6, &said).reason, BH_REASON_APP_DENY);
	CU_ASSERT_EQUAL(load_overlapping(p, 6000, &err), -E2BIG);
	CU_ASSERT_TRUE(err.line > 9 && err.column != 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "from web to orders-db"));
	CU_ASSERT_EQUAL(bh_policy_revision(p), 1);
	bh_policy_destroy(p);
}

static void
pattern_that_nothing_can_fit_is_refused(void)
{
	struct bh_policy *p = make();
	struct bh_buf text = {0};
	struct bh_err err = {0};
	unsigned i, len;

	for (len = BH_OP_VALUE_MAX; len <= BH_OP_VALUE_MAX + 1; len++) {
		bh_buf_reset(&text);
		bh_buf_str(&text,
			   HEAD "  - {from: web, to: any, action: allow, applications: [{redis: "
				"{keys: ");
		for (i = 0; i < len; i++)
			bh_buf_str(&text, "k");
		bh_buf_str(&text, "}}]}\n");
		CU_ASSERT_EQUAL(bh_policy_load_text(p, "p.yaml", text.data, text.len, false, NULL,
						    &err),
				len > BH_OP_VALUE_MAX ? -EINVAL : 0);
	}
	CU_ASSERT_STRING_EQUAL(err.what, "longer than 512 bytes: nothing that long can fit");
	CU_ASSERT_EQUAL(err.line, 9);
	bh_buf_free(&text);
	bh_policy_destroy(p);
}

const struct bh_unit_test bh_suite_policy_operations[] = {
	BH_TEST(connection_that_may_select_may_not_delete),
	BH_TEST(another_application_is_denied_by_its_name),
	BH_TEST(what_is_denied_goes_the_way_that_the_rule_says),
	BH_TEST(regular_expression_that_cannot_be_told_allows_nothing),
	BH_TEST(regular_expressions_are_searched),
	BH_TEST(changed_operations_are_a_changed_rule),
	BH_TEST(rules_are_told_with_their_applications),
	BH_TEST(overlapping_rules_fit_to_a_bound_that_is_an_error),
	BH_TEST(pattern_that_nothing_can_fit_is_refused),
	BH_TEST_END};
