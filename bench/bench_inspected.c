/* What it takes to look into an HTTP request with all sensors, its connection included.
 *
 *     bench_inspected FILE [FILE ...]      a request each; the last one is an attack
 *
 * Prints a line of JSON: nanoseconds a request of the gateway, the bare loop taken off, round by round. TCP connections of
 * one request and one answer each, opened and closed, 10,000 rules, HTTP judged by its name, inspect.sensors: alert. An
 * attack that is not found, or a finding in the other requests, stops the program. */
#include "line.h"

#define ROUNDS 9
#define REQUESTS 4096u
#define GROUPS                                                                                     \
	8 /* 256 connections under way: inspect.connections is 1,024, those that end among them */
#define OK_HELLO                                                                                   \
	"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\n"                          \
	"Content-Length: 13\r\n\r\nHello, world!"

static const char *
read_file(const char *path)
{
	static char text[8][1400];
	static unsigned n;
	FILE *f = fopen(path, "r");
	size_t len;

	if (f == NULL || n == BH_ARRAY_SIZE(text))
		gate_die("can't read a request");
	len = fread(text[n], 1, sizeof(text[n]) - 1, f);
	text[n][len] = '\0';
	fclose(f);
	return text[n++];
}

static void
take_events(struct gate *t)
{
	static struct bh_event e[256];

	while (bh_gateway_events(t->g, e, BH_ARRAY_SIZE(e)) != 0)
		;
}

static double
run(struct gate *t, struct line *l, uint32_t n)
{
	uint64_t goal = l->done + n, cycles = 0;
	unsigned k;

	while (l->done < goal) {
		uint64_t piece = l->done + 32 * l->groups, start = rte_rdtsc();

		gate_clock_start(t);
		while (l->done < piece) {
			gate_clock_read(t);
			bh_worker_poll(t->w, t->mono_ns, t->wall_ns);
		}
		cycles += rte_rdtsc() - start;
		/* Twenty seconds go by, in turns without packets: what has ended is given back. A worker
		 * sweeps its table whether there are connections or not: that is not of the requests. */
		for (k = 0; k < 200; k++) {
			t->mono_ns += 100 * BH_NS_PER_MS;
			l->quiet = true;
			bh_worker_poll(t->w, t->mono_ns, t->wall_ns);
			l->quiet = false;
		}
		take_events(t);
	}
	return (double)cycles;
}

/* One request in connections of its own, `rounds` times. Returns findings. */
static uint64_t
measure(struct rte_mempool *pool, const char *request, unsigned rounds, double *ns)
{
	const struct line_step steps[] = {
		{0, LINE_SYN, NULL, 0},
		{1, LINE_SYN | LINE_ACK, NULL, 0},
		{0, LINE_ACK, NULL, 0},
		{0, LINE_PSH | LINE_ACK, request, (unsigned)strlen(request)},
		{1, LINE_PSH | LINE_ACK, OK_HELLO, sizeof(OK_HELLO) - 1},
		{0, LINE_FIN | LINE_ACK, NULL, 0},
		{1, LINE_FIN | LINE_ACK, NULL, 0},
		{0, LINE_ACK, NULL, 0},
	};
	struct line *l = line_create(steps, BH_ARRAY_SIZE(steps), 256, pool);
	struct gate_options o = {.rules = 10000,
				 .endpoints = 256,
				 .frame = 64,
				 .application = "http",
				 .tcp = true,
				 .inspect = true,
				 .wires = l->wire};
	struct gate *t = gate_prepare(&o, pool);
	unsigned i, n = REQUESTS;
	struct bh_counters c;

	l->groups = GROUPS;

	for (i = 0; i < rounds; i++) {
		double bare = line_run_bare(l, n);

		ns[i] = (run(t, l, n) - bare) / n * 1e9 / (double)rte_get_tsc_hz();
	}
	bh_gateway_counters(t->g, 0, &c);
	if (c.apps_unasked != 0 || c.forwarded != (uint64_t)rounds * n * 8)
		gate_die("connections were not looked into, or not forwarded whole: no figures");
	gate_destroy(t);
	free(l);
	return c.findings;
}

int
main(int argc, char **argv)
{
	unsigned i, k, rounds = bench_quick() ? 5 : ROUNDS, n = (unsigned)argc - 2;
	double each[ROUNDS], sum[ROUNDS] = {0};
	struct rte_mempool *pool;

	if (argc < 3)
		gate_die("usage: bench_inspected REQUEST [REQUEST ...] ATTACK");
	gate_eal(&pool);
	if (measure(pool, read_file(argv[argc - 1]), 1, each) < REQUESTS)
		gate_die("the attack was not found in each connection: no figures");
	for (i = 0; i < n; i++) {
		if (measure(pool, read_file(argv[1 + i]), rounds, each) != 0)
			gate_die("an innocent request was taken for an attack: no figures");
		for (k = 0; k < rounds; k++)
			sum[k] += each[k] / n;
	}
	printf("{\"ns\": [");
	for (k = 0; k < rounds; k++)
		printf("%s%.1f", k == 0 ? "" : ", ", sum[k]);
	printf("]}\n");
	return 0;
}
