/* How many TCP connections a second a core takes: opened, a request, an answer, closed, in both directions.
 *
 *     bench_connections          QUICK=1: fewer and shorter rounds
 *
 * 10,000 rules; configuration at its defaults, so that the table of a million flows is full of connections that have
 * ended and is kept full: each new one has to find room. Rounds of the bare loop (the same frames made and freed) and of
 * the gateway take turns; a connection costs the difference. What the gateway tells of connections (events) is taken
 * from it between the timed pieces. A connection that is not opened, named, forwarded whole and ended stops the program.
 *
 * `long` connections carry some kilobytes and have 26 packets: what a packet costs where each connection is named, its
 * beginning and end included, is read from them. */
#include "line.h"

#define ROUNDS 15
#define FILL (1u << 20) /* flows.max */

#define OPEN                                                                                       \
	{0, LINE_SYN, NULL, 0}, {1, LINE_SYN | LINE_ACK, NULL, 0},                                 \
	{                                                                                          \
		0, LINE_ACK, NULL, 0                                                               \
	}
#define SHUT                                                                                       \
	{0, LINE_FIN | LINE_ACK, NULL, 0}, {1, LINE_FIN | LINE_ACK, NULL, 0},                      \
	{                                                                                          \
		0, LINE_ACK, NULL, 0                                                               \
	}
#define SAY(side, text)                                                                            \
	{                                                                                          \
		side, LINE_PSH | LINE_ACK, text, sizeof(text) - 1                                  \
	}
#define BULK                                                                                       \
	{1, LINE_ACK, NULL, 1440},                                                                 \
	{                                                                                          \
		0, LINE_ACK, NULL, 0                                                               \
	}
#define GET                                                                                        \
	"GET /api/orders?page=2 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: curl/8.5.0\r\n"  \
	"Accept: */*\r\n\r\n"
#define OK_HELLO                                                                                   \
	"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\n"                          \
	"Content-Length: 13\r\n\r\nHello, world!"
#define OK_BULK                                                                                    \
	"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: application/octet-stream\r\n"           \
	"Content-Length: 12960\r\n\r\n"

static const struct line_step silent[] = {OPEN, SHUT};
static const struct line_step redis[] = {OPEN, SAY(0, "*2\r\n$3\r\nGET\r\n$8\r\nuser:100\r\n"),
					 SAY(1, "$-1\r\n"), SHUT};
static const struct line_step http[] = {OPEN, SAY(0, GET), SAY(1, OK_HELLO), SHUT};
static const struct line_step http_long[] = {OPEN, SAY(0, GET), SAY(1, OK_BULK),
					     BULK, BULK,        BULK,
					     BULK, BULK,        BULK,
					     BULK, BULK,        BULK,
					     SHUT};

struct kind {
	const char *what, *application;
	const struct line_step *steps;
	unsigned n_steps;
	bool named;
};

static const struct kind kinds[] = {
	{"nothing said, ports judge", NULL, silent, BH_ARRAY_SIZE(silent), false},
	{"http, ports judge, named for the record", NULL, http, BH_ARRAY_SIZE(http), true},
	{"redis, judged by its name", "redis", redis, BH_ARRAY_SIZE(redis), true},
	{"http, judged by its name", "http", http, BH_ARRAY_SIZE(http), true},
	{"http, judged by its name, long", "http", http_long, BH_ARRAY_SIZE(http_long), true},
};
enum { SILENT, HTTP_PORTS, REDIS, HTTP, HTTP_LONG, KINDS };
_Static_assert(BH_ARRAY_SIZE(kinds) == KINDS, "one each");

static void
take_events(struct gate *t)
{
	static struct bh_event e[256];

	while (bh_gateway_events(t->g, e, BH_ARRAY_SIZE(e)) != 0)
		;
}

/* Cycles that n connections take, n a multiple of those under way. */
static double
run(struct gate *t, struct line *l, uint32_t n)
{
	uint64_t goal = l->done + n, cycles = 0;

	while (l->done < goal) {
		uint64_t piece = l->done + LINE_UNDER_WAY, start = rte_rdtsc();

		gate_clock_start(t);
		while (l->done < piece) {
			gate_clock_read(t);
			bh_worker_poll(t->w, t->mono_ns, t->wall_ns);
		}
		cycles += rte_rdtsc() - start;
		take_events(t);
	}
	return (double)cycles;
}

/* All of n connections did what they should, but for `few` in a thousand whose entry in the full table went to a newer
 * one. Returns how many these are. */
static double
check(struct gate *t, const struct kind *k, const struct bh_counters *before, uint64_t n,
      unsigned few)
{
	uint64_t lost, unnamed;
	struct bh_counters c;

	bh_gateway_counters(t->g, 0, &c);
	lost = n * k->n_steps - (c.forwarded - before->forwarded);
	unnamed = k->named ? n - (c.apps_named - before->apps_named) : 0;
	if (c.flows_opened - before->flows_opened != n || c.held != 0 ||
	    c.packets - before->packets != n * k->n_steps || lost > n * few / 1000 ||
	    unnamed > n * few / 1000)
		gate_die("connections were not opened, named or forwarded whole: no figures");
	if (lost != c.dropped[BH_REASON_TCP_MIDSTREAM] - before->dropped[BH_REASON_TCP_MIDSTREAM])
		gate_die("packets were dropped for another reason than a full table: no figures");
	return (double)lost;
}

/* A SYN to a server of another segment is dropped, and nothing else happens. */
static void
self_test(const struct kind *k, struct rte_mempool *pool)
{
	struct line *l = line_create(k->steps, k->n_steps, 256, pool);
	struct gate_options o = {.rules = 10000,
				 .endpoints = 256,
				 .frame = 64,
				 .application = k->application,
				 .tcp = true,
				 .wires = l->wire};
	struct gate *t;
	struct bh_counters c;

	t = gate_prepare(&o, pool);
	run(t, l, LINE_UNDER_WAY);
	check(t, k, &(struct bh_counters){0}, LINE_UNDER_WAY, 0);
	l->astray = 1;
	for (c.packets = 0; c.packets != LINE_UNDER_WAY * k->n_steps + 32;) {
		bh_worker_poll(t->w, t->mono_ns, t->wall_ns);
		bh_gateway_counters(t->g, 0, &c);
	}
	if (c.forwarded != LINE_UNDER_WAY * k->n_steps || c.dropped[BH_REASON_DEFAULT_DENY] != 32)
		gate_die("what no rule allows was not dropped: no figures");
	gate_destroy(t);
	free(l);
}

/* Connections a second in rate[], cycles a packet in packet[]; of `rounds` rounds. Returns packets that were dropped, for
 * a million connections. */
static double
measure(const struct kind *k, struct rte_mempool *pool, unsigned rounds, double *rate,
	double *packet)
{
	struct line *l = line_create(k->steps, k->n_steps, 256, pool);
	struct gate_options o = {.rules = 10000,
				 .endpoints = 256,
				 .frame = 64,
				 .application = k->application,
				 .tcp = true,
				 .wires = l->wire};
	uint32_t n = (bench_quick() ? 16 : 64) * LINE_UNDER_WAY;
	struct gate *t = gate_prepare(&o, pool);
	struct bh_counters before;
	double lost = 0;
	unsigned i;

	run(t, l, FILL);
	for (i = 0; i < rounds; i++) {
		double bare, gate;

		line_run_bare(l, LINE_UNDER_WAY);
		bare = line_run_bare(l, n);
		bh_gateway_counters(t->g, 0, &before);
		gate = run(t, l, n);
		lost += check(t, k, &before, n, 1);
		rate[i] = (double)n * (double)rte_get_tsc_hz() / (gate - bare);
		packet[i] = (gate - bare) / n / k->n_steps;
	}
	gate_destroy(t);
	free(l);
	return lost * 1e6 / ((double)n * rounds);
}

static void
claim_named(enum bench_claim_id id, double rival_ns, const double *packet, unsigned rounds)
{
	double ratio[ROUNDS];
	unsigned i;

	for (i = 0; i < rounds; i++)
		ratio[i] = rival_ns / (packet[i] * 1e9 / (double)rte_get_tsc_hz());
	bench_claim(id, bench_spread(ratio, rounds));
}

int
main(void)
{
	static double rate[KINDS][ROUNDS], packet[KINDS][ROUNDS];
	struct rte_mempool *pool;
	const char *memory = gate_eal(&pool);
	unsigned i, rounds = bench_quick() ? 7 : ROUNDS;
	char claim[96];

	bench_machine("bench_connections", memory);
	bench_heading("TCP connections, 10,000 rules, the flow table full");
	for (i = 0; i < KINDS; i++) {
		struct bench_spread s;
		double lost;

		self_test(&kinds[i], pool);
		lost = measure(&kinds[i], pool, rounds, rate[i], packet[i]);
		s = bench_spread(rate[i], rounds);
		snprintf(claim, sizeof(claim), "%s, %u packets", kinds[i].what, kinds[i].n_steps);
		bench_row(claim, "connections/s", s, BENCH_NO_TARGET);
		bench_point("connections", kinds[i].what, i, s);
		bench_row("  a packet", "cycles", bench_spread(packet[i], rounds), BENCH_NO_TARGET);
		bench_row("  packets dropped of a million connections: the table is full",
			  "packets", bench_one(lost), BENCH_NO_TARGET);
	}
	bench_claim(BENCH_CONNECTIONS, bench_spread(rate[SILENT], rounds));
	bench_claim(BENCH_CONNECTIONS_NAMED, bench_spread(rate[HTTP], rounds));
	claim_named(BENCH_NAMED_LOW, 320, packet[HTTP_LONG], rounds);
	claim_named(BENCH_NAMED_HIGH, 1000, packet[HTTP_LONG], rounds);
	bench_load();
	return 0;
}
