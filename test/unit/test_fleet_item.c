/* fleet: what gateways tell one another besides the policy survives being written, and what is none of it is refused. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/fleet/fleet_item.h"
#include "unit.h"

static void
endpoint_survives_being_written(void)
{
	static const char *const at[] = {"10.0.0.7", "10.1.0.0/16", "2001:db8::1"};
	const struct bh_label label[] = {{"app", "db"}, {"k8s.io/name", "J\303\266rg"}};
	struct bh_fleet_endpoint got;
	char name[BH_FLEET_ITEM_NAME];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(at); i++) {
		struct bh_endpoint e = {.tenant = UINT64_C(0xfff1234) << (8 * i),
					.labels = label,
					.n_labels = 2};
		struct bh_buf b = {0};

		CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(at[i], &e.prefix, NULL), 0);
		bh_fleet_endpoint_name(&e, name);
		bh_fleet_endpoint_write(&b, &e);
		CU_ASSERT_EQUAL_FATAL(bh_fleet_endpoint_read(&got, name, b.data, b.len), 0);
		CU_ASSERT_EQUAL(got.change.op, BH_ENDPOINT_PUT);
		CU_ASSERT_EQUAL(got.change.endpoint.tenant, e.tenant);
		CU_ASSERT_EQUAL(memcmp(&got.change.endpoint.prefix, &e.prefix, sizeof(e.prefix)),
				0);
		CU_ASSERT_EQUAL_FATAL(got.change.endpoint.n_labels, 2);
		CU_ASSERT_STRING_EQUAL(got.label[1].key, label[1].key);
		CU_ASSERT_STRING_EQUAL(got.label[1].value, label[1].value);
		bh_fleet_endpoint_free(&got);
		CU_ASSERT_EQUAL(bh_fleet_endpoint_read(&got, name, NULL, 0), 0);
		CU_ASSERT_EQUAL(got.change.op, BH_ENDPOINT_DELETE);
		bh_fleet_endpoint_free(&got);
		bh_buf_free(&b);
	}
}

static void
wrong_endpoint_is_refused(void)
{
	static const char *const name[] = {"",           "0",           "0/",           "/10.0.0.1",
					   "x/10.0.0.1", "-1/10.0.0.1", "0/10.0.0.256", "0/nobody"};
	static const char *const value[] = {"", "{}", "[]", "{\"labels\":[]}",
					    "{\"labels\":{\"a\":7}}"};
	struct bh_fleet_endpoint got;
	struct bh_buf many = {0};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(name); i++)
		CU_ASSERT_EQUAL(bh_fleet_endpoint_read(&got, name[i], NULL, 0), -EINVAL);
	for (i = 0; i < BH_ARRAY_SIZE(value); i++)
		CU_ASSERT_EQUAL(bh_fleet_endpoint_read(&got, "0/10.0.0.1", value[i],
						       strlen(value[i])),
				-EINVAL);
	bh_buf_str(&many, "{\"labels\":{");
	for (i = 0; i <= BH_LABELS_MAX; i++)
		bh_buf_printf(&many, "%s\"k%zu\":\"v\"", i != 0 ? "," : "", i);
	bh_buf_str(&many, "}}");
	CU_ASSERT_EQUAL(bh_fleet_endpoint_read(&got, "0/10.0.0.1", many.data, many.len), -EINVAL);
	bh_buf_free(&many);
}

static void
conversation_survives_being_written(void)
{
	struct bh_learn_value value[] = {{.field = 0, .text = (char *)(uintptr_t) "GET"},
					 {.field = 0,
					  .more = true,
					  .text = (char *)(uintptr_t) ""}};
	const struct bh_conversation c = {.from = {.name = "web.shop"},
					  .to = {.name = "host-192.0.2.7", .reserved = 1},
					  .service = 6u << 16 | 443,
					  .app = "tls",
					  .learn = true,
					  .first_ns = 7,
					  .last_ns = 9,
					  .sessions = {99, 99, 99, 99},
					  .own_sessions = {1, 2, 3, 4},
					  .own_bytes = {5, 6},
					  .family = 4,
					  .address = {{10, 0, 0, 1}, {192, 0, 2, 7}},
					  .tenant = 0xabc,
					  .value = value,
					  .n_values = 2};
	struct bh_fleet_learned got;
	char name[BH_FLEET_ITEM_NAME];
	struct bh_buf b = {0};
	size_t i;

	bh_fleet_learned_name("gw-a", &c, name);
	bh_fleet_learned_write(&b, &c);
	CU_ASSERT_EQUAL_FATAL(bh_fleet_learned_read(&got, name, b.data, b.len), 0);
	CU_ASSERT_STRING_EQUAL(got.gateway, "gw-a");
	CU_ASSERT_STRING_EQUAL(got.c.from.name, c.from.name);
	CU_ASSERT_STRING_EQUAL(got.c.to.name, c.to.name);
	CU_ASSERT_EQUAL(got.c.to.reserved, 1);
	CU_ASSERT_EQUAL(got.c.service, c.service);
	CU_ASSERT_STRING_EQUAL(got.c.app, "tls");
	CU_ASSERT_TRUE(got.c.learn);
	CU_ASSERT_FALSE(got.c.undecided);
	/* What it has seen itself, not what others told it: else each would tell all the others' again. */
	CU_ASSERT_EQUAL(memcmp(got.c.sessions, c.own_sessions, sizeof(c.own_sessions)), 0);
	CU_ASSERT_EQUAL(memcmp(got.c.bytes, c.own_bytes, sizeof(c.own_bytes)), 0);
	CU_ASSERT_EQUAL(memcmp(got.c.address, c.address, sizeof(c.address)), 0);
	CU_ASSERT_EQUAL(got.c.tenant, c.tenant);
	CU_ASSERT_EQUAL_FATAL(got.c.n_values, 2);
	CU_ASSERT_STRING_EQUAL(got.value[0].text, "GET");
	CU_ASSERT_TRUE(got.value[1].more);
	bh_fleet_learned_free(&got);
	/* No half of it is one. */
	for (i = 0; i < b.len; i += 7)
		CU_ASSERT_EQUAL(bh_fleet_learned_read(&got, name, b.data, i), -EINVAL);
	CU_ASSERT_EQUAL(bh_fleet_learned_read(&got, "nobody", b.data, b.len), -EINVAL);
	bh_buf_free(&b);
}

const struct bh_unit_test bh_suite_fleet_item[] = {
	BH_TEST(endpoint_survives_being_written),
	BH_TEST(wrong_endpoint_is_refused),
	BH_TEST(conversation_survives_being_written),
	BH_TEST_END,
};
