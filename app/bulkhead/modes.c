/* Modes of segments: set while traffic flows, kept in the store. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon.h"

static int
no_memory(struct bh_err *err)
{
	return bh_err_set(err, ENOMEM, "out of memory");
}

/* On disk first: what was answered survives. When it can't be put in force, the disk is told so. */
static int
store_and_set(struct bh_daemon *d, struct bh_mode_change *change, struct bh_store_mode *row,
	      size_t n, const struct bh_api_commit *who, struct bh_err *err)
{
	struct bh_err late = {0};
	int rc = bh_store_modes_set(d->store, row, n, who->author, who->why, err);
	size_t i;

	if (rc != 0)
		return rc;
	rc = bh_policy_modes_set(d->policy, change, n, true, false, err);
	if (rc == 0)
		return 0;
	for (i = 0; i < n; i++)
		row[i] = (struct bh_store_mode){.segment = change[i].segment,
						.mode = change[i].before,
						.before = row[i].before};
	if (bh_store_modes_set(d->store, row, n, "gateway", err->what, &late) != 0)
		bh_log(BH_LOG_ERROR, "modes that are not in force stay in the store: %s",
		       late.what);
	return rc;
}

static int
set_locked(struct bh_daemon *d, struct bh_mode_change *change, size_t n,
	   const struct bh_api_commit *who, struct bh_err *err)
{
	struct bh_store_mode *row = calloc(n + 1, sizeof(*row));
	enum bh_mode_origin origin;
	enum bh_mode before;
	char text[480];
	int rc;
	size_t i;

	if (row == NULL)
		return no_memory(err);
	rc = bh_policy_modes_set(d->policy, change, n, true, true, err);
	for (i = 0; rc == 0 && i < n; i++) {
		bh_policy_segment_mode(d->policy, change[i].segment, &before, &origin);
		row[i] = (struct bh_store_mode){.segment = change[i].segment,
						.mode = change[i].mode,
						.before = (uint8_t)before};
	}
	if (rc == 0)
		rc = d->store != NULL ? store_and_set(d, change, row, n, who, err)
				      : bh_policy_modes_set(d->policy, change, n, true, false, err);
	for (i = 0; rc == 0 && i < n; i++) {
		snprintf(text, sizeof(text), "segment %s: from %s to %s, by %s", change[i].segment,
			 bh_mode_name(row[i].before),
			 change[i].mode == BH_MODE_UNSET ? "the policy's mode"
							 : bh_mode_name(change[i].mode),
			 who->author);
		bh_log(BH_LOG_INFO, "%s", text);
		bh_daemon_note(d, BH_EVENT_MODE_CHANGED, text);
	}
	free(row);
	return rc;
}

int
bh_daemon_modes_set(void *arg, struct bh_mode_change *change, size_t n,
		    const struct bh_api_commit *who, struct bh_err *err)
{
	struct bh_daemon *d = arg;
	struct bh_sweep sessions = {0};
	char text[120];
	int rc;

	pthread_mutex_lock(&d->put_lock);
	if (who->sweep != NULL)
		bh_daemon_sweep_before(d, &sessions);
	rc = set_locked(d, change, n, who, err);
	if (rc == 0 && who->sweep != NULL) {
		bh_daemon_sweep_after(d, &sessions, who->sweep);
		bh_daemon_sweep_text(who->sweep, text, sizeof(text));
		bh_log(BH_LOG_INFO, "modes of %zu segments set%s", n, text);
	}
	bh_daemon_sweep_free(&sessions);
	pthread_mutex_unlock(&d->put_lock);
	return rc;
}

/* ---- start ------------------------------------------------------------------------------------------- */

struct kept {
	struct bh_mode_change *change;
	size_t n, room;
	bool failed;
};

static bool
keep(void *arg, const struct bh_store_mode *m)
{
	struct kept *k = arg;
	void *grown;

	if (k->n == k->room) {
		k->room = k->room != 0 ? 2 * k->room : 64;
		grown = realloc(k->change, k->room * sizeof(*k->change));
		if (grown == NULL) {
			k->failed = true;
			return false;
		}
		k->change = grown;
	}
	k->change[k->n] = (struct bh_mode_change){.segment = strdup(m->segment), .mode = m->mode};
	k->failed = k->change[k->n].segment == NULL;
	k->n += !k->failed;
	return !k->failed;
}

int
bh_daemon_modes_load(struct bh_daemon *d, struct bh_err *err)
{
	struct kept k = {0};
	int rc = bh_store_modes_each(d->store, keep, &k, err);
	size_t i;

	if (rc == 0 && k.failed)
		rc = no_memory(err);
	if (rc == 0)
		rc = bh_policy_modes_set(d->policy, k.change, k.n, false, false, err);
	for (i = 0; i < k.n; i++)
		free((char *)k.change[i].segment);
	free(k.change);
	return rc;
}
