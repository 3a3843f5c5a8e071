/* /policy/shadow: a draft beside live traffic. */
#include <errno.h>

#include "../learn/shadow.h"
#include "api_priv.h"

#define USUALLY_MS (3600u * 1000)

struct list {
	json_t *items;
	size_t limit;
};

static bool
has_shadow(struct bh_api_req *req)
{
	if (req->api->p.shadow != NULL)
		return true;
	bh_api_fail(req, BH_PROBLEM_NO_LEARNING, NULL,
		    "set learning.record: true in the configuration");
	return false;
}

static json_t *
side_json(uint8_t verdict, const char *rule)
{
	return json_pack("{s:s, s:o}", "verdict", bh_verdict_name(verdict), "rule",
			 rule[0] != '\0' ? bh_api_str(rule) : json_null());
}

static bool
add(void *arg, const struct bh_shadow_difference *d)
{
	char service[32], client[64], server[64];
	struct list *l = arg;
	json_t *o;

	if (json_array_size(l->items) == l->limit)
		return false;
	o = json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "from",
		      bh_api_str(d->from), "to", bh_api_str(d->to), "service",
		      bh_service_format(d->service, service, sizeof(service)), "application",
		      d->app[0] != '\0' ? json_string(d->app) : json_null(), "before",
		      side_json(d->before, d->rule[0]), "after", side_json(d->after, d->rule[1]),
		      "connections", (json_int_t)d->connections, "open", (json_int_t)d->open,
		      "first_seen", bh_api_time(d->first_ns), "last_seen", bh_api_time(d->last_ns));
	json_object_set_new(o, "client",
			    json_string(bh_addr_format(d->family, d->address[0], client,
						       sizeof(client))));
	json_object_set_new(o, "server",
			    json_string(bh_addr_format(d->family, d->address[1], server,
						       sizeof(server))));
	json_array_append_new(l->items, o);
	return true;
}

static void
reply(struct bh_api_req *req, unsigned status, size_t limit)
{
	struct list l = {.items = json_array(), .limit = limit};
	struct bh_shadow_state s;

	bh_shadow_each(req->api->p.shadow, &s, add, &l);
	bh_api_json(req, status,
		    json_pack("{s:b, s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "on", s.on, "since",
			      s.started ? bh_api_time(s.start_ns) : json_null(), "until",
			      s.started ? bh_api_time(s.until_ns) : json_null(), "connections",
			      (json_int_t)s.connections, "changed", (json_int_t)s.changed,
			      "undecided", (json_int_t)s.unknown, "no_room", (json_int_t)s.no_room,
			      "items", l.items));
}

void
bh_api_ep_shadow_get(struct bh_api_req *req)
{
	size_t limit;

	if (has_shadow(req) && bh_api_arg_limit(req, &limit))
		reply(req, 200, limit);
}

void
bh_api_ep_shadow_post(struct bh_api_req *req)
{
	const struct bh_api_params *p = &req->api->p;
	struct bh_shadow_params s = {.name = "request body",
				     .text = req->body.data,
				     .len = req->body.len,
				     .p = p->policy,
				     .max_endpoints = p->max_endpoints,
				     .mode = bh_api_mode(p->ops.mode(p->ops.arg)),
				     .for_ms = USUALLY_MS};
	struct bh_err err = {0};
	int rc;

	if (!has_shadow(req) || !bh_api_arg_ms(req, "for", &s.for_ms) || !bh_api_has_document(req))
		return;
	rc = bh_shadow_start(p->shadow, &s, &err);
	if (rc != 0)
		bh_api_fail_policy(req, rc, &err);
	else
		reply(req, 200, 0);
}

void
bh_api_ep_shadow_delete(struct bh_api_req *req)
{
	if (!has_shadow(req))
		return;
	if (bh_shadow_stop(req->api->p.shadow))
		reply(req, 200, 0);
	else
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "no draft is beside the traffic");
}
