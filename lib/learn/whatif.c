/* A draft is judged against recorded conversations. */
#include <errno.h>
#include <stdlib.h>

#include "draft.h"

struct walk {
	struct bh_draft *before, *after;
	bh_whatif_fn fn;
	void *arg;
	struct bh_whatif_counts *n;
	uint64_t since_ns;
	bool enough;
};

/* Judged as the gateway judges, first what opens it, then what it says: the same of all sessions of these two. false: nobody
 * knows who it was. */
static bool
compare(struct walk *w, const struct bh_conversation *c, uint64_t sessions, bool *changed)
{
	struct bh_draft_verdict before, after;

	bh_draft_judge(w->before, c, &before);
	bh_draft_judge(w->after, c, &after);
	if (before.verdict == BH_VERDICT_NONE)
		return false;
	w->n->pairs++;
	if (before.verdict == after.verdict && before.by_operation == after.by_operation)
		return true;
	*changed = true;
	w->n->changed_pairs++;
	w->n->changed_sessions += sessions;
	w->n->by_application += after.verdict == BH_VERDICT_PENDING;
	if (!w->enough)
		w->enough = !w->fn(w->arg, c, &before, &after);
	return true;
}

/* Each pair of addresses by itself: the draft may tell apart what is one conversation now. */
static bool
compare_members(struct walk *w, const struct bh_conversation *in, uint64_t sessions, bool *changed)
{
	struct bh_conversation c = *in;
	bool known = false;
	unsigned i;

	for (i = 0; i < in->n_members; i++) {
		const struct bh_learn_member *m = &in->member[i];

		if (m->last_ns < w->since_ns)
			continue;
		c.family = m->family;
		c.tenant = m->tenant;
		c.undecided = m->undecided;
		memcpy(c.address, m->address, sizeof(c.address));
		known |= compare(w, &c, m->sessions < sessions ? m->sessions : sessions, changed);
	}
	w->n->incomplete += in->members_lost;
	return known;
}

static bool
judge(void *arg, const struct bh_conversation *c)
{
	struct walk *w = arg;
	uint64_t sessions = c->open;
	bool changed = false, known;
	unsigned i;

	for (i = 0; i < BH_SEEN_KINDS; i++)
		sessions += c->sessions[i];
	/* Told of while it began, and since then under the name of its application. */
	if (c->n_members == 0 && sessions == 0)
		return true;
	w->n->conversations++;
	w->n->sessions += sessions;
	known = c->n_members != 0 ? compare_members(w, c, sessions, &changed)
				  : compare(w, c, sessions, &changed);
	w->n->unknown += !known;
	w->n->changed += changed;
	return true;
}

int
bh_learn_whatif(struct bh_learn *l, const struct bh_whatif *w, bh_whatif_fn fn, void *arg,
		struct bh_whatif_counts *counts, struct bh_err *err)
{
	struct bh_draft_params p = {.from = w->p,
				    .max_endpoints = w->max_endpoints,
				    .mode = w->mode};
	struct walk k = {.fn = fn, .arg = arg, .n = counts};
	struct bh_buf force = {0}, draft = {0};
	uint64_t today = bh_clock_system.wall_ns(NULL) / BH_LEARN_DAY_NS;
	uint32_t since = 0;
	int rc;

	*counts = (struct bh_whatif_counts){0};
	bh_policy_text(w->p, &force);
	rc = bh_document_carry(&force, w->text, w->len, &draft, NULL, err);
	if (rc == 0) {
		p.name = w->name;
		p.text = draft.data;
		p.len = draft.len;
		rc = bh_draft_open(&k.after, &p, err);
	}
	if (rc == 0) {
		p.name = "policy in force";
		p.text = force.data;
		p.len = force.len;
		rc = bh_draft_open(&k.before, &p, err);
	}
	if (rc == 0 && w->days != 0 && w->days <= today)
		since = (uint32_t)(today - w->days + 1);
	k.since_ns = since * BH_LEARN_DAY_NS;
	if (rc == 0)
		rc = bh_learn_each_since(l, since, judge, &k, err);
	bh_draft_close(k.before);
	bh_draft_close(k.after);
	bh_buf_free(&force);
	bh_buf_free(&draft);
	return rc;
}
