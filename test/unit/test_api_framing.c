/* Requests that two readers could take for two different ones, bodies that are too long, connections that
 * never end: by bare sockets, since no client library sends such things. */
#include <time.h>

#include "api_fixture.h"

#define REQ_AUTH "Authorization: Bearer " FIX_TOKEN "\r\n"
#define REQ_PUT "PUT /api/v1/endpoints/10.77.0.1 HTTP/1.1\r\nHost: localhost\r\n" REQ_AUTH
#define REQ_JSON "Content-Type: application/json\r\n"
#define REQ_BODY "{\"labels\":{}}" /* 13 bytes */
/* What an attacker hides behind a body that another reader takes to be shorter. */
#define REQ_SMUGGLED                                                                               \
	"DELETE /api/v1/endpoints/10.1.0.10 HTTP/1.1\r\nHost: localhost\r\n" REQ_AUTH "\r\n"

static const struct attack {
	const char *name, *bytes;
	int status;
} attacks[] = {
	{"two equal lengths",
	 REQ_PUT REQ_JSON "Content-Length: 13\r\nContent-Length: 13\r\n\r\n" REQ_BODY, 400},
	{"two lengths",
	 REQ_PUT REQ_JSON "Content-Length: 13\r\nContent-Length: 0\r\n\r\n" REQ_BODY REQ_SMUGGLED,
	 400},
	{"two lengths, other order",
	 REQ_PUT REQ_JSON "Content-Length: 0\r\nContent-Length: 13\r\n\r\n" REQ_BODY REQ_SMUGGLED,
	 400},
	{"list of lengths", REQ_PUT REQ_JSON "Content-Length: 13, 13\r\n\r\n" REQ_BODY, 400},
	{"signed length", REQ_PUT REQ_JSON "Content-Length: +13\r\n\r\n" REQ_BODY, 400},
	{"negative length", REQ_PUT REQ_JSON "Content-Length: -1\r\n\r\n" REQ_BODY, 400},
	{"hexadecimal length", REQ_PUT REQ_JSON "Content-Length: 0xd\r\n\r\n" REQ_BODY, 400},
	{"length with junk", REQ_PUT REQ_JSON "Content-Length: 13x\r\n\r\n" REQ_BODY, 400},
	{"empty length", REQ_PUT REQ_JSON "Content-Length: \r\n\r\n" REQ_BODY, 400},
	{"blank inside length", REQ_PUT REQ_JSON "Content-Length: 1 3\r\n\r\n" REQ_BODY, 400},
	{"length beyond 64 bits",
	 REQ_PUT REQ_JSON "Content-Length: 18446744073709551629\r\n\r\n" REQ_BODY, 413},
	{"length and chunked",
	 REQ_PUT REQ_JSON
	 "Content-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" REQ_SMUGGLED,
	 400},
	{"chunked and length",
	 REQ_PUT REQ_JSON
	 "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" REQ_SMUGGLED,
	 400},
	{"two codings",
	 REQ_PUT REQ_JSON
	 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	 400},
	{"unknown coding", REQ_PUT REQ_JSON "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
	{"coding list", REQ_PUT REQ_JSON "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
	{"coding identity", REQ_PUT REQ_JSON "Transfer-Encoding: identity\r\n\r\n" REQ_BODY, 501},
	{"coding with a tab", REQ_PUT REQ_JSON "Transfer-Encoding:\tchunked\x0b\r\n\r\n0\r\n\r\n",
	 400},
	{"blank before the colon", REQ_PUT REQ_JSON "Content-Length : 13\r\n\r\n" REQ_BODY, 400},
	{"blank before the coding's colon",
	 REQ_PUT REQ_JSON "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" REQ_SMUGGLED, 400},
	{"odd header name", REQ_PUT REQ_JSON "X(y): 1\r\nContent-Length: 13\r\n\r\n" REQ_BODY, 400},
	{"control in a value", REQ_PUT REQ_JSON "X: a\x01z\r\nContent-Length: 13\r\n\r\n" REQ_BODY,
	 400},
	{"chunked in HTTP/1.0",
	 "PUT /api/v1/endpoints/10.77.0.1 HTTP/1.0\r\n" REQ_AUTH REQ_JSON
	 "Transfer-Encoding: chunked\r\n\r\nd\r\n" REQ_BODY "\r\n0\r\n\r\n",
	 400},
	{"two hosts", "GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
	 400},
	{"no host", "GET /api/v1/stats HTTP/1.1\r\n\r\n", 400},
	{"two tokens", REQ_PUT REQ_AUTH REQ_JSON "Content-Length: 13\r\n\r\n" REQ_BODY, 400},
	{"two media types",
	 REQ_PUT REQ_JSON "Content-Type: text/plain\r\nContent-Length: 13\r\n\r\n" REQ_BODY, 400},
	{"PATCH with two lengths",
	 "PATCH /api/v1/endpoints HTTP/1.1\r\nHost: localhost\r\n" REQ_AUTH REQ_JSON
	 "Content-Length: 13\r\nContent-Length: 0\r\n\r\n" REQ_BODY REQ_SMUGGLED,
	 400},
	{"GET with two lengths",
	 "GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: "
	 "5\r\n\r\n" REQ_SMUGGLED,
	 400},
	{"odd expectation",
	 REQ_PUT REQ_JSON "Expect: 200-ok\r\nContent-Length: 13\r\n\r\n" REQ_BODY, 400},
	{"HTTP/2 by hand", "GET /api/v1/stats HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
	{"HTTP/0.9", "GET /api/v1/stats\r\n\r\n", 400},
};

static bool
attack_works(const struct fix *f, const struct attack *a)
{
	unsigned done;
	bool closed;
	int status = fix_raw(f, a->bytes, strlen(a->bytes), &closed, &done);

	if (done == 0 && closed && status == a->status)
		return false;
	fprintf(stderr, "%s: status %d (want %d), %u done, %s\n", a->name, status, a->status, done,
		closed ? "closed" : "open");
	return true;
}

static void
ambiguous_framing_is_refused_and_the_connection_closed(void)
{
	struct fix f;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(attacks); i++)
		CU_ASSERT_FALSE(attack_works(&f, &attacks[i]));
	/* None of them was carried out, nor what hid behind it. */
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/endpoints/10.77.0.1", NULL), 404);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/endpoints/10.1.0.10", NULL), 200);
	fix_stop(&f);
}

/* The same requests without their fault pass: the refusals above are for the right reason. */
static void
plain_framing_is_accepted(void)
{
	static const char *const fine[] = {
		REQ_PUT REQ_JSON "Content-Length: 13\r\nConnection: close\r\n\r\n" REQ_BODY,
		REQ_PUT REQ_JSON "transfer-encoding: Chunked\r\nConnection: "
				 "close\r\n\r\n5\r\n{\"lab\r\n8\r\nels\":{}}\r\n0\r\n\r\n",
		REQ_PUT REQ_JSON "Content-Length: 0013\r\nConnection: close\r\n\r\n" REQ_BODY,
		"PUT /api/v1/endpoints/10.77.0.1 HTTP/1.0\r\n" REQ_AUTH REQ_JSON
		"Content-Length: 13\r\n\r\n" REQ_BODY,
	};
	unsigned done;
	struct fix f;
	bool closed;
	size_t i;
	int status;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(fine); i++) {
		status = fix_raw(&f, fine[i], strlen(fine[i]), &closed, &done);
		CU_ASSERT(status == 200 || status == 201);
		CU_ASSERT_EQUAL(done, 1);
		CU_ASSERT(closed);
	}
	fix_stop(&f);
}

static void
pipelined_requests_each_get_their_answer(void)
{
	static const char bytes[] =
		"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
		"GET /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" REQ_PUT REQ_JSON
		"Content-Length: 13\r\n\r\n" REQ_BODY
		"GET /api/v1/version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	unsigned done;
	struct fix f;
	bool closed;

	fix_start(&f, NULL);
	CU_ASSERT_EQUAL(fix_raw(&f, bytes, sizeof(bytes) - 1, &closed, &done), 200);
	CU_ASSERT_EQUAL(done, 3);
	CU_ASSERT(closed);
	fix_stop(&f);
}

static void
small_body(struct bh_api_params *p)
{
	p->max_body = 2000;
}

static void
too_long_a_body_is_413_before_it_is_read(void)
{
	static const char head[] = REQ_PUT REQ_JSON "Content-Length: 100000000\r\n\r\n";
	static const char patch[] =
		"PATCH /api/v1/endpoints HTTP/1.1\r\nHost: localhost\r\n" REQ_AUTH REQ_JSON
		"Content-Length: 100000000\r\n\r\n";
	unsigned done;
	struct fix f;
	bool closed;

	fix_start(&f, small_body);
	CU_ASSERT_EQUAL(fix_raw(&f, head, sizeof(head) - 1, &closed, &done), 413);
	CU_ASSERT(closed);
	CU_ASSERT_EQUAL(fix_raw(&f, patch, sizeof(patch) - 1, &closed, &done), 413);
	CU_ASSERT(closed);
	fix_stop(&f);
}

static void
body_just_above_the_limit_is_413_and_at_it_is_read(void)
{
	struct answer a;
	char body[4096];
	struct fix f;

	fix_start(&f, small_body);
	memset(body, ' ', sizeof(body));
	memcpy(body, REQ_BODY, strlen(REQ_BODY));
	fix_ask(&f,
		&(struct ask){.method = "PUT",
			      .path = "/api/v1/endpoints/10.1.0.1",
			      .type = "application/json",
			      .body = body,
			      .len = 2000},
		&a);
	CU_ASSERT_EQUAL(a.status, 201);
	fix_answer_free(&a);
	fix_ask(&f,
		&(struct ask){.method = "PUT",
			      .path = "/api/v1/endpoints/10.1.0.1",
			      .type = "application/json",
			      .body = body,
			      .len = 2001},
		&a);
	CU_ASSERT_EQUAL(a.status, 413);
	fix_answer_free(&a);
	fix_stop(&f);
}

/* Chunked: no length to refuse by; the limit holds while the body comes. */
static void
endless_chunks_are_cut_off_at_the_limit(void)
{
	static const char head[] = REQ_PUT REQ_JSON "Transfer-Encoding: chunked\r\n\r\n";
	struct bh_buf out = {0};
	char chunk[512 + 7];
	struct fix f;
	int fd, i, sent = 0;

	fix_start(&f, small_body);
	fd = fix_connect(&f);
	memcpy(chunk, "200\r\n", 5);
	memset(chunk + 5, ' ', 512);
	memcpy(chunk + 5 + 512, "\r\n", 2);
	CU_ASSERT(send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL) > 0);
	for (i = 0; i < 100; i++) {
		if (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) <= 0)
			break;
		sent++;
		if (fix_read(fd, 50, &out))
			break;
	}
	CU_ASSERT(sent < 100);
	CU_ASSERT_PTR_NOT_NULL(out.data);
	CU_ASSERT(out.data != NULL && strncmp(out.data, "HTTP/1.1 413", 12) == 0);
	close(fd);
	bh_buf_free(&out);
	fix_stop(&f);
}

/* A refused request's body is read to its end and thrown away, so that the client gets to read why. */
static void
refusal_is_readable_after_a_long_body(void)
{
	size_t len = 200000;
	char *body = malloc(len);
	struct answer a;
	struct fix f;

	fix_start(&f, NULL);
	f.token = NULL;
	memset(body, ' ', len);
	fix_ask(&f,
		&(struct ask){.method = "PATCH",
			      .path = "/api/v1/endpoints",
			      .type = "application/json",
			      .body = body,
			      .len = len},
		&a);
	CU_ASSERT_EQUAL(a.status, 401);
	fix_answer_free(&a);
	free(body);
	fix_stop(&f);
}

static void
long_head_is_refused(void)
{
	size_t len = 100000;
	char *bytes = malloc(len + 1);
	unsigned done;
	struct fix f;
	bool closed;
	int status, n;

	fix_start(&f, NULL);
	n = sprintf(bytes, "GET /api/v1/stats?");
	memset(bytes + n, 'a', len - (size_t)n);
	status = fix_raw(&f, bytes, len, &closed, &done);
	CU_ASSERT(status == 414 || status == 431 || status == 0);
	CU_ASSERT(closed);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/health", NULL), 200);
	free(bytes);
	fix_stop(&f);
}

static uint64_t
now_ms(void)
{
	return bh_clock_system.mono_ns(NULL) / BH_NS_PER_MS;
}

static void
few_connections(struct bh_api_params *p)
{
	p->max_connections = 8;
}

static void
half_open_connections_shut_nobody_out(void)
{
	static const char half[] = "GET /api/v1/health HTTP/1.1\r\nHost: loc";
	uint64_t start;
	struct fix f;
	int fd[60];
	size_t i;

	fix_start(&f, few_connections);
	for (i = 0; i < BH_ARRAY_SIZE(fd); i++) {
		fd[i] = fix_connect(&f);
		CU_ASSERT(fd[i] >= 0);
		/* One that was closed to make room refuses the rest of its request. */
		if (send(fd[i], half, i % (sizeof(half) - 1), MSG_NOSIGNAL) < 0)
			CU_ASSERT(errno == EPIPE || errno == ECONNRESET);
	}
	start = now_ms();
	for (i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/health", NULL), 200);
	CU_ASSERT(now_ms() - start < 8000); /* less than the time-out that would free a place */
	for (i = 0; i < BH_ARRAY_SIZE(fd); i++)
		close(fd[i]);
	fix_stop(&f);
}

static void
body_that_does_not_come_blocks_nobody(void)
{
	static const char head[] =
		REQ_PUT REQ_JSON "Connection: close\r\nContent-Length: 13\r\n\r\n{";
	struct bh_buf out = {0};
	struct fix f;
	int fd;

	fix_start(&f, NULL);
	fd = fix_connect(&f);
	CU_ASSERT(send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL) > 0);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/health", NULL), 200);
	/* The slow one is served, too, when it is done. */
	CU_ASSERT(send(fd, &REQ_BODY[1], 12, MSG_NOSIGNAL) > 0);
	fix_read(fd, 5000, &out);
	CU_ASSERT(out.data != NULL && strncmp(out.data, "HTTP/1.1 201", 12) == 0);
	close(fd);
	bh_buf_free(&out);
	fix_stop(&f);
}

static void
short_timeout(struct bh_api_params *p)
{
	p->timeout_s = 1;
}

static void
silent_connection_is_closed_after_the_timeout(void)
{
	static const char half[] = "GET /api/v1/health HT";
	struct bh_buf out = {0};
	struct fix f;
	int fd;

	fix_start(&f, short_timeout);
	fd = fix_connect(&f);
	CU_ASSERT(send(fd, half, sizeof(half) - 1, MSG_NOSIGNAL) > 0);
	CU_ASSERT(fix_read(fd, 9000, &out));
	close(fd);
	bh_buf_free(&out);
	fix_stop(&f);
}

/* The HTTP process ends in the middle of everything; what was agreed to before is there, and it is back. */
static void
http_process_that_ends_is_started_again(void)
{
	struct fix f;
	int i, fd;

	fix_start(&f, NULL);
	for (i = 0; i < 3; i++) {
		CU_ASSERT(fix_send(&f, "PUT", "/api/v1/endpoints/10.77.0.1", "{\"labels\":{}}") <
			  300);
		fd = fix_connect(&f);
		CU_ASSERT(send(fd, REQ_PUT, strlen(REQ_PUT), MSG_NOSIGNAL) > 0);
		CU_ASSERT_EQUAL(shutdown(f.front.channel, SHUT_RDWR), 0);
		/* What the old one had accepted has no answer; later connections wait in the listening socket. */
		while (__atomic_load_n(&f.front.started, __ATOMIC_ACQUIRE) < (unsigned)i + 2)
			usleep(1000);
		CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/endpoints/10.77.0.1", NULL), 200);
		close(fd);
	}
	CU_ASSERT_EQUAL(f.front.started, 4);
	fix_stop(&f);
}

/* A HTTP process that says what it must not is ended, not believed. */
static void
http_process_that_breaks_the_protocol_is_ended(void)
{
	struct bh_buf b = {0};
	struct fix f;

	fix_start(&f, NULL);
	bh_ipc_put(&b, BH_IPC_BODY, BH_IPC_LAST, 4711, "x", 1);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/health", NULL), 200);
	CU_ASSERT(send(f.front.channel, b.data, b.len, MSG_NOSIGNAL) > 0);
	while (__atomic_load_n(&f.front.started, __ATOMIC_ACQUIRE) < 2)
		usleep(1000);
	CU_ASSERT_EQUAL(fix_send(&f, "GET", "/api/v1/health", NULL), 200);
	bh_buf_free(&b);
	fix_stop(&f);
}

const struct bh_unit_test bh_suite_api_framing[] = {
	BH_TEST(ambiguous_framing_is_refused_and_the_connection_closed),
	BH_TEST(plain_framing_is_accepted),
	BH_TEST(pipelined_requests_each_get_their_answer),
	BH_TEST(too_long_a_body_is_413_before_it_is_read),
	BH_TEST(body_just_above_the_limit_is_413_and_at_it_is_read),
	BH_TEST(endless_chunks_are_cut_off_at_the_limit),
	BH_TEST(refusal_is_readable_after_a_long_body),
	BH_TEST(long_head_is_refused),
	BH_TEST(half_open_connections_shut_nobody_out),
	BH_TEST(body_that_does_not_come_blocks_nobody),
	BH_TEST(silent_connection_is_closed_after_the_timeout),
	BH_TEST(http_process_that_ends_is_started_again),
	BH_TEST(http_process_that_breaks_the_protocol_is_ended),
	BH_TEST_END,
};
