/* Files to forms, and what they amount to. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "suricata.h"

#define FILE_MAX (UINT64_C(64) << 20) /* the biggest public sets have 40 MB */

int
bh_sig_nomem(struct bh_sig *s)
{
	return bh_err_set(s->err, ENOMEM, "out of memory");
}

struct bh_sensor *
bh_sig_sensor(struct bh_sig *s, const char *name)
{
	struct bh_sensor *sensor = bh_sensor_add(s->model, name);
	void **cell;
	bool fresh;

	if (sensor == NULL)
		return NULL;
	sensor->file = bh_sensor_text(s->model, bh_sig_file(s)->name, strlen(bh_sig_file(s)->name));
	cell = bh_sig_name(&s->sensors, sensor->name, &fresh);
	if (sensor->file == NULL || cell == NULL)
		return NULL;
	*cell = sensor;
	return sensor;
}

struct bh_sensor *
bh_sig_file_sensor(struct bh_sig *s)
{
	const char *path = bh_sig_file(s)->name, *slash = strrchr(path, '/'), *base, *dot;
	char name[256];
	size_t len;
	unsigned i;

	base = slash != NULL ? slash + 1 : path;
	dot = strrchr(base, '.');
	len = dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base);
	if (len == 0 || len > 200)
		len = len == 0 ? 0 : 200;
	snprintf(name, sizeof(name), "%.*s", (int)len, len != 0 ? base : "");
	for (i = 2; name[0] == '\0' || bh_sig_name_get(&s->sensors, name) != NULL ||
		    bh_sig_builtin(name) != BH_SIG_NO_CLASS;
	     i++)
		snprintf(name, sizeof(name), "%.*s-%u", (int)len, base, i);
	return bh_sig_sensor(s, name);
}

/* ---- YAML ------------------------------------------------------------------------------------------- */

/* The firewall's own export of its list, not as custom resources? */
static bool
is_nv_list(const struct bh_yaml *sensors)
{
	const struct bh_yaml *first;

	if (sensors->type != BH_YAML_LIST || sensors->n == 0)
		return false;
	first = sensors->item[0];
	return first->type == BH_YAML_MAP &&
	       (bh_yaml_get(first, "predefine") != NULL || bh_yaml_get(first, "cfg_type") != NULL);
}

static int
read_lists(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *map)
{
	const struct bh_yaml *sensors = bh_yaml_get(map, "sensors"),
			     *attach = bh_yaml_get(map, "attach"),
			     *exceptions = bh_yaml_get(map, "exceptions");
	int rc = 0;

	if (sensors != NULL)
		rc = bh_sig_read_sensors(s, doc, sensors, bh_sig_file(s)->form == BH_SIGNATURE_NV);
	if (rc == 0 && attach != NULL)
		rc = bh_sig_read_attachments(s, doc, attach);
	if (rc == 0 && exceptions != NULL)
		rc = bh_sig_read_exceptions(s, doc, exceptions, NULL);
	return rc;
}

static int
read_ours(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *root)
{
	static const char *const known[] = {"version", "sensors", "attach", "exceptions", NULL};
	const struct bh_yaml *sensors, *version;
	uint64_t v;
	int rc = bh_yaml_check_map(doc, root, "a document of sensors", known, s->err);

	if (rc != 0)
		return rc;
	sensors = bh_yaml_get(root, "sensors");
	version = bh_yaml_get(root, "version");
	if (sensors != NULL && is_nv_list(sensors))
		bh_sig_file(s)->form = BH_SIGNATURE_NV;
	if (version != NULL)
		rc = bh_yaml_u64(doc, version, 1, 1, &v, s->err);
	return rc == 0 ? read_lists(s, doc, root) : rc;
}

/* Segments and rules of clusters are the policy's. */
static int
read_clusters(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *root)
{
	static const char *const known[] = {"segments", "rules",      "sensors",
					    "attach",   "exceptions", NULL};
	const struct bh_yaml *map = bh_yaml_get(root, "clusters");
	int rc;

	if (map == NULL || bh_yaml_is_null(map))
		return 0;
	rc = bh_yaml_check_map(doc, map, "clusters", known, s->err);
	return rc == 0 ? read_lists(s, doc, map) : rc;
}

static int
read_document(struct bh_sig *s, const struct bh_yaml_doc *doc)
{
	const struct bh_yaml *root = bh_yaml_root(doc);

	if (root->type == BH_YAML_MAP && root->n == 0)
		return 0;
	if (s->in_part)
		return read_clusters(s, doc, root);
	if (root->type == BH_YAML_MAP &&
	    (bh_yaml_get(root, "kind") != NULL || bh_yaml_get(root, "items") != NULL)) {
		bh_sig_file(s)->form = BH_SIGNATURE_NV;
		return bh_sig_read_nv(s, doc, root);
	}
	return read_ours(s, doc, root);
}

static int
read_yaml(struct bh_sig *s, const char *text, size_t len)
{
	const char *p = text, *end = text + len, *next;
	struct bh_yaml_doc *doc;
	unsigned lines;
	int rc = 0;

	for (s->base = 0; rc == 0 && p < end; p = next) {
		next = bh_yaml_part(p, end, &lines);
		rc = bh_yaml_load_text(&doc, bh_sig_file(s)->name, p, (size_t)(next - p), s->err);
		if (rc == 0) {
			rc = read_document(s, doc);
			bh_yaml_free(doc);
		}
		if (rc != 0 && s->err->line != 0)
			s->err->line += s->base;
		s->base += lines;
	}
	return rc;
}

/* ---- files ------------------------------------------------------------------------------------------- */

static int
read_text(struct bh_sig *s, const char *name, const char *text, size_t len)
{
	struct bh_signature_file f = {.name = bh_arena_text(&s->arena, name, strlen(name))};
	uint32_t sensors = s->model->n_sensors, rules = s->model->n_rules,
		 patterns = s->model->n_patterns;
	int rc;

	s->off = 0;
	if (f.name == NULL || bh_arena_push(&s->arena, &s->file, &s->n_files, &f, sizeof(f)) != 0)
		return bh_sig_nomem(s);
	if (!s->in_part && bh_suricata_sniff(name, text, len)) {
		bh_sig_file(s)->form = BH_SIGNATURE_SURICATA;
		rc = bh_sig_read_suricata(s, text, len);
	} else {
		rc = read_yaml(s, text, len);
	}
	bh_sig_file(s)->sensors = s->model->n_sensors - sensors;
	bh_sig_file(s)->rules = s->model->n_rules - rules - s->off;
	bh_sig_file(s)->patterns = s->model->n_patterns - patterns;
	return rc;
}

static int
read_file(struct bh_sig *s, const char *path)
{
	char *text;
	size_t len;
	int rc = bh_file_read(path, FILE_MAX, &text, &len, s->err);

	if (rc != 0)
		return rc;
	rc = read_text(s, path, text, len);
	free(text);
	return rc;
}

/* What the files name is theirs: what only the part has is not found. */
static int
read_part(struct bh_sig *s)
{
	int rc;

	if (s->params->part == NULL)
		return 0;
	rc = bh_sig_resolve(s);
	s->in_part = true;
	if (rc == 0)
		rc = read_text(s, BH_SIGNATURE_PART, s->params->part, s->params->part_len);
	s->in_part = false;
	return rc;
}

static int
begin(struct bh_sig *s)
{
	int rc = 0;

	s->model = bh_sensor_model_create();
	s->any = bh_arena_alloc(&s->arena, sizeof(*s->any));
	if (s->model == NULL || s->any == NULL)
		return bh_sig_nomem(s);
	if (s->params->vars != NULL)
		rc = bh_suricata_read_vars(s, s->params->vars);
	if (rc == 0 && s->params->classes != NULL)
		rc = bh_suricata_read_classes(s, s->params->classes);
	return rc;
}

static int
by_place(const void *a, const void *b)
{
	const struct bh_signature_note *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

static int
finish(struct bh_sig *s, struct bh_signatures *out)
{
	int rc = bh_sig_resolve(s);

	if (rc == 0)
		rc = bh_suricata_tell_bits(s);
	if (rc != 0)
		return rc;
	bh_sig_sort_headers(s);
	if (s->n_notes != 0)
		qsort(s->note, s->n_notes, sizeof(*s->note), by_place);
	bh_sig_names_free(&s->sids);
	bh_sig_names_free(&s->options);
	bh_sig_names_free(&s->sets[0]);
	bh_sig_names_free(&s->sets[1]);
	s->err = NULL;
	s->params = NULL;
	*out = (struct bh_signatures){
		.model = s->model,
		.attachment = s->attachment,
		.n_attachments = s->n_attachments,
		.exception = s->exception,
		.n_exceptions = s->n_exceptions,
		.report = {s->file, s->n_files, s->note, s->n_notes},
		.own = s,
	};
	s->model = NULL;
	return 0;
}

static void
drop(struct bh_sig *s)
{
	if (s == NULL)
		return;
	bh_sensor_model_destroy(s->model);
	bh_sig_names_free(&s->sensors);
	bh_sig_names_free(&s->sids);
	bh_sig_names_free(&s->options);
	bh_sig_names_free(&s->sets[0]);
	bh_sig_names_free(&s->sets[1]);
	bh_arena_free(&s->arena);
	free(s);
}

int
bh_signature_load_text(const struct bh_signature_params *params, const char *name, const char *text,
		       size_t len, struct bh_signatures **out, struct bh_err *err)
{
	struct bh_signatures *result = calloc(1, sizeof(*result));
	struct bh_sig *s = calloc(1, sizeof(*s));
	struct bh_err own = {0};
	size_t i;
	int rc;

	if (err == NULL)
		err = &own;
	if (result == NULL || s == NULL) {
		rc = bh_err_set(err, ENOMEM, "out of memory");
		goto fail;
	}
	s->err = err;
	s->params = params;
	rc = begin(s);
	if (rc == 0 && name != NULL)
		rc = read_text(s, name, text, len);
	for (i = 0; rc == 0 && name == NULL && i < params->n_files; i++)
		rc = read_file(s, params->file[i]);
	if (rc == 0)
		rc = read_part(s);
	if (rc == 0)
		rc = finish(s, result);
	if (rc != 0)
		goto fail;
	*out = result;
	return 0;
fail:
	drop(s);
	free(result);
	return rc;
}

int
bh_signature_load(const struct bh_signature_params *params, struct bh_signatures **out,
		  struct bh_err *err)
{
	return bh_signature_load_text(params, NULL, NULL, 0, out, err);
}

void
bh_signatures_free(struct bh_signatures *s)
{
	if (s == NULL)
		return;
	bh_sensor_model_destroy(s->model);
	drop(s->own);
	free(s);
}
