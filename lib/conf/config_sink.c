/* Reader of `sinks`: base/sink.def says which types, forms and targets there are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf_priv.h"

#define WORDS_MAX 10

static const struct line {
	const char *name, *key, *forms, *schemes, *kinds, *options;
} lines[] = {
#define BH_SINK(sym, n, key, forms, schemes, kinds, options, text)                                 \
	{#n, key, forms, schemes, kinds, options},
#include "../base/sink.def"
#undef BH_SINK
};

static const char *const kind_words[] = {
#define BH_SINK_KIND(sym, type) type,
#include "../base/sink_kind.def"
#undef BH_SINK_KIND
	NULL};

/* "a b c" as a list that ends with NULL. */
static void
split(const char *list, char store[128], const char *word[WORDS_MAX + 1])
{
	char *p, *save = NULL;
	size_t n = 0;

	snprintf(store, 128, "%s", list);
	for (p = strtok_r(store, " ", &save); p != NULL && n < WORDS_MAX;
	     p = strtok_r(NULL, " ", &save))
		word[n++] = p;
	word[n] = NULL;
}

static int
read_text(struct bh_config_reader *r, const struct bh_yaml *map, const char *key, char *out,
	  size_t size)
{
	const struct bh_yaml *node = bh_yaml_get(map, key);
	const char *text;
	int rc = 0;

	if (node == NULL)
		return 0;
	rc = bh_yaml_str(r->doc, node, &text, r->err);
	if (rc == 0 && strlen(text) >= size)
		rc = bh_yaml_err(r->doc, node, r->err, "at most %zu bytes", size - 1);
	if (rc == 0)
		snprintf(out, size, "%s", text);
	return rc;
}

/* What is wrong with a target is told without showing it: a webhook's is a secret. */
static int
read_target(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_config_sink *s)
{
	const struct line *l = &lines[s->type];
	const char *word[WORDS_MAX + 1];
	char store[128];
	size_t i, n;
	int rc = read_text(r, map, l->key, s->to, sizeof(s->to));

	if (rc != 0)
		return rc;
	if (s->to[0] == '\0')
		return bh_yaml_err(r->doc, map, r->err, "a sink of type %s lacks '%s'", l->name,
				   l->key);
	if (s->type == BH_SINK_WEBHOOK && bh_secret_place(s->to, NULL) != BH_SECRET_FILE)
		return 0;
	split(l->schemes, store, word);
	for (i = 0; word[i] != NULL; i++) {
		n = strlen(word[i]);
		if (strncmp(s->to, word[i], n) == 0 && strncmp(s->to + n, "://", 3) == 0 &&
		    s->to[n + 3] != '\0')
			return 0;
	}
	return bh_yaml_err(r->doc, bh_yaml_get(map, l->key), r->err,
			   "a sink of type %s goes to SCHEME://HOST:PORT or the like, with one of "
			   "these schemes: %s",
			   l->name, l->schemes);
}

static int
read_kinds(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_config_sink *s)
{
	const struct bh_yaml *node = bh_yaml_get(map, "kinds");
	const char *word[WORDS_MAX + 1];
	char store[128], found[BH_FOUND_LEN];
	unsigned kind;
	size_t i, k;
	int rc = 0;

	if (node == NULL) {
		split(lines[s->type].kinds, store, word);
		for (i = 0; word[i] != NULL; i++) {
			for (k = 0; kind_words[k] != NULL; k++)
				s->kinds |= (uint8_t)((strcmp(word[i], kind_words[k]) == 0) << k);
		}
		return 0;
	}
	if (node->type != BH_YAML_LIST || node->n == 0)
		return bh_yaml_err(r->doc, node, r->err, "expected a list of kinds, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = bh_yaml_enum(r->doc, node->item[i], kind_words, &kind, r->err);
		if (rc == 0)
			s->kinds |= (uint8_t)(1u << kind);
	}
	return rc;
}

/* It is a folder's name, and a label of metrics. */
static int
read_name(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_config_sink *s)
{
	uint32_t h = 2166136261u;
	const char *p;
	int rc = read_text(r, map, "name", s->name, sizeof(s->name));

	if (rc != 0)
		return rc;
	if (s->name[0] == '\0') {
		/* Of the target: a spool never goes to another one after the list has changed. */
		for (p = s->to; *p != '\0'; p++)
			h = (h ^ (uint8_t)*p) * 16777619u;
		snprintf(s->name, sizeof(s->name), "%s-%08x", lines[s->type].name, h);
		return 0;
	}
	if (s->name[0] == '.' ||
	    s->name[strspn(s->name,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] !=
		    '\0')
		return bh_yaml_err(r->doc, bh_yaml_get(map, "name"), r->err,
				   "a sink's name may hold letters, digits, '-', '_' and '.', and "
				   "begins with none of these dots");
	return 0;
}

/* What sink_option.def names and the map says; else the default. */
static int
read_options(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_sink_options *o)
{
	const struct bh_yaml *node;
	uint64_t v;
	int rc = 0;

#define BH_SINK_NUMBER(field, key, def, min, max)                                                  \
	node = bh_yaml_get(map, key);                                                              \
	v = def;                                                                                   \
	if (rc == 0 && node != NULL)                                                               \
		rc = bh_yaml_u64(r->doc, node, min, max, &v, r->err);                              \
	o->field = (uint32_t)v;
#define BH_SINK_TIME(field, key, def, min, max)                                                    \
	node = bh_yaml_get(map, key);                                                              \
	v = def;                                                                                   \
	if (rc == 0 && node != NULL)                                                               \
		rc = bh_yaml_duration_ms(r->doc, node, min, max, &v, r->err);                      \
	o->field = (uint32_t)v;
#define BH_SINK_FILE(field, key) BH_SINK_TEXT(field, key, "")
#define BH_SINK_SECRET(field, key) BH_SINK_TEXT(field, key, "")
#define BH_SINK_TEXT(field, key, def)                                                              \
	snprintf(o->field, sizeof(o->field), "%s", def);                                           \
	if (rc == 0)                                                                               \
		rc = read_text(r, map, key, o->field, sizeof(o->field));
#include "../base/sink_option.def"
#undef BH_SINK_NUMBER
#undef BH_SINK_TIME
#undef BH_SINK_FILE
#undef BH_SINK_SECRET
#undef BH_SINK_TEXT
	return rc;
}

static int
read_sink(struct bh_config_reader *r, const struct bh_yaml *map, struct bh_config_sink *s)
{
	static const char *const types[] = {
#define BH_SINK(sym, n, key, forms, schemes, kinds, options, text) #n,
#include "../base/sink.def"
#undef BH_SINK
		NULL};
	const struct bh_yaml *type = bh_yaml_get(map, "type"), *form;
	const char *known[WORDS_MAX + 4] = {"type", NULL, "name"};
	const char *word[WORDS_MAX + 1];
	char store[128], known_store[128];
	unsigned choice = 0;
	int rc;

	if (type == NULL)
		return bh_yaml_err(r->doc, map, r->err, "a sink lacks 'type'");
	rc = bh_yaml_enum(r->doc, type, types, &choice, r->err);
	if (rc != 0)
		return rc;
	s->type = (uint8_t)choice;
	known[1] = lines[choice].key;
	split(lines[choice].options, known_store, &known[3]);
	rc = bh_yaml_check_map(r->doc, map, "a sink", known, r->err);
	form = bh_yaml_get(map, "form");
	split(lines[choice].forms, store, word);
	choice = 0;
	if (rc == 0 && form != NULL)
		rc = bh_yaml_enum(r->doc, form, word, &choice, r->err);
	s->form = (uint8_t)choice;
	if (rc == 0)
		rc = read_target(r, map, s);
	if (rc == 0)
		rc = read_name(r, map, s);
	if (rc == 0)
		rc = read_text(r, map, "secret_file", s->secret_file, sizeof(s->secret_file));
	if (rc == 0)
		rc = read_options(r, map, &s->options);
	return rc == 0 ? read_kinds(r, map, s) : rc;
}

int
bh_config_read_sinks(struct bh_config_reader *r, const struct bh_yaml *node)
{
	size_t i, k;
	int rc;

	if (bh_yaml_is_null(node))
		return 0;
	rc = bh_config_check_maps(r, node, BH_CONFIG_SINKS, "sinks");
	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = read_sink(r, node->item[i], &r->c->sink[i]);
		for (k = 0; rc == 0 && k < i; k++) {
			if (strcmp(r->c->sink[k].name, r->c->sink[i].name) == 0)
				rc = bh_yaml_err(r->doc, node->item[i], r->err,
						 "two sinks are called %s: give one another 'name'",
						 r->c->sink[i].name);
		}
	}
	if (rc == 0)
		r->c->n_sinks = (unsigned)node->n;
	return rc;
}
