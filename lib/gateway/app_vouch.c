/* A sender that says no more until it is acknowledged, while what it has said is not enough to be judged: it is acknowledged in
 * the receiver's name, and what the receiver then misses is sent again by us. */
#include "gateway_app.h"

enum {
	FIRST_MS =
		250, /* doubled with each try; RFC 6298 2.4 has a second, stacks have 200 ms to 300 ms */
	TRIES = 10, /* some four minutes */
};

/* A frame that waits, as a packet of its burst again. False: nothing can be answered to it. */
static bool
packet_of(struct bh_worker *w, struct bh_app_context *c, void *handle, struct bh_packet *p)
{
	const uint8_t *head;
	uint32_t have;

	if (bh_hold_is_train(handle))
		return false;
	*p = (struct bh_packet){.m = handle, .flow = c->flow};
	p->wire = (uint8_t)p->m->port;
	head = bh_frame_head(w, p->m, &have);
	return bh_net_parse(&w->parse, w->g->p.wire[p->wire].link, head, have, p->m->pkt_len, 0,
			    &p->h) == BH_REASON_NONE;
}

static void
vouch(struct bh_worker *w, struct bh_app_context *c, unsigned side)
{
	struct bh_stream_gap ack;
	struct bh_packet p;
	void *first = bh_stream_vouch(c->stream, side, BH_PART_PAYLOAD, &ack);

	if (first != NULL && packet_of(w, c, first, &p) && bh_answer_gap(w, &p, &ack, true))
		bh_stream_vouched(c->stream, side);
}

static void
pay(struct bh_worker *w, struct bh_app_context *c, unsigned side)
{
	struct bh_app_vouch *v = &c->vouch[side];
	uint32_t n, from;
	void *packet = bh_stream_owed(c->stream, side, &n, &from);

	if (packet == NULL) {
		v->owes = false;
		return;
	}
	if (!v->owes || v->from != from) {
		*v = (struct bh_app_vouch){.owes = true,
					   .from = from,
					   .since_ms = w->now_ms,
					   .said_ms = v->said_ms};
		return;
	}
	if (v->tries == TRIES || w->now_ms - v->since_ms < (uint32_t)FIRST_MS << v->tries)
		return;
	v->since_ms = w->now_ms;
	v->tries++;
	bh_hold_forward_part(w, c, side, packet, n);
}

void
bh_app_vouch(struct bh_worker *w, struct bh_app_context *c)
{
	unsigned side;

	for (side = 0; side < 2; side++) {
		if (w->now_ms - c->vouch[side].said_ms >= w->config->stream_ack_ms)
			vouch(w, c, side);
		if (bh_stream_owes(c->stream, side))
			pay(w, c, side);
	}
}
