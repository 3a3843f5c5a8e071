/* /learned/suggestions: segments that could be one, with the evidence. */
#include "../learn/draft.h"
#include "api_priv.h"

static json_t *
texts_json(const char *const *text, uint32_t n)
{
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(list, bh_api_str(text[i]));
	return list;
}

static json_t *
text_or_null(const char *text)
{
	return text[0] != '\0' ? bh_api_str(text) : json_null();
}

static json_t *
suggestion_json(const struct bh_suggestion *s)
{
	return json_pack("{s:o, s:o, s:I, s:o, s:o, s:I, s:I, s:o, s:I, s:o, s:o}", "name",
			 bh_api_str(s->name), "segments", texts_json(s->segment, s->n_segments),
			 "count", (json_int_t)s->n_segments, "selector", text_or_null(s->selector),
			 "ignore", text_or_null(s->ignore), "in_common", (json_int_t)s->in_common,
			 "in_all", (json_int_t)s->in_all, "shared",
			 texts_json(s->shared, s->n_shared), "sessions",
			 (json_int_t)s->seen.sessions, "first_seen", bh_api_time(s->seen.first_ns),
			 "last_seen", bh_api_time(s->seen.last_ns));
}

void
bh_api_ep_suggestions_get(struct bh_api_req *req)
{
	const struct bh_api_params *p = &req->api->p;
	struct bh_suggestions *o = NULL;
	struct bh_err err = {0};
	json_t *list;
	uint32_t i;

	if (!bh_api_has_learn(req))
		return;
	if (bh_learn_suggestions(p->learn, p->policy, &o, &err) != 0) {
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "%s", err.what);
		return;
	}
	list = json_array();
	for (i = 0; i < o->n; i++)
		json_array_append_new(list, suggestion_json(&o->item[i]));
	bh_api_json(req, 200,
		    json_pack("{s:o, s:{s:I, s:I}, s:{s:I, s:I}}", "suggestions", list, "rules",
			      "now", (json_int_t)o->rules[0], "then", (json_int_t)o->rules[1],
			      "names", "now", (json_int_t)o->names[0], "then",
			      (json_int_t)o->names[1]));
	bh_suggestions_free(o);
}
