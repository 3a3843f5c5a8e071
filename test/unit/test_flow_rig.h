/* What the flow tests share: random numbers, keys, tables, and whether a table is sound inside. */
#ifndef BH_TEST_FLOW_RIG_H
#define BH_TEST_FLOW_RIG_H

#include <stdlib.h>

#include "../../lib/flow/flow_priv.h"
#include "unit.h"

/* splitmix64 */
static inline uint64_t
rig_random(uint64_t *seed)
{
	uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static inline uint32_t
rig_below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(((rig_random(seed) >> 32) * n) >> 32);
}

/* Key number i: UDP over IPv4, a field after the other changes as i grows. */
static inline struct bh_flow_key
rig_key(uint32_t i)
{
	struct bh_flow_key key;

	memset(&key, 0, sizeof(key));
	key.addr[0].w[0] = 0x0100000a + (i >> 8);
	key.addr[1].w[0] = 0x0200000a;
	key.port[0] = (uint16_t)(1024 + (i & 0xff));
	key.port[1] = 53;
	key.proto = 17;
	key.family = BH_IP4;
	return key;
}

static inline struct bh_hash_key
rig_hash_key(uint64_t seed)
{
	struct bh_hash_key key;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(key.k); i++)
		key.k[i] = rig_random(&seed) | UINT64_C(0x8000000000000001);
	return key;
}

static inline struct bh_flow_table *
rig_table(uint32_t capacity, uint64_t seed, bh_flow_end_fn on_end, void *arg)
{
	struct bh_flow_table_params params;
	struct bh_flow_table *t = NULL;

	bh_flow_table_params_default(&params);
	params.capacity = capacity;
	params.hash_key = rig_hash_key(seed);
	params.on_end = on_end;
	params.on_end_arg = arg;
	CU_ASSERT_EQUAL_FATAL(bh_flow_table_create(&t, &params), 0);
	return t;
}

static inline struct bh_flow *
rig_insert(struct bh_flow_table *t, uint32_t i, uint32_t now_ms)
{
	struct bh_flow_key key = rig_key(i);

	return bh_flow_insert(t, &key, bh_flow_hash(t, &key), now_ms,
			      BH_NS_PER_SEC + (uint64_t)now_ms * BH_NS_PER_MS);
}

static inline struct bh_flow *
rig_find(struct bh_flow_table *t, uint32_t i)
{
	struct bh_flow_key key = rig_key(i);

	return bh_flow_lookup(t, &key, bh_flow_hash(t, &key));
}

/* Is each used entry in the index exactly once, in a bucket of its key, are guests marked,
 * overflows counted, and is every other entry below top in the free list? */
static inline bool
rig_is_sound(const struct bh_flow_table *t)
{
	uint32_t n_buckets = t->bucket_mask + 1, i, s, indexed = 0, used = 0, free_entries = 0;
	uint64_t *overflow = calloc(n_buckets, sizeof(*overflow));
	uint8_t *times = calloc(t->capacity, 1);
	bool ok = true;

	for (i = 0; i < n_buckets; i++) {
		const struct bh_flow_bucket *b = &t->bucket[i];

		for (s = 0; s < BH_FLOW_SLOTS; s++) {
			bool guest = (b->guests >> s & 1) != 0;
			uint32_t home;
			uint64_t hash;

			if (b->tag[s] == 0) {
				ok = ok && !guest;
				continue;
			}
			hash = bh_flow_hash(t, &t->flow[b->entry[s]].key);
			home = bh_flow_home(t, hash);
			ok = ok && b->tag[s] == bh_flow_tag(hash);
			ok = ok && i == (guest ? bh_flow_other(t, home, b->tag[s]) : home);
			if (guest)
				overflow[home] += bh_flow_overflow_one(b->tag[s]);
			times[b->entry[s]]++;
			indexed++;
		}
	}
	for (i = 0; i < n_buckets; i++)
		ok = ok && overflow[i] == t->bucket[i].overflow;
	for (i = 0; i < t->top; i++) {
		bool in_use = (t->flow[i].flags & BH_FLAG_USED) != 0;

		ok = ok && times[i] == in_use;
		used += in_use;
	}
	for (i = t->free_head; i != BH_FLOW_NONE && free_entries <= t->top; i = t->flow[i].ext)
		free_entries++;
	free(overflow);
	free(times);
	return ok && used == t->count && indexed == t->count && free_entries == t->top - used;
}

#endif
