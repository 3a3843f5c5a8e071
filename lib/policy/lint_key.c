/* Sets of values of one label key: those listed, or all but those. Where the domain is known (lint_domain.c) there are no
 * other values than its atoms; else there is always one more. */
#include <stdio.h>
#include <stdlib.h>

#include "lint.h"

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool
bh_lint_key_has(const struct bh_lint_key *k, const char *value)
{
	uint32_t low = 0, high = k->n_values, mid;
	int c;

	while (low < high) {
		mid = (low + high) / 2;
		c = strcmp(k->value[mid], value);
		if (c == 0)
			return !k->co;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return k->co;
}

/* How many values do both list? */
static uint32_t
n_common(const struct bh_lint_key *a, const struct bh_lint_key *b)
{
	uint32_t i, n = 0;

	if (a->n_values > b->n_values)
		return n_common(b, a);
	for (i = 0; i < a->n_values; i++)
		n += bh_lint_key_has(b, a->value[i]) != b->co;
	return n;
}

/* Do two lists have all there is between them? */
static bool
fill(const struct bh_lint_key *a, const struct bh_lint_key *b)
{
	return a->domain != NULL &&
	       a->n_values + b->n_values - n_common(a, b) == a->domain->n_values;
}

bool
bh_lint_key_in(const struct bh_lint_key *inner, const struct bh_lint_key *outer)
{
	if (inner->absent && !outer->absent)
		return false;
	if (inner->co && !outer->co)
		return fill(inner, outer);
	if (inner->co)
		return n_common(outer, inner) == outer->n_values;
	return n_common(inner, outer) == (outer->co ? 0 : inner->n_values);
}

bool
bh_lint_key_disjoint(const struct bh_lint_key *a, const struct bh_lint_key *b)
{
	if (a->absent && b->absent)
		return false;
	if (a->co && b->co)
		return fill(a, b);
	if (!a->co && !b->co)
		return n_common(a, b) == 0;
	return n_common(a, b) == (a->co ? b->n_values : a->n_values);
}

bool
bh_lint_key_empty(const struct bh_lint_key *k)
{
	if (k->absent)
		return false;
	return k->co ? k->domain != NULL && k->n_values == k->domain->n_values : k->n_values == 0;
}

void
bh_lint_key_join(struct bh_lint_key *a, const struct bh_lint_key *b)
{
	uint32_t i, n = a->co ? a->n_values : 0;

	a->absent = a->absent && b->absent;
	for (i = 0; a->co && i < b->n_values; i++) {
		if (bh_lint_key_has(a, b->value[i]))
			a->value[n++] = b->value[i];
	}
	for (i = 0; !a->co && i < a->n_values; i++) {
		if (bh_lint_key_has(b, a->value[i]))
			a->value[n++] = a->value[i];
	}
	a->n_values = n;
	qsort(a->value, n, sizeof(*a->value), by_text);
}

bool
bh_lint_key_meet(struct bh_arena *arena, const struct bh_lint_key *a, const struct bh_lint_key *b,
		 struct bh_lint_key *out)
{
	uint32_t i = 0, k = 0, n = 0;
	int order;
	bool in_a, in_b, take;

	*out = (struct bh_lint_key){.key = b->key,
				    .domain = b->domain,
				    .absent = a->absent && b->absent,
				    .co = a->co && b->co};
	out->value = bh_arena_alloc(arena,
				    ((size_t)a->n_values + b->n_values + 1) * sizeof(*out->value));
	if (out->value == NULL)
		return false;
	while (i < a->n_values || k < b->n_values) {
		order = i == a->n_values   ? 1
			: k == b->n_values ? -1
					   : strcmp(a->value[i], b->value[k]);
		in_a = order <= 0;
		in_b = order >= 0;
		/* Listed by one that lists all but those means: not in it. */
		take = out->co ? true : in_a != a->co && in_b != b->co;
		if (take)
			out->value[n++] = in_a ? a->value[i] : b->value[k];
		i += in_a;
		k += in_b;
	}
	out->n_values = n;
	return true;
}

const char *
bh_lint_key_example(const struct bh_lint_key *k, char *room, size_t size)
{
	unsigned n = 0;
	uint32_t i;

	if (!k->co)
		return k->value[0];
	for (i = 0; k->domain != NULL && i < k->domain->n_values; i++) {
		if (bh_lint_key_has(k, k->domain->value[i]))
			return k->domain->value[i];
	}
	do {
		snprintf(room, size, "other-%u", n++);
	} while (!bh_lint_key_has(k, room));
	return room;
}
