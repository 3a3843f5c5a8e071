/* A sender, the store and a receiver behind it, played from numbers: random ones (unit test) or a fuzzer's bytes.
 *
 * The promise that is checked after each step: what the receiver has read, whatever its policy for overlaps and
 * whatever the network behind the store lost, repeated or reordered, is what was read out of the store, byte for byte,
 * and no byte is read that was not released. An honest sender loses nothing by it. */
#ifndef TEST_STREAM_WORLD_H
#define TEST_STREAM_WORLD_H

#include <stdio.h>

#include "test_stream_rig.h"

#define WORLD_BYTES 400
#define WORLD_FLIGHT 256

/* Whose byte a receiver takes where a new segment meets bytes that it has and has not read. */
enum world_policy {
	WORLD_FIRST,
	WORLD_LAST,
	WORLD_BSD,   /* the one whose segment starts further left; the older of two equal ones */
	WORLD_RIGHT, /* the one whose segment starts further right; the newer of two equal ones */
	WORLD_LINUX, /* the older, unless the new segment covers all of the old one */
	WORLD_POLICIES
};

struct world_source {
	const uint8_t *p, *end; /* a fuzzer's bytes, or */
	uint64_t seed;          /* a random run */
};

struct world_receiver {
	uint8_t byte[WORLD_BYTES], have[WORLD_BYTES];
	int16_t own_from[WORLD_BYTES], own_to[WORLD_BYTES];
	int64_t next; /* read so far */
	int64_t fin;
	bool eof;
};

struct world {
	struct rig *g;
	struct world_source *src;
	struct world_receiver rcv;
	enum world_policy policy;
	uint8_t sender;
	bool hostile;
	bool lazy;  /* the receiver reads now and then, not at once */
	bool tight; /* the store may drop for want of room */
	bool gone;
	bool over;
	uint8_t judged[WORLD_BYTES];
	int64_t n_judged, released;
	struct rig_packet *flight[WORLD_FLIGHT];
	unsigned n_flight;
	const char *bad;
};

#define WORLD_CHECK(w, x)                                                                          \
	do {                                                                                       \
		if (!(x) && (w)->bad == NULL)                                                      \
			(w)->bad = #x;                                                             \
	} while (0)

static inline unsigned
world_pick(struct world *w, unsigned n)
{
	struct world_source *s = w->src;

	if (s->p != NULL)
		return s->p < s->end ? *s->p++ % n : 0;
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	return (unsigned)((s->seed >> 20) % n);
}

static inline bool
world_has_more(const struct world *w)
{
	return w->src->p == NULL || w->src->p < w->src->end;
}

/* ---- receiver ----------------------------------------------------------------------------------- */

static inline bool
world_new_wins(const struct world *w, int64_t i, int64_t from, int64_t to)
{
	const struct world_receiver *r = &w->rcv;

	switch (w->policy) {
	case WORLD_FIRST:
		return false;
	case WORLD_LAST:
		return true;
	case WORLD_BSD:
		return from < r->own_from[i];
	case WORLD_RIGHT:
		return from >= r->own_from[i];
	default:
		return from < r->own_from[i] && to >= r->own_to[i];
	}
}

static inline void
world_consume(struct world *w)
{
	struct world_receiver *r = &w->rcv;

	while (r->next < WORLD_BYTES && r->next != r->fin && r->have[r->next]) {
		WORLD_CHECK(w, w->gone || r->next < w->released);
		WORLD_CHECK(w, (w->gone && r->next >= w->n_judged) ||
				       (r->next < w->n_judged &&
					r->byte[r->next] == w->judged[r->next]));
		r->next++;
	}
	if (r->next == r->fin)
		r->eof = true;
}

static inline void
world_receive(struct world *w, const struct rig_packet *k)
{
	struct world_receiver *r = &w->rcv;
	int64_t i, to = k->from + k->len;

	for (i = k->from; i < to; i++) {
		if (i < r->next || i >= WORLD_BYTES)
			continue;
		if (r->have[i] && !world_new_wins(w, i, k->from, to))
			continue;
		r->have[i] = 1;
		r->byte[i] = k->data[i - k->from];
		r->own_from[i] = (int16_t)k->from;
		r->own_to[i] = (int16_t)to;
	}
	if (k->fin && !r->eof && to >= r->next)
		r->fin = to;
	if (!w->lazy)
		world_consume(w);
}

/* ---- network ------------------------------------------------------------------------------------- */

static inline void
world_forward(struct world *w, struct rig_packet *k)
{
	if (k->side != w->sender) {
		k->refs--;
		return;
	}
	if (w->n_flight == WORLD_FLIGHT) {
		w->flight[0]->refs--;
		w->flight[0] = w->flight[--w->n_flight];
	}
	w->flight[w->n_flight++] = k;
}

/* One packet in flight arrives, arrives and stays in flight (a copy), or is lost. */
static inline void
world_arrive(struct world *w, unsigned i, unsigned fate)
{
	struct rig_packet *k = w->flight[i];

	if (fate != 0)
		world_receive(w, k);
	if (fate != 1) {
		k->refs--;
		w->flight[i] = w->flight[--w->n_flight];
	}
}

static inline void
world_pop(struct world *w)
{
	struct bh_stream_tag tag;
	struct rig_packet *k;
	unsigned side;

	for (side = 0; side < 2; side++) {
		while ((k = bh_stream_pop(w->g->st, w->g->s, side, &tag)) != NULL) {
			WORLD_CHECK(w, k->side == side && tag.side == side);
			WORLD_CHECK(w, w->gone || side != w->sender ||
					       k->from + k->len <= w->released);
			world_forward(w, k);
		}
	}
}

/* ---- sender ---------------------------------------------------------------------------------------- */

static inline void
world_input(struct world *w, const struct rig_segment *m)
{
	struct rig_packet *k;
	uint8_t act;

	if (w->over)
		return;
	k = rig_input(w->g, m, false, false);
	act = w->g->r.act;
	WORLD_CHECK(w, act != BH_STREAM_DROP || w->g->r.reason != BH_REASON_NONE);
	WORLD_CHECK(w, w->hostile || act == BH_STREAM_PASS || act == BH_STREAM_KEPT ||
			       (w->tight && act == BH_STREAM_DROP));
	if (act == BH_STREAM_PASS)
		world_forward(w, k);
	if (act == BH_STREAM_END)
		w->over = true;
}

/* What stands at an offset; variants differ everywhere or here and there. */
static inline uint8_t
world_byte(int64_t off, unsigned variant)
{
	uint8_t base = (uint8_t)(off * 37 + 11);

	return variant == 0 || (variant == 1 && off % 3 != 0) ? base : (uint8_t)(base ^ variant);
}

static inline void
world_send(struct world *w, int64_t from, uint32_t len, unsigned variant, uint8_t flags)
{
	uint8_t data[RIG_PAYLOAD];
	struct rig_segment m = {.side = w->sender,
				.flags = BH_TCP_ACK | flags,
				.off = from,
				.data = data};
	uint32_t i;

	if (from + len > WORLD_BYTES)
		len = from < WORLD_BYTES ? (uint32_t)(WORLD_BYTES - from) : 0;
	m.len = len;
	for (i = 0; i < len; i++)
		data[i] = world_byte(from + i, from + i < 0 ? 2 : variant);
	world_input(w, &m);
}

static inline void
world_send_any(struct world *w)
{
	int64_t edge = (int64_t)bh_stream_edge(w->g->s, w->sender), from;
	uint32_t len = 1 + world_pick(w, 40);
	unsigned variant = 0;
	uint8_t flags = 0;

	switch (world_pick(w, 4)) {
	case 0:
		from = edge;
		break;
	case 1:
		from = w->rcv.next - 3 + world_pick(w, 8);
		break;
	default:
		from = edge - 40 + world_pick(w, 100);
		break;
	}
	if (from < -1)
		from = -1;
	if (w->hostile) {
		variant = world_pick(w, 4) == 0 ? world_pick(w, 3) : 0;
		flags = world_pick(w, 40) == 0 ? BH_TCP_FIN : 0;
		if (world_pick(w, 30) == 0)
			flags |= BH_TCP_URG;
	} else if (from + len >= WORLD_BYTES && from <= WORLD_BYTES) {
		flags = BH_TCP_FIN;
	}
	world_send(w, from, len, variant, flags);
}

/* What only an attacker sends. Nothing of it may be believed. */
static inline void
world_attack(struct world *w)
{
	int64_t off = (int64_t)bh_stream_edge(w->g->s, w->sender) - 20 + world_pick(w, 40);
	struct rig_segment m = {.side = w->sender, .flags = BH_TCP_ACK, .off = off};

	switch (world_pick(w, 5)) {
	case 0:
		m.flags = BH_TCP_RST;
		world_input(w, &m);
		break;
	case 1:
		m.flags = BH_TCP_SYN | (world_pick(w, 2) ? BH_TCP_ACK : 0);
		world_input(w, &m);
		break;
	case 2:
		m.ack = 1 + world_pick(w, 50);
		world_input(w, &m);
		break;
	case 3: /* acknowledges in its receiver's name */
		m.side ^= 1;
		m.off = 0;
		m.ack = off;
		w->g->wire[m.side] ^= 1;
		world_input(w, &m);
		WORLD_CHECK(w, w->over || w->g->r.reason == BH_REASON_TCP_WRONG_SIDE);
		w->g->wire[m.side] ^= 1;
		break;
	default:
		m.off += 66000;
		m.data = "beyond the window";
		m.len = 17;
		world_input(w, &m);
		WORLD_CHECK(w, w->g->r.act != BH_STREAM_PASS || w->over);
		break;
	}
}

static inline void
world_acknowledge(struct world *w)
{
	struct rig_segment m = {
		.side = w->sender ^ 1,
		.flags = BH_TCP_ACK,
		.ack = w->rcv.next + w->rcv.eof,
	};

	world_input(w, &m);
	WORLD_CHECK(w, w->over || w->g->r.act == BH_STREAM_PASS);
}

/* ---- judge ------------------------------------------------------------------------------------------- */

static inline void
world_judge(struct world *w, uint32_t at_most)
{
	const uint8_t *at;
	uint32_t n, i;
	bool ended;

	while (at_most != 0 && (n = bh_stream_next(w->g->s, w->sender, &at, &ended)) != 0) {
		int64_t off = (int64_t)bh_stream_read_so_far(w->g->s, w->sender);

		n = n < at_most ? n : at_most;
		WORLD_CHECK(w, off + n <= WORLD_BYTES);
		if (w->bad != NULL)
			return;
		for (i = 0; i < n; i++) {
			/* Read again after a rewind: the same. */
			WORLD_CHECK(w, off + i >= w->n_judged || w->judged[off + i] == at[i]);
			WORLD_CHECK(w, w->hostile || at[i] == world_byte(off + i, 0));
			w->judged[off + i] = at[i];
		}
		w->n_judged = off + n > w->n_judged ? off + n : w->n_judged;
		bh_stream_read(w->g->s, w->sender, n);
		at_most -= n;
	}
}

static inline void
world_release(struct world *w, int64_t to)
{
	w->released = to > w->released ? to : w->released;
	bh_stream_release(w->g->s, w->sender, (uint64_t)w->released);
	world_pop(w);
}

static inline void
world_let_go(struct world *w)
{
	world_judge(w, UINT32_MAX);
	w->gone = true;
	bh_stream_let_go(w->g->st, w->g->s);
	world_pop(w);
}

static inline void
world_step(struct world *w)
{
	switch (world_pick(w, 16)) {
	case 0:
	case 1:
		world_judge(w, 1 + world_pick(w, 60));
		break;
	case 2:
	case 3:
		if (w->n_judged > w->released)
			world_release(w,
				      w->released + 1 +
					      world_pick(w, (unsigned)(w->n_judged - w->released)));
		break;
	case 4:
	case 5:
	case 6:
		if (w->n_flight != 0)
			world_arrive(w, world_pick(w, w->n_flight), world_pick(w, 4));
		break;
	case 7:
		world_acknowledge(w);
		break;
	case 8:
		world_consume(w);
		break;
	case 9:
		if (world_pick(w, 4) == 0)
			bh_stream_rewind(w->g->s, w->sender);
		if (world_pick(w, 30) == 0)
			world_let_go(w);
		break;
	case 10:
		if (w->hostile)
			world_attack(w);
		break;
	default:
		world_send_any(w);
		break;
	}
}

/* ---- a life ------------------------------------------------------------------------------------------ */

/* An honest sender goes on until all is acknowledged. */
static inline void
world_complete(struct world *w)
{
	unsigned turns;

	for (turns = 0; turns < 4 * WORLD_BYTES && !w->rcv.eof && w->bad == NULL; turns++) {
		uint32_t len = world_has_more(w) ? 1 + world_pick(w, 40) : 40;

		world_send(w, w->rcv.next, len, 0,
			   w->rcv.next + len >= WORLD_BYTES ? BH_TCP_FIN : 0);
		world_judge(w, UINT32_MAX);
		world_release(w, w->n_judged);
		while (w->n_flight != 0)
			world_arrive(w, 0, 2);
		world_consume(w);
		world_acknowledge(w);
	}
	WORLD_CHECK(w, w->rcv.next == WORLD_BYTES && w->rcv.eof);
	WORLD_CHECK(w, w->gone || bh_stream_held(w->g->s, NULL) == 0);
	bh_stream_let_go(w->g->st, w->g->s);
	world_pop(w);
	world_acknowledge(w);
	WORLD_CHECK(w, bh_stream_settled(w->g->s));
}

static inline bool
world_open(struct world *w, struct rig *g, struct world_source *src)
{
	*w = (struct world){.g = g, .src = src, .rcv.fin = -1};
	g->isn[0] = 0u - world_pick(w, 256) * 2;
	g->isn[1] = 0u - world_pick(w, 256) * 2;
	g->run = world_pick(w, 3) * 5;
	w->sender = (uint8_t)world_pick(w, 2);
	w->policy = (enum world_policy)world_pick(w, WORLD_POLICIES);
	w->lazy = world_pick(w, 2) == 0;
	if (!rig_handshake(g, true))
		return false;
	/* The three of the handshake have been sent on. */
	g->packet[0].refs = g->packet[1].refs = g->packet[2].refs = 0;
	return true;
}

/* Play at most `steps`; NULL, or what did not hold. */
static inline const char *
world_run(struct rig *g, struct world_source *src, bool hostile, bool tight, unsigned steps)
{
	struct world w;
	uint32_t i;

	if (!world_open(&w, g, src))
		return "handshake";
	w.hostile = hostile;
	w.tight = tight;
	while (steps-- != 0 && !w.over && w.bad == NULL && world_has_more(&w))
		world_step(&w);
	if (!w.over && !w.hostile)
		world_complete(&w);
	while (w.n_flight != 0)
		world_arrive(&w, w.n_flight - 1, 2);
	world_consume(&w);
	i = g->n_packets;
	rig_close_stream(g);
	while (i-- != 0)
		WORLD_CHECK(&w, g->packet[i].refs == 0);
	WORLD_CHECK(&w, bh_stream_waiting(g->st) == 0 && bh_stream_count(g->st) == 0);
	return w.bad;
}

#endif
