/* store: what is in force is a revision that was whole when it was written, and is whole when it is read. */
#include <sys/mount.h>
#include <sys/stat.h>

#include "test_store_rig.h"

static void
commit_is_numbered_checked_and_in_force(void)
{
	struct bh_store_started st;
	struct stat file;
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL(rig_resume(&r, NULL, &st), 0);
	CU_ASSERT_EQUAL(st.number, 0);
	CU_ASSERT_EQUAL(rig_commit(&r, "ok one", 0), 0);
	RIG_IN_FORCE(&r, 1, "ok one");
	CU_ASSERT_EQUAL(rig_commit(&r, "ok two", 0), 0);
	RIG_IN_FORCE(&r, 2, "ok two");
	CU_ASSERT_EQUAL(rig_commit(&r, "wrong", 0), -EINVAL);
	CU_ASSERT_STRING_EQUAL(r.err.what, "does not begin with ok");
	RIG_IN_FORCE(&r, 2, "ok two");
	CU_ASSERT_EQUAL(rig_state(&r, 1), BH_REVISION_APPLIED);
	CU_ASSERT_EQUAL(rig_state(&r, 3), BH_REVISION_STATES);
	CU_ASSERT_EQUAL(stat(r.path, &file), 0);
	CU_ASSERT_EQUAL(file.st_mode & 0777, 0600);
	rig_leave(&r);
}

static bool
look(void *arg, const struct bh_revision *v)
{
	uint8_t sha[BH_SHA256_SIZE];

	CU_ASSERT_EQUAL(v->number, 1);
	CU_ASSERT_EQUAL(v->time_ns, UINT64_C(1767323045678000000));
	CU_ASSERT_EQUAL(v->origin, BH_ORIGIN_API);
	CU_ASSERT_STRING_EQUAL(v->author, "api:alice");
	CU_ASSERT_STRING_EQUAL(v->why, "TICKET-1");
	CU_ASSERT_STRING_EQUAL(v->summary, "{\"bytes\":6}");
	CU_ASSERT_EQUAL(v->size, 6);
	CU_ASSERT(memcmp(v->text, "ok one", 6) == 0);
	bh_sha256("ok one", 6, sha);
	CU_ASSERT(memcmp(v->sha256, sha, sizeof(sha)) == 0);
	*(bool *)arg = true;
	return true;
}

static bool
count(void *arg, const struct bh_revision *v)
{
	unsigned *last = arg;

	CU_ASSERT_PTR_NULL(v->text);
	CU_ASSERT(v->number < *last);
	*last = v->number;
	return true;
}

static void
revision_says_who_when_why_and_what(void)
{
	unsigned last = UINT32_MAX, i;
	bool seen = false;
	struct rig r;

	rig_enter(&r);
	for (i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(rig_commit(&r, i == 0 ? "ok one" : "ok more", 0), 0);
	CU_ASSERT_EQUAL(bh_store_revision(r.s, 1, look, &seen, NULL), 0);
	CU_ASSERT_TRUE(seen);
	CU_ASSERT_EQUAL(bh_store_revision(r.s, 6, look, &seen, NULL), -ENOENT);
	CU_ASSERT_EQUAL(bh_store_revisions(r.s, 0, 3, count, &last, NULL), 0);
	CU_ASSERT_EQUAL(last, 3);
	CU_ASSERT_EQUAL(bh_store_revisions(r.s, last, 100, count, &last, NULL), 0);
	CU_ASSERT_EQUAL(last, 1);
	rig_leave(&r);
}

static void
publication_that_fails_is_on_record_and_changes_nothing(void)
{
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL(rig_commit(&r, "ok one", 0), 0);
	r.publish_rc = -ENOMEM;
	CU_ASSERT_EQUAL(rig_commit(&r, "ok two", 0), -ENOMEM);
	r.publish_rc = 0;
	CU_ASSERT_EQUAL(rig_state(&r, 2), BH_REVISION_REFUSED);
	RIG_IN_FORCE(&r, 1, "ok one");
	CU_ASSERT_EQUAL(rig_rollback(&r, 2), -ENOENT); /* it never was in force */
	CU_ASSERT_EQUAL(rig_commit(&r, "ok three", 0), 0);
	RIG_IN_FORCE(&r, 3, "ok three");
	rig_leave(&r);
}

static void
restart_puts_the_last_applied_one_in_force(void)
{
	struct bh_store_started st;
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL(rig_resume(&r, "ok file", &st), 0);
	CU_ASSERT_TRUE(st.from_file);
	RIG_IN_FORCE(&r, 1, "ok file");
	CU_ASSERT_EQUAL(rig_commit(&r, "ok two", 0), 0);

	CU_ASSERT_EQUAL(rig_restart(&r, "ok file", &st), 0); /* the file is what it was */
	CU_ASSERT_FALSE(st.from_file);
	CU_ASSERT_EQUAL(st.number, 2);
	RIG_IN_FORCE(&r, 2, "ok two");

	CU_ASSERT_EQUAL(rig_restart(&r, "ok file, edited", &st), 0);
	CU_ASSERT_TRUE(st.from_file);
	RIG_IN_FORCE(&r, 3, "ok file, edited");
	CU_ASSERT_EQUAL(rig_restart(&r, "ok file, edited", &st), 0);
	CU_ASSERT_FALSE(st.from_file);
	RIG_IN_FORCE(&r, 3, "ok file, edited");
	CU_ASSERT_EQUAL(rig_restart(&r, "an edit that is wrong", &st), -EINVAL);
	rig_leave(&r);
}

static void
file_that_is_the_same_does_not_undo_what_came_after_it(void)
{
	struct bh_store_started st;
	uint32_t number = 0;
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL(rig_resume(&r, "ok file", &st), 0);
	CU_ASSERT_EQUAL(rig_commit(&r, "ok two", 0), 0);
	CU_ASSERT_EQUAL(bh_store_file(r.s, "ok file", 7, &r.ops, &number, NULL), 1);
	RIG_IN_FORCE(&r, 2, "ok two");
	CU_ASSERT_EQUAL(bh_store_file(r.s, "ok fila", 7, &r.ops, &number, NULL), 0);
	CU_ASSERT_EQUAL(number, 3);
	RIG_IN_FORCE(&r, 3, "ok fila");
	rig_leave(&r);
}

static void
rollback_repeats_any_revision_under_a_new_number(void)
{
	struct bh_store_started st;
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL(rig_rollback(&r, 0), -ENOENT);
	CU_ASSERT_EQUAL(rig_commit(&r, "ok one", 0), 0);
	CU_ASSERT_EQUAL(rig_rollback(&r, 0), -ENOENT);
	CU_ASSERT_EQUAL(rig_commit(&r, "ok two", 0), 0);
	CU_ASSERT_EQUAL(rig_commit(&r, "ok three", 0), 0);
	CU_ASSERT_EQUAL(rig_rollback(&r, 0), 0);
	RIG_IN_FORCE(&r, 4, "ok two");
	CU_ASSERT_EQUAL(rig_state(&r, 3), BH_REVISION_ROLLED_BACK);
	CU_ASSERT_EQUAL(rig_rollback(&r, 0), 0); /* one more step, not back to three */
	RIG_IN_FORCE(&r, 5, "ok one");
	CU_ASSERT_EQUAL(rig_rollback(&r, 3), 0);
	RIG_IN_FORCE(&r, 6, "ok three");
	CU_ASSERT_EQUAL(rig_rollback(&r, 99), -ENOENT);
	CU_ASSERT_EQUAL(rig_restart(&r, NULL, &st), 0);
	RIG_IN_FORCE(&r, 6, "ok three");
	rig_leave(&r);
}

/* What may be changed in a row without the row being refused: nothing that was written once. */
static void
damaged_revision_is_refused_and_the_next_older_one_stands_in(void)
{
	static const char *const damage[] = {
		"UPDATE revision SET document = CAST('ok twe' AS BLOB) WHERE number = 2",
		"UPDATE revision SET document = CAST('ok two ' AS BLOB) WHERE number = 2",
		"UPDATE revision SET document = x'' WHERE number = 2",
		"UPDATE revision SET sha256 = zeroblob(32) WHERE number = 2",
		"UPDATE revision SET sha256 = x'00' WHERE number = 2",
		"UPDATE revision SET seal = NULL, seal = x'01' WHERE number = 2",
		"UPDATE revision SET author = 'api:mallory' WHERE number = 2",
		"UPDATE revision SET why = 'TICKET-2' WHERE number = 2",
		"UPDATE revision SET time_ns = time_ns + 1 WHERE number = 2",
		"UPDATE revision SET summary = '{}' WHERE number = 2",
		"UPDATE revision SET base = 1 WHERE number = 2",
		"UPDATE revision SET origin = 1 WHERE number = 2",
	};
	struct bh_store_started st;
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(damage); i++) {
		rig_enter(&r);
		rig_commit(&r, "ok one", 0);
		rig_commit(&r, "ok two", 0);
		rig_close(&r);
		rig_tamper(&r, damage[i]);
		CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL), 0);
		CU_ASSERT_EQUAL(rig_resume(&r, NULL, &st), 0);
		CU_ASSERT_EQUAL(st.damaged, 2);
		RIG_IN_FORCE(&r, 1, "ok one");
		CU_ASSERT_EQUAL(rig_rollback(&r, 2), -EBADMSG);
		CU_ASSERT_PTR_NOT_NULL(strstr(r.err.what, "revision 2 is damaged"));
		CU_ASSERT_EQUAL(rig_commit(&r, "ok three", 0), 0);
		RIG_IN_FORCE(&r, 3, "ok three");
		rig_leave(&r);
	}
}

static void
old_documents_go_and_their_rows_stay(void)
{
	const struct bh_store_params p = {.keep = 2};
	struct rig r;

	rig_enter_at(&r, "/tmp");
	CU_ASSERT_EQUAL_FATAL(rig_open(&r, &p), 0);
	rig_commit(&r, "ok one", 0);
	rig_commit(&r, "ok two", 0);
	rig_commit(&r, "ok three", 0);
	CU_ASSERT_EQUAL(rig_state(&r, 1), BH_REVISION_APPLIED);
	CU_ASSERT_EQUAL(rig_rollback(&r, 1), -ENODATA);
	CU_ASSERT_EQUAL(rig_rollback(&r, 2), 0);
	RIG_IN_FORCE(&r, 4, "ok two");
	rig_leave(&r);
}

/* A disk with room for so and so much: each commit is in force and on disk, or neither. */
static void
fill_up(struct rig *r)
{
	struct bh_store_started st;
	char text[30000], last[8];
	uint32_t number;
	unsigned i;
	int rc = 0;

	for (i = 0; rc == 0 && i < 1000; i++) {
		memset(text, 'x', sizeof(text));
		snprintf(text, sizeof(text), "ok %u", i);
		text[strlen(text)] = ' ';
		text[sizeof(text) - 1] = '\0';
		rc = rig_commit(r, text, 0);
	}
	CU_ASSERT_EQUAL(rc, -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(r->err.what, "make room"));
	CU_ASSERT(i > 2);
	number = r->number;
	snprintf(last, sizeof(last), "ok %u", i - 2);
	CU_ASSERT(strncmp(r->force, last, strlen(last)) == 0);
	CU_ASSERT_EQUAL(rig_commit(r, text, 0), -ENOSPC);
	CU_ASSERT_EQUAL(r->number, number);
	CU_ASSERT_EQUAL(rig_restart(r, NULL, &st), 0);
	CU_ASSERT_EQUAL(r->number, number);
	CU_ASSERT(strncmp(r->force, last, strlen(last)) == 0);
}

static void
full_disk_refuses_the_commit_and_keeps_the_policy(void)
{
	const struct bh_store_params p = {.max_pages = 60};
	struct rig r;

	rig_enter_at(&r, "/tmp");
	CU_ASSERT_EQUAL_FATAL(rig_open(&r, &p), 0);
	fill_up(&r);
	rig_leave(&r);
}

/* The same with a real one, where the WAL is what does not fit. */
static void
full_file_system_refuses_the_commit_and_keeps_the_policy(void)
{
	char dir[] = "/tmp/bh_store_disk_XXXXXX";
	struct rig r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	if (geteuid() == 0 && mount("none", dir, "tmpfs", 0, "size=400k") == 0) {
		rig_enter_at(&r, dir);
		CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL), 0);
		fill_up(&r);
		rig_leave(&r);
		CU_ASSERT_EQUAL(umount(dir), 0);
	}
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

/* The disk is full only when the revision is to be marked: it was published, and is taken back. */
static void
take_room(struct rig *r)
{
	char path[192];
	FILE *f;

	snprintf(path, sizeof(path), "%s/ballast", r->dir);
	f = fopen(path, "w");
	while (f != NULL && fputs("0123456789abcdef", f) >= 0 && fflush(f) == 0)
		;
	if (f != NULL)
		fclose(f);
}

static void
revision_that_cannot_be_marked_is_taken_back(void)
{
	char dir[] = "/tmp/bh_store_disk_XXXXXX", path[192];
	struct bh_store_started st;
	struct rig r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	if (geteuid() == 0 && mount("none", dir, "tmpfs", 0, "size=200k") == 0) {
		rig_enter_at(&r, dir);
		CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL), 0);
		CU_ASSERT_EQUAL(rig_commit(&r, "ok one", 0), 0);
		r.on_publish = take_room;
		CU_ASSERT_EQUAL(rig_commit(&r, "ok two", 0), -ENOSPC);
		r.on_publish = NULL;
		CU_ASSERT_EQUAL(r.restored, 1);
		RIG_IN_FORCE(&r, 1, "ok one");
		/* Still full: it starts all the same. */
		CU_ASSERT_EQUAL(rig_restart(&r, NULL, &st), 0);
		RIG_IN_FORCE(&r, 1, "ok one");
		snprintf(path, sizeof(path), "%s/ballast", r.dir);
		unlink(path);
		CU_ASSERT_EQUAL(rig_commit(&r, "ok three", 0), 0);
		RIG_IN_FORCE(&r, 3, "ok three");
		rig_leave(&r);
		CU_ASSERT_EQUAL(umount(dir), 0);
	}
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static void
foreign_newer_and_held_files_are_refused(void)
{
	struct bh_store *other = NULL;
	struct bh_err err = {0};
	struct rig r;
	FILE *f;

	rig_enter(&r);
	CU_ASSERT_EQUAL(bh_store_open(&other, &(struct bh_store_params){.path = r.path}, &err),
			-EBUSY);
	CU_ASSERT_PTR_NULL(other);
	rig_close(&r);
	rig_tamper(&r, "PRAGMA user_version = 2");
	CU_ASSERT_EQUAL(rig_open(&r, NULL), -EPROTO);
	rig_tamper(&r, "PRAGMA user_version = 1; PRAGMA application_id = 7");
	CU_ASSERT_EQUAL(rig_open(&r, NULL), -EBADMSG);
	f = fopen(r.path, "w");
	fputs("this is no database, however long it may become in the end", f);
	fclose(f);
	CU_ASSERT_EQUAL(rig_open(&r, NULL), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.err.what, "backup"));
	rig_leave(&r);
}

const struct bh_unit_test bh_suite_store_revision[] = {
	BH_TEST(commit_is_numbered_checked_and_in_force),
	BH_TEST(revision_says_who_when_why_and_what),
	BH_TEST(publication_that_fails_is_on_record_and_changes_nothing),
	BH_TEST(restart_puts_the_last_applied_one_in_force),
	BH_TEST(file_that_is_the_same_does_not_undo_what_came_after_it),
	BH_TEST(rollback_repeats_any_revision_under_a_new_number),
	BH_TEST(damaged_revision_is_refused_and_the_next_older_one_stands_in),
	BH_TEST(old_documents_go_and_their_rows_stay),
	BH_TEST(full_disk_refuses_the_commit_and_keeps_the_policy),
	BH_TEST(full_file_system_refuses_the_commit_and_keeps_the_policy),
	BH_TEST(revision_that_cannot_be_marked_is_taken_back),
	BH_TEST(foreign_newer_and_held_files_are_refused),
	BH_TEST_END,
};
