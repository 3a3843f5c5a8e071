/* line.h: lines of a text protocol out of a stream, and the upgrade to TLS that some of them know (RFC 2595, 3207,
 * 4217). What follows the request for it in clear text would be read as if it came through TLS (CVE-2011-0411), so
 * nothing may follow until it is answered. */
#ifndef BH_PROTO_LINE_H
#define BH_PROTO_LINE_H

#include "proto_priv.h"

#define BH_LINE_KEPT 256

struct bh_line {
	uint32_t len;  /* of the line so far, without its end */
	uint32_t skip; /* bytes that are no lines: a literal, a chunk */
	bool whole;    /* the last call gave a line: the next one begins */
	uint16_t kept;
	char text[BH_LINE_KEPT]; /* its first bytes, not NUL-terminated */
};

/* Take a line, or what there is of it. true: it is whole; kept and text are it, without CR and LF. */
bool bh_line_next(struct bh_line *l, struct bh_cur *in);
/* Does it begin with these words (case ignored), with a space or nothing behind? */
bool bh_line_says(const struct bh_line *l, unsigned from, const char *words);
/* Place of the next word from `from` on; its length, 0: there is none. */
unsigned bh_line_word(const struct bh_line *l, unsigned *from);

/* The answer to a request for TLS was yes: what follows on both sides is TLS. */
static inline enum bh_ops_status
bh_ops_upgraded(struct bh_ops_out *out)
{
	out->became = BH_APP_TLS;
	return bh_ops_say(out, BH_OPS_OPAQUE, "upgraded to TLS");
}

/* ---- replies in numbers: smtp, ftp ---- */

struct bh_coded {
	struct bh_line side[2];
	uint32_t unanswered; /* commands without their final reply; the greeting is one */
	bool asked;          /* for TLS */
	bool body;           /* smtp: between DATA and the lone dot */
	bool data;           /* smtp: DATA was said, its 354 may come */
	uint16_t multi;      /* code of the reply of several lines that is going on */
};

struct bh_coded_how {
	const char *upgrade[5]; /* commands that ask for TLS, NULL at the end */
	uint16_t granted;       /* code that says yes */
	bool mail;              /* DATA and BDAT */
};

enum bh_ops_status bh_coded_feed(struct bh_coded *c, const struct bh_coded_how *how, unsigned side,
				 struct bh_cur *in, struct bh_ops_out *out);

#endif
