/* A worker: what it holds for the sets it uses, and how a new one comes to it. */
#include <errno.h>
#include <stdlib.h>

#include "sensor_priv.h"

int
bh_sensor_worker_create(struct bh_sensor_worker **out, const struct bh_sensor_worker_params *params)
{
	struct bh_sensor_worker *w = aligned_alloc(BH_CACHE_LINE, sizeof(*w));
	uint64_t n = 4;

	*out = NULL;
	if (w == NULL)
		return -ENOMEM;
	memset(w, 0, sizeof(*w));
	w->params = *params;
	w->budget = UINT64_MAX;
	if (w->params.pool_bytes == 0)
		w->params.pool_bytes = 16u << 20;
	if (w->params.thresholds == 0)
		w->params.thresholds = 4096;
	if (w->params.match_limit == 0)
		w->params.match_limit = 100000;
	while (n < w->params.thresholds)
		n *= 2;
	w->count = calloc(n, sizeof(*w->count));
	w->count_mask = n - 1;
	if (w->count == NULL || bh_sensor_pool_create(&w->pool, w->params.pool_bytes) != 0 ||
	    bh_sensor_confirm_create(w) != 0) {
		bh_sensor_worker_destroy(w);
		return -ENOMEM;
	}
	*out = w;
	return 0;
}

static void
drop(struct bh_sensor_held *h)
{
	uint32_t i;

	for (i = 0; h->whole != NULL && i < h->set->n_dbs; i++)
		free(h->whole[i]);
	free(h->whole);
	hs_free_scratch(h->scratch);
	*h = (struct bh_sensor_held){0};
}

void
bh_sensor_worker_destroy(struct bh_sensor_worker *w)
{
	unsigned i;

	if (w == NULL)
		return;
	for (i = 0; i < BH_ARRAY_SIZE(w->held); i++)
		if (w->held[i].in_use)
			drop(&w->held[i]);
	bh_sensor_confirm_destroy(w);
	bh_sensor_pool_destroy(&w->pool);
	free(w->count);
	free(w);
}

/* ---- control ---------------------------------------------------------------------------------------------- */

static int
fill(struct bh_sensor_held *h, struct bh_sensor_set *set)
{
	uint32_t i;

	h->in_use = true;
	h->set = set;
	if (set == NULL)
		return 0;
	if (set->scratch != NULL && hs_clone_scratch(set->scratch, &h->scratch) != HS_SUCCESS)
		return -ENOMEM;
	h->whole = calloc(set->n_dbs + 1, sizeof(*h->whole));
	if (h->whole == NULL)
		return -ENOMEM;
	for (i = 0; i < set->n_dbs; i++) {
		size_t bytes = (bh_sensor_region_bytes(&set->db[i]) + 63) & ~(size_t)63;
		void *at = aligned_alloc(BH_CACHE_LINE, bytes);

		if (at == NULL)
			return -ENOMEM;
		/* All of it: the worker takes no page fault for it. */
		memset(at, 0, bytes);
		h->whole[i] = bh_sensor_region_begin(at, &set->db[i]);
	}
	return 0;
}

/* Neither the newest, nor what the worker may still be taking, nor any connection's. */
static bool
is_idle(const struct bh_sensor_worker *w, const struct bh_sensor_held *h)
{
	const struct bh_sensor_held *taken = __atomic_load_n(&w->taken, __ATOMIC_ACQUIRE);

	return h != w->next && h != taken && __atomic_load_n(&h->live, __ATOMIC_ACQUIRE) == 0;
}

int
bh_sensor_publish(struct bh_sensor_worker *w, struct bh_sensor_set *set,
		  enum bh_sensor_reload reload)
{
	struct bh_sensor_held *h = NULL;
	unsigned i;
	int rc;

	if (w->next != __atomic_load_n(&w->taken, __ATOMIC_ACQUIRE))
		return -EBUSY;
	for (i = 0; i < BH_ARRAY_SIZE(w->held); i++) {
		if (w->held[i].in_use && is_idle(w, &w->held[i]))
			drop(&w->held[i]);
		if (!w->held[i].in_use)
			h = &w->held[i];
	}
	if (h == NULL)
		return -EBUSY;
	rc = fill(h, set);
	if (rc != 0) {
		drop(h);
		return rc;
	}
	h->seq = ++w->seq;
	h->reload = (uint8_t)reload;
	__atomic_store_n(&w->next, h, __ATOMIC_RELEASE);
	return 0;
}

bool
bh_sensor_reap(struct bh_sensor_worker *w, const struct bh_sensor_set *set)
{
	bool used = false;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(w->held); i++) {
		struct bh_sensor_held *h = &w->held[i];

		if (!h->in_use)
			continue;
		if (is_idle(w, h))
			drop(h);
		else
			used |= h->set == set;
	}
	return used;
}

void
bh_sensor_counters(const struct bh_sensor_worker *w, struct bh_sensor_counters *out)
{
	const uint64_t *from = (const uint64_t *)(const void *)&w->c;
	uint64_t *to = (uint64_t *)(void *)out;
	size_t i;

	_Static_assert(sizeof(*out) % sizeof(uint64_t) == 0, "only 64-bit counters");
	for (i = 0; i < sizeof(*out) / sizeof(uint64_t); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

/* ---- the worker -------------------------------------------------------------------------------------------- */

static void
take(struct bh_sensor_worker *w, struct bh_sensor_held *h)
{
	/* A set that is none is not held by connections: theirs is NULL. */
	w->current = h->set != NULL ? h : NULL;
	w->current_seq = h->seq;
	if (h->reload == BH_SENSOR_RESET)
		w->reset_seq = h->seq;
	if (h->reload == BH_SENSOR_RESCAN)
		w->rescan_seq = h->seq;
	__atomic_store_n(&w->taken, h, __ATOMIC_RELEASE);
}

void
bh_sensor_turn(struct bh_sensor_worker *w, uint64_t budget, uint64_t now_ns)
{
	struct bh_sensor_held *next = __atomic_load_n(&w->next, __ATOMIC_ACQUIRE);

	if (BH_UNLIKELY(next != w->taken))
		take(w, next);
	w->budget = budget;
	w->now_ns = now_ns;
	bh_sensor_tick(&w->c.pool_used, w->pool.lent - w->c.pool_used);
	bh_sensor_tick(&w->c.pool_peak, w->pool.peak - w->c.pool_peak);
}

uint64_t
bh_sensor_worker_wants(const struct bh_sensor_worker *w)
{
	uint64_t all = 0;
	uint32_t g;

	for (g = 0; w->current != NULL && g < w->current->set->n_groups; g++)
		all |= w->current->set->contexts[g];
	return all;
}

const struct bh_sensor_set *
bh_sensor_worker_set(const struct bh_sensor_worker *w)
{
	return w->current != NULL ? w->current->set : NULL;
}
