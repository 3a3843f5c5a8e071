/* A body's window: bytes come in, complete arguments, strings, parts go out to be judged. */
#include "message.h"

static const struct bh_view none = {NULL, 0};

static size_t
judge_text(struct bh_message *m, struct bh_view text, bool final)
{
	unsigned where = m->side == 0 ? BH_AT_BODY : BH_AT_RESPONSE;

	bh_message_value(m, where, none, text);
	return final || text.len < 2 * BH_INSPECT_OVERLAP ? text.len
							  : text.len - BH_INSPECT_OVERLAP;
}

/* A form, or a text of a WebSocket, is read as what no form begins like, whatever it was said to be: clients forget
 * to say so, and some receivers look. A document only when nothing was said. */
static void
sniff(struct bh_inspect_side *s)
{
	struct bh_view text = {s->window, s->used};
	size_t i = bh_skip_space(&text, 0), end;
	uint8_t c = i < text.len ? text.at[i] : 0, d = i + 1 < text.len ? text.at[i + 1] : 0;

	s->sniffs = false;
	if (c == '<' && !(s->fields & BH_SEEN_TYPE) && (d == '?' || d == '!' || bh_is_alpha(d)))
		s->kind = BH_BODY_XML;
	else if ((c == '{' || c == '[') && (d == '"' || d == '{' || d == '[' || bh_is_space(d)))
		s->kind = BH_BODY_JSON;
	if (c != '-' || d != '-')
		return;
	/* --boundary, and the first part's header (RFC 2046 5.1.1) */
	for (end = i; end < text.len && !bh_is_space(text.at[end]); end++)
		;
	if (end - i > BH_INSPECT_BOUNDARY ||
	    !bh_at(&text, bh_skip_space(&text, end), "content-disposition:"))
		return;
	s->kind = BH_BODY_MULTIPART;
	memcpy(s->boundary, text.at + i, end - i);
	s->boundary_len = (uint8_t)(end - i);
}

/* What is complete in the window. Returns the bytes done with. */
static size_t
judge_window(struct bh_message *m, struct bh_view text, bool final)
{
	switch (m->s->kind) {
	case BH_BODY_FORM:
		return bh_message_args(m, text, final);
	case BH_BODY_JSON:
		return bh_message_json(m, text, final);
	case BH_BODY_XML:
		return bh_message_markup(m, text, final);
	case BH_BODY_MULTIPART:
		return bh_message_multipart(m, text, final);
	case BH_BODY_GRPC:
		return bh_message_grpc(m, text, final);
	case BH_BODY_BINARY:
		return text.len;
	}
	return judge_text(m, text, final);
}

/* A form in a response is not judged pair by pair, but what is in it may be sensitive. */
static void
form_data(struct bh_message *m, struct bh_view text)
{
	uint8_t *out = m->ctx->scratch->view[0];
	struct bh_view piece;
	size_t pos = 0;
	bool changed;

	while (pos < text.len) {
		piece = (struct bh_view){text.at + pos, text.len - pos};
		if (piece.len > BH_INSPECT_PIECE)
			piece.len = BH_INSPECT_PIECE;
		pos += piece.len;
		piece.len = bh_decode_percent(out, BH_INSPECT_PIECE, &piece, true, &changed);
		piece.at = out;
		bh_message_dlp(m, BH_AT_RESPONSE, none, piece);
	}
}

/* Returns the bytes done with. */
static size_t
judge(struct bh_message *m, struct bh_view text, bool final)
{
	struct bh_inspect_side *s = m->s;

	m->more = !final;
	if (s->kind != BH_BODY_FORM && s->kind != BH_BODY_BINARY)
		bh_message_dlp(m, m->side == 0 ? BH_AT_BODY : BH_AT_RESPONSE, none, text);
	else if (s->kind == BH_BODY_FORM && m->side != 0)
		form_data(m, text);
	m->more = false;
	if (m->side == 0 || s->kind == BH_BODY_TEXT || s->kind == BH_BODY_BINARY ||
	    s->kind == BH_BODY_GRPC)
		return judge_window(m, text, final);
	return judge_text(m, text, final);
}

static void
flush(struct bh_message *m, bool final)
{
	struct bh_inspect_side *s = m->s;
	struct bh_view text = {s->window, s->used};
	size_t done;

	if (text.len == 0)
		return;
	if (s->sniffs)
		sniff(s);
	m->full = true;
	done = judge(m, text, final);
	/* One token as long as the window: judged as far as it is here; its end meets its next piece. */
	if (done == 0)
		done = text.len - BH_INSPECT_OVERLAP;
	if (done > text.len || final)
		done = text.len;
	memmove(s->window, s->window + done, s->used - done);
	s->used -= (uint32_t)done;
}

void
bh_body_look(struct bh_message *m)
{
	struct bh_inspect_side *s = m->s;
	const uint8_t part = s->part, name_len = s->name_len;
	uint8_t name[sizeof(s->name)];

	if (s->used == 0)
		return;
	if (s->sniffs)
		sniff(s);
	/* As if it ended here; then where its parser stood before. */
	memcpy(name, s->name, sizeof(name));
	judge(m, (struct bh_view){s->window, s->used}, true);
	memcpy(s->name, name, sizeof(name));
	s->part = part;
	s->name_len = name_len;
}

static void
take(struct bh_message *m, struct bh_view data)
{
	struct bh_inspect_side *s = m->s;

	while (data.len > 0) {
		size_t n = BH_INSPECT_WINDOW - s->used;

		if (n > data.len)
			n = data.len;
		memcpy(s->window + s->used, data.at, n);
		s->used += (uint32_t)n;
		data.at += n;
		data.len -= n;
		if (s->used == BH_INSPECT_WINDOW)
			flush(m, false);
	}
}

static bool
opens(uint8_t c)
{
	return c == '<' || c == '{' || c == '[';
}

/* The first two bytes of text in UTF-16 are its mark, or of XML "<" (XML 1.0 appendix F.1), of JSON a bracket (RFC 4627 3),
 * and a NUL in either order. No text in a one-byte encoding begins so. */
static void
begin(struct bh_message *m, const struct bh_view *data)
{
	struct bh_inspect_side *s = m->s;
	uint8_t a = s->used > 0 ? s->window[0] : data->at[0];
	uint8_t b = data->at[s->used > 0 ? 0 : 1];

	s->begun = true;
	if (s->kind == BH_BODY_BINARY || s->kind == BH_BODY_GRPC)
		return;
	if ((a == 0xff && b == 0xfe) || (opens(a) && b == 0))
		s->wide = 1;
	else if ((a == 0xfe && b == 0xff) || (a == 0 && opens(b)))
		s->wide = 2;
	if (s->wide != 0 && s->used > 0) {
		s->half = a;
		s->odd = true;
		s->used = 0;
	}
}

/* Characters beyond Latin-1 are none of the syntax: each stands as a question mark, the byte order mark as nothing. */
static void
take_wide(struct bh_message *m, struct bh_view data)
{
	struct bh_inspect_side *s = m->s;
	uint8_t out[512];
	size_t n = 0, i;

	for (i = 0; i < data.len; i++) {
		uint8_t lo = s->wide == 1 ? s->half : data.at[i],
			hi = s->wide == 1 ? data.at[i] : s->half;

		s->odd = !s->odd;
		if (s->odd) {
			s->half = data.at[i];
			continue;
		}
		if (hi != 0xfe || lo != 0xff)
			out[n++] = hi == 0 ? lo : '?';
		if (n == sizeof(out)) {
			take(m, (struct bh_view){out, n});
			n = 0;
		}
	}
	take(m, (struct bh_view){out, n});
}

void
bh_body_take(struct bh_message *m, struct bh_view data)
{
	struct bh_inspect_side *s = m->s;

	if (data.len == 0)
		return;
	if (m->ctx->tap != NULL)
		m->ctx->tap->body(m->ctx->arg, m->side, data.at, data.len);
	if (!s->begun && s->used + data.len >= 2)
		begin(m, &data);
	if (s->wide != 0)
		take_wide(m, data);
	else
		take(m, data);
}

void
bh_message_body(struct bh_message *m, struct bh_view data)
{
	const uint8_t *coding = m->s->coding;

	if (data.len == 0)
		return;
	if (!m->s->unread)
		bh_unpack(m, 0, data);
	else if (coding[0] == BH_CODING_UNKNOWN || coding[1] == BH_CODING_UNKNOWN)
		bh_message_unread(m);
}

void
bh_message_end(struct bh_message *m)
{
	flush(m, true);
}
