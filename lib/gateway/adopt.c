/* adopt: taking flows over from another gateway. Control puts records into the ring of the worker that owns the flow;
 * that one enters them at its turn's end, each judged by the view in force. A flow that the policy does not plainly allow gets
 * a stamp that is out of date: its first packet here is judged as after a change of the policy. */
#include <errno.h>

#include "carry_priv.h"

/* ---- worker ----------------------------------------------------------------------------------------- */

/* Never that of a view: all that a stamp sums only grows. */
static uint32_t
stale(uint32_t stamp)
{
	return stamp - 1;
}

static void
judge(struct bh_worker *w, struct bh_flow *f, const struct bh_flow_record *r)
{
	struct bh_judgement j;
	unsigned i;

	bh_judge_flow(w, f, &j);
	for (i = 0; i < 2; i++) {
		f->slot[i] = j.slot[i];
		f->segment[i] = j.segment[i];
		f->class_[i] = j.class_[i];
	}
	f->rule = j.rule;
	f->mode = j.mode & 3u;
	f->stamp = j.stamp;
	if (r->kind == BH_CARRY_PLAIN && !j.by_operation &&
	    (j.verdict == BH_VERDICT_ALLOW || j.verdict == BH_VERDICT_VIOLATE)) {
		f->verdict = j.verdict;
		f->reason = j.reason;
		return;
	}
	f->verdict = r->verdict;
	f->reason = r->reason;
	if (r->kind != BH_CARRY_REFUSED)
		f->stamp = stale(j.stamp);
	else
		f->state = BH_STATE_REFUSED;
}

static bool
is_over(const struct bh_flow *f)
{
	return f->state == BH_STATE_CLOSED || f->state == BH_STATE_REFUSED;
}

static void
fill(struct bh_worker *w, struct bh_flow *f, const struct bh_flow_record *r)
{
	bool was_over = is_over(f);
	unsigned i;

	for (i = 0; i < 2; i++) {
		f->bytes[i] = r->bytes[i];
		f->packets[i] = r->packets[i];
		f->tcp_seen[i] = r->tcp_seen[i];
	}
	f->start_ns = r->start_ns;
	f->last_ms = w->now_ms - RTE_MIN(r->idle_ms, (uint32_t)INT32_MAX);
	f->flags = r->flags | BH_FLAG_USED;
	f->app = r->app;
	f->app_proof = r->app_proof;
	f->state = r->state & 15u;
	f->carried = r->kind == BH_CARRY_EXAMINED ? BH_CARRIED_EXAMINED : BH_CARRIED;
	/* It has not proven what it will say here. */
	if (r->kind == BH_CARRY_EXAMINED) {
		f->app = 0;
		f->flags &= (uint8_t)~BH_FLAG_APP_DONE;
	}
	judge(w, f, r);
	/* Allowed by its ports alone: what it says in the middle does not tell what it is. */
	if (r->kind == BH_CARRY_EXAMINED && r->key.proto == 6)
		f->flags |= BH_FLAG_APP_DONE;
	/* The first to go where the table is full. */
	if (is_over(f) && !was_over)
		bh_flow_over_hot(w->flows, f);
}

/* Told there. */
static void
end(struct bh_worker *w, struct bh_flow *f)
{
	w->adopted_ends = true;
	bh_flow_remove(w->flows, f, BH_FLOW_END_TIMEOUT);
	w->adopted_ends = false;
}

static void
enter(struct bh_worker *w, const struct bh_flow_record *r, uint64_t hash)
{
	struct bh_flow *f = bh_flow_insert(w->flows, &r->key, hash, w->now_ms, w->wall_ns);

	if (f == NULL) {
		bh_count(&w->carried.full, 1);
		return;
	}
	bh_count(&w->carried.adopted, 1);
	bh_count(&w->c.flows_opened, 1);
	fill(w, f, r);
	if (!w->watch.opened)
		return;
	if (w->config->n_quotas != 0)
		bh_threat_sessions(w, f, true);
	if (bh_threat_on(w, BH_THREAT_SESSION_LIMIT))
		bh_threat_session(w, f, true);
}

static void
adopt(struct bh_worker *w, const struct bh_flow_record *r, uint64_t hash)
{
	struct bh_flow *f = bh_flow_lookup(w->flows, &r->key, hash);

	if (f != NULL && f->carried == BH_CARRIED_NOT) {
		bh_count(&w->carried.own, 1);
		return;
	}
	if (f != NULL && f->start_ns != r->start_ns) {
		/* Another connection of the same ends: the later one counts. */
		if (r->start_ns < f->start_ns)
			return;
		bh_count(&w->carried.ended, 1);
		end(w, f);
		f = NULL;
	}
	if (r->kind == BH_CARRY_GONE) {
		if (f == NULL)
			return;
		bh_count(&w->carried.ended, 1);
		end(w, f);
	} else if (f == NULL) {
		enter(w, r, hash);
	} else {
		bh_count(&w->carried.renewed, 1);
		fill(w, f, r);
	}
}

static bool
is_forgetting(const struct bh_worker *w)
{
	return atomic_load_explicit(&w->forgotten, memory_order_relaxed) !=
	       atomic_load_explicit(&w->g->forget, memory_order_acquire);
}

bool
bh_adopt_waits(const struct bh_worker *w)
{
	return is_forgetting(w) || (w->adopt != NULL && bh_carry_ring_used(&w->adopt->ring) != 0);
}

void
bh_adopt_forget(struct bh_worker *w)
{
	uint32_t asked = atomic_load_explicit(&w->g->forget, memory_order_acquire), n = 0;
	struct bh_flow *f = NULL;

	if (likely(asked == atomic_load_explicit(&w->forgotten, memory_order_relaxed)))
		return;
	/* Asked too late: it forwards. */
	while (w->fenced && n++ < BH_AGE_PER_TURN &&
	       (f = bh_flow_next(w->flows, &w->forget_cursor, UINT32_MAX)) != NULL)
		end(w, f);
	if (w->fenced && f != NULL)
		return;
	w->forget_cursor = 0;
	atomic_store_explicit(&w->forgotten, asked, memory_order_release);
}

void
bh_adopt_turn(struct bh_worker *w)
{
	struct bh_carry_ring *ring = &w->adopt->ring;
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed), n, i;
	uint64_t hash[BH_BURST];

	/* Nobody can say yet what is allowed. */
	if (w->view == NULL)
		return;
	n = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;
	/* What was known here is still to go. Asked for before what stands behind the head was put there: so looked at after. */
	if (is_forgetting(w))
		return;
	/* It forwards: of what it sees itself nobody knows more. */
	if (unlikely(w->twin) && !w->fenced) {
		atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
		return;
	}
	n = RTE_MIN(n, w->adopt->per_turn);
	for (i = 0; i < n; i++) {
		const struct bh_flow_record *r = &ring->record[(tail + i) & ring->mask];
		uint32_t k, some = RTE_MIN(n - i, (uint32_t)BH_BURST);

		for (k = 0; i % BH_BURST == 0 && k < some; k++) {
			hash[k] = bh_flow_hash(w->flows,
					       &ring->record[(tail + i + k) & ring->mask].key);
			bh_flow_prefetch(w->flows, hash[k]);
		}
		adopt(w, r, hash[i % BH_BURST]);
	}
	atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
}

/* ---- control ---------------------------------------------------------------------------------------- */

static void
free_adopt(void *adopt)
{
	bh_mem_unmap(adopt, ((struct bh_adopt *)adopt)->bytes);
}

int
bh_gateway_adopt_start(struct bh_gateway *g, const struct bh_carry_params *params)
{
	const size_t head = RTE_ALIGN_CEIL(sizeof(struct bh_adopt), RTE_CACHE_LINE_SIZE);
	struct bh_adopt *a[BH_CARRY_WORKERS];
	struct bh_carry_ring *ring;
	uint32_t n, per_turn;
	unsigned i;
	int rc = bh_carry_check(params, &n, &per_turn);

	if (rc != 0)
		return rc;
	if (g->adopting)
		return -EBUSY;
	/* Which worker gets its packets is known to the device alone. */
	if (g->n_workers > 1 && !g->p.steer)
		return -ENOTSUP;
	for (i = 0; i < g->n_workers && rc == 0; i++) {
		a[i] = bh_carry_map(head, n, 0, &ring);
		rc = a[i] != NULL ? 0 : -ENOMEM;
		if (rc != 0)
			continue;
		a[i]->bytes = head + (size_t)n * sizeof(struct bh_flow_record);
		a[i]->per_turn = per_turn;
		a[i]->grace_ms = 4 * params->walk_ms;
	}
	if (rc != 0) {
		for (i--; i-- != 0;)
			free_adopt(a[i]);
		return rc;
	}
	for (i = 0; i < g->n_workers; i++)
		atomic_store_explicit(&g->worker[i]->adopt_set, a[i], memory_order_release);
	g->adopting = true;
	return 0;
}

static bool
put(struct bh_carry_ring *r, const struct bh_flow_record *record)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) > r->mask)
		return false;
	r->record[head & r->mask] = *record;
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

uint32_t
bh_gateway_adopt(struct bh_gateway *g, const struct bh_flow_record *record, uint32_t n)
{
	uint32_t i;

	for (i = 0; g->adopting && i < n; i++) {
		unsigned owner =
			g->n_workers > 1 ? bh_steer_owner(g->worker[0], &record[i].key) : 0;

		if (!put(&g->worker[owner]->adopt_set->ring, &record[i]))
			break;
	}
	return i;
}

bool
bh_gateway_adopted(const struct bh_gateway *g)
{
	unsigned i;

	for (i = 0; g->adopting && i < g->n_workers; i++) {
		if (bh_carry_ring_used(&g->worker[i]->adopt_set->ring) != 0)
			return false;
	}
	for (i = 0; g->twin && i < g->n_workers; i++) {
		if (atomic_load_explicit(&g->worker[i]->forgotten, memory_order_acquire) !=
		    atomic_load_explicit(&g->forget, memory_order_relaxed))
			return false;
	}
	return true;
}

void
bh_gateway_forget(struct bh_gateway *g)
{
	if (g->twin)
		atomic_fetch_add_explicit(&g->forget, 1, memory_order_release);
}

void
bh_gateway_adopt_stop(struct bh_gateway *g)
{
	unsigned i;

	for (i = 0; g->adopting && i < g->n_workers; i++) {
		struct bh_adopt *a = g->worker[i]->adopt_set;

		atomic_store_explicit(&g->worker[i]->adopt_set, NULL, memory_order_release);
		bh_gateway_retire(g, a, free_adopt);
	}
	g->adopting = false;
}
