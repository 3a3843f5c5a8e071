/* gateway: addresses change hands while connections are open. Random interleavings of packets that wait on the wires, of
 * changes of who has an address, and of single workers' turns, against a plain table of who has what: whatever leaves, leaves
 * by the rights of those who have both addresses at that turn. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway_rig.h"

#define ROUNDS 400
#define STEPS 80
#define CLIENTS 3
#define SERVERS 2
#define CONNECTIONS 10
#define PLAIN 6379    /* web to redis, by port */
#define OTHER 6380    /* batch to redis, by port */
#define SPOKEN 6381   /* web to redis, by what is said */
#define OPERATED 6382 /* web to redis, by what is asked for */

enum owner { NOBODY, WEB, BATCH, REDIS, STRANGER, OWNERS };
static const char *const apps[OWNERS] = {NULL, "web", "batch", "redis", "stranger"};
static const char *const hosts[CLIENTS + SERVERS] = {"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.2.0.1",
						     "10.2.0.2"};

static const char policy[] =
	"version: 1\n"
	"segments:\n"
	"  web: {selector: app=web}\n"
	"  batch: {selector: app=batch}\n"
	"  redis: {selector: app=redis}\n"
	"rules:\n"
	"  - {from: web, to: redis, ports: [tcp/6379], action: allow}\n"
	"  - {from: batch, to: redis, ports: [tcp/6380], action: allow}\n"
	"  - {from: web, to: redis, ports: [tcp/6381], applications: [redis], action: allow}\n"
	"  - {from: web, to: redis, ports: [tcp/6382], applications: [{redis: {commands: "
	"[get]}}], action: allow}\n";

struct connection {
	unsigned client, server; /* hosts */
	uint16_t sport, dport;
	uint32_t seq[2];
	bool half; /* of a request was sent */
	bool open; /* the handshake went through */
};

/* A frame with bytes of a connection, by its IP identification. */
struct sent {
	unsigned connection;
	bool waits;
	bool refused; /* a turn found it without a right, or may have */
};

struct world {
	struct rig r;
	enum owner owner[CLIENTS + SERVERS];
	struct connection c[CONNECTIONS];
	struct sent sent[STEPS * 4 + 1];
	uint16_t n_sent;
	unsigned passed, spoken, refused, wrong, missing;
};

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

static bool
may(const struct world *w, const struct connection *c)
{
	if (w->owner[c->server] != REDIS)
		return false;
	return w->owner[c->client] == (c->dport == OTHER ? BATCH : WEB);
}

/* ---- who has an address ------------------------------------------------------------------------------------ */

/* At once: gone, given to another, or both in one batch. */
static void
change_owner(struct world *w)
{
	unsigned host = rnd(CLIENTS + SERVERS);
	enum owner now = w->owner[host], next = (enum owner)rnd(OWNERS);
	struct bh_label label = {"app", apps[next]};
	struct bh_endpoint_change change[2] = {{.op = BH_ENDPOINT_DELETE}, {.op = BH_ENDPOINT_PUT}};
	struct bh_err err = {0};
	unsigned first = 1, n = 1, i;

	/* Mostly somebody who has rights: else nothing would pass. */
	if (rnd(4) != 0)
		next = host < CLIENTS ? (enum owner)(WEB + rnd(2)) : REDIS;
	label.value = apps[next];
	if (next == NOBODY && now == NOBODY)
		return;
	if (next == NOBODY || (now != NOBODY && rnd(2) == 0)) {
		first = 0;
		n = next == NOBODY ? 1 : 2;
	}
	for (i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(hosts[host], &change[i].endpoint.prefix,
						      &err),
				      0);
		change[i].endpoint.labels = &label;
		change[i].endpoint.n_labels = i;
		change[i].endpoint.source = BH_SOURCE_REST;
	}
	CU_ASSERT_EQUAL_FATAL(bh_policy_endpoints_apply(w->r.policy, change + first, n, NULL, &err),
			      0);
	w->owner[host] = next;
}

/* ---- packets ------------------------------------------------------------------------------------------------- */

static void
send_frame(struct world *w, unsigned connection, bool to_server, uint8_t flags, const char *text)
{
	struct connection *c = &w->c[connection];
	unsigned from = to_server ? 0 : 1;
	struct rig_packet p = {
		.src = hosts[to_server ? c->client : c->server],
		.dst = hosts[to_server ? c->server : c->client],
		.proto = 6,
		.sport = to_server ? c->sport : c->dport,
		.dport = to_server ? c->dport : c->sport,
		.tcp_flags = flags,
		.seq = c->seq[from],
		.ack = (flags & BH_TCP_ACK) != 0 ? c->seq[1 - from] : 0,
		.text = text,
		.payload = text != NULL ? (uint16_t)strlen(text) : 0,
	};
	struct rig_frame f;

	c->seq[from] += p.payload + ((flags & BH_TCP_SYN) != 0);
	if (text != NULL) {
		p.ip_id = ++w->n_sent;
		w->sent[p.ip_id] = (struct sent){.connection = connection, .waits = true};
	}
	rig_build(&f, &p);
	rig_put_queue(&w->r, to_server ? RIG_OUTSIDE : RIG_INSIDE, rnd(2), &f);
}

/* What left must have been allowed to, now. */
static void
look(struct world *w)
{
	unsigned wire, i;

	for (wire = 0; wire < RIG_WIRES; wire++) {
		const struct rig_wire *out = &w->r.wire[wire];

		for (i = 0; i < out->n_out; i++) {
			const struct rig_frame *f = &out->out[i];
			unsigned l3 = rig_l3(f), id = (unsigned)f->b[l3 + 4] << 8 | f->b[l3 + 5];

			/* Handshakes carry no bytes, and what we answer has an identification of ours. */
			if (id == 0 || id > w->n_sent || !w->sent[id].waits)
				continue;
			w->sent[id].waits = false;
			w->passed++;
			w->spoken += w->c[w->sent[id].connection].dport >= SPOKEN;
			w->wrong += !may(w, &w->c[w->sent[id].connection]);
		}
	}
	rig_clear(&w->r);
	for (i = 1; i <= w->n_sent; i++) {
		if (w->sent[i].waits && !w->sent[i].refused &&
		    !may(w, &w->c[w->sent[i].connection])) {
			w->sent[i].refused = true;
			w->refused++;
		}
	}
}

/* Everybody turns: what by port alone was allowed to pass is not kept. */
static void
settle(struct world *w)
{
	unsigned i;

	rig_run(&w->r);
	look(w);
	for (i = 1; i <= w->n_sent; i++) {
		const struct connection *c = &w->c[w->sent[i].connection];

		if (!w->sent[i].waits || c->dport >= SPOKEN)
			continue;
		w->missing += !w->sent[i].refused && c->open;
		w->sent[i].waits = false;
	}
}

static void
open_all(struct world *w)
{
	unsigned i;

	for (i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &w->c[i];
		uint64_t before;

		*c = (struct connection){.client = rnd(CLIENTS),
					 .server = CLIENTS + rnd(SERVERS),
					 .sport = (uint16_t)(40000 + i),
					 .dport = (uint16_t)(PLAIN + rnd(4)),
					 .seq = {1000, 5000}};
		before = w->r.c.forwarded;
		send_frame(w, i, true, BH_TCP_SYN, NULL);
		rig_run(&w->r);
		send_frame(w, i, false, BH_TCP_SYN | BH_TCP_ACK, NULL);
		rig_run(&w->r);
		send_frame(w, i, true, BH_TCP_ACK, NULL);
		rig_run(&w->r);
		c->open = w->r.c.forwarded - before == 3;
		CU_ASSERT_EQUAL(c->open, may(w, c));
	}
	rig_clear(&w->r);
}

/* Whole requests, and halves that are held until the rest comes. */
static const char *
next_words(struct connection *c)
{
	static const char *const whole[] = {"*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
					    "*2\r\n$3\r\nGET\r\n$1"};

	if (c->half) {
		c->half = false;
		return "\r\na\r\n";
	}
	c->half = rnd(3) == 0;
	return whole[c->half];
}

static void
step(struct world *w)
{
	unsigned connection = rnd(CONNECTIONS), i;

	switch (rnd(8)) {
	case 0:
	case 1:
		for (i = rnd(4); i > 0; i--)
			send_frame(w, connection, true, BH_TCP_ACK | BH_TCP_PSH,
				   next_words(&w->c[connection]));
		break;
	case 2:
	case 3:
		send_frame(w, connection, false, BH_TCP_ACK | BH_TCP_PSH, "+OK\r\n");
		break;
	case 4:
		if (w->n_sent > CONNECTIONS && rnd(2) == 0)
			change_owner(w);
		break;
	case 5:
		w->r.now_ns += rnd(3) * BH_NS_PER_MS;
		i = rnd(w->r.params.n_workers);
		bh_worker_poll(bh_gateway_worker(w->r.g, i), w->r.clock.mono_ns(&w->r),
			       w->r.clock.wall_ns(&w->r));
		look(w);
		break;
	default:
		settle(w);
	}
}

static void
start(struct world *w, unsigned workers)
{
	unsigned i;

	memset(w, 0, sizeof(*w));
	rig_start(&w->r, &(struct rig_options){.mode = BH_MODE_PROTECT,
					       .policy = policy,
					       .n_workers = workers,
					       .queues = 2});
	for (i = 0; i < CLIENTS + SERVERS; i++) {
		w->owner[i] = i < CLIENTS ? (enum owner)(WEB + rnd(2)) : REDIS;
		rig_label(&w->r, hosts[i], apps[w->owner[i]]);
	}
	open_all(w);
}

static void
no_byte_passes_under_rights_that_are_gone(void)
{
	unsigned round, i, passed = 0, spoken = 0, refused = 0, wrong = 0, missing = 0;
	static struct world w;

	for (round = 0; round < ROUNDS; round++) {
		srand(20261122 + round);
		start(&w, 1 + round % 2);
		for (i = 0; i < STEPS; i++)
			step(&w);
		settle(&w);
		rig_stop(&w.r);
		if (w.wrong + w.missing != 0)
			fprintf(stderr,
				"\nround %u: %u passed without a right, %u with one did not\n",
				round, w.wrong, w.missing);
		passed += w.passed;
		spoken += w.spoken;
		refused += w.refused;
		wrong += w.wrong;
		missing += w.missing;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(missing, 0);
	/* Both happened, often. */
	CU_ASSERT(passed > 10 * ROUNDS);
	CU_ASSERT(spoken > ROUNDS);
	CU_ASSERT(refused > 10 * ROUNDS);
	if (getenv("BH_VERBOSE") != NULL)
		fprintf(stderr, "\n%u passed, %u of them judged by what they say, %u refused\n",
			passed, spoken, refused);
}

const struct bh_unit_test bh_suite_gateway_reuse[] = {
	BH_TEST(no_byte_passes_under_rights_that_are_gone),
	BH_TEST_END,
};
