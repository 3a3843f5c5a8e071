/* flow_hot: what a stage does with the flow table for every packet, inlined. The table's layout is
 * here for that reason alone; nobody but lib/flow writes it. See flow.h. */
#ifndef BH_FLOW_HOT_H
#define BH_FLOW_HOT_H

#include "flow.h"

#define BH_FLOW_SLOTS 8
#define BH_FLOW_NONE UINT32_MAX /* no entry */

/* One line of the index. A slot with tag 0 is free. A slot is a guest when this is its key's second
 * bucket. `overflow` counts, by the low 4 bits of the tag, the keys whose first bucket this is and
 * which are guests elsewhere: 16 counters of 4 bits. */
struct bh_flow_bucket {
	uint16_t tag[BH_FLOW_SLOTS];
	uint32_t entry[BH_FLOW_SLOTS];
	uint64_t overflow;
	uint8_t guests; /* bit i: slot i is a guest */
	uint8_t spare[7];
} __attribute__((aligned(BH_CACHE_LINE)));
_Static_assert(sizeof(struct bh_flow_bucket) == 64, "8*2 + 8*4 + 8 + 1 + 7");

struct bh_flow_table {
	struct bh_hash_key hash_key; /* a line of its own */
	/* What a look-up reads; constant. */
	struct bh_flow_bucket *bucket;
	struct bh_flow *flow;
	uint32_t bucket_mask;
	uint32_t capacity;
	uint32_t timeout_ms[BH_STATE_COUNT];
	/* What changes with the flows. */
	uint32_t count;
	uint32_t top;       /* entries below it have been used at least once */
	uint32_t free_head; /* last entry freed, BH_FLOW_NONE: none; the next one is in its ext */
	uint32_t age_at;    /* entry that ageing looks at next */
	uint32_t hand;      /* entry that eviction looks at next */
	uint32_t barren;    /* entries the hand has passed since its last victim */
	uint64_t last_start_ns;
	bh_flow_end_fn on_end;
	void *on_end_arg;
	uint8_t worker;
} __attribute__((aligned(BH_CACHE_LINE)));

/* Bit (state * 2 + from the responder): a packet without new TCP flags changes nothing in this
 * state. The first packet of a TCP end always brings new flags. */
#define BH_FLOW_QUIET_FROM(state, responder) (1u << (BH_STATE_##state * 2 + (responder)))
#define BH_FLOW_QUIET_BOTH(state) (BH_FLOW_QUIET_FROM(state, 0) | BH_FLOW_QUIET_FROM(state, 1))
#define BH_FLOW_QUIET                                                                              \
	(BH_FLOW_QUIET_FROM(NEW, 0) | BH_FLOW_QUIET_BOTH(REPLIED) | BH_FLOW_QUIET_FROM(ICMP, 0) |  \
	 BH_FLOW_QUIET_BOTH(ESTABLISHED) | BH_FLOW_QUIET_BOTH(FIN_WAIT) |                          \
	 BH_FLOW_QUIET_BOTH(CLOSED) | BH_FLOW_QUIET_FROM(REFUSED, 0))

/* The rest of bh_flow_touch, for packets that may change more than counters. */
void bh_flow_advance(struct bh_flow *f, const struct bh_parsed *pkt);

/* bh_flow_hash */
static inline uint64_t
bh_flow_hash_hot(const struct bh_flow_table *t, const struct bh_flow_key *key)
{
	/* The key as words, in place: a copy through the stack costs as much as the hash. */
	return bh_hash48(&t->hash_key, (const uint64_t *)(const void *)key);
}

/* bh_flow_prefetch */
static inline void
bh_flow_prefetch_hot(const struct bh_flow_table *t, uint64_t hash)
{
	__builtin_prefetch(&t->bucket[hash & t->bucket_mask]);
}

/* bh_flow_touch */
static inline void
bh_flow_touch_hot(struct bh_flow *f, const struct bh_parsed *pkt, uint32_t now_ms)
{
	unsigned from = pkt->from & 1;
	unsigned responder = from ^ (f->flags & BH_FLAG_INITIATOR);
	unsigned quiet = BH_FLOW_QUIET >> (f->state * 2 + responder) & 1;

	f->bytes[from] += pkt->l3_len;
	f->packets[from] += f->packets[from] != UINT32_MAX;
	f->last_ms = now_ms;
	if (BH_UNLIKELY(quiet == 0 || (pkt->tcp_flags & ~f->tcp_seen[from]) != 0))
		bh_flow_advance(f, pkt);
}

#endif
