/* Typed values: what is accepted, what an error says instead. */
#include <stdio.h>

#include "../../lib/conf/conf.h"
#include "unit.h"

enum type { U64, BOOL, MS, ENUM, STR };

/* Read the value of "v: TEXT" as a type; the value or the error's text goes into out. */
static void
read_as(enum type type, const char *text, char *out, size_t size)
{
	static const char *const words[] = {"discover", "monitor", "protect", NULL};
	struct bh_yaml_doc *doc = NULL;
	struct bh_err err = {0};
	const struct bh_yaml *node;
	const char *s = "";
	char file[256];
	uint64_t v = 0;
	unsigned u = 0;
	bool b = false;
	int rc = 0;

	snprintf(file, sizeof(file), "v: %s\n", text);
	CU_ASSERT_EQUAL_FATAL(bh_yaml_load_text(&doc, "v", file, strlen(file), &err), 0);
	node = bh_yaml_get(bh_yaml_root(doc), "v");
	switch (type) {
	case U64:
		rc = bh_yaml_u64(doc, node, 10, 1 << 20, &v, &err);
		break;
	case MS:
		rc = bh_yaml_duration_ms(doc, node, 0, 86400000, &v, &err);
		break;
	case BOOL:
		rc = bh_yaml_bool(doc, node, &b, &err);
		v = b;
		break;
	case ENUM:
		rc = bh_yaml_enum(doc, node, words, &u, &err);
		v = u;
		break;
	case STR:
		rc = bh_yaml_str(doc, node, &s, &err);
		break;
	}
	if (rc != 0)
		snprintf(out, size, "%s", err.what);
	else if (type == STR)
		snprintf(out, size, "%s", s);
	else
		snprintf(out, size, "%llu", (unsigned long long)v);
	bh_yaml_free(doc);
}

static void
values_read_or_say_what_to_write(void)
{
	static const struct {
		enum type type;
		const char *text, *want;
	} cases[] = {
		{U64, "10", "10"},
		{U64, "64k", "65536"},
		{U64, "1M", "1048576"},
		{U64, "9", "expected a number from 10 to 1048576, found '9'"},
		{U64, "2M", "expected a number from 10 to 1048576, found '2M'"},
		{U64, "many", "expected a number from 10 to 1048576, found 'many'"},
		{U64, "'12'", "expected a number from 10 to 1048576, found '12'"},
		{U64, "-12", "expected a number from 10 to 1048576, found '-12'"},
		{U64, "1.5", "expected a number from 10 to 1048576, found '1.5'"},
		{U64, "99999999999999999999",
		 "expected a number from 10 to 1048576, found '99999999999999999999'"},
		{U64, "18014398509481985k",
		 "expected a number from 10 to 1048576, found '18014398509481985k'"},
		{U64, "[1]", "expected a number from 10 to 1048576, found a list"},
		{U64, "", "expected a number from 10 to 1048576, found nothing"},
		{MS, "500ms", "500"},
		{MS, "30s", "30000"},
		{MS, "5m", "300000"},
		{MS, "2h", "7200000"},
		{MS, "1d", "86400000"},
		{MS, "0", "0"},
		{MS, "30",
		 "expected a duration from 0s to 1d, such as 500ms, 30s, 5m, 2h or 1d, found '30': "
		 "add a unit"},
		{MS, "2d",
		 "expected a duration from 0s to 1d, such as 500ms, 30s, 5m, 2h or 1d, found '2d'"},
		{MS, "5 minutes",
		 "expected a duration from 0s to 1d, such as 500ms, 30s, 5m, 2h or 1d, found '5 "
		 "minutes'"},
		{MS, "18446744073709551615d",
		 "expected a duration from 0s to 1d, such as 500ms, 30s, 5m, 2h or 1d, found "
		 "'18446744073709551615d'"},
		{BOOL, "true", "1"},
		{BOOL, "off", "0"},
		{BOOL, "\"true\"", "expected true or false, found 'true'"},
		{BOOL, "1", "expected true or false, found '1'"},
		{ENUM, "monitor", "1"},
		{ENUM, "protct",
		 "expected discover, monitor or protect, found 'protct': did you mean 'protect'?"},
		{ENUM, "block", "expected discover, monitor or protect, found 'block'"},
		{ENUM, "{a: 1}", "expected discover, monitor or protect, found a map"},
		{STR, "x y", "x y"},
		{STR, "''", "expected a text, found ''"},
		{STR, "null", "expected a text, found 'null'"},
		{STR, "'null'", "null"},
	};
	char got[600];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		read_as(cases[i].type, cases[i].text, got, sizeof(got));
		if (strcmp(got, cases[i].want) != 0)
			fprintf(stderr, "\n%s\nwant: %s\ngot:  %s\n", cases[i].text, cases[i].want,
				got);
		CU_ASSERT_STRING_EQUAL(got, cases[i].want);
	}
}

static void
found_text_is_short_and_printable(void)
{
	char long_text[200], out[BH_FOUND_LEN];
	struct bh_yaml node = {.type = BH_YAML_SCALAR, .quoted = true, .text = "a\nb\x01"};

	CU_ASSERT_STRING_EQUAL(bh_yaml_found(&node, out, sizeof(out)), "'a?b?'");
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	node.text = long_text;
	CU_ASSERT_EQUAL(strlen(bh_yaml_found(&node, out, sizeof(out))), 45);
}

/* Edit distance as it is defined, by recursion. */
static unsigned
distance_by_definition(const char *a, size_t n, const char *b, size_t m)
{
	unsigned best, d;

	if (n == 0 || m == 0)
		return (unsigned)(n + m);
	best = distance_by_definition(a, n - 1, b, m - 1) + (a[n - 1] != b[m - 1]);
	d = distance_by_definition(a, n - 1, b, m) + 1;
	best = d < best ? d : best;
	d = distance_by_definition(a, n, b, m - 1) + 1;
	best = d < best ? d : best;
	if (n > 1 && m > 1 && a[n - 1] == b[m - 2] && a[n - 2] == b[m - 1]) {
		d = distance_by_definition(a, n - 2, b, m - 2) + 1;
		best = d < best ? d : best;
	}
	return best;
}

static void
word_distance_is_the_defined_one(void)
{
	unsigned seed = 7, i, k, want, max;
	char word[2][8];

	for (i = 0; i < 3000; i++) {
		for (k = 0; k < 2; k++) {
			unsigned len, j;

			seed = seed * 1103515245 + 12345;
			len = seed >> 16 & 5;
			for (j = 0; j < len; j++) {
				seed = seed * 1103515245 + 12345;
				word[k][j] = (char)('a' + (seed >> 16) % 3);
			}
			word[k][len] = '\0';
		}
		max = i % 4;
		want = distance_by_definition(word[0], strlen(word[0]), word[1], strlen(word[1]));
		want = want > max ? max + 1 : want;
		CU_ASSERT_EQUAL(bh_word_distance(word[0], word[1], max), want);
	}
}

static void
nearest_word_is_the_nearest_and_only_a_slip(void)
{
	const char *best = NULL;
	unsigned distance = 0;

	bh_word_nearest("protct", "protected", &best, &distance);
	CU_ASSERT_PTR_NULL(best);
	bh_word_nearest("protct", "protest", &best, &distance);
	bh_word_nearest("protct", "protect", &best, &distance);
	bh_word_nearest("protct", "protest", &best, &distance);
	CU_ASSERT_STRING_EQUAL(best, "protect");
	CU_ASSERT_EQUAL(distance, 1);
	best = NULL;
	bh_word_nearest("x", "y", &best, &distance);
	bh_word_nearest("storage", "network", &best, &distance);
	CU_ASSERT_PTR_NULL(best);
}

static void
arena_gives_aligned_zeroed_memory_of_any_size(void)
{
	static const size_t sizes[] = {1, 7, 8, 4000, 1 << 16, 3 << 20, 0, 24};
	struct bh_arena a = {0};
	unsigned char *p;
	size_t i, k, sum;
	unsigned round;

	CU_ASSERT_PTR_NOT_NULL(bh_arena_alloc(&a, 0));
	for (round = 0; round < 50; round++) {
		for (i = 0; i < BH_ARRAY_SIZE(sizes); i++) {
			p = bh_arena_alloc(&a, sizes[i]);
			CU_ASSERT_PTR_NOT_NULL_FATAL(p);
			CU_ASSERT_EQUAL((uintptr_t)p % 8, 0);
			for (k = sum = 0; k < sizes[i]; k++)
				sum += p[k];
			CU_ASSERT_EQUAL(sum, 0);
			memset(p, 0xa5, sizes[i]);
		}
	}
	CU_ASSERT_PTR_NULL(bh_arena_alloc(&a, SIZE_MAX));
	CU_ASSERT_STRING_EQUAL(bh_arena_text(&a, "abcdef", 3), "abc");
	bh_arena_free(&a);
	CU_ASSERT_EQUAL(a.bytes, 0);
}

const struct bh_unit_test bh_suite_conf_values[] = {
	BH_TEST(values_read_or_say_what_to_write),
	BH_TEST(found_text_is_short_and_printable),
	BH_TEST(word_distance_is_the_defined_one),
	BH_TEST(nearest_word_is_the_nearest_and_only_a_slip),
	BH_TEST(arena_gives_aligned_zeroed_memory_of_any_size),
	BH_TEST_END};
