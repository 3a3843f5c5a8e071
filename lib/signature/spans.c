/* Sets of numbers as sorted spans that do not touch: ports, and addresses as 128 bits. */
#include <errno.h>
#include <stdlib.h>

#include "suricata.h"

#define SPANS_MAX 100000 /* of one set: a list of every country's networks has fewer */

int
bh_sig_spans_add(struct bh_spans *s, bh_number first, bh_number last)
{
	size_t cap;
	void *p;

	if (s->n == s->cap) {
		if (s->n >= SPANS_MAX)
			return -E2BIG;
		cap = s->cap != 0 ? 2 * s->cap : 8;
		p = realloc(s->at, cap * sizeof(*s->at));
		if (p == NULL)
			return -ENOMEM;
		s->at = p;
		s->cap = cap;
	}
	s->at[s->n].first = first;
	s->at[s->n++].last = last;
	return 0;
}

static int
by_first(const void *a, const void *b)
{
	const struct bh_span128 *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

void
bh_sig_spans_normalise(struct bh_spans *s)
{
	size_t i, n = 0;

	if (s->n == 0)
		return;
	qsort(s->at, s->n, sizeof(*s->at), by_first);
	for (i = 1; i < s->n; i++) {
		/* first > 0 here: it is at least that of another span, and a second 0 is caught by <=. */
		if (s->at[i].first <= s->at[n].last || s->at[i].first - 1 == s->at[n].last) {
			if (s->at[i].last > s->at[n].last)
				s->at[n].last = s->at[i].last;
		} else {
			s->at[++n] = s->at[i];
		}
	}
	s->n = n + 1;
}

int
bh_sig_spans_complement(const struct bh_spans *s, bh_number max, struct bh_spans *out)
{
	bh_number from = 0;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < s->n; i++) {
		if (s->at[i].first > from)
			rc = bh_sig_spans_add(out, from, s->at[i].first - 1);
		if (s->at[i].last >= max)
			return rc;
		from = s->at[i].last + 1;
	}
	return rc != 0 ? rc : bh_sig_spans_add(out, from, max);
}

int
bh_sig_spans_and(const struct bh_spans *a, const struct bh_spans *b, struct bh_spans *out)
{
	size_t i = 0, k = 0;
	bh_number first, last;
	int rc = 0;

	while (rc == 0 && i < a->n && k < b->n) {
		first = a->at[i].first > b->at[k].first ? a->at[i].first : b->at[k].first;
		last = a->at[i].last < b->at[k].last ? a->at[i].last : b->at[k].last;
		if (first <= last)
			rc = bh_sig_spans_add(out, first, last);
		if (a->at[i].last < b->at[k].last)
			i++;
		else
			k++;
	}
	return rc;
}

void
bh_sig_spans_free(struct bh_spans *s)
{
	free(s->at);
	*s = (struct bh_spans){0};
}
