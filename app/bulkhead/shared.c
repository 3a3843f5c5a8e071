/* shared: what gateways of a fleet know of one another besides the policy: endpoints that were pushed. */
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

void
bh_daemon_shared_item(void *arg, enum bh_fleet_kind kind, const char *name, const char *value,
		      size_t len)
{
	struct bh_daemon *d = arg;
	struct bh_shared *s = d->shared;

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
