/* fleet: one policy with other gateways (lib/fleet): what it may ask of this one, and what is told of it. */
#include <errno.h>
#include <stdio.h>

#include "daemon.h"

static void
confirmed(void *arg, const char *author)
{
	struct bh_daemon *d = arg;
	struct bh_confirm waits;
	struct bh_err err = {0};
	uint32_t number;
	int rc;

	bh_store_waiting(d->store, &waits);
	if (waits.number == 0)
		return;
	rc = bh_store_confirm(d->store, author, &number, &err);
	if (rc != 0 && rc != -ENOENT) /* who confirmed it here was first */
		bh_log(BH_LOG_ERROR, "revision %u was confirmed elsewhere, and not here: %s",
		       waits.number, err.what);
}

static void
tick(void *arg)
{
	bh_daemon_store_tick(arg);
	bh_daemon_shared_tick(arg);
}

static void
note(void *arg, enum bh_fleet_note what, const char *text)
{
	static const enum bh_event_type types[] = {BH_EVENT_FLEET_CUT_OFF, BH_EVENT_FLEET_BACK,
						   BH_EVENT_MEMBER_LOST, BH_EVENT_MEMBER_BACK};

	bh_daemon_note(arg, types[what], text);
}

int
bh_daemon_fleet_open(struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_fleet_params p = {.config = &d->config,
					  .secrets = d->secrets,
					  .store = d->store,
					  .arg = d,
					  .take = bh_daemon_take,
					  .confirmed = confirmed,
					  .tick = tick,
					  .item = bh_daemon_shared_item,
					  .items_end = bh_daemon_shared_end,
					  .note = note};

	if (d->config.n_fleet_endpoints == 0)
		return 0;
	if (bh_daemon_shared_open(d) != 0)
		return bh_err_set(err, ENOMEM, "out of memory");
	return bh_fleet_open(&d->fleet, &p, err);
}

int
bh_daemon_fleet_begin(struct bh_daemon *d, struct bh_err *err)
{
	return d->fleet != NULL ? bh_fleet_begin(d->fleet, err) : 0;
}

void
bh_daemon_fleet_close(struct bh_daemon *d)
{
	bh_fleet_close(d->fleet);
	d->fleet = NULL;
	bh_daemon_shared_close(d);
}

int
bh_daemon_confirm_revision(void *arg, const char *author, uint32_t *number, struct bh_err *err)
{
	struct bh_daemon *d = arg;
	struct bh_err why = {0};
	uint32_t here;
	int rc = bh_fleet_confirm(d->fleet, author, number, err);

	if (rc != 0)
		return rc;
	rc = bh_store_confirm(d->store, author, &here, &why);
	/* The fleet has confirmed it, and its thread may be first to say so here. */
	return rc == 0 || rc == -ENOENT ? 0 : bh_err_set(err, -rc, "%s", why.what);
}
