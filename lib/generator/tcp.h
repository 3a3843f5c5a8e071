/* tcp: connections by the hundred thousand, for measuring: a client that opens, asks, compares and closes, and a server
 * that answers. RFC 9293 as far as both need it: handshake, data in order, RFC 6298's timer, RFC 5681's slow start,
 * congestion avoidance and fast retransmit, FIN and RST. What comes out of order is asked for again (no SACK, no queue); the
 * receive window is fixed. TIME-WAIT holds no state: a FIN of no connection is acknowledged.
 *
 * Usage     bh_gen_tcp_create; per turn bh_gen_tcp_input for what came in, then bh_gen_tcp_poll. A client opens as load says.
 * Threads   one. Counters may be read by others (aligned words, late values).
 * Lifetime  until destroy. All memory is taken at creation.
 */
#ifndef BH_GENERATOR_TCP_H
#define BH_GENERATOR_TCP_H

#include "generator.h"
#include "talk.h"

struct bh_gen_tcp;

struct bh_gen_tcp_params {
	const struct bh_gen_wire *wire;
	const struct bh_gen_book *book;
	unsigned side;        /* BH_GEN_CLIENT or BH_GEN_SERVER */
	uint32_t connections; /* at one time */
	uint16_t mss;         /* of what is received, and at most of what is sent */
	uint32_t first, step; /* a client's flows: first, first + step, ... (queues share them) */
	double hz;            /* of the caller's ticks */
	uint64_t secret;
	/* Room for a frame of len bytes that will be sent, or NULL: none now. */
	uint8_t *(*take)(void *arg, uint16_t len);
	void *arg;
};

/* What clients do. */
struct bh_gen_load {
	double per_tick; /* connections opened; 0: as many as go */
	uint64_t begin;  /* ticks: opening is counted from here */
	uint32_t
		active; /* connections wanted at one time; 0: open no more, end those that are there */
	uint32_t transactions; /* of a connection; 0: until the end */
	uint32_t kib;          /* of an object */
	uint32_t think_ms;     /* between two transactions */
	bool reset;            /* close by RST instead of FIN */
	bool measured;         /* latencies go into hist[1] instead of hist[0] */
};

enum bh_gen_latency { BH_GEN_CONNECT, BH_GEN_FIRST_BYTE, BH_GEN_LAST_BYTE, BH_GEN_LATENCIES };

struct bh_gen_tcp_counts {
	uint64_t opened, established, closed; /* closed: in good order */
	uint64_t transactions;
	uint64_t bytes; /* of replies, in order, compared (client) or sent (server) */
	/* Connections that failed, by why. */
	uint64_t reset, timed_out, mismatched, refused_full;
	uint64_t resent, out_of_order, strays, corrupt;
	uint64_t active; /* established now */
};

int bh_gen_tcp_create(struct bh_gen_tcp **out, const struct bh_gen_tcp_params *p);
void bh_gen_tcp_destroy(struct bh_gen_tcp *t); /* NULL is fine */
struct bh_gen_load *bh_gen_tcp_load(struct bh_gen_tcp *t);
const struct bh_gen_tcp_counts *bh_gen_tcp_counts(const struct bh_gen_tcp *t);
const struct bh_gen_hist *bh_gen_tcp_hist(const struct bh_gen_tcp *t, bool measured,
					  enum bh_gen_latency which);
/* Forget latencies and counts; connections go on. */
void bh_gen_tcp_clear(struct bh_gen_tcp *t);
/* Connections in any state. */
uint32_t bh_gen_tcp_used(const struct bh_gen_tcp *t);
/* Give all of them up, without a word. */
void bh_gen_tcp_forget(struct bh_gen_tcp *t);

/* A frame that was parsed as TCP. false: not for this side's hosts and port. */
bool bh_gen_tcp_input(struct bh_gen_tcp *t, const uint8_t *frame, uint32_t len,
		      const struct bh_parsed *h, uint64_t now);
/* Timers, what could not be sent before, new connections. Returns how much it did. */
unsigned bh_gen_tcp_poll(struct bh_gen_tcp *t, uint64_t now);
/* Which flow a client's packet (of `from` client) belongs to, so that its queue can be found; UINT32_MAX: none. */
uint32_t bh_gen_tcp_flow(const struct bh_gen_wire *w, const uint8_t *client, const uint8_t *server,
			 uint16_t client_port);

#endif
