/* fragment: IP fragments wait in the worker's store until their datagram is whole, then go on as one
 * packet, the first fragment, with the others as its train. They are judged together and leave
 * unchanged, in the order they came. */
#include "gateway_priv.h"

/* The datagram as its first fragment and its whole length tell it. */
static void
parse_datagram(struct bh_worker *w, struct bh_packet *p)
{
	const struct bh_frag_out *out = p->train;
	struct rte_mbuf *m = out->packet[out->first];
	uint8_t wire = p->wire;
	uint32_t have;
	const uint8_t *head = bh_frame_head(w, m, &have);
	enum bh_reason reason = bh_net_parse_datagram(&w->parse, w->g->p.wire[wire].link, head,
						      have, bh_wire_length(w, m, wire),
						      w->g->p.pair[wire], out->total_len, &p->h);

	p->m = m;
	if (reason != BH_REASON_NONE)
		bh_packet_decide(p, BH_FATE_DROP, reason);
}

void
bh_stage_fragment(struct bh_worker *w, struct bh_burst *b)
{
	unsigned i;

	if (likely(b->n_fragments == 0))
		return;
	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];

		if (likely(p->h.kind != BH_FRAME_FRAGMENT || p->fate != BH_FATE_OPEN))
			continue;
		if (!bh_frag_add(w->frags, &p->h, p->m, w->now_ms, &b->train[i])) {
			p->fate = BH_FATE_GONE; /* held */
			continue;
		}
		p->train = &b->train[i];
		if (p->train->reason != BH_REASON_NONE)
			bh_packet_decide(p, BH_FATE_DROP, p->train->reason);
		else
			parse_datagram(w, p);
	}
}
