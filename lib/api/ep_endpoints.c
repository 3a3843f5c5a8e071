/* /endpoints: who an address is. */
#include <errno.h>
#include <time.h>

#include "api_priv.h"

void
bh_api_ep_endpoints_list(struct bh_api_req *req)
{
	json_t *page = bh_api_endpoint_page(req, bh_api_arg(req, "segment"));

	if (page != NULL)
		bh_api_json(req, 200, page);
}

/* The endpoint that the path and the query name. */
static bool
target(struct bh_api_req *req, struct bh_endpoint_change *c)
{
	struct bh_err err = {0};

	if (bh_prefix_parse(req->param, &c->endpoint.prefix, &err) != 0) {
		bh_api_fail(req, BH_PROBLEM_BAD_REQUEST, NULL, "%s", err.what);
		return false;
	}
	return bh_api_arg_tenant(req, &c->endpoint.tenant);
}

static bool
keep(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n)
{
	json_t **out = arg;

	*out = bh_api_json_endpoint(e, segments, n);
	return false;
}

static json_t *
lookup(struct bh_api_req *req, const struct bh_endpoint *e)
{
	json_t *o = NULL;

	bh_policy_endpoint_get(req->api->p.policy, &e->prefix, e->tenant, keep, &o);
	return o;
}

static void
fail_unknown(struct bh_api_req *req)
{
	bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL,
		    "no endpoint has exactly the address %s in this tenant", req->param);
}

void
bh_api_ep_endpoints_get(struct bh_api_req *req)
{
	struct bh_endpoint_change c = {0};
	json_t *o;

	if (!target(req, &c))
		return;
	o = lookup(req, &c.endpoint);
	if (o != NULL)
		bh_api_json(req, 200, o);
	else
		fail_unknown(req);
}

/* Slots of deleted endpoints come back when every worker has been quiescent, within milliseconds: who
 * asks for one a moment too early need not know. */
static int
apply_patiently(struct bh_policy *p, const struct bh_endpoint_change *c, size_t n,
		uint32_t *changed, struct bh_err *err)
{
	const struct timespec nap = {.tv_nsec = 5000000};
	unsigned tries;
	int rc;

	for (tries = 0; tries < 20; tries++) {
		memset(err, 0, sizeof(*err));
		rc = bh_policy_endpoints_apply(p, c, n, changed, err);
		if (rc != -EAGAIN)
			return rc;
		nanosleep(&nap, NULL);
	}
	return rc;
}

static bool
apply(struct bh_api_req *req, const struct bh_endpoint_change *c, size_t n, uint32_t *changed)
{
	enum bh_api_problem problem = BH_PROBLEM_INTERNAL;
	const struct bh_api_ops *ops = &req->api->p.ops;
	struct bh_api_push push = {.requests = 1};
	uint32_t others = 0;
	struct bh_err err;
	int rc = apply_patiently(req->api->p.policy, c, n, &others, &err);

	if (changed != NULL)
		*changed = others;
	push.refused = rc < 0;
	push.changes = rc < 0 ? 0 : n;
	push.changed = rc < 0 ? 0 : others;
	if (ops->endpoints_pushed != NULL)
		ops->endpoints_pushed(ops->arg, &push);
	if (rc >= 0 && ops->endpoints_applied != NULL)
		ops->endpoints_applied(ops->arg, c, n);
	if (rc >= 0)
		return true;
	switch (-rc) {
	case ENOENT:
		problem = BH_PROBLEM_NOT_FOUND;
		break;
	case EINVAL:
		problem = BH_PROBLEM_INVALID;
		break;
	case ENOSPC:
	case ENOMEM:
		problem = BH_PROBLEM_FULL;
		break;
	case EAGAIN:
		problem = BH_PROBLEM_BUSY;
		break;
	}
	bh_api_fail(req, problem, NULL, "%s", err.what);
	return false;
}

static void
change_one(struct bh_api_req *req, enum bh_endpoint_op op)
{
	struct bh_endpoint_change one = {.op = op};
	struct bh_api_changes c;
	json_t *body, *before;

	if (!target(req, &one))
		return;
	body = bh_api_body_object(req);
	if (body == NULL)
		return;
	if (bh_api_changes_one(req, body, &one, &c)) {
		before = lookup(req, &one.endpoint);
		if (apply(req, c.change, 1, NULL))
			bh_api_json(req, before != NULL ? 200 : 201, lookup(req, &one.endpoint));
		json_decref(before);
		bh_api_changes_free(&c);
	}
	json_decref(body);
}

void
bh_api_ep_endpoints_put(struct bh_api_req *req)
{
	change_one(req, BH_ENDPOINT_PUT);
}

void
bh_api_ep_endpoints_patch(struct bh_api_req *req)
{
	change_one(req, BH_ENDPOINT_PATCH);
}

void
bh_api_ep_endpoints_delete(struct bh_api_req *req)
{
	struct bh_endpoint_change c = {.op = BH_ENDPOINT_DELETE};

	if (target(req, &c) && apply(req, &c, 1, NULL))
		bh_api_empty(req, 204);
}

void
bh_api_ep_endpoints_batch(struct bh_api_req *req)
{
	json_t *body = bh_api_body_object(req);
	struct bh_api_changes c;
	uint32_t changed = 0;

	if (body == NULL)
		return;
	if (bh_api_changes_batch(req, body, &c)) {
		if (apply(req, c.change, c.n, &changed))
			bh_api_json(req, 200,
				    json_pack("{s:I, s:I}", "changes", (json_int_t)c.n, "changed",
					      (json_int_t)changed));
		bh_api_changes_free(&c);
	}
	json_decref(body);
}
