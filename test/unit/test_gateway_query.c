/* gateway: what the control core sees of the workers' flows. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "gateway_rig.h"

#define WEB "10.1.0.1"
#define REDIS "10.2.0.1"

static struct rig_packet
packet(uint8_t proto, uint16_t client, uint16_t port)
{
	return (struct rig_packet){
		.src = WEB,
		.dst = REDIS,
		.proto = proto,
		.sport = client,
		.dport = port,
		.tcp_flags = BH_TCP_SYN,
	};
}

struct looker {
	struct rig *r;
	struct bh_flow_query q;
	struct bh_flow_copy out[2048];
	unsigned n, calls;
	int rc;
	_Atomic bool done;
};

static void *
look(void *arg)
{
	struct looker *l = arg;
	unsigned page = l->q.max;

	do {
		l->q.max = RTE_MIN(page, (unsigned)BH_ARRAY_SIZE(l->out) - l->n);
		l->rc = bh_gateway_flows(l->r->g, &l->q, l->out + l->n);
		l->calls++;
		if (l->rc > 0)
			l->n += (unsigned)l->rc;
	} while (l->rc >= 0 && l->q.cursor != 0 && l->q.max != 0);
	atomic_store(&l->done, true);
	return NULL;
}

/* Ask from a control thread while the workers turn: not so fast that the rig's time runs out for the flows. */
static void
look_at_flows(struct rig *r, struct looker *l, const struct bh_flow_query *q)
{
	const struct timespec nap = {.tv_nsec = 50000};
	pthread_t t;

	memset(l, 0, sizeof(*l));
	l->r = r;
	l->q = *q;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&t, NULL, look, l), 0);
	while (!atomic_load(&l->done)) {
		rig_run(r);
		nanosleep(&nap, NULL);
	}
	pthread_join(t, NULL);
}

/* Questions are given up on after a second: of this machine's time, not the rig's. */
static void
real_clock(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)c;
	p->clock = &bh_clock_system;
}

static void
flows_are_listed_once_each_page_by_page(void)
{
	static struct looker l;
	struct rig_frame f;
	struct rig r;
	uint8_t seen[600];
	unsigned i, page;

	rig_start(&r, &(struct rig_options){.n_workers = 2,
					    .mode = BH_MODE_PROTECT,
					    .tune = real_clock});
	for (i = 0; i < 600; i++) {
		char src[32];
		struct rig_packet p = packet(17, (uint16_t)(1000 + i), 6379);

		/* Addresses decide the worker. */
		snprintf(src, sizeof(src), "10.8.0.%u", i % 200 + 1);
		p.src = src;
		rig_build(&f, &p);
		rig_put(&r, RIG_OUTSIDE, &f);
	}
	rig_run(&r);
	CU_ASSERT_EQUAL(r.c.flows, 600);
	for (page = 1; page <= 700; page = page * 3 + 4) {
		look_at_flows(&r, &l, &(struct bh_flow_query){.max = page, .segment = UINT32_MAX});
		CU_ASSERT_EQUAL(l.n, 600);
		CU_ASSERT(l.calls >= 600 / page);
		memset(seen, 0, sizeof(seen));
		for (i = 0; i < l.n; i++) {
			const struct bh_flow_key *k = &l.out[i].flow.key;

			seen[(k->port[0] == 6379 ? k->port[1] : k->port[0]) - 1000]++;
			CU_ASSERT(l.out[i].worker < 2);
		}
		for (i = 0; i < 600; i++)
			CU_ASSERT_EQUAL(seen[i], 1);
	}
	rig_stop(&r);
}

static unsigned
count_matching(struct rig *r, struct bh_flow_query q)
{
	static struct looker l;

	q.max = 100;
	look_at_flows(r, &l, &q);
	return l.n;
}

static void
flows_are_listed_by_what_is_asked_for(void)
{
	const uint32_t any = UINT32_MAX;
	struct bh_flow_query net = {.segment = any, .address = {.family = 4, .len = 15}};
	struct rig_packet p;
	struct rig_frame f;
	struct rig r;
	unsigned i;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = real_clock});
	for (i = 0; i < 10; i++) {
		p = packet(i < 4 ? 6 : 17, (uint16_t)(1000 + i), i < 7 ? 6379 : 53);
		if (i % 2) {
			p.src = "2001:db8:1::1";
			p.dst = "2001:db8:2::1";
		}
		rig_build(&f, &p);
		rig_put(&r, RIG_OUTSIDE, &f);
	}
	rig_run(&r);
	CU_ASSERT_EQUAL(count_matching(&r, (struct bh_flow_query){.segment = any}), 10);
	CU_ASSERT_EQUAL(count_matching(&r, (struct bh_flow_query){.segment = any, .family = 6}), 5);
	CU_ASSERT_EQUAL(count_matching(&r, (struct bh_flow_query){.segment = any, .proto = 6}), 4);
	CU_ASSERT_EQUAL(count_matching(&r, (struct bh_flow_query){.segment = any,
								  .verdict = BH_VERDICT_DENY}),
			3);
	CU_ASSERT_EQUAL(count_matching(&r, (struct bh_flow_query){.segment = any,
								  .state = BH_STATE_SYN_SENT + 1}),
			4);
	CU_ASSERT_EQUAL(count_matching(&r, (struct bh_flow_query){.segment = any, .port = 1003}),
			1);
	CU_ASSERT_EQUAL(count_matching(&r, (struct bh_flow_query){.segment = 4000}), 0);
	CU_ASSERT_EQUAL(count_matching(&r,
				       (struct bh_flow_query){.segment = r.event[0].segment[0]}),
			10);
	/* 10.2.0.0/15 holds redis but not web: either end will do. */
	memcpy(net.address.addr, "\x0a\x02", 2);
	CU_ASSERT_EQUAL(count_matching(&r, net), 5);
	memcpy(net.address.addr, "\x0a\x04", 2);
	CU_ASSERT_EQUAL(count_matching(&r, net), 0);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_query[] = {
	BH_TEST(flows_are_listed_once_each_page_by_page),
	BH_TEST(flows_are_listed_by_what_is_asked_for),
	BH_TEST_END,
};
