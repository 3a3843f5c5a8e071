/* Probes at a rate. */
#include "gen.h"

/* How many frames are due: by the clock, not by what went out last, so that a worker that was late makes up for it. */
static unsigned
due(const struct gen_end *e, uint64_t now)
{
	double want = GEN_BURST;
	uint64_t n;

	if (e->per_tick != 0)
		want = (double)(now - e->g->begin) * e->per_tick - (double)e->built;
	if (want < 1)
		return 0;
	n = want < GEN_BURST ? (uint64_t)want : GEN_BURST;
	return (unsigned)(e->limit != 0 && e->limit - e->built < n ? e->limit - e->built : n);
}

static void
build(struct gen_end *e, struct rte_mbuf *m, uint64_t ticks)
{
	const struct gen *g = e->g;
	const uint32_t own = bh_gen_pick(&e->pick);
	const uint16_t size = bh_gen_mix_at(g->mix, (uint32_t)e->built);
	const struct bh_gen_probe probe = {
		.flow = e->first + e->step * own,
		.sequence = e->sequence[own]++,
		.trial = g->trial,
		.ticks = ticks,
	};

	m->data_len = size - BH_GEN_FCS;
	m->pkt_len = m->data_len;
	bh_gen_probe_build(&g->probes, &probe, e->side == BH_GEN_SERVER, size,
			   rte_pktmbuf_mtod(m, uint8_t *));
	e->built++;
}

unsigned
gen_send(struct gen_end *e, uint64_t now)
{
	uint64_t bytes = 0;
	uint16_t n, i, sent;

	if (e->at_pending == e->n_pending) {
		n = (uint16_t)due(e, now);
		e->at_pending = e->n_pending = 0;
		if (n == 0)
			return 0;
		if (rte_pktmbuf_alloc_bulk(e->g->env.pool, e->pending, n) != 0) {
			e->counts.no_buffer++;
			return 0;
		}
		for (i = 0; i < n; i++)
			build(e, e->pending[i], now - e->g->origin);
		e->n_pending = n;
	}
	n = e->n_pending - e->at_pending;
	for (i = 0; i < n; i++)
		bytes += e->pending[e->at_pending + i]->pkt_len + BH_GEN_FCS;
	sent = bh_port_tx(e->port, e->queue, e->pending + e->at_pending, n);
	e->at_pending += sent;
	for (i = e->at_pending; i < e->n_pending; i++)
		bytes -= e->pending[i]->pkt_len + BH_GEN_FCS;
	e->counts.sent_bytes += bytes;
	/* The reader's wait for the last frame ends by this one. */
	__atomic_store_n(&e->counts.sent, e->counts.sent + sent, __ATOMIC_RELEASE);
	return sent;
}

void
gen_send_drop(struct gen_end *e)
{
	if (e->at_pending != e->n_pending)
		rte_pktmbuf_free_bulk(e->pending + e->at_pending,
				      (unsigned)(e->n_pending - e->at_pending));
	e->at_pending = e->n_pending = 0;
}
