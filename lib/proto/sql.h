/* sql.h: what SQL statements do: their verbs and the tables that they name. Shared by the parsers of MySQL,
 * PostgreSQL, MS SQL Server and Cassandra.
 *
 * Usage     bh_sql_open() a connection, bh_sql_begin() each text, bh_sql_feed() its bytes as they come. When that says
 *           true, a statement is complete: bh_sql_emit() it and go on. bh_sql_end() the text; once more true is the
 *           last statement.
 * Threads   pure functions over the caller's memory: any thread.
 * Lifetime  what bh_sql_emit() hands out points into the struct, until the next call.
 *
 * Not a grammar but a scanner that errs on one side: each verb at the head of a statement, wherever statements nest
 * (CTE, EXPLAIN, PREPARE), and each name where a table can stand. A name that may be none is reported rather than
 * left out; where two servers or two settings could read a text differently, or a construct hides what it runs,
 * the statement is PARTIAL. String literals are never reported.
 */
#ifndef BH_PROTO_SQL_H
#define BH_PROTO_SQL_H

#include "proto_priv.h"

enum bh_sql_dialect {
	BH_SQL_MYSQL = 1 << 0,
	BH_SQL_PG = 1 << 1,
	BH_SQL_TSQL = 1 << 2,
	BH_SQL_CQL = 1 << 3,
};

#define BH_SQL_TOKEN 260 /* bytes kept of a token; longer ones are doubtful */
#define BH_SQL_DEPTH 48  /* parentheses in parentheses; deeper is doubtful */
#define BH_SQL_POOL 3072 /* verbs and names of one statement */
#define BH_SQL_TABLES 26 /* of one statement, and */
#define BH_SQL_VERBS 6   /* together they fit an operation */
#define BH_SQL_CTES 16   /* names by WITH in sight at once */
#define BH_SQL_PREPARED 32

/* Words that mean something. */
enum bh_sql_word {
	BH_SQLW_NONE,
#define SQL_WORD(w) BH_SQLW_##w,
#include "sql_word.def"
#undef SQL_WORD
	BH_SQLW_COUNT
};
/* Of a word in any case; NONE if it is none of the table. */
enum bh_sql_word bh_sql_word(const char *at, size_t len);
const char *bh_sql_word_text(unsigned word);

enum bh_sql_kind {
	BH_SQLT_WORD,   /* bare */
	BH_SQLT_QUOTED, /* an identifier in quotes */
	BH_SQLT_DOUBLE, /* MySQL: "...", a string or an identifier, as sql_mode has it */
	BH_SQLT_STRING,
	BH_SQLT_NUMBER,
	BH_SQLT_VAR, /* @name */
	BH_SQLT_CHAR,
};

struct bh_sql_token {
	uint8_t kind; /* enum bh_sql_kind */
	uint8_t word; /* enum bh_sql_word, of a WORD */
	uint8_t c;    /* of a CHAR */
	uint16_t len;
	char text[BH_SQL_TOKEN];
};

/* Settings of the connection that change how a text is read. */
enum {
	BH_SQL_ODD_BACKSLASH = 1 << 0, /* may or may not escape in a plain string */
	BH_SQL_ODD_CHARSET = 1 << 1,   /* a character's second byte may look like ASCII */
	BH_SQL_ODD_PATH = 1 << 2,      /* a name without schema may be anywhere's */
};

struct bh_sql_lex {
	uint8_t state, quote, flags, depth;
	uint8_t number; /* what kind of number so far */
	uint8_t match;  /* bytes of the end of a $tag$ seen */
	uint8_t tag_len;
	uint8_t last; /* byte before */
	uint16_t version;
	uint8_t digits;
	char tag[64];
};

/* One level of parentheses. */
struct bh_sql_level {
	uint8_t mode, saved;
	uint8_t intro;  /* word that made a table come next */
	uint8_t n_ctes; /* in sight when it began */
	uint32_t flags;
};

struct bh_sql {
	uint8_t dialect;         /* one enum bh_sql_dialect */
	uint8_t odd;             /* BH_SQL_ODD_* */
	uint8_t doubt;           /* the text is ambiguous from here on */
	uint8_t partial;         /* this statement is not understood */
	uint8_t first;           /* word that it began with */
	uint8_t active;          /* a token was seen */
	uint8_t plain;           /* transaction control so far */
	uint8_t before, before2; /* words before this token, NONE if they were none */
	uint8_t prev_char;       /* the token before, if a CHAR */
	uint8_t runs; /* the word before is a function that runs or reads what its arguments say */
	uint8_t n_tokens;
	uint8_t depth; /* levels in use, less one */
	uint8_t over;  /* deeper than there are levels */
	uint8_t n_verbs, n_tables, n_ctes;
	int8_t target;             /* T-SQL: table that may be an alias, or -1 */
	uint8_t clear;             /* the last statement was emitted: begin anew */
	uint8_t name_len, part_at; /* of `name`; where its last part begins */
	uint8_t parts;
	uint8_t name_quoted;
	uint8_t database_len;
	uint8_t n_prepared;
	uint8_t sub; /* progress of a statement of its own kind */
	uint16_t used, ctes_used;
	uint16_t verb_at[BH_SQL_VERBS];
	uint8_t verb_len[BH_SQL_VERBS];
	uint16_t table_at[BH_SQL_TABLES], table_len[BH_SQL_TABLES];
	uint16_t cte_at[BH_SQL_CTES];
	uint8_t cte_len[BH_SQL_CTES];
	uint64_t prepared[BH_SQL_PREPARED];
	struct bh_sql_level level[BH_SQL_DEPTH];
	struct bh_sql_lex lex;
	struct bh_sql_token token;
	char database[64]; /* MySQL, CQL: current, to strip it from names; empty: unknown */
	char name[256];
	char ctes[512];
	char pool[BH_SQL_POOL];
};

void bh_sql_open(struct bh_sql *q, enum bh_sql_dialect dialect);
/* A text of one or more statements begins. */
void bh_sql_begin(struct bh_sql *q);
/* Up to the end of a statement (true), or all of it. */
bool bh_sql_feed(struct bh_sql *q, struct bh_cur *in);
/* One code unit of a text in UTF-16; true: a statement has ended. */
bool bh_sql_unit(struct bh_sql *q, uint16_t unit);
/* The text has ended: is there a statement left? */
bool bh_sql_end(struct bh_sql *q);
/* The statement's verbs and tables as values; complete: it has ended, and the next begins. */
void bh_sql_emit(struct bh_sql *q, struct bh_op *op, enum bh_op_field verb, enum bh_op_field table,
		 bool complete);
/* Current database or keyspace, as a log-in or command says. */
void bh_sql_database(struct bh_sql *q, const void *name, size_t len);

/* A setting that a log-in brings, or the server reports. */
void bh_sql_option(struct bh_sql *q, const char *name, size_t name_len, const char *value,
		   size_t len);

/* A text inside a message, with what is held of the message. */
struct bh_sql_hold {
	uint32_t bytes; /* of this message that were not judged */
	bool early;     /* what is known of a long statement was emitted */
};

/* Bytes until something is to be emitted early: to take no more at once makes it the same however they come. */
static inline uint32_t
bh_sql_room(const struct bh_sql_hold *h)
{
	return h->early || h->bytes >= BH_OPS_HOLD ? UINT32_MAX : BH_OPS_HOLD - h->bytes;
}

/* n more bytes of the message; pending is set. true: what is known so far is to be emitted now (q not NULL). */
bool bh_sql_hold(struct bh_sql_hold *h, uint32_t n, struct bh_ops_out *out);

/* ---- between its files ---- */

/* One byte; true when it ended a statement. */
bool bh_sql_byte(struct bh_sql *q, uint8_t c);
/* What is open at the end of a text. */
void bh_sql_lex_end(struct bh_sql *q);
/* A token is in q->token. */
void bh_sql_take(struct bh_sql *q);
void bh_sql_verb(struct bh_sql *q, const char *at, size_t len);
/* The name collected so far names a table. */
void bh_sql_table(struct bh_sql *q);
void bh_sql_name_part(struct bh_sql *q);
/* Is the token, in any case, this text; does it begin with it? */
bool bh_sql_starts(const struct bh_sql_token *t, const char *text);
bool bh_sql_is(const struct bh_sql_token *t, const char *text);

#endif
