/* Applications of a rule, and the operations that it lists of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "policy_priv.h"

/* Each value of an operation is compared with each pattern of its list: more belong in a pattern with *. */
#define PATTERNS_MAX 1024
/* A rule's applications are counted in 16 bits, and there are less than 128 of them to name. */
#define APPS_MAX 256

/* The first line of a name in any case, or BH_APP_COUNT. */
static unsigned
find_app(const char *name)
{
	unsigned i;

	for (i = 0; i < BH_APP_COUNT; i++) {
		if (strcasecmp(bh_app_name(i), name) == 0)
			break;
	}
	return i;
}

static int
unknown_app(struct bh_doc_reader *r, const struct bh_yaml *node)
{
	char found[BH_FOUND_LEN];
	const char *best = NULL;
	unsigned distance = 0, i;

	bh_yaml_found(node, found, sizeof(found));
	for (i = 0; i < BH_APP_COUNT; i++)
		bh_word_nearest(node->text, bh_app_name(i), &best, &distance);
	if (best != NULL)
		return bh_yaml_err(r->yaml, node, r->err,
				   "no application is called %s: did you mean '%s'?", found, best);
	return bh_yaml_err(r->yaml, node, r->err,
			   "no application is called %s: docs/applications.md lists them", found);
}

static int
read_name(struct bh_doc_reader *r, const struct bh_yaml *node, struct bh_rule_app *out)
{
	char found[BH_FOUND_LEN];
	unsigned app;

	if (node->type != BH_YAML_SCALAR || bh_yaml_is_null(node))
		return bh_yaml_err(
			r->yaml, node, r->err,
			"expected the name of an application, or one with its operations such as "
			"'redis: {commands: [get]}', found %s",
			bh_yaml_found(node, found, sizeof(found)));
	if (strcmp(node->text, "any") == 0)
		return bh_yaml_err(r->yaml, node, r->err,
				   "any stands alone: it takes all applications in");
	app = find_app(node->text);
	if (app == BH_APP_COUNT)
		return unknown_app(r, node);
	out->name = bh_app_name(app);
	out->app = (uint8_t)app;
	return 0;
}

/* ---- operations ------------------------------------------------------------------------------------- */

/* A name may have several lines in the table, each on top of another: the first that knows the key. */
static unsigned
find_field(unsigned app, const char *key)
{
	unsigned field = BH_OP_FIELD_COUNT, i;

	for (i = 1; i < BH_APP_COUNT && field == BH_OP_FIELD_COUNT; i++) {
		if (strcmp(bh_app_name(i), bh_app_name(app)) == 0)
			field = bh_op_field_find((enum bh_app)i, key);
	}
	return field;
}

static int
unknown_key(struct bh_doc_reader *r, const struct bh_yaml *key, unsigned app)
{
	char found[BH_FOUND_LEN], list[256] = "";
	const char *best = NULL, *word;
	unsigned distance = 0, i, k;
	size_t len = 0;

	bh_yaml_found(key, found, sizeof(found));
	for (i = 0; i < BH_OP_FIELD_COUNT; i++) {
		word = bh_op_field_info(i)->rule_key;
		/* Each key once, and only those that are this application's. */
		for (k = 0; word != NULL && k < i; k++) {
			if (bh_op_field_info(k)->rule_key != NULL &&
			    strcmp(bh_op_field_info(k)->rule_key, word) == 0)
				break;
		}
		if (word == NULL || k < i || find_field(app, word) == BH_OP_FIELD_COUNT)
			continue;
		bh_word_nearest(key->text, word, &best, &distance);
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					len == 0 ? "" : ", ", word);
	}
	if (best != NULL)
		return bh_yaml_err(r->yaml, key, r->err, "%s has no %s: did you mean '%s'?",
				   bh_app_name(app), found, best);
	if (len == 0)
		return bh_yaml_err(r->yaml, key, r->err,
				   "%s has no operations to list: write its name alone",
				   bh_app_name(app));
	return bh_yaml_err(r->yaml, key, r->err, "%s has no %s: its operations have %s",
			   bh_app_name(app), found, list);
}

static int
read_pattern(struct bh_doc_reader *r, const struct bh_yaml *node, unsigned field, const char **out)
{
	struct bh_err e = {0};
	char found[BH_FOUND_LEN];
	size_t at = 0;

	if (node->type != BH_YAML_SCALAR || bh_yaml_is_null(node) || node->text[0] == '\0')
		return bh_yaml_err(r->yaml, node, r->err,
				   "expected a text, one with * or ~REGEX, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	if (bh_pattern_check(node->text, field, &at, &e) != 0)
		return bh_yaml_err_in(r->yaml, node, at, r->err, "%s", e.what);
	*out = bh_doc_text(r, node->text);
	return *out != NULL ? 0 : -ENOMEM;
}

static int
read_list(struct bh_doc_reader *r, const struct bh_yaml *key, const struct bh_yaml *node,
	  unsigned app, struct bh_rule_list *out)
{
	bool list = node->type == BH_YAML_LIST;
	size_t n = list ? node->n : 1, i;
	const char **pattern;
	int rc = 0;

	out->field = (uint8_t)find_field(app, key->text);
	if (out->field == BH_OP_FIELD_COUNT)
		return unknown_key(r, key, app);
	out->key = bh_op_field_info(out->field)->rule_key;
	if (n == 0)
		return bh_yaml_err(r->yaml, node, r->err,
				   "an empty list fits no operation: name what '%s' may be, or "
				   "leave the key out",
				   out->key);
	if (n > PATTERNS_MAX)
		return bh_yaml_err(r->yaml, node->item[PATTERNS_MAX], r->err,
				   "more than %u patterns in one list", PATTERNS_MAX);
	if (n > 1 && bh_op_field_info(out->field)->match == BH_OP_MATCH_AT_LEAST)
		return bh_yaml_err(r->yaml, node->item[1], r->err, "'%s' is one value, the least",
				   out->key);
	pattern = bh_doc_alloc(r, n * sizeof(*pattern));
	if (pattern == NULL)
		return -ENOMEM;
	for (i = 0; rc == 0 && i < n; i++)
		rc = read_pattern(r, list ? node->item[i] : node, out->field, &pattern[i]);
	out->pattern = pattern;
	out->n_patterns = (uint32_t)n;
	return rc;
}

/* name: {key: patterns, ...} */
static int
read_operations(struct bh_doc_reader *r, const struct bh_yaml *item, struct bh_rule_app *out)
{
	const struct bh_yaml *map = item->item[0];
	char found[BH_FOUND_LEN];
	struct bh_rule_list *list;
	size_t i;
	int rc;

	if (item->n != 1)
		return bh_yaml_err(r->yaml, item->key[1], r->err,
				   "one application an item: begin another with '-', or indent "
				   "this under the one before");
	rc = read_name(r, item->key[0], out);
	if (rc != 0)
		return rc;
	if (map->type != BH_YAML_MAP || map->n == 0)
		return bh_yaml_err(
			r->yaml, map, r->err,
			"expected a map of what %s may do, found %s: for all of it write "
			"the name alone",
			out->name,
			map->type == BH_YAML_MAP ? "an empty one"
						 : bh_yaml_found(map, found, sizeof(found)));
	list = bh_doc_alloc(r, map->n * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	for (i = 0; rc == 0 && i < map->n; i++)
		rc = read_list(r, map->key[i], map->item[i], out->app, &list[i]);
	out->list = list;
	out->n_lists = (uint32_t)map->n;
	return rc;
}

/* ---- the rule's key --------------------------------------------------------------------------------- */

static void
put_app(struct bh_buf *b, const struct bh_rule_app *a)
{
	uint32_t i, k;

	bh_buf_str(b, a->name);
	for (i = 0; i < a->n_lists; i++) {
		bh_buf_printf(b, "%s%s: ", i == 0 ? " (" : "; ", a->list[i].key);
		for (k = 0; k < a->list[i].n_patterns; k++)
			bh_buf_printf(b, "%s%s", k == 0 ? "" : ", ", a->list[i].pattern[k]);
	}
	bh_buf_str(b, a->n_lists != 0 ? ")" : "");
}

static int
put_text(struct bh_doc_reader *r, struct bh_doc_rule *rule)
{
	struct bh_buf b = {0};
	uint32_t i;

	for (i = 0; i < rule->n_apps; i++) {
		bh_buf_str(&b, i == 0 ? "" : ", ");
		put_app(&b, &rule->app[i]);
	}
	rule->apps_text = b.failed ? NULL : bh_doc_text(r, b.data);
	bh_buf_free(&b);
	return rule->apps_text != NULL ? 0 : bh_err_set(r->err, ENOMEM, "out of memory");
}

/* All that an application says, and some of it: one of them is not meant. */
static int
check_twice(struct bh_doc_reader *r, const struct bh_yaml *node, const struct bh_rule_app *app,
	    size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (app[i].app == app[n].app && (app[i].n_lists == 0 || app[n].n_lists == 0))
			return bh_yaml_err(
				r->yaml, node, r->err,
				"'%s' is listed twice, once without operations: keep one",
				app[n].name);
	}
	return 0;
}

/* "At least" says what may be; turned round it would deny the better ones. */
static int
check_denying(struct bh_doc_reader *r, const struct bh_yaml *node, const struct bh_doc_rule *rule,
	      const struct bh_rule_app *app)
{
	uint32_t i;

	for (i = 0; i < app->n_lists && rule->action != BH_VERDICT_ALLOW; i++) {
		if (bh_op_field_info(app->list[i].field)->match == BH_OP_MATCH_AT_LEAST)
			return bh_yaml_err(r->yaml, node, r->err,
					   "'%s' belongs in a rule that allows", app->list[i].key);
	}
	return 0;
}

/* Ports that no application of the rule can use would never be met. */
static int
check_ports(struct bh_doc_reader *r, const struct bh_yaml *map, const struct bh_doc_rule *rule)
{
	const struct bh_yaml *node = bh_yaml_get(map, "ports");
	uint32_t i, proto;

	for (i = 0; i < rule->n_services; i++) {
		proto = rule->service[i].first >> 16;
		if (rule->service[i].last == BH_SERVICE_LAST ||
		    (proto == 6 && (rule->over & BH_OVER_TCP) != 0) ||
		    (proto == 17 && (rule->over & BH_OVER_UDP) != 0))
			continue;
		if (node->type == BH_YAML_LIST)
			node = node->item[i];
		return bh_yaml_err(r->yaml, node, r->err,
				   "'%s' can't be: none of the rule's applications (%.100s) is "
				   "spoken over it, only over %s",
				   node->text, rule->apps_text,
				   rule->over == BH_OVER_TCP   ? "tcp"
				   : rule->over == BH_OVER_UDP ? "udp"
							       : "tcp and udp");
	}
	return 0;
}

static int
read_apps(struct bh_doc_reader *r, const struct bh_yaml *node, struct bh_doc_rule *rule)
{
	bool list = node->type == BH_YAML_LIST;
	size_t n = list ? node->n : 1, i;
	struct bh_rule_app *app;
	int rc = 0;

	if (n == 0)
		return bh_yaml_err(r->yaml, node, r->err,
				   "an empty list: name an application, or write any");
	if (n > APPS_MAX)
		return bh_yaml_err(r->yaml, node->item[APPS_MAX], r->err,
				   "more than %u applications in one rule", APPS_MAX);
	app = bh_doc_alloc(r, n * sizeof(*app));
	if (app == NULL)
		return -ENOMEM;
	for (i = 0; rc == 0 && i < n; i++) {
		const struct bh_yaml *item = list ? node->item[i] : node;

		if (list && item->type == BH_YAML_MAP && item->n != 0)
			rc = read_operations(r, item, &app[i]);
		else
			rc = read_name(r, item, &app[i]);
		if (rc == 0)
			rc = check_twice(r, item, app, i);
		if (rc == 0)
			rc = check_denying(r, item, rule, &app[i]);
		if (rc == 0)
			rule->over |= bh_appset_over(bh_appset_of(app[i].app));
	}
	rule->app = app;
	rule->n_apps = (uint32_t)n;
	return rc;
}

/* What happens when an operation is denied. */
static int
read_denied(struct bh_doc_reader *r, const struct bh_yaml *map, struct bh_doc_rule *rule)
{
	const struct bh_yaml *node = bh_yaml_get(map, "denied");
	unsigned word = 0;
	uint32_t i;
	int rc;

	if (node == NULL)
		return 0;
	rc = bh_yaml_enum(r->yaml, node, bh_denied_words, &word, r->err);
	for (i = 0; rc == 0 && i < rule->n_apps && rule->app[i].n_lists == 0;)
		i++;
	if (rc == 0 && i == rule->n_apps)
		return bh_yaml_err(r->yaml, node, r->err,
				   "'denied' says what a denied operation does to its connection, "
				   "and this rule lists no operations");
	rule->denied = (uint8_t)(word + 1);
	return rc;
}

const char *const bh_denied_words[] = {"drop", "reset", "respond", NULL};

int
bh_doc_read_applications(struct bh_doc_reader *r, const struct bh_yaml *map,
			 struct bh_doc_rule *rule)
{
	const struct bh_yaml *node = bh_yaml_get(map, "applications");
	int rc = 0;

	rule->apps_text = "any";
	if (node != NULL && (node->type != BH_YAML_SCALAR || strcmp(node->text, "any") != 0)) {
		rc = read_apps(r, node, rule);
		if (rc == 0)
			rc = put_text(r, rule);
		if (rc == 0)
			rc = check_ports(r, map, rule);
	}
	return rc == 0 ? read_denied(r, map, rule) : rc;
}
