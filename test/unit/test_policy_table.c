/* The endpoint table, its order and the address ranges, each against a plain list. */
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/policy_priv.h"
#include "unit.h"

#define SLOTS 200

static const struct bh_hash_key key = {{0x8123456789abcdef, 0x9e3779b97f4a7c15, 0xd1b54a32d192ed03,
					0xa0761d6478bd642f, 0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3,
					0x589965cc75374cc3, 0x1d8e4e27c47d124f}};

static struct bh_place place[SLOTS];
static struct bh_slot slot[SLOTS];
static bool in_use[SLOTS];

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

/* A small universe, so that prefixes nest and collide. */
static void
random_prefix(struct bh_prefix *p, bh_tenant *tenant)
{
	static const bh_tenant tenants[] = {0, 0, 5001, UINT64_C(12) << 52,
					    UINT64_C(12) << 52 | 5001};
	static const uint8_t v4_lens[] = {0, 8, 24, 28, 30, 31, 32, 32, 32},
			     v6_lens[] = {0, 63, 64, 65, 124, 127, 128, 128};

	*p = (struct bh_prefix){.family = rnd(2) != 0 ? 4 : 6};
	if (p->family == 4) {
		p->addr[0] = (uint8_t)(10 + rnd(2));
		p->addr[3] = (uint8_t)rnd(16);
		p->len = v4_lens[rnd(sizeof(v4_lens))];
	} else {
		p->addr[0] = 0x20;
		p->addr[7] = (uint8_t)rnd(2);
		p->addr[8] = (uint8_t)(rnd(2) << 7);
		p->addr[15] = (uint8_t)rnd(16);
		p->len = v6_lens[rnd(sizeof(v6_lens))];
	}
	bh_prefix_mask(p->addr, p->len);
	*tenant = tenants[rnd(BH_ARRAY_SIZE(tenants))];
}

/* The rule of policy.h, word for word: own tenant, else its VNI alone, else any; longest prefix. */
static uint32_t
resolve_by_list(const struct bh_prefix *host, bh_tenant tenant)
{
	bh_tenant ask[3] = {tenant, tenant & 0xffffff, 0};
	struct bh_prefix p;
	uint32_t best, i;
	unsigned k;

	for (k = 0; k < 3; k++) {
		for (i = 1, best = 0; i < SLOTS; i++) {
			bh_place_prefix(&place[i], &p);
			if (in_use[i] && place[i].tenant == ask[k] && bh_prefix_covers(&p, host) &&
			    (best == 0 || place[i].len > place[best].len))
				best = i;
		}
		if (best != 0)
			return best;
	}
	return 0;
}

static void
check_resolve(const struct bh_endpoints *t, unsigned times)
{
	unsigned wrong = 0, i;
	struct bh_prefix host;
	bh_tenant tenant;

	for (i = 0; i < times; i++) {
		random_prefix(&host, &tenant);
		host.len = host.family == 4 ? 32 : 128;
		if (rnd(4) == 0)
			tenant ^= UINT64_C(7) << 40;
		wrong += bh_table_resolve(t, host.addr, host.family, tenant) !=
			 resolve_by_list(&host, tenant);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static bool
collect(void *arg, uint32_t s)
{
	uint32_t **at = arg;

	*(*at)++ = s;
	return true;
}

static int
compare(const struct bh_place *a, const struct bh_place *b)
{
	struct bh_prefix x, y;
	int c;

	bh_place_prefix(a, &x);
	bh_place_prefix(b, &y);
	if (x.family != y.family)
		return x.family < y.family ? -1 : 1;
	c = memcmp(x.addr, y.addr, 16);
	if (c != 0)
		return c;
	if (x.len != y.len)
		return x.len < y.len ? -1 : 1;
	return a->tenant < b->tenant ? -1 : a->tenant > b->tenant;
}

static void
check_order(const struct bh_order *o)
{
	uint32_t all[SLOTS], part[SLOTS], *at = all, n = 0, i, first;
	unsigned wrong = 0;
	bool behind = rnd(2) != 0;

	bh_order_each(o, NULL, false, collect, &at);
	for (i = 1; i < SLOTS; i++)
		n += in_use[i];
	CU_ASSERT_EQUAL(at - all, n);
	for (i = 1; i < n; i++)
		wrong += compare(&place[all[i - 1]], &place[all[i]]) >= 0;
	CU_ASSERT_EQUAL(wrong, 0);
	if (n == 0)
		return;
	/* From the middle: what stands at it or behind it. */
	i = rnd(n);
	at = part;
	bh_order_each(o, &place[all[i]], behind, collect, &at);
	for (first = 0; first < n; first++) {
		struct bh_place p = place[all[first]], q = place[all[i]];

		p.tenant = q.tenant = 0;
		if (compare(&p, &q) >= (behind ? 1 : 0))
			break;
	}
	CU_ASSERT_EQUAL(at - part, n - first);
	CU_ASSERT_EQUAL(memcmp(part, all + first, (n - first) * sizeof(*all)), 0);
}

static void
table_and_order_are_a_list_under_random_changes(void)
{
	struct bh_order order = {.place = place, .slot = slot};
	struct bh_endpoints *t, *copy;
	struct bh_prefix p;
	struct bh_place q;
	bh_tenant tenant;
	unsigned round;
	uint32_t s;

	srand(11);
	CU_ASSERT_EQUAL_FATAL(bh_table_create(&t, &key, place, SLOTS), 0);
	for (round = 0; round < 20000; round++) {
		s = 1 + rnd(SLOTS - 1);
		if (in_use[s]) {
			bh_table_remove(t, s);
			bh_order_remove(&order, s);
			in_use[s] = false;
		} else {
			random_prefix(&p, &tenant);
			bh_place_set(&q, &p, tenant);
			if (bh_table_find(t, &q) != 0)
				continue;
			place[s] = q;
			bh_table_insert(t, s);
			bh_order_insert(&order, s);
			in_use[s] = true;
			CU_ASSERT_EQUAL(bh_table_find(t, &q), s);
		}
		if (round % 8 == 0)
			check_resolve(t, 4);
		if (round % 256 == 0)
			check_order(&order);
	}
	/* Vacated cells do not pile up: those at the end of a path are freed. */
	CU_ASSERT_FALSE(bh_table_crowded(t, 0));
	CU_ASSERT_EQUAL_FATAL(bh_table_create(&copy, &key, place, SLOTS), 0);
	bh_table_copy(copy, t, NULL);
	CU_ASSERT_EQUAL(copy->n_live, t->n_live);
	CU_ASSERT_EQUAL(copy->n_gone, 0);
	check_resolve(copy, 2000);
	bh_table_free(copy);
	bh_table_free(t);
}

/* What a new endpoint would take addresses from: the slot that they resolve to without it. */
static void
cover_is_what_an_address_resolves_to_without_it(void)
{
	struct bh_endpoints *t;
	struct bh_prefix p, host;
	bh_tenant tenant;
	unsigned round, wrong = 0;
	uint32_t s;

	srand(12);
	memset(in_use, 0, sizeof(in_use));
	CU_ASSERT_EQUAL_FATAL(bh_table_create(&t, &key, place, SLOTS), 0);
	for (s = 1; s < SLOTS; s++) {
		random_prefix(&p, &tenant);
		bh_place_set(&place[s], &p, tenant);
		if (bh_table_find(t, &place[s]) != 0)
			continue;
		bh_table_insert(t, s);
		in_use[s] = true;
	}
	for (round = 0; round < 5000; round++) {
		s = 1 + rnd(SLOTS - 1);
		bh_place_prefix(&place[s], &p);
		if (!in_use[s] || p.len != (p.family == 4 ? 32 : 128))
			continue;
		in_use[s] = false;
		host = p;
		wrong += bh_table_cover(t, &place[s]) != resolve_by_list(&host, place[s].tenant);
		in_use[s] = true;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	bh_table_free(t);
}

const struct bh_unit_test bh_suite_policy_table[] = {
	BH_TEST(table_and_order_are_a_list_under_random_changes),
	BH_TEST(cover_is_what_an_address_resolves_to_without_it), BH_TEST_END};
