/* /rules: who may talk to whom, in the order in which it is tried. */
#include "api_priv.h"

/* [{"application": "redis", "operations": {"commands": ["get"]}}]; none: any application. */
static json_t *
applications_json(const struct bh_rule_info *r)
{
	json_t *list = json_array(), *item, *operations, *patterns;
	const struct bh_rule_list *l;
	unsigned i, k, n;

	for (i = 0; i < r->n_apps; i++) {
		item = json_pack("{s:s}", "application", r->app[i].name);
		operations = json_object();
		for (k = 0; k < r->app[i].n_lists; k++) {
			l = &r->app[i].list[k];
			patterns = json_array();
			for (n = 0; n < l->n_patterns; n++)
				json_array_append_new(patterns, bh_api_str(l->pattern[n]));
			json_object_set_new(operations, l->key, patterns);
		}
		if (r->app[i].n_lists != 0)
			json_object_set(item, "operations", operations);
		json_decref(operations);
		json_array_append_new(list, item);
	}
	return list;
}

void
bh_api_json_use(const struct bh_api_ops *ops, uint32_t rule, json_t *o)
{
	struct bh_api_use u;

	if (ops->rule_use == NULL || !ops->rule_use(ops->arg, rule, &u))
		return;
	json_object_set_new(o, "hits", json_integer((json_int_t)u.hits));
	json_object_set_new(o, "bytes", json_integer((json_int_t)u.bytes));
	json_object_set_new(o, "packets", json_integer((json_int_t)u.packets));
	json_object_set_new(o, "first_used", u.hits != 0 ? bh_api_time(u.first_ns) : json_null());
	json_object_set_new(o, "last_used", u.last_ns != 0 ? bh_api_time(u.last_ns) : json_null());
}

/* Its figures, behind the policy's lock: whoever counts them asks it, too. */
static void
add_use(struct bh_api_req *req, json_t *rule)
{
	json_t *id = json_object_get(rule, "name_id");

	bh_api_json_use(&req->api->p.ops, (uint32_t)json_integer_value(id), rule);
	json_object_del(rule, "name_id");
}

json_t *
bh_api_json_rule(const struct bh_rule_info *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", bh_api_str(r->id));
	json_object_set_new(o, "index", json_integer(r->index));
	json_object_set_new(o, "from", bh_api_str(r->from));
	json_object_set_new(o, "to", bh_api_str(r->to));
	json_object_set_new(o, "ports", bh_api_str(r->ports));
	json_object_set_new(o, "applications", applications_json(r));
	json_object_set_new(o, "origin", json_string(bh_rule_origin_name(r->origin)));
	json_object_set_new(o, "action", json_string(bh_verdict_name(r->action)));
	if (r->denied[0] != '\0')
		json_object_set_new(o, "denied", json_string(r->denied));
	json_object_set_new(o, "comment", bh_api_str(r->comment != NULL ? r->comment : ""));
	if (r->owner[0] != '\0')
		json_object_set_new(o, "owner", bh_api_str(r->owner));
	if (r->reason[0] != '\0')
		json_object_set_new(o, "reason", bh_api_str(r->reason));
	if (r->expires_ns != 0) {
		json_object_set_new(o, "expires", bh_api_time(r->expires_ns));
		json_object_set_new(o, "expired", json_boolean(r->expired));
	}
	if (r->line != 0)
		json_object_set_new(o, "line", json_integer(r->line));
	return o;
}

static json_t *
rule_json(const struct bh_rule_info *r)
{
	json_t *o = bh_api_json_rule(r);

	json_object_set_new(o, "name_id", json_integer(r->name_id));
	return o;
}

struct list {
	size_t at, from, limit;
	json_t *items;
	bool more;
};

static bool
list_add(void *arg, const struct bh_rule_info *r)
{
	struct list *l = arg;

	if (l->at++ < l->from)
		return true;
	if (json_array_size(l->items) == l->limit) {
		l->more = true;
		return false;
	}
	json_array_append_new(l->items, rule_json(r));
	return true;
}

void
bh_api_ep_rules_list(struct bh_api_req *req)
{
	struct list l = {0};
	json_t *rule;
	size_t i;

	if (!bh_api_arg_limit(req, &l.limit) || !bh_api_arg_position(req, &l.from))
		return;
	l.items = json_array();
	bh_policy_rules_each(req->api->p.policy, list_add, &l);
	json_array_foreach(l.items, i, rule)
	{
		add_use(req, rule);
	}
	bh_api_json(req, 200,
		    json_pack("{s:o, s:o}", "items", l.items, "next",
			      l.more ? bh_api_position(req, l.from + l.limit) : json_null()));
}

struct find {
	const char *id;
	json_t *out;
};

static bool
find_one(void *arg, const struct bh_rule_info *r)
{
	struct find *f = arg;

	if (strcmp(r->id, f->id) != 0)
		return true;
	f->out = rule_json(r);
	return false;
}

void
bh_api_ep_rules_get(struct bh_api_req *req)
{
	struct find f = {.id = req->param};

	bh_policy_rules_each(req->api->p.policy, find_one, &f);
	if (f.out == NULL) {
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "no rule has the id %s", req->param);
		return;
	}
	add_use(req, f.out);
	bh_api_json(req, 200, f.out);
}
