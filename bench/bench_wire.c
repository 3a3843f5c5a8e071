/* Sends and receives for rivals.py: pairs of DPDK ports, between which something else forwards.
 *
 *     bench_wire EAL_OPTIONS --vdev ... --vdev ... -- QUEUES ...     (to receive on, of each pair) then commands on standard input, each answered by a line of JSON
 *
 *     rate PAIR MS            as much as is taken, half of it in each direction: packets sent, received, seconds
 *     latency PAIR PPS MS     at this rate: packets sent, received, and the microseconds that shares of them took
 *     check PAIR              one packet that must pass and one that must not: passed, stopped
 *
 * Ports 2i and 2i + 1 are pair i. 64-byte UDP of 10,000 flows between 128 clients and 32 servers each, drawn at random;
 * the first port is the clients'. One thread sends and receives: what it can do itself is measured through something that
 * only forwards (testpmd). A packet carries the TSC of when it was due. */
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "generator.h"

#define FLOWS 10000
#define SEQ (1u << 16)
#define BURST 32
#define PAIRS 8
#define FRAME 60
#define STAMP 42 /* in the frame: behind UDP's header */
#define CLASS_NS 20
#define CLASSES 65536 /* of latencies: 1.3 ms */
#define CLIENT0 0x0a400000u
#define SERVER0 0x0a800000u
#define SERVICE 9000

struct wire {
	struct rte_mempool *pool;
	struct gen_flow seq[SEQ];
	uint32_t at;
	uint64_t sent, received, took[CLASSES];
	bool stamped;
	unsigned rx_queues[PAIRS]; /* that the other end sends on: memif wants both to agree */
	double ns;                 /* of a TSC cycle */
};

static struct wire wire;

static void
die(const char *what)
{
	fprintf(stderr, "bench_wire: %s\n", what);
	exit(1);
}

static void
make_flow(struct gen_flow *f, unsigned i, unsigned astray)
{
	uint32_t c = i % 128, s = i / 128 % 32 * 4 + (c + astray) % 4;
	struct gen g = {.frame_len = FRAME};

	*f = (struct gen_flow){
		.addrs = (uint64_t)rte_cpu_to_be_32(SERVER0 + s) << 32 |
			 rte_cpu_to_be_32(CLIENT0 + c),
		.ports = (uint32_t)rte_cpu_to_be_16(SERVICE) << 16 |
			 rte_cpu_to_be_16((uint16_t)(1024 + i / 128 / 32)),
	};
	gen_checksum(&g, f);
}

static void
make_flows(void)
{
	uint64_t x = 88172645463325252u;
	unsigned i;

	for (i = 0; i < SEQ; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		make_flow(&wire.seq[i], (unsigned)((x >> 32) * FLOWS >> 32), 0);
	}
}

/* n frames of the next flows, from one side. */
static unsigned
make_frames(struct rte_mbuf **m, unsigned n, unsigned side, const struct gen_flow *only)
{
	unsigned i;

	if (rte_pktmbuf_alloc_bulk(wire.pool, m, n) != 0)
		return 0;
	for (i = 0; i < n; i++) {
		const struct gen_flow *f = only != NULL ? only : &wire.seq[wire.at++ % SEQ];
		uint8_t *p = rte_pktmbuf_mtod(m[i], uint8_t *);

		gen_prepare(m[i], FRAME);
		*(unaligned_uint16_t *)(p + 24) = f->checksum;
		*(unaligned_uint64_t *)(p + 26) =
			side == 0 ? f->addrs : f->addrs << 32 | f->addrs >> 32;
		*(unaligned_uint32_t *)(p + 34) =
			side == 0 ? f->ports : f->ports << 16 | f->ports >> 16;
		m[i]->pkt_len = m[i]->data_len = FRAME;
	}
	return n;
}

static void
take(unsigned pair)
{
	struct rte_mbuf *m[BURST];
	unsigned from, n, i;

	for (from = 0; from < 2 * wire.rx_queues[pair]; from++) {
		uint64_t now, due;

		n = rte_eth_rx_burst((uint16_t)(2 * pair + from % 2), (uint16_t)(from / 2), m,
				     BURST);
		now = rte_rdtsc();
		for (i = 0; wire.stamped && i < n; i++) {
			memcpy(&due, rte_pktmbuf_mtod_offset(m[i], void *, STAMP), sizeof(due));
			due = (uint64_t)((double)(now - due) * wire.ns / CLASS_NS);
			wire.took[RTE_MIN(due, CLASSES - 1u)]++;
		}
		if (n != 0)
			rte_pktmbuf_free_bulk(m, n);
		wire.received += n;
	}
}

static void
give(unsigned pair, unsigned side, struct rte_mbuf **m, unsigned n)
{
	unsigned sent = rte_eth_tx_burst((uint16_t)(2 * pair + side), 0, m, (uint16_t)n);

	wire.sent += sent;
	if (sent < n)
		rte_pktmbuf_free_bulk(m + sent, n - sent);
}

/* What was on its way when the last command ended is not of the next one. */
static void
quiet(unsigned pair)
{
	uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 200;

	wire.stamped = false;
	while (rte_rdtsc() < until)
		take(pair);
	wire.sent = wire.received = 0;
	memset(wire.took, 0, sizeof(wire.took));
}

/* Each flow once from its client, and once answered, at a pace that all can keep: who meets a server's packet first may
 * take it for the beginning of something that is not allowed. */
static void
open_flows(unsigned pair)
{
	unsigned side, i;

	quiet(pair);
	for (side = 0; side < 2; side++) {
		for (i = 0; i < FLOWS; i++) {
			uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 500000;
			struct gen_flow f;
			struct rte_mbuf *m[1];

			make_flow(&f, i, 0);
			if (make_frames(m, 1, side, &f) != 0)
				give(pair, side, m, 1);
			while (rte_rdtsc() < until)
				take(pair);
		}
		usleep(1000);
	}
	quiet(pair);
}

static void
rate(unsigned pair, unsigned ms)
{
	uint64_t start, end;
	struct rte_mbuf *m[BURST];
	double seconds;

	open_flows(pair);
	start = rte_rdtsc();
	end = start + rte_get_tsc_hz() * ms / 1000;
	while (rte_rdtsc() < end) {
		unsigned side;

		for (side = 0; side < 2; side++) {
			if (make_frames(m, BURST, side, NULL) != 0)
				give(pair, side, m, BURST);
			take(pair);
		}
	}
	seconds = (double)(rte_rdtsc() - start) / (double)rte_get_tsc_hz();
	printf("{\"sent\": %lu, \"received\": %lu, \"seconds\": %.6f}\n", wire.sent, wire.received,
	       seconds);
}

static void
tell_latency(uint64_t all)
{
	uint64_t below = 0;
	unsigned i, k = 0;

	/* Shares 0, then 1 - 10^(-k/20). */
	printf("{\"sent\": %lu, \"received\": %lu, \"us\": [", wire.sent, wire.received);
	for (i = 0; i < CLASSES && k <= 100; i++) {
		below += wire.took[i];
		while (k <= 100 &&
		       (double)below >= (double)all * (1 - __builtin_pow(10, -(k / 20.0))) &&
		       below != 0) {
			printf("%s%.2f", k == 0 ? "" : ", ", (i + 1) * CLASS_NS / 1e3);
			k++;
		}
	}
	printf("]}\n");
}

static void
latency(unsigned pair, double pps, unsigned ms)
{
	double gap = (double)rte_get_tsc_hz() / pps, due;
	struct rte_mbuf *m[1];
	unsigned side = 0;
	uint64_t end;

	open_flows(pair);
	wire.stamped = true;
	due = (double)rte_rdtsc();
	end = (uint64_t)due + rte_get_tsc_hz() * ms / 1000;
	while (rte_rdtsc() < end) {
		uint64_t now = rte_rdtsc();

		/* This thread was away: what it is late for is not due. */
		if ((double)now - due > 20e3 / wire.ns)
			due = (double)now;
		if ((double)now >= due && make_frames(m, 1, side, NULL) != 0) {
			now = rte_rdtsc();
			memcpy(rte_pktmbuf_mtod_offset(m[0], void *, STAMP), &now, sizeof(now));
			give(pair, side, m, 1);
			side ^= 1;
			due += gap;
		}
		take(pair);
	}
	end = rte_rdtsc() + rte_get_tsc_hz() / 200;
	while (rte_rdtsc() < end)
		take(pair);
	tell_latency(wire.received);
	wire.stamped = false;
}

static void
check(unsigned pair)
{
	unsigned astray, got[2], i;

	for (astray = 0; astray < 2; astray++) {
		struct gen_flow f;
		struct rte_mbuf *m[1];

		make_flow(&f, 7, astray);
		quiet(pair);
		for (i = 0; i < 5; i++) {
			if (make_frames(m, 1, 0, &f) != 0)
				give(pair, 0, m, 1);
			usleep(10000);
			take(pair);
		}
		for (i = 0; i < 20 && wire.received < 5; i++) {
			usleep(10000);
			take(pair);
		}
		got[astray] = (unsigned)wire.received;
	}
	printf("{\"passed\": %u, \"stopped\": %u}\n", got[0], 5 - got[1]);
}

static void
open_port(uint16_t port)
{
	struct rte_eth_conf conf = {0};
	uint16_t i, n = (uint16_t)wire.rx_queues[port / 2];

	if (rte_eth_dev_configure(port, n, 1, &conf) != 0)
		die("can't configure a port");
	for (i = 0; i < n; i++)
		if (rte_eth_rx_queue_setup(port, i, 1024, SOCKET_ID_ANY, NULL, wire.pool) != 0)
			die("can't set up a queue");
	if (rte_eth_tx_queue_setup(port, 0, 1024, SOCKET_ID_ANY, NULL) != 0 ||
	    rte_eth_dev_start(port) != 0)
		die("can't start a port");
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv), i;
	char line[128];
	uint16_t port;

	if (used < 0)
		die("rte_eal_init failed");
	for (i = 0; i < PAIRS; i++)
		wire.rx_queues[i] = used + 1 + i < argc ? (unsigned)atoi(argv[used + 1 + i]) : 1;
	wire.pool = rte_pktmbuf_pool_create("wire", 32767, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					    SOCKET_ID_ANY);
	if (wire.pool == NULL)
		die("no memory for packet buffers");
	wire.ns = 1e9 / (double)rte_get_tsc_hz();
	make_flows();
	RTE_ETH_FOREACH_DEV(port)
	open_port(port);
	printf("{\"ports\": %u}\n", rte_eth_dev_count_avail());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		unsigned pair, ms;
		double pps;

		if (sscanf(line, "rate %u %u", &pair, &ms) == 2)
			rate(pair, ms);
		else if (sscanf(line, "latency %u %lf %u", &pair, &pps, &ms) == 3)
			latency(pair, pps, ms);
		else if (sscanf(line, "check %u", &pair) == 1)
			check(pair);
		else
			die("what is this command?");
		fflush(stdout);
	}
	return 0;
}
