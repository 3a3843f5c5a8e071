/* /audit: who did what, in a chain that shows when it was touched. */
#include <stdio.h>

#include "api_priv.h"

static bool
list_add(void *arg, const struct bh_audit *a)
{
	char prev[2 * BH_SHA256_SIZE + 1], hash[2 * BH_SHA256_SIZE + 1];
	json_t *detail = json_loads(a->detail, 0, NULL);
	struct bh_api_page *l = arg;

	bh_sha256_hex(a->prev, prev);
	bh_sha256_hex(a->hash, hash);
	/* What is no JSON was not written here: it is shown as it stands. */
	json_array_append_new(l->items,
			      json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "entry",
					(json_int_t)a->seq, "time", bh_api_time(a->time_ns),
					"actor", bh_api_str(a->actor), "action",
					bh_api_str(a->action), "object", bh_api_str(a->object),
					"result", bh_api_str(a->result), "detail",
					detail != NULL ? detail : bh_api_str(a->detail), "prev",
					prev, "hash", hash));
	l->last = a->seq;
	return true;
}

void
bh_api_ep_audit_list(struct bh_api_req *req)
{
	struct bh_audit_filter f = {.actor = bh_api_arg(req, "actor"),
				    .action = bh_api_arg(req, "action"),
				    .object = bh_api_arg(req, "object"),
				    .result = bh_api_arg(req, "result")};
	struct bh_api_page page;
	struct bh_err err = {0};
	int rc;

	if (!bh_api_has_store(req) || !bh_api_arg_time(req, "since", &f.since_ns) ||
	    !bh_api_arg_time(req, "until", &f.until_ns) ||
	    !bh_api_page_begin(req, INT64_MAX, &page))
		return;
	f.before = page.before;
	f.max = (unsigned)page.limit;
	rc = bh_store_audits_find(req->api->p.store, &f, list_add, &page, &err);
	bh_api_page_end(req, &page, rc, &err);
}

void
bh_api_ep_audit_verify(struct bh_api_req *req)
{
	struct bh_audit_check c;
	struct bh_err err = {0};
	char head[2 * BH_SHA256_SIZE + 1];
	json_t *o;

	if (!bh_api_has_store(req))
		return;
	if (bh_store_audit_verify(req->api->p.store, &c, &err) != 0) {
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "%s", err.what);
		return;
	}
	bh_sha256_hex(c.head, head);
	o = json_pack("{s:b, s:I, s:I, s:s}", "intact", c.wrong == 0, "entries",
		      (json_int_t)c.entries, "head_entry", (json_int_t)c.head_seq, "head", head);
	if (c.wrong != 0) {
		json_object_set_new(o, "wrong_entry", json_integer((json_int_t)c.wrong));
		json_object_set_new(o, "why", json_string(c.why));
	}
	bh_api_json(req, 200, o);
}
