/* SQL that a database's protocol carries: statements anyway, of programs and people, with all that the language has. What
 * shows an injection is where a value ended too early: a condition that is always true behind it, a comment that swallows
 * the rest with its quote, a set operation that turns to the catalogue, and functions that wait, read files or run
 * commands where the statement has no use for them. */
#include "sql.h"
#include "wire.h"

#define AGAIN 32 /* tokens that are seen again with those that follow */

/* A statement's tokens, and what stands before the one in question. */
struct carried {
	struct bh_isql s;
	bool where;     /* a condition has begun */
	bool catalogue; /* the first part of a set operation reads the catalogue itself */
};

static bool
is_value(const struct bh_isql *s, unsigned i)
{
	unsigned k = bh_isql_kind(s, i);

	return k == BH_SQL_NUMBER || k == BH_SQL_STRING;
}

static bool
same(const struct bh_isql *s, unsigned a, unsigned b)
{
	return s->t[a].len == s->t[b].len &&
	       memcmp(s->v->at + s->t[a].at, s->v->at + s->t[b].at, s->t[a].len) == 0;
}

static bool
name_is(const struct bh_isql *s, unsigned i, const char *name)
{
	return bh_isql_kind(s, i) == BH_SQL_WORD && bh_is(s->v, s->t[i].at, s->t[i].len, name);
}

static bool
name_among(const struct bh_isql *s, unsigned i, const char *const *names, unsigned n)
{
	while (n-- > 0)
		if (name_is(s, i, names[n]))
			return true;
	return false;
}

/* value OR 1 = 1, value OR 'a' = 'a', value OR 1 --; programs write 1=1 for AND to follow. */
static bool
tautology(const struct bh_isql *s, unsigned i)
{
	unsigned a = i + 1;

	if (bh_isql_word(s, i) != BH_SQLW_OR || i == 0 ||
	    !(is_value(s, i - 1) || bh_isql_kind(s, i - 1) == BH_SQL_RP))
		return false;
	while (bh_isql_kind(s, a) == BH_SQL_LP)
		a++;
	if (!is_value(s, a))
		return bh_isql_word(s, a) == BH_SQLW_TRUE &&
		       bh_isql_kind(s, a + 1) == BH_SQL_COMMENT;
	if (bh_isql_kind(s, a + 1) == BH_SQL_COMMENT)
		return true;
	if (bh_isql_kind(s, a + 1) != BH_SQL_COMPARE || !is_value(s, a + 2))
		return false;
	/* 1 = 1, 2 > 1; but (x = 'all' OR 'all' = 'all') is a filter that was left open */
	if (bh_isql_first(s, a + 1) != '=')
		return bh_isql_kind(s, a) == BH_SQL_NUMBER &&
		       bh_isql_kind(s, a + 2) == BH_SQL_NUMBER;
	return same(s, a, a + 2) && (bh_isql_kind(s, a) == BH_SQL_NUMBER || !same(s, i - 1, a));
}

/* Behind a value a comment to the end, with the quote that the statement had for the value. */
static bool
cut(const struct bh_isql *s, unsigned i)
{
	const struct bh_isql_token *t = &s->t[i];
	const uint8_t *at;
	size_t len, k, quotes = 0;
	uint8_t before;

	if (bh_isql_kind(s, i) != BH_SQL_COMMENT || i == 0 || i + 1 < s->n)
		return false;
	at = s->v->at + t->at;
	len = s->v->len - t->at;
	for (k = 0; k < len; k++) {
		if (at[k] != '\'' && at[k] != '"')
			continue;
		before = k > 0 ? at[k - 1] : ' ';
		quotes++;
		/* don't, user's */
		if (bh_is_alpha(before) && k + 1 < len && bh_is_alpha(at[k + 1]))
			return false;
	}
	return quotes % 2 == 1;
}

static bool
is_catalogue(const struct bh_isql *s, unsigned i)
{
	static const char *const names[] = {
		"information_schema", "pg_catalog", "pg_shadow",   "pg_user",
		"pg_authid",          "sysobjects", "syscolumns",  "sysusers",
		"sqlite_master",      "all_tables", "user_tables", "dba_users",
		"innodb_table_stats",
	};

	return name_among(s, i, names, BH_ARRAY_SIZE(names)) ||
	       (name_is(s, i, "mysql") && bh_isql_kind(s, i + 1) == BH_SQL_DOT &&
		name_is(s, i + 2, "user")) ||
	       (name_is(s, i, "sys") && bh_isql_kind(s, i + 1) == BH_SQL_DOT);
}

/* UNION SELECT with a table of the catalogue that the statement did not read before, or of constants alone behind a value. */
static bool
set_operation(const struct carried *c, unsigned i)
{
	const struct bh_isql *s = &c->s;
	unsigned j = i + 1, constants = 0, others = 0;

	if (bh_isql_word(s, i) != BH_SQLW_UNION || !c->where)
		return false;
	while (bh_isql_word(s, j) == BH_SQLW_ALL || bh_isql_word(s, j) == BH_SQLW_DISTINCT ||
	       bh_isql_kind(s, j) == BH_SQL_LP)
		j++;
	if (bh_isql_word(s, j) != BH_SQLW_SELECT)
		return false;
	for (j++; j < s->n && bh_isql_kind(s, j) != BH_SQL_SEMI; j++) {
		if (is_catalogue(s, j) && !c->catalogue)
			return true;
		if (bh_isql_kind(s, j) == BH_SQL_COMMENT)
			break;
		constants += bh_isql_is_constant(s, j);
		others += bh_isql_kind(s, j) != BH_SQL_COMMA && !bh_isql_is_constant(s, j);
	}
	return others == 0 && constants > 1 && bh_isql_kind(s, j) == BH_SQL_COMMENT;
}

/* Calls that wait, or answer by an error's text, where a condition or a list of values is. */
static bool
call(const struct carried *c, unsigned i)
{
	static const char *const wait[] = {"sleep", "benchmark", "pg_sleep", "randomblob"};
	static const char *const error[] = {"extractvalue", "updatexml"};
	const struct bh_isql *s = &c->s;
	unsigned w = i > 0 ? bh_isql_word(s, i - 1) : BH_SQLW_COUNT;
	unsigned k = i > 0 ? bh_isql_kind(s, i - 1) : BH_SQL_SEMI;

	if (!bh_isql_is_call(s, i))
		return false;
	if (name_among(s, i, wait, BH_ARRAY_SIZE(wait)))
		return c->where || w == BH_SQLW_AND || w == BH_SQLW_OR || k == BH_SQL_COMMA;
	return c->where && name_among(s, i, error, BH_ARRAY_SIZE(error)) &&
	       memmem(s->v->at, s->v->len, "0x7", 3) != NULL;
}

/* A file name that a server would run, between its quotes. */
static bool
is_script(const struct bh_isql *s, unsigned i)
{
	static const char *const ends[] = {".php",  ".phtml", ".jsp", ".asp", ".aspx",
					   ".ashx", ".sh",    ".so",  ".dll", ".cgi"};
	unsigned k;

	if (bh_isql_kind(s, i) != BH_SQL_STRING)
		return false;
	for (k = 0; k < BH_ARRAY_SIZE(ends); k++) {
		size_t n = strlen(ends[k]), len = s->t[i].len;

		if (len > n && bh_at(s->v, s->t[i].at + len - n, ends[k]))
			return true;
	}
	return false;
}

/* What leaves the database: programs of its system, files that its web server runs. */
static bool
escape(const struct carried *c, unsigned i)
{
	static const char *const run[] = {"xp_cmdshell", "sp_oacreate", "xp_regwrite", "xp_dirtree",
					  "sp_oamethod", "sys_exec",    "sys_eval"};
	const struct bh_isql *s = &c->s;
	unsigned w = bh_isql_word(s, i), w1 = bh_isql_word(s, i + 1);

	if (name_among(s, i, run, BH_ARRAY_SIZE(run)))
		return true;
	if (w == BH_SQLW_INTO && (w1 == BH_SQLW_OUTFILE || w1 == BH_SQLW_DUMPFILE))
		return is_script(s, i + 2);
	if (name_is(s, i, "program") && i > 0 && bh_isql_kind(s, i + 1) == BH_SQL_STRING)
		return bh_isql_word(s, i - 1) == BH_SQLW_FROM || name_is(s, i - 1, "to");
	/* WAITFOR DELAY behind a value or a statement */
	return w == BH_SQLW_WAITFOR && i > 0 && name_is(s, i + 1, "delay") &&
	       bh_isql_kind(s, i + 2) == BH_SQL_STRING &&
	       (is_value(s, i - 1) || bh_isql_kind(s, i - 1) == BH_SQL_RP ||
		bh_isql_kind(s, i - 1) == BH_SQL_SEMI) &&
	       c->where;
}

static bool
is_injected(struct carried *c, size_t *at)
{
	const struct bh_isql *s = &c->s;
	unsigned i;

	for (i = 0; i < s->n; i++) {
		*at = s->t[i].at;
		if (tautology(s, i) || cut(s, i) || set_operation(c, i) || call(c, i) ||
		    escape(c, i))
			return true;
		if (bh_isql_word(s, i) == BH_SQLW_WHERE || bh_isql_word(s, i) == BH_SQLW_HAVING)
			c->where = true;
		c->catalogue |= is_catalogue(s, i);
	}
	return false;
}

/* A token near the end that the next ones can be read from: not inside a string or a quoted name. 0: there is none. */
static size_t
restart(const struct bh_isql *s)
{
	unsigned i = s->n > AGAIN ? s->n - AGAIN : 0, least = i / 2;

	for (; i > least; i--) {
		size_t at = s->t[i].at;

		if (bh_isql_kind(s, i) != BH_SQL_STRING && bh_isql_kind(s, i) != BH_SQL_OPEN &&
		    at > 0 && memchr("'\"`[", s->v->at[at - 1], 4) == NULL)
			break;
	}
	return s->t[i].at;
}

struct text {
	struct bh_view all;
	bool mysql;
	bool last; /* nothing follows */
};

/* So many tokens at a time, from a token on: a place that is inside none. */
static bool
search(struct bh_inspect_scratch *scratch, struct carried *c, const struct text *t, size_t *where)
{
	size_t pos = 0;
	bool found = false;

	while (pos < t->all.len && !found) {
		size_t left = t->all.len - pos;
		struct bh_view v = {t->all.at + pos, left < UINT16_MAX ? left : UINT16_MAX};
		bool full;

		c->s = (struct bh_isql){.v = &v, .t = scratch->sql};
		c->s.n = bh_isql_lex(scratch, &v, 0, t->mysql);
		full = c->s.n >= BH_SQL_TOKENS - 1;
		/* the last token may go on */
		if (!full && !t->last && c->s.n > 0)
			c->s.n--;
		found = is_injected(c, where);
		*where += pos;
		if (!full || restart(&c->s) == 0)
			break;
		pos += restart(&c->s);
	}
	return found;
}

static uint64_t
tell(const struct bh_inspect_ctx *ctx, const struct bh_view *v, size_t where)
{
	struct bh_inspect_finding f = {.class = BH_INSPECT_SQLI, .where = BH_AT_STREAM};
	size_t pos = where > 40 ? where - 40 : 0;

	f.offset = (uint32_t)where;
	bh_inspect_mask(f.excerpt, sizeof(f.excerpt), v->at + pos,
			v->len - pos < 96 ? v->len - pos : 96);
	ctx->report(ctx->arg, &f);
	return BH_INSPECT_BIT(BH_INSPECT_SQLI);
}

uint64_t
bh_inspect_statement(const struct bh_inspect_ctx *ctx, const uint8_t *at, size_t len, bool mysql)
{
	struct carried c = {0};
	struct text t = {.mysql = mysql, .last = true};
	size_t where = 0;

	if (!(ctx->classes & BH_INSPECT_BIT(BH_INSPECT_SQLI)))
		return 0;
	while (len > 0 && (at[len - 1] == 0 || bh_is_space(at[len - 1])))
		len--;
	t.all = (struct bh_view){at, len};
	return search(ctx->scratch, &c, &t, &where) ? tell(ctx, &t.all, where) : 0;
}

uint64_t
bh_inspect_statement_part(const struct bh_inspect_ctx *ctx, struct bh_sql_thin *thin, bool mysql,
			  bool last)
{
	struct carried c = {.where = thin->where, .catalogue = thin->catalogue};
	struct text t = {.all = {thin->text, thin->used}, .mysql = mysql, .last = last};
	size_t where = 0;
	bool found;

	if (!(ctx->classes & BH_INSPECT_BIT(BH_INSPECT_SQLI)))
		return 0;
	found = search(ctx->scratch, &c, &t, &where);
	thin->where = c.where;
	thin->catalogue = c.catalogue;
	return found ? tell(ctx, &t.all, where) : 0;
}
