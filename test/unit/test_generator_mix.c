/* Sizes and flows come in the shares that were asked for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/generator/generator.h"
#include "unit.h"

static void
imix_has_7_4_1_in_every_dozen(void)
{
	struct bh_gen_frames f;
	unsigned k, i, n[3];

	CU_ASSERT_EQUAL_FATAL(bh_gen_frames_parse(&f, "imix", NULL), 0);
	CU_ASSERT_EQUAL(f.n, 1);
	for (k = 0; k < 5; k++) {
		memset(n, 0, sizeof(n));
		for (i = 0; i < 12; i++) {
			uint16_t size = bh_gen_mix_at(&f.mix[0], k * 12 + i);

			n[size == 64 ? 0 : size == 594 ? 1 : 2]++;
			CU_ASSERT(size == 64 || size == 594 || size == 1518);
		}
		CU_ASSERT_EQUAL(n[0], 7);
		CU_ASSERT_EQUAL(n[1], 4);
		CU_ASSERT_EQUAL(n[2], 1);
	}
	CU_ASSERT_DOUBLE_EQUAL(bh_gen_mix_mean(&f.mix[0]), (7 * 64 + 4 * 594 + 1518) / 12.0, 1e-9);
}

static void
sizes_of_a_mix_do_not_come_in_blocks(void)
{
	struct bh_gen_frames f;
	unsigned i, run = 0, longest = 0;

	CU_ASSERT_EQUAL_FATAL(bh_gen_frames_parse(&f, "64:100+128:100", NULL), 0);
	for (i = 1; i < 400; i++) {
		run = bh_gen_mix_at(&f.mix[0], i) == bh_gen_mix_at(&f.mix[0], i - 1) ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	CU_ASSERT(longest <= 1);
}

static void
rfc2544_is_its_seven_sizes(void)
{
	static const uint16_t want[] = {64, 128, 256, 512, 1024, 1280, 1518};
	struct bh_gen_frames f;
	unsigned i;

	CU_ASSERT_EQUAL_FATAL(bh_gen_frames_parse(&f, "rfc2544", NULL), 0);
	CU_ASSERT_EQUAL_FATAL(f.n, BH_ARRAY_SIZE(want));
	for (i = 0; i < f.n; i++)
		CU_ASSERT_EQUAL(bh_gen_mix_at(&f.mix[i], i), want[i]);
}

static void
frames_that_make_no_sense_are_refused_by_name(void)
{
	static const char *const bad[] = {"",       "63",  "9027",  "64:0",
					  "64:257", "64x", "64,,1", "64:200+128:57",
					  "64:7+",  "-64", "64:7:3"};
	struct bh_gen_frames f;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		struct bh_err err = {0};

		CU_ASSERT_EQUAL(bh_gen_frames_parse(&f, bad[i], &err), -22);
		CU_ASSERT(strncmp(err.what, "frames:", 7) == 0);
	}
}

/* Pearson's test against the exact probabilities: with 99 degrees of freedom, 1 draw in 1,000 of a right generator is
 * above 149. Seeds are fixed: no chance is left. */
static double
chi_square(struct bh_gen_pick *p, double s)
{
	enum { N = 100, DRAWS = 200000 };
	static unsigned seen[N];
	double sum = 0, chi = 0;
	unsigned i;

	memset(seen, 0, sizeof(seen));
	for (i = 0; i < DRAWS; i++)
		seen[bh_gen_pick(p)]++;
	for (i = 0; i < N; i++)
		sum += pow(i + 1, -s);
	for (i = 0; i < N; i++) {
		double want = DRAWS * pow(i + 1, -s) / sum;

		chi += (seen[i] - want) * (seen[i] - want) / want;
	}
	return chi;
}

static void
zipf_has_its_distribution(void)
{
	static const double exponent[] = {0.5, 1, 1.2, 2};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(exponent); i++) {
		struct bh_gen_zipf z = {0};
		struct bh_gen_pick p = {.pattern = BH_GEN_ZIPF, .n = 100, .rng.s = 7, .zipf = &z};

		CU_ASSERT_EQUAL_FATAL(bh_gen_zipf_init(&z, 100, exponent[i]), 0);
		CU_ASSERT(chi_square(&p, exponent[i]) < 149);
		bh_gen_zipf_free(&z);
	}
}

static void
uniform_has_its_distribution_and_zipf_another(void)
{
	struct bh_gen_pick p = {.pattern = BH_GEN_UNIFORM, .n = 100, .rng.s = 7};

	CU_ASSERT(chi_square(&p, 0) < 149);
	CU_ASSERT(chi_square(&p, 0.5) > 1000);
}

static void
zipf_of_one_rank_is_that_rank(void)
{
	struct bh_gen_zipf z = {0};
	struct bh_gen_pick p = {.pattern = BH_GEN_ZIPF, .n = 1, .rng.s = 7, .zipf = &z};
	unsigned i;

	CU_ASSERT_EQUAL_FATAL(bh_gen_zipf_init(&z, 1, 1), 0);
	for (i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(bh_gen_pick(&p), 0);
	bh_gen_zipf_free(&z);
}

static void
sequential_goes_round(void)
{
	struct bh_gen_pick p = {.pattern = BH_GEN_SEQUENTIAL, .n = 3};
	unsigned i;

	for (i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(bh_gen_pick(&p), i % 3);
}

const struct bh_unit_test bh_suite_generator_mix[] = {
	BH_TEST(imix_has_7_4_1_in_every_dozen),
	BH_TEST(sizes_of_a_mix_do_not_come_in_blocks),
	BH_TEST(rfc2544_is_its_seven_sizes),
	BH_TEST(frames_that_make_no_sense_are_refused_by_name),
	BH_TEST(zipf_has_its_distribution),
	BH_TEST(uniform_has_its_distribution_and_zipf_another),
	BH_TEST(zipf_of_one_rank_is_that_rank),
	BH_TEST(sequential_goes_round),
	BH_TEST_END,
};
