/* What rules have decided: workers count by rule id since they began, the store keeps it by id and content, and this adds
 * up. Where a rule has another content than before, its figures begin anew. */
#include <errno.h>
#include <stdlib.h>

#include "daemon.h"

#define SAVE_NS (20 * BH_NS_PER_SEC)

/* One rule id, by its name id. */
struct use {
	char *rule; /* NULL: no rule has this id now */
	uint64_t body;
	struct bh_store_use
		kept;            /* in the store, of rule and body; rule, body of it are not used */
	struct bh_rule_use seen; /* of the workers, when it was taken over into fresh */
	struct bh_store_use fresh; /* not in the store yet */
	uint64_t since_ns;         /* wall: it is in force; 0: not known yet */
};

struct bh_usage {
	pthread_mutex_t lock;
	struct use *use; /* [n], by name id */
	uint32_t n;
	uint32_t revision; /* that the ids are of */
	bool resumed;      /* rules were bound once: the next ones are new */
	uint64_t save_ns;  /* mono: when next */
};

/* ---- the rules in force --------------------------------------------------------------------------------- */

struct bound {
	uint32_t name_id;
	char *rule;
	uint64_t body;
};

struct bounds {
	struct bound *item;
	size_t n, room;
	bool failed;
};

static bool
bound_add(void *arg, const struct bh_rule_info *r)
{
	struct bounds *b = arg;
	void *grown;

	if (b->n == b->room) {
		b->room = b->room != 0 ? 2 * b->room : 256;
		grown = realloc(b->item, b->room * sizeof(*b->item));
		if (grown == NULL) {
			b->failed = true;
			return false;
		}
		b->item = grown;
	}
	b->item[b->n] = (struct bound){.name_id = r->name_id,
				       .rule = strdup(r->id),
				       .body = bh_rule_body(r)};
	b->failed = b->item[b->n].rule == NULL;
	b->n += !b->failed;
	return !b->failed;
}

/* ---- adding up: with the lock held ---------------------------------------------------------------------- */

static void
take(struct bh_daemon *d, uint32_t name_id)
{
	struct use *u = &d->usage->use[name_id];
	uint64_t first = bh_clock_system.wall_ns(NULL);
	struct bh_rule_use now;

	if (u->rule == NULL || !bh_gateway_rule_use(d->gateway, name_id, &now) ||
	    (now.hits == u->seen.hits && now.last_ns == u->seen.last_ns))
		return;
	if (u->fresh.last_ns == 0)
		u->fresh.first_ns = now.last_ns != 0 ? now.last_ns : first;
	u->fresh.hits += now.hits - u->seen.hits;
	u->fresh.packets += now.packets - u->seen.packets;
	u->fresh.bytes += now.bytes - u->seen.bytes;
	if (now.last_ns > u->fresh.last_ns)
		u->fresh.last_ns = now.last_ns;
	u->seen = now;
}

/* All that is fresh goes into the store; what can't stays. */
static int
save(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_usage *g = d->usage;
	struct bh_store_use *list;
	uint32_t i;
	size_t n = 0;
	int rc;

	for (i = 0; i < g->n; i++)
		n += g->use[i].rule != NULL && g->use[i].fresh.last_ns != 0;
	if (n == 0 || d->store == NULL)
		return 0;
	list = calloc(n, sizeof(*list));
	if (list == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	for (i = 0, n = 0; i < g->n; i++) {
		if (g->use[i].rule == NULL || g->use[i].fresh.last_ns == 0)
			continue;
		list[n] = g->use[i].fresh;
		list[n].rule = g->use[i].rule;
		list[n++].body = g->use[i].body;
	}
	rc = bh_store_uses_add(d->store, list, n, err);
	free(list);
	return rc;
}

static void
add_kept(struct bh_store_use *to, const struct bh_store_use *u)
{
	if (u->last_ns == 0)
		return;
	if (to->last_ns == 0 || u->first_ns < to->first_ns)
		to->first_ns = u->first_ns;
	to->hits += u->hits;
	to->packets += u->packets;
	to->bytes += u->bytes;
	if (u->last_ns > to->last_ns)
		to->last_ns = u->last_ns;
}

static void
take_all(struct bh_daemon *d)
{
	struct bh_usage *g = d->usage;
	struct bh_err err = {0};
	uint32_t i;

	for (i = 0; i < g->n; i++)
		take(d, i);
	if (save(d, &err) != 0) {
		bh_log(BH_LOG_ERROR, "what rules decided is not saved, trying again: %s", err.what);
		return;
	}
	for (i = 0; i < g->n; i++) {
		add_kept(&g->use[i].kept, &g->use[i].fresh);
		g->use[i].fresh = (struct bh_store_use){0};
	}
}

static int
grow(struct bh_usage *g, uint32_t n)
{
	struct use *grown;

	if (n <= g->n)
		return 0;
	grown = realloc(g->use, n * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	memset(grown + g->n, 0, (n - g->n) * sizeof(*grown));
	g->use = grown;
	g->n = n;
	return 0;
}

/* An id has another content, or one again. */
static void
bind_one(struct bh_daemon *d, struct bound *b)
{
	struct use *u = &d->usage->use[b->name_id];

	if (u->rule != NULL && u->body == b->body)
		return;
	free(u->rule);
	*u = (struct use){.rule = b->rule, .body = b->body};
	b->rule = NULL;
	bh_gateway_rule_use(d->gateway, b->name_id, &u->seen);
	if (d->store != NULL) {
		u->kept.rule = u->rule;
		u->kept.body = u->body;
		if (bh_store_use_get(d->store, &u->kept, NULL) != 0)
			u->kept = (struct bh_store_use){0};
	}
}

/* Since when the rules that were bound just now are in force: with the gateway's first policy, as long as before it was
 * started. Without a store, since now. */
static void
date(struct bh_daemon *d)
{
	struct bh_usage *g = d->usage;
	uint64_t now = bh_clock_system.wall_ns(NULL);
	struct bh_store_use *list = calloc((size_t)g->n + 1, sizeof(*list));
	struct bh_err err = {0};
	uint32_t i;
	size_t n = 0, k = 0;

	for (i = 0; list != NULL && i < g->n; i++) {
		if (g->use[i].rule != NULL && g->use[i].since_ns == 0)
			list[n++] = (struct bh_store_use){.rule = g->use[i].rule,
							  .body = g->use[i].body,
							  .since_ns = now};
	}
	if (d->store != NULL &&
	    (list == NULL || bh_store_uses_since(d->store, list, n, !g->resumed, &err) != 0))
		bh_log(BH_LOG_ERROR, "since when rules are in force is not saved: %s",
		       list != NULL ? err.what : "out of memory");
	for (i = 0; i < g->n; i++) {
		if (g->use[i].rule != NULL && g->use[i].since_ns == 0)
			g->use[i].since_ns = list != NULL ? list[k++].since_ns : now;
	}
	g->resumed = true;
	free(list);
}

static void
forget_gone(struct bh_usage *g, const struct bounds *b)
{
	bool *there = calloc(g->n + 1, sizeof(*there));
	uint32_t i;
	size_t k;

	for (k = 0; there != NULL && k < b->n; k++)
		there[b->item[k].name_id] = true;
	for (i = 0; there != NULL && i < g->n; i++) {
		if (there[i])
			continue;
		free(g->use[i].rule);
		g->use[i] = (struct use){0};
	}
	free(there);
}

/* ---- for others ---------------------------------------------------------------------------------------- */

int
bh_daemon_usage_open(struct bh_daemon *d)
{
	d->usage = calloc(1, sizeof(*d->usage));
	if (d->usage == NULL)
		return -ENOMEM;
	pthread_mutex_init(&d->usage->lock, NULL);
	bh_daemon_usage_bind(d);
	return 0;
}

void
bh_daemon_usage_take(struct bh_daemon *d)
{
	if (d->usage == NULL)
		return;
	pthread_mutex_lock(&d->usage->lock);
	take_all(d);
	pthread_mutex_unlock(&d->usage->lock);
}

void
bh_daemon_usage_bind(struct bh_daemon *d)
{
	struct bh_usage *g = d->usage;
	struct bounds b = {0};
	uint32_t revision;
	size_t i;

	if (g == NULL)
		return;
	/* The policy's own lock is not held while the disk is asked. */
	revision = bh_policy_revision(d->policy);
	bh_policy_rules_each(d->policy, bound_add, &b);
	pthread_mutex_lock(&g->lock);
	for (i = 0; !b.failed && i < b.n; i++)
		b.failed = grow(g, b.item[i].name_id + 1) != 0;
	for (i = 0; !b.failed && i < b.n; i++)
		bind_one(d, &b.item[i]);
	if (!b.failed)
		forget_gone(g, &b);
	if (!b.failed)
		date(d);
	g->revision = revision;
	pthread_mutex_unlock(&g->lock);
	if (b.failed)
		bh_log(BH_LOG_ERROR, "what rules decide is not counted: out of memory");
	for (i = 0; i < b.n; i++)
		free(b.item[i].rule);
	free(b.item);
}

void
bh_daemon_usage_tick(struct bh_daemon *d, uint64_t mono_ns)
{
	struct bh_usage *g = d->usage;

	if (g == NULL)
		return;
	if (g->revision != bh_policy_revision(d->policy)) {
		bh_daemon_usage_take(d);
		bh_daemon_usage_bind(d);
	}
	if (mono_ns < g->save_ns)
		return;
	g->save_ns = mono_ns + SAVE_NS;
	bh_daemon_usage_take(d);
}

bool
bh_daemon_rule_use(void *arg, uint32_t name_id, struct bh_api_use *out)
{
	struct bh_daemon *d = arg;
	struct bh_usage *g = d->usage;
	struct bh_store_use sum;
	struct bh_rule_use none;
	bool known = false;

	*out = (struct bh_api_use){0};
	if (g == NULL)
		return false;
	if (name_id == BH_NO_RULE) {
		known = bh_gateway_rule_use(d->gateway, name_id, &none);
		*out = (struct bh_api_use){.hits = none.hits,
					   .packets = none.packets,
					   .bytes = none.bytes,
					   .last_ns = none.last_ns};
		return known;
	}
	pthread_mutex_lock(&g->lock);
	if (name_id < g->n && name_id < BH_RULE_SLOTS && g->use[name_id].rule != NULL) {
		take(d, name_id);
		sum = g->use[name_id].kept;
		add_kept(&sum, &g->use[name_id].fresh);
		*out = (struct bh_api_use){.hits = sum.hits,
					   .packets = sum.packets,
					   .bytes = sum.bytes,
					   .first_ns = sum.first_ns,
					   .last_ns = sum.last_ns,
					   .since_ns = g->use[name_id].since_ns};
		known = true;
	}
	pthread_mutex_unlock(&g->lock);
	return known;
}

void
bh_daemon_usage_close(struct bh_daemon *d)
{
	struct bh_usage *g = d->usage;
	uint32_t i;

	if (g == NULL)
		return;
	bh_daemon_usage_take(d);
	d->usage = NULL;
	for (i = 0; i < g->n; i++)
		free(g->use[i].rule);
	free(g->use);
	pthread_mutex_destroy(&g->lock);
	free(g);
}
