/* `threats:` of bulkhead.yaml: a key for each line of threat.def, and `all` for those that are not named. */
#include <stdio.h>

#include "conf_priv.h"

#define THRESHOLD_MAX 1000000000
#define WINDOW_MIN_MS 100
#define WINDOW_MAX_MS 86400000

/* Index of a segment's name among those that exceptions list; a new one is added. */
int
bh_config_threat_segment(struct bh_config_reader *r, const struct bh_yaml *node, unsigned *index)
{
	struct bh_config *c = r->c;
	const char *text;
	unsigned i;
	int rc = bh_yaml_str(r->doc, node, &text, r->err);

	if (rc != 0)
		return rc;
	if (strlen(text) >= sizeof(c->threat_segment[0]))
		return bh_yaml_err(r->doc, node, r->err,
				   "expected the name of a segment, at most %zu bytes",
				   sizeof(c->threat_segment[0]) - 1);
	for (i = 0; i < c->n_threat_segments; i++) {
		if (strcmp(c->threat_segment[i], text) == 0)
			break;
	}
	if (i == BH_THREAT_SEGMENTS)
		return bh_yaml_err(
			r->doc, node, r->err,
			"more than %d segments in exceptions of threats and quotas: make "
			"one segment of those that are treated alike",
			BH_THREAT_SEGMENTS);
	if (i == c->n_threat_segments)
		snprintf(c->threat_segment[c->n_threat_segments++], sizeof(c->threat_segment[0]),
			 "%s", text);
	*index = i;
	return 0;
}

static int
read_except(struct bh_config_reader *r, const struct bh_yaml *node, struct bh_threat_rule *rule)
{
	char found[BH_FOUND_LEN];
	unsigned index = 0;
	size_t i;
	int rc = 0;

	if (node->type != BH_YAML_LIST)
		return bh_yaml_err(r->doc, node, r->err,
				   "expected a list of segment names, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	rule->except = 0;
	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = bh_config_threat_segment(r, node->item[i], &index);
		if (rc == 0)
			rule->except |= UINT32_C(1) << index;
	}
	return rc;
}

static int
read_action(struct bh_config_reader *r, const struct bh_yaml *node, struct bh_threat_rule *rule)
{
	static const char *const words[] = {"alert", "drop", "reset", "block", NULL};
	unsigned action;
	int rc = bh_yaml_enum(r->doc, node, words, &action, r->err);

	if (rc == 0)
		rule->action = (uint8_t)action;
	return rc;
}

/* "off", "on" or an action, which is on as well. */
static int
read_word(struct bh_config_reader *r, const struct bh_yaml *node, struct bh_threat_rule *rule)
{
	static const char *const words[] = {"off",  "false", "on",    "true", "alert",
					    "drop", "reset", "block", NULL};
	unsigned word;
	int rc = bh_yaml_enum(r->doc, node, words, &word, r->err);

	if (rc != 0)
		return rc;
	rule->on = word >= 2;
	if (word >= 4)
		rule->action = (uint8_t)(word - 4);
	return 0;
}

static int
read_number(struct bh_config_reader *r, const struct bh_yaml *node, uint32_t *out, bool window)
{
	uint64_t v;
	int rc =
		window ? bh_yaml_duration_ms(r->doc, node, WINDOW_MIN_MS, WINDOW_MAX_MS, &v, r->err)
		       : bh_yaml_u64(r->doc, node, 1, THRESHOLD_MAX, &v, r->err);

	if (rc == 0)
		*out = (uint32_t)v;
	return rc;
}

/* Keys that would change nothing are refused: a threat without a threshold has none to be set. */
static int
read_rule(struct bh_config_reader *r, const struct bh_yaml *node, unsigned threat)
{
	const struct bh_threat_info *info = bh_threat_info(threat);
	struct bh_threat_rule *rule = &r->c->threat[threat];
	const char *known[6] = {"enabled", "action", "except"};
	const struct bh_yaml *v;
	char what[64];
	size_t n = 3;
	int rc;

	if (node->type == BH_YAML_SCALAR)
		return read_word(r, node, rule);
	if (info->threshold != 0)
		known[n++] = "threshold";
	if (info->window_ms != 0)
		known[n++] = "window";
	snprintf(what, sizeof(what), "'threats.%s'", info->key);
	rc = bh_yaml_check_map(r->doc, node, what, known, r->err);
	if (rc != 0)
		return rc;
	/* What is written about is meant to be on. */
	rule->on = true;
	if ((v = bh_yaml_get(node, "enabled")) != NULL)
		rc = bh_yaml_bool(r->doc, v, &rule->on, r->err);
	if (rc == 0 && (v = bh_yaml_get(node, "action")) != NULL)
		rc = read_action(r, v, rule);
	if (rc == 0 && (v = bh_yaml_get(node, "except")) != NULL)
		rc = read_except(r, v, rule);
	if (rc == 0 && (v = bh_yaml_get(node, "threshold")) != NULL)
		rc = read_number(r, v, &rule->threshold, false);
	if (rc == 0 && (v = bh_yaml_get(node, "window")) != NULL)
		rc = read_number(r, v, &rule->window_ms, true);
	return rc;
}

int
bh_config_read_threats(struct bh_config_reader *r, const struct bh_yaml *node)
{
	static const char *const known[] = {
#define BH_THREAT(sym, name, key, severity, on, action, threshold, window, attack, text) key,
#include "../threat/threat.def"
#undef BH_THREAT
		"all", NULL};
	const struct bh_yaml *v;
	unsigned i;
	int rc;

	if (bh_yaml_is_null(node))
		return 0;
	rc = bh_yaml_check_map(r->doc, node, "'threats'", known, r->err);
	v = rc == 0 ? bh_yaml_get(node, "all") : NULL;
	for (i = 0; v != NULL && rc == 0 && i < BH_THREAT_COUNT; i++)
		rc = read_word(r, v, &r->c->threat[i]);
	for (i = 0; rc == 0 && i < BH_THREAT_COUNT; i++) {
		v = bh_yaml_get(node, known[i]);
		if (v != NULL)
			rc = read_rule(r, v, i);
	}
	return rc;
}

int
bh_config_read_external_ips(struct bh_config_reader *r, const struct bh_yaml *node)
{
	char found[BH_FOUND_LEN];
	size_t i;
	int rc = 0;

	if (node->type != BH_YAML_LIST)
		return bh_yaml_err(r->doc, node, r->err,
				   "expected a list of addresses and prefixes, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	if (node->n > BH_EXTERNAL_IPS)
		return bh_yaml_err(r->doc, node, r->err,
				   "expected at most %d addresses or prefixes, found %zu",
				   BH_EXTERNAL_IPS, node->n);
	for (i = 0; rc == 0 && i < node->n; i++)
		rc = bh_yaml_prefix(r->doc, node->item[i], &r->c->external_ip[i], r->err);
	r->c->n_external_ips = (unsigned)node->n;
	return rc;
}

int
bh_config_read_resolvers(struct bh_config_reader *r, const struct bh_yaml *node)
{
	char found[BH_FOUND_LEN];
	size_t i;
	int rc = 0;

	if (node->type != BH_YAML_LIST || node->n > BH_RESOLVERS)
		return bh_yaml_err(r->doc, node, r->err,
				   "expected a list of at most %d addresses such as [10.0.0.53], "
				   "found %s",
				   BH_RESOLVERS, bh_yaml_found(node, found, sizeof(found)));
	for (i = 0; rc == 0 && i < node->n; i++) {
		struct bh_prefix *p = &r->c->resolver[i];

		rc = bh_yaml_prefix(r->doc, node->item[i], p, r->err);
		if (rc == 0 && p->len != (p->family == BH_IP6 ? 128 : 32))
			rc = bh_yaml_err(r->doc, node->item[i], r->err,
					 "expected the address of one resolver, found a network");
	}
	r->c->n_resolvers = (unsigned)node->n;
	return rc;
}
