/* What policy costs: reading and compiling a document, memory, a judgement by number of rules and of
 * segments that an end is in, and changes of endpoints while they are in force.
 *
 *     bench_policy          QUICK=1: without the million endpoints
 *
 * A document has rules between segments picked at random, most with one port; endpoints carry labels for
 * their application, environment and zone, and share them as replicas do. Judgements are of random
 * pairs out of 10,000 endpoints: nothing but the policy is in the cache. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>

#include "../lib/policy/policy.h"
#include "bench.h"

#define FLOWS 4096
#define MIB (1024.0 * 1024.0)

static const struct bh_view *current;

static void
publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	current = view;
}

static void
die(const char *what, const struct bh_err *err)
{
	char text[1024] = "";

	if (err != NULL)
		bh_err_format(err, text, sizeof(text));
	fprintf(stderr, "bench_policy: %s: %s\n", what, text);
	exit(1);
}

static struct bh_policy *
make(uint32_t max_endpoints)
{
	struct bh_policy_params params = {.max_endpoints = max_endpoints,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish};
	struct bh_policy *p = NULL;

	if (bh_hash_key_random(&params.hash_key) != 0 || bh_policy_create(&p, &params) != 0)
		die("no policy", NULL);
	return p;
}

/* Bytes of memory that this process holds. */
static double
resident(void)
{
	unsigned long size, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	malloc_trim(0);
	if (f == NULL || fscanf(f, "%lu %lu", &size, &pages) != 2)
		die("/proc/self/statm", NULL);
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

struct size {
	unsigned rules, segments, endpoints;
	bool broad; /* endpoints are in segments by environment, zone and team, too */
	bool apps;  /* two of three rules name an application, every sixth its operations */
	bool modes; /* each second segment names one, and some are in zones, one with cardholder data */
};

/* A variable: adjacent literals in a list look like a forgotten comma. */
static const char orders_rule[] =
	"applications: [{postgresql: {verbs: [select, insert], tables: [orders, order_*]}}], ";

/* What is said while it is judged: nothing yet, an application, one of its operations. */
enum { SAID_NOTHING, SAID_APP, SAID_OPERATION };

static void
write_document(struct bh_buf *b, const struct size *s)
{
	static const char *const said[] = {"applications: redis, ",
					   "applications: [http, tls], ",
					   "",
					   orders_rule,
					   "applications: [mysql, kafka], ",
					   ""};
	static const char *const modes[] = {", mode: discover", ", mode: monitor",
					    ", mode: protect"};
	unsigned i;

	srand(1);
	bh_buf_printf(b, "version: 1\n%sendpoints:\n",
		      s->modes ? "modes: {default: monitor, contention: strict}\n"
				 "zones: {card: {segments: [s1, s2], cde: true}, shop: {segments: "
				 "[s5, s6]}}\n"
			       : "");
	for (i = 0; i < s->endpoints; i++)
		bh_buf_printf(b,
			      "- {address: 10.%u.%u.%u, labels: {app: a%u, env: e%u, zone: z%u}}\n",
			      i >> 16, i >> 8 & 255, i & 255, i % s->segments, i % 5, i % 7);
	bh_buf_str(b, "segments:\n");
	for (i = 0; i < s->segments; i++)
		bh_buf_printf(b, "  s%u: {selector: app=a%u%s}\n", i, i,
			      s->modes && i % 2 != 0 ? modes[i / 2 % 3] : "");
	for (i = 0; s->broad && i < 5; i++)
		bh_buf_printf(b,
			      "  env%u: {selector: env=e%u}\n  zone%u: {selector: zone=z%u}\n"
			      "  not%u: {selector: env!=e%u}\n",
			      i, i, i, i, i, i);
	bh_buf_str(b, "rules:\n");
	for (i = 0; i < s->rules; i++) {
		const char *apps = s->modes  ? "owner: team, reason: bench, expires: 2199-01-01, "
				   : s->apps ? said[i % 6]
					     : "";

		if (s->broad && i % 10 == 0)
			bh_buf_printf(b,
				      "- {from: env%u, to: s%u, ports: tcp/%u, %saction: allow}\n",
				      (unsigned)rand() % 5, (unsigned)rand() % s->segments,
				      1 + (unsigned)rand() % 1000, apps);
		else
			bh_buf_printf(b, "- {from: s%u, to: s%u, ports: tcp/%u, %saction: allow}\n",
				      (unsigned)rand() % s->segments,
				      (unsigned)rand() % s->segments, 1 + (unsigned)rand() % 1000,
				      apps);
	}
}

/* ---- load ------------------------------------------------------------------------------------------- */

static void
bench_load_document(const struct size *s, double target_ms, double target_mib)
{
	struct bh_policy *p = make(1 << 20);
	struct bh_policy_counts counts;
	struct bh_buf text = {0};
	struct bh_err err = {0};
	double before, ms, v[5], w[5];
	char claim[128];
	uint64_t start;
	unsigned i;

	write_document(&text, s);
	before = resident();
	for (i = 0; i < 5; i++) {
		start = bh_clock_system.mono_ns(NULL);
		if (bh_policy_load_text(p, "bench", text.data, text.len, false, NULL, &err) != 0)
			die("load", &err);
		ms = (double)(bh_clock_system.mono_ns(NULL) - start) / 1e6;
		bh_policy_counts(p, &counts);
		v[i] = (double)counts.compile_ns / 1e6;
		w[i] = ms - v[i];
	}
	snprintf(claim, sizeof(claim), "compile %u rules%s, %u segments, %u endpoints", s->rules,
		 s->apps    ? " with applications"
		 : s->modes ? " with modes and zones"
			    : "",
		 s->segments, s->endpoints);
	bench_row(claim, "ms", bench_spread(v, 5), target_ms);
	snprintf(claim, sizeof(claim), "  read that document (%.1f MiB) and publish it",
		 (double)text.len / MIB);
	bench_row(claim, "ms", bench_spread(w, 5), BENCH_NO_TARGET);
	bench_row("  compiled", "MiB", bench_one((double)counts.bytes / MIB), BENCH_NO_TARGET);
	bench_row("  process grew by", "MiB", bench_one((resident() - before) / MIB), target_mib);
	bh_policy_destroy(p);
	bh_buf_free(&text);
}

/* ---- judge ------------------------------------------------------------------------------------------ */

static void
random_keys(struct bh_flow_key *key, uint16_t *service, unsigned endpoints)
{
	unsigned i, end, host;

	for (i = 0; i < FLOWS; i++) {
		key[i] = (struct bh_flow_key){.family = BH_IP4, .proto = 6};
		for (end = 0; end < 2; end++) {
			host = (unsigned)rand() % endpoints;
			key[i].addr[end].b[0] = 10;
			key[i].addr[end].b[1] = (uint8_t)(host >> 16);
			key[i].addr[end].b[2] = (uint8_t)(host >> 8);
			key[i].addr[end].b[3] = (uint8_t)host;
		}
		service[i] = (uint16_t)(1 + rand() % 1000);
	}
}

/* One judgement of rules between two segments, in the cache: three name applications, one lists operations. */
static void
bench_said(unsigned said_what, const char *what, unsigned rounds)
{
	static const char rules[] =
		"version: 1\n"
		"segments: {a: {addresses: [10.0.0.0/9]}, b: {addresses: [10.128.0.0/9]}}\n"
		"rules:\n"
		"- {from: a, to: b, applications: [redis, tls], action: allow}\n"
		"- {from: a, to: b, applications: [{http: {methods: [GET, HEAD], paths: [/health, "
		"/static/*, \"~^/api/v[0-9]+/(orders|carts)/[0-9]+$\"]}}], action: allow}\n"
		"- {from: any, to: b, applications: [ssh, unknown], action: deny}\n"
		"- {from: any, to: any, action: reject}\n";
	struct bh_flow_key key = {.family = BH_IP4,
				  .proto = 6,
				  .addr = {{.b = {10}}, {.b = {10, 128}}}};
	struct bh_proto_state state = {.app = BH_APP_HTTP, .decided = 1};
	struct bh_op op = {.app = BH_APP_HTTP};
	struct bh_said said = {.app = &state, .op = said_what == SAID_OPERATION ? &op : NULL};
	struct bh_policy *p = make(16);
	struct bh_judgement j;
	struct bh_err err = {0};
	double v[64];
	uint64_t start;
	unsigned round, i;

	bh_op_add(&op, BH_OP_HTTP_METHOD, "GET", 3);
	bh_op_add(&op, BH_OP_HTTP_PATH, "/api/v2/orders/123456", 21);
	if (bh_policy_scratch_create(&said.scratch) != 0 ||
	    bh_policy_load_text(p, "bench", rules, sizeof(rules) - 1, false, NULL, &err) != 0)
		die("load", &err);
	for (round = 0; round < rounds; round++) {
		start = rte_rdtsc();
		for (i = 0; i < FLOWS; i++)
			bh_policy_judge(current, &key, 0, 80,
					said_what != SAID_NOTHING ? &said : NULL, &j);
		v[round] = (double)(rte_rdtsc() - start) / FLOWS;
		if ((j.verdict == BH_VERDICT_PENDING) != (said_what == SAID_NOTHING) ||
		    j.by_operation != (said_what == SAID_APP))
			die("another judgement than expected", NULL);
	}
	bench_row(what, "cycles", bench_spread(v, rounds), BENCH_NO_TARGET);
	bh_policy_scratch_destroy(said.scratch);
	bh_policy_destroy(p);
}

static void
bench_judge(const struct size *s, const char *what, unsigned rounds)
{
	static struct bh_flow_key key[FLOWS];
	static uint16_t service[FLOWS];
	struct bh_policy *p = make(1 << 20);
	struct bh_judgement j;
	struct bh_buf text = {0};
	struct bh_err err = {0};
	double v[64];
	char claim[128];
	uint64_t start;
	unsigned round, i;

	write_document(&text, s);
	if (bh_policy_load_text(p, "bench", text.data, text.len, false, NULL, &err) != 0)
		die("load", &err);
	for (round = 0; round < rounds; round++) {
		random_keys(key, service, s->endpoints);
		start = rte_rdtsc();
		for (i = 0; i < FLOWS; i++)
			bh_policy_judge(current, &key[i], i & 1, service[i], NULL, &j);
		v[round] = (double)(rte_rdtsc() - start) / FLOWS;
	}
	snprintf(claim, sizeof(claim), "judge, %u rules, %s", s->rules, what);
	bench_row(claim, "cycles", bench_spread(v, rounds), BENCH_NO_TARGET);
	bh_policy_destroy(p);
	bh_buf_free(&text);
}

/* ---- changes ---------------------------------------------------------------------------------------- */

/* Endpoint i with labels of its own name, or those of its application only. */
static void
fill_change(struct bh_endpoint_change *c, struct bh_label labels[4], char text[3][24], unsigned i,
	    bool unique)
{
	snprintf(text[0], sizeof(text[0]), "a%u", i % 10000);
	snprintf(text[1], sizeof(text[1]), "e%u", i / 10000 % 5);
	snprintf(text[2], sizeof(text[2]), "pod-%u", i);
	labels[0] = (struct bh_label){"app", text[0]};
	labels[1] = (struct bh_label){"env", text[1]};
	labels[2] = (struct bh_label){"zone", "z1"};
	labels[3] = (struct bh_label){"pod", text[2]};
	*c = (struct bh_endpoint_change){.op = BH_ENDPOINT_PUT,
					 .endpoint = {.prefix = {.addr = {10, (uint8_t)(i >> 16),
									  (uint8_t)(i >> 8),
									  (uint8_t)i},
								 .family = 4,
								 .len = 32},
						      .labels = labels,
						      .n_labels = unique ? 4 : 3}};
}

enum kind { RELABEL, REPLACE, KINDS };

/* Microseconds a change, one call each. */
static double
time_changes(struct bh_policy *p, enum kind kind, unsigned n)
{
	struct bh_endpoint_change c;
	struct bh_label labels[4];
	char text[3][24];
	struct bh_err err = {0};
	uint64_t start = bh_clock_system.mono_ns(NULL);
	unsigned i, host;

	for (i = 0; i < n; i++) {
		host = (unsigned)rand() % 100000;
		fill_change(&c, labels, text, host, true);
		if (kind == REPLACE) {
			c.op = BH_ENDPOINT_DELETE;
			if (bh_policy_endpoints_apply(p, &c, 1, NULL, &err) != 0)
				die("delete", &err);
			c.op = BH_ENDPOINT_PUT;
		} else {
			snprintf(text[0], sizeof(text[0]), "a%u", (unsigned)rand() % 10000);
			snprintf(text[2], sizeof(text[2]), "pod-%u", (unsigned)rand());
		}
		if (bh_policy_endpoints_apply(p, &c, 1, NULL, &err) != 0)
			die("put", &err);
	}
	return (double)(bh_clock_system.mono_ns(NULL) - start) / 1e3 / n /
	       (kind == REPLACE ? 2 : 1);
}

static void
bench_changes(const struct size *s, unsigned rounds)
{
	static const char *const names[KINDS] = {
		"change an endpoint's labels, a label set of its own",
		"delete an endpoint, or put it back"};
	struct bh_policy *p = make(1 << 20);
	struct bh_buf text = {0};
	struct bh_err err = {0};
	double v[64];
	unsigned kind, round;

	write_document(&text, s);
	if (bh_policy_load_text(p, "bench", text.data, text.len, false, NULL, &err) != 0)
		die("load", &err);
	for (kind = 0; kind < KINDS; kind++) {
		for (round = 0; round < rounds; round++)
			v[round] = time_changes(p, (enum kind)kind, 5000);
		/* 10,000 a second are 100 us each. */
		bench_row(names[kind], "us", bench_spread(v, rounds), 100);
	}
	bh_policy_destroy(p);
	bh_buf_free(&text);
}

/* 10,000 changes a second for a while, each at its time: how long after that the next judgement gives the new answer. */
static void
bench_sustained(const struct size *s, unsigned seconds)
{
	enum { RATE = 10000 };
	struct bh_policy *p = make(1 << 20);
	uint64_t start, due, now, worst = 0, late = 0;
	struct bh_endpoint_change c;
	struct bh_label labels[4];
	char text[3][24];
	struct bh_buf doc = {0};
	struct bh_err err = {0};
	unsigned i, n = seconds * RATE;

	write_document(&doc, s);
	if (bh_policy_load_text(p, "bench", doc.data, doc.len, false, NULL, &err) != 0)
		die("load", &err);
	start = bh_clock_system.mono_ns(NULL);
	for (i = 0; i < n; i++) {
		due = start + (uint64_t)i * (BH_NS_PER_SEC / RATE);
		while ((now = bh_clock_system.mono_ns(NULL)) < due)
			;
		fill_change(&c, labels, text, (unsigned)rand() % 100000, true);
		snprintf(text[0], sizeof(text[0]), "a%u", (unsigned)rand() % 10000);
		snprintf(text[2], sizeof(text[2]), "pod-%u", (unsigned)rand());
		if (bh_policy_endpoints_apply(p, &c, 1, NULL, &err) != 0)
			die("put", &err);
		now = bh_clock_system.mono_ns(NULL) - due;
		worst = now > worst ? now : worst;
		late += now > 10 * BH_NS_PER_MS;
	}
	now = bh_clock_system.mono_ns(NULL) - start;
	bench_row("10,000 endpoint changes a second: not kept up with", "%",
		  bench_one(100.0 - 100.0 * seconds * 1e9 / (double)now), 1);
	bench_row("  the latest after its time", "ms", bench_one((double)worst / 1e6), 10);
	bench_row("  in force later than 10 ms after its time", "%",
		  bench_one(100.0 * (double)late / n), BENCH_NO_TARGET);
	bh_policy_destroy(p);
	bh_buf_free(&doc);
}

static void
bench_million(bool unique)
{
	enum { BATCH = 1000, N = 1000000 };
	static struct bh_endpoint_change c[BATCH];
	static struct bh_label labels[BATCH][4];
	static char text[BATCH][3][24];
	struct bh_policy *p = make(N);
	struct bh_err err = {0};
	double before = resident();
	unsigned i, k;

	if (bh_policy_load_text(p, "bench", "version: 1\n", 11, false, NULL, &err) != 0)
		die("load", &err);
	for (i = 0; i < N; i += BATCH) {
		for (k = 0; k < BATCH; k++)
			fill_change(&c[k], labels[k], text[k], i + k, unique);
		if (bh_policy_endpoints_apply(p, c, BATCH, NULL, &err) != 0)
			die("put", &err);
	}
	bench_row(unique ? "1,000,000 endpoints, each with a label of its own"
			 : "1,000,000 endpoints, 50,000 sets of labels",
		  "MiB", bench_one((resident() - before) / MIB), 200e6 / MIB);
	bh_policy_destroy(p);
}

int
main(void)
{
	static const struct size sizes[] = {{10, 10, 10000, false, false, false},
					    {1000, 1000, 10000, false, false, false},
					    {100000, 10000, 10000, false, false, false},
					    {1000, 1000, 10000, true, false, false},
					    {1000, 1000, 10000, true, false, true},
					    {100000, 10000, 10000, true, false, false},
					    {100000, 10000, 10000, true, true, false}},
				 big = {100000, 10000, 100000, false, false, false},
				 big_apps = {100000, 10000, 100000, false, true, false},
				 big_modes = {100000, 10000, 100000, false, false, true};
	bool quick = bench_quick();
	/* EAL knows the TSC's rate. It may reorder its arguments, so that they are variables. */
	static char name[] = "bench_policy", no_huge[] = "--no-huge", no_shconf[] = "--no-shconf",
		    no_pci[] = "--no-pci", memory[] = "-m64", log_level[] = "--log-level=error";
	char *eal[] = {name, no_huge, no_shconf, no_pci, memory, log_level};
	unsigned i, rounds = quick ? 9 : 31;

	if (rte_eal_init((int)BH_ARRAY_SIZE(eal), eal) < 0)
		die("rte_eal_init", NULL);
	bench_machine("bench_policy", "heap");
	bench_heading("load");
	bench_load_document(&(struct size){1000, 1000, 10000, false, false, false}, BENCH_NO_TARGET,
			    BENCH_NO_TARGET);
	bench_load_document(&big, 1000, 1024);
	bench_load_document(&big_apps, 1000, 1024);
	bench_load_document(&big_modes, 1000, 1024);
	bench_heading("judge 10,000 endpoints");
	for (i = 0; i < BH_ARRAY_SIZE(sizes); i++)
		bench_judge(&sizes[i],
			    sizes[i].apps    ? "7 segments an end, applications"
			    : sizes[i].modes ? "7 segments an end, modes and zones"
			    : sizes[i].broad ? "7 segments an end"
					     : "1 segment an end",
			    rounds);
	bench_heading("judge what is said");
	bench_said(SAID_NOTHING, "4 rules, nothing said yet", rounds);
	bench_said(SAID_APP, "4 rules, http is proven", rounds);
	bench_said(SAID_OPERATION, "4 rules, a request that fits a regular expression", rounds);
	bench_heading("change 100,000 endpoints under 100,000 rules");
	bench_changes(&big, rounds);
	bench_sustained(&big_modes, quick ? 3 : 20);
	bench_heading("memory");
	bench_million(false);
	if (!quick)
		bench_million(true);
	return 0;
}
