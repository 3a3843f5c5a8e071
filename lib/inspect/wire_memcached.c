/* memcached: values that are stored and fetched, in the text protocol (protocol.txt: storage, retrieval and meta commands)
 * and the binary one (a head of 24 bytes, extras, key, value). */
#include "wire_priv.h"

#define LINE 2048 /* of longer ones the server takes those that ask for many keys */

enum step { FIRST, WORDS, VALUE, END, HEAD, EXTRAS, KEY, BODY };

struct side {
	struct bh_wire_some head;
	uint64_t left, value; /* bytes of this part, and of the value behind it */
	uint16_t used, key;
	uint8_t step;
	uint8_t line[LINE];
};

struct memcached {
	struct side side[2];
	bool known, binary; /* for all of the connection: the server goes by its first byte */
};

/* ---- text -------------------------------------------------------------------------------------------- */

/* Which word of a line is the length of the value that follows, from 1; 0: none follows. */
static unsigned
length_at(const struct side *s, unsigned side)
{
	static const char *const store[] = {"set ",    "add ",     "replace ",
					    "append ", "prepend ", "cas "};
	struct bh_view v = {s->line, s->used};
	unsigned i;

	if (side == 1)
		return bh_at(&v, 0, "value ") ? 4 : bh_at(&v, 0, "va ") ? 2 : 0;
	for (i = 0; i < BH_ARRAY_SIZE(store); i++)
		if (bh_at(&v, 0, store[i]))
			return 5;
	return bh_at(&v, 0, "ms ") ? 3 : 0;
}

static void
line_ends(struct bh_wire *w, struct side *s)
{
	unsigned want = length_at(s, w->side), word = 0;
	uint64_t n = 0;
	size_t i = 0, digits = 0;

	bh_wire_text(w, s->line, s->used);
	bh_wire_gap(w);
	while (i < s->used && word < want) {
		while (i < s->used && bh_is_space(s->line[i]))
			i++;
		word += i < s->used;
		for (n = digits = 0; i < s->used && !bh_is_space(s->line[i]); i++, digits++)
			n = bh_is_digit(s->line[i]) && n < UINT32_MAX ? n * 10 + (s->line[i] - '0')
								      : UINT64_MAX / 16;
	}
	s->used = 0;
	s->step = FIRST;
	if (want == 0 || word < want || digits == 0 || n >= UINT64_MAX / 16) {
		/* a list of values is one message, which END closes */
		bh_wire_end(w, w->side);
		return;
	}
	s->left = n;
	s->step = n > 0 ? VALUE : END;
}

static bool
words(struct bh_wire *w, struct side *s, struct bh_cur *in)
{
	uint8_t c = 0;

	while (bh_cur_u8(in, &c) && c != '\n') {
		if (s->used == LINE) {
			bh_wire_text(w, s->line, LINE);
			bh_wire_text(w, &c, 1);
			return false;
		}
		if (c != '\r')
			s->line[s->used++] = c;
	}
	if (c == '\n')
		line_ends(w, s);
	return true;
}

/* Of the value, or of a part of a binary message. */
static bool
bytes(struct bh_wire *w, struct side *s, struct bh_cur *in, bool shown)
{
	struct bh_cur part = bh_wire_upto(in, s->left);

	s->left -= bh_cur_left(&part);
	if (shown)
		bh_wire_text(w, part.p, bh_cur_left(&part));
	if (s->left > 0)
		return false;
	if (shown)
		bh_wire_gap(w);
	return true;
}

/* ---- binary ------------------------------------------------------------------------------------------ */

/* The next part that is not empty. */
static void
next(struct bh_wire *w, struct side *s)
{
	if (s->step == EXTRAS) {
		s->step = KEY;
		s->left = s->key;
	}
	if (s->step == KEY && s->left == 0) {
		s->step = BODY;
		s->left = s->value;
	}
	if (s->step != BODY || s->left != 0)
		return;
	s->step = FIRST;
	bh_wire_end(w, w->side);
}

/* 24 bytes, of which the first 12 matter. */
static bool
head(struct bh_wire *w, struct side *s, struct bh_cur *in)
{
	enum { MATTER = 12, REST = 12 };
	const uint8_t *p = s->head.byte;
	uint32_t all, extras;

	if (!bh_wire_collect(&s->head, in, MATTER))
		return true;
	s->head.have = 0;
	s->key = bh_load_be16(p + 2);
	extras = p[4];
	all = bh_load_be32(p + 8);
	if (all < s->key + extras)
		return false;
	s->value = all - s->key - extras;
	s->left = REST + extras;
	s->step = EXTRAS;
	bh_wire_begin(w, BH_TEXT_DATA);
	/* SASL: its value is a secret */
	if (p[0] == 0x80 && (p[1] == 0x21 || p[1] == 0x22)) {
		s->left += s->key + s->value;
		s->key = 0;
		s->value = 0;
		bh_wire_password(w);
	}
	return true;
}

/* ---- both -------------------------------------------------------------------------------------------- */

static bool
first(struct bh_wire *w, struct memcached *m, struct side *s, const struct bh_cur *in)
{
	bool magic = *in->p == 0x80 + w->side;

	m->binary = m->known ? m->binary : magic;
	m->known = true;
	s->step = m->binary ? HEAD : WORDS;
	return magic || !m->binary;
}

static bool
step(struct bh_wire *w, struct memcached *m, struct bh_cur *in)
{
	struct side *s = &m->side[w->side];
	uint8_t c = 0;

	switch (s->step) {
	case FIRST:
		return first(w, m, s, in);
	case WORDS:
		return words(w, s, in);
	case VALUE:
		if (bytes(w, s, in, true))
			s->step = END;
		return true;
	case END:
		(void)bh_cur_u8(in, &c);
		if (c != '\n')
			return c == '\r';
		s->step = FIRST;
		if (w->side == 0)
			bh_wire_end(w, 0);
		return true;
	case HEAD:
		return head(w, s, in);
	}
	if (bytes(w, s, in, s->step != EXTRAS))
		next(w, s);
	return true;
}

static bool
feed(struct bh_wire *w, struct bh_cur *in)
{
	struct memcached *m = BH_WIRE_OF(w, struct memcached);

	while (bh_cur_left(in) > 0)
		if (!step(w, m, in))
			return false;
	return true;
}

const struct bh_wire_proto bh_wire_memcached = {.feed = feed};
