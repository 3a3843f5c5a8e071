/* A zone as an assessor looks at it: which segments lie in it or overlap it, and which rules lead in, out, or through. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy_priv.h"

struct scope {
	const struct bh_policy *p;
	struct bh_scope *out;
	uint32_t zone;
	uint32_t within; /* walking the endpoints of this segment's addresses */
	const struct bh_prefix *prefix;
};

static bool
is_named(const struct bh_doc *doc, uint32_t segment, uint32_t zone)
{
	const struct bh_doc_segment *s = &doc->segment[segment];
	uint32_t i = 0;

	while (i < s->n_zones && s->zone[i] != zone)
		i++;
	return segment == zone || i < s->n_zones;
}

/* Somebody in this class is in the zone: all segments of the class have a member in it. */
static void
note_class(struct scope *s, uint32_t class_, bool in)
{
	const struct bh_class *c = &s->p->snapshot->class_[class_];
	const uint32_t *member = &s->p->snapshot->member[c->first];
	uint32_t i;

	for (i = 0; !in && i < c->n; i++)
		in = (s->out->segment[member[i]] & BH_SCOPE_NAMED) != 0;
	for (i = 0; in && i < c->n; i++)
		s->out->segment[member[i]] |= BH_SCOPE_SHARES;
}

static void
note_set(void *arg, struct bh_label_set *set)
{
	if (set->refs != 0)
		note_class(arg, set->class_, false);
}

static bool
note_endpoint(void *arg, uint32_t slot)
{
	struct scope *s = arg;
	const struct bh_snapshot *snap = s->p->snapshot;
	const struct bh_class *c = &snap->class_[snap->slot_class[slot]];
	bool in = (s->out->segment[s->within] & BH_SCOPE_NAMED) != 0;
	struct bh_prefix at;
	uint32_t i;

	bh_place_prefix(&s->p->place[slot], &at);
	if (!bh_prefix_covers(s->prefix, &at))
		return false;
	for (i = 0; !in && i < c->n; i++)
		in = (s->out->segment[snap->member[c->first + i]] & BH_SCOPE_NAMED) != 0;
	if (in) {
		s->out->segment[s->within] |= BH_SCOPE_SHARES;
		note_class(s, snap->slot_class[slot], true);
	}
	return true;
}

/* Endpoints that are in one segment by their labels and in another by their address. */
static void
note_addresses(struct scope *s, uint32_t segment)
{
	const struct bh_doc_segment *d = &s->p->doc->segment[segment];
	struct bh_place from;
	uint32_t i;

	s->within = segment;
	for (i = 0; i < d->n_addresses; i++) {
		s->prefix = &d->address[i];
		bh_place_set(&from, s->prefix, 0);
		bh_order_each(&s->p->order, &from, false, note_endpoint, s);
	}
}

static void
note_segments(struct scope *s)
{
	const struct bh_snapshot *snap = s->p->snapshot;
	uint32_t i;

	for (i = 0; i < s->p->doc->n_segments; i++) {
		if (is_named(s->p->doc, i, s->zone))
			s->out->segment[i] = BH_SCOPE_NAMED | BH_SCOPE_SHARES;
	}
	if (!s->p->doc->by_place)
		bh_model_each_set((struct bh_policy *)s->p, note_set, s);
	for (i = 1; s->p->doc->by_place && i < s->p->fresh; i++) {
		if (s->p->slot[i].set != NULL)
			note_class(s, snap->slot_class[i], false);
	}
	for (i = 0; i < snap->n_range4; i++)
		note_class(s, snap->range4_class[i], false);
	for (i = 0; i < snap->n_range6; i++)
		note_class(s, snap->range6_class[i], false);
	for (i = 0; i < s->p->doc->n_segments; i++)
		note_addresses(s, i);
	/* Reserved: whoever is in no segment is in no zone. */
	s->out->segment[BH_SEGMENT_EXTERNAL] = s->out->segment[BH_SEGMENT_UNKNOWN] = 0;
}

/* Bit 0: a side can be in the zone; bit 1: it can be outside. */
static unsigned
side_of(const struct scope *s, const struct bh_side *side)
{
	unsigned found = side->n == 0 ? 3u : 0u;
	uint32_t i;

	for (i = 0; i < side->n; i++) {
		uint8_t bits = s->out->segment[side->segment[i]];

		found |= (bits & (BH_SCOPE_NAMED | BH_SCOPE_SHARES)) != 0 ? 1u : 0u;
		found |= (bits & BH_SCOPE_NAMED) == 0 ? 2u : 0u;
	}
	return found;
}

static uint8_t
rule_scope(const struct scope *s, const struct bh_doc_rule *r)
{
	unsigned from = side_of(s, &r->from), to = side_of(s, &r->to);
	bool fence = s->p->doc->segment[s->zone].fence != 0;
	uint8_t bits = 0;

	if ((from & 1) != 0 && (to & 1) != 0)
		bits |= BH_SCOPE_WITHIN;
	if ((from & 2) != 0 && (to & 1) != 0)
		bits |= fence && (r->zones & 2) == 0 ? BH_SCOPE_FENCED : BH_SCOPE_IN;
	if ((from & 1) != 0 && (to & 2) != 0)
		bits |= fence && (r->zones & 1) == 0 ? BH_SCOPE_FENCED : BH_SCOPE_OUT;
	return bits;
}

static int
find_zone(const struct bh_doc *doc, const char *name, uint32_t *zone)
{
	uint32_t i;

	for (i = 0; i < doc->n_segments; i++) {
		const char *s = doc->segment[i].name;

		if (strcmp(s, name) == 0 ||
		    (strncmp(s, "zone:", 5) == 0 && strcmp(s + 5, name) == 0)) {
			*zone = i;
			return strchr(s, ':') != NULL ? 0 : -ENOENT;
		}
	}
	return -ENOENT;
}

static int
scope_locked(struct scope *s, const char *zone, struct bh_err *err)
{
	const struct bh_doc *doc = s->p->doc;
	struct bh_scope *o = s->out;
	uint32_t i;

	if (find_zone(doc, zone, &s->zone) != 0)
		return bh_err_set(
			err, ENOENT,
			"no zone is called '%s'; `bulkheadctl get segments` lists them as "
			"zone:NAME",
			zone);
	o->n_segments = doc->n_segments;
	o->n_rules = doc->n_rules;
	o->segment = calloc(doc->n_segments + 1, 1);
	o->rule = calloc(doc->n_rules + 1, 1);
	if (o->segment == NULL || o->rule == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	snprintf(o->name, sizeof(o->name), "%s", doc->segment[s->zone].name);
	o->cde = doc->segment[s->zone].cde;
	o->keeps = doc->segment[s->zone].fence != 0;
	o->zone = s->zone;
	o->revision = s->p->revision;
	note_segments(s);
	for (i = 0; i < doc->n_rules; i++)
		o->rule[i] = rule_scope(s, &doc->rule[i]);
	return 0;
}

int
bh_policy_scope(struct bh_policy *p, const char *zone, struct bh_scope **out, struct bh_err *err)
{
	struct scope s = {.p = p, .out = calloc(1, sizeof(*s.out))};
	int rc;

	if (s.out == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	pthread_mutex_lock(&p->lock);
	rc = scope_locked(&s, zone, err);
	pthread_mutex_unlock(&p->lock);
	if (rc != 0) {
		bh_scope_free(s.out);
		return rc;
	}
	*out = s.out;
	return 0;
}

void
bh_scope_free(struct bh_scope *s)
{
	if (s == NULL)
		return;
	free(s->segment);
	free(s->rule);
	free(s);
}
