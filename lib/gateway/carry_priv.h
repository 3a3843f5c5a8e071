/* What carry.c and adopt.c, which tell of flows and take them over, share with the stages. */
#ifndef BH_GATEWAY_CARRY_PRIV_H
#define BH_GATEWAY_CARRY_PRIV_H

#include "carry.h"
#include "gateway_priv.h"

/* Records between one worker and control, one writer and one reader. Numbers only grow, and wrap. */
struct bh_carry_ring {
	struct bh_flow_record *record;
	uint32_t mask;
	_Atomic uint32_t head __rte_cache_aligned; /* writer; release / acquire */
	_Atomic uint32_t tail __rte_cache_aligned; /* reader; release / acquire */
};

/* Telling, of one worker. */
struct bh_carrier {
	struct bh_carry_ring ring; /* the worker writes */
	/* the worker's */
	uint32_t *changed; /* entries of the table that may say something new; a ring of `room` */
	uint32_t n_changed, first_changed, room;
	bool overrun; /* more changed than it holds */
	uint32_t per_turn;
	bool walking;
	bool whole; /* this walk is of all flows, not only of those that were heard since the last */
	uint32_t cursor;              /* the walk goes on here */
	uint32_t walk_ms;             /* how often; 0: when it is asked for */
	uint32_t walked_ms, since_ms; /* this walk began, and the one before it */
	uint32_t asked_seen;          /* of `asked`, when this walk began */
	/* shared: control asks for walks of all, the worker says how many it has ended */
	_Atomic uint32_t asked, done;
	/* control's */
	bool reached;      /* such a walk has ended, */
	uint32_t whole_at; /* and all of it has been handed out when the ring's tail is here */
	bool kept;
	_Atomic bool idle; /* kept, and no worker looks at it; release / acquire */
	size_t bytes;      /* of this, with all that belongs to it */
};

/* Taking over, of one worker. */
struct bh_adopt {
	struct bh_carry_ring ring; /* control writes */
	uint32_t per_turn;
	uint32_t grace_ms; /* without the right to forward, flows age so much later */
	size_t bytes;
};

/* carry.c: records and heads of params, or -EINVAL; memory that begins with a ring: `head` bytes, n records, `extra`. */
int bh_carry_check(const struct bh_carry_params *p, uint32_t *ring, uint32_t *per_turn);
void *bh_carry_map(size_t head, uint32_t n, size_t extra, struct bh_carry_ring **ring);

void bh_carry_destroy(struct bh_gateway *g); /* what is kept; no worker runs */

static inline uint32_t
bh_carry_ring_used(const struct bh_carry_ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_acquire) -
	       atomic_load_explicit(&r->tail, memory_order_acquire);
}

#endif
