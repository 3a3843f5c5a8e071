/* Actions: they begin, end by themselves or by hand, and come back after a restart. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "response_priv.h"

static uint64_t
wall(const struct bh_response *r)
{
	return r->p.clock->wall_ns(r->p.clock->arg);
}

static uint64_t
mono(const struct bh_response *r)
{
	return r->p.clock->mono_ns(r->p.clock->arg);
}

static void
free_action(struct bh_response_action *a)
{
	if (a == NULL)
		return;
	free((void *)a->r.path);
	free(a);
}

/* All that there are, as the policy's. */
static int
enforce(struct bh_response *r, struct bh_err *err)
{
	size_t i;

	for (i = 0; i < r->n_actions; i++)
		r->list[i] = r->action[i]->r;
	return bh_policy_restrict(r->p.policy, r->list, r->n_actions, err);
}

static int
grow(struct bh_response *r)
{
	size_t room = r->room != 0 ? 2 * r->room : 64;
	void *grown;

	if (r->n_actions < r->room)
		return 0;
	grown = realloc(r->action, room * sizeof(*r->action));
	if (grown == NULL)
		return -ENOMEM;
	r->action = grown;
	grown = realloc(r->list, room * sizeof(*r->list));
	if (grown == NULL)
		return -ENOMEM;
	r->list = grown;
	r->room = room;
	return 0;
}

static struct bh_response_action *
copy_order(const struct bh_response_order *o, const char *rule)
{
	struct bh_response_action *a = calloc(1, sizeof(*a));
	size_t size = (o->what.n_paths + 1) * sizeof(*o->what.path);
	struct bh_restriction_path *path = calloc(1, size);

	if (a == NULL || path == NULL) {
		free(a);
		free(path);
		return NULL;
	}
	if (o->what.n_paths != 0)
		memcpy(path, o->what.path, o->what.n_paths * sizeof(*path));
	a->r = o->what;
	a->r.path = path;
	if (a->r.kind != BH_RESTRICTION_BLOCK) {
		a->r.first = 0;
		a->r.last = BH_SERVICE_ANY_LAST;
	}
	snprintf(a->by, sizeof(a->by), "%s", o->by != NULL ? o->by : "");
	snprintf(a->why, sizeof(a->why), "%s", o->why != NULL ? o->why : "");
	snprintf(a->rule, sizeof(a->rule), "%s", rule != NULL ? rule : "");
	return a;
}

static bool
tenants_meet(bh_tenant a, bh_tenant b)
{
	return a == b || a == 0 || b == 0;
}

bool
bh_response_is_never(struct bh_response *r, const struct bh_prefix *address, bh_tenant tenant,
		     const char **which)
{
	unsigned i;

	for (i = 0; address->family != 0 && i < r->rules->n_never; i++) {
		const struct bh_restriction_end *e = &r->rules->never[i];

		*which = e->segment;
		if (e->address.family != 0) {
			*which = "an address of it";
			/* Either way round: who is in a prefix that is to go, too. */
			if (bh_prefix_covers(&e->address, address) ||
			    bh_prefix_covers(address, &e->address))
				return true;
		} else if (bh_policy_address_in(r->p.policy, address, tenant, e->segment)) {
			return true;
		}
	}
	return false;
}

struct bh_response_action *
bh_response_quarantine_of(struct bh_response *r, const struct bh_prefix *address, bh_tenant tenant)
{
	size_t i;

	for (i = 0; i < r->n_actions; i++) {
		const struct bh_restriction *x = &r->action[i]->r;

		if (x->kind == BH_RESTRICTION_QUARANTINE && tenants_meet(x->tenant, tenant) &&
		    memcmp(&x->end[0].address, address, sizeof(*address)) == 0)
			return r->action[i];
	}
	return NULL;
}

static int
check_order(struct bh_response *r, const struct bh_response_order *o, uint64_t *id,
	    struct bh_err *err)
{
	const struct bh_restriction *x = &o->what;
	struct bh_response_action *a;
	const char *which;

	if (o->for_ms != 0 &&
	    (o->for_ms < BH_RESPONSE_FOR_MIN_MS || o->for_ms > BH_RESPONSE_FOR_MAX_MS))
		return bh_err_set(err, EINVAL, "for: from 1s to 30d");
	if (x->kind == BH_RESTRICTION_BLOCK && x->end[0].address.family == 0 &&
	    x->end[1].address.family == 0 && x->end[0].segment[0] == '\0' &&
	    x->end[1].segment[0] == '\0')
		return bh_err_set(err, EINVAL, "from any to any would block all: name an end");
	if (x->kind != BH_RESTRICTION_QUARANTINE)
		return 0;
	if (x->end[0].address.family == 0)
		return bh_err_set(err, EINVAL, "a quarantine needs an address or a prefix");
	if (bh_response_is_never(r, &x->end[0].address, x->tenant, &which))
		return bh_err_set(err, EPERM,
				  "is never put in quarantine: it is on the list `never` of the "
				  "rules of responses (%s)",
				  which);
	a = bh_response_quarantine_of(r, &x->end[0].address, x->tenant);
	if (a == NULL)
		return 0;
	*id = a->r.id;
	return bh_err_set(err, EEXIST, "is in quarantine already, as number %llu",
			  (unsigned long long)a->r.id);
}

/* ---- the store -------------------------------------------------------------------------------------- */

static void
audit_detail(const struct bh_response_action *a, const char *why, struct bh_buf *out)
{
	struct bh_json j = {.out = out};

	bh_json_open(&j, NULL, '{');
	bh_json_u64(&j, "id", a->r.id);
	bh_json_time(&j, "until", a->until_ns);
	if (a->rule[0] != '\0')
		bh_json_str(&j, "rule", a->rule);
	if (why != NULL && why[0] != '\0')
		bh_json_str(&j, "why", why);
	bh_json_close(&j, '}');
}

/* begins: it is kept; else it is forgotten. */
static void
keep(struct bh_response *r, struct bh_response_action *a, const struct bh_audit *entry, bool begins)
{
	struct bh_store_response row = {.id = a->r.id,
					.tenant = a->r.tenant,
					.since_ns = a->since_ns,
					.until_ns = a->until_ns,
					.by = a->by,
					.why = a->why,
					.rule = a->rule,
					.kind = a->r.kind};
	struct bh_audit full = *entry;
	struct bh_buf spec = {0}, detail = {0};
	struct bh_err err = {0};
	char object[400];
	int rc = -ENOMEM;

	if (r->p.store == NULL)
		return;
	audit_detail(a, entry->detail, &detail);
	bh_response_spec_write(&a->r, &spec);
	bh_response_object(&a->r, object, sizeof(object));
	if (!spec.failed && !detail.failed) {
		row.spec = spec.data;
		full.object = object;
		full.detail = detail.data;
		rc = begins ? bh_store_response_put(r->p.store, &row, &full, &err)
			    : bh_store_response_end(r->p.store, a->r.id, &full, &err);
	}
	if (begins)
		a->stored = rc == 0;
	if (rc != 0)
		bh_log(BH_LOG_ERROR, "%s %llu %s: %s", bh_restriction_kind_name(a->r.kind),
		       (unsigned long long)a->r.id,
		       begins ? "is in force, but would not survive a restart and is not in the "
				"audit log"
			      : "has ended, and its end is not in the audit log",
		       rc == -ENOMEM ? "out of memory" : err.what);
	bh_buf_free(&spec);
	bh_buf_free(&detail);
}

/* ---- begin, end ------------------------------------------------------------------------------------- */

int
bh_response_begin(struct bh_response *r, const struct bh_response_order *o, const char *rule,
		  uint64_t *id, struct bh_err *err)
{
	uint64_t for_ns = (o->for_ms != 0 ? o->for_ms : BH_RESPONSE_FOR_MS) * BH_NS_PER_MS;
	struct bh_response_action *a;
	char action[32];
	int rc = check_order(r, o, id, err);

	if (rc != 0)
		return rc;
	a = copy_order(o, rule);
	if (a == NULL || grow(r) != 0) {
		free_action(a);
		return bh_err_set(err, ENOMEM, "out of memory");
	}
	a->r.id = r->next_id;
	a->since_ns = wall(r);
	a->until_ns = a->since_ns + for_ns;
	a->until_mono_ns = mono(r) + for_ns;
	r->action[r->n_actions++] = a;
	rc = enforce(r, err);
	if (rc != 0) {
		r->n_actions--;
		free_action(a);
		return rc;
	}
	*id = r->next_id++;
	snprintf(action, sizeof(action), "response.%s", bh_restriction_kind_name(a->r.kind));
	keep(r, a,
	     &(struct bh_audit){.actor = a->by, .action = action, .result = "ok", .detail = a->why},
	     true);
	return 0;
}

int
bh_response_add(struct bh_response *r, const struct bh_response_order *o, uint64_t *id,
		struct bh_err *err)
{
	int rc;

	pthread_mutex_lock(&r->lock);
	rc = bh_response_begin(r, o, NULL, id, err);
	if (rc == 0)
		bh_response_record(r, &(struct bh_response_note){
					      .result = "done",
					      .a = r->action[r->n_actions - 1],
				      });
	pthread_mutex_unlock(&r->lock);
	return rc;
}

struct ending {
	const char *action; /* "response.release" */
	const char *by, *why, *result;
};

/* It is out of the list already. */
static void
ended(struct bh_response *r, struct bh_response_action *a, const struct ending *e)
{
	keep(r, a,
	     &(struct bh_audit){
		     .actor = e->by, .action = e->action, .result = "ok", .detail = e->why},
	     false);
	bh_response_record(r, &(struct bh_response_note){
				      .result = e->result, .a = a, .by = e->by, .why = e->why});
	free_action(a);
}

int
bh_response_end(struct bh_response *r, unsigned kind, uint64_t id, const char *by, const char *why,
		struct bh_err *err)
{
	struct bh_response_action *a = NULL;
	int rc = -ENOENT;
	size_t i;

	pthread_mutex_lock(&r->lock);
	for (i = 0; i < r->n_actions && a == NULL; i++) {
		if (r->action[i]->r.id == id && bh_response_kind_fits(kind, r->action[i]->r.kind))
			a = r->action[i];
	}
	if (a == NULL) {
		bh_err_set(err, ENOENT, "nothing in force has this number");
	} else {
		memmove(&r->action[i - 1], &r->action[i], (r->n_actions - i) * sizeof(*r->action));
		r->n_actions--;
		rc = enforce(r, err);
		if (rc == 0) {
			ended(r, a,
			      &(struct ending){.action = "response.release",
					       .by = by,
					       .why = why,
					       .result = "released"});
		} else {
			memmove(&r->action[i], &r->action[i - 1],
				(r->n_actions - i + 1) * sizeof(*r->action));
			r->action[i - 1] = a;
			r->n_actions++;
		}
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

uint64_t
bh_response_find(struct bh_response *r, const struct bh_prefix *address, bh_tenant tenant)
{
	struct bh_response_action *a;
	uint64_t id;

	pthread_mutex_lock(&r->lock);
	a = bh_response_quarantine_of(r, address, tenant);
	id = a != NULL ? a->r.id : 0;
	pthread_mutex_unlock(&r->lock);
	return id;
}

static void
expire(struct bh_response *r, uint64_t now)
{
	struct bh_response_action *gone[64];
	struct bh_err err = {0};
	size_t i, n = 0, left = 0;

	for (i = 0; i < r->n_actions; i++) {
		struct bh_response_action *a = r->action[i];

		if (a->until_mono_ns <= now && n < BH_ARRAY_SIZE(gone))
			gone[n++] = a;
		else
			r->action[left++] = a;
	}
	if (n == 0)
		return;
	r->n_actions = left;
	/* Without memory for it they hold a little longer: with the next tick. */
	if (enforce(r, &err) != 0) {
		bh_log(BH_LOG_ERROR, "responses that are over still hold: %s; trying again",
		       err.what);
		for (i = 0; i < n; i++)
			r->action[r->n_actions++] = gone[i];
		return;
	}
	for (i = 0; i < n; i++)
		ended(r, gone[i],
		      &(struct ending){.action = "response.expire",
				       .by = "gateway",
				       .result = "expired"});
}

void
bh_response_tick(struct bh_response *r)
{
	pthread_mutex_lock(&r->lock);
	expire(r, mono(r));
	pthread_mutex_unlock(&r->lock);
}

/* ---- start and end ---------------------------------------------------------------------------------- */

struct restoring {
	struct bh_response *r;
	int rc;
};

static bool
restore_row(void *arg, const struct bh_store_response *row)
{
	struct restoring *s = arg;
	struct bh_response *r = s->r;
	struct bh_response_action *a = calloc(1, sizeof(*a));
	uint64_t now = wall(r);

	s->rc = a != NULL ? grow(r) : -ENOMEM;
	if (s->rc == 0)
		s->rc = bh_response_spec_read(row->spec, &a->r);
	if (s->rc != 0) {
		free_action(a);
		if (s->rc != -EINVAL)
			return false;
		bh_log(BH_LOG_ERROR, "response %llu in the store cannot be read: left out",
		       (unsigned long long)row->id);
		s->rc = 0;
		return true;
	}
	a->r.id = row->id;
	a->r.kind = row->kind;
	a->r.tenant = row->tenant;
	a->since_ns = row->since_ns;
	a->until_ns = row->until_ns;
	/* What ended meanwhile is in the list once more, and goes with the first tick, with its audit entry. */
	a->until_mono_ns = mono(r) + (row->until_ns > now ? row->until_ns - now : 0);
	snprintf(a->by, sizeof(a->by), "%s", row->by);
	snprintf(a->why, sizeof(a->why), "%s", row->why);
	snprintf(a->rule, sizeof(a->rule), "%s", row->rule);
	a->stored = true;
	r->action[r->n_actions++] = a;
	return true;
}

static int
restore(struct bh_response *r, struct bh_err *err)
{
	struct restoring s = {.r = r};
	int rc;

	if (r->p.store == NULL)
		return 0;
	rc = bh_store_responses_each(r->p.store, restore_row, &s, &r->next_id, err);
	if (rc == 0 && s.rc != 0)
		rc = bh_err_set(err, -s.rc, "out of memory");
	if (rc != 0)
		return rc;
	expire(r, mono(r));
	if (r->n_actions != 0)
		bh_log(BH_LOG_INFO, "%zu quarantines, blocks and cuts are in force again",
		       r->n_actions);
	return enforce(r, err);
}

static int
read_rules(const char *path, struct bh_response_rules **out, struct bh_err *err)
{
	char *text = NULL;
	size_t len = 0;
	int rc = path[0] != '\0' ? bh_file_read(path, 1u << 20, &text, &len, err) : 0;

	if (rc == 0)
		rc = bh_response_rules_read(out, path, text, len, err);
	free(text);
	return rc;
}

int
bh_response_open(struct bh_response **out, const struct bh_response_params *params,
		 struct bh_err *err)
{
	struct bh_response *r = calloc(1, sizeof(*r));
	int rc;

	if (r == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	pthread_mutex_init(&r->lock, NULL);
	r->p = *params;
	r->next_id = 1;
	if (r->p.clock == NULL)
		r->p.clock = &bh_clock_system;
	snprintf(r->rules_file, sizeof(r->rules_file), "%s",
		 params->rules != NULL ? params->rules : "");
	rc = grow(r) == 0 ? read_rules(r->rules_file, &r->rules, err)
			  : bh_err_set(err, ENOMEM, "out of memory");
	if (rc == 0)
		rc = restore(r, err);
	if (rc != 0) {
		bh_response_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

void
bh_response_close(struct bh_response *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->n_actions; i++)
		free_action(r->action[i]);
	free(r->action);
	free(r->list);
	bh_response_rules_free(r->rules);
	bh_buf_free(&r->records);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

int
bh_response_reload(struct bh_response *r, struct bh_err *err)
{
	struct bh_response_rules *rules;
	int rc = read_rules(r->rules_file, &rules, err);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&r->lock);
	bh_response_rules_free(r->rules);
	r->rules = rules;
	pthread_mutex_unlock(&r->lock);
	return 0;
}

int
bh_response_check(const char *name, const char *text, size_t len, struct bh_err *err)
{
	struct bh_response_rules *rules;
	int rc = bh_response_rules_read(&rules, name, text, len, err);

	if (rc == 0)
		bh_response_rules_free(rules);
	return rc;
}
