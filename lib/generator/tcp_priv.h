/* Inside tcp: connections, their table, their timers. */
#ifndef BH_GENERATOR_TCP_PRIV_H
#define BH_GENERATOR_TCP_PRIV_H

#include "generator_priv.h"
#include "tcp.h"

#define BH_GEN_NONE UINT32_MAX
#define BH_GEN_WHEEL 4096 /* slots of 1 ms; what is later comes round again */
#define BH_GEN_SCALE 2    /* our windows: 65535 << 2 = 256 KiB */
#define BH_GEN_WINDOW (65535u << BH_GEN_SCALE)
/* RFC 6298: 1 s before anything is known; at least 200 ms, as common stacks have it; RFC 9293 3.8.3: R2. */
#define BH_GEN_RTO_FIRST 1000
#define BH_GEN_RTO_MIN 200
#define BH_GEN_RTO_MAX 60000
#define BH_GEN_RETRIES 6
#define BH_GEN_ACK_DELAY 40    /* RFC 1122 4.2.3.2: below 500 ms */
#define BH_GEN_IDLE 120000     /* a client that does not ask, a server that does not answer */
#define BH_GEN_INITIAL_CWND 10 /* RFC 6928 */

enum bh_gen_state {
	BH_GEN_FREE,
	BH_GEN_SYN_SENT,
	BH_GEN_SYN_RECEIVED,
	BH_GEN_OPEN,
	BH_GEN_FINISHING, /* our FIN is due or out, theirs has not come */
	BH_GEN_LAST_ACK,  /* both FINs; ours is not acknowledged yet */
};

struct bh_gen_conn {
	uint8_t peer[16];        /* address */
	uint8_t mac[6];          /* where a server sends to */
	uint16_t port[2];        /* client's, server's */
	uint32_t host;           /* of our side */
	uint32_t next;           /* in its hash chain, or in the free list */
	uint32_t earlier, later; /* in its slot of the wheel */
	uint32_t slot;           /* BH_GEN_NONE: in none */
	uint32_t wake;           /* ms: when the wheel looks at it */
	/* ms; 0: none. aux: thinking, or what is waited for does not come. */
	uint32_t rto_at, ack_at, aux_at;
	uint8_t state;
	uint8_t scale; /* of the peer's windows */
	uint8_t retries, same_acks;
	bool ack_now, ack_later, in_ready, recovering, sampled, counted;
	uint16_t mss;
	uint32_t una, nxt, max; /* sent: oldest not acknowledged, next, highest */
	uint32_t recover;       /* una when it was last sent again fast: once for each */
	uint32_t rcv;
	uint32_t window, cwnd, threshold;
	uint32_t out_seq, out_len; /* the message that goes out */
	uint32_t in_seq, in_len;   /* the reply that comes in (client) */
	uint32_t exchange, left;   /* transactions left */
	uint32_t kib;
	uint32_t srtt, var, rto; /* us, us, ms */
	uint32_t sample;         /* sequence number whose acknowledgement is timed */
	uint64_t sampled_at, opened_at, asked_at;
};

struct bh_gen_tcp {
	struct bh_gen_tcp_params p;
	struct bh_gen_load load;
	struct bh_gen_tcp_counts counts;
	struct bh_gen_conn *conn;
	uint32_t *bucket, mask;
	uint32_t free, used;
	uint32_t wheel[BH_GEN_WHEEL];
	uint32_t turned; /* ms up to which the wheel has turned */
	uint32_t *ready, ready_mask, ready_head, ready_tail;
	uint64_t opened, flow; /* since load.begin; the next flow to open */
	double ticks_ms, ticks_us;
	uint64_t origin; /* ticks at the first poll, less 1 ms: no time is 0 */
	uint64_t now;
	uint32_t ms;
	struct bh_gen_reply reply; /* of reply_exchange and reply_kib */
	uint32_t reply_kib;
	bool reply_opening, reply_known;
	struct bh_gen_hist hist[2][BH_GEN_LATENCIES];
};

static inline int32_t
bh_gen_seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

/* RFC 6298 5.5: doubled each time. What is acknowledged ends that, be it of something sent again: where everything is, there
 * would be no new sample for long. */
static inline uint32_t
bh_gen_conn_rto(const struct bh_gen_conn *c)
{
	const uint32_t ms = c->rto << c->retries;

	return ms < BH_GEN_RTO_MAX ? ms : BH_GEN_RTO_MAX;
}

/* tcp.c */
void bh_gen_tcp_time(struct bh_gen_tcp *t, uint64_t now);
struct bh_gen_key {
	const uint8_t *peer;
	uint32_t host;
	uint16_t client_port;
};
struct bh_gen_conn *bh_gen_conn_find(struct bh_gen_tcp *t, const struct bh_gen_key *key);
/* NULL: all are taken. */
struct bh_gen_conn *bh_gen_conn_new(struct bh_gen_tcp *t, const struct bh_gen_key *key);
void bh_gen_conn_free(struct bh_gen_tcp *t, struct bh_gen_conn *c);
/* The wheel is to look at it no later than its timers say. */
void bh_gen_conn_schedule(struct bh_gen_tcp *t, struct bh_gen_conn *c);
/* It has something to send that had no room. */
void bh_gen_conn_ready(struct bh_gen_tcp *t, struct bh_gen_conn *c);
const struct bh_gen_reply *bh_gen_tcp_reply(struct bh_gen_tcp *t, const struct bh_gen_conn *c);

/* tcp_output.c: everything that is due. false: no room, it will be tried again. */
bool bh_gen_conn_output(struct bh_gen_tcp *t, struct bh_gen_conn *c);
/* A RST, or an ACK, in answer to a packet of no connection, or in a connection's name. */
struct bh_gen_bare {
	const uint8_t *peer, *mac; /* mac: NULL: as the side's */
	uint32_t host, seq, ack;
	uint16_t client_port;
	uint8_t flags;
};
void bh_gen_tcp_bare(struct bh_gen_tcp *t, const struct bh_gen_bare *b);
void bh_gen_conn_reset(struct bh_gen_tcp *t, const struct bh_gen_conn *c);

/* tcp_client.c */
unsigned bh_gen_client_open(struct bh_gen_tcp *t);
void bh_gen_client_ask(struct bh_gen_tcp *t, struct bh_gen_conn *c);
/* In-order bytes of the reply. false: not what was asked for. */
bool bh_gen_client_data(struct bh_gen_tcp *t, struct bh_gen_conn *c, const uint8_t *p, unsigned n);
void bh_gen_client_close(struct bh_gen_tcp *t, struct bh_gen_conn *c);

#endif
