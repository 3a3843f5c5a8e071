/* Restrictions, compiled: found by the addresses that they name, the few that name none one by one. Immutable; published
 * with a view, so that every flow is judged anew by its next packet. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

#define NAMES_NOBODY UINT32_MAX

struct end {
	struct bh_prefix address; /* family 0: none */
	uint32_t segment;         /* name id */
	bool any;
};

struct path {
	struct end peer;
	uint32_t first, last;
};

struct item {
	uint64_t id;
	bh_tenant tenant;
	struct end end[2];
	uint32_t first, last;
	uint32_t first_path, n_paths;
	uint32_t next;          /* of the same cell */
	struct bh_appset lines; /* of the application; none: any */
	uint16_t port[2];
	uint8_t kind, proto;
};

struct bh_restrictions {
	uint64_t key[2];
	uint32_t n, n_wide, mask;
	uint32_t *cell; /* first item of a hash; BH_NONE */
	struct item *item;
	struct path *path;
	uint32_t wide[BH_RESTRICTIONS_WIDE];
};

const char *
bh_restriction_kind_name(unsigned kind)
{
	static const char *const names[BH_RESTRICTION_KINDS] = {"none", "quarantine", "block",
								"cut"};

	return kind < BH_RESTRICTION_KINDS ? names[kind] : "invalid";
}

/* ---- looking (workers) ------------------------------------------------------------------------------ */

static inline uint64_t
hash_address(const struct bh_restrictions *r, const uint8_t addr[16], uint64_t seed)
{
	uint64_t w[2];

	memcpy(w, addr, sizeof(w));
	return bh_mum(w[0] ^ r->key[0] ^ seed, w[1] ^ r->key[1]);
}

static bool
covers(const struct bh_prefix *p, const struct bh_flow_key *key, unsigned end)
{
	const uint8_t *addr = key->addr[end].b;
	unsigned full = p->len / 8, rest = p->len % 8;

	if (p->family != key->family || memcmp(p->addr, addr, full) != 0)
		return false;
	return rest == 0 || ((p->addr[full] ^ addr[full]) & (0xff00u >> rest) & 0xff) == 0;
}

static bool
in_segment(const struct bh_restrict_question *q, unsigned end, uint32_t segment)
{
	const struct bh_snapshot *s = q->view->snapshot;
	uint32_t i, k;

	if (segment == BH_SEGMENT_UNKNOWN)
		return q->unknown[end];
	for (k = 0; k < 2; k++) {
		const struct bh_class *c = q->class_[end][k];

		for (i = 0; i < c->n; i++) {
			if (s->seg_name[s->member[c->first + i]] == segment)
				return true;
		}
	}
	return false;
}

static bool
end_fits(const struct bh_restrict_question *q, unsigned end, const struct end *e)
{
	if (e->any)
		return true;
	if (e->address.family != 0)
		return covers(&e->address, q->key, end);
	return in_segment(q, end, e->segment);
}

static bool
tenant_fits(bh_tenant wanted, bh_tenant tenant)
{
	const bh_tenant vni = 0xffffff;

	return wanted == 0 || wanted == tenant ||
	       ((wanted & ~vni) == 0 && wanted == (tenant & vni));
}

static bool
on_a_path(const struct bh_restrictions *r, const struct item *it,
	  const struct bh_restrict_question *q, unsigned peer)
{
	uint32_t service = (uint32_t)q->key->proto << 16 | q->service, i;
	const struct path *p = &r->path[it->first_path];

	for (i = 0; i < it->n_paths; i++, p++) {
		if (service >= p->first && service <= p->last && end_fits(q, peer, &p->peer))
			return true;
	}
	return false;
}

static bool
cut_fits(const struct item *it, const struct bh_restrict_question *q)
{
	const struct bh_flow_key *k = q->key;
	unsigned a;

	if (k->proto != it->proto)
		return false;
	for (a = 0; a < 2; a++) {
		if (k->port[a] == it->port[0] && k->port[1 - a] == it->port[1] &&
		    covers(&it->end[0].address, k, a) && covers(&it->end[1].address, k, 1 - a))
			return true;
	}
	return false;
}

enum fit { FIT_NOT, FIT_MAY, FIT_YES };

/* A block by application waits for its proof, and its name stands for the same lines, as in rules. */
static enum fit
app_fits(const struct item *it, const struct bh_restrict_question *q)
{
	static const struct bh_appset any;
	struct bh_appset proven, possible;

	if (memcmp(&it->lines, &any, sizeof(any)) == 0)
		return FIT_YES;
	if (q->key->proto != 6 && q->key->proto != 17)
		return FIT_NOT;
	bh_appset_said(&q->view->snapshot->apptab, q->said != NULL ? q->said->app : NULL,
		       q->key->proto, &proven, &possible);
	if (bh_appset_meet(&it->lines, &proven))
		return FIT_YES;
	return bh_appset_meet(&it->lines, &possible) ? FIT_MAY : FIT_NOT;
}

static enum fit
item_fits(const struct bh_restrictions *r, const struct item *it,
	  const struct bh_restrict_question *q)
{
	unsigned from = q->initiator & 1, e;
	uint32_t service;

	if (!tenant_fits(it->tenant, q->key->tenant))
		return FIT_NOT;
	switch (it->kind) {
	case BH_RESTRICTION_QUARANTINE:
		for (e = 0; e < 2; e++) {
			if (end_fits(q, e, &it->end[0]) && !on_a_path(r, it, q, 1 - e))
				return FIT_YES;
		}
		return FIT_NOT;
	case BH_RESTRICTION_CUT:
		return cut_fits(it, q) ? FIT_YES : FIT_NOT;
	default:
		service = (uint32_t)q->key->proto << 16 | q->service;
		if (service < it->first || service > it->last || !end_fits(q, from, &it->end[0]) ||
		    !end_fits(q, 1 - from, &it->end[1]))
			return FIT_NOT;
		return app_fits(it, q);
	}
}

struct found {
	const struct item *item; /* the first kind, of these the oldest */
	bool may;
};

static void
meet(const struct bh_restrictions *r, const struct item *it, const struct bh_restrict_question *q,
     struct found *f)
{
	enum fit fit = item_fits(r, it, q);

	f->may |= fit == FIT_MAY;
	if (fit == FIT_YES && (f->item == NULL || it->kind < f->item->kind ||
			       (it->kind == f->item->kind && it->id < f->item->id)))
		f->item = it;
}

static void
meet_cell(const struct bh_restrictions *r, uint64_t hash, const struct bh_restrict_question *q,
	  struct found *f)
{
	uint32_t i;

	for (i = r->cell[hash & r->mask]; i != BH_NONE; i = r->item[i].next)
		meet(r, &r->item[i], q, f);
}

static uint64_t
hash_both(const struct bh_restrictions *r, const uint8_t a[16], const uint8_t b[16])
{
	/* A sum: a cut is found from either end. */
	return hash_address(r, a, 1) + hash_address(r, b, 1);
}

void
bh_restrict_judge(const struct bh_restrict_question *q, struct bh_judgement *out)
{
	static const uint8_t reasons[BH_RESTRICTION_KINDS] = {[BH_RESTRICTION_QUARANTINE] =
								      BH_REASON_QUARANTINED,
							      [BH_RESTRICTION_BLOCK] =
								      BH_REASON_BLOCKED,
							      [BH_RESTRICTION_CUT] = BH_REASON_CUT};
	const struct bh_restrictions *r = q->view->restrictions;
	const uint8_t *a = q->key->addr[0].b, *b = q->key->addr[1].b;
	struct found f = {0};
	uint32_t i;

	meet_cell(r, hash_address(r, a, 0), q, &f);
	meet_cell(r, hash_address(r, b, 0), q, &f);
	meet_cell(r, hash_both(r, a, b), q, &f);
	for (i = 0; i < r->n_wide; i++)
		meet(r, &r->item[r->wide[i]], q, &f);
	if (f.item != NULL) {
		out->restriction = f.item->id;
		out->verdict =
			f.item->kind == BH_RESTRICTION_CUT ? BH_VERDICT_REJECT : BH_VERDICT_DENY;
		out->reason = reasons[f.item->kind];
		out->by_operation = false;
		out->denied = BH_DENIED_RESET;
	} else if (f.may &&
		   (out->verdict == BH_VERDICT_ALLOW || out->verdict == BH_VERDICT_VIOLATE)) {
		out->verdict = BH_VERDICT_PENDING;
		out->reason = BH_REASON_HANDSHAKE;
		out->by_operation = false;
		out->by_application = true;
	} else {
		return;
	}
	/* A restriction is none of the two ends' mode: it holds. */
	out->mode = BH_MODE_PROTECT;
	out->protect_verdict = out->verdict;
	out->protect_reason = out->reason;
}

/* ---- making (control) ------------------------------------------------------------------------------- */

static bool
is_host(const struct end *e)
{
	return e->address.family != 0 && e->address.len == (e->address.family == BH_IP6 ? 128 : 32);
}

static int
take_end(struct bh_policy *p, const struct bh_restriction_end *in, struct end *out,
	 struct bh_err *err)
{
	*out = (struct end){.address = in->address, .segment = NAMES_NOBODY};
	if (in->address.family != 0)
		return 0;
	out->any = in->segment[0] == '\0';
	if (!out->any && bh_names_intern(p->segment_names, in->segment, &out->segment) != 0)
		return bh_err_set(err, ENOMEM, "out of memory");
	return 0;
}

/* Where an item is looked for: false: nowhere in particular. */
static bool
place_of(const struct bh_restrictions *r, const struct item *it, uint64_t *hash)
{
	bool one = is_host(&it->end[0]),
	     two = it->kind != BH_RESTRICTION_QUARANTINE && is_host(&it->end[1]);

	if (one && two)
		*hash = hash_both(r, it->end[0].address.addr, it->end[1].address.addr);
	else if (one || two)
		*hash = hash_address(r, it->end[one ? 0 : 1].address.addr, 0);
	return one || two;
}

static int
take_item(struct bh_policy *p, struct bh_restrictions *r, const struct bh_restriction *in,
	  uint32_t *n_paths, struct bh_err *err)
{
	struct item *it = &r->item[r->n];
	uint64_t hash;
	uint32_t i;
	int rc;

	*it = (struct item){.id = in->id,
			    .tenant = in->tenant,
			    .first = in->first,
			    .last = in->last,
			    .first_path = *n_paths,
			    .n_paths = in->n_paths,
			    .next = BH_NONE,
			    .port = {in->port[0], in->port[1]},
			    .kind = in->kind,
			    .proto = in->proto};
	if (in->app != BH_APP_UNKNOWN)
		it->lines = bh_appset_of(in->app);
	rc = take_end(p, &in->end[0], &it->end[0], err);
	if (rc == 0)
		rc = take_end(p, &in->end[1], &it->end[1], err);
	for (i = 0; rc == 0 && i < in->n_paths; i++) {
		struct path *path = &r->path[(*n_paths)++];

		path->first = in->path[i].first;
		path->last = in->path[i].last;
		rc = take_end(p, &in->path[i].peer, &path->peer, err);
	}
	if (rc != 0)
		return rc;
	if (place_of(r, it, &hash)) {
		it->next = r->cell[hash & r->mask];
		r->cell[hash & r->mask] = r->n;
	} else if (r->n_wide == BH_RESTRICTIONS_WIDE) {
		return bh_err_set(err, E2BIG,
				  "more than %u quarantines and blocks that name no single address",
				  BH_RESTRICTIONS_WIDE);
	} else {
		r->wide[r->n_wide++] = r->n;
	}
	r->n++;
	return 0;
}

void
bh_restrictions_free(void *restrictions)
{
	struct bh_restrictions *r = restrictions;

	if (r == NULL)
		return;
	free(r->cell);
	free(r->item);
	free(r->path);
	free(r);
}

static struct bh_restrictions *
make_room(const struct bh_policy *p, const struct bh_restriction *in, size_t n)
{
	struct bh_restrictions *r = calloc(1, sizeof(*r));
	size_t paths = 0, i;

	if (r == NULL)
		return NULL;
	for (i = 0; i < n; i++)
		paths += in[i].n_paths;
	r->key[0] = p->params.hash_key.k[0];
	r->key[1] = p->params.hash_key.k[1];
	for (r->mask = 15; r->mask < 2 * n;)
		r->mask = 2 * r->mask + 1;
	r->cell = malloc((r->mask + 1) * sizeof(*r->cell));
	r->item = calloc(n, sizeof(*r->item));
	r->path = calloc(paths + 1, sizeof(*r->path));
	if (r->cell == NULL || r->item == NULL || r->path == NULL) {
		bh_restrictions_free(r);
		return NULL;
	}
	memset(r->cell, 0xff, (r->mask + 1) * sizeof(*r->cell));
	return r;
}

static int
check(const struct bh_restriction *r, size_t n, struct bh_err *err)
{
	size_t i;

	if (n > BH_RESTRICTIONS_MAX)
		return bh_err_set(err, E2BIG, "more than %u quarantines and blocks",
				  BH_RESTRICTIONS_MAX);
	for (i = 0; i < n; i++) {
		if (r[i].id == 0 || r[i].kind == 0 || r[i].kind >= BH_RESTRICTION_KINDS ||
		    r[i].n_paths > BH_RESTRICTION_PATHS ||
		    (r[i].kind == BH_RESTRICTION_CUT &&
		     (r[i].end[0].address.family == 0 || r[i].end[1].address.family == 0)))
			return bh_err_set(err, EINVAL, "no quarantine, block or cut");
	}
	return 0;
}

static int
restrict_locked(struct bh_policy *p, const struct bh_restriction *in, size_t n, struct bh_err *err)
{
	struct bh_restrictions *r = NULL;
	struct bh_view *view;
	uint32_t paths = 0;
	size_t i;
	int rc = 0;

	if (n == 0 && p->restrictions == NULL)
		return 0;
	if (n != 0 && (r = make_room(p, in, n)) == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	for (i = 0; rc == 0 && i < n; i++)
		rc = take_item(p, r, &in[i], &paths, err);
	if (rc == 0) {
		view = bh_model_view(p, p->table, p->snapshot, p->modes);
		if (view != NULL) {
			view->restrictions = r;
			bh_model_publish(p, view);
			return 0;
		}
		rc = bh_err_set(err, ENOMEM, "out of memory");
	}
	bh_restrictions_free(r);
	return rc;
}

int
bh_policy_restrict(struct bh_policy *p, const struct bh_restriction *r, size_t n,
		   struct bh_err *err)
{
	int rc = check(r, n, err);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&p->lock);
	rc = restrict_locked(p, r, n, err);
	pthread_mutex_unlock(&p->lock);
	if (rc == 0)
		bh_model_settle(p);
	return rc;
}

bool
bh_policy_address_in(struct bh_policy *p, const struct bh_prefix *address, bh_tenant tenant,
		     const char *segment)
{
	struct bh_flow_key key = {.family = address->family, .tenant = tenant};
	uint32_t name;
	bool in;

	memcpy(key.addr[0].b, address->addr, sizeof(key.addr[0].b));
	pthread_mutex_lock(&p->lock);
	name = bh_names_find(p->segment_names, segment);
	in = name != BH_NONE && bh_policy_end_in(p->view, &key, 0, name);
	pthread_mutex_unlock(&p->lock);
	return in;
}
