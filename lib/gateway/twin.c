/* twin: see twin.h. */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "gateway_priv.h"
#include "twin.h"

#define INJECT_RING 1024
#define INJECT_BURST 64 /* of a millisecond */
#define PAST 1          /* of the time stamp counter; 0 stands for no end */

/* ---- the right to forward ------------------------------------------------------------------------------------- */

static uint64_t
counter_at(const struct bh_gateway *g, uint64_t until_ns)
{
	uint64_t now = g->p.clock->mono_ns(g->p.clock->arg), tsc = rte_rdtsc(), left;

	if (until_ns <= now)
		return PAST;
	/* An hour is as good as ever, and does not overflow. */
	left = RTE_MIN(until_ns - now, 3600 * BH_NS_PER_SEC);
	return tsc + left / BH_NS_PER_MS * (rte_get_tsc_hz() / 1000) +
	       left % BH_NS_PER_MS * (rte_get_tsc_hz() / 1000) / BH_NS_PER_MS;
}

int
bh_gateway_forward(struct bh_gateway *g, uint64_t until_ns)
{
	uint64_t before = atomic_load_explicit(&g->forward_until, memory_order_relaxed),
		 until = counter_at(g, until_ns);

	atomic_store_explicit(&g->forward_until, until, memory_order_release);
	return until == PAST && before != PAST ? bh_gateway_settle(g) : 0;
}

/* ---- who was heard -------------------------------------------------------------------------------------------------- */

/* A word an end, so that it is read whole: 48 bits of MAC, whose group bit (bit 40) is never set and holds bit 4 of the
 * wire; bits 0 to 3 of the wire; 12 of the VLAN. */
_Static_assert(BH_MAX_WIRES <= 32, "five bits");
#define WAYS 4
#define GROUP_BIT (UINT64_C(1) << 56)

struct bh_heard_table {
	_Atomic uint64_t end[BH_HEARD / WAYS][WAYS];
	uint8_t next[BH_HEARD / WAYS]; /* to be replaced */
};

static uint64_t
word_of(const uint8_t *frame, unsigned wire)
{
	uint64_t mac = (uint64_t)bh_load_be16(frame + 6) << 32 | bh_load_be32(frame + 8);
	unsigned vlan = bh_load_be16(frame + 12) == 0x8100 ? bh_load_be16(frame + 14) & 0xfff : 0;

	return mac << 16 | (uint64_t)(wire >> 4) << 56 | (wire & 15) << 12 | vlan;
}

/* MAC and VLAN: what names it. */
static bool
same_end(uint64_t a, uint64_t b)
{
	return ((a ^ b) & ~(GROUP_BIT | UINT64_C(0xf000))) == 0;
}

static unsigned
set_of(uint64_t word)
{
	uint64_t h = (word & ~(GROUP_BIT | UINT64_C(0xf000))) * UINT64_C(0x9e3779b97f4a7c15);

	return (unsigned)(h >> 40) % (BH_HEARD / WAYS);
}

static void
remember(struct bh_heard_table *t, uint64_t word)
{
	unsigned set = set_of(word), i;

	for (i = 0; i < WAYS; i++) {
		uint64_t had = atomic_load_explicit(&t->end[set][i], memory_order_relaxed);

		if (had == 0 || same_end(had, word)) {
			if (had != word)
				atomic_store_explicit(&t->end[set][i], word, memory_order_relaxed);
			return;
		}
	}
	atomic_store_explicit(&t->end[set][t->next[set]++ % WAYS], word, memory_order_relaxed);
}

/* Wherever it is known; else, if `anew`, in place of nobody, or of the first. A worker may write beside it: then one of both stays. */
static bool
learn(struct bh_heard_table *t, uint64_t word, bool anew)
{
	_Atomic uint64_t *end = t->end[set_of(word)], *to = anew ? end : NULL;
	unsigned i;

	for (i = WAYS; i-- != 0;) {
		uint64_t had = atomic_load_explicit(&end[i], memory_order_relaxed);

		if (had != 0 && same_end(had, word)) {
			atomic_store_explicit(&end[i], word, memory_order_relaxed);
			return true;
		}
		if (had == 0 && anew)
			to = &end[i];
	}
	if (to != NULL)
		atomic_store_explicit(to, word, memory_order_relaxed);
	return anew;
}

void
bh_gateway_hear_of(struct bh_gateway *g, const struct bh_gateway_heard *h, unsigned n)
{
	uint8_t frame[16] = {0};
	bool known;
	unsigned i, k;

	for (i = 0; i < n && g->twin; i++) {
		memcpy(frame + 6, h[i].mac, 6);
		frame[12] = h[i].vlan != 0 ? 0x81 : 0;
		frame[14] = (uint8_t)(h[i].vlan >> 8);
		frame[15] = (uint8_t)h[i].vlan;
		known = false;
		for (k = 0; k < g->n_workers; k++)
			known |= learn(g->worker[k]->heard, word_of(frame, h[i].wire), false);
		if (!known)
			learn(g->worker[0]->heard, word_of(frame, h[i].wire), true);
	}
}

void
bh_twin_hear(struct bh_worker *w, const struct bh_burst *b)
{
	unsigned i;

	for (i = 0; i < b->n; i++) {
		const struct rte_mbuf *m = b->p[i].m;
		const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

		/* The group bit of a source is nobody's; 00:..:00 neither. */
		if (m->data_len < 18 || (frame[6] & 1) != 0 ||
		    (bh_load_be32(frame + 6) | bh_load_be16(frame + 10)) == 0)
			continue;
		remember(w->heard, word_of(frame, b->p[i].wire));
	}
}

unsigned
bh_gateway_heard(struct bh_gateway *g, struct bh_gateway_heard *out, unsigned n)
{
	unsigned i, k, done = 0;
	uint64_t word, mac;

	for (i = 0; i < g->n_workers && g->twin; i++) {
		for (k = 0; k < BH_HEARD && done < n; k++) {
			word = atomic_load_explicit(&g->worker[i]->heard->end[k / WAYS][k % WAYS],
						    memory_order_relaxed);
			if (word == 0)
				continue;
			mac = (word & ~GROUP_BIT) >> 16;
			out[done] = (struct bh_gateway_heard){
				.vlan = word & 0xfff,
				.wire = (uint8_t)((word >> 12 & 15) |
						  ((word & GROUP_BIT) != 0 ? 16 : 0))};
			out[done].mac[0] = (uint8_t)(mac >> 40);
			out[done].mac[1] = (uint8_t)(mac >> 32);
			out[done].mac[2] = (uint8_t)(mac >> 24);
			out[done].mac[3] = (uint8_t)(mac >> 16);
			out[done].mac[4] = (uint8_t)(mac >> 8);
			out[done].mac[5] = (uint8_t)mac;
			done++;
		}
	}
	return done;
}

/* ---- something of its own ------------------------------------------------------------------------------------------ */

int
bh_gateway_inject(struct bh_gateway *g, unsigned wire, const void *frame, unsigned len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(g->p.pool);
	char *at;

	if (m == NULL)
		return -ENOBUFS;
	at = rte_pktmbuf_append(m, (uint16_t)len);
	if (at == NULL) {
		rte_pktmbuf_free(m);
		return -EMSGSIZE;
	}
	memcpy(at, frame, len);
	m->port = (uint16_t)wire;
	if (rte_ring_mp_enqueue(g->inject, m) == 0)
		return 0;
	rte_pktmbuf_free(m);
	return -ENOBUFS;
}

int
bh_gateway_announce(struct bh_gateway *g, const struct bh_gateway_heard *h)
{
	/* RFC 903: a request for the address of oneself; 60 bytes are Ethernet's least. */
	static const uint8_t request[] = {0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3};
	uint8_t frame[60] = {0};
	size_t at = 12;

	if (h->wire >= g->p.n_wires)
		return -EINVAL;
	memset(frame, 0xff, 6);
	memcpy(frame + 6, h->mac, 6);
	if (h->vlan != 0) {
		frame[at++] = 0x81;
		frame[at++] = 0x00;
		frame[at++] = (uint8_t)(h->vlan >> 8);
		frame[at++] = (uint8_t)h->vlan;
	}
	memcpy(frame + at, request, sizeof(request));
	at += sizeof(request);
	memcpy(frame + at, h->mac, 6);
	memcpy(frame + at + 10, h->mac, 6);
	return bh_gateway_inject(g, g->p.peer[h->wire], frame, sizeof(frame));
}

void
bh_twin_inject(struct bh_worker *w)
{
	void *frame[INJECT_BURST];
	unsigned n = rte_ring_sc_dequeue_burst(w->g->inject, frame, INJECT_BURST, NULL), i;

	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = frame[i];

		bh_tx_put_made(w, m->port, m);
	}
}

/* ---- begin, end -------------------------------------------------------------------------------------------------------- */

int
bh_twin_create(struct bh_gateway *g)
{
	unsigned i;

	g->twin = g->p.config->pair_listen[0] != '\0';
	if (!g->twin)
		return 0;
	atomic_store_explicit(&g->forward_until, PAST, memory_order_relaxed);
	g->inject =
		aligned_alloc(RTE_CACHE_LINE_SIZE,
			      RTE_CACHE_LINE_ROUNDUP((size_t)rte_ring_get_memsize(INJECT_RING)));
	if (g->inject == NULL ||
	    rte_ring_init(g->inject, "inject", INJECT_RING, RING_F_SC_DEQ) != 0)
		return -ENOMEM;
	for (i = 0; i < g->n_workers; i++) {
		g->worker[i]->heard = calloc(1, sizeof(struct bh_heard_table));
		if (g->worker[i]->heard == NULL)
			return -ENOMEM;
		g->worker[i]->twin = true;
	}
	return 0;
}

void
bh_twin_destroy(struct bh_gateway *g)
{
	void *m;
	unsigned i;

	while (g->inject != NULL && rte_ring_sc_dequeue(g->inject, &m) == 0)
		rte_pktmbuf_free(m);
	free(g->inject);
	for (i = 0; g->worker != NULL && i < g->n_workers; i++) {
		if (g->worker[i] != NULL)
			free(g->worker[i]->heard);
	}
}
