/* Sets come and go: what open connections do, and when the old one is unused; and the cache on disk. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor_rig.h"

static struct bh_sensor_set *
set_of(const char *name, const char *text, unsigned context, const char *cache)
{
	struct bh_sensor_set *set;
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, name);
	rig_pattern(&r, BH_SENSOR_LITERAL, context, text, 0);
	CU_ASSERT_EQUAL_FATAL(rig_compile(&r, cache), 0);
	set = r.set;
	return set;
}

/* An old set that looks for "one" in bodies, a new one for "two". */
static void
begin(struct rig *r, struct bh_sensor_set *set[2], enum bh_sensor_reload reload)
{
	memset(r, 0, sizeof(*r));
	set[0] = set_of("old", "one", BH_SENSOR_BODY, NULL);
	set[1] = set_of("new", "two", BH_SENSOR_BODY, NULL);
	rig_worker(r, NULL);
	CU_ASSERT_EQUAL(bh_sensor_publish(r->worker, set[0], BH_SENSOR_DRAIN), 0);
	bh_sensor_turn(r->worker, UINT64_MAX, 1);
	rig_open(r, BH_APP_HTTP);
	rig_feed(r, 0, BH_SENSOR_BODY, "on", false);
	CU_ASSERT_EQUAL(bh_sensor_publish(r->worker, set[1], reload), 0);
	CU_ASSERT(bh_sensor_reap(r->worker, set[0])); /* not taken yet */
	bh_sensor_turn(r->worker, UINT64_MAX, 2);
	CU_ASSERT(bh_sensor_reap(r->worker, set[0])); /* one connection */
}

static void
end(struct rig *r, struct bh_sensor_set *set[2])
{
	struct bh_sensor_counters n;

	bh_sensor_close(r->worker, &r->conn);
	CU_ASSERT_FALSE(bh_sensor_reap(r->worker, set[0]));
	CU_ASSERT(bh_sensor_reap(r->worker, set[1])); /* the newest */
	bh_sensor_turn(r->worker, UINT64_MAX, 3);
	bh_sensor_counters(r->worker, &n);
	CU_ASSERT_EQUAL(n.pool_used, 0);
	bh_sensor_worker_destroy(r->worker);
	bh_sensor_set_destroy(set[0]);
	bh_sensor_set_destroy(set[1]);
}

static void
draining_keeps_the_set_to_the_connections_end(void)
{
	struct bh_sensor_set *set[2];
	struct rig r;

	begin(&r, set, BH_SENSOR_DRAIN);
	rig_feed(&r, 0, BH_SENSOR_BODY, "e two", true);
	bh_sensor_message_end(r.worker, &r.conn, 0);
	rig_feed(&r, 0, BH_SENSOR_BODY, "two one", true);
	bh_sensor_message_end(r.worker, &r.conn, 0);
	CU_ASSERT_EQUAL(rig_hits(&r, "old"), 2);
	CU_ASSERT_EQUAL(rig_hits(&r, "new"), 0);
	bh_sensor_close(r.worker, &r.conn);
	rig_open(&r, BH_APP_HTTP);
	rig_feed(&r, 0, BH_SENSOR_BODY, "two one", true);
	CU_ASSERT_EQUAL(rig_hits(&r, "new"), 1);
	end(&r, set);
}

static void
rescanning_begins_with_the_next_message(void)
{
	struct bh_sensor_set *set[2];
	struct rig r;

	begin(&r, set, BH_SENSOR_RESCAN);
	rig_feed(&r, 0, BH_SENSOR_BODY, "e two", true);
	CU_ASSERT_EQUAL(rig_hits(&r, "old"), 1);
	bh_sensor_message_end(r.worker, &r.conn, 0);
	rig_feed(&r, 0, BH_SENSOR_BODY, "two one", true);
	CU_ASSERT_EQUAL(rig_hits(&r, "old"), 1);
	CU_ASSERT_EQUAL(rig_hits(&r, "new"), 1);
	CU_ASSERT_EQUAL(r.hit[1].message, 1); /* messages are counted on */
	end(&r, set);
}

static void
resetting_begins_with_the_next_byte_and_forgets(void)
{
	struct bh_sensor_set *set[2];
	struct rig r;

	begin(&r, set, BH_SENSOR_RESET);
	rig_feed(&r, 0, BH_SENSOR_BODY, "e two", true);
	CU_ASSERT_EQUAL(rig_hits(&r, "old"), 0);
	CU_ASSERT_EQUAL(rig_hits(&r, "new"), 1);
	end(&r, set);
}

static void
a_reset_that_was_missed_still_holds(void)
{
	struct bh_sensor_set *set[2], *third = set_of("third", "three", BH_SENSOR_BODY, NULL);
	struct rig r;

	begin(&r, set, BH_SENSOR_RESET);
	CU_ASSERT_EQUAL(bh_sensor_publish(r.worker, third, BH_SENSOR_DRAIN), 0);
	CU_ASSERT_EQUAL(bh_sensor_publish(r.worker, third, BH_SENSOR_DRAIN), -16); /* not taken */
	bh_sensor_turn(r.worker, UINT64_MAX, 3);
	rig_feed(&r, 0, BH_SENSOR_BODY, "e three", true);
	CU_ASSERT_EQUAL(r.n, 1);
	CU_ASSERT_EQUAL(rig_hits(&r, "third"), 1);
	bh_sensor_close(r.worker, &r.conn);
	CU_ASSERT_FALSE(bh_sensor_reap(r.worker, set[0]));
	CU_ASSERT_FALSE(bh_sensor_reap(r.worker, set[1]));
	bh_sensor_worker_destroy(r.worker);
	bh_sensor_set_destroy(set[0]);
	bh_sensor_set_destroy(set[1]);
	bh_sensor_set_destroy(third);
}

static void
no_set_inspects_nothing_and_sets_run_out_at_last(void)
{
	struct bh_sensor_set *set = set_of("a", "one", BH_SENSOR_BODY, NULL);
	struct bh_sensor_conn conn[BH_SENSOR_SETS + 2];
	struct rig r = {0};
	unsigned i, n = 0;

	rig_worker(&r, NULL);
	rig_open(&r, BH_APP_HTTP);
	CU_ASSERT_EQUAL(bh_sensor_wants(r.worker, &r.conn), 0);
	rig_feed(&r, 0, BH_SENSOR_BODY, "one", true);
	bh_sensor_message_end(r.worker, &r.conn, 0);
	bh_sensor_close(r.worker, &r.conn);
	CU_ASSERT_EQUAL(r.n, 0);
	/* each publication is held by a connection of its own */
	for (i = 0; i < BH_ARRAY_SIZE(conn); i++) {
		if (bh_sensor_publish(r.worker, set, BH_SENSOR_DRAIN) != 0)
			break;
		bh_sensor_turn(r.worker, UINT64_MAX, 1);
		bh_sensor_open(r.worker, &conn[n++], &(struct bh_sensor_open){.app = BH_APP_HTTP});
	}
	CU_ASSERT(n >= BH_SENSOR_SETS && n < BH_ARRAY_SIZE(conn));
	bh_sensor_close(r.worker, &conn[0]);
	CU_ASSERT_EQUAL(bh_sensor_publish(r.worker, NULL, BH_SENSOR_RESET), 0);
	bh_sensor_turn(r.worker, UINT64_MAX, 1);
	for (i = 1; i < n; i++) {
		bh_sensor_feed(r.worker, &conn[i], 0, BH_SENSOR_BODY, (const uint8_t *)"one", 3,
			       true);
		CU_ASSERT_EQUAL(bh_sensor_wants(r.worker, &conn[i]), 0);
		bh_sensor_close(r.worker, &conn[i]);
	}
	CU_ASSERT_EQUAL(r.n, 0);
	CU_ASSERT_FALSE(bh_sensor_reap(r.worker, set));
	bh_sensor_worker_destroy(r.worker);
	bh_sensor_set_destroy(set);
}

/* ---- with threads ---------------------------------------------------------------------------------------------- */

struct load {
	struct rig r;
	int stop;
	uint64_t messages, found;
};

static void
count_hit(void *arg, struct bh_sensor_conn *c, const struct bh_sensor_hit *hit)
{
	struct load *l = arg;

	(void)c;
	(void)hit;
	l->found++;
}

static void *
load_main(void *arg)
{
	struct load *l = arg;
	struct bh_sensor_worker *w = l->r.worker;
	struct bh_sensor_conn conn[8];
	unsigned i;

	for (i = 0; i < 8; i++)
		bh_sensor_open(w, &conn[i], &(struct bh_sensor_open){.app = BH_APP_HTTP});
	for (i = 0; !__atomic_load_n(&l->stop, __ATOMIC_RELAXED); i = (i + 1) % 8) {
		bh_sensor_turn(w, UINT64_MAX, 1);
		bh_sensor_feed(w, &conn[i], 0, BH_SENSOR_BODY, (const uint8_t *)"..on", 4, false);
		bh_sensor_feed(w, &conn[i], 0, BH_SENSOR_BODY, (const uint8_t *)"e..", 3, true);
		bh_sensor_message_end(w, &conn[i], 0);
		l->messages++;
		if (l->messages % 5 == 0) {
			bh_sensor_close(w, &conn[i]);
			bh_sensor_open(w, &conn[i], &(struct bh_sensor_open){.app = BH_APP_HTTP});
		}
	}
	for (i = 0; i < 8; i++)
		bh_sensor_close(w, &conn[i]);
	return NULL;
}

/* Both sets look for the same: whichever a message meets, it is hit, once. */
static void
swapping_under_load_loses_no_message_and_frees_every_set(void)
{
	static struct load l;
	struct bh_sensor_worker_params params = {.report = count_hit, .arg = &l};
	struct bh_sensor_set *now = set_of("a", "one", BH_SENSOR_BODY, NULL), *then;
	pthread_t thread;
	unsigned i;

	memset(&l, 0, sizeof(l));
	CU_ASSERT_EQUAL_FATAL(bh_sensor_worker_create(&l.r.worker, &params), 0);
	bh_sensor_publish(l.r.worker, now, BH_SENSOR_DRAIN);
	bh_sensor_turn(l.r.worker, UINT64_MAX, 1);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, load_main, &l), 0);
	for (i = 0; i < 200; i++) {
		then = now;
		now = set_of("a", "one", BH_SENSOR_BODY, NULL);
		while (bh_sensor_publish(l.r.worker, now,
					 i % 2 ? BH_SENSOR_DRAIN : BH_SENSOR_RESCAN) != 0)
			usleep(10);
		while (bh_sensor_reap(l.r.worker, then))
			usleep(10);
		bh_sensor_set_destroy(then);
	}
	__atomic_store_n(&l.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	CU_ASSERT(l.messages > 200);
	CU_ASSERT_EQUAL(l.found, l.messages);
	bh_sensor_worker_destroy(l.r.worker);
	bh_sensor_set_destroy(now);
}

/* ---- the cache --------------------------------------------------------------------------------------------------- */

static char dir[64];

static void
cache_begin(void)
{
	strcpy(dir, "/tmp/test_sensor.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
}

/* The one file in the cache; empty when there is none. Returns how many there are. */
static unsigned
cache_file(char *path, size_t size)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	path[0] = '\0';
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.') {
			snprintf(path, size, "%s/%s", dir, e->d_name);
			n++;
		}
	if (d != NULL)
		closedir(d);
	return n;
}

static void
cache_end(void)
{
	char path[512];

	while (cache_file(path, sizeof(path)) != 0)
		unlink(path);
	rmdir(dir);
}

static struct bh_sensor_set_info
compiled(const char *text)
{
	struct bh_sensor_set_info info;
	struct bh_sensor_set *set = set_of("a", text, BH_SENSOR_BODY, dir);
	struct rig r = {0};

	bh_sensor_set_info(set, &info);
	/* whatever it is from, it works */
	r.set = set;
	rig_worker(&r, NULL);
	bh_sensor_publish(r.worker, set, BH_SENSOR_DRAIN);
	bh_sensor_turn(r.worker, UINT64_MAX, 1);
	rig_open(&r, BH_APP_HTTP);
	rig_feed(&r, 0, BH_SENSOR_BODY, text, true);
	CU_ASSERT_EQUAL(r.n, 1);
	rig_end(&r);
	return info;
}

static void
a_cached_database_is_used_and_found_by_what_it_is_of(void)
{
	char path[512];

	cache_begin();
	CU_ASSERT_EQUAL(compiled("one").from_cache, 0);
	CU_ASSERT_EQUAL(cache_file(path, sizeof(path)), 1);
	CU_ASSERT_EQUAL(compiled("one").from_cache, 1);
	CU_ASSERT_EQUAL(compiled("two").from_cache, 0);
	CU_ASSERT_EQUAL(cache_file(path, sizeof(path)), 2);
	cache_end();
}

static void
spoil(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	uint8_t byte = 0;

	CU_ASSERT_EQUAL(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void
a_spoilt_or_foreign_cache_file_is_not_used_and_replaced(void)
{
	struct bh_sensor_set_info info;
	char path[512];
	struct stat st;
	off_t at;

	cache_begin();
	compiled("one");
	cache_file(path, sizeof(path));
	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	for (at = 0; at < st.st_size; at += at < 128 ? 8 : 251) {
		if (at >= 11 && at < 16)
			continue; /* behind the magic's end: means nothing */
		spoil(path, at);
		info = compiled("one");
		CU_ASSERT_EQUAL(info.from_cache, 0);
		CU_ASSERT_EQUAL(info.cache_rejected, 1);
		CU_ASSERT_EQUAL(compiled("one").from_cache, 1); /* replaced */
	}
	CU_ASSERT_EQUAL(truncate(path, st.st_size - 1), 0);
	CU_ASSERT_EQUAL(compiled("one").cache_rejected, 1);
	CU_ASSERT_EQUAL(chmod(path, 0622), 0); /* others might have written it */
	CU_ASSERT_EQUAL(compiled("one").cache_rejected, 1);
	CU_ASSERT_EQUAL(compiled("one").from_cache, 1);
	/* another database's file under this one's name */
	CU_ASSERT_EQUAL(unlink(path), 0);
	compiled("two");
	{
		char other[512];

		cache_file(other, sizeof(other));
		CU_ASSERT_EQUAL(rename(other, path), 0);
	}
	CU_ASSERT_EQUAL(compiled("one").cache_rejected, 1);
	cache_end();
}

static void
a_cache_that_can_not_be_written_is_no_error(void)
{
	strcpy(dir, "/nonexistent/sensors");
	CU_ASSERT_EQUAL(compiled("one").from_cache, 0);
}

const struct bh_unit_test bh_suite_sensor_swap[] = {
	BH_TEST(draining_keeps_the_set_to_the_connections_end),
	BH_TEST(rescanning_begins_with_the_next_message),
	BH_TEST(resetting_begins_with_the_next_byte_and_forgets),
	BH_TEST(a_reset_that_was_missed_still_holds),
	BH_TEST(no_set_inspects_nothing_and_sets_run_out_at_last),
	BH_TEST(swapping_under_load_loses_no_message_and_frees_every_set),
	BH_TEST(a_cached_database_is_used_and_found_by_what_it_is_of),
	BH_TEST(a_spoilt_or_foreign_cache_file_is_not_used_and_replaced),
	BH_TEST(a_cache_that_can_not_be_written_is_no_error),
	BH_TEST_END,
};
