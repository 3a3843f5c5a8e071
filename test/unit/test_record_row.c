/* record: what is read out of a line. */
#include <stdlib.h>

#include "../../lib/record/record_priv.h"
#include "unit.h"

static struct bh_record_row
parse(const char *line)
{
	struct bh_record_row row;

	memset(&row, 0x5a, sizeof(row));
	bh_record_parse(&row, line, strlen(line), 7);
	return row;
}

static const char whole[] =
	"{\"timestamp\":\"2026-01-02T03:04:05.678901+0000\",\"flow_id\":12,\"in_iface\":\"a\","
	"\"event_type\":\"alert\",\"vlan\":[1,2],\"src_ip\":\"10.1.0.7\",\"src_port\":1,"
	"\"dest_ip\":\"2001:db8::1\",\"app_proto\":\"redis\",\"x\":{\"kind\":\"no\",\"y\":[{}]},"
	"\"alert\":{\"action\":\"blocked\",\"severity\":2,\"signature\":\"}\\\"kind\\\":\"},"
	"\"bulkhead\":{\"event\":\"violation\",\"kind\":\"violation\",\"src_segment\":\"web\","
	"\"dst_segment\":\"a\\\"b\\\\c\",\"src_labels\":{\"rule_id\":\"no\"},\"rule_id\":\"r-1\","
	"\"verdict\":\"deny\",\"mode\":\"protect\",\"sensor\":\"sqli\"}}";

static void
columns_are_those_of_the_line(void)
{
	struct bh_record_row r = parse(whole);

	CU_ASSERT_EQUAL(r.time_ns, UINT64_C(1767323045678901000));
	CU_ASSERT_STRING_EQUAL(r.type, "alert");
	CU_ASSERT_STRING_EQUAL(r.kind, "violation");
	CU_ASSERT_STRING_EQUAL(r.src_segment, "web");
	CU_ASSERT_STRING_EQUAL(r.dst_segment, "a\"b\\c");
	CU_ASSERT_STRING_EQUAL(r.rule, "r-1");
	CU_ASSERT_STRING_EQUAL(r.verdict, "deny");
	CU_ASSERT_STRING_EQUAL(r.app, "redis");
	CU_ASSERT_STRING_EQUAL(r.sensor, "sqli");
	CU_ASSERT_EQUAL(r.severity, 2);
	CU_ASSERT(r.dropped);
	CU_ASSERT_EQUAL(r.src.len, 5);
	CU_ASSERT_EQUAL(memcmp(r.src.b, "\4\12\1\0\7", 5), 0);
	CU_ASSERT_EQUAL(r.dst.len, 17);
	CU_ASSERT_EQUAL(r.dst.b[0], 6);
}

static void
what_monitor_lets_pass_is_no_drop(void)
{
	CU_ASSERT(!parse("{\"event_type\":\"alert\",\"bulkhead\":{\"kind\":\"violation\","
			 "\"verdict\":\"deny\",\"mode\":\"monitor\"}}")
			   .dropped);
	CU_ASSERT(parse("{\"event_type\":\"drop\",\"bulkhead\":{\"mode\":\"monitor\"}}").dropped);
	CU_ASSERT(!parse("{\"event_type\":\"flow\",\"bulkhead\":{\"verdict\":\"allow\"}}").dropped);
}

static void
what_has_no_kind_has_its_type_or_name(void)
{
	CU_ASSERT_STRING_EQUAL(parse("{\"event_type\":\"flow\"}").kind, "flow");
	CU_ASSERT_STRING_EQUAL(
		parse("{\"event_type\":\"bulkhead\",\"bulkhead\":{\"event\":\"started\"}}").kind,
		"started");
}

/* Any end of a line, and any byte of it changed, ends the walk: never a byte beyond (ASan), never an endless one. */
static void
broken_lines_are_no_harm(void)
{
	char line[sizeof(whole)], *heap;
	size_t n, i;

	for (n = 0; n < sizeof(whole); n++) {
		struct bh_record_row row;

		heap = malloc(n + 1);
		memcpy(heap, whole, n);
		bh_record_parse(&row, heap, n, 7);
		CU_ASSERT(n == 0 ? row.time_ns == 7 : row.severity <= 9);
		free(heap);
	}
	for (i = 0; i < sizeof(whole) - 1; i++) {
		memcpy(line, whole, sizeof(line));
		line[i] = "\"{}[],:\\x"[i % 9];
		CU_ASSERT(parse(line).severity <= 9);
	}
	CU_ASSERT_EQUAL(parse("no json").time_ns, 7);
	CU_ASSERT_EQUAL(parse("{\"timestamp\":\"2026-01-02T03:04:05.67890x+0000\"}").time_ns, 7);
}

const struct bh_unit_test bh_suite_record_row[] = {BH_TEST(columns_are_those_of_the_line),
						   BH_TEST(what_monitor_lets_pass_is_no_drop),
						   BH_TEST(what_has_no_kind_has_its_type_or_name),
						   BH_TEST(broken_lines_are_no_harm), BH_TEST_END};
