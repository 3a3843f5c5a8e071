/* MySQL's packets as clients send them, whole and in pieces. */
#include "test_proto_sql.h"

#define CAPS 0x0000a28du /* long password, connect with db, 4.1, transactions, secure, ... */
#define ATTRIBUTES (1u << 27)

static const size_t pieces[] = {0, 1, 2, 3, 5, 7, 16};

static void
packet(struct sql_bytes *b, uint8_t sequence, const void *body, size_t n)
{
	put_int(b, n, 3, false);
	put_int(b, sequence, 1, false);
	put(b, body, n);
}

static void
command(struct sql_bytes *b, uint8_t number, const void *arg, size_t n)
{
	put_int(b, n + 1, 3, false);
	put_int(b, 0, 1, false);
	put_int(b, number, 1, false);
	put(b, arg, n);
}

static void
query(struct sql_bytes *b, const char *text)
{
	command(b, 3, text, strlen(text));
}

static void
greeting(struct sql_bytes *b, uint32_t caps, uint16_t status)
{
	static struct sql_bytes p;

	p.n = 0;
	put(&p, "\n8.0.36", 8);
	put(&p, "\1\0\0\0saltsalt", 13);
	put_int(&p, caps & 0xffff, 2, false);
	put_int(&p, 255, 1, false);
	put_int(&p, status, 2, false);
	put_int(&p, caps >> 16, 2, false);
	put(&p, "\25\0\0\0\0\0\0\0\0\0\0saltsaltsalt", 24);
	packet(b, 0, p.at, p.n);
}

static void
login(struct sql_bytes *b, uint32_t caps, uint8_t charset)
{
	static struct sql_bytes p;
	static const char zero[23];

	p.n = 0;
	put_int(&p, caps, 4, false);
	put_int(&p, 1 << 24, 4, false);
	put_int(&p, charset, 1, false);
	put(&p, zero, 23);
	put(&p, "root\0\7hunter2shop", 18);
	packet(b, 1, p.at, p.n);
}

/* Greeting, log-in, an auth switch and OK. */
static void
begin(struct sql_rig *r, uint32_t caps, uint8_t charset)
{
	static struct sql_bytes b;

	sql_open(r, BH_APP_MYSQL);
	b.n = 0;
	greeting(&b, caps, 2);
	sql_feed(r, BH_SERVER, b.at, b.n, 1);
	b.n = 0;
	login(&b, caps, charset);
	sql_feed(r, BH_CLIENT, b.at, b.n, 1);
	b.n = 0;
	packet(&b, 2, "\xfemysql_native_password\0saltsaltsaltsaltsalt", 44);
	sql_feed(r, BH_SERVER, b.at, b.n, 0);
	b.n = 0;
	packet(&b, 3, "hunter2hunter2hunter", 20);
	sql_feed(r, BH_CLIENT, b.at, b.n, 0);
	b.n = 0;
	packet(&b, 4, "\0\0\0\2\0\0\0", 7);
	CU_ASSERT_EQUAL(sql_feed(r, BH_SERVER, b.at, b.n, 0), BH_OPS_MORE);
	CU_ASSERT_STRING_EQUAL(r->text, "");
	CU_ASSERT_EQUAL(r->pending, 0);
}

static void
run(const struct sql_bytes *b, uint32_t caps, const char *expected)
{
	static struct sql_rig r;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(pieces); i++) {
		begin(&r, caps, 45);
		CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b->at, b->n, pieces[i]), BH_OPS_MORE);
		CU_ASSERT_STRING_EQUAL(r.text, expected);
		CU_ASSERT_EQUAL(r.pending, 0);
		CU_ASSERT_FALSE(r.leak);
	}
}

static void
each_command_is_judged_by_what_it_runs(void)
{
	static struct sql_bytes b;

	b.n = 0;
	query(&b, "select * from shop.orders, other.t; commit");
	command(&b, 22, "insert into `items` values (?)", 30);
	command(&b, 23, "\1\0\0\0\0\1\0\0\0", 9);
	command(&b, 24, "\1\0\0\0\0\0delete from x", 19);
	command(&b, 25, "\1\0\0\0", 4);
	command(&b, 14, "", 0);
	command(&b, 2, "other", 5);
	query(&b, "select * from other.t");
	command(&b, 4, "orders\0%", 8);
	command(&b, 12, "\5\0\0\0", 4);
	command(&b, 17, "u\0\3abcshop\0\55\0", 13);
	run(&b, CAPS,
	    "select|orders,other.t\ncommit|~\ninsert|items\nuse|\nselect|t\nshow|orders\nkill|\n");
}

static void
query_attributes_are_no_part_of_the_text(void)
{
	static const uint8_t some[] = {2, 1,   0,   1,   0xfe, 0, 1, 'a', 8, 0, 1, 'b',
				       3, 'x', 'y', 'z', 1,    2, 3, 4,   5, 6, 7, 8};
	static struct sql_bytes b, q;

	b.n = q.n = 0;
	put(&q, "\0\1", 2);
	put(&q, "delete from orders", 18);
	command(&b, 3, q.at, q.n);
	q.n = 0;
	put(&q, some, sizeof(some));
	put(&q, "delete from items", 17);
	command(&b, 3, q.at, q.n);
	q.n = 0;
	put(&q, "\0\1select '", 10);
	memset(q.at + q.n, 'x', 3000);
	q.n += 3000;
	put(&q, "'; drop table t", 15);
	command(&b, 3, q.at, q.n);
	run(&b, CAPS | ATTRIBUTES, "delete|orders\ndelete|items\nselect|\ndrop|t\n");
}

static void
nothing_goes_before_it_is_judged(void)
{
	static struct sql_bytes b;
	static struct sql_rig r;
	size_t i;

	begin(&r, CAPS, 45);
	b.n = 0;
	query(&b, "delete from orders");
	for (i = 0; i < b.n - 1; i++) {
		sql_feed(&r, BH_CLIENT, b.at + i, 1, 0);
		CU_ASSERT_EQUAL(r.pending, i + 1);
	}
	CU_ASSERT_STRING_EQUAL(r.text, "");
	sql_feed(&r, BH_CLIENT, b.at + i, 1, 0);
	CU_ASSERT_EQUAL(r.pending, 0);
	CU_ASSERT_STRING_EQUAL(r.text, "delete|orders\n");
}

/* 0xffffff bytes of a packet go on in the next one. */
static void
text_over_packets_is_one_text(void)
{
	static struct sql_rig r;
	static uint8_t head[] = {0xff, 0xff, 0xff, 0, 3};
	static uint8_t x[1 << 16];
	static const char text[] = "delete from orders where x = '";
	size_t left = 0xffffff - 1 - (sizeof(text) - 1), n;

	memset(x, 'x', sizeof(x));
	begin(&r, CAPS, 45);
	sql_feed(&r, BH_CLIENT, head, 5, 0);
	sql_feed(&r, BH_CLIENT, text, sizeof(text) - 1, 0);
	for (; left != 0; left -= n) {
		n = left < sizeof(x) ? left : sizeof(x);
		sql_feed(&r, BH_CLIENT, x, n, 0);
		if (left > 0xfff000)
			continue;
		CU_ASSERT_EQUAL(r.pending, 1);
	}
	CU_ASSERT_STRING_EQUAL(r.text, "delete|orders\n");
	sql_feed(&r, BH_CLIENT, "\24\0\0\1", 4, 0);
	sql_feed(&r, BH_CLIENT, "';drop table secret2", 20, 0);
	CU_ASSERT_STRING_EQUAL(r.text, "delete|orders\ndelete|orders\ndrop|secret2\n");
	CU_ASSERT_EQUAL(r.pending, 0);
}

static void
file_goes_with_load_data_only_when_asked_for(void)
{
	static struct sql_bytes b;
	static struct sql_rig r;

	begin(&r, CAPS, 45);
	b.n = 0;
	query(&b, "load data local infile '/x' into table orders;");
	sql_feed(&r, BH_CLIENT, b.at, b.n, 0);
	b.n = 0;
	packet(&b, 1, "\xfb/x", 3);
	sql_feed(&r, BH_SERVER, b.at, b.n, 1);
	b.n = 0;
	packet(&b, 2, "\3delete from orders\n", 20);
	packet(&b, 3, "", 0);
	query(&b, "select 1");
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 1), BH_OPS_MORE);
	CU_ASSERT_STRING_EQUAL(r.text, "load|orders\nselect|\n");

	begin(&r, CAPS, 45);
	b.n = 0;
	query(&b, "select null");
	sql_feed(&r, BH_CLIENT, b.at, b.n, 0);
	b.n = 0;
	packet(&b, 1, "\xfb", 1);
	sql_feed(&r, BH_SERVER, b.at, b.n, 1);
	b.n = 0;
	packet(&b, 2, "\3delete from orders", 19);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 1), BH_OPS_ERROR);
}

static void
tls_and_compression_end_it(void)
{
	static struct sql_bytes b;
	static struct sql_rig r;
	unsigned i;

	for (i = 0; i < 2; i++) {
		sql_open(&r, BH_APP_MYSQL);
		b.n = 0;
		greeting(&b, CAPS | 0x820, 2);
		sql_feed(&r, BH_SERVER, b.at, b.n, 0);
		b.n = 0;
		login(&b, CAPS | (i == 0 ? 0x800 : 0x20), 45);
		CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 1), BH_OPS_OPAQUE);
		CU_ASSERT_EQUAL(r.became, i == 0 ? BH_APP_TLS : BH_APP_UNKNOWN);
	}
}

/* MariaDB goes on in the clear. */
static void
a_client_alone_encrypts_nothing(void)
{
	static struct sql_bytes b;
	static struct sql_rig r;

	sql_open(&r, BH_APP_MYSQL);
	b.n = 0;
	greeting(&b, CAPS, 2);
	sql_feed(&r, BH_SERVER, b.at, b.n, 0);
	b.n = 0;
	login(&b, CAPS | 0x800, 45);
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 1), BH_OPS_MORE);
	b.n = 0;
	packet(&b, 2, "\0\0\0\2\0\0\0", 7);
	sql_feed(&r, BH_SERVER, b.at, b.n, 0);
	b.n = 0;
	query(&b, "delete from orders");
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 1), BH_OPS_MORE);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.text, "orders"));
}

static void
commands_do_not_hide_in_a_log_in(void)
{
	static struct sql_bytes b;
	static struct sql_rig r;

	sql_open(&r, BH_APP_MYSQL);
	b.n = 0;
	query(&b, "delete from orders");
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 0), BH_OPS_ERROR);

	sql_open(&r, BH_APP_MYSQL);
	b.n = 0;
	greeting(&b, CAPS, 2);
	sql_feed(&r, BH_SERVER, b.at, b.n, 0);
	b.n = 0;
	login(&b, CAPS, 45);
	query(&b, "delete from orders");
	CU_ASSERT_EQUAL(sql_feed(&r, BH_CLIENT, b.at, b.n, 0), BH_OPS_ERROR);
	CU_ASSERT_STRING_EQUAL(r.text, "");
}

static void
settings_of_the_connection_make_texts_doubtful(void)
{
	static const char gbk[] = "select '\xbf\\' from x; delete from orders -- '";
	static const char plain[] = "select 'a\\'; delete from orders -- '";
	static struct sql_bytes b;
	static struct sql_rig r;

	begin(&r, CAPS, 28);
	b.n = 0;
	query(&b, gbk);
	sql_feed(&r, BH_CLIENT, b.at, b.n, 0);
	CU_ASSERT_STRING_EQUAL(r.text, "select|!\n");
	sql_open(&r, BH_APP_MYSQL);
	b.n = 0;
	greeting(&b, CAPS, 0x202);
	sql_feed(&r, BH_SERVER, b.at, b.n, 0);
	b.n = 0;
	login(&b, CAPS, 45);
	sql_feed(&r, BH_CLIENT, b.at, b.n, 0);
	b.n = 0;
	packet(&b, 2, "\0\0\0\2\2\0\0", 7);
	sql_feed(&r, BH_SERVER, b.at, b.n, 0);
	b.n = 0;
	query(&b, plain);
	sql_feed(&r, BH_CLIENT, b.at, b.n, 0);
	CU_ASSERT_STRING_EQUAL(r.text, "select|!\n");
}

const struct bh_unit_test bh_suite_proto_ops_mysql[] = {
	BH_TEST(each_command_is_judged_by_what_it_runs),
	BH_TEST(query_attributes_are_no_part_of_the_text),
	BH_TEST(nothing_goes_before_it_is_judged),
	BH_TEST(text_over_packets_is_one_text),
	BH_TEST(file_goes_with_load_data_only_when_asked_for),
	BH_TEST(tls_and_compression_end_it),
	BH_TEST(a_client_alone_encrypts_nothing),
	BH_TEST(commands_do_not_hide_in_a_log_in),
	BH_TEST(settings_of_the_connection_make_texts_doubtful),
	BH_TEST_END,
};
