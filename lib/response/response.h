/* response: what is done about events. Rules turn them into quarantines, blocks, cuts, captures, notes, or silence; an
 * operator does the same by hand. Each action ends by itself, can be undone, and stands in the audit log.
 *
 * Usage     bh_response_open() reads the rules and puts back in force what the store kept; bh_response_event() for each
 *           event of the workers, bh_response_tick() a few times a second, bh_response_add(), _end() for operators,
 *           bh_response_take_records() for the event file; bh_response_close().
 * Threads   any control threads: one mutex inside, held while the policy publishes and the store writes. No packet core.
 * Lifetime  params are copied; policy and store outlive it.
 *
 * Order. In force first, then on disk: an attack does not wait for a disk. What could not be kept holds all the same until
 * it ends or the gateway does; `stored` says so.
 *
 * No circles. Traffic that a restriction refuses makes events like any other, and none of them leads to an action; who is in
 * quarantine is not put there again; actions by rules have a rate (`limit`).
 */
#ifndef BH_RESPONSE_H
#define BH_RESPONSE_H

#include "../base/base.h"
#include "../event/event.h"
#include "../policy/policy.h"
#include "../policy/restriction.h"
#include "../store/store.h"

#define BH_RESPONSE_FOR_MIN_MS UINT64_C(1000)
#define BH_RESPONSE_FOR_MAX_MS (UINT64_C(30) * 86400 * 1000)
#define BH_RESPONSE_FOR_MS (UINT64_C(10) * 60 * 1000) /* unless somebody says otherwise */
#define BH_RESPONSE_WHY_MAX 512

struct bh_response;

struct bh_response_params {
	struct bh_policy *policy;
	struct bh_store *store; /* NULL: nothing survives a restart, and there is no audit log */
	const struct bh_clock *clock;     /* NULL: the system's */
	const char *rules;                /* file; "" or NULL: no rules */
	const char *(*app)(uint16_t app); /* name of an application, for records; may be NULL */
};

/* 0; -EINVAL: the rules are wrong, err says where; -ENOMEM; -errno of the store. */
int bh_response_open(struct bh_response **out, const struct bh_response_params *params,
		     struct bh_err *err);
void bh_response_close(struct bh_response *r); /* NULL is fine */
/* Read the rules again: all or nothing, and counting begins anew. 0, -EINVAL, -ENOMEM. */
int bh_response_reload(struct bh_response *r, struct bh_err *err);
/* Are these rules that would be read? 0 or -EINVAL with err set. */
int bh_response_check(const char *name, const char *text, size_t len, struct bh_err *err);

/* ---- events --------------------------------------------------------------------------------------- */

enum { BH_RESPONSE_SUPPRESS = 1, BH_RESPONSE_CAPTURE = 2 };
/* What rules say to an event, done when it returns. Bits of what is left to the caller: SUPPRESS: it is written nowhere;
 * CAPTURE: but its packets are kept. */
unsigned bh_response_event(struct bh_response *r, const struct bh_event *e);
/* End what is over. */
void bh_response_tick(struct bh_response *r);
/* Move the records (EVE JSON, whole lines) of what was done since the last call to the end of out. */
void bh_response_take_records(struct bh_response *r, struct bh_buf *out);

/* ---- by hand -------------------------------------------------------------------------------------- */

struct bh_response_order {
	struct bh_restriction what; /* id is given here */
	uint64_t for_ms;            /* 0: BH_RESPONSE_FOR_MS */
	const char *by, *why;
};
/* 0 with *id; -EINVAL; -EPERM: one of the never-list; -EEXIST: it is in quarantine already, as *id; -E2BIG, -ENOMEM. */
int bh_response_add(struct bh_response *r, const struct bh_response_order *o, uint64_t *id,
		    struct bh_err *err);
/* Undo one of this kind (0: any; BLOCK: or a cut). 0 or -ENOENT. */
int bh_response_end(struct bh_response *r, unsigned kind, uint64_t id, const char *by,
		    const char *why, struct bh_err *err);
/* The number of the quarantine of exactly this address or prefix, 0: none. */
uint64_t bh_response_find(struct bh_response *r, const struct bh_prefix *address, bh_tenant tenant);

/* One JSON object each, with commas between them, of a kind (0: all), numbers above `after`, at most max. Returns the number
 * to go on behind, 0 at the end. */
uint64_t bh_response_list(struct bh_response *r, unsigned kind, uint64_t after, size_t max,
			  struct bh_buf *out);
/* false: there is none. */
bool bh_response_get(struct bh_response *r, unsigned kind, uint64_t id, struct bh_buf *out);
/* Objects of all rules, with what they did. */
void bh_response_rules(struct bh_response *r, struct bh_buf *out);

#endif
