/* inspect_talk.h: the conversations that tests of the decoders have. */
#include <stdlib.h>
#include <string.h>

#include "inspect_talk.h"
#include "unit.h"

static struct inspect_talk the_talk;
static struct bh_inspect_wire conn;

struct inspect_talk *
talk_new(void)
{
	the_talk.n = the_talk.used = 0;
	return &the_talk;
}

void
talk_say(struct inspect_talk *t, unsigned side, const void *at, size_t len)
{
	CU_ASSERT_FATAL(t->used + len <= sizeof(t->bytes));
	if (t->n == 0 || t->turn[t->n - 1].side != side) {
		CU_ASSERT_FATAL(t->n < BH_ARRAY_SIZE(t->turn));
		t->turn[t->n].at = t->used;
		t->turn[t->n].len = 0;
		t->turn[t->n++].side = (uint8_t)side;
	}
	memcpy(t->bytes + t->used, at, len);
	t->used += (uint32_t)len;
	t->turn[t->n - 1].len += (uint32_t)len;
}

struct inspect_talk *
talk_recorded(const struct recorded *r)
{
	struct inspect_talk *t = talk_new();

	for (; r->hex != NULL; r++) {
		const char *h;

		for (h = r->hex; *h != '\0'; h += 2) {
			char two[3] = {h[0], h[1], 0};
			uint8_t b = (uint8_t)strtoul(two, NULL, 16);

			talk_say(t, r->side, &b, 1);
		}
	}
	return t;
}

void
talk_words(struct inspect_talk *t, unsigned side, const char *text)
{
	talk_say(t, side, text, strlen(text));
}

/* ---- mysql ------------------------------------------------------------------------------------------- */

static uint8_t packet[1 << 16];
static size_t packet_len;

static void
put(const void *at, size_t len)
{
	CU_ASSERT_FATAL(packet_len + len <= sizeof(packet));
	memcpy(packet + packet_len, at, len);
	packet_len += len;
}

static void
put_le(uint64_t v, unsigned n)
{
	uint8_t b[8];
	unsigned i;

	for (i = 0; i < n; i++)
		b[i] = (uint8_t)(v >> 8 * i);
	put(b, n);
}

static void
put_be(uint64_t v, unsigned n)
{
	uint8_t b[8];
	unsigned i;

	for (i = 0; i < n; i++)
		b[n - 1 - i] = (uint8_t)(v >> 8 * i);
	put(b, n);
}

static void
put_lenenc(const char *text)
{
	size_t n = strlen(text);

	if (n < 251)
		put_le(n, 1);
	else
		put_le(0xfc, 1), put_le(n, 2);
	put(text, n);
}

static void
mysql_packet(struct inspect_talk *t, unsigned side, uint8_t sequence)
{
	uint8_t head[4] = {(uint8_t)packet_len, (uint8_t)(packet_len >> 8),
			   (uint8_t)(packet_len >> 16), sequence};

	talk_say(t, side, head, 4);
	talk_say(t, side, packet, packet_len);
	packet_len = 0;
}

void
talk_mysql_login(struct inspect_talk *t, uint32_t caps)
{
	put_le(10, 1);
	put("8.0.35", 7);
	put("\1\0\0\0abcdefgh\0\xff\xff\x21\2\0\xff\xff\x15", 21);
	put("\0\0\0\0\0\0\0\0\0\0ijklmnopqrst", 23);
	mysql_packet(t, 1, 0);
	put_le(caps, 4);
	put("\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 28);
	put("root\0\0shop", 11);
	mysql_packet(t, 0, 1);
	put("\0\0\0\2\0\0\0", 7);
	mysql_packet(t, 1, 2);
}

void
talk_mysql_command(struct inspect_talk *t, uint8_t command, const char *text)
{
	put_le(command, 1);
	put(text, strlen(text));
	mysql_packet(t, 0, 0);
}

static void
mysql_definition(struct inspect_talk *t, uint8_t *sequence, const char *name, uint8_t type)
{
	put_lenenc("def");
	put_lenenc("shop");
	put_lenenc("t");
	put_lenenc("t");
	put_lenenc(name);
	put_lenenc(name);
	put_le(0x0c, 1);
	put_le(33, 2);
	put_le(255, 4);
	put_le(type, 1);
	put("\0\0\0\0\0", 5);
	mysql_packet(t, 1, (*sequence)++);
}

static uint8_t
mysql_type(const struct talk_value *v)
{
	return v->kind == TALK_INT8 ? 8 : v->kind == TALK_DOUBLE ? 5 : 0xfd;
}

static void
mysql_row(const struct talk_value *v, unsigned i, bool binary)
{
	char text[32];
	double d = (double)v->number;
	uint64_t bits;

	memcpy(&bits, &d, 8);
	if (!binary) {
		snprintf(text, sizeof(text), "%u", i);
		put_lenenc(text);
		put_lenenc("Jane Doe");
		snprintf(text, sizeof(text), "%llu", (unsigned long long)v->number);
		put_lenenc(v->kind == TALK_TEXT || v->kind == TALK_NUMERIC ? v->text : text);
		return;
	}
	put("\0\0", 2);
	put_le(i, 4);
	put_lenenc("Jane Doe");
	if (v->kind == TALK_INT8)
		put_le(v->number, 8);
	else if (v->kind == TALK_DOUBLE)
		put_le(bits, 8);
	else
		put_lenenc(v->text);
}

void
talk_mysql_result(struct inspect_talk *t, const struct talk_value *v, unsigned n, bool binary,
		  bool deprecated)
{
	uint8_t sequence = 1;
	unsigned i;

	put_le(3, 1);
	mysql_packet(t, 1, sequence++);
	mysql_definition(t, &sequence, "id", 3);
	mysql_definition(t, &sequence, "name", 0xfd);
	mysql_definition(t, &sequence, "value", mysql_type(v));
	if (!deprecated) {
		put("\xfe\0\0\2\0", 5);
		mysql_packet(t, 1, sequence++);
	}
	for (i = 0; i < n; i++) {
		mysql_row(&v[i], i, binary);
		mysql_packet(t, 1, sequence++);
	}
	put("\xfe\0\0\2\0\0\0", deprecated ? 7 : 5);
	mysql_packet(t, 1, sequence++);
}

void
talk_mysql_bound(struct inspect_talk *t, const struct talk_value *v)
{
	double d = (double)v->number;
	uint64_t bits;

	memcpy(&bits, &d, 8);
	talk_mysql_command(t, 0x16, "INSERT INTO t VALUES (?)");
	put("\0\7\0\0\0\0\0\1\0\0\0\0", 12);
	mysql_packet(t, 1, 1);
	put("\x17\7\0\0\0\0\1\0\0\0\0\1", 12);
	put_le(mysql_type(v), 2);
	if (v->kind == TALK_INT8 || v->kind == TALK_DOUBLE)
		put_le(v->kind == TALK_INT8 ? v->number : bits, 8);
	else
		put_lenenc(v->text);
	mysql_packet(t, 0, 0);
}

/* ---- postgresql --------------------------------------------------------------------------------------- */

static void
pgsql_message(struct inspect_talk *t, unsigned side, char type)
{
	uint32_t len = (uint32_t)packet_len + 4;
	uint8_t head[5] = {(uint8_t)type, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
			   (uint8_t)(len >> 8), (uint8_t)len};

	talk_say(t, side, head + (type == 0), type == 0 ? 4 : 5);
	talk_say(t, side, packet, packet_len);
	packet_len = 0;
}

void
talk_pgsql_login(struct inspect_talk *t)
{
	put_be(80877103, 4);
	pgsql_message(t, 0, 0);
	talk_words(t, 1, "N");
	put_be(0x30000, 4);
	put("user\0jane\0\0", 11);
	pgsql_message(t, 0, 0);
	put_be(0, 4);
	pgsql_message(t, 1, 'R');
	put("I", 1);
	pgsql_message(t, 1, 'Z');
}

void
talk_pgsql_query(struct inspect_talk *t, const char *sql)
{
	put(sql, strlen(sql) + 1);
	pgsql_message(t, 0, 'Q');
}

void
talk_pgsql_bind(struct inspect_talk *t, const char *sql, const char *value, bool binary)
{
	put("s1", 3);
	put(sql, strlen(sql) + 1);
	put_be(0, 2);
	pgsql_message(t, 0, 'P');
	put("\0s1\0", 4);
	put_be(1, 2);
	put_be(0, 2);
	put_be(1, 2);
	put_be(strlen(value), 4);
	put(value, strlen(value));
	put_be(1, 2);
	put_be(binary, 2);
	pgsql_message(t, 0, 'B');
	put("\0\0\0\0\0", 5);
	pgsql_message(t, 0, 'E');
	pgsql_message(t, 0, 'S');
}

static void
pgsql_column(const char *name, uint32_t oid)
{
	put(name, strlen(name) + 1);
	put_be(0, 4);
	put_be(0, 2);
	put_be(oid, 4);
	put_be(0, 2);
	put_be(0, 4);
	put_be(0, 2);
}

static void
pgsql_value(const struct talk_value *v, bool binary)
{
	double d = (double)v->number;
	uint64_t bits, rest = v->number;
	uint16_t digit[5] = {0};
	unsigned n = 5;
	char text[32];

	memcpy(&bits, &d, 8);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)v->number);
	if (v->kind == TALK_TEXT || !binary) {
		const char *s = v->kind == TALK_TEXT ? v->text : text;

		put_be(strlen(s), 4);
		put(s, strlen(s));
	} else if (v->kind == TALK_NUMERIC) {
		for (; rest != 0; rest /= 10000)
			digit[--n] = (uint16_t)(rest % 10000);
		put_be(8 + 2 * (5 - n), 4);
		put_be(5 - n, 2);
		put_be(4 - n, 2);
		put_be(0, 4);
		for (; n < 5; n++)
			put_be(digit[n], 2);
	} else {
		put_be(8, 4);
		put_be(v->kind == TALK_INT8 ? v->number : bits, 8);
	}
}

void
talk_pgsql_bound(struct inspect_talk *t, const struct talk_value *v)
{
	static const char sql[] = "\0INSERT INTO t VALUES ($1)\0\0";

	put(sql, sizeof(sql));
	pgsql_message(t, 0, 'P');
	put("\0\0\0\1\0\1\0\1", 8);
	pgsql_value(v, true);
	put_be(0, 2);
	pgsql_message(t, 0, 'B');
	pgsql_message(t, 0, 'S');
}

void
talk_pgsql_result(struct inspect_talk *t, const struct talk_value *v, unsigned n, bool binary,
		  bool described)
{
	static const uint32_t oid[] = {25, 20, 701, 1700};
	unsigned i;

	put_be(3, 2);
	pgsql_column("id", 23);
	pgsql_column("name", 25);
	pgsql_column("value", oid[v->kind]);
	if (described)
		pgsql_message(t, 1, 'T');
	packet_len = 0;
	for (i = 0; i < n; i++) {
		put_be(3, 2);
		put_be(4, 4);
		put(binary ? "\0\0\0\7" : "1007", 4);
		put_be(8, 4);
		put("Jane Doe", 8);
		pgsql_value(&v[i], binary);
		pgsql_message(t, 1, 'D');
	}
	put("SELECT 1", 9);
	pgsql_message(t, 1, 'C');
	put("I", 1);
	pgsql_message(t, 1, 'Z');
}

/* ---- feeding ------------------------------------------------------------------------------------------ */

void
talk_feed_to(const struct inspect_talk *t, unsigned app, size_t cut,
	     const struct bh_inspect_ctx *ctx)
{
	unsigned i;

	CU_ASSERT_FATAL(bh_inspect_wire_knows(app));
	memset(&conn, 0x5a, sizeof(conn));
	bh_inspect_wire_open(&conn, app);
	for (i = 0; i < t->n; i++) {
		size_t pos = 0, n;

		for (; pos < t->turn[i].len; pos += n) {
			uint8_t *copy;

			n = t->turn[i].len - pos;
			n = cut != 0 && n > cut ? cut : n;
			/* a block of its size: a sanitizer sees what is read behind it */
			copy = malloc(n);
			CU_ASSERT_FATAL(copy != NULL);
			memcpy(copy, t->bytes + t->turn[i].at + pos, n);
			bh_inspect_wire_feed(&conn, ctx, t->turn[i].side, copy, n, false);
			free(copy);
		}
	}
	bh_inspect_wire_feed(&conn, ctx, 0, (const uint8_t *)"", 0, true);
	bh_inspect_wire_feed(&conn, ctx, 1, (const uint8_t *)"", 0, true);
	bh_inspect_wire_close(&conn, ctx);
}

uint64_t
talk_feed(const struct inspect_talk *t, unsigned app, size_t cut)
{
	struct inspect_rig *r = inspect_rig();

	talk_feed_to(t, app, cut, &r->ctx);
	return r->seen;
}

static unsigned
count_found(const struct inspect_talk *t, unsigned app)
{
	struct inspect_rig *r = inspect_rig();

	talk_feed_to(t, app, 0, &r->ctx);
	return r->n;
}

static void
each_result_is_a_message_of_its_own(void)
{
	static const struct talk_value card = {.kind = TALK_TEXT, .text = "4111111111111111"};
	struct inspect_talk *t = talk_new();
	unsigned i;

	talk_mysql_login(t, 0x000fa685);
	for (i = 0; i < 3; i++) {
		talk_mysql_command(t, 0x03, "select * from card");
		talk_mysql_result(t, &card, 1, false, true);
	}
	CU_ASSERT_EQUAL(count_found(t, BH_APP_MYSQL), 3);
	t = talk_new();
	talk_pgsql_login(t);
	for (i = 0; i < 3; i++) {
		talk_pgsql_query(t, "select * from card");
		talk_pgsql_result(t, &card, 1, false, true);
	}
	CU_ASSERT_EQUAL(count_found(t, BH_APP_POSTGRESQL), 3);
}

const struct bh_unit_test bh_suite_inspect_talk[] = {
	BH_TEST(each_result_is_a_message_of_its_own),
	BH_TEST_END,
};
