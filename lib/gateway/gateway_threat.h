/* gateway_threat: what the stages tell threats, and what these do. Part of gateway_priv.h, which includes it. */
#ifndef BH_GATEWAY_THREAT_H
#define BH_GATEWAY_THREAT_H

#include "gateway_priv.h"

/* threat_report.c: threats. What was seen, in a packet or in a flow. */
struct bh_threat_case {
	const struct bh_packet *p; /* or NULL */
	const struct bh_flow *f;   /* or NULL: the packet's headers say who it is */
	enum bh_threat threat;
	const struct bh_threat_info
		*info;      /* what it is where it is no line of threat.def; else NULL */
	uint64_t threshold; /* then */
	unsigned source;    /* end of the key that does it */
	uint64_t count;     /* of what its threshold counts; 0: it is none of number */
	const char *detail; /* a few words, or NULL */
};
/* The mode that holds for it: of its flow, else of the segments at its ends. */
enum bh_mode bh_threat_mode(const struct bh_worker *w, const struct bh_threat_case *k);
/* Count it, and tell it unless that was done just now (watching.report) about this threat and source. Returns what is to
 * be done: ALERT unless it is on, its mode is protect and no exception holds. BLOCK: the source is blocked already, what
 * is left to do is to drop. */
enum bh_threat_action bh_threat_report(struct bh_worker *w, const struct bh_threat_case *k);
/* Do so to a packet. A connection that is held (app context): bh_app_refuse() instead, reason THREAT. */
void bh_threat_enforce(struct bh_packet *p, enum bh_threat_action action);
int bh_threat_create(struct bh_worker *w); /* -ENOMEM */
void bh_threat_destroy(struct bh_worker *w);

/* threat_flood.c, stage_threat.c */
/* A packet of no flow, before policy judges it: one more SYN of a flood that is dropped unanswered? Its fate is decided. */
bool bh_threat_sieved(struct bh_worker *w, struct bh_packet *p);
/* A flow is about to open, and this is what policy says. True: it does not, the packet's fate is decided. */
bool bh_threat_opens(struct bh_worker *w, struct bh_packet *p, unsigned initiator,
		     const struct bh_judgement *j);
void bh_threat_opened(struct bh_worker *w, struct bh_packet *p);
/* A flow is one more session of its ends, or one less: whenever its segments change, too. */
void bh_threat_sessions(struct bh_worker *w, const struct bh_flow *f, bool opens);
/* threat_scan.c: the same for threats.session_limit. */
void bh_threat_session(struct bh_worker *w, const struct bh_flow *f, bool opens);
/* threat_slow.c: a slice of the flow table, for clients that say nothing. */
void bh_threat_sweep(struct bh_worker *w, uint64_t slices);
/* A packet of end `from` may have moved its flow's state. */
void bh_threat_moved(struct bh_worker *w, struct bh_flow *f, unsigned from, uint8_t tcp_flags,
		     uint8_t before);
/* A SYN on an examined connection, before the stream judges it. True: the connection is refused and not examined any more. */
bool bh_threat_split(struct bh_worker *w, struct bh_packet *p);
void bh_threat_ended(struct bh_worker *w, const struct bh_flow *f, enum bh_flow_end why);

/* A packet of a connection that is still half open. True: its fate is decided. */
bool bh_threat_syn_again(struct bh_worker *w, struct bh_packet *p);

static inline bool
bh_threat_on(const struct bh_worker *w, enum bh_threat threat)
{
	return w->config->threat[threat].on;
}

#endif
