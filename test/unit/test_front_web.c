/* The dashboard's files: served as they were read, whatever happens to the folder; a path that is not in the table is the
 * control core's matter, and no form of one leads out of the folder. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front_rig.h"

static void
a_file_is_served_with_its_type_and_a_strict_policy(void)
{
	char out[4096];
	struct front_rig r;

	front_rig_start(&r);
	CU_ASSERT_EQUAL(front_rig_ask(&r, "GET", "/", "", out, sizeof(out)), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "Content-Type: text/html"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(out, "default-src 'none'; script-src 'self'; style-src 'self'"));
	CU_ASSERT_PTR_NULL(strstr(out, "unsafe"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "\r\n\r\n<!doctype html>"));
	CU_ASSERT_EQUAL(front_rig_ask(&r, "GET", "/assets/a.js?v=1", "", out, sizeof(out)), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "Content-Type: text/javascript"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "\r\n\r\nlet a;"));
	CU_ASSERT_EQUAL(front_rig_ask(&r, "HEAD", "/assets/a.js", "", out, sizeof(out)), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "Content-Length: 6"));
	CU_ASSERT_PTR_NULL(strstr(out, "let a;"));
	CU_ASSERT_EQUAL(front_rig_ask(&r, "POST", "/", "Content-Length: 2\r\n\r\nab", out,
				      sizeof(out)),
			405);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "Allow: GET, HEAD"));
	front_rig_stop(&r);
}

static void
a_file_that_is_known_is_not_sent_again(void)
{
	char out[4096], again[100];
	const char *tag;
	struct front_rig r;

	front_rig_start(&r);
	CU_ASSERT_EQUAL(front_rig_ask(&r, "GET", "/assets/a.js", "", out, sizeof(out)), 200);
	tag = strstr(out, "ETag: \"");
	CU_ASSERT_PTR_NOT_NULL_FATAL(tag);
	snprintf(again, sizeof(again), "If-None-Match: W/\"x\", %.18s\r\n", tag + 6);
	CU_ASSERT_EQUAL(front_rig_ask(&r, "GET", "/assets/a.js", again, out, sizeof(out)), 304);
	CU_ASSERT_PTR_NULL(strstr(out, "let a;"));
	CU_ASSERT_EQUAL(front_rig_ask(&r, "GET", "/", again, out, sizeof(out)), 200);
	front_rig_stop(&r);
}

/* 418 is what the control core of this test says to anything. */
static void
no_path_leads_out_of_the_table(void)
{
	static const char *const paths[] = {
		"/assets/../index.html",
		"/assets/%2e%2e/beside.js",
		"/assets//a.js",
		"/assets",
		"/assets/",
		"/beside.js",
		"/index.html",
		"//",
		"/assets/.hidden.js",
		"/assets/secret.key",
		"/assets/link.js",
		"/assets/a.js%00",
		"/assets/../../../../../../etc/passwd",
		"/ASSETS/a.js",
		"/api/v1/health",
	};
	char out[4096];
	struct front_rig r;
	size_t i;

	front_rig_start(&r);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int status = front_rig_ask(&r, "GET", paths[i], "", out, sizeof(out));

		if (status != 418)
			printf("%s: %d\n", paths[i], status);
		CU_ASSERT_EQUAL(status, 418);
	}
	front_rig_stop(&r);
}

static void
what_happens_to_the_folder_later_changes_nothing(void)
{
	char out[4096];
	struct front_rig r;

	front_rig_start(&r);
	front_rig_put(&r, "assets/a.js", "changed", 7);
	front_rig_put(&r, "assets/new.js", "new", 3);
	CU_ASSERT_EQUAL(front_rig_ask(&r, "GET", "/assets/a.js", "", out, sizeof(out)), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "let a;"));
	CU_ASSERT_EQUAL(front_rig_ask(&r, "GET", "/assets/new.js", "", out, sizeof(out)), 418);
	front_rig_stop(&r);
}

static void
a_folder_that_is_too_large_or_no_dashboard_is_refused(void)
{
	const size_t mib = 1u << 20;
	struct bh_front_web *web;
	char *big, path[200];
	struct bh_err err = {0};
	struct front_rig r = {0};

	front_rig_make_folder(&r);
	big = calloc(16, mib);
	front_rig_put(&r, "assets/big.js", big,
		      16 * mib - 21); /* with index.html and a.js exactly all */
	front_rig_put(&r, "beside.txt", "", 0);
	snprintf(path, sizeof(path), "%s/beside.js", r.folder);
	unlink(path);
	CU_ASSERT_EQUAL(bh_front_web_load(&web, r.folder, NULL), 0);
	bh_front_web_free(web);
	front_rig_put(&r, "assets/big.js", big, 16 * mib - 20);
	CU_ASSERT_EQUAL(bh_front_web_load(&web, r.folder, &err), -EFBIG);
	CU_ASSERT_PTR_NULL(web);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "16 MiB"));
	free(big);
	front_rig_put(&r, "assets/big.js", "", 0);
	snprintf(path, sizeof(path), "%s/index.html", r.folder);
	unlink(path);
	CU_ASSERT_EQUAL(bh_front_web_load(&web, r.folder, NULL), -ENOENT);
	CU_ASSERT_EQUAL(bh_front_web_load(&web, "/nonexistent", NULL), -ENOENT);
	front_rig_remove_folder(&r);
}

const struct bh_unit_test bh_suite_front_web[] = {
	BH_TEST(a_file_is_served_with_its_type_and_a_strict_policy),
	BH_TEST(a_file_that_is_known_is_not_sent_again),
	BH_TEST(no_path_leads_out_of_the_table),
	BH_TEST(what_happens_to_the_folder_later_changes_nothing),
	BH_TEST(a_folder_that_is_too_large_or_no_dashboard_is_refused),
	BH_TEST_END};
