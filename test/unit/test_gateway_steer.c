/* gateway: several workers. Whoever receives a frame, one worker alone keeps its flow. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway_rig.h"

#define WORKERS 4

static const struct rig_options four_one_queue = {.n_workers = WORKERS,
						  .queues = 1,
						  .mode = BH_MODE_PROTECT,
						  .policy = NULL};

static const char open_policy[] = "version: 1\n"
				  "rules:\n"
				  "  - {from: any, to: any, ports: [udp, icmp], action: allow}\n";

/* Host i talks to server i; i spreads over all workers. */
static void
build(struct rig_frame *f, unsigned i, bool to_server, uint16_t port)
{
	char client[32], server[32];

	snprintf(client, sizeof(client), "10.1.%u.%u", i / 200, i % 200 + 1);
	snprintf(server, sizeof(server), "10.2.0.%u", i * 7 % 250 + 1);
	rig_build(f, &(struct rig_packet){.src = to_server ? client : server,
					  .dst = to_server ? server : client,
					  .proto = 17,
					  .sport = to_server ? 40000 : port,
					  .dport = to_server ? port : 40000,
					  .ip_id = (uint16_t)i,
					  .payload = 400});
}

static unsigned
workers_with_flows(struct rig *r)
{
	unsigned i, n = 0;

	for (i = 0; i < WORKERS; i++)
		n += bh_flow_count(bh_gateway_worker(r->g, i)->flows) != 0;
	return n;
}

static void
start(struct rig *r, unsigned queues)
{
	struct rig_options o = four_one_queue;

	o.queues = queues;
	o.policy = open_policy;
	rig_start(r, &o);
}

static void
both_directions_meet_on_one_worker(void)
{
	struct rig_frame f;
	struct rig r;
	unsigned i, queues;

	for (queues = 1; queues <= RIG_QUEUES; queues++) {
		start(&r, queues);
		for (i = 0; i < 200; i++) {
			build(&f, i, true, 53);
			rig_put_queue(&r, RIG_OUTSIDE, (unsigned)rand() % queues, &f);
			build(&f, i, false, 53);
			rig_put_queue(&r, RIG_INSIDE, (unsigned)rand() % queues, &f);
			rig_run(&r);
		}
		/* The answer found the question's flow, or it would be another one. */
		CU_ASSERT_EQUAL(r.c.flows_opened, 200);
		CU_ASSERT_EQUAL(r.c.forwarded, 400);
		CU_ASSERT_EQUAL(workers_with_flows(&r), WORKERS);
		CU_ASSERT(r.c.steered > 0);
		rig_stop(&r);
	}
}

/* Each worker sends by a queue of its own, or hands over to the one whose queue it is. */
static void
queues_are_used_by_their_owner_alone(void)
{
	struct rig_frame f;
	struct rig r;
	unsigned i, queues;

	for (queues = 1; queues <= RIG_QUEUES; queues++) {
		start(&r, queues);
		for (i = 0; i < 200; i++) {
			build(&f, i, true, 53);
			rig_put(&r, RIG_OUTSIDE, &f);
		}
		rig_run(&r);
		CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 200);
		for (i = 0; i < r.wire[RIG_INSIDE].n_out; i++)
			CU_ASSERT(r.wire[RIG_INSIDE].out_queue[i] < queues);
		rig_stop(&r);
	}
}

static void
fragments_and_icmp_errors_meet_their_flow(void)
{
	struct rig_frame f, part[3], e;
	struct rig r;
	unsigned i, k;

	start(&r, 4);
	for (i = 0; i < 100; i++) {
		build(&f, i, true, 53);
		rig_fragment(&f, part, 3);
		for (k = 0; k < 3; k++)
			rig_put_queue(&r, RIG_OUTSIDE, (i + k) % 4, &part[k]);
	}
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 300);
	CU_ASSERT_EQUAL(r.c.flows_opened, 100);
	for (i = 0; i < 100; i++) {
		char client[32];

		build(&f, i, true, 53);
		rig_put_queue(&r, RIG_OUTSIDE, i % 4, &f);
		snprintf(client, sizeof(client), "10.1.0.%u", i + 1);
		rig_build(&e, &(struct rig_packet){.src = "192.0.2.1",
						   .dst = client,
						   .proto = 1,
						   .icmp_type = 11,
						   .quote = &f});
		rig_put_queue(&r, RIG_INSIDE, (i + 1) % 4, &e);
	}
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.passed[BH_REASON_RELATED], 100);
	CU_ASSERT_EQUAL(r.c.flows_opened, 100);
	rig_stop(&r);
}

/* Outer fragments can only be steered by outer addresses, so whole tunnel packets must be, too: or a
 * connection in the tunnel would be seen from its middle by a worker that never saw its start. */
static void
fragmented_tunnel_packets_meet_the_flow_inside(void)
{
	struct rig_frame inner, outer, part[2];
	struct rig r;
	unsigned i;

	start(&r, 4);
	for (i = 0; i < 100; i++) {
		struct rig_packet p = {.src = "192.0.2.1",
				       .dst = "192.0.2.2",
				       .proto = 17,
				       .sport = 5555,
				       .dport = 4789,
				       .ip_id = (uint16_t)i,
				       .content = &inner};

		build(&inner, i, true, 53);
		rig_build(&outer, &p);
		rig_put_queue(&r, RIG_OUTSIDE, i % 4, &outer);
		rig_run(&r);
		rig_fragment(&outer, part, 2);
		rig_put_queue(&r, RIG_OUTSIDE, (i + 1) % 4, &part[0]);
		rig_put_queue(&r, RIG_OUTSIDE, (i + 2) % 4, &part[1]);
		build(&inner, i, false, 53);
		p.src = "192.0.2.2";
		p.dst = "192.0.2.1";
		rig_build(&outer, &p);
		rig_put_queue(&r, RIG_INSIDE, (i + 3) % 4, &outer);
		rig_run(&r);
	}
	CU_ASSERT_EQUAL(r.c.forwarded, 400);
	CU_ASSERT_EQUAL(r.c.flows_opened, 100);
	rig_stop(&r);
}

/* rig_run() asserts packets == forwarded + dropped + held after every step. */
static void
no_frame_is_lost_between_workers(void)
{
	struct rig_frame f, part[3];
	struct rig r;
	unsigned step, i, n;

	srand(5);
	start(&r, 2);
	for (step = 0; step < 300; step++) {
		r.wire[RIG_INSIDE].room = (unsigned)rand() % 100;
		n = (unsigned)rand() % 60;
		for (i = 0; i < n; i++) {
			build(&f, (unsigned)rand() % 400, rand() % 2, rand() % 2 ? 53 : 54);
			if (rand() % 10 == 0)
				f.b[14] = 0; /* malformed: stays with who received it */
			if (rand() % 10 != 0) {
				rig_put_queue(&r, (unsigned)rand() % 2, (unsigned)rand() % 2, &f);
				continue;
			}
			rig_fragment(&f, part, 3);
			rig_put_queue(&r, RIG_OUTSIDE, 0, &part[rand() % 3]);
		}
		rig_run(&r);
		rig_clear(&r);
	}
	CU_ASSERT(r.c.dropped[BH_REASON_TX_RING_FULL] > 0);
	CU_ASSERT(r.c.steered > 1000);
	rig_stop(&r);
}

static void
full_ring_between_workers_drops_by_name(void)
{
	struct rig_frame f;
	struct rig r;
	unsigned i, k;

	start(&r, 1);
	/* Worker 0 receives, the others do not turn: one pair of addresses, one owner, until its ring is full. */
	for (k = 0; bh_gateway_worker(r.g, 0)->c.steered == 0; k++) {
		build(&f, k, true, 53);
		rig_put(&r, RIG_OUTSIDE, &f);
		bh_worker_poll(bh_gateway_worker(r.g, 0), r.clock.mono_ns(&r), r.clock.wall_ns(&r));
	}
	for (i = 0; i < 1100; i++) {
		rig_put(&r, RIG_OUTSIDE, &f);
		bh_worker_poll(bh_gateway_worker(r.g, 0), r.clock.mono_ns(&r), r.clock.wall_ns(&r));
	}
	bh_gateway_counters(r.g, 0, &r.c);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_STEER_RING_FULL], 1101 - (BH_STEER_RING - 1));
	r.wire[RIG_INSIDE].n_out = 0;
	rig_run(&r);
	rig_stop(&r);
}

/* The devices hash both directions of a flow to one queue, but not a router's error about it. */
static void
hash(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)c;
	p->steer = false;
}

static void
router_error_finds_its_flow_under_rss(void)
{
	struct rig_options o = four_one_queue;
	struct rig_frame about, unknown, error;
	struct rig r;
	unsigned i, home;

	o.queues = WORKERS;
	o.policy = "version: 1\nrules:\n  - {from: any, to: any, ports: [udp], action: allow}\n";
	o.tune = hash;
	rig_start(&r, &o);
	for (home = 0; home < WORKERS; home++) {
		build(&about, home, true, 53);
		build(&unknown, 100 + home, true, 53);
		rig_put_queue(&r, RIG_OUTSIDE, home, &about);
		rig_run(&r);
		CU_ASSERT_EQUAL(bh_flow_count(bh_gateway_worker(r.g, home)->flows), 1);
		for (i = 0; i < WORKERS; i++) {
			char client[32];

			rig_clear(&r);
			snprintf(client, sizeof(client), "10.1.0.%u", home + 1);
			rig_build(&error, &(struct rig_packet){.src = "10.2.99.1",
							       .dst = client,
							       .proto = 1,
							       .icmp_type = 11,
							       .quote = &about});
			rig_put_queue(&r, RIG_INSIDE, i, &error);
			rig_run(&r);
			CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 1);
			CU_ASSERT(rig_same(&r.wire[RIG_OUTSIDE].out[0], &error));
		}
		/* About no flow: every worker is asked, then it is dropped, once. */
		rig_clear(&r);
		rig_build(&error, &(struct rig_packet){.src = "10.2.99.1",
						       .dst = "10.1.0.101",
						       .proto = 1,
						       .icmp_type = 11,
						       .quote = &unknown});
		rig_put_queue(&r, RIG_INSIDE, home, &error);
		rig_run(&r);
		CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 0);
		CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_ICMP_UNSOLICITED], home + 1);
	}
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_steer[] = {
	BH_TEST(both_directions_meet_on_one_worker),
	BH_TEST(queues_are_used_by_their_owner_alone),
	BH_TEST(fragments_and_icmp_errors_meet_their_flow),
	BH_TEST(fragmented_tunnel_packets_meet_the_flow_inside),
	BH_TEST(no_frame_is_lost_between_workers),
	BH_TEST(full_ring_between_workers_drops_by_name),
	BH_TEST(router_error_finds_its_flow_under_rss),
	BH_TEST_END,
};
