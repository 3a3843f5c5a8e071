/* Statement analyser: bytes into tokens.
 *
 * Sources: PostgreSQL "Lexical Structure" and src/backend/parser/scan.l's rules as documented there, MySQL "Language
 * Structure" (comments, literals, SQL modes), Transact-SQL "Database identifiers" and "Constants", CQL "Definitions".
 * */
#include "sql_lex.h"

static bool
begins_word(const struct bh_sql *q, uint8_t c)
{
	if (bh_sql_letter(c) || c == '_' || c >= 0x80)
		return true;
	if (q->dialect == BH_SQL_TSQL)
		return c == '#' || c == '$';
	return q->dialect == BH_SQL_MYSQL && c == '$';
}

static bool
in_word(const struct bh_sql *q, uint8_t c)
{
	if (bh_sql_letter(c) || bh_sql_digit(c) || c == '_' || c >= 0x80)
		return true;
	if (q->dialect == BH_SQL_TSQL)
		return c == '#' || c == '$' || c == '@';
	return c == '$' && q->dialect != BH_SQL_CQL;
}

void
bh_sql_token(struct bh_sql *q, enum bh_sql_kind kind, enum state state)
{
	q->token.kind = (uint8_t)kind;
	q->token.word = BH_SQLW_NONE;
	q->token.c = 0;
	q->token.len = 0;
	q->lex.state = (uint8_t)state;
}

void
bh_sql_keep(struct bh_sql *q, uint8_t c)
{
	if (q->token.len < BH_SQL_TOKEN)
		q->token.text[q->token.len++] = (char)c;
}

/* Names that a server cuts (PostgreSQL: 63 bytes) or that are not kept whole are doubtful. */
void
bh_sql_check_name(struct bh_sql *q)
{
	if (q->token.len >= BH_SQL_TOKEN || (q->dialect == BH_SQL_PG && q->token.len > 63))
		q->doubt = true;
}

static void
end_word(struct bh_sql *q)
{
	q->token.word = bh_sql_word(q->token.text, q->token.len);
	bh_sql_check_name(q);
	q->lex.state = START;
	q->lex.flags &= (uint8_t) ~(WAS_E | UNICODE);
	bh_sql_take(q);
}

/* A single character that is a token. true: it ended a statement. */
bool
bh_sql_single(struct bh_sql *q, uint8_t c)
{
	bh_sql_token(q, BH_SQLT_CHAR, START);
	q->token.c = c;
	/* \N of MySQL, and what no dialect has */
	if (c == '\\' || (c < ' ' && !bh_sql_space(c)) || c == 0x7f)
		q->doubt = true;
	q->lex.flags &= (uint8_t) ~(c == '&' ? WAS_E : WAS_E | UNICODE);
	bh_sql_take(q);
	return c == ';';
}

static bool
is_quote(const struct bh_sql *q, uint8_t c)
{
	return c == '\'' || c == '"' || (c == '`' && q->dialect == BH_SQL_MYSQL) ||
	       (c == '[' && q->dialect == BH_SQL_TSQL);
}

/* The first byte of a token. */
static bool
start(struct bh_sql *q, uint8_t c)
{
	bool glued = (q->lex.flags & GLUED) != 0;

	q->lex.flags &= (uint8_t)~GLUED;
	if (bh_sql_space(c)) {
		q->lex.flags &= (uint8_t)~UNICODE;
		return false;
	}
	if (is_quote(q, c)) {
		bh_sql_quote_begin(q, c);
	} else if (bh_sql_digit(c) && !(glued && q->prev_char == '.')) {
		bh_sql_number_begin(q, c);
	} else if (bh_sql_digit(c) || begins_word(q, c)) {
		bh_sql_token(q, BH_SQLT_WORD, WORD);
		/* MySQL: 0xA0 is a space in latin1 */
		if (c >= 0x80 && q->dialect == BH_SQL_MYSQL)
			q->doubt = true;
		bh_sql_keep(q, c);
	} else if (c == '@' && (q->dialect == BH_SQL_MYSQL || q->dialect == BH_SQL_TSQL)) {
		bh_sql_token(q, BH_SQLT_VAR, VAR);
	} else if (c == '-') {
		q->lex.state = DASH;
	} else if (c == '/') {
		q->lex.state = SLASH;
	} else if (c == '#' && q->dialect == BH_SQL_MYSQL) {
		q->lex.state = LINE;
	} else if (c == '$' && (q->dialect == BH_SQL_PG || q->dialect == BH_SQL_CQL)) {
		bh_sql_token(q, BH_SQLT_STRING, DOLLAR);
		q->lex.tag_len = 0;
	} else if (c == '*' && (q->lex.flags & EXECUTED) != 0) {
		q->lex.state = STAR;
	} else {
		/* what follows t. at once is a name in MySQL, even 5col */
		if (c == '.' && glued && q->dialect == BH_SQL_MYSQL)
			q->lex.flags |= GLUED;
		return bh_sql_single(q, c);
	}
	return false;
}

/* States of one byte's look-ahead. false: the byte is yet to be looked at, in the state that was set. */
static bool
ahead(struct bh_sql *q, uint8_t c)
{
	uint8_t was = q->lex.state;

	q->lex.state = START;
	if (was == DASH && c == '-') {
		q->lex.state = q->dialect == BH_SQL_MYSQL ? DASHES : LINE;
		return true;
	}
	if (was == DASHES && (c <= ' ' || c == 0x7f)) {
		q->lex.state = LINE;
		return c != '\n';
	}
	if (was == SLASH && c == '*') {
		bh_sql_block_open(q);
		return true;
	}
	if (was == SLASH && c == '/' && q->dialect == BH_SQL_CQL) {
		q->lex.state = LINE;
		return true;
	}
	if (was == STAR && c == '/') {
		q->lex.flags &= (uint8_t)~EXECUTED;
		return true;
	}
	(void)bh_sql_single(q, was == SLASH ? '/' : was == STAR ? '*' : '-');
	/* "---": its second one may begin a comment */
	if (was == DASHES)
		q->lex.state = DASH;
	return false;
}

/* PostgreSQL: E'...' and U&"..." */
static void
after_word(struct bh_sql *q, uint8_t c)
{
	bool e = q->dialect == BH_SQL_PG && bh_sql_is(&q->token, "e") && c == '\'';
	bool u = q->dialect == BH_SQL_PG && bh_sql_is(&q->token, "u") && c == '&';

	end_word(q);
	q->lex.flags |= GLUED;
	if (e)
		q->lex.flags |= ESCAPES;
	if (u)
		q->lex.flags |= UNICODE;
}

/* States of tokens that a byte may end. false: it did, and is yet to be looked at. */
static bool
more(struct bh_sql *q, uint8_t c)
{
	switch (q->lex.state) {
	case WORD:
		if (!in_word(q, c)) {
			after_word(q, c);
			return false;
		}
		if (c >= 0x80 && q->dialect == BH_SQL_MYSQL)
			q->doubt = true;
		bh_sql_keep(q, c);
		return true;
	case NUMBER:
		return bh_sql_number(q, c);
	case VAR:
		if (in_word(q, c) || c == '@' || (c == '.' && q->dialect == BH_SQL_MYSQL)) {
			bh_sql_keep(q, c);
			return true;
		}
		q->lex.state = START;
		bh_sql_take(q);
		return false;
	case QUOTE_END:
		if (c == q->lex.quote) {
			bh_sql_keep(q, c);
			q->lex.state = QUOTE;
			return true;
		}
		bh_sql_quote_end(q);
		q->lex.flags |= GLUED;
		return false;
	default:
		return ahead(q, c);
	}
}

/* One look at a byte. 0: done, 1: done, and a statement has ended, -1: look again. */
static int
look(struct bh_sql *q, uint8_t c)
{
	switch (q->lex.state) {
	case START:
		return start(q, c);
	case QUOTE:
		bh_sql_quote(q, c);
		return 0;
	case ESCAPED:
		bh_sql_escaped(q, c);
		return 0;
	case LINE:
		bh_sql_line(q, c);
		return 0;
	case BLOCK_BEGIN:
	case BLOCK_M:
	case BLOCK_VERSION:
		return bh_sql_block_begin(q, c) ? 0 : -1;
	case BLOCK:
	case BLOCK_STAR:
	case BLOCK_SLASH:
		bh_sql_block(q, c);
		return 0;
	case DOLLAR:
		return bh_sql_dollar(q, c) ? 0 : -1;
	case DOLLARS:
		bh_sql_dollars(q, c);
		return 0;
	default:
		return more(q, c) ? 0 : -1;
	}
}

bool
bh_sql_byte(struct bh_sql *q, uint8_t c)
{
	int rc;

	/* Each further look is in a state that a token has ended in, or in a comment: three at most. */
	do
		rc = look(q, c);
	while (rc < 0);
	q->lex.last = c;
	return rc != 0;
}

/* Spaces beyond ASCII, which SQL Server may take for such. */
static bool
is_wide_space(uint16_t u)
{
	return u == 0x85 || u == 0xa0 || u == 0x1680 || u == 0x180e ||
	       (u >= 0x2000 && u <= 0x200f) || (u >= 0x2028 && u <= 0x202f) || u == 0x205f ||
	       u == 0x2060 || u == 0x3000 || u == 0xfeff;
}

bool
bh_sql_unit(struct bh_sql *q, uint16_t u)
{
	uint8_t state = q->lex.state, utf[3];
	struct bh_cur c = bh_cur(utf, 1);

	utf[0] = (uint8_t)u;
	if (is_wide_space(u) &&
	    (state == START || state == WORD || state == NUMBER || state == VAR || state == LINE)) {
		q->doubt = true;
		utf[0] = ' ';
	} else if (u >= 0x800) {
		utf[0] = (uint8_t)(0xe0 | u >> 12);
		utf[1] = (uint8_t)(0x80 | (u >> 6 & 0x3f));
		utf[2] = (uint8_t)(0x80 | (u & 0x3f));
		c = bh_cur(utf, 3);
	} else if (u >= 0x80) {
		utf[0] = (uint8_t)(0xc0 | u >> 6);
		utf[1] = (uint8_t)(0x80 | (u & 0x3f));
		c = bh_cur(utf, 2);
	}
	return bh_sql_feed(q, &c);
}

void
bh_sql_lex_end(struct bh_sql *q)
{
	switch (q->lex.state) {
	case WORD:
		end_word(q);
		break;
	case NUMBER:
		bh_sql_number_end(q);
		break;
	case VAR:
		bh_sql_take(q);
		break;
	case QUOTE_END:
		bh_sql_quote_end(q);
		break;
	case START:
	case LINE:
	case DASHES:
		break;
	default: /* a quote or comment that is not closed, an operator at the end */
		q->doubt = true;
		break;
	}
	if ((q->lex.flags & EXECUTED) != 0)
		q->doubt = true;
	q->lex.state = START;
}
