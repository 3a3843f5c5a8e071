/* The older form: prefix, suffix, groups with selectors, and rules in the group that they start from.
 *
 * A group is called PREFIX-NAME-SUFFIX (without what is not written). suffix: auto is eight hexadecimal
 * digits made from all keys and values of the document in their order: the same document gives the same
 * names everywhere, whatever its comments and its layout. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "import_priv.h"

/* Of one document. */
struct naming {
	const char *prefix, *suffix;
	const struct bh_yaml *groups;
};

static uint64_t
tree_hash(const struct bh_yaml *node, uint64_t h)
{
	size_t i;

	h = bh_import_hash(node->type == BH_YAML_SCALAR ? node->text : "", h * 31 + node->type + 1);
	for (i = 0; node->type != BH_YAML_SCALAR && i < node->n; i++) {
		if (node->type == BH_YAML_MAP)
			h = tree_hash(node->key[i], h);
		h = tree_hash(node->item[i], h);
	}
	return h;
}

static const char *
full_name(struct bh_import *im, const struct naming *n, const char *name)
{
	return bh_import_text(im, "%s%s%s%s%s", n->prefix, n->prefix[0] != '\0' ? "-" : "", name,
			      n->suffix[0] != '\0' ? "-" : "", n->suffix);
}

/* One selector: "app=redis-pod". Of one key, any of its values; different keys, all. */
static int
read_selector(struct bh_import *im, const struct bh_yaml *node, struct bh_term *t)
{
	struct bh_term one = {.kind = BH_TERM_LABELS};
	char found[BH_FOUND_LEN];
	bool single = false;
	int rc = node->type == BH_YAML_SCALAR ? bh_term_parse(im, node->text, &one, &single)
					      : BH_TERM_UNSAYABLE;

	if (rc == 0 && single)
		rc = bh_term_or_value(im, t, one.want[0].key, one.want[0].value[0]);
	else if (rc == 0)
		rc = bh_term_and(im, t, &one, t);
	if (rc == BH_TERM_EMPTY)
		return bh_yaml_err(im->yaml, node, im->err,
				   "no label can meet this and what stands before it");
	if (rc == BH_TERM_UNSAYABLE)
		return bh_yaml_err(im->yaml, node, im->err,
				   "expected a selector such as app=web, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	return rc;
}

static int
read_group(struct bh_import *im, struct bh_groups *g, const struct naming *naming,
	   const struct bh_yaml *key, const struct bh_yaml *map)
{
	static const char *const known[] = {"selectors", "rules", "comment", NULL};
	const struct bh_yaml *list;
	struct bh_term *t = bh_import_alloc(im, sizeof(*t));
	struct bh_group group = {.name = full_name(im, naming, key->text), .term = t, .n = 1};
	int rc = t == NULL || group.name == NULL
			 ? -ENOMEM
			 : bh_yaml_check_map(im->yaml, map, "a group", known, im->err);
	size_t i;

	if (rc != 0)
		return rc;
	list = bh_import_get(map, "selectors");
	if (list == NULL || list->type != BH_YAML_LIST || list->n == 0)
		return bh_yaml_err(im->yaml, key, im->err,
				   "group '%.100s' needs 'selectors', a list such as [app=web]",
				   key->text);
	t->kind = BH_TERM_LABELS;
	for (i = 0; rc == 0 && i < list->n; i++)
		rc = read_selector(im, list->item[i], t);
	return rc != 0 ? rc : bh_group_add(im, g, &group, key);
}

/* A reserved word as a group of that name. */
static int
reserved_group(struct bh_import *im, struct bh_groups *g, const char *name,
	       const struct bh_yaml *at)
{
	struct bh_term *t = bh_import_alloc(im, sizeof(*t));
	const struct bh_group group = {.name = name, .term = t, .n = 1};

	if (t == NULL)
		return -ENOMEM;
	t->kind = strcmp(name, "any") == 0 ? BH_TERM_ANY : BH_TERM_NAMED;
	t->name = name;
	return bh_group_add(im, g, &group, at);
}

static int
read_target(struct bh_import *im, struct bh_groups *g, const struct naming *naming,
	    const struct bh_yaml *map, struct bh_group_rule *r)
{
	const struct bh_yaml *node = bh_import_get(map, "toTarget");
	const char *best = NULL;
	unsigned distance = 0;
	size_t i;

	if (node == NULL || node->type != BH_YAML_SCALAR)
		return bh_yaml_err(im->yaml, map, im->err,
				   "a rule lacks 'toTarget': the group that it may talk to");
	r->to = node->text;
	if (strcmp(node->text, "any") == 0 || strcmp(node->text, "external") == 0)
		return reserved_group(im, g, node->text, node);
	for (i = 0; i < naming->groups->n; i++) {
		if (strcmp(naming->groups->key[i]->text, node->text) == 0) {
			r->to = full_name(im, naming, node->text);
			return r->to == NULL ? -ENOMEM : 0;
		}
		bh_word_nearest(node->text, naming->groups->key[i]->text, &best, &distance);
	}
	return bh_yaml_err(im->yaml, node, im->err, "no group is named '%.60s'%s%s%s", node->text,
			   best != NULL ? ": did you mean '" : "", best != NULL ? best : "",
			   best != NULL ? "'?" : "");
}

static int
read_rule(struct bh_import *im, struct bh_groups *g, const struct naming *naming,
	  const struct bh_yaml *group, const struct bh_yaml *key, const struct bh_yaml *map)
{
	static const char *const known[] = {"applications", "toTarget", "ports", "action", NULL};
	struct bh_group_rule r = {.place = bh_import_place(im, key), .index = g->n_rules};
	const char *id = bh_import_text(im, "%s-%s", group->text, key->text);
	int rc = id == NULL ? -ENOMEM : bh_yaml_check_map(im->yaml, map, "a rule", known, im->err);

	if (rc != 0)
		return rc;
	r.id = full_name(im, naming, id);
	r.from = full_name(im, naming, group->text);
	if (r.id == NULL || r.from == NULL)
		return -ENOMEM;
	rc = bh_group_action(im, &r, map);
	if (rc == 0)
		rc = read_target(im, g, naming, map, &r);
	if (rc == 0)
		rc = bh_group_ports(im, &r, bh_import_get(map, "ports"));
	if (rc == 0)
		rc = bh_group_apps(im, &r, bh_import_get(map, "applications"));
	return rc != 0 ? rc : bh_import_push(im, &g->rule, &g->n_rules, &r, sizeof(r));
}

static int
read_rules(struct bh_import *im, struct bh_groups *g, const struct naming *naming,
	   const struct bh_yaml *group, const struct bh_yaml *map)
{
	const struct bh_yaml *rules = bh_import_get(map, "rules");
	size_t i;
	int rc = 0;

	if (rules == NULL)
		return 0;
	rc = bh_import_must(im, rules, BH_YAML_MAP, "rules");
	for (i = 0; rc == 0 && i < rules->n; i++)
		rc = read_rule(im, g, naming, group, rules->key[i], rules->item[i]);
	return rc;
}

int
bh_groups_read(struct bh_import *im, struct bh_forms *f, const struct bh_yaml *doc)
{
	static const char *const known[] = {"apiVersion", "prefix", "suffix", "groups", NULL};
	struct naming n = {.prefix = bh_import_word(doc, "prefix", ""),
			   .suffix = bh_import_word(doc, "suffix", ""),
			   .groups = bh_import_get(doc, "groups")};
	size_t i;
	int rc = bh_yaml_check_map(im->yaml, doc, "the document", known, im->err);

	if (rc == 0 && strcmp(bh_import_word(doc, "apiVersion", "v1"), "v1") != 0)
		rc = bh_yaml_err(im->yaml, bh_import_get(doc, "apiVersion"), im->err,
				 "expected apiVersion v1");
	if (rc == 0)
		rc = bh_import_must(im, n.groups, BH_YAML_MAP, "groups");
	if (rc == 0 && strcmp(n.suffix, "auto") == 0) {
		n.suffix = bh_import_text(im, "%08x", (unsigned)(tree_hash(doc, 0) >> 32));
		rc = n.suffix == NULL ? -ENOMEM : 0;
	}
	for (i = 0; rc == 0 && i < n.groups->n; i++)
		rc = read_group(im, &f->groups, &n, n.groups->key[i], n.groups->item[i]);
	for (i = 0; rc == 0 && i < n.groups->n; i++)
		rc = read_rules(im, &f->groups, &n, n.groups->key[i], n.groups->item[i]);
	return rc;
}
