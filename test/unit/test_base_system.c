/* Clock, time as text, big memory, the keyed hash. */
#include <sys/mman.h>
#include <time.h>

#include "../../lib/base/base.h"
#include "unit.h"

/* ---- time ----------------------------------------------------------------------------------------- */

static void
time_is_printed_as_eve_wants_it(void)
{
	char out[32];

	bh_time_format(0, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "1970-01-01T00:00:00.000000+0000");
	bh_time_format(UINT64_C(1767323045678901234), out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "2026-01-02T03:04:05.678901+0000");
	bh_time_format(UINT64_C(1709251199999999999), out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "2024-02-29T23:59:59.999999+0000");
	bh_time_format(UINT64_MAX, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "2554-07-21T23:34:33.709551+0000");
}

static void
system_clock_is_that_of_the_system(void)
{
	const struct bh_clock *c = &bh_clock_system;
	uint64_t a = c->mono_ns(c->arg), b = c->mono_ns(c->arg);
	uint64_t wall = c->wall_ns(c->arg), now = (uint64_t)time(NULL) * BH_NS_PER_SEC;

	CU_ASSERT_TRUE(b >= a);
	CU_ASSERT_TRUE(wall + 5 * BH_NS_PER_SEC > now && wall < now + 5 * BH_NS_PER_SEC);
}

/* ---- memory --------------------------------------------------------------------------------------- */

static void
big_memory_is_zeroed_aligned_and_writable(void)
{
	static const size_t sizes[] = {1,       4095,          4096,         4097, (1 << 20) - 1,
				       1 << 20, (2 << 20) + 1, (5 << 20) + 3};
	unsigned i, populate;

	for (i = 0; i < BH_ARRAY_SIZE(sizes); i++) {
		for (populate = 0; populate < 2; populate++) {
			enum bh_mem_backing backing = (enum bh_mem_backing)99;
			size_t at, n = sizes[i];
			uint8_t sum = 0, *p = bh_mem_map(n, populate, &backing);

			CU_ASSERT_PTR_NOT_NULL_FATAL(p);
			CU_ASSERT_EQUAL((uintptr_t)p % 4096, 0);
			CU_ASSERT_TRUE(backing <= BH_MEM_SMALL);
			if (n < 1 << 20)
				CU_ASSERT_EQUAL(backing, BH_MEM_SMALL);
			for (at = 0; at < n; at++)
				sum |= p[at];
			CU_ASSERT_EQUAL(sum, 0);
			memset(p, 0xff, n);
			bh_mem_unmap(p, n);
		}
	}
}

static void
memory_that_cannot_be_had_is_null(void)
{
	CU_ASSERT_PTR_NULL(bh_mem_map(0, false, NULL));
	CU_ASSERT_PTR_NULL(bh_mem_map(SIZE_MAX, false, NULL));
	CU_ASSERT_PTR_NULL(bh_mem_map(SIZE_MAX - 4096, false, NULL));
	CU_ASSERT_PTR_NULL(bh_mem_map(SIZE_MAX / 2, false, NULL));
	bh_mem_unmap(NULL, 5);
}

static void
unmapped_memory_is_given_back_to_its_last_page(void)
{
	static const size_t sizes[] = {1, 4097, (1 << 20) - 1, 1 << 20, (3 << 20) + 5};
	unsigned char in_core;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(sizes); i++) {
		uint8_t *p = bh_mem_map(sizes[i], true, NULL);
		uint8_t *last = p + (sizes[i] - 1) / 4096 * 4096;

		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		CU_ASSERT_EQUAL(mincore(p, 1, &in_core), 0);
		CU_ASSERT_EQUAL(mincore(last, 1, &in_core), 0);
		CU_ASSERT_EQUAL(in_core & 1, 1); /* populated */
		bh_mem_unmap(p, sizes[i]);
		CU_ASSERT_EQUAL(mincore(p, 1, &in_core), -1);
		CU_ASSERT_EQUAL(mincore(last, 1, &in_core), -1);
	}
}

/* ---- hash ----------------------------------------------------------------------------------------- */

static struct bh_hash_key
fixed_key(uint64_t n)
{
	struct bh_hash_key key;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(key.k); i++) {
		n = n * UINT64_C(6364136223846793005) + 1442695040888963407;
		key.k[i] = (n ^ n >> 29) | UINT64_C(0x8000000000000001);
	}
	return key;
}

static void
random_keys_differ_and_are_odd_and_large(void)
{
	struct bh_hash_key a, b;
	unsigned i;

	CU_ASSERT_EQUAL(bh_hash_key_random(&a), 0);
	CU_ASSERT_EQUAL(bh_hash_key_random(&b), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
	for (i = 0; i < BH_ARRAY_SIZE(a.k); i++) {
		CU_ASSERT_EQUAL(a.k[i] & 1, 1);
		CU_ASSERT_EQUAL(a.k[i] >> 63, 1);
	}
}

/* Each bit of the input changes each bit of the output about every other time. */
static void
every_input_bit_moves_half_of_the_hash(void)
{
	unsigned bit, round, low = 64, high = 0;

	for (bit = 0; bit < 384; bit++) {
		unsigned changed = 0;

		for (round = 0; round < 64; round++) {
			struct bh_hash_key key = fixed_key(round);
			uint64_t w[6] = {round, 2, 3, round * 77, 5, 6}, before;

			before = bh_hash48(&key, w);
			w[bit / 64] ^= UINT64_C(1) << bit % 64;
			changed += (unsigned)__builtin_popcountll(before ^ bh_hash48(&key, w));
		}
		low = changed / 64 < low ? changed / 64 : low;
		high = changed / 64 > high ? changed / 64 : high;
	}
	/* 4,096 trials at 1/2: 32 of 64 bits, standard deviation 0.5. */
	CU_ASSERT_TRUE(low >= 29);
	CU_ASSERT_TRUE(high <= 34);
}

/* The same of the hash of three words. */
static void
every_input_bit_moves_half_of_the_short_hash(void)
{
	unsigned bit, round, low = 64, high = 0;

	for (bit = 0; bit < 192; bit++) {
		unsigned changed = 0;

		for (round = 0; round < 64; round++) {
			struct bh_hash_key key = fixed_key(round);
			uint64_t w[3] = {round, 2, round * 77}, before;

			before = bh_hash24(&key, w[0], w[1], w[2]);
			w[bit / 64] ^= UINT64_C(1) << bit % 64;
			changed += (unsigned)__builtin_popcountll(
				before ^ bh_hash24(&key, w[0], w[1], w[2]));
		}
		low = changed / 64 < low ? changed / 64 : low;
		high = changed / 64 > high ? changed / 64 : high;
	}
	CU_ASSERT_TRUE(low >= 29);
	CU_ASSERT_TRUE(high <= 34);
}

/* Keys as flows make them: addresses and ports that count up. Poisson says how many of 2^16 buckets
 * stay empty: 65536 / e = 24,109, standard deviation 99. */
static void
spread_flows(bool brief)
{
	static uint8_t seen[65536];
	static const unsigned shifts[] = {0, 24, 48};
	unsigned i, s;

	for (s = 0; s < BH_ARRAY_SIZE(shifts); s++) {
		struct bh_hash_key key = fixed_key(1 + s);
		unsigned empty = 0;

		memset(seen, 0, sizeof(seen));
		for (i = 0; i < 65536; i++) {
			uint64_t w[6] = {
				0x0100000a + ((uint64_t)(i >> 8) << 24),   0, 0x0200000a, 0,
				UINT64_C(0x0000040600350000) + (i & 0xff), 0};
			uint64_t h = brief ? bh_hash24(&key, w[0] | w[2] << 32, w[4], w[5])
					   : bh_hash48(&key, w);

			seen[h >> shifts[s] & 0xffff] = 1;
		}
		for (i = 0; i < 65536; i++)
			empty += !seen[i];
		CU_ASSERT_TRUE(empty > 24109 - 600 && empty < 24109 + 600);
	}
}

static void
consecutive_flows_spread_evenly(void)
{
	spread_flows(false);
	spread_flows(true);
}

static void
hash_depends_on_the_key(void)
{
	struct bh_hash_key a = fixed_key(1), b = a;
	const uint64_t w[6] = {1, 2, 3, 4, 5, 6};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(a.k); i++) {
		b = a;
		b.k[i] ^= UINT64_C(1) << 40;
		CU_ASSERT_NOT_EQUAL(bh_hash48(&a, w), bh_hash48(&b, w));
		if (i != 5) /* bytes need seven of the eight words */
			CU_ASSERT_NOT_EQUAL(bh_hash_bytes(&a, "some name or other", 18),
					    bh_hash_bytes(&b, "some name or other", 18));
	}
}

static void
strings_of_any_length_hash_apart(void)
{
	struct bh_hash_key key = fixed_key(3);
	uint64_t seen[130];
	uint8_t bytes[64] = {0};
	unsigned i, j, n = 0;

	seen[n++] = bh_hash_bytes(&key, NULL, 0);
	for (i = 1; i <= 64; i++) /* zeros: only the length differs */
		seen[n++] = bh_hash_bytes(&key, bytes, i);
	for (i = 0; i < 64; i++) { /* one byte set */
		bytes[i] = 1;
		seen[n++] = bh_hash_bytes(&key, bytes, 64);
		bytes[i] = 0;
	}
	for (i = 0; i < n; i++) {
		for (j = 0; j < i; j++)
			CU_ASSERT_NOT_EQUAL(seen[i], seen[j]);
	}
	CU_ASSERT_EQUAL(bh_hash_bytes(&key, bytes, 33), bh_hash_bytes(&key, bytes + 1, 33));
}

const struct bh_unit_test bh_suite_base_system[] = {
	BH_TEST(time_is_printed_as_eve_wants_it),
	BH_TEST(system_clock_is_that_of_the_system),
	BH_TEST(big_memory_is_zeroed_aligned_and_writable),
	BH_TEST(memory_that_cannot_be_had_is_null),
	BH_TEST(unmapped_memory_is_given_back_to_its_last_page),
	BH_TEST(random_keys_differ_and_are_odd_and_large),
	BH_TEST(every_input_bit_moves_half_of_the_hash),
	BH_TEST(every_input_bit_moves_half_of_the_short_hash),
	BH_TEST(consecutive_flows_spread_evenly),
	BH_TEST(hash_depends_on_the_key),
	BH_TEST(strings_of_any_length_hash_apart),
	BH_TEST_END,
};
