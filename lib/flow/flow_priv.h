/* flow_priv: the index of the flow table (flow_index.c) as flow_table.c and frag.c see it. */
#ifndef BH_FLOW_PRIV_H
#define BH_FLOW_PRIV_H

#include "flow_hot.h"

/* One key of a tag's class, in the place of its counter. */
static inline uint64_t
bh_flow_overflow_one(uint16_t tag)
{
	return UINT64_C(1) << (tag & 15) * 4;
}

/* Number of buckets for a capacity: a power of two with at most 3/4 of its slots in use. */
uint32_t bh_flow_index_buckets(uint32_t capacity);

/* Enter an entry under a hash. False when no sequence of moves within the search's bound frees a
 * slot (see test_flow_index.c for how rare that is): the index is unchanged. */
bool bh_flow_index_add(struct bh_flow_table *t, uint64_t hash, uint32_t entry);
/* Take it out; it is there. */
void bh_flow_index_del(struct bh_flow_table *t, uint64_t hash, uint32_t entry);

/* State of a flow of which no packet was counted yet. */
uint8_t bh_flow_first_state(uint8_t proto);

static inline void
bh_flow_prefetch_entry(const struct bh_flow_table *t, uint32_t entry)
{
	const struct bh_flow *f = &t->flow[entry];

	__builtin_prefetch(f);
	__builtin_prefetch(&f->start_ns);
}

static inline int32_t
bh_flow_idle_ms(const struct bh_flow *f, uint32_t now_ms)
{
	return (int32_t)(now_ms - f->last_ms);
}

/* flow_evict.c. Who makes room for a key of this hash in a table whose every entry is in use, or NULL. */
struct bh_flow *bh_flow_victim(struct bh_flow_table *t, uint64_t hash, uint32_t now_ms);
/* Drop from the front of `over` what is not over any more. */
void bh_flow_over_forget(struct bh_flow_table *t);

static inline bool
bh_flow_is_over(const struct bh_flow *f)
{
	return (f->flags & BH_FLAG_USED) != 0 &&
	       (f->state == BH_STATE_CLOSED || f->state == BH_STATE_REFUSED);
}

/* May a flow in this state make room for another one? */
static inline bool
bh_flow_evictable(uint8_t state)
{
	const unsigned spared =
		1u << BH_STATE_ESTABLISHED | 1u << BH_STATE_REPLIED | 1u << BH_STATE_FIN_WAIT;

	return (spared >> state & 1) == 0;
}

#endif
