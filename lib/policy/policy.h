/* policy: who an address is, and whether two of them may talk.
 *
 * Three objects:
 *   struct bh_policy      the control core's model: endpoints, segments, rules as written. Mutable, one
 *                         mutex inside, any control thread.
 *   struct bh_endpoints   address -> slot -> label set. Changed in place by the model, read by workers
 *                         without locks (policy_hot.h).
 *   struct bh_snapshot    segments and rules, compiled. Immutable.
 * A worker reads one pointer a burst: struct bh_view, which holds the current two.
 *
 * Compile. Each pair of segments that a rule names becomes one hash entry with a list of disjoint
 * (protocol, port) intervals, each of which holds the first rule in document order, or where that names
 * applications the chain of rules up to the first that names none: size follows the rules as written,
 * never endpoints, nor sets of segments. An endpoint's labels are interned (equal sets
 * are one) and evaluated once, against the selectors that could match, to a class: the set of segments
 * that it is in. Address segments are flattened to ranges with a class each. To judge, both ends' classes
 * and "any" are joined; a 64-bit signature on either side says which pairs can exist, so that few are
 * asked. The cost follows the segments that two ends are in, not the number of rules, segments or
 * endpoints. (Pairs of classes would need one look-up less, but rules between broad segments would make
 * classes x classes of them, and each new class a compile.)
 *
 * Which rule wins: the first in the document, over all segments that either end is in. An address is the
 * endpoint of its own tenant with the longest matching prefix, else of its VNI alone, else of any
 * tenant. In no endpoint and no address segment it is `unknown` when it lies in `networks.internal`,
 * else `external`. An endpoint that no segment takes in is judged by rules from or to `any` only.
 *
 * Changes. Endpoint slots have generations; label changes bump them, in place, and never compile. A new
 * endpoint bumps the slot that its addresses resolved to before. bh_policy_judge() returns the stamp
 * that goes stale with any of it. A document is compiled aside and published with its endpoints as one.
 *
 * Threads    bh_policy_*: control threads; bh_view / bh_policy_judge: any reader that holds a view
 *            between its quiescent points.
 * Lifetime   the model publishes a view through params.publish and gets retired objects freed through
 *            params.retire, when no reader can hold them (QSBR in gateway).
 */
#ifndef BH_POLICY_H
#define BH_POLICY_H

#include "../base/base.h"
#include "../conf/conf.h"
#include "../net/net.h"
#include "../proto/proto.h"

#define BH_NO_RULE UINT32_MAX
#define BH_SEGMENT_EXTERNAL 0 /* name ids of the reserved segments */
#define BH_SEGMENT_UNKNOWN 1
#define BH_NAME_MAX 128  /* bytes of a segment name, rule id, label key or value, with NUL */
#define BH_LABELS_MAX 64 /* labels of one endpoint */

struct bh_policy;
struct bh_endpoints;
struct bh_snapshot;
struct bh_modes;
struct bh_known;
struct bh_restrictions;

/* What workers read. Published whole; never changed after publication. */
struct bh_view {
	const struct bh_endpoints *endpoints;
	const struct bh_snapshot *snapshot;
	const struct bh_modes *modes; /* of the segments, and what they come to between two ends */
	const struct bh_known
		*known; /* addresses that segments have by name; NULL: there are none */
	const struct bh_restrictions *restrictions; /* restriction.h; NULL: none is in force */
	const uint32_t *generation; /* by endpoint slot; entries only grow; slot 0 = no endpoint.
				     * Written by the model (release), read with acquire */
	uint32_t epoch;             /* grows with every publication */
	uint8_t mode;               /* enum bh_mode, where no end of a packet has one of its own */
	bool by_name;               /* segments list DNS names */
};

/* How long an address is a name's: its TTL, at least and at most so long, and then `keep`. 0: 60 s, 86,400 s, 0 s. */
struct bh_names_params {
	uint64_t min_ttl_ns, max_ttl_ns, keep_ns;
	uint32_t max; /* pairs of a name and an address; 0: 65,536 */
};

struct bh_policy_params {
	uint32_t max_endpoints;
	struct bh_hash_key hash_key;
	enum bh_mode mode; /* of segments that have none, unless the document says otherwise */
	struct bh_names_params names;
	/* Make `view` current. Called under the model's mutex, from a control thread. */
	void (*publish)(void *arg, const struct bh_view *view);
	/* Call free_fn(obj) once no reader can hold what was current before the last publish.
	 * NULL: free at once (tests, replay). */
	void (*retire)(void *arg, void *obj, void (*free_fn)(void *obj));
	/* Return when every reader has seen what was changed before: called without the mutex at the end of
	 * each change, so that no packet judged by the old state leaves after the change was acknowledged.
	 * NULL: not needed (one thread). */
	void (*settle)(void *arg);
	void *arg;
};

int bh_policy_create(struct bh_policy **out, const struct bh_policy_params *params);
void bh_policy_destroy(struct bh_policy *p); /* readers are gone */

/* ---- loading ------------------------------------------------------------------------------------- */

/* What a load or dry run would do or did. */
struct bh_policy_change {
	uint32_t revision; /* of the policy now in force */
	uint32_t segments, rules, endpoints;
	uint32_t segments_added, segments_removed, segments_changed;
	uint32_t rules_added, rules_removed, rules_changed;
	uint32_t endpoints_added, endpoints_removed, endpoints_changed;
};

/* Replace segments, rules and the file's endpoints by a document, all or nothing. Endpoints that came
 * over REST stay and win over the file's for the same address. dry_run: check and count only.
 * On error nothing changed and err says where. */
int bh_policy_load_file(struct bh_policy *p, const char *path, bool dry_run,
			struct bh_policy_change *change, struct bh_err *err);
int bh_policy_load_text(struct bh_policy *p, const char *name, const char *text, size_t len,
			bool dry_run, struct bh_policy_change *change, struct bh_err *err);
/* No segments but the reserved ones, no rules: what runs before and without a policy file. */
int bh_policy_load_empty(struct bh_policy *p, struct bh_err *err);
/* The document in force, as it was loaded (REST GET with Accept: application/yaml). Copies into out. */
void bh_policy_text(struct bh_policy *p, struct bh_buf *out);
uint32_t bh_policy_revision(struct bh_policy *p);
/* The next load gets this revision instead of the next one: a store numbers them over restarts. */
void bh_policy_number_next(struct bh_policy *p, uint32_t revision);

/* ---- endpoints ----------------------------------------------------------------------------------- */

struct bh_label {
	const char *key;
	const char *value;
};

enum bh_endpoint_source { BH_SOURCE_FILE, BH_SOURCE_REST };

struct bh_endpoint {
	struct bh_prefix prefix;
	bh_tenant tenant; /* VLAN and VNI bits; 0 = any */
	const struct bh_label *labels;
	unsigned n_labels;
	uint64_t since_ns; /* wall clock: since when these labels hold; set by the model */
	uint8_t source;    /* enum bh_endpoint_source */
};

enum bh_endpoint_op {
	BH_ENDPOINT_PUT,    /* make or replace: labels become exactly these */
	BH_ENDPOINT_PATCH,  /* set these labels, keep others; value NULL removes one. Must exist */
	BH_ENDPOINT_DELETE, /* must exist; labels ignored */
};

struct bh_endpoint_change {
	enum bh_endpoint_op op;
	struct bh_endpoint endpoint;
};

/* Apply a batch, all or nothing, effective for the next packet of every flow when it returns. Several
 * changes of one endpoint act in their order; only the outcome is seen.
 * 0; -ENOENT (PATCH, DELETE of an unknown one), -ENOSPC (endpoints.max), -EINVAL (label syntax),
 * -EAGAIN (slots of deleted endpoints still wait for the workers: again in a few ms), -ENOMEM;
 * err->what names the index, from 0, and the address. `changed` may be NULL: endpoints that are other
 * than before. */
int bh_policy_endpoints_apply(struct bh_policy *p, const struct bh_endpoint_change *change,
			      size_t n, uint32_t *changed, struct bh_err *err);

/* Label key: [A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?, value the same or empty: as Kubernetes. */
bool bh_label_key_valid(const char *key);
bool bh_label_value_valid(const char *value);

/* Label selector in Kubernetes' syntax: "app=web, tier in (front, edge), env != dev, pci, !legacy"; and over the text of
 * values: "app prefix (web-, api-), image contains nginx, node ~ \"^db[0-9]+$\", node !~ \"old\"". All
 * requirements must hold; !=, notin and !~ hold where the key is absent. Memory is the arena's. */
struct bh_selector;
/* 0, -ENOMEM, or -EINVAL with err->what and *at, the byte of text that it is about. */
int bh_selector_parse(struct bh_arena *a, const char *text, struct bh_selector **out, size_t *at,
		      struct bh_err *err);
bool bh_selector_match(const struct bh_selector *s, const struct bh_label *labels, unsigned n);

/* ---- looking (control threads; the model is locked while fn runs: copy and return) -------------- */

/* Stops when fn returns false. Order: family, address, prefix length, tenant. after: continue behind
 * all endpoints with this prefix. */
typedef bool (*bh_endpoint_fn)(void *arg, const struct bh_endpoint *e, const char *const segments[],
			       unsigned n_segments);
void bh_policy_endpoints_each(struct bh_policy *p, const struct bh_prefix *after, bh_endpoint_fn fn,
			      void *arg);
/* The endpoint with exactly this prefix and tenant; false when there is none. */
bool bh_policy_endpoint_get(struct bh_policy *p, const struct bh_prefix *prefix, bh_tenant tenant,
			    bh_endpoint_fn fn, void *arg);
/* The endpoint that a packet's address belongs to now: the longest prefix. false: none. addr: 16 bytes, IPv4 in the
 * first 4. */
bool bh_policy_endpoint_resolve(struct bh_policy *p, const uint8_t addr[16], uint8_t family,
				bh_tenant tenant, bh_endpoint_fn fn, void *arg);

struct bh_segment_info {
	uint32_t id; /* name id */
	const char *name;
	const char *selector;            /* as written, "" = by address */
	const struct bh_prefix *address; /* n_addresses */
	unsigned n_addresses;
	uint32_t members; /* endpoints in it now */
	unsigned line;
	uint8_t mode; /* enum bh_mode: what its members have when they are in no other segment */
	uint8_t mode_origin;     /* enum bh_mode_origin */
	bool cde;                /* a zone that is marked so */
	bool keeps;              /* a zone or namespace that keeps to itself */
	const char *const *zone; /* n_zones that it is a member of, "zone:NAME" */
	uint32_t n_zones;
	bool reserved; /* has no mode of its own: mode is that of two ends without one */
};
typedef bool (*bh_segment_fn)(void *arg, const struct bh_segment_info *s);
void bh_policy_segments_each(struct bh_policy *p, bh_segment_fn fn, void *arg);

/* ---- modes ---------------------------------------------------------------------------------------
 *
 * Whose mode an end has: the strictest of those that its segments name, set over REST or written in the document, in this
 * order of preference for each segment; if none names one, `modes.default`. Who is in no segment, or in a reserved one, has
 * none. Between two ends: `modes.override` if there is one; else that of the one that has one, or of both by
 * `modes.contention`: basic, the less strict; strict, and where a CDE zone is an end, the stricter; if none has one,
 * `modes.default`. */

enum bh_mode_origin {
	BH_MODE_DEFAULTED,  /* modes.default, or the configuration's mode */
	BH_MODE_WRITTEN,    /* in the document */
	BH_MODE_SET,        /* by bh_policy_modes_set */
	BH_MODE_OVERRIDDEN, /* modes.override */
	BH_MODE_ORIGINS
};
const char *bh_mode_origin_name(unsigned origin); /* "default", "policy", "set", "override" */

#define BH_MODE_UNSET 0xff /* what was set is forgotten: the document's holds again */
struct bh_mode_change {
	const char *segment;
	uint8_t mode;   /* enum bh_mode or BH_MODE_UNSET */
	uint8_t before; /* returned: what was set, or BH_MODE_UNSET */
};

/* All of them or none, in force for the next packet of every flow when it returns; survives loads, and is kept for a name
 * that no segment has until one does. check: change nothing. present: every name must be that of a segment now.
 * 0; -ENOENT (err names the first that is not there), -EINVAL (reserved, or no mode), -ENOMEM. */
int bh_policy_modes_set(struct bh_policy *p, struct bh_mode_change *change, size_t n, bool present,
			bool check, struct bh_err *err);
/* false: no such segment. */
bool bh_policy_segment_mode(struct bh_policy *p, const char *segment, enum bh_mode *mode,
			    enum bh_mode_origin *origin);

struct bh_modes_info {
	uint8_t default_mode;  /* enum bh_mode */
	uint8_t override_mode; /* enum bh_mode, or BH_MODE_UNSET: none */
	bool strict;           /* contention */
	uint32_t segments[3];  /* with each mode, the reserved ones left out */
};
void bh_policy_modes(struct bh_policy *p, struct bh_modes_info *out);

/* Patterns of one kind in an allow list, as written. */
struct bh_rule_list {
	const char *key; /* "verbs" */
	const char *const *pattern;
	uint32_t n_patterns;
	uint8_t field; /* enum bh_op_field */
};

/* Where a rule stands in the document: that is also the order in which they are tried. */
enum bh_rule_origin {
	BH_RULE_WRITTEN,  /* rules */
	BH_RULE_CLUSTERS, /* clusters.rules */
	BH_RULE_IMPORTED, /* imported.rules */
	BH_RULE_LEARNED,  /* learned.rules */
	BH_RULE_ORIGINS
};
const char *bh_rule_origin_name(unsigned origin); /* "written", "clusters", "imported", "learned" */

/* An application that a rule names. Of several of one name each is an alternative. */
struct bh_rule_app {
	const char
		*name; /* as in proto.def; "unknown": nothing is proven, and nothing more will be */
	const struct bh_rule_list *list; /* n_lists; none: all that it says */
	uint32_t n_lists;
	uint8_t app; /* enum bh_app, the first of that name; BH_APP_UNKNOWN */
};

struct bh_rule_info {
	uint32_t index;   /* document order, from 0 */
	uint32_t name_id; /* bh_flow.rule, bh_judgement.rule */
	const char *id;   /* as written, or "rule-<n>", n from 1 */
	const char *from; /* segment name or "any" */
	const char *to;
	const char *ports; /* "tcp/6379, udp/53", "any" */
	const char *
		applications; /* "redis, postgresql (verbs: select, insert; tables: orders)", "any" */
	const struct bh_rule_app *app; /* the same as data: n_apps, 0 = any */
	unsigned n_apps;
	const char *denied; /* "drop", "reset", "respond"; "" = not written */
	const char *comment;
	const char *owner, *reason; /* "" = not written */
	uint64_t expires_ns;        /* wall clock; 0: never */
	bool expired;               /* it no longer counts */
	uint8_t action;             /* enum bh_verdict: ALLOW, DENY, REJECT */
	uint8_t origin;             /* enum bh_rule_origin */
	unsigned line;
};
typedef bool (*bh_rule_fn)(void *arg, const struct bh_rule_info *r);
void bh_policy_rules_each(struct bh_policy *p, bh_rule_fn fn, void *arg);
/* What a rule says (ends, ports, applications, action, what becomes of denied ones) as a number: the same for the same
 * content, whatever process asks, no secret. 0: no memory. */
uint64_t bh_rule_body(const struct bh_rule_info *r);

/* Rules whose time is over at wall_ns stop to count, for the next packet of every flow. Returns how many did now, their ids
 * in `ids` ("a, b"; may be NULL), or -ENOMEM: they do with the next call. Cheap when none is due. */
int bh_policy_expire(struct bh_policy *p, uint64_t wall_ns, struct bh_buf *ids);

struct bh_policy_counts {
	uint32_t endpoints, label_sets, classes, segments, rules, pairs;
	uint64_t compile_ns, bytes; /* of the snapshot in force; without reading the document */
};
void bh_policy_counts(struct bh_policy *p, struct bh_policy_counts *out);

/* Names for records. Segment names and rule ids are interned once and keep their number until the
 * model is destroyed, so that a flow or event judged by an older policy still finds its words.
 * "" when out of range. Control threads; the string lives as long as the model. */
const char *bh_policy_segment_name(struct bh_policy *p, uint32_t segment);
const char *bh_policy_rule_name(struct bh_policy *p, uint32_t rule);
/* The name id of a segment, whether or not there is one of that name yet. 0 or -ENOMEM. */
int bh_policy_segment_id(struct bh_policy *p, const char *name, uint32_t *id);
/* The same of a rule. */
int bh_policy_rule_id(struct bh_policy *p, const char *name, uint32_t *id);

/* ---- linting (control threads) ---------------------------------------------------------------------- */

enum bh_lint_kind {
	BH_LINT_SHADOWED,      /* never decides: rules before it do, whoever is in its segments */
	BH_LINT_REDUNDANT,     /* rules behind it decide the same: without it, nothing changes */
	BH_LINT_CONTRADICTING, /* a part of it, as written, is decided the other way before it */
	BH_LINT_OVER_BROAD, /* allows all applications on a whole range of ports, from or to anybody */
	BH_LINT_NO_MEMBERS, /* nobody is in the segments of a side */
	BH_LINT_UNDECIDED, /* whether it is one of the first three took too much work to find out */
	BH_LINT_NEVER_HIT, /* has not decided anything for long: what the gateway counted */
	BH_LINT_KINDS
};
enum bh_lint_severity { BH_LINT_INFO, BH_LINT_WARNING, BH_LINT_ERROR };
const char *bh_lint_kind_name(unsigned kind);         /* "shadowed" */
const char *bh_lint_severity_name(unsigned severity); /* "warning" */

/* A connection that shows it. */
struct bh_lint_witness {
	bool valid;              /* false: the finding needs none */
	const char *segment[2];  /* from, to; "any" */
	char address[2][64];     /* of an endpoint or address that is there; "" = none is known */
	const char *labels[2];   /* "app=web,env=prod", of an endpoint that could be; NULL: none */
	uint32_t service;        /* protocol << 16 | port, or type << 8 | code */
	const char *application; /* NULL: whatever it is */
	const char *operation;   /* as in the rule, NULL: any */
	const char *by;          /* id of the rule that decides it, NULL: none, it is denied */
	uint8_t verdict;         /* enum bh_verdict */
};

struct bh_lint_finding {
	uint8_t kind;     /* enum bh_lint_kind */
	uint8_t severity; /* enum bh_lint_severity */
	uint32_t rule;    /* index in the document */
	const char *id;
	unsigned line;
	const char *
		*other; /* n_others: ids of the rules that make it so, the first of them first */
	uint32_t *other_index;
	uint32_t n_others;
	const char *text;  /* a sentence */
	uint64_t since_ns; /* wall clock, of NEVER_HIT: for how long; else 0 */
	struct bh_lint_witness witness;
};

/* A rule of the document, for who knows what rules have decided. */
struct bh_lint_rule {
	const char *id;
	uint64_t body; /* bh_rule_body() */
	unsigned line;
	bool expired;
};

/* Order: of rules in the document, then of kinds. */
struct bh_lint {
	struct bh_lint_finding *finding;
	uint32_t n_findings;
	struct bh_lint_rule *rule; /* n_rules, as in the document */
	uint32_t n_rules, n_segments;
	bool complete; /* false: the bound on work or findings was met, there may be more */
	uint64_t elapsed_ns;
	struct bh_arena arena;
	uint32_t cap;
};

/* Look for mistakes in a document, or with text NULL in the one in force. What is found holds for all endpoints that there
 * could be, not only for those there are, but for NO_MEMBERS. 0; -EINVAL (it does not load; err says where), -E2BIG,
 * -ENOMEM. */
int bh_policy_lint(struct bh_policy *p, const char *name, const char *text, size_t len,
		   struct bh_lint **out, struct bh_err *err);
/* One more finding, NEVER_HIT, by who knows what rules have decided: rule, id, line, text (copied) and since_ns. 0, also
 * where there are too many; or -ENOMEM. Then bh_lint_sort(). */
int bh_lint_never_hit(struct bh_lint *l, const struct bh_lint_finding *f);
void bh_lint_sort(struct bh_lint *l);
void bh_lint_free(struct bh_lint *l); /* NULL is fine */

/* ---- the scope of a zone (control threads) ------------------------------------------------------------ */

/* Of a segment. */
enum {
	BH_SCOPE_NAMED = 1 << 0,  /* it is the zone, or one of its segments */
	BH_SCOPE_SHARES = 1 << 1, /* an endpoint or address of it is in the zone now */
};
/* Of a rule, whatever its action: who may be at its ends. */
enum {
	BH_SCOPE_IN = 1 << 0,     /* from outside into the zone */
	BH_SCOPE_OUT = 1 << 1,    /* from the zone to outside */
	BH_SCOPE_WITHIN = 1 << 2, /* between members */
	BH_SCOPE_FENCED =
		1 << 3, /* it would cross the zone's border, which `intra: only` does not let it */
};
struct bh_scope {
	char name[BH_NAME_MAX + 16]; /* "zone:cde" */
	bool cde, keeps;             /* marked so; keeps to itself */
	uint32_t revision, zone;     /* its index among the segments */
	uint8_t *segment,
		*rule; /* n_segments, n_rules bits, in the order of bh_policy_segments_each, _rules_each */
	uint32_t n_segments, n_rules;
};
/* zone: with or without "zone:". 0; -ENOENT (err says so), -ENOMEM. */
int bh_policy_scope(struct bh_policy *p, const char *zone, struct bh_scope **out,
		    struct bh_err *err);
void bh_scope_free(struct bh_scope *s); /* NULL is fine */

/* ---- judging (workers) ---------------------------------------------------------------------------- */

/* What matching regular expressions needs: one of each worker, for all policies that there will be. */
struct bh_policy_scratch;
int bh_policy_scratch_create(struct bh_policy_scratch **out); /* 0 or -ENOMEM */
void bh_policy_scratch_destroy(struct bh_policy_scratch *s);  /* NULL is fine */

/* What is known of what a flow says, when it is judged. NULL instead: nothing yet, it is just being opened. */
struct bh_said {
	const struct bh_proto_state *app; /* what it is, or may still be; NULL: anything */
	const struct bh_op *op;           /* the operation to be judged; NULL: none in particular */
	struct bh_policy_scratch
		*scratch; /* the caller's own; NULL: no operation fits a ~REGEX of a rule
					    * that allows, each fits one of a rule that denies */
};

/* What happens to a connection when an operation is denied. */
enum bh_denied {
	BH_DENIED_DROP,    /* silence from here on */
	BH_DENIED_RESET,   /* RST to both ends */
	BH_DENIED_RESPOND, /* HTTP/1: 403 to the client, RST to the server; others: RESET */
};

struct bh_judgement {
	uint32_t slot[2]; /* of the ends of the key, by end */
	uint32_t segment
		[2]; /* name ids of the segments that decided, by end: the rule's from and to where
			      * they name one, else the end's first */
	uint32_t class_
		[2]; /* fingerprint of the set of segment names that an end is in, by end: the same
			      * set has the same number under every policy */
	uint32_t stamp;
	uint64_t restriction; /* the quarantine, block or cut that refuses it; 0: none */
	uint32_t
		rule; /* name id of the rule, or BH_NO_RULE; PENDING: of the first that may decide */
	uint8_t verdict; /* enum bh_verdict; mode already applied */
	uint8_t reason;  /* enum bh_reason; VIOLATE: what protect would say */
	uint8_t mode;    /* enum bh_mode, of these two ends */
	uint8_t protect_verdict, protect_reason; /* what they are in protect */
	uint8_t denied; /* enum bh_denied, of the rule, or of the first rule with operations of its
			    * application; where neither says: RESET for REJECT, else DROP */
	bool by_operation; /* ALLOW, VIOLATE: its operations are to be judged, one by one */
	bool by_application; /* rules that name applications were asked: the verdict is not of ports alone */
};

/* Judge a flow that end `initiator` of `key` opens. service: destination port, or ICMP type<<8|code.
 * No allocation, no lock, no wait. Read order: generation (acquire), then whether the address still
 * resolves to that slot, then its class, so that a judgement made while something changes carries the
 * older stamp and is made again with the next packet. It never mixes owners: a slot is not given to
 * another address before every worker has been quiescent.
 *
 * The rules that fit segments and service are gone through in document order:
 *   names no application               it decides
 *   names applications, none of which it can still be (bh_proto_possible)        it is passed over
 *   names one that it may still be, but is not proven                            it may decide
 *   names one that is proven, without operations                                 it decides
 *   names one that is proven, with operations: op fits                           it decides
 *                                              op does not fit                   it is passed over
 *                                              no op given                       it may decide, by operation
 * Before the one that decides (or the end: denied) some may decide. When all of these and the one that decides say
 * the same, or none of them could allow, the verdict is that of the one that decides, with by_operation false.
 * When those that may decide all do so by operation: ALLOW with by_operation, of the first that allows. Else
 * PENDING, of the first that may. BH_OP_SESSION operations go with the connection: they are judged as if none
 * were given.
 * An operation fits the list of a rule that allows as op_field.def says for each of its keys, and not where it is
 * PARTIAL and the key may have more values than were seen; that of a rule that denies when for each key one value is
 * in it, or may be. Rules of whose applications none is spoken over the key's protocol don't fit.
 * A deny at the end is OPERATION_DENY when a rule that allows was passed over for the operation; APP_DENY when one
 * was because another application is proven; APP_UNKNOWN when none is. Mode, of the two ends: discover allows all,
 * monitor turns deny into VIOLATE; PENDING and by_operation are as in protect, the caller does not hold then. */
void bh_policy_judge(const struct bh_view *view, const struct bh_flow_key *key, unsigned initiator,
		     uint16_t service, const struct bh_said *said, struct bh_judgement *out);

/* The same by the policy that is in force, for a control thread: the model is locked meanwhile. */
void bh_policy_judge_now(struct bh_policy *p, const struct bh_flow_key *key, unsigned initiator,
			 uint16_t service, const struct bh_said *said, struct bh_judgement *out);

/* Is an end of a key in the segment of this name id, by its labels or its address? Workers. */
bool bh_policy_end_in(const struct bh_view *view, const struct bh_flow_key *key, unsigned end,
		      uint32_t segment);

/* The mode of two ends alone. */
enum bh_mode bh_policy_pair_mode(const struct bh_view *view, const struct bh_flow_key *key,
				 unsigned initiator);
/* No two ends have any other than protect. */
bool bh_policy_all_protect(const struct bh_view *view);

/* ---- explaining (control threads) ------------------------------------------------------------------- */

/* An end of a question: one of the three. */
struct bh_question_end {
	struct bh_prefix address; /* family != 0: whoever has it now; one address */
	const char *
		segment; /* somebody in this segment and in no other but those that hold all of it */
	const struct bh_label *label; /* an endpoint with these labels */
	unsigned n_labels;
};

struct bh_question {
	struct bh_question_end end[2]; /* from, to */
	bh_tenant tenant;              /* of addresses */
	uint32_t service;              /* protocol << 16 | port, or type << 8 | code */
	const char
		*application; /* proven; "unknown": nothing is, nor will be; NULL: not known yet */
	const struct bh_op *op; /* NULL: none in particular */
};

/* What a rule did, or the first condition that it failed for. */
enum bh_explain_outcome {
	BH_EXPLAIN_FROM,
	BH_EXPLAIN_TO,
	BH_EXPLAIN_PORT,
	BH_EXPLAIN_APPLICATION,
	BH_EXPLAIN_OPERATION,
	BH_EXPLAIN_MAY,           /* may decide, when the application is proven */
	BH_EXPLAIN_MAY_OPERATION, /* may decide, operation by operation */
	BH_EXPLAIN_DECIDES,
	BH_EXPLAIN_BEHIND, /* of the nearest: a rule before it decides */
	BH_EXPLAIN_EXPIRED,
	BH_EXPLAIN_OUTCOMES
};
const char *bh_explain_outcome_name(unsigned outcome); /* "from", "port", "decides" */

struct bh_explain_step {
	uint32_t rule; /* index */
	const char *id;
	const char *text; /* a few words */
	unsigned line;
	uint8_t action;
	uint8_t outcome; /* enum bh_explain_outcome */
};

struct bh_explanation {
	uint32_t revision;
	uint8_t mode; /* enum bh_mode, of these two ends */
	const char *mode_text;
	uint8_t verdict; /* enum bh_verdict, mode applied */
	uint8_t reason;  /* enum bh_reason */
	uint8_t denied;  /* enum bh_denied */
	bool by_operation, by_application;
	uint64_t restriction; /* as in bh_judgement, where both ends are addresses */
	bool judged;    /* by bh_policy_judge(), as a packet would be: both ends are addresses */
	uint32_t rule;  /* index of the one that is named, or BH_NO_RULE */
	const char *id; /* NULL: none */
	unsigned line;
	struct bh_judgement
		path; /* what going through the rules comes to; slots, classes, stamp: not set */
	const char **segment[2]; /* of each end, n_segments[] */
	uint32_t n_segments[2];
	char endpoint[2][64]; /* that an address belongs to; "" = none */
	/* Rules in order up to the one that decides. Those that speak of others are left out where there are many. */
	struct bh_explain_step *step;
	uint32_t n_steps, n_left_out;
	/* Where it is not allowed: the rule that would, with the fewest conditions that are not met. id NULL: none does. */
	struct bh_explain_step nearest;
	unsigned unmet; /* 1 << enum bh_explain_outcome */
	struct bh_arena arena;
};

/* 0; -EINVAL or -ENOENT (a name that nothing has), -ENOMEM; err says which. */
int bh_policy_explain(struct bh_policy *p, const struct bh_question *q, struct bh_explanation **out,
		      struct bh_err *err);
void bh_explanation_free(struct bh_explanation *e); /* NULL is fine */
/* "tcp/443", "icmp/8/0", "proto/47/0": one service. 32 bytes are enough. */
const char *bh_service_format(uint32_t service, char *out, size_t size);
/* "tcp/443" as one service; a range's first. A transport alone is its port 0. 0 or -EINVAL. */
int bh_service_one(const char *text, uint32_t *out, struct bh_err *err);

#endif
