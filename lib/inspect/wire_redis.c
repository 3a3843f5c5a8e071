/* redis: arguments and replies as values of their own (RESP2, RESP3). An element is a line, or a line with a length and so
 * many bytes; aggregates are only lines that say how many elements follow, so that nesting needs no stack. */
#include "wire_priv.h"

#define LINE 24 /* of a line that is a number */
#define BULK_MAX (UINT64_C(1) << 40)

enum step { TYPE, NUMBER, TEXT, BULK, BULK_CR, BULK_LF, INLINE };

struct side {
	uint64_t left;     /* bytes of an element */
	uint64_t elements; /* of this message, still to come */
	uint8_t step, type;
	uint8_t used;
	bool chunks; /* of an element of unknown length */
	bool first, hidden;
	uint8_t n_name;
	uint8_t name[8]; /* of the command */
	uint8_t line[LINE];
};

struct redis {
	struct side side[2];
};

/* ---- elements ---------------------------------------------------------------------------------------- */

static void
element_ends(struct bh_wire *w, struct side *s)
{
	bh_wire_gap(w);
	s->step = TYPE;
	s->first = false;
	if (s->elements > 0)
		s->elements--;
	if (s->elements != 0)
		return;
	bh_wire_end(w, w->side);
	s->hidden = false;
}

/* Secrets are not shown to anyone. */
static void
command_named(struct bh_wire *w, struct side *s)
{
	struct bh_view v = {s->name, s->n_name};
	bool hello = bh_is(&v, 0, v.len, "hello");

	if (!bh_is(&v, 0, v.len, "auth") && !hello)
		return;
	s->hidden = true;
	/* HELLO 3 AUTH user password */
	if (s->elements >= (hello ? 5 : 2))
		bh_wire_password(w);
}

static void
said(struct bh_wire *w, struct side *s, struct bh_cur part)
{
	size_t i;

	for (i = 0; s->first && i < bh_cur_left(&part) && s->n_name < sizeof(s->name); i++)
		s->name[s->n_name++] = part.p[i];
	if (!s->hidden)
		bh_wire_text(w, part.p, bh_cur_left(&part));
}

/* An element of so many bytes. */
static bool
bulk(struct bh_wire *w, struct side *s, uint64_t n)
{
	if (n > BULK_MAX)
		return false;
	s->left = n;
	s->step = n > 0 ? BULK : BULK_CR;
	if (s->type == ';' && n == 0) {
		s->chunks = false;
		element_ends(w, s);
	}
	return true;
}

/* So many elements; of maps and attributes, twice as many. */
static bool
aggregate(struct bh_wire *w, struct side *s, uint64_t n)
{
	bool pairs = s->type == '%' || s->type == '|';

	if (n > UINT32_MAX)
		return false;
	if (s->elements == 0) {
		s->elements = 1;
		s->first = w->side == 0;
		s->n_name = 0;
	}
	s->elements += n * (pairs ? 2 : 1);
	s->step = TYPE;
	/* an attribute is none itself: what it is of follows */
	if (s->type == '|')
		return true;
	if (--s->elements == 0)
		bh_wire_end(w, w->side);
	return true;
}

/* The line behind a type that has a number. */
static bool
number(struct bh_wire *w, struct side *s)
{
	uint64_t n = 0;
	unsigned i;

	if (s->used > 0 && s->line[s->used - 1] == '\r')
		s->used--;
	if (s->used == 1 && s->line[0] == '?') {
		/* of unknown length: chunks; of unknown number: its elements are taken for messages */
		s->chunks = s->type == '$';
		s->step = TYPE;
		return true;
	}
	if (s->used > 1 && s->line[0] == '-') {
		s->elements += s->elements == 0;
		element_ends(w, s);
		return true;
	}
	for (i = 0; i < s->used; i++) {
		if (!bh_is_digit(s->line[i]) || n > BULK_MAX)
			return false;
		n = n * 10 + (s->line[i] - '0');
	}
	if (s->used == 0)
		return false;
	return memchr("$=!;", s->type, 4) != NULL ? bulk(w, s, n) : aggregate(w, s, n);
}

static bool
type(struct bh_wire *w, struct side *s, uint8_t c)
{
	s->type = c;
	s->used = 0;
	if (s->elements == 0 && !s->chunks)
		bh_wire_begin(w, BH_TEXT_DATA);
	if (memchr("$*=!;%~>|", c, 9) != NULL)
		s->step = NUMBER;
	else if (memchr("+-:_#,(.", c, 8) != NULL)
		s->step = TEXT;
	else if (w->side == 0 && s->elements == 0)
		s->step = INLINE;
	else
		return false;
	return true;
}

/* ---- bytes ------------------------------------------------------------------------------------------- */

/* A line that is shown as it comes. */
static void
text(struct bh_wire *w, struct side *s, struct bh_cur *in)
{
	const uint8_t *from = in->p, *lf = memchr(from, '\n', bh_cur_left(in));
	size_t n = lf != NULL ? (size_t)(lf - from) : bh_cur_left(in);

	(void)bh_cur_take(in, n + (lf != NULL));
	if (n > 0 && from[n - 1] == '\r')
		n--;
	said(w, s, bh_cur(from, n));
	if (lf != NULL)
		element_ends(w, s);
}

static bool
line(struct bh_wire *w, struct side *s, struct bh_cur *in)
{
	uint8_t c = 0;

	while (bh_cur_u8(in, &c) && c != '\n') {
		if (s->used == LINE)
			return false;
		s->line[s->used++] = c;
	}
	return c == '\n' ? number(w, s) : true;
}

static void
bytes(struct bh_wire *w, struct side *s, struct bh_cur *in)
{
	struct bh_cur part = bh_wire_upto(in, s->left);

	s->left -= bh_cur_left(&part);
	said(w, s, part);
	if (s->left != 0)
		return;
	s->step = BULK_CR;
	/* a number at the end is told at once */
	if (!s->chunks)
		bh_wire_gap(w);
	if (s->first)
		command_named(w, s);
	s->first = false;
}

static bool
step(struct bh_wire *w, struct side *s, struct bh_cur *in)
{
	uint8_t c = 0;

	switch (s->step) {
	case TYPE:
		(void)bh_cur_u8(in, &c);
		/* empty lines between commands are nothing */
		if (s->elements == 0 && (c == '\r' || c == '\n'))
			return true;
		return type(w, s, c);
	case NUMBER:
		return line(w, s, in);
	case BULK:
		bytes(w, s, in);
		return true;
	case BULK_CR:
		(void)bh_cur_u8(in, &c);
		s->step = BULK_LF;
		return c == '\r';
	case BULK_LF:
		(void)bh_cur_u8(in, &c);
		s->step = TYPE;
		if (!s->chunks)
			element_ends(w, s);
		return c == '\n';
	case INLINE:
		/* its first byte was taken for a type */
		said(w, s, bh_cur(&s->type, 1));
		s->step = TEXT;
		return true;
	}
	text(w, s, in);
	return true;
}

static bool
feed(struct bh_wire *w, struct bh_cur *in)
{
	struct redis *r = BH_WIRE_OF(w, struct redis);

	while (bh_cur_left(in) > 0)
		if (!step(w, &r->side[w->side], in))
			return false;
	return true;
}

const struct bh_wire_proto bh_wire_redis = {.feed = feed};
