/* /sources: who tells labels of endpoints besides the policy and this API, and how that goes. */
#include "api_priv.h"

void
bh_api_ep_sources_list(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	json_t *items = json_array(), *o;
	struct bh_api_source s;
	unsigned i;

	for (i = 0; ops->source != NULL && ops->source(ops->arg, i, &s); i++) {
		o = json_pack("{s:s, s:s, s:b, s:b, s:b, s:I}", "name", s.name, "type", s.type,
			      "connected", s.connected, "synced", s.synced, "stale", s.stale,
			      "age_ms", (json_int_t)(s.age_ns / BH_NS_PER_MS));
		json_object_set_new(o, "objects", json_integer((json_int_t)s.objects));
		json_object_set_new(o, "endpoints", json_integer((json_int_t)s.endpoints));
		json_object_set_new(o, "left_out", json_integer((json_int_t)s.left_out));
		json_object_set_new(o, "refused", json_integer((json_int_t)s.refused));
		json_object_set_new(o, "changes", json_integer((json_int_t)s.changes));
		json_object_set_new(o, "policies", json_integer((json_int_t)s.policies));
		json_object_set_new(o, "policies_refused",
				    json_integer((json_int_t)s.policies_refused));
		json_object_set_new(o, "lists", json_integer((json_int_t)s.lists));
		json_object_set_new(o, "failures", json_integer((json_int_t)s.failures));
		json_object_set_new(o, "trouble", bh_api_str(s.trouble));
		json_array_append_new(items, o);
	}
	bh_api_json(req, 200, json_pack("{s:o, s:n}", "items", items, "next"));
}
