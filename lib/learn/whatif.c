/* A draft is judged against recorded conversations. */
#include <errno.h>
#include <stdlib.h>

#include "draft.h"

struct walk {
	struct bh_draft *before, *after;
	bh_whatif_fn fn;
	void *arg;
	struct bh_whatif_counts *n;
	bool enough;
};

static bool
compare(void *arg, const struct bh_conversation *c)
{
	struct bh_draft_verdict before, after;
	struct walk *w = arg;
	uint64_t sessions = c->open;
	unsigned i;

	for (i = 0; i < BH_SEEN_KINDS; i++)
		sessions += c->sessions[i];
	w->n->conversations++;
	w->n->sessions += sessions;
	bh_draft_judge(w->before, c, &before);
	bh_draft_judge(w->after, c, &after);
	if (before.verdict == BH_VERDICT_NONE) {
		w->n->unknown++;
		return true;
	}
	if (before.verdict == after.verdict && before.by_operation == after.by_operation)
		return true;
	w->n->changed++;
	w->n->changed_sessions += sessions;
	if (!w->enough)
		w->enough = !w->fn(w->arg, c, &before, &after);
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
	if (rc == 0)
		rc = bh_learn_each_since(l,
					 w->days != 0 && w->days <= today
						 ? (uint32_t)(today - w->days + 1)
						 : 0,
					 compare, &k, err);
	bh_draft_close(k.before);
	bh_draft_close(k.after);
	bh_buf_free(&force);
	bh_buf_free(&draft);
	return rc;
}
