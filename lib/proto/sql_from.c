/* Statement analyser: where tables stand. */
#include "sql_parse.h"

static bool
is_char(const struct bh_sql_token *t, char c)
{
	return t->kind == BH_SQLT_CHAR && t->c == (uint8_t)c;
}

/* Behind these words a name with parentheses is a function's. */
static bool
may_be_function(const struct bh_sql_level *l)
{
	switch (l->intro) {
	case BH_SQLW_from:
	case BH_SQLW_join:
	case BH_SQLW_straight_join:
	case BH_SQLW_apply:
	case BH_SQLW_using:
		return true;
	default:
		return false;
	}
}

/* A name that WITH gave: it can be read, in T-SQL also written to, but nothing else. */
static bool
is_cte(const struct bh_sql *q, const struct bh_sql_level *l)
{
	bool target = l->intro == BH_SQLW_update || l->intro == BH_SQLW_delete ||
		      l->intro == BH_SQLW_insert || l->intro == BH_SQLW_merge;

	if (!may_be_function(l) && !(target && q->dialect == BH_SQL_TSQL))
		return false;
	return bh_sql_cte_known(q);
}

/* T-SQL: functions that make tables of their arguments alone. */
static bool
is_plain_function(const struct bh_sql *q)
{
	static const char *const names[] = {"openjson", "string_split", "generate_series",
					    "openxml"};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(names); i++) {
		if (q->name_len == strlen(names[i]) && memcmp(q->name, names[i], q->name_len) == 0)
			return true;
	}
	return false;
}

/* T-SQL: procedures that run what they are told, or more than data. */
static bool
is_system_procedure(const struct bh_sql *q)
{
	const char *last = q->name + q->part_at;
	size_t len = (size_t)(q->name_len - q->part_at);

	return q->dialect == BH_SQL_TSQL && len >= 3 &&
	       (memcmp(last, "sp_", 3) == 0 || memcmp(last, "xp_", 3) == 0);
}

/* The name is complete; the token is the one behind it. */
static void
end_name(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);
	bool call =
		l->intro == BH_SQLW_call || l->intro == BH_SQLW_exec || l->intro == BH_SQLW_execute;
	unsigned n = q->n_tables;

	l->mode = M_EXPR;
	l->flags |= L_ALIAS;
	if (q->parts == 0)
		return;
	if (is_char(&q->token, '(') && may_be_function(l) &&
	    (q->dialect != BH_SQL_TSQL || is_plain_function(q)))
		return;
	if (call && is_system_procedure(q))
		q->partial = true;
	if (is_cte(q, l))
		return;
	/* MySQL: no table */
	if (q->dialect == BH_SQL_MYSQL && q->parts == 1 && q->name_len == 4 &&
	    bh_sql_word(q->name, 4) == BH_SQLW_dual && !q->name_quoted)
		return;
	bh_sql_table(q);
	/* SELECT INTO makes the table. */
	if (l->intro == BH_SQLW_into && (l->flags & L_SELECT) != 0 && q->dialect != BH_SQL_MYSQL)
		bh_sql_verb(q, "create", 6);
	if (q->dialect == BH_SQL_TSQL && q->depth == 0 && q->parts == 1 && q->n_tables > n &&
	    (l->intro == BH_SQLW_update || l->intro == BH_SQLW_delete))
		q->target = (int8_t)n;
}

static void
begin_name(struct bh_sql *q)
{
	q->name_len = q->parts = 0;
	q->name_quoted = q->token.kind != BH_SQLT_WORD;
	bh_sql_name_part(q);
	bh_sql_here(q)->mode = M_NAME;
}

/* Words that may stand before the name. */
static bool
is_noise(struct bh_sql *q, enum bh_sql_word word)
{
	struct bh_sql_level *l = bh_sql_here(q);
	bool mysql = q->dialect == BH_SQL_MYSQL, tsql = q->dialect == BH_SQL_TSQL;

	switch (word) {
	case BH_SQLW_into:
		return l->intro == BH_SQLW_insert || l->intro == BH_SQLW_replace ||
		       l->intro == BH_SQLW_merge;
	case BH_SQLW_table:
	case BH_SQLW_columnfamily:
		return word == BH_SQLW_table || q->dialect == BH_SQL_CQL;
	case BH_SQLW_tables:
		return mysql && l->intro == BH_SQLW_lock;
	case BH_SQLW_only:
	case BH_SQLW_lateral:
		return q->dialect == BH_SQL_PG || (mysql && word == BH_SQLW_lateral);
	case BH_SQLW_low_priority:
	case BH_SQLW_high_priority:
	case BH_SQLW_delayed:
	case BH_SQLW_ignore:
		return mysql;
	case BH_SQLW_from:
		return tsql && l->intro == BH_SQLW_delete;
	case BH_SQLW_bulk:
		return tsql && l->intro == BH_SQLW_insert;
	case BH_SQLW_statistics:
		return tsql && l->intro == BH_SQLW_update;
	case BH_SQLW_top:
		if (tsql)
			l->flags |= L_TOP;
		return tsql;
	case BH_SQLW_if:
	case BH_SQLW_not:
	case BH_SQLW_exists:
		return l->intro == BH_SQLW_table || l->intro == BH_SQLW_view ||
		       (word != BH_SQLW_if && q->before == BH_SQLW_if);
	default:
		return false;
	}
}

/* Words that can be no name, so that something else is there than a table. */
static bool
is_clause(enum bh_sql_word word)
{
	switch (word) {
	case BH_SQLW_select:
	case BH_SQLW_with:
	case BH_SQLW_from:
	case BH_SQLW_into:
	case BH_SQLW_where:
	case BH_SQLW_group:
	case BH_SQLW_having:
	case BH_SQLW_order:
	case BH_SQLW_union:
	case BH_SQLW_join:
	case BH_SQLW_on:
	case BH_SQLW_using:
	case BH_SQLW_as:
	case BH_SQLW_all:
		return true;
	default:
		return false;
	}
}

/* A first word inside of parentheses where a table can stand. */
static bool
in_group(struct bh_sql *q, enum bh_sql_word word)
{
	struct bh_sql_level *l = bh_sql_here(q);

	if ((l->flags & L_GROUP) == 0 || (l->flags & L_LIST) != L_LIST || l->intro == 0)
		return false;
	switch (word) {
	case BH_SQLW_select:
	case BH_SQLW_values:
	case BH_SQLW_with:
		l->mode = M_EXPR;
		return true;
	case BH_SQLW_insert:
	case BH_SQLW_update:
	case BH_SQLW_delete:
	case BH_SQLW_merge:
		/* what it changes can be selected from, in T-SQL */
		if (q->dialect != BH_SQL_TSQL)
			return false;
		l->flags |= L_VERBS;
		l->mode = M_HEAD;
		return true;
	default:
		return false;
	}
}

static bool
table_word(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);
	enum bh_sql_word word = q->token.word;

	if (in_group(q, word))
		return false;
	if (is_noise(q, word))
		return true;
	if ((l->flags & L_TOP) != 0 && bh_sql_is(&q->token, "percent"))
		return true;
	if (q->dialect == BH_SQL_MYSQL && l->intro == BH_SQLW_into &&
	    (bh_sql_is(&q->token, "outfile") || bh_sql_is(&q->token, "dumpfile")))
		q->partial = true;
	if (is_clause(word)) {
		q->partial = true;
		l->mode = M_EXPR;
		return false;
	}
	if (q->before == BH_SQLW_NONE && q->prev_char == '{')
		return true; /* ODBC: {oj t1 LEFT OUTER JOIN t2} */
	begin_name(q);
	return true;
}

/* ( where a table can stand */
static bool
open_group(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);
	struct bh_sql_level *inner;
	uint8_t intro = l->intro;

	if ((l->flags & L_TOP) != 0) {
		l->flags &= ~L_TOP;
		bh_sql_push(q, M_EXPR, 0);
		return true;
	}
	if (intro == BH_SQLW_copy) {
		bh_sql_push(q, M_HEAD, L_VERBS | L_GROUP);
		return true;
	}
	l->mode = M_EXPR;
	if ((intro == BH_SQLW_table && q->dialect == BH_SQL_TSQL) ||
	    (intro == BH_SQLW_using && (l->flags & L_JOINED) != 0)) {
		bh_sql_push(q, M_EXPR, 0); /* its columns */
		return true;
	}
	if (intro == BH_SQLW_exec || intro == BH_SQLW_execute)
		q->partial = true;
	bh_sql_push(q, M_TABLE, L_GROUP);
	inner = bh_sql_here(q);
	if (inner->mode == M_TABLE && q->over == 0)
		bh_sql_expect(q, intro, true);
	return true;
}

/* Something other than a word. */
static bool
table_other(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);
	const struct bh_sql_token *t = &q->token;

	if (is_char(t, '('))
		return open_group(q);
	if (is_char(t, '{'))
		return true;
	if (t->kind == BH_SQLT_NUMBER && (l->flags & L_TOP) != 0)
		return true;
	if (t->kind == BH_SQLT_VAR) {
		/* EXEC @result = procedure, EXEC @procedure; elsewhere a variable that takes values */
		if (l->intro == BH_SQLW_exec || l->intro == BH_SQLW_execute) {
			q->sub = 1;
			return true;
		}
		l->mode = M_EXPR;
		l->flags |= L_ALIAS;
		return true;
	}
	if (is_char(t, '=') && q->sub == 1 &&
	    (l->intro == BH_SQLW_exec || l->intro == BH_SQLW_execute)) {
		q->sub = 0;
		return true;
	}
	q->partial = true;
	l->mode = M_EXPR;
	return false;
}

static bool
dotted(struct bh_sql *q)
{
	const struct bh_sql_token *t = &q->token;

	if (t->kind == BH_SQLT_WORD || t->kind == BH_SQLT_QUOTED || t->kind == BH_SQLT_DOUBLE) {
		bh_sql_name_part(q);
		bh_sql_here(q)->mode = M_NAME;
		return true;
	}
	/* T-SQL: database..table */
	if (is_char(t, '.') && q->dialect == BH_SQL_TSQL && q->name_len < sizeof(q->name) - 1) {
		q->name[q->name_len++] = '.';
		q->parts++;
		return true;
	}
	if (is_char(t, '*')) { /* MySQL: DELETE t.* FROM */
		bh_sql_here(q)->mode = M_NAME;
		return true;
	}
	q->partial = true;
	end_name(q);
	return false;
}

bool
bh_sql_from(struct bh_sql *q)
{
	const struct bh_sql_token *t = &q->token;

	switch (bh_sql_here(q)->mode) {
	case M_NAME:
		if (is_char(t, '.')) {
			bh_sql_here(q)->mode = M_DOT;
			return true;
		}
		end_name(q);
		return false;
	case M_DOT:
		return dotted(q);
	default:
		break;
	}
	if (t->kind == BH_SQLT_WORD)
		return table_word(q);
	if (t->kind == BH_SQLT_QUOTED ||
	    (t->kind == BH_SQLT_DOUBLE && bh_sql_here(q)->intro != BH_SQLW_like)) {
		begin_name(q);
		return true;
	}
	return table_other(q);
}
