/* bulkheadctl's table printer and command line. */
#include <stdlib.h>

#include "../../app/bulkheadctl/ctl.h"
#include "unit.h"

/* Print a table of two columns, the second SHRINK, into out. */
static void
print(struct bh_buf *out, unsigned width, bool colour, const char *const cells[], size_t n)
{
	struct bh_ctl ctl = {.width = width, .colour = colour, .err = stderr};
	struct bh_ctl_table t = {0};
	char *text = NULL;
	size_t size = 0, i;

	ctl.out = open_memstream(&text, &size);
	bh_ctl_table_column(&t, "NAME", 0);
	bh_ctl_table_column(&t, "N", BH_COL_RIGHT);
	bh_ctl_table_column(&t, "TEXT", BH_COL_SHRINK | BH_COL_COLOUR);
	for (i = 0; i < n; i++)
		bh_ctl_table_cell(&t, cells[i]);
	bh_ctl_table_print(&t, &ctl);
	bh_ctl_table_free(&t);
	fclose(ctl.out);
	bh_buf_reset(out);
	bh_buf_add(out, text, size);
	free(text);
}

static void
columns_are_as_wide_as_their_widest_cell(void)
{
	static const char *const cells[] = {"a", "1", "x", "long-name", "1000", "yy"};
	struct bh_buf out = {0};

	print(&out, 0, false, cells, 6);
	CU_ASSERT_STRING_EQUAL(out.data, "NAME          N  TEXT\n"
					 "a             1  x\n"
					 "long-name  1000  yy\n");
	print(&out, 0, false, cells, 0);
	CU_ASSERT_STRING_EQUAL(out.data, "NAME  N  TEXT\n");
	bh_buf_free(&out);
}

static void
no_line_is_wider_than_the_terminal(void)
{
	static const char *const cells[] = {
		"name", "12345", "a rather long text that does not fit into the line",
		"b",    "1",     "short"};
	struct bh_buf out = {0};
	char *line, *save;
	unsigned width;

	for (width = 21; width < 80; width++) { /* 4 + 2 + 5 + 2 + 8 */
		print(&out, width, false, cells, 6);
		for (line = strtok_r(out.data, "\n", &save); line != NULL;
		     line = strtok_r(NULL, "\n", &save))
			CU_ASSERT(strlen(line) <= width);
	}
	print(&out, 30, false, cells, 6);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "name  12345  a rather long te~\n"));
	bh_buf_free(&out);
}

static void
width_counts_characters_not_bytes(void)
{
	static const char *const cells[] = {"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", "1", "x"};
	struct bh_buf out = {0};

	print(&out, 0, false, cells, 3);
	CU_ASSERT_STRING_EQUAL(out.data, "NAME  N  TEXT\n\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f  1  x\n");
	bh_buf_free(&out);
}

static void
escape_sequences_of_strangers_are_defused(void)
{
	static const char *const cells[] = {"a\033[31mb", "1",
					    ("c\nd\x7f\xc2\x9b"
					     "e")};
	struct bh_buf out = {0};

	print(&out, 0, true, cells, 3);
	CU_ASSERT_PTR_NULL(strchr(out.data, '\033'));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "a?[31mb"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "c?d???e\n"));
	bh_buf_free(&out);
}

static void
colour_is_there_only_when_asked_for(void)
{
	static const char *const cells[] = {"a", "1", "deny", "b", "1", "denying"};
	struct bh_buf out = {0};

	print(&out, 0, true, cells, 6);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "\033[31mdeny\033[0m\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "  denying\n"));
	print(&out, 0, false, cells, 6);
	CU_ASSERT_PTR_NULL(strchr(out.data, '\033'));
	bh_buf_free(&out);
}

static void
human_numbers_keep_three_digits(void)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {{0, "0"},         {999, "999"},      {999.6, "1.00k"}, {1000, "1.00k"},
		     {9994, "9.99k"},  {9996, "10.0k"},   {99940, "99.9k"}, {99960, "100k"},
		     {999499, "999k"}, {999501, "1.00M"}, {1.5e9, "1.50G"}, {2e18, "2.00E"}};
	char text[32];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		bh_ctl_human(text, sizeof(text), cases[i].v);
		CU_ASSERT_STRING_EQUAL(text, cases[i].text);
	}
}

/* ---- command line ------------------------------------------------------------------------------------ */

/* Parse blank-separated words. */
static int
parse(struct bh_ctl_args *a, const char *line, char *err, size_t size)
{
	static char words[512];
	static char *argv[32];
	FILE *f = fmemopen(err, size, "w");
	char *save = NULL, *word;
	int argc = 0, rc;

	snprintf(words, sizeof(words), "bulkheadctl %s", line);
	for (word = strtok_r(words, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	err[0] = '\0';
	rc = bh_ctl_parse(a, argc, argv, f);
	fclose(f);
	return rc;
}

static void
options_stand_before_or_behind_the_verb(void)
{
	static const char *const lines[] = {
		"get flows --limit 5 -o json --server http://x",
		"--limit 5 --output=json -s http://x get flows",
		"get --limit=5 -ojson flows -shttp://x",
	};
	struct bh_ctl_args a;
	char err[256];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(lines); i++) {
		CU_ASSERT_EQUAL(parse(&a, lines[i], err, sizeof(err)), 0);
		CU_ASSERT_STRING_EQUAL(a.verb->name, "get");
		CU_ASSERT_EQUAL(a.n_words, 1);
		CU_ASSERT_STRING_EQUAL(a.word[0], "flows");
		CU_ASSERT_STRING_EQUAL(a.limit.value[0], "5");
		CU_ASSERT_STRING_EQUAL(a.server.value[0], "http://x");
		CU_ASSERT_EQUAL(a.format, BH_OUTPUT_JSON);
		bh_ctl_args_free(&a);
	}
}

static void
words_that_look_like_options_stay_words(void)
{
	struct bh_ctl_args a;
	char err[256];

	CU_ASSERT_EQUAL(parse(&a, "label endpoint 10.0.0.1 a=b c- -- -x=y", err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(a.n_words, 5);
	CU_ASSERT_STRING_EQUAL(a.word[3], "c-");
	CU_ASSERT_STRING_EQUAL(a.word[4], "-x=y");
	bh_ctl_args_free(&a);
	CU_ASSERT_EQUAL(parse(&a, "apply -f -", err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(a.file.value[0], "-");
	bh_ctl_args_free(&a);
}

static void
repeated_options_are_all_kept(void)
{
	struct bh_ctl_args a;
	char err[256];

	CU_ASSERT_EQUAL(parse(&a, "get endpoints -l a=b -l c --filter segment=x", err, sizeof(err)),
			0);
	CU_ASSERT_EQUAL(a.label.n, 2);
	CU_ASSERT_STRING_EQUAL(a.label.value[1], "c");
	bh_ctl_args_free(&a);
	CU_ASSERT_EQUAL(parse(&a, "get flows -l1 -l2 -l3 -l4 -l5 -l6 -l7 -l8 -l9 -la -lb -lc -ld",
			      err, sizeof(err)),
			BH_CTL_USAGE);
	bh_ctl_args_free(&a);
}

static void
mistakes_are_told_with_what_was_meant(void)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{"gett flows", "did you mean get?"},
		{"get flows --limmit 5", "did you mean limit?"},
		{"get flows -o jsn", "did you mean json?"},
		{"frobnicate", "see bulkheadctl --help"},
		{"get flows --limit", "needs a value: N"},
		{"get flows --once", "get has no option --once"},
		{"apply --dry-run=1 -f x", "takes no value"},
		{"get", "usage: bulkheadctl get KIND [NAME]"},
		{"get a b c", "usage: bulkheadctl get KIND [NAME]"},
		{"label endpoint 10.0.0.1", "usage: bulkheadctl label"},
		{"get flows -z", "unknown option `z`"},
	};
	struct bh_ctl_args a;
	char err[256];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		CU_ASSERT_EQUAL(parse(&a, bad[i].line, err, sizeof(err)), BH_CTL_USAGE);
		if (strstr(err, bad[i].says) == NULL)
			fprintf(stderr, "%s: %s\n", bad[i].line, err);
		CU_ASSERT_PTR_NOT_NULL(strstr(err, bad[i].says));
		bh_ctl_args_free(&a);
	}
}

const struct bh_unit_test bh_suite_api_table[] = {
	BH_TEST(columns_are_as_wide_as_their_widest_cell),
	BH_TEST(no_line_is_wider_than_the_terminal),
	BH_TEST(width_counts_characters_not_bytes),
	BH_TEST(escape_sequences_of_strangers_are_defused),
	BH_TEST(colour_is_there_only_when_asked_for),
	BH_TEST(human_numbers_keep_three_digits),
	BH_TEST(options_stand_before_or_behind_the_verb),
	BH_TEST(words_that_look_like_options_stay_words),
	BH_TEST(repeated_options_are_all_kept),
	BH_TEST(mistakes_are_told_with_what_was_meant),
	BH_TEST_END,
};
