/* The flow table: entries, look-up, ageing. The index is flow_index.c; who makes room is flow_evict.c. */
#include <errno.h>
#include <stdlib.h>

#include "flow_priv.h"

#define CAPACITY_MIN 64
#define CAPACITY_MAX (UINT32_C(1) << 27)
#define ID_TIME_BITS 55
/* How far ahead ageing asks for an entry: 16 take about as long as a line from memory does. */
#define AGE_AHEAD 16

/* ---- life ------------------------------------------------------------------------------------ */

static size_t
index_size(const struct bh_flow_table *t)
{
	return ((size_t)t->bucket_mask + 1) * sizeof(struct bh_flow_bucket);
}

static size_t
entries_size(const struct bh_flow_table *t)
{
	return (size_t)t->capacity * sizeof(struct bh_flow);
}

static size_t
over_size(const struct bh_flow_table *t)
{
	return ((size_t)t->over_mask + 1) * sizeof(*t->over);
}

static bool
params_are_valid(const struct bh_flow_table_params *params)
{
	unsigned i;

	for (i = 0; i < BH_STATE_COUNT; i++) {
		if (params->timeout_ms[i] > INT32_MAX)
			return false;
	}
	return params->capacity >= CAPACITY_MIN && params->capacity <= CAPACITY_MAX;
}

int
bh_flow_table_create(struct bh_flow_table **out, const struct bh_flow_table_params *params)
{
	struct bh_flow_table *t;

	if (!params_are_valid(params))
		return -EINVAL;
	t = aligned_alloc(BH_CACHE_LINE, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	memset(t, 0, sizeof(*t));
	t->hash_key = params->hash_key;
	t->capacity = params->capacity;
	t->bucket_mask = bh_flow_index_buckets(params->capacity) - 1;
	t->over_mask = (UINT32_C(1) << (31 - __builtin_clz(params->capacity))) - 1;
	t->free_head = BH_FLOW_NONE;
	memcpy(t->timeout_ms, params->timeout_ms, sizeof(t->timeout_ms));
	t->on_end = params->on_end;
	t->on_end_arg = params->on_end_arg;
	t->worker = params->worker;
	t->bucket = bh_mem_map(index_size(t), true, NULL);
	if (t->bucket == NULL)
		goto free_table;
	t->flow = bh_mem_map(entries_size(t), true, NULL);
	if (t->flow == NULL)
		goto unmap_index;
	t->over = bh_mem_map(over_size(t), true, NULL);
	if (t->over == NULL)
		goto unmap_entries;
	*out = t;
	return 0;

unmap_entries:
	bh_mem_unmap(t->flow, entries_size(t));
unmap_index:
	bh_mem_unmap(t->bucket, index_size(t));
free_table:
	free(t);
	return -ENOMEM;
}

void
bh_flow_table_destroy(struct bh_flow_table *t)
{
	if (t == NULL)
		return;
	bh_mem_unmap(t->over, over_size(t));
	bh_mem_unmap(t->flow, entries_size(t));
	bh_mem_unmap(t->bucket, index_size(t));
	free(t);
}

/* ---- look-up --------------------------------------------------------------------------------- */

uint64_t
bh_flow_hash(const struct bh_flow_table *t, const struct bh_flow_key *key)
{
	return bh_flow_hash_hot(t, key);
}

void
bh_flow_prefetch(const struct bh_flow_table *t, uint64_t hash)
{
	bh_flow_prefetch_hot(t, hash);
}

static struct bh_flow *
find_in(struct bh_flow_table *t, const struct bh_flow_bucket *b, uint16_t tag,
	const struct bh_flow_key *key)
{
	unsigned m = bh_flow_match(b, tag);

	for (; m != 0; m &= m - 1) {
		struct bh_flow *f = &t->flow[b->entry[__builtin_ctz(m)]];

		if (BH_LIKELY(bh_flow_has_key(f, key)))
			return f;
	}
	return NULL;
}

struct bh_flow *
bh_flow_lookup(struct bh_flow_table *t, const struct bh_flow_key *key, uint64_t hash)
{
	uint16_t tag = bh_flow_tag(hash);
	uint32_t home = bh_flow_home(t, hash);
	const struct bh_flow_bucket *b = &t->bucket[home];
	struct bh_flow *f = find_in(t, b, tag, key);

	if (f == NULL && BH_UNLIKELY(bh_flow_overflowed(b, tag)))
		f = find_in(t, &t->bucket[bh_flow_other(t, home, tag)], tag, key);
	return f;
}

void
bh_flow_lookup_bulk(struct bh_flow_table *t, const struct bh_flow_key *const keys[],
		    const uint64_t hash[], unsigned n, struct bh_flow *out[])
{
	uint64_t late = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		bh_flow_prefetch_hot(t, hash[i]);
	for (i = 0; i < n; i++) {
		out[i] = bh_flow_candidate_hot(t, hash[i]);
		late |= (uint64_t)(out[i] == NULL) << i;
	}
	for (; late != 0; late &= late - 1) {
		i = (unsigned)__builtin_ctzll(late);
		out[i] = bh_flow_late_hot(t, hash[i]);
	}
	for (i = 0; i < n; i++)
		out[i] = bh_flow_confirm_hot(t, out[i], keys[i], hash[i]);
}

/* ---- going ----------------------------------------------------------------------------------- */

void
bh_flow_remove(struct bh_flow_table *t, struct bh_flow *f, enum bh_flow_end why)
{
	uint32_t entry = (uint32_t)(f - t->flow);

	if (t->on_end != NULL)
		t->on_end(t->on_end_arg, f, why);
	bh_flow_index_del(t, bh_flow_hash_hot(t, &f->key), entry);
	f->flags = 0;
	f->ext = t->free_head;
	t->free_head = entry;
	t->count--;
}

uint32_t
bh_flow_age(struct bh_flow_table *t, uint32_t now_ms, uint32_t budget)
{
	uint32_t i = t->age_at, ended = 0;

	if (budget > t->top)
		budget = t->top;
	for (; budget > 0; budget--, i++) {
		struct bh_flow *f;

		if (i >= t->top)
			i = 0;
		f = &t->flow[i];
		/* Past the last entry at the end: an address, not a pointer. */
		__builtin_prefetch((void *)((uintptr_t)&f->start_ns + AGE_AHEAD * sizeof(*f)));
		if ((f->flags & BH_FLAG_USED) == 0 ||
		    bh_flow_idle_ms(f, now_ms) < (int32_t)t->timeout_ms[f->state])
			continue;
		bh_flow_remove(t, f,
			       f->state == BH_STATE_CLOSED ? BH_FLOW_END_CLOSED
							   : BH_FLOW_END_TIMEOUT);
		ended++;
	}
	t->age_at = i;
	bh_flow_over_forget(t);
	return ended;
}

void
bh_flow_end_all(struct bh_flow_table *t, enum bh_flow_end why)
{
	struct bh_flow *f;
	uint32_t cursor = 0;

	while ((f = bh_flow_next(t, &cursor, UINT32_MAX)) != NULL)
		bh_flow_remove(t, f, why);
}

/* ---- coming ---------------------------------------------------------------------------------- */

static uint32_t
take_entry(struct bh_flow_table *t)
{
	uint32_t entry = t->free_head;

	if (entry == BH_FLOW_NONE)
		return t->top < t->capacity ? t->top++ : BH_FLOW_NONE;
	t->free_head = t->flow[entry].ext;
	if (t->free_head != BH_FLOW_NONE)
		bh_flow_prefetch_entry(t, t->free_head);
	return entry;
}

/* A start time that no other flow of this table has, see bh_flow_id. */
static uint64_t
start_time(struct bh_flow_table *t, uint64_t wall_ns)
{
	if (wall_ns <= t->last_start_ns && t->last_start_ns - wall_ns < BH_NS_PER_SEC)
		wall_ns = t->last_start_ns + 1;
	t->last_start_ns = wall_ns;
	return wall_ns;
}

struct bh_flow *
bh_flow_insert(struct bh_flow_table *t, const struct bh_flow_key *key, uint64_t hash,
	       uint32_t now_ms, uint64_t wall_ns)
{
	struct bh_flow *f;
	uint32_t entry;

	if (BH_UNLIKELY(t->count == t->capacity)) {
		f = bh_flow_victim(t, hash, now_ms);
		if (f == NULL)
			return NULL;
		bh_flow_remove(t, f, BH_FLOW_END_EVICTED);
	}
	entry = take_entry(t);
	f = &t->flow[entry];
	if (BH_UNLIKELY(!bh_flow_index_add(t, hash, entry))) {
		f->flags = 0;
		f->ext = t->free_head;
		t->free_head = entry;
		return NULL;
	}
	f->key = *key; /* first: it may be this very entry's, from its last use */
	memset(&f->slot, 0, sizeof(*f) - offsetof(struct bh_flow, slot));
	f->start_ns = start_time(t, wall_ns);
	f->last_ms = now_ms;
	f->state = bh_flow_first_state(key->proto);
	f->flags = BH_FLAG_USED;
	t->count++;
	return f;
}

/* ---- what is there --------------------------------------------------------------------------- */

struct bh_flow *
bh_flow_next(struct bh_flow_table *t, uint32_t *cursor, uint32_t end)
{
	while (*cursor < t->top && *cursor < end) {
		struct bh_flow *f = &t->flow[(*cursor)++];

		if (f->flags & BH_FLAG_USED)
			return f;
	}
	return NULL;
}

uint32_t
bh_flow_number(const struct bh_flow_table *t, const struct bh_flow *f)
{
	return (uint32_t)(f - t->flow);
}

struct bh_flow *
bh_flow_at(const struct bh_flow_table *t, uint32_t number)
{
	struct bh_flow *f = &t->flow[number];

	return (f->flags & BH_FLAG_USED) != 0 ? f : NULL;
}

uint32_t
bh_flow_count(const struct bh_flow_table *t)
{
	return t->count;
}

uint32_t
bh_flow_capacity(const struct bh_flow_table *t)
{
	return t->capacity;
}

uint64_t
bh_flow_id(const struct bh_flow_table *t, const struct bh_flow *f)
{
	return (uint64_t)t->worker << ID_TIME_BITS |
	       (f->start_ns & ((UINT64_C(1) << ID_TIME_BITS) - 1));
}
