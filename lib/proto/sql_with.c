/* Statement analyser: WITH. A name that it gives is none of a table, where it is in sight: behind its body (inside of
 * it, too, if RECURSIVE, and in T-SQL), at its level of parentheses and below, until the statement ends. A name that
 * can't be kept is reported as a table's. */
#include "sql_parse.h"

/* Top bit of cte_len: not in sight yet. */
#define HIDDEN 0x80u

static void
add_cte(struct bh_sql *q, bool hidden)
{
	unsigned n = q->n_ctes, at;

	at = n == 0 ? 0 : q->cte_at[n - 1] + (q->cte_len[n - 1] & (HIDDEN - 1));
	if (n == BH_SQL_CTES || q->name_len > 127 || q->name_len > sizeof(q->ctes) - at) {
		q->partial = true;
		return;
	}
	memcpy(q->ctes + at, q->name, q->name_len);
	q->cte_at[n] = (uint16_t)at;
	q->cte_len[n] = (uint8_t)(q->name_len | (hidden ? HIDDEN : 0));
	q->n_ctes++;
}

bool
bh_sql_cte_known(const struct bh_sql *q)
{
	unsigned i;

	if (q->parts != 1)
		return false;
	for (i = 0; i < q->n_ctes; i++) {
		if (q->cte_len[i] == q->name_len &&
		    memcmp(q->ctes + q->cte_at[i], q->name, q->name_len) == 0)
			return true;
	}
	return false;
}

void
bh_sql_drop_ctes(struct bh_sql *q)
{
	q->n_ctes = bh_sql_here(q)->n_ctes;
}

static bool
is_name(const struct bh_sql_token *t)
{
	return t->kind == BH_SQLT_WORD || t->kind == BH_SQLT_QUOTED || t->kind == BH_SQLT_DOUBLE;
}

/* It was no WITH of names: WITH (NOLOCK), WITH TIME ZONE, WITH ROLLUP. */
static bool
back(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);

	l->mode = l->saved;
	if (l->mode == M_HEAD) {
		q->partial = true;
		l->mode = M_EXPR;
	}
	return false;
}

static bool
cte_name(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);

	if (q->token.word == BH_SQLW_recursive && (l->flags & L_RECURSIVE) == 0 &&
	    q->before == BH_SQLW_with) {
		l->flags |= L_RECURSIVE;
		return true;
	}
	if (!is_name(&q->token))
		return back(q);
	q->name_len = q->parts = 0;
	bh_sql_name_part(q);
	l->mode = M_CTE_AS;
	return true;
}

/* The body: name and flags are ready. */
static bool
open_body(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);
	bool visible = (l->flags & L_RECURSIVE) != 0 || q->dialect == BH_SQL_TSQL;
	unsigned n = q->n_ctes;
	uint32_t flags = L_CTE | (l->flags & L_VERBS);

	/* PostgreSQL runs a body that writes wherever the WITH is. */
	if (q->dialect == BH_SQL_PG)
		flags |= L_VERBS;
	add_cte(q, !visible);
	if (!visible && q->n_ctes != n)
		flags |= L_HIDDEN;
	bh_sql_push(q, M_HEAD, flags);
	return true;
}

static bool
cte_next(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);

	if (q->token.kind == BH_SQLT_CHAR && q->token.c == ',') {
		l->mode = M_CTE_NAME;
		return true;
	}
	if (q->token.kind == BH_SQLT_CHAR && q->token.c == '(') {
		l->mode = M_HEAD;
		return false;
	}
	if (q->token.kind == BH_SQLT_CHAR && q->token.c == ')')
		return back(q);
	l->mode = M_HEAD;
	if (q->token.kind == BH_SQLT_WORD && bh_sql_begins(q, q->token.word))
		return true;
	/* SEARCH and CYCLE clauses, or nothing that is known */
	q->partial = true;
	l->mode = M_CTE_NEXT;
	return true;
}

bool
bh_sql_with(struct bh_sql *q)
{
	const struct bh_sql_token *t = &q->token;
	struct bh_sql_level *l = bh_sql_here(q);

	switch (l->mode) {
	case M_CTE_NAME:
		return cte_name(q);
	case M_CTE_AS:
		if (t->word == BH_SQLW_as) {
			l->mode = M_CTE_OPEN;
			return true;
		}
		if (t->kind != BH_SQLT_CHAR || t->c != '(')
			return back(q);
		bh_sql_push(q, M_EXPR, 0); /* its columns */
		return true;
	case M_CTE_OPEN:
		if (t->word == BH_SQLW_not || t->word == BH_SQLW_materialized)
			return true;
		if (t->kind != BH_SQLT_CHAR || t->c != '(')
			return back(q);
		return open_body(q);
	default:
		return cte_next(q);
	}
}
