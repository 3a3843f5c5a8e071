/* sql_lex.h: the tokenizer's states, between its files. */
#ifndef BH_PROTO_SQL_LEX_H
#define BH_PROTO_SQL_LEX_H

#include "sql.h"

enum state {
	START,
	WORD,
	NUMBER,
	VAR,
	DASH,
	DASHES, /* MySQL: "--", a comment if a space follows */
	SLASH,
	LINE,
	BLOCK_BEGIN, /* MySQL: behind slash and star */
	BLOCK_M,
	BLOCK_VERSION,
	BLOCK,
	BLOCK_STAR,
	BLOCK_SLASH,
	STAR, /* MySQL, inside of an executable comment */
	QUOTE,
	QUOTE_END,
	ESCAPED,
	DOLLAR,
	DOLLARS,
};

enum {
	EXECUTED = 1 << 0, /* inside of an executable comment */
	ESCAPES = 1 << 1,  /* backslash escapes in this string */
	WAS_E = 1 << 2,    /* the string before was E'...', this may continue it */
	UNICODE = 1 << 3,  /* behind u& */
	HIGH = 1 << 4,     /* the byte before was no ASCII */
	GLUED = 1 << 5,    /* nothing between the token before and this */
};

enum number { N_ZERO, N_INT, N_FRACTION, N_E, N_SIGN, N_EXPONENT, N_RADIX, N_HEX, N_JUNK };

static inline bool
bh_sql_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline bool
bh_sql_letter(uint8_t c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static inline bool
bh_sql_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
bh_sql_hex(uint8_t c)
{
	return bh_sql_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* A token begins: what it is, and the state that reads it. */
void bh_sql_token(struct bh_sql *q, enum bh_sql_kind kind, enum state state);
void bh_sql_keep(struct bh_sql *q, uint8_t c);
void bh_sql_check_name(struct bh_sql *q);
/* A token of one character; true: it ended a statement. */
bool bh_sql_single(struct bh_sql *q, uint8_t c);

/* Literals. Those that say bool: false, the byte is yet to be looked at, in the state that was set. */
void bh_sql_number_begin(struct bh_sql *q, uint8_t c);
bool bh_sql_number(struct bh_sql *q, uint8_t c);
void bh_sql_number_end(struct bh_sql *q);
void bh_sql_quote_begin(struct bh_sql *q, uint8_t c);
void bh_sql_quote(struct bh_sql *q, uint8_t c);
void bh_sql_quote_end(struct bh_sql *q);
void bh_sql_escaped(struct bh_sql *q, uint8_t c);
bool bh_sql_dollar(struct bh_sql *q, uint8_t c);
void bh_sql_dollars(struct bh_sql *q, uint8_t c);

/* Comments. */
void bh_sql_block_open(struct bh_sql *q);
bool bh_sql_block_begin(struct bh_sql *q, uint8_t c);
void bh_sql_block(struct bh_sql *q, uint8_t c);
void bh_sql_line(struct bh_sql *q, uint8_t c);

#endif
