/* Rows of the table of revisions. A document is right when its SHA-256 is; the other columns, but for the state,
 * which changes, when the row's seal is. */
#include <errno.h>
#include <stdlib.h>

#include "store_priv.h"

#define SEAL_DOMAIN "bulkhead revision 1"
#define ROW "number, time_ns, state, origin, base, size, sha256, seal, author, why, summary"
#define ROW_TYPES "iiiiiibbttt"

static const char *const state_names[BH_REVISION_STATES] = {"pending", "applied", "confirmed",
							    "refused", "rolled_back"};
static const char *const origin_names[BH_ORIGINS] = {"api", "file", "rollback"};

const char *
bh_revision_state_name(unsigned state)
{
	return state < BH_REVISION_STATES ? state_names[state] : "invalid";
}

const char *
bh_revision_origin_name(unsigned origin)
{
	return origin < BH_ORIGINS ? origin_names[origin] : "invalid";
}

static void
row_seal(const struct bh_revision *r, uint8_t out[BH_SHA256_SIZE])
{
	struct bh_digest d;

	bh_digest_begin(&d, SEAL_DOMAIN);
	bh_digest_u64(&d, r->number);
	bh_digest_u64(&d, r->time_ns);
	bh_digest_u64(&d, r->origin);
	bh_digest_u64(&d, r->base);
	bh_digest_u64(&d, r->size);
	bh_digest_field(&d, r->sha256, BH_SHA256_SIZE);
	bh_digest_str(&d, r->author);
	bh_digest_str(&d, r->why);
	bh_digest_str(&d, r->summary);
	bh_digest_end(&d, out);
}

int
bh_revision_insert(struct bh_store *s, struct bh_revision *r, struct bh_err *err)
{
	uint8_t seal[BH_SHA256_SIZE];
	sqlite3_stmt *st;
	uint32_t next;
	int rc = bh_store_sql_open(s, &st, err, "SELECT coalesce(max(number), 0) + 1 FROM revision",
				   "");

	if (rc != 0)
		return rc;
	rc = bh_store_sql_step(s, st, err);
	next = (uint32_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	if (rc < 0)
		return rc;
	if (r->number != 0 && r->number < next)
		return bh_err_set(err, EEXIST, "revision %u is not above the newest, %u", r->number,
				  next - 1);
	if (r->number == 0)
		r->number = next;
	if (r->time_ns == 0)
		r->time_ns = s->clock->wall_ns(s->clock->arg);
	bh_sha256(r->text, r->size, r->sha256);
	row_seal(r, seal);
	return bh_store_sql_do(s, err,
			       "INSERT INTO revision(" ROW
			       ", document) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			       ROW_TYPES "b", (int64_t)r->number, (int64_t)r->time_ns,
			       (int64_t)r->state, (int64_t)r->origin, (int64_t)r->base,
			       (int64_t)r->size, r->sha256, (size_t)BH_SHA256_SIZE, seal,
			       (size_t)BH_SHA256_SIZE, r->author, r->why, r->summary, r->text,
			       (size_t)r->size);
}

int
bh_revision_set_state(struct bh_store *s, uint32_t number, enum bh_revision_state state,
		      struct bh_err *err)
{
	return bh_store_sql_do(s, err, "UPDATE revision SET state = ? WHERE number = ?", "ii",
			       (int64_t)state, (int64_t)number);
}

int
bh_revision_prune(struct bh_store *s, uint32_t newest, struct bh_err *err)
{
	if (s->keep == 0 || newest <= s->keep)
		return 0;
	return bh_store_sql_do(
		s, err,
		"UPDATE revision SET document = NULL WHERE number <= ? AND document IS NOT "
		"NULL",
		"i", (int64_t)(newest - s->keep));
}

/* false: the row is not as it was written. */
static bool
row_read(sqlite3_stmt *st, struct bh_revision *r)
{
	bool whole = bh_store_sql_as_bound(st, ROW_TYPES);
	uint8_t seal[BH_SHA256_SIZE];

	*r = (struct bh_revision){
		.number = (uint32_t)sqlite3_column_int64(st, 0),
		.time_ns = (uint64_t)sqlite3_column_int64(st, 1),
		.state = (uint8_t)sqlite3_column_int(st, 2),
		.origin = (uint8_t)sqlite3_column_int(st, 3),
		.base = (uint32_t)sqlite3_column_int64(st, 4),
		.size = (uint64_t)sqlite3_column_int64(st, 5),
		.author = bh_store_sql_text(st, 8),
		.why = bh_store_sql_text(st, 9),
		.summary = bh_store_sql_text(st, 10),
	};
	if (!whole || sqlite3_column_bytes(st, 6) != BH_SHA256_SIZE ||
	    sqlite3_column_bytes(st, 7) != BH_SHA256_SIZE)
		return false;
	memcpy(r->sha256, sqlite3_column_blob(st, 6), BH_SHA256_SIZE);
	row_seal(r, seal);
	return memcmp(seal, sqlite3_column_blob(st, 7), BH_SHA256_SIZE) == 0;
}

static int
damaged(struct bh_store *s, uint32_t number, struct bh_err *err)
{
	return bh_err_set(err, EBADMSG,
			  "store %s: revision %u is damaged: its checksum is wrong; roll back to "
			  "another, or commit its document again",
			  s->path, number);
}

/* The row of one revision, checked with its document. */
static int
row_check(struct bh_store *s, sqlite3_stmt *st, struct bh_revision *r, struct bh_err *err)
{
	uint32_t number = (uint32_t)sqlite3_column_int64(st, 0);
	uint8_t sha[BH_SHA256_SIZE];

	if (!row_read(st, r))
		return damaged(s, number, err);
	if (sqlite3_column_type(st, 11) == SQLITE_NULL)
		return 0;
	r->text = sqlite3_column_blob(st, 11);
	if (r->text == NULL)
		r->text = "";
	if ((uint64_t)sqlite3_column_bytes(st, 11) != r->size)
		return damaged(s, number, err);
	bh_sha256(r->text, r->size, sha);
	return memcmp(sha, r->sha256, BH_SHA256_SIZE) == 0 ? 0 : damaged(s, number, err);
}

int
bh_store_revisions(struct bh_store *s, uint32_t before, unsigned max, bh_revision_fn fn, void *arg,
		   struct bh_err *err)
{
	struct bh_revision r;
	sqlite3_stmt *st;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_open(s, &st, err,
			       "SELECT " ROW
			       " FROM revision WHERE number < ? ORDER BY number DESC LIMIT ?",
			       "ii", before != 0 ? (int64_t)before : INT64_MAX, (int64_t)max);
	while (rc == 0 && (rc = bh_store_sql_step(s, st, err)) == 1) {
		row_read(st, &r);
		rc = fn(arg, &r) ? 0 : 2;
	}
	sqlite3_finalize(st);
	pthread_mutex_unlock(&s->lock);
	return rc < 0 ? rc : 0;
}

int
bh_store_revision(struct bh_store *s, uint32_t number, bh_revision_fn fn, void *arg,
		  struct bh_err *err)
{
	struct bh_revision r;
	sqlite3_stmt *st;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_open(s, &st, err,
			       "SELECT " ROW ", document FROM revision WHERE number = ?", "i",
			       (int64_t)number);
	if (rc == 0)
		rc = bh_store_sql_step(s, st, err);
	if (rc == 0)
		rc = bh_err_set(err, ENOENT, "there is no revision %u", number);
	else if (rc == 1)
		rc = row_check(s, st, &r, err);
	if (rc == 0)
		fn(arg, &r);
	sqlite3_finalize(st);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

struct keep {
	struct bh_document *out;
	int rc;
};

static bool
keep_document(void *arg, const struct bh_revision *r)
{
	struct keep *k = arg;
	struct bh_document *d = k->out;

	d->number = r->number;
	d->state = r->state;
	memcpy(d->sha256, r->sha256, BH_SHA256_SIZE);
	if (r->text == NULL) {
		k->rc = -ENODATA;
		return false;
	}
	d->text = malloc(r->size + 1);
	if (d->text == NULL) {
		k->rc = -ENOMEM;
		return false;
	}
	memcpy(d->text, r->text, r->size);
	d->text[r->size] = '\0';
	d->len = r->size;
	return true;
}

int
bh_document_read(struct bh_store *s, uint32_t number, struct bh_document *out, struct bh_err *err)
{
	struct keep k = {.out = out};
	int rc;

	*out = (struct bh_document){0};
	rc = bh_store_revision(s, number, keep_document, &k, err);
	if (rc == 0 && k.rc == -ENODATA)
		rc = bh_err_set(err, ENODATA,
				"the document of revision %u is no longer kept (store.keep)",
				number);
	else if (rc == 0 && k.rc != 0)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	return rc;
}

/* Number of the newest revision below `before` that was in force and is not `but`; 0: none. */
static int
newest_number(struct bh_store *s, int64_t before, const uint8_t *but, uint32_t *out,
	      struct bh_err *err)
{
	sqlite3_stmt *st;
	int rc;

	*out = 0;
	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_open(s, &st, err,
			       "SELECT number FROM revision WHERE number < ? AND state IN (1, 2) "
			       "AND sha256 != ? ORDER BY number DESC LIMIT 1",
			       "ib", before, but, (size_t)(but != NULL ? BH_SHA256_SIZE : 0));
	if (rc == 0)
		rc = bh_store_sql_step(s, st, err);
	if (rc == 1)
		*out = (uint32_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	pthread_mutex_unlock(&s->lock);
	return rc < 0 ? rc : 0;
}

int
bh_document_newest(struct bh_store *s, uint32_t before, const uint8_t *but, struct bh_document *out,
		   uint32_t *bad, struct bh_err *err)
{
	int64_t below = before != 0 ? (int64_t)before : INT64_MAX;
	uint32_t number;
	int rc;

	_Static_assert(BH_REVISION_APPLIED == 1 && BH_REVISION_CONFIRMED == 2, "in the statement");
	*bad = 0;
	*out = (struct bh_document){0};
	for (;;) {
		rc = newest_number(s, below, but, &number, err);
		if (rc != 0)
			return rc;
		if (number == 0)
			return -ENOENT;
		rc = bh_document_read(s, number, out, NULL);
		if (rc == -ENODATA)
			return -ENOENT;
		if (rc != -EBADMSG)
			return rc == 0 ? 0
				       : bh_err_set(err, -rc, "cannot read revision %u: %s", number,
						    strerror(-rc));
		if (*bad == 0)
			*bad = number;
		below = number;
	}
}
