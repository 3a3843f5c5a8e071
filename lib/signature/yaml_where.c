/* Where sensors apply: attachments and exceptions, and whom they name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../inspect/inspect.h"
#include "signature_priv.h"

int
bh_sig_action(const struct bh_yaml_doc *doc, const struct bh_yaml *node, uint8_t *out,
	      struct bh_err *err)
{
	const char *words[BH_SENSOR_QUARANTINE + 1];
	unsigned i;
	int rc;

	if (node == NULL)
		return 0;
	for (i = BH_SENSOR_ALERT; i <= BH_SENSOR_QUARANTINE; i++)
		words[i - BH_SENSOR_ALERT] = bh_sensor_action_name(i);
	words[BH_SENSOR_QUARANTINE] = NULL;
	rc = bh_yaml_enum(doc, node, words, &i, err);
	if (rc == 0)
		*out = (uint8_t)(i + BH_SENSOR_ALERT);
	return rc;
}

/* A list of names, or one; "*" alone: all of them. */
static int
read_names(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *node,
	   struct bh_signature_names *out)
{
	const struct bh_yaml *const *item =
		(const struct bh_yaml *const *)(node != NULL ? node->item : NULL);
	const char *text, **name = NULL;
	size_t n, i;
	int rc = 0;

	if (node == NULL)
		return 0;
	n = node->type == BH_YAML_LIST ? node->n : 1;
	if (node->type != BH_YAML_LIST)
		item = &node;
	if (n == 0)
		return bh_yaml_err(doc, node, s->err,
				   "an empty list names nothing: leave the key out for all");
	for (i = 0; rc == 0 && i < n; i++) {
		rc = bh_yaml_str(doc, item[i], &text, s->err);
		if (rc == 0 && n == 1 && strcmp(text, "*") == 0)
			return 0;
		if (rc == 0 && strcmp(text, "*") == 0)
			return bh_yaml_err(doc, item[i], s->err,
					   "'*' means all: write it alone, or leave the key out");
		if (rc == 0)
			rc = bh_sig_add_name(s, text, &name, &out->n);
	}
	out->name = name;
	return rc;
}

int
bh_sig_add_name(struct bh_sig *s, const char *text, const char ***name, size_t *n)
{
	const char *kept = bh_arena_text(&s->arena, text, strlen(text));

	if (kept == NULL || bh_arena_push(&s->arena, name, n, &kept, sizeof(kept)) != 0)
		return bh_sig_nomem(s);
	return 0;
}

static int
read_lists(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *map,
	   struct bh_signature_where *w)
{
	const struct {
		const char *key;
		struct bh_signature_names *names;
	} lists[] = {
		{"rules", &w->rules},           {"segments", &w->segments}, {"peers", &w->peers},
		{"allowed_by", &w->allowed_by}, {"paths", &w->paths},       {"where", &w->where},
	};
	unsigned i;
	int rc = 0;

	for (i = 0; rc == 0 && i < BH_ARRAY_SIZE(lists); i++)
		rc = read_names(s, doc, bh_yaml_get(map, lists[i].key), lists[i].names);
	return rc;
}

/* A path that no request can have, a place that no finding has: such an exception would say nothing. */
static int
check_places(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *map,
	     const struct bh_signature_where *w)
{
	size_t i, n;
	unsigned k;

	for (i = 0; i < w->paths.n; i++) {
		if (w->paths.name[i][0] != '/' && w->paths.name[i][0] != '*')
			return bh_yaml_err(doc, bh_yaml_get(map, "paths"), s->err,
					   "path '%.60s' does not begin with '/' or '*'",
					   w->paths.name[i]);
	}
	for (i = 0; i < w->where.n; i++) {
		const char *place = w->where.name[i];

		n = strcspn(place, " ");
		for (k = 0; k <= BH_AT_STREAM; k++) {
			if (strncmp(place, bh_inspect_where_name(k), n) == 0 &&
			    bh_inspect_where_name(k)[n] == '\0')
				break;
		}
		if (k > BH_AT_STREAM && bh_sensor_context_find(place, n) == BH_SENSOR_CONTEXTS)
			return bh_yaml_err(doc, bh_yaml_get(map, "where"), s->err,
					   "'%.60s' is no place: write it as 'where' of the alert "
					   "has it, 'argument q' for instance",
					   place);
	}
	return 0;
}

static int
read_where(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *map,
	   struct bh_signature_where *w)
{
	static const char *const sides[] = {"either", "server", "client", NULL};
	const struct bh_yaml *sensor = bh_yaml_get(map, "sensor"), *side = bh_yaml_get(map, "side");
	const char *text;
	unsigned i = 0;
	int rc = 0;

	w->class = BH_INSPECT_CLASS_COUNT;
	w->file = bh_sig_file_index(s);
	w->line = map->line + s->base;
	w->column = map->column;
	if (sensor != NULL) {
		rc = bh_yaml_str(doc, sensor, &text, s->err);
		if (rc != 0)
			return rc;
		w->line = sensor->line + s->base;
		w->column = sensor->column;
		w->sensor = strcmp(text, "*") != 0 ? bh_arena_text(&s->arena, text, strlen(text))
						   : NULL;
		if (w->sensor == NULL && strcmp(text, "*") != 0)
			return bh_sig_nomem(s);
	}
	rc = read_lists(s, doc, map, w);
	if (rc == 0 && side != NULL)
		rc = bh_yaml_enum(doc, side, sides, &i, s->err);
	w->side = (uint8_t)i;
	return rc != 0 ? rc : check_places(s, doc, map, w);
}

static int
must_list(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *list,
	  const char *what)
{
	char found[BH_FOUND_LEN];

	if (list->type == BH_YAML_LIST)
		return 0;
	return bh_yaml_err(doc, list, s->err, "expected a list of %s, found %s", what,
			   bh_yaml_found(list, found, sizeof(found)));
}

int
bh_sig_read_attachments(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *list)
{
	static const char *const known[] = {"sensor", "rules",      "segments", "peers", "side",
					    "action", "allowed_by", "comment",  NULL};
	size_t i;
	int rc = must_list(s, doc, list, "attachments");

	for (i = 0; rc == 0 && i < list->n; i++) {
		const struct bh_yaml *map = list->item[i];
		struct bh_signature_where w = {.action = BH_SENSOR_ALERT};

		rc = bh_yaml_check_map(doc, map, "an attachment", known, s->err);
		if (rc == 0 && bh_yaml_get(map, "sensor") == NULL)
			rc = bh_yaml_err(doc, map, s->err,
					 "an attachment needs 'sensor': a name, or '*'");
		if (rc == 0)
			rc = read_where(s, doc, map, &w);
		if (rc == 0)
			rc = bh_sig_action(doc, bh_yaml_get(map, "action"), &w.action, s->err);
		if (rc == 0)
			rc = bh_sig_attach(s, &w);
	}
	return rc;
}

int
bh_sig_attach(struct bh_sig *s, const struct bh_signature_where *w)
{
	bh_sig_file(s)->attachments++;
	return bh_arena_push(&s->arena, &s->attachment, &s->n_attachments, w, sizeof(*w)) == 0
		       ? 0
		       : bh_sig_nomem(s);
}

int
bh_sig_read_exceptions(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *list,
		       const char *sensor)
{
	static const char *const top[] = {"rules", "segments", "peers",      "side",   "paths",
					  "where", "comment",  "allowed_by", "sensor", NULL};
	static const char *const inside[] = {"rules", "segments", "peers",   "side", "allowed_by",
					     "paths", "where",    "comment", NULL};
	size_t i;
	int rc = must_list(s, doc, list, "exceptions");

	for (i = 0; rc == 0 && i < list->n; i++) {
		const struct bh_yaml *map = list->item[i];
		struct bh_signature_where w = {0};

		rc = bh_yaml_check_map(doc, map, "an exception", sensor != NULL ? inside : top,
				       s->err);
		if (rc == 0)
			rc = read_where(s, doc, map, &w);
		if (rc != 0)
			return rc;
		if (sensor != NULL)
			w.sensor = sensor;
		if (w.sensor == NULL &&
		    w.rules.n + w.segments.n + w.peers.n + w.allowed_by.n + w.paths.n + w.where.n ==
			    0)
			return bh_yaml_err(
				doc, map, s->err,
				"an exception of everything: name a sensor, rules, segments, "
				"peers, allowed_by, paths or where");
		bh_sig_file(s)->exceptions++;
		if (bh_arena_push(&s->arena, &s->exception, &s->n_exceptions, &w, sizeof(w)) != 0)
			return bh_sig_nomem(s);
	}
	return rc;
}

/* ---- names -------------------------------------------------------------------------------------------- */

static int
where_err(struct bh_sig *s, const struct bh_signature_where *w, const char *what, const char *name,
	  const char *best)
{
	snprintf(s->err->file, sizeof(s->err->file), "%s", s->file[w->file].name);
	s->err->line = w->line;
	s->err->column = w->column;
	return bh_err_set(s->err, EINVAL, "no %s is called '%.60s'%s%.60s%s", what, name,
			  best != NULL ? ": did you mean '" : "", best != NULL ? best : "",
			  best != NULL ? "'?" : "");
}

static int
no_sensor(struct bh_sig *s, const struct bh_signature_where *w)
{
	const struct bh_sensor *sensor;
	const char *best = NULL;
	unsigned distance = 0, i;

	for (sensor = s->model->sensors; sensor != NULL; sensor = sensor->next)
		bh_word_nearest(w->sensor, sensor->name, &best, &distance);
	for (i = 0; i < BH_INSPECT_CLASS_COUNT; i++)
		bh_word_nearest(w->sensor, bh_inspect_class_info(i)->key, &best, &distance);
	return where_err(s, w, "sensor", w->sensor, best);
}

static bool
sensor_has(const struct bh_sensor *sensor, const char *rule, const char **best, unsigned *distance)
{
	const struct bh_sensor_rule *r;

	for (r = sensor->rules; r != NULL; r = r->next) {
		if (strcmp(r->name, rule) == 0)
			return true;
		bh_word_nearest(rule, r->name, best, distance);
	}
	return false;
}

/* Rules are named within their sensor; where that is '*', in any. */
static int
resolve_rules(struct bh_sig *s, const struct bh_signature_where *w)
{
	const struct bh_sensor *sensor;
	const char *best = NULL;
	unsigned distance = 0;
	size_t i;

	if (w->class != BH_INSPECT_CLASS_COUNT && w->rules.n != 0)
		return where_err(s, w, "rule of a built-in sensor", w->rules.name[0], NULL);
	for (i = 0; i < w->rules.n; i++) {
		for (sensor = s->model->sensors; sensor != NULL; sensor = sensor->next) {
			if ((w->found == NULL || w->found == sensor) &&
			    sensor_has(sensor, w->rules.name[i], &best, &distance))
				break;
		}
		if (sensor == NULL)
			return where_err(s, w, "rule", w->rules.name[i], best);
	}
	return 0;
}

static int
resolve_one(struct bh_sig *s, struct bh_signature_where *w)
{
	if (w->sensor != NULL) {
		w->found = bh_sig_name_get(&s->sensors, w->sensor);
		if (w->found == NULL)
			w->class = bh_sig_builtin(w->sensor);
		if (w->found == NULL && w->class == BH_INSPECT_CLASS_COUNT)
			return no_sensor(s, w);
	}
	return resolve_rules(s, w);
}

int
bh_sig_resolve(struct bh_sig *s)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < s->n_attachments; i++)
		rc = resolve_one(s, &s->attachment[i]);
	for (i = 0; rc == 0 && i < s->n_exceptions; i++)
		rc = resolve_one(s, &s->exception[i]);
	return rc;
}
