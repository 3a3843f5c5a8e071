/* UDP flows that are judged by what they say. Datagrams wait until the application is known; where operations are judged, each
 * datagram is, and what it asks never reaches the server when it may not. */
#include "app_threat.h"

static void
release(struct bh_worker *w, struct bh_flow *f)
{
	bh_app_release(w, f->ext, BH_REASON_NONE);
	f->ext = 0;
}

static struct bh_stream_tag
tag_of(const struct bh_packet *p)
{
	return (struct bh_stream_tag){.l3_len = p->h.l3_len,
				      .wire = p->wire,
				      .side = p->h.from ^ (p->flow->flags & BH_FLAG_INITIATOR)};
}

/* What was held before anyone knew whose operations to judge was not read for them: it does not go. */
static void
drop_held(struct bh_worker *w, struct bh_app_context *c)
{
	unsigned i;

	for (i = 0; i < c->n_held; i++)
		bh_hold_refuse(w, c->held[i], BH_REASON_OPERATION_DENY);
	c->n_held = 0;
	c->held_bytes = 0;
	c->waiting = false;
}

/* Returns false when the flow was refused. */
static bool
hold(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_context *c = k->c;
	struct bh_packet *p = k->p;
	void *handle;

	if (!c->hold)
		return true;
	if (c->n_held == BH_APP_HELD || c->n_held >= w->config->hold_packets)
		return bh_app_except(w, k, BH_EXCEPTION_HOLD_FULL, BH_REASON_HOLD_PACKETS);
	if (c->held_bytes + p->h.payload_len > w->config->hold_bytes)
		return bh_app_except(w, k, BH_EXCEPTION_HOLD_FULL, BH_REASON_HOLD_BYTES);
	handle = bh_hold_packet(w, p);
	if (handle == NULL) {
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_STREAM_SEGMENTS);
		return true;
	}
	if (c->n_held == 0)
		c->held_ms = w->now_ms;
	c->held[c->n_held] = handle;
	c->tag[c->n_held++] = tag_of(p);
	c->held_bytes += p->h.payload_len;
	c->waiting = true;
	w->n_waiting += bh_hold_frames(handle);
	p->fate = BH_FATE_GONE;
	return true;
}

static void
send_held(struct bh_worker *w, struct bh_app_context *c)
{
	unsigned i;

	for (i = 0; i < c->n_held; i++)
		bh_hold_forward(w, c->flow, c->held[i], &c->tag[i]);
	c->n_held = 0;
	c->held_bytes = 0;
	c->waiting = false;
}

static void
pass(struct bh_worker *w, struct bh_packet *p)
{
	if (p->fate != BH_FATE_OPEN)
		return;
	bh_touch_flow(w, p->flow, &p->h);
	bh_packet_decide(p, BH_FATE_PASS, bh_flow_pass_reason(p->flow));
}

static void
operate(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_context *c = k->c;
	struct bh_flow *f = c->flow;
	bool pending, on = bh_app_operate_datagram(w, k, &pending);

	if (!on)
		return;
	if (c->phase == BH_APP_OPERATIONS && pending && c->hold) {
		hold(w, k);
		return;
	}
	send_held(w, c);
	pass(w, k->p);
	if (c->phase == BH_APP_LET_GO) {
		f->flags |= BH_FLAG_APP_DONE;
		release(w, f);
	} else if (c->state.app != BH_APP_QUIC) {
		/* Each datagram stands for itself: nothing is kept between two. */
		release(w, f);
	}
}

static void
find_name(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_context *c = k->c;
	struct bh_flow *f = c->flow;
	bool known = c->state.decided && c->state.app != 0;

	if (!known)
		bh_app_watch(w, k->p, c);
	if (!bh_app_judge(w, k))
		return;
	if (c->phase == BH_APP_OPERATIONS) {
		if (c->by_operation)
			drop_held(w, c);
		operate(w, k);
		return;
	}
	if (c->phase == BH_APP_LET_GO) {
		pass(w, k->p);
		if (c->state.decided) {
			f->flags |= BH_FLAG_APP_DONE;
			release(w, f);
		}
		return;
	}
	if (f->verdict == BH_VERDICT_PENDING && k->p->h.payload_len != 0 && c->hold)
		hold(w, k);
	else
		pass(w, k->p);
}

/* Allowed by ports alone: named in passing. */
static void
watch(struct bh_worker *w, struct bh_packet *p, struct bh_app_context *c)
{
	struct bh_flow *f = p->flow;

	if (p->h.payload_len == 0)
		return;
	bh_app_watch(w, p, c);
	if (c->state.decided) {
		f->flags |= BH_FLAG_APP_DONE;
		release(w, f);
	}
}

static void
examine(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow *f = p->flow;
	bool judged = f->verdict == BH_VERDICT_PENDING || w->config->app_parse == BH_PARSE_ALL;
	struct bh_app_context *c;

	if (f->ext == 0 && p->h.payload_len != 0)
		f->ext = bh_app_take(w, f);
	if (f->ext == 0) {
		if (p->h.payload_len == 0) {
			if (judged)
				pass(w, p);
		} else if (f->verdict == BH_VERDICT_PENDING) {
			/* No context is free: as for a connection. */
			bh_count(&w->c.exceptions[BH_EXCEPTION_STREAM_FULL], 1);
			if (f->mode == BH_MODE_PROTECT &&
			    w->config->exception[BH_EXCEPTION_STREAM_FULL] != BH_ACTION_PASS)
				bh_packet_decide(p, BH_FATE_DROP, BH_REASON_STREAM_FULL);
			else
				pass(w, p);
		} else {
			f->flags |= BH_FLAG_APP_DONE;
		}
		return;
	}
	c = &w->app[f->ext];
	c->flow = f;
	if (!judged) {
		watch(w, p, c);
		return;
	}
	c->hold = f->mode == BH_MODE_PROTECT && f->verdict == BH_VERDICT_PENDING;
	if (f->app != 0 && c->state.app == 0)
		c->state = (struct bh_proto_state){.app = (uint8_t)f->app, .decided = true};
	if (c->phase == BH_APP_OPERATIONS)
		operate(w, &(struct bh_app_case){.p = p, .c = c});
	else if (c->phase == BH_APP_NAMING)
		find_name(w, &(struct bh_app_case){.p = p, .c = c});
	else
		watch(w, p, c);
}

/* Each datagram of DNS is looked at, however the flow was decided. */
static void
look_for_threats(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow *f = p->flow;

	f->flags &= (uint8_t)~BH_FLAG_APP_DONE;
	if (p->fate == BH_FATE_OPEN || p->fate == BH_FATE_PASS)
		bh_app_threat_datagram(w, p);
}

/* Queries and answers alike. */
static void
look_for_names(struct bh_worker *w, struct bh_packet *p)
{
	p->flow->flags &= (uint8_t)~BH_FLAG_APP_DONE;
	if (p->fate == BH_FATE_OPEN || p->fate == BH_FATE_PASS)
		bh_app_names_datagram(w, p);
}

void
bh_app_udp(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow *f = p->flow;

	/* Named and allowed: there is nothing else to ask. */
	if (f->verdict == BH_VERDICT_PENDING || f->ext != 0 ||
	    !(bh_app_threat_keeps(w, f) || bh_app_names_keeps(w, f)) ||
	    w->config->app_parse == BH_PARSE_ALL)
		examine(w, p);
	if (bh_app_threat_keeps(w, f))
		look_for_threats(w, p);
	if (unlikely(bh_app_names_keeps(w, f)))
		look_for_names(w, p);
}
