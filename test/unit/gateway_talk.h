/* gateway_talk: TCP connections between 10.1.0.1 and 10.2.0.1, for tests of what is judged by what it says. */
#ifndef BH_GATEWAY_TALK_H
#define BH_GATEWAY_TALK_H

#include "gateway_rig.h"

#define WEB "10.1.0.1"
#define DB "10.2.0.1"

#define PING "*1\r\n$4\r\nPING\r\n"
#define GET "GET /a HTTP/1.1\r\nHost: db\r\n\r\n"
#define DELETE_IT "DELETE /a HTTP/1.1\r\nHost: db\r\n\r\n"

/* One TCP connection, its sequence numbers as they would be. */
struct talk {
	struct rig *r;
	uint16_t sport, dport;
	uint32_t seq[2]; /* next of the client, of the server */
	uint32_t ts[2];  /* their clocks; 0: without timestamps */
};

static inline void
frame(const struct talk *t, unsigned side, uint8_t flags, const char *text, struct rig_frame *f)
{
	rig_build(f, &(struct rig_packet){.src = side == 0 ? WEB : DB,
					  .dst = side == 0 ? DB : WEB,
					  .proto = 6,
					  .sport = side == 0 ? t->sport : t->dport,
					  .dport = side == 0 ? t->dport : t->sport,
					  .tcp_flags = flags,
					  .seq = t->seq[side],
					  .ack = flags & BH_TCP_ACK ? t->seq[1 - side] : 0,
					  .ts_val = t->ts[side],
					  .ts_ecr = t->ts[1 - side],
					  .payload = text != NULL ? (uint16_t)strlen(text) : 0,
					  .text = text});
}

static inline unsigned
wire_of(unsigned side)
{
	return side == 0 ? RIG_OUTSIDE : RIG_INSIDE;
}

/* A side sends; did exactly this leave on the other one? */
static inline bool
says(struct talk *t, unsigned side, const char *text)
{
	struct rig_frame f;
	bool passed;

	frame(t, side, BH_TCP_ACK | BH_TCP_PSH, text, &f);
	passed = rig_passes(t->r, wire_of(side), &f);
	t->seq[side] += (uint32_t)strlen(text);
	return passed;
}

static inline bool
acks(struct talk *t, unsigned side)
{
	struct rig_frame f;

	frame(t, side, BH_TCP_ACK, NULL, &f);
	return rig_passes(t->r, wire_of(side), &f);
}

/* ts: where both ends' clocks stand; 0: no timestamps. */
static inline bool
opens_at(struct talk *t, struct rig *r, uint16_t sport, uint16_t dport, uint32_t ts)
{
	struct rig_frame f;
	bool ok;

	*t = (struct talk){
		.r = r, .sport = sport, .dport = dport, .seq = {1000, 0xfffffff0}, .ts = {ts, ts}};
	frame(t, 0, BH_TCP_SYN, NULL, &f);
	ok = rig_passes(r, RIG_OUTSIDE, &f);
	t->seq[0]++;
	frame(t, 1, BH_TCP_SYN | BH_TCP_ACK, NULL, &f);
	ok = ok && rig_passes(r, RIG_INSIDE, &f);
	t->seq[1]++;
	return ok && acks(t, 0);
}

static inline bool
opens(struct talk *t, struct rig *r, uint16_t sport, uint16_t dport)
{
	return opens_at(t, r, sport, dport, 0);
}

/* One client's stream, spoken in offsets. */
struct road {
	struct rig r;
	struct talk t;
	uint32_t start;
};

/* ts: as opens_at(). */
static inline void
road_start(struct road *w, const char *policy, uint32_t ts)
{
	rig_start(&w->r, &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = policy});
	CU_ASSERT_TRUE_FATAL(opens_at(&w->t, &w->r, 40000, 6379, ts));
	w->start = w->t.seq[0];
	rig_clear(&w->r);
}

/* The client says this at that offset. */
static inline void
road_sends(struct road *w, uint32_t offset, const char *text)
{
	struct rig_frame f;

	w->t.seq[0] = w->start + offset;
	frame(&w->t, 0, BH_TCP_ACK | BH_TCP_PSH, text, &f);
	rig_put(&w->r, RIG_OUTSIDE, &f);
	rig_run(&w->r);
}

/* The server has so much of it. */
static inline void
road_has(struct road *w, uint32_t offset)
{
	struct rig_frame f;

	w->t.seq[0] = w->start + offset;
	frame(&w->t, 1, BH_TCP_ACK, NULL, &f);
	rig_put(&w->r, RIG_INSIDE, &f);
	rig_run(&w->r);
}

/* Frames that came out on the server's side since it was asked last. */
static inline unsigned
road_arrived(struct road *w)
{
	unsigned n = w->r.wire[RIG_INSIDE].n_out;

	rig_clear(&w->r);
	return n;
}

#endif
