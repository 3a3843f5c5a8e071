/* Scans: what a source tries and does not get. Only failures count: denied, refused with RST, or never answered. */
#include "threat_state.h"

static uint64_t
pair_id(const struct bh_worker *w, const struct bh_flow_key *key, unsigned source)
{
	const struct bh_hash_key *secret = &w->threat->secret;

	return bh_mum(bh_threat_id(secret, key, source, BH_SALT_SCAN),
		      bh_threat_id(secret, key, 1 - source, BH_SALT_SCAN)) |
	       1;
}

/* One more that it tried in vain; both kinds of scan at once. */
static void
count_failure(struct bh_worker *w, const struct bh_packet *p, const struct bh_flow *f,
	      unsigned source)
{
	const struct bh_threat_rule *ports = &w->config->threat[BH_THREAT_PORT_SCAN],
				    *addresses = &w->config->threat[BH_THREAT_ADDRESS_SCAN];
	const struct bh_flow_key *key = f != NULL ? &f->key : &p->h.key;
	const struct bh_hash_key *secret = &w->threat->secret;
	struct bh_threat_case k = {.p = p, .f = f, .source = source};
	uint64_t source_id = bh_threat_id(secret, key, source, BH_SALT_SCAN + 1);

	if (ports->on && (key->proto == 6 || key->proto == 17)) {
		k.threat = BH_THREAT_PORT_SCAN;
		k.count = bh_threat_scan_try(w->threat->scans, pair_id(w, key, source),
					     (uint64_t)key->proto << 16 | key->port[1 - source],
					     w->now_ms, ports->window_ms);
		if (k.count >= ports->threshold)
			bh_threat_report(w, &k);
	}
	if (addresses->on) {
		k.threat = BH_THREAT_ADDRESS_SCAN;
		k.count = bh_threat_scan_try(w->threat->scans, source_id,
					     bh_threat_id(secret, key, 1 - source, 0), w->now_ms,
					     addresses->window_ms);
		if (k.count >= addresses->threshold)
			bh_threat_report(w, &k);
	}
}

void
bh_threat_denied(struct bh_worker *w, const struct bh_packet *p, unsigned initiator)
{
	if (w->threat->scans != NULL)
		count_failure(w, p, NULL, initiator);
}

void
bh_threat_unanswered(struct bh_worker *w, const struct bh_flow *f)
{
	if (w->threat->scans != NULL && f->key.proto == 6)
		count_failure(w, NULL, f, f->flags & BH_FLAG_INITIATOR);
}

/* ---- sessions of a source ------------------------------------------------------------------------------ */

bool
bh_threat_session_opens(struct bh_worker *w, struct bh_packet *p, unsigned initiator)
{
	const struct bh_threat_cell *c = bh_threat_known(w, &p->h.key, initiator, BH_SALT_SESSIONS);
	const uint32_t threshold = w->config->threat[BH_THREAT_SESSION_LIMIT].threshold;

	if (c != NULL && c->count >= threshold) {
		const struct bh_threat_case k = {.p = p,
						 .threat = BH_THREAT_SESSION_LIMIT,
						 .source = initiator,
						 .count = c->count + 1};

		bh_threat_enforce(p, bh_threat_report(w, &k));
	}
	return p->fate == BH_FATE_OPEN;
}

void
bh_threat_session(struct bh_worker *w, const struct bh_flow *f, bool opens)
{
	unsigned initiator = f->flags & BH_FLAG_INITIATOR;
	struct bh_threat_cell *c;

	if (opens) {
		bh_threat_cell(w, &f->key, initiator, BH_SALT_SESSIONS)->count++;
		return;
	}
	c = bh_threat_known(w, &f->key, initiator, BH_SALT_SESSIONS);
	if (c != NULL && c->count != 0)
		c->count--;
}
