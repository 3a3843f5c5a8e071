/* HTTP/2 frames: what may come where and how long (RFC 9113 4, 5, 6), and bodies whose length was
 * said. */
#include "http2.h"

enum { STREAM_ANY, STREAM_ZERO, STREAM_ONE };

/* RFC 9113 6: length 0 is any, else exactly so many bytes; of GOAWAY at least. */
static const struct {
	uint8_t stream, length;
} frames[HTTP2_TYPES] = {
	[HTTP2_DATA] = {STREAM_ONE, 0},          [HTTP2_HEADERS] = {STREAM_ONE, 0},
	[HTTP2_PRIORITY] = {STREAM_ONE, 5},      [HTTP2_RST_STREAM] = {STREAM_ONE, 4},
	[HTTP2_SETTINGS] = {STREAM_ZERO, 0},     [HTTP2_PUSH_PROMISE] = {STREAM_ONE, 0},
	[HTTP2_PING] = {STREAM_ZERO, 8},         [HTTP2_GOAWAY] = {STREAM_ZERO, 8},
	[HTTP2_WINDOW_UPDATE] = {STREAM_ANY, 4}, [HTTP2_CONTINUATION] = {STREAM_ONE, 0},
};

/* ---- bodies whose length was said ---- */

const char *
bh_http2_count(struct http2_ops *o)
{
	if (!bh_http2_has_length(o) || (o->side[0].block_flags & HTTP2_END_STREAM) != 0)
		return NULL;
	if (o->n_counted == HTTP2_COUNTED)
		return "too many requests with a content-length at once";
	o->counted[o->n_counted] = o->side[0].block_stream;
	o->counted_left[o->n_counted++] = o->length;
	return NULL;
}

static uint32_t
find_counted(const struct http2_ops *o, uint32_t stream)
{
	uint32_t i;

	for (i = 0; i < o->n_counted && o->counted[i] != stream; i++)
		;
	return i;
}

static void
forget(struct http2_ops *o, uint32_t stream)
{
	uint32_t i = find_counted(o, stream);

	if (i == o->n_counted)
		return;
	o->n_counted--;
	o->counted[i] = o->counted[o->n_counted];
	o->counted_left[i] = o->counted_left[o->n_counted];
}

const char *
bh_http2_data(struct http2_ops *o, uint32_t stream, size_t n)
{
	uint32_t i = find_counted(o, stream);

	if (i == o->n_counted)
		return NULL;
	if (n > o->counted_left[i])
		return "body is longer than its content-length";
	o->counted_left[i] -= n;
	return NULL;
}

const char *
bh_http2_end_of_stream(struct http2_ops *o, uint32_t stream)
{
	uint32_t i = find_counted(o, stream);
	bool short_of = i < o->n_counted && o->counted_left[i] != 0;

	forget(o, stream);
	return short_of ? "body is shorter than its content-length" : NULL;
}

/* ---- the beginning of a frame ---- */

static const char *
begin_continuation(struct http2_ops *o, unsigned side)
{
	struct http2_side *s = &o->side[side];

	if (s->block == BLOCK_NONE || s->stream != s->block_stream)
		return "CONTINUATION of no header block";
	if (s->continuations++ == HTTP2_CONTINUATIONS)
		return "too many CONTINUATION frames";
	s->held += HTTP2_FRAME_HEADER;
	return NULL;
}

/* A stream's number is used once and numbers only grow (RFC 9113 5.1.1): what comes for an older
 * one are trailers. */
static const char *
begin_block(struct bh_ops *s, struct http2_ops *o, unsigned side)
{
	struct http2_side *h = &o->side[side];

	h->held = HTTP2_FRAME_HEADER;
	h->block_stream = h->stream;
	h->block_flags = h->flags;
	/* RFC 9113 8.4.1: a promised request's stream is even, and answered by the server. */
	if ((h->stream & 1) == 0 &&
	    (side == 0 || h->type != HTTP2_HEADERS || h->stream > o->promised))
		return "header block on a stream that can't have one";
	if (h->type == HTTP2_PUSH_PROMISE) {
		if (side == 0 || o->no_push != 0)
			return "push that the client does not take";
		h->block = BLOCK_PUSH;
	} else if (side != 0) {
		h->block = BLOCK_RESPONSE;
	} else {
		h->block = h->stream > o->last ? BLOCK_REQUEST : BLOCK_TRAILERS;
	}
	if (h->block == BLOCK_TRAILERS && (h->flags & HTTP2_END_STREAM) == 0)
		return "trailers that do not end their stream";
	if (h->block == BLOCK_REQUEST)
		o->last = h->stream;
	else if ((h->stream & 1) != 0 && h->stream > o->last)
		return "answer to a request that was not sent";
	bh_http2_fields_begin(o, side);
	return bh_http2_block_begin(s, side);
}

static bool
right_length(const struct http2_side *s)
{
	uint8_t length = frames[s->type].length;

	switch (s->type) {
	case HTTP2_SETTINGS:
		return (s->flags & HTTP2_ACK) != 0 ? s->left == 0 : s->left % 6 == 0;
	case HTTP2_GOAWAY:
		return s->left >= length;
	default:
		return length == 0 || s->left == length;
	}
}

static const char *
check_frame(const struct http2_side *s)
{
	if (s->left > s->frame_max)
		return "frame is longer than its receiver takes";
	if (s->block != BLOCK_NONE && s->type != HTTP2_CONTINUATION)
		return "frame within a header block";
	if (s->started == 0 && (s->type != HTTP2_SETTINGS || (s->flags & HTTP2_ACK) != 0))
		return "first frame is not SETTINGS";
	if (s->type >= HTTP2_TYPES)
		return NULL;
	if ((frames[s->type].stream == STREAM_ZERO && s->stream != 0) ||
	    (frames[s->type].stream == STREAM_ONE && s->stream == 0))
		return "frame on a stream where it can't be";
	return right_length(s) ? NULL : "frame of a wrong length";
}

/* What a cancelled stream costs the server is not seen; how often it happens without an answer
 * is. */
static const char *
reset(struct http2_ops *o, unsigned side, uint32_t stream)
{
	forget(o, stream);
	if ((stream & 1) != 0 && stream > o->last)
		return "reset of a stream that was not opened";
	if (side != 0)
		return NULL;
	return o->resets++ < HTTP2_RESETS ? NULL : "too many requests cancelled without an answer";
}

/* Bytes before a frame's payload, by type and flags. */
static uint8_t
prefix_len(const struct http2_side *s)
{
	uint8_t n = 0;

	if (s->type == HTTP2_DATA || s->type == HTTP2_HEADERS || s->type == HTTP2_PUSH_PROMISE)
		n = (s->flags & HTTP2_PADDED) != 0;
	if (s->type == HTTP2_HEADERS && (s->flags & HTTP2_PRIORITISED) != 0)
		n = (uint8_t)(n + 5);
	if (s->type == HTTP2_PUSH_PROMISE)
		n = (uint8_t)(n + 4);
	return n;
}

const char *
bh_http2_frame_begin(struct bh_ops *s, struct http2_ops *o, unsigned side)
{
	struct http2_side *h = &o->side[side];
	const char *why;

	h->left = bh_load_be32(h->some) >> 8;
	h->type = h->some[3];
	h->flags = h->some[4];
	h->stream = bh_load_be32(h->some + 5) & 0x7fffffff;
	h->pad = 0;
	why = check_frame(h);
	if (why != NULL)
		return why;
	switch (h->type) {
	case HTTP2_DATA:
		if ((h->stream & 1) != 0 && h->stream > o->last)
			why = "data on a stream that was not opened";
		break;
	case HTTP2_HEADERS:
	case HTTP2_PUSH_PROMISE:
		why = begin_block(s, o, side);
		break;
	case HTTP2_CONTINUATION:
		why = begin_continuation(o, side);
		break;
	case HTTP2_RST_STREAM:
		why = reset(o, side, h->stream);
		break;
	case HTTP2_SETTINGS:
		h->started = 1;
		h->new_table = HTTP2_SAME;
		break;
	default:
		break;
	}
	h->need = prefix_len(h);
	h->have = 0;
	h->stage = h->need != 0 ? STAGE_PREFIX : STAGE_PAYLOAD;
	return why == NULL && h->need > h->left ? "frame of a wrong length" : why;
}

const char *
bh_http2_prefix_end(struct http2_ops *o, struct http2_side *s)
{
	bool padded = (s->flags & HTTP2_PADDED) != 0;

	s->left -= s->need;
	if (padded)
		s->pad = s->some[0];
	if (s->type == HTTP2_PUSH_PROMISE) {
		uint32_t promised = bh_load_be32(s->some + padded) & 0x7fffffff;

		if ((promised & 1) != 0 || promised <= o->promised)
			return "push on a stream that can't have one";
		o->promised = promised;
	}
	s->have = 0;
	s->stage = STAGE_PAYLOAD;
	return s->pad > s->left ? "padding is longer than its frame" : NULL;
}
