/* /learned: the rules that conversations come to, and segments on their way to protect. */
#include <errno.h>
#include <stdio.h>

#include "../learn/draft.h"
#include "api_priv.h"

static json_t *
names_json(const char *const *name, uint32_t n)
{
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(list, bh_api_str(name[i]));
	return list;
}

/* Is there a learned rule of this id in force? */
struct in_force {
	json_t *ids;
};

static bool
take_id(void *arg, const struct bh_rule_info *r)
{
	struct in_force *f = arg;

	if (r->origin == BH_RULE_LEARNED)
		json_object_set_new(f->ids, r->id, json_true());
	return true;
}

static json_t *
rule_json(const struct bh_learned_rule *r, const struct in_force *f)
{
	return json_pack("{s:s, s:o, s:o, s:s, s:s, s:b, s:I, s:I, s:I, s:o, s:o}", "id", r->id,
			 "from", names_json(r->from, r->n_from), "to", names_json(r->to, r->n_to),
			 "ports", r->ports, "applications",
			 r->applications[0] != '\0' ? r->applications : "any", "in_force",
			 json_object_get(f->ids, r->id) != NULL, "conversations",
			 (json_int_t)r->seen.conversations, "sessions",
			 (json_int_t)r->seen.sessions, "bytes", (json_int_t)r->seen.bytes,
			 "first_seen", bh_api_time(r->seen.first_ns), "last_seen",
			 bh_api_time(r->seen.last_ns));
}

static json_t *
segments_json(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	struct bh_api_learn_segment s;
	json_t *list = json_array(), *o;
	size_t i;

	for (i = 0; ops->learn_segment != NULL && ops->learn_segment(ops->arg, i, &s); i++) {
		o = json_pack("{s:s, s:s, s:I, s:s, s:I}", "name", s.name, "mode",
			      bh_mode_name(s.mode), "conversations", (json_int_t)s.times.learned,
			      "held", bh_learn_hold_name(s.promotion.hold), "left_ms",
			      (json_int_t)(s.promotion.left_ns / BH_NS_PER_MS));
		if (s.times.new_ns != 0)
			json_object_set_new(o, "newest", bh_api_time(s.times.new_ns));
		if (s.times.violation_ns != 0)
			json_object_set_new(o, "violation", bh_api_time(s.times.violation_ns));
		json_array_append_new(list, o);
	}
	return list;
}

static void
reply_json(struct bh_api_req *req, const struct bh_learned *o)
{
	struct in_force f = {.ids = json_object()};
	json_t *rules = json_array();
	struct bh_learn_counts c;
	uint32_t i;

	bh_policy_rules_each(req->api->p.policy, take_id, &f);
	for (i = 0; i < o->n_rules; i++)
		json_array_append_new(rules, rule_json(&o->rule[i], &f));
	bh_learn_counts(req->api->p.learn, &c);
	bh_api_json(req, 200,
		    json_pack("{s:o, s:o, s:o}", "rules", rules, "segments", segments_json(req),
			      "incomplete_since",
			      c.lost_ns != 0 ? bh_api_time(c.lost_ns) : json_null()));
	json_decref(f.ids);
}

void
bh_api_ep_learned_get(struct bh_api_req *req)
{
	const char *format = bh_api_arg(req, "format");
	struct bh_learned *o = NULL;
	struct bh_err err = {0};
	struct bh_buf text = {0};

	if (!bh_api_has_learn(req))
		return;
	if (format != NULL && strcmp(format, "yaml") != 0 && strcmp(format, "json") != 0) {
		bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = "format"},
			    "must be json or yaml");
		return;
	}
	if (bh_learn_proposal(req->api->p.learn, req->api->p.policy, req->api->p.max_endpoints, &o,
			      &err) != 0) {
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "%s", err.what);
		return;
	}
	if (format != NULL && strcmp(format, "yaml") == 0) {
		bh_learned_yaml(o, "", &text);
		bh_api_text(req, &text, "application/yaml");
		bh_buf_free(&text);
	} else {
		reply_json(req, o);
	}
	bh_learned_free(o);
}

/* ---- adopting --------------------------------------------------------------------------------------------- */

struct adopt {
	const char **id; /* NULL: all */
	size_t n;
	const char *author, *why;
};

/* {"rules": ["id", ...], "author": "...", "why": "..."}, all optional. false: the reply is set. */
static bool
read_adopt(struct bh_api_req *req, json_t *body, struct adopt *a)
{
	json_t *list = NULL, *author = NULL, *why = NULL, *item;
	json_error_t e;
	size_t i;

	if (json_unpack_ex(body, &e, JSON_STRICT, "{s?o, s?o, s?o}", "rules", &list, "author",
			   &author, "why", &why) != 0 ||
	    (list != NULL && !json_is_array(list)) || (author != NULL && !json_is_string(author)) ||
	    (why != NULL && !json_is_string(why)))
		goto wrong;
	a->author = json_string_value(author);
	a->why = json_string_value(why);
	a->n = json_array_size(list);
	if (list == NULL)
		return true;
	a->id = calloc(a->n + 1, sizeof(*a->id));
	json_array_foreach(list, i, item)
	{
		if (a->id == NULL || !json_is_string(item))
			goto wrong;
		a->id[i] = json_string_value(item);
	}
	if (a->n != 0)
		return true;
wrong:
	bh_api_fail(req, BH_PROBLEM_INVALID, NULL,
		    "must be {\"rules\": [\"ID\", ...], \"author\": \"...\", \"why\": \"...\"}; "
		    "without rules all learned ones are meant");
	return false;
}

static void
adopt(struct bh_api_req *req, const struct adopt *a)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	struct bh_policy_change change = {0};
	struct bh_buf text = {0}, out = {0};
	char actor[BH_API_ACTOR_MAX];
	struct bh_api_commit c = {.author = actor, .why = a->why};
	struct bh_err err = {0};
	unsigned moved = 0;
	int rc;

	if (!bh_api_actor(req, a->author, a->why, actor))
		return;
	bh_policy_text(req->api->p.policy, &text);
	rc = bh_document_adopt(text.len != 0 ? text.data : "", text.len, a->id, a->n, &out, &moved,
			       &err);
	if (rc == -ENOENT) {
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "%s", err.what);
	} else if (rc == 0 && moved == 0) {
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "no learned rule is in force");
	} else {
		c.text = out.data;
		c.len = out.len;
		if (rc == 0)
			rc = ops->policy_commit(ops->arg, &c, &change, &err);
		bh_api_set_etag(req);
		if (rc != 0)
			bh_api_fail_policy(req, rc, &err);
		else
			bh_api_json(req, 200, bh_api_json_change(&change, false));
	}
	bh_buf_free(&text);
	bh_buf_free(&out);
}

void
bh_api_ep_learned_adopt(struct bh_api_req *req)
{
	struct adopt a = {.n = 0};
	json_t *body;

	if (!bh_api_has_store(req))
		return;
	if (!bh_api_precondition(req))
		return;
	body = bh_api_body_object(req);
	if (body == NULL)
		return;
	if (read_adopt(req, body, &a))
		adopt(req, &a);
	free(a.id);
	json_decref(body);
}
