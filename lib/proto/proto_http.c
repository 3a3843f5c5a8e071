/* http/1 (RFC 9112): a request line with its version, or a status line. */
#include "proto_priv.h"

#define MAX_METHOD 24

/* token SP target SP "HTTP/1." -- a target may be longer than what is shown. */
static enum bh_proto_answer
request(const struct bh_proto_input *in)
{
	static const char *const methods[] = {"GET ",    "POST ",     "PUT ",       "HEAD ",
					      "DELETE ", "PATCH ",    "OPTIONS ",   "CONNECT ",
					      "TRACE ",  "PROPFIND ", "SUBSCRIBE ", "NOTIFY "};
	const uint8_t *p = in->data[BH_CLIENT];
	uint32_t n = in->len[BH_CLIENT], end, i;
	int line;

	for (i = 0; i < n && i < MAX_METHOD &&
		    ((p[i] >= 'A' && p[i] <= 'Z') || p[i] == '-' || p[i] == '_');
	     i++)
		;
	if (i == n)
		return n < MAX_METHOD ? bh_proto_wants_more(in, BH_CLIENT) : BH_PROTO_NO;
	if (i < 3 || p[i] != ' ')
		return BH_PROTO_NO;
	line = bh_proto_line(in, BH_CLIENT, &end);
	if (line >= 0) {
		if (line >= (int)i + 11 && memcmp(p + line - 9, " HTTP/1.", 8) == 0)
			return BH_PROTO_YES;
		return BH_PROTO_NO;
	}
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
	return bh_proto_either(request(in), response(in, BH_SERVER));
}
