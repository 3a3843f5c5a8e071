/* mongodb: values of BSON documents (MongoDB Wire Protocol; bsonspec.org 1.1), also where a message is compressed.
 * The walk is flat: documents within documents are a depth, and no stack. */
#include "wire_priv.h"

enum {
	OP_REPLY = 1,
	OP_UPDATE = 2001,
	OP_INSERT = 2002,
	OP_QUERY = 2004,
	OP_DELETE = 2006,
	OP_COMPRESSED = 2012,
	OP_MSG = 2013,
};
enum { NOOP, SNAPPY, ZLIB, ZSTD, UNREAD };
#define STRING_MAX (UINT32_C(48) << 20) /* maxMessageSizeBytes */
#define ROOM 4096                       /* of what comes out at a time */

enum step {
	PASS,
	FIXED, /* bytes before a name or the first document */
	NAME,
	BEHIND, /* and behind the name */
	KIND,   /* of a section */
	SECTION,
	DOCUMENT,
	ELEMENT,
	KEY,
	LENGTH, /* of a text, or of bytes */
	TEXT,
	SKIP,
	EXPRESSION, /* two texts that end with 0 */
	NUMBER,
};

/* What a message's content is, wherever it comes from. */
struct content {
	struct bh_wire_some some;
	uint64_t at, section; /* bytes done, and where the section ends */
	uint32_t bytes;
	uint32_t depth;
	uint8_t step, type;
	uint8_t behind; /* the collection's name */
	uint8_t strings;
	bool named, sections;
};

struct side {
	struct bh_wire_some head;
	struct bh_wire_inflate inflate;
	uint32_t left;
	uint8_t compressor;
	bool inside, packed; /* packed: what was compressed is named next */
	struct content content;
};

struct mongodb {
	struct side side[2];
};

static void
go(struct content *c, enum step step)
{
	c->some.have = 0;
	c->step = (uint8_t)step;
}

/* ---- documents ----------------------------------------------------------------------------------------- */

static void
element(struct content *c, uint8_t type)
{
	c->type = type;
	go(c, KEY);
	if (type != 0)
		return;
	go(c, ELEMENT);
	if (--c->depth > 0)
		return;
	go(c, c->sections && c->at + 1 >= c->section ? KIND : DOCUMENT);
}

static void
skip(struct content *c, uint32_t n)
{
	c->bytes = n;
	go(c, n > 0 ? SKIP : ELEMENT);
}

/* Behind an element's key. */
static void
begin_value(struct content *c)
{
	switch (c->type) {
	case 0x01: /* double, 64 bits, decimal of 128 */
	case 0x12:
	case 0x13:
		go(c, NUMBER);
		return;
	case 0x02: /* texts, bytes */
	case 0x05:
	case 0x0c:
	case 0x0d:
	case 0x0e:
		go(c, LENGTH);
		return;
	case 0x03: /* documents, arrays */
	case 0x04:
		go(c, DOCUMENT);
		return;
	case 0x0b:
		c->strings = 2;
		go(c, EXPRESSION);
		return;
	case 0x0f: /* code, and the document of its scope: a length, a text, a document */
		c->type = 0x04;
		c->bytes = 4;
		go(c, SKIP);
		c->strings = 0xff;
		return;
	case 0x07:
		skip(c, 12);
		return;
	case 0x08:
		skip(c, 1);
		return;
	case 0x09:
	case 0x11:
		skip(c, 8);
		return;
	case 0x10:
		skip(c, 4);
		return;
	case 0x06: /* undefined, null, the least, the greatest */
	case 0x0a:
	case 0x7f:
	case 0xff:
		go(c, ELEMENT);
		return;
	}
	go(c, PASS);
}

static bool
number(struct bh_wire *w, struct content *c, struct bh_cur *in)
{
	const uint8_t *p = c->some.byte;
	/* a decimal without a fraction, whose exponent is biased by 6176 */
	static const uint64_t integer = UINT64_C(6176) << 49;

	if (!bh_wire_collect(&c->some, in, c->type == 0x13 ? 16 : 8))
		return false;
	if (c->type == 0x01)
		bh_wire_double(w, bh_wire_le(p, 8));
	else if (c->type == 0x12 ? p[7] < 0x80 : bh_wire_le(p + 8, 8) == integer)
		bh_wire_number(w, bh_wire_le(p, 8));
	go(c, ELEMENT);
	return true;
}

static bool
length(struct content *c, struct bh_cur *in)
{
	bool text = c->type != 0x05;

	/* bytes have a kind */
	if (!bh_wire_collect(&c->some, in, text ? 4 : 5))
		return false;
	c->bytes = (uint32_t)bh_wire_le(c->some.byte, 4);
	go(c, c->bytes > STRING_MAX || (text && c->bytes == 0) ? PASS
	      : c->bytes == 0                                  ? ELEMENT
							       : TEXT);
	return true;
}

/* A text's last byte is 0. */
static void
text(struct bh_wire *w, struct content *c, struct bh_cur *in)
{
	struct bh_cur part = bh_wire_upto(in, c->bytes);
	size_t n = bh_cur_left(&part);
	bool zero = c->type != 0x05;

	c->bytes -= (uint32_t)n;
	bh_wire_text(w, part.p, zero && c->bytes == 0 ? n - 1 : n);
	/* a number is told as soon as it is there */
	if (c->bytes <= (zero ? 1u : 0u))
		bh_wire_gap(w);
	if (c->bytes > 0)
		return;
	if (c->type == 0x0c)
		skip(c, 12);
	else
		go(c, c->type == 0x0f ? DOCUMENT : ELEMENT);
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

/* ---- steps ------------------------------------------------------------------------------------------- */

/* Over some bytes: those of a value; the length of code with a scope, whose text follows. */
static void
over(struct content *c, struct bh_cur *in)
{
	struct bh_cur part = bh_wire_upto(in, c->bytes);

	c->bytes -= (uint32_t)bh_cur_left(&part);
	if (c->bytes > 0)
		return;
	go(c, ELEMENT);
	if (c->strings != 0xff)
		return;
	c->strings = 0;
	c->type = 0x0f;
	go(c, LENGTH);
}

/* What stands around the name of a collection. */
static void
around(struct content *c, struct bh_cur *in)
{
	struct bh_cur part = bh_wire_upto(in, c->bytes);

	c->bytes -= (uint32_t)bh_cur_left(&part);
	if (c->bytes > 0)
		return;
	go(c, c->step == FIXED && c->named ? NAME : c->sections ? KIND : DOCUMENT);
}

static bool
section(struct content *c, struct bh_cur *in)
{
	if (!bh_wire_collect(&c->some, in, 4))
		return false;
	c->section += bh_wire_le(c->some.byte, 4);
	c->named = true;
	c->behind = 0;
	go(c, NAME);
	return true;
}

static void
kind(struct content *c, uint8_t k)
{
	c->section = c->at + 1;
	go(c, k == 0 ? DOCUMENT : k == 1 ? SECTION : PASS);
}

/* With at least one byte at hand; false: more has to come. */
static bool
step(struct bh_wire *w, struct content *c, struct bh_cur *in)
{
	uint8_t b = 0;

	switch (c->step) {
	case FIXED:
	case BEHIND:
		around(c, in);
		return true;
	case NAME:
		if (string(w, in, false)) {
			c->bytes = c->behind;
			go(c, c->behind > 0 ? BEHIND : DOCUMENT);
		}
		return true;
	case KIND:
		(void)bh_cur_u8(in, &b);
		kind(c, b);
		return true;
	case SECTION:
		return section(c, in);
	case DOCUMENT:
		if (!bh_wire_collect(&c->some, in, 4))
			return false;
		c->depth++;
		go(c, ELEMENT);
		return true;
	case ELEMENT:
		(void)bh_cur_u8(in, &b);
		element(c, b);
		return true;
	case KEY:
		if (string(w, in, false))
			begin_value(c);
		return true;
	case LENGTH:
		return length(c, in);
	case TEXT:
		text(w, c, in);
		return true;
	case SKIP:
		over(c, in);
		return true;
	case EXPRESSION:
		if (string(w, in, true)) {
			bh_wire_gap(w);
			if (--c->strings == 0)
				go(c, ELEMENT);
		}
		return true;
	case NUMBER:
		return number(w, c, in);
	}
	/* of no known form */
	bh_wire_text(w, in->p, bh_cur_left(in));
	*in = bh_cur(in->end, 0);
	return true;
}

static void
run(struct bh_wire *w, struct content *c, struct bh_cur in)
{
	while (bh_cur_left(&in) > 0) {
		const uint8_t *from = in.p;
		bool on = step(w, c, &in);

		c->at += (size_t)(in.p - from);
		if (!on)
			break;
	}
}

/* ---- messages ------------------------------------------------------------------------------------------ */

static void
content_begins(struct content *c, uint32_t op)
{
	memset(c, 0, sizeof(*c));
	c->sections = op == OP_MSG;
	c->named = op == OP_QUERY || op == OP_INSERT || op == OP_UPDATE || op == OP_DELETE;
	c->behind = op == OP_QUERY ? 8 : op == OP_UPDATE || op == OP_DELETE ? 4 : 0;
	c->bytes = op == OP_REPLY ? 20 : 4;
	go(c, c->sections || c->named || op == OP_REPLY ? FIXED : PASS);
}

/* What was compressed, how long it was, and how it was. */
static bool
compressed(struct bh_wire *w, struct side *s, struct bh_cur *in)
{
	static const enum bh_coding codings[] = {
		[NOOP] = BH_CODING_NONE,
		[SNAPPY] = BH_CODING_SNAPPY,
		[ZLIB] = BH_CODING_GZIP,
		[ZSTD] = BH_CODING_ZSTD,
	};
	const uint8_t *p = s->head.byte;

	if (!bh_wire_collect(&s->head, in, 9))
		return false;
	s->head.have = 0;
	s->packed = false;
	s->compressor = p[8];
	content_begins(&s->content, (uint32_t)bh_wire_le(p, 4));
	if (s->compressor == NOOP)
		return true;
	if (s->compressor < BH_ARRAY_SIZE(codings) &&
	    bh_wire_inflate_begin(w, &s->inflate, codings[s->compressor]))
		return true;
	s->compressor = UNREAD;
	bh_wire_unread(w);
	return true;
}

static void
inflated(struct bh_wire *w, struct side *s, struct bh_cur in)
{
	uint8_t out[ROOM];
	size_t n;

	do {
		n = sizeof(out);
		if (!bh_wire_inflate(&s->inflate, &in, out, &n)) {
			s->compressor = UNREAD;
			bh_wire_unread(w);
		}
		run(w, &s->content, bh_cur(out, n));
	} while (n > 0 && s->compressor != UNREAD);
}

static bool
head(struct bh_wire *w, struct side *s, struct bh_cur *in)
{
	enum { HEAD = 16 };
	uint32_t len, op;

	if (!bh_wire_collect(&s->head, in, HEAD))
		return true;
	s->head.have = 0;
	len = (uint32_t)bh_wire_le(s->head.byte, 4);
	op = (uint32_t)bh_wire_le(s->head.byte + 12, 4);
	if (len < HEAD || len > STRING_MAX + ROOM || (op != OP_REPLY && (op < 1000 || op > 3000)))
		return false;
	s->left = len - HEAD;
	s->inside = true;
	s->packed = op == OP_COMPRESSED;
	s->compressor = NOOP;
	content_begins(&s->content, op);
	bh_wire_begin(w, BH_TEXT_DATA);
	return true;
}

static bool
feed(struct bh_wire *w, struct bh_cur *in)
{
	struct mongodb *m = BH_WIRE_OF(w, struct mongodb);
	struct side *s = &m->side[w->side];

	while (bh_cur_left(in) > 0) {
		struct bh_cur part;

		if (!s->inside) {
			if (!head(w, s, in))
				return false;
			continue;
		}
		part = bh_wire_upto(in, s->left);
		s->left -= (uint32_t)bh_cur_left(&part);
		if (s->packed)
			(void)compressed(w, s, &part);
		if (!s->packed && s->compressor == NOOP)
			run(w, &s->content, part);
		else if (!s->packed && s->compressor != UNREAD)
			inflated(w, s, part);
		s->inside = s->left > 0;
		if (!s->inside)
			bh_wire_end(w, w->side);
	}
	return true;
}

static void
end(struct bh_wire *w)
{
	struct mongodb *m = BH_WIRE_OF(w, struct mongodb);

	bh_wire_inflate_end(&m->side[0].inflate);
	bh_wire_inflate_end(&m->side[1].inflate);
}

const struct bh_wire_proto bh_wire_mongodb = {.feed = feed, .close = end};
