/* db: the file. Two tables: one of columns, narrow enough to be looked through from end to end, and one of lines. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "../store/store.h"
#include "record_priv.h"

#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x42484556 /* "BHEV" */
#define WORD(x) #x
#define NUMBER(x) WORD(x)
#define CHECKPOINT_PAGES "4000"
#define WAL_KEEP "33554432"
#define VACUUM_PAGES "PRAGMA incremental_vacuum(2000)"
#define DELETE_MIN 2000 /* rows at a time, so that readers and the queue never wait long */
#define DELETE_ROUNDS 4

static const char schema[] =
	"CREATE TABLE event(id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL,"
	" type TEXT NOT NULL, kind TEXT NOT NULL, src BLOB, dst BLOB, src_segment TEXT NOT NULL,"
	" dst_segment TEXT NOT NULL, rule TEXT NOT NULL, verdict TEXT NOT NULL,"
	" dropped INTEGER NOT NULL, app TEXT NOT NULL, severity INTEGER NOT NULL,"
	" sensor TEXT NOT NULL);"
	"CREATE INDEX event_time ON event(time_ns);"
	"CREATE TABLE line(id INTEGER PRIMARY KEY, text TEXT NOT NULL);"
	"PRAGMA application_id = " NUMBER(APPLICATION_ID) ";"
							  "PRAGMA user_version = " NUMBER(
								  SCHEMA_VERSION) ";";

int
bh_record_db_err(const struct bh_record *r, sqlite3 *db, const char *doing, struct bh_err *err)
{
	int code = bh_store_errno(db);

	return bh_err_set(err, code, "event store %s: cannot %s: %s%s", r->path, doing,
			  sqlite3_errmsg(db),
			  code == ENOSPC    ? "; make room on its disk, or lower events.keep_bytes"
			  : code == EBADMSG ? "; it is damaged: move it away, and a new one is made"
					    : "");
}

static int
run(struct bh_record *r, sqlite3 *db, const char *sql, struct bh_err *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK
		       ? 0
		       : bh_record_db_err(r, db, "set it up", err);
}

/* First column of the first row; def where there is none. */
static int
number(struct bh_record *r, const char *sql, uint64_t *out, struct bh_err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(r->db, sql, -1, &st, NULL);

	*out = 0;
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW)
			*out = (uint64_t)sqlite3_column_int64(st, 0);
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE && rc != SQLITE_OK)
		bh_record_db_err(r, r->db, "read it", err);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -EIO;
}

/* ---- open ------------------------------------------------------------------------------------------- */

/* flock and SQLite's own locks do not see one another; a file has one gateway. The descriptor stays open as long as the
 * databases: closing any descriptor of a file drops a process's POSIX locks on it. */
static int
lock_file(struct bh_record *r, struct bh_err *err)
{
	int code;

	r->lock_fd = open(r->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (r->lock_fd < 0) {
		code = errno;
		return bh_err_set(err, code,
				  "event store %s: cannot open it: %s; check events.store", r->path,
				  strerror(code));
	}
	if (flock(r->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return bh_err_set(err, EBUSY, "event store %s: another gateway has it open", r->path);
}

static int
prepare_schema(struct bh_record *r, struct bh_err *err)
{
	uint64_t id, version, tables;
	int rc = number(r, "PRAGMA application_id", &id, err);

	if (rc == 0)
		rc = number(r, "PRAGMA user_version", &version, err);
	if (rc == 0)
		rc = number(r, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (rc != 0)
		return rc;
	if (tables == 0)
		return run(r, r->db, schema, err);
	if (id == APPLICATION_ID && version == SCHEMA_VERSION)
		return 0;
	return bh_err_set(err, EBADMSG,
			  "event store %s: is a database of another program or version; give "
			  "events.store another name",
			  r->path);
}

static int
prepare_statements(struct bh_record *r, struct bh_err *err)
{
	static const char event[] = "INSERT INTO event(id, time_ns, type, kind, src, dst,"
				    " src_segment, dst_segment, rule, verdict, dropped, app,"
				    " severity, sensor)"
				    " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	static const char line[] = "INSERT INTO line(id, text) VALUES(?, ?)";
	uint64_t newest = 0, oldest = 0;
	int rc = number(r, "SELECT max(id) FROM event", &newest, err);

	if (rc == 0)
		rc = number(r, "SELECT min(id) FROM event", &oldest, err);
	if (rc != 0)
		return rc;
	r->next = newest + 1;
	atomic_store(&r->newest, newest);
	atomic_store(&r->oldest, oldest);
	if (sqlite3_prepare_v2(r->db, event, -1, &r->insert_event, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(r->db, line, -1, &r->insert_line, NULL) != SQLITE_OK)
		return bh_record_db_err(r, r->db, "prepare it", err);
	return 0;
}

int
bh_record_db_open(struct bh_record *r, struct bh_err *err)
{
	/* auto_vacuum before there is a table, or it is never on. */
	static const char writer[] = "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
				     "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000;"
				     "PRAGMA wal_autocheckpoint = " CHECKPOINT_PAGES ";"
				     "PRAGMA journal_size_limit = " WAL_KEEP ";"
				     "PRAGMA trusted_schema = OFF";
	static const char reader[] = "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;"
				     "PRAGMA cache_size = -8000";
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	int rc = lock_file(r, err);

	if (rc != 0)
		return rc;
	if (sqlite3_open_v2(r->path, &r->db, flags, NULL) != SQLITE_OK ||
	    sqlite3_open_v2(r->path, &r->reader, flags, NULL) != SQLITE_OK)
		return bh_err_set(err, EIO, "event store %s: cannot open it; check events.store",
				  r->path);
	sqlite3_busy_timeout(r->db, 1000);
	sqlite3_busy_timeout(r->reader, 1000);
	rc = run(r, r->db, writer, err);
	if (rc == 0)
		rc = prepare_schema(r, err);
	if (rc == 0)
		rc = prepare_statements(r, err);
	return rc == 0 ? run(r, r->reader, reader, err) : rc;
}

void
bh_record_db_close(struct bh_record *r)
{
	sqlite3_finalize(r->insert_event);
	sqlite3_finalize(r->insert_line);
	sqlite3_close(r->reader);
	sqlite3_close(r->db);
	if (r->lock_fd >= 0)
		close(r->lock_fd);
}

/* ---- a batch ---------------------------------------------------------------------------------------- */

static void
bind_address(sqlite3_stmt *st, int at, const struct bh_record_address *a)
{
	if (a->len == 0)
		sqlite3_bind_null(st, at);
	else
		sqlite3_bind_blob(st, at, a->b, a->len, SQLITE_STATIC);
}

static bool
insert(struct bh_record *r, uint64_t id, const char *line, size_t len)
{
	struct bh_record_row *row = &r->row;
	const char *const word[] = {row->src_segment, row->dst_segment, row->rule, row->verdict};
	sqlite3_stmt *st = r->insert_event;
	bool ok;
	int i;

	bh_record_parse(row, line, len, r->clock->wall_ns(r->clock->arg));
	sqlite3_bind_int64(st, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)row->time_ns);
	sqlite3_bind_text(st, 3, row->type, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, row->kind, -1, SQLITE_STATIC);
	bind_address(st, 5, &row->src);
	bind_address(st, 6, &row->dst);
	for (i = 0; i < 4; i++)
		sqlite3_bind_text(st, 7 + i, word[i], -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 11, row->dropped);
	sqlite3_bind_text(st, 12, row->app, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 13, (int)row->severity);
	sqlite3_bind_text(st, 14, row->sensor, -1, SQLITE_STATIC);
	ok = sqlite3_step(st) == SQLITE_DONE;
	sqlite3_reset(st);
	if (!ok)
		return false;
	sqlite3_bind_int64(r->insert_line, 1, (sqlite3_int64)id);
	sqlite3_bind_text64(r->insert_line, 2, line, len, SQLITE_STATIC, SQLITE_UTF8);
	ok = sqlite3_step(r->insert_line) == SQLITE_DONE;
	sqlite3_reset(r->insert_line);
	return ok;
}

static bool
insert_all(struct bh_record *r)
{
	const struct bh_record_batch *b = &r->out;
	uint64_t id = r->next;
	size_t at = 0;
	uint32_t len;

	for (; at < b->len; at += sizeof(len) + len) {
		memcpy(&len, b->data + at, sizeof(len));
		if (!insert(r, id++, b->data + at + sizeof(len), len))
			return false;
	}
	return true;
}

/* ---- retention -------------------------------------------------------------------------------------- */

static int
delete_before(struct bh_record *r, uint64_t id, struct bh_err *err)
{
	uint64_t oldest = atomic_load(&r->oldest);
	char sql[160];
	int rc;

	snprintf(sql, sizeof(sql),
		 "BEGIN; DELETE FROM event WHERE id < %llu; DELETE FROM line WHERE id < %llu; "
		 "COMMIT",
		 (unsigned long long)id, (unsigned long long)id);
	rc = run(r, r->db, sql, err);
	if (rc != 0) {
		if (!sqlite3_get_autocommit(r->db))
			sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
		return rc;
	}
	atomic_fetch_add(&r->deleted, id - oldest);
	atomic_store(&r->oldest, id);
	return 0;
}

/* The first of the oldest `most` rows that is young enough: all before it are not. */
static int
first_young(struct bh_record *r, uint64_t limit_ns, unsigned most, uint64_t *id, struct bh_err *err)
{
	char sql[128];
	int rc;

	snprintf(sql, sizeof(sql),
		 "SELECT min(id) FROM (SELECT id, time_ns FROM event ORDER BY id LIMIT %u) "
		 "WHERE time_ns >= %llu",
		 most, (unsigned long long)limit_ns);
	rc = number(r, sql, id, err);
	if (rc == 0 && *id == 0)
		*id = atomic_load(&r->oldest) + most;
	return rc;
}

static int
used_bytes(struct bh_record *r, uint64_t *used, uint64_t *file, struct bh_err *err)
{
	uint64_t pages, unused = 0, size = 0;
	int rc = number(r, "PRAGMA page_count", &pages, err);

	if (rc == 0)
		rc = number(r, "PRAGMA freelist_count", &unused, err);
	if (rc == 0)
		rc = number(r, "PRAGMA page_size", &size, err);
	*used = (pages - unused) * size;
	*file = pages * size;
	return rc;
}

static int
retain(struct bh_record *r, unsigned written, struct bh_err *err)
{
	uint64_t now = r->clock->wall_ns(r->clock->arg), used = 0, file = 0, to;
	unsigned slice = DELETE_MIN + 2 * written, round;
	int rc = used_bytes(r, &used, &file, err);

	for (round = 0; rc == 0 && round < DELETE_ROUNDS; round++) {
		uint64_t oldest = atomic_load(&r->oldest), newest = atomic_load(&r->newest);

		to = oldest;
		if (r->keep_bytes != 0 && used > r->keep_bytes)
			to = oldest + (newest - oldest) / 50 + 1 < oldest + slice
				     ? oldest + (newest - oldest) / 50 + 1
				     : oldest + slice;
		else if (r->keep_ns != 0 && now > r->keep_ns)
			rc = first_young(r, now - r->keep_ns, slice, &to, err);
		if (to > newest)
			to = newest; /* stays: its number is not given again */
		if (rc != 0 || to <= oldest)
			break;
		rc = delete_before(r, to, err);
		if (rc == 0)
			rc = used_bytes(r, &used, &file, err);
	}
	if (rc == 0 && r->keep_bytes != 0 && file > r->keep_bytes && file > used)
		rc = run(r, r->db, VACUUM_PAGES, err);
	atomic_store(&r->bytes, used);
	return rc;
}

int
bh_record_db_write(struct bh_record *r, struct bh_err *err)
{
	int rc = 0;

	if (r->out.n != 0) {
		rc = run(r, r->db, "BEGIN IMMEDIATE", err);
		if (rc != 0)
			return rc;
		if (!insert_all(r))
			rc = bh_record_db_err(r, r->db, "write", err);
		if (rc == 0)
			rc = run(r, r->db, "COMMIT", err);
		if (rc != 0) {
			if (!sqlite3_get_autocommit(r->db))
				sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
			return rc;
		}
		if (atomic_load(&r->oldest) == 0)
			atomic_store(&r->oldest, r->next);
		r->next += r->out.n;
		atomic_fetch_add(&r->stored, r->out.n);
		atomic_store(&r->newest, r->next - 1);
	}
	/* What is written is written: that old rows stay a while longer is no reason to write it again. */
	if (retain(r, (unsigned)r->out.n, err) != 0)
		bh_log(BH_LOG_WARN, "%s", err->what);
	return 0;
}
