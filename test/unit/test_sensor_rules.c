/* Rules over messages: conjunction, negation, places, flowbits, thresholds, budgets; and what is refused. */
#include <stdio.h>

#include "sensor_rig.h"

#define L BH_SENSOR_LITERAL
#define X BH_SENSOR_REGEX

static void
all_patterns_of_a_rule_must_match_in_one_message(void)
{
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, "both");
	rig_pattern(&r, X, BH_SENSOR_URL, "/adm[i1]n", BH_SENSOR_NOCASE);
	rig_pattern(&r, L, BH_SENSOR_BODY, "drop", 0);
	rig_start(&r);
	rig_feed(&r, 0, BH_SENSOR_URL, "/ADMIN/x", true);
	bh_sensor_message_end(r.worker, &r.conn, 0);
	rig_feed(&r, 0, BH_SENSOR_BODY, "drop", true);
	bh_sensor_message_end(r.worker, &r.conn, 0);
	CU_ASSERT_EQUAL(r.n, 0); /* two messages */
	rig_feed(&r, 0, BH_SENSOR_URL, "/x", false);
	rig_feed(&r, 0, BH_SENSOR_URL, "/adm", false);
	rig_feed(&r, 0, BH_SENSOR_URL, "in", true);
	rig_feed(&r, 0, BH_SENSOR_BODY, "please dr", false);
	CU_ASSERT_EQUAL(r.n, 0);
	rig_feed(&r, 0, BH_SENSOR_BODY, "op it", false);
	CU_ASSERT_EQUAL_FATAL(r.n, 1); /* before the message ends */
	CU_ASSERT_EQUAL(r.hit[0].message, 2);
	CU_ASSERT_EQUAL(r.hit[0].context, BH_SENSOR_BODY);
	CU_ASSERT_EQUAL(r.hit[0].offset, 11);
	rig_feed(&r, 0, BH_SENSOR_BODY, "drop drop", true);
	bh_sensor_message_end(r.worker, &r.conn, 0);
	CU_ASSERT_EQUAL(r.n, 1); /* once a message */
	rig_end(&r);
}

static void
negated_patterns_are_judged_when_the_message_ends(void)
{
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, "no token");
	rig_pattern(&r, L, BH_SENSOR_URL, "/pay", 0);
	rig_pattern(&r, L, BH_SENSOR_HEADER, "x-token:", BH_SENSOR_NEGATED | BH_SENSOR_NOCASE);
	rig_rule(&r, "only negated");
	rig_pattern(&r, X, BH_SENSOR_HEADER, "^host", BH_SENSOR_NEGATED | BH_SENSOR_NOCASE);
	rig_start(&r);
	rig_feed(&r, 0, BH_SENSOR_URL, "/pay", true);
	rig_feed(&r, 0, BH_SENSOR_HEADER, "Host: a\r\nX-Tok", false);
	rig_feed(&r, 0, BH_SENSOR_HEADER, "en: 1\r\n", true);
	bh_sensor_message_end(r.worker, &r.conn, 0);
	CU_ASSERT_EQUAL(r.n, 0);
	rig_feed(&r, 0, BH_SENSOR_URL, "/pay", true);
	rig_feed(&r, 0, BH_SENSOR_HEADER, "Host: a\r\n", true);
	CU_ASSERT_EQUAL(r.n, 0);
	bh_sensor_message_end(r.worker, &r.conn, 0);
	CU_ASSERT_EQUAL(rig_hits(&r, "no token"), 1);
	CU_ASSERT_EQUAL(rig_hits(&r, "only negated"), 0);
	rig_feed(&r, 0, BH_SENSOR_HEADER, "X: a\r\n", true);
	bh_sensor_message_end(r.worker, &r.conn, 0);
	CU_ASSERT_EQUAL(rig_hits(&r, "only negated"), 1);
	rig_end(&r);
}

static void
packet_patterns_span_messages_and_their_negation_waits_for_the_end(void)
{
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, "spans");
	rig_pattern(&r, L, BH_SENSOR_PACKET, "onetwo", 0);
	rig_rule(&r, "lacks");
	rig_pattern(&r, L, BH_SENSOR_PACKET, "one", 0);
	rig_pattern(&r, L, BH_SENSOR_PACKET, "three", BH_SENSOR_NEGATED);
	rig_start(&r);
	rig_feed(&r, 0, BH_SENSOR_PACKET, "..on", false);
	bh_sensor_message_end(r.worker, &r.conn, 0);
	rig_feed(&r, 0, BH_SENSOR_PACKET, "et", false);
	rig_feed(&r, 0, BH_SENSOR_PACKET, "wo", false);
	CU_ASSERT_EQUAL(rig_hits(&r, "spans"), 1);
	CU_ASSERT_EQUAL(rig_hits(&r, "lacks"), 0);
	bh_sensor_close(r.worker, &r.conn);
	CU_ASSERT_EQUAL(rig_hits(&r, "lacks"), 1);
	rig_open(&r, BH_APP_HTTP);
	rig_feed(&r, 1, BH_SENSOR_PACKET, "one three", false);
	bh_sensor_close(r.worker, &r.conn);
	CU_ASSERT_EQUAL(rig_hits(&r, "lacks"), 1);
	rig_end(&r);
}

struct place {
	const char *text;
	bool hit;
};

static void
try_places(struct rig *r, const struct place *place, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const char *text = place[i].text;
		size_t cut;

		for (cut = 0; cut <= strlen(text); cut++) {
			r->n = 0;
			bh_sensor_feed(r->worker, &r->conn, 0, BH_SENSOR_BODY,
				       (const uint8_t *)text, cut, false);
			bh_sensor_feed(r->worker, &r->conn, 0, BH_SENSOR_BODY,
				       (const uint8_t *)text + cut, strlen(text) - cut, true);
			bh_sensor_message_end(r->worker, &r->conn, 0);
			CU_ASSERT_EQUAL(r->n, place[i].hit);
			if (r->n != place[i].hit)
				fprintf(stderr, "'%s' cut at %zu: %u\n", text, cut, r->n);
		}
	}
}

static void
offset_and_depth_bound_where_a_literal_lies(void)
{
	static const struct place place[] = {{"..abc", true},    {".abc.", false}, {"...abc", true},
					     {"....abc", false}, {"abc", false},   {"", false}};
	struct bh_sensor_pattern *p;
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, "a");
	p = rig_pattern(&r, L, BH_SENSOR_BODY, "abc", BH_SENSOR_OFFSET | BH_SENSOR_DEPTH);
	p->offset = 2;
	p->depth = 4;
	rig_start(&r);
	try_places(&r, place, BH_ARRAY_SIZE(place));
	rig_end(&r);
}

static void
distance_and_within_are_from_the_match_before_whichever_that_is(void)
{
	static const struct place place[] = {
		{"ab.cd", true},       {"ab..cd", true},     {"abcd", false}, {"ab...cd", false},
		{"ab.ab...cd", false}, {"ab...ab.cd", true}, /* not the first ab, the second */
		{"ab..cdcd", true},    {"cd.ab", false},
	};
	struct bh_sensor_pattern *p;
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, "a");
	rig_pattern(&r, L, BH_SENSOR_BODY, "ab", 0);
	p = rig_pattern(&r, L, BH_SENSOR_BODY, "CD",
			BH_SENSOR_DISTANCE | BH_SENSOR_WITHIN | BH_SENSOR_NOCASE);
	p->distance = 1;
	p->within = 3;
	rig_start(&r);
	try_places(&r, place, BH_ARRAY_SIZE(place));
	rig_end(&r);
}

static void
a_negated_relative_pattern_needs_pcre2_and_gets_it(void)
{
	static const struct place place[] = {
		{"user=x", true}, {"user=admin", false},       {"user=xadmin", true},
		{"user=", true},  {"user=admin user=b", true}, {"user=adm", true},
	};
	struct bh_sensor_set_info info;
	struct bh_sensor_pattern *p;
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, "a");
	rig_pattern(&r, L, BH_SENSOR_BODY, "user=", 0);
	p = rig_pattern(&r, L, BH_SENSOR_BODY, "admin", BH_SENSOR_NEGATED | BH_SENSOR_WITHIN);
	p->within = 5;
	rig_start(&r);
	bh_sensor_set_info(r.set, &info);
	CU_ASSERT_EQUAL(info.confirmed, 1);
	try_places(&r, place, BH_ARRAY_SIZE(place));
	rig_end(&r);
}

static void
back_references_and_look_behind_are_confirmed(void)
{
	static const struct place place[] = {
		{"x=abab;", true},
		{"x=abba;", false},
		{"x=abab", false},
		{"y=abab;", false},
	};
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, "a");
	rig_pattern(&r, X, BH_SENSOR_BODY, "(?<=x=)(..)\\1(?=;)", 0);
	rig_start(&r);
	try_places(&r, place, BH_ARRAY_SIZE(place));
	rig_end(&r);
}

static void
sizes_and_ends_are_conditions(void)
{
	static const struct place place[] = {
		{"GET /", true},
		{"GET /x", false},
		{"GET", false},
		{"xGET /", false},
	};
	struct bh_sensor_pattern *p;
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, "a");
	rig_pattern(&r, L, BH_SENSOR_BODY, "GET", BH_SENSOR_STARTSWITH);
	rig_pattern(&r, L, BH_SENSOR_BODY, "/", BH_SENSOR_ENDSWITH);
	p = rig_pattern(&r, BH_SENSOR_SIZE, BH_SENSOR_BODY, "", 0);
	p->size_min = p->size_max = 5;
	p = rig_pattern(&r, BH_SENSOR_DATA_AT, BH_SENSOR_BODY, "", BH_SENSOR_NEGATED);
	p->size_min = 6;
	rig_start(&r);
	try_places(&r, place, BH_ARRAY_SIZE(place));
	rig_end(&r);
}

static void
data_at_counts_the_bytes_behind_a_match(void)
{
	static const struct place place[] = {
		{"LEN:1234", true},
		{"LEN:123", false},
		{"LEN:LEN:4321", true},
		{"LEN:", false},
	};
	struct bh_sensor_pattern *p;
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, "a");
	rig_pattern(&r, L, BH_SENSOR_BODY, "LEN:", 0);
	p = rig_pattern(&r, BH_SENSOR_DATA_AT, BH_SENSOR_BODY, "", BH_SENSOR_RELATIVE);
	p->size_min = 4;
	rig_start(&r);
	try_places(&r, place, BH_ARRAY_SIZE(place));
	rig_end(&r);
}

static void
a_rule_keeps_to_its_side_port_and_application(void)
{
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, "to client")->direction = BH_SENSOR_TO_CLIENT;
	rig_pattern(&r, L, BH_SENSOR_PACKET, "abc", 0);
	bh_sensor_add_ports(r.model, rig_rule(&r, "port 81"), 81, 90, false);
	rig_pattern(&r, L, BH_SENSOR_PACKET, "abc", 0);
	bh_sensor_add_ports(r.model, rig_rule(&r, "not 81"), 81, 90, true);
	rig_pattern(&r, L, BH_SENSOR_PACKET, "abc", 0);
	rig_rule(&r, "dns")->app = BH_APP_DNS;
	rig_pattern(&r, L, BH_SENSOR_PACKET, "abc", 0);
	rig_rule(&r, "http")->app = BH_APP_HTTP;
	rig_pattern(&r, L, BH_SENSOR_PACKET, "ab", 0);
	rig_start(&r);
	rig_feed(&r, 0, BH_SENSOR_PACKET, "abc", false);
	CU_ASSERT_EQUAL(r.n, 2);
	CU_ASSERT_EQUAL(rig_hits(&r, "not 81"), 1);
	CU_ASSERT_EQUAL(rig_hits(&r, "http"), 1);
	rig_feed(&r, 1, BH_SENSOR_PACKET, "abc", false);
	CU_ASSERT_EQUAL(rig_hits(&r, "to client"), 1);
	bh_sensor_close(r.worker, &r.conn);
	rig_open(&r, BH_APP_DNS);
	r.n = 0;
	rig_feed(&r, 0, BH_SENSOR_PACKET, "abc", false);
	CU_ASSERT_EQUAL(rig_hits(&r, "dns"), 1);
	CU_ASSERT_EQUAL(rig_hits(&r, "http"), 0);
	rig_end(&r);
}

static void
flowbits_join_messages_and_sides(void)
{
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, "login");
	rig_pattern(&r, L, BH_SENSOR_URL, "/login", 0);
	bh_sensor_add_bit(r.model, r.rule, BH_SENSOR_BIT_SET, "tried");
	bh_sensor_add_bit(r.model, r.rule, BH_SENSOR_BIT_NOALERT, NULL);
	rig_rule(&r, "failed");
	rig_pattern(&r, L, BH_SENSOR_HTTP_STAT_CODE, "401", 0);
	bh_sensor_add_bit(r.model, r.rule, BH_SENSOR_BIT_ISSET, "tried");
	rig_start(&r);
	rig_feed(&r, 1, BH_SENSOR_HTTP_STAT_CODE, "401", true);
	bh_sensor_message_end(r.worker, &r.conn, 1);
	CU_ASSERT_EQUAL(r.n, 0);
	rig_feed(&r, 0, BH_SENSOR_URL, "/login", true);
	CU_ASSERT_EQUAL(r.n, 0); /* noalert */
	rig_feed(&r, 1, BH_SENSOR_HTTP_STAT_CODE, "401", true);
	CU_ASSERT_EQUAL(r.n, 1);
	CU_ASSERT_STRING_EQUAL(r.hit[0].rule, "failed");
	rig_end(&r);
}

static unsigned
told(struct rig *r, unsigned n, uint64_t now_ns)
{
	unsigned i;

	r->n = 0;
	bh_sensor_turn(r->worker, UINT64_MAX, now_ns);
	for (i = 0; i < n; i++) {
		rig_feed(r, 0, BH_SENSOR_BODY, "abc", true);
		bh_sensor_message_end(r->worker, &r->conn, 0);
	}
	return r->n;
}

static void
thresholds_limit_what_is_told(void)
{
	static const uint8_t type[] = {BH_SENSOR_LIMIT, BH_SENSOR_THRESHOLD, BH_SENSOR_ONCE};
	static const unsigned first[] = {3, 3, 1}, later[] = {3, 1, 1};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(type); i++) {
		struct rig r;

		rig_begin(&r);
		rig_rule(&r, "a")->threshold.type = type[i];
		r.rule->threshold.track = BH_SENSOR_BY_SRC;
		r.rule->threshold.count = 3;
		r.rule->threshold.seconds = 10;
		rig_pattern(&r, L, BH_SENSOR_BODY, "abc", 0);
		rig_start(&r);
		CU_ASSERT_EQUAL(told(&r, 10, 1), first[i]);
		CU_ASSERT_EQUAL(told(&r, 1, 9 * BH_NS_PER_SEC), 0);
		CU_ASSERT_EQUAL(told(&r, 5, 11 * BH_NS_PER_SEC), later[i]);
		rig_end(&r);
	}
}

static void
a_spent_budget_is_told_and_ends_the_region_only(void)
{
	struct rig r;

	rig_begin(&r);
	rig_rule(&r, "a");
	rig_pattern(&r, L, BH_SENSOR_BODY, "abc", 0);
	rig_rule(&r, "lacks");
	rig_pattern(&r, L, BH_SENSOR_BODY, "xyz", BH_SENSOR_NEGATED);
	rig_start(&r);
	bh_sensor_turn(r.worker, 4, 2);
	rig_feed(&r, 0, BH_SENSOR_BODY, "....abc", false);
	rig_feed(&r, 0, BH_SENSOR_BODY, "abc", true);
	bh_sensor_message_end(r.worker, &r.conn, 0);
	CU_ASSERT_EQUAL(r.n, 0); /* nor "lacks": what was not looked at may have it */
	CU_ASSERT_EQUAL(r.limits[BH_SENSOR_LIMIT_BUDGET], 1);
	bh_sensor_turn(r.worker, 4, 2);
	rig_feed(&r, 0, BH_SENSOR_BODY, "abc", true);
	CU_ASSERT_EQUAL(r.n, 1);
	rig_end(&r);
}

static void
a_full_pool_blinds_and_gives_everything_back(void)
{
	struct bh_sensor_worker_params params = {.pool_bytes = 4096};
	struct bh_sensor_conn conn[64];
	struct bh_sensor_counters n;
	struct rig r;
	unsigned i;

	rig_begin(&r);
	rig_rule(&r, "a");
	rig_pattern(&r, X, BH_SENSOR_PACKET, "abc.*def", 0);
	CU_ASSERT_EQUAL_FATAL(rig_compile(&r, NULL), 0);
	rig_worker(&r, &params);
	bh_sensor_publish(r.worker, r.set, BH_SENSOR_DRAIN);
	bh_sensor_turn(r.worker, UINT64_MAX, 1);
	for (i = 0; i < BH_ARRAY_SIZE(conn); i++) {
		bh_sensor_open(r.worker, &conn[i], &(struct bh_sensor_open){.app = BH_APP_HTTP});
		bh_sensor_feed(r.worker, &conn[i], 0, BH_SENSOR_PACKET, (const uint8_t *)"abc", 3,
			       false);
	}
	CU_ASSERT(r.limits[BH_SENSOR_LIMIT_MEMORY] > 0);
	CU_ASSERT(r.limits[BH_SENSOR_LIMIT_MEMORY] < 64);
	for (i = 0; i < BH_ARRAY_SIZE(conn); i++)
		bh_sensor_close(r.worker, &conn[i]);
	bh_sensor_turn(r.worker, UINT64_MAX, 1);
	bh_sensor_counters(r.worker, &n);
	CU_ASSERT_EQUAL(n.pool_used, 0);
	CU_ASSERT(n.pool_peak <= 4096);
	rig_end(&r);
}

static void
a_refusal_says_where_and_why(void)
{
	struct bh_sensor_pattern *p;
	struct rig r;

	rig_begin(&r);
	r.sensor->file = "my.yaml";
	rig_rule(&r, "fine");
	rig_pattern(&r, L, BH_SENSOR_BODY, "abc", 0);
	rig_rule(&r, "broken");
	p = rig_pattern(&r, X, BH_SENSOR_URL, "ab(cd", 0);
	p->line = 7;
	p->column = 12;
	CU_ASSERT_EQUAL(bh_sensor_check(r.model, r.sensor->rules, &r.err), 0);
	CU_ASSERT_EQUAL(bh_sensor_check(r.model, r.rule, &r.err), -22);
	memset(&r.err, 0, sizeof(r.err));
	CU_ASSERT_EQUAL(rig_compile(&r, NULL), -22);
	CU_ASSERT_STRING_EQUAL(r.err.file, "my.yaml");
	CU_ASSERT_EQUAL(r.err.line, 7);
	CU_ASSERT_EQUAL(r.err.column, 17);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.err.what, "sensor 'test', rule 'broken', url pattern"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.err.what, "at byte 5: missing closing parenthesis"));
	r.rule->off = true;
	CU_ASSERT_EQUAL(rig_compile(&r, NULL), 0);
	rig_end(&r);
}

/* Which it is depends on the libhs that is installed; that the check agrees with one literal that is known to be missed by the
 * bad one does not. */
static void
the_engine_check_tells_a_libhs_that_misses_literals(void)
{
	struct bh_err err = {0};
	char text[78];
	struct rig r;
	int rc;

	rig_begin(&r);
	rig_rule(&r, "a");
	rig_pattern(&r, L, BH_SENSOR_BODY, "a", 0);
	rig_start(&r);
	memset(text, '.', sizeof(text));
	strcpy(text + 73, "\na\na");
	rig_feed(&r, 0, BH_SENSOR_BODY, text, true);
	rc = bh_sensor_engine_check(&err);
	CU_ASSERT_EQUAL(r.n, rc == 0);
	CU_ASSERT(rc == 0 || strstr(err.what, "libhyperscan5") != NULL);
	rig_end(&r);
}

const struct bh_unit_test bh_suite_sensor_rules[] = {
	BH_TEST(all_patterns_of_a_rule_must_match_in_one_message),
	BH_TEST(negated_patterns_are_judged_when_the_message_ends),
	BH_TEST(packet_patterns_span_messages_and_their_negation_waits_for_the_end),
	BH_TEST(offset_and_depth_bound_where_a_literal_lies),
	BH_TEST(distance_and_within_are_from_the_match_before_whichever_that_is),
	BH_TEST(a_negated_relative_pattern_needs_pcre2_and_gets_it),
	BH_TEST(back_references_and_look_behind_are_confirmed),
	BH_TEST(sizes_and_ends_are_conditions),
	BH_TEST(data_at_counts_the_bytes_behind_a_match),
	BH_TEST(a_rule_keeps_to_its_side_port_and_application),
	BH_TEST(flowbits_join_messages_and_sides),
	BH_TEST(thresholds_limit_what_is_told),
	BH_TEST(a_spent_budget_is_told_and_ends_the_region_only),
	BH_TEST(a_full_pool_blinds_and_gives_everything_back),
	BH_TEST(a_refusal_says_where_and_why),
	BH_TEST(the_engine_check_tells_a_libhs_that_misses_literals),
	BH_TEST_END,
};
