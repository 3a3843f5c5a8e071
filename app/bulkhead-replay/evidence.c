/* evidence: files with the packets around alerts, in capture time. */
#include <errno.h>

#include "replay.h"

static const struct bh_evidence_wire links[REPLAY_LINKS] = {
	[BH_LINK_ETHERNET] = {NULL, 1, BH_LINK_ETHERNET},
	[BH_LINK_RAW_IP] = {NULL, 101, BH_LINK_RAW_IP},
	[BH_LINK_SLL] = {NULL, 113, BH_LINK_SLL},
	[BH_LINK_SLL2] = {NULL, 276, BH_LINK_SLL2},
	[BH_LINK_NULL] = {NULL, 0, BH_LINK_NULL},
};

static uint64_t
wall_ns(void *arg)
{
	return ((struct replay *)arg)->clock.wall_ns;
}

static uint64_t
mono_ns(void *arg)
{
	return ((struct replay *)arg)->clock.mono_ns;
}

static const char *
name_evidence(void *arg, const struct bh_event *e)
{
	struct replay *r = arg;

	return bh_evidence_name(r->evidence, e, r->evidence_name);
}

int
replay_evidence_start(struct replay *r, struct bh_err *err)
{
	const struct bh_config *c = &r->config;
	struct bh_evidence_ring *ring;
	struct bh_evidence_params p = {
		.path = r->o.evidence,
		.ring = &ring,
		.n_rings = 1,
		.n_wires = REPLAY_WIRES,
		.before = (unsigned)c->evidence_before,
		.after = (unsigned)c->evidence_after,
		.after_ms = c->evidence_ms,
		.captures = c->evidence_alerts != 0,
		.whole_pair = c->evidence_scope != 0,
		.mask = (enum bh_evidence_mask)c->evidence_mask,
		.max_size = c->evidence_max_size,
		.max_age_ms = UINT64_MAX / BH_NS_PER_SEC, /* captures are old */
		.rate = c->evidence_rate,
		.names = &r->names,
		.clock = &r->evidence_clock,
		.by_hand = true,
	};
	unsigned i;
	int rc;

	if (r->o.evidence == NULL)
		return 0;
	ring = bh_gateway_evidence(r->gateway, 0);
	for (i = 0; i < REPLAY_WIRES; i++) {
		p.wire[i] = links[i / 2];
		p.wire[i].name = (i & 1) != 0 ? "inside" : "outside";
	}
	bh_gateway_parse_params(c, &p.parse);
	r->evidence_clock = (struct bh_clock){wall_ns, mono_ns, r};
	rc = bh_evidence_open(&r->evidence, &p, err);
	if (rc == 0)
		r->names.evidence = name_evidence;
	return rc;
}

void
replay_evidence_take(struct replay *r, const struct bh_event *e, unsigned n)
{
	const struct bh_event *end = e + n;

	for (; r->evidence != NULL && e < end; e = bh_event_after(e))
		bh_evidence_offer(r->evidence, e);
}

int
replay_evidence_finish(struct replay *r, struct bh_err *err)
{
	struct bh_evidence_stats stats;
	char text[256] = "";

	if (r->evidence == NULL)
		return 0;
	bh_evidence_flush(r->evidence);
	bh_evidence_stats(r->evidence, &stats);
	bh_evidence_trouble(r->evidence, text, sizeof(text));
	r->names.evidence = NULL;
	bh_evidence_close(r->evidence);
	r->evidence = NULL;
	if (stats.failed != 0)
		return bh_err_set(err, EIO, "%llu files of evidence could not be written: %s",
				  (unsigned long long)stats.failed, text);
	return 0;
}
