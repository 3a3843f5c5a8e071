/* WebSocket behind an upgrade (RFC 6455): frames unmasked, messages put together from their fragments and inflated
 * (permessage-deflate, RFC 7692), each one looked at like a body. Control frames may stand between fragments: they are looked
 * at by themselves. */
#include <zlib.h>

#include "message.h"

#define PIECE 1024
#define TOTAL (UINT64_C(64) << 20) /* bytes of one message that are looked at */
#define RATIO 200                  /* as of content codings */

enum { FIN = 0x80, RSV1 = 0x40, OPCODE = 0x0f, MASKED = 0x80, CONTROL = 0x08 };

static voidpf
z_alloc(voidpf arg, uInt n, uInt size)
{
	const struct bh_memory *memory = arg;

	return memory->alloc(memory->arg, (size_t)n * size);
}

static void
z_free(voidpf arg, voidpf p)
{
	const struct bh_memory *memory = arg;

	memory->free(memory->arg, p);
}

static z_stream *
inflater(struct bh_message *m, struct bh_inspect_socket *f)
{
	struct bh_memory *memory = (struct bh_memory *)(uintptr_t)m->ctx->memory;
	z_stream *z = f->inflater;

	if (z != NULL || memory == NULL)
		return z;
	z = memory->alloc(memory->arg, sizeof(*z));
	if (z == NULL)
		return NULL;
	memset(z, 0, sizeof(*z));
	z->zalloc = z_alloc;
	z->zfree = z_free;
	z->opaque = memory;
	if (inflateInit2(z, -15) != Z_OK) {
		memory->free(memory->arg, z);
		return NULL;
	}
	f->inflater = z;
	return z;
}

void
bh_websocket_close(const struct bh_inspect_ctx *ctx, struct bh_inspect_socket *f)
{
	if (f->inflater == NULL)
		return;
	inflateEnd(f->inflater);
	ctx->memory->free(ctx->memory->arg, f->inflater);
	f->inflater = NULL;
}

/* What of a message can't be read is not looked at, nor what depends on it. */
static void
give_up(struct bh_message *m, const char *why)
{
	m->s->unread = true;
	bh_message_say(m, BH_INSPECT_HTTP, why);
}

static void
inflate_text(struct bh_message *m, struct bh_inspect_socket *f, struct bh_view in)
{
	struct bh_inspect_side *s = m->s;
	uint8_t out[PIECE];
	z_stream *z;
	int rc;

	if (s->unread || f->lost)
		return;
	z = inflater(m, f);
	if (z == NULL) {
		f->lost = true;
		bh_message_unread(m);
		return;
	}
	z->next_in = (Bytef *)(uintptr_t)in.at;
	z->avail_in = (uInt)in.len;
	s->packed += in.len;
	do {
		z->next_out = out;
		z->avail_out = sizeof(out);
		rc = inflate(z, Z_SYNC_FLUSH);
		s->unpacked += sizeof(out) - z->avail_out;
		bh_body_take(m, (struct bh_view){out, sizeof(out) - z->avail_out});
		if (rc == Z_STREAM_END)
			rc = inflateReset(z);
		if (rc != Z_OK && rc != Z_BUF_ERROR) {
			f->lost = true;
			give_up(m, "a WebSocket message that can't be inflated");
		} else if (s->unpacked > TOTAL ||
			   (s->unpacked > (1 << 20) && s->unpacked / RATIO > s->packed)) {
			f->lost = true;
			give_up(m, "a WebSocket message that grows beyond measure");
		}
	} while (!f->lost && rc == Z_OK && (z->avail_in > 0 || z->avail_out == 0));
}

static void
message_ends(struct bh_message *m, struct bh_inspect_socket *f)
{
	static const uint8_t flushed[] = {0, 0, 0xff, 0xff}; /* RFC 7692 7.2.2 */
	const struct bh_http1_part none = {0};

	if (f->deflated)
		inflate_text(m, f, (struct bh_view){flushed, sizeof(flushed)});
	bh_message_end(m);
	bh_message_tap(m, BH_HTTP1_END, &none);
	bh_message_next(m);
	bh_websocket_begin(m);
	f->deflated = false;
}

/* A frame's bytes, unmasked. */
static void
payload(struct bh_message *m, struct bh_inspect_socket *f, struct bh_view in)
{
	if (f->opcode & CONTROL) {
		size_t room = sizeof(f->control) - f->n_control;

		in.len = in.len < room ? in.len : room;
		memcpy(f->control + f->n_control, in.at, in.len);
		f->n_control = (uint8_t)(f->n_control + in.len);
	} else if (f->deflated) {
		inflate_text(m, f, in);
	} else {
		bh_body_take(m, in);
	}
}

static void
frame_ends(struct bh_message *m, struct bh_inspect_socket *f)
{
	const struct bh_view none = {NULL, 0};

	f->inside = false;
	f->have = 0;
	if ((f->opcode & CONTROL) == 0) {
		if (f->fin)
			message_ends(m, f);
		return;
	}
	if (f->n_control > 0)
		bh_message_dlp(m, m->side == 0 ? BH_AT_BODY : BH_AT_RESPONSE, none,
			       (struct bh_view){f->control, f->n_control});
	f->n_control = 0;
}

/* Bytes of a frame's head in all, as far as they can be known. */
static unsigned
head_size(const struct bh_inspect_socket *f)
{
	unsigned len = f->have > 1 ? f->head[1] & 0x7f : 0;

	if (f->have < 2)
		return 2;
	return 2 + (len == 126 ? 2 : len == 127 ? 8 : 0) + (f->head[1] & MASKED ? 4 : 0);
}

static bool
head(struct bh_inspect_socket *f, struct bh_view *in)
{
	unsigned i, at = 2, len;

	while (in->len > 0 && f->have < head_size(f)) {
		f->head[f->have++] = *in->at++;
		in->len--;
	}
	if (f->have < head_size(f))
		return false;
	len = f->head[1] & 0x7f;
	f->left = len;
	if (len >= 126) {
		at = len == 126 ? 4 : 10;
		for (f->left = 0, i = 2; i < at; i++)
			f->left = f->left << 8 | f->head[i];
	}
	memset(f->mask, 0, sizeof(f->mask));
	if (f->head[1] & MASKED)
		memcpy(f->mask, f->head + at, sizeof(f->mask));
	f->at = 0;
	f->opcode = f->head[0] & OPCODE;
	f->fin = (f->head[0] & FIN) != 0;
	/* 0 goes on with the message that has begun */
	if (f->opcode != 0 && (f->opcode & CONTROL) == 0)
		f->deflated = (f->head[0] & RSV1) != 0;
	f->inside = true;
	return true;
}

void
bh_websocket_begin(struct bh_message *m)
{
	m->s->in_body = true;
	m->s->kind = BH_BODY_TEXT;
	m->s->sniffs = true;
}

void
bh_websocket_feed(struct bh_message *m, struct bh_inspect_socket *f, struct bh_view in, bool ended)
{
	uint8_t piece[PIECE];
	size_t n, i;

	while (in.len > 0) {
		if (!f->inside && !head(f, &in))
			break;
		n = in.len < f->left ? in.len : (size_t)f->left;
		n = n < sizeof(piece) ? n : sizeof(piece);
		for (i = 0; i < n; i++)
			piece[i] = in.at[i] ^ f->mask[f->at++ & 3];
		f->left -= n;
		in.at += n;
		in.len -= n;
		if (n > 0)
			payload(m, f, (struct bh_view){piece, n});
		if (f->left == 0)
			frame_ends(m, f);
		if (m->s->used == 0)
			m->s->waits = (uint32_t)in.len;
	}
	if (ended && m->s->used > 0)
		bh_message_end(m);
}
