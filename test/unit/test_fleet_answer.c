/* fleet: what etcd says is read as it is meant, in whatever pieces it comes, and what is none of it is refused. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/fleet/fleet_priv.h"
#include "unit.h"

static int
answer(struct bh_etcd_answer *a, const char *text)
{
	return bh_etcd_answer_read(a, text, strlen(text));
}

static int
line(struct bh_etcd_answer *a, const char *text)
{
	return bh_etcd_line_read(a, text, strlen(text));
}

static void
range_gives_keys_and_values(void)
{
	struct bh_etcd_answer a;

	CU_ASSERT_EQUAL(answer(&a,
			       "{\"header\":{\"revision\":\"7\"},\"kvs\":[{\"key\":\"L2EvMQ==\","
			       "\"mod_revision\":\"2\",\"value\":\"aGVsbG8=\"},{\"key\":\"L2E=\","
			       "\"mod_revision\":3}],\"more\":true,\"count\":\"5\"}"),
			0);
	CU_ASSERT_EQUAL(a.revision, 7);
	CU_ASSERT_TRUE(a.more);
	CU_ASSERT_EQUAL_FATAL(a.n, 2);
	CU_ASSERT_STRING_EQUAL(a.kv[0].key, "/a/1");
	CU_ASSERT_STRING_EQUAL(a.kv[0].value, "hello");
	CU_ASSERT_EQUAL(a.kv[0].len, 5);
	CU_ASSERT_EQUAL(a.kv[0].mod, 2);
	/* A number may be one; a value that is nothing is left out. */
	CU_ASSERT_EQUAL(a.kv[1].mod, 3);
	CU_ASSERT_EQUAL(a.kv[1].len, 0);
	bh_etcd_answer_free(&a);
}

static void
transaction_says_who_won_and_what_is_there(void)
{
	struct bh_etcd_answer a;

	CU_ASSERT_EQUAL(answer(&a,
			       "{\"header\":{\"revision\":\"3\"},\"succeeded\":true,\"responses\":"
			       "[{\"response_put\":{\"header\":{\"revision\":\"3\"}}}]}"),
			0);
	CU_ASSERT_TRUE(a.succeeded);
	CU_ASSERT_EQUAL(a.n, 0);
	bh_etcd_answer_free(&a);
	CU_ASSERT_EQUAL(
		answer(&a, "{\"header\":{\"revision\":\"2\"},\"responses\":[{\"response_range\":{"
			   "\"kvs\":[{\"key\":\"L2E=\",\"mod_revision\":\"2\",\"value\":\"eA==\"}]"
			   ",\"count\":\"1\"}}]}"),
		0);
	CU_ASSERT_FALSE(a.succeeded);
	CU_ASSERT_EQUAL_FATAL(a.n, 1);
	CU_ASSERT_STRING_EQUAL(a.kv[0].value, "x");
	bh_etcd_answer_free(&a);
}

static void
lease_without_a_time_to_live_is_gone(void)
{
	struct bh_etcd_answer a;

	CU_ASSERT_EQUAL(answer(&a,
			       "{\"result\":{\"header\":{},\"ID\":\"7751717522276261641\",\"TTL\":"
			       "\"10\"}}"),
			0);
	CU_ASSERT_EQUAL(a.lease, 7751717522276261641);
	CU_ASSERT_EQUAL(a.ttl, 10);
	bh_etcd_answer_free(&a);
	CU_ASSERT_EQUAL(answer(&a, "{\"result\":{\"header\":{},\"ID\":\"123\"}}"), 0);
	CU_ASSERT_EQUAL(a.ttl, 0);
	bh_etcd_answer_free(&a);
}

static void
errors_keep_their_words(void)
{
	struct bh_etcd_answer a;

	CU_ASSERT_EQUAL(answer(&a,
			       "{\"error\":\"etcdserver: no leader\",\"message\":\"etcdserver: no "
			       "leader\",\"code\":14}"),
			0);
	CU_ASSERT_STRING_EQUAL(a.error, "etcdserver: no leader");
	bh_etcd_answer_free(&a);
	CU_ASSERT_EQUAL(line(&a, "{\"error\":{\"grpc_code\":14,\"message\":\"etcdserver: server "
				 "stopped\"}}"),
			0);
	CU_ASSERT_STRING_EQUAL(a.error, "etcdserver: server stopped");
	bh_etcd_answer_free(&a);
	CU_ASSERT_EQUAL(line(&a, "{\"error\":{}}"), 0);
	CU_ASSERT_NOT_EQUAL(a.error[0], '\0');
	bh_etcd_answer_free(&a);
}

static void
watch_tells_puts_deletions_and_compaction(void)
{
	struct bh_etcd_answer a;

	CU_ASSERT_EQUAL(
		line(&a,
		     "{\"result\":{\"header\":{\"revision\":\"4\"},\"events\":[{\"type\":"
		     "\"DELETE\",\"kv\":{\"key\":\"L2EvMQ==\",\"mod_revision\":\"4\"}},{\"kv\":{"
		     "\"key\":\"L2EvMg==\",\"mod_revision\":\"3\",\"value\":\"eA==\"}}]}}"),
		0);
	CU_ASSERT_EQUAL_FATAL(a.n, 2);
	CU_ASSERT_TRUE(a.kv[0].deleted);
	CU_ASSERT_FALSE(a.kv[1].deleted);
	CU_ASSERT_EQUAL(a.revision, 4);
	bh_etcd_answer_free(&a);
	CU_ASSERT_EQUAL(
		line(&a, "{\"result\":{\"header\":{},\"canceled\":true,\"compact_revision\":\"3\","
			 "\"cancel_reason\":\"etcdserver: mvcc: required revision has been "
			 "compacted\"}}"),
		0);
	CU_ASSERT_TRUE(a.canceled);
	CU_ASSERT_EQUAL(a.compacted, 3);
	bh_etcd_answer_free(&a);
}

static void
what_is_none_of_etcds_is_refused(void)
{
	static const char *const bad[] = {
		"",
		"Not Found",
		"[]",
		"{\"kvs\":[{\"key\":\"!!!\"}]}",
		"{\"kvs\":[{\"key\":\"\"}]}",
		"{\"kvs\":[{\"value\":\"eA==\"}]}",
		"{\"kvs\":[{\"key\":\"L2EAYg==\"}]}", /* a NUL inside */
		"{\"kvs\":[{\"key\":\"L2E=\",\"value\":\"eA=\"}]}",
		"{\"kvs\":[{\"key\":7}]}",
	};
	struct bh_etcd_answer a;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		CU_ASSERT_EQUAL(answer(&a, bad[i]), -EINVAL);
		CU_ASSERT_EQUAL(a.n, 0);
	}
	CU_ASSERT_EQUAL(line(&a, "{}"), -EINVAL);
	CU_ASSERT_EQUAL(line(&a, "{\"result\":{\"events\":[{}]}}"), -EINVAL);
}

static int
count(void *arg, const char *text, size_t len)
{
	struct bh_etcd_answer a;
	int rc = bh_etcd_line_read(&a, text, len);

	*(size_t *)arg += a.n;
	bh_etcd_answer_free(&a);
	return rc;
}

static void
watch_is_the_same_in_any_pieces(void)
{
	struct bh_buf all = {0};
	size_t cut, at, n, i;

	for (i = 0; i < 20; i++)
		bh_buf_printf(&all,
			      "{\"result\":{\"header\":{\"revision\":\"%zu\"},\"events\":[{\"kv\":{"
			      "\"key\":"
			      "\"L2EvMg==\",\"mod_revision\":\"%zu\",\"value\":\"eA==\"}}]}}\n",
			      i, i);
	for (cut = 1; cut < 200; cut += 7) {
		struct bh_lines l = {0};

		for (n = at = 0; at < all.len; at += cut)
			CU_ASSERT_EQUAL(bh_lines_feed(&l, all.data + at,
						      all.len - at < cut ? all.len - at : cut,
						      count, &n),
					0);
		CU_ASSERT_EQUAL(n, 20);
		bh_lines_free(&l);
	}
	bh_buf_free(&all);
}

/* What is asked is JSON, and its base64 is what was meant, at every length. */
static void
questions_hold_what_was_meant(void)
{
	char value[2000], key[32] = "/p/live/head";
	struct bh_etcd_answer a;
	size_t len, i;

	for (i = 0; i < sizeof(value); i++)
		value[i] = (char)(i * 7);
	for (len = 0; len < sizeof(value); len += len < 20 ? 1 : 97) {
		struct bh_buf ask = {0}, said = {0};
		json_t *o, *put;

		bh_etcd_ask_put(&ask, &(struct bh_etcd_put){
					      .key = key, .value = value, .len = len, .lease = 9});
		o = json_loadb(ask.data, ask.len, 0, NULL);
		put = json_object_get(o, "request_put");
		bh_buf_printf(&said, "{\"kvs\":[{\"key\":\"%s\",\"value\":\"%s\"}]}",
			      json_string_value(json_object_get(put, "key")),
			      json_string_value(json_object_get(put, "value")));
		CU_ASSERT_EQUAL_FATAL(answer(&a, said.data), 0);
		CU_ASSERT_STRING_EQUAL(a.kv[0].key, key);
		CU_ASSERT_EQUAL(a.kv[0].len, len);
		CU_ASSERT_EQUAL(memcmp(a.kv[0].value, value, len), 0);
		CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(put, "lease")), "9");
		bh_etcd_answer_free(&a);
		json_decref(o);
		bh_buf_free(&ask);
		bh_buf_free(&said);
	}
}

/* The keys after "/p/x/a" that begin with "/p/x/": from it with a NUL behind to "/p/x0". */
static void
next_page_begins_behind_the_last_key(void)
{
	struct bh_buf ask = {0};
	json_t *o;

	bh_etcd_ask_range(&ask, &(struct bh_etcd_range){.from = "/p/x/",
							.after = "/p/x/a",
							.limit = 5,
							.revision = 8});
	o = json_loadb(ask.data, ask.len, 0, NULL);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "key")), "L3AveC9hAA==");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "range_end")), "L3AveDA=");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "limit")), "5");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "revision")), "8");
	json_decref(o);
	bh_buf_free(&ask);
}

const struct bh_unit_test bh_suite_fleet_answer[] = {
	BH_TEST(range_gives_keys_and_values),
	BH_TEST(transaction_says_who_won_and_what_is_there),
	BH_TEST(lease_without_a_time_to_live_is_gone),
	BH_TEST(errors_keep_their_words),
	BH_TEST(watch_tells_puts_deletions_and_compaction),
	BH_TEST(what_is_none_of_etcds_is_refused),
	BH_TEST(watch_is_the_same_in_any_pieces),
	BH_TEST(questions_hold_what_was_meant),
	BH_TEST(next_page_begins_behind_the_last_key),
	BH_TEST_END,
};
