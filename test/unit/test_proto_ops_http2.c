/* HTTP/2 and gRPC operations. Header blocks are made by libnghttp2's encoder, as clients do. */
#include <nghttp2/nghttp2.h>
#include <stdarg.h>
#include <stdio.h>

#include "../../lib/proto/proto.h"
#include "proto_ops_rig.h"
#include "unit.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8 };

/* One conversation being written. */
struct talk {
	nghttp2_hd_deflater *encoder[2];
	struct bh_ops_said said[64];
	char bytes[64][70000];
	unsigned n;
};
static struct talk talk;

static void
frame(unsigned side, unsigned type, unsigned flags, uint32_t stream, const void *payload,
      size_t len)
{
	char *p = talk.bytes[talk.n];

	p[0] = (char)(len >> 16);
	p[1] = (char)(len >> 8);
	p[2] = (char)len;
	p[3] = (char)type;
	p[4] = (char)flags;
	p[5] = (char)(stream >> 24);
	p[6] = (char)(stream >> 16);
	p[7] = (char)(stream >> 8);
	p[8] = (char)stream;
	if (len != 0)
		memcpy(p + 9, payload, len);
	talk.said[talk.n++] = (struct bh_ops_said){side, p, len + 9};
}

static void
start_with(const void *server_settings, size_t len)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		if (talk.encoder[i] != NULL)
			nghttp2_hd_deflate_del(talk.encoder[i]);
		nghttp2_hd_deflate_new(&talk.encoder[i], 4096);
	}
	talk.n = 0;
	memcpy(talk.bytes[0], PREFACE, 24);
	talk.said[talk.n++] = (struct bh_ops_said){0, talk.bytes[0], 24};
	frame(0, SETTINGS, 0, 0, "", 0);
	frame(1, SETTINGS, 0, 0, server_settings, len);
	frame(0, SETTINGS, ACK, 0, "", 0);
	frame(1, SETTINGS, ACK, 0, "", 0);
}

static void
start(void)
{
	start_with("", 0);
}

/* "name", "value", ..., NULL as a header block. */
static size_t
encode(unsigned side, uint8_t *out, size_t size, va_list ap)
{
	nghttp2_nv nv[40];
	const char *name;
	size_t n = 0;
	ssize_t len;

	while ((name = va_arg(ap, const char *)) != NULL) {
		const char *value = va_arg(ap, const char *);

		nv[n++] = (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
				       strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
	}
	len = nghttp2_hd_deflate_hd(talk.encoder[side], out, size, nv, n);
	CU_ASSERT_FATAL(len >= 0);
	return (size_t)len;
}

static void
headers(unsigned side, uint32_t stream, unsigned flags, ...)
{
	uint8_t block[60000];
	va_list ap;
	size_t len;

	va_start(ap, flags);
	len = encode(side, block, sizeof(block), ap);
	va_end(ap);
	frame(side, HEADERS, flags | END_HEADERS, stream, block, len);
}

#define PLAIN ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"

static void
expect(const char *expected)
{
	bh_ops_expect(BH_APP_HTTP2, talk.said, talk.n, expected);
}

#define OP_GET "http2.0 HTTP_METHOD=GET HTTP_HOST=a HTTP_PATH=/ HTTP_PROTOCOL=HTTP/2\n"

static void
requests_and_responses_across_blocks(void)
{
	start();
	headers(0, 1, END_STREAM, ":method", "GET", ":scheme", "https", ":path", "/a/../b?q",
		":authority", "Example.org:8443", "user-agent", "curl/8", "x-key", "1", NULL);
	headers(1, 1, 0, ":status", "200", "server", "x", NULL);
	frame(1, DATA, END_STREAM, 1, "hello", 5);
	/* all from the dynamic table now */
	headers(0, 3, END_STREAM, ":method", "GET", ":scheme", "https", ":path", "/a/../b?q",
		":authority", "Example.org:8443", "user-agent", "curl/8", "x-key", "1", NULL);
	headers(1, 3, 0, ":status", "404", "server", "x", NULL);
	headers(1, 3, END_STREAM, "x-sum", "1", NULL);
	expect("http2.0 HTTP_METHOD=GET HTTP_HOST=example.org HTTP_PATH=/b HTTP_PROTOCOL=HTTP/2 "
	       "HTTP_USER_AGENT=curl/8 HTTP_HEADER=user-agent HTTP_HEADER=x-key\n"
	       "http2.1 record HTTP_STATUS=200\n"
	       "http2.0 HTTP_METHOD=GET HTTP_HOST=example.org HTTP_PATH=/b HTTP_PROTOCOL=HTTP/2 "
	       "HTTP_USER_AGENT=curl/8 HTTP_HEADER=user-agent HTTP_HEADER=x-key\n"
	       "http2.1 record HTTP_STATUS=404\nmore");
}

static void
grpc_has_service_and_method(void)
{
	start();
	headers(0, 1, 0, ":method", "POST", ":scheme", "http", ":path", "/shop.Orders/Get",
		":authority", "a", "content-type", "application/grpc+proto", "te", "trailers",
		NULL);
	frame(0, DATA, END_STREAM, 1, "\0\0\0\0\0", 5);
	headers(0, 3, 0, ":method", "POST", ":scheme", "http", ":path", "/shop.Orders/%47et",
		":authority", "etcd-endpoints://0xc000/a:1", "content-type", "application/grpc",
		NULL);
	expect("grpc.0 HTTP_METHOD=POST HTTP_HOST=a HTTP_PATH=/shop.Orders/Get "
	       "HTTP_PROTOCOL=HTTP/2 "
	       "HTTP_CONTENT_TYPE=application/grpc+proto HTTP_HEADER=content-type HTTP_HEADER=te "
	       "GRPC_SERVICE=shop.Orders GRPC_METHOD=Get\n"
	       "grpc.0 HTTP_METHOD=POST HTTP_PATH=/shop.Orders/Get HTTP_PROTOCOL=HTTP/2 "
	       "HTTP_CONTENT_TYPE=application/grpc HTTP_HEADER=content-type\nmore");
}

/* etcd is gRPC; what is not gRPC on its connection is not etcd's. */
static void
what_stands_on_grpc_keeps_its_name(void)
{
	start();
	headers(0, 1, 0, ":method", "POST", ":scheme", "http", ":path", "/etcdserverpb.KV/Range",
		":authority", "a", "content-type", "application/grpc", NULL);
	headers(0, 3, END_STREAM, PLAIN, NULL);
	bh_ops_expect(
		BH_APP_ETCD, talk.said, talk.n,
		"etcd.0 HTTP_METHOD=POST HTTP_HOST=a HTTP_PATH=/etcdserverpb.KV/Range "
		"HTTP_PROTOCOL=HTTP/2 HTTP_CONTENT_TYPE=application/grpc "
		"HTTP_HEADER=content-type GRPC_SERVICE=etcdserverpb.KV GRPC_METHOD=Range\n" OP_GET
		"more");
}

/* A header block in `n` frames, padded when asked. */
static void
in_pieces(unsigned n, int padded, ...)
{
	uint8_t block[60000], first[60300] = {7};
	va_list ap;
	size_t len, each, i;

	va_start(ap, padded);
	len = encode(0, block, sizeof(block), ap);
	va_end(ap);
	each = len / n;
	memcpy(first + 1, block, each);
	if (padded != 0)
		frame(0, HEADERS, END_STREAM | PADDED, 1, first, 1 + each + 7);
	else
		frame(0, HEADERS, END_STREAM, 1, block, each);
	for (i = 1; i < n; i++)
		frame(0, CONTINUATION, i + 1 == n ? END_HEADERS : 0, 1, block + i * each,
		      i + 1 == n ? len - i * each : each);
}

static void
continued_and_padded_blocks_are_whole(void)
{
	start();
	in_pieces(3, true, PLAIN, NULL);
	frame(0, WINDOW, 0, 0, "\0\0\1\0", 4);
	frame(0, 0x42, 0xff, 9, "unknown", 7);
	frame(0, PRIORITY, 0, 5, "\0\0\0\0\1", 5);
	frame(0, PING, 0, 0, "12345678", 8);
	headers(0, 7, END_STREAM, PLAIN, NULL);
	expect(OP_GET OP_GET "more");
}

static void
a_continuation_flood_is_an_error(void)
{
	unsigned i;

	start();
	frame(0, HEADERS, 0, 1, "\x82", 1);
	for (i = 0; i < 17; i++)
		frame(0, CONTINUATION, 0, 1, "", 0);
	expect("error: too many CONTINUATION frames");
}

/* A field of the dynamic table costs one byte to repeat. */
static void
an_hpack_bomb_is_an_error(void)
{
	static char value[3900];
	uint8_t block[4096];
	size_t n = 0;

	memset(value, 'x', sizeof(value) - 1);
	start();
	block[n++] = 0x40;
	block[n++] = 1;
	block[n++] = 'x';
	block[n++] = 0x7f;
	block[n++] = (uint8_t)(((sizeof(value) - 1 - 127) & 0x7f) | 0x80);
	block[n++] = (uint8_t)((sizeof(value) - 1 - 127) >> 7);
	memcpy(block + n, value, sizeof(value) - 1);
	n += sizeof(value) - 1;
	while (n < sizeof(block))
		block[n++] = 0x80 | 62;
	frame(0, HEADERS, END_HEADERS | END_STREAM, 1, block, n);
	expect("error: too many headers");
}

static void
bad_requests_are_errors(void)
{
	static const struct {
		const char *name[5], *value[5];
		const char *why;
	} cases[] = {
		{{":method", ":scheme", ":path", "host", ":authority"},
		 {"GET", "http", "/", "a", "a"},
		 "pseudo header behind a regular one"},
		{{":method", ":method", ":scheme", ":path", ":authority"},
		 {"GET", "GET", "http", "/", "a"},
		 "header that may come once comes twice"},
		{{":method", ":scheme", ":authority"},
		 {"GET", "http", "a"},
		 "request without :scheme or :path"},
		{{":scheme", ":path", ":authority"}, {"http", "/", "a"}, "request without :method"},
		{{":method", ":scheme", ":path", ":x"},
		 {"GET", "http", "/", "a"},
		 "unknown pseudo header"},
		{{":method", ":scheme", ":path", ":status"},
		 {"GET", "http", "/", "200"},
		 "unknown pseudo header"},
		{{":method", ":scheme", ":path", ":authority", "host"},
		 {"GET", "http", "/", "a", "b"},
		 "host is not :authority"},
		{{":method", ":scheme", ":path", ":authority", "X-Y"},
		 {"GET", "http", "/", "a", "b"},
		 "upper case in a header's name"},
		{{":method", ":scheme", ":path", ":authority", "transfer-encoding"},
		 {"GET", "http", "/", "a", "chunked"},
		 "field of an HTTP/1 connection"},
		{{":method", ":scheme", ":path", ":authority", "connection"},
		 {"GET", "http", "/", "a", "close"},
		 "field of an HTTP/1 connection"},
		{{":method", ":scheme", ":path", ":authority", "te"},
		 {"GET", "http", "/", "a", "gzip"},
		 "te is not trailers"},
		{{":method", ":scheme", ":path", ":authority", "x"},
		 {"GET", "http", "/", "a", "b\r\nc: d"},
		 "control character"},
		{{":method", ":scheme", ":path", ":authority", "x"},
		 {"GET", "http", "/", "a", " b"},
		 "header's value begins or ends with a space"},
		{{":method", ":scheme", ":path", ":authority", "x y"},
		 {"GET", "http", "/", "a", "b"},
		 "name of a header is no token"},
		{{":method", ":scheme", ":path", ":authority", "content-length"},
		 {"GET", "http", "/", "a", "5"},
		 "content-length of a request without a body"},
		{{":method", ":scheme", ":path"},
		 {"GET", "http", ""},
		 "path does not begin with /"},
		{{":method", ":scheme", ":path"},
		 {"GET", "http", "*"},
		 "target * of another method than OPTIONS"},
		{{":method", ":scheme", ":path"},
		 {"GET", "http", "/%2e%2e/x"},
		 "path hides a dot segment"},
		{{":method", ":scheme", ":path"},
		 {"GET", "http", "/ HTTP/1.1\r\nx:"},
		 "control character"},
		{{":method", ":scheme", ":path"}, {"G T", "http", "/"}, "method is no token"},
		{{":method", ":scheme", ":path"},
		 {"GET", "http://x", "/"},
		 "scheme is neither http nor https"},
		{{":method", ":authority"}, {"CONNECT", "a"}, "CONNECT without a port"},
		{{":method", ":scheme", ":path", ":protocol"},
		 {"CONNECT", "http", "/", "websocket"},
		 "extended CONNECT that the server did not offer"},
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		const char *const *n = cases[i].name, *const *v = cases[i].value;
		char expected[128];

		start();
		headers(0, 1, END_STREAM, n[0], v[0], n[1], v[1], n[2], v[2], n[3], v[3], n[4],
			v[4], NULL);
		snprintf(expected, sizeof(expected), "error: %s", cases[i].why);
		expect(expected);
	}
}

static void
bad_frames_are_errors(void)
{
	static const struct {
		uint8_t side, type, flags;
		uint32_t stream;
		const char *payload;
		size_t len;
		const char *why;
	} cases[] = {
		{0, HEADERS, END_HEADERS, 2, "\x82", 1,
		 "header block on a stream that can't have one"},
		{0, HEADERS, END_HEADERS, 0, "\x82", 1, "frame on a stream where it can't be"},
		{0, DATA, 0, 0, "x", 1, "frame on a stream where it can't be"},
		{0, DATA, 0, 5, "x", 1, "data on a stream that was not opened"},
		{0, RST, 0, 5, "\0\0\0\0", 4, "reset of a stream that was not opened"},
		{0, RST, 0, 1, "\0\0\0", 3, "frame of a wrong length"},
		{0, SETTINGS, 0, 0, "\0\0\0", 3, "frame of a wrong length"},
		{0, SETTINGS, ACK, 0, "", 0, "acknowledges SETTINGS that were not sent"},
		{0, CONTINUATION, 0, 1, "", 0, "CONTINUATION of no header block"},
		{0, HEADERS, END_HEADERS | PADDED, 1, "\x05\x82", 2,
		 "padding is longer than its frame"},
		{0, HEADERS, END_HEADERS, 1, "\xff\xff\xff\xff\xff", 5,
		 "header block does not decompress"},
		{0, PUSH, END_HEADERS, 1, "\0\0\0\2\x82", 5, "push that the client does not take"},
		{1, HEADERS, END_HEADERS, 1, "\x88", 1, "answer to a request that was not sent"},
		{0, SETTINGS, 0, 0, "\0\5\0\0\0\1", 6, "setting out of range"},
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		char expected[128];

		start();
		frame(cases[i].side, cases[i].type, cases[i].flags, cases[i].stream,
		      cases[i].payload, cases[i].len);
		snprintf(expected, sizeof(expected), "error: %s", cases[i].why);
		expect(expected);
	}
}

/* A promised request is the server's own; what it answers to itself is recorded. */
static void
a_push_is_recorded_by_its_response(void)
{
	uint8_t promise[300] = {0, 0, 0, 2};
	nghttp2_nv nv[] = {{(uint8_t *)(uintptr_t) ":method", (uint8_t *)(uintptr_t) "GET", 7, 3,
			    0},
			   {(uint8_t *)(uintptr_t) ":path", (uint8_t *)(uintptr_t) "/x", 5, 2, 0}};
	ssize_t len;

	start();
	headers(0, 1, END_STREAM, PLAIN, NULL);
	len = nghttp2_hd_deflate_hd(talk.encoder[1], promise + 4, sizeof(promise) - 4, nv, 2);
	frame(1, PUSH, END_HEADERS, 1, promise, (size_t)len + 4);
	headers(1, 2, 0, ":status", "200", NULL);
	frame(1, DATA, END_STREAM, 2, "x", 1);
	headers(1, 1, END_STREAM, ":status", "204", NULL);
	headers(1, 4, END_STREAM, ":status", "204", NULL);
	expect(OP_GET "http2.1 record HTTP_STATUS=200\nhttp2.1 record HTTP_STATUS=204\n"
		      "error: header block on a stream that can't have one");
}

static void
a_frame_within_a_block_is_an_error(void)
{
	start();
	frame(0, HEADERS, 0, 1, "\x82", 1);
	frame(0, DATA, 0, 1, "x", 1);
	expect("error: frame within a header block");
}

static void
bodies_have_their_content_length(void)
{
#define POST ":method", "POST", ":scheme", "http", ":path", "/", "content-length", "5"
#define OP_POST                                                                                    \
	"http2.0 HTTP_METHOD=POST HTTP_PATH=/ HTTP_PROTOCOL=HTTP/2 HTTP_HEADER=content-length\n"
	start();
	headers(0, 1, 0, POST, NULL);
	headers(0, 3, 0, POST, NULL);
	frame(0, DATA, PADDED, 1, "\2ab\0\0", 5);
	frame(0, DATA, END_STREAM, 3, "abcde", 5);
	frame(0, DATA, END_STREAM, 1, "cde", 3);
	expect(OP_POST OP_POST "more");
	start();
	headers(0, 1, 0, POST, NULL);
	frame(0, DATA, 0, 1, "abcdef", 6);
	expect(OP_POST "error: body is longer than its content-length");
	start();
	headers(0, 1, 0, POST, NULL);
	frame(0, DATA, 0, 1, "abcd", 4);
	headers(0, 1, END_STREAM, "x-sum", "1", NULL);
	expect(OP_POST "error: body is shorter than its content-length");
}

static void
the_table_follows_acknowledged_settings(void)
{
	/* The server takes no table: the client's encoder must say so after its ACK. */
	start_with("\0\1\0\0\0\0", 6);
	nghttp2_hd_deflate_change_table_size(talk.encoder[0], 0);
	headers(0, 1, END_STREAM, PLAIN, NULL);
	headers(0, 3, END_STREAM, PLAIN, NULL);
	expect(OP_GET OP_GET "more");
	start_with("\0\1\0\0\0\0", 6);
	headers(0, 1, END_STREAM, PLAIN, NULL);
	expect("error: header block does not decompress");
	/* None, then the usual one again: what was in it is gone. */
	start();
	headers(0, 1, END_STREAM, PLAIN, "x-key", "1", NULL);
	frame(1, SETTINGS, 0, 0, "\0\1\0\0\0\0", 6);
	frame(0, SETTINGS, ACK, 0, "", 0);
	frame(1, SETTINGS, 0, 0, "\0\1\0\0\x10\0", 6);
	frame(0, SETTINGS, ACK, 0, "", 0);
	headers(0, 3, END_STREAM, PLAIN, "x-key", "1", NULL);
	expect("http2.0 HTTP_METHOD=GET HTTP_HOST=a HTTP_PATH=/ HTTP_PROTOCOL=HTTP/2 "
	       "HTTP_HEADER=x-key\nerror: header block does not decompress");
	/* A larger one may be used. */
	start_with("\0\1\0\0\x20\0", 6);
	nghttp2_hd_deflate_change_table_size(talk.encoder[0], 8192);
	headers(0, 1, END_STREAM, PLAIN, NULL);
	headers(0, 3, END_STREAM, PLAIN, NULL);
	expect(OP_GET OP_GET "more");
}

static void
cancelling_without_answers_is_an_error_in_the_end(void)
{
	static struct bh_ops_rig r;
	unsigned i;

	for (i = 0; i < 2; i++) {
		unsigned n;

		start();
		memset(&r, 0, sizeof(r));
		r.memory = (struct bh_memory){bh_ops_rig_alloc, bh_ops_rig_free, &r};
		bh_ops_open(&r.ops, BH_APP_HTTP2, BH_OVER_TCP, &r.memory);
		for (n = 0; n < talk.n; n++)
			bh_ops_rig_feed(&r, talk.said[n].side, talk.said[n].at, talk.said[n].len);
		for (n = 0; n < 1500 && r.end == BH_OPS_MORE; n++) {
			talk.n = 0;
			headers(0, 1 + 2 * n, END_STREAM, PLAIN, NULL);
			frame(0, RST, 0, 1 + 2 * n, "\0\0\0\0", 4);
			bh_ops_rig_feed(&r, 0, talk.said[0].at, talk.said[0].len);
			bh_ops_rig_feed(&r, 0, talk.said[1].at, talk.said[1].len);
			if (i == 1 && n % 4 == 0) {
				headers(1, 1 + 2 * n, END_STREAM, ":status", "200", NULL);
				bh_ops_rig_feed(&r, 1, talk.said[2].at, talk.said[2].len);
			}
		}
		CU_ASSERT_EQUAL(r.end, i == 0 ? BH_OPS_ERROR : BH_OPS_MORE);
		CU_ASSERT_EQUAL(n, i == 0 ? 1001 : 1500);
		bh_ops_close(&r.ops);
		bh_buf_free(&r.text);
		CU_ASSERT_EQUAL(r.blocks, 0);
	}
}

static void
a_header_block_is_pending_until_its_end(void)
{
	static struct bh_ops_rig r;
	struct bh_ops_out out;
	unsigned n;

	start();
	in_pieces(2, false, PLAIN, NULL);
	memset(&r, 0, sizeof(r));
	r.memory = (struct bh_memory){bh_ops_rig_alloc, bh_ops_rig_free, &r};
	bh_ops_open(&r.ops, BH_APP_HTTP2, BH_OVER_TCP, &r.memory);
	for (n = 0; n + 2 < talk.n; n++)
		bh_ops_rig_feed(&r, talk.said[n].side, talk.said[n].at, talk.said[n].len);
	CU_ASSERT_EQUAL(bh_ops_feed(&r.ops, 0, (const uint8_t *)talk.said[n].at, 5, false, &out),
			BH_OPS_MORE);
	CU_ASSERT_EQUAL(out.pending, 5);
	CU_ASSERT_EQUAL(bh_ops_feed(&r.ops, 0, (const uint8_t *)talk.said[n].at + 5,
				    (uint32_t)talk.said[n].len - 5, false, &out),
			BH_OPS_MORE);
	CU_ASSERT_EQUAL(out.pending, talk.said[n].len);
	CU_ASSERT_EQUAL(bh_ops_feed(&r.ops, 0, (const uint8_t *)talk.said[n + 1].at, 10, false,
				    &out),
			BH_OPS_MORE);
	CU_ASSERT_EQUAL(out.pending, talk.said[n].len + 10);
	CU_ASSERT_EQUAL(bh_ops_feed(&r.ops, 0, (const uint8_t *)talk.said[n + 1].at + 10,
				    (uint32_t)talk.said[n + 1].len - 10, false, &out),
			BH_OPS_OP);
	CU_ASSERT_EQUAL(out.pending, 0);
	bh_ops_close(&r.ops);
	bh_buf_free(&r.text);
}

static void *
no_memory(void *arg, size_t size)
{
	unsigned *left = arg;

	return (*left)-- == 0 ? NULL : malloc(size);
}

static void
give(void *arg, void *p)
{
	(void)arg;
	free(p);
}

/* Whichever allocation fails: an error, nothing lost. */
static void
without_memory_it_is_an_error(void)
{
	static struct bh_ops s;
	unsigned nth, left, n;

	start();
	headers(0, 1, END_STREAM, PLAIN, "x-key", "value", NULL);
	for (nth = 0; nth < 8; nth++) {
		struct bh_memory memory = {no_memory, give, &left};
		enum bh_ops_status status = BH_OPS_MORE;
		struct bh_ops_out out;

		left = nth;
		bh_ops_open(&s, BH_APP_HTTP2, BH_OVER_TCP, nth == 7 ? NULL : &memory);
		for (n = 0; n < talk.n && status == BH_OPS_MORE; n++)
			status =
				bh_ops_feed(&s, talk.said[n].side, (const uint8_t *)talk.said[n].at,
					    (uint32_t)talk.said[n].len, false, &out);
		bh_ops_close(&s);
		if (nth < 3 || nth == 7) {
			CU_ASSERT_EQUAL(status, BH_OPS_ERROR);
			CU_ASSERT_STRING_EQUAL(out.why, "no memory");
		}
	}
}

const struct bh_unit_test bh_suite_proto_ops_http2[] = {
	BH_TEST(requests_and_responses_across_blocks),
	BH_TEST(grpc_has_service_and_method),
	BH_TEST(what_stands_on_grpc_keeps_its_name),
	BH_TEST(continued_and_padded_blocks_are_whole),
	BH_TEST(a_continuation_flood_is_an_error),
	BH_TEST(an_hpack_bomb_is_an_error),
	BH_TEST(bad_requests_are_errors),
	BH_TEST(bad_frames_are_errors),
	BH_TEST(a_push_is_recorded_by_its_response),
	BH_TEST(a_frame_within_a_block_is_an_error),
	BH_TEST(bodies_have_their_content_length),
	BH_TEST(the_table_follows_acknowledged_settings),
	BH_TEST(cancelling_without_answers_is_an_error_in_the_end),
	BH_TEST(a_header_block_is_pending_until_its_end),
	BH_TEST(without_memory_it_is_an_error),
	BH_TEST_END,
};
