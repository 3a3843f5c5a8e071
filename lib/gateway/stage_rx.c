/* rx: frames into the burst, from a wire or from another worker, with nothing known about them yet. */
#include "gateway_priv.h"

static inline void
place(struct bh_packet *p, struct rte_mbuf *m, unsigned wire, unsigned asked)
{
	/* Read two passes later, when all of the burst is on its way. */
	rte_prefetch0(rte_pktmbuf_mtod(m, const void *));
	p->m = m;
	p->flow = NULL;
	p->train = NULL;
	p->wire = (uint8_t)wire;
	p->fate = BH_FATE_OPEN;
	p->reason = BH_REASON_NONE;
	p->judge = BH_JUDGE_NO;
	p->unless_known = BH_REASON_NONE;
	p->asked = (uint8_t)asked;
}

void
bh_burst_handed(struct bh_burst *b, struct rte_mbuf **m, unsigned n)
{
	unsigned i;

	b->n = n;
	for (i = 0; i < n; i++) {
		unsigned wire = m[i]->port & 0xff, asked = m[i]->port >> 8;

		m[i]->port = (uint16_t)wire;
		place(&b->p[i], m[i], wire, asked);
	}
}

void
bh_burst_received(struct bh_worker *w, unsigned wire, struct rte_mbuf **m, unsigned n)
{
	struct bh_burst *b = &w->burst;
	uint64_t bytes = 0;
	unsigned i;

	b->n = n;
	for (i = 0; i < n; i++) {
		bytes += m[i]->pkt_len;
		m[i]->port = (uint16_t)wire;
		place(&b->p[i], m[i], wire, 0);
	}
	bh_count(&w->c.packets, n);
	bh_count(&w->c.bytes, bytes);
	bh_count(&w->wc[wire].rx_packets, n);
	bh_count(&w->wc[wire].rx_bytes, bytes);
}

unsigned
bh_stage_rx(struct bh_worker *w, unsigned wire, unsigned queue)
{
	const struct bh_wire *from = &w->g->p.wire[wire];
	struct rte_mbuf *m[BH_BURST];
	unsigned n = from->rx(from->port, (uint16_t)queue, m, BH_BURST);

	if (n != 0)
		bh_burst_received(w, wire, m, n);
	return n;
}
