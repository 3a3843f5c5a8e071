/* mssql: batches, parameters of remote procedures, rows and returned values (MS-TDS 2.2). Messages are made of packets of
 * 8 bytes of head; where only the log-in is encrypted, records of TLS stand between them. */
#include "wire_mssql.h"

enum { BATCH = 0x01, OLD_RPC = 0x02, RPC = 0x03, REPLY = 0x04, BULK = 0x07, LOGIN = 0x10 };

struct side {
	struct bh_wire_some head;
	uint16_t left; /* of the packet */
	uint16_t tls;  /* of a record */
	bool inside, last;
	bool open; /* a message goes on */
	struct bh_tds message;
};

struct mssql {
	struct side side[2];
};

static void
go(struct bh_tds *t, enum bh_tds_step step)
{
	bh_tds_skip(t, 0, step);
}

/* ---- requests ---------------------------------------------------------------------------------------- */

/* Procedures that are known by number (MS-TDS 2.2.6.6), and which of their parameters is a statement. */
static unsigned
statement_of(unsigned id)
{
	switch (id) {
	case 10: /* sp_executesql */
		return 1;
	case 2: /* sp_cursoropen */
		return 2;
	case 3:  /* sp_cursorprepare */
	case 11: /* sp_prepare */
	case 13: /* sp_prepexec */
		return 3;
	case 5: /* sp_cursorprepexec */
		return 4;
	}
	return 0;
}

static unsigned
id_of(const struct bh_tds *t)
{
	struct bh_view v = {t->name, t->n_name};

	return bh_is(&v, 0, v.len, "sp_executesql")   ? 10
	       : bh_is(&v, 0, v.len, "sp_prepare")    ? 11
	       : bh_is(&v, 0, v.len, "sp_prepexec")   ? 13
	       : bh_is(&v, 0, v.len, "sp_cursoropen") ? 2
						      : 0;
}

static void
procedure(struct bh_tds *t, unsigned id)
{
	enum { FLAGS = 2 };

	t->statement = (uint16_t)statement_of(id);
	t->i = 0;
	t->of = BH_TDS_OF_PARAM;
	bh_tds_skip(t, FLAGS, BH_TDS_PARAM);
}

/* The name's characters that matter; those of procedures of the system are ASCII. */
static void
procedure_name(struct bh_tds *t, struct bh_cur *in)
{
	uint8_t c = 0;

	while (t->bytes > 0 && bh_cur_u8(in, &c)) {
		if (c != 0 && t->n_name < sizeof(t->name))
			t->name[t->n_name++] = c;
		t->bytes--;
	}
	if (t->bytes == 0)
		procedure(t, id_of(t));
}

/* The name of a parameter, or what stands between two calls. */
static void
param(struct bh_wire *w, struct bh_tds *t, struct bh_cur *in)
{
	enum { STATUS = 1 };
	uint8_t c = 0;

	(void)bh_cur_u8(in, &c);
	if (c == 0x80 || c >= 0xfe) {
		go(t, BH_TDS_RPC);
		return;
	}
	if (t->i + 1 == t->statement)
		bh_wire_begin(w, BH_TEXT_SQL);
	bh_tds_skip(t, 2u * c + STATUS, BH_TDS_TYPE);
}

/* ---- tokens of replies and of bulk loads --------------------------------------------------------------- */

static void
token(struct bh_tds *t, uint8_t c)
{
	switch (c) {
	case 0x81: /* COLMETADATA */
		go(t, BH_TDS_COUNT);
		return;
	case 0xd1: /* ROW */
	case 0xd2: /* NBCROW */
		t->of = BH_TDS_OF_ROW;
		t->has_nulls = c == 0xd2;
		t->i = 0;
		go(t, BH_TDS_NULLS);
		if (t->n > BH_TDS_COLUMNS)
			go(t, BH_TDS_LOOSE);
		else if (!t->has_nulls || t->n == 0)
			bh_tds_row(t, true);
		return;
	case 0xfd: /* DONE, DONEPROC, DONEINPROC */
	case 0xfe:
	case 0xff:
		bh_tds_skip(t, t->old ? 8 : 12, BH_TDS_TOKEN);
		return;
	case 0x79: /* RETURNSTATUS, OFFSET */
	case 0x78:
		bh_tds_skip(t, 4, BH_TDS_TOKEN);
		return;
	case 0xaa: /* ERROR, INFO */
	case 0xab:
		go(t, BH_TDS_ERROR);
		return;
	case 0xad:
		go(t, BH_TDS_LOGINACK);
		return;
	case 0xac: /* RETURNVALUE */
		t->of = BH_TDS_OF_RESULT;
		bh_tds_skip(t, 2, BH_TDS_RESULT);
		return;
	case 0xae: /* FEATUREEXTACK */
		go(t, BH_TDS_FEATURE);
		return;
	case 0xe3: /* ENVCHANGE, ORDER, TABNAME, COLINFO, SSPI */
	case 0xa9:
	case 0xa4:
	case 0xa5:
	case 0xed:
		go(t, BH_TDS_LENGTH2);
		return;
	case 0xe4: /* SESSIONSTATE, FEDAUTHINFO */
	case 0xee:
		go(t, BH_TDS_LENGTH4);
		return;
	case 0: /* of the answer to a pre-login */
		go(t, BH_TDS_PASS);
		return;
	}
	go(t, BH_TDS_LOOSE);
}

/* Number, state and class of an error, and the length of its text, which is shown. */
static bool
error(struct bh_tds *t, struct bh_cur *in)
{
	enum { HEAD = 10 };
	unsigned all, text;

	if (!bh_wire_collect(&t->some, in, HEAD))
		return false;
	all = (unsigned)bh_wire_le(t->some.byte, 2);
	text = 2 * (unsigned)bh_wire_le(t->some.byte + 8, 2);
	all = all > HEAD - 2 ? all - (HEAD - 2) : 0;
	text = text < all ? text : all;
	t->wide = (struct bh_wire_utf16){0};
	t->bytes = text;
	t->skip = all - text;
	t->some.have = 0;
	t->step = BH_TDS_ERROR_TEXT;
	return true;
}

static void
error_text(struct bh_wire *w, struct bh_tds *t, struct bh_cur *in)
{
	struct bh_cur part = bh_wire_upto(in, t->bytes);

	t->bytes -= bh_cur_left(&part);
	bh_wire_utf16(w, &t->wide, part.p, bh_cur_left(&part));
	if (t->bytes > 0)
		return;
	bh_wire_gap(w);
	bh_tds_skip(t, t->skip, BH_TDS_TOKEN);
}

/* Steps of fixed size: what they need, and what follows. */
static bool
fixed(struct bh_tds *t, struct bh_cur *in, unsigned need)
{
	const uint8_t *p = t->some.byte;
	uint64_t n;

	if (!bh_wire_collect(&t->some, in, need))
		return false;
	n = bh_wire_le(p, need <= 4 ? need : 0);
	switch (t->step) {
	case BH_TDS_LENGTH2:
	case BH_TDS_LENGTH4:
		bh_tds_skip(t, n, BH_TDS_TOKEN);
		break;
	case BH_TDS_FEATURE_LENGTH:
		bh_tds_skip(t, n, BH_TDS_FEATURE);
		break;
	case BH_TDS_LOGINACK: /* a length, an interface, and the version's major number */
		t->old = p[3] < 0x72;
		n = bh_wire_le(p, 2);
		bh_tds_skip(t, n > 2 ? n - 2 : 0, BH_TDS_TOKEN);
		break;
	case BH_TDS_COUNT:
		t->i = 0;
		t->of = BH_TDS_OF_COLUMN;
		/* 0xffff: as before */
		t->n = n == UINT16_MAX ? t->n : (uint16_t)n;
		go(t, n == UINT16_MAX || n == 0 ? BH_TDS_TOKEN : BH_TDS_COLUMN);
		break;
	case BH_TDS_LOGIN: /* where the password is, and how long; it is only turned around */
		t->bytes = bh_wire_le(p + 2, 2);
		go(t, BH_TDS_PASS);
		break;
	case BH_TDS_RPC_ID:
		procedure(t, (unsigned)n);
		break;
	default: /* flags of a column, or of a value that is returned */
		go(t, BH_TDS_TYPE);
	}
	return true;
}

/* ---- steps ------------------------------------------------------------------------------------------- */

static bool step(struct bh_wire *w, struct bh_tds *t, struct bh_cur *in);

/* All headers with their length (MS-TDS 2.2.5.3); before TDS 7.2 there were none, and text stands there, whose first four
 * bytes are no small number. */
static bool
headers(struct bh_wire *w, struct bh_tds *t, struct bh_cur *in)
{
	struct bh_cur four = bh_cur(t->some.byte, 4);
	uint64_t n;
	bool rpc = t->of == BH_TDS_OF_PARAM;
	uint8_t copy[4];

	if (!bh_wire_collect(&t->some, in, 4))
		return false;
	n = bh_wire_le(t->some.byte, 4);
	if (n >= 4 && n <= UINT16_MAX) {
		bh_tds_skip(t, n - 4, rpc ? BH_TDS_RPC : BH_TDS_BATCH);
		return true;
	}
	memcpy(copy, t->some.byte, 4);
	t->old = true;
	go(t, rpc ? BH_TDS_RPC : BH_TDS_BATCH);
	four = bh_cur(copy, 4);
	while (bh_cur_left(&four) > 0)
		(void)step(w, t, &four);
	return true;
}

static bool
rpc(struct bh_tds *t, struct bh_cur *in)
{
	if (!bh_wire_collect(&t->some, in, 2))
		return false;
	t->n_name = 0;
	t->bytes = 2 * bh_wire_le(t->some.byte, 2);
	if (t->bytes == 2 * UINT16_MAX)
		go(t, BH_TDS_RPC_ID);
	else if (t->bytes == 0)
		procedure(t, 0);
	else
		go(t, BH_TDS_RPC_NAME);
	return true;
}

/* Bytes of no known form: without zeros both kinds of text are read. */
static void
loose(struct bh_wire *w, struct bh_cur *in)
{
	while (bh_cur_left(in) > 0) {
		const uint8_t *from = in->p, *nul = memchr(from, 0, bh_cur_left(in));
		size_t n = nul != NULL ? (size_t)(nul - from) : bh_cur_left(in);

		(void)bh_cur_take(in, n + (nul != NULL));
		bh_wire_text(w, from, n);
	}
}

static bool
skip(struct bh_tds *t, struct bh_cur *in)
{
	struct bh_cur part = bh_wire_upto(in, t->skip);

	t->skip -= bh_cur_left(&part);
	if (t->skip == 0)
		go(t, (enum bh_tds_step)t->then);
	return true;
}

static bool
feature(struct bh_tds *t, struct bh_cur *in)
{
	uint8_t c = 0;

	(void)bh_cur_u8(in, &c);
	go(t, c == 0xff ? BH_TDS_TOKEN : BH_TDS_FEATURE_LENGTH);
	return true;
}

/* One byte of the bitmap of NULLs a turn. */
static bool
nulls(struct bh_tds *t, struct bh_cur *in)
{
	(void)bh_cur_u8(in, &t->nulls[t->i++]);
	if (t->i == (t->n + 7u) / 8)
		bh_tds_row(t, true);
	return true;
}

/* With at least one byte at hand; false: more has to come. */
static bool
step(struct bh_wire *w, struct bh_tds *t, struct bh_cur *in)
{
	uint8_t c = 0;

	switch (t->step) {
	case BH_TDS_PASS:
		*in = bh_cur(in->end, 0);
		return true;
	case BH_TDS_LOOSE:
		loose(w, in);
		return true;
	case BH_TDS_SKIP:
		return skip(t, in);
	case BH_TDS_HEADERS:
		return headers(w, t, in);
	case BH_TDS_BATCH:
		bh_wire_utf16(w, &t->wide, in->p, bh_cur_left(in));
		*in = bh_cur(in->end, 0);
		return true;
	case BH_TDS_RPC:
		return rpc(t, in);
	case BH_TDS_RPC_NAME:
		procedure_name(t, in);
		return true;
	case BH_TDS_PARAM:
		param(w, t, in);
		return true;
	case BH_TDS_TOKEN:
		(void)bh_cur_u8(in, &c);
		token(t, c);
		return true;
	case BH_TDS_ERROR:
		return error(t, in);
	case BH_TDS_ERROR_TEXT:
		error_text(w, t, in);
		return true;
	case BH_TDS_FEATURE:
		return feature(t, in);
	case BH_TDS_NULLS:
		return nulls(t, in);
	case BH_TDS_RESULT: /* a name, then status, type of user and flags */
		(void)bh_cur_u8(in, &c);
		bh_tds_skip(t, 2u * c, BH_TDS_RESULT_FLAGS);
		return true;
	case BH_TDS_RESULT_FLAGS:
		return fixed(t, in, t->old ? 5 : 7);
	case BH_TDS_COLUMN:
		return fixed(t, in, t->old ? 4 : 6);
	case BH_TDS_LENGTH2:
	case BH_TDS_COUNT:
	case BH_TDS_RPC_ID:
		return fixed(t, in, 2);
	case BH_TDS_LENGTH4:
	case BH_TDS_FEATURE_LENGTH:
	case BH_TDS_LOGINACK:
	case BH_TDS_LOGIN:
		return fixed(t, in, 4);
	}
	return bh_tds_value(w, t, in);
}

/* ---- packets ------------------------------------------------------------------------------------------- */

static void
message_begins(struct bh_wire *w, struct bh_tds *t, uint8_t type)
{
	enum { PASSWORD_AT = 44 }; /* in LOGIN7, MS-TDS 2.2.6.4 */

	go(t, BH_TDS_PASS);
	t->wide = (struct bh_wire_utf16){0};
	t->partial = false;
	t->bytes = 0;
	bh_wire_begin(w, type == BATCH ? BH_TEXT_SQL : BH_TEXT_DATA);
	switch (type) {
	case BATCH:
	case RPC:
		t->of = type == RPC ? BH_TDS_OF_PARAM : BH_TDS_OF_ROW;
		go(t, BH_TDS_HEADERS);
		break;
	case REPLY:
	case BULK:
		go(t, BH_TDS_TOKEN);
		break;
	case LOGIN:
		bh_tds_skip(t, PASSWORD_AT, BH_TDS_LOGIN);
		break;
	case OLD_RPC:
		go(t, BH_TDS_LOOSE);
		break;
	}
}

/* A packet's head, or that of a record of TLS. False: it is neither. */
static bool
head(struct bh_wire *w, struct side *s, struct bh_cur *in)
{
	enum { TLS_HEAD = 5, HEAD = 8 };
	const uint8_t *p = s->head.byte;
	bool tls;

	if (!bh_wire_collect(&s->head, in, 1))
		return true;
	tls = p[0] >= 0x14 && p[0] <= 0x17;
	if (!bh_wire_collect(&s->head, in, tls ? TLS_HEAD : HEAD))
		return true;
	s->head.have = 0;
	if (tls) {
		s->tls = bh_load_be16(p + 3);
		return p[1] == 3;
	}
	if (p[0] == 0 || p[0] > 0x12 || bh_load_be16(p + 2) < HEAD)
		return false;
	s->left = (uint16_t)(bh_load_be16(p + 2) - HEAD);
	s->last = p[1] & 1;
	s->inside = true;
	if (!s->open)
		message_begins(w, &s->message, p[0]);
	s->open = true;
	return true;
}

static void
packet_ends(struct bh_wire *w, struct side *s)
{
	s->inside = false;
	s->open = !s->last;
	if (s->open)
		return;
	if (s->message.step == BH_TDS_PASS && s->message.bytes > 0 && w->side == 0)
		bh_wire_password(w);
	bh_wire_end(w, w->side);
}

static bool
feed(struct bh_wire *w, struct bh_cur *in)
{
	struct mssql *m = BH_WIRE_OF(w, struct mssql);
	struct side *s = &m->side[w->side];

	while (bh_cur_left(in) > 0) {
		struct bh_cur part = bh_wire_upto(in, s->tls);

		s->tls = (uint16_t)(s->tls - bh_cur_left(&part));
		if (bh_cur_left(in) == 0)
			break;
		if (!s->inside) {
			if (!head(w, s, in))
				return false;
			if (!s->inside)
				continue;
		}
		part = bh_wire_upto(in, s->left);
		s->left = (uint16_t)(s->left - bh_cur_left(&part));
		while (bh_cur_left(&part) > 0)
			if (!step(w, &s->message, &part))
				break;
		if (s->left == 0)
			packet_ends(w, s);
	}
	return true;
}

const struct bh_wire_proto bh_wire_mssql = {.feed = feed};
