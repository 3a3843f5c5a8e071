/* PostgreSQL's messages as clients send them, whole and in pieces. */
#include "test_proto_sql.h"

static const size_t pieces[] = {0, 1, 2, 3, 5, 7, 16};

/* A message: type (0: none), length, body. */
static void
message(struct sql_bytes *b, char type, const void *body, size_t n)
{
	if (type != 0)
		put(b, &type, 1);
	put_int(b, n + 4, 4, true);
	put(b, body, n);
}

static void
startup(struct sql_bytes *b)
{
	static const char params[] = "\0\3\0\0user\0app\0database\0shop\0client_encoding\0UTF8\0";

	message(b, 0, params, sizeof(params));
}

static void
query(struct sql_bytes *b, const char *text)
{
	message(b, 'Q', text, strlen(text) + 1);
}

static void
parse(struct sql_bytes *b, const char *name, const char *text)
{
	char body[512];
	size_t n = strlen(name) + 1;

	memcpy(body, name, n);
	memcpy(body + n, text, strlen(text) + 1);
	n += strlen(text) + 1;
	memset(body + n, 0, 2);
	message(b, 'P', body, n + 2);
}

static void
run(const struct sql_bytes *b, const char *expected)
{
	static struct sql_rig r;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(pieces); i++) {
		sql_open(&r, BH_APP_POSTGRESQL);
		CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b->at, b->n, pieces[i]), BH_OPS_MORE);
		CU_ASSERT_STRING_EQUAL(r.text, expected);
		CU_ASSERT_EQUAL(r.pending, 0);
		CU_ASSERT_FALSE(r.leak);
	}
}

static void
each_statement_of_a_session_is_an_operation(void)
{
	static struct sql_bytes b;

	b.n = 0;
	startup(&b);
	message(&b, 'p', "hunter2", 8);
	query(&b,
	      "select * from orders; begin; delete from public.items where x = 'hunter3'; commit");
	parse(&b, "s1", "insert into orders values ($1)");
	message(&b, 'B', "\0s1\0\0\0\0\0\0\0", 10);
	message(&b, 'D', "P", 2);
	message(&b, 'E', "\0\0\0\0\0", 5);
	message(&b, 'C', "Ss1", 4);
	message(&b, 'H', "", 0);
	message(&b, 'S', "", 0);
	query(&b, "");
	query(&b, "copy orders from stdin");
	message(&b, 'd', "delete from x\n", 14);
	message(&b, 'c', "", 0);
	message(&b, 'F', "\0\0\0\1\0\0\0\0\0\0", 10);
	message(&b, 'X', "", 0);
	run(&b, "select|orders\nbegin|~\ndelete|items\ncommit|~\ninsert|orders\ncopy|orders\n"
		"functioncall|!\n");
}

static void
nothing_of_a_query_goes_before_it_is_judged(void)
{
	static struct sql_bytes b;
	static struct sql_rig r;

	b.n = 0;
	startup(&b);
	sql_open(&r, BH_APP_POSTGRESQL);
	sql_feed(&r, BH_CLIENT, b.at, b.n, 0);
	b.n = 0;
	query(&b, "delete from orders");
	sql_feed(&r, BH_CLIENT, b.at, b.n - 1, 0);
	CU_ASSERT_EQUAL(r.pending, b.n - 1);
	CU_ASSERT_STRING_EQUAL(r.text, "");
	sql_feed(&r, BH_CLIENT, b.at + b.n - 1, 1, 0);
	CU_ASSERT_EQUAL(r.pending, 0);
	CU_ASSERT_STRING_EQUAL(r.text, "delete|orders\n");
}

static void
long_statement_is_judged_early_and_again_at_its_end(void)
{
	static char text[40000];
	static struct sql_bytes b;
	static struct sql_rig r;
	size_t i;

	strcpy(text, "insert into orders values ('");
	memset(text + strlen(text), 'x', 30000);
	strcpy(text + strlen(text), "'); delete from items");
	for (i = 0; i < BH_ARRAY_SIZE(pieces); i++) {
		b.n = 0;
		startup(&b);
		query(&b, text);
		sql_open(&r, BH_APP_POSTGRESQL);
		sql_feed(&r, BH_CLIENT, b.at, 20000, pieces[i]);
		CU_ASSERT_STRING_EQUAL(r.text, "insert|orders\n");
		CU_ASSERT_EQUAL(r.pending, 1);
		sql_feed(&r, BH_CLIENT, b.at + 20000, b.n - 20000, pieces[i]);
		CU_ASSERT_EQUAL(r.pending, 0);
		if (pieces[i] != 0)
			CU_ASSERT_STRING_EQUAL(r.text,
					       "insert|orders\ninsert|orders\ndelete|items\n");
	}
}

static void
ssl_request_ends_in_tls_or_goes_on(void)
{
	static const uint8_t ask[] = {0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f};
	static struct sql_bytes b;
	static struct sql_rig r;

	sql_open(&r, BH_APP_POSTGRESQL);
	sql_feed(&r, BH_CLIENT, ask, 8, 1);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_SERVER, "S", 1, 0), BH_OPS_OPAQUE);
	CU_ASSERT_EQUAL(r.became, BH_APP_TLS);

	sql_open(&r, BH_APP_POSTGRESQL);
	sql_feed(&r, BH_CLIENT, ask, 8, 0);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_SERVER, "N", 1, 0), BH_OPS_MORE);
	b.n = 0;
	startup(&b);
	query(&b, "select 1");
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 0), BH_OPS_MORE);
	CU_ASSERT_STRING_EQUAL(r.text, "select|\n");

	sql_open(&r, BH_APP_POSTGRESQL);
	sql_feed(&r, BH_CLIENT, ask, 8, 0);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 0), BH_OPS_ERROR);
}

static void
cancel_request_is_no_operation(void)
{
	static struct sql_bytes b;

	b.n = 0;
	message(&b, 0, "\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2", 12);
	run(&b, "");
}

static void
settings_that_change_names_make_them_doubtful(void)
{
	static const char params[] = "\0\3\0\0user\0a\0search_path\0secret\0";
	static const char status[] = "standard_conforming_strings\0off";
	static struct sql_bytes b;
	static struct sql_rig r;

	b.n = 0;
	message(&b, 0, params, sizeof(params));
	query(&b, "select * from orders");
	query(&b, "select * from public.orders");
	run(&b, "select|orders!\nselect|orders\n");

	sql_open(&r, BH_APP_POSTGRESQL);
	b.n = 0;
	message(&b, 'R', "\0\0\0\0", 4);
	message(&b, 'S', status, sizeof(status));
	CU_ASSERT_EQUAL(sql_feed(&r, BH_SERVER, b.at, b.n, 1), BH_OPS_MORE);
	b.n = 0;
	startup(&b);
	query(&b, "select '\\'; delete from orders; --'");
	sql_feed(&r, BH_CLIENT, b.at, b.n, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.text, "select|!"));
}

static void
broken_messages_are_errors(void)
{
	static const struct {
		char type;
		const char *body;
		size_t n;
	} bad[] = {{'Q', "select 1", 8}, {'Q', "select 1\0x", 10},
		   {'P', "name", 4},     {'P', "name\0select", 11},
		   {'Z', "", 0},         {0x16, "\3\1", 2}};
	static struct sql_bytes b;
	static struct sql_rig r;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		b.n = 0;
		startup(&b);
		message(&b, bad[i].type, bad[i].body, bad[i].n);
		sql_open(&r, BH_APP_POSTGRESQL);
		CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 0), BH_OPS_ERROR);
		CU_ASSERT_PTR_NOT_NULL(r.why);
	}
	sql_open(&r, BH_APP_POSTGRESQL);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, "GET / HTTP/1.1\r\n", 16, 0), BH_OPS_ERROR);
}

const struct bh_unit_test bh_suite_proto_ops_postgresql[] = {
	BH_TEST(each_statement_of_a_session_is_an_operation),
	BH_TEST(nothing_of_a_query_goes_before_it_is_judged),
	BH_TEST(long_statement_is_judged_early_and_again_at_its_end),
	BH_TEST(ssl_request_ends_in_tls_or_goes_on),
	BH_TEST(cancel_request_is_no_operation),
	BH_TEST(settings_that_change_names_make_them_doubtful),
	BH_TEST(broken_messages_are_errors),
	BH_TEST_END,
};
