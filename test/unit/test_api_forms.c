/* api: what is only asked for: policies in other forms, quotas, log lines. */
#include "api_fixture.h"

static const char network_policy[] =
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: db, namespace: "
	"shop}\n"
	"spec:\n  podSelector: {matchLabels: {app: db}}\n  policyTypes: [Ingress]\n"
	"  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432, "
	"protocol: TCP}]}]\n";

static long
ask_document(const struct fix *f, const char *path, const char *text, json_t **out)
{
	struct answer a;
	long status;

	fix_ask(f,
		&(struct ask){
			.method = "POST", .path = path, .type = "application/yaml", .body = text},
		&a);
	status = a.status;
	*out = json_incref(a.json);
	fix_answer_free(&a);
	return status;
}

/* Into force, without a word said about it. */
static bool
loads(struct fix *f, const char *text)
{
	struct bh_policy_change change;
	struct bh_err err = {0};

	return bh_policy_load_text(f->policy, "t", text, strlen(text), true, &change, &err) == 0;
}

static void
a_document_of_another_system_becomes_one_of_ours(void)
{
	unsigned revision;
	struct fix f;
	json_t *o;

	fix_start(&f, NULL);
	revision = bh_policy_revision(f.policy);
	CU_ASSERT_EQUAL(ask_document(&f, "/api/v1/policy/import", network_policy, &o), 200);
	CU_ASSERT_STRING_EQUAL(fix_str(o, "form"), "bulkhead");
	CU_ASSERT_PTR_NOT_NULL(strstr(fix_str(o, "text"), "tcp/5432"));
	CU_ASSERT(loads(&f, fix_str(o, "text")));
	json_decref(o);
	CU_ASSERT_EQUAL(bh_policy_revision(f.policy), revision);
	CU_ASSERT_EQUAL(ask_document(&f, "/api/v1/policy/import?form=networkpolicy", "a: [", &o),
			422);
	CU_ASSERT(fix_str(o, "detail")[0] != 0);
	json_decref(o);
	CU_ASSERT_EQUAL(ask_document(&f, "/api/v1/policy/import?form=fax", network_policy, &o),
			400);
	CU_ASSERT_STRING_EQUAL(fix_str(o, "argument"), "form");
	json_decref(o);
	fix_stop(&f);
}

/* What goes out comes in again and loads; what the form cannot say (a rule that denies) is told. */
static void
the_policy_in_force_is_told_in_other_forms(void)
{
	static const char *const forms[] = {"networkpolicy", "nv", "groups"};
	char path[100];
	json_t *o, *again;
	struct fix f;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(forms); i++) {
		snprintf(path, sizeof(path), "/api/v1/policy/export?form=%s", forms[i]);
		o = fix_get(&f, path);
		CU_ASSERT_STRING_EQUAL(fix_str(o, "form"), forms[i]);
		CU_ASSERT(json_array_size(json_object_get(o, "notes")) > 0);
		snprintf(path, sizeof(path), "/api/v1/policy/import?form=%s", forms[i]);
		CU_ASSERT_EQUAL(ask_document(&f, path, fix_str(o, "text"), &again), 200);
		CU_ASSERT(loads(&f, fix_str(again, "text")));
		json_decref(again);
		json_decref(o);
	}
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/policy/export", NULL), 400);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/policy/export?form=auto", NULL), 400);
	fix_stop(&f);
}

/* ---- quotas --------------------------------------------------------------------------------------- */

static struct bh_config config;

static void
with_quotas(struct bh_api_params *p)
{
	bh_config_default(&config);
	strcpy(config.threat_segment[0], "web");
	config.n_threat_segments = 1;
	config.quota[0] = (struct bh_threat_quota){
		.name = "calm",
		.per = BH_QUOTA_PAIR,
		.from = 0,
		.to = BH_THREAT_ANY,
		.alert = true,
		.limit = {[BH_QUOTA_PACKETS] = 500, [BH_QUOTA_SESSIONS] = 7}};
	config.n_quotas = 1;
	p->config = &config;
}

static void
quotas_are_told_with_their_limits(void)
{
	struct fix f;
	json_t *o, *q;

	fix_start(&f, with_quotas);
	o = fix_get(&f, "/api/v1/quotas");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "items")), 1);
	q = json_array_get(json_object_get(o, "items"), 0);
	CU_ASSERT_STRING_EQUAL(fix_str(q, "name"), "calm");
	CU_ASSERT_STRING_EQUAL(fix_str(q, "per"), "pair");
	CU_ASSERT_STRING_EQUAL(fix_str(q, "from"), "web");
	CU_ASSERT_STRING_EQUAL(fix_str(q, "to"), "any");
	CU_ASSERT_STRING_EQUAL(fix_str(q, "action"), "alert");
	CU_ASSERT_EQUAL(fix_int(q, "packets"), 500);
	CU_ASSERT_EQUAL(fix_int(q, "sessions"), 7);
	CU_ASSERT(json_is_null(json_object_get(q, "bytes")));
	CU_ASSERT(json_is_null(json_object_get(q, "connections")));
	json_decref(o);
	fix_stop(&f);
}

/* ---- log lines ------------------------------------------------------------------------------------ */

#define T0 UINT64_C(1767323045000000000) /* 2026-01-02T03:04:05Z */

/* Numbers 11 to 40, a second apart; each third is a warning, each tenth an error. */
static bool
a_log(void *arg, uint64_t number, struct bh_api_log *out)
{
	(void)arg;
	if (number == 0)
		number = 40;
	if (number < 11 || number > 40)
		return false;
	*out = (struct bh_api_log){.number = number,
				   .time_ns = T0 + number * BH_NS_PER_SEC,
				   .level = number % 10 == 0  ? BH_LOG_ERROR
					    : number % 3 == 0 ? BH_LOG_WARN
							      : BH_LOG_INFO};
	snprintf(out->text, sizeof(out->text), "line %llu", (unsigned long long)number);
	return true;
}

static void
with_log(struct bh_api_params *p)
{
	p->ops.log = a_log;
}

static void
log_lines_come_newest_first_by_level_and_time(void)
{
	char path[120] = "/api/v1/logs?limit=4&level=warning", text[32];
	unsigned number = 41, i;
	const char *next;
	struct fix f;
	json_t *o, *items;

	fix_start(&f, with_log);
	do {
		o = fix_get(&f, path);
		items = json_object_get(o, "items");
		CU_ASSERT_FATAL(o != NULL && json_array_size(items) <= 4);
		for (i = 0; i < json_array_size(items); i++) {
			while (--number % 3 != 0 && number % 10 != 0)
				;
			snprintf(text, sizeof(text), "line %u", number);
			CU_ASSERT_STRING_EQUAL(fix_str(json_array_get(items, i), "text"), text);
			CU_ASSERT_STRING_EQUAL(fix_str(json_array_get(items, i), "level"),
					       number % 10 == 0 ? "error" : "warning");
		}
		next = json_string_value(json_object_get(o, "next"));
		snprintf(path, sizeof(path), "/api/v1/logs?limit=4&level=warning&cursor=%s",
			 next != NULL ? next : "");
		json_decref(o);
	} while (next != NULL && number > 11);
	CU_ASSERT_EQUAL(number, 12);
	o = fix_get(&f, "/api/v1/logs?since=2026-01-02T03:04:20Z&until=2026-01-02T03:04:22Z");
	items = json_object_get(o, "items");
	CU_ASSERT_EQUAL(json_array_size(items), 3);
	CU_ASSERT_STRING_EQUAL(fix_str(json_array_get(items, 0), "text"), "line 17");
	json_decref(o);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/logs?level=all", NULL), 400);
	fix_stop(&f);
}

const struct bh_unit_test bh_suite_api_forms[] = {
	BH_TEST(a_document_of_another_system_becomes_one_of_ours),
	BH_TEST(the_policy_in_force_is_told_in_other_forms),
	BH_TEST(quotas_are_told_with_their_limits),
	BH_TEST(log_lines_come_newest_first_by_level_and_time),
	BH_TEST_END,
};
