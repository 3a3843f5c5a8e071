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

/* Somebody in a segment: an endpoint, the first of its addresses, or one that is in what holds all of the segment and in
 * nothing else. */
static void
make_end(const struct bh_lint_run *run, uint32_t segment, struct bh_lint_end *e)
{
	const struct bh_doc *doc = run->doc;
	const struct bh_class *c;
	uint32_t sample;

	*e = (struct bh_lint_end){.segment = segment};
	if (segment <= BH_SEGMENT_UNKNOWN || segment == doc->n_segments) {
		/* Anybody: somebody outside. */
		e->in = &reserved[segment == BH_SEGMENT_UNKNOWN];
		e->n_in = 1;
		return;
	}
	sample = run->sample_of[segment];
	if (sample != BH_NONE) {
		e->in = run->sample[sample].in;
		e->n_in = run->sample[sample].n_in;
		e->address = run->sample[sample].prefix;
		e->has_address = true;
	} else if (doc->segment[segment].n_addresses != 0) {
		e->address = doc->segment[segment].address[0];
		e->has_address = true;
		c = &run->snapshot->class_[bh_range_class(run->snapshot, e->address.addr,
							  e->address.family)];
		e->in = &run->snapshot->member[c->first];
		e->n_in = c->n;
	} else {
		e->in = &run->segments.sup[run->segments.segment[segment].first_sup];
		e->n_in = run->segments.segment[segment].n_sup;
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

void
bh_lint_witness(struct bh_lint_run *run, struct bh_lint_finding *f, const uint32_t segment[2],
		const struct bh_lint_rect *at)
{
	struct bh_lint_witness *w = &f->witness;
	struct bh_lint_rect point = *at;
	struct bh_lint_end end[2];
	const char *name;
	uint32_t by;
	unsigned i, app;

	for (i = 0; i < 2; i++) {
		make_end(run, segment[i], &end[i]);
		name = segment[i] != run->doc->n_segments ? run->doc->segment[segment[i]].name
							  : "any";
		w->segment[i] = bh_arena_text(&run->out->arena, name, strlen(name));
		if (end[i].has_address)
			bh_prefix_format(&end[i].address, w->address[i], sizeof(w->address[i]));
	}
	point.last = point.first;
	app = one_app(&point.apps);
	w->service = point.first;
	w->application = (at->first >> 16 == 6 || at->first >> 16 == 17) ? bh_app_name(app) : NULL;
	w->operation = point.op != NULL ? put_operation(run, point.op) : NULL;
	by = decider(run, end, &point);
	w->verdict = by != BH_NONE ? run->doc->rule[by].action : BH_VERDICT_DENY;
	if (by != BH_NONE)
		w->by = bh_arena_text(&run->out->arena, run->doc->rule[by].id,
				      strlen(run->doc->rule[by].id));
	w->valid = w->segment[0] != NULL && w->segment[1] != NULL;
	run->rc = w->valid ? run->rc : -ENOMEM;
}
