/* What the files of threats share. */
#ifndef BH_GATEWAY_THREAT_STATE_H
#define BH_GATEWAY_THREAT_STATE_H

#include "gateway_priv.h"

/* What is counted of an id, where tables are shared: the id's salt. Those of reports are the threats, from 1 on. */
enum bh_threat_salt {
	BH_SALT_BLOCKED = 256,
};

struct bh_threat_state {
	struct bh_hash_key secret;
	struct bh_threat_limit *limit;   /* what has been told */
	struct bh_threat_table *sources; /* counts, blocked sources */
	bool blocks;                     /* a source has been blocked; stays */
};

/* threat_report.c: from now on, for blocking.time. */
void bh_threat_block(struct bh_worker *w, const struct bh_flow_key *key, unsigned source);
bool bh_threat_is_blocked(struct bh_worker *w, const struct bh_flow_key *key, unsigned source);

#endif
