/* The client: opens, asks, compares, closes. */
#include "tcp_priv.h"

#define OPEN_AT_ONCE 32
#define TRIES 64 /* flows that are in use still, until the next turn */
#define FIN_WAIT 10000

static uint32_t
first_sequence(const struct bh_gen_tcp *t, const struct bh_gen_key *key)
{
	/* RFC 9293 3.4.1: a clock of 4 us, and a secret of the ends: a port that is used again begins above its former. */
	uint64_t ends = bh_mum((uint64_t)key->host << 16 | key->client_port, t->p.secret | 1);

	return (uint32_t)((double)(t->now - t->origin) / t->ticks_us / 4) + (uint32_t)ends;
}

static struct bh_gen_conn *
new_connection(struct bh_gen_tcp *t)
{
	const struct bh_gen_wire *w = t->p.wire;
	const uint32_t flows = bh_gen_wire_flows(w);
	unsigned tries;

	for (tries = 0; tries < TRIES; tries++) {
		uint32_t flow = (uint32_t)((t->p.first + t->flow++ * t->p.step) % flows);
		uint32_t rest = flow / w->hosts[BH_GEN_CLIENT];
		uint8_t server[16] = {0};
		struct bh_gen_key key = {.peer = server, .host = flow % w->hosts[BH_GEN_CLIENT]};

		bh_gen_wire_host(w, BH_GEN_SERVER, rest % w->hosts[BH_GEN_SERVER], server);
		key.client_port = (uint16_t)(65536 - BH_GEN_PORTS +
					     rest / w->hosts[BH_GEN_SERVER] % BH_GEN_PORTS);
		if (bh_gen_conn_find(t, &key) == NULL) {
			struct bh_gen_conn *c = bh_gen_conn_new(t, &key);

			if (c != NULL)
				c->una = c->nxt = c->max = first_sequence(t, &key);
			return c;
		}
	}
	return NULL;
}

static bool
is_due(const struct bh_gen_tcp *t)
{
	if (t->used >= t->load.active)
		return false;
	return t->load.per_tick == 0 ||
	       (double)t->opened < (double)(t->now - t->load.begin) * t->load.per_tick;
}

unsigned
bh_gen_client_open(struct bh_gen_tcp *t)
{
	unsigned n;

	/* Where not even SYNs find room, more connections would only wait. */
	for (n = 0; n < OPEN_AT_ONCE && t->ready_head == t->ready_tail && is_due(t); n++) {
		struct bh_gen_conn *c = new_connection(t);

		if (c == NULL)
			break;
		c->state = BH_GEN_SYN_SENT;
		c->out_seq = c->nxt + 1;
		c->left = t->load.transactions;
		c->opened_at = t->now;
		t->opened++;
		t->counts.opened++;
		bh_gen_conn_output(t, c);
	}
	return n;
}

void
bh_gen_client_ask(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	uint8_t request[BH_GEN_REQUEST_MAX];

	c->kib = t->load.kib;
	c->out_seq = c->nxt;
	c->out_len = bh_gen_request_write(t->p.book, c->exchange++, c->kib, request);
	c->in_seq = c->rcv;
	c->in_len = bh_gen_reply_len(bh_gen_tcp_reply(t, c));
	c->asked_at = t->now;
	c->aux_at = t->ms + BH_GEN_IDLE;
	bh_gen_conn_output(t, c);
}

void
bh_gen_client_close(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	if (t->load.reset) {
		bh_gen_conn_reset(t, c);
		t->counts.closed++;
		bh_gen_conn_free(t, c);
		return;
	}
	c->state = BH_GEN_FINISHING;
	c->aux_at = t->ms + FIN_WAIT;
	bh_gen_conn_output(t, c);
}

static void
note(struct bh_gen_tcp *t, enum bh_gen_latency which, uint64_t since)
{
	bh_gen_hist_add(&t->hist[t->load.measured][which], t->now - since);
}

/* The reply is whole. */
static void
done(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	c->in_len = 0;
	c->in_seq = c->rcv;
	if (c->exchange > bh_gen_book_opening(t->p.book)) {
		note(t, BH_GEN_LAST_BYTE, c->asked_at);
		t->counts.transactions++;
		if (c->left != 0 && --c->left == 0) {
			bh_gen_client_close(t, c);
			return;
		}
	}
	if (t->load.active == 0) {
		bh_gen_client_close(t, c);
	} else if (t->load.think_ms != 0) {
		c->ack_now = true;
		c->aux_at = t->ms + t->load.think_ms;
		bh_gen_conn_output(t, c);
	} else {
		bh_gen_client_ask(t, c);
	}
}

bool
bh_gen_client_data(struct bh_gen_tcp *t, struct bh_gen_conn *c, const uint8_t *p, unsigned n)
{
	const uint32_t off = c->rcv - c->in_seq;

	if (c->in_len == 0 || !bh_gen_reply_match(t->p.book, bh_gen_tcp_reply(t, c), off, p, n))
		return false;
	if (off == 0 && c->exchange > bh_gen_book_opening(t->p.book))
		note(t, BH_GEN_FIRST_BYTE, c->asked_at);
	c->rcv += n;
	t->counts.bytes += n;
	if (off + n == c->in_len)
		done(t, c);
	return true;
}
