/* /reasons: why packets pass and drop, with a sentence and a count for each. */
#include "api_priv.h"

void
bh_api_ep_reasons_list(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	json_t *items = json_array();
	struct bh_counters c;
	unsigned i;

	ops->counters(ops->arg, UINT32_MAX, &c);
	for (i = BH_REASON_NONE + 1; i < BH_REASON_COUNT; i++) {
		bool pass = bh_reason_group(i) == BH_GROUP_PASS;

		json_array_append_new(items,
				      json_pack("{s:s, s:s, s:s, s:I}", "name", bh_reason_name(i),
						"group", bh_reason_group_name(bh_reason_group(i)),
						"text", bh_reason_text(i), "packets",
						(json_int_t)(pass ? c.passed[i] : c.dropped[i])));
	}
	bh_api_json(req, 200, json_pack("{s:o, s:n}", "items", items, "next"));
}
