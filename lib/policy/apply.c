/* Changes of endpoints, in place: workers see them with their next packet, and no rule is compiled.
 *
 * In three steps: work out what the batch comes to (plan), take all that it needs (prepare; both may
 * fail and leave nothing behind), then do it (commit; cannot fail). */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

/* What a batch comes to for one endpoint. */
struct effect {
	struct bh_place place;
	uint32_t slot;            /* 0: not known before */
	struct bh_label_set *set; /* afterwards; NULL: gone. Holds a reference */
	uint32_t class_;          /* of its labels at its place */
	bool written;             /* by a PUT or PATCH: it is REST's now */
};

struct plan {
	struct bh_policy *p;
	struct effect *effect;
	uint32_t n;
	uint32_t *cell, mask; /* place -> index of effect; BH_NONE = free */
	uint32_t n_new, n_gone;
	bool wide_tenant; /* a new prefix of one tenant: see commit */
	struct bh_slot_batch *batch;
	struct bh_view *view; /* for wide_tenant */
};

static int
change_err(struct bh_err *err, int code, size_t index, const struct bh_prefix *prefix,
	   const char *what)
{
	char text[64];

	bh_prefix_format(prefix, text, sizeof(text));
	return bh_err_set(err, code, "change %zu (%s): %s", index, text, what);
}

static bool
prefix_valid(const struct bh_prefix *p)
{
	struct bh_prefix copy = *p;

	if (p->family != BH_IP4 && p->family != BH_IP6)
		return false;
	return p->len <= (p->family == BH_IP4 ? 32 : 128) && !bh_prefix_mask(copy.addr, p->len);
}

/* The effect on an endpoint: that of an earlier change in the batch, or a new one from how it is now. */
static struct effect *
effect_of(struct plan *plan, const struct bh_place *place)
{
	struct bh_policy *p = plan->p;
	uint32_t i =
		(uint32_t)bh_hash_bytes(&p->params.hash_key, place, sizeof(*place)) & plan->mask;
	struct effect *e;

	for (; plan->cell[i] != BH_NONE; i = (i + 1) & plan->mask) {
		e = &plan->effect[plan->cell[i]];
		if (memcmp(&e->place, place, sizeof(*place)) == 0)
			return e;
	}
	plan->cell[i] = plan->n;
	e = &plan->effect[plan->n++];
	*e = (struct effect){.place = *place, .slot = bh_table_find(p->table, place)};
	if (e->slot != 0) {
		e->set = p->slot[e->slot].set;
		e->set->refs++;
	}
	return e;
}

/* Labels of a PATCH over those of a set. Returns how many, or -EINVAL. */
static int
merge_labels(const struct bh_label_set *set, const struct bh_endpoint *patch, struct bh_label *out,
	     struct bh_err *err)
{
	unsigned n = bh_label_set_labels(set, out), i, k;

	for (i = 0; i < patch->n_labels; i++) {
		const struct bh_label *l = &patch->labels[i];

		for (k = 0; k < n && strcmp(out[k].key, l->key) != 0;)
			k++;
		if (l->value == NULL) {
			if (k < n)
				out[k] = out[--n];
			continue;
		}
		if (k == BH_LABELS_MAX)
			return bh_err_set(err, EINVAL, "more than %u labels", BH_LABELS_MAX);
		out[k] = *l;
		n += k == n;
	}
	return (int)n;
}

static int
plan_write(struct plan *plan, const struct bh_endpoint_change *c, struct effect *e,
	   struct bh_err *err)
{
	struct bh_label merged[BH_LABELS_MAX];
	const struct bh_label *labels = c->endpoint.labels;
	struct bh_label_set *set;
	int n = (int)c->endpoint.n_labels, rc;

	if (c->op == BH_ENDPOINT_PATCH) {
		n = merge_labels(e->set, &c->endpoint, merged, err);
		if (n < 0)
			return n;
		labels = merged;
	}
	rc = bh_label_set_intern(&plan->p->sets, labels, (unsigned)n, &set, err);
	if (rc != 0)
		return rc;
	bh_label_set_put(&plan->p->sets, e->set);
	e->set = set;
	e->written = true;
	return 0;
}

static int
plan_change(struct plan *plan, const struct bh_endpoint_change *c, size_t index, struct bh_err *err)
{
	const struct bh_prefix *prefix = &c->endpoint.prefix;
	struct bh_err e = {0};
	struct bh_place place;
	struct effect *effect;
	int rc;

	if (!prefix_valid(prefix))
		return change_err(err, EINVAL, index, prefix, "not an address or a prefix");
	bh_place_set(&place, prefix, c->endpoint.tenant);
	effect = effect_of(plan, &place);
	if (c->op != BH_ENDPOINT_PUT && effect->set == NULL)
		return change_err(err, ENOENT, index, prefix, "no such endpoint");
	if (c->op == BH_ENDPOINT_DELETE) {
		bh_label_set_put(&plan->p->sets, effect->set);
		effect->set = NULL;
		return 0;
	}
	rc = plan_write(plan, c, effect, &e);
	return rc == 0 ? 0 : change_err(err, -rc, index, prefix, e.what);
}

static int
plan_init(struct plan *plan, size_t n)
{
	for (plan->mask = 15; plan->mask < 2 * n;)
		plan->mask = 2 * plan->mask + 1;
	plan->cell = malloc(((size_t)plan->mask + 1) * sizeof(*plan->cell));
	plan->effect = malloc((n + 1) * sizeof(*plan->effect));
	if (plan->cell == NULL || plan->effect == NULL)
		return -ENOMEM;
	memset(plan->cell, 0xff, ((size_t)plan->mask + 1) * sizeof(*plan->cell));
	return 0;
}

static void
plan_free(struct plan *plan)
{
	uint32_t i;

	for (i = 0; i < plan->n; i++)
		bh_label_set_put(&plan->p->sets, plan->effect[i].set);
	bh_slot_batch_drop(plan->batch);
	free(plan->view);
	free(plan->cell);
	free(plan->effect);
}

/* ---- prepare --------------------------------------------------------------------------------------- */

/* The snapshot has no room for another class: the same rules again, without the classes that nobody is
 * in any more. */
int
bh_model_renew(struct bh_policy *p, struct bh_err *err)
{
	struct bh_modes *modes = NULL;
	struct bh_known *known = NULL;
	struct bh_view *view = NULL;
	struct bh_snapshot *s;
	int rc = bh_snapshot_create(&s, p->doc, &p->params.hash_key, p->n_slots, p->sets.n, err);

	if (rc != 0)
		return rc;
	rc = bh_model_fill(p, s, p->doc, err);
	if (rc == 0)
		rc = bh_model_names(p, s, p->doc);
	if (rc == 0)
		rc = bh_known_build(&known, p, s, p->doc);
	if (rc == 0)
		rc = bh_modes_create(&modes, p, p->doc, s);
	if (rc == 0)
		view = bh_model_view(p, p->table, s, modes);
	if (rc != 0 || view == NULL) {
		bh_known_free(known);
		bh_modes_free(modes);
		bh_snapshot_free(s);
		return rc != 0 ? rc : bh_err_set(err, ENOMEM, "out of memory");
	}
	view->known = known;
	bh_model_publish(p, view);
	bh_model_filled(p);
	return 0;
}

static int
place_effects(struct plan *plan)
{
	struct bh_policy *p = plan->p;
	struct bh_prefix at;
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < plan->n; i++) {
		struct effect *e = &plan->effect[i];

		if (e->set == NULL)
			continue;
		bh_place_prefix(&e->place, &at);
		rc = bh_model_place(p, p->snapshot, p->doc, &at, e->set->class_, &e->class_);
	}
	return rc;
}

static int
prepare_classes(struct plan *plan, struct bh_err *err)
{
	struct bh_policy *p = plan->p;
	uint32_t i;
	int rc;

	for (i = 0; i < plan->n; i++) {
		struct bh_label_set *set = plan->effect[i].set;

		if (set == NULL || set->class_ != BH_NONE)
			continue;
		rc = bh_model_classify(p, p->snapshot, p->doc, set, &set->class_);
		if (rc == -ENOSPC) {
			rc = bh_model_renew(p, err); /* classifies all sets */
			if (rc != 0)
				return rc;
			break;
		}
		if (rc != 0)
			return bh_err_set(err, -rc, "out of memory");
	}
	rc = place_effects(plan);
	if (rc == -ENOSPC) {
		rc = bh_model_renew(p, err);
		if (rc == 0)
			rc = place_effects(plan);
	}
	return rc == 0 ? 0 : bh_err_set(err, -rc, "no room for more sets of segments");
}

static int
prepare_table(struct plan *plan, struct bh_err *err)
{
	struct bh_policy *p = plan->p;
	struct bh_endpoints *table;
	struct bh_view *view;

	if (!bh_table_crowded(p->table, plan->n_new))
		return 0;
	if (bh_table_create(&table, &p->params.hash_key, p->place, p->n_live + plan->n_new) != 0)
		return bh_err_set(err, ENOMEM, "out of memory");
	view = bh_model_view(p, table, p->snapshot, p->modes);
	if (view == NULL) {
		bh_table_free(table);
		return bh_err_set(err, ENOMEM, "out of memory");
	}
	bh_table_copy(table, p->table, NULL);
	bh_model_publish(p, view);
	return 0;
}

static int
prepare(struct plan *plan, struct bh_err *err)
{
	struct bh_policy *p = plan->p;
	uint32_t i;
	int rc;

	for (i = 0; i < plan->n; i++) {
		const struct effect *e = &plan->effect[i];
		bool is_new = e->slot == 0 && e->set != NULL;

		plan->n_new += is_new;
		plan->n_gone += e->slot != 0 && e->set == NULL;
		plan->wide_tenant |= is_new && e->place.tenant != 0 &&
				     e->place.len < (e->place.family == BH_IP4 ? 32 : 128);
	}
	if ((uint64_t)p->n_live + plan->n_new - plan->n_gone > p->params.max_endpoints)
		return bh_err_set(err, ENOSPC,
				  "%u endpoints and %u new ones are more than endpoints.max (%u): "
				  "raise it in the configuration",
				  p->n_live - plan->n_gone, plan->n_new, p->params.max_endpoints);
	if (plan->n_new > bh_slots_available(p))
		return bh_err_set(err, EAGAIN,
				  "endpoints deleted before are still being let go of by the "
				  "workers: try again in a moment");
	rc = prepare_classes(plan, err);
	if (rc == 0)
		rc = prepare_table(plan, err);
	if (rc != 0)
		return rc;
	plan->batch = bh_slot_batch_new(p, plan->n_gone);
	if (plan->wide_tenant)
		plan->view = bh_model_view(p, p->table, p->snapshot, p->modes);
	if (plan->batch == NULL || (plan->wide_tenant && plan->view == NULL))
		return bh_err_set(err, ENOMEM, "out of memory");
	return 0;
}

/* ---- commit ----------------------------------------------------------------------------------------- */

/* Readers are told in this order: class, then place, then generation of the slot that the address resolved
 * to before. See judge.c for the other half. */
static void
commit_new(struct bh_policy *p, struct effect *e, uint64_t now)
{
	uint32_t slot = bh_slot_take(p), before = bh_table_cover(p->table, &e->place);

	p->place[slot] = e->place;
	p->slot[slot] = (struct bh_slot){.set = e->set, .since_ns = now, .source = BH_SOURCE_REST};
	e->set->refs++;
	__atomic_store_n(&p->snapshot->slot_class[slot], e->class_, __ATOMIC_RELEASE);
	bh_table_insert(p->table, slot);
	bh_slot_bump(p, before);
	bh_order_insert(&p->order, slot);
	p->n_live++;
}

static void
commit_gone(struct plan *plan, struct effect *e)
{
	struct bh_policy *p = plan->p;

	bh_table_remove(p->table, e->slot);
	bh_slot_bump(p, e->slot);
	bh_order_remove(&p->order, e->slot);
	bh_label_set_put(&p->sets, p->slot[e->slot].set);
	p->slot[e->slot].set = NULL;
	p->n_live--;
	plan->batch->slot[plan->batch->n++] = e->slot;
}

static void
commit_labels(struct bh_policy *p, struct effect *e, uint64_t now)
{
	struct bh_slot *s = &p->slot[e->slot];

	/* The same segments by other labels: no answer changes, no flow needs to be judged anew. */
	if (p->snapshot->slot_class[e->slot] != e->class_) {
		__atomic_store_n(&p->snapshot->slot_class[e->slot], e->class_, __ATOMIC_RELEASE);
		bh_slot_bump(p, e->slot);
	}
	bh_label_set_put(&p->sets, s->set);
	s->set = e->set;
	s->set->refs++;
	s->since_ns = now;
}

/* Was anything changed? */
static bool
commit_one(struct plan *plan, struct effect *e, uint64_t now)
{
	struct bh_policy *p = plan->p;

	if (e->set == NULL) {
		if (e->slot != 0)
			commit_gone(plan, e);
		return e->slot != 0;
	}
	if (e->slot == 0) {
		commit_new(p, e, now);
		return true;
	}
	if (e->written)
		p->slot[e->slot].source = BH_SOURCE_REST;
	if (e->set == p->slot[e->slot].set)
		return false;
	commit_labels(p, e, now);
	return true;
}

static uint32_t
commit(struct plan *plan)
{
	struct bh_policy *p = plan->p;
	uint64_t now = bh_clock_system.wall_ns(NULL);
	uint32_t i, changed = 0;

	for (i = 0; i < plan->n; i++)
		changed += commit_one(plan, &plan->effect[i], now);
	/* Addresses inside a new prefix of one tenant may have resolved to many endpoints of a wider
	 * tenant: only the epoch reaches all of them. */
	if (plan->view != NULL)
		bh_model_publish(p, plan->view);
	plan->view = NULL;
	bh_slot_batch_retire(p, plan->batch);
	plan->batch = NULL;
	return changed;
}

int
bh_policy_endpoints_apply(struct bh_policy *p, const struct bh_endpoint_change *change, size_t n,
			  uint32_t *changed, struct bh_err *err)
{
	struct plan plan = {.p = p};
	uint32_t count;
	size_t i;
	int rc;

	if (n > 1u << 26)
		return bh_err_set(err, EINVAL, "more than 64 Mi changes in one batch");
	pthread_mutex_lock(&p->lock);
	rc = plan_init(&plan, n) != 0 ? bh_err_set(err, ENOMEM, "out of memory") : 0;
	for (i = 0; rc == 0 && i < n; i++)
		rc = plan_change(&plan, &change[i], i, err);
	if (rc == 0)
		rc = prepare(&plan, err);
	if (rc == 0) {
		count = commit(&plan);
		if (changed != NULL)
			*changed = count;
	}
	plan_free(&plan);
	pthread_mutex_unlock(&p->lock);
	if (rc == 0)
		bh_model_settle(p);
	return rc;
}
