/* Rules that never decide, and rules that change nothing.
 *
 * A rule is gone through pair by pair of the segments that it names. What it speaks of between two segments is a plane
 * of services and applications. Rules that surely fit both ends (bh_lint_cover) take their part out of it; a rule that
 * fits some of the ends only takes nothing. If nothing is left of any pair, the rule never decides. */
#include <errno.h>
#include <stdlib.h>

#include "lint.h"

/* What is left of a rule between two segments when rules before it have decided. false: given up. */
static bool
take_out(struct bh_lint_run *run, struct bh_lint_plane *left, uint32_t other)
{
	const struct bh_lint_plane *p = &run->plane[other];
	bool less = false;
	uint32_t i;

	for (i = 0; i < p->n && left->n != 0; i++) {
		run->work += left->n;
		less |= bh_lint_plane_subtract(left, &p->rect[i]);
	}
	return less;
}

static void
start_plane(struct bh_lint_run *run, struct bh_lint_plane *left, uint32_t rule)
{
	uint32_t i;

	left->n = 0;
	left->failed = false;
	for (i = 0; i < run->plane[rule].n; i++)
		bh_lint_plane_add(left, &run->plane[rule].rect[i]);
}

struct pair_of_rule {
	uint32_t segment[2];
};

/* The k-th pair of a rule; false behind the last. */
static bool
rule_pair(const struct bh_doc *doc, uint32_t rule, uint64_t k, struct pair_of_rule *out)
{
	const struct bh_side *from = &doc->rule[rule].from, *to = &doc->rule[rule].to;
	uint32_t nt = to->n != 0 ? to->n : 1, nf = from->n != 0 ? from->n : 1;

	if (k >= (uint64_t)nf * nt)
		return false;
	out->segment[0] = from->n != 0 ? from->segment[k / nt] : doc->n_segments;
	out->segment[1] = to->n != 0 ? to->segment[k % nt] : doc->n_segments;
	return true;
}

static bool
is_impossible(const struct bh_lint_run *run, const struct pair_of_rule *p)
{
	return run->segments.segment[p->segment[0]].impossible ||
	       run->segments.segment[p->segment[1]].impossible;
}

/* ---- shadowed --------------------------------------------------------------------------------------- */

/* The rules that take a rule's place, as a set; which of them come first. */
struct takers {
	uint32_t *rule;
	uint32_t n, cap;
	bool failed;
};

static void
add_taker(struct takers *t, uint32_t rule)
{
	uint32_t i, *grown;

	for (i = 0; i < t->n; i++) {
		if (t->rule[i] == rule)
			return;
	}
	if (t->n == t->cap) {
		t->cap = t->cap != 0 ? 2 * t->cap : 16;
		grown = realloc(t->rule, t->cap * sizeof(*grown));
		if (grown == NULL) {
			t->failed = true;
			return;
		}
		t->rule = grown;
	}
	t->rule[t->n++] = rule;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Is the rule decided before it, between these two? */
static bool
pair_is_shadowed(struct bh_lint_run *run, uint32_t rule, const struct pair_of_rule *p,
		 struct bh_lint_plane *left, struct takers *t)
{
	uint32_t i;

	if (!bh_lint_cover(run, p->segment[0], p->segment[1]))
		return false;
	start_plane(run, left, rule);
	for (i = 0; i < run->n_cover && run->cover[i] < rule && left->n != 0; i++) {
		if (take_out(run, left, run->cover[i]))
			add_taker(t, run->cover[i]);
	}
	return left->n == 0 && !left->failed;
}

static void
report_shadowed(struct bh_lint_run *run, uint32_t rule, const struct takers *t)
{
	const struct bh_doc_rule *r = &run->doc->rule[rule];
	struct bh_lint_finding *f;
	struct pair_of_rule p;
	uint32_t i, opposite = 0;

	for (i = 0; i < t->n; i++)
		opposite += run->doc->rule[t->rule[i]].action != r->action;
	f = bh_lint_find(run, BH_LINT_SHADOWED, opposite != 0 ? BH_LINT_ERROR : BH_LINT_WARNING,
			 rule);
	if (f == NULL)
		return;
	for (i = 0; i < t->n; i++)
		bh_lint_other(run, f, t->rule[i]);
	bh_lint_say(
		run, f,
		"rule '%s' never decides: all that it would %s is decided before it by %s%s%s%s",
		r->id, bh_verdict_name(r->action), t->n == 1 ? "rule '" : "rules such as '",
		run->doc->rule[t->rule[0]].id,
		opposite == t->n ? "', the other way"
		: opposite != 0  ? "', partly the other way"
				 : "', the same way",
		opposite != 0 ? ": move it up, or delete it" : ": delete it");
	for (i = 0; rule_pair(run->doc, rule, i, &p) && is_impossible(run, &p);)
		i++;
	bh_lint_witness(run, f, p.segment, &run->plane[rule].rect[0]);
}

static void
check_shadowed(struct bh_lint_run *run, uint32_t rule, struct bh_lint_plane *left, struct takers *t)
{
	bool shadowed = run->plane[rule].n != 0, one = false;
	struct pair_of_rule p;
	uint64_t k;

	t->n = 0;
	for (k = 0; shadowed && rule_pair(run->doc, rule, k, &p); k++) {
		if (is_impossible(run, &p))
			continue;
		one = true;
		shadowed = pair_is_shadowed(run, rule, &p, left, t) && run->rc == 0;
	}
	if (!shadowed || !one || t->failed)
		return;
	qsort(t->rule, t->n, sizeof(*t->rule), by_number);
	run->dead[rule] = 1;
	report_shadowed(run, rule, t);
}

/* ---- redundant -------------------------------------------------------------------------------------- */

/* Does what a rule says of denied operations, and its verdict, equal another's? */
static bool
says_the_same(const struct bh_doc_rule *a, const struct bh_doc_rule *b)
{
	return a->action == b->action && a->denied == b->denied && a->zones == b->zones;
}

static bool
plane_meets(struct bh_lint_run *run, const struct bh_lint_plane *left, uint32_t other)
{
	const struct bh_lint_plane *p = &run->plane[other];
	uint32_t i, k;

	for (i = 0; i < p->n; i++) {
		for (k = 0; k < left->n; k++) {
			run->work++;
			if (bh_lint_rect_meets(&p->rect[i], &left->rect[k]))
				return true;
		}
	}
	return false;
}

/* May an end of one side's segments be in a segment? */
static bool
side_meets(const struct bh_lint_run *run, const struct bh_side *side, uint32_t segment)
{
	uint32_t i;

	for (i = 0; i < side->n; i++) {
		if (!bh_lint_disjoint(&run->segments, side->segment[i], segment))
			return true;
	}
	return side->n == 0;
}

/* The last rule that is needed to take all over that this one would decide between two segments; BH_NONE: some of it
 * would be left to others. */
static uint32_t
last_taker(struct bh_lint_run *run, uint32_t rule, struct bh_lint_plane *left)
{
	const struct bh_doc_rule *r = &run->doc->rule[rule];
	uint32_t i, other;

	for (i = 0; i < run->n_cover; i++) {
		other = run->cover[i];
		if (other == rule || run->dead[other] != 0)
			continue;
		if (other > rule && !says_the_same(r, &run->doc->rule[other])) {
			if (plane_meets(run, left, other))
				return BH_NONE;
			continue;
		}
		take_out(run, left, other);
		if (left->failed)
			return BH_NONE;
		if (left->n == 0)
			return other > rule ? other : rule;
	}
	return BH_NONE;
}

/* Between the rule and the last of those that take over, none that says otherwise meets what is not taken yet. */
static bool
nobody_else(struct bh_lint_run *run, uint32_t rule, uint32_t last, const struct pair_of_rule *p,
	    struct bh_lint_plane *left)
{
	const struct bh_doc_rule *r = &run->doc->rule[rule], *o;
	uint32_t i, at = 0;

	start_plane(run, left, rule);
	for (at = 0; at < run->n_cover && run->cover[at] < rule; at++) {
		if (run->dead[run->cover[at]] == 0)
			take_out(run, left, run->cover[at]);
	}
	for (i = rule + 1; i < last; i++) {
		o = &run->doc->rule[i];
		while (at < run->n_cover && run->cover[at] < i)
			at++;
		run->work++;
		if (run->dead[i] != 0)
			continue;
		if (says_the_same(r, o)) {
			if (at < run->n_cover && run->cover[at] == i)
				take_out(run, left, i);
			continue;
		}
		if (plane_meets(run, left, i) && side_meets(run, &o->from, p->segment[0]) &&
		    side_meets(run, &o->to, p->segment[1]))
			return false;
	}
	return !left->failed;
}

static bool
pair_is_redundant(struct bh_lint_run *run, uint32_t rule, const struct pair_of_rule *p,
		  struct bh_lint_plane *left, uint32_t *last)
{
	if (!bh_lint_cover(run, p->segment[0], p->segment[1]))
		return false;
	start_plane(run, left, rule);
	*last = last_taker(run, rule, left);
	return *last != BH_NONE && nobody_else(run, rule, *last, p, left);
}

static void
check_redundant(struct bh_lint_run *run, uint32_t rule, struct bh_lint_plane *left,
		struct takers *t)
{
	const struct bh_doc_rule *r = &run->doc->rule[rule];
	struct bh_lint_finding *f;
	struct pair_of_rule p, first = {{0, 0}};
	uint32_t last, i;
	bool one = false;
	uint64_t k;

	t->n = 0;
	for (k = 0; rule_pair(run->doc, rule, k, &p); k++) {
		if (is_impossible(run, &p))
			continue;
		if (!pair_is_redundant(run, rule, &p, left, &last) || run->rc != 0)
			return;
		if (last == rule)
			continue;
		first = one ? first : p;
		one = true;
		add_taker(t, last);
	}
	if (!one || t->failed)
		return;
	qsort(t->rule, t->n, sizeof(*t->rule), by_number);
	run->dead[rule] = 1;
	f = bh_lint_find(run, BH_LINT_REDUNDANT, BH_LINT_WARNING, rule);
	if (f == NULL)
		return;
	for (i = 0; i < t->n; i++)
		bh_lint_other(run, f, t->rule[i]);
	bh_lint_say(
		run, f,
		"rule '%s' changes nothing: without it rule '%s'%s would %s all the same: delete "
		"it",
		r->id, run->doc->rule[t->rule[0]].id, t->n > 1 ? " and others" : "",
		bh_verdict_name(r->action));
	bh_lint_witness(run, f, first.segment, &run->plane[rule].rect[0]);
}

void
bh_lint_check_rules(struct bh_lint_run *run)
{
	struct bh_lint_plane left = {0};
	struct takers t = {0};
	uint32_t i;

	for (i = 0; run->rc == 0 && i < run->doc->n_rules && run->work < BH_LINT_WORK_MAX; i++)
		check_shadowed(run, i, &left, &t);
	for (i = 0; run->rc == 0 && i < run->doc->n_rules && run->work < BH_LINT_WORK_MAX; i++) {
		if (run->dead[i] == 0)
			check_redundant(run, i, &left, &t);
	}
	if (run->work >= BH_LINT_WORK_MAX)
		run->out->complete = false;
	if (t.failed)
		run->rc = -ENOMEM;
	bh_lint_plane_free(&left);
	free(t.rule);
}
