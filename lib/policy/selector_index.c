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

/* Of a key and the first n bytes of a value. */
static uint64_t
hash_key_prefix(const struct bh_hash_key *key, const char *k, const char *v, size_t n)
{
	char text[2 * BH_NAME_MAX + 1];
	size_t nk = strlen(k) + 1;

	memcpy(text, k, nk);
	text[nk] = '\x01'; /* in no value: never the hash of a whole one */
	memcpy(text + nk + 1, v, n);
	return bh_hash_bytes(key, text, nk + 1 + n);
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

/* Append the anchors that a requirement would give its segment: a hash for each value or beginning, or the key. */
static uint32_t
put_anchors(const struct bh_hash_key *key, const struct bh_requirement *r, uint32_t segment,
	    struct bh_anchor *out)
{
	uint32_t i;

	if (r->op != BH_REQUIRE_IN && r->op != BH_REQUIRE_PREFIX) {
		out[0] = (struct bh_anchor){bh_hash_bytes(key, r->key, strlen(r->key)), segment};
		return 1;
	}
	for (i = 0; i < r->n_values; i++) {
		const char *v = r->value[i];

		out[i] = (struct bh_anchor){r->op == BH_REQUIRE_IN
						    ? hash_key_value(key, r->key, v)
						    : hash_key_prefix(key, r->key, v, strlen(v)),
					    segment};
	}
	return r->n_values;
}

static bool
can_anchor(const struct bh_requirement *r)
{
	return r->op != BH_REQUIRE_NOT_IN && r->op != BH_REQUIRE_ABSENT &&
	       r->op != BH_REQUIRE_NOT_REGEX;
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
			n += r->op == BH_REQUIRE_IN || r->op == BH_REQUIRE_PREFIX ? r->n_values : 1;
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
	uint32_t least = 0, c, i;

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
	if (best == NULL) {
		x->always[x->n_always++] = segment;
		return;
	}
	x->n_anchors += put_anchors(&x->hash_key, best, segment, x->anchor + x->n_anchors);
	for (i = 0; best->op == BH_REQUIRE_PREFIX && i < best->n_values; i++) {
		size_t len = strlen(best->value[i]);

		x->prefix_len[len / 64] |= UINT64_C(1) << len % 64;
	}
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

/* One look-up. */
struct look {
	const struct bh_selector_index *x;
	const struct bh_doc *doc;
	struct bh_label labels[BH_LABELS_MAX];
	unsigned n_labels;
	uint32_t *out;
	uint32_t n;
};

/* Candidates that hang at a hash, if they match. */
static void
match_anchor(struct look *l, uint64_t hash)
{
	const struct bh_selector_index *x = l->x;
	uint32_t i = lower_bound(x->anchor, x->n_anchors, hash), segment;

	/* A segment hangs at values of one key, at beginnings of which none begins another, or at the key: one label meets
	 * it at most once. */
	for (; i < x->n_anchors && x->anchor[i].hash == hash; i++) {
		segment = x->anchor[i].segment;
		if (bh_selector_match(l->doc->segment[segment].selector, l->labels, l->n_labels))
			l->out[l->n++] = segment;
	}
}

static void
match_label(struct look *l, const struct bh_label *label)
{
	const struct bh_selector_index *x = l->x;
	size_t len = strlen(label->value), i;

	match_anchor(l, hash_key_value(&x->hash_key, label->key, label->value));
	match_anchor(l, bh_hash_bytes(&x->hash_key, label->key, strlen(label->key)));
	if ((x->prefix_len[0] | x->prefix_len[1]) == 0)
		return;
	for (i = 1; i <= len; i++) {
		if ((x->prefix_len[i / 64] >> i % 64 & 1) != 0)
			match_anchor(l, hash_key_prefix(&x->hash_key, label->key, label->value, i));
	}
}

uint32_t
bh_segments_close(const struct bh_doc *doc, uint32_t *out, uint32_t n)
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
	qsort(out, all, sizeof(*out), by_number);
	return all;
}

uint32_t
bh_selector_index_match(const struct bh_selector_index *x, const struct bh_doc *doc,
			const struct bh_label_set *set, uint32_t *out)
{
	struct look l = {.x = x, .doc = doc, .out = out};
	uint32_t k;
	unsigned i;

	l.n_labels = bh_label_set_labels(set, l.labels);
	for (k = 0; k < x->n_always; k++) {
		if (bh_selector_match(doc->segment[x->always[k]].selector, l.labels, l.n_labels))
			out[l.n++] = x->always[k];
	}
	for (i = 0; i < l.n_labels; i++)
		match_label(&l, &l.labels[i]);
	return bh_segments_close(doc, out, l.n);
}
