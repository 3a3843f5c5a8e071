/* Mistakes in a policy, each with the exact place and the sentence that a person gets. */
#include <stdio.h>

#include "../../lib/policy/policy.h"
#include "unit.h"

#define V "version: 1\n"
#define SEGMENTS                                                                                   \
	V "segments:\n"                                                                            \
	  "  web: {selector: app=web}\n"                                                           \
	  "  redis: {selector: app=redis}\n"

#define RULE(rest) SEGMENTS "rules:\n  - {from: web, to: redis, action: allow, " rest "}\n"

static const struct {
	const char *text, *want;
} mistakes[] = {
	{"", "1:1: the policy lacks its version: begin it with 'version: 1'"},
	{"segments: {}\n", "1:1: the policy lacks its version: begin it with 'version: 1'"},
	{"version: 2\n", "1:10: expected version 1, the only one there is, found '2'"},
	{"- rules\n", "1:1: the policy must be a map of keys, found a list"},
	{V "rule: []\n", "2:1: unknown key 'rule' in the policy: did you mean 'rules'?"},
	{V "networks: {internl: []}\n",
	 "2:12: unknown key 'internl' in 'networks': did you mean 'internal'?"},
	{V "networks:\n  internal: [10.0.0.0/8, 10.1.2.3/16]\n",
	 "3:26: '10.1.2.3/16' has bits set behind its prefix: write 10.1.0.0/16 for the network, "
	 "or "
	 "10.1.2.3 for the one address"},
	{V "networks: {internal: 10.0.0.0/8}\n",
	 "2:22: expected a list of addresses such as [10.0.0.0/8, 2001:db8::1], found "
	 "'10.0.0.0/8'"},
	{SEGMENTS "clusters:\n  attach:\n    - {sensor: a, segments: [web], peers: [rediss]}\n",
	 "7:44: no segment is named 'rediss': did you mean 'redis'?"},
	{SEGMENTS "imported: {attach: []}\n",
	 "5:12: unknown key 'attach' in imported: it may hold segments, rules"},
	/* endpoints */
	{V "endpoints: {a: b}\n",
	 "2:12: expected a list of endpoints ('- address: ...'), found a map"},
	{V "endpoints:\n  - labels: {app: web}\n",
	 "3:5: an endpoint lacks 'address': an address or prefix"},
	{V "endpoints:\n  - address: 10.0.0.1\n",
	 "3:5: an endpoint lacks 'labels': write labels: {} for none"},
	{V "endpoints:\n  - {address: 10.0.0.300, labels: {}}\n",
	 "3:15: expected an address or prefix such as 10.0.0.0/8 or 2001:db8::1, found "
	 "'10.0.0.300'"},
	{V "endpoints:\n  - {addres: 10.0.0.1, labels: {}}\n",
	 "3:6: unknown key 'addres' in an endpoint: did you mean 'address'?"},
	{V "endpoints:\n  - {address: 10.0.0.1, labels: [app]}\n",
	 "3:33: expected labels such as {app: web, zone: shop}, found a list"},
	{V "endpoints:\n  - {address: 10.0.0.1, labels: {app: \"a b\"}}\n",
	 "3:39: 'a b' is no value for label 'app': up to 127 letters, digits, '-', '_', '.' or "
	 "'/', "
	 "with a letter or digit at both ends (quote null, ~)"},
	{V "endpoints:\n  - {address: 10.0.0.1, labels: {app: null}}\n",
	 "3:39: 'null' is no value for label 'app': up to 127 letters, digits, '-', '_', '.' or "
	 "'/', "
	 "with a letter or digit at both ends (quote null, ~)"},
	{V "endpoints:\n  - {address: 10.0.0.1, labels: {-app: web}}\n",
	 "3:34: '-app' is no label key: 1 to 127 letters, digits, '-', '_', '.' or '/', with a "
	 "letter "
	 "or digit at both ends"},
	{V "endpoints:\n  - {address: 10.0.0.1, labels: {a: b, a: c}}\n",
	 "3:40: key 'a' is already set in line 3, column 34: keep one of them"},
	{V "endpoints:\n  - {address: 10.0.0.1, labels: {}}\n  - {address: 10.0.0.1, labels: {}}\n",
	 "4:15: '10.0.0.1' is already an endpoint in line 3, column 15: put all its labels there"},
	{V "endpoints:\n  - {address: 10.0.0.1, vlan: 5000, labels: {}}\n",
	 "3:31: expected a number from 1 to 4094, found '5000'"},
	{V "endpoints:\n  - {address: 10.0.0.1, vni: red, labels: {}}\n",
	 "3:30: expected a number from 1 to 16777215, found 'red'"},
	/* segments */
	{V "segments: [web]\n", "2:11: expected a map of names to segments, found a list"},
	{V "segments:\n  web:\n",
	 "3:3: segment 'web' is empty: give it a 'selector', 'addresses' or 'names'"},
	{V "segments:\n  web: {addresses: []}\n",
	 "3:3: segment 'web' is empty: give it a 'selector', 'addresses' or 'names'"},
	{V "segments:\n  web: app=web\n",
	 "3:8: segment 'web' must be a map of keys, found 'app=web'"},
	{V "segments:\n  web: {selectors: app=web}\n",
	 "3:9: unknown key 'selectors' in segment 'web': did you mean 'selector'?"},
	{V "segments:\n  web: {selector: \"\"}\n",
	 "3:19: expected a selector such as app=web, found '': for all endpoints use 'any' in the "
	 "rules"},
	{V "segments:\n  web: {selector: []}\n",
	 "3:19: an empty selector: for all endpoints use 'any' in the rules"},
	{V "segments:\n  web: {selector: \"app=web tier=front\"}\n",
	 "3:28: expected ',' between requirements here"},
	{V "segments:\n  web:\n    selector: [app=web, tier in front]\n",
	 "4:33: expected '(' and the values here, such as in (a, b)"},
	{V "segments:\n  web: {selector: \"app=web, app=api\"}\n",
	 "3:29: no label 'app' can meet this and what is required before: write 'app in (a, b)' "
	 "for "
	 "one or the other"},
	{V "segments:\n  unknown: {selector: app=web}\n",
	 "3:3: 'unknown' is a reserved segment: choose another name"},
	{V "segments:\n  any: {selector: app=web}\n",
	 "3:3: 'any' is a reserved segment: choose another name"},
	{V "segments:\n  \"my web\": {selector: app=web}\n",
	 "3:3: expected the name of a segment: 1 to 127 letters, digits, '-', '_', '.' or '/', "
	 "with a "
	 "letter or digit at both ends; found 'my web'"},
	{V "segments:\n  a: {selector: x}\n  a: {selector: y}\n",
	 "4:3: key 'a' is already set in line 3, column 3: keep one of them"},
	{V "segments:\n  db: {addresses: [db.example]}\n",
	 "3:20: expected an address or prefix such as 10.0.0.0/8 or 2001:db8::1, found "
	 "'db.example'"},
	{V "segments:\n  db: {addresses: [10.0.0.1, 10.0.0.1]}\n",
	 "3:30: '10.0.0.1' is listed twice: keep one"},
	/* rules */
	{SEGMENTS "rules: {from: web}\n",
	 "5:8: expected a list of rules ('- from: ...'), found a map"},
	{SEGMENTS "rules:\n  - {from: wep, to: redis, action: allow}\n",
	 "6:12: no segment is named 'wep': did you mean 'web'?"},
	{SEGMENTS "rules:\n  - {from: web, to: postgres, action: allow}\n",
	 "6:21: no segment is named 'postgres': add it under 'segments'"},
	{SEGMENTS "rules:\n  - {to: redis, action: allow}\n",
	 "6:5: a rule lacks 'from': name a segment, or write any"},
	{SEGMENTS "rules:\n  - {from: web, to: [], action: allow}\n",
	 "6:21: an empty list: name a segment, or write any"},
	{SEGMENTS "rules:\n  - {from: web, to: [redis, any], action: allow}\n",
	 "6:29: any stands alone: it takes all segments in"},
	{SEGMENTS "rules:\n  - {from: [web, web], to: any, action: allow}\n",
	 "6:12: segment 'web' is listed twice: keep one"},
	{SEGMENTS "rules:\n  - {from: web, to: redis}\n",
	 "6:5: a rule lacks 'action': allow, deny or reject"},
	{SEGMENTS "rules:\n  - {from: web, to: redis, action: alow}\n",
	 "6:36: expected allow, deny or reject, found 'alow': did you mean 'allow'?"},
	{SEGMENTS "rules:\n  - {from: web, to: redis, action: allow, enabled: false}\n",
	 "6:43: unknown key 'enabled' in a rule: it may hold id, from, to, ports, "
	 "applications, action, denied, comment, owner, reason, expires, evidence"},
	{SEGMENTS "rules:\n  - {from: web, to: redis, ports: 6379, action: allow}\n",
	 "6:35: a port without its protocol: write tcp/6379 or udp/6379"},
	{SEGMENTS "rules:\n  - {from: web, to: redis, ports: [tcp/80, http], action: allow}\n",
	 "6:44: expected tcp, udp or sctp with a port (tcp/443, udp/8000-8100), icmp or icmpv6 "
	 "(icmp/8), proto/NUMBER or any, found 'http'"},
	{SEGMENTS "rules:\n  - {from: web, to: redis, ports: tcp/70000, action: allow}\n",
	 "6:39: expected a port from 1 to 65535 or a range such as 8000-8100 here"},
	{SEGMENTS "rules:\n  - {from: web, to: redis, ports: tcp/90-80, action: allow}\n",
	 "6:42: the range ends before it begins: write the lower port first"},
	{SEGMENTS "rules:\n  - {from: web, to: redis, ports: \"icmp/3/256\", action: allow}\n",
	 "6:43: expected an ICMP code from 0 to 255 here"},
	{SEGMENTS "rules:\n  - {from: web, to: redis, ports: [any, tcp/80], action: allow}\n",
	 "6:36: any stands alone: it takes all ports in"},
	{SEGMENTS "rules:\n  - {id: a, from: web, to: redis, action: allow}\n"
		  "  - {id: a, from: redis, to: web, action: allow}\n",
	 "7:10: rule id 'a' is already that of the rule in line 6, column 5: give each its own"},
	{SEGMENTS "rules:\n  - {id: rule-2, from: web, to: redis, action: allow}\n"
		  "  - {from: redis, to: web, action: allow}\n",
	 "7:5: rule id 'rule-2' is already that of the rule in line 6, column 5: give each its "
	 "own"},
	{SEGMENTS "rules:\n  - {id: \"a b\", from: web, to: redis, action: allow}\n",
	 "6:10: expected the name of a rule: 1 to 127 letters, digits, '-', '_', '.' or '/', with "
	 "a "
	 "letter or digit at both ends; found 'a b'"},
	/* applications */
	{RULE("applications: redsi"),
	 "6:57: no application is called 'redsi': did you mean 'redis'?"},
	{RULE("applications: [tls, gopher]"),
	 "6:63: no application is called 'gopher': docs/applications.md lists them"},
	{RULE("applications: []"), "6:57: an empty list: name an application, or write any"},
	{RULE("applications: ~"), "6:57: expected the name of an application, or one with its "
				  "operations such as 'redis: {commands: [get]}', found '~'"},
	{RULE("applications: [redis, any]"),
	 "6:65: any stands alone: it takes all applications in"},
	{RULE("applications: [redis, {redis: {commands: get}}]"),
	 "6:65: 'redis' is listed twice, once without operations: keep one"},
	{RULE("applications: [redis, tls, redis]"),
	 "6:70: 'redis' is listed twice, once without operations: keep one"},
	{RULE("applications: [{redis: {command: get}}]"),
	 "6:67: redis has no 'command': did you mean 'commands'?"},
	{RULE("applications: [{redis: {tables: get}}]"),
	 "6:67: redis has no 'tables': its operations have commands, keys"},
	{RULE("applications: [{ssh: {commands: get}}]"),
	 "6:65: ssh has no operations to list: write its name alone"},
	{RULE("applications: [{unknown: {commands: get}}]"),
	 "6:69: unknown has no operations to list: write its name alone"},
	{RULE("applications: [{redis: {}}]"), "6:66: expected a map of what redis may do, found an "
					      "empty one: for all of it write the name alone"},
	{RULE("applications: [{redis: ~}]"), "6:66: expected a map of what redis may do, found "
					     "'~': for all of it write the name alone"},
	{RULE("applications: [{redis: ~, commands: [get]}]"),
	 "6:69: one application an item: begin another with '-', or indent this under the one "
	 "before"},
	{RULE("applications: {redis: {commands: get}}"),
	 "6:57: expected the name of an application, or one with its operations such as 'redis: "
	 "{commands: [get]}', found a map"},
	{RULE("applications: [{redis: {commands: []}}]"),
	 "6:77: an empty list fits no operation: name what 'commands' may be, or leave the key "
	 "out"},
	{RULE("applications: [{redis: {commands: [get, \"\"]}}]"),
	 "6:83: expected a text, one with * or ~REGEX, found ''"},
	{RULE("applications: [{http: {paths: [\"~^/(a\"]}}]"),
	 "6:80: the regular expression ends here: missing closing parenthesis"},
	{RULE("applications: [{http: {paths: [\"~\"]}}]"),
	 "6:75: expected a regular expression behind ~"},
	{RULE("applications: [{tls: {min_version: 1.4}}]"),
	 "6:78: expected 1.0, 1.1, 1.2 or 1.3, found '1.4'"},
	{RULE("applications: [{tls: {min_version: [1.2, 1.3]}}]"),
	 "6:84: 'min_version' is one value, the least"},
	{RULE("ports: icmp/8, applications: redis"),
	 "6:50: 'icmp/8' can't be: none of the rule's applications (redis) is spoken over it, only "
	 "over tcp"},
	{RULE("ports: [tcp/80, udp/80], applications: [redis, http]"),
	 "6:59: 'udp/80' can't be: none of the rule's applications (redis, http) is spoken over "
	 "it, only over tcp"},
	{RULE("ports: tcp/123, applications: ntp"),
	 "6:50: 'tcp/123' can't be: none of the rule's applications (ntp) is spoken over it, only "
	 "over udp"},
	{RULE("applications: redis, denied: reset"),
	 "6:72: 'denied' says what a denied operation does to its connection, and this rule lists "
	 "no operations"},
	{RULE("applications: [{redis: {commands: get}}], denied: ignore"),
	 "6:93: expected drop, reset or respond, found 'ignore'"},
	{SEGMENTS "rules:\n  - {from: web, to: redis, action: deny, applications: [{tls: "
		  "{min_version: 1.2}}]}\n",
	 "6:57: 'min_version' belongs in a rule that allows"},
	{SEGMENTS "rules:\n- from: web\n   to: redis\n",
	 "7:6: a ':' where none can be: check the indentation, or put the text in quotes"},
};

static void
each_mistake_has_its_place_and_its_sentence(void)
{
	struct bh_policy_params params = {.max_endpoints = 64};
	struct bh_policy *p;
	char got[1024], want[1024];
	size_t i;

	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&p, &params), 0);
	for (i = 0; i < BH_ARRAY_SIZE(mistakes); i++) {
		struct bh_err err = {0};

		CU_ASSERT_NOT_EQUAL(bh_policy_load_text(p, "policy.yaml", mistakes[i].text,
							strlen(mistakes[i].text), true, NULL, &err),
				    0);
		bh_err_format(&err, got, sizeof(got));
		snprintf(want, sizeof(want), "policy.yaml:%s", mistakes[i].want);
		if (strcmp(got, want) != 0)
			fprintf(stderr, "\nmistake %zu\nwant: %s\ngot:  %s\n", i, want, got);
		CU_ASSERT_STRING_EQUAL(got, want);
	}
	bh_policy_destroy(p);
}

const struct bh_unit_test bh_suite_policy_mistakes[] = {
	BH_TEST(each_mistake_has_its_place_and_its_sentence), BH_TEST_END};
