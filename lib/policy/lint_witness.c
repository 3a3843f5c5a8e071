/* Witnesses: a connection between ends that are known, if there are any, and the rule that decides it. */
#include <errno.h>
#include <stdlib.h>

#include "lint.h"

/* ---- endpoints that are known ----------------------------------------------------------------------- */

/* Segments that an address itself is in, behind those in run->sample's list. */
static uint32_t
merge_sorted(const uint32_t *a, uint32_t na, const uint32_t *b, uint32_t nb, uint32_t *out)
{
	uint32_t i = 0, k = 0, n = 0, x, y;

	while (i < na || k < nb) {
		x = i < na ? a[i] : BH_NONE;
		y = k < nb ? b[k] : BH_NONE;
		out[n++] = x < y ? x : y;
		i += x <= y;
		k += y <= x;
	}
	return n;
}

/* Keep an endpoint that is the first in one of its segments. scratch: room for all segments, three times. */
static int
add_sample(struct bh_lint_run *run, const struct bh_prefix *prefix, const struct bh_label_set *set,
	   uint32_t *scratch)
{
	uint32_t n_segments = run->doc->n_segments, *both = scratch + 2 * n_segments, n, i, class_;
	const struct bh_class *c;
	struct bh_lint_sample *grown;
	bool new = run->n_samples == 0;

	n = bh_selector_index_match(&run->doc->index, run->doc, set, scratch);
	n = bh_doc_within(run->doc, prefix, scratch, n);
	class_ = bh_range_class(run->snapshot, prefix->addr, prefix->family);
	c = &run->snapshot->class_[class_ > BH_CLASS_EMPTY ? class_ : BH_CLASS_EMPTY];
	n = merge_sorted(scratch, n, &run->snapshot->member[c->first], c->n, both);
	for (i = 0; i < n; i++)
		new |= run->sample_of[both[i]] == BH_NONE;
	if (!new)
		return 0;
	if (run->n_samples == run->cap_samples) {
		run->cap_samples = run->cap_samples != 0 ? 2 * run->cap_samples : 64;
		grown = realloc(run->sample, run->cap_samples * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		run->sample = grown;
	}
	run->sample[run->n_samples] =
		(struct bh_lint_sample){.prefix = *prefix,
					.in = malloc((n + 1) * sizeof(uint32_t)),
					.n_in = n};
	if (run->sample[run->n_samples].in == NULL)
		return -ENOMEM;
	memcpy(run->sample[run->n_samples].in, both, n * sizeof(*both));
	for (i = 0; i < n; i++) {
		if (run->sample_of[both[i]] == BH_NONE)
			run->sample_of[both[i]] = run->n_samples;
	}
	run->n_samples++;
	return 0;
}

static int
add_file_endpoints(struct bh_lint_run *run, const struct bh_hash_key *key, uint32_t *scratch)
{
	struct bh_label_sets sets;
	struct bh_label_set *set;
	uint32_t i;
	int rc = bh_label_sets_init(&sets, key);

	if (rc != 0)
		return rc;
	for (i = 0; rc == 0 && i < run->doc->n_endpoints; i++) {
		const struct bh_doc_endpoint *e = &run->doc->endpoint[i];

		rc = bh_label_set_intern(&sets, e->label, e->n_labels, &set, NULL);
		if (rc == 0) {
			rc = add_sample(run, &e->prefix, set, scratch);
			bh_label_set_put(&sets, set);
		}
	}
	bh_label_sets_free(&sets);
	return rc;
}

/* Endpoints of the model, one of each label set: those that came over REST stay whatever document is loaded. The model
 * is locked. */
static int
add_model_endpoints(struct bh_lint_run *run, struct bh_policy *p, uint32_t *scratch)
{
	uint32_t mask = 63, i, at;
	const struct bh_label_set **seen;
	struct bh_prefix prefix;
	int rc = 0;

	while (mask < 2 * (uint64_t)p->sets.n)
		mask = 2 * mask + 1;
	seen = calloc((size_t)mask + 1, sizeof(void *));
	if (seen == NULL)
		return -ENOMEM;
	for (i = 1; rc == 0 && i < p->fresh; i++) {
		const struct bh_label_set *set = p->slot[i].set;

		if (set == NULL || p->slot[i].source != BH_SOURCE_REST)
			continue;
		for (at = (uint32_t)set->hash & mask; seen[at] != NULL && seen[at] != set;)
			at = (at + 1) & mask;
		/* Where places count, equal labels say too little. */
		if (seen[at] == set && !run->doc->by_place)
			continue;
		seen[at] = set;
		bh_place_prefix(&p->place[i], &prefix);
		rc = add_sample(run, &prefix, set, scratch);
	}
	free(seen);
	return rc;
}

int
bh_lint_samples(struct bh_lint_run *run, struct bh_policy *model)
{
	size_t n = (size_t)run->doc->n_segments + 1;
	uint32_t *scratch = malloc(3 * n * sizeof(*scratch));
	int rc = -ENOMEM;

	run->sample_of = malloc(n * sizeof(*run->sample_of));
	if (scratch != NULL && run->sample_of != NULL) {
		memset(run->sample_of, 0xff, n * sizeof(*run->sample_of));
		rc = add_file_endpoints(run, &model->params.hash_key, scratch);
		pthread_mutex_lock(&model->lock);
		if (rc == 0)
			rc = add_model_endpoints(run, model, scratch);
		pthread_mutex_unlock(&model->lock);
	}
	free(scratch);
	return rc;
}

void
bh_lint_samples_free(struct bh_lint_run *run)
{
	uint32_t i;

	for (i = 0; i < run->n_samples; i++)
		free(run->sample[i].in);
	free(run->sample);
	free(run->sample_of);
}

/* ---- a witness -------------------------------------------------------------------------------------- */

static const uint32_t reserved[] = {BH_SEGMENT_EXTERNAL, BH_SEGMENT_UNKNOWN};

/* An endpoint that is known and in the segment. */
static bool
known_end(const struct bh_lint_run *run, uint32_t segment, struct bh_lint_end *e)
{
	const struct bh_lint_sample *s;

	*e = (struct bh_lint_end){.segment = segment};
	if (segment <= BH_SEGMENT_UNKNOWN || segment == run->doc->n_segments) {
		/* Anybody: somebody outside. */
		e->in = &reserved[segment == BH_SEGMENT_UNKNOWN];
		e->n_in = 1;
		return true;
	}
	if (run->sample_of[segment] == BH_NONE)
		return false;
	s = &run->sample[run->sample_of[segment]];
	e->in = s->in;
	e->n_in = s->n_in;
	e->address = s->prefix;
	e->has_address = true;
	return true;
}

/* An address of a cube, of a family that the other end has, too: one of those for documentation (RFC 5737, RFC 3849), or
 * else the first. */
static void
cube_address(const struct bh_lint_cube *c, const struct bh_lint_cube *other, struct bh_prefix *out)
{
	const struct bh_lint_range *r = c->range;
	unsigned __int128 v;
	unsigned bytes, i;
	uint32_t k;

	for (k = 0; k < c->n_ranges; k++) {
		if (c->range[k].family == other->range[0].family ||
		    c->range[k].family == other->range[other->n_ranges - 1].family) {
			r = &c->range[k];
			break;
		}
	}
	bytes = r->family == BH_IP6 ? 16 : 4;
	*out = (struct bh_prefix){.family = r->family, .len = (uint8_t)(bytes * 8)};
	v = r->family == BH_IP6 ? ((unsigned __int128)0x20010db8 << 96) + 1 : 0xc6336401;
	if (v < r->first || v > r->last)
		v = r->first;
	for (i = bytes; i > 0; i--, v >>= 8)
		out->addr[i - 1] = (uint8_t)v;
}

/* The smallest place that has all of a prefix, by its index; of one that none has, n_places. */
static uint32_t
place_index(const struct bh_lint_domain *d, const struct bh_prefix *p)
{
	struct bh_lint_range r = bh_lint_range_of(p);
	uint32_t i, best = d->n_places;

	for (i = 0; i < d->n_places; i++) {
		/* Wider ones come first. */
		if (d->range[i].family == r.family && d->range[i].first <= r.first &&
		    r.last <= d->range[i].last)
			best = i;
	}
	return best;
}

static void
prefix_at(unsigned __int128 v, uint8_t family, unsigned len, struct bh_prefix *out)
{
	unsigned bytes = family == BH_IP6 ? 16 : 4, i;

	*out = (struct bh_prefix){.family = family, .len = (uint8_t)len};
	for (i = bytes; i > 0; i--, v >>= 8)
		out->addr[i - 1] = (uint8_t)v;
	bh_prefix_mask(out->addr, len);
}

static bool
takes_place(const struct bh_lint_key *k, const struct bh_prefix *p)
{
	const struct bh_lint_domain *d = k->domain;
	uint32_t i = place_index(d, p);

	while (i >= d->n_places && i < d->n_values && d->range[i].family != p->family)
		i++;
	return i < d->n_values && bh_lint_key_has(k, d->value[i]);
}

/* Addresses where another place may begin or end: the first of a range, and of the place behind one. */
static bool
try_address(const struct bh_lint_cube *c, const struct bh_lint_key *k, unsigned __int128 v,
	    uint8_t family, bool single, struct bh_prefix *out)
{
	unsigned bits = family == BH_IP6 ? 128 : 32, len;
	uint32_t i = 0;

	while (i < c->n_ranges &&
	       (c->range[i].family != family || v < c->range[i].first || v > c->range[i].last))
		i++;
	if (i == c->n_ranges)
		return false;
	for (len = bits + 1; len > (single ? bits : 0); len--) {
		prefix_at(v, family, len - 1, out);
		if (takes_place(k, out))
			return true;
	}
	return false;
}

/* An endpoint's address, or all of its prefix, where its place is one that the cube takes. */
static void
place_address(const struct bh_lint_cube *c, const struct bh_lint_cube *other,
	      const struct bh_lint_key *k, struct bh_prefix *out)
{
	const struct bh_lint_domain *d = k->domain;
	uint32_t pass, i;
	uint8_t f;

	for (pass = 0; pass < 2; pass++) {
		if (takes_place(k, out))
			return;
		for (i = 0; i < c->n_ranges + 2 * d->n_values; i++) {
			const struct bh_lint_range *r =
				i < c->n_ranges ? &c->range[i]
						: &d->range[(i - c->n_ranges) % d->n_values];
			bool behind = i >= c->n_ranges + d->n_values;

			f = r->family;
			if (f != other->range[0].family &&
			    f != other->range[other->n_ranges - 1].family)
				continue;
			if ((!behind || r->last != ~(unsigned __int128)0) &&
			    try_address(c, k, behind ? r->last + 1 : r->first, f, pass == 0, out))
				return;
		}
	}
}

/* Somebody in a cube: the poorest that there could be. scratch: room for all segments, three times. */
static void
cube_end(struct bh_lint_run *run, const struct bh_lint_cube *c, const struct bh_lint_cube *other,
	 uint32_t segment, struct bh_lint_end *e, uint32_t *scratch)
{
	const struct bh_lint_segments *x = &run->segments;
	uint32_t stride = run->doc->n_segments + 1, n = 0;
	struct bh_label_set *set = NULL;
	const struct bh_class *class_ = NULL;
	uint32_t k = 0;

	*e = (struct bh_lint_end){.segment = segment};
	if ((c->who & (BH_LINT_WHO_EXTERNAL | BH_LINT_WHO_UNKNOWN)) != 0) {
		e->in = &reserved[(c->who & BH_LINT_WHO_EXTERNAL) == 0];
		e->n_in = 1;
		return;
	}
	if ((c->who & BH_LINT_WHO_ADDRESS) != 0 || c->range != bh_lint_anybody.range ||
	    c->n_ranges != bh_lint_anybody.n_ranges) {
		cube_address(c, other, &e->address);
		while (k < c->n_keys && strcmp(c->key[k].key, BH_LINT_PLACE) != 0)
			k++;
		if (k < c->n_keys)
			place_address(c, other, &c->key[k], &e->address);
		e->has_address = true;
		class_ = &run->snapshot->class_[bh_range_class(run->snapshot, e->address.addr,
							       e->address.family)];
	}
	if ((c->who & BH_LINT_WHO_ADDRESS) == 0) {
		if (bh_lint_example(c->key, c->n_keys, &run->sets, &set) == 0) {
			/* It stays until the run ends: its text is a witness's. */
			n = bh_selector_index_match(&x->doc->index, x->doc, set, scratch);
			n = bh_doc_within(x->doc, e->has_address ? &e->address : NULL, scratch, n);
			e->set = set;
		} else if (segment != run->doc->n_segments) {
			e->in = &x->sup[x->segment[segment].first_sup];
			e->n_in = x->segment[segment].n_sup;
			return;
		}
	}
	e->in = scratch;
	e->n_in = n;
	/* An endpoint is not outside, whatever its address. */
	if (class_ != NULL && class_ != &run->snapshot->class_[BH_CLASS_EXTERNAL] &&
	    class_ != &run->snapshot->class_[BH_CLASS_UNKNOWN]) {
		e->in = scratch + stride;
		e->n_in = merge_sorted(scratch, n, &run->snapshot->member[class_->first], class_->n,
				       scratch + stride);
	}
}

static bool
side_has(const struct bh_side *side, const struct bh_lint_end *e)
{
	uint32_t i, k;

	for (i = 0; i < side->n; i++) {
		for (k = 0; k < e->n_in; k++) {
			if (e->in[k] == side->segment[i])
				return true;
		}
	}
	return side->n == 0;
}

/* The first rule that takes the point in. */
static uint32_t
decider(const struct bh_lint_run *run, const struct bh_lint_end end[2],
	const struct bh_lint_rect *point)
{
	uint32_t i, k;

	for (i = 0; i < run->doc->n_rules; i++) {
		const struct bh_lint_plane *p = &run->plane[i];

		for (k = 0; k < p->n && !bh_lint_rect_includes(&p->rect[k], point);)
			k++;
		if (k < p->n && side_has(&run->doc->rule[i].from, &end[0]) &&
		    side_has(&run->doc->rule[i].to, &end[1]))
			return i;
	}
	return BH_NONE;
}

/* One application of a set: a named one, if it has one; one alone is what is asked about. */
static unsigned
one_app(struct bh_appset *apps)
{
	struct bh_appset one = {{0, 0}};
	unsigned app, word;

	if ((apps->w[0] & 1) != 0) {
		app = BH_APP_UNKNOWN;
	} else {
		word = apps->w[0] == 0;
		app = word * 64 + (unsigned)__builtin_ctzll(apps->w[word]);
	}
	one.w[app / 64] = UINT64_C(1) << app % 64;
	*apps = one;
	return app;
}

static const char *
put_operation(struct bh_lint_run *run, const struct bh_rule_app *op)
{
	struct bh_buf b = {0};
	const char *text;
	uint32_t i, k;

	for (i = 0; i < op->n_lists; i++) {
		bh_buf_printf(&b, "%s%s: ", i == 0 ? "" : "; ", op->list[i].key);
		for (k = 0; k < op->list[i].n_patterns; k++)
			bh_buf_printf(&b, "%s%s", k == 0 ? "" : ", ", op->list[i].pattern[k]);
	}
	text = b.failed ? NULL : bh_arena_text(&run->out->arena, b.data, b.len);
	bh_buf_free(&b);
	return text;
}

static const char *
put_labels(struct bh_lint_run *run, const struct bh_label_set *set)
{
	struct bh_label label[BH_LABELS_MAX];
	unsigned n = bh_label_set_labels(set, label), i;
	struct bh_buf b = {0};
	const char *text;

	bh_buf_str(&b, "");
	for (i = 0; i < n; i++)
		bh_buf_printf(&b, "%s%s=%s", i == 0 ? "" : ",", label[i].key, label[i].value);
	text = b.failed ? NULL : bh_arena_text(&run->out->arena, b.data, b.len);
	bh_buf_free(&b);
	return text;
}

static void
put_end(struct bh_lint_run *run, struct bh_lint_witness *w, unsigned i, const struct bh_lint_end *e)
{
	/* Of anybody, who it is. */
	uint32_t is =
		e->segment == run->doc->n_segments && e->n_in != 0 && e->in[0] <= BH_SEGMENT_UNKNOWN
			? e->in[0]
			: e->segment;
	const char *name = is != run->doc->n_segments ? run->doc->segment[is].name : "any";

	w->segment[i] = bh_arena_text(&run->out->arena, name, strlen(name));
	if (e->has_address)
		bh_prefix_format(&e->address, w->address[i], sizeof(w->address[i]));
	if (e->set != NULL)
		w->labels[i] = put_labels(run, e->set);
}

/* Ends that are there, when what they meet is what is to be shown; else some that the box takes in. */
static uint32_t
find_ends(struct bh_lint_run *run, const uint32_t segment[2], const struct bh_lint_box *box,
	  const struct bh_lint_rect *point, uint32_t wanted, struct bh_lint_end end[2])
{
	size_t stride = 4 * ((size_t)run->doc->n_segments + 1);
	struct bh_lint_end known[2];
	unsigned i, has = 0, mask;
	uint32_t by = BH_NONE;

	for (i = 0; i < 2; i++)
		has |= known_end(run, segment[i], &known[i]) ? 1u << i : 0;
	/* Both of them, one of them, none. */
	for (mask = 3; mask < 4; mask--) {
		if ((mask & ~has) != 0)
			continue;
		for (i = 0; i < 2; i++) {
			if ((mask >> i & 1) != 0)
				end[i] = known[i];
			else
				cube_end(run, &box->end[i], &box->end[1 - i], segment[i], &end[i],
					 run->in + i * stride);
		}
		by = decider(run, end, point);
		if (wanted == BH_NONE || by == wanted)
			return by;
	}
	return by;
}

void
bh_lint_witness(struct bh_lint_run *run, struct bh_lint_finding *f, const uint32_t segment[2],
		const struct bh_lint_box *box, uint32_t wanted)
{
	const struct bh_lint_rect *at = &box->rect;
	struct bh_lint_witness *w = &f->witness;
	struct bh_lint_rect point = *at;
	struct bh_lint_end end[2];
	uint32_t by;
	unsigned app;

	point.last = point.first;
	app = one_app(&point.apps);
	by = find_ends(run, segment, box, &point, wanted, end);
	put_end(run, w, 0, &end[0]);
	put_end(run, w, 1, &end[1]);
	w->service = point.first;
	w->application = (at->first >> 16 == 6 || at->first >> 16 == 17) ? bh_app_name(app) : NULL;
	w->operation = point.op != NULL ? put_operation(run, point.op) : NULL;
	w->verdict = by != BH_NONE ? run->doc->rule[by].action : BH_VERDICT_DENY;
	if (by != BH_NONE)
		w->by = bh_arena_text(&run->out->arena, run->doc->rule[by].id,
				      strlen(run->doc->rule[by].id));
	w->valid = w->segment[0] != NULL && w->segment[1] != NULL;
	run->rc = w->valid ? run->rc : -ENOMEM;
}
