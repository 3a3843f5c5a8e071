/* gateway: SYN floods, and the cookies that real clients answer. */
#include "../../lib/gateway/threat_state.h"
#include "threat_rig.h"

static void
small(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->threat[BH_THREAT_SYN_FLOOD].threshold = 64;
	c->threat[BH_THREAT_SYN_FLOOD].window_ms = 1000;
}

static void
excepted(struct bh_config *c, struct bh_gateway_params *p)
{
	small(c, p);
	c->threat[BH_THREAT_SYN_FLOOD].except = 1;
	c->n_threat_segments = 1;
	strcpy(c->threat_segment[0], "testers");
}

static void
told_only(struct bh_config *c, struct bh_gateway_params *p)
{
	small(c, p);
	c->threat[BH_THREAT_SYN_FLOOD].action = BH_THREAT_ALERT;
}

static void
all_off(struct bh_config *c, struct bh_gateway_params *p)
{
	unsigned i;

	small(c, p);
	for (i = 0; i < BH_THREAT_COUNT; i++)
		c->threat[i].on = false;
}

/* What the last SYN/ACK that left on the outside acknowledges. */
static uint32_t
cookie_in(const struct rig *r)
{
	const struct rig_frame *f = &r->wire[RIG_OUTSIDE].out[r->wire[RIG_OUTSIDE].n_out - 1];
	const uint8_t *tcp = f->b + rig_l4(f);

	CU_ASSERT_TRUE(rig_checksums_good(f));
	CU_ASSERT_EQUAL(tcp[13], BH_TCP_SYN | BH_TCP_ACK);
	return bh_load_be32(tcp + 8);
}

static void
answer_cookie(struct rig *r, unsigned i, uint32_t cookie)
{
	struct rig_frame f;
	char name[32];

	rig_build(&f, &(struct rig_packet){.src = client_name(i, name),
					   .dst = SERVER,
					   .proto = 6,
					   .sport = (uint16_t)(2000 + i),
					   .dport = 80,
					   .tcp_flags = BH_TCP_RST,
					   .seq = cookie});
	rig_clear(r);
	rig_put(r, RIG_OUTSIDE, &f);
	rig_run(r);
	CU_ASSERT_EQUAL(r->wire[RIG_INSIDE].n_out, 0);
}

static void
flood_fills_neither_table_nor_server(void)
{
	const struct bh_event *e;
	struct rig r;
	unsigned n;

	threat_start(&r, small, BH_MODE_PROTECT);
	flood(&r, 0, 64, SERVER);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 64);
	flood(&r, 64, 900, SERVER);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 64);
	CU_ASSERT_EQUAL(r.c.flows, 64);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_SYN_COOKIE], 900 - 64);
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 900 - 64);
	e = threat_find(&r, "threat.syn_flood", &n);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT_EQUAL(e->judged_bytes[0], 64);
	CU_ASSERT_EQUAL(e->judged_bytes[1], 64);
	CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_DENY);
	/* Another server is not asked for anything. */
	flood(&r, 900, 910, SERVER2);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 74);
	rig_stop(&r);
}

static void
bare_syns_are_answered_at_a_rate_alone(void)
{
	struct rig r;

	threat_start(&r, small, BH_MODE_PROTECT);
	r.g->worker[0]->threat->bare.rate = 50;
	flood(&r, 0, 900, SERVER);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 64);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_SYN_COOKIE], 900 - 64);
	/* A second's worth, and a little for the time that went by. */
	CU_ASSERT(r.wire[RIG_OUTSIDE].n_out >= 50 && r.wire[RIG_OUTSIDE].n_out <= 55);
	rig_stop(&r);
}

/* Bare SYNs beyond a rate get no answer: they are not even judged. Who has proved itself is, and a flood that ended is no
 * reason to look at SYNs twice. */
static void
unanswered_syns_are_not_judged(void)
{
	struct rig_frame f;
	struct rig r;
	uint64_t judged;
	uint32_t cookie;

	threat_start(&r, small, BH_MODE_PROTECT);
	r.g->worker[0]->threat->bare.rate = 50;
	flood(&r, 0, 66, SERVER);
	cookie = cookie_in(&r);
	answer_cookie(&r, 65, cookie);
	flood(&r, 200, 600, SERVER);
	judged = r.c.judged;
	rig_clear(&r);
	flood(&r, 600, 1100, SERVER);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
	CU_ASSERT(r.c.judged - judged < 50);
	/* The RST was no SYN, and the one that made it a flood was let in. */
	CU_ASSERT_EQUAL(threat_total(&r), r.c.dropped[BH_REASON_SYN_COOKIE] - 1 + 1);
	syn_of(&f, 65, SERVER);
	CU_ASSERT(rig_passes(&r, RIG_OUTSIDE, &f));
	CU_ASSERT(connects(&r, "10.1.7.7", SERVER2, 3000, 80));
	rig_wait(&r, 70000);
	rig_run(&r);
	CU_ASSERT(connects(&r, "10.1.7.7", SERVER2, 3001, 80));
	CU_ASSERT_FALSE(r.g->worker[0]->watch.flooded);
	rig_stop(&r);
}

static void
same_syns_again_do_not_pass(void)
{
	struct rig r;

	threat_start(&r, small, BH_MODE_PROTECT);
	flood(&r, 0, 40, SERVER);
	flood(&r, 0, 40, SERVER);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 80);
	flood(&r, 0, 200, SERVER);
	/* A burst of 32, then what was still missing to 64: from this burst on. */
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 80 + 32 + 24);
	flood(&r, 0, 200, SERVER);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 80 + 32 + 24);
	rig_stop(&r);
}

static void
client_that_answers_its_cookie_connects(void)
{
	struct rig_frame f;
	struct rig r;
	uint32_t cookie;

	threat_start(&r, small, BH_MODE_PROTECT);
	CU_ASSERT(connects(&r, "10.1.5.5", SERVER, 3000, 80));
	flood(&r, 0, 200, SERVER);
	/* Wrong answers: one number off, another client's. */
	rig_clear(&r);
	syn_of(&f, 300, SERVER);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	cookie = cookie_in(&r);
	CU_ASSERT_NOT_EQUAL(cookie, 1001);
	answer_cookie(&r, 300, cookie + 1);
	answer_cookie(&r, 301, cookie);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
	/* The right one. */
	answer_cookie(&r, 300, cookie);
	CU_ASSERT(connects(&r, "10.1.1.101", SERVER, 2300, 80));
	/* It is asked no more, nor is who was connected before. */
	CU_ASSERT(connects(&r, "10.1.1.101", SERVER, 2301, 80));
	tcp_frame(&f, "10.1.5.5", SERVER, (uint16_t[2]){3000, 80}, BH_TCP_ACK | BH_TCP_PSH);
	CU_ASSERT(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_stop(&r);
}

static void
old_cookie_is_worth_nothing(void)
{
	struct rig_frame f;
	struct rig r;
	uint32_t cookie;

	threat_start(&r, small, BH_MODE_PROTECT);
	flood(&r, 0, 200, SERVER);
	rig_clear(&r);
	syn_of(&f, 300, SERVER);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	cookie = cookie_in(&r);
	rig_wait(&r, 125000);
	rig_run(&r);
	flood(&r, 400, 600, SERVER);
	rig_wait(&r, 10000);
	answer_cookie(&r, 300, cookie);
	flood(&r, 600, 800, SERVER);
	rig_clear(&r);
	syn_of(&f, 300, SERVER);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
	rig_stop(&r);
}

static void
after_the_flood_nobody_is_asked(void)
{
	struct rig_frame f;
	struct rig r;
	unsigned i;

	threat_start(&r, small, BH_MODE_PROTECT);
	flood(&r, 0, 300, SERVER);
	/* A trickle goes on while the half-open connections end. */
	for (i = 0; i < 40; i++) {
		rig_wait(&r, 1000);
		rig_run(&r);
	}
	CU_ASSERT_EQUAL(r.c.flows, 0);
	syn_of(&f, 500, SERVER);
	CU_ASSERT(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_stop(&r);
}

static void
connections_that_complete_are_no_flood(void)
{
	char name[32];
	struct rig r;
	unsigned i;

	threat_start(&r, small, BH_MODE_PROTECT);
	for (i = 0; i < 200; i++)
		CU_ASSERT(connects(&r, client_name(i, name), SERVER, 4000, 80));
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	rig_stop(&r);
}

static void
flood_of_what_is_denied_opens_no_flows(void)
{
	uint64_t before, opened;
	struct rig_frame f;
	char name[32];
	struct rig r;
	unsigned i;

	threat_start(&r, small, BH_MODE_PROTECT);
	flood(&r, 0, 100, SERVER);
	before = r.c.dropped[BH_REASON_DEFAULT_DENY];
	opened = r.c.flows_opened;
	for (i = 0; i < 100; i++) {
		tcp_frame(&f, client_name(i, name), SERVER, (uint16_t[2]){5000, 22}, BH_TCP_SYN);
		rig_put(&r, RIG_OUTSIDE, &f);
	}
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_DEFAULT_DENY], before + 100);
	CU_ASSERT_EQUAL(r.c.flows_opened, opened);
	rig_stop(&r);
}

static void
excepted_segment_floods_freely(void)
{
	struct rig r;

	threat_start(&r, excepted, BH_MODE_PROTECT);
	flood(&r, 1800, 1990, SERVER); /* 10.1.9.* */
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 190);
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.syn_flood"), 0);
	/* The others, to the same server, do not. */
	flood(&r, 0, 10, SERVER);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 190);
	rig_stop(&r);
}

static void
alert_and_monitor_let_it_pass(void)
{
	struct rig r;

	threat_start(&r, told_only, BH_MODE_PROTECT);
	flood(&r, 0, 200, SERVER);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 200);
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.syn_flood"), 1);
	rig_stop(&r);
	threat_start(&r, small, BH_MODE_MONITOR);
	flood(&r, 0, 200, SERVER);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 200);
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.syn_flood"), 1);
	rig_stop(&r);
	threat_start(&r, all_off, BH_MODE_PROTECT);
	flood(&r, 0, 200, SERVER);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 200);
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_flood[] = {
	BH_TEST(flood_fills_neither_table_nor_server),
	BH_TEST(bare_syns_are_answered_at_a_rate_alone),
	BH_TEST(unanswered_syns_are_not_judged),
	BH_TEST(same_syns_again_do_not_pass),
	BH_TEST(client_that_answers_its_cookie_connects),
	BH_TEST(old_cookie_is_worth_nothing),
	BH_TEST(after_the_flood_nobody_is_asked),
	BH_TEST(connections_that_complete_are_no_flood),
	BH_TEST(flood_of_what_is_denied_opens_no_flows),
	BH_TEST(excepted_segment_floods_freely),
	BH_TEST(alert_and_monitor_let_it_pass),
	BH_TEST_END};
