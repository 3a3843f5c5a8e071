/* verdict: the only place that passes, drops or answers. What nobody decided is dropped. */
#include "gateway_priv.h"

void
bh_drop_frame(struct bh_worker *w, struct rte_mbuf *m, unsigned wire, enum bh_reason reason)
{
	if (unlikely(wire == BH_WIRE_NONE)) {
		bh_count(&w->c.answers_suppressed, 1);
	} else {
		bh_count(&w->c.dropped[reason], 1);
		bh_count(&w->wc[wire].dropped, 1);
	}
	rte_pktmbuf_free(m);
}

/* What the flow says about its packet. */
static inline void
apply_flow(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow *f = p->flow;

	bh_flow_touch_hot(f, &p->h, w->now_ms);
	switch (f->verdict) {
	case BH_VERDICT_ALLOW:
		bh_packet_decide(p, BH_FATE_PASS, f->reason);
		break;
	case BH_VERDICT_VIOLATE:
		bh_packet_decide(p, BH_FATE_PASS, BH_REASON_MONITOR);
		break;
	case BH_VERDICT_REJECT:
		bh_packet_decide(p, BH_FATE_REJECT, f->reason);
		break;
	default:
		bh_packet_decide(p, BH_FATE_DROP, f->reason);
		break;
	}
}

static void
drop_packet(struct bh_worker *w, struct bh_packet *p)
{
	unsigned i;

	if (p->flow == NULL)
		bh_record_drop(w, p);
	if (p->train == NULL) {
		bh_drop_frame(w, p->m, p->wire, p->reason);
		return;
	}
	for (i = 0; i < p->train->n; i++) {
		struct rte_mbuf *m = p->train->packet[i];

		bh_drop_frame(w, m, m->port, p->reason);
	}
}

/* Longest L2 header we let pass: Ethernet and two tags. The wire's MTU counts IP bytes. */
#define L2_MAX (14u + 8u)

static inline void
pass_frame(struct bh_worker *w, struct rte_mbuf *m, unsigned in, unsigned out, uint8_t reason)
{
	const struct bh_wire *wire = &w->g->p.wire[out];

	if (unlikely(wire->mtu != 0 && m->pkt_len > wire->mtu + L2_MAX)) {
		bh_drop_frame(w, m, in, BH_REASON_OVERSIZE);
		return;
	}
	bh_count(&w->c.passed[reason], 1);
	/* The sender of a full queue is charged to the wire it came in on. */
	m->port = (uint16_t)in;
	bh_tx_enqueue(w, out, m);
}

static inline void
pass_packet(struct bh_worker *w, struct bh_packet *p)
{
	unsigned i, out = w->g->p.peer[p->wire];

	if (likely(p->train == NULL)) {
		pass_frame(w, p->m, p->wire, out, p->reason);
		return;
	}
	/* Addresses can be forged: fragments of one datagram may have come in on both wires. */
	for (i = 0; i < p->train->n; i++) {
		struct rte_mbuf *m = p->train->packet[i];

		pass_frame(w, m, m->port, w->g->p.peer[m->port], p->reason);
	}
}

void
bh_stage_verdict(struct bh_worker *w, struct bh_burst *b)
{
	unsigned i;

	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];

		if (likely(p->flow != NULL && p->fate == BH_FATE_OPEN))
			apply_flow(w, p);
		if (likely(p->fate == BH_FATE_PASS)) {
			if (unlikely(atomic_load_explicit(&w->g->wire_down[w->g->p.peer[p->wire]],
							  memory_order_relaxed)))
				bh_packet_decide(p, BH_FATE_DROP, BH_REASON_LINK_DOWN);
			else
				pass_packet(w, p);
		}
		if (p->fate == BH_FATE_OPEN)
			bh_packet_decide(p, BH_FATE_DROP, BH_REASON_FLOW_TABLE_FULL);
		if (p->fate == BH_FATE_REJECT)
			bh_answer_reject(w, p);
		if (p->fate == BH_FATE_DROP || p->fate == BH_FATE_REJECT)
			drop_packet(w, p);
	}
}
