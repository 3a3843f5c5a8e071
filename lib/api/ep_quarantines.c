/* /quarantines and /blocks: what an operator takes away for a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api_priv.h"

static bool
has_response(struct bh_api_req *req)
{
	if (req->api->p.response != NULL)
		return true;
	bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "this gateway has no responses");
	return false;
}

static void
list(struct bh_api_req *req, unsigned kind)
{
	struct bh_buf out = {0};
	uint64_t cursor = 0;
	size_t limit;

	if (!has_response(req) || !bh_api_arg_limit(req, &limit) ||
	    !bh_api_arg_u64(req, "cursor", INT64_MAX, &cursor))
		return;
	bh_buf_str(&out, "{\"items\":[");
	cursor = bh_response_list(req->api->p.response, kind, cursor, limit, &out);
	if (cursor != 0)
		bh_buf_printf(&out, "],\"next\":\"%llu\"}", (unsigned long long)cursor);
	else
		bh_buf_str(&out, "],\"next\":null}");
	bh_api_text(req, &out, "application/json");
	bh_buf_free(&out);
}

/* ---- what a body says ------------------------------------------------------------------------------- */

/* A text member; NULL where it is not there. false: the reply is set. */
static bool
text_of(struct bh_api_req *req, const json_t *body, const char *key, const char **out)
{
	const json_t *v = json_object_get(body, key);

	*out = json_string_value(v);
	if (v == NULL || (*out != NULL && strlen(*out) == json_string_length(v)))
		return true;
	bh_api_fail(req, BH_PROBLEM_INVALID, NULL, "%s: a text is expected", key);
	return false;
}

static bool
only_known(struct bh_api_req *req, json_t *body, const char *known)
{
	const char *key;
	json_t *value;

	json_object_foreach(body, key, value)
	{
		if (bh_api_word_in(key, known))
			continue;
		bh_api_fail(req, BH_PROBLEM_INVALID, NULL, "%.60s: known are %s", key, known);
		return false;
	}
	return true;
}

static bool
read_for(struct bh_api_req *req, const json_t *body, uint64_t *ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	const char *text;
	char *end;
	size_t i;

	*ms = 0;
	if (!text_of(req, body, "for", &text) || text == NULL)
		return req->reply.status == 0;
	if (text[0] >= '1' && text[0] <= '9' && strlen(text) < 12) {
		uint64_t n = strtoull(text, &end, 10);

		for (i = 0; i < BH_ARRAY_SIZE(units); i++) {
			if (strcmp(end, units[i].unit) == 0)
				*ms = n * units[i].ms;
		}
	}
	if (*ms >= BH_RESPONSE_FOR_MIN_MS && *ms <= BH_RESPONSE_FOR_MAX_MS)
		return true;
	bh_api_fail(req, BH_PROBLEM_INVALID, NULL, "for: a time from 1s to 30d, such as 10m");
	return false;
}

static bool
read_tenant(struct bh_api_req *req, const json_t *body, bh_tenant *out)
{
	const json_t *vlan = json_object_get(body, "vlan"), *vni = json_object_get(body, "vni");
	json_int_t a = json_integer_value(vlan), b = json_integer_value(vni);

	if ((vlan != NULL && (a < 1 || a > BH_API_VLAN_MAX)) ||
	    (vni != NULL && (b < 1 || b > BH_API_VNI_MAX))) {
		bh_api_fail(req, BH_PROBLEM_INVALID, NULL, "vlan: 1 to 4094; vni: 1 to 16777215");
		return false;
	}
	*out = bh_api_tenant_make((uint64_t)a, 0, (uint64_t)b);
	return true;
}

/* Members that both have. */
static bool
read_common(struct bh_api_req *req, const json_t *body, struct bh_response_order *o,
	    char actor[BH_API_ACTOR_MAX])
{
	const char *author;

	o->by = actor;
	return read_for(req, body, &o->for_ms) && text_of(req, body, "why", &o->why) &&
	       text_of(req, body, "author", &author) && read_tenant(req, body, &o->what.tenant) &&
	       bh_api_actor(req, author, o->why, actor);
}

static bool
wrong(struct bh_api_req *req, const char *key, const struct bh_err *err)
{
	bh_api_fail(req, BH_PROBLEM_INVALID, NULL, "%s: %s", key, err->what);
	return false;
}

static bool
read_end(struct bh_api_req *req, const json_t *body, const char *key,
	 struct bh_restriction_end *out)
{
	struct bh_err err = {0};
	const char *text;

	if (!text_of(req, body, key, &text))
		return false;
	if (text == NULL)
		text = "any";
	return bh_restriction_end(text, out, &err) == 0 || wrong(req, key, &err);
}

static bool
read_paths(struct bh_api_req *req, const json_t *list, struct bh_restriction_path *path,
	   uint32_t *n)
{
	struct bh_err err = {0};
	const char *text;
	size_t i;

	if (list != NULL &&
	    (!json_is_array(list) || json_array_size(list) > BH_RESTRICTION_PATHS)) {
		bh_api_fail(req, BH_PROBLEM_INVALID, NULL,
			    "allow: a list of at most %u paths such as dns:udp/53",
			    BH_RESTRICTION_PATHS);
		return false;
	}
	for (i = 0; i < json_array_size(list); i++) {
		text = json_string_value(json_array_get(list, i));
		if (bh_restriction_path(text != NULL ? text : "", &path[i], &err) != 0)
			return wrong(req, "allow", &err);
	}
	*n = (uint32_t)json_array_size(list);
	return true;
}

/* ---- doing ------------------------------------------------------------------------------------------ */

static void
fail(struct bh_api_req *req, int rc, const char *what, const struct bh_err *err)
{
	enum bh_api_problem problem = rc == -EEXIST                   ? BH_PROBLEM_EXISTS
				      : rc == -ENOENT                 ? BH_PROBLEM_NOT_FOUND
				      : rc == -EINVAL || rc == -EPERM ? BH_PROBLEM_INVALID
				      : rc == -E2BIG || rc == -ENOMEM ? BH_PROBLEM_FULL
								      : BH_PROBLEM_INTERNAL;

	bh_api_fail(req, problem, NULL, "%s%s%s", what, what[0] != '\0' ? " " : "", err->what);
}

static void
add(struct bh_api_req *req, const struct bh_response_order *o, const char *what)
{
	struct bh_response *r = req->api->p.response;
	struct bh_buf out = {0};
	struct bh_err err = {0};
	uint64_t id = 0;
	int rc = bh_response_add(r, o, &id, &err);

	if (rc != 0)
		fail(req, rc, what, &err);
	else if (bh_response_get(r, o->what.kind, id, &out))
		bh_api_text(req, &out, "application/json");
	else
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "it is over already");
	bh_buf_free(&out);
}

void
bh_api_ep_quarantines_list(struct bh_api_req *req)
{
	list(req, BH_RESTRICTION_QUARANTINE);
}

void
bh_api_ep_quarantines_post(struct bh_api_req *req)
{
	struct bh_restriction_path path[BH_RESTRICTION_PATHS];
	struct bh_response_order o = {.what = {.kind = BH_RESTRICTION_QUARANTINE}};
	json_t *body = has_response(req) ? bh_api_body_object(req) : NULL;
	char actor[BH_API_ACTOR_MAX], address[64];

	if (body == NULL)
		return;
	o.what.path = path;
	if (!only_known(req, body, "address allow for why author vlan vni") ||
	    !read_end(req, body, "address", &o.what.end[0]) ||
	    !read_paths(req, json_object_get(body, "allow"), path, &o.what.n_paths) ||
	    !read_common(req, body, &o, actor))
		goto out;
	if (o.what.end[0].address.family == 0) {
		bh_api_fail(req, BH_PROBLEM_INVALID, NULL,
			    "address: an address or a prefix is expected");
		goto out;
	}
	bh_prefix_format(&o.what.end[0].address, address, sizeof(address));
	add(req, &o, address);
out:
	json_decref(body);
}

static bool
read_service(struct bh_api_req *req, const json_t *body, struct bh_restriction *r)
{
	const char *service, *app;
	struct bh_err err = {0};

	if (!text_of(req, body, "service", &service) || !text_of(req, body, "application", &app))
		return false;
	r->last = BH_SERVICE_ANY_LAST;
	if (service != NULL && bh_restriction_service(service, &r->first, &r->last, &err) != 0)
		return wrong(req, "service", &err);
	if (app == NULL || strcmp(app, "any") == 0)
		return true;
	r->app = (uint8_t)bh_app_find(app);
	if (r->app != BH_APP_UNKNOWN)
		return true;
	bh_api_fail(req, BH_PROBLEM_INVALID, NULL, "no application is called '%.60s'", app);
	return false;
}

void
bh_api_ep_blocks_list(struct bh_api_req *req)
{
	list(req, BH_RESTRICTION_BLOCK);
}

void
bh_api_ep_blocks_post(struct bh_api_req *req)
{
	struct bh_response_order o = {.what = {.kind = BH_RESTRICTION_BLOCK}};
	json_t *body = has_response(req) ? bh_api_body_object(req) : NULL;
	char actor[BH_API_ACTOR_MAX];

	if (body == NULL)
		return;
	if (only_known(req, body, "from to service application for why author vlan vni") &&
	    read_end(req, body, "from", &o.what.end[0]) &&
	    read_end(req, body, "to", &o.what.end[1]) && read_service(req, body, &o.what) &&
	    read_common(req, body, &o, actor))
		add(req, &o, "");
	json_decref(body);
}

/* By number, or a quarantine by its address. */
static void
release(struct bh_api_req *req, unsigned kind)
{
	const char *why = bh_api_arg(req, "why"), *author = bh_api_arg(req, "author");
	char actor[BH_API_ACTOR_MAX];
	struct bh_restriction_end e;
	struct bh_err err = {0};
	struct bh_buf out = {0};
	bh_tenant tenant = 0;
	uint64_t id = 0;
	char *end;

	if (!has_response(req) || !bh_api_arg_tenant(req, &tenant) ||
	    !bh_api_actor(req, author, why, actor))
		return;
	if (req->param[0] >= '1' && req->param[0] <= '9')
		id = strtoull(req->param, &end, 10);
	if (id != 0 && *end != '\0')
		id = 0;
	if (id == 0 && kind == BH_RESTRICTION_QUARANTINE &&
	    bh_restriction_end(req->param, &e, NULL) == 0 && e.address.family != 0)
		id = bh_response_find(req->api->p.response, &e.address, tenant);
	if (id == 0 || !bh_response_get(req->api->p.response, kind, id, &out) ||
	    bh_response_end(req->api->p.response, kind, id, actor, why, &err) != 0)
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "no %s in force is called '%.60s'%s%s",
			    bh_restriction_kind_name(kind), req->param,
			    err.what[0] != '\0' ? ": " : "", err.what);
	else
		bh_api_text(req, &out, "application/json");
	bh_buf_free(&out);
}

void
bh_api_ep_quarantines_delete(struct bh_api_req *req)
{
	release(req, BH_RESTRICTION_QUARANTINE);
}

void
bh_api_ep_blocks_delete(struct bh_api_req *req)
{
	release(req, BH_RESTRICTION_BLOCK);
}

void
bh_api_ep_quarantines_rules(struct bh_api_req *req)
{
	struct bh_buf out = {0};

	if (!has_response(req))
		return;
	bh_buf_str(&out, "{\"items\":[");
	bh_response_rules(req->api->p.response, &out);
	bh_buf_str(&out, "]}");
	bh_api_text(req, &out, "application/json");
	bh_buf_free(&out);
}
