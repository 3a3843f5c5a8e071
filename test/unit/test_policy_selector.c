/* Selectors: Kubernetes' syntax and meaning. */
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/policy.h"
#include "unit.h"

static bool
match(const char *text, const struct bh_label *labels, unsigned n)
{
	struct bh_arena a = {0};
	struct bh_selector *s = NULL;
	struct bh_err err = {0};
	size_t at;
	bool got;

	if (bh_selector_parse(&a, text, &s, &at, &err) != 0)
		fprintf(stderr, "\n%s: %s\n", text, err.what);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	got = bh_selector_match(s, labels, n);
	bh_arena_free(&a);
	return got;
}

static void
each_operator_means_what_kubernetes_means(void)
{
	static const struct bh_label web[] = {{"app", "web"}, {"pci", ""}, {"x.io/tier", "front"}};
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{"app=web", true},
		{"app==web", true},
		{"app = api", false},
		{"zone=shop", false},
		{"app!=web", false},
		{"app!=api", true},
		{"zone!=shop", true}, /* an absent key differs from every value */
		{"app in (api, web)", true},
		{"app in(api)", false},
		{"zone in (shop)", false},
		{"app notin (api)", true},
		{"app notin (api,web)", false},
		{"zone notin (shop)", true},
		{"pci", true},
		{"zone", false},
		{"!zone", true},
		{"!pci", false},
		{"! zone", true},
		{"pci=", true},
		{"app=", false},
		{"zone!=", true},
		{"x.io/tier=front,app=web , pci", true},
		{"x.io/tier=front, app=web, zone", false},
		{"app, app=web", true},
		{"in in (in)", false}, /* words are keys where a key stands */
		{"notin", false},
		{"prefix", false},
		{"app prefix we", true},
		{"app prefix (api, we, w)", true},
		{"app prefix web", true},
		{"app prefix webs", false},
		{"app prefix eb", false},
		{"zone prefix s", false},
		{"x.io/tier contains ron", true},
		{"x.io/tier contains (x, nt)", true},
		{"x.io/tier contains back", false},
		{"pci contains a", false},
		{"app ~ \"^w.b$\"", true},
		{"app~'e'", true}, /* it is searched */
		{"app ~ \"^eb\"", false},
		{"app ~ \"^(api|web)$\", pci", true},
		{"zone ~ \".\"", false},
		{"pci ~ \"^$\"", true},
		{"app !~ \"^web$\"", false},
		{"app !~ \"^api\"", true},
		{"zone !~ \".\"", true},
		{"app ~ \"a,b\\)\\(\", pci", false}, /* commas and brackets are its own */
	};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		bool got = match(cases[i].text, web, BH_ARRAY_SIZE(web));

		if (got != cases[i].want)
			fprintf(stderr, "\n%s: %d\n", cases[i].text, got);
		CU_ASSERT_EQUAL(got, cases[i].want);
	}
}

static void
what_is_no_selector_is_refused_at_its_place(void)
{
	static const struct {
		const char *text;
		size_t at;
		const char *want;
	} cases[] = {
		{"", 0, "expected a requirement such as app=web here"},
		{"app=web,", 8, "expected a requirement such as app=web here"},
		{"app=web,,pci", 8, "expected a requirement such as app=web here"},
		{"app=web pci", 8, "expected ',' between requirements here"},
		{"app web", 4, "expected =, !=, in, notin, prefix, contains, ~, !~ or ',' here"},
		{"app>3", 3, "expected =, !=, in, notin, prefix, contains, ~, !~ or ',' here"},
		{"app in web", 7, "expected '(' and the values here, such as in (a, b)"},
		{"app in ()", 8, "expected a value here"},
		{"app in (a,)", 10, "expected a value here"},
		{"app in (a b)", 10, "expected ',' or ')' here"},
		{"app in (a", 9, "expected ',' or ')' here"},
		{"!app=web", 4, "expected ',' here: '!key' stands alone"},
		{"=web", 0, "expected a label key here"},
		{"-app=web", 0,
		 "this is no label key: a letter or digit at both ends, at most 127 "
		 "characters"},
		{"app=web-", 4,
		 "this is no label value: a letter or digit at both ends, at most 127 "
		 "characters"},
		{"app prefix ()", 12, "expected a value here"},
		{"app prefix", 10, "expected a value here"},
		{"app ~ ^web", 6,
		 "expected a regular expression in quotes here, such as ~ \"^web-[0-9]+$\""},
		{"app ~ \"web", 6, "the regular expression lacks its closing quote"},
		{"app ~ ''", 6, "the regular expression is empty"},
		{"app ~ \"a(b\"", 10,
		 "the regular expression ends here: missing closing parenthesis"},
		{"app ~ \"((a{99}){99}){9}\"", 7,
		 "the regular expression is too big: its repetitions multiply"},
		{"!app, app ~ \"a\"", 6,
		 "no label 'app' can meet this and what is required before: write 'app in (a, b)' "
		 "for one or the other"},
		{"app=\"web\"", 4, "expected ',' between requirements here"},
		{"app=web, app=api", 9,
		 "no label 'app' can meet this and what is required before: "
		 "write 'app in (a, b)' for one or the other"},
		{"pci, !pci", 5,
		 "no label 'pci' can meet this and what is required before: write "
		 "'pci in (a, b)' for one or the other"},
	};
	size_t i, at;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct bh_arena a = {0};
		struct bh_selector *s;
		struct bh_err err = {0};

		CU_ASSERT_NOT_EQUAL(bh_selector_parse(&a, cases[i].text, &s, &at, &err), 0);
		if (strcmp(err.what, cases[i].want) != 0 || at != cases[i].at)
			fprintf(stderr, "\n%s\nwant: %zu %s\ngot:  %zu %s\n", cases[i].text,
				cases[i].at, cases[i].want, at, err.what);
		CU_ASSERT_STRING_EQUAL(err.what, cases[i].want);
		CU_ASSERT_EQUAL(at, cases[i].at);
		bh_arena_free(&a);
	}
}

static void
selector_has_a_bounded_cost(void)
{
	char *text = calloc(1, 1 << 16);
	struct bh_arena a = {0};
	struct bh_selector *s;
	struct bh_err err = {0};
	size_t n, i, at;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	n = (size_t)sprintf(text, "k in (v0");
	for (i = 1; i < 257; i++)
		n += (size_t)sprintf(text + n, ",v%zu", i);
	sprintf(text + n, ")");
	CU_ASSERT_NOT_EQUAL(bh_selector_parse(&a, text, &s, &at, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.what,
			       "more than 256 values: give these endpoints a common label");
	for (i = n = 0; i < 65; i++)
		n += (size_t)sprintf(text + n, "%sk%zu", i == 0 ? "" : ",", i);
	err = (struct bh_err){0};
	CU_ASSERT_NOT_EQUAL(bh_selector_parse(&a, text, &s, &at, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.what, "more than 64 requirements in one selector");
	/* Doubling steps a letter: it ends, and nobody is taken in by what was not finished. */
	memset(text, 'a', 120);
	text[119] = 'b';
	text[120] = '\0';
	CU_ASSERT_FALSE(match("app ~ \"^(a+)+[cd]$\"", &(struct bh_label){"app", text}, 1));
	CU_ASSERT_FALSE(match("app !~ \"^(a+)+[cd]$\"", &(struct bh_label){"app", text}, 1));
	bh_arena_free(&a);
	free(text);
}

static void
label_syntax_is_kubernetes(void)
{
	static const char *const good[] = {"a", "app", "x.io/tier", "A-b_c.d", "0"};
	static const char *const bad[] = {"", "-a", "a-", "a b", "a=b", "\xc3\xa9", "a\n"};
	char text[BH_NAME_MAX + 1];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(good); i++)
		CU_ASSERT_TRUE(bh_label_key_valid(good[i]) && bh_label_value_valid(good[i]));
	for (i = 0; i < BH_ARRAY_SIZE(bad); i++)
		CU_ASSERT_FALSE(bh_label_key_valid(bad[i]));
	CU_ASSERT_TRUE(bh_label_value_valid(""));
	memset(text, 'x', sizeof(text));
	text[BH_NAME_MAX - 1] = '\0';
	CU_ASSERT_TRUE(bh_label_key_valid(text));
	text[BH_NAME_MAX - 1] = 'x';
	text[BH_NAME_MAX] = '\0';
	CU_ASSERT_FALSE(bh_label_key_valid(text));
}

const struct bh_unit_test bh_suite_policy_selector[] = {
	BH_TEST(each_operator_means_what_kubernetes_means),
	BH_TEST(what_is_no_selector_is_refused_at_its_place), BH_TEST(selector_has_a_bounded_cost),
	BH_TEST(label_syntax_is_kubernetes), BH_TEST_END};
