/* PostgreSQL in binary: parameters, results, COPY; what a real client and server said, and values that only look like it. */
#include "inspect_recorded_pgsql.h"
#include "unit.h"

#define CARD_BIT BH_INSPECT_BIT(BH_INSPECT_DLP_CARD)
#define NUMBER UINT64_C(4111111111111111)

static const size_t cuts[] = {0, 1, 2, 3, 5, 7, 13, 100};

static unsigned
found(const struct recorded *r, size_t cut)
{
	struct inspect_rig *rig = inspect_rig();

	talk_feed_to(talk_recorded(r), BH_APP_POSTGRESQL, cut, &rig->ctx);
	CU_ASSERT_EQUAL(rig->seen, CARD_BIT);
	return rig->n;
}

/* BIGINT, DOUBLE PRECISION and NUMERIC are inserted, in one statement there is no card; selected (the statement names it
 * as well); copied there and back; bound to a statement of which only another one was described since. */
static void
what_a_real_client_and_server_said_is_read(void)
{
	unsigned k;

	for (k = 0; k < BH_ARRAY_SIZE(cuts); k++) {
		CU_ASSERT_EQUAL(found(postgresql_inserts, cuts[k]), 3);
		CU_ASSERT_EQUAL(found(postgresql_selects, cuts[k]), 6);
		CU_ASSERT_EQUAL(found(postgresql_copies, cuts[k]), 2);
		CU_ASSERT_EQUAL(found(postgresql_prepared, cuts[k]), 4);
	}
}

/* ---- by the manual ------------------------------------------------------------------------------------- */

static uint8_t bytes[512];
static size_t used;

static void
be(uint64_t v, unsigned n)
{
	while (n-- > 0)
		bytes[used++] = (uint8_t)(v >> 8 * n);
}

static void
words(const char *at, size_t len)
{
	memcpy(bytes + used, at, len);
	used += len;
}

static void
message(struct inspect_talk *t, unsigned side, char type)
{
	uint32_t len = (uint32_t)used + 4;
	uint8_t head[5] = {(uint8_t)type, 0, 0, (uint8_t)(len >> 8), (uint8_t)len};

	talk_say(t, side, head, 5);
	talk_say(t, side, bytes, used);
	used = 0;
}

/* Parse of a statement with a parameter of a type (0: none told), Bind of a value in binary. */
static void
bind(struct inspect_talk *t, const char *name, uint32_t oid, const void *value, unsigned size)
{
	if (oid != UINT32_MAX) {
		words(name, strlen(name) + 1), words("SELECT $1", 10);
		be(oid != 0, 2);
		if (oid != 0)
			be(oid, 4);
		message(t, 0, 'P');
	}
	be(0, 1), words(name, strlen(name) + 1);
	be(1, 2), be(1, 2), be(1, 2), be(size, 4);
	words(value, size);
	be(1, 2), be(1, 2);
	message(t, 0, 'B');
}

static void
big(uint64_t v, uint8_t out[8])
{
	unsigned i;

	for (i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> 8 * (7 - i));
}

static uint64_t
bound(uint32_t oid, uint64_t v)
{
	struct inspect_talk *t = talk_new();
	uint8_t value[8];

	big(v, value);
	talk_pgsql_login(t);
	bind(t, "a", oid, value, 8);
	return talk_feed(t, BH_APP_POSTGRESQL, 0);
}

static uint64_t
bits_of(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, 8);
	return bits;
}

static void
what_is_bound_in_binary_is_read(void)
{
	CU_ASSERT_EQUAL(bound(20, NUMBER), CARD_BIT);
	CU_ASSERT_EQUAL(bound(0, NUMBER), CARD_BIT);
	CU_ASSERT_EQUAL(bound(701, bits_of((double)NUMBER)), CARD_BIT);
	CU_ASSERT_EQUAL(bound(0, bits_of((double)NUMBER)), CARD_BIT);
	/* 19 digits, where the type says so */
	CU_ASSERT_EQUAL(bound(20, UINT64_C(4111111111111111110)), CARD_BIT);
}

/* A time that would be a card; ordinary fractions, whose bytes would; names of eight bytes. */
static void
other_values_are_no_cards(void)
{
	static const char *const name[] = {"Sj\303\266berg", "\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd",
					   "12345678"};
	struct inspect_talk *t;
	uint64_t seen = 0;
	unsigned i;

	/* 371449635398431 is a test number of American Express, and a day of 2011 */
	CU_ASSERT_EQUAL(bound(20, UINT64_C(371449635398431)), CARD_BIT);
	CU_ASSERT_EQUAL(bound(1184, UINT64_C(371449635398431)), 0);
	for (i = 0; i < 2000; i++)
		seen |= bound(0, UINT64_C(371000000000000) + i * UINT64_C(86400000000));
	for (i = 1; i < 20000; i++)
		seen |= bound(i % 2 != 0 ? 0 : 701, bits_of(i * 0.37));
	CU_ASSERT_EQUAL(seen, 0);
	for (i = 0; i < BH_ARRAY_SIZE(name); i++) {
		t = talk_new();
		talk_pgsql_login(t);
		bind(t, "", 0, name[i], 8);
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_POSTGRESQL, 0), 0);
	}
}

/* The types of another statement are not this one's. */
static void
types_belong_to_a_statement(void)
{
	struct inspect_talk *t = talk_new();
	uint8_t value[8];

	talk_pgsql_login(t);
	big(7, value);
	bind(t, "a", 20, value, 8);
	bind(t, "b", 1184, value, 8);
	big(NUMBER, value);
	bind(t, "a", UINT32_MAX, value, 8);
	CU_ASSERT_EQUAL(talk_feed(t, BH_APP_POSTGRESQL, 0), CARD_BIT);
}

const struct bh_unit_test bh_suite_inspect_pgsql[] = {
	BH_TEST(what_a_real_client_and_server_said_is_read),
	BH_TEST(what_is_bound_in_binary_is_read),
	BH_TEST(other_values_are_no_cards),
	BH_TEST(types_belong_to_a_statement),
	BH_TEST_END,
};
