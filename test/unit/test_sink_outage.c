/* A syslog target that is away for ten minutes of 1,000 records a second: their number, without their time. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/sink/sink.h"
#include "unit.h"

#define RECORDS 600000u
#define BATCH 2000u /* together less than what may wait in memory */

static int
bound(uint16_t *port, bool listening)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	a.sin_port = htons(*port);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	if (listening)
		CU_ASSERT_EQUAL(listen(fd, 4), 0);
	CU_ASSERT_EQUAL(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void
put(struct bh_sink *s, unsigned number)
{
	char line[120];
	struct bh_sink_record r = {.time_ns = UINT64_C(1700000000123456000), .line = line};

	r.len = (size_t)snprintf(line, sizeof(line), "{\"event_type\":\"alert\",\"n\":%u}", number);
	bh_sink_put(s, &r);
}

/* Whoever is faster than the disk loses the newest; 1,000 a second are not. */
static uint64_t
until_written(struct bh_sink *s, uint64_t least)
{
	struct bh_sink_stats st;
	unsigned i;

	for (i = 0; i < 20000; i++) {
		bh_sink_stats(s, &st);
		if (st.waiting_bytes >= least)
			return st.waiting_bytes;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	CU_FAIL_FATAL("the spool does not take what is put");
	return 0;
}

/* All put by one control thread, which waits for the spool as time would make it wait. */
static void
put_all(struct bh_sink *s)
{
	uint64_t first, want;
	unsigned i, digits = 1, more = 10;

	put(s, 1);
	first = want = until_written(s, 1);
	for (i = 2; i <= RECORDS; i++) {
		if (i == more) {
			digits++;
			more *= 10;
		}
		put(s, i);
		want += first + 2 * (digits - 1); /* its own number, and the message's */
		if (i % BATCH == 0)
			CU_ASSERT_EQUAL(until_written(s, want), want);
	}
}

struct reader {
	char data[1u << 18];
	size_t len, at;
};

/* The number of the next counted message. 0: none came. */
static unsigned
next_number(struct reader *r, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	unsigned long len;
	char *body, *n;
	ssize_t got;

	for (;;) {
		r->data[r->len] = '\0';
		len = strtoul(r->data + r->at, &body, 10);
		if (*body == ' ' && r->len - r->at >= (size_t)(body + 1 - r->data) - r->at + len)
			break;
		memmove(r->data, r->data + r->at, r->len - r->at);
		r->len -= r->at;
		r->at = 0;
		if (poll(&p, 1, 20000) != 1)
			return 0;
		got = recv(fd, r->data + r->len, sizeof(r->data) - 1 - r->len, 0);
		if (got <= 0)
			return 0;
		r->len += (size_t)got;
	}
	r->at = (size_t)(body + 1 - r->data) + len;
	for (n = r->data + r->at; n > body && n[-1] != ':'; n--)
		;
	return (unsigned)strtoul(n, NULL, 10);
}

static void
ten_minutes_of_a_thousand_a_second_arrive_in_order(void)
{
	static struct reader r;
	char folder[] = "/tmp/bh_outage_XXXXXX", to[64], command[96];
	struct bh_sink_params p = {.type = BH_SINK_SYSLOG,
				   .name = "test",
				   .to = to,
				   .kinds = BH_SINK_KIND_ALERT,
				   .host = "fw",
				   .spool = folder,
				   .spool_bytes = 256u << 20,
				   .retry_ms = {10, 40},
				   .settle_ms = 50};
	struct bh_err err = {0};
	struct bh_sink_stats st;
	struct bh_sink *s;
	unsigned i, bad = 0;
	uint16_t port = 0;
	int away, fd, c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	away = bound(&port, false); /* connections are refused, and nobody else takes the port */
	snprintf(to, sizeof(to), "tcp://127.0.0.1:%u", port);
	CU_ASSERT_EQUAL_FATAL(bh_sink_open(&s, &p, &err), 0);
	put_all(s);
	bh_sink_stats(s, &st);
	CU_ASSERT_EQUAL(st.put, RECORDS);
	CU_ASSERT_EQUAL(st.sent, 0);
	CU_ASSERT(st.failures >= 2);
	close(away);
	fd = bound(&port, true);
	CU_ASSERT_FATAL((c = accept(fd, NULL, NULL)) >= 0);
	for (i = 1; i <= RECORDS && bad == 0; i++)
		bad += next_number(&r, c) != i;
	CU_ASSERT_EQUAL(bad, 0);
	bh_sink_stats(s, &st);
	CU_ASSERT_EQUAL(st.lost, 0);
	bh_sink_close(s);
	/* Nothing comes twice behind them. */
	CU_ASSERT_EQUAL(next_number(&r, c), 0);
	close(c);
	close(fd);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

const struct bh_unit_test bh_suite_sink_outage[] = {
	BH_TEST(ten_minutes_of_a_thousand_a_second_arrive_in_order),
	BH_TEST_END,
};
