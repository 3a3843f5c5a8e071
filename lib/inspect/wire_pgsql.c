/* postgresql: statements, values bound to them, rows and COPY (PostgreSQL "Frontend/Backend Protocol" 3, "Message
 * Formats"). A message is a byte of type and a length; the first ones of a client have no type. */
#include "wire_pgsql.h"

#define COLUMNS 256
#define PARAMETERS 128
#define FNV 2166136261u

enum { CODE_SSL = 80877103, CODE_GSS = 80877104 };

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
	OIDS,      /* how many types of parameters, and these */
	COPY_FORM, /* of what is copied */
	COPY_HEAD,
	COPY_SKIP,
};

struct side {
	struct bh_wire_some head, some;
	uint32_t left;  /* of the message */
	uint32_t bytes; /* of a value */
	uint32_t hash;  /* of a name */
	uint16_t n, i;
	uint8_t type, part;
	uint8_t strings;
	uint8_t copy;      /* where what is copied in binary has come to; 0: it isn't */
	uint16_t n_format; /* of what is bound */
	uint8_t format[PARAMETERS / 8]; /* bits: binary */
	bool inside;
};

struct pgsql {
	struct side side[2];
	uint32_t oid[COLUMNS];
	uint32_t param[PARAMETERS];
	uint16_t n_oid, n_param;
	/* hashes of names: of the statement that a client spoke of last, and of those that were described last */
	uint32_t named, rows_of, params_of;
	bool started; /* the client's messages have types */
	bool asked;   /* for encryption */
	bool binary;  /* the format of results that was asked for last */
};

static void
begin_part(struct side *s, enum part part)
{
	s->part = (uint8_t)part;
	s->n = s->i = 0;
	s->bytes = 0;
}

/* ---- values ------------------------------------------------------------------------------------------- */

/* What is known of a value. What was described last need not be what is told now. */
static void
type_of(const struct pgsql *p, unsigned side, const struct side *s, struct bh_pg_type *t)
{
	*t = (struct bh_pg_type){.format = BH_PG_ANY};
	if (s->type == 'D' && side == 1) {
		if (p->rows_of == p->named && s->n == p->n_oid && s->i < COLUMNS)
			t->oid = p->oid[s->i];
		t->format = p->binary ? BH_PG_BINARY : BH_PG_ANY;
	} else if (s->type == 'd') {
		t->format = BH_PG_BINARY;
	} else if (s->i < PARAMETERS) {
		unsigned at = s->n_format == 1 ? 0 : s->i;
		bool binary = (s->format[at / 8] >> at % 8 & 1) != 0;

		if (p->params_of == p->named && s->n == p->n_param)
			t->oid = p->param[s->i];
		t->format = binary ? BH_PG_BINARY : BH_PG_TEXT;
	}
}

static void
next_value(struct bh_wire *w, struct side *s)
{
	bh_wire_gap(w);
	s->some.have = 0;
	s->part = ++s->i < s->n ? LENGTH : s->type == 'B' ? RESULTS : s->type == 'd' ? COUNT : PASS;
}

static void
length(struct bh_wire *w, const struct pgsql *p, struct side *s, struct bh_cur *in)
{
	struct bh_pg_type t;

	if (!bh_wire_collect(&s->some, in, 4))
		return;
	s->bytes = (uint32_t)bh_wire_be(s->some.byte, 4);
	s->some.have = 0;
	type_of(p, w->side, s, &t);
	s->part = s->type != 'F' && bh_pg_may_be_number(&t, s->bytes) ? NUMBER : VALUE;
	/* -1: NULL */
	if (s->bytes == UINT32_MAX || s->bytes == 0)
		next_value(w, s);
}

static void
number(struct bh_wire *w, const struct pgsql *p, struct side *s, struct bh_cur *in)
{
	struct bh_pg_type t;

	if (!bh_wire_collect(&s->some, in, s->bytes))
		return;
	type_of(p, w->side, s, &t);
	bh_pg_number(w, &t, s->some.byte, s->bytes);
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
	/* -1 ends what is copied */
	if (s->type == 'd' && (s->n == 0 || s->n == UINT16_MAX))
		s->part = s->n == 0 ? COUNT : PASS;
	if (s->type == 'T') {
		p->rows_of = p->named;
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

/* Of what is bound: how many, and one a turn. */
static void
formats(struct side *s, struct bh_cur *in)
{
	if (s->i == 0 && s->n == 0) {
		if (!bh_wire_collect(&s->some, in, 2))
			return;
		s->n = s->n_format = (uint16_t)bh_wire_be(s->some.byte, 2);
		memset(s->format, 0, sizeof(s->format));
	} else {
		if (!bh_wire_collect(&s->some, in, 2))
			return;
		if (s->i < PARAMETERS && s->some.byte[1] == 1)
			s->format[s->i / 8] |= (uint8_t)(1u << s->i % 8);
		s->i++;
	}
	s->some.have = 0;
	if (s->i >= s->n)
		s->part = COUNT;
}

/* Types of parameters, as a client asks for them or a server tells them. */
static void
oids(struct pgsql *p, struct side *s, struct bh_cur *in)
{
	if (s->bytes == 0) {
		if (!bh_wire_collect(&s->some, in, 2))
			return;
		s->n = (uint16_t)bh_wire_be(s->some.byte, 2);
		/* a client that names none asks what they are */
		p->n_param = s->n;
		p->params_of = p->named;
		s->bytes = 1;
	} else {
		if (!bh_wire_collect(&s->some, in, 4))
			return;
		if (s->i < PARAMETERS)
			p->param[s->i] = (uint32_t)bh_wire_be(s->some.byte, 4);
		s->i++;
	}
	s->some.have = 0;
	if (s->i >= s->n)
		s->part = PASS;
}

/* CopyInResponse, CopyOutResponse: 1 is binary. */
static void
copy_form(struct bh_wire *w, struct pgsql *p, struct side *s, struct bh_cur *in)
{
	uint8_t form = 0;

	(void)bh_cur_u8(in, &form);
	p->side[s->type == 'G' ? 0 : w->side].copy = form == 1 ? COPY_HEAD : 0;
	s->part = PASS;
}

/* Signature (11), flags, and the length of what follows it (PostgreSQL "COPY": Binary Format). */
static void
copy_head(struct side *s, struct bh_cur *in)
{
	if (!bh_wire_collect(&s->some, in, 19))
		return;
	s->bytes = (uint32_t)bh_wire_be(s->some.byte + 15, 4);
	s->some.have = 0;
	s->part = s->bytes > 0 ? COPY_SKIP : COUNT;
}

static void
skip(struct side *s, struct bh_cur *in)
{
	struct bh_cur part = bh_wire_upto(in, s->bytes);

	s->bytes -= (uint32_t)bh_cur_left(&part);
	if (s->bytes == 0)
		s->part = s->part == COPY_SKIP ? COUNT : NAME;
}

/* A text that ends with 0; true: it has. */
static bool
string(struct bh_wire *w, struct bh_cur *in)
{
	const uint8_t *at = in->p, *nul = memchr(at, 0, bh_cur_left(in));
	size_t n = nul != NULL ? (size_t)(nul - at) : bh_cur_left(in);

	if (w != NULL)
		bh_wire_text(w, at, n);
	(void)bh_cur_take(in, n + (nul != NULL));
	return nul != NULL;
}

/* Names: of a statement; of a portal and a statement. FNV-1a. */
static void
names(struct pgsql *p, struct side *s, struct bh_cur *in)
{
	uint8_t c = 0;

	while (bh_cur_u8(in, &c) && c != 0)
		s->hash = (s->hash ^ c) * 16777619u;
	if (c != 0)
		return;
	p->named = s->hash;
	s->hash = FNV;
	if (--s->strings == 0)
		begin_part(s, s->type == 'P' ? QUERY : FORMATS);
}

/* Parts of a fixed form. */
static void
fixed(struct bh_wire *w, struct pgsql *p, struct side *s, struct bh_cur *in)
{
	switch (s->part) {
	case FORMATS:
		formats(s, in);
		break;
	case SKIP:
	case COPY_SKIP:
		skip(s, in);
		break;
	case COUNT:
		count(p, s, in);
		break;
	case LENGTH:
		length(w, p, s, in);
		break;
	case VALUE:
		value(w, s, in);
		break;
	case NUMBER:
		number(w, p, s, in);
		break;
	case COLUMN:
		column(p, s, in);
		break;
	case RESULTS:
		results(p, s, in);
		break;
	case OIDS:
		oids(p, s, in);
		break;
	case COPY_FORM:
		copy_form(w, p, s, in);
		break;
	case COPY_HEAD:
		copy_head(s, in);
		break;
	}
}

/* Some of a message's bytes. */
static void
bytes(struct bh_wire *w, struct pgsql *p, struct side *s, struct bh_cur in)
{
	while (bh_cur_left(&in) > 0) {
		switch (s->part) {
		case QUERY:
			if (string(w, &in))
				begin_part(s, s->type == 'P' ? OIDS : PASS);
			break;
		case STRINGS:
			names(p, s, &in);
			break;
		case NAME:
			if (string(NULL, &in))
				s->part = COLUMN;
			break;
		case TEXT:
			bh_wire_text(w, in.p, bh_cur_left(&in));
			return;
		case PASS:
			return;
		default:
			fixed(w, p, s, &in);
		}
	}
}

/* ---- messages ------------------------------------------------------------------------------------------ */

static void
begins(struct bh_wire *w, struct pgsql *p, struct side *s)
{
	if (s->type == 'd' && s->copy != 0) {
		s->part = s->copy;
		return;
	}
	begin_part(s, PASS);
	s->some.have = 0;
	s->strings = s->type == 'P' ? 1 : 2;
	s->hash = FNV;
	switch (s->type) {
	case 'Q':
	case 'P':
		if (w->side == 0) {
			bh_wire_begin(w, BH_TEXT_SQL);
			s->part = s->type == 'Q' ? QUERY : STRINGS;
			if (s->type == 'Q') {
				p->binary = false;
				p->named = 0;
			}
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
	case 't':
		s->part = w->side == 1 ? OIDS : PASS;
		break;
	case 'G':
	case 'H':
	case 'W':
		s->part = w->side == 1 ? COPY_FORM : PASS;
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
	if (s->type == 'd' && s->copy != 0) {
		s->copy = s->part;
		return;
	}
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
