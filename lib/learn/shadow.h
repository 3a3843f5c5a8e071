/* shadow: a draft beside live traffic. Each connection that is open at a look or ends is judged by the draft, too, and where
 * that says otherwise than the gateway did, the difference is kept. Nothing is blocked, passed or reported for it.
 *
 * Usage     bh_shadow_create(), bh_shadow_events() with what bh_gateway_events gave; bh_shadow_start() a draft,
 *           bh_shadow_each() what it would have changed, bh_shadow_stop() or its time ends it.
 * Threads   any control threads, one mutex inside; never a packet core. While no draft is on, events cost one load.
 * Bounded   BH_SHADOW_MAX differences; what comes beyond is counted. The draft takes the memory of a policy while it is on.
 *
 * The draft has the endpoints of its own document and those of REST, which are brought up to date as they talk; modes
 * that were set are those of the start. An operation is not judged: where rules judge by operation, the draft allows.
 */
#ifndef BH_LEARN_SHADOW_H
#define BH_LEARN_SHADOW_H

#include "draft.h"

#define BH_SHADOW_MAX 4096 /* differences: who, to whom, service, application, from what to what */
#define BH_SHADOW_LONGEST_MS (UINT64_C(7) * 86400 * 1000)

struct bh_shadow;

struct bh_shadow_params {
	const char *name, *text; /* the draft */
	size_t len;
	struct bh_policy *p; /* in force; outlives the shadow */
	uint32_t max_endpoints;
	enum bh_mode mode; /* of who has none */
	uint64_t for_ms;   /* 1 .. BH_SHADOW_LONGEST_MS */
};

/* names outlive it. 0 or -ENOMEM. */
int bh_shadow_create(struct bh_shadow **out, const struct bh_event_names *names);
void bh_shadow_destroy(struct bh_shadow *s); /* NULL is fine */

/* In place of one that is on; what that found is forgotten. The learned rules in force stand beside the draft if it has none.
 * 0; -EINVAL (it does not load; err says where), -ENOMEM: the one before goes on. */
int bh_shadow_start(struct bh_shadow *s, const struct bh_shadow_params *params, struct bh_err *err);
/* What was found stays. false: none was on. */
bool bh_shadow_stop(struct bh_shadow *s);
/* n slots: FLOW counts, others are passed over. */
void bh_shadow_events(struct bh_shadow *s, const struct bh_event *e, unsigned n);

/* One look at all open flows, as bh_learn_look_*: begin, each flow once (65,536 of them count), end. */
void bh_shadow_look_begin(struct bh_shadow *s);
void bh_shadow_look_flow(struct bh_shadow *s, const struct bh_flow *f);
void bh_shadow_look_end(struct bh_shadow *s);

struct bh_shadow_state {
	bool on, started;  /* now; ever */
	uint64_t start_ns; /* wall clock */
	uint64_t until_ns; /* it ends, or ended, by then */
	uint64_t connections, changed;
	uint64_t
		unknown; /* connections of an application that is not proven, where the draft asks for it */
	uint64_t no_room; /* changed connections that found no room */
};

struct bh_shadow_difference {
	const char *from, *to;   /* segments, as the gateway judged */
	uint32_t service;        /* protocol << 16 | port, or type << 8 | code */
	const char *app;         /* "" = none proven */
	uint8_t before, after;   /* enum bh_verdict */
	const char *rule[2];     /* before, after; "" = none */
	uint64_t connections;    /* that ended */
	uint32_t open, open_now; /* at the last look; at the one that goes on */
	uint64_t first_ns, last_ns;
	/* The last one. */
	uint8_t family;
	uint8_t address[2][16]; /* client, server */
	bh_tenant tenant;
};
typedef bool (*bh_shadow_fn)(void *arg, const struct bh_shadow_difference *d);
/* The state, and each difference until fn returns false; locked meanwhile. fn may be NULL. */
void bh_shadow_each(struct bh_shadow *s, struct bh_shadow_state *state, bh_shadow_fn fn, void *arg);

#endif
