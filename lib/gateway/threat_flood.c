/* Connections that are opened and never completed: SYN floods, and cookies in front of who is flooded. */
#include "threat_state.h"

/* A client that answered a cookie needs none for so long, counted from its last connection. */
#define VERIFIED_MS 300000
#define TCP_HEAD 20u
#define PRESSED_ANSWERS 4u /* of a burst */
/* Cookies are good for up to 2 * 65,536 ms. */
#define COOKIES_MS 131072
/* SYNs are looked at for floods before they are judged for so long after the last one of a flood. */
#define FLOODED_MS 60000

static bool
is_half_open(uint8_t state)
{
	return state == BH_STATE_SYN_SENT || state == BH_STATE_SYN_RECEIVED;
}

static struct bh_threat_case
flood_case(const struct bh_packet *p, unsigned initiator, uint64_t count)
{
	/* Its sources are made up: it is told once of an address that is flooded. */
	return (struct bh_threat_case){.p = p,
				       .threat = BH_THREAT_SYN_FLOOD,
				       .source = 1 - initiator,
				       .count = count,
				       .detail = "half-open connections to src_ip"};
}

/* ---- cookies ----------------------------------------------------------------------------------------- */

static struct bh_threat_cell *
verified_cell(struct bh_worker *w, const struct bh_packet *p)
{
	struct bh_threat_cell *c = bh_threat_known(w, &p->h.key, p->h.from, BH_SALT_VERIFIED);

	return c != NULL && w->now_ms - c->start_ms < VERIFIED_MS ? c : NULL;
}

static bool
is_verified(struct bh_worker *w, const struct bh_packet *p)
{
	struct bh_threat_cell *c = verified_cell(w, p);

	if (c == NULL)
		return false;
	c->start_ms = c->seen_ms = w->now_ms;
	c->count++;
	return true;
}

static bool
is_bare(const struct bh_packet *p)
{
	return p->h.payload_off - p->h.l4_off == TCP_HEAD;
}

/* An answer costs more than all else that is done about a SYN, and under a flood frames of those who have connections wait
 * behind it in the receive ring. Who has a TCP says how much it takes (MSS, RFC 9293 3.7.1); bare SYNs are made by tools, so
 * few of them are answered. When more waits than is taken, few of the others are, too. */
static bool
may_ask(struct bh_worker *w, const struct bh_packet *p)
{
	struct bh_threat_state *s = w->threat;

	if (is_bare(p))
		return bh_bucket_take(&s->bare, w->mono_ns / BH_NS_PER_MS);
	if (s->answered_at != w->c.packets)
		s->answered = 0;
	s->answered_at = w->c.packets;
	return !w->pressed || s->answered++ < PRESSED_ANSWERS;
}

/* Would may_ask() say no? */
static bool
is_not_asked(const struct bh_worker *w, const struct bh_packet *p)
{
	const struct bh_threat_state *s = w->threat;

	if (is_bare(p))
		return bh_bucket_is_empty(&s->bare, w->mono_ns / BH_NS_PER_MS);
	return w->pressed && s->answered_at == w->c.packets && s->answered >= PRESSED_ANSWERS;
}

static void
ask_for_proof(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_threat_state *s = w->threat;
	uint32_t cookie = bh_threat_cookie(&s->secret, &p->h.key, p->h.from, w->now_ms);

	/* This one number would be right: the client would believe it. One in 2^32. */
	if (cookie != p->h.tcp_seq + 1 && may_ask(w, p) && bh_answer_cookie(w, p, cookie)) {
		s->cookies = true;
		s->cookie_ms = w->now_ms;
	}
	bh_packet_decide(p, BH_FATE_DROP, BH_REASON_SYN_COOKIE);
}

void
bh_threat_cookie_answer(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_threat_state *s = w->threat;
	struct bh_threat_cell *c;

	if (w->now_ms - s->cookie_ms > COOKIES_MS) {
		s->cookies = false;
		return;
	}
	if (!bh_threat_cookie_good(&s->secret, &p->h.key, p->h.from, w->now_ms, p->h.tcp_seq))
		return;
	c = bh_threat_cell(w, &p->h.key, p->h.from, BH_SALT_VERIFIED);
	c->start_ms = w->now_ms;
	c->count++;
	bh_packet_decide(p, BH_FATE_DROP, BH_REASON_SYN_COOKIE);
}

/* ---- half-open connections ---------------------------------------------------------------------------- */

/* SYNs of the window that ended are few, and so are the connections still half open: calm again? */
static void
calm_down(struct bh_worker *w, struct bh_threat_cell *c)
{
	uint32_t calm = bh_threat_calm(w->config->threat[BH_THREAT_SYN_FLOOD].threshold);

	if (c->over && c->before < calm && c->extra < calm)
		c->over = false;
}

static void
remember_flood(struct bh_worker *w)
{
	w->watch.flooded = true;
	w->threat->flooded_ms = w->now_ms;
}

/* Most SYNs of a flood end unanswered, and looking up who they claim to be is most of what one costs. Policy is not asked
 * where it could say nothing else: all ends protect, and none is an exception. */
bool
bh_threat_sieved(struct bh_worker *w, struct bh_packet *p)
{
	const struct bh_threat_rule *rule = &w->config->threat[BH_THREAT_SYN_FLOOD];
	struct bh_threat_state *s = w->threat;
	struct bh_threat_cell *c;

	if (w->now_ms - s->flooded_ms >= FLOODED_MS) {
		w->watch.flooded = false;
		return false;
	}
	if (p->h.key.proto != 6 || !bh_tcp_opens(p->h.tcp_flags) || !is_not_asked(w, p) ||
	    rule->action == BH_THREAT_ALERT || rule->except != 0 || !w->g->p.send_rejects ||
	    !bh_policy_all_protect(w->view))
		return false;
	c = bh_threat_known(w, &p->h.key, 1u - p->h.from, BH_SALT_SYN);
	if (c == NULL || !c->over)
		return false;
	s->flooded_ms = w->now_ms;
	if (verified_cell(w, p) != NULL)
		return false;
	if (bh_threat_window(c, 1, w->now_ms, rule->window_ms))
		calm_down(w, c);
	if (c->seen_ms != w->now_ms) {
		const struct bh_threat_case k = flood_case(p, p->h.from, c->count);

		c->seen_ms = w->now_ms;
		bh_threat_report(w, &k);
	} else {
		bh_count(&w->c.threats[BH_THREAT_SYN_FLOOD], 1);
	}
	bh_packet_decide(p, BH_FATE_DROP, BH_REASON_SYN_COOKIE);
	return true;
}

bool
bh_threat_syn(struct bh_worker *w, struct bh_packet *p, unsigned initiator,
	      const struct bh_judgement *j)
{
	const struct bh_threat_rule *rule = &w->config->threat[BH_THREAT_SYN_FLOOD];
	struct bh_threat_state *s = w->threat;
	struct bh_threat_cell *c = bh_threat_cell(w, &p->h.key, 1 - initiator, BH_SALT_SYN);

	if (bh_threat_window(c, 1, w->now_ms, rule->window_ms))
		calm_down(w, c);
	/* Offline nobody can be asked. */
	if (likely(!c->over && !s->besieged) || j->mode != BH_MODE_PROTECT ||
	    !w->g->p.send_rejects || rule->action == BH_THREAT_ALERT ||
	    bh_threat_excepted(w, BH_THREAT_SYN_FLOOD, &p->h.key))
		return false;
	/* What policy denies takes no place in the table of flows now. */
	if (j->verdict == BH_VERDICT_DENY || j->verdict == BH_VERDICT_REJECT) {
		bh_packet_decide(p, BH_FATE_DROP, (enum bh_reason)j->reason);
		return true;
	}
	if (is_verified(w, p))
		return false;
	if (c->over) {
		const struct bh_threat_case k = flood_case(p, initiator, c->count);

		remember_flood(w);
		bh_threat_report(w, &k);
	}
	ask_for_proof(w, p);
	return true;
}

static void
count_embryo(struct bh_worker *w, struct bh_packet *p)
{
	const struct bh_threat_rule *rule = &w->config->threat[BH_THREAT_SYN_FLOOD];
	unsigned initiator = p->flow->flags & BH_FLAG_INITIATOR;
	struct bh_threat_state *s = w->threat;
	struct bh_threat_cell *c = bh_threat_cell(w, &p->h.key, 1 - initiator, BH_SALT_SYN);

	p->flow->flags |= BH_FLAG_EMBRYO;
	c->extra++;
	s->embryos++;
	s->besieged = s->embryos >= bh_flow_capacity(w->flows) / 2;
	if (c->extra >= rule->threshold && !c->over) {
		const struct bh_threat_case k = flood_case(p, initiator, c->extra);

		c->over = true;
		remember_flood(w);
		bh_threat_report(w, &k);
	}
}

void
bh_threat_opened(struct bh_worker *w, struct bh_packet *p)
{
	if (w->config->n_quotas != 0)
		bh_threat_sessions(w, p->flow, true);
	if (bh_threat_on(w, BH_THREAT_SESSION_LIMIT))
		bh_threat_session(w, p->flow, true);
	if (bh_threat_on(w, BH_THREAT_SYN_FLOOD) && p->flow->state == BH_STATE_SYN_SENT &&
	    p->h.key.proto == 6)
		count_embryo(w, p);
}

/* SYNs that come again and again are no better than others. Who is real and had its SYN answered before the flood, but not
 * the answer, loses this flow by its RST and gets the next one by its cookie. */
bool
bh_threat_syn_again(struct bh_worker *w, struct bh_packet *p)
{
	const struct bh_threat_rule *rule = &w->config->threat[BH_THREAT_SYN_FLOOD];
	unsigned initiator = p->flow->flags & BH_FLAG_INITIATOR;
	struct bh_threat_cell *c;

	/* The first one, which opened the flow, is not asked. */
	if (!bh_tcp_opens(p->h.tcp_flags) || p->h.from != initiator ||
	    p->flow->packets[initiator] < 2)
		return false;
	c = bh_threat_known(w, &p->h.key, 1 - initiator, BH_SALT_SYN);
	if (c == NULL || !c->over || rule->action == BH_THREAT_ALERT ||
	    p->flow->mode != BH_MODE_PROTECT || !w->g->p.send_rejects ||
	    bh_threat_excepted(w, BH_THREAT_SYN_FLOOD, &p->h.key) || is_verified(w, p))
		return false;
	bh_threat_window(c, 1, w->now_ms, rule->window_ms);
	ask_for_proof(w, p);
	return true;
}

static void
uncount_embryo(struct bh_worker *w, const struct bh_flow *f)
{
	struct bh_threat_cell *c =
		bh_threat_known(w, &f->key, 1 - (f->flags & BH_FLAG_INITIATOR), BH_SALT_SYN);
	struct bh_threat_state *s = w->threat;

	if (c != NULL && c->extra != 0)
		c->extra--;
	s->embryos--;
	/* A quarter below where it began. */
	if (s->besieged && s->embryos < bh_flow_capacity(w->flows) / 8 * 3)
		s->besieged = false;
}

/* Both ends want to open the connection to each other: RFC 9293 allows it, and nobody does it but to confuse who looks on. */
static enum bh_threat_action
report_split(struct bh_worker *w, struct bh_flow *f, unsigned from)
{
	const struct bh_threat_case k = {.f = f,
					 .threat = BH_THREAT_SPLIT_HANDSHAKE,
					 .source = from};
	enum bh_threat_action action = bh_threat_report(w, &k);

	if (action != BH_THREAT_ALERT) {
		f->verdict = action == BH_THREAT_RESET ? BH_VERDICT_REJECT : BH_VERDICT_DENY;
		f->reason = BH_REASON_THREAT;
		bh_flow_refuse(w, f);
	}
	return action;
}

/* SYN, not SYN/ACK, of whom was asked. */
static bool
is_split(const struct bh_worker *w, const struct bh_flow *f, unsigned from, uint8_t tcp_flags)
{
	return bh_tcp_opens(tcp_flags) && from != (f->flags & BH_FLAG_INITIATOR) &&
	       bh_threat_on(w, BH_THREAT_SPLIT_HANDSHAKE);
}

bool
bh_threat_split(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow *f = p->flow;
	enum bh_threat_action action;

	if (f->state != BH_STATE_SYN_SENT || !is_split(w, f, p->h.from, p->h.tcp_flags))
		return false;
	action = report_split(w, f, p->h.from);
	if (action == BH_THREAT_ALERT)
		return false;
	bh_app_release(w, f->ext, BH_REASON_THREAT);
	f->ext = 0;
	bh_threat_enforce(p, action);
	return true;
}

void
bh_threat_moved(struct bh_worker *w, struct bh_flow *f, unsigned from, uint8_t tcp_flags,
		uint8_t before)
{
	if ((f->flags & BH_FLAG_EMBRYO) != 0 && !is_half_open(f->state)) {
		uncount_embryo(w, f);
		f->flags &= (uint8_t)~BH_FLAG_EMBRYO;
	}
	if (before == BH_STATE_SYN_SENT && f->state == BH_STATE_CLOSED &&
	    from != (f->flags & BH_FLAG_INITIATOR))
		bh_threat_unanswered(w, f);
	if (before == BH_STATE_SYN_SENT && f->ext == 0 && is_split(w, f, from, tcp_flags))
		report_split(w, f, from);
}

void
bh_threat_ended(struct bh_worker *w, const struct bh_flow *f, enum bh_flow_end why)
{
	if (bh_threat_on(w, BH_THREAT_SESSION_LIMIT))
		bh_threat_session(w, f, false);
	if (f->state == BH_STATE_SYN_SENT && why == BH_FLOW_END_TIMEOUT)
		bh_threat_unanswered(w, f);
	if (w->config->n_quotas != 0)
		bh_threat_sessions(w, f, false);
	if ((f->flags & BH_FLAG_EMBRYO) != 0)
		uncount_embryo(w, f);
}
