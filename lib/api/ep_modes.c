/* /segments with PATCH: what a denial does, by segment. */
#include <errno.h>
#include <stdlib.h>

#include "api_priv.h"

/* Of one request. */
struct modes {
	struct bh_mode_change *change;
	size_t n;
	const char *author, *why;
};

static bool
read_mode(struct bh_api_req *req, const char *segment, const json_t *value,
	  struct bh_mode_change *out)
{
	const char *word = json_string_value(value);
	unsigned mode;

	*out = (struct bh_mode_change){.segment = segment, .mode = BH_MODE_UNSET};
	if (json_is_null(value))
		return true;
	for (mode = 0; mode <= BH_MODE_PROTECT; mode++) {
		if (word != NULL && strcmp(word, bh_mode_name(mode)) == 0) {
			out->mode = (uint8_t)mode;
			return true;
		}
	}
	bh_api_fail(req, BH_PROBLEM_INVALID, NULL,
		    "mode of %s: discover, monitor, protect, or null for what the policy says",
		    segment);
	return false;
}

/* {"mode": "protect"} of a segment, {"modes": {"web": "protect", "db": null}} of several; `author` and `why` with both. */
static bool
read_modes(struct bh_api_req *req, json_t *body, struct modes *m)
{
	const char *wanted = req->param != NULL ? "mode" : "modes", *key, *name;
	json_t *value, *list = json_object_get(body, wanted), *mode;

	json_object_foreach(body, key, value)
	{
		if (strcmp(key, "author") == 0 && json_is_string(value)) {
			m->author = json_string_value(value);
		} else if (strcmp(key, "why") == 0 && json_is_string(value)) {
			m->why = json_string_value(value);
		} else if (strcmp(key, wanted) != 0) {
			bh_api_fail(req, BH_PROBLEM_INVALID, NULL,
				    "%s: known are `%s`, and the texts `author` and `why`", key,
				    wanted);
			return false;
		}
	}
	if (list == NULL || (req->param == NULL && !json_is_object(list))) {
		bh_api_fail(req, BH_PROBLEM_INVALID, NULL, "`%s` is missing, or of another kind",
			    wanted);
		return false;
	}
	m->change = calloc(json_object_size(list) + 1, sizeof(*m->change));
	if (m->change == NULL) {
		bh_api_fail(req, BH_PROBLEM_FULL, NULL, "out of memory");
		return false;
	}
	if (req->param != NULL)
		return read_mode(req, req->param, list, &m->change[m->n++]);
	json_object_foreach(list, name, mode)
	{
		if (!read_mode(req, name, mode, &m->change[m->n++]))
			return false;
	}
	return true;
}

static json_t *
modes_json(struct bh_api_req *req, const struct modes *m)
{
	json_t *items = json_array();
	enum bh_mode_origin origin;
	enum bh_mode mode;
	size_t i;

	for (i = 0; i < m->n; i++) {
		if (!bh_policy_segment_mode(req->api->p.policy, m->change[i].segment, &mode,
					    &origin))
			continue;
		json_array_append_new(items, json_pack("{s:o, s:s, s:s}", "name",
						       bh_api_str(m->change[i].segment), "mode",
						       bh_mode_name(mode), "mode_from",
						       bh_mode_origin_name(origin)));
	}
	return items;
}

static void
fail(struct bh_api_req *req, int rc, const struct bh_err *err)
{
	enum bh_api_problem problem = BH_PROBLEM_INTERNAL;

	switch (-rc) {
	case ENOENT:
		problem = BH_PROBLEM_NOT_FOUND;
		break;
	case EINVAL:
		problem = BH_PROBLEM_INVALID;
		break;
	case ENOSPC:
	case EROFS:
	case ENOMEM:
		problem = BH_PROBLEM_FULL;
		break;
	}
	bh_api_fail(req, problem, NULL, "%s", err->what);
}

static void
change(struct bh_api_req *req, json_t *body)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	char actor[BH_API_ACTOR_MAX];
	struct bh_api_commit who = {.author = actor};
	struct modes m = {0};
	struct bh_err err = {0};
	json_t *items, *answer;
	int rc;

	if (!read_modes(req, body, &m) || !bh_api_actor(req, m.author, m.why, actor))
		goto out;
	who.why = m.why;
	who.sweep = calloc(1, sizeof(*who.sweep));
	rc = ops->modes_set != NULL
		     ? ops->modes_set(ops->arg, m.change, m.n, &who, &err)
		     : bh_policy_modes_set(req->api->p.policy, m.change, m.n, true, false, &err);
	if (rc != 0) {
		fail(req, rc, &err);
		goto out;
	}
	items = modes_json(req, &m);
	if (req->param == NULL || json_array_size(items) == 0)
		answer = json_pack("{s:o}", "items", items);
	else
		answer = json_incref(json_array_get(items, 0));
	if (req->param != NULL && json_array_size(items) != 0)
		json_decref(items);
	if (who.sweep != NULL)
		bh_api_put_sweep(req, who.sweep, answer);
	bh_api_json(req, 200, answer);
out:
	free(who.sweep);
	free(m.change);
}

void
bh_api_ep_modes_batch(struct bh_api_req *req)
{
	json_t *body = bh_api_body_object(req);

	if (body != NULL)
		change(req, body);
	json_decref(body);
}

void
bh_api_ep_modes_patch(struct bh_api_req *req)
{
	bh_api_ep_modes_batch(req);
}
