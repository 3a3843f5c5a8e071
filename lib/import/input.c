/* Texts to documents, which form they have, notes with places; the two ends of an import. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "import_priv.h"

static const char *const forms[] = {"auto", "networkpolicy", "nv", "groups"};
_Static_assert(BH_ARRAY_SIZE(forms) == BH_FORM_COUNT, "one name a form");

const char *
bh_form_name(unsigned form)
{
	return form < BH_FORM_COUNT ? forms[form] : NULL;
}

int
bh_import_nomem(struct bh_import *im)
{
	return bh_err_set(im->err, ENOMEM, "out of memory");
}

void *
bh_import_alloc(struct bh_import *im, size_t size)
{
	void *p = bh_arena_alloc(&im->arena, size);

	if (p == NULL)
		bh_import_nomem(im);
	return p;
}

char *
bh_import_text(struct bh_import *im, const char *fmt, ...)
{
	struct bh_buf b = {0};
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	bh_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (!b.failed)
		text = bh_arena_text(&im->arena, b.data != NULL ? b.data : "", b.len);
	bh_buf_free(&b);
	if (text == NULL)
		bh_import_nomem(im);
	return text;
}

int
bh_import_push(struct bh_import *im, void *list, size_t *n, const void *item, size_t size)
{
	int rc = bh_arena_push(&im->arena, list, n, item, size);

	return rc == 0 ? 0 : bh_import_nomem(im);
}

struct bh_place
bh_import_place(const struct bh_import *im, const struct bh_yaml *node)
{
	return (struct bh_place){im->yaml, node, im->base};
}

static void
note(struct bh_import *im, const struct bh_place *at, const char *fmt, va_list ap)
{
	bool here = at->node != NULL;
	char text[512];
	size_t i;

	if (im->p->note == NULL)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	for (i = 0; text[i] != '\0'; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	}
	im->p->note(im->p->arg, here ? bh_yaml_name(at->yaml) : "",
		    here ? at->node->line + at->base : 0, here ? at->node->column : 0, text);
}

void
bh_import_note(struct bh_import *im, const struct bh_yaml *at, const char *fmt, ...)
{
	struct bh_place place = bh_import_place(im, at);
	va_list ap;

	va_start(ap, fmt);
	note(im, &place, fmt, ap);
	va_end(ap);
}

void
bh_import_note_at(struct bh_import *im, const struct bh_place *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(im, at, fmt, ap);
	va_end(ap);
}

const struct bh_yaml *
bh_import_get(const struct bh_yaml *node, const char *key)
{
	const struct bh_yaml *v =
		node != NULL && node->type == BH_YAML_MAP ? bh_yaml_get(node, key) : NULL;

	return v == NULL || bh_yaml_is_null(v) ? NULL : v;
}

const char *
bh_import_word(const struct bh_yaml *node, const char *key, const char *normal)
{
	const struct bh_yaml *v = bh_import_get(node, key);

	return v != NULL && v->type == BH_YAML_SCALAR ? v->text : normal;
}

int
bh_import_must(struct bh_import *im, const struct bh_yaml *node, enum bh_yaml_type type,
	       const char *what)
{
	static const char *const words[] = {"a text", "a list", "a map"};
	char found[BH_FOUND_LEN];

	if (node->type == type)
		return 0;
	return bh_yaml_err(im->yaml, node, im->err, "expected %s for %s, found %s", words[type],
			   what, bh_yaml_found(node, found, sizeof(found)));
}

/* ---- which form ----------------------------------------------------------------------------------- */

/* What a document says of itself; AUTO: it is no policy that we know. */
static enum bh_form
form_of(const struct bh_yaml *doc)
{
	const char *kind = bh_import_word(doc, "kind", "");

	if (strcmp(kind, "NetworkPolicy") == 0)
		return BH_FORM_NETWORKPOLICY;
	if (strncmp(kind, "Nv", 2) == 0)
		return BH_FORM_NV;
	if (kind[0] == '\0' && bh_import_get(doc, "groups") != NULL)
		return BH_FORM_GROUPS;
	return BH_FORM_AUTO;
}

static int
read_one(struct bh_import *im, struct bh_forms *f, const struct bh_yaml *doc, enum bh_form *form)
{
	enum bh_form of = form_of(doc);
	const char *kind = bh_import_word(doc, "kind", "");

	if (of == BH_FORM_AUTO) {
		bh_import_note(im, doc, "%s%.60s is no policy: left out",
			       kind[0] != '\0' ? "kind " : "a document without kind", kind);
		return 0;
	}
	if (*form == BH_FORM_AUTO)
		*form = of;
	if (of != *form)
		return bh_yaml_err(
			im->yaml, doc, im->err,
			"this is of form '%s' and what was asked for, or came before, is "
			"'%s': import one form at a time, their rules follow one another "
			"in different orders",
			forms[of], forms[*form]);
	if (of == BH_FORM_NETWORKPOLICY)
		return bh_k8s_read(im, f, doc);
	return of == BH_FORM_NV ? bh_nv_read(im, f, doc) : bh_groups_read(im, f, doc);
}

/* A document, or a List of them as kubectl prints it. */
static int
read_document(struct bh_import *im, struct bh_forms *f, const struct bh_yaml *doc,
	      enum bh_form *form)
{
	const char *kind = bh_import_word(doc, "kind", "");
	const struct bh_yaml *items = bh_import_get(doc, "items");
	size_t len = strlen(kind), i;
	int rc = 0;

	if (doc->type == BH_YAML_MAP && doc->n == 0)
		return 0;
	if (len < 4 || strcmp(kind + len - 4, "List") != 0 || items == NULL)
		return read_one(im, f, doc, form);
	rc = bh_import_must(im, items, BH_YAML_LIST, "items");
	for (i = 0; rc == 0 && i < items->n; i++) {
		rc = bh_import_must(im, items->item[i], BH_YAML_MAP, "an item");
		if (rc == 0)
			rc = read_one(im, f, items->item[i], form);
	}
	return rc;
}

/* ---- documents of a text --------------------------------------------------------------------------- */

static int
read_input(struct bh_import *im, struct bh_forms *f, const struct bh_import_input *in,
	   enum bh_form *form)
{
	const char *p = in->text, *end = in->text + in->len, *next;
	struct bh_yaml_doc *yaml;
	unsigned lines;
	int rc = 0;

	for (im->base = 0; rc == 0 && p < end; p = next) {
		next = bh_yaml_part(p, end, &lines);
		rc = bh_yaml_load_text(&yaml, in->name, p, (size_t)(next - p), im->err);
		if (rc == 0) {
			im->yaml = yaml;
			rc = bh_import_push(im, &im->docs, &im->n_docs, &yaml, sizeof(yaml));
			if (rc != 0)
				bh_yaml_free(yaml);
		}
		if (rc == 0)
			rc = read_document(im, f, bh_yaml_root(yaml), form);
		if (rc != 0 && im->err != NULL && im->err->line != 0)
			im->err->line += im->base;
		im->base += lines;
	}
	return rc;
}

static int
write_document(struct bh_import *im, struct bh_buf *out)
{
	bh_buf_str(out, "version: 1\n");
	if (im->segments.len != 0)
		bh_buf_printf(out, "\nsegments:\n%s", im->segments.data);
	if (im->rules.len != 0)
		bh_buf_printf(out, "\nrules:\n%s", im->rules.data);
	if (out->failed || im->segments.failed || im->rules.failed)
		return bh_import_nomem(im);
	return 0;
}

int
bh_import(const struct bh_import_params *params, struct bh_buf *out, struct bh_err *err)
{
	struct bh_import im = {.p = params, .err = err};
	struct bh_forms f = {0};
	enum bh_form form = params->form;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < params->n_inputs; i++)
		rc = read_input(&im, &f, &params->input[i], &form);
	if (rc == 0 && form == BH_FORM_AUTO)
		rc = bh_err_set(err, EINVAL,
				"no policy in it: expected NetworkPolicy, Nv...SecurityRule, or "
				"groups with selectors");
	if (rc == 0)
		rc = bh_k8s_finish(&im, &f);
	if (rc == 0)
		rc = bh_group_finish(&im, &f.groups);
	if (rc == 0)
		rc = write_document(&im, out);
	bh_words_free(&im.names);
	bh_words_free(&im.contents);
	bh_buf_free(&im.segments);
	bh_buf_free(&im.rules);
	bh_words_free(&f.k8s.names);
	bh_words_free(&f.groups.names);
	for (i = 0; i < im.n_docs; i++)
		bh_yaml_free(im.docs[i]);
	bh_arena_free(&im.arena);
	return rc;
}
