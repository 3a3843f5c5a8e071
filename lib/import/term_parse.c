/* Text of a label selector to a term. What the policy room accepts is accepted, and nothing else. */
#include <errno.h>
#include <stdlib.h>

#include "import_priv.h"

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"

static const char *
skip(const char *p)
{
	return p + strspn(p, " \t\n");
}

/* A word at *p, which moves behind it and the blanks there. NULL: no memory. */
static const char *
word(struct bh_import *im, const char **p)
{
	size_t n = strspn(*p, WORD);
	const char *text = bh_import_text(im, "%.*s", (int)n, *p);

	*p = skip(*p + n);
	return text;
}

/* "(a, b)": values, or parts of them. */
static int
parts(struct bh_import *im, const char **p, const char ***list, size_t *n)
{
	const char *value;
	int rc = 0;

	if (**p != '(')
		return BH_TERM_UNSAYABLE;
	do {
		*p = skip(*p + 1);
		value = word(im, p);
		if (value == NULL)
			return -ENOMEM;
		rc = value[0] != '\0' ? bh_import_push(im, list, n, &value, sizeof(value))
				      : BH_TERM_UNSAYABLE;
	} while (rc == 0 && **p == ',');
	if (rc == 0 && **p != ')')
		rc = BH_TERM_UNSAYABLE;
	*p = rc == 0 ? skip(*p + 1) : *p;
	return rc;
}

static int
values(struct bh_import *im, const char **p, const char ***list, size_t *n)
{
	size_t first = *n, i;
	int rc = parts(im, p, list, n);

	for (i = first; rc == 0 && i < *n; i++)
		rc = bh_label_value_valid((*list)[i]) ? 0 : BH_TERM_UNSAYABLE;
	return rc;
}

/* Behind a key. */
static int
operator(struct bh_import *im, const char **p, enum bh_want_op *op, const char ***list, size_t *n)
{
	const char *value;

	if (**p == '=' || ((*p)[0] == '!' && (*p)[1] == '=')) {
		*op = **p == '=' ? BH_WANT_IN : BH_WANT_NOT_IN;
		*p = skip(*p + ((*p)[0] == '=' && (*p)[1] != '=' ? 1 : 2));
		value = word(im, p);
		if (value == NULL)
			return -ENOMEM;
		return bh_label_value_valid(value)
			       ? bh_import_push(im, list, n, &value, sizeof(value))
			       : BH_TERM_UNSAYABLE;
	}
	if (strncmp(*p, "in", 2) == 0 && strspn(*p, WORD) == 2)
		*op = BH_WANT_IN;
	else if (strncmp(*p, "notin", 5) == 0 && strspn(*p, WORD) == 5)
		*op = BH_WANT_NOT_IN;
	else
		return 0;
	*p = skip(*p + (*op == BH_WANT_IN ? 2 : 5));
	return values(im, p, list, n);
}

/* An operator over texts and what it asks for. 0 and *op NULL: there is none here. */
static int
text_operator(struct bh_import *im, const char **p, struct bh_more *m)
{
	static const char *const ops[] = {"~", "!~", "prefix", "contains"};
	const char *value, *end;
	size_t i, n;

	for (i = 0; i < BH_ARRAY_SIZE(ops); i++) {
		n = strlen(ops[i]);
		if ((i < 2 || strspn(*p, WORD) == n) && strncmp(*p, ops[i], n) == 0)
			break;
	}
	m->op = i < BH_ARRAY_SIZE(ops) ? ops[i] : NULL;
	if (m->op == NULL)
		return 0;
	*p = skip(*p + n);
	if (i >= 2 && **p == '(')
		return parts(im, p, &m->value, &m->n);
	end = i >= 2 ? *p + strspn(*p, WORD) : strchr(*p + (**p != '\0'), **p);
	if (end == NULL || (i < 2 && **p != '"' && **p != '\''))
		return BH_TERM_UNSAYABLE;
	value = bh_import_text(im, "%.*s", (int)(end - *p - (i < 2)), *p + (i < 2));
	*p = skip(end + (i < 2));
	return value == NULL ? -ENOMEM
			     : bh_import_push(im, &m->value, &m->n, &value, sizeof(value));
}

/* A key's operator. */
static int
key_requirement(struct bh_import *im, const char **p, const char *key, struct bh_term *t,
		bool *single)
{
	enum bh_want_op op = BH_WANT_EXISTS;
	struct bh_more m = {.key = key};
	const char **list = NULL;
	size_t n = 0;
	int rc = text_operator(im, p, &m);

	*single = false;
	if (rc == 0 && m.op == NULL)
		rc = operator(im, p, &op, &list, &n);
	if (rc != 0)
		return rc;
	if (**p != '\0' && **p != ',')
		return BH_TERM_UNSAYABLE;
	if (m.op != NULL)
		return bh_term_more(im, t, &m);
	*single = op == BH_WANT_IN && n == 1;
	return bh_term_add(im, t, key, op, list, n);
}

static int
requirement(struct bh_import *im, const char **p, struct bh_term *t, bool *single)
{
	const char *key;
	bool absent = **p == '!';

	*p = absent ? skip(*p + 1) : *p;
	key = word(im, p);
	if (key == NULL)
		return -ENOMEM;
	if (!bh_label_key_valid(key))
		return BH_TERM_UNSAYABLE;
	if (!absent)
		return key_requirement(im, p, key, t, single);
	*single = false;
	return **p != '\0' && **p != ',' ? BH_TERM_UNSAYABLE
					 : bh_term_add(im, t, key, BH_WANT_ABSENT, NULL, 0);
}

int
bh_term_parse(struct bh_import *im, const char *text, struct bh_term *t, bool *single)
{
	const char *p = skip(text);
	bool one = true, value = false;
	int rc, empty = BH_TERM_OK;

	for (;;) {
		rc = requirement(im, &p, t, &value);
		if (rc == BH_TERM_EMPTY)
			empty = rc;
		else if (rc != 0)
			return rc;
		if (*p == '\0')
			break;
		one = false;
		p = skip(p + 1);
	}
	*single = one && value;
	return empty;
}

int
bh_term_or_value(struct bh_import *im, struct bh_term *t, const char *key, const char *value)
{
	struct bh_want *w = NULL;
	const char **list;
	size_t n, i;

	for (i = 0; i < t->n && w == NULL; i++) {
		if (t->want[i].in && strcmp(t->want[i].key, key) == 0)
			w = &t->want[i];
	}
	if (w == NULL)
		return bh_term_add(im, t, key, BH_WANT_IN, &value, 1);
	n = w->n;
	list = bh_import_alloc(im, (n + 1) * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	memcpy(list, w->value, n * sizeof(*list));
	list[n] = value;
	/* As if nothing were required of it yet. */
	w->in = false;
	w->n = 0;
	return bh_term_add(im, t, key, BH_WANT_IN, list, n + 1);
}
