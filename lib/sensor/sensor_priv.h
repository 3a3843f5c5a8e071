/* sensor_priv: what the files of this room share. */
#ifndef BH_SENSOR_PRIV_H
#define BH_SENSOR_PRIV_H

#include <hs.h>

#include "sensor.h"

/* model.c: zeroed memory that lives as long as the model; NULL: none left. */
void *bh_sensor_take(struct bh_sensor_model *m, size_t size);

/* ---- what a set is made of ----------------------------------------------------------------------- */

/* Who decides whether an expression matches. */
enum bh_sensor_how {
	BH_SENSOR_EXACT,     /* Hyperscan */
	BH_SENSOR_PREFILTER, /* PCRE2, where Hyperscan's wider reading of it matches */
	BH_SENSOR_TRIGGER,   /* PCRE2, where its longest literal is */
	BH_SENSOR_ALWAYS,    /* PCRE2, over every region */
};

/* What one Hyperscan expression says; rules that want the same share it. */
struct bh_sensor_expr {
	const char *text;    /* PCRE2's language, NUL-terminated */
	const char *trigger; /* expression of its longest literal, or NULL */
	const struct bh_sensor_pattern *from;
	const struct bh_sensor_rule *rule; /* the first that wants it: for errors */
	struct pcre2_real_code_8 *code;    /* NULL: exact */
	uint64_t min_end, max_end;         /* offsets its match may end at; 0: any */
	size_t trigger_len;                /* of the literal's bytes */
	uint32_t flags;                    /* HS_FLAG_* */
	uint32_t unit, n_units;            /* in the set's units */
	uint8_t context;
	uint8_t how; /* enum bh_sensor_how */
	bool trigger_nocase;
	bool plain; /* one literal: never refused */
	bool chain; /* made of several patterns */
};

/* One condition of a rule: an expression, or (expr NULL) a size. */
struct bh_sensor_unit {
	struct bh_sensor_expr *expr;
	uint32_t rule;
	uint32_t size_min, size_max;
	uint8_t bit; /* of the rule's masks */
	uint8_t context;
	bool negated;
};

#define BH_SENSOR_FIRED (UINT64_C(1) << 63)

struct bh_sensor_judged {
	struct bh_sensor_rule *rule;
	uint64_t need, ban; /* bits of its units: must have matched, must not */
	uint64_t flow;      /* those in `packet` */
	uint64_t contexts;  /* BH_SENSOR_CONTEXT_BIT of all */
	uint64_t banned;    /* of the negated ones */
	uint8_t sides;      /* bit 0: client, 1: server */
	uint8_t severity;
	bool of_flow;  /* all in `packet` */
	bool silent;   /* noalert */
	bool has_bits; /* flowbits */
};

/* A database of one context, for one group of applications. */
struct bh_sensor_db {
	hs_database_t *db; /* NULL: only sizes, or expressions that are always confirmed */
	size_t mapped;     /* bytes of memory of our own that it is in; 0: libhs's */
	hs_stream_t *blank;
	struct bh_sensor_expr **expr;    /* by Hyperscan's id */
	uint32_t *slot;                  /* of these: number among the confirmed */
	struct bh_sensor_expr **confirm; /* by slot */
	struct bh_sensor_unit **size;
	size_t stream_size;
	uint32_t n, n_confirm, n_always, n_size;
	uint8_t context;
};

#define BH_SENSOR_GROUPS 16
#define BH_SENSOR_NO_DB UINT16_MAX

struct bh_sensor_set {
	struct bh_sensor_model *model;
	struct bh_sensor_judged *rule;
	struct bh_sensor_unit *unit;
	struct bh_sensor_expr *expr;
	struct bh_sensor_db *db;
	uint32_t *negated; /* rules without a positive pattern */
	hs_scratch_t *scratch;
	uint32_t n_rules, n_units, n_exprs, n_dbs, n_negated, n_groups, n_bits;
	uint16_t group_app[BH_SENSOR_GROUPS]; /* [0]: those that no rule names */
	uint16_t db_of[BH_SENSOR_GROUPS][BH_SENSOR_CONTEXTS];
	uint64_t contexts[BH_SENSOR_GROUPS];
	struct bh_sensor_set_info info;
};

/* unit.c: the units of all rules, and of each the expression; sets set->unit, expr, rule. */
int bh_sensor_units(struct bh_sensor_set *set, struct bh_err *err);
/* expression.c: find out who decides an expression; it becomes less exact each time it is `refused`. -EINVAL: no
 * engine takes it. */
int bh_sensor_decide(struct bh_sensor_expr *e, bool refused, struct bh_err *err);
void bh_sensor_forget(struct bh_sensor_expr *e);
/* What Hyperscan gets for it, as decided. */
const char *bh_sensor_expr_text(const struct bh_sensor_expr *e);
unsigned bh_sensor_expr_flags(const struct bh_sensor_expr *e);
void bh_sensor_expr_ext(const struct bh_sensor_expr *e, struct hs_expr_ext *ext);
/* Say where a pattern is: fills err's place and "sensor '..', rule '..': ". -EINVAL. */
int bh_sensor_refuse(const struct bh_sensor_rule *r, const struct bh_sensor_pattern *p,
		     struct bh_err *err, const char *fmt, ...) BH_PRINTF(4, 5);
/* group.c: which databases there are, and what is in each. */
int bh_sensor_group(struct bh_sensor_set *set, struct bh_err *err);
unsigned bh_sensor_group_of(const struct bh_sensor_set *set, unsigned app);

/* cache.c: databases on disk. */
#define BH_SENSOR_KEY 32
struct bh_sensor_key {
	uint8_t byte[BH_SENSOR_KEY];
};
void bh_sensor_key(struct bh_sensor_key *out, const struct bh_sensor_db *db);
/* 0: loaded; -ENOENT: there is none; -EBADMSG: it is not what it should be. */
int bh_sensor_cache_load(const char *dir, const struct bh_sensor_key *key, hs_database_t **out);
/* Best effort. */
void bh_sensor_cache_store(const char *dir, const struct bh_sensor_key *key,
			   const hs_database_t *db);

/* ---- a worker -------------------------------------------------------------------------------------- */

/* pool.c: memory of a worker, never the heap's. Blocks begin at multiples of 64 bytes. */
struct bh_sensor_pool {
	uint8_t *memory;
	size_t size, used; /* used: cut off so far */
	size_t lent, peak; /* bytes in use, and the most there ever were */
	union bh_sensor_block *free[24];
};
int bh_sensor_pool_create(struct bh_sensor_pool *p, size_t size);
void bh_sensor_pool_destroy(struct bh_sensor_pool *p);
void *bh_sensor_pool_take(struct bh_sensor_pool *p, size_t size); /* NULL: none left */
void bh_sensor_pool_give(struct bh_sensor_pool *p, void *at);     /* NULL is fine */

/* A region that is being looked at. */
struct bh_sensor_region {
	hs_stream_t *stream;      /* NULL: its database has only sizes */
	uint64_t *pending, *done; /* by slot: to be confirmed; confirmed, or given up */
	uint64_t length;          /* bytes so far */
	uint64_t
		window_at; /* offset of window[0]; when not 0, window[0] is there to be looked back at only */
	const uint8_t *window; /* what PCRE2 sees; NULL when nothing is to be confirmed */
	uint32_t used, cap;    /* of the window; cap 0: it is the caller's */
	uint32_t next_try;     /* confirm early when so much is used */
	uint32_t words;        /* of pending and done each */
	bool any;              /* pending is not empty */
};

/* What a worker has for a set. Made and freed by control; in between the worker's, but for `live`. */
struct bh_sensor_held {
	struct bh_sensor_set *set;
	hs_scratch_t *scratch;
	struct bh_sensor_region **whole; /* by database: for regions that come in one piece */
	uint64_t live;                   /* connections; worker: release, control: acquire */
	uint64_t seq;
	uint8_t reload; /* enum bh_sensor_reload */
	bool in_use;
};

struct bh_sensor_entry {
	uint64_t mask, offset; /* units that matched; where the last did */
	uint32_t rule;         /* + 1; 0: free */
	uint8_t context;
};

struct bh_sensor_count {
	uint64_t key, since; /* ns */
	uint32_t n;
	bool told;
};

struct bh_sensor_worker {
	struct bh_sensor_held *current; /* newest; worker's */
	uint64_t current_seq;
	uint64_t budget, now_ns;
	uint64_t reset_seq, rescan_seq; /* connections with an older set than this go over */
	struct bh_sensor_worker_params params;
	struct bh_sensor_pool pool;
	struct bh_sensor_count *count;
	uint64_t count_mask;
	struct pcre2_real_match_data_8 *match;
	struct pcre2_real_match_context_8 *match_context;
	struct pcre2_real_jit_stack_8 *jit_stack;
	struct bh_sensor_counters c;

	/* Shared. next: control, release; worker, acquire. taken: worker, release; control, acquire. */
	struct bh_sensor_held *next __attribute__((aligned(BH_CACHE_LINE)));
	struct bh_sensor_held *taken;
	struct bh_sensor_held held[BH_SENSOR_SETS + 1]; /* [0]: nothing is inspected */
	uint64_t seq;                                   /* control's */
};

static inline void
bh_sensor_tick(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* One call of feed, or the end of a message or connection. */
struct bh_sensor_scan {
	struct bh_sensor_worker *w;
	struct bh_sensor_conn *c;
	const struct bh_sensor_set *set;
	const struct bh_sensor_db *db;
	struct bh_sensor_region *region;
	const uint8_t *data; /* for evidence: bytes, and the offset of the first in the region */
	size_t len;
	uint64_t base;
	unsigned side;
	uint8_t context;
	bool bits; /* a flowbit has changed */
};

/* judge.c: a unit matched, up to the offset `to` of its region. */
void bh_sensor_match(struct bh_sensor_scan *s, const struct bh_sensor_unit *u, uint64_t to);
/* Judge what can be at a message's end, and at the connection's. */
void bh_sensor_judge_message(struct bh_sensor_scan *s);
void bh_sensor_judge_flow(struct bh_sensor_scan *s);
/* Flowbits have changed: what waits for them may be complete. */
void bh_sensor_judge_again(struct bh_sensor_scan *s);
void bh_sensor_limit(struct bh_sensor_scan *s, enum bh_sensor_limit what);
/* threshold.c: is this hit one that is told? */
bool bh_sensor_threshold(struct bh_sensor_worker *w, const struct bh_sensor_conn *c,
			 const struct bh_sensor_rule *r, unsigned side);
/* confirm.c: ask PCRE2 for all that is pending. */
enum bh_sensor_when {
	BH_SENSOR_MORE_COMES, /* says yes only where no byte that follows could change that */
	BH_SENSOR_WINDOW_FULL,
	BH_SENSOR_AT_END,
};
void bh_sensor_confirm(struct bh_sensor_scan *s, enum bh_sensor_when when);
int bh_sensor_confirm_create(struct bh_sensor_worker *w);
void bh_sensor_confirm_destroy(struct bh_sensor_worker *w);
/* region.c: state of a region in memory of `bytes` (bh_sensor_region_bytes), begun. */
size_t bh_sensor_region_bytes(const struct bh_sensor_db *db);
struct bh_sensor_region *bh_sensor_region_begin(void *at, const struct bh_sensor_db *db);
void bh_sensor_region_again(struct bh_sensor_region *r, const struct bh_sensor_db *db);
/* feed.c: the connection's set is not the newest: go over to that, if it is to and can. */
void bh_sensor_move(struct bh_sensor_worker *w, struct bh_sensor_conn *c);

#endif
