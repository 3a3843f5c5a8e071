/* http/2 (RFC 9113): frames of both sides; each request is an operation when its header block
 * ends. */
#include <nghttp2/nghttp2.h>

#include "http2.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE_LEN 24

static void
ops_open(struct bh_ops *s)
{
	struct http2_ops *o = BH_OPS_OF(s, struct http2_ops);
	unsigned i;

	for (i = 0; i < 2; i++) {
		o->side[i].stage = i == 0 ? STAGE_PREFACE : STAGE_HEADER;
		o->side[i].need = i == 0 ? PREFACE_LEN : HTTP2_FRAME_HEADER;
		o->side[i].frame_max = HTTP2_FRAME_MIN;
		o->side[i].table.agreed = NGHTTP2_DEFAULT_HEADER_TABLE_SIZE;
		o->side[i].table.set = NGHTTP2_DEFAULT_HEADER_TABLE_SIZE;
	}
}

/* ---- payload ---- */

/* RFC 9113 6.5.2, RFC 8441 3 */
static const char *
one_setting(struct http2_ops *o, unsigned side)
{
	struct http2_side *s = &o->side[side], *other = &o->side[!side];
	uint32_t value = bh_load_be32(s->some + 2);

	switch (bh_load_be16(s->some)) {
	case NGHTTP2_SETTINGS_HEADER_TABLE_SIZE:
		s->new_table = value < BH_HPACK_TABLE_MAX ? value : BH_HPACK_TABLE_MAX;
		return NULL;
	case NGHTTP2_SETTINGS_ENABLE_PUSH:
		if (side == 0)
			o->no_push = value == 0;
		return value <= 1 ? NULL : "setting out of range";
	case NGHTTP2_SETTINGS_MAX_FRAME_SIZE:
		if (value > other->frame_max)
			other->frame_max = value;
		return value >= HTTP2_FRAME_MIN && value < 1 << 24 ? NULL : "setting out of range";
	case NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL:
		if (side == 1)
			o->connect_protocol = value == 1;
		return NULL;
	default:
		return NULL;
	}
}

static const char *
settings(struct http2_ops *o, unsigned side, const uint8_t *p, size_t n)
{
	struct http2_side *s = &o->side[side];
	const char *why = NULL;

	for (; n != 0 && why == NULL; p++, n--) {
		s->some[s->have++] = *p;
		if (s->have < 6)
			continue;
		s->have = 0;
		why = one_setting(o, side);
	}
	return why;
}

static const char *
payload(struct bh_ops *s, struct http2_ops *o, unsigned side, struct bh_cur *in, size_t n)
{
	struct http2_side *h = &o->side[side];
	const uint8_t *p = bh_cur_take(in, n);

	h->left -= (uint32_t)n;
	if (h->left == h->pad)
		h->stage = STAGE_PADDING;
	switch (h->type) {
	case HTTP2_DATA:
		return side == 0 ? bh_http2_data(o, h->stream, n) : NULL;
	case HTTP2_SETTINGS:
		return settings(o, side, p, n);
	case HTTP2_HEADERS:
	case HTTP2_PUSH_PROMISE:
	case HTTP2_CONTINUATION:
		return bh_http2_inflate(s, side, p, n,
					h->left == h->pad && (h->flags & HTTP2_END_HEADERS) != 0);
	default:
		return NULL;
	}
}

/* ---- the end of a frame ---- */

static const char *
end_block(struct bh_ops *s, unsigned side, struct bh_ops_out *out, bool *op)
{
	struct http2_ops *o = BH_OPS_OF(s, struct http2_ops);
	struct http2_side *h = &o->side[side];
	const char *why = bh_http2_fields_end(o, side);
	uint8_t block = h->block;

	h->block = BLOCK_NONE;
	h->held = 0;
	if (why != NULL)
		return why;
	switch (block) {
	case BLOCK_REQUEST:
		bh_http2_show(s, o, &out->op);
		*op = true;
		return bh_http2_count(o);
	case BLOCK_TRAILERS:
		return bh_http2_end_of_stream(o, h->block_stream);
	case BLOCK_RESPONSE:
		if (o->status[0] == 0)
			return NULL;
		o->resets /= 2;
		bh_op_add(&out->op, BH_OP_HTTP_STATUS, o->status, sizeof(o->status));
		out->op.flags |= BH_OP_RECORD;
		*op = true;
		return NULL;
	default:
		return NULL;
	}
}

static const char *
end_frame(struct bh_ops *s, unsigned side, struct bh_ops_out *out, bool *op)
{
	struct http2_ops *o = BH_OPS_OF(s, struct http2_ops);
	struct http2_side *h = &o->side[side];

	h->stage = STAGE_HEADER;
	h->need = HTTP2_FRAME_HEADER;
	h->have = 0;
	switch (h->type) {
	case HTTP2_DATA:
		return side == 0 && (h->flags & HTTP2_END_STREAM) != 0
			       ? bh_http2_end_of_stream(o, h->stream)
			       : NULL;
	case HTTP2_SETTINGS:
		return (h->flags & HTTP2_ACK) != 0 ? bh_http2_settings_ack(o, side)
						   : bh_http2_settings(o, side, h->new_table);
	case HTTP2_HEADERS:
	case HTTP2_PUSH_PROMISE:
	case HTTP2_CONTINUATION:
		return (h->flags & HTTP2_END_HEADERS) != 0 ? end_block(s, side, out, op) : NULL;
	default:
		return NULL;
	}
}

/* ---- bytes ---- */

/* Bytes of what is short are collected; true: all are there. */
static bool
collect(struct http2_side *s, struct bh_cur *in)
{
	size_t n = bh_cur_left(in);

	if (n > (size_t)(s->need - s->have))
		n = s->need - s->have;
	if (n != 0)
		memcpy(s->some + s->have, bh_cur_take(in, n), n);
	s->have = (uint8_t)(s->have + n);
	return s->have == s->need;
}

static const char *
read_preface(struct http2_side *s, struct bh_cur *in)
{
	uint8_t c;

	while (s->have < PREFACE_LEN && bh_cur_u8(in, &c)) {
		if (c != (uint8_t)preface[s->have])
			return "not the preface of HTTP/2";
		s->have++;
	}
	if (s->have == PREFACE_LEN) {
		s->stage = STAGE_HEADER;
		s->need = HTTP2_FRAME_HEADER;
		s->have = 0;
	}
	return NULL;
}

static uint32_t
at_most(const struct bh_cur *in, uint32_t n)
{
	return bh_cur_left(in) < n ? (uint32_t)bh_cur_left(in) : n;
}

/* One step; false: more bytes are needed. */
static bool
step(struct bh_ops *s, unsigned side, struct bh_cur *in, struct bh_ops_out *out, bool *op)
{
	struct http2_ops *o = BH_OPS_OF(s, struct http2_ops);
	struct http2_side *h = &o->side[side];
	uint32_t n;

	switch (h->stage) {
	case STAGE_PREFACE:
		out->why = read_preface(h, in);
		return h->stage != STAGE_PREFACE;
	case STAGE_HEADER:
		if (!collect(h, in))
			return false;
		out->why = bh_http2_frame_begin(s, o, side);
		return true;
	case STAGE_PREFIX:
		if (!collect(h, in))
			return false;
		out->why = bh_http2_prefix_end(o, h);
		return true;
	case STAGE_PAYLOAD:
		n = at_most(in, h->left - h->pad);
		if (n == 0 && h->left != h->pad)
			return false;
		out->why = payload(s, o, side, in, n);
		return true;
	default:
		n = at_most(in, h->left);
		bh_cur_take(in, n);
		h->left -= n;
		if (h->left != 0)
			return false;
		out->why = end_frame(s, side, out, op);
		return true;
	}
}

static enum bh_ops_status
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct http2_ops *o = BH_OPS_OF(s, struct http2_ops);
	struct http2_side *h = &o->side[side];
	bool op = false, more = true;

	while (more && !op && out->why == NULL) {
		const uint8_t *from = in->p;
		bool counts = h->stage > STAGE_HEADER && h->block != BLOCK_NONE;

		more = step(s, side, in, out, &op);
		if (counts && h->block != BLOCK_NONE)
			h->held += (uint32_t)(in->p - from);
	}
	if (out->why == NULL && ended && bh_cur_left(in) == 0 && h->block != BLOCK_NONE)
		out->why = "the side ends within a header block";
	if (out->why != NULL)
		return BH_OPS_ERROR;
	/* Nobody knows of a frame what it is before its header is whole. */
	if (side == 0)
		out->pending = h->held + (h->stage == STAGE_HEADER ? h->have : 0);
	return op ? BH_OPS_OP : BH_OPS_MORE;
}

/* What a response's DATA frame holds is of no interest; a request's is counted against its content-length. */
static uint64_t
http2_free(const struct bh_ops *s, unsigned side)
{
	const struct http2_side *h =
		&((const struct http2_ops *)(const void *)s->state)->side[side];

	if (side == 0 || h->stage != STAGE_PAYLOAD || h->type != HTTP2_DATA)
		return 0;
	return h->left - h->pad;
}

static void
http2_pass(struct bh_ops *s, unsigned side, uint64_t n)
{
	struct http2_side *h = &BH_OPS_OF(s, struct http2_ops)->side[side];

	h->left -= (uint32_t)n;
	if (h->left == h->pad)
		h->stage = STAGE_PADDING;
}

const struct bh_ops_parser bh_ops_http2 = {
	.open = ops_open,
	.feed = feed,
	.close = bh_http2_close,
	.free = http2_free,
	.pass = http2_pass,
};
