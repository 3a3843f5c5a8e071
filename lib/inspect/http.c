/* An HTTP/1 connection: the reader's parts, given to the message being read. */
#include "message.h"

/* Each class once a message. */
static void
relay(void *arg, const struct bh_inspect_finding *finding)
{
	struct bh_message *m = arg;
	struct bh_inspect_finding f = *finding;

	if (m->s->found & BH_INSPECT_BIT(f.class))
		return;
	f.side = (uint8_t)m->side;
	f.message = m->s->message;
	if (m->ctx->excepts != NULL && m->ctx->excepts(m->ctx->arg, &f))
		return;
	m->s->found |= BH_INSPECT_BIT(f.class);
	m->ctx->report(m->ctx->arg, &f);
}

void
bh_message_open(struct bh_message *m, const struct bh_inspect_ctx *ctx, struct bh_inspect_side *s,
		unsigned side)
{
	*m = (struct bh_message){.s = s, .ctx = ctx, .inner = *ctx, .side = side};
	m->inner.report = relay;
	m->inner.arg = m;
	m->inner.tally = bh_tally_of(ctx, side);
}

void
bh_message_tap(struct bh_message *m, enum bh_http1_what what, const struct bh_http1_part *part)
{
	const struct bh_inspect_tap *tap = m->ctx->tap;

	if (tap == NULL)
		return;
	if (what == BH_HTTP1_REQUEST && tap->request != NULL)
		tap->request(m->ctx->arg, m->s->message, part->path);
	tap->part(m->ctx->arg, m->side, what, part);
}

void
bh_message_value(struct bh_message *m, unsigned where, struct bh_view name, struct bh_view value)
{
	struct bh_inspect_value v = {
		.at = value.at,
		.len = value.len,
		.name = (const char *)name.at,
		.name_len = name.len,
		.where = (uint8_t)where,
	};

	if (m->ctx->classes != 0)
		bh_inspect_value(&m->inner, &v);
}

/* Classes of which one alone is its sender's own where this text is (struct bh_inspect_own). A telephone number in a
 * form counts as it does in any body: shops ask for one, calls to programs list them. */
static uint64_t
owned(const struct bh_message *m, unsigned where)
{
	const uint64_t email = BH_INSPECT_BIT(BH_INSPECT_DLP_EMAIL);

	if (m->side != 0)
		return 0;
	if (where == BH_AT_HEADER || !m->s->in_body)
		return email | BH_INSPECT_BIT(BH_INSPECT_DLP_PHONE);
	return m->s->kind == BH_BODY_FORM || m->s->kind == BH_BODY_MULTIPART ? email : 0;
}

void
bh_message_dlp(struct bh_message *m, unsigned where, struct bh_view name, struct bh_view text)
{
	struct bh_inspect_value v = {
		.at = text.at,
		.len = text.len,
		.name = (const char *)name.at,
		.name_len = name.len,
		.where = (uint8_t)where,
		.more = m->more,
		.owned = owned(m, where),
		.own = &m->s->own,
	};

	if (m->ctx->classes != 0)
		bh_inspect_dlp(&m->inner, &v);
}

void
bh_message_say(struct bh_message *m, unsigned class, const char *what)
{
	struct bh_inspect_finding f = {.class = (uint8_t) class, .where = BH_AT_MESSAGE};

	if (!(m->ctx->classes & BH_INSPECT_BIT(class)))
		return;
	bh_inspect_mask(f.excerpt, sizeof(f.excerpt), (const uint8_t *)what, strlen(what));
	relay(m, &f);
}

void
bh_message_unread(struct bh_message *m)
{
	m->s->unread = true;
	if (m->ctx->unread != NULL)
		*m->ctx->unread = true;
}

void
bh_inspect_http_open(struct bh_inspect_http *c)
{
	unsigned side;

	memset(&c->reader, 0, sizeof(c->reader));
	/* not the windows: what is in them is written before it is read */
	for (side = 0; side < 2; side++)
		memset(&c->side[side], 0, offsetof(struct bh_inspect_side, window));
	memset(c->socket, 0, sizeof(c->socket));
	c->over = c->frames = false;
}

/* Ready for the next message of the side. */
void
bh_message_next(struct bh_message *m)
{
	struct bh_inspect_side *s = m->s;

	bh_unpack_end(m);
	bh_tally_next(m->inner.tally);
	s->message++;
	s->found = 0;
	s->unpacked = s->packed = 0;
	s->used = 0;
	s->fields = 0;
	memset(s->own.n, 0, sizeof(s->own.n));
	s->kind = BH_BODY_TEXT;
	s->coding[0] = s->coding[1] = BH_CODING_NONE;
	s->boundary_len = s->part = s->method = s->name_len = 0;
	s->unread = s->sniffs = false;
	s->begun = s->odd = false;
	s->wide = 0;
	s->in_body = false;
}

/* The head as it came, in case the reader refuses it. */
static void
keep_head(struct bh_inspect_side *s, const uint8_t *at, size_t len)
{
	size_t room = BH_INSPECT_WINDOW - s->used;

	len = len < room ? len : room;
	if (len > 0)
		memcpy(s->window + s->used, at, len);
	s->used += (uint32_t)len;
}

/* Ambiguous framing is an attack on what is behind us; other broken syntax is a protocol error. */
static void
broken(struct bh_message *m, const char *why)
{
	static const char *const framing[] = {"length", "transfer", "chunk", "framing", "coding"};
	unsigned i, class = BH_INSPECT_HTTP;

	/* { | } and the like, which browsers send as they are (WHATWG URL): strict, but no sign of anything. What is
	 * not there, and lines that go on on the next one, are what old clients say: loose() looks at the latter. */
	if (strstr(why, "must be escaped") != NULL || strstr(why, "without a Host") != NULL ||
	    strstr(why, "folded") != NULL)
		return;

	for (i = 0; i < BH_ARRAY_SIZE(framing); i++)
		if (strcasestr(why, framing[i]) != NULL)
			class = BH_INSPECT_SMUGGLING;
	bh_message_say(m, class, why);
	if (class == BH_INSPECT_SMUGGLING)
		bh_message_say(m, BH_INSPECT_HTTP, why);
}

/* What a message's end and its receiver hang on. */
static bool
frames(const struct bh_view *line)
{
	return bh_at(line, 0, "transfer-encoding") || bh_at(line, 0, "content-length") ||
	       bh_at(line, 0, "connection") || bh_at(line, 0, "host:");
}

static bool
cut_line(struct bh_view *text, struct bh_view *line)
{
	const uint8_t *lf = memchr(text->at, '\n', text->len);

	*line = *text;
	if (lf == NULL)
		return false;
	line->len = (size_t)(lf - text->at);
	text->at = lf + 1;
	text->len -= line->len + 1;
	while (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* METHOD target ...: up to the last space, which may be all that is wrong with it. */
static void
loose_request(struct bh_message *m, struct bh_view line)
{
	struct bh_http1_part part = {0};
	struct bh_view target;
	const uint8_t *sp = memchr(line.at, ' ', line.len), *last = memrchr(line.at, ' ', line.len),
		      *q;

	if (sp == NULL)
		return;
	if (last == sp)
		last = line.at + line.len;
	target = (struct bh_view){sp + 1, (size_t)(last - sp) - 1};
	q = memchr(target.at, '?', target.len);
	part.name = (struct bh_http_text){line.at, (uint32_t)(sp - line.at)};
	part.value = (struct bh_http_text){target.at, (uint32_t)target.len};
	part.path = part.value;
	if (q != NULL) {
		part.path.len = (uint32_t)(q - target.at);
		part.query = (struct bh_http_text){q + 1, (uint32_t)target.len - part.path.len - 1};
	}
	bh_message_request(m, &part);
}

/* A head that the strict reader refused, read as leniently as some server might. */
static void
loose(struct bh_message *m, struct bh_view text)
{
	struct bh_inspect_side *s = m->s;
	struct bh_view line;
	bool first = true, framing = false;

	while (text.len > 0 && cut_line(&text, &line)) {
		struct bh_http1_part part = {0};
		const uint8_t *colon = memchr(line.at, ':', line.len);
		size_t skip;

		if (line.len == 0 && !first)
			break;
		if (first) {
			if (m->side == 0)
				loose_request(m, line);
			first = line.len == 0;
			continue;
		}
		/* a line that goes on (RFC 9112 5.2): some read it as one, some don't */
		if (line.len > 0 && (line.at[0] == ' ' || line.at[0] == '\t')) {
			if (framing)
				broken(m, "a framing header that goes on on the next line");
			continue;
		}
		framing = frames(&line);
		if (colon == NULL)
			continue;
		part.name = (struct bh_http_text){line.at, (uint32_t)(colon - line.at)};
		skip = bh_skip_space(&line, part.name.len + 1);
		part.value = (struct bh_http_text){line.at + skip, (uint32_t)(line.len - skip)};
		bh_message_header(m, &part);
	}
	if (s->kind == BH_BODY_TEXT && m->side == 0)
		s->kind = BH_BODY_FORM;
	bh_body_take(m, text);
}

/* Has a head come to its end, as loose() reads it? Empty lines before it are none of its end. */
static bool
is_whole_head(const struct bh_inspect_side *s)
{
	struct bh_view text = {s->window, s->used}, line;
	bool first = true;

	while (cut_line(&text, &line)) {
		if (line.len == 0 && !first)
			return true;
		first &= line.len == 0;
	}
	return false;
}

/* The connection is no HTTP/1 any more, or was never understood: what is left of a head is read leniently when it is whole,
 * the rest is a body without framing. A request in it is the connection's own, not a smuggled one. */
static void
go_on(struct bh_message *m, struct bh_view data, bool ended)
{
	struct bh_inspect_side *s = m->s;
	uint8_t *head = m->ctx->scratch->head;
	uint32_t used;

	m->inner.classes &=
		~(BH_INSPECT_BIT(BH_INSPECT_SMUGGLING) | BH_INSPECT_BIT(BH_INSPECT_CRLF));
	if (s->in_body) {
		bh_body_take(m, data);
	} else {
		uint32_t before = s->used;

		keep_head(s, data.at, data.len);
		/* The end alone has no bytes, and NULL for where they are. */
		if (s->used > before) {
			data.at += s->used - before;
			data.len -= s->used - before;
		}
		if (!ended && s->used < BH_INSPECT_WINDOW && !is_whole_head(s))
			return;
		used = s->used;
		memcpy(head, s->window, used);
		s->used = 0;
		s->in_body = true;
		loose(m, (struct bh_view){head, used});
		bh_body_take(m, data);
	}
	if (ended)
		bh_message_end(m);
}

static bool
take_part(struct bh_message *m, enum bh_http1_what what, const struct bh_http1_part *part)
{
	if (what != BH_HTTP1_BODY && what != BH_HTTP1_ERROR && what != BH_HTTP1_SWITCH &&
	    what != BH_HTTP1_MORE)
		bh_message_tap(m, what, part);
	switch (what) {
	case BH_HTTP1_REQUEST:
		bh_message_request(m, part);
		break;
	case BH_HTTP1_HEADER:
	case BH_HTTP1_TRAILER:
		bh_message_header(m, part);
		break;
	case BH_HTTP1_HEADERS_END:
		bh_message_headers_end(m);
		break;
	case BH_HTTP1_BODY:
		bh_message_body(m, (struct bh_view){part->value.at, part->value.len});
		break;
	case BH_HTTP1_END:
		bh_message_end(m);
		bh_message_next(m);
		break;
	case BH_HTTP1_ERROR:
		broken(m, part->why);
		return false;
	case BH_HTTP1_SWITCH:
		return false;
	case BH_HTTP1_STATUS:
	case BH_HTTP1_MORE:
		break;
	}
	return true;
}

/* Both sides speak WebSocket from here on. */
static void
switch_over(struct bh_inspect_http *c, const struct bh_inspect_ctx *ctx)
{
	unsigned side;

	for (side = 0; side < 2; side++) {
		struct bh_message m;

		bh_message_open(&m, ctx, &c->side[side], side);
		if (m.s->in_body)
			bh_message_end(&m);
		bh_message_next(&m);
		bh_websocket_begin(&m);
	}
	c->frames = true;
}

uint64_t
bh_inspect_http_feed(struct bh_inspect_http *c, const struct bh_inspect_ctx *ctx, unsigned side,
		     const uint8_t *data, size_t len, bool ended)
{
	struct bh_message m;
	struct bh_cur in = bh_cur(data, len);
	struct bh_http1_part part;
	enum bh_http1_what what;
	uint64_t before = c->side[side].found;
	const uint8_t *head = data;

	bh_message_open(&m, ctx, &c->side[side], side);
	m.s->waits += (uint32_t)len;
	while (!c->over) {
		what = bh_http1_next(&c->reader, side, &in, ended, &part);
		if (what == BH_HTTP1_MORE)
			break;
		if (!take_part(&m, what, &part)) {
			c->over = true;
			if (what == BH_HTTP1_SWITCH && part.became == BH_APP_WEBSOCKET) {
				switch_over(c, ctx);
				break;
			}
			/* all of an unfinished head, also what was understood of it; else what follows */
			if (m.s->in_body)
				bh_message_end(&m);
			else if (what == BH_HTTP1_ERROR)
				in.p = head;
			break;
		}
		if (what == BH_HTTP1_HEADERS_END) {
			m.s->in_body = true;
			m.s->used = 0;
			m.s->waits = (uint32_t)bh_cur_left(&in);
		} else if (what == BH_HTTP1_END) {
			head = in.p;
			m.s->waits = (uint32_t)bh_cur_left(&in);
		}
	}
	if (c->frames)
		bh_websocket_feed(&m, &c->socket[side], (struct bh_view){in.p, bh_cur_left(&in)},
				  ended);
	else if (c->over)
		go_on(&m, (struct bh_view){in.p, bh_cur_left(&in)}, ended);
	else if (!m.s->in_body)
		keep_head(m.s, head, (size_t)(in.p - head));
	/* What is left in the window came with this call, or was packed. */
	if (m.s->in_body && m.full)
		m.s->waits = m.s->used < len ? m.s->used : (uint32_t)len;
	if (m.s->in_body && m.s->used == 0)
		m.s->waits = 0;
	return m.s->found & ~before;
}

uint32_t
bh_inspect_http_waits(const struct bh_inspect_http *c, unsigned side)
{
	return c->side[side].waits;
}

uint64_t
bh_inspect_http_look(struct bh_inspect_http *c, const struct bh_inspect_ctx *ctx, unsigned side)
{
	uint64_t before = c->side[side].found;
	struct bh_message m;

	bh_message_open(&m, ctx, &c->side[side], side);
	if (m.s->in_body)
		bh_body_look(&m);
	m.s->waits = 0;
	return m.s->found & ~before;
}

void
bh_inspect_http_close(struct bh_inspect_http *c, const struct bh_inspect_ctx *ctx)
{
	unsigned side;

	for (side = 0; side < 2; side++) {
		struct bh_message m;

		bh_message_open(&m, ctx, &c->side[side], side);
		if (m.s->in_body)
			bh_message_end(&m);
		else if (c->over)
			go_on(&m, (struct bh_view){NULL, 0}, true);
		bh_unpack_end(&m);
		bh_websocket_close(ctx, &c->socket[side]);
	}
}
