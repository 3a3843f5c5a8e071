/* gateway: flows that are judged by what they say. */
#include "gateway_talk.h"

static const char policy[] =
	RIG_WEB_DB "rules:\n"
		   "  - {id: cache, from: web, to: db, applications: [redis, dns], action: allow}\n"
		   "  - {id: site, from: web, to: db, ports: [tcp/80], denied: respond,\n"
		   "     applications: [{http: {methods: [GET]}}], action: allow}\n";

static void
start(struct rig *r, unsigned mode)
{
	rig_start(r, &(struct rig_options){.mode = mode, .policy = policy});
}

static void
allowed_application_passes_and_costs_nothing_more_when_it_is_acknowledged(void)
{
	struct rig r;
	struct talk t;

	start(&r, BH_MODE_PROTECT);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 7777));
	CU_ASSERT_TRUE(says(&t, 0, PING));
	CU_ASSERT_EQUAL(r.c.flows, 1);
	CU_ASSERT_TRUE(says(&t, 1, "+PONG\r\n"));
	CU_ASSERT_TRUE(acks(&t, 0));
	CU_ASSERT_TRUE(says(&t, 0, PING));
	CU_ASSERT_EQUAL(bh_stream_count(bh_gateway_worker(r.g, 0)->streams), 0);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 0);
	rig_stop(&r);
}

static void
nothing_of_another_application_reaches_the_server(void)
{
	const struct bh_event *e;
	struct rig r;
	struct talk t;

	start(&r, BH_MODE_PROTECT);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 7777));
	rig_clear(&r);
	CU_ASSERT_FALSE(says(&t, 0, GET));
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_APP_DENY], 1);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 1);
	e = rig_event(&r, BH_EVENT_VIOLATION);
	CU_ASSERT_STRING_EQUAL(bh_app_name(e->app), "http");
	CU_ASSERT_EQUAL(e->reason, BH_REASON_APP_DENY);
	CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_DENY);
	CU_ASSERT_FALSE(says(&t, 0, PING));
	CU_ASSERT_FALSE(says(&t, 1, "+PONG\r\n"));
	rig_stop(&r);
}

static void
undecided_bytes_wait_and_leave_in_order_once_they_are_known(void)
{
	struct rig r;
	struct talk t;
	struct rig_frame a, b;

	start(&r, BH_MODE_PROTECT);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 7777));
	rig_clear(&r);
	frame(&t, 0, BH_TCP_ACK | BH_TCP_PSH, "*1\r\n$4", &a);
	CU_ASSERT_FALSE(says(&t, 0, "*1\r\n$4"));
	CU_ASSERT_EQUAL(r.c.held, 1);
	frame(&t, 0, BH_TCP_ACK | BH_TCP_PSH, "\r\nPING\r\n", &b);
	rig_put(&r, RIG_OUTSIDE, &b);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 2);
	CU_ASSERT_TRUE(rig_same(&r.wire[RIG_INSIDE].out[0], &a));
	CU_ASSERT_TRUE(rig_same(&r.wire[RIG_INSIDE].out[1], &b));
	CU_ASSERT_EQUAL(r.c.held, 0);
	rig_stop(&r);
}

static void
run_ms(struct rig *r, unsigned ms)
{
	for (unsigned i = 0; i < ms; i++)
		rig_run(r);
}

/* What it waits for is its sender's next try. */
static void
what_lies_behind_a_gap_waits_longer(void)
{
	struct rig r;
	struct talk t;

	start(&r, BH_MODE_PROTECT);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 7777));
	t.seq[0] += 4;
	CU_ASSERT_FALSE(says(&t, 0, "$4\r\nPING\r\n"));
	rig_wait(&r, 29000);
	run_ms(&r, 200);
	CU_ASSERT_EQUAL(r.c.held, 1);
	t.seq[0] -= 4 + 10;
	says(&t, 0, "*1\r\n");
	CU_ASSERT_EQUAL(r.c.held, 0);
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_HOLD_FULL], 0);
	CU_ASSERT_TRUE(opens(&t, &r, 40001, 7777));
	t.seq[0] += 4;
	CU_ASSERT_FALSE(says(&t, 0, "$4\r\nPING\r\n"));
	rig_wait(&r, 30000);
	run_ms(&r, 200);
	CU_ASSERT_EQUAL(r.c.held, 0);
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_HOLD_FULL], 1);
	rig_stop(&r);
}

static void
what_stays_undecided_is_refused_when_its_time_is_over(void)
{
	struct rig r;
	struct talk t;

	start(&r, BH_MODE_PROTECT);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 7777));
	CU_ASSERT_FALSE(says(&t, 0, "*1\r\n$4"));
	rig_wait(&r, 9900);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.held, 1);
	for (int i = 0; i < 200; i++)
		rig_run(&r);
	CU_ASSERT_EQUAL(r.c.held, 0);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_HOLD_TIME], 1);
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_HOLD_FULL], 1);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 1);
	CU_ASSERT_FALSE(says(&t, 0, "\r\nPING\r\n"));
	rig_stop(&r);
}

static void
sent_again_with_other_content_ends_the_connection(void)
{
	struct rig r;
	struct talk t;
	struct rig_frame f;

	start(&r, BH_MODE_PROTECT);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 7777));
	CU_ASSERT_TRUE(says(&t, 0, PING));
	t.seq[0] -= (uint32_t)strlen(PING);
	frame(&t, 0, BH_TCP_ACK | BH_TCP_PSH, PING, &f);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	frame(&t, 0, BH_TCP_ACK | BH_TCP_PSH, "*1\r\n$4\r\nQUIT\r\n", &f);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_TCP_CONFLICT));
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_TCP_CONFLICT], 1);
	frame(&t, 0, BH_TCP_ACK | BH_TCP_PSH, PING, &f);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_TCP_CONFLICT));
	rig_stop(&r);
}

static void
denied_request_never_arrives_and_is_answered(void)
{
	const struct bh_event *e;
	struct rig r;
	struct talk t;
	const struct rig_frame *a;
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;

	start(&r, BH_MODE_PROTECT);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	CU_ASSERT_TRUE(says(&t, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	CU_ASSERT_TRUE(says(&t, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
	rig_clear(&r);
	CU_ASSERT_FALSE(says(&t, 0, DELETE_IT));
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_OPERATION_DENY], 1);
	/* The server gets a RST where it expects the next byte, the client 403. */
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 1);
	a = &r.wire[RIG_INSIDE].out[0];
	CU_ASSERT_EQUAL(a->b[14 + 20 + 13], BH_TCP_RST);
	CU_ASSERT_EQUAL(bh_load_be32(a->b + 14 + 20 + 4), t.seq[0] - strlen(DELETE_IT));
	CU_ASSERT_TRUE(rig_checksums_good(a));
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 1);
	a = &r.wire[RIG_OUTSIDE].out[0];
	CU_ASSERT_EQUAL(memcmp(a->b + 14 + 20 + 20, "HTTP/1.1 403 ", 13), 0);
	CU_ASSERT_EQUAL(bh_load_be32(a->b + 14 + 20 + 4), t.seq[1]);
	CU_ASSERT_EQUAL(bh_load_be32(a->b + 14 + 20 + 8), t.seq[0]);
	CU_ASSERT_TRUE(rig_checksums_good(a));
	e = rig_event(&r, BH_EVENT_VIOLATION);
	CU_ASSERT_EQUAL(e->reason, BH_REASON_OPERATION_DENY);
	CU_ASSERT_TRUE(bh_event_text_next(e, &cursor, &field, &at, &len));
	CU_ASSERT_TRUE(field == BH_OP_HTTP_METHOD && len == 6 && memcmp(at, "DELETE", 6) == 0);
	rig_stop(&r);
}

static void
pipelined_request_is_judged_by_itself(void)
{
	struct rig r;
	struct talk t;

	start(&r, BH_MODE_PROTECT);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	rig_clear(&r);
	CU_ASSERT_FALSE(says(&t, 0, GET DELETE_IT));
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_OPERATION_DENY], 1);
	/* A response is owed for the first: a reset, no 403 in its place. */
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 1);
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].out[0].b[14 + 20 + 13], BH_TCP_RST);
	rig_stop(&r);
}

static void
monitor_reports_and_holds_nothing(void)
{
	struct rig r;
	struct talk t;

	start(&r, BH_MODE_MONITOR);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 7777));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 1);
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_VIOLATION)->verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_VIOLATION)->mode, BH_MODE_MONITOR);
	CU_ASSERT_TRUE(says(&t, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
	rig_clear(&r);
	CU_ASSERT_TRUE(opens(&t, &r, 40001, 80));
	CU_ASSERT_TRUE(says(&t, 0, DELETE_IT));
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_VIOLATION)->reason, BH_REASON_OPERATION_DENY);
	CU_ASSERT_TRUE(says(&t, 0, GET));
	rig_stop(&r);
}

static void
new_policy_holds_for_what_waits(void)
{
	struct rig r;
	struct talk t;
	char other[sizeof(policy)];

	start(&r, BH_MODE_PROTECT);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 7777));
	CU_ASSERT_FALSE(says(&t, 0, "*1\r\n$4"));
	memcpy(other, policy, sizeof(policy));
	memcpy(strstr(other, "[redis, dns]"), "[nats , dns]", 12);
	rig_load(&r, other);
	rig_clear(&r);
	CU_ASSERT_FALSE(says(&t, 0, "\r\nPING\r\n"));
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
	CU_ASSERT_EQUAL(r.c.held, 0);
	rig_stop(&r);
}

/* Bytes have passed that nobody looked at: rules that ask for words can't be told now. */
static void
connection_seen_by_ports_alone_does_not_outlive_a_rule_about_words(void)
{
	struct rig r;
	struct talk t;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT,
					    .policy = RIG_WEB_DB
					    "rules:\n"
					    "  - {from: web, to: db, action: allow}\n"});
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	rig_load(&r, policy);
	CU_ASSERT_FALSE(says(&t, 0, GET));
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_TCP_MIDSTREAM], 1);
	rig_stop(&r);
}

static bool
datagram(struct rig *r, uint16_t dport, const void *data, uint16_t len)
{
	struct rig_frame f;

	rig_build(&f, &(struct rig_packet){.src = WEB,
					   .dst = DB,
					   .proto = 17,
					   .sport = 5353,
					   .dport = dport,
					   .payload = len,
					   .text = data});
	return rig_passes(r, RIG_OUTSIDE, &f);
}

static void
datagrams_are_judged_by_what_they_say(void)
{
	static const uint8_t query[] = {0x12, 0x34, 1,   0,   0,   1,   0,   0,   0,   0,   0,
					0,    3,    'w', 'w', 'w', 7,   'e', 'x', 'a', 'm', 'p',
					'l',  'e',  3,   'c', 'o', 'm', 0,   0,   1,   0,   1};
	uint8_t noise[64];
	struct rig r;
	unsigned i;

	start(&r, BH_MODE_PROTECT);
	CU_ASSERT_TRUE(datagram(&r, 9953, query, sizeof(query)));
	memset(noise, 0xee, sizeof(noise));
	for (i = 0; i < 40; i++)
		CU_ASSERT_FALSE(datagram(&r, 9954, noise, sizeof(noise)));
	CU_ASSERT_EQUAL(r.c.held, 0);
	CU_ASSERT_EQUAL(r.c.forwarded, 1);
	rig_stop(&r);
}

static void
alert_on_attacks(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->inspect = BH_INSPECT_ALERT;
	c->inspect_connections = 16;
}

static void
attack_inside_an_allowed_connection_is_told_and_masked(void)
{
	const struct bh_event *e;
	struct rig r;
	struct talk t;
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;
	bool seen = false;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT,
					    .policy = policy,
					    .tune = alert_on_attacks});
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	CU_ASSERT_TRUE(says(&t, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR), 0);
	CU_ASSERT_TRUE(says(&t, 0,
			    "GET /a?id=1%27%20or%20%271%27%3D%271%27--%20&c=4111111111111111 "
			    "HTTP/1.1\r\nHost: db\r\n\r\n"));
	CU_ASSERT(rig_count_events(&r, BH_EVENT_SENSOR) >= 1);
	for (e = r.event; e < r.event + r.n_events; e = bh_event_after(e)) {
		if (e->type != BH_EVENT_SENSOR)
			continue;
		cursor = 0;
		while (bh_event_text_next(e, &cursor, &field, &at, &len)) {
			seen |= field == BH_EVENT_SENSOR_KEY && len == 4 &&
				memcmp(at, "sqli", 4) == 0;
			CU_ASSERT_PTR_NULL(memmem(at, len, "4111111111111111", 16));
		}
	}
	CU_ASSERT_TRUE(seen);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_app[] = {
	BH_TEST(allowed_application_passes_and_costs_nothing_more_when_it_is_acknowledged),
	BH_TEST(nothing_of_another_application_reaches_the_server),
	BH_TEST(undecided_bytes_wait_and_leave_in_order_once_they_are_known),
	BH_TEST(what_lies_behind_a_gap_waits_longer),
	BH_TEST(what_stays_undecided_is_refused_when_its_time_is_over),
	BH_TEST(sent_again_with_other_content_ends_the_connection),
	BH_TEST(denied_request_never_arrives_and_is_answered),
	BH_TEST(pipelined_request_is_judged_by_itself),
	BH_TEST(monitor_reports_and_holds_nothing),
	BH_TEST(new_policy_holds_for_what_waits),
	BH_TEST(connection_seen_by_ports_alone_does_not_outlive_a_rule_about_words),
	BH_TEST(datagrams_are_judged_by_what_they_say),
	BH_TEST(attack_inside_an_allowed_connection_is_told_and_masked),
	BH_TEST_END,
};
