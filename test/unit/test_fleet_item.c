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

const struct bh_unit_test bh_suite_fleet_item[] = {
	BH_TEST(endpoint_survives_being_written),
	BH_TEST(wrong_endpoint_is_refused),
	BH_TEST_END,
};
