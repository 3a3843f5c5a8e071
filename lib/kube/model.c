/* model: objects in, changes of endpoints out. Knows no time, no file, no connection.
 *
 * An object is kept under its name. For each address that objects claim there is a place with its claims; what has changed
 * about one marks its place, and the next batch says for each marked place what the endpoint is to be. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "kube_priv.h"

struct kept {
	struct bh_kube_object o; /* its strings are memory's */
	struct bh_arena memory;
	uint64_t seen; /* list in which it was put */
};

struct claim {
	const struct kept *by;
	uint8_t rank;
};

struct place {
	struct bh_prefix prefix;
	struct claim *claim;
	unsigned n, room;
	bool marked, ours; /* ours: the policy has it from us */
	uint8_t owner;     /* source that it is from, where it is ours */
	bool next_ours;    /* the same once the batch is in force */
	uint8_t next_owner;
};

struct bh_kube_model {
	void *objects, *places; /* trees of tsearch */
	struct place **marked;
	size_t n_marked, room;
	unsigned n_sources;
	const char *cluster[BH_CONFIG_SOURCES];
	bool distrusted[BH_CONFIG_SOURCES];
	uint64_t list[BH_CONFIG_SOURCES][BH_KUBE_FILE + 1];
	uint32_t n_objects[BH_CONFIG_SOURCES], n_left_out[BH_CONFIG_SOURCES],
		n_ours[BH_CONFIG_SOURCES];
	bool failed; /* memory: a mark is missing, and all is told again */
};

static int
by_name(const void *a, const void *b)
{
	const struct bh_kube_object *x = &((const struct kept *)a)->o,
				    *y = &((const struct kept *)b)->o;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int
by_prefix(const void *a, const void *b)
{
	return memcmp(&((const struct place *)a)->prefix, &((const struct place *)b)->prefix,
		      sizeof(struct bh_prefix));
}

int
bh_kube_model_create(struct bh_kube_model **out, const char *const cluster[], unsigned n_sources)
{
	struct bh_kube_model *m = calloc(1, sizeof(*m));
	unsigned i;

	if (m == NULL)
		return -ENOMEM;
	m->n_sources = n_sources;
	for (i = 0; i < n_sources && i < BH_CONFIG_SOURCES; i++)
		m->cluster[i] = cluster[i];
	*out = m;
	return 0;
}

static void
free_kept(void *p)
{
	struct kept *k = p;

	bh_arena_free(&k->memory);
	free(k);
}

static void
free_place(void *p)
{
	struct place *place = p;

	free(place->claim);
	free(place);
}

void
bh_kube_model_free(struct bh_kube_model *m)
{
	if (m == NULL)
		return;
	tdestroy(m->objects, free_kept);
	tdestroy(m->places, free_place);
	free(m->marked);
	free(m);
}

/* ---- places ----------------------------------------------------------------------------------------------- */

static void
mark(struct bh_kube_model *m, struct place *p)
{
	if (p->marked)
		return;
	if (m->n_marked == m->room) {
		size_t room = m->room != 0 ? 2 * m->room : 256;
		struct place **more = realloc(m->marked, room * sizeof(struct place *));

		if (more == NULL) {
			m->failed = true;
			return;
		}
		m->marked = more;
		m->room = room;
	}
	p->marked = true;
	m->marked[m->n_marked++] = p;
}

static struct place *
place_of(struct bh_kube_model *m, const struct bh_prefix *prefix, bool make)
{
	struct place key = {.prefix = *prefix}, *p, **at = tfind(&key, &m->places, by_prefix);

	if (at != NULL)
		return *at;
	if (!make)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->prefix = *prefix;
	if (tsearch(p, &m->places, by_prefix) == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

static int
claim_all(struct bh_kube_model *m, const struct kept *k)
{
	unsigned i;

	for (i = 0; i < k->o.n_addresses; i++) {
		struct place *p = place_of(m, &k->o.address[i].prefix, true);

		if (p == NULL)
			return -ENOMEM;
		if (p->n == p->room) {
			unsigned room = p->room != 0 ? 2 * p->room : 2;
			struct claim *more = realloc(p->claim, room * sizeof(*more));

			if (more == NULL)
				return -ENOMEM;
			p->claim = more;
			p->room = room;
		}
		p->claim[p->n++] = (struct claim){.by = k, .rank = k->o.address[i].rank};
		mark(m, p);
	}
	return 0;
}

static void
claim_none(struct bh_kube_model *m, const struct kept *k)
{
	unsigned i, c;

	for (i = 0; i < k->o.n_addresses; i++) {
		struct place *p = place_of(m, &k->o.address[i].prefix, false);

		for (c = 0; p != NULL && c < p->n; c++) {
			if (p->claim[c].by == k)
				p->claim[c--] = p->claim[--p->n];
		}
		if (p != NULL)
			mark(m, p);
	}
}

static void
mark_all(struct bh_kube_model *m, const struct kept *k)
{
	unsigned i;

	for (i = 0; i < k->o.n_addresses; i++) {
		struct place *p = place_of(m, &k->o.address[i].prefix, false);

		if (p != NULL)
			mark(m, p);
	}
}

/* ---- objects ------------------------------------------------------------------------------------------------ */

static struct kept *
find(struct bh_kube_model *m, uint8_t source, uint8_t kind, const char *name)
{
	struct kept key = {.o = {.source = source, .kind = kind, .name = name}}, **at;

	at = tfind(&key, &m->objects, by_name);
	return at != NULL ? *at : NULL;
}

static struct kept *
keep(const struct bh_kube_object *o)
{
	struct kept *k = calloc(1, sizeof(*k));
	const char **words[5];
	bool full = false;
	unsigned i;

	if (k == NULL)
		return NULL;
	k->o = *o;
	words[0] = &k->o.name;
	words[1] = &k->o.ns;
	words[2] = &k->o.uid;
	words[3] = &k->o.start;
	words[4] = &k->o.node;
	for (i = 0; i < BH_ARRAY_SIZE(words); i++) {
		const char *w = *words[i] != NULL ? *words[i] : "";

		*words[i] = bh_arena_text(&k->memory, w, strlen(w));
		full |= *words[i] == NULL;
	}
	for (i = 0; i < o->n_labels; i++) {
		const struct bh_label *l = &o->label[i];

		k->o.label[i].key = bh_arena_text(&k->memory, l->key, strlen(l->key));
		k->o.label[i].value = bh_arena_text(&k->memory, l->value, strlen(l->value));
		full |= k->o.label[i].key == NULL || k->o.label[i].value == NULL;
	}
	if (o->n_addresses != 0) {
		k->o.address = bh_arena_alloc(&k->memory, o->n_addresses * sizeof(*o->address));
		full |= k->o.address == NULL;
	}
	if (!full && o->n_addresses != 0)
		memcpy(k->o.address, o->address, o->n_addresses * sizeof(*o->address));
	if (!full)
		return k;
	free_kept(k);
	return NULL;
}

struct walk {
	struct bh_kube_model *m;
	uint8_t source, kind;
	const char *ns; /* NULL: all */
	struct kept **found;
	size_t n, room;
	bool old; /* only what the list in progress has not named */
};

static void
walk_one(const void *node, VISIT which, void *arg)
{
	struct kept *k = *(struct kept *const *)node;
	struct walk *w = arg;

	if ((which != postorder && which != leaf) || k->o.source != w->source ||
	    (w->kind != UINT8_MAX && k->o.kind != w->kind) ||
	    (w->ns != NULL && strcmp(k->o.ns, w->ns) != 0) ||
	    (w->old && k->seen == w->m->list[w->source][w->kind]))
		return;
	if (!w->old) {
		mark_all(w->m, k);
		return;
	}
	if (w->n == w->room) {
		size_t room = w->room != 0 ? 2 * w->room : 64;
		struct kept **more = realloc(w->found, room * sizeof(struct kept *));

		if (more == NULL) /* what is gone stays until the next list */
			return;
		w->found = more;
		w->room = room;
	}
	w->found[w->n++] = k;
}

static void
namespace_changed(struct bh_kube_model *m, const struct bh_kube_object *o)
{
	struct walk w = {.m = m, .source = o->source, .kind = BH_KUBE_POD, .ns = o->name};

	if (o->kind == BH_KUBE_NAMESPACE)
		twalk_r(m->objects, walk_one, &w);
}

static void
remove_kept(struct bh_kube_model *m, struct kept *k)
{
	claim_none(m, k);
	tdelete(k, &m->objects, by_name);
	m->n_objects[k->o.source]--;
	m->n_left_out[k->o.source] -= k->o.too_many;
	namespace_changed(m, &k->o);
	free_kept(k);
}

static bool
same_labels(const struct bh_kube_object *a, const struct bh_kube_object *b)
{
	unsigned i;

	if (a->n_labels != b->n_labels || a->too_many != b->too_many)
		return false;
	for (i = 0; i < a->n_labels; i++) {
		if (strcmp(a->label[i].key, b->label[i].key) != 0 ||
		    strcmp(a->label[i].value, b->label[i].value) != 0)
			return false;
	}
	return true;
}

int
bh_kube_model_put(struct bh_kube_model *m, const struct bh_kube_object *o)
{
	struct kept *old = find(m, o->source, o->kind, o->name), *k = keep(o);
	bool same = old != NULL && same_labels(&old->o, o);

	if (k == NULL)
		return -ENOMEM;
	k->seen = m->list[o->source][o->kind];
	if (old != NULL) {
		/* The places stay: no batch sees what is between the two. */
		claim_none(m, old);
		tdelete(old, &m->objects, by_name);
		m->n_objects[o->source]--;
		m->n_left_out[o->source] -= old->o.too_many;
		free_kept(old);
	}
	if (tsearch(k, &m->objects, by_name) == NULL || claim_all(m, k) != 0) {
		claim_none(m, k);
		tdelete(k, &m->objects, by_name);
		free_kept(k);
		return -ENOMEM;
	}
	m->n_objects[o->source]++;
	m->n_left_out[o->source] += k->o.too_many;
	if (!same)
		namespace_changed(m, &k->o);
	return 0;
}

void
bh_kube_model_delete(struct bh_kube_model *m, uint8_t source, uint8_t kind, const char *name)
{
	struct kept *k = find(m, source, kind, name);

	if (k != NULL)
		remove_kept(m, k);
}

void
bh_kube_model_list_begin(struct bh_kube_model *m, uint8_t source, uint8_t kind)
{
	m->list[source][kind]++;
}

void
bh_kube_model_list_end(struct bh_kube_model *m, uint8_t source, uint8_t kind)
{
	struct walk w = {.m = m, .source = source, .kind = kind, .old = true};
	size_t i;

	twalk_r(m->objects, walk_one, &w);
	for (i = 0; i < w.n; i++)
		remove_kept(m, w.found[i]);
	free(w.found);
}

void
bh_kube_model_trust(struct bh_kube_model *m, uint8_t source, bool trusted)
{
	struct walk w = {.m = m, .source = source, .kind = UINT8_MAX};

	if (m->distrusted[source] == !trusted)
		return;
	m->distrusted[source] = !trusted;
	twalk_r(m->objects, walk_one, &w);
}

/* ---- batches ------------------------------------------------------------------------------------------------- */

/* Labels that it comes with: its namespace's, where it is a pod. NULL: its namespace is not known. */
static const struct bh_kube_object *
namespace_of(struct bh_kube_model *m, const struct bh_kube_object *o)
{
	const struct kept *ns = find(m, o->source, BH_KUBE_NAMESPACE, o->ns);

	return ns != NULL ? &ns->o : NULL;
}

/* Does it go before b? */
static bool
before(const struct claim *a, const struct claim *b)
{
	const struct bh_kube_object *x = &a->by->o, *y = &b->by->o;
	int c;

	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (x->source != y->source)
		return x->source < y->source;
	if (x->terminating != y->terminating)
		return y->terminating;
	c = strcmp(x->start, y->start);
	if (c != 0)
		return c > 0;
	c = strcmp(x->uid, y->uid);
	return c != 0 ? c > 0 : strcmp(x->name, y->name) > 0;
}

static const struct claim *
winner(const struct bh_kube_model *m, const struct place *p)
{
	const struct claim *best = NULL;
	unsigned i;

	for (i = 0; i < p->n; i++) {
		if (!m->distrusted[p->claim[i].by->o.source] &&
		    (best == NULL || before(&p->claim[i], best)))
			best = &p->claim[i];
	}
	return best;
}

/* Its labels whole, in memory of the batch: the object may be gone before the policy has them. 0, -ENOMEM, -E2BIG: they don't
 * fit, -ENOENT: not all are known. */
static int
fill_labels(struct bh_kube_model *m, const struct bh_kube_object *o, struct bh_arena *a,
	    struct bh_endpoint *e)
{
	const struct bh_kube_object *ns = o->kind == BH_KUBE_POD ? namespace_of(m, o) : NULL;
	struct bh_label own[3], *label;
	unsigned n = 0, i;

	if (o->kind == BH_KUBE_POD && ns == NULL)
		return -ENOENT;
	if (o->kind != BH_KUBE_FILE)
		own[n++] = (struct bh_label){"k8s.cluster", m->cluster[o->source]};
	if (ns != NULL) {
		own[n++] = (struct bh_label){"k8s.namespace", o->ns};
		own[n++] = (struct bh_label){"namespace", o->ns};
	}
	if (o->too_many || (ns != NULL && ns->too_many) ||
	    n + o->n_labels + (ns != NULL ? ns->n_labels : 0) > BH_LABELS_MAX)
		return -E2BIG;
	label = bh_arena_alloc(a, BH_LABELS_MAX * sizeof(*label));
	if (label == NULL)
		return -ENOMEM;
	memcpy(label, own, n * sizeof(*label));
	memcpy(label + n, o->label, o->n_labels * sizeof(*label));
	n += o->n_labels;
	if (ns != NULL) {
		memcpy(label + n, ns->label, ns->n_labels * sizeof(*label));
		n += ns->n_labels;
	}
	for (i = 0; i < n; i++) {
		label[i].key = bh_arena_text(a, label[i].key, strlen(label[i].key));
		label[i].value = bh_arena_text(a, label[i].value, strlen(label[i].value));
		if (label[i].key == NULL || label[i].value == NULL)
			return -ENOMEM;
	}
	e->labels = label;
	e->n_labels = n;
	return 0;
}

static int
change_of(struct bh_kube_model *m, struct place *p, struct bh_kube_batch *out)
{
	struct bh_endpoint_change *c = &out->change[out->n];
	const struct claim *w = winner(m, p);
	int rc = w != NULL ? fill_labels(m, &w->by->o, &out->memory, &c->endpoint) : -ENOENT;

	if (rc == -ENOMEM)
		return rc;
	p->next_ours = rc == 0;
	p->next_owner = rc == 0 ? w->by->o.source : 0;
	c->endpoint.prefix = p->prefix;
	if (rc != 0 && !p->ours)
		return 0;
	c->op = rc == 0 ? BH_ENDPOINT_PUT : BH_ENDPOINT_DELETE;
	out->meek[out->n] = rc == 0 && !p->ours && w->rank >= BH_KUBE_RANK_EXTERNAL;
	out->n++;
	return 0;
}

static void
remark(const void *node, VISIT which, void *arg)
{
	if (which == postorder || which == leaf)
		mark(arg, *(struct place *const *)node);
}

void
bh_kube_model_again(struct bh_kube_model *m)
{
	m->failed = false;
	twalk_r(m->places, remark, m);
}

int
bh_kube_model_changes(struct bh_kube_model *m, struct bh_kube_batch *out)
{
	size_t i;
	int rc = 0;

	*out = (struct bh_kube_batch){0};
	if (m->failed)
		bh_kube_model_again(m);
	if (m->failed)
		return -ENOMEM;
	out->change = calloc(m->n_marked + 1, sizeof(*out->change));
	out->meek = calloc(m->n_marked + 1, sizeof(*out->meek));
	if (out->change == NULL || out->meek == NULL)
		rc = -ENOMEM;
	for (i = 0; rc == 0 && i < m->n_marked; i++)
		rc = change_of(m, m->marked[i], out);
	if (rc != 0)
		bh_kube_batch_free(out);
	return rc;
}

void
bh_kube_model_refused(struct bh_kube_model *m, const struct bh_prefix *prefix)
{
	struct place *p = place_of(m, prefix, false);

	if (p != NULL)
		p->next_ours = false;
}

void
bh_kube_model_done(struct bh_kube_model *m)
{
	size_t i;

	for (i = 0; i < m->n_marked; i++) {
		struct place *p = m->marked[i];

		m->n_ours[p->owner] -= p->ours;
		p->marked = false;
		p->ours = p->next_ours;
		p->owner = p->next_owner;
		m->n_ours[p->owner] += p->ours;
		if (p->n == 0) {
			tdelete(p, &m->places, by_prefix);
			free_place(p);
		}
	}
	m->n_marked = 0;
}

void
bh_kube_batch_free(struct bh_kube_batch *b)
{
	free(b->change);
	free(b->meek);
	bh_arena_free(&b->memory);
	*b = (struct bh_kube_batch){0};
}

void
bh_kube_model_count(struct bh_kube_model *m, uint8_t source, struct bh_kube_status *out)
{
	out->objects = m->n_objects[source];
	out->endpoints = m->n_ours[source];
	out->left_out = m->n_left_out[source];
}
