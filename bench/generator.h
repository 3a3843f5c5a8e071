/* generator: a wire that costs next to nothing. Both sides of a pair share a ring of packet buffers that
 * stays in cache, as a NIC that writes into it (DDIO) would have them; rx writes the next flow's addresses,
 * ports and IPv4 checksum into a frame that is otherwise ready and fills in what a driver fills in; tx puts the
 * buffer back. The bare loop and the gateway use the very same functions.
 *
 * Frame sizes count as on the wire: with the 4 bytes of FCS that a NIC keeps to itself.
 */
#ifndef BH_BENCH_GENERATOR_H
#define BH_BENCH_GENERATOR_H

#include <rte_mbuf.h>

#include "../lib/gateway/gateway.h"

#define GEN_FRAMES 512 /* power of two; 512 * (2 lines of mbuf + 1 of data) = 96 KiB: lives in L2 */
#define GEN_FCS 4

/* What a frame of a flow differs by, as it stands in the frame, from the client's side. */
struct gen_flow {
	uint64_t addrs;    /* source, destination */
	uint32_t ports;    /* source, destination */
	uint16_t checksum; /* of the IPv4 header: the same in both directions */
	uint16_t spare;
};

struct gen {
	struct rte_mbuf *ring[GEN_FRAMES];
	unsigned head, tail; /* taken at head, put back at tail */
	uint16_t burst;
	uint16_t frame_len; /* bytes in memory */
	const struct gen_flow *seq;
	uint32_t n_seq, at;
	bool silent[2]; /* this side receives nothing */
	struct rte_mempool *pool;
	const void *payload; /* what each frame carries, before zeros */
	unsigned payload_len;
	const struct rte_mbuf *last; /* sent last */
};

struct gen_port {
	struct gen *g;
	unsigned side; /* 0: clients send into it; 1: servers */
};

static inline uint16_t
gen_sum(const uint8_t *p, unsigned len)
{
	return (uint16_t)~bh_csum_fold(bh_csum_add(0, p, len));
}

/* Everything that does not differ between flows. */
static inline void
gen_prepare(struct rte_mbuf *m, uint16_t frame_len)
{
	static const uint8_t head[] = {
		0x02, 0, 0, 0, 0, 2, 0x02, 0, 0,  0,  0, 1, 0x08, 0, /* Ethernet */
		0x45, 0, 0, 0, 0, 0, 0,    0, 64, 17, 0, 0,          /* IPv4, UDP */
	};
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t ip_len = (uint16_t)(frame_len - 14), udp_len = (uint16_t)(ip_len - 20);

	memset(p, 0, frame_len);
	memcpy(p, head, sizeof(head));
	p[16] = (uint8_t)(ip_len >> 8);
	p[17] = (uint8_t)ip_len;
	p[38] = (uint8_t)(udp_len >> 8);
	p[39] = (uint8_t)udp_len;
}

/* Fill the ring up: at the start, and after frames were dropped. False: the pool is empty. */
static inline bool
gen_fill(struct gen *g)
{
	while (g->tail - g->head < GEN_FRAMES) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(g->pool);

		if (m == NULL)
			return false;
		gen_prepare(m, g->frame_len);
		if (g->payload_len != 0)
			memcpy(rte_pktmbuf_mtod_offset(m, void *, 42), g->payload, g->payload_len);
		g->ring[g->tail++ % GEN_FRAMES] = m;
	}
	return true;
}

static inline void
gen_empty(struct gen *g)
{
	while (g->head != g->tail)
		rte_pktmbuf_free(g->ring[g->head++ % GEN_FRAMES]);
}

static inline void
gen_resize(struct gen *g, unsigned wire_bytes)
{
	gen_empty(g);
	g->frame_len = (uint16_t)(wire_bytes - GEN_FCS);
	gen_fill(g);
}

/* The checksum of a flow's frames, for the length they have. */
static inline void
gen_checksum(const struct gen *g, struct gen_flow *f)
{
	uint8_t ip[20] = {0x45};

	ip[2] = (uint8_t)((g->frame_len - 14) >> 8);
	ip[3] = (uint8_t)(g->frame_len - 14);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, &f->addrs, 8);
	f->checksum = gen_sum(ip, sizeof(ip));
}

static inline uint16_t
gen_rx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	const struct gen_port *side = port;
	struct gen *g = side->g;
	uint64_t rearm = (uint64_t)1 << 32 | (uint64_t)1 << 16 | RTE_PKTMBUF_HEADROOM;
	unsigned turn = side->side * 32, i;

	(void)queue;
	if (g->silent[side->side])
		return 0;
	n = RTE_MIN(n, g->burst);
	for (i = 0; i < n; i++) {
		const struct gen_flow *f = &g->seq[g->at];
		uint8_t *p;

		g->at = g->at + 1 < g->n_seq ? g->at + 1 : 0;
		m[i] = g->ring[g->head++ % GEN_FRAMES];
		/* data_off, refcnt, nb_segs, port: one store, as drivers do it */
		memcpy(&m[i]->data_off, &rearm, sizeof(rearm));
		m[i]->ol_flags = 0;
		m[i]->packet_type = 0;
		m[i]->pkt_len = m[i]->data_len = g->frame_len;
		p = rte_pktmbuf_mtod(m[i], uint8_t *);
		/* The server's side: source and destination change places. */
		*(unaligned_uint16_t *)(p + 24) = f->checksum;
		*(unaligned_uint64_t *)(p + 26) = f->addrs << turn | f->addrs >> (-turn & 63);
		*(unaligned_uint32_t *)(p + 34) =
			f->ports << turn / 2 | f->ports >> (-(turn / 2) & 31);
	}
	return n;
}

static inline uint16_t
gen_tx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct gen *g = ((struct gen_port *)port)->g;
	unsigned i;

	(void)queue;
	for (i = 0; i < n; i++)
		g->ring[g->tail++ % GEN_FRAMES] = m[i];
	g->last = m[n - 1];
	return n;
}

/* What there is without a gateway: receive on one side, send on the other. */
static inline uint64_t
gen_forward(const struct bh_wire wire[2])
{
	struct rte_mbuf *m[32];
	uint64_t done = 0;
	unsigned i;

	for (i = 0; i < 2; i++) {
		uint16_t n = wire[i].rx(wire[i].port, 0, m, 32);

		if (n != 0)
			done += wire[1 - i].tx(wire[1 - i].port, 0, m, n);
	}
	return done;
}

#endif
