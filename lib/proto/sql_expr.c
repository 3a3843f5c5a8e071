/* Statement analyser: words that count between names and expressions. */
#include "sql_parse.h"

static bool
is_ddl(const struct bh_sql *q)
{
	return q->first == BH_SQLW_create || q->first == BH_SQLW_alter || q->first == BH_SQLW_drop;
}

/* SELECT anywhere. T-SQL: it may be the next statement of a batch. */
static void
on_select(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);
	bool set = q->before == BH_SQLW_union || q->before == BH_SQLW_all ||
		   q->before == BH_SQLW_except || q->before == BH_SQLW_intersect;

	if (q->dialect == BH_SQL_TSQL && (l->flags & L_VERBS) != 0 && !set) {
		if ((l->flags & L_SOURCE) != 0)
			l->flags &= ~L_SOURCE;
		else
			bh_sql_begins(q, BH_SQLW_select);
	}
	l->flags |= L_SELECT | L_FROM;
	l->flags &= ~(L_LIST | L_HINT | L_FOR);
	l->mode = M_EXPR;
}

/* FROM that is of no query: IS DISTINCT FROM, trim(a FROM b), COPY t FROM, REVOKE ... FROM, FETCH FROM. */
static void
on_from(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);
	bool list = true;

	if ((l->flags & L_FROM) == 0)
		return;
	if (q->before == BH_SQLW_distinct &&
	    (q->before2 == BH_SQLW_is || q->before2 == BH_SQLW_not))
		return;
	if (q->depth == 0 && (l->flags & L_SELECT) == 0) {
		switch (q->first) {
		case BH_SQLW_copy:
		case BH_SQLW_revoke:
		case BH_SQLW_move:
		case BH_SQLW_load:
			return;
		case BH_SQLW_fetch:
			if (q->dialect == BH_SQL_PG)
				return;
			break;
		case BH_SQLW_show:
			list = false;
			if (q->sub != 1)
				return;
			q->sub = 2;
			break;
		default:
			break;
		}
	}
	bh_sql_expect(q, BH_SQLW_from, list);
}

/* TABLE, VIEW: a list behind DROP and the like; elsewhere one. */
static void
on_table(struct bh_sql *q, enum bh_sql_word word)
{
	bool list = q->first == BH_SQLW_drop || q->first == BH_SQLW_rename ||
		    q->first == BH_SQLW_grant || q->first == BH_SQLW_revoke;

	if (q->depth != 0)
		list = false;
	bh_sql_expect(q, word, list);
}

/* Statements about something other than tables, or that hide a body: not understood. */
static bool
is_other_object(enum bh_sql_word word)
{
	switch (word) {
	case BH_SQLW_trigger:
	case BH_SQLW_function:
	case BH_SQLW_procedure:
	case BH_SQLW_event:
	case BH_SQLW_rule:
	case BH_SQLW_policy:
	case BH_SQLW_package:
	case BH_SQLW_type:
	case BH_SQLW_attach:
	case BH_SQLW_detach:
	case BH_SQLW_exchange:
	case BH_SQLW_switch:
	case BH_SQLW_inherit:
	case BH_SQLW_rename:
		return true;
	default:
		return false;
	}
}

/* true: the word was one of CREATE's, ALTER's and so on. */
static bool
on_ddl(struct bh_sql *q, enum bh_sql_word word)
{
	struct bh_sql_level *l = bh_sql_here(q);

	if (word == BH_SQLW_like && q->first == BH_SQLW_create && (l->flags & L_SELECT) == 0 &&
	    q->dialect != BH_SQL_TSQL) {
		bh_sql_expect(q, word, false);
		return true;
	}
	if (word == BH_SQLW_to && q->first == BH_SQLW_rename) {
		bh_sql_expect(q, BH_SQLW_table, true);
		return true;
	}
	if (!is_ddl(q) || q->depth != 0 || (l->flags & L_SELECT) != 0)
		return false;
	if (is_other_object(word)) {
		q->partial = true;
	} else if (word == BH_SQLW_view) {
		on_table(q, word);
		return true;
	} else if (word == BH_SQLW_index) {
		q->sub = 1;
	} else if ((word == BH_SQLW_on && q->sub == 1) || word == BH_SQLW_inherits ||
		   (word == BH_SQLW_of && q->before == BH_SQLW_partition)) {
		q->sub = 2;
		bh_sql_expect(q, BH_SQLW_on, false);
		return true;
	}
	return false;
}

/* Words that end a list of tables. Only reserved ones: another could be an alias. */
static bool
ends_list(const struct bh_sql *q, enum bh_sql_word word)
{
	bool mysql = q->dialect == BH_SQL_MYSQL, pg = q->dialect == BH_SQL_PG;

	switch (word) {
	case BH_SQLW_where:
	case BH_SQLW_group:
	case BH_SQLW_having:
	case BH_SQLW_order:
	case BH_SQLW_union:
		return true;
	case BH_SQLW_intersect:
	case BH_SQLW_except:
		return !mysql;
	case BH_SQLW_limit:
		return mysql || pg;
	case BH_SQLW_set:
		return mysql || q->dialect == BH_SQL_TSQL;
	case BH_SQLW_window:
	case BH_SQLW_returning:
	case BH_SQLW_fetch:
	case BH_SQLW_offset:
	case BH_SQLW_for:
		return pg;
	case BH_SQLW_option:
		return q->dialect == BH_SQL_TSQL;
	default:
		return false;
	}
}

/* What MERGE, and INSERT in case of a conflict, also do. */
static void
on_action(struct bh_sql *q, enum bh_sql_word word)
{
	bool merges =
		q->before == BH_SQLW_then && (word == BH_SQLW_insert || word == BH_SQLW_delete);

	if (word == BH_SQLW_update &&
	    (q->before == BH_SQLW_do || q->before == BH_SQLW_key || q->before == BH_SQLW_then))
		merges = true;
	if (!merges)
		return;
	bh_sql_verb(q, q->token.text, q->token.len);
	if (word == BH_SQLW_update)
		bh_sql_here(q)->flags |= L_ASSIGN;
}

/* T-SQL, and a batch of CQL: a statement may begin without a separator. */
static bool
next_statement(struct bh_sql *q, enum bh_sql_word word)
{
	struct bh_sql_level *l = bh_sql_here(q);

	if ((l->flags & L_VERBS) == 0 || word == BH_SQLW_select || word == BH_SQLW_with)
		return false;
	if (q->dialect == BH_SQL_CQL)
		return q->sub == 1 &&
		       (word == BH_SQLW_insert || word == BH_SQLW_update ||
			word == BH_SQLW_delete || word == BH_SQLW_apply) &&
		       bh_sql_begins(q, word);
	if (q->dialect != BH_SQL_TSQL || q->before == BH_SQLW_then)
		return false;
	/* FOR UPDATE OF. ON DELETE CASCADE counts, as SET NOCOUNT ON DELETE does. */
	if (q->before == BH_SQLW_for || q->before == BH_SQLW_of)
		return false;
	if (word == BH_SQLW_set && (l->flags & L_ASSIGN) != 0) {
		l->flags &= ~L_ASSIGN;
		return false;
	}
	/* INSERT ... EXEC, and words that go on with a statement */
	if (word == BH_SQLW_fetch || word == BH_SQLW_open || word == BH_SQLW_close ||
	    word == BH_SQLW_checkpoint)
		return false;
	return bh_sql_begins(q, word);
}

static bool
alias(struct bh_sql *q)
{
	const struct bh_sql_token *t = &q->token;
	char name[BH_SQL_TOKEN];
	unsigned i, at;

	if (q->target < 0 || q->depth != 0)
		return false;
	at = q->table_at[q->target];
	if (t->len != q->table_len[q->target])
		return false;
	for (i = 0; i < t->len; i++)
		name[i] = (char)(t->text[i] >= 'A' && t->text[i] <= 'Z' ? t->text[i] + 32
									: t->text[i]);
	if (memcmp(name, q->pool + at, t->len) != 0)
		return false;
	/* UPDATE a SET ... FROM orders a: it named no table */
	q->n_tables--;
	memmove(&q->table_at[q->target], &q->table_at[q->target + 1],
		(size_t)(q->n_tables - q->target) * sizeof(q->table_at[0]));
	memmove(&q->table_len[q->target], &q->table_len[q->target + 1],
		(size_t)(q->n_tables - q->target) * sizeof(q->table_len[0]));
	q->target = -1;
	return true;
}

/* USING, JOIN and the others that bring tables. */
static bool
brings_tables(struct bh_sql *q, enum bh_sql_word word)
{
	struct bh_sql_level *l = bh_sql_here(q);
	bool list = (l->flags & L_LIST) != 0;

	switch (word) {
	case BH_SQLW_straight_join:
		if (!list && (l->flags & L_JOINED) == 0)
			return false;
		/* fallthrough */
	case BH_SQLW_join:
		l->flags |= L_JOINED;
		bh_sql_expect(q, BH_SQLW_join, list);
		return true;
	case BH_SQLW_apply:
		if (q->dialect == BH_SQL_TSQL)
			bh_sql_expect(q, word, list);
		return q->dialect == BH_SQL_TSQL;
	case BH_SQLW_from:
		on_from(q);
		return true;
	case BH_SQLW_into:
		bh_sql_expect(q, word, false);
		return true;
	case BH_SQLW_references:
		bh_sql_expect(q, word, false);
		return true;
	case BH_SQLW_columnfamily:
		if (q->dialect != BH_SQL_CQL)
			return false;
		/* fallthrough */
	case BH_SQLW_table:
		on_table(q, BH_SQLW_table);
		return true;
	case BH_SQLW_using:
		if ((l->flags & L_USING) == 0 || (l->flags & L_JOINED) != 0 ||
		    q->dialect == BH_SQL_CQL)
			return false;
		bh_sql_expect(q, word, true);
		return true;
	default:
		return false;
	}
}

static void
on_show(struct bh_sql *q, enum bh_sql_word word)
{
	if (word == BH_SQLW_columns || word == BH_SQLW_fields || word == BH_SQLW_index ||
	    word == BH_SQLW_indexes || word == BH_SQLW_keys)
		q->sub = 1;
	if (word == BH_SQLW_in)
		on_from(q);
	else if (word == BH_SQLW_view || word == BH_SQLW_trigger)
		bh_sql_expect(q, BH_SQLW_view, false);
}

/* Words of MySQL's index hints, USE INDEX FOR ORDER BY (i), and what FOR may be of a table. */
static bool
is_hint(struct bh_sql *q, enum bh_sql_word word)
{
	struct bh_sql_level *l = bh_sql_here(q);

	if (q->dialect != BH_SQL_MYSQL || (l->flags & L_LIST) == 0)
		return false;
	if (word == BH_SQLW_index || word == BH_SQLW_key) {
		l->flags |= L_HINT;
		return true;
	}
	if ((l->flags & L_HINT) != 0 &&
	    (word == BH_SQLW_for || word == BH_SQLW_join || word == BH_SQLW_order ||
	     word == BH_SQLW_group || word == BH_SQLW_by))
		return true;
	l->flags &= ~L_HINT;
	return false;
}

/* FOR UPDATE ends a list, FOR SYSTEM_TIME and FOR PORTION don't. */
static void
on_for(struct bh_sql *q, enum bh_sql_word word)
{
	struct bh_sql_level *l = bh_sql_here(q);

	if ((l->flags & L_FOR) != 0 && word != BH_SQLW_system_time && word != BH_SQLW_portion)
		l->flags &= ~L_LIST;
	l->flags &= ~L_FOR;
	if (word == BH_SQLW_for && q->dialect != BH_SQL_PG)
		l->flags |= L_FOR;
}

static bool
expr_word(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);
	enum bh_sql_word word = q->token.word;

	if (is_hint(q, word) || next_statement(q, word))
		return true;
	on_for(q, word);
	on_action(q, word);
	if (word == BH_SQLW_select) {
		on_select(q);
		return true;
	}
	if (on_ddl(q, word) || brings_tables(q, word))
		return true;
	if (ends_list(q, word))
		l->flags &= ~L_LIST;
	if (word == BH_SQLW_values || word == BH_SQLW_default)
		l->flags &= ~L_SOURCE;
	if (word == BH_SQLW_union && (l->flags & L_SELECT) == 0 && is_ddl(q))
		q->partial = true;
	if (word == BH_SQLW_with) {
		l->saved = M_EXPR;
		l->mode = M_CTE_NAME;
	} else if (word == BH_SQLW_for && q->first == BH_SQLW_declare && q->depth == 0 &&
		   q->dialect == BH_SQL_PG) {
		l->mode = M_HEAD;
	}
	if (q->first == BH_SQLW_show && q->depth == 0)
		on_show(q, word);
	if (q->first == BH_SQLW_copy && word == BH_SQLW_program)
		q->partial = true;
	return true;
}

bool
bh_sql_expr(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);
	const struct bh_sql_token *t = &q->token;
	bool name = t->kind == BH_SQLT_WORD || t->kind == BH_SQLT_QUOTED;

	if (name && (l->flags & L_ALIAS) != 0 && t->word != BH_SQLW_as) {
		l->flags &= ~L_ALIAS;
		if (alias(q))
			return true;
	}
	if (t->kind == BH_SQLT_WORD && t->word != BH_SQLW_NONE && q->prev_char != '.')
		return expr_word(q);
	if (t->kind != BH_SQLT_CHAR)
		return true;
	if (t->c == '(') {
		l->flags &= ~(L_HINT | L_ALIAS);
		bh_sql_push(q, M_EXPR, 0);
	} else if (t->c == ')') {
		bh_sql_pop(q);
	} else if (t->c == ',' && (l->flags & L_LIST) != 0) {
		bh_sql_expect(q, l->intro, true);
	}
	return true;
}
