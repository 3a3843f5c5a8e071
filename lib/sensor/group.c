/* Which databases a set has: one a context, and, where enough patterns are about one application, one a context and
 * application, so that a connection's bytes only meet patterns that could be meant. */
#include <errno.h>
#include <stdlib.h>

#include "sensor_priv.h"

/* A database of its own is worth while for an application when an eighth of the patterns name one: below, the others dominate
 * what scanning costs, and each database repeats them. */
#define WORTH 8

/* Contexts that only one application has need no groups. */
#define OF_ANY                                                                                     \
	(BH_SENSOR_CONTEXT_BIT(BH_SENSOR_PACKET) | BH_SENSOR_CONTEXT_BIT(BH_SENSOR_URL) |          \
	 BH_SENSOR_CONTEXT_BIT(BH_SENSOR_HEADER) | BH_SENSOR_CONTEXT_BIT(BH_SENSOR_BODY) |         \
	 BH_SENSOR_CONTEXT_BIT(BH_SENSOR_FILE_DATA))

/* Is the expression for connections of `app` (UNKNOWN: for all)? */
static bool
is_for(const struct bh_sensor_set *set, const struct bh_sensor_expr *e, unsigned app)
{
	uint32_t i;

	for (i = 0; i < e->n_units; i++) {
		const struct bh_sensor_judged *j = &set->rule[set->unit[e->unit + i].rule];

		if (j->rule->app == BH_APP_UNKNOWN ||
		    (app != BH_APP_UNKNOWN && bh_app_is(app, j->rule->app)))
			return true;
	}
	return false;
}

static void
add_group(struct bh_sensor_set *set, unsigned app)
{
	uint32_t g;

	for (g = 1; g < set->n_groups; g++)
		if (set->group_app[g] == app)
			return;
	if (app != BH_APP_UNKNOWN && set->n_groups < BH_SENSOR_GROUPS)
		set->group_app[set->n_groups++] = (uint16_t)app;
}

unsigned
bh_sensor_group_of(const struct bh_sensor_set *set, unsigned app)
{
	unsigned up;
	uint32_t g;

	for (up = app; up != BH_APP_UNKNOWN; up = bh_app_parent(up))
		for (g = 1; g < set->n_groups; g++)
			if (set->group_app[g] == up ||
			    bh_app_find(bh_app_name(up)) == set->group_app[g])
				return g;
	return 0;
}

/* Expressions of one context, [from, to) of the set's. */
struct range {
	uint32_t from, to;
	uint8_t context;
	bool split;
};

static int
add_db(struct bh_sensor_set *set, const struct range *r, unsigned group)
{
	struct bh_sensor_db *db = &set->db[set->n_dbs];
	uint32_t i;

	*db = (struct bh_sensor_db){.context = r->context};
	db->expr = bh_sensor_take(set->model, (r->to - r->from + 1) * sizeof(*db->expr));
	if (db->expr == NULL)
		return -ENOMEM;
	for (i = r->from; i < r->to; i++)
		if (!r->split || is_for(set, &set->expr[i], set->group_app[group]))
			db->expr[db->n++] = &set->expr[i];
	/* What is for all is in each: as many are the same. */
	if (group != 0 && set->db[set->db_of[0][r->context]].n == db->n) {
		set->db_of[group][r->context] = set->db_of[0][r->context];
		return 0;
	}
	set->db_of[group][r->context] = (uint16_t)set->n_dbs++;
	return 0;
}

static bool
is_worth(const struct bh_sensor_set *set, const struct range *r)
{
	uint32_t i, n = 0;

	if (!(OF_ANY & BH_SENSOR_CONTEXT_BIT(r->context)))
		return false;
	for (i = r->from; i < r->to; i++)
		n += !is_for(set, &set->expr[i], BH_APP_UNKNOWN);
	return n * WORTH > r->to - r->from;
}

static struct range
range_of(const struct bh_sensor_set *set, unsigned context)
{
	struct range r = {.context = (uint8_t)context};

	while (r.from < set->n_exprs && set->expr[r.from].context < context)
		r.from++;
	for (r.to = r.from; r.to < set->n_exprs && set->expr[r.to].context == context; r.to++)
		;
	r.split = is_worth(set, &r);
	return r;
}

/* Applications that are named where it is worth while. Beyond the groups there are, none is told apart. */
static void
find_groups(struct bh_sensor_set *set)
{
	unsigned c;
	uint32_t i, k;

	set->n_groups = 1;
	for (c = 0; c < BH_SENSOR_CONTEXTS; c++) {
		struct range r = range_of(set, c);

		for (i = r.from; r.split && i < r.to; i++)
			for (k = 0; k < set->expr[i].n_units; k++)
				add_group(set, set->rule[set->unit[set->expr[i].unit + k].rule]
						       .rule->app);
	}
	if (set->n_groups == BH_SENSOR_GROUPS)
		set->n_groups = 1;
}

static int
add_sizes(struct bh_sensor_set *set)
{
	uint32_t i, k, n = 0;

	for (i = 0; i < set->n_units; i++)
		n += set->unit[i].expr == NULL;
	for (k = 0; k < set->n_dbs && n != 0; k++) {
		struct bh_sensor_db *db = &set->db[k];

		db->size = bh_sensor_take(set->model, n * sizeof(*db->size));
		if (db->size == NULL)
			return -ENOMEM;
		for (i = 0; i < set->n_units; i++)
			if (set->unit[i].expr == NULL && set->unit[i].context == db->context)
				db->size[db->n_size++] = &set->unit[i];
	}
	return 0;
}

int
bh_sensor_group(struct bh_sensor_set *set, struct bh_err *err)
{
	uint64_t contexts = 0;
	unsigned c, g;
	uint32_t i;

	set->db = bh_sensor_take(set->model,
				 (size_t)BH_SENSOR_GROUPS * BH_SENSOR_CONTEXTS * sizeof(*set->db));
	if (set->db == NULL)
		return bh_err_set(err, ENOMEM, "no memory for the sensors");
	memset(set->db_of, 0xff, sizeof(set->db_of));
	for (i = 0; i < set->n_units; i++)
		contexts |= BH_SENSOR_CONTEXT_BIT(set->unit[i].context);
	find_groups(set);
	for (c = 0; c < BH_SENSOR_CONTEXTS; c++) {
		struct range r = range_of(set, c);

		if (!(contexts & BH_SENSOR_CONTEXT_BIT(c)))
			continue;
		r.split = r.split && set->n_groups > 1;
		for (g = 0; g < set->n_groups; g++)
			if (add_db(set, &r, g) != 0)
				return bh_err_set(err, ENOMEM, "no memory for the sensors");
	}
	if (add_sizes(set) != 0)
		return bh_err_set(err, ENOMEM, "no memory for the sensors");
	for (g = 0; g < set->n_groups; g++)
		for (c = 0; c < BH_SENSOR_CONTEXTS; c++)
			if (set->db_of[g][c] != BH_SENSOR_NO_DB &&
			    set->db[set->db_of[g][c]].n + set->db[set->db_of[g][c]].n_size != 0)
				set->contexts[g] |= BH_SENSOR_CONTEXT_BIT(c);
	return 0;
}
