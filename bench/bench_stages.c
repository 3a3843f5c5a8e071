/* What each stage costs, and what the generation stamp saves.
 *
 *     bench_stages               at 1, 10,000 and 1,000,000 flows
 *     QUICK=1 bench_stages       the same with fewer and shorter rounds
 *
 * The same gateway and traffic as in bench_pipeline; here the stages are called one by one with the TSC
 * read in between (its own cost, measured with nothing in between, is taken off). Reading the clock between
 * stages keeps one stage's memory accesses from overlapping with the next one's work as well as they do
 * in one piece: the sum is a little more than the whole, which is printed below it. */
#include "gate.h"

#include "../lib/policy/policy_priv.h"

#define ROUNDS 15
#define ROUND_BURSTS 8192

enum part {
	PART_RX,
	PART_KNOWN,
	PART_PARSE,
	PART_STEER,
	PART_FRAGMENT,
	PART_FLOW,
	PART_POLICY,
	PART_EVIDENCE,
	PART_APPLICATION,
	PART_VERDICT,
	PART_TX,
	PART_REST,
	PARTS
};

static const char *const part_name[PARTS] = {
	[PART_RX] = "rx and burst",
	[PART_KNOWN] = "known: headers, flow, verdict",
	[PART_PARSE] = "parse",
	[PART_STEER] = "steer (one worker: nothing)",
	[PART_FRAGMENT] = "fragment (none: one look)",
	[PART_FLOW] = "flow",
	[PART_POLICY] = "policy (flows known: one look)",
	[PART_EVIDENCE] = "evidence (none is kept: two looks)",
	[PART_APPLICATION] = "application (decided: one look)",
	[PART_VERDICT] = "verdict",
	[PART_TX] = "tx",
	[PART_REST] = "clock, housekeeping, quiescence",
};

/* TSC cycles of each part, summed over bursts. */
struct profile {
	uint64_t part[PARTS];
	uint64_t marks;
	uint64_t at;
};

static inline void
mark(struct profile *p, enum part part)
{
	uint64_t now = rte_rdtsc();

	p->part[part] += now - p->at;
	p->marks++;
	p->at = now;
}

/* What one mark costs itself. */
static double
mark_cost(void)
{
	struct profile p = {.at = rte_rdtsc()};
	unsigned i;

	for (i = 0; i < 1000000; i++)
		mark(&p, PART_REST);
	return (double)p.part[PART_REST] / (double)p.marks;
}

/* One turn of the worker, taken apart. */
static unsigned
turn(struct gate *t, struct profile *p)
{
	struct bh_worker *w = t->w;
	struct bh_burst *b = &w->burst;
	unsigned wire, n = 0;

	gate_clock_read(t);
	w->mono_ns = t->mono_ns;
	w->wall_ns = t->wall_ns;
	w->now_ms = (uint32_t)(t->mono_ns / BH_NS_PER_MS);
	w->view = atomic_load_explicit(&w->g->view, memory_order_acquire);
	mark(p, PART_REST);
	for (wire = 0; wire < 2; wire++) {
		n += bh_stage_rx(w, wire, 0);
		mark(p, PART_RX);
		bh_stage_known(w, b);
		mark(p, PART_KNOWN);
		bh_stage_parse(w, b);
		mark(p, PART_PARSE);
		bh_stage_steer(w, b);
		mark(p, PART_STEER);
		bh_stage_fragment(w, b);
		mark(p, PART_FRAGMENT);
		bh_stage_flow(w, b);
		mark(p, PART_FLOW);
		bh_stage_policy(w, b);
		mark(p, PART_POLICY);
		bh_stage_evidence(w, b);
		bh_stage_settle(w, b);
		mark(p, PART_EVIDENCE);
		bh_stage_application(w, b);
		mark(p, PART_APPLICATION);
		bh_stage_verdict(w, b);
		mark(p, PART_VERDICT);
		bh_stage_tx(w);
		mark(p, PART_TX);
	}
	bh_stage_housekeeping(w);
	w->view = NULL;
	rte_rcu_qsbr_quiescent(w->g->qsbr, w->index);
	mark(p, PART_REST);
	return n;
}

/* v[part][round]: TSC cycles a packet. */
static void
profile_rounds(struct gate *t, double v[PARTS + 2][ROUNDS], unsigned rounds, double cost)
{
	unsigned i, k, bursts = ROUND_BURSTS / (bench_quick() ? 4 : 1);
	for (i = 0; i < rounds; i++) {
		struct profile p = {0};
		uint64_t packets = 0;
		double sum = 0;

		gate_clock_start(t);
		p.at = rte_rdtsc();
		for (k = 0; k < bursts / 2; k++)
			packets += turn(t, &p);
		for (k = 0; k < PARTS; k++) {
			v[k][i] = ((double)p.part[k] - bursts * cost) / (double)packets;
			sum += v[k][i];
		}
		v[PARTS][i] = sum;
		v[PARTS + 1][i] = gate_run(t, packets);
	}
}

static void
stages(struct rte_mempool *pool, unsigned flows, double cost)
{
	static double v[PARTS + 2][ROUNDS];
	struct gate_options o = {.flows = flows, .rules = 10, .endpoints = 256, .frame = 64};
	struct gate *t = gate_create(&o, pool);
	unsigned i, rounds = bench_quick() ? 5 : ROUNDS;
	char claim[96];

	snprintf(claim, sizeof(claim), "stages, %u flows, 64-byte UDP over IPv4", flows);
	bench_heading(claim);
	profile_rounds(t, v, rounds, cost);
	for (i = 0; i < PARTS + 2; i++) {
		snprintf(claim, sizeof(claim), "%s, %u flows",
			 i < PARTS    ? part_name[i]
			 : i == PARTS ? "sum of the parts"
				      : "in one piece, rx and tx included",
			 flows);
		bench_row(claim, "cycles/packet", bench_spread(v[i], rounds), BENCH_NO_TARGET);
	}
	gate_destroy(t);
}

/* ---- the stamp, and what it stands in for ------------------------------------------------------------ */

enum variant { BY_STAMP, BY_LOOKUP, VARIANTS };

/* Is the verdict of each packet's flow current? Asked both ways about the same burst. */
static unsigned
ask(const struct bh_worker *w, const struct bh_burst *b, enum variant how)
{
	const struct bh_view *view = w->view;
	unsigned i, current = 0;

	for (i = 0; i < b->n; i++) {
		const struct bh_flow *f = b->p[i].flow;
		const struct bh_flow_key *k = &b->p[i].h.key;

		if (how == BY_STAMP) {
			current += f->stamp == bh_view_stamp(view, f->slot[0], f->slot[1]);
			continue;
		}
		current += bh_table_resolve(view->endpoints, k->addr[0].b, k->family, k->tenant) ==
				   f->slot[0] &&
			   bh_table_resolve(view->endpoints, k->addr[1].b, k->family, k->tenant) ==
				   f->slot[1];
	}
	return current;
}

static void
compare_variants(struct gate *t, double v[VARIANTS][ROUNDS], unsigned rounds, double cost)
{
	unsigned i, k, how, bursts = ROUND_BURSTS / (bench_quick() ? 4 : 1);
	struct bh_worker *w = t->w;

	/* All packets are wanted in the burst. */
	w->examines = true;
	for (i = 0; i < rounds; i++) {
		uint64_t cycles[VARIANTS] = {0}, packets = 0, start;

		for (k = 0; k < bursts; k++) {
			w->view = atomic_load_explicit(&w->g->view, memory_order_acquire);
			packets += bh_stage_rx(w, k & 1, 0);
			bh_stage_known(w, &w->burst);
			bh_stage_parse(w, &w->burst);
			bh_stage_flow(w, &w->burst);
			/* Neither finds warm what the other one has just read. */
			for (how = 0; how < VARIANTS; how++) {
				enum variant now = (enum variant)((how + k) % VARIANTS);

				start = rte_rdtsc();
				if (ask(w, &w->burst, now) != w->burst.n)
					gate_die("a flow is not current: no figures");
				cycles[now] += rte_rdtsc() - start;
			}
			bh_stage_verdict(w, &w->burst);
			bh_stage_tx(w);
		}
		for (how = 0; how < VARIANTS; how++)
			v[how][i] = ((double)cycles[how] - bursts * cost) / (double)packets;
	}
}

static void
stamp_or_lookup(struct rte_mempool *pool, double cost)
{
	static const struct gate_options rows[] = {
		{.flows = 10000, .rules = 10, .endpoints = 256, .frame = 64},
		{.flows = 10000, .rules = 10, .endpoints = 100000, .frame = 64},
		{.flows = 1000000, .rules = 10, .endpoints = 100000, .frame = 64},
	};
	static double v[VARIANTS][ROUNDS];
	unsigned i, rounds = bench_quick() ? 5 : ROUNDS;
	char claim[96];

	bench_heading("is a verdict current? asked of every packet");
	for (i = 0; i < BH_ARRAY_SIZE(rows); i++) {
		struct gate *t = gate_create(&rows[i], pool);

		compare_variants(t, v, rounds, cost);
		snprintf(claim, sizeof(claim), "stage policy, stamp, %u flows, %u endpoints",
			 rows[i].flows, rows[i].endpoints);
		bench_row(claim, "cycles/packet", bench_spread(v[BY_STAMP], rounds),
			  BENCH_NO_TARGET);
		snprintf(claim, sizeof(claim), "labels by look-up, %u flows, %u endpoints",
			 rows[i].flows, rows[i].endpoints);
		bench_row(claim, "cycles/packet", bench_spread(v[BY_LOOKUP], rounds),
			  BENCH_NO_TARGET);
		gate_destroy(t);
	}
}

int
main(void)
{
	static const unsigned flows[] = {1, 10000, 1000000};
	struct rte_mempool *pool;
	const char *memory = gate_eal(&pool);
	double cost = mark_cost();
	unsigned i;

	bench_machine("bench_stages", memory);
	printf("reading the TSC costs %.1f cycles, taken off below\n", cost);
	for (i = 0; i < BH_ARRAY_SIZE(flows); i++)
		stages(pool, flows[i], cost);
	stamp_or_lookup(pool, cost);
	bench_load();
	return 0;
}
