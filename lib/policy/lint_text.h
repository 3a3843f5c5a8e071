/* lint_text: which requirements a text of a label can meet at once.
 *
 * Requirements on the values of one key are automata over the texts that a label value can be. All of them run at once
 * (subset construction); values that meet the same ones are one atom, written as the shortest of them. A requirement is
 * then a list of atoms, and sets of values are compared exactly. */
#ifndef BH_POLICY_LINT_TEXT_H
#define BH_POLICY_LINT_TEXT_H

#include "lint.h"

/* A state: takes a character of the set to `out`, or goes on without one. */
struct bh_text_state {
	enum { BH_TEXT_TAKE, BH_TEXT_BOTH, BH_TEXT_BEGIN, BH_TEXT_END, BH_TEXT_MET } kind;
	uint32_t out,
		alt; /* TAKE: alt has the next of a list; BOTH: either; MET: out is the requirement */
	uint32_t owner;  /* requirement that it serves alone, or BH_NONE */
	uint64_t set[2]; /* TAKE: a bit a character */
};

struct bh_text_machine {
	struct bh_text_state *state;
	uint32_t n, cap;
	uint32_t root;   /* list of states that beginnings and whole values start with */
	uint32_t *start; /* where texts that may stand anywhere start; n_starts */
	uint32_t n_starts, cap_starts;
	uint32_t n_asked; /* requirements */
	bool failed;      /* no memory, or too many states */
};

void bh_text_machine_free(struct bh_text_machine *m);
/* A new state; BH_NONE: failed. */
uint32_t bh_text_state_add(struct bh_text_machine *m, const struct bh_text_state *s);
/* Found anywhere in a text from this state on. */
void bh_text_add_start(struct bh_text_machine *m, uint32_t state);
/* A requirement more, by its number: a beginning, a whole value, a part, a regular expression that is found anywhere.
 * Each of several alternatives is added by itself. */
void bh_text_add_prefix(struct bh_text_machine *m, const char *text, uint32_t asked);
void bh_text_add_whole(struct bh_text_machine *m, const char *text, uint32_t asked);
void bh_text_add_part(struct bh_text_machine *m, const char *text, uint32_t asked);
/* lint_regex.c. false: it has what is not followed here (references, look-around, what backtracks without end). */
bool bh_text_add_regex(struct bh_text_machine *m, const char *text, uint32_t asked);

/* A set of values that meet the same requirements. */
struct bh_text_atom {
	const char *text;
	const uint32_t *asked; /* n_asked, ascending */
	uint32_t n_asked;
};

/* All atoms, sorted by text, into the arena; at most *n. 0, -ENOMEM, or -E2BIG: more than are followed. */
int bh_text_atoms(struct bh_text_machine *m, struct bh_arena *arena, struct bh_text_atom **out,
		  uint32_t *n);

#endif
