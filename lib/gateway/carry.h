/* carry: a gateway's flows, told as they change (export), and taken over from another gateway (adoption). The form of a
 * record and what it is worth: lib/handover/handover.h.
 *
 * Usage     teller: bh_gateway_carry_start() on a gateway whose workers run, or will; then bh_gateway_carry_take()
 *           as often as there is room for what comes: every flow once (a walk over the tables), and each again
 *           whenever its state, verdict or application changes, and when it ends. bh_gateway_carry_walked() says when
 *           all have been told of. After workers have returned: bh_gateway_carry_finish() instead of take.
 *           listener: bh_gateway_adopt_start(), then bh_gateway_adopt() with records that bh_handover_read() handed back.
 * Threads   control, one thread each for telling and for listening. Workers write and read their ends of the rings.
 * Cost      off: one test of a pointer where a flow changes its state, none per packet. On: per change a word in
 *           the worker's list, and at most params.per_turn records copied (or adopted) at a turn's end.
 * Bounds    a full ring makes the worker wait with what it has to tell; a full list of changes makes it walk the table
 *           again (counted: again), so that nothing is missed for good. Records of flows that ended are left out in that case:
 *           the listener lets what it never hears of again age. GONE may come before the last record of the flow's life, never
 *           before its first.
 * Lifetime  rings are the gateway's, from start to stop or bh_gateway_destroy(); those of bh_gateway_carry_keep() to the latter.
 * Pair      where there is a twin (twin.h), flows are adopted by a worker that has no right to forward, and by no other. One
 *           that gets the right begins to forward once it has entered what its ring held. What has not got it makes
 *           no record of an adopted flow's end, and lets it age by four walk_ms later than its state says: it hears of
 *           its packets that late.
 */
#ifndef BH_GATEWAY_CARRY_H
#define BH_GATEWAY_CARRY_H

#include "../handover/handover.h"
#include "gateway.h"

struct bh_carry_params {
	uint32_t ring;     /* records of a worker that wait to be taken; a power of two; 0: 8,192 */
	uint32_t per_turn; /* records that a worker copies, or adopts, at a turn's end; 0: 64 */
	uint32_t
		walk_ms; /* walk the table again so often, for counters and idle times (a standby's ageing); 0: once.
			  * Adopting: the teller's */
};

/* Memory for one that starts and stops, again and again: taken now, used by each start, whose params are these then. 0, -EBUSY
 * (it is on, or was called before), -EINVAL, -ENOMEM. */
int bh_gateway_carry_keep(struct bh_gateway *g, const struct bh_carry_params *params);
/* 0, -EBUSY (it is on), -EINVAL, -ENOMEM; -EAGAIN: a worker may still look at memory that is kept; in a moment, after
 * bh_gateway_control(). Not from a packet path: takes memory where none is kept. */
int bh_gateway_carry_start(struct bh_gateway *g, const struct bh_carry_params *params);
/* Up to n records over all workers, oldest of each first. */
uint32_t bh_gateway_carry_take(struct bh_gateway *g, struct bh_flow_record *out, uint32_t n);
/* Every flow that there was at start has been handed out by take. */
bool bh_gateway_carry_walked(const struct bh_gateway *g);
/* Walk all tables from the start, e.g. for another listener. */
void bh_gateway_carry_again(struct bh_gateway *g);
/* Workers have returned: up to n of the records that are left; 0 when there are none. */
uint32_t bh_gateway_carry_finish(struct bh_gateway *g, struct bh_flow_record *out, uint32_t n);
/* Nothing is told any more; memory is given back once no worker looks at it. */
void bh_gateway_carry_stop(struct bh_gateway *g);

/* As carry_start, but -ENOTSUP: the device's hash says which of several workers gets a flow's packets. Its own params. */
int bh_gateway_adopt_start(struct bh_gateway *g, const struct bh_carry_params *params);
/* Hand n records to the workers that these flows belong to. Returns how many of the first ones were taken: fewer when a ring
 * is full; again in a moment. A record says more than one that came before it about the same flow (key and start); one
 * about a flow that this gateway has opened itself is left out. */
uint32_t bh_gateway_adopt(struct bh_gateway *g, const struct bh_flow_record *record, uint32_t n);
/* All that was handed over is in the tables, and what was to be forgotten is not. */
bool bh_gateway_adopted(const struct bh_gateway *g);
void bh_gateway_adopt_stop(struct bh_gateway *g);
/* Another gateway forwards: of flows that were known here until now it knows better. Workers that have no right to forward
 * end them all, without a record; what is handed over from here on comes after that. Only with a twin. Any thread. */
void bh_gateway_forget(struct bh_gateway *g);

struct bh_carry_counts {
	uint64_t told;    /* records handed out */
	uint64_t again;   /* walks because more changed than the list holds */
	uint64_t adopted; /* flows that came into the tables */
	uint64_t renewed; /* records about adopted ones */
	uint64_t ended;   /* adopted ones that were said to be gone */
	uint64_t own;     /* left out: this gateway knows the flow better */
	uint64_t full;    /* left out: no room in the table */
	uint64_t cut;     /* adopted ones that exceptions.handover ended */
};
/* Relaxed reads, any thread. */
void bh_gateway_carry_counts(const struct bh_gateway *g, struct bh_carry_counts *out);

#endif
