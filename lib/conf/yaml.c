/* YAML text to nodes with positions, over libyaml's events. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "conf_priv.h"

#define MAX_SIZE (UINT64_C(64) << 20)
#define MAX_SCALAR (UINT64_C(64) << 10)
#define MAX_DEPTH 64
/* "[,,,": a byte of text can become a node of 64 bytes. 16 Mi nodes are 1 GiB, and a policy of a
 * million endpoints with three labels each. */
#define MAX_NODES (UINT32_C(1) << 24)

struct bh_yaml_doc {
	struct bh_yaml *root;
	struct bh_arena arena;
	char name[256];
};

/* A collection that is not closed yet; its children wait in loader.child[base..]. */
struct open_node {
	struct bh_yaml *node;
	size_t base;
};

struct loader {
	yaml_parser_t parser;
	struct bh_yaml_doc *doc;
	struct bh_err *err;
	const char *text;
	size_t len;
	struct open_node open[MAX_DEPTH];
	unsigned depth;
	struct bh_yaml **child;
	size_t n_child, cap_child;
	uint32_t n_nodes;
	bool seen_document;
};

static int
load_err(struct loader *l, const yaml_mark_t *mark, const char *text)
{
	struct bh_yaml at = {.line = (unsigned)mark->line + 1,
			     .column = (unsigned)mark->column + 1};

	return bh_yaml_err(l->doc, &at, l->err, "%s", text);
}

static struct bh_yaml *
node_new(struct loader *l, enum bh_yaml_type type, const yaml_mark_t *mark)
{
	struct bh_yaml *n;

	if (++l->n_nodes > MAX_NODES) {
		load_err(l, mark, "more than 16 million values: split the file");
		return NULL;
	}
	n = bh_arena_alloc(&l->doc->arena, sizeof(*n));
	if (n == NULL) {
		bh_err_set(l->err, ENOMEM, "out of memory");
		return NULL;
	}
	n->type = type;
	n->line = (unsigned)mark->line + 1;
	n->column = (unsigned)mark->column + 1;
	return n;
}

/* Append a finished or just opened node to the collection it stands in. */
static int
attach(struct loader *l, struct bh_yaml *node)
{
	const struct open_node *o;
	size_t cap;
	void *p;

	if (l->depth == 0) {
		l->doc->root = node;
		return 0;
	}
	o = &l->open[l->depth - 1];
	if (o->node->type == BH_YAML_MAP && (l->n_child - o->base) % 2 == 0 &&
	    node->type != BH_YAML_SCALAR)
		return bh_yaml_err(l->doc, node, l->err,
				   "a key must be a word, not a list or a map");
	if (l->n_child == l->cap_child) {
		cap = l->cap_child != 0 ? 2 * l->cap_child : 256;
		p = realloc(l->child, cap * sizeof(*l->child));
		if (p == NULL)
			return bh_err_set(l->err, ENOMEM, "out of memory");
		l->child = p;
		l->cap_child = cap;
	}
	l->child[l->n_child++] = node;
	return 0;
}

static int
on_scalar(struct loader *l, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length, width;
	struct bh_yaml *n;

	if (e->data.scalar.anchor != NULL)
		return load_err(l, &e->start_mark,
				"anchors (&) are not supported: write the value out");
	if (e->data.scalar.tag != NULL)
		return load_err(l, &e->start_mark, "tags (!) are not supported: remove it");
	if (len > MAX_SCALAR)
		return load_err(l, &e->start_mark, "a text of more than 64 KiB");
	if (memchr(value, 0, len) != NULL)
		return load_err(l, &e->start_mark, "a text that holds a NUL character");
	n = node_new(l, BH_YAML_SCALAR, &e->start_mark);
	if (n == NULL)
		return -EINVAL;
	n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	width = e->end_mark.column - e->start_mark.column;
	n->flat = e->end_mark.line == e->start_mark.line && width == len + 2u * n->quoted;
	n->text = bh_arena_text(&l->doc->arena, value, len);
	if (n->text == NULL)
		return bh_err_set(l->err, ENOMEM, "out of memory");
	return attach(l, n);
}

static int
on_open(struct loader *l, const yaml_event_t *e, enum bh_yaml_type type)
{
	bool list = type == BH_YAML_LIST;
	struct bh_yaml *n;
	int rc;

	if ((list ? e->data.sequence_start.anchor : e->data.mapping_start.anchor) != NULL)
		return load_err(l, &e->start_mark,
				"anchors (&) are not supported: write the value out");
	if ((list ? e->data.sequence_start.tag : e->data.mapping_start.tag) != NULL)
		return load_err(l, &e->start_mark, "tags (!) are not supported: remove it");
	if (l->depth == MAX_DEPTH)
		return load_err(l, &e->start_mark, "nested more than 64 deep");
	n = node_new(l, type, &e->start_mark);
	if (n == NULL)
		return -EINVAL;
	rc = attach(l, n);
	if (rc != 0)
		return rc;
	l->open[l->depth++] = (struct open_node){.node = n, .base = l->n_child};
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	const struct bh_yaml *x = *(const struct bh_yaml *const *)a,
			     *y = *(const struct bh_yaml *const *)b;
	int c = strcmp(x->text, y->text);

	if (c != 0)
		return c;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

/* Sorted, so that a map of 10,000 keys is no quadratic feast. The first repetition in the file is
 * the one told. */
static int
check_duplicates(struct loader *l, const struct bh_yaml *map)
{
	const struct bh_yaml *small[16], **key = small, *first = NULL, *again = NULL;
	size_t i;
	int rc = 0;

	if (map->n > BH_ARRAY_SIZE(small)) {
		key = malloc(map->n * sizeof(*key));
		if (key == NULL)
			return bh_err_set(l->err, ENOMEM, "out of memory");
	}
	for (i = 0; i < map->n; i++)
		key[i] = map->key[i];
	qsort(key, map->n, sizeof(*key), by_text);
	for (i = 1; i < map->n; i++) {
		if (strcmp(key[i - 1]->text, key[i]->text) != 0)
			continue;
		if (again != NULL &&
		    (again->line < key[i]->line ||
		     (again->line == key[i]->line && again->column < key[i]->column)))
			continue;
		first = key[i - 1];
		again = key[i];
	}
	if (again != NULL)
		rc = bh_yaml_err(
			l->doc, again, l->err,
			"key '%.60s' is already set in line %u, column %u: keep one of them",
			again->text, first->line, first->column);
	if (key != small)
		free(key);
	return rc;
}

static int
on_close(struct loader *l)
{
	struct open_node *o = &l->open[--l->depth];
	struct bh_yaml **child, *node = o->node;
	size_t n = l->n_child - o->base, i;

	l->n_child = o->base;
	if (n == 0)
		return 0;
	child = l->child + o->base;
	node->item = bh_arena_alloc(&l->doc->arena, n * sizeof(*child));
	if (node->item == NULL)
		return bh_err_set(l->err, ENOMEM, "out of memory");
	if (node->type == BH_YAML_LIST) {
		node->n = n;
		memcpy(node->item, child, n * sizeof(*child));
		return 0;
	}
	node->n = n / 2;
	node->key = node->item + node->n;
	for (i = 0; i < node->n; i++) {
		node->key[i] = child[2 * i];
		node->item[i] = child[2 * i + 1];
	}
	return check_duplicates(l, node);
}

static int
on_event(struct loader *l, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (l->seen_document)
			return load_err(l, &e->start_mark,
					"a second document: keep one file for each");
		if (e->data.document_start.tag_directives.start !=
		    e->data.document_start.tag_directives.end)
			return load_err(l, &e->start_mark, "%TAG is not supported: remove it");
		l->seen_document = true;
		return 0;
	case YAML_ALIAS_EVENT:
		return load_err(l, &e->start_mark,
				"aliases (*) are not supported: write the value out, or quote it");
	case YAML_SCALAR_EVENT:
		return on_scalar(l, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(l, e, BH_YAML_LIST);
	case YAML_MAPPING_START_EVENT:
		return on_open(l, e, BH_YAML_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_close(l);
	default:
		return 0;
	}
}

static int
load_events(struct loader *l)
{
	yaml_event_t event;
	bool end = false;
	int rc = 0;

	if (!yaml_parser_initialize(&l->parser))
		return bh_err_set(l->err, ENOMEM, "out of memory");
	/* Fixed, so that no byte order mark turns the text into UTF-16. */
	yaml_parser_set_encoding(&l->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&l->parser, (const unsigned char *)l->text, l->len);
	while (rc == 0 && !end) {
		if (!yaml_parser_parse(&l->parser, &event)) {
			rc = bh_yaml_problem(l->doc, &l->parser, l->text, l->len, l->err);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		rc = on_event(l, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&l->parser);
	if (rc == 0 && (l->doc->root == NULL || bh_yaml_is_null(l->doc->root))) {
		l->doc->root = node_new(l, BH_YAML_MAP, &(yaml_mark_t){0});
		if (l->doc->root == NULL)
			return -ENOMEM;
	}
	return rc;
}

int
bh_yaml_load_text(struct bh_yaml_doc **out, const char *name, const char *text, size_t len,
		  struct bh_err *err)
{
	struct loader *l = calloc(1, sizeof(*l));
	struct bh_yaml_doc *doc = calloc(1, sizeof(*doc));
	int rc;

	*out = NULL;
	if (l == NULL || doc == NULL) {
		rc = bh_err_set(err, ENOMEM, "out of memory");
		goto fail;
	}
	snprintf(doc->name, sizeof(doc->name), "%s", name);
	l->doc = doc;
	l->err = err;
	l->text = text;
	l->len = len;
	if (len > MAX_SIZE)
		rc = load_err(l, &(yaml_mark_t){0}, "larger than 64 MiB");
	else
		rc = load_events(l);
	free(l->child);
	if (rc != 0)
		goto fail;
	free(l);
	*out = doc;
	return 0;
fail:
	free(l);
	bh_yaml_free(doc);
	return rc;
}

int
bh_yaml_load_file(struct bh_yaml_doc **out, const char *path, struct bh_err *err)
{
	char *text;
	size_t len;
	int rc;

	*out = NULL;
	rc = bh_file_read(path, MAX_SIZE, &text, &len, err);
	if (rc != 0)
		return rc;
	rc = bh_yaml_load_text(out, path, text, len, err);
	free(text);
	return rc;
}

const struct bh_yaml *
bh_yaml_root(const struct bh_yaml_doc *doc)
{
	return doc->root;
}

const char *
bh_yaml_name(const struct bh_yaml_doc *doc)
{
	return doc->name;
}

void
bh_yaml_free(struct bh_yaml_doc *doc)
{
	if (doc == NULL)
		return;
	bh_arena_free(&doc->arena);
	free(doc);
}
