#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../../lib/port/port_priv.h"
#include "unit.h"

#define MIB (UINT64_C(1) << 20)

static void
put(const char *dir, const char *size, const char *file, unsigned value)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, size);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/%s", dir, size, file);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f, "%u\n", value);
	fclose(f);
}

static void
free_pages_of_all_sizes_are_summed_without_the_reserved(void)
{
	char dir[] = "/tmp/bh-huge-XXXXXX", rm[64];
	struct bh_hugepages h;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	put(dir, "hugepages-2048kB", "nr_hugepages", 100);
	put(dir, "hugepages-2048kB", "free_hugepages", 60);
	put(dir, "hugepages-2048kB", "resv_hugepages", 10);
	put(dir, "hugepages-1048576kB", "nr_hugepages", 1);
	put(dir, "hugepages-1048576kB", "free_hugepages", 0);
	put(dir, "hugepages-1048576kB", "resv_hugepages", 0);
	bh_huge_read(dir, &h);
	CU_ASSERT_EQUAL(h.free_bytes, 50 * 2 * MIB);
	CU_ASSERT_EQUAL(h.total_bytes, (100 * 2 + 1024) * MIB);
	CU_ASSERT_EQUAL(h.page_kib, 2048);
	snprintf(rm, sizeof(rm), "rm -r %s", dir);
	CU_ASSERT_EQUAL(system(rm), 0);
	bh_huge_read(dir, &h);
	CU_ASSERT_EQUAL(h.free_bytes, 0);
}

static void
too_few_hugepages_mean_ordinary_ones_and_a_reason(void)
{
	const struct bh_hugepages few = {.free_bytes = 8 * MIB, .page_kib = 2048};
	struct bh_config c = {.huge = BH_HUGE_AUTO};
	struct bh_memory_plan plan;

	CU_ASSERT_EQUAL(bh_memory_plan(&plan, &c, 40 * MIB, &few, NULL), 0);
	CU_ASSERT_FALSE(plan.hugepages);
	CU_ASSERT_TRUE(plan.megabytes > 40);
	CU_ASSERT_PTR_NOT_NULL(strstr(plan.text, "only 8 MiB"));
	CU_ASSERT_PTR_NOT_NULL(strstr(plan.text, "deploy/hugepages.sh"));
}

static void
enough_hugepages_are_used_unless_forbidden(void)
{
	const struct bh_hugepages enough = {.free_bytes = 512 * MIB, .page_kib = 2048};
	struct bh_config c = {.huge = BH_HUGE_AUTO};
	struct bh_memory_plan plan;

	CU_ASSERT_EQUAL(bh_memory_plan(&plan, &c, 40 * MIB, &enough, NULL), 0);
	CU_ASSERT_TRUE(plan.hugepages);
	CU_ASSERT_STRING_EQUAL(plan.text, "hugepages of 2 MiB, 40 MiB");
	c.huge = BH_HUGE_OFF;
	CU_ASSERT_EQUAL(bh_memory_plan(&plan, &c, 40 * MIB, &enough, NULL), 0);
	CU_ASSERT_FALSE(plan.hugepages);
}

static void
demanded_hugepages_that_are_missing_are_an_error(void)
{
	const struct bh_hugepages few = {.free_bytes = 8 * MIB, .page_kib = 2048};
	struct bh_config c = {.huge = BH_HUGE_ON};
	struct bh_memory_plan plan;
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(bh_memory_plan(&plan, &c, 40 * MIB, &few, &err), -ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "8 MiB"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "deploy/hugepages.sh"));
}

static void
buffers_cover_what_the_rings_of_all_ports_hold(void)
{
	struct bh_config c = {.mbufs = 16384, .descriptors = 1024, .n_ports = 2};

	CU_ASSERT_EQUAL(bh_pool_buffers(&c, 1), 16384);
	c.n_ports = 8;
	CU_ASSERT_TRUE(bh_pool_buffers(&c, 1) >= 8 * (2048 + 1024) * 5 / 4);
	c.mbufs = 1 << 20;
	CU_ASSERT_EQUAL(bh_pool_buffers(&c, 1), 1 << 20);
	/* A queue of 4096 descriptors fills its receive ring with as many. */
	c = (struct bh_config){.mbufs = 1024, .descriptors = 4096, .n_ports = 1};
	CU_ASSERT_TRUE(bh_pool_buffers(&c, 2) >= 2 * (4096 + 4096));
}

static void
the_largest_buffer_for_af_xdp_is_the_one_that_messages_name(void)
{
	CU_ASSERT_TRUE(bh_pool_element(3648) <= 4096);
	CU_ASSERT_TRUE(bh_pool_element(2048) < bh_pool_element(3648));
	CU_ASSERT_TRUE(bh_pool_element(3840) > 4096);
}

const struct bh_unit_test bh_suite_port_memory[] = {
	BH_TEST(free_pages_of_all_sizes_are_summed_without_the_reserved),
	BH_TEST(too_few_hugepages_mean_ordinary_ones_and_a_reason),
	BH_TEST(enough_hugepages_are_used_unless_forbidden),
	BH_TEST(demanded_hugepages_that_are_missing_are_an_error),
	BH_TEST(buffers_cover_what_the_rings_of_all_ports_hold),
	BH_TEST(the_largest_buffer_for_af_xdp_is_the_one_that_messages_name),
	BH_TEST_END,
};
