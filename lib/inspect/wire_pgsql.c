/* postgresql: statements, values bound to them, rows and COPY (PostgreSQL "Frontend/Backend Protocol" 3, "Message
 * Formats"). A message is a byte of type and a length; the first ones of a client have no type. */
#include "wire_priv.h"

#define COLUMNS 256

enum {
	CODE_SSL = 80877103,
	CODE_GSS = 80877104,
	OID_INT8 = 20,
	OID_NUMERIC = 1700,
	OID_FLOAT8 = 701,
	OID_TIMESTAMP = 1114,
	OID_TIMESTAMPTZ = 1184,
};

/* What a message's bytes are. */
enum part {
	PASS,
	TEXT,
	QUERY,   /* a text up to a 0 */
	STRINGS, /* texts that end with 0, passed over */
	FORMATS, /* of what is bound */
	SKIP,
	COUNT,
	LENGTH,
	VALUE,
	NUMBER,
	RESULTS, /* formats of what will be answered */
	NAME,
	COLUMN,
};

struct side {
	struct bh_wire_some head, some;
	uint32_t left;  /* of the message */
	uint32_t bytes; /* of a value */
	uint16_t n, i;
	uint8_t type, part;
	uint8_t strings;
	bool inside;
};

struct pgsql {
	struct side side[2];
	uint32_t oid[COLUMNS];
	uint16_t n_oid;
	bool started; /* the client's messages have types */
	bool asked;   /* for encryption */
	bool binary;  /* the format of results that was asked for last */
};

/* ---- values ------------------------------------------------------------------------------------------- */

/* Digits to the base 10,000, the first one of weight 10,000^weight. Positive integers of up to 20 digits. */
static void
numeric(struct bh_wire *w, const uint8_t *p, uint32_t len)
{
	unsigned n = (unsigned)bh_wire_be(p, 2), weight = (unsigned)bh_wire_be(p + 2, 2), i;
	uint64_t value = 0;

	if (n > 5 || weight > 4 || len < 8 + 2 * n || bh_wire_be(p + 4, 2) != 0)
		return;
	for (i = 0; i <= weight; i++)
		value = value * 10000 + (i < n ? bh_wire_be(p + 8 + 2 * (size_t)i, 2) : 0);
	bh_wire_number(w, value);
}

static uint32_t
oid_of(const struct pgsql *p, const struct side *s)
{
	return s->n == p->n_oid && s->i < COLUMNS ? p->oid[s->i] : 0;
}

/* Values of the binary format that may be numbers; texts are the same in both. */
static bool
is_number(const struct pgsql *p, const struct side *s)
{
	uint32_t oid = oid_of(p, s);

	if (!p->binary || oid == OID_TIMESTAMP || oid == OID_TIMESTAMPTZ)
		return false;
	return oid == OID_NUMERIC ? s->bytes >= 8 && s->bytes <= sizeof(s->some.byte)
				  : s->bytes == 8;
}

static void
number(struct bh_wire *w, const struct pgsql *p, const struct side *s)
{
	uint32_t oid = oid_of(p, s);

	switch (oid) {
	case OID_NUMERIC:
		numeric(w, s->some.byte, s->bytes);
		break;
	case OID_FLOAT8:
		bh_wire_double(w, bh_wire_be(s->some.byte, 8));
		break;
	default:
		bh_wire_number(w, bh_wire_be(s->some.byte, 8));
		/* What was described last need not be what is answered now. */
		if (oid != OID_INT8)
			bh_wire_text(w, s->some.byte, 8);
		break;
	}
}

static void
next_value(struct bh_wire *w, struct side *s)
{
	bh_wire_gap(w);
	s->some.have = 0;
	s->part = ++s->i < s->n ? LENGTH : s->type == 'B' ? RESULTS : PASS;
}

static void
length(struct bh_wire *w, const struct pgsql *p, struct side *s, struct bh_cur *in)
{
	if (!bh_wire_collect(&s->some, in, 4))
		return;
	s->bytes = (uint32_t)bh_wire_be(s->some.byte, 4);
	s->some.have = 0;
	s->part = w->side == 1 && is_number(p, s) ? NUMBER : VALUE;
	/* -1: NULL */
	if (s->bytes == UINT32_MAX || s->bytes == 0)
		next_value(w, s);
}

static void
value(struct bh_wire *w, struct side *s, struct bh_cur *in)
{
	struct bh_cur part = bh_wire_upto(in, s->bytes);

	s->bytes -= (uint32_t)bh_cur_left(&part);
	bh_wire_text(w, part.p, bh_cur_left(&part));
	if (s->bytes == 0)
		next_value(w, s);
}

/* ---- parts of messages --------------------------------------------------------------------------------- */

/* Number of values or columns. */
static void
count(struct pgsql *p, struct side *s, struct bh_cur *in)
{
	if (!bh_wire_collect(&s->some, in, 2))
		return;
	s->n = (uint16_t)bh_wire_be(s->some.byte, 2);
	s->i = 0;
	s->some.have = 0;
	s->part = s->n > 0 ? LENGTH : s->type == 'B' ? RESULTS : PASS;
	if (s->type == 'T') {
		p->n_oid = s->n;
		s->part = NAME;
	}
}

/* Of a column behind its name: table, number, type, size, modifier, format. */
static void
column(struct pgsql *p, struct side *s, struct bh_cur *in)
{
	enum { FIXED = 16 }; /* all but the format */

	if (!bh_wire_collect(&s->some, in, FIXED))
		return;
	if (s->i < COLUMNS)
		p->oid[s->i] = (uint32_t)bh_wire_be(s->some.byte + 6, 4);
	s->i++;
	s->some.have = 0;
	s->bytes = 2;
	s->part = SKIP;
}

/* How many formats of results follow, and the first one. */
static void
results(struct pgsql *p, struct side *s, struct bh_cur *in)
{
	if (!bh_wire_collect(&s->some, in, 2))
		return;
	p->binary = false;
	if (bh_wire_be(s->some.byte, 2) != 0) {
		if (!bh_wire_collect(&s->some, in, 4))
			return;
		p->binary = s->some.byte[3] == 1;
	}
	s->part = PASS;
}

static void
formats(struct side *s, struct bh_cur *in)
{
	if (!bh_wire_collect(&s->some, in, 2))
		return;
	s->bytes = 2 * (uint32_t)bh_wire_be(s->some.byte, 2);
	s->some.have = 0;
	s->part = s->bytes > 0 ? SKIP : COUNT;
}

static void
skip(struct side *s, struct bh_cur *in)
{
	struct bh_cur part = bh_wire_upto(in, s->bytes);

	s->bytes -= (uint32_t)bh_cur_left(&part);
	if (s->bytes == 0)
		s->part = s->type == 'B' ? COUNT : NAME;
}

/* A text that ends with 0; true: it has. */
static bool
string(struct bh_wire *w, struct bh_cur *in, bool shown)
{
	const uint8_t *at = in->p, *nul = memchr(at, 0, bh_cur_left(in));
	size_t n = nul != NULL ? (size_t)(nul - at) : bh_cur_left(in);

	if (shown)
		bh_wire_text(w, at, n);
	(void)bh_cur_take(in, n + (nul != NULL));
	return nul != NULL;
}

/* Some of a message's bytes. */
static void
bytes(struct bh_wire *w, struct pgsql *p, struct side *s, struct bh_cur in)
{
	while (bh_cur_left(&in) > 0) {
		switch (s->part) {
		case QUERY:
			if (string(w, &in, true))
				s->part = PASS;
			break;
		case STRINGS:
			if (string(w, &in, false) && --s->strings == 0)
				s->part = s->type == 'P' ? QUERY : FORMATS;
			break;
		case NAME:
			if (string(w, &in, false))
				s->part = COLUMN;
			break;
		case FORMATS:
			formats(s, &in);
			break;
		case SKIP:
			skip(s, &in);
			break;
		case COUNT:
			count(p, s, &in);
			break;
		case LENGTH:
			length(w, p, s, &in);
			break;
		case VALUE:
			value(w, s, &in);
			break;
		case NUMBER:
			if (!bh_wire_collect(&s->some, &in, s->bytes))
				return;
			number(w, p, s);
			next_value(w, s);
			break;
		case COLUMN:
			column(p, s, &in);
			break;
		case RESULTS:
			results(p, s, &in);
			break;
		case TEXT:
			bh_wire_text(w, in.p, bh_cur_left(&in));
			return;
		default:
			return;
		}
	}
}

/* ---- messages ------------------------------------------------------------------------------------------ */

static void
begins(struct bh_wire *w, struct pgsql *p, struct side *s)
{
	s->part = PASS;
	s->some.have = 0;
	s->strings = s->type == 'P' ? 1 : 2;
	switch (s->type) {
	case 'Q':
	case 'P':
		if (w->side == 0) {
			bh_wire_begin(w, BH_TEXT_SQL);
			s->part = s->type == 'Q' ? QUERY : STRINGS;
			p->binary = s->type == 'Q' ? false : p->binary;
		}
		break;
	case 'B':
		if (w->side == 0) {
			bh_wire_begin(w, BH_TEXT_DATA);
			s->part = STRINGS;
		}
		break;
	case 'T':
	case 'D':
		s->part = w->side == 1 ? COUNT : PASS;
		break;
	case 'E':
	case 'N':
	case 'F':
	case 'd':
	case 'A':
		s->part = TEXT;
		break;
	}
}

static void
ends(struct bh_wire *w, struct side *s)
{
	s->inside = false;
	if ((w->side == 0 && memchr("QPB", s->type, 3) != NULL) || (w->side == 1 && s->type == 'Z'))
		bh_wire_end(w, w->side);
	else if (s->type != 'd')
		bh_wire_gap(w);
}

/* A message's head. False: more of it is to come, or it is none. */
static bool
head(struct bh_wire *w, struct pgsql *p, struct side *s, struct bh_cur *in, bool *right)
{
	unsigned typed = w->side == 1 || p->started;
	uint32_t len, code;

	*right = true;
	if (!bh_wire_collect(&s->head, in, typed ? 5 : 8))
		return false;
	len = (uint32_t)bh_wire_be(s->head.byte + typed, 4);
	s->type = typed ? s->head.byte[0] : 0;
	s->head.have = 0;
	*right = len >= (typed ? 4u : 8u) && len < UINT32_C(1) << 30;
	s->left = len - (typed ? 4u : 8u);
	s->inside = *right;
	s->part = PASS;
	if (typed) {
		begins(w, p, s);
		return *right;
	}
	code = (uint32_t)bh_wire_be(s->head.byte + 4, 4);
	p->asked = code == CODE_SSL || code == CODE_GSS;
	p->started = !p->asked;
	return *right;
}

/* One byte says whether what follows is encrypted. */
static void
agreed(struct bh_wire *w, struct pgsql *p, struct bh_cur *in)
{
	uint8_t c = 0;

	(void)bh_cur_u8(in, &c);
	p->asked = false;
	w->c->opaque = c == 'S' || c == 'G';
}

static bool
feed(struct bh_wire *w, struct bh_cur *in)
{
	struct pgsql *p = BH_WIRE_OF(w, struct pgsql);
	struct side *s = &p->side[w->side];
	bool right;

	while (bh_cur_left(in) > 0 && !w->c->opaque) {
		if (w->side == 1 && p->asked) {
			agreed(w, p, in);
			continue;
		}
		if (!s->inside && !head(w, p, s, in, &right)) {
			if (!right)
				return false;
			break;
		}
		if (s->left > 0) {
			struct bh_cur part = bh_wire_upto(in, s->left);

			s->left -= (uint32_t)bh_cur_left(&part);
			bytes(w, p, s, part);
		}
		if (s->left == 0)
			ends(w, s);
	}
	return true;
}

const struct bh_wire_proto bh_wire_pgsql = {.feed = feed};
