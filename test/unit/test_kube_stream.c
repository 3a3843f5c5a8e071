/* Lines of a watch and pages of a list. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/kube/kube_priv.h"
#include "unit.h"

static int
collect(void *arg, const char *line, size_t len)
{
	bh_buf_add(arg, line, len);
	bh_buf_str(arg, "|");
	return 0;
}

static void
lines_are_the_same_however_they_come_in_pieces(void)
{
	static const char text[] = "{\"a\":1}\n\n{\"b\":2}\nrest";
	size_t len = sizeof(text) - 1, cut, at;

	for (cut = 1; cut <= len; cut++) {
		struct bh_lines l = {0};
		struct bh_buf out = {0};

		for (at = 0; at < len; at += cut)
			CU_ASSERT_EQUAL(bh_lines_feed(&l, text + at,
						      len - at < cut ? len - at : cut, collect,
						      &out),
					0);
		CU_ASSERT_STRING_EQUAL(out.data, "{\"a\":1}|{\"b\":2}|");
		bh_lines_free(&l);
		bh_buf_free(&out);
	}
}

static void
a_line_without_end_is_refused(void)
{
	struct bh_lines l = {0};
	struct bh_buf out = {0};
	static char many[1 << 16];
	size_t n = 0;
	int rc = 0;

	memset(many, 'x', sizeof(many));
	for (; rc == 0 && n < 2 * BH_LINE_MAX; n += sizeof(many))
		rc = bh_lines_feed(&l, many, sizeof(many), collect, &out);
	CU_ASSERT_EQUAL(rc, -EMSGSIZE);
	CU_ASSERT_TRUE(n <= BH_LINE_MAX + sizeof(many));
	bh_lines_free(&l);
	bh_buf_free(&out);
}

static void
events_are_read_and_410_is_gone(void)
{
	static const struct {
		const char *text;
		int rc;
		enum bh_kube_event_type type;
		const char *version;
	} table[] = {
		{"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}", 0,
		 BH_KUBE_ADDED, "7"},
		{"{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"resourceVersion\":\"8\"}}}", 0,
		 BH_KUBE_ADDED, "8"},
		{"{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\"}}}", 0,
		 BH_KUBE_DELETED, "9"},
		{"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"10\"}}}",
		 0, BH_KUBE_BOOKMARK, "10"},
		{"{\"type\":\"ERROR\",\"object\":{\"code\":410,\"message\":\"old\"}}", 0,
		 BH_KUBE_GONE, ""},
		{"{\"type\":\"ERROR\",\"object\":{\"code\":500,\"message\":\"x\"}}", 0,
		 BH_KUBE_ERROR, ""},
		{"{\"type\":\"OTHER\",\"object\":{}}", -EINVAL, BH_KUBE_ERROR, ""},
		{"{\"type\":\"ADDED\"}", -EINVAL, BH_KUBE_ERROR, ""},
		{"{\"type\":\"ADDED\",\"type\":\"DELETED\",\"object\":{}}", -EINVAL, BH_KUBE_ERROR,
		 ""},
		{"[]", -EINVAL, BH_KUBE_ERROR, ""},
		{"{", -EINVAL, BH_KUBE_ERROR, ""},
	};
	struct bh_kube_event e;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(table); i++) {
		CU_ASSERT_EQUAL(bh_kube_event_read(&e, table[i].text, strlen(table[i].text)),
				table[i].rc);
		if (table[i].rc != 0)
			continue;
		CU_ASSERT_EQUAL(e.type, table[i].type);
		CU_ASSERT_STRING_EQUAL(e.version, table[i].version);
		json_decref(e.doc);
	}
}

static void
a_page_has_a_version_and_may_have_a_next(void)
{
	static const char
		*const good = "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":"
			      "\"abc\"},\"items\":[{},{}]}",
		       *const empty = "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":null}",
		       *const bad = "{\"metadata\":{},\"items\":[]}";
	struct bh_kube_page p;

	CU_ASSERT_EQUAL(bh_kube_page_read(&p, good, strlen(good)), 0);
	CU_ASSERT_EQUAL(json_array_size(p.items), 2);
	CU_ASSERT_STRING_EQUAL(p.next, "abc");
	json_decref(p.doc);
	CU_ASSERT_EQUAL(bh_kube_page_read(&p, empty, strlen(empty)), 0);
	CU_ASSERT_STRING_EQUAL(p.next, "");
	json_decref(p.doc);
	CU_ASSERT_EQUAL(bh_kube_page_read(&p, bad, strlen(bad)), -EINVAL);
}

const struct bh_unit_test bh_suite_kube_stream[] = {
	BH_TEST(lines_are_the_same_however_they_come_in_pieces),
	BH_TEST(a_line_without_end_is_refused),
	BH_TEST(events_are_read_and_410_is_gone),
	BH_TEST(a_page_has_a_version_and_may_have_a_next),
	BH_TEST_END,
};
