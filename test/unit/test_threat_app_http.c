/* HTTP/1 and HTTP/2: lengths, slow clients, frames that cost nothing to send. */
#include "threat_app_rig.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

struct said {
	const char *bytes;
	unsigned threat; /* BH_THREAT_COUNT: none */
};

static void
check(const struct said *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct threat_rig *r = rig_open(BH_APP_HTTP), *whole = rig_open(BH_APP_HTTP);

		rig_drip(r, 0, s[i].bytes, strlen(s[i].bytes));
		rig_say(whole, 0, s[i].bytes, strlen(s[i].bytes));
		CU_ASSERT_EQUAL(r->n_hits, s[i].threat != BH_THREAT_COUNT);
		CU_ASSERT_EQUAL(whole->n_hits, s[i].threat != BH_THREAT_COUNT);
		if (s[i].threat != BH_THREAT_COUNT) {
			CU_ASSERT_EQUAL(r->hits[s[i].threat], 1);
			CU_ASSERT_EQUAL(whole->hits[s[i].threat], 1);
		}
		free(r);
		free(whole);
	}
}

static void
negative_lengths_are_told(void)
{
	static const struct said s[] = {
		{POST "Content-Length: -1\r\n\r\n", BH_THREAT_HTTP_LENGTH},
		{POST "Transfer-Encoding: chunked\r\n\r\n80000000\r\n", BH_THREAT_HTTP_LENGTH},
		{POST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\nfffffff0\r\n",
		 BH_THREAT_HTTP_LENGTH},
		{POST "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
		 BH_THREAT_HTTP_LENGTH},
		{POST "Content-Length: 3\r\n\r\nabc" GET "\r\n", BH_THREAT_COUNT},
		{POST "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n", BH_THREAT_COUNT},
	};

	check(s, BH_ARRAY_SIZE(s));
}

static void
a_negative_chunk_is_told_when_its_line_comes_whole(void)
{
	struct threat_rig *r = rig_open(BH_APP_HTTP);
	static const char s[] = POST "Transfer-Encoding: chunked\r\n\r\n";

	rig_say(r, 0, s, sizeof(s) - 1);
	rig_say(r, 0, "-1\r\n", 4);
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_HTTP_LENGTH], 1);
	free(r);
}

static void
ambiguous_lengths_are_smuggling(void)
{
	static const struct said s[] = {
		{POST "Content-Length: 4\r\nContent-Length: 5\r\n\r\n", BH_THREAT_SMUGGLING},
		{POST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
		 BH_THREAT_SMUGGLING},
		{POST "Content-Length: 4, 5\r\n\r\n", BH_THREAT_SMUGGLING},
		{POST "Content-Length: +4\r\n\r\n", BH_THREAT_SMUGGLING},
		{POST "Transfer-Encoding: xchunked\r\n\r\n", BH_THREAT_SMUGGLING},
		{POST "Transfer-Encoding : chunked\r\n\r\n", BH_THREAT_SMUGGLING},
		{POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
		 BH_THREAT_SMUGGLING},
		{POST "Connection: Content-Length\r\n\r\n", BH_THREAT_SMUGGLING},
		{POST "Content-Length: 4\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n",
		 BH_THREAT_SMUGGLING},
		{POST "Transfer-Encoding: chunked\r\n\r\n1;\r\nab\r\n", BH_THREAT_SMUGGLING},
		/* odd, and not that */
		{POST "Content-Length: 4\r\nContent-Length: 4\r\n\r\n", BH_THREAT_COUNT},
		{"GET / HTTP/1.0\n\n", BH_THREAT_COUNT},
		{GET "Header without colon\r\n\r\n", BH_THREAT_COUNT},
		{GET "X : y\r\n\r\n", BH_THREAT_COUNT},
		{"get / HTTP/1.1\r\n\r\n", BH_THREAT_COUNT},
		{"\x16\x03\x01", BH_THREAT_COUNT},
	};

	check(s, BH_ARRAY_SIZE(s));
}

static void
a_head_that_takes_too_long_is_told_once(void)
{
	struct threat_rig *r = rig_open(BH_APP_HTTP);
	unsigned i;

	RIG_TEXT(r, 0, GET);
	for (i = 0; i < 9; i++) {
		r->ctx.now_ms += 1000;
		RIG_TEXT(r, 0, "X-a: b\r\n");
		bh_threat_conn_tick(&r->conn, &r->ctx, UINT32_MAX);
	}
	CU_ASSERT_EQUAL(r->n_hits, 0);
	for (i = 0; i < 9; i++) {
		r->ctx.now_ms += 1000;
		RIG_TEXT(r, 0, "X-a: b\r\n");
		bh_threat_conn_tick(&r->conn, &r->ctx, UINT32_MAX);
	}
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_SLOW_HEAD], 1);
	CU_ASSERT_EQUAL(r->n_hits, 1);
	free(r);
}

static void
a_connection_kept_alive_may_rest_between_requests(void)
{
	struct threat_rig *r = rig_open(BH_APP_HTTP);
	unsigned i;

	for (i = 0; i < 5; i++) {
		RIG_TEXT(r, 0, GET "\r\n");
		RIG_TEXT(r, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
		r->ctx.now_ms += 100000;
		bh_threat_conn_tick(&r->conn, &r->ctx, UINT32_MAX);
	}
	CU_ASSERT_EQUAL(r->n_hits, 0);
	free(r);
}

static void
a_slow_body_is_told_and_a_steady_one_is_not(void)
{
	static const uint8_t some[4000] = {0};
	struct threat_rig *r = rig_open(BH_APP_HTTP);
	unsigned i;

	RIG_TEXT(r, 0, POST "Content-Length: 1000000\r\n\r\n");
	for (i = 0; i < 100; i++) {
		r->ctx.now_ms += 1000;
		rig_say(r, 0, some, 150);
		bh_threat_conn_tick(&r->conn, &r->ctx, UINT32_MAX);
	}
	CU_ASSERT_EQUAL(r->n_hits, 0);
	for (i = 0; i < 70; i++) {
		r->ctx.now_ms += 1000;
		rig_say(r, 0, some, 20);
		bh_threat_conn_tick(&r->conn, &r->ctx, UINT32_MAX);
	}
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_SLOW_BODY], 1);
	free(r);
	/* Streams without a length rest as they like. */
	r = rig_open(BH_APP_HTTP);
	RIG_TEXT(r, 0, POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	r->ctx.now_ms += 100000;
	bh_threat_conn_tick(&r->conn, &r->ctx, UINT32_MAX);
	CU_ASSERT_EQUAL(r->n_hits, 0);
	free(r);
}

static void
a_window_that_stays_shut_during_an_answer_is_a_slow_read(void)
{
	struct threat_rig *r = rig_open(BH_APP_HTTP);
	unsigned i;

	RIG_TEXT(r, 0, GET "\r\n");
	for (i = 0; i < 40; i++) { /* no answer yet: it may be small */
		r->ctx.now_ms += 1000;
		bh_threat_conn_tick(&r->conn, &r->ctx, 10);
	}
	CU_ASSERT_EQUAL(r->n_hits, 0);
	RIG_TEXT(r, 1, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nok");
	for (i = 0; i < 40; i++) {
		r->ctx.now_ms += 1000;
		bh_threat_conn_tick(&r->conn, &r->ctx, i % 20 == 0 ? 65535 : 10);
	}
	CU_ASSERT_EQUAL(r->n_hits, 0);
	for (i = 0; i < 31; i++) {
		r->ctx.now_ms += 1000;
		bh_threat_conn_tick(&r->conn, &r->ctx, 10);
	}
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_SLOW_READ], 1);
	free(r);
}

#define LOGIN GET "Authorization: Basic YTpi\r\n\r\n"
#define ANSWER(status) "HTTP/1.1 " status "\r\nContent-Length: 2\r\n\r\nno"

static void
refused_log_ins_are_counted_by_status(void)
{
	struct threat_rig *r = rig_open(BH_APP_HTTP);

	RIG_TEXT(r, 0, LOGIN LOGIN LOGIN);
	RIG_TEXT(r, 1, ANSWER("401 No") ANSWER("200 OK") ANSWER("403 No"));
	CU_ASSERT_EQUAL(r->failed, 2);
	RIG_TEXT(r, 0, "POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b");
	RIG_TEXT(r, 1, "HTTP/1.1 100 Continue\r\n\r\n" ANSWER("401 No"));
	CU_ASSERT_EQUAL(r->failed, 3);
	free(r);
}

static void
challenges_are_no_refused_log_ins(void)
{
	struct threat_rig *r = rig_open(BH_APP_HTTP);

	/* Without credentials; then NTLM's three steps, of which the second says 401 once more. */
	RIG_TEXT(r, 0, GET "\r\n" GET "Authorization: NTLM TlRMTVNTUAAB\r\n\r\n" LOGIN);
	RIG_TEXT(r, 1, "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n");
	RIG_TEXT(r, 1,
		 "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM TlRMTVNTUAAC\r\nContent-Length: "
		 "0\r\n\r\n" ANSWER("200 OK"));
	CU_ASSERT_EQUAL(r->failed, 0);
	/* A page that is forbidden. */
	RIG_TEXT(r, 0, GET "\r\n");
	RIG_TEXT(r, 1, ANSWER("403 No"));
	CU_ASSERT_EQUAL(r->failed, 0);
	free(r);
}

/* ---- HTTP/2 --------------------------------------------------------------------------------------- */

static void
frame(struct threat_rig *r, unsigned side, uint8_t type, uint8_t flags, uint8_t n)
{
	uint8_t b[9 + 255] = {0, 0, n, type, flags, 0, 0, 0, 1};

	rig_drip(r, side, b, 9u + n);
}

static struct threat_rig *
open2(void)
{
	struct threat_rig *r = rig_open(BH_APP_HTTP2);

	RIG_TEXT(r, 0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	frame(r, 0, 4, 0, 18);
	frame(r, 1, 4, 0, 18);
	frame(r, 1, 4, 1, 0);
	return r;
}

static void
streams_opened_and_reset_at_once_are_a_rapid_reset(void)
{
	struct threat_rig *r = open2();
	unsigned i;

	for (i = 0; i < 199; i++) {
		frame(r, 0, 1, 5, 20);
		frame(r, 0, 3, 0, 4);
	}
	CU_ASSERT_EQUAL(r->n_hits, 0);
	frame(r, 0, 1, 5, 20);
	frame(r, 0, 3, 0, 4);
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_H2_RESET], 1);
	free(r);
}

static void
calls_that_are_cancelled_now_and_then_are_none(void)
{
	struct threat_rig *r = open2();
	unsigned i;

	for (i = 0; i < 2000; i++) {
		frame(r, 0, 1, 5, 20);
		if (i % 3 == 0)
			frame(r, 0, 3, 0, 4);
	}
	for (i = 0; i < 1000; i++) {
		r->ctx.now_ms += 10;
		frame(r, 0, 1, 5, 20);
		frame(r, 0, 3, 0, 4);
	}
	CU_ASSERT_EQUAL(r->n_hits, 0);
	free(r);
}

static void
a_block_of_fields_without_end_is_told(void)
{
	struct threat_rig *r = open2();
	unsigned i, k;

	for (k = 0; k < 10; k++) {
		frame(r, 0, 1, 0, 100);
		for (i = 0; i < 20; i++)
			frame(r, 0, 9, i == 19 ? 4 : 0, 100);
	}
	CU_ASSERT_EQUAL(r->n_hits, 0);
	frame(r, 0, 1, 0, 100);
	for (i = 0; i < 32; i++)
		frame(r, 0, 9, 0, 0);
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_H2_CONTINUATION], 1);
	free(r);
}

static void
floods_of_settings_and_pings_are_told(void)
{
	struct threat_rig *r = open2();
	unsigned i;

	for (i = 0; i < 3000; i++) { /* acknowledgements, and pings beside data */
		frame(r, 0, 4, 1, 0);
		frame(r, 0, 6, 1, 8);
		frame(r, 0, 0, 0, 200);
		frame(r, 0, 6, 0, 8);
	}
	CU_ASSERT_EQUAL(r->n_hits, 0);
	for (i = 0; i < 100; i++)
		frame(r, 0, 4, 0, 0);
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_H2_SETTINGS], 1);
	r->ctx.now_ms += 1000;
	for (i = 0; i < 2000; i++)
		frame(r, 0, 6, 0, 8);
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_H2_PING], 1);
	free(r);
}

const struct bh_unit_test bh_suite_threat_app_http[] = {
	BH_TEST(negative_lengths_are_told),
	BH_TEST(a_negative_chunk_is_told_when_its_line_comes_whole),
	BH_TEST(ambiguous_lengths_are_smuggling),
	BH_TEST(a_head_that_takes_too_long_is_told_once),
	BH_TEST(a_connection_kept_alive_may_rest_between_requests),
	BH_TEST(a_slow_body_is_told_and_a_steady_one_is_not),
	BH_TEST(a_window_that_stays_shut_during_an_answer_is_a_slow_read),
	BH_TEST(refused_log_ins_are_counted_by_status),
	BH_TEST(challenges_are_no_refused_log_ins),
	BH_TEST(streams_opened_and_reset_at_once_are_a_rapid_reset),
	BH_TEST(calls_that_are_cancelled_now_and_then_are_none),
	BH_TEST(a_block_of_fields_without_end_is_told),
	BH_TEST(floods_of_settings_and_pings_are_told),
	BH_TEST_END,
};
