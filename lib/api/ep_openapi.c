/* /openapi.json: OpenAPI 3.1, made from route.def, operation.def, shape.def and problem.def.
 * A test calls all that it says. */
#include <ctype.h>
#include <stdio.h>

#include "api_priv.h"

/* Arguments; one with a path is that of routes which begin with it, before the one without. */
static const struct {
	const char *path, *name, *type, *text;
} arguments[] = {
	{"", "limit", "(1..1000)", "items in a page"},
	{"", "cursor", "string", "`next` of the page before"},
	{"", "label", "string", "key=value, or key; may be repeated, all must hold"},
	{"", "segment", "string", "name of a segment"},
	{"", "vlan", "string", "VLAN id of the tenant, or outer,inner (QinQ)"},
	{"", "vni", "vni", "VNI of the tenant"},
	{"/api/v1/reports", "format", "<json html>", "of the answer"},
	{"", "format", "<json yaml>", "of the answer"},
	{"", "dry_run", "(0..1)", "1: check and count only"},
	{"", "confirm", "duration", "time in which it must be confirmed: 1s to 7d"},
	{"", "author", "author", "who does it, for the record"},
	{"", "why", "why", "reason or ticket, for the record"},
	{"", "address", "string", "address or prefix that holds either end"},
	{"", "port", "(0..65535)", "port of either end"},
	{"", "proto", "string", "tcp, udp, icmp, ... or a number"},
	{"/api/v1/flows", "verdict", "verdict", "what was decided"},
	{"", "verdict", "<drop allow violate deny reject pending>",
	 "drop: whatever did not arrive"},
	{"", "state",
	 "<new replied icmp syn_sent syn_received established fin_wait closing closed refused>",
	 "state of the connection"},
	{"", "from", "string", "address, segment, or labels: key=value,key=value"},
	{"", "to", "string", "address, segment, or labels"},
	{"", "service", "string", "tcp/443, icmp/8, proto/47"},
	{"", "application", "string", "proven; without it, a connection that is being opened"},
	{"", "zone", "string", "name of a zone marked cde"},
	{"/api/v1/lint", "days", "(0..3650)", "so many days back"},
	{"", "days", "(0..36500)", "so many days back"},
	{"/api/v1/conversations", "since", "duration", "seen so lately"},
	{"", "since", "string", "time of RFC 3339, or a duration back such as 10m"},
	{"", "until", "string", "time of RFC 3339, or a duration back"},
	{"", "kind", "string", "event_type: alert, drop, flow, ..."},
	{"", "rule", "string", "id of a rule"},
	{"", "severity", "(0..3)", "of an alert: so severe or more, 1 is the worst; 0: any"},
	{"", "seen", "<rule learned violated blocked>", "how its sessions were judged"},
	{"", "party", "string", "either side of a conversation"},
	{"", "for", "duration", "how long: 1s to 7d"},
	{"", "name", "string", "a DNS name"},
	{"", "op", "string", "key=value of an operation, keys as in rules; may be repeated"},
};

/* The word of `examples` that is this name's; *required: it has !=. NULL: there is none. */
static const char *
example_of(const char *examples, const char *name, size_t len, bool *required, size_t *n)
{
	const char *p = examples;

	while (*p != '\0') {
		size_t word = strcspn(p, " "), eq = strcspn(p, "=!");

		if (eq == len && memcmp(p, name, len) == 0) {
			*required = p[eq] == '!';
			*n = word - eq - (*required ? 2 : 1);
			return p + word - *n;
		}
		p += word + (p[word] == ' ');
	}
	return NULL;
}

static json_t *
argument_json(const struct bh_api_route *r, const char *name, size_t len, bool in_path)
{
	const struct bh_api_operation *operation = bh_api_operation(r);
	const char *type = "string", *text = "", *example = NULL;
	bool required = false;
	size_t i, n = 0;
	json_t *o, *schema;

	for (i = 0; i < BH_ARRAY_SIZE(arguments) && !in_path; i++) {
		if (strlen(arguments[i].name) != len || memcmp(arguments[i].name, name, len) != 0 ||
		    strncmp(r->path, arguments[i].path, strlen(arguments[i].path)) != 0)
			continue;
		type = arguments[i].type;
		text = arguments[i].text;
		break;
	}
	if (operation != NULL)
		example = example_of(operation->examples, name, len, &required, &n);
	schema = bh_api_shape_schema(type);
	o = json_pack("{s:s%, s:s, s:b, s:s, s:o}", "name", name, len, "in",
		      in_path ? "path" : "query", "required", required || in_path, "description",
		      text, "schema", schema);
	if (example != NULL && type[0] == '(')
		json_object_set_new(o, "example", json_integer(strtoll(example, NULL, 10)));
	else if (example != NULL)
		json_object_set_new(o, "example", json_stringn(example, n));
	return o;
}

static json_t *
arguments_json(const struct bh_api_route *r)
{
	const char *brace = strchr(r->path, '{'), *p = r->arguments;
	json_t *list = json_array();

	if (brace != NULL)
		json_array_append_new(list,
				      argument_json(r, brace + 1, strcspn(brace + 1, "}"), true));
	while (*p != '\0') {
		size_t n = strcspn(p, " ");

		json_array_append_new(list, argument_json(r, p, n, false));
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

static json_t *
body_json(const struct bh_api_route *r, const struct bh_api_operation *operation)
{
	json_t *content = json_object(), *media;

	if (r->body == BH_BODY_JSON) {
		media = json_pack("{s:o, s:o}", "schema", schema_ref(operation->request), "example",
				  bh_api_quoted_json(operation->example));
		json_object_set_new(content, "application/json", media);
	} else {
		media = json_pack("{s:{s:s, s:s, s:b}, s:o}", "schema", "type", "object",
				  "description", "a policy: docs/policy.md", "additionalProperties",
				  1, "example", bh_api_quoted_json(operation->example));
		json_object_set(content, "application/json", media);
		json_object_set_new(content, "application/yaml", media);
	}
	return json_pack("{s:b, s:o}", "required", 1, "content", content);
}

/* "text/plain" is a media type, "flows" a shape. */
static json_t *
answer_json(const struct bh_api_route *r, const char *answer)
{
	const char *type = strchr(answer, '/') != NULL ? answer : "application/json";
	json_t *o = json_pack("{s:s}", "description", r->summary), *content;

	if (answer[0] == '\0')
		return o;
	content = json_pack("{s:{s:o}}", type, "schema",
			    type == answer               ? bh_api_shape_schema("string")
			    : strcmp(answer, "any") == 0 ? json_pack("{s:s, s:b}", "type", "object",
								     "additionalProperties", 1)
							 : schema_ref(answer));
	/* The same, as text: what an argument of this name can ask for. */
	if (bh_api_word_in("format", r->arguments))
		json_object_set_new(content,
				    strncmp(r->path, "/api/v1/reports", 15) == 0
					    ? "text/html"
					    : "application/yaml",
				    json_pack("{s:o}", "schema", bh_api_shape_schema("string")));
	json_object_set_new(o, "content", content);
	return o;
}

static json_t *
responses_json(const struct bh_api_route *r, const struct bh_api_operation *operation)
{
	static const char *const with_body[] = {"413", "415", "422"};
	json_t *problem = json_pack("{s:s}", "$ref", "#/components/responses/problem");
	json_t *o = json_pack("{s:O}", "default", problem);
	const char *p = operation->status;
	char status[4];
	size_t i;

	for (; *p != '\0'; p += 3 + (p[3] == ' ')) {
		snprintf(status, sizeof(status), "%.3s", p);
		json_object_set_new(o, status, answer_json(r, operation->answer));
	}
	if (strchr(r->path, '{') != NULL)
		json_object_set(o, "404", problem);
	for (i = 0; r->body != BH_BODY_NONE && i < BH_ARRAY_SIZE(with_body); i++)
		json_object_set(o, with_body[i], problem);
	json_decref(problem);
	return o;
}

static json_t *
operation_json(const struct bh_api_route *r, const char *id)
{
	static const struct bh_api_operation unknown = {
		.status = "200", .examples = "", .request = "", .example = "{}", .answer = "any"};
	const struct bh_api_operation *operation = bh_api_operation(r);
	json_t *o;

	if (operation == NULL)
		operation = &unknown;
	o = json_pack("{s:s, s:s, s:o, s:o}", "operationId", id, "summary", r->summary,
		      "parameters", arguments_json(r), "responses", responses_json(r, operation));
	if (r->body != BH_BODY_NONE)
		json_object_set_new(o, "requestBody", body_json(r, operation));
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
	return json_pack("{s:s, s:b, s:[sssss], s:{s:{s:s, s:o}, s:{s:s}, s:{s:s}, s:{s:s}, "
			 "s:{s:s}, s:{s:s}, "
			 "s:{s:s}, s:{s:s}, s:{s:s}}}",
			 "type", "object", "additionalProperties", 0, "required", "type", "title",
			 "status", "detail", "instance", "properties", "type", "type", "string",
			 "enum", types, "title", "type", "string", "status", "type", "integer",
			 "detail", "type", "string", "instance", "type", "string", "pointer",
			 "type", "string", "argument", "type", "string", "line", "type", "integer",
			 "column", "type", "integer");
}

static json_t *
schemas_json(void)
{
	json_t *o = bh_api_shapes_json();

	json_object_set_new(o, "problem", problem_json());
	return o;
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

static char *
document_text(void)
{
	char *text;
	json_t *doc = json_pack(
		"{s:s, s:{s:s, s:s, s:s}, s:[{s:s, s:b}], s:o, s:o}", "openapi", "3.1.0", "info",
		"title", "Bulkhead", "version", BH_VERSION, "description",
		"An inline gateway between segments: policy, labels, flows, evidence. Errors are "
		"problems (RFC 9457) with the place of the fault.",
		"servers", "url", "/", "x-internal", 1, "paths", paths_json(), "components",
		components_json());

	if (doc == NULL)
		return NULL;
	bh_api_openapi_finish(doc);
	text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return text;
}

/* Made once: whoever asks for it over and over holds nobody up. */
void
bh_api_ep_openapi_get(struct bh_api_req *req)
{
	struct bh_api *api = req->api;
	struct bh_buf text = {0};

	if (api->openapi == NULL)
		api->openapi = document_text();
	if (api->openapi == NULL) {
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "out of memory");
		return;
	}
	bh_buf_str(&text, api->openapi);
	bh_api_text(req, &text, "application/json");
	bh_buf_free(&text);
}
