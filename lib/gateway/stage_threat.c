/* threat: what packets show of an attack before policy judges them. Only bursts with a packet that opens a flow, is no TCP
 * or UDP, or is malformed, cost more than one look. The files:
 *   threat_report.c  what is told and done
 *   threat_flood.c   half-open connections, cookies
 *   threat_quota.c   what sources, destinations and pairs of segments may take
 *   threat_scan.c    what is tried in vain, and how much is open
 *   threat_icmp.c    ICMP
 *   threat_l2.c      ARP and neighbour discovery
 *   threat_slow.c    clients that say nothing or take nothing, beacons
 *   threat_packet.c  single packets: malformed ones, options of SYNs */
#include "threat_state.h"

bool
bh_threat_opens(struct bh_worker *w, struct bh_packet *p, unsigned initiator,
		const struct bh_judgement *j)
{
	struct bh_threat_state *s = w->threat;

	if (unlikely(s->blocks) && j->mode == BH_MODE_PROTECT &&
	    bh_threat_is_blocked(w, &p->h.key, initiator)) {
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_THREAT_BLOCKED);
		return true;
	}
	if (p->h.key.proto == 6 && bh_tcp_opens(p->h.tcp_flags)) {
		bh_threat_syn_options(w, p);
		if (p->fate != BH_FATE_OPEN ||
		    (bh_threat_on(w, BH_THREAT_SYN_FLOOD) && bh_threat_syn(w, p, initiator, j)))
			return true;
	}
	/* Who is in quarantine and tries again is no scanner for that. */
	if ((j->verdict == BH_VERDICT_DENY || j->verdict == BH_VERDICT_REJECT ||
	     j->verdict == BH_VERDICT_VIOLATE) &&
	    j->restriction == 0)
		bh_threat_denied(w, p, initiator);
	else if (p->h.key.proto == 6 && bh_threat_on(w, BH_THREAT_BEACON) &&
		 j->segment[1 - initiator] == BH_SEGMENT_EXTERNAL)
		bh_threat_beacon(w, p, initiator);
	if (p->fate != BH_FATE_OPEN)
		return true;
	if (bh_threat_on(w, BH_THREAT_SESSION_LIMIT) && !bh_threat_session_opens(w, p, initiator))
		return true;
	return w->config->n_quotas != 0 && j->verdict != BH_VERDICT_DENY &&
	       j->verdict != BH_VERDICT_REJECT && !bh_threat_quota_opens(w, p, initiator, j);
}

/* Packets of known flows: their quotas, and receive windows. Those that open one were asked when they did. */
static void
look_at_each(struct bh_worker *w, struct bh_burst *b)
{
	unsigned i;

	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];

		if (p->flow == NULL || p->fate != BH_FATE_OPEN ||
		    p->flow->state == BH_STATE_REFUSED)
			continue;
		if (w->config->n_quotas != 0)
			bh_threat_quota_packet(w, p);
		if (bh_threat_on(w, BH_THREAT_SMALL_WINDOW))
			bh_threat_window_of(w, p);
	}
}

void
bh_stage_threat(struct bh_worker *w, struct bh_burst *b)
{
	const struct bh_threat_state *s = w->threat;
	unsigned i;

	if (unlikely(w->watch.packet))
		look_at_each(w, b);
	if (likely(b->n_odd == 0 && (!s->cookies || b->n_judge == 0)))
		return;
	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];

		if (p->fate == BH_FATE_DROP)
			bh_threat_malformed(w, p);
		else if (p->h.kind == BH_FRAME_IP && p->fate == BH_FATE_OPEN &&
			 (p->h.key.proto == 1 || p->h.key.proto == 58))
			bh_threat_icmp(w, p);
		else if ((p->h.kind == BH_FRAME_ARP || p->h.kind == BH_FRAME_ND) &&
			 bh_threat_on(w, BH_THREAT_ADDRESS_SPOOF))
			bh_threat_address(w, p);
		else if (s->cookies && p->judge == BH_JUDGE_NEW && p->h.key.proto == 6 &&
			 (p->h.tcp_flags & (BH_TCP_RST | BH_TCP_ACK)) == BH_TCP_RST)
			bh_threat_cookie_answer(w, p);
	}
}
