/* mime: a mail as it passes, its parts decoded. Private to inspect. */
#ifndef BH_INSPECT_MIME_H
#define BH_INSPECT_MIME_H

#include "wire_priv.h"

#define BH_MIME_LINE 1024 /* RFC 5322 2.1.1: 998; what is longer is decoded in pieces */
#define BH_MIME_DEPTH 6   /* parts within parts; deeper ones are looked at as they are */
#define BH_MIME_LEVELS 3  /* mails that are encoded within mails, in ctx->memory */

/* One message being read; zero it before. */
struct bh_mime {
	struct {
		uint8_t len;
		uint8_t text[70]; /* RFC 2046 5.1.1 */
	} boundary[BH_MIME_DEPTH];
	uint8_t depth;
	uint8_t state, coding;
	bool first; /* nothing has been read */
	bool begun; /* the line at hand has been decoded in part */
	bool file;  /* the part is an attachment */
	bool multipart, message;
	bool utf16;
	uint8_t level;  /* of mails that are encoded within mails */
	uint8_t layer;  /* what the decoded part is made of */
	uint8_t n_look; /* of its first bytes, which say that */
	uint8_t look[2];
	struct bh_wire_utf16 wide;
	struct bh_wire_inflate packed;
	struct bh_mime *inner;
	uint8_t n_bits; /* of base64 not given out yet */
	uint32_t bits;
	uint16_t used;
	uint16_t header_len;
	uint8_t line[BH_MIME_LINE];
	uint8_t header[BH_MIME_LINE]; /* a field with its continuations */
};

void bh_mime_open(struct bh_mime *m);
/* Bytes of it, dot-stuffing undone; its texts go to bh_wire_text. */
void bh_mime_feed(struct bh_wire *w, struct bh_mime *m, struct bh_cur in);
void bh_mime_end(struct bh_wire *w, struct bh_mime *m);
/* Give back what was taken from ctx->memory. Nothing is told. */
void bh_mime_drop(struct bh_wire *w, struct bh_mime *m);

/* mime_part.c: what a part is, its transfer encoding undone: text in UTF-16, gzip, a mail of its own. */
void bh_mime_part_begin(struct bh_wire *w, struct bh_mime *m);
void bh_mime_part(struct bh_wire *w, struct bh_mime *m, const uint8_t *at, size_t len);
void bh_mime_part_end(struct bh_wire *w, struct bh_mime *m);

#endif
