/* Rules of a policy document. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy_priv.h"

/* Rules are numbered in 24 bits of a step with room to spare; nobody writes as many. */
#define RULES_MAX (UINT32_C(1) << 24)

static int
unknown_segment(struct bh_doc_reader *r, const struct bh_yaml *node)
{
	const struct bh_doc *doc = r->doc;
	char found[BH_FOUND_LEN];
	const char *best = NULL;
	unsigned distance = 0;
	uint32_t i;

	bh_yaml_found(node, found, sizeof(found));
	for (i = 0; i < doc->n_segments; i++)
		bh_word_nearest(node->text, doc->segment[i].name, &best, &distance);
	if (best != NULL)
		return bh_yaml_err(r->yaml, node, r->err,
				   "no segment is named %s: did you mean '%s'?", found, best);
	return bh_yaml_err(r->yaml, node, r->err, "no segment is named %s: add it under 'segments'",
			   found);
}

static int
read_segment(struct bh_doc_reader *r, const struct bh_yaml *node, uint32_t *out)
{
	char found[BH_FOUND_LEN];

	if (node->type != BH_YAML_SCALAR || bh_yaml_is_null(node))
		return bh_yaml_err(
			r->yaml, node, r->err,
			"expected the name of a segment, a list of them, or any, found %s",
			bh_yaml_found(node, found, sizeof(found)));
	*out = bh_strmap_get(&r->segments, node->text);
	return *out != BH_NONE ? 0 : unknown_segment(r, node);
}

int
bh_doc_check_segment(struct bh_doc_reader *r, const struct bh_yaml *node)
{
	uint32_t at;

	return read_segment(r, node, &at);
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int
read_side_list(struct bh_doc_reader *r, const struct bh_yaml *list, struct bh_side *side)
{
	struct bh_buf text = {0};
	size_t i;
	int rc = 0;

	if (list->n == 0)
		return bh_yaml_err(r->yaml, list, r->err,
				   "an empty list: name a segment, or write any");
	side->segment = bh_doc_alloc(r, list->n * sizeof(uint32_t));
	if (side->segment == NULL)
		return -ENOMEM;
	for (i = 0; rc == 0 && i < list->n; i++) {
		const struct bh_yaml *item = list->item[i];

		if (item->type == BH_YAML_SCALAR && strcmp(item->text, "any") == 0)
			rc = bh_yaml_err(r->yaml, item, r->err,
					 "any stands alone: it takes all segments in");
		else
			rc = read_segment(r, item, &side->segment[i]);
		bh_buf_printf(&text, "%s%s", i == 0 ? "" : ", ", rc == 0 ? item->text : "");
	}
	if (rc == 0) {
		side->text = text.failed ? NULL : bh_doc_text(r, text.data);
		rc = side->text == NULL ? bh_err_set(r->err, ENOMEM, "out of memory") : 0;
	}
	bh_buf_free(&text);
	side->n = (uint32_t)list->n;
	qsort(side->segment, side->n, sizeof(uint32_t), by_number);
	for (i = 1; rc == 0 && i < side->n; i++) {
		if (side->segment[i - 1] == side->segment[i])
			rc = bh_yaml_err(r->yaml, list, r->err,
					 "segment '%s' is listed twice: keep one",
					 r->doc->segment[side->segment[i]].name);
	}
	return rc;
}

static int
read_side(struct bh_doc_reader *r, const struct bh_yaml *map, const char *key, struct bh_side *side)
{
	const struct bh_yaml *node = bh_yaml_get(map, key);
	uint32_t segment;
	int rc;

	if (node == NULL)
		return bh_yaml_err(r->yaml, map, r->err,
				   "a rule lacks '%s': name a segment, or write any", key);
	if (node->type == BH_YAML_LIST)
		return read_side_list(r, node, side);
	if (node->type == BH_YAML_SCALAR && strcmp(node->text, "any") == 0) {
		side->text = "any";
		return 0;
	}
	rc = read_segment(r, node, &segment);
	if (rc != 0)
		return rc;
	side->segment = bh_doc_alloc(r, sizeof(uint32_t));
	if (side->segment == NULL)
		return -ENOMEM;
	side->segment[0] = segment;
	side->n = 1;
	side->text = r->doc->segment[segment].name;
	return 0;
}

static int
read_service(struct bh_doc_reader *r, const struct bh_yaml *node, struct bh_service *out)
{
	struct bh_err e = {0};
	char found[BH_FOUND_LEN];
	size_t at;

	if (node->type != BH_YAML_SCALAR)
		return bh_yaml_err(r->yaml, node, r->err,
				   "expected a port such as tcp/443, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	if (bh_service_parse(node->text, out, &at, &e) != 0)
		return bh_yaml_err_in(r->yaml, node, at, r->err, "%s", e.what);
	return 0;
}

static int
read_ports(struct bh_doc_reader *r, const struct bh_yaml *map, struct bh_doc_rule *rule)
{
	const struct bh_yaml *node = bh_yaml_get(map, "ports"), *item;
	struct bh_buf text = {0};
	size_t n, i;
	int rc = 0;

	rule->ports_text = "any";
	if (node == NULL)
		return 0;
	n = node->type == BH_YAML_LIST ? node->n : 1;
	if (n == 0)
		return bh_yaml_err(r->yaml, node, r->err,
				   "an empty list: name a port such as tcp/443, or write any");
	rule->service = bh_doc_alloc(r, n * sizeof(*rule->service));
	if (rule->service == NULL)
		return -ENOMEM;
	for (i = 0; rc == 0 && i < n; i++) {
		item = node->type == BH_YAML_LIST ? node->item[i] : node;
		rc = read_service(r, item, &rule->service[i]);
		if (rc == 0 && n > 1 && strcmp(item->text, "any") == 0)
			rc = bh_yaml_err(r->yaml, item, r->err,
					 "any stands alone: it takes all ports in");
		bh_buf_printf(&text, "%s%s", i == 0 ? "" : ", ", rc == 0 ? item->text : "");
	}
	rule->n_services = (uint32_t)n;
	if (rc == 0) {
		rule->ports_text = text.failed ? NULL : bh_doc_text(r, text.data);
		rc = rule->ports_text == NULL ? bh_err_set(r->err, ENOMEM, "out of memory") : 0;
	}
	bh_buf_free(&text);
	return rc;
}

static int
read_action(struct bh_doc_reader *r, const struct bh_yaml *map, struct bh_doc_rule *rule)
{
	static const char *const words[] = {"allow", "deny", "reject", NULL};
	static const uint8_t verdicts[] = {BH_VERDICT_ALLOW, BH_VERDICT_DENY, BH_VERDICT_REJECT};
	const struct bh_yaml *node = bh_yaml_get(map, "action");
	unsigned word = 0;
	int rc;

	if (node == NULL)
		return bh_yaml_err(r->yaml, map, r->err,
				   "a rule lacks 'action': allow, deny or reject");
	rc = bh_yaml_enum(r->yaml, node, words, &word, r->err);
	rule->action = verdicts[word];
	return rc;
}

static int
read_id(struct bh_doc_reader *r, const struct bh_yaml *map, uint32_t index,
	struct bh_doc_rule *rule)
{
	const struct bh_yaml *node = bh_yaml_get(map, "id");
	char made[32];
	int rc;

	snprintf(made, sizeof(made), "rule-%u", index + 1);
	if (node != NULL) {
		rc = bh_doc_name(r, node, "a rule");
		if (rc != 0)
			return rc;
	}
	rule->id = bh_doc_text(r, node != NULL ? node->text : made);
	return rule->id != NULL ? 0 : -ENOMEM;
}

/* What a learned rule was made from: for people, and not judged by. */
static int
check_evidence(struct bh_doc_reader *r, const struct bh_yaml *map)
{
	static const char *const known[] = {"sessions", "bytes", "first", "last", NULL};
	const struct bh_yaml *node = bh_yaml_get(map, "evidence");

	if (node == NULL || bh_yaml_is_null(node))
		return 0;
	return bh_yaml_check_map(r->yaml, node, "'evidence'", known, r->err);
}

static int
read_rule(struct bh_doc_reader *r, const struct bh_yaml *map, uint32_t index,
	  struct bh_doc_rule *rule)
{
	static const char *const known[] = {"id",     "from",         "to",
					    "ports",  "applications", "action",
					    "denied", "comment",      "owner",
					    "reason", "expires",      "evidence",
					    NULL};
	const struct bh_yaml *comment;
	int rc = bh_yaml_check_map(r->yaml, map, "a rule", known, r->err);

	if (rc != 0)
		return rc;
	rule->line = map->line;
	rule->column = map->column;
	rule->comment = "";
	comment = bh_yaml_get(map, "comment");
	rc = read_id(r, map, index, rule);
	if (rc == 0)
		rc = check_evidence(r, map);
	if (rc == 0)
		rc = read_side(r, map, "from", &rule->from);
	if (rc == 0)
		rc = read_side(r, map, "to", &rule->to);
	if (rc == 0)
		rc = read_ports(r, map, rule);
	if (rc == 0)
		rc = read_action(r, map, rule);
	if (rc == 0)
		rc = bh_doc_read_applications(r, map, rule);
	if (rc == 0)
		rc = bh_doc_read_justification(r, map, rule);
	if (rc == 0)
		rc = bh_doc_check_cde(r, map, rule);
	if (rc == 0 && comment != NULL) {
		rc = bh_yaml_str(r->yaml, comment, &rule->comment, r->err);
		if (rc == 0) {
			rule->comment = bh_doc_text(r, rule->comment);
			rc = rule->comment != NULL ? 0 : -ENOMEM;
		}
	}
	return rc;
}

/* Every rule has its own name; one that was made ("rule-3") may meet one that was written. */
static int
check_ids(struct bh_doc_reader *r, const struct bh_yaml *const map[])
{
	const struct bh_doc *doc = r->doc;
	struct bh_strmap ids;
	uint32_t i, old = BH_NONE;
	int rc = bh_strmap_init(&ids, r->hash_key, doc->n_rules);

	for (i = 0; rc == 0 && i < doc->n_rules; i++) {
		const struct bh_yaml *at = bh_yaml_get(map[i], "id");

		rc = bh_strmap_add(&ids, doc->rule[i].id, i, &old);
		if (rc == 0 && old != BH_NONE)
			rc = bh_yaml_err(
				r->yaml, at != NULL ? at : map[i], r->err,
				"rule id '%s' is already that of the rule in line %u, column "
				"%u: give each its own",
				doc->rule[i].id, doc->rule[old].line, doc->rule[old].column);
	}
	bh_strmap_free(&ids);
	return rc == -ENOMEM ? bh_err_set(r->err, ENOMEM, "out of memory") : rc;
}

/* The list of rules of a part; NULL: it has none. */
static int
find_rules(struct bh_doc_reader *r, const struct bh_yaml *part, const struct bh_yaml **out)
{
	const struct bh_yaml *node = part != NULL ? bh_yaml_get(part, "rules") : NULL;
	char found[BH_FOUND_LEN];

	*out = node != NULL && !bh_yaml_is_null(node) ? node : NULL;
	if (*out != NULL && node->type != BH_YAML_LIST)
		return bh_yaml_err(r->yaml, node, r->err,
				   "expected a list of rules ('- from: ...'), found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	return 0;
}

int
bh_doc_read_rules(struct bh_doc_reader *r, const struct bh_yaml *const part[BH_RULE_ORIGINS])
{
	const struct bh_yaml *list[BH_RULE_ORIGINS], **map;
	struct bh_doc *doc = r->doc;
	uint32_t i = 0;
	size_t n = 0, k;
	unsigned o;
	int rc = 0;

	for (o = 0; rc == 0 && o < BH_RULE_ORIGINS; o++) {
		rc = find_rules(r, part[o], &list[o]);
		if (rc == 0 && list[o] != NULL && (n += list[o]->n) > RULES_MAX)
			rc = bh_yaml_err(r->yaml, list[o], r->err, "more than %u rules", RULES_MAX);
	}
	if (rc != 0 || n == 0)
		return rc;
	doc->rule = bh_doc_alloc(r, n * sizeof(*doc->rule));
	map = bh_doc_alloc(r, n * sizeof(*map));
	if (doc->rule == NULL || map == NULL)
		return -ENOMEM;
	for (o = 0; o < BH_RULE_ORIGINS; o++) {
		for (k = 0; rc == 0 && list[o] != NULL && k < list[o]->n; k++, i++) {
			map[i] = list[o]->item[k];
			doc->rule[i].origin = (uint8_t)o;
			rc = read_rule(r, map[i], i, &doc->rule[i]);
		}
	}
	doc->n_rules = (uint32_t)n;
	return rc == 0 ? check_ids(r, map) : rc;
}

const char *
bh_rule_origin_name(unsigned origin)
{
	static const char *const names[] = {"written", "clusters", "imported", "learned"};

	return origin < BH_RULE_ORIGINS ? names[origin] : "invalid";
}
