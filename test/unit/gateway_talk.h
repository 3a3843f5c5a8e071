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

#endif
