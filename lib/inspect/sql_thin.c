/* A statement longer than what is looked at together, without what only makes it long: white space, comments, the insides
 * of strings and names. What is left of one is judged as it comes, each piece once more with the next one's beginning,
 * so that no padding parts an injection's tokens. */
#include "sql.h"
#include "wire.h"

#define STRING_KEPT 96
#define WORD_KEPT 64
#define AGAIN 512 /* bytes that are judged with what follows, too */

static void
keep(struct bh_sql_thin *t, uint8_t c)
{
	t->text[t->used++] = c;
}

/* A comment was a space; one that never ends swallows what the statement had behind the value. */
static void
begin_comment(struct bh_sql_thin *t, uint8_t in)
{
	t->in = in;
	t->quotes = 0;
	t->run = 0;
	t->prose = false;
}

static void
in_comment(struct bh_sql_thin *t, uint8_t c)
{
	uint8_t before = t->before;

	if (t->in == '*' ? c == '/' && before == '*' && t->run > 0 : c == '\n') {
		t->in = 0;
		if (t->used == 0 || t->text[t->used - 1] != ' ')
			keep(t, ' ');
		c = ' ';
	} else if ((before == '\'' || before == '"') && t->run > 0) {
		/* don't, user's */
		t->prose |= bh_is_alpha(t->older) && bh_is_alpha(c);
	}
	t->quotes += c == '\'' || c == '"';
	t->run = 1;
	t->older = before;
	t->before = c;
}

static void
outside(struct bh_sql_thin *t, uint8_t c, bool mysql)
{
	bool space = bh_is_space(c) || c == 0, word = bh_is_word(c) || c >= 0x80;
	uint8_t before = t->before;

	t->before = space ? ' ' : c;
	t->run = word && t->run < UINT8_MAX ? t->run + 1 : word ? t->run : 0;
	if (before == '*' && t->opened) {
		/* the versioned form of MySQL runs; what was kept of any other goes */
		t->opened = false;
		if (c != '!') {
			t->used -= 2;
			begin_comment(t, '*');
			in_comment(t, c);
			return;
		}
	}
	t->opened = before == '/' && c == '*';
	if ((before == '-' && c == '-') || (c == '#' && mysql)) {
		t->used -= c == '-';
		begin_comment(t, c);
		return;
	}
	if (space ? before != ' ' : t->run <= WORD_KEPT)
		keep(t, space ? ' ' : c);
	if (c == '\'' || c == '"' || c == '`') {
		t->in = c;
		t->run = 0;
		t->escaped = t->closing = false;
	} else if (!word && memchr("-/*", c, 3) == NULL && t->used + AGAIN <= BH_SQL_THIN) {
		t->safe = t->used;
	}
}

static void
in_string(struct bh_sql_thin *t, uint8_t c, bool mysql)
{
	if (t->closing && c != t->in) {
		keep(t, t->in);
		t->before = t->in;
		t->in = t->run = 0;
		outside(t, c, mysql);
		return;
	}
	if (t->escaped || t->closing) {
		t->escaped = t->closing = false;
	} else if (c == '\\' && mysql && t->in != '`') {
		t->escaped = true;
	} else if (c == t->in) {
		t->closing = true;
	} else if (t->run < STRING_KEPT) {
		t->run++;
		keep(t, c);
	}
}

/* Once it has been looked at: its end stays, from a place that is inside no token. */
static void
slide(struct bh_sql_thin *t)
{
	uint16_t from = t->safe > 0 ? t->safe : BH_SQL_THIN - AGAIN;

	if (from > t->used)
		from = t->used;
	memmove(t->text, t->text + from, t->used - from);
	t->used -= from;
	t->safe = 0;
}

uint64_t
bh_sql_thin_add(struct bh_sql_thin *t, const struct bh_inspect_ctx *ctx, const struct bh_view *v,
		bool mysql)
{
	uint64_t found = 0;
	size_t i;

	for (i = 0; i < v->len; i++) {
		uint8_t c = v->at[i];

		if (t->in == '*' || t->in == '-' || t->in == '#')
			in_comment(t, c);
		else if (t->in != 0)
			in_string(t, c, mysql);
		else
			outside(t, c, mysql);
		if (t->used + 8 > BH_SQL_THIN) {
			found |= bh_inspect_statement_part(ctx, t, mysql, false);
			slide(t);
		}
	}
	return found;
}

uint64_t
bh_sql_thin_end(struct bh_sql_thin *t, const struct bh_inspect_ctx *ctx, bool mysql)
{
	if (t->closing)
		keep(t, t->in);
	if (t->in == '*') {
		keep(t, '/');
		keep(t, '*');
	} else if (t->in == '-' || t->in == '#') {
		keep(t, '-');
		keep(t, '-');
		keep(t, ' ');
	}
	if ((t->in == '*' || t->in == '-' || t->in == '#') && t->quotes % 2 == 1 && !t->prose)
		keep(t, '\'');
	return bh_inspect_statement_part(ctx, t, mysql, true);
}
