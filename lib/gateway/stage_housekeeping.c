/* housekeeping: once a millisecond, a slice of what is not about this burst. */
#include "gateway_priv.h"

/* Incomplete datagrams past their time. */
static void
age_fragments(struct bh_worker *w)
{
	/* Between bursts the trains are free. */
	struct bh_frag_out *out = &w->burst.train[0];
	unsigned i;

	while (bh_frag_age(w->frags, w->now_ms, out)) {
		for (i = 0; i < out->n; i++) {
			struct rte_mbuf *m = out->packet[i];

			bh_drop_frame(w, m, m->port, BH_REASON_FRAG_TIMEOUT);
		}
	}
}

/* Entries owed to the sweep are carried over, a bounded number is looked at in one turn: after a pause (a
 * suspended machine, a capture's gap) neither the packets nor the event ring see a burst of it. */
static void
age_flows(struct bh_worker *w, uint32_t elapsed_ms)
{
	uint64_t capacity = bh_flow_capacity(w->flows), turn;

	w->age_debt += (uint64_t)elapsed_ms * w->age_budget;
	if (w->age_debt > capacity)
		w->age_debt = capacity;
	turn = RTE_MIN(w->age_debt, (uint64_t)BH_AGE_PER_TURN);
	w->age_debt -= turn;
	bh_flow_age(w->flows, w->now_ms, (uint32_t)turn);
}

/* Walk the table once in active_ms and tell of each flow that is so old and was heard since the last walk. No flow keeps
 * when it was told of: whoever wants differences remembers the totals (sink_ipfix.c). */
static void
tell_active(struct bh_worker *w, uint32_t elapsed_ms)
{
	enum { TURN = 256 };
	uint64_t capacity = bh_flow_capacity(w->flows), turn;
	const struct bh_flow *f;
	uint32_t end;

	w->active_debt += elapsed_ms * capacity;
	if (w->active_debt > capacity * w->active_ms)
		w->active_debt = capacity * w->active_ms;
	turn = RTE_MIN(w->active_debt / w->active_ms, (uint64_t)TURN);
	w->active_debt -= turn * w->active_ms;
	end = (uint32_t)RTE_MIN(w->active_cursor + turn, capacity);
	while ((f = bh_flow_next(w->flows, &w->active_cursor, end)) != NULL) {
		if (w->wall_ns > f->start_ns &&
		    w->wall_ns - f->start_ns >= w->active_ms * BH_NS_PER_MS &&
		    (int32_t)(w->now_ms - f->last_ms) < (int32_t)w->active_ms)
			bh_record_flow_active(w, f);
	}
	w->active_cursor = end == capacity ? 0 : end;
}

void
bh_stage_housekeeping(struct bh_worker *w)
{
	uint32_t elapsed = w->now_ms - w->aged_ms;

	if (likely(elapsed == 0))
		return;
	w->aged_ms = w->now_ms;
	age_flows(w, elapsed);
	if (unlikely(w->active_ms != 0))
		tell_active(w, elapsed);
	if (bh_threat_on(w, BH_THREAT_NO_CLIENT_DATA))
		bh_threat_sweep(w, elapsed);
	age_fragments(w);
	bh_app_age(w);
	if (w->answers != NULL)
		bh_app_answers_age(w);
	bh_count(&w->c.flows, bh_flow_count(w->flows) - w->c.flows);
	bh_count(&w->c.held, bh_frag_held(w->frags) + w->n_waiting - w->c.held);
	bh_mail_work(w);
	if (unlikely(w->twin) && w->index == 0)
		bh_twin_inject(w);
}
