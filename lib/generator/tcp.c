/* The table of connections, their timers, and turns. */
#include <errno.h>
#include <stdlib.h>

#include "tcp_priv.h"

/* ---- creation ----------------------------------------------------------------------------------------- */

static uint32_t
power_of_two(uint32_t n)
{
	uint32_t p = 64;

	while (p < n && p < 1u << 31)
		p *= 2;
	return p;
}

static void
empty(struct bh_gen_tcp *t)
{
	uint32_t i;

	memset(t->bucket, 0xff, (t->mask + (size_t)1) * sizeof(*t->bucket));
	memset(t->wheel, 0xff, sizeof(t->wheel));
	for (i = 0; i < t->p.connections; i++) {
		memset(&t->conn[i], 0, sizeof(t->conn[i]));
		t->conn[i].next = i + 1 < t->p.connections ? i + 1 : BH_GEN_NONE;
	}
	t->free = 0;
	t->used = 0;
	t->ready_head = t->ready_tail = 0;
	t->counts.active = 0;
}

int
bh_gen_tcp_create(struct bh_gen_tcp **out, const struct bh_gen_tcp_params *p)
{
	struct bh_gen_tcp *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->p = *p;
	t->mask = power_of_two(p->connections) - 1;
	t->ready_mask = t->mask;
	t->conn = calloc(p->connections, sizeof(*t->conn));
	t->bucket = malloc((t->mask + (size_t)1) * sizeof(*t->bucket));
	t->ready = malloc((t->mask + (size_t)1) * sizeof(*t->ready));
	t->ticks_ms = p->hz / 1e3;
	t->ticks_us = p->hz / 1e6;
	if (t->conn == NULL || t->bucket == NULL || t->ready == NULL) {
		bh_gen_tcp_destroy(t);
		return -ENOMEM;
	}
	empty(t);
	*out = t;
	return 0;
}

void
bh_gen_tcp_destroy(struct bh_gen_tcp *t)
{
	if (t == NULL)
		return;
	free(t->conn);
	free(t->bucket);
	free(t->ready);
	free(t);
}

void
bh_gen_tcp_forget(struct bh_gen_tcp *t)
{
	empty(t);
	t->opened = 0;
}

void
bh_gen_tcp_clear(struct bh_gen_tcp *t)
{
	const uint64_t active = t->counts.active;

	memset(&t->counts, 0, sizeof(t->counts));
	memset(t->hist, 0, sizeof(t->hist));
	t->counts.active = active;
}

struct bh_gen_load *
bh_gen_tcp_load(struct bh_gen_tcp *t)
{
	return &t->load;
}

const struct bh_gen_tcp_counts *
bh_gen_tcp_counts(const struct bh_gen_tcp *t)
{
	return &t->counts;
}

const struct bh_gen_hist *
bh_gen_tcp_hist(const struct bh_gen_tcp *t, bool measured, enum bh_gen_latency which)
{
	return &t->hist[measured][which];
}

uint32_t
bh_gen_tcp_used(const struct bh_gen_tcp *t)
{
	return t->used;
}

/* ---- the table ----------------------------------------------------------------------------------------- */

static uint32_t *
bucket_of(struct bh_gen_tcp *t, const struct bh_gen_key *key)
{
	uint64_t a, b, h;

	memcpy(&a, key->peer, 8);
	memcpy(&b, key->peer + 8, 8);
	h = bh_mum(a ^ t->p.secret, b ^ ((uint64_t)key->host << 16 | key->client_port));
	h = bh_mum(h ^ UINT64_C(0x9e3779b97f4a7c15), t->p.secret | 1);
	return &t->bucket[h & t->mask];
}

static bool
is_of(const struct bh_gen_conn *c, const struct bh_gen_key *key)
{
	return c->host == key->host && c->port[BH_GEN_CLIENT] == key->client_port &&
	       memcmp(c->peer, key->peer, 16) == 0;
}

struct bh_gen_conn *
bh_gen_conn_find(struct bh_gen_tcp *t, const struct bh_gen_key *key)
{
	uint32_t i;

	for (i = *bucket_of(t, key); i != BH_GEN_NONE; i = t->conn[i].next) {
		if (is_of(&t->conn[i], key))
			return &t->conn[i];
	}
	return NULL;
}

struct bh_gen_conn *
bh_gen_conn_new(struct bh_gen_tcp *t, const struct bh_gen_key *key)
{
	uint32_t *bucket = bucket_of(t, key), i = t->free;
	struct bh_gen_conn *c;
	bool queued;

	if (i == BH_GEN_NONE)
		return NULL;
	c = &t->conn[i];
	t->free = c->next;
	t->used++;
	/* Its former place in the queue is its own still: nobody stands there twice. */
	queued = c->in_ready;
	memset(c, 0, sizeof(*c));
	c->in_ready = queued;
	memcpy(c->peer, key->peer, 16);
	c->host = key->host;
	c->port[BH_GEN_CLIENT] = key->client_port;
	c->port[BH_GEN_SERVER] = t->p.wire->port;
	c->slot = BH_GEN_NONE;
	c->rto = BH_GEN_RTO_FIRST;
	c->mss = t->p.mss;
	c->threshold = UINT32_MAX;
	c->next = *bucket;
	*bucket = i;
	return c;
}

static void
unlink_wheel(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	if (c->slot == BH_GEN_NONE)
		return;
	if (c->earlier == BH_GEN_NONE)
		t->wheel[c->slot] = c->later;
	else
		t->conn[c->earlier].later = c->later;
	if (c->later != BH_GEN_NONE)
		t->conn[c->later].earlier = c->earlier;
	c->slot = BH_GEN_NONE;
}

void
bh_gen_conn_free(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	const struct bh_gen_key key = {c->peer, c->host, c->port[BH_GEN_CLIENT]};
	const uint32_t i = (uint32_t)(c - t->conn);
	uint32_t *at = bucket_of(t, &key);

	while (*at != i)
		at = &t->conn[*at].next;
	*at = c->next;
	unlink_wheel(t, c);
	if (c->counted)
		t->counts.active--;
	c->state = BH_GEN_FREE;
	c->next = t->free;
	t->free = i;
	t->used--;
}

/* ---- time ------------------------------------------------------------------------------------------------- */

void
bh_gen_tcp_time(struct bh_gen_tcp *t, uint64_t now)
{
	if (t->origin == 0) {
		t->origin = now - (uint64_t)t->ticks_ms;
		t->turned = 1;
	}
	t->now = now;
	t->ms = (uint32_t)((double)(now - t->origin) / t->ticks_ms);
}

static uint32_t
earliest(const struct bh_gen_conn *c)
{
	uint32_t at = UINT32_MAX;

	if (c->rto_at != 0)
		at = c->rto_at;
	if (c->ack_at != 0 && c->ack_at < at)
		at = c->ack_at;
	if (c->aux_at != 0 && c->aux_at < at)
		at = c->aux_at;
	return at;
}

void
bh_gen_conn_schedule(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	uint32_t at = earliest(c), i = (uint32_t)(c - t->conn);

	/* Looked at too early, it is put where it belongs: moving it with each packet would cost more. */
	if (at == UINT32_MAX || (c->slot != BH_GEN_NONE && c->wake <= at))
		return;
	unlink_wheel(t, c);
	if (at <= t->turned)
		at = t->turned + 1;
	if (at - t->turned >= BH_GEN_WHEEL)
		at = t->turned + BH_GEN_WHEEL - 1;
	c->wake = at;
	c->slot = at % BH_GEN_WHEEL;
	c->earlier = BH_GEN_NONE;
	c->later = t->wheel[c->slot];
	if (c->later != BH_GEN_NONE)
		t->conn[c->later].earlier = i;
	t->wheel[c->slot] = i;
}

/* RFC 6298 5.4 to 5.7; RFC 5681 3.1 (4). false: given up, and gone. */
static bool
retransmit(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	const uint32_t flight = c->max - c->una;

	c->rto_at = 0;
	if (c->una == c->max && c->nxt == c->max && !c->in_ready)
		return true;
	if (++c->retries > BH_GEN_RETRIES) {
		t->counts.timed_out++;
		bh_gen_conn_free(t, c);
		return false;
	}
	c->threshold = flight / 2 > 2u * c->mss ? flight / 2 : 2u * c->mss;
	c->cwnd = c->mss;
	c->nxt = c->una;
	c->sampled = false;
	c->same_acks = 0;
	bh_gen_conn_output(t, c);
	return true;
}

/* false: gone. */
static bool
aux_timer(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	c->aux_at = 0;
	if (c->state == BH_GEN_OPEN && t->p.side == BH_GEN_CLIENT && c->in_len == 0) {
		if (t->load.active == 0)
			bh_gen_client_close(t, c);
		else
			bh_gen_client_ask(t, c);
		return c->state != BH_GEN_FREE;
	}
	t->counts.timed_out++;
	bh_gen_conn_free(t, c);
	return false;
}

static void
wake(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	if (c->rto_at != 0 && c->rto_at <= t->ms && !retransmit(t, c))
		return;
	if (c->ack_at != 0 && c->ack_at <= t->ms) {
		c->ack_at = 0;
		c->ack_now = c->ack_later;
		bh_gen_conn_output(t, c);
	}
	if (c->aux_at != 0 && c->aux_at <= t->ms && !aux_timer(t, c))
		return;
	bh_gen_conn_schedule(t, c);
}

static unsigned
turn_wheel(struct bh_gen_tcp *t)
{
	unsigned done = 0;

	/* Behind by more than a round, every slot is looked at once. */
	if (t->ms - t->turned > BH_GEN_WHEEL)
		t->turned = t->ms - BH_GEN_WHEEL;
	while (t->turned < t->ms) {
		uint32_t *slot = &t->wheel[++t->turned % BH_GEN_WHEEL];

		while (*slot != BH_GEN_NONE) {
			struct bh_gen_conn *c = &t->conn[*slot];

			unlink_wheel(t, c);
			wake(t, c);
			done++;
		}
	}
	return done;
}

/* ---- turns --------------------------------------------------------------------------------------------------- */

void
bh_gen_conn_ready(struct bh_gen_tcp *t, struct bh_gen_conn *c)
{
	if (c->in_ready)
		return;
	c->in_ready = true;
	t->ready[t->ready_tail++ & t->ready_mask] = (uint32_t)(c - t->conn);
}

static unsigned
send_ready(struct bh_gen_tcp *t)
{
	uint32_t n = t->ready_tail - t->ready_head;
	unsigned done = 0;

	for (; n > 0; n--) {
		struct bh_gen_conn *c = &t->conn[t->ready[t->ready_head++ & t->ready_mask]];

		c->in_ready = false;
		if (c->state == BH_GEN_FREE)
			continue;
		done++;
		if (!bh_gen_conn_output(t, c))
			break;
	}
	return done;
}

unsigned
bh_gen_tcp_poll(struct bh_gen_tcp *t, uint64_t now)
{
	unsigned done;

	bh_gen_tcp_time(t, now);
	done = turn_wheel(t);
	done += send_ready(t);
	if (t->p.side == BH_GEN_CLIENT)
		done += bh_gen_client_open(t);
	return done;
}

const struct bh_gen_reply *
bh_gen_tcp_reply(struct bh_gen_tcp *t, const struct bh_gen_conn *c)
{
	const unsigned exchange = c->exchange - 1;
	const bool opening = exchange < bh_gen_book_opening(t->p.book);

	if (!t->reply_known || t->reply_opening != opening || t->reply_kib != c->kib) {
		bh_gen_reply_make(t->p.book, exchange, c->kib, &t->reply);
		t->reply_known = true;
		t->reply_opening = opening;
		t->reply_kib = c->kib;
	}
	return &t->reply;
}

uint32_t
bh_gen_tcp_flow(const struct bh_gen_wire *w, const uint8_t *client, const uint8_t *server,
		uint16_t client_port)
{
	uint32_t c = bh_gen_wire_find(w, BH_GEN_CLIENT, client);
	uint32_t s = bh_gen_wire_find(w, BH_GEN_SERVER, server);

	if (c == UINT32_MAX || s == UINT32_MAX || client_port < 65536 - BH_GEN_PORTS)
		return UINT32_MAX;
	return ((uint32_t)(client_port - (65536 - BH_GEN_PORTS)) * w->hosts[BH_GEN_SERVER] + s) *
		       w->hosts[BH_GEN_CLIENT] +
	       c;
}
