/* flow: look up the whole burst at once. A known flow whose stamp is current has its verdict; one
 * whose labels or policy changed, and one that is new, go on to the policy stage. */
#include "gateway_priv.h"

/* Is the flow past its time-out, by the sweep's own measure? It would have found it a little later: a flow
 * never lives longer than configured just because the sweep was elsewhere. */
static inline bool
is_expired(const struct bh_worker *w, const struct bh_flow *f)
{
	return (int32_t)(w->now_ms - f->last_ms) >= (int32_t)w->timeout_ms[f->state];
}

static inline void
use_flow(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow *f = p->flow;

	/* An earlier packet of this burst may have ended it; nothing is inserted before the policy
	 * stage, so that the entry is not another flow's yet. */
	if (unlikely((f->flags & BH_FLAG_USED) == 0)) {
		p->flow = NULL;
		p->judge = BH_JUDGE_NEW;
		return;
	}
	if (unlikely(is_expired(w, f))) {
		bh_flow_remove(w->flows, f, BH_FLOW_END_TIMEOUT);
		p->flow = NULL;
		p->judge = BH_JUDGE_NEW;
		return;
	}
	if (unlikely(bh_flow_reopens(f, &p->h))) {
		bh_flow_remove(w->flows, f, BH_FLOW_END_CLOSED);
		p->flow = NULL;
		p->judge = BH_JUDGE_NEW;
		return;
	}
	if (unlikely(f->stamp != bh_view_stamp(w->view, f->slot[0], f->slot[1])))
		p->judge = BH_JUDGE_STALE;
}

/* May packets of this flow pass now? Its verdict, or a new one if that is stale. */
static bool
passes_now(struct bh_worker *w, const struct bh_flow *f)
{
	struct bh_judgement j = {.verdict = f->verdict};

	if (f->stamp != bh_view_stamp(w->view, f->slot[0], f->slot[1]))
		bh_judge_flow(w, f, &j);
	return j.verdict == BH_VERDICT_ALLOW || j.verdict == BH_VERDICT_VIOLATE;
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

/* An ICMP error passes when it speaks of a flow that is allowed now, and goes to the end that sent
 * the quoted packet. */
static void
judge_icmp_error(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow_key key;
	struct bh_flow *f;
	uint32_t have;
	const uint8_t *head = bh_frame_head(w, p->m, &have);
	uint8_t sender;

	if (bh_net_quoted(head, have, &p->h, &key, &sender) != BH_REASON_NONE) {
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_ICMP_QUOTE);
		return;
	}
	f = bh_flow_lookup(w->flows, &key, bh_flow_hash_hot(w->flows, &key));
	if (f == NULL && ask_next_worker(w, p))
		return;
	if (f == NULL || is_expired(w, f) || !passes_now(w, f) ||
	    memcmp(&key.addr[sender], &p->h.key.addr[1 - p->h.from], 16) != 0) {
		if (w->view->mode == BH_MODE_PROTECT)
			bh_packet_decide(p, BH_FATE_DROP, BH_REASON_ICMP_UNSOLICITED);
		else
			bh_packet_decide(p, BH_FATE_PASS,
					 w->view->mode == BH_MODE_MONITOR ? BH_REASON_MONITOR
									  : BH_REASON_DISCOVER);
		return;
	}
	bh_packet_decide(p, BH_FATE_PASS, BH_REASON_RELATED);
}

static void
judge_layer2(struct bh_worker *w, struct bh_packet *p)
{
	if (w->config->frame_pass[p->h.kind])
		bh_packet_decide(p, BH_FATE_PASS, BH_REASON_L2_PASS);
	else
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_L2_DENY);
}

void
bh_stage_flow(struct bh_worker *w, struct bh_burst *b)
{
	const struct bh_flow_key *keys[BH_BURST];
	struct bh_flow *flows[BH_BURST];
	uint64_t hash[BH_BURST];
	uint8_t at[BH_BURST];
	unsigned i, n = 0;

	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];

		if (unlikely(p->fate != BH_FATE_OPEN))
			continue;
		if (unlikely(w->view == NULL)) {
			bh_packet_decide(p, BH_FATE_DROP, BH_REASON_NO_POLICY);
			continue;
		}
		if (unlikely(p->h.kind != BH_FRAME_IP)) {
			judge_layer2(w, p);
			continue;
		}
		if (unlikely(p->h.flags & BH_PKT_ICMP_ERROR)) {
			judge_icmp_error(w, p);
			continue;
		}
		keys[n] = &p->h.key;
		hash[n] = p->hash = bh_flow_hash_hot(w->flows, &p->h.key);
		bh_flow_prefetch_hot(w->flows, hash[n]);
		at[n++] = (uint8_t)i;
	}
	if (unlikely(n == 0))
		return;
	bh_flow_lookup_bulk(w->flows, keys, hash, n, flows);
	for (i = 0; i < n; i++) {
		struct bh_packet *p = &b->p[at[i]];

		p->flow = flows[i];
		if (likely(p->flow != NULL))
			use_flow(w, p);
		else
			p->judge = BH_JUDGE_NEW;
	}
}
