/* Do n workers do n times as much as one, and does none write what another reads?
 *
 *     bench_scaling          QUICK=1: fewer rounds
 *
 * One gateway; worker i on CPU i polls queue i of two ports, whose device sends both directions of a flow there (RSS), with
 * 10,000 flows of its own, 64-byte UDP. Rounds of one worker alone, each in turn, and of all together take turns. A loop
 * of multiplications that touches no memory is measured in the same way: where two CPUs share a core it does not scale
 * either, and then the workers' figure says nothing of them: it is taken relative to that loop's.
 *
 * Nothing shared: all memory that this process may write is compared before and after turns of worker 0, and then of worker
 * 1; cache lines that changed both times are counted. */
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>

#include "gate.h"

#define MOST 16
#define ROUNDS 41
#define ROUND_MS 20
#define LINE 64

struct runner {
	struct gate *t;
	struct gen gen;
	struct bh_worker *w;
	unsigned cpu;
	pthread_t thread;
	sem_t go, done;
	enum { RUN_GATE, RUN_LOOP, RUN_OPEN, RUN_END } what;
	uint64_t mono_ns, until, n; /* of the TSC; packets, or loops */
} __attribute__((aligned(128)));

struct ports {
	struct runner *r;
	struct gen_port port[2][MOST];
};

struct side {
	struct gen_port *port; /* by queue */
};

static uint16_t
queue_rx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	return gen_rx(&((struct side *)port)->port[queue], 0, m, n);
}

static uint16_t
queue_tx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	return gen_tx(&((struct side *)port)->port[queue], 0, m, n);
}

/* ---- a worker's thread ------------------------------------------------------------------------------ */

static void
poll_until(struct runner *r)
{
	uint64_t at = rte_rdtsc(), now;

	while ((now = rte_rdtsc()) < r->until) {
		r->mono_ns += (now - at) * r->t->ns_per_tsc >> 32;
		at = now;
		r->n += bh_worker_poll(r->w, r->mono_ns, r->t->wall_ns + r->mono_ns);
	}
}

/* Clients, then servers, until each flow's application is decided: see gate_open_flows(). */
static void
open_flows(struct runner *r)
{
	unsigned i;

	for (i = 0; i < 20; i++) {
		uint64_t n = 0;

		r->gen.silent[0] = i % 2;
		r->gen.silent[1] = 1 - i % 2;
		while (n < r->gen.n_seq) {
			r->mono_ns += 1000;
			n += bh_worker_poll(r->w, r->mono_ns, r->t->wall_ns + r->mono_ns);
		}
	}
	r->gen.silent[0] = r->gen.silent[1] = false;
}

static void
loop_until(struct runner *r)
{
	uint64_t x = 3;
	unsigned i;

	while (rte_rdtsc() < r->until) {
		for (i = 0; i < 1000; i++)
			__asm__ volatile("imul %0, %0" : "+r"(x));
		r->n++;
	}
}

static void *
runner_main(void *arg)
{
	struct runner *r = arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(r->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	for (;;) {
		sem_wait(&r->go);
		r->n = 0;
		switch (r->what) {
		case RUN_GATE:
			poll_until(r);
			break;
		case RUN_LOOP:
			loop_until(r);
			break;
		case RUN_OPEN:
			open_flows(r);
			break;
		default:
			return NULL;
		}
		sem_post(&r->done);
	}
}

/* Those of `mask`, together, for some ms. Returns packets, or loops, of all. */
static double
run(struct runner *r, unsigned n, unsigned mask, int what, unsigned ms)
{
	uint64_t until = rte_rdtsc() + rte_get_tsc_hz() * ms / 1000;
	double sum = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		if ((mask >> i & 1) == 0)
			continue;
		r[i].what = (__typeof__(r[i].what))what;
		r[i].until = until;
		sem_post(&r[i].go);
	}
	for (i = 0; i < n; i++) {
		if ((mask >> i & 1) == 0)
			continue;
		sem_wait(&r[i].done);
		sum += (double)r[i].n;
	}
	return sum;
}

/* ---- what is written by two ------------------------------------------------------------------------- */

struct map {
	uint8_t *at, *copy, *first; /* the third: lines that changed the first time, a byte each */
	size_t size;
	char name[64];
};

struct maps {
	struct map map[512];
	unsigned n;
};

static void
read_maps(struct maps *maps)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];

	while (f != NULL && maps->n < BH_ARRAY_SIZE(maps->map) &&
	       fgets(line, sizeof(line), f) != NULL) {
		struct map *m = &maps->map[maps->n];
		char mode[8], name[256] = "";
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255[^\n]", &from, &to, mode, name) < 3 ||
		    mode[0] != 'r' || mode[1] != 'w' || strncmp(name, "[v", 2) == 0 ||
		    strcmp(name, "[stack]") == 0)
			continue;
		m->at = (uint8_t *)from; /* NOLINT: the kernel says that it is there */
		m->size = to - from;
		snprintf(m->name, sizeof(m->name), "%.63s", name);
		maps->n++;
	}
	if (f != NULL)
		fclose(f);
}

static uint8_t *
more(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		gate_die("no memory for copies of it");
	return p;
}

static void
copy_maps(struct maps *maps)
{
	unsigned i;

	for (i = 0; i < maps->n; i++) {
		struct map *m = &maps->map[i];

		if (m->copy == NULL) {
			m->copy = more(m->size);
			m->first = more(m->size / LINE);
		}
		memcpy(m->copy, m->at, m->size);
	}
}

/* Lines that differ from the copy. Of the second time: those that did so the first time, too. */
static unsigned
changed(struct maps *maps, bool second)
{
	unsigned i, n = 0;
	size_t k;

	for (i = 0; i < maps->n; i++) {
		struct map *m = &maps->map[i];

		for (k = 0; k < m->size / LINE; k++) {
			if (memcmp(m->at + k * LINE, m->copy + k * LINE, LINE) == 0)
				continue;
			if (!second) {
				m->first[k] = 1;
				n++;
			} else if (m->first[k] != 0) {
				if (n++ < 8)
					printf("  both write %p in %s\n", m->at + k * LINE,
					       m->name[0] != '\0' ? m->name : "memory");
			}
		}
	}
	return n;
}

static void
nothing_shared(struct runner *r, unsigned n)
{
	static struct maps maps;
	unsigned lines, own, i;

	/* What main() itself writes while they run is on its stack, which is not compared. */
	for (i = 0; i < 2; i++)
		run(r, n, 1u << i, RUN_GATE, 5);
	read_maps(&maps);
	copy_maps(&maps);
	run(r, n, 1, RUN_GATE, 50);
	own = changed(&maps, false);
	copy_maps(&maps);
	run(r, n, 2, RUN_GATE, 50);
	lines = changed(&maps, true);
	bench_row("cache lines that worker 0 wrote in 50 ms", "lines", bench_one(own),
		  BENCH_NO_TARGET);
	if (own < 1000)
		gate_die("a worker wrote next to nothing: no figures");
	bench_claim(BENCH_NOTHING_SHARED, bench_one(lines));
	for (i = 0; i < maps.n; i++) {
		munmap(maps.map[i].copy, maps.map[i].size);
		munmap(maps.map[i].first, maps.map[i].size / LINE);
	}
}

/* ---- set-up ----------------------------------------------------------------------------------------- */

static struct gate *
make_gate(struct runner *r, struct ports *ports, unsigned n, struct rte_mempool *pool)
{
	static struct side side[2];
	struct bh_wire wire[2];
	struct gate_options o = {.flows = 10000 * n,
				 .rules = 10,
				 .endpoints = 256,
				 .frame = 64,
				 .workers = n,
				 .wires = wire};
	struct gate *t;
	unsigned i, k;

	for (i = 0; i < 2; i++) {
		side[i].port = ports->port[i];
		wire[i] = (struct bh_wire){.rx = queue_rx,
					   .tx = queue_tx,
					   .port = &side[i],
					   .rx_queues = (uint16_t)n,
					   .tx_queues = (uint16_t)n,
					   .mtu = 1500,
					   .rss = true};
	}
	for (k = 0; k < n; k++) {
		for (i = 0; i < 2; i++)
			ports->port[i][k] = (struct gen_port){&r[k].gen, i};
	}
	/* The self-test sends by the first queue alone. */
	t = gate_prepare(&o, pool);
	for (i = 0; i < 2; i++)
		ports->port[i][0].g = &t->gen;
	if (!gate_self_test(t))
		gate_die("the gateway does not do its work: no figures");
	for (k = 0; k < n; k++) {
		ports->port[0][k].g = ports->port[1][k].g = &r[k].gen;
		r[k].t = t;
		r[k].w = bh_gateway_worker(t->g, k);
		r[k].cpu = k;
		r[k].mono_ns = t->mono_ns;
		r[k].gen.pool = pool;
		r[k].gen.burst = BH_BURST;
		gen_resize(&r[k].gen, o.frame);
		r[k].gen.seq = t->flows + 10000 * k;
		r[k].gen.n_seq = 10000;
		sem_init(&r[k].go, 0, 0);
		sem_init(&r[k].done, 0, 0);
		if (pthread_create(&r[k].thread, NULL, runner_main, &r[k]) != 0)
			gate_die("no thread");
	}
	return t;
}

/* All together over the sum of each alone, with n of them; of one round. */
static double
round_of(struct runner *r, unsigned n, int what, double *alone, double *together)
{
	unsigned i;

	*alone = 0;
	for (i = 0; i < n; i++)
		*alone += run(r, n, 1u << i, what, ROUND_MS);
	*together = run(r, n, (1u << n) - 1, what, ROUND_MS);
	return *together / *alone;
}

int
main(void)
{
	static double share[ROUNDS], loop[ROUNDS], relative[ROUNDS], one[ROUNDS], all[ROUNDS];
	static struct runner runner[MOST];
	static struct ports ports;
	struct rte_mempool *pool;
	const char *memory = gate_eal(&pool);
	unsigned i, rounds = bench_quick() ? 21 : ROUNDS;
	unsigned n = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	struct bh_counters c;
	char claim[64];
	struct gate *t;

	bench_machine("bench_scaling", memory);
	n = n < MOST ? n : MOST;
	/* No thread of this program needs a CPU to itself: they take turns. */
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
	t = make_gate(runner, &ports, n, pool);
	run(runner, n, (1u << n) - 1, RUN_OPEN, 0);
	for (i = 0; i < rounds; i++) {
		double alone, together;

		loop[i] = round_of(runner, n, RUN_LOOP, &alone, &together);
		share[i] = round_of(runner, n, RUN_GATE, &alone, &together);
		relative[i] = share[i] / loop[i];
		one[i] = alone / n / ROUND_MS / 1e3;
		all[i] = together / ROUND_MS / 1e3;
	}
	bh_gateway_counters(t->g, UINT32_MAX, &c);
	/* The self-test opened two flows, one of them a denied one, and had one packet dropped. */
	if (bh_counters_dropped(&c) != 1 || c.flows_opened != 2 + 10000 * n) {
		fprintf(stderr, "%lu packets dropped, %lu flows opened\n", bh_counters_dropped(&c),
			c.flows_opened);
		gate_die("packets were dropped, or flows opened twice: no figures");
	}
	bench_heading("workers on all CPUs, 10,000 flows each");
	bench_row("one worker", "M packets/s", bench_spread(one, rounds), BENCH_NO_TARGET);
	snprintf(claim, sizeof(claim), "%u workers", n);
	bench_row(claim, "M packets/s", bench_spread(all, rounds), BENCH_NO_TARGET);
	bench_point("scaling", "Bulkhead", 1, bench_spread(one, rounds));
	bench_point("scaling", "Bulkhead", n, bench_spread(all, rounds));
	bench_row("all over each alone", "x", bench_spread(share, rounds), BENCH_NO_TARGET);
	bench_row("  a loop without memory, for comparison", "x", bench_spread(loop, rounds),
		  BENCH_NO_TARGET);
	if (n == 1)
		bench_unmeasured(BENCH_SCALING, "this machine has one CPU");
	else
		bench_claim(BENCH_SCALING, bench_spread(relative, rounds));
	if (n > 1)
		nothing_shared(runner, n);
	run(runner, 0, 0, RUN_END, 0);
	bench_load();
	return 0;
}
