/* What policy says to what a flow says, and what follows from it. */
#include "app_threat.h"

const struct bh_said *
bh_app_said(const struct bh_worker *w, const struct bh_flow *f, struct bh_proto_state *own,
	    struct bh_said *said)
{
	*said = (struct bh_said){.app = own, .scratch = w->policy_scratch};
	if (f->ext != 0 && w->app[f->ext].phase != BH_APP_LET_GO) {
		said->app = &w->app[f->ext].state;
		return said;
	}
	/* A connection in the middle of which another gateway stopped listening: nor is what it said there. */
	if (f->carried == BH_CARRIED_EXAMINED && f->key.proto == 6)
		return NULL;
	/* A connection that was refused while it was examined: what it says now is nobody's judgement. */
	if ((f->flags & BH_FLAG_APP_DONE) == 0 &&
	    (f->app == 0 || (f->key.proto == 6 && f->state == BH_STATE_REFUSED)))
		return NULL;
	*own = (struct bh_proto_state){.app = (uint8_t)f->app, .decided = true};
	return said;
}

static bool
is_monitored(const struct bh_app_case *k)
{
	return !k->c->hold || k->c->flow->mode != BH_MODE_PROTECT;
}

/* Nothing more is judged, but detectors of threats still read. */
static void
go_on_for_threats(struct bh_worker *w, struct bh_app_context *c)
{
	c->phase = BH_APP_INSPECTION;
	c->passed = true;
	bh_stream_release(c->stream, 0, bh_stream_read_so_far(c->stream, 0));
	bh_stream_release(c->stream, 1, bh_stream_read_so_far(c->stream, 1));
	bh_hold_forward_ready(w, c);
}

void
bh_app_let_go(struct bh_worker *w, struct bh_app_context *c)
{
	unsigned i;

	if (c->phase == BH_APP_OPERATIONS) {
		bh_ops_close(&c->u.ops);
		c->state.decided = true; /* the window is gone */
	}
	bh_app_inspect_end(w, c);
	if (c->threat && c->phase != BH_APP_LET_GO) {
		go_on_for_threats(w, c);
		return;
	}
	c->phase = BH_APP_LET_GO;
	if (c->stream != NULL) {
		bh_stream_let_go(w->streams, c->stream);
		bh_hold_forward_ready(w, c);
	}
	for (i = 0; i < c->n_held; i++)
		bh_hold_forward(w, c->flow, c->held[i], &c->tag[i]);
	c->n_held = 0;
	c->held_bytes = 0;
}

/* Examined no longer, and allowed. */
static void
pass_on(struct bh_worker *w, const struct bh_app_case *k, enum bh_verdict verdict,
	enum bh_reason reason)
{
	struct bh_flow *f = k->c->flow;

	f->verdict = (uint8_t)verdict;
	f->reason = (uint8_t)reason;
	bh_app_let_go(w, k->c);
}

bool
bh_app_refuse(struct bh_worker *w, const struct bh_app_case *k, enum bh_reason reason,
	      enum bh_denied how)
{
	struct bh_app_context *c = k->c;
	struct bh_flow *f = c->flow;
	struct bh_packet *p = k->p;
	enum bh_verdict verdict = how == BH_DENIED_DROP ? BH_VERDICT_DENY : BH_VERDICT_REJECT;

	f->reason = (uint8_t)reason;
	f->flags |= BH_FLAG_ALERTED;
	if (!k->told)
		bh_record_refusal(w, f, k, verdict);
	if (is_monitored(k)) {
		f->verdict = BH_VERDICT_VIOLATE;
		return true;
	}
	f->verdict = (uint8_t)verdict;
	bh_flow_refuse(w, f);
	if (how != BH_DENIED_DROP && p != NULL && c->stream != NULL)
		bh_answer_reset(w, p, c->stream,
				how == BH_DENIED_RESPOND && c->asked == c->answered);
	bh_app_release(w, f->ext, reason);
	f->ext = 0;
	if (p != NULL)
		bh_packet_decide(p, BH_FATE_DROP, reason);
	return false;
}

bool
bh_app_except(struct bh_worker *w, const struct bh_app_case *k, enum bh_exception x,
	      enum bh_reason reason)
{
	enum bh_exception_action action = (enum bh_exception_action)w->config->exception[x];

	bh_count(&w->c.exceptions[x], 1);
	if (action == BH_ACTION_PASS) {
		pass_on(w, k, BH_VERDICT_ALLOW, BH_REASON_EXCEPTION);
		return true;
	}
	if (action == BH_ACTION_DROP_PACKET && !is_monitored(k)) {
		if (k->p != NULL)
			bh_packet_decide(k->p, BH_FATE_DROP, reason);
		return false;
	}
	/* Only read: nothing that it says is asked for. */
	if (is_monitored(k) && k->c->flow->verdict == BH_VERDICT_ALLOW) {
		bh_app_let_go(w, k->c);
		return true;
	}
	if (!bh_app_refuse(w, k, reason,
			   action == BH_ACTION_REJECT ? BH_DENIED_RESET : BH_DENIED_DROP))
		return false;
	bh_app_let_go(w, k->c);
	return true;
}

static uint16_t
service_of(const struct bh_flow *f)
{
	return f->key.port[1 - (f->flags & BH_FLAG_INITIATOR)];
}

static void
ask(struct bh_worker *w, const struct bh_app_case *k, const struct bh_op *op,
    struct bh_judgement *j)
{
	const struct bh_flow *f = k->c->flow;
	const struct bh_said said = {.app = &k->c->state, .op = op, .scratch = w->policy_scratch};

	bh_policy_judge(w->view, &f->key, f->flags & BH_FLAG_INITIATOR, service_of(f), &said, j);
	bh_count(&w->c.judged, 1);
}

static bool
is_refusal(const struct bh_judgement *j)
{
	return j->verdict == BH_VERDICT_DENY || j->verdict == BH_VERDICT_REJECT ||
	       (j->verdict == BH_VERDICT_VIOLATE && !j->by_operation);
}

static enum bh_denied
how_to_refuse(const struct bh_judgement *j)
{
	return j->protect_verdict == BH_VERDICT_REJECT && j->denied == BH_DENIED_DROP
		       ? BH_DENIED_RESET
		       : (enum bh_denied)j->denied;
}

bool
bh_app_judge(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_context *c = k->c;
	struct bh_flow *f = c->flow;
	struct bh_judgement j;
	bool reads;
	bool records = w->config->app_parse == BH_PARSE_ALL && bh_ops_known(c->state.app);

	ask(w, k, NULL, &j);
	if (j.verdict != BH_VERDICT_PENDING && !j.by_operation &&
	    (f->verdict == BH_VERDICT_PENDING || f->rule != j.rule))
		bh_rule_decided(w, j.rule);
	f->rule = j.rule;
	f->mode = j.mode & 3u;
	if (is_refusal(&j)) {
		if (!bh_app_refuse(w, k, (enum bh_reason)j.reason, how_to_refuse(&j)))
			return false;
		bh_app_let_go(w, c);
		return true;
	}
	if (j.verdict == BH_VERDICT_PENDING) {
		f->verdict = BH_VERDICT_PENDING;
		return true;
	}
	if (!j.by_operation && !records) {
		if (c->state.app == 0 && !c->state.decided && !c->by_operation &&
		    f->verdict != BH_VERDICT_PENDING)
			return true; /* allowed whatever it is: goes on being named */
		reads = bh_app_inspect_begin(w, c);
		reads |= bh_app_threat_begin(w, c);
		if (bh_app_inspect_is_refused(w, k))
			return false;
		if (c->phase == BH_APP_LET_GO)
			return true;
		if (reads) {
			f->verdict = j.verdict;
			f->reason = j.reason;
			c->phase = BH_APP_INSPECTION;
			c->passed = true;
			c->state.decided = true;
			return bh_app_threat_obey(w, k);
		}
		if (c->phase != BH_APP_INSPECTION)
			pass_on(w, k, (enum bh_verdict)j.verdict, (enum bh_reason)j.reason);
		return true;
	}
	f->reason = j.reason;
	/* Every packet is to come by here: what is judged by operation stays pending. */
	f->verdict = j.by_operation ? BH_VERDICT_PENDING : j.verdict;
	c->by_operation = j.by_operation;
	if (c->phase == BH_APP_NAMING)
		bh_app_start_operations(w, k);
	return f->ext != 0;
}

bool
bh_app_judge_operation(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_context *c = k->c;
	struct bh_flow *f = c->flow;
	struct bh_judgement j;
	enum bh_reason reason;

	if (!c->by_operation)
		return true;
	ask(w, k, k->op, &j);
	bh_rule_decided(w, j.rule);
	if (!is_refusal(&j) && j.verdict != BH_VERDICT_PENDING) {
		f->rule = j.rule;
		return true;
	}
	f->rule = j.rule;
	reason = j.verdict == BH_VERDICT_PENDING ? BH_REASON_OPERATION_DENY
						 : (enum bh_reason)j.reason;
	/* QUIC's hello is one operation over several datagrams that are sent again until they arrive. */
	if (f->key.proto != 6 && c->state.app != BH_APP_QUIC && !is_monitored(k)) {
		/* A datagram stands alone: the flow goes on without it. */
		f->reason = (uint8_t)reason;
		bh_record_refusal(w, f, k,
				  j.verdict == BH_VERDICT_REJECT ? BH_VERDICT_REJECT
								 : BH_VERDICT_DENY);
		bh_packet_decide(k->p,
				 j.verdict == BH_VERDICT_REJECT ? BH_FATE_REJECT : BH_FATE_DROP,
				 reason);
		f->reason = BH_REASON_RULE_ALLOW;
		return false;
	}
	return bh_app_refuse(w, k, reason, how_to_refuse(&j));
}
