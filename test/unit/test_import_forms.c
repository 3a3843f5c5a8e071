/* The older form, the container firewall's, what is told, where mistakes are, and that an export says what
 * our policy says. */
#include "import_rig.h"

static const char older[] = "# names\n"
			    "apiVersion: v1\n"
			    "prefix: new-app\n"
			    "suffix: %s\n"
			    "groups:\n"
			    "  redis:\n"
			    "    selectors:\n"
			    "    - app=redis-pod\n"
			    "  nodejsapp:\n"
			    "    selectors:\n"
			    "    - app=node-pod\n"
			    "    rules:\n"
			    "      rule01:\n"
			    "        applications:\n"
			    "        - Redis\n"
			    "        toTarget: redis\n"
			    "        action: allow\n";

static void
older_form_gives_segments_and_rules_their_full_names(void)
{
	char text[1024];
	struct rig r;

	snprintf(text, sizeof(text), older, "v2");
	CU_ASSERT_EQUAL_FATAL(rig_import(&r, BH_FORM_AUTO, text, NULL), 0);
	CU_ASSERT_EQUAL(r.n_notes, 0);
	CU_ASSERT_TRUE(says(&r, "\"new-app-redis-v2\": {selector: \"app=redis-pod\"}"));
	CU_ASSERT_TRUE(says(&r, "id: \"new-app-nodejsapp-rule01-v2\""));
	CU_ASSERT_TRUE(says(&r, "from: [\"new-app-nodejsapp-v2\"]"));
	CU_ASSERT_TRUE(says(&r, "to: [\"new-app-redis-v2\"]"));
	CU_ASSERT_TRUE(says(&r, "applications: [redis]"));
	rig_load(&r, "");
	rig_free(&r);
}

static void
automatic_suffix_follows_the_content_and_not_the_layout(void)
{
	char text[1024], other[1200];
	struct rig a, b;

	snprintf(text, sizeof(text), older, "auto");
	CU_ASSERT_EQUAL_FATAL(rig_import(&a, BH_FORM_GROUPS, text, NULL), 0);
	snprintf(other, sizeof(other), "# another comment\n\n%s", text + strlen("# names\n"));
	CU_ASSERT_EQUAL_FATAL(rig_import(&b, BH_FORM_GROUPS, other, NULL), 0);
	CU_ASSERT_STRING_EQUAL(a.out.data, b.out.data);
	CU_ASSERT_FALSE(says(&a, "auto"));
	rig_free(&b);
	strcpy(strstr(other, "redis-pod"), "redis-pot");
	memcpy(strstr(other, "redis-pot") + 9, strstr(text, "redis-pod") + 9,
	       strlen(strstr(text, "redis-pod") + 9) + 1);
	CU_ASSERT_EQUAL_FATAL(rig_import(&b, BH_FORM_GROUPS, other, NULL), 0);
	CU_ASSERT_STRING_NOT_EQUAL(strstr(a.out.data, "new-app-nodejsapp-"),
				   strstr(b.out.data, "new-app-nodejsapp-"));
	rig_free(&a);
	rig_free(&b);
}

static void
mistakes_stand_at_their_line_of_the_whole_file(void)
{
	static const struct {
		const char *text, *what;
		unsigned line, column;
	} cases[] = {
		{"apiVersion: v1\ngroups:\n  a:\n    selectors: [x=y]\n    rules:\n      r: "
		 "{toTarget: b, action: allow}\n",
		 "no group is named 'b'", 6, 21},
		{"---\nkind: Pod\n---\n\nkind: NetworkPolicy\napiVersion: networking.k8s.io/v1\n"
		 "metadata: {name: x}\nspec:\n  podSelectr: {}\n",
		 "did you mean 'podSelector'", 9, 3},
		{"kind: Pod\n---\nkind: NetworkPolicy\napiVersion: networking.k8s.io/v1\n"
		 "metadata: {name: x}\nspec: {podSelector: {matchExpressions: [{key: a, operator: "
		 "In}]}}\n",
		 "need 'values'", 6, 41},
		{"kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {name: x}\n"
		 "spec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: "
		 "[11.0.0.0/8]}}]}]}\n",
		 "must lie in", 4, 64},
		{"kind: NvSecurityRule\nspec: {target: {selector: {name: a}}, ingress: [{selector: "
		 "{name: b}, ports: tcp/x, action: allow}]}\n",
		 "found 'tcp/x'", 2, 78},
		{"kind: Pod\n", "no policy in it", 0, 0},
		{"kind: Pod\n---\nkind: [\n", "", 4, 1},
	};
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		CU_ASSERT_EQUAL(rig_import(&r, BH_FORM_AUTO, cases[i].text, NULL), -EINVAL);
		if (strstr(r.err.what, cases[i].what) == NULL || r.err.line != cases[i].line ||
		    r.err.column != cases[i].column) {
			fprintf(stderr, "\n%zu: %u:%u: %s\n", i, r.err.line, r.err.column,
				r.err.what);
			CU_FAIL("a mistake is told otherwise");
		}
		rig_free(&r);
	}
}

static const char firewall[] =
	"apiVersion: v1\nkind: List\nitems:\n- kind: NvSecurityRule\n  spec:\n    target:\n"
	"      policymode: Protect\n      selector:\n        name: db\n        criteria:\n"
	"        - {key: app, op: \"=\", value: db}\n"
	"        - {key: domain, op: \"=\", value: shop}\n"
	"    ingress:\n"
	"    - selector: {name: web, criteria: [{key: app, op: \"=\", value: web}, {key: app, op: "
	"\"=\", value: front}, {key: tier, op: \"!=\", value: old}]}\n"
	"      applications: [any]\n      ports: tcp/5432,udp/5000-5001\n      action: allow\n"
	"    - selector: {name: evil, criteria: [{key: app, op: \"=\", value: web}, {key: bad, op: "
	"\"=\", value: \"yes\"}]}\n"
	"      ports: any\n      action: deny\n      priority: 7\n"
	"    - selector: {name: ext, criteria: [{key: address, op: \"=\", value: "
	"192.168.0.1-192.168.0.6}]}\n"
	"      ports: \"80\"\n      action: allow\n"
	"    - selector: {name: like, criteria: [{key: app, op: contains, value: \"*\"}]}\n"
	"      ports: any\n      action: deny\n"
	"    - selector: {name: ns, criteria: [{key: \"ns:team\", op: \"=\", value: a}, {key: "
	"\"ns:env\", op: \"=\", value: b}]}\n"
	"      ports: tcp/81\n      action: allow\n"
	"    dlp: {status: true}\n    process: []\n"
	"- kind: NvAdmissionControlSecurityRule\n  spec: {}\n";

static const char firewall_hosts[] =
	"endpoints:\n"
	"  - {address: 10.0.0.1, labels: {app: db, k8s.namespace: shop}}\n"
	"  - {address: 10.0.0.2, labels: {app: web}}\n"
	"  - {address: 10.0.0.3, labels: {app: front, tier: old}}\n"
	"  - {address: 10.0.0.4, labels: {app: web, bad: \"yes\"}}\n"
	"  - {address: 10.0.0.5, labels: {k8s.namespace/team: a}}\n"
	"  - {address: 10.0.0.6, labels: {k8s.namespace/env: b}}\n";

static void
firewall_rules_are_judged_by_priority_and_criteria(void)
{
	const uint32_t net = 0x0a000000, db = 0x0a000001;
	struct rig r;

	CU_ASSERT_EQUAL_FATAL(rig_import(&r, BH_FORM_AUTO, firewall, NULL), 0);
	rig_load(&r, firewall_hosts);
	CU_ASSERT_TRUE(rig_allows(&r, net + 2, db, 6, 5432));
	CU_ASSERT_TRUE(rig_allows(&r, net + 2, db, 17, 5001));
	CU_ASSERT_FALSE(rig_allows(&r, net + 2, db, 17, 5002));
	CU_ASSERT_FALSE(rig_allows(&r, net + 3, db, 6, 5432));
	CU_ASSERT_FALSE(rig_allows(&r, net + 4, db, 6, 5432));
	CU_ASSERT_TRUE(rig_allows(&r, net + 5, db, 6, 81));
	CU_ASSERT_TRUE(rig_allows(&r, net + 6, db, 6, 81));
	CU_ASSERT_TRUE(rig_allows(&r, 0xc0a80001, db, 6, 80));
	CU_ASSERT_TRUE(rig_allows(&r, 0xc0a80006, db, 6, 80));
	CU_ASSERT_FALSE(rig_allows(&r, 0xc0a80007, db, 6, 80));
	CU_ASSERT_FALSE(rig_allows(&r, 0xc0a80001, db, 17, 80));
	rig_free(&r);
}

/* One criterion over a text a group, from a pod to db on a port of its own. */
static const struct {
	const char *criteria;
	unsigned fits; /* bits of pods: app = web-1, web-2, api, none */
} text_groups[] = {
	{"{key: app, op: prefix, value: web-}", 3},
	{"{key: app, op: contains, value: \"-2\"}, {key: app, op: contains, value: pi}", 6},
	{"{key: app, op: regex, value: '^web-[12]$'}", 3},
	{"{key: app, op: regex, value: '1$'}, {key: app, op: regex, value: '^\\w+$'}", 5},
	{"{key: app, op: \"!regex\", value: '^web'}", 12},
	{"{key: app, op: \"!regex\", value: '1$'}, {key: app, op: \"!regex\", value: 'i'}", 10},
	{"{key: app, op: prefix, value: web-}, {key: tier, op: \"=\", value: a}", 1},
};

static const char text_hosts[] = "endpoints:\n"
				 "  - {address: 10.0.0.1, labels: {app: web-1, tier: a}}\n"
				 "  - {address: 10.0.0.2, labels: {app: web-2}}\n"
				 "  - {address: 10.0.0.3, labels: {app: api, tier: a}}\n"
				 "  - {address: 10.0.0.4, labels: {tier: b}}\n"
				 "  - {address: 10.0.0.9, labels: {app: db}}\n";

static void
criteria_over_texts_are_judged_as_written_and_exported_as_they_came(void)
{
	struct bh_export_params p = {.form = BH_FORM_NV};
	struct bh_buf b = {0}, theirs = {0};
	struct bh_err err = {0};
	struct rig r;
	unsigned i, pod, turn;

	bh_buf_str(&b, "kind: NvSecurityRule\nspec:\n  target:\n    selector: {name: db, criteria: "
		       "[{key: app, op: \"=\", value: db}]}\n  ingress:\n");
	for (i = 0; i < BH_ARRAY_SIZE(text_groups); i++)
		bh_buf_printf(&b,
			      "  - {selector: {name: g%u, criteria: [%s]}, ports: tcp/%u, action: "
			      "allow}\n",
			      i, text_groups[i].criteria, 80 + i);
	for (turn = 0; turn < 2; turn++) {
		CU_ASSERT_EQUAL_FATAL(rig_import(&r, BH_FORM_NV, b.data, NULL), 0);
		CU_ASSERT_EQUAL(r.n_notes, 0);
		p.input = (struct bh_import_input){"own.yaml", r.out.data, r.out.len};
		CU_ASSERT_EQUAL_FATAL(bh_export(&p, &theirs, &err), 0);
		rig_load(&r, text_hosts);
		for (i = 0; i < BH_ARRAY_SIZE(text_groups); i++) {
			for (pod = 0; pod < 4; pod++)
				CU_ASSERT_EQUAL(rig_allows(&r, 0x0a000001 + pod, 0x0a000009, 6,
							   (uint16_t)(80 + i)),
						(text_groups[i].fits >> pod & 1) != 0);
		}
		rig_free(&r);
		bh_buf_free(&b);
		b = theirs;
		theirs = (struct bh_buf){0};
	}
	bh_buf_free(&b);
}

static void
what_the_firewall_says_and_we_do_not_is_told_with_its_line(void)
{
	struct rig r;

	CU_ASSERT_EQUAL_FATAL(rig_import(&r, BH_FORM_NV, firewall, NULL), 0);
	CU_ASSERT_TRUE(told(&r, "in.yaml:7:19: policymode Protect"));
	CU_ASSERT_TRUE(told(&r, "in.yaml:31:5: 'dlp'"));
	CU_ASSERT_FALSE(told(&r, "'process'"));
	CU_ASSERT_TRUE(told(&r, "in.yaml:33:3: kind NvAdmissionControlSecurityRule"));
	CU_ASSERT_TRUE(told(&r, "in.yaml:25:7: more is allowed than was written"));
	CU_ASSERT_EQUAL(r.n_notes, 4);
	rig_free(&r);
}

/* ---- exports ------------------------------------------------------------------------------------------ */

static const char *const apps[] = {"a", "b", "c"};
static const char *const spaces[] = {"shop", "lab"};

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

/* Six segments of pods, one of addresses, and rules between them. */
static void
random_policy(struct bh_buf *b, bool denies, bool addresses)
{
	unsigned i, n = 1 + rnd(8);

	bh_buf_str(b, "version: 1\nsegments:\n  net: {addresses: [192.168.0.0/24, 10.9.0.1]}\n");
	for (i = 0; i < 6; i++) {
		bh_buf_printf(b, "  s%u: {selector: \"k8s.namespace in (%s%s), ", i, spaces[rnd(2)],
			      rnd(3) == 0 ? ", ops" : "");
		if (rnd(2) == 0)
			bh_buf_printf(b, "app=%s\"}\n", apps[rnd(3)]);
		else
			bh_buf_printf(b, "app notin (%s, x), tier\"}\n", apps[rnd(3)]);
	}
	bh_buf_str(b, "rules:\n");
	for (i = 0; i < n; i++) {
		unsigned from = rnd(6), to = rnd(6);

		bh_buf_printf(b, "  - {from: [s%u, %s], to: s%u, ports: [%s], action: %s}\n", from,
			      addresses && rnd(3) == 0 ? "net"
			      : from == 5              ? "s0"
						       : "s5",
			      to, rnd(3) == 0 ? "tcp" : "tcp/80, udp/53-60",
			      denies && rnd(3) == 0 ? "deny" : "allow");
	}
}

static void
hosts(struct bh_buf *b)
{
	unsigned i;

	bh_buf_str(b, "endpoints:\n");
	for (i = 0; i < 12; i++)
		bh_buf_printf(
			b, "  - {address: 10.244.0.%u, labels: {k8s.namespace: %s, app: %s%s}}\n",
			i, spaces[i % 2], apps[i / 2 % 3], i >= 6 ? ", tier: x" : "");
}

static uint32_t
host(unsigned i)
{
	return i < 12 ? 0x0af40000 + i : i == 12 ? 0xc0a80005 : i == 13 ? 0x0a090001 : 0x0a090002;
}

/* Our policy, and what its export means when it is imported again, in every cell. */
static unsigned
round_trip(enum bh_form form, const char *more, bool denies)
{
	static const uint16_t ports[] = {80, 81, 53, 60};
	struct rig own = {0}, back;
	struct bh_buf text = {0}, theirs = {0}, ends = {0};
	struct bh_export_params p = {.form = form};
	struct bh_err err = {0};
	unsigned a, b, k, wrong = 0;

	random_policy(&text, denies, form != BH_FORM_GROUPS);
	hosts(&ends);
	p.input = (struct bh_import_input){"own.yaml", text.data, text.len};
	CU_ASSERT_EQUAL_FATAL(bh_export(&p, &theirs, &err), 0);
	bh_buf_str(&theirs, more);
	bh_buf_str(&own.out, text.data);
	rig_load(&own, ends.data);
	if (rig_import(&back, form, theirs.data, "10.244.0.0/16") != 0) {
		fprintf(stderr, "\n%u: %s\n%s", back.err.line, back.err.what, theirs.data);
		CU_FAIL_FATAL("an export is not imported");
	}
	rig_load(&back, ends.data);
	for (a = 0; a < 15; a++) {
		for (b = 0; b < 12; b++) {
			for (k = 0; k < 8 && a != b; k++)
				wrong += rig_allows(&own, host(a), host(b), k % 2 ? 17 : 6,
						    ports[k / 2]) !=
					 rig_allows(&back, host(a), host(b), k % 2 ? 17 : 6,
						    ports[k / 2]);
		}
	}
	if (wrong != 0)
		fprintf(stderr, "\n%s\n%s\n%s", text.data, theirs.data, back.out.data);
	rig_free(&own);
	rig_free(&back);
	bh_buf_free(&text);
	bh_buf_free(&theirs);
	bh_buf_free(&ends);
	return wrong;
}

static void
exports_mean_what_our_policy_says(void)
{
	static const char closed[] = "---\nkind: NetworkPolicy\napiVersion: networking.k8s.io/v1\n"
				     "metadata: {name: closed, namespace: shop}\n"
				     "spec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n"
				     "---\nkind: NetworkPolicy\napiVersion: networking.k8s.io/v1\n"
				     "metadata: {name: closed, namespace: lab}\n"
				     "spec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n";
	unsigned round, wrong = 0;

	srand(8);
	for (round = 0; round < 150 && wrong == 0; round++)
		wrong += round_trip(BH_FORM_NETWORKPOLICY, closed, false);
	for (round = 0; round < 150 && wrong == 0; round++)
		wrong += round_trip(BH_FORM_NV, "", true);
	for (round = 0; round < 150 && wrong == 0; round++)
		wrong += round_trip(BH_FORM_GROUPS, "", round % 3 != 0);
	CU_ASSERT_EQUAL(wrong, 0);
}

/* The document with its names, as it was: what was imported is exported, and imported again is the same, letter by letter. */
static void
older_form_comes_back_as_it_was(void)
{
	static const char *const suffixes[] = {"v2", "auto", "a-b"};
	struct bh_export_params p = {.form = BH_FORM_GROUPS};
	struct bh_err err = {0};
	char text[1024];
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(suffixes); i++) {
		struct bh_buf out = {0};
		struct rig a, b;

		snprintf(text, sizeof(text), older, suffixes[i]);
		CU_ASSERT_EQUAL_FATAL(rig_import(&a, BH_FORM_GROUPS, text, NULL), 0);
		p.input = (struct bh_import_input){"own.yaml", a.out.data, a.out.len};
		p.note = rig_note;
		p.arg = &a;
		CU_ASSERT_EQUAL_FATAL(bh_export(&p, &out, &err), 0);
		CU_ASSERT_EQUAL(a.n_notes, 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "prefix: \"new-app\"\nsuffix: \""));
		CU_ASSERT_PTR_NOT_NULL(strstr(out.data,
					      "  \"nodejsapp\":\n    selectors:\n    - "
					      "\"app=node-pod\"\n    rules:\n      "
					      "\"rule01\":\n        applications:\n        "
					      "- Redis\n        toTarget: \"redis\"\n"));
		CU_ASSERT_EQUAL_FATAL(rig_import(&b, BH_FORM_GROUPS, out.data, NULL), 0);
		CU_ASSERT_STRING_EQUAL(a.out.data, b.out.data);
		bh_buf_free(&out);
		rig_free(&a);
		rig_free(&b);
	}
}

static void
groups_tell_what_they_cannot_say(void)
{
	static const char text[] =
		"version: 1\nsegments:\n  web: {selector: \"app=web\"}\n"
		"  db: {selector: \"app=db\"}\n  net: {addresses: [192.0.2.0/24]}\n"
		"rules:\n"
		"  - {from: any, to: db, ports: tcp/22, action: deny}\n"
		"  - {from: web, to: db, ports: tcp/20-30, action: allow}\n"
		"  - {from: web, to: net, action: allow}\n"
		"  - {from: external, to: web, ports: tcp/443, action: allow}\n"
		"  - {from: web, to: db, applications: [{redis: {commands: [get]}}], action: "
		"allow}\n"
		"  - {from: web, to: db, ports: tcp/80, action: allow}\n";
	struct rig r = {0};
	struct bh_export_params p = {.form = BH_FORM_GROUPS,
				     .input = {"own.yaml", text, strlen(text)},
				     .note = rig_note,
				     .arg = &r};

	CU_ASSERT_EQUAL_FATAL(bh_export(&p, &r.out, &r.err), 0);
	CU_ASSERT_TRUE(told(&r, "own.yaml:5:3: segment 'net' is left out: a group has selectors"));
	CU_ASSERT_TRUE(told(&r, "own.yaml:7:5: rule 'rule-1' is left out: a rule stands in"));
	CU_ASSERT_TRUE(told(&r, "own.yaml:8:5: rule 'rule-2' is left out: a rule that denies"));
	CU_ASSERT_TRUE(told(&r, "own.yaml:9:5: rule 'rule-3' is left out: a group has selectors"));
	CU_ASSERT_TRUE(told(&r, "own.yaml:10:5: rule 'rule-4' is left out: a rule stands in"));
	CU_ASSERT_TRUE(told(&r, "own.yaml:11:5: rule 'rule-5' is left out: operations"));
	CU_ASSERT_FALSE(told(&r, "rule-6"));
	CU_ASSERT_TRUE(
		says(&r, "\"rule-6\":\n        toTarget: \"db\"\n        ports: \"tcp/80\""));
	rig_free(&r);
}

static void
export_tells_what_the_form_cannot_say(void)
{
	static const char text[] =
		"version: 1\nsegments:\n  web: {selector: \"k8s.namespace=shop, app=web\"}\n"
		"  db: {selector: \"k8s.namespace=shop, app=db\"}\n"
		"rules:\n"
		"  - {from: web, to: db, applications: [redis], action: allow}\n"
		"  - {from: web, to: db, ports: tcp/1, applications: [redis], action: allow}\n"
		"  - {from: web, to: db, ports: icmp, action: allow}\n"
		"  - {from: unknown, to: db, action: allow}\n"
		"  - {from: any, to: db, ports: tcp/22, action: reject}\n"
		"  - {from: web, to: db, ports: tcp/20-30, action: allow}\n"
		"  - {from: web, to: db, ports: tcp/80, action: allow}\n";
	struct rig r = {0};
	struct bh_export_params p = {.form = BH_FORM_NETWORKPOLICY,
				     .input = {"own.yaml", text, strlen(text)},
				     .note = rig_note,
				     .arg = &r};

	CU_ASSERT_EQUAL_FATAL(bh_export(&p, &r.out, &r.err), 0);
	CU_ASSERT_TRUE(told(&r, "own.yaml:6:5: rule 'rule-1' is left out: applications"));
	CU_ASSERT_TRUE(told(&r, "own.yaml:7:5: rule 'rule-2': more is allowed than was written"));
	CU_ASSERT_TRUE(told(&r, "own.yaml:8:5: rule 'rule-3' is left out: only ports of TCP"));
	CU_ASSERT_TRUE(told(&r, "own.yaml:9:5: rule 'rule-4' is left out: is what nobody"));
	CU_ASSERT_TRUE(told(&r, "own.yaml:10:5: rule 'rule-5' rejects"));
	CU_ASSERT_TRUE(told(&r, "own.yaml:11:5: rule 'rule-6' is left out: what rule 'rule-5'"));
	CU_ASSERT_FALSE(told(&r, "rule-7"));
	CU_ASSERT_TRUE(says(&r, "port: 80}"));
	CU_ASSERT_FALSE(says(&r, "port: 20"));
	rig_free(&r);
	r = (struct rig){0};
	p.form = BH_FORM_AUTO;
	CU_ASSERT_EQUAL(bh_export(&p, &r.out, &r.err), -EINVAL);
	rig_free(&r);
}

static void
zones_and_modes_are_told_and_never_stand_for_others(void)
{
	static const char text[] =
		"version: 1\nmodes: {default: monitor}\nsegments:\n"
		"  web: {selector: \"k8s.namespace=shop, app=web\", mode: protect}\n"
		"  db: {selector: \"k8s.namespace=shop, app=db\"}\n"
		"  odd: {selector: \"k8s.namespace=shop, app prefix o\"}\n"
		"zones:\n  a: {segments: [web]}\n  b: {segments: [db], intra: only}\n"
		"namespaces: {label: k8s.namespace, boundary: [pay]}\n"
		"rules:\n"
		"  - {from: 'zone:a', to: db, ports: tcp/1, action: allow}\n"
		"  - {from: 'zone:a', to: db, ports: tcp/2, action: deny}\n"
		"  - {from: web, to: db, ports: tcp/2, action: allow}\n"
		"  - {from: web, to: odd, ports: tcp/3, action: allow}\n"
		"  - {from: web, to: db, ports: tcp/4, action: allow, expires: 2199-01-01}\n"
		"learned:\n  segments:\n    new: {selector: \"k8s.namespace=shop, app=new\"}\n"
		"  rules:\n    - {from: web, to: new, ports: tcp/5, action: allow}\n";
	static const enum bh_form forms[] = {BH_FORM_NETWORKPOLICY, BH_FORM_NV};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(forms); i++) {
		struct rig r = {0};
		struct bh_export_params p = {.form = forms[i],
					     .input = {"own.yaml", text, strlen(text)},
					     .note = rig_note,
					     .arg = &r};

		CU_ASSERT_EQUAL_FATAL(bh_export(&p, &r.out, &r.err), 0);
		CU_ASSERT_TRUE(told(&r, "own.yaml:2:8: modes are no rules"));
		CU_ASSERT_TRUE(told(&r, "the mode of segment 'web' is no rule"));
		CU_ASSERT_TRUE(told(&r, "zone 'a' is left out"));
		CU_ASSERT_TRUE(told(&r, "more is allowed than was written: zone 'b'"));
		CU_ASSERT_TRUE(told(&r, "more is allowed than was written: the border of "
					"namespace 'pay'"));
		CU_ASSERT_TRUE(told(&r, "rule 'rule-1' is left out: is a zone"));
		CU_ASSERT_TRUE(told(&r, "rule 'rule-3' is left out"));
		CU_ASSERT_TRUE(told(&r, "rule 'rule-5' expires"));
		CU_ASSERT_EQUAL(told(&r, "rule 'rule-4' is left out"),
				forms[i] == BH_FORM_NETWORKPOLICY);
		CU_ASSERT_TRUE(says(&r, "new"));
		CU_ASSERT_FALSE(says(&r, "external"));
		rig_free(&r);
	}
}

static void
ports_with_names_leave_the_rule_stricter_never_open(void)
{
	static const char text[] =
		"kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\n"
		"metadata: {name: x, namespace: shop}\n"
		"spec:\n  podSelector: {}\n  ingress:\n  - ports: [{port: http}]\n";
	static const char ends[] = "endpoints:\n"
				   "  - {address: 10.0.0.1, labels: {k8s.namespace: shop}}\n"
				   "  - {address: 10.0.0.2, labels: {k8s.namespace: lab}}\n";
	struct rig r;

	CU_ASSERT_EQUAL_FATAL(rig_import(&r, BH_FORM_AUTO, text, NULL), 0);
	CU_ASSERT_TRUE(told(&r, "in.yaml:7:20: port 'http'"));
	rig_load(&r, ends);
	CU_ASSERT_FALSE(rig_allows(&r, 0x0a000002, 0x0a000001, 6, 80));
	CU_ASSERT_TRUE(rig_allows(&r, 0x0a000001, 0x0a000002, 6, 80));
	rig_free(&r);
}

/* A namespace and `keys` labels, one of `values` each. */
static int
import_wide(struct rig *r, unsigned keys, unsigned values)
{
	struct bh_buf b = {0};
	unsigned i, v;
	int rc;

	bh_buf_str(&b, "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\n"
		       "metadata: {name: x, namespace: shop}\nspec:\n  podSelector:\n"
		       "    matchExpressions:\n");
	for (i = 0; i < keys; i++) {
		bh_buf_printf(&b, "    - {key: k%u, operator: %s, values: [\"\"", i,
			      i == 0 ? "In" : "NotIn");
		for (v = 1; v < values; v++)
			bh_buf_printf(&b, ", v%u", v);
		bh_buf_str(&b, "]}\n");
	}
	rc = rig_import(r, BH_FORM_AUTO, b.data, NULL);
	bh_buf_free(&b);
	return rc;
}

static void
wide_selectors_become_what_loads_or_are_refused(void)
{
	static const char ends[] =
		"endpoints:\n"
		"  - {address: 10.0.0.1, labels: {k8s.namespace: shop, k0: v599}}\n"
		"  - {address: 10.0.0.2, labels: {k8s.namespace: shop, k0: \"\"}}\n"
		"  - {address: 10.0.0.3, labels: {k8s.namespace: shop, k0: v1, k1: v300}}\n"
		"  - {address: 10.0.0.4, labels: {k8s.namespace: lab}}\n";
	struct rig r;

	CU_ASSERT_EQUAL_FATAL(import_wide(&r, 2, 600), 0);
	rig_load(&r, ends);
	CU_ASSERT_FALSE(rig_allows(&r, 0x0a000004, 0x0a000001, 6, 80));
	CU_ASSERT_FALSE(rig_allows(&r, 0x0a000004, 0x0a000002, 6, 80));
	CU_ASSERT_TRUE(rig_allows(&r, 0x0a000004, 0x0a000003, 6, 80));
	rig_free(&r);
	CU_ASSERT_EQUAL_FATAL(import_wide(&r, 32, 2), 0);
	rig_load(&r, ends);
	rig_free(&r);
	CU_ASSERT_EQUAL(import_wide(&r, 33, 2), -E2BIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.err.what, "64 requirements"));
	rig_free(&r);
}

const struct bh_unit_test bh_suite_import_forms[] = {
	BH_TEST(older_form_gives_segments_and_rules_their_full_names),
	BH_TEST(automatic_suffix_follows_the_content_and_not_the_layout),
	BH_TEST(mistakes_stand_at_their_line_of_the_whole_file),
	BH_TEST(firewall_rules_are_judged_by_priority_and_criteria),
	BH_TEST(what_the_firewall_says_and_we_do_not_is_told_with_its_line),
	BH_TEST(exports_mean_what_our_policy_says),
	BH_TEST(older_form_comes_back_as_it_was),
	BH_TEST(groups_tell_what_they_cannot_say),
	BH_TEST(criteria_over_texts_are_judged_as_written_and_exported_as_they_came),
	BH_TEST(zones_and_modes_are_told_and_never_stand_for_others),
	BH_TEST(export_tells_what_the_form_cannot_say),
	BH_TEST(ports_with_names_leave_the_rule_stricter_never_open),
	BH_TEST(wide_selectors_become_what_loads_or_are_refused),
	BH_TEST_END};
