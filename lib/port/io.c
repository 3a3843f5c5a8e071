/* A running port: frames, link, counters. */
#include <errno.h>
#include <stdio.h>

#include <rte_ethdev.h>

#include "bypass.h"
#include "packet.h"
#include "port_priv.h"

const struct bh_port_info *
bh_port_info(const struct bh_port *p)
{
	return &p->info;
}

/* AF_XDP's sockets receive from set-up on. What came before start was meant for nobody: no policy was in
 * force. */
static void
discard_early(struct bh_port *p)
{
	struct rte_mbuf *m[32];
	unsigned left;
	uint16_t q, n;

	for (q = 0; q < p->info.rx_queues; q++) {
		for (left = 4096; left > 0; left -= n) {
			n = rte_eth_rx_burst(p->id, q, m, (uint16_t)BH_ARRAY_SIZE(m));
			if (n == 0)
				break;
			rte_pktmbuf_free_bulk(m, n);
		}
	}
}

static uint64_t
kernel_dropped(const struct bh_port *p)
{
	struct bh_rtnl_link link;

	if (p->kif.fd < 0 || bh_rtnl_link(p->kif.index, &link) < 0)
		return 0;
	return link.rx_dropped;
}

/* Drivers chat at start and stop; nobody is helped by it when all is well. */
static int
start_device(uint16_t id)
{
	struct bh_capture said;
	int rc;

	bh_capture_begin(&said);
	rc = rte_eth_dev_start(id);
	/* A bump in the wire takes what is addressed to others. Devices without such modes do it anyway. */
	if (rc == 0) {
		rte_eth_promiscuous_enable(id);
		rte_eth_allmulticast_enable(id);
	}
	bh_capture_end(&said);
	bh_capture_free(&said);
	return rc;
}

int
bh_port_start(struct bh_port *p, struct bh_err *err)
{
	int rc = 0;

	/* What stood in for a gateway that was gone passes nothing more before this one receives. */
	if (p->kif.fd >= 0)
		rc = bh_bypass_part(p->kif.name);
	if (rc == 0)
		rc = p->packet != NULL ? bh_packet_start(p->packet) : start_device(p->id);
	if (rc < 0)
		return bh_err_set(err, -rc, "port %s: device %s does not start: %s", p->info.name,
				  p->info.device, strerror(-rc));
	if (p->packet == NULL) {
		if (p->kif.fd >= 0)
			discard_early(p);
		rte_eth_stats_reset(p->id);
		p->dropped_base = kernel_dropped(p);
	}
	/* Release: a worker that sees it finds the queues ours no more. */
	__atomic_store_n(&p->started, true, __ATOMIC_RELEASE);
	return 0;
}

void
bh_port_stop(struct bh_port *p)
{
	struct bh_capture said;

	if (!p->started)
		return;
	__atomic_store_n(&p->started, false, __ATOMIC_RELEASE);
	if (p->info.forced_down)
		bh_port_force_down(p, false);
	if (p->packet != NULL)
		return;
	bh_capture_begin(&said);
	rte_eth_dev_stop(p->id);
	bh_capture_end(&said);
	bh_capture_free(&said);
}

enum bh_steering
bh_port_steering(struct bh_port *const ports[], unsigned n, unsigned n_workers,
		 const struct bh_config *c, char *why, size_t size)
{
	unsigned i;

	if (n_workers <= 1) {
		snprintf(why, size, "one worker");
		return BH_STEERING_NONE;
	}
	if (c->steering == BH_STEER_SOFTWARE) {
		snprintf(why, size, "cores.steering is software");
		return BH_STEERING_SOFTWARE;
	}
	for (i = 0; i < n; i++) {
		if (ports[i]->rss && ports[i]->info.rx_queues == n_workers)
			continue;
		snprintf(why, size, "port %s (%s): %s", ports[i]->info.name, ports[i]->info.driver,
			 ports[i]->rss_text);
		return BH_STEERING_SOFTWARE;
	}
	snprintf(why, size, "symmetric hash over %u queues on all ports", n_workers);
	return BH_STEERING_RSS;
}

static uint16_t
put_back(struct rte_mbuf **m, uint16_t n)
{
	const uint64_t stripped = RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED;
	uint16_t i, kept = 0;

	for (i = 0; i < n; i++) {
		struct rte_mbuf *f = m[i];

		if (BH_UNLIKELY((f->ol_flags & stripped) != 0))
			f = bh_vlan_put_back(f);
		m[kept] = f;
		kept += f != NULL;
	}
	return kept;
}

uint16_t
bh_port_rx(struct bh_port *p, uint16_t q, struct rte_mbuf **m, uint16_t n)
{
	if (BH_UNLIKELY(!__atomic_load_n(&p->started, __ATOMIC_ACQUIRE)))
		return 0;
	if (p->packet != NULL)
		return bh_packet_rx(p->packet, m, n);
	n = rte_eth_rx_burst(p->id, q, m, n);
	return p->put_back ? put_back(m, n) : n;
}

/* Chained frames made whole, for a device that sends one buffer a frame. A frame too long for one is dropped
 * here; frames before it stay in order. */
static uint16_t
make_whole(struct bh_port *p, uint16_t q, struct rte_mbuf **m, uint16_t n)
{
	uint16_t i, kept = 0;

	for (i = 0; i < n; i++) {
		if (BH_UNLIKELY(m[i]->nb_segs > 1) && rte_pktmbuf_linearize(m[i]) < 0) {
			rte_pktmbuf_free(m[i]);
			p->queue[q].tx_bad++;
			continue;
		}
		m[kept++] = m[i];
	}
	return kept;
}

uint16_t
bh_port_tx(struct bh_port *p, uint16_t q, struct rte_mbuf **m, uint16_t n)
{
	uint16_t whole, sent, i;

	if (BH_UNLIKELY(!__atomic_load_n(&p->started, __ATOMIC_ACQUIRE)))
		return 0;
	if (p->packet != NULL)
		return bh_packet_tx(p->packet, m, n);
	if (p->multi_seg)
		return rte_eth_tx_burst(p->id, q, m, n);
	whole = make_whole(p, q, m, n);
	sent = rte_eth_tx_burst(p->id, q, m, whole);
	/* The caller keeps the last n - returned of its array: move what was not taken there. */
	if (BH_UNLIKELY(whole != n)) {
		for (i = whole; i > sent; i--)
			m[n - whole + i - 1] = m[i - 1];
	}
	return (uint16_t)(n - (whole - sent));
}

bool
bh_port_link(struct bh_port *p)
{
	struct rte_eth_link link;

	if (p->info.forced_down)
		return true;
	if (p->kif.fd >= 0)
		return bh_kif_carrier(&p->kif);
	return rte_eth_link_get_nowait(p->id, &link) < 0 || link.link_status == RTE_ETH_LINK_UP;
}

int
bh_port_force_down(struct bh_port *p, bool down)
{
	int rc;

	if (p->info.forced_down == down)
		return 0;
	if (p->kif.fd >= 0)
		rc = bh_kif_up(&p->kif, !down);
	else
		rc = down ? rte_eth_dev_set_link_down(p->id) : rte_eth_dev_set_link_up(p->id);
	if (rc == 0)
		p->info.forced_down = down;
	return rc;
}

void
bh_port_stats(struct bh_port *p, struct bh_port_stats *out)
{
	struct rte_eth_stats s;
	uint16_t q;

	memset(out, 0, sizeof(*out));
	if (p->packet != NULL) {
		bh_packet_stats(p->packet, out);
		return;
	}
	if (rte_eth_stats_get(p->id, &s) < 0)
		return;
	*out = (struct bh_port_stats){
		.rx_packets = s.ipackets,
		.rx_bytes = s.ibytes,
		.tx_packets = s.opackets,
		.tx_bytes = s.obytes,
		.rx_missed = s.imissed,
		.rx_errors = s.ierrors,
		.tx_errors = s.oerrors,
		.rx_nombuf = s.rx_nombuf,
	};
	if (p->kif.fd >= 0)
		out->rx_missed = kernel_dropped(p) - p->dropped_base;
	for (q = 0; q < p->info.tx_queues; q++)
		out->tx_errors += p->queue[q].tx_bad;
}
