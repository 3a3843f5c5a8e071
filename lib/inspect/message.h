/* message: the parts of an HTTP message, each handed to what reads it. Private to inspect. */
#ifndef BH_INSPECT_MESSAGE_H
#define BH_INSPECT_MESSAGE_H

#include "coder.h"

/* bh_inspect_side.kind */
enum {
	BH_BODY_TEXT, /* anything that is looked at as it stands */
	BH_BODY_FORM,
	BH_BODY_JSON,
	BH_BODY_XML,
	BH_BODY_MULTIPART,
	BH_BODY_GRPC,
	BH_BODY_BINARY, /* pictures, sound, fonts: not looked at */
};

/* bh_inspect_side.fields */
enum {
	BH_SEEN_BODY = 1 << 3,
	BH_SEEN_CHUNKED = 1 << 4,
	BH_SEEN_TYPE = 1 << 5,
	BH_SEEN_CONNECTION = 1 << 6,
	BH_SEEN_DOCUMENT = 1 << 7, /* the target is a PDF */
	BH_SEEN_ACCOUNT = 1 << 8,  /* an argument that says who */
	BH_SEEN_PASSWORD = 1 << 9, /* and one that proves it */
};

/* One message being read. */
struct bh_message {
	struct bh_inspect_side *s;
	const struct bh_inspect_ctx *ctx; /* reports through bh_message_report */
	struct bh_inspect_ctx
		inner; /* what values are judged with: reports each class once a message */
	unsigned side;
	bool more; /* the text is a window of something longer */
	bool full; /* a window of the body was judged */
};

/* s: the message's place; it is zero, or what bh_message_next made of it. */
void bh_message_open(struct bh_message *m, const struct bh_inspect_ctx *ctx,
		     struct bh_inspect_side *s, unsigned side);
/* The message is over: ready for the next one in this place. */
void bh_message_next(struct bh_message *m);
/* Show a part to others who look. */
void bh_message_tap(struct bh_message *m, enum bh_http1_what what,
		    const struct bh_http1_part *part);
/* Judge a value of this message. */
void bh_message_value(struct bh_message *m, unsigned where, struct bh_view name,
		      struct bh_view value);
/* Sensitive data in text. */
void bh_message_dlp(struct bh_message *m, unsigned where, struct bh_view name, struct bh_view text);
/* What is left of the body can't be looked at, for want of memory or of a decoder: that is no finding. */
void bh_message_unread(struct bh_message *m);
/* Something about the message itself. */
void bh_message_say(struct bh_message *m, unsigned class, const char *what);

void bh_message_request(struct bh_message *m, const struct bh_http1_part *part);
void bh_message_header(struct bh_message *m, const struct bh_http1_part *part);
void bh_message_headers_end(struct bh_message *m);
/* Bytes of the body, framing removed. */
void bh_message_body(struct bh_message *m, struct bh_view data);
void bh_message_end(struct bh_message *m);

/* args.c: name=value&name=value. percent: + and %XX are undone. Returns the bytes that are done with: all when final. */
size_t bh_message_args(struct bh_message *m, struct bh_view text, bool final);
void bh_message_cookies(struct bh_message *m, struct bh_view text);

/* json.c, markup.c, multipart.c, grpc.c: what is complete in a window of the body; the same. */
size_t bh_message_json(struct bh_message *m, struct bh_view text, bool final);
size_t bh_message_markup(struct bh_message *m, struct bh_view text, bool final);
size_t bh_message_grpc(struct bh_message *m, struct bh_view text, bool final);
size_t bh_message_multipart(struct bh_message *m, struct bh_view text, bool final);

/* body.c: decoded bytes into the window; what is in it is judged, and stays. */
void bh_body_take(struct bh_message *m, struct bh_view data);
void bh_body_look(struct bh_message *m);

/* websocket.c: a side that has switched: ready for a message; its bytes; what was taken from ctx->memory back. */
void bh_websocket_begin(struct bh_message *m);
void bh_websocket_feed(struct bh_message *m, struct bh_inspect_socket *f, struct bh_view in,
		       bool ended);
void bh_websocket_close(const struct bh_inspect_ctx *ctx, struct bh_inspect_socket *f);

/* unpack.c: undo coding number `level`, its output goes to level + 1 and at last to bh_body_take. */
void bh_unpack(struct bh_message *m, unsigned level, struct bh_view data);
void bh_unpack_end(struct bh_message *m);

#endif
