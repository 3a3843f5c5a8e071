/* request: from headers to reply, without a socket: serve.c feeds it, and so do the fuzz target and the
 * tests. */
#include <stdio.h>
#include <strings.h>

#include "api_priv.h"

struct bh_api_req *
bh_api_req_create(struct bh_api *api, const char *uri)
{
	struct bh_api_req *req = calloc(1, sizeof(*req));

	if (req == NULL)
		return NULL;
	req->api = api;
	req->uri = strdup(uri);
	req->split = strdup(uri);
	if (req->uri == NULL || req->split == NULL) {
		bh_api_req_destroy(req);
		return NULL;
	}
	req->path = req->split;
	return req;
}

void
bh_api_req_destroy(struct bh_api_req *req)
{
	if (req == NULL)
		return;
	if (req->stream.end != NULL)
		req->stream.end(req->stream.arg);
	if (req->fields.data != NULL)
		explicit_bzero(req->fields.data, req->fields.len); /* a token was in it */
	bh_buf_free(&req->fields);
	bh_buf_free(&req->body);
	free(req->reply.body);
	free(req->uri);
	free(req->split);
	free(req);
}

static void
check_args(struct bh_api_req *req)
{
	unsigned i;

	for (i = 0; i < req->n_args; i++) {
		const char *known = req->route->arguments, *name = req->arg[i].name;

		if (bh_api_word_in(name, known))
			continue;
		bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = name},
			    known[0] != '\0' ? "unknown argument; known here: %s"
					     : "this takes no arguments%s",
			    known);
		return;
	}
}

/* Is the media type, without its parameters, one of a list? */
static bool
type_in(const char *type, const char *list)
{
	char bare[64];
	size_t n = strcspn(type, "; \t"), i;

	if (n >= sizeof(bare))
		return false;
	for (i = 0; i < n; i++)
		bare[i] = (char)(type[i] >= 'A' && type[i] <= 'Z' ? type[i] | 0x20 : type[i]);
	bare[n] = '\0';
	return bh_api_word_in(bare, list);
}

static void
check_body_head(struct bh_api_req *req)
{
	static const char *const types[] = {
		[BH_BODY_JSON] = "application/json application/merge-patch+json",
		[BH_BODY_POLICY] = "application/yaml application/x-yaml text/yaml text/x-yaml "
				   "application/json",
	};
	const struct bh_ipc_head *h = &req->head;
	enum bh_api_body body = req->route->body;

	if (body == BH_BODY_NONE) {
		if (h->content_length != 0 || h->chunked)
			bh_api_fail(req, BH_PROBLEM_BAD_REQUEST, NULL, "%s %s takes no body",
				    h->method, req->path);
		return;
	}
	if (h->content_length > req->api->p.max_body)
		bh_api_fail(req, BH_PROBLEM_TOO_LARGE, NULL, "at most %llu bytes (api.max_body)",
			    (unsigned long long)req->api->p.max_body);
	else if (h->content_type == NULL || !type_in(h->content_type, types[body]))
		bh_api_fail(req, BH_PROBLEM_MEDIA_TYPE, NULL, "Content-Type must be one of: %s",
			    types[body]);
}

bool
bh_api_admit(struct bh_api_req *req)
{
	char *query = strchr(req->split, '?');

	if (query != NULL)
		*query++ = '\0';
	if (strcmp(req->head.version, "HTTP/1.1") != 0 &&
	    strcmp(req->head.version, "HTTP/1.0") != 0)
		bh_api_fail(req, BH_PROBLEM_HTTP_VERSION, NULL, "spoken to in %s",
			    req->head.version);
	if (req->reply.status == 0)
		bh_api_route(req);
	if (req->reply.status == 0)
		bh_api_authorize(req);
	if (req->reply.status == 0 && query != NULL)
		bh_api_args_parse(req, query);
	if (req->reply.status == 0)
		check_args(req);
	if (req->reply.status == 0)
		check_body_head(req);
	return req->reply.status == 0;
}

bool
bh_api_receive(struct bh_api_req *req, const char *data, size_t len)
{
	req->received += len;
	if (req->reply.status != 0)
		return req->received <= BH_API_DRAIN_MAX;
	if (req->received > req->api->p.max_body) {
		bh_api_fail(req, BH_PROBLEM_TOO_LARGE, NULL, "at most %llu bytes (api.max_body)",
			    (unsigned long long)req->api->p.max_body);
		bh_buf_free(&req->body);
		return false;
	}
	bh_buf_add(&req->body, data, len);
	if (req->body.failed) {
		bh_api_fail(req, BH_PROBLEM_FULL, NULL, "no memory for the body");
		return false;
	}
	return true;
}

/* Who changed what, for the gateway's own log. The path is printed as it came, percent-encoded, and
 * what is not printable in it is replaced: a log line stays one line. */
static void
log_change(const struct bh_api_req *req)
{
	char path[200];
	size_t i;

	snprintf(path, sizeof(path), "%s", req->uri);
	for (i = 0; path[i] != '\0'; i++) {
		if (path[i] < 0x21 || path[i] > 0x7e)
			path[i] = '?';
	}
	bh_log(BH_LOG_INFO, "api: %s%s%s %s: %u", req->who, req->who[0] != '\0' ? ": " : "",
	       req->head.method, path, req->reply.status);
}

/* What has no entry of its own in the audit log: evidence that was looked at, captures, records that were deleted. NULL: it
 * has one, or needs none. */
static const char *
audit_action(const struct bh_api_route *route)
{
	bool deleted = route->method == BH_METHOD_DELETE;

	if (strcmp(route->path, "/api/v1/evidence/{name}") == 0)
		return deleted ? "evidence.delete" : "evidence.read";
	if (strcmp(route->path, "/api/v1/captures/{name}") == 0)
		return deleted ? "capture.delete" : "capture.read";
	if (strcmp(route->path, "/api/v1/captures") == 0)
		return route->method == BH_METHOD_POST ? "capture.start" : NULL;
	return deleted && strncmp(route->path, "/api/v1/conversations", 21) == 0
		       ? "conversations.delete"
		       : NULL;
}

static void
audit(struct bh_api_req *req)
{
	const char *action = audit_action(req->route);
	char actor[BH_API_ACTOR_MAX], detail[32];
	struct bh_err err = {0};

	if (req->api->p.store == NULL || action == NULL || !bh_api_actor(req, NULL, NULL, actor))
		return;
	snprintf(detail, sizeof(detail), "{\"status\":%u}", req->reply.status);
	if (bh_store_audit(req->api->p.store,
			   &(struct bh_audit){.actor = actor,
					      .action = action,
					      .object = req->param != NULL ? req->param : "",
					      .result = req->reply.status < 300 ? "ok" : "refused",
					      .detail = detail},
			   &err) != 0)
		bh_log(BH_LOG_ERROR, "audit log: %s", err.what);
}

void
bh_api_finish(struct bh_api_req *req)
{
	if (req->reply.status != 0)
		return;
	if (bh_api_replay_find(req))
		return;
	req->route->handler(req);
	if (req->reply.status == 0)
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "out of memory");
	if (req->route->method != BH_METHOD_GET)
		log_change(req);
	audit(req);
	bh_api_replay_keep(req);
}
