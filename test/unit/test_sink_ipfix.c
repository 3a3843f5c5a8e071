/* IPFIX: its bytes, read back by a reader that knows nothing but RFC 7011 and what the templates say. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../lib/sink/ipfix.h"
#include "../../lib/sink/sink.h"
#include "unit.h"

#define OUR_PEN 32473u
#define REVERSED(id) ((uint64_t)BH_IPFIX_REVERSE_PEN << 16 | (id))
#define OURS(id) ((uint64_t)OUR_PEN << 16 | (id))

static const char *
segment_name(void *arg, uint32_t id)
{
	(void)arg;
	return id == 1 ? "shop/web" : id == 2 ? "cde/cards" : NULL;
}

static const char *
rule_name(void *arg, uint32_t id)
{
	(void)arg;
	return id == 7 ? "web-to-cards" : NULL;
}

static const struct bh_event_names names = {.segment = segment_name, .rule = rule_name};

/* end 1 opened it */
static struct bh_event
flow_of(uint8_t family)
{
	struct bh_event e = {.type = BH_EVENT_FLOW,
			     .flow_id = UINT64_C(0x0102030405060708),
			     .has_flow = 1,
			     .initiator = 1,
			     .time_ns = UINT64_C(1700000010000) * BH_NS_PER_MS,
			     .start_ns = UINT64_C(1700000000000) * BH_NS_PER_MS,
			     .last_ms_ago = 2000,
			     .bytes = {5000, 300},
			     .packets = {5, 3},
			     .rule = 7,
			     .segment = {2, 1},
			     .verdict = BH_VERDICT_ALLOW,
			     .mode = BH_MODE_PROTECT,
			     .tcp_seen = {BH_TCP_SYN | BH_TCP_ACK, BH_TCP_SYN | BH_TCP_FIN},
			     .flow_end = BH_FLOW_END_CLOSED};
	unsigned i;

	e.key.family = family;
	e.key.proto = 6;
	e.key.port[0] = 443;
	e.key.port[1] = 50123;
	for (i = 0; i < sizeof(e.key.addr); i++)
		((uint8_t *)e.key.addr)[i] = (uint8_t)(i + 1);
	return e;
}

/* ---- the reader ---------------------------------------------------------------------------------------- */

struct field {
	uint64_t id; /* enterprise number << 16 | element */
	unsigned bytes;
};

struct reader {
	struct field field[2][64];
	unsigned n[2], templates, records, sets;
	uint32_t sequence;
	struct {
		uint64_t id, number;
		char text[128];
		unsigned len;
	} value[64]; /* of the last record */
	unsigned n_values;
};

static uint64_t
number(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes-- != 0)
		v = v << 8 | *p++;
	return v;
}

static void
read_templates(struct reader *r, const uint8_t *p, const uint8_t *end)
{
	unsigned id, n, i;

	while (p < end) {
		id = (unsigned)number(p, 2) - 256;
		n = (unsigned)number(p + 2, 2);
		CU_ASSERT_FATAL(id < 2 && n <= 64);
		for (p += 4, i = 0; i < n; i++, p += 4) {
			struct field *f = &r->field[id][i];

			f->id = number(p, 2);
			f->bytes = (unsigned)number(p + 2, 2);
			if ((f->id & 0x8000) != 0) {
				f->id = number(p + 4, 4) << 16 | (f->id & 0x7fff);
				p += 4;
			}
		}
		r->n[id] = n;
		r->templates++;
	}
	CU_ASSERT_PTR_EQUAL(p, end);
}

static void
read_records(struct reader *r, unsigned id, const uint8_t *p, const uint8_t *end)
{
	unsigned i, len;

	CU_ASSERT_FATAL(id < 2 && r->n[id] != 0);
	while (p < end) {
		for (i = 0; i < r->n[id]; i++) {
			len = r->field[id][i].bytes;
			if (len == 65535) {
				len = *p++;
				CU_ASSERT_FATAL(len < sizeof(r->value[0].text));
			}
			CU_ASSERT_FATAL((size_t)(end - p) >= len);
			r->value[i].id = r->field[id][i].id;
			r->value[i].number = len <= 8 ? number(p, len) : 0;
			r->value[i].len = len;
			memcpy(r->value[i].text, p, len);
			r->value[i].text[len] = '\0';
			p += len;
		}
		r->n_values = r->n[id];
		r->records++;
	}
	CU_ASSERT_PTR_EQUAL(p, end);
}

static void
read_message(struct reader *r, const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;

	CU_ASSERT_FATAL(len >= 16);
	CU_ASSERT_EQUAL(number(p, 2), 10);
	CU_ASSERT_EQUAL_FATAL(number(p + 2, 2), len);
	r->sequence = (uint32_t)number(p + 8, 4);
	for (p += 16; p < end;) {
		unsigned id = (unsigned)number(p, 2), size = (unsigned)number(p + 2, 2);

		CU_ASSERT_FATAL(size >= 4 && (size_t)(end - p) >= size);
		if (id == 2)
			read_templates(r, p + 4, p + size);
		else
			read_records(r, id - 256, p + 4, p + size);
		r->sets++;
		p += size;
	}
}

static uint64_t
value(const struct reader *r, uint64_t id)
{
	unsigned i;

	for (i = 0; i < r->n_values; i++) {
		if (r->value[i].id == id)
			return r->value[i].number;
	}
	CU_FAIL("the record lacks an element");
	return 0;
}

static const char *
text(const struct reader *r, uint64_t id)
{
	unsigned i;

	for (i = 0; i < r->n_values; i++) {
		if (r->value[i].id == id)
			return r->value[i].text;
	}
	return "(absent)";
}

/* ---- bytes --------------------------------------------------------------------------------------------- */

static void
write_one(struct reader *r, const struct bh_event *e, const struct bh_ipfix_span *span)
{
	uint8_t data[2048];
	struct bh_ipfix_message m = {.data = data, .max = sizeof(data)};
	struct bh_buf b = {0};

	CU_ASSERT_FATAL(bh_ipfix_record(&b, e, span, &names));
	bh_ipfix_message_begin(&m);
	CU_ASSERT(bh_ipfix_message_templates(&m, OUR_PEN));
	CU_ASSERT_EQUAL(bh_ipfix_message_add(&m, (uint8_t *)b.data, b.len), 0);
	bh_ipfix_message_end(&m, 5, 77, 3);
	CU_ASSERT_EQUAL(number(data + 4, 4), 5);
	CU_ASSERT_EQUAL(number(data + 12, 4), 3);
	read_message(r, data, m.len);
	bh_buf_free(&b);
}

static void
a_record_tells_both_directions_from_its_opener(void)
{
	static struct reader r;
	struct bh_event e = flow_of(BH_IP4);
	struct bh_ipfix_span span = {1000, 2000, {5000, 300}, {5, 3}};

	memset(&r, 0, sizeof(r));
	write_one(&r, &e, &span);
	CU_ASSERT_EQUAL(r.sequence, 77);
	CU_ASSERT_EQUAL(r.templates, 2);
	CU_ASSERT_EQUAL(r.records, 1);
	CU_ASSERT_EQUAL(value(&r, 148), e.flow_id);
	CU_ASSERT_EQUAL(value(&r, 152), 1000);
	CU_ASSERT_EQUAL(value(&r, 153), 2000);
	CU_ASSERT_EQUAL(value(&r, 8), number((uint8_t *)&e.key.addr[1], 4));
	CU_ASSERT_EQUAL(value(&r, 12), number((uint8_t *)&e.key.addr[0], 4));
	CU_ASSERT_EQUAL(value(&r, 7), 50123);
	CU_ASSERT_EQUAL(value(&r, 11), 443);
	CU_ASSERT_EQUAL(value(&r, 4), 6);
	CU_ASSERT_EQUAL(value(&r, 136), BH_IPFIX_END_SEEN);
	CU_ASSERT_EQUAL(value(&r, 239), 1);
	CU_ASSERT_EQUAL(value(&r, 1), 300);
	CU_ASSERT_EQUAL(value(&r, 2), 3);
	CU_ASSERT_EQUAL(value(&r, REVERSED(1)), 5000);
	CU_ASSERT_EQUAL(value(&r, REVERSED(2)), 5);
	CU_ASSERT_EQUAL(value(&r, 6), BH_TCP_SYN | BH_TCP_FIN);
	CU_ASSERT_EQUAL(value(&r, REVERSED(6)), BH_TCP_SYN | BH_TCP_ACK);
	CU_ASSERT_STRING_EQUAL(text(&r, OURS(BH_IPFIX_SRC_SEGMENT)), "shop/web");
	CU_ASSERT_STRING_EQUAL(text(&r, OURS(BH_IPFIX_DST_SEGMENT)), "cde/cards");
	CU_ASSERT_STRING_EQUAL(text(&r, OURS(BH_IPFIX_RULE)), "web-to-cards");
	CU_ASSERT_STRING_EQUAL(text(&r, OURS(BH_IPFIX_VERDICT)), "allow");
	CU_ASSERT_STRING_EQUAL(text(&r, OURS(BH_IPFIX_MODE)), "protect");
	CU_ASSERT_STRING_EQUAL(text(&r, OURS(BH_IPFIX_REASON)), "");
}

static void
ipv6_and_icmp_have_elements_of_their_own(void)
{
	static struct reader r;
	struct bh_event e = flow_of(BH_IP6);
	struct bh_ipfix_span span = {0};
	unsigned i;

	e.key.proto = 58;
	e.service = 0x8001;
	e.type = BH_EVENT_FLOW_ACTIVE;
	memset(&r, 0, sizeof(r));
	write_one(&r, &e, &span);
	CU_ASSERT_EQUAL(value(&r, 139), 0x8001);
	CU_ASSERT_EQUAL(value(&r, 7), 0);
	CU_ASSERT_EQUAL(value(&r, 6), 0);
	CU_ASSERT_EQUAL(value(&r, 136), BH_IPFIX_END_ACTIVE);
	for (i = 0; i < r.n_values; i++) {
		if (r.value[i].id == 27)
			CU_ASSERT_EQUAL(memcmp(r.value[i].text, &e.key.addr[1], 16), 0);
	}
	e.key.family = 0;
	CU_ASSERT_FALSE(bh_ipfix_record(&(struct bh_buf){0}, &e, &span, NULL));
}

/* Any mixture of both families: each record comes back once and in order, no message is longer than it may be. */
static void
records_fill_messages_and_sets_change_with_the_family(void)
{
	static struct reader r;
	uint8_t data[1400];
	struct bh_ipfix_message m = {.data = data, .max = sizeof(data)};
	struct bh_ipfix_span span = {0};
	struct bh_buf b = {0};
	uint32_t seed = 7;
	unsigned i, sent = 0, full = 0;
	int rc;

	memset(&r, 0, sizeof(r));
	bh_ipfix_message_begin(&m);
	CU_ASSERT(bh_ipfix_message_templates(&m, OUR_PEN));
	bh_ipfix_message_end(&m, 0, 0, 0);
	read_message(&r, data, m.len);
	bh_ipfix_message_begin(&m);
	for (i = 0; i < 500; i++) {
		struct bh_event e =
			flow_of((seed = seed * 1664525 + 1013904223) >> 31 ? BH_IP4 : BH_IP6);

		e.flow_id = i + 1;
		bh_buf_reset(&b);
		CU_ASSERT_FATAL(bh_ipfix_record(&b, &e, &span, i % 3 ? &names : NULL));
		rc = bh_ipfix_message_add(&m, (uint8_t *)b.data, b.len);
		if (rc == -ENOSPC) {
			bh_ipfix_message_end(&m, 0, sent, 0);
			sent += m.n;
			read_message(&r, data, m.len);
			CU_ASSERT_EQUAL(r.records, i);
			CU_ASSERT_EQUAL(value(&r, 148), i);
			bh_ipfix_message_begin(&m);
			rc = bh_ipfix_message_add(&m, (uint8_t *)b.data, b.len);
			full++;
		}
		CU_ASSERT_EQUAL(rc, 0);
	}
	CU_ASSERT(full > 30);
	CU_ASSERT(r.sets > full + 100);
	data[0] = 99; /* a form that is not ours, of another release's spool */
	CU_ASSERT_EQUAL(bh_ipfix_message_add(&m, data, 200), -EMSGSIZE);
	bh_buf_free(&b);
}

/* ---- through the sink ----------------------------------------------------------------------------------- */

struct way {
	char folder[64];
	int fd;
	struct bh_sink *sink;
	struct reader r;
};

static void
open_way(struct way *w)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct bh_sink_options o = {.enterprise = OUR_PEN, .domain = 9, .templates_ms = 3600000};
	char to[64];
	struct bh_sink_params p = {.type = BH_SINK_IPFIX,
				   .name = "test",
				   .to = to,
				   .kinds = BH_SINK_KIND_FLOW,
				   .options = &o,
				   .spool = w->folder,
				   .spool_bytes = 8u << 20,
				   .retry_ms = {10, 40},
				   .settle_ms = 50};
	socklen_t len = sizeof(a);
	struct bh_err err = {0};

	memset(w, 0, sizeof(*w));
	strcpy(w->folder, "/tmp/bh_ipfix_XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(w->folder));
	w->fd = socket(AF_INET, SOCK_DGRAM, 0);
	CU_ASSERT_EQUAL_FATAL(bind(w->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CU_ASSERT_EQUAL(getsockname(w->fd, (struct sockaddr *)&a, &len), 0);
	snprintf(to, sizeof(to), "udp://127.0.0.1:%u", ntohs(a.sin_port));
	CU_ASSERT_EQUAL_FATAL(bh_sink_open(&w->sink, &p, &err), 0);
}

static void
close_way(struct way *w)
{
	char command[96];

	bh_sink_close(w->sink);
	close(w->fd);
	snprintf(command, sizeof(command), "rm -r %s", w->folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void
put(struct way *w, const struct bh_event *e)
{
	struct bh_sink_record r = {.time_ns = e->time_ns, .event = e, .names = &names};

	if (e->type == BH_EVENT_FLOW) {
		r.line = "{\"event_type\":\"flow\"}";
		r.len = strlen(r.line);
	}
	bh_sink_put(w->sink, &r);
}

static void
take(struct way *w, unsigned records)
{
	struct pollfd p = {.fd = w->fd, .events = POLLIN};
	uint8_t data[2048];
	ssize_t n;

	while (w->r.records < records) {
		CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 20000), 1);
		n = recv(w->fd, data, sizeof(data), 0);
		CU_ASSERT_FATAL(n > 0);
		read_message(&w->r, data, (size_t)n);
	}
	CU_ASSERT_EQUAL(w->r.records, records);
}

/* What collectors add up: the records of a flow that goes on, and of its end, make its totals, without gap or overlap. */
static void
records_of_a_long_flow_add_up(void)
{
	static struct way w;
	struct bh_event e = flow_of(BH_IP4);
	uint64_t bytes = 0, packets = 0, end = e.start_ns / BH_NS_PER_MS;
	unsigned i;

	open_way(&w);
	for (i = 1; i <= 5; i++) {
		e.type = i < 5 ? BH_EVENT_FLOW_ACTIVE : BH_EVENT_FLOW;
		e.time_ns += 60 * BH_NS_PER_SEC;
		e.bytes[0] += 1000 * i;
		e.packets[0] += i;
		put(&w, &e);
		take(&w, i);
		CU_ASSERT_EQUAL(value(&w.r, 136), i < 5 ? BH_IPFIX_END_ACTIVE : BH_IPFIX_END_SEEN);
		CU_ASSERT_EQUAL(value(&w.r, 152), end);
		end = value(&w.r, 153);
		CU_ASSERT_EQUAL(end, e.time_ns / BH_NS_PER_MS - 2000);
		bytes += value(&w.r, REVERSED(1));
		packets += value(&w.r, REVERSED(2));
	}
	CU_ASSERT_EQUAL(bytes, e.bytes[0]);
	CU_ASSERT_EQUAL(packets, e.packets[0]);
	/* Its number is free again: the next one is told of whole. */
	put(&w, &e);
	take(&w, 6);
	CU_ASSERT_EQUAL(value(&w.r, REVERSED(1)), e.bytes[0]);
	CU_ASSERT_EQUAL(w.r.sequence, 5);
	CU_ASSERT_EQUAL(w.r.templates, 2);
	close_way(&w);
}

/* More flows than are remembered, in any order: whatever is told of, each one's records add up to its total. */
static void
many_long_flows_add_up_whatever_is_remembered(void)
{
	enum { FLOWS = 60000 };
	static struct way w;
	struct bh_event e = flow_of(BH_IP4);
	unsigned i, bad = 0, seen = 0, total;
	uint32_t seed = 3;

	open_way(&w);
	/* 60,000 are told of twice; 49,152 (three quarters of the slots) of them are remembered. */
	for (i = 0; i < FLOWS; i++) {
		e.type = BH_EVENT_FLOW_ACTIVE;
		e.flow_id = i + 1;
		e.bytes[0] = 10;
		put(&w, &e);
		total = i < 49152 ? i + 1 : 49152;
		if (i % 64 == 63 || i == FLOWS - 1) {
			take(&w, total);
		}
	}
	seen = w.r.records;
	CU_ASSERT_EQUAL(seen, 49152);
	for (i = 0; i < FLOWS; i++) {
		unsigned f = (unsigned)((i * UINT64_C(7919) + seed) % FLOWS);

		e.type = BH_EVENT_FLOW;
		e.flow_id = f + 1;
		e.bytes[0] = 25;
		put(&w, &e);
		take(&w, seen + i + 1);
		bad += value(&w.r, 148) != f + 1 ||
		       value(&w.r, REVERSED(1)) != (f < 49152 ? 15u : 25u);
	}
	CU_ASSERT_EQUAL(bad, 0);
	close_way(&w);
}

/* A flow whose end never came does not take the place of others for ever. */
static void
what_was_not_heard_of_for_a_day_makes_room(void)
{
	enum { ROOM = 49152 };
	static struct way w;
	struct bh_event e = flow_of(BH_IP4);
	unsigned i;

	open_way(&w);
	e.type = BH_EVENT_FLOW_ACTIVE;
	for (i = 0; i < ROOM; i++) {
		e.flow_id = i + 1;
		put(&w, &e);
		if (i % 64 == 63)
			take(&w, i + 1);
	}
	e.flow_id = ROOM + 1;
	put(&w, &e); /* no room: nothing is told */
	e.time_ns += 2 * 86400 * BH_NS_PER_SEC;
	e.flow_id = ROOM + 2;
	put(&w, &e);
	take(&w, ROOM + 1);
	CU_ASSERT_EQUAL(value(&w.r, 148), ROOM + 2);
	close_way(&w);
}

const struct bh_unit_test bh_suite_sink_ipfix[] = {
	BH_TEST(a_record_tells_both_directions_from_its_opener),
	BH_TEST(ipv6_and_icmp_have_elements_of_their_own),
	BH_TEST(records_fill_messages_and_sets_change_with_the_family),
	BH_TEST(records_of_a_long_flow_add_up),
	BH_TEST(many_long_flows_add_up_whatever_is_remembered),
	BH_TEST(what_was_not_heard_of_for_a_day_makes_room),
	BH_TEST_END,
};
