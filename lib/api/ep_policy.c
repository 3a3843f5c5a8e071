/* /policy: the document in force, and its replacement. */
#include <errno.h>
#include <stdio.h>

#include "api_priv.h"

static void
set_etag(struct bh_api_req *req)
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
summary_json(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	struct bh_policy_counts c;

	bh_policy_counts(req->api->p.policy, &c);
	return json_pack("{s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "revision",
			 (json_int_t)bh_policy_revision(req->api->p.policy), "mode",
			 bh_api_str(ops->mode(ops->arg)), "segments", (json_int_t)c.segments,
			 "rules", (json_int_t)c.rules, "endpoints", (json_int_t)c.endpoints,
			 "label_sets", (json_int_t)c.label_sets, "classes", (json_int_t)c.classes,
			 "pairs", (json_int_t)c.pairs, "compile_ns", (json_int_t)c.compile_ns,
			 "bytes", (json_int_t)c.bytes);
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
	set_etag(req);
	if (!wants_yaml(req)) {
		bh_api_json(req, 200, summary_json(req));
		return;
	}
	bh_policy_text(req->api->p.policy, &text);
	bh_api_text(req, &text, "application/yaml");
	bh_buf_free(&text);
}

static json_t *
change_json(const struct bh_policy_change *c, bool dry_run)
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
static bool
precondition(struct bh_api_req *req)
{
	const char *match = req->head.if_match;

	set_etag(req);
	if (match == NULL || strcmp(match, "*") == 0 || strcmp(match, req->reply.etag) == 0)
		return true;
	bh_api_fail(req, BH_PROBLEM_PRECONDITION, NULL, "the revision in force is %s",
		    req->reply.etag);
	return false;
}

/* An empty document is a policy that allows nothing. Who sends one has most likely lost it on the way. */
static bool
has_text(struct bh_api_req *req)
{
	if (req->body.data != NULL && req->body.data[strspn(req->body.data, " \t\r\n")] != '\0')
		return true;
	bh_api_fail(req, BH_PROBLEM_POLICY, &(struct bh_api_where){.line = 1, .column = 1},
		    "the document is empty; to allow nothing, write `rules: []`");
	return false;
}

void
bh_api_ep_policy_put(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	struct bh_policy_change change = {0};
	struct bh_err err = {0};
	uint64_t dry_run = 0;
	int rc;

	if (!bh_api_arg_u64(req, "dry_run", 1, &dry_run) || !precondition(req) || !has_text(req))
		return;
	rc = ops->policy_put(ops->arg, req->body.data, req->body.len, dry_run != 0, &change, &err);
	if (rc < 0) {
		bh_api_fail(req,
			    rc == -EINVAL                    ? BH_PROBLEM_POLICY
			    : rc == -ENOSPC || rc == -ENOMEM ? BH_PROBLEM_FULL
							     : BH_PROBLEM_INTERNAL,
			    &(struct bh_api_where){.line = err.line, .column = err.column}, "%s",
			    err.what);
		return;
	}
	set_etag(req);
	bh_api_json(req, 200, change_json(&change, dry_run != 0));
}
