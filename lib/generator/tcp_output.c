/* Segments. */
#include "tcp_priv.h"

#define SYN_OPTIONS 8 /* MSS, NOP, window scale */

struct segment {
	const uint8_t *peer, *mac;
	uint32_t host, seq, ack;
	uint16_t client_port, len; /* len: of the payload */
	uint8_t flags;
};

static void
write_options(const struct bh_gen_tcp *t, uint8_t *p)
{
	p[0] = 2;
	p[1] = 4;
	bh_gen_put16(p + 2, t->p.mss);
	p[4] = 1;
	p[5] = 3;
	p[6] = 3;
	p[7] = BH_GEN_SCALE;
}

/* Link, IP and TCP header; the payload's place, or NULL: no room. */
static uint8_t *
begin(struct bh_gen_tcp *t, const struct segment *s, uint64_t *sum, uint8_t **tcp)
{
	const struct bh_gen_wire *w = t->p.wire;
	const unsigned options = (s->flags & BH_TCP_SYN) != 0 ? SYN_OPTIONS : 0;
	struct bh_gen_head h = {.from = t->p.side,
				.proto = BH_GEN_TCP,
				.l4_len = (uint16_t)(20 + options + s->len)};
	unsigned len = bh_gen_wire_l4(w) + h.l4_len;
	uint8_t *p = t->p.take(t->p.arg, (uint16_t)(len < 60 ? 60 : len));

	if (p == NULL)
		return NULL;
	bh_gen_wire_host(w, t->p.side, s->host, h.src);
	memcpy(h.dst, s->peer, 16);
	*tcp = p + bh_gen_head_write(w, &h, p, sum);
	if (s->mac != NULL)
		memcpy(p, s->mac, 6);
	if (len < 60)
		memset(p + len, 0, 60 - len);
	p = *tcp;
	bh_gen_put16(p, t->p.side == BH_GEN_CLIENT ? s->client_port : w->port);
	bh_gen_put16(p + 2, t->p.side == BH_GEN_CLIENT ? w->port : s->client_port);
	bh_gen_put32(p + 4, s->seq);
	bh_gen_put32(p + 8, s->ack);
	p[12] = (uint8_t)((20 + options) / 4 << 4);
	p[13] = s->flags;
	memset(p + 16, 0, 4);
	/* A SYN's window is not scaled; both are the same number. */
	bh_gen_put16(p + 14, BH_GEN_WINDOW >> BH_GEN_SCALE);
	if (options != 0)
		write_options(t, p + 20);
	return p + 20 + options;
}

static void
finish(uint8_t *tcp, const uint8_t *end, uint64_t sum)
{
	bh_gen_put_sum(tcp + 16, bh_csum_add(sum, tcp, (size_t)(end - tcp)));
}

void
bh_gen_tcp_bare(struct bh_gen_tcp *t, const struct bh_gen_bare *b)
{
	const struct segment s = {
		.peer = b->peer,
		.mac = b->mac,
		.host = b->host,
		.seq = b->seq,
		.ack = b->ack,
		.client_port = b->client_port,
		.flags = b->flags,
	};
	uint64_t sum;
	uint8_t *tcp, *p = begin(t, &s, &sum, &tcp);

	if (p != NULL)
		finish(tcp, p, sum);
}

static const uint8_t *
mac_of(const struct bh_gen_tcp *t, const struct bh_gen_conn *c)
{
	return t->p.side == BH_GEN_SERVER ? c->mac : NULL;
}

void
bh_gen_conn_reset(struct bh_gen_tcp *t, const struct bh_gen_conn *c)
{
	bh_gen_tcp_bare(t, &(struct bh_gen_bare){
				   .peer = c->peer,
				   .mac = mac_of(t, c),
				   .host = c->host,
				   .seq = c->max,
				   .ack = c->rcv,
				   .client_port = c->port[BH_GEN_CLIENT],
				   .flags = BH_TCP_RST | BH_TCP_ACK,
			   });
}

static void
payload(struct bh_gen_tcp *t, const struct bh_gen_conn *c, uint8_t *out, uint16_t n)
{
	const uint32_t off = c->nxt - c->out_seq;
	uint8_t request[BH_GEN_REQUEST_MAX];

	if (t->p.side == BH_GEN_SERVER) {
		bh_gen_reply_copy(t->p.book, bh_gen_tcp_reply(t, c), off, out, n);
		return;
	}
	bh_gen_request_write(t->p.book, c->exchange - 1, c->kib, request);
	memcpy(out, request + off, n);
}

/* One segment from nxt on, which moves. false: no room. */
static bool
send(struct bh_gen_tcp *t, struct bh_gen_conn *c, uint8_t flags, uint16_t n)
{
	const struct segment s = {
		.peer = c->peer,
		.mac = mac_of(t, c),
		.host = c->host,
		.seq = c->nxt,
		.ack = (flags & BH_TCP_ACK) != 0 ? c->rcv : 0,
		.client_port = c->port[BH_GEN_CLIENT],
		.len = n,
		.flags = flags,
	};
	const uint32_t room = n + ((flags & (BH_TCP_SYN | BH_TCP_FIN)) != 0);
	uint64_t sum;
	uint8_t *tcp, *p = begin(t, &s, &sum, &tcp);

	if (p == NULL)
		return false;
	if (n != 0)
		payload(t, c, p, n);
	finish(tcp, p + n, sum);
	c->ack_now = c->ack_later = false;
	c->ack_at = 0;
	if (room == 0)
		return true;
	if (bh_gen_seq_diff(c->nxt, c->max) < 0) {
		t->counts.resent++;
	} else if (!c->sampled) {
		c->sampled = true;
		c->sample = c->nxt + room;
		c->sampled_at = t->now;
	}
	c->nxt += room;
	if (bh_gen_seq_diff(c->nxt, c->max) > 0)
		c->max = c->nxt;
	if (c->rto_at == 0)
		c->rto_at = t->ms + bh_gen_conn_rto(c);
	return true;
}

/* As much of the message as both windows allow. */
static bool
send_message(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	uint32_t limit = c->cwnd < c->window ? c->cwnd : c->window;

	/* What is lost while nothing is allowed would never be asked for: one segment always is. */
	if (limit < c->mss)
		limit = c->mss;
	while (c->nxt - c->out_seq < c->out_len) {
		const uint32_t flight = c->nxt - c->una, left = c->out_len - (c->nxt - c->out_seq);
		uint32_t n = left < c->mss ? left : c->mss;

		/* RFC 9293 3.8.6.2.1: no small segments while others are under way. */
		if (flight + n > limit && flight != 0)
			return true;
		if (!send(t, c, n == left ? BH_TCP_ACK | BH_TCP_PSH : BH_TCP_ACK, (uint16_t)n))
			return false;
	}
	return true;
}

bool
bh_gen_conn_output(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	bool sent = true;

	if (c->state == BH_GEN_SYN_SENT || c->state == BH_GEN_SYN_RECEIVED) {
		if (c->nxt != c->out_seq)
			sent = send(t, c,
				    c->state == BH_GEN_SYN_SENT ? BH_TCP_SYN
								: BH_TCP_SYN | BH_TCP_ACK,
				    0);
	} else {
		sent = send_message(t, c);
		if (sent && c->state >= BH_GEN_FINISHING && c->nxt == c->out_seq + c->out_len)
			sent = send(t, c, BH_TCP_FIN | BH_TCP_ACK, 0);
		if (sent && c->ack_now)
			sent = send(t, c, BH_TCP_ACK, 0);
	}
	if (!sent)
		bh_gen_conn_ready(t, c);
	bh_gen_conn_schedule(t, c);
	return sent;
}
