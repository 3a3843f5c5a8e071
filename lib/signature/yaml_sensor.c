/* Sensors as YAML: ours, and the container firewall's, which are the same with fewer words. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../inspect/inspect.h"
#include "signature_priv.h"

#define NAME_MAX_LEN 255
int
bh_sig_mistake(const struct bh_sig_reading *r, const struct bh_yaml *node, const char *what)
{
	return bh_yaml_err(r->doc, node, r->s->err, "%s", what);
}

/* A text member of a map, kept; *out stays when it is not there. */
int
bh_sig_text_of(struct bh_sig_reading *r, const struct bh_yaml *map, const char *key,
	       const char **out)
{
	const struct bh_yaml *node = bh_yaml_get(map, key);
	const char *text;
	int rc;

	if (node == NULL || bh_yaml_is_null(node) ||
	    (node->type == BH_YAML_SCALAR && node->text[0] == '\0'))
		return 0;
	rc = bh_yaml_str(r->doc, node, &text, r->s->err);
	if (rc != 0)
		return rc;
	*out = bh_sensor_text(r->s->model, text, strlen(text));
	return *out != NULL ? 0 : bh_sig_nomem(r->s);
}

/* Names stand in records: no control characters. */
int
bh_sig_name_of(struct bh_sig_reading *r, const struct bh_yaml *map, const char *what,
	       const char **out)
{
	const struct bh_yaml *node = bh_yaml_get(map, "name");
	const unsigned char *p;
	int rc;

	if (node == NULL)
		return bh_yaml_err(r->doc, map, r->s->err, "%s needs 'name'", what);
	rc = bh_yaml_str(r->doc, node, out, r->s->err);
	if (rc != 0)
		return rc;
	if (strcmp(*out, "*") == 0)
		return bh_sig_mistake(r, node, "'*' stands for every sensor: give it another name");
	for (p = (const unsigned char *)*out; *p != '\0'; p++) {
		if (*p < ' ' || *p == 0x7f)
			return bh_sig_mistake(r, node, "a control character in a name");
	}
	if (strlen(*out) > NAME_MAX_LEN)
		return bh_sig_mistake(r, node, "a name of more than 255 bytes");
	return 0;
}

int
bh_sig_severity(const struct bh_yaml_doc *doc, const struct bh_yaml *map, uint8_t *out,
		struct bh_err *err)
{
	static const char *const words[] = {"high", "medium", "low", NULL};
	const struct bh_yaml *node = bh_yaml_get(map, "severity");
	unsigned i = 0;
	int rc = 0;

	if (node != NULL) {
		rc = bh_yaml_enum(doc, node, words, &i, err);
		*out = (uint8_t)(i + 1);
	}
	return rc;
}

/* A member that is one of some words; *out stays when it is not there. */
int
bh_sig_word_of(struct bh_sig_reading *r, const struct bh_yaml *map, const char *key,
	       const char *const words[], uint8_t *out)
{
	const struct bh_yaml *node = bh_yaml_get(map, key);
	unsigned i;
	int rc;

	if (node == NULL)
		return 0;
	rc = bh_yaml_enum(r->doc, node, words, &i, r->s->err);
	if (rc == 0)
		*out = (uint8_t)i;
	return rc;
}

/* ---- sensors ----------------------------------------------------------------------------------------- */

/* Their predefined sensors are classes of ours, which look closer. */
static const struct {
	const char *theirs, *class;
} predefined[] = {
	{"sensor.ssn", "dlp.ssn"},
	{"sensor.creditcard", "dlp.card"},
	{"sensor.log4shell", "log4shell"},
	{"sensor.spring4shell", "java"},
};

unsigned
bh_sig_builtin(const char *name)
{
	unsigned class = bh_inspect_class_find(name);
	size_t i;

	if (strncmp(name, "fed.", 4) == 0)
		name += 4;
	for (i = 0; class == BH_INSPECT_CLASS_COUNT && i < BH_ARRAY_SIZE(predefined); i++) {
		if (strcmp(name, predefined[i].theirs) == 0)
			class = bh_inspect_class_find(predefined[i].class);
	}
	return class;
}

/* The name is nobody's yet; *built_in: there is such a class, and the document's own is left out. */
static int
fresh_sensor(struct bh_sig_reading *r, const struct bh_yaml *map, const char *name, bool *built_in)
{
	const struct bh_yaml *at = bh_yaml_get(map, "name");
	const struct bh_sensor *other = bh_sig_name_get(&r->s->sensors, name);
	unsigned class = bh_sig_builtin(name);

	*built_in = class != BH_INSPECT_CLASS_COUNT;
	if (other != NULL)
		return bh_yaml_err(r->doc, at, r->s->err,
				   "sensor '%.60s' is already in %.100s, line %u: give it another "
				   "name",
				   name, other->file, other->line);
	if (!*built_in)
		return 0;
	if (!r->nv)
		return bh_yaml_err(r->doc, at, r->s->err,
				   "'%.60s' is a built-in sensor: give this one another name",
				   name);
	return bh_sig_note(
		r->s,
		&(struct bh_signature_note){.fate = BH_SIGNATURE_CHANGED,
					    .file = bh_sig_file_index(r->s),
					    .line = at->line + r->s->base,
					    .column = at->column},
		"sensor '%.60s' is built in as '%s', which is used instead of these patterns", name,
		bh_inspect_class_info(class)->key);
}

static int
sensor_words(struct bh_sig_reading *r, const struct bh_yaml *map)
{
	struct bh_sensor *s = r->sensor;
	int rc = bh_sig_text_of(r, map, "comment", &s->comment);

	if (rc == 0)
		rc = bh_sig_text_of(r, map, "category", &s->category);
	if (rc == 0)
		rc = bh_sig_text_of(r, map, "attack", &s->attack);
	return rc != 0 ? rc : bh_sig_severity(r->doc, map, &s->severity, r->s->err);
}

static int
sensor_rules(struct bh_sig_reading *r, const struct bh_yaml *map)
{
	const struct bh_yaml *list = bh_yaml_get(map, "rules");
	struct bh_sig_names names = {0};
	char found[BH_FOUND_LEN];
	size_t i;
	int rc = 0;

	if (list == NULL || bh_yaml_is_null(list))
		return r->nv ? 0 : bh_sig_mistake(r, map, "a sensor needs 'rules'");
	if (list->type != BH_YAML_LIST)
		return bh_yaml_err(r->doc, list, r->s->err, "expected a list of rules, found %s",
				   bh_yaml_found(list, found, sizeof(found)));
	for (i = 0; rc == 0 && i < list->n; i++)
		rc = bh_sig_read_rule(r, list->item[i], &names);
	bh_sig_names_free(&names);
	return rc;
}

int
bh_sig_read_sensor(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *map,
		   bool nv)
{
	static const char *const ours[] = {"name",   "comment", "severity",   "category",
					   "attack", "rules",   "exceptions", NULL};
	static const char *const theirs[] = {"name",      "comment",  "rules", "groups",
					     "predefine", "cfg_type", NULL};
	struct bh_sig_reading r = {.s = s, .doc = doc, .nv = nv};
	const struct bh_yaml *exceptions;
	const char *name;
	bool built_in;
	int rc = bh_yaml_check_map(doc, map, "a sensor", nv ? theirs : ours, s->err);

	if (rc == 0)
		rc = bh_sig_name_of(&r, map, "a sensor", &name);
	if (rc == 0)
		rc = fresh_sensor(&r, map, name, &built_in);
	if (rc != 0 || built_in)
		return rc == -ENOMEM ? bh_sig_nomem(s) : rc;
	r.sensor = bh_sig_sensor(s, name);
	if (r.sensor == NULL)
		return bh_sig_nomem(s);
	r.sensor->line = map->line + s->base;
	rc = sensor_words(&r, map);
	if (rc == 0)
		rc = sensor_rules(&r, map);
	exceptions = nv ? NULL : bh_yaml_get(map, "exceptions");
	if (rc == 0 && exceptions != NULL)
		rc = bh_sig_read_exceptions(s, doc, exceptions, r.sensor->name);
	return rc;
}

int
bh_sig_read_sensors(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *list,
		    bool nv)
{
	char found[BH_FOUND_LEN];
	size_t i;
	int rc = 0;

	if (list->type != BH_YAML_LIST)
		return bh_yaml_err(doc, list, s->err, "expected a list of sensors, found %s",
				   bh_yaml_found(list, found, sizeof(found)));
	for (i = 0; rc == 0 && i < list->n; i++)
		rc = bh_sig_read_sensor(s, doc, list->item[i], nv);
	return rc;
}
