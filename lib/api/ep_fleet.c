/* /fleet: gateways that share one policy, and what each has in force. */
#include "api_priv.h"

static json_t *
member_json(const struct bh_fleet_member *m)
{
	return json_pack("{s:o, s:b, s:b, s:I, s:s, s:o, s:o, s:o}", "name", bh_api_str(m->name),
			 "self", m->self, "connected", m->connected, "revision",
			 (json_int_t)m->revision, "sha256", m->sha256, "since",
			 m->since_ns != 0 ? bh_api_time(m->since_ns) : json_null(), "state",
			 bh_api_str(m->state), "version", bh_api_str(m->version));
}

void
bh_api_ep_fleet_get(struct bh_api_req *req)
{
	struct bh_fleet *f = req->api->p.fleet;
	json_t *items = json_array(), *o;
	struct bh_fleet_status s = {0};
	struct bh_fleet_member m;
	unsigned i;

	if (f != NULL)
		bh_fleet_status(f, &s);
	for (i = 0; f != NULL && bh_fleet_member(f, i, &m); i++)
		json_array_append_new(items, member_json(&m));
	o = json_pack("{s:b, s:o, s:b, s:b, s:o, s:I, s:b}", "configured", f != NULL, "name",
		      bh_api_str(s.name), "connected", s.connected, "in_step", s.in_step, "since",
		      s.since_ns != 0 ? bh_api_time(s.since_ns) : json_null(), "revision",
		      (json_int_t)s.revision, "waits", s.waits);
	json_object_set_new(o, "endpoint", bh_api_str(s.endpoint));
	json_object_set_new(o, "items", items);
	json_object_set_new(o, "shared", json_integer((json_int_t)s.items));
	json_object_set_new(o, "pending", json_integer((json_int_t)s.pending));
	json_object_set_new(o, "left_out", json_integer((json_int_t)s.left_out));
	json_object_set_new(o, "reloads", json_integer((json_int_t)s.reloads));
	json_object_set_new(o, "failures", json_integer((json_int_t)s.failures));
	json_object_set_new(o, "trouble", bh_api_str(s.trouble));
	bh_api_json(req, 200, o);
}
