/* Tokens of SQL. Comments: -- to the end of the line, # in MySQL, block comments; the versioned form of
 * MySQL (an exclamation mark behind the opening) is not a comment: what is in it runs. */
#include "sql.h"

static const char *const words[] = {
#define BH_SQL_WORD_DEF(sym, text) text,
#include "sql_word.def"
#undef BH_SQL_WORD_DEF
};

struct lexer {
	const struct bh_view *v;
	struct bh_isql_token *out;
	size_t pos;
	unsigned n;
	bool mysql;
	bool versioned; /* inside a comment that runs */
};

/* U+00A0, which MySQL takes for a space in its single-byte character sets: alone, or as a page in UTF-8 sends it. */
static bool
is_wide_space(const struct bh_view *v, size_t pos)
{
	if (v->at[pos] == 0xc2)
		return pos + 1 < v->len && v->at[pos + 1] == 0xa0;
	return v->at[pos] == 0xa0 && (pos == 0 || v->at[pos - 1] < 0x80 || v->at[pos - 1] == 0xc2);
}

static uint8_t
word_of(const struct bh_view *v, size_t pos, size_t len)
{
	unsigned lo = 0, hi = BH_ARRAY_SIZE(words);

	if (len > 12)
		return BH_SQLW_NAME;
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		size_t i;
		int cmp = 0;

		for (i = 0; i < len && cmp == 0; i++)
			cmp = bh_lower(v->at[pos + i]) - (uint8_t)words[mid][i];
		if (cmp == 0)
			cmp = words[mid][len] == '\0' ? 0 : -1;
		if (cmp == 0)
			return (uint8_t)(mid + 1);
		if (cmp < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return BH_SQLW_NAME;
}

static void
emit(struct lexer *l, uint8_t kind, size_t at, size_t len)
{
	struct bh_isql_token *t = &l->out[l->n++];

	t->at = (uint16_t)at;
	t->len = (uint16_t)len;
	t->kind = kind;
	t->word = kind == BH_SQL_WORD ? word_of(l->v, at, len) : 0;
}

/* From behind an opening quote to behind the closing one; a doubled quote is one character of the string, and
 * so is an escaped one in MySQL. */
static void
string(struct lexer *l, uint8_t quote)
{
	size_t at = l->pos, i = at;

	while (i < l->v->len) {
		uint8_t c = l->v->at[i];

		if (c == '\\' && l->mysql && i + 1 < l->v->len) {
			i += 2;
			continue;
		}
		if (c == quote) {
			if (i + 1 >= l->v->len || l->v->at[i + 1] != quote)
				break;
			i++;
		}
		i++;
	}
	if (i > l->v->len)
		i = l->v->len;
	emit(l, i < l->v->len ? BH_SQL_STRING : BH_SQL_OPEN, at, i - at);
	l->pos = i < l->v->len ? i + 1 : i;
}

static void
number(struct lexer *l)
{
	size_t at = l->pos, i = at;
	const struct bh_view *v = l->v;

	if (v->at[i] == '0' && i + 2 < v->len && (v->at[i + 1] | 0x20) == 'x' &&
	    bh_hex(v->at[i + 2]) >= 0) {
		for (i += 2; i < v->len && bh_hex(v->at[i]) >= 0; i++)
			;
	} else {
		while (i < v->len && (bh_is_digit(v->at[i]) || v->at[i] == '.'))
			i++;
		if (i + 1 < v->len && (v->at[i] | 0x20) == 'e' &&
		    (bh_is_digit(v->at[i + 1]) || v->at[i + 1] == '-'))
			for (i += 2; i < v->len && bh_is_digit(v->at[i]); i++)
				;
	}
	/* 1st, 70er, 4711a: a name, not a number; but 1or and 1union are what MySQL reads as two. */
	if (i < v->len && (bh_is_word(v->at[i]) || v->at[i] >= 0x80)) {
		size_t e = i;
		uint8_t w;

		while (e < v->len && (bh_is_word(v->at[e]) || v->at[e] >= 0x80))
			e++;
		w = word_of(v, i, e - i);
		if (w != BH_SQLW_AND && w != BH_SQLW_OR && w != BH_SQLW_UNION) {
			emit(l, BH_SQL_WORD, at, e - at);
			l->pos = e;
			return;
		}
	}
	emit(l, BH_SQL_NUMBER, at, i - at);
	l->pos = i;
}

/* A comment at pos. Block comments are spaces unless they never end. */
static bool
comment(struct lexer *l)
{
	const struct bh_view *v = l->v;
	size_t at = l->pos, i = at;
	uint8_t c = v->at[i], d = i + 1 < v->len ? v->at[i + 1] : 0;

	if (c == '*' && d == '/') {
		l->pos += 2;
		if (!l->versioned)
			emit(l, BH_SQL_OTHER, at, 2);
		l->versioned = false;
		return true;
	}
	if (c == '/' && d == '*') {
		if (i + 2 < v->len && v->at[i + 2] == '!') {
			for (i += 3; i < v->len && bh_is_digit(v->at[i]); i++)
				;
			l->pos = i;
			l->versioned = true;
			return true;
		}
		for (i += 2; i + 1 < v->len && !(v->at[i] == '*' && v->at[i + 1] == '/'); i++)
			;
		l->pos = i + 2 <= v->len ? i + 2 : v->len;
		if (i + 1 >= v->len)
			emit(l, BH_SQL_COMMENT, at, v->len - at);
		return true;
	}
	if (!(c == '-' && d == '-') && !(c == '#' && l->mysql))
		return false;
	while (i < v->len && v->at[i] != '\n')
		i++;
	l->pos = i;
	/* What follows on the next line goes on with the statement: the comment was a space. */
	if (bh_skip_space(v, i) == v->len)
		emit(l, BH_SQL_COMMENT, at, i - at);
	return true;
}

static void
operator(struct lexer *l)
{
	const struct bh_view *v = l->v;
	uint8_t c = v->at[l->pos], d = l->pos + 1 < v->len ? v->at[l->pos + 1] : 0;
	size_t at = l->pos, n = 1;
	uint8_t kind = BH_SQL_OTHER;

	if (c == '(')
		kind = BH_SQL_LP;
	else if (c == ')')
		kind = BH_SQL_RP;
	else if (c == ',')
		kind = BH_SQL_COMMA;
	else if (c == ';')
		kind = BH_SQL_SEMI;
	else if (c == '.')
		kind = BH_SQL_DOT;
	else if ((c == '&' || c == '|') && d == c)
		kind = BH_SQL_LOGIC, n = 2;
	else if (c == '=' || c == '<' || c == '>' || (c == '!' && d == '=') ||
		 (c == '^' && d == '=')) {
		kind = BH_SQL_COMPARE;
		while (at + n < v->len && n < 3 && memchr("=<>", v->at[at + n], 3) != NULL)
			n++;
	} else if (memchr("+-*/%^|&~!", c, 10) != NULL)
		kind = BH_SQL_ARITH;
	else if (c == ':' && (d == '=' || d == ':'))
		kind = BH_SQL_COMPARE, n = 2;
	emit(l, kind, at, n);
	l->pos += n;
}

static void
word(struct lexer *l)
{
	size_t at = l->pos, i = at;
	const struct bh_view *v = l->v;
	bool var = v->at[i] == '@';

	while (i < v->len && v->at[i] == '@')
		i++;
	while (i < v->len &&
	       (bh_is_word(v->at[i]) || v->at[i] == '$' ||
		(v->at[i] >= 0x80 && !is_wide_space(v, i)) || (var && v->at[i] == '.')))
		i++;
	/* N'text', x'4a': the letter belongs to the string */
	if (i - at == 1 && i < v->len && v->at[i] == '\'' &&
	    strchr("nxbeNXBE", v->at[at]) != NULL) {
		l->pos = i + 1;
		string(l, '\'');
		return;
	}
	emit(l, var ? BH_SQL_VAR : BH_SQL_WORD, at, i - at);
	l->pos = i;
}

unsigned
bh_isql_lex(struct bh_inspect_scratch *s, const struct bh_view *v, uint8_t quote, bool mysql)
{
	struct lexer l = {.v = v, .out = s->sql, .mysql = mysql};

	if (quote != 0) {
		string(&l, quote);
		if (l.out[0].kind == BH_SQL_OPEN)
			return 0;
	}
	while (l.pos < v->len && l.n < BH_SQL_TOKENS - 1) {
		uint8_t c = v->at[l.pos];

		if (bh_is_space(c) || c == 0 || is_wide_space(v, l.pos))
			l.pos++;
		else if (comment(&l))
			continue;
		else if (c == '\'' || c == '"' || c == '`') {
			l.pos++;
			string(&l, c);
			/* a backtick opens a name, also one that nothing closes */
			if (c == '`' && (l.out[l.n - 1].kind == BH_SQL_STRING || quote != '`'))
				l.out[l.n - 1].kind = BH_SQL_WORD;
		} else if (bh_is_digit(c) ||
			   (c == '.' && l.pos + 1 < v->len && bh_is_digit(v->at[l.pos + 1])))
			number(&l);
		else if (bh_is_word(c) || c == '@' || c >= 0x80)
			word(&l);
		else
			operator(&l);
	}
	return l.n;
}

bool
bh_isql_hidden(const struct bh_view *v)
{
	size_t i;

	for (i = 0; i + 4 < v->len; i++)
		if (v->at[i] == '/' && v->at[i + 1] == '*' &&
		    (v->at[i + 2] == '!' && bh_is_digit(v->at[i + 3])))
			return true;
	return false;
}
