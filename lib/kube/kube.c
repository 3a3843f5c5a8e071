/* kube: sources, their threads, and the way of what they say into the policy. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "kube_priv.h"

struct bh_kube {
	struct bh_kube_params params;
	pthread_mutex_t lock; /* model, status, heard */
	struct bh_kube_model *model;
	struct bh_kube_intent *intent; /* NULL: nothing is wished */
	pthread_t judge;
	bool judging;
	char gateway[64];
	struct bh_kube_source source[BH_CONFIG_SOURCES];
	unsigned n;
	int stop_fd;
	_Atomic bool stop;
};

static uint64_t
now_ns(void)
{
	return bh_clock_system.mono_ns(NULL);
}

bool
bh_kube_stopping(struct bh_kube *k)
{
	return k->stop;
}

struct bh_kube_intent *
bh_kube_intent_of(struct bh_kube *k)
{
	return k->intent;
}

const char *
bh_kube_gateway(const struct bh_kube *k)
{
	return k->gateway;
}

struct bh_secrets *
bh_kube_secrets(const struct bh_kube *k)
{
	return k->params.secrets;
}

int
bh_kube_stop_fd(const struct bh_kube *k)
{
	return k->stop_fd;
}

struct bh_kube_model *
bh_kube_lock(struct bh_kube *k)
{
	pthread_mutex_lock(&k->lock);
	return k->model;
}

void
bh_kube_unlock(struct bh_kube *k)
{
	pthread_mutex_unlock(&k->lock);
}

/* ---- into the policy -------------------------------------------------------------------------------------------- */

static bool
seen(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n)
{
	(void)e;
	(void)segments;
	(void)n;
	*(bool *)arg = true;
	return false;
}

static bool
exists(struct bh_policy *p, const struct bh_prefix *prefix)
{
	bool is = false;

	bh_policy_endpoint_get(p, prefix, 0, seen, &is);
	return is;
}

/* Slots of deleted endpoints come back within milliseconds. */
static int
apply(struct bh_policy *p, const struct bh_endpoint_change *c, size_t n, uint32_t *changed,
      struct bh_err *err)
{
	const struct timespec nap = {.tv_nsec = 5000000};
	unsigned tries;
	int rc = 0;

	for (tries = 0; tries < 200; tries++) {
		memset(err, 0, sizeof(*err));
		rc = bh_policy_endpoints_apply(p, c, n, changed, err);
		if (rc != -EAGAIN)
			return rc;
		nanosleep(&nap, NULL);
	}
	return rc;
}

/* What is not to be done for sure leaves the batch: an external address that another has, what is gone already. */
static void
sift(struct bh_kube *k, struct bh_kube_batch *b)
{
	size_t i, n = 0;

	for (i = 0; i < b->n; i++) {
		const struct bh_prefix *at = &b->change[i].endpoint.prefix;
		bool gone = b->change[i].op == BH_ENDPOINT_DELETE;

		if ((gone || b->meek[i]) && exists(k->params.policy, at) != gone) {
			if (!gone)
				bh_kube_model_refused(k->model, at);
			continue;
		}
		b->change[n++] = b->change[i];
	}
	b->n = n;
}

/* The batch has no room as a whole: what goes first, so that no right stays, and then what finds room. One whose new labels
 * can't be had has none. Returns how many were not done. */
static size_t
apply_singly(struct bh_kube *k, struct bh_kube_batch *b, uint32_t *changed)
{
	struct bh_err err;
	size_t i, refused = 0;
	uint32_t one = 0;
	unsigned pass;

	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < b->n; i++) {
			struct bh_endpoint_change *c = &b->change[i];

			if ((c->op == BH_ENDPOINT_DELETE) != (pass == 0))
				continue;
			if (apply(k->params.policy, c, 1, &one, &err) == 0) {
				*changed += one;
				continue;
			}
			if (pass == 0)
				continue; /* it is gone */
			c->op = BH_ENDPOINT_DELETE;
			if (exists(k->params.policy, &c->endpoint.prefix))
				apply(k->params.policy, c, 1, &one, &err);
			bh_kube_model_refused(k->model, &c->endpoint.prefix);
			refused++;
		}
	}
	return refused;
}

void
bh_kube_apply(struct bh_kube_source *s)
{
	struct bh_kube *k = s->kube;
	struct bh_kube_batch b = {0};
	struct bh_err err = {0};
	char first[200] = "";
	uint32_t changed = 0;
	int rc = bh_kube_model_changes(k->model, &b);

	if (rc == 0) {
		sift(k, &b);
		rc = b.n != 0 ? apply(k->params.policy, b.change, b.n, &changed, &err) : 0;
	} else {
		bh_err_set(&err, -rc, "out of memory");
	}
	if (rc == -ENOSPC || rc == -EINVAL) {
		snprintf(first, sizeof(first), "%.199s", err.what);
		s->status.refused += apply_singly(k, &b, &changed);
		rc = 0;
	}
	if (rc == 0) {
		bh_kube_model_done(k->model);
		s->status.changes += changed;
		s->unapplied = false;
	} else {
		/* All of them stay marked: with the next turn again. */
		s->unapplied = true;
		s->status.failures++;
		snprintf(s->status.trouble, sizeof(s->status.trouble), "not in force yet: %.230s",
			 err.what);
	}
	if (b.change != NULL)
		bh_kube_batch_free(&b);
	bh_kube_unlock(k);
	if (first[0] != '\0')
		bh_log(BH_LOG_ERROR, "source %s: addresses stay unknown: %s", s->config->name,
		       first);
	if (rc != 0)
		bh_log(BH_LOG_ERROR, "source %s: labels are not in force yet: %s", s->config->name,
		       err.what);
}

/* ---- how it goes ------------------------------------------------------------------------------------------------ */

void
bh_kube_heard(struct bh_kube_source *s, bool connected)
{
	bool said = false;

	bh_kube_lock(s->kube);
	if (connected) {
		s->heard_ns = now_ns();
		said = !s->status.connected;
		s->status.trouble[0] = '\0';
	}
	s->status.connected = connected;
	bh_kube_unlock(s->kube);
	if (said)
		bh_log(BH_LOG_INFO, "source %s: in step with it", s->config->name);
}

void
bh_kube_trouble(struct bh_kube_source *s, const char *text)
{
	bool again;

	bh_kube_lock(s->kube);
	s->status.failures++;
	again = strcmp(s->status.trouble, text) == 0;
	snprintf(s->status.trouble, sizeof(s->status.trouble), "%s", text);
	bh_kube_unlock(s->kube);
	if (!again)
		bh_log(BH_LOG_WARN, "source %s: %s", s->config->name, text);
}

void
bh_kube_look_stale(struct bh_kube_source *s)
{
	struct bh_kube *k = s->kube;
	uint64_t age;
	char text[200], after[32];
	bool stale, was;

	bh_kube_lock(k);
	age = now_ns() - s->heard_ns;
	stale = age > s->config->stale_ms * BH_NS_PER_MS;
	was = s->status.stale;
	s->status.stale = stale;
	if ((stale != was && s->config->stale_drop) || s->unapplied) {
		if (s->config->stale_drop)
			bh_kube_model_trust(k->model, s->index, !stale);
		bh_kube_apply(s); /* unlocks */
	} else {
		bh_kube_unlock(k);
	}
	if (stale == was)
		return;
	bh_duration_format(s->config->stale_ms, after, sizeof(after));
	if (stale)
		snprintf(text, sizeof(text), "source %s has said nothing for %s: its endpoints %s",
			 s->config->name, after,
			 s->config->stale_drop ? "are gone until it does" : "stay as they are");
	else
		snprintf(text, sizeof(text), "source %s is back", s->config->name);
	bh_log(stale ? BH_LOG_ERROR : BH_LOG_INFO, "%s", text);
	if (k->params.note != NULL)
		k->params.note(k->params.arg, !stale, text);
}

bool
bh_kube_status(struct bh_kube *k, unsigned index, struct bh_kube_status *out)
{
	struct bh_kube_source *s;

	if (k == NULL || index >= k->n)
		return false;
	s = &k->source[index];
	bh_kube_lock(k);
	*out = s->status;
	out->name = s->config->name;
	out->type = s->config->type == BH_SOURCE_KUBERNETES ? "kubernetes" : "file";
	out->age_ns = now_ns() - s->heard_ns;
	bh_kube_model_count(k->model, s->index, out);
	bh_kube_unlock(k);
	if (k->intent != NULL)
		bh_kube_intent_counts(k->intent, s->index, out);
	return true;
}

/* ---- begin and end ---------------------------------------------------------------------------------------------- */

static void *
run(void *arg)
{
	struct bh_kube_source *s = arg;

	if (s->config->type == BH_SOURCE_KUBERNETES)
		bh_kube_run_cluster(s);
	else
		bh_kube_run_file(s);
	return NULL;
}

static void *
judge(void *arg)
{
	bh_kube_intent_run(arg);
	return NULL;
}

/* Where a source is to be asked for its wishes, and somebody takes them. */
static int
open_wishes(struct bh_kube *k)
{
	const struct bh_kube_intent_params p = {.config = k->params.config,
						.wish = k->params.wish,
						.arg = k->params.arg};
	bool any = false;
	unsigned i;

	for (i = 0; i < k->n; i++)
		any |= k->source[i].config->network_policies ||
		       k->source[i].config->resources != BH_WISHES_OFF;
	if (k->params.gateway != NULL)
		snprintf(k->gateway, sizeof(k->gateway), "%s", k->params.gateway);
	else if (gethostname(k->gateway, sizeof(k->gateway) - 1) != 0)
		k->gateway[0] = '\0';
	return any && p.wish != NULL ? bh_kube_intent_create(&k->intent, &p) : 0;
}

static int
check(const struct bh_config_source *s, struct bh_secrets *secrets, struct bh_err *err)
{
	struct bh_kube_access a;
	int rc;

	if (s->type == BH_SOURCE_WATCHED_FILE)
		return bh_kube_file_check(s, err);
	rc = bh_kube_access_load(&a, s, secrets, err);
	if (rc == 0)
		bh_kube_access_free(&a);
	return rc;
}

int
bh_kube_open(struct bh_kube **out, const struct bh_kube_params *params, struct bh_err *err)
{
	const struct bh_config *c = params->config;
	struct bh_kube *k = calloc(1, sizeof(*k));
	const char *name[BH_CONFIG_SOURCES];
	unsigned i;
	int rc = 0;

	if (k == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(k);
		return bh_err_set(err, ENOMEM, "no memory for sources");
	}
	k->params = *params;
	k->n = c->n_sources;
	pthread_mutex_init(&k->lock, NULL);
	for (i = 0; i < k->n; i++) {
		name[i] = c->source[i].name;
		k->source[i] = (struct bh_kube_source){.kube = k,
						       .config = &c->source[i],
						       .index = (uint8_t)i,
						       .heard_ns = now_ns()};
		rc = check(&c->source[i], params->secrets, err);
		if (rc != 0)
			break;
	}
	k->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rc == 0 && (k->stop_fd < 0 || bh_kube_model_create(&k->model, name, k->n) != 0 ||
			open_wishes(k) != 0))
		rc = bh_err_set(err, ENOMEM, "no memory for sources");
	if (rc != 0) {
		bh_kube_close(k);
		return rc;
	}
	*out = k;
	return 0;
}

int
bh_kube_begin(struct bh_kube *k, struct bh_err *err)
{
	unsigned i;
	int rc;

	if (k->intent != NULL) {
		rc = pthread_create(&k->judge, NULL, judge, k->intent);
		k->judging = rc == 0;
		if (rc != 0)
			return bh_err_set(err, rc, "cannot start a thread for policies: %s",
					  strerror(rc));
	}
	for (i = 0; i < k->n; i++) {
		rc = pthread_create(&k->source[i].thread, NULL, run, &k->source[i]);
		if (rc != 0)
			return bh_err_set(err, rc, "cannot start a source's thread: %s",
					  strerror(rc));
		k->source[i].running = true;
	}
	return 0;
}

void
bh_kube_close(struct bh_kube *k)
{
	const uint64_t one = 1;
	unsigned i;

	if (k == NULL)
		return;
	k->stop = true;
	if (k->stop_fd >= 0 && write(k->stop_fd, &one, sizeof(one)) < 0)
		bh_log(BH_LOG_WARN, "sources: %s", strerror(errno));
	for (i = 0; i < k->n; i++) {
		if (k->source[i].running)
			pthread_join(k->source[i].thread, NULL);
	}
	if (k->judging) {
		bh_kube_intent_stop(k->intent);
		pthread_join(k->judge, NULL);
	}
	bh_kube_intent_free(k->intent);
	if (k->stop_fd >= 0)
		close(k->stop_fd);
	bh_kube_model_free(k->model);
	pthread_mutex_destroy(&k->lock);
	free(k);
}
