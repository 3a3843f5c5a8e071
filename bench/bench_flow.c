/* What a flow costs: bulk look-up, insertion, removal, counting a packet, ageing, by number of
 * flows; side by side with DPDK's rte_hash (48-byte keys, CRC) in the same run, rounds
 * interleaved.
 *
 *     bench_flow                 10,000, 100,000 and 1,000,000 flows
 *     bench_flow N [N ...]       N flows, e.g. 10000000
 *
 * Keys are random; so is the order of look-ups, 32 at a time. Both tables lie in memory of the
 * same kind (huge pages where there are any): rte_hash gets an external heap on it. Two
 * comparisons. Bare look-up: ours has then also asked for both lines of the entry, rte_hash's
 * ends with a position in an array that its user has yet to load. Look-up and touch: the flow's
 * counters are written, in our entry or in such an array; the same work for both. Figures are TSC
 * cycles per key: the median of the rounds, and the lowest and highest in brackets. */
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>

#include <stdio.h>
#include <stdlib.h>

#include "../lib/flow/flow_hot.h"
#include "bench.h"

#define BURST 32
#define BURSTS 64 /* timed together: 2,048 keys of 48 bytes, which stay in L2 */
#define BATCH (BURST * BURSTS)
#define ROUNDS 31
#define HUGE_PAGE (UINT64_C(2) << 20)

enum row {
	ROW_HIT,
	ROW_MISS,
	ROW_TOUCH,
	ROW_INSERT,
	ROW_REMOVE,
	ROW_EVICT,
	ROW_REFUSE,
	ROW_AGE,
	ROWS
};

static const char *const row_name[ROWS] = {
	[ROW_HIT] = "look-up, hit",
	[ROW_MISS] = "look-up, miss",
	[ROW_TOUCH] = "look-up, hit, and touch",
	[ROW_INSERT] = "insert",
	[ROW_REMOVE] = "look-up and remove",
	[ROW_EVICT] = "insert, full: evict",
	[ROW_REFUSE] = "insert, full: refuse",
	[ROW_AGE] = "age, per entry",
};

struct bench {
	uint32_t n;
	struct bh_flow_table *ours;
	struct rte_hash *theirs;
	struct bh_flow *their_flow; /* by rte_hash's position */
	struct bh_parsed pkt[BATCH];
	const struct bh_flow_key *key[BATCH];
	uint64_t rng;
	double sample[2][ROWS][ROUNDS]; /* ours, theirs */
};

static void
die(const char *what)
{
	fprintf(stderr, "bench_flow: %s\n", what);
	exit(1);
}

static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Key number i: two random IPv4 addresses and ports, UDP. Computed, so that the keys of a million
 * flows take no cache from the tables. */
static void
make_key(struct bh_flow_key *key, uint32_t i)
{
	uint64_t a = mix(i), b = mix(~(uint64_t)i);

	memset(key, 0, sizeof(*key));
	key->addr[0].w[0] = (uint32_t)a;
	key->addr[1].w[0] = (uint32_t)(a >> 32);
	key->port[0] = (uint16_t)b;
	key->port[1] = (uint16_t)(b >> 16);
	key->proto = 17;
	key->family = BH_IP4;
	key->tenant = i; /* no two keys are equal */
}

/* A batch of keys: random ones of [base, base + n), or from `base` on in sequence. */
static void
make_batch(struct bench *b, uint32_t base, bool random)
{
	unsigned i;

	for (i = 0; i < BATCH; i++) {
		uint32_t k = random ? (uint32_t)((mix(b->rng++) >> 32) * b->n >> 32) : i;

		make_key(&b->pkt[i].key, base + k);
	}
}

/* ---- what is timed: each returns the keys found, or done ------------------------------------- */

/* As the gateway does it: the index line is asked for as soon as the hash is known. */
static inline void
our_burst(struct bench *b, unsigned at, struct bh_flow *f[BURST])
{
	uint64_t hash[BURST];
	unsigned i;

	for (i = 0; i < BURST; i++) {
		hash[i] = bh_flow_hash_hot(b->ours, b->key[at + i]);
		bh_flow_prefetch_hot(b->ours, hash[i]);
	}
	bh_flow_lookup_bulk(b->ours, &b->key[at], hash, BURST, f);
}

static unsigned
our_lookup(struct bench *b)
{
	struct bh_flow *f[BURST];
	unsigned at, i, found = 0;

	for (at = 0; at < BATCH; at += BURST) {
		our_burst(b, at, f);
		for (i = 0; i < BURST; i++)
			found += f[i] != NULL;
	}
	return found;
}

static unsigned
our_touch(struct bench *b)
{
	struct bh_flow *f[BURST];
	unsigned at, i;

	for (at = 0; at < BATCH; at += BURST) {
		our_burst(b, at, f);
		for (i = 0; i < BURST; i++)
			bh_flow_touch_hot(f[i], &b->pkt[at + i], 0);
	}
	return BATCH;
}

static unsigned
their_lookup(struct bench *b)
{
	int32_t pos[BURST];
	unsigned at, i, found = 0;

	for (at = 0; at < BATCH; at += BURST) {
		rte_hash_lookup_bulk(b->theirs, (const void **)&b->key[at], BURST, pos);
		for (i = 0; i < BURST; i++)
			found += pos[i] >= 0;
	}
	return found;
}

static unsigned
their_touch(struct bench *b)
{
	int32_t pos[BURST];
	unsigned at, i;

	for (at = 0; at < BATCH; at += BURST) {
		rte_hash_lookup_bulk(b->theirs, (const void **)&b->key[at], BURST, pos);
		for (i = 0; i < BURST; i++) {
			__builtin_prefetch(&b->their_flow[pos[i]]);
			__builtin_prefetch(&b->their_flow[pos[i]].start_ns);
		}
		for (i = 0; i < BURST; i++)
			bh_flow_touch_hot(&b->their_flow[pos[i]], &b->pkt[at + i], 0);
	}
	return BATCH;
}

static unsigned
our_insert(struct bench *b)
{
	unsigned i, done = 0;

	for (i = 0; i < BATCH; i++)
		done += bh_flow_insert(b->ours, b->key[i], bh_flow_hash_hot(b->ours, b->key[i]), 0,
				       1) != NULL;
	return done;
}

static unsigned
their_insert(struct bench *b)
{
	unsigned i, done = 0;

	for (i = 0; i < BATCH; i++)
		done += rte_hash_add_key(b->theirs, b->key[i]) >= 0;
	return done;
}

static unsigned
our_remove(struct bench *b)
{
	unsigned i;

	for (i = 0; i < BATCH; i++) {
		struct bh_flow *f =
			bh_flow_lookup(b->ours, b->key[i], bh_flow_hash_hot(b->ours, b->key[i]));

		bh_flow_remove(b->ours, f, BH_FLOW_END_TIMEOUT);
	}
	return BATCH;
}

static unsigned
their_remove(struct bench *b)
{
	unsigned i, done = 0;

	for (i = 0; i < BATCH; i++)
		done += rte_hash_del_key(b->theirs, b->key[i]) >= 0;
	return done;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static void
measure(struct bench *b, bool theirs, enum row row, unsigned round, unsigned (*fn)(struct bench *),
	unsigned expect)
{
	uint64_t start = rte_rdtsc(), end;
	unsigned got = fn(b);

	end = rte_rdtsc();
	if (got != expect)
		die("a look-up, an insertion or a removal went wrong: no figures");
	b->sample[theirs][row][round] = (double)(end - start) / BATCH;
}

static void
measure_both(struct bench *b, enum row row, unsigned round, unsigned (*ours)(struct bench *),
	     unsigned (*theirs)(struct bench *), unsigned expect)
{
	uint32_t base = row == ROW_MISS ? b->n : 0;

	make_batch(b, base, true);
	measure(b, round & 1, row, round, round & 1 ? theirs : ours, expect);
	make_batch(b, base, true);
	measure(b, !(round & 1), row, round, round & 1 ? ours : theirs, expect);
}

/* Churn in the full table: a run of keys out and in again. */
static void
measure_churn(struct bench *b, unsigned round)
{
	uint32_t base = (uint32_t)((mix(b->rng++) >> 32) * (b->n - BATCH) >> 32);

	make_batch(b, base, false);
	measure(b, false, ROW_REMOVE, round, our_remove, BATCH);
	measure(b, true, ROW_REMOVE, round, their_remove, BATCH);
	measure(b, false, ROW_INSERT, round, our_insert, BATCH);
	measure(b, true, ROW_INSERT, round, their_insert, BATCH);
}

/* Last, since they spoil the table: new flows when all entries are taken, by UDP flows without an
 * answer, then by established ones. */
static void
measure_full(struct bench *b)
{
	unsigned i, f;

	for (i = 0; i < ROUNDS; i++) {
		make_batch(b, b->n + i * BATCH, false);
		measure(b, false, ROW_EVICT, i, our_insert, BATCH);
	}
	for (f = 0; f < b->n; f++)
		b->ours->flow[f].state = BH_STATE_ESTABLISHED;
	for (i = 0; i < ROUNDS; i++) {
		make_batch(b, 2 * b->n + i * BATCH, false);
		measure(b, false, ROW_REFUSE, i, our_insert, 0);
	}
}

/* A slice a round, which together are a turn or more over the table. */
static void
measure_age(struct bench *b, unsigned round)
{
	uint32_t slice = b->n / ROUNDS + 1;
	uint64_t start = rte_rdtsc();

	if (bh_flow_age(b->ours, 0, slice) != 0)
		die("ageing ended a flow that was not idle: no figures");
	b->sample[0][ROW_AGE][round] = (double)(rte_rdtsc() - start) / slice;
}

static double
print_sample(double *s)
{
	qsort(s, ROUNDS, sizeof(*s), bench_compare);
	printf("  %7.1f [%5.0f..%6.0f]", s[ROUNDS / 2], s[0], s[ROUNDS - 1]);
	return s[ROUNDS / 2];
}

/* Of rounds in pairs, before they are sorted. */
static void
claim_lookup(const struct bench *b)
{
	double ratio[ROUNDS];
	unsigned i;

	for (i = 0; i < ROUNDS; i++)
		ratio[i] = b->sample[0][ROW_HIT][i] / b->sample[1][ROW_HIT][i];
	bench_claim(BENCH_FLOW_LOOKUP, bench_spread(ratio, ROUNDS));
}

static void
tell_points(const struct bench *b)
{
	double ours[ROUNDS], theirs[ROUNDS];

	memcpy(ours, b->sample[0][ROW_HIT], sizeof(ours));
	memcpy(theirs, b->sample[1][ROW_HIT], sizeof(theirs));
	bench_point("lookup", "Bulkhead", b->n, bench_spread(ours, ROUNDS));
	bench_point("lookup", "rte_hash", b->n, bench_spread(theirs, ROUNDS));
}

static void
print_rows(struct bench *b)
{
	unsigned row;

	printf("\n%u flows%*s  bulkhead               rte_hash               ratio\n", b->n,
	       b->n >= 1000000 ? 14 : 16, "");
	for (row = 0; row < ROWS; row++) {
		double ours, theirs;

		printf("  %-24s", row_name[row]);
		ours = print_sample(b->sample[0][row]);
		if (b->sample[1][row][0] > 0) {
			theirs = print_sample(b->sample[1][row]);
			printf("   %.2f", ours / theirs);
		}
		printf("\n");
	}
}

/* ---- tables ---------------------------------------------------------------------------------- */

struct heap {
	void *map;
	size_t size;
	enum bh_mem_backing backing;
	int socket;
};

/* Memory for rte_hash of the same kind as ours: a malloc heap over bh_mem_map. */
static void
create_heap(struct heap *h, uint32_t n)
{
	h->size = ((size_t)n * 192 + (16 << 20)) & ~(HUGE_PAGE - 1);
	h->map = bh_mem_map(h->size, true, &h->backing);
	if (h->map == NULL || rte_malloc_heap_create("flow") != 0 ||
	    rte_malloc_heap_memory_add("flow", h->map, h->size, NULL,
				       (unsigned)(h->size / HUGE_PAGE), HUGE_PAGE) != 0)
		die("no memory for rte_hash");
	h->socket = rte_malloc_heap_get_socket("flow");
}

static void
destroy_heap(struct heap *h)
{
	if (rte_malloc_heap_memory_remove("flow", h->map, h->size) != 0 ||
	    rte_malloc_heap_destroy("flow") != 0)
		die("rte_hash's memory is still in use");
	bh_mem_unmap(h->map, h->size);
}

static size_t
their_flows_size(uint32_t n)
{
	return ((size_t)n + 1) * sizeof(struct bh_flow);
}

static void
create_tables(struct bench *b, const struct heap *heap)
{
	struct rte_hash_parameters hp = {
		.name = "bench",
		.entries = b->n,
		.key_len = sizeof(struct bh_flow_key),
		.hash_func = rte_hash_crc,
		.socket_id = heap->socket,
	};
	struct bh_flow_table_params fp;
	struct bh_flow_key key;
	uint32_t i;

	bh_flow_table_params_default(&fp);
	fp.capacity = b->n;
	if (bh_hash_key_random(&fp.hash_key) != 0 || bh_flow_table_create(&b->ours, &fp) != 0)
		die("no memory for the flow table");
	b->theirs = rte_hash_create(&hp);
	b->their_flow = bh_mem_map(their_flows_size(b->n), true, NULL);
	if (b->theirs == NULL || b->their_flow == NULL)
		die("no memory for rte_hash");
	for (i = 0; i < b->n; i++) {
		make_key(&key, i);
		if (bh_flow_insert(b->ours, &key, bh_flow_hash(b->ours, &key), 0, 1) == NULL)
			die("flow table full before its capacity");
		if (rte_hash_add_key(b->theirs, &key) < 0)
			die("rte_hash full before its capacity");
	}
}

static void
run(uint32_t n)
{
	static const char *const backing_name[] = {"explicit huge pages", "transparent huge pages",
						   "4 KiB pages"};
	struct rte_malloc_socket_stats stats;
	struct bench *b = calloc(1, sizeof(*b));
	struct heap heap;
	unsigned i;
	double ours;

	if (b == NULL)
		die("out of memory");
	b->n = n;
	for (i = 0; i < BATCH; i++) {
		b->key[i] = &b->pkt[i].key;
		b->pkt[i].l3_len = 64;
	}
	create_heap(&heap, n);
	create_tables(b, &heap);
	for (i = 0; i < ROUNDS; i++) {
		measure_both(b, ROW_HIT, i, our_lookup, their_lookup, BATCH);
		measure_both(b, ROW_MISS, i, our_lookup, their_lookup, 0);
		measure_churn(b, i);
		measure_both(b, ROW_TOUCH, i, our_touch, their_touch, BATCH);
		measure_age(b, i);
	}
	measure_full(b);
	if (n == 1000000)
		claim_lookup(b);
	tell_points(b);
	print_rows(b);
	rte_malloc_get_socket_stats(heap.socket, &stats);
	ours = ((double)b->ours->capacity * sizeof(struct bh_flow) +
		(b->ours->bucket_mask + 1.0) * sizeof(struct bh_flow_bucket)) /
	       n;
	printf("  bytes per flow: %.1f (rte_hash, key and position only: %.1f); memory in %s\n",
	       ours, (double)stats.heap_allocsz_bytes / n, backing_name[heap.backing]);
	rte_hash_free(b->theirs);
	bh_mem_unmap(b->their_flow, their_flows_size(n));
	bh_flow_table_destroy(b->ours);
	destroy_heap(&heap);
	free(b);
}

int
main(int argc, char **argv)
{
	/* EAL may reorder its arguments, so that they are variables. */
	static char name[] = "bench_flow", no_huge[] = "--no-huge", no_shconf[] = "--no-shconf";
	static char no_pci[] = "--no-pci", memory[] = "-m64", log_level[] = "--log-level=error";
	char *eal[] = {name, no_huge, no_shconf, no_pci, memory, log_level};
	int i;

	if (rte_eal_init((int)BH_ARRAY_SIZE(eal), eal) < 0)
		die("rte_eal_init failed");
	printf("cycles per key, bursts of %u; median [lowest..highest] of %u rounds; TSC %.0f "
	       "MHz\n",
	       BURST, ROUNDS, (double)rte_get_tsc_hz() / 1e6);
	for (i = 1; i < argc; i++)
		run((uint32_t)strtoul(argv[i], NULL, 10));
	if (argc == 1) {
		run(10000);
		run(100000);
		run(1000000);
	}
	rte_eal_cleanup();
	return 0;
}
