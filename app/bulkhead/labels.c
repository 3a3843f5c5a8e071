/* labels: who an address is, from clusters and watched files (lib/kube). */
#include <stdio.h>

#include "daemon.h"

static void
note(void *arg, bool back, const char *text)
{
	bh_daemon_note(arg, back ? BH_EVENT_SOURCE_BACK : BH_EVENT_SOURCE_LOST, text);
}

int
bh_daemon_labels_open(struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_kube_params p = {.config = &d->config,
					 .policy = d->policy,
					 .secrets = d->secrets,
					 .note = note,
					 .wish = bh_daemon_clusters_wish,
					 .arg = d};

	return d->config.n_sources != 0 ? bh_kube_open(&d->kube, &p, err) : 0;
}

int
bh_daemon_labels_begin(struct bh_daemon *d, struct bh_err *err)
{
	return d->kube != NULL ? bh_kube_begin(d->kube, err) : 0;
}

void
bh_daemon_labels_close(struct bh_daemon *d)
{
	bh_kube_close(d->kube);
	d->kube = NULL;
}

bool
bh_daemon_source(void *arg, unsigned index, struct bh_api_source *out)
{
	struct bh_kube_status s;

	if (!bh_kube_status(((struct bh_daemon *)arg)->kube, index, &s))
		return false;
	*out = (struct bh_api_source){.name = s.name,
				      .type = s.type,
				      .connected = s.connected,
				      .synced = s.synced,
				      .stale = s.stale,
				      .age_ns = s.age_ns,
				      .objects = s.objects,
				      .endpoints = s.endpoints,
				      .left_out = s.left_out,
				      .refused = s.refused,
				      .changes = s.changes,
				      .lists = s.lists,
				      .policies = s.wishes,
				      .policies_refused = s.wishes_refused,
				      .failures = s.failures};
	snprintf(out->trouble, sizeof(out->trouble), "%s", s.trouble);
	return true;
}
