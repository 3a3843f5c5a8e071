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
judge(struct bh_burst *b, struct bh_packet *p, enum bh_judge why)
{
	p->judge = (uint8_t)why;
	b->n_judge++;
}

static void
end_flow(struct bh_worker *w, struct bh_burst *b, struct bh_packet *p, enum bh_flow_end why)
{
	bh_flow_remove(w->flows, p->flow, why);
	p->flow = NULL;
	judge(b, p, BH_JUDGE_NEW);
}

/* An echo request, or another query, from the end that had been asked: both directions have one key, but the
 * flow is the other end's and does not speak for this one. */
static void
judge_query_back(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_judgement j;

	bh_policy_judge(w->view, &p->h.key, p->h.from, p->h.service, NULL, &j);
	bh_count(&w->c.judged, 1);
	if (j.verdict == BH_VERDICT_ALLOW || j.verdict == BH_VERDICT_VIOLATE)
		bh_packet_decide(p, BH_FATE_PASS, j.reason);
	else
		bh_packet_decide(p, BH_FATE_DROP, j.reason);
	p->flow = NULL;
}

static inline void
use_flow(struct bh_worker *w, struct bh_burst *b, struct bh_packet *p)
{
	const uint8_t usual = BH_FLAG_USED | BH_FLAG_APP_DONE;
	struct bh_flow *f = p->flow;

	if (unlikely((f->flags & usual) != usual)) {
		/* An earlier packet of this burst may have ended it; nothing is inserted before
		 * the policy stage, so that the entry is not another flow's yet. */
		if ((f->flags & BH_FLAG_USED) == 0) {
			p->flow = NULL;
			judge(b, p, BH_JUDGE_NEW);
			return;
		}
		b->n_unnamed++;
	}
	if (unlikely(is_expired(w, f)))
		end_flow(w, b, p, BH_FLOW_END_TIMEOUT);
	else if (unlikely((p->h.flags & BH_PKT_TO_SERVER_HINT) != 0 &&
			  p->h.from != (f->flags & BH_FLAG_INITIATOR)))
		judge_query_back(w, p);
	else if (unlikely(bh_flow_reopens(f, &p->h)))
		end_flow(w, b, p, BH_FLOW_END_CLOSED);
	else if (unlikely(f->stamp != bh_view_stamp(w->view, f->slot[0], f->slot[1])))
		judge(b, p, BH_JUDGE_STALE);
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

static void
refuse_icmp_error(struct bh_worker *w, struct bh_packet *p, enum bh_reason reason)
{
	if (w->view->mode == BH_MODE_PROTECT)
		bh_packet_decide(p, BH_FATE_DROP, reason);
	else
		bh_packet_decide(p, BH_FATE_PASS,
				 w->view->mode == BH_MODE_MONITOR ? BH_REASON_MONITOR
								  : BH_REASON_DISCOVER);
}

/* An ICMP error passes when it speaks of a flow that is allowed now, and goes to the end that sent
 * the quoted packet: of a tunnel's packet, the flow inside, and the tunnel's end. */
static void
judge_icmp_error(struct bh_worker *w, struct bh_packet *p)
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
	if (f == NULL || is_expired(w, f) || !passes_now(w, f) ||
	    memcmp(&key.addr[sender], &p->h.key.addr[1 - p->h.from], 16) != 0) {
		refuse_icmp_error(w, p, BH_REASON_ICMP_UNSOLICITED);
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

/* What is decided without a flow. */
static void
judge_other(struct bh_worker *w, struct bh_packet *p)
{
	if (p->fate != BH_FATE_OPEN)
		return;
	if (w->view == NULL)
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_NO_POLICY);
	else if (p->h.kind != BH_FRAME_IP)
		judge_layer2(w, p);
	else
		judge_icmp_error(w, p);
}

/* The packets that have a flow, as bits; their index lines are on their way. */
static inline uint32_t
hash_burst(struct bh_worker *w, struct bh_burst *b)
{
	uint32_t open = 0;
	unsigned i;

	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];

		if (unlikely(p->fate != BH_FATE_OPEN || w->view == NULL ||
			     p->h.kind != BH_FRAME_IP || (p->h.flags & BH_PKT_ICMP_ERROR) != 0)) {
			judge_other(w, p);
			continue;
		}
		p->hash = bh_flow_hash_hot(w->flows, &p->h.key);
		bh_flow_prefetch_hot(w->flows, p->hash);
		open |= UINT32_C(1) << i;
	}
	return open;
}

void
bh_stage_flow(struct bh_worker *w, struct bh_burst *b)
{
	uint32_t open = hash_burst(w, b), late = 0, left;
	struct bh_packet *p;

	_Static_assert(BH_BURST <= 32, "a bit a packet");
	b->n_judge = b->n_unnamed = 0;
	for (left = open; left != 0; left &= left - 1) {
		p = &b->p[__builtin_ctz(left)];
		p->flow = bh_flow_candidate_hot(w->flows, p->hash);
		if (unlikely(p->flow == NULL))
			late |= left & -left;
	}
	for (left = late; left != 0; left &= left - 1) {
		p = &b->p[__builtin_ctz(left)];
		p->flow = bh_flow_late_hot(w->flows, p->hash);
	}
	for (left = open; left != 0; left &= left - 1) {
		p = &b->p[__builtin_ctz(left)];
		p->flow = bh_flow_confirm_hot(w->flows, p->flow, &p->h.key, p->hash);
		if (likely(p->flow != NULL))
			use_flow(w, b, p);
		else
			judge(b, p, BH_JUDGE_NEW);
	}
}
