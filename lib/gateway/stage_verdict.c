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

	if (unlikely(bh_touch_flow(w, f, &p->h)) && (f->flags & BH_FLAG_EMBRYO) != 0 &&
	    bh_threat_syn_again(w, p))
		return;
	if (likely(f->verdict == BH_VERDICT_ALLOW)) {
		bh_packet_decide(p, BH_FATE_PASS, f->reason);
		return;
	}
	switch (f->verdict) {
	case BH_VERDICT_VIOLATE:
		bh_packet_decide(p, BH_FATE_PASS, BH_REASON_MONITOR);
		break;
	case BH_VERDICT_PENDING:
		/* The application stage decides these; what it has not seen does not pass. */
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_APP_ERROR);
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

/* Addresses can be forged: fragments of one datagram may have come in on both wires. */
static void
pass_train(struct bh_worker *w, const struct bh_packet *p)
{
	unsigned i;

	for (i = 0; i < p->train->n; i++) {
		struct rte_mbuf *m = p->train->packet[i];
		const struct bh_exit *e = &w->exit[m->port];

		if (m->pkt_len > e->max_len) {
			bh_drop_frame(w, m, m->port, e->refuse);
			continue;
		}
		bh_count(&w->c.passed[p->reason], 1);
		bh_tx_put(w, e->wire, m);
	}
}

/* Whatever is not one frame that passes. */
static void
settle(struct bh_worker *w, struct bh_packet *p)
{
	if (p->fate == BH_FATE_PASS && p->train != NULL) {
		pass_train(w, p);
		return;
	}
	if (p->fate == BH_FATE_PASS)
		bh_packet_decide(p, BH_FATE_DROP, w->exit[p->wire].refuse);
	if (p->fate == BH_FATE_OPEN)
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_FLOW_TABLE_FULL);
	if (p->fate == BH_FATE_REJECT)
		bh_answer_reject(w, p);
	if (p->fate != BH_FATE_GONE)
		drop_packet(w, p);
}

void
bh_stage_verdict(struct bh_worker *w, struct bh_burst *b)
{
	unsigned i, run = 0;
	uint8_t reason = BH_REASON_NONE;

	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];
		const struct bh_exit *e = &w->exit[p->wire];

		if (likely(p->flow != NULL && p->fate == BH_FATE_OPEN))
			apply_flow(w, p);
		if (unlikely(p->fate != BH_FATE_PASS || p->train != NULL ||
			     p->m->pkt_len > e->max_len)) {
			settle(w, p);
			continue;
		}
		bh_tx_put(w, e->wire, p->m);
		/* Neighbours mostly pass for the same reason: counted together. */
		if (unlikely(p->reason != reason)) {
			bh_count(&w->c.passed[reason], run);
			reason = p->reason;
			run = 0;
		}
		run++;
	}
	bh_count(&w->c.passed[reason], run);
}
