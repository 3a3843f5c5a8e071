/* Runs of connections, as RFC 9411 7 has them: ramp up, sustain, ramp down; the least, mean and most of each second of the
 * middle. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "gen.h"

/* RFC 9411 7.2.3.4 and its like: less than 0.001 % of all may fail. */
#define FAILED_SHARE 0.00001

enum { OPENED, TRANSACTIONS, GOODPUT, ACTIVE, FIGURES };
static const char *const figure[FIGURES] = {"connections_per_second", "transactions_per_second",
					    "gbit_per_second", "concurrent_connections"};

struct span {
	double min, max, sum;
	unsigned n;
};

struct run {
	uint32_t kib;
	double seconds; /* measured */
	struct span span[FIGURES];
	struct bh_gen_tcp_counts at_begin, at_end; /* of what was measured, clients' */
	struct bh_gen_tcp_counts client, server;   /* of all */
	struct bh_gen_hist *latency[BH_GEN_LATENCIES];
};

static void
add(struct span *s, double v)
{
	s->min = s->n == 0 || v < s->min ? v : s->min;
	s->max = s->n == 0 || v > s->max ? v : s->max;
	s->sum += v;
	s->n++;
}

/* A side's counts: workers write, a late value is fine. */
static struct bh_gen_tcp_counts
sum(const struct gen *g, unsigned side)
{
	struct bh_gen_tcp_counts all = {0};
	uint64_t *to = (uint64_t *)(void *)&all;
	unsigned i, k;

	for (i = 0; i < g->n_ends; i++) {
		const uint64_t *from;

		if (g->end[i]->side != side)
			continue;
		from = (const uint64_t *)(const void *)bh_gen_tcp_counts(g->end[i]->tcp);
		for (k = 0; k < sizeof(all) / sizeof(*to); k++)
			to[k] += __atomic_load_n(&from[k], __ATOMIC_RELAXED);
	}
	return all;
}

static uint64_t
failed(const struct bh_gen_tcp_counts *c)
{
	return c->reset + c->timed_out + c->mismatched;
}

static void
set_phase(struct gen *g, unsigned phase)
{
	__atomic_store_n(&g->phase, phase, __ATOMIC_RELEASE);
}

static int
begin(struct gen *g, struct gen_worker *w, uint32_t kib, struct bh_err *err)
{
	unsigned i, clients = 0;

	g->begin = rte_get_tsc_cycles();
	for (i = 0; i < g->n_ends; i++)
		clients += g->end[i]->side == BH_GEN_CLIENT;
	for (i = 0; i < g->n_ends; i++) {
		bh_gen_tcp_forget(g->end[i]->tcp);
		bh_gen_tcp_clear(g->end[i]->tcp);
		*bh_gen_tcp_load(g->end[i]->tcp) = (struct bh_gen_load){
			.per_tick = clients != 0 ? g->o.pps / clients / g->hz : 0,
			.begin = g->begin,
			.transactions = (uint32_t)g->o.transactions,
			.kib = kib,
			.think_ms = (uint32_t)(g->o.think * 1000),
			.reset = g->o.close != 0,
		};
	}
	set_phase(g, GEN_SEND);
	for (i = 0; i < g->n_workers; i++) {
		w[i] = (struct gen_worker){g, i};
		if (rte_eal_remote_launch(gen_connect_run, &w[i], i + 1) != 0)
			return bh_err_set(err, EIO, "worker %u does not start", i);
	}
	return 0;
}

static double
now(const struct gen *g)
{
	return (double)rte_get_tsc_cycles() / g->hz;
}

static void
wait_until(const struct gen *g, double at)
{
	while (!gen_stopped && now(g) < at)
		usleep(1000);
}

/* A second at a time, or a tenth of all where that is less. */
static void
measure(struct gen *g, struct run *r)
{
	const double step = g->o.seconds >= 10 ? 1 : g->o.seconds / 10;
	struct bh_gen_tcp_counts before = sum(g, BH_GEN_CLIENT), after;
	double start = now(g), last = start, at;

	r->at_begin = before;
	set_phase(g, GEN_MEASURE);
	while (!gen_stopped && last - start < g->o.seconds - step / 2) {
		wait_until(g, last + step);
		at = now(g);
		after = sum(g, BH_GEN_CLIENT);
		if (at - last > step / 4) {
			add(&r->span[OPENED],
			    (double)(after.established - before.established) / (at - last));
			add(&r->span[TRANSACTIONS],
			    (double)(after.transactions - before.transactions) / (at - last));
			add(&r->span[GOODPUT],
			    (double)(after.bytes - before.bytes) * 8 / 1e9 / (at - last));
			add(&r->span[ACTIVE], (double)after.active);
		}
		before = after;
		last = at;
	}
	r->at_end = before;
	r->seconds = last - start;
}

/* Connections end what they are at, and close. */
static void
end(struct gen *g)
{
	const double until = now(g) + g->o.drain;
	struct bh_gen_tcp_counts c;

	set_phase(g, GEN_DRAIN);
	do {
		usleep(1000);
		c = sum(g, BH_GEN_CLIENT);
	} while (now(g) < until && c.closed + failed(&c) < c.opened);
}

static int
run_one(struct gen *g, struct run *r, struct bh_err *err)
{
	struct gen_worker w[BH_MAX_WORKERS];
	unsigned i, k;
	int rc = begin(g, w, r->kib, err);

	if (rc == 0) {
		wait_until(g, now(g) + g->o.ramp);
		measure(g, r);
		end(g);
	}
	set_phase(g, GEN_STOP);
	rte_eal_mp_wait_lcore();
	if (rc < 0)
		return rc;
	r->client = sum(g, BH_GEN_CLIENT);
	r->server = sum(g, BH_GEN_SERVER);
	for (k = 0; k < BH_GEN_LATENCIES; k++) {
		r->latency[k] = calloc(1, sizeof(*r->latency[k]));
		if (r->latency[k] == NULL)
			return bh_err_set(err, ENOMEM, "no memory");
		for (i = 0; i < g->n_ends; i++)
			bh_gen_hist_merge(r->latency[k], bh_gen_tcp_hist(g->end[i]->tcp, true, k));
	}
	return 0;
}

static json_t *
span_json(const struct span *s)
{
	return json_pack("{s:f, s:f, s:f}", "min", s->min, "avg", s->n != 0 ? s->sum / s->n : 0.0,
			 "max", s->max);
}

static json_t *
counts_json(const struct bh_gen_tcp_counts *c)
{
	json_t *o = json_object();

#define COUNT(field) json_object_set_new(o, #field, json_integer((json_int_t)c->field))
	COUNT(opened);
	COUNT(established);
	COUNT(closed);
	COUNT(transactions);
	COUNT(bytes);
	COUNT(reset);
	COUNT(timed_out);
	COUNT(mismatched);
	COUNT(refused_full);
	COUNT(resent);
	COUNT(out_of_order);
	COUNT(strays);
	COUNT(corrupt);
#undef COUNT
	return o;
}

static void
print(struct gen *g, const struct run *r, double share)
{
	unsigned i;

	fprintf(g->table, "%-6u", r->kib);
	for (i = 0; i < FIGURES; i++)
		fprintf(g->table, i == GOODPUT ? " %11.3f" : " %11.0f",
			r->span[i].n != 0 ? r->span[i].sum / r->span[i].n : 0);
	fprintf(g->table, " %9.4f%%", share * 100);
	for (i = 0; i < BH_GEN_LATENCIES; i++)
		fprintf(g->table, " %9.0f %9.0f",
			(double)bh_gen_hist_percentile(r->latency[i], 0.5) / g->hz * 1e6,
			(double)bh_gen_hist_percentile(r->latency[i], 0.99) / g->hz * 1e6);
	fputc('\n', g->table);
	fflush(g->table);
}

static void
report(struct gen *g, const struct run *r)
{
	static const char *const latency[BH_GEN_LATENCIES] = {"connect_ns", "first_byte_ns",
							      "last_byte_ns"};
	const uint64_t bad = failed(&r->client), good = r->client.transactions;
	const double share = bad + good != 0 ? (double)bad / (double)(bad + good) : 0;
	json_t *o = json_pack("{s:i, s:f, s:b, s:f}", "kib", (int)r->kib, "seconds", r->seconds,
			      "passed", good > 0 && share < FAILED_SHARE, "failed_share", share);
	unsigned i;

	for (i = 0; i < FIGURES; i++)
		json_object_set_new(o, figure[i], span_json(&r->span[i]));
	for (i = 0; i < BH_GEN_LATENCIES; i++)
		json_object_set_new(o, latency[i], gen_percentiles(g, r->latency[i]));
	json_object_set_new(o, "measured_transactions",
			    json_integer((json_int_t)(r->at_end.transactions -
						      r->at_begin.transactions)));
	json_object_set_new(o, "client", counts_json(&r->client));
	if (g->o.has[BH_GEN_SERVER])
		json_object_set_new(o, "server", counts_json(&r->server));
	json_array_append_new(g->results, o);
	print(g, r, share);
}

int
gen_run_connections(struct gen *g, struct bh_err *err)
{
	unsigned i, k;
	int rc = 0;

	fprintf(g->table, "%-6s %11s %11s %11s %11s %10s %19s %19s %19s\n", "", "", "", "", "", "",
		"connect us", "first byte us", "last byte us");
	fprintf(g->table, "%-6s %11s %11s %11s %11s %10s %9s %9s %9s %9s %9s %9s\n", "KiB",
		"opened/s", "transact/s", "Gbit/s", "open", "failed", "p50", "p99", "p50", "p99",
		"p50", "p99");
	for (i = 0; rc == 0 && i < g->o.n_sizes && !gen_stopped; i++) {
		struct run r = {.kib = (uint32_t)g->o.kib[i]};

		rc = run_one(g, &r, err);
		if (rc == 0)
			report(g, &r);
		for (k = 0; k < BH_GEN_LATENCIES; k++)
			free(r.latency[k]);
	}
	return rc;
}
