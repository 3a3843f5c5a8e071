/* Endpoints in order of family, address, length and tenant: a treap whose links lie in the slots, so that
 * adding one allocates nothing. Control side only. Depth is about 3 log2(n): recursion is short. */
#include <stdlib.h>

#include "policy_priv.h"

static int
compare(const struct bh_place *a, const struct bh_place *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	if (a->tenant != b->tenant)
		return a->tenant < b->tenant ? -1 : 1;
	return 0;
}

/* Any fixed scramble of the slot number: nobody chooses which slot an address gets. */
static uint64_t
priority(uint32_t slot)
{
	return bh_mum(slot ^ UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd6e8feb86659fd93));
}

/* Cut tree t at a place: what is before it, and the rest. */
static void
split(const struct bh_order *o, uint32_t t, const struct bh_place *at, uint32_t *before,
      uint32_t *behind)
{
	struct bh_slot *s = &o->slot[t];

	if (t == 0) {
		*before = *behind = 0;
	} else if (compare(&o->place[t], at) < 0) {
		*before = t;
		split(o, s->right, at, &s->right, behind);
	} else {
		*behind = t;
		split(o, s->left, at, before, &s->left);
	}
}

static uint32_t
join(const struct bh_order *o, uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a != 0 ? a : b;
	if (priority(a) > priority(b)) {
		o->slot[a].right = join(o, o->slot[a].right, b);
		return a;
	}
	o->slot[b].left = join(o, a, o->slot[b].left);
	return b;
}

void
bh_order_insert(struct bh_order *o, uint32_t slot)
{
	struct bh_slot *s = &o->slot[slot];
	uint32_t *at = &o->root;

	while (*at != 0 && priority(*at) > priority(slot))
		at = compare(&o->place[*at], &o->place[slot]) < 0 ? &o->slot[*at].right
								  : &o->slot[*at].left;
	split(o, *at, &o->place[slot], &s->left, &s->right);
	*at = slot;
}

void
bh_order_remove(struct bh_order *o, uint32_t slot)
{
	uint32_t *at = &o->root;

	while (*at != slot)
		at = compare(&o->place[*at], &o->place[slot]) < 0 ? &o->slot[*at].right
								  : &o->slot[*at].left;
	*at = join(o, o->slot[slot].left, o->slot[slot].right);
}

struct walk {
	const struct bh_order *o;
	struct bh_place from;
	bool all;
	bh_order_fn fn;
	void *arg;
};

static bool
walk(const struct walk *w, uint32_t t)
{
	if (t == 0)
		return true;
	if (w->all || compare(&w->o->place[t], &w->from) >= 0) {
		if (!walk(w, w->o->slot[t].left) || !w->fn(w->arg, t))
			return false;
	}
	return walk(w, w->o->slot[t].right);
}

void
bh_order_each(const struct bh_order *o, const struct bh_place *from, bool behind, bh_order_fn fn,
	      void *arg)
{
	struct walk w = {.o = o, .all = from == NULL, .fn = fn, .arg = arg};

	if (from != NULL) {
		w.from = *from;
		w.from.tenant = 0;
		/* The next longer prefix of the same address comes behind every tenant of this one. */
		w.from.len = (uint8_t)(from->len + behind);
	}
	walk(&w, o->root);
}
