/* part: what clusters wish, as lines of a policy document.
 *
 *   clusters:
 *     segments:   CLUSTER/NAME of each BulkheadSegment, its selector narrowed to the cluster; those of NetworkPolicies
 *     rules:      of BulkheadPolicies, then of NetworkPolicies
 *
 * Whoever writes objects of a cluster decides about its own pods: one end of each rule is BulkheadSegments that have a selector alone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../import/import.h"
#include "kube_priv.h"

#define GATEWAYS "gateway/" /* before the name of a segment or zone of the document's other parts */

struct part {
	const struct bh_kube_wish *wish;
	size_t n;
	const struct bh_config *config;
	json_t *segment[BH_CONFIG_SOURCES]; /* name: spec */
	struct bh_buf segments, rules;
	struct bh_err *err;
};

const char *
bh_kube_wish_name(unsigned kind)
{
	static const char *const names[] = {"BulkheadSegment", "BulkheadPolicy", "NetworkPolicy"};

	return kind < BH_KUBE_WISHES ? names[kind] : "invalid";
}

static int
refuse(struct part *p, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return bh_err_set(p->err, EINVAL, "%s", text);
}

static const char *
cluster_of(const struct part *p, const struct bh_kube_wish *w)
{
	return p->config->source[w->source].name;
}

static int
known_keys(struct part *p, const json_t *map, const char *const known[], const char *what)
{
	const char *key;
	json_t *v;
	size_t i;

	if (!json_is_object(map))
		return refuse(p, "%s is no object", what);
	json_object_foreach((json_t *)map, key, v)
	{
		for (i = 0; known[i] != NULL && strcmp(known[i], key) != 0;)
			i++;
		if (known[i] == NULL)
			return refuse(p, "%s has no '%.60s'", what, key);
	}
	return 0;
}

/* One line, of which YAML reads what JSON means. */
static int
write_line(struct bh_buf *out, const char *before, const json_t *o)
{
	char *text = json_dumps(o, 0);

	if (text == NULL)
		return -ENOMEM;
	bh_buf_printf(out, "    %s%s\n", before, text);
	free(text);
	return out->failed ? -ENOMEM : 0;
}

/* ---- segments ----------------------------------------------------------------------------------------------------- */

static int
write_segment(struct part *p, const struct bh_kube_wish *w)
{
	static const char *const known[] = {"selector", "addresses", "names",
					    "within",   "comment",   NULL};
	const json_t *selector = json_object_get(w->spec, "selector");
	json_t *o = NULL, *narrow;
	char before[400];
	int rc = known_keys(p, w->spec, known, "spec");

	if (rc == 0 && selector != NULL && !json_is_string(selector))
		rc = refuse(p, "spec.selector is a text, such as \"app = web, tier in (a, b)\"");
	if (rc != 0)
		return rc;
	o = json_deep_copy(w->spec);
	if (o != NULL && selector != NULL) {
		const char *text = json_string_value(selector);

		narrow = json_sprintf(BH_LABEL_CLUSTER " = %s%s%s", cluster_of(p, w),
				      text[strspn(text, " \t")] != '\0' ? ", " : "", text);
		rc = json_object_set_new(o, "selector", narrow) == 0 ? 0 : -ENOMEM;
	}
	snprintf(before, sizeof(before), "\"%s/%s\": ", cluster_of(p, w), w->name);
	if (o == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = write_line(&p->segments, before, o);
	json_decref(o);
	return rc;
}

/* ---- rules -------------------------------------------------------------------------------------------------------- */

/* A segment's name as it is in the document. *own: it is pods of the cluster by labels alone. */
static json_t *
side_name(struct part *p, const struct bh_kube_wish *w, const char *name, bool *own)
{
	static const char *const reserved[] = {"any", "external", "unknown", "nodes"};
	const json_t *spec = json_object_get(p->segment[w->source], name);
	size_t i;

	if (spec != NULL) {
		*own = json_object_get(spec, "selector") != NULL &&
		       json_object_get(spec, "addresses") == NULL &&
		       json_object_get(spec, "names") == NULL;
		return json_sprintf("%s/%s", cluster_of(p, w), name);
	}
	*own = false;
	for (i = 0; i < BH_ARRAY_SIZE(reserved); i++) {
		if (strcmp(reserved[i], name) == 0)
			return json_string(name);
	}
	if (strncmp(name, GATEWAYS, strlen(GATEWAYS)) == 0)
		return json_string(name + strlen(GATEWAYS));
	refuse(p,
	       "no BulkheadSegment is called '%.100s'; those of the gateway's own policy are "
	       "'" GATEWAYS "NAME'",
	       name);
	return NULL;
}

static int
write_side(struct part *p, const struct bh_kube_wish *w, const char *key, json_t *rule, bool *own)
{
	json_t *side = json_object_get(rule, key), *names = json_array(), *v, *name;
	bool one;
	size_t i;
	int rc = 0;

	if (json_is_string(side))
		side = json_pack("[O]", side);
	else
		json_incref(side);
	if (names == NULL || !json_is_array(side) || json_array_size(side) == 0)
		rc = refuse(p, "a rule needs '%s', a list of segments", key);
	*own = true;
	json_array_foreach(side, i, v)
	{
		if (rc == 0 && !json_is_string(v))
			rc = refuse(p, "'%s' is a list of names of segments", key);
		name = rc == 0 ? side_name(p, w, json_string_value(v), &one) : NULL;
		if (rc == 0)
			rc = name == NULL ? -EINVAL : json_array_append_new(names, name);
		*own &= rc == 0 && one;
	}
	if (rc == 0)
		rc = json_object_set(rule, key, names);
	json_decref(side);
	json_decref(names);
	return rc;
}

static int
write_rule(struct part *p, const struct bh_kube_wish *w, const json_t *spec, size_t index)
{
	static const char *const known[] = {"id",           "from",    "to",      "ports",
					    "applications", "action",  "denied",  "owner",
					    "reason",       "expires", "comment", NULL};
	const char *id = json_string_value(json_object_get(spec, "id"));
	json_t *rule, *name;
	bool from = false, to = false;
	char what[40];
	int rc;

	snprintf(what, sizeof(what), "rule %zu", index + 1);
	rc = known_keys(p, spec, known, what);
	if (rc != 0)
		return rc;
	rule = json_deep_copy(spec);
	name = id != NULL ? json_sprintf("%s/%s/%s", cluster_of(p, w), w->name, id)
			  : json_sprintf("%s/%s/%zu", cluster_of(p, w), w->name, index + 1);
	if (rule == NULL || json_object_set_new(rule, "id", name) != 0)
		rc = -ENOMEM;
	if (rc == 0)
		rc = write_side(p, w, "from", rule, &from);
	if (rc == 0)
		rc = write_side(p, w, "to", rule, &to);
	if (rc == 0 && !from && !to)
		rc = refuse(p,
			    "%s: one end must be BulkheadSegments that have a selector alone: a "
			    "cluster decides about its own pods",
			    what);
	if (rc == 0)
		rc = write_line(&p->rules, "- ", rule);
	json_decref(rule);
	return rc;
}

static int
write_policy(struct part *p, const struct bh_kube_wish *w)
{
	static const char *const known[] = {"order", "rules", NULL};
	const json_t *rules = json_object_get(w->spec, "rules"), *rule;
	size_t i;
	int rc = known_keys(p, w->spec, known, "spec");

	if (rc == 0 && !json_is_array(rules))
		rc = refuse(p, "spec needs 'rules', a list");
	json_array_foreach((json_t *)rules, i, rule)
	{
		if (rc == 0)
			rc = write_rule(p, w, rule, i);
	}
	return rc;
}

static json_int_t
order_of(const struct bh_kube_wish *w)
{
	const json_t *order = json_object_get(w->spec, "order");

	return json_is_integer(order) ? json_integer_value(order) : 1000;
}

static int
by_order(const void *a, const void *b)
{
	const struct bh_kube_wish *x = *(const struct bh_kube_wish *const *)a,
				  *y = *(const struct bh_kube_wish *const *)b;
	json_int_t i = order_of(x), k = order_of(y);

	if (i != k)
		return i < k ? -1 : 1;
	return x != y ? (x < y ? -1 : 1) : 0; /* sources, then names */
}

static int
write_policies(struct part *p)
{
	const struct bh_kube_wish **list = calloc(p->n + 1, sizeof(*list));
	size_t i, n = 0;
	int rc = list != NULL ? 0 : -ENOMEM;

	for (i = 0; rc == 0 && i < p->n; i++) {
		if (p->wish[i].kind == BH_KUBE_POLICY)
			list[n++] = &p->wish[i];
	}
	if (n != 0)
		qsort(list, n, sizeof(*list), by_order);
	for (i = 0; rc == 0 && i < n; i++)
		rc = write_policy(p, list[i]);
	free(list);
	return rc;
}

/* ---- NetworkPolicies ------------------------------------------------------------------------------------------------ */

/* As kubectl would print it, without what the API server adds. */
static int
write_input(struct bh_buf *out, const struct bh_kube_wish *w)
{
	const char *slash = strchr(w->name, '/');
	json_t *o = json_pack("{s:s, s:s, s:{s:s, s:o}, s:O}", "apiVersion", "networking.k8s.io/v1",
			      "kind", "NetworkPolicy", "metadata", "name",
			      slash != NULL ? slash + 1 : w->name, "namespace",
			      json_stringn(w->name, slash != NULL ? (size_t)(slash - w->name) : 0),
			      "spec", w->spec);
	char *text = o != NULL ? json_dumps(o, 0) : NULL;

	if (text != NULL)
		bh_buf_printf(out, "---\n%s\n", text);
	free(text);
	json_decref(o);
	return text != NULL && !out->failed ? 0 : -ENOMEM;
}

/* Lines of a map or list of a document, two blanks further in. */
static void
splice(struct bh_buf *out, const char *text, const char *head)
{
	const char *at = strstr(text, head), *end;

	for (at = at != NULL ? at + strlen(head) : ""; *at == ' '; at = end) {
		end = strchr(at, '\n');
		end = end != NULL ? end + 1 : at + strlen(at);
		bh_buf_str(out, "  ");
		bh_buf_add(out, at, (size_t)(end - at));
	}
}

static int
write_netpols(struct part *p, unsigned source)
{
	const struct bh_config_source *s = &p->config->source[source];
	struct bh_buf text = {0}, doc = {0};
	struct bh_import_input in = {.name = s->name};
	struct bh_import_params params = {.form = BH_FORM_NETWORKPOLICY,
					  .input = &in,
					  .n_inputs = 1,
					  .pods = s->pods,
					  .n_pods = s->n_pods,
					  .cluster = s->name,
					  .closed = true};
	char prefix[96];
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < p->n; i++) {
		if (p->wish[i].kind == BH_KUBE_NETPOL && p->wish[i].source == source)
			rc = write_input(&text, &p->wish[i]);
	}
	if (rc == 0 && text.len != 0) {
		in.text = text.data;
		in.len = text.len;
		snprintf(prefix, sizeof(prefix), "%s/networkpolicy", s->name);
		params.prefix = prefix;
		rc = bh_import(&params, &doc, p->err);
	}
	if (rc == 0 && doc.len != 0) {
		splice(&p->segments, doc.data, "\nsegments:\n");
		splice(&p->rules, doc.data, "\nrules:\n");
	}
	bh_buf_free(&text);
	bh_buf_free(&doc);
	return rc;
}

/* ---- all of it -------------------------------------------------------------------------------------------------------- */

static int
write_segments(struct part *p)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < p->n; i++) {
		const struct bh_kube_wish *w = &p->wish[i];

		if (json_is_null(w->spec))
			return refuse(p, "policies of this cluster are too large, or too many");
		if (w->kind != BH_KUBE_SEGMENT)
			continue;
		if (p->segment[w->source] == NULL)
			p->segment[w->source] = json_object();
		if (json_object_set(p->segment[w->source], w->name, (json_t *)w->spec) != 0)
			return -ENOMEM;
		rc = write_segment(p, w);
	}
	return rc;
}

int
bh_kube_part(const struct bh_kube_wish *w, size_t n, const struct bh_config *config,
	     struct bh_buf *out, struct bh_err *err)
{
	struct part p = {.wish = w, .n = n, .config = config, .err = err};
	unsigned i;
	int rc = write_segments(&p);

	if (rc == 0)
		rc = write_policies(&p);
	for (i = 0; rc == 0 && i < config->n_sources; i++)
		rc = write_netpols(&p, i);
	if (rc == 0 && (p.segments.len != 0 || p.rules.len != 0)) {
		bh_buf_str(out, "clusters:\n");
		if (p.segments.len != 0)
			bh_buf_printf(out, "  segments:\n%s", p.segments.data);
		if (p.rules.len != 0)
			bh_buf_printf(out, "  rules:\n%s", p.rules.data);
	}
	if (p.segments.failed || p.rules.failed || out->failed || rc == -ENOMEM)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	for (i = 0; i < BH_CONFIG_SOURCES; i++)
		json_decref(p.segment[i]);
	bh_buf_free(&p.segments);
	bh_buf_free(&p.rules);
	return rc;
}
