/* The table of threats, counting by id, and what is told of it; against plain models. */
#include <stdlib.h>

#include "../../lib/threat/threat.h"
#include "unit.h"

static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void
each_threat_has_a_key_of_its_own_and_an_attack_id(void)
{
	unsigned i, k;

	for (i = 0; i < BH_THREAT_COUNT; i++) {
		const struct bh_threat_info *info = bh_threat_info(i);

		CU_ASSERT(strncmp(info->sensor, "threat.", 7) == 0);
		CU_ASSERT_STRING_EQUAL(info->sensor + 7, info->key);
		CU_ASSERT_EQUAL(info->attack[0], 'T');
		CU_ASSERT(info->severity >= 1 && info->severity <= 3);
		for (k = 0; k < i; k++) {
			CU_ASSERT_STRING_NOT_EQUAL(info->key, bh_threat_info(k)->key);
			CU_ASSERT_STRING_NOT_EQUAL(info->name, bh_threat_info(k)->name);
		}
	}
	CU_ASSERT_STRING_EQUAL(bh_threat_info(BH_THREAT_COUNT)->key, "invalid");
}

static void
addresses_differ_by_each_part_of_their_network(void)
{
	struct bh_hash_key secret = {{1, 2, 3, 4, 5, 6, 7, 8}};
	struct bh_flow_key a = {.family = 4}, b;
	uint64_t id;

	a.addr[0].w[0] = 0x0100010a;
	id = bh_threat_id(&secret, &a, 0, 1);
	CU_ASSERT_NOT_EQUAL(bh_threat_id(&secret, &a, 1, 1), id);
	CU_ASSERT_NOT_EQUAL(bh_threat_id(&secret, &a, 0, 2), id);
	b = a;
	b.tenant = 7;
	CU_ASSERT_NOT_EQUAL(bh_threat_id(&secret, &b, 0, 1), id);
	b = a;
	b.pair = 1;
	CU_ASSERT_NOT_EQUAL(bh_threat_id(&secret, &b, 0, 1), id);
	b = a;
	b.port[0] = 80;
	CU_ASSERT_EQUAL(bh_threat_id(&secret, &b, 0, 1), id);
}

/* A table with room for all counts as an array does. */
static void
table_with_room_counts_as_an_array(void)
{
	struct bh_threat_table *t;
	uint32_t model[64] = {0};
	uint64_t seed = 42;
	unsigned i;

	CU_ASSERT_EQUAL_FATAL(bh_threat_table_create(&t, 65536), 0);
	for (i = 0; i < 100000; i++) {
		unsigned who = (unsigned)(next(&seed) % 64);
		uint64_t id = bh_mum(who + 1, UINT64_C(0x9e3779b97f4a7c15)) | 1;

		bh_threat_table_get(t, id, i)->count++;
		model[who]++;
		CU_ASSERT_EQUAL(bh_threat_table_find(t, id)->count, model[who]);
	}
	CU_ASSERT_PTR_NULL(bh_threat_table_find(t, 99));
	bh_threat_table_destroy(t);
}

static void
who_counts_often_is_kept_among_many_that_come_once(void)
{
	struct bh_threat_table *t;
	uint64_t seed = 7;
	unsigned i;

	CU_ASSERT_EQUAL_FATAL(bh_threat_table_create(&t, 256), 0);
	for (i = 0; i < 200000; i++) {
		if (i % 10 == 0)
			bh_threat_table_get(t, 12345, i / 1000)->count++;
		bh_threat_table_get(t, next(&seed) | 1, i / 1000)->count++;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(bh_threat_table_find(t, 12345));
	CU_ASSERT(bh_threat_table_find(t, 12345)->count >= 19900);
	/* Gone for more than ten minutes, it keeps no place. */
	for (i = 0; i < 20000; i++)
		bh_threat_table_get(t, next(&seed) | 1, 900000)->count++;
	CU_ASSERT_PTR_NULL(bh_threat_table_find(t, 12345));
	bh_threat_table_destroy(t);
}

static void
level_rises_at_the_threshold_and_falls_below_three_quarters(void)
{
	struct bh_threat_cell c = {.id = 1};
	unsigned i;

	for (i = 0; i < 99; i++)
		CU_ASSERT_EQUAL(bh_threat_meter(&c, 1, i, 1000, 100), BH_THREAT_UNDER);
	CU_ASSERT_EQUAL(bh_threat_meter(&c, 1, 100, 1000, 100), BH_THREAT_RISES);
	CU_ASSERT_EQUAL(bh_threat_meter(&c, 1, 101, 1000, 100), BH_THREAT_OVER);
	/* 80 in the next window: still over. */
	for (i = 0; i < 80; i++)
		CU_ASSERT_EQUAL(bh_threat_meter(&c, 1, 1100 + i, 1000, 100), BH_THREAT_OVER);
	for (i = 0; i < 70; i++)
		CU_ASSERT_EQUAL(bh_threat_meter(&c, 1, 2100 + i, 1000, 100), BH_THREAT_OVER);
	CU_ASSERT_EQUAL(bh_threat_meter(&c, 1, 3100, 1000, 100), BH_THREAT_FALLS);
	CU_ASSERT_EQUAL(bh_threat_meter(&c, 1, 3101, 1000, 100), BH_THREAT_UNDER);
	/* Over again, then silence for long. */
	CU_ASSERT_EQUAL(bh_threat_meter(&c, 200, 3102, 1000, 100), BH_THREAT_RISES);
	CU_ASSERT_EQUAL(bh_threat_meter(&c, 1, 99000, 1000, 100), BH_THREAT_FALLS);
}

static void
alert_is_told_once_in_its_time_and_says_how_many_it_left_out(void)
{
	struct bh_threat_limit *l;
	uint32_t missed;
	unsigned i;

	CU_ASSERT_EQUAL_FATAL(bh_threat_limit_create(&l, 64), 0);
	CU_ASSERT_TRUE(bh_threat_limit_tell(l, 5, 0, 1000, &missed));
	for (i = 0; i < 10; i++)
		CU_ASSERT_FALSE(bh_threat_limit_tell(l, 5, 10 + i, 1000, &missed));
	CU_ASSERT_TRUE(bh_threat_limit_tell(l, 6, 20, 1000, &missed));
	CU_ASSERT_EQUAL(missed, 0);
	CU_ASSERT_TRUE(bh_threat_limit_tell(l, 5, 1000, 1000, &missed));
	CU_ASSERT_EQUAL(missed, 10);
	CU_ASSERT_FALSE(bh_threat_limit_tell(l, 5, 1001, 1000, &missed));
	CU_ASSERT_TRUE(bh_threat_limit_tell(l, 5, 1001, 0, &missed));
	bh_threat_limit_destroy(l);
}

const struct bh_unit_test bh_suite_threat_meter[] = {
	BH_TEST(each_threat_has_a_key_of_its_own_and_an_attack_id),
	BH_TEST(addresses_differ_by_each_part_of_their_network),
	BH_TEST(table_with_room_counts_as_an_array),
	BH_TEST(who_counts_often_is_kept_among_many_that_come_once),
	BH_TEST(level_rises_at_the_threshold_and_falls_below_three_quarters),
	BH_TEST(alert_is_told_once_in_its_time_and_says_how_many_it_left_out),
	BH_TEST_END};
