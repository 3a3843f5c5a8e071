/* inspect: attacks and sensitive data in what a connection says.
 *
 * Usage     one bh_inspect_engine for the process (it compiles the patterns), one bh_inspect_scratch per worker. A
 *           connection's inspection is a struct bh_inspect_http or bh_inspect_text in the caller's memory: open
 *           it, feed the bytes of both sides in order, close it. What is found is told through a callback.
 * Threads   the engine is immutable after creation: any thread. A scratch and a connection belong to one thread.
 * Lifetime  findings are valid during the callback only. Nothing but bh_inspect_engine_create, _scratch_create
 *           and their destroys uses the heap; decompression takes memory from the caller.
 *
 * A value is not judged by keywords: it is decoded as its receiver would (percent-encoding as often as it repeats,
 * overlong UTF-8, entities, escapes, base64), then read as what it would be where it lands: SQL behind an open quote or a
 * number, HTML, a shell line, a path, a URL, a template. Patterns (rule_*.def, compiled into one database) say what has
 * no grammar of its own: names of classes and functions, magic numbers, error messages.
 *
 * Work is bounded: each byte of a message is decoded and judged at most BH_INSPECT_VIEWS times.
 */
#ifndef BH_INSPECT_H
#define BH_INSPECT_H

#include "../base/base.h"
#include "../proto/proto.h"

enum bh_inspect_class {
#define BH_INSPECT_CLASS(sym, key, severity, attack, text) BH_INSPECT_##sym,
#include "../base/inspect_class.def"
#undef BH_INSPECT_CLASS
	BH_INSPECT_CLASS_COUNT
};
_Static_assert(BH_INSPECT_CLASS_COUNT <= 64, "sets of classes are one 64-bit word");

struct bh_inspect_class_info {
	const char *key;    /* "sqli", "dlp.card" */
	const char *attack; /* MITRE ATT&CK technique */
	const char *text;
	uint8_t severity; /* 1 high .. 3 low, as in EVE */
};
/* Any value is safe: NULL out of range. */
const struct bh_inspect_class_info *bh_inspect_class_info(unsigned class);
/* Number of a key, BH_INSPECT_CLASS_COUNT when there is none. */
unsigned bh_inspect_class_find(const char *key);
#define BH_INSPECT_ALL (~UINT64_C(0))
#define BH_INSPECT_BIT(class) (UINT64_C(1) << (class))

/* Where in a message something was. */
enum bh_inspect_where {
	BH_AT_PATH,  /* the URL before '?' */
	BH_AT_QUERY, /* the URL's query as a whole */
	BH_AT_NAME,  /* the name of an argument */
	BH_AT_ARG,   /* the value of an argument (query, form, JSON, XML, multipart) */
	BH_AT_COOKIE,
	BH_AT_HEADER,
	BH_AT_BODY,     /* a body that is no form, JSON, XML or multipart */
	BH_AT_FILE,     /* the file name of a multipart part */
	BH_AT_MESSAGE,  /* the message's framing */
	BH_AT_RESPONSE, /* a response's body */
	BH_AT_STREAM,   /* the bytes of a protocol that has no decoder of its own here */
};
const char *bh_inspect_where_name(unsigned where);

#define BH_INSPECT_NAME_MAX 48
#define BH_INSPECT_EXCERPT_MAX 128

struct bh_inspect_finding {
	uint8_t class;                  /* enum bh_inspect_class */
	uint8_t side;                   /* 0: the client said it */
	uint8_t where;                  /* enum bh_inspect_where */
	uint32_t offset;                /* where in the value (as decoded) it begins, or 0 */
	uint64_t message;               /* number of the message on its side, from 0 */
	char name[BH_INSPECT_NAME_MAX]; /* of the argument, cookie or header; printable, masked */
	/* Printable ASCII, NUL-terminated. Never shows a whole card number, address, key or the like: digits but the
	 * first six and last four of a card number, and the middle of every long run, are '*'. */
	char excerpt[BH_INSPECT_EXCERPT_MAX];
};

typedef void (*bh_inspect_report)(void *arg, const struct bh_inspect_finding *finding);

/* ---- engine and scratch ------------------------------------------------------------------------ */

struct bh_inspect_engine;
struct bh_inspect_scratch;

/* Compile the patterns (about a second). 0, -ENOMEM, -EINVAL (a pattern is refused: err says which and why). */
int bh_inspect_engine_create(struct bh_inspect_engine **out, struct bh_err *err);
void bh_inspect_engine_destroy(struct bh_inspect_engine *e);
/* Memory that judging needs, for one thread at a time. 0 or -ENOMEM. */
int bh_inspect_scratch_create(struct bh_inspect_scratch **out, const struct bh_inspect_engine *e);
void bh_inspect_scratch_destroy(struct bh_inspect_scratch *s);

/* What a text of a protocol other than HTTP is (wire.h). */
enum bh_inspect_text_kind {
	BH_TEXT_DATA,    /* rows, arguments, replies, headers of mails */
	BH_TEXT_SQL,     /* a statement */
	BH_TEXT_COMMAND, /* a line of an SMTP client */
	BH_TEXT_FILE,    /* a part of a mail, decoded */
};
struct bh_inspect_said {
	const uint8_t *at;
	size_t len;
	bool last; /* the text is complete */
};

/* What messages are made of, for others who look: called in the order in which it comes. arg is that of the context. */
struct bh_inspect_tap {
	/* REQUEST, STATUS, HEADER, TRAILER, HEADERS_END, END */
	void (*part)(void *arg, unsigned side, enum bh_http1_what what,
		     const struct bh_http1_part *part);
	/* Bytes of a body, content coding undone. */
	void (*body)(void *arg, unsigned side, const uint8_t *at, size_t len);
	/* Of a connection of wire.h; kind is an enum bh_inspect_text_kind. */
	void (*text)(void *arg, unsigned side, unsigned kind, const struct bh_inspect_said *said);
	/* May be NULL: before its REQUEST, the path of a request and the number that its findings will have. */
	void (*request)(void *arg, uint64_t message, struct bh_http_text path);
};

#define BH_INSPECT_TALLY 256

/* How many distinct hits of a class it takes until one is told, and what was counted of one side. dlp.card, .ssn, .iban,
 * .email, .phone, .national and .passport are counted; a full table tells. Zero it with the connection. */
struct bh_inspect_tally {
	const uint8_t *least; /* of each class; up to 1: the first one is told */
	bool by_message;      /* counted anew in each message; else over the connection */
	uint16_t n;
	uint8_t count[BH_INSPECT_CLASS_COUNT];
	uint32_t hash[BH_INSPECT_TALLY];
};

/* How many distinct addresses (e-mail, telephone) of a request's own places make a list of them. */
#define BH_INSPECT_OWN 5

/* Those seen so far. A client names itself by one: in the URL (search, contact, confirmation), in headers (RFC 9110
 * 10.1.2 From), in the fields of a form, which ask for it. Several are somebody else's. */
struct bh_inspect_own {
	uint8_t n[2]; /* of dlp.email, dlp.phone */
	uint32_t hash[2][BH_INSPECT_OWN - 1];
};

/* What one call needs besides the connection. */
struct bh_inspect_ctx {
	const struct bh_inspect_engine *engine;
	struct bh_inspect_scratch *scratch;
	const struct bh_memory
		*memory; /* for decompression; NULL, or when it runs out: bodies are not decoded */
	bh_inspect_report report;
	void *arg;
	uint64_t classes;                 /* set of BH_INSPECT_BIT: what is looked for */
	const struct bh_inspect_tap *tap; /* NULL: nobody else looks */
	/* May be NULL. true: it is none, and its class may still be found elsewhere in the message. */
	bool (*excepts)(void *arg, const struct bh_inspect_finding *finding);
	struct bh_inspect_tally *tally; /* of both sides; NULL: the first hit is told */
	bool *unread; /* set when something can't be looked at for want of memory or of a decoder; may be NULL */
};

/* ---- one value ----------------------------------------------------------------------------------- */

struct bh_inspect_value {
	const uint8_t *at;
	size_t len;
	const char *name; /* of the argument or header; may be NULL */
	size_t name_len;
	uint8_t where; /* enum bh_inspect_where */
	bool more;     /* it goes on: a number at its end may be a part of one */
	/* bh_inspect_dlp: classes that are told here when BH_INSPECT_OWN distinct ones were seen, and those; a number
	 * that ctx->tally has for a class goes before. own may be NULL when the set is empty. */
	uint64_t owned;
	struct bh_inspect_own *own;
};
/* Judge one value as it stands (the container's encoding undone). Returns the set of classes found; each is
 * reported once. */
uint64_t bh_inspect_value(const struct bh_inspect_ctx *ctx, const struct bh_inspect_value *v);
/* Sensitive data only. */
uint64_t bh_inspect_dlp(const struct bh_inspect_ctx *ctx, const struct bh_inspect_value *v);
/* Printable, masked copy of foreign text (see struct bh_inspect_finding). size > 0. */
void bh_inspect_mask(char *out, size_t size, const uint8_t *at, size_t len);

/* ---- an HTTP/1 connection ------------------------------------------------------------------------ */

#define BH_INSPECT_WINDOW 16384 /* bytes of a body that are looked at together */
#define BH_INSPECT_BOUNDARY 74  /* RFC 2046 5.1.1: 70, and the leading -- */

/* One side; only this room looks inside. */
struct bh_inspect_side {
	uint64_t found;    /* classes reported of this message */
	uint64_t message;  /* its number */
	uint64_t unpacked; /* bytes that came out of decompression */
	uint64_t packed;   /* and went in */
	void *inflater[2]; /* of the caller's memory */
	uint32_t used;     /* bytes in window */
	uint32_t waits;    /* bytes fed last that are not judged yet */
	uint16_t fields;   /* bits of headers and arguments seen */
	struct bh_inspect_own own;
	uint8_t kind;      /* of the body */
	uint8_t coding[2]; /* Content-Encoding, outermost first */
	uint8_t boundary_len;
	uint8_t part; /* of a multipart body: where its parser stands */
	uint8_t method;
	bool sniffs;  /* what the body is said or taken to be may be wrong: its first bytes tell */
	bool in_body; /* else window holds the head so far */
	bool unread;  /* the body can't be decoded: no more of it is looked at */
	bool begun;   /* the body's first two bytes have told how wide its characters are */
	uint8_t wide; /* 0: as they come; UTF-16, its low byte 1 first, 2 last */
	uint8_t half; /* of one, its first byte */
	bool odd;     /* which is there */
	uint8_t boundary[BH_INSPECT_BOUNDARY];
	uint8_t name[BH_INSPECT_NAME_MAX]; /* of the argument being read */
	uint8_t name_len;
	uint8_t window[BH_INSPECT_WINDOW];
};

/* The frames of one side behind an upgrade to WebSocket; only this room looks inside. */
struct bh_inspect_socket {
	void *inflater; /* of the caller's memory */
	uint64_t left;  /* bytes of the frame */
	uint8_t head[14], mask[4], control[125];
	uint8_t have, at, opcode, n_control;
	bool inside, fin, deflated;
	bool lost; /* what follows can't be inflated */
};

/* One connection. */
struct bh_inspect_http {
	struct bh_http1 reader;
	struct bh_inspect_side side[2];
	struct bh_inspect_socket socket[2];
	bool over;   /* no HTTP/1 any more */
	bool frames; /* WebSocket instead */
};

void bh_inspect_http_open(struct bh_inspect_http *c);
/* The next bytes of a side in order, each byte once; ended: nothing follows. Findings are reported during the call.
 * Returns the set of classes found. After the connection stopped being HTTP/1 (an error, an upgrade) what follows is
 * looked at as bytes. */
uint64_t bh_inspect_http_feed(struct bh_inspect_http *c, const struct bh_inspect_ctx *ctx,
			      unsigned side, const uint8_t *data, size_t len, bool ended);
/* How many of the bytes of a side that were fed last are not judged yet: a message that goes on. */
uint32_t bh_inspect_http_waits(const struct bh_inspect_http *c, unsigned side);
/* Judge what waits as far as it has come, and once more with what follows: nothing waits then. */
uint64_t bh_inspect_http_look(struct bh_inspect_http *c, const struct bh_inspect_ctx *ctx,
			      unsigned side);
/* The connection has ended, however it did: what has not been looked at is, and what decompression took from
 * ctx->memory is given back. */
void bh_inspect_http_close(struct bh_inspect_http *c, const struct bh_inspect_ctx *ctx);

/* ---- an HTTP/2 connection (RFC 9113), gRPC over it ------------------------------------------------- */

#define BH_INSPECT_STREAMS 8 /* messages of both sides that are read at once */

/* One side's frames; only this room looks inside. */
struct bh_inspect_frames {
	struct bh_hpack *hpack; /* of the caller's memory */
	uint32_t left;          /* bytes of the frame, padding included */
	uint32_t stream, block_stream;
	uint8_t stage, type, flags, block_flags, pad;
	uint8_t have, need; /* bytes to collect in `some`, and there already */
	bool pushed;        /* the block is of a request that the server promises */
	bool over;          /* what follows can't be read */
	uint8_t some[24];
};

struct bh_inspect_stream {
	struct bh_inspect_side *state; /* of the caller's memory, kept for the next one */
	uint64_t used;
	uint32_t id; /* 0: free */
	uint8_t side;
	bool shown; /* its request line was looked at */
};

/* One connection. ctx->memory is needed: without it nothing is read. */
struct bh_inspect_http2 {
	struct bh_inspect_frames side[2];
	struct bh_inspect_stream stream[BH_INSPECT_STREAMS];
	uint64_t clock;
};

/* As bh_inspect_http_*; the client's bytes begin with the preface. A finding's message is its stream. */
void bh_inspect_http2_open(struct bh_inspect_http2 *c);
uint64_t bh_inspect_http2_feed(struct bh_inspect_http2 *c, const struct bh_inspect_ctx *ctx,
			       unsigned side, const uint8_t *data, size_t len, bool ended);
void bh_inspect_http2_close(struct bh_inspect_http2 *c, const struct bh_inspect_ctx *ctx);

/* ---- any other stream ----------------------------------------------------------------------------- */

#define BH_INSPECT_TAIL 2048

/* One connection of a protocol without a decoder here (SQL results, Redis, SMTP, LDAP, SIP, syslog ...): its bytes are
 * looked at for sensitive data and look-ups that log writers would follow. Zero it before use. */
struct bh_inspect_text {
	struct {
		uint64_t found;
		uint32_t used;
		uint32_t fresh; /* bytes since the last look */
		uint8_t tail[BH_INSPECT_TAIL];
	} side[2];
};

/* Bytes are judged when a line or some more have come; now: at once. */
uint64_t bh_inspect_text_look(struct bh_inspect_text *c, const struct bh_inspect_ctx *ctx,
			      unsigned side);
uint64_t bh_inspect_text_feed(struct bh_inspect_text *c, const struct bh_inspect_ctx *ctx,
			      unsigned side, const uint8_t *data, size_t len, bool ended);

#endif
