/* HTTP/1 heads: start lines, fields, and what they make of the framing (RFC 9112 3, 4, 5, 6). */
#include "http1.h"

static struct bh_http_text
cut(struct bh_http_text *rest, uint32_t n)
{
	struct bh_http_text head = {rest->at, n};

	rest->at += n;
	rest->len -= n;
	return head;
}

/* Up to the next space, which goes too; false: there is none. */
static bool
word(struct bh_http_text *rest, struct bh_http_text *out)
{
	const uint8_t *space = rest->len != 0 ? memchr(rest->at, ' ', rest->len) : NULL;

	if (space == NULL)
		return false;
	*out = cut(rest, (uint32_t)(space - rest->at));
	cut(rest, 1);
	return true;
}

/* "HTTP/1.0" or "HTTP/1.1" */
static bool
version(struct bh_http_text text, uint8_t *minor)
{
	if (text.len != 8 || memcmp(text.at, "HTTP/1.", 7) != 0 ||
	    (text.at[7] != '0' && text.at[7] != '1'))
		return false;
	*minor = (uint8_t)(text.at[7] - '0');
	return true;
}

/* Methods that change framing must not be read in two ways: names are case-sensitive (RFC 9110
 * 9.1), some servers are not. */
static const char *
method(struct bh_http1 *h, struct bh_http_text name)
{
	static const struct {
		const char *name;
		uint8_t asked;
	} special[] = {{"HEAD", ASKED_HEAD}, {"CONNECT", ASKED_CONNECT}};
	unsigned i;

	if (name.len > BH_HTTP_METHOD_MAX || !bh_http_is_token(name.at, name.len))
		return "method is no token";
	h->method = ASKED_OTHER;
	for (i = 0; i < BH_ARRAY_SIZE(special); i++) {
		if (!bh_http_is_nocase(name.at, name.len, special[i].name))
			continue;
		if (memcmp(name.at, special[i].name, name.len) != 0)
			return "method is written in an unusual case";
		h->method = special[i].asked;
	}
	return NULL;
}

static const char *
authority_of_target(struct bh_http1 *h, const struct bh_http_target *target)
{
	const char *why;

	h->authority.len = 0;
	h->authority.port = 0;
	h->default_port = target->default_port;
	if (target->authority.at == NULL)
		return NULL;
	h->side[0].seen |= SEEN_AUTHORITY;
	why = bh_http_authority(target->authority.at, target->authority.len, &h->authority);
	if (why == NULL && h->method == ASKED_CONNECT && h->authority.port == 0)
		why = "CONNECT without a port";
	return why;
}

static const char *
request_line(struct bh_http1 *h, struct bh_http_text line, struct bh_http1_part *part)
{
	struct bh_http_target target;
	const char *why;

	if (!word(&line, &part->name) || !word(&line, &part->value))
		return "request line is not method, target, version (HTTP/0.9?)";
	if (!version(line, &part->minor))
		return "request line does not end in HTTP/1.0 or HTTP/1.1";
	why = method(h, part->name);
	if (why == NULL)
		why = bh_http_target(part->name, part->value, &target);
	if (why != NULL)
		return why;
	part->path = target.path;
	part->query = target.query;
	return authority_of_target(h, &target);
}

/* A server's reason phrase is often left out together with the space before it; everyone reads
 * that alike. */
static const char *
status_line(struct bh_http1 *h, struct bh_http_text line, struct bh_http1_part *part)
{
	struct bh_http_text digits;
	unsigned i;

	if (line.len < 12 || !version(cut(&line, 8), &part->minor) || cut(&line, 1).at[0] != ' ')
		return "not a status line of HTTP/1.0 or HTTP/1.1";
	digits = cut(&line, 3);
	for (i = 0; i < 3; i++) {
		if (digits.at[i] < '0' || digits.at[i] > '9')
			return "status is no number of three digits";
		part->status = (uint16_t)(part->status * 10 + digits.at[i] - '0');
	}
	if (part->status < 100 || part->status > 599)
		return "status is not from 100 to 599";
	if (line.len != 0 && cut(&line, 1).at[0] != ' ')
		return "status is not followed by a space";
	part->value = line;
	h->side[1].status = part->status;
	if (h->n != 0)
		return NULL;
	h->side[1].seen |= SEEN_LAST;
	return part->status >= 400 ? NULL : "a response that no request asked for";
}

const char *
bh_http1_start_line(struct bh_http1 *h, unsigned side, struct bh_http_text line,
		    struct bh_http1_part *part)
{
	struct bh_http1_side *s = &h->side[side];
	const char *why;

	s->headers = 0;
	s->seen = 0;
	s->body = 0;
	s->became = BH_APP_UNKNOWN;
	why = side == 0 ? request_line(h, line, part) : status_line(h, line, part);
	s->minor = part->minor;
	return why;
}

/* ---- fields ---- */

static const char *
content_length(struct bh_http1 *h, unsigned side, struct bh_http_text value)
{
	struct bh_http1_side *s = &h->side[side];

	if ((s->seen & SEEN_LENGTH) != 0)
		return "Content-Length comes twice";
	s->seen |= SEEN_LENGTH;
	return bh_http_length(value.at, value.len, &s->body) ? NULL
							     : "Content-Length is no plain number";
}

/* Another coding before chunked is legal (RFC 9112 6.1), but few receivers know one. */
static const char *
transfer_encoding(struct bh_http1 *h, unsigned side, struct bh_http_text value)
{
	struct bh_http1_side *s = &h->side[side];

	if ((s->seen & SEEN_CHUNKED) != 0)
		return "Transfer-Encoding comes twice";
	s->seen |= SEEN_CHUNKED;
	if (s->minor == 0)
		return "Transfer-Encoding in HTTP/1.0";
	return BH_HTTP_IS(value, "chunked") ? NULL : "Transfer-Encoding is not chunked";
}

static const char *
host(struct bh_http1 *h, unsigned side, struct bh_http_text value)
{
	struct bh_http1_side *s = &h->side[side];
	struct bh_http_authority said;
	const char *why;

	if (side != 0)
		return NULL;
	if ((s->seen & SEEN_HOST) != 0)
		return "Host comes twice";
	s->seen |= SEEN_HOST;
	why = bh_http_authority(value.at, value.len, &said);
	if (why != NULL)
		return why;
	if ((s->seen & SEEN_AUTHORITY) == 0)
		h->authority = said;
	else if (!bh_http_same_authority(&h->authority, &said, h->default_port))
		return "Host is not the target's";
	return NULL;
}

/* A proxy would take the named field away (RFC 9110 7.6.1), and the next one frames otherwise. */
static const char *
connection(struct bh_http1 *h, unsigned side, struct bh_http_text value)
{
	uint32_t i, start = 0;

	(void)h;
	(void)side;
	for (i = 0; i <= value.len; i++) {
		struct bh_http_text option = {value.at + start, i - start};

		if (i < value.len && value.at[i] != ',' && value.at[i] != ' ' &&
		    value.at[i] != '\t')
			continue;
		if (BH_HTTP_IS(option, "content-length") ||
		    BH_HTTP_IS(option, "transfer-encoding") || BH_HTTP_IS(option, "host"))
			return "Connection names a field of the framing";
		start = i + 1;
	}
	return NULL;
}

static const char *
upgrade(struct bh_http1 *h, unsigned side, struct bh_http_text value)
{
	struct bh_http1_side *s = &h->side[side];

	/* RFC 9110 7.8: to be ignored in HTTP/1.0 */
	if (value.len != 0 && s->minor != 0)
		s->seen |= SEEN_UPGRADE;
	if (BH_HTTP_IS(value, "websocket"))
		s->became = BH_APP_WEBSOCKET;
	else if (BH_HTTP_IS(value, "h2c"))
		s->became = BH_APP_HTTP2;
	return NULL;
}

static const char *
expect(struct bh_http1 *h, unsigned side, struct bh_http_text value)
{
	(void)h;
	return side != 0 || BH_HTTP_IS(value, "100-continue") ? NULL : "Expect is not 100-continue";
}

#define FIELD(name, check)                                                                         \
	{                                                                                          \
		name, sizeof(name) - 1, check                                                      \
	}
static const struct framing_field {
	const char *name;
	uint32_t len;
	const char *(*check)(struct bh_http1 *h, unsigned side, struct bh_http_text value);
} framing[] = {
	FIELD("content-length", content_length),
	FIELD("transfer-encoding", transfer_encoding),
	FIELD("host", host),
	FIELD("connection", connection),
	FIELD("upgrade", upgrade),
	FIELD("expect", expect),
};
#undef FIELD

static const char *
split(struct bh_http_text line, struct bh_http1_part *part)
{
	const uint8_t *colon = memchr(line.at, ':', line.len);

	if (colon == NULL)
		return "header line without a colon";
	part->name = cut(&line, (uint32_t)(colon - line.at));
	cut(&line, 1);
	if (part->name.len != 0 && (colon[-1] == ' ' || colon[-1] == '\t'))
		return "space before a header's colon";
	if (!bh_http_is_token(part->name.at, part->name.len))
		return "name of a header is no token";
	while (line.len != 0 && (line.at[0] == ' ' || line.at[0] == '\t'))
		cut(&line, 1);
	while (line.len != 0 && (line.at[line.len - 1] == ' ' || line.at[line.len - 1] == '\t'))
		line.len--;
	part->value = line;
	return NULL;
}

const char *
bh_http1_field(struct bh_http1 *h, unsigned side, struct bh_http_text line,
	       struct bh_http1_part *part)
{
	struct bh_http1_side *s = &h->side[side];
	const char *why;
	unsigned i;

	if (line.at[0] == ' ' || line.at[0] == '\t')
		return s->headers == 0 ? "space before the first header" : "folded header line";
	if (s->headers++ == BH_HTTP1_HEADERS)
		return "too many headers";
	why = split(line, part);
	for (i = 0; why == NULL && i < BH_ARRAY_SIZE(framing); i++) {
		if (part->name.len != framing[i].len ||
		    !bh_http_is_nocase(part->name.at, part->name.len, framing[i].name))
			continue;
		if (s->state == HTTP1_TRAILERS)
			return "framing field in a trailer";
		if (part->cut)
			return "framing field is too long";
		why = framing[i].check(h, side, part->value);
	}
	return why;
}

/* ---- end of the headers ---- */

static const char *
request_end(struct bh_http1 *h)
{
	struct bh_http1_side *s = &h->side[0];
	unsigned at = (h->first + h->n) % BH_HTTP1_PIPELINE;

	if (s->minor != 0 && (s->seen & SEEN_HOST) == 0)
		return "HTTP/1.1 without a Host";
	if (h->n == BH_HTTP1_PIPELINE)
		return "too many requests wait for a response";
	if (h->method == ASKED_CONNECT && (s->seen & (SEEN_LENGTH | SEEN_CHUNKED)) != 0)
		return "CONNECT with a body";
	h->asked[at] = h->method == ASKED_OTHER && (s->seen & SEEN_UPGRADE) != 0 ? ASKED_UPGRADE
										 : h->method;
	h->n++;
	if ((s->seen & SEEN_CHUNKED) != 0)
		s->state = HTTP1_CHUNK_SIZE;
	else
		s->state = s->body != 0 ? HTTP1_BODY : HTTP1_END;
	return NULL;
}

/* What was sent behind the request to switch would have to be read in two ways. */
static const char *
switch_over(struct bh_http1 *h)
{
	const struct bh_http1_side *client = &h->side[0];

	if (h->n != 0 || (client->state != HTTP1_END &&
			  (client->state != HTTP1_START || client->at != client->message)))
		return "bytes behind a request to switch protocols";
	h->side[1].state = HTTP1_SWITCH;
	return NULL;
}

static uint8_t
answered(struct bh_http1 *h)
{
	uint8_t asked;

	if ((h->side[1].seen & SEEN_LAST) != 0)
		return ASKED_OTHER;
	asked = h->asked[h->first];
	h->first = (uint8_t)((h->first + 1) % BH_HTTP1_PIPELINE);
	h->n--;
	return asked;
}

/* RFC 9112 6.3, in its order. */
static const char *
response_end(struct bh_http1 *h)
{
	struct bh_http1_side *s = &h->side[1];
	bool chunked = (s->seen & SEEN_CHUNKED) != 0, length = (s->seen & SEEN_LENGTH) != 0;
	uint8_t asked;

	s->state = HTTP1_END;
	if (s->status < 200 && (chunked || length))
		return "interim response with a length";
	if (s->status < 200 && s->status != 101)
		return NULL;
	asked = answered(h);
	if (s->status == 101)
		return asked == ASKED_UPGRADE ? switch_over(h) : "101 without a request to upgrade";
	if (asked == ASKED_CONNECT && s->status < 300)
		return chunked || length ? "tunnel with a length" : switch_over(h);
	/* "Content-Length: 0" is forbidden here, common, and read alike. */
	if (s->status == 204)
		return chunked || s->body != 0 ? "204 with a body" : NULL;
	if (asked == ASKED_HEAD || s->status == 304)
		return NULL;
	if (chunked)
		s->state = HTTP1_CHUNK_SIZE;
	else if (length)
		s->state = s->body != 0 ? HTTP1_BODY : HTTP1_END;
	else
		s->state = HTTP1_BODY_CLOSE;
	return NULL;
}

const char *
bh_http1_headers_end(struct bh_http1 *h, unsigned side, struct bh_http1_part *part)
{
	struct bh_http1_side *s = &h->side[side];
	const char *why;

	if ((s->seen & SEEN_LENGTH) != 0 && (s->seen & SEEN_CHUNKED) != 0)
		return "both Content-Length and Transfer-Encoding";
	why = side == 0 ? request_end(h) : response_end(h);
	/* chunk sizes are their own sections */
	s->section = 0;
	part->status = s->status;
	part->minor = s->minor;
	return why;
}
