/* record: from what a worker knows to an event in its ring. */
#include <stdio.h>

#include "gateway_priv.h"

static void
push(struct bh_worker *w, struct bh_event *e)
{
	e->worker = (uint8_t)w->index;
	if (!bh_event_push(w->events, e))
		bh_count(&w->c.events_lost, 1);
}

static void
fill_flow(const struct bh_worker *w, struct bh_event *e, const struct bh_flow *f)
{
	unsigned i;

	e->key = f->key;
	e->flow_id = bh_flow_id(w->flows, f);
	e->has_flow = 1;
	e->start_ns = f->start_ns;
	e->rule = f->rule;
	/* Judged by operation it is pending to its end: up to here it was allowed. */
	e->verdict =
		f->verdict == BH_VERDICT_PENDING && f->app != 0 ? BH_VERDICT_ALLOW : f->verdict;
	e->reason = f->reason;
	e->app = f->app;
	e->mode = f->mode;
	e->initiator = f->flags & BH_FLAG_INITIATOR;
	e->flow_state = f->state;
	e->alerted = (f->flags & BH_FLAG_ALERTED) != 0;
	e->app_done = (f->flags & BH_FLAG_APP_DONE) != 0;
	e->last_ms_ago = w->now_ms - f->last_ms;
	for (i = 0; i < 2; i++) {
		e->bytes[i] = f->bytes[i];
		e->packets[i] = f->packets[i];
		e->segment[i] = f->segment[i];
		e->tcp_seen[i] = f->tcp_seen[i];
	}
	e->service = (uint16_t)(f->tcp_seen[0] << 8 | f->tcp_seen[1]);
}

static void
fill_judged(const struct bh_worker *w, struct bh_event *e, const struct bh_flow *f)
{
	const struct bh_app_context *c = &w->app[f->ext];
	unsigned i, side;

	for (i = 0; f->ext != 0 && i < 2; i++) {
		side = i ^ (f->flags & BH_FLAG_INITIATOR);
		e->judged_bytes[i] = c->judged_bytes[side];
		e->judged_hash[i] = c->judged_hash[side];
	}
}

static void
fill_packet(const struct bh_worker *w, struct bh_event *e, const struct bh_packet *p)
{
	const struct bh_parsed *h = &p->h;

	e->time_ns = w->wall_ns;
	e->port = p->wire;
	e->frame_kind = h->kind;
	e->frame_len = (uint16_t)RTE_MIN(p->m->pkt_len, UINT16_MAX);
	e->l3_len = h->l3_len;
	e->ip_id = h->ip_id;
	e->ethertype = h->ethertype;
	e->service = h->service;
	e->tcp_flags = h->tcp_flags;
	e->tcp_seq = h->tcp_seq;
	e->tcp_ack = h->tcp_ack;
	e->tcp_window = h->tcp_window;
	e->ttl = h->ttl;
	if (!e->has_flow)
		e->mode = w->view != NULL ? w->view->mode : (uint8_t)BH_MODE_PROTECT;
}

void
bh_record_violation(struct bh_worker *w, const struct bh_packet *p, enum bh_verdict verdict)
{
	struct bh_event e = {.type = BH_EVENT_VIOLATION};

	fill_flow(w, &e, p->flow);
	fill_packet(w, &e, p);
	e.verdict = (uint8_t)verdict;
	push(w, &e);
	if (p->flow->verdict != BH_VERDICT_VIOLATE) {
		e.type = BH_EVENT_DROP;
		push(w, &e);
	}
}

static void
add_values(struct bh_event_text *t, const struct bh_op *op)
{
	unsigned i;

	for (i = 0; op != NULL && i < op->n; i++)
		bh_event_text_add(t, op->value[i].field, op->value[i].at, op->value[i].len);
}

static bool
push_text(struct bh_worker *w, struct bh_event *e, const struct bh_event_text *t)
{
	e->worker = (uint8_t)w->index;
	if (bh_event_push_text(w->events, e, t))
		return true;
	bh_count(&w->c.events_lost, 1);
	return false;
}

bool
bh_record_names(struct bh_worker *w, const struct bh_flow *f, const struct bh_event_text *t)
{
	struct bh_event e = {.type = BH_EVENT_NAMES, .time_ns = w->wall_ns};

	fill_flow(w, &e, f);
	return push_text(w, &e, t);
}

void
bh_record_refusal(struct bh_worker *w, const struct bh_flow *f, const struct bh_app_case *k,
		  enum bh_verdict verdict)
{
	struct bh_event e = {.type = BH_EVENT_VIOLATION};
	struct bh_event_text t;

	t.len = 0;
	t.cut = false;
	add_values(&t, k->op);
	if (k->why != NULL)
		bh_event_text_add(&t, BH_EVENT_WHY, k->why, strlen(k->why));
	fill_flow(w, &e, f);
	fill_judged(w, &e, f);
	e.verdict = (uint8_t)verdict;
	e.time_ns = w->wall_ns;
	e.frame_kind = BH_FRAME_IP;
	if (k->p != NULL)
		fill_packet(w, &e, k->p);
	push_text(w, &e, &t);
}

static void
push_sensor(struct bh_worker *w, struct bh_event *e, const struct bh_flow *f,
	    const struct bh_deed *deed, struct bh_event_text *t)
{
	const char *action = bh_sensor_action_name(deed->action);

	bh_event_text_add(t, BH_EVENT_SENSOR_ACTION, action, strlen(action));
	fill_flow(w, e, f);
	if (deed->verdict != BH_VERDICT_ALLOW) {
		e->verdict = (uint8_t)deed->verdict;
		e->reason = BH_REASON_SENSOR;
	}
	if (deed->action == BH_SENSOR_QUARANTINE && f->mode == BH_MODE_PROTECT)
		e->respond = deed->side == 0 ? BH_RESPOND_QUARANTINE : BH_RESPOND_QUARANTINE_TARGET;
	e->time_ns = w->wall_ns;
	e->frame_kind = BH_FRAME_IP;
	push_text(w, e, t);
}

void
bh_record_sensor(struct bh_worker *w, const struct bh_flow *f,
		 const struct bh_inspect_finding *found, const struct bh_deed *deed)
{
	const struct bh_inspect_class_info *info = bh_inspect_class_info(found->class);
	struct bh_event e = {.type = BH_EVENT_SENSOR, .severity = info->severity};
	char place[BH_INSPECT_NAME_MAX + 32];
	struct bh_event_text t;

	t.len = 0;
	t.cut = false;
	bh_app_where(found, place, sizeof(place));
	bh_event_text_add(&t, BH_EVENT_SENSOR_KEY, info->key, strlen(info->key));
	bh_event_text_add(&t, BH_EVENT_SENSOR_TEXT, info->text, strlen(info->text));
	bh_event_text_add(&t, BH_EVENT_SENSOR_ATTACK, info->attack, strlen(info->attack));
	bh_event_text_add(&t, BH_EVENT_SENSOR_WHERE, place, strlen(place));
	bh_event_text_add(&t, BH_EVENT_SENSOR_EXCERPT, found->excerpt, strlen(found->excerpt));
	e.sensor_offset = found->offset;
	e.sensor_message = found->message;
	push_sensor(w, &e, f, deed, &t);
}

void
bh_record_threat(struct bh_worker *w, const struct bh_threat_case *k, bool blocked, uint32_t missed)
{
	const struct bh_threat_info *info = k->info != NULL ? k->info : bh_threat_info(k->threat);
	struct bh_event e = {.type = BH_EVENT_THREAT, .severity = info->severity};
	struct bh_judgement j = {.segment = {UINT32_MAX, UINT32_MAX}, .rule = BH_NO_RULE};
	struct bh_event_text t;

	t.len = 0;
	t.cut = false;
	bh_event_text_add(&t, BH_EVENT_SENSOR_KEY, info->sensor, strlen(info->sensor));
	bh_event_text_add(&t, BH_EVENT_SENSOR_TEXT, info->text, strlen(info->text));
	bh_event_text_add(&t, BH_EVENT_SENSOR_ATTACK, info->attack, strlen(info->attack));
	if (k->detail != NULL)
		bh_event_text_add(&t, BH_EVENT_WHY, k->detail, strlen(k->detail));
	e.time_ns = w->wall_ns;
	e.frame_kind = BH_FRAME_IP;
	if (k->f != NULL) {
		fill_flow(w, &e, k->f);
	} else {
		e.key = k->p->h.key;
		if (w->view != NULL && k->p->h.kind == BH_FRAME_IP && e.key.family != 0)
			bh_policy_judge(w->view, &e.key, k->source, k->p->h.service, NULL, &j);
		memcpy(e.segment, j.segment, sizeof(e.segment));
		e.rule = BH_NO_RULE;
	}
	if (k->p != NULL)
		fill_packet(w, &e, k->p);
	e.mode = (uint8_t)bh_threat_mode(w, k);
	e.initiator = (uint8_t)k->source;
	e.verdict = blocked ? BH_VERDICT_DENY : BH_VERDICT_ALLOW;
	e.reason = blocked ? BH_REASON_THREAT : BH_REASON_NONE;
	if (k->p != NULL && k->p->fate == BH_FATE_DROP) {
		/* Is dropped whatever the threat's action is. */
		e.verdict = BH_VERDICT_DENY;
		e.reason = k->p->reason;
	}
	e.judged_bytes[0] = k->count;
	e.judged_bytes[1] = k->info != NULL ? k->threshold : w->config->threat[k->threat].threshold;
	e.repeated = missed;
	push_text(w, &e, &t);
}

void
bh_record_hit(struct bh_worker *w, const struct bh_flow *f, const struct bh_sensor_hit *hit,
	      const struct bh_deed *deed)
{
	enum { BEFORE = 96 };
	const struct bh_sensor_rule *r = hit->rule;
	const char *key = r->category != NULL ? r->category : hit->sensor->category;
	const char *attack = r->attack != NULL ? r->attack : hit->sensor->attack;
	const char *what = r->message != NULL ? r->message : r->name;
	const char *where = bh_sensor_context_key(hit->context);
	struct bh_event e = {.type = BH_EVENT_SENSOR, .severity = hit->severity};
	size_t n = RTE_MIN(hit->len, (size_t)BEFORE);
	char excerpt[BH_INSPECT_EXCERPT_MAX];
	struct bh_event_text t;

	t.len = 0;
	t.cut = false;
	key = key != NULL ? key : hit->sensor->name;
	bh_event_text_add(&t, BH_EVENT_SENSOR_KEY, key, strlen(key));
	bh_event_text_add(&t, BH_EVENT_SENSOR_RULE, r->name, strlen(r->name));
	bh_event_text_add(&t, BH_EVENT_SENSOR_TEXT, what, strlen(what));
	if (attack != NULL)
		bh_event_text_add(&t, BH_EVENT_SENSOR_ATTACK, attack, strlen(attack));
	bh_event_text_add(&t, BH_EVENT_SENSOR_WHERE, where, strlen(where));
	if (n != 0) {
		bh_inspect_mask(excerpt, sizeof(excerpt), hit->at + hit->len - n, n);
		bh_event_text_add(&t, BH_EVENT_SENSOR_EXCERPT, excerpt, strlen(excerpt));
	}
	/* Known of the match is where it ends. */
	e.sensor_offset = hit->offset;
	e.sensor_message = hit->message;
	push_sensor(w, &e, f, deed, &t);
}

void
bh_record_operation(struct bh_worker *w, const struct bh_flow *f, const struct bh_op *op)
{
	struct bh_event e = {.type = BH_EVENT_OPERATION};
	struct bh_event_text t;

	t.len = 0;
	t.cut = false;
	add_values(&t, op);
	if (t.len == 0)
		return;
	fill_flow(w, &e, f);
	e.time_ns = w->wall_ns;
	e.frame_kind = BH_FRAME_IP;
	push_text(w, &e, &t);
}

void
bh_record_drop(struct bh_worker *w, const struct bh_packet *p)
{
	struct bh_event e = {.type = BH_EVENT_DROP};
	uint64_t refused = w->event_bucket.refused;

	/* Anyone can send malformed packets as fast as the wire goes: a bounded number of them is
	 * written about, the counters know the rest. */
	if (!bh_bucket_take(&w->event_bucket, w->mono_ns / BH_NS_PER_MS))
		return;
	w->event_bucket.refused = 0;
	if (bh_reason_group(p->reason) == BH_GROUP_MALFORMED)
		e.type = BH_EVENT_MALFORMED;
	e.key = p->h.key;
	e.initiator = p->h.from;
	e.rule = BH_NO_RULE;
	e.segment[0] = e.segment[1] = UINT32_MAX;
	e.verdict = BH_VERDICT_DENY;
	e.reason = p->reason;
	e.repeated = (uint32_t)RTE_MIN(refused, UINT32_MAX);
	fill_packet(w, &e, p);
	push(w, &e);
}

void
bh_record_flow_active(struct bh_worker *w, const struct bh_flow *f)
{
	struct bh_event e = {.type = BH_EVENT_FLOW_ACTIVE};

	fill_flow(w, &e, f);
	e.time_ns = w->wall_ns;
	e.frame_kind = BH_FRAME_IP;
	push(w, &e);
}

void
bh_record_flow_end(void *worker, const struct bh_flow *f, enum bh_flow_end why)
{
	struct bh_worker *w = worker;
	struct bh_event e = {.type = BH_EVENT_FLOW};

	if (unlikely(w->carry != NULL))
		bh_carry_gone(w, f);
	bh_count(&w->c.flows_ended, 1);
	bh_rule_ended(w, f);
	if (w->watch.opened)
		bh_threat_ended(w, f, why);
	fill_judged(w, &e, f);
	bh_app_release(w, f->ext,
		       why == BH_FLOW_END_SHUTDOWN ? BH_REASON_SHUTDOWN : BH_REASON_HOLD_TIME);
	if (why == BH_FLOW_END_EVICTED)
		bh_count(&w->c.flows_evicted, 1);
	if ((!w->config->event_flows && !w->config->learn) || w->adopted_ends ||
	    (unlikely(w->fenced) && f->carried != BH_CARRIED_NOT))
		return;
	fill_flow(w, &e, f);
	e.time_ns = w->wall_ns;
	e.frame_kind = BH_FRAME_IP;
	e.flow_end = (uint8_t)why;
	push(w, &e);
}
