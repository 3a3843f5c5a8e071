/* The container firewall's custom resources: NvSecurityRule, NvClusterSecurityRule, NvGroupDefinition.
 *
 * Criteria of a group: of one key any of its positive ones, or all when all are negative; of different
 * keys all. Labels of the namespace ("ns:key") count as one key, whatever their names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "import_priv.h"

/* One group as it is read. */
struct reading {
	struct bh_group group;
	struct bh_term labels; /* all keys but those of the namespace's labels */
	struct bh_term ns[32]; /* alternatives */
	size_t n_ns;
	struct bh_term addresses;
	bool has_labels;
};

/* Keys of criteria that are not label keys, and ours for them. */
static const struct {
	const char *theirs, *ours;
} keys[] = {
	{"domain", BH_LABEL_NAMESPACE}, {"namespace", BH_LABEL_NAMESPACE},
	{"service", "k8s.service"},     {"node", "k8s.node"},
	{"container", "k8s.container"}, {"image", "k8s.image"},
};

static const char *
our_key(struct bh_import *im, const char *key)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(keys); i++) {
		if (strcmp(key, keys[i].theirs) == 0)
			return keys[i].ours;
	}
	if (strcmp(key, "ns:" BH_LABEL_NAME) == 0)
		return BH_LABEL_NAMESPACE;
	if (strncmp(key, "ns:", 3) == 0)
		return bh_import_text(im, BH_LABEL_NAMESPACE_LABEL "%s", key + 3);
	return key;
}

/* Our operator over texts for theirs, or NULL. */
static const char *
text_operator(const char *op)
{
	static const char *const ops[][2] = {{"prefix", "prefix"},
					     {"contains", "contains"},
					     {"regex", "~"},
					     {"!regex", "!~"}};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(ops); i++) {
		if (strcmp(op, ops[i][0]) == 0)
			return ops[i][1];
	}
	return NULL;
}

/* Why a criterion cannot be said, or NULL. */
static const char *
refusal(const char *key, const char *op, const char *value)
{
	if (!bh_label_key_valid(key))
		return "has a criterion whose key is no label key";
	if (text_operator(op) != NULL)
		return NULL;
	if (strcmp(op, "=") != 0 && strcmp(op, "!=") != 0)
		return "has a criterion with an operator that the form does not have";
	if (strcmp(op, "=") == 0 && strcmp(value, "*") == 0)
		return NULL;
	if (strpbrk(value, "*?") != NULL)
		return "has a criterion with a wildcard in its value";
	return bh_label_value_valid(value) ? NULL : "has a criterion whose value is no label value";
}

static int
add_criterion(struct bh_import *im, struct bh_term *t, const char *key, const char *op,
	      const char *value)
{
	if (text_operator(op) != NULL)
		return bh_term_or_more(im, t, key, text_operator(op), value);
	if (strcmp(op, "!=") == 0)
		return bh_term_add(im, t, key, BH_WANT_NOT_IN, &value, 1);
	if (strcmp(value, "*") == 0)
		return bh_term_add(im, t, key, BH_WANT_EXISTS, NULL, 0);
	return bh_term_or_value(im, t, key, value);
}

static int
read_address(struct bh_import *im, struct reading *g, const char *op, const char *value)
{
	int rc;

	if (strcmp(op, "=") != 0) {
		g->group.why = "has an address with an operator other than =";
		return 0;
	}
	if (strncmp(value, "vh:", 3) == 0) {
		g->group.why = "has a virtual host: give the rule `http: {hosts: [...]}` or `tls: "
			       "{sni: [...]}`";
		return 0;
	}
	rc = bh_block_parse(im, value, &g->addresses);
	if (rc == -EINVAL)
		rc = bh_block_host(im, value, &g->addresses);
	if (rc == -EINVAL)
		g->group.why = "has an address that is neither a number nor a DNS name";
	return rc == -EINVAL ? 0 : rc;
}

static bool
has_more(const struct bh_term *t, const char *key)
{
	size_t i;

	for (i = 0; i < t->n_more && strcmp(t->more[i].key, key) != 0;)
		i++;
	return i < t->n_more;
}

static int
read_label(struct bh_import *im, struct reading *g, const char *key, const char *op,
	   const char *value)
{
	bool negative = op[0] == '!', of_ns = strncmp(key, "ns:", 3) == 0;
	const char *ours = our_key(im, key), *why;
	const struct bh_want *old;
	struct bh_term *t = &g->labels;
	int rc;

	if (ours == NULL)
		return -ENOMEM;
	why = refusal(ours, op, value);
	old = bh_term_want(&g->labels, ours);
	/* Positive and negative ones of a key: the positive ones would win, or not, by their order. */
	if (why == NULL && old != NULL && old->in == negative)
		why = "asks for and excludes values of one key";
	/* Alternatives by value and by text would be two segments. */
	if (why == NULL && (text_operator(op) != NULL ? old != NULL : has_more(&g->labels, ours)))
		why = "has criteria of different operators for one key";
	if (why != NULL) {
		g->group.why = why;
		return 0;
	}
	g->has_labels = true;
	if (of_ns && !negative) {
		if (g->n_ns == BH_ARRAY_SIZE(g->ns)) {
			g->group.why = "has more than 32 criteria over labels of namespaces";
			return 0;
		}
		t = &g->ns[g->n_ns++];
	} else if (of_ns && g->n_ns != 0) {
		g->group.why = "asks for and excludes labels of namespaces";
		return 0;
	}
	rc = add_criterion(im, t, ours, op, value);
	if (rc == BH_TERM_EMPTY)
		g->group.why = "can have no member";
	else if (rc == BH_TERM_UNSAYABLE)
		g->group.why = "has a criterion over a text that our selectors do not take";
	return rc > 0 ? 0 : rc;
}

static int
read_criterion(struct bh_import *im, struct reading *g, const struct bh_yaml *map)
{
	static const char *const known[] = {"key", "op", "value", NULL};
	const char *key, *op, *value, *eq;
	int rc = bh_yaml_check_map(im->yaml, map, "a criterion", known, im->err);

	if (rc != 0)
		return rc;
	key = bh_import_word(map, "key", "");
	op = bh_import_word(map, "op", "");
	value = bh_import_word(map, "value", "");
	if (key[0] == '\0' || op[0] == '\0')
		return bh_yaml_err(im->yaml, map, im->err, "a criterion needs 'key' and 'op'");
	if (strcmp(key, "address") == 0)
		return read_address(im, g, op, value);
	eq = strchr(value, '=');
	if (strcmp(key, "label") == 0 && eq != NULL) {
		key = bh_import_text(im, "%.*s", (int)(eq - value), value);
		value = eq + 1;
	}
	return key == NULL ? -ENOMEM : read_label(im, g, key, op, value);
}

/* Terms of what was read: the labels with each alternative of the namespace's, and the addresses. */
static int
close_group(struct bh_import *im, struct reading *g)
{
	struct bh_term both;
	size_t i;
	int rc = 0;

	if (g->group.why != NULL)
		return 0;
	if (g->addresses.kind == BH_TERM_ADDRESS && g->has_labels) {
		g->group.why = "mixes addresses with other criteria";
		return 0;
	}
	if (g->addresses.kind == BH_TERM_ADDRESS)
		rc = bh_import_push(im, &g->group.term, &g->group.n, &g->addresses,
				    sizeof(g->addresses));
	g->labels.kind = BH_TERM_LABELS;
	if (g->has_labels && g->n_ns == 0)
		rc = bh_import_push(im, &g->group.term, &g->group.n, &g->labels, sizeof(g->labels));
	for (i = 0; rc == 0 && i < g->n_ns; i++) {
		rc = bh_term_and(im, &g->labels, &g->ns[i], &both);
		if (rc == 0)
			rc = bh_import_push(im, &g->group.term, &g->group.n, &both, sizeof(both));
		rc = rc == BH_TERM_EMPTY ? 0 : rc;
	}
	if (rc == 0 && g->group.n == 0)
		g->group.why = "can have no member";
	return rc;
}

/* A reserved group's term. */
static bool
reserved(struct bh_import *im, struct reading *g, int *rc)
{
	const char *name = g->group.name;
	struct bh_term t = {.kind = BH_TERM_NAMED, .name = "external"};

	*rc = 0;
	if (strncmp(name, "fed.", 4) == 0)
		name += 4;
	if (strcmp(name, "any") == 0)
		t.kind = BH_TERM_ANY;
	else if (strcmp(name, "containers") == 0)
		*rc = bh_term_add(im, &t, BH_LABEL_NAMESPACE, BH_WANT_EXISTS, NULL, 0);
	else if (strcmp(name, "nodes") == 0)
		*rc = bh_term_add(im, &t, "kubernetes.io/hostname", BH_WANT_EXISTS, NULL, 0);
	else if (strncmp(name, "Host:", 5) == 0 || strncmp(name, "Workload:", 9) == 0)
		g->group.why = "stands for a node or unmanaged workloads: give these labels, and a "
			       "group by label";
	else if (strcmp(name, "external") != 0)
		return false;
	if (*rc == 0 && g->group.why == NULL)
		*rc = bh_import_push(im, &g->group.term, &g->group.n, &t, sizeof(t));
	return true;
}

/* A selector; *name is the group's. */
static int
read_selector(struct bh_import *im, struct bh_groups *gs, const struct bh_yaml *map,
	      const char **name)
{
	static const char *const known[] = {"name",           "original_name",
					    "comment",        "name_referral",
					    "criteria",       "mon_metric",
					    "grp_sess_cur",   "grp_sess_rate",
					    "grp_band_width", NULL};
	const struct bh_yaml *list;
	struct reading g = {0};
	size_t i;
	int rc = bh_yaml_check_map(im->yaml, map, "a selector", known, im->err);

	if (rc != 0)
		return rc;
	list = bh_import_get(map, "criteria");
	g.group.name = *name = bh_import_word(map, "name", "");
	if ((*name)[0] == '\0')
		return bh_yaml_err(im->yaml, map, im->err, "a selector needs 'name'");
	for (i = 0; i < map->n; i++) {
		if (strncmp(map->key[i]->text, "grp_", 4) == 0)
			bh_import_note(im, map->key[i],
				       "%s limits traffic, it is no policy: left out",
				       map->key[i]->text);
	}
	if (reserved(im, &g, &rc))
		return rc != 0 ? rc : bh_group_add(im, gs, &g.group, map);
	if (list == NULL || (list->type == BH_YAML_LIST && list->n == 0))
		return 0; /* it refers to one that is defined elsewhere */
	rc = bh_import_must(im, list, BH_YAML_LIST, "criteria");
	for (i = 0; rc == 0 && i < list->n; i++)
		rc = read_criterion(im, &g, list->item[i]);
	if (rc == 0)
		rc = close_group(im, &g);
	return rc != 0 ? rc : bh_group_add(im, gs, &g.group, map);
}

static int
read_rule(struct bh_import *im, struct bh_groups *gs, const struct bh_yaml *map, const char *target,
	  bool ingress)
{
	static const char *const known[] = {"selector", "applications", "ports",   "action",
					    "name",     "priority",     "comment", NULL};
	struct bh_group_rule r = {.place = bh_import_place(im, map), .index = gs->n_rules};
	const struct bh_yaml *selector, *priority;
	const char *peer;
	uint64_t p = 0;
	int rc = bh_yaml_check_map(im->yaml, map, "a rule", known, im->err);

	if (rc != 0)
		return rc;
	selector = bh_import_get(map, "selector");
	priority = bh_import_get(map, "priority");
	if (selector == NULL)
		return bh_yaml_err(im->yaml, map, im->err, "a rule needs 'selector'");
	rc = bh_group_action(im, &r, map);
	if (rc == 0)
		rc = read_selector(im, gs, selector, &peer);
	if (rc == 0 && priority != NULL)
		rc = bh_yaml_u64(im->yaml, priority, 0, 100, &p, im->err);
	if (rc == 0)
		rc = bh_group_ports(im, &r, bh_import_get(map, "ports"));
	if (rc == 0)
		rc = bh_group_apps(im, &r, bh_import_get(map, "applications"));
	if (rc != 0)
		return rc;
	r.priority = (int)p;
	r.from = ingress ? peer : target;
	r.to = ingress ? target : peer;
	r.id = bh_import_word(map, "name", NULL);
	if (r.id == NULL)
		r.id = bh_import_text(im, "%s-%s-%zu", target, ingress ? "ingress" : "egress",
				      gs->n_rules + 1);
	return r.id == NULL ? -ENOMEM : bh_import_push(im, &gs->rule, &gs->n_rules, &r, sizeof(r));
}

static int
read_rules(struct bh_import *im, struct bh_groups *gs, const struct bh_yaml *spec,
	   const char *target, bool ingress)
{
	const char *key = ingress ? "ingress" : "egress";
	const struct bh_yaml *list = bh_import_get(spec, key);
	size_t i;
	int rc = 0;

	if (list != NULL)
		rc = bh_import_must(im, list, BH_YAML_LIST, key);
	for (i = 0; rc == 0 && list != NULL && i < list->n; i++)
		rc = read_rule(im, gs, list->item[i], target, ingress);
	return rc;
}

/* Parts of a specification that are not about who may talk to whom. */
static void
note_parts(struct bh_import *im, const struct bh_yaml *spec)
{
	static const char *const read[] = {"target", "ingress", "egress"};
	const struct bh_yaml *value;
	size_t i, k;

	for (i = 0; i < spec->n; i++) {
		for (k = 0; k < BH_ARRAY_SIZE(read); k++) {
			if (strcmp(spec->key[i]->text, read[k]) == 0)
				break;
		}
		value = spec->item[i];
		if (k < BH_ARRAY_SIZE(read) || bh_yaml_is_null(value) ||
		    (value->type != BH_YAML_SCALAR && value->n == 0))
			continue;
		bh_import_note(im, spec->key[i], "'%.60s' is no rule between groups: left out",
			       spec->key[i]->text);
	}
}

static int
read_target(struct bh_import *im, struct bh_groups *gs, const struct bh_yaml *spec,
	    const char **name)
{
	const struct bh_yaml *target = bh_import_get(spec, "target"),
			     *selector = bh_import_get(target, "selector"),
			     *mode = bh_import_get(target, "policymode");

	if (selector == NULL)
		return bh_yaml_err(im->yaml, spec, im->err, "spec.target.selector is missing");
	if (mode != NULL && mode->type == BH_YAML_SCALAR && strcmp(mode->text, "N/A") != 0)
		bh_import_note(im, mode,
			       "policymode %.20s is left out: the mode stands in the configuration",
			       mode->text);
	return read_selector(im, gs, selector, name);
}

int
bh_nv_read(struct bh_import *im, struct bh_forms *f, const struct bh_yaml *doc)
{
	const char *kind = bh_import_word(doc, "kind", ""), *name;
	const struct bh_yaml *spec = bh_import_get(doc, "spec"), *selector;
	bool rules =
		strcmp(kind, "NvSecurityRule") == 0 || strcmp(kind, "NvClusterSecurityRule") == 0;
	int rc;

	if (!rules && strcmp(kind, "NvGroupDefinition") != 0) {
		bh_import_note(im, doc, "kind %.60s is no rule between groups: left out", kind);
		return 0;
	}
	if (spec == NULL || spec->type != BH_YAML_MAP)
		return bh_yaml_err(im->yaml, doc, im->err, "%s needs 'spec'", kind);
	if (!rules) {
		selector = bh_import_get(spec, "selector");
		if (selector == NULL)
			return bh_yaml_err(im->yaml, spec, im->err, "spec.selector is missing");
		return read_selector(im, &f->groups, selector, &name);
	}
	note_parts(im, spec);
	rc = read_target(im, &f->groups, spec, &name);
	if (rc == 0)
		rc = read_rules(im, &f->groups, spec, name, true);
	return rc != 0 ? rc : read_rules(im, &f->groups, spec, name, false);
}
