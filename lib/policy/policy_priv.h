/* What the files of the policy room share. From the text to the packet:
 *   doc       the document as data                       doc.c doc_rule.c doc_endpoint.c service.c
 *   selector  requirements over labels, and the index that finds which selectors can match a set
 *   labels    interned label sets                        labels.c
 *   table     endpoints: address -> slot                 table.c (readers), order.c (listing)
 *   snapshot  rules and segments, compiled               snapshot.c pairs.c ranges.c class.c
 *   model     owns all; loads, applies, publishes        model.c load.c apply.c list.c
 *   known     addresses of segments by DNS name           known.c hosts.c doc_hosts.c
 *   modes     what a denial does, by both ends            mode.c
 *   judge     the only code here that runs on workers    judge.c
 *   lint      proves what rules never do                  lint*.c, lint.h
 *   explain   a question, answered rule by rule           explain*.c, explain.h
 */
#ifndef BH_POLICY_PRIV_H
#define BH_POLICY_PRIV_H

#include <pthread.h>

#include "policy.h"

#define BH_NONE UINT32_MAX

/* ---- names: interned for ever, read without lock (names.c) ---------------------------------------- */

struct bh_names;
int bh_names_create(struct bh_names **out, const struct bh_hash_key *key);
void bh_names_destroy(struct bh_names *n);
/* The number of a text; a new one is added. 0 or -ENOMEM. Caller holds the model's lock. */
int bh_names_intern(struct bh_names *n, const char *text, uint32_t *id);
/* BH_NONE: it is not there. Caller holds the model's lock. */
uint32_t bh_names_find(const struct bh_names *n, const char *text);
const char *bh_names_text(const struct bh_names *n, uint32_t id); /* any thread */

/* Text -> number, for the time of a load (strmap.c). Texts are not copied. */
struct bh_strmap {
	const struct bh_hash_key *hash_key;
	struct bh_strmap_cell {
		const char *text; /* NULL = free */
		uint32_t value;
	} * cell;
	uint32_t mask, n;
};
int bh_strmap_init(struct bh_strmap *m, const struct bh_hash_key *key, size_t n);
/* Add unless it is there; *old is the value that is there, or BH_NONE. 0 or -ENOMEM. */
int bh_strmap_add(struct bh_strmap *m, const char *text, uint32_t value, uint32_t *old);
uint32_t bh_strmap_get(const struct bh_strmap *m, const char *text); /* BH_NONE: not there */
void bh_strmap_free(struct bh_strmap *m);

/* ---- label sets (labels.c) ------------------------------------------------------------------------ */

/* One distinct set of labels; endpoints with equal labels share it. */
struct bh_label_set {
	struct bh_label_set *next; /* in its bucket */
	uint64_t hash;
	uint32_t refs;       /* endpoints, and changes under way */
	uint32_t class_;     /* in the snapshot in force; BH_NONE: not evaluated yet */
	uint32_t next_class; /* in the snapshot that a load builds */
	uint16_t n_labels;
	uint16_t spare;
	uint32_t size;
	char text[]; /* key NUL value NUL ..., sorted by key */
};

struct bh_label_sets {
	struct bh_label_set **bucket;
	uint32_t mask, n;
	size_t bytes;
	struct bh_hash_key hash_key;
};

int bh_label_sets_init(struct bh_label_sets *s, const struct bh_hash_key *key);
void bh_label_sets_free(struct bh_label_sets *s);
/* The set of these labels, with a reference for the caller. 0, -ENOMEM, -EINVAL (syntax, a key twice, too
 * many) with err set. */
int bh_label_set_intern(struct bh_label_sets *s, const struct bh_label *labels, unsigned n,
			struct bh_label_set **out, struct bh_err *err);
void bh_label_set_put(struct bh_label_sets *s, struct bh_label_set *set); /* NULL is fine */
/* Its labels as an array of BH_LABELS_MAX; returns how many. */
unsigned bh_label_set_labels(const struct bh_label_set *set, struct bh_label *out);

#include "selector.h"

/* ---- the document (doc*.c, service.c) ------------------------------------------------------------- */

struct bh_doc_segment {
	const char *name;
	const char *selector_text; /* "" = by address */
	struct bh_selector *selector;
	struct bh_prefix *address;
	uint32_t n_addresses;
	struct bh_prefix *within; /* n_within: the selector counts there alone; 0: everywhere */
	uint32_t n_within;
	unsigned line;
	uint8_t mode;  /* enum bh_mode and one more; 0: not written */
	bool cde;      /* a zone that is marked so */
	uint8_t fence; /* a zone or namespace that keeps to itself: its bit and one more; 0: none */
	bool hard;     /* no rule leads over that fence */
	uint32_t *member; /* of a zone: n_members segments, ascending */
	uint32_t n_members;
	uint32_t *zone; /* n_zones that it is a member of, ascending */
	uint32_t n_zones;
	const char **host; /* DNS names: n_hosts */
	uint32_t n_hosts;
	uint64_t hash; /* of the name, keyed: the same under every document */
};

/* First and last of protocol << 16 | port, or type << 8 | code. */
struct bh_service {
	uint32_t first, last;
};

/* Segments that one side of a rule names: n = 0 is any. Sorted, no segment twice. */
struct bh_side {
	uint32_t *segment;
	uint32_t n;
	const char *text;
};

struct bh_doc_rule {
	const char *id; /* as written, or rule-<n> */
	struct bh_side from, to;
	struct bh_service *service; /* n_services; 0 = any */
	uint32_t n_services;
	uint8_t action;
	uint8_t denied; /* enum bh_denied and one more; 0: not written */
	const char *ports_text;
	const struct bh_rule_app *app; /* n_apps; 0 = any */
	uint32_t n_apps;
	uint8_t over; /* BH_OVER_*: transports that one of them may use */
	const char *apps_text;
	const char *comment;
	const char *owner, *reason; /* NULL: not written */
	uint64_t expires_ns;        /* wall clock; 0: never */
	bool expired;               /* it no longer counts */
	uint8_t zones;              /* 1: its from names zones or namespaces alone; 2: its to */
	uint8_t origin;             /* enum bh_rule_origin */
	unsigned line, column;
};

struct bh_doc_endpoint {
	struct bh_prefix prefix;
	bh_tenant tenant;
	struct bh_label *label;
	unsigned n_labels;
	unsigned line, column;
};

struct bh_doc {
	struct bh_arena arena;
	char name[256]; /* of the file */
	char *text;
	size_t text_len;
	bool empty;                     /* no document: nothing may pass */
	struct bh_doc_segment *segment; /* 0, 1: the reserved ones; n_segments stands for any */
	uint32_t n_segments;
	struct bh_doc_rule *rule;
	uint32_t n_rules;
	struct bh_doc_endpoint *endpoint;
	uint32_t n_endpoints;
	struct bh_prefix *internal;
	uint32_t n_internal;
	uint8_t default_mode, override_mode; /* enum bh_mode and one more; 0: not written, none */
	bool strict;                         /* contention */
	bool cde;                            /* a zone is marked so */
	bool by_place;                       /* a segment has `within` */
	uint8_t n_fences;
	uint64_t next_expiry_ns; /* of the rules that still count; 0: none expires */
	struct bh_selector_index index;
	struct bh_doc_host {
		const char *text; /* "db.example.com", "*.example.com" */
		uint32_t segment;
	} * host; /* sorted, n_hosts */
	uint32_t n_hosts;
};

/* One reading of a policy document. */
struct bh_doc_reader {
	struct bh_doc *doc;
	const struct bh_yaml_doc *yaml;
	const struct bh_hash_key *hash_key;
	struct bh_strmap segments; /* name -> index */
	struct bh_err *err;
};

int bh_doc_parse(struct bh_doc **out, const struct bh_yaml_doc *yaml, const struct bh_hash_key *key,
		 struct bh_err *err);
int bh_doc_empty(struct bh_doc **out, const struct bh_hash_key *key);
void bh_doc_free(struct bh_doc *doc);
/* list.c: a rule in words, as long as the document; without a name id. */
void bh_doc_rule_info(const struct bh_doc *doc, uint32_t i, struct bh_rule_info *out);
/* part: the maps that hold `rules`, by origin; NULL: there is none. */
int bh_doc_read_rules(struct bh_doc_reader *r, const struct bh_yaml *const part[BH_RULE_ORIGINS]);
/* Is it the name of a segment? 0 or -EINVAL. All segments have been read. */
int bh_doc_check_segment(struct bh_doc_reader *r, const struct bh_yaml *node);
/* doc_within.c: `within` of a segment that has a selector. */
int bh_doc_read_within(struct bh_doc_reader *r, const struct bh_yaml *node,
		       struct bh_doc_segment *s);
/* Of n segments that labels are in, those and their zones that count at a place; NULL: where it is not known. Sorted. */
uint32_t bh_doc_within(const struct bh_doc *doc, const struct bh_prefix *at, uint32_t *segment,
		       uint32_t n);
#define BH_NODES "nodes"
/* That reserved segment by its default, where it is named and not written. There is room for one more. */
int bh_doc_add_nodes(struct bh_doc_reader *r, const struct bh_yaml *const part[BH_RULE_ORIGINS]);
int bh_doc_read_endpoints(struct bh_doc_reader *r, const struct bh_yaml *node);
extern const char *const bh_denied_words[]; /* by enum bh_denied */
/* After ports and action: a rule's applications, their operations, and what becomes of denied ones. */
int bh_doc_read_applications(struct bh_doc_reader *r, const struct bh_yaml *map,
			     struct bh_doc_rule *rule);
/* "tcp/6379", "icmp/3/4", "proto/47", "any" ...: 0 or -EINVAL with *at and err. */
int bh_service_parse(const char *text, struct bh_service *out, size_t *at, struct bh_err *err);
#define BH_SERVICE_LAST 0xffffffu /* protocol 255, port 65535 */
/* Memory of the document; NULL sets err. */
void *bh_doc_alloc(struct bh_doc_reader *r, size_t size);
const char *bh_doc_text(struct bh_doc_reader *r, const char *text);
int bh_doc_prefixes(struct bh_doc_reader *r, const struct bh_yaml *node, struct bh_prefix **out,
		    uint32_t *n);
/* A name of a segment or rule: 1 to 127 of [-A-Za-z0-9_./], a letter or digit at both ends. */
int bh_doc_name(struct bh_doc_reader *r, const struct bh_yaml *node, const char *what);
/* Count what differs between two documents (diff.c). */
int bh_doc_diff(const struct bh_doc *old, const struct bh_doc *new, const struct bh_hash_key *key,
		struct bh_policy_change *change);

/* ---- endpoints: address -> slot (table.c) ---------------------------------------------------------- */

/* What a slot stands for. Written before its number is published in a cell, unchanged until every
 * reader that could hold the number is gone. Address in host order, left-aligned: IPv4 is hi >> 32. */
struct bh_place {
	uint64_t hi, lo;
	bh_tenant tenant;
	uint8_t family, len;
	uint8_t spare[6];
};
_Static_assert(sizeof(struct bh_place) == 32, "two to a cache line");

/* Kinds of tenant, in the order of their look-up from last to first: any, a VNI alone, exactly this. */
enum { BH_TENANT_ANY, BH_TENANT_VNI_ONLY, BH_TENANT_EXACT, BH_TENANT_KINDS };

/* Open addressing, linear. A cell is 0 (free), BH_CELL_GONE, or tag << 32 | slot.
 * Written by the model alone (release), read by workers (acquire). */
struct bh_endpoints {
	uint64_t *cell;
	uint32_t mask;
	uint32_t version;             /* odd: a change is being made; see bh_table_unchanged */
	const struct bh_place *place; /* by slot; the model's, shared by all tables */
	struct bh_hash_key hash_key;
	uint64_t lens[BH_TENANT_KINDS][2][3]; /* prefix lengths in use, a bit each */
	/* the model's alone */
	uint32_t n_live, n_gone;
	uint32_t n_len[BH_TENANT_KINDS][2][129];
};
#define BH_CELL_GONE UINT64_C(0xffffffff)

int bh_table_create(struct bh_endpoints **out, const struct bh_hash_key *key,
		    const struct bh_place *place, uint32_t n);
void bh_table_free(void *table);
/* Would n more endpoints need a bigger or cleaner table? */
bool bh_table_crowded(const struct bh_endpoints *t, uint32_t n);
/* All of `from` but the slots that skip says. */
void bh_table_copy(struct bh_endpoints *to, const struct bh_endpoints *from, const uint8_t *skip);
void bh_table_insert(struct bh_endpoints *t, uint32_t slot);
void bh_table_remove(struct bh_endpoints *t, uint32_t slot);
/* The slot of exactly this place, 0 = none. */
uint32_t bh_table_find(const struct bh_endpoints *t, const struct bh_place *p);
/* Readers: the slot that a packet's address resolves to, 0 = none. */
uint32_t bh_table_resolve(const struct bh_endpoints *t, const uint8_t addr[16], uint8_t family,
			  bh_tenant tenant);
/* Readers: has the table stood still from here to there? What was read of it, and of what its changes are followed by
 * (generations), is then of one moment. */
static inline uint32_t
bh_table_version(const struct bh_endpoints *t)
{
	return __atomic_load_n(&t->version, __ATOMIC_ACQUIRE);
}

static inline bool
bh_table_unchanged(const struct bh_endpoints *t, uint32_t since)
{
	/* What was read before this is not read after it. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return (since & 1) == 0 && __atomic_load_n(&t->version, __ATOMIC_RELAXED) == since;
}

/* What addresses of p resolve to without p itself. Exact for tenant any, and for single addresses. */
uint32_t bh_table_cover(const struct bh_endpoints *t, const struct bh_place *p);
void bh_place_set(struct bh_place *p, const struct bh_prefix *prefix, bh_tenant tenant);
void bh_place_prefix(const struct bh_place *p, struct bh_prefix *out);

/* ---- order of endpoints, for listing (order.c) ----------------------------------------------------- */

/* Control side of a slot. */
struct bh_slot {
	struct bh_label_set *set; /* NULL: not in use */
	uint64_t since_ns;
	uint32_t left, right; /* treap; free slots: left is the next one */
	uint8_t source;
	uint8_t mark; /* scratch of a load */
};

struct bh_order {
	const struct bh_place *place;
	struct bh_slot *slot;
	uint32_t root;
};
void bh_order_insert(struct bh_order *o, uint32_t slot);
void bh_order_remove(struct bh_order *o, uint32_t slot);
/* Calls fn for each slot at or behind `from` (behind: every tenant of its prefix is skipped), in order,
 * until it returns false. */
typedef bool (*bh_order_fn)(void *arg, uint32_t slot);
void bh_order_each(const struct bh_order *o, const struct bh_place *from, bool behind,
		   bh_order_fn fn, void *arg);

/* ---- applications (appset.c) --------------------------------------------------------------------------- */

/* A set of applications, a bit a line of proto.def; bit 0 is `unknown`. */
struct bh_appset {
	uint64_t w[2];
};

/* Lines that make `app` proven: those of its name and all on top of them; HTTP: also HTTP/2's. */
struct bh_appset bh_appset_of(unsigned app);
uint8_t bh_appset_over(
	struct bh_appset set); /* BH_OVER_* that any of them uses; unknown: TCP and UDP */
/* proto.def, sorted for bh_appset_said(). */
struct bh_apptab {
	struct bh_appset tcp, udp; /* lines that stand on nothing, by transport */
	uint8_t n_upper, upper[BH_APP_COUNT];
};
void bh_apptab_init(struct bh_apptab *t);
/* What a flow over TCP or UDP is, and all that it may turn out to be. state NULL: nothing known. No rule that names
 * applications is met over other protocols. */
void bh_appset_said(const struct bh_apptab *t, const struct bh_proto_state *state, uint8_t proto,
		    struct bh_appset *proven, struct bh_appset *possible);

static inline bool
bh_appset_meet(const struct bh_appset *a, const struct bh_appset *b)
{
	return ((a->w[0] & b->w[0]) | (a->w[1] & b->w[1])) != 0;
}

/* ---- operations (pattern.c, operation.c) ------------------------------------------------------------- */

enum bh_pattern_kind { BH_PATTERN_EXACT, BH_PATTERN_STARS, BH_PATTERN_REGEX, BH_PATTERN_LEAST };

struct bh_pattern {
	const char *text; /* folded where letters' case does not count; REGEX: none */
	void *code;       /* REGEX: pcre2_code, with machine code */
	uint16_t len;
	uint8_t kind; /* enum bh_pattern_kind */
	bool fold;    /* values' letters count as lower case */
	uint8_t rank; /* LEAST */
};

/* Would bh_pattern_compile() take this text for a field? 0, or -EINVAL with *at and err, or -ENOMEM. */
int bh_pattern_check(const char *text, unsigned field, size_t *at, struct bh_err *err);
/* The same, into *out; text lies in the arena. */
int bh_pattern_compile(struct bh_arena *a, const char *text, unsigned field, struct bh_pattern *out,
		       struct bh_err *err);
void bh_pattern_free(struct bh_pattern *p);
size_t bh_pattern_bytes(const struct bh_pattern *p); /* of its code */
enum bh_match { BH_MATCH_NO, BH_MATCH_YES, BH_MATCH_UNSURE };
/* UNSURE: a regular expression took more steps than it may, or has no scratch. */
enum bh_match bh_pattern_match(const struct bh_pattern *p, struct bh_policy_scratch *scratch,
			       const uint8_t *value, size_t len);

/* A list of an application's operations: what a field may be. */
struct bh_allow {
	const struct bh_pattern *pattern; /* n_patterns */
	uint32_t n_patterns;
	uint8_t field; /* enum bh_op_field */
	uint8_t match; /* enum bh_op_match */
};

/* An application of a rule, compiled. All of its lists must fit. */
struct bh_asked_app {
	struct bh_appset lines;
	const struct bh_allow *allow; /* n_allow */
	uint32_t n_allow;
};

/* Does the operation fit all lists of a rule that allows (denies)? What can't be told fits no rule that allows,
 * and every rule that denies. */
bool bh_operation_fits(const struct bh_asked_app *a, const struct bh_op *op,
		       struct bh_policy_scratch *scratch, bool denies);
struct bh_snapshot;
/* Applications of all rules, into the snapshot. 0, -ENOMEM, or -EINVAL with err set. */
int bh_operations_build(struct bh_snapshot *s, const struct bh_doc *doc, struct bh_err *err);
void bh_operations_free(struct bh_snapshot *s);

/* ---- snapshot (snapshot.c pairs.c ranges.c class.c) -------------------------------------------------- */

/* Reader's side of a segment. */
struct bh_seg {
	uint64_t to;  /* bits of the segments that rules name as its peer */
	uint64_t bit; /* its own, as a peer: one of 63; the top one is "any" */
};
#define BH_SEG_ANY_BIT (UINT64_C(1) << 63)

/* A set of segments that an end is in. */
struct bh_class {
	uint64_t bits;     /* union of their bits */
	uint64_t sum;      /* of their names' hashes: the fingerprint before its last step */
	uint32_t first, n; /* in member[], ascending */
};
enum { BH_CLASS_EXTERNAL, BH_CLASS_UNKNOWN, BH_CLASS_EMPTY };

struct bh_pair {
	uint64_t key;      /* from << 32 | to */
	uint32_t first, n; /* in step[]; n = 0: free cell */
};

/* From this service on, up to the next step's, this rule decides (BH_NO_RULE: none does). Where it depends on the
 * application: BH_STEP_CHAIN and the place in chain[] of the rules that are asked, in document order; the last
 * of them, which has BH_CHAIN_LAST, names no application or is the last there is. */
struct bh_step {
	uint32_t service;
	uint32_t rule;
};
#define BH_STEP_CHAIN (UINT32_C(1) << 31)
#define BH_CHAIN_LAST (UINT32_C(1) << 31)

struct bh_rule {
	uint32_t name_id;
	uint32_t n_from, n_to;     /* 0 = any */
	const uint32_t *from, *to; /* in side[] */
	uint8_t action;
	uint8_t denied : 4; /* as in the document */
	uint8_t zones : 4;  /* as in the document */
	uint16_t n_apps;    /* in app[]; 0 = any */
	uint32_t first_app;
};
_Static_assert(sizeof(struct bh_rule) == 40, "a hundred thousand are 4 MB");

struct bh_snapshot {
	/* readers */
	struct bh_seg *seg; /* n_segs and one more: any */
	uint32_t n_segs;
	uint32_t pair_mask;
	struct bh_pair *pair;
	struct bh_step *step;
	struct bh_rule *rule;
	uint32_t *chain;
	struct bh_asked_app *app;
	struct bh_apptab apptab;
	uint32_t *seg_name; /* name ids */
	uint64_t *seg_hash; /* of names: see bh_class.sum */
	uint64_t pair_key[2];
	bool empty;
	bool by_application; /* a rule names applications */
	uint64_t *
		host; /* keyed hashes of names that segments list: open addressing, 0 = free; NULL: none lists any */
	uint32_t host_mask;
	/* ranges of addresses: class of [lo, next lo) */
	uint32_t n_range4, n_range6;
	uint32_t *range4_lo, *range4_class;
	unsigned __int128 *range6_lo;
	uint32_t *range6_class;
	/* appended to by the model while readers run: an index is published with slot_class only */
	struct bh_class *class_;
	uint32_t *member;
	uint32_t *slot_class; /* by endpoint slot: written with release, read with acquire */
	/* the model's alone */
	uint32_t n_classes, cap_classes;
	uint32_t n_members, cap_members;
	uint32_t *class_cell, class_mask; /* hash of sets of segments; BH_NONE = free */
	uint32_t n_slots;
	uint32_t n_pairs, n_rules, n_steps, n_apps, n_patterns;
	struct bh_pattern *pattern;
	struct bh_arena arena; /* lists and texts of patterns */
	uint64_t n_chain;
	uint32_t *side;
	size_t n_side;
	uint64_t compile_ns;
};

/* Zeroed address space that is only backed where it is touched: for arrays that may grow to a bound while
 * workers read them, and so must not move. NULL when there is none. */
void *bh_reserve(size_t size);
void bh_unreserve(void *p, size_t size); /* NULL is fine */

/* Rules, pairs and ranges of a document; no endpoints yet, name ids not set. 0, -ENOMEM, -E2BIG with
 * err set. */
int bh_snapshot_create(struct bh_snapshot **out, const struct bh_doc *doc,
		       const struct bh_hash_key *key, uint32_t n_slots, uint32_t n_label_sets,
		       struct bh_err *err);
void bh_snapshot_free(void *snapshot);
uint64_t bh_snapshot_bytes(const struct bh_snapshot *s);
int bh_pairs_build(struct bh_snapshot *s, const struct bh_doc *doc, struct bh_err *err);
int bh_ranges_build(struct bh_snapshot *s, const struct bh_doc *doc);
/* The class of a sorted set of segments; a new one is appended. 0, -ENOMEM, -ENOSPC (make a new
 * snapshot: that leaves out what nobody is in any more). */
int bh_class_intern(struct bh_snapshot *s, const struct bh_doc *doc, const uint32_t *segment,
		    uint32_t n, uint32_t *out);
uint32_t bh_range_class(const struct bh_snapshot *s, const uint8_t addr[16], uint8_t family);

#include "mode.h"
#include "decide.h"
#include "known.h"
#include "restrict.h"

/* ---- model (model.c slots.c load.c apply.c list.c) --------------------------------------------------- */

/* Freed slots on their way back. Outlives the model when a grace period does. */
struct bh_returns {
	pthread_mutex_t lock;
	struct bh_slot_batch *head;
	uint32_t refs; /* the model's, and one of each batch under way */
	bool closed;   /* the model is gone */
};

struct bh_slot_batch {
	struct bh_slot_batch *next;
	struct bh_returns *to;
	uint32_t n;
	uint32_t slot[];
};

struct bh_policy {
	pthread_mutex_t lock; /* all below */
	struct bh_policy_params params;
	struct bh_names *segment_names, *rule_names;
	struct bh_label_sets sets;
	struct bh_doc *doc;
	struct bh_snapshot *snapshot;
	struct bh_endpoints *table;
	struct bh_modes *modes;               /* of the snapshot */
	struct bh_known *known;               /* of the snapshot; NULL: none */
	struct bh_hosts hosts;                /* names and their addresses */
	struct bh_restrictions *restrictions; /* NULL: none */
	uint8_t *set_mode; /* by name id of segment: enum bh_mode and one more; 0: none was set */
	uint32_t n_set_mode;
	struct bh_view *view;   /* of these */
	bool published;         /* a document, or "none", has been loaded: workers see views */
	uint32_t revision;      /* read without the lock, too */
	uint32_t next_revision; /* of the next load; 0: one more */
	/* slots: 0 is none; below fresh: in use, free or on their way back */
	uint32_t n_slots, n_live, fresh, free_head, n_free;
	struct bh_place *place;
	struct bh_slot *slot;
	uint32_t *generation;
	struct bh_order order;
	struct bh_returns *returns;
	uint32_t *scratch; /* room for all segments, twice */
	uint32_t n_scratch;
};

/* A view of a table, a snapshot and its modes, with the restrictions in force and the next epoch. NULL: no memory. */
struct bh_view *bh_model_view(struct bh_policy *p, struct bh_endpoints *table,
			      struct bh_snapshot *snapshot, struct bh_modes *modes);
/* Make it current and retire what it replaces. */
void bh_model_publish(struct bh_policy *p, struct bh_view *view);
/* The document's rules again: a new snapshot, published. */
int bh_model_renew(struct bh_policy *p, struct bh_err *err);
/* Outside of the mutex, at the end of a change. */
void bh_model_settle(struct bh_policy *p);
/* Class of a label set in a snapshot of a document; p->scratch has room. 0, -ENOMEM, -ENOSPC. */
int bh_model_classify(struct bh_policy *p, struct bh_snapshot *s, const struct bh_doc *doc,
		      const struct bh_label_set *set, uint32_t *out);
/* The class of an endpoint: that of its labels, without the segments that its place (NULL: nowhere) is not within.
 * p->scratch has room. 0, -ENOMEM, -ENOSPC. */
int bh_model_place(struct bh_policy *p, struct bh_snapshot *s, const struct bh_doc *doc,
		   const struct bh_prefix *at, uint32_t labels, uint32_t *out);
/* next_class of all label sets, and slot_class of all slots in use, for a snapshot that nobody reads yet.
 * 0 or -errno with err set. */
int bh_model_fill(struct bh_policy *p, struct bh_snapshot *s, const struct bh_doc *doc,
		  struct bh_err *err);
/* That snapshot is in force now: class_ = next_class. */
void bh_model_filled(struct bh_policy *p);
int bh_model_names(struct bh_policy *p, struct bh_snapshot *s, const struct bh_doc *doc);
int bh_model_scratch(struct bh_policy *p, const struct bh_doc *doc);
/* Label sets, each once. */
void bh_model_each_set(struct bh_policy *p, void (*fn)(void *arg, struct bh_label_set *set),
		       void *arg);

/* slots.c */
int bh_slots_init(struct bh_policy *p);
void bh_slots_fini(struct bh_policy *p);
uint32_t bh_slots_available(struct bh_policy *p);        /* takes back what has come back */
uint32_t bh_slot_take(struct bh_policy *p);              /* one is available */
void bh_slot_untake(struct bh_policy *p, uint32_t slot); /* never was in a table */
struct bh_slot_batch *bh_slot_batch_new(struct bh_policy *p, uint32_t room);
/* Free the batch's slots once no reader can hold them. */
void bh_slot_batch_retire(struct bh_policy *p, struct bh_slot_batch *b);
void bh_slot_batch_drop(struct bh_slot_batch *b); /* never used; NULL is fine */
void bh_retire(struct bh_policy *p, void *obj, void (*free_fn)(void *obj));

static inline void
bh_slot_bump(struct bh_policy *p, uint32_t slot)
{
	/* Release: who sees the new generation sees what was changed before. One writer. */
	__atomic_store_n(&p->generation[slot], p->generation[slot] + 1, __ATOMIC_RELEASE);
}

#endif
