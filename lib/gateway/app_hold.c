/* Packets that wait for a judgement: one frame, or a datagram with all its fragments. They leave as they came. */
#include "gateway_priv.h"

static inline bool
is_train(const void *handle)
{
	return ((uintptr_t)handle & 1) != 0;
}

static inline struct bh_train *
train_of(const void *handle)
{
	return (struct bh_train *)((uintptr_t)handle & ~(uintptr_t)1);
}

/* The payload's place in a frame, where the stream finds it again: its first byte, and how many are in memory. */
static void
mark_payload(struct bh_packet *p)
{
	struct rte_mbuf *m = p->m;
	uint32_t have = m->pkt_len > p->h.payload_off ? m->pkt_len - p->h.payload_off : 0;

	m->hash.usr = (uint32_t)p->h.payload_off << 16 | RTE_MIN(have, p->h.payload_len);
}

const uint8_t *
bh_hold_payload(const void *handle, uint32_t off, uint32_t *n)
{
	const struct rte_mbuf *m = handle;
	uint32_t end;

	if (is_train(handle)) {
		*n = train_of(handle)->len - off;
		return train_of(handle)->data + off;
	}
	end = (m->hash.usr & UINT16_MAX) - off;
	off += m->hash.usr >> 16;
	while (off >= m->data_len) {
		off -= m->data_len;
		m = m->next;
	}
	*n = RTE_MIN(m->data_len - off, end);
	return rte_pktmbuf_mtod_offset(m, const uint8_t *, off);
}

/* Bytes of the datagram's payload that a fragment holds, to their place. The payload starts `skip` bytes behind the
 * first fragment's data (L4 and, inside tunnels, more headers). */
static void
gather(struct bh_worker *w, struct bh_train *t, struct rte_mbuf *m, uint32_t skip)
{
	struct bh_parsed h;
	uint32_t have, from, n;
	const uint8_t *head = bh_frame_head(w, m, &have), *at;

	if (bh_net_parse(&w->parse, w->g->p.wire[m->port].link, head, have, m->pkt_len, 0, &h) !=
		    BH_REASON_NONE ||
	    h.kind != BH_FRAME_FRAGMENT)
		return;
	from = h.frag_off < skip ? skip - h.frag_off : 0;
	if (from >= h.frag_len || h.frag_off + from - skip >= t->len)
		return;
	n = RTE_MIN(h.frag_len - from, t->len - (h.frag_off + from - skip));
	at = rte_pktmbuf_read(m, h.l4_off + from, n, t->data + (h.frag_off + from - skip));
	if (at != NULL && at != t->data + (h.frag_off + from - skip))
		memcpy(t->data + (h.frag_off + from - skip), at, n);
}

static void *
hold_train(struct bh_worker *w, struct bh_packet *p)
{
	const struct bh_frag_out *in = p->train;
	struct bh_train *t = w->free_train;
	struct bh_parsed first;
	uint32_t have;
	const uint8_t *head = bh_frame_head(w, p->m, &have);
	unsigned i;

	if (t == NULL || bh_net_parse(&w->parse, w->g->p.wire[p->wire].link, head, have,
				      p->m->pkt_len, 0, &first) != BH_REASON_NONE)
		return NULL;
	w->free_train = t->next_free;
	t->refs = 1;
	t->n = in->n;
	t->len = p->h.payload_len;
	for (i = 0; i < in->n; i++) {
		t->packet[i] = in->packet[i];
		gather(w, t, t->packet[i], (uint32_t)p->h.payload_off - first.l4_off);
	}
	return (void *)((uintptr_t)t | 1);
}

void *
bh_hold_packet(struct bh_worker *w, struct bh_packet *p)
{
	if (unlikely(p->train != NULL))
		return hold_train(w, p);
	mark_payload(p);
	return p->m;
}

unsigned
bh_hold_frames(const void *handle)
{
	return is_train(handle) ? train_of(handle)->n : 1;
}

static void
put_train(struct bh_train *t)
{
	if (--t->refs != 0)
		return;
	t->next_free = t->owner->free_train;
	t->owner->free_train = t;
}

void
bh_hold_forget(void *handle)
{
	if (is_train(handle))
		put_train(train_of(handle));
}

void
bh_hold_keep(void *handle)
{
	unsigned i;

	if (!is_train(handle)) {
		rte_pktmbuf_refcnt_update(handle, 1);
		return;
	}
	train_of(handle)->refs++;
	for (i = 0; i < train_of(handle)->n; i++)
		rte_pktmbuf_refcnt_update(train_of(handle)->packet[i], 1);
}

void
bh_hold_drop(void *handle)
{
	unsigned i;

	if (!is_train(handle)) {
		rte_pktmbuf_free(handle);
		return;
	}
	for (i = 0; i < train_of(handle)->n; i++)
		rte_pktmbuf_free(train_of(handle)->packet[i]);
	put_train(train_of(handle));
}

static void
forward_frame(struct bh_worker *w, struct rte_mbuf *m, unsigned wire, enum bh_reason reason)
{
	const struct bh_exit *e = &w->exit[wire];

	m->port = (uint16_t)wire;
	if (m->pkt_len > e->max_len) {
		bh_drop_frame(w, m, wire, e->refuse);
		return;
	}
	bh_count(&w->c.passed[reason], 1);
	bh_tx_put(w, e->wire, m);
}

void
bh_hold_forward(struct bh_worker *w, struct bh_flow *f, void *handle,
		const struct bh_stream_tag *tag)
{
	const struct bh_parsed h = {.from = tag->side ^ (f->flags & BH_FLAG_INITIATOR),
				    .tcp_flags = tag->tcp_flags,
				    .l3_len = tag->l3_len};
	unsigned i;

	bh_flow_touch_hot(f, &h, w->now_ms);
	w->n_waiting -= bh_hold_frames(handle);
	if (!is_train(handle)) {
		forward_frame(w, handle, tag->wire, f->reason);
		return;
	}
	/* Addresses can be forged: fragments of one datagram may have come in on both wires. */
	for (i = 0; i < train_of(handle)->n; i++)
		forward_frame(w, train_of(handle)->packet[i], train_of(handle)->packet[i]->port,
			      f->reason);
	put_train(train_of(handle));
}

void
bh_hold_refuse(struct bh_worker *w, void *handle, enum bh_reason reason)
{
	unsigned i;

	w->n_waiting -= bh_hold_frames(handle);
	if (!is_train(handle)) {
		struct rte_mbuf *m = handle;

		bh_drop_frame(w, m, m->port, reason);
		return;
	}
	for (i = 0; i < train_of(handle)->n; i++) {
		struct rte_mbuf *m = train_of(handle)->packet[i];

		bh_drop_frame(w, m, m->port, reason);
	}
	put_train(train_of(handle));
}
