/* Address segments, flattened: prefixes that lie in one another become ranges that don't, each with the
 * class of all segments that cover it. A look-up is one binary search. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

typedef unsigned __int128 u128;

/* One prefix of a segment, or of networks.internal (segment BH_NONE). */
struct source {
	u128 first, last;
	uint32_t segment;
	uint8_t len;
	uint8_t family;
};

/* A prefix whose end has not been passed. */
struct open_prefix {
	u128 last;
	uint32_t class_;
	uint32_t n; /* of the segments in the builder's set that hold here */
	bool internal;
};

struct builder {
	struct bh_snapshot *s;
	const struct bh_doc *doc;
	struct source *source;
	size_t n_sources;
	struct open_prefix open[130]; /* nested at most 129 deep, and the bottom */
	unsigned depth;
	uint32_t *set; /* segments of all open prefixes, in the order they were opened */
	uint32_t *sorted;
	/* output */
	u128 *lo;
	uint32_t *class_;
	size_t n;
};

static void
source_set(struct source *src, const struct bh_prefix *p, uint32_t segment)
{
	unsigned bits = p->family == BH_IP6 ? 128 : 32, i;
	u128 v = 0;

	for (i = 0; i < bits / 8; i++)
		v = v << 8 | p->addr[i];
	src->first = v;
	src->last = p->len == bits ? v : v | (((u128)1 << (bits - p->len)) - 1);
	if (p->len == 0 && bits == 128)
		src->last = ~(u128)0;
	src->segment = segment;
	src->len = p->len;
	src->family = p->family;
}

/* By place, wider ones first, so that a prefix comes behind all that hold it. */
static int
by_place(const void *a, const void *b)
{
	const struct source *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->segment < y->segment ? -1 : x->segment > y->segment;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* From `lo` on, this class. */
static void
emit(struct builder *b, u128 lo, uint32_t class_)
{
	if (b->n > 0 && b->lo[b->n - 1] == lo)
		b->n--;
	if (b->n > 0 && b->class_[b->n - 1] == class_)
		return;
	b->lo[b->n] = lo;
	b->class_[b->n++] = class_;
}

/* Open a prefix: all sources of the same place, from index i on. Returns the next index or -errno. */
static long
open_prefix(struct builder *b, size_t i)
{
	const struct source *src = &b->source[i];
	struct open_prefix *o = &b->open[b->depth], *outer = o - 1;
	uint32_t k, n = 0;
	int rc;

	*o = *outer;
	o->last = src->last;
	for (; i < b->n_sources && b->source[i].family == src->family &&
	       b->source[i].first == src->first && b->source[i].len == src->len;
	     i++) {
		if (b->source[i].segment == BH_NONE)
			o->internal = true;
		else
			b->set[o->n++] = b->source[i].segment;
	}
	memcpy(b->sorted, b->set, o->n * sizeof(*b->set));
	qsort(b->sorted, o->n, sizeof(*b->sorted), by_number);
	for (k = 0; k < o->n; k++) {
		if (n == 0 || b->sorted[n - 1] != b->sorted[k])
			b->sorted[n++] = b->sorted[k];
	}
	if (n == 0) {
		o->class_ = o->internal ? BH_CLASS_UNKNOWN : BH_CLASS_EXTERNAL;
	} else {
		rc = bh_class_intern(b->s, b->doc, b->sorted, n, &o->class_);
		if (rc != 0)
			return rc;
	}
	b->depth++;
	emit(b, src->first, o->class_);
	return (long)i;
}

/* Close what ends before `at`: behind it, the prefix around it holds again. */
static void
close_before(struct builder *b, u128 at, bool end)
{
	const struct open_prefix *o;

	while (b->depth > 1) {
		o = &b->open[b->depth - 1];
		if (!end && o->last >= at)
			return;
		b->depth--;
		if (o->last != ~(u128)0)
			emit(b, o->last + 1, o[-1].class_);
	}
}

/* The sources from i on that are of one family. */
static long
build_family(struct builder *b, size_t i, uint8_t family)
{
	long next;

	b->n = 0;
	b->depth = 1;
	b->open[0] = (struct open_prefix){.last = ~(u128)0, .class_ = BH_CLASS_EXTERNAL};
	emit(b, 0, BH_CLASS_EXTERNAL);
	while (i < b->n_sources && b->source[i].family == family) {
		close_before(b, b->source[i].first, false);
		next = open_prefix(b, i);
		if (next < 0)
			return next;
		i = (size_t)next;
	}
	close_before(b, 0, true);
	return (long)i;
}

static int
store4(struct builder *b)
{
	struct bh_snapshot *s = b->s;
	size_t i;

	/* 255.255.255.255 + 1 is beyond the family: not a range. */
	while (b->n > 0 && b->lo[b->n - 1] > UINT32_MAX)
		b->n--;
	s->range4_lo = malloc(b->n * sizeof(*s->range4_lo));
	s->range4_class = malloc(b->n * sizeof(*s->range4_class));
	if (s->range4_lo == NULL || s->range4_class == NULL)
		return -ENOMEM;
	for (i = 0; i < b->n; i++)
		s->range4_lo[i] = (uint32_t)b->lo[i];
	memcpy(s->range4_class, b->class_, b->n * sizeof(*b->class_));
	s->n_range4 = (uint32_t)b->n;
	return 0;
}

static int
store6(struct builder *b)
{
	struct bh_snapshot *s = b->s;

	s->range6_lo = malloc(b->n * sizeof(*s->range6_lo));
	s->range6_class = malloc(b->n * sizeof(*s->range6_class));
	if (s->range6_lo == NULL || s->range6_class == NULL)
		return -ENOMEM;
	memcpy(s->range6_lo, b->lo, b->n * sizeof(*b->lo));
	memcpy(s->range6_class, b->class_, b->n * sizeof(*b->class_));
	s->n_range6 = (uint32_t)b->n;
	return 0;
}

static void
collect(struct builder *b)
{
	const struct bh_doc *doc = b->doc;
	uint32_t i, k;

	for (i = 0; i < doc->n_internal; i++)
		source_set(&b->source[b->n_sources++], &doc->internal[i], BH_NONE);
	for (i = 0; i < doc->n_segments; i++) {
		for (k = 0; k < doc->segment[i].n_addresses; k++)
			source_set(&b->source[b->n_sources++], &doc->segment[i].address[k], i);
	}
	qsort(b->source, b->n_sources, sizeof(*b->source), by_place);
}

int
bh_ranges_build(struct bh_snapshot *s, const struct bh_doc *doc)
{
	struct builder b = {.s = s, .doc = doc};
	size_t n = doc->n_internal + 1, i;
	long next;
	int rc = -ENOMEM;

	for (i = 0; i < doc->n_segments; i++)
		n += doc->segment[i].n_addresses;
	b.source = malloc(n * sizeof(*b.source));
	b.set = malloc(n * sizeof(*b.set));
	b.sorted = malloc(n * sizeof(*b.sorted));
	/* Each prefix begins one range and ends one. */
	b.lo = malloc((2 * n + 1) * sizeof(*b.lo));
	b.class_ = malloc((2 * n + 1) * sizeof(*b.class_));
	if (b.source == NULL || b.set == NULL || b.sorted == NULL || b.lo == NULL ||
	    b.class_ == NULL)
		goto out;
	collect(&b);
	next = build_family(&b, 0, BH_IP4);
	rc = next < 0 ? (int)next : store4(&b);
	if (rc != 0)
		goto out;
	next = build_family(&b, (size_t)next, BH_IP6);
	rc = next < 0 ? (int)next : store6(&b);
out:
	free(b.source);
	free(b.set);
	free(b.sorted);
	free(b.lo);
	free(b.class_);
	return rc;
}

uint32_t
bh_range_class(const struct bh_snapshot *s, const uint8_t addr[16], uint8_t family)
{
	uint32_t low = 0, n, half, a4;
	uint64_t q[2];
	u128 a6;

	/* The first range begins at 0: there is always one at or before the address. */
	if (family != BH_IP6) {
		a4 = bh_load_be32(addr);
		for (n = s->n_range4; n > 1; n -= half) {
			half = n / 2;
			low += s->range4_lo[low + half] <= a4 ? half : 0;
		}
		return s->range4_class[low];
	}
	memcpy(q, addr, sizeof(q));
	a6 = (u128)__builtin_bswap64(q[0]) << 64 | __builtin_bswap64(q[1]);
	for (n = s->n_range6; n > 1; n -= half) {
		half = n / 2;
		low += s->range6_lo[low + half] <= a6 ? half : 0;
	}
	return s->range6_class[low];
}
