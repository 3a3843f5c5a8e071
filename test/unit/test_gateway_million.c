/* gateway: a million flows go over, each once, and each as it was. */
#include <stdlib.h>

#include "gateway_rig.h"

enum { FLOWS = 1000000, BLOCK = 4096 };

static void
tune(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->max_flows = 1u << 20;
}

/* From 10.1.0.1 to port 6379 of 10.2.0.1 there are 65,535; the rest by as many tenants. */
static struct bh_flow_record
flow(uint32_t i)
{
	struct bh_flow_record f = {
		.key = {.family = BH_IP4, .proto = 6, .tenant = i / 60000},
		.start_ns = RIG_WALL0 - 1 - i,
		.bytes = {i, 2u * i},
		.packets = {i, 1},
		.kind = BH_CARRY_PLAIN,
		.verdict = BH_VERDICT_ALLOW,
		.reason = BH_REASON_RULE_ALLOW,
		.state = BH_STATE_ESTABLISHED,
		.flags = BH_FLAG_REPLIED | BH_FLAG_APP_DONE,
		.tcp_seen = {BH_TCP_SYN | BH_TCP_ACK, BH_TCP_SYN | BH_TCP_ACK},
	};

	f.key.addr[0].b[0] = f.key.addr[1].b[0] = 10;
	f.key.addr[0].b[1] = 1;
	f.key.addr[1].b[1] = 2;
	f.key.addr[0].b[3] = f.key.addr[1].b[3] = 1;
	f.key.port[0] = (uint16_t)(1024 + i % 60000);
	f.key.port[1] = 6379;
	return f;
}

static void
give(struct rig *r)
{
	static struct bh_flow_record some[BLOCK];
	uint32_t i, k, n, done;

	for (i = 0; i < FLOWS; i += n) {
		n = RTE_MIN((uint32_t)BLOCK, FLOWS - i);
		for (k = 0; k < n; k++)
			some[k] = flow(i + k);
		for (done = 0; done < n; done += bh_gateway_adopt(r->g, some + done, n - done))
			bh_worker_poll(bh_gateway_worker(r->g, 0), 0, RIG_WALL0);
	}
	while (!bh_gateway_adopted(r->g))
		bh_worker_poll(bh_gateway_worker(r->g, 0), 0, RIG_WALL0);
}

static void
a_million_flows_go_in_and_come_out(void)
{
	const struct bh_carry_params big = {.ring = 1u << 14, .per_turn = 1024};
	static struct bh_flow_record got[BLOCK];
	uint8_t *seen = calloc(FLOWS, 1);
	struct bh_carry_counts c;
	struct bh_flow_record f;
	uint32_t n, i, wrong = 0, total = 0, which;
	struct rig r;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = tune});
	CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
	CU_ASSERT_EQUAL_FATAL(bh_gateway_adopt_start(r.g, &big), 0);
	give(&r);
	bh_gateway_carry_counts(r.g, &c);
	CU_ASSERT_EQUAL(c.adopted, FLOWS);
	CU_ASSERT_EQUAL(c.full, 0);
	CU_ASSERT_EQUAL_FATAL(bh_gateway_carry_start(r.g, &big), 0);
	/* As after the worker has returned. */
	while ((n = bh_gateway_carry_finish(r.g, got, BLOCK)) != 0) {
		total += n;
		for (i = 0; i < n; i++) {
			which = (uint32_t)got[i].key.tenant * 60000 + got[i].key.port[0] - 1024;
			wrong += which >= FLOWS || seen[which];
			if (which >= FLOWS)
				continue;
			seen[which] = 1;
			f = flow(which);
			f.idle_ms = got[i].idle_ms;
			f.mode = BH_MODE_PROTECT;
			wrong += memcmp(&f, &got[i], sizeof(f)) != 0;
		}
	}
	CU_ASSERT_EQUAL(total, FLOWS);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(bh_gateway_carry_walked(r.g));
	bh_gateway_carry_stop(r.g);
	bh_gateway_adopt_stop(r.g);
	bh_gateway_destroy(r.g);
	bh_policy_destroy(r.policy);
	free(r.wire);
	free(r.event);
	free(seen);
}

const struct bh_unit_test bh_suite_gateway_million[] = {
	BH_TEST(a_million_flows_go_in_and_come_out),
	BH_TEST_END,
};
