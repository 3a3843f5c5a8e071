/* HTTP/1 operations: requests as rules see them, however their bytes are cut; whatever is
 * ambiguous is an error. */
#include <stdio.h>

#include "../../lib/proto/proto.h"
#include "proto_ops_rig.h"
#include "unit.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

/* A request, and what is emitted for it. */
static void
one_request(const char *bytes, const char *expected)
{
	const struct bh_ops_said said[] = {{0, bytes, strlen(bytes)}};

	bh_ops_expect(BH_APP_HTTP, said, 1, expected);
}

static void
requests_are_operations(void)
{
	one_request("GET /a/b?c=d HTTP/1.1\r\nHost: Example.COM:8080\r\nUser-Agent: x y\r\n\r\n",
		    "http.0 HTTP_METHOD=GET HTTP_HOST=example.com HTTP_PATH=/a/b "
		    "HTTP_PROTOCOL=HTTP/1.1 HTTP_USER_AGENT=x y HTTP_HEADER=host "
		    "HTTP_HEADER=user-agent\nmore");
	one_request("POST http://a.b/x HTTP/1.1\r\nHost: a.b:80\r\nContent-Type: t/x\r\n"
		    "Content-Length: 3\r\n\r\nabcOPTIONS * HTTP/1.0\r\n\r\n",
		    "http.0 HTTP_METHOD=POST HTTP_HOST=a.b HTTP_PATH=/x HTTP_PROTOCOL=HTTP/1.1 "
		    "HTTP_CONTENT_TYPE=t/x HTTP_HEADER=host HTTP_HEADER=content-type "
		    "HTTP_HEADER=content-length\n"
		    "http.0 HTTP_METHOD=OPTIONS HTTP_PATH=* HTTP_PROTOCOL=HTTP/1.0\nmore");
}

#define OP(method, path)                                                                           \
	"http.0 HTTP_METHOD=" method " HTTP_HOST=a HTTP_PATH=" path                                \
	" HTTP_PROTOCOL=HTTP/1.1 HTTP_HEADER=host\n"
#define STATUS(n) "http.1 record HTTP_STATUS=" n "\n"

static void
every_pipelined_request_is_an_operation(void)
{
	const struct bh_ops_said said[] = {
		{0, SAY(GET "HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n" GET)},
		{1, SAY("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
			"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
			"HTTP/1.1 304\r\nContent-Length: 7\r\n\r\n")},
		{0, SAY("\r\n" GET)},
		{1, SAY("HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.0 200 OK\r\n\r\nuntil the "
			"end")},
	};

	bh_ops_expect(BH_APP_HTTP, said, BH_ARRAY_SIZE(said),
		      OP("GET", "/") OP("HEAD", "/b") OP("GET", "/") STATUS("200") STATUS("200")
			      STATUS("304") OP("GET", "/") STATUS("103") STATUS("200") "more");
}

static void
chunks_are_not_mistaken_for_requests(void)
{
	const struct bh_ops_said said[] = {
		{0, SAY("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
			"1b;x=\"y\"\r\n" GET "\r\n00a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n" GET)},
		{1,
		 SAY("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
		     "HTTP/1.1 204 None\r\nContent-Length: 0\r\n\r\n")},
	};

	bh_ops_expect(BH_APP_HTTP, said, 2,
		      "http.0 HTTP_METHOD=POST HTTP_HOST=a HTTP_PATH=/p HTTP_PROTOCOL=HTTP/1.1 "
		      "HTTP_HEADER=host HTTP_HEADER=transfer-encoding\n" OP("GET", "/")
			      STATUS("200") STATUS("204") "more");
}

static void
what_is_switched_is_opaque(void)
{
	const struct bh_ops_said upgrade[] = {
		{0, SAY("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: "
			"websocket\r\n\r\n")},
		{1, SAY("HTTP/1.1 101 Switching\r\nUpgrade: WebSocket\r\n\r\n\x81\x05hello")},
	};
	const struct bh_ops_said tunnel[] = {
		{0, SAY("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n")},
		{1, SAY("HTTP/1.1 200 Connected\r\n\r\n\x16\x03")},
	};

	bh_ops_expect(BH_APP_HTTP, upgrade, 2,
		      "http.0 HTTP_METHOD=GET HTTP_HOST=a HTTP_PATH=/ws HTTP_PROTOCOL=HTTP/1.1 "
		      "HTTP_HEADER=host HTTP_HEADER=connection HTTP_HEADER=upgrade\n" STATUS(
			      "101") "opaque websocket: switched protocols");
	bh_ops_expect(BH_APP_HTTP, tunnel, 2,
		      "http.0 HTTP_METHOD=CONNECT HTTP_HOST=b HTTP_PROTOCOL=HTTP/1.1 "
		      "HTTP_HEADER=host\n" STATUS("200") "opaque unknown: a tunnel");
}

static void
what_stands_on_http_has_its_operations(void)
{
	const struct bh_ops_said said[] = {{0, SAY(GET)}};

	bh_ops_expect(BH_APP_ELASTICSEARCH, said, 1,
		      "elasticsearch.0 HTTP_METHOD=GET HTTP_HOST=a HTTP_PATH=/ "
		      "HTTP_PROTOCOL=HTTP/1.1 HTTP_HEADER=host\nmore");
}

/* Nothing of a request may go before it is judged; its body may. */
static void
a_head_is_pending_until_its_end(void)
{
	static struct bh_ops s;
	struct bh_ops_out out;

	bh_ops_open(&s, BH_APP_HTTP, BH_OVER_TCP, NULL);
	CU_ASSERT_EQUAL(bh_ops_feed(&s, 0, (const uint8_t *)"GET / HT", 8, false, &out),
			BH_OPS_MORE);
	CU_ASSERT_EQUAL(out.pending, 8);
	CU_ASSERT_EQUAL(bh_ops_feed(&s, 0, (const uint8_t *)"TP/1.1\r\nHost: a\r\n", 17, false,
				    &out),
			BH_OPS_MORE);
	CU_ASSERT_EQUAL(out.pending, 25);
	CU_ASSERT_EQUAL(bh_ops_feed(&s, 0, (const uint8_t *)"Content-Length: 9\r\n\r\nabc", 24,
				    false, &out),
			BH_OPS_OP);
	CU_ASSERT_EQUAL(out.eaten, 21);
	CU_ASSERT_EQUAL(bh_ops_feed(&s, 0, (const uint8_t *)"abc", 3, false, &out), BH_OPS_MORE);
	CU_ASSERT_EQUAL(out.pending, 0);
	CU_ASSERT_EQUAL(bh_ops_feed(&s, 0, (const uint8_t *)"defghiGE", 8, false, &out),
			BH_OPS_MORE);
	CU_ASSERT_EQUAL(out.pending, 2);
	bh_ops_close(&s);
}

struct ambiguous {
	const char *bytes;
	const char *why;
};

#define H "Host: a\r\n"

static const struct ambiguous ambiguous[] = {
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
	 "both Content-Length and Transfer-Encoding"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\n",
	 "Content-Length comes twice"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\n", "Content-Length is no plain number"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\n",
	 "Content-Length is no plain number"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3 3\r\n\r\n",
	 "Content-Length is no plain number"},
	{"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", "Content-Length is no plain number"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\n",
	 "Content-Length is no plain number"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n",
	 "Content-Length is no plain number"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n",
	 "Transfer-Encoding is not chunked"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n",
	 "Transfer-Encoding is not chunked"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
	 "chunked\r\n\r\n",
	 "control character"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	 "Transfer-Encoding comes twice"},
	{"POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
	 "Transfer-Encoding in HTTP/1.0"},
	{"GET / HTTP/1.1\n" H "\r\n", "bare LF"},
	{"GET / HTTP/1.1\r\nHost: a\n\r\n", "bare LF"},
	{"GET / HTTP/1.1\r\n" H "\n", "bare LF"},
	{"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", "bare CR"},
	{"GET / HTTP/1.1\r\n" H "X : y\r\n\r\n", "space before a header's colon"},
	{"GET / HTTP/1.1\r\n" H "X: y\r\n z\r\n\r\n", "folded header line"},
	{"GET / HTTP/1.1\r\n X: y\r\n" H "\r\n", "space before the first header"},
	{"GET / HTTP/1.1\r\n" H "X: a\x01z\r\n\r\n", "control character"},
	{"GET / HTTP/1.1\r\n" H "X: a\x7fz\r\n\r\n", "control character"},
	{"GET / HTTP/1.1\r\n" H "X;: a\r\n\r\n", "name of a header is no token"},
	{"GET / HTTP/1.1\r\n" H ": a\r\n\r\n", "name of a header is no token"},
	{"GET / HTTP/1.1\r\n" H "X\r\n\r\n", "header line without a colon"},
	{"G(T / HTTP/1.1\r\n" H "\r\n", "method is no token"},
	{"head / HTTP/1.1\r\n" H "\r\n", "method is written in an unusual case"},
	{"GET /\r\n", "request line is not method, target, version (HTTP/0.9?)"},
	{"GET  / HTTP/1.1\r\n" H "\r\n", "request line does not end in HTTP/1.0 or HTTP/1.1"},
	{"GET / x HTTP/1.1\r\n" H "\r\n", "request line does not end in HTTP/1.0 or HTTP/1.1"},
	{"GET / HTTP/1.2\r\n" H "\r\n", "request line does not end in HTTP/1.0 or HTTP/1.1"},
	{"GET / http/1.1\r\n" H "\r\n", "request line does not end in HTTP/1.0 or HTTP/1.1"},
	{"GET /#x HTTP/1.1\r\n" H "\r\n", "target has a character that must be escaped"},
	{"GET /\\x HTTP/1.1\r\n" H "\r\n", "target has a character that must be escaped"},
	{"GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", "target has a character that must be escaped"},
	{"GET x HTTP/1.1\r\n" H "\r\n", "target is of no known form"},
	{"GET * HTTP/1.1\r\n" H "\r\n", "target * of another method than OPTIONS"},
	{"GET http:///x HTTP/1.1\r\n" H "\r\n", "target has an empty authority"},
	{"GET http://a@b/x HTTP/1.1\r\n" H "\r\n", "host has characters that a name can't have"},
	{"GET http://b/ HTTP/1.1\r\n" H "\r\n", "Host is not the target's"},
	{"GET http://a:81/ HTTP/1.1\r\n" H "\r\n", "Host is not the target's"},
	{"CONNECT a HTTP/1.1\r\n" H "\r\n", "CONNECT without a port"},
	{"CONNECT a:1 HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n", "CONNECT with a body"},
	{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 without a Host"},
	{"GET / HTTP/1.1\r\n" H H "\r\n", "Host comes twice"},
	{"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", "host has characters that a name can't have"},
	{"GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
	 "port of the host is no number from 1 to 65535"},
	{"GET / HTTP/1.1\r\n" H "Expect: x 100-continue\r\n\r\n", "Expect is not 100-continue"},
	{"GET / HTTP/1.1\r\n" H "Connection: close, Content-Length\r\n\r\n",
	 "Connection names a field of the framing"},
	{"\r\n\r\n" GET, "empty line before a start line"},
};

static void
ambiguous_heads_are_errors(void)
{
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(ambiguous); i++) {
		const struct bh_ops_said said[] = {
			{0, ambiguous[i].bytes, strlen(ambiguous[i].bytes)}};
		char expected[256];

		snprintf(expected, sizeof(expected), "error: %s", ambiguous[i].why);
		bh_ops_expect(BH_APP_HTTP, said, 1, expected);
	}
}

static void
nul_in_a_head_is_an_error(void)
{
	const struct bh_ops_said said[] = {{0, "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", 28}};

	bh_ops_expect(BH_APP_HTTP, said, 1, "error: control character");
}

static void
ambiguous_chunks_are_errors(void)
{
	static const struct ambiguous cases[] = {
		{"+5\r\n", "size of a chunk is no hexadecimal number"},
		{"0x5\r\n", "size of a chunk is no hexadecimal number"},
		{"1_0\r\n", "size of a chunk is no hexadecimal number"},
		{"5 \r\n", "size of a chunk is no hexadecimal number"},
		{"\r\n", "size of a chunk is no hexadecimal number"},
		{"5\n", "bare LF"},
		{"5;a\rb\r\n", "bare CR"},
		{"FFFFFFFFFFFFFFFFF\r\n", "chunk is too large"},
		{"1\r\nab\r\n", "chunk is longer than its size"},
		{"0\r\nContent-Length: 5\r\n\r\n", "framing field in a trailer"},
		{"0\r\n x\r\n\r\n", "folded header line"},
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		const struct bh_ops_said said[] = {
			{0, SAY("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")},
			{0, cases[i].bytes, strlen(cases[i].bytes)}};
		char expected[256];

		snprintf(expected, sizeof(expected),
			 "http.0 HTTP_METHOD=PUT HTTP_HOST=a HTTP_PATH=/ HTTP_PROTOCOL=HTTP/1.1 "
			 "HTTP_HEADER=host HTTP_HEADER=transfer-encoding\nerror: %s",
			 cases[i].why);
		bh_ops_expect(BH_APP_HTTP, said, 2, expected);
	}
}

static void
ambiguous_responses_are_errors(void)
{
	static const struct ambiguous cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		 "both Content-Length and Transfer-Encoding"},
		{"HTTP/1.1 100 Go\r\nContent-Length: 1\r\n\r\n", "interim response with a length"},
		{"HTTP/1.1 204 None\r\nContent-Length: 1\r\n\r\n", "204 with a body"},
		{"HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n", "101 without a request to upgrade"},
		{"HTTP/1.1 2000 OK\r\n\r\n", "status is not followed by a space"},
		{"HTTP/1.1 2x0 OK\r\n\r\n", "status is no number of three digits"},
		{"HTTP/1.1 999 OK\r\n\r\n", "status is not from 100 to 599"},
		{"HTTP/1.1\r\n", "not a status line of HTTP/1.0 or HTTP/1.1"},
		{"\r\n", "empty line before a start line"},
	};
	const struct bh_ops_said unasked[] = {{1, SAY("HTTP/1.1 200 OK\r\n\r\n")}};
	const struct bh_ops_said last[] = {
		{1, SAY("HTTP/1.1 408 Timeout\r\nContent-Length: 1\r\n\r\nx")}, {1, SAY("HTTP")}};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		const struct bh_ops_said said[] = {{0, SAY(GET)},
						   {1, cases[i].bytes, strlen(cases[i].bytes)}};
		char expected[256];

		snprintf(expected, sizeof(expected), OP("GET", "/") "error: %s", cases[i].why);
		bh_ops_expect(BH_APP_HTTP, said, 2, expected);
	}
	bh_ops_expect(BH_APP_HTTP, unasked, 1, "error: a response that no request asked for");
	bh_ops_expect(BH_APP_HTTP, last, 2,
		      STATUS("408") "error: bytes behind the server's last response");
}

static void
bytes_behind_an_upgrade_are_errors(void)
{
	const struct bh_ops_said said[] = {
		{0, SAY("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\nG")},
		{1, SAY("HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n")},
	};

	bh_ops_expect(BH_APP_HTTP, said, 2,
		      "http.0 HTTP_METHOD=GET HTTP_HOST=a HTTP_PATH=/ HTTP_PROTOCOL=HTTP/1.1 "
		      "HTTP_HEADER=host HTTP_HEADER=upgrade\nerror: bytes behind a request to "
		      "switch protocols");
}

const struct bh_unit_test bh_suite_proto_ops_http[] = {
	BH_TEST(requests_are_operations),
	BH_TEST(every_pipelined_request_is_an_operation),
	BH_TEST(chunks_are_not_mistaken_for_requests),
	BH_TEST(what_is_switched_is_opaque),
	BH_TEST(what_stands_on_http_has_its_operations),
	BH_TEST(a_head_is_pending_until_its_end),
	BH_TEST(ambiguous_heads_are_errors),
	BH_TEST(nul_in_a_head_is_an_error),
	BH_TEST(ambiguous_chunks_are_errors),
	BH_TEST(ambiguous_responses_are_errors),
	BH_TEST(bytes_behind_an_upgrade_are_errors),
	BH_TEST_END,
};
