/* Statement analyser: how statements begin. */
#include "sql_parse.h"

/* What a first word makes of a statement. */
enum kind {
	K_NONE,
	K_SELECT, /* a query */
	K_WITH,
	K_EXPLAIN, /* what follows is judged, as EXPLAIN ANALYZE runs it */
	K_TABLE,   /* a table follows */
	K_TABLES,  /* a list of tables */
	K_DELETE,
	K_INSERT,
	K_UPDATE,
	K_DDL,
	K_WORDS, /* names no table but by FROM, INTO ... */
	K_TXN,
	K_PREPARE,
	K_EXECUTE,
	K_CALL,
	K_USE,
	K_FLOW,    /* T-SQL: runs nothing itself */
	K_PARTIAL, /* not understood beyond its verb */
};

#define ALL (BH_SQL_MYSQL | BH_SQL_PG | BH_SQL_TSQL | BH_SQL_CQL)

static const struct head {
	uint8_t word;
	uint8_t dialects;
	uint8_t kind;
} heads[] = {
	{BH_SQLW_select, ALL, K_SELECT},
	{BH_SQLW_values, BH_SQL_MYSQL | BH_SQL_PG, K_WORDS},
	{BH_SQLW_with, BH_SQL_MYSQL | BH_SQL_PG | BH_SQL_TSQL, K_WITH},
	{BH_SQLW_explain, BH_SQL_MYSQL | BH_SQL_PG, K_EXPLAIN},
	{BH_SQLW_describe, BH_SQL_MYSQL, K_EXPLAIN},
	{BH_SQLW_desc, BH_SQL_MYSQL, K_EXPLAIN},
	{BH_SQLW_table, BH_SQL_MYSQL | BH_SQL_PG, K_TABLE},
	{BH_SQLW_insert, ALL, K_INSERT},
	{BH_SQLW_replace, BH_SQL_MYSQL, K_INSERT},
	{BH_SQLW_merge, BH_SQL_PG | BH_SQL_TSQL, K_TABLE},
	{BH_SQLW_update, ALL, K_UPDATE},
	{BH_SQLW_delete, ALL, K_DELETE},
	{BH_SQLW_truncate, ALL, K_TABLES},
	{BH_SQLW_lock, BH_SQL_MYSQL | BH_SQL_PG, K_TABLES},
	{BH_SQLW_handler, BH_SQL_MYSQL, K_TABLE},
	{BH_SQLW_copy, BH_SQL_PG, K_TABLE},
	{BH_SQLW_create, ALL, K_DDL},
	{BH_SQLW_alter, ALL, K_DDL},
	{BH_SQLW_drop, ALL, K_DDL},
	{BH_SQLW_rename, BH_SQL_MYSQL, K_DDL},
	{BH_SQLW_load, BH_SQL_MYSQL, K_DDL},
	{BH_SQLW_call, BH_SQL_MYSQL | BH_SQL_PG, K_CALL},
	{BH_SQLW_exec, BH_SQL_TSQL, K_CALL},
	{BH_SQLW_execute, BH_SQL_TSQL, K_CALL},
	{BH_SQLW_execute, BH_SQL_MYSQL | BH_SQL_PG, K_EXECUTE},
	{BH_SQLW_prepare, BH_SQL_MYSQL | BH_SQL_PG, K_PREPARE},
	{BH_SQLW_declare, BH_SQL_PG, K_WORDS},
	{BH_SQLW_use, ALL, K_USE},
	{BH_SQLW_begin, BH_SQL_MYSQL | BH_SQL_PG | BH_SQL_TSQL, K_TXN},
	{BH_SQLW_start, BH_SQL_MYSQL | BH_SQL_PG, K_TXN},
	{BH_SQLW_commit, BH_SQL_MYSQL | BH_SQL_PG | BH_SQL_TSQL, K_TXN},
	{BH_SQLW_rollback, BH_SQL_MYSQL | BH_SQL_PG | BH_SQL_TSQL, K_TXN},
	{BH_SQLW_end, BH_SQL_PG, K_TXN},
	{BH_SQLW_abort, BH_SQL_PG, K_TXN},
	{BH_SQLW_savepoint, BH_SQL_MYSQL | BH_SQL_PG, K_TXN},
	{BH_SQLW_release, BH_SQL_MYSQL | BH_SQL_PG, K_TXN},
	{BH_SQLW_save, BH_SQL_TSQL, K_TXN},
	{BH_SQLW_begin, BH_SQL_CQL, K_TXN},
	{BH_SQLW_apply, BH_SQL_CQL, K_TXN},
	{BH_SQLW_do, BH_SQL_MYSQL, K_WORDS},
	{BH_SQLW_show, BH_SQL_MYSQL | BH_SQL_PG, K_WORDS},
	{BH_SQLW_set, BH_SQL_MYSQL | BH_SQL_PG, K_WORDS},
	{BH_SQLW_set, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_reset, BH_SQL_PG, K_WORDS},
	{BH_SQLW_discard, BH_SQL_PG, K_WORDS},
	{BH_SQLW_listen, BH_SQL_PG, K_WORDS},
	{BH_SQLW_unlisten, BH_SQL_PG, K_WORDS},
	{BH_SQLW_notify, BH_SQL_PG, K_WORDS},
	{BH_SQLW_deallocate, BH_SQL_MYSQL | BH_SQL_PG, K_WORDS},
	{BH_SQLW_close, BH_SQL_PG, K_WORDS},
	{BH_SQLW_fetch, BH_SQL_PG, K_WORDS},
	{BH_SQLW_move, BH_SQL_PG, K_WORDS},
	{BH_SQLW_checkpoint, BH_SQL_PG | BH_SQL_TSQL, K_WORDS},
	{BH_SQLW_kill, BH_SQL_MYSQL | BH_SQL_TSQL, K_WORDS},
	{BH_SQLW_help, BH_SQL_MYSQL, K_WORDS},
	{BH_SQLW_unlock, BH_SQL_MYSQL, K_WORDS},
	{BH_SQLW_declare, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_if, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_while, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_print, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_return, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_waitfor, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_raiserror, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_throw, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_end, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_open, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_close, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_deallocate, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_fetch, BH_SQL_TSQL, K_FLOW},
	{BH_SQLW_grant, ALL, K_PARTIAL},
	{BH_SQLW_revoke, ALL, K_PARTIAL},
	{BH_SQLW_deny, BH_SQL_TSQL, K_PARTIAL},
	{BH_SQLW_backup, BH_SQL_TSQL, K_PARTIAL},
	{BH_SQLW_restore, BH_SQL_TSQL, K_PARTIAL},
	{BH_SQLW_bulk, BH_SQL_TSQL, K_PARTIAL},
	{BH_SQLW_shutdown, BH_SQL_TSQL, K_PARTIAL},
	{BH_SQLW_dbcc, BH_SQL_TSQL, K_PARTIAL},
	{BH_SQLW_reconfigure, BH_SQL_TSQL, K_PARTIAL},
	{BH_SQLW_revert, BH_SQL_TSQL, K_PARTIAL},
	{BH_SQLW_setuser, BH_SQL_TSQL, K_PARTIAL},
	{BH_SQLW_readtext, BH_SQL_TSQL, K_PARTIAL},
	{BH_SQLW_writetext, BH_SQL_TSQL, K_PARTIAL},
	{BH_SQLW_updatetext, BH_SQL_TSQL, K_PARTIAL},
};

static enum kind
kind_of(const struct bh_sql *q, enum bh_sql_word word)
{
	unsigned i;

	for (i = 0; word != BH_SQLW_NONE && i < BH_ARRAY_SIZE(heads); i++) {
		if (heads[i].word == word && (heads[i].dialects & q->dialect) != 0)
			return heads[i].kind;
	}
	return K_NONE;
}

static void
add_verb(struct bh_sql *q)
{
	if ((bh_sql_here(q)->flags & L_VERBS) != 0)
		bh_sql_verb(q, q->token.text, q->token.len);
}

/* DELETE: what stands between it and FROM is an alias of what follows FROM, except in T-SQL. */
static void
begin_delete(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);

	l->flags |= L_FROM | L_USING;
	l->flags &= ~L_LIST;
	if (q->dialect == BH_SQL_TSQL)
		bh_sql_expect(q, BH_SQLW_delete, false);
	else
		l->mode = M_EXPR;
}

/* Those that say how a statement goes on beyond its verb. */
static void
go_on(struct bh_sql *q, enum kind kind, enum bh_sql_word word)
{
	struct bh_sql_level *l = bh_sql_here(q);

	l->mode = M_EXPR;
	switch (kind) {
	case K_SELECT:
		l->flags |= L_SELECT | L_FROM;
		break;
	case K_TABLE:
	case K_TABLES:
	case K_CALL:
		if (word == BH_SQLW_merge)
			l->flags |= L_USING;
		bh_sql_expect(q, word, kind == K_TABLES);
		break;
	case K_INSERT:
		l->flags |= L_SOURCE;
		bh_sql_expect(q, word, false);
		break;
	case K_UPDATE:
		l->flags |= L_ASSIGN | L_FROM;
		bh_sql_expect(q, word, q->dialect == BH_SQL_MYSQL);
		break;
	case K_DELETE:
		begin_delete(q);
		break;
	case K_TXN:
		q->plain = true;
		break;
	case K_EXECUTE:
		l->mode = M_EXECUTE;
		break;
	case K_USE:
		l->mode = M_USE;
		break;
	case K_PREPARE:
		l->mode = M_PREPARE;
		break;
	case K_PARTIAL:
		q->partial = true;
		break;
	default:
		break;
	}
}

/* T-SQL: statements need no separator. WITH is of the next one alone. */
static void
next_of_batch(struct bh_sql *q, enum kind kind)
{
	struct bh_sql_level *l = bh_sql_here(q);

	if (kind == K_FLOW || kind == K_TXN)
		return;
	q->target = -1;
	if ((l->flags & L_MAIN) != 0)
		bh_sql_drop_ctes(q);
	l->flags &= ~(L_SOURCE | L_JOINED | L_LIST | L_SELECT | L_MAIN | L_USING);
	if (kind != K_WITH)
		l->flags |= L_MAIN;
}

bool
bh_sql_begins(struct bh_sql *q, enum bh_sql_word word)
{
	struct bh_sql_level *l = bh_sql_here(q);
	enum kind kind = kind_of(q, word);

	if (kind == K_NONE)
		return false;
	if (q->dialect == BH_SQL_TSQL)
		next_of_batch(q, kind);
	if (q->depth == 0)
		q->first = (uint8_t)word;
	if (kind == K_WITH) {
		l->saved = M_HEAD;
		l->mode = M_CTE_NAME;
		return true;
	}
	if (kind == K_EXPLAIN) {
		l->mode = M_EXPLAIN;
		return true;
	}
	if (kind == K_PREPARE && q->dialect == BH_SQL_PG) {
		l->mode = M_PREPARE;
		return true;
	}
	q->plain = false;
	if (kind == K_FLOW || (kind == K_TXN && (q->dialect & (BH_SQL_CQL | BH_SQL_TSQL)) != 0)) {
		q->plain = kind == K_TXN && q->n_verbs == 0;
		if (q->dialect == BH_SQL_CQL)
			q->sub = 1;
		l->mode = M_EXPR;
		return true;
	}
	if (word != BH_SQLW_values || q->depth == 0)
		add_verb(q);
	go_on(q, kind, word);
	return true;
}

/* A first word that begins nothing known. */
static void
unknown(struct bh_sql *q)
{
	static const char exec[] = "exec";

	bh_sql_here(q)->mode = M_EXPR;
	q->partial = true;
	if (q->dialect == BH_SQL_TSQL) /* a procedure's name, first in a batch */
		bh_sql_verb(q, exec, sizeof(exec) - 1);
	else if (q->token.kind == BH_SQLT_WORD)
		add_verb(q);
}

bool
bh_sql_head(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);
	const struct bh_sql_token *t = &q->token;

	if (t->kind == BH_SQLT_CHAR && t->c == '(') {
		bh_sql_push(q, M_HEAD, l->flags & L_VERBS);
		return true;
	}
	if (t->kind == BH_SQLT_WORD && bh_sql_begins(q, t->word))
		return true;
	if (t->kind == BH_SQLT_CHAR && t->c == ')') {
		l->mode = M_EXPR;
		q->partial = true;
		return false;
	}
	unknown(q);
	return true;
}
