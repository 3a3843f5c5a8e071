/* Sets of endpoints as conjunctions of requirements, one normal form a label. Labels do not depend on
 * one another, so that a conjunction can be met exactly when each of its labels can. */
#include <errno.h>
#include <stdlib.h>

#include "import_priv.h"

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
has(const struct bh_want *w, const char *value)
{
	return w->n != 0 && bsearch(&value, w->value, w->n, sizeof(*w->value), by_text) != NULL;
}

static void
sort_values(struct bh_want *w)
{
	size_t i, n = 0;

	qsort(w->value, w->n, sizeof(*w->value), by_text);
	for (i = 0; i < w->n; i++) {
		if (n == 0 || strcmp(w->value[n - 1], w->value[i]) != 0)
			w->value[n++] = w->value[i];
	}
	w->n = n;
}

/* Does the want hold for a label with this value? */
static bool
accepts(const struct bh_want *w, const char *value)
{
	return w->in ? has(w, value) : !w->absent && !has(w, value);
}

/* Can a label meet both? */
static bool
want_meet(const struct bh_want *a, const struct bh_want *b)
{
	const struct bh_want *in = a->in ? a : b, *other = a->in ? b : a;
	size_t i;

	if (!in->in)
		return !((a->exists && b->absent) || (a->absent && b->exists));
	for (i = 0; i < in->n; i++) {
		if (accepts(other, in->value[i]))
			return true;
	}
	return false;
}

/* The caller knows that they meet. */
static int
want_and(struct bh_import *im, const struct bh_want *a, const struct bh_want *b,
	 struct bh_want *out)
{
	const struct bh_want *in = a->in ? a : b, *other = a->in ? b : a;
	size_t i;

	*out = (struct bh_want){.key = a->key, .in = in->in};
	out->value = bh_import_alloc(im, (a->n + b->n + 1) * sizeof(*out->value));
	if (out->value == NULL)
		return -ENOMEM;
	if (in->in) {
		for (i = 0; i < in->n; i++) {
			if (accepts(other, in->value[i]))
				out->value[out->n++] = in->value[i];
		}
		return 0;
	}
	out->exists = a->exists || b->exists;
	out->absent = a->absent || b->absent;
	for (i = 0; !out->absent && i < a->n; i++)
		out->value[out->n++] = a->value[i];
	for (i = 0; !out->absent && i < b->n; i++)
		out->value[out->n++] = b->value[i];
	sort_values(out);
	return 0;
}

const struct bh_want *
bh_term_want(const struct bh_term *t, const char *key)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (strcmp(t->want[i].key, key) == 0)
			return &t->want[i];
	}
	return NULL;
}

bool
bh_term_meet(const struct bh_term *a, const struct bh_term *b)
{
	size_t i = 0, k = 0;
	int c;

	while (i < a->n && k < b->n) {
		c = strcmp(a->want[i].key, b->want[k].key);
		if (c == 0 && !want_meet(&a->want[i], &b->want[k]))
			return false;
		i += c <= 0;
		k += c >= 0;
	}
	return true;
}

/* Conjunction of two sets of labels; they meet. */
static int
labels_and(struct bh_import *im, const struct bh_term *a, const struct bh_term *b,
	   struct bh_term *out)
{
	struct bh_term t = {.kind = BH_TERM_LABELS};
	size_t i = 0, k = 0;
	int c, rc;

	t.want = bh_import_alloc(im, (a->n + b->n + 1) * sizeof(*t.want));
	if (t.want == NULL)
		return -ENOMEM;
	while (i < a->n || k < b->n) {
		c = i == a->n ? 1 : k == b->n ? -1 : strcmp(a->want[i].key, b->want[k].key);
		if (c == 0) {
			rc = want_and(im, &a->want[i], &b->want[k], &t.want[t.n]);
			if (rc != 0)
				return rc;
		} else {
			t.want[t.n] = c < 0 ? a->want[i] : b->want[k];
		}
		t.n++;
		i += c <= 0;
		k += c >= 0;
	}
	rc = bh_term_more_and(im, a, b, &t);
	*out = t;
	return rc;
}

int
bh_term_and(struct bh_import *im, const struct bh_term *a, const struct bh_term *b,
	    struct bh_term *out)
{
	const struct bh_term *labels = a->kind == BH_TERM_LABELS ? a : b;
	const struct bh_term *other = a->kind == BH_TERM_LABELS ? b : a;
	enum bh_cover cover;
	int rc;

	if (a->kind == BH_TERM_ANY || b->kind == BH_TERM_ANY) {
		*out = a->kind == BH_TERM_ANY ? *b : *a;
		return BH_TERM_OK;
	}
	if (labels->kind != BH_TERM_LABELS || other->kind == BH_TERM_NAMED)
		return BH_TERM_UNSAYABLE;
	if (other->kind == BH_TERM_LABELS)
		return bh_term_meet(a, b) ? labels_and(im, a, b, out) : BH_TERM_EMPTY;
	/* Our segments say labels or addresses, not both at once: all depends on where pods can be. */
	rc = bh_block_cover(im, other, &cover);
	if (rc != 0)
		return rc;
	*out = *labels;
	return cover == BH_COVER_ALL    ? BH_TERM_OK
	       : cover == BH_COVER_NONE ? BH_TERM_EMPTY
					: BH_TERM_UNSAYABLE;
}

int
bh_term_add(struct bh_import *im, struct bh_term *t, const char *key, enum bh_want_op op,
	    const char *const value[], size_t n)
{
	struct bh_want w = {.key = key, .n = n, .in = op == BH_WANT_IN};
	struct bh_term one = {.kind = BH_TERM_LABELS, .want = &w, .n = 1};

	w.exists = op == BH_WANT_EXISTS;
	w.absent = op == BH_WANT_ABSENT;
	w.value = bh_import_alloc(im, (n + 1) * sizeof(*w.value));
	if (w.value == NULL)
		return -ENOMEM;
	if (n != 0)
		memcpy(w.value, value, n * sizeof(*value));
	sort_values(&w);
	t->kind = BH_TERM_LABELS;
	return bh_term_meet(t, &one) ? labels_and(im, t, &one, t) : BH_TERM_EMPTY;
}

/* Whatever meets a meets b. */
static bool
want_within(const struct bh_want *a, const struct bh_want *b)
{
	size_t i;

	if (a->in) {
		for (i = 0; i < a->n; i++) {
			if (!accepts(b, a->value[i]))
				return false;
		}
		return true;
	}
	if (a->absent)
		return !b->in && !b->exists;
	if (b->in || b->absent || (b->exists && !a->exists))
		return false;
	for (i = 0; i < b->n; i++) {
		if (!has(a, b->value[i]))
			return false;
	}
	return true;
}

bool
bh_term_within(const struct bh_term *a, const struct bh_term *b)
{
	const struct bh_want *w;
	size_t i;

	if (b->kind == BH_TERM_ANY)
		return true;
	if (a->kind != BH_TERM_LABELS || b->kind != BH_TERM_LABELS || !bh_term_more_within(a, b))
		return false;
	for (i = 0; i < b->n; i++) {
		w = bh_term_want(a, b->want[i].key);
		if (w == NULL || !want_within(w, &b->want[i]))
			return false;
	}
	return true;
}

static void
want_text(const struct bh_want *w, struct bh_buf *out)
{
	const char *sep = "";
	size_t i, n = 0;

	if (w->absent || w->exists) {
		bh_buf_printf(out, "%s%s", w->absent ? "!" : "", w->key);
		sep = ", ";
	}
	/* An empty value stands alone: no list may hold it. */
	if (w->n > 0 && (w->n == 1 || w->value[0][0] == '\0')) {
		bh_buf_printf(out, "%s%s%s%s", sep, w->key, w->in ? "=" : "!=", w->value[0]);
		sep = ", ";
		n = 1;
	}
	for (i = n; i < w->n; i++) {
		if ((i - n) % 200 == 0)
			bh_buf_printf(out, "%s%s%s %s (", i == n ? "" : ")", sep, w->key,
				      w->in ? "in" : "notin");
		bh_buf_printf(out, "%s%s", (i - n) % 200 == 0 ? "" : ", ", w->value[i]);
		sep = ", ";
	}
	if (n < w->n)
		bh_buf_str(out, ")");
}

void
bh_term_selector(const struct bh_term *t, struct bh_buf *out)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		/* A label that may be anything or absent. */
		if (!t->want[i].in && !t->want[i].absent && !t->want[i].exists && t->want[i].n == 0)
			continue;
		bh_buf_str(out, out->len == 0 ? "" : ", ");
		want_text(&t->want[i], out);
	}
	bh_term_more_text(t, out);
}
