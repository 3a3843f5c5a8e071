/* change_json: endpoint changes from JSON. Whatever is wrong is refused before the model is asked,
 * with an RFC 6901 pointer to it. */
#include <errno.h>
#include <stdio.h>

#include "api_priv.h"

/* A JSON pointer under construction. Label keys hold no '~', but may hold '/'. */
struct pointer {
	char text[512];
};

static void
pointer_set(struct pointer *p, size_t item, const char *member, const char *key)
{
	size_t n = 0;

	p->text[0] = '\0';
	if (item != SIZE_MAX)
		n = (size_t)snprintf(p->text, sizeof(p->text), "/changes/%zu", item);
	if (member != NULL)
		n += (size_t)snprintf(p->text + n, sizeof(p->text) - n, "/%s", member);
	if (key == NULL)
		return;
	if (n + 1 < sizeof(p->text))
		p->text[n++] = '/';
	for (; *key != '\0' && n + 3 < sizeof(p->text); key++) {
		if (*key == '/' || *key == '~') {
			p->text[n++] = '~';
			p->text[n++] = *key == '/' ? '1' : '0';
		} else {
			p->text[n++] = *key;
		}
	}
	p->text[n] = '\0';
}

/* Where a change stands: its index in the batch, SIZE_MAX for a single one. */
struct ctx {
	struct bh_api_req *req;
	struct bh_api_changes *out;
	size_t item;
};

static bool
fail_at(const struct ctx *c, const char *member, const char *key, const char *what)
{
	struct pointer p;

	pointer_set(&p, c->item, member, key);
	bh_api_fail(c->req, BH_PROBLEM_INVALID, &(struct bh_api_where){.pointer = p.text}, "%s",
		    what);
	return false;
}

/* Refuse members that nobody reads: a misspelt one would otherwise be a change that isn't made. */
static bool
only(const struct ctx *c, json_t *o, const char *known)
{
	const char *key;
	char what[160];
	json_t *v;

	json_object_foreach(o, key, v)
	{
		if (bh_api_word_in(key, known))
			continue;
		snprintf(what, sizeof(what), "unknown member; known here: %s", known);
		return fail_at(c, NULL, key, what);
	}
	return true;
}

json_t *
bh_api_body_object(struct bh_api_req *req)
{
	const struct bh_api_operation *operation = bh_api_operation(req->route);
	struct bh_api_where where = {0};
	json_error_t e;
	json_t *o;

	o = json_loadb(req->body.data != NULL ? req->body.data : "", req->body.len,
		       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (o == NULL) {
		where.line = e.line > 0 ? (unsigned)e.line : 1;
		where.column = e.column > 0 ? (unsigned)e.column : 1;
		bh_api_fail(req, BH_PROBLEM_JSON, &where, "%s", e.text);
		return NULL;
	}
	if (!json_is_object(o))
		bh_api_fail(req, BH_PROBLEM_INVALID, &(struct bh_api_where){.pointer = ""},
			    "the body must be a JSON object");
	else if (operation == NULL || bh_api_shape_check(req, operation->request, o))
		return o;
	json_decref(o);
	return NULL;
}

/* ---- labels ------------------------------------------------------------------------------------------ */

static bool
labels_parse(const struct ctx *c, json_t *o, struct bh_endpoint_change *change)
{
	struct bh_api_changes *out = c->out;
	const char *key;
	json_t *v;

	change->endpoint.labels = out->label + out->n_labels;
	if (o == NULL)
		return change->op == BH_ENDPOINT_DELETE ||
		       fail_at(c, NULL, NULL, "`labels` is missing");
	if (!json_is_object(o))
		return fail_at(c, "labels", NULL, "must be an object of key: \"value\"");
	json_object_foreach(o, key, v)
	{
		struct bh_label *l = &out->label[out->n_labels];

		l->key = key;
		l->value = json_string_value(v);
		if (!bh_label_key_valid(key))
			return fail_at(c, "labels", key,
				       "a label key is made of letters, digits and -_./, and "
				       "begins and ends with a letter or digit");
		if (l->value == NULL && !(json_is_null(v) && change->op == BH_ENDPOINT_PATCH))
			return fail_at(c, "labels", key,
				       change->op == BH_ENDPOINT_PATCH
					       ? "must be a string, or null to remove the label"
					       : "must be a string");
		if (l->value != NULL && !bh_label_value_valid(l->value))
			return fail_at(c, "labels", key,
				       "a label value is empty or like a key: letters, digits and "
				       "-_./");
		out->n_labels++;
		change->endpoint.n_labels++;
	}
	return true;
}

/* ---- one change of a batch --------------------------------------------------------------------------- */

static bool
op_parse(const struct ctx *c, json_t *o, struct bh_endpoint_change *change)
{
	static const char *const words[] = {
		[BH_ENDPOINT_PUT] = "put",
		[BH_ENDPOINT_PATCH] = "patch",
		[BH_ENDPOINT_DELETE] = "delete",
	};
	const char *word = json_string_value(json_object_get(o, "op"));
	unsigned i;

	for (i = 0; word != NULL && i < BH_ARRAY_SIZE(words); i++) {
		if (strcmp(word, words[i]) == 0) {
			change->op = (enum bh_endpoint_op)i;
			return true;
		}
	}
	return fail_at(c, "op", NULL, "must be \"put\", \"patch\" or \"delete\"");
}

/* An id from 1 to max. */
static bool
id_parse(json_t *o, uint64_t max, uint64_t *out)
{
	json_int_t v = json_integer_value(o); /* 0 for all that is no integer */

	*out = (uint64_t)v;
	return v >= 1 && (uint64_t)v <= max;
}

static bool
tenant_parse(const struct ctx *c, json_t *o, bh_tenant *tenant)
{
	json_t *vlan = json_object_get(o, "vlan"), *n = json_object_get(o, "vni");
	uint64_t outer = 0, inner = 0, vni = 0;
	bool ok = true;

	if (json_array_size(vlan) == 2)
		ok = id_parse(json_array_get(vlan, 0), BH_API_VLAN_MAX, &outer) &&
		     id_parse(json_array_get(vlan, 1), BH_API_VLAN_MAX, &inner);
	else if (vlan != NULL)
		ok = id_parse(vlan, BH_API_VLAN_MAX, &outer);
	if (!ok)
		return fail_at(c, "vlan", NULL, "must be an id from 1 to 4094, or [outer, inner]");
	if (n != NULL && !id_parse(n, BH_API_VNI_MAX, &vni))
		return fail_at(c, "vni", NULL, "must be a number from 1 to 16777215");
	*tenant = bh_api_tenant_make(outer, inner, vni);
	return true;
}

static bool
change_parse(const struct ctx *c, json_t *o, struct bh_endpoint_change *change)
{
	const char *address;
	struct bh_err err = {0};

	if (!json_is_object(o))
		return fail_at(c, NULL, NULL, "a change must be an object");
	if (!only(c, o, "op address labels vlan vni") || !op_parse(c, o, change))
		return false;
	address = json_string_value(json_object_get(o, "address"));
	if (address == NULL)
		return fail_at(c, "address", NULL, "must be an address or prefix, as a string");
	if (bh_prefix_parse(address, &change->endpoint.prefix, &err) != 0)
		return fail_at(c, "address", NULL, err.what);
	return tenant_parse(c, o, &change->endpoint.tenant) &&
	       labels_parse(c, json_object_get(o, "labels"), change);
}

/* ---- both forms -------------------------------------------------------------------------------------- */

static bool
changes_reserve(struct bh_api_req *req, struct bh_api_changes *out, size_t n, size_t n_labels)
{
	*out = (struct bh_api_changes){.n = n};
	out->change = calloc(n + 1, sizeof(*out->change));
	out->label = calloc(n_labels + 1, sizeof(*out->label));
	if (out->change != NULL && out->label != NULL)
		return true;
	bh_api_changes_free(out);
	bh_api_fail(req, BH_PROBLEM_FULL, NULL, "no memory for the changes");
	return false;
}

void
bh_api_changes_free(struct bh_api_changes *c)
{
	free(c->change);
	free(c->label);
	*c = (struct bh_api_changes){0};
}

bool
bh_api_changes_batch(struct bh_api_req *req, json_t *body, struct bh_api_changes *out)
{
	struct ctx c = {.req = req, .out = out, .item = SIZE_MAX};
	json_t *list = json_object_get(body, "changes"), *v;
	size_t i, n_labels = 0;

	if (!only(&c, body, "changes"))
		return false;
	if (!json_is_array(list))
		return fail_at(&c, "changes", NULL, "must be a list of changes");
	json_array_foreach(list, i, v)
	{
		n_labels += json_object_size(json_object_get(v, "labels"));
	}
	if (!changes_reserve(req, out, json_array_size(list), n_labels))
		return false;
	json_array_foreach(list, c.item, v)
	{
		if (!change_parse(&c, v, &out->change[c.item])) {
			bh_api_changes_free(out);
			return false;
		}
	}
	return true;
}

bool
bh_api_changes_one(struct bh_api_req *req, json_t *body, const struct bh_endpoint_change *one,
		   struct bh_api_changes *out)
{
	struct ctx c = {.req = req, .out = out, .item = SIZE_MAX};
	json_t *labels = json_object_get(body, "labels");

	if (!only(&c, body, "labels") || !changes_reserve(req, out, 1, json_object_size(labels)))
		return false;
	out->change[0] = *one;
	if (labels_parse(&c, labels, &out->change[0]))
		return true;
	bh_api_changes_free(out);
	return false;
}
