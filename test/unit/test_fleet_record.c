/* fleet: a revision and a member survive being written and read, and what another wrote wrongly is refused. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/fleet/fleet_priv.h"
#include "unit.h"

static struct bh_fleet_record
sample(void)
{
	struct bh_fleet_record r = {.number = 4294967294u,
				    .base = 3,
				    .time_ns = 1764000000123456789u,
				    .size = 64u << 20,
				    .origin = BH_ORIGIN_ROLLBACK,
				    .gateway = "gw-a",
				    .author = "api:J\303\266rg \"x\"",
				    .why = "line\nbreak",
				    .confirm_ms = 60000,
				    .deadline_ns = 1764000060123456789u,
				    .confirmed = true,
				    .confirmed_by = "api:b",
				    .claim = "0123456789abcdef0123456789abcdef"};

	memset(r.sha256, 'a', 2 * BH_SHA256_SIZE);
	return r;
}

static void
revision_survives_being_written(void)
{
	struct bh_fleet_record r = sample(), got;
	struct bh_buf b = {0};

	bh_fleet_record_write(&b, &r);
	CU_ASSERT_FALSE_FATAL(b.failed);
	CU_ASSERT_EQUAL(bh_fleet_record_read(&got, b.data, b.len), 0);
	CU_ASSERT_EQUAL(got.number, r.number);
	CU_ASSERT_EQUAL(got.base, r.base);
	CU_ASSERT_EQUAL(got.time_ns, r.time_ns);
	CU_ASSERT_EQUAL(got.size, r.size);
	CU_ASSERT_EQUAL(got.origin, r.origin);
	CU_ASSERT_EQUAL(got.confirm_ms, r.confirm_ms);
	CU_ASSERT_EQUAL(got.deadline_ns, r.deadline_ns);
	CU_ASSERT_TRUE(got.confirmed);
	CU_ASSERT_STRING_EQUAL(got.sha256, r.sha256);
	CU_ASSERT_STRING_EQUAL(got.gateway, r.gateway);
	CU_ASSERT_STRING_EQUAL(got.author, r.author);
	CU_ASSERT_STRING_EQUAL(got.why, r.why);
	CU_ASSERT_STRING_EQUAL(got.confirmed_by, r.confirmed_by);
	CU_ASSERT_STRING_EQUAL(got.claim, r.claim);
	bh_buf_free(&b);
}

/* Each member is needed, and none may be of another kind. */
static void
wrong_revision_is_refused(void)
{
	struct bh_fleet_record r = sample(), got;
	struct bh_buf b = {0};
	const char *key;
	json_t *o, *value, *copy;
	char *text;

	bh_fleet_record_write(&b, &r);
	o = json_loadb(b.data, b.len, 0, NULL);
	json_object_foreach(o, key, value)
	{
		if (strcmp(key, "confirmed") == 0)
			continue;
		copy = json_copy(o);
		json_object_set_new(copy, key, json_array());
		text = json_dumps(copy, 0);
		CU_ASSERT_EQUAL(bh_fleet_record_read(&got, text, strlen(text)), -EINVAL);
		free(text);
		json_object_del(copy, key);
		text = json_dumps(copy, 0);
		CU_ASSERT_EQUAL(bh_fleet_record_read(&got, text, strlen(text)), -EINVAL);
		free(text);
		json_decref(copy);
	}
	json_object_set_new(o, "number", json_integer(0));
	text = json_dumps(o, 0);
	CU_ASSERT_EQUAL(bh_fleet_record_read(&got, text, strlen(text)), -EINVAL);
	free(text);
	json_decref(o);
	/* Half of it is nothing. */
	CU_ASSERT_EQUAL(bh_fleet_record_read(&got, b.data, b.len / 2), -EINVAL);
	bh_buf_free(&b);
}

static void
member_survives_being_written(void)
{
	struct bh_fleet_member m = {.name = "gw-a",
				    .revision = 7,
				    .since_ns = 5,
				    .state = "in step",
				    .version = "0.1.0"},
			       got;
	struct bh_buf b = {0};

	memset(m.sha256, '0', 2 * BH_SHA256_SIZE);
	bh_fleet_member_write(&b, &m);
	CU_ASSERT_EQUAL(bh_fleet_member_read(&got, b.data, b.len), 0);
	CU_ASSERT_EQUAL(memcmp(&m, &got, sizeof(m)), 0);
	CU_ASSERT_EQUAL(bh_fleet_member_read(&got, "{\"name\":\"x\"}", 12), -EINVAL);
	bh_buf_free(&b);
}

const struct bh_unit_test bh_suite_fleet_record[] = {
	BH_TEST(revision_survives_being_written),
	BH_TEST(wrong_revision_is_refused),
	BH_TEST(member_survives_being_written),
	BH_TEST_END,
};
