/* What a server of MySQL says: greeting, answers, definitions of columns ("Client/Server Protocol": Connection Phase,
 * Command Phase). */
#include "wire_mysql.h"

/* An answer's first bytes say what it is; a packet of rows or definitions that ends them says so, too. */
void
bh_my_server_begins(struct bh_my *m, struct bh_my_packets *p)
{
	p->part = PASS;
	m->some.have = 0;
	if (m->met == STRANGERS) {
		p->part = GREETING;
		return;
	}
	if (m->answer == ROWS)
		bh_my_row_begin(&m->row);
	if (m->answer != NOTHING || m->met == GREETED)
		p->part = ANSWER;
}

/* Protocol, version up to 0, connection (4), salt (8), 0, low capabilities, character set, status (2), high capabilities. */
void
bh_my_greeting(struct bh_my *m, struct bh_my_packets *p, struct bh_cur *in)
{
	enum { NUL = 1, FIXED = 20 };
	const uint8_t *nul;

	if (m->column == 0) {
		uint8_t version = 0;

		(void)bh_cur_u8(in, &version);
		m->foreign = version != 9 && version != 10 && version != 0xff;
		m->column = NUL;
		if (version == 0xff)
			p->part = TEXT;
		return;
	}
	if (m->column == NUL) {
		nul = memchr(in->p, 0, bh_cur_left(in));
		m->column = nul != NULL ? FIXED : NUL;
		(void)bh_cur_take(in, nul != NULL ? (size_t)(nul - in->p) + 1 : bh_cur_left(in));
		return;
	}
	if (!bh_wire_collect(&m->some, in, FIXED))
		return;
	m->server_caps = (uint32_t)(bh_wire_le(m->some.byte + 13, 2) |
				    bh_wire_le(m->some.byte + 18, 2) << 16);
	p->part = PASS;
}

static bool
ends_rows(const struct bh_my *m, uint8_t first, uint32_t len)
{
	return m->answer == ROWS && (first == 0xff || (first == 0xfe && len < PACKET_MAX));
}

/* MariaDB: types that were told when the statement was prepared are not told again. */
static void
not_described(struct bh_wire *w, struct bh_my *m)
{
	m->answer = ROWS;
	m->defined = true;
	m->row.n = m->columns;
	if (bh_my_recall(&m->statements, m->statements.id, &m->row))
		return;
	/* texts are seen without them, numbers aren't */
	m->row.n = BH_MY_COLUMNS + 1;
	bh_wire_unread(w);
}

/* Number of columns, MariaDB: whether they are described; or what stands in its place. Returns false when more of it is to
 * come. */
static bool
first_answer(struct bh_wire *w, struct bh_my *m, struct bh_my_packets *p, struct bh_cur *in)
{
	uint8_t first = m->some.have > 0 ? m->some.byte[0] : in->p[0];
	unsigned more = first == 0xfc ? 2 : 0, size = m->some.have + p->left;
	bool told;

	p->part = PASS;
	if (first == 0 || first == 0xfb || first == 0xff) {
		/* what follows, if anything does, answers the next statement */
		p->part = first == 0xff ? TEXT : PASS;
		return true;
	}
	p->part = ANSWER;
	told = size == 2 + more && m->command == COM_STMT_EXECUTE;
	if (!bh_wire_collect(&m->some, in, 1 + more + told))
		return false;
	m->columns = first == 0xfc ? (uint16_t)bh_wire_le(m->some.byte + 1, 2) : first;
	m->column = 0;
	m->answer = DEFINITIONS;
	p->part = PASS;
	if (told && m->some.byte[1 + more] == 0)
		not_described(w, m);
	return true;
}

/* 0, number of the statement, columns, parameters. */
static bool
prepared(struct bh_my *m, struct bh_my_packets *p, struct bh_cur *in)
{
	p->part = TEXT;
	if (m->some.have == 0 && in->p[0] != 0) {
		m->answer = NOTHING;
		return true;
	}
	p->part = ANSWER;
	if (!bh_wire_collect(&m->some, in, 9))
		return false;
	m->columns = (uint16_t)bh_wire_le(m->some.byte + 5, 2);
	m->before = (uint16_t)bh_wire_le(m->some.byte + 7, 2);
	m->statements.id = (uint32_t)bh_wire_le(m->some.byte + 1, 4);
	bh_my_prepared(&m->statements, m->statements.id, m->before, m->columns);
	m->column = 0;
	m->answer = m->columns > 0 ? DESCRIPTION : NOTHING;
	p->part = PASS;
	return true;
}

/* What follows describes parameters, then columns; a packet may end either. */
static void
description(struct bh_my *m, struct bh_my_packets *p, uint8_t first)
{
	p->part = PASS;
	if (first == 0xfe)
		return;
	if (m->before > 0)
		m->before--;
	else
		p->part = DEFINITION;
}

/* A packet's first byte is at hand. */
bool
bh_my_answer(struct bh_wire *w, struct bh_my *m, struct bh_my_packets *p, struct bh_cur *in)
{
	uint8_t first = in->p[0];

	if (m->met == GREETED) {
		/* OK: from the next packet on, both sides compress if they had agreed on it */
		m->met = first == 0 ? LOGGED_IN : GREETED;
		p->part = first == 0xff ? TEXT : PASS;
		return true;
	}
	if (m->answer == FIRST)
		return first_answer(w, m, p, in);
	if (m->answer == PREPARED)
		return prepared(m, p, in);
	if (m->answer == DESCRIPTION) {
		description(m, p, first);
		return true;
	}
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
void
bh_my_definition(struct bh_my *m, const struct bh_my_packets *p, struct bh_cur in)
{
	uint32_t n = (uint32_t)bh_cur_left(&in);

	if (p->left >= 6 && p->left - n < 6 && m->column < BH_MY_COLUMNS)
		m->row.type[m->column] = in.p[p->left - 6];
}

void
bh_my_server_ends(struct bh_wire *w, struct bh_my *m, const struct bh_my_packets *p)
{
	if (m->met == STRANGERS) {
		m->met = GREETED;
		m->column = 0;
	}
	if (m->met == LOGGED_IN && m->logged_in)
		m->packed = (m->caps & (CAP_COMPRESS | CAP_ZSTD)) != 0;
	if (p->part == ROW)
		m->defined = false;
	if (p->part == DEFINITION && ++m->column >= m->columns) {
		bool rows = m->answer == DEFINITIONS;

		m->answer = rows ? ROWS : NOTHING;
		m->defined = rows;
		m->row.n = m->columns;
		if (!rows || m->command == COM_STMT_EXECUTE)
			bh_my_described(&m->statements, m->statements.id, &m->row);
	}
	if (p->part == ROW || p->part == TEXT)
		bh_wire_gap(w);
}
