/* The file: open, schema, close. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_priv.h"

#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x42484c4b /* "BHLK", where file(1) looks for it */
#define WORD(x) #x
#define NUMBER(x) WORD(x)

/* The head of the chain is a row of its own: see store.h. */
static const char schema[] =
	"CREATE TABLE setting(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE revision(number INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL,"
	" state INTEGER NOT NULL, origin INTEGER NOT NULL, base INTEGER NOT NULL,"
	" size INTEGER NOT NULL, sha256 BLOB NOT NULL, seal BLOB NOT NULL, author TEXT NOT NULL,"
	" why TEXT NOT NULL, summary TEXT NOT NULL, document BLOB);"
	"CREATE TABLE audit(seq INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL,"
	" actor TEXT NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL, result TEXT NOT NULL,"
	" detail TEXT NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL);"
	"CREATE TABLE audit_head(id INTEGER PRIMARY KEY CHECK(id = 1), seq INTEGER NOT NULL,"
	" hash BLOB NOT NULL);"
	"PRAGMA application_id = " NUMBER(APPLICATION_ID) ";"
							  "PRAGMA user_version = " NUMBER(
								  SCHEMA_VERSION) ";";

static int
pragma(struct bh_store *s, const char *sql, int64_t *out, struct bh_err *err)
{
	sqlite3_stmt *st;
	int rc = bh_store_sql_open(s, &st, err, sql, "");

	if (rc != 0)
		return rc;
	rc = bh_store_sql_step(s, st, err);
	if (rc == 1 && out != NULL)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc < 0 ? rc : 0;
}

static int
make_schema(struct bh_store *s, struct bh_err *err)
{
	int rc = bh_store_sql_begin(s, err);

	if (rc != 0)
		return rc;
	if (sqlite3_exec(s->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		rc = bh_store_sql_err(s, "make its tables", err);
	if (rc == 0)
		rc = bh_store_modes_prepare(s, err);
	if (rc == 0)
		rc = bh_store_uses_prepare(s, err);
	if (rc == 0)
		rc = bh_store_responses_prepare(s, err);
	if (rc == 0)
		rc = bh_store_identities_prepare(s, err);
	return bh_store_sql_end(s, rc, err);
}

static int
check_schema(struct bh_store *s, struct bh_err *err)
{
	int64_t version = 0, id = 0, tables = 0;
	int rc = pragma(s, "PRAGMA user_version", &version, err);

	if (rc == 0)
		rc = pragma(s, "PRAGMA application_id", &id, err);
	if (rc == 0)
		rc = pragma(s, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (rc != 0)
		return rc;
	if (tables == 0)
		return make_schema(s, err);
	if (id != APPLICATION_ID)
		return bh_err_set(err, EBADMSG,
				  "store %s: is a database of another program; give store.path "
				  "another name",
				  s->path);
	if (version != SCHEMA_VERSION)
		return bh_err_set(
			err, EPROTO,
			"store %s: its tables are of version %lld, this gateway knows %d: "
			"run the version that made it, or a newer one",
			s->path, (long long)version, SCHEMA_VERSION);
	rc = bh_store_modes_prepare(s, err);
	if (rc == 0)
		rc = bh_store_uses_prepare(s, err);
	if (rc == 0)
		rc = bh_store_responses_prepare(s, err);
	return rc == 0 ? bh_store_identities_prepare(s, err) : rc;
}

/* EXCLUSIVE before the first access: SQLite then keeps the WAL's index on the heap. */
static int
configure(struct bh_store *s, const struct bh_store_params *p, struct bh_err *err)
{
	static const char *const sql[] = {
		"PRAGMA locking_mode = EXCLUSIVE",
		"PRAGMA journal_mode = WAL",
		"PRAGMA synchronous = FULL",
		"PRAGMA trusted_schema = OFF",
		"PRAGMA cell_size_check = ON",
		/* Else what the log holds is written to /var/tmp, too, when it is sorted. */
		"PRAGMA temp_store = MEMORY",
	};
	char limit[64];
	int rc = 0;
	size_t i;

	for (i = 0; rc == 0 && i < BH_ARRAY_SIZE(sql); i++)
		rc = pragma(s, sql[i], NULL, err);
	snprintf(limit, sizeof(limit), "PRAGMA max_page_count = %u", p->max_pages);
	if (rc == 0 && p->max_pages != 0)
		rc = pragma(s, limit, NULL, err);
	return rc;
}

static int
open_db(struct bh_store *s, struct bh_err *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
	/* SQLite would make it readable for all; its WAL gets the mode of the file. */
	int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), code = errno;

	if (fd < 0)
		return bh_err_set(err, code, "store %s: cannot open it: %s; check store.path",
				  s->path, strerror(code));
	close(fd);
	if (sqlite3_open_v2(s->path, &s->db, flags, NULL) != SQLITE_OK)
		return s->db != NULL ? bh_store_sql_err(s, "open it", err)
				     : bh_err_set(err, ENOMEM, "out of memory");
	sqlite3_busy_timeout(s->db, 1000);
	return 0;
}

int
bh_store_open(struct bh_store **out, const struct bh_store_params *params, struct bh_err *err)
{
	struct bh_store *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	pthread_mutex_init(&s->change, NULL);
	pthread_mutex_init(&s->lock, NULL);
	s->clock = params->clock != NULL ? params->clock : &bh_clock_system;
	s->keep = params->keep;
	snprintf(s->path, sizeof(s->path), "%s", params->path);
	rc = open_db(s, err);
	if (rc == 0)
		rc = configure(s, params, err);
	if (rc == 0)
		rc = check_schema(s, err);
	if (rc != 0) {
		bh_store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
bh_store_close(struct bh_store *s)
{
	if (s == NULL)
		return;
	sqlite3_close(s->db);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->change);
	free(s);
}
