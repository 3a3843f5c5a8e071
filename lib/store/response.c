/* Quarantines, blocks and cuts in force: each with its audit entry, in one transaction. */
#include <errno.h>
#include <stdio.h>

#include "store_priv.h"

#define NEXT "response.next"

int
bh_store_responses_prepare(struct bh_store *s, struct bh_err *err)
{
	return bh_store_sql_do(s, err,
			       "CREATE TABLE IF NOT EXISTS response(id INTEGER PRIMARY KEY,"
			       " kind INTEGER NOT NULL, tenant INTEGER NOT NULL,"
			       " spec TEXT NOT NULL, since_ns INTEGER NOT NULL,"
			       " until_ns INTEGER NOT NULL, author TEXT NOT NULL,"
			       " why TEXT NOT NULL, rule TEXT NOT NULL)",
			       "");
}

int
bh_store_response_put(struct bh_store *s, const struct bh_store_response *r,
		      const struct bh_audit *entry, struct bh_err *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, err);
	if (rc == 0) {
		rc = bh_store_sql_do(s, err,
				     "INSERT OR REPLACE INTO response(id, kind, tenant, spec,"
				     " since_ns, until_ns, author, why, rule)"
				     " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
				     "iiitiittt", (int64_t)r->id, (int64_t)r->kind,
				     (int64_t)r->tenant, r->spec, (int64_t)r->since_ns,
				     (int64_t)r->until_ns, r->by, r->why, r->rule);
		/* A number is never given twice: the audit log speaks of it. */
		if (rc == 0)
			rc = bh_store_sql_set(s, NEXT, (int64_t)r->id + 1, err);
		if (rc == 0)
			rc = bh_audit_append(s, entry, err);
		rc = bh_store_sql_end(s, rc, err);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int
bh_store_response_end(struct bh_store *s, uint64_t id, const struct bh_audit *entry,
		      struct bh_err *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, err);
	if (rc == 0) {
		rc = bh_store_sql_do(s, err, "DELETE FROM response WHERE id = ?", "i", (int64_t)id);
		if (rc == 0)
			rc = bh_audit_append(s, entry, err);
		rc = bh_store_sql_end(s, rc, err);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int
bh_store_responses_each(struct bh_store *s, bh_store_response_fn fn, void *arg, uint64_t *next,
			struct bh_err *err)
{
	struct bh_store_response r;
	sqlite3_stmt *st;
	int64_t number = 1;
	bool more = true;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_setting(s, NEXT, 1, &number, err);
	*next = number > 0 ? (uint64_t)number : 1;
	if (rc == 0)
		rc = bh_store_sql_open(s, &st, err,
				       "SELECT id, kind, tenant, spec, since_ns, until_ns, author,"
				       " why, rule FROM response ORDER BY id",
				       "");
	if (rc != 0)
		goto out;
	while (more && (rc = bh_store_sql_step(s, st, err)) == 1) {
		r = (struct bh_store_response){
			.id = (uint64_t)sqlite3_column_int64(st, 0),
			.kind = (uint8_t)sqlite3_column_int(st, 1),
			.tenant = (uint64_t)sqlite3_column_int64(st, 2),
			.spec = bh_store_sql_text(st, 3),
			.since_ns = (uint64_t)sqlite3_column_int64(st, 4),
			.until_ns = (uint64_t)sqlite3_column_int64(st, 5),
			.by = bh_store_sql_text(st, 6),
			.why = bh_store_sql_text(st, 7),
			.rule = bh_store_sql_text(st, 8),
		};
		more = fn(arg, &r);
		rc = 0;
	}
	sqlite3_finalize(st);
out:
	pthread_mutex_unlock(&s->lock);
	return rc < 0 ? rc : 0;
}
