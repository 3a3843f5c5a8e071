/* Segments as sets: a selector is, for each label key, a finite or cofinite set of values (of atoms, where texts are asked
 * for) and whether the key may be absent; `within` is one more key. Each requirement of a selector, and each of their conjunctions, is such a set, and inclusion of two
 * selectors is decided key by key. Addresses are ranges. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lint.h"

typedef unsigned __int128 u128;

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ---- ranges ------------------------------------------------------------------------------------------ */

static int
by_range(const void *a, const void *b)
{
	const struct bh_lint_range *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

struct bh_lint_range *
bh_lint_ranges_alloc(struct bh_arena *arena, size_t n)
{
	/* The arena aligns to 8, ranges want 16. */
	uint8_t *p = bh_arena_alloc(arena, (n + 1) * sizeof(struct bh_lint_range));

	return p == NULL ? NULL : (struct bh_lint_range *)(p + (-(uintptr_t)p & 15));
}

struct bh_lint_range
bh_lint_range_of(const struct bh_prefix *p)
{
	unsigned bits = p->family == BH_IP6 ? 128 : 32, k;
	u128 v = 0, rest;

	for (k = 0; k < bits / 8; k++)
		v = v << 8 | p->addr[k];
	rest = bits == p->len ? 0 : ~(u128)0 >> (128 - (bits - p->len));
	return (struct bh_lint_range){v, v | rest, p->family};
}

static int
read_ranges(struct bh_lint_segments *x, const struct bh_prefix *prefix, uint32_t n_prefixes,
	    const struct bh_lint_range **out, uint32_t *n_out)
{
	struct bh_lint_range *r = bh_lint_ranges_alloc(&x->arena, n_prefixes);
	uint32_t i, n = 0;

	if (r == NULL)
		return -ENOMEM;
	for (i = 0; i < n_prefixes; i++)
		r[i] = bh_lint_range_of(&prefix[i]);
	qsort(r, n_prefixes, sizeof(*r), by_range);
	for (i = 0; i < n_prefixes; i++) {
		struct bh_lint_range *last = n != 0 ? &r[n - 1] : NULL;

		if (last != NULL && last->family == r[i].family &&
		    (last->last == ~(u128)0 || r[i].first <= last->last + 1))
			last->last = r[i].last > last->last ? r[i].last : last->last;
		else
			r[n++] = r[i];
	}
	*out = r;
	*n_out = n;
	return 0;
}

/* ---- selectors -------------------------------------------------------------------------------------- */

static int
read_requirement(struct bh_lint_segments *x, const struct bh_requirement *q, struct bh_lint_key *k,
		 struct bh_lint_segment *s)
{
	int rc;

	*k = (struct bh_lint_key){.key = q->key,
				  .domain = bh_lint_domain(x, q->key),
				  .n_values = q->n_values};
	switch (q->op) {
	case BH_REQUIRE_IN:
		break;
	case BH_REQUIRE_NOT_IN:
		k->absent = k->co = true;
		break;
	case BH_REQUIRE_EXISTS:
		k->co = true;
		break;
	case BH_REQUIRE_ABSENT:
		k->absent = true;
		break;
	default:
		rc = bh_lint_domain_term(x, q, k);
		if (rc == 1) {
			s->opaque = true;
			s->unread = q->value[0];
		}
		return rc < 0 ? rc : 0;
	}
	k->value = bh_arena_alloc(&x->arena, (k->n_values + 1) * sizeof(*k->value));
	if (k->value == NULL)
		return -ENOMEM;
	if (k->n_values != 0)
		memcpy(k->value, q->value, k->n_values * sizeof(*k->value));
	qsort(k->value, k->n_values, sizeof(*k->value), by_text);
	return 0;
}

static int
by_key(const void *a, const void *b)
{
	return strcmp(((const struct bh_lint_key *)a)->key, ((const struct bh_lint_key *)b)->key);
}

/* Two requirements on one key become one. */
static int
merge_keys(struct bh_lint_segments *x, struct bh_lint_segment *s)
{
	uint32_t i, n = 0;

	qsort(s->key, s->n_keys, sizeof(*s->key), by_key);
	for (i = 0; i < s->n_keys; i++) {
		struct bh_lint_key *last = n != 0 ? &s->key[n - 1] : NULL;
		const char **both;

		if (last == NULL || strcmp(last->key, s->key[i].key) != 0) {
			s->key[n++] = s->key[i];
			continue;
		}
		both = bh_arena_alloc(&x->arena,
				      (last->n_values + s->key[i].n_values + 1) * sizeof(*both));
		if (both == NULL)
			return -ENOMEM;
		if (last->co && !s->key[i].co) {
			/* The listed one first. */
			struct bh_lint_key swap = *last;

			*last = s->key[i];
			s->key[i] = swap;
		}
		if (last->n_values != 0)
			memcpy(both, last->value, last->n_values * sizeof(*both));
		last->value = both;
		bh_lint_key_join(last, &s->key[i]);
	}
	s->n_keys = n;
	for (i = 0; i < n; i++)
		s->impossible |= bh_lint_key_empty(&s->key[i]);
	return 0;
}

static int
read_selector(struct bh_lint_segments *x, const struct bh_doc_segment *from,
	      struct bh_lint_segment *s)
{
	const struct bh_selector *sel = from->selector;
	const struct bh_requirement *q;
	uint32_t n = 0;
	int rc = 0;

	for (q = sel->first; q != NULL; q = q->next)
		n++;
	s->has_selector = true;
	s->key = bh_arena_alloc(&x->arena, (n + 2) * sizeof(*s->key));
	if (s->key == NULL)
		return -ENOMEM;
	if (from->n_within != 0) {
		rc = bh_lint_domain_within(x, from, &s->key[s->n_keys++]);
		if (rc == 0)
			rc = read_ranges(x, from->within, from->n_within, &s->within, &s->n_within);
	}
	for (q = sel->first; rc == 0 && q != NULL; q = q->next)
		rc = read_requirement(x, q, &s->key[s->n_keys++], s);
	return rc == 0 ? merge_keys(x, s) : rc;
}

/* In place of names: a requirement that nothing else has. */
static int
read_hosts(struct bh_lint_segments *x, const char *name, struct bh_lint_segment *s)
{
	struct bh_buf b = {0};

	bh_buf_printf(&b, "\x01names\x01%s", name);
	s->has_selector = s->opaque = s->by_name = true;
	s->impossible = false;
	s->n_keys = 1;
	s->key = bh_arena_alloc(&x->arena, sizeof(*s->key));
	if (s->key != NULL && !b.failed) {
		s->key->key = bh_arena_text(&x->arena, b.data, b.len);
		s->key->co = true;
	}
	bh_buf_free(&b);
	return s->key != NULL && s->key->key != NULL ? 0 : -ENOMEM;
}

/* Is a selector's set inside another's? */
static bool
selector_in(const struct bh_lint_segment *inner, const struct bh_lint_segment *outer)
{
	uint32_t i, k = 0;

	for (i = 0; i < outer->n_keys; i++) {
		while (k < inner->n_keys && strcmp(inner->key[k].key, outer->key[i].key) < 0)
			k++;
		/* A key that is not asked for may be anything, and no requirement allows that. */
		if (k == inner->n_keys || strcmp(inner->key[k].key, outer->key[i].key) != 0 ||
		    !bh_lint_key_in(&inner->key[k], &outer->key[i]))
			return false;
	}
	return true;
}

/* ---- addresses -------------------------------------------------------------------------------------- */

static bool
ranges_in(const struct bh_lint_range *inner, uint32_t n, const struct bh_lint_segment *outer)
{
	uint32_t i, k = 0;

	for (i = 0; i < n; i++) {
		const struct bh_lint_range *r = &inner[i];

		while (k < outer->n_ranges &&
		       (outer->range[k].family < r->family ||
			(outer->range[k].family == r->family && outer->range[k].last < r->first)))
			k++;
		if (k == outer->n_ranges || outer->range[k].family != r->family ||
		    outer->range[k].first > r->first || outer->range[k].last < r->last)
			return false;
	}
	return true;
}

/* ---- segments --------------------------------------------------------------------------------------- */

/* All of its members, and its addresses, which those of its members are among. */
static bool
zone_in(const struct bh_lint_segments *x, uint32_t outer, uint32_t zone)
{
	const struct bh_doc_segment *z = &x->doc->segment[zone];
	uint32_t i = 0;

	while (i < z->n_members && bh_lint_includes(x, outer, z->member[i]))
		i++;
	return i == z->n_members &&
	       ranges_in(x->segment[zone].range, x->segment[zone].n_ranges, &x->segment[outer]);
}

static bool
in_zone(const struct bh_lint_segments *x, uint32_t zone, uint32_t inner)
{
	const struct bh_doc_segment *z = &x->doc->segment[zone];
	const struct bh_lint_segment *s = &x->segment[inner];
	uint32_t i;

	for (i = 0; i < z->n_members; i++) {
		if (bh_lint_includes(x, z->member[i], inner))
			return true;
	}
	return !s->has_selector && !s->impossible && s->n_ranges != 0 &&
	       ranges_in(s->range, s->n_ranges, &x->segment[zone]);
}

bool
bh_lint_includes(const struct bh_lint_segments *x, uint32_t outer, uint32_t inner)
{
	const struct bh_lint_segment *o, *i;

	if (outer == inner || outer == x->doc->n_segments)
		return true;
	if (inner == x->doc->n_segments || outer <= BH_SEGMENT_UNKNOWN ||
	    inner <= BH_SEGMENT_UNKNOWN)
		return false;
	o = &x->segment[outer];
	i = &x->segment[inner];
	if (x->doc->segment[inner].n_members != 0)
		return zone_in(x, outer, inner);
	if (x->doc->segment[outer].n_members != 0)
		return in_zone(x, outer, inner);
	if (i->has_selector && !i->impossible && (!o->has_selector || !selector_in(i, o)) &&
	    (i->n_within == 0 || !ranges_in(i->within, i->n_within, o)))
		return false;
	return ranges_in(i->range, i->n_ranges, o);
}

static int
add_sup(struct bh_lint_segments *x, uint32_t outer)
{
	uint32_t *grown;

	if (x->n_sup == x->cap_sup) {
		x->cap_sup = x->cap_sup != 0 ? 2 * x->cap_sup : 1024;
		grown = realloc(x->sup, x->cap_sup * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		x->sup = grown;
	}
	x->sup[x->n_sup++] = outer;
	return 0;
}

int
bh_lint_example(const struct bh_lint_key *keys, uint32_t n_keys, struct bh_label_sets *sets,
		struct bh_label_set **out)
{
	struct bh_label labels[BH_LABELS_MAX];
	char fresh[BH_LABELS_MAX][32];
	unsigned n = 0;
	uint32_t i;

	for (i = 0; i < n_keys; i++) {
		const struct bh_lint_key *key = &keys[i];

		if (key->absent || strcmp(key->key, BH_LINT_PLACE) == 0)
			continue;
		if (n == BH_LABELS_MAX)
			return -E2BIG;
		labels[n] = (struct bh_label){key->key,
					      bh_lint_key_example(key, fresh[n], sizeof(fresh[n]))};
		n++;
	}
	return bh_label_set_intern(sets, labels, n, out, NULL);
}

/* Segments that could hold all of one, into `out`: a few that an example of it is in. */
static int
find_candidates(struct bh_lint_segments *x, const struct bh_snapshot *snapshot, uint32_t segment,
		struct bh_label_sets *sets, uint32_t *out, uint32_t *n)
{
	const struct bh_lint_segment *s = &x->segment[segment];
	struct bh_label_set *set = NULL;
	const struct bh_class *c;
	uint32_t i;
	int rc = 0;

	*n = 0;
	if (s->has_selector && !s->opaque) {
		rc = bh_lint_example(s->key, s->n_keys, sets, &set);
		if (rc == 0) {
			*n = bh_selector_index_match(&x->doc->index, x->doc, set, out);
			bh_label_set_put(sets, set);
			return 0;
		}
	} else if (!s->has_selector && s->n_ranges != 0) {
		c = &snapshot->class_[bh_range_class(
			snapshot, x->doc->segment[segment].address[0].addr, s->range[0].family)];
		if (x->doc->segment[segment].address[0].family == s->range[0].family) {
			memcpy(out, &snapshot->member[c->first], c->n * sizeof(*out));
			*n = c->n;
			return 0;
		}
	}
	for (i = 0; rc != -ENOMEM && i < x->doc->n_segments; i++)
		out[(*n)++] = i;
	return rc == -ENOMEM ? rc : 0;
}

static int
find_sups(struct bh_lint_segments *x, const struct bh_snapshot *snapshot,
	  const struct bh_hash_key *key)
{
	uint32_t *out = malloc(2 * ((size_t)x->doc->n_segments + 1) * sizeof(*out)), n, i, k;
	struct bh_label_sets sets;
	int rc = bh_label_sets_init(&sets, key);

	if (rc != 0 || out == NULL) {
		free(out);
		if (rc == 0)
			bh_label_sets_free(&sets);
		return -ENOMEM;
	}
	for (i = 0; rc == 0 && i < x->doc->n_segments; i++) {
		struct bh_lint_segment *s = &x->segment[i];

		s->first_sup = (uint32_t)x->n_sup;
		rc = add_sup(x, i);
		if (rc == 0 && i > BH_SEGMENT_UNKNOWN && !s->impossible)
			rc = find_candidates(x, snapshot, i, &sets, out, &n);
		else
			n = 0;
		for (k = 0; rc == 0 && k < n; k++) {
			if (out[k] != i && bh_lint_includes(x, out[k], i))
				rc = add_sup(x, out[k]);
		}
		s->n_sup = (uint32_t)x->n_sup - s->first_sup;
	}
	bh_label_sets_free(&sets);
	free(out);
	return rc;
}

int
bh_lint_segments_build(struct bh_lint_segments *x, const struct bh_doc *doc,
		       const struct bh_snapshot *s, const struct bh_hash_key *key)
{
	uint32_t i;
	int rc = 0;

	x->doc = doc;
	x->segment = calloc((size_t)doc->n_segments + 1, sizeof(*x->segment));
	if (x->segment == NULL)
		return -ENOMEM;
	rc = bh_lint_domains_build(x, key);
	for (i = 0; rc == 0 && i < doc->n_segments; i++) {
		if (doc->segment[i].selector != NULL)
			rc = read_selector(x, &doc->segment[i], &x->segment[i]);
		if (rc == 0)
			rc = read_ranges(x, doc->segment[i].address, doc->segment[i].n_addresses,
					 &x->segment[i].range, &x->segment[i].n_ranges);
		/* What has a name is known to nobody: it is inside of nothing else, and may meet all. */
		if (rc == 0 && doc->segment[i].n_hosts != 0)
			rc = read_hosts(x, doc->segment[i].name, &x->segment[i]);
		if (doc->segment[i].n_members != 0)
			x->segment[i].opaque = x->segment[i].has_selector = true;
		/* With addresses a part of it is possible. */
		if (x->segment[i].n_ranges != 0 && x->segment[i].impossible)
			x->segment[i].impossible = x->segment[i].has_selector = false;
	}
	if (rc == 0)
		rc = bh_lint_cubes_build(x, key);
	return rc == 0 ? find_sups(x, s, key) : rc;
}

void
bh_lint_segments_free(struct bh_lint_segments *x)
{
	bh_lint_domains_free(x);
	free(x->segment);
	free(x->cube);
	free(x->sup);
	bh_arena_free(&x->arena);
}
