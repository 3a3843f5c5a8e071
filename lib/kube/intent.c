/* intent: wishes of clusters, which of them are accepted, and who has not been told yet.
 Rounds (round.c) come when it has been
 * quiet for a moment, or not been for a second. */
#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kube_priv.h"

#define WISHES_MAX 10000             /* of a source */
#define BYTES_MAX (32u << 20)        /* of a source, as text */
#define QUIET_NS (BH_NS_PER_SEC / 5) /* what comes together is one revision */
#define PATIENCE_NS BH_NS_PER_SEC    /* that long at most */
#define RETRY_NS (2 * BH_NS_PER_SEC)
#define LOOK_NS                                                                                    \
	(5 * BH_NS_PER_SEC) /* whether it is still in force: documents come whole from elsewhere */

static uint64_t
now_ns(void)
{
	return bh_clock_system.mono_ns(NULL);
}

const char *
bh_kube_verdict_name(unsigned verdict)
{
	static const char *const names[] = {"", "Accepted", "Draft", "Refused", "Waiting"};

	return verdict < BH_ARRAY_SIZE(names) ? names[verdict] : "invalid";
}

int
bh_kube_wished_by_name(const void *a, const void *b)
{
	const struct bh_kube_wished *x = a, *y = b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->name, y->name);
}

void
bh_kube_wished_free(void *p)
{
	struct bh_kube_wished *w = p;

	json_decref(w->now);
	json_decref(w->good);
	free(w->name);
	free(w);
}

int
bh_kube_intent_create(struct bh_kube_intent **out, const struct bh_kube_intent_params *p)
{
	struct bh_kube_intent *in = calloc(1, sizeof(*in));
	pthread_condattr_t attr;
	unsigned i;

	if (in == NULL)
		return -ENOMEM;
	in->p = *p;
	for (i = 0; i < p->config->n_sources; i++)
		in->ready[i] = !p->config->source[i].network_policies &&
			       p->config->source[i].resources == BH_WISHES_OFF;
	pthread_mutex_init(&in->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&in->wake, &attr);
	pthread_condattr_destroy(&attr);
	in->changed_ns = in->first_ns = 1; /* that there is nothing is to be said, too */
	*out = in;
	return 0;
}

void
bh_kube_intent_free(struct bh_kube_intent *in)
{
	if (in == NULL)
		return;
	tdestroy(in->wishes, bh_kube_wished_free);
	pthread_cond_destroy(&in->wake);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

/* ---- what comes in -------------------------------------------------------------------------------------------------- */

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

/* "shop/web"; NULL: no memory, or no name. */
static char *
name_of(const json_t *o)
{
	const json_t *meta = json_object_get(o, "metadata");
	const char *ns = text(meta, "namespace"), *name = text(meta, "name");
	char *out = NULL;

	if (name[0] == '\0' || strlen(ns) + strlen(name) > 500)
		return NULL;
	if (asprintf(&out, "%s%s%s", ns, ns[0] != '\0' ? "/" : "", name) < 0)
		return NULL;
	return out;
}

static void
changed(struct bh_kube_intent *in)
{
	in->changed_ns = now_ns();
	if (in->first_ns == 0)
		in->first_ns = in->changed_ns;
	pthread_cond_signal(&in->wake);
}

static struct bh_kube_wished *
find(struct bh_kube_intent *in, uint8_t source, uint8_t kind, const char *name)
{
	struct bh_kube_wished key = {.source = source, .kind = kind}, **at;

	key.name = (char *)(uintptr_t)name;
	at = tfind(&key, &in->wishes, bh_kube_wished_by_name);
	return at != NULL ? *at : NULL;
}

/* It is gone; the set may still have it. */
static void
take_away(struct bh_kube_intent *in, struct bh_kube_wished *w)
{
	if (w->now == NULL)
		return;
	in->count[w->source][w->kind]--;
	in->bytes[w->source] -= w->bytes;
	w->bytes = 0;
	json_decref(w->now);
	w->now = NULL;
	changed(in);
}

/* What its status says of this very text, from before a restart, needs not be said again. */
static void
read_status(struct bh_kube_wished *w, const json_t *o)
{
	const json_t *status = json_object_get(o, "status");
	const char *state = text(status, "state");
	unsigned i;

	for (i = BH_KUBE_ACCEPTED; i <= BH_KUBE_WAITING; i++) {
		if (strcmp(state, bh_kube_verdict_name(i)) == 0)
			w->verdict.verdict = (uint8_t)i;
	}
	snprintf(w->verdict.reason, sizeof(w->verdict.reason), "%s", text(status, "reason"));
	w->verdict.revision = (uint32_t)json_integer_value(json_object_get(status, "revision"));
	w->verdict.generation = json_integer_value(json_object_get(status, "observedGeneration"));
}

static struct bh_kube_wished *
add(struct bh_kube_intent *in, uint8_t source, uint8_t kind, char *name, const json_t *o)
{
	struct bh_kube_wished *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	*w = (struct bh_kube_wished){.source = source, .kind = kind, .name = name};
	if (tsearch(w, &in->wishes, bh_kube_wished_by_name) == NULL) {
		free(w);
		return NULL;
	}
	in->n++;
	read_status(w, o);
	return w;
}

static void
put_locked(struct bh_kube_intent *in, struct bh_kube_wished *w, const json_t *o)
{
	const json_t *spec = json_object_get(o, "spec");
	size_t bytes = spec != NULL ? json_dumpb(spec, NULL, 0, 0) : 0;
	bool had = w->now != NULL, fits = in->count[w->source][w->kind] + !had <= WISHES_MAX &&
					  in->bytes[w->source] - w->bytes + bytes <= BYTES_MAX;

	w->seen = in->list[w->source][w->kind];
	w->generation =
		json_integer_value(json_object_get(json_object_get(o, "metadata"), "generation"));
	if (had && fits && json_equal(w->now, spec))
		return;
	in->count[w->source][w->kind] += !had;
	in->bytes[w->source] += (fits ? bytes : 0) - w->bytes;
	w->bytes = fits ? bytes : 0;
	json_decref(w->now);
	w->now = !fits ? json_null() : spec != NULL ? json_incref((json_t *)spec) : json_object();
	changed(in);
}

int
bh_kube_intent_put(struct bh_kube_intent *in, uint8_t source, uint8_t kind, const json_t *o)
{
	char *name = name_of(o);
	struct bh_kube_wished *w;

	if (name == NULL)
		return -EINVAL;
	pthread_mutex_lock(&in->lock);
	w = find(in, source, kind, name);
	if (w == NULL) {
		w = add(in, source, kind, name, o);
		name = w != NULL ? NULL : name; /* it is the wish's */
	}
	if (w != NULL)
		put_locked(in, w, o);
	pthread_mutex_unlock(&in->lock);
	free(name);
	return w != NULL ? 0 : -ENOMEM;
}

void
bh_kube_intent_delete(struct bh_kube_intent *in, uint8_t source, uint8_t kind, const json_t *o)
{
	char *name = name_of(o);
	struct bh_kube_wished *w;

	if (name == NULL)
		return;
	pthread_mutex_lock(&in->lock);
	w = find(in, source, kind, name);
	if (w != NULL)
		take_away(in, w);
	pthread_mutex_unlock(&in->lock);
	free(name);
}

void
bh_kube_intent_list_begin(struct bh_kube_intent *in, uint8_t source, uint8_t kind)
{
	pthread_mutex_lock(&in->lock);
	in->list[source][kind]++;
	pthread_mutex_unlock(&in->lock);
}

struct sweep {
	struct bh_kube_intent *in;
	uint8_t source, kind;
};

static void
sweep_one(const void *node, VISIT which, void *arg)
{
	struct bh_kube_wished *w = *(struct bh_kube_wished *const *)node;
	struct sweep *s = arg;

	if ((which == postorder || which == leaf) && w->source == s->source && w->kind == s->kind &&
	    w->seen != s->in->list[s->source][s->kind])
		take_away(s->in, w);
}

void
bh_kube_intent_list_end(struct bh_kube_intent *in, uint8_t source, uint8_t kind)
{
	struct sweep s = {in, source, kind};

	pthread_mutex_lock(&in->lock);
	twalk_r(in->wishes, sweep_one, &s);
	pthread_mutex_unlock(&in->lock);
}

void
bh_kube_intent_ready(struct bh_kube_intent *in, uint8_t source)
{
	pthread_mutex_lock(&in->lock);
	if (!in->ready[source])
		pthread_cond_signal(&in->wake);
	in->ready[source] = true;
	pthread_mutex_unlock(&in->lock);
}

unsigned
bh_kube_intent_count(struct bh_kube_intent *in, uint8_t source, uint8_t kind)
{
	unsigned n;

	pthread_mutex_lock(&in->lock);
	n = in->count[source][kind];
	pthread_mutex_unlock(&in->lock);
	return n;
}

/* ---- when ---------------------------------------------------------------------------------------------------------- */

static bool
all_ready(const struct bh_kube_intent *in)
{
	bool ready = true;
	unsigned i;

	for (i = 0; i < in->p.config->n_sources; i++)
		ready &= in->ready[i];
	return ready;
}

/* When the next round is due; UINT64_MAX: nothing is known yet. */
static uint64_t
due(const struct bh_kube_intent *in, uint64_t last_ns)
{
	uint64_t quiet = in->changed_ns + QUIET_NS, late = in->first_ns + PATIENCE_NS;

	if (!all_ready(in))
		return UINT64_MAX;
	if (in->first_ns == 0)
		return last_ns + LOOK_NS;
	return quiet < late ? quiet : late;
}

void
bh_kube_intent_run(struct bh_kube_intent *in)
{
	uint64_t last = 0, at, now;
	struct timespec until;

	pthread_mutex_lock(&in->lock);
	while (!in->stop) {
		now = now_ns();
		at = due(in, last);
		if (at > now) {
			at = at < now + LOOK_NS ? at : now + LOOK_NS;
			until = (struct timespec){.tv_sec = (time_t)(at / BH_NS_PER_SEC),
						  .tv_nsec = (long)(at % BH_NS_PER_SEC)};
			pthread_cond_timedwait(&in->wake, &in->lock, &until);
			continue;
		}
		pthread_mutex_unlock(&in->lock);
		at = bh_kube_intent_round(in) != 0 ? now_ns() + RETRY_NS : 0;
		last = now_ns();
		pthread_mutex_lock(&in->lock);
		while (!in->stop && now_ns() < at) {
			until = (struct timespec){.tv_sec = (time_t)(at / BH_NS_PER_SEC),
						  .tv_nsec = (long)(at % BH_NS_PER_SEC)};
			pthread_cond_timedwait(&in->wake, &in->lock, &until);
		}
	}
	pthread_mutex_unlock(&in->lock);
}

void
bh_kube_intent_stop(struct bh_kube_intent *in)
{
	pthread_mutex_lock(&in->lock);
	in->stop = true;
	pthread_cond_signal(&in->wake);
	pthread_mutex_unlock(&in->lock);
}

/* ---- telling ---------------------------------------------------------------------------------------------------------- */

struct look {
	uint8_t source;
	const struct bh_kube_wished *found;
	struct bh_kube_status *count;
};

static void
look_one(const void *node, VISIT which, void *arg)
{
	const struct bh_kube_wished *w = *(struct bh_kube_wished *const *)node;
	struct look *l = arg;

	if ((which != postorder && which != leaf) || w->source != l->source)
		return;
	if (l->count != NULL) {
		l->count->wishes += w->now != NULL;
		l->count->wishes_refused += w->verdict.verdict == BH_KUBE_REFUSED;
	} else if (w->untold && w->now != NULL && l->found == NULL) {
		l->found = w;
	}
}

bool
bh_kube_intent_untold(struct bh_kube_intent *in, uint8_t source, struct bh_kube_told *out)
{
	struct look l = {.source = source};

	pthread_mutex_lock(&in->lock);
	twalk_r(in->wishes, look_one, &l);
	if (l.found != NULL) {
		*out = l.found->verdict;
		out->kind = l.found->kind;
		snprintf(out->name, sizeof(out->name), "%s", l.found->name);
	}
	pthread_mutex_unlock(&in->lock);
	return l.found != NULL;
}

void
bh_kube_intent_told(struct bh_kube_intent *in, uint8_t source, const struct bh_kube_told *t)
{
	struct bh_kube_wished *w;

	pthread_mutex_lock(&in->lock);
	w = find(in, source, t->kind, t->name);
	if (w != NULL && w->verdict.verdict == t->verdict &&
	    w->verdict.generation == t->generation && strcmp(w->verdict.reason, t->reason) == 0)
		w->untold = false;
	pthread_mutex_unlock(&in->lock);
}

void
bh_kube_intent_counts(struct bh_kube_intent *in, uint8_t source, struct bh_kube_status *out)
{
	struct look l = {.source = source, .count = out};

	pthread_mutex_lock(&in->lock);
	twalk_r(in->wishes, look_one, &l);
	pthread_mutex_unlock(&in->lock);
}
