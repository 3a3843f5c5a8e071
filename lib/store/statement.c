/* Statements with their values, and SQLite's errors in the words of errno. */
#include <errno.h>
#include <stdarg.h>

#include "store_priv.h"

/* What the system said when SQLite only says "I/O error". */
static int
io_errno(sqlite3 *db)
{
	int code = sqlite3_system_errno(db);

	return code == ENOSPC || code == EDQUOT || code == EFBIG ? ENOSPC
	       : code == EROFS                                   ? EROFS
								 : EIO;
}

int
bh_store_errno(sqlite3 *db)
{
	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_READONLY:
		return EROFS;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return io_errno(db);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return EBADMSG;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return EACCES;
	default:
		return EIO;
	}
}

static const char *
advice(int code)
{
	switch (code) {
	case ENOSPC:
		return "; make room on its disk";
	case EROFS:
		return "; mount its disk writable";
	case EBADMSG:
		return "; it is damaged: bring it back from a backup, or move it away and the "
		       "policy "
		       "file is loaded as revision 1";
	case EBUSY:
		return "; another process has it open";
	default:
		return "";
	}
}

int
bh_store_sql_err(struct bh_store *s, const char *doing, struct bh_err *err)
{
	int code = bh_store_errno(s->db);

	return bh_err_set(err, code, "store %s: cannot %s: %s%s", s->path, doing,
			  sqlite3_errmsg(s->db), advice(code));
}

static int
bind(sqlite3_stmt *st, const char *types, va_list ap)
{
	const char *t;
	const void *data;
	int i, rc = SQLITE_OK;

	for (i = 1; rc == SQLITE_OK && types[i - 1] != '\0'; i++) {
		switch (types[i - 1]) {
		case 'i':
			rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
			break;
		case 't':
			t = va_arg(ap, const char *);
			rc = sqlite3_bind_text(st, i, t != NULL ? t : "", -1, SQLITE_STATIC);
			break;
		default:
			data = va_arg(ap, const void *);
			rc = sqlite3_bind_blob64(st, i, data != NULL ? data : "",
						 va_arg(ap, size_t), SQLITE_STATIC);
		}
	}
	return rc;
}

static int
prepare(struct bh_store *s, sqlite3_stmt **out, const char *sql, const char *types, va_list ap)
{
	int rc = sqlite3_prepare_v2(s->db, sql, -1, out, NULL);

	if (rc == SQLITE_OK)
		rc = bind(*out, types, ap);
	if (rc == SQLITE_OK)
		return 0;
	sqlite3_finalize(*out);
	*out = NULL;
	return -1;
}

int
bh_store_sql_open(struct bh_store *s, sqlite3_stmt **out, struct bh_err *err, const char *sql,
		  const char *types, ...)
{
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = prepare(s, out, sql, types, ap);
	va_end(ap);
	return rc == 0 ? 0 : bh_store_sql_err(s, "read", err);
}

int
bh_store_sql_do(struct bh_store *s, struct bh_err *err, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st = NULL;
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = prepare(s, &st, sql, types, ap);
	va_end(ap);
	while (rc == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW)
		rc = 0;
	rc = rc == SQLITE_DONE ? 0 : bh_store_sql_err(s, "write", err);
	sqlite3_finalize(st);
	return rc;
}

int
bh_store_sql_step(struct bh_store *s, sqlite3_stmt *st, struct bh_err *err)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : bh_store_sql_err(s, "read", err);
}

int
bh_store_sql_begin(struct bh_store *s, struct bh_err *err)
{
	return bh_store_sql_do(s, err, "BEGIN IMMEDIATE", "");
}

int
bh_store_sql_end(struct bh_store *s, int rc, struct bh_err *err)
{
	if (rc == 0)
		rc = bh_store_sql_do(s, err, "COMMIT", "");
	/* Some errors have ended the transaction already. */
	if (rc != 0 && !sqlite3_get_autocommit(s->db))
		bh_store_sql_do(s, NULL, "ROLLBACK", "");
	return rc;
}

const char *
bh_store_sql_text(sqlite3_stmt *st, int column)
{
	const char *t = (const char *)sqlite3_column_text(st, column);

	return t != NULL ? t : "";
}

bool
bh_store_sql_as_bound(sqlite3_stmt *st, const char *types)
{
	int i, type;

	for (i = 0; types[i] != '\0'; i++) {
		/* Before anything reads the column, which may convert it. */
		type = sqlite3_column_type(st, i);
		if (type != (types[i] == 'i'   ? SQLITE_INTEGER
			     : types[i] == 't' ? SQLITE_TEXT
					       : SQLITE_BLOB))
			return false;
		if (type == SQLITE_TEXT &&
		    strlen(bh_store_sql_text(st, i)) != (size_t)sqlite3_column_bytes(st, i))
			return false;
	}
	return true;
}

int
bh_store_sql_setting(struct bh_store *s, const char *key, int64_t def, int64_t *out,
		     struct bh_err *err)
{
	sqlite3_stmt *st;
	int rc =
		bh_store_sql_open(s, &st, err, "SELECT value FROM setting WHERE key = ?", "t", key);

	*out = def;
	if (rc != 0)
		return rc;
	rc = bh_store_sql_step(s, st, err);
	if (rc == 1)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc < 0 ? rc : 0;
}

int
bh_store_sql_set(struct bh_store *s, const char *key, int64_t value, struct bh_err *err)
{
	return bh_store_sql_do(s, err, "INSERT OR REPLACE INTO setting(key, value) VALUES(?, ?)",
			       "ti", key, value);
}
