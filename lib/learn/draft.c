/* What a policy document would say to conversations: a model of its own, with the endpoints of the one in force. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../policy/host.h"
#include "draft.h"

#define AT_ONCE 1024 /* endpoints copied under one hold of the model */

struct bh_draft {
	struct bh_policy *p;
	const struct bh_view *view;
	struct bh_policy_scratch *scratch;
};

static void
publish(void *arg, const struct bh_view *view)
{
	((struct bh_draft *)arg)->view = view;
}

/* ---- endpoints that came over REST --------------------------------------------------------------------- */

struct batch {
	struct bh_arena arena;
	struct bh_endpoint_change *change;
	size_t n;
	struct bh_prefix last;
	bool failed;
};

static bool
take_endpoint(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n)
{
	struct batch *b = arg;
	struct bh_endpoint_change *c = &b->change[b->n];
	struct bh_label *label;
	unsigned i;

	(void)segments;
	(void)n;
	/* A place for every prefix, in all its tenants: what is continued behind is a prefix. */
	if (b->n >= AT_ONCE && memcmp(&b->last, &e->prefix, sizeof(b->last)) != 0)
		return false;
	if (b->n == 2 * AT_ONCE)
		return false;
	b->last = e->prefix;
	if (e->source != BH_SOURCE_REST)
		return true;
	label = bh_arena_alloc(&b->arena, (e->n_labels + 1) * sizeof(*label));
	for (i = 0; label != NULL && i < e->n_labels; i++) {
		label[i].key = bh_arena_text(&b->arena, e->labels[i].key, strlen(e->labels[i].key));
		label[i].value =
			bh_arena_text(&b->arena, e->labels[i].value, strlen(e->labels[i].value));
		b->failed |= label[i].key == NULL || label[i].value == NULL;
	}
	b->failed |= label == NULL;
	*c = (struct bh_endpoint_change){.op = BH_ENDPOINT_PUT, .endpoint = *e};
	c->endpoint.labels = label;
	b->n++;
	return !b->failed;
}

static int
copy_endpoints(struct bh_draft *d, struct bh_policy *from, struct bh_err *err)
{
	struct bh_prefix after;
	bool more = false, again;
	int rc = 0;

	do {
		struct batch b = {.n = 0};

		b.change = calloc(2 * AT_ONCE, sizeof(*b.change));
		if (b.change == NULL)
			return bh_err_set(err, ENOMEM, "out of memory");
		bh_policy_endpoints_each(from, more ? &after : NULL, take_endpoint, &b);
		again = b.last.family != 0;
		after = b.last;
		more = true;
		if (b.failed)
			rc = bh_err_set(err, ENOMEM, "out of memory");
		else if (b.n != 0)
			rc = bh_policy_endpoints_apply(d->p, b.change, b.n, NULL, err);
		bh_arena_free(&b.arena);
		free(b.change);
	} while (rc == 0 && again);
	return rc;
}

/* ---- modes that were set ----------------------------------------------------------------------------------- */

struct modes {
	struct bh_draft *d;
	struct bh_err *err;
	int rc;
};

static bool
copy_mode(void *arg, const struct bh_segment_info *s)
{
	struct bh_mode_change change = {.segment = s->name, .mode = s->mode};
	struct modes *m = arg;

	if (s->mode_origin == BH_MODE_SET)
		m->rc = bh_policy_modes_set(m->d->p, &change, 1, false, false, m->err);
	return m->rc == 0;
}

static int
copy_modes(struct bh_draft *d, struct bh_policy *from, struct bh_err *err)
{
	struct modes m = {.d = d, .err = err};

	bh_policy_segments_each(from, copy_mode, &m);
	return m.rc;
}

/* ---- addresses of names ------------------------------------------------------------------------------------- */

struct answers {
	struct bh_arena arena;
	struct bh_name_answer *item;
	size_t n, room;
	bool failed;
};

/* The time that is left is no matter: the draft's names do not leave. */
static bool
take_name(void *arg, const struct bh_name_answer *a, uint64_t left_ns)
{
	struct answers *all = arg;
	size_t room = all->room != 0 ? 2 * all->room : 64;
	struct bh_name_answer *p;

	(void)left_ns;
	if (all->n == all->room) {
		p = realloc(all->item, room * sizeof(*p));
		if (p == NULL) {
			all->failed = true;
			return false;
		}
		all->item = p;
		all->room = room;
	}
	p = &all->item[all->n++];
	*p = *a;
	p->name = bh_arena_text(&all->arena, a->name, strlen(a->name));
	all->failed = p->name == NULL;
	return !all->failed;
}

/* What the one in force knows of names that the draft lists as well. */
static int
copy_names(struct bh_draft *d, struct bh_policy *from, struct bh_err *err)
{
	struct answers all = {.n = 0};
	int rc = 0;

	bh_policy_names_each(from, 0, take_name, &all);
	if (all.failed)
		rc = -ENOMEM;
	else if (all.n != 0)
		rc = bh_policy_names_learn(d->p, all.item, all.n, 0, NULL);
	if (rc < 0)
		bh_err_set(err, -rc, "cannot take addresses of names: %s", strerror(-rc));
	bh_arena_free(&all.arena);
	free(all.item);
	return rc < 0 ? rc : 0;
}

/* ---- open, judge ------------------------------------------------------------------------------------------ */

int
bh_draft_open(struct bh_draft **out, const struct bh_draft_params *params, struct bh_err *err)
{
	struct bh_draft *d = calloc(1, sizeof(*d));
	struct bh_policy_params p = {
		.max_endpoints = params->max_endpoints,
		.mode = params->mode,
		.names = {.max = UINT32_MAX}, /* no more than the one in force has */
		.publish = publish,
		.arg = d,
	};
	int rc = d == NULL ? -ENOMEM : bh_hash_key_random(&p.hash_key);

	if (rc == 0)
		rc = bh_policy_create(&d->p, &p);
	if (rc == 0)
		rc = bh_policy_scratch_create(&d->scratch);
	if (rc != 0)
		rc = bh_err_set(err, -rc, "cannot set up a model to try it on: %s", strerror(-rc));
	else if (params->len == 0)
		rc = bh_policy_load_empty(d->p, err);
	else
		rc = bh_policy_load_text(d->p, params->name, params->text, params->len, false, NULL,
					 err);
	if (rc == 0 && params->from != NULL)
		rc = copy_endpoints(d, params->from, err);
	if (rc == 0 && params->from != NULL)
		rc = copy_modes(d, params->from, err);
	if (rc == 0 && params->from != NULL)
		rc = copy_names(d, params->from, err);
	if (rc != 0) {
		bh_draft_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

void
bh_draft_close(struct bh_draft *d)
{
	if (d == NULL)
		return;
	bh_policy_destroy(d->p);
	bh_policy_scratch_destroy(d->scratch);
	free(d);
}

/* The example of a conversation as a flow's key. */
static unsigned
key_of(const struct bh_conversation *c, struct bh_flow_key *key)
{
	uint16_t port = (uint16_t)c->service, client = 1024;
	bool ports = c->service >> 16 == 6 || c->service >> 16 == 17 || c->service >> 16 == 132;

	memset(key, 0, sizeof(*key));
	key->family = c->family;
	key->proto = (uint8_t)(c->service >> 16);
	key->tenant = c->tenant;
	return bh_flow_key_set(key, c->address[0], c->address[1], ports ? client : 0,
			       ports ? port : 0);
}

void
bh_draft_judge(struct bh_draft *d, const struct bh_conversation *c, struct bh_draft_verdict *out)
{
	struct bh_proto_state state = {.decided = true};
	struct bh_said said = {.app = &state, .scratch = d->scratch};
	struct bh_judgement j;
	struct bh_flow_key key;
	unsigned initiator;

	*out = (struct bh_draft_verdict){.rule = ""};
	if (c->family == 0)
		return;
	initiator = key_of(c, &key);
	state.app = (uint8_t)(c->app[0] != '\0' ? bh_app_find(c->app) : BH_APP_UNKNOWN);
	/* Of one of which too little was said: what it may still be is open. */
	if (c->undecided)
		said.app = NULL;
	/* What opens it comes first: where no rule could allow what it will say, nobody listens. */
	bh_policy_judge(d->view, &key, initiator, (uint16_t)c->service, NULL, &j);
	if (j.verdict != BH_VERDICT_DENY && j.verdict != BH_VERDICT_REJECT)
		bh_policy_judge(d->view, &key, initiator, (uint16_t)c->service, &said, &j);
	out->by_operation = j.by_operation;
	out->verdict = j.verdict;
	out->reason = j.reason;
	out->protect = j.protect_verdict;
	out->rule = j.rule != BH_NO_RULE ? bh_policy_rule_name(d->p, j.rule) : "";
}

/* ---- whoever has an address by now ------------------------------------------------------------------------- */

struct owner {
	struct bh_endpoint e;
	struct bh_label label[BH_LABELS_MAX];
	struct bh_arena arena;
	bool there, failed;
};

static bool
take_owner(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n)
{
	struct owner *o = arg;
	unsigned i;

	(void)segments;
	(void)n;
	o->e = *e;
	o->e.labels = o->label;
	for (i = 0; i < e->n_labels; i++) {
		const struct bh_label *l = &e->labels[i];

		o->label[i].key = bh_arena_text(&o->arena, l->key, strlen(l->key));
		o->label[i].value = bh_arena_text(&o->arena, l->value, strlen(l->value));
		o->failed |= o->label[i].key == NULL || o->label[i].value == NULL;
	}
	return false;
}

static bool
is_same_owner(const struct owner *a, const struct owner *b)
{
	unsigned i;

	if (memcmp(&a->e.prefix, &b->e.prefix, sizeof(a->e.prefix)) != 0 ||
	    a->e.tenant != b->e.tenant || a->e.n_labels != b->e.n_labels)
		return false;
	for (i = 0; i < a->e.n_labels; i++) {
		if (strcmp(a->label[i].key, b->label[i].key) != 0 ||
		    strcmp(a->label[i].value, b->label[i].value) != 0)
			return false;
	}
	return true;
}

void
bh_draft_follow(struct bh_draft *d, struct bh_policy *from, const uint8_t addr[16], uint8_t family,
		bh_tenant tenant)
{
	struct bh_endpoint_change change = {.op = BH_ENDPOINT_PUT};
	struct owner live = {.there = false}, own = {.there = false};
	struct bh_err err = {0};
	bool rest;

	live.there = bh_policy_endpoint_resolve(from, addr, family, tenant, take_owner, &live);
	own.there = bh_policy_endpoint_resolve(d->p, addr, family, tenant, take_owner, &own);
	rest = live.there && live.e.source == BH_SOURCE_REST;
	if (live.failed || own.failed)
		goto out;
	if (rest && (!own.there || !is_same_owner(&live, &own))) {
		change.endpoint = live.e;
		bh_policy_endpoints_apply(d->p, &change, 1, NULL, &err);
	} else if (!rest && own.there && own.e.source == BH_SOURCE_REST) {
		change.op = BH_ENDPOINT_DELETE;
		change.endpoint = own.e;
		bh_policy_endpoints_apply(d->p, &change, 1, NULL, &err);
	}
out:
	bh_arena_free(&live.arena);
	bh_arena_free(&own.arena);
}
