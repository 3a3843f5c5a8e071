/* One trial: workers are launched, send for a while, wait for what is late, and end. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "gen.h"

static void
reset(struct gen_end *e, const struct gen_trial *t)
{
	const struct gen *g = e->g;
	unsigned senders = 0, i;

	for (i = 0; i < g->n_ends; i++)
		senders += g->end[i]->sends && g->end[i]->side == e->side;
	memset(&e->counts, 0, sizeof(e->counts));
	memset(&e->latency, 0, sizeof(e->latency));
	e->built = 0;
	e->pick.pattern = t->prime ? BH_GEN_SEQUENTIAL : g->o.order;
	e->pick.at = 0;
	e->pick.rng.s = g->o.seed + (uint64_t)e->side * GEN_ENDS + e->queue;
	e->pick.zipf = &g->zipf;
	e->per_tick = senders != 0 ? t->pps / senders / g->hz : 0;
	e->limit = t->limit != 0 ? (t->limit + senders - 1) / RTE_MAX(senders, 1u) : 0;
	if (t->prime)
		e->limit = e->pick.n;
	if (e->sequence != NULL)
		memset(e->sequence, 0, e->pick.n * sizeof(*e->sequence));
	if (e->track != NULL)
		memset(e->track, 0, g->o.flows * sizeof(*e->track));
}

static int
launch(struct gen *g, struct gen_worker *w, struct bh_err *err)
{
	unsigned i;

	g->begin = rte_get_tsc_cycles();
	g->n_draining = 0;
	__atomic_store_n(&g->phase, GEN_SEND, __ATOMIC_RELEASE);
	for (i = 0; i < g->n_workers; i++) {
		w[i] = (struct gen_worker){g, i};
		if (rte_eal_remote_launch(gen_worker_run, &w[i], i + 1) != 0)
			return bh_err_set(err, EIO, "worker %u does not start", i);
	}
	return 0;
}

static uint64_t
total(const struct gen *g, size_t field)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < g->n_ends; i++) {
		const uint8_t *c = (const uint8_t *)&g->end[i]->counts;

		if (field != offsetof(struct gen_counts, received) || g->end[i]->judges)
			sum += __atomic_load_n((const uint64_t *)(const void *)(c + field),
					       __ATOMIC_ACQUIRE);
	}
	return sum;
}

/* All frames that the limits allow are out. */
static bool
all_sent(const struct gen *g)
{
	unsigned i;

	for (i = 0; i < g->n_ends; i++) {
		const struct gen_end *e = g->end[i];

		if (e->sends && (e->limit == 0 ||
				 __atomic_load_n(&e->counts.sent, __ATOMIC_ACQUIRE) < e->limit))
			return false;
	}
	return true;
}

static void
send_phase(struct gen *g, struct gen_trial *t)
{
	const uint64_t end = g->begin + (uint64_t)(t->seconds * g->hz);
	uint64_t now;

	for (;;) {
		now = rte_get_tsc_cycles();
		if (gen_stopped || (t->limit == 0 && !t->prime && now >= end) || all_sent(g))
			break;
		usleep(now < end && end - now < g->hz / 500 ? 100 : 1000);
	}
	__atomic_store_n(&g->phase, GEN_DRAIN, __ATOMIC_RELEASE);
	t->took = (double)(rte_get_tsc_cycles() - g->begin) / g->hz;
}

static void
drain_phase(struct gen *g)
{
	uint64_t end;

	/* A worker may be about to send yet: what it sends is waited for, too. */
	while (__atomic_load_n(&g->n_draining, __ATOMIC_ACQUIRE) < g->n_workers)
		usleep(100);
	end = rte_get_tsc_cycles() + (uint64_t)(g->o.drain * g->hz);
	while (rte_get_tsc_cycles() < end && total(g, offsetof(struct gen_counts, received)) <
						     total(g, offsetof(struct gen_counts, sent)))
		usleep(1000);
}

static void
collect(struct gen *g, struct gen_trial *t)
{
	uint64_t *sum = (uint64_t *)(void *)&t->counts;
	unsigned i, k;

	memset(&t->counts, 0, sizeof(t->counts));
	memset(t->latency, 0, sizeof(*t->latency));
	for (i = 0; i < g->n_ends; i++) {
		const struct gen_end *e = g->end[i];
		const uint64_t *c = (const uint64_t *)(const void *)&e->counts;
		struct gen_counts here = e->counts;

		/* What is only turned round has not arrived. */
		if (!e->judges && !(e->reflects && !g->o.has[BH_GEN_CLIENT]))
			here.received = here.received_bytes = 0;
		c = (const uint64_t *)(const void *)&here;
		for (k = 0; k < sizeof(t->counts) / sizeof(*sum); k++)
			sum[k] += c[k];
		bh_gen_hist_merge(t->latency, &e->latency);
	}
	t->passed = t->counts.received + t->counts.repeated > 0 &&
		    (double)(t->counts.sent - RTE_MIN(t->counts.sent, t->counts.received)) <=
			    g->o.loss * (double)t->counts.sent;
}

int
gen_trial_run(struct gen *g, struct gen_trial *t, struct bh_err *err)
{
	struct gen_worker w[BH_MAX_WORKERS];
	unsigned i;
	int rc;

	if (t->latency == NULL)
		t->latency = malloc(sizeof(*t->latency));
	if (t->latency == NULL)
		return bh_err_set(err, ENOMEM, "no memory");
	/* 0 is what primes: nobody counts it. */
	g->trial = t->prime ? 0 : (uint8_t)(g->trial % 255 + 1);
	g->mix = t->mix;
	for (i = 0; i < g->n_ends; i++)
		reset(g->end[i], t);
	rc = launch(g, w, err);
	if (rc == 0) {
		send_phase(g, t);
		if (!t->prime)
			drain_phase(g);
	}
	__atomic_store_n(&g->phase, GEN_STOP, __ATOMIC_RELEASE);
	rte_eal_mp_wait_lcore();
	for (i = 0; i < g->n_ends; i++)
		gen_send_drop(g->end[i]);
	if (rc == 0)
		collect(g, t);
	return rc;
}

void
gen_trial_free(struct gen_trial *t)
{
	free(t->latency);
	t->latency = NULL;
}

double
gen_offered(const struct gen_trial *t)
{
	return t->took > 0 ? (double)t->counts.sent / t->took : 0;
}

int
gen_prime(struct gen *g, const struct bh_gen_mix *mix, struct bh_err *err)
{
	struct gen_trial t = {.mix = mix, .pps = (double)g->o.prime, .prime = true};
	int rc;
	unsigned i;

	if (g->primed || g->o.prime == 0)
		return 0;
	g->primed = true;
	/* Clients open the flows. */
	for (i = 0; i < g->n_ends; i++)
		g->end[i]->sends = g->end[i]->sends && g->end[i]->side == BH_GEN_CLIENT;
	rc = gen_trial_run(g, &t, err);
	for (i = 0; i < g->n_ends; i++)
		g->end[i]->sends = g->end[i]->sequence != NULL;
	gen_trial_free(&t);
	return rc;
}
