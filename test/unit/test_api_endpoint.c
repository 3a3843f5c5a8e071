/* Endpoints over REST: single changes, batches, what is refused and where it points, pages. */
#include <pthread.h>

#include "api_fixture.h"

#define EP "/api/v1/endpoints"

static json_t *
one(const struct fix *f, const char *address)
{
	char path[128];

	snprintf(path, sizeof(path), EP "/%s", address);
	return fix_get(f, path);
}

static const char *
label(json_t *o, const char *key)
{
	return fix_str(json_object_get(o, "labels"), key);
}

static void
put_makes_and_then_replaces_all_labels(void)
{
	struct fix f;
	json_t *o;

	fix_start(&f, NULL);
	CU_ASSERT_EQUAL(fix_send(&f, "PUT", EP "/10.5.0.1",
				 "{\"labels\":{\"app\":\"web\",\"x\":\"\"}}"),
			201);
	o = one(&f, "10.5.0.1");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "address"), "10.5.0.1");
	CU_ASSERT_STRING_EQUAL(label(o, "app"), "web");
	CU_ASSERT_EQUAL(json_object_size(json_object_get(o, "labels")), 2);
	CU_ASSERT_STRING_EQUAL(fix_str(o, "source"), "rest");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(json_object_get(o, "segments"), 0)),
			       "web");
	CU_ASSERT_EQUAL(strlen(fix_str(o, "since")), strlen("2026-01-02T03:04:05.678Z"));
	json_decref(o);
	CU_ASSERT_EQUAL(fix_send(&f, "PUT", EP "/10.5.0.1", "{\"labels\":{\"app\":\"db\"}}"), 200);
	o = one(&f, "10.5.0.1");
	CU_ASSERT_EQUAL(json_object_size(json_object_get(o, "labels")), 1);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "segments")), 0);
	json_decref(o);
	fix_stop(&f);
}

static void
patch_sets_keeps_and_removes_labels(void)
{
	struct fix f;
	json_t *o;

	fix_start(&f, NULL);
	CU_ASSERT_EQUAL(fix_send(&f, "PATCH", EP "/10.1.0.10",
				 "{\"labels\":{\"tier\":null,\"zone\":\"shop\"}}"),
			200);
	o = one(&f, "10.1.0.10");
	CU_ASSERT_STRING_EQUAL(label(o, "app"), "web");
	CU_ASSERT_STRING_EQUAL(label(o, "zone"), "shop");
	CU_ASSERT_PTR_NULL(json_object_get(json_object_get(o, "labels"), "tier"));
	json_decref(o);
	CU_ASSERT_EQUAL(fix_send(&f, "PATCH", EP "/10.1.0.99", "{\"labels\":{}}"), 404);
	fix_stop(&f);
}

static void
delete_forgets_and_a_second_one_is_404(void)
{
	struct fix f;

	fix_start(&f, NULL);
	CU_ASSERT_EQUAL(fix_send(&f, "PUT", EP "/10.5.0.1", "{\"labels\":{}}"), 201);
	CU_ASSERT_EQUAL(fix_send(&f, "DELETE", EP "/10.5.0.1", NULL), 204);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", EP "/10.5.0.1", NULL), 404);
	CU_ASSERT_EQUAL(fix_send(&f, "DELETE", EP "/10.5.0.1", NULL), 404);
	fix_stop(&f);
}

static void
tenants_are_different_endpoints(void)
{
	json_t *o, *qinq = json_pack("[i, i]", 7, 8);
	struct fix f;

	fix_start(&f, NULL);
	CU_ASSERT_EQUAL(fix_send(&f, "PUT", EP "/10.5.0.0%2F16?vlan=7",
				 "{\"labels\":{\"t\":\"seven\"}}"),
			201);
	CU_ASSERT_EQUAL(fix_send(&f, "PUT", EP "/10.5.0.0%2F16?vlan=7,8",
				 "{\"labels\":{\"t\":\"eight\"}}"),
			201);
	CU_ASSERT_EQUAL(fix_send(&f, "PUT", EP "/10.5.0.0%2F16?vni=16777215",
				 "{\"labels\":{\"t\":\"vni\"}}"),
			201);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", EP "/10.5.0.0%2F16", NULL), 404);
	o = one(&f, "10.5.0.0%2F16?vlan=7,8");
	CU_ASSERT_STRING_EQUAL(label(o, "t"), "eight");
	CU_ASSERT(json_equal(json_object_get(o, "vlan"), qinq));
	json_decref(o);
	o = one(&f, "10.5.0.0%2F16?vni=16777215");
	CU_ASSERT_STRING_EQUAL(label(o, "t"), "vni");
	CU_ASSERT_EQUAL(fix_int(o, "vni"), 16777215);
	json_decref(o);
	json_decref(qinq);
	fix_stop(&f);
}

static void
batch_applies_all_in_order(void)
{
	static const char body[] =
		"{\"changes\":["
		"{\"op\":\"put\",\"address\":\"10.6.0.1\",\"labels\":{\"app\":\"web\"}},"
		"{\"op\":\"put\",\"address\":\"2001:db8::/"
		"32\",\"vlan\":9,\"labels\":{\"a\":\"b\"}},"
		"{\"op\":\"patch\",\"address\":\"10.1.0.10\",\"labels\":{\"tier\":\"back\"}},"
		"{\"op\":\"delete\",\"address\":\"10.2.0.20\"}]}";
	struct answer a;
	struct fix f;
	json_t *o;

	fix_start(&f, NULL);
	fix_ask(&f,
		&(struct ask){
			.method = "POST", .path = EP, .type = "application/json", .body = body},
		&a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_EQUAL(fix_int(a.json, "changes"), 4);
	fix_answer_free(&a);
	o = one(&f, "2001:db8::%2F32?vlan=9");
	CU_ASSERT_STRING_EQUAL(label(o, "a"), "b");
	json_decref(o);
	o = one(&f, "10.1.0.10");
	CU_ASSERT_STRING_EQUAL(label(o, "tier"), "back");
	json_decref(o);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", EP "/10.2.0.20", NULL), 404);
	fix_stop(&f);
}

static void
batch_with_one_fault_changes_nothing(void)
{
	static const char *const bodies[] = {
		/* refused here */
		"{\"changes\":[{\"op\":\"put\",\"address\":\"10.6.0.1\",\"labels\":{}},"
		"{\"op\":\"put\",\"address\":\"10.6.0.2\",\"labels\":{\"a b\":\"c\"}}]}",
		/* refused by the model */
		"{\"changes\":[{\"op\":\"put\",\"address\":\"10.6.0.1\",\"labels\":{}},"
		"{\"op\":\"delete\",\"address\":\"10.6.0.2\"}]}",
	};
	static const long status[] = {422, 404};
	struct fix f;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(fix_send(&f, "PATCH", EP, bodies[i]), status[i]);
		CU_ASSERT_EQUAL(fix_send(&f, "GET", EP "/10.6.0.1", NULL), 404);
	}
	fix_stop(&f);
}

static void
model_refusal_of_a_batch_names_the_change(void)
{
	static const char body[] =
		"{\"changes\":[{\"op\":\"put\",\"address\":\"10.6.0.1\",\"labels\":{}},"
		"{\"op\":\"patch\",\"address\":\"10.6.0.2\",\"labels\":{\"a\":\"b\"}}]}";
	struct answer a;
	struct fix f;

	fix_start(&f, NULL);
	fix_ask(&f,
		&(struct ask){
			.method = "POST", .path = EP, .type = "application/json", .body = body},
		&a);
	CU_ASSERT_EQUAL(a.status, 404);
	CU_ASSERT_PTR_NOT_NULL(strstr(fix_str(a.json, "detail"), "10.6.0.2"));
	CU_ASSERT_PTR_NOT_NULL(strstr(fix_str(a.json, "detail"), "1"));
	fix_answer_free(&a);
	fix_stop(&f);
}

static const struct fault {
	const char *body, *pointer; /* pointer NULL: not JSON, a line and column */
} faults[] = {
	{"", NULL},
	{"{", NULL},
	{"{\"changes\":[}", NULL},
	{"{\"changes\":[],\"changes\":[]}", NULL},
	{"{\"changes\":[]} x", NULL},
	{"{\"changes\":\"\\u0000\"}", NULL},
	{"[]", ""},
	{"\"changes\"", ""},
	{"{}", "/changes"},
	{"{\"changes\":{}}", "/changes"},
	{"{\"change\":[]}", "/change"},
	{"{\"changes\":[1]}", "/changes/0"},
	{"{\"changes\":[{}]}", "/changes/0/op"},
	{"{\"changes\":[{\"op\":\"PUT\"}]}", "/changes/0/op"},
	{"{\"changes\":[{\"op\":\"put\"}]}", "/changes/0/address"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":1}]}", "/changes/0/address"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1/8\",\"labels\":{}}]}",
	 "/changes/0/address"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\"}]}", "/changes/0"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":[]}]}",
	 "/changes/0/labels"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":{\"a\":1}}]}",
	 "/changes/0/labels/a"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":{\"a\":null}}]}",
	 "/changes/0/labels/a"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":{\"a\":\"b c\"}}]}",
	 "/changes/0/labels/a"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":{\"/a~\":\"\"}}]}",
	 "/changes/0/labels/~1a~0"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":{\"\":\"\"}}]}",
	 "/changes/0/labels/"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":{},\"lables\":{}}]}",
	 "/changes/0/lables"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":{},\"vlan\":4095}]}",
	 "/changes/0/vlan"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":{},\"vlan\":-1}]}",
	 "/changes/0/vlan"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":{},\"vlan\":[1,2,3]}]}",
	 "/changes/0/vlan"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":{},\"vlan\":[0,2]}]}",
	 "/changes/0/vlan/0"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":{},\"vni\":16777216}]}",
	 "/changes/0/vni"},
	{"{\"changes\":[{\"op\":\"put\",\"address\":\"10.0.0.1\",\"labels\":{},\"vni\":\"5\"}]}",
	 "/changes/0/vni"},
	{"{\"changes\":[{\"op\":\"delete\",\"address\":\"10.1.0.10\"},{\"op\":\"x\"}]}",
	 "/changes/1/op"},
};

static void
faults_are_pointed_at(void)
{
	struct answer a;
	struct fix f;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(faults); i++) {
		fix_ask(&f,
			&(struct ask){.method = "POST",
				      .path = EP,
				      .type = "application/json",
				      .body = faults[i].body},
			&a);
		if (faults[i].pointer == NULL) {
			CU_ASSERT_EQUAL(a.status, 400);
			CU_ASSERT_EQUAL(fix_int(a.json, "line"), 1);
			CU_ASSERT(fix_int(a.json, "column") >= 1);
		} else {
			CU_ASSERT_EQUAL(a.status, 422);
			CU_ASSERT_STRING_EQUAL(fix_str(a.json, "pointer"), faults[i].pointer);
			if (strcmp(fix_str(a.json, "pointer"), faults[i].pointer) != 0)
				fprintf(stderr, "%s: %s\n", faults[i].body,
					fix_str(a.json, "pointer"));
		}
		fix_answer_free(&a);
	}
	CU_ASSERT_EQUAL(fix_send(&f, "PUT", EP "/10.0.0.1", "{\"labels\":{\"a\":2}}"), 422);
	CU_ASSERT_EQUAL(fix_send(&f, "PUT", EP "/10.0.0.1", "{\"label\":{}}"), 422);
	CU_ASSERT_EQUAL(fix_send(&f, "PUT", EP "/10.0.0.1", "{}"), 422);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", EP "/10.1.0.10", NULL),
			200); /* not deleted by the last fault */
	fix_stop(&f);
}

static void
line_and_column_of_bad_json_are_those_of_the_text(void)
{
	struct answer a;
	struct fix f;

	fix_start(&f, NULL);
	fix_ask(&f,
		&(struct ask){.method = "POST",
			      .path = EP,
			      .type = "application/json",
			      .body = "{\n  \"changes\": [\n    oops\n  ]\n}"},
		&a);
	CU_ASSERT_EQUAL(a.status, 400);
	CU_ASSERT_EQUAL(fix_int(a.json, "line"), 3);
	CU_ASSERT(fix_int(a.json, "column") >= 5);
	fix_answer_free(&a);
	fix_stop(&f);
}

static void
too_many_endpoints_are_507(void)
{
	struct bh_buf b = {0};
	struct fix f;
	unsigned i;

	fix_start(&f, NULL);
	bh_buf_str(&b, "{\"changes\":[");
	for (i = 0; i < 4200; i++) /* the fixture's model holds 4096 */
		bh_buf_printf(&b, "%s{\"op\":\"put\",\"address\":\"10.8.%u.%u\",\"labels\":{}}",
			      i != 0 ? "," : "", i >> 8, i & 255);
	bh_buf_str(&b, "]}");
	CU_ASSERT_EQUAL(fix_send(&f, "POST", EP, b.data), 507);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", EP "/10.8.0.0", NULL), 404);
	bh_buf_free(&b);
	fix_stop(&f);
}

/* ---- pages ------------------------------------------------------------------------------------------- */

/* 300 addresses; each third one in three tenants; label odd=yes on odd ones. */
static unsigned
fill(const struct fix *f)
{
	struct bh_buf b = {0};
	unsigned i, t, n = 0;

	bh_buf_str(&b, "{\"changes\":[");
	for (i = 0; i < 300; i++) {
		for (t = 0; t < (i % 3 == 0 ? 3 : 1); t++, n++)
			bh_buf_printf(&b,
				      "%s{\"op\":\"put\",\"address\":\"10.7.%u.%u\",\"vlan\":%u,"
				      "\"labels\":{\"odd\":\"%s\"}}",
				      n != 0 ? "," : "", i >> 8, i & 255, t + 1,
				      i % 2 != 0 ? "yes" : "no");
	}
	bh_buf_str(&b, "]}");
	CU_ASSERT_EQUAL(fix_send(f, "POST", EP, b.data), 200);
	bh_buf_free(&b);
	return n;
}

/* Walk all pages; each item may come once. Returns how many came. */
static unsigned
walk(const struct fix *f, const char *query, unsigned limit)
{
	json_t *seen = json_object(), *page, *item;
	char path[256], key[128], cursor[64] = "";
	unsigned n = 0, pages = 0;
	size_t i;

	do {
		snprintf(path, sizeof(path), EP "?limit=%u%s%s%s", limit, query,
			 cursor[0] != '\0' ? "&cursor=" : "", cursor);
		page = fix_get(f, path);
		CU_ASSERT_PTR_NOT_NULL_FATAL(page);
		CU_ASSERT(json_array_size(json_object_get(page, "items")) <= limit);
		json_array_foreach(json_object_get(page, "items"), i, item)
		{
			snprintf(key, sizeof(key), "%s %lld %lld", fix_str(item, "address"),
				 fix_int(item, "vlan"), fix_int(item, "vni"));
			CU_ASSERT_PTR_NULL(json_object_get(seen, key));
			json_object_set_new(seen, key, json_true());
			n++;
		}
		snprintf(cursor, sizeof(cursor), "%s", fix_str(page, "next"));
		json_decref(page);
	} while (cursor[0] != '\0' && ++pages < 2000);
	json_decref(seen);
	return n;
}

static void
pages_show_each_endpoint_once(void)
{
	static const unsigned limits[] = {1, 2, 3, 7, 100, 1000};
	struct fix f;
	unsigned n;
	size_t i;

	fix_start(&f, NULL);
	n = fill(&f);
	for (i = 0; i < BH_ARRAY_SIZE(limits); i++) {
		CU_ASSERT_EQUAL(walk(&f, "", limits[i]), n + 2); /* two of the policy's */
		CU_ASSERT_EQUAL(walk(&f, "&label=odd", limits[i]), n);
		CU_ASSERT_EQUAL(walk(&f, "&label=odd%3Dyes", limits[i]), 250); /* 100 + 50 * 3 */
		CU_ASSERT_EQUAL(walk(&f, "&segment=redis", limits[i]), 1);
		CU_ASSERT_EQUAL(walk(&f, "&label=app%3Dweb&label=tier%3Dfront", limits[i]), 1);
		CU_ASSERT_EQUAL(walk(&f, "&label=app%3Dweb&label=odd", limits[i]), 0);
		CU_ASSERT_EQUAL(walk(&f, "&label=od", limits[i]), 0);
		CU_ASSERT_EQUAL(walk(&f, "&label=odd%3Dye", limits[i]), 0);
	}
	fix_stop(&f);
}

/* The page ends amid the tenants of 10.7.0.0; whatever of them is deleted, the rest comes, once. */
static void
paging_survives_the_loss_of_the_endpoints_around_its_cursor(void)
{
	static const char *const lost[] = {"", "1", "2", "3", "12", "13", "23", "123"};
	json_t *page, *next, *item;
	char path[256];
	struct fix f;
	size_t i, k;

	for (i = 0; i < BH_ARRAY_SIZE(lost); i++) {
		fix_start(&f, NULL);
		fill(&f);
		page = fix_get(&f,
			       EP "?limit=4"); /* two of the policy's, 10.7.0.0 in VLAN 1 and 2 */
		for (k = 0; lost[i][k] != '\0'; k++) {
			snprintf(path, sizeof(path), EP "/10.7.0.0?vlan=%c", lost[i][k]);
			CU_ASSERT_EQUAL(fix_send(&f, "DELETE", path, NULL), 204);
		}
		snprintf(path, sizeof(path), EP "?limit=2&cursor=%s", fix_str(page, "next"));
		next = fix_get(&f, path);
		item = json_array_get(json_object_get(next, "items"), 0);
		CU_ASSERT_STRING_EQUAL(fix_str(item, "address"),
				       strchr(lost[i], '3') == NULL ? "10.7.0.0" : "10.7.0.1");
		CU_ASSERT_EQUAL(fix_int(item, "vlan"), strchr(lost[i], '3') == NULL ? 3 : 1);
		item = json_array_get(json_object_get(next, "items"), 1);
		CU_ASSERT_STRING_EQUAL(fix_str(item, "address"),
				       strchr(lost[i], '3') == NULL ? "10.7.0.1" : "10.7.0.2");
		json_decref(next);
		json_decref(page);
		fix_stop(&f);
	}
}

/* The edges of the order: /0 and the last address of both families. */
static void
pages_cross_from_ipv4_to_ipv6(void)
{
	static const char body[] =
		"{\"changes\":["
		"{\"op\":\"put\",\"address\":\"0.0.0.0/0\",\"labels\":{}},"
		"{\"op\":\"put\",\"address\":\"0.0.0.0/0\",\"vlan\":5,\"labels\":{}},"
		"{\"op\":\"put\",\"address\":\"0.0.0.0/1\",\"labels\":{}},"
		"{\"op\":\"put\",\"address\":\"255.255.255.255\",\"labels\":{}},"
		"{\"op\":\"put\",\"address\":\"255.255.255.255\",\"vni\":1,\"labels\":{}},"
		"{\"op\":\"put\",\"address\":\"::/0\",\"labels\":{}},"
		"{\"op\":\"put\",\"address\":\"::/0\",\"vlan\":5,\"labels\":{}},"
		"{\"op\":\"put\",\"address\":\"::\",\"labels\":{}},"
		"{\"op\":\"put\",\"address\":\"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\","
		"\"labels\":{}}]}";
	struct fix f;
	unsigned limit;

	fix_start(&f, NULL);
	CU_ASSERT_EQUAL(fix_send(&f, "POST", EP, body), 200);
	for (limit = 1; limit < 12; limit++)
		CU_ASSERT_EQUAL(walk(&f, "", limit), 11);
	fix_stop(&f);
}

/* ---- many at once ------------------------------------------------------------------------------------ */

struct writer {
	const struct fix *fix;
	unsigned number;
	long worst; /* highest status seen */
};

static void *
write_many(void *arg)
{
	struct writer *w = arg;
	char path[64], body[64];
	unsigned i;

	for (i = 0; i < 50; i++) {
		long status;

		snprintf(path, sizeof(path), EP "/10.50.%u.%u", w->number, i);
		snprintf(body, sizeof(body), "{\"labels\":{\"w\":\"%u\"}}", w->number);
		status = fix_send(w->fix, "PUT", path, body);
		w->worst = status > w->worst ? status : w->worst;
		/* One that all of them write. */
		status = fix_send(w->fix, "PATCH", EP "/10.1.0.10", body);
		w->worst = status > w->worst ? status : w->worst;
	}
	return NULL;
}

static void
concurrent_writers_lose_nothing(void)
{
	struct writer w[4];
	pthread_t thread[4];
	struct fix f;
	json_t *o;
	unsigned i;

	fix_start(&f, NULL);
	for (i = 0; i < 4; i++) {
		w[i] = (struct writer){.fix = &f, .number = i};
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, write_many, &w[i]), 0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		CU_ASSERT_EQUAL(w[i].worst, 201);
	}
	CU_ASSERT_EQUAL(walk(&f, "&label=w", 1000), 201);
	o = one(&f, "10.1.0.10");
	CU_ASSERT_EQUAL(json_object_size(json_object_get(o, "labels")), 3); /* app, tier, w */
	json_decref(o);
	fix_stop(&f);
}

const struct bh_unit_test bh_suite_api_endpoint[] = {
	BH_TEST(put_makes_and_then_replaces_all_labels),
	BH_TEST(patch_sets_keeps_and_removes_labels),
	BH_TEST(delete_forgets_and_a_second_one_is_404),
	BH_TEST(tenants_are_different_endpoints),
	BH_TEST(batch_applies_all_in_order),
	BH_TEST(batch_with_one_fault_changes_nothing),
	BH_TEST(model_refusal_of_a_batch_names_the_change),
	BH_TEST(faults_are_pointed_at),
	BH_TEST(line_and_column_of_bad_json_are_those_of_the_text),
	BH_TEST(too_many_endpoints_are_507),
	BH_TEST(pages_show_each_endpoint_once),
	BH_TEST(paging_survives_the_loss_of_the_endpoints_around_its_cursor),
	BH_TEST(pages_cross_from_ipv4_to_ipv6),
	BH_TEST(concurrent_writers_lose_nothing),
	BH_TEST_END,
};
