/* /lint: mistakes of a policy document, and those that a dry run of one tells. */
#include <errno.h>

#include "api_priv.h"

static json_t *
string_or_null(const char *s)
{
	return s != NULL ? bh_api_str(s) : json_null();
}

static json_t *
end_json(const struct bh_lint_witness *w, unsigned end)
{
	json_t *o = json_object();

	json_object_set_new(o, "segment", bh_api_str(w->segment[end]));
	if (w->address[end][0] != '\0')
		json_object_set_new(o, "address", bh_api_str(w->address[end]));
	if (w->labels[end] != NULL)
		json_object_set_new(o, "labels", bh_api_str(w->labels[end]));
	return o;
}

static json_t *
witness_json(const struct bh_lint_witness *w)
{
	char service[32];
	json_t *o;

	if (!w->valid)
		return json_null();
	o = json_pack("{s:o, s:o, s:s, s:o, s:o, s:s, s:o}", "from", end_json(w, 0), "to",
		      end_json(w, 1), "service",
		      bh_service_format(w->service, service, sizeof(service)), "application",
		      string_or_null(w->application), "operation", string_or_null(w->operation),
		      "verdict", bh_verdict_name(w->verdict), "rule", string_or_null(w->by));
	return o;
}

static json_t *
finding_json(const struct bh_lint_finding *f)
{
	json_t *others = json_array();
	uint32_t i;
	json_t *o;

	for (i = 0; i < f->n_others; i++)
		json_array_append_new(others, bh_api_str(f->other[i]));
	o = json_pack("{s:s, s:s, s:o, s:I, s:I, s:o, s:o, s:o}", "kind",
		      bh_lint_kind_name(f->kind), "severity", bh_lint_severity_name(f->severity),
		      "rule", bh_api_str(f->id), "index", (json_int_t)f->rule, "line",
		      (json_int_t)f->line, "others", others, "text", bh_api_str(f->text), "witness",
		      witness_json(&f->witness));
	if (f->since_ns != 0)
		json_object_set_new(o, "since", bh_api_time(f->since_ns));
	return o;
}

static json_t *
lint_json(const struct bh_lint *l)
{
	json_int_t n[3] = {0};
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < l->n_findings; i++) {
		n[l->finding[i].severity]++;
		json_array_append_new(list, finding_json(&l->finding[i]));
	}
	return json_pack("{s:I, s:I, s:b, s:I, s:{s:I, s:I, s:I}, s:o}", "rules",
			 (json_int_t)l->n_rules, "segments", (json_int_t)l->n_segments, "complete",
			 l->complete, "elapsed_us", (json_int_t)(l->elapsed_ns / 1000), "counts",
			 "error", n[BH_LINT_ERROR], "warning", n[BH_LINT_WARNING], "info",
			 n[BH_LINT_INFO], "findings", list);
}

/* ---- rules that have decided nothing ------------------------------------------------------------------ */

#define QUIET_DAYS 90
#define DAY_NS (UINT64_C(86400) * BH_NS_PER_SEC)

/* Rules of the policy in force, copied: who counts them is not asked with the policy's lock held. */
struct counted {
	struct counted_rule {
		const char *id;
		uint64_t body;
		uint32_t name_id;
	} * rule; /* by id */
	size_t n;
	struct bh_arena arena;
	bool failed;
};

static bool
counted_add(void *arg, const struct bh_rule_info *r)
{
	struct counted *c = arg;
	struct counted_rule rule = {bh_arena_text(&c->arena, r->id, strlen(r->id)), bh_rule_body(r),
				    r->name_id};

	c->failed |= rule.id == NULL ||
		     bh_arena_push(&c->arena, &c->rule, &c->n, &rule, sizeof(rule)) != 0;
	return !c->failed;
}

static int
by_id(const void *a, const void *b)
{
	const struct counted_rule *x = a, *y = b;

	return strcmp(x->id, y->id);
}

/* days 0: those that never decided anything. */
static int
add_unused(const struct bh_api_ops *ops, struct bh_lint *l, uint32_t name_id, uint32_t index,
	   uint64_t days)
{
	const struct bh_lint_rule *r = &l->rule[index];
	struct bh_lint_finding f = {.rule = index, .id = r->id, .line = r->line};
	uint64_t now, since;
	struct bh_api_use u;
	struct bh_buf text = {0};
	json_t *time;
	int rc;

	if (!ops->rule_use(ops->arg, name_id, &u))
		return 0;
	now = bh_clock_system.wall_ns(NULL);
	since = u.last_ns > u.since_ns ? u.last_ns : u.since_ns;
	if (since == 0 || since > now || (days == 0 ? u.last_ns != 0 : now - since < days * DAY_NS))
		return 0;
	time = bh_api_time(since);
	bh_buf_printf(&text, "rule '%s' has not decided anything since %s, when %s: is it needed?",
		      r->id, json_string_value(time),
		      u.last_ns == since ? "it last did" : "it came into force");
	json_decref(time);
	f.text = text.failed ? "" : text.data;
	f.since_ns = since;
	rc = bh_lint_never_hit(l, &f);
	bh_buf_free(&text);
	return rc;
}

/* What a rule in force has decided is said of one that has its id and says the same, in whatever document: as the gateway
 * would go on counting if that was put in force. */
static int
add_all_unused(struct bh_api_req *req, struct bh_lint *l, uint64_t days)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	const struct counted_rule *in_force;
	struct counted c = {0};
	uint32_t i;
	int rc = 0;

	if (ops->rule_use == NULL)
		return 0;
	bh_policy_rules_each(req->api->p.policy, counted_add, &c);
	rc = c.failed ? -ENOMEM : 0;
	if (rc == 0 && c.n != 0)
		qsort(c.rule, c.n, sizeof(*c.rule), by_id);
	for (i = 0; rc == 0 && c.n != 0 && i < l->n_rules; i++) {
		const struct counted_rule key = {.id = l->rule[i].id};

		in_force = bsearch(&key, c.rule, c.n, sizeof(*c.rule), by_id);
		if (!l->rule[i].expired && in_force != NULL && in_force->body == l->rule[i].body)
			rc = add_unused(ops, l, in_force->name_id, i, days);
	}
	bh_lint_sort(l);
	bh_arena_free(&c.arena);
	return rc;
}

/* ---- the endpoints ------------------------------------------------------------------------------------ */

/* text NULL: the one in force. */
struct document {
	const char *text;
	size_t len;
	uint64_t days; /* rules that have decided nothing for so long */
};

static int
lint(struct bh_api_req *req, const struct document *doc, json_t **out, struct bh_err *err)
{
	struct bh_lint *l = NULL;
	int rc = bh_policy_lint(req->api->p.policy, "request body", doc->text, doc->len, &l, err);

	*out = NULL;
	if (rc == 0 && add_all_unused(req, l, doc->days) != 0)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	if (rc == 0)
		*out = lint_json(l);
	bh_lint_free(l);
	return rc;
}

static void
reply(struct bh_api_req *req, const char *text, size_t len)
{
	struct document doc = {text, len, QUIET_DAYS};
	struct bh_err err = {0};
	json_t *o;
	int rc;

	if (!bh_api_arg_u64(req, "days", 3650, &doc.days))
		return;
	rc = lint(req, &doc, &o, &err);
	if (rc != 0)
		bh_api_fail(req, rc == -ENOMEM ? BH_PROBLEM_FULL : BH_PROBLEM_POLICY,
			    &(struct bh_api_where){.line = err.line, .column = err.column}, "%s",
			    err.what);
	else
		bh_api_json(req, 200, o);
}

void
bh_api_put_lint(struct bh_api_req *req, const char *text, size_t len, json_t *answer)
{
	struct bh_err err = {0};
	json_t *o;

	if (lint(req, &(struct document){text, len, QUIET_DAYS}, &o, &err) != 0)
		o = json_pack("{s:o}", "error", bh_api_str(err.what));
	json_object_set_new(answer, "lint", o);
}

void
bh_api_ep_lint_get(struct bh_api_req *req)
{
	reply(req, NULL, 0);
}

/* An empty body is the document in force. */
void
bh_api_ep_lint_post(struct bh_api_req *req)
{
	const char *text = req->body.data;

	if (text != NULL && text[strspn(text, " \t\r\n")] == '\0')
		text = NULL;
	reply(req, text, req->body.len);
}
