/* What a flow takes of memory.
 *
 *     bench_memory          10,000,000 flows, each looked up once after all are open
 *     QUICK=1 bench_memory  the same
 *
 * Resident bytes of this process, huge pages among them, before and after a table of the product's own was made and
 * filled. Bytes of a flow: the entry alone, and with its share of the index. Under inspection: what a gateway's memory
 * grows by for each connection more that it may look into at once (inspect.connections and applications.contexts, both
 * of them), and the flow's own; streams.max stays as it is. Without stream state: less what is kept of both sides' bytes, the
 * readers that take them apart among it. */
#include <malloc.h>
#include <unistd.h>

#include <rte_eal.h>

#include "../lib/gateway/gateway_priv.h"
#include "../lib/inspect/wire.h"
#include "bench.h"

#define FLOWS 10000000u
#define GIB (1024.0 * 1024.0 * 1024.0)

static void
die(const char *what)
{
	fprintf(stderr, "bench_memory: %s\n", what);
	exit(1);
}

/* Bytes by /proc/self/status: of these two lines. */
static double
status_bytes(const char *line1, const char *line2)
{
	unsigned long long sum = 0, kib;
	char line[256];
	FILE *f;

	malloc_trim(0);
	f = fopen("/proc/self/status", "r");
	if (f == NULL)
		die("/proc/self/status is not there");
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *colon = strchr(line, ':');
		size_t n = colon != NULL ? (size_t)(colon - line) : 0;

		if (n == 0)
			continue;
		if ((n == strlen(line1) && strncmp(line, line1, n) == 0) ||
		    (n == strlen(line2) && strncmp(line, line2, n) == 0))
			sum += sscanf(colon + 1, "%llu", &kib) == 1 ? kib : 0;
	}
	fclose(f);
	return (double)sum * 1024.0;
}

static void
make_key(struct bh_flow_key *key, uint32_t i)
{
	memset(key, 0, sizeof(*key));
	key->addr[0].w[0] = 0x0a000000u + i;
	key->addr[1].w[0] = 0xc0a80001u;
	key->port[0] = (uint16_t)(i * 7919);
	key->port[1] = 443;
	key->proto = 6;
	key->family = BH_IP4;
}

static void
ten_million(void)
{
	double before = status_bytes("VmRSS", "HugetlbPages"), after;
	struct bh_flow_table_params p;
	struct bh_flow_table *t;
	struct bh_flow_key key;
	uint32_t i;

	bh_flow_table_params_default(&p);
	p.capacity = FLOWS;
	if (bh_hash_key_random(&p.hash_key) != 0 || bh_flow_table_create(&t, &p) != 0)
		die("no memory for 10,000,000 flows: 2 GiB must be free");
	for (i = 0; i < FLOWS; i++) {
		make_key(&key, i);
		if (bh_flow_insert(t, &key, bh_flow_hash(t, &key), 0, 1) == NULL)
			die("the table was full before its capacity: no figures");
	}
	for (i = 0; i < FLOWS; i++) {
		struct bh_flow *f;

		make_key(&key, i);
		f = bh_flow_lookup(t, &key, bh_flow_hash(t, &key));
		if (f == NULL || memcmp(&f->key, &key, sizeof(key)) != 0)
			die("a flow was not found again: no figures");
	}
	after = status_bytes("VmRSS", "HugetlbPages");
	bench_row("with its share of the index", "bytes",
		  bench_one((double)(after - before) / FLOWS), BENCH_NO_TARGET);
	bench_claim(BENCH_FLOW_BYTES, bench_one((double)sizeof(struct bh_flow)));
	bench_claim(BENCH_FLOW_MEMORY, bench_one((after - before) / GIB));
	bh_flow_table_destroy(t);
}

/* Bytes mapped by a gateway that looks into so many connections at once. */
static double
gateway_bytes(unsigned connections)
{
	double before = status_bytes("VmSize", "");
	static struct bh_config config;
	struct bh_gateway_params p = {.config = &config, .n_workers = 1, .n_wires = 2};
	struct bh_err err = {0};
	struct bh_gateway *g;

	p.peer[0] = 1;
	p.pool = rte_pktmbuf_pool_create("memory", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					 SOCKET_ID_ANY);
	if (p.pool == NULL)
		die("no memory for packet buffers");
	before = status_bytes("VmSize", "");
	bh_config_default(&config);
	config.max_flows = 65536;
	config.inspect = BH_INSPECT_ALERT;
	config.inspect_connections = connections;
	config.app_contexts = connections;
	if (bh_gateway_create(&g, &p, &err) != 0)
		die(err.what);
	before = status_bytes("VmSize", "") - before;
	bh_gateway_destroy(g);
	rte_mempool_free(p.pool);
	return before;
}

/* Of a connection: the first bytes of both sides or their operations' parser, HPACK's tables, and the largest of the
 * sensors' readers, with its windows. */
static double
stream_state(void)
{
	const size_t readers[] = {sizeof(struct bh_inspect_http), sizeof(struct bh_inspect_http2),
				  sizeof(struct bh_inspect_text), sizeof(struct bh_inspect_wire)};
	size_t largest = 0, i;

	for (i = 0; i < BH_ARRAY_SIZE(readers); i++)
		largest = RTE_MAX(largest, readers[i]);
	return (double)(sizeof(((struct bh_app_context *)0)->u) + BH_SLAB_PER_CONTEXT + largest);
}

static void
inspected(void)
{
	const unsigned few = 4096, many = 20480;
	double each, streams = stream_state();

	gateway_bytes(few); /* what is made once, is made now */
	each = (gateway_bytes(many) - gateway_bytes(few)) / (many - few);
	bench_row("a connection that is looked into, beside its flow", "bytes", bench_one(each),
		  BENCH_NO_TARGET);
	bench_row("of these, what is kept and read of both sides' bytes", "bytes",
		  bench_one(streams), BENCH_NO_TARGET);
	if (each < streams)
		die("a connection takes less than its parts: no figures");
	bench_claim(BENCH_FLOW_BYTES_INSPECTED,
		    bench_one(each - streams + (double)sizeof(struct bh_flow)));
}

int
main(void)
{
	/* EAL may reorder its arguments, so that they are variables. */
	static char name[] = "bench_memory", no_huge[] = "--no-huge", no_shconf[] = "--no-shconf",
		    no_pci[] = "--no-pci", memory[] = "-m64", log_level[] = "--log-level=error";
	char *eal[] = {name, no_huge, no_shconf, no_pci, memory, log_level};

	if (rte_eal_init((int)BH_ARRAY_SIZE(eal), eal) < 0)
		die("rte_eal_init failed");
	bench_machine("bench_memory", "what bh_mem_map finds");
	bench_heading("memory of a flow");
	ten_million();
	inspected();
	bench_load();
	return 0;
}
