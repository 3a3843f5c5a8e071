/* Which bytes an expression needs: what is said to be impossible must be. */
#include <string.h>

#include "../../lib/base/base.h"
#include "../../lib/inspect/pattern.h"
#include "unit.h"

static bool
fits(const char *text, uint32_t kinds)
{
	return bh_pattern_fits(text, strlen(text), kinds);
}

static void
words_alone_match_what_has_no_sign(void)
{
	const char *yes[] = {"abc",       "a|\\(",  "\\bab_9\\b", "[^(]",
			     "[(a-c]",    "\\(?a",  "(?:\\(|x)y", "a{0,3}b",
			     "\\({0,2}a", "^\\w+$", "[\\W\\d]",   "(?:\\{\\d\\})*z",
			     "\\x41",     "a*?b",   "\\D",        "(?i:A)b",
			     "",          "a||\\(", "[]a]",       "[^\\]]",
			     "\\.*+a"};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(yes); i++)
		CU_ASSERT_TRUE(fits(yes[i], BH_KIND_WORD));
}

static void
a_sign_on_every_way_is_needed(void)
{
	const char *no[] = {"a\\(",         "[(){]x",          "\\W",
			    "(?:\\(|\\{)y", "(a|b)+;",         "\\s+",
			    "[^\\w]",       "x{2}\\$",         "\\x28",
			    "a:+",          "(?:b|(?:c,))\\.", "[\\s\\x00-\\x1f]a",
			    "\\({1,2}",     "[!-/]",           "[]]",
			    "a|\\)"};
	unsigned i;

	for (i = 0; i + 1 < BH_ARRAY_SIZE(no); i++)
		CU_ASSERT_FALSE(fits(no[i], BH_KIND_WORD));
	CU_ASSERT_TRUE(fits(no[i], BH_KIND_WORD));
}

static void
each_kind_is_told_from_the_others(void)
{
	CU_ASSERT_TRUE(fits("a\\(", BH_KIND_WORD | BH_KIND_PAREN));
	CU_ASSERT_FALSE(fits("a\\(", BH_KIND_ALL & ~(uint32_t)BH_KIND_PAREN));
	CU_ASSERT_FALSE(fits("<[!?]", BH_KIND_ALL & ~(uint32_t)BH_KIND_ANGLE));
	CU_ASSERT_FALSE(fits("[!?]", BH_KIND_ALL & ~(uint32_t)(BH_KIND_MARK | BH_KIND_QUESTION)));
	CU_ASSERT_TRUE(fits("\\s", BH_KIND_WORD | BH_KIND_CONTROL));
	CU_ASSERT_FALSE(fits("\\xe3", BH_KIND_ALL & ~(uint32_t)BH_KIND_HIGH));
	CU_ASSERT_FALSE(fits("\\d", BH_KIND_LETTER));
	CU_ASSERT_FALSE(fits("[0-9]{3}", BH_KIND_LETTER));
	CU_ASSERT_TRUE(fits("[A-F0-9]{3}", BH_KIND_LETTER));
}

static void
what_is_not_understood_is_possible(void)
{
	CU_ASSERT_TRUE(fits("(?=\\()a", BH_KIND_WORD));
	CU_ASSERT_TRUE(fits("\\Q(\\E", BH_KIND_WORD));
	CU_ASSERT_TRUE(fits("(a)\\1;", BH_KIND_WORD));
	CU_ASSERT_TRUE(fits("[[:punct:]]", BH_KIND_WORD));
	CU_ASSERT_TRUE(fits("[;", BH_KIND_WORD));
	CU_ASSERT_TRUE(fits("(;", BH_KIND_WORD));
	CU_ASSERT_TRUE(fits(";)", BH_KIND_WORD));
	CU_ASSERT_TRUE(fits("\\x2", BH_KIND_ANGLE));
	CU_ASSERT_TRUE(fits("((((((((((((((((((;))))))))))))))))))", BH_KIND_WORD));
}

static void
branches_are_cut_at_the_top_alone(void)
{
	CU_ASSERT_EQUAL(bh_pattern_branch("a|b", 3), 1);
	CU_ASSERT_EQUAL(bh_pattern_branch("(a|b)c|d", 8), 6);
	CU_ASSERT_EQUAL(bh_pattern_branch("[|]x|d", 6), 4);
	CU_ASSERT_EQUAL(bh_pattern_branch("[]|]|d", 6), 4);
	CU_ASSERT_EQUAL(bh_pattern_branch("[^]|]|d", 7), 5);
	CU_ASSERT_EQUAL(bh_pattern_branch("[\\]|]|d", 7), 5);
	CU_ASSERT_EQUAL(bh_pattern_branch("\\(|b", 4), 2);
	CU_ASSERT_EQUAL(bh_pattern_branch("\\||b", 4), 2);
	CU_ASSERT_EQUAL(bh_pattern_branch("abc", 3), 3);
	CU_ASSERT_EQUAL(bh_pattern_branch("", 0), 0);
}

static void
every_byte_has_one_kind(void)
{
	unsigned i;

	for (i = 0; i < 256; i++) {
		CU_ASSERT_EQUAL(__builtin_popcount(bh_kind_of[i]), 1);
		CU_ASSERT_TRUE((bh_kind_of[i] & ~(uint32_t)BH_KIND_ALL) == 0);
	}
	CU_ASSERT_EQUAL(bh_kinds((const uint8_t *)"a1 ", 3),
			BH_KIND_LETTER | BH_KIND_DIGIT | BH_KIND_SPACE);
	CU_ASSERT_EQUAL(bh_kinds(NULL, 0), 0);
}

const struct bh_unit_test bh_suite_inspect_pattern[] = {
	BH_TEST(words_alone_match_what_has_no_sign),
	BH_TEST(a_sign_on_every_way_is_needed),
	BH_TEST(each_kind_is_told_from_the_others),
	BH_TEST(what_is_not_understood_is_possible),
	BH_TEST(branches_are_cut_at_the_top_alone),
	BH_TEST(every_byte_has_one_kind),
	BH_TEST_END,
};
