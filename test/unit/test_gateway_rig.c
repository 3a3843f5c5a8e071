/* gateway: the rig that the room's tests run in, and what it promises itself. */
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "gateway_rig.h"

#define POOL_SIZE 4095

const char rig_policy[] =
	"version: 1\n"
	"endpoints:\n"
	"  - {address: 10.1.0.1, labels: {app: web}}\n"
	"  - {address: '2001:db8:1::1', labels: {app: web}}\n"
	"  - {address: 10.1.0.2, labels: {app: batch}}\n"
	"  - {address: 10.2.0.1, labels: {app: redis}}\n"
	"  - {address: '2001:db8:2::1', labels: {app: redis}}\n"
	"segments:\n"
	"  web:   {selector: app=web}\n"
	"  batch: {selector: app=batch}\n"
	"  redis: {selector: app=redis}\n"
	"rules:\n"
	"  - {id: web-redis, from: web, to: redis, ports: [tcp/6379, udp/6379, icmp, icmpv6], "
	"action: allow}\n"
	"  - {id: web-reject, from: web, to: redis, ports: [tcp/7000, udp/7000, sctp/7000], "
	"action: reject}\n"
	"  - {id: batch-redis, from: batch, to: redis, ports: [tcp/6380, udp/6380], action: "
	"allow}\n";

/* Once a process: EAL cannot be started twice, and the suites share its memory. */
static struct rte_mempool *
packet_pool(void)
{
	static struct rte_mempool *pool;
	static char words[][20] = {"unit",           "--no-huge",         "--no-pci", "--no-shconf",
				   "--no-telemetry", "--log-level=error", "-m",       "256"};
	char *argv[BH_ARRAY_SIZE(words)];
	unsigned i;

	if (pool != NULL)
		return pool;
	for (i = 0; i < BH_ARRAY_SIZE(words); i++)
		argv[i] = words[i];
	if (rte_eal_init((int)BH_ARRAY_SIZE(words), argv) < 0) {
		fprintf(stderr, "EAL does not start: %s\n", rte_strerror(rte_errno));
		exit(2);
	}
	pool = rte_pktmbuf_pool_create("rig", POOL_SIZE, 0, 0, RTE_PKTMBUF_HEADROOM + RIG_FRAME,
				       SOCKET_ID_ANY);
	if (pool == NULL) {
		fprintf(stderr, "no packet buffers: %s\n", rte_strerror(rte_errno));
		exit(2);
	}
	return pool;
}

static uint16_t
wire_rx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct rig_wire *w = port;

	if (n > w->n_in[queue])
		n = (uint16_t)w->n_in[queue];
	memcpy(m, w->in[queue], n * sizeof(*m));
	w->n_in[queue] -= n;
	memmove(w->in[queue], w->in[queue] + n, w->n_in[queue] * sizeof(*m));
	return n;
}

static uint16_t
wire_tx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct rig_wire *w = port;
	uint16_t i;

	for (i = 0; i < n && w->room > 0 && w->n_out < RIG_ROOM; i++, w->room--) {
		struct rig_frame *f = &w->out[w->n_out];
		const void *data;

		f->len = m[i]->pkt_len;
		data = rte_pktmbuf_read(m[i], 0, f->len, f->b);
		if (data != f->b)
			memcpy(f->b, data, f->len);
		w->out_queue[w->n_out++] = queue;
		rte_pktmbuf_free(m[i]);
	}
	return i;
}

static uint64_t
rig_wall(void *arg)
{
	return RIG_WALL0 + ((struct rig *)arg)->now_ns;
}

static uint64_t
rig_mono(void *arg)
{
	return BH_NS_PER_SEC * 1000 + ((struct rig *)arg)->now_ns;
}

static void
fill_params(struct rig *r, const struct rig_options *o)
{
	struct bh_gateway_params *p = &r->params;
	unsigned i, queues = o->queues != 0 ? o->queues : 1;

	p->config = &r->config;
	p->n_workers = o->n_workers != 0 ? o->n_workers : 1;
	p->n_wires = RIG_WIRES;
	for (i = 0; i < RIG_WIRES; i++) {
		p->wire[i] = (struct bh_wire){
			.rx = wire_rx,
			.tx = wire_tx,
			.port = &r->wire[i],
			.rx_queues = (uint16_t)queues,
			.tx_queues = (uint16_t)queues,
			.mtu = 1500,
		};
		p->peer[i] = (uint8_t)(1 - i);
		p->inside[i] = i == RIG_INSIDE;
		r->wire[i].room = UINT32_MAX;
	}
	p->steer = p->n_workers > 1;
	p->send_rejects = true;
	p->pool = packet_pool();
	p->clock = &r->clock;
}

void
rig_load(struct rig *r, const char *policy)
{
	struct bh_err err = {0};
	char text[1024];

	if (bh_policy_load_text(r->policy, "policy.yaml", policy, strlen(policy), false, NULL,
				&err) != 0) {
		bh_err_format(&err, text, sizeof(text));
		fprintf(stderr, "%s\n", text);
		CU_FAIL_FATAL("the test's policy does not load");
	}
}

static void
start_policy(struct rig *r, const struct rig_options *o)
{
	struct bh_policy_params pp = {
		.max_endpoints = 1024,
		.mode = o->mode,
		.publish = bh_gateway_publish,
		.retire = bh_gateway_retire,
		.arg = r->g,
	};

	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&pp.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&r->policy, &pp), 0);
	CU_ASSERT_EQUAL_FATAL(bh_gateway_name_segments(r->g, r->policy), 0);
	if (!o->no_policy)
		rig_load(r, o->policy != NULL ? o->policy : rig_policy);
}

void
rig_start(struct rig *r, const struct rig_options *options)
{
	static const struct rig_options usual = {.mode = BH_MODE_PROTECT};
	const struct rig_options *o = options != NULL ? options : &usual;
	struct bh_err err = {0};

	memset(r, 0, sizeof(*r));
	r->buffers = rte_mempool_avail_count(packet_pool());
	r->clock = (struct bh_clock){.wall_ns = rig_wall, .mono_ns = rig_mono, .arg = r};
	r->wire = calloc(RIG_WIRES, sizeof(*r->wire));
	r->event = calloc(RIG_EVENTS, sizeof(*r->event));
	CU_ASSERT_FATAL(r->wire != NULL && r->event != NULL);
	bh_config_default(&r->config);
	r->config.app_contexts = 64;
	r->config.max_flows = 4096 * (o->n_workers != 0 ? o->n_workers : 1);
	r->config.frag_datagrams = 64;
	/* Tests send more than a hundred a millisecond. */
	r->config.threat[BH_THREAT_ICMP_FLOOD].on = false;
	fill_params(r, o);
	if (o->tune != NULL)
		o->tune(&r->config, &r->params);
	CU_ASSERT_EQUAL_FATAL(bh_gateway_create(&r->g, &r->params, &err), 0);
	start_policy(r, o);
}

static struct rte_mbuf *
segment(const uint8_t *p, unsigned len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), p, len);
	return m;
}

static void
put(struct rig *r, unsigned wire, unsigned queue, struct rte_mbuf *m)
{
	struct rig_wire *w = &r->wire[wire];

	CU_ASSERT_FATAL(w->n_in[queue] < RIG_ROOM);
	w->in[queue][w->n_in[queue]++] = m;
}

void
rig_put_split(struct rig *r, unsigned wire, const struct rig_frame *f, unsigned split)
{
	struct rte_mbuf *m = segment(f->b, split);

	CU_ASSERT_EQUAL_FATAL(rte_pktmbuf_chain(m, segment(f->b + split, f->len - split)), 0);
	put(r, wire, 0, m);
}

void
rig_put_queue(struct rig *r, unsigned wire, unsigned queue, const struct rig_frame *f)
{
	put(r, wire, queue, segment(f->b, f->len));
}

void
rig_put(struct rig *r, unsigned wire, const struct rig_frame *f)
{
	rig_put_queue(r, wire, 0, f);
}

static unsigned
turn_all(struct rig *r)
{
	uint64_t before = r->c.forwarded + bh_counters_dropped(&r->c), steered = r->c.steered;
	unsigned i, n = 0;

	for (i = 0; i < r->params.n_workers; i++)
		n += bh_worker_poll(bh_gateway_worker(r->g, i), rig_mono(r), rig_wall(r));
	bh_gateway_counters(r->g, UINT32_MAX, &r->c);
	return n + (unsigned)(r->c.forwarded + bh_counters_dropped(&r->c) - before) +
	       (unsigned)(r->c.steered - steered);
}

void
rig_run(struct rig *r)
{
	while (turn_all(r) != 0)
		;
	/* What is held is counted once a millisecond. */
	r->now_ns += BH_NS_PER_MS;
	turn_all(r);
	CU_ASSERT_EQUAL(r->c.packets, r->c.forwarded + bh_counters_dropped(&r->c) + r->c.held);
	bh_gateway_control(r->g);
	r->n_events += bh_gateway_events(r->g, r->event + r->n_events, RIG_EVENTS - r->n_events);
}

void
rig_wait(struct rig *r, uint64_t ms)
{
	r->now_ns += ms * BH_NS_PER_MS;
}

void
rig_clear(struct rig *r)
{
	r->wire[0].n_out = r->wire[1].n_out = 0;
	r->n_events = 0;
}

bool
rig_passes(struct rig *r, unsigned wire, const struct rig_frame *f)
{
	const struct rig_wire *out = &r->wire[1 - wire];
	unsigned n = out->n_out, back = r->wire[wire].n_out;

	rig_put(r, wire, f);
	rig_run(r);
	return out->n_out == n + 1 && r->wire[wire].n_out == back && rig_same(&out->out[n], f);
}

bool
rig_drops(struct rig *r, unsigned wire, const struct rig_frame *f, enum bh_reason reason)
{
	unsigned left = r->wire[0].n_out + r->wire[1].n_out;
	struct bh_counters before = r->c;

	rig_put(r, wire, f);
	rig_run(r);
	return r->wire[0].n_out + r->wire[1].n_out == left &&
	       r->c.dropped[reason] == before.dropped[reason] + 1 &&
	       bh_counters_dropped(&r->c) == bh_counters_dropped(&before) + 1;
}

unsigned
rig_count_events(const struct rig *r, enum bh_event_type type)
{
	unsigned i, n = 0;

	for (i = 0; i < r->n_events; i += 1u + r->event[i].n_text)
		n += r->event[i].type == type;
	return n;
}

const struct bh_event *
rig_event(const struct rig *r, enum bh_event_type type)
{
	static const struct bh_event none;
	const struct bh_event *last = &none;
	unsigned i;

	for (i = 0; i < r->n_events; i += 1u + r->event[i].n_text) {
		if (r->event[i].type == type)
			last = &r->event[i];
	}
	return last;
}

void
rig_label(struct rig *r, const char *address, const char *app)
{
	struct bh_label label = {"app", app};
	struct bh_endpoint_change change = {
		.op = app != NULL ? BH_ENDPOINT_PUT : BH_ENDPOINT_DELETE,
		.endpoint = {.labels = &label, .n_labels = 1, .source = BH_SOURCE_REST},
	};
	struct bh_err err = {0};

	CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(address, &change.endpoint.prefix, &err), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_endpoints_apply(r->policy, &change, 1, NULL, &err), 0);
}

void
rig_stop(struct rig *r)
{
	unsigned i;

	for (i = 0; i < r->params.n_workers; i++) {
		while (bh_worker_drain(bh_gateway_worker(r->g, i), rig_mono(r), rig_wall(r)) != 0)
			;
	}
	bh_gateway_counters(r->g, UINT32_MAX, &r->c);
	CU_ASSERT_EQUAL(r->c.packets, r->c.forwarded + bh_counters_dropped(&r->c));
	CU_ASSERT_EQUAL(r->c.held, 0);
	CU_ASSERT_EQUAL(r->c.flows, 0);
	CU_ASSERT_EQUAL(rte_mempool_avail_count(packet_pool()), r->buffers);
	bh_policy_destroy(r->policy);
	bh_gateway_destroy(r->g);
	free(r->wire);
	free(r->event);
}

/* ---- tests ---------------------------------------------------------------------------------------- */

static void
frames_come_in_order_and_in_bursts(void)
{
	static struct rig_wire w;
	struct rte_mbuf *m[BH_BURST];
	uint8_t byte;
	unsigned i, n;

	memset(&w, 0, sizeof(w));
	w.room = 3;
	for (i = 0; i < 40; i++) {
		byte = (uint8_t)i;
		w.in[0][w.n_in[0]++] = segment(&byte, 1);
	}
	n = wire_rx(&w, 0, m, BH_BURST);
	CU_ASSERT_EQUAL(n, 32);
	CU_ASSERT_EQUAL(wire_tx(&w, 0, m, 32), 3);
	CU_ASSERT_EQUAL(w.n_out, 3);
	CU_ASSERT_EQUAL(w.out[2].b[0], 2);
	rte_pktmbuf_free_bulk(m + 3, 29);
	CU_ASSERT_EQUAL(wire_rx(&w, 0, m, BH_BURST), 8);
	CU_ASSERT_EQUAL(*rte_pktmbuf_mtod(m[7], uint8_t *), 39);
	rte_pktmbuf_free_bulk(m, 8);
}

const struct bh_unit_test bh_suite_gateway_rig[] = {
	BH_TEST(frames_come_in_order_and_in_bursts),
	BH_TEST_END,
};
