/* LabelSelector of Kubernetes: matchLabels and matchExpressions, all of which must hold. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "import_priv.h"

/* Our key for a key of a pod's or a namespace's labels, checked. */
static int
label_key(struct bh_import *im, const struct bh_yaml *node, bool of_ns, const char **out)
{
	*out = node->text;
	if (of_ns && strcmp(node->text, BH_LABEL_NAME) == 0)
		*out = BH_LABEL_NAMESPACE;
	else if (of_ns)
		*out = bh_import_text(im, BH_LABEL_NAMESPACE_LABEL "%s", node->text);
	if (*out == NULL)
		return -ENOMEM;
	if (node->type == BH_YAML_SCALAR && bh_label_key_valid(*out))
		return 0;
	return bh_yaml_err(im->yaml, node, im->err,
			   "this is no label key that can be matched here: a letter or digit at "
			   "both ends, with '-', '_', '.' or '/' between, at most %zu characters",
			   BH_NAME_MAX - 1 - (of_ns ? strlen(BH_LABEL_NAMESPACE_LABEL) : 0));
}

static int
label_value(struct bh_import *im, const struct bh_yaml *node)
{
	char found[BH_FOUND_LEN];

	if (node->type == BH_YAML_SCALAR && bh_label_value_valid(node->text))
		return 0;
	return bh_yaml_err(im->yaml, node, im->err, "%s is no label value",
			   bh_yaml_found(node, found, sizeof(found)));
}

static int
match_labels(struct bh_import *im, const struct bh_yaml *map, bool of_ns, struct bh_term *t)
{
	const char *key, *value;
	int rc = bh_import_must(im, map, BH_YAML_MAP, "matchLabels"), empty = BH_TERM_OK;
	size_t i;

	for (i = 0; rc == 0 && i < map->n; i++) {
		rc = label_key(im, map->key[i], of_ns, &key);
		if (rc == 0)
			rc = label_value(im, map->item[i]);
		if (rc != 0)
			return rc;
		value = map->item[i]->text;
		rc = bh_term_add(im, t, key, BH_WANT_IN, &value, 1);
		if (rc == BH_TERM_EMPTY) {
			empty = BH_TERM_EMPTY;
			rc = 0;
		}
	}
	return rc != 0 ? rc : empty;
}

static int
expression_values(struct bh_import *im, const struct bh_yaml *map, enum bh_want_op op,
		  const char ***value, size_t *n)
{
	const struct bh_yaml *values = bh_import_get(map, "values");
	bool wanted = op == BH_WANT_IN || op == BH_WANT_NOT_IN;
	size_t i;
	int rc = 0;

	if (values != NULL)
		rc = bh_import_must(im, values, BH_YAML_LIST, "values");
	if (rc == 0 && wanted != (values != NULL && values->n != 0))
		rc = bh_yaml_err(im->yaml, map, im->err,
				 wanted ? "In and NotIn need 'values'"
					: "Exists and DoesNotExist take no 'values'");
	for (i = 0; rc == 0 && values != NULL && i < values->n; i++) {
		rc = label_value(im, values->item[i]);
		if (rc == 0)
			rc = bh_import_push(im, value, n, &values->item[i]->text, sizeof(**value));
	}
	return rc;
}

static int
match_expression(struct bh_import *im, const struct bh_yaml *map, bool of_ns, struct bh_term *t)
{
	static const char *const known[] = {"key", "operator", "values", NULL};
	static const char *const words[] = {"In", "NotIn", "Exists", "DoesNotExist", NULL};
	const struct bh_yaml *key_node, *op_node;
	const char *key, **value = NULL;
	size_t n = 0;
	unsigned op;
	int rc = bh_yaml_check_map(im->yaml, map, "a requirement", known, im->err);

	if (rc != 0)
		return rc;
	key_node = bh_import_get(map, "key");
	op_node = bh_import_get(map, "operator");
	if (key_node == NULL || op_node == NULL)
		return bh_yaml_err(im->yaml, map, im->err,
				   "a requirement needs 'key' and 'operator'");
	rc = bh_yaml_enum(im->yaml, op_node, words, &op, im->err);
	if (rc == 0)
		rc = label_key(im, key_node, of_ns, &key);
	if (rc == 0)
		rc = expression_values(im, map, (enum bh_want_op)op, &value, &n);
	return rc != 0 ? rc : bh_term_add(im, t, key, (enum bh_want_op)op, value, n);
}

int
bh_k8s_selector(struct bh_import *im, const struct bh_yaml *node, bool of_ns, struct bh_term *t)
{
	static const char *const known[] = {"matchLabels", "matchExpressions", NULL};
	const struct bh_yaml *labels, *list;
	int rc = bh_yaml_check_map(im->yaml, node, "a label selector", known, im->err),
	    empty = BH_TERM_OK;
	size_t i;

	if (rc != 0)
		return rc;
	labels = bh_import_get(node, "matchLabels");
	list = bh_import_get(node, "matchExpressions");
	if (labels != NULL)
		rc = match_labels(im, labels, of_ns, t);
	empty = rc == BH_TERM_EMPTY ? rc : empty;
	if (rc >= 0 && list != NULL)
		rc = bh_import_must(im, list, BH_YAML_LIST, "matchExpressions");
	for (i = 0; rc >= 0 && list != NULL && i < list->n; i++) {
		rc = match_expression(im, list->item[i], of_ns, t);
		empty = rc == BH_TERM_EMPTY ? rc : empty;
	}
	return rc < 0 ? rc : empty;
}
