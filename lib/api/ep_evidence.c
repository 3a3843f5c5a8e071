/* /evidence: the packets around alerts. */
#include <errno.h>
#include <stdio.h>

#include "../evidence/evidence.h"
#include "api_priv.h"

static bool
has_evidence(struct bh_api_req *req)
{
	if (req->api->p.evidence != NULL && req->api->p.evidence[0] != '\0')
		return true;
	bh_api_fail(req, BH_PROBLEM_NO_EVIDENCE, NULL, "set evidence.path in the configuration");
	return false;
}

static void
fail(struct bh_api_req *req, int rc, const struct bh_err *err)
{
	bh_api_fail(req, rc == -ENOENT ? BH_PROBLEM_NOT_FOUND : BH_PROBLEM_INTERNAL, NULL, "%s",
		    err->what);
}

static json_t *
file_json(const struct bh_evidence_file *f)
{
	char flow[24];

	snprintf(flow, sizeof(flow), "%llu", (unsigned long long)f->flow_id);
	return json_pack("{s:s, s:o, s:s, s:o, s:I}", "name", f->name, "time",
			 bh_api_time(f->time_ns), "class", f->class_, "flow_id",
			 f->flow_id != 0 ? json_string(flow) : json_null(), "bytes",
			 (json_int_t)f->size);
}

void
bh_api_ep_evidence_list(struct bh_api_req *req)
{
	const char *cursor = bh_api_arg(req, "cursor");
	struct bh_evidence_file *file, one;
	struct bh_err err = {0};
	json_t *items;
	unsigned n, i;
	size_t limit;
	bool more;
	int rc;

	if (!has_evidence(req) || !bh_api_arg_limit(req, &limit))
		return;
	if (cursor != NULL && !bh_evidence_name_parse(cursor, &one)) {
		bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = "cursor"},
			    "must be `next` of the page before");
		return;
	}
	file = calloc(limit, sizeof(*file));
	if (file == NULL) {
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "out of memory");
		return;
	}
	rc = bh_evidence_list(req->api->p.evidence,
			      &(struct bh_evidence_want){.before = cursor, .max = (unsigned)limit},
			      file, &n, &more, &err);
	if (rc != 0) {
		fail(req, rc, &err);
		goto free_list;
	}
	items = json_array();
	for (i = 0; i < n; i++)
		json_array_append_new(items, file_json(&file[i]));
	bh_api_json(req, 200,
		    json_pack("{s:o, s:o}", "items", items, "next",
			      more ? json_string(file[n - 1].name) : json_null()));
free_list:
	free(file);
}

void
bh_api_ep_evidence_get(struct bh_api_req *req)
{
	struct bh_err err = {0};
	struct bh_buf text = {0};
	int rc;

	if (!has_evidence(req))
		return;
	rc = bh_evidence_load(req->api->p.evidence, req->param, &text.data, &text.len, &err);
	if (rc != 0) {
		fail(req, rc, &err);
		return;
	}
	bh_api_text(req, &text, "application/x-pcapng");
	bh_buf_free(&text);
}

void
bh_api_ep_evidence_delete(struct bh_api_req *req)
{
	struct bh_err err = {0};
	int rc;

	if (!has_evidence(req))
		return;
	rc = bh_evidence_delete(req->api->p.evidence, req->param, &err);
	if (rc != 0)
		fail(req, rc, &err);
	else
		bh_api_empty(req, 204);
}
