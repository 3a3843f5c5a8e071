/* threat_app: threats in what applications say. Detectors over bytes in order; they keep what a connection needs and
 * call nobody but who asked.
 *
 * Usage     bh_threat_conn_open() once the application is named, bh_threat_conn_feed() each byte of both sides once, in
 *           order; bh_threat_conn_tick() now and then for what is too slow; bh_threat_conn_close() at the end.
 *           bh_threat_dns() for each DNS datagram. What is found goes to ctx->hit, failed log-ins to ctx->failed.
 * Threads   pure functions over the caller's memory: any thread.
 * Lifetime  nothing points into the bytes fed once a call has returned. The text of a hit lives as long as the call.
 *
 * A connection's object says when it has seen all it ever will (done): then it need not be fed any more.
 */
#ifndef BH_THREAT_APP_H
#define BH_THREAT_APP_H

#include "../base/base.h"
#include "../proto/proto.h"
#include "threat.h"

struct bh_threat_question;
struct bh_threat_ctx {
	const struct bh_threat_rule *rule; /* [BH_THREAT_COUNT], as configured */
	uint32_t now_ms;                   /* wraps */
	uint64_t wall_s;                   /* Unix time */
	void (*hit)(void *arg, unsigned threat, const char *text);
	void (*failed)(void *arg, unsigned app, unsigned n); /* n log-ins failed */
	/* The client of a connection over TCP asks. */
	void (*asked)(void *arg, const struct bh_threat_question *q);
	void *arg;
};

void bh_threat_hit(const struct bh_threat_ctx *ctx, unsigned threat, const char *fmt, ...)
	BH_PRINTF(3, 4);

/* ---- TLS (RFC 5246, 6520, 8446; SSL 2 and 3) ---------------------------------------------------------- */

#define BH_THREAT_TLS_KEPT                                                                         \
	4096 /* of a server's handshake message: a certificate's dates are in it */
struct bh_threat_tls_side {
	uint8_t head[5], n_head;
	uint8_t msg[4], n_msg;
	uint8_t type;
	uint8_t beat[3], n_beat;
	uint16_t record, left; /* bytes of the record, and what is to come */
	uint32_t msg_left;
	uint32_t beats; /* bytes of encrypted heartbeats */
	uint16_t kept;
	bool in_msg, sealed, started;
};

struct bh_threat_tls {
	struct bh_threat_tls_side side[2];
	bool done;
	bool ssl2;        /* the client opened in SSL 2's form */
	bool answered;    /* the server has chosen */
	bool cipher_told; /* one hit of these is enough */
	bool beat_told;
	uint8_t hello[72]; /* of the client's: through the length of its cipher list */
	uint8_t message[BH_THREAT_TLS_KEPT];
};

void bh_threat_tls_feed(struct bh_threat_tls *t, const struct bh_threat_ctx *ctx, unsigned side,
			const uint8_t *at, uint32_t n);
/* What is weak in a cipher suite ("RC4", "export" ...), or NULL. */
const char *bh_threat_weak_cipher(uint16_t suite);

/* ---- SSH (RFC 4253, 4252) ------------------------------------------------------------------------------ */

/* Log-ins that fail are told by the sizes of the server's encrypted packets: SERVICE_ACCEPT has 17 bytes, SUCCESS one,
 * so it is 16 shorter whatever cipher pads it to 8 or 16; FAILURE has the same size each time. */
struct bh_threat_ssh {
	struct {
		uint8_t line[8], n_line; /* start of the line that is read */
		uint8_t head[6], n_head; /* of a packet */
		uint32_t left;
		bool sealed; /* NEWKEYS has gone */
		bool greeted;
	} side[2];
	bool done, success, told;
	uint16_t accept;   /* size of SERVICE_ACCEPT, encrypted */
	uint16_t messages; /* of the server, behind it */
	struct {
		uint16_t size, n;
	} seen[4]; /* sizes of these, how often */
};

void bh_threat_ssh_feed(struct bh_threat_ssh *s, const struct bh_threat_ctx *ctx, unsigned side,
			const uint8_t *at, uint32_t n);
void bh_threat_ssh_close(struct bh_threat_ssh *s, const struct bh_threat_ctx *ctx);

/* ---- HTTP/1 (RFC 9112) ----------------------------------------------------------------------------------- */

struct bh_threat_http {
	bool done;
	uint8_t became; /* enum bh_app that goes on */
	uint8_t pace;   /* of the client: what is timed, app_http.c */
	bool told;      /* that it is slow */
	bool shut;      /* its receive window is, since shut_ms */
	bool tries;     /* the request that is read is a log-in: credentials, or a form */
	bool refused;   /* the response that is read refuses one */
	uint8_t n_asked;
	uint64_t asked; /* of requests without a response, the oldest lowest: is it a log-in? */
	uint32_t since_ms, shut_ms;
	uint64_t since_at; /* bytes of the client then */
	uint64_t message;  /* offset of the message that is timed */
	struct bh_http1 reader;
};

void bh_threat_http_feed(struct bh_threat_http *h, const struct bh_threat_ctx *ctx, unsigned side,
			 const uint8_t *at, uint32_t n, bool ended);
void bh_threat_http_tick(struct bh_threat_http *h, const struct bh_threat_ctx *ctx);
/* The client takes so many bytes more. */
void bh_threat_http_window(struct bh_threat_http *h, const struct bh_threat_ctx *ctx,
			   uint32_t window);

/* ---- HTTP/2 (RFC 9113) ----------------------------------------------------------------------------------- */

struct bh_threat_http2 {
	bool done;
	uint8_t told; /* bits, by kind */
	uint8_t preface;
	uint8_t head[2][9], n_head[2];
	uint32_t left[2];
	uint32_t second_ms; /* the counts below began */
	bool counting;
	uint32_t opened, resets, settings, pings, others;
	uint32_t continuations[2]; /* of the block of fields being sent */
};

void bh_threat_http2_feed(struct bh_threat_http2 *h, const struct bh_threat_ctx *ctx, unsigned side,
			  const uint8_t *at, uint32_t n);

/* ---- log-ins of servers that answer in clear text --------------------------------------------------------- */

#define BH_THREAT_LOGIN_KEPT 64
struct bh_threat_login {
	bool done;
	uint8_t app;
	bool asked;  /* a log-in waits for its answer */
	uint8_t tls; /* requests for TLS that wait for theirs */
	bool chosen; /* that message needs no more looking */
	uint16_t replies;
	uint8_t n_kept[2];
	uint8_t kept[2][BH_THREAT_LOGIN_KEPT]; /* start of what each side says now */
	uint32_t left[2];                      /* of it, to be passed over */
};

void bh_threat_login_feed(struct bh_threat_login *l, const struct bh_threat_ctx *ctx, unsigned side,
			  const uint8_t *at, uint32_t n);
bool bh_threat_login_knows(unsigned app);

/* ---- DNS (RFC 1035; over TCP with a length before each message, RFC 7766) --------------------------------- */

/* What a message asks, for the sketch of tunnels. */
struct bh_threat_question {
	uint16_t type;
	uint8_t n; /* bytes of name, without the last dot; 0: nothing to be counted */
	uint8_t labels;
	char name[256]; /* lower case, dots between labels, '?' for what is not printable */
};

/* One message, of which so many bytes are here (have <= length). False: not one. */
bool bh_threat_dns(const struct bh_threat_ctx *ctx, const uint8_t *at, uint32_t have,
		   uint32_t length, struct bh_threat_question *q);

#define BH_THREAT_DNS_KEPT 4096 /* of a message over TCP */
struct bh_threat_dns_stream {
	struct {
		uint8_t prefix[2], n_prefix;
		uint16_t length, left, kept;
		uint8_t message[BH_THREAT_DNS_KEPT];
	} side[2];
};
void bh_threat_dns_feed(struct bh_threat_dns_stream *d, const struct bh_threat_ctx *ctx,
			unsigned side, const uint8_t *at, uint32_t n);

/* Names of a domain by source: a bounded table, in which the oldest of a set gives way. entries: a power of two, 8 or more.
 * -EINVAL, -ENOMEM. */
struct bh_threat_tunnels;
int bh_threat_tunnels_create(struct bh_threat_tunnels **out, uint32_t entries);
void bh_threat_tunnels_destroy(struct bh_threat_tunnels *t);
/* A source asks. Each question that is taken for a tunnel's is a hit. */
void bh_threat_tunnels_ask(struct bh_threat_tunnels *t, const struct bh_threat_ctx *ctx,
			   uint64_t source, const struct bh_threat_question *q);

/* ---- a connection, whatever it speaks ------------------------------------------------------------------- */

struct bh_threat_conn {
	uint8_t kind; /* 0: none */
	uint8_t app;
	bool done;
	union {
		struct bh_threat_tls tls;
		struct bh_threat_ssh ssh;
		struct bh_threat_http http;
		struct bh_threat_http2 http2;
		struct bh_threat_login login;
		struct bh_threat_dns_stream dns;
	} u;
};

/* false: nothing is known about what this application may do wrong. */
bool bh_threat_conn_open(struct bh_threat_conn *c, unsigned app);
void bh_threat_conn_feed(struct bh_threat_conn *c, const struct bh_threat_ctx *ctx, unsigned side,
			 const uint8_t *at, uint32_t n, bool ended);
/* Time has gone by; window: so many bytes more the client takes, UINT32_MAX: not known. */
void bh_threat_conn_tick(struct bh_threat_conn *c, const struct bh_threat_ctx *ctx,
			 uint32_t window);
void bh_threat_conn_close(struct bh_threat_conn *c, const struct bh_threat_ctx *ctx);

#endif
