/* What is shared besides the policy, as JSON: labels of an endpoint, a conversation. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet_item.h"
#include "fleet_priv.h"

/* ---- endpoints ----------------------------------------------------------------------------------------------- */

void
bh_fleet_endpoint_name(const struct bh_endpoint *e, char out[BH_FLEET_ITEM_NAME])
{
	char prefix[64];

	bh_prefix_format(&e->prefix, prefix, sizeof(prefix));
	snprintf(out, BH_FLEET_ITEM_NAME, "%llx/%s", (unsigned long long)e->tenant, prefix);
}

void
bh_fleet_endpoint_write(struct bh_buf *b, const struct bh_endpoint *e)
{
	json_t *labels = json_object();
	unsigned i;

	for (i = 0; i < e->n_labels; i++)
		json_object_set_new(labels, e->labels[i].key, json_string(e->labels[i].value));
	bh_fleet_json(b, json_pack("{s:o}", "labels", labels));
}

static int
read_labels(struct bh_fleet_endpoint *out)
{
	const json_t *labels = json_object_get(out->doc, "labels");
	struct bh_endpoint *e = &out->change.endpoint;
	const char *key;
	json_t *v;

	if (!json_is_object(labels) || json_object_size(labels) > BH_LABELS_MAX)
		return -EINVAL;
	json_object_foreach((json_t *)(uintptr_t)labels, key, v)
	{
		if (!json_is_string(v))
			return -EINVAL;
		out->label[e->n_labels++] =
			(struct bh_label){.key = key, .value = json_string_value(v)};
	}
	e->labels = out->label;
	return 0;
}

int
bh_fleet_endpoint_read(struct bh_fleet_endpoint *out, const char *name, const char *value,
		       size_t len)
{
	char *end;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	out->change.endpoint.tenant = strtoull(name, &end, 16);
	out->change.endpoint.source = BH_SOURCE_REST;
	out->change.op = value != NULL ? BH_ENDPOINT_PUT : BH_ENDPOINT_DELETE;
	if (end == name || *end != '/' || name[strspn(name, "0123456789abcdef")] != '/' ||
	    bh_prefix_parse(end + 1, &out->change.endpoint.prefix, NULL) != 0)
		return -EINVAL;
	if (value != NULL) {
		out->doc = json_loadb(value, len, JSON_REJECT_DUPLICATES, NULL);
		rc = read_labels(out);
	}
	if (rc != 0)
		bh_fleet_endpoint_free(out);
	return rc;
}

void
bh_fleet_endpoint_free(struct bh_fleet_endpoint *e)
{
	json_decref(e->doc);
	e->doc = NULL;
}

/* ---- conversations ---------------------------------------------------------------------------------------------- */

void
bh_fleet_learned_name(const char *gateway, const struct bh_conversation *c,
		      char out[BH_FLEET_ITEM_NAME])
{
	char text[3 * BH_LEARN_NAME];
	uint8_t sha[BH_SHA256_SIZE];
	char hex[2 * BH_SHA256_SIZE + 1];
	int n = snprintf(text, sizeof(text), "%s|%s|%u|%s", c->from.name, c->to.name, c->service,
			 c->app);

	bh_sha256(text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1, sha);
	bh_sha256_hex(sha, hex);
	snprintf(out, BH_FLEET_ITEM_NAME, "%.63s/%.32s", gateway, hex);
}

static json_t *
values_json(const struct bh_conversation *c)
{
	json_t *list = json_array(), *text;
	char field[64];
	unsigned i;

	for (i = 0; i < c->n_values && i < BH_FLEET_VALUES; i++) {
		const struct bh_op_field_info *f = bh_op_field_info(c->value[i].field);

		snprintf(field, sizeof(field), "%s.%s", bh_app_name(f->app), f->rule_key);
		text = json_string(c->value[i].text);
		/* What is no UTF-8 no rule can name. */
		json_array_append_new(list, json_pack("[s, b, o]", field,
						      c->value[i].more || text == NULL,
						      text != NULL ? text : json_string("")));
	}
	return list;
}

static void
address_hex(const uint8_t address[16], char out[33])
{
	unsigned i;

	for (i = 0; i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", address[i]);
}

void
bh_fleet_learned_write(struct bh_buf *b, const struct bh_conversation *c)
{
	char client[33], server[33], tenant[20];
	json_t *sessions = json_array();
	unsigned k;

	for (k = 0; k < BH_SEEN_KINDS; k++)
		json_array_append_new(sessions, json_integer((json_int_t)c->own_sessions[k]));
	address_hex(c->address[0], client);
	address_hex(c->address[1], server);
	snprintf(tenant, sizeof(tenant), "%llx", (unsigned long long)c->tenant);
	bh_fleet_json(
		b,
		json_pack("{s:s, s:s, s:i, s:i, s:I, s:s, s:b, s:b, s:I, s:I, s:o, s:[I, I], s:i,"
			  " s:s, s:s, s:s, s:o}",
			  "from", c->from.name, "to", c->to.name, "from_reserved",
			  (int)c->from.reserved, "to_reserved", (int)c->to.reserved, "service",
			  (json_int_t)c->service, "application", c->app, "undecided", c->undecided,
			  "learned", c->learn, "first_ns", (json_int_t)c->first_ns, "last_ns",
			  (json_int_t)c->last_ns, "sessions", sessions, "bytes",
			  (json_int_t)c->own_bytes[0], (json_int_t)c->own_bytes[1], "family",
			  (int)c->family, "client", client, "server", server, "tenant", tenant,
			  "values", values_json(c)));
}

static bool
get_number(const json_t *v, uint64_t max, uint64_t *out)
{
	json_int_t n = json_integer_value(v);

	*out = (uint64_t)n;
	return json_is_integer(v) && n >= 0 && (uint64_t)n <= max;
}

static bool
get_member(const json_t *o, const char *name, uint64_t max, uint64_t *out)
{
	return get_number(json_object_get(o, name), max, out);
}

static bool
get_name(const json_t *o, const char *name, size_t size, const char **out)
{
	*out = json_string_value(json_object_get(o, name));
	return *out != NULL && strlen(*out) < size;
}

static bool
get_address(const json_t *o, const char *name, uint8_t out[16])
{
	const char *s = json_string_value(json_object_get(o, name));
	unsigned i, v;

	if (s == NULL || strlen(s) != 32 || s[strspn(s, "0123456789abcdef")] != '\0')
		return false;
	for (i = 0; i < 16; i++) {
		if (sscanf(s + 2 * i, "%2x", &v) != 1)
			return false;
		out[i] = (uint8_t)v;
	}
	return true;
}

/* A field of a newer version is left out. */
static bool
get_values(struct bh_fleet_learned *out)
{
	const json_t *v, *list = json_object_get(out->doc, "values");
	char field[64], *dot;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > BH_FLEET_VALUES)
		return false;
	json_array_foreach(list, i, v)
	{
		const char *name = json_string_value(json_array_get(v, 0)),
			   *text = json_string_value(json_array_get(v, 2));
		unsigned f;

		if (name == NULL || text == NULL || strlen(name) >= sizeof(field))
			return false;
		snprintf(field, sizeof(field), "%s", name);
		dot = strchr(field, '.');
		if (dot == NULL)
			return false;
		*dot = '\0';
		f = bh_op_field_find(bh_app_find(field), dot + 1);
		if (f == BH_OP_FIELD_COUNT)
			continue;
		out->value[out->c.n_values++] =
			(struct bh_learn_value){.field = (uint8_t)f,
						.more = json_is_true(json_array_get(v, 1)),
						.text = (char *)(uintptr_t)text};
	}
	out->c.value = out->value;
	return true;
}

static bool
get_figures(const json_t *o, struct bh_conversation *c)
{
	const json_t *sessions = json_object_get(o, "sessions"),
		     *bytes = json_object_get(o, "bytes");
	bool good = json_array_size(sessions) == BH_SEEN_KINDS && json_array_size(bytes) == 2;
	unsigned k;

	for (k = 0; good && k < BH_SEEN_KINDS; k++)
		good = get_number(json_array_get(sessions, k), INT64_MAX, &c->sessions[k]);
	for (k = 0; good && k < 2; k++)
		good = get_number(json_array_get(bytes, k), INT64_MAX, &c->bytes[k]);
	return good;
}

static bool
get_conversation(const json_t *o, struct bh_conversation *c)
{
	uint64_t service, family, reserved[2];
	const char *tenant;
	bool good = get_name(o, "from", BH_LEARN_NAME, &c->from.name) &&
		    get_name(o, "to", BH_LEARN_NAME, &c->to.name) && c->from.name[0] != '\0' &&
		    c->to.name[0] != '\0' && get_name(o, "application", 64, &c->app) &&
		    get_member(o, "from_reserved", 2, &reserved[0]) &&
		    get_member(o, "to_reserved", 2, &reserved[1]) &&
		    get_member(o, "service", UINT32_MAX, &service) &&
		    get_member(o, "first_ns", INT64_MAX, &c->first_ns) &&
		    get_member(o, "last_ns", INT64_MAX, &c->last_ns) &&
		    get_member(o, "family", 6, &family) &&
		    (family == 0 || family == 4 || family == 6) &&
		    get_address(o, "client", c->address[0]) &&
		    get_address(o, "server", c->address[1]) && get_name(o, "tenant", 20, &tenant);

	if (!good)
		return false;
	c->from.reserved = (uint8_t)reserved[0];
	c->to.reserved = (uint8_t)reserved[1];
	c->service = (uint32_t)service;
	c->family = (uint8_t)family;
	c->tenant = strtoull(tenant, NULL, 16);
	c->undecided = json_is_true(json_object_get(o, "undecided"));
	c->learn = json_is_true(json_object_get(o, "learned"));
	return get_figures(o, c);
}

int
bh_fleet_learned_read(struct bh_fleet_learned *out, const char *name, const char *value, size_t len)
{
	const char *slash = strchr(name, '/');

	memset(out, 0, sizeof(*out));
	if (slash == NULL || slash == name || (size_t)(slash - name) >= sizeof(out->gateway))
		return -EINVAL;
	memcpy(out->gateway, name, (size_t)(slash - name));
	out->doc = json_loadb(value, len, JSON_REJECT_DUPLICATES, NULL);
	if (get_conversation(out->doc, &out->c) && get_values(out))
		return 0;
	bh_fleet_learned_free(out);
	return -EINVAL;
}

void
bh_fleet_learned_free(struct bh_fleet_learned *l)
{
	json_decref(l->doc);
	l->doc = NULL;
}
