/* gateway: what is done about a threat follows the modes of the segments at its ends, not the mode of the whole. */
#include "threat_rig.h"

#define GUARDED "10.2.0.1"
#define WATCHED "10.3.0.1"

/* The gateway's own mode is monitor; one of the two segments of servers protects. */
static const char mode_policy[] = "version: 1\n"
				  "modes: {contention: strict}\n"
				  "segments:\n"
				  "  clients: {addresses: [10.1.0.0/16]}\n"
				  "  guarded: {addresses: [10.2.0.0/24], mode: protect}\n"
				  "  watched: {addresses: [10.3.0.0/24], mode: monitor}\n"
				  "rules:\n"
				  "  - {id: in, from: clients, to: [guarded, watched], ports: "
				  "[tcp/80, icmp], action: allow}\n";

static void
small(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->threat[BH_THREAT_SYN_FLOOD].threshold = 64;
	c->threat[BH_THREAT_SYN_FLOOD].window_ms = 1000;
	c->threat[BH_THREAT_ICMP_FLOOD].on = true;
	c->threat[BH_THREAT_ICMP_FLOOD].threshold = 10;
}

static void
five_connections(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->quota[c->n_quotas++] = (struct bh_threat_quota){.per = BH_QUOTA_DESTINATION,
							   .from = BH_THREAT_ANY,
							   .to = BH_THREAT_ANY,
							   .name = "q",
							   .limit[BH_QUOTA_CONNECTIONS] = 5};
}

static void
start(struct rig *r, void (*tune)(struct bh_config *c, struct bh_gateway_params *p))
{
	const struct rig_options o = {.mode = BH_MODE_MONITOR, .policy = mode_policy, .tune = tune};

	rig_start(r, &o);
}

static void
ping(struct rig *r, const char *dst, unsigned n)
{
	struct rig_frame f;

	while (n-- != 0) {
		rig_build(&f, &(struct rig_packet){.src = "10.1.0.1",
						   .dst = dst,
						   .proto = 1,
						   .sport = 7,
						   .icmp_type = 8,
						   .payload = 32});
		rig_put(r, RIG_OUTSIDE, &f);
	}
	rig_run(r);
}

/* The one alert of a sensor: was it blocked, and under which mode? */
static void
told(const struct rig *r, const char *sensor, bool blocked, enum bh_mode mode)
{
	unsigned n;
	const struct bh_event *e = threat_find(r, sensor, &n);

	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->verdict, blocked ? BH_VERDICT_DENY : BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(e->mode, mode);
}

static void
syn_flood_is_answered_where_its_target_protects(void)
{
	struct rig r;

	start(&r, small);
	flood(&r, 0, 200, GUARDED);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 64);
	told(&r, "threat.syn_flood", true, BH_MODE_PROTECT);
	rig_clear(&r);
	/* Those that had been let in are asked, too, when they come again. */
	flood(&r, 0, 64, GUARDED);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
	flood(&r, 200, 400, WATCHED);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 200);
	told(&r, "threat.syn_flood", false, BH_MODE_MONITOR);
	rig_stop(&r);
}

static void
packets_without_a_flow_follow_their_ends(void)
{
	struct rig r;

	start(&r, small);
	ping(&r, WATCHED, 32);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 32);
	told(&r, "threat.icmp_flood", false, BH_MODE_MONITOR);
	rig_clear(&r);
	ping(&r, GUARDED, 32);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 9);
	told(&r, "threat.icmp_flood", true, BH_MODE_PROTECT);
	rig_stop(&r);
}

static unsigned
opens(struct rig *r, const char *dst)
{
	struct rig_frame f;
	uint16_t i;

	rig_clear(r);
	for (i = 0; i < 20; i++) {
		tcp_frame(&f, "10.1.0.1", dst, (uint16_t[2]){(uint16_t)(3000 + i), 80}, BH_TCP_SYN);
		rig_put(r, RIG_OUTSIDE, &f);
	}
	rig_run(r);
	return r->wire[RIG_INSIDE].n_out;
}

static void
quota_holds_where_segments_protect(void)
{
	struct rig r;

	start(&r, five_connections);
	CU_ASSERT_EQUAL(opens(&r, GUARDED), 5);
	told(&r, "quota.q", true, BH_MODE_PROTECT);
	CU_ASSERT_EQUAL(opens(&r, WATCHED), 20);
	told(&r, "quota.q", false, BH_MODE_MONITOR);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_threat_mode[] = {
	BH_TEST(syn_flood_is_answered_where_its_target_protects),
	BH_TEST(packets_without_a_flow_follow_their_ends),
	BH_TEST(quota_holds_where_segments_protect), BH_TEST_END};
