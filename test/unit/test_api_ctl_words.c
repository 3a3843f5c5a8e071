/* What bulkheadctl writes for other programs, and what it remembers. */
#include <sys/stat.h>

#include "api_ctl_rig.h"

static void
yaml_says_what_json_says(void)
{
	struct run r;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "get segments -o yaml"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "items:\n  - name: "));
	CU_ASSERT(says(r.out, "\n    selector: \"app=web\"\n"));
	CU_ASSERT(says(r.out, "\nmore: false\n"));
	CU_ASSERT_EQUAL(run(&r, "get endpoint 10.1.0.10 -o yaml"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "address: \"10.1.0.10\"\n"));
	CU_ASSERT(says(r.out, "labels:\n  app: web\n  tier: front\n"));
	CU_ASSERT(says(r.out, "segments:\n  - web\n"));
	CU_ASSERT_EQUAL(run(&r, "get stats -o yaml"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "total:\n  packets: 12\n"));
	/* A policy's YAML is the document. */
	CU_ASSERT_EQUAL(run(&r, "get policy -o yaml"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "version: 1"));
	run_stop(&r);
}

static void
words_that_mean_something_in_yaml_are_quoted(void)
{
	struct run r;

	run_start(&r);
	CU_ASSERT_EQUAL(run(&r, "-t @token create endpoint 10.1.1.1 a=no b=7 c=1.0 d=plain-1 e=on"),
			BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "get endpoint 10.1.1.1 -o yaml"), BH_CTL_OK);
	CU_ASSERT(
		says(r.out, "  a: \"no\"\n  b: \"7\"\n  c: \"1.0\"\n  d: plain-1\n  e: \"on\"\n"));
	run_stop(&r);
}

static void
contexts_say_where_and_as_whom(void)
{
	char dir[] = "/tmp/bulkhead-ctl-XXXXXX", line[200], path[80];
	struct stat st;
	struct run r;

	run_start(&r);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	setenv("XDG_CONFIG_HOME", dir, 1);
	unsetenv("BULKHEAD_SERVER");
	CU_ASSERT_EQUAL(run(&r, "config use here"), BH_CTL_NO);
	CU_ASSERT_EQUAL(run(&r, "config set here"), BH_CTL_USAGE);
	snprintf(line, sizeof(line), "config set here --server %s/ --token-file @token",
		 r.fix.server);
	CU_ASSERT_EQUAL(run(&r, line), BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "config set there --server http://127.0.0.1:9"), BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "config list"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "*        here"));
	CU_ASSERT(says(r.out, "there"));
	snprintf(path, sizeof(path), "%s/bulkhead", dir);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
	/* Server and token come from the current one. */
	CU_ASSERT_EQUAL(run(&r, "create endpoint 10.1.1.1 a=b"), BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "--context there get segments"), BH_CTL_UNREACHABLE);
	CU_ASSERT(says(r.err, "from the context"));
	CU_ASSERT_EQUAL(run(&r, "--context nowhere get segments"), BH_CTL_USAGE);
	CU_ASSERT_EQUAL(run(&r, "config use there"), BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "get segments"), BH_CTL_UNREACHABLE);
	snprintf(line, sizeof(line), "-s %s get segments", r.fix.server);
	CU_ASSERT_EQUAL(run(&r, line), BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "config delete there"), BH_CTL_OK);
	CU_ASSERT_EQUAL(run(&r, "config delete there"), BH_CTL_NO);
	snprintf(path, sizeof(path), "%s/bulkhead/contexts.json", dir);
	CU_ASSERT_EQUAL(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/bulkhead", dir);
	CU_ASSERT_EQUAL(rmdir(path), 0);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	unsetenv("XDG_CONFIG_HOME");
	run_stop(&r);
}

static void
completion_and_manual_name_every_verb_and_option(void)
{
	static const char *const lines[] = {"completion bash", "completion zsh", "completion fish",
					    "man"};
	struct run r;
	size_t i, k;

	run_start(&r);
	for (i = 0; i < BH_ARRAY_SIZE(lines); i++) {
		CU_ASSERT_EQUAL(run(&r, lines[i]), BH_CTL_OK);
		for (k = 0; k < bh_ctl_n_verbs; k++)
			CU_ASSERT(says(r.out, bh_ctl_verbs[k].name));
		CU_ASSERT(says(r.out, i == 3 ? "token\\-file" : "token-file"));
	}
	CU_ASSERT_EQUAL(run(&r, "completion csh"), BH_CTL_USAGE);
	run_stop(&r);
}

/* How far a request is, whichever way its bytes go; without a size at least how long it takes. */
static void
progress_says_what_is_known(void)
{
	static const struct {
		struct bh_ctl_amounts a;
		const char *want;
	} cases[] = {
		{{0, 0, 0, 0}, "the gateway works on it: 3 s"},
		{{1000, 1000, 0, 0}, "the gateway works on it: 3 s"},
		{{1000000, 250000, 0, 0},
		 "sending [######------------------]  25 %  250k of 1.00M"},
		{{1000, 1000, 4000, 4000},
		 "receiving [########################] 100 %  4.00k of 4.00k"},
		{{0, 0, 4000, 8000}, "receiving [########################] 100 %  8.00k of 4.00k"},
		{{0, 0, 0, 5000}, "receiving 5.00k"},
	};
	char text[120];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		bh_ctl_progress_text(text, sizeof(text), 3200 * BH_NS_PER_MS, &cases[i].a);
		CU_ASSERT_STRING_EQUAL(text, cases[i].want);
		if (strcmp(text, cases[i].want) != 0)
			fprintf(stderr, "%s\n", text);
	}
}

static void
work_says_how_many_of_its_parts_are_done(void)
{
	_Atomic uint32_t done = 0, all = 0;
	const struct bh_ctl_work w = {.what = "compiling",
				      .parts = "databases",
				      .done = &done,
				      .all = &all};
	char text[120];

	bh_ctl_progress_work_text(text, sizeof(text), 1999 * BH_NS_PER_MS, &w);
	CU_ASSERT_STRING_EQUAL(text, "compiling: 1 s");
	all = 4;
	done = 3;
	bh_ctl_progress_work_text(text, sizeof(text), 61 * BH_NS_PER_SEC, &w);
	CU_ASSERT_STRING_EQUAL(text, "compiling [##################------] 3 of 4 databases, 61 s");
}

static void *
one_more(void *arg)
{
	*(unsigned *)arg += 1;
	return NULL;
}

/* The tests' own standard error is no terminal's: nothing is shown, and it is done all the same. */
static void
work_is_done_where_nothing_is_shown(void)
{
	_Atomic uint32_t none = 0;
	unsigned runs = 0;
	const struct bh_ctl_work w = {"", "", &none, &none, one_more, &runs};
	char *said = NULL;
	size_t len;
	struct bh_ctl ctl = {.err = open_memstream(&said, &len)};

	bh_ctl_progress_work(&ctl, &w);
	fclose(ctl.err);
	CU_ASSERT_EQUAL(runs, 1);
	CU_ASSERT_STRING_EQUAL(said, "");
	free(said);
}

const struct bh_unit_test bh_suite_api_ctl_words[] = {
	BH_TEST(progress_says_what_is_known),
	BH_TEST(work_says_how_many_of_its_parts_are_done),
	BH_TEST(work_is_done_where_nothing_is_shown),
	BH_TEST(yaml_says_what_json_says),
	BH_TEST(words_that_mean_something_in_yaml_are_quoted),
	BH_TEST(contexts_say_where_and_as_whom),
	BH_TEST(completion_and_manual_name_every_verb_and_option),
	BH_TEST_END,
};
