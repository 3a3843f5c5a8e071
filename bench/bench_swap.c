/* What packets feel of a new policy: 100,000 rules take the place of 100,000 while the worker has 90 % of what it can do.
 *
 *     bench_swap          QUICK=1: 3 swaps instead of 10
 *
 * 64-byte UDP, 10,000 flows at random, as in bench_pipeline, due one by one in a receive queue of 4,096, the most of a NIC's:
 * what is due while it is full is lost. A packet waits from when it was due until the worker sends it. Another thread on
 * another CPU reads, compiles and publishes the policies, and frees the old ones, as the daemon's control core does. Where
 * that CPU is the other half of the worker's core, its work alone takes up to half of what the worker can do. So what it can do is
 * measured just before each pair of rounds, while that thread compiles, and of the two rounds
 *
 *     - in the first one it compiles and publishes nothing,
 *     - in the second one it compiles and publishes.
 *
 * What is lost in the first one is lost to the machine and to other programs on it; such a pair says nothing of swaps and is
 * tried again. While the kernel ran something else on the worker's CPU no packet was due: that is counted beside. */
#include <pthread.h>
#include <sys/resource.h>

#include "gate.h"

#define QUEUE 4096
#define CLASSES 32768 /* of waits, 50 ns each; longer ones in the last */
#define CLASS_NS 50
#define RULES 100000
#define SWAPS 10
#define TRIES 3      /* pairs, for each that counts */
#define SLICES 64    /* of the measurement of what it can do */
#define SLICE 131072 /* packets */
#define AWAY_NS 3000 /* between two looks at the ports: did the kernel take the CPU? */

struct waits {
	uint64_t n[CLASSES], all, longest, lost;
};

struct pace {
	struct gate *t;
	double gap; /* cycles between two packets of a side; 0: as many as are asked for */
	double due[2];
	uint64_t last; /* look at the ports */
	long switches;
	uint64_t away, away_cycles;
	struct waits *w;
	double ns; /* of a cycle */
};

static struct pace pace;

static bool
was_switched(void)
{
	struct rusage u;
	long before = pace.switches;

	getrusage(RUSAGE_THREAD, &u);
	pace.switches = u.ru_nivcsw + u.ru_nvcsw;
	return pace.switches != before;
}

/* The kernel had the CPU since the last look: what would have been due is due later. */
static bool
look_for_kernel(uint64_t now)
{
	bool away = was_switched();

	if (away) {
		pace.away++;
		pace.away_cycles += now - pace.last;
		pace.due[0] += (double)(now - pace.last);
		pace.due[1] += (double)(now - pace.last);
		/* No time has gone by for the worker either: it has no ageing to make up for. */
		pace.t->tsc = RTE_MIN(pace.t->tsc + (now - pace.last), now);
	}
	pace.last = now;
	return away;
}

static uint16_t
paced_rx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct gen_port *p = port;
	uint64_t now = rte_rdtsc();
	double *due = &pace.due[p->side], wait;
	uint16_t i;

	if (pace.gap == 0)
		return gen_rx(port, queue, m, n);
	if ((double)(now - pace.last) * pace.ns > AWAY_NS)
		look_for_kernel(now);
	pace.last = now;
	wait = ((double)now - *due) / pace.gap;
	if (wait < 1)
		return 0;
	if (wait > QUEUE) {
		pace.w->lost += (uint64_t)(wait - QUEUE);
		*due += (double)(uint64_t)(wait - QUEUE) * pace.gap;
		wait = QUEUE;
	}
	n = gen_rx(port, queue, m, wait < n ? (uint16_t)wait : n);
	for (i = 0; i < n; i++) {
		uint64_t tsc = (uint64_t)*due;

		memcpy(&m[i]->dynfield1[7], &tsc, sizeof(tsc));
		*due += pace.gap;
	}
	return n;
}

static uint16_t
paced_tx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	uint64_t now = rte_rdtsc(), tsc, ns;
	unsigned i;
	bool count = pace.gap != 0;

	/* These were on their way when it happened: nobody knows how long they would have waited. */
	if (count && (double)(now - pace.last) * pace.ns > AWAY_NS)
		count = !look_for_kernel(now);
	for (i = 0; count && i < n; i++) {
		memcpy(&tsc, &m[i]->dynfield1[7], sizeof(tsc));
		ns = now > tsc ? (uint64_t)((double)(now - tsc) * pace.ns) : 0;
		pace.w->n[RTE_MIN(ns / CLASS_NS, CLASSES - 1u)]++;
		pace.w->all++;
		pace.w->longest = RTE_MAX(pace.w->longest, ns);
	}
	return gen_tx(port, queue, m, n);
}

/* Microseconds that a share of the packets, in millionths, did not wait longer than. */
static double
quantile(const struct waits *w, uint64_t millionths)
{
	uint64_t left = w->all * millionths / 1000000;
	unsigned i;

	for (i = 0; i < CLASSES - 1 && w->n[i] <= left; i++)
		left -= w->n[i];
	return i == CLASSES - 1 ? (double)w->longest / 1e3 : (i + 1) * CLASS_NS / 1e3;
}

/* ---- the control side ------------------------------------------------------------------------------- */

struct control {
	struct gate *t;
	_Atomic int asked, done; /* policies */
	_Atomic bool publish;    /* them; else they are compiled and dropped */
	_Atomic bool away;       /* from the worker's CPU */
	_Atomic bool stop;
	pthread_t thread;
};

static void *
control_main(void *arg)
{
	struct control *c = arg;
	struct gate_options o = c->t->o;
	cpu_set_t cpus;
	long i, n = sysconf(_SC_NPROCESSORS_ONLN);

	/* Not on the worker's CPU, and not with its priority. */
	CPU_ZERO(&cpus);
	for (i = 0; i < n - 1; i++)
		CPU_SET((unsigned)i, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
	c->away = true;
	while (!c->stop) {
		if (c->done < c->asked) {
			if (c->publish)
				o.variant = o.variant != 0 ? 0 : 7;
			gate_compile_policy(c->t, &o, !c->publish);
			c->done++;
		}
		bh_gateway_control(c->t->g);
		usleep(1000);
	}
	return NULL;
}

/* ---- what is measured ------------------------------------------------------------------------------- */

/* From now on. */
static void
pace_start(void)
{
	was_switched();
	pace.last = rte_rdtsc();
	pace.due[0] = pace.due[1] = (double)pace.last;
}

/* Packets until the policy that was asked for is done and a quarter of a second after. */
static void
run(struct gate *t, struct control *c, bool publish, struct waits *w)
{
	uint64_t hz = rte_get_tsc_hz(), end = rte_rdtsc() + hz / 4;

	pace.w = w;
	c->publish = publish;
	c->asked++;
	pace_start();
	gate_clock_start(t);
	while (rte_rdtsc() < end) {
		unsigned i;

		if (c->done < c->asked)
			end = rte_rdtsc() + hz / 4;
		for (i = 0; i < 256; i++) {
			gate_clock_read(t);
			bh_worker_poll(t->w, t->mono_ns, t->wall_ns);
		}
	}
}

static void
tell(const char *what, const struct waits *w)
{
	static const struct {
		uint64_t millionths;
		const char *name;
	} q[] = {{500000, "p50"}, {990000, "p99"}, {999000, "p99.9"}, {999900, "p99.99"}};
	char claim[96];
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(q); i++) {
		snprintf(claim, sizeof(claim), "%s: a packet waits, %s", what, q[i].name);
		bench_row(claim, "us", bench_one(quantile(w, q[i].millionths)), BENCH_NO_TARGET);
	}
	snprintf(claim, sizeof(claim), "%s: longest of %.1f M packets", what, (double)w->all / 1e6);
	bench_row(claim, "us", bench_one((double)w->longest / 1e3), BENCH_NO_TARGET);
	snprintf(claim, sizeof(claim), "%s: packets lost", what);
	bench_row(claim, "packets", bench_one((double)w->lost), BENCH_NO_TARGET);
	for (i = 0; i <= 1000; i++) {
		uint64_t millionths = 1000000 - (uint64_t)(1e6 / __builtin_pow(10, i / 200.0));

		bench_point("swap", what, 1 - (double)millionths / 1e6,
			    bench_one(quantile(w, millionths)));
	}
}

static struct waits *
new_waits(void)
{
	struct waits *w = calloc(1, sizeof(*w));

	if (w == NULL)
		gate_die("no memory");
	return w;
}

/* Two ports of one generator that send when packets are due. */
static struct gate *
make_gate(struct rte_mempool *pool, struct gen_port port[2])
{
	struct bh_wire wire[2];
	struct gate_options o = {
		.flows = 10000, .rules = RULES, .endpoints = 256, .frame = 64, .wires = wire};
	struct gate *t;
	unsigned i;

	for (i = 0; i < 2; i++)
		wire[i] = (struct bh_wire){.rx = paced_rx,
					   .tx = paced_tx,
					   .port = &port[i],
					   .rx_queues = 1,
					   .tx_queues = 1,
					   .mtu = 1500};
	t = gate_prepare(&o, pool);
	for (i = 0; i < 2; i++)
		port[i] = (struct gen_port){&t->gen, i};
	if (!gate_self_test(t))
		gate_die("the gateway does not do its work: no figures");
	gate_open_flows(t);
	return t;
}

/* Cycles between two packets of a side at 90 % of what the worker can do while policies are compiled, what is done here to each packet
 * included: as fast as it can, packets are always due. Each side has half of them. Of what it can do in slices of some
 * milliseconds, the slower quarter's: a load is not 90 % if it is more than that for long. */
static double
gap_of(struct gate *t, struct control *c)
{
	struct waits *unused = new_waits();
	double cycles[SLICES];
	unsigned i;

	c->publish = false;
	pace.w = unused;
	pace.gap = 1;
	for (i = 0; i < SLICES; i++) {
		if (c->done == c->asked)
			c->asked++;
		pace_start();
		cycles[i] = gate_run(t, SLICE);
	}
	free(unused);
	while (c->done < c->asked)
		usleep(1000);
	return 2 * bench_spread(cycles, SLICES).p75 / 0.9;
}

static void
add(struct waits *sum, const struct waits *w)
{
	unsigned k;

	for (k = 0; k < CLASSES; k++)
		sum->n[k] += w->n[k];
	sum->all += w->all;
	sum->lost += w->lost;
	sum->longest = RTE_MAX(sum->longest, w->longest);
}

struct rounds {
	struct waits *idle, *busy;        /* nothing published, published */
	double p9999[SWAPS], lost[SWAPS]; /* of each swap */
	double gap;                       /* the latest */
	unsigned n, n_spoiled;            /* that count, that don't */
};

/* A pair. */
static void
round_of(struct gate *t, struct control *c, struct rounds *r)
{
	struct waits *calm = new_waits(), *swap = new_waits();

	pace.gap = r->gap = gap_of(t, c);
	run(t, c, false, calm);
	run(t, c, true, swap);
	if (calm->lost != 0) {
		r->n_spoiled++;
	} else {
		r->p9999[r->n] = quantile(swap, 999900);
		r->lost[r->n++] = (double)swap->lost;
		add(r->idle, calm);
		add(r->busy, swap);
	}
	free(calm);
	free(swap);
}

static void
rounds(struct gate *t, unsigned swaps, struct rounds *r)
{
	struct control control = {.t = t};
	struct bh_counters before, after;

	if (pthread_create(&control.thread, NULL, control_main, &control) != 0)
		gate_die("no thread for the control side");
	while (!control.away)
		usleep(1000);
	bh_gateway_counters(t->g, 0, &before);
	while (r->n < swaps && r->n + r->n_spoiled < swaps * TRIES)
		round_of(t, &control, r);
	control.stop = true;
	pthread_join(control.thread, NULL);
	bh_gateway_counters(t->g, 0, &after);
	if (after.forwarded - before.forwarded != after.packets - before.packets)
		gate_die("allowed packets were dropped while policies changed: no figures");
}

static void
tell_rounds(struct rounds *r)
{
	static const char why[] =
		"the worker lost packets while nothing was published: other programs had the core";

	bench_heading("a worker with 90 % of what it can do, 100,000 rules");
	printf("  %u pairs of rounds are left out: packets were lost with nothing published\n",
	       r->n_spoiled);
	if (r->n == 0) {
		bench_unmeasured(BENCH_SWAP_STALL, why);
		bench_unmeasured(BENCH_SWAP_LOST, why);
		return;
	}
	tell("compiled, not published", r->idle);
	tell("swaps", r->busy);
	printf("  %.2f M packets a second; the kernel took the CPU %lu times, %.1f ms in all\n",
	       2e3 / r->gap / pace.ns, pace.away, (double)pace.away_cycles * pace.ns / 1e6);
	bench_claim(BENCH_SWAP_STALL, bench_spread(r->p9999, r->n));
	qsort(r->lost, r->n, sizeof(r->lost[0]), bench_compare);
	bench_claim(BENCH_SWAP_LOST, bench_one(r->lost[r->n - 1]));
}

int
main(void)
{
	struct rounds r = {.idle = new_waits(), .busy = new_waits()};
	struct rte_mempool *pool;
	const char *memory = gate_eal(&pool);
	struct gen_port port[2];
	struct gate *t;

	bench_machine("bench_swap", memory);
	pace.ns = 1e9 / (double)rte_get_tsc_hz();
	t = make_gate(pool, port);
	pace.t = t;
	rounds(t, bench_quick() ? 3 : SWAPS, &r);
	tell_rounds(&r);
	pace.gap = 0;
	gate_destroy(t);
	free(r.idle);
	free(r.busy);
	bench_load();
	return 0;
}
