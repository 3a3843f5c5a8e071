/* A worker: its ends, one after the other. */
#include <unistd.h>

#include <rte_cycles.h>

#include "gen.h"

#define IDLE_US 50

static void
judge(struct gen_end *e, const struct bh_gen_probe *probe, uint32_t len, uint64_t ticks)
{
	struct gen_counts *c = &e->counts;

	if (probe->trial != e->g->trial) {
		c->stale++;
		return;
	}
	if (probe->flow >= e->g->o.flows) {
		c->corrupt++;
		return;
	}
	switch (bh_gen_track(&e->track[probe->flow], probe->sequence)) {
	case BH_GEN_REPEATED:
		c->repeated++;
		return;
	case BH_GEN_LATE:
		c->late++;
		break;
	default:
		break;
	}
	c->received_bytes += len + BH_GEN_FCS;
	__atomic_store_n(&c->received, c->received + 1, __ATOMIC_RELEASE);
	bh_gen_hist_add(&e->latency, ticks - probe->ticks);
}

bool
gen_answer(struct gen_end *e, struct rte_mbuf *m)
{
	uint8_t out[BH_GEN_ASK_SIZE];
	unsigned len;

	len = bh_gen_neighbour_input(&e->g->probes.wire, e->side, rte_pktmbuf_mtod(m, uint8_t *),
				     m->data_len, &e->asked, out);
	if (len == 0 || (len > m->data_len && rte_pktmbuf_tailroom(m) < len - m->data_len))
		return false;
	memcpy(rte_pktmbuf_mtod(m, void *), out, len);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	return true;
}

static bool
take(struct gen_end *e, struct rte_mbuf *m, uint64_t ticks)
{
	struct bh_gen_probe probe;
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	if (m->nb_segs != 1) {
		e->counts.foreign++;
		return false;
	}
	if (e->reflects && bh_gen_probe_reflect(&e->g->probes, p, m->data_len)) {
		e->counts.received_bytes += m->data_len + BH_GEN_FCS;
		e->counts.received++;
		e->counts.reflected++;
		return true;
	}
	if (e->judges) {
		switch (bh_gen_probe_read(&e->g->probes, p, m->data_len, &probe)) {
		case BH_GEN_PROBE:
			judge(e, &probe, m->data_len, ticks);
			return false;
		case BH_GEN_CORRUPT:
			e->counts.corrupt++;
			return false;
		default:
			break;
		}
	}
	if (gen_answer(e, m))
		return true;
	e->counts.foreign++;
	return false;
}

static unsigned
receive(struct gen_end *e)
{
	struct rte_mbuf *m[GEN_BURST];
	uint16_t n = bh_port_rx(e->port, e->queue, m, GEN_BURST), i, back = 0, sent = 0;
	uint64_t ticks = rte_get_tsc_cycles() - e->g->origin;

	for (i = 0; i < n; i++) {
		if (take(e, m[i], ticks))
			m[back++] = m[i];
		else
			rte_pktmbuf_free(m[i]);
	}
	if (back != 0)
		sent = bh_port_tx(e->port, e->queue, m, back);
	if (sent < back) {
		e->counts.unsent += (uint64_t)(back - sent);
		rte_pktmbuf_free_bulk(m + sent, (unsigned)(back - sent));
	}
	return n;
}

int
gen_worker_run(void *arg)
{
	const struct gen_worker *w = arg;
	struct gen *g = w->g;
	unsigned phase, before = GEN_SEND, i, done;

	for (;;) {
		phase = __atomic_load_n(&g->phase, __ATOMIC_ACQUIRE);
		if (phase == GEN_STOP)
			return 0;
		if (phase != before)
			__atomic_add_fetch(&g->n_draining, 1, __ATOMIC_RELEASE);
		before = phase;
		done = 0;
		for (i = 0; i < g->n_ends; i++) {
			struct gen_end *e = g->end[i];

			if (e->worker != w->index)
				continue;
			done += receive(e);
			if (e->sends && phase == GEN_SEND)
				done += gen_send(e, rte_get_tsc_cycles());
		}
		if (done == 0 && g->o.idle == BH_IDLE_SLEEP)
			usleep(IDLE_US);
	}
}
