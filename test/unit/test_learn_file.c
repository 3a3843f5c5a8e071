/* learn: what is saved comes back, and whoever is killed finds a state that was saved. */
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "learn_rig.h"

static void
what_is_saved_comes_back(void)
{
	struct bh_event e;
	struct rig r;

	rig_enter(&r);
	rig_see(&r, 2, 3, 6379, BH_APP_REDIS);
	e = rig_flow(&r, 2, RIG_EXTERNAL, 443, BH_APP_TLS);
	e.key.family = 6;
	memset(e.key.addr[1].b, 0, 16);
	e.key.addr[1].b[0] = 0x20;
	bh_learn_events(r.l, &e, 1);
	CU_ASSERT_EQUAL(bh_learn_save(r.l, &r.err), 0);
	rig_see(&r, 2, 3, 6379, BH_APP_REDIS);
	CU_ASSERT_EQUAL(bh_learn_save(r.l, &r.err), 0);
	rig_see(&r, 2, 3, 6380, BH_APP_REDIS); /* not saved */
	rig_again(&r);
	RIG_IS(&r, "s2>s3 6/6379 redis 0/2/0/0, s2>host-2000--0 6/443 tls 0/1/0/0");
	/* The same parties again: no second row. */
	bh_learn_events(r.l, &e, 1);
	rig_see(&r, 2, 3, 6379, BH_APP_REDIS);
	RIG_IS(&r, "s2>s3 6/6379 redis 0/3/0/0, s2>host-2000--0 6/443 tls 0/2/0/0");
	rig_leave(&r);
}

static void
what_is_deleted_stays_away(void)
{
	struct bh_learn_filter f = {.seen = -1, .party = "s4"};
	struct rig r;
	uint32_t n;

	rig_enter(&r);
	rig_see(&r, 2, 3, 80, BH_APP_HTTP);
	rig_see(&r, 2, 4, 80, BH_APP_HTTP);
	rig_see(&r, 4, 2, 80, BH_APP_HTTP);
	CU_ASSERT_EQUAL(bh_learn_save(r.l, &r.err), 0);
	CU_ASSERT_EQUAL(bh_learn_delete(r.l, &f, &n, &r.err), 0);
	CU_ASSERT_EQUAL(n, 2);
	RIG_IS(&r, "s2>s3 6/80 http 0/1/0/0");
	CU_ASSERT_EQUAL(bh_learn_save(r.l, &r.err), 0);
	rig_again(&r);
	RIG_IS(&r, "s2>s3 6/80 http 0/1/0/0");
	rig_see(&r, 2, 4, 80, BH_APP_HTTP);
	RIG_IS(&r, "s2>s3 6/80 http 0/1/0/0, s2>s4 6/80 http 0/1/0/0");
	rig_leave(&r);
}

static bool
sum_sessions(void *arg, const struct bh_conversation *c)
{
	*(uint64_t *)arg += c->sessions[BH_SEEN_LEARNED];
	return true;
}

static uint64_t
sessions_since(struct rig *r, uint64_t day)
{
	uint64_t n = 0;

	CU_ASSERT_EQUAL(bh_learn_each_since(r->l, (uint32_t)day, sum_sessions, &n, &r->err), 0);
	return n;
}

static void
figures_are_kept_by_day_and_old_days_go(void)
{
	struct rig r;
	uint64_t today;

	rig_enter(&r);
	r.p.days = 3;
	rig_again(&r);
	today = r.wall / BH_LEARN_DAY_NS;
	rig_see(&r, 2, 3, 80, BH_APP_HTTP);
	CU_ASSERT_EQUAL(sessions_since(&r, today), 1);
	r.wall += BH_LEARN_DAY_NS;
	rig_see(&r, 2, 3, 80, BH_APP_HTTP);
	rig_see(&r, 2, 3, 80, BH_APP_HTTP);
	CU_ASSERT_EQUAL(sessions_since(&r, today), 3);
	CU_ASSERT_EQUAL(sessions_since(&r, today + 1), 2);
	CU_ASSERT_EQUAL(sessions_since(&r, today + 2), 0);
	r.wall += 2 * BH_LEARN_DAY_NS;
	rig_see(&r, 2, 3, 80, BH_APP_HTTP);
	CU_ASSERT_EQUAL(sessions_since(&r, today), 3); /* the first day is gone */
	rig_leave(&r);
}

static void
a_row_that_was_changed_is_left_out(void)
{
	struct bh_learn_counts c;
	struct rig r;
	sqlite3 *db;

	rig_enter(&r);
	rig_see(&r, 2, 3, 80, BH_APP_HTTP);
	rig_see(&r, 2, 3, 81, BH_APP_HTTP);
	CU_ASSERT_EQUAL(bh_learn_save(r.l, &r.err), 0);
	bh_learn_close(r.l);
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(r.path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "UPDATE conversation SET service=23 WHERE id=2", NULL,
				     NULL, NULL),
			SQLITE_OK);
	sqlite3_close(db);
	CU_ASSERT_EQUAL_FATAL(rig_open(&r), 0);
	RIG_IS(&r, "s2>s3 6/80 http 0/1/0/0");
	bh_learn_counts(r.l, &c);
	CU_ASSERT_EQUAL(c.damaged, 1);
	rig_leave(&r);
}

static void
another_programs_database_is_refused(void)
{
	struct rig r;
	sqlite3 *db;

	rig_enter(&r);
	bh_learn_close(r.l);
	unlink(r.path);
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(r.path, &db), SQLITE_OK);
	sqlite3_exec(db, "CREATE TABLE x(y)", NULL, NULL, NULL);
	sqlite3_close(db);
	CU_ASSERT_EQUAL(rig_open(&r), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.err.what, "another program"));
	unlink(r.path);
	CU_ASSERT_EQUAL_FATAL(rig_open(&r), 0);
	rig_leave(&r);
}

/* Sees on and on: after save n, every pair of the first n has as many sessions. */
static void
see_for_ever(const struct rig *parent, volatile uint64_t *saved)
{
	struct rig r = *parent;
	uint64_t n;
	unsigned i;

	if (rig_open(&r) != 0)
		_exit(1);
	for (n = *saved + 1;; n++) {
		for (i = 0; i < 20; i++)
			rig_see(&r, 2 + i, 40, 80, BH_APP_HTTP);
		if (bh_learn_save(r.l, &r.err) != 0)
			_exit(2);
		*saved = n;
		saved[1] = 1;
	}
}

struct tally {
	uint64_t least, most;
	unsigned n;
};

static bool
take_tally(void *arg, const struct bh_conversation *c)
{
	struct tally *t = arg;
	uint64_t n = c->sessions[BH_SEEN_LEARNED];

	t->least = t->n == 0 || n < t->least ? n : t->least;
	t->most = n > t->most ? n : t->most;
	t->n++;
	return true;
}

static void
killed_at_any_moment_it_has_what_was_saved_whole(void)
{
	volatile uint64_t *saved =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const struct bh_learn_filter all = {.seen = -1};
	unsigned i, advanced = 0;
	uint64_t last = 0;
	struct rig r;

	CU_ASSERT_FATAL((void *)saved != MAP_FAILED);
	srandom(7);
	rig_enter(&r);
	bh_learn_close(r.l);
	for (i = 0; i < 100; i++) {
		const struct timespec nap = {.tv_nsec = random() % 8000000},
				      poll = {.tv_nsec = 100000};
		struct tally t = {0};
		int status = 0, tries = 0;
		pid_t pid;

		saved[1] = 0;
		pid = fork();

		if (pid == 0)
			see_for_ever(&r, saved);
		CU_ASSERT_FATAL(pid > 0);
		/* Most die at work, some before. */
		while (i % 4 != 0 && saved[1] == 0 && tries++ < 100000)
			nanosleep(&poll, NULL);
		nanosleep(&nap, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		CU_ASSERT_TRUE(WIFSIGNALED(status));
		CU_ASSERT_EQUAL_FATAL(rig_open(&r), 0);
		bh_learn_each(r.l, &all, take_tally, &t);
		/* One transaction: all conversations are of the same save, the last acknowledged one
		 * or the one that was on its way. */
		CU_ASSERT_EQUAL(t.least, t.most);
		CU_ASSERT(t.n == 20 || (t.n == 0 && *saved == 0));
		CU_ASSERT(t.most >= *saved && t.most <= *saved + 1);
		advanced += t.most > last;
		last = *saved = t.most;
		bh_learn_close(r.l);
	}
	CU_ASSERT(advanced > 25);
	munmap((void *)saved, 4096);
	CU_ASSERT_EQUAL_FATAL(rig_open(&r), 0);
	rig_leave(&r);
}

const struct bh_unit_test bh_suite_learn_file[] = {
	BH_TEST(what_is_saved_comes_back),
	BH_TEST(what_is_deleted_stays_away),
	BH_TEST(figures_are_kept_by_day_and_old_days_go),
	BH_TEST(a_row_that_was_changed_is_left_out),
	BH_TEST(another_programs_database_is_refused),
	BH_TEST(killed_at_any_moment_it_has_what_was_saved_whole),
	BH_TEST_END,
};
