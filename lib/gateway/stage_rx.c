/* rx: frames into the burst, from a wire or from another worker, with nothing known about them yet. */
#include "gateway_priv.h"

void
bh_packet_place(struct bh_packet *p, struct rte_mbuf *m, unsigned wire)
{
	p->m = m;
	p->flow = NULL;
	p->train = NULL;
	p->wire = (uint8_t)wire;
	p->fate = BH_FATE_OPEN;
	p->reason = BH_REASON_NONE;
	p->judge = BH_JUDGE_NO;
	p->unless_known = BH_REASON_NONE;
	p->asked = 0;
	p->found = false;
}

void
bh_burst_handed(struct bh_burst *b, struct rte_mbuf **m, unsigned n)
{
	unsigned i;

	b->n_new = 0;
	b->n = n;
	for (i = 0; i < n; i++) {
		unsigned wire = m[i]->port & 0xff, asked = m[i]->port >> 8;

		rte_prefetch0(rte_pktmbuf_mtod(m[i], const void *));
		m[i]->port = (uint16_t)wire;
		bh_packet_place(&b->p[i], m[i], wire);
		b->p[i].asked = (uint8_t)asked;
	}
}

void
bh_burst_received(struct bh_worker *w, unsigned wire, unsigned n)
{
	struct bh_burst *b = &w->burst;
	uint64_t bytes = 0;
	unsigned i;

	b->n_new = n;
	b->wire = wire;
	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = b->m[i];

		/* Read in the next pass, when all of the burst is on its way. */
		rte_prefetch0(rte_pktmbuf_mtod(m, const void *));
		bytes += m->pkt_len;
		m->port = (uint16_t)wire;
	}
	b->bytes = bytes;
	bh_count(&w->c.packets, n);
	bh_count(&w->c.bytes, bytes);
	bh_count(&w->wc[wire].rx_packets, n);
	bh_count(&w->wc[wire].rx_bytes, bytes);
}

unsigned
bh_stage_rx(struct bh_worker *w, unsigned wire, unsigned queue)
{
	const struct bh_wire *from = &w->g->p.wire[wire];
	unsigned n = from->rx(from->port, (uint16_t)queue, w->burst.m, BH_BURST);

	if (n != 0)
		bh_burst_received(w, wire, n);
	return n;
}
