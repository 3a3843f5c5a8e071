/* /explain: what would be decided, and why. */
#include <errno.h>

#include "api_priv.h"

/* Labels of one end; their texts lie in a copy of the argument. */
struct end_text {
	struct bh_label label[BH_LABELS_MAX];
	char *copy;
};

static bool
fail_arg(struct bh_api_req *req, const char *name, const char *what)
{
	bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = name}, "%s", what);
	return false;
}

/* "app=web,tier=front" */
static bool
read_labels(struct bh_api_req *req, const char *name, const char *text, struct end_text *t,
	    struct bh_question_end *e)
{
	char *save = NULL, *word, *eq;

	t->copy = strdup(text);
	if (t->copy == NULL)
		return false;
	for (word = strtok_r(t->copy, ",", &save); word != NULL;
	     word = strtok_r(NULL, ",", &save)) {
		eq = strchr(word, '=');
		if (eq == NULL || e->n_labels == BH_LABELS_MAX)
			return fail_arg(req, name, "labels are key=value,key=value, at most 64");
		*eq = '\0';
		t->label[e->n_labels++] = (struct bh_label){word, eq + 1};
	}
	e->label = t->label;
	return true;
}

/* An address, labels, or the name of a segment: no two of them look alike, but for a segment that is called as an
 * address is, which the address wins. */
static bool
read_end(struct bh_api_req *req, const char *name, struct end_text *t, struct bh_question_end *e)
{
	const char *text = bh_api_arg(req, name);

	if (text == NULL || text[0] == '\0')
		return fail_arg(req, name, "an address, a segment, or labels: app=web,tier=front");
	if (strchr(text, '=') != NULL)
		return read_labels(req, name, text, t, e);
	if (bh_prefix_parse(text, &e->address, NULL) != 0) {
		e->address = (struct bh_prefix){0};
		e->segment = text;
	}
	return true;
}

/* The field that a key means, of any application of this name: etcd speaks over two. */
static unsigned
find_field(const char *application, const char *key)
{
	unsigned field = BH_OP_FIELD_COUNT, i;

	for (i = 1; i < BH_APP_COUNT && field == BH_OP_FIELD_COUNT; i++) {
		if (strcmp(bh_app_name(i), application) == 0)
			field = bh_op_field_find((enum bh_app)i, key);
	}
	return field;
}

/* Each `op` is key=value, the keys those of rules. */
static bool
read_operation(struct bh_api_req *req, struct bh_question *q, struct bh_op *op)
{
	const char *eq, *value;
	char key[32];
	unsigned i, field;

	for (i = 0; i < req->n_args; i++) {
		if (strcmp(req->arg[i].name, "op") != 0)
			continue;
		value = req->arg[i].value;
		eq = strchr(value, '=');
		if (eq == NULL || (size_t)(eq - value) >= sizeof(key))
			return fail_arg(req, "op",
					"an operation is key=value, such as methods=GET");
		if (q->application == NULL)
			return fail_arg(req, "op", "an operation needs its application");
		memcpy(key, value, (size_t)(eq - value));
		key[eq - value] = '\0';
		field = find_field(q->application, key);
		if (field == BH_OP_FIELD_COUNT)
			return fail_arg(req, "op",
					"this application has no such key: docs/policy.md lists "
					"them");
		op->app = (uint8_t)bh_app_find(q->application);
		bh_op_add(op, (enum bh_op_field)field, eq + 1, strlen(eq + 1));
		q->op = op;
	}
	return true;
}

static bool
read_question(struct bh_api_req *req, struct bh_question *q, struct end_text t[2], struct bh_op *op)
{
	const char *service = bh_api_arg(req, "service");
	struct bh_err err = {0};

	if (!read_end(req, "from", &t[0], &q->end[0]) || !read_end(req, "to", &t[1], &q->end[1]) ||
	    !bh_api_arg_tenant(req, &q->tenant))
		return false;
	if (service == NULL)
		return fail_arg(req, "service", "one service such as tcp/443, icmp/8, proto/47");
	if (bh_service_one(service, &q->service, &err) != 0)
		return fail_arg(req, "service", err.what);
	q->application = bh_api_arg(req, "application");
	return read_operation(req, q, op);
}

/* ---- JSON ------------------------------------------------------------------------------------------- */

static json_t *
end_json(const struct bh_explanation *e, unsigned end)
{
	json_t *o = json_object(), *list = json_array();
	uint32_t i;

	for (i = 0; i < e->n_segments[end]; i++)
		json_array_append_new(list, bh_api_str(e->segment[end][i]));
	json_object_set_new(o, "segments", list);
	if (e->endpoint[end][0] != '\0')
		json_object_set_new(o, "endpoint", bh_api_str(e->endpoint[end]));
	return o;
}

static json_t *
step_json(const struct bh_explain_step *s)
{
	return json_pack("{s:o, s:I, s:I, s:s, s:s, s:o}", "rule", bh_api_str(s->id), "index",
			 (json_int_t)s->rule, "line", (json_int_t)s->line, "action",
			 bh_verdict_name(s->action), "outcome", bh_explain_outcome_name(s->outcome),
			 "text", bh_api_str(s->text));
}

static json_t *
nearest_json(const struct bh_explanation *e)
{
	json_t *o, *unmet;
	unsigned i;

	if (e->nearest.id == NULL)
		return json_null();
	unmet = json_array();
	for (i = 0; i < BH_EXPLAIN_OUTCOMES; i++) {
		if ((e->unmet >> i & 1) != 0)
			json_array_append_new(unmet, json_string(bh_explain_outcome_name(i)));
	}
	o = step_json(&e->nearest);
	json_object_del(o, "outcome");
	json_object_set_new(o, "unmet", unmet);
	return o;
}

static json_t *
explanation_json(const struct bh_explanation *e)
{
	static const char *const denied[] = {"drop", "reset", "respond"};
	json_t *steps = json_array(), *o;
	uint32_t i;

	for (i = 0; i < e->n_steps; i++)
		json_array_append_new(steps, step_json(&e->step[i]));
	o = json_pack("{s:s, s:s, s:s, s:o, s:s, s:I, s:o, s:o, s:b, s:b, s:o, s:I, s:o}",
		      "verdict", bh_verdict_name(e->verdict), "reason", bh_reason_name(e->reason),
		      "text", bh_reason_text(e->reason), "rule",
		      e->id != NULL ? bh_api_str(e->id) : json_null(), "mode",
		      bh_mode_name(e->mode), "revision", (json_int_t)e->revision, "from",
		      end_json(e, 0), "to", end_json(e, 1), "by_operation", e->by_operation,
		      "judged", e->judged, "path", steps, "left_out", (json_int_t)e->n_left_out,
		      "nearest", nearest_json(e));
	if (o != NULL)
		json_object_set_new(o, "mode_text", bh_api_str(e->mode_text));
	if (o != NULL && e->restriction != 0)
		json_object_set_new(o, "restriction", json_integer((json_int_t)e->restriction));
	if (o != NULL && e->id != NULL)
		json_object_set_new(o, "line", json_integer(e->line));
	if (o != NULL && e->reason == BH_REASON_OPERATION_DENY && e->denied < BH_ARRAY_SIZE(denied))
		json_object_set_new(o, "denied", json_string(denied[e->denied]));
	return o;
}

void
bh_api_ep_explain_get(struct bh_api_req *req)
{
	struct bh_explanation *e = NULL;
	struct end_text t[2] = {{.copy = NULL}};
	struct bh_question q = {.tenant = 0};
	struct bh_op op = {.app = 0};
	struct bh_err err = {0};
	int rc;

	if (read_question(req, &q, t, &op)) {
		rc = bh_policy_explain(req->api->p.policy, &q, &e, &err);
		if (rc == 0)
			bh_api_json(req, 200, explanation_json(e));
		else
			bh_api_fail(req,
				    rc == -ENOENT || rc == -EINVAL ? BH_PROBLEM_ARGUMENT
				    : rc == -ENOMEM                ? BH_PROBLEM_FULL
								   : BH_PROBLEM_INTERNAL,
				    NULL, "%s", err.what);
	}
	bh_explanation_free(e);
	free(t[0].copy);
	free(t[1].copy);
}
