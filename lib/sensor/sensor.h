/* sensor: the patterns that users write (sensors, WAF and DLP documents, signatures), matched by Hyperscan streams.
 *
 * Usage     control core: fill a bh_sensor_model (lib/signature reads documents into it), bh_sensor_compile() it to a
 *           bh_sensor_set, bh_sensor_publish() that to each bh_sensor_worker; later bh_sensor_reap() what is drained.
 *           worker: bh_sensor_turn() once a turn, then for each connection: bh_sensor_open(); bh_sensor_feed() with the
 *           bytes of each region of a message as they come; bh_sensor_message_end(); bh_sensor_close().
 * Words     A message is what one side says in one piece: an HTTP request, a DNS answer. A region is a part of it that
 *           a context names: its target, one header's value, its body. Bytes of a region may come in any pieces; the
 *           answer is the same. A rule is hit when all its patterns match within one message, whatever regions they
 *           are in; its negated patterns must not have matched when the message ends. `packet` is no region of a message:
 *           it is one text from the side's first byte to its last; what matched there stays matched, and rules whose
 *           patterns are all in it are hit once, or, when negated patterns are among them, when the connection ends.
 * Threads   model, compile, publish, reap: control, one thread at a time. A set is immutable. A worker and its connections
 *           belong to one thread. Control and worker share two words a set (see bh_sensor_publish).
 * Lifetime  a set takes its model over and lives until bh_sensor_reap() has returned it as unused by all workers.
 *           Hits, and what they point at, are valid during the callback; sensors and rules as long as the set.
 * Costs     a context that no pattern asks for costs a test of a bit (bh_sensor_wants). feed: one hs_scan_stream() over the
 *           bytes and some 20 ns. A region that ends with the call that began it takes no memory. Else its stream
 *           state (bh_sensor_set_info says how big: a few hundred bytes to a few KiB) is taken from the worker's pool until
 *           the region ends; regions whose patterns need PCRE2 keep their last BH_SENSOR_WINDOW bytes, too.
 *           No call of a worker takes memory from the heap, a lock, or the kernel.
 */
#ifndef BH_SENSOR_H
#define BH_SENSOR_H

#include "../base/base.h"
#include "../proto/proto.h"

enum bh_sensor_context {
#define BH_SENSOR_CONTEXT(sym, key, side, text) BH_SENSOR_##sym,
#include "sensor_context.def"
#undef BH_SENSOR_CONTEXT
	BH_SENSOR_CONTEXTS
};
_Static_assert(BH_SENSOR_CONTEXTS <= 64, "sets of contexts are one 64-bit word");
#define BH_SENSOR_CONTEXT_BIT(context) (UINT64_C(1) << (context))
/* "http.uri"; any value is safe ("invalid"). */
const char *bh_sensor_context_key(unsigned context);
/* Number of a key, BH_SENSOR_CONTEXTS when there is none. */
unsigned bh_sensor_context_find(const char *key, size_t len);

/* ---- the model: what was written ---------------------------------------------------------------- */

enum bh_sensor_kind {
	BH_SENSOR_LITERAL, /* bytes; may hold NUL */
	BH_SENSOR_REGEX,   /* PCRE2's language; flags below stand for its /ismx */
	BH_SENSOR_SIZE, /* no text: the region (packet: the piece fed at once) has size_min..size_max bytes */
	BH_SENSOR_DATA_AT, /* no text: `size_min` bytes or more follow what the pattern before matched (relative), or
			    * the region has them (not relative); negated: fewer do */
};

enum {
	BH_SENSOR_NOCASE = 1 << 0,
	BH_SENSOR_DOTALL = 1 << 1,    /* regex: . is also a newline */
	BH_SENSOR_MULTILINE = 1 << 2, /* regex: ^ and $ also at newlines */
	BH_SENSOR_EXTENDED = 1 << 3,  /* regex: white space and # comments mean nothing */
	BH_SENSOR_UNGREEDY =
		1 << 4, /* regex: says nothing here, where only whether it matches counts */
	BH_SENSOR_NEGATED = 1 << 5,
	BH_SENSOR_STARTSWITH = 1 << 6, /* literal: at the region's first byte */
	BH_SENSOR_ENDSWITH = 1 << 7,   /* literal: up to the region's last byte */
	BH_SENSOR_FAST = 1 << 8,       /* fast_pattern: a hint, not needed */
	/* Which of the numbers below are written. */
	BH_SENSOR_OFFSET = 1 << 9,
	BH_SENSOR_DEPTH = 1 << 10,
	BH_SENSOR_DISTANCE = 1 << 11,
	BH_SENSOR_WITHIN = 1 << 12,
	/* Relative to the end of what the pattern before it in this rule (of the same context) matched; DISTANCE and
	 * WITHIN imply it. For regex: /R, a leading ^ then means just there. */
	BH_SENSOR_RELATIVE = 1 << 13,
};

struct bh_sensor_pattern {
	struct bh_sensor_pattern *next; /* as written */
	const char *text;
	size_t len;
	uint8_t kind;    /* enum bh_sensor_kind */
	uint8_t context; /* enum bh_sensor_context */
	uint16_t flags;  /* BH_SENSOR_* */
	/* As in Suricata. Literal begins at or behind `offset` and ends within `depth` bytes from there; begins `distance`
	 * (may be negative) or more behind the end of the match before and ends at most distance + within behind it. */
	uint32_t offset, depth;
	int32_t distance;
	uint32_t within;
	uint32_t size_min, size_max; /* bytes, both included; size_max UINT32_MAX: no bound */
	unsigned line, column;       /* of its text, from 1; 0: not known */
};

enum bh_sensor_action {
	BH_SENSOR_DEFAULT, /* what the attachment says */
	BH_SENSOR_ALERT,
	BH_SENSOR_DENY,
	BH_SENSOR_REJECT,
	BH_SENSOR_CAPTURE,
	BH_SENSOR_QUARANTINE,
};
const char *bh_sensor_action_name(unsigned action); /* any value is safe */

enum bh_sensor_direction { BH_SENSOR_BOTH, BH_SENSOR_TO_SERVER, BH_SENSOR_TO_CLIENT };

enum bh_sensor_bit_op {
	BH_SENSOR_BIT_SET,
	BH_SENSOR_BIT_UNSET,
	BH_SENSOR_BIT_TOGGLE,
	BH_SENSOR_BIT_ISSET,
	BH_SENSOR_BIT_ISNOTSET,
	BH_SENSOR_BIT_NOALERT, /* hits set bits and are not reported */
};

/* flowbits: a condition on, or a change of, the connection's named bits. */
struct bh_sensor_bit {
	struct bh_sensor_bit *next;
	const char *name; /* NULL: noalert */
	uint8_t op;       /* enum bh_sensor_bit_op */
	uint16_t index;   /* set by bh_sensor_compile */
};

struct bh_sensor_reference {
	struct bh_sensor_reference *next;
	const char *type, *value; /* "cve", "2021-44228" */
};

enum bh_sensor_threshold_type {
	BH_SENSOR_EVERY,     /* no threshold */
	BH_SENSOR_LIMIT,     /* the first `count` in `seconds`, no more */
	BH_SENSOR_THRESHOLD, /* each `count`th in `seconds` */
	BH_SENSOR_ONCE,      /* "both": once in `seconds`, when `count` are reached */
};
enum bh_sensor_track { BH_SENSOR_BY_RULE, BH_SENSOR_BY_SRC, BH_SENSOR_BY_DST, BH_SENSOR_BY_PAIR };

struct bh_sensor_ports {
	struct bh_sensor_ports *next;
	uint16_t low, high; /* both included */
	bool except; /* none of the ports with `except` is one, and, where others are listed, one of those is */
};

struct bh_sensor_rule {
	struct bh_sensor_rule *next;
	const struct bh_sensor *sensor;
	const char *name;      /* never NULL */
	const char *message;   /* may be NULL, as all texts below */
	const char *classtype; /* "web-application-attack" */
	const char *category;  /* NULL: the sensor's */
	const char *attack;    /* MITRE ATT&CK id; NULL: the sensor's */
	const char *metadata;  /* as written */
	struct bh_sensor_reference *references;
	struct bh_sensor_bit *bits;
	struct bh_sensor_ports *ports; /* the server's; NULL: any */
	struct bh_sensor_pattern *patterns, *last_pattern;
	uint32_t gid, sid, rev; /* 0: none */
	bool off;     /* left out of the set: bh_sensor_check refused it, or its document says so */
	uint16_t app; /* enum bh_app; BH_APP_UNKNOWN: any */
	uint8_t severity;  /* 1 high .. 3 low; 0: the sensor's */
	uint8_t action;    /* enum bh_sensor_action */
	uint8_t direction; /* enum bh_sensor_direction */
	struct {
		uint8_t type;  /* enum bh_sensor_threshold_type */
		uint8_t track; /* enum bh_sensor_track */
		uint32_t count, seconds;
	} threshold;
	unsigned line;  /* where it is written, 0: not known */
	uint32_t index; /* in its set, from 0: for counters. Set by bh_sensor_compile */
};

struct bh_sensor {
	struct bh_sensor *next;
	const char *name;     /* never NULL */
	const char *comment;  /* may be NULL, as the texts below */
	const char *category; /* "sqli", "dlp.card" ...: EVE's bulkhead.sensor; NULL: the name */
	const char *attack;   /* MITRE ATT&CK id */
	const char *file;     /* where it is written */
	const void *user;     /* the caller's */
	struct bh_sensor_rule *rules, *last_rule;
	uint8_t severity; /* 1 high .. 3 low */
	unsigned line;
	uint32_t index; /* in its set, from 0. Set by bh_sensor_compile */
};

struct bh_sensor_model {
	struct bh_sensor *sensors, *last;
	uint32_t n_sensors, n_rules, n_patterns;
	/* bh_sensor_compile(): databases, 0 until that is known, and how many of them are made. Any thread may look while it is
	 * under way. */
	_Atomic uint32_t databases, compiled;
	const void *user;                /* the caller's */
	struct bh_sensor_memory *memory; /* of all that hangs here */
};

/* A model and its parts; each add copies the text and appends. NULL: no memory left (then destroy the model). What is
 * not given is zero; severity 2. */
struct bh_sensor_model *bh_sensor_model_create(void);
void bh_sensor_model_destroy(struct bh_sensor_model *m); /* NULL is fine */
struct bh_sensor *bh_sensor_add(struct bh_sensor_model *m, const char *name);
struct bh_sensor_rule *bh_sensor_add_rule(struct bh_sensor_model *m, struct bh_sensor *s,
					  const char *name);
struct bh_sensor_pattern *bh_sensor_add_pattern(struct bh_sensor_model *m, struct bh_sensor_rule *r,
						enum bh_sensor_kind kind, const char *text,
						size_t len);
struct bh_sensor_bit *bh_sensor_add_bit(struct bh_sensor_model *m, struct bh_sensor_rule *r,
					enum bh_sensor_bit_op op, const char *name);
struct bh_sensor_reference *bh_sensor_add_reference(struct bh_sensor_model *m,
						    struct bh_sensor_rule *r, const char *type,
						    const char *value);
struct bh_sensor_ports *bh_sensor_add_ports(struct bh_sensor_model *m, struct bh_sensor_rule *r,
					    uint16_t low, uint16_t high, bool except);
/* A copy that lives as long as the model, NUL-terminated. */
const char *bh_sensor_text(struct bh_sensor_model *m, const char *text, size_t len);

/* ---- compiling: control only --------------------------------------------------------------------- */

/* Try whether libhs finds what is there, some milliseconds; to be asked once before anything relies on it. 0, -ENOMEM,
 * -EBADMSG: it misses matches on this CPU (err says which version, and how many). */
int bh_sensor_engine_check(struct bh_err *err);

#define BH_SENSOR_RULE_PATTERNS 62  /* of one rule; a chain of relative ones counts once */
#define BH_SENSOR_BITS 2048         /* names of flowbits in one set */
#define BH_SENSOR_WINDOW 16384      /* bytes of a region that PCRE2 sees at once */
#define BH_SENSOR_PATTERN_MAX 16384 /* bytes of one pattern, or one chain */

struct bh_sensor_set;

struct bh_sensor_set_info {
	uint32_t sensors, rules, patterns, databases;
	uint32_t exact;          /* patterns that Hyperscan alone decides */
	uint32_t confirmed;      /* patterns that PCRE2 confirms */
	uint32_t from_cache;     /* databases */
	uint32_t cache_rejected; /* cache files that were not what they should be: compiled anew */
	uint64_t contexts;       /* BH_SENSOR_CONTEXT_BIT: those that patterns ask for */
	size_t database_bytes, scratch_bytes;
	size_t stream_max,
		stream_sum; /* bytes of stream state: of the biggest database, of all together */
	uint64_t compile_ns;
};

/* Would this rule be refused? Looks at it alone, a fraction of a millisecond: for readers that list what they leave out
 * (set rule->off) rather than refuse a file. May still be too big for a database, which only compiling shows. The model grows
 * by what is written down on the way. 0, -EINVAL, -ENOMEM as bh_sensor_compile. */
int bh_sensor_check(struct bh_sensor_model *model, struct bh_sensor_rule *rule, struct bh_err *err);
/* Compile and take over the model. cache_dir NULL: no cache; files in it are <key>.hsdb, written aside and renamed, and
 * used only when this user owns them and no one else may write them. Seconds for ten thousand patterns: never on a
 * packet core.
 * 0; -EINVAL: a pattern or rule is refused; err has file, line and column where known, and says which sensor and rule and
 * what the engine said; -ENOMEM. On an error the model is still the caller's. A cache that can't be used is no error. */
int bh_sensor_compile(struct bh_sensor_model *model, const char *cache_dir,
		      struct bh_sensor_set **out, struct bh_err *err);
void bh_sensor_set_destroy(struct bh_sensor_set *set); /* no worker may use it; NULL is fine */
void bh_sensor_set_info(const struct bh_sensor_set *set, struct bh_sensor_set_info *out);
/* The model a set was made of: to list sensors and rules. */
const struct bh_sensor_model *bh_sensor_set_model(const struct bh_sensor_set *set);

/* ---- a worker -------------------------------------------------------------------------------------- */

struct bh_sensor_worker;
struct bh_sensor_conn;

struct bh_sensor_hit {
	const struct bh_sensor *sensor;
	const struct bh_sensor_rule *rule;
	uint8_t side;     /* 0: the client said it */
	uint8_t context;  /* of the match that completed the rule */
	uint8_t severity; /* the rule's or the sensor's */
	uint64_t message; /* number of the message on its side, from 0 */
	uint64_t
		offset; /* in that region: of the byte behind the match (0: known at the end only) */
	/* Bytes up to the match's end, as far as they came with this call; may be empty. Foreign and unmasked. */
	const uint8_t *at;
	size_t len;
};

enum bh_sensor_limit {
	BH_SENSOR_LIMIT_BUDGET, /* the worker's budget of bytes is used up */
	BH_SENSOR_LIMIT_DEPTH,  /* the region is longer than is looked at */
	BH_SENSOR_LIMIT_MEMORY, /* the pool has no room for state: this region is not looked at any further */
	BH_SENSOR_LIMIT_CONFIRM, /* PCRE2 gave up at its limit: taken for no match */
	BH_SENSOR_LIMITS
};

/* What to do when the budget is used up. */
enum bh_sensor_over {
	BH_SENSOR_OVER_SKIP, /* the rest of the region is not looked at */
	BH_SENSOR_OVER_SCAN, /* look nevertheless: counted and told only */
};

struct bh_sensor_worker_params {
	size_t pool_bytes;   /* for stream states, windows and rules half matched; 0: 16 MiB */
	uint32_t thresholds; /* counters for thresholds, rounded up to a power of two; 0: 4096 */
	uint64_t
		depth; /* bytes of a region that are looked at; 0: all. `packet` is not bounded by it */
	uint32_t match_limit; /* of PCRE2's steps; 0: 100000 */
	uint8_t over;         /* enum bh_sensor_over */
	/* A rule was hit. Must not call into this room. */
	void (*report)(void *arg, struct bh_sensor_conn *c, const struct bh_sensor_hit *hit);
	/* May be NULL: something was not looked at. At most once a region and cause. */
	void (*limit)(void *arg, struct bh_sensor_conn *c, unsigned side, unsigned context,
		      enum bh_sensor_limit what);
	/* May be NULL: is this rule wanted on this connection (attachments, exceptions)? Asked when it would be hit. */
	bool (*wanted)(void *arg, struct bh_sensor_conn *c, const struct bh_sensor_rule *rule);
	void *arg;
};

/* Written by the worker, read by control with relaxed loads. */
struct bh_sensor_counters {
	uint64_t bytes;               /* scanned */
	uint64_t scans;               /* calls of Hyperscan */
	uint64_t matches;             /* of patterns */
	uint64_t confirms, confirmed; /* PCRE2 asked, and said yes */
	uint64_t hits, suppressed;    /* rules reported; kept silent by a threshold or noalert */
	uint64_t limit[BH_SENSOR_LIMITS];
	uint64_t pool_used, pool_peak; /* bytes */
	uint64_t swaps;                /* connections that went over to a newer set */
};

/* Control, before the worker runs. 0 or -ENOMEM. Destroy: after it has stopped; sets are not destroyed. */
int bh_sensor_worker_create(struct bh_sensor_worker **out,
			    const struct bh_sensor_worker_params *params);
void bh_sensor_worker_destroy(struct bh_sensor_worker *w);
void bh_sensor_counters(const struct bh_sensor_worker *w, struct bh_sensor_counters *out);

/* What happens to connections that are open when a new set comes. */
enum bh_sensor_reload {
	BH_SENSOR_DRAIN, /* they keep theirs to their end */
	BH_SENSOR_RESCAN, /* from their next message on they use the new one (`packet`: when no message is half said) */
	BH_SENSOR_RESET, /* from their next byte on; what was half matched is forgotten */
};

#define BH_SENSOR_SETS 8 /* that one worker may have at once */

/* Control: make the worker take `set` (NULL: inspect nothing) at its next bh_sensor_turn. Allocates what the worker needs
 * for it (scratch, streams), here, not there. Release store of one word; the worker loads it with acquire.
 * 0; -EBUSY: the worker has not taken the last one yet, or BH_SENSOR_SETS sets have connections (reap, or reset them);
 * -ENOMEM. */
int bh_sensor_publish(struct bh_sensor_worker *w, struct bh_sensor_set *set,
		      enum bh_sensor_reload reload);
/* Control: give back what the worker has for sets that it uses no more. Returns whether it still has, or may take,
 * `set`: when no worker has, bh_sensor_set_destroy. */
bool bh_sensor_reap(struct bh_sensor_worker *w, const struct bh_sensor_set *set);

/* Worker, once a turn: takes a set published, and sets the budget: bytes that may be scanned until the next turn
 * (UINT64_MAX: any). now_ns: monotonic, for thresholds. */
void bh_sensor_turn(struct bh_sensor_worker *w, uint64_t budget, uint64_t now_ns);
/* BH_SENSOR_CONTEXT_BITs that the newest set asks for; 0: nothing is to be inspected. */
uint64_t bh_sensor_worker_wants(const struct bh_sensor_worker *w);
/* Worker: the newest set, until the next bh_sensor_turn(). NULL: nothing is to be inspected. */
const struct bh_sensor_set *bh_sensor_worker_set(const struct bh_sensor_worker *w);

/* ---- a connection ----------------------------------------------------------------------------------- */

struct bh_sensor_open {
	uint16_t app;            /* enum bh_app */
	uint16_t port;           /* the server's, host order */
	uint64_t client, server; /* hashes of the addresses, for thresholds */
	void *user;              /* the caller's, in the connection */
};

/* One side; only this room looks inside. */
struct bh_sensor_progress {
	uint32_t n, cap;
	struct bh_sensor_entry *entry; /* of the pool, or NULL */
};
struct bh_sensor_side {
	struct bh_sensor_region *region[BH_SENSOR_CONTEXTS]; /* open ones */
	uint64_t open;                                       /* BH_SENSOR_CONTEXT_BIT */
	uint64_t blind;                    /* of these the rest is not looked at */
	uint64_t seen;                     /* contexts that this message had regions of */
	uint64_t lost;                     /* of these some bytes were not looked at */
	uint64_t message;                  /* its number */
	bool begun;                        /* it has begun */
	struct bh_sensor_progress part[2]; /* of the message; of the connection */
};

/* The caller's memory. */
struct bh_sensor_conn {
	struct bh_sensor_held
		*held; /* the set it uses, and what the worker has for it; NULL: none */
	void *user;
	uint64_t *bits; /* flowbits: of the pool, or NULL */
	uint64_t client, server;
	uint64_t born; /* newest set when it was opened, or went over */
	uint16_t app, port;
	uint8_t group; /* which databases */
	struct bh_sensor_side side[2];
};

/* Begin with the newest set (if there is none, feeding costs a test and does nothing). */
void bh_sensor_open(struct bh_sensor_worker *w, struct bh_sensor_conn *c,
		    const struct bh_sensor_open *how);
/* BH_SENSOR_CONTEXT_BITs that are worth feeding. */
uint64_t bh_sensor_wants(const struct bh_sensor_worker *w, const struct bh_sensor_conn *c);
/* The next bytes of a region (side 0: the client says it); last: the region ends with them (len may be 0). A region that
 * is still open when its message ends, ends there. Feeding a context again after its last begins another region of
 * that context in the same message: each cookie, each DNS question. BH_SENSOR_PACKET: all bytes of the side; last at the
 * side's end only. Hits are reported during the call. */
void bh_sensor_feed(struct bh_sensor_worker *w, struct bh_sensor_conn *c, unsigned side,
		    enum bh_sensor_context context, const uint8_t *data, size_t len, bool last);
/* A side's message has ended: open regions end (but `packet`), negated patterns are judged, the next one begins. */
void bh_sensor_message_end(struct bh_sensor_worker *w, struct bh_sensor_conn *c, unsigned side);
/* The connection has ended, however it did: messages and `packet` end, memory goes back. */
void bh_sensor_close(struct bh_sensor_worker *w, struct bh_sensor_conn *c);

#endif
