/* Tags that a driver took off a frame, put back where they were. */
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "port_priv.h"

#define MACS (2 * RTE_ETHER_ADDR_LEN)

/* Room for len bytes after the addresses: in the headroom, else by a buffer of its own in front. */
static struct rte_mbuf *
open_gap(struct rte_mbuf *m, uint16_t len)
{
	struct rte_mbuf *head;
	uint8_t *p;

	if (BH_LIKELY(rte_pktmbuf_headroom(m) >= len)) {
		p = (uint8_t *)rte_pktmbuf_prepend(m, len);
		memmove(p, p + len, MACS);
		return m;
	}
	head = rte_pktmbuf_alloc(m->pool);
	if (head == NULL || m->nb_segs == RTE_MBUF_MAX_NB_SEGS) {
		rte_pktmbuf_free(head);
		return NULL;
	}
	memcpy(rte_pktmbuf_append(head, (uint16_t)(MACS + len)), rte_pktmbuf_mtod(m, uint8_t *),
	       MACS);
	rte_pktmbuf_adj(m, MACS);
	head->port = m->port;
	head->ol_flags = m->ol_flags;
	head->packet_type = m->packet_type;
	head->hash = m->hash;
	rte_pktmbuf_chain(head, m);
	return head;
}

static uint8_t *
put_tag(uint8_t *p, uint16_t tpid, uint16_t tci)
{
	p[0] = (uint8_t)(tpid >> 8);
	p[1] = (uint8_t)tpid;
	p[2] = (uint8_t)(tci >> 8);
	p[3] = (uint8_t)tci;
	return p + 4;
}

struct rte_mbuf *
bh_vlan_put_back(struct rte_mbuf *m)
{
	const uint64_t both = RTE_MBUF_F_RX_QINQ_STRIPPED;
	const bool two = (m->ol_flags & both) != 0;
	const uint16_t outer = m->vlan_tci_outer, inner = m->vlan_tci;
	struct rte_mbuf *tagged = NULL;
	uint8_t *p;

	if (BH_LIKELY(m->data_len >= MACS))
		tagged = open_gap(m, two ? 8 : 4);
	if (tagged == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	/* rte_mbuf_core.h: with QINQ_STRIPPED both tags are gone, the outer one into vlan_tci_outer.
	 * The TPID is not reported; what hardware strips as outer of two is 802.1ad's. */
	p = rte_pktmbuf_mtod_offset(tagged, uint8_t *, MACS);
	if (two)
		p = put_tag(p, RTE_ETHER_TYPE_QINQ, outer);
	put_tag(p, RTE_ETHER_TYPE_VLAN, inner);
	tagged->ol_flags &= ~(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED);
	return tagged;
}
