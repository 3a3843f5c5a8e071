/* gateway: fragments and ICMP errors, the packets that are judged by another one's headers. */
#include "gateway_rig.h"

#define WEB "10.1.0.1"
#define REDIS "10.2.0.1"
#define WEB6 "2001:db8:1::1"
#define REDIS6 "2001:db8:2::1"

static void
build(struct rig_frame *f, bool v6, bool to_redis, uint16_t port, uint16_t payload)
{
	const char *web = v6 ? WEB6 : WEB, *redis = v6 ? REDIS6 : REDIS;

	rig_build(f, &(struct rig_packet){.src = to_redis ? web : redis,
					  .dst = to_redis ? redis : web,
					  .proto = 17,
					  .sport = to_redis ? 40000 : port,
					  .dport = to_redis ? port : 40000,
					  .ip_id = 99,
					  .payload = payload});
}

/* ---- fragments ------------------------------------------------------------------------------------- */

static void
fragments_leave_unchanged_in_the_order_they_came(void)
{
	static const unsigned order[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}};
	struct rig_frame whole, part[4];
	struct rig r;
	unsigned v6, o, i;

	rig_start(&r, NULL);
	for (v6 = 0; v6 < 2; v6++) {
		build(&whole, v6, true, 6379, 1400);
		rig_fragment(&whole, part, 4);
		for (o = 0; o < BH_ARRAY_SIZE(order); o++) {
			rig_clear(&r);
			for (i = 0; i < 4; i++) {
				CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
				rig_put(&r, RIG_OUTSIDE, &part[order[o][i]]);
				rig_run(&r);
			}
			CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 4);
			for (i = 0; i < 4; i++)
				CU_ASSERT_TRUE(
					rig_same(&r.wire[RIG_INSIDE].out[i], &part[order[o][i]]));
		}
	}
	CU_ASSERT_EQUAL(r.c.flows_opened, 2);
	CU_ASSERT_EQUAL(r.c.held, 0);
	rig_stop(&r);
}

/* Whole datagrams and fragments of the same ports are one flow. */
static void
datagram_belongs_to_the_flow_of_its_ports(void)
{
	struct rig_frame whole, part[2];
	struct rig r;

	rig_start(&r, NULL);
	build(&whole, false, true, 6379, 1000);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &whole));
	rig_fragment(&whole, part, 2);
	rig_put(&r, RIG_OUTSIDE, &part[0]);
	rig_put(&r, RIG_OUTSIDE, &part[1]);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 3);
	CU_ASSERT_EQUAL(r.c.flows_opened, 1);
	CU_ASSERT_EQUAL(r.c.passed[BH_REASON_RULE_ALLOW], 3);
	rig_stop(&r);
}

static void
denied_datagram_is_dropped_with_all_its_fragments(void)
{
	struct rig_frame whole, part[3];
	struct rig r;
	unsigned i;

	rig_start(&r, NULL);
	build(&whole, false, true, 53, 1000);
	rig_fragment(&whole, part, 3);
	for (i = 0; i < 3; i++)
		rig_put(&r, RIG_OUTSIDE, &part[i]);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_DEFAULT_DENY], 3);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 1);
	/* Rejected: nobody is answered, the sender may have forged one of them. */
	build(&whole, false, true, 7000, 1000);
	rig_fragment(&whole, part, 3);
	for (i = 0; i < 3; i++)
		rig_put(&r, RIG_OUTSIDE, &part[i]);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 0);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_RULE_REJECT], 3);
	rig_stop(&r);
}

static void
incomplete_datagram_passes_nothing_and_times_out(void)
{
	struct rig_frame whole, part[3];
	struct rig r;

	rig_start(&r, NULL);
	build(&whole, true, true, 6379, 1200);
	rig_fragment(&whole, part, 3);
	rig_put(&r, RIG_OUTSIDE, &part[0]);
	rig_put(&r, RIG_OUTSIDE, &part[1]);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.held, 2);
	rig_wait(&r, 4000);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.held, 2);
	rig_wait(&r, 1001);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.held, 0);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_FRAG_TIMEOUT], 2);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
	rig_stop(&r);
}

static void
overlap_drops_the_datagram(void)
{
	struct rig_frame whole, part[3];
	struct rig r;
	unsigned i;

	rig_start(&r, NULL);
	build(&whole, false, true, 6379, 1000);
	rig_fragment(&whole, part, 3);
	for (i = 0; i < 2; i++)
		rig_put(&r, RIG_OUTSIDE, &part[i]);
	rig_put(&r, RIG_OUTSIDE, &part[1]);
	rig_put(&r, RIG_OUTSIDE, &part[2]);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_FRAG_OVERLAP], 4);
	rig_stop(&r);
}

/* A fragment that claims the sender's address from the other side completes the datagram: each frame still
 * leaves by the wire across from where it came in; none is sent back. */
static void
fragment_from_the_other_wire_is_not_reflected(void)
{
	struct rig_frame whole, part[2];
	struct rig r;

	rig_start(&r, NULL);
	build(&whole, false, true, 6379, 600);
	rig_fragment(&whole, part, 2);
	rig_put(&r, RIG_OUTSIDE, &part[0]);
	rig_run(&r);
	rig_put(&r, RIG_INSIDE, &part[1]);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 1);
	CU_ASSERT_TRUE(rig_same(&r.wire[RIG_INSIDE].out[0], &part[0]));
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 1);
	CU_ASSERT_TRUE(rig_same(&r.wire[RIG_OUTSIDE].out[0], &part[1]));
	rig_stop(&r);
}

/* ---- ICMP errors ------------------------------------------------------------------------------------ */

static void
icmp_about(struct rig_frame *f, const char *router, const char *to, const struct rig_frame *about)
{
	bool v6 = strchr(to, ':') != NULL;

	rig_build(f, &(struct rig_packet){.src = router,
					  .dst = to,
					  .proto = v6 ? 58 : 1,
					  .icmp_type = v6 ? 1 : 3,
					  .icmp_code = v6 ? 4 : 3,
					  .quote = about});
}

static void
icmp_error_passes_for_an_allowed_flow_alone(void)
{
	struct rig_frame f, other, denied, e;
	struct rig r;
	unsigned v6;

	rig_start(&r, NULL);
	for (v6 = 0; v6 < 2; v6++) {
		const char *web = v6 ? WEB6 : WEB, *redis = v6 ? REDIS6 : REDIS;
		const char *router = v6 ? "2001:db8:9::9" : "10.9.9.9";

		build(&f, v6, true, 6379, 100);
		build(&other, v6, true, 6380, 100);
		build(&denied, v6, true, 53, 100);
		icmp_about(&e, redis, web, &f);
		CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &e, BH_REASON_ICMP_UNSOLICITED));
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
		CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &e));
		icmp_about(&e, router, web, &f); /* from a hop in between */
		CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &e));
		icmp_about(&e, redis, web, &other); /* unknown flow */
		CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &e, BH_REASON_ICMP_UNSOLICITED));
		CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &denied, BH_REASON_DEFAULT_DENY));
		icmp_about(&e, redis, web, &denied);
		CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &e, BH_REASON_ICMP_UNSOLICITED));
		/* To somebody who has not sent what it quotes. */
		icmp_about(&e, web, redis, &f);
		CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &e, BH_REASON_ICMP_UNSOLICITED));
	}
	CU_ASSERT_EQUAL(r.c.passed[BH_REASON_RELATED], 4);
	CU_ASSERT_EQUAL(r.c.flows_opened, 4);
	rig_stop(&r);
}

/* A burst that another worker handed over holds frames of both wires. */
static void
icmp_error_finds_the_flow_that_its_burst_has_opened(void)
{
	struct rig_frame f, e;
	struct rig r;

	rig_start(&r, NULL);
	build(&f, false, true, 6379, 100);
	icmp_about(&e, REDIS, WEB, &f);
	rig_put(&r, RIG_OUTSIDE, &e);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_put(&r, RIG_OUTSIDE, &e);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 2);
	CU_ASSERT_EQUAL(r.c.passed[BH_REASON_RELATED], 1);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_ICMP_UNSOLICITED], 1); /* came before it */
	/* No longer allowed: the packet that shows it, and what is said of it. */
	rig_label(&r, WEB, NULL);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_put(&r, RIG_OUTSIDE, &e);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 2);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_ICMP_UNSOLICITED], 2);
	rig_stop(&r);
}

/* Both directions of a query have one key: leave to ping is not leave to be pinged. */
static void
query_back_is_judged_for_itself(void)
{
	struct rig_frame request, answer, back;
	struct rig r;

	rig_start(&r, NULL);
	rig_build(&request,
		  &(struct rig_packet){
			  .src = WEB, .dst = REDIS, .proto = 1, .icmp_type = 8, .sport = 77});
	rig_build(&answer,
		  &(struct rig_packet){
			  .src = REDIS, .dst = WEB, .proto = 1, .icmp_type = 0, .sport = 77});
	rig_build(&back,
		  &(struct rig_packet){
			  .src = REDIS, .dst = WEB, .proto = 1, .icmp_type = 8, .sport = 77});
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &request));
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &answer));
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &back, BH_REASON_DEFAULT_DENY));
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &answer));
	rig_load(&r, "version: 1\nrules:\n  - {from: any, to: any, action: allow}\n");
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &back));
	rig_stop(&r);
}

static void
icmp_error_without_a_readable_quote_is_malformed(void)
{
	struct rig_frame f, e;
	struct rig r;

	rig_start(&r, NULL);
	build(&f, false, true, 6379, 100);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	f.len = 14 + 20 + 3; /* half a port */
	icmp_about(&e, REDIS, WEB, &f);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &e, BH_REASON_ICMP_QUOTE));
	rig_stop(&r);
}

/* A policy swap must not lose an error about a flow that is allowed before and after it (path MTU). */
static void
icmp_error_is_judged_by_the_policy_of_now(void)
{
	static const char none[] = "version: 1\nendpoints: []\nrules: []\n";
	struct rig_frame f, e;
	struct rig r;

	rig_start(&r, NULL);
	build(&f, false, true, 6379, 100);
	icmp_about(&e, REDIS, WEB, &f);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_load(&r, rig_policy);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &e));
	rig_load(&r, none);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &e, BH_REASON_ICMP_UNSOLICITED));
	rig_stop(&r);
}

static void
ping_is_a_flow_judged_by_type(void)
{
	struct rig_packet p = {
		.src = WEB, .dst = REDIS, .proto = 1, .icmp_type = 8, .sport = 77, .payload = 56};
	struct rig_frame f;
	struct rig r;

	rig_start(&r, NULL);
	rig_build(&f, &p);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	p.src = REDIS;
	p.dst = WEB;
	p.icmp_type = 0;
	rig_build(&f, &p);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	CU_ASSERT_EQUAL(r.c.flows_opened, 1);
	/* After a policy swap it is judged by the request's type, not by what this packet holds. */
	rig_load(&r, rig_policy);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	p.icmp_type = 8;
	p.sport = 78;
	rig_build(&f, &p);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &f, BH_REASON_DEFAULT_DENY));
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_fragment[] = {
	BH_TEST(fragments_leave_unchanged_in_the_order_they_came),
	BH_TEST(datagram_belongs_to_the_flow_of_its_ports),
	BH_TEST(denied_datagram_is_dropped_with_all_its_fragments),
	BH_TEST(incomplete_datagram_passes_nothing_and_times_out),
	BH_TEST(overlap_drops_the_datagram),
	BH_TEST(fragment_from_the_other_wire_is_not_reflected),
	BH_TEST(icmp_error_passes_for_an_allowed_flow_alone),
	BH_TEST(icmp_error_finds_the_flow_that_its_burst_has_opened),
	BH_TEST(query_back_is_judged_for_itself),
	BH_TEST(icmp_error_without_a_readable_quote_is_malformed),
	BH_TEST(icmp_error_is_judged_by_the_policy_of_now),
	BH_TEST(ping_is_a_flow_judged_by_type),
	BH_TEST_END,
};
