/* fleet_priv: etcd's words, and what a gateway keeps of them.
 *
 *   answer.c   what etcd says: answers, lines of a watch
 *   ask.c      what is asked: JSON with base64
 *   call.c     requests, with fail-over
 *   record.c   revisions as JSON
 *   item.c     endpoints as JSON
 *   view.c     what is below P/live/
 *   policy.c   documents, claims, confirmation
 *   reconcile.c  what the head means here
 *   member.c   this gateway's lease and status
 *   run.c      the thread
 *   fleet.c    begin, end, status
 */
#ifndef BH_FLEET_PRIV_H
#define BH_FLEET_PRIV_H

#include <jansson.h>
#include <pthread.h>

#include "../client/client.h"
#include "fleet.h"

#define BH_FLEET_KEY 512
#define BH_FLEET_ITEMS (1u << 20)
#define BH_FLEET_VALUE (256u << 10) /* of an item */
#define BH_FLEET_CHUNK (512u << 10) /* etcd takes requests of 1.5 MiB */
#define BH_FLEET_DOCUMENT (64u << 20)

/* ---- answer.c ----------------------------------------------------------------------------------------------- */

struct bh_etcd_kv {
	char *key, *value; /* decoded, with a NUL behind; a key holds none */
	size_t len;        /* of value */
	int64_t mod;
	bool deleted; /* of a watch */
};

struct bh_etcd_answer {
	int64_t revision;
	bool succeeded, more;
	int64_t lease, ttl;
	char token[512];
	char error[200]; /* etcd's words; "": none */
	bool created, canceled;
	int64_t compacted; /* of a watch that was ended: what is older is gone */
	struct bh_etcd_kv *kv;
	size_t n;
};
/* An answer to a request: of a transaction, the kvs of all its ranges. 0; -EINVAL: it is none; -ENOMEM. */
int bh_etcd_answer_read(struct bh_etcd_answer *out, const char *text, size_t len);
/* One line of a watch. The same. */
int bh_etcd_line_read(struct bh_etcd_answer *out, const char *text, size_t len);
void bh_etcd_answer_free(struct bh_etcd_answer *a);

/* ---- ask.c: bodies of requests, appended --------------------------------------------------------------------- */

void bh_etcd_base64(struct bh_buf *b, const void *data, size_t len);
void bh_etcd_member(struct bh_buf *b, const char *name, const char *text); /* "name":"base64" */
/* All keys that begin with `from` and are above `after` (NULL: any), at most limit (0: all), at revision (0: now). */
struct bh_etcd_range {
	const char *from, *after;
	unsigned limit;
	int64_t revision;
};
void bh_etcd_ask_range(struct bh_buf *b, const struct bh_etcd_range *r);
void bh_etcd_ask_key(struct bh_buf *b, const char *key);
void bh_etcd_ask_watch(struct bh_buf *b, const char *from, int64_t revision);
/* "request_put": for a transaction. lease 0: none. */
struct bh_etcd_put {
	const char *key, *value;
	size_t len;
	int64_t lease;
};
void bh_etcd_ask_put(struct bh_buf *b, const struct bh_etcd_put *p);
/* {"key":..,"target":"MOD",..}: 0: it is not there. */
void bh_etcd_ask_compare(struct bh_buf *b, const char *key, int64_t mod);

/* ---- call.c ----------------------------------------------------------------------------------------------------- */

/* One asker: a thread's own. */
struct bh_etcd {
	const struct bh_config *c;
	struct bh_secrets *secrets;
	const _Atomic bool *stop;
	CURL *easy;
	unsigned at;     /* endpoint that answered last */
	char token[512]; /* of fleet.user; "": none yet */
	struct bh_buf body;
};
/* POST to /v3/PATH, at one endpoint after the other, for at most ms. 0; -EIO: etcd answered an error, out->error; -ENOTCONN:
 * none answered, err says what the last said. out is to be freed whatever is returned. */
int bh_etcd_call(struct bh_etcd *e, const char *path, const struct bh_buf *ask, unsigned ms,
		 struct bh_etcd_answer *out, struct bh_err *err);
/* Options of a request of e on a handle that is the caller's. Returns its header, to be freed. */
struct curl_slist *bh_etcd_prepare(struct bh_etcd *e, CURL *easy, const char *path, long silent_s);
/* The next endpoint: this one's watch brings nothing. */
void bh_etcd_next(struct bh_etcd *e);
void bh_etcd_close(struct bh_etcd *e);

/* ---- record.c ------------------------------------------------------------------------------------------------- */

struct bh_fleet_record {
	uint32_t number, base;
	uint64_t time_ns, size;
	uint8_t origin;
	char sha256[2 * BH_SHA256_SIZE + 1];
	char gateway[BH_FLEET_NAME];
	char author[BH_STORE_TEXT_MAX], why[BH_STORE_TEXT_MAX];
	uint64_t confirm_ms, deadline_ns; /* wall clock; 0: it does not wait for a confirmation */
	bool confirmed;
	char confirmed_by[BH_STORE_TEXT_MAX];
	char claim
		[33]; /* who wrote it, once more than its words: a transaction may be sent twice */
};
void bh_fleet_json(struct bh_buf *b, json_t *o); /* o as text, and freed; NULL: b has failed */
void bh_fleet_record_write(struct bh_buf *b, const struct bh_fleet_record *r);
int bh_fleet_record_read(struct bh_fleet_record *out, const char *text, size_t len); /* -EINVAL */
/* A member's status, as it is written. -EINVAL. */
void bh_fleet_member_write(struct bh_buf *b, const struct bh_fleet_member *m);
int bh_fleet_member_read(struct bh_fleet_member *out, const char *text, size_t len);

/* ---- view.c: with `lock` held ----------------------------------------------------------------------------------- */

/* A key that is shared. */
struct bh_fleet_item {
	char *key; /* below P/live/ */
	int64_t mod;
	bool seen;      /* by the list that is being read */
	bool pending;   /* value (NULL: it is to go) is not at etcd yet */
	uint64_t stamp; /* of what is pending: it is another by now? */
	char *value;
	size_t len;
	struct bh_fleet_item *next, *prev; /* pending ones, oldest first */
};

struct bh_fleet {
	struct bh_fleet_params p;
	const struct bh_config *c;
	char name[BH_FLEET_NAME], live[128], instance[33];
	pthread_t thread;
	bool running;
	_Atomic bool stop;
	pthread_mutex_t claim;         /* taken before lock; writer */
	struct bh_etcd writer, reader; /* reader: the thread's */
	pthread_mutex_t lock;          /* all below */
	struct bh_fleet_record head;   /* number 0: there is none */
	int64_t head_mod;
	bool known; /* all was read since the last cut */
	bool cut_told;
	void *items;                        /* tsearch: struct bh_fleet_item by key */
	struct bh_fleet_item *first, *last; /* pending */
	struct bh_fleet_member member[BH_FLEET_MEMBERS];
	unsigned n_members;
	bool member_seen[BH_FLEET_MEMBERS]; /* by the list that is being read: alive */
	struct bh_fleet_status status;
	uint64_t stamp;
	uint64_t heard_ns; /* mono: the majority's last answer */
	int wake_fd;
	/* the thread's alone */
	int64_t revision; /* of etcd, seen */
	int64_t lease;
	bool named;                     /* this gateway has its name */
	bool watching;                  /* etcd has said that it watches */
	unsigned behind;                /* beats in a row that were ahead of the watch */
	struct bh_fleet_member told;    /* as it was written */
	uint64_t beat_ns, reconcile_ns; /* mono: when next */
	struct {
		int64_t mod;
		uint32_t number, newest;
	} odd; /* numbers of its own, as they were seen last (reconcile.c) */
	unsigned failures;
};

/* A key below P/live/ that is there (or is gone); the operations are called. From the thread. */
void bh_fleet_view_take(struct bh_fleet *f, const struct bh_etcd_kv *kv);
void bh_fleet_view_begin(struct bh_fleet *f); /* all of it comes */
void bh_fleet_view_end(struct bh_fleet *f);
void bh_fleet_view_free(struct bh_fleet *f);
struct bh_fleet_member *bh_fleet_member_find(struct bh_fleet *f, const char *name, bool make);
/* Some of what is pending goes to etcd. 0; -EAGAIN: there is more; -errno. */
int bh_fleet_view_flush(struct bh_fleet *f);

/* ---- policy.c ------------------------------------------------------------------------------------------------------ */

/* A revision's document, appended: whole, or -EBADMSG. From the thread. */
int bh_fleet_document(struct bh_fleet *f, const struct bh_fleet_record *r, struct bh_buf *out,
		      struct bh_err *err);
/* Make r, whose number, SHA-256 and size are set, the successor of the head of mod_revision mod. -ESTALE: another was first. */
int bh_fleet_propose(struct bh_fleet *f, struct bh_fleet_record *r, const char *text, int64_t mod,
		     struct bh_err *err);
void bh_fleet_wake(struct bh_fleet *f);
void bh_fleet_trouble(struct bh_fleet *f, const char *text);
bool bh_fleet_connected(struct bh_fleet *f);

/* ---- reconcile.c ------------------------------------------------------------------------------------------------- */

/* The head and what is in force here, made one. From the thread. */
void bh_fleet_reconcile(struct bh_fleet *f);

/* ---- member.c: from the thread ------------------------------------------------------------------------------------ */

/* Lease and status. 0 or what failed. */
int bh_fleet_member_beat(struct bh_fleet *f, struct bh_err *err);
/* What this gateway has in force, if that is news. */
int bh_fleet_member_tell(struct bh_fleet *f, struct bh_err *err);
void bh_fleet_member_leave(struct bh_fleet *f);

/* ---- run.c ----------------------------------------------------------------------------------------------------------- */

void bh_fleet_run(struct bh_fleet *f);

#endif
