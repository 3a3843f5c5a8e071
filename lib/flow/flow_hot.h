/* flow_hot: what a stage does with the flow table for every packet, inlined. The table's layout is
 * here for that reason alone; nobody but lib/flow writes it. See flow.h. */
#ifndef BH_FLOW_HOT_H
#define BH_FLOW_HOT_H

#include <smmintrin.h>

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
	/* Numbers of entries whose flow said that it was over, from over_first on, of which there are no more than the ring
	 * holds: a newer one takes the oldest's place. An entry that was reused since is told by its state. */
	uint32_t *over;
	uint32_t over_mask;
	/* What changes with the flows. */
	uint32_t over_first, over_next;
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

/* bh_flow_over */
static inline void
bh_flow_over_hot(struct bh_flow_table *t, const struct bh_flow *f)
{
	t->over[t->over_next++ & t->over_mask] = (uint32_t)(f - t->flow);
	if (BH_UNLIKELY(t->over_next - t->over_first > t->over_mask + 1))
		t->over_first++;
}

/* The rest of bh_flow_touch, for packets of end `from` that may change more than counters. */
void bh_flow_advance(struct bh_flow *f, unsigned from, uint8_t tcp_flags);

/* bh_flow_hash of an IPv4 key: 24 bytes, and zeros. */
static inline uint64_t
bh_flow_hash_ip4(const struct bh_flow_table *t, const struct bh_flow_key *key)
{
	const uint64_t *word = (const uint64_t *)(const void *)key;

	return bh_hash24(&t->hash_key, word[0] | word[2] << 32, word[4], word[5]);
}

/* bh_flow_hash */
static inline uint64_t
bh_flow_hash_hot(const struct bh_flow_table *t, const struct bh_flow_key *key)
{
	if (BH_LIKELY(key->family == BH_IP4))
		return bh_flow_hash_ip4(t, key);
	/* The key as words, in place: a copy through the stack costs as much as the hash. */
	return bh_hash48(&t->hash_key, (const uint64_t *)(const void *)key);
}

/* bh_flow_prefetch */
static inline void
bh_flow_prefetch_hot(const struct bh_flow_table *t, uint64_t hash)
{
	__builtin_prefetch(&t->bucket[hash & t->bucket_mask]);
}

/* The parts of a hash: low bits choose the bucket, the top 16 are the tag. */
static inline uint16_t
bh_flow_tag(uint64_t hash)
{
	uint16_t tag = (uint16_t)(hash >> 48);

	return tag != 0 ? tag : 1;
}

static inline uint32_t
bh_flow_home(const struct bh_flow_table *t, uint64_t hash)
{
	return (uint32_t)hash & t->bucket_mask;
}

/* The other bucket of a slot in bucket b, its own inverse, from the tag alone: slots move without a
 * look at their entry. Odd, so that no bucket is its own other one; multiplied by 2^32/phi, so that
 * tags that differ in few bits lead far apart. */
static inline uint32_t
bh_flow_other(const struct bh_flow_table *t, uint32_t b, uint16_t tag)
{
	return b ^ ((tag * UINT32_C(0x9e3779b1) | 1) & t->bucket_mask);
}

/* Has a key of this tag's class gone from its first bucket to its second? */
static inline bool
bh_flow_overflowed(const struct bh_flow_bucket *b, uint16_t tag)
{
	return (b->overflow >> (tag & 15) * 4 & 15) != 0;
}

/* Bit i: slot i has this tag (0: is free). */
static inline unsigned
bh_flow_match(const struct bh_flow_bucket *b, uint16_t tag)
{
	__m128i eq = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)b->tag),
				     _mm_set1_epi16((short)tag));

	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(eq, _mm_setzero_si128()));
}

/* Is this the flow's key? Entries are aligned to their size, other keys need not be. */
static inline bool
bh_flow_has_key(const struct bh_flow *f, const struct bh_flow_key *key)
{
	const __m128i *x = (const __m128i *)&f->key, *y = (const __m128i *)key;
	__m128i d0 = _mm_xor_si128(_mm_load_si128(x), _mm_loadu_si128(y));
	__m128i d1 = _mm_xor_si128(_mm_load_si128(x + 1), _mm_loadu_si128(y + 1));
	__m128i d2 = _mm_xor_si128(_mm_load_si128(x + 2), _mm_loadu_si128(y + 2));
	__m128i any = _mm_or_si128(_mm_or_si128(d0, d1), d2);

	return _mm_testz_si128(any, any) != 0;
}

static inline struct bh_flow *
bh_flow_candidate_in(const struct bh_flow_table *t, const struct bh_flow_bucket *b, uint16_t tag)
{
	__m128i eq = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)b->tag),
				     _mm_set1_epi16((short)tag));
	unsigned m = (unsigned)_mm_movemask_epi8(eq); /* two bits a slot */
	struct bh_flow *f;

	if (BH_UNLIKELY(m == 0))
		return NULL;
	f = &t->flow[b->entry[(unsigned)__builtin_ctz(m) / 2]];
	__builtin_prefetch(f);
	__builtin_prefetch(&f->start_ns);
	return f;
}

/* A burst's look-up in passes, each over all of its keys. bh_flow_prefetch_hot: index lines.
 * bh_flow_candidate_hot: the first entry with the hash's tag, its lines on their way. For those that have none,
 * bh_flow_late_hot: the same in the second bucket, if any key has gone there. bh_flow_confirm_hot: the
 * flow, or NULL. */
static inline struct bh_flow *
bh_flow_candidate_hot(const struct bh_flow_table *t, uint64_t hash)
{
	uint32_t home = bh_flow_home(t, hash);
	const struct bh_flow_bucket *b = &t->bucket[home];
	uint16_t tag = bh_flow_tag(hash);
	struct bh_flow *f = bh_flow_candidate_in(t, b, tag);

	if (BH_UNLIKELY(f == NULL) && bh_flow_overflowed(b, tag))
		__builtin_prefetch(&t->bucket[bh_flow_other(t, home, tag)]);
	return f;
}

static inline struct bh_flow *
bh_flow_late_hot(const struct bh_flow_table *t, uint64_t hash)
{
	uint32_t home = bh_flow_home(t, hash);
	uint16_t tag = bh_flow_tag(hash);

	if (!bh_flow_overflowed(&t->bucket[home], tag))
		return NULL;
	return bh_flow_candidate_in(t, &t->bucket[bh_flow_other(t, home, tag)], tag);
}

/* A candidate whose key differs shares its tag by chance, one in 8,000 look-ups: then the whole search
 * is done, which also covers several slots with the same tag. */
static inline struct bh_flow *
bh_flow_confirm_hot(struct bh_flow_table *t, struct bh_flow *candidate,
		    const struct bh_flow_key *key, uint64_t hash)
{
	if (candidate == NULL || BH_LIKELY(bh_flow_has_key(candidate, key)))
		return candidate;
	return bh_flow_lookup(t, key, hash);
}

/* Would bh_flow_touch do no more than count this packet? */
static inline bool
bh_flow_is_quiet(const struct bh_flow *f, unsigned from, uint8_t tcp_flags)
{
	unsigned responder = from ^ (f->flags & BH_FLAG_INITIATOR), state = f->state;

	return (BH_FLOW_QUIET >> (state * 2 + responder) & 1) != 0 &&
	       (tcp_flags & ~f->tcp_seen[from]) == 0;
}

static inline void
bh_flow_count_hot(struct bh_flow *f, unsigned from, uint16_t l3_len, uint32_t now_ms)
{
	uint32_t n = f->packets[from] + 1;

	if (BH_LIKELY(n != 0)) /* saturates */
		f->packets[from] = n;
	f->bytes[from] += l3_len;
	f->last_ms = now_ms;
}

/* bh_flow_touch. True: more than counters may have changed. */
static inline bool
bh_flow_touch_hot(struct bh_flow *f, const struct bh_parsed *pkt, uint32_t now_ms)
{
	unsigned from = pkt->from & 1;

	bh_flow_count_hot(f, from, pkt->l3_len, now_ms);
	if (BH_LIKELY(bh_flow_is_quiet(f, from, pkt->tcp_flags)))
		return false;
	bh_flow_advance(f, from, pkt->tcp_flags);
	return true;
}

#endif
