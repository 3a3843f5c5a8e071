/* shape.def and operation.def: each route is described once, its example fits, and what does not fit is pointed at. */
#include "../../lib/api/api_priv.h"
#include "unit.h"

static unsigned
lines_of(const struct bh_api_route *r)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < bh_api_n_operations; i++)
		n += bh_api_operations[i].method == r->method &&
		     strcmp(bh_api_operations[i].path, r->path) == 0;
	return n;
}

static void
every_route_is_described_once(void)
{
	size_t i;

	for (i = 0; i < bh_api_n_routes; i++) {
		if (lines_of(&bh_api_routes[i]) != 1)
			fprintf(stderr, "operation.def: %s %s\n",
				bh_api_method_name(bh_api_routes[i].method), bh_api_routes[i].path);
		CU_ASSERT_EQUAL(lines_of(&bh_api_routes[i]), 1);
	}
	CU_ASSERT_EQUAL(bh_api_n_operations, bh_api_n_routes);
}

/* Every $ref leads somewhere, and nothing was left out because it could not be read. */
static bool
refs_resolve(json_t *v, const json_t *all)
{
	const char *key, *ref = json_string_value(json_object_get(v, "$ref"));
	json_t *one;
	size_t i;
	bool good =
		v != NULL && (ref == NULL || json_object_get(all, strrchr(ref, '/') + 1) != NULL);

	json_object_foreach(v, key, one)
	{
		good = good && refs_resolve(one, all);
	}
	json_array_foreach(v, i, one)
	{
		good = good && refs_resolve(one, all);
	}
	return good;
}

static void
every_shape_can_be_read(void)
{
	static const char *const names[] = {
#define BH_SHAPE(name, type) #name,
#include "../../lib/api/shape.def"
#undef BH_SHAPE
	};
	json_t *all = bh_api_shapes_json();
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(names); i++) {
		json_t *one = json_object_get(all, names[i]);

		if (one == NULL || !refs_resolve(one, all))
			fprintf(stderr, "shape.def: %s\n", names[i]);
		CU_ASSERT(one != NULL && refs_resolve(one, all));
	}
	CU_ASSERT_EQUAL(json_object_size(all), BH_ARRAY_SIZE(names));
	for (i = 0; i < bh_api_n_operations; i++) {
		const struct bh_api_operation *o = &bh_api_operations[i];

		CU_ASSERT(o->request[0] == '\0' || json_object_get(all, o->request) != NULL);
		CU_ASSERT(o->answer[0] == '\0' || strchr(o->answer, '/') != NULL ||
			  strcmp(o->answer, "any") == 0 || json_object_get(all, o->answer) != NULL);
	}
	json_decref(all);
}

static const char *
pointer_of(const struct bh_api *api, const char *shape, const char *body, char out[128])
{
	struct bh_api_req req = {.api = (struct bh_api *)(uintptr_t)api};
	json_t *v = bh_api_quoted_json(body), *problem;
	const char *pointer;

	CU_ASSERT_PTR_NOT_NULL(v);
	if (bh_api_shape_check(&req, shape, v)) {
		snprintf(out, 128, "fits");
	} else {
		problem = json_loads(req.reply.body, 0, NULL);
		pointer = json_string_value(json_object_get(problem, "pointer"));
		snprintf(out, 128, "%s", pointer != NULL ? pointer : "no pointer");
		CU_ASSERT_EQUAL(req.reply.status, 422);
		json_decref(problem);
	}
	free(req.reply.body);
	json_decref(v);
	return out;
}

static void
examples_fit_what_they_are_examples_of(void)
{
	struct bh_api api = {.shapes = bh_api_shapes_json()};
	char at[128];
	size_t i;

	for (i = 0; i < bh_api_n_operations; i++) {
		const struct bh_api_operation *o = &bh_api_operations[i];

		if (o->request[0] != '\0')
			CU_ASSERT_STRING_EQUAL(pointer_of(&api, o->request, o->example, at),
					       "fits");
	}
	json_decref(api.shapes);
}

static void
what_does_not_fit_is_pointed_at(void)
{
	static const struct {
		const char *shape, *body, *at;
	} cases[] = {
		{"labels", "{'labels': {'a': null}}", "fits"},
		{"labels", "{}", "/labels"},
		{"labels", "{'labels': {'a/b~c': 1}}", "/labels/a~1b~0c"},
		{"labels", "{'lables': {}}", "/lables"},
		{"mode_body", "{'mode': null}", "fits"},
		{"mode_body", "{'mode': 'off'}", "/mode"},
		{"mode_body", "{'mode': 'protect', 'author': ''}", "/author"},
		{"change", "{'op': 'put', 'address': 'a', 'vlan': 4095}", "/vlan"},
		{"change", "{'op': 'put', 'address': 'a', 'vlan': [1, 4094]}", "fits"},
		{"change", "{'op': 'put', 'address': 'a', 'vlan': [1, 0]}", "/vlan/1"},
		{"change", "{'op': 'put', 'address': 'a', 'vlan': [1]}", "/vlan"},
		{"change", "{'op': 'put', 'address': 'a', 'vlan': '1'}", "/vlan"},
		{"change", "{'op': 'put', 'address': 'a', 'vni': 1.0}", "/vni"},
		{"changes", "{'changes': [{'op': 'delete', 'address': 'a'}, 1]}", "/changes/1"},
		{"adopt_body", "{'rules': ['a', 2]}", "/rules/1"},
		{"revision_body", "{'revision': 0}", "/revision"},
	};
	struct bh_api api = {.shapes = bh_api_shapes_json()};
	char at[128];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		pointer_of(&api, cases[i].shape, cases[i].body, at);
		if (strcmp(at, cases[i].at) != 0)
			fprintf(stderr, "%s: %s\n", cases[i].body, at);
		CU_ASSERT_STRING_EQUAL(at, cases[i].at);
	}
	json_decref(api.shapes);
}

const struct bh_unit_test bh_suite_api_shape[] = {
	BH_TEST(every_route_is_described_once),
	BH_TEST(every_shape_can_be_read),
	BH_TEST(examples_fit_what_they_are_examples_of),
	BH_TEST(what_does_not_fit_is_pointed_at),
	BH_TEST_END,
};
