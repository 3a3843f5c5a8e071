/* /segments: named sets of endpoints. */
#include "api_priv.h"

static json_t *
segment_json(const struct bh_segment_info *s)
{
	json_t *o = json_object(), *addresses = json_array(), *zones = json_array();
	char text[64];
	unsigned i;

	json_object_set_new(o, "name", bh_api_str(s->name));
	json_object_set_new(o, "reserved", json_boolean(s->reserved));
	json_object_set_new(o, "selector", bh_api_str(s->selector != NULL ? s->selector : ""));
	for (i = 0; i < s->n_addresses; i++) {
		bh_prefix_format(&s->address[i], text, sizeof(text));
		json_array_append_new(addresses, json_string(text));
	}
	json_object_set_new(o, "addresses", addresses);
	for (i = 0; i < s->n_zones; i++)
		json_array_append_new(zones, bh_api_str(s->zone[i]));
	json_object_set_new(o, "zones", zones);
	json_object_set_new(o, "members", json_integer(s->members));
	if (strchr(s->name, ':') != NULL) {
		json_object_set_new(o, "cde", json_boolean(s->cde));
		json_object_set_new(o, "intra", json_string(s->keeps ? "only" : "any"));
	}
	if (!s->reserved) {
		json_object_set_new(o, "mode", json_string(bh_mode_name(s->mode)));
		json_object_set_new(o, "mode_from",
				    json_string(bh_mode_origin_name(s->mode_origin)));
	}
	if (s->line != 0)
		json_object_set_new(o, "line", json_integer(s->line));
	return o;
}

struct list {
	size_t at, from, limit;
	json_t *items;
	bool more;
};

static bool
list_add(void *arg, const struct bh_segment_info *s)
{
	struct list *l = arg;

	if (l->at++ < l->from)
		return true;
	if (json_array_size(l->items) == l->limit) {
		l->more = true;
		return false;
	}
	json_array_append_new(l->items, segment_json(s));
	return true;
}

void
bh_api_ep_segments_list(struct bh_api_req *req)
{
	struct list l = {0};

	if (!bh_api_arg_limit(req, &l.limit) || !bh_api_arg_position(req, &l.from))
		return;
	l.items = json_array();
	bh_policy_segments_each(req->api->p.policy, list_add, &l);
	bh_api_json(req, 200,
		    json_pack("{s:o, s:o}", "items", l.items, "next",
			      l.more ? bh_api_position(req, l.from + l.limit) : json_null()));
}

/* A zone is a segment, too, whose name begins so. */
static bool
zone_add(void *arg, const struct bh_segment_info *s)
{
	if (strncmp(s->name, "zone:", 5) == 0)
		json_array_append_new(arg, segment_json(s));
	return true;
}

void
bh_api_ep_zones_list(struct bh_api_req *req)
{
	json_t *items = json_array();

	bh_policy_segments_each(req->api->p.policy, zone_add, items);
	bh_api_json(req, 200, json_pack("{s:o, s:n}", "items", items, "next"));
}

struct find {
	const char *name;
	json_t *out;
};

static bool
find_one(void *arg, const struct bh_segment_info *s)
{
	struct find *f = arg;

	if (strcmp(s->name, f->name) != 0)
		return true;
	f->out = segment_json(s);
	return false;
}

/* The segment, and a page of its members. */
void
bh_api_ep_segments_get(struct bh_api_req *req)
{
	struct find f = {.name = req->param};
	json_t *page;

	bh_policy_segments_each(req->api->p.policy, find_one, &f);
	if (f.out == NULL) {
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "no segment is named %s", req->param);
		return;
	}
	page = bh_api_endpoint_page(req, req->param);
	if (page == NULL) {
		json_decref(f.out);
		return;
	}
	json_object_update(f.out, page);
	json_decref(page);
	bh_api_json(req, 200, f.out);
}
