/* mysql, mariadb: statements, values bound to them, and the rows of their results, in text and binary, compressed or not
 * (MySQL "Client/Server Protocol"). A packet has 24 bits of length; one of 0xffffff goes on in the next. */
#include "wire_mysql.h"

/* ---- what the client says ------------------------------------------------------------------------------ */

static void
client_begins(struct bh_wire *w, struct bh_my *m, struct bh_my_packets *p)
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
login(struct bh_wire *w, struct bh_my *m, struct bh_my_packets *p, struct bh_cur *in)
{
	if (!bh_wire_collect(&m->first, in, 4))
		return;
	p->part = PASS;
	m->logged_in = true;
	m->caps = (uint32_t)bh_wire_le(m->first.byte, 4);
	/* MariaDB passes over what it did not offer itself, TLS included: the log-in goes on in the clear. */
	if (m->met != STRANGERS)
		m->caps &= m->server_caps;
	w->c->opaque = (m->caps & CAP_SSL) != 0;
}

static enum bh_my_answer
answer_to(uint8_t command)
{
	switch (command) {
	case COM_STMT_FETCH:
		return ROWS;
	case COM_QUERY:
	case COM_STMT_EXECUTE:
	case COM_STMT_BULK_EXECUTE:
		return FIRST;
	case COM_STMT_PREPARE:
		return PREPARED;
	}
	return NOTHING;
}

static enum bh_my_part
part_of(const struct bh_my *m, uint8_t command)
{
	switch (command) {
	case COM_STMT_EXECUTE:
	case COM_STMT_BULK_EXECUTE:
		return BOUND;
	case COM_QUERY:
		return (m->caps & CAP_QUERY_ATTRIBUTES) != 0 ? BOUND : TEXT;
	case COM_STMT_SEND_LONG_DATA:
		return SENT;
	case COM_STMT_CLOSE:
		return CLOSE;
	case COM_CHANGE_USER:
		return PASS;
	}
	return TEXT;
}

static void
command(struct bh_wire *w, struct bh_my *m, struct bh_my_packets *p, struct bh_cur *in)
{
	uint8_t c = 0;

	(void)bh_cur_u8(in, &c);
	m->command = c;
	m->answer = (uint8_t)answer_to(c);
	m->row.binary = c == COM_STMT_EXECUTE || c == COM_STMT_FETCH || c == COM_STMT_BULK_EXECUTE;
	m->column = 0;
	p->part = (uint8_t)part_of(m, c);
	if (p->part == BOUND)
		bh_my_bound_begin(&m->bound, c);
	if (c == COM_CHANGE_USER || c == COM_RESET_CONNECTION)
		memset(&m->statements, 0, sizeof(m->statements));
	bh_wire_begin(w, c == COM_QUERY || c == COM_STMT_PREPARE ? BH_TEXT_SQL : BH_TEXT_DATA);
}

/* What is bound; behind it, of a query, the statement. */
static void
bound(struct bh_wire *w, struct bh_my *m, struct bh_my_packets *p, struct bh_cur *in)
{
	bool any;

	if (bh_my_bound(w, &m->statements, &m->bound, in, (m->caps & CAP_QUERY_ATTRIBUTES) != 0))
		return;
	/* Texts are seen without their types, numbers aren't. */
	if (m->bound.stage == BH_MY_LOOSE)
		bh_wire_unread(w);
	any = w->c->side[0].used > 0;
	p->part = TEXT;
	if (m->command == COM_QUERY && m->bound.stage == BH_MY_OVER && any)
		bh_wire_begin(w, BH_TEXT_SQL);
	else if (m->bound.stage == BH_MY_LOOSE)
		w->c->side[0].kind = BH_TEXT_DATA;
}

/* Number of a statement, and of a parameter. */
static void
about(struct bh_my *m, struct bh_my_packets *p, struct bh_cur *in)
{
	unsigned need = p->part == SENT ? 6 : 4;
	uint32_t id;

	if (!bh_wire_collect(&m->first, in, need))
		return;
	id = (uint32_t)bh_wire_le(m->first.byte, 4);
	if (p->part == SENT)
		bh_my_sent(&m->statements, id, (uint16_t)bh_wire_le(m->first.byte + 4, 2));
	else
		bh_my_closed(&m->statements, id);
	p->part = p->part == SENT ? TEXT : PASS;
}

/* ---- packets ------------------------------------------------------------------------------------------- */

/* Some of a packet. True: `in` has moved on, and what is left of it is to be read anew. */
static bool
step(struct bh_wire *w, struct bh_my *m, struct bh_my_packets *p, struct bh_cur *in)
{
	switch (p->part) {
	case COMMAND:
		command(w, m, p, in);
		return true;
	case LOGIN:
		login(w, m, p, in);
		return true;
	case GREETING:
		bh_my_greeting(m, p, in);
		return true;
	case BOUND:
		bound(w, m, p, in);
		return true;
	case SENT:
	case CLOSE:
		about(m, p, in);
		return true;
	case ANSWER:
		return bh_my_answer(w, m, p, in);
	case TEXT:
		bh_wire_text(w, in->p, bh_cur_left(in));
		break;
	case ROW:
		bh_my_row(w, &m->row, in);
		break;
	case DEFINITION:
		bh_my_definition(m, p, *in);
		break;
	}
	return false;
}

static void
bytes(struct bh_wire *w, struct bh_my *m, struct bh_my_packets *p, struct bh_cur in)
{
	uint32_t n = (uint32_t)bh_cur_left(&in), before = p->left;

	do
		p->left = before - (n - (uint32_t)bh_cur_left(&in));
	while (bh_cur_left(&in) > 0 && step(w, m, p, &in));
	p->left = before - n;
}

static void
packet_ends(struct bh_wire *w, struct bh_my *m, struct bh_my_packets *p)
{
	p->inside = false;
	if (p->goes_on)
		return;
	if (w->side == 1)
		bh_my_server_ends(w, m, p);
	else if (p->sequence == 0)
		bh_wire_end(w, 0);
}

/* Packets, up to where their form changes. */
static void
packets(struct bh_wire *w, struct bh_cur *in)
{
	struct bh_my *m = BH_WIRE_OF(w, struct bh_my);
	struct bh_my_packets *p = &m->in[w->side];
	bool packed = m->packed;

	while (bh_cur_left(in) > 0 && !w->c->opaque && !m->foreign && m->packed == packed) {
		if (!p->inside) {
			bool on = p->goes_on;

			if (!bh_wire_collect(&p->head, in, 4))
				break;
			p->head.have = 0;
			p->left = (uint32_t)bh_wire_le(p->head.byte, 3);
			p->sequence = on ? p->sequence : p->head.byte[3];
			p->inside = true;
			if (!on)
				w->side == 0 ? client_begins(w, m, p) : bh_my_server_begins(m, p);
			p->goes_on = p->left == PACKET_MAX;
		}
		if (p->left > 0)
			bytes(w, m, p, bh_wire_upto(in, p->left));
		if (p->left == 0)
			packet_ends(w, m, p);
	}
}

static bool
feed(struct bh_wire *w, struct bh_cur *in)
{
	struct bh_my *m = BH_WIRE_OF(w, struct bh_my);

	if (!m->packed)
		packets(w, in);
	if (!m->packed || bh_cur_left(in) == 0)
		return !m->foreign;
	/* what is broken can't be read: that is told, and what follows is not looked at */
	m->unpacked[w->side].coding =
		(m->caps & CAP_COMPRESS) != 0 ? BH_CODING_GZIP : BH_CODING_ZSTD;
	if (!bh_my_unpack(w, &m->unpacked[w->side], in, packets)) {
		w->c->opaque = true;
		bh_wire_unread(w);
	}
	return true;
}

static void
finish(struct bh_wire *w)
{
	struct bh_my *m = BH_WIRE_OF(w, struct bh_my);

	bh_wire_inflate_end(&m->unpacked[0].z);
	bh_wire_inflate_end(&m->unpacked[1].z);
}

const struct bh_wire_proto bh_wire_mysql = {.feed = feed, .close = finish};
