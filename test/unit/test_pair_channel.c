/* pair: what one end of the channel writes the other one reads, in any pieces, once, and in order. */
#include <errno.h>
#include <stdlib.h>

#include "../../lib/pair/channel.h"
#include "unit.h"

static void
greet(struct bh_pair_channel *a, struct bh_pair_channel *b)
{
	static const uint8_t base[BH_PAIR_KEY] = "a key";
	uint8_t nonce[BH_PAIR_NONCE] = {1}, greeting[BH_PAIR_GREETING];
	struct bh_pair_got got;

	bh_pair_channel_begin(a, true, base, nonce);
	nonce[0] = 2;
	bh_pair_channel_begin(b, false, base, nonce);
	bh_pair_channel_greet(a, greeting);
	CU_ASSERT_EQUAL(bh_pair_channel_read(b, greeting, sizeof(greeting), &got),
			BH_PAIR_GREETING);
	bh_pair_channel_greet(b, greeting);
	CU_ASSERT_EQUAL(bh_pair_channel_read(a, greeting, sizeof(greeting), &got),
			BH_PAIR_GREETING);
	CU_ASSERT_EQUAL(got.kind, BH_PAIR_FRAMES);
	CU_ASSERT_FALSE(a->proven);
}

static void
frames_arrive_whole_and_in_order(void)
{
	uint8_t payload[3000];
	struct bh_pair_channel a, b;
	struct bh_buf out = {0};
	struct bh_pair_got got;
	size_t at = 0, have = 0;
	unsigned i, seen = 0;
	int n;

	greet(&a, &b);
	for (i = 0; i < 50; i++) {
		memset(payload, (int)i, sizeof(payload));
		bh_pair_channel_write(&b, &out, BH_PAIR_RECORDS, payload, i * 60);
	}
	CU_ASSERT_FALSE_FATAL(out.failed);
	while (have < out.len) {
		have += 1 + have % 97;
		have = have < out.len ? have : out.len;
		while ((n = bh_pair_channel_read(&a, (const uint8_t *)out.data + at, have - at,
						 &got)) > 0) {
			CU_ASSERT_EQUAL(got.kind, BH_PAIR_RECORDS);
			CU_ASSERT_EQUAL(got.len, seen * 60);
			CU_ASSERT(got.len == 0 || got.payload[got.len - 1] == seen);
			at += (size_t)n;
			seen++;
		}
		CU_ASSERT_EQUAL_FATAL(n, 0);
	}
	CU_ASSERT_EQUAL(seen, 50);
	CU_ASSERT(a.proven);
	bh_buf_free(&out);
}

static void
no_frame_comes_twice_or_back_or_changed(void)
{
	struct bh_pair_channel a, b, again;
	struct bh_buf out = {0};
	struct bh_pair_got got;
	size_t i;

	greet(&a, &b);
	bh_pair_channel_write(&b, &out, BH_PAIR_RECORDS, "abc", 3);
	/* To whom wrote it. */
	CU_ASSERT_EQUAL(bh_pair_channel_read(&b, (const uint8_t *)out.data, out.len, &got),
			-EBADMSG);
	for (i = 0; i < 8 * out.len; i++) {
		again = a;
		out.data[i / 8] ^= (char)(1 << i % 8);
		CU_ASSERT(bh_pair_channel_read(&again, (const uint8_t *)out.data, out.len, &got) <=
			  0);
		CU_ASSERT_FALSE(again.proven);
		out.data[i / 8] ^= (char)(1 << i % 8);
	}
	CU_ASSERT_EQUAL(bh_pair_channel_read(&a, (const uint8_t *)out.data, out.len, &got),
			(int)out.len);
	CU_ASSERT_EQUAL(bh_pair_channel_read(&a, (const uint8_t *)out.data, out.len, &got),
			-EBADMSG);
	bh_buf_free(&out);
}

static void
a_greeting_that_comes_back_is_refused(void)
{
	static const uint8_t base[BH_PAIR_KEY] = "a key", nonce[BH_PAIR_NONCE] = {1};
	uint8_t greeting[BH_PAIR_GREETING];
	struct bh_pair_channel a;
	struct bh_pair_got got;

	bh_pair_channel_begin(&a, true, base, nonce);
	bh_pair_channel_greet(&a, greeting);
	CU_ASSERT_EQUAL(bh_pair_channel_read(&a, greeting, sizeof(greeting), &got), -EBADMSG);
	greeting[8]++;
	CU_ASSERT_EQUAL(bh_pair_channel_read(&a, greeting, 20, &got), 0);
	greeting[4]++;
	CU_ASSERT_EQUAL(bh_pair_channel_read(&a, greeting, sizeof(greeting), &got), -EBADMSG);
}

const struct bh_unit_test bh_suite_pair_channel[] = {
	BH_TEST(frames_arrive_whole_and_in_order),
	BH_TEST(no_frame_comes_twice_or_back_or_changed),
	BH_TEST(a_greeting_that_comes_back_is_refused),
	BH_TEST_END,
};
