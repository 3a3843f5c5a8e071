/* Rules that never decide, and rules that change nothing.
 *
 * A rule is gone through pair by pair of the segments that it names: what it speaks of between two segments is a set of
 * boxes (lint_box.c). If rules before it take all of them, it never decides. If rules before and behind it do, and
 * none in between that says otherwise has a part, it changes nothing. */
#include <errno.h>
#include <stdlib.h>

#include "lint.h"

/* ---- which rules speak of the same ------------------------------------------------------------------ */

static bool
side_meets(struct bh_lint_run *run, const struct bh_side *a, const struct bh_side *b)
{
	const struct bh_lint_segments *x = &run->segments;
	uint32_t i, k, m, n;

	for (i = 0; i < a->n; i++) {
		const struct bh_lint_segment *s = &x->segment[a->segment[i]];

		for (k = 0; k < b->n; k++) {
			const struct bh_lint_segment *t = &x->segment[b->segment[k]];

			run->work++;
			if (a->segment[i] == b->segment[k])
				return true;
			for (m = 0; m < s->n_cubes; m++) {
				for (n = 0; n < t->n_cubes; n++) {
					if (bh_lint_cube_meets(&x->cube[s->first_cube + m],
							       &x->cube[t->first_cube + n]))
						return true;
				}
			}
		}
	}
	return a->n == 0 || b->n == 0;
}

static bool
plane_meets(struct bh_lint_run *run, const struct bh_lint_plane *a, const struct bh_lint_plane *b)
{
	uint32_t i, k;

	for (i = 0; i < a->n; i++) {
		for (k = 0; k < b->n; k++) {
			run->work++;
			if (bh_lint_rect_meets(&a->rect[i], &b->rect[k]))
				return true;
		}
	}
	return false;
}

bool
bh_lint_sets_meet(struct bh_lint_run *run, uint32_t a, uint32_t b)
{
	const struct bh_doc_rule *r = &run->doc->rule[a], *o = &run->doc->rule[b];

	return plane_meets(run, &run->plane[a], &run->plane[b]) &&
	       side_meets(run, &r->from, &o->from) && side_meets(run, &r->to, &o->to);
}

void
bh_lint_taker(struct bh_lint_run *run, uint32_t rule, bool stops)
{
	const struct bh_doc_rule *r = &run->doc->rule[rule];
	struct bh_lint_taker *grown;

	if (run->n_takers == run->cap_takers) {
		run->cap_takers = run->cap_takers != 0 ? 2 * run->cap_takers : 64;
		grown = realloc(run->taker, run->cap_takers * sizeof(*grown));
		if (grown == NULL) {
			run->cap_takers = run->n_takers;
			run->rc = -ENOMEM;
			return;
		}
		run->taker = grown;
	}
	run->taker[run->n_takers++] = (struct bh_lint_taker){.from = &r->from,
							     .to = &r->to,
							     .plane = &run->plane[rule],
							     .rule = rule,
							     .stops = stops};
}

bool
bh_lint_pair(const struct bh_doc *doc, uint32_t rule, uint64_t k, uint32_t segment[2])
{
	const struct bh_side *from = &doc->rule[rule].from, *to = &doc->rule[rule].to;
	uint32_t nt = to->n != 0 ? to->n : 1, nf = from->n != 0 ? from->n : 1;

	if (k >= (uint64_t)nf * nt)
		return false;
	segment[0] = from->n != 0 ? from->segment[k / nt] : doc->n_segments;
	segment[1] = to->n != 0 ? to->segment[k % nt] : doc->n_segments;
	return true;
}

uint32_t
bh_lint_boxes(struct bh_lint_run *run, const uint32_t segment[2], const struct bh_lint_rect *rect,
	      uint32_t n_rects)
{
	const struct bh_lint_segments *x = &run->segments;
	const struct bh_lint_segment *f = &x->segment[segment[0]], *t = &x->segment[segment[1]];
	uint32_t need = f->n_cubes * t->n_cubes * n_rects, n = 0, i, k, m;
	struct bh_lint_box *grown;

	if (need > run->cap_boxes) {
		grown = realloc(run->box, 2 * (size_t)need * sizeof(*grown));
		if (grown == NULL) {
			run->rc = -ENOMEM;
			return 0;
		}
		run->box = grown;
		run->cap_boxes = 2 * need;
	}
	for (i = 0; i < f->n_cubes; i++) {
		for (k = 0; k < t->n_cubes; k++) {
			const struct bh_lint_cube *a = &x->cube[f->first_cube + i],
						  *b = &x->cube[t->first_cube + k];

			for (m = 0; m < n_rects && bh_lint_cubes_talk(a, b); m++)
				run->box[n++] = (struct bh_lint_box){{*a, *b}, rect[m]};
		}
	}
	return n;
}

/* ---- both questions --------------------------------------------------------------------------------- */

static enum bh_lint_answer
ask_pair(struct bh_lint_run *run, uint32_t rule, const uint32_t segment[2],
	 struct bh_lint_box *left, uint32_t *n_boxes)
{
	struct bh_lint_question q = {.taker = run->taker, .n_takers = run->n_takers};

	q.n_boxes = bh_lint_boxes(run, segment, run->plane[rule].rect, run->plane[rule].n);
	q.box = run->box;
	*n_boxes = q.n_boxes;
	return bh_lint_search(run, &q, left);
}

/* All pairs of a rule. *first: one that there is something of. LEFT where there is nothing of any: it could not be taken. */
static enum bh_lint_answer
ask_all(struct bh_lint_run *run, uint32_t rule, uint32_t first[2])
{
	enum bh_lint_answer answer = BH_LINT_TAKEN;
	uint32_t segment[2], n;
	struct bh_lint_box left;
	bool some = false;
	uint64_t k;

	for (k = 0; answer == BH_LINT_TAKEN && bh_lint_pair(run->doc, rule, k, segment); k++) {
		answer = ask_pair(run, rule, segment, &left, &n);
		if (n != 0 && !some)
			memcpy(first, segment, 2 * sizeof(*first));
		some |= n != 0;
		if (run->work > BH_LINT_WORK_MAX)
			answer = BH_LINT_UNDECIDABLE;
	}
	return some ? answer : BH_LINT_LEFT;
}

void
bh_lint_undecided(struct bh_lint_run *run, uint32_t rule, const char *what)
{
	struct bh_lint_finding *f;

	/* The run's own bound is told by `complete`. */
	if (run->rc != 0 || run->work > BH_LINT_WORK_MAX)
		return;
	f = bh_lint_find(run, BH_LINT_UNDECIDED, BH_LINT_INFO, rule);
	if (f != NULL)
		bh_lint_say(
			run, f,
			"whether rule '%s' is %s was not decided: too many rules have a part of it",
			run->doc->rule[rule].id, what);
}

/* Others of a finding: those that took a part, from a taker on. */
static void
put_others(struct bh_lint_run *run, struct bh_lint_finding *f, uint32_t from)
{
	uint32_t i;

	for (i = from; i < run->n_takers; i++) {
		if (run->taker[i].took)
			bh_lint_other(run, f, run->taker[i].rule);
	}
}

/* ---- shadowed --------------------------------------------------------------------------------------- */

static void
report_shadowed(struct bh_lint_run *run, uint32_t rule, const uint32_t segment[2])
{
	const struct bh_doc_rule *r = &run->doc->rule[rule];
	struct bh_lint_finding *f;
	uint32_t i, opposite = 0, n = 0;

	for (i = 0; i < run->n_takers; i++) {
		n += run->taker[i].took;
		opposite += run->taker[i].took &&
			    run->doc->rule[run->taker[i].rule].action != r->action;
	}
	f = bh_lint_find(run, BH_LINT_SHADOWED, opposite != 0 ? BH_LINT_ERROR : BH_LINT_WARNING,
			 rule);
	if (f == NULL)
		return;
	put_others(run, f, 0);
	bh_lint_say(
		run, f,
		"rule '%s' never decides: all that it would %s is decided before it by %s%s%s%s",
		r->id, bh_verdict_name(r->action), n == 1 ? "rule '" : "rules such as '",
		f->n_others != 0 ? f->other[0] : "",
		opposite == n   ? "', the other way"
		: opposite != 0 ? "', partly the other way"
				: "', the same way",
		opposite != 0 ? ": move it up, or delete it" : ": delete it");
	if (bh_lint_boxes(run, segment, run->plane[rule].rect, run->plane[rule].n) != 0)
		bh_lint_witness(run, f, segment, &run->box[0], BH_NONE);
}

static void
check_shadowed(struct bh_lint_run *run, uint32_t rule)
{
	uint32_t i, first[2];
	enum bh_lint_answer answer;

	run->n_takers = 0;
	for (i = 0; i < rule; i++) {
		if (bh_lint_rules_meet(run, rule, i))
			bh_lint_taker(run, i, false);
	}
	run->work += rule;
	if (run->n_takers == 0)
		return;
	answer = ask_all(run, rule, first);
	if (answer == BH_LINT_TAKEN) {
		run->dead[rule] = 1;
		report_shadowed(run, rule, first);
	} else if (answer == BH_LINT_UNDECIDABLE) {
		bh_lint_undecided(run, rule, "shadowed");
	}
}

/* ---- redundant -------------------------------------------------------------------------------------- */

/* Does what a rule says of denied operations, and its verdict, equal another's? */
static bool
says_the_same(const struct bh_doc_rule *a, const struct bh_doc_rule *b)
{
	return a->action == b->action && a->denied == b->denied && a->zones == b->zones;
}

/* Where a rule decides, now that it is there. */
static bool
find_decided(struct bh_lint_run *run, uint32_t rule, uint32_t segment[2], struct bh_lint_box *at)
{
	bool found = false;
	uint32_t i, n;
	uint64_t k;

	run->n_takers = 0;
	for (i = 0; i < rule; i++) {
		if (bh_lint_rules_meet(run, rule, i))
			bh_lint_taker(run, i, false);
	}
	for (k = 0; !found && bh_lint_pair(run->doc, rule, k, segment); k++)
		found = ask_pair(run, rule, segment, at, &n) == BH_LINT_LEFT;
	return found;
}

/* split: the first taker behind the rule. */
static void
report_redundant(struct bh_lint_run *run, uint32_t rule, uint32_t split)
{
	const struct bh_doc_rule *r = &run->doc->rule[rule];
	struct bh_lint_finding *f = bh_lint_find(run, BH_LINT_REDUNDANT, BH_LINT_WARNING, rule);
	uint32_t segment[2];
	struct bh_lint_box at;

	if (f == NULL)
		return;
	put_others(run, f, split);
	bh_lint_say(
		run, f,
		"rule '%s' changes nothing: without it rule '%s'%s would %s all the same: delete "
		"it",
		r->id, f->n_others != 0 ? f->other[0] : "", f->n_others > 1 ? " and others" : "",
		bh_verdict_name(r->action));
	if (find_decided(run, rule, segment, &at))
		bh_lint_witness(run, f, segment, &at, rule);
}

static void
check_redundant(struct bh_lint_run *run, uint32_t rule)
{
	const struct bh_doc *doc = run->doc;
	uint32_t i, split, same = 0, first[2];
	enum bh_lint_answer answer;

	run->n_takers = 0;
	for (i = rule + 1; same == 0 && i < doc->n_rules; i++)
		same += bh_lint_reach_meets(run, rule, i) && run->dead[i] == 0 &&
			says_the_same(&doc->rule[rule], &doc->rule[i]) &&
			bh_lint_sets_meet(run, rule, i);
	run->work += doc->n_rules - rule;
	if (same == 0)
		return;
	for (i = 0; i < rule; i++) {
		if (bh_lint_rules_meet(run, rule, i) && run->dead[i] == 0)
			bh_lint_taker(run, i, false);
	}
	split = run->n_takers;
	for (i = rule + 1; i < doc->n_rules; i++) {
		if (bh_lint_rules_meet(run, rule, i) && run->dead[i] == 0)
			bh_lint_taker(run, i, !says_the_same(&doc->rule[rule], &doc->rule[i]));
	}
	run->work += doc->n_rules;
	answer = ask_all(run, rule, first);
	if (answer == BH_LINT_UNDECIDABLE)
		bh_lint_undecided(run, rule, "redundant");
	if (answer != BH_LINT_TAKEN)
		return;
	report_redundant(run, rule, split);
	run->dead[rule] = 1;
}

void
bh_lint_check_rules(struct bh_lint_run *run)
{
	uint32_t i;

	for (i = 0; run->rc == 0 && i < run->doc->n_rules && run->work < BH_LINT_WORK_MAX; i++) {
		if (!run->doc->rule[i].expired)
			check_shadowed(run, i);
	}
	for (i = 0; run->rc == 0 && i < run->doc->n_rules && run->work < BH_LINT_WORK_MAX; i++) {
		if (run->dead[i] == 0 && !run->doc->rule[i].expired)
			check_redundant(run, i);
	}
	if (run->work >= BH_LINT_WORK_MAX)
		run->out->complete = false;
}
