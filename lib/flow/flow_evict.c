/* Who makes room in a full table: flows that are over, in the order in which they said so, and only then others. */
#include "flow_priv.h"

/* Entries an eviction looks at beyond its buckets; fewer after a whole turn of the hand without a
 * victim: a flood of new flows against a table of established ones costs an eighth. */
#define HAND_SPAN 64
#define HAND_SPAN_BARREN 8
/* Entries of `over` that an eviction looks at: most are what they said, the others were reused since. */
#define OVER_TRIES 16
/* How far ahead of an eviction the victim's lines are asked for, and, when they are there, its index line. */
#define OVER_LATER 8
#define OVER_SOON 4
/* Entries that a call of bh_flow_age looks at which may not be over any more. */
#define OVER_FORGET 64

void
bh_flow_over(struct bh_flow_table *t, const struct bh_flow *f)
{
	bh_flow_over_hot(t, f);
}

void
bh_flow_over_forget(struct bh_flow_table *t)
{
	unsigned i;

	for (i = 0; i < OVER_FORGET && t->over_first != t->over_next; i++, t->over_first++) {
		uint32_t at = t->over_first;

		bh_flow_prefetch_entry(t, t->over[(at + OVER_LATER) & t->over_mask]);
		if (bh_flow_is_over(&t->flow[t->over[at & t->over_mask]]))
			return;
	}
}

/* The longer idle of `best` (may be NULL) and f, if that may go at all. */
static struct bh_flow *
better_victim(struct bh_flow *best, struct bh_flow *f, uint32_t now_ms)
{
	if (!bh_flow_evictable(f->state))
		return best;
	return best == NULL || bh_flow_idle_ms(f, now_ms) > bh_flow_idle_ms(best, now_ms) ? f
											  : best;
}

static struct bh_flow *
victim_in_bucket(struct bh_flow_table *t, const struct bh_flow_bucket *b, struct bh_flow *best,
		 uint32_t now_ms)
{
	unsigned m = ~bh_flow_match(b, 0) & 0xff;

	for (; m != 0; m &= m - 1)
		best = better_victim(best, &t->flow[b->entry[__builtin_ctz(m)]], now_ms);
	return best;
}

static struct bh_flow *
victim_at_hand(struct bh_flow_table *t, uint32_t now_ms)
{
	uint32_t span = t->barren < t->capacity ? HAND_SPAN : HAND_SPAN_BARREN, i;
	struct bh_flow *best = NULL;

	for (i = 0; i < span; i++)
		__builtin_prefetch(&t->flow[(t->hand + i) % t->capacity].start_ns);
	for (i = 0; i < span; i++) {
		best = better_victim(best, &t->flow[t->hand], now_ms);
		t->hand = t->hand + 1 < t->capacity ? t->hand + 1 : 0;
	}
	if (best != NULL)
		t->barren = 0;
	else if (t->barren < t->capacity)
		t->barren += span;
	return best;
}

/* Of those that said they were over, the first that still is. */
static struct bh_flow *
victim_over(struct bh_flow_table *t)
{
	unsigned i;

	for (i = 0; i < OVER_TRIES && t->over_first != t->over_next; i++) {
		uint32_t at = t->over_first++;
		struct bh_flow *f = &t->flow[t->over[at & t->over_mask]];
		const struct bh_flow *soon = &t->flow[t->over[(at + OVER_SOON) & t->over_mask]];

		/* For the next ones. Behind the last one the ring holds old numbers: harmless. */
		bh_flow_prefetch_entry(t, t->over[(at + OVER_LATER) & t->over_mask]);
		bh_flow_prefetch_hot(t, bh_flow_hash_hot(t, &soon->key));
		if (bh_flow_is_over(f))
			return f;
	}
	return NULL;
}

struct bh_flow *
bh_flow_victim(struct bh_flow_table *t, uint64_t hash, uint32_t now_ms)
{
	uint32_t home = bh_flow_home(t, hash);
	const struct bh_flow_bucket *first = &t->bucket[home];
	const struct bh_flow_bucket *second = &t->bucket[bh_flow_other(t, home, bh_flow_tag(hash))];
	struct bh_flow *best = victim_over(t);
	unsigned i;

	if (BH_LIKELY(best != NULL))
		return best;
	for (i = 0; i < BH_FLOW_SLOTS; i++) {
		/* Of a free slot: some entry or other, harmless. */
		__builtin_prefetch(&t->flow[first->entry[i]].start_ns);
		__builtin_prefetch(&t->flow[second->entry[i]].start_ns);
	}
	best = victim_in_bucket(t, first, best, now_ms);
	best = victim_in_bucket(t, second, best, now_ms);
	return best != NULL ? best : victim_at_hand(t, now_ms);
}
