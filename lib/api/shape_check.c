/* shape_check: values against the schemas of shape.def: what openapi.json says of a body and what is taken are one text. */
#include <stdio.h>

#include "api_priv.h"

struct check {
	struct bh_api_req *req;
	const json_t *shapes;
	char at[512]; /* RFC 6901; what does not fit is left out */
	size_t n;
};

static bool check_value(struct check *c, const json_t *schema, const json_t *v);

static bool fail(struct check *c, const char *fmt, ...) BH_PRINTF(2, 3);

static bool
fail(struct check *c, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	bh_api_fail(c->req, BH_PROBLEM_INVALID, &(struct bh_api_where){.pointer = c->at}, "%s",
		    text);
	return false;
}

/* One part deeper; the length to go back to. */
static size_t
enter(struct check *c, const char *key)
{
	size_t was = c->n;

	if (c->n + 1 < sizeof(c->at))
		c->at[c->n++] = '/';
	for (; *key != '\0' && c->n + 3 < sizeof(c->at); key++) {
		if (*key == '/' || *key == '~') {
			c->at[c->n++] = '~';
			c->at[c->n++] = *key == '/' ? '1' : '0';
		} else {
			c->at[c->n++] = *key;
		}
	}
	c->at[c->n] = '\0';
	return was;
}

static void
leave(struct check *c, size_t was)
{
	c->n = was;
	c->at[was] = '\0';
}

static const char *
type_of(const json_t *v)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "object",   [JSON_ARRAY] = "array", [JSON_STRING] = "string",
		[JSON_INTEGER] = "integer", [JSON_REAL] = "number", [JSON_TRUE] = "boolean",
		[JSON_FALSE] = "boolean",   [JSON_NULL] = "null",
	};

	return names[json_typeof(v)];
}

static bool
has_type(const json_t *type, const json_t *v)
{
	const json_t *one;
	size_t i;

	if (type == NULL)
		return true;
	if (json_is_string(type))
		return strcmp(json_string_value(type), type_of(v)) == 0;
	json_array_foreach(type, i, one)
	{
		if (has_type(one, v))
			return true;
	}
	return false;
}

static bool
fail_type(struct check *c, const json_t *type)
{
	const char *first = json_string_value(json_is_array(type) ? json_array_get(type, 0) : type);

	return fail(c, "must be of the type %s%s", first != NULL ? first : "that is documented",
		    json_is_array(type) ? ", or null" : "");
}

static bool
check_known(struct check *c, const json_t *properties, const char *key)
{
	char known[256];
	const char *one;
	size_t n = 0, was = enter(c, key);
	json_t *v;

	known[0] = '\0';
	json_object_foreach((json_t *)(uintptr_t)properties, one, v)
	{
		n += (size_t)snprintf(known + n, n < sizeof(known) ? sizeof(known) - n : 0, " %s",
				      one);
		if (n >= sizeof(known))
			break;
	}
	fail(c, "unknown member; known here:%s", known);
	leave(c, was);
	return false;
}

static bool
check_object(struct check *c, const json_t *schema, const json_t *v)
{
	const json_t *properties = json_object_get(schema, "properties");
	const json_t *others = json_object_get(schema, "additionalProperties"), *need, *one, *s;
	const char *key;
	json_t *value;
	size_t i, was;

	/* A misspelt member first: the one that is missing is most likely that. */
	json_object_foreach((json_t *)(uintptr_t)v, key, value)
	{
		one = json_object_get(properties, key);
		s = one != NULL ? one : others;
		if (json_is_false(s))
			return check_known(c, properties, key);
		was = enter(c, key);
		if (!check_value(c, s, value))
			return false;
		leave(c, was);
	}
	json_array_foreach(json_object_get(schema, "required"), i, need)
	{
		if (json_object_get(v, json_string_value(need)) != NULL)
			continue;
		enter(c, json_string_value(need));
		return fail(c, "is missing");
	}
	return true;
}

static bool
check_array(struct check *c, const json_t *schema, const json_t *v)
{
	const json_t *items = json_object_get(schema, "items"), *one;
	const json_t *max = json_object_get(schema, "maxItems");
	char number[24];
	size_t i, was;

	if (max != NULL && json_array_size(v) != (size_t)json_integer_value(max))
		return fail(c, "must have %lld items", (long long)json_integer_value(max));
	json_array_foreach(v, i, one)
	{
		snprintf(number, sizeof(number), "%zu", i);
		was = enter(c, number);
		if (!check_value(c, items, one))
			return false;
		leave(c, was);
	}
	return true;
}

static bool
check_integer(struct check *c, const json_t *schema, const json_t *v)
{
	const json_t *min = json_object_get(schema, "minimum");
	const json_t *max = json_object_get(schema, "maximum");
	json_int_t n = json_integer_value(v);

	if ((min == NULL || n >= json_integer_value(min)) &&
	    (max == NULL || n <= json_integer_value(max)))
		return true;
	return fail(c, "must be a number from %lld to %lld", (long long)json_integer_value(min),
		    (long long)json_integer_value(max));
}

static bool
check_string(struct check *c, const json_t *schema, const json_t *v)
{
	const json_t *min = json_object_get(schema, "minLength");
	const json_t *max = json_object_get(schema, "maxLength");
	size_t n = json_string_length(v);

	if (strlen(json_string_value(v)) != n)
		return fail(c, "must not hold a NUL");
	if (n >= (size_t)json_integer_value(min) &&
	    (max == NULL || n <= (size_t)json_integer_value(max)))
		return true;
	return fail(c, "must have %lld to %lld bytes", (long long)json_integer_value(min),
		    (long long)json_integer_value(max));
}

static bool
check_enum(struct check *c, const json_t *list, const json_t *v)
{
	char known[256];
	const json_t *one;
	size_t i, n = 0;

	known[0] = '\0';
	json_array_foreach(list, i, one)
	{
		if (json_equal((json_t *)(uintptr_t)one, (json_t *)(uintptr_t)v))
			return true;
		if (n < sizeof(known))
			n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s",
					      i == 0                           ? ""
					      : i + 1 == json_array_size(list) ? ", or "
									       : ", ",
					      json_is_null(one) ? "null" : json_string_value(one));
	}
	return fail(c, "must be one of: %s", known);
}

/* The branch is the one of the value's type: no two of a line are alike in that. */
static bool
check_any_of(struct check *c, const json_t *list, const json_t *v)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (has_type(json_object_get(one, "type"), v))
			return check_value(c, one, v);
	}
	return fail_type(c, json_object_get(json_array_get(list, 0), "type"));
}

static bool
check_value(struct check *c, const json_t *schema, const json_t *v)
{
	const char *ref = json_string_value(json_object_get(schema, "$ref"));
	const json_t *list = json_object_get(schema, "anyOf"), *type;

	if (ref != NULL)
		return check_value(c, json_object_get(c->shapes, strrchr(ref, '/') + 1), v);
	if (list != NULL)
		return check_any_of(c, list, v);
	type = json_object_get(schema, "type");
	if (!has_type(type, v))
		return fail_type(c, type);
	list = json_object_get(schema, "enum");
	if (list != NULL)
		return check_enum(c, list, v);
	if (json_is_object(v))
		return check_object(c, schema, v);
	if (json_is_array(v))
		return check_array(c, schema, v);
	if (json_is_integer(v))
		return check_integer(c, schema, v);
	return !json_is_string(v) || check_string(c, schema, v);
}

bool
bh_api_shape_check(struct bh_api_req *req, const char *name, const json_t *v)
{
	struct check c = {.req = req, .shapes = req->api->shapes};
	const json_t *schema = json_object_get(c.shapes, name);

	return schema == NULL || check_value(&c, schema, v);
}
