/* The chain of audit entries. */
#include <errno.h>
#include <stdio.h>

#include "store_priv.h"

#define AUDIT_COLUMNS "seq, time_ns, actor, action, object, result, detail, prev, hash"
#define AUDIT_TYPES "iitttttbb"
#define AUDIT_DOMAIN "bulkhead audit 1"
#define VERIFY_AT_ONCE 512 /* entries read under one hold of the lock: commits get in between */

static void
entry_hash(const struct bh_audit *a, uint8_t out[BH_SHA256_SIZE])
{
	struct bh_digest d;

	bh_digest_begin(&d, AUDIT_DOMAIN);
	bh_digest_u64(&d, a->seq);
	bh_digest_u64(&d, a->time_ns);
	bh_digest_str(&d, a->actor);
	bh_digest_str(&d, a->action);
	bh_digest_str(&d, a->object);
	bh_digest_str(&d, a->result);
	bh_digest_str(&d, a->detail);
	bh_digest_field(&d, a->prev, BH_SHA256_SIZE);
	bh_digest_end(&d, out);
}

/* false: not 32 bytes. */
static bool
column_hash(sqlite3_stmt *st, int column, uint8_t out[BH_SHA256_SIZE])
{
	const void *p = sqlite3_column_blob(st, column);

	if (p == NULL || sqlite3_column_bytes(st, column) != BH_SHA256_SIZE)
		return false;
	memcpy(out, p, BH_SHA256_SIZE);
	return true;
}

/* The head: 1, or 0 when there is none (the log is new, or somebody took it), or -errno. */
static int
head_read(struct bh_store *s, uint64_t *seq, uint8_t hash[BH_SHA256_SIZE], struct bh_err *err)
{
	sqlite3_stmt *st;
	bool whole;
	int rc =
		bh_store_sql_open(s, &st, err, "SELECT seq, hash FROM audit_head WHERE id = 1", "");

	*seq = 0;
	memset(hash, 0, BH_SHA256_SIZE);
	if (rc != 0)
		return rc;
	rc = bh_store_sql_step(s, st, err);
	if (rc == 1) {
		whole = bh_store_sql_as_bound(st, "ib");
		*seq = (uint64_t)sqlite3_column_int64(st, 0);
		if (!column_hash(st, 1, hash) || !whole)
			memset(hash, 0, BH_SHA256_SIZE);
	}
	sqlite3_finalize(st);
	return rc;
}

static const char *
or_empty(const char *s)
{
	return s != NULL ? s : "";
}

int
bh_audit_append(struct bh_store *s, const struct bh_audit *a, struct bh_err *err)
{
	struct bh_audit e = {
		.time_ns = s->clock->wall_ns(s->clock->arg),
		.actor = or_empty(a->actor),
		.action = or_empty(a->action),
		.object = or_empty(a->object),
		.result = or_empty(a->result),
		.detail = a->detail != NULL && a->detail[0] != '\0' ? a->detail : "{}",
	};
	int rc = head_read(s, &e.seq, e.prev, err);

	if (rc < 0)
		return rc;
	e.seq++;
	entry_hash(&e, e.hash);
	rc = bh_store_sql_do(s, err,
			     "INSERT INTO audit(" AUDIT_COLUMNS
			     ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
			     AUDIT_TYPES, (int64_t)e.seq, (int64_t)e.time_ns, e.actor, e.action,
			     e.object, e.result, e.detail, e.prev, (size_t)BH_SHA256_SIZE, e.hash,
			     (size_t)BH_SHA256_SIZE);
	if (rc == 0)
		rc = bh_store_sql_do(
			s, err, "INSERT OR REPLACE INTO audit_head(id, seq, hash) VALUES(1, ?, ?)",
			"ib", (int64_t)e.seq, e.hash, (size_t)BH_SHA256_SIZE);
	return rc;
}

int
bh_store_audit(struct bh_store *s, const struct bh_audit *a, struct bh_err *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, err);
	if (rc == 0)
		rc = bh_store_sql_end(s, bh_audit_append(s, a, err), err);
	pthread_mutex_unlock(&s->lock);
	if (rc != 0)
		bh_store_audit_missed(s);
	return rc;
}

/* false: it is not stored as it was written, so that its hash would not cover all of it; or a hash is not one. */
static bool
row_read(sqlite3_stmt *st, struct bh_audit *a)
{
	bool whole = bh_store_sql_as_bound(st, AUDIT_TYPES);

	*a = (struct bh_audit){
		.seq = (uint64_t)sqlite3_column_int64(st, 0),
		.time_ns = (uint64_t)sqlite3_column_int64(st, 1),
		.actor = bh_store_sql_text(st, 2),
		.action = bh_store_sql_text(st, 3),
		.object = bh_store_sql_text(st, 4),
		.result = bh_store_sql_text(st, 5),
		.detail = bh_store_sql_text(st, 6),
	};
	return column_hash(st, 7, a->prev) && column_hash(st, 8, a->hash) && whole;
}

int
bh_store_audits_find(struct bh_store *s, const struct bh_audit_filter *f, bh_audit_fn fn, void *arg,
		     struct bh_err *err)
{
	static const char sql[] =
		"SELECT " AUDIT_COLUMNS " FROM audit WHERE seq < ?1 AND time_ns >= ?2"
		" AND time_ns <= ?3 AND (?4 = '' OR actor = ?4 OR actor = 'api:' || ?4)"
		" AND (?5 = '' OR action = ?5 OR substr(action, 1, length(?5) + 1) = ?5 || '.')"
		" AND (?6 = '' OR instr(object, ?6) > 0) AND (?7 = '' OR result = ?7)"
		" ORDER BY seq DESC LIMIT ?8";
	int64_t below = f->before != 0 && f->before < INT64_MAX ? (int64_t)f->before : INT64_MAX;
	int64_t until =
		f->until_ns != 0 && f->until_ns < INT64_MAX ? (int64_t)f->until_ns : INT64_MAX;
	struct bh_audit a;
	sqlite3_stmt *st;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_open(s, &st, err, sql, "iiitttti", below, (int64_t)f->since_ns, until,
			       f->actor != NULL ? f->actor : "", f->action != NULL ? f->action : "",
			       f->object != NULL ? f->object : "",
			       f->result != NULL ? f->result : "", (int64_t)f->max);
	while (rc == 0 && (rc = bh_store_sql_step(s, st, err)) == 1) {
		row_read(st, &a);
		rc = fn(arg, &a) ? 0 : 2;
	}
	sqlite3_finalize(st);
	pthread_mutex_unlock(&s->lock);
	return rc < 0 ? rc : 0;
}

int
bh_store_audits(struct bh_store *s, uint64_t before, unsigned max, bh_audit_fn fn, void *arg,
		struct bh_err *err)
{
	return bh_store_audits_find(s, &(struct bh_audit_filter){.before = before, .max = max}, fn,
				    arg, err);
}

int
bh_store_audit_head(struct bh_store *s, uint64_t *seq, char hex[2 * BH_SHA256_SIZE + 1],
		    struct bh_err *err)
{
	uint8_t hash[BH_SHA256_SIZE];
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = head_read(s, seq, hash, err);
	pthread_mutex_unlock(&s->lock);
	bh_sha256_hex(hash, hex);
	return rc < 0 ? rc : 0;
}

/* ---- verification ----------------------------------------------------------------------------------- */

static void
found(struct bh_audit_check *c, uint64_t seq, const char *why)
{
	if (c->wrong != 0)
		return;
	c->wrong = seq;
	snprintf(c->why, sizeof(c->why), "%s", why);
}

/* The next entry of the chain; *prev is the hash of the one before. */
static void
verify_row(sqlite3_stmt *st, uint64_t want, uint8_t prev[BH_SHA256_SIZE], struct bh_audit_check *c)
{
	uint8_t hash[BH_SHA256_SIZE];
	struct bh_audit a;
	bool whole = row_read(st, &a);

	entry_hash(&a, hash);
	if ((int64_t)a.seq < (int64_t)want)
		found(c, want, "before it stands one that nobody wrote");
	else if (a.seq != want)
		found(c, want, "it is missing");
	else if (!whole || memcmp(a.hash, hash, BH_SHA256_SIZE) != 0)
		found(c, want, "its content is not what its hash was made of");
	else if (memcmp(a.prev, prev, BH_SHA256_SIZE) != 0)
		found(c, want, "it does not continue the entry before it");
	else
		c->entries++;
	memcpy(prev, a.hash, BH_SHA256_SIZE);
}

/* Some more entries: 1 when there may be others behind them. */
static int
verify_some(struct bh_store *s, uint8_t prev[BH_SHA256_SIZE], struct bh_audit_check *c,
	    struct bh_err *err)
{
	sqlite3_stmt *st;
	unsigned n = 0;
	int rc = bh_store_sql_open(s, &st, err,
				   "SELECT " AUDIT_COLUMNS
				   " FROM audit WHERE seq >= ? ORDER BY seq LIMIT ?",
				   "ii", c->entries == 0 ? INT64_MIN : (int64_t)c->entries + 1,
				   (int64_t)VERIFY_AT_ONCE);

	if (rc != 0)
		return rc;
	while (c->wrong == 0 && (rc = bh_store_sql_step(s, st, err)) == 1) {
		verify_row(st, c->entries + 1, prev, c);
		n++;
	}
	sqlite3_finalize(st);
	return rc < 0 ? rc : n == VERIFY_AT_ONCE && c->wrong == 0;
}

/* After the last entry, in the same hold of the lock. */
static int
verify_head(struct bh_store *s, const uint8_t prev[BH_SHA256_SIZE], struct bh_audit_check *c,
	    struct bh_err *err)
{
	int rc = head_read(s, &c->head_seq, c->head, err);

	if (rc < 0)
		return rc;
	if (rc == 0 && c->entries != 0)
		found(c, c->entries,
		      "the head of the chain is missing: entries behind this one may be, too");
	else if (c->head_seq > c->entries)
		found(c, c->entries + 1, "it is missing");
	else if (c->head_seq < c->entries)
		found(c, c->head_seq + 1, "it is behind the head of the chain");
	else if (memcmp(c->head, prev, BH_SHA256_SIZE) != 0)
		found(c, c->entries, "it is not the one that the head of the chain names");
	return 0;
}

int
bh_store_audit_verify(struct bh_store *s, struct bh_audit_check *out, struct bh_err *err)
{
	uint8_t prev[BH_SHA256_SIZE] = {0};
	int rc;

	memset(out, 0, sizeof(*out));
	do {
		pthread_mutex_lock(&s->lock);
		rc = verify_some(s, prev, out, err);
		if (rc == 0)
			rc = verify_head(s, prev, out, err);
		pthread_mutex_unlock(&s->lock);
	} while (rc == 1);
	/* A page that cannot be read is an answer, too. */
	if (rc == -EBADMSG) {
		found(out, out->entries + 1, "the file is damaged there");
		rc = 0;
	}
	return rc;
}
