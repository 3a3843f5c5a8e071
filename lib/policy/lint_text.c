/* Label values as sets: automata of all requirements on one key, run at once over every text that a value can be, from the
 * shortest on. */
#include <errno.h>
#include <stdlib.h>

#include "lint_text.h"

/* Bounds of one key: a trie of ten thousand names fits, a dozen parts that combine freely do. */
#define STATES_MAX (1u << 18)
#define PLACES_MAX (1u << 17)
#define PLACES_FEW (1u << 10) /* enough for most */
#define WORK_MAX (UINT64_C(1) << 25)

/* As values are written for people: the first that will do. */
static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_./";
#define N_CHARS (sizeof(chars) - 1)
#define N_ALNUM 62

/* ---- the machine ------------------------------------------------------------------------------------- */

void
bh_text_machine_free(struct bh_text_machine *m)
{
	free(m->state);
	free(m->start);
}

uint32_t
bh_text_state_add(struct bh_text_machine *m, const struct bh_text_state *s)
{
	struct bh_text_state *grown;

	if (m->failed || m->n == STATES_MAX) {
		m->failed = true;
		return BH_NONE;
	}
	if (m->n == m->cap) {
		uint32_t cap = m->cap != 0 ? 2 * m->cap : 256;

		grown = realloc(m->state, cap * sizeof(*grown));
		if (grown == NULL) {
			m->failed = true;
			return BH_NONE;
		}
		m->state = grown;
		m->cap = cap;
	}
	if (m->n == 0)
		m->root = BH_NONE;
	m->state[m->n] = *s;
	return m->n++;
}

static uint32_t
add_take(struct bh_text_machine *m, unsigned c, uint32_t owner)
{
	struct bh_text_state s = {.kind = BH_TEXT_TAKE,
				  .out = BH_NONE,
				  .alt = BH_NONE,
				  .owner = owner};

	s.set[c / 64] = UINT64_C(1) << c % 64;
	return bh_text_state_add(m, &s);
}

static uint32_t
add_met(struct bh_text_machine *m, uint32_t asked)
{
	return bh_text_state_add(m, &(struct bh_text_state){.kind = BH_TEXT_MET,
							    .out = asked,
							    .alt = BH_NONE,
							    .owner = BH_NONE});
}

/* Put a state first in a list: of the root (BH_NONE), or behind a state. Only what is entered leads on in a list, not what
 * is stayed in. */
static void
link_behind(struct bh_text_machine *m, uint32_t behind, uint32_t state)
{
	uint32_t *head;

	if (m->failed)
		return;
	head = behind == BH_NONE ? &m->root : &m->state[behind].out;
	m->state[state].alt = *head;
	*head = state;
}

static void
add_in_trie(struct bh_text_machine *m, const char *text, uint32_t asked, bool whole)
{
	uint32_t at = BH_NONE, next, end;

	for (; *text != '\0' && !m->failed; text++) {
		unsigned c = (unsigned char)*text & 127;

		next = at == BH_NONE ? (m->n != 0 ? m->root : BH_NONE) : m->state[at].out;
		while (next != BH_NONE && (m->state[next].kind != BH_TEXT_TAKE ||
					   (m->state[next].set[c / 64] >> c % 64 & 1) == 0))
			next = m->state[next].alt;
		if (next == BH_NONE) {
			next = add_take(m, c, BH_NONE);
			link_behind(m, at, next);
		}
		at = next;
	}
	end = add_met(m, asked);
	if (whole)
		end = bh_text_state_add(m, &(struct bh_text_state){.kind = BH_TEXT_END,
								   .out = end,
								   .alt = BH_NONE,
								   .owner = BH_NONE});
	end = bh_text_state_add(m, &(struct bh_text_state){.kind = BH_TEXT_BOTH,
							   .out = end,
							   .alt = BH_NONE,
							   .owner = BH_NONE});
	link_behind(m, at, end);
}

void
bh_text_add_prefix(struct bh_text_machine *m, const char *text, uint32_t asked)
{
	add_in_trie(m, text, asked, false);
}

void
bh_text_add_whole(struct bh_text_machine *m, const char *text, uint32_t asked)
{
	add_in_trie(m, text, asked, true);
}

void
bh_text_add_start(struct bh_text_machine *m, uint32_t state)
{
	uint32_t *grown;

	if (m->n_starts == m->cap_starts) {
		uint32_t cap = m->cap_starts != 0 ? 2 * m->cap_starts : 64;

		grown = realloc(m->start, cap * sizeof(*grown));
		if (grown == NULL) {
			m->failed = true;
			return;
		}
		m->start = grown;
		m->cap_starts = cap;
	}
	m->start[m->n_starts++] = state;
}

void
bh_text_add_part(struct bh_text_machine *m, const char *text, uint32_t asked)
{
	size_t n = strlen(text);
	uint32_t next = add_met(m, asked), at;

	for (; n > 0 && !m->failed; n--) {
		at = add_take(m, (unsigned char)text[n - 1] & 127, asked);
		if (!m->failed)
			m->state[at].out = next;
		next = at;
	}
	if (!m->failed)
		bh_text_add_start(m, next);
}

/* ---- characters that nothing tells apart ------------------------------------------------------------- */

struct alphabet {
	uint8_t first[N_CHARS]; /* of a group: a character */
	uint8_t n;
};

static void
make_alphabet(const struct bh_text_machine *m, struct alphabet *a)
{
	uint8_t group[N_CHARS], renamed[N_CHARS][2], n = 2, k;
	uint32_t i, c, in;

	for (c = 0; c < N_CHARS; c++)
		group[c] = c >= N_ALNUM;
	for (i = 0; i < m->n && n < N_CHARS; i++) {
		const struct bh_text_state *s = &m->state[i];

		if (s->kind != BH_TEXT_TAKE)
			continue;
		memset(renamed, 0xff, sizeof(renamed));
		for (c = 0, k = 0; c < N_CHARS; c++) {
			in = s->set[(unsigned char)chars[c] / 64] >> chars[c] % 64 & 1;
			if (renamed[group[c]][in] == 0xff)
				renamed[group[c]][in] = k++;
			group[c] = renamed[group[c]][in];
		}
		n = k;
	}
	a->n = 0;
	for (c = 0; c < N_CHARS; c++) {
		for (i = 0; i < a->n && group[a->first[i]] != group[c];)
			i++;
		if (i == a->n)
			a->first[a->n++] = (uint8_t)c;
	}
}

/* ---- all of them at once ----------------------------------------------------------------------------- */

/* States that a text leads to, and the last character of the shortest such text. */
struct place {
	uint32_t first, n; /* in states[] */
	uint32_t parent;
	uint8_t c, depth;
};

struct walk {
	const struct bh_text_machine *m;
	struct bh_arena *arena;
	struct alphabet alphabet;
	struct place *place;
	uint32_t n_places, places_max, atoms_max;
	uint32_t *cell, mask; /* places by hash */
	uint32_t *states;
	size_t n_states, cap_states;
	uint32_t *now, n_now;    /* scratch: the states that are being made */
	uint32_t *seen, turn;    /* by state */
	uint32_t *met, met_turn; /* by requirement */
	uint32_t *todo;
	uint8_t *always; /* by state: one of start[] */
	uint32_t *start, n_start;
	struct bh_text_atom *atom;
	uint32_t n_atoms, *atom_cell, atom_mask;
	uint64_t work;
};

/* Follow what takes no character. at_begin, at_end: of the text. */
static void
follow(struct walk *w, uint32_t from, bool at_begin, bool at_end)
{
	uint32_t n = 0, s;

	w->todo[n++] = from;
	while (n != 0) {
		const struct bh_text_state *t;

		s = w->todo[--n];
		if (s == BH_NONE || w->seen[s] == w->turn)
			continue;
		w->seen[s] = w->turn;
		w->work++;
		t = &w->m->state[s];
		if (t->kind == BH_TEXT_MET)
			w->met[t->out] = w->met_turn;
		if (t->kind == BH_TEXT_BOTH || (t->kind == BH_TEXT_BEGIN && at_begin) ||
		    (t->kind == BH_TEXT_END && at_end))
			w->todo[n++] = t->out;
		/* The rest of a list, or the other way. */
		w->todo[n++] = t->alt;
		if (t->kind != BH_TEXT_BOTH && t->kind != BH_TEXT_BEGIN)
			w->now[w->n_now++] = s;
	}
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
begin_turn(struct walk *w)
{
	w->turn++;
	w->met_turn++;
	w->n_now = 0;
}

static bool
is_needless(const struct walk *w, uint32_t s)
{
	const struct bh_text_state *t = &w->m->state[s];

	/* What only serves a requirement that is met; and what is there in any case. */
	return t->kind != BH_TEXT_MET &&
	       (w->always[s] != 0 || (t->owner != BH_NONE && w->met[t->owner] == w->met_turn));
}

static void
end_turn(struct walk *w)
{
	uint32_t i, k, n = 0, s;

	for (i = 0; i < w->n_now; i++) {
		s = w->now[i];
		if (is_needless(w, s))
			continue;
		/* A few: they are sorted as they come. */
		for (k = n++; k > 0 && w->now[k - 1] > s && n < 64; k--)
			w->now[k] = w->now[k - 1];
		w->now[k] = s;
	}
	w->n_now = n;
	if (n >= 64)
		qsort(w->now, n, sizeof(*w->now), by_number);
}

/* What texts that may stand anywhere start with: there at every character, and so in no place. */
static int
find_starts(struct walk *w)
{
	uint32_t i;

	begin_turn(w);
	for (i = 0; i < w->m->n_starts; i++)
		follow(w, w->m->start[i], false, false);
	w->start = malloc(((size_t)w->n_now + 1) * sizeof(*w->start));
	if (w->start == NULL)
		return -ENOMEM;
	for (i = 0; i < w->n_now; i++) {
		if (w->m->state[w->now[i]].kind == BH_TEXT_MET)
			continue;
		w->always[w->now[i]] = 1;
		w->start[w->n_start++] = w->now[i];
	}
	return 0;
}

static void
take(struct walk *w, uint32_t s, unsigned ch)
{
	const struct bh_text_state *t = &w->m->state[s];

	if (t->kind == BH_TEXT_TAKE && (t->set[ch / 64] >> ch % 64 & 1) != 0 &&
	    (t->owner == BH_NONE || w->met[t->owner] != w->met_turn))
		follow(w, t->out, false, false);
}

static void
step(struct walk *w, const struct place *from, unsigned c)
{
	unsigned ch = (unsigned char)chars[c];
	uint32_t i, s;

	begin_turn(w);
	for (i = 0; i < from->n; i++) {
		s = w->states[from->first + i];
		/* What is met stays so, whatever follows. */
		if (w->m->state[s].kind == BH_TEXT_MET)
			follow(w, s, false, false);
	}
	for (i = 0; i < from->n; i++)
		take(w, w->states[from->first + i], ch);
	for (i = 0; i < w->n_start; i++)
		take(w, w->start[i], ch);
	w->work += from->n + w->n_start / 4;
	end_turn(w);
}

static uint64_t
hash_of(const uint32_t *x, uint32_t n, uint64_t seed)
{
	uint64_t h = seed + n;
	uint32_t i;

	for (i = 0; i < n; i++)
		h = bh_mum(h ^ x[i], UINT64_C(0x9e3779b97f4a7c15));
	return h;
}

static bool
is_alnum(const struct place *p)
{
	return p->c < N_ALNUM;
}

/* A place with the states of now[], unless there is one. */
static int
add_place(struct walk *w, uint32_t parent, unsigned c)
{
	uint32_t i = (uint32_t)hash_of(w->now, w->n_now, c < N_ALNUM) & w->mask;
	uint32_t *grown;

	for (; w->cell[i] != BH_NONE; i = (i + 1) & w->mask) {
		const struct place *p = &w->place[w->cell[i]];

		if (p->depth != 0 && p->n == w->n_now && is_alnum(p) == (c < N_ALNUM) &&
		    (w->n_now == 0 ||
		     memcmp(&w->states[p->first], w->now, w->n_now * sizeof(*w->now)) == 0))
			return 0;
	}
	if (w->n_places == w->places_max || w->work > WORK_MAX)
		return -E2BIG;
	if (w->n_states + w->n_now > w->cap_states) {
		w->cap_states = 2 * w->cap_states + w->n_now + 1024;
		grown = realloc(w->states, w->cap_states * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		w->states = grown;
	}
	if (w->n_now != 0)
		memcpy(&w->states[w->n_states], w->now, w->n_now * sizeof(*w->now));
	w->place[w->n_places] =
		(struct place){.first = (uint32_t)w->n_states,
			       .n = w->n_now,
			       .parent = parent,
			       .c = (uint8_t)c,
			       .depth = parent == BH_NONE ? 0
							  : (uint8_t)(w->place[parent].depth + 1)};
	w->n_states += w->n_now;
	w->cell[i] = w->n_places++;
	return 0;
}

/* ---- atoms ------------------------------------------------------------------------------------------- */

/* Requirements that a text which ends here meets, into now[]. */
static void
meet(struct walk *w, const struct place *p)
{
	uint32_t i, n = 0;

	begin_turn(w);
	for (i = 0; i < p->n; i++) {
		if (w->m->state[w->states[p->first + i]].kind != BH_TEXT_TAKE)
			follow(w, w->states[p->first + i], p->depth == 0, true);
	}
	for (i = 0; i < w->m->n_starts; i++)
		follow(w, w->m->start[i], p->depth == 0, true);
	for (i = 0; i < w->n_now; i++) {
		const struct bh_text_state *t = &w->m->state[w->now[i]];

		if (t->kind == BH_TEXT_MET)
			w->now[n++] = t->out;
	}
	qsort(w->now, n, sizeof(*w->now), by_number);
	for (i = 0, w->n_now = 0; i < n; i++) {
		if (w->n_now == 0 || w->now[w->n_now - 1] != w->now[i])
			w->now[w->n_now++] = w->now[i];
	}
}

static const char *
text_of(struct walk *w, uint32_t place)
{
	const struct place *p = &w->place[place];
	char text[BH_NAME_MAX];
	unsigned n = p->depth;

	text[n] = '\0';
	for (; p->depth != 0; p = &w->place[p->parent])
		text[p->depth - 1] = chars[p->c];
	return bh_arena_text(w->arena, text, n);
}

static int
add_atom(struct walk *w, uint32_t place)
{
	struct bh_text_atom *a;
	uint32_t *asked, i;

	meet(w, &w->place[place]);
	for (i = (uint32_t)hash_of(w->now, w->n_now, 7) & w->atom_mask; w->atom_cell[i] != BH_NONE;
	     i = (i + 1) & w->atom_mask) {
		a = &w->atom[w->atom_cell[i]];
		if (a->n_asked == w->n_now &&
		    memcmp(a->asked, w->now, w->n_now * sizeof(*w->now)) == 0) {
			/* A value that is written reads better than none. */
			if (a->text[0] == '\0' && place != 0)
				a->text = text_of(w, place);
			return a->text != NULL ? 0 : -ENOMEM;
		}
	}
	if (w->n_atoms == w->atoms_max)
		return -E2BIG;
	a = &w->atom[w->n_atoms];
	asked = bh_arena_alloc(w->arena, (w->n_now + 1) * sizeof(*asked));
	a->text = text_of(w, place);
	if (asked == NULL || a->text == NULL)
		return -ENOMEM;
	memcpy(asked, w->now, w->n_now * sizeof(*asked));
	a->asked = asked;
	a->n_asked = w->n_now;
	w->atom_cell[i] = w->n_atoms++;
	return 0;
}

static int
go(struct walk *w)
{
	uint32_t i, k;
	int rc;

	rc = find_starts(w);
	if (rc != 0)
		return rc;
	begin_turn(w);
	if (w->m->n != 0)
		follow(w, w->m->root, true, false);
	for (i = 0; i < w->m->n_starts; i++)
		follow(w, w->m->start[i], true, false);
	end_turn(w);
	rc = add_place(w, BH_NONE, 0);
	for (i = 0; rc == 0 && i < w->n_places; i++) {
		/* A value ends with a letter or a digit, begins with one, and has at most 127 characters. */
		if (i == 0 || is_alnum(&w->place[i]))
			rc = add_atom(w, i);
		for (k = 0; rc == 0 && k < w->alphabet.n; k++) {
			unsigned c = w->alphabet.first[k];

			if ((i == 0 && c >= N_ALNUM) || w->place[i].depth == BH_NAME_MAX - 1)
				continue;
			step(w, &w->place[i], c);
			rc = add_place(w, i, c);
		}
	}
	return rc;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(((const struct bh_text_atom *)a)->text,
		      ((const struct bh_text_atom *)b)->text);
}

static void
walk_free(struct walk *w)
{
	free(w->place);
	free(w->cell);
	free(w->states);
	free(w->now);
	free(w->seen);
	free(w->met);
	free(w->todo);
	free(w->always);
	free(w->start);
	free(w->atom);
	free(w->atom_cell);
}

static int
walk(struct bh_text_machine *m, struct bh_arena *arena, uint32_t places, struct bh_text_atom **out,
     uint32_t *n)
{
	struct walk w = {.m = m, .arena = arena, .places_max = places, .atoms_max = *n};
	int rc = -ENOMEM;

	w.mask = 2 * w.places_max - 1;
	for (w.atom_mask = 1023; w.atom_mask < 2 * w.atoms_max;)
		w.atom_mask = 2 * w.atom_mask + 1;
	make_alphabet(m, &w.alphabet);
	w.place = malloc(w.places_max * sizeof(*w.place));
	w.cell = malloc(((size_t)w.mask + 1) * sizeof(*w.cell));
	w.now = malloc(((size_t)m->n + m->n_asked + 1) * sizeof(*w.now));
	w.seen = calloc((size_t)m->n + 1, sizeof(*w.seen));
	w.met = calloc((size_t)m->n_asked + 1, sizeof(*w.met));
	w.todo = malloc((2 * (size_t)m->n + 2) * sizeof(*w.todo));
	w.always = calloc((size_t)m->n + 1, 1);
	w.atom = malloc(w.atoms_max * sizeof(*w.atom));
	w.atom_cell = malloc(((size_t)w.atom_mask + 1) * sizeof(*w.atom_cell));
	if (w.place != NULL && w.cell != NULL && w.now != NULL && w.seen != NULL && w.met != NULL &&
	    w.always != NULL && w.todo != NULL && w.atom != NULL && w.atom_cell != NULL) {
		memset(w.cell, 0xff, ((size_t)w.mask + 1) * sizeof(*w.cell));
		memset(w.atom_cell, 0xff, ((size_t)w.atom_mask + 1) * sizeof(*w.atom_cell));
		rc = go(&w);
	}
	if (rc == 0) {
		*out = bh_arena_alloc(arena, (w.n_atoms + 1) * sizeof(**out));
		*n = w.n_atoms;
		rc = *out != NULL ? 0 : -ENOMEM;
	}
	if (rc == 0) {
		memcpy(*out, w.atom, w.n_atoms * sizeof(**out));
		qsort(*out, w.n_atoms, sizeof(**out), by_text);
	}
	walk_free(&w);
	return rc;
}

int
bh_text_atoms(struct bh_text_machine *m, struct bh_arena *arena, struct bh_text_atom **out,
	      uint32_t *n)
{
	uint32_t most = *n;
	int rc;

	if (m->failed)
		return m->n == STATES_MAX ? -E2BIG : -ENOMEM;
	rc = walk(m, arena, PLACES_FEW, out, n);
	*n = rc == -E2BIG ? most : *n;
	return rc == -E2BIG ? walk(m, arena, PLACES_MAX, out, n) : rc;
}
