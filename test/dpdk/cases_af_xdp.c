/* net_af_xdp as patched. */
#include "drivers.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEVARGS "net_af_xdp0,iface=" PORT_IF ",busy_budget=0"

/* Element after element, as lib/port makes its pool. */
static struct rte_mempool *
dense_pool(const char *name, unsigned n, unsigned pieces)
{
	struct rte_pktmbuf_pool_private priv = {.mbuf_data_room_size = 2048 + 128};
	struct rte_mempool *p =
		rte_mempool_create_empty(name, n, sizeof(struct rte_mbuf) + 2048 + 128, 0,
					 sizeof(priv), SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	const size_t size = (size_t)n / pieces * 2624;
	unsigned i;
	char *area;

	if (p == NULL)
		return NULL;
	rte_pktmbuf_pool_init(p, &priv);
	for (i = 0; i < pieces; i++) {
		area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (area == MAP_FAILED ||
		    rte_mempool_populate_iova(p, area, RTE_BAD_IOVA, size, NULL, NULL) <= 0)
			return NULL;
	}
	rte_mempool_obj_iter(p, rte_pktmbuf_init, NULL);
	return p;
}

/* By default elements have gaps before pages: all of them are to be received in. What is received is kept, so that
 * every buffer has its turn. */
static int
every_buffer_of_a_pool_is_used(void)
{
	struct rte_mempool *pool = plain_pool(8191);
	static struct rte_mbuf *m[6016];
	int port = port_open(DEVARGS, 1, pool), peer = raw_socket(PEER_IF, 0);
	unsigned i, n = 0;

	CLAIM(port >= 0, "no port");
	CLAIM(pool->nb_mem_chunks == 1, "the pool has %u pieces", pool->nb_mem_chunks);
	for (i = 0; i < RTE_DIM(m) / 32; i++) {
		send_frames(peer, 100, i * 32, 32);
		n += port_collect(port, 1, m + n, 32, 100);
		CLAIM(n == (i + 1) * 32, "%u frames of %u came", n, (i + 1) * 32);
	}
	for (i = 0; i < n; i++) {
		uint8_t f[100];

		make_frame(f, sizeof(f), i);
		CLAIM(m[i]->data_len == sizeof(f) &&
			      memcmp(rte_pktmbuf_mtod(m[i], void *), f, sizeof(f)) == 0,
		      "frame %u is not what was sent", i);
	}
	port_close(port);
	pool = dense_pool("pieces", 8192, 2);
	CLAIM(pool != NULL && pool->nb_mem_chunks == 2, "no pool in two pieces");
	CLAIM(port_open("net_af_xdp1,iface=" PORT_IF, 1, pool) < 0, "a pool in pieces was taken");
	return 0;
}

/* A chain of buffers, the bytes of frame `number`. */
static struct rte_mbuf *
chain(struct rte_mempool *pool, const unsigned *lens, unsigned n, uint32_t number)
{
	struct rte_mbuf *head = NULL, *m;
	uint8_t f[16384];
	unsigned i, at = 0, len = 0;

	for (i = 0; i < n; i++)
		len += lens[i];
	make_frame(f, len, number);
	for (i = 0; i < n; at += lens[i++]) {
		m = rte_pktmbuf_alloc(pool);
		memcpy(rte_pktmbuf_append(m, (uint16_t)lens[i]), f + at, lens[i]);
		if (head == NULL)
			head = m;
		else
			rte_pktmbuf_chain(head, m);
	}
	return head;
}

static int
chained_buffers_are_sent_whole(void)
{
	static const unsigned small[] = {40, 60, 20}, large[] = {1500, 1500, 1500}, one[] = {60};
	struct rte_mempool *pool = dense_pool("dense", 8192, 1);
	int port = port_open(DEVARGS, 1, pool), peer = raw_socket(PEER_IF, 0x88b5);
	struct rte_eth_dev_info info;
	struct rte_eth_stats s;
	uint8_t got[4096], want[120];
	struct rte_mbuf *m[3];
	unsigned i, sent = 1;

	CLAIM(port >= 0, "no port");
	rte_eth_dev_info_get((uint16_t)port, &info);
	CLAIM((info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0, "it does not say so");
	m[0] = chain(pool, small, 3, 5);
	m[1] = chain(pool, large, 3, 6); /* no buffer holds it */
	m[2] = chain(pool, one, 1, 7);
	CLAIM(rte_eth_tx_burst((uint16_t)port, 0, m, 3) == 3, "not all were taken");
	CLAIM(recv(peer, got, sizeof(got), 0) == sizeof(want), "the chain's length");
	make_frame(want, sizeof(want), 5);
	CLAIM(memcmp(got, want, sizeof(want)) == 0, "the chain's bytes");
	CLAIM(recv(peer, got, sizeof(got), 0) == 60 && frame_number(got, 60) == 7,
	      "the frame behind the long one");
	rte_eth_stats_get((uint16_t)port, &s);
	CLAIM(s.oerrors == 1 && s.opackets == 2, "%lu errors, %lu sent", s.oerrors, s.opackets);
	/* What it does not take is the caller's, and not lost. */
	CLAIM(command("ip link set " PORT_IF " down") == 0, "link down");
	for (i = 0; i < 4096 && sent == 1; i++) {
		m[0] = chain(pool, one, 1, i);
		sent = rte_eth_tx_burst((uint16_t)port, 0, m, 1);
	}
	CLAIM(sent == 0, "it takes frames forever");
	rte_eth_stats_get((uint16_t)port, &s);
	CLAIM(s.oerrors == 1, "%lu errors after one that was refused", s.oerrors);
	return 0;
}

static int
what_found_no_room_is_counted(void)
{
	struct rte_mempool *pool = dense_pool("dense", 16384, 1);
	int port = port_open(DEVARGS, 1, pool), peer = raw_socket(PEER_IF, 0);
	static struct rte_mbuf *m[6000];
	struct rte_eth_stats s;
	unsigned n;

	CLAIM(port >= 0, "no port");
	send_frames(peer, 60, 0, RTE_DIM(m)); /* the ring has 512 descriptors */
	n = port_collect(port, 1, m, RTE_DIM(m), 300);
	rte_eth_stats_get((uint16_t)port, &s);
	CLAIM(n < RTE_DIM(m), "nothing was missed");
	CLAIM(s.ipackets == n && s.imissed == RTE_DIM(m) - n, "%u of %zu came, %lu missed", n,
	      RTE_DIM(m), s.imissed);
	rte_eth_stats_reset((uint16_t)port);
	rte_eth_stats_get((uint16_t)port, &s);
	CLAIM(s.imissed == 0, "after a reset: %lu", s.imissed);
	return 0;
}

static int
a_port_can_be_opened_again(void)
{
	/* Each open port keeps 2048 buffers of a pool: the kernel has them. */
	struct rte_mempool *pool = dense_pool("dense", 32768, 1);
	int peer = raw_socket(PEER_IF, 0), port;
	unsigned round, i;
	struct rte_mbuf *m;

	for (round = 0; round < 4; round++) {
		/* The kernel lets go of a queue a while after close(). */
		for (port = -1, i = 0; i < 4 && port < 0; i++) {
			usleep(i * 300000);
			port = port_open(DEVARGS, 1, pool);
		}
		CLAIM(port >= 0, "it does not open, round %u", round);
		send_frames(peer, 60, round, 1);
		CLAIM(port_collect(port, 1, &m, 1, 300) == 1, "nothing comes, round %u", round);
		rte_pktmbuf_free(m);
		port_close(port);
	}
	return 0;
}

static int
a_refused_port_keeps_nothing(void)
{
	struct rte_mempool *pool = dense_pool("dense", 8192, 1);
	unsigned before, after;

	CLAIM(pool != NULL, "no pool");
	/* The kernel attaches no XDP where the peer may send more than a page. */
	CLAIM(command("ip link set " PEER_IF " mtu 9000") == 0, "MTU");
	before = rte_mempool_avail_count(pool);
	CLAIM(port_open(DEVARGS, 1, pool) < 0, "it was not refused");
	after = rte_mempool_avail_count(pool);
	CLAIM(after == before, "of %u buffers %u are left", before, after);
	return 0;
}

const struct drivers_case drivers_af_xdp[] = {
	{"af_xdp-register-the-whole-pool", every_buffer_of_a_pool_is_used},
	{"af_xdp-send-chained-buffers", chained_buffers_are_sent_whole},
	{"af_xdp-count-what-was-missed", what_found_no_room_is_counted},
	{"af_xdp-give-the-memory-back", a_port_can_be_opened_again},
	{"af_xdp-keep-no-buffers-when-refused", a_refused_port_keeps_nothing},
	{NULL, NULL},
};
