/* Revisions and the audit log over REST, over a real store. */
#include "../../lib/store/store.h"
#include "api_fixture.h"

static struct world {
	struct fix fix;
	char dir[64], path[128];
	struct bh_store *store;
	struct bh_policy_change change;
	int publish_rc;
} w;

static const char other_policy[] = "version: 1\nrules:\n  - {id: other, from: any, to: any, "
				   "action: deny}\n";

static int
check(void *arg, const char *text, size_t len, struct bh_buf *summary, struct bh_err *err)
{
	(void)arg;
	bh_buf_str(summary, "{\"rules\":{\"total\":7}}");
	return bh_policy_load_text(w.fix.policy, "body", text, len, true, &w.change, err);
}

static int
publish(void *arg, uint32_t number, const char *text, size_t len, struct bh_err *err)
{
	(void)arg;
	if (w.publish_rc != 0)
		return bh_err_set(err, -w.publish_rc, "the disk says no");
	bh_policy_number_next(w.fix.policy, number);
	return bh_policy_load_text(w.fix.policy, "body", text, len, false, &w.change, err);
}

static void
restore(void *arg)
{
	(void)arg;
}

static const struct bh_commit_ops ops = {.check = check, .publish = publish, .restore = restore};

static int
commit(void *arg, const struct bh_api_commit *c, struct bh_policy_change *change,
       struct bh_err *err)
{
	const struct bh_commit what = {.text = c->text,
				       .len = c->len,
				       .author = c->author,
				       .why = c->why,
				       .confirm_ms = c->confirm_ms};
	uint32_t number;
	int rc = bh_store_commit(w.store, &what, &ops, &number, err);

	(void)arg;
	*change = w.change;
	return rc;
}

static int
rollback(void *arg, const struct bh_api_commit *c, struct bh_policy_change *change,
	 struct bh_err *err)
{
	uint32_t number;
	int rc = bh_store_rollback(w.store, c->to, c->author, c->why, &ops, &number, err);

	(void)arg;
	*change = w.change;
	return rc;
}

static void
with_store(struct bh_api_params *p)
{
	p->store = w.store;
	p->ops.policy_commit = commit;
	p->ops.policy_rollback = rollback;
}

static void
enter(void)
{
	struct bh_store_params p = {.path = w.path};

	memset(&w, 0, sizeof(w));
	strcpy(w.dir, "/tmp/bh_api_XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(w.dir));
	snprintf(w.path, sizeof(w.path), "%s/store.db", w.dir);
	CU_ASSERT_EQUAL_FATAL(bh_store_open(&w.store, &p, NULL), 0);
	fix_start(&w.fix, with_store);
}

static void
leave(void)
{
	fix_stop(&w.fix);
	bh_store_close(w.store);
	unlink(w.path);
	CU_ASSERT_EQUAL(rmdir(w.dir), 0);
}

static long
put(const char *query, const char *text)
{
	struct answer a;
	char path[200];
	long status;

	snprintf(path, sizeof(path), "/api/v1/policy%s", query);
	fix_ask(&w.fix,
		&(struct ask){
			.method = "PUT", .path = path, .body = text, .type = "application/yaml"},
		&a);
	status = a.status;
	fix_answer_free(&a);
	return status;
}

static bool
rule_exists(const char *id)
{
	char path[64];

	snprintf(path, sizeof(path), "/api/v1/rules/%s", id);
	return fix_send(&w.fix, "GET", path, NULL) == 200;
}

static void
commits_are_listed_with_author_and_reason(void)
{
	json_t *o, *first;
	struct answer a;

	enter();
	CU_ASSERT_EQUAL(put("?author=alice&why=TICKET%207", fix_policy), 200);
	CU_ASSERT_EQUAL(put("", other_policy), 200);
	o = fix_get(&w.fix, "/api/v1/policy/revisions");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "items")), 2);
	CU_ASSERT_TRUE(json_is_null(json_object_get(o, "next")));
	first = json_array_get(json_object_get(o, "items"), 1);
	CU_ASSERT_EQUAL(fix_int(first, "revision"), 1);
	CU_ASSERT_STRING_EQUAL(fix_str(first, "author"), "api:alice");
	CU_ASSERT_STRING_EQUAL(fix_str(first, "why"), "TICKET 7");
	CU_ASSERT_STRING_EQUAL(fix_str(first, "state"), "applied");
	json_decref(o);
	o = fix_get(&w.fix, "/api/v1/policy/revisions?limit=1");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "next"), "2");
	json_decref(o);
	o = fix_get(&w.fix, "/api/v1/policy/revisions?limit=1&cursor=2");
	first = json_array_get(json_object_get(o, "items"), 0);
	CU_ASSERT_EQUAL(fix_int(first, "revision"), 1);
	CU_ASSERT_TRUE(json_is_null(json_object_get(o, "next")));
	json_decref(o);
	fix_ask(&w.fix,
		&(struct ask){.method = "GET", .path = "/api/v1/policy/revisions/1?format=yaml"},
		&a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_STRING_EQUAL(a.body.data, fix_policy);
	fix_answer_free(&a);
	CU_ASSERT_EQUAL(fix_send(&w.fix, "GET", "/api/v1/policy/revisions/3", NULL), 404);
	CU_ASSERT_EQUAL(fix_send(&w.fix, "GET", "/api/v1/policy/revisions/x", NULL), 404);
	CU_ASSERT_EQUAL(fix_send(&w.fix, "GET", "/api/v1/policy/revisions/1?format=xml", NULL),
			400);
	o = fix_get(&w.fix, "/api/v1/policy");
	CU_ASSERT_EQUAL(fix_int(o, "revision"), 2); /* one number for both */
	json_decref(o);
	leave();
}

static void
rollback_puts_the_older_one_in_force(void)
{
	enter();
	CU_ASSERT_EQUAL(put("", fix_policy), 200);
	CU_ASSERT_EQUAL(put("", other_policy), 200);
	CU_ASSERT_TRUE(rule_exists("other"));
	CU_ASSERT_EQUAL(fix_send(&w.fix, "POST", "/api/v1/policy/rollback", "{\"revision\": 9}"),
			404);
	CU_ASSERT_EQUAL(fix_send(&w.fix, "POST", "/api/v1/policy/rollback", "{\"revison\": 1}"),
			422);
	CU_ASSERT_EQUAL(fix_send(&w.fix, "POST", "/api/v1/policy/rollback", "{\"revision\": 0}"),
			422);
	CU_ASSERT_EQUAL(fix_send(&w.fix, "POST", "/api/v1/policy/rollback",
				 "{\"revision\": \"1\"}"),
			422);
	CU_ASSERT_TRUE(rule_exists("other"));
	CU_ASSERT_EQUAL(fix_send(&w.fix, "POST", "/api/v1/policy/rollback", "{}"), 200);
	CU_ASSERT_FALSE(rule_exists("other"));
	CU_ASSERT_TRUE(rule_exists("web-to-redis"));
	w.fix.token = NULL;
	CU_ASSERT_EQUAL(fix_send(&w.fix, "POST", "/api/v1/policy/rollback", "{}"), 401);
	leave();
}

static void
confirmation_is_asked_for_and_given(void)
{
	json_t *o;

	enter();
	CU_ASSERT_EQUAL(put("?confirm=10m", fix_policy), 404); /* nothing to go back to */
	CU_ASSERT_EQUAL(put("", fix_policy), 200);
	CU_ASSERT_EQUAL(put("?confirm=10", other_policy), 400);
	CU_ASSERT_EQUAL(put("?confirm=999ms", other_policy), 400);
	CU_ASSERT_EQUAL(put("?confirm=8d", other_policy), 400);
	CU_ASSERT_EQUAL(fix_send(&w.fix, "POST", "/api/v1/policy/confirm", "{}"), 404);
	CU_ASSERT_EQUAL(put("?confirm=10m", other_policy), 200);
	o = fix_get(&w.fix, "/api/v1/policy");
	CU_ASSERT_EQUAL(fix_int(json_object_get(o, "unconfirmed"), "revision"), 2);
	CU_ASSERT_EQUAL(fix_int(json_object_get(o, "unconfirmed"), "previous"), 1);
	json_decref(o);
	CU_ASSERT_EQUAL(put("", fix_policy), 409);
	CU_ASSERT_EQUAL(put("?dry_run=1", fix_policy), 200);
	CU_ASSERT_EQUAL(fix_send(&w.fix, "POST", "/api/v1/policy/confirm", "{\"revision\": 1}"),
			404);
	CU_ASSERT_EQUAL(fix_send(&w.fix, "POST", "/api/v1/policy/confirm", "{\"revision\": 2}"),
			200);
	o = fix_get(&w.fix, "/api/v1/policy");
	CU_ASSERT_PTR_NULL(json_object_get(o, "unconfirmed"));
	json_decref(o);
	CU_ASSERT_EQUAL(put("", fix_policy), 200);
	leave();
}

static void
what_the_disk_refuses_is_507_and_on_record(void)
{
	json_t *o, *entry;

	enter();
	CU_ASSERT_EQUAL(put("", fix_policy), 200);
	w.publish_rc = -ENOSPC;
	CU_ASSERT_EQUAL(put("", other_policy), 507);
	w.publish_rc = -EROFS;
	CU_ASSERT_EQUAL(put("", other_policy), 507);
	CU_ASSERT_TRUE(rule_exists("web-to-redis"));
	CU_ASSERT_EQUAL(put("", "version: 1\nruls: []\n"), 422);
	o = fix_get(&w.fix, "/api/v1/audit");
	entry = json_array_get(json_object_get(o, "items"), 0);
	CU_ASSERT_EQUAL(fix_int(entry, "entry"), 4);
	CU_ASSERT_STRING_EQUAL(fix_str(entry, "result"), "refused");
	entry = json_array_get(json_object_get(o, "items"), 1);
	CU_ASSERT_STRING_EQUAL(fix_str(entry, "result"), "failed");
	CU_ASSERT_STRING_EQUAL(fix_str(json_object_get(entry, "detail"), "reason"),
			       "the disk says no");
	json_decref(o);
	o = fix_get(&w.fix, "/api/v1/audit/verify");
	CU_ASSERT_TRUE(json_is_true(json_object_get(o, "intact")));
	CU_ASSERT_EQUAL(fix_int(o, "entries"), 4);
	CU_ASSERT_EQUAL(strlen(fix_str(o, "head")), 64);
	json_decref(o);
	leave();
}

static void
names_and_reasons_are_text(void)
{
	json_t *o, *entry;

	enter();
	CU_ASSERT_EQUAL(put("?author=", fix_policy), 400);
	CU_ASSERT_EQUAL(put("?author=a%0ab", fix_policy), 400);
	CU_ASSERT_EQUAL(put("?author=%ff", fix_policy), 400);
	CU_ASSERT_EQUAL(put("?why=%1b%5b2J", fix_policy), 400);
	CU_ASSERT_EQUAL(put("?author=%22%5c&why=%22%7d", fix_policy), 200);
	o = fix_get(&w.fix, "/api/v1/audit");
	entry = json_array_get(json_object_get(o, "items"), 0);
	CU_ASSERT_STRING_EQUAL(fix_str(entry, "actor"), "api:\"\\");
	CU_ASSERT_STRING_EQUAL(fix_str(json_object_get(entry, "detail"), "why"), "\"}");
	json_decref(o);
	leave();
}

const struct bh_unit_test bh_suite_api_revision[] = {
	BH_TEST(commits_are_listed_with_author_and_reason),
	BH_TEST(rollback_puts_the_older_one_in_force),
	BH_TEST(confirmation_is_asked_for_and_given),
	BH_TEST(what_the_disk_refuses_is_507_and_on_record),
	BH_TEST(names_and_reasons_are_text),
	BH_TEST_END,
};
