/* What the API says of the gateway: health, counters, policy, rules, segments, flows. */
#include "api_fixture.h"

/* ---- health ------------------------------------------------------------------------------------------ */

static long
health(const struct fix *f, char *reason, size_t size)
{
	struct fix anybody = *f;
	struct answer a;
	long status;

	anybody.token = NULL;
	fix_ask(&anybody, &(struct ask){.method = "GET", .path = "/api/v1/health"}, &a);
	status = a.status;
	CU_ASSERT_STRING_EQUAL(fix_str(a.json, "status"), status == 200 ? "ok" : "degraded");
	CU_ASSERT_EQUAL(fix_int(a.json, "uptime_ms"), 4242);
	snprintf(reason, size, "%s",
		 json_array_size(json_object_get(a.json, "reasons")) != 0
			 ? json_string_value(json_array_get(json_object_get(a.json, "reasons"), 0))
			 : "");
	fix_answer_free(&a);
	return status;
}

static void
health_is_503_and_says_why_when_something_is_wrong(void)
{
	char reason[256];
	struct fix f;

	fix_start(&f, NULL);
	CU_ASSERT_EQUAL(health(&f, reason, sizeof(reason)), 200);
	CU_ASSERT_STRING_EQUAL(reason, "");
	f.age_ms[1] = 5001;
	CU_ASSERT_EQUAL(health(&f, reason, sizeof(reason)), 503);
	CU_ASSERT_PTR_NOT_NULL(strstr(reason, "worker 1"));
	f.age_ms[1] = 5000;
	CU_ASSERT_EQUAL(health(&f, reason, sizeof(reason)), 200);
	f.link_down = true;
	CU_ASSERT_EQUAL(health(&f, reason, sizeof(reason)), 503);
	CU_ASSERT_PTR_NOT_NULL(strstr(reason, "shop"));
	fix_stop(&f);
}

/* ---- counters ---------------------------------------------------------------------------------------- */

static void
stats_hold_every_counter_and_the_sums(void)
{
	json_t *o, *total;
	struct fix f;

	fix_start(&f, NULL);
	f.counters.dropped[BH_REASON_LAND] = 4;
	f.counters.flows = 77;
	o = fix_get(&f, "/api/v1/stats");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "started"), "2026-01-02T03:04:05.678Z");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "steering"), "software");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "workers")), 2);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "ports")), 2);
	total = json_object_get(o, "total");
	CU_ASSERT_EQUAL(fix_int(total, "packets"), 12);
	CU_ASSERT_EQUAL(fix_int(total, "flows"), 77);
	CU_ASSERT_EQUAL(fix_int(total, "dropped"), 7);
	total = json_object_get(json_object_get(total, "dropped_by_reason"), "land");
	CU_ASSERT_EQUAL(fix_int(total, "packets"), 4);
	CU_ASSERT_STRING_EQUAL(fix_str(total, "group"), "malformed");
	json_decref(o);
	fix_stop(&f);
}

/* Mark the number in `seen`, which has one place for each counter. */
static void
mark(bool seen[], json_t *v)
{
	long long n = (long long)json_integer_value(v) - 1000;

	if (n >= 0 && n < (long long)(sizeof(struct bh_counters) / sizeof(uint64_t)))
		seen[n] = true;
}

static void
turns_are_told_by_quantile(void)
{
	json_t *o, *turns;
	struct fix f;

	fix_start(&f, NULL);
	f.counters.turns[bh_turn_class(1000)] = 990;
	f.counters.turns[bh_turn_class(50000)] = 9;
	f.counters.turns[BH_TURN_CLASSES - 1] = 1;
	o = fix_get(&f, "/api/v1/stats");
	turns = json_object_get(json_object_get(o, "total"), "turn_ns");
	CU_ASSERT_EQUAL(fix_int(turns, "count"), 1000);
	CU_ASSERT_EQUAL(fix_int(turns, "p50"), 1024);
	CU_ASSERT_EQUAL(fix_int(turns, "p99"), 1024);
	CU_ASSERT_EQUAL(fix_int(turns, "p999"), 57344);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(turns, "classes")), 3);
	json_decref(o);
	fix_stop(&f);
}

static void
no_counter_is_left_out_of_stats(void)
{
	bool seen[sizeof(struct bh_counters) / sizeof(uint64_t)] = {false};
	json_t *o, *total, *v;
	const char *key;
	struct fix f;
	uint64_t n;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(seen); i++) {
		n = 1000 + i;
		memcpy((uint8_t *)&f.counters + i * sizeof(n), &n, sizeof(n));
	}
	o = fix_get(&f, "/api/v1/stats");
	total = json_object_get(o, "total");
	json_object_foreach(total, key, v)
	{
		mark(seen, v);
	}
	json_object_foreach(json_object_get(total, "dropped_by_reason"), key, v)
	{
		mark(seen, json_object_get(v, "packets"));
	}
	json_object_foreach(json_object_get(total, "passed_by_reason"), key, v)
	{
		mark(seen, json_object_get(v, "packets"));
	}
	json_object_foreach(json_object_get(total, "exceptions"), key, v)
	{
		mark(seen, v);
	}
	json_object_foreach(json_object_get(total, "threats"), key, v)
	{
		mark(seen, v);
	}
	/* [time, how many] each */
	json_array_foreach(json_object_get(json_object_get(total, "turn_ns"), "classes"), i, v)
	{
		mark(seen, json_array_get(v, 1));
	}
	mark(seen, json_object_get(json_object_get(total, "turn_ns"), "sum"));
	for (i = 0; i < BH_ARRAY_SIZE(seen); i++)
		CU_ASSERT(seen[i]);
	json_decref(o);
	fix_stop(&f);
}

static void
reasons_are_all_there_with_text_and_count(void)
{
	json_t *o, *item;
	struct fix f;
	size_t i;

	fix_start(&f, NULL);
	o = fix_get(&f, "/api/v1/reasons");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "items")), BH_REASON_COUNT - 1);
	json_array_foreach(json_object_get(o, "items"), i, item)
	{
		CU_ASSERT(fix_str(item, "text")[0] != '\0');
		if (strcmp(fix_str(item, "name"), "default_deny") == 0)
			CU_ASSERT_EQUAL(fix_int(item, "packets"), 3);
		if (strcmp(fix_str(item, "name"), "rule_allow") == 0)
			CU_ASSERT_EQUAL(fix_int(item, "packets"), 9);
	}
	json_decref(o);
	fix_stop(&f);
}

/* ---- policy ------------------------------------------------------------------------------------------ */

static long
put(const struct fix *f, const char *query, const char *text, const char *header, json_t **out)
{
	struct answer a;
	char path[64];
	long status;

	snprintf(path, sizeof(path), "/api/v1/policy%s", query);
	fix_ask(f,
		&(struct ask){.method = "PUT",
			      .path = path,
			      .type = "application/yaml",
			      .body = text,
			      .header = header},
		&a);
	status = a.status;
	if (out != NULL)
		*out = json_incref(a.json);
	fix_answer_free(&a);
	return status;
}

static void
policy_document_comes_back_as_it_was_put(void)
{
	static const char text[] =
		"# ours\nversion: 1\nrules:\n  - {from: any, to: any, action: allow}\n";
	struct answer a;
	struct fix f;

	fix_start(&f, NULL);
	CU_ASSERT_EQUAL(put(&f, "", text, NULL, NULL), 200);
	fix_ask(&f, &(struct ask){.method = "GET", .path = "/api/v1/policy?format=yaml"}, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_STRING_EQUAL(a.body.data, text);
	CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head.data, "Content-Type: application/yaml"));
	fix_answer_free(&a);
	fix_ask(&f,
		&(struct ask){.method = "GET",
			      .path = "/api/v1/policy",
			      .header = "Accept: application/yaml"},
		&a);
	CU_ASSERT_STRING_EQUAL(a.body.data, text);
	fix_answer_free(&a);
	fix_ask(&f, &(struct ask){.method = "GET", .path = "/api/v1/policy"}, &a);
	CU_ASSERT_EQUAL(fix_int(a.json, "rules"), 1);
	CU_ASSERT_STRING_EQUAL(fix_str(a.json, "mode"), "protect");
	fix_answer_free(&a);
	fix_stop(&f);
}

static void
dry_run_counts_and_changes_nothing(void)
{
	static const char text[] =
		"version: 1\nsegments:\n  web: {selector: \"app=web\"}\nrules: []\n";
	static const char shadowed[] =
		"version: 1\nsegments: {web: {selector: app=web}}\nrules:\n"
		"- {id: a, from: web, to: web, ports: tcp/1-100, action: allow}\n"
		"- {id: b, from: web, to: web, ports: tcp/50, action: deny}\n";
	uint32_t revision;
	json_t *o, *finding;
	struct fix f;

	fix_start(&f, NULL);
	revision = bh_policy_revision(f.policy);
	CU_ASSERT_EQUAL(put(&f, "?dry_run=1", text, NULL, &o), 200);
	CU_ASSERT_EQUAL(fix_int(json_object_get(o, "rules"), "removed"), 2);
	CU_ASSERT(json_is_true(json_object_get(o, "dry_run")));
	json_decref(o);
	CU_ASSERT_EQUAL(put(&f, "?dry_run=1", shadowed, NULL, &o), 200);
	finding = json_array_get(json_object_get(json_object_get(o, "lint"), "findings"), 0);
	CU_ASSERT_STRING_EQUAL(fix_str(finding, "kind"), "shadowed");
	CU_ASSERT_STRING_EQUAL(fix_str(finding, "rule"), "b");
	json_decref(o);
	CU_ASSERT_EQUAL(bh_policy_revision(f.policy), revision);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/rules/no-more", NULL), 200);
	CU_ASSERT_EQUAL(put(&f, "?dry_run=0", text, NULL, NULL), 200);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/rules/no-more", NULL), 404);
	fix_stop(&f);
}

static void
wrong_policy_is_422_with_line_and_column_and_the_old_one_stays(void)
{
	struct fix f;
	json_t *o;

	fix_start(&f, NULL);
	CU_ASSERT_EQUAL(put(&f, "", "version: 1\nruls: []\n", NULL, &o), 422);
	CU_ASSERT_EQUAL(fix_int(o, "line"), 2);
	CU_ASSERT_EQUAL(fix_int(o, "column"), 1);
	CU_ASSERT(fix_str(o, "detail")[0] != '\0');
	json_decref(o);
	CU_ASSERT_EQUAL(put(&f, "", "a: [1, 2\n", NULL, &o), 422);
	CU_ASSERT(fix_int(o, "line") != 0);
	json_decref(o);
	CU_ASSERT_EQUAL(put(&f, "", "  \n", NULL, NULL), 422); /* empty would be: allow nothing */
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/rules/web-to-redis", NULL), 200);
	fix_stop(&f);
}

static void
policy_that_cannot_be_written_is_500_or_507(void)
{
	struct fix f;

	fix_start(&f, NULL);
	f.put_rc = -EROFS;
	CU_ASSERT_EQUAL(put(&f, "", fix_policy, NULL, NULL), 500);
	f.put_rc = -EACCES;
	CU_ASSERT_EQUAL(put(&f, "", fix_policy, NULL, NULL), 500);
	f.put_rc = -ENOSPC;
	CU_ASSERT_EQUAL(put(&f, "", fix_policy, NULL, NULL), 507);
	fix_stop(&f);
}

static void
if_match_protects_what_somebody_else_has_put(void)
{
	char match[64];
	struct answer a;
	struct fix f;

	fix_start(&f, NULL);
	fix_ask(&f, &(struct ask){.method = "GET", .path = "/api/v1/policy"}, &a);
	snprintf(match, sizeof(match), "If-Match: \"%lld\"", fix_int(a.json, "revision"));
	CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head.data, "ETag: \""));
	fix_answer_free(&a);
	CU_ASSERT_EQUAL(put(&f, "", fix_policy, match, NULL), 200);
	CU_ASSERT_EQUAL(put(&f, "", fix_policy, match, NULL), 412);
	CU_ASSERT_EQUAL(put(&f, "", fix_policy, "If-Match: *", NULL), 200);
	fix_stop(&f);
}

/* ---- lists of the policy ----------------------------------------------------------------------------- */

static void
rules_and_segments_come_in_pages_that_fit_together(void)
{
	struct bh_buf text = {0};
	json_t *page;
	char path[128], cursor[64] = "", want[32];
	unsigned i, n = 0;
	struct fix f;

	fix_start(&f, NULL);
	bh_buf_str(&text, "version: 1\nrules:\n");
	for (i = 0; i < 257; i++)
		bh_buf_printf(&text, "  - {id: r%u, from: any, to: any, action: deny}\n", i);
	CU_ASSERT_EQUAL(put(&f, "", text.data, NULL, NULL), 200);
	do {
		json_t *item;
		size_t k;

		snprintf(path, sizeof(path), "/api/v1/rules?limit=64%s%s",
			 cursor[0] != '\0' ? "&cursor=" : "", cursor);
		page = fix_get(&f, path);
		CU_ASSERT_PTR_NOT_NULL_FATAL(page);
		json_array_foreach(json_object_get(page, "items"), k, item)
		{
			snprintf(want, sizeof(want), "r%u", n++);
			CU_ASSERT_STRING_EQUAL(fix_str(item, "id"), want);
		}
		snprintf(cursor, sizeof(cursor), "%s", fix_str(page, "next"));
		json_decref(page);
	} while (cursor[0] != '\0' && n < 1000);
	CU_ASSERT_EQUAL(n, 257);
	/* A page of another policy's list is refused, not mixed in. */
	page = fix_get(&f, "/api/v1/rules?limit=1");
	snprintf(path, sizeof(path), "/api/v1/rules?cursor=%s", fix_str(page, "next"));
	json_decref(page);
	CU_ASSERT_EQUAL(put(&f, "", text.data, NULL, NULL), 200);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", path, NULL), 409);
	bh_buf_free(&text);
	fix_stop(&f);
}

static void
segment_shows_its_selector_and_its_members(void)
{
	struct fix f;
	json_t *o;

	fix_start(&f, NULL);
	o = fix_get(&f, "/api/v1/segments/web");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "name"), "web");
	CU_ASSERT_PTR_NOT_NULL(strstr(fix_str(o, "selector"), "app=web"));
	CU_ASSERT_EQUAL(fix_int(o, "members"), 1);
	CU_ASSERT_STRING_EQUAL(fix_str(json_array_get(json_object_get(o, "items"), 0), "address"),
			       "10.1.0.10");
	json_decref(o);
	o = fix_get(&f, "/api/v1/segments");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "items")), 4); /* two reserved */
	json_decref(o);
	o = fix_get(&f, "/api/v1/rules/web-to-redis");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "from"), "web");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "to"), "redis");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "ports"), "tcp/6379");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "action"), "allow");
	json_decref(o);
	fix_stop(&f);
}

/* ---- flows ------------------------------------------------------------------------------------------- */

static unsigned
count_flows(const struct fix *f, const char *query)
{
	json_t *seen = json_object(), *page, *item;
	char path[256], cursor[32] = "";
	unsigned n = 0;
	size_t i;

	do {
		snprintf(path, sizeof(path), "/api/v1/flows?limit=300%s%s%s", query,
			 cursor[0] != '\0' ? "&cursor=" : "", cursor);
		page = fix_get(f, path);
		CU_ASSERT_PTR_NOT_NULL_FATAL(page);
		json_array_foreach(json_object_get(page, "items"), i, item)
		{
			CU_ASSERT_PTR_NULL(json_object_get(seen, fix_str(item, "id")));
			json_object_set_new(seen, fix_str(item, "id"), json_true());
			n++;
		}
		snprintf(cursor, sizeof(cursor), "%s", fix_str(page, "next"));
		json_decref(page);
	} while (cursor[0] != '\0');
	json_decref(seen);
	return n;
}

static void
flows_come_once_each_and_by_filter(void)
{
	struct fix f;

	fix_start(&f, NULL);
	CU_ASSERT_EQUAL(count_flows(&f, ""), FIX_FLOWS);
	CU_ASSERT_EQUAL(count_flows(&f, "&proto=tcp"), FIX_FLOWS / 2);
	CU_ASSERT_EQUAL(count_flows(&f, "&proto=17"), FIX_FLOWS / 2);
	CU_ASSERT_EQUAL(count_flows(&f, "&verdict=deny"), FIX_FLOWS / 5);
	CU_ASSERT_EQUAL(count_flows(&f, "&state=established"), FIX_FLOWS);
	CU_ASSERT_EQUAL(count_flows(&f, "&state=new"), 0);
	CU_ASSERT_EQUAL(count_flows(&f, "&port=1024"), 1);
	CU_ASSERT_EQUAL(count_flows(&f, "&segment=external"), FIX_FLOWS);
	CU_ASSERT_EQUAL(count_flows(&f, "&segment=web"), 0);
	CU_ASSERT_EQUAL(count_flows(&f, "&address=10.0.0.1"), 10); /* of 2500 with 256 last bytes */
	fix_stop(&f);
}

static void
flow_tells_who_opened_it(void)
{
	struct fix f;
	json_t *o, *flow;

	fix_start(&f, NULL);
	o = fix_get(&f, "/api/v1/flows?limit=2");
	flow = json_array_get(json_object_get(o, "items"), 0);
	CU_ASSERT_STRING_EQUAL(fix_str(json_object_get(flow, "src"), "address"), "10.0.0.0");
	CU_ASSERT_EQUAL(fix_int(json_object_get(flow, "dst"), "port"), 6379);
	CU_ASSERT_STRING_EQUAL(fix_str(flow, "id"), "4611686018427387904");
	CU_ASSERT_STRING_EQUAL(fix_str(flow, "verdict"), "deny");
	CU_ASSERT_EQUAL(fix_int(flow, "vlan"), 7);
	flow = json_array_get(json_object_get(o, "items"), 1);
	CU_ASSERT_STRING_EQUAL(fix_str(json_object_get(flow, "src"), "address"), "20.0.0.0");
	json_decref(o);
	fix_stop(&f);
}

static void
worker_that_does_not_answer_is_503(void)
{
	struct fix f;

	fix_start(&f, NULL);
	f.flows_rc = -ETIMEDOUT;
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/flows", NULL), 503);
	f.flows_rc = -EIO;
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/flows", NULL), 500);
	fix_stop(&f);
}

const struct bh_unit_test bh_suite_api_state[] = {
	BH_TEST(health_is_503_and_says_why_when_something_is_wrong),
	BH_TEST(stats_hold_every_counter_and_the_sums),
	BH_TEST(turns_are_told_by_quantile),
	BH_TEST(no_counter_is_left_out_of_stats),
	BH_TEST(reasons_are_all_there_with_text_and_count),
	BH_TEST(policy_document_comes_back_as_it_was_put),
	BH_TEST(dry_run_counts_and_changes_nothing),
	BH_TEST(wrong_policy_is_422_with_line_and_column_and_the_old_one_stays),
	BH_TEST(policy_that_cannot_be_written_is_500_or_507),
	BH_TEST(if_match_protects_what_somebody_else_has_put),
	BH_TEST(rules_and_segments_come_in_pages_that_fit_together),
	BH_TEST(segment_shows_its_selector_and_its_members),
	BH_TEST(flows_come_once_each_and_by_filter),
	BH_TEST(flow_tells_who_opened_it),
	BH_TEST(worker_that_does_not_answer_is_503),
	BH_TEST_END,
};
