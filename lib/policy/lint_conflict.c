/* Rules that contradict others: an item of a rule (two segments, one range of ports, one application, as written) that a
 * rule before it decides the other way, or two ranges of ports that cross.
 *
 * A rule before it that takes a part out of the middle of an item is an exception, and how first-match rule bases are
 * written: no finding. So is one that speaks of some of the ends only. */
#include <errno.h>
#include <stdlib.h>

#include "lint.h"

/* Neither lies inside the other. */
static bool
cross(const struct bh_lint_rect *a, const struct bh_lint_rect *b)
{
	return (a->first < b->first && a->last < b->last) ||
	       (b->first < a->first && b->last < a->last);
}

/* Where the earlier rule's rectangle contradicts the item; false: nowhere. */
static bool
contradicts(const struct bh_lint_rect *earlier, const struct bh_lint_rect *item,
	    struct bh_lint_rect *where)
{
	if (!bh_lint_rect_surely_meets(earlier, item) ||
	    (!cross(earlier, item) && !bh_lint_rect_includes(earlier, item)))
		return false;
	*where = *item;
	where->first = earlier->first > item->first ? earlier->first : item->first;
	where->last = earlier->last < item->last ? earlier->last : item->last;
	where->apps.w[0] &= earlier->apps.w[0];
	where->apps.w[1] &= earlier->apps.w[1];
	if (where->op == NULL) {
		where->op = earlier->op;
		where->denies = earlier->denies;
	}
	return true;
}

/* Are all ends of a segment in a side? */
static bool
holds(struct bh_lint_run *run, const struct bh_side *side, uint32_t segment)
{
	static const struct bh_side any = {.text = "any"};
	static const struct bh_lint_rect one = {.apps = {{1, 0}}};
	struct bh_lint_rect rect = one;
	struct bh_lint_plane plane = {.rect = &rect, .n = 1};
	struct bh_lint_taker taker = {.from = side, .to = &any, .plane = &plane};
	struct bh_lint_question q = {.taker = &taker, .n_takers = 1};
	struct bh_lint_box left;
	uint32_t i;

	for (i = 0; i < side->n; i++) {
		run->work++;
		if (bh_lint_includes(&run->segments, side->segment[i], segment))
			return true;
	}
	if (side->n == 0)
		return true;
	q.n_boxes = bh_lint_boxes(run, (uint32_t[]){segment, run->doc->n_segments}, &rect, 1);
	q.box = run->box;
	return bh_lint_search(run, &q, &left) == BH_LINT_TAKEN;
}

/* Is a part of `where` left when the rules before `earlier` have decided? Leaves it in *left. */
static bool
still_there(struct bh_lint_run *run, uint32_t rule, uint32_t earlier, const uint32_t segment[2],
	    const struct bh_lint_rect *where, struct bh_lint_box *left)
{
	struct bh_lint_question q = {0};
	enum bh_lint_answer answer;
	uint32_t i;

	run->n_takers = 0;
	for (i = 0; i < earlier; i++) {
		if (bh_lint_rules_meet(run, earlier, i) && bh_lint_rules_meet(run, rule, i))
			bh_lint_taker(run, i, false);
	}
	run->work += earlier;
	q.taker = run->taker;
	q.n_takers = run->n_takers;
	q.n_boxes = bh_lint_boxes(run, segment, where, 1);
	q.box = run->box;
	answer = bh_lint_search(run, &q, left);
	if (answer == BH_LINT_UNDECIDABLE)
		bh_lint_undecided(run, rule, "contradicting");
	return answer == BH_LINT_LEFT;
}

static void
report(struct bh_lint_run *run, uint32_t rule, uint32_t earlier, const uint32_t segment[2],
       const struct bh_lint_box *where)
{
	const struct bh_doc_rule *r = &run->doc->rule[rule], *e = &run->doc->rule[earlier];
	struct bh_lint_finding *f = bh_lint_find(run, BH_LINT_CONTRADICTING, BH_LINT_WARNING, rule);

	if (f == NULL)
		return;
	bh_lint_other(run, f, earlier);
	bh_lint_say(run, f,
		    "rule '%s' (%s) and rule '%s' before it (%s) speak of the same: there '%s' "
		    "decides; take it out of one of them",
		    r->id, bh_verdict_name(r->action), e->id, bh_verdict_name(e->action), e->id);
	bh_lint_witness(run, f, segment, where, earlier);
}

/* A part of a segment whose requirements could not all be read may be empty; all of a segment is not. */
static bool
may_be_empty(const struct bh_lint_run *run, const uint32_t segment[2],
	     const struct bh_lint_box *box)
{
	unsigned end;
	uint32_t i;

	for (end = 0; end < 2; end++) {
		const struct bh_lint_segment *s = &run->segments.segment[segment[end]];

		for (i = 0; i < s->n_cubes &&
			    run->segments.cube[s->first_cube + i].key != box->end[end].key;)
			i++;
		if (i == s->n_cubes && bh_lint_cube_unread(&box->end[end]))
			return true;
	}
	return false;
}

/* One pair of a rule's segments against a rule before it. */
static bool
check_pair(struct bh_lint_run *run, uint32_t rule, uint32_t earlier,
	   const struct bh_lint_plane *items, const uint32_t segment[2])
{
	const struct bh_lint_plane *p = &run->plane[earlier];
	const struct bh_doc_rule *e = &run->doc->rule[earlier];
	struct bh_lint_rect where;
	struct bh_lint_box left;
	uint32_t k, n;

	if (run->segments.segment[segment[0]].n_cubes == 0 ||
	    run->segments.segment[segment[1]].n_cubes == 0 || !holds(run, &e->from, segment[0]) ||
	    !holds(run, &e->to, segment[1]))
		return false;
	for (k = 0; k < items->n; k++) {
		for (n = 0; n < p->n; n++) {
			run->work++;
			if (contradicts(&p->rect[n], &items->rect[k], &where) &&
			    still_there(run, rule, earlier, segment, &where, &left) &&
			    !may_be_empty(run, segment, &left)) {
				report(run, rule, earlier, segment, &left);
				return true;
			}
		}
	}
	return false;
}

static void
check_rule(struct bh_lint_run *run, uint32_t rule)
{
	const struct bh_doc *doc = run->doc;
	struct bh_lint_plane items = {0};
	uint32_t i, segment[2];
	uint64_t k;

	bh_lint_plane_rule(&items, &doc->rule[rule], false);
	run->work += rule;
	for (i = 0; i < rule && run->work < BH_LINT_WORK_MAX; i++) {
		if (!bh_lint_reach_meets(run, rule, i) || run->dead[i] != 0 ||
		    !bh_lint_opposite(&doc->rule[rule], &doc->rule[i]) ||
		    !bh_lint_sets_meet(run, rule, i))
			continue;
		for (k = 0; bh_lint_pair(doc, rule, k, segment); k++) {
			if (check_pair(run, rule, i, &items, segment))
				break;
		}
	}
	bh_lint_plane_free(&items);
}

void
bh_lint_check_conflict(struct bh_lint_run *run)
{
	uint32_t i;

	for (i = 0; run->rc == 0 && i < run->doc->n_rules && run->work < BH_LINT_WORK_MAX; i++) {
		if (run->dead[i] == 0 && !run->doc->rule[i].expired)
			check_rule(run, i);
	}
	if (run->work >= BH_LINT_WORK_MAX)
		run->out->complete = false;
}
