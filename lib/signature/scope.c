/* Attachments and exceptions over the segments of a policy: what is done about a hit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "signature_priv.h"

/* Sorted; n = 0: all. */
struct ids {
	uint32_t *id;
	size_t n;
};

struct where {
	const struct bh_signature_where *as;
	const struct bh_sensor_rule **rule; /* sorted by address; n_rules = 0: all */
	size_t n_rules;
	struct ids segments, peers;
};

struct bh_signature_scope {
	struct bh_arena arena;
	struct where *attachment, *exception;
	size_t n_attachments, n_exceptions;
};

/* One creation. */
struct making {
	struct bh_signature_scope *scope;
	const struct bh_signatures *s;
	const struct bh_sensor_model *model;
	const struct bh_signature_segment *segment;
	struct bh_err *err;
};

static int
by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int
by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (const struct bh_sensor_rule *const *)a,
		  y = (uintptr_t) * (const struct bh_sensor_rule *const *)b;

	return x < y ? -1 : x > y;
}

static int
make_ids(struct making *m, const struct bh_signature_where *w,
	 const struct bh_signature_names *names, struct ids *out)
{
	size_t i;

	for (i = 0; i < names->n; i++) {
		uint32_t id;

		if (!m->segment->find(m->segment->arg, names->name[i], &id)) {
			if (m->err != NULL && m->err->what[0] == '\0') {
				snprintf(m->err->file, sizeof(m->err->file), "%s",
					 m->s->report.file[w->file].name);
				m->err->line = w->line;
				m->err->column = w->column;
			}
			return bh_err_set(m->err, EINVAL,
					  "no segment of the policy is called '%.100s'",
					  names->name[i]);
		}
		if (bh_sig_push(&m->scope->arena, &out->id, &out->n, &id, sizeof(id)) != 0)
			return bh_err_set(m->err, ENOMEM, "out of memory");
	}
	if (out->n != 0)
		qsort(out->id, out->n, sizeof(*out->id), by_id);
	return 0;
}

/* Rules of these names, in the sensor or, where none is named, in any. */
static int
make_rules(struct making *m, const struct bh_signature_where *w, struct where *out)
{
	const struct bh_sensor *sensor;
	const struct bh_sensor_rule *r;
	size_t i;

	if (w->rules.n == 0)
		return 0;
	for (sensor = m->model->sensors; sensor != NULL; sensor = sensor->next) {
		if (w->found != NULL && w->found != sensor)
			continue;
		for (r = sensor->rules; r != NULL; r = r->next) {
			for (i = 0; i < w->rules.n && strcmp(w->rules.name[i], r->name) != 0; i++)
				;
			if (i < w->rules.n && bh_sig_push(&m->scope->arena, &out->rule,
							  &out->n_rules, &r, sizeof(r)) != 0)
				return bh_err_set(m->err, ENOMEM, "out of memory");
		}
	}
	if (out->n_rules != 0)
		qsort(out->rule, out->n_rules, sizeof(*out->rule), by_address);
	return 0;
}

static int
make_all(struct making *m, const struct bh_signature_where *w, size_t n, struct where **out)
{
	size_t i;
	int rc = 0;

	*out = bh_arena_alloc(&m->scope->arena, n * sizeof(**out));
	if (*out == NULL)
		return bh_err_set(m->err, ENOMEM, "out of memory");
	for (i = 0; rc == 0 && i < n; i++) {
		struct where *to = &(*out)[i];

		to->as = &w[i];
		rc = make_ids(m, &w[i], &w[i].segments, &to->segments);
		if (rc == 0)
			rc = make_ids(m, &w[i], &w[i].peers, &to->peers);
		if (rc == 0)
			rc = make_rules(m, &w[i], to);
	}
	return rc;
}

int
bh_signature_scope_create(struct bh_signature_scope **out, const struct bh_signatures *s,
			  const struct bh_sensor_model *model,
			  const struct bh_signature_segment *segment, struct bh_err *err)
{
	struct bh_signature_scope *scope = calloc(1, sizeof(*scope));
	struct making m = {scope, s, model, segment, err};
	int rc;

	if (scope == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	scope->n_attachments = s->n_attachments;
	scope->n_exceptions = s->n_exceptions;
	rc = make_all(&m, s->attachment, s->n_attachments, &scope->attachment);
	if (rc == 0)
		rc = make_all(&m, s->exception, s->n_exceptions, &scope->exception);
	if (rc != 0) {
		bh_signature_scope_destroy(scope);
		return rc;
	}
	*out = scope;
	return 0;
}

void
bh_signature_scope_destroy(struct bh_signature_scope *scope)
{
	if (scope == NULL)
		return;
	bh_arena_free(&scope->arena);
	free(scope);
}

/* ---- judging ---------------------------------------------------------------------------------------- */

static bool
meet(const struct ids *a, const struct bh_signature_segments *b)
{
	size_t i = 0, k = 0;

	if (a->n == 0)
		return true;
	while (i < a->n && k < b->n) {
		if (a->id[i] == b->id[k])
			return true;
		if (a->id[i] < b->id[k])
			i++;
		else
			k++;
	}
	return false;
}

static bool
ends_in(const struct where *w, const struct bh_signature_pair *pair)
{
	return (w->as->side != BH_SIGNATURE_CLIENT && meet(&w->segments, &pair->server) &&
		meet(&w->peers, &pair->client)) ||
	       (w->as->side != BH_SIGNATURE_SERVER && meet(&w->segments, &pair->client) &&
		meet(&w->peers, &pair->server));
}

/* Is it about this rule, or, where that is NULL, this built-in class? */
static bool
is_about(const struct where *w, const struct bh_sensor_rule *rule, unsigned class)
{
	size_t low = 0, high = w->n_rules, mid;

	if (w->as->sensor == NULL && w->as->rules.n == 0)
		return true;
	if (rule == NULL)
		return w->as->class != BH_SIG_NO_CLASS && w->as->class == class;
	if (w->as->rules.n == 0)
		return w->as->found == rule->sensor;
	while (low < high) {
		mid = (low + high) / 2;
		if (w->rule[mid] == rule)
			return true;
		if ((uintptr_t)w->rule[mid] < (uintptr_t)rule)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

enum bh_sensor_action
bh_signature_action(const struct bh_signature_scope *scope, const struct bh_sensor_rule *rule,
		    unsigned class, const struct bh_signature_pair *pair)
{
	const struct where *w = scope->exception;
	size_t i;

	for (i = 0; i < scope->n_exceptions; i++) {
		if (is_about(&w[i], rule, class) && ends_in(&w[i], pair))
			return BH_SENSOR_DEFAULT;
	}
	for (i = 0, w = scope->attachment; i < scope->n_attachments; i++) {
		if (!is_about(&w[i], rule, class) || !ends_in(&w[i], pair))
			continue;
		if (rule != NULL && rule->action != BH_SENSOR_DEFAULT)
			return (enum bh_sensor_action)rule->action;
		return (enum bh_sensor_action)w[i].as->action;
	}
	return BH_SENSOR_DEFAULT;
}

bool
bh_signature_attached(const struct bh_signature_scope *scope, const struct bh_signature_pair *pair)
{
	size_t i;

	for (i = 0; i < scope->n_attachments; i++) {
		if (ends_in(&scope->attachment[i], pair))
			return true;
	}
	return false;
}
