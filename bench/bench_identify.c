/* What it costs to name a new connection's application.
 *
 *     bench_identify             by protocol, asking who is left over and asking all; by size of the table;
 *                                packets through the gateway before and after the verdict
 *     QUICK=1 bench_identify     the same with fewer and shorter rounds
 *
 * A connection is its first exchange as clients and servers send it: a call of bh_proto_identify per segment or
 * datagram until it says decided. A connection that gets another name than the one it is of prints nothing. */
#include "../lib/proto/first.h"
#include "gate.h"

#define ROUNDS 201 /* short ones: another program on this core spoils few */
#define CONNECTIONS 1000

#define S(text)                                                                                    \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
#define ZEROS8 "\0\0\0\0\0\0\0\0"

struct exchange {
	const char *app;
	uint8_t transport;
	struct {
		const char *bytes;
		size_t len;
	} side[2];
	uint8_t first; /* who speaks */
};

#define AGENT                                                                                      \
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"

static const struct exchange exchanges[] = {
	{"http",
	 BH_OVER_TCP,
	 {S("GET /api/orders?page=2 HTTP/1.1\r\nHost: shop.example.com\r\n" AGENT
	    "Accept: */*\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\r\n"),
	  S("HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\n"
	    "Content-Length: 13\r\n\r\nHello, world!")},
	 0},
	{"tls",
	 BH_OVER_TCP,
	 {S("\x16\x03\x01\x00\x4f\x01\x00\x00\x4b\x03\x03"
	    "0123456789abcdef0123456789abcdef\x20"
	    "0123456789abcdef0123456789abcdef\x00\x02\x13\x01\x01\x00"),
	  S("\x16\x03\x03\x00\x4a\x02\x00\x00\x46\x03\x03")},
	 0},
	{"redis", BH_OVER_TCP, {S("*2\r\n$3\r\nGET\r\n$8\r\nuser:100\r\n"), S("$-1\r\n")}, 0},
	{"mysql",
	 BH_OVER_TCP,
	 {S("\x20\x00\x00\x01\x85\xa6\xff\x01\x00\x00\x00\x01"),
	  S("\x4a\x00\x00\x00\x0a"
	    "8.0.36\x00\x08\x00\x00\x00saltsalt\x00\xff\xff\xff\x02\x00\xff\xdf\x15")},
	 1},
	{"postgresql",
	 BH_OVER_TCP,
	 {S("\x00\x00\x00\x29\x00\x03\x00\x00user\x00shop\x00"
	    "database\x00orders\x00\x00"),
	  S("R\x00\x00\x00\x08\x00\x00\x00\x00")},
	 0},
	{"dns",
	 BH_OVER_UDP,
	 {S("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07"
	    "example\x03"
	    "com\x00\x00\x01\x00\x01"),
	  S("\x12\x34\x81\x80")},
	 0},
	{"mongodb",
	 BH_OVER_TCP,
	 {S("\x24\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00"
	    "\x00\x00\x00\x00\x00\x0f\x00\x00\x00\x10hello\x00\x01\x00\x00\x00\x00"),
	  S("")},
	 0},
	{"kafka",
	 BH_OVER_TCP,
	 {S("\x00\x00\x00\x23\x00\x12\x00\x03\x00\x00\x00\x01\x00\x07rdkafka\x00"
	    "\x0blibrdkafka\x06"
	    "2.3.0\x00"),
	  S("")},
	 0},
	{"ssh", BH_OVER_TCP, {S("SSH-2.0-OpenSSH_9.6\r\n"), S("SSH-2.0-OpenSSH_9.2p1\r\n")}, 1},
	{"mqtt",
	 BH_OVER_TCP,
	 {S("\x10\x14\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x07sensor7"), S("\x20\x02\x00\x00")},
	 0},
	{"amqp", BH_OVER_TCP, {S("AMQP\x00\x00\x09\x01"), S("\x01\x00\x00\x00\x00\x01\xf4")}, 0},
	{"cassandra",
	 BH_OVER_TCP,
	 {S("\x05\x00\x00\x00\x05\x00\x00\x00\x00"),
	  S("\x85\x00\x00\x00\x06\x00\x00\x00\x02\x00\x00")},
	 0},
	{"smtp", BH_OVER_TCP, {S("EHLO me\r\n"), S("220 mx.example.com ESMTP Postfix\r\n")}, 1},
	{"smb", BH_OVER_TCP, {S("\x00\x00\x00\x40\xfeSMB\x40\x00" ZEROS8), S("")}, 0},
	{"quic",
	 BH_OVER_UDP,
	 {S("\xc0\x00\x00\x00\x01\x04\x01\x02\x03\x04\x00\x00\x14" ZEROS8 ZEROS8
	    "\x00\x00\x00\x00"),
	  S("")},
	 0},
	{"unknown",
	 BH_OVER_TCP,
	 {S("\xc5\x9d\x81\x33\x77\x10\x42\x99\xe1\x5a\x00\x17\xab\xcd\xef\x21"),
	  S("\xd7\x03\x9a\xee\x1f\x08\x55\x61\x90\x2b\xfe\xdc\x10\x32\x54\x76")},
	 0},
};

typedef bool (*ask_fn)(struct bh_proto_state *state, const struct bh_proto_input *in);

/* One connection: whoever speaks first, then the other side. */
static inline unsigned
connection(const struct exchange *e, ask_fn ask, bh_app_set only)
{
	struct bh_proto_state s = {
		.ruled_out = {(uint64_t)~only, (uint64_t)(~only >> 64)},
	};
	struct bh_proto_input in = {.transport = e->transport};
	unsigned i;

	for (i = 0; i < 2 && !s.decided; i++) {
		unsigned side = i ^ e->first;

		in.data[side] = (const uint8_t *)e->side[side].bytes;
		in.len[side] = (uint32_t)e->side[side].len;
		in.from = (uint8_t)side;
		in.packets++;
		if (in.len[side] != 0)
			ask(&s, &in);
	}
	return s.app;
}

static struct bench_spread
measure(const struct exchange *e, ask_fn ask, bh_app_set only)
{
	double v[ROUNDS];
	unsigned rounds = bench_quick() ? 51 : ROUNDS, i, k, n = CONNECTIONS, sum = 0;

	for (i = 0; i < rounds; i++) {
		uint64_t start = rte_rdtsc();

		for (k = 0; k < n; k++)
			sum += connection(e, ask, only);
		v[i] = (double)(rte_rdtsc() - start) / n;
	}
	if (only == ~(bh_app_set)0 && sum != rounds * n * (unsigned)bh_app_find(e->app)) {
		fprintf(stderr, "bench: %s is not named so: no figures\n", e->app);
		exit(1);
	}
	return bench_spread(v, rounds);
}

static void
by_protocol(void)
{
	const bh_app_set every = ~(bh_app_set)0;
	char claim[96];
	size_t i;

	bench_heading("a new connection's first exchange");
	for (i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
		const struct exchange *e = &exchanges[i];

		snprintf(claim, sizeof(claim), "identify %s", e->app);
		bench_row(claim, "cycles/connection", measure(e, bh_proto_identify, every),
			  BENCH_NO_TARGET);
		snprintf(claim, sizeof(claim), "  asking every detector");
		bench_row(claim, "cycles/connection", measure(e, bh_proto_identify_all, every),
			  BENCH_NO_TARGET);
	}
}

/* A table of k lines: the others are ruled out before. The last k lines, so that those of the exchange that is
 * measured come in last. */
static void
by_table(void)
{
	static const unsigned sizes[] = {8, 16, 32, BH_APP_COUNT - 1};
	const struct exchange *e = &exchanges[sizeof(exchanges) / sizeof(exchanges[0]) - 1];
	char claim[96];
	size_t i;

	bench_heading("unknown bytes, by number of protocols in the table");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned drop = BH_APP_COUNT - sizes[i];
		bh_app_set only = ~(bh_app_set)0 << drop;

		snprintf(claim, sizeof(claim), "%u protocols", sizes[i]);
		bench_row(claim, "cycles/connection", measure(e, bh_proto_identify, only),
			  BENCH_NO_TARGET);
		snprintf(claim, sizeof(claim), "  asking every detector of %u", sizes[i]);
		bench_row(claim, "cycles/connection", measure(e, bh_proto_identify_all, only),
			  BENCH_NO_TARGET);
	}
}

#define QUERY                                                                                      \
	"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07"                              \
	"example\x03"                                                                              \
	"com\x00\x00\x01\x00\x01"

/* Packets of 10,000 known flows, and the first packet of each of 100,000. */
static void
through_the_gateway(struct rte_mempool *pool)
{
	static const struct {
		const char *what;
		struct gate_options o;
	} rows[] = {
		{"port rule, unknown bytes",
		 {.flows = 10000, .rules = 10, .endpoints = 256, .frame = 128}},
		{"port rule, dns named",
		 {.flows = 10000,
		  .rules = 10,
		  .endpoints = 256,
		  .frame = 128,
		  .payload = QUERY,
		  .payload_len = sizeof(QUERY) - 1}},
		{"rule for dns, dns judged",
		 {.flows = 10000,
		  .rules = 10,
		  .endpoints = 256,
		  .frame = 128,
		  .application = "dns",
		  .payload = QUERY,
		  .payload_len = sizeof(QUERY) - 1}},
	};
	unsigned rounds = bench_quick() ? 7 : 21, i, k;
	double first[21], after[21];
	char claim[96];

	bench_heading("packets through the gateway, 10,000 flows, bare loop taken off");
	for (i = 0; i < BH_ARRAY_SIZE(rows); i++) {
		struct gate *t = gate_create(&rows[i].o, pool);

		for (k = 0; k < rounds; k++) {
			double bare = gate_run_bare(t, 1u << 17);

			gate_run(t, 1u << 15);
			after[k] = gate_run(t, 1u << 17) - bare;
		}
		for (k = 0; k < rounds; k++) {
			bh_flow_end_all(t->w->flows, BH_FLOW_END_SHUTDOWN);
			gate_use(t, t->flows, t->o.flows, true, false);
			first[k] = gate_run(t, t->o.flows);
		}
		snprintf(claim, sizeof(claim), "after the verdict: %s", rows[i].what);
		bench_row(claim, "cycles/packet", bench_spread(after, rounds), BENCH_NO_TARGET);
		snprintf(claim, sizeof(claim), "first packet, to its verdict: %s", rows[i].what);
		bench_row(claim, "cycles/packet", bench_spread(first, rounds), BENCH_NO_TARGET);
		gate_destroy(t);
	}
}

int
main(void)
{
	struct rte_mempool *pool;
	const char *memory = gate_eal(&pool);

	bench_machine("bench_identify", memory);
	by_protocol();
	by_table();
	through_the_gateway(pool);
	bench_load();
	return 0;
}
