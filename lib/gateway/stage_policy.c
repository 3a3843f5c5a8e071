/* policy: judge what has no current verdict: new flows, and known ones after their labels or the
 * policy changed. */
#include "app_threat.h"
#include "opening.h"

static inline bool
is_flow_of(const struct bh_flow *f, const struct bh_flow_key *key)
{
	return f != NULL && (f->flags & BH_FLAG_USED) != 0 &&
	       memcmp(&f->key, key, sizeof(*key)) == 0;
}

/* Which end of the key opened a flow whose first seen packet this is? The sender, but for packets that
 * only a responder sends, and TCP connections picked up in the middle, where the lower port, if it
 * is a well-known one, is the server. Of those without one the sender is a guess. */
static unsigned
find_initiator(const struct bh_parsed *h, bool *guess)
{
	const uint8_t synack = BH_TCP_SYN | BH_TCP_ACK;
	unsigned peer = 1u - h->from;

	*guess = false;
	if (h->key.proto != 6 || bh_tcp_opens(h->tcp_flags))
		return h->from;
	if ((h->tcp_flags & synack) == synack)
		return peer;
	if (h->key.port[h->from] < 1024 && h->key.port[peer] >= 1024)
		return peer;
	*guess = h->key.port[h->from] >= 1024 && h->key.port[peer] >= 1024;
	return h->from;
}

/* Judge a flow whose first seen packet this is. Where only a guess says who opened it, the other end did if the
 * policy lets that one and not this one: the first packet seen is as often an answer. */
static void
judge_first(struct bh_worker *w, const struct bh_packet *p, bool guess, unsigned *initiator,
	    struct bh_judgement *j)
{
	struct bh_judgement other;
	unsigned peer = 1u - *initiator;

	bh_policy_judge(w->view, &p->h.key, *initiator, bh_service_of(&p->h, *initiator), NULL, j);
	bh_count(&w->c.judged, 1);
	if (likely(!guess) || !bh_is_against(j->verdict))
		return;
	bh_policy_judge(w->view, &p->h.key, peer, bh_service_of(&p->h, peer), NULL, &other);
	bh_count(&w->c.judged, 1);
	if (bh_is_against(other.verdict))
		return;
	*initiator = peer;
	*j = other;
}

static void
store_judgement(struct bh_flow *f, const struct bh_judgement *j)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		f->slot[i] = j->slot[i];
		f->segment[i] = j->segment[i];
		f->class_[i] = j->class_[i];
	}
	f->stamp = j->stamp;
	f->rule = j->rule;
	f->verdict = j->verdict;
	f->reason = j->reason;
	f->mode = j->mode & 3u;
}

static void
report_if_violation(struct bh_worker *w, struct bh_packet *p, const struct bh_judgement *j)
{
	if (j->verdict == BH_VERDICT_ALLOW || j->verdict == BH_VERDICT_PENDING ||
	    (p->flow->flags & BH_FLAG_ALERTED) != 0)
		return;
	p->flow->flags |= BH_FLAG_ALERTED;
	bh_record_violation(w, p, (enum bh_verdict)j->protect_verdict);
}

static struct bh_flow *
add_flow(struct bh_worker *w, struct bh_packet *p, unsigned initiator)
{
	struct bh_flow *f = bh_flow_insert(w->flows, &p->h.key, p->hash, w->now_ms, w->wall_ns);

	if (f == NULL)
		return NULL;
	f->flags |= (uint8_t)(initiator * BH_FLAG_INITIATOR);
	if (p->h.key.proto == 1 || p->h.key.proto == 58) {
		/* The key holds the identifier; policy needs type and code again when it changes. */
		f->tcp_seen[0] = (uint8_t)(p->h.service >> 8);
		f->tcp_seen[1] = (uint8_t)p->h.service;
	}
	bh_count(&w->c.flows_opened, 1);
	return f;
}

/* A TCP packet of no known connection, in a mode that blocks: it is not a violation (the late end of an
 * old connection looks like this), but it does not pass. */
static bool
refuse_midstream(struct bh_worker *w, struct bh_packet *p, unsigned initiator)
{
	if (p->h.key.proto != 6 || bh_tcp_opens(p->h.tcp_flags) || w->config->midstream ||
	    bh_policy_pair_mode(w->view, &p->h.key, initiator) != BH_MODE_PROTECT)
		return false;
	bh_packet_decide(p, BH_FATE_DROP, BH_REASON_TCP_MIDSTREAM);
	return true;
}

static void
judge_new(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_judgement j;
	struct bh_flow *f;
	bool guess;
	unsigned initiator = find_initiator(&p->h, &guess);

	if (unlikely(p->unless_known != BH_REASON_NONE)) {
		bh_packet_decide(p,
				 p->unless_known == BH_REASON_L2_PASS ? BH_FATE_PASS : BH_FATE_DROP,
				 (enum bh_reason)p->unless_known);
		return;
	}
	if (unlikely(w->watch.flooded) && bh_threat_sieved(w, p))
		return;
	if (refuse_midstream(w, p, initiator))
		return;
	if (unlikely(atomic_load_explicit(&w->g->settles, memory_order_relaxed)) &&
	    p->h.key.proto == 6 && bh_tcp_opens(p->h.tcp_flags)) {
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_HANDOVER);
		return;
	}
	judge_first(w, p, guess, &initiator, &j);
	if (w->watch.opened && bh_threat_opens(w, p, initiator, &j))
		return;
	f = add_flow(w, p, initiator);
	p->flow = f;
	if (f == NULL) {
		bh_packet_decide(p, BH_FATE_DROP,
				 bh_is_blocked(j.verdict) ? j.reason : BH_REASON_FLOW_TABLE_FULL);
		return;
	}
	store_judgement(f, &j);
	if (j.verdict != BH_VERDICT_PENDING && !j.by_operation)
		bh_rule_decided(w, j.rule);
	if (p->h.key.proto == 6 && !bh_tcp_opens(p->h.tcp_flags))
		f->flags |= BH_FLAG_MIDSTREAM;
	if (bh_is_blocked(j.verdict))
		bh_flow_refuse(w, f);
	if (w->watch.opened)
		bh_threat_opened(w, p);
	report_if_violation(w, p, &j);
	if (unlikely(w->config->n_external_ips != 0) && !bh_is_blocked(j.verdict))
		bh_app_threat_external(w, p);
}

/* The service a flow was opened to, from its key or, for ICMP, from what add_flow kept. */
static uint16_t
flow_service(const struct bh_flow *f, unsigned initiator)
{
	switch (f->key.proto) {
	case 6:
	case 17:
	case 132:
		return f->key.port[1 - initiator];
	case 1:
	case 58:
		return (uint16_t)(f->tcp_seen[0] << 8 | f->tcp_seen[1]);
	default:
		return 0;
	}
}

static void
judge(struct bh_worker *w, const struct bh_flow *f, struct bh_judgement *out)
{
	unsigned initiator = f->flags & BH_FLAG_INITIATOR;
	struct bh_proto_state own;
	struct bh_said said;

	bh_policy_judge(w->view, &f->key, initiator, flow_service(f, initiator),
			bh_app_said(w, f, &own, &said), out);
}

void
bh_judge_flow(struct bh_worker *w, const struct bh_flow *f, struct bh_judgement *out)
{
	judge(w, f, out);
	bh_count(&w->c.judged, 1);
}

bool
bh_judge_stays(struct bh_worker *w, struct bh_flow *f)
{
	struct bh_judgement j;

	/* What it said on another gateway is not known here: whether it may go on is asked of more than its rule. */
	if (f->ext != 0 || f->carried == BH_CARRIED_EXAMINED ||
	    (w->watch.opened && w->config->n_quotas != 0))
		return false;
	judge(w, f, &j);
	if (j.verdict != f->verdict || j.reason != f->reason || (j.mode & 3u) != f->mode ||
	    j.by_operation || j.class_[0] != f->class_[0] || j.class_[1] != f->class_[1])
		return false;
	bh_count(&w->c.judged, 1);
	if (f->rule != j.rule)
		bh_rule_decided(w, j.rule);
	store_judgement(f, &j);
	return true;
}

/* Same key, another owner of an address: the record of the old flow ends here and a new one begins,
 * with the connection's state but none of its rights. */
static struct bh_flow *
succeed_flow(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow old = *p->flow, *f;

	p->flow->ext = 0; /* goes on in the new one */
	bh_flow_remove(w->flows, p->flow, BH_FLOW_END_RELABELLED);
	bh_count(&w->c.flows_relabelled, 1);
	f = bh_flow_insert(w->flows, &p->h.key, p->hash, w->now_ms, w->wall_ns);
	if (f == NULL) {
		bh_app_release(w, old.ext, BH_REASON_FLOW_TABLE_FULL);
		return NULL;
	}
	bh_count(&w->c.flows_opened, 1);
	f->flags |= old.flags & (BH_FLAG_INITIATOR | BH_FLAG_REPLIED | BH_FLAG_MIDSTREAM |
				 BH_FLAG_LAST_FIN | BH_FLAG_APP_DONE);
	f->app = old.app;
	f->app_proof = old.app_proof;
	f->ext = old.ext;
	if (f->ext != 0)
		w->app[f->ext].flow = f;
	f->state = old.state;
	memcpy(f->tcp_seen, old.tcp_seen, sizeof(f->tcp_seen));
	f->verdict = old.verdict;
	return f;
}

/* State of a flow that was refused and is allowed now. */
static uint8_t
restored_state(const struct bh_flow *f)
{
	bool replied = (f->flags & BH_FLAG_REPLIED) != 0;

	if (f->key.proto == 6)
		return replied ? BH_STATE_ESTABLISHED : BH_STATE_SYN_SENT;
	if (f->key.proto == 1 || f->key.proto == 58)
		return BH_STATE_ICMP;
	return replied ? BH_STATE_REPLIED : BH_STATE_NEW;
}

/* Can what it says still be judged from its first byte on? A connection: while its bytes wait until they are judged
 * (where nothing is blocked: are read), or where it begins with this packet. Datagrams: from any one on. */
static bool
can_be_heard(struct bh_worker *w, const struct bh_packet *p, enum bh_mode mode)
{
	struct bh_flow *f = p->flow;
	const struct bh_app_context *c = f->ext != 0 ? &w->app[f->ext] : NULL;
	bool udp = f->key.proto == 17,
	     waits = c != NULL && c->stream != NULL && c->hold && !c->passed;

	if (c != NULL && c->phase != BH_APP_LET_GO &&
	    (udp || waits || (c->stream != NULL && mode != BH_MODE_PROTECT)))
		return true;
	if (!udp && (!bh_tcp_opens(p->h.tcp_flags) || (f->flags & BH_FLAG_REPLIED) != 0 ||
		     p->h.from != (f->flags & BH_FLAG_INITIATOR)))
		return false;
	/* What it has now belongs to bytes that nobody judged. */
	bh_app_release(w, f->ext, BH_REASON_POLICY_CHANGED);
	f->ext = 0;
	return true;
}

/* Rules now ask what the flow says. One that is examined is asked again with its next step; a connection whose bytes
 * have passed unseen can't be. */
static void
judge_again_by_words(struct bh_worker *w, struct bh_packet *p, struct bh_judgement *j)
{
	bool asks = j->verdict == BH_VERDICT_PENDING || j->by_operation;
	enum bh_exception x = BH_EXCEPTION_MIDSTREAM;
	enum bh_exception_action action;
	struct bh_flow *f = p->flow;

	if (f->ext != 0)
		w->app[f->ext].ask_again = true;
	if (unlikely(f->carried != BH_CARRIED_NOT)) {
		/* What sensors have to look for is in bytes that come next, too. */
		asks |= f->carried == BH_CARRIED_EXAMINED && f->key.proto == 6 &&
			j->verdict == BH_VERDICT_ALLOW && bh_app_inspect_blocks(w);
		x = BH_EXCEPTION_HANDOVER;
	}
	if (!asks)
		return;
	if (can_be_heard(w, p, (enum bh_mode)j->mode)) {
		if (j->mode == BH_MODE_PROTECT || j->verdict == BH_VERDICT_PENDING)
			j->verdict = BH_VERDICT_PENDING;
		f->flags &= (uint8_t)~BH_FLAG_APP_DONE;
		return;
	}
	action = (enum bh_exception_action)w->config->exception[x];
	bh_count(&w->c.exceptions[x], 1);
	j->verdict = BH_VERDICT_ALLOW;
	j->reason = BH_REASON_EXCEPTION;
	if (j->mode == BH_MODE_PROTECT && action != BH_ACTION_PASS) {
		j->verdict = action == BH_ACTION_REJECT ? BH_VERDICT_REJECT : BH_VERDICT_DENY;
		j->protect_verdict = j->verdict;
		j->reason =
			x == BH_EXCEPTION_HANDOVER ? BH_REASON_HANDOVER : BH_REASON_TCP_MIDSTREAM;
		if (x == BH_EXCEPTION_HANDOVER)
			bh_count(&w->carried.cut, 1);
	}
}

/* It was refused for what it said, not for who it is: a change of policy does not take that back. */
static bool
stays_refused(const struct bh_flow *f)
{
	return bh_is_blocked(f->verdict) &&
	       (f->reason == BH_REASON_SENSOR || f->reason == BH_REASON_THREAT);
}

/* What is blocked now leaves nothing behind that waits. */
static void
forget_words(struct bh_worker *w, struct bh_flow *f)
{
	bh_app_release(w, f->ext, (enum bh_reason)f->reason);
	f->ext = 0;
}

static void
judge_again(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow *f = p->flow;
	bool was_blocked = bh_is_blocked(f->verdict), was_against = bh_is_against(f->verdict),
	     relabelled;
	enum bh_mode was_mode = (enum bh_mode)f->mode;
	struct bh_judgement j;

	bh_judge_flow(w, f, &j);
	if (stays_refused(f) && !bh_is_blocked(j.verdict)) {
		f->stamp = j.stamp;
		f->slot[0] = j.slot[0];
		f->slot[1] = j.slot[1];
		return;
	}
	judge_again_by_words(w, p, &j);
	relabelled = j.class_[0] != f->class_[0] || j.class_[1] != f->class_[1];
	if (relabelled) {
		f = succeed_flow(w, p);
		p->flow = f;
		if (f == NULL) {
			bh_packet_decide(p, BH_FATE_DROP, BH_REASON_FLOW_TABLE_FULL);
			return;
		}
	}
	if (w->watch.opened && w->config->n_quotas != 0 && !relabelled)
		bh_threat_sessions(w, f, false);
	if (j.verdict != BH_VERDICT_PENDING && !j.by_operation && (relabelled || f->rule != j.rule))
		bh_rule_decided(w, j.rule);
	store_judgement(f, &j);
	if (w->watch.opened && w->config->n_quotas != 0)
		bh_threat_sessions(w, f, true);
	if (w->watch.opened && relabelled && bh_threat_on(w, BH_THREAT_SESSION_LIMIT))
		bh_threat_session(w, f, true);
	if (bh_is_against(j.verdict) && (!was_against || was_mode != f->mode)) {
		/* Was allowed: say what changed rather than that nothing allows it. */
		if (!was_against && j.reason != BH_REASON_TCP_MIDSTREAM &&
		    j.reason != BH_REASON_HANDOVER && j.restriction == 0)
			f->reason =
				relabelled ? BH_REASON_LABELS_CHANGED : BH_REASON_POLICY_CHANGED;
		f->flags &= (uint8_t)~BH_FLAG_ALERTED;
	}
	if (bh_is_blocked(j.verdict) && !was_blocked) {
		bh_flow_refuse(w, f);
		forget_words(w, f);
	} else if (!bh_is_blocked(j.verdict) && was_blocked) {
		f->state = restored_state(f);
	}
	report_if_violation(w, p, &j);
}

/* Flows ended while this burst was judged (evicted, relabelled): a later packet may still point at
 * an entry that now is another flow's. */
static void
find_again(struct bh_worker *w, struct bh_burst *b)
{
	unsigned i;

	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];

		if (p->flow != NULL && !is_flow_of(p->flow, &p->h.key))
			p->flow = bh_flow_lookup(w->flows, &p->h.key, p->hash);
	}
}

void
bh_stage_policy(struct bh_worker *w, struct bh_burst *b)
{
	uint64_t ended = w->c.flows_ended;
	unsigned i;

	if (likely(b->n_judge == 0))
		return;
	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];

		if (likely(p->judge == BH_JUDGE_NO) || p->fate != BH_FATE_OPEN)
			continue;
		if (p->judge == BH_JUDGE_ERROR) {
			bh_judge_icmp_error(w, p);
			continue;
		}
		/* An earlier packet of the burst may have opened, replaced or judged it. */
		if (p->judge == BH_JUDGE_NEW || !is_flow_of(p->flow, &p->h.key))
			p->flow = bh_flow_lookup(w->flows, &p->h.key, p->hash);
		if (p->flow == NULL)
			judge_new(w, p);
		else if (p->flow->stamp !=
			 bh_view_stamp(w->view, p->flow->slot[0], p->flow->slot[1]))
			judge_again(w, p);
		if (unlikely(w->carry != NULL) && p->flow != NULL)
			bh_carry_mark(w, p->flow);
	}
	if (unlikely(ended != w->c.flows_ended))
		find_again(w, b);
}
