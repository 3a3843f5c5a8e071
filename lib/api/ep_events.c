/* /events: what happened, out of the event store. Lines are handed on as they stand in it, as the event file has them. */
#include <errno.h>

#include "events.h"

/* For one page: this thread answers everybody. What hardly any event fits comes in pages that are short, with a cursor. */
#define BUDGET_NS (200 * BH_NS_PER_MS)

struct page {
	struct bh_buf out;
	bool comma;
};

static bool
add(void *arg, uint64_t id, const char *line, size_t len)
{
	struct page *p = arg;

	bh_buf_printf(&p->out, "%s{\"id\":\"%llu\",\"event\":", p->comma ? "," : "",
		      (unsigned long long)id);
	bh_buf_add(&p->out, line, len);
	bh_buf_str(&p->out, "}");
	p->comma = true;
	return !p->out.failed;
}

void
bh_api_ep_events_list(struct bh_api_req *req)
{
	struct bh_record_query q = {.budget_ns = BUDGET_NS};
	struct page p = {.comma = false};
	struct bh_err err = {0};
	uint64_t next;

	if (!bh_api_has_events(req) || !bh_api_events_filter(req, &q.filter) ||
	    !bh_api_arg_limit(req, &q.max) || !bh_api_arg_u64(req, "cursor", INT64_MAX, &q.before))
		return;
	bh_buf_str(&p.out, "{\"items\":[");
	if (bh_record_query(req->api->p.record, &q, add, &p, &next, &err) != 0) {
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "%s", err.what);
	} else {
		if (next != 0)
			bh_buf_printf(&p.out, "],\"next\":\"%llu\"}", (unsigned long long)next);
		else
			bh_buf_str(&p.out, "],\"next\":null}");
		bh_api_text(req, &p.out, "application/json");
	}
	bh_buf_free(&p.out);
}

void
bh_api_ep_events_get(struct bh_api_req *req)
{
	struct page p = {.comma = false};
	struct bh_err err = {0};
	uint64_t id = 0;
	char *end = NULL;
	int rc = -ENOENT;

	if (!bh_api_has_events(req))
		return;
	if (req->param[0] >= '1' && req->param[0] <= '9')
		id = strtoull(req->param, &end, 10);
	if (id != 0 && *end == '\0')
		rc = bh_record_get(req->api->p.record, id, add, &p, &err);
	if (rc == 0)
		bh_api_text(req, &p.out, "application/json");
	else if (rc == -ENOENT)
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL,
			    "no event has this number, or it is no longer kept");
	else
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "%s", err.what);
	bh_buf_free(&p.out);
}
