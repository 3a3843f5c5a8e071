/* Rules of a sensor and their patterns, as YAML. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "signature_priv.h"

/* ---- patterns -------------------------------------------------------------------------------------- */

static int
pattern_flag(struct bh_sig_reading *r, const struct bh_yaml *map, const char *key, bool normal,
	     uint16_t flag, struct bh_sensor_pattern *p)
{
	const struct bh_yaml *node = bh_yaml_get(map, key);
	int rc = node != NULL ? bh_yaml_bool(r->doc, node, &normal, r->s->err) : 0;

	if (normal)
		p->flags |= flag;
	return rc;
}

static int
pattern_context(struct bh_sig_reading *r, const struct bh_yaml *map, uint8_t *out)
{
	const char *words[BH_SENSOR_CONTEXTS + 1];
	unsigned i;

	for (i = 0; i < BH_SENSOR_CONTEXTS; i++)
		words[i] = bh_sensor_context_key(i);
	words[i] = NULL;
	*out = BH_SENSOR_PACKET;
	return bh_sig_word_of(r, map, "context", words, out);
}

/* Where the text begins: behind the quote. */
static void
pattern_place(const struct bh_sig_reading *r, const struct bh_yaml *node,
	      struct bh_sensor_pattern *p)
{
	p->line = node->line + r->s->base;
	p->column = node->column + (node->flat && node->quoted);
}

static int
read_pattern(struct bh_sig_reading *r, const struct bh_yaml *map)
{
	static const char *const ours[] = {"op",     "value",     "context", "nocase",
					   "dotall", "multiline", "key",     NULL};
	static const char *const theirs[] = {"key", "op", "value", "context", NULL};
	static const char *const ops[] = {"regex", "!regex", "literal", "!literal", NULL};
	static const char *const keys[] = {"pattern", NULL};
	const struct bh_yaml *value;
	struct bh_sensor_pattern *p;
	uint8_t op = 0, context = 0, key = 0;
	const char *text;
	int rc = bh_yaml_check_map(r->doc, map, "a pattern", r->nv ? theirs : ours, r->s->err);

	if (rc == 0)
		rc = bh_sig_word_of(r, map, "key", keys, &key);
	if (rc == 0)
		rc = bh_sig_word_of(r, map, "op", ops, &op);
	if (rc == 0)
		rc = pattern_context(r, map, &context);
	if (rc != 0)
		return rc;
	value = bh_yaml_get(map, "value");
	if (value == NULL)
		return bh_sig_mistake(r, map, "a pattern needs 'value'");
	rc = bh_yaml_str(r->doc, value, &text, r->s->err);
	if (rc != 0)
		return rc;
	if (strlen(text) > BH_SENSOR_PATTERN_MAX)
		return bh_sig_mistake(r, value, "a pattern of more than 16,384 bytes");
	p = bh_sensor_add_pattern(r->s->model, r->rule,
				  op >= 2 ? BH_SENSOR_LITERAL : BH_SENSOR_REGEX, text,
				  strlen(text));
	if (p == NULL)
		return bh_sig_nomem(r->s);
	p->context = context;
	p->flags = op % 2 != 0 ? BH_SENSOR_NEGATED : 0;
	pattern_place(r, value, p);
	rc = pattern_flag(r, map, "nocase", true, BH_SENSOR_NOCASE, p);
	if (rc == 0 && op < 2)
		rc = pattern_flag(r, map, "dotall", true, BH_SENSOR_DOTALL, p);
	if (rc == 0 && op < 2)
		rc = pattern_flag(r, map, "multiline", true, BH_SENSOR_MULTILINE, p);
	return rc;
}

static int
read_patterns(struct bh_sig_reading *r, const struct bh_yaml *map)
{
	const struct bh_yaml *list = bh_yaml_get(map, "patterns");
	char found[BH_FOUND_LEN];
	size_t i;
	int rc = 0;

	if (list == NULL)
		return bh_sig_mistake(r, map, "a rule needs 'patterns'");
	if (list->type != BH_YAML_LIST || list->n == 0)
		return bh_yaml_err(r->doc, list, r->s->err, "expected a list of patterns, found %s",
				   list->type == BH_YAML_LIST
					   ? "an empty list"
					   : bh_yaml_found(list, found, sizeof(found)));
	if (list->n > BH_SENSOR_RULE_PATTERNS)
		return bh_sig_mistake(r, list->item[BH_SENSOR_RULE_PATTERNS],
				      "more than 62 patterns in a rule: make it two");
	for (i = 0; rc == 0 && i < list->n; i++)
		rc = read_pattern(r, list->item[i]);
	return rc;
}

/* ---- rules ------------------------------------------------------------------------------------------ */

/* threshold: {type, count, seconds, track} */
static int
read_threshold(struct bh_sig_reading *r, const struct bh_yaml *map)
{
	static const char *const known[] = {"type", "count", "seconds", "track", NULL};
	static const char *const types[] = {"limit", "each", "once", NULL};
	static const char *const tracks[] = {"rule", "source", "destination", "pair", NULL};
	struct bh_sensor_rule *rule = r->rule;
	const struct bh_yaml *node;
	uint8_t type = 0;
	uint64_t n;
	int rc;

	if (map == NULL)
		return 0;
	rc = bh_yaml_check_map(r->doc, map, "a threshold", known, r->s->err);
	if (rc == 0)
		rc = bh_sig_word_of(r, map, "type", types, &type);
	if (rc == 0)
		rc = bh_sig_word_of(r, map, "track", tracks, &rule->threshold.track);
	rule->threshold.type = (uint8_t)(BH_SENSOR_LIMIT + type);
	node = bh_yaml_get(map, "count");
	if (rc == 0 && node == NULL)
		return bh_sig_mistake(r, map, "a threshold needs 'count' and 'seconds'");
	if (rc == 0)
		rc = bh_yaml_u64(r->doc, node, 1, UINT32_MAX, &n, r->s->err);
	if (rc != 0)
		return rc;
	rule->threshold.count = (uint32_t)n;
	node = bh_yaml_get(map, "seconds");
	if (node == NULL)
		return bh_sig_mistake(r, map, "a threshold needs 'count' and 'seconds'");
	rc = bh_yaml_u64(r->doc, node, 1, UINT32_MAX, &n, r->s->err);
	rule->threshold.seconds = rc == 0 ? (uint32_t)n : 0;
	return rc;
}

static int
read_application(struct bh_sig_reading *r, const struct bh_yaml *map)
{
	const struct bh_yaml *node = bh_yaml_get(map, "application");
	const char *best = NULL, *text;
	unsigned distance = 0, i;
	int rc;

	if (node == NULL)
		return 0;
	rc = bh_yaml_str(r->doc, node, &text, r->s->err);
	if (rc != 0)
		return rc;
	r->rule->app = (uint16_t)bh_app_find(text);
	if (r->rule->app != BH_APP_UNKNOWN)
		return 0;
	for (i = 1; i < BH_APP_COUNT; i++)
		bh_word_nearest(text, bh_app_name(i), &best, &distance);
	return bh_yaml_err(r->doc, node, r->s->err,
			   "unknown application '%.40s'%s%s%s: docs/applications.md lists them",
			   text, best != NULL ? ", did you mean '" : "", best != NULL ? best : "",
			   best != NULL ? "'?" : "");
}

static int
rule_words(struct bh_sig_reading *r, const struct bh_yaml *map)
{
	static const char *const sides[] = {"both", "client", "server", NULL};
	struct bh_sensor_rule *rule = r->rule;
	int rc = bh_sig_text_of(r, map, "message", &rule->message);

	if (rc == 0)
		rc = bh_sig_text_of(r, map, "category", &rule->category);
	if (rc == 0)
		rc = bh_sig_text_of(r, map, "attack", &rule->attack);
	if (rc == 0)
		rc = bh_sig_severity(r->doc, map, &rule->severity, r->s->err);
	if (rc == 0)
		rc = bh_sig_word_of(r, map, "side", sides, &rule->direction);
	if (rc == 0)
		rc = bh_sig_action(r->doc, bh_yaml_get(map, "action"), &rule->action, r->s->err);
	if (rc == 0)
		rc = read_application(r, map);
	return rc != 0 ? rc : read_threshold(r, bh_yaml_get(map, "threshold"));
}

/* Is there a rule of this name in the sensor already? */
static int
fresh_rule(struct bh_sig_reading *r, struct bh_sig_names *names, const struct bh_yaml *map,
	   const char *name)
{
	bool fresh;
	void **cell = bh_sig_name(names, name, &fresh);

	if (cell == NULL)
		return bh_sig_nomem(r->s);
	if (!fresh)
		return bh_yaml_err(r->doc, bh_yaml_get(map, "name"), r->s->err,
				   "a second rule '%.60s' in sensor '%.60s': give each its name",
				   name, r->sensor->name);
	return 0;
}

int
bh_sig_read_rule(struct bh_sig_reading *r, const struct bh_yaml *map, struct bh_sig_names *names)
{
	static const char *const ours[] = {"name",      "message",  "severity",    "category",
					   "attack",    "action",   "application", "side",
					   "threshold", "patterns", NULL};
	static const char *const theirs[] = {"name", "id", "cfg_type", "patterns", NULL};
	const char *name;
	int rc = bh_yaml_check_map(r->doc, map, "a rule", r->nv ? theirs : ours, r->s->err);

	if (rc == 0)
		rc = bh_sig_name_of(r, map, "a rule", &name);
	if (rc == 0)
		rc = fresh_rule(r, names, map, name);
	if (rc != 0)
		return rc;
	r->rule = bh_sensor_add_rule(r->s->model, r->sensor, name);
	if (r->rule == NULL)
		return bh_sig_nomem(r->s);
	r->rule->line = map->line + r->s->base;
	if (!r->nv)
		rc = rule_words(r, map);
	return rc != 0 ? rc : read_patterns(r, map);
}
