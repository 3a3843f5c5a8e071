/* Any bytes as a request: the first byte picks the method, the rest of the first line is the URI, what follows
 * the body; the token is right, so that handlers see it. Not through sockets: libmicrohttpd parses those.
 * Asserts beyond "no crash": there is always an answer, of a status that the API has; never 500; what claims to
 * be JSON is JSON, an error is a problem with its own status; what was refused changed neither the policy nor
 * the number of endpoints; a page is never longer than its limit. */
#include "../../lib/api/api_priv.h"

static unsigned
zero(void *arg)
{
	(void)arg;
	return 0;
}

static uint64_t
age(void *arg, unsigned worker)
{
	(void)arg;
	return worker;
}

static void
counters(void *arg, uint32_t worker, struct bh_counters *out)
{
	(void)arg;
	(void)worker;
	memset(out, 0, sizeof(*out));
}

static int
flows(void *arg, struct bh_flow_query *q, struct bh_flow_copy *out)
{
	unsigned i;

	(void)arg;
	/* Flows of any content: nothing in one may break the answer. */
	for (i = 0; i < q->max && i < 20; i++)
		memset(&out[i], (int)(i * 37 + q->port), sizeof(out[i]));
	q->cursor = 0;
	return (int)i;
}

static bool
port(void *arg, unsigned index, struct bh_api_port *out)
{
	(void)arg;
	(void)index;
	(void)out;
	return false;
}

static const char *
word(void *arg)
{
	(void)arg;
	return "protect";
}

static uint64_t
now(void *arg)
{
	(void)arg;
	return 1;
}

static int
put(void *arg, const char *text, size_t len, bool dry_run, struct bh_policy_change *change,
    struct bh_err *err)
{
	return bh_policy_load_text(((struct bh_api *)arg)->p.policy, "body", text, len, dry_run,
				   change, err);
}

static void
publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	(void)view;
}

static const struct bh_api_ops ops = {
	.n_workers = zero,
	.heartbeat_age_ms = age,
	.counters = counters,
	.flows = flows,
	.n_ports = zero,
	.port = port,
	.steering = word,
	.policy_put = put,
	.uptime_ms = now,
	.started_ns = now,
	.mode = word,
};

static void
check_reply(const struct bh_api_reply *r)
{
	json_t *o, *items;

	if (r->status < 200 || r->status >= 600 || r->status == 500)
		abort();
	if (r->body == NULL || strstr(r->content_type, "json") == NULL)
		return;
	o = json_loadb(r->body, r->len, 0, NULL);
	if (o == NULL)
		abort();
	if (r->status >= 400 && strcmp(r->content_type, "application/problem+json") == 0 &&
	    json_integer_value(json_object_get(o, "status")) != r->status)
		abort();
	items = json_object_get(o, "items");
	if (json_array_size(items) > BH_API_LIMIT_MAX)
		abort();
	json_decref(o);
}

struct state {
	struct bh_policy_counts counts;
	uint32_t revision;
};

static struct state
look(struct bh_policy *p)
{
	struct state s;

	bh_policy_counts(p, &s.counts);
	s.revision = bh_policy_revision(p);
	return s;
}

static void
request(struct bh_api *api, const char *method, const char *uri, const uint8_t *body, size_t len)
{
	struct bh_api_req *req = bh_api_req_create(api, uri);
	struct state before = look(api->p.policy), after;

	req->head = (struct bh_ipc_head){
		.method = method,
		.version = "HTTP/1.1",
		.host = "localhost",
		.authorization = "Bearer token",
		.content_type =
			strstr(uri, "policy") != NULL ? "application/yaml" : "application/json",
		.content_length =
			strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0 ? 0 : len,
	};
	if (bh_api_admit(req)) {
		/* In two pieces, as a network would. */
		if (bh_api_receive(req, (const char *)body, len / 2) &&
		    bh_api_receive(req, (const char *)body + len / 2, len - len / 2))
			req->route->handler(req);
	}
	check_reply(&req->reply);
	after = look(api->p.policy);
	if (req->reply.status >= 400 && (after.revision != before.revision ||
					 after.counts.endpoints != before.counts.endpoints ||
					 after.counts.rules != before.counts.rules))
		abort();
	bh_api_req_destroy(req);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	struct bh_policy_params pp = {.max_endpoints = 64,
				      .mode = BH_MODE_PROTECT,
				      .publish = publish};
	struct bh_api api = {.p = {.token = "token", .max_body = 1 << 20, .ops = ops},
			     .loopback = true};
	static json_t *shapes;
	const uint8_t *line;
	char uri[512];
	size_t n;

	if (size < 2)
		return 0;
	if (shapes == NULL)
		shapes = bh_api_shapes_json();
	api.shapes = shapes;
	memset(pp.hash_key.k, 0x5a, sizeof(pp.hash_key.k));
	if (bh_policy_create(&api.p.policy, &pp) != 0)
		abort();
	api.p.ops.arg = &api;
	line = memchr(data + 1, '\n', size - 1);
	n = line != NULL ? (size_t)(line - data) - 1 : size - 1;
	n = n < sizeof(uri) - 1 ? n : sizeof(uri) - 1;
	memcpy(uri, data + 1, n);
	uri[n] = '\0';
	if (line != NULL)
		line++;
	else
		line = data + size;
	/* Something to change, first. */
	request(&api, "PUT", "/api/v1/endpoints/10.0.0.1",
		(const uint8_t *)"{\"labels\":{\"a\":\"b\"}}", 20);
	request(&api, methods[data[0] % BH_ARRAY_SIZE(methods)], uri, line,
		(size_t)(data + size - line));
	request(&api, "GET", "/api/v1/endpoints?limit=1000", (const uint8_t *)"", 0);
	bh_policy_destroy(api.p.policy);
	free(api.openapi);
	return 0;
}
