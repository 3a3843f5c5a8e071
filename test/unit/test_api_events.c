/* api: /events and its stream, over an event store with a few events in it. What a query finds in the store is
 * test_record_query.c's; here: that each argument becomes the question it stands for, pages, and streams. */
#include "api_fixture.h"
#include "test_record_rig.h"

#define EVENTS 60
#define MINUTE (60 * BH_NS_PER_SEC)

struct world {
	struct rig rig;
	struct fix fix;
};

static struct world w;

static void
with_record(struct bh_api_params *p)
{
	p->record = w.rig.r;
}

/* The i-th, a minute after the one before. */
static void
say(unsigned i)
{
	char when[32], line[512];

	bh_time_format(RIG_START + i * MINUTE, when, sizeof(when));
	snprintf(line, sizeof(line),
		 "{\"timestamp\":\"%s\",\"event_type\":\"%s\",\"src_ip\":\"10.0.%u.1\",\"dest_ip\":"
		 "\"2001:db8::%u\","
		 "\"app_proto\":\"%s\",\"alert\":{\"severity\":%u},\"bulkhead\":{\"kind\":\"%s\","
		 "\"src_segment\":\"%s\",\"dst_segment\":\"%s\",\"rule_id\":\"r%u\",\"verdict\":\"%"
		 "s\","
		 "\"mode\":\"protect\"},\"n\":%u}",
		 when, i % 2 == 0 ? "alert" : "flow", i % 4, i % 3, i % 5 == 0 ? "redis" : "http",
		 1 + i % 3, i % 2 == 0 ? "violation" : "", i % 2 == 0 ? "web" : "cache",
		 i % 3 == 0 ? "web" : "db", i % 6, i % 4 == 0 ? "deny" : "allow", i);
	bh_record_line(w.rig.r, line, strlen(line));
}

static void
enter(void)
{
	unsigned i;

	rig_enter(&w.rig, NULL);
	for (i = 0; i < EVENTS; i++)
		say(i);
	bh_record_flush(w.rig.r);
	fix_start(&w.fix, with_record);
}

static void
leave(void)
{
	fix_stop(&w.fix);
	rig_leave(&w.rig);
}

/* ---- lists ------------------------------------------------------------------------------------------ */

static bool
any(unsigned i)
{
	(void)i;
	return true;
}

#define FITS(name, condition)                                                                      \
	static bool name(unsigned i)                                                               \
	{                                                                                          \
		return condition;                                                                  \
	}
FITS(is_even, i % 2 == 0)
FITS(is_odd, i % 2 == 1)
FITS(of_web, i % 2 == 0 || i % 3 == 0)
FITS(from_web, i % 2 == 0)
FITS(to_web, i % 3 == 0)
FITS(from_two, i % 4 == 2)
FITS(from_low, i % 4 < 2)
FITS(to_one, i % 3 == 1)
FITS(with_redis, i % 5 == 0)
FITS(by_r4, i % 6 == 4)
FITS(dropped, i % 4 == 0)
FITS(severe, i % 3 != 2)
FITS(late, i >= 40)
FITS(early, i <= 20)
FITS(between, i >= 10 && i <= 12)
FITS(all_at_once, i % 2 == 0 && i % 3 == 0 && i % 4 == 0 && i >= 30)
FITS(none, i > EVENTS)

static unsigned
number_of(json_t *item)
{
	return (unsigned)fix_int(json_object_get(item, "event"), "n");
}

static void
each_argument_asks_what_it_says(void)
{
	/* RIG_START is 2026-09-21T14:13:20Z. */
	static const struct {
		const char *query;
		bool (*fits)(unsigned i);
	} asks[] = {
		{"", any},
		{"kind=violation", is_even},
		{"kind=alert", is_even},
		{"kind=flow", is_odd},
		{"segment=web", of_web},
		{"from=web", from_web},
		{"to=web", to_web},
		{"from=10.0.2.1", from_two},
		{"from=10.0.0.0/23", from_low},
		{"to=2001:db8::1", to_one},
		{"address=10.0.2.0/24", from_two},
		{"address=2001:db8::1", to_one},
		{"application=redis", with_redis},
		{"rule=r4", by_r4},
		{"verdict=drop", dropped},
		{"verdict=deny", dropped},
		{"severity=2", severe},
		{"since=2026-09-21T14:53:20Z", late},
		{"since=2026-09-21T16:53:20%2B02:00", late},
		{"since=2026-09-21T13:53:19.5-01:00", late},
		{"until=2026-09-21T14:33:20.000Z", early},
		{"since=2026-09-21T14:23:20Z&until=2026-09-21T14:25:20Z", between},
		{"from=web&to=web&verdict=drop&kind=violation&since=2026-09-21T14:43:20Z",
		 all_at_once},
		{"kind=no-such", none},
		{"from=10.0.9.0/24", none},
		{"since=1s", none}, /* the store's clock is ahead of no system's */
	};
	char path[200];
	json_t *o, *items;
	size_t i, k;

	enter();
	for (i = 0; i < BH_ARRAY_SIZE(asks); i++) {
		unsigned next = EVENTS;
		bool wrong = false;

		snprintf(path, sizeof(path), "/api/v1/events?limit=1000&%s", asks[i].query);
		o = fix_get(&w.fix, path);
		items = json_object_get(o, "items");
		for (k = 0; k < json_array_size(items); k++) {
			unsigned n = number_of(json_array_get(items, k));

			while (next > 0 && --next != n)
				wrong |= asks[i].fits(next);
			wrong |= next != n || !asks[i].fits(n);
		}
		while (next > 0)
			wrong |= asks[i].fits(--next);
		if (wrong || o == NULL)
			fprintf(stderr, "events?%s\n", asks[i].query);
		CU_ASSERT(!wrong && o != NULL);
		json_decref(o);
	}
	leave();
}

static void
pages_hold_each_event_once_newest_first(void)
{
	char path[100] = "/api/v1/events?limit=7&kind=violation";
	unsigned want = EVENTS, i, pages = 0;
	const char *next;
	json_t *o, *items;

	enter();
	do {
		o = fix_get(&w.fix, path);
		items = json_object_get(o, "items");
		CU_ASSERT_FATAL(o != NULL && json_array_size(items) <= 7);
		for (i = 0; i < json_array_size(items); i++) {
			want -= 2;
			CU_ASSERT_EQUAL(number_of(json_array_get(items, i)), want);
		}
		next = json_string_value(json_object_get(o, "next"));
		snprintf(path, sizeof(path), "/api/v1/events?limit=7&kind=violation&cursor=%s",
			 next != NULL ? next : "");
		if (++pages == 2)
			say(EVENTS); /* what comes meanwhile moves nothing */
		json_decref(o);
	} while (next != NULL && pages < 20);
	CU_ASSERT_EQUAL(want, 0);
	leave();
}

static void
what_is_not_understood_is_refused_by_name(void)
{
	static const char *const queries[][2] = {
		{"severity=4", "severity"},
		{"severity=x", "severity"},
		{"verdict=dropped", "verdict"},
		{"address=web", "address"},
		{"address=10.0.0.0/33", "address"},
		{"since=yesterday", "since"},
		{"since=10", "since"},
		{"since=10w", "since"},
		{"since=9999999999s", "since"},
		{"since=4000d", "since"},
		{"until=2026-09-21", "until"},
		{"until=2026-09-21T14:33:20", "until"},
		{"until=2026-09-21T14:33:20Zx", "until"},
		{"until=2026-09-21T14:33:20%2B24:00", "until"},
		{"cursor=-1", "cursor"},
		{"limit=0", "limit"},
		{"unknown=1", NULL},
	};
	struct answer a;
	char path[120];
	size_t i;

	enter();
	for (i = 0; i < BH_ARRAY_SIZE(queries); i++) {
		snprintf(path, sizeof(path), "/api/v1/events?%s", queries[i][0]);
		fix_ask(&w.fix, &(struct ask){.method = "GET", .path = path}, &a);
		if (a.status != 400)
			fprintf(stderr, "%s: %ld\n", path, a.status);
		CU_ASSERT_EQUAL(a.status, 400);
		if (queries[i][1] != NULL)
			CU_ASSERT_STRING_EQUAL(fix_str(a.json, "argument"), queries[i][1]);
		fix_answer_free(&a);
	}
	leave();
}

static void
one_event_is_had_by_its_number(void)
{
	static const char *const missing[] = {
		"0", "61", "x", "-1", "1x", "9223372036854775807", "99999999999999999999999"};
	char path[64];
	json_t *o;
	size_t i;

	enter();
	o = fix_get(&w.fix, "/api/v1/events/17");
	CU_ASSERT_STRING_EQUAL(fix_str(o, "id"), "17");
	CU_ASSERT_EQUAL(number_of(o), 16);
	json_decref(o);
	for (i = 0; i < BH_ARRAY_SIZE(missing); i++) {
		snprintf(path, sizeof(path), "/api/v1/events/%s", missing[i]);
		CU_ASSERT_EQUAL(fix_send(&w.fix, "GET", path, NULL), 404);
	}
	leave();
}

/* ---- the stream --------------------------------------------------------------------------------------- */

struct listener {
	int fd;
	struct bh_buf got;
};

static void
listen_to(struct listener *l, const char *query, const char *last)
{
	char ask[400];
	int n = snprintf(ask, sizeof(ask),
			 "GET /api/v1/events/stream%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
			 "Authorization: Bearer " FIX_TOKEN "\r\n%s%s%s\r\n",
			 query, last != NULL ? "Last-Event-ID: " : "", last != NULL ? last : "",
			 last != NULL ? "\r\n" : "");

	*l = (struct listener){.fd = fix_connect(&w.fix)};
	CU_ASSERT_FATAL(l->fd >= 0);
	CU_ASSERT_EQUAL(send(l->fd, ask, (size_t)n, MSG_NOSIGNAL), n);
}

/* Wait until it was said. */
static bool
hears(struct listener *l, const char *what)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};
	char part[4096];
	ssize_t n;

	while (l->got.data == NULL || strstr(l->got.data, what) == NULL) {
		if (poll(&p, 1, 20000) != 1 || (n = recv(l->fd, part, sizeof(part), 0)) <= 0)
			return false;
		bh_buf_add(&l->got, part, (size_t)n);
	}
	return true;
}

static bool
heard(const struct listener *l, const char *what)
{
	return l->got.data != NULL && strstr(l->got.data, what) != NULL;
}

static void
stop_listening(struct listener *l)
{
	close(l->fd);
	bh_buf_free(&l->got);
}

static void
a_stream_says_what_happens_from_now_on_and_fits(void)
{
	struct listener all, some;

	enter();
	listen_to(&all, "", NULL);
	listen_to(&some, "?kind=violation", NULL);
	CU_ASSERT(hears(&all, "\r\n\r\n") && hears(&some, "\r\n\r\n"));
	CU_ASSERT(heard(&all, "HTTP/1.1 200") && heard(&all, "Content-Type: text/event-stream"));
	say(EVENTS + 1);
	say(EVENTS + 2);
	bh_record_flush(w.rig.r);
	CU_ASSERT(hears(&all, "id: 62\ndata: {") && hears(&some, "id: 62\ndata: {"));
	CU_ASSERT(heard(&all, "id: 61\ndata: {"));
	CU_ASSERT(!heard(&some, "id: 61\n"));
	CU_ASSERT(!heard(&all, "id: 60\n"));
	stop_listening(&all);
	stop_listening(&some);
	leave();
}

static void
a_stream_goes_on_where_it_was(void)
{
	struct listener l;
	char want[32];
	unsigned i;

	enter();
	listen_to(&l, "", "57");
	for (i = 58; i <= EVENTS; i++) {
		snprintf(want, sizeof(want), "id: %u\ndata: {", i);
		CU_ASSERT(hears(&l, want));
	}
	CU_ASSERT(!heard(&l, "id: 57\n"));
	CU_ASSERT(!heard(&l, "event: gap"));
	stop_listening(&l);
	/* From a time on; and with a number of another store, which would else say nothing for ever. */
	listen_to(&l, "?since=2026-09-21T15:11:20Z", NULL);
	CU_ASSERT(hears(&l, "id: 60\ndata: {"));
	CU_ASSERT(heard(&l, "id: 59\ndata: {") && !heard(&l, "id: 58\ndata: {"));
	stop_listening(&l);
	listen_to(&l, "", "100000");
	CU_ASSERT(hears(&l, "\r\n\r\n"));
	say(EVENTS);
	bh_record_flush(w.rig.r);
	CU_ASSERT(hears(&l, "id: 61\ndata: {"));
	stop_listening(&l);
	listen_to(&l, "", "some");
	CU_ASSERT(hears(&l, "HTTP/1.1 400"));
	stop_listening(&l);
	leave();
}

/* What was deleted before it could be said is told of. */
static void
a_stream_names_what_it_lost(void)
{
	struct bh_record_stats st;
	struct listener l;

	enter();
	bh_record_close(w.rig.r);
	fix_stop(&w.fix);
	w.rig.p.keep_ns = 10 * MINUTE;
	w.rig.wall = RIG_START + EVENTS * MINUTE;
	CU_ASSERT_EQUAL_FATAL(rig_open(&w.rig), 0);
	do {
		say(EVENTS);
		bh_record_flush(w.rig.r);
		bh_record_stats(w.rig.r, &st);
	} while (st.oldest < 50);
	fix_start(&w.fix, with_record);
	listen_to(&l, "", "17");
	CU_ASSERT(hears(&l, "event: gap\ndata: {\"from\":\"18\",\"to\":\""));
	CU_ASSERT(hears(&l, "id: 61\ndata: {"));
	CU_ASSERT(!heard(&l, "id: 18\n"));
	stop_listening(&l);
	leave();
}

static void
streams_are_few_and_make_room_when_they_end(void)
{
	struct listener l[17];
	unsigned i;

	enter();
	for (i = 0; i < 16; i++) {
		listen_to(&l[i], "", "59");
		CU_ASSERT(hears(&l[i], "id: 60\ndata: {"));
	}
	listen_to(&l[16], "", NULL);
	CU_ASSERT(hears(&l[16], "\r\n\r\n") && heard(&l[16], "HTTP/1.1 503") &&
		  heard(&l[16], "Retry-After: 10"));
	stop_listening(&l[16]);
	stop_listening(&l[3]);
	for (i = 0; i < 100; i++) {
		listen_to(&l[3], "", "59");
		CU_ASSERT(hears(&l[3], "\r\n\r\n"));
		if (heard(&l[3], "HTTP/1.1 200"))
			break;
		stop_listening(&l[3]);
		usleep(100000);
	}
	CU_ASSERT(i < 100);
	for (i = 0; i < 16; i++)
		stop_listening(&l[i]);
	leave();
}

const struct bh_unit_test bh_suite_api_events[] = {
	BH_TEST(each_argument_asks_what_it_says),
	BH_TEST(pages_hold_each_event_once_newest_first),
	BH_TEST(what_is_not_understood_is_refused_by_name),
	BH_TEST(one_event_is_had_by_its_number),
	BH_TEST(a_stream_says_what_happens_from_now_on_and_fits),
	BH_TEST(a_stream_goes_on_where_it_was),
	BH_TEST(a_stream_names_what_it_lost),
	BH_TEST(streams_are_few_and_make_room_when_they_end),
	BH_TEST_END,
};
