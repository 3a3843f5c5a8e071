/* DNS answers that wait until what they say of a segment's names holds for every packet: a client that connects the moment it
 * has its answer is judged by the segment that the address is in.
 *
 * What is told over the event ring is numbered by the worker (told) and by the control core as it takes it from the ring
 * (taken). When that is in force and every worker has ended the turn it was in (bh_policy_names_learn), control stores how
 * far it has come (in_force, release); the worker compares once a millisecond. Both numbers only grow, time-outs have one
 * length: the first in line is always the first that may go. */
#include <errno.h>
#include <stdlib.h>

#include "../policy/host.h"
#include "app_threat.h"

/* A power of two. 512 answers of a worker in names.hold: one that waits for a control core's turn of 5 ms makes it 100,000
 * a second, all about addresses that are new. */
#define ANSWERS 512

struct answer {
	void *handle;
	uint64_t hash;
	struct bh_flow_key key;
	uint32_t number; /* of what was told */
	uint32_t at_ms;
	uint8_t wire;
};

struct bh_app_answers {
	uint32_t first, next; /* wrap */
	uint32_t told;
	uint32_t epoch; /* of the view a millisecond ago */
	struct answer answer[ANSWERS];
};

int
bh_app_answers_create(struct bh_worker *w)
{
	w->answers = calloc(1, sizeof(*w->answers));
	return w->answers != NULL ? 0 : -ENOMEM;
}

void
bh_app_answers_destroy(struct bh_worker *w)
{
	free(w->answers);
	w->answers = NULL;
}

/* Is an address among them that its name does not have yet? A view that has just come is not every worker's yet. */
static bool
is_news(const struct bh_worker *w, const struct bh_dns_message *m)
{
	unsigned i;

	if (w->view->epoch != w->answers->epoch)
		return true;

	for (i = 0; i < m->n; i++) {
		if (!bh_policy_name_has(w->view, m->name, m->name_len, m->address[i].addr,
					m->type == 1 ? BH_IP4 : BH_IP6))
			return true;
	}
	return false;
}

/* It can't wait, or has waited for long enough. True: it goes on. */
static bool
goes_on_late(struct bh_worker *w)
{
	bh_count(&w->c.exceptions[BH_EXCEPTION_NAMES_LATE], 1);
	return w->config->exception[BH_EXCEPTION_NAMES_LATE] == BH_ACTION_PASS;
}

void
bh_app_answers_hold(struct bh_worker *w, struct bh_packet *p, const struct bh_dns_message *m)
{
	struct bh_app_answers *s = w->answers;
	struct answer *a;

	if (s == NULL)
		return;
	s->told++;
	if (!is_news(w, m))
		return;
	a = &s->answer[s->next % ANSWERS];
	if (s->next - s->first == ANSWERS || (a->handle = bh_hold_packet(w, p)) == NULL) {
		if (!goes_on_late(w))
			bh_packet_decide(p, BH_FATE_DROP, BH_REASON_NAMES_LATE);
		return;
	}
	a->hash = p->hash;
	a->key = p->h.key;
	a->number = s->told;
	a->at_ms = w->now_ms;
	a->wire = p->wire;
	s->next++;
	w->n_waiting += bh_hold_frames(a->handle);
	bh_count(&w->c.names_held, 1);
	/* One that has a fate has been counted by its flow. */
	if (p->fate == BH_FATE_OPEN)
		bh_touch_flow(w, p->flow, &p->h);
	p->fate = BH_FATE_GONE;
}

static bool
is_blocked(unsigned verdict)
{
	return verdict == BH_VERDICT_DENY || verdict == BH_VERDICT_REJECT;
}

/* What holds now decides, as for a packet that comes now: meanwhile another policy is in force, if only by this answer. */
static void
go_on(struct bh_worker *w, const struct answer *a)
{
	const struct bh_flow *f = bh_flow_lookup(w->flows, &a->key, a->hash);
	struct bh_judgement j;

	if (f == NULL || w->view == NULL) {
		bh_hold_refuse(w, a->handle, BH_REASON_POLICY_CHANGED);
		return;
	}
	j.verdict = f->verdict;
	j.reason = f->reason;
	if (f->stamp != bh_view_stamp(w->view, f->slot[0], f->slot[1]) && !is_blocked(f->verdict))
		bh_judge_flow(w, f, &j);
	if (is_blocked(j.verdict))
		bh_hold_refuse(w, a->handle, (enum bh_reason)j.reason);
	else
		bh_hold_send(w, a->handle, a->wire, bh_flow_pass_reason(f));
}

void
bh_app_answers_age(struct bh_worker *w)
{
	struct bh_app_answers *s = w->answers;
	/* Pairs with the release in bh_gateway_names_in_force: the view of this turn has it. */
	uint32_t in_force = atomic_load_explicit(&w->names_in_force, memory_order_acquire);

	if (w->view != NULL)
		s->epoch = w->view->epoch;
	for (; s->first != s->next; s->first++) {
		const struct answer *a = &s->answer[s->first % ANSWERS];

		if ((int32_t)(in_force - a->number) >= 0)
			go_on(w, a);
		else if (w->now_ms - a->at_ms < w->config->names_hold_ms)
			break;
		else if (goes_on_late(w))
			go_on(w, a);
		else
			bh_hold_refuse(w, a->handle, BH_REASON_NAMES_LATE);
	}
}

void
bh_app_answers_drain(struct bh_worker *w)
{
	struct bh_app_answers *s = w->answers;

	for (; s != NULL && s->first != s->next; s->first++)
		bh_hold_refuse(w, s->answer[s->first % ANSWERS].handle, BH_REASON_SHUTDOWN);
}
