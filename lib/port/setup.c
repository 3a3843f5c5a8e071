/* A probed device, configured: queues, hash, offloads, MTU. */
#include <errno.h>
#include <stdio.h>

#include <rte_ethdev.h>

#include "port_priv.h"

/* Addresses alone: fragments have no ports, and must meet their flow. A device whose hash for addresses
 * leaves TCP and UDP out (i40e) sends those to queue 0: right, but one worker's work; use software
 * steering there. */
#define RSS_WANTED RTE_ETH_RSS_IP
#define RSS_KEY_MAX 128

/* 6d5a repeated: Toeplitz with a key of period 16 gives the same hash when addresses change places
 * (Woo and Park, "Scalable TCP session monitoring with symmetric receive-side scaling", 2012). */
static void
symmetric_key(uint8_t *key, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		key[i] = i % 2 == 0 ? 0x6d : 0x5a;
}

/* One queue a worker and a symmetric hash, if the device can and steering is left to it. */
static bool
want_rss(struct bh_port *p, const struct bh_port_setup *s, const struct rte_eth_dev_info *info)
{
	const uint64_t least = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;
	const char *no = NULL;

	if (s->config->steering == BH_STEER_SOFTWARE)
		no = "cores.steering is software";
	else if (info->max_rx_queues < s->n_workers || info->max_tx_queues < s->n_workers)
		no = "too few queues";
	else if ((info->flow_type_rss_offloads & least) != least || info->reta_size == 0)
		no = "no hash over addresses";
	else if (info->hash_key_size > RSS_KEY_MAX)
		no = "an unknown form of hash key";
	if (no != NULL)
		snprintf(p->rss_text, sizeof(p->rss_text), "%s", no);
	return no == NULL;
}

/* No opinion on checksums is asked for where partial ones occur: a driver that sums (net_tap) calls them bad. */
static void
choose_offloads(struct rte_eth_conf *conf, const struct rte_eth_dev_info *info, bool partial)
{
	const uint64_t sums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |
			      RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	const uint64_t rx = RTE_ETH_RX_OFFLOAD_SCATTER | (partial ? 0 : sums);

	conf->rxmode.offloads = info->rx_offload_capa & rx;
	conf->txmode.offloads = info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
}

/* The MTU of a device that has no kernel interface. */
static int
set_mtu(struct bh_port *p, const struct bh_config *c, const struct rte_eth_dev_info *info,
	struct bh_err *err)
{
	int rc;

	if (p->info.ifname[0] != '\0')
		return 0;
	if (c->mtu != 0) {
		rc = rte_eth_dev_set_mtu(p->id, (uint16_t)c->mtu);
		if (rc < 0)
			return bh_err_set(err, -rc,
					  "MTU %lu cannot be set (its driver takes %u to "
					  "%u)",
					  (unsigned long)c->mtu, info->min_mtu, info->max_mtu);
	}
	rte_eth_dev_get_mtu(p->id, &p->info.mtu);
	return 0;
}

static int
setup_queues(struct bh_port *p, const struct bh_config *c, struct bh_err *err)
{
	uint16_t rx = (uint16_t)c->descriptors, tx = (uint16_t)c->descriptors, q;
	int rc;

	rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx, &tx);
	for (q = 0; rc == 0 && q < p->info.rx_queues; q++)
		rc = rte_eth_rx_queue_setup(p->id, q, rx, (unsigned)rte_eth_dev_socket_id(p->id),
					    NULL, bh_port_pool());
	for (q = 0; rc == 0 && q < p->info.tx_queues; q++)
		rc = rte_eth_tx_queue_setup(p->id, q, tx, (unsigned)rte_eth_dev_socket_id(p->id),
					    NULL);
	if (rc < 0)
		return bh_err_set(err, -rc, "its queues cannot be set up");
	return 0;
}

/* What drivers bring frames of senders that leave checksums to their NIC: those of this machine, or of the host
 * of this virtual machine. */
static bool
partial_checksums(const struct bh_port *p)
{
	static const char *const drivers[] = {"net_tap",   "net_tun",         "net_virtio",
					      "net_vhost", "net_vdev_netvsc", "net_memif"};
	size_t i;

	if (p->kif.fd >= 0)
		return bh_kif_local(&p->kif);
	for (i = 0; i < BH_ARRAY_SIZE(drivers); i++) {
		if (strncmp(p->driver, drivers[i], strlen(drivers[i])) == 0)
			return true;
	}
	return false;
}

static void
fill_info(struct bh_port *p, const struct rte_eth_conf *conf)
{
	const uint64_t sums = RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	struct rte_ether_addr mac = {{0}};

	p->info.id = p->id;
	p->info.driver = p->driver;
	rte_eth_macaddr_get(p->id, &mac);
	memcpy(p->info.mac, mac.addr_bytes, sizeof(p->info.mac));
	p->info.checksum_flags = (conf->rxmode.offloads & sums) == sums;
	p->multi_seg = (conf->txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
	/* These two strip nothing, or put it back themselves. */
	p->put_back =
		strcmp(p->driver, "net_af_xdp") != 0 && strcmp(p->driver, "net_af_packet") != 0;
}

int
bh_port_configure(struct bh_port *p, const struct bh_port_setup *s, struct bh_err *err)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
	uint8_t key[RSS_KEY_MAX];
	uint16_t queues;
	int rc;

	memset(&conf, 0, sizeof(conf));
	rc = rte_eth_dev_info_get(p->id, &info);
	if (rc < 0)
		return bh_err_set(err, -rc, "it tells nothing about itself");
	snprintf(p->driver, sizeof(p->driver), "%s", info.driver_name);
	p->info.partial_checksums = partial_checksums(p);
	choose_offloads(&conf, &info, p->info.partial_checksums);
	p->rss = s->n_workers > 1 && want_rss(p, s, &info);
	if (p->rss) {
		symmetric_key(key, info.hash_key_size);
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = RSS_WANTED & info.flow_type_rss_offloads;
		conf.rx_adv_conf.rss_conf.rss_key = key;
		conf.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size;
	}
	queues = (uint16_t)RTE_MIN(s->n_workers,
				   (unsigned)RTE_MIN(info.max_rx_queues, info.max_tx_queues));
	/* Several queues without a hash that spreads over them are of no use, but for AF_XDP, whose
	 * device spreads by itself. */
	if (!p->rss && p->kif.fd < 0)
		queues = 1;
	p->info.rx_queues = p->info.tx_queues = queues;
	rc = rte_eth_dev_configure(p->id, queues, queues, &conf);
	if (rc < 0)
		return bh_err_set(err, -rc, "it refuses its configuration: %s", strerror(-rc));
	rc = set_mtu(p, s->config, &info, err);
	if (rc == 0)
		rc = setup_queues(p, s->config, err);
	if (rc < 0)
		return rc;
	fill_info(p, &conf);
	return 0;
}
