/* YAML text to nodes: positions, limits, refusals. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/conf/conf.h"
#include "unit.h"

static struct bh_yaml_doc *
load(const char *text, struct bh_err *err)
{
	struct bh_yaml_doc *doc = NULL;

	*err = (struct bh_err){0};
	bh_yaml_load_text(&doc, "t.yaml", text, strlen(text), err);
	return doc;
}

/* The text is refused with exactly this message. */
static void
refused(const char *text, size_t len, const char *want)
{
	struct bh_err err = {0};
	struct bh_yaml_doc *doc;
	char got[1024];

	CU_ASSERT_NOT_EQUAL(bh_yaml_load_text(&doc, "t.yaml", text, len, &err), 0);
	CU_ASSERT_PTR_NULL(doc);
	bh_err_format(&err, got, sizeof(got));
	if (strcmp(got, want) != 0)
		fprintf(stderr, "\nwant: %s\ngot:  %s\n", want, got);
	CU_ASSERT_STRING_EQUAL(got, want);
}

static void
nodes_know_line_and_column(void)
{
	struct bh_err err;
	struct bh_yaml_doc *doc = load("a: 1\nlist:\n  - x\n  - \"y z\"\nmap: {k: [1, 2]}\n", &err);
	const struct bh_yaml *root, *n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
	root = bh_yaml_root(doc);
	CU_ASSERT_EQUAL(root->n, 3);
	CU_ASSERT_STRING_EQUAL(root->key[1]->text, "list");
	CU_ASSERT_EQUAL(root->key[1]->line, 2);
	n = bh_yaml_get(root, "list");
	CU_ASSERT_EQUAL(n->n, 2);
	CU_ASSERT_EQUAL(n->item[1]->line, 4);
	CU_ASSERT_EQUAL(n->item[1]->column, 5);
	CU_ASSERT_TRUE(n->item[1]->quoted);
	CU_ASSERT_TRUE(n->item[1]->flat);
	CU_ASSERT_STRING_EQUAL(n->item[1]->text, "y z");
	n = bh_yaml_get(bh_yaml_get(root, "map"), "k");
	CU_ASSERT_EQUAL(n->item[1]->column, 14);
	CU_ASSERT_PTR_NULL(bh_yaml_get(root, "none"));
	bh_yaml_free(doc);
}

static void
text_over_several_lines_is_not_flat(void)
{
	struct bh_err err;
	struct bh_yaml_doc *doc = load("a: |\n  x\nb: \"\\x41\"\nc: plain\n", &err);
	const struct bh_yaml *root;

	CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
	root = bh_yaml_root(doc);
	CU_ASSERT_FALSE(bh_yaml_get(root, "a")->flat);
	CU_ASSERT_FALSE(bh_yaml_get(root, "b")->flat);
	CU_ASSERT_STRING_EQUAL(bh_yaml_get(root, "b")->text, "A");
	CU_ASSERT_TRUE(bh_yaml_get(root, "c")->flat);
	bh_yaml_free(doc);
}

static void
empty_text_is_an_empty_map(void)
{
	static const char *const texts[] = {"", "\n", "# only a comment\n", "---\n", "~\n"};
	struct bh_yaml_doc *doc;
	struct bh_err err;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(texts); i++) {
		doc = load(texts[i], &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
		CU_ASSERT_EQUAL(bh_yaml_root(doc)->type, BH_YAML_MAP);
		CU_ASSERT_EQUAL(bh_yaml_root(doc)->n, 0);
		CU_ASSERT_EQUAL(bh_yaml_root(doc)->line, 1);
		bh_yaml_free(doc);
	}
}

static void
json_loads_as_it_is(void)
{
	struct bh_err err;
	struct bh_yaml_doc *doc = load("{\"a\": [1, true, \"x\\u0041\"],\n \"b\": {}}", &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
	CU_ASSERT_EQUAL(bh_yaml_get(bh_yaml_root(doc), "a")->n, 3);
	CU_ASSERT_STRING_EQUAL(bh_yaml_get(bh_yaml_root(doc), "a")->item[2]->text, "xA");
	CU_ASSERT_EQUAL(bh_yaml_get(bh_yaml_root(doc), "b")->type, BH_YAML_MAP);
	bh_yaml_free(doc);
}

static void
what_reads_other_than_written_is_refused(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"a: &x 1\n", "t.yaml:1:4: anchors (&) are not supported: write the value out"},
		{"a: &x [1]\n", "t.yaml:1:4: anchors (&) are not supported: write the value out"},
		{"a: &x {k: 1}\n",
		 "t.yaml:1:4: anchors (&) are not supported: write the value out"},
		{"a: *x\n", "t.yaml:1:4: aliases (*) are not supported: write the value out, or "
			    "quote it"},
		{"a: !!str 1\n", "t.yaml:1:4: tags (!) are not supported: remove it"},
		{"a: !x [1]\n", "t.yaml:1:4: tags (!) are not supported: remove it"},
		{"%TAG ! tag:x,2000:\n--- {}\n", "t.yaml:1:1: %TAG is not supported: remove it"},
		{"a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document: keep one file for each"},
		{"a: 1\nb: 2\na: 3\n", "t.yaml:3:1: key 'a' is already set in line 1, column 1: "
				       "keep one of them"},
		{"? [a]\n: 1\n", "t.yaml:1:3: a key must be a word, not a list or a map"},
		{"a:\n\t- 1\n", "t.yaml:2:1: a tab where YAML wants spaces: indent with spaces"},
		{"a: b: c\n", "t.yaml:1:5: a ':' where none can be: check the indentation, or put "
			      "the text in quotes"},
		{"a: [1, 2\nb: 3\n", "t.yaml:2:2: a list in [ ] lacks ',' or its closing ']'"},
		{"a: 1\n b: 2\n", "t.yaml:2:3: a ':' where none can be: check the indentation, or "
				  "put the text in quotes"},
		{"a: \"x\n", "t.yaml:2:1: the file ends inside a quoted text"},
		{"a: x\nb: \xff\n", "t.yaml:2:4: not UTF-8 text, or a control character: remove or "
				    "escape it"},
		{"a: \"\\0\"\n", "t.yaml:1:4: a text that holds a NUL character"},
	};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++)
		refused(cases[i].text, strlen(cases[i].text), cases[i].want);
}

static void
first_repeated_key_is_told_in_a_big_map(void)
{
	char text[4096] = "";
	size_t len = 0;
	int i;

	for (i = 0; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "k%d: 1\n", i);
	len += (size_t)snprintf(text + len, sizeof(text) - len, "k70: 1\nk5: 1\nk70: 1\n");
	refused(text, len,
		"t.yaml:101:1: key 'k70' is already set in line 71, column 1: keep one of them");
}

static void
limits_are_kept(void)
{
	size_t big = (65 << 10) + 8, huge = (64 << 20) + 1;
	char *text = malloc(huge), want[64] = "t.yaml:1:65: nested more than 64 deep";
	struct bh_err err = {0};
	struct bh_yaml_doc *doc;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, '[', 65);
	refused(text, 65, want);
	memset(text + 64, ']', 64);
	CU_ASSERT_EQUAL(bh_yaml_load_text(&doc, "t.yaml", text, 128, &err), 0);
	bh_yaml_free(doc);
	memset(text, 'x', big);
	refused(text, big, "t.yaml:1:1: a text of more than 64 KiB");
	memset(text, ' ', huge);
	refused(text, huge, "t.yaml:1:1: larger than 64 MiB");
	free(text);
}

static void
file_that_cannot_be_read_is_named(void)
{
	struct bh_yaml_doc *doc;
	struct bh_err err = {0};
	char got[1024];

	CU_ASSERT_EQUAL(bh_yaml_load_file(&doc, "/nonexistent/x.yaml", &err), -ENOENT);
	bh_err_format(&err, got, sizeof(got));
	CU_ASSERT_STRING_EQUAL(got, "/nonexistent/x.yaml: no such file: check the path (a relative "
				    "one starts at the folder of the file that names it)");
	err = (struct bh_err){0};
	CU_ASSERT_EQUAL(bh_yaml_load_file(&doc, "/", &err), -EISDIR);
}

static void
file_loads_as_its_text(void)
{
	char path[] = "/tmp/bh_conf_XXXXXX", line[128];
	struct bh_err err = {0};
	struct bh_yaml_doc *doc;
	int fd = mkstemp(path), i;
	size_t n = 0;

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	/* Longer than the reader's first buffer, so that it grows. */
	for (i = 0; i < 3000; i++)
		n += (size_t)write(fd, line,
				   (size_t)snprintf(line, sizeof(line),
						    "key%04d: 'a text to fill the line'\n", i));
	CU_ASSERT_TRUE(n > 1 << 16);
	CU_ASSERT_EQUAL(bh_yaml_load_file(&doc, path, &err), 0);
	CU_ASSERT_EQUAL(bh_yaml_root(doc)->n, 3000);
	CU_ASSERT_STRING_EQUAL(bh_yaml_root(doc)->key[2999]->text, "key2999");
	CU_ASSERT_STRING_EQUAL(bh_yaml_name(doc), path);
	bh_yaml_free(doc);
	close(fd);
	unlink(path);
}

const struct bh_unit_test bh_suite_conf_yaml[] = {BH_TEST(nodes_know_line_and_column),
						  BH_TEST(text_over_several_lines_is_not_flat),
						  BH_TEST(empty_text_is_an_empty_map),
						  BH_TEST(json_loads_as_it_is),
						  BH_TEST(what_reads_other_than_written_is_refused),
						  BH_TEST(first_repeated_key_is_told_in_a_big_map),
						  BH_TEST(limits_are_kept),
						  BH_TEST(file_that_cannot_be_read_is_named),
						  BH_TEST(file_loads_as_its_text),
						  BH_TEST_END};
