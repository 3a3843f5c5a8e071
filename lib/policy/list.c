/* Looking at the model: endpoints, segments, rules, counts. Control threads. */
#include <stdlib.h>

#include "policy_priv.h"

/* ---- endpoints -------------------------------------------------------------------------------------- */

struct endpoint_walk {
	struct bh_policy *p;
	bh_endpoint_fn fn;
	void *arg;
	const char **names; /* room for all segments */
};

/* Address segments that hold all of an endpoint: those that cover its first address and its last.
 * Returns how many, into out. */
static uint32_t
address_segments(const struct bh_policy *model, const struct bh_place *place, uint32_t *out)
{
	const struct bh_snapshot *s = model->snapshot;
	struct bh_prefix p;
	const struct bh_class *a, *b;
	uint32_t first, last, n = 0, i, k;

	bh_place_prefix(place, &p);
	first = bh_range_class(s, p.addr, p.family);
	for (i = p.len; i < (p.family == BH_IP6 ? 128u : 32u); i++)
		p.addr[i / 8] |= (uint8_t)(0x80 >> i % 8);
	last = bh_range_class(s, p.addr, p.family);
	if (model->known != NULL && p.len == (p.family == BH_IP6 ? 128 : 32))
		first = last = bh_known_class(model->known, p.addr, p.family, first);
	if (first <= BH_CLASS_UNKNOWN || last <= BH_CLASS_UNKNOWN)
		return 0;
	a = &s->class_[first];
	b = &s->class_[last];
	for (i = k = 0; i < a->n && k < b->n;) {
		uint32_t x = s->member[a->first + i], y = s->member[b->first + k];

		if (x == y)
			out[n++] = x;
		i += x <= y;
		k += y <= x;
	}
	return n;
}

/* Segments of an endpoint in document order. */
static unsigned
endpoint_segments(struct bh_policy *p, uint32_t slot, const char **names)
{
	const struct bh_class *c = &p->snapshot->class_[p->snapshot->slot_class[slot]];
	const uint32_t *label = &p->snapshot->member[c->first], *address = p->scratch;
	uint32_t n = address_segments(p, &p->place[slot], p->scratch), i = 0, k = 0;
	unsigned out = 0;

	while (i < c->n || k < n) {
		uint32_t x = i < c->n ? label[i] : BH_NONE, y = k < n ? address[k] : BH_NONE;

		names[out++] = p->doc->segment[x < y ? x : y].name;
		i += x <= y;
		k += y <= x;
	}
	return out;
}

static bool
walk_endpoint(void *arg, uint32_t slot)
{
	struct endpoint_walk *w = arg;
	const struct bh_slot *s = &w->p->slot[slot];
	struct bh_label labels[BH_LABELS_MAX];
	struct bh_endpoint e = {.tenant = w->p->place[slot].tenant,
				.labels = labels,
				.since_ns = s->since_ns,
				.source = s->source};

	bh_place_prefix(&w->p->place[slot], &e.prefix);
	e.n_labels = bh_label_set_labels(s->set, labels);
	return w->fn(w->arg, &e, w->names, endpoint_segments(w->p, slot, w->names));
}

/* Locks the model. */
static bool
walk_start(struct endpoint_walk *w)
{
	pthread_mutex_lock(&w->p->lock);
	w->names = malloc((size_t)w->p->doc->n_segments * sizeof(*w->names));
	return w->names != NULL;
}

static void
walk_end(struct endpoint_walk *w)
{
	pthread_mutex_unlock(&w->p->lock);
	free(w->names);
}

void
bh_policy_endpoints_each(struct bh_policy *p, const struct bh_prefix *after, bh_endpoint_fn fn,
			 void *arg)
{
	struct endpoint_walk w = {.p = p, .fn = fn, .arg = arg};
	struct bh_place from;

	if (after != NULL)
		bh_place_set(&from, after, 0);
	if (walk_start(&w))
		bh_order_each(&p->order, after != NULL ? &from : NULL, true, walk_endpoint, &w);
	walk_end(&w);
}

bool
bh_policy_endpoint_get(struct bh_policy *p, const struct bh_prefix *prefix, bh_tenant tenant,
		       bh_endpoint_fn fn, void *arg)
{
	struct endpoint_walk w = {.p = p, .fn = fn, .arg = arg};
	struct bh_place place;
	uint32_t slot = 0;

	bh_place_set(&place, prefix, tenant);
	if (walk_start(&w)) {
		slot = bh_table_find(p->table, &place);
		if (slot != 0)
			walk_endpoint(&w, slot);
	}
	walk_end(&w);
	return slot != 0;
}

bool
bh_policy_endpoint_resolve(struct bh_policy *p, const uint8_t addr[16], uint8_t family,
			   bh_tenant tenant, bh_endpoint_fn fn, void *arg)
{
	struct endpoint_walk w = {.p = p, .fn = fn, .arg = arg};
	uint32_t slot = 0;

	if (walk_start(&w)) {
		slot = bh_table_resolve(p->table, addr, family, tenant);
		if (slot != 0)
			walk_endpoint(&w, slot);
	}
	walk_end(&w);
	return slot != 0;
}

/* ---- segments --------------------------------------------------------------------------------------- */

struct member_count {
	const struct bh_policy *p;
	uint32_t *members; /* by segment */
	/* of one address segment */
	uint32_t segment;
	const struct bh_prefix *prefix;
};

static void
count_class(struct member_count *m, uint32_t class_, uint32_t endpoints)
{
	const struct bh_snapshot *s = m->p->snapshot;
	const struct bh_class *c = &s->class_[class_];
	uint32_t i;

	for (i = 0; i < c->n; i++)
		m->members[s->member[c->first + i]] += endpoints;
}

static void
count_set(void *arg, struct bh_label_set *set)
{
	count_class(arg, set->class_, set->refs);
}

static bool
has_segment(const struct bh_snapshot *s, const struct bh_class *c, uint32_t segment)
{
	uint32_t i;

	for (i = 0; i < c->n && s->member[c->first + i] < segment;)
		i++;
	return i < c->n && s->member[c->first + i] == segment;
}

/* Endpoints inside one prefix of an address segment, from its first address on. */
static bool
count_address(void *arg, uint32_t slot)
{
	struct member_count *m = arg;
	const struct bh_snapshot *s = m->p->snapshot;
	struct bh_prefix p;

	bh_place_prefix(&m->p->place[slot], &p);
	if (!bh_prefix_covers(m->prefix, &p))
		return false;
	m->members[m->segment] += !has_segment(s, &s->class_[s->slot_class[slot]], m->segment);
	return true;
}

static int
by_prefix(const void *a, const void *b)
{
	const struct bh_prefix *x = a, *y = b;
	int c = (int)x->family - (int)y->family;

	if (c == 0)
		c = memcmp(x->addr, y->addr, sizeof(x->addr));
	return c != 0 ? c : (int)x->len - (int)y->len;
}

static void
count_addresses(struct member_count *m, const struct bh_doc_segment *segment)
{
	struct bh_prefix *sorted = malloc((segment->n_addresses + 1) * sizeof(*sorted));
	struct bh_place from;
	uint32_t i;

	if (sorted == NULL)
		return;
	if (segment->n_addresses != 0)
		memcpy(sorted, segment->address, segment->n_addresses * sizeof(*sorted));
	qsort(sorted, segment->n_addresses, sizeof(*sorted), by_prefix);
	m->prefix = NULL;
	for (i = 0; i < segment->n_addresses; i++) {
		/* Inside the one before: counted. */
		if (m->prefix != NULL && bh_prefix_covers(m->prefix, &sorted[i]))
			continue;
		m->prefix = &sorted[i];
		bh_place_set(&from, m->prefix, 0);
		bh_order_each(&m->p->order, &from, false, count_address, m);
	}
	free(sorted);
}

static void
count_members(struct bh_policy *p, uint32_t *members)
{
	struct member_count m = {.p = p, .members = members};
	uint32_t slot;

	if (!p->doc->by_place)
		bh_model_each_set(p, count_set, &m);
	for (slot = 1; p->doc->by_place && slot < p->fresh; slot++) {
		if (p->slot[slot].set != NULL)
			count_class(&m, p->snapshot->slot_class[slot], 1);
	}
	for (m.segment = 0; m.segment < p->doc->n_segments; m.segment++)
		count_addresses(&m, &p->doc->segment[m.segment]);
}

void
bh_policy_segments_each(struct bh_policy *p, bh_segment_fn fn, void *arg)
{
	enum bh_mode_origin origin;
	uint32_t i, *members;
	const char **zone;
	bool more = true;

	pthread_mutex_lock(&p->lock);
	members = calloc(p->doc->n_segments, sizeof(*members));
	zone = calloc(p->doc->n_segments, sizeof(*zone));
	if (members != NULL)
		count_members(p, members);
	for (i = 0; more && members != NULL && zone != NULL && i < p->doc->n_segments; i++) {
		const struct bh_doc_segment *s = &p->doc->segment[i];
		enum bh_mode mode = bh_modes_of(p, i, &origin);
		struct bh_segment_info info = {.id = p->snapshot->seg_name[i],
					       .name = s->name,
					       .selector = s->selector_text,
					       .address = s->address,
					       .n_addresses = s->n_addresses,
					       .members = members[i],
					       .line = s->line,
					       .mode = (uint8_t)mode,
					       .mode_origin = (uint8_t)origin,
					       .cde = s->cde,
					       .keeps = s->fence != 0,
					       .zone = zone,
					       .n_zones = s->n_zones,
					       .reserved = i <= BH_SEGMENT_UNKNOWN};
		uint32_t z;

		for (z = 0; z < s->n_zones; z++)
			zone[z] = p->doc->segment[s->zone[z]].name;
		more = fn(arg, &info);
	}
	pthread_mutex_unlock(&p->lock);
	free(members);
	free(zone);
}

/* ---- rules, counts ------------------------------------------------------------------------------------ */

void
bh_doc_rule_info(const struct bh_doc *doc, uint32_t i, struct bh_rule_info *out)
{
	const struct bh_doc_rule *r = &doc->rule[i];

	*out = (struct bh_rule_info){.index = i,
				     .name_id = BH_NO_RULE,
				     .id = r->id,
				     .from = r->from.text,
				     .to = r->to.text,
				     .ports = r->ports_text,
				     .applications = r->apps_text,
				     .app = r->app,
				     .n_apps = r->n_apps,
				     .denied = r->denied != 0 ? bh_denied_words[r->denied - 1] : "",
				     .comment = r->comment,
				     .owner = r->owner != NULL ? r->owner : "",
				     .reason = r->reason != NULL ? r->reason : "",
				     .expires_ns = r->expires_ns,
				     .expired = r->expired,
				     .action = r->action,
				     .origin = r->origin,
				     .line = r->line};
}

uint64_t
bh_rule_body(const struct bh_rule_info *r)
{
	const struct bh_hash_key key = {.k = {1, 2, 3, 4, 5, 6, 7, 8}};
	struct bh_buf b = {0};
	uint64_t hash;

	bh_buf_printf(&b, "%s\n%s\n%s\n%s\n%u\n%s", r->from, r->to, r->ports, r->applications,
		      r->action, r->denied);
	hash = b.failed ? 0 : bh_hash_bytes(&key, b.data, b.len);
	bh_buf_free(&b);
	return hash;
}

void
bh_policy_rules_each(struct bh_policy *p, bh_rule_fn fn, void *arg)
{
	struct bh_rule_info info;
	bool more = true;
	uint32_t i;

	pthread_mutex_lock(&p->lock);
	for (i = 0; more && i < p->doc->n_rules; i++) {
		bh_doc_rule_info(p->doc, i, &info);
		info.name_id = p->snapshot->rule[i].name_id;
		more = fn(arg, &info);
	}
	pthread_mutex_unlock(&p->lock);
}

void
bh_policy_counts(struct bh_policy *p, struct bh_policy_counts *out)
{
	pthread_mutex_lock(&p->lock);
	*out = (struct bh_policy_counts){.endpoints = p->n_live,
					 .label_sets = p->sets.n,
					 .classes = p->snapshot->n_classes,
					 .segments = p->doc->n_segments - 2,
					 .rules = p->doc->n_rules,
					 .pairs = p->snapshot->n_pairs,
					 .compile_ns = p->snapshot->compile_ns,
					 .bytes = bh_snapshot_bytes(p->snapshot) +
						  (uint64_t)p->fresh *
							  sizeof(*p->snapshot->slot_class)};
	pthread_mutex_unlock(&p->lock);
}

/* ---- judging -------------------------------------------------------------------------------------------- */

void
bh_policy_judge_now(struct bh_policy *p, const struct bh_flow_key *key, unsigned initiator,
		    uint16_t service, const struct bh_said *said, struct bh_judgement *out)
{
	pthread_mutex_lock(&p->lock);
	bh_policy_judge(p->view, key, initiator, service, said, out);
	pthread_mutex_unlock(&p->lock);
}
