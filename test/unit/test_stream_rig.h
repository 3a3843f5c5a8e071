/* What the tests and the fuzz target of the stream room share: packets with counted references, whose payload lies
 * in runs of a few bytes, and a connection that is spoken to in offsets. */
#ifndef TEST_STREAM_RIG_H
#define TEST_STREAM_RIG_H

#include <stdlib.h>

#include "../../lib/stream/stream.h"

#define RIG_PAYLOAD 512
#define RIG_PACKETS 8192

struct rig_packet {
	uint8_t data[RIG_PAYLOAD];
	uint32_t len;
	uint32_t run; /* bytes that lie in one piece */
	int refs;     /* the store's and the test's */
	int64_t from; /* offset of data[0] */
	uint8_t side;
	bool fin;
};

struct rig {
	struct bh_stream_store *st;
	struct bh_stream *s;
	struct bh_stream_result r;
	uint32_t isn[2];
	uint16_t window[2]; /* of the next packets of a side */
	uint8_t wire[2];
	uint8_t option[40]; /* of the next packets */
	uint32_t option_len;
	uint16_t urgent;
	uint32_t run;
	struct rig_packet *packet;
	uint32_t n_packets;
};

static const uint8_t *
rig_payload(const void *packet, uint32_t off, uint32_t *n)
{
	const struct rig_packet *p = packet;
	uint32_t left = p->len - off;

	*n = p->run != 0 && p->run - off % p->run < left ? p->run - off % p->run : left;
	return p->data + off;
}

static void
rig_keep(void *packet)
{
	((struct rig_packet *)packet)->refs++;
}

static void
rig_drop(void *packet)
{
	((struct rig_packet *)packet)->refs--;
}

static inline struct bh_stream_params
rig_params(void)
{
	struct bh_stream_params p = {
		.streams = 16,
		.segments = 4096,
		.side_bytes = 65536,
		.side_segments = 1024,
		.payload = rig_payload,
		.keep = rig_keep,
		.drop = rig_drop,
	};
	unsigned i;

	for (i = 0; i < BH_EXCEPTION_COUNT; i++)
		p.action[i] = bh_exception_info(i)->normal;
	return p;
}

/* False: no memory. */
static inline bool
rig_create(struct rig *g, const struct bh_stream_params *p)
{
	*g = (struct rig){
		.isn = {1000, 0xffffff00u},
		.window = {65535, 65535},
		.wire = {0, 1},
	};
	g->packet = calloc(RIG_PACKETS, sizeof(*g->packet));
	return g->packet != NULL && bh_stream_store_create(&g->st, p) == 0;
}

static inline void
rig_close_stream(struct rig *g)
{
	if (g->s != NULL)
		bh_stream_close(g->st, g->s, NULL, NULL);
	g->s = NULL;
	g->n_packets = 0;
}

static inline void
rig_destroy(struct rig *g)
{
	rig_close_stream(g);
	bh_stream_store_destroy(g->st);
	free(g->packet);
	*g = (struct rig){0};
}

struct rig_segment {
	uint8_t side, flags;
	int64_t off,
		ack; /* of the first byte (SYN: of what follows it), and of the other side's next */
	const void *data;
	uint32_t len;
};

/* Hand a packet in (open: as the first one). The reference that the result leaves with the test is dropped for DROP
 * and END, stays in `refs` for PASS. Returns the packet. */
static inline struct rig_packet *
rig_input(struct rig *g, const struct rig_segment *m, bool open, bool hold)
{
	struct rig_packet *k = &g->packet[g->n_packets++ % RIG_PACKETS];
	uint8_t tcp[60] = {0};
	struct bh_parsed h = {
		.payload_len = (uint16_t)m->len,
		.tcp_flags = m->flags,
		.tcp_window = g->window[m->side],
		.tcp_seq = g->isn[m->side] + 1 + (uint32_t)m->off - ((m->flags & BH_TCP_SYN) != 0),
		.tcp_ack = m->flags & BH_TCP_ACK ? g->isn[m->side ^ 1] + 1 + (uint32_t)m->ack : 0,
		.l3_len = (uint16_t)(40 + g->option_len + m->len),
	};
	struct bh_stream_packet p = {
		.h = &h,
		.tcp = tcp,
		.packet = k,
		.wire = g->wire[m->side],
		.side = m->side,
	};

	*k = (struct rig_packet){
		.len = m->len,
		.run = g->run,
		.refs = 1,
		.from = m->off,
		.side = m->side,
		.fin = (m->flags & BH_TCP_FIN) != 0,
	};
	if (m->len != 0)
		memcpy(k->data, m->data, m->len);
	tcp[12] = (uint8_t)((20 + g->option_len) / 4 << 4);
	tcp[13] = m->flags;
	memcpy(tcp + 20, g->option, g->option_len);
	if (open)
		g->s = bh_stream_open(g->st, &p, hold, &g->r);
	else
		bh_stream_input(g->st, g->s, &p, &g->r);
	if (g->r.act == BH_STREAM_DROP || g->r.act == BH_STREAM_END)
		k->refs--;
	return k;
}

static inline uint8_t
rig_put(struct rig *g, uint8_t side, uint8_t flags, int64_t off, int64_t ack, const char *text)
{
	struct rig_segment m = {side, flags, off, ack, text, (uint32_t)strlen(text)};

	rig_input(g, &m, false, false);
	return g->r.act;
}

/* SYN, SYN/ACK, ACK. */
static inline bool
rig_handshake(struct rig *g, bool hold)
{
	struct rig_segment syn = {.side = 0, .flags = BH_TCP_SYN};

	rig_input(g, &syn, true, hold);
	if (g->s == NULL || g->r.act != BH_STREAM_PASS)
		return false;
	if (rig_put(g, 1, BH_TCP_SYN | BH_TCP_ACK, 0, 0, "") != BH_STREAM_PASS)
		return false;
	return rig_put(g, 0, BH_TCP_ACK, 0, 0, "") == BH_STREAM_PASS && g->r.established;
}

/* Read all that can be read of a side; appended to out, which has room. Returns bytes read. */
static inline uint32_t
rig_read(struct rig *g, uint8_t side, char *out, bool *ended)
{
	const uint8_t *at;
	uint32_t n, all = 0;

	while ((n = bh_stream_next(g->s, side, &at, ended)) != 0) {
		memcpy(out + all, at, n);
		bh_stream_read(g->s, side, n);
		all += n;
	}
	out[all] = '\0';
	return all;
}

#endif
