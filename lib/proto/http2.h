/* http2: what the files of the HTTP/2 parser share (RFC 9113, RFC 7541). */
#ifndef BH_PROTO_HTTP2_H
#define BH_PROTO_HTTP2_H

#include "http.h"

/* Of one header block. Servers take 8 to 64 KiB and send CONTINUATION only beyond 16 KiB. */
#define HTTP2_LIST_MAX 65536  /* decompressed, with 32 bytes a field (RFC 9113 6.5.2) */
#define HTTP2_BLOCK_MAX 65536 /* compressed */
#define HTTP2_FIELDS 256
#define HTTP2_CONTINUATIONS 16
/* SETTINGS of one side that the other has not acknowledged. */
#define HTTP2_UNACKNOWLEDGED 16
/* Requests at once whose Content-Length is being counted. */
#define HTTP2_COUNTED 128
/* Streams that the client cancels: each response halves the count, so that a client whose server
 * answers at all never comes near (rapid reset, CVE-2023-44487). */
#define HTTP2_RESETS 1000

#define HTTP2_FRAME_MIN 16384 /* what each side takes without announcing it */
#define HTTP2_FRAME_HEADER 9

enum http2_type {
	HTTP2_DATA,
	HTTP2_HEADERS,
	HTTP2_PRIORITY,
	HTTP2_RST_STREAM,
	HTTP2_SETTINGS,
	HTTP2_PUSH_PROMISE,
	HTTP2_PING,
	HTTP2_GOAWAY,
	HTTP2_WINDOW_UPDATE,
	HTTP2_CONTINUATION,
	HTTP2_TYPES,
};

enum { /* flags of frames */
       HTTP2_ACK = 0x1,
       HTTP2_END_STREAM = 0x1,
       HTTP2_END_HEADERS = 0x4,
       HTTP2_PADDED = 0x8,
       HTTP2_PRIORITISED = 0x20,
};

enum { /* http2_side.stage */
       STAGE_PREFACE,
       STAGE_HEADER,
       STAGE_PREFIX,  /* pad length, priority, promised stream */
       STAGE_PAYLOAD, /* without padding */
       STAGE_PADDING,
};

/* What a header block is. */
enum http2_block { BLOCK_NONE, BLOCK_REQUEST, BLOCK_RESPONSE, BLOCK_TRAILERS, BLOCK_PUSH };

/* What stands between the client and its encoder's receiver. */
struct http2_table {
	uint32_t agreed;                      /* acknowledged */
	uint32_t set;                         /* what the inflater takes */
	uint32_t asked[HTTP2_UNACKNOWLEDGED]; /* in order; HTTP2_SAME: nothing was said */
	uint8_t n;
};
#define HTTP2_SAME UINT32_MAX

struct http2_side {
	struct bh_hpack *hpack;   /* of what this side sends */
	struct http2_table table; /* what the other side said about it */
	uint32_t frame_max;       /* what the other side takes */
	uint32_t new_table;       /* of the SETTINGS being read */
	uint32_t left;            /* bytes of the frame, padding included */
	uint32_t pad;
	uint32_t stream;
	uint32_t block_stream;
	uint32_t held; /* bytes of a header block that has not ended, frame headers included */
	uint32_t list, sent; /* of the block: decompressed, compressed */
	uint16_t fields;
	uint8_t stage, type, flags;
	uint8_t need, have; /* bytes to collect in `some`, and there already */
	uint8_t block;      /* enum http2_block */
	uint8_t block_flags;
	uint8_t continuations;
	uint8_t started; /* its first SETTINGS was seen */
	uint8_t seen;    /* of the block: SEEN_* */
	uint8_t some[16];
};

struct http2_ops {
	struct http2_side side[2];
	uint64_t length;   /* Content-Length of the request being read */
	uint32_t last;     /* stream of the last request */
	uint32_t promised; /* stream of the last push */
	uint32_t resets;
	uint32_t n_counted;
	uint32_t counted[HTTP2_COUNTED];      /* streams */
	uint64_t counted_left[HTTP2_COUNTED]; /* bytes of their bodies to come */
	struct bh_http_request request;
	struct bh_http_authority authority;
	uint32_t said; /* SAID_*, of the request being read */
	uint8_t status[3];
	uint8_t no_push, connect_protocol; /* SETTINGS of the client, of the server */
};

/* http2_hpack.c. Words of an error, or NULL. */
const char *bh_http2_block_begin(struct bh_ops *s, unsigned side);
/* More of the block; final: it ends here. Each field goes to bh_http2_field(). */
const char *bh_http2_inflate(struct bh_ops *s, unsigned side, const uint8_t *p, size_t n,
			     bool final);
/* `side` sent SETTINGS with this table size for the other's encoder, or HTTP2_SAME; the other
 * acknowledged. */
const char *bh_http2_settings(struct http2_ops *o, unsigned side, uint32_t table);
const char *bh_http2_settings_ack(struct http2_ops *o, unsigned side);
void bh_http2_close(struct bh_ops *s);

/* http2_frame.c */
/* A frame's header is whole: may it come here? Sets what follows. */
const char *bh_http2_frame_begin(struct bh_ops *s, struct http2_ops *o, unsigned side);
/* Pad length, priority and promised stream are whole. */
const char *bh_http2_prefix_end(struct http2_ops *o, struct http2_side *s);
/* The request that has just ended has a body of a length that was said. */
const char *bh_http2_count(struct http2_ops *o);
const char *bh_http2_data(struct http2_ops *o, uint32_t stream, size_t n);
const char *bh_http2_end_of_stream(struct http2_ops *o, uint32_t stream);

/* http2_fields.c */
void bh_http2_fields_begin(struct http2_ops *o, unsigned side);
const char *bh_http2_field(struct http2_ops *o, unsigned side, struct bh_http_text name,
			   struct bh_http_text value);
/* The block has ended: is it all there? */
const char *bh_http2_fields_end(struct http2_ops *o, unsigned side);
/* The request as an operation. */
void bh_http2_show(struct bh_ops *s, struct http2_ops *o, struct bh_op *op);
bool bh_http2_has_length(const struct http2_ops *o);

#endif
