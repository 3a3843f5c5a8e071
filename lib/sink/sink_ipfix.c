/* ipfix: flows to a collector, over UDP or TCP (RFC 7011 10). Templates go out at the start of each TCP connection; over UDP,
 * where they may be lost, again and again (8.4).
 *
 * Counters of a record are those since the record before it about the same flow, as collectors add them up. Workers tell of
 * totals; what has been told of flows that go on is remembered here. What finds no room there is told of at its end. */
#include <errno.h>
#include <stdlib.h>

#include "ipfix.h"
#include "sink_priv.h"

#define DATAGRAM_BYTES 1400u /* fits a frame of 1,500 with IPv6 and one tunnel */
#define STREAM_BYTES 8192u
#define TOLD_BITS 16
#define TOLD_SLOTS (1u << TOLD_BITS)
#define TOLD_MAX (TOLD_SLOTS / 4 * 3)
#define FORGET_MS (UINT64_C(86400000)) /* its end was lost */
#define SWEEP_MS 60000u                /* of a full table at most so often: it is all looked at */

struct told {
	uint64_t flow_id; /* 0: free */
	uint64_t bytes[2], packets[2], end_ms;
};

struct ipfix {
	struct bh_link link;
	uint32_t enterprise, domain, templates_ms;
	/* sender */
	struct bh_ipfix_message message;
	uint8_t data[STREAM_BYTES];
	uint32_t sequence;
	uint64_t templates_ns; /* last sent; 0: not yet in this session */
	/* control thread */
	unsigned n_told;
	uint64_t swept_ms;
	struct told told[TOLD_SLOTS];
};

static int
ipfix_open(void **state, const struct bh_sink_params *p, int stop_fd, struct bh_err *err)
{
	const struct bh_sink_options *o = p->options;
	struct ipfix *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return bh_err_set(err, ENOMEM, "no memory for a sink");
	rc = bh_link_init(&s->link, p->to, "4739", stop_fd, err);
	if (rc != 0) {
		free(s);
		return rc;
	}
	s->enterprise = o->enterprise;
	s->domain = o->domain;
	s->templates_ms = o->templates_ms;
	s->message =
		(struct bh_ipfix_message){.data = s->data,
					  .max = s->link.stream ? STREAM_BYTES : DATAGRAM_BYTES};
	*state = s;
	return 0;
}

static void
ipfix_close(void *state)
{
	struct ipfix *s = state;

	bh_link_close(&s->link);
	free(s);
}

/* ---- control thread: what was told of flows that go on ---------------------------------------------------- */

static unsigned
slot_of(uint64_t flow_id)
{
	return (unsigned)(flow_id * UINT64_C(0x9e3779b97f4a7c15) >> (64 - TOLD_BITS));
}

/* Its entry, or the free one where it would be. There is always a free one. */
static struct told *
find(struct ipfix *s, uint64_t flow_id)
{
	unsigned i = slot_of(flow_id);

	while (s->told[i].flow_id != 0 && s->told[i].flow_id != flow_id)
		i = (i + 1) % TOLD_SLOTS;
	return &s->told[i];
}

/* Knuth, Sorting and Searching, 6.4 algorithm R: later ones move up, so that none hides behind the hole. */
static void
forget(struct ipfix *s, struct told *t)
{
	unsigned hole = (unsigned)(t - s->told), i = hole, home;

	for (;;) {
		s->told[hole].flow_id = 0;
		do {
			i = (i + 1) % TOLD_SLOTS;
			if (s->told[i].flow_id == 0) {
				s->n_told--;
				return;
			}
			home = slot_of(s->told[i].flow_id);
		} while ((i - home) % TOLD_SLOTS < (i - hole) % TOLD_SLOTS);
		s->told[hole] = s->told[i];
		hole = i;
	}
}

static void
forget_old(struct ipfix *s, uint64_t now_ms)
{
	unsigned i;

	if (now_ms < s->swept_ms + SWEEP_MS)
		return;
	s->swept_ms = now_ms;
	for (i = 0; i < TOLD_SLOTS; i++) {
		while (s->told[i].flow_id != 0 && s->told[i].end_ms + FORGET_MS < now_ms)
			forget(s, &s->told[i]);
	}
}

static uint64_t
since(uint64_t total, uint64_t told)
{
	return total > told ? total - told : 0;
}

/* false: there is no room to remember it, so it is told of at its end. */
static bool
span_of(struct ipfix *s, const struct bh_event *e, struct bh_ipfix_span *span)
{
	uint64_t idle_ns = (uint64_t)e->last_ms_ago * BH_NS_PER_MS;
	uint64_t last_ns = e->time_ns > idle_ns ? e->time_ns - idle_ns : 0;
	struct told *t = find(s, e->flow_id);
	unsigned i;

	span->start_ms = e->start_ns / BH_NS_PER_MS;
	span->end_ms = (last_ns > e->start_ns ? last_ns : e->start_ns) / BH_NS_PER_MS;
	if (t->flow_id != 0 && t->end_ms > span->start_ms)
		span->start_ms = t->end_ms < span->end_ms ? t->end_ms : span->end_ms;
	for (i = 0; i < 2; i++) {
		span->bytes[i] = since(e->bytes[i], t->flow_id != 0 ? t->bytes[i] : 0);
		span->packets[i] = since(e->packets[i], t->flow_id != 0 ? t->packets[i] : 0);
	}
	if (e->type == BH_EVENT_FLOW) {
		if (t->flow_id != 0)
			forget(s, t);
		return true;
	}
	if (t->flow_id == 0) {
		if (s->n_told == TOLD_MAX) {
			forget_old(s, span->end_ms);
			t = find(s, e->flow_id);
		}
		if (s->n_told == TOLD_MAX)
			return false;
		s->n_told++;
	}
	*t = (struct told){.flow_id = e->flow_id, .end_ms = span->end_ms};
	for (i = 0; i < 2; i++) {
		t->bytes[i] = e->bytes[i];
		t->packets[i] = e->packets[i];
	}
	return true;
}

static bool
ipfix_format(void *state, struct bh_buf *out, const struct bh_sink_record *r, uint64_t seq)
{
	const struct bh_event *e = r->event;
	struct bh_ipfix_span span;

	(void)seq;
	if (e == NULL || (e->type != BH_EVENT_FLOW && e->type != BH_EVENT_FLOW_ACTIVE) ||
	    e->flow_id == 0)
		return false;
	return span_of(state, e, &span) && bh_ipfix_record(out, e, &span, r->names);
}

/* ---- sender ------------------------------------------------------------------------------------------- */

static int
send_message(struct ipfix *s)
{
	int rc;

	bh_ipfix_message_end(&s->message, (uint32_t)(bh_clock_system.wall_ns(NULL) / BH_NS_PER_SEC),
			     s->sequence, s->domain);
	rc = bh_link_send(&s->link, s->data, s->message.len);
	if (rc == 0)
		s->sequence += s->message.n;
	return rc;
}

static int
send_templates(struct ipfix *s)
{
	uint64_t now = bh_clock_system.mono_ns(NULL);
	int rc;

	if (s->templates_ns != 0 &&
	    (s->link.stream || now - s->templates_ns < s->templates_ms * BH_NS_PER_MS))
		return 0;
	bh_ipfix_message_begin(&s->message);
	if (!bh_ipfix_message_templates(&s->message, s->enterprise))
		return -ENOMEM;
	rc = send_message(s);
	if (rc == 0)
		s->templates_ns = now;
	return rc;
}

static int
ipfix_send(void *state, const struct bh_spool_item *item, unsigned n)
{
	struct ipfix *s = state;
	unsigned i;
	int rc = bh_link_connect(&s->link);

	if (rc == 0)
		rc = send_templates(s);
	if (rc != 0)
		return rc;
	bh_ipfix_message_begin(&s->message);
	for (i = 0; i < n && rc == 0; i++)
		rc = bh_ipfix_message_add(&s->message, item[i].data, item[i].len);
	if (s->message.n == 0)
		return -EMSGSIZE;
	i = s->message.n;
	rc = send_message(s);
	return rc == 0 ? (int)i : rc;
}

static int
ipfix_settled(void *state)
{
	return bh_link_settled(&((struct ipfix *)state)->link);
}

/* Over TCP a connection is a session: templates and numbers begin anew. UDP has none. */
static void
ipfix_reset(void *state)
{
	struct ipfix *s = state;

	bh_link_close(&s->link);
	s->templates_ns = 0;
	if (s->link.stream)
		s->sequence = 0;
}

const struct bh_sink_ops bh_sink_ipfix = {
	.open = ipfix_open,
	.close = ipfix_close,
	.format = ipfix_format,
	.send = ipfix_send,
	.settled = ipfix_settled,
	.reset = ipfix_reset,
	.active = true,
};
