/* Our own documents of sensors: what they become, and where mistakes are. */
#include "signature_rig.h"

static const char full[] =
	"version: 1\n"
	"sensors:\n"
	"  - name: leak.projects\n"
	"    comment: names of projects\n"
	"    severity: high\n"
	"    category: dlp.projects\n"
	"    attack: T1048\n"
	"    exceptions:\n"
	"      - {rules: [codename], segments: [press]}\n"
	"    rules:\n"
	"      - name: codename\n"
	"        patterns:\n"
	"          - {op: regex, value: 'project\\s+(alpha|beta)', context: body}\n"
	"          - {op: \"!regex\", value: 'public', context: header}\n"
	"          - op: literal\n"
	"            value: \"Confidential\"\n"
	"            nocase: false\n"
	"      - name: upload\n"
	"        message: an upload of much\n"
	"        severity: low\n"
	"        category: dlp.upload\n"
	"        attack: T1567\n"
	"        action: deny\n"
	"        application: http\n"
	"        side: client\n"
	"        threshold: {type: once, count: 5, seconds: 60, track: source}\n"
	"        patterns:\n"
	"          - {value: '^/upload', context: http.uri, multiline: false, dotall: false}\n"
	"attach:\n"
	"  - {sensor: '*', segments: [shop, press], action: alert}\n"
	"  - {sensor: leak.projects, rules: [upload], segments: shop, peers: [external], side: "
	"client, "
	"action: quarantine}\n"
	"  - {sensor: dlp.card, action: deny}\n"
	"exceptions:\n"
	"  - {sensor: sqli, segments: [scanner], side: client, comment: our own}\n";

static void
every_key_reaches_the_model(void)
{
	const struct bh_sensor_rule *rule;
	const struct bh_sensor *s;
	struct rig r;

	rig_must(&r, "a.yaml", full);
	s = r.s->model->sensors;
	CU_ASSERT_STRING_EQUAL(s->name, "leak.projects");
	CU_ASSERT_STRING_EQUAL(s->comment, "names of projects");
	CU_ASSERT_STRING_EQUAL(s->category, "dlp.projects");
	CU_ASSERT_STRING_EQUAL(s->attack, "T1048");
	CU_ASSERT_STRING_EQUAL(s->file, "a.yaml");
	CU_ASSERT_EQUAL(s->severity, 1);
	CU_ASSERT_EQUAL(s->line, 3);
	rule = rig_rule(&r, "codename");
	CU_ASSERT_EQUAL(rule->severity, 0);
	CU_ASSERT_EQUAL(rule->line, 11);
	rule = rig_rule(&r, "upload");
	CU_ASSERT_STRING_EQUAL(rule->message, "an upload of much");
	CU_ASSERT_STRING_EQUAL(rule->category, "dlp.upload");
	CU_ASSERT_STRING_EQUAL(rule->attack, "T1567");
	CU_ASSERT_EQUAL(rule->severity, 3);
	CU_ASSERT_EQUAL(rule->action, BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(rule->app, BH_APP_HTTP);
	CU_ASSERT_EQUAL(rule->direction, BH_SENSOR_TO_SERVER);
	CU_ASSERT_EQUAL(rule->threshold.type, BH_SENSOR_ONCE);
	CU_ASSERT_EQUAL(rule->threshold.track, BH_SENSOR_BY_SRC);
	CU_ASSERT_EQUAL(rule->threshold.count, 5);
	CU_ASSERT_EQUAL(rule->threshold.seconds, 60);
	CU_ASSERT_EQUAL(r.s->report.file[0].sensors, 1);
	CU_ASSERT_EQUAL(r.s->report.file[0].rules, 2);
	CU_ASSERT_EQUAL(r.s->report.file[0].patterns, 4);
	CU_ASSERT_EQUAL(r.s->report.file[0].attachments, 3);
	CU_ASSERT_EQUAL(r.s->report.file[0].exceptions, 2);
	CU_ASSERT_EQUAL(r.s->report.file[0].form, BH_SIGNATURE_SENSORS);
	rig_free(&r);
}

static void
patterns_are_without_case_and_over_lines_unless_told(void)
{
	const uint16_t normal = BH_SENSOR_NOCASE | BH_SENSOR_DOTALL | BH_SENSOR_MULTILINE;
	const struct bh_sensor_pattern *p;
	struct rig r;

	rig_must(&r, "a.yaml", full);
	p = rig_pattern(rig_rule(&r, "codename"), 0);
	CU_ASSERT_EQUAL(p->kind, BH_SENSOR_REGEX);
	CU_ASSERT_EQUAL(p->flags, normal);
	CU_ASSERT_EQUAL(p->context, BH_SENSOR_BODY);
	CU_ASSERT_STRING_EQUAL(p->text, "project\\s+(alpha|beta)");
	CU_ASSERT_EQUAL(p->line, 13);
	CU_ASSERT_EQUAL(p->column, 33);
	p = p->next;
	CU_ASSERT_EQUAL(p->flags, normal | BH_SENSOR_NEGATED);
	CU_ASSERT_EQUAL(p->context, BH_SENSOR_HEADER);
	p = p->next;
	CU_ASSERT_EQUAL(p->kind, BH_SENSOR_LITERAL);
	CU_ASSERT_EQUAL(p->flags, 0);
	CU_ASSERT_EQUAL(p->context, BH_SENSOR_PACKET);
	p = rig_pattern(rig_rule(&r, "upload"), 0);
	CU_ASSERT_EQUAL(p->flags, BH_SENSOR_NOCASE);
	CU_ASSERT_EQUAL(p->context, BH_SENSOR_HTTP_URI);
	rig_free(&r);
}

static void
attachments_and_exceptions_name_sensors_of_both_kinds(void)
{
	const struct bh_signature_where *w;
	struct rig r;

	rig_must(&r, "a.yaml", full);
	CU_ASSERT_EQUAL_FATAL(r.s->n_attachments, 3);
	w = r.s->attachment;
	CU_ASSERT_PTR_NULL(w[0].sensor);
	CU_ASSERT_PTR_NULL(w[0].found);
	CU_ASSERT_EQUAL(w[0].class, BH_INSPECT_CLASS_COUNT);
	CU_ASSERT_EQUAL(w[0].action, BH_SENSOR_ALERT);
	CU_ASSERT_EQUAL(w[0].segments.n, 2);
	CU_ASSERT_STRING_EQUAL(w[0].segments.name[1], "press");
	CU_ASSERT_EQUAL(w[0].rules.n, 0);
	CU_ASSERT_PTR_EQUAL(w[1].found, r.s->model->sensors);
	CU_ASSERT_STRING_EQUAL(w[1].rules.name[0], "upload");
	CU_ASSERT_STRING_EQUAL(w[1].segments.name[0], "shop");
	CU_ASSERT_STRING_EQUAL(w[1].peers.name[0], "external");
	CU_ASSERT_EQUAL(w[1].side, BH_SIGNATURE_CLIENT);
	CU_ASSERT_EQUAL(w[1].action, BH_SENSOR_QUARANTINE);
	CU_ASSERT_EQUAL(w[1].line, 31);
	CU_ASSERT_PTR_NULL(w[2].found);
	CU_ASSERT_EQUAL(w[2].class, BH_INSPECT_DLP_CARD);
	CU_ASSERT_EQUAL_FATAL(r.s->n_exceptions, 2);
	w = r.s->exception;
	CU_ASSERT_PTR_EQUAL(w[0].found, r.s->model->sensors);
	CU_ASSERT_STRING_EQUAL(w[0].rules.name[0], "codename");
	CU_ASSERT_EQUAL(w[1].class, BH_INSPECT_SQLI);
	rig_free(&r);
}

/* A document with this text as its only sensor's only rule's patterns. */
#define RULE(text) "sensors:\n- name: s\n  rules:\n  - name: r\n" text
#define PATTERN(text) RULE("    patterns: [" text "]\n")

static void
mistakes_have_their_place(void)
{
	static const struct {
		const char *text, *told;
	} cases[] = {
		{"[]", "1:1: a document of sensors must be a map"},
		{"sensor: []",
		 "1:1: unknown key 'sensor' in a document of sensors: did you mean 'sensors'?"},
		{"sensors: x", "1:10: expected a list of sensors, found 'x'"},
		{"sensors: [x]", "1:11: a sensor must be a map"},
		{"sensors: [{rules: []}]", "1:11: a sensor needs 'name'"},
		{"sensors: [{name: '*', rules: []}]", "1:18: '*' stands for every"},
		{"sensors: [{name: \"a\\tb\", rules: []}]", "1:18: a control character"},
		{"sensors: [{name: sqli, rules: []}]", "1:18: 'sqli' is a built-in sensor"},
		{"sensors: [{name: a}]", "1:11: a sensor needs 'rules'"},
		{"sensors: [{name: a, rules: x}]", "1:28: expected a list of rules"},
		{"sensors: [{name: a, rules: []}, {name: a, rules: []}]",
		 "1:40: sensor 'a' is already in a.yaml, line 1"},
		{"sensors: [{name: a, severity: huge, rules: []}]",
		 "1:31: expected high, medium or low, found 'huge'"},
		{RULE("    pattern: []\n"), "5:5: unknown key 'pattern' in a rule: did you mean"},
		{RULE("    message: x\n"), "4:5: a rule needs 'patterns'"},
		{RULE("    patterns: []\n"),
		 "5:15: expected a list of patterns, found an empty list"},
		{RULE("    patterns: [{value: x}]\n  - name: r\n    patterns: [{value: x}]\n"),
		 "6:11: a second rule 'r' in sensor 's'"},
		{RULE("    application: htttp\n    patterns: [{value: x}]\n"),
		 "5:18: unknown application 'htttp', did you mean 'http'?"},
		{RULE("    action: drop\n    patterns: [{value: x}]\n"),
		 "5:13: expected alert, deny, reject, capture or quarantine, found 'drop'"},
		{RULE("    side: left\n    patterns: [{value: x}]\n"),
		 "5:11: expected both, client or server, found 'left'"},
		{RULE("    threshold: {count: 0, seconds: 1}\n    patterns: [{value: x}]\n"),
		 "5:24: expected a number from 1"},
		{RULE("    threshold: {count: 3}\n    patterns: [{value: x}]\n"),
		 "5:16: a threshold needs 'count' and 'seconds'"},
		{PATTERN("{op: regex}"), "5:16: a pattern needs 'value'"},
		{PATTERN("{op: regx, value: x}"),
		 "5:21: expected regex, !regex, literal or !literal"},
		{PATTERN("{value: x, context: uri}"), "5:36: expected packet, url, header"},
		{PATTERN("{value: ''}"), "5:24: expected a text"},
		{PATTERN("{value: x, nocase: 3}"), "5:35: expected true or false"},
		{"attach: {}", "1:9: expected a list of attachments"},
		{"attach: [{action: deny}]", "1:10: an attachment needs 'sensor'"},
		{"attach: [{sensor: sqly}]",
		 "1:19: no sensor is called 'sqly': did you mean 'sqli'?"},
		{"attach: [{sensor: sqli, rules: [x]}]",
		 "1:19: no rule of a built-in sensor is called 'x'"},
		{PATTERN("{value: x}") "attach: [{sensor: s, rules: [q]}]",
		 "6:19: no rule is called 'q'"},
		{"attach: [{sensor: sqli, segments: []}]", "1:35: an empty list names nothing"},
		{"attach: [{sensor: sqli, segments: [a, '*']}]", "1:39: '*' means all"},
		{"attach: [{sensor: sqli, side: up}]", "1:31: expected either, server or client"},
		{"attach: [{sensor: sqli, action: pass}]", "1:33: expected alert, deny"},
		{"exceptions: [{comment: x}]", "1:14: an exception of everything"},
		{"exceptions: [{paths: [search]}]", "1:22: path 'search' does not begin with '/'"},
		{"exceptions: [{where: [arg q]}]", "1:22: 'arg q' is no place"},
		{"attach: [{sensor: sqli, paths: [/a]}]", "1:25: unknown key 'paths'"},
		{"exceptions: [{sensor: nonesuch}]", "1:23: no sensor is called 'nonesuch'"},
		{"version: 2", "1:10: expected a number from 1 to 1"},
		/* Lines are those of the file, not of the document in it. */
		{"# x\nversion: 1\n---\nsensors: x\n", "4:10: expected a list of sensors"},
		{"version: 1\n---\nattach: [{sensor: nonesuch}]\n", "3:19: no sensor is called"},
	};
	char want[256];
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		snprintf(want, sizeof(want), "a.yaml:%s", cases[i].told);
		CU_ASSERT_EQUAL(rig_load(&r, "a.yaml", cases[i].text), -EINVAL);
		CU_ASSERT_PTR_NULL(r.s);
		if (strncmp(r.text, want, strlen(want)) != 0) {
			fprintf(stderr, "\n%s\nexpected %s\ntold     %s\n", cases[i].text, want,
				r.text);
			CU_FAIL("not told, or elsewhere");
		}
	}
}

/* ---- the container firewall's documents ------------------------------------------------------------- */

static const char nv[] =
	"apiVersion: v1\n"
	"kind: List\n"
	"metadata: null\n"
	"items:\n"
	"- apiVersion: neuvector.com/v1\n"
	"  kind: NvDlpSecurityRule\n"
	"  metadata: {creationTimestamp: null, name: sensor.ids}\n"
	"  spec:\n"
	"    sensor:\n"
	"      comment: staff\n"
	"      name: sensor.ids\n"
	"      rules:\n"
	"      - name: staff-id\n"
	"        patterns:\n"
	"        - {context: packet, key: pattern, op: regex, value: 'ID-\\d{6}'}\n"
	"        - {context: url, key: pattern, op: '!regex', value: test}\n"
	"- apiVersion: neuvector.com/v1\n"
	"  kind: NvWafSecurityRule\n"
	"  metadata: {name: sensor.shell}\n"
	"  spec:\n"
	"    sensor:\n"
	"      name: sensor.shell\n"
	"      rules:\n"
	"      - name: shell\n"
	"        patterns: [{context: body, key: pattern, op: regex, value: 'system\\('}]\n";

static const char nv_rule[] = "---\n"
			      "apiVersion: neuvector.com/v1\n"
			      "kind: NvSecurityRule\n"
			      "metadata: {name: nv.web.shop, namespace: shop}\n"
			      "spec:\n"
			      "  target:\n"
			      "    policymode: Protect\n"
			      "    selector: {name: 'nv.web:shop', criteria: []}\n"
			      "  ingress: []\n"
			      "  egress: []\n"
			      "  dlp:\n"
			      "    status: true\n"
			      "    settings:\n"
			      "    - {name: sensor.creditcard, action: deny}\n"
			      "    - {name: sensor.ids, action: allow}\n"
			      "  waf:\n"
			      "    status: true\n"
			      "    settings: [{name: sensor.log4shell, action: deny}]\n";

static void
their_sensors_load_as_they_are(void)
{
	const struct bh_sensor_pattern *p;
	struct rig r;

	rig_must(&r, "export.yaml", nv);
	CU_ASSERT_EQUAL(r.s->report.file[0].form, BH_SIGNATURE_NV);
	CU_ASSERT_EQUAL(r.s->report.file[0].sensors, 2);
	CU_ASSERT_EQUAL(r.s->report.file[0].rules, 2);
	CU_ASSERT_EQUAL(r.s->report.n_notes, 0);
	p = rig_pattern(rig_rule(&r, "staff-id"), 0);
	CU_ASSERT_STRING_EQUAL(p->text, "ID-\\d{6}");
	CU_ASSERT_EQUAL(p->flags, BH_SENSOR_NOCASE | BH_SENSOR_DOTALL | BH_SENSOR_MULTILINE);
	CU_ASSERT_EQUAL(p->line, 15);
	CU_ASSERT_EQUAL(p->next->context, BH_SENSOR_URL);
	CU_ASSERT_TRUE(p->next->flags & BH_SENSOR_NEGATED);
	CU_ASSERT_EQUAL(rig_pattern(rig_rule(&r, "shell"), 0)->context, BH_SENSOR_BODY);
	rig_free(&r);
}

static void
their_settings_become_attachments(void)
{
	const struct bh_signature_where *w;
	char text[4096];
	struct rig r;

	snprintf(text, sizeof(text), "%s%s", nv, nv_rule);
	rig_must(&r, "export.yaml", text);
	CU_ASSERT_EQUAL_FATAL(r.s->n_attachments, 4);
	w = r.s->attachment;
	CU_ASSERT_EQUAL(w[0].class, BH_INSPECT_DLP_CARD);
	CU_ASSERT_EQUAL(w[0].action, BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(w[0].side, BH_SIGNATURE_EITHER);
	CU_ASSERT_STRING_EQUAL(w[0].segments.name[0], "nv.web-shop");
	CU_ASSERT_STRING_EQUAL(w[1].found->name, "sensor.ids");
	CU_ASSERT_EQUAL(w[1].action, BH_SENSOR_ALERT);
	/* What comes in to members, and what they say to the outside world. */
	CU_ASSERT_EQUAL(w[2].class, BH_INSPECT_LOG4SHELL);
	CU_ASSERT_EQUAL(w[2].side, BH_SIGNATURE_SERVER);
	CU_ASSERT_EQUAL(w[3].side, BH_SIGNATURE_CLIENT);
	CU_ASSERT_STRING_EQUAL(w[3].peers.name[0], "external");
	CU_ASSERT_EQUAL(w[2].line, 43);
	rig_free(&r);
}

static void
their_predefined_sensors_are_ours(void)
{
	static const char text[] =
		"{\"sensors\": [{\"name\": \"sensor.ssn\", \"predefine\": true, \"cfg_type\": "
		"\"ground\", "
		"\"groups\": [], \"rules\": [{\"name\": \"ssn\", \"id\": 3, \"patterns\": "
		"[{\"key\": "
		"\"pattern\", \"op\": \"regex\", \"value\": \"x\", \"context\": \"packet\"}]}]}]}";
	struct rig r;

	rig_must(&r, "export.json", text);
	CU_ASSERT_EQUAL(r.s->report.file[0].form, BH_SIGNATURE_NV);
	CU_ASSERT_EQUAL(r.s->report.file[0].sensors, 0);
	CU_ASSERT_TRUE(rig_told(&r, BH_SIGNATURE_CHANGED, 1, 23, "built in as 'dlp.ssn'"));
	rig_free(&r);
}

static void
their_mistakes_and_what_is_left_out_are_told(void)
{
	static const struct {
		const char *text, *told;
	} cases[] = {
		{"kind: NvDlpSecurityRule\n", "1:1: NvDlpSecurityRule needs 'spec'"},
		{"kind: NvWafSecurityRule\nspec: {x: 1}\n", "2:7: spec.sensor is missing"},
		{"kind: NvDlpSecurityRule\nspec: {sensor: {name: s, rules: [{name: r, patterns: "
		 "[{key: pattern, op: regex, valeu: x}]}]}}\n",
		 "2:81: unknown key 'valeu' in a pattern: did you mean 'value'?"},
		{"kind: NvSecurityRule\nspec: {dlp: {status: true, settings: [{name: s, action: "
		 "deny}]}}\n",
		 "1:1: spec.target.selector.name is missing"},
		{"kind: NvSecurityRule\nspec: {target: {selector: {name: g}}, dlp: {settings: "
		 "[{name: "
		 "sensor.ssn, action: drop}]}}\n",
		 "2:83: expected allow or deny, found 'drop'"},
		{"kind: NvSecurityRule\nspec: {target: {selector: {name: g}}, dlp: {settings: "
		 "[{name: "
		 "nonesuch, action: deny}]}}\n",
		 "2:63: no sensor is called 'nonesuch'"},
		{"kind: List\nitems: {}\n", "2:8: expected a list of items"},
	};
	char want[256];
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		snprintf(want, sizeof(want), "a.yaml:%s", cases[i].told);
		CU_ASSERT_EQUAL(rig_load(&r, "a.yaml", cases[i].text), -EINVAL);
		if (strncmp(r.text, want, strlen(want)) != 0) {
			fprintf(stderr, "\n%s\nexpected %s\ntold     %s\n", cases[i].text, want,
				r.text);
			CU_FAIL("not told, or elsewhere");
		}
	}
	rig_must(&r, "a.yaml", "kind: NvAdmissionControlSecurityRule\nspec: {}\n");
	CU_ASSERT_TRUE(rig_told(&r, BH_SIGNATURE_CHANGED, 1, 1, "holds no sensors"));
	rig_free(&r);
	rig_must(&r, "a.yaml",
		 "kind: NvSecurityRule\nspec: {target: {selector: {name: g}}, dlp: {status: false, "
		 "settings: [{name: sensor.ssn, action: deny}]}}\n");
	CU_ASSERT_EQUAL(r.s->n_attachments, 0);
	CU_ASSERT_TRUE(rig_told(&r, BH_SIGNATURE_CHANGED, 2, 0, "not attached"));
	rig_free(&r);
}

/* What bh_sensor_compile() says of a pattern names the file's line and column. */
static void
a_bad_pattern_is_refused_where_it_stands(void)
{
	struct bh_sensor_set *set;
	struct bh_err err = {0};
	char text[1400];
	struct rig r;

	rig_must(&r, "a.yaml", PATTERN("{value: 'ab(c'}"));
	CU_ASSERT_EQUAL(bh_sensor_compile(r.s->model, NULL, &set, &err), -EINVAL);
	bh_err_format(&err, text, sizeof(text));
	CU_ASSERT_PTR_EQUAL(strstr(text, "a.yaml:5:29: "), text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "sensor 's', rule 'r'"));
	rig_free(&r);
	/* And what is right becomes a set. */
	rig_must(&r, "a.yaml", full);
	CU_ASSERT_EQUAL_FATAL(bh_sensor_compile(r.s->model, NULL, &set, NULL), 0);
	r.s->model = NULL;
	bh_sensor_set_destroy(set);
	rig_free(&r);
}

const struct bh_unit_test bh_suite_signature_yaml[] = {
	BH_TEST(every_key_reaches_the_model),
	BH_TEST(patterns_are_without_case_and_over_lines_unless_told),
	BH_TEST(attachments_and_exceptions_name_sensors_of_both_kinds),
	BH_TEST(mistakes_have_their_place),
	BH_TEST(their_sensors_load_as_they_are),
	BH_TEST(their_settings_become_attachments),
	BH_TEST(their_predefined_sensors_are_ours),
	BH_TEST(their_mistakes_and_what_is_left_out_are_told),
	BH_TEST(a_bad_pattern_is_refused_where_it_stands),
	BH_TEST_END};
