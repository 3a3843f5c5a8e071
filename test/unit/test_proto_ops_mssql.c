/* TDS messages as drivers send them, whole and in pieces. */
#include "test_proto_sql.h"

static const size_t pieces[] = {0, 1, 2, 3, 5, 7, 16};

/* A message in packets of at most `size` bytes of body. */
static void
message(struct sql_bytes *b, uint8_t type, const struct sql_bytes *body, size_t size)
{
	size_t at = 0, n;

	do {
		n = body->n - at < size ? body->n - at : size;
		put_int(b, type, 1, true);
		put_int(b, at + n == body->n, 1, true);
		put_int(b, n + 8, 2, true);
		put_int(b, 0, 4, true);
		put(b, body->at + at, n);
		at += n;
	} while (at < body->n);
}

static void
put_wide(struct sql_bytes *b, const char *text)
{
	for (; *text != '\0'; text++)
		put_int(b, (uint8_t)*text, 2, false);
}

static void
put_headers(struct sql_bytes *b)
{
	put(b, "\26\0\0\0\22\0\0\0\2\0\0\0\0\0\0\0\0\0\1\0\0\0", 22);
}

static void
batch(struct sql_bytes *b, const char *text, size_t size)
{
	static struct sql_bytes body;

	body.n = 0;
	put_headers(&body);
	put_wide(&body, text);
	message(b, 1, &body, size);
}

/* name (NULL: unnamed), status, NVARCHAR(4000), text */
static void
put_text(struct sql_bytes *b, const char *name, const char *text)
{
	put_int(b, name != NULL ? strlen(name) : 0, 1, false);
	put_wide(b, name != NULL ? name : "");
	put(b, "\0\xe7\x40\x1f\x09\4\xd0\0\x34", 9);
	put_int(b, strlen(text) * 2, 2, false);
	put_wide(b, text);
}

/* The same of NVARCHAR(MAX), in two parts that cut a character. */
static void
put_long_text(struct sql_bytes *b, const char *text)
{
	static struct sql_bytes wide;

	wide.n = 0;
	put_wide(&wide, text);
	put(b, "\0\0\xe7\xff\xff\x09\4\xd0\0\x34", 10);
	put_int(b, wide.n, 8, false);
	put_int(b, 5, 4, false);
	put(b, wide.at, 5);
	put_int(b, wide.n - 5, 4, false);
	put(b, wide.at + 5, wide.n - 5);
	put_int(b, 0, 4, false);
}

static void
call(struct sql_bytes *b, unsigned id)
{
	put_int(b, 0xffff, 2, false);
	put_int(b, id, 2, false);
	put_int(b, 0, 2, false);
}

static void
run(const struct sql_bytes *b, const char *expected)
{
	static struct sql_rig r;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(pieces); i++) {
		sql_open(&r, BH_APP_MSSQL);
		CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b->at, b->n, pieces[i]), BH_OPS_MORE);
		CU_ASSERT_STRING_EQUAL(r.text, expected);
		CU_ASSERT_EQUAL(r.pending, 0);
		CU_ASSERT_FALSE(r.leak);
	}
}

static void
batches_are_judged_by_their_text(void)
{
	static struct sql_bytes b, body;

	b.n = body.n = 0;
	put(&body, "log-in", 6);
	message(&b, 0x10, &body, 4096);
	batch(&b, "select * from [dbo].[Orders] where x = N'secret'; begin tran", 4096);
	batch(&b, "delete from orders", 7);
	body.n = 0;
	put_wide(&body, "x;");
	message(&b, 1, &body, 4096);
	body.n = 0;
	put_wide(&body, "drop table orders"); /* 7.1: no headers */
	message(&b, 1, &body, 4096);
	body.n = 0;
	message(&b, 6, &body, 4096);
	put(&body, "delete from", 11);
	message(&b, 0x0e, &body, 4096);
	message(&b, 7, &body, 4096);
	run(&b, "select|orders\nbegin|~\ndelete|orders\nexec|!\ndrop|orders\n");
}

static void
calls_are_judged_by_what_they_run(void)
{
	static struct sql_bytes b, body;

	b.n = body.n = 0;
	put_headers(&body);
	call(&body, 10);
	put_text(&body, NULL, "delete from orders where id = @p; select 1 from t");
	put_text(&body, NULL, "@p int");
	put(&body, "\2@\0p\0\0\x26\4\4\1\0\0\0", 13);
	put(&body, "\xff", 1);
	call(&body, 13);
	put(&body, "\0\1\x26\4\0", 5);
	put_text(&body, NULL, "@p int");
	put_long_text(&body, "update items set a = 1");
	put(&body, "\xff", 1);
	call(&body, 12);
	put(&body, "\0\0\x26\4\4\1\0\0\0", 9);
	put(&body, "\xff", 1);
	put_int(&body, 9, 2, false);
	put_wide(&body, "dbo.MyPrc");
	put_int(&body, 0, 2, false);
	put_text(&body, "@a", "delete from x");
	put(&body, "\xff", 1);
	put_int(&body, 13, 2, false);
	put_wide(&body, "sp_executesql");
	put_int(&body, 0, 2, false);
	put_text(&body, NULL, "select 2 from t;");
	message(&b, 3, &body, 4096);
	body.n = 0;
	call(&body, 1);
	message(&b, 3, &body, 4096);
	run(&b, "delete|orders\nselect|t\nupdate|items\nexec|myprc\nselect|t\nexec|!\n");
}

static void
texts_in_another_place_are_doubtful_or_errors(void)
{
	static struct sql_bytes b, body;
	static struct sql_rig r;

	b.n = body.n = 0;
	put_headers(&body);
	call(&body, 10);
	put_text(&body, "@params", "select 1");
	put_text(&body, "@stmt", "delete from orders");
	message(&b, 3, &body, 4096);
	run(&b, "select|!\n");

	b.n = body.n = 0;
	put_headers(&body);
	call(&body, 10);
	put(&body, "\0\0\xa7\x40\x1f\x09\4\xd0\0\x34\6\0select", 18);
	message(&b, 3, &body, 4096);
	sql_open(&r, BH_APP_MSSQL);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 0), BH_OPS_ERROR);

	/* a parameter that is a table: what follows is not known */
	b.n = body.n = 0;
	put_headers(&body);
	call(&body, 10);
	put_text(&body, NULL, "select 1");
	put(&body, "\0\0\xf3\0\0\0", 6);
	message(&b, 3, &body, 4096);
	run(&b, "select|\nexec|!\n");
}

static void
nothing_goes_before_it_is_judged(void)
{
	static struct sql_bytes b;
	static struct sql_rig r;
	size_t i;

	b.n = 0;
	batch(&b, "delete from orders", 10);
	sql_open(&r, BH_APP_MSSQL);
	for (i = 0; i < b.n - 1; i++) {
		sql_feed(&r, BH_CLIENT, b.at + i, 1, 0);
		CU_ASSERT_EQUAL(r.pending, i + 1);
	}
	CU_ASSERT_STRING_EQUAL(r.text, "");
	sql_feed(&r, BH_CLIENT, b.at + i, 1, 0);
	CU_ASSERT_EQUAL(r.pending, 0);
	CU_ASSERT_STRING_EQUAL(r.text, "delete|orders\n");
}

/* The prelogin's options: version and encryption. */
static void
prelogin(struct sql_bytes *b, uint8_t type, uint8_t encryption)
{
	static struct sql_bytes body;

	body.n = 0;
	put(&body, "\0\0\x0b\0\6\1\0\x11\0\1\xff\x0f\0\0\0\0\0", 17);
	put_int(&body, encryption, 1, true);
	message(b, type, &body, 4096);
}

static enum bh_ops_status
negotiate(struct sql_rig *r, uint8_t ours, uint8_t theirs)
{
	static struct sql_bytes b;

	sql_open(r, BH_APP_MSSQL);
	b.n = 0;
	prelogin(&b, 0x12, ours);
	CU_ASSERT_EQUAL(sql_feed(r, BH_CLIENT, b.at, b.n, 1), BH_OPS_MORE);
	b.n = 0;
	prelogin(&b, 4, theirs);
	return sql_feed(r, BH_SERVER, b.at, b.n, 1);
}

static void
encryption_is_as_negotiated(void)
{
	static struct sql_bytes b, tls;
	static struct sql_rig r;

	CU_ASSERT_EQUAL(negotiate(&r, 1, 1), BH_OPS_OPAQUE);
	CU_ASSERT_EQUAL(r.became, BH_APP_TLS);
	CU_ASSERT_EQUAL(negotiate(&r, 0, 3), BH_OPS_OPAQUE);
	CU_ASSERT_EQUAL(negotiate(&r, 2, 2), BH_OPS_MORE);

	/* log-in alone */
	CU_ASSERT_EQUAL(negotiate(&r, 0, 0), BH_OPS_MORE);
	b.n = tls.n = 0;
	put(&tls, "\x16\3\1\0\3abc", 8);
	message(&b, 0x12, &tls, 4096);
	put(&b, "\x17\3\1\0\4abcd", 9);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 1), BH_OPS_MORE);
	CU_ASSERT_EQUAL(r.pending, 0);
	b.n = tls.n = 0;
	put(&tls, "\xe3\0", 2);
	message(&b, 4, &tls, 4096);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_SERVER, b.at, b.n, 1), BH_OPS_MORE);
	b.n = 0;
	batch(&b, "select 1", 4096);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 1), BH_OPS_MORE);
	CU_ASSERT_STRING_EQUAL(r.text, "select|\n");
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, "\x17\3\1\0\4abcd", 9, 1), BH_OPS_ERROR);
}

static void
broken_messages_are_errors(void)
{
	static const struct {
		const char *at;
		size_t n;
	} bad[] = {{"\1\1\0\7\0\0\0\0", 8},
		   {"\2\1\0\11\0\0\0\0x", 9},
		   {"\1\1\0\11\0\0\0\0x", 9},
		   {"\1\1\0\17\0\0\0\0x\0x\0x\0x", 15},
		   {"\1\0\0\14\0\0\0\0x\0x\0\3\1\0\10\0\0\0\0", 20}};
	static struct sql_rig r;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		sql_open(&r, BH_APP_MSSQL);
		CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, bad[i].at, bad[i].n, 0), BH_OPS_ERROR);
	}
}

const struct bh_unit_test bh_suite_proto_ops_mssql[] = {
	BH_TEST(batches_are_judged_by_their_text),
	BH_TEST(calls_are_judged_by_what_they_run),
	BH_TEST(texts_in_another_place_are_doubtful_or_errors),
	BH_TEST(nothing_goes_before_it_is_judged),
	BH_TEST(encryption_is_as_negotiated),
	BH_TEST(broken_messages_are_errors),
	BH_TEST_END,
};
