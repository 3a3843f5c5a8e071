/* /logs: what the gateway told its service manager, as far as it is kept: the newest lines. */
#include <stdio.h>

#include "api_priv.h"

static const char *const levels[] = {"error", "warning", "info"};

static bool
read_level(struct bh_api_req *req, enum bh_log_level *out)
{
	const char *word = bh_api_arg(req, "level");
	unsigned i;

	*out = BH_LOG_INFO;
	for (i = 0; word != NULL && i < BH_ARRAY_SIZE(levels); i++) {
		if (strcmp(word, levels[i]) == 0) {
			*out = (enum bh_log_level)i;
			return true;
		}
	}
	if (word == NULL)
		return true;
	bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = "level"},
		    "must be error, warning or info");
	return false;
}

static json_t *
line_json(const struct bh_api_log *l)
{
	char id[24];

	snprintf(id, sizeof(id), "%llu", (unsigned long long)l->number);
	return json_pack("{s:s, s:o, s:s, s:o}", "id", id, "time", bh_api_time(l->time_ns), "level",
			 levels[l->level], "text", bh_api_str(l->text));
}

void
bh_api_ep_logs_list(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	uint64_t since = 0, until = UINT64_MAX, at = 0;
	enum bh_log_level least;
	struct bh_api_page page;
	struct bh_err err = {0};
	struct bh_api_log l;

	if (!read_level(req, &least) || !bh_api_arg_time(req, "since", &since) ||
	    !bh_api_arg_time(req, "until", &until) || !bh_api_page_begin(req, INT64_MAX, &page))
		return;
	if (ops->log != NULL && ops->log(ops->arg, 0, &l))
		at = page.before != 0 && page.before <= l.number ? page.before - 1 : l.number;
	for (; at != 0 && json_array_size(page.items) < page.limit && ops->log(ops->arg, at, &l);
	     at--) {
		if (l.level > least || l.time_ns < since || l.time_ns > until)
			continue;
		json_array_append_new(page.items, line_json(&l));
		page.last = l.number;
	}
	bh_api_page_end(req, &page, 0, &err);
}
