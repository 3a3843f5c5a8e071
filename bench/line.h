/* line: two wires on which TCP connections open, speak and close, as a script says; 1,024 of them are under way at once.
 *
 * Every connection has ports of its own. A step of the script is taken by all connections under way before the next:
 * bursts are full, and a connection's packets are 1,024 packets apart, as they are among many users. Checksums are what a
 * NIC would say they are: good. Buffers come from the pool and go back to it, in the bare loop as well.
 */
#ifndef BH_BENCH_LINE_H
#define BH_BENCH_LINE_H

#include "gate.h"

#define LINE_GROUPS 32 /* of 32 connections each */
#define LINE_UNDER_WAY (LINE_GROUPS * 32)
#define LINE_STEPS 40

enum { LINE_FIN = 1, LINE_SYN = 2, LINE_PSH = 8, LINE_ACK = 16 };

struct line_step {
	uint8_t side, flags;
	const char *say; /* or NULL */
	unsigned len;    /* of it; beyond its end come zeros */
};

struct line_frame {
	uint8_t bytes[1536];
	uint16_t len;
	uint32_t sum; /* of the IPv4 header without addresses */
	uint8_t side;
};

struct line {
	struct line_frame frame[LINE_STEPS];
	unsigned n_steps, step, group;
	uint32_t first; /* connection of those under way */
	unsigned clients, servers;
	unsigned groups; /* of 32, under way at once */
	bool quiet;      /* nothing comes */
	unsigned astray; /* 1: to the servers of another segment */
	uint64_t done;   /* connections */
	uint64_t sent;
	struct rte_mempool *pool;
	struct bh_wire wire[2];
	struct line_end {
		struct line *line;
		unsigned side;
	} end[2];
};

static inline void
line_put32(uint8_t *p, uint32_t v)
{
	v = rte_cpu_to_be_32(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t
line_rx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	const struct line_end *end = port;
	struct line *l = end->line;
	const struct line_frame *f = &l->frame[l->step];
	uint32_t at = l->first + l->group * 32, i;

	(void)queue;
	if (l->quiet || f->side != end->side || n < 32 ||
	    rte_pktmbuf_alloc_bulk(l->pool, m, 32) != 0)
		return 0;
	for (i = 0; i < 32; i++) {
		/* Clients in turn; each with the servers of its own segment number; then the next port. */
		uint32_t k = at + i, c = k % l->clients, r = k / l->clients;
		uint32_t s = r % l->servers * GATE_SEGMENTS + (c + l->astray) % GATE_SEGMENTS;
		uint16_t port_be = rte_cpu_to_be_16((uint16_t)(1024 + r / l->servers % 64000));
		uint32_t a[2] = {rte_cpu_to_be_32(GATE_CLIENT0 + c),
				 rte_cpu_to_be_32(GATE_SERVER0 + s)};
		uint8_t *p = rte_pktmbuf_mtod(m[i], uint8_t *);
		uint32_t sum =
			f->sum + (a[0] & 0xffff) + (a[0] >> 16) + (a[1] & 0xffff) + (a[1] >> 16);

		rte_memcpy(p, f->bytes, f->len);
		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		*(unaligned_uint16_t *)(p + 24) = (uint16_t)~sum;
		*(unaligned_uint32_t *)(p + 26) = a[end->side];
		*(unaligned_uint32_t *)(p + 30) = a[1 - end->side];
		*(unaligned_uint16_t *)(p + 34 + 2 * end->side) = port_be;
		m[i]->pkt_len = m[i]->data_len = f->len;
		m[i]->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	}
	l->sent += 32;
	if (++l->group < l->groups)
		return 32;
	l->group = 0;
	if (++l->step < l->n_steps)
		return 32;
	l->step = 0;
	l->first += l->groups * 32;
	l->done += l->groups * 32;
	return 32;
}

static inline uint16_t
line_tx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	(void)port;
	(void)queue;
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

/* The frame of a step; seq: what each side has sent so far. */
static inline void
line_frame(struct line_frame *f, const struct line_step *s, uint32_t seq[2])
{
	static const uint8_t head[] = {
		0x02, 0, 0, 0, 0, 2, 0x02, 0, 0,  0, 0, 1, 0x08, 0, /* Ethernet */
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0,          /* IPv4, TCP */
	};
	unsigned said = s->say != NULL ? (unsigned)strlen(s->say) : 0;
	uint16_t service = rte_cpu_to_be_16(GATE_SERVICE);
	uint8_t *p = f->bytes;

	f->side = s->side;
	f->len = (uint16_t)RTE_MAX(54 + s->len, 60u);
	memcpy(p, head, sizeof(head));
	p[16] = (uint8_t)((40 + s->len) >> 8);
	p[17] = (uint8_t)(40 + s->len);
	f->sum = bh_csum_fold(bh_csum_add(0, p + 14, 20));
	memcpy(p + (s->side == 0 ? 36 : 34), &service, 2);
	line_put32(p + 38, seq[s->side]);
	line_put32(p + 42, (s->flags & LINE_ACK) != 0 ? seq[1 - s->side] : 0);
	p[46] = 5 << 4;
	p[47] = s->flags;
	p[48] = 0xff;
	p[49] = 0xff;
	memcpy(p + 54, s->say, said < s->len ? said : s->len);
	seq[s->side] += s->len + ((s->flags & (LINE_SYN | LINE_FIN)) != 0);
}

/* For `endpoints` as gate_options count them. */
static inline struct line *
line_create(const struct line_step *steps, unsigned n, unsigned endpoints, struct rte_mempool *pool)
{
	struct line *l = calloc(1, sizeof(*l));
	uint32_t seq[2] = {1000, 900000};
	unsigned i;

	if (l == NULL || n > LINE_STEPS)
		gate_die("no memory");
	l->n_steps = n;
	l->groups = LINE_GROUPS;
	l->clients = endpoints / 2;
	l->servers = endpoints / 2 / GATE_SEGMENTS;
	l->pool = pool;
	for (i = 0; i < n; i++)
		line_frame(&l->frame[i], &steps[i], seq);
	for (i = 0; i < 2; i++) {
		l->end[i] = (struct line_end){l, i};
		l->wire[i] = (struct bh_wire){.rx = line_rx,
					      .tx = line_tx,
					      .port = &l->end[i],
					      .rx_queues = 1,
					      .tx_queues = 1,
					      .mtu = 1500,
					      .checksum_flags = true};
	}
	return l;
}

/* n connections through no gateway. Returns cycles. */
static inline double
line_run_bare(struct line *l, uint32_t n)
{
	uint64_t goal = l->done + n, start = rte_rdtsc();

	while (l->done < goal)
		gen_forward(l->wire);
	return (double)(rte_rdtsc() - start);
}

#endif
