/* /openapi.json: OpenAPI 3.1, made from route.def and problem.def, so that it can't say what isn't so. */
#include <ctype.h>
#include <stdio.h>

#include "api_priv.h"

static const struct {
	const char *name, *type, *text;
} arguments[] = {
	{"limit", "integer", "items in a page, 1 to 1000"},
	{"cursor", "string", "`next` of the page before"},
	{"label", "string", "key=value, or key; may be repeated, all must hold"},
	{"segment", "string", "name of a segment"},
	{"vlan", "string", "VLAN id of the tenant, or outer,inner (QinQ)"},
	{"vni", "integer", "VNI of the tenant"},
	{"format", "string", "json or yaml"},
	{"dry_run", "integer", "1: check and count only"},
	{"confirm", "string", "time in which it must be confirmed, such as 10m"},
	{"author", "string", "who commits, for the record"},
	{"why", "string", "reason or ticket, for the record"},
	{"address", "string", "address or prefix that holds either end"},
	{"port", "integer", "port of either end"},
	{"proto", "string", "tcp, udp, icmp, ... or a number"},
	{"verdict", "string", "allow, violate, pending, deny or reject"},
	{"state", "string", "state of the connection"},
	{"from", "string", "address, segment, or labels: key=value,key=value"},
	{"to", "string", "address, segment, or labels"},
	{"service", "string", "tcp/443, icmp/8, proto/47"},
	{"application", "string", "proven; without it, a connection that is being opened"},
	{"zone", "string", "name of a zone marked cde"},
	{"days", "integer", "so many days back"},
	{"since", "string", "time of RFC 3339, or a duration back such as 10m"},
	{"until", "string", "time of RFC 3339, or a duration back"},
	{"kind", "string", "event_type: alert, drop, flow, ..."},
	{"rule", "string", "id of a rule"},
	{"severity", "string", "of an alert, 1 is the worst"},
	{"seen", "string", "rule, learned, violated or blocked"},
	{"party", "string", "either side of a conversation"},
	{"for", "string", "how long, such as 10m"},
	{"name", "string", "a DNS name"},
	{"op", "string", "key=value of an operation, keys as in rules; may be repeated"},
};

static json_t *
argument_json(const char *name, size_t len, const char *in, bool required)
{
	const char *type = "string", *text = "";
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(arguments); i++) {
		if (strlen(arguments[i].name) == len && memcmp(arguments[i].name, name, len) == 0 &&
		    strcmp(in, "query") == 0) {
			type = arguments[i].type;
			text = arguments[i].text;
		}
	}
	return json_pack("{s:s%, s:s, s:b, s:s, s:{s:s}}", "name", name, len, "in", in, "required",
			 required, "description", text, "schema", "type", type);
}

static json_t *
arguments_json(const struct bh_api_route *r)
{
	const char *brace = strchr(r->path, '{'), *p = r->arguments;
	json_t *list = json_array();

	if (brace != NULL)
		json_array_append_new(list, argument_json(brace + 1, strcspn(brace + 1, "}"),
							  "path", true));
	while (*p != '\0') {
		size_t n = strcspn(p, " ");

		json_array_append_new(list, argument_json(p, n, "query", false));
		p += n + (p[n] == ' ');
	}
	return list;
}

static json_t *
schema_ref(const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "#/components/schemas/%s", name);
	return json_pack("{s:s}", "$ref", text);
}

/* A batch goes to the collection, labels to one of it, a policy to itself. */
static json_t *
body_json(const struct bh_api_route *r)
{
	json_t *content = json_object(), *any;

	if (r->body == BH_BODY_POLICY) {
		any = json_pack("{s:{s:s}}", "schema", "type", "object");
		json_object_set(content, "application/json", any);
		json_object_set_new(content, "application/yaml", any);
	} else {
		any = strncmp(r->path, "/api/v1/policy/", 15) == 0
			      ? json_pack("{s:s}", "type", "object")
			      : schema_ref(strchr(r->path, '{') != NULL ? "labels" : "changes");
		json_object_set_new(content, "application/json", json_pack("{s:o}", "schema", any));
	}
	return json_pack("{s:b, s:o}", "required", 1, "content", content);
}

/* The status that a route answers with when all is well. */
static const char *
success(const struct bh_api_route *r)
{
	/* A session that is cut is told with its number; the others leave nothing to say. */
	return r->method == BH_METHOD_DELETE && strcmp(r->path, "/api/v1/flows/{id}") != 0 ? "204"
											   : "200";
}

static json_t *
result_json(const struct bh_api_route *r)
{
	if (strcmp(r->path, "/api/v1/rules/{id}") == 0)
		return schema_ref("rule");
	if (strcmp(r->path, "/api/v1/rules") == 0)
		return json_pack("{s:[o, {s:{s:{s:o}}}]}", "allOf", schema_ref("page"),
				 "properties", "items", "items", schema_ref("rule"));
	if (strcmp(r->path, "/metrics") == 0)
		return json_pack("{s:s}", "type", "string");
	return strstr(r->arguments, "cursor") != NULL ? schema_ref("page")
						      : json_pack("{s:s}", "type", "object");
}

static const char *
content_type(const struct bh_api_route *r)
{
	static const struct {
		const char *path, *type;
	} others[] = {{"/metrics", "text/plain"},
		      {"/api/v1/events/stream", "text/event-stream"},
		      {"/api/v1/evidence/{name}", "application/x-pcapng"}};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(others); i++) {
		if (strcmp(r->path, others[i].path) == 0)
			return others[i].type;
	}
	return "application/json";
}

static json_t *
operation_json(const struct bh_api_route *r, const char *id)
{
	json_t *o, *problem, *responses;

	problem = json_pack("{s:s}", "$ref", "#/components/responses/problem");
	responses = json_pack("{s:{s:s}, s:o}", success(r), "description", r->summary, "default",
			      problem);
	if (r->method == BH_METHOD_GET)
		json_object_set_new(json_object_get(responses, "200"), "content",
				    json_pack("{s:{s:o}}", content_type(r), "schema",
					      result_json(r)));
	if (r->method == BH_METHOD_PUT && strchr(r->path, '{') != NULL)
		json_object_set_new(responses, "201", json_pack("{s:s}", "description", "made"));
	if (strcmp(r->path, "/api/v1/health") == 0)
		json_object_set_new(responses, "503",
				    json_pack("{s:s}", "description", "degraded; says why"));
	o = json_pack("{s:s, s:s, s:o, s:o}", "operationId", id, "summary", r->summary,
		      "parameters", arguments_json(r), "responses", responses);
	if (r->body != BH_BODY_NONE)
		json_object_set_new(o, "requestBody", body_json(r));
	if (r->right > BH_RIGHT_READ)
		json_object_set_new(o, "security", json_pack("[{s:[]}]", "token"));
	else if (r->right != BH_RIGHT_NONE)
		json_object_set_new(o, "security", json_pack("[{}, {s:[]}]", "token"));
	return o;
}

/* METHOD:PATH as METHOD_part_part. */
static void
clean_id(char id[80], const char *path)
{
	const char *p = strncmp(path, "/api/v1/", 8) == 0 ? path + 8 : path + 1;
	size_t n = strcspn(id, ":");

	id[n++] = '_';
	for (; *p != '\0' && n < 79; p++)
		id[n++] = isalnum((unsigned char)*p) ? *p : '_';
	id[n] = '\0';
}

static json_t *
paths_json(void)
{
	json_t *paths = json_object(), *item;
	char method[8], id[80];
	size_t i, k;

	for (i = 0; i < bh_api_n_routes; i++) {
		const struct bh_api_route *r = &bh_api_routes[i];

		snprintf(method, sizeof(method), "%s", bh_api_method_name(r->method));
		for (k = 0; method[k] != '\0'; k++)
			method[k] = (char)tolower((unsigned char)method[k]);
		snprintf(id, sizeof(id), "%s:%s", method, r->path);
		/* A name, for those who generate clients: get:/api/v1/flows is get_flows. */
		clean_id(id, r->path);
		item = json_object_get(paths, r->path);
		if (item == NULL) {
			item = json_object();
			json_object_set_new(paths, r->path, item);
		}
		json_object_set_new(item, method, operation_json(r, id));
	}
	return paths;
}

static json_t *
problem_json(void)
{
	json_t *types = json_array();

#define BH_PROBLEM(sym, status, name, title)                                                       \
	json_array_append_new(types, json_string("urn:bulkhead:problem:" name));
#include "../ipc/problem.def"
#undef BH_PROBLEM
	return json_pack(
		"{s:s, s:[sssss], s:{s:{s:s, s:o}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, "
		"s:{s:s}, s:{s:s}, s:{s:s}}}",
		"type", "object", "required", "type", "title", "status", "detail", "instance",
		"properties", "type", "type", "string", "enum", types, "title", "type", "string",
		"status", "type", "integer", "detail", "type", "string", "instance", "type",
		"string", "pointer", "type", "string", "argument", "type", "string", "line", "type",
		"integer", "column", "type", "integer");
}

/* A rule; an application of it without operations may say anything. */
static json_t *
rule_json(void)
{
	static const char *const texts[] = {"id", "from", "to", "ports", "comment"};
	json_t *patterns, *application, *properties;
	size_t i;

	patterns = json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
	application = json_pack("{s:s, s:[s], s:{s:{s:s}, s:{s:s, s:s, s:o}}}", "type", "object",
				"required", "application", "properties", "application", "type",
				"string", "operations", "type", "object", "description",
				"key of docs/policy.md: patterns, of which one must fit",
				"additionalProperties", patterns);
	properties =
		json_pack("{s:{s:s}, s:{s:s}, s:{s:s, s:s, s:o}, s:{s:[s, s, s]}, s:{s:[s, s, "
			  "s]}}",
			  "index", "type", "integer", "line", "type", "integer", "applications",
			  "type", "array", "description", "alternatives; empty: any application",
			  "items", application, "action", "enum", "allow", "deny", "reject",
			  "denied", "enum", "drop", "reset", "respond");
	for (i = 0; i < BH_ARRAY_SIZE(texts); i++)
		json_object_set_new(properties, texts[i], json_pack("{s:s}", "type", "string"));
	return json_pack("{s:s, s:[sssssss], s:o}", "type", "object", "required", "id", "index",
			 "from", "to", "ports", "applications", "action", "properties", properties);
}

/* What is sent and what comes back, as far as several routes share it. */
static json_t *
schemas_json(void)
{
	json_t *label, *labels, *change, *changes, *page;

	label = json_pack("{s:[s, s]}", "type", "string", "null");
	labels = json_pack("{s:s, s:o}", "type", "object", "additionalProperties", label);
	change = json_pack(
		"{s:s, s:[s, s], s:{s:{s:[s, s, s]}, s:{s:s}, s:O, s:{s:[s, s]}, s:{s:s}}}", "type",
		"object", "required", "op", "address", "properties", "op", "enum", "put", "patch",
		"delete", "address", "type", "string", "labels", labels, "vlan", "type", "integer",
		"array", "vni", "type", "integer");
	changes = json_pack("{s:s, s:[s], s:{s:{s:s, s:o}}}", "type", "object", "required",
			    "changes", "properties", "changes", "type", "array", "items", change);
	page = json_pack("{s:s, s:[s, s], s:{s:{s:s, s:{s:s}}, s:{s:[s, s]}}}", "type", "object",
			 "required", "items", "next", "properties", "items", "type", "array",
			 "items", "type", "object", "next", "type", "string", "null");
	return json_pack("{s:o, s:o, s:{s:s, s:[s], s:{s:o}}, s:o, s:o}", "problem", problem_json(),
			 "rule", rule_json(), "labels", "type", "object", "required", "labels",
			 "properties", "labels", labels, "changes", changes, "page", page);
}

static json_t *
components_json(void)
{
	return json_pack("{s:{s:{s:s, s:s}}, s:o, s:{s:{s:s, s:{s:{s:o}}}}}", "securitySchemes",
			 "token", "type", "http", "scheme", "bearer", "schemas", schemas_json(),
			 "responses", "problem", "description",
			 "what is wrong, where, and what to do (RFC 9457)", "content",
			 "application/problem+json", "schema", schema_ref("problem"));
}

void
bh_api_ep_openapi_get(struct bh_api_req *req)
{
	json_t *doc = json_pack(
		"{s:s, s:{s:s, s:s, s:s}, s:[{s:s, s:b}], s:o, s:o}", "openapi", "3.1.0", "info",
		"title", "Bulkhead", "version", BH_VERSION, "description",
		"An inline gateway between segments: policy, labels, flows, evidence. Errors are "
		"problems (RFC 9457) with the place of the fault.",
		"servers", "url", "/", "x-internal", 1, "paths", paths_json(), "components",
		components_json());

	if (doc != NULL)
		bh_api_openapi_finish(doc);
	bh_api_json(req, 200, doc);
}
