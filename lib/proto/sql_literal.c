/* Statement analyser: numbers and quotes. Numbers are where dialects and versions differ most (1from, 1e0from, 0xfrom,
 * 1.from): one that letters follow at once is doubtful everywhere. */
#include "sql_lex.h"

void
bh_sql_number_begin(struct bh_sql *q, uint8_t c)
{
	bh_sql_token(q, BH_SQLT_NUMBER, NUMBER);
	q->lex.number = c == '.' ? N_FRACTION : c == '0' ? N_ZERO : N_INT;
}

/* 0, 1, 1.5, 1e-3, 0x1f and nothing else. CQL's UUIDs and durations also are made of letters. */
static uint8_t
number_next(const struct bh_sql *q, enum number n, uint8_t c)
{
	switch (n) {
	case N_ZERO:
		if (c == 'x' || (c == 'X' && q->dialect != BH_SQL_MYSQL))
			return N_RADIX;
		if (c == 'b' && q->dialect == BH_SQL_MYSQL)
			return N_RADIX;
		/* fallthrough */
	case N_INT:
		if (c == '.')
			return N_FRACTION;
		/* fallthrough */
	case N_FRACTION:
		if (bh_sql_digit(c))
			return n == N_ZERO ? N_INT : n;
		return (c | 32) == 'e' ? N_E : N_JUNK;
	case N_E:
		if (c == '+' || c == '-')
			return N_SIGN;
		/* fallthrough */
	case N_SIGN:
	case N_EXPONENT:
		return bh_sql_digit(c) ? N_EXPONENT : N_JUNK;
	case N_RADIX:
	case N_HEX:
		return bh_sql_hex(c) ? N_HEX : N_JUNK;
	default:
		return N_JUNK;
	}
}

static bool
in_number(const struct bh_sql *q, uint8_t c)
{
	if (c == '+' || c == '-')
		return q->lex.number == N_E;
	return bh_sql_letter(c) || bh_sql_digit(c) || c == '_' || c == '$' || c == '.' || c >= 0x80;
}

static bool
cql_letter(uint8_t c)
{
	return bh_sql_hex(c) || (c != 0 && strchr("hmsdwynuo-", c | 32) != NULL) || c == '-';
}

static void
number(struct bh_sql *q, uint8_t c)
{
	uint8_t next = number_next(q, q->lex.number, c);

	/* A name in MySQL may begin with digits; what else letters make of a number is doubtful. */
	if (next == N_JUNK && !(q->dialect == BH_SQL_CQL && cql_letter(c)))
		q->doubt = true;
	q->lex.number = next;
}

void
bh_sql_number_end(struct bh_sql *q)
{
	if ((q->lex.number == N_E || q->lex.number == N_SIGN || q->lex.number == N_RADIX) &&
	    q->dialect != BH_SQL_CQL)
		q->doubt = true;
	/* CQL: a - of a UUID that is one of a comment's two */
	if (q->dialect == BH_SQL_CQL && q->lex.last == '-')
		q->doubt = true;
	q->lex.state = START;
	bh_sql_take(q);
}

bool
bh_sql_number(struct bh_sql *q, uint8_t c)
{
	if (!in_number(q, c) && !(c == '-' && q->dialect == BH_SQL_CQL && q->lex.last != '-')) {
		bh_sql_number_end(q);
		return false;
	}
	number(q, c);
	return true;
}

void
bh_sql_quote_begin(struct bh_sql *q, uint8_t c)
{
	bool mysql = q->dialect == BH_SQL_MYSQL;
	enum bh_sql_kind kind = c == '\'' ? BH_SQLT_STRING : BH_SQLT_QUOTED;

	if (c == '"' && mysql)
		kind = BH_SQLT_DOUBLE;
	/* U&"..." has escapes of its own: the name is not known. */
	if (c == '"' && q->dialect == BH_SQL_PG && (q->lex.flags & UNICODE) != 0)
		q->doubt = true;
	q->lex.flags &= (uint8_t)~UNICODE;
	if (mysql && c != '`')
		q->lex.flags |= ESCAPES;
	bh_sql_token(q, kind, QUOTE);
	q->lex.quote = c == '[' ? ']' : c;
}

/* A backslash that escapes or doesn't, by settings: doubtful where it matters, before the quote. */
void
bh_sql_escaped(struct bh_sql *q, uint8_t c)
{
	if (c == q->lex.quote &&
	    ((q->odd & BH_SQL_ODD_BACKSLASH) != 0 || q->token.kind == BH_SQLT_DOUBLE))
		q->doubt = true;
	bh_sql_keep(q, c);
	q->lex.state = QUOTE;
}

void
bh_sql_quote(struct bh_sql *q, uint8_t c)
{
	/* GBK, Big5, SJIS: the second byte of a character may be a backslash or backtick. */
	if ((q->odd & BH_SQL_ODD_CHARSET) != 0 && (q->lex.flags & HIGH) != 0 &&
	    (c == '\\' || c == '`' || c == q->lex.quote))
		q->doubt = true;
	q->lex.flags &= (uint8_t)~HIGH;
	if (c >= 0x80)
		q->lex.flags |= HIGH;
	if (c == '\\' && (q->lex.flags & ESCAPES) != 0) {
		q->lex.state = ESCAPED;
		return;
	}
	if (c == '\\' && q->dialect == BH_SQL_PG && q->token.kind == BH_SQLT_STRING &&
	    ((q->lex.flags & WAS_E) != 0 || (q->odd & BH_SQL_ODD_BACKSLASH) != 0))
		q->doubt = true;
	if (c == q->lex.quote)
		q->lex.state = QUOTE_END;
	else
		bh_sql_keep(q, c);
}

void
bh_sql_quote_end(struct bh_sql *q)
{
	uint8_t was = q->lex.flags & ESCAPES;

	if (q->token.kind != BH_SQLT_STRING)
		bh_sql_check_name(q);
	q->lex.state = START;
	q->lex.flags &= (uint8_t) ~(ESCAPES | WAS_E | HIGH);
	if (was != 0 && q->dialect == BH_SQL_PG)
		q->lex.flags |= WAS_E;
	bh_sql_take(q);
}

/* The tag of a dollar quote: $tag$ ... $tag$; CQL has $$ alone. */
bool
bh_sql_dollar(struct bh_sql *q, uint8_t c)
{
	struct bh_sql_lex *l = &q->lex;

	if (c == '$') {
		l->state = DOLLARS;
		l->match = 0;
		return true;
	}
	if (l->tag_len == 0 && bh_sql_digit(c)) { /* $1 */
		bh_sql_number_begin(q, c);
		return true;
	}
	if (q->dialect != BH_SQL_PG ||
	    !(bh_sql_letter(c) || bh_sql_digit(c) || c == '_' || c >= 0x80) ||
	    l->tag_len >= sizeof(l->tag)) {
		q->doubt = true;
		l->state = START;
		return false;
	}
	l->tag[l->tag_len++] = (char)c;
	return true;
}

/* match: bytes seen of "$tag$" */
void
bh_sql_dollars(struct bh_sql *q, uint8_t c)
{
	struct bh_sql_lex *l = &q->lex;

	if (l->match == 0) {
		l->match = c == '$';
	} else if (l->match <= l->tag_len) {
		if (c == (uint8_t)l->tag[l->match - 1])
			l->match++;
		else
			l->match = c == '$';
	} else if (c == '$') {
		l->state = START;
		bh_sql_take(q);
		return;
	} else {
		l->match = 0;
	}
	if (l->match == 0)
		bh_sql_keep(q, c);
}
