/* Boxes: from-ends x to-ends x services x applications, and whether rules take all of one between them.
 *
 * The search goes down first: what a rule leaves of a box are boxes, and the one that the fewest other rules speak of
 * is asked about first. Where something is left over, it is found soon; where nothing is, all pieces are gone through,
 * within a bound. */
#include <errno.h>
#include <stdlib.h>

#include "lint.h"

/* Pieces that wait at a time, and work spent on one question: some tenths of a second. */
#define WAITING_MAX 65536
#define QUESTION_WORK_MAX (UINT64_C(1) << 26)
/* Parts of one cube that one other leaves of it: a few, and one for each key. */
#define PARTS_MAX 40
/* Memory for the keys of pieces. */
#define QUESTION_BYTES_MAX (UINT64_C(256) << 20)
/* What one piece costs, in comparisons. */
#define PIECE_WORK 64

/* A box, and the taker that is to be asked next. */
struct waiting {
	struct bh_lint_box box;
	uint32_t at;
};

struct search {
	struct bh_lint_run *run;
	struct bh_lint_taker *taker;
	uint32_t n_takers;
	struct waiting *waiting;
	uint32_t n, cap;
	struct bh_arena arena;
	struct bh_lint_plane scratch;
	uint64_t until;
	bool gave_up;
};

static void
push(struct search *s, const struct bh_lint_box *box, uint32_t at)
{
	struct waiting *grown, *w;

	if (!bh_lint_cubes_talk(&box->end[0], &box->end[1]))
		return;
	if (s->n == WAITING_MAX) {
		s->gave_up = true;
		return;
	}
	if (s->n == s->cap) {
		s->cap = s->cap != 0 ? 2 * s->cap : 64;
		grown = realloc(s->waiting, s->cap * sizeof(*grown));
		if (grown == NULL) {
			s->run->rc = -ENOMEM;
			s->gave_up = true;
			return;
		}
		s->waiting = grown;
	}
	w = &s->waiting[s->n++];
	*w = (struct waiting){*box, at};
	bh_lint_cubes_family(&w->box.end[0], &w->box.end[1]);
	bh_lint_cubes_family(&w->box.end[1], &w->box.end[0]);
}

/* ---- one box of a taker ----------------------------------------------------------------------------- */

/* What is left of w->box without b, as new pieces; false: b takes nothing of it. */
static bool
take(struct search *s, const struct waiting *w, const struct bh_lint_box *b)
{
	struct bh_lint_cube part[2][PARTS_MAX];
	struct bh_lint_box piece = w->box;
	int n[2] = {0, 0}, i, end;
	uint32_t k, widest = 0;

	s->scratch.n = 0;
	s->scratch.failed = false;
	bh_lint_plane_add(&s->scratch, &w->box.rect);
	if (!bh_lint_plane_subtract(&s->scratch, &b->rect))
		return false;
	for (end = 0; end < 2; end++) {
		n[end] = bh_lint_cube_split(&s->arena, &piece.end[end], &b->end[end], part[end],
					    PARTS_MAX);
		if (n[end] == -ENOMEM)
			s->run->rc = -ENOMEM;
		if (n[end] < 0)
			s->gave_up = true;
	}
	if (s->gave_up)
		return true;
	/* piece is what both have of the ends. Last in, first out: others outside first, then other services. */
	for (k = 1; k < s->scratch.n; k++) {
		if (s->scratch.rect[k].last - s->scratch.rect[k].first >
		    s->scratch.rect[widest].last - s->scratch.rect[widest].first)
			widest = k;
	}
	for (end = 1; end >= 0; end--) {
		for (i = n[end]; i > 0; i--) {
			struct bh_lint_box out = w->box;

			out.end[end] = part[end][i - 1];
			if (end == 1)
				out.end[0] = piece.end[0];
			push(s, &out, w->at);
			s->run->work += PIECE_WORK + part[end][i - 1].n_keys;
		}
	}
	for (k = 0; k < s->scratch.n; k++) {
		piece.rect =
			s->scratch.rect[k != s->scratch.n - 1 ? (k < widest ? k : k + 1) : widest];
		push(s, &piece, w->at);
	}
	return true;
}

/* ---- takers ----------------------------------------------------------------------------------------- */

static uint32_t
side_n(const struct bh_side *side)
{
	return side->n != 0 ? side->n : 1;
}

static const struct bh_lint_cube *
side_cubes(const struct bh_lint_segments *x, const struct bh_side *side, uint32_t i, uint32_t *n)
{
	if (side->n == 0) {
		*n = 1;
		return &bh_lint_anybody;
	}
	*n = x->segment[side->segment[i]].n_cubes;
	return &x->cube[x->segment[side->segment[i]].first_cube];
}

/* The next cube of a side that meets c, from (*seg, *cube) on; NULL: none. */
static const struct bh_lint_cube *
next_meeting(struct bh_lint_run *run, const struct bh_side *side, const struct bh_lint_cube *c,
	     uint32_t *seg, uint32_t *cube)
{
	const struct bh_lint_cube *list;
	uint32_t n;

	for (; *seg < side_n(side); (*seg)++, *cube = 0) {
		list = side_cubes(&run->segments, side, *seg, &n);
		while (*cube < n) {
			run->work++;
			if (bh_lint_cube_meets(&list[*cube], c))
				return &list[(*cube)++];
			(*cube)++;
		}
	}
	return NULL;
}

/* The first box of a taker that takes something of w->box; false: none does. */
static bool
taker_takes(struct search *s, const struct waiting *w, const struct bh_lint_taker *t)
{
	uint32_t seg[2], cube[2], k;
	struct bh_lint_box b;
	const struct bh_lint_cube *from, *to;

	for (k = 0; k < t->plane->n; k++) {
		s->run->work++;
		if (!bh_lint_rect_meets(&t->plane->rect[k], &w->box.rect))
			continue;
		b.rect = t->plane->rect[k];
		seg[0] = cube[0] = 0;
		while ((from = next_meeting(s->run, t->from, &w->box.end[0], &seg[0], &cube[0])) !=
		       NULL) {
			seg[1] = cube[1] = 0;
			to = next_meeting(s->run, t->to, &w->box.end[1], &seg[1], &cube[1]);
			if (to == NULL)
				break;
			b.end[0] = *from;
			b.end[1] = *to;
			/* One that decides otherwise ends the search: it may have a part of it. */
			if (t->stops || take(s, w, &b))
				return true;
			/* The rectangles alone tell that it takes nothing. */
			break;
		}
	}
	return false;
}

enum bh_lint_answer
bh_lint_search(struct bh_lint_run *run, const struct bh_lint_question *q, struct bh_lint_box *left)
{
	struct search s = {.run = run,
			   .taker = q->taker,
			   .n_takers = q->n_takers,
			   .until = run->work + QUESTION_WORK_MAX};
	enum bh_lint_answer answer = BH_LINT_TAKEN;
	struct waiting w;
	uint32_t i;

	for (i = 0; i < q->n_boxes; i++)
		push(&s, &q->box[i], 0);
	while (s.n != 0 && !s.gave_up) {
		w = s.waiting[--s.n];
		while (w.at < s.n_takers && !taker_takes(&s, &w, &s.taker[w.at]))
			w.at++;
		if (w.at == s.n_takers || s.taker[w.at].stops) {
			*left = w.box;
			answer = BH_LINT_LEFT;
			break;
		}
		s.taker[w.at].took = true;
		run->work += PIECE_WORK;
		if (run->work > s.until || s.arena.bytes > QUESTION_BYTES_MAX)
			s.gave_up = true;
	}
	if (s.gave_up)
		answer = BH_LINT_UNDECIDABLE;
	free(s.waiting);
	bh_lint_plane_free(&s.scratch);
	/* *left lies in it. */
	bh_arena_free(&run->kept);
	run->kept = s.arena;
	return answer;
}
