/* Thresholds of sensitive data: distinct hits, counted by a hash of their letters and digits, so that the same number in
 * another writing, or seen once more with what follows, is one. */
#include "inspect_priv.h"

/* FNV-1a; the class is a part of it. 0 stands for none. */
static uint32_t
hash(unsigned class, const uint8_t *at, size_t len)
{
	uint32_t h = (UINT32_C(2166136261) ^ class) * UINT32_C(16777619);
	size_t i;

	for (i = 0; i < len; i++)
		if (bh_is_alnum(at[i]))
			h = (h ^ bh_lower(at[i])) * UINT32_C(16777619);
	return h != 0 ? h : 1;
}

/* One more distinct address. */
static bool
is_list(struct bh_inspect_own *own, unsigned class, uint32_t h)
{
	unsigned kind = class == BH_INSPECT_DLP_PHONE, i;

	for (i = 0; i < own->n[kind]; i++)
		if (own->hash[kind][i] == h)
			return false;
	if (own->n[kind] == BH_ARRAY_SIZE(own->hash[kind]))
		return true;
	own->hash[kind][own->n[kind]++] = h;
	return false;
}

bool
bh_tally_add(struct bh_inspect_tally *t, struct bh_inspect_own *own, unsigned class,
	     const struct bh_view *text)
{
	uint32_t h;
	unsigned i;

	if (t == NULL || t->least == NULL || t->least[class] == 0)
		return own == NULL || is_list(own, class, hash(class, text->at, text->len));
	if (t->least[class] == 1)
		return true;
	h = hash(class, text->at, text->len);
	for (i = 0; i < t->n; i++)
		if (t->hash[i] == h)
			return t->count[class] >= t->least[class];
	if (t->n == BH_INSPECT_TALLY)
		return true;
	t->hash[t->n++] = h;
	return ++t->count[class] >= t->least[class];
}

void
bh_tally_next(struct bh_inspect_tally *t)
{
	if (t == NULL || !t->by_message)
		return;
	t->n = 0;
	memset(t->count, 0, sizeof(t->count));
}
