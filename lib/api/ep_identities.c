/* /identities, /whoami: who may use the API. A token is shown once, in the answer that makes it. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "api_priv.h"

/* ---- list ---------------------------------------------------------------------------------------------- */

static bool
list_add(void *arg, const struct bh_store_identity *i)
{
	json_t *o = json_pack("{s:o, s:o, s:b, s:o, s:o}", "name", bh_api_str(i->name), "role",
			      bh_api_str(i->role), "token", i->hash[0] != '\0', "created",
			      bh_api_time(i->created_ns), "expires", bh_api_time(i->expires_ns));

	json_object_set_new(o, "certificate",
			    i->certificate[0] != '\0' ? bh_api_str(i->certificate) : json_null());
	json_array_append_new(arg, o);
	return true;
}

void
bh_api_ep_identities_list(struct bh_api_req *req)
{
	json_t *items = json_array();
	struct bh_err err = {0};

	if (!bh_api_has_store(req)) {
		json_decref(items);
		return;
	}
	if (bh_store_identities_each(req->api->p.store, list_add, items, &err) != 0) {
		json_decref(items);
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "%s", err.what);
		return;
	}
	bh_api_json(req, 200, json_pack("{s:o, s:n}", "items", items, "next"));
}

/* ---- make ---------------------------------------------------------------------------------------------- */

static bool
refuse(struct bh_api_req *req, const char *pointer, const char *what)
{
	bh_api_fail(req, BH_PROBLEM_INVALID, &(struct bh_api_where){.pointer = pointer}, "%s",
		    what);
	return false;
}

/* RFC 3339, UTC: 2027-01-31T00:00:00Z */
static bool
read_time(const char *s, uint64_t *ns)
{
	struct tm tm = {0};
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm);
	time_t at;

	if (end == NULL || *end != '\0')
		return false;
	at = timegm(&tm);
	*ns = at > 0 ? (uint64_t)at * BH_NS_PER_SEC : 0;
	return at > 0;
}

struct wish {
	enum bh_api_role role;
	const char *certificate;
	uint64_t expires_ns;
	bool token;
};

static bool
read_member(struct bh_api_req *req, const char *key, json_t *v, struct wish *w)
{
	const char *s = json_string_value(v);

	if (strcmp(key, "role") == 0)
		return (s != NULL && bh_api_role_by_name(s, &w->role)) ||
		       refuse(req, "/role",
			      "must be viewer, operator, policy-admin, auditor, pusher or admin");
	if (strcmp(key, "certificate") == 0) {
		w->certificate = s;
		return (s != NULL && strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64) ||
		       refuse(req, "/certificate",
			      "must be the SHA-256 of the certificate's DER form, 64 digits in "
			      "lower "
			      "case (openssl x509 -outform der | sha256sum)");
	}
	if (strcmp(key, "expires") == 0)
		return (s != NULL && read_time(s, &w->expires_ns)) ||
		       refuse(req, "/expires", "must be a time such as 2027-01-31T00:00:00Z");
	if (strcmp(key, "token") == 0) {
		w->token = json_is_true(v);
		return json_is_boolean(v) || refuse(req, "/token", "must be true or false");
	}
	return refuse(req, "", "known here: role, certificate, expires, token");
}

static bool
read_wish(struct bh_api_req *req, json_t *body, struct wish *w)
{
	const char *key;
	json_t *v;

	*w = (struct wish){.role = BH_ROLE_COUNT, .token = true};
	json_object_foreach(body, key, v)
	{
		if (!read_member(req, key, v, w))
			return false;
	}
	if (w->role == BH_ROLE_COUNT)
		return refuse(req, "/role", "is missing");
	if (!w->token && w->certificate == NULL)
		return refuse(req, "/token", "an identity needs a token or a certificate");
	return true;
}

struct exists {
	const char *name;
	bool found;
	uint64_t created_ns;
};

static bool
look_for(void *arg, const struct bh_store_identity *i)
{
	struct exists *e = arg;

	if (strcmp(i->name, e->name) != 0)
		return true;
	e->found = true;
	e->created_ns = i->created_ns;
	return false;
}

/* Nobody locks all out by taking the last admin's role. */
static bool
is_last_admin(struct bh_api_req *req, const char *name)
{
	char other[BH_API_NAME_MAX];
	enum bh_api_role role;
	size_t i;

	if (req->api->has_token || !bh_api_identity_role(req->api, name, &role) ||
	    role != BH_ROLE_ADMIN)
		return false;
	for (i = 0; bh_api_identity_at(req->api, i, other, &role); i++) {
		if (role == BH_ROLE_ADMIN && strcmp(other, name) != 0)
			return false;
	}
	return true;
}

static void
make(struct bh_api_req *req, const struct wish *w)
{
	struct exists had = {.name = req->param};
	char token[BH_API_TOKEN_MAX] = "", hash[128] = "", actor[BH_API_ACTOR_MAX];
	struct bh_err err = {0};
	struct bh_store_identity i = {
		.name = req->param,
		.role = bh_api_role_name(w->role),
		.certificate = w->certificate != NULL ? w->certificate : "",
		.created_ns = bh_clock_system.wall_ns(NULL),
		.expires_ns = w->expires_ns,
	};
	json_t *o;

	if (w->token && bh_api_identity_token_make(req->param, token, hash) != 0) {
		bh_api_fail(req, BH_PROBLEM_FULL, NULL, "no memory to hash a token");
		return;
	}
	i.hash = hash;
	if (!bh_api_actor(req, NULL, NULL, actor))
		return;
	bh_store_identities_each(req->api->p.store, look_for, &had, &err);
	if (had.found)
		i.created_ns = had.created_ns;
	if (bh_store_identity_put(req->api->p.store, &i,
				  had.found ? "identity.change" : "identity.make", actor,
				  &err) != 0 ||
	    bh_api_identities_load(req->api, &err) != 0) {
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "%s", err.what);
	} else {
		o = json_pack("{s:s, s:s, s:o}", "name", req->param, "role", i.role, "expires",
			      bh_api_time(i.expires_ns));
		if (w->token)
			json_object_set_new(o, "token", json_string(token));
		bh_api_first_token_end(req->api);
		bh_api_json(req, had.found ? 200 : 201, o);
	}
	explicit_bzero(token, sizeof(token));
}

void
bh_api_ep_identities_put(struct bh_api_req *req)
{
	struct wish w;
	json_t *body;

	if (!bh_api_has_store(req))
		return;
	if (!bh_api_identity_name_valid(req->param) || strcmp(req->param, "token") == 0 ||
	    strcmp(req->param, "first") == 0) {
		bh_api_fail(req, BH_PROBLEM_INVALID, NULL,
			    "a name has 1 to 63 of a-z, 0-9, - and _, begins with a letter or a "
			    "digit, and is neither `token` nor `first`");
		return;
	}
	body = bh_api_body_object(req);
	if (body != NULL && read_wish(req, body, &w)) {
		if (w.role != BH_ROLE_ADMIN && is_last_admin(req, req->param))
			bh_api_fail(req, BH_PROBLEM_CONFLICT, NULL,
				    "%s is the only admin: make another one first", req->param);
		else
			make(req, &w);
	}
	json_decref(body);
}

void
bh_api_ep_identities_delete(struct bh_api_req *req)
{
	char actor[BH_API_ACTOR_MAX];
	struct bh_err err = {0};
	int rc;

	if (!bh_api_has_store(req) || !bh_api_actor(req, NULL, NULL, actor))
		return;
	if (is_last_admin(req, req->param)) {
		bh_api_fail(req, BH_PROBLEM_CONFLICT, NULL,
			    "%s is the only admin: make another one first", req->param);
		return;
	}
	rc = bh_store_identity_delete(req->api->p.store, req->param, actor, &err);
	if (rc == 0)
		rc = bh_api_identities_load(req->api, &err);
	if (rc == 0)
		bh_api_empty(req, 204);
	else
		bh_api_fail(req, rc == -ENOENT ? BH_PROBLEM_NOT_FOUND : BH_PROBLEM_INTERNAL, NULL,
			    "%s", err.what);
}

/* ---- whoami ---------------------------------------------------------------------------------------------- */

void
bh_api_ep_whoami_get(struct bh_api_req *req)
{
	static const char *const words[BH_RIGHT_COUNT] = {
		[BH_RIGHT_READ_ENDPOINTS] = "read-endpoints",
		[BH_RIGHT_READ] = "read",
		[BH_RIGHT_PUSH] = "push",
		[BH_RIGHT_OPERATE] = "operate",
		[BH_RIGHT_WRITE] = "write",
		[BH_RIGHT_EVIDENCE] = "evidence",
		[BH_RIGHT_AUDIT] = "audit",
		[BH_RIGHT_ADMIN] = "admin",
	};
	json_t *rights = json_array();
	unsigned i;

	for (i = 0; i < BH_RIGHT_COUNT; i++) {
		if (words[i] != NULL && (req->rights & 1u << i) != 0)
			json_array_append_new(rights, json_string(words[i]));
	}
	bh_api_json(req, 200,
		    json_pack("{s:o, s:s, s:o}", "name",
			      req->who[0] != '\0' ? json_string(req->who) : json_null(), "role",
			      req->role, "rights", rights));
}
