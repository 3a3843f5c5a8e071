/* Endpoints by address: one hash over all prefix lengths and tenants, read by workers without locks while
 * the model changes it.
 *
 * A probe path is a run of cells that are not free. An insert fills the first free or vacated cell of the
 * path; a removal vacates its cell, or frees it when the next one is free, since then no path goes
 * on. So a key that stays is found at every moment, whatever is changed beside it. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

#define VNI_MASK UINT64_C(0xffffff)

static uint64_t
load_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static inline unsigned
tenant_kind(bh_tenant t)
{
	return t == 0 ? BH_TENANT_ANY : (t & ~VNI_MASK) == 0 ? BH_TENANT_VNI_ONLY : BH_TENANT_EXACT;
}

/* The tenant to ask for, of a kind, for a packet of tenant t; false when t has none of that kind. */
static inline bool
tenant_as(unsigned kind, bh_tenant t, bh_tenant *out)
{
	*out = kind == BH_TENANT_ANY ? 0 : kind == BH_TENANT_VNI_ONLY ? t & VNI_MASK : t;
	return kind == BH_TENANT_ANY || tenant_kind(*out) == kind;
}

static inline void
mask_place(struct bh_place *p, unsigned len)
{
	if (len < 64) {
		p->hi &= len == 0 ? 0 : ~UINT64_C(0) << (64 - len);
		p->lo = 0;
	} else if (len < 128) {
		p->lo &= len == 64 ? 0 : ~UINT64_C(0) << (128 - len);
	}
	p->len = (uint8_t)len;
}

void
bh_place_set(struct bh_place *p, const struct bh_prefix *prefix, bh_tenant tenant)
{
	*p = (struct bh_place){.hi = load_be64(prefix->addr),
			       .lo = load_be64(prefix->addr + 8),
			       .tenant = tenant,
			       .family = prefix->family,
			       .len = prefix->len};
}

void
bh_place_prefix(const struct bh_place *p, struct bh_prefix *out)
{
	uint64_t hi = __builtin_bswap64(p->hi), lo = __builtin_bswap64(p->lo);

	*out = (struct bh_prefix){.family = p->family, .len = p->len};
	memcpy(out->addr, &hi, 8);
	memcpy(out->addr + 8, &lo, 8);
}

static inline bool
same_place(const struct bh_place *a, const struct bh_place *b)
{
	return a->hi == b->hi && a->lo == b->lo && a->tenant == b->tenant && a->len == b->len &&
	       a->family == b->family;
}

/* An IPv4 address is the upper half of hi, and the rest is 0. */
static inline uint64_t
place_hash4(const struct bh_endpoints *t, uint64_t hi, bh_tenant tenant, unsigned len)
{
	return bh_hash24(&t->hash_key, hi | len, tenant, 0);
}

static inline uint64_t
place_hash(const struct bh_endpoints *t, const struct bh_place *p)
{
	uint64_t w[6] = {p->hi, p->lo, p->tenant, (uint64_t)p->family << 8 | p->len, 0, 0};

	if (p->family != BH_IP6)
		return place_hash4(t, p->hi, p->tenant, p->len);
	return bh_hash48(&t->hash_key, w);
}

static inline uint32_t
cell_slot(uint64_t cell)
{
	return (uint32_t)cell;
}

/* Index of the cell that holds p, or of the free one that ends its path. */
static inline uint32_t
find_cell(const struct bh_endpoints *t, const struct bh_place *p, uint64_t hash, uint64_t *value)
{
	uint32_t i = (uint32_t)hash & t->mask;

	for (;; i = (i + 1) & t->mask) {
		/* Acquire: the slot's place was written before its number. */
		uint64_t c = __atomic_load_n(&t->cell[i], __ATOMIC_ACQUIRE);

		*value = c;
		if (c == 0 || (c >> 32 == hash >> 32 && c != BH_CELL_GONE &&
			       same_place(&t->place[cell_slot(c)], p)))
			return i;
	}
}

uint32_t
bh_table_find(const struct bh_endpoints *t, const struct bh_place *p)
{
	uint64_t value;

	find_cell(t, p, place_hash(t, p), &value);
	return cell_slot(value);
}

/* Longest match among prefixes of at most max_len bits of one kind of tenant. p is scratch. */
static inline uint32_t
longest(const struct bh_endpoints *t, struct bh_place *p, unsigned kind, int max_len)
{
	const uint64_t *lens = t->lens[kind][p->family == BH_IP6];
	uint32_t slot;
	uint64_t bits;
	int word, len;

	for (word = max_len / 64; max_len >= 0 && word >= 0; word--) {
		/* Acquire: a length is marked before the first cell that has it. */
		bits = __atomic_load_n(&lens[word], __ATOMIC_ACQUIRE);
		if (word == max_len / 64 && max_len % 64 != 63)
			bits &= (UINT64_C(2) << max_len % 64) - 1;
		for (; bits != 0; bits &= ~(UINT64_C(1) << len % 64)) {
			len = word * 64 + 63 - __builtin_clzll(bits);
			mask_place(p, (unsigned)len);
			slot = bh_table_find(t, p);
			if (slot != 0)
				return slot;
		}
	}
	return 0;
}

static uint32_t
resolve_kinds(const struct bh_endpoints *t, const struct bh_place *p, unsigned kinds, int first_max)
{
	int host = p->family == BH_IP6 ? 128 : 32;
	struct bh_place probe;
	uint32_t slot;
	unsigned kind;

	for (kind = kinds; kind-- > 0; first_max = host) {
		probe = *p;
		if (!tenant_as(kind, p->tenant, &probe.tenant))
			continue;
		slot = longest(t, &probe, kind, first_max);
		if (slot != 0)
			return slot;
	}
	return 0;
}

static uint32_t
resolve_other(const struct bh_endpoints *t, const uint8_t addr[16], uint8_t family,
	      bh_tenant tenant)
{
	struct bh_place p = {.hi = load_be64(addr),
			     .lo = load_be64(addr + 8),
			     .tenant = tenant,
			     .family = family};

	return resolve_kinds(t, &p, BH_TENANT_KINDS, family == BH_IP6 ? 128 : 32);
}

/* The same as longest(), of an IPv4 address without tenant. */
static inline uint32_t
resolve4(const struct bh_endpoints *t, const uint8_t addr[16])
{
	uint64_t host = (uint64_t)bh_load_be32(addr) << 32, value;
	uint64_t bits = __atomic_load_n(&t->lens[BH_TENANT_ANY][0][0], __ATOMIC_ACQUIRE);
	struct bh_place p = {.family = BH_IP4};
	unsigned len;

	for (; bits != 0; bits ^= UINT64_C(1) << len) {
		len = 63 - (unsigned)__builtin_clzll(bits);
		p.hi = len != 0 ? host & ~UINT64_C(0) << (64 - len) : 0;
		p.len = (uint8_t)len;
		find_cell(t, &p, place_hash4(t, p.hi, 0, len), &value);
		if (cell_slot(value) != 0)
			return cell_slot(value);
	}
	return 0;
}

uint32_t
bh_table_resolve(const struct bh_endpoints *t, const uint8_t addr[16], uint8_t family,
		 bh_tenant tenant)
{
	if (BH_LIKELY(family == BH_IP4 && tenant == 0))
		return resolve4(t, addr);
	return resolve_other(t, addr, family, tenant);
}

uint32_t
bh_table_cover(const struct bh_endpoints *t, const struct bh_place *p)
{
	return resolve_kinds(t, p, tenant_kind(p->tenant) + 1, (int)p->len - 1);
}

/* ---- changes: the model only ------------------------------------------------------------------------ */

/* Readers that see any part of a change see that the version is odd, or another one. */
static void
begin_change(struct bh_endpoints *t)
{
	__atomic_store_n(&t->version, t->version + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void
end_change(struct bh_endpoints *t)
{
	__atomic_store_n(&t->version, t->version + 1, __ATOMIC_RELEASE);
}

static void
count_len(struct bh_endpoints *t, const struct bh_place *p, int by)
{
	unsigned kind = tenant_kind(p->tenant), v6 = p->family == BH_IP6;
	uint64_t *word = &t->lens[kind][v6][p->len / 64], bit = UINT64_C(1) << p->len % 64;
	uint32_t *n = &t->n_len[kind][v6][p->len];

	*n += (uint32_t)by;
	if (*n == 0)
		__atomic_store_n(word, *word & ~bit, __ATOMIC_RELEASE);
	else if ((*word & bit) == 0)
		__atomic_store_n(word, *word | bit, __ATOMIC_RELEASE);
}

void
bh_table_insert(struct bh_endpoints *t, uint32_t slot)
{
	const struct bh_place *p = &t->place[slot];
	uint64_t hash = place_hash(t, p);
	uint32_t i = (uint32_t)hash & t->mask;

	begin_change(t);
	count_len(t, p, 1);
	while (t->cell[i] != 0 && t->cell[i] != BH_CELL_GONE)
		i = (i + 1) & t->mask;
	if (t->cell[i] == BH_CELL_GONE)
		t->n_gone--;
	t->n_live++;
	__atomic_store_n(&t->cell[i], hash >> 32 << 32 | slot, __ATOMIC_RELEASE);
	end_change(t);
}

void
bh_table_remove(struct bh_endpoints *t, uint32_t slot)
{
	const struct bh_place *p = &t->place[slot];
	uint64_t value;
	uint32_t i = find_cell(t, p, place_hash(t, p), &value);

	begin_change(t);
	t->n_live--;
	t->n_gone++;
	__atomic_store_n(&t->cell[i], BH_CELL_GONE, __ATOMIC_RELEASE);
	if (t->cell[(i + 1) & t->mask] == 0) {
		for (; t->cell[i] == BH_CELL_GONE; i = (i - 1) & t->mask) {
			__atomic_store_n(&t->cell[i], 0, __ATOMIC_RELEASE);
			t->n_gone--;
		}
	}
	count_len(t, p, -1);
	end_change(t);
}

bool
bh_table_crowded(const struct bh_endpoints *t, uint32_t n)
{
	/* Above three quarters linear paths get long. */
	return ((uint64_t)t->n_live + t->n_gone + n) * 4 > ((uint64_t)t->mask + 1) * 3;
}

int
bh_table_create(struct bh_endpoints **out, const struct bh_hash_key *key,
		const struct bh_place *place, uint32_t n)
{
	struct bh_endpoints *t = calloc(1, sizeof(*t));
	uint64_t size = 64;

	while (size < 2 * (uint64_t)n)
		size *= 2;
	if (t == NULL)
		return -ENOMEM;
	t->cell = calloc(size, sizeof(*t->cell));
	if (t->cell == NULL) {
		free(t);
		return -ENOMEM;
	}
	t->mask = (uint32_t)(size - 1);
	t->hash_key = *key;
	t->place = place;
	*out = t;
	return 0;
}

void
bh_table_free(void *table)
{
	struct bh_endpoints *t = table;

	if (t == NULL)
		return;
	free(t->cell);
	free(t);
}

void
bh_table_copy(struct bh_endpoints *to, const struct bh_endpoints *from, const uint8_t *skip)
{
	uint64_t i;
	uint32_t slot;

	for (i = 0; i <= from->mask; i++) {
		slot = cell_slot(from->cell[i]);
		if (from->cell[i] != 0 && from->cell[i] != BH_CELL_GONE &&
		    (skip == NULL || !skip[slot]))
			bh_table_insert(to, slot);
	}
}
