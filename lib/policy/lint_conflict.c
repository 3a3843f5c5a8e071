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

/* Is a part of `where` left when the rules before `earlier` have decided? Leaves it there. */
static bool
still_there(struct bh_lint_run *run, uint32_t earlier, struct bh_lint_rect *where)
{
	struct bh_lint_plane left = {0};
	uint32_t i, k;
	bool there;

	bh_lint_plane_add(&left, where);
	for (i = 0; i < run->n_cover && run->cover[i] < earlier && left.n != 0; i++) {
		const struct bh_lint_plane *p = &run->plane[run->cover[i]];

		for (k = 0; k < p->n && left.n != 0; k++) {
			run->work++;
			bh_lint_plane_subtract(&left, &p->rect[k]);
		}
	}
	there = left.n != 0 && !left.failed;
	if (there)
		*where = left.rect[0];
	bh_lint_plane_free(&left);
	return there;
}

static void
report(struct bh_lint_run *run, uint32_t rule, uint32_t earlier, const uint32_t segment[2],
       const struct bh_lint_rect *where)
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
	bh_lint_witness(run, f, segment, where);
}

/* One pair of a rule's segments against the rules that fit both. seen: by rule, one more than the last rule that it was
 * reported for. */
static void
check_pair(struct bh_lint_run *run, uint32_t rule, const struct bh_lint_plane *items,
	   const uint32_t segment[2], uint32_t *seen)
{
	const struct bh_doc *doc = run->doc;
	struct bh_lint_rect where;
	uint32_t i, k, n, other;

	for (i = 0; i < run->n_cover && run->cover[i] < rule; i++) {
		const struct bh_lint_plane *p = &run->plane[other = run->cover[i]];
		bool found = false;

		run->work++;
		if (seen[other] == rule + 1 || run->dead[other] != 0 ||
		    !bh_lint_opposite(&doc->rule[rule], &doc->rule[other]))
			continue;
		for (k = 0; !found && k < items->n; k++) {
			for (n = 0; !found && n < p->n; n++) {
				run->work++;
				found = contradicts(&p->rect[n], &items->rect[k], &where) &&
					still_there(run, other, &where);
			}
		}
		if (found) {
			seen[other] = rule + 1;
			report(run, rule, other, segment, &where);
		}
	}
}

void
bh_lint_check_conflict(struct bh_lint_run *run)
{
	const struct bh_doc *doc = run->doc;
	uint32_t *seen = calloc((size_t)doc->n_rules + 1, sizeof(*seen)), i, f, t;

	if (seen == NULL)
		run->rc = -ENOMEM;
	for (i = 0; run->rc == 0 && i < doc->n_rules && run->work < BH_LINT_WORK_MAX; i++) {
		const struct bh_side *from = &doc->rule[i].from, *to = &doc->rule[i].to;
		struct bh_lint_plane items = {0};

		if (run->dead[i] != 0)
			continue;
		bh_lint_plane_rule(&items, &doc->rule[i], false);
		for (f = 0; f < (from->n != 0 ? from->n : 1); f++) {
			for (t = 0; t < (to->n != 0 ? to->n : 1); t++) {
				uint32_t segment[2] = {from->n != 0 ? from->segment[f]
								    : doc->n_segments,
						       to->n != 0 ? to->segment[t]
								  : doc->n_segments};

				if (bh_lint_cover(run, segment[0], segment[1]))
					check_pair(run, i, &items, segment, seen);
			}
		}
		bh_lint_plane_free(&items);
	}
	if (run->work >= BH_LINT_WORK_MAX)
		run->out->complete = false;
	free(seen);
}
