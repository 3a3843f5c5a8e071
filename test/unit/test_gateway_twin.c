/* A gateway with a twin forwards while it has the right to, and not a frame longer. */
#include "../../lib/gateway/twin.h"
#include "gateway_rig.h"

static uint16_t (*rig_rx)(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n);
static struct rig *ends; /* the right ends as soon as frames were received */

static uint16_t
rx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	uint16_t got = rig_rx(port, queue, m, n);

	if (got != 0 && ends != NULL)
		atomic_store(&ends->g->forward_until, 1);
	return got;
}

static void
with_a_twin(struct bh_config *c, struct bh_gateway_params *p)
{
	unsigned i;

	snprintf(c->pair_listen, sizeof(c->pair_listen), "10.9.0.1:8475");
	rig_rx = p->wire[0].rx;
	for (i = 0; i < p->n_wires; i++)
		p->wire[i].rx = rx;
}

static const struct rig_options twin_options = {.tune = with_a_twin};

static void
syn(struct rig_frame *f, uint16_t port)
{
	rig_build(f, &(struct rig_packet){.src = "10.1.0.1",
					  .dst = "10.2.0.1",
					  .proto = 6,
					  .sport = port,
					  .dport = 6379,
					  .tcp_flags = 2});
}

static void
nothing_passes_without_the_right(void)
{
	struct rig_frame f;
	struct rig r;

	ends = NULL;
	rig_start(&r, &twin_options);
	syn(&f, 1000);
	CU_ASSERT(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_PAIR_STANDBY));
	CU_ASSERT_EQUAL(r.c.flows_opened, 0);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_DROP), 0);
	CU_ASSERT_EQUAL(bh_gateway_forward(r.g, r.now_ns + 3600 * BH_NS_PER_SEC), 0);
	CU_ASSERT(rig_passes(&r, RIG_OUTSIDE, &f));
	atomic_store(&r.g->forward_until, rte_rdtsc());
	CU_ASSERT(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_PAIR_STANDBY));
	rig_stop(&r);
}

/* As a process that is stopped between taking frames and sending them. */
static void
what_was_judged_before_the_end_does_not_leave_after_it(void)
{
	struct rig_frame f;
	struct rig r;

	rig_start(&r, &twin_options);
	CU_ASSERT_EQUAL(bh_gateway_forward(r.g, r.now_ns + 3600 * BH_NS_PER_SEC), 0);
	ends = &r;
	syn(&f, 1001);
	CU_ASSERT(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_PAIR_STANDBY));
	CU_ASSERT_EQUAL(r.c.flows_opened, 1);
	ends = NULL;
	rig_stop(&r);
}

static void
ends_are_announced_on_the_other_side(void)
{
	static const struct rig_packet tagged = {.src = "10.1.0.1",
						 .dst = "10.2.0.1",
						 .proto = 6,
						 .sport = 7,
						 .dport = 6379,
						 .tcp_flags = 2,
						 .vlan = 7};
	struct bh_gateway_heard h[8];
	struct rig_frame f;
	struct rig r;
	unsigned n;

	ends = NULL;
	rig_start(&r, &twin_options);
	CU_ASSERT_EQUAL(bh_gateway_forward(r.g, r.now_ns + 3600 * BH_NS_PER_SEC), 0);
	rig_build(&f, &tagged);
	memcpy(f.b + 6, "\2\1\1\1\1\1", 6);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	n = bh_gateway_heard(r.g, h, BH_ARRAY_SIZE(h));
	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT_EQUAL(memcmp(h[0].mac, "\2\1\1\1\1\1", 6), 0);
	CU_ASSERT_EQUAL(h[0].vlan, 7);
	CU_ASSERT_EQUAL(h[0].wire, RIG_OUTSIDE);
	rig_clear(&r);
	CU_ASSERT_EQUAL(bh_gateway_announce(r.g, &h[0]), 0);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 0);
	CU_ASSERT_EQUAL_FATAL(r.wire[RIG_INSIDE].n_out, 1);
	CU_ASSERT_EQUAL(memcmp(r.wire[RIG_INSIDE].out[0].b,
			       "\377\377\377\377\377\377\2\1\1\1\1\1\x81\0\0\7\x80\x35", 18),
			0);
	/* It is heard on the other side now: one place, not two. */
	rig_put(&r, RIG_INSIDE, &f);
	rig_run(&r);
	CU_ASSERT_EQUAL(bh_gateway_heard(r.g, h, BH_ARRAY_SIZE(h)), 1);
	CU_ASSERT_EQUAL(h[0].wire, RIG_INSIDE);
	/* Another gateway knew better, of it and of one more. */
	h[0].wire = RIG_OUTSIDE;
	h[1] = (struct bh_gateway_heard){.mac = {2, 9, 9, 9, 9, 9}, .wire = RIG_INSIDE};
	bh_gateway_hear_of(r.g, h, 2);
	memset(h, 0, sizeof(h));
	CU_ASSERT_EQUAL_FATAL(bh_gateway_heard(r.g, h, BH_ARRAY_SIZE(h)), 2);
	n = h[0].vlan != 7;
	CU_ASSERT_EQUAL(h[n].wire, RIG_OUTSIDE);
	CU_ASSERT_EQUAL(memcmp(h[1 - n].mac, "\2\11\11\11\11\11", 6), 0);
	CU_ASSERT_EQUAL(h[1 - n].wire, RIG_INSIDE);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_twin[] = {
	BH_TEST(nothing_passes_without_the_right),
	BH_TEST(what_was_judged_before_the_end_does_not_leave_after_it),
	BH_TEST(ends_are_announced_on_the_other_side),
	BH_TEST_END,
};
