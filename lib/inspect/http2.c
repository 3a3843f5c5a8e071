/* An HTTP/2 connection (RFC 9113): frames, header blocks, bodies of several streams at once, each given to the reader of
 * messages that HTTP/1 has. Lenient: whether frames may come where they come is the protocol parser's affair. */
#include <nghttp2/nghttp2.h>

#include "message.h"

#define PREFACE_LEN 24
#define FRAME_HEADER 9

enum { /* bh_inspect_frames.stage */
       STAGE_PREFACE,
       STAGE_HEADER,
       STAGE_PREFIX, /* pad length, priority, promised stream */
       STAGE_PAYLOAD,
       STAGE_PADDING,
};

enum { /* flags of frames */
       END_STREAM = 0x1,
       END_HEADERS = 0x4,
       PADDED = 0x8,
       PRIORITISED = 0x20,
};

/* One call. */
struct feed {
	struct bh_inspect_http2 *c;
	const struct bh_inspect_ctx *ctx;
	unsigned side;
	uint64_t found;
};

void
bh_inspect_http2_open(struct bh_inspect_http2 *c)
{
	memset(c, 0, sizeof(*c));
	c->side[1].stage = STAGE_HEADER;
}

/* ---- streams ------------------------------------------------------------------------------------- */

static void
release(struct feed *f, struct bh_inspect_stream *t)
{
	struct bh_message m;

	bh_message_open(&m, f->ctx, t->state, t->side);
	bh_message_end(&m);
	bh_message_tap(&m, BH_HTTP1_END, NULL);
	f->found |= t->state->found;
	bh_message_next(&m);
	t->id = 0;
}

static struct bh_inspect_stream *
find(const struct feed *f, uint32_t id)
{
	unsigned i;

	for (i = 0; id != 0 && i < BH_INSPECT_STREAMS; i++)
		if (f->c->stream[i].id == id && f->c->stream[i].side == f->side)
			return &f->c->stream[i];
	return NULL;
}

/* There is no memory for it. */
static void
unread(const struct feed *f)
{
	if (f->ctx->unread != NULL)
		*f->ctx->unread = true;
}

/* The message that `side` says on a stream. When all places are taken, the one that was silent longest is looked at as far
 * as it came; what still follows of it begins anew, as bytes of an unknown kind. */
static struct bh_inspect_stream *
stream(struct feed *f, uint32_t id)
{
	struct bh_inspect_stream *t = find(f, id), *oldest = &f->c->stream[0];
	unsigned i;

	for (i = 0; t == NULL && i < BH_INSPECT_STREAMS; i++) {
		struct bh_inspect_stream *s = &f->c->stream[i];

		if (s->id == 0 && (s->state != NULL || oldest->id != 0))
			oldest = s;
		else if (oldest->id != 0 && s->used < oldest->used)
			oldest = s;
	}
	if (t == NULL && id != 0) {
		t = oldest;
		if (t->id != 0)
			release(f, t);
		if (t->state == NULL && f->ctx->memory != NULL) {
			t->state = f->ctx->memory->alloc(f->ctx->memory->arg, sizeof(*t->state));
			if (t->state != NULL)
				memset(t->state, 0, sizeof(*t->state));
		}
		if (t->state == NULL) {
			unread(f);
			return NULL;
		}
		t->id = id;
		t->side = (uint8_t)f->side;
		t->shown = false;
		t->state->message = id;
	}
	if (t != NULL)
		t->used = ++f->c->clock;
	return t;
}

static void
say(struct feed *f, const char *what)
{
	struct bh_inspect_stream *t = stream(f, f->c->side[f->side].stream | 1u);
	struct bh_message m;

	if (t == NULL)
		return;
	bh_message_open(&m, f->ctx, t->state, f->side);
	bh_message_say(&m, BH_INSPECT_HTTP, what);
	f->found |= t->state->found;
}

/* ---- header blocks ------------------------------------------------------------------------------- */

/* :method and :path wait for one another: the method in the place of an argument's name, the path in the window. */
static void
pseudo(struct bh_inspect_stream *t, struct bh_message *m, struct bh_view name, struct bh_view value)
{
	struct bh_inspect_side *s = t->state;
	static const struct bh_http_text host = {(const uint8_t *)"host", 4};

	if (bh_is(&name, 0, name.len, ":method") && value.len <= sizeof(s->name)) {
		memcpy(s->name, value.at, value.len);
		s->name_len = (uint8_t)value.len;
	} else if (bh_is(&name, 0, name.len, ":path")) {
		s->used = (uint32_t)(value.len < BH_INSPECT_WINDOW ? value.len : BH_INSPECT_WINDOW);
		memcpy(s->window, value.at, s->used);
	} else if (bh_is(&name, 0, name.len, ":authority")) {
		struct bh_http1_part part = {.name = host,
					     .value = {value.at, (uint32_t)value.len}};

		bh_message_tap(m, BH_HTTP1_HEADER, &part);
		bh_message_header(m, &part);
	}
}

static void
show_request(struct bh_inspect_stream *t, struct bh_message *m)
{
	struct bh_inspect_side *s = t->state;
	struct bh_http1_part part = {0};
	const uint8_t *q = memchr(s->window, '?', s->used);
	uint8_t method[sizeof(s->name)];

	if (t->shown || t->side != 0)
		return;
	t->shown = true;
	memcpy(method, s->name, s->name_len);
	part.name = (struct bh_http_text){method, s->name_len};
	part.value = part.path = (struct bh_http_text){s->window, s->used};
	if (q != NULL) {
		part.path.len = (uint32_t)(q - s->window);
		part.query = (struct bh_http_text){q + 1, s->used - part.path.len - 1};
	}
	s->name_len = 0;
	if (s->used > 0)
		bh_message_tap(m, BH_HTTP1_REQUEST, &part);
	bh_message_request(m, &part);
	s->used = 0;
}

static const char *
on_field(void *arg, struct bh_http_text name_text, struct bh_http_text value_text)
{
	const struct bh_view name = {name_text.at, name_text.len},
			     value = {value_text.at, value_text.len};
	struct feed *f = arg;
	struct bh_inspect_frames *h = &f->c->side[f->side];
	struct bh_inspect_stream *t = h->pushed ? NULL : stream(f, h->block_stream);
	struct bh_http1_part part = {0};
	struct bh_message m;

	if (t == NULL)
		return NULL;
	bh_message_open(&m, f->ctx, t->state, f->side);
	if (name.len > 0 && name.at[0] == ':') {
		if (!t->shown && !t->state->in_body)
			pseudo(t, &m, name, value);
		return NULL;
	}
	show_request(t, &m);
	part.name = name_text;
	part.value = value_text;
	bh_message_tap(&m, BH_HTTP1_HEADER, &part);
	bh_message_header(&m, &part);
	return NULL;
}

static void
end_block(struct feed *f)
{
	struct bh_inspect_frames *h = &f->c->side[f->side];
	struct bh_inspect_stream *t = h->pushed ? NULL : stream(f, h->block_stream);
	struct bh_message m;

	if (t == NULL)
		return;
	bh_message_open(&m, f->ctx, t->state, f->side);
	show_request(t, &m);
	if (!t->state->in_body) {
		bh_message_tap(&m, BH_HTTP1_HEADERS_END, NULL);
		bh_message_headers_end(&m);
		t->state->in_body = true;
	}
	f->found |= t->state->found;
	if (h->block_flags & END_STREAM)
		release(f, t);
}

static bool
block(struct feed *f, struct bh_view in, bool final)
{
	struct bh_inspect_frames *h = &f->c->side[f->side];
	struct bh_hpack_sink sink = {on_field, f};

	/* The table may grow to what any receiver announces: its size is the encoder's to say (RFC 7541 4.2), so
	 * SETTINGS need not be followed here. */
	if (h->hpack == NULL) {
		h->hpack = bh_hpack_open(f->ctx->memory);
		if (h->hpack != NULL)
			bh_hpack_resize(h->hpack, BH_HPACK_TABLE_MAX);
	}
	if (h->hpack != NULL &&
	    bh_hpack_feed(h->hpack, (struct bh_http_text){in.at, (uint32_t)in.len}, final, &sink) ==
		    NULL)
		return true;
	if (h->hpack != NULL)
		say(f, "a header block that does not decompress");
	else
		unread(f);
	h->over = true;
	return false;
}

/* ---- frames -------------------------------------------------------------------------------------- */

static void
begin_frame(struct bh_inspect_frames *h)
{
	h->left = bh_load_be32(h->some) >> 8;
	h->type = h->some[3];
	h->flags = h->some[4];
	h->stream = bh_load_be32(h->some + 5) & 0x7fffffff;
	h->pad = 0;
	h->have = h->need = 0;
	if (h->type == NGHTTP2_HEADERS || h->type == NGHTTP2_PUSH_PROMISE) {
		h->block_stream = h->stream;
		h->block_flags = h->flags;
		h->pushed = h->type == NGHTTP2_PUSH_PROMISE;
	}
	if (h->type == NGHTTP2_DATA || h->type == NGHTTP2_HEADERS ||
	    h->type == NGHTTP2_PUSH_PROMISE)
		h->need = (h->flags & PADDED) != 0;
	if (h->type == NGHTTP2_HEADERS && (h->flags & PRIORITISED))
		h->need += 5;
	if (h->type == NGHTTP2_PUSH_PROMISE)
		h->need += 4;
	if (h->need > h->left)
		h->over = true;
	h->stage = h->need > 0 ? STAGE_PREFIX : STAGE_PAYLOAD;
}

static bool
is_block(const struct bh_inspect_frames *h)
{
	return h->type == NGHTTP2_HEADERS || h->type == NGHTTP2_PUSH_PROMISE ||
	       h->type == NGHTTP2_CONTINUATION;
}

static void
payload(struct feed *f, struct bh_view data)
{
	struct bh_inspect_frames *h = &f->c->side[f->side];
	struct bh_inspect_stream *t;
	struct bh_message m;

	if (is_block(h)) {
		block(f, data, false);
	} else if (h->type == NGHTTP2_DATA && data.len > 0) {
		t = stream(f, h->stream);
		if (t == NULL)
			return;
		t->state->in_body = true;
		bh_message_open(&m, f->ctx, t->state, f->side);
		bh_message_body(&m, data);
		f->found |= t->state->found;
	}
}

static void
end_frame(struct feed *f)
{
	struct bh_inspect_frames *h = &f->c->side[f->side];
	struct bh_inspect_stream *t;

	h->stage = STAGE_HEADER;
	h->have = 0;
	if (is_block(h) && (h->flags & END_HEADERS)) {
		if (block(f, (struct bh_view){h->some, 0}, true))
			end_block(f);
	} else if ((h->type == NGHTTP2_DATA && (h->flags & END_STREAM)) ||
		   h->type == NGHTTP2_RST_STREAM) {
		t = find(f, h->stream);
		if (t != NULL)
			release(f, t);
	}
}

/* The next n bytes, or as many as there are. */
static struct bh_view
cut(struct bh_view *in, size_t n)
{
	struct bh_view out = {in->at, n < in->len ? n : in->len};

	in->at += out.len;
	in->len -= out.len;
	return out;
}

static bool
collect(struct bh_inspect_frames *h, struct bh_view *in, uint8_t need)
{
	struct bh_view part = cut(in, need - h->have);

	memcpy(h->some + h->have, part.at, part.len);
	h->have += (uint8_t)part.len;
	return h->have == need;
}

static void
step(struct feed *f, struct bh_view *in)
{
	struct bh_inspect_frames *h = &f->c->side[f->side];
	struct bh_view part;

	switch (h->stage) {
	case STAGE_PREFACE:
		if (collect(h, in, PREFACE_LEN)) {
			h->stage = STAGE_HEADER;
			h->have = 0;
		}
		return;
	case STAGE_HEADER:
		if (!collect(h, in, FRAME_HEADER))
			return;
		begin_frame(h);
		break;
	case STAGE_PREFIX:
		if (!collect(h, in, h->need))
			return;
		h->left -= h->need;
		h->pad = h->flags & PADDED ? h->some[0] : 0;
		h->over |= h->pad > h->left;
		h->stage = STAGE_PAYLOAD;
		break;
	case STAGE_PAYLOAD:
		part = cut(in, h->left - h->pad);
		h->left -= (uint32_t)part.len;
		payload(f, part);
		break;
	case STAGE_PADDING:
		h->left -= (uint32_t)cut(in, h->left).len;
		break;
	}
	if (h->over || h->stage == STAGE_PREFIX)
		return;
	if (h->left == h->pad)
		h->stage = STAGE_PADDING;
	if (h->left == 0)
		end_frame(f);
}

uint64_t
bh_inspect_http2_feed(struct bh_inspect_http2 *c, const struct bh_inspect_ctx *ctx, unsigned side,
		      const uint8_t *data, size_t len, bool ended)
{
	struct feed f = {.c = c, .ctx = ctx, .side = side};
	struct bh_view in = {data, len};
	unsigned i;

	while (in.len > 0 && !c->side[side].over)
		step(&f, &in);
	for (i = 0; ended && i < BH_INSPECT_STREAMS; i++)
		if (c->stream[i].id != 0 && c->stream[i].side == side)
			release(&f, &c->stream[i]);
	return f.found;
}

void
bh_inspect_http2_close(struct bh_inspect_http2 *c, const struct bh_inspect_ctx *ctx)
{
	struct feed f = {.c = c, .ctx = ctx};
	unsigned i;

	for (i = 0; i < BH_INSPECT_STREAMS; i++) {
		if (c->stream[i].id != 0)
			release(&f, &c->stream[i]);
		if (c->stream[i].state != NULL)
			ctx->memory->free(ctx->memory->arg, c->stream[i].state);
		c->stream[i].state = NULL;
	}
	for (i = 0; i < 2; i++) {
		bh_hpack_close(c->side[i].hpack);
		c->side[i].hpack = NULL;
	}
}
