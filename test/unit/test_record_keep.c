/* record: what stays, what goes, and what is counted when it does not fit. */
#include <sqlite3.h>

#include "test_record_rig.h"

#define HOUR (3600 * BH_NS_PER_SEC)

static uint64_t
oldest(struct rig *g)
{
	struct bh_record_stats s;

	bh_record_stats(g->r, &s);
	return s.oldest;
}

/* Retention runs with each batch. */
static void
turn(struct rig *g, unsigned times)
{
	for (; times > 0; times--) {
		rig_say(g, g->wall, 0);
		bh_record_flush(g->r);
	}
}

static void
older_events_are_deleted(void)
{
	struct rig g;
	unsigned i, n = 0;
	struct bh_record_query q = {.max = 5000};
	uint64_t reached;

	rig_enter(&g, &(struct bh_record_params){.keep_ns = HOUR});
	for (i = 1; i <= 100; i++)
		rig_say(&g, RIG_START + i * 60 * BH_NS_PER_SEC, i);
	bh_record_flush(g.r);
	CU_ASSERT_EQUAL(oldest(&g), 1);
	g.wall = RIG_START + 100 * 60 * BH_NS_PER_SEC;
	turn(&g, 2);
	CU_ASSERT_EQUAL(oldest(&g), 40);
	CU_ASSERT_EQUAL(bh_record_query(g.r, &q, rig_count, &n, &reached, NULL), 0);
	CU_ASSERT_EQUAL(n, 63);
	CU_ASSERT_EQUAL(bh_record_get(g.r, 39, rig_count, &n, NULL), -ENOENT);
	CU_ASSERT_EQUAL(bh_record_get(g.r, 40, rig_count, &n, NULL), 0);
	rig_leave(&g);
}

static void
numbers_go_on_when_all_is_too_old(void)
{
	struct rig g;
	unsigned i;

	rig_enter(&g, &(struct bh_record_params){.keep_ns = HOUR});
	for (i = 0; i < 10; i++)
		rig_say(&g, RIG_START, i);
	bh_record_flush(g.r);
	bh_record_close(g.r);
	g.wall = RIG_START + 1000 * HOUR;
	CU_ASSERT_EQUAL_FATAL(rig_open(&g), 0);
	/* The thread's first turn has nothing to write. */
	for (i = 0; i < 100 && oldest(&g) != 10; i++)
		usleep(100000);
	CU_ASSERT_EQUAL(oldest(&g), 10);
	turn(&g, 1);
	CU_ASSERT_EQUAL(bh_record_newest(g.r), 11);
	rig_leave(&g);
}

static void
the_file_stays_as_small_as_it_is_told(void)
{
	struct bh_record_stats s;
	unsigned i, k;
	struct rig g;

	rig_enter(&g, &(struct bh_record_params){.keep_bytes = 1 << 20});
	for (k = 0; k < 20; k++) {
		for (i = 0; i < 1000; i++)
			rig_say(&g, g.wall, i);
		bh_record_flush(g.r);
	}
	turn(&g, 20);
	bh_record_stats(g.r, &s);
	CU_ASSERT(s.bytes <= 1 << 20);
	CU_ASSERT(s.bytes >= 1 << 19); /* but not far less */
	CU_ASSERT_EQUAL(s.stored, 20020);
	CU_ASSERT_EQUAL(s.deleted, s.oldest - 1);
	CU_ASSERT_EQUAL(s.newest, 20020);
	CU_ASSERT_EQUAL(s.lost, 0);
	rig_leave(&g);
}

static void
what_was_stored_is_there_after_a_restart(void)
{
	struct rig g;
	unsigned n = 0;

	rig_enter(&g, NULL);
	turn(&g, 3);
	rig_say(&g, g.wall, 4); /* written at the end */
	bh_record_close(g.r);
	CU_ASSERT_EQUAL_FATAL(rig_open(&g), 0);
	CU_ASSERT_EQUAL(bh_record_newest(g.r), 4);
	turn(&g, 1);
	CU_ASSERT_EQUAL(bh_record_get(g.r, 5, rig_count, &n, NULL), 0);
	rig_leave(&g);
}

/* Somebody holds the file: what fits the queue waits, what does not is counted, and nobody who gives events waits. */
static void
what_does_not_fit_is_counted(void)
{
	struct bh_record_stats s;
	const unsigned n = 4000;
	sqlite3 *other = NULL;
	struct rig g;
	unsigned i;

	rig_enter(&g, &(struct bh_record_params){.queue_bytes = 64 << 10});
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(g.path, &other), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (i = 0; i < n; i++)
		rig_say(&g, g.wall, i);
	bh_record_flush(g.r);
	bh_record_stats(g.r, &s);
	CU_ASSERT(s.failing);
	CU_ASSERT_EQUAL(s.stored, 0);
	CU_ASSERT(s.lost > 0 && s.lost < n);
	CU_ASSERT_EQUAL(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_close(other), SQLITE_OK);
	for (i = 0; i < 300; i++) {
		bh_record_stats(g.r, &s);
		if (s.stored + s.lost == n)
			break;
		usleep(100000);
	}
	CU_ASSERT_EQUAL(s.stored + s.lost, n);
	CU_ASSERT(!s.failing);
	rig_leave(&g);
}

static void
a_second_gateway_is_refused(void)
{
	struct bh_record *other = NULL;
	struct bh_err err = {0};
	struct rig g;

	rig_enter(&g, NULL);
	CU_ASSERT_EQUAL(bh_record_open(&other, &g.p, &err), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "another gateway"));
	rig_leave(&g);
}

static void
another_file_is_refused(void)
{
	struct bh_record *other = NULL;
	struct bh_err err = {0};
	char path[200];
	struct rig g;
	FILE *f;

	rig_enter(&g, NULL);
	snprintf(path, sizeof(path), "%s/x", g.dir);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	CU_ASSERT_EQUAL(bh_record_open(&other, &(struct bh_record_params){.path = path}, &err),
			-EBADMSG);
	unlink(path);
	rig_leave(&g);
}

const struct bh_unit_test bh_suite_record_keep[] = {
	BH_TEST(older_events_are_deleted),
	BH_TEST(numbers_go_on_when_all_is_too_old),
	BH_TEST(the_file_stays_as_small_as_it_is_told),
	BH_TEST(what_was_stored_is_there_after_a_restart),
	BH_TEST(what_does_not_fit_is_counted),
	BH_TEST(a_second_gateway_is_refused),
	BH_TEST(another_file_is_refused),
	BH_TEST_END};
