/* The audit log: who changed what, and when the gateway itself did not do its work (PCI DSS 10.2, 10.7). */
#include <stdio.h>

#include "report.h"

struct trail {
	struct bh_report *r;
	json_t *changes, *failures, *actions;
	json_t *open; /* failures without an end yet, newest first: by object */
	size_t n_changes, n_failures, n_policy, n_without_why, n_refused;
	uint64_t oldest_ns, entries;
};

static const char *const change_actions[] = {"policy.",    "segment.",  "learning.",
					     "endpoints.", "response.", "sensors.",
					     "evidence.",  "rule.",     "conversations.",
					     "report.",    NULL};

static bool
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static json_t *
entry_json(const struct bh_audit *a)
{
	json_t *detail = json_loads(a->detail, 0, NULL);

	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "entry", (json_int_t)a->seq, "time",
			 bh_api_time(a->time_ns), "actor", bh_api_str(a->actor), "action",
			 bh_api_str(a->action), "object", bh_api_str(a->object), "result",
			 bh_api_str(a->result), "detail",
			 detail != NULL ? detail : bh_api_str(a->detail));
}

static void
add_change(struct trail *t, const struct bh_audit *a, json_t *e)
{
	if (t->n_changes++ < BH_REPORT_ITEMS)
		json_array_append(t->changes, e);
	if (!begins(a->action, "policy.") || strcmp(a->action, "policy.damaged") == 0)
		return;
	if (strcmp(a->result, "ok") != 0) {
		t->n_refused++;
		return;
	}
	t->n_policy++;
	t->n_without_why += bh_report_text(e, "detail.why")[0] == '\0' &&
			    strcmp(a->action, "policy.confirm") != 0;
}

static void
add_failure(struct trail *t, json_t *o)
{
	if (t->n_failures++ < BH_REPORT_ITEMS)
		json_array_append(t->failures, o);
	json_decref(o);
}

static json_t *
failure_json(const char *what, const json_t *start, const json_t *end, const char *cause)
{
	return json_pack("{s:s, s:O?, s:O?, s:o}", "what", what, "start", start, "end", end,
			 "cause", bh_api_str(cause));
}

/* From newest to oldest: a `control.restored` comes before its `control.failed`. */
static void
read_failure(struct trail *t, const struct bh_audit *a, const json_t *e)
{
	const json_t *time = json_object_get(e, "time"), *end = NULL;
	char cause[400];

	if (strcmp(a->action, "control.restored") == 0) {
		json_object_set(t->open, a->object, (json_t *)time);
		return;
	}
	if (strcmp(a->action, "gateway.start") == 0) {
		time = bh_report_at(e, "detail.down_since");
		if (time == NULL)
			return;
		snprintf(
			cause, sizeof(cause), "%s",
			json_is_true(bh_report_at(e, "detail.clean"))
				? "stopped by its operator; nothing was forwarded"
				: "ended without being stopped (killed, crash, power); nothing was "
				  "forwarded");
		add_failure(t, failure_json("gateway", time, json_object_get(e, "time"), cause));
		return;
	}
	if (strcmp(a->action, "control.failed") != 0)
		return;
	end = json_object_get(t->open, a->object);
	add_failure(t, failure_json(a->object, time,
				    json_is_true(bh_report_at(e, "detail.moment")) ? time : end,
				    bh_report_text(e, "detail.reason")));
	json_object_del(t->open, a->object);
}

static bool
add(void *arg, const struct bh_audit *a)
{
	struct trail *t = arg;
	json_t *e;
	size_t i;

	if (a->time_ns < t->r->since_ns)
		return false;
	t->entries++;
	t->oldest_ns = a->time_ns;
	e = entry_json(a);
	/* Its name has dots. */
	json_object_set_new(
		t->actions, a->action,
		json_integer(json_integer_value(json_object_get(t->actions, a->action)) + 1));
	for (i = 0; change_actions[i] != NULL; i++) {
		if (begins(a->action, change_actions[i])) {
			add_change(t, a, e);
			break;
		}
	}
	read_failure(t, a, e);
	json_decref(e);
	return true;
}

/* The last sign-off, however long ago. */
struct review {
	const char *zone;
	json_t *found;
};

static bool
find_review(void *arg, const struct bh_audit *a)
{
	struct review *v = arg;

	if (strcmp(a->action, "report.review") != 0 || strcmp(a->object, v->zone) != 0)
		return true;
	v->found = entry_json(a);
	json_object_set_new(v->found, "time_s",
			    json_integer((json_int_t)(a->time_ns / BH_NS_PER_SEC)));
	return false;
}

static int
integrity(struct bh_report *r, struct bh_err *err)
{
	char head[2 * BH_SHA256_SIZE + 1];
	struct bh_audit_check c;
	int rc = bh_store_audit_verify(r->p->store, &c, err);

	if (rc != 0)
		return rc;
	bh_sha256_hex(c.head, head);
	json_object_set_new(r->o, "integrity",
			    json_pack("{s:b, s:I, s:I, s:s, s:I, s:s}", "intact", c.wrong == 0,
				      "entries", (json_int_t)c.entries, "head_entry",
				      (json_int_t)c.head_seq, "head", head, "wrong_entry",
				      (json_int_t)c.wrong, "why", c.why));
	return 0;
}

struct newest {
	json_t *o;
	uint8_t sha256[BH_SHA256_SIZE];
};

static bool
keep_revision(void *arg, const struct bh_revision *v)
{
	struct newest *n = arg;
	char hex[2 * BH_SHA256_SIZE + 1];

	if (v->state != BH_REVISION_APPLIED && v->state != BH_REVISION_CONFIRMED)
		return true;
	bh_sha256_hex(v->sha256, hex);
	memcpy(n->sha256, v->sha256, sizeof(n->sha256));
	n->o = json_pack("{s:I, s:o, s:o, s:o, s:s, s:s}", "revision", (json_int_t)v->number,
			 "time", bh_api_time(v->time_ns), "author", bh_api_str(v->author), "why",
			 bh_api_str(v->why), "state", bh_revision_state_name(v->state), "sha256",
			 hex);
	return false;
}

/* Is what runs what is stored? (PCI DSS 1.2.8) */
static int
in_force(struct bh_report *r, struct bh_err *err)
{
	uint8_t running[BH_SHA256_SIZE];
	struct newest n = {0};
	struct bh_buf text = {0};
	int rc = bh_store_revisions(r->p->store, 0, UINT32_MAX, keep_revision, &n, err);

	if (rc != 0 || n.o == NULL)
		return rc;
	bh_policy_text(r->p->policy, &text);
	bh_sha256(text.data != NULL ? text.data : "", text.len, running);
	json_object_set_new(n.o, "runs_what_is_stored",
			    json_boolean(memcmp(running, n.sha256, sizeof(running)) == 0));
	bh_buf_free(&text);
	json_object_set_new(r->o, "policy", n.o);
	return 0;
}

int
bh_report_trail(struct bh_report *r, struct bh_err *err)
{
	struct trail t = {.r = r, .changes = json_array(), .failures = json_array()};
	struct review v = {.zone = r->scope->name};
	int rc = 0;

	t.actions = json_object();
	t.open = json_object();
	if (r->p->store != NULL) {
		rc = bh_store_audits(r->p->store, 0, UINT32_MAX, add, &t, err);
		if (rc == 0)
			rc = bh_store_audits(r->p->store, 0, UINT32_MAX, find_review, &v, err);
		if (rc == 0)
			rc = integrity(r, err);
		if (rc == 0)
			rc = in_force(r, err);
	}
	json_object_set_new(r->o, "changes", t.changes);
	json_object_set_new(r->o, "failures", t.failures);
	json_object_set_new(r->o, "trail",
			    json_pack("{s:b, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "kept",
				      r->p->store != NULL, "entries", (json_int_t)t.entries,
				      "oldest",
				      t.oldest_ns != 0 ? bh_api_time(t.oldest_ns) : json_null(),
				      "by_action", t.actions, "changes", (json_int_t)t.n_changes,
				      "policy_changes", (json_int_t)t.n_policy,
				      "policy_changes_without_reason", (json_int_t)t.n_without_why,
				      "policy_changes_refused", (json_int_t)t.n_refused, "failures",
				      (json_int_t)t.n_failures));
	json_object_set_new(r->o, "review", v.found != NULL ? v.found : json_null());
	json_decref(t.open);
	return rc;
}
