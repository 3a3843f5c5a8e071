/* What a unit test file needs: CUnit's asserts and the table that main.c reads.
 *
 *     static void denied_flow_stays_denied(void) { CU_ASSERT_EQUAL(...); }
 *     const struct bh_unit_test bh_suite_flow_table[] = {BH_TEST(denied_flow_stays_denied), BH_TEST_END};
 *
 * and BH_SUITE(flow_table) in suites_<room>.def. */
#ifndef BH_UNIT_H
#define BH_UNIT_H

#include <CUnit/CUnit.h>

struct bh_unit_test {
	const char *name;
	void (*fn)(void);
};

#define BH_TEST(f)                                                                                 \
	{                                                                                          \
#f, f                                                                              \
	}
#define BH_TEST_END                                                                                \
	{                                                                                          \
		NULL, NULL                                                                         \
	}

#endif
