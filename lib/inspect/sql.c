/* Would this value change the statement it lands in? It is lexed behind nothing (a number's place), behind an open
 * ' and behind an open ", and judged by what a parser would make of the rest: a further condition, a set operation, a
 * clause, a statement, a comment that swallows what follows. Prose has SQL's words, too, but not its shape. */
#include "sql.h"

enum operand { NOTHING, NAME, CONSTANT, CALL, SUBQUERY };

bool
bh_isql_is_constant(const struct bh_isql *s, unsigned i)
{
	unsigned k = bh_isql_kind(s, i), w = bh_isql_word(s, i);

	return k == BH_SQL_NUMBER || k == BH_SQL_STRING || k == BH_SQL_OPEN || k == BH_SQL_VAR ||
	       w == BH_SQLW_NULL || w == BH_SQLW_TRUE || w == BH_SQLW_FALSE;
}

bool
bh_isql_is_comparison(const struct bh_isql *s, unsigned i)
{
	unsigned next = bh_isql_word(s, i + 1);

	switch (bh_isql_word(s, i)) {
	case BH_SQLW_IS:
		return next == BH_SQLW_NULL || next == BH_SQLW_NOT || next == BH_SQLW_TRUE ||
		       next == BH_SQLW_FALSE;
	case BH_SQLW_IN:
		return bh_isql_kind(s, i + 1) == BH_SQL_LP;
	case BH_SQLW_LIKE:
	case BH_SQLW_RLIKE:
	case BH_SQLW_REGEXP:
	case BH_SQLW_ILIKE:
	case BH_SQLW_GLOB:
	case BH_SQLW_MATCH:
	case BH_SQLW_BETWEEN:
	case BH_SQLW_SOUNDS:
	case BH_SQLW_SIMILAR:
	case BH_SQLW_DIV:
		return true;
	}
	return bh_isql_kind(s, i) == BH_SQL_COMPARE;
}

static bool
is_logic(const struct bh_isql *s, unsigned i)
{
	unsigned w = bh_isql_word(s, i);

	return (bh_isql_kind(s, i) == BH_SQL_LOGIC && bh_isql_first(s, i) != '!') ||
	       w == BH_SQLW_AND || w == BH_SQLW_OR || w == BH_SQLW_XOR;
}

static unsigned
skip_parens(const struct bh_isql *s, unsigned i)
{
	unsigned depth = 0;

	for (; i < s->n; i++) {
		if (bh_isql_kind(s, i) == BH_SQL_LP)
			depth++;
		else if (bh_isql_kind(s, i) == BH_SQL_RP && --depth == 0)
			return i + 1;
	}
	return i;
}

static bool select_shape(const struct bh_isql *s, unsigned i);

/* One operand with its unary operators; *next: behind it. */
static enum operand
operand(const struct bh_isql *s, unsigned i, unsigned *next)
{
	enum operand o = NOTHING;
	unsigned k, w, inner;

	while (bh_isql_kind(s, i) == BH_SQL_ARITH ||
	       (bh_isql_kind(s, i) == BH_SQL_LOGIC && bh_isql_first(s, i) == '!') ||
	       (w = bh_isql_word(s, i)) == BH_SQLW_NOT || w == BH_SQLW_BINARY ||
	       w == BH_SQLW_EXISTS || w == BH_SQLW_ANY || w == BH_SQLW_SOME || w == BH_SQLW_ALL ||
	       w == BH_SQLW_CASE)
		i++;
	k = bh_isql_kind(s, i);
	*next = i;
	if (k == BH_SQL_LP) {
		for (inner = i; bh_isql_kind(s, inner) == BH_SQL_LP; inner++)
			;
		if (skip_parens(s, i) == s->n && bh_isql_kind(s, s->n - 1) != BH_SQL_RP &&
		    bh_isql_word(s, inner) != BH_SQLW_SELECT)
			return inner < s->n ? operand(s, inner, next)
					    : CONSTANT; /* the statement closes them */
		if (bh_isql_word(s, inner) == BH_SQLW_SELECT && select_shape(s, inner))
			o = SUBQUERY;
		else if (bh_isql_is_call(s, inner) && bh_isql_is_known(s, inner))
			o = CALL;
		else
			o = bh_isql_is_constant(s, inner) ? CONSTANT : NAME;
		*next = skip_parens(s, i);
	} else if (bh_isql_is_call(s, i)) {
		*next = skip_parens(s, i + 1);
		o = CALL;
	} else if (bh_isql_is_constant(s, i)) {
		*next = i + 1;
		o = CONSTANT;
	} else if (k == BH_SQL_WORD) {
		if (bh_isql_word(s, i) == BH_SQLW_SELECT && select_shape(s, i))
			o = SUBQUERY;
		else
			o = NAME;
		for (i++; bh_isql_kind(s, i) == BH_SQL_DOT && bh_isql_kind(s, i + 1) == BH_SQL_WORD;
		     i += 2)
			;
		*next = i;
	} else {
		*next = i;
	}
	return o;
}

/* operand { arithmetic operand } */
static enum operand
expression(const struct bh_isql *s, unsigned i, unsigned *next)
{
	enum operand best = operand(s, i, next), o;
	unsigned turns;

	for (turns = 0; turns < 8 && best != NOTHING; turns++) {
		if (bh_isql_kind(s, *next) != BH_SQL_ARITH && bh_isql_word(s, *next) != BH_SQLW_MOD)
			break;
		o = operand(s, *next + 1, next);
		if (o == NOTHING)
			break;
		best = o > best ? o : best;
	}
	return best;
}

static bool
same_text(const struct bh_isql *s, unsigned a, unsigned b)
{
	size_t i, len = s->t[a].len;

	if (len == 0 || len != s->t[b].len)
		return false;
	for (i = 0; i < len; i++)
		if (bh_lower(s->v->at[s->t[a].at + i]) != bh_lower(s->v->at[s->t[b].at + i]))
			return false;
	return true;
}

/* A condition on its own: it can be decided, or asks the database. */
static bool
predicate(const struct bh_isql *s, unsigned i)
{
	unsigned next, right, after;
	enum operand a = expression(s, i, &next), b;

	if (a == NOTHING)
		return false;
	if (a == SUBQUERY)
		return true;
	while (bh_isql_kind(s, next) == BH_SQL_RP)
		next++;
	right = next + (bh_isql_word(s, next) == BH_SQLW_NOT);
	if (bh_isql_is_comparison(s, right)) {
		for (right++;
		     bh_isql_is_comparison(s, right) || bh_isql_word(s, right) == BH_SQLW_NOT;
		     right++)
			;
		b = expression(s, right, &after);
		if (b == NOTHING)
			return s->quote != 0 && a >= CONSTANT;
		if (a == NAME && b == NAME)
			return same_text(s, next - 1, right) ||
			       (s->quote != 0 && bh_isql_ends(s, after));
		if (s->quote == 0 && a == NAME && b == CONSTANT && i > 0 &&
		    bh_isql_kind(s, i - 1) == BH_SQL_LOGIC)
			return false;
		return a >= CONSTANT || b >= CALL || s->quote != 0 ||
		       bh_isql_kind(s, i - 1) == BH_SQL_LP || bh_isql_ends(s, after);
	}
	/* "time() and sleep() functions" */
	if (a == CALL && s->quote == 0 && bh_isql_word(s, next) == BH_SQLW_NAME)
		return false;
	if (a == CALL)
		return s->quote != 0 || bh_isql_is_known(s, i) || bh_isql_kind(s, i) == BH_SQL_LP;
	if (a == CONSTANT && bh_isql_kind(s, next - 1) == BH_SQL_OPEN)
		return s->quote == '\'' || bh_isql_kind(s, i - 1) == BH_SQL_LOGIC;
	if (a == CONSTANT)
		return bh_isql_kind(s, next) == BH_SQL_COMMENT ||
		       (is_logic(s, next) && s->quote == '\'') ||
		       (s->quote != 0 && next >= s->n && s->quote == '\'') ||
		       (bh_isql_word(s, next) == BH_SQLW_GROUP &&
			bh_isql_word(s, next + 1) == BH_SQLW_BY) ||
		       bh_isql_word(s, next) == BH_SQLW_HAVING ||
		       bh_isql_word(s, next) == BH_SQLW_UNION;
	return a == NAME && s->quote != 0 && bh_isql_kind(s, next) == BH_SQL_COMMENT;
}

/* name >= 10 AND name <= 20: a filter of its own, in one of many query languages. What goes on with a statement begins
 * with the value that the statement waits for. */
static bool
is_filter(const struct bh_isql *s, unsigned i)
{
	return s->quote == 0 && bh_isql_word(s, i) == BH_SQLW_AND && i == 3 && s->n == 7 &&
	       bh_isql_word(s, 0) == BH_SQLW_NAME && bh_isql_kind(s, 1) == BH_SQL_COMPARE &&
	       bh_isql_word(s, 4) == BH_SQLW_NAME && bh_isql_kind(s, 5) == BH_SQL_COMPARE;
}

/* AND, OR ... with a condition behind it, where a condition can stand. */
static bool
logic_shape(const struct bh_isql *s, unsigned i)
{
	unsigned prev = i > 0 ? bh_isql_kind(s, i - 1) : BH_SQL_RP, next, after;

	if (is_filter(s, i))
		return false;
	while (is_logic(s, i + 1) || bh_isql_kind(s, i + 1) == BH_SQL_COMMENT)
		i++;
	if (s->quote == 0 && prev == BH_SQL_WORD) {
		/* name AND 8 = 3: only what is decided without the database */
		if (i > 2)
			return false;
		if (expression(s, i + 1, &next) < CONSTANT)
			return bh_isql_kind(s, i + 2) == BH_SQL_COMPARE && i + 4 == s->n &&
			       same_text(s, i + 1, i + 3);
		while (bh_isql_kind(s, next) == BH_SQL_RP)
			next++;
		return bh_isql_is_comparison(s, next) &&
		       expression(s, next + 1, &after) >= CONSTANT;
	}
	return predicate(s, i + 1);
}

static bool
union_shape(const struct bh_isql *s, unsigned i)
{
	unsigned j = i + 1, w;

	while ((w = bh_isql_word(s, j)) == BH_SQLW_ALL || w == BH_SQLW_DISTINCT ||
	       w == BH_SQLW_DISTINCTROW || bh_isql_kind(s, j) == BH_SQL_LP ||
	       bh_isql_kind(s, j) == BH_SQL_ARITH || bh_isql_kind(s, j) == BH_SQL_OTHER)
		j++;
	if (w == BH_SQLW_VALUES && bh_isql_kind(s, j + 1) == BH_SQL_LP)
		return true;
	if (w != BH_SQLW_SELECT)
		return false;
	do
		w = bh_isql_word(s, ++j);
	while (w == BH_SQLW_ALL || w == BH_SQLW_DISTINCT || w == BH_SQLW_TOP);
	/* "the union select committee members": two names in a row */
	return w != BH_SQLW_NAME || bh_isql_is_call(s, j) ||
	       bh_isql_kind(s, j + 1) != BH_SQL_WORD || bh_isql_word(s, j + 1) == BH_SQLW_FROM ||
	       bh_isql_word(s, j + 1) == BH_SQLW_AS || bh_isql_word(s, j + 1) == BH_SQLW_INTO;
}

/* SELECT with a list of expressions, or from a table. */
static bool
select_shape(const struct bh_isql *s, unsigned i)
{
	unsigned j = i + 1, from, w, evidence = 0;

	while ((w = bh_isql_word(s, j)) == BH_SQLW_ALL || w == BH_SQLW_DISTINCT ||
	       w == BH_SQLW_DISTINCTROW)
		j++;
	if (w == BH_SQLW_TOP && bh_isql_kind(s, j + 1) == BH_SQL_NUMBER)
		return true;
	if (w == BH_SQLW_CASE)
		return true;
	if (bh_isql_first(s, j) == '*' && bh_isql_kind(s, j) == BH_SQL_ARITH)
		return bh_isql_word(s, j + 1) == BH_SQLW_FROM;
	for (from = j; from < s->n && from < j + 200 && bh_isql_word(s, from) != BH_SQLW_FROM;
	     from++) {
		unsigned k = bh_isql_kind(s, from);

		evidence += k == BH_SQL_NUMBER || k == BH_SQL_STRING || k == BH_SQL_VAR ||
			    k == BH_SQL_COMMA || k == BH_SQL_DOT || bh_isql_is_known(s, from);
		if (k == BH_SQL_SEMI)
			break;
	}
	if (bh_isql_word(s, from) == BH_SQLW_FROM) {
		w = bh_isql_word(s, from + 1);
		if (w == BH_SQLW_THE || w == BH_SQLW_A || w == BH_SQLW_AN)
			return false;
		if (bh_isql_kind(s, from + 1) != BH_SQL_WORD &&
		    bh_isql_kind(s, from + 1) != BH_SQL_LP)
			return false;
		return evidence > 0 || bh_isql_kind(s, i - 1) == BH_SQL_LP ||
		       bh_isql_kind(s, i - 1) == BH_SQL_SEMI;
	}
	if (bh_isql_is_known(s, j) || bh_isql_kind(s, j) == BH_SQL_VAR)
		return true;
	return (bh_isql_is_constant(s, j) && bh_isql_kind(s, j + 1) == BH_SQL_COMMA) ||
	       (bh_isql_kind(s, i - 1) == BH_SQL_LP && bh_isql_is_constant(s, j)) ||
	       (bh_isql_kind(s, i - 1) == BH_SQL_SEMI && evidence > 0);
}

/* Clauses that follow a condition. */
static bool
clause_shape(const struct bh_isql *s, unsigned i)
{
	unsigned w = bh_isql_word(s, i), w1 = bh_isql_word(s, i + 1),
		 k = i > 0 ? bh_isql_kind(s, i - 1) : BH_SQL_RP;
	bool place =
		k == BH_SQL_NUMBER || k == BH_SQL_STRING || k == BH_SQL_RP || k == BH_SQL_COMMENT;

	switch (w) {
	case BH_SQLW_WAITFOR:
		return bh_isql_kind(s, i + 1) == BH_SQL_WORD &&
		       (bh_isql_kind(s, i + 2) == BH_SQL_STRING ||
			bh_isql_kind(s, i + 2) == BH_SQL_OPEN);
	case BH_SQLW_ORDER:
	case BH_SQLW_GROUP:
		if (w1 != BH_SQLW_BY || !place)
			return false;
		return (bh_isql_kind(s, i + 2) == BH_SQL_NUMBER &&
			(bh_isql_ends(s, i + 3) || bh_isql_kind(s, i + 3) == BH_SQL_COMMA)) ||
		       bh_isql_is_known(s, i + 2) ||
		       (s->quote != 0 && bh_isql_word(s, i + 3) == BH_SQLW_HAVING) ||
		       (s->quote != 0 && bh_isql_kind(s, i + 3) == BH_SQL_COMMENT) ||
		       (i == 0 && bh_isql_kind(s, i + 2) == BH_SQL_LP);
	case BH_SQLW_HAVING:
		return (place || (i > 2 && bh_isql_word(s, i - 2) == BH_SQLW_BY)) &&
		       predicate(s, i + 1);
	case BH_SQLW_LIMIT:
		return s->quote != 0 && place && bh_isql_kind(s, i + 1) == BH_SQL_NUMBER &&
		       bh_isql_kind(s, i + 2) != BH_SQL_WORD;
	case BH_SQLW_INTO:
		return (w1 == BH_SQLW_OUTFILE || w1 == BH_SQLW_DUMPFILE) &&
		       bh_isql_kind(s, i + 2) != BH_SQL_WORD;
	case BH_SQLW_PROCEDURE:
		return w1 == BH_SQLW_ANALYSE && bh_isql_kind(s, i + 2) == BH_SQL_LP;
	case BH_SQLW_CASE:
		return w1 == BH_SQLW_WHEN &&
		       (bh_isql_kind(s, i + 2) == BH_SQL_LP || bh_isql_is_constant(s, i + 2));
	case BH_SQLW_RLIKE:
	case BH_SQLW_IN:
	case BH_SQLW_LIKE:
		return place && i < 3 && bh_isql_kind(s, i + 1) == BH_SQL_LP &&
		       bh_isql_kind(s, i + 2) != BH_SQL_WORD && i > 0 && s->quote != 0;
	case BH_SQLW_UNION:
	case BH_SQLW_INTERSECT:
	case BH_SQLW_EXCEPT:
	case BH_SQLW_MINUS:
		return union_shape(s, i);
	case BH_SQLW_SELECT:
		return select_shape(s, i);
	}
	return false;
}

/* ' ^ 0 + 1 = (0) --: operators and constants alone, up to a comment. */
static bool
constants_only(const struct bh_isql *s, unsigned i)
{
	unsigned ops = 0;

	if (s->quote != '\'' || i >= s->n || bh_isql_kind(s, s->n - 1) != BH_SQL_COMMENT)
		return false;
	for (; i + 1 < s->n; i++) {
		unsigned k = bh_isql_kind(s, i);

		ops += k == BH_SQL_COMPARE || k == BH_SQL_ARITH || k == BH_SQL_LOGIC;
		if (k == BH_SQL_WORD && !bh_isql_is_known(s, i))
			return false;
	}
	return ops > 1;
}

/* ... the equals sign ("="), and so on: a sign in quotes behind many words, with words behind it. */
static bool
ends_prose(const struct bh_isql *s, unsigned i)
{
	size_t k, gaps = 0;

	for (k = 0; k < s->t[0].len; k++)
		gaps += bh_is_space(s->v->at[k]);
	return gaps > 8 && memchr(s->v->at + s->t[i].at, ' ', s->t[i].len) != NULL;
}

/* Behind the closed quote: an operator and the statement's own quote again, or a comment. */
static bool
breakout_shape(const struct bh_isql *s)
{
	unsigned i = 1, ops = 0;
	const struct bh_isql_token *t;

	while (bh_isql_kind(s, i) == BH_SQL_RP)
		i++;
	if (bh_isql_kind(s, i) == BH_SQL_COMMENT) {
		t = &s->t[i];
		if (bh_isql_first(s, i) == '-')
			return t->len <= 4 && t->at + t->len + 2u >= s->v->len &&
			       (s->quote == '\'' || t->len >= 2) && i + 1 >= s->n;
		return t->len <= 2 && i + 1 >= s->n;
	}
	while (is_logic(s, i) || bh_isql_is_comparison(s, i) || bh_isql_word(s, i) == BH_SQLW_NOT ||
	       bh_isql_word(s, i) == BH_SQLW_BINARY) {
		ops += bh_isql_kind(s, i) != BH_SQL_WORD || s->quote == '\'';
		i++;
	}
	if (ops > 0 && bh_isql_kind(s, i) == BH_SQL_OPEN && i + 1 >= s->n)
		return s->t[i].len < 24 && !ends_prose(s, i);
	if (ops > 0 && bh_isql_kind(s, i) == BH_SQL_NUMBER &&
	    bh_isql_kind(s, i + 1) == BH_SQL_COMMENT)
		return true;
	if (constants_only(s, 1))
		return true;
	if (bh_isql_kind(s, i) == BH_SQL_ARITH && bh_isql_first(s, i) != '-')
		return bh_isql_is_known(s, i + 1) || (bh_isql_kind(s, i + 1) == BH_SQL_LP &&
						      bh_isql_word(s, i + 2) == BH_SQLW_SELECT);
	return false;
}

static bool
judge_context(struct bh_judge *j, const struct bh_view *v, uint8_t quote, bool mysql, size_t *at)
{
	struct bh_isql s = {.v = v, .t = j->scratch->sql, .quote = quote};
	unsigned i;

	s.n = bh_isql_lex(j->scratch, v, quote, mysql);
	if (s.n < 2)
		return false;
	if (quote == 0 && s.n == 2 && bh_isql_is_known(&s, 0)) {
		*at = 0;
		return true;
	}
	if (quote != 0 && breakout_shape(&s)) {
		*at = s.t[0].len;
		return true;
	}
	if (quote == 0 && bh_isql_is_known(&s, 0) && predicate(&s, 0) &&
	    bh_isql_is_comparison(&s, skip_parens(&s, 1))) {
		*at = 0;
		return true;
	}
	for (i = quote != 0; i < s.n; i++) {
		*at = s.t[i].at;
		if (bh_isql_kind(&s, i) == BH_SQL_WORD || bh_isql_kind(&s, i) == BH_SQL_LOGIC ||
		    bh_isql_kind(&s, i) == BH_SQL_VAR) {
			if (is_logic(&s, i)
				    ? logic_shape(&s, i)
				    : clause_shape(&s, i) || bh_isql_statement_shape(&s, i) ||
					      bh_isql_name_shape(&s, i))
				return true;
		}
	}
	if (bh_isql_hidden(v) && s.n > 1) {
		*at = 0;
		return true;
	}
	return false;
}

static bool
has(const struct bh_judge *j, const struct bh_view *v, uint8_t c)
{
	return (j->kinds & bh_kind_of[c]) && memchr(v->at, c, v->len) != NULL;
}

void
bh_judge_sql(struct bh_judge *j, const struct bh_view *v)
{
	static const struct {
		uint8_t quote;
		bool mysql;
	} contexts[] = {{0, false}, {'\'', true},  {'"', true},
			{0, true},  {'\'', false}, {'`', true}};
	size_t i, at = 0;

	/* Letters and digits alone are a word, or a number and one that nothing
   * follows. */
	if (v->len < 3 || !(j->kinds & ~BH_KIND_WORD))
		return;
	for (i = 0; i < BH_ARRAY_SIZE(contexts); i++) {
		uint8_t q = contexts[i].quote;

		if (q != 0 && !has(j, v, q))
			continue;
		if (contexts[i].mysql == (q == 0) && !has(j, v, '#') && !has(j, v, '\\'))
			continue;
		if (judge_context(j, v, q, contexts[i].mysql, &at)) {
			bh_judge_hit(j, BH_INSPECT_SQLI, at);
			return;
		}
	}
}
