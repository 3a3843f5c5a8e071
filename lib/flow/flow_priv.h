/* flow_priv: the index of the flow table (flow_index.c) as flow_table.c and frag.c see it. */
#ifndef BH_FLOW_PRIV_H
#define BH_FLOW_PRIV_H

#include <emmintrin.h>

#include "flow_hot.h"

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

/* One key of a tag's class, in the place of its counter. */
static inline uint64_t
bh_flow_overflow_one(uint16_t tag)
{
	return UINT64_C(1) << (tag & 15) * 4;
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

/* Are these 48 bytes the same? */
static inline bool
bh_flow_key_equal(const struct bh_flow_key *a, const struct bh_flow_key *b)
{
	const __m128i *x = (const __m128i *)a, *y = (const __m128i *)b;
	__m128i d0 = _mm_xor_si128(_mm_loadu_si128(x), _mm_loadu_si128(y));
	__m128i d1 = _mm_xor_si128(_mm_loadu_si128(x + 1), _mm_loadu_si128(y + 1));
	__m128i d2 = _mm_xor_si128(_mm_loadu_si128(x + 2), _mm_loadu_si128(y + 2));
	__m128i any = _mm_or_si128(_mm_or_si128(d0, d1), d2);

	return _mm_movemask_epi8(_mm_cmpeq_epi8(any, _mm_setzero_si128())) == 0xffff;
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

/* May a flow in this state make room for another one? */
static inline bool
bh_flow_evictable(uint8_t state)
{
	const unsigned spared =
		1u << BH_STATE_ESTABLISHED | 1u << BH_STATE_REPLIED | 1u << BH_STATE_FIN_WAIT;

	return (spared >> state & 1) == 0;
}

#endif
