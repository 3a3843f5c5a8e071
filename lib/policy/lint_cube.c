/* Cubes: sets of ends, as a product of who they are, of addresses and of label keys. The difference of two is a few
 * cubes again, so that what several segments hold together is told exactly. */
#include <errno.h>
#include <stdlib.h>

#include "lint.h"

/* A key that is not asked for. */
static const struct bh_lint_key free_key = {.absent = true, .co = true};
/* Every endpoint is somewhere. */
static const struct bh_lint_key free_place = {.co = true};

/* All addresses there are. */
static const struct bh_lint_range all_addresses[2] = {
	{0, UINT32_MAX, BH_IP4},
	{0, ~(unsigned __int128)0, BH_IP6},
};

const struct bh_lint_cube bh_lint_anybody = {
	.who = BH_LINT_WHO_ALL,
	.range = all_addresses,
	.n_ranges = 2,
};

/* ---- keys ------------------------------------------------------------------------------------------- */

static const struct bh_lint_key *
find_key(const struct bh_lint_cube *c, const char *key, uint32_t *at)
{
	uint32_t low = 0, high = c->n_keys, mid;
	int order;

	while (low < high) {
		mid = (low + high) / 2;
		order = strcmp(c->key[mid].key, key);
		if (order == 0) {
			*at = mid;
			return &c->key[mid];
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*at = low;
	return NULL;
}

/* A copy of a cube's keys with one of them set. */
static bool
set_key(struct bh_arena *arena, struct bh_lint_cube *c, const struct bh_lint_key *key)
{
	struct bh_lint_key *copy = bh_arena_alloc(arena, (c->n_keys + 1) * sizeof(*copy));
	uint32_t at, there;

	if (copy == NULL)
		return false;
	there = find_key(c, key->key, &at) != NULL;
	if (at != 0)
		memcpy(copy, c->key, at * sizeof(*copy));
	copy[at] = *key;
	if (at + there < c->n_keys)
		memcpy(&copy[at + 1], &c->key[at + there],
		       (c->n_keys - at - there) * sizeof(*copy));
	c->key = copy;
	c->n_keys += 1 - there;
	c->sig_key = 0;
	return true;
}

/* ---- ranges ----------------------------------------------------------------------------------------- */

static bool
has_all(const struct bh_lint_cube *c)
{
	return c->range == all_addresses && c->n_ranges == 2;
}

static bool
ranges_meet(const struct bh_lint_cube *a, const struct bh_lint_cube *b)
{
	uint32_t i = 0, k = 0;

	if (has_all(a) || has_all(b))
		return true;
	while (i < a->n_ranges && k < b->n_ranges) {
		const struct bh_lint_range *x = &a->range[i], *y = &b->range[k];

		if (x->family == y->family && x->first <= y->last && y->first <= x->last)
			return true;
		if (x->family < y->family || (x->family == y->family && x->last < y->last))
			i++;
		else
			k++;
	}
	return false;
}

/* Those of a that are in b (inside), or not. */
static bool
split_ranges(struct bh_arena *arena, const struct bh_lint_cube *a, const struct bh_lint_cube *b,
	     bool inside, struct bh_lint_cube *out)
{
	struct bh_lint_range *r =
		bh_lint_ranges_alloc(arena, (size_t)a->n_ranges + 2 * (size_t)b->n_ranges + 2);
	uint32_t i, k = 0, n = 0;

	if (r == NULL)
		return false;
	for (i = 0; i < a->n_ranges; i++) {
		struct bh_lint_range left = a->range[i];
		bool some = true;

		while (k > 0 && b->range[k - 1].family == left.family &&
		       b->range[k - 1].last >= left.first)
			k--;
		for (; some && k < b->n_ranges; k++) {
			const struct bh_lint_range *y = &b->range[k];

			if (y->family < left.family ||
			    (y->family == left.family && y->last < left.first))
				continue;
			if (y->family != left.family || y->first > left.last)
				break;
			if (!inside && y->first > left.first)
				r[n++] = (struct bh_lint_range){left.first, y->first - 1,
								left.family};
			if (inside)
				r[n++] = (struct bh_lint_range){
					y->first > left.first ? y->first : left.first,
					y->last < left.last ? y->last : left.last, left.family};
			some = y->last < left.last;
			if (some)
				left.first = y->last + 1;
		}
		if (some && !inside)
			r[n++] = left;
	}
	out->range = r;
	out->n_ranges = n;
	return true;
}

/* ---- cubes ------------------------------------------------------------------------------------------ */

static bool
is_place(const struct bh_lint_key *k)
{
	return k->domain != NULL && k->domain->range != NULL;
}

static const struct bh_lint_key *
place_of(const struct bh_lint_cube *c)
{
	uint32_t i = 0;

	while (i < c->n_keys && !is_place(&c->key[i]))
		i++;
	return i < c->n_keys ? &c->key[i] : NULL;
}

/* Has a range an address that both cubes have? */
static bool
range_meets_both(const struct bh_lint_range *r, const struct bh_lint_cube *a,
		 const struct bh_lint_cube *b)
{
	struct bh_lint_range both;
	uint32_t i;

	for (i = 0; i < a->n_ranges; i++) {
		both = a->range[i];
		if (both.family != r->family || both.first > r->last || r->first > both.last)
			continue;
		both.first = both.first > r->first ? both.first : r->first;
		both.last = both.last < r->last ? both.last : r->last;
		if (ranges_meet(&(struct bh_lint_cube){.range = &both, .n_ranges = 1}, b))
			return true;
	}
	return false;
}

/* Is there a place that both may be at, with an address of both? */
static bool
places_meet(const struct bh_lint_cube *a, const struct bh_lint_cube *b,
	    const struct bh_lint_key *at, const struct bh_lint_key *bt)
{
	const struct bh_lint_domain *d = at->domain;
	uint32_t i;

	for (i = 0; i < d->n_values; i++) {
		if (bh_lint_key_has(at, d->value[i]) && bh_lint_key_has(bt, d->value[i]) &&
		    range_meets_both(&d->range[i], a, b))
			return true;
	}
	return false;
}

bool
bh_lint_cube_meets(const struct bh_lint_cube *a, const struct bh_lint_cube *b)
{
	uint32_t i = 0, k = 0;
	int order;

	if ((a->who & b->who) == 0 ||
	    (a->sig_key != 0 && a->sig_key == b->sig_key && (a->sig & b->sig) == 0) ||
	    !ranges_meet(a, b))
		return false;
	while (i < a->n_keys && k < b->n_keys) {
		order = strcmp(a->key[i].key, b->key[k].key);
		if (order == 0 && bh_lint_key_disjoint(&a->key[i], &b->key[k]))
			return false;
		if (order == 0 && is_place(&a->key[i]) &&
		    !places_meet(a, b, &a->key[i], &b->key[k]))
			return false;
		i += order <= 0;
		k += order >= 0;
	}
	return true;
}

bool
bh_lint_cubes_talk(const struct bh_lint_cube *a, const struct bh_lint_cube *b)
{
	uint8_t first = a->range[0].family, last = a->range[a->n_ranges - 1].family;

	return first == b->range[0].family || first == b->range[b->n_ranges - 1].family ||
	       last == b->range[0].family || last == b->range[b->n_ranges - 1].family;
}

static int
by_range(const void *a, const void *b)
{
	const struct bh_lint_range *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

/* Sorted, and those that overlap made one. How many are left. */
static uint32_t
merge_ranges(struct bh_lint_range *r, uint32_t total)
{
	uint32_t i, n = 0;

	qsort(r, total, sizeof(*r), by_range);
	for (i = 0; i < total; i++) {
		struct bh_lint_range *last = n != 0 ? &r[n - 1] : NULL;

		if (last != NULL && last->family == r[i].family && r[i].first <= last->last)
			last->last = r[i].last > last->last ? r[i].last : last->last;
		else
			r[n++] = r[i];
	}
	return n;
}

/* Addresses of a cube are those of the places that it may be at. false: no memory. */
static bool
settle(struct bh_arena *arena, struct bh_lint_cube *c)
{
	const struct bh_lint_key *place = place_of(c);
	struct bh_lint_cube at = {0}, whole = *c;
	struct bh_lint_range *r;
	uint32_t i;

	if (place == NULL)
		return true;
	r = bh_lint_ranges_alloc(arena, place->domain->n_values);
	if (r == NULL)
		return false;
	for (i = 0; i < place->domain->n_values; i++) {
		if (bh_lint_key_has(place, place->domain->value[i]))
			r[at.n_ranges++] = place->domain->range[i];
	}
	at.n_ranges = merge_ranges(r, at.n_ranges);
	at.range = r;
	return split_ranges(arena, &whole, &at, true, c);
}

/* One more part, unless there is nothing in it. 0, -ENOMEM, -E2BIG. */
static int
add_part(struct bh_arena *arena, struct bh_lint_cube *part, uint32_t *n, uint32_t max,
	 const struct bh_lint_cube *c)
{
	struct bh_lint_cube out = *c;

	if (!settle(arena, &out))
		return -ENOMEM;
	if (out.n_ranges == 0)
		return 0;
	if (*n == max)
		return -E2BIG;
	part[(*n)++] = out;
	return 0;
}

/* Parts outside of one key of b; a becomes what is in both. */
static int
split_key(struct bh_arena *arena, struct bh_lint_cube *a, const struct bh_lint_key *theirs,
	  struct bh_lint_cube *part, uint32_t *n, uint32_t max)
{
	struct bh_lint_key key, rest = *theirs;
	struct bh_lint_cube out = *a;
	const struct bh_lint_key *mine;
	uint32_t at;
	int rc = 0;

	mine = find_key(a, theirs->key, &at);
	if (mine == NULL)
		mine = is_place(theirs) ? &free_place : &free_key;
	rest.absent = !rest.absent;
	rest.co = !rest.co;
	if (!bh_lint_key_meet(arena, mine, &rest, &key) || !set_key(arena, &out, &key))
		return -ENOMEM;
	if (!bh_lint_key_empty(&key))
		rc = add_part(arena, part, n, max, &out);
	if (rc == 0 && (!bh_lint_key_meet(arena, mine, theirs, &key) || !set_key(arena, a, &key) ||
			(is_place(theirs) && !settle(arena, a))))
		rc = -ENOMEM;
	return rc;
}

int
bh_lint_cube_split(struct bh_arena *arena, struct bh_lint_cube *a, const struct bh_lint_cube *b,
		   struct bh_lint_cube *part, uint32_t max)
{
	struct bh_lint_cube out = *a;
	uint32_t n = 0, i;
	int rc = 0;

	out.who = a->who & (uint8_t)~b->who;
	a->who &= b->who;
	if (out.who != 0)
		rc = add_part(arena, part, &n, max, &out);
	if (rc == 0 && !has_all(b)) {
		out = *a;
		if (!split_ranges(arena, a, b, false, &out) || !split_ranges(arena, a, b, true, a))
			return -ENOMEM;
		if (out.n_ranges != 0)
			rc = add_part(arena, part, &n, max, &out);
	}
	for (i = 0; rc == 0 && i < b->n_keys; i++)
		rc = split_key(arena, a, &b->key[i], part, &n, max);
	return rc == 0 ? (int)n : rc;
}

bool
bh_lint_cube_unread(const struct bh_lint_cube *c)
{
	uint32_t i = 0;

	while (i < c->n_keys &&
	       (c->key[i].key[0] == '\x01' || strchr(c->key[i].key, '\x01') == NULL))
		i++;
	return i < c->n_keys;
}

void
bh_lint_cubes_family(struct bh_lint_cube *a, const struct bh_lint_cube *b)
{
	uint8_t only = b->range[0].family;

	if (only != b->range[b->n_ranges - 1].family)
		return;
	while (a->n_ranges > 1 && a->range[0].family != only) {
		a->range++;
		a->n_ranges--;
	}
	while (a->n_ranges > 1 && a->range[a->n_ranges - 1].family != only)
		a->n_ranges--;
}

/* ---- cubes of segments ------------------------------------------------------------------------------ */

static int
add_cube(struct bh_lint_segments *x, const struct bh_lint_cube *c)
{
	struct bh_lint_cube *grown;

	if (x->n_cubes == x->cap_cubes) {
		x->cap_cubes = x->cap_cubes != 0 ? 2 * x->cap_cubes : 1024;
		grown = realloc(x->cube, x->cap_cubes * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		x->cube = grown;
	}
	x->cube[x->n_cubes++] = *c;
	return 0;
}

/* Two cubes that list values of one key, and none in common, are told apart by this. */
static void
sign(struct bh_lint_cube *c, struct bh_strmap *names, const struct bh_hash_key *hash)
{
	uint32_t i, k, old;

	for (i = 0; i < c->n_keys && (c->key[i].absent || c->key[i].co);)
		i++;
	if (i == c->n_keys || bh_strmap_add(names, c->key[i].key, names->n, &old) != 0)
		return;
	c->sig_key = (old != BH_NONE ? old : bh_strmap_get(names, c->key[i].key)) + 1;
	for (k = 0; k < c->key[i].n_values; k++)
		c->sig |= UINT64_C(1)
			  << (bh_hash_bytes(hash, c->key[i].value[k], strlen(c->key[i].value[k])) &
			      63);
}

static int
add_cubes(struct bh_lint_segments *x, uint32_t segment, struct bh_strmap *names,
	  const struct bh_hash_key *hash)
{
	const struct bh_lint_segment *s = &x->segment[segment];
	struct bh_lint_cube c = bh_lint_anybody;
	int rc = 0;

	if (segment <= BH_SEGMENT_UNKNOWN) {
		c.who = segment == BH_SEGMENT_UNKNOWN ? BH_LINT_WHO_UNKNOWN : BH_LINT_WHO_EXTERNAL;
		return add_cube(x, &c);
	}
	if (s->has_selector && !s->impossible && x->doc->segment[segment].n_members == 0) {
		c.who = BH_LINT_WHO_ENDPOINT;
		c.key = s->key;
		c.n_keys = s->n_keys;
		if (s->n_within != 0) {
			c.range = s->within;
			c.n_ranges = s->n_within;
		}
		sign(&c, names, hash);
		rc = add_cube(x, &c);
	}
	if (rc == 0 && s->n_ranges != 0) {
		c = (struct bh_lint_cube){.who = BH_LINT_WHO_ENDPOINT | BH_LINT_WHO_ADDRESS,
					  .range = s->range,
					  .n_ranges = s->n_ranges};
		rc = add_cube(x, &c);
	}
	return rc;
}

/* Anybody: somebody with labels or outside; or an address that a segment lists. */
static int
add_any(struct bh_lint_segments *x)
{
	struct bh_lint_cube c = bh_lint_anybody;
	struct bh_lint_range *r;
	uint32_t i, n;
	size_t total = 0;
	int rc;

	c.who = BH_LINT_WHO_ALL & ~BH_LINT_WHO_ADDRESS;
	rc = add_cube(x, &c);
	for (i = 0; i < x->doc->n_segments; i++)
		total += x->segment[i].n_ranges;
	if (rc != 0 || total == 0)
		return rc;
	r = bh_lint_ranges_alloc(&x->arena, total);
	if (r == NULL)
		return -ENOMEM;
	total = 0;
	for (i = 0; i < x->doc->n_segments; i++) {
		if (x->segment[i].n_ranges != 0)
			memcpy(&r[total], x->segment[i].range, x->segment[i].n_ranges * sizeof(*r));
		total += x->segment[i].n_ranges;
	}
	n = merge_ranges(r, (uint32_t)total);
	c.who = BH_LINT_WHO_ADDRESS;
	c.range = r;
	c.n_ranges = n;
	return add_cube(x, &c);
}

int
bh_lint_cubes_build(struct bh_lint_segments *x, const struct bh_hash_key *hash)
{
	uint32_t i, k;
	struct bh_strmap names;
	int rc = bh_strmap_init(&names, hash, 2 * (size_t)x->doc->n_segments + 16);

	for (i = 0; rc == 0 && i <= x->doc->n_segments; i++) {
		struct bh_lint_segment *s = &x->segment[i];

		s->first_cube = x->n_cubes;
		if (i == x->doc->n_segments) {
			rc = add_any(x);
		} else {
			const struct bh_doc_segment *z = &x->doc->segment[i];

			for (k = 0; rc == 0 && k < z->n_members; k++)
				rc = add_cubes(x, z->member[k], &names, hash);
			if (rc == 0)
				rc = add_cubes(x, i, &names, hash);
		}
		s->n_cubes = x->n_cubes - s->first_cube;
	}
	bh_strmap_free(&names);
	return rc;
}
