/* Who may use the API. */
#include <errno.h>

#include "store_priv.h"

int
bh_store_identities_prepare(struct bh_store *s, struct bh_err *err)
{
	return bh_store_sql_do(s, err,
			       "CREATE TABLE IF NOT EXISTS identity(name TEXT PRIMARY KEY,"
			       " role TEXT NOT NULL, hash TEXT NOT NULL, certificate TEXT NOT NULL,"
			       " created_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL)"
			       " WITHOUT ROWID",
			       "");
}

/* Neither token nor hash: who reads the log learns no more than that it was set. */
static int
write_entry(struct bh_store *s, const struct bh_store_identity *i, const char *action,
	    const char *author, struct bh_err *err)
{
	struct bh_buf detail = {0}, object = {0};
	int rc;

	bh_buf_str(&detail, "{");
	if (i->role != NULL)
		bh_store_json_text(&detail, "role", i->role);
	if (i->certificate != NULL && i->certificate[0] != '\0')
		bh_store_json_text(&detail, "certificate", i->certificate);
	bh_buf_str(&detail, "}");
	bh_buf_printf(&object, "identity %s", i->name);
	rc = detail.failed || object.failed
		     ? bh_err_set(err, ENOMEM, "out of memory")
		     : bh_audit_append(s,
				       &(struct bh_audit){.actor = author,
							  .action = action,
							  .object = object.data,
							  .result = "ok",
							  .detail = detail.data},
				       err);
	bh_buf_free(&detail);
	bh_buf_free(&object);
	return rc;
}

int
bh_store_identity_put(struct bh_store *s, const struct bh_store_identity *i, const char *action,
		      const char *author, struct bh_err *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, err);
	if (rc == 0) {
		rc = bh_store_sql_do(
			s, err,
			"INSERT OR REPLACE INTO identity(name, role, hash, certificate,"
			" created_ns, expires_ns) VALUES(?, ?, ?, ?, ?, ?)",
			"ttttii", i->name, i->role, i->hash, i->certificate, (int64_t)i->created_ns,
			(int64_t)i->expires_ns);
		if (rc == 0)
			rc = write_entry(s, i, action, author, err);
		rc = bh_store_sql_end(s, rc, err);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int
bh_store_identity_delete(struct bh_store *s, const char *name, const char *author,
			 struct bh_err *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, err);
	if (rc == 0) {
		rc = bh_store_sql_do(s, err, "DELETE FROM identity WHERE name = ?", "t", name);
		if (rc == 0 && sqlite3_changes(s->db) == 0)
			rc = bh_err_set(err, ENOENT, "there is no identity `%s`", name);
		if (rc == 0)
			rc = write_entry(s, &(struct bh_store_identity){.name = name},
					 "identity.delete", author, err);
		rc = bh_store_sql_end(s, rc, err);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int
bh_store_identities_each(struct bh_store *s, bh_store_identity_fn fn, void *arg, struct bh_err *err)
{
	struct bh_store_identity i;
	sqlite3_stmt *st;
	bool more = true;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_open(s, &st, err,
			       "SELECT name, role, hash, certificate, created_ns, expires_ns"
			       " FROM identity ORDER BY name",
			       "");
	while (rc == 0 && more && (rc = bh_store_sql_step(s, st, err)) == 1) {
		i = (struct bh_store_identity){
			.name = bh_store_sql_text(st, 0),
			.role = bh_store_sql_text(st, 1),
			.hash = bh_store_sql_text(st, 2),
			.certificate = bh_store_sql_text(st, 3),
			.created_ns = (uint64_t)sqlite3_column_int64(st, 4),
			.expires_ns = (uint64_t)sqlite3_column_int64(st, 5),
		};
		more = fn(arg, &i);
		rc = 0;
	}
	sqlite3_finalize(st);
	pthread_mutex_unlock(&s->lock);
	return rc;
}
