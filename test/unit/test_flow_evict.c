/* Who makes room in a full table, and who never does. */
#include "test_flow_rig.h"

struct gone {
	uint32_t n;
	struct bh_flow flow; /* the last one */
	enum bh_flow_end why;
};

static void
on_end(void *arg, const struct bh_flow *f, enum bh_flow_end why)
{
	struct gone *gone = arg;

	gone->n++;
	gone->flow = *f;
	gone->why = why;
}

static struct bh_flow_table *
full_table(uint32_t capacity, uint64_t seed, uint8_t state, struct gone *gone)
{
	struct bh_flow_table *t = rig_table(capacity, seed, on_end, gone);
	uint32_t i;

	memset(gone, 0, sizeof(*gone));
	for (i = 0; i < capacity; i++)
		rig_insert(t, i, 0)->state = state;
	return t;
}

static void
established_flows_stay_however_full_the_table(void)
{
	const uint8_t spared[] = {BH_STATE_ESTABLISHED, BH_STATE_REPLIED, BH_STATE_FIN_WAIT};
	unsigned s, i, inserted = 0, missing = 0;
	struct gone gone;

	for (s = 0; s < BH_ARRAY_SIZE(spared); s++) {
		struct bh_flow_table *t = full_table(640, 31, spared[s], &gone);

		for (i = 0; i < 2000; i++)
			inserted += rig_insert(t, 640 + i, 1000000) != NULL;
		for (i = 0; i < 640; i++)
			missing += rig_find(t, i) == NULL;
		CU_ASSERT_EQUAL(inserted, 0);
		CU_ASSERT_EQUAL(missing, 0);
		CU_ASSERT_EQUAL(gone.n, 0);
		CU_ASSERT_TRUE(rig_is_sound(t));
		bh_flow_table_destroy(t);
	}
}

static void
each_state_that_is_not_established_may_go(void)
{
	const uint8_t may_go[] = {BH_STATE_NEW,          BH_STATE_ICMP,    BH_STATE_SYN_SENT,
				  BH_STATE_SYN_RECEIVED, BH_STATE_CLOSING, BH_STATE_CLOSED,
				  BH_STATE_REFUSED};
	struct gone gone;
	unsigned s;

	for (s = 0; s < BH_ARRAY_SIZE(may_go); s++) {
		struct bh_flow_table *t = full_table(64, 32, BH_STATE_ESTABLISHED, &gone);
		struct bh_flow_key victim = rig_key(s * 9);

		/* Even when it has just been seen. */
		rig_find(t, s * 9)->state = may_go[s];
		rig_find(t, s * 9)->last_ms = 5000;
		CU_ASSERT_PTR_NOT_NULL(rig_insert(t, 1000, 5000));
		CU_ASSERT_EQUAL(gone.n, 1);
		CU_ASSERT_EQUAL(gone.why, BH_FLOW_END_EVICTED);
		CU_ASSERT_EQUAL(gone.flow.state, may_go[s]);
		CU_ASSERT_EQUAL(memcmp(&gone.flow.key, &victim, sizeof(victim)), 0);
		CU_ASSERT_PTR_NULL(rig_find(t, s * 9));
		CU_ASSERT_PTR_NOT_NULL(rig_find(t, 1000));
		CU_ASSERT_EQUAL(bh_flow_count(t), 64);
		CU_ASSERT_TRUE(rig_is_sound(t));
		bh_flow_table_destroy(t);
	}
}

static bool
is_in_buckets_of(const struct bh_flow_table *t, const struct bh_flow *f, uint64_t hash)
{
	uint32_t home = bh_flow_home(t, hash), entry = (uint32_t)(f - t->flow), b, s;

	for (b = 0; b < 2; b++) {
		const struct bh_flow_bucket *bucket =
			&t->bucket[b == 0 ? home : bh_flow_other(t, home, bh_flow_tag(hash))];

		for (s = 0; s < BH_FLOW_SLOTS; s++) {
			if (bucket->tag[s] != 0 && bucket->entry[s] == entry)
				return true;
		}
	}
	return false;
}

/* Random states and ages, the clock wrapping: each eviction against the rule, looked up entry by
 * entry. */
static void
longest_idle_of_the_buckets_goes(void)
{
	struct gone gone;
	struct bh_flow_table *t = full_table(768, 33, BH_STATE_NEW, &gone);
	uint32_t now = UINT32_MAX - 100000, n, i, by_bucket = 0, wrong = 0;
	uint64_t seed = 33;

	for (n = 0; n < 3000; n++) {
		struct bh_flow_key key = rig_key(10000 + n);
		uint64_t hash = bh_flow_hash(t, &key);
		uint32_t longest = 0;
		bool any = false;

		now += rig_below(&seed, 100);
		for (i = 0; i < t->top; i++) {
			struct bh_flow *f = &t->flow[i];

			if (n % 64 == 0) {
				f->state = (uint8_t)rig_below(&seed, BH_STATE_COUNT);
				f->last_ms = now - rig_below(&seed, 50000);
			}
			if (!bh_flow_evictable(f->state) || !is_in_buckets_of(t, f, hash))
				continue;
			any = true;
			if (now - f->last_ms > longest)
				longest = now - f->last_ms;
		}
		gone.n = 0;
		if (bh_flow_insert(t, &key, hash, now, 1) == NULL || !any)
			continue;
		by_bucket++;
		wrong += gone.n != 1 || now - gone.flow.last_ms != longest ||
			 !bh_flow_evictable(gone.flow.state);
	}
	CU_ASSERT(by_bucket > 2500);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(rig_is_sound(t));
	bh_flow_table_destroy(t);
}

static void
clock_hand_finds_the_only_victim_within_a_turn(void)
{
	struct gone gone;
	uint32_t n, tries, late = 0;

	for (n = 0; n < 50; n++) {
		struct bh_flow_table *t = full_table(1024, 34 + n, BH_STATE_ESTABLISHED, &gone);

		t->flow[n * 20].state = BH_STATE_SYN_SENT;
		for (tries = 1; rig_insert(t, 5000 + tries, 0) == NULL && tries < 100; tries++)
			;
		late += tries > 1024 / 64;
		CU_ASSERT_EQUAL(gone.n, 1);
		CU_ASSERT_EQUAL(gone.flow.state, BH_STATE_SYN_SENT);
		bh_flow_table_destroy(t);
	}
	CU_ASSERT_EQUAL(late, 0);
}

static void
clock_hand_takes_the_longest_idle_of_its_64(void)
{
	struct gone gone;
	struct bh_flow_table *t = full_table(4096, 35, BH_STATE_ESTABLISHED, &gone);
	struct bh_flow_key key = rig_key(100000), victim;
	uint64_t hash = bh_flow_hash(t, &key);
	uint32_t i;

	t->hand = 4096 - 32;
	for (i = 0; i < 64; i++) {
		struct bh_flow *f = &t->flow[(t->hand + i) % 4096];

		if (is_in_buckets_of(t, f, hash))
			continue;
		f->state = BH_STATE_SYN_SENT;
		f->last_ms = 1000 + (i * 37 & 63);
	}
	t->flow[7].last_ms = 1; /* 39 behind the hand */
	t->flow[40].state = BH_STATE_SYN_SENT;
	t->flow[40].last_ms = 0; /* longer idle, but 72 behind it */
	victim = t->flow[7].key;
	CU_ASSERT_PTR_NOT_NULL(bh_flow_insert(t, &key, hash, 5000, 1));
	CU_ASSERT_EQUAL(memcmp(&gone.flow.key, &victim, sizeof(victim)), 0);
	CU_ASSERT_EQUAL(t->hand, 32);
	bh_flow_table_destroy(t);
}

/* After a whole turn in vain the hand goes in smaller steps, but goes on. */
static void
clock_hand_tires_and_recovers(void)
{
	struct gone gone;
	struct bh_flow_table *t = full_table(1024, 37, BH_STATE_ESTABLISHED, &gone);
	uint32_t i, before, tries;

	for (i = 0; i < 1024 / 64; i++) {
		before = t->hand;
		CU_ASSERT_PTR_NULL(rig_insert(t, 5000 + i, 0));
		CU_ASSERT_EQUAL((before + 64) % 1024, t->hand);
	}
	CU_ASSERT_EQUAL(t->hand, 0);
	CU_ASSERT_PTR_NULL(rig_insert(t, 6000, 0));
	CU_ASSERT_EQUAL(t->hand, 8);
	t->flow[20].state = BH_STATE_CLOSED;
	for (tries = 1; rig_insert(t, 7000 + tries, 0) == NULL && tries < 1000; tries++)
		;
	CU_ASSERT_EQUAL(tries, 2); /* 8 to 15, 16 to 23 */
	CU_ASSERT_EQUAL(gone.n, 1);
	CU_ASSERT_EQUAL_FATAL(t->barren, 0); /* it was the hand that found it, not a bucket */
	rig_find(t, 7000 + tries)->state = BH_STATE_ESTABLISHED;
	before = t->hand;
	CU_ASSERT_PTR_NULL(rig_insert(t, 8000, 0));
	CU_ASSERT_EQUAL((before + 64) % 1024, t->hand);
	bh_flow_table_destroy(t);
}

static void
syn_flood_does_not_push_out_connections(void)
{
	struct gone gone;
	struct bh_flow_table *t = full_table(1024, 36, BH_STATE_SYN_SENT, &gone);
	uint32_t i, missing = 0, refused = 0;

	for (i = 0; i < 1024; i++) {
		if (i * 7 % 10 < 7)
			rig_find(t, i)->state = BH_STATE_ESTABLISHED;
	}
	for (i = 0; i < 200000; i++)
		refused += rig_insert(t, 1024 + i, i / 100) == NULL;
	for (i = 0; i < 1024; i++)
		missing += i * 7 % 10 < 7 && rig_find(t, i) == NULL;
	CU_ASSERT_EQUAL(missing, 0);
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT_EQUAL(gone.n, 200000);
	CU_ASSERT_TRUE(rig_is_sound(t));
	bh_flow_table_destroy(t);
}

/* Told in another order than they were opened in; some were taken back since, some left and their entries are others'. */
static void
what_is_over_makes_room_in_its_order(void)
{
	struct gone gone;
	struct bh_flow_table *t = full_table(640, 38, BH_STATE_SYN_SENT, &gone);
	uint32_t i, wrong = 0, left = 0;

	for (i = 0; i < 100; i++) {
		struct bh_flow *f = rig_find(t, i * 37 % 640);

		f->state = i % 2 == 0 ? BH_STATE_CLOSED : BH_STATE_REFUSED;
		bh_flow_over(t, f);
	}
	for (i = 0; i < 100; i++) {
		struct bh_flow *f = rig_find(t, i * 37 % 640);

		if (i % 3 == 0) {
			f->state = BH_STATE_ESTABLISHED;
		} else if (i % 7 == 0) {
			bh_flow_remove(t, f, BH_FLOW_END_CLOSED);
			CU_ASSERT_PTR_NOT_NULL(rig_insert(t, 1000 + i, 0));
		}
	}
	gone.n = 0;
	for (i = 0; i < 100; i++) {
		struct bh_flow_key key = rig_key(i * 37 % 640);

		if (i % 3 == 0 || i % 7 == 0)
			continue;
		CU_ASSERT_PTR_NOT_NULL(rig_insert(t, 2000 + i, 0));
		left++;
		wrong += gone.n != left || gone.why != BH_FLOW_END_EVICTED ||
			 memcmp(&gone.flow.key, &key, sizeof(key)) != 0;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	/* None is left: as if there had been none. */
	CU_ASSERT_PTR_NOT_NULL(rig_insert(t, 3000, 0));
	CU_ASSERT_TRUE(gone.flow.state == BH_STATE_SYN_SENT || gone.flow.state == BH_STATE_NEW);
	CU_ASSERT_TRUE(rig_is_sound(t));
	bh_flow_table_destroy(t);
}

static void
half_open_flows_stay_while_closed_ones_are_there(void)
{
	struct gone gone;
	struct bh_flow_table *t = full_table(1024, 39, BH_STATE_SYN_SENT, &gone);
	uint32_t i, missing = 0;
	uint64_t seed = 39;

	for (i = 0; i < 1024; i += 2) {
		struct bh_flow *f = rig_find(t, i);

		f->state = BH_STATE_CLOSED;
		bh_flow_over(t, f);
	}
	/* Each that comes is closed a little later: the closed ones are never used up. */
	for (i = 0; i < 100000; i++) {
		struct bh_flow *f = rig_insert(t, 2000 + i, i / 100);

		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		if (i >= 400) {
			f = rig_find(t, 2000 + i - rig_below(&seed, 400));
			if (f != NULL && f->state == BH_STATE_NEW) {
				f->state = BH_STATE_CLOSED;
				bh_flow_over(t, f);
			}
		}
		if (t->over_first == t->over_next)
			break;
	}
	for (i = 1; i < 1024; i += 2)
		missing += rig_find(t, i) == NULL;
	CU_ASSERT_EQUAL(missing, 0);
	CU_ASSERT_TRUE(gone.n > 400);
	bh_flow_table_destroy(t);
}

/* What said so and is not over any more does not hide who is: ageing takes it from the front. */
static void
who_is_over_no_more_is_forgotten(void)
{
	struct gone gone;
	struct bh_flow_table *t = full_table(640, 40, BH_STATE_SYN_SENT, &gone);
	struct bh_flow_key key = rig_key(639);
	struct bh_flow *f;
	uint32_t i;

	for (i = 0; i < 500; i++) {
		f = rig_find(t, i);
		f->state = BH_STATE_REFUSED;
		bh_flow_over(t, f);
		f->state = BH_STATE_ESTABLISHED;
	}
	f = rig_find(t, 639);
	f->state = BH_STATE_CLOSED;
	bh_flow_over(t, f);
	for (i = 0; i < 10; i++)
		bh_flow_age(t, 0, 1);
	CU_ASSERT_PTR_NOT_NULL(rig_insert(t, 1000, 0));
	CU_ASSERT_EQUAL(gone.n, 1);
	CU_ASSERT_EQUAL(memcmp(&gone.flow.key, &key, sizeof(key)), 0);
	bh_flow_table_destroy(t);
}

static void
only_so_many_are_remembered_and_the_newest_are(void)
{
	struct gone gone;
	struct bh_flow_table *t = full_table(640, 41, BH_STATE_SYN_SENT, &gone);
	struct bh_flow_key key = rig_key(7);
	uint32_t i;

	for (i = 0; i < 10000; i++) {
		struct bh_flow *f = rig_find(t, 7);

		f->state = BH_STATE_CLOSED;
		bh_flow_over(t, f);
	}
	CU_ASSERT_EQUAL(t->over_next - t->over_first, t->over_mask + 1);
	CU_ASSERT_PTR_NOT_NULL(rig_insert(t, 1000, 0));
	CU_ASSERT_EQUAL(memcmp(&gone.flow.key, &key, sizeof(key)), 0);
	for (i = 1; i < 100; i++)
		CU_ASSERT_PTR_NOT_NULL(rig_insert(t, 1000 + i, 0));
	CU_ASSERT_EQUAL(gone.n, 100);
	CU_ASSERT_TRUE(rig_is_sound(t));
	bh_flow_table_destroy(t);
}

const struct bh_unit_test bh_suite_flow_evict[] = {
	BH_TEST(established_flows_stay_however_full_the_table),
	BH_TEST(each_state_that_is_not_established_may_go),
	BH_TEST(longest_idle_of_the_buckets_goes),
	BH_TEST(clock_hand_finds_the_only_victim_within_a_turn),
	BH_TEST(clock_hand_takes_the_longest_idle_of_its_64),
	BH_TEST(clock_hand_tires_and_recovers),
	BH_TEST(syn_flood_does_not_push_out_connections),
	BH_TEST(what_is_over_makes_room_in_its_order),
	BH_TEST(half_open_flows_stay_while_closed_ones_are_there),
	BH_TEST(who_is_over_no_more_is_forgotten),
	BH_TEST(only_so_many_are_remembered_and_the_newest_are),
	BH_TEST_END,
};
