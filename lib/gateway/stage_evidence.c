/* evidence: a copy of each packet as it came, and what became of it, into the worker's ring of the latest packets. The
 * copy is made before the application stage, which may hold a packet or mend it; its fate is noted behind the verdict,
 * or, for one that waited, when it leaves. Without evidence both stages are one look. */
#include "gateway_priv.h"

#define PIECES 16 /* of a chained frame: those behind are left out */

static uint32_t
keep(struct bh_worker *w, struct rte_mbuf *m, const struct bh_evidence_packet *p)
{
	struct bh_evidence_piece piece[PIECES];
	const struct rte_mbuf *part;
	unsigned n = 0;

	for (part = m; part != NULL && n < PIECES; part = part->next) {
		piece[n].at = rte_pktmbuf_mtod(part, const void *);
		piece[n++].len = part->data_len;
	}
	m->dynfield1[BH_MBUF_EVIDENCE] = bh_evidence_put(w->evidence, p, piece, n);
	return m->dynfield1[BH_MBUF_EVIDENCE];
}

static void
keep_packet(struct bh_worker *w, unsigned i, struct bh_packet *p)
{
	struct bh_evidence_packet e = {.time_ns = w->wall_ns, .wire = p->wire};
	unsigned k;

	if (likely(p->h.key.family != 0)) {
		e.pair = bh_evidence_pair_hash(&p->h.key);
		e.flow = bh_evidence_flow_hash(&p->h.key, e.pair);
	}
	e.segment[0] = e.segment[1] = UINT32_MAX;
	if (p->flow != NULL) {
		e.app = p->flow->app;
		e.segment[0] = p->flow->segment[0];
		e.segment[1] = p->flow->segment[1];
	}
	w->evidence_kept |= UINT32_C(1) << i;
	e.wirelen = bh_wire_length(w, p->m, p->wire);
	if (likely(p->train == NULL)) {
		w->evidence_first[i] = keep(w, p->m, &e);
		return;
	}
	for (k = 0; k < p->train->n; k++) {
		struct rte_mbuf *m = p->train->packet[k];
		uint32_t number;

		e.wire = (uint8_t)m->port;
		e.wirelen = bh_wire_length(w, m, m->port);
		number = keep(w, m, &e);
		if (k == 0)
			w->evidence_first[i] = number;
	}
}

void
bh_stage_evidence(struct bh_worker *w, struct bh_burst *b)
{
	unsigned i;

	if (likely(w->evidence == NULL))
		return;
	w->evidence_kept = 0;
	for (i = 0; i < b->n; i++) {
		if (b->p[i].fate != BH_FATE_GONE)
			keep_packet(w, i, &b->p[i]);
	}
}

static enum bh_evidence_fate
fate_of(unsigned fate)
{
	switch (fate) {
	case BH_FATE_PASS:
		return BH_EVIDENCE_PASSED;
	case BH_FATE_REJECT:
		return BH_EVIDENCE_REJECTED;
	default:
		return BH_EVIDENCE_DROPPED;
	}
}

void
bh_stage_settle(struct bh_worker *w, const struct bh_burst *b)
{
	uint32_t left;
	unsigned i, k, n;

	if (likely(w->evidence == NULL))
		return;
	for (left = w->evidence_kept; left != 0; left &= left - 1) {
		const struct bh_packet *p = &b->p[i = (unsigned)__builtin_ctz(left)];

		n = p->train != NULL ? p->train->n : 1;
		/* Those that wait are settled as they leave, perhaps already. */
		for (k = 0; k < n && p->fate != BH_FATE_GONE; k++)
			bh_evidence_settle(w->evidence, w->evidence_first[i] + k, fate_of(p->fate),
					   (enum bh_reason)p->reason);
	}
}

void
bh_evidence_held(struct bh_worker *w, const struct rte_mbuf *m, enum bh_fate fate,
		 enum bh_reason reason)
{
	bh_evidence_settle(w->evidence, m->dynfield1[BH_MBUF_EVIDENCE], fate_of(fate), reason);
}
