/* Threats: what is told of them, and what is done. */
#include <errno.h>
#include <stdlib.h>

#include "threat_state.h"

#define TOLD 4096 /* pairs of threat and source that are not told again for a while */

static void
fill_watch(struct bh_worker *w)
{
	static const enum bh_threat of_flows[] = {
		BH_THREAT_SYN_FLOOD,       BH_THREAT_SESSION_LIMIT, BH_THREAT_SYN_DATA,
		BH_THREAT_SPLIT_HANDSHAKE, BH_THREAT_SMALL_MSS,     BH_THREAT_PORT_SCAN,
		BH_THREAT_ADDRESS_SCAN,    BH_THREAT_BEACON,
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(of_flows); i++)
		w->watch.opened |= bh_threat_on(w, of_flows[i]);
	for (i = 0; i < w->config->n_quotas; i++) {
		const uint64_t *limit = w->config->quota[i].limit;

		w->watch.opened = true;
		w->watch.packet |= (limit[BH_QUOTA_PACKETS] | limit[BH_QUOTA_BYTES]) != 0;
	}
	w->watch.packet |= bh_threat_on(w, BH_THREAT_SMALL_WINDOW);
	/* Whatever has the action block blocks what opens. */
	for (i = 0; i < BH_THREAT_COUNT; i++)
		w->watch.opened |= bh_threat_on(w, (enum bh_threat)i) &&
				   w->config->threat[i].action == BH_THREAT_BLOCK;
}

int
bh_threat_create(struct bh_worker *w)
{
	struct bh_threat_state *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -ENOMEM;
	w->threat = s;
	s->bare.rate = BH_THREAT_BARE_ANSWERS;
	rc = bh_hash_key_random(&s->secret);
	if (rc == 0)
		rc = bh_threat_limit_create(&s->limit, TOLD);
	if (rc == 0)
		rc = w->config->n_quotas == 0
			     ? 0
			     : bh_threat_accounts_create(&s->accounts,
							 (uint32_t)w->config->threat_sources);
	if (rc == 0 &&
	    (bh_threat_on(w, BH_THREAT_PORT_SCAN) || bh_threat_on(w, BH_THREAT_ADDRESS_SCAN)))
		rc = bh_threat_scans_create(&s->scans, (uint32_t)w->config->threat_sources);
	if (rc == 0)
		rc = bh_threat_table_create(&s->cells, (uint32_t)w->config->threat_sources);
	fill_watch(w);
	return rc;
}

void
bh_threat_destroy(struct bh_worker *w)
{
	struct bh_threat_state *s = w->threat;

	if (s == NULL)
		return;
	bh_threat_scans_destroy(s->scans);
	bh_threat_accounts_destroy(s->accounts);
	bh_threat_table_destroy(s->cells);
	bh_threat_limit_destroy(s->limit);
	free(s);
	w->threat = NULL;
}

static const struct bh_flow_key *
key_of(const struct bh_threat_case *k)
{
	return k->f != NULL ? &k->f->key : &k->p->h.key;
}

bool
bh_threat_excepted(const struct bh_worker *w, enum bh_threat threat, const struct bh_flow_key *key)
{
	uint32_t left = w->config->threat[threat].except;

	for (; left != 0 && w->view != NULL && key->family != 0; left &= left - 1) {
		uint32_t segment = w->g->threat_segment[__builtin_ctz(left)];

		if (bh_policy_end_in(w->view, key, 0, segment) ||
		    bh_policy_end_in(w->view, key, 1, segment))
			return true;
	}
	return false;
}

enum bh_mode
bh_threat_mode(const struct bh_worker *w, const struct bh_threat_case *k)
{
	const struct bh_flow *f = k->f != NULL ? k->f : k->p->flow;
	struct bh_flow_key key;

	if (f != NULL)
		return (enum bh_mode)f->mode;
	if (w->view == NULL)
		return BH_MODE_PROTECT;
	key = k->p->h.key;
	/* So malformed that nobody knows whose it is. */
	if (key.family == 0)
		return (enum bh_mode)w->view->mode;
	/* ARP and ND speak of one address. */
	if (k->p->h.kind != BH_FRAME_IP)
		key.addr[1] = key.addr[0];
	return bh_policy_pair_mode(w->view, &key, k->p->h.from);
}

void
bh_threat_block(struct bh_worker *w, const struct bh_flow_key *key, unsigned source)
{
	struct bh_threat_cell *c = bh_threat_cell(w, key, source, BH_SALT_BLOCKED);

	c->start_ms = w->now_ms;
	c->over = true;
	w->threat->blocks = true;
}

bool
bh_threat_is_blocked(struct bh_worker *w, const struct bh_flow_key *key, unsigned source)
{
	struct bh_threat_cell *c = bh_threat_known(w, key, source, BH_SALT_BLOCKED);

	if (c == NULL || !c->over)
		return false;
	c->over = w->now_ms - c->start_ms < w->config->block_ms;
	return c->over;
}

enum bh_threat_action
bh_threat_report(struct bh_worker *w, const struct bh_threat_case *k)
{
	const struct bh_threat_rule *rule = &w->config->threat[k->threat];
	enum bh_threat_action action = (enum bh_threat_action)rule->action;
	struct bh_threat_state *s = w->threat;
	uint32_t missed;
	uint64_t id;

	if (!rule->on || bh_threat_excepted(w, k->threat, key_of(k)))
		return BH_THREAT_ALERT;
	if (bh_threat_mode(w, k) != BH_MODE_PROTECT)
		action = BH_THREAT_ALERT;
	bh_count(&w->c.threats[k->threat], 1);
	id = bh_threat_id(&s->secret, key_of(k), k->source, k->threat + 1);
	if (bh_threat_limit_tell(s->limit, id, w->now_ms, (uint32_t)w->config->threat_report_ms,
				 &missed))
		bh_record_threat(w, k, action != BH_THREAT_ALERT, missed);
	if (action == BH_THREAT_BLOCK)
		bh_threat_block(w, key_of(k), k->source);
	return action;
}

void
bh_threat_enforce(struct bh_packet *p, enum bh_threat_action action)
{
	if (action == BH_THREAT_DROP || action == BH_THREAT_BLOCK)
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_THREAT);
	else if (action == BH_THREAT_RESET)
		bh_packet_decide(p, BH_FATE_REJECT, BH_REASON_THREAT);
}
