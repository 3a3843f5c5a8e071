/* The model: creation, views, what loads and changes share. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

int
bh_policy_create(struct bh_policy **out, const struct bh_policy_params *params)
{
	struct bh_policy *p;
	int rc;

	/* Slot numbers are 32 bits, and there are twice as many as endpoints. */
	if (params->max_endpoints == 0 || params->max_endpoints > 1u << 30)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->params = *params;
	pthread_mutex_init(&p->lock, NULL);
	rc = bh_slots_init(p);
	if (rc == 0)
		rc = bh_names_create(&p->segment_names, &params->hash_key);
	if (rc == 0)
		rc = bh_names_create(&p->rule_names, &params->hash_key);
	if (rc == 0)
		rc = bh_label_sets_init(&p->sets, &params->hash_key);
	if (rc == 0)
		rc = bh_table_create(&p->table, &params->hash_key, p->place, 0);
	/* A document to stand on: endpoints may come before the first load. Nobody sees it. */
	if (rc == 0)
		rc = bh_doc_empty(&p->doc, &params->hash_key);
	if (rc == 0)
		rc = bh_model_scratch(p, p->doc);
	if (rc == 0)
		rc = bh_snapshot_create(&p->snapshot, p->doc, &params->hash_key, p->n_slots, 0,
					NULL);
	if (rc == 0)
		rc = bh_model_names(p, p->snapshot, p->doc);
	if (rc == 0)
		rc = bh_modes_create(&p->modes, p, p->doc, p->snapshot);
	if (rc == 0) {
		p->view = bh_model_view(p, p->table, p->snapshot, p->modes);
		rc = p->view != NULL ? 0 : -ENOMEM;
	}
	if (rc != 0) {
		bh_policy_destroy(p);
		return rc;
	}
	*out = p;
	return 0;
}

void
bh_policy_destroy(struct bh_policy *p)
{
	if (p == NULL)
		return;
	free(p->view);
	bh_table_free(p->table);
	bh_snapshot_free(p->snapshot);
	bh_modes_free(p->modes);
	bh_known_free(p->known);
	bh_hosts_free(&p->hosts);
	bh_restrictions_free(p->restrictions);
	free(p->set_mode);
	bh_doc_free(p->doc);
	bh_label_sets_free(&p->sets);
	bh_names_destroy(p->segment_names);
	bh_names_destroy(p->rule_names);
	bh_slots_fini(p);
	free(p->scratch);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct bh_view *
bh_model_view(struct bh_policy *p, struct bh_endpoints *table, struct bh_snapshot *snapshot,
	      struct bh_modes *modes)
{
	struct bh_view *v = malloc(sizeof(*v));

	if (v != NULL)
		*v = (struct bh_view){.endpoints = table,
				      .snapshot = snapshot,
				      .modes = modes,
				      .known = snapshot == p->snapshot ? p->known : NULL,
				      .restrictions = p->restrictions,
				      .generation = p->generation,
				      .epoch = p->view != NULL ? p->view->epoch + 1 : 1,
				      .mode = modes->nobody,
				      .by_name = snapshot->host != NULL};
	return v;
}

void
bh_model_settle(struct bh_policy *p)
{
	if (p->params.settle != NULL)
		p->params.settle(p->params.arg);
}

void
bh_model_publish(struct bh_policy *p, struct bh_view *view)
{
	struct bh_endpoints *table = p->table;
	struct bh_snapshot *snapshot = p->snapshot;
	struct bh_modes *modes = p->modes;
	struct bh_known *known = p->known;
	struct bh_restrictions *restrictions = p->restrictions;
	struct bh_view *old = p->view;

	p->view = view;
	p->table = (struct bh_endpoints *)view->endpoints;
	p->snapshot = (struct bh_snapshot *)view->snapshot;
	p->modes = (struct bh_modes *)view->modes;
	p->known = (struct bh_known *)view->known;
	p->restrictions = (struct bh_restrictions *)view->restrictions;
	if (p->published)
		p->params.publish(p->params.arg, view);
	bh_retire(p, old, free);
	if (table != p->table)
		bh_retire(p, table, bh_table_free);
	if (snapshot != p->snapshot)
		bh_retire(p, snapshot, bh_snapshot_free);
	if (modes != p->modes)
		bh_retire(p, modes, bh_modes_free);
	if (known != NULL && known != p->known)
		bh_retire(p, known, bh_known_free);
	if (restrictions != NULL && restrictions != p->restrictions)
		bh_retire(p, restrictions, bh_restrictions_free);
}

int
bh_model_scratch(struct bh_policy *p, const struct bh_doc *doc)
{
	void *grown;

	if (doc->n_segments <= p->n_scratch)
		return 0;
	grown = realloc(p->scratch, 2 * (size_t)doc->n_segments * sizeof(*p->scratch));
	if (grown == NULL)
		return -ENOMEM;
	p->scratch = grown;
	p->n_scratch = doc->n_segments;
	return 0;
}

int
bh_model_classify(struct bh_policy *p, struct bh_snapshot *s, const struct bh_doc *doc,
		  const struct bh_label_set *set, uint32_t *out)
{
	uint32_t n = bh_selector_index_match(&doc->index, doc, set, p->scratch);
	uint32_t before = s->n_classes;
	int rc = bh_class_intern(s, doc, p->scratch, n, out);

	if (rc == 0 && s->n_classes != before && s == p->snapshot)
		bh_modes_class(p->modes, s, *out);
	return rc;
}

int
bh_model_place(struct bh_policy *p, struct bh_snapshot *s, const struct bh_doc *doc,
	       const struct bh_prefix *at, uint32_t labels, uint32_t *out)
{
	const struct bh_class *c = &s->class_[labels];
	uint32_t before = s->n_classes, n;
	int rc;

	*out = labels;
	if (!doc->by_place || c->n == 0)
		return 0;
	memcpy(p->scratch, &s->member[c->first], c->n * sizeof(*p->scratch));
	n = bh_doc_within(doc, at, p->scratch, c->n);
	rc = bh_class_intern(s, doc, p->scratch, n, out);
	if (rc == 0 && s->n_classes != before && s == p->snapshot)
		bh_modes_class(p->modes, s, *out);
	return rc;
}

void
bh_model_each_set(struct bh_policy *p, void (*fn)(void *arg, struct bh_label_set *set), void *arg)
{
	struct bh_label_set *set;
	uint32_t i;

	for (i = 0; i <= p->sets.mask; i++) {
		for (set = p->sets.bucket[i]; set != NULL; set = set->next)
			fn(arg, set);
	}
}

struct fill {
	struct bh_policy *p;
	struct bh_snapshot *s;
	const struct bh_doc *doc;
	int rc;
};

static void
fill_set(void *arg, struct bh_label_set *set)
{
	struct fill *f = arg;

	if (f->rc == 0)
		f->rc = bh_model_classify(f->p, f->s, f->doc, set, &set->next_class);
}

int
bh_model_fill(struct bh_policy *p, struct bh_snapshot *s, const struct bh_doc *doc,
	      struct bh_err *err)
{
	struct fill f = {.p = p, .s = s, .doc = doc};
	uint64_t start = bh_clock_system.mono_ns(NULL);
	struct bh_prefix at;
	uint32_t i;

	bh_model_each_set(p, fill_set, &f);
	for (i = 1; f.rc == 0 && i < p->fresh; i++) {
		if (p->slot[i].set == NULL)
			continue;
		bh_place_prefix(&p->place[i], &at);
		f.rc = bh_model_place(p, s, doc, &at, p->slot[i].set->next_class,
				      &s->slot_class[i]);
	}
	if (f.rc == -ENOSPC)
		return bh_err_set(
			err, ENOSPC,
			"the endpoints' labels fall into too many different sets of segments: "
			"use fewer, broader selectors");
	if (f.rc != 0)
		return bh_err_set(err, ENOMEM, "out of memory");
	s->compile_ns += bh_clock_system.mono_ns(NULL) - start;
	return 0;
}

static void
set_filled(void *arg, struct bh_label_set *set)
{
	(void)arg;
	set->class_ = set->next_class;
}

void
bh_model_filled(struct bh_policy *p)
{
	bh_model_each_set(p, set_filled, NULL);
}

int
bh_model_names(struct bh_policy *p, struct bh_snapshot *s, const struct bh_doc *doc)
{
	uint32_t i;
	int rc = 0;

	/* The reserved segments come first in the first document: they are BH_SEGMENT_EXTERNAL and
	 * BH_SEGMENT_UNKNOWN for ever. */
	for (i = 0; rc == 0 && i < doc->n_segments; i++)
		rc = bh_names_intern(p->segment_names, doc->segment[i].name, &s->seg_name[i]);
	for (i = 0; rc == 0 && i < doc->n_rules; i++)
		rc = bh_names_intern(p->rule_names, doc->rule[i].id, &s->rule[i].name_id);
	return rc;
}

uint32_t
bh_policy_revision(struct bh_policy *p)
{
	return __atomic_load_n(&p->revision, __ATOMIC_ACQUIRE);
}

void
bh_policy_number_next(struct bh_policy *p, uint32_t revision)
{
	pthread_mutex_lock(&p->lock);
	p->next_revision = revision;
	pthread_mutex_unlock(&p->lock);
}

const char *
bh_policy_segment_name(struct bh_policy *p, uint32_t segment)
{
	return bh_names_text(p->segment_names, segment);
}

int
bh_policy_segment_id(struct bh_policy *p, const char *name, uint32_t *id)
{
	uint32_t reserved;
	int rc;

	pthread_mutex_lock(&p->lock);
	/* Their ids are fixed, whoever comes first. */
	rc = bh_names_intern(p->segment_names, "external", &reserved);
	if (rc == 0)
		rc = bh_names_intern(p->segment_names, "unknown", &reserved);
	if (rc == 0)
		rc = bh_names_intern(p->segment_names, name, id);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

int
bh_policy_rule_id(struct bh_policy *p, const char *name, uint32_t *id)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	rc = bh_names_intern(p->rule_names, name, id);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

const char *
bh_policy_rule_name(struct bh_policy *p, uint32_t rule)
{
	return bh_names_text(p->rule_names, rule);
}

void
bh_policy_text(struct bh_policy *p, struct bh_buf *out)
{
	pthread_mutex_lock(&p->lock);
	bh_buf_add(out, p->doc->text != NULL ? p->doc->text : "", p->doc->text_len);
	pthread_mutex_unlock(&p->lock);
}
