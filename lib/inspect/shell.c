/* A value as part of a shell line (sh, cmd.exe): behind a separator, in a substitution, or as the line itself stands a
 * command, with what a shell does to its spelling undone (quotes, backslashes, empty expansions, carets). A sentence with
 * a semicolon has no arguments of a command's shape. */
#include "inspect_priv.h"

#define NAME_MAX_LEN 20

struct line {
	const struct bh_view *v;
	uint8_t name[NAME_MAX_LEN + 1]; /* of the command, as the shell would run it */
	size_t name_len;
	size_t end;  /* behind its spelling */
	bool bent;   /* it was not spelt plainly */
	bool rooted; /* /bin/... */
};

static inline bool
is_delimiter(uint8_t c)
{
	const uint32_t delimiters = BH_KIND_SEMICOLON | BH_KIND_PIPE | BH_KIND_AMPERSAND |
				    BH_KIND_ANGLE | BH_KIND_PAREN | BH_KIND_BACKTICK |
				    BH_KIND_BRACE | BH_KIND_COMMA;

	return bh_is_space(c) || (bh_kind_of[c] & delimiters) || c == 0;
}

/* The command at pos: quotes dropped, its directory cut off. */
static bool
command_word(struct line *l, size_t pos)
{
	const struct bh_view *v = l->v;
	size_t i = pos;
	bool directory = false;

	l->name_len = 0;
	l->bent = l->rooted = false;
	while (i < v->len && !is_delimiter(v->at[i])) {
		uint8_t c = v->at[i];

		if (c == '\\' && i + 1 < v->len && v->at[i + 1] == 'n' &&
		    (i + 2 >= v->len || !bh_is_alnum(v->at[i + 2])))
			break;
		if (c == '\\' && i + 1 < v->len && bh_is_alnum(v->at[i + 1]) && l->name_len > 0 &&
		    !l->rooted) {
			l->bent = true;
		} else if (c == '\'' || c == '"' || c == '^') {
			if (i == pos && c != '^')
				break;
			l->bent |= l->name_len > 0 && i + 1 < v->len &&
				   (bh_is_alpha(v->at[i + 1]) || v->at[i + 1] == c);
		} else if (c == '$' && i + 1 < v->len &&
			   (v->at[i + 1] == '@' || v->at[i + 1] == '*')) {
			l->bent = true;
			i++;
		} else if (c == '/' || (c == '\\' && l->rooted)) {
			/* /bin/x, /usr/local/sbin/x, ./x */
			l->rooted = (l->name_len >= 3 &&
				     memcmp(l->name + l->name_len - 3, "bin", 3) == 0) ||
				    (i == pos + 1 && v->at[pos] == '.');
			if (i > pos && !l->rooted && l->name_len > 0 && v->at[pos] != '/' &&
			    v->at[pos] != '.')
				return false;
			directory = true;
			l->name_len = 0;
		} else {
			if (l->name_len == NAME_MAX_LEN)
				return false;
			l->name[l->name_len++] = c;
		}
		i++;
	}
	l->end = i;
	while (l->name_len > 0 &&
	       (l->name[l->name_len - 1] == '\'' || l->name[l->name_len - 1] == '"'))
		l->name_len--;
	if (l->name_len > 4 && memcmp(l->name + l->name_len - 4, ".exe", 4) == 0)
		l->name_len -= 4;
	return l->name_len > 0 && (l->rooted || !directory);
}

static bool
is_command(const struct line *l)
{
	struct bh_view name = {l->name, l->name_len};

	return bh_is_command(&name);
}

static bool
is_english(const struct line *l)
{
	struct bh_view name = {l->name, l->name_len};

	return bh_is_english_command(&name);
}

/* An argument that prose does not have: an option, a path, an address, a variable, a redirection. */
static bool
argument_shape(const struct bh_view *v, size_t pos)
{
	size_t i = bh_skip_space(v, pos), k;
	uint8_t c, d;

	if (i >= v->len || i == pos)
		return i < v->len && i == pos && (v->at[i] == '<' || v->at[i] == '>');
	c = v->at[i];
	d = i + 1 < v->len ? v->at[i + 1] : 0;
	if (c == '-')
		return bh_is_alnum(d) || (d == '-' && i + 2 < v->len && bh_is_alpha(v->at[i + 2]));
	if (c == '/')
		return d != ' ' && d != 0;
	if (c == '$' || c == '%' || c == '`')
		return bh_is_word(d) || d == '{' || d == '(';
	if (c == '~' || c == '.')
		return d == '/' || d == '.' || bh_is_alpha(d);
	if ((c == '<' || c == '>') && d != 0)
		return true;
	if (bh_is_alpha(c) && d == ':' && i + 2 < v->len && v->at[i + 2] == '\\')
		return true;
	if (bh_at(v, i, "http://") || bh_at(v, i, "https://") || bh_at(v, i, "ftp://"))
		return true;
	for (k = i; k < v->len && (bh_is_digit(v->at[k]) || v->at[k] == '.'); k++)
		;
	if (k > i && (k == v->len || !bh_is_alnum(v->at[k])))
		return bh_skip_space(v, k) >= v->len || memchr(";|&`)\n", v->at[k], 6) != NULL;
	/* if=/dev/zero */
	for (k = i; k < v->len && bh_is_alpha(v->at[k]); k++)
		;
	if (k > i && k + 1 < v->len && v->at[k] == '=' && v->at[k + 1] == '/')
		return true;
	/* all -m ping */
	k = k < v->len && v->at[k] == ' ' ? k + 1 : v->len;
	if (k + 2 < v->len && v->at[k] == '-' && bh_is_alpha(v->at[k + 1]) &&
	    (v->at[k + 2] == ' ' || v->at[k + 2] == '-'))
		return true;
	/* name.ext, name* and then the end or a separator */
	for (k = i; k < v->len && !bh_is_space(v->at[k]) && !is_delimiter(v->at[k]); k++)
		if ((v->at[k] == '.' && k > i && k + 2 < v->len && bh_is_alpha(v->at[k + 1])) ||
		    v->at[k] == '*' || v->at[k] == '/' || v->at[k] == '@')
			return v->at[k] != '/' || k + 1 == v->len ||
			       memchr(v->at + i, ' ', v->len - i) == NULL;
	return false;
}

/* Nothing behind the command but the line's end, another separator, or what closes the place it stands in. */
static bool
stands_alone(const struct bh_view *v, size_t pos)
{
	size_t i = bh_skip_space(v, pos);

	if (i >= v->len)
		return true;
	return memchr(";|&`)#\"'<>", v->at[i], 10) != NULL || v->at[i] == 0 ||
	       (v->at[i] == '\\' && i + 1 < v->len && v->at[i + 1] == 'n');
}

/* sudo, env, time ...: the command is what follows. */
static bool
is_prefix(const struct line *l)
{
	static const char *const prefixes[] = {"sudo",  "env",  "time",    "nohup",
					       "exec",  "eval", "command", "builtin",
					       "xargs", "nice", "timeout", "busybox",
					       "then",  "do",   "call",    "coproc"};
	struct bh_view name = {l->name, l->name_len};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(prefixes); i++)
		if (bh_is(&name, 0, l->name_len, prefixes[i]))
			return true;
	return false;
}

/* An option, a path, an address, a variable: not merely a name with a dot in it. */
static bool
firm_argument(const struct bh_view *v, size_t pos)
{
	size_t i = bh_skip_space(v, pos);

	/* <name> is a word to be filled in */
	if (i + 1 < v->len && v->at[i] == '<' && bh_is_alpha(v->at[i + 1]))
		return false;
	return i < v->len && (memchr("-/$~<>`%|;", v->at[i], 10) != NULL || bh_at(v, i, "http") ||
			      bh_at(v, i, "ftp:") ||
			      (i + 2 < v->len && v->at[i + 1] == ':' && v->at[i + 2] == '\\') ||
			      v->at[pos - 1] == '/');
}

enum place { LEAD, INNER, WHOLE, SUBSTITUTION };

/* Is there a command at pos that would run? */
static bool
runs(struct line *l, size_t pos, uint8_t separator, enum place place)
{
	const struct bh_view *v = l->v;
	size_t start = bh_skip_space(v, pos);
	bool shape, alone, tight = start == pos;
	unsigned hops;

	for (hops = 0; start < v->len && hops < 3 &&
		       (v->at[start] == '(' || v->at[start] == '{' || v->at[start] == '@' ||
			v->at[start] == '`' || v->at[start] == '!' ||
			(place != WHOLE && (v->at[start] == '"' || v->at[start] == '\'')));
	     hops++)
		start = bh_skip_space(v, start + 1);
	if (start + 1 < v->len && v->at[start] == '.' && v->at[start + 1] == ' ' && place != WHOLE)
		start += 2;
	if (start >= v->len || !command_word(l, start))
		return false;
	if (place != WHOLE && is_prefix(l) && !stands_alone(v, l->end)) {
		struct line next = {.v = v};
		size_t at = bh_skip_space(v, l->end);

		if (command_word(&next, at) && is_command(&next) &&
		    (!is_english(&next) || stands_alone(v, next.end)))
			return true;
	}
	if (!is_command(l))
		return false;
	shape = argument_shape(v, l->end);
	alone = stands_alone(v, l->end);
	if (l->bent)
		return l->name_len > 1;
	if (l->rooted)
		return shape || alone || place != WHOLE;
	switch (place) {
	case SUBSTITUTION:
		/* glued to what stands before it, it is no quotation of text */
		return shape || !is_english(l) ||
		       (alone && (start <= 2 || v->at[start - 1] == '(' ||
				  (separator == '`' && bh_is_word(v->at[start - 2]))));
	case LEAD:
		if (bh_is_alnum(v->at[0]))
			return shape || (alone && (!is_english(l) || tight || l->name_len < 4));
		if (separator == '\n' || separator == '\r')
			return shape || alone;
		if (separator == '&')
			return shape || (alone && (!is_english(l) || tight || l->name_len < 4)) ||
			       !is_english(l);
		return true;
	case INNER:
		if (shape)
			return true;
		return alone && ((!is_english(l) &&
				  (tight || separator == ';' ||
				   (separator != '&' && bh_skip_space(v, l->end) >= v->len))) ||
				 (tight && separator != '&' && l->name_len < 4) ||
				 (separator == '|' && tight));
	case WHOLE:
		/* the value begins with it: only with an argument that makes it a line */
		if (bh_is(&(struct bh_view){l->name, l->name_len}, 0, l->name_len, "find"))
			return false;
		return shape && l->name_len > 1 && (!is_english(l) || firm_argument(v, l->end));
	}
	return false;
}

/* An address or the name of a file alone: the argument that the line's own command was to have. */
static bool
is_argument(const struct bh_view *v, size_t pos)
{
	size_t i, dots = 0;

	while (pos > 0 && v->at[pos - 1] == ' ')
		pos--;
	for (i = 0; i < pos; i++) {
		dots += v->at[i] == '.' && i > 0 && i + 1 < pos;
		if (!bh_is_word(v->at[i]) && memchr(".-/:", v->at[i], 4) == NULL)
			return false;
	}
	return dots > 0 && pos <= 64;
}

/* Only what opens a value that lands in a shell line: quotes, brackets, a short word before the separator. */
static bool
is_lead(const struct bh_view *v, size_t pos)
{
	size_t i;

	if (is_argument(v, pos))
		return true;
	for (i = 0; i < pos; i++)
		if (!memchr("\"'`)} \t]", v->at[i], 8) && !(pos <= 4 && bh_is_alnum(v->at[i])))
			return false;
	return true;
}

static bool
balanced_backticks(const struct bh_view *v, size_t pos)
{
	return memchr(v->at + pos + 1, '`', v->len - pos - 1) != NULL;
}

/* Text that names a command, `like this`: two words of prose or more before it, and a gap or a stop behind it. */
static bool
is_quotation(const struct bh_view *v, size_t pos)
{
	const uint8_t *closing = memchr(v->at + pos + 1, '`', v->len - pos - 1);
	size_t i, words = 0, letters = 0;

	if (closing == NULL || pos < 4 || (v->at[pos - 1] != ' ' && v->at[pos - 1] != '('))
		return false;
	for (i = 0; i < pos; i++) {
		if (memchr(";|&<>$=", v->at[i], 7) != NULL)
			return false;
		letters += bh_is_alpha(v->at[i]);
		words += bh_is_space(v->at[i]) && i > 0 && bh_is_alpha(v->at[i - 1]);
	}
	i = (size_t)(closing - v->at) + 1;
	return words > 1 && letters > pos / 2 &&
	       (i >= v->len || bh_is_space(v->at[i]) || memchr(".,:;!?)'", v->at[i], 8) != NULL);
}

void
bh_judge_shell(struct bh_judge *j, const struct bh_view *v)
{
	/* ; | & $( ` and the ends of lines, also spelt \n */
	const uint32_t separators = BH_KIND_SEMICOLON | BH_KIND_PIPE | BH_KIND_AMPERSAND |
				    BH_KIND_DOLLAR | BH_KIND_BACKTICK | BH_KIND_BACKSLASH |
				    BH_KIND_CONTROL;
	struct line l = {.v = v};
	size_t i;

	if (j->where != BH_AT_PATH && runs(&l, 0, 0, WHOLE)) {
		bh_judge_hit(j, BH_INSPECT_CMDI, 0);
		return;
	}
	if (!(j->kinds & separators) || (j->where == BH_AT_BODY && v->len > 0 && v->at[0] == '<'))
		return;
	for (i = 0; i < v->len; i++) {
		uint8_t c = v->at[i], d = i + 1 < v->len ? v->at[i + 1] : 0;
		enum place place = INNER;
		size_t next = i + 1;

		if (i > 0 && c == v->at[i - 1] && c != '`')
			continue;

		if (c == '$' && d == '(')
			place = SUBSTITUTION, next = i + 2;
		else if (c == '`' && (i == 0 || balanced_backticks(v, i))) {
			if (is_quotation(v, i))
				continue;
			place = SUBSTITUTION;
		} else if (c == '\\' && d == 'n')
			next = i + 2;
		else if (c != ';' && c != '|' && c != '&' && c != '\n' && c != '\r')
			continue;
		while (place == INNER && next < v->len &&
		       (v->at[next] == c || v->at[next] == '&' || v->at[next] == '|' ||
			v->at[next] == ';'))
			next++;
		/* a line of text is not a line of a script */
		if (place == INNER && is_lead(v, i))
			place = i > 0 && (c == '\n' || c == '\r') ? INNER : LEAD;
		if (runs(&l, next, c, place)) {
			bh_judge_hit(j, BH_INSPECT_CMDI, i);
			return;
		}
		/* all lines' ends of a run of white space stand before the same word */
		if ((c == '\n' || c == '\r') && bh_skip_space(v, next) > next)
			i = bh_skip_space(v, next) - 1;
	}
}
