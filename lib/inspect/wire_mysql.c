/* mysql, mariadb: statements, values bound to them, and the rows of their results, in text and binary (MySQL
 * "Client/Server Protocol": Text Resultset, Binary Protocol Resultset). A packet has 24 bits of length; one of 0xffffff
 * goes on in the next. */
#include "wire_priv.h"

#define PACKET_MAX 0xffffffu
#define COLUMNS 256 /* of more, rows are looked at as they come */

enum {
	COM_QUERY = 0x03,
	COM_STMT_PREPARE = 0x16,
	COM_STMT_EXECUTE = 0x17,
	COM_STMT_SEND_LONG_DATA = 0x18,
	COM_STMT_FETCH = 0x1c,
	COM_CHANGE_USER = 0x11,
};
enum { CAP_COMPRESS = 0x20, CAP_SSL = 0x800, CAP_ZSTD = 1 << 26, CAP_ATTRIBUTES = 1 << 27 };

/* What the bytes of a packet are. */
enum part { PASS, TEXT, ROW, DEFINITION, COMMAND, LOGIN, ANSWER };

/* What the server says next. */
enum answer { NOTHING, FIRST, DEFINITIONS, ROWS };

/* Where in a row its reader stands. */
enum stage { ROW_HEAD, ROW_NULLS, ROW_VALUE, ROW_LENGTH, ROW_BYTES };

struct packets {
	struct bh_wire_some head;
	uint32_t left;
	uint8_t part;
	uint8_t sequence;
	bool goes_on, inside;
};

struct mysql {
	struct packets in[2];
	struct bh_wire_some some; /* of the server's side */
	uint64_t bytes;           /* of a value, still to come */
	uint32_t caps;
	uint16_t columns, column;
	uint8_t command, answer, stage;
	bool binary, logged_in;
	bool defined;              /* the last definition was the last packet */
	struct bh_wire_some first; /* of the client's side */
	uint8_t type[COLUMNS];
	uint8_t nulls[(COLUMNS + 9) / 8];
};

/* A length-encoded integer's further bytes; 0: the first one is all. */
static unsigned
further(uint8_t first)
{
	return first == 0xfc ? 2 : first == 0xfd ? 3 : first == 0xfe ? 8 : 0;
}

/* ---- rows ------------------------------------------------------------------------------------------- */

/* Bytes of a binary value; 0: a length comes before it. */
static unsigned
size_of(uint8_t type)
{
	switch (type) {
	case 1: /* TINY */
		return 1;
	case 2: /* SHORT, YEAR */
	case 13:
		return 2;
	case 3: /* LONG, FLOAT, INT24 */
	case 4:
	case 9:
		return 4;
	case 5: /* DOUBLE, LONGLONG */
	case 8:
		return 8;
	}
	return 0;
}

static bool
is_null(const struct mysql *m, unsigned column)
{
	return m->binary && (m->nulls[(column + 2) / 8] >> (column + 2) % 8 & 1) != 0;
}

static void
next_column(struct mysql *m)
{
	m->some.have = 0;
	m->column++;
	while (m->column < m->columns && is_null(m, m->column))
		m->column++;
	m->stage = ROW_VALUE;
}

static void
begin_row(struct mysql *m)
{
	m->some.have = 0;
	m->column = 0;
	m->stage = m->binary ? ROW_HEAD : ROW_VALUE;
	if (m->columns > COLUMNS)
		m->stage = ROW_BYTES;
	m->bytes = m->columns > COLUMNS ? UINT64_MAX : 0;
}

/* The bitmap of NULLs, one byte a turn. */
static void
nulls(struct mysql *m, struct bh_cur *in)
{
	unsigned want = (m->columns + 9u) / 8;

	(void)bh_cur_u8(in, &m->nulls[m->column++]);
	if (m->column < want)
		return;
	m->column = 0;
	m->stage = ROW_VALUE;
	if (is_null(m, 0))
		next_column(m);
}

static void
value(struct bh_wire *w, struct mysql *m, struct bh_cur *in)
{
	uint8_t type = m->column < m->columns ? m->type[m->column] : 0xfd;
	unsigned size = m->binary ? size_of(type) : 0;

	if (size == 0) {
		m->stage = ROW_LENGTH;
		return;
	}
	if (!bh_wire_collect(&m->some, in, size))
		return;
	if (type == 8)
		bh_wire_number(w, bh_wire_le(m->some.byte, 8));
	else if (type == 5)
		bh_wire_double(w, bh_wire_le(m->some.byte, 8));
	next_column(m);
}

static void
length(struct bh_wire *w, struct mysql *m, struct bh_cur *in)
{
	unsigned more;

	if (!bh_wire_collect(&m->some, in, 1))
		return;
	more = further(m->some.byte[0]);
	if (!bh_wire_collect(&m->some, in, 1 + more))
		return;
	m->bytes = more == 0 ? m->some.byte[0] : bh_wire_le(m->some.byte + 1, more);
	m->stage = ROW_BYTES;
	if (m->bytes == 0xfb && more == 0)
		m->bytes = 0;
	if (m->bytes == 0) {
		bh_wire_gap(w);
		next_column(m);
	}
}

static void
row(struct bh_wire *w, struct mysql *m, struct bh_cur in)
{
	while (bh_cur_left(&in) > 0) {
		struct bh_cur part;
		uint8_t skip;

		switch (m->stage) {
		case ROW_HEAD:
			(void)bh_cur_u8(&in, &skip);
			m->stage = ROW_NULLS;
			break;
		case ROW_NULLS:
			nulls(m, &in);
			break;
		case ROW_VALUE:
			value(w, m, &in);
			break;
		case ROW_LENGTH:
			length(w, m, &in);
			break;
		default:
			part = bh_wire_upto(&in, m->bytes);
			m->bytes -= bh_cur_left(&part);
			bh_wire_text(w, part.p, bh_cur_left(&part));
			if (m->bytes == 0) {
				bh_wire_gap(w);
				next_column(m);
			}
		}
	}
}

/* ---- what the server says ------------------------------------------------------------------------------ */

/* An answer's first bytes say what it is; a packet of rows or definitions that ends them says so, too. */
static void
server_begins(struct mysql *m, struct packets *p)
{
	p->part = PASS;
	if (m->answer == ROWS)
		begin_row(m);
	m->some.have = 0;
	if (m->answer != NOTHING)
		p->part = ANSWER;
}

static bool
ends_rows(const struct mysql *m, uint8_t first, uint32_t len)
{
	return m->answer == ROWS && (first == 0xff || (first == 0xfe && len < PACKET_MAX));
}

/* Number of columns, or what stands in its place. Returns false when more of it is to come. */
static bool
first_answer(struct mysql *m, struct packets *p, struct bh_cur *in)
{
	uint8_t first = m->some.have > 0 ? m->some.byte[0] : in->p[0];
	unsigned more = first == 0xfc ? 2 : 0;

	p->part = PASS;
	if (first == 0 || first == 0xfb || first == 0xff) {
		/* what follows, if anything does, answers the next statement */
		p->part = first == 0xff ? TEXT : PASS;
		return true;
	}
	p->part = ANSWER;
	if (!bh_wire_collect(&m->some, in, 1 + more))
		return false;
	m->columns = more != 0 ? (uint16_t)bh_wire_le(m->some.byte + 1, 2) : first;
	m->column = 0;
	m->answer = DEFINITIONS;
	p->part = PASS;
	return true;
}

/* A packet's first byte is at hand. */
static bool
answered(struct mysql *m, struct packets *p, struct bh_cur *in)
{
	uint8_t first = in->p[0];

	if (m->answer == FIRST)
		return first_answer(m, p, in);
	p->part = m->answer == DEFINITIONS ? DEFINITION : PASS;
	if (m->answer == DEFINITIONS)
		return true;
	/* The end of the definitions has 5 bytes, an OK that stands for that of the rows 7 or more. */
	if (ends_rows(m, first, p->left) && p->left == 5 && m->defined)
		m->defined = false;
	else if (ends_rows(m, first, p->left))
		m->answer = FIRST;
	else
		p->part = ROW;
	return true;
}

/* The type stands 6 bytes before the end of a definition. */
static void
definition(struct mysql *m, struct packets *p, struct bh_cur in)
{
	uint32_t n = (uint32_t)bh_cur_left(&in);

	if (p->left >= 6 && p->left - n < 6 && m->column < COLUMNS)
		m->type[m->column] = in.p[p->left - 6];
}

static void
server_ends(struct bh_wire *w, struct mysql *m, const struct packets *p)
{
	if (p->part == ROW)
		m->defined = false;
	if (p->part == DEFINITION && ++m->column >= m->columns) {
		m->answer = ROWS;
		m->defined = true;
	}
	if (p->part == ROW || p->part == TEXT)
		bh_wire_gap(w);
}

/* ---- what the client says ------------------------------------------------------------------------------ */

static void
client_begins(struct bh_wire *w, struct mysql *m, struct packets *p)
{
	m->first.have = 0;
	if (p->sequence == 0 && p->left > 0) {
		p->part = COMMAND;
		bh_wire_end(w, 1);
	} else {
		/* log-in, answers to its questions; the file of LOAD DATA LOCAL */
		p->part = m->logged_in ? TEXT : LOGIN;
	}
}

/* The client's first packet. */
static void
login(struct bh_wire *w, struct mysql *m, struct packets *p, struct bh_cur *in)
{
	if (!bh_wire_collect(&m->first, in, 4))
		return;
	p->part = PASS;
	m->logged_in = true;
	m->caps = (uint32_t)bh_wire_le(m->first.byte, 4);
	w->c->opaque = (m->caps & CAP_SSL) != 0;
}

static void
command(struct bh_wire *w, struct mysql *m, struct packets *p, struct bh_cur *in)
{
	uint8_t c = 0;

	/* attributes of a query that has none: their number, and of sets 1 */
	bool attributes = (m->caps & CAP_ATTRIBUTES) != 0;

	if (m->first.have == 0) {
		(void)bh_cur_u8(in, &c);
		m->first.byte[m->first.have++] = c;
		m->command = c;
		m->binary = c == COM_STMT_EXECUTE || c == COM_STMT_FETCH;
		m->answer = c == COM_STMT_FETCH                       ? ROWS
			    : c == COM_QUERY || c == COM_STMT_EXECUTE ? FIRST
								      : NOTHING;
		m->column = 0;
		bh_wire_begin(w,
			      c == COM_QUERY || c == COM_STMT_PREPARE ? BH_TEXT_SQL : BH_TEXT_DATA);
	}
	if (m->command == COM_QUERY && attributes) {
		if (!bh_wire_collect(&m->first, in, 3))
			return;
		if (m->first.byte[1] != 0)
			w->c->side[0].kind = BH_TEXT_DATA;
	}
	p->part = m->command == COM_CHANGE_USER ? PASS : TEXT;
}

/* ---- packets ------------------------------------------------------------------------------------------- */

static void
bytes(struct bh_wire *w, struct mysql *m, struct packets *p, struct bh_cur in)
{
	uint32_t n = (uint32_t)bh_cur_left(&in);
	uint32_t at_first = p->left;

	while (bh_cur_left(&in) > 0) {
		struct bh_cur all = in;

		p->left = at_first - (n - (uint32_t)bh_cur_left(&in));
		switch (p->part) {
		case COMMAND:
			command(w, m, p, &in);
			continue;
		case LOGIN:
			login(w, m, p, &in);
			continue;
		case ANSWER:
			if (answered(m, p, &in))
				continue;
			break;
		case TEXT:
			bh_wire_text(w, in.p, bh_cur_left(&in));
			break;
		case ROW:
			row(w, m, all);
			break;
		case DEFINITION:
			definition(m, p, all);
			break;
		}
		break;
	}
	p->left = at_first - n;
}

static void
packet_ends(struct bh_wire *w, struct mysql *m, struct packets *p)
{
	p->inside = false;
	if (p->goes_on)
		return;
	if (w->side == 1)
		server_ends(w, m, p);
	else if (p->sequence == 0)
		bh_wire_end(w, 0);
}

static bool
feed(struct bh_wire *w, struct bh_cur *in)
{
	struct mysql *m = BH_WIRE_OF(w, struct mysql);
	struct packets *p = &m->in[w->side];

	while (bh_cur_left(in) > 0 && !w->c->opaque) {
		/* compressed, if the server agreed */
		if ((m->caps & (CAP_COMPRESS | CAP_ZSTD)) != 0)
			return false;
		if (!p->inside) {
			bool on = p->goes_on;

			if (!bh_wire_collect(&p->head, in, 4))
				break;
			p->head.have = 0;
			p->left = (uint32_t)bh_wire_le(p->head.byte, 3);
			p->sequence = on ? p->sequence : p->head.byte[3];
			p->inside = true;
			if (!on)
				w->side == 0 ? client_begins(w, m, p) : server_begins(m, p);
			p->goes_on = p->left == PACKET_MAX;
		}
		if (p->left > 0)
			bytes(w, m, p, bh_wire_upto(in, p->left));
		if (p->left == 0)
			packet_ends(w, m, p);
	}
	return true;
}

const struct bh_wire_proto bh_wire_mysql = {.feed = feed};
