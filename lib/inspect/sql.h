/* sql: the tokens of SQL as MySQL, PostgreSQL, SQL Server, Oracle and SQLite read it. Private to inspect. */
#ifndef BH_INSPECT_SQL_H
#define BH_INSPECT_SQL_H

#include "inspect_priv.h"

enum bh_isql_type {
	BH_SQL_NUMBER,
	BH_SQL_STRING,  /* closed */
	BH_SQL_OPEN,    /* a string whose end is the statement's that the value lands in */
	BH_SQL_WORD,    /* a name or keyword: see word */
	BH_SQL_VAR,     /* @x, @@x, :x, ? */
	BH_SQL_COMPARE, /* = <> < > ... */
	BH_SQL_ARITH,   /* + - * / % ^ ~ | & || of Oracle */
	BH_SQL_LOGIC,   /* && || ! */
	BH_SQL_LP,
	BH_SQL_RP,
	BH_SQL_COMMA,
	BH_SQL_SEMI,
	BH_SQL_DOT,
	BH_SQL_COMMENT, /* to the end of the text or line; block comments in the middle are spaces */
	BH_SQL_OTHER,
};

enum bh_isql_word {
	BH_SQLW_NAME,
#define BH_SQL_WORD_DEF(sym, text) BH_SQLW_##sym,
#include "sql_word.def"
#undef BH_SQL_WORD_DEF
	BH_SQLW_COUNT
};

/* Lex v[pos..) into scratch->sql; quote: the value lands inside this quote ('\'', '"', '`'), 0: it does not. When
 * it does, the first token is the string that the value closes, and 0 is returned when it closes none. mysql: # is a
 * comment and backslash escapes. Returns the number of tokens. */
unsigned bh_isql_lex(struct bh_inspect_scratch *s, const struct bh_view *v, uint8_t quote,
		     bool mysql);
/* Was something hidden in a comment that a server runs or that stands for a space between words? */
bool bh_isql_hidden(const struct bh_view *v);

/* A value's tokens in one of the places it may land in. */
struct bh_isql {
	const struct bh_view *v;
	const struct bh_isql_token *t;
	unsigned n;
	uint8_t quote; /* what the value lands in: 0, ' or " */
};

static inline unsigned
bh_isql_kind(const struct bh_isql *s, unsigned i)
{
	return i < s->n ? s->t[i].kind : UINT8_MAX;
}

static inline unsigned
bh_isql_word(const struct bh_isql *s, unsigned i)
{
	return i < s->n && s->t[i].kind == BH_SQL_WORD ? s->t[i].word : BH_SQLW_COUNT;
}

static inline bool
bh_isql_ends(const struct bh_isql *s, unsigned i)
{
	return i >= s->n || s->t[i].kind == BH_SQL_COMMENT || s->t[i].kind == BH_SQL_SEMI;
}

/* A name right before a parenthesis. */
static inline bool
bh_isql_is_call(const struct bh_isql *s, unsigned i)
{
	return bh_isql_kind(s, i) == BH_SQL_WORD && bh_isql_kind(s, i + 1) == BH_SQL_LP;
}

static inline bool
bh_isql_adjacent(const struct bh_isql *s, unsigned i)
{
	return i + 1 < s->n && s->t[i].at + s->t[i].len == s->t[i + 1].at;
}

static inline uint8_t
bh_isql_first(const struct bh_isql *s, unsigned i)
{
	return i < s->n && s->t[i].len > 0 ? s->v->at[s->t[i].at] : 0;
}

struct bh_sql_thin;

/* sql_thin.c: more of a long statement; its end. Return the set of classes reported. */
uint64_t bh_sql_thin_add(struct bh_sql_thin *t, const struct bh_inspect_ctx *ctx,
			 const struct bh_view *v, bool mysql);
uint64_t bh_sql_thin_end(struct bh_sql_thin *t, const struct bh_inspect_ctx *ctx, bool mysql);
/* sql_carried.c: judge what is there of it. last: no more comes. */
uint64_t bh_inspect_statement_part(const struct bh_inspect_ctx *ctx, struct bh_sql_thin *t,
				   bool mysql, bool last);
/* sql.c */
bool bh_isql_is_constant(const struct bh_isql *s, unsigned i);
bool bh_isql_is_comparison(const struct bh_isql *s, unsigned i);
/* sql_name.c: is the call at i one of a function that databases have? */
bool bh_isql_is_known(const struct bh_isql *s, unsigned i);
/* Names that only a database knows: functions called, tables of its catalogue, its variables. */
bool bh_isql_name_shape(const struct bh_isql *s, unsigned i);
/* sql_statement.c: statements that change something or run code. */
bool bh_isql_statement_shape(const struct bh_isql *s, unsigned i);

#endif
