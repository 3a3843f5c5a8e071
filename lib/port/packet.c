/* A kernel interface by AF_PACKET, where AF_XDP is refused: TPACKET_V2 rings, copied from and to buffers.
 *
 * DPDK's own driver for it (net_af_packet, 22.11) is not used: it joins a fanout group that reassembles IPv4
 * fragments before they are seen, puts every VLAN tag back as 802.1Q, takes no frame longer than one buffer
 * and does not tell when one was cut. Source: packet(7), Documentation/networking/packet_mmap.rst. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <rte_mbuf.h>

#include "packet.h"
#include "port_priv.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define MACS 12u
/* What the kernel leaves in front of a frame that it hands out: header of 52, 16 for the link header, aligned
 * to 16, less the 14 of Ethernet (net/packet: tpacket_rcv). In front of one that it takes: aligned header. */
#define RX_FRONT 66u
#define TX_FRONT 32u
#define PAGE 4096u

_Static_assert(TPACKET2_HDRLEN == 52, "RX_FRONT counts on it");
_Static_assert(TPACKET_ALIGN(sizeof(struct tpacket2_hdr)) == TX_FRONT, "see tpacket_fill_skb");

static unsigned
gcd(unsigned a, unsigned b)
{
	unsigned t;

	while (b != 0) {
		t = a % b;
		a = b;
		b = t;
	}
	return a;
}

void
bh_packet_layout(struct bh_packet_layout *l, unsigned mtu, unsigned frames)
{
	unsigned need = mtu + BH_FRAME_EXTRA + RX_FRONT, per_block;

	/* Steps of 1 KiB: few pages hold a whole number of slots. The kernel leaves a gap at the end of
	 * a block that they do not fill, so a block is the least common multiple of slot and page. */
	l->slot = need <= 2048 ? 2048 : (need + 1023) & ~1023u;
	l->block = l->slot / gcd(l->slot, PAGE) * PAGE;
	per_block = l->block / l->slot;
	l->n_blocks = (frames + per_block - 1) / per_block;
	l->n_slots = l->n_blocks * per_block;
}

static int
set(int fd, int option, int value)
{
	return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int
make_rings(struct bh_packet *k, struct bh_err *err)
{
	const struct tpacket_req req = {
		.tp_block_size = k->layout.block,
		.tp_block_nr = k->layout.n_blocks,
		.tp_frame_size = k->layout.slot,
		.tp_frame_nr = k->layout.n_slots,
	};
	int rc = set(k->fd, PACKET_VERSION, TPACKET_V2);

	if (rc == 0 && (setsockopt(k->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) < 0 ||
			setsockopt(k->fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)) < 0))
		rc = -errno;
	if (rc < 0)
		return bh_err_set(err, -rc,
				  "the kernel gives no rings of %u slots of %u bytes: %s; make "
				  "memory.descriptors smaller",
				  k->layout.n_slots, k->layout.slot, strerror(-rc));
	k->ring_size = (size_t)k->layout.n_slots * k->layout.slot;
	k->map = mmap(NULL, 2 * k->ring_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		      k->fd, 0);
	if (k->map == MAP_FAILED) {
		k->map = NULL;
		return bh_err_set(err, errno, "its rings cannot be mapped: %s", strerror(errno));
	}
	return 0;
}

int
bh_packet_open(struct bh_packet **out, const struct bh_packet_params *params, struct bh_err *err)
{
	struct bh_packet *k = calloc(1, sizeof(*k));
	int rc;

	if (k == NULL)
		return bh_err_set(err, ENOMEM, "no memory");
	k->index = params->index;
	k->pool = params->pool;
	bh_packet_layout(&k->layout, params->mtu, params->frames);
	/* Protocol 0: nothing is received until bh_packet_start binds it. */
	k->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (k->fd < 0) {
		rc = bh_err_set(err, errno,
				"no packet socket: %s; run as root, or with CAP_NET_RAW",
				strerror(errno));
		goto fail;
	}
	rc = make_rings(k, err);
	if (rc < 0)
		goto fail;
	/* A frame that cannot be sent must not stop those behind it. */
	set(k->fd, PACKET_LOSS, 1);
	set(k->fd, PACKET_QDISC_BYPASS, 1);
	*out = k;
	return 0;
fail:
	bh_packet_close(k);
	return rc;
}

int
bh_packet_start(struct bh_packet *k)
{
	const struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = k->index,
	};
	/* What this machine itself sends on the interface did not come from the wire. */
	int rc = set(k->fd, PACKET_IGNORE_OUTGOING, 1);

	if (rc == 0 && bind(k->fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		rc = -errno;
	return rc;
}

void
bh_packet_close(struct bh_packet *k)
{
	if (k == NULL)
		return;
	if (k->map != NULL)
		munmap(k->map, 2 * k->ring_size);
	if (k->fd >= 0)
		close(k->fd);
	free(k);
}

static struct tpacket2_hdr *
slot(const struct bh_packet *k, bool tx, unsigned i)
{
	return (struct tpacket2_hdr *)(void *)(k->map + (tx ? k->ring_size : 0) +
					       (size_t)i * k->layout.slot);
}

static unsigned
next(const struct bh_packet *k, unsigned i)
{
	return i + 1 == k->layout.n_slots ? 0 : i + 1;
}

/* Append bytes to a chain, growing it. */
static bool
append(struct rte_mbuf *head, struct rte_mbuf **last, const uint8_t *p, uint32_t len)
{
	struct rte_mbuf *m = *last;
	uint32_t n;

	while (len > 0) {
		n = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(m));
		if (n == 0) {
			m = rte_pktmbuf_alloc(head->pool);
			if (m == NULL)
				return false;
			(*last)->next = m;
			*last = m;
			head->nb_segs++;
			continue;
		}
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len), p, n);
		m->data_len = (uint16_t)(m->data_len + n);
		head->pkt_len += n;
		p += n;
		len -= n;
	}
	return true;
}

/* The frame of a slot, its tag where it was. */
static struct rte_mbuf *
take(struct bh_packet *k, const struct tpacket2_hdr *h, uint32_t status)
{
	const uint8_t *p = (const uint8_t *)h + h->tp_mac;
	uint16_t tpid = ETH_P_8021Q, macs;
	struct rte_mbuf *m, *last;
	uint8_t tag[4];
	bool ok;

	m = rte_pktmbuf_alloc(k->pool);
	if (m == NULL)
		return NULL;
	last = m;
	macs = (uint16_t)RTE_MIN(h->tp_snaplen, MACS);
	ok = append(m, &last, p, macs);
	if ((status & TP_STATUS_VLAN_VALID) != 0) {
		if ((status & TP_STATUS_VLAN_TPID_VALID) != 0)
			tpid = h->tp_vlan_tpid;
		tag[0] = (uint8_t)(tpid >> 8);
		tag[1] = (uint8_t)tpid;
		tag[2] = (uint8_t)(h->tp_vlan_tci >> 8);
		tag[3] = (uint8_t)h->tp_vlan_tci;
		ok = ok && append(m, &last, tag, sizeof(tag));
	}
	ok = ok && append(m, &last, p + macs, h->tp_snaplen - macs);
	if (!ok) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

uint16_t
bh_packet_rx(struct bh_packet *k, struct rte_mbuf **m, uint16_t n)
{
	struct tpacket2_hdr *h;
	uint16_t got = 0;
	uint32_t status;

	while (got < n) {
		h = slot(k, false, k->rx_next);
		/* Acquire: the frame's bytes are read after the word that says they are there. */
		status = __atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE);
		if ((status & TP_STATUS_USER) == 0)
			break;
		if (BH_UNLIKELY(h->tp_len != h->tp_snaplen)) {
			k->rx.errors++;
		} else {
			m[got] = take(k, h, status);
			if (BH_UNLIKELY(m[got] == NULL)) {
				k->rx.nombuf++;
				break;
			}
			k->rx.packets++;
			k->rx.bytes += m[got]->pkt_len;
			got++;
		}
		/* Release: the kernel writes into the slot only after we have read it. */
		__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		k->rx_next = next(k, k->rx_next);
	}
	return got;
}

/* Hand the kernel what lies in the ring. A full device queue keeps it there for the next call. */
static void
kick(const struct bh_packet *k)
{
	(void)!send(k->fd, NULL, 0, MSG_DONTWAIT);
}

static bool
slot_free(const struct tpacket2_hdr *h)
{
	return __atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) == TP_STATUS_AVAILABLE;
}

static void
fill(struct bh_packet *k, struct tpacket2_hdr *h, const struct rte_mbuf *m)
{
	uint8_t *p = (uint8_t *)h + TX_FRONT;

	h->tp_len = m->pkt_len;
	h->tp_snaplen = m->pkt_len;
	k->tx.packets++;
	k->tx.bytes += m->pkt_len;
	for (; m != NULL; m = m->next) {
		memcpy(p, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
		p += m->data_len;
	}
	/* Release: the frame is whole before the kernel may look at it. */
	__atomic_store_n(&h->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	k->tx_next = next(k, k->tx_next);
}

uint16_t
bh_packet_tx(struct bh_packet *k, struct rte_mbuf **m, uint16_t n)
{
	struct tpacket2_hdr *h;
	uint16_t i;

	for (i = 0; i < n; i++) {
		h = slot(k, true, k->tx_next);
		if (!slot_free(h)) {
			kick(k);
			if (!slot_free(h))
				break;
		}
		if (BH_UNLIKELY(m[i]->pkt_len > k->layout.slot - TX_FRONT))
			k->tx.errors++;
		else
			fill(k, h, m[i]);
		rte_pktmbuf_free(m[i]);
	}
	if (i > 0)
		kick(k);
	return i;
}

void
bh_packet_stats(struct bh_packet *k, struct bh_port_stats *out)
{
	struct tpacket_stats s;
	socklen_t len = sizeof(s);

	/* The kernel starts again from 0 with each read. */
	if (getsockopt(k->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0)
		__atomic_fetch_add(&k->missed, s.tp_drops, __ATOMIC_RELAXED);
	*out = (struct bh_port_stats){
		.rx_packets = k->rx.packets,
		.rx_bytes = k->rx.bytes,
		.rx_missed = __atomic_load_n(&k->missed, __ATOMIC_RELAXED),
		.rx_errors = k->rx.errors,
		.rx_nombuf = k->rx.nombuf,
		.tx_packets = k->tx.packets,
		.tx_bytes = k->tx.bytes,
		.tx_errors = k->tx.errors,
	};
}
