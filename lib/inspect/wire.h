/* wire: what databases, caches and mail say, undone to the texts they carry.
 *
 * Usage     bh_inspect_wire_knows() an application, open, feed the bytes of both sides in order, close. A text is a
 *           statement, a row of a result, an argument, a reply, a line, a part of a mail decoded. Each is looked at for
 *           sensitive data and look-ups that log writers would follow, statements for what was injected into them as well
 *           (bh_inspect_statement). Bytes of no known meaning are looked at as they are.
 * Threads   as inspect.h: a connection belongs to one thread.
 * Lifetime  bh_inspect_wire_close gives back what decompression took.
 */
#ifndef BH_INSPECT_WIRE_H
#define BH_INSPECT_WIRE_H

#include "inspect.h"

#define BH_WIRE_STATE 7168 /* bytes of a decoder's own */

#define BH_SQL_THIN 2048

/* What is left of a long statement (sql_thin.c); only this room looks inside. Zero it before its first byte. */
struct bh_sql_thin {
	uint8_t in;            /* a quote; * - # a comment; 0 */
	uint8_t before, older; /* bytes */
	uint8_t run;           /* bytes of a word, a string */
	uint8_t quotes;        /* in a comment */
	bool opened, closing, escaped, prose;
	bool where, catalogue; /* as in sql_carried.c */
	uint16_t used, safe;
	uint8_t text[BH_SQL_THIN];
};

/* One side; only this room looks inside. */
struct bh_wire_side {
	uint64_t found;   /* classes reported of this message */
	uint64_t message; /* its number */
	uint32_t used;    /* bytes in window */
	uint32_t judged;  /* of these */
	uint8_t kind;     /* enum bh_inspect_text_kind */
	bool whole;       /* what is in the window does not go on */
	bool cut;         /* the message's beginning has left the window */
	uint8_t window[BH_INSPECT_WINDOW];
	struct bh_sql_thin thin; /* of a statement longer than that */
};

struct bh_wire_proto;

/* One connection. */
struct bh_inspect_wire {
	const struct bh_wire_proto *proto; /* NULL: bytes as they come */
	uint64_t seen;                     /* classes reported during a call */
	bool opaque;                       /* what follows is encrypted */
	_Alignas(8) uint8_t state[BH_WIRE_STATE];
	struct bh_wire_side side[2];
};

/* Is there a decoder of an enum bh_app? */
bool bh_inspect_wire_knows(unsigned app);
/* c need not be zero. app is known. */
void bh_inspect_wire_open(struct bh_inspect_wire *c, unsigned app);
/* As bh_inspect_http_feed. Complete texts are judged during the call, and so is what has come of others, once more with
 * what follows. */
uint64_t bh_inspect_wire_feed(struct bh_inspect_wire *c, const struct bh_inspect_ctx *ctx,
			      unsigned side, const uint8_t *data, size_t len, bool ended);
void bh_inspect_wire_close(struct bh_inspect_wire *c, const struct bh_inspect_ctx *ctx);

/* An SQL statement that a client sends to its database, as its server reads it: was something injected into it? Statements
 * are SQL anyway, so only the marks that an injection leaves behind a value count. mysql: in its dialect. Returns the set of
 * classes reported. */
uint64_t bh_inspect_statement(const struct bh_inspect_ctx *ctx, const uint8_t *at, size_t len,
			      bool mysql);

#endif
