/* SQL Server: batches, parameters, rows and returned values are read, however packets and segments cut them. */
#include <string.h>

#include "inspect_talk.h"
#include "unit.h"

#define CARD "4111111111111111"
#define NUMBER UINT64_C(4111111111111111)

static uint8_t message[1 << 14];
static size_t len;

static void
put(const void *at, size_t n)
{
	CU_ASSERT_FATAL(len + n <= sizeof(message));
	memcpy(message + len, at, n);
	len += n;
}

static void
put_le(uint64_t v, unsigned n)
{
	while (n-- > 0) {
		put(&(uint8_t){(uint8_t)v}, 1);
		v >>= 8;
	}
}

static void
put_wide(const char *text)
{
	for (; *text != '\0'; text++)
		put_le((uint8_t)*text, 2);
}

/* Packets of 90 bytes: a message has many. */
static void
send(struct inspect_talk *t, unsigned side, uint8_t type)
{
	enum { PACKET = 90 };
	size_t pos = 0;

	do {
		size_t n = len - pos < PACKET ? len - pos : PACKET;
		uint8_t head[8] = {type, pos + n == len, 0, (uint8_t)(n + 8), 0, 0, 1, 0};

		talk_say(t, side, head, 8);
		talk_say(t, side, message + pos, n);
		pos += n;
	} while (pos < len);
	len = 0;
}

/* With the password's length, and without encryption of the log-in itself. */
static void
login(struct inspect_talk *t, unsigned password)
{
	put("\0\0\x06\0\x06\xff\x10\0\0\0\0\0", 12);
	send(t, 0, 0x12);
	put("\0\0\x06\0\x06\xff\x10\0\0\0\0\0", 12);
	send(t, 1, 0x04);
	put_le(94 + 2u * password, 4);
	put_le(0x74000004, 4);
	while (len < 44)
		put_le(0, 1);
	put_le(94, 2);
	put_le(password, 2);
	while (len < 94 + 2u * password)
		put_le(0xa5, 1);
	send(t, 0, 0x10);
	put("\xe3\x08\0\x01\x01"
	    "a\0\x01"
	    "b\0",
	    11);
	put("\xad\x0a\0\x01\x74\0\0\4\0\x10\0\0\0", 13);
	put("\xae\x04\x01\0\0\0\0\xff", 8);
	put("\xfd\0\0\0\0\0\0\0\0\0\0\0\0", 13);
	send(t, 1, 0x04);
}

void
talk_mssql_login(struct inspect_talk *t)
{
	login(t, 0);
}

static void
put_headers(void)
{
	put_le(22, 4);
	put_le(18, 4);
	put_le(2, 2);
	put_le(0, 8);
	put_le(1, 4);
}

void
talk_mssql_batch(struct inspect_talk *t, const char *sql)
{
	put_headers();
	put_wide(sql);
	send(t, 0, 0x01);
}

/* A parameter: a name, flags, a type and a value. */
static void
put_text(const char *name, const char *value, bool wide)
{
	put_le(strlen(name), 1);
	put_wide(name);
	put_le(0, 1);
	put_le(wide ? 0xe7 : 0xa7, 1);
	put_le(8000, 2);
	put("\x09\x04\xd0\0\x34", 5);
	put_le(strlen(value) * (wide ? 2 : 1), 2);
	if (wide)
		put_wide(value);
	else
		put(value, strlen(value));
}

void
talk_mssql_call(struct inspect_talk *t, const char *sql, const char *value, bool wide)
{
	put_headers();
	if (wide) {
		put_le(13, 2);
		put_wide("sp_executesql");
	} else {
		put_le(0xffff, 2);
		put_le(10, 2);
	}
	put_le(0, 2);
	put_text("", sql, true);
	put_text("", "@a nvarchar(100), @b int", true);
	put_text("@a", value, wide);
	put("\x02@\0b\0\0\x26\x04\x04\x07\0\0\0", 13);
	send(t, 0, 0x03);
}

/* The type of the value in a form, as a column has it. */
static void
put_type(unsigned form)
{
	static const uint8_t id[] = {0xe7, 0xa7, 0xe7, 0x26, 0x6c, 0x3e, 0x63, 0x62};

	put_le(id[form], 1);
	switch (form) {
	case 0:
	case 1:
		put_le(8000, 2);
		break;
	case 2:
		put_le(0xffff, 2);
		break;
	case 3:
		put_le(8, 1);
		return;
	case 4:
		put("\x09\x16\x02", 3);
		return;
	case 5:
		return;
	default:
		put_le(8000, 4);
	}
	if (form != 7)
		put("\x09\x04\xd0\0\x34", 5);
	/* of a long one, the table */
	if (form == 6) {
		put_le(2, 1);
		put_le(3, 2), put_wide("dbo");
		put_le(4, 2), put_wide("card");
	}
}

static void
put_value(const struct talk_value *v, unsigned form)
{
	size_t n = strlen(v->text), half = n / 2;
	double d = (double)v->number;

	switch (form) {
	case 0:
		put_le(2 * n, 2);
		put_wide(v->text);
		break;
	case 1:
		put_le(n, 2);
		put(v->text, n);
		break;
	case 2: /* two chunks, cut within a character */
		put_le(UINT64_MAX - 1, 8);
		put_le(2 * half + 1, 4);
		put_wide(v->text);
		memmove(message + len - (2 * n - 2 * half - 1) + 4,
			message + len - (2 * n - 2 * half - 1), 2 * n - 2 * half - 1);
		len -= 2 * n - 2 * half - 1;
		put_le(2 * n - 2 * half - 1, 4);
		len += 2 * n - 2 * half - 1;
		put_le(0, 4);
		break;
	case 3:
		put_le(8, 1);
		put_le(v->number, 8);
		break;
	case 4:
		put_le(9, 1);
		put_le(1, 1);
		put_le(v->number * 100, 8);
		break;
	case 5:
		put(&d, 8);
		break;
	case 6:
		put_le(16, 1);
		put("dummy textptr\0\0\0dummyTS\0", 24);
		put_le(2 * n, 4);
		put_wide(v->text);
		break;
	default:
		put_le(2 + 7 + 2 * n, 4);
		put("\xe7\x07\x09\x04\xd0\0\x34\xff\xff", 9);
		put_wide(v->text);
	}
}

static void
put_column(const char *name)
{
	put_le(strlen(name), 1);
	put_wide(name);
}

void
talk_mssql_result(struct inspect_talk *t, const struct talk_value *v, unsigned form, bool bitmap)
{
	put_le(0x81, 1);
	put_le(4, 2);
	put("\0\0\0\0\x09\0\x38", 7), put_column("id");
	put("\0\0\0\0\x09\0\x24\x10", 8), put_column("guid");
	put("\0\0\0\0\x09\0", 6), put_type(form), put_column("value");
	put("\0\0\0\0\x09\0\x28", 7), put_column("day");
	put_le(bitmap ? 0xd2 : 0xd1, 1);
	if (bitmap)
		put_le(0x0a, 1); /* no guid, no day */
	put_le(41111111, 4);
	if (!bitmap)
		put_le(0, 1);
	put_value(v, form);
	if (!bitmap)
		put("\x03"
		    "abc",
		    4);
	put("\xfd\x10\0\xc1\0\1\0\0\0\0\0\0\0", 13);
	send(t, 1, 0x04);
}

/* ---- claims ------------------------------------------------------------------------------------------ */

static const struct talk_value card = {.text = CARD, .number = NUMBER};

static void
a_value_is_read_in_every_type(void)
{
	unsigned form, bitmap;
	size_t cut;

	for (form = 0; form < TALK_MSSQL_FORMS; form++) {
		for (bitmap = 0; bitmap < 2; bitmap++) {
			struct inspect_talk *t = talk_new();

			talk_mssql_login(t);
			talk_mssql_batch(t, "select * from card");
			talk_mssql_result(t, &card, form, bitmap);
			for (cut = 0; cut <= 100; cut++)
				CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MSSQL, cut),
						BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
		}
	}
}

static void
a_parameter_and_its_statement_are_read(void)
{
	static const char bad[] = "SELECT a FROM t WHERE b = @a OR c = 7 OR 1=1";
	size_t cut;
	unsigned wide;

	for (wide = 0; wide < 2; wide++) {
		struct inspect_talk *t = talk_new();

		talk_mssql_login(t);
		talk_mssql_call(t, bad, CARD, wide);
		for (cut = 0; cut <= 100; cut++)
			CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MSSQL, cut),
					BH_INSPECT_BIT(BH_INSPECT_DLP_CARD) |
						BH_INSPECT_BIT(BH_INSPECT_SQLI));
		/* what is bound is no part of the statement */
		t = talk_new();
		talk_mssql_login(t);
		talk_mssql_call(t, "SELECT a FROM t WHERE b = @a", "7 OR 1=1", wide);
		for (cut = 0; cut <= 100; cut++)
			CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MSSQL, cut), 0);
	}
}

static void
what_was_injected_into_a_batch_is_seen(void)
{
	struct inspect_talk *t = talk_new();
	size_t cut;

	talk_mssql_login(t);
	talk_mssql_batch(t, "SELECT a FROM items WHERE id=1; EXEC master..xp_cmdshell 'whoami'");
	for (cut = 0; cut <= 100; cut++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MSSQL, cut), BH_INSPECT_BIT(BH_INSPECT_SQLI));
}

static void
an_error_is_read_and_what_follows_it(void)
{
	static const char text[] = "Duplicate key (" CARD ").";
	struct inspect_talk *t = talk_new();
	size_t cut;

	talk_mssql_login(t);
	talk_mssql_batch(t, "insert into card values (1)");
	put_le(0xaa, 1);
	put_le(4 + 1 + 1 + 2 + 2 * strlen(text) + 1 + 2 + 1 + 4, 2);
	put_le(2627, 4);
	put_le(1, 1), put_le(14, 1);
	put_le(strlen(text), 2), put_wide(text);
	put_le(1, 1), put_wide("s"), put_le(0, 1), put_le(1, 4);
	put("\xfd\x02\0\0\0\0\0\0\0\0\0\0\0", 13);
	send(t, 1, 0x04);
	for (cut = 0; cut <= 100; cut++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MSSQL, cut),
				BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
}

/* What only the log-in is encrypted for: records stand between the packets. */
static void
records_of_tls_are_passed_over(void)
{
	struct inspect_talk *t = talk_new();
	size_t cut;

	put("\0\0\x06\0\x06\xff\x10\0\0\0\0\0", 12);
	send(t, 0, 0x12);
	talk_say(t, 0, "\x17\3\3\0\x14 " CARD " ..", 25);
	talk_mssql_batch(t, "select 1");
	talk_mssql_result(t, &card, 0, false);
	for (cut = 0; cut <= 100; cut++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MSSQL, cut),
				BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
	t = talk_new();
	talk_say(t, 0, "\x17\3\3\0\x14 " CARD " ..", 25);
	for (cut = 0; cut <= 100; cut++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MSSQL, cut), 0);
}

static void
a_password_in_a_plain_log_in_is_told(void)
{
	struct inspect_talk *t = talk_new();
	size_t cut;

	login(t, 8);
	for (cut = 0; cut <= 100; cut++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MSSQL, cut),
				BH_INSPECT_BIT(BH_INSPECT_DLP_PASSWORD));
}

static void
each_reply_is_a_message_of_its_own(void)
{
	struct inspect_talk *t = talk_new();
	struct inspect_rig *r = inspect_rig();
	unsigned i;

	talk_mssql_login(t);
	for (i = 0; i < 4; i++) {
		talk_mssql_batch(t, "select * from card");
		talk_mssql_result(t, &card, i, i & 1);
	}
	talk_feed_to(t, BH_APP_MSSQL, 0, &r->ctx);
	CU_ASSERT_EQUAL(r->n, 4);
}

const struct bh_unit_test bh_suite_inspect_mssql[] = {
	BH_TEST(a_value_is_read_in_every_type),
	BH_TEST(a_parameter_and_its_statement_are_read),
	BH_TEST(what_was_injected_into_a_batch_is_seen),
	BH_TEST(an_error_is_read_and_what_follows_it),
	BH_TEST(records_of_tls_are_passed_over),
	BH_TEST(a_password_in_a_plain_log_in_is_told),
	BH_TEST(each_reply_is_a_message_of_its_own),
	BH_TEST_END,
};
