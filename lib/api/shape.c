/* shape: the small language of shape.def, read into JSON Schema (2020-12). */
#include <ctype.h>
#include <stdio.h>

#include "api_priv.h"

static const struct {
	const char *name, *type;
} shapes[] = {
#define BH_SHAPE(name, type) {#name, type},
#include "shape.def"
#undef BH_SHAPE
};

const struct bh_api_operation bh_api_operations[] = {
#define BH_OPERATION(m, p, s, e, r, x, a) {BH_METHOD_##m, p, s, e, r, x, a},
#include "operation.def"
#undef BH_OPERATION
};
const size_t bh_api_n_operations = BH_ARRAY_SIZE(bh_api_operations);

const struct bh_api_operation *
bh_api_operation(const struct bh_api_route *route)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(bh_api_operations); i++) {
		const struct bh_api_operation *o = &bh_api_operations[i];

		if (o->method == route->method && strcmp(o->path, route->path) == 0)
			return o;
	}
	return NULL;
}

/* Words that a line cannot say. In their text ' stands for ". */
static const struct {
	const char *name, *schema;
} words[] = {
	{"string", "{'type': 'string'}"},
	{"integer", "{'type': 'integer'}"},
	{"boolean", "{'type': 'boolean'}"},
	{"null", "{'type': 'null'}"},
	{"any",
	 "{'type': ['object', 'array', 'string', 'number', 'boolean', 'null'], 'items': {}}"},
	{"time", "{'type': 'string', 'format': 'date-time', 'maxLength': 32}"},
	/* The time of EVE records has its offset without a colon. */
	{"stamp",
	 "{'type': 'string', 'maxLength': 32, 'pattern': '^[0-9-]{10}T[0-9:.]{15}[+]0000$'}"},
	{"second", "{'type': 'string', 'maxLength': 20, 'pattern': "
		   "'^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$'}"},
	{"duration",
	 "{'type': 'string', 'maxLength': 11, 'pattern': '^[1-9][0-9]{0,9}(s|m|h|d)$'}"},
	{"number", "{'type': 'string', 'maxLength': 20, 'pattern': '^[0-9]+$'}"},
	{"digest", "{'type': 'string', 'maxLength': 64, 'pattern': '^[0-9a-f]{64}$'}"},
	{"vlans", "{'type': 'array', 'items': {'type': 'integer', 'minimum': 1, 'maximum': 4094}, "
		  "'minItems': 2, 'maxItems': 2}"},
	{"cursor", "{'type': ['string', 'null'], 'maxLength': 200}"},
	{"author", "{'type': 'string', 'minLength': 1, 'maxLength': 128}"},
	{"why", "{'type': 'string', 'maxLength': 1000}"},
};

json_t *
bh_api_quoted_json(const char *text)
{
	char *copy = strdup(text), *p;
	json_t *v;

	if (copy == NULL)
		return NULL;
	for (p = copy; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	v = json_loads(copy, JSON_DECODE_ANY, NULL);
	free(copy);
	return v;
}

static const char *read_type(const char *p, json_t **out);

static const char *
find_shape(const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(shapes); i++) {
		if (strlen(shapes[i].name) == n && memcmp(shapes[i].name, name, n) == 0)
			return shapes[i].type;
	}
	return NULL;
}

static size_t
word_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '-')
		n++;
	return n;
}

static const char *
read_word(const char *p, json_t **out)
{
	size_t n = word_length(p), i;
	char ref[96];

	*out = NULL;
	for (i = 0; i < BH_ARRAY_SIZE(words); i++) {
		if (strlen(words[i].name) == n && memcmp(words[i].name, p, n) == 0)
			*out = bh_api_quoted_json(words[i].schema);
	}
	if (*out == NULL && find_shape(p, n) != NULL) {
		snprintf(ref, sizeof(ref), "#/components/schemas/%.*s", (int)n, p);
		*out = json_pack("{s:s}", "$ref", ref);
	}
	return p + n;
}

/* Members up to the closing brace; those of another shape go into the same object. */
static const char *
read_members(const char *p, json_t *properties, json_t *required, json_t **others)
{
	while (*p != '}' && *p != '\0') {
		size_t n = word_length(p);
		char key[64];
		bool optional;
		json_t *type;

		if (*p == ' ') {
			p++;
		} else if (*p == '+') {
			n = word_length(p + 1);
			read_members(find_shape(p + 1, n) + 1, properties, required, others);
			p += 1 + n;
		} else if (*p == '*') {
			json_decref(*others);
			p = read_type(p + 2, others);
		} else {
			snprintf(key, sizeof(key), "%.*s", (int)n, p);
			optional = p[n] == '?';
			p = read_type(p + n + (optional ? 2 : 1), &type);
			json_object_set_new(properties, key, type);
			if (!optional)
				json_array_append_new(required, json_string(key));
		}
	}
	return *p == '}' ? p + 1 : p;
}

static const char *
read_object(const char *p, json_t **out)
{
	json_t *properties = json_object(), *required = json_array(), *others = json_false();

	p = read_members(p, properties, required, &others);
	*out = json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties,
			 "additionalProperties", others);
	if (json_array_size(required) != 0)
		json_object_set(*out, "required", required);
	json_decref(required);
	return p;
}

static const char *
read_enum(const char *p, json_t **out)
{
	json_t *list = json_array();

	while (*p != '>' && *p != '\0') {
		size_t n = word_length(p);

		if (n != 0)
			json_array_append_new(list, json_stringn(p, n));
		p += n + (p[n] == ' ');
	}
	*out = json_pack("{s:s, s:o}", "type", "string", "enum", list);
	return p + 1;
}

static const char *
read_range(const char *p, json_t **out)
{
	char *end;
	long long min = strtoll(p, &end, 10), max;

	max = strtoll(end + 2, &end, 10);
	*out = json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)min,
			 "maximum", (json_int_t)max);
	return end + 1;
}

static const char *
read_one(const char *p, json_t **out)
{
	json_t *items;

	switch (*p) {
	case '{':
		return read_object(p + 1, out);
	case '[':
		p = read_type(p + 1, &items);
		*out = json_pack("{s:s, s:o}", "type", "array", "items", items);
		return p + 1;
	case '<':
		return read_enum(p + 1, out);
	case '(':
		return read_range(p + 1, out);
	default:
		return read_word(p, out);
	}
}

/* "or null" of what has a type by itself is a second type; an enumeration then lists null, too. */
static bool
add_null(json_t *schema)
{
	json_t *type = json_object_get(schema, "type"), *words_of = json_object_get(schema, "enum");

	if (!json_is_string(type))
		return false;
	json_object_set_new(schema, "type", json_pack("[O, s]", type, "null"));
	if (words_of != NULL)
		json_array_append_new(words_of, json_null());
	return true;
}

static const char *
read_type(const char *p, json_t **out)
{
	json_t *more, *list;

	p = read_one(p, out);
	if (*p != '|')
		return p;
	if (strncmp(p, "|null", 5) == 0 && add_null(*out))
		return p + 5;
	list = json_pack("[o]", *out);
	while (*p == '|') {
		p = read_one(p + 1, &more);
		json_array_append_new(list, more);
	}
	*out = json_pack("{s:o}", "anyOf", list);
	return p;
}

json_t *
bh_api_shape_schema(const char *type)
{
	json_t *out;

	read_type(type, &out);
	return out;
}

json_t *
bh_api_shapes_json(void)
{
	json_t *all = json_object();
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(shapes); i++)
		json_object_set_new(all, shapes[i].name, bh_api_shape_schema(shapes[i].type));
	return all;
}
