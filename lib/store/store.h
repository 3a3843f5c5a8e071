/* store: policy revisions, identities and the audit log, in one SQLite file.
 *
 * Usage     bh_store_open(), bh_store_resume() at start, bh_store_commit(), bh_store_rollback(), bh_store_confirm()
 *           for changes, bh_store_tick() now and then, bh_store_close().
 * Threads   any control threads; changes exclude one another, reading waits for single statements only. Every
 *           change waits for the disk: nothing here may be called from a packet core.
 * Lifetime  params are copied; strings that a callback is given live until it returns.
 *
 * Durable. WAL with synchronous=FULL: what was answered with 0 is on disk. The file is held exclusively, so that
 * no second gateway writes to it, and no shared-memory file is needed on a full disk.
 *
 * A commit is checked (dry run), written as PENDING, published, then marked APPLIED together with its audit entry.
 * Whoever dies in between leaves a revision that was never acknowledged; bh_store_resume() marks it REFUSED. If
 * marking fails (disk full), what was in force before is published again and the commit is refused.
 *
 * A rollback repeats an older revision under a new number: numbers only grow, and so do If-Match's tags.
 *
 * The audit log is a chain: each entry's hash is SHA-256 over its fields, each with its length before it, and the hash
 * of the entry before. The newest hash stands in a second table, so that entries cut off at the end are missed, too.
 * Who may write the file can make a new chain from its beginning: for proof against that, keep the head's hash
 * elsewhere (it is in the gateway's log after every change, and in bh_audit_check).
 */
#ifndef BH_STORE_H
#define BH_STORE_H

#include "../base/base.h"

#define BH_SHA256_SIZE 32
#define BH_STORE_TEXT_MAX 1024 /* bytes of an author, a reason; longer ones are cut */

struct bh_store;

struct bh_store_params {
	const char *path;
	const struct bh_clock *clock; /* NULL: the system's */
	uint32_t
		keep; /* documents of so many newest revisions are kept, 0 = all; older keep only their row */
	uint32_t max_pages; /* of 4 KiB, 0 = as the disk allows; more is -ENOSPC */
};

/* Makes the file (mode 0600) when it is not there. -EBUSY: another process has it; -EBADMSG: not a store, or
 * damaged; -EPROTO: made by a newer version; else -errno. err says what to do. */
int bh_store_open(struct bh_store **out, const struct bh_store_params *params, struct bh_err *err);
void bh_store_close(struct bh_store *s); /* NULL is fine */

/* ---- revisions ------------------------------------------------------------------------------------ */

enum bh_revision_state {
	BH_REVISION_PENDING,     /* written, not published: a commit is on its way */
	BH_REVISION_APPLIED,     /* came into force */
	BH_REVISION_CONFIRMED,   /* the same, and was confirmed in time */
	BH_REVISION_REFUSED,     /* did not come into force */
	BH_REVISION_ROLLED_BACK, /* was in force and was taken back */
	BH_REVISION_STATES
};
const char *bh_revision_state_name(unsigned state);

enum bh_revision_origin {
	BH_ORIGIN_API,
	BH_ORIGIN_FILE,     /* the policy file */
	BH_ORIGIN_ROLLBACK, /* repeats `base` */
	BH_ORIGINS
};
const char *bh_revision_origin_name(unsigned origin);

struct bh_revision {
	uint32_t number; /* from 1 */
	uint32_t base;   /* ROLLBACK: the revision that it repeats */
	uint64_t time_ns;
	uint8_t state, origin;
	const char *author, *why;
	const char *summary;            /* JSON object: counts of what it changed */
	uint8_t sha256[BH_SHA256_SIZE]; /* of the document, as sha256sum prints it */
	uint64_t size;
	const char *text; /* NULL in lists, and where it is no longer kept */
};
typedef bool (*bh_revision_fn)(void *arg, const struct bh_revision *r);

/* Newest first, those below `before` (0: all), at most max, until fn returns false. Only what is in the rows: no
 * document is read or checked. */
int bh_store_revisions(struct bh_store *s, uint32_t before, unsigned max, bh_revision_fn fn,
		       void *arg, struct bh_err *err);
/* One, with its document. -ENOENT; -EBADMSG: its checksum is wrong, err says so and fn is not called. */
int bh_store_revision(struct bh_store *s, uint32_t number, bh_revision_fn fn, void *arg,
		      struct bh_err *err);

/* ---- changes -------------------------------------------------------------------------------------- */

/* What a change does to the gateway. Called with no lock that readers need. */
struct bh_commit_ops {
	void *arg;
	/* Dry run: would publish() take it? Appends the JSON object of its counts to summary. -EINVAL: it is wrong. */
	int (*check)(void *arg, const char *text, size_t len, struct bh_buf *summary,
		     struct bh_err *err);
	/* Put it in force as this revision, all or nothing. */
	int (*publish)(void *arg, uint32_t number, const char *text, size_t len,
		       struct bh_err *err);
	/* Put back what publish() replaced. */
	void (*restore)(void *arg);
	/* NULL: numbers are given here. Between check() and all that is written: makes it a revision of several gateways, whose
	 * number there it gives. r has neither number nor state. -errno: it is none, nothing changes. */
	int (*claim)(void *arg, const struct bh_revision *r, uint64_t confirm_ms, uint32_t *number,
		     struct bh_err *err);
};

struct bh_commit {
	const char *text;
	size_t len;
	const char *author; /* NULL: "" */
	const char *why;
	uint64_t
		confirm_ms; /* not 0: rolled back by bh_store_tick() unless confirmed in this time */
	enum bh_revision_origin origin;
};

/* 0 with *number; what check or publish said; -EALREADY: a revision waits for its confirmation; -ENOENT: nothing to
 * go back to, and confirm_ms is set; -ENOSPC, -EROFS, -EIO: the disk. Nothing changed unless 0. */
int bh_store_commit(struct bh_store *s, const struct bh_commit *c, const struct bh_commit_ops *ops,
		    uint32_t *number, struct bh_err *err);

/* Put `to` in force again (0: the newest one before the present one that differs from it). Also when a
 * revision waits for its confirmation. author and why as in a commit. -ENOENT: there is no such revision,
 * or it never was in force; -EBADMSG: its document is damaged; -ENODATA: it is no longer kept. */
int bh_store_rollback(struct bh_store *s, uint32_t to, const char *author, const char *why,
		      const struct bh_commit_ops *ops, uint32_t *number, struct bh_err *err);

/* A revision of several gateways, which others made: in force here, too, under its number, whatever waits. Of r count number,
 * base, time, origin, author, why and text; by: the gateway that made it; left_ms not 0: it waits for its confirmation.
 * -EEXIST: here is one of this number, or beyond; else as bh_store_commit. */
int bh_store_take(struct bh_store *s, const struct bh_revision *r, const char *by, uint64_t left_ms,
		  const struct bh_commit_ops *ops, struct bh_err *err);
/* The same for one that was in force elsewhere only: a row for the list, and to go back to. */
int bh_store_keep(struct bh_store *s, const struct bh_revision *r, struct bh_err *err);
struct bh_store_force {
	uint32_t number, newest; /* in force (0: none is); of all, refused ones, too */
	uint8_t state;           /* enum bh_revision_state */
	uint8_t sha256[BH_SHA256_SIZE];
};
int bh_store_in_force(struct bh_store *s, struct bh_store_force *out, struct bh_err *err);

/* -ENOENT: none waits. */
int bh_store_confirm(struct bh_store *s, const char *author, uint32_t *number, struct bh_err *err);

struct bh_confirm {
	uint32_t number;   /* waits; 0: none does */
	uint32_t previous; /* what is put back */
	uint64_t left_ms;
};
void bh_store_waiting(struct bh_store *s, struct bh_confirm *out);

/* Roll back what was not confirmed in time. 1 with *number when it did, 0 when there was nothing to do, -errno when
 * it failed (it is tried again a second later). Cheap when nothing is due. */
int bh_store_tick(struct bh_store *s, const struct bh_commit_ops *ops, uint32_t *number,
		  struct bh_err *err);

/* ---- start ---------------------------------------------------------------------------------------- */

struct bh_store_start {
	const char *file_text; /* the policy file; NULL: none is configured */
	size_t file_len;
};

struct bh_store_started {
	uint32_t number;  /* now in force; 0: there is none, and no file */
	bool from_file;   /* the file's, as a new revision */
	uint32_t damaged; /* newest revision that should be in force, but is damaged; 0: none */
	bool expired;     /* a confirmation did not come while the gateway was down: rolled back */
};

/* Put in force what was in force when the gateway ended. The policy file wins when it is another than the one that
 * was last taken from it (the store keeps that one's SHA-256), so that an edit of the file counts and a restart alone
 * changes nothing. A damaged revision is passed over for the next older whole one. */
int bh_store_resume(struct bh_store *s, const struct bh_store_start *in,
		    const struct bh_commit_ops *ops, struct bh_store_started *out,
		    struct bh_err *err);
/* The policy file anew (SIGHUP). 0: in force as *number; 1: it is the one that was taken last, nothing done. */
int bh_store_file(struct bh_store *s, const char *text, size_t len, const struct bh_commit_ops *ops,
		  uint32_t *number, struct bh_err *err);

/* ---- modes of segments ---------------------------------------------------------------------------- */

#define BH_STORE_MODE_UNSET 0xff /* forgotten: the policy document's holds again */
struct bh_store_mode {
	const char *segment;
	uint8_t mode;   /* enum bh_mode, or BH_STORE_MODE_UNSET */
	uint8_t before; /* that its members had, for the audit entry */
};

/* Keep what was set, each with an entry `segment.mode` in the audit log, all or none. 0 or -errno of the disk. */
int bh_store_modes_set(struct bh_store *s, const struct bh_store_mode *m, size_t n,
		       const char *author, const char *why, struct bh_err *err);
/* All that are kept, until fn returns false. */
typedef bool (*bh_store_mode_fn)(void *arg, const struct bh_store_mode *m);
int bh_store_modes_each(struct bh_store *s, bh_store_mode_fn fn, void *arg, struct bh_err *err);

/* ---- use of rules ---------------------------------------------------------------------------------- */

/* What a rule with this id and this content has decided. Not in the chain: figures may be lost or changed with the file. */
struct bh_store_use {
	const char *rule; /* id */
	uint64_t
		body; /* hash of what it says: another rule under an old id has figures of its own */
	uint64_t hits, packets, bytes;
	uint64_t first_ns, last_ns; /* wall clock */
	uint64_t since_ns; /* wall clock: it is in force since then; bh_store_uses_since() */
};
/* Add to what is kept, all or none. Rules that were not used for 800 days are forgotten at the next open. */
int bh_store_uses_add(struct bh_store *s, const struct bh_store_use *u, size_t n,
		      struct bh_err *err);
/* rule and body are given. -ENOENT: never used. */
int bh_store_use_get(struct bh_store *s, struct bh_store_use *u, struct bh_err *err);
/* Rules that are in force now, since u[].since_ns, all or none. resumed: of those that are known already it stays as it
 * was, and u[].since_ns becomes that. Kept for ten years. */
int bh_store_uses_since(struct bh_store *s, struct bh_store_use *u, size_t n, bool resumed,
			struct bh_err *err);

/* ---- responses: what is in quarantine, blocked or cut (lib/response) -------------------------------- */

struct bh_store_response {
	uint64_t id, tenant;
	uint64_t since_ns, until_ns; /* wall clock */
	const char *spec;            /* the writer's words */
	const char *by, *why, *rule;
	uint8_t kind;
};
typedef bool (*bh_store_response_fn)(void *arg, const struct bh_store_response *r);
struct bh_audit;
/* Each with its entry in the audit log, both or none. 0 or -errno of the disk. */
int bh_store_response_put(struct bh_store *s, const struct bh_store_response *r,
			  const struct bh_audit *entry, struct bh_err *err);
int bh_store_response_end(struct bh_store *s, uint64_t id, const struct bh_audit *entry,
			  struct bh_err *err);
/* All that are kept, oldest first, until fn returns false. *next: the number of the next one. */
int bh_store_responses_each(struct bh_store *s, bh_store_response_fn fn, void *arg, uint64_t *next,
			    struct bh_err *err);

/* ---- identities of the API -------------------------------------------------------------------------- */

/* Who may ask for what. The secret itself is never here. */
struct bh_store_identity {
	const char *name;
	const char *role;                /* a word of the API's */
	const char *hash;                /* of its token, as the API makes it; "": it has none */
	const char *certificate;         /* SHA-256 of its certificate in hex; "": none */
	uint64_t created_ns, expires_ns; /* 0: never */
};
/* Make or replace, with an audit entry of this action in the same transaction. 0 or -errno. */
int bh_store_identity_put(struct bh_store *s, const struct bh_store_identity *i, const char *action,
			  const char *author, struct bh_err *err);
/* -ENOENT: there is none. */
int bh_store_identity_delete(struct bh_store *s, const char *name, const char *author,
			     struct bh_err *err);
typedef bool (*bh_store_identity_fn)(void *arg, const struct bh_store_identity *i);
/* All, by name, until fn returns false. */
int bh_store_identities_each(struct bh_store *s, bh_store_identity_fn fn, void *arg,
			     struct bh_err *err);

/* ---- audit ---------------------------------------------------------------------------------------- */

struct bh_audit {
	uint64_t seq; /* from 1, without gaps */
	uint64_t time_ns;
	const char *actor;  /* "api:alice", "file", "gateway" */
	const char *action; /* "policy.commit" */
	const char *object; /* "revision 12" */
	const char *result; /* "ok", "refused", "failed" */
	const char *detail; /* JSON object */
	uint8_t prev[BH_SHA256_SIZE], hash[BH_SHA256_SIZE];
};
typedef bool (*bh_audit_fn)(void *arg, const struct bh_audit *a);

/* Append; seq, time, prev and hash are set here. */
int bh_store_audit(struct bh_store *s, const struct bh_audit *a, struct bh_err *err);
/* Of an audit entry, all that is set must hold; NULL, 0: any. */
struct bh_audit_filter {
	uint64_t since_ns, until_ns; /* both included */
	const char *actor;           /* "gateway", "api:alice", or "alice" */
	const char *action; /* "policy.commit", or what stands before a dot of it: "policy" */
	const char *object; /* is in it: "12" of "revision 12" */
	const char *result;
	uint64_t before; /* number, not included; 0: none */
	unsigned max;
};
/* Newest first, until fn returns false. */
int bh_store_audits_find(struct bh_store *s, const struct bh_audit_filter *f, bh_audit_fn fn,
			 void *arg, struct bh_err *err);
/* The same without a filter: those below `before` (0: all), at most max. */
int bh_store_audits(struct bh_store *s, uint64_t before, unsigned max, bh_audit_fn fn, void *arg,
		    struct bh_err *err);

struct bh_audit_check {
	uint64_t entries; /* right ones from the beginning */
	uint64_t wrong;   /* sequence number of the first wrong entry; 0: all are right */
	char why[200];
	uint64_t head_seq;
	uint8_t head[BH_SHA256_SIZE];
};
/* Walk the whole chain. 0: it could be read; *out says what was found. */
int bh_store_audit_verify(struct bh_store *s, struct bh_audit_check *out, struct bh_err *err);

/* Number and hash of the newest entry, in hexadecimal. */
int bh_store_audit_head(struct bh_store *s, uint64_t *seq, char hex[2 * BH_SHA256_SIZE + 1],
			struct bh_err *err);

/* ---- life of the gateway ---------------------------------------------------------------------------- */

/* It is there now: call every few seconds. What can't be written is let go. */
void bh_store_alive(struct bh_store *s);
/* Before this start: since when there was no gateway, and whether the last one was stopped (`gateway.stop` is its newest
 * entry). since_ns 0: there never was one. Before anything is added to the log. */
struct bh_down {
	uint64_t since_ns; /* wall clock */
	bool clean;
};
int bh_store_down(struct bh_store *s, struct bh_down *out, struct bh_err *err);
/* Entries that could not be written since the start; and, as soon as it can be, an entry `control.failed` of the object
 * "audit log" about them. Cheap when there are none. One control thread. */
uint64_t bh_store_audit_lost(struct bh_store *s);
void bh_store_audit_gap(struct bh_store *s);

/* ---- small things --------------------------------------------------------------------------------- */

/* What went wrong last with a SQLite connection, as an errno (positive): one reading for all rooms that keep a database. */
struct sqlite3;
int bh_store_errno(struct sqlite3 *db);
void bh_sha256(const void *data, size_t len, uint8_t out[BH_SHA256_SIZE]);
void bh_sha256_hex(const uint8_t hash[BH_SHA256_SIZE], char out[2 * BH_SHA256_SIZE + 1]);

#endif
