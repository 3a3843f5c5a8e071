/* tx: what may leave, leaves, in the order it was judged. */
#include "gateway_priv.h"

static uint64_t
bytes_of(struct rte_mbuf *const *m, unsigned n)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		sum += m[i]->pkt_len;
	return sum;
}

/* Try again a bounded number of times. Returns how many a queue of our own took. */
static unsigned
offer(struct bh_worker *w, unsigned wire, struct rte_mbuf **m, unsigned n)
{
	const struct bh_wire *out = &w->g->p.wire[wire];
	unsigned sent = 0, tries;

	for (tries = 0; sent < n && tries < BH_TX_RETRIES; tries++)
		sent += out->tx(out->port, (uint16_t)w->index, m + sent, (uint16_t)(n - sent));
	return sent;
}

static void
send_frames(struct bh_worker *w, unsigned wire, struct rte_mbuf **m, unsigned n, uint64_t bytes)
{
	unsigned sent = offer(w, wire, m, n);

	if (unlikely(sent < n))
		bytes -= bytes_of(m + sent, n - sent);
	bh_count(&w->wc[wire].tx_packets, sent);
	bh_count(&w->wc[wire].tx_bytes, bytes);
	bh_count(&w->c.forwarded, sent);
	bh_count(&w->c.forwarded_bytes, bytes);
	for (; sent < n; sent++)
		bh_drop_frame(w, m[sent], m[sent]->port, BH_REASON_TX_RING_FULL);
}

static void
send_made(struct bh_worker *w, unsigned wire, struct rte_mbuf *m)
{
	uint32_t bytes = m->pkt_len;

	if (offer(w, wire, &m, 1) == 0) {
		bh_drop_frame(w, m, BH_WIRE_NONE, BH_REASON_TX_RING_FULL);
		return;
	}
	bh_count(&w->wc[wire].tx_packets, 1);
	bh_count(&w->wc[wire].tx_bytes, bytes);
	bh_count(&w->c.answers, 1);
}

/* Answers among forwarded frames: one by one, since a frame that was sent can be asked no more. */
static void
send_mixed(struct bh_worker *w, unsigned wire, struct rte_mbuf **m, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (m[i]->port == BH_WIRE_NONE)
			send_made(w, wire, m[i]);
		else
			send_frames(w, wire, m + i, 1, m[i]->pkt_len);
	}
}

/* The device has fewer queues than there are workers: the queue's owner sends for us. */
static void
hand_over(struct bh_worker *w, unsigned wire, unsigned owner, struct rte_mbuf **m, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		uint16_t in = m[i]->port;

		m[i]->port = (uint16_t)(in << 8 | wire);
		if (rte_ring_sp_enqueue(w->tx_outbox[owner], m[i]) != 0)
			bh_drop_frame(w, m[i], in, BH_REASON_TX_RING_FULL);
	}
}

/* The right to forward ended since they were judged. */
static void
drop_fenced(struct bh_worker *w, struct rte_mbuf **m, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		bh_drop_frame(w, m[i], m[i]->port, BH_REASON_PAIR_STANDBY);
}

void
bh_tx_flush(struct bh_worker *w, unsigned wire)
{
	struct bh_tx_buffer *t = &w->tx[wire];
	uint16_t queues = w->g->p.wire[wire].tx_queues;

	if (unlikely(w->twin && bh_twin_fenced(w)))
		drop_fenced(w, t->m, t->n);
	else if (unlikely(w->index >= queues))
		hand_over(w, wire, w->index % queues, t->m, t->n);
	else if (unlikely(t->n_made != 0))
		send_mixed(w, wire, t->m, t->n);
	else
		send_frames(w, wire, t->m, t->n, t->bytes);
	t->n = t->n_made = 0;
	t->bytes = 0;
}

/* Frames that other workers want sent from our queues. */
static void
send_for_others(struct bh_worker *w)
{
	void *frames[BH_BURST];
	unsigned i, j, n;

	for (i = 0; i < w->g->n_workers; i++) {
		if (w->tx_inbox[i] == NULL)
			continue;
		n = rte_ring_sc_dequeue_burst(w->tx_inbox[i], frames, BH_BURST, NULL);
		for (j = 0; j < n; j++) {
			struct rte_mbuf *m = frames[j];
			unsigned wire = m->port & 0xff;

			m->port >>= 8;
			if (unlikely(m->port == BH_WIRE_NONE))
				bh_tx_put_made(w, wire, m);
			else
				bh_tx_put(w, wire, m);
		}
	}
}

void
bh_stage_tx(struct bh_worker *w)
{
	unsigned i;

	if (w->tx_inbox != NULL)
		send_for_others(w);
	for (i = 0; i < w->g->p.n_wires; i++) {
		if (w->tx[i].n != 0)
			bh_tx_flush(w, i);
	}
}
