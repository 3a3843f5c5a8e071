/* EAL, ports and their queues; who answers for an address. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "gen.h"

static void
fill_config(struct gen *g)
{
	static const char *const name[2] = {"client", "server"};
	const struct bh_gen_options *o = &g->o;
	struct bh_config *c = &g->config;
	uint16_t largest = 0;
	unsigned i;

	bh_config_default(c);
	snprintf(c->run_dir, sizeof(c->run_dir), "%s", o->run_dir);
	c->control_core = o->control;
	c->huge = o->huge;
	c->mbufs = o->mbufs;
	c->descriptors = o->descriptors;
	c->mtu = o->mtu;
	for (i = 0; i < o->trials.n; i++)
		largest = RTE_MAX(largest, bh_gen_mix_largest(&o->trials.mix[i]));
	largest = (uint16_t)RTE_MAX(largest, o->mtu + 22);
	/* Frames are built and read in one piece. */
	c->mbuf_size = RTE_MAX(c->mbuf_size, RTE_ALIGN_CEIL((uint64_t)largest, 64));
	c->n_workers = o->n_workers;
	memcpy(c->worker_core, o->worker, sizeof(c->worker_core));
	for (i = 0; i < 2; i++) {
		if (!o->has[i])
			continue;
		snprintf(c->port[c->n_ports].name, sizeof(c->port[0].name), "%s", name[i]);
		snprintf(c->port[c->n_ports++].device, sizeof(c->port[0].device), "%s",
			 i == BH_GEN_CLIENT ? o->client : o->server);
	}
}

static int
open_ports(struct gen *g, struct bh_err *err)
{
	unsigned i, index = 0;
	int rc;

	for (i = 0; i < 2; i++) {
		if (!g->o.has[i])
			continue;
		rc = bh_port_open(&g->port[i], &g->config, index++, g->n_workers, err);
		if (rc == 0)
			rc = bh_port_start(g->port[i], err);
		if (rc < 0)
			return rc;
		memcpy(g->probes.wire.mac[i], bh_port_info(g->port[i])->mac, 6);
	}
	return 0;
}

/* A device without an address of its own (net_ring, net_null) gets a local one. */
static void
own_addresses(struct gen *g)
{
	static const uint8_t none[6];
	unsigned i;

	for (i = 0; i < 2; i++) {
		if (memcmp(g->probes.wire.mac[i], none, 6) == 0)
			memcpy(g->probes.wire.mac[i],
			       (uint8_t[6]){0x02, 0, 0, 0, 0, (uint8_t)(i + 1)}, 6);
	}
}

static int
add_end(struct gen *g, unsigned side, uint16_t queue, struct bh_err *err)
{
	const struct bh_gen_options *o = &g->o;
	const uint16_t queues = bh_port_info(g->port[side])->rx_queues;
	struct gen_end *e = aligned_alloc(BH_CACHE_LINE, sizeof(*e));

	if (e == NULL)
		return bh_err_set(err, ENOMEM, "no memory");
	memset(e, 0, sizeof(*e));
	e->g = g;
	e->port = g->port[side];
	e->side = (uint8_t)side;
	e->queue = queue;
	e->worker = g->n_ends % g->n_workers;
	e->first = queue;
	e->step = queues;
	e->sends = side == BH_GEN_CLIENT || o->both_ways;
	e->reflects = side == BH_GEN_SERVER && (o->reflect || !o->has[BH_GEN_CLIENT]);
	e->judges = side == BH_GEN_CLIENT ? o->reflect || o->both_ways || !o->has[BH_GEN_SERVER]
					  : !e->reflects;
	g->end[g->n_ends++] = e;
	if (bh_gen_options_connect(o)) {
		e->sends = e->judges = e->reflects = false;
		return 0;
	}
	e->pick.n = (uint32_t)((o->flows + queues - 1 - queue) / queues);
	if (e->pick.n == 0)
		e->sends = false;
	if (e->sends)
		e->sequence = calloc(e->pick.n, sizeof(*e->sequence));
	if (e->judges)
		e->track = calloc(o->flows, sizeof(*e->track));
	if ((e->sends && e->sequence == NULL) || (e->judges && e->track == NULL))
		return bh_err_set(err, ENOMEM, "no memory for %llu flows: give fewer",
				  (unsigned long long)o->flows);
	return 0;
}

static int
add_ends(struct gen *g, struct bh_err *err)
{
	uint32_t least = UINT32_MAX;
	unsigned side, i;
	uint16_t q;
	int rc;

	for (side = 0; side < 2; side++) {
		for (q = 0; g->port[side] != NULL && q < bh_port_info(g->port[side])->rx_queues;
		     q++) {
			rc = add_end(g, side, q, err);
			if (rc < 0)
				return rc;
		}
	}
	for (i = 0; i < g->n_ends; i++) {
		if (g->end[i]->sends)
			least = RTE_MIN(least, g->end[i]->pick.n);
	}
	if (g->o.order != BH_GEN_ZIPF || least == UINT32_MAX)
		return 0;
	if (bh_gen_zipf_init(&g->zipf, least, g->o.exponent) < 0)
		return bh_err_set(err, ENOMEM, "no memory for %u flows: give fewer", least);
	return 0;
}

/* Frames that come before workers run: only answers to our question, and questions for us, matter. */
static void
poll_neighbours(struct gen *g, unsigned side, struct bh_gen_asked *asked)
{
	struct rte_mbuf *m[GEN_BURST];
	uint8_t out[BH_GEN_ASK_SIZE];
	uint16_t n = bh_port_rx(g->port[side], 0, m, GEN_BURST), i;

	for (i = 0; i < n; i++) {
		unsigned len = bh_gen_neighbour_input(&g->probes.wire, side,
						      rte_pktmbuf_mtod(m[i], uint8_t *),
						      m[i]->data_len, asked, out);

		if (len != 0 && m[i]->nb_segs == 1 && len <= m[i]->data_len) {
			memcpy(rte_pktmbuf_mtod(m[i], void *), out, len);
			m[i]->data_len = (uint16_t)len;
			m[i]->pkt_len = len;
			if (bh_port_tx(g->port[side], 0, &m[i], 1) == 1)
				continue;
		}
		rte_pktmbuf_free(m[i]);
	}
}

/* Ask five times a second, for ten seconds. */
static int
ask(struct gen *g, unsigned side, struct bh_err *err)
{
	struct bh_gen_asked asked = {0};
	char text[BH_ADDR_STRLEN];
	unsigned turn;

	if (g->o.routed[side])
		memcpy(asked.target, g->o.next[side], 16);
	else
		bh_gen_wire_host(&g->probes.wire, 1 - side, 0, asked.target);
	for (turn = 0; turn < 10000 && !asked.known && !gen_stopped; turn++) {
		struct rte_mbuf *m = turn % 200 == 0 ? rte_pktmbuf_alloc(g->env.pool) : NULL;

		if (m != NULL) {
			m->data_len =
				(uint16_t)bh_gen_neighbour_ask(&g->probes.wire, side, asked.target,
							       rte_pktmbuf_mtod(m, void *));
			m->pkt_len = m->data_len;
			if (bh_port_tx(g->port[side], 0, &m, 1) == 0)
				rte_pktmbuf_free(m);
		}
		poll_neighbours(g, side, &asked);
		usleep(1000);
	}
	if (!asked.known)
		return bh_err_set(err, EHOSTUNREACH,
				  "nobody answers for %s on the %s port: is the other machine's "
				  "generator running, does what is between pass ARP or neighbour "
				  "discovery? --%s-mac gives the address by hand",
				  bh_addr_format(g->probes.wire.net[0].family, asked.target, text,
						 sizeof(text)),
				  side == BH_GEN_CLIENT ? "client" : "server",
				  side == BH_GEN_CLIENT ? "server" : "client");
	memcpy(g->probes.wire.to[side], asked.mac, 6);
	return 0;
}

/* Where each side sends to: as given, the other port of this machine, or who answers. A server alone sends back to
 * whoever sent. */
static int
find_addresses(struct gen *g, struct bh_err *err)
{
	unsigned side;
	int rc;

	for (side = 0; side < 2; side++) {
		if (g->o.to_known[side] || g->port[side] == NULL)
			continue;
		if (!g->o.routed[side] && g->port[1 - side] != NULL) {
			memcpy(g->probes.wire.to[side], g->probes.wire.mac[1 - side], 6);
			continue;
		}
		if (side == BH_GEN_SERVER && !g->o.routed[side])
			continue;
		rc = ask(g, side, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
wait_for_links(struct gen *g)
{
	unsigned turn, side;

	for (turn = 0; turn < 1000 && !gen_stopped; turn++) {
		bool up = true;

		for (side = 0; side < 2; side++)
			up = up && (g->port[side] == NULL || bh_port_link(g->port[side]));
		if (up)
			return 0;
		usleep(10000);
	}
	return -ENETDOWN;
}

/* What the ports cannot send would be missing at the other end, and be taken for loss. */
static int
check_sizes(const struct gen *g, struct bh_err *err)
{
	const unsigned extra = bh_gen_wire_l2(&g->probes.wire) + BH_GEN_FCS;
	unsigned side, i;

	if (bh_gen_options_connect(&g->o))
		return 0;
	for (side = 0; side < 2; side++) {
		const unsigned mtu = g->port[side] != NULL ? bh_port_info(g->port[side])->mtu : 0;

		for (i = 0; mtu != 0 && i < g->o.trials.n; i++) {
			if (bh_gen_mix_largest(&g->o.trials.mix[i]) > mtu + extra)
				return bh_err_set(
					err, EINVAL,
					"frames of %u bytes do not pass the %s port's MTU "
					"of %u: %u at most, or give --mtu",
					bh_gen_mix_largest(&g->o.trials.mix[i]),
					side == BH_GEN_CLIENT ? "client" : "server", mtu,
					mtu + extra);
		}
	}
	return 0;
}

int
gen_setup(struct gen *g, struct bh_err *err)
{
	int rc;

	fill_config(g);
	g->n_workers = g->o.n_workers != 0 ? g->o.n_workers : 1;
	g->probes.wire = g->o.wire;
	bh_parse_params_default(&g->probes.parse);
	rc = bh_port_init(&g->config, &g->env, err);
	if (rc < 0)
		return rc;
	g->hz = (double)rte_get_tsc_hz();
	g->origin = rte_get_tsc_cycles();
	g->probes.secret = g->origin ^ (uint64_t)getpid() << 32;
	rc = open_ports(g, err);
	if (rc < 0)
		return rc;
	rc = check_sizes(g, err);
	if (rc < 0)
		return rc;
	own_addresses(g);
	if (wait_for_links(g) < 0)
		return bh_err_set(err, ENETDOWN,
				  "a port has no link after 10 seconds: is the cable "
				  "in, the other side up?");
	rc = find_addresses(g, err);
	if (rc == 0)
		rc = add_ends(g, err);
	return rc < 0 || !bh_gen_options_connect(&g->o) ? rc : gen_connect_setup(g, err);
}

void
gen_teardown(struct gen *g)
{
	unsigned i;

	for (i = 0; i < g->n_ends; i++) {
		free(g->end[i]->sequence);
		free(g->end[i]->track);
		gen_connect_free(g->end[i]);
		free(g->end[i]);
	}
	bh_gen_zipf_free(&g->zipf);
	for (i = 0; i < 2; i++)
		bh_port_close(g->port[i]);
	if (g->env.pool != NULL)
		bh_port_fini();
}
