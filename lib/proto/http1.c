/* HTTP/1 messages, a part at a time (RFC 9112): lines, bodies and chunks. What lines say is
 * http1_head.c's. */
#include "http1.h"

/* Everything on a line of a chunk's size: extensions are rare and short. */
#define CHUNK_LINE_MAX 256
/* 15 hexadecimal digits are less than 2^60. */
#define CHUNK_DIGITS 15

enum line { LINE_MORE, LINE_WHOLE, LINE_BAD };

static enum bh_http1_what
fail(struct bh_http1_part *part, const char *why)
{
	part->why = why;
	return BH_HTTP1_ERROR;
}

/* Bytes of a line that are not kept: as strict as for those that are. */
static const char *
check_unkept(uint8_t before, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (before == '\r' && p[i] != '\n')
			return "bare CR";
		if (p[i] != '\r' && p[i] != '\n' && !bh_http_is_value(p + i, 1))
			return "control character";
		before = p[i];
	}
	return NULL;
}

/* Put away n more bytes of a line; what is not kept is checked now, what is kept when the line is
 * whole. */
static const char *
put_away(struct bh_http1 *h, unsigned side, const uint8_t *p, size_t n)
{
	struct bh_http1_side *s = &h->side[side];
	uint8_t *buf = side == 0 ? h->request : h->response;
	uint32_t room = side == 0 ? sizeof(h->request) : sizeof(h->response);
	const char *why = NULL;
	size_t keep = 0, check = 0;

	if (s->line < room)
		keep = n < room - s->line ? n : room - s->line;
	memcpy(buf + s->line, p, keep);
	/* The last two of the room are a line end, or beyond what is shown. */
	if (s->line < room - 2)
		check = n < room - 2 - s->line ? n : room - 2 - s->line;
	if (check < n)
		why = check_unkept(check != 0 ? p[check - 1] : s->last, p + check, n - check);
	s->line += (uint32_t)n;
	if (n != 0)
		s->last = p[n - 1];
	return why;
}

/* A whole line that ends in LF: without its CRLF, cut to what is shown. */
static const char *
finish(struct bh_http1 *h, unsigned side, const uint8_t *at, struct bh_http_text *line, bool *cut)
{
	struct bh_http1_side *s = &h->side[side];
	uint32_t shown = side == 0 ? BH_HTTP1_LINE : BH_HTTP1_KEPT, n = s->line;

	if (n < 2 || s->last != '\r')
		return "bare LF";
	*line = (struct bh_http_text){at, n - 2};
	*cut = n - 2 > shown;
	if (*cut)
		line->len = shown;
	s->line = 0;
	if (bh_http_is_value(line->at, line->len))
		return NULL;
	return memchr(line->at, '\r', line->len) != NULL ? "bare CR" : "control character";
}

/* The next line. One that is whole in the input is shown there. */
static enum line
take_line(struct bh_http1 *h, unsigned side, struct bh_cur *in, struct bh_http1_part *part,
	  struct bh_http_text *line)
{
	struct bh_http1_side *s = &h->side[side];
	uint32_t limit = side == 0 ? BH_HTTP1_LINE : BH_HTTP1_SECTION;
	uint32_t room = side == 0 ? sizeof(h->request) : sizeof(h->response);
	size_t left = bh_cur_left(in);
	const uint8_t *p = in->p, *lf = left != 0 ? memchr(p, '\n', left) : NULL;
	size_t n = lf != NULL ? (size_t)(lf - p) + 1 : left;
	const char *why = NULL;

	if (n > limit + 2 - s->line || n > BH_HTTP1_SECTION - s->section) {
		part->why = n > BH_HTTP1_SECTION - s->section ? "headers are too long"
							      : "line is too long";
		return LINE_BAD;
	}
	in->p += n;
	s->section += (uint32_t)n;
	if (s->line == 0 && lf != NULL && n <= room) {
		s->line = (uint32_t)n;
		s->last = n > 1 ? p[n - 2] : 0;
	} else {
		why = put_away(h, side, p, lf != NULL ? n - 1 : n);
		p = side == 0 ? h->request : h->response;
		s->line += lf != NULL;
	}
	if (why == NULL && lf == NULL)
		return LINE_MORE;
	if (why == NULL)
		why = finish(h, side, p, line, &part->cut);
	part->why = why;
	return why == NULL ? LINE_WHOLE : LINE_BAD;
}

static int
hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 1*HEXDIG [ ";" extension ] (RFC 9112 7.1); no space between (BWS), which receivers treat
 * differently. */
static const char *
chunk_size(struct bh_http1_side *s, struct bh_http_text line, bool cut)
{
	uint32_t i;

	if (cut || line.len > CHUNK_LINE_MAX)
		return "line of a chunk's size is too long";
	s->body = 0;
	for (i = 0; i < line.len && hex(line.at[i]) >= 0; i++) {
		if (i == CHUNK_DIGITS)
			return "chunk is too large";
		s->body = s->body << 4 | (uint64_t)hex(line.at[i]);
	}
	if (i == 0 || (i < line.len && line.at[i] != ';'))
		return "size of a chunk is no hexadecimal number";
	s->state = s->body != 0 ? HTTP1_CHUNK_DATA : HTTP1_TRAILERS;
	s->section = 0;
	return NULL;
}

static enum bh_http1_what
empty_line(struct bh_http1 *h, unsigned side, struct bh_http1_part *part)
{
	struct bh_http1_side *s = &h->side[side];

	switch (s->state) {
	case HTTP1_START:
		/* RFC 9112 2.2: one before a request is ignored by robust servers */
		if (side != 0 || (s->seen & SEEN_BLANK) != 0)
			return fail(part, "empty line before a start line");
		s->seen |= SEEN_BLANK;
		return BH_HTTP1_MORE;
	case HTTP1_HEADERS:
		part->why = bh_http1_headers_end(h, side, part);
		return part->why != NULL ? BH_HTTP1_ERROR : BH_HTTP1_HEADERS_END;
	case HTTP1_CHUNK_END:
		s->state = HTTP1_CHUNK_SIZE;
		s->section = 0;
		return BH_HTTP1_MORE;
	case HTTP1_TRAILERS:
		s->state = HTTP1_END;
		return BH_HTTP1_MORE;
	default:
		return fail(part, "size of a chunk is no hexadecimal number");
	}
}

/* MORE: the line is no part of its own. */
static enum bh_http1_what
one_line(struct bh_http1 *h, unsigned side, struct bh_http_text line, struct bh_http1_part *part)
{
	struct bh_http1_side *s = &h->side[side];

	if (line.len == 0)
		return empty_line(h, side, part);
	switch (s->state) {
	case HTTP1_START:
		part->why = bh_http1_start_line(h, side, line, part);
		s->state = HTTP1_HEADERS;
		if (part->why == NULL)
			return side == 0 ? BH_HTTP1_REQUEST : BH_HTTP1_STATUS;
		break;
	case HTTP1_HEADERS:
	case HTTP1_TRAILERS:
		part->why = bh_http1_field(h, side, line, part);
		if (part->why == NULL)
			return s->state == HTTP1_HEADERS ? BH_HTTP1_HEADER : BH_HTTP1_TRAILER;
		break;
	case HTTP1_CHUNK_SIZE:
		part->why = chunk_size(s, line, part->cut);
		if (part->why == NULL)
			return BH_HTTP1_MORE;
		break;
	default:
		part->why = "chunk is longer than its size";
	}
	return BH_HTTP1_ERROR;
}

static enum bh_http1_what
lines(struct bh_http1 *h, unsigned side, struct bh_cur *in, struct bh_http1_part *part)
{
	struct bh_http_text line;

	switch (take_line(h, side, in, part, &line)) {
	case LINE_MORE:
		return BH_HTTP1_MORE;
	case LINE_BAD:
		return BH_HTTP1_ERROR;
	default:
		return one_line(h, side, line, part);
	}
}

static enum bh_http1_what
body(struct bh_http1_side *s, struct bh_cur *in, struct bh_http1_part *part)
{
	size_t n = bh_cur_left(in);

	if (s->state != HTTP1_BODY_CLOSE && n > s->body)
		n = s->body;
	if (n > UINT32_MAX)
		n = UINT32_MAX;
	part->value = (struct bh_http_text){bh_cur_take(in, n), (uint32_t)n};
	if (s->state == HTTP1_BODY_CLOSE)
		return BH_HTTP1_BODY;
	s->body -= n;
	if (s->body == 0)
		s->state = s->state == HTTP1_BODY ? HTTP1_END : HTTP1_CHUNK_END;
	return BH_HTTP1_BODY;
}

static enum bh_http1_what
message_end(struct bh_http1_side *s, uint8_t next)
{
	s->state = next;
	s->message = s->at;
	s->section = 0;
	s->seen = 0;
	return BH_HTTP1_END;
}

/* There are no bytes: what does that say? */
static enum bh_http1_what
nothing(struct bh_http1_side *s, bool ended, struct bh_http1_part *part)
{
	if (!ended)
		return BH_HTTP1_MORE;
	if (s->state == HTTP1_BODY_CLOSE)
		return message_end(s, HTTP1_OVER);
	if (s->state == HTTP1_HEADERS || (s->state == HTTP1_START && s->line != 0))
		return fail(part, "the side ends within a head");
	return BH_HTTP1_MORE;
}

static enum bh_http1_what
step(struct bh_http1 *h, unsigned side, struct bh_cur *in, bool ended, struct bh_http1_part *part)
{
	struct bh_http1_side *s = &h->side[side];

	/* Either side may be the next to be asked. */
	if (h->side[1].state == HTTP1_SWITCH) {
		h->over = 1;
		part->status = h->side[1].status;
		part->became = part->status == 101 ? h->side[1].became : BH_APP_UNKNOWN;
		return BH_HTTP1_SWITCH;
	}
	if (s->state == HTTP1_END)
		return message_end(s, (s->seen & SEEN_LAST) != 0 ? HTTP1_OVER : HTTP1_START);
	if (bh_cur_left(in) == 0)
		return nothing(s, ended, part);
	switch (s->state) {
	case HTTP1_BODY:
	case HTTP1_BODY_CLOSE:
	case HTTP1_CHUNK_DATA:
		return body(s, in, part);
	case HTTP1_OVER:
		return fail(part, "bytes behind the server's last response");
	default:
		return lines(h, side, in, part);
	}
}

enum bh_http1_what
bh_http1_next(struct bh_http1 *h, unsigned side, struct bh_cur *in, bool ended,
	      struct bh_http1_part *part)
{
	struct bh_http1_side *s = &h->side[side];
	enum bh_http1_what what;
	const uint8_t *from;
	uint8_t state;

	do {
		memset(part, 0, sizeof(*part));
		if (h->over != 0)
			return fail(part, "HTTP/1 is over");
		from = in->p;
		state = s->state;
		what = step(h, side, in, ended, part);
		s->at += (uint64_t)(in->p - from);
	} while (what == BH_HTTP1_MORE && (in->p != from || s->state != state));
	h->over |= what == BH_HTTP1_ERROR;
	return what;
}

uint64_t
bh_http1_free(const struct bh_http1 *h, unsigned side)
{
	const struct bh_http1_side *s = &h->side[side];

	if (h->over != 0)
		return 0;
	if (s->state == HTTP1_BODY_CLOSE)
		return UINT64_MAX;
	return s->state == HTTP1_BODY || s->state == HTTP1_CHUNK_DATA ? s->body : 0;
}

void
bh_http1_pass(struct bh_http1 *h, unsigned side, uint64_t n)
{
	struct bh_http1_side *s = &h->side[side];

	s->at += n;
	if (s->state == HTTP1_BODY_CLOSE)
		return;
	s->body -= n < s->body ? n : s->body;
	if (s->body == 0)
		s->state = s->state == HTTP1_BODY ? HTTP1_END : HTTP1_CHUNK_END;
}

uint32_t
bh_http1_head(const struct bh_http1 *h, unsigned side)
{
	const struct bh_http1_side *s = &h->side[side];

	return s->state <= HTTP1_HEADERS ? (uint32_t)(s->at - s->message) : 0;
}
