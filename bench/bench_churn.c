/* Policy that changes under traffic: a worker forwards packets that a thread of its own sends over rings, while the control
 * side changes endpoints 10,000 times a second, and then swaps 100,000 rules.
 *
 *     bench_churn          QUICK=1: for 3 seconds instead of 20
 *
 * Behind each change goes a packet of the endpoint that it is about, in a flow that is open: it must be judged by the new
 * labels. How long after the change was due it has been forwarded is measured where the worker sends. What finds no room in
 * the worker's ring (4,096 packets, the most of a NIC's), is dropped or does not come out is lost. Three threads, the worker's at nice -10
 * where that is permitted: on CPUs that are busy with other things, too, the worst packet is one that waited for a CPU. */
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ring.h>

#include "../lib/gateway/gateway_priv.h"
#include "bench.h"

#define RING 4096
#define PROBES 2000  /* endpoints that change */
#define CLIENTS 1000 /* that send all the time */
#define RATE 10000   /* changes a second */
#define SERVICE 9000
#define FRAME 60

enum kind { BACKGROUND, MUST_PASS, MUST_NOT };
/* In mbuf.dynfield1, behind what the gateway uses. */
enum { FIELD_KIND = 6, FIELD_TSC = 7 };

struct road {
	struct rte_ring *in, *out; /* as the worker sees it */
};

struct world {
	struct bh_config config;
	struct bh_policy *policy;
	struct bh_gateway *g;
	struct rte_mempool *pool;
	struct road road[2];
	_Atomic bool stop, sending;
	/* the generator's */
	uint64_t sent, refused, received;
	/* the worker's, written where it sends */
	_Atomic uint64_t worst_burst, worst_probe, late, probes, wrong;
	uint64_t must_pass; /* control's */
};

static void
die(const char *what, const struct bh_err *err)
{
	char text[1024] = "";

	if (err != NULL)
		bh_err_format(err, text, sizeof(text));
	fprintf(stderr, "bench_churn: %s %s\n", what, text);
	exit(1);
}

/* ---- packets ---------------------------------------------------------------------------------------- */

static uint16_t
road_rx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	(void)queue;
	return (uint16_t)rte_ring_sc_dequeue_burst(((struct road *)port)->in, (void **)m, n, NULL);
}

static struct world world;

static void
note(const struct rte_mbuf *m, uint64_t now)
{
	uint64_t then, ns;

	memcpy(&then, &m->dynfield1[FIELD_TSC], sizeof(then));
	ns = (uint64_t)((double)(now - then) * 1e9 / (double)rte_get_tsc_hz());
	switch (m->dynfield1[FIELD_KIND]) {
	case BACKGROUND:
		if (ns > world.worst_burst)
			world.worst_burst = ns;
		break;
	case MUST_PASS:
		world.probes++;
		world.late += ns > 10 * BH_NS_PER_MS;
		if (ns > world.worst_probe)
			world.worst_probe = ns;
		break;
	default:
		world.wrong++;
		break;
	}
}

static uint16_t
road_tx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	uint64_t now = rte_rdtsc();
	unsigned i, sent;

	(void)queue;
	for (i = 0; i < n; i++)
		note(m[i], now);
	sent = rte_ring_sp_enqueue_burst(((struct road *)port)->out, (void *const *)m, n, NULL);
	return (uint16_t)sent;
}

static struct rte_mbuf *
make_packet(uint32_t source, enum kind kind, uint64_t tsc)
{
	static const uint8_t head[] = {2,
				       0,
				       0,
				       0,
				       0,
				       2,
				       2,
				       0,
				       0,
				       0,
				       0,
				       1,
				       8,
				       0, /* Ethernet */
				       0x45,
				       0,
				       0,
				       FRAME - 14,
				       0,
				       0,
				       0,
				       0,
				       64,
				       17,
				       0,
				       0,
				       10,
				       0,
				       0,
				       0, /* IPv4, UDP */
				       10,
				       128,
				       0,
				       1,
				       0x10,
				       0,
				       SERVICE >> 8,
				       SERVICE & 255,
				       0,
				       FRAME - 34,
				       0,
				       0};
	struct rte_mbuf *m = rte_pktmbuf_alloc(world.pool);
	uint8_t *p;
	uint16_t sum;

	if (m == NULL)
		return NULL;
	p = (uint8_t *)rte_pktmbuf_append(m, FRAME);
	if (p == NULL)
		die("packet buffers are too small", NULL);
	memset(p, 0, FRAME);
	memcpy(p, head, sizeof(head));
	p[26] = (uint8_t)(source >> 24);
	p[27] = (uint8_t)(source >> 16);
	p[28] = (uint8_t)(source >> 8);
	p[29] = (uint8_t)source;
	sum = (uint16_t)~bh_csum_fold(bh_csum_add(0, p + 14, 20));
	memcpy(p + 24, &sum, sizeof(sum));
	m->dynfield1[FIELD_KIND] = kind;
	memcpy(&m->dynfield1[FIELD_TSC], &tsc, sizeof(tsc));
	return m;
}

static uint32_t
client(unsigned i)
{
	return (10u << 24) | (64u << 16) | i;
}

static uint32_t
prober(unsigned i)
{
	return (10u << 24) | (65u << 16) | i;
}

static void
take(void)
{
	struct rte_mbuf *m[BH_BURST];
	unsigned n, i;

	while ((n = rte_ring_sc_dequeue_burst(world.road[1].out, (void **)m, BH_BURST, NULL)) !=
	       0) {
		for (i = 0; i < n; i++)
			world.received += m[i]->dynfield1[FIELD_KIND] == BACKGROUND;
		rte_pktmbuf_free_bulk(m, n);
	}
}

/* A burst of 32 every 250 us or so: some 100,000 packets a second. */
static void *
generate(void *arg)
{
	const struct timespec nap = {.tv_nsec = 150000};
	unsigned at = 0, i;

	(void)arg;
	setpriority(PRIO_PROCESS, 0, -5);
	while (!world.stop) {
		for (i = 0; world.sending && i < BH_BURST; i++) {
			struct rte_mbuf *m =
				make_packet(client(at++ % CLIENTS), BACKGROUND, rte_rdtsc());

			world.sent++;
			if (m == NULL || rte_ring_mp_enqueue(world.road[0].in, m) != 0) {
				world.refused++;
				rte_pktmbuf_free(m);
			}
		}
		take();
		nanosleep(&nap, NULL);
	}
	return NULL;
}

static void *
work(void *arg)
{
	(void)arg;
	setpriority(PRIO_PROCESS, 0, -10);
	bh_worker_run(bh_gateway_worker(world.g, 0));
	return NULL;
}

/* ---- policy ----------------------------------------------------------------------------------------- */

static void
write_document(struct bh_buf *b, unsigned seed)
{
	unsigned i;

	srand(seed);
	bh_buf_str(b, "version: 1\nendpoints:\n- {address: 10.128.0.1, labels: {app: server}}\n"
		      "- {address: 10.64.0.0/16, labels: {app: client}}\n");
	for (i = 0; i < 100000 - PROBES; i++)
		bh_buf_printf(b, "- {address: 10.%u.%u.%u, labels: {app: a%u, env: e%u}}\n",
			      200 + (i >> 16), i >> 8 & 255, i & 255, i % 10000, i % 5);
	bh_buf_str(b, "segments:\n  client: {selector: app=client}\n"
		      "  server: {selector: app=server}\n");
	for (i = 0; i < 9998; i++)
		bh_buf_printf(b, "  s%u: {selector: app=a%u}\n", i, i);
	bh_buf_str(b, "rules:\n");
	for (i = 0; i < 99999; i++)
		bh_buf_printf(b, "- {from: s%u, to: s%u, ports: udp/%u, action: allow}\n",
			      (unsigned)rand() % 9998, (unsigned)rand() % 9998,
			      1 + (unsigned)rand() % 1000);
	bh_buf_printf(b, "- {from: client, to: server, ports: udp/%u, action: allow}\n", SERVICE);
}

static void
settle(void *arg)
{
	(void)arg;
	bh_gateway_settle(world.g);
}

static void
load(const struct bh_buf *text)
{
	struct bh_err err = {0};

	if (bh_policy_load_text(world.policy, "bench", text->data, text->len, false, NULL, &err) !=
	    0)
		die("load:", &err);
}

static void
start(void)
{
	struct bh_gateway_params p = {.config = &world.config,
				      .n_workers = 1,
				      .n_wires = 2,
				      .peer = {1, 0},
				      .inside = {false, true},
				      .clock = &bh_clock_system};
	struct bh_policy_params pp = {.max_endpoints = 1 << 18,
				      .mode = BH_MODE_PROTECT,
				      .publish = bh_gateway_publish,
				      .retire = bh_gateway_retire,
				      .settle = settle};
	struct bh_err err = {0};
	unsigned i;

	bh_config_default(&world.config);
	world.pool = rte_pktmbuf_pool_create("churn", 16383, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					     SOCKET_ID_ANY);
	for (i = 0; i < 2; i++) {
		char in[16], out[16];

		snprintf(in, sizeof(in), "in%u", i);
		snprintf(out, sizeof(out), "out%u", i);
		world.road[i].in = rte_ring_create(in, RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
		world.road[i].out = rte_ring_create(out, 2 * RING, SOCKET_ID_ANY,
						    RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (world.road[i].in == NULL || world.road[i].out == NULL)
			die("no memory for rings", NULL);
		p.wire[i] = (struct bh_wire){.rx = road_rx,
					     .tx = road_tx,
					     .port = &world.road[i],
					     .rx_queues = 1,
					     .tx_queues = 1,
					     .mtu = 1500};
	}
	p.pool = world.pool;
	if (world.pool == NULL || bh_gateway_create(&world.g, &p, &err) != 0)
		die("no gateway:", &err);
	pp.arg = world.g;
	if (bh_hash_key_random(&pp.hash_key) != 0 || bh_policy_create(&world.policy, &pp) != 0)
		die("no policy", NULL);
}

/* ---- what is measured ------------------------------------------------------------------------------- */

/* Changes from..to, all that are due, in one call; each endpoint is a client and then again is not. */
static void
change(unsigned from, unsigned to, const uint64_t due_tsc[])
{
	enum { MOST = 1000 };
	static struct bh_endpoint_change c[MOST];
	static const struct bh_label yes = {"app", "client"}, no = {"app", "alone"};
	struct bh_err err = {0};
	unsigned i;

	for (i = from; i < to; i++) {
		uint32_t a = prober(i % PROBES);

		c[i - from] = (struct bh_endpoint_change){
			.op = BH_ENDPOINT_PUT,
			.endpoint = {.prefix = {.addr = {10, 65, (uint8_t)(a >> 8), (uint8_t)a},
						.family = 4,
						.len = 32},
				     .labels = i / PROBES % 2 == 0 ? &yes : &no,
				     .n_labels = 1,
				     .source = BH_SOURCE_REST}};
	}
	if (bh_policy_endpoints_apply(world.policy, c, to - from, NULL, &err) != 0)
		die("put:", &err);
	for (i = from; i < to; i++) {
		enum kind kind = i / PROBES % 2 == 0 ? MUST_PASS : MUST_NOT;
		struct rte_mbuf *m = make_packet(prober(i % PROBES), kind, due_tsc[i - from]);

		world.must_pass += kind == MUST_PASS;
		if (m != NULL && rte_ring_mp_enqueue(world.road[0].in, m) != 0)
			rte_pktmbuf_free(m);
	}
}

static double
churn(unsigned n)
{
	enum { MOST = 500 };
	static uint64_t due[MOST];
	uint64_t hz = rte_get_tsc_hz(), begun = rte_rdtsc();
	unsigned done = 0, to;

	while (done < n) {
		const struct timespec nap = {.tv_nsec = 200000};
		uint64_t now = rte_rdtsc() - begun;

		for (to = done; to < n && to - done < MOST && to * hz / RATE <= now; to++)
			due[to - done] = begun + to * hz / RATE;
		if (to != done)
			change(done, to, due);
		done = to;
		bh_gateway_control(world.g);
		nanosleep(&nap, NULL);
	}
	return (double)n / ((double)(rte_rdtsc() - begun) / (double)hz);
}

/* All that was sent has come out, or is lost. */
static void
quiet(void)
{
	world.sending = false;
	usleep(300000);
}

static void
traffic_rows(const char *what)
{
	struct bh_counters c;
	char claim[96];

	quiet();
	bh_gateway_counters(world.g, UINT32_MAX, &c);
	snprintf(claim, sizeof(claim), "  packets forwarded meanwhile, %s", what);
	bench_row(claim, "packets", bench_one((double)world.received), BENCH_NO_TARGET);
	bench_row("  packets lost", "packets", bench_one((double)(world.sent - world.received)), 0);
	bench_row("  of these for want of room in the worker's ring", "packets",
		  bench_one((double)world.refused), BENCH_NO_TARGET);
	bench_row("  dropped by the gateway, but for what is denied", "packets",
		  bench_one((double)(bh_counters_dropped(&c) - c.dropped[BH_REASON_DEFAULT_DENY] -
				     c.dropped[BH_REASON_LABELS_CHANGED])),
		  0);
	bench_row("  slowest packet through the worker", "ms",
		  bench_one((double)world.worst_burst / 1e6), BENCH_NO_TARGET);
	world.sent = world.received = world.refused = 0;
	world.worst_burst = 0;
}

static void
bench_churn(unsigned seconds)
{
	double rate;

	world.sending = true;
	usleep(200000);
	rate = churn(seconds * RATE);
	usleep(100000);
	bench_heading("10,000 endpoint changes a second, 100,000 rules, while forwarding");
	bench_row("changes applied", "a second", bench_one(rate), BENCH_NO_TARGET);
	bench_row("  their next packet, forwarded by the new labels: latest", "ms",
		  bench_one((double)world.worst_probe / 1e6), 10);
	bench_row("  later than 10 ms", "packets", bench_one((double)world.late), 0);
	bench_row("  judged by the old labels, or lost", "packets",
		  bench_one((double)(world.wrong + world.must_pass - world.probes)), 0);
	traffic_rows("32 a burst");
}

static void
bench_swap(unsigned swaps)
{
	struct bh_buf text[2] = {{0}, {0}};
	unsigned i;

	write_document(&text[0], 2);
	write_document(&text[1], 3);
	world.sending = true;
	for (i = 0; i < swaps; i++) {
		load(&text[i % 2]);
		bh_gateway_control(world.g);
	}
	bench_heading("100,000 other rules take the place of 100,000");
	traffic_rows("swapped each time");
	bh_buf_free(&text[0]);
	bh_buf_free(&text[1]);
}

int
main(void)
{
	static char name[] = "bench_churn", no_huge[] = "--no-huge", no_shconf[] = "--no-shconf",
		    no_pci[] = "--no-pci", memory[] = "-m256", log_level[] = "--log-level=error",
		    no_telemetry[] = "--no-telemetry";
	char *eal[] = {name, no_huge, no_shconf, no_pci, memory, log_level, no_telemetry};
	pthread_t worker, generator;
	struct bh_buf text = {0};

	if (rte_eal_init((int)BH_ARRAY_SIZE(eal), eal) < 0)
		die("rte_eal_init", NULL);
	/* The thread that EAL bound to a CPU may run on each, and so may those that it makes. */
	pthread_setaffinity_np(pthread_self(), sizeof(cpu_set_t),
			       &(cpu_set_t){.__bits = {~0ul, ~0ul}});
	bench_machine("bench_churn", "heap");
	start();
	write_document(&text, 1);
	if (pthread_create(&worker, NULL, work, NULL) != 0)
		die("no thread", NULL);
	load(&text);
	if (pthread_create(&generator, NULL, generate, NULL) != 0)
		die("no thread", NULL);
	bench_churn(bench_quick() ? 3 : 20);
	bench_swap(bench_quick() ? 4 : 20);
	world.stop = true;
	pthread_join(generator, NULL);
	bh_gateway_stop(world.g);
	pthread_join(worker, NULL);
	bh_buf_free(&text);
	return 0;
}
