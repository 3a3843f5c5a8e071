/* Events become cases; the thread that fills and ends them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "evidence_priv.h"

#define ROUND_NS (10 * BH_NS_PER_MS)  /* between two looks at the rings, while there are cases */
#define REST_NS (10 * BH_NS_PER_SEC)  /* between two looks at the clock, while there are none */
#define SWEEP_NS (60 * BH_NS_PER_SEC) /* between two looks at the age of files */

/* ---- thread ----------------------------------------------------------------------------------------- */

static void
wait_for(struct bh_evidence *ev, uint64_t ns)
{
	struct timespec until;
	uint64_t at;

	clock_gettime(CLOCK_MONOTONIC, &until);
	at = (uint64_t)until.tv_nsec + ns;
	until.tv_sec += (time_t)(at / BH_NS_PER_SEC);
	until.tv_nsec = (long)(at % BH_NS_PER_SEC);
	pthread_cond_timedwait(&ev->wake, &ev->lock, &until);
}

/* Without the lock. */
static void
one_round(struct bh_evidence *ev, bool hurry)
{
	bh_evidence_collect(ev, hurry);
	if (ev->clock->mono_ns(ev->clock->arg) - ev->swept_ns >= SWEEP_NS)
		bh_evidence_sweep(ev);
}

static void *
run(void *arg)
{
	struct bh_evidence *ev = arg;
	bool hurry;

	pthread_mutex_lock(&ev->lock);
	while (!ev->stop || ev->n_cases + ev->n_asks != 0) {
		hurry = ev->hurry || ev->stop;
		if (!hurry)
			wait_for(ev, ev->n_cases + ev->n_asks != 0 ? ROUND_NS : REST_NS);
		hurry = ev->hurry || ev->stop;
		pthread_mutex_unlock(&ev->lock);
		one_round(ev, hurry);
		pthread_mutex_lock(&ev->lock);
		if (ev->n_cases + ev->n_asks == 0) {
			ev->hurry = false;
			pthread_cond_broadcast(&ev->idle);
		}
	}
	pthread_mutex_unlock(&ev->lock);
	return NULL;
}

void
bh_evidence_step(struct bh_evidence *ev)
{
	one_round(ev, false);
}

void
bh_evidence_flush(struct bh_evidence *ev)
{
	if (!ev->has_thread) {
		one_round(ev, true);
		return;
	}
	pthread_mutex_lock(&ev->lock);
	ev->hurry = true;
	pthread_cond_signal(&ev->wake);
	while (ev->hurry)
		pthread_cond_wait(&ev->idle, &ev->lock);
	pthread_mutex_unlock(&ev->lock);
}

/* ---- start and end ------------------------------------------------------------------------------------ */

static int
start_thread(struct bh_evidence *ev)
{
	int rc = pthread_create(&ev->thread, NULL, run, ev);

	ev->has_thread = rc == 0;
	return -rc;
}

static void
init_locks(struct bh_evidence *ev)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&ev->lock, NULL);
	pthread_cond_init(&ev->idle, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ev->wake, &attr);
	pthread_condattr_destroy(&attr);
}

int
bh_evidence_open(struct bh_evidence **out, const struct bh_evidence_params *params,
		 struct bh_err *err)
{
	struct bh_evidence *ev = calloc(1, sizeof(*ev));
	int rc = -ENOMEM;

	if (ev == NULL)
		return bh_err_set(err, ENOMEM, "no memory for evidence");
	init_locks(ev);
	ev->p = *params;
	ev->folder = -1;
	ev->clock = params->clock != NULL ? params->clock : &bh_clock_system;
	ev->p.path = strdup(params->path);
	ev->ring = calloc(params->n_rings, sizeof(ev->ring[0]));
	ev->at = calloc(params->n_rings, sizeof(ev->at[0]));
	ev->data = malloc(BH_EVIDENCE_SNAP_MAX);
	if (ev->p.path == NULL || ev->ring == NULL || ev->at == NULL || ev->data == NULL)
		goto fail;
	memcpy(ev->ring, params->ring, params->n_rings * sizeof(ev->ring[0]));
	ev->folder = bh_evidence_folder_open(params->path, err);
	rc = ev->folder < 0 ? ev->folder : 0;
	if (rc == 0) {
		bh_evidence_sweep(ev);
		rc = params->by_hand ? 0 : start_thread(ev);
	}
	if (rc != 0)
		goto fail;
	*out = ev;
	return 0;
fail:
	bh_evidence_close(ev);
	return bh_err_set(err, -rc, "cannot set up evidence: %s", strerror(-rc));
}

void
bh_evidence_close(struct bh_evidence *ev)
{
	unsigned i, k;

	if (ev == NULL)
		return;
	if (ev->has_thread) {
		pthread_mutex_lock(&ev->lock);
		ev->stop = true;
		pthread_cond_signal(&ev->wake);
		pthread_mutex_unlock(&ev->lock);
		pthread_join(ev->thread, NULL);
	} else if (ev->folder >= 0) {
		one_round(ev, true);
	}
	for (i = 0; i < BH_EVIDENCE_CASES; i++) {
		for (k = 0; k < BH_EVIDENCE_EVENTS; k++)
			bh_buf_free(&ev->one[i].event[k]);
	}
	for (i = 0; i < BH_EVIDENCE_CAPTURES; i++)
		bh_evidence_ask_free(&ev->ask[i]);
	if (ev->folder >= 0)
		close(ev->folder);
	pthread_mutex_destroy(&ev->lock);
	pthread_cond_destroy(&ev->wake);
	pthread_cond_destroy(&ev->idle);
	free(ev->data);
	free(ev->at);
	free(ev->ring);
	free((void *)(uintptr_t)ev->p.path);
	free(ev);
}

/* ---- events ----------------------------------------------------------------------------------------- */

/* "dlp.card" of a sensor's event, else its kind. */
static void
class_of(const struct bh_event *e, char *out, size_t size)
{
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;

	snprintf(out, size, "%s", bh_event_kind(e->type));
	while (e->n_text != 0 && bh_event_text_next(e, &cursor, &field, &at, &len)) {
		if (field == BH_EVENT_SENSOR_KEY)
			snprintf(out, size, "%.*s", (int)len, (const char *)at);
	}
}

/* By a sensor's action. */
static bool
is_asked_for(const struct bh_event *e)
{
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;

	while (e->n_text != 0 && bh_event_text_next(e, &cursor, &field, &at, &len)) {
		if (field == BH_EVENT_SENSOR_ACTION)
			return len == strlen("capture") && memcmp(at, "capture", len) == 0;
	}
	return false;
}

static bool
is_wanted(const struct bh_evidence *ev, const struct bh_event *e)
{
	const char *kind = bh_event_kind(e->type);

	if (ev->p.captures && !is_asked_for(e))
		return false;
	return (strcmp(kind, "violation") == 0 || strcmp(kind, "sensor") == 0 ||
		strcmp(kind, "threat") == 0) &&
	       (e->key.family == BH_IP4 || e->key.family == BH_IP6);
}

static bool
is_same(const struct bh_evidence_case *c, const struct bh_event *e)
{
	return c->state != BH_CASE_FREE && c->state != BH_CASE_ENDING && c->ring == e->worker &&
	       c->flow_id == e->flow_id && memcmp(&c->key, &e->key, sizeof(c->key)) == 0;
}

static struct bh_evidence_case *
find(struct bh_evidence *ev, const struct bh_event *e)
{
	unsigned i;

	for (i = 0; ev->n_cases != 0 && i < BH_EVIDENCE_CASES; i++) {
		if (is_same(&ev->one[i], e))
			return &ev->one[i];
	}
	return NULL;
}

static bool
take_token(struct bh_evidence *ev, const struct bh_event *e)
{
	/* A scan of what is denied shall not keep an attack from being recorded, nor other alerts what was asked for. */
	unsigned which = e->type == BH_EVENT_VIOLATION ? 0 : is_asked_for(e) ? 1 : 2;
	struct bh_evidence_bucket *b = &ev->bucket[which];
	uint64_t now_ms = ev->clock->mono_ns(ev->clock->arg) / BH_NS_PER_MS;
	uint64_t full = ev->p.rate * 1000, more = (now_ms - b->last_ms) * ev->p.rate;

	/* The first call finds it full: last_ms is 0, and any start of the clock is later than that by a second. */
	b->tokens = b->last_ms == 0 || b->tokens + more > full ? full : b->tokens + more;
	b->last_ms = now_ms;
	if (b->tokens < 1000)
		return false;
	b->tokens -= 1000;
	return true;
}

static bool
name_is_taken(const struct bh_evidence *ev, const char *name)
{
	unsigned i;

	for (i = 0; i < BH_EVIDENCE_CASES; i++) {
		if (ev->one[i].state != BH_CASE_FREE && strcmp(ev->one[i].name, name) == 0)
			return true;
	}
	return false;
}

static struct bh_evidence_case *
begin(struct bh_evidence *ev, const struct bh_event *e, const char *class_)
{
	struct bh_evidence_case *c = ev->one;
	uint64_t name_ns = e->time_ns;

	while (c < ev->one + BH_EVIDENCE_CASES && c->state != BH_CASE_FREE)
		c++;
	if (c == ev->one + BH_EVIDENCE_CASES || e->worker >= ev->p.n_rings || !take_token(ev, e)) {
		bh_evidence_count(&ev->stats.missed, 1);
		return NULL;
	}
	c->key = e->key;
	c->flow_id = e->flow_id;
	c->pair = bh_evidence_pair_hash(&e->key);
	c->flow = bh_evidence_flow_hash(&e->key, c->pair);
	c->whole_pair = ev->p.whole_pair || e->has_flow == 0;
	c->time_ns = e->time_ns;
	c->started_ns = ev->clock->mono_ns(ev->clock->arg);
	c->ring = e->worker;
	c->sensitive = false;
	do {
		bh_evidence_name_make(c->name, name_ns, e->flow_id, class_);
		name_ns += 1000;
	} while (name_is_taken(ev, c->name));
	c->state = BH_CASE_NEW;
	ev->n_cases++;
	pthread_cond_signal(&ev->wake);
	return c;
}

void
bh_evidence_offer(struct bh_evidence *ev, const struct bh_event *e)
{
	struct bh_evidence_case *c;
	struct bh_buf line = {0}, *to;
	char class_[48];

	if (!is_wanted(ev, e))
		return;
	class_of(e, class_, sizeof(class_));
	pthread_mutex_lock(&ev->lock);
	c = find(ev, e);
	if (c == NULL)
		c = begin(ev, e, class_);
	if (c != NULL && strncmp(class_, "dlp.", 4) == 0)
		c->sensitive = true;
	pthread_mutex_unlock(&ev->lock);
	if (c == NULL)
		return;
	/* Its record names the file: the lock is taken again for that. */
	bh_eve_format(&line, e, ev->p.names);
	pthread_mutex_lock(&ev->lock);
	c = find(ev, e);
	if (c != NULL && c->n_events < BH_EVIDENCE_EVENTS && !line.failed && line.len != 0) {
		to = &c->event[c->n_events++];
		bh_buf_reset(to);
		bh_buf_add(to, line.data, line.len - 1);
	}
	pthread_mutex_unlock(&ev->lock);
	bh_buf_free(&line);
}

const char *
bh_evidence_name(struct bh_evidence *ev, const struct bh_event *e, char *out)
{
	const struct bh_evidence_case *c;

	if (!is_wanted(ev, e))
		return NULL;
	pthread_mutex_lock(&ev->lock);
	c = find(ev, e);
	if (c != NULL)
		memcpy(out, c->name, BH_EVIDENCE_NAME_MAX);
	pthread_mutex_unlock(&ev->lock);
	return c != NULL ? out : NULL;
}

void
bh_evidence_stats(struct bh_evidence *ev, struct bh_evidence_stats *out)
{
	const struct bh_evidence_stats *from = &ev->stats;

	out->files = __atomic_load_n(&from->files, __ATOMIC_RELAXED);
	out->packets = __atomic_load_n(&from->packets, __ATOMIC_RELAXED);
	out->torn = __atomic_load_n(&from->torn, __ATOMIC_RELAXED);
	out->missed = __atomic_load_n(&from->missed, __ATOMIC_RELAXED);
	out->failed = __atomic_load_n(&from->failed, __ATOMIC_RELAXED);
	out->removed = __atomic_load_n(&from->removed, __ATOMIC_RELAXED);
}

int
bh_evidence_trouble(struct bh_evidence *ev, char *text, size_t size)
{
	int what = 0;

	pthread_mutex_lock(&ev->lock);
	if (ev->failing != ev->told) {
		what = ev->failing ? 1 : -1;
		ev->told = ev->failing;
		snprintf(text, size, "%s", ev->failing ? ev->trouble : ev->p.path);
	}
	pthread_mutex_unlock(&ev->lock);
	return what;
}
