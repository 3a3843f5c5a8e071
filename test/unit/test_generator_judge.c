/* Percentiles, order, and the search for a rate: against plain models. */
#include <stdlib.h>
#include <string.h>

#include "../../lib/generator/generator.h"
#include "unit.h"

#define VALUES 5000

static int
compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
percentiles_are_those_of_the_sorted_values(void)
{
	static const double share[] = {0.0001, 0.01, 0.5, 0.9, 0.99, 0.999, 1};
	static uint64_t v[VALUES];
	struct bh_gen_hist *h = calloc(1, sizeof(*h));
	struct bh_gen_rng r = {3};
	unsigned i, round;

	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	for (round = 1; round < 60; round++) {
		memset(h, 0, sizeof(*h));
		for (i = 0; i < VALUES; i++) {
			v[i] = bh_gen_random(&r) >> bh_gen_below(&r, round + 4);
			bh_gen_hist_add(h, v[i]);
		}
		qsort(v, VALUES, sizeof(*v), compare);
		for (i = 0; i < BH_ARRAY_SIZE(share); i++) {
			double rank = share[i] * VALUES;
			uint64_t want = v[rank <= 1 ? 0 : (unsigned)(rank + 0.999999) - 1];
			uint64_t got = bh_gen_hist_percentile(h, share[i]);

			CU_ASSERT(got >= want);
			CU_ASSERT(got - want <= want / 128);
		}
		CU_ASSERT_EQUAL(h->min, v[0]);
		CU_ASSERT_EQUAL(h->max, v[VALUES - 1]);
		CU_ASSERT_EQUAL(bh_gen_hist_percentile(h, 1), v[VALUES - 1]);
	}
	free(h);
}

static void
merged_histograms_are_one_of_all_values(void)
{
	struct bh_gen_hist *h = calloc(3, sizeof(*h));
	struct bh_gen_rng r = {4};
	unsigned i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	for (i = 0; i < VALUES; i++) {
		uint64_t v = bh_gen_random(&r) >> 30;

		bh_gen_hist_add(&h[i % 2], v);
		bh_gen_hist_add(&h[2], v);
	}
	bh_gen_hist_merge(&h[0], &h[1]);
	CU_ASSERT_EQUAL(memcmp(&h[0], &h[2], sizeof(*h)), 0);
	memset(&h[1], 0, sizeof(*h));
	bh_gen_hist_merge(&h[0], &h[1]);
	CU_ASSERT_EQUAL(memcmp(&h[0], &h[2], sizeof(*h)), 0);
	CU_ASSERT_EQUAL(bh_gen_hist_percentile(&h[1], 0.5), 0);
	free(h);
}

/* The model remembers every number. */
static void
order_is_judged_as_by_one_who_remembers_all(void)
{
	enum { N = 20000 };
	static unsigned char seen[N];
	struct bh_gen_track t = {0};
	struct bh_gen_rng r = {5};
	uint32_t next = 0;
	unsigned i, kinds[3] = {0};

	memset(seen, 0, sizeof(seen));
	for (i = 0; i < N / 2; i++) {
		/* Mostly forward, with gaps; sometimes back, inside the window and out of it. */
		uint32_t s = bh_gen_below(&r, 3) != 0 ? next + bh_gen_below(&r, 2)
						      : next - bh_gen_below(&r, 90);
		enum bh_gen_order want;

		if (s >= N || (int32_t)s < 0)
			continue;
		if (s >= next)
			want = BH_GEN_NEXT;
		else
			want = seen[s] || next - 1 - s >= 64 ? BH_GEN_REPEATED : BH_GEN_LATE;
		CU_ASSERT_EQUAL(bh_gen_track(&t, s), want);
		kinds[want]++;
		seen[s] = 1;
		next = s >= next ? s + 1 : next;
	}
	CU_ASSERT(kinds[0] > 1000 && kinds[1] > 100 && kinds[2] > 100);
}

static void
a_gap_as_large_as_the_window_forgets_it(void)
{
	struct bh_gen_track t = {0};

	CU_ASSERT_EQUAL(bh_gen_track(&t, 0), BH_GEN_NEXT);
	CU_ASSERT_EQUAL(bh_gen_track(&t, 64), BH_GEN_NEXT);
	CU_ASSERT_EQUAL(bh_gen_track(&t, 1), BH_GEN_LATE);
	CU_ASSERT_EQUAL(bh_gen_track(&t, 0), BH_GEN_REPEATED);
	CU_ASSERT_EQUAL(bh_gen_track(&t, 1), BH_GEN_REPEATED);
}

/* A device that loses above a rate. */
static void
the_search_finds_where_loss_begins(void)
{
	static const double limit[] = {1, 777, 50000, 123456, 999999, 1e6, 2e6};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(limit); i++) {
		struct bh_gen_search s;
		double rate;

		bh_gen_search_init(&s, 1e6, 0.01);
		while ((rate = bh_gen_search_next(&s)) > 0)
			bh_gen_search_result(&s, rate, rate, rate <= limit[i]);
		CU_ASSERT(s.best <= limit[i]);
		CU_ASSERT(s.best >= 0.98 * (limit[i] < 1e6 ? limit[i] : 1e6));
		CU_ASSERT(s.trials <= BH_GEN_SEARCH_TRIALS);
	}
}

static void
the_search_does_not_claim_what_was_not_offered(void)
{
	struct bh_gen_search s;
	double rate;

	bh_gen_search_init(&s, 1e6, 0.01);
	while ((rate = bh_gen_search_next(&s)) > 0)
		bh_gen_search_result(&s, rate, rate < 3e5 ? rate : 3e5, true);
	CU_ASSERT_DOUBLE_EQUAL(s.best, 3e5, 1);
}

static void
the_search_ends_where_nothing_passes(void)
{
	struct bh_gen_search s;
	double rate;

	bh_gen_search_init(&s, 1e6, 0.01);
	while ((rate = bh_gen_search_next(&s)) > 0)
		bh_gen_search_result(&s, rate, rate, false);
	CU_ASSERT_EQUAL(s.best, 0);
	CU_ASSERT(s.trials <= BH_GEN_SEARCH_TRIALS);
}

const struct bh_unit_test bh_suite_generator_judge[] = {
	BH_TEST(percentiles_are_those_of_the_sorted_values),
	BH_TEST(merged_histograms_are_one_of_all_values),
	BH_TEST(order_is_judged_as_by_one_who_remembers_all),
	BH_TEST(a_gap_as_large_as_the_window_forgets_it),
	BH_TEST(the_search_finds_where_loss_begins),
	BH_TEST(the_search_does_not_claim_what_was_not_offered),
	BH_TEST(the_search_ends_where_nothing_passes),
	BH_TEST_END,
};
