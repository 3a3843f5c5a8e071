/* round: what has changed of clusters' wishes is judged.
 *
 * What is in force is a set of wishes that loads as a whole. Each change (a new one, another text, one that is gone) is accepted
 * when the set with it loads, else refused, and the set keeps what it had. All changes are tried together, and halved until those that
 * are refused stand alone: segments and sensors that come first, those that go last, so that nobody speaks of what is not there. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "kube_priv.h"

/* A wish as the round sees it. */
struct judged {
	struct bh_kube_wished *w;
	json_t *now, *set; /* what is wished; what is in the set that is tried */
	int64_t generation;
	bool changes, refused;
	char why[400];
};

struct round {
	struct bh_kube_intent *in;
	struct judged *entry; /* by source, kind and name */
	struct judged **change;
	size_t n, n_changes;
};

static void
collect_one(const void *node, VISIT which, void *arg)
{
	struct bh_kube_wished *w = *(struct bh_kube_wished *const *)node;
	struct round *r = arg;
	struct judged *e;

	if (which != postorder && which != leaf)
		return;
	e = &r->entry[r->n++];
	*e = (struct judged){.w = w,
			     .now = json_incref(w->now),
			     .set = json_incref(w->good),
			     .generation = w->generation,
			     .changes = (w->now == NULL) != (w->good == NULL) ||
					(w->now != NULL && !json_equal(w->now, w->good))};
	if (e->changes)
		r->change[r->n_changes++] = e;
}

static unsigned
turn_of(const struct judged *e)
{
	return e->now != NULL ? e->w->kind : 2u * BH_KUBE_WISHES - e->w->kind;
}

static int
by_turn(const void *a, const void *b)
{
	const struct judged *x = *(struct judged *const *)a, *y = *(struct judged *const *)b;
	unsigned i = turn_of(x), k = turn_of(y);

	if (i != k)
		return i < k ? -1 : 1;
	return x != y ? (x < y ? -1 : 1) : 0;
}

static int
collect(struct round *r)
{
	struct bh_kube_intent *in = r->in;
	int rc = 0;

	pthread_mutex_lock(&in->lock);
	r->entry = calloc(in->n + 1, sizeof(*r->entry));
	r->change = calloc(in->n + 1, sizeof(struct judged *));
	if (r->entry != NULL && r->change != NULL)
		twalk_r(in->wishes, collect_one, r);
	else
		rc = -ENOMEM;
	if (rc == 0)
		in->changed_ns = in->first_ns = 0;
	pthread_mutex_unlock(&in->lock);
	if (rc == 0)
		qsort(r->change, r->n_changes, sizeof(struct judged *), by_turn);
	return rc;
}

static bool
is_draft(const struct round *r, const struct bh_kube_wished *w)
{
	return w->kind != BH_KUBE_NETPOL &&
	       r->in->p.config->source[w->source].resources == BH_WISHES_DRAFT;
}

/* The set as it is now, tried or put in force. */
static int
try_set(struct round *r, struct bh_kube_part *what, uint32_t *revision, struct bh_err *err)
{
	struct bh_kube_wish *list = calloc(r->n + 1, sizeof(*list));
	struct bh_buf text = {0};
	size_t i, n = 0;
	int rc;

	if (list == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	for (i = 0; i < r->n; i++) {
		const struct judged *e = &r->entry[i];

		if (e->set != NULL && (what->dry || !is_draft(r, e->w)))
			list[n++] =
				(struct bh_kube_wish){e->w->source, e->w->kind, e->w->name, e->set};
	}
	rc = bh_kube_part(list, n, r->in->p.config, &text, err);
	if (rc == 0) {
		what->text = text.data != NULL ? text.data : "";
		what->len = text.len;
		rc = r->in->p.wish(r->in->p.arg, what, revision, err);
	}
	bh_buf_free(&text);
	free(list);
	return rc;
}

static void
swap_sets(struct judged **change, size_t n, json_t **with)
{
	size_t i;

	for (i = 0; i < n; i++) {
		json_t *was = change[i]->set;

		change[i]->set = with[i];
		with[i] = was;
	}
}

static bool
is_their_fault(int rc)
{
	return rc == -EINVAL || rc == -E2BIG || rc == -ENOSPC || rc == -EEXIST || rc == -ERANGE;
}

/* Each of these changes is in the set, or refused. Depth: the logarithm of their number. */
static int
judge(struct round *r, struct judged **change, size_t n)
{
	struct bh_kube_part what = {.dry = true};
	json_t **with = calloc(n + 1, sizeof(json_t *));
	struct bh_err err = {0};
	uint32_t revision;
	size_t i;
	int rc;

	if (n == 0 || with == NULL) {
		free(with);
		return n == 0 ? 0 : -ENOMEM;
	}
	for (i = 0; i < n; i++)
		with[i] = json_incref(change[i]->now);
	swap_sets(change, n, with);
	rc = try_set(r, &what, &revision, &err);
	if (rc != 0)
		swap_sets(change, n, with);
	for (i = 0; i < n; i++)
		json_decref(with[i]);
	free(with);
	if (rc == 0 || !is_their_fault(rc))
		return rc;
	if (n == 1) {
		change[0]->refused = true;
		snprintf(change[0]->why, sizeof(change[0]->why), "%.399s", err.what);
		return 0;
	}
	rc = judge(r, change, n / 2);
	return rc != 0 ? rc : judge(r, change + n / 2, n - n / 2);
}

static void
words(const struct round *r, struct bh_buf *out)
{
	const struct judged *e;
	size_t i, n = 0;

	for (i = 0; i < r->n_changes; i++) {
		e = r->change[i];
		if (e->refused || is_draft(r, e->w))
			continue;
		if (n++ < 8)
			bh_buf_printf(out, "%s%s %s of %s%s", n > 1 ? ", " : "",
				      bh_kube_wish_name(e->w->kind), e->w->name,
				      r->in->p.config->source[e->w->source].name,
				      e->now == NULL ? " gone" : "");
	}
	if (n > 8)
		bh_buf_printf(out, " and %zu more", n - 8);
	if (n == 0)
		bh_buf_str(out, "policies of clusters again");
}

/* ---- what they are told ------------------------------------------------------------------------------------------------ */

static void
note(struct bh_kube_intent *in, struct judged *e, const struct bh_kube_told *v)
{
	struct bh_kube_wished *w = e->w;

	if (w->verdict.verdict == v->verdict && w->verdict.generation == v->generation &&
	    strcmp(w->verdict.reason, v->reason) == 0)
		return;
	w->verdict = *v;
	w->untold = w->kind != BH_KUBE_NETPOL && w->now != NULL;
	if (v->verdict == BH_KUBE_REFUSED)
		bh_log(BH_LOG_WARN, "source %s: %s %s is refused, what it said before stays: %s",
		       in->p.config->source[w->source].name, bh_kube_wish_name(w->kind), w->name,
		       v->reason);
}

static void
settle_one(struct round *r, struct judged *e, uint32_t revision, const char *waits)
{
	struct bh_kube_wished *w = e->w;
	struct bh_kube_told v = {.kind = w->kind,
				 .verdict = is_draft(r, w) ? BH_KUBE_DRAFT : BH_KUBE_ACCEPTED,
				 .generation = e->generation,
				 .revision = revision};

	if (e->refused) {
		v.verdict = BH_KUBE_REFUSED;
		v.revision = w->verdict.revision;
		snprintf(v.reason, sizeof(v.reason), "%s", e->why);
	} else if (waits != NULL && e->changes) {
		v.verdict = BH_KUBE_WAITING;
		v.revision = w->verdict.revision;
		snprintf(v.reason, sizeof(v.reason), "%.399s", waits);
	} else if (waits != NULL) {
		return;
	} else {
		json_decref(w->good);
		w->good = json_incref(e->set);
	}
	note(r->in, e, &v);
}

static void
settle(struct round *r, uint32_t revision, const char *waits)
{
	struct bh_kube_intent *in = r->in;
	size_t i;

	pthread_mutex_lock(&in->lock);
	for (i = 0; i < r->n; i++)
		settle_one(r, &r->entry[i], revision, waits);
	for (i = 0; i < r->n; i++) {
		struct bh_kube_wished *w = r->entry[i].w;

		json_decref(r->entry[i].now);
		json_decref(r->entry[i].set);
		if (w->now == NULL && w->good == NULL) {
			tdelete(w, &in->wishes, bh_kube_wished_by_name);
			in->n--;
			bh_kube_wished_free(w);
		}
	}
	if (waits != NULL && in->first_ns == 0)
		in->first_ns = in->changed_ns = 1;
	pthread_mutex_unlock(&in->lock);
}

int
bh_kube_intent_round(struct bh_kube_intent *in)
{
	struct round r = {.in = in};
	struct bh_kube_part what = {0};
	struct bh_buf why = {0};
	struct bh_err err = {0};
	uint32_t revision = 0;
	int rc = collect(&r);

	if (rc == 0)
		rc = judge(&r, r.change, r.n_changes);
	if (rc == 0) {
		words(&r, &why);
		what.why = why.failed ? "" : why.data;
		rc = try_set(&r, &what, &revision, &err);
	} else {
		bh_err_set(&err, -rc, "not judged yet: %s", strerror(-rc));
	}
	if (r.entry != NULL && r.change != NULL)
		settle(&r, revision, rc != 0 ? err.what : NULL);
	free(r.entry);
	free(r.change);
	bh_buf_free(&why);
	if (rc != 0)
		bh_log(BH_LOG_WARN, "policies of clusters are not in force yet: %s", err.what);
	return rc;
}
