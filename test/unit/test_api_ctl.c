/* bulkheadctl as a whole, against a real server. Its sources are compiled in here, all but main.c: they
 * are a program, not a room, and a room's tests link rooms. */
#include "api_ctl_rig.h"

static void
get_prints_a_table_of_every_kind(void)
{
	static const struct {
		const char *line, *head, *row;
	} cases[] = {
		{"get endpoints", "ADDRESS    SEGMENTS  LABELS",
		 "10.1.0.10  web       app=web,tier=front"},
		{"get ep -o wide", "SOURCE", "file"},
		{"get segments", "NAME      MODE     MEMBERS  SELECTOR", "web"},
		{"get rules", "ID            FROM  TO     PORTS     APPLICATIONS  ACTION",
		 "web-to-redis  web   redis  tcp/6379  any           allow"},
		{"get flows --limit 3", "PROTO  SOURCE", "10.0.0.0:1024"},
		{"get reasons", "REASON", "default_deny"},
		{"get ports", "NAME  PAIR", "shop-cde"},
		{"get workers", "WORKER  HEARTBEAT-MS", "12"},
		{"get stats", "WHAT", "dropped default_deny"},
		{"get policy", "WHAT", "revision"},
		{"get endpoint 10.1.0.10", "ADDRESS", "web"},
		{"get segment web", "NAME", "web"},
		{"get rule web-to-redis", "ID", "redis"},
		{"get port cde", "NAME", "inside"},
		{"get worker 1", "WORKER", "1"},
		{"get reason land", "REASON", "source and destination are the same"},
	};
	struct run r;
	size_t i;

	run_start(&r);
	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		CU_ASSERT_EQUAL(run(&r, cases[i].line), BH_CTL_OK);
		CU_ASSERT(says(r.out, cases[i].head));
		CU_ASSERT(says(r.out, cases[i].row));
	}
	CU_ASSERT_EQUAL(run(&r, "get policy -o yaml"), BH_CTL_OK);
	CU_ASSERT_STRING_EQUAL(r.out, fix_policy);
	run_stop(&r);
}

static void
json_output_is_json_and_pages_are_joined(void)
{
	struct run r;
	json_t *o;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "get flows -o json --limit 0"), BH_CTL_OK);
	o = json_loads(r.out, 0, NULL);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "items")), FIX_FLOWS);
	json_decref(o);
	CU_ASSERT_EQUAL(run(&r, "get flows -o json --limit 1200"), BH_CTL_OK);
	CU_ASSERT(says(r.err, "There are more"));
	o = json_loads(r.out, 0, NULL);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "items")), 1200);
	json_decref(o);
	CU_ASSERT_EQUAL(run(&r, "get stats -o json"), BH_CTL_OK);
	o = json_loads(r.out, 0, NULL);
	CU_ASSERT_EQUAL(fix_int(json_object_get(o, "total"), "packets"), 12);
	json_decref(o);
	run_stop(&r);
}

static void
filters_reach_the_gateway(void)
{
	struct run r;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "get endpoints -l app=redis"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "10.2.0.20"));
	CU_ASSERT_PTR_NULL(strstr(r.out, "10.1.0.10"));
	CU_ASSERT_EQUAL(run(&r, "get flows --filter port=1024"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "10.0.0.0:1024"));
	CU_ASSERT_PTR_NULL(strstr(r.out, ":1025"));
	CU_ASSERT_EQUAL(run(&r, "get flows --filter colour=red"), BH_CTL_USAGE);
	CU_ASSERT(says(r.err, "address segment port proto verdict state"));
	CU_ASSERT_EQUAL(run(&r, "get flows --filter proto=xyz"), BH_CTL_REFUSED);
	CU_ASSERT(says(r.err, "proto: must be tcp"));
	run_stop(&r);
}

static void
set_changes_the_mode_of_a_segment(void)
{
	struct run r;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "set mode web monitor --token-file @token"), BH_CTL_OK);
	CU_ASSERT_STRING_EQUAL(r.out, "segment web: monitor (set)\n");
	CU_ASSERT_EQUAL(run(&r, "get segments"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "monitor"));
	CU_ASSERT_EQUAL(run(&r, "set mode web policy --token-file @token"), BH_CTL_OK);
	CU_ASSERT_STRING_EQUAL(r.out, "segment web: protect (default)\n");
	CU_ASSERT_EQUAL(run(&r, "set mode web sometimes --token-file @token"), BH_CTL_REFUSED);
	CU_ASSERT(says(r.err, "discover, monitor, protect, or null"));
	CU_ASSERT_EQUAL(run(&r, "set mode wbe monitor --token-file @token"), BH_CTL_REFUSED);
	CU_ASSERT(says(r.err, "did you mean 'web'?"));
	CU_ASSERT_EQUAL(run(&r, "set colour web red --token-file @token"), BH_CTL_USAGE);
	run_stop(&r);
}

static void
what_is_not_there_is_exit_1(void)
{
	struct run r;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "get endpoint 10.99.0.1"), BH_CTL_NO);
	CU_ASSERT_EQUAL(run(&r, "describe segment nobody"), BH_CTL_NO);
	CU_ASSERT_EQUAL(run(&r, "describe reason nothing"), BH_CTL_NO);
	CU_ASSERT(says(r.err, "no reason is named nothing"));
	CU_ASSERT_EQUAL(run(&r, "get flow 5"), BH_CTL_USAGE);
	CU_ASSERT_EQUAL(run(&r, "get thing"), BH_CTL_USAGE);
	run_stop(&r);
}

static void
describe_tells_every_fact(void)
{
	struct run r;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "describe segment web"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "Name:"));
	CU_ASSERT(says(r.out, "10.1.0.10"));
	CU_ASSERT_EQUAL(run(&r, "describe endpoint 10.1.0.10"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "Labels:"));
	CU_ASSERT(says(r.out, "    tier: front"));
	CU_ASSERT_EQUAL(run(&r, "describe rule web-to-redis"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "tcp/6379"));
	CU_ASSERT_EQUAL(run(&r, "describe reason default_deny"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "no rule allows it"));
	run_stop(&r);
}

static void
changes_need_the_token_file(void)
{
	struct run r;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "label endpoint 10.1.0.10 a=b"), BH_CTL_REFUSED);
	CU_ASSERT(says(r.err, "--token-file"));
	CU_ASSERT_EQUAL(run(&r, "label endpoint 10.1.0.10 a=b --token-file @token"), BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "-t @policy label endpoint 10.1.0.10 a=b"), BH_CTL_REFUSED);
	CU_ASSERT_EQUAL(run(&r, "-t /nonexistent label endpoint 10.1.0.10 a=b"), BH_CTL_USAGE);
	setenv("BULKHEAD_TOKEN_FILE", r.token, 1);
	CU_ASSERT_EQUAL(run(&r, "label endpoint 10.1.0.10 a=c"), BH_CTL_OK);
	run_stop(&r);
}

static void
endpoints_are_made_labelled_and_deleted(void)
{
	struct run r;
	json_t *o;

	run_start(&r);
	setenv("BULKHEAD_TOKEN_FILE", r.token, 1);
	CU_ASSERT_EQUAL(run(&r, "create endpoint 10.7.0.0/16 app=web x=y --vlan 5"), BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "label ep 10.7.0.0/16 x- z=1 --vlan=5"), BH_CTL_OK);
	o = fix_get(&r.fix, "/api/v1/endpoints/10.7.0.0%2F16?vlan=5");
	CU_ASSERT_STRING_EQUAL(fix_str(json_object_get(o, "labels"), "z"), "1");
	CU_ASSERT_EQUAL(json_object_size(json_object_get(o, "labels")), 2);
	json_decref(o);
	CU_ASSERT_EQUAL(run(&r, "delete endpoint 10.7.0.0/16"), BH_CTL_REFUSED); /* other tenant */
	CU_ASSERT_EQUAL(run(&r, "delete endpoint 10.7.0.0/16 --vlan 5"), BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "get endpoint 10.7.0.0/16 --vlan 5"), BH_CTL_NO);
	CU_ASSERT_EQUAL(run(&r, "label endpoint 10.1.0.10 novalue"), BH_CTL_USAGE);
	CU_ASSERT_EQUAL(run(&r, "create endpoint 10.1.0.10 x-"), BH_CTL_USAGE);
	CU_ASSERT_EQUAL(run(&r, "delete segment web"), BH_CTL_USAGE);
	CU_ASSERT_EQUAL(run(&r, "label endpoint 10.1.0.10 a=b!"), BH_CTL_REFUSED);
	CU_ASSERT(says(r.err, "/labels/a"));
	run_stop(&r);
}

static void
apply_puts_the_policy_into_force(void)
{
	struct run r;
	uint32_t revision;

	run_start(&r);
	setenv("BULKHEAD_TOKEN_FILE", r.token, 1);
	revision = bh_policy_revision(r.fix.policy);
	CU_ASSERT_EQUAL(run(&r, "apply --dry-run -f @policy"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "rules: "));
	CU_ASSERT_EQUAL(bh_policy_revision(r.fix.policy), revision);
	CU_ASSERT_EQUAL(run(&r, "apply -f @policy"), BH_CTL_OK);
	CU_ASSERT(bh_policy_revision(r.fix.policy) > revision);
	CU_ASSERT(says(r.out, "in force, revision"));
	CU_ASSERT_EQUAL(run(&r, "apply"), BH_CTL_USAGE);
	CU_ASSERT_EQUAL(run(&r, "apply -f /nonexistent"), BH_CTL_USAGE);
	run_stop(&r);
}

static void
policy_error_is_file_line_and_column(void)
{
	char want[128];
	struct run r;

	run_start(&r);
	setenv("BULKHEAD_TOKEN_FILE", r.token, 1);
	unlink(r.policy);
	write_file(r.policy, sizeof(r.policy), "version: 1\nruls: []\n");
	CU_ASSERT_EQUAL(run(&r, "apply -f @policy"), BH_CTL_REFUSED);
	snprintf(want, sizeof(want), "%s:2:1: ", r.policy);
	CU_ASSERT_EQUAL(strncmp(r.err, want, strlen(want)), 0);
	CU_ASSERT_EQUAL(run(&r, "diff -f @policy"), BH_CTL_REFUSED);
	run_stop(&r);
}

static void
diff_is_exit_1_when_something_would_change(void)
{
	struct bh_buf more = {0};
	struct run r;

	run_start(&r);
	setenv("BULKHEAD_TOKEN_FILE", r.token, 1);
	CU_ASSERT_EQUAL(run(&r, "diff -f @policy"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "Nothing would change."));
	unlink(r.policy);
	bh_buf_printf(&more, "%s  - {id: new, from: redis, to: web, action: deny}\n", fix_policy);
	write_file(r.policy, sizeof(r.policy), more.data);
	bh_buf_free(&more);
	CU_ASSERT_EQUAL(run(&r, "diff -f @policy"), BH_CTL_NO);
	CU_ASSERT(says(r.out, "\n+  - {id: new, from: redis, to: web, action: deny}\n"));
	CU_ASSERT(says(r.out, "--- in force\n"));
	CU_ASSERT_EQUAL(fix_send(&r.fix, "GET", "/api/v1/rules/new", NULL), 404);
	run_stop(&r);
}

static void
rules_show_their_applications_and_operations(void)
{
	static const char rule[] = "  - id: db\n    from: web\n    to: redis\n    applications:\n"
				   "      - postgresql: { verbs: [select, insert], tables: "
				   "[\"orders\", \"order_*\"] }\n"
				   "      - Redis\n    denied: reset\n    action: allow\n";
	struct bh_buf more = {0};
	json_t *o, *list, *tables;
	struct run r;

	run_start(&r);
	setenv("BULKHEAD_TOKEN_FILE", r.token, 1);
	unlink(r.policy);
	bh_buf_printf(&more, "%s%s", fix_policy, rule);
	write_file(r.policy, sizeof(r.policy), more.data);
	bh_buf_free(&more);
	CU_ASSERT_EQUAL(run(&r, "apply -f @policy"), BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "get rules"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "postgresql (verbs: select,insert; tables: orders,order_*),redis "));
	CU_ASSERT_EQUAL(run(&r, "describe rule db"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "postgresql (verbs: select,insert; tables: orders,order_*),redis\n"));
	o = fix_get(&r.fix, "/api/v1/rules/db");
	list = json_object_get(o, "applications");
	CU_ASSERT_EQUAL(json_array_size(list), 2);
	CU_ASSERT_STRING_EQUAL(fix_str(json_array_get(list, 0), "application"), "postgresql");
	tables = json_object_get(json_object_get(json_array_get(list, 0), "operations"), "tables");
	CU_ASSERT_EQUAL(json_array_size(tables), 2);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(tables, 1)), "order_*");
	CU_ASSERT_STRING_EQUAL(fix_str(json_array_get(list, 1), "application"), "redis");
	CU_ASSERT_PTR_NULL(json_object_get(json_array_get(list, 1), "operations"));
	CU_ASSERT_STRING_EQUAL(fix_str(o, "denied"), "reset");
	json_decref(o);
	o = fix_get(&r.fix, "/api/v1/rules/web-to-redis");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "applications")), 0);
	CU_ASSERT_PTR_NULL(json_object_get(o, "denied"));
	json_decref(o);
	run_stop(&r);
}

static void
health_is_exit_1_and_says_why(void)
{
	struct run r;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "health"), BH_CTL_OK);
	CU_ASSERT_STRING_EQUAL(r.out, "ok\n");
	r.fix.age_ms[0] = 60000;
	CU_ASSERT_EQUAL(run(&r, "health"), BH_CTL_NO);
	CU_ASSERT(says(r.out, "degraded\n  worker 0 has been silent"));
	run_stop(&r);
}

static void
top_shows_rates(void)
{
	struct run r;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "top --once --interval 0.05"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "WORKER"));
	CU_ASSERT(says(r.out, "shop"));
	CU_ASSERT(says(r.out, "default_deny"));
	CU_ASSERT_EQUAL(run(&r, "top -n 2 -i 0.05"), BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "top -i 0"), BH_CTL_USAGE);
	CU_ASSERT_EQUAL(run(&r, "top -n 0"), BH_CTL_USAGE);
	run_stop(&r);
}

static void
absent_gateway_is_exit_4_and_says_where_it_was_looked_for(void)
{
	struct run r;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "--server http://127.0.0.1:1 get flows"), BH_CTL_UNREACHABLE);
	CU_ASSERT(says(r.err, "http://127.0.0.1:1 (from --server)"));
	CU_ASSERT(says(r.err, "BULKHEAD_SERVER"));
	CU_ASSERT_EQUAL(run(&r, "--server http://127.0.0.1:1 health"), BH_CTL_UNREACHABLE);
	CU_ASSERT_EQUAL(run(&r, "--server file:///etc get flows"), BH_CTL_UNREACHABLE);
	CU_ASSERT_EQUAL(run(&r, "get rules -s nonsense://x"), BH_CTL_UNREACHABLE);
	run_stop(&r);
}

static void
lint_tells_findings_by_line_and_exit_code(void)
{
	char bad[64], wrong[64], line[128];
	struct run r;

	run_start(&r);
	setenv("BULKHEAD_TOKEN_FILE", r.token, 1);
	write_file(bad, sizeof(bad),
		   "version: 1\nsegments: {a: {addresses: [10.5.0.0/24]}}\nrules:\n"
		   "  - {id: one, from: a, to: a, ports: tcp/1-9, action: allow}\n"
		   "  - {id: two, from: a, to: a, ports: tcp/5, action: deny}\n");
	write_file(wrong, sizeof(wrong), "version: 1\nrules: 5\n");
	CU_ASSERT_EQUAL(run(&r, "lint"), 0);
	CU_ASSERT(says(r.out, "2 rules: nothing found"));
	snprintf(line, sizeof(line), "lint %s", bad);
	CU_ASSERT_EQUAL(run(&r, line), 1);
	CU_ASSERT(says(r.out, ":5: error: shadowed: rule 'two' never decides"));
	CU_ASSERT(says(r.out, "a 10.5.0.0 -> a 10.5.0.0 tcp/5: allow by one"));
	CU_ASSERT(says(r.out, "1 errors, 0 warnings"));
	snprintf(line, sizeof(line), "lint %s -o json", bad);
	CU_ASSERT_EQUAL(run(&r, line), 1);
	CU_ASSERT(says(r.out, "\"findings\""));
	snprintf(line, sizeof(line), "lint %s", wrong);
	CU_ASSERT_EQUAL(run(&r, line), 2);
	CU_ASSERT(says(r.err, ":2:"));
	CU_ASSERT_EQUAL(run(&r, "lint /nonexistent"), 2);
	CU_ASSERT_EQUAL(run(&r, "lint -s http://127.0.0.1:1"), 2);
	unlink(bad);
	unlink(wrong);
	run_stop(&r);
}

static void
explain_tells_verdict_path_and_nearest_rule(void)
{
	struct run r;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "explain 10.1.0.10 10.2.0.20 tcp/6379"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "allow: a rule allows it (rule_allow), rule web-to-redis in line 9"));
	CU_ASSERT(says(r.out, "from  10.1.0.10: in web (endpoint 10.1.0.10)"));
	CU_ASSERT_EQUAL(run(&r, "explain app=web redis tcp/80 -a http --op methods=GET"),
			BH_CTL_OK);
	CU_ASSERT(says(r.out, "deny: a rule denies it"));
	CU_ASSERT(says(r.out, "web-to-redis  allow   port     tcp/80 is not in tcp/6379"));
	CU_ASSERT(says(r.out, "no-more       deny    decides"));
	CU_ASSERT(says(r.out, "Nearest: rule web-to-redis in line 9 would allow it but for: port"));
	CU_ASSERT_EQUAL(run(&r, "explain web redis tcp/80 -o json"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "\"path\""));
	CU_ASSERT_EQUAL(run(&r, "explain web nobody tcp/80"), BH_CTL_REFUSED);
	CU_ASSERT(says(r.err, "no segment is named 'nobody'"));
	CU_ASSERT_EQUAL(run(&r, "explain web redis"), BH_CTL_USAGE);
	run_stop(&r);
}

static int
check_sensors(struct run *r, const char *text, const char *options)
{
	char path[64], line[160];
	int rc;

	write_file(path, sizeof(path), text);
	snprintf(line, sizeof(line), "sensors check %s %s", path, options);
	rc = run(r, line);
	unlink(path);
	return rc;
}

static void
sensors_check_tells_what_is_not_loaded_by_exit_code_and_place(void)
{
	static const char rules[] =
		"#alert tcp any any -> any any (content:\"z\"; sid:1;)\n"
		"alert http any any -> any any (http.uri; content:\"/x\"; sid:2;)\n";
	char more[512];
	struct run r;

	run_start(&r);
	CU_ASSERT_EQUAL(check_sensors(&r, rules, ""), BH_CTL_OK);
	CU_ASSERT(says(r.out, ": suricata: sensors 1, rules 1, patterns 1,"));
	CU_ASSERT(says(r.out, "disabled 1, left out 0, changed 0\n"));
	CU_ASSERT(says(r.out, "compiled: rules 1, databases "));
	snprintf(more, sizeof(more),
		 "%salert tcp any any -> any any (content:\"a\"; lua:x; sid:3;)\n", rules);
	CU_ASSERT_EQUAL(check_sensors(&r, more, ""), BH_CTL_NO);
	CU_ASSERT(says(r.out, "left out 1, changed 0\n"));
	CU_ASSERT(says(r.out, ":3:44: skipped sid 3, lua: programs in rules are not run\n"));
	CU_ASSERT_EQUAL(check_sensors(&r, more, "-o json"), BH_CTL_NO);
	CU_ASSERT(says(r.out, "\"option\": \"lua\""));
	CU_ASSERT_EQUAL(check_sensors(&r, "sensors: [{name: a}]\n", ""), BH_CTL_USAGE);
	CU_ASSERT(says(r.err, ":1:11: a sensor needs 'rules'"));
	CU_ASSERT_EQUAL(
		check_sensors(
			&r, "sensors: [{name: a, rules: [{name: b, patterns: [{value: '('}]}]}]\n",
			""),
		BH_CTL_USAGE);
	CU_ASSERT(says(r.err, ":1:60: sensor 'a', rule 'b', packet pattern '('"));
	CU_ASSERT_EQUAL(run(&r, "sensors check /nonexistent"), BH_CTL_USAGE);
	CU_ASSERT_EQUAL(run(&r, "sensors chekc x"), BH_CTL_USAGE);
	CU_ASSERT(says(r.err, "did you mean check?"));
	run_stop(&r);
}

static void
help_names_every_verb_option_kind_and_exit_code(void)
{
	char line[64];
	struct run r;
	size_t i;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "--help"), BH_CTL_OK);
	for (i = 0; i < bh_ctl_n_verbs; i++)
		CU_ASSERT(says(r.out, bh_ctl_verbs[i].name));
	for (i = 0; bh_ctl_kind_name(i) != NULL; i++)
		CU_ASSERT(says(r.out, bh_ctl_kind_name(i)));
	CU_ASSERT(says(r.out, "--token-file"));
	CU_ASSERT(says(r.out, "  4  no gateway answers there"));
	for (i = 0; i < bh_ctl_n_verbs; i++) {
		snprintf(line, sizeof(line), "%s --help", bh_ctl_verbs[i].name);
		CU_ASSERT_EQUAL(run(&r, line), BH_CTL_OK);
		CU_ASSERT(says(r.out, bh_ctl_verbs[i].text));
	}
	CU_ASSERT_EQUAL(run(&r, ""), BH_CTL_USAGE);
	CU_ASSERT_EQUAL(run(&r, "--version"), BH_CTL_OK);
	CU_ASSERT(says(r.out, BH_VERSION));
	CU_ASSERT_EQUAL(run(&r, "version"), BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "completion bash"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "complete -F"));
	run_stop(&r);
}

const struct bh_unit_test bh_suite_api_ctl[] = {
	BH_TEST(get_prints_a_table_of_every_kind),
	BH_TEST(json_output_is_json_and_pages_are_joined),
	BH_TEST(filters_reach_the_gateway),
	BH_TEST(set_changes_the_mode_of_a_segment),
	BH_TEST(what_is_not_there_is_exit_1),
	BH_TEST(describe_tells_every_fact),
	BH_TEST(changes_need_the_token_file),
	BH_TEST(endpoints_are_made_labelled_and_deleted),
	BH_TEST(apply_puts_the_policy_into_force),
	BH_TEST(policy_error_is_file_line_and_column),
	BH_TEST(diff_is_exit_1_when_something_would_change),
	BH_TEST(rules_show_their_applications_and_operations),
	BH_TEST(health_is_exit_1_and_says_why),
	BH_TEST(top_shows_rates),
	BH_TEST(absent_gateway_is_exit_4_and_says_where_it_was_looked_for),
	BH_TEST(lint_tells_findings_by_line_and_exit_code),
	BH_TEST(explain_tells_verdict_path_and_nearest_rule),
	BH_TEST(sensors_check_tells_what_is_not_loaded_by_exit_code_and_place),
	BH_TEST(help_names_every_verb_option_kind_and_exit_code),
	BH_TEST_END,
};
