#ifndef BH_KUBE_PRIV_H
#define BH_KUBE_PRIV_H

#include <jansson.h>
#include <pthread.h>

#include "../client/client.h"
#include "kube.h"

/* ---- object.c: what an object of the API says, as far as endpoints are concerned -------------------------------------- */

enum bh_kube_kind { /* in the order in which they are first read: pods need their namespaces */
		    BH_KUBE_NAMESPACE,
		    BH_KUBE_NODE,
		    BH_KUBE_SERVICE,
		    BH_KUBE_POD,
		    BH_KUBE_SLICE,
		    BH_KUBE_KINDS,
		    BH_KUBE_FILE = BH_KUBE_KINDS,
};

enum bh_kube_rank { /* who goes first */
		    BH_KUBE_RANK_FILE,
		    BH_KUBE_RANK_NODE,
		    BH_KUBE_RANK_POD,
		    BH_KUBE_RANK_SERVICE,
		    BH_KUBE_RANK_EXTERNAL,
		    BH_KUBE_RANK_SLICE,
};

#define BH_KUBE_ADDRESSES                                                                          \
	1000 /* of one object: as many as an EndpointSlice may have ends; more are left out */

struct bh_kube_address {
	struct bh_prefix prefix;
	uint8_t rank; /* enum bh_kube_rank */
};

/* Read from JSON or a file, or written by a test. Strings belong to whoever made it. */
struct bh_kube_object {
	uint8_t source, kind;
	const char *name;        /* with its namespace before it where it has one: "shop/web-0" */
	const char *ns;          /* "": none */
	const char *uid, *start; /* "": not known. start: RFC 3339 in UTC, which sorts as text */
	const char *node;        /* a pod's */
	bool terminating;
	bool too_many; /* labels that don't fit: it claims addresses, which stay unknown */
	unsigned n_labels;
	struct bh_label label[BH_LABELS_MAX];
	unsigned n_addresses;
	struct bh_kube_address *address;
};

/* Fills out from metadata, spec and status; its strings are o's and cluster's. -EINVAL: it has no name. */
int bh_kube_object_read(struct bh_kube_object *out, enum bh_kube_kind kind, const json_t *o,
			struct bh_arena *a);

/* ---- model.c: objects in, changes of endpoints out; knows no time and no file ------------------------------------------ */

struct bh_kube_model;
struct bh_kube_batch {
	struct bh_endpoint_change *change;
	bool *meek; /* by change: never takes an address that somebody else delivered */
	size_t n;
	struct bh_arena memory;
};

int bh_kube_model_create(struct bh_kube_model **out, const char *const cluster[],
			 unsigned n_sources);
void bh_kube_model_free(struct bh_kube_model *m);
/* It is there, or is other than before. 0 or -ENOMEM. */
int bh_kube_model_put(struct bh_kube_model *m, const struct bh_kube_object *o);
void bh_kube_model_delete(struct bh_kube_model *m, uint8_t source, uint8_t kind, const char *name);
/* A list of all begins; what was not put until its end is gone. */
void bh_kube_model_list_begin(struct bh_kube_model *m, uint8_t source, uint8_t kind);
void bh_kube_model_list_end(struct bh_kube_model *m, uint8_t source, uint8_t kind);
/* A source's claims count or don't (it is stale). */
void bh_kube_model_trust(struct bh_kube_model *m, uint8_t source, bool trusted);
/* What endpoints come to since the last call that was followed by bh_kube_model_done. 0 or -ENOMEM. Free with
 * bh_kube_batch_free. */
int bh_kube_model_changes(struct bh_kube_model *m, struct bh_kube_batch *out);
/* One of the batch was not done, and will not be: somebody else delivered that address. */
void bh_kube_model_refused(struct bh_kube_model *m, const struct bh_prefix *prefix);
void bh_kube_model_done(struct bh_kube_model *m); /* the batch is in force */
void bh_kube_batch_free(struct bh_kube_batch *b);
/* Everything again with the next batch: what others changed in between is set right. */
void bh_kube_model_again(struct bh_kube_model *m);
void bh_kube_model_count(struct bh_kube_model *m, uint8_t source, struct bh_kube_status *out);

/* ---- access.c: a kubeconfig, or what a pod is given --------------------------------------------------------------------- */

struct bh_kube_access {
	char server[512]; /* "https://10.0.0.1:6443", without a slash at its end */
	char ca[256];     /* files; "" = none */
	char certificate[256];
	char key[256];
	char *ca_data, *certificate_data, *key_data; /* PEM; NULL: none */
	char token_file[256];
	char *token; /* NULL: none, or in token_file */
	bool insecure;
};

/* A kubeconfig's text; relative paths in it are relative to the folder of s->kubeconfig. */
int bh_kube_access_read(struct bh_kube_access *out, const char *text, size_t len,
			const struct bh_config_source *s, struct bh_err *err);
/* From where the source says, with the token as it is now. */
int bh_kube_access_load(struct bh_kube_access *out, const struct bh_config_source *s,
			struct bh_secrets *secrets, struct bh_err *err);
struct bh_secrets *bh_kube_secrets(const struct bh_kube *k);
void bh_kube_access_free(struct bh_kube_access *a); /* secrets are wiped */

/* ---- stream.c: JSON, a line each ------------------------------------------------------------------------------------------ */

enum bh_kube_event_type {
	BH_KUBE_ADDED,
	BH_KUBE_DELETED,
	BH_KUBE_BOOKMARK,
	BH_KUBE_GONE,
	BH_KUBE_ERROR
};
struct bh_kube_event {
	enum bh_kube_event_type type;
	const json_t *object; /* doc's */
	char version[64];     /* resourceVersion; "" = none */
	char message[160];    /* of an error */
	json_t *doc;          /* the caller's: json_decref */
};
/* One line of a watch. 0 or -EINVAL. */
int bh_kube_event_read(struct bh_kube_event *out, const char *line, size_t len);

struct bh_kube_page {
	const json_t *items; /* an array; doc's */
	char version[64];
	char next[1024]; /* of `continue`; "" = that was all */
	json_t *doc;     /* the caller's */
};
int bh_kube_page_read(struct bh_kube_page *out, const char *text, size_t len);

/* ---- part.c: what clusters wish, as a part of a policy document ------------------------------------------------------- */

/* In the order in which they speak of each other: of what stands before them. */
enum bh_kube_wish_kind {
	BH_KUBE_SEGMENT,
	BH_KUBE_SENSOR,
	BH_KUBE_POLICY,
	BH_KUBE_NETPOL,
	BH_KUBE_WISHES
};
const char *bh_kube_wish_name(unsigned kind); /* "BulkheadSegment" ... */

struct bh_kube_wish {
	uint8_t source, kind;
	const char *name;   /* as in bh_kube_object */
	const json_t *spec; /* json_null(): not read, it was too large */
};

/* The part, or nothing where nothing is wished. Of each source and kind wishes stand together, in order of their names. 0, -ENOMEM,
 * or what a wish earns, with err. */
int bh_kube_part(const struct bh_kube_wish *w, size_t n, const struct bh_config *config,
		 struct bh_buf *out, struct bh_err *err);

/* ---- intent.c, round.c: wishes, which of them are accepted, and who has not been told -------------------------------------------- */

struct bh_kube_intent;
struct bh_kube_intent_params {
	const struct bh_config *config;
	int (*wish)(void *arg, const struct bh_kube_part *part, uint32_t *revision,
		    struct bh_err *err);
	void *arg;
};

enum bh_kube_verdict {
	BH_KUBE_UNJUDGED,
	BH_KUBE_ACCEPTED,
	BH_KUBE_DRAFT, /* it would load */
	BH_KUBE_REFUSED,
	BH_KUBE_WAITING /* it loads, and can't be in force yet */
};
const char *bh_kube_verdict_name(unsigned verdict); /* "Accepted" ... */

struct bh_kube_told {
	uint8_t kind, verdict;
	char name[512];
	int64_t generation;
	uint32_t revision;
	char reason[400];
};

/* One object. */
struct bh_kube_wished {
	uint8_t source, kind;
	char *name;
	json_t *now;  /* spec; NULL: it is gone */
	json_t *good; /* in the set; NULL: nothing */
	size_t bytes;
	uint64_t seen; /* list in which it was put */
	int64_t generation;
	struct bh_kube_told verdict; /* name is not used */
	bool untold;
};

struct bh_kube_intent {
	struct bh_kube_intent_params p;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	void *wishes; /* tree of tsearch */
	unsigned n, count[BH_CONFIG_SOURCES][BH_KUBE_WISHES];
	size_t bytes[BH_CONFIG_SOURCES];
	uint64_t list[BH_CONFIG_SOURCES][BH_KUBE_WISHES];
	bool ready[BH_CONFIG_SOURCES];
	uint64_t changed_ns, first_ns; /* last change that is not judged, and the first; 0: none */
	bool stop;
};
int bh_kube_wished_by_name(const void *a, const void *b);
void bh_kube_wished_free(void *w);

int bh_kube_intent_create(struct bh_kube_intent **out, const struct bh_kube_intent_params *p);
void bh_kube_intent_free(struct bh_kube_intent *in); /* NULL is fine */
/* o: as the API has it. 0, -EINVAL (no name), -ENOMEM. */
int bh_kube_intent_put(struct bh_kube_intent *in, uint8_t source, uint8_t kind, const json_t *o);
void bh_kube_intent_delete(struct bh_kube_intent *in, uint8_t source, uint8_t kind,
			   const json_t *o);
void bh_kube_intent_list_begin(struct bh_kube_intent *in, uint8_t source, uint8_t kind);
void bh_kube_intent_list_end(struct bh_kube_intent *in, uint8_t source, uint8_t kind);
/* All that a source wishes was read once. Nothing is judged before all sources have said so. */
void bh_kube_intent_ready(struct bh_kube_intent *in, uint8_t source);
unsigned bh_kube_intent_count(struct bh_kube_intent *in, uint8_t source, uint8_t kind);
void bh_kube_intent_counts(struct bh_kube_intent *in, uint8_t source, struct bh_kube_status *out);
/* round.c: what has changed is judged, and what is accepted is in force. 0: done; -errno: again later. */
int bh_kube_intent_round(struct bh_kube_intent *in);
/* Rounds as they are needed, until bh_kube_intent_stop(). */
void bh_kube_intent_run(struct bh_kube_intent *in);
void bh_kube_intent_stop(struct bh_kube_intent *in);
/* Somebody of this source who has not been told. false: there is none. */
bool bh_kube_intent_untold(struct bh_kube_intent *in, uint8_t source, struct bh_kube_told *out);
void bh_kube_intent_told(struct bh_kube_intent *in, uint8_t source, const struct bh_kube_told *t);

/* ---- file.c, watch.c: what a source's thread does until told to stop -------------------------------------------------------- */

struct bh_kube_source {
	struct bh_kube *kube;
	const struct bh_config_source *config;
	uint8_t index;
	pthread_t thread;
	bool running;
	/* under kube's lock */
	struct bh_kube_status status;
	uint64_t heard_ns;
	bool unapplied; /* the policy could not take a batch */
};

struct bh_kube_intent *bh_kube_intent_of(struct bh_kube *k); /* NULL: nothing is wished */
const char *bh_kube_gateway(const struct bh_kube *k);        /* its name */
bool bh_kube_stopping(struct bh_kube *k);
int bh_kube_stop_fd(const struct bh_kube *k); /* readable when it is time to stop */
struct bh_kube_model *bh_kube_lock(struct bh_kube *k);
void bh_kube_unlock(struct bh_kube *k);
/* Locked: applies what has changed, and unlocks. */
void bh_kube_apply(struct bh_kube_source *s);
/* The source has spoken: all it watches is in force. */
void bh_kube_heard(struct bh_kube_source *s, bool connected);
void bh_kube_trouble(struct bh_kube_source *s, const char *text);
void bh_kube_look_stale(struct bh_kube_source *s);
void bh_kube_run_cluster(struct bh_kube_source *s);
void bh_kube_run_file(struct bh_kube_source *s);

#define BH_KUBE_FEEDS (BH_KUBE_KINDS + BH_KUBE_WISHES)
#define BH_KUBE_GROUP "/apis/bulkhead.internal/v1/"

enum bh_kube_state { BH_KUBE_IDLE, BH_KUBE_LISTING, BH_KUBE_WATCHING, BH_KUBE_TELLING };

/* One request after another, on a connection of its own. */
struct bh_kube_feed {
	struct bh_kube_cluster *c;
	unsigned kind; /* enum bh_kube_kind; from BH_KUBE_KINDS on enum bh_kube_wish_kind */
	const char *path;
	CURL *easy;
	struct curl_slist *header;
	enum bh_kube_state state;
	bool open, synced;            /* open: the watch was answered with 200 */
	bool refused;                 /* nobody listened when it last asked */
	bool absent;                  /* the server has no such kind: it counts as empty */
	char version[64], next[1024]; /* version "": list */
	struct bh_buf body;
	struct bh_lines lines;
	uint64_t due_ns, opened_ns;
	unsigned failures;
	int rc; /* of reading an answer */
};

struct bh_kube_cluster {
	struct bh_kube_source *s;
	CURLM *multi;
	unsigned n_feeds;
	struct bh_kube_feed feed[BH_KUBE_FEEDS];
	struct bh_kube_feed teller;
	struct bh_kube_told told; /* what the teller says */
	int file[3]; /* of what a kubeconfig holds itself: libcurl's GnuTLS reads files only */
	bool dirty, answered; /* answered: with 200, since the last turn */
	uint64_t away_ns;     /* since when it takes no connection; 0: it does */
	uint64_t back_ns;     /* when it answered again; 0: it was not away */
};

/* tell.c */
int bh_kube_credentials(struct bh_kube_feed *f, struct bh_kube_access *a);
/* The API's own words for an error, where it gave any. */
void bh_kube_words(const struct bh_kube_feed *f, long status, char out[200]);
void bh_kube_clear(struct bh_kube_feed *f);
bool bh_kube_tell_begin(struct bh_kube_feed *f); /* false: there is nobody to be told */
void bh_kube_tell_done(struct bh_kube_feed *f, CURLcode code);

int bh_kube_file_check(const struct bh_config_source *s, struct bh_err *err);

#endif
