/* api: /evidence, over a folder with files in it. */
#include <fcntl.h>
#include <sys/stat.h>

#include "api_fixture.h"

#define FILES 5

static char folder[32];

static void
name_of(unsigned i, char out[96])
{
	snprintf(out, 96, "20260102T03040%u.000000Z-000000000000000%u-dlp.card.pcapng", i, i);
}

static void
with_evidence(struct bh_api_params *p)
{
	p->evidence = folder;
}

static void
begin(struct fix *f)
{
	char name[96], path[160];
	unsigned i;
	int fd;

	strcpy(folder, "/tmp/bh_api_ev_XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	for (i = 0; i < FILES; i++) {
		name_of(i, name);
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		CU_ASSERT_FATAL(fd >= 0);
		CU_ASSERT_EQUAL(write(fd, "a\0b\nc", 5), 5);
		close(fd);
	}
	fix_start(f, with_evidence);
}

static void
end(struct fix *f)
{
	char name[96], path[160];
	unsigned i;

	fix_stop(f);
	for (i = 0; i < FILES; i++) {
		name_of(i, name);
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		unlink(path);
	}
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void
evidence_is_listed_newest_first_in_pages(void)
{
	char path[200] = "/api/v1/evidence?limit=2", name[96];
	unsigned seen = 0, i;
	struct fix f;

	begin(&f);
	while (path[0] != '\0' && seen < FILES) {
		json_t *page = fix_get(&f, path), *items = json_object_get(page, "items");
		const char *next = json_string_value(json_object_get(page, "next"));

		CU_ASSERT_EQUAL_FATAL(json_array_size(items), seen < 4 ? 2 : 1);
		for (i = 0; i < json_array_size(items); i++, seen++) {
			json_t *one = json_array_get(items, i);

			name_of(FILES - 1 - seen, name);
			CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(one, "name")),
					       name);
			CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(one, "class")),
					       "dlp.card");
			CU_ASSERT_EQUAL(json_integer_value(json_object_get(one, "bytes")), 5);
		}
		path[0] = '\0';
		if (next != NULL)
			snprintf(path, sizeof(path), "/api/v1/evidence?limit=2&cursor=%s", next);
		json_decref(page);
	}
	CU_ASSERT_EQUAL(seen, FILES);
	CU_ASSERT_STRING_EQUAL(path, "");
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/evidence?cursor=nonsense", NULL), 400);
	end(&f);
}

static void
evidence_comes_byte_for_byte_and_with_the_token_alone(void)
{
	char name[96], path[200];
	struct answer a;
	struct fix f;

	begin(&f);
	name_of(2, name);
	snprintf(path, sizeof(path), "/api/v1/evidence/%s", name);
	fix_ask(&f, &(struct ask){.method = "GET", .path = path}, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_EQUAL_FATAL(a.body.len, 5);
	CU_ASSERT_EQUAL(memcmp(a.body.data, "a\0b\nc", 5), 0);
	CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head.data, "Content-Type: application/x-pcapng"));
	fix_answer_free(&a);
	f.token = NULL;
	CU_ASSERT_EQUAL(fix_send(&f, "GET", path, NULL), 401);
	CU_ASSERT_EQUAL(fix_send(&f, "DELETE", path, NULL), 401);
	end(&f);
}

static void
deleted_evidence_is_gone_and_nothing_else_can_be(void)
{
	char name[96], path[200];
	struct fix f;

	begin(&f);
	name_of(2, name);
	snprintf(path, sizeof(path), "/api/v1/evidence/%s", name);
	CU_ASSERT_EQUAL(fix_send(&f, "DELETE", path, NULL), 204);
	CU_ASSERT_EQUAL(fix_send(&f, "DELETE", path, NULL), 404);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", path, NULL), 404);
	CU_ASSERT_EQUAL(fix_send(&f, "DELETE", "/api/v1/evidence/..%2f..%2fetc%2fpasswd", NULL),
			404);
	end(&f);
}

const struct bh_unit_test bh_suite_api_evidence[] = {
	BH_TEST(evidence_is_listed_newest_first_in_pages),
	BH_TEST(evidence_comes_byte_for_byte_and_with_the_token_alone),
	BH_TEST(deleted_evidence_is_gone_and_nothing_else_can_be),
	BH_TEST_END,
};
