/* gateway: what sensors find ends a connection before it arrives, where that is configured. */
#include "gateway_talk.h"

#define ATTACK                                                                                     \
	"GET /a?id=1'%20union%20select%20name,pass%20from%20users--%20x HTTP/1.1\r\nHost: "        \
	"db\r\n\r\n"
#define POST                                                                                       \
	"POST /a HTTP/1.1\r\nHost: db\r\nContent-Type: "                                           \
	"application/x-www-form-urlencoded\r\nContent-Length: "
#define CARD "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\ncard 4111 1111 1111 1111"

static const char policy[] =
	RIG_WEB_DB "rules:\n"
		   "  - {id: plain, from: web, to: db, ports: [tcp/80], action: allow}\n"
		   "  - {id: named, from: web, to: db, ports: [tcp/81],\n"
		   "     applications: [http, redis], action: allow}\n"
		   "  - {id: judged, from: web, to: db, ports: [tcp/82],\n"
		   "     applications: [{http: {methods: [GET, POST]}}], action: allow}\n";

/* Compiled once for all tests here. */
static struct bh_inspect_engine *engine;

static void
deny(struct bh_config *c, struct bh_gateway_params *p)
{
	p->inspect = engine;
	c->inspect = BH_INSPECT_DENY;
}

static void
reject(struct bh_config *c, struct bh_gateway_params *p)
{
	p->inspect = engine;
	c->inspect = BH_INSPECT_REJECT;
}

static void
alert(struct bh_config *c, struct bh_gateway_params *p)
{
	p->inspect = engine;
	c->inspect = BH_INSPECT_ALERT;
}

static void
cards_off_sql_denied(struct bh_config *c, struct bh_gateway_params *p)
{
	p->inspect = engine;
	c->inspect = BH_INSPECT_ALERT;
	c->inspect_action[BH_INSPECT_DLP_CARD] = BH_INSPECT_OFF;
	c->inspect_action[BH_INSPECT_SQLI] = BH_INSPECT_DENY;
}

static void
full(struct bh_config *c, struct bh_gateway_params *p)
{
	p->inspect = engine;
	c->inspect = BH_INSPECT_DENY;
	c->inspect_connections = 16;
}

static void
full_passes(struct bh_config *c, struct bh_gateway_params *p)
{
	full(c, p);
	c->exception[BH_EXCEPTION_INSPECT_FULL] = BH_ACTION_PASS;
}

static void
start(struct rig *r, unsigned mode, void (*tune)(struct bh_config *, struct bh_gateway_params *))
{
	struct bh_err err;

	if (engine == NULL)
		CU_ASSERT_EQUAL_FATAL(bh_inspect_engine_create(&engine, &err), 0);
	rig_start(r, &(struct rig_options){.mode = mode, .policy = policy, .tune = tune});
}

static const uint16_t ports[] = {80, 81, 82};

/* It was the attack that ended it: what is published later, for other reasons, does not bring it back. */
static void
connection_that_an_attack_ended_stays_ended_when_the_policy_is_loaded_again(void)
{
	struct rig r;
	struct talk t;
	unsigned i;

	start(&r, BH_MODE_PROTECT, deny);
	for (i = 0; i < BH_ARRAY_SIZE(ports); i++) {
		CU_ASSERT_TRUE(opens(&t, &r, 40000, ports[i]));
		CU_ASSERT_FALSE(says(&t, 0, ATTACK));
		rig_load(&r, policy);
		CU_ASSERT_FALSE(says(&t, 0, GET));
		CU_ASSERT_FALSE(says(&t, 1, "HTTP/1.1 200 OK\r\n\r\n"));
	}
	rig_stop(&r);
}

/* Judged by ports, by application, or by operations: sensors see it alike. */
static void
attack_does_not_arrive_whatever_the_rule_asks(void)
{
	const struct bh_event *e;
	struct rig r;
	struct talk t;
	unsigned i;

	start(&r, BH_MODE_PROTECT, deny);
	for (i = 0; i < BH_ARRAY_SIZE(ports); i++) {
		CU_ASSERT_TRUE(opens(&t, &r, 40000, ports[i]));
		CU_ASSERT_TRUE(says(&t, 0, GET));
		CU_ASSERT_TRUE(says(&t, 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
		rig_clear(&r);
		CU_ASSERT_FALSE(says(&t, 0, ATTACK));
		CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
		CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_SENSOR], 3 * i + 1);
		e = rig_event(&r, BH_EVENT_SENSOR);
		CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_DENY);
		CU_ASSERT_EQUAL(e->reason, BH_REASON_SENSOR);
		CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 0);
		CU_ASSERT_FALSE(says(&t, 0, GET));
		CU_ASSERT_FALSE(says(&t, 1, "late"));
	}
	rig_stop(&r);
}

static void
rejected_attack_resets_both_ends(void)
{
	struct rig r;
	struct talk t;

	start(&r, BH_MODE_PROTECT, reject);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	rig_clear(&r);
	CU_ASSERT_FALSE(says(&t, 0, ATTACK));
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 1);
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 1);
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_SENSOR)->verdict, BH_VERDICT_REJECT);
	rig_stop(&r);
}

/* In monitor it is told as protect would do it, and passes. */
static void
attack_passes_where_nothing_is_blocked(void)
{
	struct rig r;
	struct talk t;

	start(&r, BH_MODE_MONITOR, deny);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, ATTACK));
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_SENSOR)->verdict, BH_VERDICT_VIOLATE);
	rig_stop(&r);
	start(&r, BH_MODE_PROTECT, alert);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, ATTACK));
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_SENSOR)->verdict, BH_VERDICT_ALLOW);
	rig_stop(&r);
}

static void
each_class_has_an_action_of_its_own(void)
{
	struct rig r;
	struct talk t;

	start(&r, BH_MODE_PROTECT, cards_off_sql_denied);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	CU_ASSERT_TRUE(says(&t, 1, CARD));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR), 0);
	CU_ASSERT_FALSE(says(&t, 0, ATTACK));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR) > 0, true);
	rig_stop(&r);
	start(&r, BH_MODE_PROTECT, deny);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	rig_clear(&r);
	CU_ASSERT_FALSE(says(&t, 1, CARD));
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 0);
	rig_stop(&r);
}

/* The first half of a message waits for its rest, and not for ever. */
static void
attack_in_two_segments_does_not_arrive(void)
{
	static const char *const half[] = {POST "28\r\n\r\nid=1' union sel", "ect a,b from c-- "};
	struct rig r;
	struct talk t;
	unsigned i;

	start(&r, BH_MODE_PROTECT, deny);
	for (i = 0; i < BH_ARRAY_SIZE(ports); i++) {
		CU_ASSERT_TRUE(opens(&t, &r, 40000, ports[i]));
		rig_clear(&r);
		CU_ASSERT_FALSE(says(&t, 0, half[0]));
		CU_ASSERT_EQUAL(r.c.held, 1);
		CU_ASSERT_FALSE(says(&t, 0, half[1]));
		CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
		CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_SENSOR], 2 * i + 2);
	}
	rig_stop(&r);
}

static void
unfinished_message_waits_for_a_moment_only(void)
{
	struct rig r;
	struct talk t;
	unsigned i, k;

	start(&r, BH_MODE_PROTECT, deny);
	for (i = 0; i < BH_ARRAY_SIZE(ports); i++) {
		CU_ASSERT_TRUE(opens(&t, &r, 40000, ports[i]));
		CU_ASSERT_FALSE(says(&t, 0, POST "20\r\n\r\na=1&b="));
		for (k = 0; k < 200; k++)
			rig_run(&r);
		CU_ASSERT_EQUAL(r.c.held, 0);
		CU_ASSERT_TRUE(says(&t, 0, "12345678901234"));
		CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR), 0);
		CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_HOLD_TIME], 0);
	}
	rig_stop(&r);
}

/* What was let go as far as it had come is judged again with what follows. */
static void
second_half_of_an_attack_does_not_arrive(void)
{
	struct rig r;
	struct talk t;
	unsigned k;

	start(&r, BH_MODE_PROTECT, deny);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_FALSE(says(&t, 0, POST "28\r\n\r\nid=1' union sel"));
	for (k = 0; k < 200; k++)
		rig_run(&r);
	CU_ASSERT_EQUAL(r.c.held, 0);
	CU_ASSERT_FALSE(says(&t, 0, "ect a,b from c-- "));
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_SENSOR], 1);
	rig_stop(&r);
}

/* Allowed by its port, whatever it says: a dialogue that no detector knows goes on without being held up. */
static void
unknown_dialogue_is_not_held_up(void)
{
	struct rig r;
	struct talk t;
	unsigned k;

	start(&r, BH_MODE_PROTECT, deny);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	says(&t, 0, "\x01\x02");
	for (k = 0; k < 200; k++)
		rig_run(&r);
	CU_ASSERT_EQUAL(r.c.held, 0);
	says(&t, 1, "\x03");
	for (k = 0; k < 200; k++)
		rig_run(&r);
	CU_ASSERT_EQUAL(r.c.held, 0);
	rig_wait(&r, 20000);
	says(&t, 0, "\x04\x05\x06");
	for (k = 0; k < 200; k++)
		rig_run(&r);
	CU_ASSERT_EQUAL(r.c.held, 0);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_HOLD_TIME], 0);
	rig_stop(&r);
}

static void
connection_that_there_is_no_room_to_look_into_is_refused(void)
{
	struct rig r;
	struct talk t;
	unsigned i;

	start(&r, BH_MODE_PROTECT, full);
	for (i = 0; i < 16; i++) {
		CU_ASSERT_TRUE(opens(&t, &r, (uint16_t)(40000 + i), 80));
		CU_ASSERT_TRUE(says(&t, 0, GET));
	}
	CU_ASSERT_TRUE(opens(&t, &r, 40100, 80));
	CU_ASSERT_FALSE(says(&t, 0, GET));
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_INSPECT_FULL], 1);
	/* The same where operations are judged. */
	CU_ASSERT_TRUE(opens(&t, &r, 40101, 82));
	CU_ASSERT_FALSE(says(&t, 0, GET));
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_INSPECT_FULL], 2);
	rig_stop(&r);
	start(&r, BH_MODE_PROTECT, full_passes);
	for (i = 0; i < 16; i++) {
		CU_ASSERT_TRUE(opens(&t, &r, (uint16_t)(40000 + i), 80));
		CU_ASSERT_TRUE(says(&t, 0, GET));
	}
	for (i = 0; i < BH_ARRAY_SIZE(ports); i++) {
		CU_ASSERT_TRUE(opens(&t, &r, (uint16_t)(40100 + i), ports[i]));
		CU_ASSERT_TRUE(says(&t, 0, GET));
	}
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_INSPECT_FULL], 3);
	rig_stop(&r);
	bh_inspect_engine_destroy(engine);
	engine = NULL;
}

const struct bh_unit_test bh_suite_gateway_inspect[] = {
	{"a connection that an attack ended stays ended when the policy is loaded again",
	 connection_that_an_attack_ended_stays_ended_when_the_policy_is_loaded_again},
	BH_TEST(attack_does_not_arrive_whatever_the_rule_asks),
	BH_TEST(rejected_attack_resets_both_ends),
	BH_TEST(attack_passes_where_nothing_is_blocked),
	BH_TEST(each_class_has_an_action_of_its_own),
	BH_TEST(attack_in_two_segments_does_not_arrive),
	BH_TEST(unfinished_message_waits_for_a_moment_only),
	BH_TEST(second_half_of_an_attack_does_not_arrive),
	BH_TEST(unknown_dialogue_is_not_held_up),
	BH_TEST(connection_that_there_is_no_room_to_look_into_is_refused),
	BH_TEST_END,
};
