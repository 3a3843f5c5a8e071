/* known: what most packets are. A plain packet (net_hot.h) of a flow whose verdict stands, which moves nothing but its
 * flow's counters, is counted and sent here, in three passes over the burst: headers and hash, index, entry. None of the
 * other stages would look at it twice; they get the others. From the first of these on a burst stays together, so that
 * frames leave in the order in which they came; and from one on that may move a flow's state, that flow's packets go to
 * the other stages with it. */
#include "gateway_priv.h"

/* Pass 1. Those that are plain, as bits; their index lines are on their way. */
static inline uint32_t
read_headers(struct bh_worker *w, struct bh_burst *b)
{
	const struct bh_entry e = w->entry[b->wire];
	const uint32_t max_len = w->exit[b->wire].max_len, n = b->n_new;
	const bool steers = w->g->p.steer && w->inbox != NULL;
	uint32_t plain = 0, i;

	for (i = 0; i < n; i++) {
		const struct rte_mbuf *m = b->m[i];
		struct bh_known *k = &b->known[i];
		uint32_t len = m->data_len;

		if (unlikely(len != m->pkt_len || len > max_len ||
			     (m->ol_flags & e.checksum_mask) == RTE_MBUF_F_RX_L4_CKSUM_BAD ||
			     !bh_net_plain(&w->parse, rte_pktmbuf_mtod(m, const uint8_t *), len,
					   len, e.pair, &k->plain)))
			continue;
		if (unlikely(steers) && bh_steer_owner(w, &k->plain.key) != w->index)
			continue;
		k->hash = bh_flow_hash_hot(w->flows, &k->plain.key);
		bh_flow_prefetch_hot(w->flows, k->hash);
		plain |= UINT32_C(1) << i;
	}
	return plain;
}

/* Pass 2. Entries are on their way. */
static inline void
find_entries(struct bh_worker *w, struct bh_burst *b, uint32_t plain)
{
	uint32_t late = 0, left;
	unsigned i;

	for (left = plain; left != 0; left &= left - 1) {
		i = (unsigned)__builtin_ctz(left);
		b->flow[i] = bh_flow_candidate_hot(w->flows, b->known[i].hash);
		if (unlikely(b->flow[i] == NULL))
			late |= left & -left;
	}
	for (; unlikely(late != 0); late &= late - 1) {
		i = (unsigned)__builtin_ctz(late);
		b->flow[i] = bh_flow_late_hot(w->flows, b->known[i].hash);
	}
}

/* Pass 3, of one packet. Does its flow's verdict let it pass, and does it move nothing? Then it is counted. */
static inline bool
count_known(struct bh_worker *w, const struct bh_known *k, struct bh_flow *f)
{
	const uint8_t usual = BH_FLAG_USED | BH_FLAG_APP_DONE;
	const uint8_t moves = BH_TCP_SYN | BH_TCP_FIN | BH_TCP_RST;
	unsigned from = k->plain.from & 1;

	if (unlikely(f == NULL || !bh_flow_key_equal(&f->key, &k->plain.key) ||
		     (f->flags & usual) != usual || f->verdict != BH_VERDICT_ALLOW ||
		     (k->plain.tcp_flags & moves) != 0 ||
		     !bh_flow_is_quiet(f, from, k->plain.tcp_flags) || bh_flow_is_expired(w, f) ||
		     f->stamp != bh_view_stamp(w->view, f->slot[0], f->slot[1])))
		return false;
	bh_flow_count_hot(f, from, k->plain.l3_len, w->now_ms);
	return true;
}

/* The packets from i on, for the other stages. */
static __rte_noinline void
leave_rest(struct bh_worker *w, struct bh_burst *b, uint32_t plain, unsigned i)
{
	struct bh_flow *moved[BH_BURST];
	unsigned n_moved = 0, k;
	bool all = false; /* a packet of who knows which flow has come before */

	for (; i < b->n_new; i++) {
		const struct bh_known *known = &b->known[i];
		struct bh_packet *p = &b->p[b->n++];
		struct rte_mbuf *m = b->m[i];
		struct bh_flow *f = b->flow[i];

		bh_packet_place(p, m, b->wire);
		if ((plain >> i & 1) == 0) {
			all = true;
			continue;
		}
		f = bh_flow_confirm_hot(w->flows, f, &known->plain.key, known->hash);
		for (k = 0; k < n_moved && moved[k] != f; k++)
			;
		if (!all && k == n_moved && count_known(w, known, f)) {
			p->h.kind = BH_FRAME_IP;
			bh_packet_decide(p, BH_FATE_PASS, (enum bh_reason)f->reason);
			continue;
		}
		if (f != NULL && k == n_moved)
			moved[n_moved++] = f;
		bh_net_plain_parsed(&known->plain, rte_pktmbuf_mtod(m, const uint8_t *),
				    m->data_len, &p->h);
		p->hash = known->hash;
		p->parsed = true;
	}
}

void
bh_stage_known(struct bh_worker *w, struct bh_burst *b)
{
	const unsigned n = b->n_new, wire = w->exit[b->wire].wire;
	uint32_t plain = 0;
	unsigned i = 0, run = 0;
	uint8_t reason = BH_REASON_NONE;

	if (unlikely(n == 0))
		return;
	b->n = 0;
	if (likely(w->entry[b->wire].plain && w->view != NULL && !w->examines)) {
		plain = read_headers(w, b);
		find_entries(w, b, plain);
	}
	for (; i < n && (plain >> i & 1) != 0; i++) {
		const struct bh_flow *f = b->flow[i];

		if (unlikely(!count_known(w, &b->known[i], b->flow[i])))
			break;
		bh_tx_put(w, wire, b->m[i]);
		/* Neighbours mostly pass for the same reason: counted together. */
		if (unlikely(f->reason != reason)) {
			bh_count(&w->c.passed[reason], run);
			reason = f->reason;
			run = 0;
		}
		run++;
	}
	bh_count(&w->c.passed[reason], run);
	if (unlikely(i < n))
		leave_rest(w, b, plain, i);
	b->n_new = 0;
}
