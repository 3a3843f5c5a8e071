/* response_priv: what the files of this room share.
 *
 *   response.c  actions in force: begin, end, expiry, restart
 *   spec.c      an action in words, for the store
 *   rules.c     the rules' file
 *   window.c    counting events in a window, in bounded memory
 *   decide.c    which rule an event meets, and what follows
 *   record.c    records and JSON
 */
#ifndef BH_RESPONSE_PRIV_H
#define BH_RESPONSE_PRIV_H

#include <pthread.h>

#include "../conf/conf.h"
#include "response.h"

#define BH_RESPONSE_RULES 256
#define BH_RESPONSE_NEVER 256
#define BH_RESPONSE_RULE_ACTIONS 6
#define BH_RESPONSE_CLASSES 16
#define BH_RESPONSE_COUNT_MAX 256
#define BH_RESPONSE_RECORDS_MAX                                                                    \
	(1u << 20) /* bytes that wait to be written; what comes then is counted */

/* ---- window.c ------------------------------------------------------------------------------------- */

/* Events counted by a key: does this one make `count` within `within_ns`? Exact; the latest `count` times of at most
 * `keys` keys are kept, and the key that was idle longest makes room. */
struct bh_window;
#define BH_WINDOW_KEY 48
int bh_window_create(struct bh_window **out, uint32_t count, uint64_t within_ns, uint32_t keys);
void bh_window_destroy(struct bh_window *w); /* NULL is fine */
/* True: it does; counting of this key begins anew. */
bool bh_window_hit(struct bh_window *w, const uint8_t key[BH_WINDOW_KEY], uint64_t time_ns);
uint64_t bh_window_evicted(const struct bh_window *w);

/* ---- rules.c -------------------------------------------------------------------------------------- */

enum bh_response_act {
	BH_ACT_QUARANTINE,
	BH_ACT_BLOCK,
	BH_ACT_CUT,
	BH_ACT_CAPTURE,
	BH_ACT_NOTIFY,
	BH_ACT_SUPPRESS,
	BH_ACTS
};
enum { BH_ON_VIOLATION = 1, BH_ON_SENSOR = 2, BH_ON_THREAT = 4 };
enum bh_response_per { BH_PER_SOURCE, BH_PER_TARGET, BH_PER_PAIR, BH_PER_ALL };
enum { BH_BLOCK_PORT, BH_BLOCK_APPLICATION, BH_BLOCK_ANY };

struct bh_rule_action {
	enum bh_response_act act;
	bool target;   /* QUARANTINE: the end that was asked, not the one that opened */
	bool segments; /* BLOCK: of segments, not of addresses */
	uint8_t what;  /* BLOCK_* */
	uint64_t for_ms;
	uint32_t n_paths;
	struct bh_restriction_path *path;
};

struct bh_response_rule {
	char id[BH_NAME_MAX];
	unsigned line;
	unsigned on;      /* BH_ON_* */
	unsigned modes;   /* bits of enum bh_mode in which it acts; elsewhere it reports */
	uint8_t severity; /* 1 high .. 3 low: so severe or more */
	uint8_t app;      /* enum bh_app, or BH_APP_UNKNOWN: any */
	bool proven;      /* only where the source is no forgery */
	unsigned n_classes;
	char class_[BH_RESPONSE_CLASSES][64];
	struct bh_restriction_end end[2]; /* from, to */
	uint32_t count;
	uint64_t within_ms;
	enum bh_response_per per;
	struct bh_window *window; /* NULL: each event */
	unsigned n_actions;
	struct bh_rule_action action[BH_RESPONSE_RULE_ACTIONS];
	uint64_t events, hits, acted, reported,
		left; /* met; counted up; done; only told; not done */
};

struct bh_response_rules {
	char file[256];
	uint32_t limit;              /* actions a minute */
	struct bh_rule_action asked; /* of events that ask for a quarantine by themselves */
	unsigned n_never;
	struct bh_restriction_end never[BH_RESPONSE_NEVER];
	unsigned n;
	struct bh_response_rule *rule;
};
/* Empty ones where text is NULL. */
int bh_response_rules_read(struct bh_response_rules **out, const char *name, const char *text,
			   size_t len, struct bh_err *err);
void bh_response_rules_free(struct bh_response_rules *r);
const char *bh_response_act_name(unsigned act);

/* ---- response.c ----------------------------------------------------------------------------------- */

struct bh_response_action {
	struct bh_restriction r; /* path: own memory */
	uint64_t since_ns, until_ns, until_mono_ns;
	char by[160], why[BH_RESPONSE_WHY_MAX], rule[BH_NAME_MAX];
	bool stored;
};

struct bh_response {
	struct bh_response_params p;
	char rules_file[256];
	pthread_mutex_t lock; /* all below */
	struct bh_response_rules *rules;
	struct bh_response_action **action; /* by number, ascending */
	size_t n_actions, room;
	struct bh_restriction *list; /* what is in force, as the policy is given it; room for all */
	uint64_t next_id;
	uint64_t tokens, tokens_ms; /* of rules' actions, in 1/60000 */
	struct bh_buf records;
	uint64_t records_lost;
};

/* Cuts are blocks, of one connection. */
static inline bool
bh_response_kind_fits(unsigned wanted, unsigned kind)
{
	return wanted == 0 || wanted == kind ||
	       (wanted == BH_RESTRICTION_BLOCK && kind == BH_RESTRICTION_CUT);
}

/* With the lock held. */
int bh_response_begin(struct bh_response *r, const struct bh_response_order *o, const char *rule,
		      uint64_t *id, struct bh_err *err);
bool bh_response_is_never(struct bh_response *r, const struct bh_prefix *address, bh_tenant tenant,
			  const char **which);
struct bh_response_action *bh_response_quarantine_of(struct bh_response *r,
						     const struct bh_prefix *address,
						     bh_tenant tenant);

/* ---- spec.c --------------------------------------------------------------------------------------- */

void bh_response_spec_write(const struct bh_restriction *r, struct bh_buf *out);
/* Path of out is allocated. 0, -EINVAL, -ENOMEM. */
int bh_response_spec_read(const char *text, struct bh_restriction *out);

/* ---- record.c: with the lock held ------------------------------------------------------------------ */

struct bh_response_note {
	const char *action, *result;        /* "quarantine", "done" */
	const struct bh_response_action *a; /* NULL: nothing is in force */
	const struct bh_event *cause;       /* or NULL */
	const char *rule, *by, *why, *target;
};
void bh_response_record(struct bh_response *r, const struct bh_response_note *n);
void bh_response_action_json(const struct bh_response *r, const struct bh_response_action *a,
			     struct bh_buf *out);
/* Key of what was found, "" where it has none. */
void bh_response_class_of(const struct bh_event *e, uint8_t field, char *out, size_t size);
/* "QUARANTINE ..." in a few words, for the audit log. */
void bh_response_object(const struct bh_restriction *r, char *out, size_t size);

#endif
