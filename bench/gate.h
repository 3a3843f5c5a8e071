/* gate: a gateway with one worker, its policy and its flows, between the two sides of a generator. Everything
 * is the product's own: configuration with its defaults, the YAML policy, bh_worker_poll.
 */
#ifndef BH_BENCH_GATE_H
#define BH_BENCH_GATE_H

#include <sched.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "../lib/gateway/gateway_priv.h"
#include "bench.h"
#include "generator.h"

#define GATE_SEGMENTS 4 /* on each side; clients of segment i may talk to servers of segment i */
#define GATE_SERVICE 9000
#define GATE_CLIENT0 0x0a400000u /* 10.64.0.0 on */
#define GATE_SERVER0 0x0a800000u /* 10.128.0.0 on */
#define GATE_SEQ (1u << 20) /* random draws of flows before they repeat; 4 of them for 1M flows */

struct gate_options {
	unsigned flows;
	unsigned rules;     /* >= GATE_SEGMENTS */
	unsigned endpoints; /* half of them clients */
	unsigned frame;     /* bytes on the wire */
	/* What the rules that match ask for beyond the port, and what the packets say; NULL: nothing. */
	const char *application;
	const void *payload;
	unsigned payload_len;
	bool evidence;               /* each worker keeps its latest packets */
	bool tcp;                    /* rules are of TCP ports */
	bool inspect;                /* all sensors: alert */
	unsigned variant;            /* which rules match none of the traffic */
	unsigned workers;            /* 0: one */
	const struct bh_wire *wires; /* two; NULL: the generator's */
};

struct gate {
	struct gate_options o;
	struct gen gen;
	struct gen_port port[2];
	struct gen_flow *flows, *seq;
	uint32_t n_seq;
	struct bh_config config;
	struct bh_policy *policy;
	struct bh_gateway *g;
	struct bh_worker *w;
	struct bh_wire wire[2];
	/* The gateway's clock: real time, but it stands still while something else is measured. */
	uint64_t mono_ns, wall_ns, tsc, ns_per_tsc; /* the last in 1 / 2^32 */
};

static inline void
gate_die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static inline unsigned
gate_hugepages_free(void)
{
	unsigned n = 0;
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");

	if (f != NULL && fscanf(f, "%u", &n) != 1)
		n = 0;
	if (f != NULL)
		fclose(f);
	return n;
}

/* EAL on the last CPU, nobody else on it if that can be had; 2 MiB pages if root has some. Returns the words
 * for it. */
static inline const char *
gate_eal(struct rte_mempool **pool)
{
	const struct sched_param first = {.sched_priority = 1};
	bool huge = geteuid() == 0 && gate_hugepages_free() >= 256;
	char cpu[32], *argv[10];
	const char *const words[] = {
		"bench",
		"-l",
		cpu,
		"-m",
		"64",
		"--no-pci",
		"--no-shconf",
		"--no-telemetry",
		"--log-level=error",
		huge ? "--in-memory" : "--no-huge", /* the two exclude each other */
	};
	unsigned i;

	_Static_assert(BH_ARRAY_SIZE(argv) == BH_ARRAY_SIZE(words), "one word each");
	snprintf(cpu, sizeof(cpu), "%ld", sysconf(_SC_NPROCESSORS_ONLN) - 1);
	for (i = 0; i < BH_ARRAY_SIZE(words); i++)
		argv[i] = strdup(words[i]);
	if (rte_eal_init((int)BH_ARRAY_SIZE(words), argv) < 0)
		gate_die(rte_strerror(rte_errno));
	sched_setscheduler(0, SCHED_FIFO, &first);
	*pool = rte_pktmbuf_pool_create("bench", 8 * GEN_FRAMES - 1, 0, 0,
					RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (*pool == NULL)
		gate_die(rte_strerror(rte_errno));
	return huge ? "2 MiB pages" : "4 KiB pages (no free hugepages, or not root)";
}

/* Segments c0.. and s0.. by label; first the rules that match none of the traffic, then those that do. */
static inline void
gate_policy_text(struct bh_buf *b, const struct gate_options *o)
{
	const char *proto = o->tcp ? "tcp" : "udp";
	unsigned i, half = o->endpoints / 2;

	bh_buf_str(b, "version: 1\nendpoints:\n");
	for (i = 0; i < o->endpoints; i++) {
		uint32_t a = i < half ? GATE_CLIENT0 + i : GATE_SERVER0 + i - half;

		bh_buf_printf(b, "  - {address: %u.%u.%u.%u, labels: {app: %c%u}}\n", a >> 24,
			      a >> 16 & 255, a >> 8 & 255, a & 255, i < half ? 'c' : 's',
			      (i < half ? i : i - half) % GATE_SEGMENTS);
	}
	bh_buf_str(b, "segments:\n");
	for (i = 0; i < 2 * GATE_SEGMENTS; i++)
		bh_buf_printf(b, "  %c%u: {selector: app=%c%u}\n", "cs"[i % 2], i / 2, "cs"[i % 2],
			      i / 2);
	bh_buf_str(b, "rules:\n");
	for (i = 0; i < o->rules - GATE_SEGMENTS; i++)
		bh_buf_printf(b,
			      "  - {from: c%u, to: s%u, ports: [%s/%u], action: allow, "
			      "comment: filler %u}\n",
			      i % GATE_SEGMENTS, i / GATE_SEGMENTS % GATE_SEGMENTS, proto,
			      10000 + o->variant + i / (GATE_SEGMENTS * GATE_SEGMENTS), i);
	for (i = 0; i < GATE_SEGMENTS; i++)
		bh_buf_printf(b, "  - {from: c%u, to: s%u, ports: [%s/%u], %s%s%s action: allow}\n",
			      i, i, proto, GATE_SERVICE,
			      o->application != NULL ? "applications: [" : "",
			      o->application != NULL ? o->application : "",
			      o->application != NULL ? "]," : "");
}

static inline struct gen_flow
gate_flow(const struct gate *t, unsigned client, unsigned server, unsigned port)
{
	uint32_t src = rte_cpu_to_be_32(GATE_CLIENT0 + client);
	uint32_t dst = rte_cpu_to_be_32(GATE_SERVER0 + server);
	struct gen_flow f = {
		.addrs = (uint64_t)dst << 32 | src,
		.ports = (uint32_t)rte_cpu_to_be_16(GATE_SERVICE) << 16 |
			 rte_cpu_to_be_16((uint16_t)port),
	};

	gen_checksum(&t->gen, &f);
	return f;
}

/* Flow i: clients in turn, each with the servers of its own segment number, then the next port. */
static inline void
gate_make_flows(struct gate *t)
{
	unsigned half = t->o.endpoints / 2, servers = half / GATE_SEGMENTS, i;
	uint64_t x = 88172645463325252u;

	for (i = 0; i < t->o.flows; i++) {
		unsigned c = i % half, s = i / half % servers * GATE_SEGMENTS + c % GATE_SEGMENTS;

		t->flows[i] = gate_flow(t, c, s, 1024 + i / half / servers);
	}
	for (i = 0; i < t->n_seq; i++) {
		/* xorshift64 (Marsaglia 2003), then multiply-shift: uniform over the flows */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		t->seq[i] = t->flows[(x >> 32) * t->o.flows >> 32];
	}
}

/* dry_run: compiled, not published. */
static inline void
gate_compile_policy(struct gate *t, const struct gate_options *o, bool dry_run)
{
	struct bh_err err = {0};
	struct bh_buf text = {0};

	gate_policy_text(&text, o);
	if (text.failed)
		gate_die("no memory for the policy");
	if (bh_policy_load_text(t->policy, "bench", text.data, text.len, dry_run, NULL, &err) != 0)
		gate_die(err.what);
	bh_buf_free(&text);
}

static inline void
gate_load_policy(struct gate *t, const struct gate_options *o)
{
	gate_compile_policy(t, o, false);
}

static inline void
gate_start_policy(struct gate *t)
{
	struct bh_policy_params pp = {
		.max_endpoints = (uint32_t)t->config.max_endpoints,
		.mode = BH_MODE_PROTECT,
		.publish = bh_gateway_publish,
		.retire = bh_gateway_retire,
		.arg = t->g,
	};

	if (bh_hash_key_random(&pp.hash_key) != 0 || bh_policy_create(&t->policy, &pp) != 0)
		gate_die("no memory for the policy");
	gate_load_policy(t, &t->o);
}

static inline void
gate_start_gateway(struct gate *t)
{
	struct bh_gateway_params p = {
		.config = &t->config,
		.n_workers = t->o.workers != 0 ? t->o.workers : 1,
		.n_wires = 2,
		.peer = {1, 0},
		.inside = {false, true},
		.send_rejects = true,
		.pool = t->gen.pool,
	};
	struct bh_err err = {0};
	unsigned i;

	for (i = 0; i < 2; i++) {
		t->port[i] = (struct gen_port){&t->gen, i};
		t->wire[i] = (struct bh_wire){
			.rx = gen_rx,
			.tx = gen_tx,
			.port = &t->port[i],
			.rx_queues = 1,
			.tx_queues = 1,
			.mtu = 1500,
		};
		if (t->o.wires != NULL)
			t->wire[i] = t->o.wires[i];
		p.wire[i] = t->wire[i];
	}
	bh_config_default(&t->config);
	if (t->o.inspect)
		t->config.inspect = BH_INSPECT_ALERT;
	/* The ring is the worker's; nobody reads it here, nothing is written to this folder. */
	if (t->o.evidence)
		strcpy(t->config.evidence_path, "/nonexistent");
	if (bh_gateway_create(&t->g, &p, &err) != 0)
		gate_die(err.what);
	t->w = bh_gateway_worker(t->g, 0);
}

/* ---- running it --------------------------------------------------------------------------------- */

static inline void
gate_clock_start(struct gate *t)
{
	t->tsc = rte_rdtsc();
}

static inline void
gate_clock_read(struct gate *t)
{
	uint64_t now = rte_rdtsc(), ns = (now - t->tsc) * t->ns_per_tsc >> 32;

	t->tsc = now;
	t->mono_ns += ns;
	t->wall_ns += ns;
}

/* Poll until `packets` have gone through. TSC cycles a packet. */
static inline double
gate_run(struct gate *t, uint64_t packets)
{
	uint64_t done = 0, start = rte_rdtsc();

	gate_clock_start(t);
	while (done < packets) {
		gate_clock_read(t);
		done += bh_worker_poll(t->w, t->mono_ns, t->wall_ns);
	}
	return (double)(rte_rdtsc() - start) / (double)done;
}

static inline double
gate_run_bare(struct gate *t, uint64_t packets)
{
	uint64_t done = 0, start = rte_rdtsc();

	while (done < packets)
		done += gen_forward(t->wire);
	return (double)(rte_rdtsc() - start) / (double)done;
}

static inline void
gate_use(struct gate *t, const struct gen_flow *seq, uint32_t n, bool client, bool server)
{
	t->gen.seq = seq;
	t->gen.n_seq = n;
	t->gen.at = 0;
	t->gen.silent[0] = !client;
	t->gen.silent[1] = !server;
}

/* Is an allowed flow forwarded as it came, and a denied one dropped, by this very gateway? */
static inline bool
gate_self_test(struct gate *t)
{
	struct gen_flow good = gate_flow(t, 0, 0, 1000), bad = gate_flow(t, 0, 1, 1000);
	struct bh_counters c;
	uint8_t want[64];
	bool passed;

	t->gen.burst = 1;
	gate_use(t, &good, 1, true, false);
	memcpy(want, rte_pktmbuf_mtod(t->gen.ring[t->gen.head % GEN_FRAMES], uint8_t *), 60);
	memcpy(want + 24, &good.checksum, 2);
	memcpy(want + 26, &good.addrs, 8);
	memcpy(want + 34, &good.ports, 4);
	t->gen.last = NULL;
	gate_run(t, 1);
	passed = t->gen.last != NULL &&
		 memcmp(rte_pktmbuf_mtod(t->gen.last, uint8_t *), want, 60) == 0;
	gate_use(t, &bad, 1, true, false);
	gate_run(t, 1);
	t->gen.burst = BH_BURST;
	bh_gateway_counters(t->g, 0, &c);
	bh_flow_end_all(t->w->flows, BH_FLOW_END_SHUTDOWN);
	return gen_fill(&t->gen) && passed && c.packets == 2 && c.forwarded == 1 &&
	       c.dropped[BH_REASON_DEFAULT_DENY] == 1;
}

/* DNS, for one, is named and read on. */
static inline bool
gate_is_settled(struct gate *t)
{
	struct bh_flow *f;
	uint32_t cursor = 0;

	while ((f = bh_flow_next(t->w->flows, &cursor, UINT32_MAX)) != NULL) {
		if (f->verdict == BH_VERDICT_ALLOW && (f->flags & BH_FLAG_APP_DONE) == 0 &&
		    f->app == 0)
			return false;
	}
	return true;
}

/* Open all flows, clients first, then answers until each flow's application is decided ("unknown", of
 * payloads of zeros): what is measured is the long life of a flow, not its birth. */
static inline void
gate_open_flows(struct gate *t)
{
	uint64_t before = t->w->c.flows_opened;
	unsigned tries = 0;

	gate_use(t, t->flows, t->o.flows, true, false);
	gate_run(t, t->o.flows);
	if (t->w->c.flows_opened - before != t->o.flows)
		gate_die("not every flow was opened: no figures");
	do {
		gate_use(t, t->flows, t->o.flows, false, true);
		gate_run(t, t->o.flows);
	} while (!gate_is_settled(t) && ++tries < 100);
	if (tries == 100)
		gate_die("flows do not settle: no figures");
	gate_use(t, t->seq, t->n_seq, true, true);
}

/* A gateway with its policy, and nothing gone through it yet: whoever brings wires of its own tests it itself. */
static inline struct gate *
gate_prepare(const struct gate_options *o, struct rte_mempool *pool)
{
	struct gate *t = aligned_alloc(64, RTE_CACHE_LINE_ROUNDUP(sizeof(*t)));

	if (t == NULL)
		gate_die("no memory");
	memset(t, 0, sizeof(*t));
	t->o = *o;
	t->n_seq = o->flows > GATE_SEQ / 4 ? 4 * GATE_SEQ : GATE_SEQ;
	t->flows = calloc(o->flows, sizeof(*t->flows));
	t->seq = calloc(t->n_seq, sizeof(*t->seq));
	t->gen.pool = pool;
	t->gen.burst = BH_BURST;
	t->gen.payload = o->payload;
	t->gen.payload_len = o->payload_len;
	t->ns_per_tsc = (uint64_t)(1e9 / (double)rte_get_tsc_hz() * 4294967296.0);
	t->mono_ns = BH_NS_PER_SEC;
	t->wall_ns = bh_clock_system.wall_ns(NULL);
	if (t->flows == NULL || t->seq == NULL)
		gate_die("no memory");
	gen_resize(&t->gen, o->frame);
	gate_make_flows(t);
	gate_start_gateway(t);
	gate_start_policy(t);
	return t;
}

static inline struct gate *
gate_create(const struct gate_options *o, struct rte_mempool *pool)
{
	struct gate *t = gate_prepare(o, pool);

	if (!gate_self_test(t))
		gate_die("the gateway does not do its work: no figures");
	gate_open_flows(t);
	return t;
}

static inline void
gate_destroy(struct gate *t)
{
	while (bh_worker_drain(t->w, t->mono_ns, t->wall_ns) != 0)
		;
	bh_policy_destroy(t->policy);
	bh_gateway_destroy(t->g);
	gen_empty(&t->gen);
	free(t->flows);
	free(t->seq);
	free(t);
}

#endif
