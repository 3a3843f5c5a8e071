/* Paths of HTTP requests: one reading, or none. */
#include <stdio.h>

#include "../../lib/proto/proto.h"
#include "unit.h"

/* NULL: as expected. */
static void
expect(const char *sent, const char *path, const char *why)
{
	struct bh_http_path out;
	const char *got = bh_http_path((const uint8_t *)sent, strlen(sent), &out);
	bool ok;

	if (why != NULL)
		ok = got != NULL && strcmp(got, why) == 0;
	else
		ok = got == NULL && out.len == strlen(path) && memcmp(out.text, path, out.len) == 0;
	CU_ASSERT(ok);
	if (!ok)
		fprintf(stderr, "\n%s: expected %s, got %s %.*s\n", sent, why != NULL ? why : path,
			got != NULL ? got : "", out.len, (const char *)out.text);
}

static void
reads(const char *sent, const char *path)
{
	expect(sent, path, NULL);
}

static void
refuses(const char *why, const char *sent)
{
	expect(sent, NULL, why);
}

static void
dot_segments_are_removed(void)
{
	reads("", "/");
	reads("/", "/");
	reads("*", "*");
	reads("/a", "/a");
	reads("/a/", "/a/");
	reads("/a/./b", "/a/b");
	reads("/a/../b", "/b");
	reads("/a/b/../../c", "/c");
	reads("/a/b/..", "/a/");
	reads("/a/b/.", "/a/b/");
	reads("/a/..", "/");
	reads("/./a", "/a");
	reads("/a/.../b", "/a/.../b");
	reads("/.well-known/..a/b..", "/.well-known/..a/b..");
}

static void
escapes_are_decoded_once(void)
{
	reads("/%61%2Db", "/a-b");
	reads("/a%20b%3f%23%3Bc", "/a b?#;c");
	reads("/%c3%a4", "/\xc3\xa4");
	reads("/%e4", "/\xe4");
	reads("/100%25", "/100%");
	reads("/%25a", "/%a");
	reads("/a%2fb", "/a%2Fb");
	reads("/a%5Cb", "/a%5Cb");
	reads("/a%2eb", "/a.b");
	reads("//a///b", "//a///b");
}

static void
what_servers_read_differently_is_refused(void)
{
	static const char hides[] = "path hides a dot segment";
	static const char twice[] = "path is escaped twice";
	static const char overlong[] = "path has an overlong UTF-8 form";
	static const char invalid[] = "path has an invalid escape";
	static const char control[] = "path has an escaped control character";

	refuses("path climbs above its root", "/..");
	refuses("path climbs above its root", "/a/../../b");
	refuses("path climbs over an empty segment", "/a//../b");
	refuses("path climbs over an empty segment", "//..");
	refuses(hides, "/a/%2e%2e/b");
	refuses(hides, "/a/.%2E/b");
	refuses(hides, "/a/%2e/b");
	refuses(hides, "/a/..%2fb");
	refuses(hides, "/a/b%2f..");
	refuses(hides, "/a/b%5c..%5cc");
	refuses(hides, "/a/..;x/b");
	refuses(hides, "/a/.;/b");
	refuses(twice, "/a/%252e%252e/b");
	refuses(twice, "/a%252fb");
	refuses(twice, "/a%255Cb");
	refuses(twice, "/a%2500");
	refuses(twice, "/a%25252fb");
	refuses(twice, "/a%25%32%66b");
	refuses(overlong, "/%c0%ae%c0%ae/b");
	refuses(overlong, "/a%c0%afb");
	refuses(overlong, "/a%e0%80%afb");
	refuses(overlong, "/a%f0%80%80%afb");
	refuses(invalid, "/a%");
	refuses(invalid, "/a%4");
	refuses(invalid, "/a%zz");
	refuses(invalid, "/a%u0041");
	refuses(control, "/a%00b");
	refuses(control, "/a%0d%0ab");
	refuses(control, "/a%7f");
	refuses("path does not begin with /", "a");
}

/* What is longer than a value of an operation is judged as not understood. */
static void
a_long_path_is_longer_than_a_value(void)
{
	char sent[BH_HTTP_PATH_MAX + 2];
	struct bh_http_path out;
	size_t n;

	memset(sent, 'a', sizeof(sent));
	for (n = 510; n < 515; n++) {
		sent[0] = '/';
		CU_ASSERT_PTR_NULL(bh_http_path((const uint8_t *)sent, n, &out));
		CU_ASSERT_EQUAL(out.len, n <= BH_OP_VALUE_MAX ? n : BH_OP_VALUE_MAX + 1);
	}
	memcpy(sent + 600, "/../../x", 8);
	CU_ASSERT_PTR_NULL(bh_http_path((const uint8_t *)sent, 608, &out));
	CU_ASSERT_EQUAL(out.len, BH_OP_VALUE_MAX + 1);
	CU_ASSERT_PTR_NOT_NULL(bh_http_path((const uint8_t *)sent, BH_HTTP_PATH_MAX + 1, &out));
}

/* Any path that is accepted is read the same way again, but for what was escaped. */
static void
what_is_read_is_stable(void)
{
	static const char pieces[] = "ab/.%;-";
	unsigned round, accepted = 0;
	uint32_t x = 12345;

	for (round = 0; round < 200000; round++) {
		struct bh_http_path out, again;
		uint8_t sent[24];
		size_t n, i;

		x = x * 1664525 + 1013904223;
		n = 1 + (x >> 8) % (sizeof(sent) - 1);
		sent[0] = '/';
		for (i = 1; i < n; i++) {
			x = x * 1664525 + 1013904223;
			sent[i] = (uint8_t)pieces[(x >> 16) % (sizeof(pieces) - 1)];
		}
		if (bh_http_path(sent, n, &out) != NULL || memchr(sent, '%', n) != NULL)
			continue;
		accepted++;
		CU_ASSERT_PTR_NULL_FATAL(bh_http_path(out.text, out.len, &again));
		CU_ASSERT_FATAL(again.len == out.len && memcmp(again.text, out.text, out.len) == 0);
		CU_ASSERT_FATAL(memmem(out.text, out.len, "/../", 4) == NULL);
		CU_ASSERT_FATAL(memmem(out.text, out.len, "/./", 3) == NULL);
	}
	CU_ASSERT(accepted > 10000);
}

const struct bh_unit_test bh_suite_proto_ops_http_path[] = {
	BH_TEST(dot_segments_are_removed),
	BH_TEST(escapes_are_decoded_once),
	BH_TEST(what_servers_read_differently_is_refused),
	BH_TEST(a_long_path_is_longer_than_a_value),
	BH_TEST(what_is_read_is_stable),
	BH_TEST_END,
};
