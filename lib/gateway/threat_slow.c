/* Connections that are open and do nothing, and those that are kept at a trickle. And connections that come in even steps. */
#include "threat_state.h"

/* ---- no client data -------------------------------------------------------------------------------------- */

/* Its end has sent nothing but headers, of at most 60 bytes of TCP and IP, and pushed nothing. */
static bool
is_silent(const struct bh_worker *w, const struct bh_flow *f, uint32_t window_ms)
{
	unsigned client = f->flags & BH_FLAG_INITIATOR;
	uint64_t header = f->key.family == BH_IP4 ? 72 : 92;

	return f->key.proto == 6 && f->state == BH_STATE_ESTABLISHED &&
	       (f->flags & BH_FLAG_MIDSTREAM) == 0 && (f->tcp_seen[client] & BH_TCP_PSH) == 0 &&
	       f->bytes[client] <= f->packets[client] * header &&
	       w->wall_ns - f->start_ns >= window_ms * BH_NS_PER_MS;
}

static void
count_silent(struct bh_worker *w, struct bh_flow *f)
{
	const struct bh_threat_rule *rule = &w->config->threat[BH_THREAT_NO_CLIENT_DATA];
	unsigned server = 1 - (f->flags & BH_FLAG_INITIATOR);
	struct bh_threat_cell *c = bh_threat_cell(w, &f->key, server, BH_SALT_SILENT);
	enum bh_threat_action action;

	/* Counted anew each time the table has been gone through. */
	if (c->extra != w->threat->silent_turn)
		c->count = 0;
	c->extra = w->threat->silent_turn;
	c->count++;
	if (c->count < rule->threshold)
		return;
	action = bh_threat_report(w, &(struct bh_threat_case){.f = f,
							      .threat = BH_THREAT_NO_CLIENT_DATA,
							      .source = 1 - server,
							      .count = c->count});
	if (action == BH_THREAT_ALERT)
		return;
	bh_app_release(w, f->ext, BH_REASON_THREAT);
	f->ext = 0;
	f->verdict = action == BH_THREAT_RESET ? BH_VERDICT_REJECT : BH_VERDICT_DENY;
	f->reason = BH_REASON_THREAT;
	bh_flow_refuse(w, f);
}

void
bh_threat_sweep(struct bh_worker *w, uint64_t slices)
{
	const uint32_t window = w->config->threat[BH_THREAT_NO_CLIENT_DATA].window_ms;
	struct bh_threat_state *s = w->threat;
	uint32_t end =
		s->silent_at + (uint32_t)RTE_MIN(slices * w->age_budget, (uint64_t)BH_AGE_PER_TURN);
	struct bh_flow *f;

	while ((f = bh_flow_next(w->flows, &s->silent_at, end)) != NULL) {
		if (is_silent(w, f, window))
			count_silent(w, f);
	}
	if (s->silent_at < end) {
		s->silent_at = 0;
		s->silent_turn++;
	}
}

/* ---- small window ----------------------------------------------------------------------------------------- */

#define SENT_MUCH (256u << 10)

static uint64_t
side_id(const struct bh_worker *w, const struct bh_packet *p)
{
	return bh_mum(p->hash ^ w->threat->secret.k[0], BH_SALT_WINDOW + p->h.from) | 1;
}

void
bh_threat_window_of(struct bh_worker *w, struct bh_packet *p)
{
	const struct bh_threat_rule *rule = &w->config->threat[BH_THREAT_SMALL_WINDOW];
	struct bh_threat_state *s = w->threat;
	struct bh_threat_cell *c;

	if (p->h.key.proto != 6 || (p->h.tcp_flags & (BH_TCP_SYN | BH_TCP_RST | BH_TCP_FIN)) != 0 ||
	    p->flow->state != BH_STATE_ESTABLISHED)
		return;
	/* Who has been sent much and rests for a while is a player of videos, not an attack. */
	if (likely(p->h.tcp_window >= rule->threshold ||
		   p->flow->bytes[1u - p->h.from] > SENT_MUCH)) {
		/* What had been small has grown. */
		if (s->small_windows && (c = bh_threat_table_find(s->cells, side_id(w, p))) != NULL)
			c->over = false;
		return;
	}
	s->small_windows = true;
	c = bh_threat_table_get(s->cells, side_id(w, p), w->now_ms);
	if (!c->over) {
		c->over = true;
		c->start_ms = w->now_ms;
	}
	if (w->now_ms - c->start_ms < rule->window_ms)
		return;
	bh_threat_enforce(
		p, bh_threat_report(w, &(struct bh_threat_case){.p = p,
								.f = p->flow,
								.threat = BH_THREAT_SMALL_WINDOW,
								.source = p->h.from,
								.count = p->h.tcp_window}));
}

/* ---- beacons ---------------------------------------------------------------------------------------------- */

#define STEP_MIN_MS 5000u
#define STEP_MAX_MS 7200000u

/* Steps are even when each is within a tenth, or a second, of those before. */
static void
count_step(struct bh_threat_cell *c, uint32_t now_ms)
{
	uint32_t step = now_ms - c->start_ms, off, slack;

	off = step > c->before ? step - c->before : c->before - step;
	slack = RTE_MAX(c->before / 10, 1000u);
	c->start_ms = now_ms;
	if (!c->over || step > STEP_MAX_MS || off > slack) {
		c->count = c->over && step <= STEP_MAX_MS ? 2 : 1;
		c->before = step;
		c->over = true;
		return;
	}
	c->before = (uint32_t)(((uint64_t)c->before * 3 + step) / 4);
	c->count++;
}

void
bh_threat_beacon(struct bh_worker *w, struct bh_packet *p, unsigned initiator)
{
	const struct bh_threat_rule *rule = &w->config->threat[BH_THREAT_BEACON];
	const struct bh_hash_key *secret = &w->threat->secret;
	uint64_t id = bh_mum(bh_threat_id(secret, &p->h.key, initiator, BH_SALT_BEACON),
			     bh_threat_id(secret, &p->h.key, 1 - initiator,
					  p->h.key.port[1 - initiator]));
	struct bh_threat_cell *c = bh_threat_table_get(w->threat->cells, id | 1, w->now_ms);

	/* Several at once are one: also a SYN that was dropped and comes again. */
	if (!c->over || w->now_ms - c->start_ms >= STEP_MIN_MS)
		count_step(c, w->now_ms);
	if (c->count >= rule->threshold)
		bh_threat_enforce(
			p, bh_threat_report(w, &(struct bh_threat_case){.p = p,
									.threat = BH_THREAT_BEACON,
									.source = initiator,
									.count = c->count}));
}
