/* What each rule decided, by its name id: an array of each worker's own, summed when somebody asks. */
#include <errno.h>

#include "gateway_priv.h"

/* Behind the ids: what no rule decided, and ids that are too high for a slot of their own. */
#define SLOT_NONE BH_RULE_SLOTS
#define SLOT_BEYOND (BH_RULE_SLOTS + 1)
#define SLOTS (BH_RULE_SLOTS + 2)

static uint32_t
slot_of(uint32_t rule)
{
	if (likely(rule < BH_RULE_SLOTS))
		return rule;
	return rule == BH_NO_RULE ? SLOT_NONE : SLOT_BEYOND;
}

int
bh_rule_use_create(struct bh_worker *w)
{
	w->rule_use = bh_mem_map(SLOTS * sizeof(*w->rule_use), true, NULL);
	return w->rule_use != NULL ? 0 : -ENOMEM;
}

void
bh_rule_use_destroy(struct bh_worker *w)
{
	if (w->rule_use != NULL)
		bh_mem_unmap(w->rule_use, SLOTS * sizeof(*w->rule_use));
}

void
bh_rule_decided(struct bh_worker *w, uint32_t rule)
{
	struct bh_rule_use *u = &w->rule_use[slot_of(rule)];

	bh_count(&u->hits, 1);
	if (w->wall_ns > u->last_ns)
		bh_count(&u->last_ns, w->wall_ns - u->last_ns);
}

void
bh_rule_ended(struct bh_worker *w, const struct bh_flow *f)
{
	struct bh_rule_use *u = &w->rule_use[slot_of(f->rule)];
	uint64_t last = w->wall_ns - (uint64_t)(w->now_ms - f->last_ms) * BH_NS_PER_MS;

	bh_count(&u->packets, (uint64_t)f->packets[0] + f->packets[1]);
	bh_count(&u->bytes, f->bytes[0] + f->bytes[1]);
	/* A clock that was set back since would make it a time to come. */
	if (last > u->last_ns && last <= w->wall_ns)
		bh_count(&u->last_ns, last - u->last_ns);
}

bool
bh_gateway_rule_use(struct bh_gateway *g, uint32_t rule, struct bh_rule_use *out)
{
	uint32_t slot = slot_of(rule);
	unsigned i;

	*out = (struct bh_rule_use){0};
	for (i = 0; i < g->n_workers; i++) {
		const struct bh_rule_use *u = &g->worker[i]->rule_use[slot];
		uint64_t last = __atomic_load_n(&u->last_ns, __ATOMIC_RELAXED);

		out->hits += __atomic_load_n(&u->hits, __ATOMIC_RELAXED);
		out->packets += __atomic_load_n(&u->packets, __ATOMIC_RELAXED);
		out->bytes += __atomic_load_n(&u->bytes, __ATOMIC_RELAXED);
		if (last > out->last_ns)
			out->last_ns = last;
	}
	return slot != SLOT_BEYOND;
}
