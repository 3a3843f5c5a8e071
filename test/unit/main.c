/* Runner of one room's unit tests: the suites in its table, CUnit's basic report, exit 1 on failure. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

#define BH_SUITE(name) extern const struct bh_unit_test bh_suite_##name[];
#include BH_SUITES
#undef BH_SUITE

static const struct {
	const char *name;
	const struct bh_unit_test *tests;
} suites[] = {
#define BH_SUITE(name) {#name, bh_suite_##name},
#include BH_SUITES
#undef BH_SUITE
};

int
main(void)
{
	unsigned failed;
	size_t i;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		CU_pSuite s = CU_add_suite(suites[i].name, NULL, NULL);
		const struct bh_unit_test *t;

		if (s == NULL)
			return 2;
		for (t = suites[i].tests; t->name != NULL; t++) {
			if (CU_add_test(s, t->name, t->fn) == NULL)
				return 2;
		}
	}
	printf("room %s\n", BH_ROOM);
	CU_basic_set_mode(getenv("BH_VERBOSE") != NULL ? CU_BRM_VERBOSE : CU_BRM_NORMAL);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed == 0 ? 0 : 1;
}
