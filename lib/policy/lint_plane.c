/* Rectangles of services and applications, and their differences. Operations are compared list by list: what can't be
 * told from two patterns counts as not included, and as met. */
#include <ctype.h>
#include <stdlib.h>

#include "lint.h"

/* Pieces of one difference that are followed. */
#define PIECES_MAX 4096

/* TCP port 0 is refused before policy is asked (tcp_port_zero). */
static const struct bh_service transports[] = {
	{0, 5 << 16 | 0xffff},        {6 << 16 | 1, 6 << 16 | 0xffff},
	{7 << 16, 16 << 16 | 0xffff}, {17 << 16, 17 << 16 | 0xffff},
	{18 << 16, BH_SERVICE_LAST},
};

/* All that can be proven over a transport; where nothing is asked, that nothing is. */
static struct bh_appset
universe(uint32_t service)
{
	uint8_t over = service >> 16 == 6 ? BH_OVER_TCP : service >> 16 == 17 ? BH_OVER_UDP : 0;
	struct bh_appset all = {{1, 0}}, one;
	unsigned i;

	for (i = 1; over != 0 && i < BH_APP_COUNT; i++) {
		one = (struct bh_appset){{0, 0}};
		one.w[i / 64] = UINT64_C(1) << i % 64;
		if ((bh_appset_over(one) & over) != 0) {
			all.w[0] |= one.w[0];
			all.w[1] |= one.w[1];
		}
	}
	return all;
}

void
bh_lint_plane_free(struct bh_lint_plane *p)
{
	free(p->rect);
	*p = (struct bh_lint_plane){0};
}

void
bh_lint_plane_add(struct bh_lint_plane *p, const struct bh_lint_rect *r)
{
	struct bh_lint_rect *grown;

	if (p->failed || r->first > r->last || (r->apps.w[0] | r->apps.w[1]) == 0)
		return;
	if (p->n == p->cap) {
		p->cap = p->cap != 0 ? 2 * p->cap : 4;
		grown = realloc(p->rect, p->cap * sizeof(*grown));
		if (grown == NULL) {
			p->failed = true;
			return;
		}
		p->rect = grown;
	}
	p->rect[p->n++] = *r;
}

/* The applications of a rule over one range of services of one transport. */
static void
add_apps(struct bh_lint_plane *p, const struct bh_doc_rule *r, struct bh_lint_rect at, bool merged)
{
	struct bh_appset all = universe(at.first), whole = {{0, 0}}, set;
	uint32_t i;

	at.apps = all;
	if (r->n_apps == 0) {
		bh_lint_plane_add(p, &at);
		return;
	}
	/* Rules that name applications say nothing of other transports. */
	if (at.first >> 16 != 6 && at.first >> 16 != 17)
		return;
	for (i = 0; i < r->n_apps; i++) {
		set = bh_appset_of(r->app[i].app);
		at.apps = (struct bh_appset){{set.w[0] & all.w[0], set.w[1] & all.w[1]}};
		at.op = r->app[i].n_lists != 0 ? &r->app[i] : NULL;
		if (at.op != NULL || !merged) {
			bh_lint_plane_add(p, &at);
			continue;
		}
		whole.w[0] |= at.apps.w[0];
		whole.w[1] |= at.apps.w[1];
	}
	at.apps = whole;
	at.op = NULL;
	bh_lint_plane_add(p, &at);
}

void
bh_lint_plane_rule(struct bh_lint_plane *p, const struct bh_doc_rule *r, bool merged)
{
	static const struct bh_service any = {0, BH_SERVICE_LAST};
	const struct bh_service *s = r->n_services != 0 ? r->service : &any;
	uint32_t n = r->n_services != 0 ? r->n_services : 1, i, k;
	struct bh_lint_rect at = {.denies = r->action != BH_VERDICT_ALLOW};

	for (i = 0; i < n; i++) {
		for (k = 0; k < BH_ARRAY_SIZE(transports); k++) {
			at.first =
				s[i].first > transports[k].first ? s[i].first : transports[k].first;
			at.last = s[i].last < transports[k].last ? s[i].last : transports[k].last;
			if (at.first <= at.last)
				add_apps(p, r, at, merged);
		}
	}
}

/* ---- operations ------------------------------------------------------------------------------------- */

static bool
folded_same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Does each value of the inner pattern fit the outer one? The inner one's stars are bytes here, which only a star of the
 * outer one takes. Case is only folded when both are written alike: which fields fold is the pattern's own matter. */
static bool
pattern_in(const char *inner, const char *outer)
{
	const char *star = NULL, *from = inner;

	if (inner[0] == '~' || outer[0] == '~')
		return strcmp(inner, outer) == 0;
	while (*inner != '\0') {
		if (*outer == '*') {
			star = outer++;
			from = inner;
		} else if (*outer == *inner) {
			inner++;
			outer++;
		} else if (star != NULL) {
			outer = star + 1;
			inner = ++from;
		} else {
			return false;
		}
	}
	while (*outer == '*')
		outer++;
	return *outer == '\0';
}

/* Keywords in another case mean the same: methods, verbs, commands are folded by the judge. */
static bool
word_in(const struct bh_rule_list *l, const char *inner, const char *outer)
{
	struct bh_pattern p = {0};
	struct bh_arena a = {0};
	bool same = false;
	size_t i;

	if (pattern_in(inner, outer))
		return true;
	if (inner[0] == '~' || outer[0] == '~' || strlen(inner) != strlen(outer))
		return false;
	for (i = 0; inner[i] != '\0'; i++) {
		if (!folded_same(inner[i], outer[i]))
			return false;
	}
	if (bh_pattern_compile(&a, inner, l->field, &p, NULL) == 0)
		same = p.fold;
	bh_arena_free(&a);
	return same;
}

static bool
in_some(const struct bh_rule_list *l, const char *pattern, const struct bh_rule_list *outer)
{
	uint32_t i;

	for (i = 0; i < outer->n_patterns; i++) {
		if (word_in(l, pattern, outer->pattern[i]))
			return true;
	}
	return false;
}

/* Each pattern of `of` is in one of `in`. */
static bool
all_in(const struct bh_rule_list *of, const struct bh_rule_list *in)
{
	uint32_t i;

	for (i = 0; i < of->n_patterns; i++) {
		if (!in_some(of, of->pattern[i], in))
			return false;
	}
	return true;
}

/* An operation that fits the inner list fits the outer one, as each is read by its rule. */
static bool
list_in(const struct bh_rule_list *inner, bool inner_denies, const struct bh_rule_list *outer,
	bool outer_denies)
{
	uint8_t match = bh_op_field_info(inner->field)->match;
	uint32_t i, k;

	if (inner_denies && !outer_denies)
		return false;
	if (inner_denies)
		return all_in(inner, outer);
	switch (match) {
	case BH_OP_MATCH_AT_LEAST:
		return strcmp(inner->pattern[0], outer->pattern[0]) >= 0;
	case BH_OP_MATCH_PRESENT:
		/* Each that the outer one asks for is implied by one that the inner one does. */
		for (i = 0; i < outer->n_patterns; i++) {
			for (k = 0; k < inner->n_patterns; k++) {
				if (word_in(inner, inner->pattern[k], outer->pattern[i]))
					break;
			}
			if (k == inner->n_patterns && !outer_denies)
				return false;
			if (k < inner->n_patterns && outer_denies)
				return true;
		}
		return !outer_denies;
	case BH_OP_MATCH_EVERY:
		/* No value at all fits a list that allows, and none that denies. */
		return !outer_denies && all_in(inner, outer);
	default:
		return all_in(inner, outer);
	}
}

static bool
operations_in(const struct bh_lint_rect *inner, const struct bh_lint_rect *outer)
{
	uint32_t i, k;

	if (outer->op == NULL)
		return true;
	if (inner->op == NULL)
		return false;
	for (i = 0; i < outer->op->n_lists; i++) {
		const struct bh_rule_list *o = &outer->op->list[i];

		for (k = 0; k < inner->op->n_lists; k++) {
			const struct bh_rule_list *l = &inner->op->list[k];

			if (l->field == o->field && list_in(l, inner->denies, o, outer->denies))
				break;
		}
		if (k == inner->op->n_lists)
			return false;
	}
	return true;
}

/* ---- rectangles ------------------------------------------------------------------------------------- */

bool
bh_lint_rect_meets(const struct bh_lint_rect *a, const struct bh_lint_rect *b)
{
	return a->first <= b->last && b->first <= a->last && bh_appset_meet(&a->apps, &b->apps);
}

bool
bh_lint_rect_surely_meets(const struct bh_lint_rect *a, const struct bh_lint_rect *b)
{
	return bh_lint_rect_meets(a, b) && (operations_in(a, b) || operations_in(b, a));
}

bool
bh_lint_rect_includes(const struct bh_lint_rect *a, const struct bh_lint_rect *b)
{
	return a->first <= b->first && b->last <= a->last &&
	       ((b->apps.w[0] & ~a->apps.w[0]) | (b->apps.w[1] & ~a->apps.w[1])) == 0 &&
	       operations_in(b, a);
}

/* The parts of r outside of b; r itself stays as it is. */
static void
cut(struct bh_lint_plane *p, struct bh_lint_rect r, const struct bh_lint_rect *b)
{
	struct bh_lint_rect part = r;

	if (r.first < b->first) {
		part.last = b->first - 1;
		bh_lint_plane_add(p, &part);
	}
	part = r;
	if (r.last > b->last) {
		part.first = b->last + 1;
		bh_lint_plane_add(p, &part);
	}
	part = r;
	part.first = r.first > b->first ? r.first : b->first;
	part.last = r.last < b->last ? r.last : b->last;
	part.apps.w[0] &= ~b->apps.w[0];
	part.apps.w[1] &= ~b->apps.w[1];
	bh_lint_plane_add(p, &part);
}

bool
bh_lint_plane_subtract(struct bh_lint_plane *a, const struct bh_lint_rect *b)
{
	uint32_t i, n = a->n, kept = 0;
	bool less = false;

	for (i = 0; i < n; i++) {
		struct bh_lint_rect r = a->rect[i];

		if (!bh_lint_rect_meets(&r, b) || !operations_in(&r, b)) {
			a->rect[kept++] = r;
			continue;
		}
		less = true;
		cut(a, r, b);
	}
	/* The new pieces lie behind the old ones. */
	if (kept != n)
		memmove(&a->rect[kept], &a->rect[n], (a->n - n) * sizeof(*a->rect));
	a->n -= n - kept;
	a->failed |= a->n > PIECES_MAX;
	return less;
}
