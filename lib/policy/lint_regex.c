/* Regular expressions over label values as automata: what PCRE2 and every regular language have in common. What goes beyond
 * is not followed, and said so; what would be matched in more steps than a selector may take is not followed either. */
#include <stdlib.h>

#include "lint_text.h"

enum kind { EMPTY, SET, CAT, OR, REPEAT, BEGIN, END };

struct node {
	enum kind kind;
	uint32_t a, b;
	int min, max; /* REPEAT; max -1: no end */
	uint64_t set[2];
};

/* Pieces of an expression of 256 characters, and states that repetitions make of it. */
#define NODES_MAX 1024
#define DEPTH_MAX 32
#define REPEAT_MAX 127 /* a value has no more characters */
/* Repetitions that may share characters: each is a factor of 127 steps of a match, of which there may be a hundred
 * thousand. */
#define LOOPS_MAX 2

struct parser {
	const char *p;
	struct node node[NODES_MAX];
	uint32_t n;
	unsigned depth, loops;
	bool fold, failed;
};

static uint32_t
add_node(struct parser *r, const struct node *n)
{
	if (r->n == NODES_MAX)
		r->failed = true;
	else
		r->node[r->n++] = *n;
	return r->n - 1;
}

/* ---- sets of characters ------------------------------------------------------------------------------ */

static void
set_add(uint64_t set[2], unsigned c)
{
	if (c < 128)
		set[c / 64] |= UINT64_C(1) << c % 64;
}

static void
set_range(uint64_t set[2], unsigned first, unsigned last)
{
	for (; first <= last; first++)
		set_add(set, first);
}

static void
set_invert(uint64_t set[2])
{
	set[0] = ~set[0];
	set[1] = ~set[1];
}

/* \d, \w, \s and their opposites. false: another letter. */
static bool
set_escape(uint64_t set[2], char c)
{
	uint64_t one[2] = {0, 0};
	char lower = c | 0x20;

	if (lower != 'd' && lower != 'w' && lower != 's')
		return false;
	if (lower == 's') {
		set_add(one, ' ');
		set_range(one, '\t', '\r');
	} else {
		set_range(one, '0', '9');
	}
	if (lower == 'w') {
		set_range(one, 'a', 'z');
		set_range(one, 'A', 'Z');
		set_add(one, '_');
	}
	if (c != lower)
		set_invert(one);
	set[0] |= one[0];
	set[1] |= one[1];
	return true;
}

static bool
is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* [:alpha:] and its like, behind the bracket. */
static bool
set_named(struct parser *r, uint64_t set[2])
{
	static const struct {
		const char *name, *ranges;
	} names[] = {{"[:alpha:]", "azAZ"},   {"[:digit:]", "09"}, {"[:alnum:]", "azAZ09"},
		     {"[:lower:]", "az"},     {"[:upper:]", "AZ"}, {"[:word:]", "azAZ09__"},
		     {"[:xdigit:]", "afAF09"}};
	const char *k;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(names); i++) {
		if (strncmp(r->p, names[i].name, strlen(names[i].name)) != 0)
			continue;
		r->p += strlen(names[i].name);
		for (k = names[i].ranges; *k != '\0'; k += 2)
			set_range(set, (unsigned char)k[0], (unsigned char)k[1]);
		return true;
	}
	return false;
}

static void
set_fold(uint64_t set[2])
{
	unsigned c;

	for (c = 'a'; c <= 'z'; c++) {
		if ((set[1] >> (c - 64) & 1) != 0 || (set[1] >> (c - 32 - 64) & 1) != 0)
			set_range(set, c, c), set_add(set, c - 32);
	}
}

/* One character of a class, or one that stands for more; -1: the latter. */
static int
class_char(struct parser *r, uint64_t set[2])
{
	char c = *r->p++;

	if (c == '[' && (*r->p == ':' || *r->p == '.' || *r->p == '=')) {
		r->p--;
		if (!set_named(r, set))
			r->failed = true;
		return -1;
	}
	if (c != '\\')
		return (unsigned char)c;
	c = *r->p++;
	if (set_escape(set, c))
		return -1;
	if (c == '\0' || is_letter_or_digit(c))
		r->failed = true;
	return (unsigned char)c;
}

/* Behind '['. */
static uint32_t
parse_class(struct parser *r)
{
	struct node n = {.kind = SET};
	bool invert = *r->p == '^', first = true;
	int c, to;

	r->p += invert;
	for (; !r->failed && (*r->p != ']' || first); first = false) {
		if (*r->p == '\0') {
			r->failed = true;
			break;
		}
		c = class_char(r, n.set);
		if (r->failed || c < 0)
			continue;
		if (r->p[0] != '-' || r->p[1] == ']' || r->p[1] == '\0') {
			set_add(n.set, (unsigned)c);
			continue;
		}
		r->p++;
		to = class_char(r, n.set);
		if (to < c)
			r->failed = true;
		else
			set_range(n.set, (unsigned)c, (unsigned)to);
	}
	r->p += !r->failed;
	if (r->fold)
		set_fold(n.set);
	if (invert)
		set_invert(n.set);
	return add_node(r, &n);
}

/* ---- expressions ------------------------------------------------------------------------------------- */

static uint32_t parse_or(struct parser *r);

static uint32_t
parse_group(struct parser *r)
{
	uint32_t n;

	if (*r->p == '?' || *r->p == '*') {
		if (r->p[0] != '?' || r->p[1] != ':') {
			r->failed = true;
			return 0;
		}
		r->p += 2;
	}
	if (++r->depth > DEPTH_MAX) {
		r->failed = true;
		return 0;
	}
	n = parse_or(r);
	r->depth--;
	if (*r->p != ')')
		r->failed = true;
	else
		r->p++;
	return n;
}

static uint32_t
parse_escape(struct parser *r)
{
	struct node n = {.kind = SET};
	char c = *r->p++;

	if (c == 'A' || c == 'z' || c == 'Z')
		n.kind = c == 'A' ? BEGIN : END;
	else if (!set_escape(n.set, c)) {
		if (c == '\0' || is_letter_or_digit(c))
			r->failed = true;
		set_add(n.set, (unsigned char)c);
	}
	return add_node(r, &n);
}

static uint32_t
parse_atom(struct parser *r)
{
	struct node n = {.kind = SET};
	char c = *r->p++;

	switch (c) {
	case '(':
		return parse_group(r);
	case '[':
		return parse_class(r);
	case '\\':
		return parse_escape(r);
	case '^':
	case '$':
		n.kind = c == '^' ? BEGIN : END;
		break;
	case '.':
		set_invert(n.set);
		break;
	case '*':
	case '+':
	case '?':
	case '{':
		r->failed = true;
		break;
	default:
		set_add(n.set, (unsigned char)c);
		if (r->fold)
			set_fold(n.set);
	}
	return add_node(r, &n);
}

static bool
take_number(struct parser *r, int *out)
{
	*out = 0;
	if (*r->p < '0' || *r->p > '9')
		return false;
	while (*r->p >= '0' && *r->p <= '9' && *out <= REPEAT_MAX)
		*out = *out * 10 + (*r->p++ - '0');
	return *out <= REPEAT_MAX;
}

/* {n}, {n,}, {n,m} behind the brace. */
static bool
take_bounds(struct parser *r, struct node *n)
{
	if (!take_number(r, &n->min))
		return false;
	n->max = n->min;
	if (*r->p == ',') {
		r->p++;
		n->max = -1;
		if (*r->p != '}' && !take_number(r, &n->max))
			return false;
	}
	return *r->p++ == '}' && (n->max < 0 || n->max >= n->min);
}

/* Does a loop of characters stand before one that it never takes? It then ends at one place. */
static bool
ends_there(const struct parser *r, uint32_t loop, uint32_t next)
{
	const struct node *l = &r->node[loop], *n = &r->node[next];

	if (l->kind != REPEAT || r->node[l->a].kind != SET)
		return false;
	l = &r->node[l->a];
	if (n->kind == REPEAT && n->min > 0)
		n = &r->node[n->a];
	return n->kind == END ||
	       (n->kind == SET && (l->set[0] & n->set[0]) == 0 && (l->set[1] & n->set[1]) == 0);
}

static bool
is_loop(const struct node *n)
{
	return n->kind == REPEAT && (n->max < 0 || n->max > 8);
}

/* Loops within a loop explode, unless each turn ends where the next begins: (-[a-z]+)* */
static void
count_loop(struct parser *r, uint32_t body, unsigned before)
{
	uint32_t first = body, last = body;

	while (r->node[first].kind == CAT)
		first = r->node[first].a;
	if (r->node[last].kind == CAT)
		last = r->node[last].b;
	if (r->loops == before + 1 && is_loop(&r->node[last]) && ends_there(r, last, first))
		r->loops = before;
	if (r->loops != before)
		r->failed = true;
	r->loops++;
}

/* Behind an atom. A quantifier that never gives back is another language. before: loops in front of the atom. */
static uint32_t
parse_repeat(struct parser *r, uint32_t atom, unsigned before)
{
	struct node n = {.kind = REPEAT, .a = atom, .max = -1};

	while (!r->failed && *r->p != '\0' && strchr("*+?{", *r->p) != NULL) {
		char c = *r->p++;

		n.min = c == '+';
		n.max = c == '?' ? 1 : -1;
		if (c == '{' && !take_bounds(r, &n))
			r->failed = true;
		if (*r->p == '+' || r->node[atom].kind == BEGIN || r->node[atom].kind == END)
			r->failed = true;
		r->p += *r->p == '?';
		if (is_loop(&n))
			count_loop(r, n.a, before);
		n.a = add_node(r, &n);
	}
	return n.a;
}

static uint32_t
parse_cat(struct parser *r)
{
	uint32_t all = BH_NONE, last = BH_NONE, next;
	unsigned before;

	while (!r->failed && *r->p != '\0' && *r->p != '|' && *r->p != ')') {
		before = r->loops;
		next = parse_atom(r);
		next = r->failed ? 0 : parse_repeat(r, next, before);
		if (r->failed)
			return 0;
		if (last != BH_NONE && is_loop(&r->node[last]) && ends_there(r, last, next))
			r->loops--;
		last = next;
		all = all == BH_NONE
			      ? next
			      : add_node(r, &(struct node){.kind = CAT, .a = all, .b = next});
	}
	return all != BH_NONE ? all : add_node(r, &(struct node){.kind = EMPTY});
}

static uint32_t
parse_or(struct parser *r)
{
	uint32_t all = parse_cat(r), next;

	while (!r->failed && *r->p == '|') {
		r->p++;
		next = parse_cat(r);
		all = add_node(r, &(struct node){.kind = OR, .a = all, .b = next});
	}
	return all;
}

/* ---- automata ---------------------------------------------------------------------------------------- */

struct maker {
	struct bh_text_machine *m;
	const struct node *node;
	uint32_t owner;
};

static uint32_t make(const struct maker *k, uint32_t node, uint32_t next);

static uint32_t
add(const struct maker *k, int kind, uint32_t out, uint32_t alt)
{
	return bh_text_state_add(k->m, &(struct bh_text_state){.kind = kind,
							       .out = out,
							       .alt = alt,
							       .owner = k->owner});
}

static uint32_t
make_repeat(const struct maker *k, const struct node *n, uint32_t next)
{
	uint32_t both;
	int i;

	if (n->max < 0) {
		both = add(k, BH_TEXT_BOTH, BH_NONE, next);
		if (both == BH_NONE)
			return BH_NONE;
		next = make(k, n->a, both);
		k->m->state[both].out = next;
		next = both;
	}
	for (i = n->min; i < n->max && !k->m->failed; i++)
		next = add(k, BH_TEXT_BOTH, make(k, n->a, next), next);
	for (i = 0; i < n->min && !k->m->failed; i++)
		next = make(k, n->a, next);
	return next;
}

/* The state that a node starts with, before `next`. */
static uint32_t
make(const struct maker *k, uint32_t node, uint32_t next)
{
	const struct node *n = &k->node[node];

	if (k->m->failed)
		return BH_NONE;
	switch (n->kind) {
	case SET:
		return bh_text_state_add(k->m,
					 &(struct bh_text_state){.kind = BH_TEXT_TAKE,
								 .out = next,
								 .alt = BH_NONE,
								 .owner = k->owner,
								 .set = {n->set[0], n->set[1]}});
	case CAT:
		return make(k, n->a, make(k, n->b, next));
	case OR:
		return add(k, BH_TEXT_BOTH, make(k, n->a, next), make(k, n->b, next));
	case REPEAT:
		return make_repeat(k, n, next);
	case BEGIN:
		return add(k, BH_TEXT_BEGIN, next, BH_NONE);
	case END:
		return add(k, BH_TEXT_END, next, BH_NONE);
	default:
		return next;
	}
}

bool
bh_text_add_regex(struct bh_text_machine *m, const char *text, uint32_t asked)
{
	struct parser *r = calloc(1, sizeof(*r));
	struct maker k = {.m = m, .owner = asked};
	uint32_t top, start;
	bool taken;

	if (r == NULL) {
		m->failed = true;
		return false;
	}
	r->p = text;
	if (strncmp(text, "(?i)", 4) == 0) {
		r->p += 4;
		r->fold = true;
	}
	top = parse_or(r);
	/* One that may stand anywhere is one loop more. */
	taken = !r->failed && *r->p == '\0' &&
		r->loops + (text[0] != '^' && r->loops != 0) <= LOOPS_MAX;
	if (taken) {
		k.node = r->node;
		start = make(&k, top, add(&k, BH_TEXT_MET, asked, BH_NONE));
		bh_text_add_start(m, start);
	}
	free(r);
	return taken;
}
