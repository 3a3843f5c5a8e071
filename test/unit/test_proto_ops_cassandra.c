/* CQL frames as drivers send them, whole and in pieces. */
#include "test_proto_sql.h"

static const size_t pieces[] = {0, 1, 2, 3, 5, 7, 16};

static void
frame(struct sql_bytes *b, uint8_t version, uint8_t flags, uint8_t opcode,
      const struct sql_bytes *body)
{
	put_int(b, version, 1, true);
	put_int(b, flags, 1, true);
	put_int(b, 1, 2, true);
	put_int(b, opcode, 1, true);
	put_int(b, body->n, 4, true);
	put(b, body->at, body->n);
}

static void
put_string(struct sql_bytes *b, const char *text, unsigned size)
{
	put_int(b, strlen(text), size, true);
	put(b, text, strlen(text));
}

static void
startup(struct sql_bytes *b, uint8_t version, const char *compression)
{
	static struct sql_bytes body;

	body.n = 0;
	put_int(&body, compression != NULL ? 2 : 1, 2, true);
	put_string(&body, "CQL_VERSION", 2);
	put_string(&body, "3.0.0", 2);
	if (compression != NULL) {
		put_string(&body, "COMPRESSION", 2);
		put_string(&body, compression, 2);
	}
	frame(b, version, 0, 1, &body);
}

static void
query(struct sql_bytes *b, uint8_t version, const char *text, uint32_t flags)
{
	static struct sql_bytes body;

	body.n = 0;
	put_string(&body, text, 4);
	put_int(&body, 1, 2, true);
	put_int(&body, flags, version == 5 ? 4 : 1, true);
	if ((flags & 0x80) != 0)
		put_string(&body, "secret", 2);
	frame(b, version, 0, 7, &body);
}

static void
session(struct sql_bytes *b, uint8_t version)
{
	static struct sql_bytes body;

	body.n = 0;
	put(&body, "\0\0\0\x0c\0user\0hunter2", 17);
	frame(b, version, 0, 0x0f, &body);
	query(b, version, "SELECT * FROM ks.\"Orders\" WHERE id = 'hunter2'", 0);
	body.n = 0;
	put_string(&body, "INSERT INTO orders (a) VALUES (?)", 4);
	if (version == 5)
		put_int(&body, 0, 4, true);
	frame(b, version, 0, 9, &body);
	body.n = 0;
	put(&body, "\0\4abcd\0\1\0", 9);
	frame(b, version, 0, 0x0a, &body);
	body.n = 0;
	put(&body, "\0\0\3\0", 4);
	put_string(&body, "DELETE FROM orders WHERE a = ?", 4);
	put(&body, "\0\1\0\0\0\7hunter2", 13);
	put(&body, "\1\0\4abcd\0\2\xff\xff\xff\xff\0\0\0\1x\0", 19);
	put_string(&body, "UPDATE t SET a = 1 WHERE b = 2", 4);
	put(&body, "\0\0\0\1", 4);
	put_int(&body, 0, version == 5 ? 4 : 1, true);
	frame(b, version, 0, 0x0d, &body);
	body.n = 0;
	put(&body, "\0\1\0\15STATUS_CHANGE", 17);
	frame(b, version, 0, 0x0b, &body);
}

#define SESSION "select|ks.Orders\ninsert|orders\ndelete|orders\nupdate|t\n"

static void
each_statement_of_a_session_is_an_operation(void)
{
	static struct sql_bytes b, body;
	static struct sql_rig r;
	unsigned i;

	b.n = body.n = 0;
	frame(&b, 4, 0, 5, &body);
	startup(&b, 4, NULL);
	session(&b, 4);
	put(&body, "\0\1\0\1k\0\0\0\2vv", 11); /* custom payload */
	put_string(&body, "USE ks", 4);
	put(&body, "\0\1\0", 3);
	frame(&b, 4, 4, 7, &body);
	query(&b, 4, "TRUNCATE ks.t", 0);
	for (i = 0; i < BH_ARRAY_SIZE(pieces); i++) {
		sql_open(&r, BH_APP_CASSANDRA);
		CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, pieces[i]), BH_OPS_MORE);
		CU_ASSERT_STRING_EQUAL(r.text, SESSION "use|\ntruncate|t\n");
		CU_ASSERT_EQUAL(r.pending, 0);
		CU_ASSERT_FALSE(r.leak);
	}
}

static uint32_t
crc24(const uint8_t *p)
{
	uint32_t crc = 0x875060;
	unsigned i, bit;

	for (i = 0; i < 3; i++) {
		crc ^= (uint32_t)p[i] << 16;
		for (bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ ((crc & 0x800000) != 0 ? 0x1974f0b : 0);
	}
	return crc & 0xffffff;
}

static void
segment(struct sql_bytes *b, const void *at, size_t n, bool whole)
{
	put_int(b, n | (whole ? 0x20000 : 0), 3, false);
	put_int(b, crc24(b->at + b->n - 3), 3, false);
	put(b, at, n);
	put_int(b, 0x12345678, 4, false);
}

/* STARTUP of version 5 and its answer. */
static enum bh_ops_status
begin(struct sql_rig *r, const char *compression)
{
	static struct sql_bytes b, body;

	sql_open(r, BH_APP_CASSANDRA);
	b.n = body.n = 0;
	startup(&b, 5, compression);
	CU_ASSERT_EQUAL(sql_feed(r, BH_CLIENT, b.at, b.n, 1), BH_OPS_MORE);
	b.n = 0;
	frame(&b, 0x85, 0, 3, &body);
	return sql_feed(r, BH_SERVER, b.at, b.n, 1);
}

static void
version_5_is_read_in_segments(void)
{
	static struct sql_bytes b, frames;
	static struct sql_rig r;
	unsigned i;

	frames.n = b.n = 0;
	session(&frames, 5);
	segment(&b, frames.at, frames.n, true);
	frames.n = 0;
	query(&frames, 5, "drop table orders", 0);
	segment(&b, frames.at, 5, false);
	segment(&b, frames.at + 5, 20, false);
	segment(&b, frames.at + 25, frames.n - 25, false);
	frames.n = 0;
	query(&frames, 5, "select * from orders", 0x80);
	segment(&b, frames.at, frames.n, true);
	for (i = 0; i < BH_ARRAY_SIZE(pieces); i++) {
		CU_ASSERT_EQUAL(begin(&r, NULL), BH_OPS_MORE);
		CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, pieces[i]), BH_OPS_MORE);
		CU_ASSERT_STRING_EQUAL(r.text, SESSION "drop|orders\nselect|orders\nuse|\n");
		CU_ASSERT_EQUAL(r.pending, 0);
	}
	/* a frame goes on behind a segment that says it is whole */
	b.n = 0;
	segment(&b, frames.at, 12, true);
	begin(&r, NULL);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 0), BH_OPS_ERROR);
	b.at[4] ^= 1;
	begin(&r, NULL);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 0), BH_OPS_ERROR);
}

static void
compression_ends_it(void)
{
	static struct sql_bytes b, body;
	static struct sql_rig r;

	CU_ASSERT_EQUAL(begin(&r, "lz4"), BH_OPS_OPAQUE);
	b.n = body.n = 0;
	startup(&b, 4, "snappy");
	put(&body, "xxxx", 4);
	frame(&b, 4, 1, 7, &body);
	sql_open(&r, BH_APP_CASSANDRA);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 1), BH_OPS_OPAQUE);
}

static void
nothing_goes_before_it_is_judged(void)
{
	static struct sql_bytes b;
	static struct sql_rig r;
	size_t i;

	b.n = 0;
	query(&b, 4, "delete from orders", 0);
	sql_open(&r, BH_APP_CASSANDRA);
	for (i = 0; i < b.n - 4; i++) {
		sql_feed(&r, BH_CLIENT, b.at + i, 1, 0);
		CU_ASSERT_EQUAL(r.pending, i + 1);
	}
	CU_ASSERT_STRING_EQUAL(r.text, "");
	sql_feed(&r, BH_CLIENT, b.at + i, 4, 0);
	CU_ASSERT_EQUAL(r.pending, 0);
	CU_ASSERT_STRING_EQUAL(r.text, "delete|orders\n");
}

static void
broken_frames_are_errors(void)
{
	static const char *const bad[] = {"\6\0\0\0\7\0\0\0\0", "\4\0\0\0\2\0\0\0\0",
					  "\4\0\0\0\7\0\0\0\2ab", "\4\0\0\0\7\0\0\0\6\0\0\0\7ab",
					  "\5\0\0\0\7\0\0\0\6\0\0\0\1ab"};
	static const size_t len[] = {9, 9, 11, 15, 15};
	static struct sql_bytes b;
	static struct sql_rig r;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		sql_open(&r, BH_APP_CASSANDRA);
		CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, bad[i], len[i], 1), BH_OPS_ERROR);
	}
	/* what follows STARTUP of version 5 could be segments or not */
	b.n = 0;
	startup(&b, 5, NULL);
	query(&b, 5, "drop table orders", 0);
	sql_open(&r, BH_APP_CASSANDRA);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 0), BH_OPS_ERROR);
}

const struct bh_unit_test bh_suite_proto_ops_cassandra[] = {
	BH_TEST(each_statement_of_a_session_is_an_operation),
	BH_TEST(version_5_is_read_in_segments),
	BH_TEST(compression_ends_it),
	BH_TEST(nothing_goes_before_it_is_judged),
	BH_TEST(broken_frames_are_errors),
	BH_TEST_END,
};
