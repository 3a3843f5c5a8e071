/* Addresses and prefixes. */
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/conf/conf.h"
#include "unit.h"

static void
prefixes_read_back_as_written(void)
{
	static const char *const texts[] = {"10.0.0.0/8",    "0.0.0.0/0", "192.0.2.1",
					    "10.9.1.128/25", "::/0",      "2001:db8::/32",
					    "2001:db8::1",   "fe80::/10", "::ffff:10.0.0.1"};
	struct bh_prefix p;
	char out[64];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(texts); i++) {
		CU_ASSERT_EQUAL(bh_prefix_parse(texts[i], &p, NULL), 0);
		bh_prefix_format(&p, out, sizeof(out));
		CU_ASSERT_STRING_EQUAL(out, texts[i]);
	}
	CU_ASSERT_EQUAL(bh_prefix_parse("10.1.2.3/32", &p, NULL), 0);
	bh_prefix_format(&p, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "10.1.2.3");
}

static void
what_is_no_prefix_is_refused_with_the_right_one(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"10.9.1.5/24", "'10.9.1.5/24' has bits set behind its prefix: write 10.9.1.0/24 "
				"for the network, or 10.9.1.5 for the one address"},
		{"2001:db8::1/64", "'2001:db8::1/64' has bits set behind its prefix: write "
				   "2001:db8::/64 for the network, or 2001:db8::1 for the one "
				   "address"},
		{"10.0.0.0/33", "expected a prefix length from 0 to 32, found '33'"},
		{"::/129", "expected a prefix length from 0 to 128, found '129'"},
		{"10.0.0.0/", "expected a prefix length from 0 to 32, found ''"},
		{"10.0.0.0/8x", "expected a prefix length from 0 to 32, found '8x'"},
		{"10.0.0.0/-1", "expected a prefix length from 0 to 32, found '-1'"},
		{"10.0.0", "expected an address or prefix such as 10.0.0.0/8 or 2001:db8::1, found "
			   "'10.0.0'"},
		{"", "expected an address or prefix such as 10.0.0.0/8 or 2001:db8::1, found ''"},
		{"010.0.0.1", "expected an address or prefix such as 10.0.0.0/8 or 2001:db8::1, "
			      "found '010.0.0.1'"},
		{"fe80::1%eth0", "expected an address or prefix such as 10.0.0.0/8 or "
				 "2001:db8::1, found 'fe80::1%eth0'"},
		{"redis.shop", "expected an address or prefix such as 10.0.0.0/8 or 2001:db8::1, "
			       "found 'redis.shop'"},
	};
	struct bh_prefix p;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct bh_err err = {0};

		CU_ASSERT_NOT_EQUAL(bh_prefix_parse(cases[i].text, &p, &err), 0);
		CU_ASSERT_STRING_EQUAL(err.what, cases[i].want);
	}
}

static bool
bit(const uint8_t *addr, unsigned i)
{
	return addr[i / 8] >> (7 - i % 8) & 1;
}

static void
mask_keeps_exactly_the_first_bits(void)
{
	uint8_t before[16], after[16];
	unsigned round, i, len, wrong;
	bool lost;

	srand(3);
	for (round = 0; round < 2000; round++) {
		for (i = 0; i < 16; i++)
			before[i] = after[i] = (uint8_t)(rand() & rand());
		len = (unsigned)rand() % 129;
		for (i = len, lost = false; i < 128; i++)
			lost |= bit(before, i);
		CU_ASSERT_EQUAL(bh_prefix_mask(after, len), lost);
		for (i = wrong = 0; i < 128; i++)
			wrong += bit(after, i) != (i < len && bit(before, i));
		CU_ASSERT_EQUAL(wrong, 0);
	}
}

static void
prefix_covers_itself_and_longer_ones_inside(void)
{
	static const struct {
		const char *a, *b;
		bool want;
	} cases[] = {
		{"10.0.0.0/8", "10.9.1.0/24", true},    {"10.0.0.0/8", "10.0.0.0/8", true},
		{"10.9.1.0/24", "10.0.0.0/8", false},   {"10.0.0.0/8", "11.0.0.0/24", false},
		{"0.0.0.0/0", "1.2.3.4", true},         {"0.0.0.0/0", "::1", false},
		{"2001:db8::/32", "2001:db8::1", true}, {"10.9.1.4/30", "10.9.1.8", false},
	};
	struct bh_prefix a, b;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		bh_prefix_parse(cases[i].a, &a, NULL);
		bh_prefix_parse(cases[i].b, &b, NULL);
		CU_ASSERT_EQUAL(bh_prefix_covers(&a, &b), cases[i].want);
	}
}

const struct bh_unit_test bh_suite_conf_prefix[] = {
	BH_TEST(prefixes_read_back_as_written),
	BH_TEST(what_is_no_prefix_is_refused_with_the_right_one),
	BH_TEST(mask_keeps_exactly_the_first_bits),
	BH_TEST(prefix_covers_itself_and_longer_ones_inside), BH_TEST_END};
