/* worker: the loop of one packet core. Run to completion: poll, pipeline, send, keep house. */
#include <time.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "app_threat.h"

/* A spinning worker with nothing to do still leaves the sibling hyper-thread alone for a moment. */
#define IDLE_POLLS_BEFORE_SLEEP 64
#define IDLE_SLEEP_NS 50000

bool
bh_bucket_take(struct bh_bucket *b, uint64_t now_ms)
{
	uint64_t full = b->rate * 1000, add = (now_ms - b->last_ms) * b->rate;

	/* Depth: one second's worth. Tokens are thousandths: rate per ms without a division. */
	b->last_ms = now_ms;
	b->tokens = b->tokens + add < full ? b->tokens + add : full;
	if (b->tokens < 1000) {
		b->refused++;
		return false;
	}
	b->tokens -= 1000;
	return true;
}

static void
find_exits(struct bh_worker *w)
{
	const struct bh_gateway_params *p = &w->g->p;
	unsigned i;

	for (i = 0; i < p->n_wires; i++) {
		struct bh_exit *e = &w->exit[i];
		uint16_t mtu = p->wire[p->peer[i]].mtu;

		e->wire = p->peer[i];
		e->max_len = mtu != 0 ? mtu + BH_L2_MAX : UINT32_MAX;
		e->refuse = BH_REASON_OVERSIZE;
		if (unlikely(atomic_load_explicit(&w->g->wire_down[e->wire],
						  memory_order_relaxed))) {
			e->max_len = 0;
			e->refuse = BH_REASON_LINK_DOWN;
		}
	}
}

static void
begin_turn(struct bh_worker *w, uint64_t mono_ns, uint64_t wall_ns)
{
	/* Time does not go back in a worker: clocks are set right, captures are out of order. */
	if (mono_ns > w->mono_ns)
		w->mono_ns = mono_ns;
	w->wall_ns = wall_ns;
	w->slice = w->mono_ns / BH_SLICE_NS;
	w->now_ms = (uint32_t)(w->slice / BH_SLICES);
	w->view = atomic_load_explicit(&w->g->view, memory_order_acquire);
	w->carry = atomic_load_explicit(&w->carry_set, memory_order_acquire);
	w->adopt = atomic_load_explicit(&w->adopt_set, memory_order_acquire);
	find_exits(w);
	/* What the twin told before it stopped is known before the first packet. */
	if (unlikely(w->twin))
		w->fenced = bh_twin_fenced(w) || (w->fenced && bh_adopt_waits(w));
	if (unlikely(w->sensor != NULL))
		bh_app_sensor_turn(w);
}

static void
end_turn(struct bh_worker *w)
{
	if (unlikely(w->twin))
		bh_adopt_forget(w);
	if (unlikely(w->adopt != NULL))
		bh_adopt_turn(w);
	bh_stage_housekeeping(w);
	if (unlikely(w->carry != NULL))
		bh_carry_turn(w);
	bh_stage_tx(w);
	w->view = NULL;
	/* Nothing of the old view is held beyond this line. */
	rte_rcu_qsbr_quiescent(w->g->qsbr, w->index);
}

/* Nothing is looked at: flows, findings and records are the other one's to make. */
static void
drop_burst(struct bh_worker *w, struct rte_mbuf **m, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		bh_drop_frame(w, m[i], m[i]->port & 0xff, BH_REASON_PAIR_STANDBY);
}

static unsigned
poll_wires(struct bh_worker *w)
{
	unsigned i, q, n, total = 0;

	for (i = 0; i < w->g->p.n_wires; i++) {
		for (q = w->index; q < w->g->p.wire[i].rx_queues; q += w->g->n_workers) {
			n = bh_stage_rx(w, i, q);
			w->pressed = w->full[i] && n == BH_BURST;
			w->full[i] = n == BH_BURST;
			if (n == 0)
				continue;
			total += n;
			if (unlikely(w->fenced)) {
				drop_burst(w, w->burst.m, n);
				continue;
			}
			bh_pipeline_run(w, &w->burst);
			bh_stage_tx(w);
		}
	}
	return total;
}

/* A device with fewer queues than workers is polled by some of them, the same one for both directions
 * of a wire's traffic not being needed: steering brings flows together. */
static unsigned
poll_inboxes(struct bh_worker *w)
{
	struct rte_mbuf *m[BH_BURST];
	unsigned i, n, total = 0;

	w->pressed = false;
	if (w->inbox == NULL)
		return 0;
	for (i = 0; i < w->g->n_workers; i++) {
		if (w->inbox[i] == NULL)
			continue;
		n = rte_ring_sc_dequeue_burst(w->inbox[i], (void **)m, BH_BURST, NULL);
		if (n == 0)
			continue;
		if (unlikely(w->fenced)) {
			drop_burst(w, m, n);
			total += n;
			continue;
		}
		bh_burst_handed(&w->burst, m, n);
		bh_pipeline_run(w, &w->burst);
		bh_stage_tx(w);
		total += n;
	}
	return total;
}

unsigned
bh_worker_poll(struct bh_worker *w, uint64_t mono_ns, uint64_t wall_ns)
{
	unsigned n;

	begin_turn(w, mono_ns, wall_ns);
	n = poll_wires(w);
	n += poll_inboxes(w);
	bh_count(&w->c.polls, 1);
	if (n == 0)
		bh_count(&w->c.empty_polls, 1);
	end_turn(w);
	atomic_store_explicit(&w->beat_ns, mono_ns, memory_order_relaxed);
	return n;
}

void
bh_worker_input(struct bh_worker *w, unsigned wire, struct rte_mbuf **m, unsigned n,
		uint64_t mono_ns, uint64_t wall_ns)
{
	unsigned done, k;

	begin_turn(w, mono_ns, wall_ns);
	for (done = 0; done < n; done += k) {
		k = RTE_MIN(n - done, (unsigned)BH_BURST);
		memcpy(w->burst.m, m + done, k * sizeof(struct rte_mbuf *));
		bh_burst_received(w, wire, k);
		if (unlikely(w->fenced)) {
			drop_burst(w, w->burst.m, k);
			continue;
		}
		bh_pipeline_run(w, &w->burst);
	}
	end_turn(w);
}

static void
drop_ring(struct bh_worker *w, struct rte_ring *r, bool tx)
{
	void *m;

	while (r != NULL && rte_ring_sc_dequeue(r, &m) == 0) {
		unsigned port = ((struct rte_mbuf *)m)->port;

		bh_drop_frame(w, m, tx ? port >> 8 : port & 0xff, BH_REASON_SHUTDOWN);
	}
}

static void
drop_held(struct bh_worker *w)
{
	struct bh_frag_out *out = &w->burst.train[0];
	unsigned i;

	while (bh_frag_flush(w->frags, out)) {
		for (i = 0; i < out->n; i++) {
			struct rte_mbuf *m = out->packet[i];

			bh_drop_frame(w, m, m->port, BH_REASON_SHUTDOWN);
		}
	}
	for (i = 0; i < w->g->n_workers; i++) {
		if (w->inbox != NULL)
			drop_ring(w, w->inbox[i], false);
		if (w->tx_inbox != NULL)
			drop_ring(w, w->tx_inbox[i], true);
	}
}

uint32_t
bh_worker_drain(struct bh_worker *w, uint64_t mono_ns, uint64_t wall_ns)
{
	struct bh_flow *f;
	uint32_t n = 0;

	begin_turn(w, mono_ns, wall_ns);
	drop_held(w);
	bh_app_answers_drain(w);
	while (n++ < BH_AGE_PER_TURN &&
	       (f = bh_flow_next(w->flows, &w->drain_cursor, UINT32_MAX)) != NULL)
		bh_flow_remove(w->flows, f, BH_FLOW_END_SHUTDOWN);
	w->view = NULL;
	bh_count(&w->c.flows, bh_flow_count(w->flows) - w->c.flows);
	bh_count(&w->c.held, bh_frag_held(w->frags) + w->n_waiting - w->c.held);
	return bh_flow_count(w->flows);
}

/* Time from the TSC, set right by the kernel's clocks once a millisecond: no system call, and no vDSO call
 * either, for most turns. */
struct turn_clock {
	uint64_t tsc, hz, mono_ns, wall_ns;
	uint64_t last; /* of the turn before, or 0 */
};

/* The turn that ends with this one's beginning had packets. */
static void
count_turn(struct bh_worker *w, uint64_t cycles, uint64_t hz)
{
	uint64_t ns = cycles < hz ? cycles * BH_NS_PER_SEC / hz : BH_NS_PER_SEC;

	bh_count(&w->c.turns[bh_turn_class(ns)], 1);
	bh_count(&w->c.turns_ns, ns);
}

static void
clock_read(struct turn_clock *c, const struct bh_clock *clock, uint64_t *mono, uint64_t *wall)
{
	uint64_t tsc = rte_rdtsc(), since = tsc - c->tsc, ns;

	if (c->hz == 0 || since > c->hz / 1000) {
		c->hz = rte_get_tsc_hz();
		c->tsc = tsc;
		c->mono_ns = clock->mono_ns(clock->arg);
		c->wall_ns = clock->wall_ns(clock->arg);
		since = 0;
	}
	c->last = tsc;
	ns = since * BH_NS_PER_SEC / c->hz;
	*mono = c->mono_ns + ns;
	*wall = c->wall_ns + ns;
}

static void
rest(const struct bh_worker *w, unsigned idle)
{
	const struct timespec nap = {.tv_nsec = IDLE_SLEEP_NS};

	if (w->config->idle == BH_IDLE_SLEEP && idle > IDLE_POLLS_BEFORE_SLEEP)
		nanosleep(&nap, NULL);
	else
		rte_pause();
}

int
bh_worker_run(void *worker)
{
	struct bh_worker *w = worker;
	const struct bh_clock *clock = w->g->p.clock;
	struct turn_clock tc = {0};
	uint64_t mono = 0, wall = 0, before;
	unsigned idle = 0;

	while (!atomic_load_explicit(&w->g->stop, memory_order_relaxed)) {
		before = tc.last;
		clock_read(&tc, clock, &mono, &wall);
		if (idle == 0 && before != 0)
			count_turn(w, tc.last - before, tc.hz);
		idle = bh_worker_poll(w, mono, wall) == 0 ? idle + 1 : 0;
		if (idle != 0)
			rest(w, idle);
	}
	/* What others had handed over before they stopped still leaves. */
	begin_turn(w, mono, wall);
	poll_inboxes(w);
	end_turn(w);
	/* Other workers may still be waiting for this one's report. */
	rte_rcu_qsbr_thread_offline(w->g->qsbr, w->index);
	return 0;
}
