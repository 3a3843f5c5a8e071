/* known: what most packets are. A plain packet (net_hot.h) of a flow whose verdict stands, which moves its flow's counters, or
 * the state of a connection and says nothing, is counted and sent here, in three passes over the burst: headers and hash, index, entry. None of the
 * other stages would look at it twice; they get the others. From the first of these on a burst stays together, so that
 * frames leave in the order in which they came; and what follows in it is judged here only if no packet of its flow goes
 * to the other stages, since that one may move the flow's state. */
#include "gateway_priv.h"

/* What a pass over the burst reads of the worker, in registers as far as they go. */
struct hand {
	struct bh_flow_table *flows;
	struct bh_parse_params parse;
	uint64_t bad_checksum; /* of mbuf.ol_flags */
	uint32_t max_len;
	uint8_t pair;
};

/* A tag, IPv6. */
static __rte_noinline bool
read_other(const struct hand *h, const uint8_t *p, uint32_t len, struct bh_known_packet *k)
{
	if (!bh_net_plain(&h->parse, p, len, len, h->pair, &k->plain))
		return false;
	k->hash = bh_flow_hash_hot(h->flows, &k->plain.key);
	return true;
}

static inline bool
read_header(const struct hand *h, const struct rte_mbuf *m, struct bh_known_packet *k)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t len = m->data_len;

	if (unlikely(len != m->pkt_len || len > h->max_len || (m->ol_flags & h->bad_checksum) != 0))
		return false;
	if (unlikely(!bh_net_may_be_plain_ip4(p, len)))
		return read_other(h, p, len, k);
	if (unlikely(!bh_net_plain_ip4(&h->parse, p, len, len, h->pair, &k->plain)))
		return false;
	k->hash = bh_flow_hash_ip4(h->flows, &k->plain.key);
	return true;
}

/* How many of the first n packets are this worker's. */
static __rte_noinline unsigned
count_own(const struct bh_worker *w, const struct bh_burst *b, unsigned n)
{
	unsigned i;

	for (i = 0; i < n && bh_steer_owner(w, &b->known[i].plain.key) == w->index; i++)
		;
	return i;
}

/* Pass 1. How many of the first packets are plain; their index lines are on their way. */
static inline unsigned
read_headers(struct bh_worker *w, struct bh_burst *b)
{
	/* What the driver says of a checksum that is neither good nor bad is for the parse stage, too. */
	const struct hand h = {.flows = w->flows,
			       .parse = w->parse,
			       .bad_checksum =
				       w->entry[b->wire].checksum_mask & RTE_MBUF_F_RX_L4_CKSUM_BAD,
			       .max_len = w->exit[b->wire].max_len,
			       .pair = w->entry[b->wire].pair};
	unsigned i, n = b->n_new;

	for (i = 0; i < n; i++) {
		struct bh_known_packet *k = &b->known[i];

		if (unlikely(!read_header(&h, b->m[i], k)))
			break;
		bh_flow_prefetch_hot(h.flows, k->hash);
	}
	if (unlikely(w->g->p.steer && w->inbox != NULL))
		i = count_own(w, b, i);
	return i;
}

/* Pass 2. How many of the first packets have an entry with their tag; those are on their way. */
static inline unsigned
find_entries(const struct bh_flow_table *table, const struct bh_known_packet *k,
	     struct bh_flow **flow, unsigned n)
{
	/* Not read again for each packet. */
	const struct bh_flow_table t = {.bucket = table->bucket,
					.flow = table->flow,
					.bucket_mask = table->bucket_mask};
	uint32_t late = 0;
	unsigned i;

	for (i = 0; i < n; i++, k++) {
		flow[i] = bh_flow_candidate_hot(&t, k->hash);
		if (unlikely(flow[i] == NULL))
			late |= UINT32_C(1) << i;
	}
	for (k -= n; unlikely(late != 0); late &= late - 1) {
		i = (unsigned)__builtin_ctz(late);
		flow[i] = bh_flow_late_hot(&t, k[i].hash);
		if (i < n && flow[i] == NULL)
			n = i;
	}
	return n;
}

/* A segment that is more than one to count: it moves its connection's state (but for a SYN, which may open another one), or
 * the connection has no name yet. Without payload none of the other stages would do more than this: a context is taken, and
 * a flow without one examined, by what is said (app_tcp.c). */
static __rte_noinline bool
move_known(struct bh_worker *w, const struct bh_known_packet *k, const struct rte_mbuf *m,
	   struct bh_flow *f)
{
	unsigned from = k->plain.from;
	uint8_t before = f->state;

	if (k->plain.key.proto != BH_PROTO_TCP || bh_tcp_opens(k->plain.tcp_flags) ||
	    (f->flags & BH_FLAG_USED) == 0)
		return false;
	if ((f->flags & BH_FLAG_APP_DONE) == 0 &&
	    (f->ext != 0 || bh_net_plain_tcp_says(&k->plain, rte_pktmbuf_mtod(m, const uint8_t *))))
		return false;
	bh_flow_count_hot(f, from, k->plain.l3_len, w->now_ms);
	if (bh_flow_is_quiet(f, from, k->plain.tcp_flags))
		return true;
	bh_flow_advance(f, from, k->plain.tcp_flags);
	bh_flow_moved(w, f, from, k->plain.tcp_flags, before);
	return true;
}

/* Pass 3, of one packet. Is its flow's verdict final and current, or becomes so as it is, and is all that it does to be done
 * here? Then it is counted. That the verdict lets it pass is the caller's to know. */
static inline bool
count_known(struct bh_worker *w, const struct bh_view *view, const struct bh_known_packet *k,
	    const struct rte_mbuf *m, struct bh_flow *f)
{
	const uint8_t usual = BH_FLAG_USED | BH_FLAG_APP_DONE;
	const uint8_t moves = BH_TCP_SYN | BH_TCP_FIN | BH_TCP_RST;
	unsigned from = k->plain.from;

	if (unlikely(!bh_flow_has_key(f, &k->plain.key) || bh_flow_is_expired(w, f)))
		return false;
	if (unlikely((f->flags & usual) != usual || (k->plain.tcp_flags & moves) != 0 ||
		     !bh_flow_is_quiet(f, from, k->plain.tcp_flags)))
		return f->stamp == bh_view_stamp(view, f->slot[0], f->slot[1]) &&
		       move_known(w, k, m, f);
	if (unlikely(f->stamp != bh_view_stamp(view, f->slot[0], f->slot[1])) &&
	    !bh_judge_stays(w, f))
		return false;
	bh_flow_count_hot(f, from, k->plain.l3_len, w->now_ms);
	return true;
}

static __rte_noinline void
count_reason(struct bh_worker *w, unsigned reason, unsigned n)
{
	bh_count(&w->c.passed[reason], n);
}

/* A flow's verdict and its reason, in one. */
static inline uint16_t
verdict_of(const struct bh_flow *f)
{
	uint16_t v;

	_Static_assert(offsetof(struct bh_flow, reason) == offsetof(struct bh_flow, verdict) + 1,
		       "side by side");
	memcpy(&v, &f->verdict, sizeof(v));
	return v;
}

/* Pass 3 over the first n. How many of the first ones are known and pass: those are counted. */
static inline unsigned
count_burst(struct bh_worker *w, struct bh_burst *b, unsigned n)
{
	const struct bh_view view = *w->view;
	uint16_t verdict = BH_VERDICT_ALLOW; /* for no reason: none has it */
	unsigned i, first = 0;

	for (i = 0; i < n; i++) {
		struct bh_flow *f = b->flow[i];

		/* Neighbours mostly pass for the same reason: looked at, and counted, together. */
		if (unlikely(verdict_of(f) != verdict)) {
			if (f->verdict != BH_VERDICT_ALLOW)
				break;
			count_reason(w, verdict >> 8, i - first);
			verdict = verdict_of(f);
			first = i;
		}
		if (unlikely(!count_known(w, &view, &b->known[i], b->m[i], f)))
			break;
	}
	count_reason(w, verdict >> 8, i - first);
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

/* Flows that go to the other stages with a packet of this burst. Few of those that do not are asked for in the list: a bit of
 * a flow's number says that it may be there. */
struct moved {
	unsigned n;
	const struct bh_flow *flow[BH_BURST];
	uint64_t bits[8];
};

static inline bool
is_moved(const struct moved *m, const struct bh_flow_table *t, const struct bh_flow *f)
{
	uint32_t number = (uint32_t)(f - t->flow);
	unsigned k;

	if (likely((m->bits[number / 64 % 8] >> number % 64 & 1) == 0))
		return false;
	for (k = 0; k < m->n && m->flow[k] != f; k++)
		;
	return k < m->n;
}

static inline void
add_moved(struct moved *m, const struct bh_flow_table *t, const struct bh_flow *f)
{
	uint32_t number = (uint32_t)(f - t->flow);

	m->flow[m->n++] = f;
	m->bits[number / 64 % 8] |= UINT64_C(1) << number % 64;
}

/* The packets from i on, for the other stages; the first n of the burst are plain. */
static __rte_noinline void
leave_rest(struct bh_worker *w, struct bh_burst *b, unsigned n, unsigned i)
{
	struct moved moved;

	moved.n = 0;
	memset(moved.bits, 0, sizeof(moved.bits));
	for (; i < b->n_new; i++) {
		const struct bh_known_packet *known = &b->known[i];
		struct bh_packet *p = &b->p[b->n++];
		struct rte_mbuf *m = b->m[i];
		struct bh_flow *f;

		bh_packet_place(p, m, b->wire);
		if (i >= n)
			continue;
		f = bh_flow_confirm_hot(w->flows, b->flow[i], &known->plain.key, known->hash);
		if (f != NULL && !is_moved(&moved, w->flows, f)) {
			if (f->verdict == BH_VERDICT_ALLOW &&
			    count_known(w, w->view, known, m, f)) {
				p->h.kind = BH_FRAME_IP;
				bh_packet_decide(p, BH_FATE_PASS, (enum bh_reason)f->reason);
				continue;
			}
			add_moved(&moved, w->flows, f);
		}
		bh_net_plain_parsed(&known->plain, rte_pktmbuf_mtod(m, const uint8_t *),
				    m->data_len, &p->h);
		p->hash = known->hash;
		p->flow = f;
		p->found = true;
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
