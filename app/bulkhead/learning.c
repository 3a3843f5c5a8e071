/* Conversations: what workers tell goes to lib/learn, open flows are looked at, and what changed is saved. Control core. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon.h"

#define SAVE_NS (2 * BH_NS_PER_SEC)
#define RETRY_NS (30 * BH_NS_PER_SEC) /* after a failed save: one line of log each time */
#define FLOWS_A_TURN 256

/* Beside the store, unless it has a place of its own. */
static void
find_path(const struct bh_daemon *d, char *out, size_t size)
{
	const char *store = d->config.store_path, *slash = strrchr(store, '/');

	out[0] = '\0';
	if (d->config.learn_path[0] != '\0')
		snprintf(out, size, "%s", d->config.learn_path);
	else if (store[0] != '\0')
		snprintf(out, size, "%.*sconversations.db",
			 slash != NULL ? (int)(slash + 1 - store) : 0, store);
}

int
bh_daemon_learn_open(struct bh_daemon *d, struct bh_err *err)
{
	char path[512];
	const struct bh_learn_params params = {
		.path = path,
		.names = &d->names,
		.max = (uint32_t)d->config.learn_max,
		.addresses = (uint32_t)d->config.learn_addresses,
		.days = (uint32_t)d->config.learn_days,
		.operations = d->config.learn_operations,
		.labels = {&d->config.learn_services, &d->config.learn_namespaces,
			   &d->config.learn_ignore},
	};
	struct bh_learn_counts c;
	int rc;

	if (!d->config.learn)
		return 0;
	find_path(d, path, sizeof(path));
	rc = bh_learn_open(&d->learn, &params, err);
	if (rc != 0)
		return rc;
	if (bh_shadow_create(&d->shadow, &d->names) != 0)
		return bh_err_set(err, ENOMEM, "out of memory");
	bh_learn_counts(d->learn, &c);
	bh_log(BH_LOG_INFO, "conversations: %u known, %s%s", c.conversations,
	       path[0] != '\0' ? "in " : "in memory only", path);
	if (c.damaged != 0)
		bh_log(BH_LOG_ERROR,
		       "conversations: %llu rows of %s are not what they were sealed with; they "
		       "are left out",
		       (unsigned long long)c.damaged, path);
	return 0;
}

static void
save(struct bh_daemon *d, uint64_t now)
{
	struct bh_err err = {0};

	d->learn_save_ns = now + SAVE_NS;
	if (bh_learn_save(d->learn, &err) == 0)
		return;
	d->learn_save_ns = now + RETRY_NS;
	bh_log(BH_LOG_ERROR, "%s; what is learned waits in memory", err.what);
}

/* Some of the open flows; all of them take as many turns as they need. */
static void
look(struct bh_daemon *d, uint64_t now)
{
	struct bh_flow_copy f[FLOWS_A_TURN];
	struct bh_flow_query q = {.cursor = d->learn_cursor,
				  .max = FLOWS_A_TURN,
				  .segment = UINT32_MAX};
	int n, i;

	if (d->learn_cursor == 0) {
		if (now < d->learn_look_ns)
			return;
		d->learn_look_ns = now + d->config.learn_look_ms * BH_NS_PER_MS;
		bh_learn_look_begin(d->learn);
		bh_shadow_look_begin(d->shadow);
	}
	n = bh_gateway_flows(d->gateway, &q, f);
	for (i = 0; i < n; i++) {
		bh_learn_look_flow(d->learn, &f[i].flow);
		bh_shadow_look_flow(d->shadow, &f[i].flow);
	}
	d->learn_cursor = n < 0 ? 0 : q.cursor;
	if (d->learn_cursor == 0 && n >= 0) {
		bh_learn_look_end(d->learn);
		bh_shadow_look_end(d->shadow);
	}
}

void
bh_daemon_learn_turn(struct bh_daemon *d, uint64_t now)
{
	struct bh_counters c;
	uint64_t lost;
	char text[200];

	if (d->learn == NULL)
		return;
	look(d, now);
	if (now < d->learn_save_ns)
		return;
	save(d, now);
	bh_gateway_counters(d->gateway, UINT32_MAX, &c);
	lost = bh_learn_lost(d->learn, c.events_lost);
	if (lost == 0)
		return;
	/* Once an episode: the count is in the API. */
	if (now >= d->learn_lost_ns) {
		snprintf(text, sizeof(text),
			 "%llu events were lost (events.ring): conversations of short connections "
			 "may be missing, nothing is promoted until it has been quiet again",
			 (unsigned long long)lost);
		bh_log(BH_LOG_WARN, "%s", text);
		bh_daemon_record(d, BH_EVENT_LEARNING_LOST, NULL, text);
	}
	d->learn_lost_ns = now + 60 * BH_NS_PER_SEC;
}

void
bh_daemon_learn_close(struct bh_daemon *d)
{
	if (d->learn == NULL)
		return;
	save(d, 0);
	bh_learn_close(d->learn);
	d->learn = NULL;
	bh_shadow_destroy(d->shadow);
	d->shadow = NULL;
	free(d->learn_segment);
	d->learn_segment = NULL;
	d->n_learn_segments = 0;
}
