/* The prefilter: what it leaves out changes no answer. Each input is asked with and without it, as it grows. */
#include <stdio.h>

#include "../../lib/proto/first.h"
#include "proto_samples.h"
#include "unit.h"

struct pair {
	struct bh_proto_state some, all;
	struct bh_proto_input in;
};

static unsigned differences;

/* What is ruled out among those on top of what is proven: what lies below is of no interest any more. */
static bh_app_set
ruled_out(const struct bh_proto_state *s)
{
	return ((bh_app_set)s->ruled_out[1] << 64 | s->ruled_out[0]) & bh_proto_on_top(s->app);
}

/* One state asked by the shared tables, one by asking every detector. */
static void
ask_both(struct pair *p)
{
	bool some = bh_proto_identify(&p->some, &p->in);
	bool all = bh_proto_identify_all(&p->all, &p->in);

	if (some == all && p->some.app == p->all.app && p->some.decided == p->all.decided &&
	    ruled_out(&p->some) == ruled_out(&p->all))
		return;
	if (differences++ < 10)
		printf("\ntransport %u, %u + %u bytes (%02x.., %02x..): %s, asking all %s",
		       p->in.transport, p->in.len[0], p->in.len[1],
		       p->in.len[0] != 0 ? p->in.data[0][0] : 0,
		       p->in.len[1] != 0 ? p->in.data[1][0] : 0, bh_app_name(p->some.app),
		       bh_app_name(p->all.app));
}

/* All of it at once, then a byte at a time: one side first, or in turns. */
static void
grow(const struct bh_proto_input *whole, unsigned order)
{
	struct pair p = {.in = *whole};
	uint32_t n[2] = {0, 0};

	ask_both(&p);
	p = (struct pair){.in = *whole};
	p.in.packets = 0;
	while (n[0] < whole->len[0] || n[1] < whole->len[1]) {
		unsigned side = order < 2 ? order : p.in.packets & 1;

		if (n[side] == whole->len[side])
			side = 1 - side;
		n[side]++;
		p.in.packets++;
		p.in.from = (uint8_t)side;
		p.in.len[0] = n[0];
		p.in.len[1] = n[1];
		p.in.ended[0] = whole->ended[0] && n[0] == whole->len[0];
		p.in.ended[1] = whole->ended[1] && n[1] == whole->len[1];
		ask_both(&p);
	}
}

static void
samples_get_the_same_answers(void)
{
	unsigned i, order, ended;

	differences = 0;
	for (i = 0; i < BH_ARRAY_SIZE(samples); i++) {
		for (order = 0; order < 3; order++) {
			for (ended = 0; ended < 4; ended++) {
				struct bh_proto_input in = input_of(&samples[i]);

				in.ended[0] = (ended & 1) != 0;
				in.ended[1] = (ended & 2) != 0;
				grow(&in, order);
			}
		}
	}
	CU_ASSERT_EQUAL(differences, 0);
}

/* Every first and fifth byte, of either side and of both. */
static void
every_first_and_fifth_byte_gets_the_same_answer(void)
{
	static const uint8_t lengths[] = {1, 4, 5, 24};
	uint8_t bytes[32] = {0};
	unsigned v, k;

	differences = 0;
	for (v = 0; v < 65536; v++) {
		bytes[0] = (uint8_t)v;
		bytes[4] = (uint8_t)(v >> 8);
		for (k = 0; k < 12; k++) {
			struct pair p = {.in = {.data = {bytes, bytes}, .packets = 3}};

			p.in.transport = k % 4 == 3 ? BH_OVER_UDP : BH_OVER_TCP;
			p.in.from = k % 4 == 1;
			p.in.len[k % 4 == 1] = lengths[k / 4 + (v & 1)];
			if (k % 4 == 2)
				p.in.len[1] = lengths[k / 4 + (v & 1)];
			ask_both(&p);
		}
	}
	CU_ASSERT_EQUAL(differences, 0);
}

static uint64_t
next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * 0x2545f4914f6cdd1du >> 16;
}

/* Sides of different samples put together, bytes changed, bytes lost. */
static void
damaged_and_mixed_samples_get_the_same_answers(void)
{
	uint64_t x = 20260101;
	unsigned round, i;

	differences = 0;
	for (round = 0; round < 6000; round++) {
		const struct sample *a = &samples[next(&x) % BH_ARRAY_SIZE(samples)];
		const struct sample *b = &samples[next(&x) % BH_ARRAY_SIZE(samples)];
		struct bh_proto_input in = input_of(a), other = input_of(b);
		uint8_t bytes[2][512];

		if ((next(&x) & 1) != 0) {
			in.data[1] = other.data[next(&x) & 1];
			in.len[1] = in.data[1] == other.data[0] ? other.len[0] : other.len[1];
		}
		for (i = 0; i < 2; i++) {
			in.len[i] = in.len[i] > 512 ? 512 : in.len[i];
			memcpy(bytes[i], in.data[i], in.len[i]);
			if (in.len[i] != 0 && next(&x) % 3 == 0)
				bytes[i][next(&x) % in.len[i]] = (uint8_t)next(&x);
			if (in.len[i] != 0 && next(&x) % 3 == 0)
				in.len[i] = (uint32_t)(next(&x) % in.len[i]);
			in.ended[i] = next(&x) % 4 == 0;
			in.data[i] = bytes[i];
		}
		if (next(&x) % 5 == 0)
			in.transport = BH_OVER_UDP;
		grow(&in, (unsigned)(next(&x) % 3));
	}
	CU_ASSERT_EQUAL(differences, 0);
}

/* A text request concerns few detectors, and of binary beginnings no more than a dozen. */
static void
few_detectors_are_asked(void)
{
	static const struct {
		const char *text;
		size_t len;
		unsigned most;
	} first[] = {
		{S("GET / HTTP/1.1\r\n"), 12},  {S("\x16\x03\x01\x02\x00\x01"), 8},
		{S("*1\r\n$4\r\nPING\r\n"), 8}, {S("\x00\x00\x00\x2d\x00\x00"), 14},
		{S("\xc5\x9d\x81\x33\x77"), 8},
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(first); i++) {
		struct bh_proto_input in = {.transport = BH_OVER_TCP, .packets = 1};
		bh_app_set ask;

		in.data[0] = (const uint8_t *)first[i].text;
		in.len[0] = (uint32_t)first[i].len;
		ask = bh_proto_first(&in).ask & bh_proto_on_top(0) & bh_proto_over(BH_OVER_TCP);
		CU_ASSERT((unsigned)(__builtin_popcountll((uint64_t)ask) +
				     __builtin_popcountll((uint64_t)(ask >> 64))) <= first[i].most);
	}
}

const struct bh_unit_test bh_suite_proto_first[] = {
	BH_TEST(samples_get_the_same_answers),
	BH_TEST(every_first_and_fifth_byte_gets_the_same_answer),
	BH_TEST(damaged_and_mixed_samples_get_the_same_answers),
	BH_TEST(few_detectors_are_asked),
	BH_TEST_END,
};
