#include <stdlib.h>

#include <linux/if_packet.h>

#include "../../lib/port/packet.h"
#include "../../lib/port/port_priv.h"
#include "port_pool.h"
#include "unit.h"

static uint64_t
rnd(uint64_t *s)
{
	*s = *s * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *s >> 33;
}

static void
slots_hold_the_mtu_and_fill_their_blocks(void)
{
	struct bh_packet_layout l;
	unsigned mtu, frames;

	for (mtu = 68; mtu <= 9000; mtu += 7) {
		frames = 64 + mtu % 4000;
		bh_packet_layout(&l, mtu, frames);
		/* Behind 66 bytes the kernel puts what it received, behind 32 we put what it sends. */
		CU_ASSERT_TRUE(l.slot >= 66 + mtu + 14 + 8);
		CU_ASSERT_EQUAL(l.slot % TPACKET_ALIGNMENT, 0);
		CU_ASSERT_EQUAL(l.block % 4096, 0);
		CU_ASSERT_EQUAL(l.block % l.slot, 0);
		CU_ASSERT_EQUAL(l.n_slots, l.n_blocks * (l.block / l.slot));
		CU_ASSERT_TRUE(l.n_slots >= frames && l.n_slots < frames + l.block / l.slot);
	}
}

/* A packet port over rings of our own; what a kernel would do is done by the tests. */
static struct bh_packet *
fake(unsigned mtu, uint16_t room, const char *pool)
{
	struct bh_packet *k = calloc(1, sizeof(*k));

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	bh_packet_layout(&k->layout, mtu, 8);
	k->ring_size = (size_t)k->layout.n_slots * k->layout.slot;
	k->map = calloc(2, k->ring_size);
	k->pool = test_pool(pool, 256, (uint16_t)(RTE_PKTMBUF_HEADROOM + room));
	CU_ASSERT_PTR_NOT_NULL_FATAL(k->pool);
	k->fd = -1;
	return k;
}

static void
unfake(struct bh_packet *k)
{
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(k->pool), 0);
	free(k->map);
	free(k);
}

static struct tpacket2_hdr *
ring(struct bh_packet *k, bool tx, unsigned i)
{
	return (void *)(k->map + (tx ? k->ring_size : 0) +
			(size_t)(i % k->layout.n_slots) * k->layout.slot);
}

/* The kernel receives a frame: a tag goes into the slot's header. */
static void
kernel_receives(struct bh_packet *k, unsigned i, const uint8_t *f, unsigned len, uint32_t tag)
{
	struct tpacket2_hdr *h = ring(k, false, i);

	CU_ASSERT_EQUAL_FATAL(h->tp_status, TP_STATUS_KERNEL);
	h->tp_mac = 66;
	memcpy((uint8_t *)h + 66, f, len);
	h->tp_len = h->tp_snaplen = len;
	h->tp_vlan_tpid = (uint16_t)(tag >> 16);
	h->tp_vlan_tci = (uint16_t)tag;
	h->tp_status = TP_STATUS_USER | (tag != 0 ? TP_STATUS_VLAN_VALID : 0) |
		       (tag >> 16 != 0 ? TP_STATUS_VLAN_TPID_VALID : 0);
}

static bool
same(const struct rte_mbuf *m, const uint8_t *f, unsigned len)
{
	uint8_t buf[10000];

	return m->pkt_len == len && memcmp(rte_pktmbuf_read(m, 0, len, buf), f, len) == 0;
}

static void
received_frames_come_out_as_they_were_on_the_wire(void)
{
	struct bh_packet *k = fake(9000, 512, "packet_small");
	uint8_t f[9100], wire[9100];
	uint64_t seed = 1;
	unsigned i, j;

	for (i = 0; i < 2000; i++) {
		static const uint32_t tags[] = {0, 0x81000064, 0x88a80fff, 0x00000007};
		const unsigned len = 14 + (unsigned)(rnd(&seed) % 9000);
		const uint32_t tag = tags[rnd(&seed) % 4];
		const uint16_t tpid = tag >> 16 != 0 ? (uint16_t)(tag >> 16) : 0x8100;
		unsigned n = 0;
		struct rte_mbuf *m;

		for (j = 0; j < len; j++)
			f[j] = (uint8_t)rnd(&seed);
		kernel_receives(k, i, f, len, tag);
		memcpy(wire, f, 12);
		if (tag != 0) {
			wire[12] = (uint8_t)(tpid >> 8);
			wire[13] = (uint8_t)tpid;
			wire[14] = (uint8_t)(tag >> 8);
			wire[15] = (uint8_t)tag;
			n = 4;
		}
		memcpy(wire + 12 + n, f + 12, len - 12);
		CU_ASSERT_EQUAL_FATAL(bh_packet_rx(k, &m, 1), 1);
		CU_ASSERT_TRUE(same(m, wire, len + n));
		rte_mbuf_sanity_check(m, 1);
		rte_pktmbuf_free(m);
		CU_ASSERT_EQUAL(bh_packet_rx(k, &m, 1), 0);
	}
	CU_ASSERT_EQUAL(k->rx.packets, 2000);
	unfake(k);
}

static void
a_frame_that_the_kernel_cut_is_dropped_and_counted(void)
{
	struct bh_packet *k = fake(1500, 2048, "packet_large");
	uint8_t f[100] = {0};
	struct rte_mbuf *m[4];

	kernel_receives(k, 0, f, 60, 0);
	kernel_receives(k, 1, f, 61, 0);
	ring(k, false, 1)->tp_len = 30000;
	kernel_receives(k, 2, f, 62, 0);
	CU_ASSERT_EQUAL_FATAL(bh_packet_rx(k, m, 4), 2);
	CU_ASSERT_EQUAL(m[0]->pkt_len, 60);
	CU_ASSERT_EQUAL(m[1]->pkt_len, 62);
	CU_ASSERT_EQUAL(k->rx.errors, 1);
	CU_ASSERT_EQUAL(ring(k, false, 1)->tp_status, TP_STATUS_KERNEL);
	rte_pktmbuf_free_bulk(m, 2);
	unfake(k);
}

static void
without_buffers_a_frame_waits_in_its_slot(void)
{
	struct bh_packet *k = fake(1500, 2048, "packet_large");
	struct rte_mbuf *all[256], *m;
	uint8_t f[64] = {1};
	unsigned n = 0;

	while (n < BH_ARRAY_SIZE(all) && (all[n] = rte_pktmbuf_alloc(k->pool)) != NULL)
		n++;
	kernel_receives(k, 0, f, 64, 0);
	CU_ASSERT_EQUAL(bh_packet_rx(k, &m, 1), 0);
	CU_ASSERT_EQUAL(k->rx.nombuf, 1);
	rte_pktmbuf_free_bulk(all, n);
	CU_ASSERT_EQUAL_FATAL(bh_packet_rx(k, &m, 1), 1);
	rte_pktmbuf_free(m);
	unfake(k);
}

static struct rte_mbuf *
chain(struct bh_packet *k, uint8_t *f, unsigned len, unsigned piece)
{
	struct rte_mbuf *head = NULL, *m;
	unsigned done, n;

	for (done = 0; done < len; done += n) {
		n = RTE_MIN(piece, len - done);
		m = rte_pktmbuf_alloc(k->pool);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), f + done, n);
		if (head == NULL)
			head = m;
		else
			rte_pktmbuf_chain(head, m);
	}
	return head;
}

static void
sent_frames_lie_whole_in_the_ring_and_in_order(void)
{
	struct bh_packet *k = fake(9000, 512, "packet_small");
	uint8_t f[9100];
	uint64_t seed = 2;
	unsigned i, j;

	for (i = 0; i < 500; i++) {
		const unsigned len = 60 + (unsigned)(rnd(&seed) % 8900);
		struct tpacket2_hdr *h = ring(k, true, i);
		struct rte_mbuf *m;

		for (j = 0; j < len; j++)
			f[j] = (uint8_t)rnd(&seed);
		m = chain(k, f, len, 500);
		CU_ASSERT_EQUAL_FATAL(bh_packet_tx(k, &m, 1), 1);
		CU_ASSERT_EQUAL(h->tp_status, TP_STATUS_SEND_REQUEST);
		CU_ASSERT_EQUAL(h->tp_len, len);
		CU_ASSERT_EQUAL(memcmp((uint8_t *)h + 32, f, len), 0);
		h->tp_status = TP_STATUS_AVAILABLE;
	}
	unfake(k);
}

static void
a_full_ring_leaves_the_rest_to_the_caller(void)
{
	struct bh_packet *k = fake(1500, 2048, "packet_large");
	const unsigned n_slots = k->layout.n_slots;
	struct rte_mbuf *m[64];
	uint8_t f[60] = {0};
	unsigned i;

	for (i = 0; i < n_slots + 3; i++)
		m[i] = chain(k, f, 60, 60);
	CU_ASSERT_EQUAL(bh_packet_tx(k, m, (uint16_t)(n_slots + 3)), n_slots);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(k->pool), 3);
	CU_ASSERT_EQUAL(bh_packet_tx(k, m + n_slots, 3), 0);
	ring(k, true, 0)->tp_status = TP_STATUS_AVAILABLE;
	CU_ASSERT_EQUAL(bh_packet_tx(k, m + n_slots, 3), 1);
	rte_pktmbuf_free_bulk(m + n_slots + 1, 2);
	unfake(k);
}

static void
a_frame_longer_than_a_slot_is_dropped_and_counted(void)
{
	struct bh_packet *k = fake(1500, 512, "packet_small");
	uint8_t f[4000] = {0};
	struct rte_mbuf *m[2] = {chain(k, f, 4000, 500), chain(k, f, 60, 60)};

	CU_ASSERT_EQUAL(bh_packet_tx(k, m, 2), 2);
	CU_ASSERT_EQUAL(k->tx.errors, 1);
	CU_ASSERT_EQUAL(k->tx.packets, 1);
	CU_ASSERT_EQUAL(ring(k, true, 0)->tp_len, 60);
	unfake(k);
}

const struct bh_unit_test bh_suite_port_packet[] = {
	BH_TEST(slots_hold_the_mtu_and_fill_their_blocks),
	BH_TEST(received_frames_come_out_as_they_were_on_the_wire),
	BH_TEST(a_frame_that_the_kernel_cut_is_dropped_and_counted),
	BH_TEST(without_buffers_a_frame_waits_in_its_slot),
	BH_TEST(sent_frames_lie_whole_in_the_ring_and_in_order),
	BH_TEST(a_full_ring_leaves_the_rest_to_the_caller),
	BH_TEST(a_frame_longer_than_a_slot_is_dropped_and_counted),
	BH_TEST_END,
};
