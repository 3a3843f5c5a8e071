/* A document into force: read and compiled aside, then published with its endpoints as one. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

#define POLICY_MAX (UINT64_C(64) << 20) /* as YAML's own limit */

/* What a document does to one of its endpoints. */
struct entry {
	uint32_t slot;            /* present one; 0: none */
	uint32_t new_slot;        /* taken for it */
	struct bh_label_set *set; /* holds a reference; NULL: REST's endpoint stays */
};

struct load {
	struct bh_policy *p;
	struct bh_doc *doc;
	struct bh_snapshot *snapshot;
	struct bh_endpoints *table;
	struct bh_modes *modes;
	struct bh_known *known;
	struct bh_view *view;
	struct bh_slot_batch *batch;
	struct entry *entry; /* by the document's endpoints */
	uint32_t n_entries;
	uint8_t *gone;    /* by slot: the file's, and no longer in it */
	uint32_t n_slots; /* of gone: taken before this load */
	struct bh_policy_change change;
};

static int
no_memory(struct bh_err *err)
{
	return bh_err_set(err, ENOMEM, "out of memory");
}

static int
place_err(const struct load *l, uint32_t i, struct bh_err *err)
{
	const struct bh_doc_endpoint *e = &l->doc->endpoint[i];

	if (err != NULL && err->what[0] == '\0') {
		memcpy(err->file, l->doc->name, sizeof(err->file));
		err->line = e->line;
		err->column = e->column;
	}
	return bh_err_set(
		err, ENOSPC,
		"this endpoint is one more than endpoints.max (%u) allows: raise it in the "
		"configuration",
		l->p->params.max_endpoints);
}

/* Which endpoints come, go and change. */
static int
plan_endpoints(struct load *l, struct bh_err *err)
{
	struct bh_policy *p = l->p;
	struct bh_policy_change *c = &l->change;
	struct bh_place place;
	uint32_t i, live;
	int rc;

	for (i = 1; i < l->n_slots; i++)
		l->gone[i] = p->slot[i].set != NULL && p->slot[i].source == BH_SOURCE_FILE;
	for (i = 0; i < l->n_entries; i++) {
		const struct bh_doc_endpoint *e = &l->doc->endpoint[i];
		struct entry *entry = &l->entry[i];

		bh_place_set(&place, &e->prefix, e->tenant);
		entry->slot = bh_table_find(p->table, &place);
		if (entry->slot != 0 && p->slot[entry->slot].source == BH_SOURCE_REST)
			continue;
		l->gone[entry->slot] = 0;
		rc = bh_label_set_intern(&p->sets, e->label, e->n_labels, &entry->set, err);
		if (rc != 0)
			return rc;
		if (entry->slot == 0)
			c->endpoints_added++;
		else
			c->endpoints_changed += p->slot[entry->slot].set != entry->set;
	}
	for (i = 1; i < l->n_slots; i++)
		c->endpoints_removed += l->gone[i];
	live = p->n_live - c->endpoints_removed;
	for (i = 0; i < l->n_entries; i++) {
		live += l->entry[i].slot == 0;
		if (live > p->params.max_endpoints)
			return place_err(l, i, err);
	}
	c->endpoints = live;
	return 0;
}

/* Label sets to classes, endpoints to a table of their own. Nothing that workers see is touched: new
 * slots are in no table of theirs, and labels of old ones change in the new snapshot only. */
static int
prepare_endpoints(struct load *l, struct bh_err *err)
{
	struct bh_policy *p = l->p;
	uint32_t i, slot;
	int rc = bh_model_fill(p, l->snapshot, l->doc, err);

	if (rc != 0)
		return rc;
	if (l->change.endpoints_added > bh_slots_available(p))
		return bh_err_set(err, EAGAIN,
				  "endpoints deleted before are still being let go of by the "
				  "workers: try again in a moment");
	l->batch = bh_slot_batch_new(p, l->change.endpoints_removed);
	if (l->batch == NULL ||
	    bh_table_create(&l->table, &p->params.hash_key, p->place, l->change.endpoints) != 0)
		return no_memory(err);
	bh_table_copy(l->table, p->table, l->gone);
	for (i = 0; i < l->n_entries; i++) {
		const struct bh_doc_endpoint *e = &l->doc->endpoint[i];

		if (l->entry[i].set == NULL)
			continue;
		slot = l->entry[i].slot;
		if (slot == 0) {
			slot = l->entry[i].new_slot = bh_slot_take(p);
			bh_place_set(&p->place[slot], &e->prefix, e->tenant);
			bh_table_insert(l->table, slot);
		}
		rc = bh_model_place(p, l->snapshot, l->doc, &e->prefix, l->entry[i].set->next_class,
				    &l->snapshot->slot_class[slot]);
		if (rc != 0)
			return bh_err_set(err, -rc,
					  "the endpoints fall into too many different sets of "
					  "segments: use fewer, broader selectors");
	}
	return 0;
}

/* Names are kept for ever: those of a dry run are not wanted. */
static int
prepare_view(struct load *l)
{
	struct bh_policy *p = l->p;
	int rc = bh_model_names(p, l->snapshot, l->doc);

	/* What is known of names that this document lists, too. */
	if (rc == 0)
		rc = bh_known_build(&l->known, p, l->snapshot, l->doc);
	if (rc == 0)
		rc = bh_modes_create(&l->modes, p, l->doc, l->snapshot);
	if (rc != 0)
		return -ENOMEM;
	l->view = bh_model_view(p, l->table, l->snapshot, l->modes);
	if (l->view == NULL)
		return -ENOMEM;
	l->view->known = l->known;
	return 0;
}

static void
commit_gone(struct load *l)
{
	struct bh_policy *p = l->p;
	uint32_t i;

	for (i = 1; i < l->n_slots; i++) {
		if (!l->gone[i])
			continue;
		bh_order_remove(&p->order, i);
		bh_label_set_put(&p->sets, p->slot[i].set);
		p->slot[i].set = NULL;
		p->n_live--;
		l->batch->slot[l->batch->n++] = i;
	}
}

static void
commit_endpoints(struct load *l)
{
	struct bh_policy *p = l->p;
	uint64_t now = bh_clock_system.wall_ns(NULL);
	uint32_t i;

	for (i = 0; i < l->n_entries; i++) {
		struct entry *e = &l->entry[i];
		struct bh_slot *s = &p->slot[e->slot];

		if (e->new_slot != 0) {
			p->slot[e->new_slot] = (struct bh_slot){.set = e->set,
								.since_ns = now,
								.source = BH_SOURCE_FILE};
			bh_order_insert(&p->order, e->new_slot);
			p->n_live++;
			e->set = NULL; /* the reference is the slot's now */
			e->new_slot = 0;
		} else if (e->set != NULL && s->set != e->set) {
			bh_label_set_put(&p->sets, s->set);
			s->set = e->set;
			s->since_ns = now;
			e->set = NULL;
		}
	}
}

static void
commit(struct load *l, bool numbered)
{
	struct bh_policy *p = l->p;
	struct bh_doc *old = p->doc;

	p->doc = l->doc;
	l->doc = old;
	p->published = true;
	if (numbered) {
		uint32_t next = p->next_revision != 0 ? p->next_revision : p->revision + 1;

		p->next_revision = 0;
		__atomic_store_n(&p->revision, next, __ATOMIC_RELEASE);
	}
	bh_model_publish(p, l->view);
	l->view = NULL;
	l->snapshot = NULL;
	l->modes = NULL;
	l->known = NULL;
	l->table = NULL;
	commit_gone(l);
	commit_endpoints(l);
	bh_model_filled(p);
	bh_slot_batch_retire(p, l->batch);
	l->batch = NULL;
}

static void
load_free(struct load *l)
{
	uint32_t i;

	for (i = 0; i < l->n_entries; i++) {
		if (l->entry[i].new_slot != 0)
			bh_slot_untake(l->p, l->entry[i].new_slot);
		bh_label_set_put(&l->p->sets, l->entry[i].set);
	}
	bh_slot_batch_drop(l->batch);
	free(l->view);
	bh_modes_free(l->modes);
	bh_known_free(l->known);
	bh_table_free(l->table);
	free(l->entry);
	free(l->gone);
}

static int
load_locked(struct load *l, bool dry_run, bool numbered, struct bh_err *err)
{
	struct bh_policy *p = l->p;
	int rc;

	l->n_slots = p->fresh;
	l->gone = calloc(l->n_slots, 1);
	l->entry = calloc((size_t)l->doc->n_endpoints + 1, sizeof(*l->entry));
	if (l->gone == NULL || l->entry == NULL || bh_model_scratch(p, l->doc) != 0)
		return no_memory(err);
	l->n_entries = l->doc->n_endpoints;
	rc = bh_doc_diff(p->doc, l->doc, &p->params.hash_key, &l->change);
	if (rc == 0)
		rc = plan_endpoints(l, err);
	if (rc == 0)
		rc = prepare_endpoints(l, err);
	if (rc == 0 && !dry_run) {
		rc = prepare_view(l);
		if (rc == 0)
			commit(l, numbered);
	}
	l->change.revision = p->revision;
	return rc == -ENOMEM ? no_memory(err) : rc;
}

/* Takes the document over. */
static int
load_doc(struct bh_policy *p, struct bh_doc *doc, bool dry_run, struct bh_policy_change *change,
	 struct bh_err *err)
{
	struct load l = {.p = p, .doc = doc};
	uint32_t n_sets;
	int rc;

	pthread_mutex_lock(&p->lock);
	n_sets = p->sets.n;
	pthread_mutex_unlock(&p->lock);
	/* Rules are compiled without the lock: endpoints go on changing meanwhile. */
	rc = bh_snapshot_create(&l.snapshot, doc, &p->params.hash_key, p->n_slots,
				n_sets + doc->n_endpoints, err);
	if (rc == 0) {
		pthread_mutex_lock(&p->lock);
		rc = load_locked(&l, dry_run, !doc->empty, err);
		load_free(&l);
		pthread_mutex_unlock(&p->lock);
	}
	if (rc == 0 && !dry_run)
		bh_model_settle(p);
	if (rc == 0 && change != NULL)
		*change = l.change;
	bh_snapshot_free(l.snapshot);
	bh_doc_free(l.doc);
	return rc;
}

int
bh_policy_load_text(struct bh_policy *p, const char *name, const char *text, size_t len,
		    bool dry_run, struct bh_policy_change *change, struct bh_err *err)
{
	struct bh_yaml_doc *yaml;
	struct bh_doc *doc = NULL;
	int rc = bh_yaml_load_text(&yaml, name, text, len, err);

	if (rc != 0)
		return rc;
	rc = bh_doc_parse(&doc, yaml, &p->params.hash_key, err);
	bh_yaml_free(yaml);
	if (rc != 0)
		return rc;
	/* Kept for whoever asks for the policy as it was written. */
	doc->text = malloc(len + 1);
	if (doc->text == NULL) {
		bh_doc_free(doc);
		return no_memory(err);
	}
	memcpy(doc->text, text, len);
	doc->text_len = len;
	return load_doc(p, doc, dry_run, change, err);
}

int
bh_policy_load_file(struct bh_policy *p, const char *path, bool dry_run,
		    struct bh_policy_change *change, struct bh_err *err)
{
	char *text;
	size_t len;
	int rc = bh_file_read(path, POLICY_MAX, &text, &len, err);

	if (rc == 0) {
		rc = bh_policy_load_text(p, path, text, len, dry_run, change, err);
		free(text);
	}
	return rc;
}

int
bh_policy_expire(struct bh_policy *p, uint64_t wall_ns, struct bh_buf *ids)
{
	uint32_t i, n = 0;
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	for (i = 0; p->doc->next_expiry_ns != 0 && p->doc->next_expiry_ns <= wall_ns &&
		    i < p->doc->n_rules;
	     i++) {
		const struct bh_doc_rule *r = &p->doc->rule[i];

		if (!r->expired && r->expires_ns != 0 && r->expires_ns <= wall_ns && ids != NULL)
			bh_buf_printf(ids, "%s%s", n == 0 ? "" : ", ", r->id);
		n += !r->expired && r->expires_ns != 0 && r->expires_ns <= wall_ns;
	}
	if (n != 0) {
		bh_doc_expire(p->doc, wall_ns);
		rc = bh_model_renew(p, NULL);
		if (rc != 0)
			p->doc->next_expiry_ns = wall_ns; /* the next call tries again */
	}
	pthread_mutex_unlock(&p->lock);
	if (n != 0 && rc == 0)
		bh_model_settle(p);
	return rc != 0 ? -ENOMEM : (int)n;
}

int
bh_policy_load_empty(struct bh_policy *p, struct bh_err *err)
{
	struct bh_doc *doc;

	if (bh_doc_empty(&doc, &p->params.hash_key) != 0)
		return no_memory(err);
	return load_doc(p, doc, false, NULL, err);
}
