/* `quotas:` of bulkhead.yaml. */
#include <stdio.h>

#include "conf_priv.h"

#define LIMIT_MAX UINT64_C(1000000000000) /* a terabyte a second */

static int
read_name(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_threat_quota *q)
{
	const struct bh_yaml *node = bh_yaml_get(map, "name");
	const struct bh_config *c = r->c;
	const char *text;
	unsigned i;
	int rc;

	if (node == NULL)
		return bh_yaml_err(r->doc, map, r->err,
				   "a quota lacks 'name': alerts tell it by that");
	rc = bh_yaml_str(r->doc, node, &text, r->err);
	if (rc != 0)
		return rc;
	if (strlen(text) >= sizeof(q->name))
		return bh_yaml_err(r->doc, node, r->err,
				   "expected a name of at most %zu bytes, found '%.40s'",
				   sizeof(q->name) - 1, text);
	for (i = 0; i < c->n_quotas; i++) {
		if (strcmp(c->quota[i].name, text) == 0)
			return bh_yaml_err(r->doc, node, r->err,
					   "a second quota named '%s': give each its own name",
					   text);
	}
	snprintf(q->name, sizeof(q->name), "%s", text);
	return 0;
}

static int
read_end(struct bh_config_reader *r, const struct bh_yaml *map, const char *key, uint8_t *out)
{
	const struct bh_yaml *node = bh_yaml_get(map, key);
	unsigned index = 0;
	int rc;

	*out = BH_THREAT_ANY;
	if (node == NULL || (node->type == BH_YAML_SCALAR && strcmp(node->text, "any") == 0))
		return 0;
	rc = bh_config_threat_segment(r, node, &index);
	*out = (uint8_t)index;
	return rc;
}

static int
read_limits(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_threat_quota *q)
{
	const struct bh_yaml *node;
	bool any = false;
	unsigned i;
	int rc = 0;

	for (i = 0; rc == 0 && i < BH_QUOTA_RESOURCES; i++) {
		node = bh_yaml_get(map, bh_threat_resource_name(i));
		if (node == NULL)
			continue;
		rc = bh_yaml_u64(r->doc, node, 1, LIMIT_MAX, &q->limit[i], r->err);
		any = true;
	}
	if (rc == 0 && !any)
		return bh_yaml_err(
			r->doc, map, r->err,
			"quota '%s' limits nothing: it lacks connections, sessions, packets "
			"or bytes",
			q->name);
	return rc;
}

static int
read_quota(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_threat_quota *q)
{
	static const char *const known[] = {"name",        "per",      "from",    "to",    "action",
					    "connections", "sessions", "packets", "bytes", NULL};
	static const char *const pers[] = {"source", "destination", "pair", NULL};
	static const char *const actions[] = {"drop", "alert", NULL};
	unsigned per = BH_QUOTA_SOURCE, action = 0;
	const struct bh_yaml *node;
	int rc = bh_yaml_check_map(r->doc, map, "a quota", known, r->err);

	if (rc == 0)
		rc = read_name(r, map, q);
	if (rc == 0 && (node = bh_yaml_get(map, "per")) != NULL)
		rc = bh_yaml_enum(r->doc, node, pers, &per, r->err);
	if (rc == 0 && (node = bh_yaml_get(map, "action")) != NULL)
		rc = bh_yaml_enum(r->doc, node, actions, &action, r->err);
	if (rc == 0)
		rc = read_end(r, map, "from", &q->from);
	if (rc == 0)
		rc = read_end(r, map, "to", &q->to);
	q->per = (uint8_t)per;
	q->alert = action == 1;
	return rc == 0 ? read_limits(r, map, q) : rc;
}

int
bh_config_read_quotas(struct bh_config_reader *r, const struct bh_yaml *node)
{
	struct bh_config *c = r->c;
	char found[BH_FOUND_LEN];
	size_t i;
	int rc = 0;

	if (bh_yaml_is_null(node))
		return 0;
	if (node->type != BH_YAML_LIST)
		return bh_yaml_err(r->doc, node, r->err, "expected a list of quotas, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	if (node->n > BH_THREAT_QUOTAS)
		return bh_yaml_err(r->doc, node->item[BH_THREAT_QUOTAS], r->err,
				   "more than %d quotas", BH_THREAT_QUOTAS);
	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = read_quota(r, node->item[i], &c->quota[i]);
		c->n_quotas = (unsigned)i + 1;
	}
	return rc;
}
