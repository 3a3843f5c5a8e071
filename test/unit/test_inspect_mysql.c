/* MySQL: what is bound to statements, compressed packets, and what real clients and servers said. */
#include <zlib.h>
#include <zstd.h>

#include "inspect_recorded_mysql.h"
#include "inspect_talk.h"
#include "unit.h"

#define CARD "4111111111111111"
#define NUMBER UINT64_C(4111111111111111)
#define CAPS 0x000fa685u
#define ATTRIBUTES (1u << 27)
#define COMPRESS 0x20u
#define ZSTD (1u << 26)

static const size_t cuts[] = {0, 1, 2, 3, 5, 7, 13, 100};

static uint8_t bytes[8192];
static size_t used;

static void
put(const void *at, size_t len)
{
	CU_ASSERT_FATAL(used + len <= sizeof(bytes));
	memcpy(bytes + used, at, len);
	used += len;
}

static void
le(uint64_t v, unsigned n)
{
	while (n-- > 0) {
		put(&(uint8_t){(uint8_t)v}, 1);
		v >>= 8;
	}
}

static void
text(const char *s)
{
	le(strlen(s), 1);
	put(s, strlen(s));
}

/* What has been put is a packet. */
static void
packet(struct inspect_talk *t, unsigned side, uint8_t sequence)
{
	uint8_t head[4] = {(uint8_t)used, (uint8_t)(used >> 8), 0, sequence};

	talk_say(t, side, head, 4);
	talk_say(t, side, bytes, used);
	used = 0;
}

static void
prepared(struct inspect_talk *t, uint32_t id, uint16_t n)
{
	talk_mysql_command(t, 0x16, "insert into t values (?)");
	le(0, 1), le(id, 4), le(0, 2), le(n, 2), le(0, 1), le(0, 2);
	packet(t, 1, 1);
}

/* Number, flags, iterations, one byte of NULLs. */
static void
execute(uint32_t id, uint8_t nulls, bool told)
{
	le(0x17, 1), le(id, 4), le(0, 1), le(1, 4);
	le(nulls, 1), le(told, 1);
}

static void
ok(struct inspect_talk *t)
{
	put("\0\1\0\2\0\0\0", 7);
	packet(t, 1, 1);
}

/* Everywhere it is cut. */
static bool
sees(const struct inspect_talk *t, uint64_t classes)
{
	unsigned k, right = 0;

	for (k = 0; k < BH_ARRAY_SIZE(cuts); k++)
		right += talk_feed(t, BH_APP_MYSQL, cuts[k]) == classes;
	return right == BH_ARRAY_SIZE(cuts);
}

static uint64_t
bits_of(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, 8);
	return bits;
}

/* A date, then the value in a form of its own. */
static void
bind(unsigned form)
{
	static const uint16_t types[] = {0x8008, 0x0008, 0x0005, 0x00fe, 0x00f6};

	le(12, 2), le(types[form], 2);
	put("\x07\xea\x07\x0b\x16\x04\x0b\x0b", 8);
	if (form <= 1)
		le(NUMBER, 8);
	else if (form == 2)
		le(bits_of((double)NUMBER), 8);
	else
		text(CARD);
}

static void
what_is_bound_is_read(void)
{
	unsigned form;

	for (form = 0; form < 5; form++) {
		struct inspect_talk *t = talk_new();

		talk_mysql_login(t, CAPS);
		prepared(t, 7, 2);
		execute(7, 0, true);
		bind(form);
		packet(t, 0, 0);
		CU_ASSERT(sees(t, BH_INSPECT_BIT(BH_INSPECT_DLP_CARD)));
	}
}

/* Sets of values, each with a byte that says whether it is there; types with the first ones. */
static void
what_is_bound_in_bulk_is_read(void)
{
	unsigned told, place;

	for (place = 0; place < 3; place++) {
		struct inspect_talk *t = talk_new();

		talk_mysql_login(t, CAPS);
		prepared(t, 7, 2);
		for (told = 1; told < 2; told--) {
			le(250, 1), le(7, 4), le(told ? 128 : 0, 2);
			if (told)
				le(0x8008, 2), le(0x00fe, 2);
			le(0, 1), le(7, 8), le(1, 1);
			le(place == 2, 1);
			if (place != 2)
				le(!told && place == 0 ? NUMBER : 5, 8);
			le(0, 1);
			text(!told && place > 0 ? CARD : "x");
			packet(t, 0, 0);
			ok(t);
		}
		CU_ASSERT(sees(t, BH_INSPECT_BIT(BH_INSPECT_DLP_CARD)));
	}
}

/* Types are told once; which statement it is, says which. */
static void
types_are_kept_for_executions_to_come(void)
{
	struct inspect_talk *t = talk_new();
	unsigned i;

	talk_mysql_login(t, CAPS);
	for (i = 1; i <= 3; i++) {
		prepared(t, i, 1);
		execute(i, 0, true);
		le(i == 2 ? 8 : 3, 2), le(1, i == 2 ? 8 : 4);
		packet(t, 0, 0), ok(t);
	}
	execute(3, 0, false);
	le(1, 4);
	packet(t, 0, 0), ok(t);
	CU_ASSERT(sees(t, 0));
	execute(2, 0, false);
	le(NUMBER, 8);
	packet(t, 0, 0), ok(t);
	CU_ASSERT(sees(t, BH_INSPECT_BIT(BH_INSPECT_DLP_CARD)));
}

/* The second one is NULL, the third was sent alone. */
static void
what_is_not_among_the_values_is_passed_over(void)
{
	struct inspect_talk *t = talk_new();

	talk_mysql_login(t, CAPS);
	prepared(t, 9, 4);
	le(0x18, 1), le(9, 4), le(2, 2);
	put("long text", 9);
	packet(t, 0, 0);
	execute(9, 2, true);
	le(3, 2), le(8, 2), le(0xfc, 2), le(8, 2);
	le(5, 4), le(NUMBER, 8);
	packet(t, 0, 0);
	CU_ASSERT(sees(t, BH_INSPECT_BIT(BH_INSPECT_DLP_CARD)));
}

/* A statement whose preparation was not seen: its texts are, and that its numbers are not is told. */
static void
values_without_types_are_told(void)
{
	static struct bh_inspect_wire conn;
	struct inspect_rig *r;
	struct inspect_talk *t = talk_new();
	unsigned i, side;

	talk_mysql_login(t, CAPS);
	execute(4, 0, false);
	le(NUMBER, 8), text("jane.doe@example.com");
	packet(t, 0, 0);
	CU_ASSERT(sees(t, BH_INSPECT_BIT(BH_INSPECT_DLP_EMAIL)));
	r = inspect_rig();
	bh_inspect_wire_open(&conn, BH_APP_MYSQL);
	for (i = 0; i < t->n; i++)
		bh_inspect_wire_feed(&conn, &r->ctx, t->turn[i].side, t->bytes + t->turn[i].at,
				     t->turn[i].len, false);
	CU_ASSERT(r->unread);
	for (side = 0; side < 2; side++)
		bh_inspect_wire_feed(&conn, &r->ctx, side, (const uint8_t *)"", 0, true);
	bh_inspect_wire_close(&conn, &r->ctx);
}

/* CLIENT_QUERY_ATTRIBUTES: values with names, before the statement. */
static void
attributes_of_a_query_are_read_and_so_is_the_query(void)
{
	static const char attack[] = "SELECT * FROM users WHERE name = 'admin'-- ' AND pass = 'x'";
	struct inspect_talk *t = talk_new();

	talk_mysql_login(t, CAPS | ATTRIBUTES);
	le(3, 1), le(2, 1), le(1, 1), le(0, 1), le(1, 1);
	le(8, 2), text("n"), le(0xfe, 2), text("trace");
	le(NUMBER, 8), text("00-ab");
	put(attack, strlen(attack));
	packet(t, 0, 0);
	CU_ASSERT(sees(t, BH_INSPECT_BIT(BH_INSPECT_DLP_CARD) | BH_INSPECT_BIT(BH_INSPECT_SQLI)));
	t = talk_new();
	talk_mysql_login(t, CAPS | ATTRIBUTES);
	le(3, 1), le(0, 1), le(1, 1);
	put(attack, strlen(attack));
	packet(t, 0, 0);
	CU_ASSERT(sees(t, BH_INSPECT_BIT(BH_INSPECT_SQLI)));
}

/* ---- compressed ---------------------------------------------------------------------------------------- */

/* What side says from turn `from` on, compressed in pieces of `piece` bytes. */
static void
pack(struct inspect_talk *out, const struct inspect_talk *in, unsigned from, size_t piece,
     bool zstd)
{
	static uint8_t z[1 << 16];
	unsigned i, sequence = 0;

	for (i = 0; i < in->n; i++) {
		const uint8_t *at = in->bytes + in->turn[i].at;
		size_t left = in->turn[i].len, n;

		for (; i >= from && left > 0; at += n, left -= n) {
			uLongf len = sizeof(z);
			uint8_t head[7] = {0};

			n = left < piece ? left : piece;
			if (zstd)
				len = ZSTD_compress(z, sizeof(z), at, n, 3);
			else
				CU_ASSERT_EQUAL_FATAL(compress2(z, &len, at, n, 9), Z_OK);
			if (n < 50)
				len = n, memcpy(z, at, n);
			head[0] = (uint8_t)len, head[1] = (uint8_t)(len >> 8);
			head[3] = (uint8_t)sequence++;
			if (n >= 50)
				head[4] = (uint8_t)n, head[5] = (uint8_t)(n >> 8);
			talk_say(out, in->turn[i].side, head, 7);
			talk_say(out, in->turn[i].side, z, len);
		}
		talk_say(out, in->turn[i].side, at, left);
	}
}

/* A log-in, a statement with an injection, a row with a card. */
static struct inspect_talk *
packed_talk(uint32_t caps, size_t piece)
{
	static const struct talk_value card = {.kind = TALK_TEXT, .text = CARD};
	static struct inspect_talk plain, packed;
	struct inspect_talk *t = talk_new();
	unsigned from;

	talk_mysql_login(t, caps);
	from = t->n;
	talk_mysql_command(t, 0x03, "SELECT * FROM t WHERE name = 'a rather long name' OR 1=1-- '");
	talk_mysql_result(t, &card, 1, false, true);
	plain = *t;
	packed.n = packed.used = 0;
	pack(&packed, &plain, from, piece, (caps & COMPRESS) == 0);
	return &packed;
}

static void
compressed_packets_are_read_however_they_are_cut(void)
{
	static const size_t pieces[] = {1 << 15, 200, 61, 40, 3};
	unsigned i, k;

	for (i = 0; i < BH_ARRAY_SIZE(pieces); i++)
		for (k = 0; k < 2; k++)
			CU_ASSERT(sees(packed_talk(CAPS | (k == 0 ? COMPRESS : ZSTD), pieces[i]),
				       BH_INSPECT_BIT(BH_INSPECT_DLP_CARD) |
					       BH_INSPECT_BIT(BH_INSPECT_SQLI)));
	CU_ASSERT_EQUAL(inspect_rig()->taken, 0);
}

static bool
is_told(const struct inspect_talk *t, bool memory)
{
	static struct bh_inspect_wire conn;
	struct inspect_rig *r = inspect_rig();
	unsigned i;
	bool told;

	if (!memory)
		r->ctx.memory = NULL;
	bh_inspect_wire_open(&conn, BH_APP_MYSQL);
	for (i = 0; i < t->n; i++)
		bh_inspect_wire_feed(&conn, &r->ctx, t->turn[i].side, t->bytes + t->turn[i].at,
				     t->turn[i].len, false);
	told = r->unread && conn.opaque;
	bh_inspect_wire_close(&conn, &r->ctx);
	CU_ASSERT_EQUAL(r->taken, 0);
	return told;
}

/* No memory, broken: the caller has to know that it was not looked into. */
static void
what_cannot_be_unpacked_is_told(void)
{
	struct inspect_talk *t;

	CU_ASSERT(!is_told(packed_talk(CAPS | COMPRESS, 400), true));
	CU_ASSERT(!is_told(packed_talk(CAPS | ZSTD, 400), true));
	CU_ASSERT(is_told(packed_talk(CAPS | ZSTD, 400), false));
	CU_ASSERT(!is_told(packed_talk(CAPS | ZSTD | COMPRESS, 400), true));
	CU_ASSERT(is_told(packed_talk(CAPS | COMPRESS, 400), false));
	t = packed_talk(CAPS | COMPRESS, 400);
	t->bytes[t->turn[t->n - 1].at + 9] ^= 0x40;
	CU_ASSERT(is_told(t, true));
}

/* ---- recorded ------------------------------------------------------------------------------------------ */

static uint64_t
replay(const struct recorded *r, size_t cut, unsigned *n)
{
	struct inspect_rig *rig = inspect_rig();

	talk_feed_to(talk_recorded(r), BH_APP_MYSQL, cut, &rig->ctx);
	*n = rig->n;
	return rig->seen;
}

static void
what_a_real_client_and_server_said_is_read(void)
{
	unsigned k, n;

	for (k = 0; k < BH_ARRAY_SIZE(cuts); k++) {
		CU_ASSERT_EQUAL(replay(mariadb_inserts, cuts[k], &n),
				BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
		CU_ASSERT_EQUAL(n, 2);
		CU_ASSERT_EQUAL(replay(mariadb_selects, cuts[k], &n),
				BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
		CU_ASSERT_EQUAL(n, 3);
		CU_ASSERT_EQUAL(replay(mariadb_inserts_packed, cuts[k], &n),
				BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
		CU_ASSERT_EQUAL(n, 2);
		CU_ASSERT_EQUAL(replay(mariadb_selects_packed, cuts[k], &n),
				BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
		CU_ASSERT_EQUAL(n, 3);
	}
}

/* MariaDB passes over what it did not offer, and goes on in the clear. */
static void
a_client_alone_encrypts_nothing(void)
{
	struct inspect_talk *t = talk_new();

	le(10, 1);
	put("8.0.35", 7);
	put("\1\0\0\0abcdefgh\0\x85\xa6\x21\2\0\x0f\0\x15", 21);
	put("\0\0\0\0\0\0\0\0\0\0ijklmnopqrst", 23);
	packet(t, 1, 0);
	le(CAPS | 0x800, 4);
	put("\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 28);
	put("root\0\0shop", 11);
	packet(t, 0, 1);
	ok(t);
	talk_mysql_command(t, 3, "insert into t values (" CARD ")");
	CU_ASSERT(sees(t, BH_INSPECT_BIT(BH_INSPECT_DLP_CARD)));
}

const struct bh_unit_test bh_suite_inspect_mysql[] = {
	BH_TEST(a_client_alone_encrypts_nothing),
	BH_TEST(what_is_bound_is_read),
	BH_TEST(what_is_bound_in_bulk_is_read),
	BH_TEST(types_are_kept_for_executions_to_come),
	BH_TEST(what_is_not_among_the_values_is_passed_over),
	BH_TEST(values_without_types_are_told),
	BH_TEST(attributes_of_a_query_are_read_and_so_is_the_query),
	BH_TEST(compressed_packets_are_read_however_they_are_cut),
	BH_TEST(what_cannot_be_unpacked_is_told),
	BH_TEST(what_a_real_client_and_server_said_is_read),
	BH_TEST_END,
};
