/* shared: what gateways of a fleet know of one another besides the policy: endpoints that were pushed, and
 * conversations. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../lib/fleet/fleet_item.h"
#include "daemon.h"

#define BATCH 256

struct bh_shared {
	struct bh_fleet_endpoint endpoint[BATCH];
	struct bh_endpoint_change change[BATCH];
	size_t n;
	struct bh_fleet_learned learned;
	uint64_t new_ns, all_ns; /* wall clock: conversations were told */
};

/* ---- from this gateway to the others: the API's thread --------------------------------------------------------- */

static bool
put(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n)
{
	struct bh_daemon *d = arg;
	char name[BH_FLEET_ITEM_NAME];
	struct bh_buf value = {0};

	(void)segments;
	(void)n;
	bh_fleet_endpoint_name(e, name);
	bh_fleet_endpoint_write(&value, e);
	if (!value.failed)
		bh_fleet_put(d->fleet, BH_FLEET_ENDPOINT, name, value.data, value.len);
	bh_buf_free(&value);
	return false;
}

void
bh_daemon_endpoints_applied(void *arg, const struct bh_endpoint_change *c, size_t n)
{
	struct bh_daemon *d = arg;
	char name[BH_FLEET_ITEM_NAME];
	size_t i;

	if (d->fleet == NULL || !d->config.fleet_endpoints_shared)
		return;
	for (i = 0; i < n; i++) {
		const struct bh_endpoint *e = &c[i].endpoint;

		/* Its labels as they are now: what was asked for may be a part of them. */
		if (bh_policy_endpoint_get(d->policy, &e->prefix, e->tenant, put, d))
			continue;
		bh_fleet_endpoint_name(e, name);
		bh_fleet_put(d->fleet, BH_FLEET_ENDPOINT, name, NULL, 0);
	}
}

/* ---- from the others: the fleet's thread ------------------------------------------------------------------------- */

/* Slots of deleted endpoints come back within milliseconds. */
static int
apply(struct bh_daemon *d, const struct bh_endpoint_change *c, size_t n, struct bh_err *err)
{
	const struct timespec nap = {.tv_nsec = 5000000};
	unsigned tries;
	int rc = 0;

	for (tries = 0; tries < 200; tries++) {
		*err = (struct bh_err){0};
		rc = bh_policy_endpoints_apply(d->policy, c, n, NULL, err);
		if (rc != -EAGAIN)
			return rc;
		nanosleep(&nap, NULL);
	}
	return rc;
}

static void
flush(struct bh_daemon *d)
{
	struct bh_shared *s = d->shared;
	struct bh_err err = {0};
	size_t i;

	for (i = 0; i < s->n; i++)
		s->change[i] = s->endpoint[i].change;
	/* As a whole, or what can be had of it: one that was never here can't go. */
	if (s->n != 0 && apply(d, s->change, s->n, &err) != 0) {
		for (i = 0; i < s->n; i++) {
			if (apply(d, &s->change[i], 1, &err) != 0 &&
			    s->change[i].op == BH_ENDPOINT_PUT)
				bh_log(BH_LOG_ERROR, "fleet: an endpoint stays as it was: %s",
				       err.what);
		}
	}
	for (i = 0; i < s->n; i++)
		bh_fleet_endpoint_free(&s->endpoint[i]);
	s->n = 0;
}

/* ---- conversations: the fleet's thread -------------------------------------------------------------------------- */

#define NEW_NS (2 * BH_NS_PER_SEC)  /* what is new is told so often */
#define ALL_NS (30 * BH_NS_PER_SEC) /* figures of what goes on */

struct telling {
	struct bh_daemon *d;
	uint64_t since_ns; /* began then or later; 0: all that were seen since the last round */
};

static bool
tell(void *arg, const struct bh_conversation *c)
{
	struct telling *t = arg;
	char name[BH_FLEET_ITEM_NAME];
	struct bh_buf value = {0};

	if (!c->here || c->first_ns < t->since_ns)
		return true;
	bh_fleet_learned_name(bh_fleet_name(t->d->fleet), c, name);
	bh_fleet_learned_write(&value, c);
	if (!value.failed)
		bh_fleet_put(t->d->fleet, BH_FLEET_LEARNED, name, value.data, value.len);
	bh_buf_free(&value);
	return true;
}

/* Wall clock, as conversations have it. What was seen while the last round ran is told twice. */
void
bh_daemon_shared_tick(struct bh_daemon *d)
{
	uint64_t wall = bh_clock_system.wall_ns(NULL);
	struct bh_shared *s = d->shared;
	struct bh_learn_filter f = {.seen = -1};
	struct telling t = {.d = d};

	if (d->learn == NULL || !d->config.fleet_learned_shared)
		return;
	if (wall >= s->all_ns + ALL_NS || wall < s->all_ns) {
		f.since_ns = s->all_ns > NEW_NS ? s->all_ns - NEW_NS : 0;
		s->all_ns = s->new_ns = wall;
	} else if (wall >= s->new_ns + NEW_NS) {
		f.since_ns = t.since_ns = s->new_ns - NEW_NS;
		s->new_ns = wall;
	} else {
		return;
	}
	bh_learn_each(d->learn, &f, tell, &t);
}

static void
take_learned(struct bh_daemon *d, const char *name, const char *value, size_t len)
{
	struct bh_fleet_learned *l = &d->shared->learned;
	int rc;

	/* What was learned stays, whatever the other gateway forgets. */
	if (d->learn == NULL || !d->config.fleet_learned_shared || value == NULL)
		return;
	rc = bh_fleet_learned_read(l, name, value, len);
	if (rc == 0) {
		rc = bh_learn_far(d->learn, l->gateway, &l->c);
		bh_fleet_learned_free(l);
	}
	if (rc == -EINVAL)
		bh_log(BH_LOG_WARN, "fleet: the key of conversation %.80s holds none that is known",
		       name);
}

void
bh_daemon_shared_item(void *arg, enum bh_fleet_kind kind, const char *name, const char *value,
		      size_t len)
{
	struct bh_daemon *d = arg;
	struct bh_shared *s = d->shared;

	if (kind == BH_FLEET_LEARNED)
		take_learned(d, name, value, len);
	if (kind != BH_FLEET_ENDPOINT || !d->config.fleet_endpoints_shared)
		return;
	if (s->n == BATCH)
		flush(d);
	if (bh_fleet_endpoint_read(&s->endpoint[s->n], name, value, len) == 0) {
		/* The labels are where the endpoint is now. */
		s->endpoint[s->n].change.endpoint.labels = s->endpoint[s->n].label;
		s->n++;
	} else {
		bh_log(BH_LOG_WARN, "fleet: the key of endpoint %.80s holds none", name);
	}
}

void
bh_daemon_shared_end(void *arg)
{
	flush(arg);
}

int
bh_daemon_shared_open(struct bh_daemon *d)
{
	d->shared = calloc(1, sizeof(*d->shared));
	return d->shared != NULL ? 0 : -ENOMEM;
}

void
bh_daemon_shared_close(struct bh_daemon *d)
{
	free(d->shared);
	d->shared = NULL;
}
