/* bulkhead.yaml: walks the document along the tables of config.def and config_list.def. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf_priv.h"

enum kind { KIND_U64, KIND_MS, KIND_BOOL, KIND_ENUM, KIND_STR, KIND_LIST };

struct key {
	const char *path;
	enum kind kind;
	size_t offset; /* in struct bh_config */
	uint64_t number, min, max;
	const char *text; /* STR: default; ENUM: words */
	int (*read)(struct bh_config_reader *r, const struct bh_yaml *node);
};

#define AT(field) offsetof(struct bh_config, field)
static const struct key keys[] = {
#define BH_CONFIG_U64(f, p, def, lo, hi, t)                                                        \
	{.path = p, .kind = KIND_U64, .offset = AT(f), .number = def, .min = lo, .max = hi},
#define BH_CONFIG_MS(f, p, def, lo, hi, t)                                                         \
	{.path = p, .kind = KIND_MS, .offset = AT(f), .number = def, .min = lo, .max = hi},
#define BH_CONFIG_BOOL(f, p, def, t) {.path = p, .kind = KIND_BOOL, .offset = AT(f), .number = def},
#define BH_CONFIG_ENUM(f, p, words, def, t)                                                        \
	{.path = p, .kind = KIND_ENUM, .offset = AT(f), .number = def, .text = words},
#define BH_CONFIG_STR(f, p, def, t) {.path = p, .kind = KIND_STR, .offset = AT(f), .text = def},
#include "config.def"
#undef BH_CONFIG_U64
#undef BH_CONFIG_MS
#undef BH_CONFIG_BOOL
#undef BH_CONFIG_ENUM
#undef BH_CONFIG_STR
#define BH_CONFIG_LIST(reader, p, form, def, t)                                                    \
	{.path = p, .kind = KIND_LIST, .read = bh_config_read_##reader},
#include "config_list.def"
#undef BH_CONFIG_LIST
};

#define STR_SIZE sizeof(((struct bh_config *)0)->policy_file)
#define PATH_MAX_LEN 128
#define KEYS_MAX (BH_ARRAY_SIZE(keys) + 1)

/* The index-th of words that stand in one text. */
static void
copy_word(const char *words, unsigned index, char *out, size_t size)
{
	for (; index > 0 && *words != '\0'; index--)
		words += strcspn(words, " ") + 1;
	snprintf(out, size, "%.*s", (int)strcspn(words, " "), words);
}

const char *
bh_config_value(const struct bh_config *c, size_t index, char value[BH_CONFIG_VALUE_MAX])
{
	const struct key *k = &keys[index];
	const char *field = (const char *)c + (index < BH_ARRAY_SIZE(keys) ? k->offset : 0);

	if (index >= BH_ARRAY_SIZE(keys) || k->kind == KIND_LIST)
		return NULL; /* the lists come last */
	if (k->kind == KIND_STR)
		snprintf(value, BH_CONFIG_VALUE_MAX, "%s", field);
	else if (k->kind == KIND_BOOL)
		snprintf(value, BH_CONFIG_VALUE_MAX, "%s", *(const bool *)field ? "true" : "false");
	else if (k->kind == KIND_ENUM)
		copy_word(k->text, *(const unsigned *)field, value, BH_CONFIG_VALUE_MAX);
	else
		snprintf(value, BH_CONFIG_VALUE_MAX, "%llu%s",
			 (unsigned long long)*(const uint64_t *)field,
			 k->kind == KIND_MS ? "ms" : "");
	return k->path;
}

void
bh_config_default(struct bh_config *c)
{
	static const uint16_t vxlan[] = {4789, 8472}, geneve[] = {6081};
	size_t i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < BH_ARRAY_SIZE(keys); i++) {
		const struct key *k = &keys[i];
		char *field = (char *)c + k->offset;

		if (k->kind == KIND_U64 || k->kind == KIND_MS)
			*(uint64_t *)field = k->number;
		else if (k->kind == KIND_BOOL)
			*(bool *)field = k->number != 0;
		else if (k->kind == KIND_ENUM)
			*(unsigned *)field = (unsigned)k->number;
		else if (k->kind == KIND_STR)
			snprintf(field, STR_SIZE, "%s", k->text);
	}
	bh_config_default_learn(c);
	memcpy(c->vxlan_port, vxlan, sizeof(vxlan));
	memcpy(c->geneve_port, geneve, sizeof(geneve));
	for (i = 0; i < BH_EXCEPTION_COUNT; i++)
		c->exception[i] = bh_exception_info((unsigned)i)->normal;
	for (i = 0; i < BH_THREAT_COUNT; i++)
		bh_threat_rule_default(&c->threat[i], (unsigned)i);
	memset(c->inspect_action, BH_INSPECT_UNSET, sizeof(c->inspect_action));
	c->frame_pass[BH_FRAME_ARP] = true;
	c->frame_pass[BH_FRAME_ND] = true;
}

static int
read_enum(struct bh_config_reader *r, const struct key *k, const struct bh_yaml *node)
{
	char copy[128], *save = NULL;
	const char *words[9] = {NULL};
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", k->text);
	for (words[n] = strtok_r(copy, " ", &save); words[n] != NULL && n + 2 < 9;)
		words[++n] = strtok_r(NULL, " ", &save);
	return bh_yaml_enum(r->doc, node, words, (unsigned *)((char *)r->c + k->offset), r->err);
}

static int
read_str(struct bh_config_reader *r, const struct key *k, const struct bh_yaml *node)
{
	char *field = (char *)r->c + k->offset, found[BH_FOUND_LEN];
	bool empty = node->type == BH_YAML_SCALAR && node->quoted && node->text[0] == '\0';

	if (!empty && (node->type != BH_YAML_SCALAR || bh_yaml_is_null(node)))
		return bh_yaml_err(r->doc, node, r->err, "expected a text, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	if (strlen(node->text) >= STR_SIZE)
		return bh_yaml_err(r->doc, node, r->err,
				   "a text of more than %zu bytes: use a shorter path",
				   STR_SIZE - 1);
	snprintf(field, STR_SIZE, "%s", node->text);
	return 0;
}

static int
read_key(struct bh_config_reader *r, const struct key *k, const struct bh_yaml *node)
{
	void *field = (char *)r->c + k->offset;

	switch (k->kind) {
	case KIND_U64:
		return bh_yaml_u64(r->doc, node, k->min, k->max, field, r->err);
	case KIND_MS:
		return bh_yaml_duration_ms(r->doc, node, k->min, k->max, field, r->err);
	case KIND_BOOL:
		return bh_yaml_bool(r->doc, node, field, r->err);
	case KIND_ENUM:
		return read_enum(r, k, node);
	case KIND_STR:
		return read_str(r, k, node);
	default:
		return k->read(r, node);
	}
}

/* Words that may stand in the map at path `at` ("" is the top): the next part of each key's path. */
static void
known_words(const char *at, char store[][32], const char *known[])
{
	size_t len = strlen(at), n = 0, i, part;

	for (i = 0; i < BH_ARRAY_SIZE(keys); i++) {
		const char *p = keys[i].path;

		if (strncmp(p, at, len) != 0 || (len != 0 && p[len] != '.'))
			continue;
		p += len != 0 ? len + 1 : 0;
		part = strcspn(p, ".");
		if (n > 0 && strncmp(store[n - 1], p, part) == 0 && store[n - 1][part] == '\0')
			continue;
		snprintf(store[n], sizeof(store[n]), "%.*s", (int)part, p);
		known[n] = store[n];
		n++;
	}
	known[n] = NULL;
}

static const struct key *
find_key(const char *path)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].path, path) == 0)
			return &keys[i];
	}
	return NULL;
}

/* Read the map at a path. Depth is that of the tables' paths: two. */
static int
read_map(struct bh_config_reader *r, const struct bh_yaml *map, const char *at)
{
	char store[KEYS_MAX][32], path[PATH_MAX_LEN], what[PATH_MAX_LEN + 16] = "the configuration";
	const char *known[KEYS_MAX];
	const struct key *k;
	size_t i;
	int rc;

	if (bh_yaml_is_null(map))
		return 0;
	if (at[0] != '\0')
		snprintf(what, sizeof(what), "'%s'", at);
	known_words(at, store, known);
	rc = bh_yaml_check_map(r->doc, map, what, known, r->err);
	for (i = 0; rc == 0 && i < map->n; i++) {
		snprintf(path, sizeof(path), "%s%s%s", at, at[0] != '\0' ? "." : "",
			 map->key[i]->text);
		k = find_key(path);
		rc = k != NULL ? read_key(r, k, map->item[i]) : read_map(r, map->item[i], path);
	}
	return rc;
}

const struct bh_yaml *
bh_config_node(const struct bh_config_reader *r, const char *path)
{
	const struct bh_yaml *node = bh_yaml_root(r->doc);
	char part[PATH_MAX_LEN];
	size_t len;

	while (node != NULL && *path != '\0') {
		if (node->type != BH_YAML_MAP)
			return NULL;
		len = strcspn(path, ".");
		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		node = bh_yaml_get(node, part);
		path += len + (path[len] == '.');
	}
	return node;
}

int
bh_config_check_maps(struct bh_config_reader *r, const struct bh_yaml *node, unsigned most,
		     const char *what)
{
	char found[BH_FOUND_LEN];
	size_t i;

	if (node->type != BH_YAML_LIST || node->n > most)
		return bh_yaml_err(r->doc, node, r->err,
				   "expected a list of at most %u %s, found %s", most, what,
				   bh_yaml_found(node, found, sizeof(found)));
	for (i = 0; i < node->n; i++) {
		if (node->item[i]->type != BH_YAML_MAP)
			return bh_yaml_err(r->doc, node->item[i], r->err,
					   "expected {type: ..., ...}, found %s",
					   bh_yaml_found(node->item[i], found, sizeof(found)));
	}
	return 0;
}

/* Paths in the file are relative to its folder. */
static int
anchor_path(struct bh_config_reader *r, const char *key, char *field)
{
	const char *slash = strrchr(r->c->path, '/');
	char full[2 * STR_SIZE];

	if (field[0] == '\0' || field[0] == '/' || slash == NULL)
		return 0;
	snprintf(full, sizeof(full), "%.*s/%s", (int)(slash - r->c->path), r->c->path, field);
	if (strlen(full) >= STR_SIZE)
		return bh_yaml_err(
			r->doc, bh_config_node(r, key), r->err,
			"the path is longer than %zu bytes: write a shorter or absolute one",
			STR_SIZE - 1);
	snprintf(field, STR_SIZE, "%.*s", (int)STR_SIZE - 1, full);
	return 0;
}

/* The same of a secret's place. */
static int
anchor_secret(struct bh_config_reader *r, const char *key, char *field)
{
	int rc = bh_config_check_secret(r, key, field);

	return rc == 0 && bh_secret_place(field, NULL) == BH_SECRET_FILE
		       ? anchor_path(r, key, field)
		       : rc;
}

static int
anchor_secrets(struct bh_config_reader *r)
{
	struct bh_config *c = r->c;
	int rc = anchor_secret(r, "api.token_file", c->api_token_file);

	if (rc == 0)
		rc = anchor_secret(r, "api.tls.certificate", c->api_certificate);
	if (rc == 0)
		rc = anchor_secret(r, "api.tls.key", c->api_key);
	if (rc == 0)
		rc = anchor_secret(r, "api.tls.client_ca", c->api_client_ca);
	if (rc == 0)
		rc = anchor_secret(r, "secrets.vault.token", c->vault_token);
	if (rc == 0)
		rc = anchor_secret(r, "secrets.vault.secret_id", c->vault_secret_id);
	if (rc == 0)
		rc = anchor_secret(r, "secrets.vault.jwt", c->vault_jwt);
	return rc == 0 ? anchor_path(r, "secrets.vault.ca_file", c->vault_ca) : rc;
}

static int
anchor_paths(struct bh_config_reader *r)
{
	struct bh_config *c = r->c;
	int rc = anchor_path(r, "policy", c->policy_file);
	unsigned i;

	if (rc == 0)
		rc = anchor_secrets(r);
	if (rc == 0 && strcmp(c->eve_file, "-") != 0)
		rc = anchor_path(r, "events.file", c->eve_file);
	if (rc == 0)
		rc = anchor_path(r, "events.store", c->event_store);
	if (rc == 0)
		rc = anchor_path(r, "store.path", c->store_path);
	if (rc == 0)
		rc = anchor_path(r, "responses.file", c->response_file);
	if (rc == 0)
		rc = anchor_path(r, "evidence.path", c->evidence_path);
	if (rc == 0)
		rc = anchor_path(r, "sensors.vars", c->sensor_vars);
	if (rc == 0)
		rc = anchor_path(r, "sensors.classes", c->sensor_classes);
	if (rc == 0)
		rc = anchor_path(r, "sensors.cache", c->sensor_cache);
	for (i = 0; rc == 0 && i < c->n_sensor_files; i++)
		rc = anchor_path(r, "sensors.files", c->sensor_file[i]);
	for (i = 0; rc == 0 && i < c->n_sinks; i++) {
		rc = anchor_secret(r, "sinks", c->sink[i].secret_file);
		/* A webhook's URL may be a secret as a whole; one that is written has a scheme. */
		if (rc == 0 && bh_secret_place(c->sink[i].to, NULL) != BH_SECRET_FILE)
			rc = bh_config_check_secret(r, "sinks", c->sink[i].to);
#define BH_SINK_NUMBER(field, key, def, min, max)
#define BH_SINK_TIME(field, key, def, min, max)
#define BH_SINK_TEXT(field, key, def)
#define BH_SINK_FILE(field, key)                                                                   \
	if (rc == 0)                                                                               \
		rc = anchor_path(r, "sinks", c->sink[i].options.field);
#define BH_SINK_SECRET(field, key)                                                                 \
	if (rc == 0)                                                                               \
		rc = anchor_secret(r, "sinks", c->sink[i].options.field);
#include "../base/sink_option.def"
#undef BH_SINK_NUMBER
#undef BH_SINK_TIME
#undef BH_SINK_TEXT
#undef BH_SINK_FILE
#undef BH_SINK_SECRET
	}
	for (i = 0; rc == 0 && i < c->n_sources; i++) {
		rc = anchor_secret(r, "sources", c->source[i].kubeconfig);
		if (rc == 0)
			rc = anchor_path(r, "sources", c->source[i].path);
	}
	if (rc == 0)
		rc = anchor_path(r, "fleet.tls.ca", c->fleet_ca);
	if (rc == 0)
		rc = anchor_path(r, "fleet.tls.certificate", c->fleet_certificate);
	if (rc == 0)
		rc = anchor_path(r, "fleet.tls.key", c->fleet_key);
	if (rc == 0)
		rc = anchor_secret(r, "fleet.password_file", c->fleet_password_file);
	if (rc == 0)
		rc = anchor_secret(r, "pair.secret_file", c->pair_secret_file);
	if (rc == 0)
		rc = anchor_path(r, "spool.path", c->spool_path);
	if (rc == 0)
		rc = anchor_path(r, "run_dir", c->run_dir);
	return rc;
}

static int
config_read(struct bh_config *out, const struct bh_yaml_doc *doc, bool need_ports,
	    struct bh_err *err)
{
	struct bh_config *c = malloc(sizeof(*c));
	struct bh_config_reader r = {.doc = doc, .c = c, .err = err, .need_ports = need_ports};
	int rc;

	if (c == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	bh_config_default(c);
	snprintf(c->path, sizeof(c->path), "%s", bh_yaml_name(doc));
	rc = read_map(&r, bh_yaml_root(doc), "");
	if (rc == 0)
		rc = anchor_paths(&r);
	if (rc == 0)
		rc = bh_config_check(&r);
	if (rc == 0)
		*out = *c;
	free(c);
	return rc;
}

int
bh_config_load(struct bh_config *c, const char *path, bool need_ports, struct bh_err *err)
{
	struct bh_yaml_doc *doc;
	int rc = bh_yaml_load_file(&doc, path, err);

	if (rc == 0)
		rc = config_read(c, doc, need_ports, err);
	bh_yaml_free(doc);
	return rc;
}

int
bh_config_load_text(struct bh_config *c, const char *name, const char *text, size_t len,
		    bool need_ports, struct bh_err *err)
{
	struct bh_yaml_doc *doc;
	int rc = bh_yaml_load_text(&doc, name, text, len, err);

	if (rc == 0)
		rc = config_read(c, doc, need_ports, err);
	bh_yaml_free(doc);
	return rc;
}
