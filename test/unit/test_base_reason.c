/* The words of the .def tables. */
#include <ctype.h>

#include "../../lib/base/base.h"
#include "unit.h"

static void
every_reason_has_a_name_of_its_own(void)
{
	unsigned i, j;

	for (i = 0; i < BH_REASON_COUNT; i++) {
		const char *c = bh_reason_name(i);

		CU_ASSERT_TRUE(*c != '\0');
		for (; *c != '\0'; c++)
			CU_ASSERT_TRUE(islower(*c) || isdigit(*c) || *c == '_');
		for (j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(bh_reason_name(i), bh_reason_name(j));
	}
}

static void
every_reason_has_one_sentence(void)
{
	unsigned i;

	for (i = 0; i < BH_REASON_COUNT; i++) {
		const char *text = bh_reason_text(i);

		CU_ASSERT_TRUE(strlen(text) > 3);
		CU_ASSERT_PTR_NULL(strpbrk(text, "\n\t\""));
		CU_ASSERT_TRUE(text[strlen(text) - 1] != '.');
	}
}

static void
groups_are_told(void)
{
	CU_ASSERT_EQUAL(bh_reason_group(BH_REASON_NONE), BH_GROUP_PASS);
	CU_ASSERT_EQUAL(bh_reason_group(BH_REASON_LAND), BH_GROUP_MALFORMED);
	CU_ASSERT_EQUAL(bh_reason_group(BH_REASON_RULE_DENY), BH_GROUP_POLICY);
	CU_ASSERT_EQUAL(bh_reason_group(BH_REASON_NO_MBUF), BH_GROUP_RESOURCE);
	CU_ASSERT_EQUAL(bh_reason_group(BH_REASON_LINK_DOWN), BH_GROUP_PORT);
	CU_ASSERT_STRING_EQUAL(bh_reason_group_name(BH_GROUP_PASS), "pass");
	CU_ASSERT_STRING_EQUAL(bh_reason_group_name(BH_GROUP_PORT), "port");
	CU_ASSERT_STRING_EQUAL(bh_reason_group_name(BH_GROUP_THREAT), "threat");
	CU_ASSERT_STRING_EQUAL(bh_verdict_name(BH_VERDICT_VIOLATE), "violate");
	CU_ASSERT_STRING_EQUAL(bh_verdict_name(BH_VERDICT_REJECT), "reject");
	CU_ASSERT_STRING_EQUAL(bh_mode_name(BH_MODE_DISCOVER), "discover");
	CU_ASSERT_STRING_EQUAL(bh_mode_name(BH_MODE_PROTECT), "protect");
}

static void
numbers_out_of_range_are_safe(void)
{
	static const unsigned odd[] = {BH_REASON_COUNT, 1000, UINT32_MAX};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(odd); i++) {
		CU_ASSERT_STRING_EQUAL(bh_reason_name(odd[i]), "invalid");
		CU_ASSERT_STRING_EQUAL(bh_reason_text(odd[i]), "invalid");
		CU_ASSERT_EQUAL(bh_reason_group(odd[i]), BH_GROUP_MALFORMED);
		CU_ASSERT_STRING_EQUAL(bh_reason_group_name(odd[i]), "invalid");
		CU_ASSERT_STRING_EQUAL(bh_verdict_name(odd[i]), "invalid");
		CU_ASSERT_STRING_EQUAL(bh_mode_name(odd[i]), "invalid");
	}
	CU_ASSERT_STRING_EQUAL(bh_verdict_name(BH_VERDICT_COUNT), "invalid");
	CU_ASSERT_STRING_EQUAL(bh_mode_name(BH_MODE_PROTECT + 1), "invalid");
	CU_ASSERT_STRING_EQUAL(bh_reason_group_name(BH_GROUP_THREAT + 1), "invalid");
}

static void
every_exception_has_one_allowed_default_and_a_reason_that_drops(void)
{
	unsigned i, j;

	for (i = 0; i < BH_EXCEPTION_COUNT; i++) {
		const struct bh_exception_info *e = bh_exception_info(i);

		CU_ASSERT_EQUAL(__builtin_popcount(e->normal), 1);
		CU_ASSERT_EQUAL(e->normal & e->allowed, e->normal);
		CU_ASSERT_NOT_EQUAL(bh_reason_group(e->reason), BH_GROUP_PASS);
		CU_ASSERT_STRING_EQUAL(bh_exception_name(i), e->name);
		for (j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(bh_exception_name(j), e->name);
		for (j = 1; j <= e->allowed; j *= 2) {
			if (e->allowed & j)
				CU_ASSERT_STRING_NOT_EQUAL(bh_action_name(j), "invalid");
		}
	}
	CU_ASSERT_STRING_EQUAL(bh_exception_name(BH_EXCEPTION_TCP_URGENT), "tcp_urgent");
	CU_ASSERT_STRING_EQUAL(bh_action_name(BH_ACTION_NORMALISE), "normalise");
	CU_ASSERT_STRING_EQUAL(bh_exception_name(BH_EXCEPTION_COUNT), "invalid");
	CU_ASSERT_EQUAL(bh_exception_info(UINT32_MAX)->normal, BH_ACTION_DROP_FLOW);
	CU_ASSERT_STRING_EQUAL(bh_action_name(0), "invalid");
	CU_ASSERT_STRING_EQUAL(bh_action_name(BH_ACTION_PASS | BH_ACTION_REJECT), "invalid");
}

const struct bh_unit_test bh_suite_base_reason[] = {
	BH_TEST(every_reason_has_a_name_of_its_own),
	BH_TEST(every_reason_has_one_sentence),
	BH_TEST(groups_are_told),
	BH_TEST(numbers_out_of_range_are_safe),
	BH_TEST(every_exception_has_one_allowed_default_and_a_reason_that_drops),
	BH_TEST_END,
};
