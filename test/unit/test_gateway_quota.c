/* gateway: quotas of sources, destinations and pairs. */
#include "threat_rig.h"

static struct bh_threat_quota *
add(struct bh_config *c, uint8_t per)
{
	struct bh_threat_quota *q = &c->quota[c->n_quotas++];

	*q = (struct bh_threat_quota){.per = per,
				      .from = BH_THREAT_ANY,
				      .to = BH_THREAT_ANY,
				      .name = "q"};
	return q;
}

static void
five_connections(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	add(c, BH_QUOTA_SOURCE)->limit[BH_QUOTA_CONNECTIONS] = 5;
}

static void
five_connections_of_clients(struct bh_config *c, struct bh_gateway_params *p)
{
	five_connections(c, p);
	c->quota[0].from = 0;
	c->quota[0].to = 1;
	c->n_threat_segments = 2;
	strcpy(c->threat_segment[0], "clients");
	strcpy(c->threat_segment[1], "servers");
}

static void
five_connections_of_servers(struct bh_config *c, struct bh_gateway_params *p)
{
	five_connections_of_clients(c, p);
	c->quota[0].from = 1;
	c->quota[0].to = BH_THREAT_ANY;
}

static void
five_told(struct bh_config *c, struct bh_gateway_params *p)
{
	five_connections(c, p);
	c->quota[0].alert = true;
}

static void
three_sessions(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	add(c, BH_QUOTA_DESTINATION)->limit[BH_QUOTA_SESSIONS] = 3;
}

static void
ten_packets(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	add(c, BH_QUOTA_PAIR)->limit[BH_QUOTA_PACKETS] = 10;
}

/* How many of n connections of an address open? */
static unsigned
opens(struct rig *r, const char *src, const char *dst, unsigned n)
{
	struct rig_frame f;
	unsigned i, before;

	rig_clear(r);
	before = r->wire[RIG_INSIDE].n_out;
	for (i = 0; i < n; i++) {
		tcp_frame(&f, src, dst, (uint16_t[2]){(uint16_t)(r->now_ns / 1000 + i + 1), 80},
			  BH_TCP_SYN);
		rig_put(r, RIG_OUTSIDE, &f);
	}
	rig_run(r);
	return r->wire[RIG_INSIDE].n_out - before;
}

static void
new_connections_beyond_the_quota_leave_no_flow(void)
{
	const struct bh_event *e;
	struct rig r;
	unsigned n;

	threat_start(&r, five_connections, BH_MODE_PROTECT);
	CU_ASSERT_EQUAL(opens(&r, "10.1.0.1", SERVER, 20), 5);
	CU_ASSERT_EQUAL(r.c.flows, 5);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_QUOTA_CONNECTIONS], 15);
	/* Told of once; others have their own. */
	e = threat_find(&r, "quota.q", &n);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(e->judged_bytes[1], 5);
	CU_ASSERT_EQUAL(opens(&r, "10.1.0.2", SERVER, 4), 4);
	/* A second later there are five again, and that is told. */
	rig_wait(&r, 1100);
	CU_ASSERT_EQUAL(opens(&r, "10.1.0.1", SERVER, 5), 5);
	e = threat_find(&r, "quota.q", &n);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_ALLOW);
	rig_stop(&r);
}

static void
quota_holds_for_its_segments_alone(void)
{
	struct rig r;

	threat_start(&r, five_connections_of_clients, BH_MODE_PROTECT);
	CU_ASSERT_EQUAL(opens(&r, "10.1.0.1", SERVER, 20), 5);
	rig_stop(&r);
	threat_start(&r, five_connections_of_servers, BH_MODE_PROTECT);
	CU_ASSERT_EQUAL(opens(&r, "10.1.0.1", SERVER, 20), 20);
	rig_stop(&r);
}

static void
alert_and_monitor_only_tell(void)
{
	struct rig r;

	threat_start(&r, five_told, BH_MODE_PROTECT);
	CU_ASSERT_EQUAL(opens(&r, "10.1.0.1", SERVER, 20), 20);
	CU_ASSERT_EQUAL(threat_alerts(&r, "quota.q"), 1);
	rig_stop(&r);
	threat_start(&r, five_connections, BH_MODE_MONITOR);
	CU_ASSERT_EQUAL(opens(&r, "10.1.0.1", SERVER, 20), 20);
	CU_ASSERT_EQUAL(threat_alerts(&r, "quota.q"), 1);
	rig_stop(&r);
}

static void
sessions_of_a_destination_end_with_their_flows(void)
{
	struct rig r;
	unsigned i;

	threat_start(&r, three_sessions, BH_MODE_PROTECT);
	CU_ASSERT_EQUAL(opens(&r, "10.1.0.1", SERVER, 2), 2);
	CU_ASSERT_EQUAL(opens(&r, "10.1.0.2", SERVER, 2), 1);
	CU_ASSERT_EQUAL(opens(&r, "10.1.0.2", SERVER2, 3), 3);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_QUOTA_SESSIONS], 1);
	for (i = 0; i < 40; i++) {
		rig_wait(&r, 1000);
		rig_run(&r);
	}
	CU_ASSERT_EQUAL(r.c.flows, 0);
	CU_ASSERT_EQUAL(opens(&r, "10.1.0.2", SERVER, 4), 3);
	rig_stop(&r);
}

static void
packets_beyond_a_pairs_quota_are_dropped(void)
{
	struct rig_frame f;
	struct rig r;
	unsigned i;

	threat_start(&r, ten_packets, BH_MODE_PROTECT);
	CU_ASSERT(connects(&r, "10.1.0.1", SERVER, 3000, 80)); /* 3 packets */
	tcp_frame(&f, "10.1.0.1", SERVER, (uint16_t[2]){3000, 80}, BH_TCP_ACK | BH_TCP_PSH);
	rig_clear(&r);
	for (i = 0; i < 20; i++)
		rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 7);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_QUOTA_PACKETS], 13);
	/* The pair is one account for all of its ends. */
	CU_ASSERT_EQUAL(opens(&r, "10.1.0.2", SERVER2, 1), 0);
	rig_wait(&r, 1000);
	CU_ASSERT(connects(&r, "10.1.0.2", SERVER2, 3001, 80));
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_quota[] = {
	BH_TEST(new_connections_beyond_the_quota_leave_no_flow),
	BH_TEST(quota_holds_for_its_segments_alone),
	BH_TEST(alert_and_monitor_only_tell),
	BH_TEST(sessions_of_a_destination_end_with_their_flows),
	BH_TEST(packets_beyond_a_pairs_quota_are_dropped),
	BH_TEST_END};
