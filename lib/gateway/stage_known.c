/* known: what most packets are. A plain packet (net_hot.h) of a flow whose verdict stands, which moves nothing but its
 * flow's counters, is counted and sent here, in three passes over the burst: headers and hash, index, entry. None of the
 * other stages would look at it twice; they get the others. From the first of these on a burst stays together, so that
 * frames leave in the order in which they came; and what follows in it is judged here only if no packet of its flow goes
 * to the other stages, since that one may move the flow's state. */
#include "gateway_priv.h"

/* What a pass over the burst reads of the worker, in registers as far as they go. */
struct hand {
	struct bh_flow_table *flows;
	struct bh_parse_params parse;
	struct bh_entry entry;
	uint32_t max_len;
	bool steers;
};

/* A tag, IPv6. */
static __rte_noinline bool
read_other(const struct hand *h, const uint8_t *p, uint32_t len, struct bh_known *k)
{
	if (!bh_net_plain(&h->parse, p, len, len, h->entry.pair, &k->plain))
		return false;
	k->hash = bh_flow_hash_hot(h->flows, &k->plain.key);
	return true;
}

static inline bool
read_header(const struct hand *h, const struct rte_mbuf *m, struct bh_known *k)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t len = m->data_len;

	if (unlikely(len != m->pkt_len || len > h->max_len ||
		     (m->ol_flags & h->entry.checksum_mask) == RTE_MBUF_F_RX_L4_CKSUM_BAD))
		return false;
	if (unlikely(!bh_net_may_be_plain_ip4(p, len)))
		return read_other(h, p, len, k);
	if (unlikely(!bh_net_plain_ip4(&h->parse, p, len, len, h->entry.pair, &k->plain)))
		return false;
	k->hash = bh_flow_hash_ip4(h->flows, &k->plain.key);
	return true;
}

/* Pass 1. How many of the first packets are plain; their index lines are on their way. */
static inline unsigned
read_headers(struct bh_worker *w, struct bh_burst *b)
{
	const struct hand h = {.flows = w->flows,
			       .parse = w->parse,
			       .entry = w->entry[b->wire],
			       .max_len = w->exit[b->wire].max_len,
			       .steers = w->g->p.steer && w->inbox != NULL};
	unsigned i, n = b->n_new;

	for (i = 0; i < n; i++) {
		struct bh_known *k = &b->known[i];

		if (unlikely(!read_header(&h, b->m[i], k)))
			break;
		if (unlikely(h.steers) && bh_steer_owner(w, &k->plain.key) != w->index)
			break;
		bh_flow_prefetch_hot(h.flows, k->hash);
	}
	return i;
}

/* Pass 2. How many of the first packets have an entry with their tag; those are on their way. */
static inline unsigned
find_entries(const struct bh_flow_table *t, const struct bh_known *k,
	     struct bh_flow **restrict flow, unsigned n)
{
	uint32_t late = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		flow[i] = bh_flow_candidate_hot(t, k[i].hash);
		if (unlikely(flow[i] == NULL))
			late |= UINT32_C(1) << i;
	}
	for (; unlikely(late != 0); late &= late - 1) {
		i = (unsigned)__builtin_ctz(late);
		flow[i] = bh_flow_late_hot(t, k[i].hash);
		if (flow[i] == NULL && i < n)
			n = i;
	}
	return n;
}

/* Pass 3, of one packet. Does its flow's verdict let it pass, and does it move nothing? Then it is counted. */
static inline bool
count_known(const struct bh_worker *w, const struct bh_view *view, const struct bh_known *k,
	    struct bh_flow *f)
{
	const uint8_t usual = BH_FLAG_USED | BH_FLAG_APP_DONE;
	const uint8_t moves = BH_TCP_SYN | BH_TCP_FIN | BH_TCP_RST;
	unsigned from = k->plain.from;

	if (unlikely(!bh_flow_has_key(f, &k->plain.key) || (f->flags & usual) != usual ||
		     f->verdict != BH_VERDICT_ALLOW || (k->plain.tcp_flags & moves) != 0 ||
		     !bh_flow_is_quiet(f, from, k->plain.tcp_flags) || bh_flow_is_expired(w, f) ||
		     f->stamp != bh_view_stamp(view, f->slot[0], f->slot[1])))
		return false;
	bh_flow_count_hot(f, from, k->plain.l3_len, w->now_ms);
	return true;
}

static __rte_noinline void
count_reason(struct bh_worker *w, unsigned reason, unsigned n)
{
	bh_count(&w->c.passed[reason], n);
}

/* Pass 3 over the first n. How many of the first ones are known: those are counted. */
static inline unsigned
count_burst(struct bh_worker *w, struct bh_burst *b, unsigned n)
{
	const struct bh_view view = *w->view;
	uint8_t reason = BH_REASON_NONE;
	unsigned i, first = 0;

	for (i = 0; i < n; i++) {
		if (unlikely(!count_known(w, &view, &b->known[i], b->flow[i])))
			break;
		/* Neighbours mostly pass for the same reason: counted together. */
		if (unlikely(b->flow[i]->reason != reason)) {
			count_reason(w, reason, i - first);
			reason = b->flow[i]->reason;
			first = i;
		}
	}
	count_reason(w, reason, i - first);
	return i;
}

/* Queue the burst's first n frames, all of which go out by one wire. */
static inline void
send_known(struct bh_worker *w, struct bh_burst *b, unsigned n)
{
	const unsigned wire = w->exit[b->wire].wire;
	struct bh_tx_buffer *t = &w->tx[wire];
	unsigned i;

	_Static_assert(BH_ARRAY_SIZE(t->m) >= 2 * BH_BURST, "a burst has room in half of it");
	if (unlikely(t->n + n > BH_ARRAY_SIZE(t->m)))
		bh_tx_flush(w, wire);
	memcpy(&t->m[t->n], b->m, n * sizeof(b->m[0]));
	t->n += n;
	t->bytes += b->bytes;
	for (i = n; i < b->n_new; i++)
		t->bytes -= b->m[i]->pkt_len;
	if (unlikely(t->n == BH_ARRAY_SIZE(t->m)))
		bh_tx_flush(w, wire);
}

/* The packets from i on, for the other stages; the first n of the burst are plain. */
static __rte_noinline void
leave_rest(struct bh_worker *w, struct bh_burst *b, unsigned n, unsigned i)
{
	struct bh_flow *moved[BH_BURST];
	unsigned n_moved = 0, k;

	for (; i < b->n_new; i++) {
		const struct bh_known *known = &b->known[i];
		struct bh_packet *p = &b->p[b->n++];
		struct rte_mbuf *m = b->m[i];
		struct bh_flow *f;

		bh_packet_place(p, m, b->wire);
		if (i >= n)
			continue;
		f = bh_flow_confirm_hot(w->flows, b->flow[i], &known->plain.key, known->hash);
		for (k = 0; k < n_moved && moved[k] != f; k++)
			;
		if (f != NULL && k == n_moved && count_known(w, w->view, known, f)) {
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
	unsigned n = 0, found, sent = 0;

	if (unlikely(b->n_new == 0))
		return;
	b->n = 0;
	if (likely(w->entry[b->wire].plain && w->view != NULL && !w->examines)) {
		n = read_headers(w, b);
		found = find_entries(w->flows, b->known, b->flow, n);
		sent = count_burst(w, b, found);
		send_known(w, b, sent);
	}
	if (unlikely(sent < b->n_new))
		leave_rest(w, b, n, sent);
	b->n_new = 0;
}
