/* Evidence: the service over the workers' rings, and what records say of it. */
#include <stdio.h>

#include "daemon.h"

static void
name_labels(void *arg, struct bh_json *j, const char *key, const struct bh_event *e, unsigned end)
{
	struct bh_daemon *d = arg;

	bh_gateway_put_labels(d->policy, j, key, &e->key, end);
}

static const char *
name_evidence(void *arg, const struct bh_event *e)
{
	struct bh_daemon *d = arg;

	return d->evidence != NULL ? bh_evidence_name(d->evidence, e, d->evidence_name) : NULL;
}

void
bh_daemon_evidence_names(struct bh_daemon *d)
{
	d->names.labels = name_labels;
	d->names.evidence = name_evidence;
}

int
bh_daemon_evidence_start(struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_config *c = &d->config;
	struct bh_evidence_ring *ring[BH_MAX_WORKERS];
	struct bh_evidence_params p = {
		.path = c->evidence_path,
		.ring = ring,
		.n_rings = d->n_workers,
		.n_wires = d->n_ports,
		.before = (unsigned)c->evidence_before,
		.after = (unsigned)c->evidence_after,
		.after_ms = c->evidence_ms,
		.captures = c->evidence_alerts != 0,
		.whole_pair = c->evidence_scope != 0,
		.mask = (enum bh_evidence_mask)c->evidence_mask,
		.max_size = c->evidence_max_size,
		.max_age_ms = c->evidence_max_age_ms,
		.rate = c->evidence_rate,
		.names = &d->names,
	};
	unsigned i;

	if (c->evidence_path[0] == '\0')
		return 0;
	for (i = 0; i < d->n_workers; i++)
		ring[i] = bh_gateway_evidence(d->gateway, i);
	for (i = 0; i < d->n_ports; i++)
		p.wire[i] = (struct bh_evidence_wire){.name = c->port[i].name,
						      .linktype = 1, /* LINKTYPE_ETHERNET */
						      .link = BH_LINK_ETHERNET};
	bh_gateway_parse_params(c, &p.parse);
	return bh_evidence_open(&d->evidence, &p, err);
}

void
bh_daemon_evidence_take(struct bh_daemon *d, const struct bh_event *e, unsigned n)
{
	const struct bh_event *end = e + n;

	for (; d->evidence != NULL && e < end; e = bh_event_after(e))
		bh_evidence_offer(d->evidence, e);
}

void
bh_daemon_evidence_watch(struct bh_daemon *d)
{
	char text[512], path[256];
	int what;

	if (d->evidence == NULL)
		return;
	what = bh_evidence_trouble(d->evidence, path, sizeof(path));
	if (what == 0)
		return;
	if (what < 0) {
		bh_log(BH_LOG_INFO, "evidence is written to %s again", path);
		bh_daemon_record(d, BH_EVENT_EVIDENCE_BACK, NULL, path);
		return;
	}
	snprintf(text, sizeof(text),
		 "%s; make room, or check evidence.path and who may write there", path);
	bh_log(BH_LOG_ERROR, "evidence cannot be written: %s; packets are forwarded as before",
	       text);
	bh_daemon_record(d, BH_EVENT_EVIDENCE_LOST, NULL, text);
}
