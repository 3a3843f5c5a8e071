/* Endpoints of a policy document. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy_priv.h"

static int
read_labels(struct bh_doc_reader *r, const struct bh_yaml *map, struct bh_doc_endpoint *e)
{
	char found[BH_FOUND_LEN];
	size_t i;

	if (bh_yaml_is_null(map))
		return 0;
	if (map->type != BH_YAML_MAP)
		return bh_yaml_err(r->yaml, map, r->err,
				   "expected labels such as {app: web, zone: shop}, found %s",
				   bh_yaml_found(map, found, sizeof(found)));
	if (map->n > BH_LABELS_MAX)
		return bh_yaml_err(r->yaml, map->key[BH_LABELS_MAX], r->err,
				   "more than %u labels on one endpoint", BH_LABELS_MAX);
	e->label = bh_doc_alloc(r, map->n * sizeof(*e->label));
	if (e->label == NULL)
		return -ENOMEM;
	for (i = 0; i < map->n; i++) {
		const struct bh_yaml *key = map->key[i], *value = map->item[i];

		if (!bh_label_key_valid(key->text))
			return bh_yaml_err(
				r->yaml, key, r->err,
				"%s is no label key: 1 to %u letters, digits, '-', '_', '.' "
				"or '/', with a letter or digit at both ends",
				bh_yaml_found(key, found, sizeof(found)), BH_NAME_MAX - 1);
		if (value->type != BH_YAML_SCALAR || !bh_label_value_valid(value->text) ||
		    (bh_yaml_is_null(value) && value->text[0] != '\0'))
			return bh_yaml_err(
				r->yaml, value, r->err,
				"%s is no value for label '%s': up to %u letters, digits, "
				"'-', '_', '.' or '/', with a letter or digit at both ends "
				"(quote null, ~)",
				bh_yaml_found(value, found, sizeof(found)), key->text,
				BH_NAME_MAX - 1);
		e->label[i].key = bh_doc_text(r, key->text);
		e->label[i].value = bh_doc_text(r, value->text);
		if (e->label[i].key == NULL || e->label[i].value == NULL)
			return -ENOMEM;
	}
	e->n_labels = (unsigned)map->n;
	return 0;
}

/* "vlan: 12", "vlan: [100, 12]" (outer, inner), "vni: 5001". */
static int
read_tenant(struct bh_doc_reader *r, const struct bh_yaml *map, bh_tenant *out)
{
	const struct bh_yaml *vlan = bh_yaml_get(map, "vlan"), *vni = bh_yaml_get(map, "vni");
	uint64_t v[2] = {0, 0}, n = 0;
	int rc = 0;

	if (vlan != NULL && vlan->type == BH_YAML_LIST && vlan->n == 2) {
		rc = bh_yaml_u64(r->yaml, vlan->item[0], 1, 4094, &v[0], r->err);
		if (rc == 0)
			rc = bh_yaml_u64(r->yaml, vlan->item[1], 1, 4094, &v[1], r->err);
	} else if (vlan != NULL) {
		rc = bh_yaml_u64(r->yaml, vlan, 1, 4094, &v[0], r->err);
	}
	if (rc == 0 && vni != NULL)
		rc = bh_yaml_u64(r->yaml, vni, 1, 0xffffff, &n, r->err);
	*out = v[0] << 52 | v[1] << 40 | n;
	return rc;
}

static int
read_endpoint(struct bh_doc_reader *r, const struct bh_yaml *map, struct bh_doc_endpoint *e)
{
	static const char *const known[] = {"address", "labels", "vlan", "vni", "comment", NULL};
	const struct bh_yaml *address, *labels, *comment;
	const char *text;
	int rc = bh_yaml_check_map(r->yaml, map, "an endpoint", known, r->err);

	if (rc != 0)
		return rc;
	address = bh_yaml_get(map, "address");
	labels = bh_yaml_get(map, "labels");
	comment = bh_yaml_get(map, "comment");
	if (address == NULL)
		return bh_yaml_err(r->yaml, map, r->err,
				   "an endpoint lacks 'address': an address or prefix");
	if (labels == NULL)
		return bh_yaml_err(r->yaml, map, r->err,
				   "an endpoint lacks 'labels': write labels: {} for none");
	e->line = address->line;
	e->column = address->column;
	rc = bh_yaml_prefix(r->yaml, address, &e->prefix, r->err);
	if (rc == 0)
		rc = read_tenant(r, map, &e->tenant);
	if (rc == 0)
		rc = read_labels(r, labels, e);
	if (rc == 0 && comment != NULL)
		rc = bh_yaml_str(r->yaml, comment, &text, r->err);
	return rc;
}

static bool
same_place(const struct bh_doc_endpoint *a, const struct bh_doc_endpoint *b)
{
	return a->tenant == b->tenant && memcmp(&a->prefix, &b->prefix, sizeof(a->prefix)) == 0;
}

static uint64_t
place_hash(const struct bh_doc_reader *r, const struct bh_doc_endpoint *e)
{
	struct {
		struct bh_prefix prefix;
		uint8_t pad[6];
		bh_tenant tenant;
	} k = {.prefix = e->prefix, .tenant = e->tenant};

	return bh_hash_bytes(r->hash_key, &k, sizeof(k));
}

static int
check_places(struct bh_doc_reader *r, const struct bh_yaml *list)
{
	const struct bh_doc *doc = r->doc;
	uint32_t size = 16, *cell, i, k;
	int rc = 0;

	while (size < 2 * doc->n_endpoints)
		size *= 2;
	cell = malloc(size * sizeof(*cell));
	if (cell == NULL)
		return bh_err_set(r->err, ENOMEM, "out of memory");
	memset(cell, 0xff, size * sizeof(*cell));
	for (i = 0; rc == 0 && i < doc->n_endpoints; i++) {
		const struct bh_doc_endpoint *e = &doc->endpoint[i], *other;

		k = (uint32_t)place_hash(r, e) & (size - 1);
		for (; cell[k] != BH_NONE; k = (k + 1) & (size - 1)) {
			other = &doc->endpoint[cell[k]];
			if (!same_place(e, other))
				continue;
			rc = bh_yaml_err(
				r->yaml, bh_yaml_get(list->item[i], "address"), r->err,
				"'%.60s' is already an endpoint in line %u, column %u: put all "
				"its labels there",
				bh_yaml_get(list->item[i], "address")->text, other->line,
				other->column);
			break;
		}
		cell[k] = i;
	}
	free(cell);
	return rc;
}

int
bh_doc_read_endpoints(struct bh_doc_reader *r, const struct bh_yaml *node)
{
	struct bh_doc *doc = r->doc;
	char found[BH_FOUND_LEN];
	size_t i;
	int rc = 0;

	if (node == NULL || bh_yaml_is_null(node))
		return 0;
	if (node->type != BH_YAML_LIST)
		return bh_yaml_err(r->yaml, node, r->err,
				   "expected a list of endpoints ('- address: ...'), found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	doc->endpoint = bh_doc_alloc(r, node->n * sizeof(*doc->endpoint));
	if (doc->endpoint == NULL)
		return -ENOMEM;
	for (i = 0; rc == 0 && i < node->n; i++)
		rc = read_endpoint(r, node->item[i], &doc->endpoint[i]);
	doc->n_endpoints = (uint32_t)node->n;
	return rc == 0 ? check_places(r, node) : rc;
}
