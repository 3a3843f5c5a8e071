/* file: endpoints of a file, read again whenever it has changed. What does not load leaves the one before in force. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "kube_priv.h"

#define FILE_MAX (64u << 20)
#define LOOK_MS 200

static int
read_labels(const struct bh_yaml_doc *doc, const struct bh_yaml *map, struct bh_kube_object *o,
	    struct bh_err *err)
{
	char found[BH_FOUND_LEN];
	size_t i;

	if (map == NULL || map->type != BH_YAML_MAP || map->n > BH_LABELS_MAX)
		return bh_yaml_err(doc, map != NULL ? map : bh_yaml_root(doc), err,
				   "an endpoint needs 'labels', a map of at most %u",
				   BH_LABELS_MAX);
	for (i = 0; i < map->n; i++) {
		const struct bh_yaml *value = map->item[i];

		if (!bh_label_key_valid(map->key[i]->text) || value->type != BH_YAML_SCALAR ||
		    !bh_label_value_valid(value->text))
			return bh_yaml_err(doc, value, err,
					   "%s: no label: keys and values are letters, digits, "
					   "'-', '_', '.' and '/', with a letter or digit at both "
					   "ends",
					   bh_yaml_found(map->key[i], found, sizeof(found)));
		o->label[i] = (struct bh_label){.key = map->key[i]->text, .value = value->text};
	}
	o->n_labels = (unsigned)map->n;
	return 0;
}

static int
read_endpoint(const struct bh_yaml_doc *doc, const struct bh_yaml *map, struct bh_kube_object *o,
	      struct bh_err *err)
{
	static const char *const known[] = {"address", "labels", "comment", NULL};
	const struct bh_yaml *address;
	char found[BH_FOUND_LEN];
	int rc;

	if (map->type != BH_YAML_MAP)
		return bh_yaml_err(doc, map, err, "expected {address: ..., labels: ...}, found %s",
				   bh_yaml_found(map, found, sizeof(found)));
	rc = bh_yaml_check_map(doc, map, "an endpoint", known, err);
	address = bh_yaml_get(map, "address");
	if (rc == 0 && address == NULL)
		rc = bh_yaml_err(doc, map, err, "an endpoint lacks 'address'");
	if (rc == 0)
		rc = bh_yaml_prefix(doc, address, &o->address[0].prefix, err);
	if (rc != 0)
		return rc;
	o->name = address->text;
	o->n_addresses = 1;
	o->address[0].rank = BH_KUBE_RANK_FILE;
	return read_labels(doc, bh_yaml_get(map, "labels"), o, err);
}

/* m NULL: check only. */
static int
read_all(const struct bh_yaml_doc *doc, struct bh_kube_model *m, uint8_t source, struct bh_err *err)
{
	static const char *const known[] = {"version", "endpoints", NULL};
	const struct bh_yaml *root = bh_yaml_root(doc), *list;
	int rc = root->type == BH_YAML_MAP
			 ? bh_yaml_check_map(doc, root, "a file of endpoints", known, err)
			 : bh_yaml_err(doc, root, err, "expected a map with 'endpoints'");
	size_t i;

	list = rc == 0 ? bh_yaml_get(root, "endpoints") : NULL;
	if (list != NULL && list->type != BH_YAML_LIST && !bh_yaml_is_null(list))
		rc = bh_yaml_err(doc, list, err, "'endpoints' is a list");
	if (rc == 0 && list == NULL)
		rc = bh_yaml_err(doc, root, err,
				 "a file of endpoints needs 'endpoints'; [] for none");
	for (i = 0; rc == 0 && list->type == BH_YAML_LIST && i < list->n; i++) {
		struct bh_kube_address at;
		struct bh_kube_object o = {.source = source, .kind = BH_KUBE_FILE, .address = &at};

		rc = read_endpoint(doc, list->item[i], &o, err);
		if (rc == 0 && m != NULL && bh_kube_model_put(m, &o) != 0)
			rc = bh_err_set(err, ENOMEM, "out of memory");
	}
	return rc;
}

int
bh_kube_file_check(const struct bh_config_source *s, struct bh_err *err)
{
	struct bh_yaml_doc *doc = NULL;
	int rc = bh_yaml_load_file(&doc, s->path, err);

	if (rc == 0)
		rc = read_all(doc, NULL, 0, err);
	bh_yaml_free(doc);
	return rc;
}

static int
load(struct bh_kube_source *s, struct bh_err *err)
{
	struct bh_yaml_doc *doc = NULL;
	struct bh_kube_model *m;
	int rc = bh_yaml_load_file(&doc, s->config->path, err);

	/* Checked whole first: half a file is never in force. */
	if (rc == 0)
		rc = read_all(doc, NULL, s->index, err);
	if (rc == 0) {
		m = bh_kube_lock(s->kube);
		bh_kube_model_list_begin(m, s->index, BH_KUBE_FILE);
		rc = read_all(doc, m, s->index, err);
		if (rc == 0)
			bh_kube_model_list_end(m, s->index, BH_KUBE_FILE);
		s->status.lists++;
		s->status.synced = true;
		bh_kube_apply(s);
	}
	bh_yaml_free(doc);
	return rc;
}

void
bh_kube_run_file(struct bh_kube_source *s)
{
	struct pollfd stop = {.fd = bh_kube_stop_fd(s->kube), .events = POLLIN};
	struct stat last = {0}, st;
	char text[512];
	bool good = false;

	do {
		struct bh_err err = {0};
		bool there = stat(s->config->path, &st) == 0;

		if (!there)
			bh_kube_trouble(s, "the file is not there; its endpoints stay");
		else if (st.st_mtim.tv_sec != last.st_mtim.tv_sec ||
			 st.st_mtim.tv_nsec != last.st_mtim.tv_nsec || st.st_size != last.st_size ||
			 st.st_ino != last.st_ino) {
			last = st;
			good = load(s, &err) == 0;
			bh_err_format(&err, text, sizeof(text));
			if (!good)
				bh_kube_trouble(s, text);
		}
		bh_kube_heard(s, there && good);
		bh_kube_look_stale(s);
	} while (poll(&stop, 1, LOOK_MS) == 0 && !bh_kube_stopping(s->kube));
}
