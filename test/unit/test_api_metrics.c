/* /metrics: what Prometheus reads, checked by rules of the text format, and by promtool where there is one. */
#include "api_fixture.h"

/* Head of the family that a sample belongs to; samples of a family stand together. */
static void
check_lines(const char *text)
{
	char name[128] = "", type[16], line[512], sample[128];
	const char *p, *end;
	unsigned n = 0;

	for (p = text; (end = strchr(p, '\n')) != NULL; p = end + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)(end - p), p);
		if (strncmp(line, "# HELP ", 7) == 0)
			continue;
		if (sscanf(line, "# TYPE %127s %15s", name, type) == 2) {
			bool counter = strcmp(type, "counter") == 0;
			size_t len = strlen(name);

			CU_ASSERT(strncmp(name, "bulkhead_", 9) == 0);
			CU_ASSERT_EQUAL(counter, strcmp(name + len - 6, "_total") == 0);
			continue;
		}
		CU_ASSERT_EQUAL_FATAL(sscanf(line, "%127[a-z_]", sample), 1);
		if (strcmp(type, "histogram") == 0) {
			CU_ASSERT_EQUAL(strncmp(sample, name, strlen(name)), 0);
			CU_ASSERT(strcmp(sample + strlen(name), "_bucket") == 0 ||
				  strcmp(sample + strlen(name), "_sum") == 0 ||
				  strcmp(sample + strlen(name), "_count") == 0);
		} else {
			CU_ASSERT_STRING_EQUAL(sample, name);
		}
		n++;
	}
	CU_ASSERT_STRING_EQUAL(p, "");
	CU_ASSERT(n > 100);
}

static bool
two_sinks(void *arg, unsigned index, struct bh_api_sink *out)
{
	(void)arg;
	*out = (struct bh_api_sink){.name = index == 0 ? "siem0" : "siem1",
				    .type = "syslog",
				    .put = 10 + index,
				    .waiting_bytes = 5,
				    .up = index == 1};
	return index < 2;
}

static bool
one_source(void *arg, unsigned index, struct bh_api_source *out)
{
	(void)arg;
	*out = (struct bh_api_source){.name = "shop",
				      .type = "file",
				      .connected = true,
				      .endpoints = 7,
				      .failures = 3,
				      .age_ns = 1250 * BH_NS_PER_MS};
	return index < 1;
}

static void
with_others(struct bh_api_params *p)
{
	p->ops.sink = two_sinks;
	p->ops.source = one_source;
}

/* Of things there are several of: each value stands with its own name and thing. */
static void
check_rows(const char *text)
{
	static const char *const lines[] = {
		"port_received_packets_total{port=\"shop\",pair=\"shop-cde\"} 1000",
		"port_received_packets_total{port=\"cde\",pair=\"shop-cde\"} 1001",
		"port_missed_packets_total{port=\"cde\",pair=\"shop-cde\"} 5",
		"port_up{port=\"cde\",pair=\"shop-cde\"} 1",
		"sink_records_total{sink=\"siem0\",type=\"syslog\"} 10",
		"sink_records_total{sink=\"siem1\",type=\"syslog\"} 11",
		"sink_waiting_bytes{sink=\"siem1\",type=\"syslog\"} 5",
		"sink_up{sink=\"siem0\",type=\"syslog\"} 0",
		"source_up{source=\"shop\",type=\"file\"} 1",
		"source_endpoints{source=\"shop\",type=\"file\"} 7",
		"source_failures_total{source=\"shop\",type=\"file\"} 3",
		"source_age_seconds{source=\"shop\",type=\"file\"} 1.250",
	};
	char line[160];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(lines); i++) {
		snprintf(line, sizeof(line), "\nbulkhead_%s\n", lines[i]);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, line));
	}
}

static void
metrics_hold_the_gateways_counters(void)
{
	struct answer a;
	struct fix f;

	fix_start(&f, with_others);
	f.counters.packets = 1234;
	f.counters.turns[bh_turn_class(1023)] = 4;
	f.counters.turns[bh_turn_class(1024)] = 3;
	f.counters.turns[BH_TURN_CLASSES - 1] = 1;
	f.counters.turns_ns = UINT64_C(2000000007);
	f.counters.dropped[BH_REASON_DEFAULT_DENY] = 77;
	fix_ask(&f, &(struct ask){.method = "GET", .path = "/metrics"}, &a);
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head.data, "Content-Type: text/plain; version=0.0.4"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(a.body.data);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(a.body.data, "\nbulkhead_received_packets_total{worker=\"0\"} 1234\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(a.body.data, "\nbulkhead_dropped_packets_total{reason=\""
						   "default_deny\",group=\"policy\"} 77\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(a.body.data, "\nbulkhead_build_info{version=\"" BH_VERSION "\"} 1\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(a.body.data,
		       "\nbulkhead_turn_seconds_bucket{worker=\"1\",le=\"0.000001023\"} 4\n"
		       "bulkhead_turn_seconds_bucket{worker=\"1\",le=\"0.000002047\"} 7\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(a.body.data,
		       "\nbulkhead_turn_seconds_bucket{worker=\"0\",le=\"0.033554431\"} 7\n"
		       "bulkhead_turn_seconds_bucket{worker=\"0\",le=\"+Inf\"} 8\n"
		       "bulkhead_turn_seconds_sum{worker=\"0\"} 2.000000007\n"
		       "bulkhead_turn_seconds_count{worker=\"0\"} 8\n"));
	check_lines(a.body.data);
	check_rows(a.body.data);
	fix_answer_free(&a);
	fix_stop(&f);
}

static void
promtool_finds_nothing(void)
{
	struct answer a;
	struct fix f;
	FILE *out;

	if (system("command -v promtool >/dev/null 2>&1") != 0)
		return;
	fix_start(&f, with_others);
	fix_ask(&f, &(struct ask){.method = "GET", .path = "/metrics"}, &a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a.body.data);
	out = popen("promtool check metrics >&2", "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_EQUAL(fwrite(a.body.data, 1, a.body.len, out), a.body.len);
	CU_ASSERT_EQUAL(pclose(out), 0);
	fix_answer_free(&a);
	fix_stop(&f);
}

const struct bh_unit_test bh_suite_api_metrics[] = {
	BH_TEST(metrics_hold_the_gateways_counters),
	BH_TEST(promtool_finds_nothing),
	BH_TEST_END,
};
