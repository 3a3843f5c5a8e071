/* /reports: what an assessor asks for. */
#include <errno.h>

#include "report.h"

void
bh_api_ep_reports_pci(struct bh_api_req *req)
{
	const char *zone = bh_api_arg(req, "zone"), *format = bh_api_arg(req, "format");
	uint64_t days = BH_REPORT_DAYS;
	struct bh_err err = {0};
	struct bh_buf page = {0};
	json_t *o = NULL;
	int rc;

	if (format != NULL && strcmp(format, "html") != 0 && strcmp(format, "json") != 0) {
		bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = "format"},
			    "must be json or html");
		return;
	}
	if (zone == NULL) {
		bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = "zone"},
			    "name a zone that is marked `cde: true` in the policy");
		return;
	}
	if (!bh_api_arg_u64(req, "days", 36500, &days))
		return;
	rc = bh_report_pci(&req->api->p, zone, days, &o, &err);
	if (rc != 0) {
		bh_api_fail(req,
			    rc == -ENOENT   ? BH_PROBLEM_NOT_FOUND
			    : rc == -EINVAL ? BH_PROBLEM_INVALID
					    : BH_PROBLEM_INTERNAL,
			    &(struct bh_api_where){.argument = "zone"}, "%s", err.what);
		return;
	}
	if (format == NULL || strcmp(format, "json") == 0) {
		bh_api_json(req, 200, o);
		return;
	}
	bh_report_html(o, &page);
	json_decref(o);
	bh_api_text(req, &page, "text/html; charset=utf-8");
	bh_buf_free(&page);
}

/* {"zone": "cde", "author": "alice", "why": "..."}: the sign-off of PCI DSS 1.2.7, as an entry of the audit log. */
static bool
read_review(struct bh_api_req *req, json_t *body, const char *text[3])
{
	static const char *const known[3] = {"zone", "author", "why"};
	const char *key;
	json_t *value;
	unsigned i;

	json_object_foreach(body, key, value)
	{
		for (i = 0; i < BH_ARRAY_SIZE(known) && strcmp(key, known[i]) != 0;)
			i++;
		if (i < BH_ARRAY_SIZE(known) && json_is_string(value)) {
			text[i] = json_string_value(value);
			continue;
		}
		bh_api_fail(req, BH_PROBLEM_INVALID, NULL,
			    "%s: known are the texts `zone`, `author` and `why`", key);
		return false;
	}
	if (text[0] != NULL)
		return true;
	bh_api_fail(req, BH_PROBLEM_INVALID, NULL, "`zone` is missing");
	return false;
}

static void
record(struct bh_api_req *req, const char *zone, const char *actor, const char *why)
{
	struct bh_scope *scope = NULL;
	struct bh_err err = {0};
	struct bh_audit a = {.actor = actor, .action = "report.review", .result = "ok"};
	json_t *detail =
		json_pack("{s:I}", "revision", (json_int_t)bh_policy_revision(req->api->p.policy));
	char *text;
	int rc = bh_policy_scope(req->api->p.policy, zone, &scope, &err);

	if (why != NULL)
		json_object_set_new(detail, "why", bh_api_str(why));
	text = json_dumps(detail, JSON_COMPACT);
	json_decref(detail);
	a.detail = text;
	if (rc == 0) {
		a.object = scope->name;
		rc = bh_store_audit(req->api->p.store, &a, &err);
	}
	if (rc == 0)
		bh_api_json(req, 200, json_pack("{s:s, s:s}", "zone", a.object, "reviewer", actor));
	else
		bh_api_fail(req,
			    rc == -ENOENT   ? BH_PROBLEM_NOT_FOUND
			    : rc == -ENOSPC ? BH_PROBLEM_FULL
					    : BH_PROBLEM_INTERNAL,
			    NULL, "%s", err.what);
	free(text);
	bh_scope_free(scope);
}

void
bh_api_ep_reports_review(struct bh_api_req *req)
{
	const char *text[3] = {NULL};
	char actor[BH_API_ACTOR_MAX];
	json_t *body;

	if (!bh_api_has_store(req))
		return;
	body = bh_api_body_object(req);
	if (body != NULL && read_review(req, body, text) &&
	    bh_api_actor(req, text[1], text[2], actor))
		record(req, text[0], actor, text[2]);
	json_decref(body);
}
