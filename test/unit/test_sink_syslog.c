/* syslog: what arrives, over TCP and UDP, while the receiver comes and goes; and CEF's escapes. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/sink/sink.h"
#include "unit.h"

static char folder[64];

static void
enter(void)
{
	strcpy(folder, "/tmp/bh_sink_XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static void
leave(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static struct bh_sink *
opened(const char *scheme, uint16_t port, unsigned form)
{
	char to[64];
	struct bh_sink_params p = {.type = BH_SINK_SYSLOG,
				   .name = "test",
				   .to = to,
				   .form = form,
				   .kinds = BH_SINK_KIND_ALERT,
				   .host = "fw one",
				   .spool = folder,
				   .spool_bytes = 8u << 20,
				   .retry_ms = {10, 40},
				   .settle_ms = 50};
	struct bh_sink *s = NULL;
	struct bh_err err = {0};

	snprintf(to, sizeof(to), "%s://127.0.0.1:%u", scheme, port);
	CU_ASSERT_EQUAL_FATAL(bh_sink_open(&s, &p, &err), 0);
	return s;
}

static int
bound(int type, uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	a.sin_port = htons(*port);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	if (type == SOCK_STREAM)
		CU_ASSERT_EQUAL(listen(fd, 4), 0);
	CU_ASSERT_EQUAL(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void
put(struct bh_sink *s, unsigned number)
{
	char line[200];
	struct bh_sink_record r = {.time_ns = UINT64_C(1700000000123456000), .line = line};

	r.len = (size_t)snprintf(line, sizeof(line),
				 "{\"timestamp\":\"x\",\"event_type\":\"alert\",\"alert\":{"
				 "\"signature_id\":8000001,\"signature\":\"a|b\",\"severity\":1},"
				 "\"n\":%u}",
				 number);
	bh_sink_put(s, &r);
}

/* A reader of counted messages. */
struct reader {
	char data[1u << 16];
	size_t len;
};

static bool
more_bytes(struct reader *r, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	if (poll(&p, 1, 20000) != 1)
		return false;
	n = recv(fd, r->data + r->len, sizeof(r->data) - r->len, 0);
	if (n > 0)
		r->len += (size_t)n;
	return n > 0;
}

/* The number of the next message; its sequenceId is checked to be the same, because none was lost. 0: none came. */
static unsigned
next_number(struct reader *r, int fd)
{
	char *body, *p, text[4096];
	unsigned long len;
	unsigned n = 0, seq = 0;

	for (;;) {
		len = strtoul(r->data, &body, 10);
		if (r->len != 0 && memchr(r->data, ' ', r->len) != NULL &&
		    r->len >= (size_t)(body + 1 - r->data) + len)
			break;
		if (!more_bytes(r, fd))
			return 0;
	}
	CU_ASSERT_FATAL(*body == ' ' && len < sizeof(text));
	memcpy(text, body + 1, len);
	text[len] = '\0';
	r->len -= (size_t)(body + 1 - r->data) + len;
	memmove(r->data, body + 1 + len, r->len);
	r->data[r->len] = '\0';
	CU_ASSERT_PTR_NOT_NULL_FATAL(p = strstr(text, "\"n\":"));
	CU_ASSERT_EQUAL(sscanf(p, "\"n\":%u}", &n), 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p = strstr(text, "sequenceId=\""));
	CU_ASSERT_EQUAL(sscanf(p, "sequenceId=\"%u\"]", &seq), 1);
	CU_ASSERT_EQUAL(seq, n);
	return n;
}

static void
until_failed(struct bh_sink *s)
{
	struct bh_sink_stats st;
	unsigned i;

	for (i = 0; i < 2000; i++) {
		bh_sink_stats(s, &st);
		if (st.failures >= 2)
			return;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	CU_FAIL("the sink does not notice that its target is away");
}

/* Ten minutes at 1,000 a second are 600,000 of 1 KiB; here the same by a hundredth, without their time. */
static void
all_arrive_in_order_after_the_target_is_back(void)
{
	static struct reader r;
	struct bh_sink_stats st;
	struct bh_sink *s;
	uint16_t port = 0;
	int fd, c;
	unsigned i, bad = 0;

	enter();
	close(bound(SOCK_STREAM, &port)); /* nobody listens there */
	s = opened("tcp", port, 0);
	for (i = 1; i <= 6000; i++) {
		put(s, i);
		if (i % 500 == 0)
			nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
	until_failed(s);
	/* And a restart in between. */
	bh_sink_close(s);
	s = opened("tcp", port, 0);
	put(s, 6001);
	until_failed(s);
	fd = bound(SOCK_STREAM, &port);
	c = accept(fd, NULL, NULL);
	CU_ASSERT_FATAL(c >= 0);
	for (i = 1; i <= 6001; i++)
		bad += next_number(&r, c) != i;
	CU_ASSERT_EQUAL(bad, 0);
	bh_sink_stats(s, &st);
	CU_ASSERT_EQUAL(st.lost, 0);
	CU_ASSERT(st.failures >= 2);
	bh_sink_close(s);
	close(c);
	close(fd);
	leave();
}

/* The receiver dies with messages in its socket that it has not read: they come again, with the same numbers. */
static void
what_a_dead_receiver_had_not_read_comes_again(void)
{
	static struct reader r;
	struct bh_sink *s;
	uint16_t port = 0;
	int fd = 0, c;
	unsigned i, n, highest = 0, gaps = 0;

	enter();
	fd = bound(SOCK_STREAM, &port);
	s = opened("tcp", port, 0);
	for (i = 1; i <= 100; i++)
		put(s, i);
	c = accept(fd, NULL, NULL);
	for (i = 1; i <= 20; i++)
		CU_ASSERT_EQUAL(next_number(&r, c), i);
	close(c);
	put(s, 101);
	memset(&r, 0, sizeof(r));
	c = accept(fd, NULL, NULL);
	CU_ASSERT_FATAL(c >= 0);
	while (highest < 101 && (n = next_number(&r, c)) != 0) {
		gaps += highest != 0 ? n != highest + 1 : n > 21;
		highest = n;
	}
	CU_ASSERT_EQUAL(highest, 101);
	CU_ASSERT_EQUAL(gaps, 0);
	bh_sink_close(s);
	close(c);
	close(fd);
	leave();
}

static void
a_datagram_is_one_message_of_rfc_5424(void)
{
	static const char want[] = "<106>1 2023-11-14T22:13:20.123456Z fw-one bulkhead PID alert "
				   "[meta sequenceId=\"1\"] {\"timestamp\"";
	char text[2048], expect[256];
	struct bh_sink *s;
	struct pollfd p;
	uint16_t port = 0;
	ssize_t n;
	int fd;

	enter();
	fd = bound(SOCK_DGRAM, &port);
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	s = opened("udp", port, 0);
	put(s, 7);
	CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 20000), 1);
	n = recv(fd, text, sizeof(text) - 1, 0);
	CU_ASSERT_FATAL(n > 0);
	text[n] = '\0';
	snprintf(expect, sizeof(expect), "%.*s%d%s", (int)(strstr(want, "PID") - want), want,
		 (int)getpid(), strstr(want, "PID") + 3);
	CU_ASSERT_EQUAL(strncmp(text, expect, strlen(expect)), 0);
	bh_sink_close(s);
	close(fd);
	leave();
}

static void
cef_escapes_its_header_and_values(void)
{
	struct bh_sink *s;
	struct pollfd p;
	char text[2048];
	uint16_t port = 0;
	ssize_t n;
	int fd;

	enter();
	fd = bound(SOCK_DGRAM, &port);
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	s = opened("udp", port, 1);
	put(s, 7);
	CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 20000), 1);
	n = recv(fd, text, sizeof(text) - 1, 0);
	CU_ASSERT_FATAL(n > 0);
	text[n] = '\0';
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "] CEF:0|Bulkhead|bulkhead|"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "|8000001|a\\|b|9|rt=1700000000123 cat=alert msg={"));
	bh_sink_close(s);
	close(fd);
	leave();
}

static void
other_kinds_stay_away_and_a_bad_target_is_named(void)
{
	static const char *const bad[] = {"udp:/x", "tcp://", "tcp://[::1", "udp://h:99999x",
					  "h:1"};
	struct bh_sink_params p = {.type = BH_SINK_SYSLOG, .name = "x", .spool = folder};
	struct bh_sink_record r = {.line = "{\"event_type\":\"flow\"}", .len = 21};
	struct bh_sink_stats st;
	struct bh_sink *s;
	size_t i;

	enter();
	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		struct bh_err err = {0};

		p.to = bad[i];
		CU_ASSERT_EQUAL(bh_sink_open(&s, &p, &err), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.what, bad[i]));
	}
	s = opened("udp", 9, 0);
	bh_sink_put(s, &r);
	bh_sink_stats(s, &st);
	CU_ASSERT_EQUAL(st.put, 0);
	bh_sink_close(s);
	leave();
}

const struct bh_unit_test bh_suite_sink_syslog[] = {
	BH_TEST(all_arrive_in_order_after_the_target_is_back),
	BH_TEST(what_a_dead_receiver_had_not_read_comes_again),
	BH_TEST(a_datagram_is_one_message_of_rfc_5424),
	BH_TEST(cef_escapes_its_header_and_values),
	BH_TEST(other_kinds_stay_away_and_a_bad_target_is_named),
	BH_TEST_END,
};
