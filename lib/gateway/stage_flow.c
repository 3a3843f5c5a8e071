/* flow: look up the whole burst at once. A known flow whose stamp is current has its verdict; one
 * whose labels or policy changed, and one that is new, go on to the policy stage. */
#include "opening.h"

static inline void
judge(struct bh_burst *b, struct bh_packet *p, enum bh_judge why)
{
	p->judge = (uint8_t)why;
	b->n_judge++;
}

/* Packets of a flow that came before the one that ends it: what holds for them now. Its entry may be another flow's when
 * the burst is judged. What waits for its judgement gets none. */
static void
settle_earlier(struct bh_worker *w, struct bh_burst *b, const struct bh_packet *last)
{
	const struct bh_flow *f = last->flow;
	bool allowed = f->verdict == BH_VERDICT_ALLOW || f->verdict == BH_VERDICT_VIOLATE;
	bool examined = f->ext != 0 && w->app[f->ext].stream != NULL;
	struct bh_packet *p;

	for (p = b->p; p < last; p++) {
		if (p->flow != f || p->fate != BH_FATE_OPEN)
			continue;
		if (f->mode != BH_MODE_PROTECT || (allowed && !examined && p->judge == BH_JUDGE_NO))
			bh_packet_decide(p, BH_FATE_PASS, bh_flow_pass_reason(f));
		else
			bh_packet_decide(p, BH_FATE_DROP,
					 bh_is_blocked(f->verdict) ? (enum bh_reason)f->reason
								   : BH_REASON_TCP_MIDSTREAM);
		p->flow = NULL;
	}
}

static void
end_flow(struct bh_worker *w, struct bh_burst *b, struct bh_packet *p, enum bh_flow_end why)
{
	settle_earlier(w, b, p);
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
	if (j.verdict == BH_VERDICT_ALLOW)
		bh_packet_decide(p, BH_FATE_PASS, j.reason);
	else if (j.verdict == BH_VERDICT_VIOLATE)
		bh_packet_decide(p, BH_FATE_PASS, BH_REASON_MONITOR);
	else
		bh_packet_decide(p, BH_FATE_DROP, j.reason);
	p->flow = NULL;
}

/* What has no handshake is opened by whoever is heard first: by an answer, where the gateway starts or forgets
 * while others talk. That its sender may not open speaks against this flow, not against the one that
 * the other end may open. What was refused for what it said stays so. */
static __rte_noinline bool
opens_in_its_own_right(struct bh_worker *w, const struct bh_packet *p)
{
	const struct bh_flow *f = p->flow;
	struct bh_judgement j;

	if (f->reason != BH_REASON_DEFAULT_DENY && f->reason != BH_REASON_UNKNOWN_SEGMENT &&
	    f->reason != BH_REASON_RULE_DENY && f->reason != BH_REASON_RULE_REJECT &&
	    f->verdict != BH_VERDICT_VIOLATE)
		return false;
	bh_policy_judge(w->view, &p->h.key, p->h.from, bh_service_of(&p->h, p->h.from), NULL, &j);
	bh_count(&w->c.judged, 1);
	return !bh_is_against(j.verdict);
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
	if (unlikely(bh_flow_is_expired(w, f)))
		end_flow(w, b, p, BH_FLOW_END_TIMEOUT);
	else if (unlikely(bh_is_against(f->verdict)) &&
		 p->h.from != (f->flags & BH_FLAG_INITIATOR) && bh_may_ask(&p->h) &&
		 opens_in_its_own_right(w, p))
		end_flow(w, b, p, BH_FLOW_END_CLOSED);
	else if (unlikely((p->h.flags & BH_PKT_TO_SERVER_HINT) != 0 &&
			  p->h.from != (f->flags & BH_FLAG_INITIATOR)))
		judge_query_back(w, p);
	else if (unlikely(bh_flow_reopens(f, &p->h)))
		end_flow(w, b, p, BH_FLOW_END_CLOSED);
	else if (unlikely(f->stamp != bh_view_stamp(w->view, f->slot[0], f->slot[1])))
		judge(b, p, BH_JUDGE_STALE);
}

static void
judge_layer2(struct bh_worker *w, struct bh_packet *p)
{
	if (w->config->frame_pass[p->h.kind])
		bh_packet_decide(p, BH_FATE_PASS, BH_REASON_L2_PASS);
	else
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_L2_DENY);
}

/* What is decided without a flow of its own. */
static void
judge_other(struct bh_worker *w, struct bh_burst *b, struct bh_packet *p)
{
	if (p->fate != BH_FATE_OPEN)
		return;
	if (w->view == NULL)
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_NO_POLICY);
	else if (p->h.kind != BH_FRAME_IP)
		judge_layer2(w, p);
	else
		judge(b, p, BH_JUDGE_ERROR);
}

/* The packets that have a flow, as bits: those to be looked up, whose index lines are on their way, and those that the
 * known stage has looked up. */
static inline uint32_t
hash_burst(struct bh_worker *w, struct bh_burst *b, uint32_t *found)
{
	uint32_t open = 0;
	unsigned i;

	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];

		if (unlikely(p->fate != BH_FATE_OPEN || w->view == NULL ||
			     p->h.kind != BH_FRAME_IP || (p->h.flags & BH_PKT_ICMP_ERROR) != 0)) {
			judge_other(w, b, p);
			continue;
		}
		if (p->found) {
			*found |= UINT32_C(1) << i;
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
	uint32_t open, found = 0, late = 0, left;
	struct bh_packet *p;

	_Static_assert(BH_BURST <= 32, "a bit a packet");
	b->n_judge = b->n_unnamed = 0;
	open = hash_burst(w, b, &found);
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
	for (left = open | found; left != 0; left &= left - 1) {
		p = &b->p[__builtin_ctz(left)];
		if (!p->found)
			p->flow = bh_flow_confirm_hot(w->flows, p->flow, &p->h.key, p->hash);
		if (likely(p->flow != NULL))
			use_flow(w, b, p);
		else
			judge(b, p, BH_JUDGE_NEW);
	}
}
