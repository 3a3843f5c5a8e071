/* Decoders of databases: what their statements and results carry is seen, however it is cut. */
#include "inspect_talk.h"
#include "unit.h"

#define CARD "4111111111111111"
#define NUMBER UINT64_C(4111111111111111)

static const size_t cuts[] = {0, 1, 2, 3, 5, 7, 13, 100};

static const struct talk_value values[] = {
	{.kind = TALK_TEXT, .text = CARD},
	{.kind = TALK_INT8, .number = NUMBER, .text = CARD},
	{.kind = TALK_DOUBLE, .number = NUMBER, .text = CARD},
	{.kind = TALK_NUMERIC, .number = NUMBER, .text = CARD},
};

static void
a_row_of_mysql_is_read_in_text_and_binary(void)
{
	unsigned i, k, form;

	for (i = 0; i < BH_ARRAY_SIZE(values); i++) {
		for (form = 0; form < 4; form++) {
			struct inspect_talk *t = talk_new();

			talk_mysql_login(t, 0x000fa685);
			talk_mysql_command(t, form & 1 ? 0x17 : 0x03, "select * from card");
			talk_mysql_result(t, &values[i], 1, form & 1, form & 2);
			for (k = 0; k < BH_ARRAY_SIZE(cuts); k++)
				CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MYSQL, cuts[k]),
						BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
		}
	}
}

static void
a_row_of_postgresql_is_read_in_text_and_binary(void)
{
	unsigned i, k, form;

	for (i = 0; i < BH_ARRAY_SIZE(values); i++) {
		for (form = 0; form < 3; form++) {
			struct inspect_talk *t = talk_new();

			talk_pgsql_login(t);
			talk_pgsql_bind(t, "select * from card where id = $1", "7", form > 0);
			talk_pgsql_result(t, &values[i], 1, form > 0,
					  form < 2 || values[i].kind > TALK_INT8);
			for (k = 0; k < BH_ARRAY_SIZE(cuts); k++)
				CU_ASSERT_EQUAL(talk_feed(t, BH_APP_POSTGRESQL, cuts[k]),
						BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
		}
	}
}

/* 48 to 57 bytes of value: the length before it is a digit in ASCII. */
static void
a_length_is_no_part_of_the_value(void)
{
	static const struct talk_value v = {.kind = TALK_TEXT,
					    .text = CARD " belongs to Jane, of Acme Limited."};
	struct inspect_talk *t = talk_new();

	CU_ASSERT(strlen(v.text) >= 48 && strlen(v.text) <= 57);
	talk_mysql_login(t, 0x000fa685);
	talk_mysql_command(t, 0x03, "select 1");
	talk_mysql_result(t, &v, 1, false, true);
	CU_ASSERT(SAW(talk_feed(t, BH_APP_MYSQL, 0), DLP_CARD));
	t = talk_new();
	talk_pgsql_login(t);
	talk_pgsql_query(t, "select 1");
	talk_pgsql_result(t, &v, 1, false, true);
	CU_ASSERT(SAW(talk_feed(t, BH_APP_POSTGRESQL, 0), DLP_CARD));
}

/* Two values that are a card number only together. */
static void
values_of_two_columns_are_not_one(void)
{
	static const struct talk_value v[] = {{.kind = TALK_TEXT, .text = "4111111111"},
					      {.kind = TALK_TEXT, .text = "111111"}};
	struct inspect_talk *t = talk_new();

	talk_mysql_login(t, 0x000fa685);
	talk_mysql_command(t, 0x03, "select 1");
	talk_mysql_result(t, v, 2, false, true);
	CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MYSQL, 0), 0);
	CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MYSQL, 1), 0);
}

/* ---- statements --------------------------------------------------------------------------------------- */

static const char *const injected[] = {
	"SELECT * FROM users WHERE name = '' OR '1'='1' AND pass = ''",
	"SELECT * FROM users WHERE name = 'admin'-- ' AND pass = 'x'",
	"SELECT * FROM users WHERE name = 'admin' OR 1=1#' AND pass = 'x'",
	"SELECT * FROM items WHERE id = 7 OR 1=1",
	"SELECT * FROM items WHERE id = 7 OR 2 > 1 LIMIT 1",
	"SELECT a FROM items WHERE id = -1 UNION SELECT table_name FROM information_schema.tables",
	"SELECT a FROM items WHERE id = '1' UNION ALL SELECT NULL,NULL,NULL-- '",
	"SELECT a FROM items WHERE id = 1 UNION SELECT user FROM mysql.user",
	"SELECT a FROM items WHERE id = 1 AND SLEEP(5)",
	"SELECT a FROM items WHERE id = 1 AND (SELECT 1 FROM (SELECT(SLEEP(5)))x)",
	"SELECT a FROM items WHERE id = '1'; DROP TABLE items; -- '",
	"SELECT a FROM items WHERE id = 1 AND extractvalue(1, concat(0x7e, version()))",
	"SELECT '<?php eval($_GET[1]);?>' INTO OUTFILE '/var/www/html/a.php'",
	"SELECT a FROM items WHERE id=1; EXEC master..xp_cmdshell 'whoami'",
	"SELECT a FROM items WHERE id = '1'; SELECT pg_sleep(10)--'",
	"SELECT a FROM items WHERE id = 1 WAITFOR DELAY '0:0:5'",
	"COPY t FROM PROGRAM 'id'",
};

static const char *const ordinary[] = {
	"SELECT * FROM users WHERE 1=1 AND name = 'x' OR name = 'y'",
	"SELECT * FROM users WHERE name = 'O''Brien' OR name = 'D''Arcy'",
	"SELECT * FROM users -- the user's own rows\nWHERE id = 7",
	"SELECT * FROM users WHERE id = 7 -- don't cache",
	"SELECT a FROM t WHERE a = 1 UNION SELECT b FROM u WHERE b = 2",
	"SELECT a FROM information_schema.tables UNION ALL SELECT a FROM information_schema.views",
	"SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = 1 UNION SELECT 'x'",
	"SELECT 1",
	"SELECT SLEEP(1)",
	"SELECT pg_sleep(0.1)",
	"SELECT * FROM t WHERE (city = 'all' OR 'all' = 'all')",
	"SELECT * FROM t INTO OUTFILE '/tmp/t.csv'",
	"INSERT INTO log (text) VALUES ('a'' OR 1=1 --')",
	"INSERT INTO post VALUES (7, 'union select password from mysql.user; drop table x--')",
	"BEGIN; UPDATE a SET b = 1 WHERE c = 2; DELETE FROM d WHERE e = 3; COMMIT;",
	"SET NAMES utf8mb4",
	"CREATE TABLE t (a int default 0, b varchar(9) not null)",
	"SELECT count(*) FROM t WHERE a > 1 OR b > 2 OR c = 'x' GROUP BY d HAVING count(*) > 3",
	"/* app:web,route:'/a' */ SELECT 1",
	"SELECT a FROM t WHERE b = 1 /*traceparent='00-ab-cd-01'*/",
	"COPY t FROM STDIN",
};

static void
what_was_injected_into_a_statement_is_seen(void)
{
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(injected); i++) {
		struct inspect_rig *r = inspect_rig();

		bh_inspect_statement(&r->ctx, (const uint8_t *)injected[i], strlen(injected[i]),
				     true);
		CU_ASSERT(SAW(r->seen, SQLI));
		if (!SAW(r->seen, SQLI))
			fprintf(stderr, "missed: %s\n", injected[i]);
	}
}

static void
ordinary_statements_are_no_attack(void)
{
	unsigned i, mysql;

	for (i = 0; i < BH_ARRAY_SIZE(ordinary); i++) {
		for (mysql = 0; mysql < 2; mysql++) {
			struct inspect_rig *r = inspect_rig();

			bh_inspect_statement(&r->ctx, (const uint8_t *)ordinary[i],
					     strlen(ordinary[i]), mysql);
			CU_ASSERT_EQUAL(r->seen, 0);
			if (r->seen != 0)
				fprintf(stderr, "false alarm: %s\n", ordinary[i]);
		}
	}
}

/* Behind more tokens than are judged at once. */
static void
an_injection_far_behind_is_seen(void)
{
	static char text[14000];
	struct inspect_rig *r = inspect_rig();
	size_t n = (size_t)snprintf(text, sizeof(text), "SELECT a FROM t WHERE b IN (0");
	unsigned i;

	for (i = 0; i < 1500; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",'%u'", i);
	snprintf(text + n, sizeof(text) - n, ") AND c = 1 OR 1=1");
	bh_inspect_statement(&r->ctx, (const uint8_t *)text, strlen(text), true);
	CU_ASSERT(SAW(r->seen, SQLI));
	text[strlen(text) - 6] = '\0';
	r = inspect_rig();
	bh_inspect_statement(&r->ctx, (const uint8_t *)text, strlen(text), true);
	CU_ASSERT_EQUAL(r->seen, 0);
}

/* The statement sent to MySQL with the padding at each of its gaps, one after the other. */
static unsigned
padded(const char *statement, const char *unit, size_t size)
{
	static char text[80000];
	unsigned missed = 0;
	const char *gap;

	for (gap = strchr(statement, '~'); gap != NULL; gap = strchr(gap + 1, '~')) {
		struct inspect_talk *t = talk_new();
		const char *p;
		size_t n = 0, i;

		for (p = statement; *p != '\0'; p++) {
			if (*p != '~')
				text[n++] = *p;
			else
				for (i = 0; p == gap && i + strlen(unit) <= size; i += strlen(unit))
					n += (size_t)sprintf(text + n, "%s", unit);
		}
		text[n] = '\0';
		talk_mysql_login(t, 0x000fa685);
		talk_mysql_command(t, 0x03, text);
		missed += !(talk_feed(t, BH_APP_MYSQL, 0) & BH_INSPECT_BIT(BH_INSPECT_SQLI));
	}
	return missed;
}

static void
padding_hides_no_injection(void)
{
	static const char tail[] = "SELECT a FROM t WHERE b = 'x'~ OR~ 1~ =~ 1~ AND c = 'y'";
	static const char inside[] = "SELECT a FROM t WHERE b = '~x' OR 1=1 AND c = '~y'";
	static const char comment[] = "SELECT a FROM t WHERE b = 'x'~ UNION~ SELECT~ c FROM "
				      "information_schema.tables WHERE d = 1";
	static const char cut[] = "SELECT a FROM t WHERE b = 'x'~ -- ~' AND c = 1";
	size_t size;

	for (size = 15000; size < 60000; size += 9973) {
		CU_ASSERT_EQUAL(padded(tail, " ", size), 0);
		CU_ASSERT_EQUAL(padded(tail, "/* it's */", size), 0);
		CU_ASSERT_EQUAL(padded(tail, "\n", size), 0);
		CU_ASSERT_EQUAL(padded(inside, "a", size), 0);
		CU_ASSERT_EQUAL(padded(inside, "\\'", size), 0);
		CU_ASSERT_EQUAL(padded(inside, "''", size), 0);
		CU_ASSERT_EQUAL(padded(comment, "/*x*/", size), 0);
		CU_ASSERT_EQUAL(padded(cut, "\t", size), 0);
	}
}

/* A long statement is no injection: values by the thousand, texts with quotes and signs of comments in them. */
static void
a_long_statement_is_no_attack(void)
{
	static char text[70000];
	unsigned i;
	size_t n = (size_t)sprintf(text, "INSERT INTO t (a, b, c) VALUES (0, 'x', 1)");

	for (i = 0; n < 60000; i++)
		n += (size_t)sprintf(text + n, ",\n (%u, 'it''s -- or 1=1 /* %u', 1=1)", i, i);
	{
		struct inspect_talk *t = talk_new();

		talk_mysql_login(t, 0x000fa685);
		talk_mysql_command(t, 0x03, text);
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MYSQL, 0) & BH_INSPECT_BIT(BH_INSPECT_SQLI), 0);
	}
}

/* Words alone give no place to go on from but themselves. */
static void
a_row_of_words_hides_no_injection(void)
{
	static char text[8000];
	struct inspect_rig *r = inspect_rig();
	size_t n = (size_t)sprintf(text, "SELECT a FROM t WHERE ");
	unsigned i;

	for (i = 0; i < 1200; i++)
		n += (size_t)sprintf(text + n, "NOT ");
	sprintf(text + n, "b = 'x' OR 1=1");
	bh_inspect_statement(&r->ctx, (const uint8_t *)text, strlen(text), true);
	CU_ASSERT(SAW(r->seen, SQLI));
}

static void
statements_are_found_in_their_protocols(void)
{
	struct inspect_talk *t = talk_new();
	unsigned k;

	talk_mysql_login(t, 0x000fa685);
	talk_mysql_command(t, 0x03, injected[1]);
	talk_mysql_result(t, &(struct talk_value){.kind = TALK_TEXT, .text = "x"}, 1, false, true);
	for (k = 0; k < BH_ARRAY_SIZE(cuts); k++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MYSQL, cuts[k]),
				BH_INSPECT_BIT(BH_INSPECT_SQLI));
	t = talk_new();
	talk_pgsql_login(t);
	talk_pgsql_query(t, injected[0]);
	for (k = 0; k < BH_ARRAY_SIZE(cuts); k++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_POSTGRESQL, cuts[k]),
				BH_INSPECT_BIT(BH_INSPECT_SQLI));
	t = talk_new();
	talk_pgsql_login(t);
	talk_pgsql_bind(t, injected[3], CARD, false);
	for (k = 0; k < BH_ARRAY_SIZE(cuts); k++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_POSTGRESQL, cuts[k]),
				BH_INSPECT_BIT(BH_INSPECT_SQLI) |
					BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
}

const struct bh_unit_test bh_suite_inspect_wire[] = {
	BH_TEST(a_row_of_mysql_is_read_in_text_and_binary),
	BH_TEST(a_row_of_postgresql_is_read_in_text_and_binary),
	BH_TEST(a_length_is_no_part_of_the_value),
	BH_TEST(values_of_two_columns_are_not_one),
	BH_TEST(what_was_injected_into_a_statement_is_seen),
	BH_TEST(ordinary_statements_are_no_attack),
	BH_TEST(an_injection_far_behind_is_seen),
	BH_TEST(padding_hides_no_injection),
	BH_TEST(a_long_statement_is_no_attack),
	BH_TEST(a_row_of_words_hides_no_injection),
	BH_TEST(statements_are_found_in_their_protocols),
	BH_TEST_END,
};
