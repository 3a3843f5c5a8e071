/* icmp_error: errors that routers and hosts send about a packet, judged by the flow that it was of. Asked by the
 * policy stage in the burst's order, so that an error finds what an earlier packet has just opened. */
#include "gateway_priv.h"

/* May packets of this flow pass now? Its verdict, or a new one if that is stale. */
static bool
passes_now(struct bh_worker *w, const struct bh_flow *f)
{
	struct bh_judgement j = {.verdict = f->verdict};

	if (f->stamp != bh_view_stamp(w->view, f->slot[0], f->slot[1]))
		bh_judge_flow(w, f, &j);
	return j.verdict == BH_VERDICT_ALLOW || j.verdict == BH_VERDICT_VIOLATE ||
	       j.verdict == BH_VERDICT_PENDING;
}

/* Where devices hash, an error from a router between does not meet the flow it is about: nobody knows the
 * device's hash well enough to say where that is. The next worker is asked, each one once. */
static bool
ask_next_worker(struct bh_worker *w, struct bh_packet *p)
{
	unsigned next = (w->index + 1) % w->g->n_workers;

	if (w->g->p.steer || w->inbox == NULL || p->asked + 1u >= w->g->n_workers)
		return false;
	p->m->port = (uint16_t)(p->wire | (p->asked + 1u) << 8);
	if (rte_ring_sp_enqueue(w->outbox[next], p->m) != 0) {
		p->m->port = p->wire;
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_STEER_RING_FULL);
		return true;
	}
	p->fate = BH_FATE_GONE;
	bh_count(&w->c.steered, 1);
	return true;
}

static void
refuse_icmp_error(struct bh_worker *w, struct bh_packet *p, enum bh_reason reason)
{
	enum bh_mode mode = bh_policy_pair_mode(w->view, &p->h.key, p->h.from);

	if (mode == BH_MODE_PROTECT)
		bh_packet_decide(p, BH_FATE_DROP, reason);
	else
		bh_packet_decide(p, BH_FATE_PASS,
				 mode == BH_MODE_MONITOR ? BH_REASON_MONITOR : BH_REASON_DISCOVER);
}

/* An ICMP error passes when it speaks of a flow that is allowed now, and goes to the end that sent
 * the quoted packet: of a tunnel's packet, the flow inside, and the tunnel's end. */
void
bh_judge_icmp_error(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow_key key, inner;
	struct bh_flow *f;
	uint32_t have;
	const uint8_t *head = bh_frame_head(w, p->m, &have);
	enum bh_reason reason;
	uint8_t sender;

	if (bh_net_quoted(head, have, &p->h, &key, &sender) != BH_REASON_NONE) {
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_ICMP_QUOTE);
		return;
	}
	reason = bh_net_quoted_inner(&w->parse, head, have, &p->h, &inner);
	if (reason != BH_REASON_NONE) {
		refuse_icmp_error(w, p, reason);
		return;
	}
	f = bh_flow_lookup(w->flows, &inner, bh_flow_hash_hot(w->flows, &inner));
	if (f == NULL && ask_next_worker(w, p))
		return;
	if (f == NULL || bh_flow_is_expired(w, f) || !passes_now(w, f) ||
	    memcmp(&key.addr[sender], &p->h.key.addr[1 - p->h.from], 16) != 0) {
		refuse_icmp_error(w, p, BH_REASON_ICMP_UNSOLICITED);
		return;
	}
	bh_packet_decide(p, BH_FATE_PASS, BH_REASON_RELATED);
}
