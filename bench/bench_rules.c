/* Does a packet cost more where there are more rules?
 *
 *     bench_rules          10, 100, 1,000, 10,000 and 100,000 rules
 *     QUICK=1 bench_rules  the same with fewer and shorter rounds
 *
 * As bench_pipeline: 10,000 flows drawn at random, 64-byte UDP, half of the packets in each direction. One gateway for
 * each number of rules, all of them alive at once; a round measures the bare loop and then each gateway, so that what
 * else the machine does meets them alike. `more` is what a gateway adds to the bare loop over what the one with 10
 * rules adds, round by round. */
#include "gate.h"

#define ROUNDS 31
#define ROUND_PACKETS (1u << 19)
#define SETTLE_PACKETS (1u << 16)

static const unsigned rules[] = {10, 100, 1000, 10000, 100000};
#define SIZES BH_ARRAY_SIZE(rules)

/* Cycles a packet, and nothing dropped, opened or ended meanwhile. */
static double
run(struct gate *t, uint64_t packets)
{
	struct bh_counters before, after;
	double cycles;

	gate_run(t, SETTLE_PACKETS);
	bh_gateway_counters(t->g, 0, &before);
	cycles = gate_run(t, packets);
	bh_gateway_counters(t->g, 0, &after);
	if (after.forwarded - before.forwarded != after.packets - before.packets ||
	    after.flows_opened != before.flows_opened || after.flows_ended != before.flows_ended)
		gate_die("packets were dropped or flows ended during a round: no figures");
	return cycles;
}

int
main(void)
{
	static double added[SIZES][ROUNDS], more[SIZES][ROUNDS];
	struct rte_mempool *pool;
	const char *memory = gate_eal(&pool);
	unsigned i, k, rounds = bench_quick() ? 15 : ROUNDS;
	uint64_t packets = ROUND_PACKETS / (bench_quick() ? 2 : 1);
	struct gate *t[SIZES];
	char claim[96];

	bench_machine("bench_rules", memory);
	for (k = 0; k < SIZES; k++) {
		struct gate_options o = {.flows = 10000,
					 .rules = rules[k],
					 .endpoints = 256,
					 .frame = 64};

		t[k] = gate_create(&o, pool);
	}
	for (i = 0; i < rounds; i++) {
		double bare;

		gate_run_bare(t[0], SETTLE_PACKETS);
		bare = gate_run_bare(t[0], packets);
		for (k = 0; k < SIZES; k++)
			added[k][i] = run(t[(k + i) % SIZES], packets) - bare;
		/* Who came first took turns: put them back in order. */
		for (k = 0; k < SIZES; k++)
			more[(k + i) % SIZES][i] = added[k][i];
		for (k = 0; k < SIZES; k++)
			added[k][i] = more[k][i];
		for (k = 0; k < SIZES; k++)
			more[k][i] = 100.0 * (added[k][i] / added[0][i] - 1.0);
	}
	bench_heading("added to a packet by number of rules, 10,000 flows");
	for (k = 0; k < SIZES; k++) {
		struct bench_spread s = bench_spread(added[k], rounds);

		snprintf(claim, sizeof(claim), "%u rules", rules[k]);
		bench_row(claim, "cycles/packet", s, BENCH_NO_TARGET);
		bench_point("rules", "added", rules[k], s);
	}
	bench_claim(BENCH_BY_RULES, bench_spread(more[SIZES - 1], rounds));
	for (k = 0; k < SIZES; k++)
		gate_destroy(t[k]);
	bench_load();
	return 0;
}
