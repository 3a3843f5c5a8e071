/* http1: what the two files of the HTTP/1 reader share. */
#ifndef BH_PROTO_HTTP1_H
#define BH_PROTO_HTTP1_H

#include "http.h"

enum { /* bh_http1_side.state; zero is the start */
       HTTP1_START,
       HTTP1_HEADERS,
       HTTP1_BODY,       /* so many bytes as side->body says */
       HTTP1_BODY_CLOSE, /* until the side ends */
       HTTP1_CHUNK_SIZE,
       HTTP1_CHUNK_DATA,
       HTTP1_CHUNK_END, /* the line end behind a chunk's data */
       HTTP1_TRAILERS,
       HTTP1_END,
       HTTP1_SWITCH,
       HTTP1_OVER, /* nothing may follow */
};

enum { /* bh_http1_side.seen */
       SEEN_LENGTH = 1 << 0,
       SEEN_CHUNKED = 1 << 1,
       SEEN_HOST = 1 << 2,
       SEEN_AUTHORITY = 1 << 3, /* in the target */
       SEEN_UPGRADE = 1 << 4,
       SEEN_BLANK = 1 << 5, /* an empty line before the request */
       SEEN_LAST = 1 << 6,  /* a response that no request asked for: the server's last words */
};

enum { /* bh_http1.method and .asked[]: what the response depends on */
       ASKED_OTHER,
       ASKED_HEAD,
       ASKED_CONNECT,
       ASKED_UPGRADE,
};

/* Lines without their CRLF. Words of an error, or NULL. */
const char *bh_http1_start_line(struct bh_http1 *h, unsigned side, struct bh_http_text line,
				struct bh_http1_part *part);
const char *bh_http1_field(struct bh_http1 *h, unsigned side, struct bh_http_text line,
			   struct bh_http1_part *part);
/* The empty line behind the headers: which state follows. */
const char *bh_http1_headers_end(struct bh_http1 *h, unsigned side, struct bh_http1_part *part);

#endif
