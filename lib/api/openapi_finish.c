/* openapi_finish: what holds for every operation and every value is written once, here: bounds of strings, numbers and
 * lists, answers that any request may get, rate limits. */
#include <stdio.h>

#include "api_priv.h"

/* No text in a request or an answer is longer: a request line has 32 KiB, a body api.max_body, texts in answers are
 * names, sentences and records. */
#define TEXT_MAX (1 << 20)
#define ITEMS_MAX 1000000

static bool
is_type(const json_t *type, const char *name)
{
	const json_t *one;
	size_t i;

	if (json_is_string(type))
		return strcmp(json_string_value(type), name) == 0;
	json_array_foreach(type, i, one)
	{
		if (json_is_string(one) && strcmp(json_string_value(one), name) == 0)
			return true;
	}
	return false;
}

static void
set_once(json_t *o, const char *key, json_t *v)
{
	if (json_object_get(o, key) == NULL)
		json_object_set(o, key, v);
	json_decref(v);
}

static void
bound_schema(json_t *o)
{
	const json_t *type = json_object_get(o, "type");

	if (is_type(type, "string") && json_object_get(o, "enum") == NULL)
		set_once(o, "maxLength", json_integer(TEXT_MAX));
	if (is_type(type, "integer")) {
		set_once(o, "format", json_string("int64"));
		set_once(o, "minimum", json_integer(0));
		set_once(o, "maximum", json_integer(INT64_MAX));
	}
	if (is_type(type, "array"))
		set_once(o, "maxItems", json_integer(ITEMS_MAX));
}

/* The document has a depth of its own making. */
static void
bound_all(json_t *v)
{
	const char *key;
	json_t *one;
	size_t i;

	if (json_is_object(v)) {
		bound_schema(v);
		json_object_foreach(v, key, one)
		{
			bound_all(one);
		}
	} else {
		json_array_foreach(v, i, one)
		{
			bound_all(one);
		}
	}
}

static const struct {
	const char *name, *text, *type;
	bool problems_only;
} headers[] = {
	{"RateLimit-Limit", "requests a second of this identity (api.rate); absent without a bound",
	 "integer", false},
	{"RateLimit-Remaining", "of those that it may make at once, so many are left", "integer",
	 false},
	{"RateLimit-Reset", "seconds until all of them may be made again", "integer", false},
	{"Access-Control-Allow-Origin", "no other origin may read an answer", "string", false},
	{"Retry-After", "with 429: seconds", "integer", true},
};

static json_t *
headers_json(bool problem)
{
	json_t *o = json_object();
	char ref[80];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(headers); i++) {
		if (headers[i].problems_only && !problem)
			continue;
		snprintf(ref, sizeof(ref), "#/components/headers/%s", headers[i].name);
		json_object_set_new(o, headers[i].name, json_pack("{s:s}", "$ref", ref));
	}
	return o;
}

static void
finish_responses(json_t *responses, const struct bh_api_route *r)
{
	static const char *const always[] = {"400", "429", "500"};
	static const char *const somebodys[] = {"401", "403"};
	const char *status;
	json_t *one;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(always); i++)
		set_once(responses, always[i],
			 json_pack("{s:s}", "$ref", "#/components/responses/problem"));
	for (i = 0; r->right != BH_RIGHT_NONE && i < BH_ARRAY_SIZE(somebodys); i++)
		set_once(responses, somebodys[i],
			 json_pack("{s:s}", "$ref", "#/components/responses/problem"));
	json_object_foreach(responses, status, one)
	{
		if (status[0] == '2')
			set_once(one, "headers", headers_json(false));
	}
}

/* The part of the path behind /api/v1, or before. */
static void
tag_of(const char *path, char out[32])
{
	const char *p = strncmp(path, "/api/v1/", 8) == 0 ? path + 8 : path + 1;

	snprintf(out, 32, "%.*s", (int)strcspn(p, "/"), p);
}

static void
finish_operation(json_t *o, const struct bh_api_route *r)
{
	char text[400], tag[32];

	tag_of(r->path, tag);
	set_once(o, "tags", json_pack("[s]", tag));
	snprintf(text, sizeof(text), "%s. %s", r->summary,
		 r->right == BH_RIGHT_NONE
			 ? "Anybody may ask."
			 : "Needs a right of the identity's role: docs/api.md has the "
			   "matrix.");
	set_once(o, "description", json_string(text));
	finish_responses(json_object_get(o, "responses"), r);
}

static void
add_tag(json_t *tags, const char *path)
{
	json_t *one;
	char tag[32];
	size_t i;

	tag_of(path, tag);
	json_array_foreach(tags, i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "name")), tag) == 0)
			return;
	}
	json_array_append_new(tags, json_pack("{s:s}", "name", tag));
}

void
bh_api_openapi_finish(json_t *doc)
{
	json_t *paths = json_object_get(doc, "paths"), *components, *list, *o, *tags = json_array();
	char method[8];
	size_t i, k;

	for (i = 0; i < bh_api_n_routes; i++) {
		const struct bh_api_route *r = &bh_api_routes[i];

		snprintf(method, sizeof(method), "%s", bh_api_method_name(r->method));
		for (k = 0; method[k] != '\0'; k++)
			method[k] = (char)(method[k] | 0x20);
		o = json_object_get(json_object_get(paths, r->path), method);
		if (o != NULL)
			finish_operation(o, r);
		add_tag(tags, r->path);
	}
	json_object_set_new(doc, "tags", tags);
	components = json_object_get(doc, "components");
	list = json_object();
	for (i = 0; i < BH_ARRAY_SIZE(headers); i++)
		json_object_set_new(list, headers[i].name,
				    json_pack("{s:s, s:{s:s}}", "description", headers[i].text,
					      "schema", "type", headers[i].type));
	json_object_set_new(components, "headers", list);
	json_object_set_new(json_object_get(json_object_get(components, "responses"), "problem"),
			    "headers", headers_json(true));
	bound_all(doc);
}
