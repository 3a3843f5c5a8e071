/* The file: open, schema, statements. As lib/store does it: WAL, held exclusively, on disk before it counts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../store/store.h"
#include "learn_priv.h"

#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x42484c4c /* "BHLL" */
#define WORD(x) #x
#define NUMBER(x) WORD(x)

static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE conversation(id INTEGER PRIMARY KEY, sender TEXT NOT NULL,"
	" receiver TEXT NOT NULL, service INTEGER NOT NULL, app TEXT NOT NULL,"
	" flags INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,"
	" violation_ns INTEGER NOT NULL, family INTEGER NOT NULL, client BLOB NOT NULL,"
	" server BLOB NOT NULL, tenant INTEGER NOT NULL, rule TEXT NOT NULL,"
	" reserved INTEGER NOT NULL, seal BLOB NOT NULL);"
	"CREATE TABLE day(conversation INTEGER NOT NULL REFERENCES conversation(id)"
	" ON DELETE CASCADE, day INTEGER NOT NULL, rule INTEGER NOT NULL,"
	" learned INTEGER NOT NULL, violated INTEGER NOT NULL, blocked INTEGER NOT NULL,"
	" to_server INTEGER NOT NULL, to_client INTEGER NOT NULL,"
	" PRIMARY KEY(conversation, day)) WITHOUT ROWID;"
	"CREATE TABLE value(conversation INTEGER NOT NULL REFERENCES conversation(id)"
	" ON DELETE CASCADE, number INTEGER NOT NULL, field TEXT NOT NULL,"
	" more INTEGER NOT NULL, text BLOB NOT NULL,"
	" PRIMARY KEY(conversation, number)) WITHOUT ROWID;"
	"PRAGMA application_id = " NUMBER(APPLICATION_ID) ";"
							  "PRAGMA user_version = " NUMBER(
								  SCHEMA_VERSION) ";"
										  "COMMIT;";

int
bh_learn_sql_err(struct bh_learn *l, const char *doing, struct bh_err *err)
{
	int code = bh_store_errno(l->db);

	return bh_err_set(err, code, "conversations %s: cannot %s: %s%s", l->path, doing,
			  sqlite3_errmsg(l->db),
			  code == ENOSPC  ? "; make room on its disk"
			  : code == EBUSY ? "; another process has it open"
			  : code == EBADMSG
				  ? "; it is damaged: bring it back from a backup, or move it away "
				    "and what was learned begins anew"
				  : "");
}

int
bh_learn_sql_prepare(struct bh_learn *l, sqlite3_stmt **out, const char *sql, struct bh_err *err)
{
	*out = NULL;
	return sqlite3_prepare_v2(l->db, sql, -1, out, NULL) == SQLITE_OK
		       ? 0
		       : bh_learn_sql_err(l, "read", err);
}

int
bh_learn_sql_run(struct bh_learn *l, const char *sql, struct bh_err *err)
{
	return sqlite3_exec(l->db, sql, NULL, NULL, NULL) == SQLITE_OK
		       ? 0
		       : bh_learn_sql_err(l, "write", err);
}

int
bh_learn_sql_done(struct bh_learn *l, sqlite3_stmt *st, struct bh_err *err)
{
	int step;

	do {
		step = sqlite3_step(st);
	} while (step == SQLITE_ROW);
	if (step != SQLITE_DONE)
		bh_learn_sql_err(l, "write", err);
	sqlite3_reset(st);
	return step == SQLITE_DONE ? 0 : -bh_store_errno(l->db);
}

int
bh_learn_sql_end(struct bh_learn *l, int rc, struct bh_err *err)
{
	if (rc == 0)
		rc = bh_learn_sql_run(l, "COMMIT", err);
	/* Some errors have ended the transaction already. */
	if (rc != 0 && !sqlite3_get_autocommit(l->db))
		bh_learn_sql_run(l, "ROLLBACK", NULL);
	return rc;
}

static int
number(struct bh_learn *l, const char *sql, int64_t *out, struct bh_err *err)
{
	sqlite3_stmt *st;
	int rc = bh_learn_sql_prepare(l, &st, sql, err);

	if (rc != 0)
		return rc;
	if (sqlite3_step(st) == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	else
		rc = bh_learn_sql_err(l, "read", err);
	sqlite3_finalize(st);
	return rc;
}

static int
check_schema(struct bh_learn *l, struct bh_err *err)
{
	int64_t version = 0, id = 0, tables = 0;
	int rc = number(l, "PRAGMA user_version", &version, err);

	if (rc == 0)
		rc = number(l, "PRAGMA application_id", &id, err);
	if (rc == 0)
		rc = number(l, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (rc != 0)
		return rc;
	if (tables == 0)
		return bh_learn_sql_run(l, schema, err);
	if (id != APPLICATION_ID)
		return bh_err_set(err, EBADMSG,
				  "conversations %s: is a database of another program; give "
				  "learning.path another name",
				  l->path);
	if (version != SCHEMA_VERSION)
		return bh_err_set(err, EPROTO,
				  "conversations %s: its tables are of version %lld, this gateway "
				  "knows %d: run the version that made it, or move it away",
				  l->path, (long long)version, SCHEMA_VERSION);
	return 0;
}

int
bh_learn_db_open(struct bh_learn *l, struct bh_err *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
	int fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc;

	if (fd < 0) {
		rc = errno;
		return bh_err_set(err, rc,
				  "conversations %s: cannot open it: %s; check learning.path",
				  l->path, strerror(rc));
	}
	close(fd);
	if (sqlite3_open_v2(l->path, &l->db, flags, NULL) != SQLITE_OK)
		return l->db != NULL ? bh_learn_sql_err(l, "open it", err)
				     : bh_err_set(err, ENOMEM, "out of memory");
	rc = bh_learn_sql_run(l,
			      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;"
			      "PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON;"
			      "PRAGMA temp_store = MEMORY;",
			      err);
	if (rc == 0)
		rc = check_schema(l, err);
	return rc == 0 ? bh_learn_members_prepare(l, err) : rc;
}
