/* Modes of segments that were set: kept beside the revisions, for they are no part of a document. */
#include <errno.h>

#include "store_priv.h"

int
bh_store_modes_prepare(struct bh_store *s, struct bh_err *err)
{
	return bh_store_sql_do(s, err,
			       "CREATE TABLE IF NOT EXISTS segment_mode(segment TEXT PRIMARY KEY,"
			       " mode INTEGER NOT NULL, time_ns INTEGER NOT NULL,"
			       " author TEXT NOT NULL, why TEXT NOT NULL) WITHOUT ROWID",
			       "");
}

static int
write_row(struct bh_store *s, const struct bh_store_mode *m, const char *author, const char *why,
	  struct bh_err *err)
{
	if (m->mode == BH_STORE_MODE_UNSET)
		return bh_store_sql_do(s, err, "DELETE FROM segment_mode WHERE segment = ?", "t",
				       m->segment);
	return bh_store_sql_do(s, err,
			       "INSERT OR REPLACE INTO segment_mode(segment, mode, time_ns, author,"
			       " why) VALUES(?, ?, ?, ?, ?)",
			       "tiitt", m->segment, (int64_t)m->mode,
			       (int64_t)s->clock->wall_ns(s->clock->arg), author, why);
}

static int
write_entry(struct bh_store *s, const struct bh_store_mode *m, const char *author, const char *why,
	    struct bh_err *err)
{
	struct bh_buf text = {0}, object = {0};
	int rc;

	bh_buf_str(&text, "{");
	bh_store_json_text(&text, "from", bh_mode_name(m->before));
	bh_store_json_text(&text, "to",
			   m->mode == BH_STORE_MODE_UNSET ? "policy" : bh_mode_name(m->mode));
	if (why != NULL && why[0] != '\0')
		bh_store_json_text(&text, "why", why);
	bh_buf_str(&text, "}");
	bh_buf_printf(&object, "segment %s", m->segment);
	rc = text.failed || object.failed
		     ? bh_err_set(err, ENOMEM, "out of memory")
		     : bh_audit_append(s,
				       &(struct bh_audit){.actor = author,
							  .action = "segment.mode",
							  .object = object.data,
							  .result = "ok",
							  .detail = text.data},
				       err);
	bh_buf_free(&text);
	bh_buf_free(&object);
	return rc;
}

int
bh_store_modes_set(struct bh_store *s, const struct bh_store_mode *m, size_t n, const char *author,
		   const char *why, struct bh_err *err)
{
	size_t i;
	int rc;

	pthread_mutex_lock(&s->change);
	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, err);
	if (rc == 0) {
		for (i = 0; rc == 0 && i < n; i++) {
			rc = write_row(s, &m[i], author, why, err);
			if (rc == 0)
				rc = write_entry(s, &m[i], author, why, err);
		}
		rc = bh_store_sql_end(s, rc, err);
	}
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&s->change);
	return rc;
}

int
bh_store_modes_each(struct bh_store *s, bh_store_mode_fn fn, void *arg, struct bh_err *err)
{
	struct bh_store_mode m;
	sqlite3_stmt *st;
	bool more = true;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_open(s, &st, err,
			       "SELECT segment, mode FROM segment_mode ORDER BY segment", "");
	while (rc == 0 && more && (rc = bh_store_sql_step(s, st, err)) == 1) {
		m = (struct bh_store_mode){.segment = bh_store_sql_text(st, 0),
					   .mode = (uint8_t)sqlite3_column_int(st, 1)};
		more = fn(arg, &m);
		rc = 0;
	}
	sqlite3_finalize(st);
	pthread_mutex_unlock(&s->lock);
	return rc;
}
