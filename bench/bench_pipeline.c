/* What a packet costs from end to end, over a loop that receives and sends on the same ports.
 *
 *     bench_pipeline             by number of flows and endpoints, frame size and burst size
 *     QUICK=1 bench_pipeline     the same with fewer and shorter rounds
 *
 * UDP over IPv4, half of the packets in each direction, flows drawn uniformly at random; labels, policy,
 * counters, time-outs and the ageing sweep are on, one worker, everything else at its default. Each round
 * measures the bare loop and then the gateway; `added` is their difference, round by round. A gateway that
 * does not forward what it should and drop what it should prints nothing. */
#include "gate.h"

#define ROUNDS 21
#define ROUND_PACKETS (1u << 20)
#define SETTLE_PACKETS (1u << 16) /* not measured: caches and predictors forget the other loop */

struct rounds {
	unsigned n;
	uint64_t packets;
	double bare[ROUNDS], gate[ROUNDS], added[ROUNDS];
};

/* Nothing may be dropped, opened or ended while we measure: another program would be measured. */
static void
check_round(struct gate *t, const struct bh_counters *before)
{
	struct bh_counters after;

	bh_gateway_counters(t->g, 0, &after);
	if (after.forwarded - before->forwarded != after.packets - before->packets ||
	    after.flows_opened != before->flows_opened || after.flows_ended != before->flows_ended)
		gate_die("packets were dropped or flows ended during a round: no figures");
}

static void
measure(struct gate *t, struct rounds *r)
{
	struct bh_counters before;
	unsigned i;

	r->n = bench_quick() ? 5 : ROUNDS;
	r->packets = ROUND_PACKETS / (bench_quick() ? 4 : 1);
	for (i = 0; i < r->n; i++) {
		gate_run_bare(t, SETTLE_PACKETS);
		r->bare[i] = gate_run_bare(t, r->packets);
		gate_run(t, SETTLE_PACKETS);
		bh_gateway_counters(t->g, 0, &before);
		r->gate[i] = gate_run(t, r->packets);
		check_round(t, &before);
		r->added[i] = r->gate[i] - r->bare[i];
	}
}

static void
report(struct rounds *r, const char *what)
{
	char claim[96];

	snprintf(claim, sizeof(claim), "added, %s", what);
	bench_row(claim, "cycles/packet", bench_spread(r->added, r->n), BENCH_NO_TARGET);
}

static void
by_flows(struct rte_mempool *pool)
{
	static const struct {
		unsigned flows;
		const char *what;
		int claim; /* enum bench_claim_id; -1: none */
	} rows[] = {
		{1, "1 flow", -1},
		{100, "100 flows", -1},
		{1000, "1,000 flows", -1},
		{10000, "10,000 flows", BENCH_ADDED_10K},
		{100000, "100,000 flows", -1},
		{1000000, "1,000,000 flows", BENCH_ADDED_1M},
	};
	struct rounds r;
	char claim[96];
	unsigned i;

	bench_heading("64-byte UDP over IPv4, labels + policy + counters");
	for (i = 0; i < BH_ARRAY_SIZE(rows); i++) {
		struct gate_options o = {.flows = rows[i].flows,
					 .rules = 10,
					 .endpoints = 256,
					 .frame = 64};
		struct gate *t = gate_create(&o, pool);

		measure(t, &r);
		snprintf(claim, sizeof(claim), "bare loop, %s", rows[i].what);
		bench_row(claim, "cycles/packet", bench_spread(r.bare, r.n), BENCH_NO_TARGET);
		snprintf(claim, sizeof(claim), "gateway, %s", rows[i].what);
		bench_row(claim, "cycles/packet", bench_spread(r.gate, r.n), BENCH_NO_TARGET);
		report(&r, rows[i].what);
		bench_point("flows", "bare loop", rows[i].flows, bench_spread(r.bare, r.n));
		bench_point("flows", "gateway", rows[i].flows, bench_spread(r.gate, r.n));
		bench_point("flows", "added", rows[i].flows, bench_spread(r.added, r.n));
		if (rows[i].claim >= 0)
			bench_claim((enum bench_claim_id)rows[i].claim, bench_spread(r.added, r.n));
		gate_destroy(t);
	}
}

static void
by_option(struct rte_mempool *pool)
{
	static const struct {
		const char *what, *plot;
		double x;
		struct gate_options o;
	} rows[] = {
		{"256 endpoints",
		 "endpoints",
		 256,
		 {.flows = 10000, .rules = 10, .endpoints = 256, .frame = 64}},
		{"100,000 endpoints",
		 "endpoints",
		 100000,
		 {.flows = 10000, .rules = 10, .endpoints = 100000, .frame = 64}},
		{"64-byte frames",
		 "size",
		 64,
		 {.flows = 10000, .rules = 10, .endpoints = 256, .frame = 64}},
		{"512-byte frames",
		 "size",
		 512,
		 {.flows = 10000, .rules = 10, .endpoints = 256, .frame = 512}},
		{"1,460-byte frames",
		 "size",
		 1460,
		 {.flows = 10000, .rules = 10, .endpoints = 256, .frame = 1460}},
	};
	struct rounds r;
	unsigned i;

	bench_heading("10,000 flows, 10 rules, 256 endpoints, 64 bytes; but");
	for (i = 0; i < BH_ARRAY_SIZE(rows); i++) {
		struct gate *t = gate_create(&rows[i].o, pool);

		measure(t, &r);
		report(&r, rows[i].what);
		bench_point(rows[i].plot, "bare loop", rows[i].x, bench_spread(r.bare, r.n));
		bench_point(rows[i].plot, "gateway", rows[i].x, bench_spread(r.gate, r.n));
		bench_point(rows[i].plot, "added", rows[i].x, bench_spread(r.added, r.n));
		gate_destroy(t);
	}
}

/* A copy of every packet into the ring of the latest; against the same gateway without. */
static void
with_evidence(struct rte_mempool *pool)
{
	static const struct {
		const char *what;
		unsigned frame;
	} rows[] = {{"64-byte frames", 64}, {"512-byte frames", 512}, {"1460-byte frames", 1460}};
	struct rounds r[2];
	char claim[96];
	unsigned i, k, on;

	bench_heading("evidence: 10,000 flows, every packet kept whole");
	for (i = 0; i < BH_ARRAY_SIZE(rows); i++) {
		for (on = 0; on < 2; on++) {
			const struct gate_options o = {
				.flows = 10000,
				.rules = 10,
				.endpoints = 256,
				.frame = rows[i].frame,
				.evidence = on != 0,
			};
			struct gate *t = gate_create(&o, pool);

			measure(t, &r[on]);
			gate_destroy(t);
		}
		for (k = 0; k < r[0].n; k++)
			r[1].added[k] -= r[0].added[k];
		snprintf(claim, sizeof(claim), "evidence, %s", rows[i].what);
		bench_row(claim, "cycles/packet", bench_spread(r[1].added, r[1].n),
			  BENCH_NO_TARGET);
	}
}

static void
by_burst(struct rte_mempool *pool)
{
	static const uint16_t bursts[] = {1, 4, 8, 16, 32};
	struct gate_options o = {.flows = 10000, .rules = 10, .endpoints = 256, .frame = 64};
	struct gate *t = gate_create(&o, pool);
	struct rounds r;
	char what[64];
	unsigned i;

	bench_heading("10,000 flows; frames a poll finds waiting");
	for (i = 0; i < BH_ARRAY_SIZE(bursts); i++) {
		t->gen.burst = bursts[i];
		measure(t, &r);
		snprintf(what, sizeof(what), "bursts of %u", bursts[i]);
		report(&r, what);
	}
	gate_destroy(t);
}

/* Every packet opens a flow: policy look-up, insertion, its record. */
static void
first_packets(struct rte_mempool *pool)
{
	static const unsigned rules[] = {10, 100000};
	struct bench_spread s;
	double v[ROUNDS];
	char claim[96];
	unsigned i, k, n = bench_quick() ? 3 : 7;

	bench_heading("the first packet of a flow, 500,000 flows opened");
	for (k = 0; k < BH_ARRAY_SIZE(rules); k++) {
		struct gate_options o = {.flows = 500000,
					 .rules = rules[k],
					 .endpoints = 256,
					 .frame = 64};
		struct gate *t = gate_create(&o, pool);

		for (i = 0; i < n; i++) {
			bh_flow_end_all(t->w->flows, BH_FLOW_END_SHUTDOWN);
			gate_use(t, t->flows, o.flows, true, false);
			v[i] = gate_run(t, o.flows);
		}
		s = bench_spread(v, n);
		snprintf(claim, sizeof(claim), "gateway, packet that opens a flow, %u rules",
			 rules[k]);
		bench_row(claim, "cycles/packet", s, BENCH_NO_TARGET);
		gate_destroy(t);
	}
}

int
main(void)
{
	struct rte_mempool *pool;
	const char *memory = gate_eal(&pool);

	bench_machine("bench_pipeline", memory);
	by_flows(pool);
	by_option(pool);
	by_burst(pool);
	with_evidence(pool);
	first_packets(pool);
	bench_load();
	return 0;
}
