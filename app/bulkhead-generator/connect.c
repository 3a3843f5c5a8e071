/* A worker with connections: frames in and out of lib/generator's tcp. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ring.h>

#include "gen.h"

#define IDLE_US 50
#define HANDED 4096
#define SERVER_ROOM 65536

/* What the port does not take stays, in order, for the next turn. */
static void
flush(struct gen_end *e)
{
	uint16_t sent, i;

	if (e->n_out == 0)
		return;
	sent = bh_port_tx(e->port, e->queue, e->out, e->n_out);
	for (i = sent; i < e->n_out; i++)
		e->out[i - sent] = e->out[i];
	e->n_out -= sent;
}

static uint8_t *
take(void *arg, uint16_t len)
{
	struct gen_end *e = arg;
	struct rte_mbuf *m;

	if (e->n_out == GEN_BURST)
		flush(e);
	if (e->n_out == GEN_BURST)
		return NULL;
	m = rte_pktmbuf_alloc(e->g->env.pool);
	if (m == NULL || rte_pktmbuf_tailroom(m) < len) {
		e->counts.no_buffer++;
		rte_pktmbuf_free(m);
		return NULL;
	}
	m->data_len = len;
	m->pkt_len = len;
	e->out[e->n_out++] = m;
	return rte_pktmbuf_mtod(m, uint8_t *);
}

/* The client's queue whose flow this is: a device spreads by addresses, flows are divided by number. */
static struct gen_end *
owner(struct gen_end *e, const struct bh_parsed *h)
{
	const struct gen *g = e->g;
	uint32_t flow;
	unsigned i;

	if (e->handed == NULL)
		return e;
	flow = bh_gen_tcp_flow(&g->probes.wire, h->key.addr[1 - h->from].b, h->key.addr[h->from].b,
			       h->key.port[1 - h->from]);
	if (flow == UINT32_MAX || flow % e->step == e->first)
		return e;
	for (i = 0; i < g->n_ends; i++) {
		if (g->end[i]->side == e->side && g->end[i]->queue == flow % e->step)
			return g->end[i];
	}
	return e;
}

/* Whether the frame is done with, and m free. */
static bool
input(struct gen_end *e, struct rte_mbuf *m, bool handed, uint64_t now)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct bh_parsed h;
	struct gen_end *to;

	if (m->nb_segs != 1 || bh_net_parse(&e->g->probes.parse, BH_LINK_ETHERNET, p, m->data_len,
					    m->data_len, 0, &h) != BH_REASON_NONE)
		goto foreign;
	if (h.kind != BH_FRAME_IP || h.key.proto != IPPROTO_TCP) {
		if (!gen_answer(e, m))
			goto foreign;
		if (e->n_out == GEN_BURST)
			flush(e);
		if (e->n_out == GEN_BURST)
			return true;
		e->out[e->n_out++] = m;
		return false;
	}
	if (!handed && (to = owner(e, &h)) != e)
		return rte_ring_enqueue(to->handed, m) != 0;
	if (bh_gen_tcp_input(e->tcp, p, m->data_len, &h, now)) {
		e->counts.received++;
		return true;
	}
foreign:
	e->counts.foreign++;
	return true;
}

static unsigned
receive(struct gen_end *e)
{
	struct rte_mbuf *m[GEN_BURST];
	uint16_t n = bh_port_rx(e->port, e->queue, m, GEN_BURST), i;
	uint64_t now = rte_get_tsc_cycles();
	unsigned handed = 0;

	for (i = 0; i < n; i++) {
		if (input(e, m[i], false, now))
			rte_pktmbuf_free(m[i]);
	}
	if (e->handed != NULL) {
		handed = rte_ring_dequeue_burst(e->handed, (void **)m, GEN_BURST, NULL);
		for (i = 0; i < handed; i++) {
			if (input(e, m[i], true, now))
				rte_pktmbuf_free(m[i]);
		}
	}
	return n + handed;
}

/* How many connections this queue wants now. */
static uint32_t
wanted(const struct gen_end *e, unsigned phase, uint64_t now)
{
	const struct gen *g = e->g;
	const uint32_t all = (uint32_t)((g->o.connections + e->step - 1 - e->first) / e->step);
	const double grown = (double)(now - g->begin) / g->hz / (g->o.ramp > 0 ? g->o.ramp : 1e-9);

	if (phase == GEN_DRAIN)
		return 0;
	if (phase == GEN_MEASURE || grown >= 1)
		return all;
	return (uint32_t)((double)all * grown) + 1;
}

static unsigned
turn(struct gen_end *e, unsigned phase)
{
	struct bh_gen_load *load = bh_gen_tcp_load(e->tcp);
	unsigned done = receive(e);
	uint64_t now = rte_get_tsc_cycles();

	if (e->side == BH_GEN_CLIENT) {
		load->active = wanted(e, phase, now);
		load->measured = phase == GEN_MEASURE;
	}
	done += bh_gen_tcp_poll(e->tcp, now);
	flush(e);
	return done;
}

static void
drop_output(struct gen_end *e)
{
	if (e->n_out != 0)
		rte_pktmbuf_free_bulk(e->out, e->n_out);
	e->n_out = 0;
}

int
gen_connect_run(void *arg)
{
	const struct gen_worker *w = arg;
	struct gen *g = w->g;
	unsigned phase, i, done;

	while ((phase = __atomic_load_n(&g->phase, __ATOMIC_ACQUIRE)) != GEN_STOP) {
		done = 0;
		for (i = 0; i < g->n_ends; i++) {
			if (g->end[i]->worker == w->index)
				done += turn(g->end[i], phase);
		}
		if (done == 0 && g->o.idle == BH_IDLE_SLEEP)
			usleep(IDLE_US);
	}
	for (i = 0; i < g->n_ends; i++) {
		if (g->end[i]->worker == w->index)
			drop_output(g->end[i]);
	}
	return 0;
}

static uint16_t
segment_size(const struct gen *g, const struct gen_end *e)
{
	const unsigned heads = g->probes.wire.net[0].family == BH_IP4 ? 40 : 60;
	const unsigned port = bh_port_info(e->port)->mtu;
	const unsigned mtu = g->o.mtu != 0 || port < 1500 ? port : 1500;
	const unsigned most = mtu > heads + BH_GEN_REQUEST_MAX ? mtu - heads : BH_GEN_REQUEST_MAX;

	return (uint16_t)(g->o.mss != 0 && g->o.mss < most ? g->o.mss : most);
}

static int
create(struct gen *g, struct gen_end *e, struct bh_err *err)
{
	const uint16_t queues = bh_port_info(e->port)->rx_queues;
	uint64_t room = g->o.connections / queues + 1;
	struct bh_gen_tcp_params p = {
		.wire = &g->probes.wire,
		.book = &g->book,
		.side = e->side,
		.mss = segment_size(g, e),
		.first = e->first,
		.step = e->step,
		.hz = g->hz,
		.secret = g->probes.secret,
		.take = take,
		.arg = e,
	};
	char name[32];

	/* A server still waits for the last word of those that clients have finished with. */
	if (e->side == BH_GEN_SERVER)
		room = RTE_MAX(room * 2, (uint64_t)SERVER_ROOM);
	p.connections = (uint32_t)room;
	if (bh_gen_tcp_create(&e->tcp, &p) < 0)
		return bh_err_set(err, ENOMEM, "no memory for %u connections: give fewer",
				  p.connections);
	if (e->side != BH_GEN_CLIENT || queues == 1)
		return 0;
	snprintf(name, sizeof(name), "handed-%u", e->queue);
	e->handed = rte_ring_create(name, HANDED, SOCKET_ID_ANY, RING_F_SC_DEQ);
	return e->handed != NULL ? 0 : bh_err_set(err, ENOMEM, "no memory for a ring");
}

int
gen_connect_setup(struct gen *g, struct bh_err *err)
{
	unsigned i;
	int rc = 0;

	bh_gen_book_init(&g->book, g->o.protocol);
	for (i = 0; rc == 0 && i < g->n_ends; i++)
		rc = create(g, g->end[i], err);
	return rc;
}

void
gen_connect_free(struct gen_end *e)
{
	void *m;

	while (e->handed != NULL && rte_ring_dequeue(e->handed, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(e->handed);
	bh_gen_tcp_destroy(e->tcp);
}
