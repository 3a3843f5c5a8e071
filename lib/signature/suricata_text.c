/* A file of Suricata rules as text: rules over several lines, their header's words and their options. */
#include <errno.h>
#include <stdlib.h>

#include "suricata.h"

/* One rule is at most this long; those of public sets stay below 8 KiB. */
#define RULE_MAX (64u << 10)

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

/* End of the line that begins at p, behind its newline; *next is where the next one begins. */
static const char *
line_end(const char *p, const char *end, const char **next)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p)), *e = nl != NULL ? nl : end;

	*next = nl != NULL ? nl + 1 : end;
	if (e > p && e[-1] == '\r')
		e--;
	return e;
}

bool
bh_suricata_next(struct bh_suricata_file *f, struct bh_suricata_rule *r)
{
	const char *p = f->at, *e, *next, *first;

	for (; p < f->end; p = next) {
		first = p;
		r->line = f->line;
		e = line_end(p, f->end, &next);
		f->line++;
		while (p < e && is_blank(*p))
			p++;
		if (p == e)
			continue;
		if (*p == '#') {
			f->disabled += bh_suricata_is_rule(p + 1, e);
			continue;
		}
		/* A backslash at the end joins the next line. */
		while (e > p && e[-1] == '\\' && next < f->end) {
			e = line_end(next, f->end, &next);
			f->line++;
		}
		r->text = first;
		r->len = (size_t)(e - first);
		f->at = next;
		return true;
	}
	f->at = f->end;
	return false;
}

bool
bh_suricata_is_rule(const char *p, const char *end)
{
	static const char *const actions[] = {"alert",     "drop",      "reject",     "pass",
					      "rejectsrc", "rejectdst", "rejectboth", "log"};
	size_t i, n;

	while (p < end && (is_blank(*p) || *p == '#'))
		p++;
	for (i = 0; i < BH_ARRAY_SIZE(actions); i++) {
		n = strlen(actions[i]);
		if ((size_t)(end - p) > n && memcmp(p, actions[i], n) == 0 && is_blank(p[n]))
			return memchr(p, '(', (size_t)(end - p)) != NULL;
	}
	return false;
}

void
bh_suricata_place(const struct bh_suricata_rule *r, size_t at, unsigned *line, unsigned *column)
{
	size_t i;

	*line = r->line;
	*column = 1;
	for (i = 0; i < at && i < r->len; i++) {
		++*column;
		if (r->text[i] == '\n') {
			++*line;
			*column = 1;
		}
	}
}

/* The rule's text with its joined lines made one; offsets stay. */
static char *
joined(struct bh_arena *a, const struct bh_suricata_rule *r)
{
	char *s = bh_arena_text(a, r->text, r->len);
	size_t i;

	for (i = 0; s != NULL && i < r->len; i++) {
		if (s[i] == '\n' || s[i] == '\r') {
			s[i] = ' ';
			if (i > 0 && s[i - 1] == '\\')
				s[i - 1] = ' ';
			if (i > 1 && r->text[i] == '\n' && r->text[i - 1] == '\r' &&
			    s[i - 2] == '\\')
				s[i - 2] = ' ';
		}
	}
	return s;
}

static int
mistake(struct bh_suricata_rule *r, size_t at, const char *what)
{
	r->mistake = what;
	r->mistake_at = at;
	return -EINVAL;
}

/* Words of the header: a bracketed group may hold blanks. */
static int
split_header(struct bh_suricata_rule *r, char *s, size_t *at)
{
	size_t i = *at, n = 0, depth, end[BH_SURICATA_WORDS];

	for (;;) {
		while (is_blank(s[i]))
			i++;
		if (s[i] == '(' || s[i] == '\0')
			break;
		if (n == BH_ARRAY_SIZE(r->word))
			return mistake(r, i,
				       "expected '(' with the options behind the header's seven "
				       "words");
		r->word[n].text = s + i;
		r->word[n].at = i;
		for (depth = 0; s[i] != '\0' && s[i] != '(' && (depth != 0 || !is_blank(s[i])); i++)
			depth += (s[i] == '[') - (s[i] == ']' && depth != 0);
		end[n++] = i;
	}
	if (n != BH_ARRAY_SIZE(r->word))
		return mistake(r, i,
			       "expected ACTION PROTOCOL ADDRESS PORT -> ADDRESS PORT in front of "
			       "the options");
	if (s[i] != '(')
		return mistake(r, i, "expected '(' with the options behind the header");
	*at = i + 1;
	while (n-- > 0)
		s[end[n]] = '\0';
	return 0;
}

/* "key" or "key:value" in s[from..to): cut out in place. */
static int
one_option(struct bh_arena *a, struct bh_suricata_rule *r, char *s, size_t from, size_t to)
{
	struct bh_suricata_option *o;
	size_t colon, e;

	while (from < to && is_blank(s[from]))
		from++;
	while (to > from && is_blank(s[to - 1]))
		to--;
	if (from == to)
		return 0;
	o = bh_arena_alloc(a, sizeof(*o));
	if (o == NULL)
		return -ENOMEM;
	s[to] = '\0';
	o->key = s + from;
	o->at = from;
	for (colon = from; colon < to && s[colon] != ':'; colon++)
		;
	for (e = colon; e > from && is_blank(s[e - 1]); e--)
		;
	if (colon < to) {
		for (colon++; colon < to && is_blank(s[colon]); colon++)
			;
		o->value = s + colon;
		o->value_at = colon;
	}
	s[e] = '\0';
	*r->tail = o;
	r->tail = &o->next;
	return 0;
}

/* Options end at ';' unless a backslash stands in front of it, in quotes or not. */
static int
split_options(struct bh_arena *a, struct bh_suricata_rule *r, char *s, size_t from)
{
	size_t i = from, to = r->len;
	int rc = 0;

	while (to > from && is_blank(s[to - 1]))
		to--;
	if (to == from || s[to - 1] != ')')
		return mistake(r, to > 0 ? to - 1 : 0, "expected ')' at the end of the rule");
	s[--to] = '\0';
	for (; rc == 0 && i < to; i++) {
		if (s[i] != ';' || s[i - 1] == '\\')
			continue;
		rc = one_option(a, r, s, from, i);
		from = i + 1;
	}
	while (rc == 0 && from < to && is_blank(s[from]))
		from++;
	if (rc == 0 && from < to)
		return mistake(r, to - 1, "expected ';' behind the last option");
	return rc;
}

int
bh_suricata_split(struct bh_arena *a, struct bh_suricata_rule *r)
{
	size_t at = 0;
	char *s;
	int rc;

	r->option = NULL;
	r->tail = &r->option;
	r->mistake = NULL;
	if (r->len > RULE_MAX)
		return mistake(r, 0, "a rule of more than 64 KiB");
	if (memchr(r->text, '\0', r->len) != NULL)
		return mistake(r, 0, "a rule that holds a NUL character");
	s = joined(a, r);
	if (s == NULL)
		return -ENOMEM;
	rc = split_header(r, s, &at);
	return rc != 0 ? rc : split_options(a, r, s, at);
}
