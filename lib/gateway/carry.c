/* carry: telling of flows. A worker notes the entries whose flows changed, and copies them to its ring at the turn's end,
 * those first, then some more of its walk over the table. */
#include <errno.h>

#include "carry_priv.h"
#include "opening.h"

#define RING_DEFAULT 8192u
#define PER_TURN_DEFAULT 64u
/* Entries that a walk looks at for each record that it may copy: a table is mostly empty. */
#define LOOK_AHEAD 16u

/* ---- worker ----------------------------------------------------------------------------------------- */

void
bh_carry_mark(struct bh_worker *w, const struct bh_flow *f)
{
	struct bh_carrier *c = w->carry;

	if (c->n_changed == c->room) {
		/* What has been told is not all any more. */
		if (!c->overrun)
			atomic_store_explicit(&c->done, c->asked_seen - 1, memory_order_relaxed);
		c->overrun = true;
		return;
	}
	c->changed[(c->first_changed + c->n_changed++) & (c->room - 1)] =
		bh_flow_number(w->flows, f);
}

/* Would what it says next have to be judged with what it said before? */
static bool
is_examined(const struct bh_worker *w, const struct bh_flow *f)
{
	const struct bh_app_context *c = f->ext != 0 ? &w->app[f->ext] : NULL;

	return f->verdict == BH_VERDICT_PENDING ||
	       (c != NULL && (c->stream != NULL || c->n_held != 0));
}

/* What was refused by its addresses and ports is judged by its next packet. */
static bool
is_refused_by_words(const struct bh_flow *f)
{
	return f->reason == BH_REASON_SENSOR || f->reason == BH_REASON_THREAT ||
	       (f->key.proto == 6 && (f->flags & BH_FLAG_REPLIED) != 0);
}

/* 0: it is not told of. */
static uint8_t
kind_of(const struct bh_worker *w, const struct bh_flow *f)
{
	if (f->verdict == BH_VERDICT_NONE)
		return 0;
	if (bh_is_blocked(f->verdict))
		return is_refused_by_words(f) ? BH_CARRY_REFUSED : 0;
	return is_examined(w, f) ? BH_CARRY_EXAMINED : BH_CARRY_PLAIN;
}

static void
fill(const struct bh_worker *w, const struct bh_flow *f, uint8_t kind, struct bh_flow_record *r)
{
	const uint8_t told = BH_FLAG_INITIATOR | BH_FLAG_REPLIED | BH_FLAG_MIDSTREAM |
			     BH_FLAG_ALERTED | BH_FLAG_LAST_FIN | BH_FLAG_APP_DONE;

	*r = (struct bh_flow_record){
		.key = f->key,
		.start_ns = f->start_ns,
		.bytes = {f->bytes[0], f->bytes[1]},
		.packets = {f->packets[0], f->packets[1]},
		.idle_ms = (int32_t)(w->now_ms - f->last_ms) > 0 ? w->now_ms - f->last_ms : 0,
		.kind = kind,
		.verdict = f->verdict,
		.reason = f->reason,
		.state = f->state,
		.flags = f->flags & told,
		.app = f->app,
		.app_proof = f->app_proof,
		.mode = f->mode,
		.tcp_seen = {f->tcp_seen[0], f->tcp_seen[1]},
	};
	/* Its first bytes have gone: it gets no other name there than it has here. */
	if (kind == BH_CARRY_PLAIN && f->key.proto == 6 && f->ext != 0)
		r->flags |= BH_FLAG_APP_DONE;
}

/* False: there is no room. */
static bool
tell(struct bh_worker *w, const struct bh_flow *f, uint8_t kind)
{
	struct bh_carry_ring *r = &w->carry->ring;
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) > r->mask)
		return false;
	fill(w, f, kind, &r->record[head & r->mask]);
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

void
bh_carry_gone(struct bh_worker *w, const struct bh_flow *f)
{
	if (kind_of(w, f) != 0)
		tell(w, f, BH_CARRY_GONE);
}

/* Returns how many of n records are still free. */
static uint32_t
tell_changed(struct bh_worker *w, uint32_t n)
{
	struct bh_carrier *c = w->carry;

	for (; n != 0 && c->n_changed != 0; n--) {
		const struct bh_flow *f = bh_flow_at(w->flows, c->changed[c->first_changed]);
		uint8_t kind = f != NULL ? kind_of(w, f) : 0;

		if (kind != 0 && !tell(w, f, kind))
			return 0;
		c->first_changed = (c->first_changed + 1) & (c->room - 1);
		c->n_changed--;
	}
	return n;
}

static void
begin_walk(struct bh_worker *w, bool whole)
{
	struct bh_carrier *c = w->carry;

	if (c->overrun)
		bh_count(&w->carried.again, 1);
	c->walking = true;
	c->whole = whole;
	c->overrun = false;
	c->cursor = 0;
	c->since_ms = c->walked_ms;
	c->walked_ms = w->now_ms;
	c->asked_seen = atomic_load_explicit(&c->asked, memory_order_acquire);
}

static void
end_walk(struct bh_worker *w)
{
	struct bh_carrier *c = w->carry;

	c->walking = false;
	if (c->whole && !c->overrun)
		atomic_store_explicit(&c->done, c->asked_seen, memory_order_release);
}

static void
walk(struct bh_worker *w, uint32_t n)
{
	struct bh_carrier *c = w->carry;
	uint32_t end = c->cursor + n * LOOK_AHEAD, at;
	const struct bh_flow *f;
	uint8_t kind;

	for (; n != 0; n--) {
		at = c->cursor;
		f = bh_flow_next(w->flows, &c->cursor, end);
		if (f == NULL) {
			if (c->cursor < end)
				end_walk(w);
			return;
		}
		kind = kind_of(w, f);
		/* What was not heard since the last walk began has been told of. */
		if (kind == 0 || (!c->whole && (int32_t)(f->last_ms - c->since_ms) < 0))
			continue;
		if (!tell(w, f, kind)) {
			c->cursor = at;
			return;
		}
	}
}

void
bh_carry_turn(struct bh_worker *w)
{
	struct bh_carrier *c = w->carry;
	uint32_t left = tell_changed(w, c->per_turn);
	bool asked =
		atomic_load_explicit(&c->asked, memory_order_acquire) !=
		(c->walking && c->whole ? c->asked_seen
					: atomic_load_explicit(&c->done, memory_order_relaxed));

	if (asked || (c->overrun && !c->walking))
		begin_walk(w, true);
	else if (!c->walking && c->walk_ms != 0 && w->now_ms - c->walked_ms >= c->walk_ms)
		begin_walk(w, false);
	if (c->walking && left != 0)
		walk(w, left);
}

/* ---- control ---------------------------------------------------------------------------------------- */

static bool
is_power(uint32_t n)
{
	return (n & (n - 1)) == 0;
}

void *
bh_carry_map(size_t head, uint32_t n, size_t extra, struct bh_carry_ring **ring)
{
	size_t bytes = head + (size_t)n * sizeof(struct bh_flow_record) + extra;
	uint8_t *at = bh_mem_map(bytes, true, NULL);

	if (at == NULL)
		return NULL;
	*ring = (struct bh_carry_ring *)(void *)at; /* its first member */
	(*ring)->record = (struct bh_flow_record *)(void *)(at + head);
	(*ring)->mask = n - 1;
	return at;
}

int
bh_carry_check(const struct bh_carry_params *p, uint32_t *ring, uint32_t *per_turn)
{
	*ring = p->ring != 0 ? p->ring : RING_DEFAULT;
	*per_turn = p->per_turn != 0 ? p->per_turn : PER_TURN_DEFAULT;
	return is_power(*ring) && *ring >= 64 && *ring <= UINT32_C(1) << 24 && *per_turn <= *ring
		       ? 0
		       : -EINVAL;
}

static struct bh_carrier *
make(const struct bh_carry_params *p, uint32_t n, uint32_t per_turn)
{
	/* Heads of both parts are whole lines. */
	const size_t head = RTE_ALIGN_CEIL(sizeof(struct bh_carrier), RTE_CACHE_LINE_SIZE),
		     list = (size_t)n * sizeof(uint32_t);
	struct bh_carry_ring *ring;
	struct bh_carrier *c = bh_carry_map(head, n, list, &ring);

	if (c == NULL)
		return NULL;
	c->bytes = head + (size_t)n * sizeof(struct bh_flow_record) + list;
	c->changed = (uint32_t *)(void *)(ring->record + n);
	c->room = n;
	c->per_turn = per_turn;
	c->walk_ms = p->walk_ms;
	atomic_store_explicit(&c->asked, 1, memory_order_relaxed);
	return c;
}

static void
free_carry(void *carry)
{
	bh_mem_unmap(carry, ((struct bh_carrier *)carry)->bytes);
}

/* All workers', or none. */
static int
make_all(struct bh_gateway *g, const struct bh_carry_params *params, struct bh_carrier **c)
{
	uint32_t n, per_turn;
	unsigned i;
	int rc = bh_carry_check(params, &n, &per_turn);

	if (rc != 0)
		return rc;
	for (i = 0; i < g->n_workers && rc == 0; i++) {
		c[i] = make(params, n, per_turn);
		rc = c[i] != NULL ? 0 : -ENOMEM;
	}
	if (rc == 0)
		return 0;
	for (i--; i-- != 0;)
		free_carry(c[i]);
	return rc;
}

int
bh_gateway_carry_keep(struct bh_gateway *g, const struct bh_carry_params *params)
{
	struct bh_carrier *c[BH_CARRY_WORKERS];
	unsigned i;
	int rc;

	if (g->carrying || g->worker[0]->carry_kept != NULL)
		return -EBUSY;
	rc = make_all(g, params, c);
	for (i = 0; rc == 0 && i < g->n_workers; i++) {
		c[i]->kept = true;
		atomic_store_explicit(&c[i]->idle, true, memory_order_relaxed);
		g->worker[i]->carry_kept = c[i];
	}
	return rc;
}

/* No worker looks at it any more. */
static void
rest(void *carry)
{
	atomic_store_explicit(&((struct bh_carrier *)carry)->idle, true, memory_order_release);
}

/* As if it had just been made. */
static void
renew(struct bh_carrier *c)
{
	atomic_store_explicit(&c->ring.head, 0, memory_order_relaxed);
	atomic_store_explicit(&c->ring.tail, 0, memory_order_relaxed);
	c->n_changed = c->first_changed = c->cursor = 0;
	c->overrun = c->walking = c->whole = c->reached = false;
	c->walked_ms = c->since_ms = c->asked_seen = 0;
	atomic_store_explicit(&c->asked, 1, memory_order_relaxed);
	atomic_store_explicit(&c->done, 0, memory_order_relaxed);
	atomic_store_explicit(&c->idle, false, memory_order_relaxed);
}

static int
take_kept(struct bh_gateway *g, struct bh_carrier **c)
{
	unsigned i;

	for (i = 0; i < g->n_workers; i++) {
		c[i] = g->worker[i]->carry_kept;
		if (!atomic_load_explicit(&c[i]->idle, memory_order_acquire))
			return -EAGAIN;
	}
	for (i = 0; i < g->n_workers; i++)
		renew(c[i]);
	return 0;
}

int
bh_gateway_carry_start(struct bh_gateway *g, const struct bh_carry_params *params)
{
	struct bh_carrier *c[BH_CARRY_WORKERS];
	unsigned i;
	int rc;

	if (g->carrying)
		return -EBUSY;
	rc = g->worker[0]->carry_kept != NULL ? take_kept(g, c) : make_all(g, params, c);
	for (i = 0; rc == 0 && i < g->n_workers; i++)
		atomic_store_explicit(&g->worker[i]->carry_set, c[i], memory_order_release);
	g->carrying = rc == 0;
	return rc;
}

static uint32_t
take_from(struct bh_carry_ring *r, struct bh_flow_record *out, uint32_t n)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint32_t used = atomic_load_explicit(&r->head, memory_order_acquire) - tail, i;

	n = RTE_MIN(n, used);
	for (i = 0; i < n; i++)
		out[i] = r->record[(tail + i) & r->mask];
	atomic_store_explicit(&r->tail, tail + n, memory_order_release);
	return n;
}

uint32_t
bh_gateway_carry_take(struct bh_gateway *g, struct bh_flow_record *out, uint32_t n)
{
	uint32_t got = 0, share;
	unsigned i;

	for (i = 0; g->carrying && i < g->n_workers; i++) {
		share = RTE_MIN(n - got, (n - got) / (g->n_workers - i) + 1);
		got += take_from(&g->worker[i]->carry_set->ring, out + got, share);
	}
	g->told += got;
	return got;
}

/* What comes behind the walk's end in the ring are changes: they may never cease. */
static bool
is_walked(struct bh_carrier *c)
{
	if (atomic_load_explicit(&c->done, memory_order_acquire) !=
	    atomic_load_explicit(&c->asked, memory_order_relaxed)) {
		c->reached = false;
		return false;
	}
	if (!c->reached) {
		c->reached = true;
		/* done first: what it stands for is in the ring by then. */
		c->whole_at = atomic_load_explicit(&c->ring.head, memory_order_acquire);
	}
	return (int32_t)(atomic_load_explicit(&c->ring.tail, memory_order_relaxed) - c->whole_at) >=
	       0;
}

bool
bh_gateway_carry_walked(const struct bh_gateway *g)
{
	unsigned i;

	for (i = 0; i < g->n_workers; i++) {
		struct bh_carrier *c = g->worker[i]->carry_set;

		if (c == NULL || !is_walked(c))
			return false;
	}
	return true;
}

void
bh_gateway_carry_again(struct bh_gateway *g)
{
	unsigned i;

	for (i = 0; g->carrying && i < g->n_workers; i++)
		atomic_fetch_add_explicit(&g->worker[i]->carry_set->asked, 1, memory_order_release);
}

/* The worker's part by its caller's hand: the worker itself has returned. */
static bool
finish_worker(struct bh_worker *w)
{
	const struct bh_carrier *c = w->carry = w->carry_set;

	bh_carry_turn(w);
	return bh_carry_ring_used(&c->ring) != 0 || c->n_changed != 0 || c->walking || c->overrun ||
	       c->done != c->asked;
}

uint32_t
bh_gateway_carry_finish(struct bh_gateway *g, struct bh_flow_record *out, uint32_t n)
{
	uint32_t got = 0;
	bool more = g->carrying;
	unsigned i;

	/* Walks look at empty stretches of a table, too. */
	while (more && got == 0) {
		more = false;
		for (i = 0; i < g->n_workers; i++)
			more |= finish_worker(g->worker[i]);
		got = bh_gateway_carry_take(g, out, n);
	}
	return got;
}

void
bh_gateway_carry_stop(struct bh_gateway *g)
{
	unsigned i;

	for (i = 0; g->carrying && i < g->n_workers; i++) {
		struct bh_carrier *c = g->worker[i]->carry_set;

		atomic_store_explicit(&g->worker[i]->carry_set, NULL, memory_order_release);
		bh_gateway_retire(g, c, c->kept ? rest : free_carry);
	}
	g->carrying = false;
}

void
bh_carry_destroy(struct bh_gateway *g)
{
	unsigned i;

	for (i = 0; g->worker != NULL && i < g->n_workers; i++) {
		if (g->worker[i] != NULL && g->worker[i]->carry_kept != NULL)
			free_carry(g->worker[i]->carry_kept);
	}
}

void
bh_gateway_settle_connections(struct bh_gateway *g, bool on)
{
	atomic_store_explicit(&g->settles, on, memory_order_relaxed);
}

void
bh_gateway_passed(struct bh_gateway *g)
{
	unsigned i;

	for (i = 0; i < g->n_workers; i++)
		g->worker[i]->adopted_ends = true;
}

void
bh_gateway_carry_counts(const struct bh_gateway *g, struct bh_carry_counts *out)
{
	uint64_t *sum = (uint64_t *)out;
	unsigned i, k;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < g->n_workers; i++) {
		const uint64_t *one = (const uint64_t *)&g->worker[i]->carried;

		for (k = 0; k < sizeof(*out) / sizeof(*sum); k++)
			sum[k] += __atomic_load_n(&one[k], __ATOMIC_RELAXED);
	}
	out->told = g->told;
}
