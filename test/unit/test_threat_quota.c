/* Token buckets with hysteresis, and accounts in bounded memory. */
#include "../../lib/threat/threat.h"
#include "unit.h"

static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Never more than its limit times the time, and a second's depth; never fewer when asked all the time. */
static void
bucket_grants_its_rate_and_no_more(void)
{
	const struct bh_threat_quota q = {.limit = {[BH_QUOTA_PACKETS] = 500}};
	struct bh_threat_accounts *t;
	struct bh_threat_account *a;
	uint64_t seed = 99, granted = 0, asked = 0;
	uint32_t now;

	CU_ASSERT_EQUAL_FATAL(bh_threat_accounts_create(&t, 64), 0);
	a = bh_threat_account_get(t, &q, 5, 1000);
	for (now = 1000; now < 61000; now++) {
		unsigned n = (unsigned)(next(&seed) % 5);

		while (n-- != 0) {
			asked++;
			granted += bh_threat_quota_take(a, &q, BH_QUOTA_PACKETS, 1, now);
		}
		CU_ASSERT(granted * 1000 <= 500 * 1000 + (uint64_t)(now - 1000) * 500);
	}
	CU_ASSERT(asked > 2 * granted);
	CU_ASSERT(granted >= 500 * 60 - 50);
	bh_threat_accounts_destroy(t);
}

static void
within_its_rate_nothing_is_refused(void)
{
	const struct bh_threat_quota q = {.limit = {[BH_QUOTA_CONNECTIONS] = 100}};
	struct bh_threat_accounts *t;
	struct bh_threat_account *a;
	uint32_t now;

	CU_ASSERT_EQUAL_FATAL(bh_threat_accounts_create(&t, 64), 0);
	a = bh_threat_account_get(t, &q, 5, 0);
	for (now = 0; now < 100000; now += 10) {
		CU_ASSERT(bh_threat_quota_take(a, &q, BH_QUOTA_CONNECTIONS, 1, now));
		CU_ASSERT_EQUAL(bh_threat_quota_level(a, now), BH_THREAT_UNDER);
	}
	/* After a month of silence, too. */
	CU_ASSERT(bh_threat_quota_take(a, &q, BH_QUOTA_CONNECTIONS, 100, now + 2592000000u));
	CU_ASSERT_FALSE(bh_threat_quota_take(a, &q, BH_QUOTA_CONNECTIONS, 1, now + 2592000000u));
	bh_threat_accounts_destroy(t);
}

static void
over_is_told_once_each_way_and_ends_at_a_tenth(void)
{
	const struct bh_threat_quota q = {.limit = {[BH_QUOTA_PACKETS] = 100}};
	struct bh_threat_accounts *t;
	struct bh_threat_account *a;
	unsigned rises = 0, falls = 0;
	uint32_t now;

	CU_ASSERT_EQUAL_FATAL(bh_threat_accounts_create(&t, 64), 0);
	a = bh_threat_account_get(t, &q, 5, 1);
	CU_ASSERT(bh_threat_quota_take(a, &q, BH_QUOTA_PACKETS, 100, 1));
	CU_ASSERT_FALSE(bh_threat_quota_take(a, &q, BH_QUOTA_PACKETS, 1, 1));
	CU_ASSERT_EQUAL(bh_threat_quota_level(a, 1), BH_THREAT_RISES);
	CU_ASSERT_EQUAL(bh_threat_quota_level(a, 1), BH_THREAT_OVER);
	/* 9 tokens at 91 ms are not a tenth; at 101 ms there are 10. */
	CU_ASSERT_FALSE(bh_threat_quota_take(a, &q, BH_QUOTA_PACKETS, 1, 91));
	CU_ASSERT(bh_threat_quota_take(a, &q, BH_QUOTA_PACKETS, 1, 101));
	CU_ASSERT_EQUAL(bh_threat_quota_level(a, 900), BH_THREAT_OVER);
	CU_ASSERT_EQUAL(bh_threat_quota_level(a, 1091), BH_THREAT_FALLS);
	CU_ASSERT_EQUAL(bh_threat_quota_level(a, 1092), BH_THREAT_UNDER);
	for (now = 2000; now < 12000; now++) {
		bh_threat_quota_take(a, &q, BH_QUOTA_PACKETS, 1, now);
		rises += bh_threat_quota_level(a, now) == BH_THREAT_RISES;
	}
	for (; now < 15000; now++)
		falls += bh_threat_quota_level(a, now) == BH_THREAT_FALLS;
	CU_ASSERT_EQUAL(rises, 1);
	CU_ASSERT_EQUAL(falls, 0); /* its bucket was empty when it was last asked */
	CU_ASSERT(bh_threat_quota_take(a, &q, BH_QUOTA_PACKETS, 1, now));
	CU_ASSERT_EQUAL(bh_threat_quota_level(a, now), BH_THREAT_FALLS);
	bh_threat_accounts_destroy(t);
}

static void
sessions_are_refused_from_the_limit_to_a_tenth_below(void)
{
	const struct bh_threat_quota q = {.limit = {[BH_QUOTA_SESSIONS] = 20}};
	struct bh_threat_account a = {.id = 1};

	for (; bh_threat_quota_session(&a, &q, 5); a.sessions++)
		CU_ASSERT(a.sessions < 20);
	CU_ASSERT_EQUAL(a.sessions, 20);
	a.sessions = 18;
	CU_ASSERT_FALSE(bh_threat_quota_session(&a, &q, 6));
	a.sessions = 17;
	CU_ASSERT(bh_threat_quota_session(&a, &q, 7));
	a.sessions = 19;
	CU_ASSERT(bh_threat_quota_session(&a, &q, 8));
}

static void
datagram_fits_into_the_smallest_quota_of_bytes(void)
{
	const struct bh_threat_quota q = {.limit = {[BH_QUOTA_BYTES] = 1000}};
	struct bh_threat_accounts *t;
	struct bh_threat_account *a;

	CU_ASSERT_EQUAL_FATAL(bh_threat_accounts_create(&t, 64), 0);
	a = bh_threat_account_get(t, &q, 5, 0);
	CU_ASSERT(bh_threat_quota_take(a, &q, BH_QUOTA_BYTES, 65535, 0));
	CU_ASSERT_FALSE(bh_threat_quota_take(a, &q, BH_QUOTA_BYTES, 1500, 0));
	CU_ASSERT(bh_threat_quota_take(a, &q, BH_QUOTA_BYTES, 1500, 7000));
	bh_threat_accounts_destroy(t);
}

static void
who_has_sessions_keeps_its_account(void)
{
	const struct bh_threat_quota q = {.limit = {[BH_QUOTA_SESSIONS] = 20}};
	struct bh_threat_accounts *t;
	uint64_t seed = 3;
	unsigned i;

	CU_ASSERT_EQUAL_FATAL(bh_threat_accounts_create(&t, 64), 0);
	bh_threat_account_get(t, &q, 77, 0)->sessions = 5;
	for (i = 0; i < 10000; i++)
		bh_threat_account_get(t, &q, next(&seed) | 1, i);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bh_threat_account_find(t, 77));
	CU_ASSERT_EQUAL(bh_threat_account_find(t, 77)->sessions, 5);
	bh_threat_accounts_destroy(t);
}

const struct bh_unit_test bh_suite_threat_quota[] = {
	BH_TEST(bucket_grants_its_rate_and_no_more),
	BH_TEST(within_its_rate_nothing_is_refused),
	BH_TEST(over_is_told_once_each_way_and_ends_at_a_tenth),
	BH_TEST(sessions_are_refused_from_the_limit_to_a_tenth_below),
	BH_TEST(datagram_fits_into_the_smallest_quota_of_bytes),
	BH_TEST(who_has_sessions_keeps_its_account),
	BH_TEST_END};
