/* Segments that come in: RFC 9293 3.10.7, as far as a measuring client and its server meet it. */
#include "tcp_priv.h"

#define CWND_MAX (4u << 20)

struct packet {
	const uint8_t *frame, *payload;
	const struct bh_parsed *h;
	const uint8_t *peer;
	uint32_t host, seq, ack, len;
	uint16_t client_port;
	uint8_t flags;
};

/* ---- packets of no connection ------------------------------------------------------------------------------ */

static void
bare(struct bh_gen_tcp *t, const struct packet *p, uint8_t flags, uint32_t ack)
{
	bh_gen_tcp_bare(t, &(struct bh_gen_bare){
				   .peer = p->peer,
				   .mac = t->p.side == BH_GEN_SERVER ? p->frame + 6 : NULL,
				   .host = p->host,
				   .seq = p->ack,
				   .ack = ack,
				   .client_port = p->client_port,
				   .flags = flags,
			   });
}

/* MSS and window scale (RFC 9293 3.2, RFC 7323 2.2) of a SYN. */
static void
read_options(const struct bh_gen_tcp *t, struct bh_gen_conn *c, const struct packet *p)
{
	const uint8_t *tcp = p->frame + p->h->l4_off, *v;
	struct bh_cur cur = bh_cur(tcp + 20, (size_t)(p->h->payload_off - p->h->l4_off - 20));
	uint16_t mss = 536;
	uint8_t kind, size;

	c->scale = 0;
	while (bh_cur_u8(&cur, &kind) && kind != 0) {
		if (kind == 1)
			continue;
		if (!bh_cur_u8(&cur, &size) || size < 2)
			break;
		v = bh_cur_take(&cur, size - 2u);
		if (v == NULL)
			break;
		if (kind == 2 && size == 4)
			mss = bh_load_be16(v);
		else if (kind == 3 && size == 3)
			c->scale = v[0] <= 14 ? v[0] : 14;
	}
	/* A smaller one than any link has (RFC 791) is somebody's joke: 64, so that a request is a few segments at most. */
	c->mss = mss < 64 ? 64 : mss < t->p.mss ? mss : t->p.mss;
	c->cwnd = BH_GEN_INITIAL_CWND * c->mss;
	c->window = p->h->tcp_window;
}

static void
accept_connection(struct bh_gen_tcp *t, const struct packet *p)
{
	const struct bh_gen_key key = {p->peer, p->host, p->client_port};
	struct bh_gen_conn *c = bh_gen_conn_new(t, &key);

	if (c == NULL) {
		t->counts.refused_full++;
		return;
	}
	memcpy(c->mac, p->frame + 6, 6);
	read_options(t, c, p);
	c->state = BH_GEN_SYN_RECEIVED;
	c->rcv = p->seq + 1;
	c->una = c->nxt = c->max =
		(uint32_t)bh_mum(t->now ^ t->p.secret, (uint64_t)p->seq << 16 | p->client_port);
	c->out_seq = c->nxt + 1;
	c->aux_at = t->ms + BH_GEN_IDLE;
	t->counts.opened++;
	bh_gen_conn_output(t, c);
}

static void
stray(struct bh_gen_tcp *t, const struct packet *p)
{
	if ((p->flags & BH_TCP_RST) != 0)
		return;
	if ((p->flags & (BH_TCP_SYN | BH_TCP_ACK)) == BH_TCP_SYN && t->p.side == BH_GEN_SERVER) {
		accept_connection(t, p);
		return;
	}
	if ((p->flags & BH_TCP_ACK) == 0)
		return;
	/* Our last ACK was lost: what TIME-WAIT would say. */
	if ((p->flags & BH_TCP_FIN) != 0) {
		bare(t, p, BH_TCP_ACK, p->seq + p->len + 1);
		return;
	}
	t->counts.strays++;
	/* An ACK of a connection that has ended in good order needs no answer; data does. */
	if (p->len != 0 || (p->flags & BH_TCP_SYN) != 0)
		bare(t, p, BH_TCP_RST, 0);
}

/* ---- acknowledgements --------------------------------------------------------------------------------------- */

/* RFC 6298 2. */
static void
measure(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	const uint32_t us = (uint32_t)((double)(t->now - c->sampled_at) / t->ticks_us);
	uint32_t off;

	c->sampled = false;
	if (c->srtt == 0) {
		c->srtt = us + 1;
		c->var = us / 2;
	} else {
		off = c->srtt > us ? c->srtt - us : us - c->srtt;
		c->var = c->var - c->var / 4 + off / 4;
		c->srtt = c->srtt - c->srtt / 8 + us / 8;
	}
	c->rto = (c->srtt + 4 * c->var) / 1000 + 1;
	if (c->rto < BH_GEN_RTO_MIN)
		c->rto = BH_GEN_RTO_MIN;
	if (c->rto > BH_GEN_RTO_MAX)
		c->rto = BH_GEN_RTO_MAX;
}

static void
acknowledged(struct bh_gen_tcp *t, struct bh_gen_conn *c, uint32_t ack)
{
	const uint32_t n = ack - c->una;

	c->una = ack;
	if (bh_gen_seq_diff(c->nxt, ack) < 0)
		c->nxt = ack;
	c->same_acks = 0;
	c->retries = 0;
	if (c->sampled && bh_gen_seq_diff(ack, c->sample) >= 0)
		measure(t, c);
	c->rto_at = c->una == c->max ? 0 : t->ms + bh_gen_conn_rto(c);
	/* RFC 5681 3.1. */
	if (c->cwnd < c->threshold)
		c->cwnd += n < 2u * c->mss ? n : 2u * c->mss;
	else
		c->cwnd += (uint32_t)c->mss * c->mss / c->cwnd + 1;
	if (c->cwnd > CWND_MAX)
		c->cwnd = CWND_MAX;
}

/* RFC 5681 3.2, once for each place where something is missing; the receiver kept nothing behind it. */
static void
same_again(struct bh_gen_conn *c)
{
	const uint32_t flight = c->max - c->una;

	if (c->same_acks < 255)
		c->same_acks++;
	if (c->same_acks != 3 || (c->recovering && c->recover == c->una))
		return;
	c->recovering = true;
	c->recover = c->una;
	c->threshold = flight / 2 > 2u * c->mss ? flight / 2 : 2u * c->mss;
	c->cwnd = c->threshold;
	c->nxt = c->una;
	c->sampled = false;
}

static void
take_ack(struct bh_gen_tcp *t, struct bh_gen_conn *c, const struct packet *p)
{
	const uint32_t window = (uint32_t)p->h->tcp_window << c->scale;

	if (bh_gen_seq_diff(p->ack, c->una) > 0 && bh_gen_seq_diff(p->ack, c->max) <= 0)
		acknowledged(t, c, p->ack);
	else if (p->ack == c->una && c->una != c->max && p->len == 0 && window == c->window &&
		 (p->flags & (BH_TCP_SYN | BH_TCP_FIN)) == 0)
		same_again(c);
	c->window = window;
}

/* ---- handshake ------------------------------------------------------------------------------------------------- */

static void
established(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	c->state = BH_GEN_OPEN;
	c->counted = true;
	t->counts.established++;
	t->counts.active++;
}

static void
in_syn_sent(struct bh_gen_tcp *t, struct bh_gen_conn *c, const struct packet *p)
{
	const bool right = (p->flags & BH_TCP_ACK) != 0 && p->ack == c->out_seq;

	if ((p->flags & BH_TCP_RST) != 0) {
		if (right) {
			t->counts.reset++;
			bh_gen_conn_free(t, c);
		}
		return;
	}
	/* RFC 9293 3.10.7.3: what acknowledges something else gets a RST of that number. Who protects a server from
	 * floods asks so whether this address is real. The SYN goes again. */
	if ((p->flags & BH_TCP_ACK) != 0 && !right) {
		bare(t, p, BH_TCP_RST, 0);
		c->nxt = c->una;
		bh_gen_conn_output(t, c);
		return;
	}
	if (!right || (p->flags & BH_TCP_SYN) == 0)
		return;
	read_options(t, c, p);
	c->rcv = p->seq + 1;
	acknowledged(t, c, p->ack);
	c->cwnd = BH_GEN_INITIAL_CWND * c->mss;
	established(t, c);
	bh_gen_hist_add(&t->hist[t->load.measured][BH_GEN_CONNECT], t->now - c->opened_at);
	c->ack_now = true;
	if (bh_gen_conn_output(t, c))
		bh_gen_client_ask(t, c);
	else
		c->aux_at = t->ms + 1;
}

/* false: nothing more to do with this packet. */
static bool
in_syn_received(struct bh_gen_tcp *t, struct bh_gen_conn *c, const struct packet *p)
{
	if ((p->flags & BH_TCP_SYN) != 0 && p->seq + 1 == c->rcv) {
		c->nxt = c->una;
		bh_gen_conn_output(t, c);
		return false;
	}
	if ((p->flags & BH_TCP_ACK) == 0 || p->ack != c->out_seq)
		return false;
	established(t, c);
	return true;
}

/* ---- data and ends --------------------------------------------------------------------------------------------- */

/* The connection is of no use any more: say so, and forget it. */
static void
fail(struct bh_gen_tcp *t, struct bh_gen_conn *c, uint64_t *count)
{
	(*count)++;
	bh_gen_conn_reset(t, c);
	bh_gen_conn_free(t, c);
}

static bool
server_data(struct bh_gen_tcp *t, struct bh_gen_conn *c, const uint8_t *p, unsigned n)
{
	uint32_t kib;

	/* Who asks has the whole of what was asked for before. */
	if (c->una != c->out_seq + c->out_len ||
	    !bh_gen_request_read(t->p.book, c->exchange, p, n, &kib))
		return false;
	c->rcv += n;
	c->kib = kib;
	if (c->exchange++ >= bh_gen_book_opening(t->p.book))
		t->counts.transactions++;
	c->out_seq = c->nxt;
	c->out_len = bh_gen_reply_len(bh_gen_tcp_reply(t, c));
	c->aux_at = t->ms + BH_GEN_IDLE;
	t->counts.bytes += c->out_len;
	return true;
}

/* false: gone. */
static bool
take_data(struct bh_gen_tcp *t, struct bh_gen_conn *c, const struct packet *p)
{
	const uint32_t old = c->rcv - p->seq;
	bool right;

	if (p->len == 0 && (p->flags & BH_TCP_FIN) == 0) {
		if (p->seq != c->rcv)
			c->ack_now = true; /* RFC 9293 3.10.7.4: not acceptable, answered */
		return true;
	}
	if (old > p->len) { /* ahead of what is expected, or all of it old */
		if (bh_gen_seq_diff(p->seq, c->rcv) > 0)
			t->counts.out_of_order++;
		c->ack_now = true;
		return true;
	}
	if (old == p->len && p->len != 0 && (p->flags & BH_TCP_FIN) == 0) {
		c->ack_now = true;
		return true;
	}
	if (p->len > old) {
		/* RFC 5681 4.2: at least every second segment. */
		c->ack_now = c->ack_later || (p->flags & BH_TCP_PSH) != 0;
		c->ack_later = true;
		if (c->ack_at == 0)
			c->ack_at = t->ms + BH_GEN_ACK_DELAY;
		right = t->p.side == BH_GEN_CLIENT
				? bh_gen_client_data(t, c, p->payload + old, p->len - old)
				: server_data(t, c, p->payload + old, p->len - old);
		if (!right) {
			fail(t, c, &t->counts.mismatched);
			return false;
		}
	}
	return c->state != BH_GEN_FREE;
}

/* Everything in front of the FIN is here. false: gone. */
static bool
take_fin(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	const bool ours = c->una == c->out_seq + c->out_len + 1;

	c->rcv++;
	c->ack_now = true;
	if (c->state == BH_GEN_OPEN && t->p.side == BH_GEN_CLIENT) {
		fail(t, c, &t->counts.reset); /* a server of ours does not end it */
		return false;
	}
	if (c->state == BH_GEN_FINISHING && ours) {
		bh_gen_conn_output(t, c);
		t->counts.closed++;
		bh_gen_conn_free(t, c);
		return false;
	}
	c->state = BH_GEN_LAST_ACK;
	return true;
}

static void
take_reset(struct bh_gen_tcp *t, struct bh_gen_conn *c, const struct packet *p)
{
	if (p->seq - c->rcv >= BH_GEN_WINDOW)
		return;
	/* A client may end a connection so when it has what it asked for. */
	if (t->p.side == BH_GEN_SERVER &&
	    (c->una == c->max || ((p->flags & BH_TCP_ACK) != 0 && p->ack == c->max)))
		t->counts.closed++;
	else
		t->counts.reset++;
	bh_gen_conn_free(t, c);
}

static void
in_connection(struct bh_gen_tcp *t, struct bh_gen_conn *c, const struct packet *p)
{
	if (c->state == BH_GEN_SYN_SENT) {
		in_syn_sent(t, c, p);
		return;
	}
	if ((p->flags & BH_TCP_RST) != 0) {
		take_reset(t, c, p);
		return;
	}
	if (c->state == BH_GEN_SYN_RECEIVED && !in_syn_received(t, c, p))
		return;
	if ((p->flags & BH_TCP_SYN) != 0) { /* RFC 5961 4.2 */
		c->ack_now = true;
		bh_gen_conn_output(t, c);
		return;
	}
	if ((p->flags & BH_TCP_ACK) == 0)
		return;
	take_ack(t, c, p);
	if (c->state == BH_GEN_LAST_ACK && c->una == c->out_seq + c->out_len + 1) {
		t->counts.closed++;
		bh_gen_conn_free(t, c);
		return;
	}
	if (!take_data(t, c, p))
		return;
	if ((p->flags & BH_TCP_FIN) != 0 && p->seq + p->len == c->rcv && !take_fin(t, c))
		return;
	bh_gen_conn_output(t, c);
}

bool
bh_gen_tcp_input(struct bh_gen_tcp *t, const uint8_t *frame, uint32_t len,
		 const struct bh_parsed *h, uint64_t now)
{
	const unsigned from = h->from;
	uint8_t peer[16];
	struct packet p = {
		.frame = frame,
		.payload = frame + h->payload_off,
		.h = h,
		.peer = peer,
		.seq = h->tcp_seq,
		.ack = h->tcp_ack,
		.len = h->payload_len,
		.flags = h->tcp_flags,
	};
	struct bh_gen_conn *c;

	if (h->key.port[t->p.side == BH_GEN_CLIENT ? from : 1 - from] != t->p.wire->port)
		return false;
	p.client_port = h->key.port[t->p.side == BH_GEN_CLIENT ? 1 - from : from];
	p.host = bh_gen_wire_find(t->p.wire, t->p.side, h->key.addr[1 - from].b);
	if (p.host == UINT32_MAX || h->key.family != t->p.wire->net[0].family)
		return false;
	memcpy(peer, h->key.addr[from].b, 16);
	bh_gen_tcp_time(t, now);
	if ((h->flags & BH_PKT_CUT) != 0 || !bh_gen_l4_good(frame, len, h)) {
		t->counts.corrupt++;
		return true;
	}
	c = bh_gen_conn_find(t, &(struct bh_gen_key){peer, p.host, p.client_port});
	if (c != NULL)
		in_connection(t, c, &p);
	else
		stray(t, &p);
	return true;
}
