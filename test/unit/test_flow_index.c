/* The index: it fills to the capacity, counts its overflows, spreads what is alike. */
#include "test_flow_rig.h"

/* A table of some capacity filled to it: how many insertions were refused? */
static uint32_t
fill(uint32_t capacity, uint64_t seed, bool *sound)
{
	struct bh_flow_table *t = rig_table(capacity, seed, NULL, NULL);
	uint32_t i, refused = 0, missing = 0;

	for (i = 0; i < capacity; i++)
		refused += rig_insert(t, i, 0) == NULL;
	for (i = 0; i < capacity; i++)
		missing += rig_find(t, i) == NULL;
	*sound = *sound && missing == refused && rig_is_sound(t);
	bh_flow_table_destroy(t);
	return refused;
}

static void
every_capacity_is_reached(void)
{
	uint64_t seed = 11;
	uint32_t i, refused = 0;
	bool sound = true;

	/* 3/4 of the slots in use is the most there is: 96, 192, ... */
	for (i = 0; i < 150; i++)
		refused += fill(96, seed + i, &sound) + fill(192, seed + i, &sound) +
			   fill(768, seed + i, &sound) + fill(6144, seed + i, &sound);
	for (i = 0; i < 300; i++)
		refused += fill(64 + rig_below(&seed, 4000), seed, &sound);
	refused += fill(3u << 18, seed, &sound);
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT_TRUE(sound);
}

/* How far from failing that is: the search still finds room when 19 of 20 slots are taken. */
static void
search_goes_far_beyond_the_capacity(void)
{
	struct bh_flow_table *t = rig_table(3 << 12, 12, NULL, NULL);
	uint32_t n_slots = (t->bucket_mask + 1) * BH_FLOW_SLOTS, n;
	uint64_t seed = 12;

	CU_ASSERT_EQUAL(n_slots * 3, bh_flow_capacity(t) * 4);
	for (n = 0; bh_flow_index_add(t, rig_random(&seed), n); n++)
		;
	CU_ASSERT(n > n_slots / 100 * 95);
	bh_flow_table_destroy(t);
}

static uint32_t
unclean_buckets(const struct bh_flow_table *t)
{
	uint32_t i, s, n = 0;

	for (i = 0; i <= t->bucket_mask; i++) {
		const struct bh_flow_bucket *b = &t->bucket[i];
		bool clean = b->overflow == 0 && b->guests == 0;

		for (s = 0; s < BH_FLOW_SLOTS; s++)
			clean = clean && b->tag[s] == 0;
		n += !clean;
	}
	return n;
}

static void
overflow_counts_do_not_leak(void)
{
	struct bh_flow_table *t = rig_table(768, 13, NULL, NULL);
	uint64_t seed = 13, overflows = 0;
	uint32_t round, i, unclean = 0;

	for (round = 0; round < 300; round++) {
		uint32_t base = round * 768;

		for (i = 0; i < 768; i++)
			rig_insert(t, base + i, 0);
		for (i = 0; i <= t->bucket_mask; i++)
			overflows += t->bucket[i].overflow != 0;
		/* Out in an order of its own, some in and out again on the way. */
		for (i = 0; i < 3000; i++) {
			uint32_t k = base + rig_below(&seed, 768);
			struct bh_flow *f = rig_find(t, k);

			if (f != NULL)
				bh_flow_remove(t, f, BH_FLOW_END_CLOSED);
			else if (i < 1500)
				rig_insert(t, k, 0);
		}
		bh_flow_end_all(t, BH_FLOW_END_SHUTDOWN);
		unclean += unclean_buckets(t);
	}
	CU_ASSERT(overflows > 300 * 5); /* there was something to leak */
	CU_ASSERT_EQUAL(unclean, 0);
	bh_flow_table_destroy(t);
}

/* Hashes of one bucket and one class of tags: more than its 4-bit counter can count. */
static void
overflow_counter_never_wraps(void)
{
	struct bh_flow_table *t = rig_table(6144, 14, NULL, NULL);
	uint64_t hash[64];
	bool in[64];
	uint32_t i, added = 0;

	for (i = 0; i < 64; i++) {
		hash[i] = (uint64_t)(i * 16 + 3) << 48 | 5;
		in[i] = bh_flow_index_add(t, hash[i], i);
		added += in[i];
	}
	CU_ASSERT_EQUAL(added, BH_FLOW_SLOTS + 15);
	CU_ASSERT_EQUAL(t->bucket[5].overflow, UINT64_C(15) << 12);
	for (i = 0; i < 64; i++) {
		if (in[i])
			bh_flow_index_del(t, hash[i], i);
	}
	CU_ASSERT_EQUAL(unclean_buckets(t), 0);
	bh_flow_table_destroy(t);
}

/* A full counter also keeps the search from moving another key of its class out of the bucket. */
static void
search_respects_full_counters(void)
{
	struct bh_flow_table *t = rig_table(6144, 20, NULL, NULL);
	const uint16_t tag = 4;
	const uint32_t home = 5, other = bh_flow_other(t, home, tag);
	uint32_t i, n = 0;

	for (i = 0; t->bucket[home].overflow != UINT64_C(15) << 12; i++)
		n += bh_flow_index_add(t, (uint64_t)(i * 16 + 3) << 48 | home, n);
	CU_ASSERT_EQUAL(n, BH_FLOW_SLOTS + 15);
	for (i = 0; bh_flow_match(&t->bucket[other], 0) != 0; i++)
		n += bh_flow_index_add(t, (uint64_t)(i * 16 + 7) << 48 | other, n);
	CU_ASSERT_TRUE(bh_flow_index_add(t, (uint64_t)tag << 48 | home, n));
	CU_ASSERT_EQUAL(t->bucket[home].overflow, UINT64_C(15) << 12 | UINT64_C(1) << 16);
	bh_flow_table_destroy(t);
}

struct slots {
	struct bh_flow_table *t;
	uint64_t hash[8192]; /* of entry i; 0: not in the index */
	uint32_t n;          /* in the index */
};

/* Is each hash in one of its buckets, and does each bucket count its keys that are elsewhere? */
static bool
slots_are_sound(const struct slots *s)
{
	uint64_t overflow[1024] = {0};
	uint32_t b, i, n = 0;
	bool ok = true;

	for (b = 0; b <= s->t->bucket_mask; b++) {
		const struct bh_flow_bucket *bucket = &s->t->bucket[b];

		for (i = 0; i < BH_FLOW_SLOTS; i++) {
			uint64_t hash = s->hash[bucket->entry[i]];
			bool guest = (bucket->guests >> i & 1) != 0;
			uint32_t home = bh_flow_home(s->t, hash);

			if (bucket->tag[i] == 0)
				continue;
			n++;
			ok = ok && bucket->tag[i] == bh_flow_tag(hash);
			ok = ok && b == (guest ? bh_flow_other(s->t, home, bucket->tag[i]) : home);
			if (guest)
				overflow[home] += bh_flow_overflow_one(bucket->tag[i]);
		}
	}
	for (b = 0; b <= s->t->bucket_mask; b++)
		ok = ok && overflow[b] == s->t->bucket[b].overflow;
	return ok && n == s->n;
}

/* Far beyond its load the index moves slots with most insertions: away from home and back. */
static void
moves_keep_the_index_sound(void)
{
	struct slots *s = calloc(1, sizeof(*s));
	uint64_t seed = 19;
	uint32_t step, unsound = 0, lost = 0;

	s->t = rig_table(6144, 19, NULL, NULL);
	CU_ASSERT_EQUAL(s->t->bucket_mask, 1023);
	for (step = 0; step < 200000; step++) {
		uint32_t i = rig_below(&seed, 8192);

		if (s->hash[i] != 0) {
			bh_flow_index_del(s->t, s->hash[i], i);
			s->hash[i] = 0;
			s->n--;
		}
		if (s->n < 8192 * 93 / 100) {
			s->hash[i] = rig_random(&seed);
			lost += !bh_flow_index_add(s->t, s->hash[i], i);
			s->n++;
		}
		if (step % 256 == 0)
			unsound += !slots_are_sound(s);
	}
	CU_ASSERT_EQUAL(lost, 0);
	CU_ASSERT_EQUAL(unsound, 0);
	for (step = 0; step < 8192; step++) {
		if (s->hash[step] != 0)
			bh_flow_index_del(s->t, s->hash[step], step);
	}
	CU_ASSERT_EQUAL(unclean_buckets(s->t), 0);
	bh_flow_table_destroy(s->t);
	free(s);
}

static void
full_pair_of_buckets_refuses_and_keeps_what_it_has(void)
{
	struct bh_flow_table *t = rig_table(768, 15, NULL, NULL);
	const uint64_t hash = UINT64_C(0xabcd) << 48 | 9;
	uint32_t i, other = bh_flow_other(t, 9, 0xabcd);
	struct bh_flow_key key = rig_key(0);

	for (i = 0; i < 2 * BH_FLOW_SLOTS; i++)
		CU_ASSERT_TRUE(bh_flow_index_add(t, hash, i));
	CU_ASSERT_FALSE(bh_flow_index_add(t, hash, i));
	CU_ASSERT_EQUAL(t->bucket[9].guests, 0);
	CU_ASSERT_EQUAL(t->bucket[other].guests, 0xff);
	/* The table treats it as full: nothing is lost, the entry is free again. */
	CU_ASSERT_PTR_NULL(bh_flow_insert(t, &key, hash, 0, 1));
	CU_ASSERT_EQUAL(bh_flow_count(t), 0);
	CU_ASSERT_EQUAL(t->free_head, 0);
	for (i = 0; i < 2 * BH_FLOW_SLOTS; i++)
		bh_flow_index_del(t, hash, i);
	CU_ASSERT_EQUAL(unclean_buckets(t), 0);
	CU_ASSERT_PTR_NOT_NULL(rig_insert(t, 1, 0));
	CU_ASSERT_TRUE(rig_is_sound(t));
	bh_flow_table_destroy(t);
}

static void
other_bucket_is_another_and_leads_back(void)
{
	const uint32_t capacity[] = {64, 1000, 3 << 16};
	uint64_t seed = 16;
	uint32_t c, i, wrong = 0;

	for (c = 0; c < BH_ARRAY_SIZE(capacity); c++) {
		struct bh_flow_table *t = rig_table(capacity[c], 16, NULL, NULL);

		for (i = 0; i < 100000; i++) {
			uint32_t b = (uint32_t)rig_random(&seed) & t->bucket_mask;
			uint16_t tag = bh_flow_tag(rig_random(&seed));
			uint32_t other = bh_flow_other(t, b, tag);

			wrong += other == b || other > t->bucket_mask ||
				 bh_flow_other(t, other, tag) != b;
		}
		bh_flow_table_destroy(t);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Chi-square over the buckets, per degree of freedom: about 1 for a random function. */
static double
chi_square(struct bh_flow_table *t, struct bh_flow_key (*key_of)(uint32_t), bool by_tag)
{
	const uint32_t n_bins = 4096, per_bin = 16;
	uint32_t *bin = calloc(n_bins, sizeof(*bin)), i;
	double sum = 0;

	for (i = 0; i < n_bins * per_bin; i++) {
		struct bh_flow_key key = key_of(i);
		uint64_t hash = bh_flow_hash(t, &key);

		bin[by_tag ? hash >> 52 : hash & (n_bins - 1)]++;
	}
	for (i = 0; i < n_bins; i++)
		sum += ((double)bin[i] - per_bin) * ((double)bin[i] - per_bin) / per_bin;
	free(bin);
	return sum / (n_bins - 1);
}

static struct bh_flow_key
port_scan(uint32_t i)
{
	struct bh_flow_key key = rig_key(0);

	key.port[1] = (uint16_t)i;
	return key;
}

static struct bh_flow_key
address_scan(uint32_t i)
{
	struct bh_flow_key key = rig_key(0);

	key.addr[1].w[0] = __builtin_bswap32(0x0a020000 + i);
	return key;
}

static struct bh_flow_key
v6_scan(uint32_t i)
{
	struct bh_flow_key key = rig_key(0);

	key.family = BH_IP6;
	key.addr[1].q[1] = __builtin_bswap64(i);
	return key;
}

static struct bh_flow_key
both_ends_scan(uint32_t i)
{
	struct bh_flow_key key = rig_key(0);

	key.addr[0].w[0] ^= (i & 0xff) << 24;
	key.addr[1].w[0] ^= (i >> 8) << 24;
	key.tenant = i >> 12;
	return key;
}

static void
keys_that_differ_little_spread_evenly(void)
{
	struct bh_flow_key (*const scan[])(uint32_t) = {rig_key, port_scan, address_scan, v6_scan,
							both_ends_scan};
	unsigned i, secret;

	for (secret = 0; secret < 20; secret++) {
		struct bh_flow_table *t = rig_table(64, 100 + secret, NULL, NULL);

		/* 4095 degrees of freedom: standard deviation 0.022 */
		for (i = 0; i < BH_ARRAY_SIZE(scan); i++) {
			CU_ASSERT(chi_square(t, scan[i], false) < 1.2);
			CU_ASSERT(chi_square(t, scan[i], true) < 1.2);
		}
		bh_flow_table_destroy(t);
	}
}

static void
another_secret_makes_another_order(void)
{
	struct bh_flow_table *a = rig_table(64, 17, NULL, NULL);
	struct bh_flow_table *b = rig_table(64, 18, NULL, NULL);
	uint32_t i, same = 0;

	for (i = 0; i < 4096; i++) {
		struct bh_flow_key key = rig_key(i);

		same += (bh_flow_hash(a, &key) & 63) == (bh_flow_hash(b, &key) & 63);
	}
	CU_ASSERT(same > 20 && same < 140); /* 64 expected */
	bh_flow_table_destroy(a);
	bh_flow_table_destroy(b);
}

const struct bh_unit_test bh_suite_flow_index[] = {
	BH_TEST(every_capacity_is_reached),
	BH_TEST(search_goes_far_beyond_the_capacity),
	BH_TEST(overflow_counts_do_not_leak),
	BH_TEST(overflow_counter_never_wraps),
	BH_TEST(search_respects_full_counters),
	BH_TEST(moves_keep_the_index_sound),
	BH_TEST(full_pair_of_buckets_refuses_and_keeps_what_it_has),
	BH_TEST(other_bucket_is_another_and_leads_back),
	BH_TEST(keys_that_differ_little_spread_evenly),
	BH_TEST(another_secret_makes_another_order),
	BH_TEST_END,
};
