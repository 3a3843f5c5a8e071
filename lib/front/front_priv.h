/* front_priv: http.c (libmicrohttpd's callbacks), framing.c (one reading or none), refusal.c
 * (libmicrohttpd's own), channel.c (messages), reply.c, web.c (files). */
#ifndef BH_FRONT_PRIV_H
#define BH_FRONT_PRIV_H

#include <microhttpd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../ipc/ipc.h"
#include "front.h"

/* Of a refused request's body, this much is read and thrown away, so that the client is still there to read the
 * answer; a longer one gets its answer at once and the connection is closed. */
#define BH_FRONT_DRAIN_MAX (256u << 10)
/* Bodies wait in their sockets while this much waits for the control core. */
#define BH_FRONT_OUT_HIGH (1u << 20)
/* Of a stream that its client does not read. */
#define BH_FRONT_STREAM_MAX (1u << 20)

enum bh_front_problem {
#define BH_PROBLEM(sym, status, name, title) BH_PROBLEM_##sym,
#include "../ipc/problem.def"
#undef BH_PROBLEM
};

/* One TCP connection, in order of last use: the first is the one to close when there are too many. */
struct bh_front_conn {
	struct bh_front_conn *prev, *next;
	int fd;
	bool closing;
};

struct bh_front {
	struct MHD_Daemon *mhd;
	const struct bh_front_web *web;
	int channel, epoll;
	bool tls;
	uint32_t max_connections;
	uint64_t looked_ns;         /* for clients of streams that are gone */
	struct bh_front_conn conns; /* head of the ring */
	unsigned n_conns;
	struct bh_ipc_reader in;
	struct bh_buf out; /* for the control core */
	size_t out_sent;
	struct bh_front_req *reqs; /* all that are under way */
	uint64_t last_id;
};

struct bh_front_req {
	struct bh_front *front;
	struct bh_front_req *prev, *next;
	struct MHD_Connection *conn;
	uint64_t id;
	char *uri; /* as it came */
	struct bh_ipc_head head;
	uint64_t received;
	bool begun;     /* its head was sent */
	bool ended;     /* so was the end of its body */
	bool suspended; /* libmicrohttpd leaves it alone until bh_front_resume */
	bool ready;     /* there is an answer, whole or a stream */
	bool raw;       /* it was written past libmicrohttpd */
	bool stream, stream_ended;
	bool slow;        /* its client does not read: given up */
	bool local;       /* the control core never hears of it */
	const char *file; /* what is answered with, of the table of files */
	size_t file_len;
	unsigned flags; /* of the REPLY */
	struct bh_buf
		fields; /* of the answer: the REPLY message's payload, which its strings point into */
	struct bh_ipc_reply reply;
	struct bh_buf body;
	size_t body_read; /* of a stream's */
};

/* ---- framing.c */

/* Collect the headers. false: the request is ambiguous or malformed, the reply is set and the connection must be
 * closed. */
bool bh_front_framing(struct bh_front_req *req, struct MHD_Connection *conn);

/* ---- refusal.c */

/* libmicrohttpd's log. */
void bh_front_on_log(void *arg, const char *format, va_list words);

/* ---- reply.c */

/* An answer of our own. */
void bh_front_fail(struct bh_front_req *req, enum bh_front_problem problem, const char *detail);
enum MHD_Result bh_front_queue_reply(struct bh_front_req *req);
/* Write the reply past libmicrohttpd and have the connection closed. MHD_NO, for libmicrohttpd. */
enum MHD_Result bh_front_reply_and_close(struct bh_front_req *req);

/* ---- web.c */

struct bh_front_file;
/* By a request's target; NULL: none of ours. */
const struct bh_front_file *bh_front_web_find(const struct bh_front_web *web, const char *uri);
/* true: it is about a file, and the reply is set. */
bool bh_front_web_answer(struct bh_front_req *req);

/* ---- channel.c */

/* All of these append to front->out. */
void bh_front_send_head(struct bh_front_req *req);
void bh_front_send_body(struct bh_front_req *req, const char *data, size_t len);
void bh_front_send_end(struct bh_front_req *req);
void bh_front_send_gone(struct bh_front_req *req);
/* Messages that have come. 0; -EPIPE: the other end has closed; -errno. */
int bh_front_receive(struct bh_front *f);
/* Looks once a second: streams whose client is gone end. */
void bh_front_drop_gone(struct bh_front *f);
/* Write what can be written now. 0 or -errno. */
int bh_front_flush(struct bh_front *f);
bool bh_front_is_full(const struct bh_front *f);

/* ---- http.c */

int bh_front_http_start(struct bh_front *f, int listener, const struct bh_ipc_setup *s,
			struct bh_err *err);
void bh_front_http_stop(struct bh_front *f);
void bh_front_suspend(struct bh_front_req *req);
void bh_front_resume(struct bh_front_req *req);

#endif
