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

static void
count_sent(struct bh_worker *w, unsigned wire, bool made, unsigned n, uint64_t bytes)
{
	bh_count(&w->wc[wire].tx_packets, n);
	bh_count(&w->wc[wire].tx_bytes, bytes);
	if (unlikely(made)) {
		bh_count(&w->c.answers, n);
		return;
	}
	bh_count(&w->c.forwarded, n);
	bh_count(&w->c.forwarded_bytes, bytes);
}

/* Send from a queue of our own: try again a bounded number of times, then drop the rest. Returns how many
 * were sent. */
static unsigned
send_frames(struct bh_worker *w, unsigned wire, struct rte_mbuf **m, unsigned n)
{
	const struct bh_wire *out = &w->g->p.wire[wire];
	unsigned sent = 0, tries;

	for (tries = 0; sent < n && tries < BH_TX_RETRIES; tries++)
		sent += out->tx(out->port, queue, m + sent, (uint16_t)(n - sent));
	left_bytes = sent < n ? bytes_of(m + sent, n - sent) : 0;
	count_sent(w, wire, made, sent, bytes - left_bytes);
	for (; sent < n; sent++)
		bh_drop_frame(w, m[sent], m[sent]->port, BH_REASON_TX_RING_FULL);
}

/* Answers among forwarded frames: one by one, since a frame that was sent can be asked no more. */
static void
send_mixed(struct bh_worker *w, unsigned wire, struct rte_mbuf **m, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		send_frames(w, wire, m[i]->port == BH_WIRE_NONE, m + i, 1);
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

static void
flush_wire(struct bh_worker *w, unsigned wire)
{
	struct bh_tx_buffer *t = &w->tx[wire];
	uint16_t queues = w->g->p.wire[wire].tx_queues;
	unsigned n = t->n, n_made = t->n_made;

	t->n = t->n_made = 0;
	if (unlikely(w->index >= queues))
		hand_over(w, wire, w->index % queues, t->m, n);
	else if (unlikely(n_made != 0))
		send_mixed(w, wire, t->m, n);
	else
		send_frames(w, wire, false, t->m, n);
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
			bh_tx_enqueue(w, wire, m);
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
			flush_wire(w, i);
	}
}
