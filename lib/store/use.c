/* What each rule has decided over restarts. Figures, no promises: they are kept beside the chain, not in it. */
#include <errno.h>

#include "store_priv.h"

/* A rule that nobody has used for so long is in no report any more: 800 days, two years and some. */
#define FORGET_NS (UINT64_C(800) * 86400 * BH_NS_PER_SEC)

#define FORGET_SINCE_NS (UINT64_C(3653) * 86400 * BH_NS_PER_SEC)

int
bh_store_uses_prepare(struct bh_store *s, struct bh_err *err)
{
	int64_t before = (int64_t)(s->clock->wall_ns(s->clock->arg) - FORGET_NS);
	int rc = bh_store_sql_do(s, err,
				 "CREATE TABLE IF NOT EXISTS rule_use(rule TEXT NOT NULL,"
				 " body INTEGER NOT NULL, hits INTEGER NOT NULL,"
				 " packets INTEGER NOT NULL, bytes INTEGER NOT NULL,"
				 " first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,"
				 " PRIMARY KEY(rule, body)) WITHOUT ROWID",
				 "");

	if (rc == 0)
		rc = bh_store_sql_do(s, err, "DELETE FROM rule_use WHERE last_ns < ?", "i", before);
	if (rc == 0)
		rc = bh_store_sql_do(s, err,
				     "CREATE TABLE IF NOT EXISTS rule_since(rule TEXT NOT NULL,"
				     " body INTEGER NOT NULL, since_ns INTEGER NOT NULL,"
				     " PRIMARY KEY(rule, body)) WITHOUT ROWID",
				     "");
	before = (int64_t)s->clock->wall_ns(s->clock->arg) - (int64_t)FORGET_SINCE_NS;
	if (rc == 0)
		rc = bh_store_sql_do(s, err, "DELETE FROM rule_since WHERE since_ns < ?", "i",
				     before);
	return rc;
}

static int
add_one(struct bh_store *s, const struct bh_store_use *u, struct bh_err *err)
{
	return bh_store_sql_do(s, err,
			       "INSERT INTO rule_use(rule, body, hits, packets, bytes, first_ns,"
			       " last_ns) VALUES(?, ?, ?, ?, ?, ?, ?)"
			       " ON CONFLICT(rule, body) DO UPDATE SET"
			       " hits = hits + excluded.hits, packets = packets + excluded.packets,"
			       " bytes = bytes + excluded.bytes,"
			       " first_ns = min(first_ns, excluded.first_ns),"
			       " last_ns = max(last_ns, excluded.last_ns)",
			       "tiiiiii", u->rule, (int64_t)u->body, (int64_t)u->hits,
			       (int64_t)u->packets, (int64_t)u->bytes, (int64_t)u->first_ns,
			       (int64_t)u->last_ns);
}

int
bh_store_uses_add(struct bh_store *s, const struct bh_store_use *u, size_t n, struct bh_err *err)
{
	size_t i;
	int rc;

	if (n == 0)
		return 0;
	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, err);
	if (rc == 0) {
		for (i = 0; rc == 0 && i < n; i++)
			rc = add_one(s, &u[i], err);
		rc = bh_store_sql_end(s, rc, err);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int
bh_store_use_get(struct bh_store *s, struct bh_store_use *u, struct bh_err *err)
{
	sqlite3_stmt *st;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_open(s, &st, err,
			       "SELECT hits, packets, bytes, first_ns, last_ns FROM rule_use"
			       " WHERE rule = ? AND body = ?",
			       "ti", u->rule, (int64_t)u->body);
	if (rc == 0) {
		rc = bh_store_sql_step(s, st, err);
		if (rc == 1) {
			u->hits = (uint64_t)sqlite3_column_int64(st, 0);
			u->packets = (uint64_t)sqlite3_column_int64(st, 1);
			u->bytes = (uint64_t)sqlite3_column_int64(st, 2);
			u->first_ns = (uint64_t)sqlite3_column_int64(st, 3);
			u->last_ns = (uint64_t)sqlite3_column_int64(st, 4);
		}
		sqlite3_finalize(st);
	}
	pthread_mutex_unlock(&s->lock);
	return rc == 0 ? -ENOENT : rc < 0 ? rc : 0;
}

static int
since_one(struct bh_store *s, struct bh_store_use *u, bool resumed, struct bh_err *err)
{
	sqlite3_stmt *st;
	int rc = bh_store_sql_do(
		s, err,
		resumed ? "INSERT OR IGNORE INTO rule_since(rule, body, since_ns) VALUES(?, ?, ?)"
			: "INSERT OR REPLACE INTO rule_since(rule, body, since_ns) VALUES(?, ?, ?)",
		"tii", u->rule, (int64_t)u->body, (int64_t)u->since_ns);

	if (rc == 0)
		rc = bh_store_sql_open(
			s, &st, err, "SELECT since_ns FROM rule_since WHERE rule = ? AND body = ?",
			"ti", u->rule, (int64_t)u->body);
	if (rc != 0)
		return rc;
	rc = bh_store_sql_step(s, st, err);
	if (rc == 1)
		u->since_ns = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc < 0 ? rc : 0;
}

int
bh_store_uses_since(struct bh_store *s, struct bh_store_use *u, size_t n, bool resumed,
		    struct bh_err *err)
{
	size_t i;
	int rc;

	if (n == 0)
		return 0;
	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, err);
	if (rc == 0) {
		for (i = 0; rc == 0 && i < n; i++)
			rc = since_one(s, &u[i], resumed, err);
		rc = bh_store_sql_end(s, rc, err);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}
