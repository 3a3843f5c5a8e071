/* How long turns take, in classes. */
#include "../../lib/gateway/gateway.h"
#include "unit.h"

static void
a_class_holds_what_is_below_its_bound_and_is_a_quarter_wide(void)
{
	uint64_t ns, last = 0;
	unsigned c, i;

	for (ns = 0; ns < UINT64_C(40000000); ns += 1 + ns / 97) {
		c = bh_turn_class(ns);
		CU_ASSERT_TRUE(c < BH_TURN_CLASSES && ns < bh_turn_bound(c));
		CU_ASSERT_TRUE(c == 0 || ns >= bh_turn_bound(c - 1));
	}
	for (i = 0; i + 1 < BH_TURN_CLASSES; i++) {
		CU_ASSERT_TRUE(bh_turn_bound(i) > last);
		CU_ASSERT_TRUE(i == 0 || bh_turn_bound(i) * 4 <= last * 5);
		last = bh_turn_bound(i);
	}
	CU_ASSERT_EQUAL(last, UINT64_C(1) << 25);
	CU_ASSERT_EQUAL(bh_turn_class(UINT64_MAX), BH_TURN_CLASSES - 1);
	CU_ASSERT_EQUAL(bh_turn_class(last), BH_TURN_CLASSES - 1);
	CU_ASSERT_EQUAL(bh_turn_class(last - 1), BH_TURN_CLASSES - 2);
}

const struct bh_unit_test bh_suite_gateway_turn[] = {
	BH_TEST(a_class_holds_what_is_below_its_bound_and_is_a_quarter_wide),
	BH_TEST_END,
};
