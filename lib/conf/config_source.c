/* Reader of `sources`: clusters and files that tell labels of endpoints. */
#include <stdio.h>

#include "conf_priv.h"

static int
read_text(struct bh_config_reader *r, const struct bh_yaml *map, const char *key, char *out,
	  size_t size)
{
	const struct bh_yaml *node = bh_yaml_get(map, key);
	const char *text;
	int rc;

	if (node == NULL)
		return 0;
	rc = bh_yaml_str(r->doc, node, &text, r->err);
	if (rc == 0 && strlen(text) >= size)
		rc = bh_yaml_err(r->doc, node, r->err, "at most %zu bytes", size - 1);
	if (rc == 0)
		snprintf(out, size, "%s", text);
	return rc;
}

static int
read_bool(struct bh_config_reader *r, const struct bh_yaml *map, const char *key, bool *out)
{
	const struct bh_yaml *node = bh_yaml_get(map, key);

	return node != NULL ? bh_yaml_bool(r->doc, node, out, r->err) : 0;
}

/* It is a label's value and one of metrics. */
static int
read_name(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_config_source *s)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	int rc = read_text(r, map, "name", s->name, sizeof(s->name));
	size_t n = strlen(s->name);

	if (rc != 0)
		return rc;
	if (n == 0)
		return bh_yaml_err(r->doc, map, r->err,
				   "a source lacks 'name': of a cluster it is the label "
				   "k8s.cluster of its endpoints");
	if (s->name[strspn(s->name, allowed)] != '\0' || strchr("-_.", s->name[0]) != NULL ||
	    strchr("-_.", s->name[n - 1]) != NULL)
		return bh_yaml_err(r->doc, bh_yaml_get(map, "name"), r->err,
				   "a source's name may hold letters, digits, '-', '_' and '.', "
				   "with a letter or digit at both ends");
	return 0;
}

static int
read_stale(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_config_source *s)
{
	static const char *const known[] = {"after", "then", NULL};
	static const char *const words[] = {"keep", "drop", NULL};
	const struct bh_yaml *stale = bh_yaml_get(map, "stale"), *node;
	char found[BH_FOUND_LEN];
	unsigned choice = 0;
	int rc;

	s->stale_ms = 600000;
	if (stale == NULL)
		return 0;
	if (stale->type != BH_YAML_MAP)
		return bh_yaml_err(r->doc, stale, r->err,
				   "expected {after: 10m, then: keep or drop}, found %s",
				   bh_yaml_found(stale, found, sizeof(found)));
	rc = bh_yaml_check_map(r->doc, stale, "stale", known, r->err);
	node = bh_yaml_get(stale, "after");
	if (rc == 0 && node != NULL)
		rc = bh_yaml_duration_ms(r->doc, node, 1000, 7 * 86400000ull, &s->stale_ms, r->err);
	node = bh_yaml_get(stale, "then");
	if (rc == 0 && node != NULL)
		rc = bh_yaml_enum(r->doc, node, words, &choice, r->err);
	s->stale_drop = choice == 1;
	return rc;
}

static int
read_pods(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_config_source *s)
{
	const struct bh_yaml *list = bh_yaml_get(map, "pods");
	int rc = 0;

	if (list == NULL)
		return 0;
	if (list->type != BH_YAML_LIST || list->n > BH_SOURCE_PODS)
		return bh_yaml_err(
			r->doc, list, r->err,
			"'pods' is a list of at most %d networks, such as [10.244.0.0/16]",
			BH_SOURCE_PODS);
	for (; rc == 0 && s->n_pods < list->n; s->n_pods++)
		rc = bh_yaml_prefix(r->doc, list->item[s->n_pods], &s->pods[s->n_pods], r->err);
	return rc;
}

/* What policy the cluster may wish. */
static int
read_wishes(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_config_source *s)
{
	static const char *const whether[] = {"off", "apply", NULL};
	static const char *const words[] = {"off", "draft", "apply", NULL};
	const struct bh_yaml *policies = bh_yaml_get(map, "network_policies"),
			     *resources = bh_yaml_get(map, "resources");
	unsigned choice = 0, other = 0;
	int rc = 0;

	if (policies != NULL)
		rc = bh_yaml_enum(r->doc, policies, whether, &choice, r->err);
	if (rc == 0 && resources != NULL)
		rc = bh_yaml_enum(r->doc, resources, words, &other, r->err);
	s->network_policies = choice == 1;
	s->resources = (uint8_t)other;
	return rc == 0 ? read_pods(r, map, s) : rc;
}

static int
read_cluster(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_config_source *s)
{
	static const char *const known[] = {"type",       "name",
					    "kubeconfig", "context",
					    "in_cluster", "insecure",
					    "stale",      "network_policies",
					    "resources",  "pods",
					    NULL};
	int rc = bh_yaml_check_map(r->doc, map, "a source of type kubernetes", known, r->err);

	if (rc == 0)
		rc = read_text(r, map, "kubeconfig", s->kubeconfig, sizeof(s->kubeconfig));
	if (rc == 0)
		rc = read_text(r, map, "context", s->context, sizeof(s->context));
	if (rc == 0)
		rc = read_bool(r, map, "in_cluster", &s->in_cluster);
	if (rc == 0)
		rc = read_bool(r, map, "insecure", &s->insecure);
	if (rc == 0 && s->in_cluster == (s->kubeconfig[0] != '\0'))
		rc = bh_yaml_err(r->doc, map, r->err,
				 "a source of type kubernetes has either 'kubeconfig: FILE' or "
				 "'in_cluster: true'");
	return rc == 0 ? read_wishes(r, map, s) : rc;
}

static int
read_file(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_config_source *s)
{
	static const char *const known[] = {"type", "name", "path", "stale", NULL};
	int rc = bh_yaml_check_map(r->doc, map, "a source of type file", known, r->err);

	if (rc == 0)
		rc = read_text(r, map, "path", s->path, sizeof(s->path));
	if (rc == 0 && s->path[0] == '\0')
		rc = bh_yaml_err(r->doc, map, r->err, "a source of type file lacks 'path'");
	return rc;
}

static int
read_source(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_config_source *s)
{
	static const char *const types[] = {"kubernetes", "file", NULL};
	const struct bh_yaml *type = bh_yaml_get(map, "type");
	unsigned choice = 0;
	int rc;

	if (type == NULL)
		return bh_yaml_err(r->doc, map, r->err,
				   "a source lacks 'type': kubernetes or file");
	rc = bh_yaml_enum(r->doc, type, types, &choice, r->err);
	if (rc != 0)
		return rc;
	s->type = (uint8_t)choice;
	rc = choice == BH_SOURCE_KUBERNETES ? read_cluster(r, map, s) : read_file(r, map, s);
	if (rc == 0)
		rc = read_name(r, map, s);
	return rc == 0 ? read_stale(r, map, s) : rc;
}

int
bh_config_read_sources(struct bh_config_reader *r, const struct bh_yaml *node)
{
	size_t i, k;
	int rc;

	if (bh_yaml_is_null(node))
		return 0;
	rc = bh_config_check_maps(r, node, BH_CONFIG_SOURCES, "sources");
	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = read_source(r, node->item[i], &r->c->source[i]);
		for (k = 0; rc == 0 && k < i; k++) {
			if (strcmp(r->c->source[k].name, r->c->source[i].name) == 0)
				rc = bh_yaml_err(r->doc, node->item[i], r->err,
						 "two sources are called %s", r->c->source[i].name);
		}
	}
	if (rc == 0)
		r->c->n_sources = (unsigned)node->n;
	return rc;
}
