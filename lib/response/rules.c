/* The rules' file: YAML, each mistake with its line and column. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "response_priv.h"

#define STAMPS 65536u /* times kept by one rule: 512 KiB */

struct reader {
	const struct bh_yaml_doc *doc;
	struct bh_response_rules *out;
	struct bh_err *err;
};

static const char *const acts[] = {"quarantine", "block",    "cut", "capture",
				   "notify",     "suppress", NULL};

const char *
bh_response_act_name(unsigned act)
{
	return act < BH_ACTS ? acts[act] : "invalid";
}

/* Text of a scalar that a reader of words refused. */
static int
said(const struct reader *r, const struct bh_yaml *node, const struct bh_err *why)
{
	return bh_yaml_err(r->doc, node, r->err, "%s", why->what);
}

static int
read_end(const struct reader *r, const struct bh_yaml *node, struct bh_restriction_end *out)
{
	struct bh_err why = {0};
	const char *text;

	if (bh_yaml_str(r->doc, node, &text, r->err) != 0)
		return -EINVAL;
	return bh_restriction_end(text, out, &why) == 0 ? 0 : said(r, node, &why);
}

static int
read_paths(const struct reader *r, const struct bh_yaml *node, struct bh_rule_action *a)
{
	struct bh_err why = {0};
	const char *text;
	size_t i;

	if (node == NULL)
		return 0;
	if (node->type != BH_YAML_LIST || node->n > BH_RESTRICTION_PATHS)
		return bh_yaml_err(r->doc, node, r->err,
				   "allow: a list of at most %u paths such as dns:udp/53",
				   BH_RESTRICTION_PATHS);
	a->path = calloc(node->n + 1, sizeof(*a->path));
	if (a->path == NULL)
		return bh_err_set(r->err, ENOMEM, "out of memory");
	for (i = 0; i < node->n; i++) {
		if (bh_yaml_str(r->doc, node->item[i], &text, r->err) != 0)
			return -EINVAL;
		if (bh_restriction_path(text, &a->path[i], &why) != 0)
			return said(r, node->item[i], &why);
		a->n_paths++;
	}
	return 0;
}

static int
read_for(const struct reader *r, const struct bh_yaml *map, uint64_t normal, uint64_t *out)
{
	const struct bh_yaml *node = bh_yaml_get(map, "for");

	*out = normal;
	if (node == NULL)
		return 0;
	return bh_yaml_duration_ms(r->doc, node, BH_RESPONSE_FOR_MIN_MS, BH_RESPONSE_FOR_MAX_MS,
				   out, r->err);
}

static int
read_word(const struct reader *r, const struct bh_yaml *map, const char *key,
	  const char *const words[], unsigned *out)
{
	const struct bh_yaml *node = bh_yaml_get(map, key);

	return node == NULL ? 0 : bh_yaml_enum(r->doc, node, words, out, r->err);
}

/* ---- actions ---------------------------------------------------------------------------------------- */

static int
read_quarantine(const struct reader *r, const struct bh_yaml *map, struct bh_rule_action *a)
{
	static const char *const known[] = {"action", "who", "for", "allow", NULL};
	static const char *const ends[] = {"source", "target", NULL};
	unsigned end = 0;
	int rc = bh_yaml_check_map(r->doc, map, "a quarantine", known, r->err);

	if (rc == 0)
		rc = read_word(r, map, "who", ends, &end);
	a->target = end == 1;
	if (rc == 0)
		rc = read_for(r, map, BH_RESPONSE_FOR_MS, &a->for_ms);
	return rc == 0 ? read_paths(r, bh_yaml_get(map, "allow"), a) : rc;
}

static int
read_block(const struct reader *r, const struct bh_yaml *map, struct bh_rule_action *a)
{
	static const char *const known[] = {"action", "between", "service", "for", NULL};
	static const char *const ends[] = {"addresses", "segments", NULL};
	static const char *const services[] = {"port", "application", "any", NULL};
	unsigned between = 0, service = 0;
	int rc = bh_yaml_check_map(r->doc, map, "a block", known, r->err);

	if (rc == 0)
		rc = read_word(r, map, "between", ends, &between);
	if (rc == 0)
		rc = read_word(r, map, "service", services, &service);
	a->segments = between == 1;
	a->what = (uint8_t)service;
	return rc == 0 ? read_for(r, map, BH_RESPONSE_FOR_MS, &a->for_ms) : rc;
}

static int
read_action(const struct reader *r, const struct bh_yaml *node, struct bh_rule_action *a)
{
	static const char *const known[] = {"action", "for", NULL};
	static const char *const alone[] = {"action", NULL};
	const struct bh_yaml *word = node, *nothing = bh_yaml_root(r->doc);
	struct bh_yaml empty = *nothing;
	unsigned act = 0;
	int rc;

	if (node->type == BH_YAML_MAP)
		word = bh_yaml_get(node, "action");
	if (word == NULL)
		return bh_yaml_err(r->doc, node, r->err,
				   "an action needs `action`: quarantine, block, cut, capture, "
				   "notify or suppress");
	rc = bh_yaml_enum(r->doc, word, acts, &act, r->err);
	if (rc != 0)
		return rc;
	a->act = (enum bh_response_act)act;
	if (node->type != BH_YAML_MAP) {
		empty.type = BH_YAML_MAP;
		empty.n = 0;
		node = &empty;
	}
	switch (a->act) {
	case BH_ACT_QUARANTINE:
		return read_quarantine(r, node, a);
	case BH_ACT_BLOCK:
		return read_block(r, node, a);
	case BH_ACT_CUT:
		rc = bh_yaml_check_map(r->doc, node, "a cut", known, r->err);
		return rc == 0 ? read_for(r, node, 60000, &a->for_ms) : rc;
	default:
		return bh_yaml_check_map(r->doc, node, "this action", alone, r->err);
	}
}

static int
read_actions(const struct reader *r, const struct bh_yaml *map, struct bh_response_rule *rule)
{
	const struct bh_yaml *node = bh_yaml_get(map, "do");
	unsigned seen = 0;
	size_t i;
	int rc;

	if (node == NULL)
		return bh_yaml_err(r->doc, map, r->err, "a rule needs `do`: a list of actions");
	if (node->type != BH_YAML_LIST || node->n == 0 || node->n > BH_RESPONSE_RULE_ACTIONS)
		return bh_yaml_err(r->doc, node, r->err, "do: a list of 1 to %u actions",
				   BH_RESPONSE_RULE_ACTIONS);
	for (i = 0; i < node->n; i++) {
		struct bh_rule_action *a = &rule->action[i];

		rule->n_actions++;
		rc = read_action(r, node->item[i], a);
		if (rc != 0)
			return rc;
		if ((seen & 1u << a->act) != 0)
			return bh_yaml_err(r->doc, node->item[i], r->err,
					   "%s stands twice in this rule", acts[a->act]);
		seen |= 1u << a->act;
	}
	return 0;
}

/* ---- rules ------------------------------------------------------------------------------------------ */

/* One word or a list of words, as bits. */
static int
read_bits(const struct reader *r, const struct bh_yaml *node, const char *const words[],
	  unsigned *out)
{
	unsigned i, n = node->type == BH_YAML_LIST ? (unsigned)node->n : 1, word;
	int rc = 0;

	*out = 0;
	for (i = 0; rc == 0 && i < n; i++) {
		rc = bh_yaml_enum(r->doc, node->type == BH_YAML_LIST ? node->item[i] : node, words,
				  &word, r->err);
		if (rc == 0)
			*out |= 1u << word;
	}
	if (rc == 0 && *out == 0)
		return bh_yaml_err(r->doc, node, r->err, "an empty list fits nothing");
	return rc;
}

static int
read_classes(const struct reader *r, const struct bh_yaml *map, struct bh_response_rule *rule)
{
	const struct bh_yaml *node = bh_yaml_get(map, "class"), *item;
	const char *text;
	size_t i, n;
	int rc;

	if (node == NULL)
		return 0;
	n = node->type == BH_YAML_LIST ? node->n : 1;
	if (n == 0 || n > BH_RESPONSE_CLASSES)
		return bh_yaml_err(r->doc, node, r->err, "class: 1 to %u of them",
				   BH_RESPONSE_CLASSES);
	for (i = 0; i < n; i++) {
		item = node->type == BH_YAML_LIST ? node->item[i] : node;
		rc = bh_yaml_str(r->doc, item, &text, r->err);
		if (rc == 0 && (strlen(text) >= sizeof(rule->class_[i]) ||
				strcspn(text, "*") + 1 < strlen(text)))
			rc = bh_yaml_err(r->doc, item, r->err,
					 "a class is at most 63 bytes, with a * at its end only");
		if (rc != 0)
			return rc;
		snprintf(rule->class_[rule->n_classes++], sizeof(rule->class_[0]), "%s", text);
	}
	return 0;
}

static int
read_match(const struct reader *r, const struct bh_yaml *map, struct bh_response_rule *rule)
{
	static const char *const on[] = {"violation", "sensor", "threat", NULL};
	static const char *const modes[] = {"discover", "monitor", "protect", NULL};
	static const char *const severity[] = {"high", "medium", "low", NULL};
	static const char *const sides[] = {"from", "to"};
	const struct bh_yaml *node = bh_yaml_get(map, "on");
	unsigned word = 2, i;
	const char *text;
	int rc = 0;

	rule->modes = 1u << BH_MODE_PROTECT;
	if (node == NULL)
		return bh_yaml_err(
			r->doc, map, r->err,
			"a rule needs `on`: violation, sensor, threat, or a list of them");
	rc = read_bits(r, node, on, &rule->on);
	node = bh_yaml_get(map, "modes");
	if (rc == 0 && node != NULL)
		rc = read_bits(r, node, modes, &rule->modes);
	if (rc == 0)
		rc = read_word(r, map, "severity", severity, &word);
	rule->severity = (uint8_t)(word + 1);
	for (i = 0; rc == 0 && i < 2; i++) {
		node = bh_yaml_get(map, sides[i]);
		if (node != NULL)
			rc = read_end(r, node, &rule->end[i]);
	}
	node = bh_yaml_get(map, "application");
	if (rc == 0 && node != NULL) {
		rc = bh_yaml_str(r->doc, node, &text, r->err);
		rule->app = rc == 0 ? (uint8_t)bh_app_find(text) : 0;
		if (rc == 0 && rule->app == BH_APP_UNKNOWN)
			rc = bh_yaml_err(r->doc, node, r->err, "no application is called '%.60s'",
					 text);
	}
	node = bh_yaml_get(map, "proven");
	if (rc == 0 && node != NULL)
		rc = bh_yaml_bool(r->doc, node, &rule->proven, r->err);
	return rc == 0 ? read_classes(r, map, rule) : rc;
}

static int
read_count(const struct reader *r, const struct bh_yaml *map, struct bh_response_rule *rule)
{
	static const char *const per[] = {"source", "target", "pair", "all", NULL};
	const struct bh_yaml *count = bh_yaml_get(map, "count"),
			     *within = bh_yaml_get(map, "within");
	unsigned word = BH_PER_SOURCE;
	uint64_t n = 1;
	uint32_t keys;
	int rc = read_word(r, map, "per", per, &word);

	rule->per = (enum bh_response_per)word;
	if (rc == 0 && count != NULL)
		rc = bh_yaml_u64(r->doc, count, 1, BH_RESPONSE_COUNT_MAX, &n, r->err);
	rule->count = (uint32_t)n;
	if (rc == 0 && n > 1 && within == NULL)
		return bh_yaml_err(r->doc, count, r->err, "a count needs `within`, such as 1m");
	if (rc == 0 && within != NULL)
		rc = bh_yaml_duration_ms(r->doc, within, 1000, 86400000, &rule->within_ms, r->err);
	if (rc != 0 || n == 1)
		return rc;
	keys = STAMPS / rule->count;
	rc = bh_window_create(&rule->window, rule->count, rule->within_ms * BH_NS_PER_MS,
			      keys > 4096 ? 4096 : keys);
	return rc == 0 ? 0 : bh_err_set(r->err, ENOMEM, "out of memory");
}

static int
read_id(const struct reader *r, const struct bh_yaml *map, struct bh_response_rule *rule)
{
	const struct bh_yaml *node = bh_yaml_get(map, "id");
	const char *text;
	unsigned i;

	if (node == NULL)
		return bh_yaml_err(r->doc, map, r->err, "a rule needs an `id`");
	if (bh_yaml_str(r->doc, node, &text, r->err) != 0)
		return -EINVAL;
	if (strlen(text) >= sizeof(rule->id) || !bh_label_key_valid(text))
		return bh_yaml_err(r->doc, node, r->err,
				   "an id is 1 to 127 of letters, digits and -_./");
	for (i = 0; i + 1 < r->out->n; i++) {
		if (strcmp(r->out->rule[i].id, text) == 0)
			return bh_yaml_err(r->doc, node, r->err,
					   "another rule has this id, in line %u",
					   r->out->rule[i].line);
	}
	snprintf(rule->id, sizeof(rule->id), "%s", text);
	rule->line = node->line;
	return 0;
}

static int
read_rule(const struct reader *r, const struct bh_yaml *map)
{
	static const char *const known[] = {"id",     "on",          "class", "severity", "from",
					    "to",     "application", "modes", "proven",   "count",
					    "within", "per",         "do",    NULL};
	struct bh_response_rule *rule = &r->out->rule[r->out->n++];
	int rc;

	if (map->type != BH_YAML_MAP)
		return bh_yaml_err(r->doc, map, r->err, "a rule is a map with id, on and do");
	rc = bh_yaml_check_map(r->doc, map, "a rule of responses", known, r->err);
	if (rc == 0)
		rc = read_id(r, map, rule);
	if (rc == 0)
		rc = read_match(r, map, rule);
	if (rc == 0)
		rc = read_count(r, map, rule);
	return rc == 0 ? read_actions(r, map, rule) : rc;
}

static int
read_rules(const struct reader *r, const struct bh_yaml *node)
{
	size_t i;
	int rc = 0;

	if (node == NULL)
		return 0;
	if (node->type != BH_YAML_LIST || node->n > BH_RESPONSE_RULES)
		return bh_yaml_err(r->doc, node, r->err, "rules: a list of at most %u rules",
				   BH_RESPONSE_RULES);
	r->out->rule = calloc(node->n + 1, sizeof(*r->out->rule));
	if (r->out->rule == NULL)
		return bh_err_set(r->err, ENOMEM, "out of memory");
	for (i = 0; rc == 0 && i < node->n; i++)
		rc = read_rule(r, node->item[i]);
	return rc;
}

static int
read_never(const struct reader *r, const struct bh_yaml *node)
{
	struct bh_restriction_end *e;
	size_t i;
	int rc = 0;

	if (node == NULL)
		return 0;
	if (node->type != BH_YAML_LIST || node->n > BH_RESPONSE_NEVER)
		return bh_yaml_err(r->doc, node, r->err,
				   "never: a list of at most %u segments, addresses and prefixes",
				   BH_RESPONSE_NEVER);
	for (i = 0; rc == 0 && i < node->n; i++) {
		e = &r->out->never[r->out->n_never++];
		rc = read_end(r, node->item[i], e);
		if (rc == 0 && e->address.family == 0 && e->segment[0] == '\0')
			rc = bh_yaml_err(r->doc, node->item[i], r->err,
					 "`any` would switch quarantines off");
	}
	return rc;
}

static int
read_document(const struct reader *r)
{
	static const char *const known[] = {"version",    "never", "limit",
					    "quarantine", "rules", NULL};
	static const char *const words[] = {"for", "allow", NULL};
	const struct bh_yaml *root = bh_yaml_root(r->doc), *node;
	uint64_t n = 60;
	int rc = bh_yaml_check_map(r->doc, root, "the rules of responses", known, r->err);

	node = bh_yaml_get(root, "version");
	if (rc == 0 && node != NULL)
		rc = bh_yaml_u64(r->doc, node, 1, 1, &n, r->err);
	n = 60;
	node = bh_yaml_get(root, "limit");
	if (rc == 0 && node != NULL)
		rc = bh_yaml_u64(r->doc, node, 1, 6000, &n, r->err);
	r->out->limit = (uint32_t)n;
	node = bh_yaml_get(root, "quarantine");
	if (rc == 0 && node != NULL) {
		rc = bh_yaml_check_map(r->doc, node, "quarantine", words, r->err);
		if (rc == 0)
			rc = read_for(r, node, BH_RESPONSE_FOR_MS, &r->out->asked.for_ms);
		if (rc == 0)
			rc = read_paths(r, bh_yaml_get(node, "allow"), &r->out->asked);
	}
	if (rc == 0)
		rc = read_never(r, bh_yaml_get(root, "never"));
	return rc == 0 ? read_rules(r, bh_yaml_get(root, "rules")) : rc;
}

int
bh_response_rules_read(struct bh_response_rules **out, const char *name, const char *text,
		       size_t len, struct bh_err *err)
{
	struct bh_response_rules *rules = calloc(1, sizeof(*rules));
	struct bh_yaml_doc *doc = NULL;
	struct reader r = {.out = rules, .err = err};
	int rc;

	if (rules == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	rules->limit = 60;
	rules->asked.for_ms = BH_RESPONSE_FOR_MS;
	if (text == NULL) {
		*out = rules;
		return 0;
	}
	snprintf(rules->file, sizeof(rules->file), "%s", name);
	rc = bh_yaml_load_text(&doc, name, text, len, err);
	r.doc = doc;
	if (rc == 0)
		rc = read_document(&r);
	bh_yaml_free(doc);
	if (rc != 0)
		bh_response_rules_free(rules);
	else
		*out = rules;
	return rc;
}

void
bh_response_rules_free(struct bh_response_rules *r)
{
	unsigned i, k;

	if (r == NULL)
		return;
	for (i = 0; i < r->n; i++) {
		for (k = 0; k < r->rule[i].n_actions; k++)
			free(r->rule[i].action[k].path);
		bh_window_destroy(r->rule[i].window);
	}
	free(r->asked.path);
	free(r->rule);
	free(r);
}
