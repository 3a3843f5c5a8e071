/* The container firewall's documents: DLP and WAF sensors as custom resources, and where its security rules attach
 * them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "signature_priv.h"

/* Reading one document. */
struct reading {
	struct bh_sig *s;
	const struct bh_yaml_doc *doc;
};

static const struct bh_yaml *
get(const struct bh_yaml *node, const char *key)
{
	const struct bh_yaml *v =
		node != NULL && node->type == BH_YAML_MAP ? bh_yaml_get(node, key) : NULL;

	return v == NULL || bh_yaml_is_null(v) ? NULL : v;
}

static const char *
word(const struct bh_yaml *node, const char *key)
{
	const struct bh_yaml *v = get(node, key);

	return v != NULL && v->type == BH_YAML_SCALAR ? v->text : "";
}

static int
changed(const struct reading *r, const struct bh_yaml *at, const char *fmt, const char *name)
{
	const struct bh_signature_note n = {.fate = BH_SIGNATURE_CHANGED,
					    .file = bh_sig_file_index(r->s),
					    .line = at->line + r->s->base,
					    .column = at->column};
	char text[256];

	snprintf(text, sizeof(text), fmt, name);
	return bh_sig_note(r->s, &n, "%s", text) == 0 ? 0 : bh_sig_nomem(r->s);
}

/* A group's name as import gives it to the segment: what segments' names may not hold is '-'. */
static const char *
segment_name(struct bh_sig *s, const char *group)
{
	char *name = bh_arena_text(&s->arena, group, strlen(group)), *p;

	for (p = name; p != NULL && *p != '\0'; p++) {
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		      (*p >= '0' && *p <= '9') || strchr("-_./", *p) != NULL))
			*p = '-';
	}
	return name;
}

static int
attach(const struct reading *r, const struct bh_yaml *name, uint8_t action, const char *segment,
       bool waf)
{
	static const char *const external[] = {"external"};
	struct bh_signature_where w = {.action = action,
				       .file = bh_sig_file_index(r->s),
				       .line = name->line + r->s->base,
				       .column = name->column};
	const char **names = NULL;
	int rc = bh_sig_add_name(r->s, segment, &names, &w.segments.n);

	w.segments.name = names;
	w.class = BH_SIG_NO_CLASS;
	w.sensor = bh_arena_text(&r->s->arena, name->text, strlen(name->text));
	if (rc != 0 || w.sensor == NULL)
		return rc != 0 ? rc : bh_sig_nomem(r->s);
	/* A DLP sensor looks at what crosses the border of the group; a WAF sensor at what comes in, and at what
	 * goes out to the outside world. */
	w.side = waf ? BH_SIGNATURE_SERVER : BH_SIGNATURE_EITHER;
	rc = bh_sig_attach(r->s, &w);
	if (rc != 0 || !waf)
		return rc;
	w.side = BH_SIGNATURE_CLIENT;
	w.peers = (struct bh_signature_names){external, 1};
	return bh_sig_attach(r->s, &w);
}

static int
read_setting(const struct reading *r, const struct bh_yaml *map, const char *segment, bool waf)
{
	static const char *const known[] = {"name", "action", NULL};
	static const char *const actions[] = {"allow", "deny", NULL};
	const struct bh_yaml *name, *action;
	const char *text;
	unsigned i = 0;
	int rc = bh_yaml_check_map(r->doc, map, "a setting", known, r->s->err);

	if (rc != 0)
		return rc;
	name = get(map, "name");
	action = get(map, "action");
	if (name == NULL || action == NULL)
		return bh_yaml_err(r->doc, map, r->s->err, "a setting needs 'name' and 'action'");
	rc = bh_yaml_str(r->doc, name, &text, r->s->err);
	if (rc == 0)
		rc = bh_yaml_enum(r->doc, action, actions, &i, r->s->err);
	if (rc != 0)
		return rc;
	return attach(r, name, i == 0 ? BH_SENSOR_ALERT : BH_SENSOR_DENY, segment, waf);
}

/* spec.dlp, spec.waf: {status, settings: [{name, action}]} */
static int
read_settings(const struct reading *r, const struct bh_yaml *map, const char *segment, bool waf)
{
	static const char *const known[] = {"status", "settings", NULL};
	const struct bh_yaml *status, *list;
	char found[BH_FOUND_LEN];
	bool on = true;
	size_t i;
	int rc;

	if (map == NULL)
		return 0;
	rc = bh_yaml_check_map(r->doc, map, waf ? "spec.waf" : "spec.dlp", known, r->s->err);
	status = rc == 0 ? get(map, "status") : NULL;
	list = rc == 0 ? get(map, "settings") : NULL;
	if (status != NULL)
		rc = bh_yaml_bool(r->doc, status, &on, r->s->err);
	if (rc != 0 || list == NULL)
		return rc;
	if (list->type != BH_YAML_LIST)
		return bh_yaml_err(r->doc, list, r->s->err, "expected a list of settings, found %s",
				   bh_yaml_found(list, found, sizeof(found)));
	if (!on && list->n != 0)
		return changed(r, status,
			       "status is false: the sensors of group '%.100s' are not "
			       "attached",
			       segment);
	for (i = 0; rc == 0 && i < list->n; i++)
		rc = read_setting(r, list->item[i], segment, waf);
	return rc;
}

static int
read_security_rule(const struct reading *r, const struct bh_yaml *doc, const struct bh_yaml *spec)
{
	const char *group = word(get(get(spec, "target"), "selector"), "name"), *segment;
	int rc;

	if (get(spec, "dlp") == NULL && get(spec, "waf") == NULL)
		return 0;
	if (group[0] == '\0')
		return bh_yaml_err(r->doc, doc, r->s->err, "spec.target.selector.name is missing");
	segment = segment_name(r->s, group);
	if (segment == NULL)
		return bh_sig_nomem(r->s);
	rc = read_settings(r, get(spec, "dlp"), segment, false);
	return rc != 0 ? rc : read_settings(r, get(spec, "waf"), segment, true);
}

static int
read_one(const struct reading *r, const struct bh_yaml *doc)
{
	const char *kind = word(doc, "kind");
	const struct bh_yaml *spec = get(doc, "spec"), *sensor;
	bool dlp = strcmp(kind, "NvDlpSecurityRule") == 0,
	     waf = strcmp(kind, "NvWafSecurityRule") == 0;

	if (!dlp && !waf && strcmp(kind, "NvSecurityRule") != 0 &&
	    strcmp(kind, "NvClusterSecurityRule") != 0)
		return changed(r, doc, "kind '%.60s' holds no sensors: left out", kind);
	if (spec == NULL || spec->type != BH_YAML_MAP)
		return bh_yaml_err(r->doc, doc, r->s->err, "%.40s needs 'spec'", kind);
	if (!dlp && !waf)
		return read_security_rule(r, doc, spec);
	sensor = get(spec, "sensor");
	if (sensor == NULL)
		return bh_yaml_err(r->doc, spec, r->s->err, "spec.sensor is missing");
	return bh_sig_read_sensor(r->s, r->doc, sensor, true);
}

int
bh_sig_read_nv(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *root)
{
	const struct reading r = {s, doc};
	const struct bh_yaml *items = get(root, "items");
	const char *kind = word(root, "kind");
	size_t len = strlen(kind), i;
	char found[BH_FOUND_LEN];
	int rc = 0;

	if (items == NULL || (len >= 4 && strcmp(kind + len - 4, "List") != 0))
		return read_one(&r, root);
	if (items->type != BH_YAML_LIST)
		return bh_yaml_err(doc, items, s->err, "expected a list of items, found %s",
				   bh_yaml_found(items, found, sizeof(found)));
	for (i = 0; rc == 0 && i < items->n; i++) {
		if (items->item[i]->type != BH_YAML_MAP)
			return bh_yaml_err(doc, items->item[i], s->err,
					   "expected a resource, found %s",
					   bh_yaml_found(items->item[i], found, sizeof(found)));
		rc = read_one(&r, items->item[i]);
	}
	return rc;
}
