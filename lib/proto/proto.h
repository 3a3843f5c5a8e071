/* proto: which application speaks, proven from its bytes, never from a port.
 *
 * Usage     keep one struct bh_proto_state per flow (8 bytes of candidates and the result); call
 *           bh_proto_identify() whenever a side's first bytes have grown, until it is decided.
 * Threads   pure functions over the caller's memory: any thread.
 * Lifetime  nothing is kept but the state.
 *
 * A detector is one file, proto_<name>.c, with one function
 *     enum bh_proto_answer bh_proto_<name>(const struct bh_proto_input *in)
 * and one line in proto.def. It looks at the bytes of both sides and says no, maybe (more bytes could make it
 * either) or yes. It reads through bounded cursors only, keeps nothing, and does work bounded by the bytes
 * shown. YES must be proof: a structure that random bytes or another protocol do not have by chance (two
 * agreeing fields, a magic of 4 bytes or more, a checked length chain, a full text verb with its grammar ...).
 * NO must be final: no more bytes of the stream can make it this application; over UDP it is about the newest
 * datagram, and final after BH_PROTO_DATAGRAMS of them.
 */
#ifndef BH_PROTO_H
#define BH_PROTO_H

#include "../base/base.h"

/* First bytes kept of each side; a detector never sees more. */
#define BH_PROTO_WINDOW 4096
/* Datagrams of a UDP flow after which a detector's NO is the last word. */
#define BH_PROTO_DATAGRAMS 8

enum bh_app {
	BH_APP_UNKNOWN,
#define BH_PROTO(sym, name, transports, parent, text) BH_APP_##sym,
#include "proto.def"
#undef BH_PROTO
	BH_APP_COUNT
};
_Static_assert(BH_APP_COUNT <= 128, "candidate sets are two 64-bit words");

/* Name as in rules and EVE's app_proto ("redis"); "unknown" for 0, "invalid" out of range. */
const char *bh_app_name(unsigned app);
/* Number of a name, 0 when there is none. A protocol with two forms (etcd over http, over grpc) has two lines
 * of one name in the table: this is the first one's number, so compare with bh_app_is(), not with ==. */
enum bh_app bh_app_find(const char *name);
/* The application below ("http" for "elasticsearch"), or BH_APP_UNKNOWN. */
enum bh_app bh_app_parent(unsigned app);

/* Is `app`, or an application below it, of the name that `wanted` has? What a rule asks. */
bool bh_app_is(unsigned app, enum bh_app wanted);

/* Transports in proto.def */
enum { BH_OVER_TCP = 1, BH_OVER_UDP = 2, BH_OVER_SCTP = 4 };

/* What a detector is shown. Side 0 is the client (who opened the flow), side 1 the server; a capture
 * that began in the middle may have them swapped, so a detector that can tell, should: `swapped` is set in
 * a second try when the flow's start was not seen.
 * TCP: data[] are the first bytes of each stream, in order, without gaps.
 * UDP: the newest datagram of each side (len 0: none yet); `from` is the side that has just sent. */
struct bh_proto_input {
	const uint8_t *data[2];
	uint32_t len[2];   /* 0 .. BH_PROTO_WINDOW */
	bool ended[2];     /* nothing more will be shown of this side: FIN, or the window is full */
	uint8_t transport; /* one of BH_OVER_* */
	uint8_t from;      /* side of the newest bytes */
	uint16_t packets;  /* datagrams (UDP) or segments with data so far, both sides */
};

enum bh_proto_answer { BH_PROTO_NO, BH_PROTO_MAYBE, BH_PROTO_YES };

struct bh_proto_state {
	uint64_t ruled_out[2]; /* bit per application */
	uint8_t app;           /* proven, or 0 */
	uint8_t decided;       /* nothing more to ask: app is final, also when 0 */
};

/* Ask the detectors that are still candidates. Returns true when state->decided is set by this call. When
 * an application that others are built on is proven (http), it is stored at once, and the call says decided
 * only when those on top are ruled out or one is proven. */
bool bh_proto_identify(struct bh_proto_state *state, const struct bh_proto_input *in);
/* Could the flow still be `app` (or is it)? What a hold-until-verdict rule asks. */
bool bh_proto_possible(const struct bh_proto_state *state, enum bh_app app);

/* ---- whose addresses a DNS message tells (dns_reply.c) ---------------------------------------------- */

#define BH_DNS_ADDRESSES 16 /* of one answer; more are left out */

struct bh_dns_message {
	uint16_t id;
	uint16_t type; /* 1: A, 28: AAAA */
	bool response;
	uint8_t name_len;
	char name[256]; /* asked for: lower case, no dot at its end */
	unsigned n;     /* addresses that the name has, by its aliases, too */
	struct bh_dns_address {
		uint8_t addr[16]; /* A: the first 4 */
		uint32_t ttl;     /* seconds: the least along the chain */
	} address[BH_DNS_ADDRESSES];
};

/* A query for addresses, or the answer to one. 0, or -EINVAL: another message, or one that could be read differently. */
int bh_dns_read(const uint8_t *m, size_t len, struct bh_dns_message *out);

/* ---- operations ------------------------------------------------------------------------------------
 *
 * What an application does. Parsers that cut a proven application's streams into operations, which rules
 * judge one by one (HTTP requests, SQL statements, Redis commands ...).
 *
 * Usage     take BH_OPS_STATE bytes a connection, bh_ops_open(), then bh_ops_feed() the bytes of each side in
 *           order, each byte once. Over UDP one call is one datagram.
 * Threads   pure functions over the caller's memory: any thread.
 * Lifetime  an operation's values point into the state or the bytes just fed: valid until the next call.
 *
 * What is held. A parser says how many of the last bytes that it was fed belong to an operation that has not been
 * judged: the caller lets these not go. An operation is emitted as soon as all that rules may ask of it is known,
 * at the latest when its message ends. A message too long to be held whole (BH_OPS_HOLD) may be let go but for its
 * last byte, which makes it useless to the receiver, until the operation has been emitted and judged.
 *
 * A parser is as strict as the strictest receiver: what two receivers could read differently (RFC 9112 2.2, 6.3;
 * duplicate lengths, bare LF ...) is BH_OPS_ERROR. It never guesses and never resynchronises.
 */

enum bh_op_field {
#define BH_OP_FIELD(sym, app, key, match, object, eve, text) BH_OP_##sym,
#include "op_field.def"
#undef BH_OP_FIELD
	BH_OP_FIELD_COUNT
};

enum bh_op_match {
	BH_OP_MATCH_EVERY,
	BH_OP_MATCH_ONE,
	BH_OP_MATCH_PRESENT,
	BH_OP_MATCH_AT_LEAST,
	BH_OP_MATCH_NEVER,
};

struct bh_op_field_info {
	const char *rule_key; /* NULL: rules don't ask */
	const char *eve_object, *eve_key;
	const char *text;
	uint8_t app;   /* enum bh_app */
	uint8_t match; /* enum bh_op_match */
};
const struct bh_op_field_info *bh_op_field_info(unsigned field); /* field < BH_OP_FIELD_COUNT */
/* The field that `key` means in an allow list of `app` or of what it stands on (grpc: http's hosts, too), or
 * BH_OP_FIELD_COUNT. Applications of one name are one here. */
unsigned bh_op_field_find(enum bh_app app, const char *key);
/* Does app have operations that rules may list? */
bool bh_app_has_ops(enum bh_app app);

#define BH_OP_VALUES 32     /* values of one operation */
#define BH_OP_VALUE_MAX 512 /* bytes of one value; a longer one is cut and the operation PARTIAL */

struct bh_op_value {
	const uint8_t *at; /* not NUL-terminated */
	uint16_t len;
	uint8_t field; /* enum bh_op_field */
};

enum {
	/* Not all of it was understood (too many tables, a statement of a kind that is not parsed): no list
	 * with a constraint on the fields that may be missing fits it. */
	BH_OP_PARTIAL = 1 << 0,
	/* Always goes with the connection, judged or not: log-in, ping, quit, transaction control. */
	BH_OP_SESSION = 1 << 1,
	/* Only for records: nothing to be judged (a response, a banner). */
	BH_OP_RECORD = 1 << 2,
};

struct bh_op {
	uint8_t app;   /* enum bh_app: whose operation, as proven (grpc rather than http2) */
	uint8_t side;  /* 0: the client's */
	uint8_t flags; /* BH_OP_* */
	uint8_t n;
	struct bh_op_value value[BH_OP_VALUES];
};

/* Append a value; too many or too long: PARTIAL. */
void bh_op_add(struct bh_op *op, enum bh_op_field field, const void *at, size_t len);

/* Bytes that a parser may keep of one connection; what it needs beyond is an error of the connection. */
#define BH_OPS_STATE 12288
/* Bytes of one operation that are held at most; what is longer goes but for its last byte. */
#define BH_OPS_HOLD 8192

/* One connection. Only its parser reads `state`, which starts zeroed. */
struct bh_ops {
	const struct bh_memory *memory;
	uint8_t app;       /* enum bh_app, as proven at open */
	uint8_t transport; /* one of BH_OVER_* */
	uint8_t parser;    /* line of ops.def, from 1; 0: none */
	uint8_t over;      /* ERROR or OPAQUE was said: nothing more is parsed */
	uint64_t state[BH_OPS_STATE / 8];
};

enum bh_ops_status {
	BH_OPS_MORE, /* all was eaten */
	BH_OPS_OP,   /* out->op: judge it, then go on with the rest of the bytes */
	BH_OPS_OPAQUE, /* from here on this connection can't be judged: encrypted, or another protocol */
	BH_OPS_ERROR, /* not this application, ambiguous, or more than is kept; final */
};

struct bh_ops_out {
	uint32_t eaten; /* bytes of `data` taken; all of them unless BH_OPS_OP, OPAQUE or ERROR */
	uint32_t
		pending; /* of all that this side has been fed, so many last bytes are not judged yet */
	const char *why; /* ERROR, OPAQUE: a few words for the event; static */
	uint8_t became;  /* OPAQUE: enum bh_app that goes on, if known (tls, websocket), else 0 */
	struct bh_op op; /* OP */
};

/* Is there a parser for what this application says? */
bool bh_ops_known(unsigned app);
/* Start at the first byte of both sides. memory (NULL from alloc is an error of the connection) must outlive the state; it may be NULL for parsers that need
 * none. transport: BH_OVER_*. */
void bh_ops_open(struct bh_ops *s, unsigned app, uint8_t transport, const struct bh_memory *memory);
/* Next bytes of a side; ended: nothing follows (FIN). len may be 0. Work is bounded by len. After ERROR or OPAQUE
 * on either side do not call again. Each call with BH_OPS_OP or n bytes makes progress: eaten > 0, or another
 * operation of bytes that were eaten before (several statements of one message). */
enum bh_ops_status bh_ops_feed(struct bh_ops *s, unsigned side, const uint8_t *data, uint32_t len,
			       bool ended, struct bh_ops_out *out);
/* Bytes of a side that come next and that the parser only counts, or does not look at (UINT64_MAX: all to come):
 * bh_ops_pass() tells it that so many have gone by unseen. */
uint64_t bh_ops_free(const struct bh_ops *s, unsigned side);
void bh_ops_pass(struct bh_ops *s, unsigned side, uint64_t n);
/* Give back what the parser took from memory. */
void bh_ops_close(struct bh_ops *s);

/* ---- HTTP/1 messages -------------------------------------------------------------------------------
 *
 * A reader that cuts both sides of a connection into the parts of their messages (RFC 9112). It keeps the framing:
 * lengths, chunks, which response belongs to which request, what has no body, and where HTTP ends (101, CONNECT).
 *
 * Usage     zero a struct bh_http1 per connection; call bh_http1_next() for a side with its next bytes until it says
 *           MORE. Requests should be shown before their responses.
 * Threads   pure functions over the caller's memory: any thread.
 * Lifetime  texts of a part point into the reader or into the input: valid until the next call.
 *
 * What two receivers could read differently is an error, in words: both framings, a length that is repeated, signed or
 * a list, any transfer coding but "chunked", bare CR or LF, folded lines, a space before the colon, control characters,
 * no Host or two, a target whose authority is not the Host's, chunk sizes beyond hexadecimal digits, and what
 * docs/applications.md lists. A response that no request asked for is an error, but for an error status: a
 * server's last words.
 */

#define BH_HTTP1_LINE 8192 /* longest line of a request, without CRLF */
#define BH_HTTP1_KEPT 1024 /* of a response's line so much is shown; a longer one is `cut` */
#define BH_HTTP1_SECTION                                                                           \
	65536 /* bytes of a start line with its headers, of trailers, of one line of chunk size */
#define BH_HTTP1_HEADERS 256  /* header lines of one message, trailers included */
#define BH_HTTP1_PIPELINE 128 /* requests without their final response */
#define BH_HTTP_HOST_MAX 255
#define BH_HTTP_PATH_MAX 8192 /* of a target, as sent */

struct bh_http_text {
	const uint8_t *at; /* not NUL-terminated */
	uint32_t len;
};

struct bh_http_authority {
	uint16_t port; /* 0: none was said */
	uint16_t len;
	uint8_t host[BH_HTTP_HOST_MAX]; /* lower case, without a last dot; IPv6 in brackets */
};

enum bh_http1_what {
	BH_HTTP1_MORE,        /* all was eaten */
	BH_HTTP1_REQUEST,     /* name: method, value: target, path, query, minor */
	BH_HTTP1_STATUS,      /* status, minor, value: reason */
	BH_HTTP1_HEADER,      /* name, value, cut */
	BH_HTTP1_HEADERS_END, /* of a request: authority is known, bh_http1_authority() */
	BH_HTTP1_BODY,        /* value: bytes of the body, chunking removed; of the input */
	BH_HTTP1_TRAILER,     /* name, value, cut */
	BH_HTTP1_END,         /* of the message */
	BH_HTTP1_SWITCH,      /* what follows on both sides is not HTTP/1; became. Final */
	BH_HTTP1_ERROR,       /* why. Final */
};

struct bh_http1_part {
	const char *why;
	struct bh_http_text name, value, path, query;
	uint16_t status;
	uint8_t minor;  /* 0, 1: HTTP/1.minor */
	uint8_t became; /* enum bh_app, or 0 */
	bool cut;
};

struct bh_http1_side {
	uint64_t at;      /* bytes eaten so far */
	uint64_t message; /* `at` of the message's first byte */
	uint64_t body; /* what is left of the body or chunk; Content-Length until the headers end */
	uint32_t section; /* bytes of this section so far */
	uint32_t line;    /* bytes of this line so far */
	uint16_t headers;
	uint16_t status;
	uint8_t state;
	uint8_t minor;
	uint8_t seen; /* framing fields of this message */
	uint8_t last; /* byte of an unfinished line */
	uint8_t became;
};

/* One connection; only the reader looks inside, but for what functions below show. */
struct bh_http1 {
	struct bh_http1_side side[2];
	struct bh_http_authority authority; /* of the request being read */
	uint16_t default_port;              /* of an absolute target's scheme; 0: none */
	uint8_t method;                     /* what it means for framing */
	uint8_t first, n;                   /* requests in flight */
	uint8_t over;
	uint8_t asked[BH_HTTP1_PIPELINE];
	uint8_t request[BH_HTTP1_LINE + 2];
	uint8_t response[BH_HTTP1_KEPT + 2];
};

/* The next part of what `side` says; eats from `in`. ended: nothing follows what is in `in`. Each call that does not
 * say MORE makes progress; a part without bytes (END, SWITCH) comes once. */
enum bh_http1_what bh_http1_next(struct bh_http1 *h, unsigned side, struct bh_cur *in, bool ended,
				 struct bh_http1_part *part);
/* Bytes of the body, or of this chunk of it, that are still to come (UINT64_MAX: until the side ends), and: so many have gone
 * by unseen. */
uint64_t bh_http1_free(const struct bh_http1 *h, unsigned side);
void bh_http1_pass(struct bh_http1 *h, unsigned side, uint64_t n);
/* Bytes of a head (start line and headers) whose end has not come: the last ones eaten. */
uint32_t bh_http1_head(const struct bh_http1 *h, unsigned side);

/* Path of a target as servers read it: percent-decoded once, dot segments removed, %2F and %5C kept. What servers
 * read differently is an error: its words are returned, NULL when there is none. */
struct bh_http_path {
	uint16_t len;
	uint8_t text[BH_OP_VALUE_MAX +
		     1]; /* longer than a value: bh_op_add makes the operation PARTIAL */
};
const char *bh_http_path(const uint8_t *at, size_t len, struct bh_http_path *out);

/* ---- HTTP/2's header compression ------------------------------------------------------------------
 *
 * RFC 7541 through libnghttp2. One decoder for each side; it lives in the memory it is opened with, which must outlive
 * it. Threads: one at a time.
 */

/* What a dynamic table may be grown to; browsers announce 64 KiB. */
#define BH_HPACK_TABLE_MAX 65536
/* All that a decoder takes: a table of 64 KiB whose entries are small costs three times that, a literal 64 KiB. */
#define BH_HPACK_MEMORY_MAX (256 * 1024)

struct bh_hpack;

struct bh_hpack_sink {
	/* One field; both texts are valid during the call. NULL: go on; else what is wrong with it: nothing
	 * more of the block is read. */
	const char *(*field)(void *arg, struct bh_http_text name, struct bh_http_text value);
	void *arg;
};

/* With a table of 4,096 bytes (RFC 9113 6.5.2). NULL: no memory, or `from` is NULL. */
struct bh_hpack *bh_hpack_open(const struct bh_memory *from);
/* The largest table that the encoder may use from now on. false: within a header block. */
bool bh_hpack_resize(struct bh_hpack *h, uint32_t table);
/* More of a header block; final: it ends here. NULL, or why it can't be read, nor what follows: static. */
const char *bh_hpack_feed(struct bh_hpack *h, struct bh_http_text in, bool final,
			  const struct bh_hpack_sink *sink);
/* NULL is fine. */
void bh_hpack_close(struct bh_hpack *h);

#endif
