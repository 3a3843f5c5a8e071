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
mark_payload(struct bh_packet *p, uint32_t arrival)
{
	struct rte_mbuf *m = p->m;
	uint32_t have = m->pkt_len > p->h.payload_off ? m->pkt_len - p->h.payload_off : 0;

	m->hash.usr = (uint32_t)p->h.payload_off << 16 | RTE_MIN(have, p->h.payload_len);
	m->dynfield1[BH_MBUF_ARRIVAL] = arrival;
	m->dynfield1[BH_MBUF_L4_OFF] = p->h.l4_off;
	m->dynfield1[BH_MBUF_L3_OFF] =
		(p->h.flags & BH_PKT_TUNNELLED) == 0 ? p->h.l3_off : UINT16_MAX;
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
	t->arrival = w->arrivals++;
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
	mark_payload(p, w->arrivals++);
	return p->m;
}

/* The headers lie in the first fragment (bh_net_parse_datagram), the payload has been gathered. */
bool
bh_hold_checksum_wrong(const struct bh_packet *p, const void *handle)
{
	const struct bh_parsed *h = &p->h;
	const uint8_t *head = rte_pktmbuf_mtod(p->m, const uint8_t *), *ip = head + h->l3_off;
	bool v4 = h->key.family == BH_IP4;
	uint32_t l4_len = (uint32_t)(h->payload_off - h->l4_off) + h->payload_len;
	const uint8_t tail[4] = {0, h->key.proto, (uint8_t)(l4_len >> 8), (uint8_t)l4_len};
	uint64_t acc;

	if (!is_train(handle) || p->m->data_len < h->payload_off)
		return false;
	if (h->key.proto == 17 && v4 && bh_load_be16(head + h->l4_off + 6) == 0)
		return false;
	acc = bh_csum_add(0, ip + (v4 ? 12 : 8), v4 ? 8 : 32);
	acc = bh_csum_add(acc, tail, sizeof(tail));
	acc = bh_csum_add(acc, head + h->l4_off, (size_t)(h->payload_off - h->l4_off));
	acc = bh_csum_add(acc, train_of(handle)->data, train_of(handle)->len);
	return bh_csum_fold(acc) != 0xffff;
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
	if (unlikely(w->evidence != NULL))
		bh_evidence_held(w, m, BH_FATE_PASS, reason);
	if (m->pkt_len > e->max_len) {
		bh_drop_frame(w, m, wire, e->refuse);
		return;
	}
	bh_count(&w->c.passed[reason], 1);
	bh_tx_put(w, e->wire, m);
}

void
bh_hold_send(struct bh_worker *w, void *handle, unsigned wire, enum bh_reason reason)
{
	unsigned i;

	w->n_waiting -= bh_hold_frames(handle);
	if (!is_train(handle)) {
		forward_frame(w, handle, wire, reason);
		return;
	}
	/* Addresses can be forged: fragments of one datagram may have come in on both wires. */
	for (i = 0; i < train_of(handle)->n; i++)
		forward_frame(w, train_of(handle)->packet[i], train_of(handle)->packet[i]->port,
			      reason);
	put_train(train_of(handle));
}

void
bh_hold_forward(struct bh_worker *w, struct bh_flow *f, void *handle,
		const struct bh_stream_tag *tag)
{
	const struct bh_parsed h = {.from = tag->side ^ (f->flags & BH_FLAG_INITIATOR),
				    .tcp_flags = tag->tcp_flags,
				    .l3_len = tag->l3_len};

	bh_touch_flow(w, f, &h);
	bh_hold_send(w, handle, tag->wire, bh_flow_pass_reason(f));
}

/* TSval of a TCP header, or NULL (RFC 7323 3.2). */
static uint8_t *
find_timestamp(uint8_t *tcp, unsigned have)
{
	unsigned end = (tcp[12] >> 4) * 4u, at = 20, len;

	for (; at + 10 <= end && end <= have && tcp[at] != 0; at += len) {
		len = tcp[at] == 1 ? 1 : tcp[at + 1];
		if (tcp[at] == 8 && len == 10)
			return tcp + at + 2;
		if (len == 0)
			break;
	}
	return NULL;
}

/* RFC 1624; the value stands at any parity of the header, which is even. */
static void
mend_checksum(uint8_t *tcp, const uint8_t *field, uint32_t before, uint32_t after)
{
	bool odd = ((field - tcp) & 1) != 0;
	uint32_t sum = (uint16_t)~bh_load_be16(tcp + 16);

	if (odd) {
		before = before << 8 | before >> 24;
		after = after << 8 | after >> 24;
	}
	sum += (uint16_t) ~(before >> 16) + (uint16_t)~before;
	sum += (after >> 16) + (uint16_t)after;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	tcp[16] = (uint8_t)(~sum >> 8);
	tcp[17] = (uint8_t)~sum;
}

void
bh_hold_stamp(struct bh_app_context *c, unsigned side, struct rte_mbuf *m, unsigned l4_off,
	      bool waited)
{
	uint8_t *tcp = rte_pktmbuf_mtod_offset(m, uint8_t *, l4_off), *field;
	uint32_t value;
	unsigned i;

	if (m->data_len < l4_off + 20u)
		return;
	field = find_timestamp(tcp, m->data_len - l4_off);
	if (field == NULL)
		return;
	value = bh_load_be32(field);
	if (!c->stamped[side] || (int32_t)(value - c->stamp[side]) >= 0) {
		c->stamp[side] = value;
		c->stamped[side] = true;
	} else if (waited) {
		for (i = 0; i < 4; i++)
			field[i] = (uint8_t)(c->stamp[side] >> (24 - 8 * i));
		mend_checksum(tcp, field, value, c->stamp[side]);
	}
}

#define READY_MAX 64 /* sorted at once */

struct ready {
	void *handle;
	struct bh_stream_tag tag;
};

static uint32_t
arrival_of(const void *handle)
{
	return is_train(handle) ? train_of(handle)->arrival
				: ((const struct rte_mbuf *)handle)->dynfield1[BH_MBUF_ARRIVAL];
}

/* They come sorted by sequence, nearly always the order of arrival too. */
static unsigned
take_ready(struct bh_worker *w, struct bh_app_context *c, unsigned side, struct ready *r)
{
	unsigned n, i;

	for (n = 0; n < READY_MAX; n++) {
		struct ready one;

		one.handle = bh_stream_pop(w->streams, c->stream, side, &one.tag);
		if (one.handle == NULL)
			break;
		for (i = n;
		     i > 0 && (int32_t)(arrival_of(r[i - 1].handle) - arrival_of(one.handle)) > 0;
		     i--)
			r[i] = r[i - 1];
		r[i] = one;
	}
	return n;
}

void
bh_hold_forward_ready(struct bh_worker *w, struct bh_app_context *c)
{
	struct ready r[READY_MAX];
	unsigned side, n, i;

	for (side = 0; side < 2; side++) {
		do {
			n = take_ready(w, c, side, r);
			for (i = 0; i < n; i++) {
				struct rte_mbuf *m = r[i].handle;

				if (!is_train(m))
					bh_hold_stamp(c, side, m, m->dynfield1[BH_MBUF_L4_OFF],
						      true);
				bh_hold_forward(w, c->flow, m, &r[i].tag);
			}
		} while (n == READY_MAX);
	}
}

bool
bh_hold_is_train(const void *handle)
{
	return is_train(handle);
}

bool
bh_hold_forward_part(struct bh_worker *w, struct bh_app_context *c, unsigned side,
		     struct rte_mbuf *m, uint32_t n)
{
	struct bh_part part;

	if (is_train(m) || m->dynfield1[BH_MBUF_L3_OFF] == UINT16_MAX)
		return false;
	part = (struct bh_part){
		.m = m,
		.l3_off = (uint16_t)m->dynfield1[BH_MBUF_L3_OFF],
		.l4_off = (uint16_t)m->dynfield1[BH_MBUF_L4_OFF],
		.payload_off = (uint16_t)(m->hash.usr >> 16),
		.n = (uint16_t)n,
		.wire = w->exit[m->port].wire,
	};
	bh_hold_stamp(c, side, m, part.l4_off, true);
	return bh_answer_part(w, &part);
}

void
bh_hold_forward_parts(struct bh_worker *w, struct bh_app_context *c)
{
	unsigned side;

	for (side = 0; side < 2; side++) {
		uint32_t n;
		struct rte_mbuf *m = bh_stream_part(c->stream, side, &n);

		if (m != NULL && bh_hold_forward_part(w, c, side, m, n))
			bh_stream_part_gone(c->stream, side);
	}
}

static void
refuse_frame(struct bh_worker *w, struct rte_mbuf *m, enum bh_reason reason)
{
	if (unlikely(w->evidence != NULL))
		bh_evidence_held(w, m, BH_FATE_DROP, reason);
	bh_drop_frame(w, m, m->port, reason);
}

void
bh_hold_refuse(struct bh_worker *w, void *handle, enum bh_reason reason)
{
	unsigned i;

	w->n_waiting -= bh_hold_frames(handle);
	if (!is_train(handle)) {
		refuse_frame(w, handle, reason);
		return;
	}
	for (i = 0; i < train_of(handle)->n; i++)
		refuse_frame(w, train_of(handle)->packet[i], reason);
	put_train(train_of(handle));
}
