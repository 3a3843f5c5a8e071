/* store_priv: statements, rows and digests.
 *
 *   store.c     the file: open, schema
 *   statement.c  statements with their values, errors in words
 *   digest.c    SHA-256 over fields with their lengths
 *   revision.c  rows of the table of revisions
 *   commit.c    changes, in the order that store.h promises
 *   confirm.c   commits that wait, rollback
 *   resume.c    start, and the policy file
 *   take.c      revisions of several gateways
 *   mode.c      modes of segments that were set
 *   response.c  quarantines, blocks and cuts
 *   use.c       what rules have decided
 *   identity.c  who may use the API
 *   audit.c     the chain
 *   life.c      when the gateway was there, and entries that were missed
 */
#ifndef BH_STORE_PRIV_H
#define BH_STORE_PRIV_H

#include <nettle/sha2.h>
#include <pthread.h>
#include <sqlite3.h>

#include "store.h"

struct bh_store {
	sqlite3 *db;
	const struct bh_clock *clock;
	uint32_t keep;
	/* Order: change, then db. db is held for a statement or a transaction, change for a whole commit. */
	pthread_mutex_t change, lock;
	uint64_t
		due_ns; /* mono: when what waits is rolled back; 0: none. Written under change; read atomically */
	uint64_t missed, missed_ever, missed_ns; /* entries of the log; atomic, see life.c */
	uint64_t retry_ns;                       /* of bh_store_audit_gap() */
	char path[256];
};

/* ---- statement.c: with `lock` held ---------------------------------------------------------------------- */

/* The last error as -errno, with "cannot DOING: why" in err. */
int bh_store_sql_err(struct bh_store *s, const char *doing, struct bh_err *err);
/* Prepare and bind. types: i (int64_t), t (const char *; NULL is ""), b (const void *, size_t). */
int bh_store_sql_open(struct bh_store *s, sqlite3_stmt **out, struct bh_err *err, const char *sql,
		      const char *types, ...);
/* The same, run to its end. */
int bh_store_sql_do(struct bh_store *s, struct bh_err *err, const char *sql, const char *types,
		    ...);
/* Next row: 1, 0 at the end, -errno. */
int bh_store_sql_step(struct bh_store *s, sqlite3_stmt *st, struct bh_err *err);
int bh_store_sql_begin(struct bh_store *s, struct bh_err *err);
/* Commit, or roll back when rc != 0; returns rc or what failed. */
int bh_store_sql_end(struct bh_store *s, int rc, struct bh_err *err);
const char *bh_store_sql_text(sqlite3_stmt *st, int column); /* never NULL */
/* Is each column of the row stored as bh_store_sql_do() stores these types, each text without a byte behind a NUL? What
 * is stored otherwise is more than what is read of it. Before any column is read. */
bool bh_store_sql_as_bound(sqlite3_stmt *st, const char *types);
/* A number of the table of settings; def when it is not there. */
int bh_store_sql_setting(struct bh_store *s, const char *key, int64_t def, int64_t *out,
			 struct bh_err *err);
int bh_store_sql_set(struct bh_store *s, const char *key, int64_t value, struct bh_err *err);

/* Append a member to a JSON object under construction in b. */
void bh_store_json_text(struct bh_buf *b, const char *key, const char *s);

/* ---- mode.c: with `lock` held ------------------------------------------------------------------------ */

/* Its table, in stores that were made without. */
int bh_store_modes_prepare(struct bh_store *s, struct bh_err *err);
/* response.c: the same. */
int bh_store_responses_prepare(struct bh_store *s, struct bh_err *err);

/* ---- use.c: with `lock` held ------------------------------------------------------------------------- */

int bh_store_uses_prepare(struct bh_store *s, struct bh_err *err);

/* ---- identity.c: with `lock` held --------------------------------------------------------------------- */

int bh_store_identities_prepare(struct bh_store *s, struct bh_err *err);

/* ---- digest.c ------------------------------------------------------------------------------------- */

struct bh_digest {
	struct sha256_ctx sha;
};
void bh_digest_begin(struct bh_digest *d, const char *domain);
void bh_digest_u64(struct bh_digest *d, uint64_t v);
void bh_digest_field(struct bh_digest *d, const void *data,
		     size_t len); /* with its length before it */
void bh_digest_str(struct bh_digest *d, const char *s);
void bh_digest_end(struct bh_digest *d, uint8_t out[BH_SHA256_SIZE]);

/* ---- revision.c: with `lock` held ------------------------------------------------------------------ */

/* Write r in its state, with its checksum. Its number, if it is 0: the next one; its time, if it is 0: now. -EEXIST: the
 * number is not above all others. */
int bh_revision_insert(struct bh_store *s, struct bh_revision *r, struct bh_err *err);
int bh_revision_set_state(struct bh_store *s, uint32_t number, enum bh_revision_state state,
			  struct bh_err *err);
/* Documents of revisions that are too old to be kept are dropped. */
int bh_revision_prune(struct bh_store *s, uint32_t newest, struct bh_err *err);

/* A revision that was read whole and is right; free text. */
struct bh_document {
	uint32_t number;
	uint8_t state;
	uint8_t sha256[BH_SHA256_SIZE];
	char *text;
	size_t len;
};
/* -ENOENT, -ENODATA (no longer kept), -EBADMSG. Takes `lock` itself. */
int bh_document_read(struct bh_store *s, uint32_t number, struct bh_document *out,
		     struct bh_err *err);
/* The newest one that was in force and is whole, below `before` (0: all), whose document is not `but` (NULL: any).
 * -ENOENT: none. *damaged: number of the newest that was passed over because it is not whole, or 0. Takes `lock`. */
int bh_document_newest(struct bh_store *s, uint32_t before, const uint8_t *but,
		       struct bh_document *out, uint32_t *damaged, struct bh_err *err);

/* ---- commit.c: with `change` held ------------------------------------------------------------------ */

struct bh_change {
	const struct bh_commit *commit;
	const char *action; /* of the audit entry */
	uint32_t base;      /* ROLLBACK: repeats this one; those behind it become ROLLED_BACK */
	uint32_t number;    /* it has already; 0 */
	uint64_t time_ns;   /* the same */
	const char *by;     /* gateway that made it, or NULL */
	bool file;          /* the policy file: its SHA-256 is remembered */
};
int bh_change_run(struct bh_store *s, const struct bh_change *c, const struct bh_commit_ops *ops,
		  uint32_t *number, struct bh_err *err);

/* ---- confirm.c: with `change` held ------------------------------------------------------------------ */

/* Settings of a revision that waits, in the transaction that marks it; ms = 0: none waits from here on. */
int bh_confirm_write(struct bh_store *s, uint32_t number, uint32_t previous, uint64_t ms,
		     struct bh_err *err);
/* After that transaction: the clock of this process. */
void bh_confirm_arm(struct bh_store *s, uint64_t ms);
/* Roll back what waits. */
int bh_confirm_expire(struct bh_store *s, const struct bh_commit_ops *ops, uint32_t *number,
		      struct bh_err *err);
/* Put document d in force again, as a new revision. */
int bh_rollback_to(struct bh_store *s, const struct bh_document *d, const struct bh_commit *c,
		   const struct bh_commit_ops *ops, uint32_t *number, struct bh_err *err);

/* ---- audit.c: with `lock` held, inside a transaction -------------------------------------------------- */

int bh_audit_append(struct bh_store *s, const struct bh_audit *a, struct bh_err *err);
/* life.c: an entry could not be written. Without a lock. */
void bh_store_audit_missed(struct bh_store *s);

#endif
