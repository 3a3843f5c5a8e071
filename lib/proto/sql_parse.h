/* sql_parse.h: how far a statement has been read, between the files of the analyser. */
#ifndef BH_PROTO_SQL_PARSE_H
#define BH_PROTO_SQL_PARSE_H

#include "sql.h"

/* What comes next at a level of parentheses. */
enum mode {
	M_HEAD,     /* the first word of a statement */
	M_EXPLAIN,  /* its options, then a statement's head */
	M_PREPARE,  /* name, types; AS, then a statement's head */
	M_EXECUTE,  /* name of a prepared statement */
	M_USE,      /* name of a database */
	M_EXPR,     /* anything: only some words count */
	M_TABLE,    /* a table */
	M_NAME,     /* . or the end of a name */
	M_DOT,      /* a name's next part */
	M_CTE_NAME, /* behind WITH or a comma of it */
	M_CTE_AS,
	M_CTE_OPEN, /* behind AS */
	M_CTE_NEXT, /* behind a body */
};

/* Of a level */
enum {
	L_VERBS = 1 << 0,  /* what begins here is executed: its verb counts */
	L_LIST = 1 << 1,   /* a comma brings another table */
	L_SELECT = 1 << 2, /* a SELECT was here */
	L_FROM = 1 << 3,   /* FROM names tables here, it is not trim's */
	L_JOINED = 1 << 4,
	L_HINT = 1 << 5,   /* MySQL: an index hint, up to its parenthesis */
	L_GROUP = 1 << 6,  /* opened where a table can stand */
	L_CTE = 1 << 7,    /* body of a CTE */
	L_HIDDEN = 1 << 8, /* whose name comes into sight at its end */
	L_RECURSIVE = 1 << 9,
	L_ALIAS = 1 << 10,  /* an alias may come */
	L_TOP = 1 << 11,    /* T-SQL: DELETE TOP (n) */
	L_FOR = 1 << 12,    /* behind FOR, which may be one of a table's */
	L_SOURCE = 1 << 13, /* an INSERT waits for what it inserts */
	L_MAIN = 1 << 14,   /* T-SQL: the statement that WITH is of has begun */
	L_ASSIGN = 1 << 15, /* an UPDATE waits for SET */
	L_USING = 1 << 16,  /* DELETE and MERGE: USING brings tables */
};

static inline struct bh_sql_level *
bh_sql_here(struct bh_sql *q)
{
	return &q->level[q->depth];
}

/* Tables come next: intro is the word that says so. */
static inline void
bh_sql_expect(struct bh_sql *q, enum bh_sql_word intro, bool list)
{
	struct bh_sql_level *l = bh_sql_here(q);

	l->mode = M_TABLE;
	l->intro = (uint8_t)intro;
	l->flags &= ~(L_LIST | L_HINT | L_FOR | L_TOP);
	if (list)
		l->flags |= L_LIST;
}

void bh_sql_push(struct bh_sql *q, enum mode mode, uint32_t flags);
void bh_sql_pop(struct bh_sql *q);

/* Each looks at the token; false: it is yet to be looked at, in the mode that was set. */
bool bh_sql_head(struct bh_sql *q);
bool bh_sql_before(struct bh_sql *q); /* M_EXPLAIN, M_PREPARE, M_EXECUTE, M_USE */
bool bh_sql_expr(struct bh_sql *q);
bool bh_sql_from(struct bh_sql *q); /* M_TABLE, M_NAME, M_DOT */
bool bh_sql_with(struct bh_sql *q); /* M_CTE_* */

/* A verb's statement begins here; false: the word begins none. */
bool bh_sql_begins(struct bh_sql *q, enum bh_sql_word word);
/* Names by WITH. */
bool bh_sql_cte_known(const struct bh_sql *q);
void bh_sql_drop_ctes(struct bh_sql *q);
/* The statement has ended. */
void bh_sql_finish(struct bh_sql *q);
/* Does the token change how later texts are read? */
void bh_sql_setting(struct bh_sql *q);
uint64_t bh_sql_hash(const struct bh_sql_token *t);

#endif
