/* Groups by DNS name: from the container firewall's form, and back. */
#include "../../lib/policy/host.h"
#include "import_rig.h"

/* Groups by address: numbers, names, both. */
static const char name_groups[] =
	"kind: NvSecurityRule\nspec:\n  target:\n    selector: {name: web, criteria: [{key: app, "
	"op: \"=\", value: web}]}\n  egress:\n"
	"  - {selector: {name: pay, criteria: [{key: address, op: \"=\", value: API.pay.example.}, "
	"{key: address, op: \"=\", value: \"*.my-bank.example\"}]}, ports: tcp/443, action: "
	"allow}\n"
	"  - {selector: {name: evil, criteria: [{key: address, op: \"=\", value: "
	"x.my-bank.example}]}, ports: any, action: deny, priority: 9}\n"
	"  - {selector: {name: both, criteria: [{key: address, op: \"=\", value: "
	"mail.example.org}, "
	"{key: address, op: \"=\", value: 192.0.2.1-192.0.2.2}]}, ports: tcp/25, action: allow}\n";

static void
rig_name(const struct rig *r, const char *name, uint32_t address)
{
	const uint32_t wire = __builtin_bswap32(address);
	struct bh_name_answer a = {.name = name, .family = BH_IP4, .ttl = 60};

	memcpy(a.addr, &wire, 4);
	CU_ASSERT_EQUAL(bh_policy_names_learn(r->policy, &a, 1, 1, NULL), 1);
}

static void
groups_by_dns_name_follow_answers_and_come_back_as_they_went(void)
{
	static const char ends[] = "endpoints:\n  - {address: 10.0.0.1, labels: {app: web}}\n";
	const uint32_t web = 0x0a000001, pay = 0xcb007101, bank = pay + 1, evil = pay + 2,
		       mail = pay + 3;
	struct bh_export_params p = {.form = BH_FORM_NV};
	struct bh_buf text = {0}, theirs = {0}, first = {0};
	struct bh_err err = {0};
	struct rig r;
	unsigned turn;

	bh_buf_str(&text, name_groups);
	for (turn = 0; turn < 2; turn++) {
		CU_ASSERT_EQUAL_FATAL(rig_import(&r, BH_FORM_AUTO, text.data, NULL), 0);
		CU_ASSERT_EQUAL(r.n_notes, 0);
		CU_ASSERT_TRUE(says(&r, "\"pay\": {names: [\"*.my-bank.example\", "
					"\"api.pay.example\"]}"));
		CU_ASSERT_TRUE(says(&r, "\"both\": {addresses: [\"192.0.2.1\", \"192.0.2.2\"], "
					"names: [\"mail.example.org\"]}"));
		p.input = (struct bh_import_input){"own.yaml", r.out.data, r.out.len};
		p.note = rig_note;
		p.arg = &r;
		CU_ASSERT_EQUAL_FATAL(bh_export(&p, &theirs, &err), 0);
		CU_ASSERT_FALSE(told(&r, "left out"));
		CU_ASSERT_PTR_NOT_NULL(
			strstr(theirs.data, "op: \"=\", value: \"*.my-bank.example\"}"));
		CU_ASSERT_PTR_NULL(strstr(theirs.data, "ingress"));
		rig_load(&r, ends);
		CU_ASSERT_FALSE(rig_allows(&r, web, pay, 6, 443));
		rig_name(&r, "api.pay.example", pay);
		rig_name(&r, "y.my-bank.example", bank);
		rig_name(&r, "x.my-bank.example", evil);
		rig_name(&r, "mail.example.org", mail);
		CU_ASSERT_TRUE(rig_allows(&r, web, pay, 6, 443));
		CU_ASSERT_TRUE(rig_allows(&r, web, bank, 6, 443));
		CU_ASSERT_FALSE(rig_allows(&r, web, evil, 6, 443));
		CU_ASSERT_FALSE(rig_allows(&r, web, mail, 6, 443));
		CU_ASSERT_TRUE(rig_allows(&r, web, mail, 6, 25));
		CU_ASSERT_TRUE(rig_allows(&r, web, 0xc0000202, 6, 25));
		CU_ASSERT_FALSE(rig_allows(&r, web, 0xc0000203, 6, 25));
		rig_free(&r);
		bh_buf_free(&text);
		text = theirs;
		theirs = (struct bh_buf){0};
		if (turn == 0)
			bh_buf_str(&first, text.data);
	}
	CU_ASSERT_STRING_EQUAL(first.data, text.data);
	bh_buf_free(&first);
	bh_buf_free(&text);
}

static void
more_names_than_a_segment_takes_are_two(void)
{
	struct bh_buf b = {0};
	struct rig r;
	unsigned i;

	bh_buf_str(&b,
		   "kind: NvGroupDefinition\nspec:\n  selector:\n    name: many\n    criteria:\n");
	for (i = 0; i < 2048; i++)
		bh_buf_printf(&b, "    - {key: address, op: \"=\", value: h%u.example.com}\n",
			      i % 2000);
	CU_ASSERT_EQUAL_FATAL(rig_import(&r, BH_FORM_NV, b.data, NULL), 0);
	rig_load(&r, "");
	CU_ASSERT_TRUE(says(&r, "\"many-2\""));
	CU_ASSERT_FALSE(says(&r, "\"many-3\""));
	rig_free(&r);
	bh_buf_free(&b);
}

static void
what_is_no_dns_name_leaves_its_rule_out(void)
{
	static const struct {
		const char *value, *what;
	} cases[] = {
		{"vh:shop.example.com", "has a virtual host"},
		{"10.0.0.300", "neither a number nor a DNS name"},
		{"10.0.0.9-10.0.0.1", "neither a number nor a DNS name"},
		{"db", "neither a number nor a DNS name"},
		{"a.*.example.com", "neither a number nor a DNS name"},
		{"*", "neither a number nor a DNS name"},
	};
	char text[512];
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text),
			 "kind: NvSecurityRule\nspec:\n  target: {selector: {name: containers}}\n"
			 "  egress:\n  - {selector: {name: out, criteria: [{key: address, op: "
			 "\"=\", "
			 "value: \"%s\"}, {key: address, op: \"=\", value: ok.example.com}]}, "
			 "ports: "
			 "any, action: allow}\n",
			 cases[i].value);
		CU_ASSERT_EQUAL_FATAL(rig_import(&r, BH_FORM_NV, text, NULL), 0);
		CU_ASSERT_TRUE(told(&r, cases[i].what));
		CU_ASSERT_FALSE(says(&r, "ok.example.com"));
		CU_ASSERT_FALSE(says(&r, "allow"));
		rig_free(&r);
	}
}

static void
forms_without_names_leave_rules_with_them_out(void)
{
	static const char text[] =
		"version: 1\nsegments:\n  web: {selector: \"k8s.namespace=shop, app=web\"}\n"
		"  pay: {names: [pay.example.com]}\n"
		"rules:\n  - {from: web, to: pay, ports: tcp/443, action: allow}\n";
	static const enum bh_form forms[] = {BH_FORM_NETWORKPOLICY, BH_FORM_GROUPS};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(forms); i++) {
		struct rig r = {0};
		struct bh_export_params p = {.form = forms[i],
					     .input = {"own.yaml", text, strlen(text)},
					     .note = rig_note,
					     .arg = &r};

		CU_ASSERT_EQUAL_FATAL(bh_export(&p, &r.out, &r.err), 0);
		CU_ASSERT_TRUE(told(&r, "own.yaml:6:5: rule 'rule-1' is left out"));
		CU_ASSERT_FALSE(says(&r, "443"));
		rig_free(&r);
	}
}

const struct bh_unit_test bh_suite_import_names[] = {
	BH_TEST(groups_by_dns_name_follow_answers_and_come_back_as_they_went),
	BH_TEST(more_names_than_a_segment_takes_are_two),
	BH_TEST(what_is_no_dns_name_leaves_its_rule_out),
	BH_TEST(forms_without_names_leave_rules_with_them_out), BH_TEST_END};
