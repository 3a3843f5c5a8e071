/* housekeeping: what is not about this burst. What has many entries to look at does so sixteen times a millisecond, a few at
 * a time: one that does a millisecond's at once is a packet's latency. */
#include "carry_priv.h"

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

/* A standby hears of packets later than they came. */
static uint32_t
late_ms(const struct bh_worker *w)
{
	return unlikely(w->fenced) && w->adopt != NULL ? w->adopt->grace_ms : 0;
}

/* Entries owed to the sweep are carried over. A turn looks at those of its own time and a few of the others, and at a
 * bounded number at all: after a pause (a suspended machine, a capture's gap) neither the packets nor the event ring see a
 * burst of it. */
static void
age_flows(struct bh_worker *w, uint64_t slices)
{
	enum { OWED = 32 };
	uint64_t capacity = bh_flow_capacity(w->flows), own = slices * w->age_budget, turn;

	w->age_debt += own;
	if (w->age_debt > capacity)
		w->age_debt = capacity;
	turn = RTE_MIN(w->age_debt, own + OWED);
	turn = RTE_MIN(turn, (uint64_t)BH_AGE_PER_TURN);
	w->age_debt -= turn;
	bh_flow_age(w->flows, w->now_ms - late_ms(w), (uint32_t)turn);
}

/* Walk the table once in active_ms and tell of each flow that is so old and was heard since the last walk. No flow keeps
 * when it was told of: whoever wants differences remembers the totals (sink_ipfix.c). */
static void
tell_active(struct bh_worker *w, uint64_t slices)
{
	enum { TURN = 256 };
	uint64_t capacity = bh_flow_capacity(w->flows), turn;
	uint64_t walk = (uint64_t)w->active_ms * BH_SLICES; /* slices that it takes */
	const struct bh_flow *f;
	uint32_t end;

	w->active_debt += RTE_MIN(slices, walk) * capacity;
	if (w->active_debt > capacity * walk)
		w->active_debt = capacity * walk;
	turn = RTE_MIN(w->active_debt / walk, (uint64_t)TURN);
	w->active_debt -= turn * walk;
	end = (uint32_t)RTE_MIN(w->active_cursor + turn, capacity);
	while ((f = bh_flow_next(w->flows, &w->active_cursor, end)) != NULL) {
		if (w->wall_ns > f->start_ns &&
		    w->wall_ns - f->start_ns >= w->active_ms * BH_NS_PER_MS &&
		    (int32_t)(w->now_ms - f->last_ms) < (int32_t)w->active_ms)
			bh_record_flow_active(w, f);
	}
	w->active_cursor = end == capacity ? 0 : end;
}

/* What looks at little. */
static void
once_a_millisecond(struct bh_worker *w)
{
	age_fragments(w);
	if (w->answers != NULL)
		bh_app_answers_age(w);
	bh_count(&w->c.flows, bh_flow_count(w->flows) - w->c.flows);
	bh_count(&w->c.held, bh_frag_held(w->frags) + w->n_waiting - w->c.held);
	if (unlikely(w->twin) && w->index == 0)
		bh_twin_inject(w);
}

void
bh_stage_housekeeping(struct bh_worker *w)
{
	uint64_t slices = w->slice - w->kept_slice;

	if (likely(slices == 0))
		return;
	w->kept_slice = w->slice;
	age_flows(w, slices);
	/* Of flows that go on elsewhere it is told there. */
	if (unlikely(w->active_ms != 0) && !w->fenced)
		tell_active(w, slices);
	if (bh_threat_on(w, BH_THREAT_NO_CLIENT_DATA) && !w->fenced)
		bh_threat_sweep(w, slices);
	bh_app_age(w, slices);
	bh_mail_work(w, slices);
	if (w->now_ms == w->kept_ms)
		return;
	w->kept_ms = w->now_ms;
	once_a_millisecond(w);
}
