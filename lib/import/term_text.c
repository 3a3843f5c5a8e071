/* Requirements over the text of a label, beside the normal form of a term. */
#include <errno.h>
#include <stdlib.h>

#include "import_priv.h"

static void
put_more(const struct bh_more *m, struct bh_buf *out)
{
	const char *quote;
	size_t i;

	bh_buf_printf(out, "%s %s ", m->key, m->op);
	if (m->op[0] == '~' || m->op[0] == '!') {
		quote = strchr(m->value[0], '"') == NULL ? "\"" : "'";
		bh_buf_printf(out, "%s%s%s", quote, m->value[0], quote);
		return;
	}
	for (i = 0; i < m->n; i++)
		bh_buf_printf(out, "%s%s", i == 0 ? "(" : ", ", m->value[i]);
	bh_buf_str(out, ")");
}

static int
compare(const struct bh_more *a, const struct bh_more *b)
{
	int c = strcmp(a->key, b->key);
	size_t i;

	if (c == 0)
		c = strcmp(a->op, b->op);
	for (i = 0; c == 0 && i < a->n && i < b->n; i++)
		c = strcmp(a->value[i], b->value[i]);
	return c != 0 ? c : (a->n > b->n) - (a->n < b->n);
}

/* In their order, none twice. */
static int
insert(struct bh_import *im, struct bh_term *t, const struct bh_more *m)
{
	struct bh_more *list;
	size_t at = 0;

	while (at < t->n_more && compare(&t->more[at], m) < 0)
		at++;
	if (at < t->n_more && compare(&t->more[at], m) == 0)
		return 0;
	/* Terms share their lists: this one gets its own. */
	list = bh_import_alloc(im, (t->n_more + 1) * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	if (t->n_more != 0) {
		memcpy(list, t->more, at * sizeof(*list));
		memcpy(list + at + 1, t->more + at, (t->n_more - at) * sizeof(*list));
	}
	list[at] = *m;
	t->more = list;
	t->n_more++;
	return 0;
}

/* What the policy room would not load is not said. */
static bool
loads(struct bh_import *im, const struct bh_more *m)
{
	struct bh_selector *s;
	struct bh_buf text = {0};
	size_t at;
	int rc;

	put_more(m, &text);
	rc = text.failed ? -ENOMEM : bh_selector_parse(&im->arena, text.data, &s, &at, NULL);
	bh_buf_free(&text);
	return rc == 0;
}

int
bh_term_more(struct bh_import *im, struct bh_term *t, const struct bh_more *m)
{
	t->kind = BH_TERM_LABELS;
	return loads(im, m) ? insert(im, t, m) : BH_TERM_UNSAYABLE;
}

static int
one_more_value(struct bh_import *im, struct bh_more *m, const char *value)
{
	const char **list = bh_import_alloc(im, (m->n + 1) * sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	if (m->n != 0)
		memcpy(list, m->value, m->n * sizeof(*list));
	list[m->n++] = value;
	m->value = list;
	return 0;
}

int
bh_term_or_more(struct bh_import *im, struct bh_term *t, const char *key, const char *op,
		const char *value)
{
	struct bh_more m = {.key = key, .op = op};
	size_t i;
	int rc;

	for (i = 0; i < t->n_more && op[0] != '!' && strcmp(t->more[i].key, key) != 0;)
		i++;
	if (op[0] == '!' || i == t->n_more) {
		rc = one_more_value(im, &m, value);
		return rc == 0 ? bh_term_more(im, t, &m) : rc;
	}
	if (strcmp(t->more[i].op, op) != 0)
		return BH_TERM_UNSAYABLE;
	if (op[0] != '~') {
		rc = one_more_value(im, &t->more[i], value);
		return rc != 0 ? rc : loads(im, &t->more[i]) ? 0 : BH_TERM_UNSAYABLE;
	}
	m.value = bh_import_alloc(im, sizeof(*m.value));
	if (m.value == NULL)
		return -ENOMEM;
	m.value[0] = bh_import_text(im, "(?:%s)|(?:%s)", t->more[i].value[0], value);
	m.n = 1;
	if (m.value[0] == NULL)
		return -ENOMEM;
	t->more[i] = m;
	return loads(im, &m) ? 0 : BH_TERM_UNSAYABLE;
}

bool
bh_term_same_more(const struct bh_term *a, const struct bh_term *b)
{
	size_t i = 0;

	while (i < a->n_more && i < b->n_more && compare(&a->more[i], &b->more[i]) == 0)
		i++;
	return i == a->n_more && i == b->n_more;
}

bool
bh_term_more_within(const struct bh_term *a, const struct bh_term *b)
{
	size_t i, k = 0;

	for (i = 0; i < b->n_more; i++) {
		while (k < a->n_more && compare(&a->more[k], &b->more[i]) < 0)
			k++;
		if (k == a->n_more || compare(&a->more[k], &b->more[i]) != 0)
			return false;
	}
	return true;
}

int
bh_term_more_and(struct bh_import *im, const struct bh_term *a, const struct bh_term *b,
		 struct bh_term *out)
{
	size_t i;
	int rc = 0;

	out->more = a->more;
	out->n_more = a->n_more;
	for (i = 0; rc == 0 && i < b->n_more; i++)
		rc = insert(im, out, &b->more[i]);
	return rc;
}

void
bh_term_more_text(const struct bh_term *t, struct bh_buf *out)
{
	size_t i;

	for (i = 0; i < t->n_more; i++) {
		bh_buf_str(out, out->len == 0 ? "" : ", ");
		put_more(&t->more[i], out);
	}
}
