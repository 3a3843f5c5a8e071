/* net_af_packet as patched. */
#include "drivers.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>

#include <rte_ip.h>

#define DEVARGS "net_af_packet0,iface=" PORT_IF

static bool
same(const struct rte_mbuf *m, const uint8_t *f, unsigned len)
{
	return m->nb_segs == 1 && m->data_len == len &&
	       memcmp(rte_pktmbuf_mtod(m, const void *), f, len) == 0;
}

/* One of the two fragments of a datagram of 16 bytes. */
static unsigned
fragment(uint8_t *f, bool last)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = 0x45,
		.total_length = rte_cpu_to_be_16(sizeof(ip) + 8),
		.packet_id = rte_cpu_to_be_16(77),
		.fragment_offset = rte_cpu_to_be_16(last ? 1 : RTE_IPV4_HDR_MF_FLAG),
		.time_to_live = 64,
		.next_proto_id = 253, /* RFC 3692: for experiments */
		.src_addr = rte_cpu_to_be_32(RTE_IPV4(192, 0, 2, 1)),
		.dst_addr = rte_cpu_to_be_32(RTE_IPV4(192, 0, 2, 2)),
	};

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	make_frame(f, 60, last);
	f[12] = ETH_P_IP >> 8;
	f[13] = ETH_P_IP & 0xff;
	memcpy(f + 14, &ip, sizeof(ip));
	return 60;
}

/* Several queues make a fanout group, and the group had the kernel reassemble. */
static int
fragments_arrive_as_they_are(void)
{
	int port = port_open(DEVARGS ",qpairs=2", 2, plain_pool(2047));
	int peer = raw_socket(PEER_IF, 0);
	struct rte_mbuf *m[4];
	uint8_t f[60];
	unsigned i, n;

	CLAIM(port >= 0, "no port");
	for (i = 0; i < 2; i++)
		CLAIM(send(peer, f, fragment(f, i == 1), 0) == 60, "not sent");
	n = port_collect(port, 2, m, RTE_DIM(m), 300);
	CLAIM(n == 2, "%u frames came of two fragments", n);
	for (i = 0; i < n; i++) {
		fragment(f, i == 1);
		CLAIM(same(m[i], f, sizeof(f)), "fragment %u was changed", i);
	}
	return 0;
}

static int
tags_keep_their_type(void)
{
	static const uint16_t types[] = {ETH_P_8021Q, ETH_P_8021AD};
	int port = port_open(DEVARGS, 1, plain_pool(2047));
	int peer = raw_socket(PEER_IF, 0);
	struct rte_mbuf *m[2];
	uint8_t f[80];
	unsigned i;

	CLAIM(port >= 0, "no port");
	for (i = 0; i < RTE_DIM(types); i++) {
		make_frame(f, sizeof(f), i);
		f[12] = (uint8_t)(types[i] >> 8);
		f[13] = (uint8_t)types[i];
		CLAIM(send(peer, f, sizeof(f), 0) == sizeof(f), "not sent");
		CLAIM(port_collect(port, 1, m, 1, 300) == 1, "tag %04x did not come", types[i]);
		CLAIM(same(m[0], f, sizeof(f)), "tag %04x became %02x%02x", types[i],
		      rte_pktmbuf_mtod(m[0], uint8_t *)[12], rte_pktmbuf_mtod(m[0], uint8_t *)[13]);
	}
	return 0;
}

static int
a_cut_frame_is_an_error(void)
{
	int port = port_open(DEVARGS, 1, plain_pool(2047));
	int peer = raw_socket(PEER_IF, 0);
	struct rte_eth_stats s;
	struct rte_mbuf *m[4];
	unsigned n;

	CLAIM(port >= 0, "no port");
	CLAIM(command("ip link set " PEER_IF " mtu 9000 && ip link set " PORT_IF " mtu 9000") == 0,
	      "MTU");
	send_frames(peer, 3000, 0, 1); /* a slot has 2048 bytes */
	send_frames(peer, 60, 1, 1);
	n = port_collect(port, 1, m, RTE_DIM(m), 300);
	rte_eth_stats_get((uint16_t)port, &s);
	CLAIM(n == 1 && frame_number(rte_pktmbuf_mtod(m[0], uint8_t *), m[0]->data_len) == 1,
	      "%u frames, the first of %u bytes", n, n > 0 ? m[0]->data_len : 0);
	CLAIM(s.ierrors == 1 && s.ipackets == 1, "%lu errors, %lu frames", s.ierrors, s.ipackets);
	return 0;
}

static int
what_found_no_slot_is_counted(void)
{
	int port = port_open(DEVARGS, 1, plain_pool(2047));
	int peer = raw_socket(PEER_IF, 0);
	struct rte_eth_stats s, again;
	static struct rte_mbuf *m[1500];
	unsigned n;

	CLAIM(port >= 0, "no port");
	send_frames(peer, 60, 0, RTE_DIM(m)); /* the ring has 512 slots */
	n = port_collect(port, 1, m, RTE_DIM(m), 300);
	rte_eth_stats_get((uint16_t)port, &s);
	CLAIM(n < RTE_DIM(m), "nothing was missed");
	CLAIM(s.ipackets == n && s.imissed == RTE_DIM(m) - n, "%u of %zu came, %lu missed", n,
	      RTE_DIM(m), s.imissed);
	rte_eth_stats_get((uint16_t)port, &again);
	CLAIM(again.imissed == s.imissed, "asked again: %lu", again.imissed);
	rte_eth_stats_reset((uint16_t)port);
	rte_eth_stats_get((uint16_t)port, &again);
	CLAIM(again.imissed == 0, "after a reset: %lu", again.imissed);
	return 0;
}

static int
what_this_host_sends_did_not_come_in(void)
{
	int port = port_open(DEVARGS, 1, plain_pool(2047));
	int peer = raw_socket(PEER_IF, 0), own = raw_socket(PORT_IF, 0);
	struct rte_mbuf *m[4];
	unsigned n;

	CLAIM(port >= 0, "no port");
	send_frames(own, 60, 100, 1);
	send_frames(peer, 60, 200, 1);
	n = port_collect(port, 1, m, RTE_DIM(m), 300);
	CLAIM(n == 1, "%u frames instead of one", n);
	CLAIM(frame_number(rte_pktmbuf_mtod(m[0], uint8_t *), m[0]->data_len) == 200,
	      "the host's own frame came");
	return 0;
}

static bool flooding;

static void *
flood(void *arg)
{
	int fd = raw_socket("lo", 0);
	cpu_set_t all;

	(void)arg;
	/* EAL's main thread, from which this one is, has one CPU to itself. */
	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
	while (__atomic_load_n(&flooding, __ATOMIC_RELAXED))
		send_frames(fd, 60, 7777, 10);
	return NULL;
}

static int
nothing_comes_from_another_interface(void)
{
	struct rte_mempool *pool = plain_pool(2047);
	static struct rte_mbuf *m[512];
	unsigned round, n = 0;
	pthread_t thread;
	int port;

	__atomic_store_n(&flooding, true, __ATOMIC_RELAXED);
	CLAIM(pthread_create(&thread, NULL, flood, NULL) == 0, "no thread");
	/* Whether a frame falls between socket() and bind() is chance: seen in half of the rounds. */
	for (round = 0; round < 20 && n == 0; round++) {
		port = port_open(DEVARGS, 1, pool);
		CLAIM(port >= 0, "no port");
		n = port_collect(port, 1, m, RTE_DIM(m), 20);
		rte_pktmbuf_free_bulk(m, n);
		port_close(port);
	}
	__atomic_store_n(&flooding, false, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	CLAIM(n == 0, "%u frames of lo", n);
	return 0;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A queue of 20 kbit/s takes 600 ms for a frame. */
static int
a_full_ring_is_not_waited_for(void)
{
	int port = port_open(DEVARGS ",qdisc_bypass=0", 1, plain_pool(4095));
	double start, took, longest = 0;
	struct rte_mbuf *m;
	unsigned i, refused = 0;

	CLAIM(port >= 0, "no port");
	CLAIM(command("tc qdisc add dev " PORT_IF
		      " root tbf rate 20kbit burst 1600 limit 10000000") == 0,
	      "no tbf");
	for (i = 0; i < 700; i++) {
		m = rte_pktmbuf_alloc(rte_mempool_lookup("plain"));
		CLAIM(m != NULL, "no buffer");
		make_frame((uint8_t *)rte_pktmbuf_append(m, 1500), 1500, i);
		start = now();
		if (rte_eth_tx_burst((uint16_t)port, 0, &m, 1) == 0) {
			refused++;
			rte_pktmbuf_free(m);
		}
		took = now() - start;
		longest = took > longest ? took : longest;
		if (longest > 0.25)
			break;
	}
	CLAIM(longest <= 0.25, "a burst took %.0f ms", longest * 1e3);
	CLAIM(refused > 0, "the ring was never full");
	return 0;
}

const struct drivers_case drivers_af_packet[] = {
	{"af_packet-do-not-reassemble", fragments_arrive_as_they_are},
	{"af_packet-keep-the-type-of-a-tag", tags_keep_their_type},
	{"af_packet-drop-what-was-cut", a_cut_frame_is_an_error},
	{"af_packet-count-what-was-missed", what_found_no_slot_is_counted},
	{"af_packet-only-what-came-in", what_this_host_sends_did_not_come_in},
	{"af_packet-nothing-of-other-interfaces", nothing_comes_from_another_interface},
	{"af_packet-never-wait-to-send", a_full_ring_is_not_waited_for},
	{NULL, NULL},
};
