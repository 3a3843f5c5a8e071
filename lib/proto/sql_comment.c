/* Statement analyser: comments. */
#include "sql_lex.h"

void
bh_sql_block_open(struct bh_sql *q)
{
	q->lex.depth = 1;
	q->lex.state = q->dialect == BH_SQL_MYSQL ? BLOCK_BEGIN : BLOCK;
	q->lex.digits = 0;
	q->lex.version = 0;
}

/* MySQL's executable comments: /\*! ... *\/, /\*!50100 ... *\/, MariaDB's /\*M! ... *\/. Servers up to 5.6 and all later
 * ones run what is for 5.6 or older; what a newer version number hides is for some to run: doubtful. */
bool
bh_sql_block_begin(struct bh_sql *q, uint8_t c)
{
	struct bh_sql_lex *l = &q->lex;

	if (l->state == BLOCK_BEGIN && (c == 'M' || c == '!')) {
		l->state = c == '!' ? BLOCK_VERSION : BLOCK_M;
		return true;
	}
	if (l->state == BLOCK_M && c == '!') {
		q->doubt = true;
		l->state = BLOCK_VERSION;
		return true;
	}
	if (l->state != BLOCK_VERSION) {
		l->state = BLOCK;
		return false;
	}
	if (bh_sql_digit(c) && l->digits < 6) {
		l->digits++;
		l->version = (uint16_t)(l->digits <= 4 ? l->version * 10 + c - '0' : l->version);
		return true;
	}
	/* version: its first four digits, 5069 of 50699 */
	if ((l->flags & EXECUTED) != 0 || (l->digits != 0 && (l->digits != 5 || l->version > 5069)))
		q->doubt = true;
	l->flags |= EXECUTED;
	l->state = START;
	return false;
}

static bool
nests(const struct bh_sql *q)
{
	return q->dialect == BH_SQL_PG || q->dialect == BH_SQL_TSQL;
}

void
bh_sql_block(struct bh_sql *q, uint8_t c)
{
	struct bh_sql_lex *l = &q->lex;

	if (l->state == BLOCK_STAR && c == '/') {
		l->state = BLOCK;
		if (--l->depth == 0)
			l->state = START;
	} else if (l->state == BLOCK_SLASH && c == '*') {
		l->state = BLOCK;
		if (l->depth == UINT8_MAX)
			q->doubt = true;
		else
			l->depth++;
	} else if (c == '*') {
		l->state = BLOCK_STAR;
	} else {
		l->state = c == '/' && nests(q) ? BLOCK_SLASH : BLOCK;
	}
}

/* PostgreSQL and CQL: a CR ends it, too; SQL Server: doubtful. */
void
bh_sql_line(struct bh_sql *q, uint8_t c)
{
	bool cr = q->dialect == BH_SQL_PG || q->dialect == BH_SQL_CQL;

	if (q->dialect == BH_SQL_TSQL && q->lex.last == '\r' && c != '\n')
		q->doubt = true;
	if (c == '\n' || (c == '\r' && cr))
		q->lex.state = START;
}
