/* webhook: signed requests that come again until they are taken; sentences for those who talk. */
#include <arpa/inet.h>
#include <nettle/hmac.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../lib/sink/sink.h"
#include "unit.h"

#define SECRET "swordfish"

static char folder[64];
static uint16_t port;

static int
listening(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	strcpy(folder, "/tmp/bh_hook_XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CU_ASSERT_EQUAL(listen(fd, 8), 0);
	CU_ASSERT_EQUAL(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	port = ntohs(a.sin_port);
	return fd;
}

static void
leave(int fd)
{
	char command[96];

	close(fd);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static struct bh_sink *
opened(unsigned form)
{
	char to[64];
	struct bh_sink_params p = {.type = BH_SINK_WEBHOOK,
				   .name = "hook",
				   .to = to,
				   .form = form,
				   .kinds = BH_SINK_KIND_ALERT,
				   .secret = SECRET,
				   .spool = folder,
				   .retry_ms = {10, 40}};
	struct bh_sink *s = NULL;

	snprintf(to, sizeof(to), "http://127.0.0.1:%u/hook", port);
	CU_ASSERT_EQUAL_FATAL(bh_sink_open(&s, &p, NULL), 0);
	return s;
}

static void
put(struct bh_sink *s, unsigned number)
{
	char line[256];
	struct bh_sink_record r = {.time_ns = 5, .line = line};

	r.len = (size_t)snprintf(line, sizeof(line),
				 "{\"event_type\":\"alert\",\"alert\":{\"signature\":\"a \\\"b\\\" "
				 "<c>\"},\"n\":%u}",
				 number);
	bh_sink_put(s, &r);
}

struct request {
	char text[65536];
	char *body;
	size_t body_len;
};

/* Take one request; its connection, or -1. */
static int
hear(int fd, struct request *r)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;
	ssize_t n = 1;
	char *length;
	int c;

	if (poll(&p, 1, 20000) != 1 || (c = accept(fd, NULL, NULL)) < 0)
		return -1;
	r->body = NULL;
	while (n > 0 && (r->body == NULL || len < (size_t)(r->body - r->text) + r->body_len)) {
		n = recv(c, r->text + len, sizeof(r->text) - 1 - len, 0);
		len += n > 0 ? (size_t)n : 0;
		r->text[len] = '\0';
		length = strcasestr(r->text, "Content-Length: ");
		r->body = strstr(r->text, "\r\n\r\n");
		if (r->body != NULL && length != NULL) {
			r->body += 4;
			r->body_len = strtoul(length + 16, NULL, 10);
		}
	}
	return c;
}

/* The connection is closed then. */
static void
answer(int c, const char *status)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
	CU_ASSERT(send(c, text, strlen(text), MSG_NOSIGNAL) > 0);
	close(c);
}

static bool
take(int fd, const char *status, struct request *r)
{
	int c = hear(fd, r);

	if (c < 0)
		return false;
	answer(c, status);
	return r->body != NULL;
}

static bool
signed_by(const struct request *r, const char *secret)
{
	struct hmac_sha256_ctx h;
	char want[128] = "X-Bulkhead-Signature: sha256=";
	uint8_t digest[SHA256_DIGEST_SIZE];
	size_t n = strlen(want), i;

	hmac_sha256_set_key(&h, strlen(secret), (const uint8_t *)secret);
	hmac_sha256_update(&h, r->body_len, (const uint8_t *)r->body);
	hmac_sha256_digest(&h, sizeof(digest), digest);
	for (i = 0; i < sizeof(digest); i++)
		snprintf(want + n + 2 * i, 3, "%02x", digest[i]);
	return strstr(r->text, want) != NULL;
}

/* What is refused for a time comes again until it is taken, in order, and then never. */
static void
records_come_signed_until_they_are_taken_and_once(void)
{
	static struct request r;
	unsigned i, next = 1, refused = 0;
	struct bh_sink *s;
	char want[64], *p;
	int fd = listening();

	s = opened(0);
	for (i = 1; i <= 40; i++)
		put(s, i);
	while (next <= 40 && refused < 100) {
		bool ok = refused >= 3;

		CU_ASSERT_FATAL(take(fd, ok ? "204 No Content" : "503 Busy", &r));
		CU_ASSERT(signed_by(&r, SECRET));
		CU_ASSERT(!signed_by(&r, "another"));
		CU_ASSERT_PTR_NOT_NULL(strstr(r.text, "POST /hook HTTP/1.1\r\n"));
		snprintf(want, sizeof(want), "{\"events\":[{\"id\":\"%u-5\",\"event\":{", next);
		CU_ASSERT_EQUAL(strncmp(r.body, want, strlen(want)), 0);
		refused += !ok;
		for (p = r.body; ok && (p = strstr(p, "\"n\":")) != NULL; p++) {
			CU_ASSERT_EQUAL(strtoul(p + 4, NULL, 10), next);
			next++;
		}
	}
	CU_ASSERT_EQUAL(next, 41);
	CU_ASSERT_EQUAL(refused, 3);
	bh_sink_close(s);
	leave(fd);
}

static void
slack_and_teams_get_a_sentence(void)
{
	static const char *const want[] = {
		NULL, "{\"text\":\"Bulkhead: a \\\"b\\\" &lt;c&gt;\"}",
		"\"type\":\"TextBlock\",\"wrap\":true,\"text\":\"Bulkhead: a \\\"b\\\" <c>\"}"};
	static struct request r;
	struct bh_sink *s;
	unsigned form;
	int fd;

	for (form = 1; form <= 2; form++) {
		fd = listening();
		s = opened(form);
		put(s, 1);
		CU_ASSERT_FATAL(take(fd, "200 OK", &r));
		CU_ASSERT_PTR_NOT_NULL(strstr(r.body, want[form]));
		bh_sink_close(s);
		leave(fd);
	}
}

/* A record that the target finds wrong does not stand in the way of the others for ever. */
static void
what_is_refused_for_good_is_counted_and_passed_over(void)
{
	static struct request r;
	struct bh_sink_stats st;
	struct bh_sink *s;
	int fd = listening();

	s = opened(0);
	put(s, 1);
	CU_ASSERT_FATAL(take(fd, "400 Bad Request", &r));
	put(s, 2);
	CU_ASSERT_FATAL(take(fd, "200 OK", &r));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.body, "\"id\":\"2-5\""));
	bh_sink_stats(s, &st);
	CU_ASSERT_EQUAL(st.lost, 1);
	bh_sink_close(s);
	leave(fd);
}

/* Of a batch only the record that the target finds wrong is lost, not those that came with it. */
static void
one_bad_record_costs_none_of_its_batch(void)
{
	enum { RECORDS = 20, BAD = 13 };
	static struct request r;
	unsigned i, next = 1, asked = 0;
	struct bh_sink_stats st;
	struct bh_sink *s;
	char bad[16], *p;
	int fd = listening();

	snprintf(bad, sizeof(bad), "\"n\":%u}", BAD);
	s = opened(0);
	for (i = 1; i <= RECORDS; i++)
		put(s, i);
	for (; next <= RECORDS && asked < 100; asked++) {
		int c = hear(fd, &r);
		bool ok;

		CU_ASSERT_FATAL(c >= 0 && r.body != NULL);
		ok = strstr(r.body, bad) == NULL;
		answer(c, ok ? "200 OK" : "422 Unprocessable Content");
		for (p = r.body; ok && (p = strstr(p, "\"n\":")) != NULL; p++) {
			next += next == BAD;
			CU_ASSERT_EQUAL(strtoul(p + 4, NULL, 10), next);
			next++;
		}
	}
	CU_ASSERT_EQUAL(next, RECORDS + 1);
	bh_sink_stats(s, &st);
	CU_ASSERT_EQUAL(st.lost, 1);
	bh_sink_close(s);
	leave(fd);
}

const struct bh_unit_test bh_suite_sink_webhook[] = {
	BH_TEST(records_come_signed_until_they_are_taken_and_once),
	BH_TEST(slack_and_teams_get_a_sentence),
	BH_TEST(what_is_refused_for_good_is_counted_and_passed_over),
	BH_TEST(one_bad_record_costs_none_of_its_batch),
	BH_TEST_END,
};
