/* Revisions of several gateways: what others made comes into force here, under the number that it has everywhere. */
#include <errno.h>

#include "store_priv.h"

int
bh_store_take(struct bh_store *s, const struct bh_revision *r, const char *by, uint64_t left_ms,
	      const struct bh_commit_ops *ops, struct bh_err *err)
{
	const struct bh_commit c = {.text = r->text,
				    .len = r->size,
				    .author = r->author,
				    .why = r->why,
				    .confirm_ms = left_ms,
				    .origin = (enum bh_revision_origin)r->origin};
	const struct bh_change change = {.commit = &c,
					 .action = r->origin == BH_ORIGIN_ROLLBACK
							   ? "policy.rollback"
							   : "policy.commit",
					 .base = r->base,
					 .number = r->number,
					 .time_ns = r->time_ns,
					 .by = by};
	struct bh_commit_ops own = *ops;
	uint32_t number;
	int rc;

	own.claim = NULL;
	pthread_mutex_lock(&s->change);
	rc = bh_change_run(s, &change, &own, &number, err);
	pthread_mutex_unlock(&s->change);
	return rc;
}

int
bh_store_keep(struct bh_store *s, const struct bh_revision *r, struct bh_err *err)
{
	struct bh_revision row = *r;
	int rc;

	pthread_mutex_lock(&s->change);
	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, err);
	if (rc == 0)
		rc = bh_store_sql_end(s, bh_revision_insert(s, &row, err), err);
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&s->change);
	return rc;
}

int
bh_store_in_force(struct bh_store *s, struct bh_store_force *out, struct bh_err *err)
{
	sqlite3_stmt *st;
	int rc;

	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_open(
		s, &st, err,
		"SELECT number, state, sha256, (SELECT coalesce(max(number), 0) FROM "
		"revision) FROM revision WHERE state IN (?, ?) "
		"UNION ALL SELECT 0, 0, x'', (SELECT coalesce(max(number), 0) FROM "
		"revision) ORDER BY 1 DESC LIMIT 1",
		"ii", (int64_t)BH_REVISION_APPLIED, (int64_t)BH_REVISION_CONFIRMED);
	if (rc == 0)
		rc = bh_store_sql_step(s, st, err);
	if (rc == 1) {
		out->number = (uint32_t)sqlite3_column_int64(st, 0);
		out->state = (uint8_t)sqlite3_column_int(st, 1);
		if (sqlite3_column_bytes(st, 2) == BH_SHA256_SIZE)
			memcpy(out->sha256, sqlite3_column_blob(st, 2), BH_SHA256_SIZE);
		out->newest = (uint32_t)sqlite3_column_int64(st, 3);
	}
	sqlite3_finalize(st);
	pthread_mutex_unlock(&s->lock);
	return rc < 0 ? rc : 0;
}
