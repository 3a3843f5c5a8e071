/* A store in a folder of its own, a gateway that is one string, and a clock that is set by hand. */
#ifndef BH_TEST_STORE_RIG_H
#define BH_TEST_STORE_RIG_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "../../lib/store/store.h"
#include "unit.h"

#define RIG_UNUSED __attribute__((unused))

struct rig {
	char dir[64], path[128];
	struct bh_store *s;
	struct bh_clock clock;
	uint64_t wall, mono;
	struct bh_commit_ops ops;
	/* the gateway */
	char *force, *before; /* what is in force, what was before */
	uint32_t number, number_before;
	unsigned published, restored;
	int publish_rc; /* < 0: what publish() answers */
	void (*on_publish)(struct rig *r);
	struct bh_err err;
};

static uint64_t
rig_wall(void *arg)
{
	return ((struct rig *)arg)->wall;
}

static uint64_t
rig_mono(void *arg)
{
	return ((struct rig *)arg)->mono;
}

/* A document is right when it begins with "ok". */
static int
rig_check(void *arg, const char *text, size_t len, struct bh_buf *summary, struct bh_err *err)
{
	(void)arg;
	bh_buf_printf(summary, "{\"bytes\":%zu}", len);
	return strncmp(text, "ok", 2) == 0 ? 0 : bh_err_set(err, EINVAL, "does not begin with ok");
}

static int
rig_publish(void *arg, uint32_t number, const char *text, size_t len, struct bh_err *err)
{
	struct rig *r = arg;

	if (r->publish_rc != 0)
		return bh_err_set(err, -r->publish_rc, "the gateway cannot");
	free(r->before);
	r->before = r->force;
	r->number_before = r->number;
	r->force = strndup(text, len);
	r->number = number;
	r->published++;
	if (r->on_publish != NULL)
		r->on_publish(r);
	return 0;
}

static void
rig_restore(void *arg)
{
	struct rig *r = arg;

	free(r->force);
	r->force = r->before;
	r->number = r->number_before;
	r->before = NULL;
	r->restored++;
}

static RIG_UNUSED int
rig_open(struct rig *r, const struct bh_store_params *more)
{
	struct bh_store_params p = more != NULL ? *more : (struct bh_store_params){0};

	p.path = r->path;
	p.clock = &r->clock;
	r->err = (struct bh_err){0};
	return bh_store_open(&r->s, &p, &r->err);
}

static RIG_UNUSED void
rig_close(struct rig *r)
{
	bh_store_close(r->s);
	r->s = NULL;
}

static RIG_UNUSED void
rig_enter_at(struct rig *r, const char *where)
{
	memset(r, 0, sizeof(*r));
	snprintf(r->dir, sizeof(r->dir), "%s/bh_store_XXXXXX", where);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(r->dir));
	snprintf(r->path, sizeof(r->path), "%s/store.db", r->dir);
	r->wall = UINT64_C(1767323045678000000);
	r->mono = 5 * BH_NS_PER_SEC;
	r->clock = (struct bh_clock){.wall_ns = rig_wall, .mono_ns = rig_mono, .arg = r};
	r->ops = (struct bh_commit_ops){.arg = r,
					.check = rig_check,
					.publish = rig_publish,
					.restore = rig_restore};
}

static RIG_UNUSED void
rig_enter(struct rig *r)
{
	rig_enter_at(r, "/tmp");
	CU_ASSERT_EQUAL_FATAL(rig_open(r, NULL), 0);
}

static RIG_UNUSED void
rig_leave(struct rig *r)
{
	char path[160];

	rig_close(r);
	snprintf(path, sizeof(path), "%s-wal", r->path);
	unlink(path);
	unlink(r->path);
	CU_ASSERT_EQUAL(rmdir(r->dir), 0);
	free(r->force);
	free(r->before);
}

/* The gateway ends and starts again, with nothing in force; file may be NULL. */
static RIG_UNUSED int
rig_resume(struct rig *r, const char *file, struct bh_store_started *out)
{
	struct bh_store_start in = {.file_text = file, .file_len = file != NULL ? strlen(file) : 0};

	r->err = (struct bh_err){0};
	return bh_store_resume(r->s, &in, &r->ops, out, &r->err);
}

static RIG_UNUSED int
rig_restart(struct rig *r, const char *file, struct bh_store_started *out)
{
	rig_close(r);
	free(r->force);
	r->force = NULL;
	r->number = 0;
	CU_ASSERT_EQUAL_FATAL(rig_open(r, NULL), 0);
	return rig_resume(r, file, out);
}

static RIG_UNUSED int
rig_commit(struct rig *r, const char *text, uint64_t confirm_ms)
{
	const struct bh_commit c = {.text = text,
				    .len = strlen(text),
				    .author = "api:alice",
				    .why = "TICKET-1",
				    .confirm_ms = confirm_ms};
	uint32_t number = 0;

	r->err = (struct bh_err){0};
	return bh_store_commit(r->s, &c, &r->ops, &number, &r->err);
}

static RIG_UNUSED int
rig_rollback(struct rig *r, uint32_t to)
{
	uint32_t number;

	r->err = (struct bh_err){0};
	return bh_store_rollback(r->s, to, "api:bob", "it broke", &r->ops, &number, &r->err);
}

static RIG_UNUSED int
rig_tick(struct rig *r)
{
	uint32_t number;

	r->err = (struct bh_err){0};
	return bh_store_tick(r->s, &r->ops, &number, &r->err);
}

/* Change the file behind the store's back, while it is closed. */
static RIG_UNUSED void
rig_tamper(struct rig *r, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open(r->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, why);
		CU_FAIL_FATAL("the statement fails");
	}
	CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

static bool
rig_take_state(void *arg, const struct bh_revision *r)
{
	*(unsigned *)arg = r->state;
	return true;
}

/* State of a revision, or BH_REVISION_STATES when it cannot be read. */
static RIG_UNUSED unsigned
rig_state(struct rig *r, uint32_t number)
{
	unsigned state = BH_REVISION_STATES;

	bh_store_revision(r->s, number, rig_take_state, &state, NULL);
	return state;
}

#define RIG_IN_FORCE(r, n, text)                                                                   \
	do {                                                                                       \
		CU_ASSERT_EQUAL((r)->number, n);                                                   \
		CU_ASSERT_STRING_EQUAL((r)->force != NULL ? (r)->force : "(nothing)", text);       \
	} while (0)

#endif
