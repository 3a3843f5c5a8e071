/* What it costs to look for users' patterns in a connection's bytes, over Hyperscan itself.
 *
 *     bench_sensor               feed beside a raw hs_scan_stream() loop over the same database, bytes and pieces;
 *                                compiling and loading; what a new set costs a worker that is scanning meanwhile;
 *                                what compressing idle streams would save
 *     bench_sensor swap [N]      the last but one alone, with N patterns (10,000)
 *     QUICK=1 bench_sensor       the same with fewer rounds, and 1,000 patterns instead of 10,000
 *
 * Traffic is 32 connections whose segments come in turn: requests made of words, headers and forms. Patterns are
 * made of the same kinds of words; few match. Both loops count the same matches or the program prints nothing.
 * To measure with another libhs: LD_LIBRARY_PATH=FOLDER_WITH_ITS_libhs.so.5 bench_sensor */
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_eal.h>

#include "../lib/sensor/sensor_priv.h"
#include "bench.h"

#define FLOWS 32
#define FLOW_BYTES                                                                                 \
	11680 /* 8 segments of 1,460 bytes: rounds are short, so that another program spoils few */

static uint8_t bytes[FLOWS][FLOW_BYTES];

static void
die(const char *what, const struct bh_err *err)
{
	fprintf(stderr, "bench_sensor: %s%s%s\n", what, err != NULL ? ": " : "",
		err != NULL ? err->what : "");
	exit(1);
}

static uint64_t
next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

/* A word of 4 to 11 letters, of 50,000. */
static const char *
word(char out[16], uint64_t number)
{
	static const char *const syllable[] = {"ka", "lo", "mi", "ser", "ver", "pro", "da",  "ta",
					       "in", "ex", "qu", "or",  "der", "ite", "men", "t"};
	uint64_t n = number * UINT64_C(2654435761) % 50000;
	unsigned i;

	out[0] = '\0';
	for (i = 0; i < 4; i++, n /= 16)
		strcat(out, syllable[n % 16]);
	return out;
}

static void
make_traffic(void)
{
	uint64_t seed = 7;
	unsigned f;

	for (f = 0; f < FLOWS; f++) {
		size_t at = 0;

		while (at < FLOW_BYTES) {
			char line[256], a[16], b[16], c[16];
			int n = snprintf(line, sizeof(line),
					 next(&seed) % 4 ? "%s=%s&%s=%d&"
							 : "\r\nGET /%s/%s?q=%s HTTP/1.1\r\n"
							   "Host: shop.example.com\r\nX-Id: %d\r\n",
					 word(a, next(&seed)), word(b, next(&seed)),
					 word(c, next(&seed)), (int)(next(&seed) % 100000));
			size_t len = (size_t)n < FLOW_BYTES - at ? (size_t)n : FLOW_BYTES - at;

			memcpy(&bytes[f][at], line, len);
			at += len;
		}
	}
}

static struct bh_sensor_model *
make_model(unsigned n, uint64_t seed)
{
	struct bh_sensor_model *m = bh_sensor_model_create();
	struct bh_sensor *s = bh_sensor_add(m, "bench");
	struct bh_sensor_pattern *p;
	struct bh_sensor_rule *r;
	unsigned i;

	for (i = 0; i < n; i++) {
		char text[128], a[16], b[16];
		bool regex = i % 10 >= 6;

		word(a, next(&seed));
		word(b, next(&seed));
		if (!regex)
			snprintf(text, sizeof(text), "%s%s%u", a, b, i % 100);
		else if (i % 10 < 9)
			snprintf(text, sizeof(text), "%s%u\\s*[=(]\\s*%s", a, i % 100, b);
		else
			snprintf(text, sizeof(text), "%s[0-9a-f]{8,16}%s", a, b);
		r = bh_sensor_add_rule(m, s, text);
		p = bh_sensor_add_pattern(m, r, regex ? BH_SENSOR_REGEX : BH_SENSOR_LITERAL, text,
					  strlen(text));
		if (p == NULL)
			die("no memory", NULL);
		p->context = BH_SENSOR_PACKET;
		p->flags = i % 2 ? BH_SENSOR_NOCASE : 0;
	}
	return m;
}

static struct bh_sensor_set *
make_set(unsigned n, uint64_t seed, const char *cache)
{
	struct bh_sensor_set *set;
	struct bh_err err = {0};

	if (bh_sensor_compile(make_model(n, seed), cache, &set, &err) != 0)
		die("compile", &err);
	return set;
}

static struct bh_sensor_worker *
make_worker(struct bh_sensor_set *set)
{
	struct bh_sensor_worker *w;

	if (bh_sensor_worker_create(&w, &(struct bh_sensor_worker_params){0}) != 0 ||
	    bh_sensor_publish(w, set, BH_SENSOR_DRAIN) != 0)
		die("no memory for a worker", NULL);
	bh_sensor_turn(w, UINT64_MAX, 1);
	return w;
}

/* ---- feed beside Hyperscan alone --------------------------------------------------------------------------- */

static int
on_raw(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
	(void)id;
	(void)from;
	(void)to;
	(void)flags;
	++*(uint64_t *)arg;
	return 0;
}

/* All flows' segments in turn; returns cycles. */
static uint64_t
run_raw(const struct bh_sensor_db *db, hs_scratch_t *scratch, size_t segment, uint64_t *matches)
{
	hs_stream_t *stream[FLOWS];
	uint64_t start;
	size_t at;
	unsigned f;

	for (f = 0; f < FLOWS; f++)
		if (hs_open_stream(db->db, 0, &stream[f]) != HS_SUCCESS)
			die("hs_open_stream", NULL);
	start = rte_rdtsc();
	for (at = 0; at < FLOW_BYTES; at += segment)
		for (f = 0; f < FLOWS; f++)
			hs_scan_stream(stream[f], (const char *)&bytes[f][at],
				       (unsigned)(FLOW_BYTES - at < segment ? FLOW_BYTES - at
									    : segment),
				       0, scratch, on_raw, matches);
	start = rte_rdtsc() - start;
	for (f = 0; f < FLOWS; f++)
		hs_close_stream(stream[f], scratch, on_raw, matches);
	return start;
}

static uint64_t
run_feed(struct bh_sensor_worker *w, size_t segment)
{
	static struct bh_sensor_conn conn[FLOWS];
	uint64_t start;
	size_t at;
	unsigned f;

	for (f = 0; f < FLOWS; f++)
		bh_sensor_open(w, &conn[f], &(struct bh_sensor_open){.app = BH_APP_HTTP});
	start = rte_rdtsc();
	for (at = 0; at < FLOW_BYTES; at += segment)
		for (f = 0; f < FLOWS; f++)
			bh_sensor_feed(w, &conn[f], 0, BH_SENSOR_PACKET, &bytes[f][at],
				       FLOW_BYTES - at < segment ? FLOW_BYTES - at : segment,
				       false);
	start = rte_rdtsc() - start;
	for (f = 0; f < FLOWS; f++)
		bh_sensor_close(w, &conn[f]);
	return start;
}

/* A round is the best of so many runs of each, in turn: what another program took is left out. */
#define BEST_OF 5

static void
compare(struct bh_sensor_set *set, const char *name, size_t segment, unsigned rounds)
{
	static double raw[512], ours[512], share[512];
	const double gbit = (double)FLOWS * FLOW_BYTES * 8 / 1e9, hz = (double)rte_get_tsc_hz();
	struct bh_sensor_worker *w = make_worker(set);
	struct bh_sensor_counters before, after;
	uint64_t matches = 0;
	char claim[128];
	unsigned i;

	for (i = 0; i < rounds; i++) {
		uint64_t a = UINT64_MAX, b = UINT64_MAX, t;
		unsigned k;

		for (k = 0; k < BEST_OF; k++) {
			matches = 0;
			bh_sensor_counters(w, &before);
			t = run_raw(&set->db[0], w->current->scratch, segment, &matches);
			a = t < a ? t : a;
			t = run_feed(w, segment);
			b = t < b ? t : b;
			bh_sensor_counters(w, &after);
			if (after.matches - before.matches != matches)
				die("the two loops differ in what they find", NULL);
		}
		raw[i] = gbit * hz / (double)a;
		ours[i] = gbit * hz / (double)b;
		share[i] = (double)a / (double)b;
	}
	snprintf(claim, sizeof(claim), "hs_scan_stream, %s, %zu bytes", name, segment);
	bench_row(claim, "Gbit/s", bench_spread(raw, rounds), BENCH_NO_TARGET);
	bench_point("segments", "hs_scan_stream alone", (double)segment, bench_spread(raw, rounds));
	bench_point("segments", "Bulkhead", (double)segment, bench_spread(ours, rounds));
	snprintf(claim, sizeof(claim), "feed, %s, %zu bytes", name, segment);
	bench_row(claim, "Gbit/s", bench_spread(ours, rounds), BENCH_NO_TARGET);
	if (segment == 1460)
		bench_claim(BENCH_SCAN_1460, bench_spread(share, rounds));
	else if (segment == 256)
		bench_claim(BENCH_SCAN_256, bench_spread(share, rounds));
	bh_sensor_worker_destroy(w);
}

/* ---- compiling, loading, compressing ------------------------------------------------------------------------- */

static void
one_row(const char *claim, const char *unit, double value, double target)
{
	bench_row(claim, unit, bench_one(value), target);
}

/* Returns the set. */
static struct bh_sensor_set *
bench_compile(unsigned n)
{
	char dir[] = "/tmp/bench_sensor.XXXXXX", claim[128], command[128];
	struct bh_sensor_set_info info;
	struct bh_sensor_set *set;

	if (mkdtemp(dir) == NULL)
		die("mkdtemp", NULL);
	set = make_set(n, 1, dir);
	bh_sensor_set_info(set, &info);
	snprintf(claim, sizeof(claim), "compile %u patterns", n);
	one_row(claim, "ms", (double)info.compile_ns / 1e6, BENCH_NO_TARGET);
	one_row("  database", "KiB", (double)info.database_bytes / 1024, BENCH_NO_TARGET);
	one_row("  state of a stream", "bytes", (double)info.stream_max, BENCH_NO_TARGET);
	one_row("  scratch of a worker", "KiB", (double)info.scratch_bytes / 1024, BENCH_NO_TARGET);
	bh_sensor_set_destroy(set);
	set = make_set(n, 1, dir);
	bh_sensor_set_info(set, &info);
	if (info.from_cache != 1)
		die("the cache was not used", NULL);
	snprintf(claim, sizeof(claim), "load %u patterns from the cache", n);
	one_row(claim, "ms", (double)info.compile_ns / 1e6, BENCH_NO_TARGET);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	if (system(command) != 0)
		die(command, NULL);
	return set;
}

static void
bench_compress(const struct bh_sensor_set *set)
{
	static double size[FLOWS], pack[FLOWS], unpack[FLOWS], copy[FLOWS];
	const struct bh_sensor_db *db = &set->db[0];
	static uint8_t state[1 << 20];
	static char packed[1 << 20];
	hs_stream_t *stream;
	uint64_t none = 0, t;
	unsigned f;

	if (db->stream_size > sizeof(state) || hs_open_stream(db->db, 0, &stream) != HS_SUCCESS)
		die("hs_open_stream", NULL);
	for (f = 0; f < FLOWS; f++) {
		size_t used = 0;

		hs_reset_stream(stream, 0, set->scratch, on_raw, &none);
		hs_scan_stream(stream, (const char *)bytes[f], 1460 * (1 + f % 8), 0, set->scratch,
			       on_raw, &none);
		t = rte_rdtsc();
		hs_compress_stream(stream, packed, sizeof(packed), &used);
		pack[f] = (double)(rte_rdtsc() - t);
		size[f] = (double)used;
		t = rte_rdtsc();
		hs_reset_and_expand_stream(stream, packed, used, NULL, NULL, NULL);
		unpack[f] = (double)(rte_rdtsc() - t);
		t = rte_rdtsc();
		memcpy(state, db->blank, db->stream_size);
		copy[f] = (double)(rte_rdtsc() - t);
	}
	hs_close_stream(stream, NULL, NULL, NULL);
	one_row("state of a stream", "bytes", (double)db->stream_size, BENCH_NO_TARGET);
	bench_row("  compressed between segments", "bytes", bench_spread(size, FLOWS),
		  BENCH_NO_TARGET);
	bench_row("  hs_compress_stream", "cycles", bench_spread(pack, FLOWS), BENCH_NO_TARGET);
	bench_row("  hs_reset_and_expand_stream", "cycles", bench_spread(unpack, FLOWS),
		  BENCH_NO_TARGET);
	bench_row("  beginning one (a copy of a blank one)", "cycles", bench_spread(copy, FLOWS),
		  BENCH_NO_TARGET);
}

/* ---- a new set while a worker scans ---------------------------------------------------------------------------- */

/* One turn of a worker: look for a new set, scan 256 bytes. What it takes beyond the median is what it stood still.
 * Packets come at half the rate that the worker can take, into a receive queue of the default length; those that find
 * it full are lost. */
#define BUCKETS (1u << 20)
#define BUCKET 16 /* cycles */
#define QUEUE 1024

struct scanner {
	struct bh_sensor_worker *w;
	uint32_t turns[BUCKETS]; /* by what they took; longer ones in the last */
	uint64_t n, n_swaps, worst_swap;
	uint64_t preempted;     /* turns in which the kernel ran something else here: not counted */
	uint64_t gap;           /* cycles between two packets */
	uint64_t due;           /* when the next one comes */
	uint64_t lost, deepest; /* packets; most that waited */
	int stop;
};

/* Wait for a packet; returns how many more have come since. */
static uint64_t
receive(const struct scanner *s)
{
	uint64_t now = rte_rdtsc();

	while (now < s->due)
		now = rte_rdtsc();
	return s->gap != 0 ? (now - s->due) / s->gap : 0;
}

static void
count_queue(struct scanner *s, uint64_t waiting)
{
	s->deepest = waiting > s->deepest ? waiting : s->deepest;
	if (waiting > QUEUE) {
		s->lost += waiting - QUEUE;
		s->due += (waiting - QUEUE) * s->gap;
	}
	s->due += s->gap;
}

static void
own_core(void)
{
	cpu_set_t cpus;

	/* EAL keeps the main thread on one core: this one goes to the next. As root it has that for itself, as a
	 * worker has. */
	CPU_ZERO(&cpus);
	CPU_SET((sched_getcpu() + 1) % (int)sysconf(_SC_NPROCESSORS_ONLN), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
}

static void
count_turn(struct scanner *s, uint64_t took, bool swapped)
{
	s->turns[took / BUCKET < BUCKETS ? took / BUCKET : BUCKETS - 1]++;
	s->n++;
	if (!swapped)
		return;
	s->n_swaps++;
	s->worst_swap = took > s->worst_swap ? took : s->worst_swap;
}

static void *
scanner_main(void *arg)
{
	struct scanner *s = arg;
	static struct bh_sensor_conn conn[FLOWS];
	struct rusage before, after;
	size_t at = 0;
	unsigned f;

	own_core();
	for (f = 0; f < FLOWS; f++)
		bh_sensor_open(s->w, &conn[f], &(struct bh_sensor_open){.app = BH_APP_HTTP});
	getrusage(RUSAGE_THREAD, &before);
	s->due = rte_rdtsc();
	for (f = 0; !__atomic_load_n(&s->stop, __ATOMIC_RELAXED); f = (f + 1) % FLOWS) {
		uint64_t seq = s->w->current_seq, took, waiting;

		at = f == 0 ? (at + 256) % (FLOW_BYTES - 256) : at;
		waiting = receive(s);
		took = rte_rdtsc();
		bh_sensor_turn(s->w, UINT64_MAX, took);
		bh_sensor_feed(s->w, &conn[f], 0, BH_SENSOR_PACKET, &bytes[f][at], 256, false);
		took = rte_rdtsc() - took;
		getrusage(RUSAGE_THREAD, &after);
		if (after.ru_nivcsw == before.ru_nivcsw && after.ru_nvcsw == before.ru_nvcsw) {
			count_turn(s, took, seq != s->w->current_seq);
			count_queue(s, waiting);
		} else {
			/* What came meanwhile came to a core that was not the worker's. */
			s->preempted++;
			s->due = rte_rdtsc();
		}
		before = after;
	}
	for (f = 0; f < FLOWS; f++)
		bh_sensor_close(s->w, &conn[f]);
	return NULL;
}

/* Cycles that a share of the turns, in millionths, did not exceed. */
static double
quantile(const struct scanner *s, uint64_t millionths)
{
	uint64_t left = s->n * millionths / 1000000;
	uint32_t i;

	for (i = 0; i < BUCKETS - 1 && s->turns[i] <= left; i++)
		left -= s->turns[i];
	return (double)i * BUCKET;
}

static void
tell_stall(const struct scanner *s, const char *what, double target)
{
	const double us = 1e6 / (double)rte_get_tsc_hz();
	double median = quantile(s, 500000);
	char claim[128];

	snprintf(claim, sizeof(claim), "%s: a turn beyond the median, p99.99", what);
	one_row(claim, "us", (quantile(s, 999900) - median) * us, target);
	if (s->n_swaps != 0) {
		snprintf(claim, sizeof(claim), "%s: worst turn that took a new set", what);
		one_row(claim, "us", ((double)s->worst_swap - median) * us, target);
	}
	if (s->gap != 0) {
		snprintf(claim, sizeof(claim), "%s: packets lost", what);
		one_row(claim, "packets", (double)s->lost,
			target == BENCH_NO_TARGET ? BENCH_NO_TARGET : 0);
		snprintf(claim, sizeof(claim), "%s: longest queue", what);
		one_row(claim, "packets", (double)s->deepest, BENCH_NO_TARGET);
	}
	printf("  %.1f M turns, median %.2f us, p99.9 %.2f us; the kernel took the core in %u "
	       "more\n",
	       (double)s->n / 1e6, median * us, quantile(s, 999000) * us, (unsigned)s->preempted);
}

static void
start_scanner(struct scanner *s, pthread_t *thread, uint64_t gap)
{
	struct bh_sensor_worker *w = s->w;

	memset(s, 0, sizeof(*s));
	s->w = w;
	s->gap = gap;
	if (pthread_create(thread, NULL, scanner_main, s) != 0)
		die("pthread_create", NULL);
}

static void
stop_scanner(struct scanner *s, pthread_t thread, const char *what, double target)
{
	__atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	tell_stall(s, what, target);
}

#define SWAPS 100

/* The worker scans with `set`; meanwhile nothing, then another thread compiles, then sets of the same size take turns:
 * each time all that the worker has for one is new to its caches. */
static void
bench_swap(struct bh_sensor_set *set, unsigned n)
{
	struct bh_sensor_set *both[2] = {set, make_set(n, 2, NULL)};
	static struct scanner s;
	pthread_t thread;
	uint64_t gap;
	unsigned i;

	s.w = make_worker(set);
	/* What it can do beside a thread that compiles: that may have the other half of its core. */
	start_scanner(&s, &thread, 0);
	bh_sensor_set_destroy(make_set(500, 4, NULL));
	__atomic_store_n(&s.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	gap = 2 * (uint64_t)quantile(&s, 500000);

	/* What the machine itself takes is seen here. */
	start_scanner(&s, &thread, gap);
	sleep(2);
	stop_scanner(&s, thread, "nothing", BENCH_NO_TARGET);

	start_scanner(&s, &thread, gap);
	bh_sensor_set_destroy(make_set(1000, 3, NULL));
	stop_scanner(&s, thread, "compiling 1,000 patterns", 20);

	start_scanner(&s, &thread, gap);
	for (i = 1; i <= SWAPS; i++) {
		while (bh_sensor_publish(s.w, both[i % 2], BH_SENSOR_RESET) != 0)
			usleep(1000);
		while (bh_sensor_reap(s.w, both[1 - i % 2]))
			usleep(1000);
		usleep(10000);
	}
	stop_scanner(&s, thread, "swapping", 20);
	bh_sensor_worker_destroy(s.w);
	bh_sensor_set_destroy(both[0]);
	bh_sensor_set_destroy(both[1]);
}

int
main(int argc, char **argv)
{
	bool quick = bench_quick();
	/* EAL knows the TSC's rate. It may reorder its arguments, so that they are variables. */
	static char name[] = "bench_sensor", no_huge[] = "--no-huge", no_shconf[] = "--no-shconf",
		    no_pci[] = "--no-pci", memory[] = "-m64", log_level[] = "--log-level=error";
	char *eal[] = {name, no_huge, no_shconf, no_pci, memory, log_level};
	static const size_t sizes[] = {64, 128, 256, 512, 1024, 1460};
	unsigned rounds = quick ? 21 : 101, n = quick ? 1000 : 10000, i;
	struct bh_sensor_set *set;
	struct bh_err err = {0};

	if (rte_eal_init((int)BH_ARRAY_SIZE(eal), eal) < 0)
		die("rte_eal_init", NULL);
	make_traffic();
	bench_machine("bench_sensor", hs_version());
	if (bh_sensor_engine_check(&err) != 0)
		printf("%s\n", err.what);
	if (argc > 1 && strcmp(argv[1], "swap") == 0) {
		n = argc > 2 ? (unsigned)atoi(argv[2]) : 10000;
		bench_heading("what a worker that scans feels of");
		bench_swap(make_set(n, 1, NULL), n);
		return 0;
	}
	bench_heading("feed, beside Hyperscan alone");
	set = make_set(1000, 3, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(sizes); i++)
		compare(set, "1,000 patterns", sizes[i], rounds);
	bench_heading("compressing idle streams, 1,000 patterns");
	bench_compress(set);
	bh_sensor_set_destroy(set);
	bench_heading("compiling");
	set = bench_compile(n);
	bench_heading("what a worker that scans feels of");
	bench_swap(set, n);
	return 0;
}
