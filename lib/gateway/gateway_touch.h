/* gateway_touch: what changes a flow, and who hears of it. Part of gateway_priv.h, which includes it. */
#ifndef BH_GATEWAY_TOUCH_H
#define BH_GATEWAY_TOUCH_H

#include "gateway_priv.h"

/* carry.c, adopt.c: the worker's part, at a turn's end; if w->carry, w->adopt. */
void bh_carry_turn(struct bh_worker *w);
void bh_adopt_turn(struct bh_worker *w);
/* With a twin, at each turn's end: end flows of which that one knows better. */
void bh_adopt_forget(struct bh_worker *w);
/* Something of what was told before is not in the table yet. */
bool bh_adopt_waits(const struct bh_worker *w);
/* Whoever is told of flows is to hear of this one, if w->carry: it may have changed; it ends. */
void bh_carry_mark(struct bh_worker *w, const struct bh_flow *f);
void bh_carry_gone(struct bh_worker *w, const struct bh_flow *f);

static inline void
bh_carry_changed(struct bh_worker *w, const struct bh_flow *f)
{
	if (unlikely(w->carry != NULL))
		bh_carry_mark(w, f);
}

/* A packet of end `from` may have moved its flow's state. True: and that is watched. */
static inline bool
bh_flow_moved(struct bh_worker *w, struct bh_flow *f, unsigned from, uint8_t tcp_flags,
	      uint8_t before)
{
	bh_carry_changed(w, f);
	if (f->state == BH_STATE_CLOSED && before != BH_STATE_CLOSED)
		bh_flow_over_hot(w->flows, f);
	if (w->watch.opened)
		bh_threat_moved(w, f, from, tcp_flags, before);
	return w->watch.opened;
}

/* Nothing of it passes any more. */
static inline void
bh_flow_refuse(struct bh_worker *w, struct bh_flow *f)
{
	f->state = BH_STATE_REFUSED;
	bh_flow_over_hot(w->flows, f);
	bh_carry_changed(w, f);
}

/* Count a packet of a flow. True: its state may have moved, and that is watched. */
static inline bool
bh_touch_flow(struct bh_worker *w, struct bh_flow *f, const struct bh_parsed *h)
{
	uint8_t before = f->state;

	if (likely(!bh_flow_touch_hot(f, h, w->now_ms)))
		return false;
	return bh_flow_moved(w, f, h->from, h->tcp_flags, before);
}

#endif
