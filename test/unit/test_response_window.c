/* Counting in a window: like a plain list of all events, in memory of a fixed size. */
#include <stdlib.h>

#include "../../lib/response/response_priv.h"
#include "unit.h"

#define KEYS 40
#define EVENTS 30000

static void
key_of(uint8_t key[BH_WINDOW_KEY], unsigned n)
{
	memset(key, 0, BH_WINDOW_KEY);
	memcpy(key, &n, sizeof(n));
}

/* All events since the last time that its key was full: does this one make it `count` within the window? */
static void
windows_are_counted_as_a_plain_list_counts_them(void)
{
	static uint64_t when[EVENTS];
	static unsigned whose[EVENTS];
	static size_t since[KEYS];
	const uint32_t counts[] = {2, 3, 7, 256};
	const uint64_t within = 1000;
	struct bh_window *w;
	uint8_t key[BH_WINDOW_KEY];
	uint64_t now = 5000;
	unsigned c, fired = 0;
	size_t i, k, n;

	srand(4711);
	for (c = 0; c < BH_ARRAY_SIZE(counts); c++) {
		memset(since, 0, sizeof(since));
		CU_ASSERT_EQUAL_FATAL(bh_window_create(&w, counts[c], within, KEYS), 0);
		for (i = 0; i < EVENTS; i++) {
			bool hit;

			now += (unsigned)rand() % (c == 3 ? 3 : 60);
			when[i] = now;
			whose[i] = (unsigned)rand() % (c == 3 ? 2 : KEYS);
			for (k = since[whose[i]], n = 0; k <= i; k++)
				n += whose[k] == whose[i] && now - when[k] <= within;
			key_of(key, whose[i]);
			hit = bh_window_hit(w, key, now);
			CU_ASSERT_EQUAL(hit, n >= counts[c]);
			if (hit) {
				since[whose[i]] = i + 1;
				fired++;
			}
		}
		CU_ASSERT_EQUAL(bh_window_evicted(w), 0);
		bh_window_destroy(w);
	}
	CU_ASSERT_TRUE(fired > 1000);
}

static void
key_that_was_idle_longest_makes_room(void)
{
	uint8_t key[BH_WINDOW_KEY];
	struct bh_window *w;
	unsigned i;

	CU_ASSERT_EQUAL_FATAL(bh_window_create(&w, 2, 1000000, 4), 0);
	for (i = 0; i < 4; i++) {
		key_of(key, i);
		CU_ASSERT_FALSE(bh_window_hit(w, key, 1));
	}
	/* 1 goes: 0 is used again before. */
	key_of(key, 0);
	CU_ASSERT_TRUE(bh_window_hit(w, key, 2));
	key_of(key, 99);
	CU_ASSERT_FALSE(bh_window_hit(w, key, 3));
	CU_ASSERT_EQUAL(bh_window_evicted(w), 1);
	key_of(key, 2);
	CU_ASSERT_TRUE(bh_window_hit(w, key, 4));
	key_of(key, 1);
	CU_ASSERT_FALSE(bh_window_hit(w, key, 5));
	for (i = 0; i < 10000; i++) {
		key_of(key, 1000 + i);
		CU_ASSERT_FALSE(bh_window_hit(w, key, 6));
	}
	bh_window_destroy(w);
}

const struct bh_unit_test bh_suite_response_window[] = {
	{"windows are counted as a plain list counts them",
	 windows_are_counted_as_a_plain_list_counts_them},
	{"the key that was idle longest makes room", key_that_was_idle_longest_makes_room},
	{NULL, NULL},
};
