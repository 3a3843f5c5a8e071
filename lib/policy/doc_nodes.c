/* The reserved segment `nodes`: the hosts that run others. It is there where a rule or a zone names it; a document that has a
 * segment of that name says itself who is in it. */
#include <errno.h>

#include "policy_priv.h"

/* Every kubelet gives its Node this label (Kubernetes, "Well-Known Labels"); pods don't get it. */
#define NODES_SELECTOR "kubernetes.io/hostname"

static bool
names_it(const struct bh_yaml *node)
{
	size_t i;

	if (node == NULL)
		return false;
	if (node->type == BH_YAML_SCALAR)
		return strcmp(node->text, BH_NODES) == 0;
	for (i = 0; node->type == BH_YAML_LIST && i < node->n; i++) {
		if (node->item[i]->type == BH_YAML_SCALAR && names_it(node->item[i]))
			return true;
	}
	return false;
}

/* One of the list's or map's items has it at one of two keys. */
static bool
items_name_it(const struct bh_yaml *list, const char *one, const char *other)
{
	size_t i;

	for (i = 0; list != NULL && list->type != BH_YAML_SCALAR && i < list->n; i++) {
		const struct bh_yaml *item = list->item[i];

		if (item->type == BH_YAML_MAP &&
		    (names_it(bh_yaml_get(item, one)) || names_it(bh_yaml_get(item, other))))
			return true;
	}
	return false;
}

int
bh_doc_add_nodes(struct bh_doc_reader *r, const struct bh_yaml *const part[BH_RULE_ORIGINS])
{
	struct bh_doc_segment s = {.name = BH_NODES, .selector_text = NODES_SELECTOR, .line = 1};
	bool named =
		items_name_it(bh_yaml_get(part[BH_RULE_WRITTEN], "zones"), "segments", "segments");
	size_t at = 0;
	unsigned i;
	int rc;

	for (i = 0; !named && i < BH_RULE_ORIGINS; i++)
		named = part[i] != NULL &&
			items_name_it(bh_yaml_get(part[i], "rules"), "from", "to");
	if (!named || bh_strmap_get(&r->segments, BH_NODES) != BH_NONE)
		return 0;
	s.selector = bh_doc_alloc(r, sizeof(*s.selector));
	if (s.selector == NULL)
		return -ENOMEM;
	rc = bh_selector_add(&r->doc->arena, s.selector, NODES_SELECTOR, &at, r->err);
	return rc == 0 ? bh_doc_add_segment(r, &s) : rc;
}
