/* Statement analyser: what stands before a statement inside of another one, and names of statements and databases. */
#include "sql_parse.h"

static bool
is_name(const struct bh_sql_token *t)
{
	return t->kind == BH_SQLT_WORD || t->kind == BH_SQLT_QUOTED;
}

/* EXPLAIN [ANALYZE] [VERBOSE] [(options)] [FORMAT = word] statement; MySQL: or a table. */
static bool
explained(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q);
	const struct bh_sql_token *t = &q->token;
	const char *first = bh_sql_word_text(q->first);

	if (t->kind == BH_SQLT_CHAR && t->c == '(') {
		bh_sql_push(q, M_EXPLAIN, l->flags & L_VERBS);
		return true;
	}
	if (t->kind == BH_SQLT_CHAR && t->c == ')') {
		l->mode = M_EXPR;
		return false;
	}
	if (t->word == BH_SQLW_analyze || t->word == BH_SQLW_verbose ||
	    t->word == BH_SQLW_extended || t->word == BH_SQLW_format)
		return true;
	if (q->before == BH_SQLW_NONE && q->prev_char == '=')
		return true;
	if (t->kind == BH_SQLT_CHAR && t->c == '=')
		return true;
	if (t->kind == BH_SQLT_WORD && bh_sql_begins(q, t->word))
		return true;
	if (q->depth != 0 && q->dialect == BH_SQL_PG) { /* an option */
		return true;
	}
	bh_sql_verb(q, first, strlen(first));
	if (q->dialect != BH_SQL_MYSQL) {
		q->partial = true;
		l->mode = M_EXPR;
		return true;
	}
	bh_sql_expect(q, BH_SQLW_explain, false);
	return false;
}

static bool
known(const struct bh_sql *q, uint64_t hash)
{
	unsigned i;

	for (i = 0; i < q->n_prepared && i < BH_SQL_PREPARED; i++) {
		if (q->prepared[i] == hash)
			return true;
	}
	return false;
}

/* PREPARE name [(types)] AS statement. It is judged now, by what it runs. The name is one of this session's: what the
 * hash may mistake for it is no statement that the server has. */
static bool
prepared(struct bh_sql *q)
{
	const struct bh_sql_token *t = &q->token;
	uint64_t hash;

	if (q->sub == 0) {
		q->sub = 1;
		if (!is_name(t) || t->word == BH_SQLW_transaction) {
			bh_sql_verb(q, "prepare", 7);
			q->partial = true;
			bh_sql_here(q)->mode = M_EXPR;
			return true;
		}
		hash = bh_sql_hash(t);
		if (!known(q, hash))
			q->prepared[q->n_prepared++ % BH_SQL_PREPARED] = hash;
		/* MySQL: FROM a literal or variable */
		if (q->dialect == BH_SQL_MYSQL) {
			q->partial = true;
			bh_sql_here(q)->mode = M_EXPR;
		}
		return true;
	}
	if (t->kind == BH_SQLT_CHAR && t->c == '(')
		bh_sql_push(q, M_EXPR, 0);
	else if (t->word == BH_SQLW_as)
		bh_sql_here(q)->mode = M_HEAD;
	else
		q->partial = true;
	return true;
}

static bool
executed(struct bh_sql *q)
{
	bh_sql_here(q)->mode = M_EXPR;
	if (q->token.word == BH_SQLW_immediate || !is_name(&q->token))
		q->partial = true;
	else if (known(q, bh_sql_hash(&q->token)))
		q->plain = true;
	return true;
}

static bool
used(struct bh_sql *q)
{
	bh_sql_here(q)->mode = M_EXPR;
	if (!is_name(&q->token)) {
		q->partial = true;
		return true;
	}
	q->name_len = q->parts = 0;
	bh_sql_name_part(q);
	if (q->dialect == BH_SQL_MYSQL || q->dialect == BH_SQL_CQL)
		bh_sql_database(q, q->name, q->name_len);
	return true;
}

bool
bh_sql_before(struct bh_sql *q)
{
	switch (bh_sql_here(q)->mode) {
	case M_EXPLAIN:
		return explained(q);
	case M_PREPARE:
		return prepared(q);
	case M_EXECUTE:
		return executed(q);
	default:
		return used(q);
	}
}
