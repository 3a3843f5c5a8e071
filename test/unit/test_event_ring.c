/* event: the ring between a worker and the control core. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "../../lib/event/event.h"
#include "unit.h"

static struct bh_event
numbered(uint64_t n)
{
	struct bh_event e = {.time_ns = n, .flow_id = ~n, .type = BH_EVENT_DROP};

	return e;
}

static void
slots_must_be_a_power_of_two(void)
{
	struct bh_event_ring *r = NULL;

	CU_ASSERT_EQUAL(bh_event_ring_create(&r, 0), -EINVAL);
	CU_ASSERT_EQUAL(bh_event_ring_create(&r, 1), -EINVAL);
	CU_ASSERT_EQUAL(bh_event_ring_create(&r, 48), -EINVAL);
	CU_ASSERT_EQUAL(bh_event_ring_create(&r, 1u << 25), -EINVAL);
	CU_ASSERT_PTR_NULL(r);
	bh_event_ring_destroy(NULL);
}

static void
full_ring_drops_the_new_event_and_counts_it(void)
{
	struct bh_event_ring *r;
	struct bh_event e, out[8];
	uint64_t i;

	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&r, 4), 0);
	for (i = 0; i < 4; i++) {
		e = numbered(i);
		CU_ASSERT_TRUE(bh_event_push(r, &e));
	}
	e = numbered(4);
	CU_ASSERT_FALSE(bh_event_push(r, &e));
	CU_ASSERT_FALSE(bh_event_push(r, &e));
	CU_ASSERT_EQUAL(bh_event_lost(r), 2);
	CU_ASSERT_EQUAL(bh_event_pop(r, out, 8), 4);
	for (i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(out[i].time_ns, i);
	CU_ASSERT_EQUAL(bh_event_pop(r, out, 8), 0);
	CU_ASSERT_TRUE(bh_event_push(r, &e));
	CU_ASSERT_EQUAL(bh_event_lost(r), 2);
	bh_event_ring_destroy(r);
}

/* The model: two counters. What is popped is what was pushed, in order, and never more than fits. */
static void
random_pushes_and_pops_match_a_queue(void)
{
	struct bh_event_ring *r;
	struct bh_event e, out[16];
	uint64_t pushed = 0, popped = 0, lost = 0;
	unsigned i, k, n, got;

	srand(7);
	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&r, 8), 0);
	for (i = 0; i < 20000; i++) {
		if (rand() % 2 == 0) {
			bool fits = pushed - popped < 8;

			e = numbered(pushed);
			CU_ASSERT_EQUAL(bh_event_push(r, &e), fits);
			pushed += fits;
			lost += !fits;
		} else {
			n = (unsigned)rand() % 5;
			got = bh_event_pop(r, out, n);
			CU_ASSERT_EQUAL(got, n < pushed - popped ? n : pushed - popped);
			for (k = 0; k < got; k++, popped++)
				CU_ASSERT_TRUE(out[k].time_ns == popped &&
					       out[k].flow_id == ~popped);
		}
		CU_ASSERT_EQUAL(bh_event_lost(r), lost);
	}
	CU_ASSERT(lost > 100);
	bh_event_ring_destroy(r);
}

#define THREAD_EVENTS 400000

static void *
produce(void *ring)
{
	struct bh_event e;
	uint64_t i;

	for (i = 0; i < THREAD_EVENTS; i++) {
		e = numbered(i);
		bh_event_push(ring, &e);
	}
	return NULL;
}

static void
two_threads_lose_nothing_that_is_not_counted(void)
{
	struct bh_event_ring *r;
	struct bh_event out[32];
	uint64_t got = 0, next = 0;
	bool ordered = true, whole = true, done = false;
	unsigned i, n = 0;
	pthread_t t;

	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&r, 64), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&t, NULL, produce, r), 0);
	while (!done || n != 0) {
		done = done || pthread_tryjoin_np(t, NULL) == 0;
		n = bh_event_pop(r, out, 32);
		for (i = 0; i < n; i++) {
			ordered = ordered && out[i].time_ns >= next;
			whole = whole && out[i].flow_id == ~out[i].time_ns;
			next = out[i].time_ns + 1;
		}
		got += n;
	}
	CU_ASSERT_TRUE(ordered);
	CU_ASSERT_TRUE(whole);
	CU_ASSERT(got > 0);
	CU_ASSERT_EQUAL(got + bh_event_lost(r), THREAD_EVENTS);
	bh_event_ring_destroy(r);
}

static void
words_leave_the_ring_with_their_event_or_not_at_all(void)
{
	struct bh_event_text t = {0};
	struct bh_event_ring *r;
	struct bh_event e = numbered(7), out[8];
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;
	char big[400];
	unsigned i;

	memset(big, 'x', sizeof(big));
	bh_event_text_add(&t, BH_OP_PG_VERB, "delete", 6);
	bh_event_text_add(&t, BH_OP_PG_TABLE, big, sizeof(big));
	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&r, 8), 0);
	for (i = 0; i < 5; i++) {
		if (i == 2) { /* from here on the ring's end lies inside an event */
			CU_ASSERT_TRUE(bh_event_push(r, &(struct bh_event){.time_ns = 1}));
			CU_ASSERT_EQUAL(bh_event_pop(r, out, 8), 1);
		}
		CU_ASSERT_TRUE(bh_event_push_text(r, &e, &t));
		CU_ASSERT_TRUE(bh_event_push_text(r, &e, &t));
		CU_ASSERT_FALSE(bh_event_push_text(r, &e, &t));
		CU_ASSERT_EQUAL(bh_event_pop(r, out, 7), 4); /* two do not fit */
		CU_ASSERT_EQUAL(bh_event_pop(r, out, 8), 4);
		CU_ASSERT_EQUAL(out[0].time_ns, 7);
		cursor = 0;
		CU_ASSERT_TRUE(bh_event_text_next(out, &cursor, &field, &at, &len));
		CU_ASSERT_TRUE(field == BH_OP_PG_VERB && len == 6 && memcmp(at, "delete", 6) == 0);
		CU_ASSERT_TRUE(bh_event_text_next(out, &cursor, &field, &at, &len));
		CU_ASSERT_TRUE(len == sizeof(big) && memcmp(at, big, len) == 0);
		CU_ASSERT_FALSE(bh_event_text_next(out, &cursor, &field, &at, &len));
		CU_ASSERT_PTR_EQUAL(bh_event_after(out), out + 4);
		CU_ASSERT_EQUAL(bh_event_pop(r, out, 8), 0);
	}
	CU_ASSERT_EQUAL(bh_event_lost(r), 5);
	bh_event_ring_destroy(r);
}

const struct bh_unit_test bh_suite_event_ring[] = {
	BH_TEST(slots_must_be_a_power_of_two),
	BH_TEST(full_ring_drops_the_new_event_and_counts_it),
	BH_TEST(random_pushes_and_pops_match_a_queue),
	BH_TEST(two_threads_lose_nothing_that_is_not_counted),
	BH_TEST(words_leave_the_ring_with_their_event_or_not_at_all),
	BH_TEST_END,
};
