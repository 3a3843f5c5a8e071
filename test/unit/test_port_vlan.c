#include "../../lib/port/port_priv.h"
#include "port_pool.h"
#include "unit.h"

/* A frame of len bytes, byte i is i, over buffers of at most `first` and then 100 bytes. */
static struct rte_mbuf *
frame(uint16_t headroom, uint16_t first, uint16_t len)
{
	struct rte_mempool *pool = test_pool("vlan", 64, RTE_PKTMBUF_HEADROOM + 256);
	struct rte_mbuf *head = NULL, *m;
	uint16_t i, n, done = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	while (done < len) {
		n = RTE_MIN((uint16_t)(len - done), head == NULL ? first : (uint16_t)100);
		m = rte_pktmbuf_alloc(pool);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		if (head == NULL)
			m->data_off = headroom;
		for (i = 0; i < n; i++)
			rte_pktmbuf_mtod(m, uint8_t *)[i] = (uint8_t)(done + i);
		m->data_len = m->pkt_len = n;
		if (head == NULL)
			head = m;
		else
			rte_pktmbuf_chain(head, m);
		done = (uint16_t)(done + n);
	}
	return head;
}

static unsigned
in_use(void)
{
	return rte_mempool_in_use_count(test_pool("vlan", 64, 0));
}

/* Addresses, tags, then the rest of what frame() made. */
static void
check(struct rte_mbuf *m, const uint8_t *tags, unsigned n, unsigned len)
{
	uint8_t got[600];
	unsigned i;

	CU_ASSERT_EQUAL_FATAL(m->pkt_len, len + n);
	rte_mbuf_sanity_check(m, 1);
	CU_ASSERT_EQUAL(rte_pktmbuf_read(m, 0, len + n, got) == NULL, 0);
	memcpy(got, rte_pktmbuf_read(m, 0, len + n, got), len + n);
	for (i = 0; i < 12; i++)
		CU_ASSERT_EQUAL(got[i], i);
	CU_ASSERT_EQUAL(memcmp(got + 12, tags, n), 0);
	for (; i < len; i++)
		CU_ASSERT_EQUAL(got[i + n], (uint8_t)i);
	CU_ASSERT_EQUAL(m->ol_flags & (RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED),
			0);
}

static void
a_stripped_tag_goes_back_behind_the_addresses(void)
{
	static const uint8_t tag[] = {0x81, 0x00, 0x61, 0x23};
	const uint16_t headrooms[] = {128, 4, 3, 0};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(headrooms); i++) {
		struct rte_mbuf *m = frame(headrooms[i], 200, 200);

		m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		m->vlan_tci = 0x6123;
		m = bh_vlan_put_back(m);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		CU_ASSERT_EQUAL(m->nb_segs, headrooms[i] >= 4 ? 1 : 2);
		check(m, tag, sizeof(tag), 200);
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(in_use(), 0);
}

static void
two_stripped_tags_go_back_outer_first(void)
{
	static const uint8_t tags[] = {0x88, 0xa8, 0x00, 0xc8, 0x81, 0x00, 0x00, 0x64};
	const uint16_t headrooms[] = {128, 8, 7, 0};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(headrooms); i++) {
		struct rte_mbuf *m = frame(headrooms[i], 200, 200);

		m->ol_flags |= RTE_MBUF_F_RX_QINQ | RTE_MBUF_F_RX_QINQ_STRIPPED |
			       RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		m->vlan_tci = 0x64;
		m->vlan_tci_outer = 0xc8;
		m = bh_vlan_put_back(m);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		check(m, tags, sizeof(tags), 200);
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(in_use(), 0);
}

static void
a_chained_frame_keeps_its_chain(void)
{
	static const uint8_t tag[] = {0x81, 0x00, 0x00, 0x07};
	const uint16_t headrooms[] = {128, 0};
	const uint16_t firsts[] = {12, 14, 100};
	size_t i, k;

	for (i = 0; i < BH_ARRAY_SIZE(headrooms); i++) {
		for (k = 0; k < BH_ARRAY_SIZE(firsts); k++) {
			struct rte_mbuf *m = frame(headrooms[i], firsts[k], 500);

			m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED |
				       RTE_MBUF_F_RX_L4_CKSUM_BAD;
			m->vlan_tci = 7;
			m->port = 3;
			m = bh_vlan_put_back(m);
			CU_ASSERT_PTR_NOT_NULL_FATAL(m);
			CU_ASSERT_EQUAL(m->port, 3);
			CU_ASSERT_NOT_EQUAL(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_BAD, 0);
			check(m, tag, sizeof(tag), 500);
			rte_pktmbuf_free(m);
		}
	}
	CU_ASSERT_EQUAL(in_use(), 0);
}

static void
a_frame_that_cannot_take_its_tag_is_freed(void)
{
	struct rte_mbuf *m = frame(128, 10, 10), *all[64];
	unsigned n = 0;

	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	CU_ASSERT_PTR_NULL(bh_vlan_put_back(m));
	m = frame(0, 100, 100);
	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	while (n < BH_ARRAY_SIZE(all) && (all[n] = rte_pktmbuf_alloc(m->pool)) != NULL)
		n++;
	CU_ASSERT_PTR_NULL(bh_vlan_put_back(m));
	CU_ASSERT_EQUAL(in_use(), n);
	rte_pktmbuf_free_bulk(all, n);
}

const struct bh_unit_test bh_suite_port_vlan[] = {
	BH_TEST(a_stripped_tag_goes_back_behind_the_addresses),
	BH_TEST(two_stripped_tags_go_back_outer_first),
	BH_TEST(a_chained_frame_keeps_its_chain),
	BH_TEST(a_frame_that_cannot_take_its_tag_is_freed),
	BH_TEST_END,
};
