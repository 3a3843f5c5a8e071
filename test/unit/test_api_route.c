/* Each line of route.def answers as it says, and whatever is not in it is refused in the right words. */
#include "api_fixture.h"

static const struct {
	const char *method, *path, *handler;
} routes[] = {
#define BH_ROUTE(method, path, handler, role, body, arguments, summary) {#method, path, #handler},
#include "../../lib/api/route.def"
#undef BH_ROUTE
};

/* A request for each handler that must succeed. */
static const struct good {
	const char *handler, *method, *path, *body;
	long status;
} good[] = {
	{"ep_health_get", "GET", "/api/v1/health", NULL, 200},
	{"ep_version_get", "GET", "/api/v1/version", NULL, 200},
	{"ep_stats_get", "GET", "/api/v1/stats", NULL, 200},
	{"ep_metrics_get", "GET", "/metrics", NULL, 200},
	{"ep_segments_list", "GET", "/api/v1/segments", NULL, 200},
	{"ep_segments_get", "GET", "/api/v1/segments/web", NULL, 200},
	{"ep_sources_list", "GET", "/api/v1/sources", NULL, 200},
	{"ep_fleet_get", "GET", "/api/v1/fleet", NULL, 200},
	{"ep_pair_get", "GET", "/api/v1/pair", NULL, 200},
	{"ep_names_list", "GET", "/api/v1/names?name=a.example.com", NULL, 200},
	{"ep_modes_batch", "PATCH", "/api/v1/segments", "{\"modes\":{\"web\":\"monitor\"}}", 200},
	{"ep_modes_patch", "PATCH", "/api/v1/segments/web", "{\"mode\":null,\"why\":\"x\"}", 200},
	{"ep_endpoints_list", "GET", "/api/v1/endpoints?label=app%3Dweb", NULL, 200},
	{"ep_endpoints_batch", "POST", "/api/v1/endpoints", "{\"changes\":[]}", 200},
	{"ep_endpoints_batch", "PATCH", "/api/v1/endpoints", "{\"changes\":[]}", 200},
	{"ep_endpoints_get", "GET", "/api/v1/endpoints/10.1.0.10", NULL, 200},
	{"ep_endpoints_put", "PUT", "/api/v1/endpoints/10.9.0.0%2F16", "{\"labels\":{\"a\":\"b\"}}",
	 201},
	{"ep_endpoints_patch", "PATCH", "/api/v1/endpoints/10.9.0.0/16",
	 "{\"labels\":{\"a\":null}}", 200},
	{"ep_endpoints_delete", "DELETE", "/api/v1/endpoints/10.9.0.0%2f16", NULL, 204},
	{"ep_rules_list", "GET", "/api/v1/rules", NULL, 200},
	{"ep_rules_get", "GET", "/api/v1/rules/web-to-redis", NULL, 200},
	{"ep_policy_get", "GET", "/api/v1/policy", NULL, 200},
	{"ep_policy_put", "PUT", "/api/v1/policy?dry_run=1", "{\"version\": 1}", 200},
	/* without a store; test_api_revision.c has one */
	{"ep_revisions_list", "GET", "/api/v1/policy/revisions", NULL, 409},
	{"ep_revisions_get", "GET", "/api/v1/policy/revisions/1", NULL, 409},
	{"ep_revisions_rollback", "POST", "/api/v1/policy/rollback", "{}", 409},
	{"ep_revisions_confirm", "POST", "/api/v1/policy/confirm", "{}", 409},
	{"ep_audit_list", "GET", "/api/v1/audit", NULL, 409},
	{"ep_audit_verify", "GET", "/api/v1/audit/verify", NULL, 409},
	/* nor evidence; test_api_evidence.c has some */
	{"ep_evidence_list", "GET", "/api/v1/evidence", NULL, 409},
	{"ep_evidence_get", "GET", "/api/v1/evidence/x", NULL, 409},
	{"ep_evidence_delete", "DELETE", "/api/v1/evidence/x", NULL, 409},
	{"ep_captures_list", "GET", "/api/v1/captures", NULL, 409},
	{"ep_captures_post", "POST", "/api/v1/captures", "{}", 409},
	{"ep_captures_get", "GET", "/api/v1/captures/x", NULL, 409},
	{"ep_captures_delete", "DELETE", "/api/v1/captures/x", NULL, 409},
	{"ep_lint_get", "GET", "/api/v1/lint", NULL, 200},
	{"ep_lint_post", "POST", "/api/v1/lint", "{\"version\": 1}", 200},
	{"ep_explain_get", "GET", "/api/v1/explain?from=web&to=redis&service=tcp/6379", NULL, 200},
	/* without conversations; the end-to-end tests have some */
	{"ep_conversations_list", "GET", "/api/v1/conversations", NULL, 409},
	{"ep_conversations_delete", "DELETE", "/api/v1/conversations?party=x", NULL, 409},
	{"ep_conversations_delete_one", "DELETE", "/api/v1/conversations/1", NULL, 409},
	{"ep_learned_get", "GET", "/api/v1/learned", NULL, 409},
	{"ep_shadow_post", "POST", "/api/v1/policy/shadow?for=10m", "{\"version\": 1}", 409},
	{"ep_shadow_get", "GET", "/api/v1/policy/shadow", NULL, 409},
	{"ep_shadow_delete", "DELETE", "/api/v1/policy/shadow", NULL, 409},
	{"ep_suggestions_get", "GET", "/api/v1/learned/suggestions", NULL, 409},
	{"ep_learned_adopt", "POST", "/api/v1/learned/adopt", "{}", 409},
	{"ep_whatif_post", "POST", "/api/v1/policy/whatif", "{\"version\": 1}", 409},
	{"ep_quarantines_post", "POST", "/api/v1/quarantines",
	 "{\"address\":\"10.1.0.10\",\"allow\":[\"redis:6379\"],\"for\":\"10m\",\"why\":\"x\"}",
	 200},
	{"ep_quarantines_post", "POST", "/api/v1/quarantines", "{\"address\":\"10.1.0.10\"}", 409},
	{"ep_quarantines_post", "POST", "/api/v1/quarantines", "{\"address\":\"web\"}", 422},
	{"ep_quarantines_post", "POST", "/api/v1/quarantines", "{\"adress\":\"10.1.0.1\"}", 422},
	{"ep_quarantines_post", "POST", "/api/v1/quarantines",
	 "{\"address\":\"10.1.0.1\",\"for\":\"10\"}", 422},
	{"ep_quarantines_post", "POST", "/api/v1/quarantines",
	 "{\"address\":\"10.1.0.1\",\"allow\":[\"redis:x\"]}", 422},
	{"ep_quarantines_list", "GET", "/api/v1/quarantines?limit=1", NULL, 200},
	{"ep_quarantines_delete", "DELETE", "/api/v1/quarantines/10.1.0.10?why=y", NULL, 200},
	{"ep_quarantines_delete", "DELETE", "/api/v1/quarantines/10.1.0.10", NULL, 404},
	{"ep_blocks_post", "POST", "/api/v1/blocks",
	 "{\"from\":\"web\",\"to\":\"10.2.0.0/16\",\"service\":\"443\",\"application\":\"tls\"}",
	 200},
	{"ep_blocks_post", "POST", "/api/v1/blocks", "{\"service\":\"443\"}", 422},
	{"ep_blocks_list", "GET", "/api/v1/blocks", NULL, 200},
	{"ep_blocks_delete", "DELETE", "/api/v1/blocks/2", NULL, 200},
	{"ep_blocks_delete", "DELETE", "/api/v1/blocks/2x", NULL, 404},
	{"ep_quarantines_rules", "GET", "/api/v1/response-rules", NULL, 200},
	{"ep_flows_list", "GET", "/api/v1/flows?limit=1", NULL, 200},
	{"ep_flows_delete", "DELETE", "/api/v1/flows/4711x", NULL, 404},
	/* without a store of events; the end-to-end tests have one */
	{"ep_events_list", "GET", "/api/v1/events?limit=1", NULL, 409},
	{"ep_events_stream", "GET", "/api/v1/events/stream", NULL, 409},
	{"ep_events_get", "GET", "/api/v1/events/1", NULL, 409},
	{"ep_zones_list", "GET", "/api/v1/zones", NULL, 200},
	{"ep_ports_list", "GET", "/api/v1/ports", NULL, 200},
	{"ep_workers_list", "GET", "/api/v1/workers", NULL, 200},
	{"ep_facts_applications", "GET", "/api/v1/applications", NULL, 200},
	{"ep_facts_threats", "GET", "/api/v1/threats", NULL, 200},
	{"ep_facts_quotas", "GET", "/api/v1/quotas", NULL, 200},
	{"ep_logs_list", "GET", "/api/v1/logs?level=error", NULL, 200},
	{"ep_forms_export", "GET", "/api/v1/policy/export?form=nv", NULL, 200},
	{"ep_forms_import", "POST", "/api/v1/policy/import", "{}", 422},
	/* without a configuration; the end-to-end tests have one */
	{"ep_facts_configuration", "GET", "/api/v1/configuration", NULL, 404},
	{"ep_reasons_list", "GET", "/api/v1/reasons", NULL, 200},
	{"ep_reports_pci", "GET", "/api/v1/reports/pci?zone=nowhere", NULL, 404},
	{"ep_reports_review", "POST", "/api/v1/reports/pci/review", "{\"zone\": \"x\"}", 409},
	{"ep_whoami_get", "GET", "/api/v1/whoami", NULL, 200},
	{"ep_identities_list", "GET", "/api/v1/identities", NULL, 409},
	{"ep_identities_put", "PUT", "/api/v1/identities/x", "{\"role\":\"viewer\"}", 409},
	{"ep_identities_delete", "DELETE", "/api/v1/identities/x", NULL, 409},
	{"ep_openapi_get", "GET", "/api/v1/openapi.json", NULL, 200},
};

static void
every_route_answers(void)
{
	struct fix f;
	size_t i, k;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(good); i++) {
		long status = fix_send(&f, good[i].method, good[i].path, good[i].body);

		if (status != good[i].status)
			fprintf(stderr, "%s %s: %ld\n", good[i].method, good[i].path, status);
		CU_ASSERT_EQUAL(status, good[i].status);
	}
	for (k = 0; k < BH_ARRAY_SIZE(routes); k++) {
		for (i = 0; i < BH_ARRAY_SIZE(good); i++) {
			if (strcmp(routes[k].handler, good[i].handler) == 0 &&
			    strcmp(routes[k].method, good[i].method) == 0)
				break;
		}
		CU_ASSERT(i < BH_ARRAY_SIZE(good)); /* a route without a request above */
	}
	fix_stop(&f);
}

static void
head_answers_like_get_without_a_body(void)
{
	struct answer get, head;
	struct fix f;

	fix_start(&f, NULL);
	fix_ask(&f, &(struct ask){.method = "GET", .path = "/api/v1/rules"}, &get);
	fix_ask(&f, &(struct ask){.method = "HEAD", .path = "/api/v1/rules"}, &head);
	CU_ASSERT_EQUAL(get.status, 200);
	CU_ASSERT_EQUAL(head.status, 200);
	CU_ASSERT_EQUAL(head.body.len, 0);
	CU_ASSERT_PTR_NOT_NULL(strcasestr(head.head.data, "Content-Type: application/json"));
	fix_answer_free(&get);
	fix_answer_free(&head);
	fix_stop(&f);
}

static void
every_answer_has_the_security_headers(void)
{
	static const char *const paths[] = {"/api/v1/health", "/nowhere",
					    "/api/v1/policy?format=yaml"};
	struct answer a;
	struct fix f;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(paths); i++) {
		fix_ask(&f, &(struct ask){.method = "GET", .path = paths[i]}, &a);
		CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head.data, "X-Content-Type-Options: nosniff"));
		CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head.data, "Cache-Control: no-store"));
		fix_answer_free(&a);
	}
	fix_stop(&f);
}

/* Status, and the problem's type; the answer must be RFC 9457. */
static void
expect_problem(const struct fix *f, const struct ask *q, long status, const char *type)
{
	struct answer a;
	char want[64];

	fix_ask(f, q, &a);
	snprintf(want, sizeof(want), "urn:bulkhead:problem:%s", type);
	if (a.status != status || strcmp(fix_str(a.json, "type"), want) != 0)
		fprintf(stderr, "%s %s: %ld %s\n", q->method, q->path, a.status,
			a.body.data != NULL ? a.body.data : "");
	CU_ASSERT_EQUAL(a.status, status);
	CU_ASSERT_STRING_EQUAL(fix_str(a.json, "type"), want);
	CU_ASSERT_EQUAL(fix_int(a.json, "status"), status);
	CU_ASSERT(fix_str(a.json, "title")[0] != '\0');
	CU_ASSERT(fix_str(a.json, "detail")[0] != '\0');
	CU_ASSERT_STRING_EQUAL(fix_str(a.json, "instance"), q->path);
	CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head.data, "Content-Type: application/problem+json"));
	fix_answer_free(&a);
}

static void
unknown_paths_and_things_are_404(void)
{
	static const char *const paths[] = {
		"/",
		"/api/v1",
		"/api/v1/",
		"/api/v1/endpoints/",
		"/api/v1/healthx",
		"/api/v2/health",
		"/api/v1/segments/nobody",
		"/api/v1/rules/nothing",
		"/api/v1/endpoints/10.99.0.1",
		"/api/v1/endpoints/10.1.0.10?vlan=5",
		"//api/v1/health",
	};
	struct fix f;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(paths); i++)
		expect_problem(&f, &(struct ask){.method = "GET", .path = paths[i]}, 404,
			       "not-found");
	fix_stop(&f);
}

static void
wrong_method_is_405_and_says_which_are_allowed(void)
{
	struct answer a;
	struct fix f;

	fix_start(&f, NULL);
	expect_problem(&f, &(struct ask){.method = "DELETE", .path = "/api/v1/rules"}, 405,
		       "method");
	expect_problem(&f, &(struct ask){.method = "BREW", .path = "/api/v1/health"}, 405,
		       "method");
	fix_ask(&f, &(struct ask){.method = "POST", .path = "/api/v1/endpoints/10.0.0.1"}, &a);
	CU_ASSERT_EQUAL(a.status, 405);
	CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head.data, "Allow: GET, HEAD, PUT, PATCH, DELETE\r\n"));
	fix_answer_free(&a);
	fix_stop(&f);
}

static void
bad_arguments_are_named(void)
{
	static const struct {
		const char *path, *argument;
	} bad[] = {
		{"/api/v1/health?x=1", "x"},
		{"/api/v1/flows?limt=5", "limt"},
		{"/api/v1/flows?limit=0", "limit"},
		{"/api/v1/flows?limit=1001", "limit"},
		{"/api/v1/flows?limit=-1", "limit"},
		{"/api/v1/flows?limit=5&limit=6", "limit"},
		{"/api/v1/flows?proto=xyz", "proto"},
		{"/api/v1/flows?verdict=maybe", "verdict"},
		{"/api/v1/flows?state=odd", "state"},
		{"/api/v1/flows?segment=nobody", "segment"},
		{"/api/v1/flows?address=10.0.0.1%2F8", "address"},
		{"/api/v1/flows?port=65536", "port"},
		{"/api/v1/flows?cursor=x", "cursor"},
		{"/api/v1/rules?cursor=1", "cursor"},
		{"/api/v1/rules?cursor=1.2x", "cursor"},
		{"/api/v1/endpoints?cursor=zz", "cursor"},
		{"/api/v1/policy?format=xml", "format"},
		{"/api/v1/endpoints/10.0.0.1?vlan=4095", "vlan"},
		{"/api/v1/endpoints/10.0.0.1?vlan=0", "vlan"},
		{"/api/v1/endpoints/10.0.0.1?vlan=5,", "vlan"},
		{"/api/v1/endpoints/10.0.0.1?vlan=5,6,7", "vlan"},
		{"/api/v1/endpoints/10.0.0.1?vlan=,5", "vlan"},
		{"/api/v1/endpoints/10.0.0.1?vni=16777216", "vni"},
		{"/api/v1/endpoints/10.0.0.1?vni=0", "vni"},
		{"/api/v1/endpoints/10.0.0.1?vlan2=5", "vlan2"},
	};
	struct answer a;
	struct fix f;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		expect_problem(&f, &(struct ask){.method = "GET", .path = bad[i].path}, 400,
			       "argument");
		fix_ask(&f, &(struct ask){.method = "GET", .path = bad[i].path}, &a);
		CU_ASSERT_STRING_EQUAL(fix_str(a.json, "argument"), bad[i].argument);
		fix_answer_free(&a);
	}
	fix_stop(&f);
}

static void
broken_escapes_are_refused(void)
{
	static const char *const paths[] = {
		"/api/v1/segments/%",
		"/api/v1/segments/%2",
		"/api/v1/segments/%zz",
		"/api/v1/segments/a%00b",
	};
	struct fix f;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(paths); i++)
		expect_problem(&f, &(struct ask){.method = "GET", .path = paths[i]}, 400,
			       "bad-request");
	expect_problem(&f, &(struct ask){.method = "GET", .path = "/api/v1/flows?port=%4"}, 400,
		       "argument");
	expect_problem(&f, &(struct ask){.method = "GET", .path = "/api/v1/endpoints/1.2.3"}, 400,
		       "bad-request");
	fix_stop(&f);
}

static void
bytes_that_are_not_utf8_come_back_as_text(void)
{
	struct fix f;

	fix_start(&f, NULL);
	/* 0xff is in no UTF-8: the problem must still be JSON. */
	expect_problem(&f, &(struct ask){.method = "GET", .path = "/api/v1/rules/%FF%fe"}, 404,
		       "not-found");
	fix_stop(&f);
}

static void
other_media_types_are_415(void)
{
	static const char *const types[] = {NULL, "text/plain", "application/x-www-form-urlencoded",
					    "application/jsonx", "application/yaml"};
	struct fix f;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(types); i++)
		expect_problem(&f,
			       &(struct ask){.method = "PUT",
					     .path = "/api/v1/endpoints/10.0.0.1",
					     .type = types[i],
					     .body = "{\"labels\":{}}"},
			       415, "media-type");
	expect_problem(&f,
		       &(struct ask){.method = "PUT",
				     .path = "/api/v1/policy",
				     .type = "text/html",
				     .body = "version: 1"},
		       415, "media-type");
	expect_problem(&f,
		       &(struct ask){.method = "PUT",
				     .path = "/api/v1/policy",
				     .type = "application/yaml",
				     .header = "Content-Encoding: gzip",
				     .body = "version: 1"},
		       415, "media-type");
	fix_stop(&f);
}

static void
get_with_a_body_is_refused(void)
{
	struct fix f;

	fix_start(&f, NULL);
	expect_problem(&f, &(struct ask){.method = "GET", .path = "/api/v1/stats", .body = "x"},
		       400, "bad-request");
	expect_problem(&f,
		       &(struct ask){.method = "DELETE",
				     .path = "/api/v1/endpoints/10.1.0.10",
				     .body = "x"},
		       400, "bad-request");
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/endpoints/10.1.0.10", NULL), 200);
	fix_stop(&f);
}

static void
openapi_lists_every_route(void)
{
	json_t *o, *paths, *op;
	char method[8];
	struct fix f;
	size_t i, k;

	fix_start(&f, NULL);
	o = fix_get(&f, "/api/v1/openapi.json");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "openapi"), "3.1.0");
	paths = json_object_get(o, "paths");
	for (i = 0; i < BH_ARRAY_SIZE(routes); i++) {
		snprintf(method, sizeof(method), "%s", routes[i].method);
		for (k = 0; method[k] != '\0'; k++)
			method[k] |= 0x20;
		op = json_object_get(json_object_get(paths, routes[i].path), method);
		CU_ASSERT_PTR_NOT_NULL(op);
		CU_ASSERT(fix_str(op, "summary")[0] != '\0');
		/* A path with a name in it declares that name. */
		if (strchr(routes[i].path, '{') != NULL)
			CU_ASSERT_STRING_EQUAL(
				fix_str(json_array_get(json_object_get(op, "parameters"), 0), "in"),
				"path");
	}
	json_decref(o);
	fix_stop(&f);
}

const struct bh_unit_test bh_suite_api_route[] = {
	BH_TEST(every_route_answers),
	BH_TEST(head_answers_like_get_without_a_body),
	BH_TEST(every_answer_has_the_security_headers),
	BH_TEST(unknown_paths_and_things_are_404),
	BH_TEST(wrong_method_is_405_and_says_which_are_allowed),
	BH_TEST(bad_arguments_are_named),
	BH_TEST(broken_escapes_are_refused),
	BH_TEST(bytes_that_are_not_utf8_come_back_as_text),
	BH_TEST(other_media_types_are_415),
	BH_TEST(get_with_a_body_is_refused),
	BH_TEST(openapi_lists_every_route),
	BH_TEST_END,
};
