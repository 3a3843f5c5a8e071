/* Texts of protocols in a window a side: what a decoder says goes in, and is judged when it is complete, when a call has
 * ended, or when the window is full; then its end stays, so that nothing is cut in two. */
#include "sql.h"
#include "wire_priv.h"

static const struct bh_wire_proto *
proto_of(unsigned app)
{
	switch (app) {
#define BH_WIRE(app, name)                                                                         \
	case BH_APP_##app:                                                                         \
		return &bh_wire_##name;
#include "wire.def"
#undef BH_WIRE
	}
	return NULL;
}

bool
bh_inspect_wire_knows(unsigned app)
{
	return proto_of(app) != NULL;
}

void
bh_inspect_wire_open(struct bh_inspect_wire *c, unsigned app)
{
	unsigned side;

	c->proto = proto_of(app);
	c->opaque = false;
	memset(c->state, 0, sizeof(c->state));
	for (side = 0; side < 2; side++)
		memset(&c->side[side], 0, offsetof(struct bh_wire_side, window));
}

/* ---- judging -------------------------------------------------------------------------------------- */

/* Each class once a message. */
static void
relay(void *arg, const struct bh_inspect_finding *finding)
{
	struct bh_wire *w = arg;
	struct bh_wire_side *s = &w->c->side[w->side];
	struct bh_inspect_finding f = *finding;

	if (s->found & BH_INSPECT_BIT(f.class))
		return;
	f.side = (uint8_t)w->side;
	f.message = s->message;
	if (w->ctx->excepts != NULL && w->ctx->excepts(w->ctx->arg, &f))
		return;
	s->found |= BH_INSPECT_BIT(f.class);
	w->c->seen |= BH_INSPECT_BIT(f.class);
	w->ctx->report(w->ctx->arg, &f);
}

static struct bh_inspect_ctx
inner_of(struct bh_wire *w)
{
	struct bh_inspect_ctx inner = *w->ctx;

	inner.report = relay;
	inner.arg = w;
	inner.tally = bh_tally_of(w->ctx, w->side);
	return inner;
}

static void
judge(struct bh_wire *w, bool more)
{
	struct bh_wire_side *s = &w->c->side[w->side];
	struct bh_inspect_ctx inner = inner_of(w);
	/* what the last look saw the end of, once more with what follows */
	uint32_t from = s->judged > BH_INSPECT_OVERLAP ? s->judged - BH_INSPECT_OVERLAP : 0;
	struct bh_inspect_value v = {.at = s->window + from,
				     .len = s->used - from,
				     .where = BH_AT_STREAM,
				     .more = more};

	if (s->used == s->judged && more)
		return;
	s->judged = s->used;
	if (w->ctx->classes == 0 || v.len == 0)
		return;
	bh_inspect_value(&inner, &v);
	bh_inspect_dlp(&inner, &v);
}

/* What is new of a statement that does not fit in the window. */
static void
thin_out(struct bh_wire *w)
{
	struct bh_wire_side *s = &w->c->side[w->side];
	struct bh_inspect_ctx inner = inner_of(w);
	uint32_t from = s->cut ? BH_INSPECT_OVERLAP : 0;

	if (s->kind != BH_TEXT_SQL)
		return;
	if (!s->cut)
		memset(&s->thin, 0, offsetof(struct bh_sql_thin, text));
	bh_sql_thin_add(&s->thin, &inner, &(struct bh_view){s->window + from, s->used - from},
			w->c->proto == &bh_wire_mysql);
}

static void
judge_statement(struct bh_wire *w)
{
	struct bh_wire_side *s = &w->c->side[w->side];
	struct bh_inspect_ctx inner = inner_of(w);

	if (s->kind == BH_TEXT_SQL && !s->cut)
		bh_inspect_statement(&inner, s->window, s->used, w->c->proto == &bh_wire_mysql);
	else if (s->kind == BH_TEXT_SQL) {
		thin_out(w);
		bh_sql_thin_end(&s->thin, &inner, w->c->proto == &bh_wire_mysql);
	}
}

static void
slide(struct bh_wire *w)
{
	struct bh_wire_side *s = &w->c->side[w->side];

	judge(w, true);
	thin_out(w);
	s->cut = true;
	memmove(s->window, s->window + s->used - BH_INSPECT_OVERLAP, BH_INSPECT_OVERLAP);
	s->used = s->judged = BH_INSPECT_OVERLAP;
}

/* ---- what decoders say ------------------------------------------------------------------------------ */

static void
put(struct bh_wire *w, const uint8_t *at, size_t len)
{
	struct bh_wire_side *s = &w->c->side[w->side];

	while (len > 0) {
		size_t n = BH_INSPECT_WINDOW - s->used;

		n = n < len ? n : len;
		memcpy(s->window + s->used, at, n);
		s->used += (uint32_t)n;
		at += n;
		len -= n;
		if (s->used == BH_INSPECT_WINDOW)
			slide(w);
	}
}

static void
show(struct bh_wire *w, const uint8_t *at, size_t len, bool last)
{
	if (w->ctx->tap != NULL && w->ctx->tap->text != NULL)
		w->ctx->tap->text(w->ctx->arg, w->side, w->c->side[w->side].kind,
				  &(struct bh_inspect_said){at, len, last});
}

void
bh_wire_text(struct bh_wire *w, const uint8_t *at, size_t len)
{
	if (len == 0)
		return;
	w->c->side[w->side].whole = false;
	show(w, at, len, false);
	put(w, at, len);
}

void
bh_wire_gap(struct bh_wire *w)
{
	struct bh_wire_side *s = &w->c->side[w->side];

	s->whole = true;
	if (s->used > 0 && s->window[s->used - 1] != '\n')
		put(w, (const uint8_t *)"\n", 1);
}

void
bh_wire_number(struct bh_wire *w, uint64_t value)
{
	uint8_t text[20];
	size_t i = sizeof(text);

	do
		text[--i] = (uint8_t)('0' + value % 10);
	while ((value /= 10) != 0);
	bh_wire_text(w, text + i, sizeof(text) - i);
	bh_wire_gap(w);
}

void
bh_wire_integer(struct bh_wire *w, uint64_t value, unsigned size)
{
	uint64_t all = size < 8 ? (UINT64_C(1) << 8 * size) - 1 : UINT64_MAX;

	if ((value & ~(all >> 1)) != 0) {
		bh_wire_text(w, (const uint8_t *)"-", 1);
		value = (~value + 1) & all;
	}
	bh_wire_number(w, value);
}

void
bh_wire_double(struct bh_wire *w, uint64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	/* every integer up to 2^53 is exact */
	if (d >= 0 && d <= 9007199254740992.0 && d == (double)(uint64_t)d)
		bh_wire_number(w, (uint64_t)d);
}

static size_t
put_utf8(uint8_t *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (c & 63));
	return 4;
}

void
bh_wire_utf16(struct bh_wire *w, struct bh_wire_utf16 *u, const uint8_t *at, size_t len)
{
	uint8_t out[256];
	size_t n = 0, i;

	for (i = 0; i < len; i++) {
		uint32_t c;

		u->odd = !u->odd;
		if (u->odd) {
			u->half = at[i];
			continue;
		}
		c = u->big ? (uint32_t)u->half << 8 | at[i] : (uint32_t)at[i] << 8 | u->half;
		if (c >= 0xd800 && c < 0xdc00) {
			u->high = (uint16_t)c;
			continue;
		}
		if (c >= 0xdc00 && c < 0xe000 && u->high != 0)
			c = 0x10000 + ((uint32_t)(u->high & 0x3ff) << 10) + (c & 0x3ff);
		u->high = 0;
		n += put_utf8(out + n, c);
		if (n > sizeof(out) - 4) {
			bh_wire_text(w, out, n);
			n = 0;
		}
	}
	bh_wire_text(w, out, n);
}

void
bh_wire_end(struct bh_wire *w, unsigned side)
{
	struct bh_wire_side *s = &w->c->side[side];
	struct bh_wire one = {.c = w->c, .ctx = w->ctx, .side = side};

	if (s->used > 0) {
		judge(&one, false);
		judge_statement(&one);
		show(&one, (const uint8_t *)"", 0, true);
		s->message++;
	}
	bh_tally_next(bh_tally_of(w->ctx, side));
	s->found = 0;
	s->used = s->judged = 0;
	s->whole = true;
	s->cut = false;
	s->kind = BH_TEXT_DATA;
}

void
bh_wire_begin(struct bh_wire *w, enum bh_inspect_text_kind kind)
{
	bh_wire_end(w, w->side);
	w->c->side[w->side].kind = (uint8_t)kind;
}

void
bh_wire_password(struct bh_wire *w)
{
	struct bh_inspect_finding f = {.class = BH_INSPECT_DLP_PASSWORD,
				       .where = BH_AT_STREAM,
				       .excerpt = "********"};

	if (w->ctx->classes & BH_INSPECT_BIT(BH_INSPECT_DLP_PASSWORD))
		relay(w, &f);
}

/* ---- a connection ------------------------------------------------------------------------------------ */

/* What has come of a text, unless it is too little to tell. */
static void
settle(struct bh_wire *w, bool ended)
{
	enum { FRESH = 64 };
	struct bh_wire_side *s = &w->c->side[w->side];

	if (ended || (s->whole && s->used > s->judged) || s->used - s->judged >= FRESH)
		judge(w, !ended && !s->whole);
}

uint64_t
bh_inspect_wire_feed(struct bh_inspect_wire *c, const struct bh_inspect_ctx *ctx, unsigned side,
		     const uint8_t *data, size_t len, bool ended)
{
	struct bh_wire w = {.c = c, .ctx = ctx, .side = side};
	struct bh_cur in = bh_cur(data, len);

	c->seen = 0;
	if (c->proto != NULL && !c->opaque && !c->proto->feed(&w, &in)) {
		if (c->proto->close != NULL)
			c->proto->close(&w);
		c->proto = NULL;
	}
	if (!c->opaque)
		bh_wire_text(&w, in.p, bh_cur_left(&in));
	settle(&w, ended);
	if (ended)
		bh_wire_end(&w, side);
	return c->seen;
}

void
bh_inspect_wire_close(struct bh_inspect_wire *c, const struct bh_inspect_ctx *ctx)
{
	struct bh_wire w = {.c = c, .ctx = ctx};

	for (w.side = 0; w.side < 2; w.side++)
		bh_wire_end(&w, w.side);
	w.side = 0;
	if (c->proto != NULL && c->proto->close != NULL)
		c->proto->close(&w);
	c->proto = NULL;
}
