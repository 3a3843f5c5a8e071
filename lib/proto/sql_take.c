/* Statement analyser: tokens, one by one. */
#include "sql_parse.h"

/* PostgreSQL, MySQL and SQL Server: functions that run or read what a text says. */
static bool
runs_text(const struct bh_sql_token *t)
{
	static const char *const prefixes[] = {
		"dblink",          "query_to_xml",  "table_to_xml",     "schema_to_xml",
		"database_to_xml", "cursor_to_xml", "pg_read_",         "lo_import",
		"lo_export",       "lo_get",        "pg_logical_slot_", "ts_stat",
		"ts_rewrite",      "crosstab",      "xpath_table",      "connectby",
		"pg_ls_",          "load_file",     "sys_exec",         "sys_eval",
		"openquery",       "openrowset",    "opendatasource",   "containstable",
		"freetexttable",   "changetable",   "semantic",         "predict",
		"set_config",
	};
	unsigned i;

	if (t->kind != BH_SQLT_WORD && t->kind != BH_SQLT_QUOTED && t->kind != BH_SQLT_DOUBLE)
		return false;
	for (i = 0; i < BH_ARRAY_SIZE(prefixes); i++) {
		if (bh_sql_starts(t, prefixes[i]))
			return true;
	}
	return false;
}

/* BEGIN, COMMIT and the like are made of these words, and of a name behind some of them. */
static bool
is_transaction(const struct bh_sql *q)
{
	const struct bh_sql_token *t = &q->token;

	if (t->kind == BH_SQLT_CHAR)
		return t->c == ',' || t->c == ';';
	switch (q->before) {
	case BH_SQLW_savepoint:
	case BH_SQLW_to:
	case BH_SQLW_release:
	case BH_SQLW_tran:
	case BH_SQLW_transaction:
		if (t->kind == BH_SQLT_QUOTED || t->word == BH_SQLW_NONE)
			return t->kind != BH_SQLT_NUMBER;
		break;
	default:
		break;
	}
	switch (t->word) {
	case BH_SQLW_NONE:
		return false;
	case BH_SQLW_work:
	case BH_SQLW_transaction:
	case BH_SQLW_tran:
	case BH_SQLW_isolation:
	case BH_SQLW_level:
	case BH_SQLW_read:
	case BH_SQLW_write:
	case BH_SQLW_only:
	case BH_SQLW_committed:
	case BH_SQLW_uncommitted:
	case BH_SQLW_repeatable:
	case BH_SQLW_serializable:
	case BH_SQLW_deferrable:
	case BH_SQLW_not:
	case BH_SQLW_and:
	case BH_SQLW_no:
	case BH_SQLW_chain:
	case BH_SQLW_release:
	case BH_SQLW_to:
	case BH_SQLW_savepoint:
	case BH_SQLW_with:
	case BH_SQLW_consistent:
	case BH_SQLW_snapshot:
	case BH_SQLW_distributed:
	case BH_SQLW_mark:
	case BH_SQLW_batch:
		return true;
	default:
		return false;
	}
}

static bool
step(struct bh_sql *q)
{
	switch (bh_sql_here(q)->mode) {
	case M_HEAD:
		return bh_sql_head(q);
	case M_EXPLAIN:
	case M_PREPARE:
	case M_EXECUTE:
	case M_USE:
		return bh_sql_before(q);
	case M_TABLE:
	case M_NAME:
	case M_DOT:
		return bh_sql_from(q);
	case M_EXPR:
		return bh_sql_expr(q);
	default:
		return bh_sql_with(q);
	}
}

/* Deeper than levels are kept: only parentheses count, until it is back. */
static void
too_deep(struct bh_sql *q)
{
	const struct bh_sql_token *t = &q->token;

	if (t->kind == BH_SQLT_CHAR && t->c == '(')
		bh_sql_push(q, M_EXPR, 0);
	else if (t->kind == BH_SQLT_CHAR && t->c == ')' && q->over < UINT8_MAX)
		q->over--;
}

/* A transaction statement that goes on otherwise is something else. */
static void
watch_transaction(struct bh_sql *q, bool was)
{
	if (!q->plain || !was || q->first == BH_SQLW_execute)
		return;
	if (q->token.kind == BH_SQLT_VAR || q->before == BH_SQLW_mark || q->dialect == BH_SQL_CQL)
		return;
	if (!is_transaction(q))
		q->partial = true;
}

void
bh_sql_take(struct bh_sql *q)
{
	struct bh_sql_token *t = &q->token;
	bool is_char = t->kind == BH_SQLT_CHAR, was = q->plain;
	unsigned i;

	if (is_char && t->c == ';') {
		if (q->active)
			bh_sql_finish(q);
		return;
	}
	q->active = true;
	if (q->runs && is_char && t->c == '(')
		q->partial = true;
	q->runs = runs_text(t);
	bh_sql_setting(q);
	if (q->over != 0)
		too_deep(q);
	else
		/* Each further step is in another mode: name, expression, level. */
		for (i = 0; i < 8 && !step(q); i++)
			;
	watch_transaction(q, was);
	q->before2 = q->before;
	q->before = t->kind == BH_SQLT_WORD ? t->word : BH_SQLW_NONE;
	q->prev_char = is_char ? t->c : 0;
	if (q->n_tokens < UINT8_MAX)
		q->n_tokens++;
}

/* Tables, or a body, were to follow. */
static bool
unfinished(const struct bh_sql *q)
{
	return q->over != 0 || q->depth != 0 || q->level[0].mode != M_EXPR;
}

void
bh_sql_finish(struct bh_sql *q)
{
	static const struct bh_sql_token end = {.kind = BH_SQLT_CHAR, .c = ';'};
	struct bh_sql_level *l = bh_sql_here(q);
	const char *first = bh_sql_word_text(q->first);

	q->token = end;
	if (q->depth == 0 && q->over == 0 && (l->mode == M_NAME || l->mode == M_DOT))
		(void)bh_sql_from(q);
	if (unfinished(q))
		q->partial = true;
	/* T-SQL's flow of control alone; a statement that began as something else */
	if (q->n_verbs == 0 && q->first != BH_SQLW_NONE)
		bh_sql_verb(q, first, strlen(first));
	if (q->n_tables == 0 &&
	    (q->first == BH_SQLW_create || q->first == BH_SQLW_alter || q->first == BH_SQLW_drop ||
	     q->first == BH_SQLW_rename || q->first == BH_SQLW_load))
		q->partial = true;
}
