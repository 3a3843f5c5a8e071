/* part: what clusters wish, as lines of a policy document.
 *
 *   clusters:
 *     segments:   CLUSTER/NAME of each BulkheadSegment, its selector narrowed to the cluster; those of NetworkPolicies
 *     rules:      of BulkheadPolicies, then of NetworkPolicies
 *     sensors:    CLUSTER/NAME of each BulkheadSensor (part_sensor.c), in the form of lib/signature
 *     attach:     what rules of BulkheadPolicies name, then what BulkheadSensors say themselves
 *
 * Whoever writes objects of a cluster decides about its own pods: one end of each rule is BulkheadSegments that have a selector alone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../import/import.h" /* BH_LABEL_CLUSTER */
#include "part.h"

const char *
bh_kube_wish_name(unsigned kind)
{
	static const char *const names[] = {"BulkheadSegment", "BulkheadSensor", "BulkheadPolicy",
					    "NetworkPolicy"};

	return kind < BH_KUBE_WISHES ? names[kind] : "invalid";
}

int
bh_kube_refuse(struct bh_kube_writing *p, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return bh_err_set(p->err, EINVAL, "%s", text);
}

const char *
bh_kube_cluster_of(const struct bh_kube_writing *p, const struct bh_kube_wish *w)
{
	return p->config->source[w->source].name;
}

int
bh_kube_known_keys(struct bh_kube_writing *p, const json_t *map, const char *const known[],
		   const char *what)
{
	const char *key;
	json_t *v;
	size_t i;

	if (!json_is_object(map))
		return bh_kube_refuse(p, "%s is no object", what);
	json_object_foreach((json_t *)map, key, v)
	{
		for (i = 0; known[i] != NULL && strcmp(known[i], key) != 0;)
			i++;
		if (known[i] == NULL)
			return bh_kube_refuse(p, "%s has no '%.60s'", what, key);
	}
	return 0;
}

/* Characters that JSON has in texts as they are and YAML reads as the end of a line, as a mark, or not at all (YAML 1.1 4.1.1, 4.1.4). Bytes
 * of it; 0: it is none of them. */
static size_t
yaml_escape(const char *at, unsigned *c)
{
	const unsigned char *p = (const unsigned char *)at;

	*c = p[0];
	if (p[0] == 0x7f)
		return 1;
	if (p[0] == 0xc2 && p[1] < 0xa0)
		return *c = p[1], 2;
	if (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
		return *c = 0x2000u | (p[2] & 0x3fu), 3;
	if (p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
		return *c = 0xfeff, 3;
	return 0;
}

int
bh_kube_write_line(struct bh_buf *out, const char *before, const json_t *o)
{
	char *text = json_dumps(o, 0);
	const char *at, *from;
	unsigned c;
	size_t n;

	if (text == NULL)
		return -ENOMEM;
	bh_buf_printf(out, "    %s", before);
	for (at = from = text; *at != '\0'; at += n != 0 ? n : 1) {
		n = yaml_escape(at, &c);
		if (n == 0)
			continue;
		bh_buf_add(out, from, (size_t)(at - from));
		bh_buf_printf(out, "\\u%04x", c);
		from = at + n;
	}
	bh_buf_add(out, from, (size_t)(at - from));
	bh_buf_str(out, "\n");
	free(text);
	return out->failed ? -ENOMEM : 0;
}

/* ---- segments ----------------------------------------------------------------------------------------------------- */

static int
write_segment(struct bh_kube_writing *p, const struct bh_kube_wish *w)
{
	static const char *const known[] = {"selector", "addresses", "names",
					    "within",   "comment",   NULL};
	const json_t *selector = json_object_get(w->spec, "selector");
	json_t *o = NULL, *narrow;
	char before[400];
	int rc = bh_kube_known_keys(p, w->spec, known, "spec");

	if (rc == 0 && selector != NULL && !json_is_string(selector))
		rc = bh_kube_refuse(
			p, "spec.selector is a text, such as \"app = web, tier in (a, b)\"");
	if (rc != 0)
		return rc;
	o = json_deep_copy(w->spec);
	if (o != NULL && selector != NULL) {
		const char *text = json_string_value(selector);

		narrow = json_sprintf(BH_LABEL_CLUSTER " = %s%s%s", bh_kube_cluster_of(p, w),
				      text[strspn(text, " \t")] != '\0' ? ", " : "", text);
		rc = json_object_set_new(o, "selector", narrow) == 0 ? 0 : -ENOMEM;
	}
	snprintf(before, sizeof(before), "\"%s/%s\": ", bh_kube_cluster_of(p, w), w->name);
	if (o == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = bh_kube_write_line(&p->segments, before, o);
	json_decref(o);
	return rc;
}

/* ---- rules -------------------------------------------------------------------------------------------------------- */

/* A segment's name as it is in the document. *own: it is pods of the cluster by labels alone. */
static json_t *
side_name(struct bh_kube_writing *p, const struct bh_kube_wish *w, const char *name, bool *own)
{
	static const char *const reserved[] = {"any", "external", "unknown", "nodes"};
	const json_t *spec = json_object_get(p->segment[w->source], name);
	size_t i;

	if (spec != NULL) {
		*own = json_object_get(spec, "selector") != NULL &&
		       json_object_get(spec, "addresses") == NULL &&
		       json_object_get(spec, "names") == NULL;
		return json_sprintf("%s/%s", bh_kube_cluster_of(p, w), name);
	}
	*own = false;
	for (i = 0; i < BH_ARRAY_SIZE(reserved); i++) {
		if (strcmp(reserved[i], name) == 0)
			return json_string(name);
	}
	if (strncmp(name, BH_KUBE_GATEWAYS, strlen(BH_KUBE_GATEWAYS)) == 0)
		return json_string(name + strlen(BH_KUBE_GATEWAYS));
	bh_kube_refuse(
		p,
		"no BulkheadSegment is called '%.100s'; those of the gateway's own policy are "
		"'" BH_KUBE_GATEWAYS "NAME'",
		name);
	return NULL;
}

int
bh_kube_write_side(struct bh_kube_writing *p, const struct bh_kube_wish *w, const char *key,
		   json_t *rule, bool *own)
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
		rc = bh_kube_refuse(p, "'%s' has to be a list of segments", key);
	*own = true;
	json_array_foreach(side, i, v)
	{
		if (rc == 0 && !json_is_string(v))
			rc = bh_kube_refuse(p, "'%s' is a list of names of segments", key);
		name = rc == 0 ? side_name(p, w, json_string_value(v), &one) : NULL;
		if (rc == 0 && name == NULL)
			rc = -EINVAL;
		else if (rc == 0)
			rc = json_array_append_new(names, name) == 0 ? 0 : -ENOMEM;
		*own &= rc == 0 && one;
	}
	if (rc == 0)
		rc = json_object_set(rule, key, names);
	json_decref(side);
	json_decref(names);
	return rc;
}

static int
write_rule(struct bh_kube_writing *p, const struct bh_kube_wish *w, const json_t *spec,
	   size_t index)
{
	static const char *const known[] = {"id",      "from",    "to",    "ports",  "applications",
					    "action",  "denied",  "owner", "reason", "expires",
					    "comment", "sensors", NULL};
	const char *id = json_string_value(json_object_get(spec, "id"));
	json_t *rule, *name;
	bool from = false, to = false;
	char what[40];
	int rc;

	snprintf(what, sizeof(what), "rule %zu", index + 1);
	rc = bh_kube_known_keys(p, spec, known, what);
	if (rc != 0)
		return rc;
	rule = json_deep_copy(spec);
	name = id != NULL ? json_sprintf("%s/%s/%s", bh_kube_cluster_of(p, w), w->name, id)
			  : json_sprintf("%s/%s/%zu", bh_kube_cluster_of(p, w), w->name, index + 1);
	if (rule == NULL || json_object_set_new(rule, "id", name) != 0)
		rc = -ENOMEM;
	if (rc == 0)
		rc = bh_kube_write_side(p, w, "from", rule, &from);
	if (rc == 0)
		rc = bh_kube_write_side(p, w, "to", rule, &to);
	if (rc == 0 && !from && !to)
		rc = bh_kube_refuse(
			p,
			"%s: one end must be BulkheadSegments that have a selector alone: a "
			"cluster decides about its own pods",
			what);
	if (rc == 0)
		rc = bh_kube_write_rule_sensors(p, w, rule, json_string_value(name));
	json_object_del(rule, "sensors");
	if (rc == 0)
		rc = bh_kube_write_line(&p->rules, "- ", rule);
	json_decref(rule);
	return rc;
}

static int
write_policy(struct bh_kube_writing *p, const struct bh_kube_wish *w)
{
	static const char *const known[] = {"order", "rules", NULL};
	const json_t *rules = json_object_get(w->spec, "rules"), *rule;
	size_t i;
	int rc = bh_kube_known_keys(p, w->spec, known, "spec");

	if (rc == 0 && !json_is_array(rules))
		rc = bh_kube_refuse(p, "spec needs 'rules', a list");
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
write_policies(struct bh_kube_writing *p)
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

/* ---- all of it -------------------------------------------------------------------------------------------------------- */

/* Whom others may name. */
static int
note_names(struct bh_kube_writing *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		const struct bh_kube_wish *w = &p->wish[i];
		json_t **names = w->kind == BH_KUBE_SEGMENT  ? &p->segment[w->source]
				 : w->kind == BH_KUBE_SENSOR ? &p->sensor[w->source]
							     : NULL;

		if (json_is_null(w->spec))
			return bh_kube_refuse(
				p, "policies of this cluster are too large, or too many");
		if (names == NULL)
			continue;
		if (*names == NULL)
			*names = json_object();
		if (json_object_set(*names, w->name, (json_t *)w->spec) != 0)
			return -ENOMEM;
	}
	return 0;
}

static int
write_each(struct bh_kube_writing *p, uint8_t kind,
	   int (*write)(struct bh_kube_writing *, const struct bh_kube_wish *))
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < p->n; i++) {
		if (p->wish[i].kind == kind)
			rc = write(p, &p->wish[i]);
	}
	return rc;
}

/* Only what there is has its key. */
static void
put_all(const struct bh_kube_writing *p, struct bh_buf *out)
{
	const struct {
		const char *key;
		const struct bh_buf *lines;
	} parts[] = {{"segments", &p->segments},
		     {"rules", &p->rules},
		     {"sensors", &p->sensors},
		     {"attach", &p->attach}};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(parts); i++) {
		if (parts[i].lines->len == 0)
			continue;
		if (out->len == 0)
			bh_buf_str(out, "clusters:\n");
		bh_buf_printf(out, "  %s:\n", parts[i].key);
		bh_buf_add(out, parts[i].lines->data, parts[i].lines->len);
	}
}

int
bh_kube_part(const struct bh_kube_wish *w, size_t n, const struct bh_config *config,
	     struct bh_buf *out, struct bh_err *err)
{
	struct bh_kube_writing p = {.wish = w, .n = n, .config = config, .err = err};
	unsigned i;
	int rc = note_names(&p);

	if (rc == 0)
		rc = write_each(&p, BH_KUBE_SEGMENT, write_segment);
	if (rc == 0)
		rc = write_policies(&p);
	if (rc == 0)
		rc = write_each(&p, BH_KUBE_SENSOR, bh_kube_write_sensor);
	for (i = 0; rc == 0 && i < config->n_sources; i++)
		rc = bh_kube_write_netpols(&p, i);
	if (rc == 0)
		put_all(&p, out);
	if (p.segments.failed || p.rules.failed || p.sensors.failed || p.attach.failed ||
	    out->failed || rc == -ENOMEM)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	for (i = 0; i < BH_CONFIG_SOURCES; i++) {
		json_decref(p.segment[i]);
		json_decref(p.sensor[i]);
	}
	bh_buf_free(&p.segments);
	bh_buf_free(&p.rules);
	bh_buf_free(&p.sensors);
	bh_buf_free(&p.attach);
	return rc;
}
