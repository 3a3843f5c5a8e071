/* ipc: what the HTTP process (room front) and the control core (room api) say to each other, over one stream socket.
 *
 * The HTTP process parses what strangers send and is not trusted: it has no rights of its own, every request carries
 * the credentials that came with it, and the control core checks them. A message is a header of 16 bytes and at most
 * BH_IPC_PAYLOAD_MAX bytes; both sides run on one machine and are of one build, so numbers are in its byte order.
 *
 *   front -> control   HEAD    a request's line and headers, once they have one reading only (front/framing.c)
 *                      BODY    a piece of its body; with BH_IPC_LAST the end of it (also of an empty one)
 *                      GONE    the client is not there any more: nothing more is said of this request
 *   control -> front   SETUP   first of all: limits, and what to serve TLS with
 *                      REPLY   status and headers of an answer; BH_IPC_CLOSE: more of the body is not read,
 *                              BH_IPC_STREAM: its length is not known
 *                      DATA    a piece of the answer; with BH_IPC_LAST its end
 *
 * A message that does not decode ends the channel: the other process is broken or not what it was.
 *
 * Threads   a struct bh_ipc_reader and the buffers belong to their caller; nothing is shared. */
#ifndef BH_IPC_H
#define BH_IPC_H

#include "../base/base.h"

#define BH_IPC_PAYLOAD_MAX (256u << 10)
#define BH_IPC_PIECE (64u << 10) /* of a body, in one message */
#define BH_IPC_LENGTH_UNKNOWN UINT64_MAX

enum bh_ipc_type {
	BH_IPC_SETUP = 1,
	BH_IPC_HEAD,
	BH_IPC_BODY,
	BH_IPC_GONE,
	BH_IPC_REPLY,
	BH_IPC_DATA,
	BH_IPC_TYPES
};

enum { BH_IPC_LAST = 1, BH_IPC_CLOSE = 2, BH_IPC_STREAM = 4 };

struct bh_ipc_header {
	uint32_t len; /* of the payload */
	uint8_t type, flags;
	uint16_t zero;
	uint64_t id; /* of the request; 0 in SETUP */
};

/* A message as read: payload is good until the next call of bh_ipc_next. */
struct bh_ipc_message {
	enum bh_ipc_type type;
	unsigned flags;
	uint64_t id;
	const char *payload;
	uint32_t len;
};

/* ---- fields: strings are NUL-terminated on both sides and may be NULL (the header was not there) --------- */

#define BH_IPC_HEAD_STRINGS(X)                                                                      \
	X(method)                                                                                   \
	X(uri)                                                                                      \
	X(version)                                                                                  \
	X(host)                                                                                     \
	X(authorization)                                                                            \
	X(content_type)                                                                             \
	X(accept)                                                                                   \
	X(if_match)                                                                                 \
	X(if_none_match)                                                                            \
	X(idempotency_key)                                                                          \
	X(last_event_id)                                                                            \
	X(cookie)                                                                                   \
	X(origin)                                                                                   \
	X(fetch_site)  /* Sec-Fetch-Site */                                                         \
	X(peer)        /* address of the client, as text */                                         \
	X(certificate) /* of the client: SHA-256 of its DER form in hex, verified against the CA */ \
	X(subject)     /* its common name */

struct bh_ipc_head {
#define X(name) const char *name;
	BH_IPC_HEAD_STRINGS(X)
#undef X
	uint64_t content_length; /* 0: none, or chunked */
	bool chunked;
};

#define BH_IPC_REPLY_STRINGS(X)                                                                    \
	X(content_type)                                                                            \
	X(www_authenticate)                                                                        \
	X(allow)                                                                                   \
	X(etag)                                                                                    \
	X(location)                                                                                \
	X(retry_after)                                                                             \
	X(rate_limit) /* RateLimit-Limit */                                                        \
	X(rate_left)  /* RateLimit-Remaining */                                                    \
	X(rate_reset) /* RateLimit-Reset, seconds */                                               \
	X(set_cookie)                                                                              \
	X(disposition)   /* Content-Disposition */                                                 \
	X(cache_control) /* NULL: no-store */                                                      \
	X(security)      /* Content-Security-Policy; NULL: nothing may be loaded */

struct bh_ipc_reply {
#define X(name) const char *name;
	BH_IPC_REPLY_STRINGS(X)
#undef X
	uint16_t status;
	uint64_t length; /* of the body, or BH_IPC_LENGTH_UNKNOWN */
};

#define BH_IPC_SETUP_STRINGS(X)                                                                    \
	X(certificate) /* PEM; NULL: no TLS */                                                     \
	X(key)         /* PEM */                                                                   \
	X(client_ca)   /* PEM; NULL: clients are not asked for a certificate */

struct bh_ipc_setup {
#define X(name) const char *name;
	BH_IPC_SETUP_STRINGS(X)
#undef X
	uint32_t max_connections, timeout_s;
};

/* Append a whole message. A string longer than the payload can hold fails the buffer (out->failed). */
void bh_ipc_put(struct bh_buf *out, enum bh_ipc_type type, unsigned flags, uint64_t id,
		const void *payload, size_t len);
void bh_ipc_put_head(struct bh_buf *out, uint64_t id, const struct bh_ipc_head *h);
void bh_ipc_put_reply(struct bh_buf *out, uint64_t id, unsigned flags,
		      const struct bh_ipc_reply *r);
void bh_ipc_put_setup(struct bh_buf *out, const struct bh_ipc_setup *s);

/* 0, or -EPROTO. The strings point into the message. */
int bh_ipc_get_head(const struct bh_ipc_message *m, struct bh_ipc_head *h);
int bh_ipc_get_reply(const struct bh_ipc_message *m, struct bh_ipc_reply *r);
int bh_ipc_get_setup(const struct bh_ipc_message *m, struct bh_ipc_setup *s);

/* ---- reading: bytes as they come, messages as they are whole --------------------------------------------- */

struct bh_ipc_reader {
	struct bh_buf in;
	size_t used; /* of it, already given out */
};

/* Read once from fd. 1: something came, 0: the end, -EAGAIN: nothing now, another -errno. */
int bh_ipc_fill(struct bh_ipc_reader *r, int fd);
/* The next message: 1; 0 when it is not whole yet; -EPROTO. */
int bh_ipc_next(struct bh_ipc_reader *r, struct bh_ipc_message *m);
void bh_ipc_reader_free(struct bh_ipc_reader *r);

#endif
