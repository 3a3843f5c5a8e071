/* answer: what a rejected packet gets back. TCP: RST to its sender and, when the connection had been
 * answered, to the other end as well (RFC 9293 3.10.7). Others: ICMP unreachable (RFC 792, 4443).
 * Never more bytes than came in, rate-limited, never about ICMP errors, RSTs, group addresses, or
 * inside tunnels (the outer path back is not ours to make up): a gateway must not be an amplifier. */
#include "gateway_priv.h"

#define L2_MAX 22u /* Ethernet and two tags */
#define IP4_LEN 20u
#define IP6_LEN 40u
#define TCP_LEN 20u
#define ICMP_LEN 8u
#define QUOTE_L4 8u /* RFC 792: the first 64 bits behind the IP header */
#define ANSWER_TTL 64
#define BH_PART_MAX 1920u /* bytes of a buffer of the usual size */

/* One answer: where its parts stand in the frame. */
struct answer {
	const struct bh_parsed *h;
	const uint8_t *in; /* the packet's first bytes, contiguous */
	uint8_t *out;
	unsigned l2;                     /* bytes of Ethernet header and tags */
	bool back;                       /* to the sender (else on to the receiver) */
	const struct bh_stream_gap *gap; /* make_gap */
	uint32_t cookie;                 /* make_cookie */
	unsigned len;                    /* IP bytes */
};

static void
put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16(p + 2, (uint16_t)v);
}

static unsigned
ip_len(const struct bh_parsed *h)
{
	return h->key.family == BH_IP4 ? IP4_LEN : IP6_LEN;
}

/* Ethernet and IP headers of an answer with `payload` bytes behind them. */
static void
put_headers(struct answer *a, uint8_t proto, unsigned payload)
{
	const uint8_t *eth = a->in, *ip = a->in + a->h->l3_off;
	bool v4 = a->h->key.family == BH_IP4;
	unsigned alen = v4 ? 4 : 16, at = v4 ? 12 : 8;
	uint8_t *o = a->out + a->l2;

	memcpy(a->out, eth, a->l2);
	if (a->back) {
		memcpy(a->out, eth + 6, 6);
		memcpy(a->out + 6, eth, 6);
	}
	memset(o, 0, ip_len(a->h));
	memcpy(o + at, ip + at + (a->back ? alen : 0), alen);
	memcpy(o + at + alen, ip + at + (a->back ? 0 : alen), alen);
	a->len = ip_len(a->h) + payload;
	if (v4) {
		uint16_t sum;

		o[0] = 0x45;
		put_be16(o + 2, (uint16_t)a->len);
		o[6] = 0x40; /* do not fragment: the id may be 0 (RFC 6864) */
		o[8] = ANSWER_TTL;
		o[9] = proto;
		sum = (uint16_t)~bh_csum_fold(bh_csum_add(0, o, IP4_LEN));
		memcpy(o + 10, &sum, 2);
	} else {
		o[0] = 0x60;
		put_be16(o + 4, (uint16_t)payload);
		o[6] = proto;
		o[7] = ANSWER_TTL;
	}
}

/* L4 checksum over pseudo-header and payload, stored at `at` behind the IP header. */
static void
put_checksum(struct answer *a, uint8_t proto, unsigned at, bool pseudo)
{
	uint8_t *ip = a->out + a->l2, *l4 = ip + ip_len(a->h), tail[4];
	unsigned len = a->len - ip_len(a->h);
	uint64_t acc = bh_csum_add(0, l4, len);
	uint16_t sum;

	if (pseudo) {
		bool v4 = a->h->key.family == BH_IP4;

		put_be16(tail, proto);
		put_be16(tail + 2, (uint16_t)len);
		acc = bh_csum_add(acc, ip + (v4 ? 12 : 8), v4 ? 8 : 32);
		acc = bh_csum_add(acc, tail, sizeof(tail));
	}
	sum = (uint16_t)~bh_csum_fold(acc);
	memcpy(l4 + at, &sum, 2);
}

static void
make_rst(struct answer *a)
{
	const struct bh_parsed *h = a->h;
	bool ack = (h->tcp_flags & BH_TCP_ACK) != 0;
	uint32_t consumed = h->payload_len + ((h->tcp_flags & BH_TCP_SYN) != 0) +
			    ((h->tcp_flags & BH_TCP_FIN) != 0);
	uint8_t *tcp;

	put_headers(a, 6, TCP_LEN);
	tcp = a->out + a->l2 + ip_len(h);
	memset(tcp, 0, TCP_LEN);
	memcpy(tcp, a->in + h->l4_off + (a->back ? 2 : 0), 2);
	memcpy(tcp + 2, a->in + h->l4_off + (a->back ? 0 : 2), 2);
	tcp[12] = TCP_LEN / 4 << 4;
	if (!a->back) {
		put_be32(tcp + 4, h->tcp_seq);
		tcp[13] = BH_TCP_RST;
	} else if (ack) {
		put_be32(tcp + 4, h->tcp_ack);
		tcp[13] = BH_TCP_RST;
	} else {
		put_be32(tcp + 8, h->tcp_seq + consumed);
		tcp[13] = BH_TCP_RST | BH_TCP_ACK;
	}
	put_checksum(a, 6, 16, true);
}

/* Code: port unreachable for UDP, so that its client fails at once; prohibited for the rest. */
static void
make_unreachable(struct answer *a)
{
	const struct bh_parsed *h = a->h;
	bool v4 = h->key.family == BH_IP4, udp = h->key.proto == 17;
	unsigned quote = (unsigned)(h->l4_off - h->l3_off) + QUOTE_L4;
	uint8_t proto = v4 ? 1 : 58, *icmp;

	put_headers(a, proto, ICMP_LEN + quote);
	icmp = a->out + a->l2 + ip_len(h);
	memset(icmp, 0, ICMP_LEN);
	icmp[0] = v4 ? 3 : 1;
	icmp[1] = v4 ? (udp ? 3 : 13) : (udp ? 4 : 1);
	memcpy(icmp + ICMP_LEN, a->in + h->l3_off, quote);
	put_checksum(a, proto, 2, !v4);
}

static bool
may_answer(struct bh_worker *w, const struct bh_packet *p, unsigned need)
{
	const struct bh_parsed *h = &p->h;
	const uint8_t *eth = rte_pktmbuf_mtod(p->m, const uint8_t *);

	if (!w->g->p.send_rejects || p->train != NULL || (h->flags & BH_PKT_TUNNELLED) != 0 ||
	    h->l3_off > L2_MAX || w->g->p.wire[p->wire].link != BH_LINK_ETHERNET)
		return false;
	if (h->l3_len < need || p->m->data_len < h->l3_off + need || (eth[0] & 1) != 0)
		return false;
	return h->key.proto != 6 || (h->tcp_flags & BH_TCP_RST) == 0;
}

/* Sequence numbers of both sides as their receivers expect them. */
static void
make_in_order(struct bh_parsed *h, const struct bh_stream *s, unsigned side)
{
	h->tcp_seq = bh_stream_seq(s, side);
	h->tcp_ack = bh_stream_seq(s, 1 - side);
	h->tcp_flags = BH_TCP_ACK;
	h->payload_len = 0;
}

/* The server's last words to a client whose request was not let through. */
static void
make_forbidden(struct answer *a)
{
	static const char text[] = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n"
				   "Content-Length: 29\r\nConnection: close\r\n\r\n"
				   "Denied by the network policy\n";
	const struct bh_parsed *h = a->h;
	uint8_t *tcp;

	put_headers(a, 6, TCP_LEN + sizeof(text) - 1);
	tcp = a->out + a->l2 + ip_len(h);
	memset(tcp, 0, TCP_LEN);
	memcpy(tcp, a->in + h->l4_off + 2, 2);
	memcpy(tcp + 2, a->in + h->l4_off, 2);
	put_be32(tcp + 4, h->tcp_ack);
	put_be32(tcp + 8, h->tcp_seq);
	tcp[12] = TCP_LEN / 4 << 4;
	tcp[13] = BH_TCP_ACK | BH_TCP_PSH | BH_TCP_FIN;
	memset(tcp + 14, 0xff, 2); /* window */
	memcpy(tcp + TCP_LEN, text, sizeof(text) - 1);
	put_checksum(a, 6, 16, true);
}

/* A duplicate acknowledgement, as the receiver would send it (RFC 5681 3.2, RFC 2018 3). */
static void
make_gap(struct answer *a)
{
	const struct bh_stream_gap *g = a->gap;
	uint8_t *tcp, *o;
	unsigned i;

	put_headers(a, 6,
		    TCP_LEN + (g->stamped ? 12u : 0) +
			    (g->n_blocks != 0 ? 4u + 8u * g->n_blocks : 0));
	tcp = a->out + a->l2 + ip_len(a->h);
	memset(tcp, 0, TCP_LEN);
	memcpy(tcp, a->in + a->h->l4_off + (a->back ? 2 : 0), 2);
	memcpy(tcp + 2, a->in + a->h->l4_off + (a->back ? 0 : 2), 2);
	put_be32(tcp + 4, g->seq);
	put_be32(tcp + 8, g->ack);
	tcp[13] = BH_TCP_ACK;
	put_be16(tcp + 14, g->window);
	o = tcp + TCP_LEN;
	if (g->stamped) {
		put_be32(o, 0x0101080a);
		put_be32(o + 4, g->ts_val);
		put_be32(o + 8, g->ts_ecr);
		o += 12;
	}
	if (g->n_blocks != 0) {
		put_be32(o, 0x01010500u | (2u + 8u * g->n_blocks));
		o += 4;
	}
	for (i = 0; i < g->n_blocks; i++, o += 8) {
		put_be32(o, g->block[i].from);
		put_be32(o + 4, g->block[i].to);
	}
	tcp[12] = (uint8_t)((o - tcp) / 4 << 4);
	put_checksum(a, 6, 16, true);
}

/* Whatever the client had sent, this acknowledges something else: see lib/threat/cookie.c. No window, no option: nothing of it
 * is used. */
static void
make_cookie(struct answer *a)
{
	uint8_t *tcp;

	put_headers(a, 6, TCP_LEN);
	tcp = a->out + a->l2 + ip_len(a->h);
	memset(tcp, 0, TCP_LEN);
	memcpy(tcp, a->in + a->h->l4_off + 2, 2);
	memcpy(tcp + 2, a->in + a->h->l4_off, 2);
	put_be32(tcp + 4, ~a->cookie);
	put_be32(tcp + 8, a->cookie);
	tcp[12] = TCP_LEN / 4 << 4;
	tcp[13] = BH_TCP_SYN | BH_TCP_ACK;
	put_checksum(a, 6, 16, true);
}

static bool
send_made(struct bh_worker *w, const struct bh_packet *p, struct answer *a,
	  void (*make)(struct answer *a))
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->g->p.pool);

	if (m == NULL) {
		bh_count(&w->c.answers_suppressed, 1);
		return false;
	}
	a->in = rte_pktmbuf_mtod(p->m, const uint8_t *);
	a->l2 = p->h.l3_off;
	a->out = rte_pktmbuf_mtod(m, uint8_t *);
	make(a);
	m->data_len = (uint16_t)(a->l2 + a->len);
	m->pkt_len = m->data_len;
	bh_tx_put_made(w, a->back ? p->wire : w->g->p.peer[p->wire], m);
	return true;
}

static void
send_answer(struct bh_worker *w, const struct bh_packet *p, bool back)
{
	struct answer a = {.h = &p->h, .back = back};

	send_made(w, p, &a, p->h.key.proto == 6 ? make_rst : make_unreachable);
}

bool
bh_answer_cookie(struct bh_worker *w, const struct bh_packet *p, uint32_t cookie)
{
	struct answer a = {.h = &p->h, .back = true, .cookie = cookie};

	if (!may_answer(w, p, ip_len(&p->h) + TCP_LEN))
		return false;
	return send_made(w, p, &a, make_cookie);
}

bool
bh_answer_gap(struct bh_worker *w, const struct bh_packet *p, const struct bh_stream_gap *g,
	      bool back)
{
	struct answer a = {.h = &p->h, .back = back, .gap = g};

	/* One small packet for one of an established connection. */
	return may_answer(w, p, ip_len(&p->h) + TCP_LEN) && send_made(w, p, &a, make_gap);
}

void
bh_answer_reset(struct bh_worker *w, const struct bh_packet *p, const struct bh_stream *s,
		bool forbidden)
{
	unsigned side = p->h.from ^ (p->flow->flags & BH_FLAG_INITIATOR);
	uint32_t end = p->h.tcp_seq + p->h.payload_len;
	struct bh_parsed h = p->h;
	struct answer a = {.h = &h};

	/* Only inside a handshake that was seen, so that nobody is made to answer a forged address: three
	 * small packets at most for a connection. */
	if (!bh_stream_is_established(s) || !may_answer(w, p, ip_len(&p->h) + TCP_LEN) ||
	    !bh_bucket_take(&w->reject_bucket, w->mono_ns / BH_NS_PER_MS)) {
		bh_count(&w->c.answers_suppressed, 1);
		return;
	}
	make_in_order(&h, s, side);
	send_made(w, p, &a, make_rst);
	a.back = true;
	if (forbidden && side == 0 && p->h.payload_len != 0) {
		h.tcp_seq = end;
		send_made(w, p, &a, make_forbidden);
		return;
	}
	send_made(w, p, &a, make_rst);
}

bool
bh_answer_part(struct bh_worker *w, const struct bh_part *part)
{
	uint32_t len = (uint32_t)part->payload_off + part->n, l4_len = len - part->l4_off;
	uint8_t tail[4] = {0, 6, (uint8_t)(l4_len >> 8), (uint8_t)l4_len};
	struct rte_mbuf *m;
	uint8_t *ip, *tcp;
	uint64_t acc;
	uint16_t sum;
	bool v4;

	if (!w->g->p.send_rejects || len > BH_PART_MAX)
		return false;
	m = rte_pktmbuf_copy(part->m, w->g->p.pool, 0, len);
	if (m == NULL || m->nb_segs != 1) {
		rte_pktmbuf_free(m);
		return false;
	}
	ip = rte_pktmbuf_mtod_offset(m, uint8_t *, part->l3_off);
	tcp = rte_pktmbuf_mtod_offset(m, uint8_t *, part->l4_off);
	v4 = ip[0] >> 4 == 4;
	put_be16(ip + (v4 ? 2 : 4), (uint16_t)(len - part->l3_off - (v4 ? 0 : IP6_LEN)));
	if (v4) {
		memset(ip + 10, 0, 2);
		sum = (uint16_t)~bh_csum_fold(bh_csum_add(0, ip, (ip[0] & 15u) * 4u));
		memcpy(ip + 10, &sum, 2);
	}
	tcp[13] &= (uint8_t)~BH_TCP_FIN;
	memset(tcp + 16, 0, 2);
	acc = bh_csum_add(0, tcp, l4_len);
	acc = bh_csum_add(acc, ip + (v4 ? 12 : 8), v4 ? 8 : 32);
	acc = bh_csum_add(acc, tail, sizeof(tail));
	sum = (uint16_t)~bh_csum_fold(acc);
	memcpy(tcp + 16, &sum, 2);
	m->ol_flags = 0;
	bh_tx_put_made(w, part->wire, m);
	return true;
}

void
bh_answer_reject(struct bh_worker *w, const struct bh_packet *p)
{
	unsigned tcp = ip_len(&p->h) + TCP_LEN;
	unsigned icmp = ip_len(&p->h) + ICMP_LEN + (p->h.l4_off - p->h.l3_off) + QUOTE_L4;
	bool is_tcp = p->h.key.proto == 6;

	if (!may_answer(w, p, is_tcp ? tcp : icmp) ||
	    !bh_bucket_take(&w->reject_bucket, w->mono_ns / BH_NS_PER_MS)) {
		bh_count(&w->c.answers_suppressed, 1);
		return;
	}
	send_answer(w, p, true);
	/* Both ends, if this packet was long enough for two answers. */
	if (is_tcp && (p->flow->flags & BH_FLAG_REPLIED) != 0 && p->h.l3_len >= 2 * tcp)
		send_answer(w, p, false);
}
