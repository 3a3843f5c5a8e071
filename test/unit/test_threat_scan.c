/* How many different things: the sketch against a set. */
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

static void
count_of_different_things_is_right_within_a_quarter(void)
{
	struct bh_threat_scans *s;
	uint32_t round, i, n;
	uint64_t seed = 17;

	CU_ASSERT_EQUAL_FATAL(bh_threat_scans_create(&s, 4096), 0);
	for (round = 1; round <= 50; round++) {
		uint64_t id = next(&seed) | 1, first = next(&seed);
		uint32_t last = 0;

		for (i = 0; i < 1000; i++) {
			n = bh_threat_scan_try(s, id, first + i, 1000, 60000);
			last = n != 0 ? n : last;
			CU_ASSERT_EQUAL(bh_threat_scan_try(s, id, first + i, 1000, 60000), 0);
			if (i >= 20)
				CU_ASSERT(last <= i + 1 + (i + 1) / 4 + 6 &&
					  last + (i + 1) / 4 + 6 >= i + 1);
		}
	}
	bh_threat_scans_destroy(s);
}

static void
window_that_is_over_is_forgotten(void)
{
	struct bh_threat_scans *s;
	uint32_t i, n = 0;

	CU_ASSERT_EQUAL_FATAL(bh_threat_scans_create(&s, 64), 0);
	for (i = 0; i < 100; i++)
		n = bh_threat_scan_try(s, 9, i, 1000 * i, 10000);
	CU_ASSERT(n <= 11);
	bh_threat_scans_destroy(s);
}

static void
scanner_is_kept_among_many_that_try_once(void)
{
	struct bh_threat_scans *s;
	uint64_t seed = 5;
	uint32_t i, most = 0, n;

	CU_ASSERT_EQUAL_FATAL(bh_threat_scans_create(&s, 256), 0);
	for (i = 0; i < 50000; i++) {
		if (i % 10 == 0) {
			n = bh_threat_scan_try(s, 4711, i % 1000, i / 1000, 60000);
			most = n > most ? n : most;
		}
		bh_threat_scan_try(s, next(&seed) | 1, 1, i / 1000, 60000);
	}
	CU_ASSERT(most > 80);
	bh_threat_scans_destroy(s);
}

const struct bh_unit_test bh_suite_threat_scan[] = {
	BH_TEST(count_of_different_things_is_right_within_a_quarter),
	BH_TEST(window_that_is_over_is_forgotten),
	BH_TEST(scanner_is_kept_among_many_that_try_once), BH_TEST_END};
