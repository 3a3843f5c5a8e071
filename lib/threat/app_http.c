/* HTTP/1: lengths that are negative or that two receivers read differently (the strict reader of lib/proto says what it
 * refuses, here is told which of it is an attack), clients that are slow on purpose, refused log-ins. */
#include "../proto/http1.h"
#include "app_priv.h"

enum { CLIENT, SERVER };
enum pace { PACE_NONE, PACE_HEAD, PACE_BODY };

/* A chunk of 2^31 bytes or more is negative to whoever keeps it in 32 bits with a sign. */
#define CHUNK_NEGATIVE (UINT64_C(1) << 31)

static bool
is_field(struct bh_http_text name, const char *field)
{
	while (name.len != 0 && (name.at[name.len - 1] == ' ' || name.at[name.len - 1] == '\t'))
		name.len--;
	return name.len == strlen(field) && bh_http_is_nocase(name.at, name.len, field);
}

static bool
is_one_of(const char *why, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (strcmp(why, list[i]) == 0)
			return true;
	}
	return false;
}

/* The reader's words for what makes a request's end ambiguous by itself, ... */
static const char *const always[] = {
	"both Content-Length and Transfer-Encoding",
	"Content-Length is no plain number",
	"Transfer-Encoding comes twice",
	"Transfer-Encoding in HTTP/1.0",
	"Transfer-Encoding is not chunked",
	"Connection names a field of the framing",
	"framing field in a trailer",
	"framing field is too long",
	"chunk is longer than its size",
	"chunk is too large",
	"size of a chunk is no hexadecimal number",
};
/* ... and where the message says how long it is. */
static const char *const framed[] = {
	"bare CR",
	"bare LF",
	"folded header line",
	"space before the first header",
	"header line without a colon",
};

static bool
is_ambiguous(const struct bh_http1_side *s, const struct bh_http1_part *part)
{
	uint64_t again;

	if (strcmp(part->why, "Content-Length comes twice") == 0)
		/* The same once more means the same (RFC 9110 8.6). */
		return !bh_http_length(part->value.at, part->value.len, &again) || again != s->body;
	if (strcmp(part->why, "space before a header's colon") == 0)
		return is_field(part->name, "content-length") ||
		       is_field(part->name, "transfer-encoding");
	if (is_one_of(part->why, always, BH_ARRAY_SIZE(always)))
		return true;
	return (s->seen & (SEEN_LENGTH | SEEN_CHUNKED)) != 0 &&
	       is_one_of(part->why, framed, BH_ARRAY_SIZE(framed));
}

/* What the reader refused; from: the bytes in which it came to light. */
static void
judge_error(const struct bh_threat_http *h, const struct bh_threat_ctx *ctx, unsigned side,
	    const struct bh_http1_part *part, struct bh_cur from)
{
	const struct bh_http1_side *s = &h->reader.side[side];
	bool negative = part->value.len > 1 && part->value.at[0] == '-' &&
			is_field(part->name, "content-length");

	while (bh_cur_left(&from) != 0 && (from.p[0] == '\r' || from.p[0] == '\n'))
		from.p++;
	negative |= s->state == HTTP1_CHUNK_SIZE && bh_cur_left(&from) != 0 && from.p[0] == '-';
	if (negative ||
	    (s->state == HTTP1_CHUNK_SIZE && strcmp(part->why, "chunk is too large") == 0))
		bh_threat_hit(ctx, BH_THREAT_HTTP_LENGTH, "%s",
			      negative ? "a negative length" : part->why);
	else if (side == CLIENT && is_ambiguous(s, part))
		bh_threat_hit(ctx, BH_THREAT_SMUGGLING, "%s", part->why);
}

/* ---- a client that is slow on purpose ----------------------------------------------------------------- */

static enum pace
pace_of(const struct bh_threat_http *h)
{
	if (h->reader.over != 0)
		return PACE_NONE;
	if (bh_http1_head(&h->reader, CLIENT) != 0)
		return PACE_HEAD;
	/* A stream without a length may rest as it likes. */
	return h->reader.side[CLIENT].state == HTTP1_BODY ? PACE_BODY : PACE_NONE;
}

static void
keep_pace(struct bh_threat_http *h, const struct bh_threat_ctx *ctx)
{
	const struct bh_http1_side *s = &h->reader.side[CLIENT];
	enum pace pace = pace_of(h);

	if (pace == h->pace && s->message == h->message)
		return;
	h->pace = (uint8_t)pace;
	h->message = s->message;
	h->since_ms = ctx->now_ms;
	h->since_at = s->at;
}

void
bh_threat_http_tick(struct bh_threat_http *h, const struct bh_threat_ctx *ctx)
{
	const struct bh_threat_rule *head = &ctx->rule[BH_THREAT_SLOW_HEAD],
				    *body = &ctx->rule[BH_THREAT_SLOW_BODY];
	uint32_t elapsed = ctx->now_ms - h->since_ms;
	uint64_t bytes = h->reader.side[CLIENT].at - h->since_at;

	if (h->told || h->pace == PACE_NONE)
		return;
	if (h->pace == PACE_HEAD) {
		if (elapsed < head->window_ms)
			return;
		h->told = head->on;
		bh_threat_hit(ctx, BH_THREAT_SLOW_HEAD,
			      "a request's head is not complete after %u s", elapsed / 1000);
		return;
	}
	if (elapsed < body->window_ms || elapsed < 1000)
		return;
	if (bytes * 1000 / elapsed < body->threshold) {
		h->told = body->on;
		bh_threat_hit(ctx, BH_THREAT_SLOW_BODY, "%u bytes of a request's body in %u s",
			      (unsigned)bytes, elapsed / 1000);
	}
	h->since_ms = ctx->now_ms;
	h->since_at += bytes;
}

void
bh_threat_http_window(struct bh_threat_http *h, const struct bh_threat_ctx *ctx, uint32_t window)
{
	const struct bh_threat_rule *rule = &ctx->rule[BH_THREAT_SLOW_READ];
	const struct bh_http1_side *s = &h->reader.side[SERVER];
	bool answering = h->reader.over == 0 && (s->state != HTTP1_START || s->line != 0);

	if (window >= rule->threshold || !answering) {
		h->shut = false;
		return;
	}
	if (!h->shut)
		h->shut_ms = ctx->now_ms;
	h->shut = true;
	if (h->told || ctx->now_ms - h->shut_ms < rule->window_ms)
		return;
	h->told = rule->on;
	bh_threat_hit(ctx, BH_THREAT_SLOW_READ,
		      "a client takes %u bytes more of its answer, for %u s", window,
		      (ctx->now_ms - h->shut_ms) / 1000);
}

/* ---- log-ins ----------------------------------------------------------------------------------------------- */

/* A browser, or git, asks without credentials first and is told 401 every time (RFC 9110 11.6.1): only what brings some, or
 * sends a form, has tried to log in. */
static void
note_request(struct bh_threat_http *h, enum bh_http1_what what, const struct bh_http1_part *p)
{
	if (what == BH_HTTP1_REQUEST) {
		h->tries = p->name.len == 4 && memcmp(p->name.at, "POST", 4) == 0;
	} else if (what == BH_HTTP1_HEADER && is_field(p->name, "authorization")) {
		h->tries = true;
	} else if (what == BH_HTTP1_HEADERS_END && h->n_asked < 64) {
		h->asked |= (uint64_t)h->tries << h->n_asked;
		h->n_asked++;
	}
}

/* NTLM and Negotiate (RFC 4559 4) go on with a challenge, which is a 401 with a token. */
static bool
is_challenge(const struct bh_http1_part *p)
{
	const uint8_t *space = memchr(p->value.at, ' ', p->value.len);
	struct bh_http_text scheme = {p->value.at, 0};

	if (!is_field(p->name, "www-authenticate") || space == NULL)
		return false;
	scheme.len = (uint32_t)(space - p->value.at);
	return is_field(scheme, "ntlm") || is_field(scheme, "negotiate");
}

static void
note_response(struct bh_threat_http *h, const struct bh_threat_ctx *ctx, enum bh_http1_what what,
	      const struct bh_http1_part *p)
{
	if (what == BH_HTTP1_STATUS && p->status >= 200) {
		h->refused = (h->asked & 1) != 0 && (p->status == 401 || p->status == 403);
		h->asked >>= 1;
		h->n_asked -= h->n_asked != 0;
	} else if (what == BH_HTTP1_HEADER && h->refused && is_challenge(p)) {
		h->refused = false;
	} else if (what == BH_HTTP1_END && h->refused) {
		h->refused = false;
		ctx->failed(ctx->arg, BH_APP_HTTP, 1);
	}
}

/* ---- bytes ------------------------------------------------------------------------------------------------ */

static void
part(struct bh_threat_http *h, const struct bh_threat_ctx *ctx, unsigned side,
     enum bh_http1_what what, const struct bh_http1_part *p)
{
	if (side == CLIENT)
		note_request(h, what, p);
	else
		note_response(h, ctx, what, p);
	if (what == BH_HTTP1_SWITCH) {
		h->done = true;
		h->became = p->became;
	}
	if (h->reader.side[side].state == HTTP1_CHUNK_DATA &&
	    h->reader.side[side].body >= CHUNK_NEGATIVE) {
		bh_threat_hit(ctx, BH_THREAT_HTTP_LENGTH, "a chunk of %llu bytes",
			      (unsigned long long)h->reader.side[side].body);
		h->done = true;
	}
}

void
bh_threat_http_feed(struct bh_threat_http *h, const struct bh_threat_ctx *ctx, unsigned side,
		    const uint8_t *at, uint32_t n, bool ended)
{
	struct bh_cur in = bh_cur(at, n);
	struct bh_http1_part p;
	enum bh_http1_what what;

	side &= 1;
	while (!h->done) {
		struct bh_cur from = in;

		what = bh_http1_next(&h->reader, side, &in, ended, &p);
		if (what == BH_HTTP1_ERROR) {
			from.end = in.p;
			judge_error(h, ctx, side, &p, from);
			h->done = true;
			return;
		}
		part(h, ctx, side, what, &p);
		/* A chunk's size may be told with no byte of it. */
		if (what == BH_HTTP1_MORE)
			break;
	}
	if (side == CLIENT)
		keep_pace(h, ctx);
}
