/* /policy: the document in force, and its replacement. */
#include <errno.h>
#include <stdio.h>

#include "api_priv.h"

void
bh_api_set_etag(struct bh_api_req *req)
{
	snprintf(req->reply.etag, sizeof(req->reply.etag), "\"%u\"",
		 bh_policy_revision(req->api->p.policy));
}

/* An argument is plainer than a header, and wins. Of the header, the word is enough: whoever lists
 * both kinds takes JSON, too. */
static bool
wants_yaml(const struct bh_api_req *req)
{
	const char *format = bh_api_arg(req, "format"), *accept = req->head.accept;

	if (format != NULL)
		return strcmp(format, "yaml") == 0;
	return accept != NULL && strstr(accept, "yaml") != NULL && strstr(accept, "json") == NULL;
}

static json_t *
modes_json(struct bh_policy *p)
{
	struct bh_modes_info m;
	json_t *segments = json_object();
	unsigned i;

	bh_policy_modes(p, &m);
	for (i = 0; i < BH_ARRAY_SIZE(m.segments); i++)
		json_object_set_new(segments, bh_mode_name(i), json_integer(m.segments[i]));
	return json_pack("{s:s, s:s, s:s, s:o}", "default", bh_mode_name(m.default_mode),
			 "contention", m.strict ? "strict" : "basic", "override",
			 m.override_mode != BH_MODE_UNSET ? bh_mode_name(m.override_mode) : "none",
			 "segments", segments);
}

static json_t *
summary_json(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	struct bh_policy_counts c;
	struct bh_confirm w = {0};
	json_t *o;

	bh_policy_counts(req->api->p.policy, &c);
	o = json_pack("{s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "revision",
		      (json_int_t)bh_policy_revision(req->api->p.policy), "mode",
		      bh_api_str(ops->mode(ops->arg)), "segments", (json_int_t)c.segments, "rules",
		      (json_int_t)c.rules, "endpoints", (json_int_t)c.endpoints, "label_sets",
		      (json_int_t)c.label_sets, "classes", (json_int_t)c.classes, "pairs",
		      (json_int_t)c.pairs, "compile_ns", (json_int_t)c.compile_ns, "bytes",
		      (json_int_t)c.bytes);
	json_object_set_new(o, "modes", modes_json(req->api->p.policy));
	if (req->api->p.store != NULL)
		bh_store_waiting(req->api->p.store, &w);
	if (w.number != 0)
		json_object_set_new(o, "unconfirmed",
				    json_pack("{s:I, s:I, s:I}", "revision", (json_int_t)w.number,
					      "previous", (json_int_t)w.previous, "left_ms",
					      (json_int_t)w.left_ms));
	return o;
}

void
bh_api_ep_policy_get(struct bh_api_req *req)
{
	const char *format = bh_api_arg(req, "format");
	struct bh_buf text = {0};

	if (format != NULL && strcmp(format, "yaml") != 0 && strcmp(format, "json") != 0) {
		bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = "format"},
			    "must be json or yaml");
		return;
	}
	bh_api_set_etag(req);
	if (!wants_yaml(req)) {
		bh_api_json(req, 200, summary_json(req));
		return;
	}
	bh_policy_text(req->api->p.policy, &text);
	bh_api_text(req, &text, "application/yaml");
	bh_buf_free(&text);
}

json_t *
bh_api_json_change(const struct bh_policy_change *c, bool dry_run)
{
	return json_pack("{s:b, s:I, s:{s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I, s:I}, "
			 "s:{s:I, s:I, s:I, s:I}}",
			 "dry_run", dry_run, "revision", (json_int_t)c->revision, "segments",
			 "total", (json_int_t)c->segments, "added", (json_int_t)c->segments_added,
			 "removed", (json_int_t)c->segments_removed, "changed",
			 (json_int_t)c->segments_changed, "rules", "total", (json_int_t)c->rules,
			 "added", (json_int_t)c->rules_added, "removed",
			 (json_int_t)c->rules_removed, "changed", (json_int_t)c->rules_changed,
			 "endpoints", "total", (json_int_t)c->endpoints, "added",
			 (json_int_t)c->endpoints_added, "removed",
			 (json_int_t)c->endpoints_removed, "changed",
			 (json_int_t)c->endpoints_changed);
}

/* If-Match (RFC 9110 13.1.1): replace only what the writer has read. */
bool
bh_api_precondition(struct bh_api_req *req)
{
	const char *match = req->head.if_match;

	bh_api_set_etag(req);
	if (match == NULL || strcmp(match, "*") == 0 || strcmp(match, req->reply.etag) == 0)
		return true;
	bh_api_fail(req, BH_PROBLEM_PRECONDITION, NULL, "the revision in force is %s",
		    req->reply.etag);
	return false;
}

/* An empty document is a policy that allows nothing. Who sends one has most likely lost it on the way. */
bool
bh_api_has_document(struct bh_api_req *req)
{
	if (req->body.data != NULL && req->body.data[strspn(req->body.data, " \t\r\n")] != '\0')
		return true;
	bh_api_fail(req, BH_PROBLEM_POLICY, &(struct bh_api_where){.line = 1, .column = 1},
		    "the document is empty; to allow nothing, write `rules: []`");
	return false;
}

void
bh_api_fail_policy(struct bh_api_req *req, int rc, const struct bh_err *err)
{
	enum bh_api_problem problem = BH_PROBLEM_INTERNAL;

	switch (-rc) {
	case EINVAL:
		problem = BH_PROBLEM_POLICY;
		break;
	case EROFS: /* of the store: its disk */
		if (req->api->p.store == NULL)
			break;
		/* fall through */
	case ENOSPC:
	case ENOMEM:
		problem = BH_PROBLEM_FULL;
		break;
	case EALREADY:
		problem = BH_PROBLEM_UNCONFIRMED;
		break;
	case ENOENT:
	case ENODATA:
		problem = req->api->p.store != NULL ? BH_PROBLEM_NOT_FOUND : BH_PROBLEM_INTERNAL;
		break;
	case EAGAIN:
		problem = BH_PROBLEM_BUSY;
		break;
	case ESTALE: /* of a fleet: another revision was first */
		problem = BH_PROBLEM_PRECONDITION;
		break;
	case ENOTCONN:
		problem = BH_PROBLEM_CUT_OFF;
		break;
	}
	bh_api_fail(req, problem, &(struct bh_api_where){.line = err->line, .column = err->column},
		    "%s", err->what);
}

/* Without a store, author and why go no further; a confirmation that never comes must not be promised. */
static bool
commit_args(struct bh_api_req *req, struct bh_api_commit *c, char actor[BH_API_ACTOR_MAX])
{
	if (req->api->p.store == NULL && bh_api_arg(req, "confirm") != NULL) {
		bh_api_fail(req, BH_PROBLEM_NO_STORE, &(struct bh_api_where){.argument = "confirm"},
			    "set store.path in the configuration");
		return false;
	}
	c->why = bh_api_arg(req, "why");
	return bh_api_arg_ms(req, "confirm", &c->confirm_ms) &&
	       bh_api_actor(req, bh_api_arg(req, "author"), c->why, actor);
}

void
bh_api_ep_policy_put(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	struct bh_policy_change change = {0};
	char actor[BH_API_ACTOR_MAX];
	struct bh_api_commit c = {.author = actor};
	struct bh_err err = {0};
	uint64_t dry_run = 0;
	json_t *answer;
	int rc;

	if (!bh_api_arg_u64(req, "dry_run", 1, &dry_run) || !commit_args(req, &c, actor) ||
	    !bh_api_precondition(req) || !bh_api_has_document(req))
		return;
	c.text = req->body.data;
	c.len = req->body.len;
	c.sweep = calloc(1, sizeof(*c.sweep));
	if (req->api->p.store != NULL && dry_run == 0)
		rc = ops->policy_commit(ops->arg, &c, &change, &err);
	else
		rc = ops->policy_put(ops->arg, c.text, c.len, dry_run != 0, &change, &err);
	if (rc < 0) {
		bh_api_fail_policy(req, rc, &err);
	} else {
		bh_api_set_etag(req);
		answer = bh_api_json_change(&change, dry_run != 0);
		if (c.sweep != NULL)
			bh_api_put_sweep(req, c.sweep, answer);
		if (dry_run != 0)
			bh_api_put_lint(req, c.text, c.len, answer);
		bh_api_json(req, 200, answer);
	}
	free(c.sweep);
}
