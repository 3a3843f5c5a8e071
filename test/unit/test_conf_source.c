/* `sources` of bulkhead.yaml: what a good list becomes, and where a bad one is wrong. */
#include <stdio.h>

#include "conf_rig.h"

static void
a_good_list_is_read(void)
{
	static const char text[] =
		"mode: discover\n"
		"sources:\n"
		"  - {type: kubernetes, name: east, kubeconfig: kube/east, context: admin, "
		"insecure: true}\n"
		"  - {type: kubernetes, name: here, in_cluster: true, stale: {after: 30s, "
		"then: drop}}\n"
		"  - {type: file, name: racks-1.2, path: racks.yaml, stale: {then: keep}}\n";
	struct bh_err err;

	CU_ASSERT_EQUAL_FATAL(load(text, &err), 0);
	CU_ASSERT_EQUAL_FATAL(config.n_sources, 3);
	CU_ASSERT_EQUAL(config.source[0].type, BH_SOURCE_KUBERNETES);
	CU_ASSERT_STRING_EQUAL(config.source[0].name, "east");
	CU_ASSERT_STRING_EQUAL(config.source[0].kubeconfig, "/etc/bulkhead/kube/east");
	CU_ASSERT_STRING_EQUAL(config.source[0].context, "admin");
	CU_ASSERT(config.source[0].insecure && !config.source[0].in_cluster);
	CU_ASSERT_EQUAL(config.source[0].stale_ms, 600000);
	CU_ASSERT(!config.source[0].stale_drop);
	CU_ASSERT(config.source[1].in_cluster && !config.source[1].insecure);
	CU_ASSERT_STRING_EQUAL(config.source[1].kubeconfig, "");
	CU_ASSERT_EQUAL(config.source[1].stale_ms, 30000);
	CU_ASSERT(config.source[1].stale_drop);
	CU_ASSERT_EQUAL(config.source[2].type, BH_SOURCE_WATCHED_FILE);
	CU_ASSERT_STRING_EQUAL(config.source[2].path, "/etc/bulkhead/racks.yaml");
	CU_ASSERT(!config.source[2].stale_drop);
	CU_ASSERT_EQUAL_FATAL(load("mode: discover\nsources: []\n", &err), 0);
	CU_ASSERT_EQUAL(config.n_sources, 0);
	CU_ASSERT_EQUAL_FATAL(load("mode: discover\nsources:\n", &err), 0);
	CU_ASSERT_EQUAL(config.n_sources, 0);
}

static void
a_bad_list_is_refused_where_it_is_wrong(void)
{
	static const struct {
		const char *text, *what;
		unsigned line;
	} bad[] = {
		{"sources: yes\n", "expected a list", 1},
		{"sources: [a]\n", "", 1},
		{"sources:\n  - {name: a}\n", "lacks 'type'", 2},
		{"sources:\n  - {type: consul, name: a}\n", "kubernetes", 2},
		{"sources:\n  - {type: file, path: x}\n", "lacks 'name'", 2},
		{"sources:\n  - {type: file, name: a}\n", "lacks 'path'", 2},
		{"sources:\n  - {type: file, name: \"\", path: x}\n", "expected a text", 2},
		{"sources:\n  - type: file\n    path: x\n    name: a/b\n", "letters, digits", 4},
		{"sources:\n  - {type: file, path: x, name: -a}\n", "both ends", 2},
		{"sources:\n  - {type: file, path: x, name: a.}\n", "both ends", 2},
		{"sources:\n  - {type: file, path: x, name: a, context: c}\n", "context", 2},
		{"sources:\n  - {type: kubernetes, name: a, path: x}\n", "path", 2},
		{"sources:\n  - {type: kubernetes, name: a}\n", "either 'kubeconfig", 2},
		{"sources:\n  - {type: kubernetes, name: a, kubeconfig: f, in_cluster: true}\n",
		 "either 'kubeconfig", 2},
		{"sources:\n  - {type: kubernetes, name: a, in_cluster: maybe}\n", "maybe", 2},
		{"sources:\n  - {type: file, path: x, name: a, stale: 5m}\n", "expected {after", 2},
		{"sources:\n  - {type: file, path: x, name: a, stale: {after: 10ms}}\n", "10ms", 2},
		{"sources:\n  - {type: file, path: x, name: a, stale: {then: burn}}\n", "burn", 2},
		{"sources:\n  - {type: file, path: x, name: a, stale: {when: now}}\n", "when", 2},
		{"sources:\n  - {type: file, path: x, name: a}\n  - {type: kubernetes, "
		 "in_cluster: true, name: a}\n",
		 "two sources are called a", 3},
	};
	struct bh_err err;
	char text[1024];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		CU_ASSERT_EQUAL(load(bad[i].text, &err), -EINVAL);
		bh_err_format(&err, text, sizeof(text));
		CU_ASSERT_EQUAL(err.line, bad[i].line);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, bad[i].what));
		if (strstr(text, bad[i].what) == NULL || err.line != bad[i].line)
			printf("%zu: %s\n", i, text);
	}
}

/* What is too long is refused, not cut. */
static void
no_text_is_cut(void)
{
	char text[1024], word[300];
	struct bh_err err;

	memset(word, 'a', sizeof(word));
	word[63] = '\0';
	snprintf(text, sizeof(text),
		 "mode: discover\nsources:\n  - {type: file, path: x, name: %s}\n", word);
	CU_ASSERT_EQUAL_FATAL(load(text, &err), 0);
	CU_ASSERT_STRING_EQUAL(config.source[0].name, word);
	word[63] = 'a';
	word[64] = '\0';
	snprintf(text, sizeof(text), "sources:\n  - {type: file, path: x, name: %s}\n", word);
	CU_ASSERT_EQUAL(load(text, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "at most 63 bytes"));
}

static void
there_are_eight_at_most(void)
{
	char text[1024] = "mode: discover\nsources:\n";
	struct bh_err err;
	unsigned i;

	for (i = 0; i < BH_CONFIG_SOURCES; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "  - {type: file, path: x, name: s%u}\n", i);
	CU_ASSERT_EQUAL(load(text, &err), 0);
	CU_ASSERT_EQUAL(config.n_sources, BH_CONFIG_SOURCES);
	snprintf(text + strlen(text), sizeof(text) - strlen(text),
		 "  - {type: file, path: x, name: more}\n");
	CU_ASSERT_EQUAL(load(text, &err), -EINVAL);
}

const struct bh_unit_test bh_suite_conf_source[] = {
	BH_TEST(a_good_list_is_read),
	BH_TEST(a_bad_list_is_refused_where_it_is_wrong),
	BH_TEST(no_text_is_cut),
	BH_TEST(there_are_eight_at_most),
	BH_TEST_END,
};
