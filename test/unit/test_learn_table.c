/* learn: what becomes a conversation, what does not, and what is bounded. */
#include "learn_rig.h"

static void
sessions_of_one_kind_are_one_conversation(void)
{
	struct rig r;

	rig_enter(&r);
	rig_see(&r, 2, 3, 6379, BH_APP_REDIS);
	rig_see(&r, 2, 3, 6379, BH_APP_REDIS);
	rig_see(&r, 2, 3, 80, BH_APP_HTTP);
	rig_see(&r, 3, 2, 80, BH_APP_HTTP);
	RIG_IS(&r, "s2>s3 6/6379 redis 0/2/0/0, s2>s3 6/80 http 0/1/0/0, s3>s2 6/80 http 0/1/0/0");
	rig_leave(&r);
}

static void
what_was_never_answered_is_not_kept(void)
{
	struct bh_learn_counts c;
	struct bh_event e;
	struct rig r;

	rig_enter(&r);
	e = rig_flow(&r, 2, 3, 22, 0);
	e.flow_state = BH_STATE_SYN_SENT;
	e.tcp_seen[0] = BH_TCP_SYN;
	e.tcp_seen[1] = 0;
	bh_learn_events(r.l, &e, 1);
	e.tcp_seen[1] = BH_TCP_RST | BH_TCP_ACK; /* closed port */
	e.flow_state = BH_STATE_CLOSED;
	bh_learn_events(r.l, &e, 1);
	RIG_IS(&r, "");
	bh_learn_counts(r.l, &c);
	CU_ASSERT_EQUAL(c.unanswered, 2);
	/* But what policy refused has no answer, and is told. */
	e.verdict = BH_VERDICT_DENY;
	e.reason = BH_REASON_DEFAULT_DENY;
	bh_learn_events(r.l, &e, 1);
	RIG_IS(&r, "s2>s3 6/22 - 0/0/0/1 not");
	rig_leave(&r);
}

static void
what_a_rule_denies_or_monitor_passes_is_not_learned(void)
{
	struct bh_event e;
	struct rig r;

	rig_enter(&r);
	e = rig_flow(&r, 2, 3, 23, BH_APP_TELNET);
	e.rule = 7; /* discover, against a rule that denies */
	bh_learn_events(r.l, &e, 1);
	e = rig_flow(&r, 2, 3, 24, 0);
	e.verdict = BH_VERDICT_VIOLATE;
	bh_learn_events(r.l, &e, 1);
	e = rig_flow(&r, 2, 3, 25, BH_APP_SMTP);
	e.reason = BH_REASON_RULE_ALLOW;
	e.rule = 7;
	bh_learn_events(r.l, &e, 1);
	RIG_IS(&r, "s2>s3 6/23 telnet 0/0/1/0 not, s2>s3 6/24 - 0/0/1/0 not, "
		   "s2>s3 6/25 smtp 1/0/0/0 not");
	rig_leave(&r);
}

static void
an_open_connection_is_known_once_its_application_is(void)
{
	struct bh_event e;
	struct bh_flow f;
	struct rig r;

	rig_enter(&r);
	e = rig_flow(&r, 2, 3, 6379, 0);
	f = (struct bh_flow){.key = e.key,
			     .verdict = e.verdict,
			     .reason = e.reason,
			     .rule = UINT32_MAX,
			     .state = BH_STATE_ESTABLISHED,
			     .segment = {2, 3}};
	memcpy(f.tcp_seen, e.tcp_seen, 2);
	bh_learn_look_begin(r.l);
	bh_learn_look_flow(r.l, &f);
	bh_learn_look_end(r.l);
	RIG_IS(&r, "");
	f.app = BH_APP_REDIS;
	bh_learn_look_begin(r.l);
	bh_learn_look_flow(r.l, &f);
	bh_learn_look_end(r.l);
	RIG_IS(&r, "s2>s3 6/6379 redis 0/0/0/0 open");
	/* A look counts nothing twice. */
	bh_learn_look_begin(r.l);
	bh_learn_look_flow(r.l, &f);
	bh_learn_look_end(r.l);
	e.app = BH_APP_REDIS;
	bh_learn_events(r.l, &e, 1);
	bh_learn_look_begin(r.l);
	bh_learn_look_end(r.l);
	RIG_IS(&r, "s2>s3 6/6379 redis 0/1/0/0");
	rig_leave(&r);
}

static void
an_address_is_itself_until_there_are_many(void)
{
	struct bh_event e;
	struct rig r;
	unsigned i;

	rig_enter(&r);
	for (i = 1; i <= 6; i++) {
		e = rig_flow(&r, 2, RIG_EXTERNAL, 443, BH_APP_TLS);
		e.key.addr[1].b[0] = 192;
		e.key.addr[1].b[2] = 2;
		e.key.addr[1].b[3] = (uint8_t)(i < 5 ? i : i == 5 ? 1 : 200);
		bh_learn_events(r.l, &e, 1);
	}
	RIG_IS(&r, "s2>host-192.0.2.1 6/443 tls 0/2/0/0, s2>host-192.0.2.2 6/443 tls 0/1/0/0, "
		   "s2>host-192.0.2.3 6/443 tls 0/1/0/0, s2>host-192.0.2.4 6/443 tls 0/1/0/0, "
		   "s2>external 6/443 tls 0/1/0/0");
	/* Once the learned list has made it a segment, it is the same party. */
	rig_see(&r, 2, 1002, 443, BH_APP_TLS);
	/* The other direction has its own room. */
	e = rig_flow(&r, RIG_UNKNOWN, 2, 80, BH_APP_HTTP);
	bh_learn_events(r.l, &e, 1);
	RIG_IS(&r, "s2>host-192.0.2.1 6/443 tls 0/2/0/0, s2>host-192.0.2.2 6/443 tls 0/2/0/0, "
		   "s2>host-192.0.2.3 6/443 tls 0/1/0/0, s2>host-192.0.2.4 6/443 tls 0/1/0/0, "
		   "s2>external 6/443 tls 0/1/0/0, host-10.0.0.1>s2 6/80 http 0/1/0/0");
	rig_leave(&r);
}

static void
a_pair_and_the_table_are_bounded_and_say_so(void)
{
	struct bh_learn_counts c;
	struct bh_learn_times t;
	struct rig r;
	unsigned i;

	rig_enter(&r);
	for (i = 0; i < BH_LEARN_SERVICES + 10; i++)
		rig_see(&r, 2, 3, (uint16_t)(1000 + i), 0);
	bh_learn_counts(r.l, &c);
	CU_ASSERT_EQUAL(c.conversations, BH_LEARN_SERVICES);
	CU_ASSERT_EQUAL(c.no_room, 10);
	CU_ASSERT_EQUAL(c.lost_ns, r.wall);
	CU_ASSERT_TRUE(bh_learn_segment(r.l, "s3", &t));
	CU_ASSERT_TRUE(t.full);
	for (i = 0; i < 2000; i++)
		rig_see(&r, 4 + i % 40, 5 + i / 40, 80, BH_APP_HTTP);
	bh_learn_counts(r.l, &c);
	CU_ASSERT_EQUAL(c.conversations, 1024);
	CU_ASSERT(c.no_room > 10);
	rig_leave(&r);
}

static void
lost_events_are_counted_once(void)
{
	struct bh_learn_counts c;
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL(bh_learn_lost(r.l, 0), 0);
	bh_learn_counts(r.l, &c);
	CU_ASSERT_EQUAL(c.lost_ns, 0);
	CU_ASSERT_EQUAL(bh_learn_lost(r.l, 5), 5);
	CU_ASSERT_EQUAL(bh_learn_lost(r.l, 5), 0);
	r.wall += 1000;
	CU_ASSERT_EQUAL(bh_learn_lost(r.l, 7), 2);
	bh_learn_counts(r.l, &c);
	CU_ASSERT_EQUAL(c.lost, 7);
	CU_ASSERT_EQUAL(c.lost_ns, r.wall);
	rig_leave(&r);
}

static void
a_segments_times_are_those_of_its_conversations(void)
{
	struct bh_learn_times t;
	struct bh_event e;
	struct rig r;
	uint64_t first;

	rig_enter(&r);
	CU_ASSERT_FALSE(bh_learn_segment(r.l, "s2", &t));
	first = r.wall;
	rig_see(&r, 2, 3, 80, BH_APP_HTTP);
	r.wall += BH_NS_PER_SEC;
	rig_see(&r, 2, 3, 80, BH_APP_HTTP); /* not new */
	CU_ASSERT_TRUE(bh_learn_segment(r.l, "s3", &t));
	CU_ASSERT_EQUAL(t.new_ns, first);
	CU_ASSERT_EQUAL(t.learned, 1);
	CU_ASSERT_EQUAL(t.violation_ns, 0);
	r.wall += BH_NS_PER_SEC;
	e = rig_flow(&r, 4, 3, 81, 0);
	e.type = BH_EVENT_VIOLATION;
	e.verdict = BH_VERDICT_VIOLATE;
	bh_learn_events(r.l, &e, 1);
	CU_ASSERT_TRUE(bh_learn_segment(r.l, "s3", &t));
	CU_ASSERT_EQUAL(t.violation_ns, r.wall);
	CU_ASSERT_EQUAL(t.new_ns, first);
	CU_ASSERT_TRUE(bh_learn_segment(r.l, "s2", &t));
	CU_ASSERT_EQUAL(t.violation_ns, 0);
	rig_leave(&r);
}

static bool
count_values(void *arg, const struct bh_conversation *c)
{
	unsigned *n = arg, i;

	for (i = 0; i < c->n_values; i++) {
		n[0] += c->value[i].field == BH_OP_REDIS_COMMAND;
		n[1] += c->value[i].field == BH_OP_REDIS_KEY && !c->value[i].more;
		n[2] += c->value[i].more;
	}
	return true;
}

static void
operations_survive_a_restart(void)
{
	struct bh_event slots[1 + BH_EVENT_TEXT_SLOTS];
	const struct bh_learn_filter all = {.seen = -1};
	struct bh_event_ring *ring;
	unsigned n[3] = {0}, i;
	char text[32];
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&ring, 16), 0);
	for (i = 0; i < BH_LEARN_VALUES + 3; i++) {
		struct bh_event e = rig_flow(&r, 2, 3, 6379, BH_APP_REDIS);
		struct bh_event_text t;

		e.type = BH_EVENT_OPERATION;
		t.len = 0;
		t.cut = false;
		bh_event_text_add(&t, BH_OP_REDIS_COMMAND, "get", 3);
		snprintf(text, sizeof(text), "key%u", i);
		bh_event_text_add(&t, BH_OP_REDIS_KEY, text, strlen(text));
		CU_ASSERT_TRUE_FATAL(bh_event_push_text(ring, &e, &t));
		bh_learn_events(r.l, slots, bh_event_pop(ring, slots, BH_ARRAY_SIZE(slots)));
		if (i % 10 == 0)
			CU_ASSERT_EQUAL(bh_learn_save(r.l, &r.err), 0);
	}
	bh_event_ring_destroy(ring);
	CU_ASSERT_EQUAL(bh_learn_save(r.l, &r.err), 0);
	rig_again(&r);
	bh_learn_each(r.l, &all, count_values, n);
	CU_ASSERT_EQUAL(n[0], 1);
	CU_ASSERT_EQUAL(n[1], BH_LEARN_VALUES);
	CU_ASSERT_EQUAL(n[2], 1);
	rig_leave(&r);
}

const struct bh_unit_test bh_suite_learn_table[] = {
	BH_TEST(sessions_of_one_kind_are_one_conversation),
	BH_TEST(what_was_never_answered_is_not_kept),
	BH_TEST(what_a_rule_denies_or_monitor_passes_is_not_learned),
	BH_TEST(an_open_connection_is_known_once_its_application_is),
	BH_TEST(an_address_is_itself_until_there_are_many),
	BH_TEST(a_pair_and_the_table_are_bounded_and_say_so),
	BH_TEST(lost_events_are_counted_once),
	BH_TEST(a_segments_times_are_those_of_its_conversations),
	BH_TEST(operations_survive_a_restart),
	BH_TEST_END,
};
