/* /policy/whatif: what a draft would change for recorded conversations. */
#include <errno.h>

#include "../learn/draft.h"
#include "api_priv.h"

struct list {
	json_t *items;
	size_t limit;
	/* Of the last item: a further pair of the same conversation, changed alike, goes there. */
	uint64_t id;
	struct bh_draft_verdict before, after;
};

static json_t *
verdict_json(const struct bh_draft_verdict *v)
{
	return json_pack("{s:s, s:s, s:b, s:o}", "verdict", bh_verdict_name(v->verdict), "reason",
			 bh_reason_name(v->reason), "by_operation", v->by_operation, "rule",
			 v->rule[0] != '\0' ? bh_api_str(v->rule) : json_null());
}

static bool
is_alike(const struct bh_draft_verdict *a, const struct bh_draft_verdict *b)
{
	return a->verdict == b->verdict && a->by_operation == b->by_operation &&
	       strcmp(a->rule, b->rule) == 0;
}

static json_t *
pair_json(const struct bh_conversation *c)
{
	struct bh_prefix p = {.family = c->family, .len = c->family == 4 ? 32 : 128};
	char text[2][64];
	json_t *o;
	unsigned i;

	for (i = 0; i < 2; i++) {
		memcpy(p.addr, c->address[i], 16);
		bh_prefix_format(&p, text[i], sizeof(text[i]));
	}
	o = json_pack("{s:s, s:s}", "client", text[0], "server", text[1]);
	if (o != NULL)
		bh_api_json_tenant(o, c->tenant);
	return o;
}

static bool
add(void *arg, const struct bh_conversation *c, const struct bh_draft_verdict *before,
    const struct bh_draft_verdict *after)
{
	struct list *l = arg;
	size_t n = json_array_size(l->items);

	if (n != 0 && l->id == c->id && is_alike(before, &l->before) &&
	    is_alike(after, &l->after)) {
		json_array_append_new(json_object_get(json_array_get(l->items, n - 1), "pairs"),
				      pair_json(c));
		return true;
	}
	if (n == l->limit)
		return false;
	l->id = c->id;
	l->before = *before;
	l->after = *after;
	json_array_append_new(l->items,
			      json_pack("{s:o, s:o, s:o, s:b, s:[o]}", "conversation",
					bh_api_json_conversation(c), "before", verdict_json(before),
					"after", verdict_json(after), "by_application",
					after->verdict == BH_VERDICT_PENDING, "pairs",
					pair_json(c)));
	return true;
}

enum bh_mode
bh_api_mode(const char *name)
{
	unsigned m;

	for (m = BH_MODE_DISCOVER; m < BH_MODE_PROTECT; m++) {
		if (strcmp(bh_mode_name(m), name) == 0)
			break;
	}
	return (enum bh_mode)m;
}

void
bh_api_ep_whatif_post(struct bh_api_req *req)
{
	const struct bh_api_params *p = &req->api->p;
	struct bh_whatif w = {.name = "request body",
			      .text = req->body.data,
			      .len = req->body.len,
			      .p = p->policy,
			      .max_endpoints = p->max_endpoints,
			      .mode = bh_api_mode(p->ops.mode(p->ops.arg))};
	struct bh_whatif_counts n;
	struct list l = {.items = NULL};
	struct bh_err err = {0};
	uint64_t days = 0;
	int rc;

	if (!bh_api_has_learn(req))
		return;
	if (!bh_api_arg_limit(req, &l.limit) || !bh_api_arg_u64(req, "days", 36500, &days) ||
	    !bh_api_has_document(req))
		return;
	w.days = (uint32_t)days;
	l.items = json_array();
	rc = bh_learn_whatif(p->learn, &w, add, &l, &n, &err);
	if (rc != 0) {
		json_decref(l.items);
		bh_api_fail_policy(req, rc, &err);
		return;
	}
	bh_api_json(req, 200,
		    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "conversations",
			      (json_int_t)n.conversations, "sessions", (json_int_t)n.sessions,
			      "unknown", (json_int_t)n.unknown, "changed", (json_int_t)n.changed,
			      "changed_sessions", (json_int_t)n.changed_sessions, "pairs",
			      (json_int_t)n.pairs, "changed_pairs", (json_int_t)n.changed_pairs,
			      "by_application", (json_int_t)n.by_application, "incomplete",
			      (json_int_t)n.incomplete, "items", l.items));
}
