/* http/1 (RFC 9112): a request line with its version, or a status line. */
#include "proto_priv.h"

#define MAX_METHOD 24

/* " HTTP/1." and a digit end the line, or a receiver that forgives takes them so. */
static bool
ends_in_version(const uint8_t *p, int line, uint32_t method)
{
	while (line > 0 && (p[line - 1] == ' ' || p[line - 1] == '\t'))
		line--;
	return line >= (int)method + 11 && memcmp(p + line - 9, " HTTP/", 6) == 0 &&
	       p[line - 3] >= '0' && p[line - 3] <= '9' && p[line - 2] == '.' &&
	       p[line - 3] != '2'; /* HTTP/2's preface */
}

/* HTTP/0.9 (RFC 1945 4.1): "GET /..." alone, answered by a document. */
static enum bh_proto_answer
simple_request(const struct bh_proto_input *in, int line)
{
	const uint8_t *p = in->data[BH_CLIENT], *s = in->data[BH_SERVER];

	if (line < 5 || memcmp(p, "GET /", 5) != 0 || memchr(p + 5, ':', (size_t)line - 5) != NULL)
		return BH_PROTO_NO;
	if (in->len[BH_SERVER] < 2)
		return bh_proto_wants_more(in, BH_SERVER);
	return s[0] == '<' && ((s[1] | 0x20) == 'h' || s[1] == '!') ? BH_PROTO_YES : BH_PROTO_NO;
}

static bool
is_method_byte(uint8_t b)
{
	return (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || b == '-' || b == '_';
}

/* token SP target SP "HTTP/1." -- a target may be longer than what is shown. */
static enum bh_proto_answer
request_line(const struct bh_proto_input *in)
{
	static const char *const methods[] = {"GET ",    "POST ",     "PUT ",       "HEAD ",
					      "DELETE ", "PATCH ",    "OPTIONS ",   "CONNECT ",
					      "TRACE ",  "PROPFIND ", "SUBSCRIBE ", "NOTIFY "};
	const uint8_t *p = in->data[BH_CLIENT];
	uint32_t n = in->len[BH_CLIENT], end, i;
	int line;

	for (i = 0; i < n && i < MAX_METHOD && is_method_byte(p[i]); i++)
		;
	if (i == n)
		return n < MAX_METHOD ? bh_proto_wants_more(in, BH_CLIENT) : BH_PROTO_NO;
	if (i < 1 || p[i] != ' ')
		return BH_PROTO_NO;
	line = bh_proto_line(in, BH_CLIENT, &end);
	if (line >= 0)
		return ends_in_version(p, line, i) ? BH_PROTO_YES : simple_request(in, line);
	/* The line's end may be lost. */
	if (n >= i + 11 && memmem(p + i, n - i, " HTTP/1.", 8) != NULL)
		return BH_PROTO_YES;
	if (!bh_proto_printable(p, n))
		return BH_PROTO_NO;
	if (!in->ended[BH_CLIENT])
		return BH_PROTO_MAYBE;
	/* A URL longer than the window: a known method and a target that begins like one. */
	for (i = 0; n >= BH_PROTO_WINDOW && i < BH_ARRAY_SIZE(methods); i++) {
		uint32_t k = (uint32_t)strlen(methods[i]);

		if (memcmp(p, methods[i], k) == 0 && (p[k] == '/' || memcmp(p + k, "http", 4) == 0))
			return BH_PROTO_YES;
	}
	return BH_PROTO_NO;
}

static enum bh_proto_answer
request(struct bh_proto_input in)
{
	/* Empty lines before it are ignored (RFC 9112 2.2). */
	while (in.len[BH_CLIENT] > 0 &&
	       (in.data[BH_CLIENT][0] == '\r' || in.data[BH_CLIENT][0] == '\n')) {
		in.data[BH_CLIENT]++;
		in.len[BH_CLIENT]--;
	}
	return request_line(&in);
}

static enum bh_proto_answer
response(const struct bh_proto_input *in, unsigned side)
{
	enum bh_proto_answer a = bh_proto_spells(in, side, "HTTP/1.");
	const uint8_t *p = in->data[side];

	if (a != BH_PROTO_YES)
		return a;
	if (in->len[side] < 12)
		return bh_proto_wants_more(in, side);
	return (p[7] == '0' || p[7] == '1') && p[8] == ' ' && p[9] >= '1' && p[9] <= '5'
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_HTTP(const struct bh_proto_input *in)
{
	return bh_proto_either(request(*in), response(in, BH_SERVER));
}
