/* Classes: distinct sets of segments. Appended while workers read: they learn an index only after its
 * class is complete. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

static uint64_t
set_sum(const struct bh_doc *doc, const uint32_t *segment, uint32_t n)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		sum += doc->segment[segment[i]].hash;
	return sum;
}

/* The cell of a set, or the free one where it belongs. */
static uint32_t *
find_cell(const struct bh_snapshot *s, uint64_t sum, const uint32_t *segment, uint32_t n)
{
	uint32_t i = (uint32_t)bh_mum(sum ^ s->pair_key[0], s->pair_key[1]) & s->class_mask;

	for (;; i = (i + 1) & s->class_mask) {
		const struct bh_class *c = &s->class_[s->class_cell[i]];

		if (s->class_cell[i] == BH_NONE ||
		    (c->sum == sum && c->n == n &&
		     (n == 0 || memcmp(&s->member[c->first], segment, n * sizeof(*segment)) == 0)))
			return &s->class_cell[i];
	}
}

static int
cells_grow(struct bh_snapshot *s)
{
	uint32_t size = s->class_cell == NULL ? 256 : 2 * (s->class_mask + 1), i;
	uint32_t *cell = malloc(size * sizeof(*cell));

	if (cell == NULL)
		return -ENOMEM;
	memset(cell, 0xff, size * sizeof(*cell));
	free(s->class_cell);
	s->class_cell = cell;
	s->class_mask = size - 1;
	for (i = 0; i < s->n_classes; i++) {
		const struct bh_class *c = &s->class_[i];

		*find_cell(s, c->sum, &s->member[c->first], c->n) = i;
	}
	return 0;
}

int
bh_class_intern(struct bh_snapshot *s, const struct bh_doc *doc, const uint32_t *segment,
		uint32_t n, uint32_t *out)
{
	uint64_t sum = set_sum(doc, segment, n);
	struct bh_class *c;
	uint32_t *cell, i;

	if ((s->class_cell == NULL || s->n_classes * 2 > s->class_mask) && cells_grow(s) != 0)
		return -ENOMEM;
	cell = find_cell(s, sum, segment, n);
	if (*cell != BH_NONE) {
		*out = *cell;
		return 0;
	}
	if (s->n_classes == s->cap_classes || s->cap_members - s->n_members < n)
		return -ENOSPC;
	c = &s->class_[s->n_classes];
	*c = (struct bh_class){.sum = sum, .first = s->n_members, .n = n};
	for (i = 0; i < n; i++) {
		s->member[s->n_members + i] = segment[i];
		c->bits |= s->seg[segment[i]].bit;
	}
	s->n_members += n;
	*cell = s->n_classes;
	*out = s->n_classes++;
	return 0;
}
