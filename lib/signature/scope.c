/* Attachments and exceptions over the segments of a policy: what is done about a hit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

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
	struct ids segments, peers, allowed_by;
	uint64_t paths; /* of an exception, as bits of scope.path; 0: any */
};

struct bh_signature_scope {
	struct bh_arena arena;
	struct where *attachment, *exception;
	size_t n_attachments, n_exceptions;
	const char *path[BH_SIGNATURE_PATHS];
	unsigned n_paths;
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

/* The error is about this one. */
static void
point(const struct making *m, const struct bh_signature_where *w)
{
	if (m->err == NULL || m->err->what[0] != '\0')
		return;
	snprintf(m->err->file, sizeof(m->err->file), "%s", m->s->report.file[w->file].name);
	m->err->line = w->line;
	m->err->column = w->column;
}

typedef bool (*find_fn)(void *arg, const char *name, uint32_t *id);

static int
make_ids(struct making *m, const struct bh_signature_where *w,
	 const struct bh_signature_names *names, find_fn find, struct ids *out)
{
	size_t i;

	for (i = 0; i < names->n; i++) {
		uint32_t id;

		if (find == NULL || !find(m->segment->arg, names->name[i], &id)) {
			point(m, w);
			return bh_err_set(m->err, EINVAL, "no %s of the policy is called '%.100s'",
					  names == &w->allowed_by ? "rule" : "segment",
					  names->name[i]);
		}
		if (bh_arena_push(&m->scope->arena, &out->id, &out->n, &id, sizeof(id)) != 0)
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
			if (i < w->rules.n && bh_arena_push(&m->scope->arena, &out->rule,
							    &out->n_rules, &r, sizeof(r)) != 0)
				return bh_err_set(m->err, ENOMEM, "out of memory");
		}
	}
	if (out->n_rules != 0)
		qsort(out->rule, out->n_rules, sizeof(*out->rule), by_address);
	return 0;
}

static int
make_paths(struct making *m, const struct bh_signature_where *w, struct where *out)
{
	struct bh_signature_scope *scope = m->scope;
	size_t i;
	unsigned k;

	for (i = 0; i < w->paths.n; i++) {
		for (k = 0; k < scope->n_paths && strcmp(scope->path[k], w->paths.name[i]) != 0;
		     k++)
			;
		if (k == BH_SIGNATURE_PATHS) {
			point(m, w);
			return bh_err_set(m->err, EINVAL,
					  "exceptions name more than %u different paths: join "
					  "some with '*'",
					  BH_SIGNATURE_PATHS);
		}
		scope->path[k] = w->paths.name[i];
		scope->n_paths += k == scope->n_paths;
		out->paths |= UINT64_C(1) << k;
	}
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
		rc = make_ids(m, &w[i], &w[i].segments, m->segment->find, &to->segments);
		if (rc == 0)
			rc = make_ids(m, &w[i], &w[i].peers, m->segment->find, &to->peers);
		if (rc == 0)
			rc = make_ids(m, &w[i], &w[i].allowed_by, m->segment->find_rule,
				      &to->allowed_by);
		if (rc == 0)
			rc = make_rules(m, &w[i], to);
		if (rc == 0)
			rc = make_paths(m, &w[i], to);
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
holds(const struct where *w, const struct bh_signature_pair *pair)
{
	if (!meet(&w->allowed_by, &(struct bh_signature_segments){&pair->allowed_by, 1}))
		return false;
	return (w->as->side != BH_SIGNATURE_CLIENT && meet(&w->segments, &pair->server) &&
		meet(&w->peers, &pair->client)) ||
	       (w->as->side != BH_SIGNATURE_SERVER && meet(&w->segments, &pair->client) &&
		meet(&w->peers, &pair->server));
}

static bool
is_about(const struct where *w, const struct bh_signature_hit *hit)
{
	const struct bh_sensor_rule *rule = hit->rule;
	size_t low = 0, high = w->n_rules, mid;

	if (w->as->sensor == NULL && w->as->rules.n == 0)
		return true;
	if (rule == NULL)
		return w->as->class != BH_SIG_NO_CLASS && w->as->class == hit->class_;
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

/* A place alone ("header") is all of its kind. */
static bool
is_there(const struct where *w, const char *where)
{
	const struct bh_signature_names *names = &w->as->where;
	size_t i, n;

	for (i = 0; where != NULL && i < names->n; i++) {
		n = strlen(names->name[i]);
		if (strcasecmp(names->name[i], where) == 0 ||
		    (strchr(names->name[i], ' ') == NULL &&
		     strncmp(names->name[i], where, n) == 0 && where[n] == ' '))
			return true;
	}
	return names->n == 0;
}

bool
bh_signature_excepted(const struct bh_signature_scope *scope, const struct bh_signature_hit *hit,
		      const struct bh_signature_pair *pair)
{
	const struct where *w = scope->exception, *end = w + scope->n_exceptions;

	for (; w < end; w++) {
		if (is_about(w, hit) && (w->paths == 0 || (w->paths & hit->paths) != 0) &&
		    is_there(w, hit->where) && holds(w, pair))
			return true;
	}
	return false;
}

enum bh_sensor_action
bh_signature_action(const struct bh_signature_scope *scope, const struct bh_signature_hit *hit,
		    const struct bh_signature_pair *pair)
{
	const struct where *w = scope->attachment, *end = w + scope->n_attachments;

	if (bh_signature_excepted(scope, hit, pair))
		return BH_SENSOR_DEFAULT;
	for (; w < end; w++) {
		if (!is_about(w, hit) || !holds(w, pair))
			continue;
		if (hit->rule != NULL && hit->rule->action != BH_SENSOR_DEFAULT)
			return (enum bh_sensor_action)hit->rule->action;
		return (enum bh_sensor_action)w->as->action;
	}
	return BH_SENSOR_DEFAULT;
}

/* Built-in classes that it is about: a name of rules is none of theirs. */
static uint64_t
classes_of(const struct where *w, uint64_t any)
{
	if (w->as->sensor == NULL)
		return w->as->rules.n == 0 ? any : 0;
	return w->as->class != BH_SIG_NO_CLASS ? UINT64_C(1) << w->as->class : 0;
}

void
bh_signature_plan(const struct bh_signature_scope *scope, const struct bh_signature_pair *pair,
		  const struct bh_signature_plan *base, uint64_t any,
		  struct bh_signature_plan *plan)
{
	const uint64_t all = (UINT64_C(1) << BH_INSPECT_CLASS_COUNT) - 1;
	const struct where *w, *end = scope->exception + scope->n_exceptions;
	uint64_t left = all, now;

	_Static_assert(BH_INSPECT_CLASS_COUNT < BH_SIGNATURE_CLASSES, "a bit each");
	*plan = *base;
	for (w = scope->exception; w < end; w++) {
		if (w->paths != 0 || w->as->where.n != 0)
			continue;
		now = classes_of(w, all) & left;
		if (now == 0 || !holds(w, pair))
			continue;
		for (left &= ~now; now != 0; now &= now - 1)
			plan->action[__builtin_ctzll(now)] = BH_SENSOR_DEFAULT;
	}
	end = scope->attachment + scope->n_attachments;
	for (w = scope->attachment; w < end && left != 0; w++) {
		now = classes_of(w, any) & left;
		if (now == 0 || !holds(w, pair))
			continue;
		for (left &= ~now; now != 0; now &= now - 1)
			plan->action[__builtin_ctzll(now)] = w->as->action;
	}
}

bool
bh_signature_attached(const struct bh_signature_scope *scope, const struct bh_signature_pair *pair)
{
	size_t i;

	for (i = 0; i < scope->n_attachments; i++) {
		if (holds(&scope->attachment[i], pair))
			return true;
	}
	return false;
}

/* ---- paths ------------------------------------------------------------------------------------------ */

/* '*' is any text. One step back to the last '*' is enough: what is before it is the shortest that fits. */
static bool
is_like(const char *pattern, const uint8_t *at, const uint8_t *end)
{
	const char *star = NULL;
	const uint8_t *from = NULL;

	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			from = at;
		} else if (at < end && *pattern != '\0' && (uint8_t)*pattern == *at) {
			pattern++;
			at++;
		} else if (at == end && *pattern == '\0') {
			return true;
		} else if (star != NULL && from < end) {
			pattern = star;
			at = ++from;
		} else {
			return false;
		}
	}
}

uint64_t
bh_signature_paths(const struct bh_signature_scope *scope, const uint8_t *path, size_t len)
{
	uint64_t bits = 0;
	unsigned i;

	for (i = 0; i < scope->n_paths; i++)
		bits |= (uint64_t)is_like(scope->path[i], path, path + len) << i;
	return bits;
}

bool
bh_signature_has_paths(const struct bh_signature_scope *scope)
{
	return scope->n_paths != 0;
}
