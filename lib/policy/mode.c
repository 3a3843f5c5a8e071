/* Modes: what the segments of an end say, and what two ends come to. Made anew with each change, published with a view:
 * every packet is judged by all of the old ones or all of the new ones. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

const char *
bh_mode_origin_name(unsigned origin)
{
	static const char *const names[BH_MODE_ORIGINS] = {"default", "policy", "set", "override"};

	return origin < BH_MODE_ORIGINS ? names[origin] : "invalid";
}

static enum bh_mode
default_mode(const struct bh_policy *p, const struct bh_doc *doc)
{
	return doc->default_mode != 0 ? (enum bh_mode)(doc->default_mode - 1) : p->params.mode;
}

/* What was set for a segment, else what is written; enum bh_mode and one more, 0: neither. */
static unsigned
named_mode(const struct bh_policy *p, const struct bh_doc *doc, const struct bh_snapshot *s,
	   uint32_t segment)
{
	uint32_t name = s->seg_name[segment];

	if (name < p->n_set_mode && p->set_mode[name] != 0)
		return p->set_mode[name];
	return doc->segment[segment].mode;
}

/* The table of the two contentions: basic is the less strict of the two, strict the stricter. */
static enum bh_mode
between(unsigned from, unsigned to, enum bh_mode normal, bool strict)
{
	const unsigned end[2] = {from, to};
	enum bh_mode mode[2];
	bool has[2];
	unsigned i;

	for (i = 0; i < 2; i++) {
		unsigned named = end[i] & BH_ENDMODE_NAMED;

		has[i] = (end[i] & BH_ENDMODE_MEMBER) != 0;
		mode[i] = named != 0 ? (enum bh_mode)(named - 1) : normal;
		strict |= (end[i] & BH_ENDMODE_CDE) != 0;
	}
	if (!has[0] || !has[1])
		return has[0] ? mode[0] : has[1] ? mode[1] : normal;
	if (strict)
		return mode[0] > mode[1] ? mode[0] : mode[1];
	return mode[0] < mode[1] ? mode[0] : mode[1];
}

static void
fill_pairs(struct bh_modes *m, enum bh_mode normal, const struct bh_doc *doc)
{
	unsigned from, to;

	for (from = 0; from < BH_ENDMODES; from++) {
		for (to = 0; to < BH_ENDMODES; to++)
			m->pair[from * BH_ENDMODES + to] =
				doc->override_mode != 0
					? (uint8_t)(doc->override_mode - 1)
					: (uint8_t)between(from, to, normal, doc->strict);
	}
	m->nobody = m->pair[0];
}

static void
fill_segments(struct bh_modes *m, const struct bh_policy *p, const struct bh_doc *doc,
	      const struct bh_snapshot *s)
{
	uint32_t i;

	m->least = m->nobody;
	for (i = BH_SEGMENT_UNKNOWN + 1; i < doc->n_segments; i++) {
		m->segment[i] = (uint8_t)(named_mode(p, doc, s, i) | BH_ENDMODE_MEMBER |
					  (doc->segment[i].cde ? BH_ENDMODE_CDE : 0));
		if (doc->segment[i].fence != 0)
			m->segment_fence[i] = UINT64_C(1) << (doc->segment[i].fence - 1);
		if (doc->segment[i].hard)
			m->hard |= m->segment_fence[i];
		if (bh_modes_between(m, m->segment[i], m->segment[i]) < m->least)
			m->least = (uint8_t)bh_modes_between(m, m->segment[i], m->segment[i]);
	}
}

void
bh_modes_class(struct bh_modes *m, const struct bh_snapshot *s, uint32_t class_)
{
	const struct bh_class *c = &s->class_[class_];
	unsigned mode = 0;
	uint32_t i;

	uint64_t fence = 0;

	for (i = 0; i < c->n; i++) {
		mode = bh_endmode_join(mode, m->segment[s->member[c->first + i]]);
		fence |= m->segment_fence[s->member[c->first + i]];
	}
	m->class_[class_] = (uint8_t)mode;
	if (m->fence != NULL)
		m->fence[class_] = fence;
}

int
bh_modes_create(struct bh_modes **out, const struct bh_policy *p, const struct bh_doc *doc,
		const struct bh_snapshot *s)
{
	struct bh_modes *m = calloc(1, sizeof(*m));
	uint32_t i;

	if (m == NULL)
		return -ENOMEM;
	m->n_class = s->cap_classes;
	m->class_ = bh_reserve(m->n_class);
	m->segment = calloc((size_t)doc->n_segments + 1, 1);
	m->segment_fence = calloc((size_t)doc->n_segments + 1, sizeof(*m->segment_fence));
	if (doc->n_fences != 0)
		m->fence = bh_reserve(m->n_class * sizeof(*m->fence));
	if (m->class_ == NULL || m->segment == NULL || m->segment_fence == NULL ||
	    (doc->n_fences != 0 && m->fence == NULL)) {
		bh_modes_free(m);
		return -ENOMEM;
	}
	fill_pairs(m, default_mode(p, doc), doc);
	fill_segments(m, p, doc, s);
	for (i = 0; i < s->n_classes; i++)
		bh_modes_class(m, s, i);
	*out = m;
	return 0;
}

void
bh_modes_free(void *modes)
{
	struct bh_modes *m = modes;

	if (m == NULL)
		return;
	bh_unreserve(m->class_, m->n_class);
	bh_unreserve(m->fence, m->n_class * sizeof(*m->fence));
	free(m->segment_fence);
	free(m->segment);
	free(m);
}

/* ---- looking ---------------------------------------------------------------------------------------- */

enum bh_mode
bh_modes_of(const struct bh_policy *p, uint32_t segment, enum bh_mode_origin *origin)
{
	const struct bh_modes *m = p->modes;
	uint32_t name = p->snapshot->seg_name[segment];

	*origin = p->doc->override_mode != 0                       ? BH_MODE_OVERRIDDEN
		  : (m->segment[segment] & BH_ENDMODE_NAMED) == 0  ? BH_MODE_DEFAULTED
		  : name < p->n_set_mode && p->set_mode[name] != 0 ? BH_MODE_SET
								   : BH_MODE_WRITTEN;
	return bh_modes_between(m, m->segment[segment], m->segment[segment]);
}

static uint32_t
find_segment(const struct bh_doc *doc, const char *name)
{
	uint32_t i;

	for (i = 0; i < doc->n_segments && strcmp(doc->segment[i].name, name) != 0;)
		i++;
	return i;
}

bool
bh_policy_segment_mode(struct bh_policy *p, const char *segment, enum bh_mode *mode,
		       enum bh_mode_origin *origin)
{
	uint32_t i;
	bool found;

	pthread_mutex_lock(&p->lock);
	i = find_segment(p->doc, segment);
	found = i < p->doc->n_segments;
	if (found)
		*mode = bh_modes_of(p, i, origin);
	pthread_mutex_unlock(&p->lock);
	return found;
}

void
bh_policy_modes(struct bh_policy *p, struct bh_modes_info *out)
{
	enum bh_mode_origin origin;
	uint32_t i;

	pthread_mutex_lock(&p->lock);
	*out = (struct bh_modes_info){
		.default_mode = (uint8_t)default_mode(p, p->doc),
		.override_mode =
			p->doc->override_mode != 0 ? p->doc->override_mode - 1 : BH_MODE_UNSET,
		.strict = p->doc->strict,
	};
	for (i = BH_SEGMENT_UNKNOWN + 1; i < p->doc->n_segments; i++)
		out->segments[bh_modes_of(p, i, &origin)]++;
	pthread_mutex_unlock(&p->lock);
}

/* ---- setting ---------------------------------------------------------------------------------------- */

static int
check_change(struct bh_policy *p, const struct bh_mode_change *c, bool present, struct bh_err *err)
{
	const char *best = NULL;
	unsigned distance = 0;
	uint32_t i = find_segment(p->doc, c->segment);

	if (c->mode > BH_MODE_PROTECT && c->mode != BH_MODE_UNSET)
		return bh_err_set(err, EINVAL, "no such mode");
	if (i <= BH_SEGMENT_UNKNOWN || strcmp(c->segment, "any") == 0)
		return bh_err_set(err, EINVAL,
				  "segment '%s' is reserved and has no mode of its own: what is "
				  "in no segment has that of its peer, or modes.default",
				  c->segment);
	if (!bh_label_key_valid(c->segment))
		return bh_err_set(err, EINVAL, "'%.80s' is no name of a segment", c->segment);
	if (i < p->doc->n_segments || !present)
		return 0;
	for (i = 0; i < p->doc->n_segments; i++)
		bh_word_nearest(c->segment, p->doc->segment[i].name, &best, &distance);
	return bh_err_set(err, ENOENT, "no segment is named '%.80s'%s%s%s", c->segment,
			  best != NULL ? ": did you mean '" : "", best != NULL ? best : "",
			  best != NULL ? "'?" : "");
}

static uint8_t
set_before(const struct bh_policy *p, const char *segment)
{
	uint32_t name = bh_names_find(p->segment_names, segment);

	return name < p->n_set_mode && p->set_mode[name] != 0 ? p->set_mode[name] - 1
							      : BH_MODE_UNSET;
}

/* Room in set_mode for a name. */
static int
grow_set(struct bh_policy *p, uint32_t name)
{
	uint32_t n = p->n_set_mode != 0 ? p->n_set_mode : 64;
	uint8_t *grown;

	while (n <= name)
		n *= 2;
	if (n == p->n_set_mode)
		return 0;
	grown = realloc(p->set_mode, n);
	if (grown == NULL)
		return -ENOMEM;
	memset(grown + p->n_set_mode, 0, n - p->n_set_mode);
	p->set_mode = grown;
	p->n_set_mode = n;
	return 0;
}

/* What was before is left in old[]. */
static int
set_all(struct bh_policy *p, const struct bh_mode_change *c, size_t n, uint32_t *name, uint8_t *old)
{
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		rc = bh_names_intern(p->segment_names, c[i].segment, &name[i]);
		if (rc == 0)
			rc = grow_set(p, name[i]);
		if (rc != 0)
			return rc;
	}
	for (i = 0; i < n; i++) {
		old[i] = p->set_mode[name[i]];
		p->set_mode[name[i]] = c[i].mode == BH_MODE_UNSET ? 0 : (uint8_t)(c[i].mode + 1);
	}
	return 0;
}

static int
set_locked(struct bh_policy *p, const struct bh_mode_change *c, size_t n)
{
	uint32_t *name = malloc((n + 1) * sizeof(*name));
	uint8_t *old = malloc(n + 1);
	struct bh_modes *modes = NULL;
	struct bh_view *view = NULL;
	int rc = -ENOMEM;
	size_t i;

	if (name == NULL || old == NULL)
		goto out;
	rc = set_all(p, c, n, name, old);
	if (rc != 0)
		goto out;
	rc = bh_modes_create(&modes, p, p->doc, p->snapshot);
	if (rc == 0)
		view = bh_model_view(p, p->table, p->snapshot, modes);
	if (view != NULL) {
		bh_model_publish(p, view);
		goto out;
	}
	bh_modes_free(modes);
	/* From behind, so that of two changes of one name the first one's old value stays. */
	for (i = n; i > 0; i--)
		p->set_mode[name[i - 1]] = old[i - 1];
	rc = -ENOMEM;
out:
	free(name);
	free(old);
	return rc;
}

int
bh_policy_modes_set(struct bh_policy *p, struct bh_mode_change *change, size_t n, bool present,
		    bool check, struct bh_err *err)
{
	size_t i;
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	for (i = 0; rc == 0 && i < n; i++) {
		rc = check_change(p, &change[i], present, err);
		if (rc == 0)
			change[i].before = set_before(p, change[i].segment);
	}
	if (rc == 0 && !check && set_locked(p, change, n) != 0)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	pthread_mutex_unlock(&p->lock);
	if (rc == 0 && !check)
		bh_model_settle(p);
	return rc;
}
