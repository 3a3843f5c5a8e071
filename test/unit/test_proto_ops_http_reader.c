/* The HTTP/1 reader by itself: its parts, and each of its bounds from both sides. */
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/proto/proto.h"
#include "unit.h"

static struct bh_http1 http1;

/* A side's bytes as a line of text a part; pieces of `size`. */
static void
read_all(struct bh_buf *text, unsigned side, const char *bytes, size_t len, size_t size)
{
	enum bh_http1_what what = BH_HTTP1_MORE;
	size_t at, n;

	for (at = 0; at < len && what != BH_HTTP1_ERROR; at += n) {
		struct bh_cur in;

		n = len - at < size ? len - at : size;
		in = bh_cur(bytes + at, n);
		do {
			struct bh_http1_part p;

			what = bh_http1_next(&http1, side, &in, at + n == len, &p);
			switch (what) {
			case BH_HTTP1_REQUEST:
				bh_buf_printf(text, "[%.*s %.*s ? %.*s 1.%u]", (int)p.name.len,
					      (const char *)p.name.at, (int)p.path.len,
					      (const char *)p.path.at, (int)p.query.len,
					      p.query.at != NULL ? (const char *)p.query.at : "",
					      p.minor);
				break;
			case BH_HTTP1_STATUS:
				bh_buf_printf(text, "[%u %.*s]", p.status, (int)p.value.len,
					      (const char *)p.value.at);
				break;
			case BH_HTTP1_HEADER:
			case BH_HTTP1_TRAILER:
				bh_buf_printf(text, "%s%.*s=%u%s",
					      what == BH_HTTP1_HEADER ? "h:" : "t:",
					      (int)p.name.len, (const char *)p.name.at, p.value.len,
					      p.cut ? "cut " : " ");
				break;
			case BH_HTTP1_BODY:
				bh_buf_printf(text, "%.*s", (int)p.value.len,
					      (const char *)p.value.at);
				break;
			case BH_HTTP1_HEADERS_END:
				bh_buf_str(text, "|");
				break;
			case BH_HTTP1_END:
				bh_buf_str(text, "$");
				break;
			case BH_HTTP1_SWITCH:
			case BH_HTTP1_ERROR:
				bh_buf_str(text, p.why != NULL ? p.why : "switch");
				break;
			case BH_HTTP1_MORE:
				break;
			}
		} while (what != BH_HTTP1_MORE && what != BH_HTTP1_ERROR &&
			 what != BH_HTTP1_SWITCH);
	}
}

/* On a connection with one request in flight when the server speaks. */
static void
expect(unsigned side, const char *bytes, size_t len, const char *expected)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	static const size_t sizes[] = {SIZE_MAX, 1, 2, 3, 7, 1000};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(sizes); i++) {
		struct bh_buf text = {0}, ignored = {0};

		memset(&http1, 0, sizeof(http1));
		if (side == 1)
			read_all(&ignored, 0, get, sizeof(get) - 1, SIZE_MAX);
		read_all(&text, side, bytes, len, sizes[i]);
		CU_ASSERT(text.data != NULL && strcmp(text.data, expected) == 0);
		if (text.data != NULL && strcmp(text.data, expected) != 0)
			fprintf(stderr, "\nexpected %.300s\n     got %.300s\n", expected,
				text.data);
		bh_buf_free(&text);
		bh_buf_free(&ignored);
	}
}

#define EXPECT(side, bytes, expected) expect(side, bytes, sizeof(bytes) - 1, expected)

static void
a_message_comes_in_parts(void)
{
	EXPECT(0,
	       "PUT /a?b=c?d HTTP/1.1\r\nHost:a\r\nX: y z \r\nTransfer-Encoding: chunked\r\n\r\n"
	       "3\r\nabc\r\n2;x\r\nde\r\n0\r\nSum: 1\r\n\r\nGET http://b HTTP/1.0\r\n\r\n",
	       "[PUT /a ? b=c?d 1.1]h:Host=1 h:X=3 h:Transfer-Encoding=7 |abcdet:Sum=1 $"
	       "[GET  ?  1.0]|$");
	EXPECT(1, "HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 Fine by me\r\nContent-Length: 2\r\n\r\nhi",
	       "[100 ]|$[200 Fine by me]h:Content-Length=1 |hi$");
	EXPECT(1, "HTTP/1.0 200\r\n\r\nuntil the end", "[200 ]|until the end$");
	EXPECT(1, "HTTP/1.1 204 \r\n\r\nHTTP", "[204 ]|$the side ends within a head");
}

/* `n` bytes of filling at the $ of the form. */
static char *
fill(const char *form, size_t n, size_t *len)
{
	const char *at = strchr(form, '$');
	char *text = malloc(strlen(form) + n);
	size_t head = (size_t)(at - form);

	memcpy(text, form, head);
	memset(text + head, 'x', n);
	memcpy(text + head + n, at + 1, strlen(at + 1));
	*len = head + n + strlen(at + 1);
	return text;
}

static void
filled(unsigned side, const char *form, size_t n, const char *expected)
{
	size_t len;
	char *text = fill(form, n, &len);

	expect(side, text, len, expected);
	free(text);
}

static void
a_line_of_a_request_has_8_kib(void)
{
	/* 8192 - strlen("X: ") */
	filled(0, "GET / HTTP/1.1\r\nHost: a\r\nX: $\r\n\r\n", 8189,
	       "[GET / ?  1.1]h:Host=1 h:X=8189 |$");
	filled(0, "GET / HTTP/1.1\r\nHost: a\r\nX: $\r\n\r\n", 8190,
	       "[GET / ?  1.1]h:Host=1 line is too long");
	filled(0, "GET / HTTP/1.1\r\nHost: a\r\nX: $", 8192,
	       "[GET / ?  1.1]h:Host=1 line is too long");
}

static void
a_long_line_of_a_response_is_cut(void)
{
	filled(1, "HTTP/1.1 204 N\r\nX: $\r\n\r\n", 1021, "[204 N]h:X=1021 |$");
	filled(1, "HTTP/1.1 204 N\r\nX: $\r\n\r\n", 1022, "[204 N]h:X=1021cut |$");
	filled(1, "HTTP/1.1 204 N\r\nX: $\r\n\r\n", 1024, "[204 N]h:X=1021cut |$");
	filled(1, "HTTP/1.1 204 N\r\nX: $\r\n\r\n", 30000, "[204 N]h:X=1021cut |$");
	filled(1, "HTTP/1.1 204 N\r\nX: $\r\n\r\n", 66000, "[204 N]headers are too long");
	/* what is not shown is checked nevertheless */
	filled(1, "HTTP/1.1 204 N\r\nX: $\rY: 1\r\n\r\n", 2000, "[204 N]bare CR");
	filled(1, "HTTP/1.1 204 N\r\nX: $\x01\r\n\r\n", 2000, "[204 N]control character");
	filled(1, "HTTP/1.1 204 N\r\nX: $\n\r\n", 2000, "[204 N]bare LF");
	filled(1, "HTTP/1.1 204 N\r\nX: $\rY: 1\r\n\r\n", 1021, "[204 N]bare CR");
	filled(1, "HTTP/1.1 204 N\r\nX: $\rY: 1\r\n\r\n", 1020, "[204 N]bare CR");
	filled(1, "HTTP/1.1 200 N\r\nTransfer-Encoding: chunked$\r\n\r\n", 2000,
	       "[200 N]framing field is too long");
}

static void
a_chunk_line_is_short(void)
{
#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_PARTS "[POST / ?  1.1]h:Host=1 h:Transfer-Encoding=7 |"
	filled(0, CHUNKED "0;$\r\n\r\n", 254, CHUNKED_PARTS "$");
	filled(0, CHUNKED "0;$\r\n\r\n", 255, CHUNKED_PARTS "line of a chunk's size is too long");
}

/* Every byte at every place of a value, but for line ends, which are judged as such. */
static void
control_characters_are_found_anywhere(void)
{
	char bytes[] = "GET / HTTP/1.0\r\nX: a01234567890123456b\r\n\r\n";
	size_t first = strlen("GET / HTTP/1.0\r\nX: a"), at;
	unsigned c;

	for (c = 0; c < 256; c++) {
		bool good = c == '\t' || (c >= 0x20 && c != 0x7f);

		for (at = first; c != '\r' && c != '\n' && at < first + 17; at++) {
			char was = bytes[at];

			bytes[at] = (char)c;
			EXPECT(0, bytes,
			       good ? "[GET / ?  1.0]h:X=19 |$"
				    : "[GET / ?  1.0]control character");
			bytes[at] = was;
		}
	}
}

static void
headers_are_counted(void)
{
	struct bh_buf text = {0}, parts = {0};
	unsigned n, i;

	for (n = 255; n <= 256; n++) {
		bh_buf_reset(&text);
		bh_buf_reset(&parts);
		bh_buf_str(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
		bh_buf_str(&parts, "[GET / ?  1.1]h:Host=1 ");
		for (i = 0; i < n; i++) {
			bh_buf_str(&text, "x: \r\n");
			bh_buf_str(&parts, i < 255 ? "h:x=0 " : "too many headers");
		}
		bh_buf_str(&text, "\r\n");
		if (n == 255)
			bh_buf_str(&parts, "|$");
		expect(0, text.data, text.len, parts.data);
	}
	bh_buf_free(&text);
	bh_buf_free(&parts);
}

static void
requests_in_flight_are_counted(void)
{
	struct bh_buf text = {0}, parts = {0};
	unsigned i;

	for (i = 0; i < 128; i++) {
		bh_buf_str(&text, "GET / HTTP/1.0\r\n\r\n");
		bh_buf_str(&parts, "[GET / ?  1.0]|$");
	}
	expect(0, text.data, text.len, parts.data);
	bh_buf_str(&text, "GET / HTTP/1.0\r\n\r\n");
	bh_buf_str(&parts, "[GET / ?  1.0]too many requests wait for a response");
	expect(0, text.data, text.len, parts.data);
	bh_buf_free(&text);
	bh_buf_free(&parts);
}

const struct bh_unit_test bh_suite_proto_ops_http_reader[] = {
	BH_TEST(a_message_comes_in_parts),
	BH_TEST(a_line_of_a_request_has_8_kib),
	BH_TEST(a_long_line_of_a_response_is_cut),
	BH_TEST(a_chunk_line_is_short),
	BH_TEST(control_characters_are_found_anywhere),
	BH_TEST(headers_are_counted),
	BH_TEST(requests_in_flight_are_counted),
	BH_TEST_END,
};
