/* The table of contents of the data plane: what happens to a burst, in this order, and nothing else
 * decides order. A stage fills in the next fields of each packet; none but verdict frees, answers or
 * sends, but for known, which sends what none of the others would look at; none but that, fragment and steer takes
 * a packet out of the burst. */
#include "gateway_priv.h"

void
bh_pipeline_run(struct bh_worker *w, struct bh_burst *b)
{
	bh_stage_known(w, b); /* plain packets of flows whose verdict stands: counted, sent */
	if (likely(b->n == 0))
		return;
	if (unlikely(w->heard != NULL))
		bh_twin_hear(w, b); /* for the switches beside a twin */
	bh_stage_parse(w, b);       /* headers -> flow key, or the malformed reason */
	bh_stage_steer(w, b);       /* flows of another worker: over to its ring */
	bh_stage_fragment(w, b);    /* fragments wait until their datagram is whole */
	bh_stage_flow(w, b);        /* known flows: their verdict, if its stamp is current */
	bh_stage_threat(w, b);      /* floods, blocked sources, ICMP, ARP, what was malformed */
	bh_stage_policy(w, b);      /* the others: who, to whom, is it allowed */
	bh_stage_evidence(w, b);    /* a copy as it came, where evidence is kept */
	bh_stage_application(w, b); /* what is spoken, from the first bytes of both sides */
	bh_stage_verdict(w, b);     /* pass, drop, reject: the only place that does it */
	bh_stage_settle(w, b);      /* and, for the evidence, what was decided */
}
