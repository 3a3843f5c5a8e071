/* A fixed piece of work on the packet path, for instructions.py to count its instructions under callgrind.
 *
 *     bench_instructions SCENARIO      prints packets, or connections, that measured_run() had
 *
 * known        64-byte UDP of 1,000 flows that are decided
 * opens        every packet opens a flow, 10,000 rules
 * silent       TCP connections, opened and closed, 10,000 rules; of connections
 * http         the same with a request and its answer, judged by their name; of connections
 * flood        bare SYNs for four addresses that are flooded, most of which get no answer any more
 *
 * The clock stands still but for 10 us a turn: ageing, too, does the same work each time. No huge pages and no real-time
 * priority: nothing here is timed. */
#include "line.h"

#define GET "GET /api/orders?page=2 HTTP/1.1\r\nHost: shop.example.com\r\nAccept: */*\r\n\r\n"
#define OK_HELLO                                                                                   \
	"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\n"                          \
	"Content-Length: 13\r\n\r\nHello, world!"

static const struct line_step silent[] = {
	{0, LINE_SYN, NULL, 0},
	{1, LINE_SYN | LINE_ACK, NULL, 0},
	{0, LINE_ACK, NULL, 0},
	{0, LINE_FIN | LINE_ACK, NULL, 0},
	{1, LINE_FIN | LINE_ACK, NULL, 0},
	{0, LINE_ACK, NULL, 0},
};
static const struct line_step flood[] = {
	{0, LINE_SYN, NULL, 0},
};
static const struct line_step http[] = {
	{0, LINE_SYN, NULL, 0},
	{1, LINE_SYN | LINE_ACK, NULL, 0},
	{0, LINE_ACK, NULL, 0},
	{0, LINE_PSH | LINE_ACK, GET, sizeof(GET) - 1},
	{1, LINE_PSH | LINE_ACK, OK_HELLO, sizeof(OK_HELLO) - 1},
	{0, LINE_FIN | LINE_ACK, NULL, 0},
	{1, LINE_FIN | LINE_ACK, NULL, 0},
	{0, LINE_ACK, NULL, 0},
};

static struct rte_mempool *
start_eal(void)
{
	/* EAL may reorder its arguments, so that they are variables. */
	static char name[] = "bench_instructions", no_huge[] = "--no-huge",
		    no_shconf[] = "--no-shconf", no_pci[] = "--no-pci", memory[] = "-m64",
		    log_level[] = "--log-level=error", telemetry[] = "--no-telemetry";
	char *eal[] = {name, no_huge, no_shconf, no_pci, memory, log_level, telemetry};
	struct rte_mempool *pool;

	if (rte_eal_init((int)BH_ARRAY_SIZE(eal), eal) < 0)
		gate_die("rte_eal_init failed");
	pool = rte_pktmbuf_pool_create("bench", 8 * GEN_FRAMES - 1, 256, 0,
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		gate_die(rte_strerror(rte_errno));
	return pool;
}

static void
unmeasured_run(struct gate *t, uint64_t packets)
{
	uint64_t done = 0;

	while (done < packets) {
		t->mono_ns += 10000;
		t->wall_ns += 10000;
		done += bh_worker_poll(t->w, t->mono_ns, t->wall_ns);
	}
}

/* callgrind collects inside of this function alone. */
static __attribute__((noinline)) void
measured_run(struct gate *t, uint64_t packets)
{
	unmeasured_run(t, packets);
}

static unsigned
datagrams(struct rte_mempool *pool, bool opens)
{
	struct gate_options o = {.flows = opens ? 20000 : 1000,
				 .rules = opens ? 10000 : 10,
				 .endpoints = 256,
				 .frame = 64};
	struct gate *t = gate_create(&o, pool);
	unsigned n = 20000;

	if (opens) {
		bh_flow_end_all(t->w->flows, BH_FLOW_END_SHUTDOWN);
		gate_use(t, t->flows, o.flows, true, false);
	} else {
		gate_use(t, t->seq, t->n_seq, true, true);
	}
	measured_run(t, n);
	gate_destroy(t);
	return n;
}

static unsigned
connections(struct rte_mempool *pool, const struct line_step *steps, unsigned n_steps,
	    const char *application)
{
	struct line *l = line_create(steps, n_steps, 256, pool);
	struct gate_options o = {.rules = 10000,
				 .endpoints = 256,
				 .frame = 64,
				 .application = application,
				 .tcp = true,
				 .wires = l->wire};
	struct gate *t = gate_prepare(&o, pool);
	struct bh_counters c;
	unsigned n = 2 * LINE_UNDER_WAY;

	measured_run(t, n * n_steps);
	bh_gateway_counters(t->g, 0, &c);
	if (c.forwarded != n * n_steps || c.flows_opened != n ||
	    (application != NULL && c.apps_named != n))
		gate_die("connections were not opened, named or forwarded whole: no figures");
	gate_destroy(t);
	free(l);
	return n;
}

/* Half-open connections up to the threshold and a second's answers come before, which is not measured. */
static unsigned
flooded(struct rte_mempool *pool)
{
	struct line *l = line_create(flood, BH_ARRAY_SIZE(flood), 8, pool);
	struct gate_options o = {
		.rules = 10000, .endpoints = 8, .frame = 64, .tcp = true, .wires = l->wire};
	struct gate *t = gate_prepare(&o, pool);
	unsigned n = 20000, before = 4 * 1000 + 25000;
	struct bh_counters c;
	uint64_t first;

	unmeasured_run(t, before);
	bh_gateway_counters(t->g, 0, &c);
	first = c.dropped[BH_REASON_SYN_COOKIE];
	measured_run(t, n);
	bh_gateway_counters(t->g, 0, &c);
	if (c.dropped[BH_REASON_SYN_COOKIE] - first != n)
		gate_die("SYNs of the flood were not kept back: no figures");
	gate_destroy(t);
	free(l);
	return n;
}

int
main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	struct rte_mempool *pool = start_eal();
	unsigned n;

	if (strcmp(what, "known") == 0 || strcmp(what, "opens") == 0)
		n = datagrams(pool, what[0] == 'o');
	else if (strcmp(what, "silent") == 0)
		n = connections(pool, silent, BH_ARRAY_SIZE(silent), NULL);
	else if (strcmp(what, "http") == 0)
		n = connections(pool, http, BH_ARRAY_SIZE(http), "http");
	else if (strcmp(what, "flood") == 0)
		n = flooded(pool);
	else
		gate_die("usage: bench_instructions known|opens|silent|http|flood");
	printf("%u\n", n);
	return 0;
}
