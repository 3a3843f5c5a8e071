/* Conversations in a folder of their own, segments whose names are "s<n>", and a clock that is set by hand. */
#ifndef BH_TEST_LEARN_RIG_H
#define BH_TEST_LEARN_RIG_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/learn/learn.h"
#include "unit.h"

#define RIG_UNUSED __attribute__((unused))
#define RIG_EXTERNAL 0 /* name ids of the reserved segments */
#define RIG_UNKNOWN 1

struct rig {
	char dir[64], path[128];
	struct bh_learn *l;
	struct bh_clock clock;
	uint64_t wall;
	struct bh_event_names names;
	struct bh_learn_params p;
	struct bh_err err;
};

static uint64_t
rig_wall(void *arg)
{
	return ((struct rig *)arg)->wall;
}

static const char *
rig_segment(void *arg, uint32_t segment)
{
	static char name[8][16];
	static unsigned at;

	(void)arg;
	if (segment < 2)
		return segment == RIG_EXTERNAL ? "external" : "unknown";
	/* Segments from 1000 on are those that were made for addresses. */
	at = (at + 1) % 8;
	snprintf(name[at], sizeof(name[at]), segment >= 1000 ? "host-192.0.2.%u" : "s%u",
		 segment >= 1000 ? segment - 1000 : segment);
	return name[at];
}

static const char *
rig_rule(void *arg, uint32_t rule)
{
	(void)arg;
	return rule == 7 ? "seven" : "";
}

static const char *
rig_app(void *arg, uint16_t app)
{
	(void)arg;
	return bh_app_name(app);
}

static RIG_UNUSED int
rig_open(struct rig *r)
{
	r->names =
		(struct bh_event_names){.segment = rig_segment, .rule = rig_rule, .app = rig_app};
	r->clock = (struct bh_clock){.wall_ns = rig_wall, .mono_ns = rig_wall, .arg = r};
	r->p.names = &r->names;
	r->p.clock = &r->clock;
	r->p.path = r->path;
	r->err = (struct bh_err){0};
	return bh_learn_open(&r->l, &r->p, &r->err);
}

static RIG_UNUSED void
rig_enter(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	snprintf(r->dir, sizeof(r->dir), "/tmp/bh_learn_XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(r->dir));
	snprintf(r->path, sizeof(r->path), "%s/conversations.db", r->dir);
	r->wall = UINT64_C(1767323045678000000);
	r->p = (struct bh_learn_params){.max = 1024, .addresses = 4, .operations = true};
	CU_ASSERT_EQUAL_FATAL(rig_open(r), 0);
}

static RIG_UNUSED void
rig_again(struct rig *r)
{
	bh_learn_close(r->l);
	CU_ASSERT_EQUAL_FATAL(rig_open(r), 0);
}

static RIG_UNUSED void
rig_leave(struct rig *r)
{
	char path[160];

	bh_learn_close(r->l);
	snprintf(path, sizeof(path), "%s-wal", r->path);
	unlink(path);
	unlink(r->path);
	CU_ASSERT_EQUAL(rmdir(r->dir), 0);
}

/* A TCP connection of segment `from` to `to` that both ends agreed to, and that ended. */
static RIG_UNUSED struct bh_event
rig_flow(const struct rig *r, uint32_t from, uint32_t to, uint16_t port, unsigned app)
{
	const uint8_t both = BH_TCP_SYN | BH_TCP_ACK;
	struct bh_event e = {
		.type = BH_EVENT_FLOW,
		.time_ns = r->wall,
		.has_flow = 1,
		.segment = {from, to},
		.key = {.proto = 6, .family = 4, .port = {40000, port}},
		.verdict = BH_VERDICT_ALLOW,
		.reason = BH_REASON_DISCOVER,
		.rule = UINT32_MAX,
		.app = (uint16_t)app,
		.app_done = 1,
		.flow_state = BH_STATE_CLOSED,
		.tcp_seen = {both, both},
		.bytes = {100, 1000},
	};

	e.key.addr[0].b[0] = e.key.addr[1].b[0] = 10;
	e.key.addr[0].b[3] = (uint8_t)from;
	e.key.addr[1].b[3] = (uint8_t)to;
	return e;
}

static RIG_UNUSED void
rig_see(struct rig *r, uint32_t from, uint32_t to, uint16_t port, unsigned app)
{
	struct bh_event e = rig_flow(r, from, to, port, app);

	bh_learn_events(r->l, &e, 1);
}

/* A line a conversation, by id: "s2>s3 tcp/80 http 1/0/0/0". */
static RIG_UNUSED bool
rig_line(void *arg, const struct bh_conversation *c)
{
	struct bh_buf *b = arg;

	bh_buf_printf(b, "%s%s>%s %u/%u %s %llu/%llu/%llu/%llu%s%s", b->len != 0 ? ", " : "",
		      c->from.name, c->to.name, c->service >> 16, c->service & 0xffff,
		      c->app[0] != '\0' ? c->app : "-",
		      (unsigned long long)c->sessions[BH_SEEN_RULE],
		      (unsigned long long)c->sessions[BH_SEEN_LEARNED],
		      (unsigned long long)c->sessions[BH_SEEN_VIOLATED],
		      (unsigned long long)c->sessions[BH_SEEN_BLOCKED], c->learn ? "" : " not",
		      c->open != 0 ? " open" : "");
	return true;
}

#define RIG_IS(r, text)                                                                            \
	do {                                                                                       \
		static const struct bh_learn_filter all_ = {.seen = -1};                           \
		struct bh_buf b_ = {0};                                                            \
		bh_learn_each((r)->l, &all_, rig_line, &b_);                                       \
		CU_ASSERT_STRING_EQUAL(b_.data != NULL ? b_.data : "", text);                      \
		if (b_.data != NULL && strcmp(b_.data, text) != 0)                                 \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, b_.data);               \
		bh_buf_free(&b_);                                                                  \
	} while (0)

#endif
