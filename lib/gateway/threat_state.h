/* What the files of threats share. */
#ifndef BH_GATEWAY_THREAT_STATE_H
#define BH_GATEWAY_THREAT_STATE_H

#include "gateway_priv.h"

/* What is counted of an id, where a table is shared: the id's salt. Those of reports are the threats, from 1 on. */
enum bh_threat_salt {
	BH_SALT_BLOCKED = 256,
	BH_SALT_SYN, /* by destination; count: SYNs in the window, extra: half-open connections */
	BH_SALT_VERIFIED, /* by source: answered a cookie at start_ms */
	BH_SALT_SESSIONS, /* by source; count: what is open */
	BH_SALT_ICMP,     /* by destination */
	BH_SALT_QUOTA,    /* and as many as there can be quotas */
	BH_SALT_SCAN = BH_SALT_QUOTA + BH_THREAT_QUOTAS, /* and the next one */
	BH_SALT_ADDRESS =
		BH_SALT_SCAN + 2, /* of ARP and ND: before and extra are its MAC address */
	BH_SALT_SILENT,           /* by server; count: its silent clients in this turn */
	BH_SALT_WINDOW,           /* and the next one; by flow and side */
	BH_SALT_BEACON = BH_SALT_WINDOW + 2,
	BH_SALT_LOGINS = BH_SALT_BEACON + 2,
	BH_SALT_TUNNEL,
	BH_SALT_ECHO = 1 << 20, /* and twice as many as there are identifiers; by who asks */
};

/* SYNs without options that are answered in a second by a worker. */
#define BH_THREAT_BARE_ANSWERS 20000

struct bh_threat_state {
	struct bh_hash_key secret;
	struct bh_threat_limit *limit;       /* what has been told */
	struct bh_threat_table *cells;       /* by salt and address */
	struct bh_threat_accounts *accounts; /* NULL: no quotas */
	struct bh_threat_scans *scans;       /* NULL: nobody looks for scans */
	bool blocks;                         /* a source has been blocked; stays */
	bool cookies;                        /* one was given less than two minutes ago */
	bool besieged;                       /* half-open connections fill half of the flow table */
	uint32_t cookie_ms;                  /* when the last one was given */
	uint32_t flooded_ms;                 /* when the last SYN of a flood was seen */
	uint32_t silent_at,
		silent_turn; /* the sweep for silent clients: entry, and how often it went round */
	bool small_windows;  /* there has been one; stays */
	uint32_t embryos;    /* half-open connections */
	struct bh_bucket bare; /* answers to SYNs without options */
	uint64_t answered_at;  /* packets received when ... */
	uint32_t answered;     /* ... so many SYNs of a burst had been answered */
};

static inline struct bh_threat_cell *
bh_threat_cell(struct bh_worker *w, const struct bh_flow_key *key, unsigned end, uint64_t salt)
{
	struct bh_threat_state *s = w->threat;

	return bh_threat_table_get(s->cells, bh_threat_id(&s->secret, key, end, salt), w->now_ms);
}

static inline struct bh_threat_cell *
bh_threat_known(struct bh_worker *w, const struct bh_flow_key *key, unsigned end, uint64_t salt)
{
	struct bh_threat_state *s = w->threat;

	return bh_threat_table_find(s->cells, bh_threat_id(&s->secret, key, end, salt));
}

/* threat_report.c */
/* Is an end of the key in a segment that this threat's exceptions list? */
bool bh_threat_excepted(const struct bh_worker *w, enum bh_threat threat,
			const struct bh_flow_key *key);
/* From now on, for blocking.time. */
void bh_threat_block(struct bh_worker *w, const struct bh_flow_key *key, unsigned source);
bool bh_threat_is_blocked(struct bh_worker *w, const struct bh_flow_key *key, unsigned source);

/* threat_packet.c: one that was dropped, and a SYN's payload and options. */
void bh_threat_malformed(struct bh_worker *w, const struct bh_packet *p);
void bh_threat_syn_options(struct bh_worker *w, struct bh_packet *p);

/* threat_quota.c. A flow that is about to open: false, it does not, its fate is decided. */
bool bh_threat_quota_opens(struct bh_worker *w, struct bh_packet *p, unsigned initiator,
			   const struct bh_judgement *j);
/* A packet of a known flow. */
void bh_threat_quota_packet(struct bh_worker *w, struct bh_packet *p);

/* threat_icmp.c: an ICMP packet that policy has not judged yet. */
void bh_threat_icmp(struct bh_worker *w, struct bh_packet *p);

/* threat_l2.c: an ARP or ND frame. threat_slow.c: a packet of a known flow; a flow to an external service that is about to
 * open. */
void bh_threat_address(struct bh_worker *w, struct bh_packet *p);
void bh_threat_window_of(struct bh_worker *w, struct bh_packet *p);
void bh_threat_beacon(struct bh_worker *w, struct bh_packet *p, unsigned initiator);

/* threat_scan.c: policy says no to a new flow; a TCP flow ends, or is refused, without an answer. */
void bh_threat_denied(struct bh_worker *w, const struct bh_packet *p, unsigned initiator);
void bh_threat_unanswered(struct bh_worker *w, const struct bh_flow *f);
/* Open flows by source. False: this one is too many, its fate is decided. */
bool bh_threat_session_opens(struct bh_worker *w, struct bh_packet *p, unsigned initiator);

/* threat_flood.c */
/* A SYN that would open a flow. True: it does not, its fate is decided. */
bool bh_threat_syn(struct bh_worker *w, struct bh_packet *p, unsigned initiator,
		   const struct bh_judgement *j);
/* A RST of no flow: does it answer a cookie? Then its source is real. */
void bh_threat_cookie_answer(struct bh_worker *w, struct bh_packet *p);

#endif
