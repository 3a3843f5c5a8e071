/* Which selectors could match a set of labels? Ten thousand segments must not mean ten thousand
 * comparisons for each new set. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

static uint64_t
hash_key_value(const struct bh_hash_key *key, const char *k, const char *v)
{
	char text[2 * BH_NAME_MAX];
	size_t nk = strlen(k) + 1, nv = strlen(v);

	memcpy(text, k, nk);
	memcpy(text + nk, v, nv);
	return bh_hash_bytes(key, text, nk + nv);
}

static int
by_hash(const void *a, const void *b)
{
	const struct bh_anchor *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->segment < y->segment ? -1 : x->segment > y->segment;
}

/* First anchor with this hash, or where it would be. */
static uint32_t
lower_bound(const struct bh_anchor *a, uint32_t n, uint64_t hash)
{
	uint32_t low = 0, half;

	while (n > 0) {
		half = n / 2;
		if (a[low + half].hash < hash) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

/* Append the anchors that a requirement would give its segment: a hash for each value, or the key. */
static uint32_t
put_anchors(const struct bh_hash_key *key, const struct bh_requirement *r, uint32_t segment,
	    struct bh_anchor *out)
{
	uint32_t i;

	if (r->op == BH_REQUIRE_EXISTS) {
		out[0] = (struct bh_anchor){bh_hash_bytes(key, r->key, strlen(r->key)), segment};
		return 1;
	}
	for (i = 0; i < r->n_values; i++)
		out[i] = (struct bh_anchor){hash_key_value(key, r->key, r->value[i]), segment};
	return r->n_values;
}

static bool
can_anchor(const struct bh_requirement *r)
{
	return r->op == BH_REQUIRE_IN || r->op == BH_REQUIRE_EXISTS;
}

/* All anchors that there could be, to see which are rare. */
static uint32_t
all_anchors(const struct bh_doc *doc, const struct bh_hash_key *key, struct bh_anchor *out)
{
	const struct bh_requirement *r;
	uint32_t n = 0, i;

	for (i = 0; i < doc->n_segments; i++) {
		if (doc->segment[i].selector == NULL)
			continue;
		for (r = doc->segment[i].selector->first; r != NULL; r = r->next) {
			if (!can_anchor(r))
				continue;
			if (out != NULL)
				put_anchors(key, r, i, out + n);
			n += r->op == BH_REQUIRE_EXISTS ? 1 : r->n_values;
		}
	}
	return n;
}

/* How many selectors share the most common of a requirement's anchors. */
static uint32_t
commonness(const struct bh_selector_index *x, const struct bh_requirement *r,
	   const struct bh_anchor *all, uint32_t n_all, struct bh_anchor *room)
{
	uint32_t n = put_anchors(&x->hash_key, r, 0, room), worst = 0, i, k, count;

	for (i = 0; i < n; i++) {
		k = lower_bound(all, n_all, room[i].hash);
		for (count = 0; k + count < n_all && all[k + count].hash == room[i].hash; count++)
			if (count > 64) /* common enough not to be chosen */
				break;
		worst = count > worst ? count : worst;
	}
	return worst;
}

static void
anchor_segment(struct bh_selector_index *x, const struct bh_selector *s, uint32_t segment,
	       const struct bh_anchor *all, uint32_t n_all)
{
	const struct bh_requirement *r, *best = NULL;
	uint32_t least = 0, c;

	for (r = s->first; r != NULL; r = r->next) {
		if (!can_anchor(r))
			continue;
		/* The end of the array is room: a segment never gets more than it is counted for. */
		c = commonness(x, r, all, n_all, x->anchor + x->n_anchors);
		if (best == NULL || c < least) {
			best = r;
			least = c;
		}
	}
	if (best != NULL)
		x->n_anchors += put_anchors(&x->hash_key, best, segment, x->anchor + x->n_anchors);
	else
		x->always[x->n_always++] = segment;
}

int
bh_selector_index_build(struct bh_selector_index *x, const struct bh_doc *doc,
			const struct bh_hash_key *key)
{
	uint32_t n_all = all_anchors(doc, key, NULL), i;
	struct bh_anchor *all = malloc((n_all + 1) * sizeof(*all));

	*x = (struct bh_selector_index){.hash_key = *key};
	x->anchor = malloc((n_all + 1) * sizeof(*x->anchor));
	x->always = malloc((doc->n_segments + 1) * sizeof(*x->always));
	if (all == NULL || x->anchor == NULL || x->always == NULL) {
		free(all);
		bh_selector_index_free(x);
		return -ENOMEM;
	}
	all_anchors(doc, key, all);
	qsort(all, n_all, sizeof(*all), by_hash);
	for (i = 0; i < doc->n_segments; i++) {
		if (doc->segment[i].selector != NULL)
			anchor_segment(x, doc->segment[i].selector, i, all, n_all);
	}
	qsort(x->anchor, x->n_anchors, sizeof(*x->anchor), by_hash);
	free(all);
	return 0;
}

void
bh_selector_index_free(struct bh_selector_index *x)
{
	free(x->anchor);
	free(x->always);
	x->anchor = NULL;
	x->always = NULL;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Candidates that hang at a hash, if they match. */
static uint32_t
match_anchor(const struct bh_selector_index *x, const struct bh_doc *doc, uint64_t hash,
	     const struct bh_label *labels, unsigned n_labels, uint32_t *out)
{
	uint32_t i = lower_bound(x->anchor, x->n_anchors, hash), n = 0;

	/* A segment hangs at values of one key, or at the key: one label meets it at most. */
	for (; i < x->n_anchors && x->anchor[i].hash == hash; i++) {
		if (bh_selector_match(doc->segment[x->anchor[i].segment].selector, labels,
				      n_labels))
			out[n++] = x->anchor[i].segment;
	}
	return n;
}

/* The zones of all of them. */
static uint32_t
add_zones(const struct bh_doc *doc, uint32_t *out, uint32_t n)
{
	uint32_t i, k, z, all = n;

	for (i = 0; i < n; i++) {
		for (k = 0; k < doc->segment[out[i]].n_zones; k++) {
			for (z = n; z < all && out[z] != doc->segment[out[i]].zone[k];)
				z++;
			out[z] = doc->segment[out[i]].zone[k];
			all += z == all;
		}
	}
	return all;
}

uint32_t
bh_selector_index_match(const struct bh_selector_index *x, const struct bh_doc *doc,
			const struct bh_label_set *set, uint32_t *out)
{
	struct bh_label labels[BH_LABELS_MAX];
	unsigned n_labels = bh_label_set_labels(set, labels), i;
	uint32_t n = 0, k;

	for (k = 0; k < x->n_always; k++) {
		if (bh_selector_match(doc->segment[x->always[k]].selector, labels, n_labels))
			out[n++] = x->always[k];
	}
	for (i = 0; i < n_labels; i++) {
		const struct bh_label *l = &labels[i];

		n += match_anchor(x, doc, hash_key_value(&x->hash_key, l->key, l->value), labels,
				  n_labels, out + n);
		n += match_anchor(x, doc, bh_hash_bytes(&x->hash_key, l->key, strlen(l->key)),
				  labels, n_labels, out + n);
	}
	n = add_zones(doc, out, n);
	qsort(out, n, sizeof(*out), by_number);
	return n;
}
