/* Which bytes a regular expression needs: a match consumes bytes of the text alone, so that an expression all of whose ways
 * lead over a byte that the text has not can't match in it. */
#include "pattern.h"

#include <string.h>

#define DEPTH 16 /* of groups; what nests deeper is taken to match */

struct reader {
	const char *at, *end;
	uint32_t kinds;
	unsigned depth;
	bool lost; /* something that is not understood */
};

static bool
has(const struct reader *r, unsigned c)
{
	return (bh_kind_of[c & 255] & r->kinds) != 0;
}

static int
hex(char c)
{
	const char *digits = "0123456789abcdef", *p = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	return c >= '0' && p != NULL ? (int)(p - digits) : -1;
}

/* Behind a backslash: the byte it stands for, or -1: a set or a place. */
static int
escaped(struct reader *r, char c)
{
	static const char from[] = "nrtfave", to[] = "\n\r\t\f\a\v\x1b";
	const char *p = strchr(from, c);

	if (c == 'x') {
		int hi = r->end - r->at >= 2 ? hex(r->at[0]) : -1,
		    lo = hi >= 0 ? hex(r->at[1]) : -1;

		r->lost |= lo < 0;
		r->at += lo < 0 ? 0 : 2;
		return lo < 0 ? 0 : hi << 4 | lo;
	}
	if (p != NULL && c != '\0')
		return (uint8_t)to[p - from];
	/* \1 refers back, \Q \p \R ... are not in use */
	r->lost |= strchr("0123456789QEpPRXKGcgkuULlNhHC", c) != NULL;
	return strchr("dDwWsSbBAzZ", c) != NULL ? -1 : (uint8_t)c;
}

/* Is a byte of the text's kinds in the set that the letter names? */
static bool
set_fits(const struct reader *r, char c)
{
	switch (c) {
	case 'd':
		return (r->kinds & BH_KIND_DIGIT) != 0;
	case 'w':
		return (r->kinds & BH_KIND_WORD) != 0;
	case 's':
		return (r->kinds & (BH_KIND_SPACE | BH_KIND_CONTROL)) != 0;
	case 'D':
		return (r->kinds & ~(uint32_t)BH_KIND_DIGIT) != 0;
	case 'W':
		return (r->kinds & ~BH_KIND_WORD) != 0;
	}
	return true;
}

static void
mark(bool set[256], unsigned from, unsigned to)
{
	unsigned c;

	for (c = from; c <= to && c < 256; c++) {
		set[c] = true;
		if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
			set[c ^ 0x20] = true;
	}
}

static void
mark_set(bool set[256], char c)
{
	unsigned i;

	for (i = 0; i < 256; i++) {
		bool digit = i >= '0' && i <= '9', space = i == ' ' || (i >= 9 && i <= 13);
		bool word = digit || i == '_' || ((i | 0x20) >= 'a' && (i | 0x20) <= 'z');
		bool in = (c | 0x20) == 'd' ? digit : (c | 0x20) == 'w' ? word : space;

		set[i] |= in == (c >= 'a');
	}
}

/* [...], behind its bracket. */
static bool
class_fits(struct reader *r)
{
	bool set[256] = {false}, negated = r->at < r->end && *r->at == '^';
	unsigned i;
	int last = -1;

	r->at += negated;
	for (i = 0; r->at < r->end && (*r->at != ']' || i == 0); i++) {
		char c = *r->at++;
		int byte = (uint8_t)c;

		if (c == '[' && r->at < r->end && strchr(":.=", *r->at) != NULL)
			r->lost = true;
		if (c == '\\' && r->at < r->end) {
			c = *r->at++;
			byte = c == 'b' ? '\b' : escaped(r, c);
			if (byte < 0) {
				mark_set(set, c);
				last = -1;
				continue;
			}
		} else if (c == '-' && last >= 0 && r->at < r->end && *r->at != ']') {
			c = *r->at++;
			byte = (uint8_t)c;
			if (c == '\\' && r->at < r->end)
				byte = escaped(r, *r->at++);
			r->lost |= byte < 0;
			mark(set, (unsigned)last, byte < 0 ? 255 : (unsigned)byte);
			last = -1;
			continue;
		}
		mark(set, (unsigned)byte, (unsigned)byte);
		last = byte;
	}
	r->lost |= r->at >= r->end;
	r->at += r->at < r->end;
	for (i = 0; i < 256; i++)
		if (set[i] != negated && has(r, i))
			return true;
	return false;
}

static bool alternatives(struct reader *r);

static bool
group_fits(struct reader *r)
{
	bool fits;

	if (r->end - r->at >= 2 && r->at[0] == '?' && r->at[1] == ':')
		r->at += 2;
	else if (r->end - r->at >= 3 && memcmp(r->at, "?i:", 3) == 0)
		r->at += 3;
	else
		r->lost |= r->at < r->end && (*r->at == '?' || *r->at == '*');
	if (r->lost || ++r->depth > DEPTH) {
		r->lost = true;
		return true;
	}
	fits = alternatives(r);
	r->depth--;
	r->lost |= r->at >= r->end;
	r->at += r->at < r->end;
	return fits;
}

/* Does what the quantifier belongs to have to be there? */
static bool
needed(struct reader *r)
{
	bool need = true;

	if (r->at < r->end && (*r->at == '?' || *r->at == '*' || *r->at == '+')) {
		need = *r->at++ == '+';
	} else if (r->end - r->at >= 2 && *r->at == '{' && r->at[1] >= '0' && r->at[1] <= '9') {
		for (need = false; r->at < r->end && *r->at != '}' && *r->at != ','; r->at++)
			need |= *r->at >= '1' && *r->at <= '9';
		while (r->at < r->end && *r->at != '}')
			r->at++;
		r->at += r->at < r->end;
	} else {
		return true;
	}
	if (r->at < r->end && (*r->at == '?' || *r->at == '+'))
		r->at++;
	return need;
}

static bool
one_fits(struct reader *r)
{
	char c = *r->at++;
	int byte;

	switch (c) {
	case '.':
	case '^':
	case '$':
		return true;
	case '[':
		return class_fits(r);
	case '(':
		return group_fits(r);
	case '\\':
		if (r->at >= r->end)
			break;
		c = *r->at++;
		byte = escaped(r, c);
		return byte < 0 ? set_fits(r, c) : has(r, (unsigned)byte);
	}
	return has(r, (uint8_t)c);
}

static bool
alternatives(struct reader *r)
{
	bool any = false, all = true;

	while (r->at < r->end && *r->at != ')' && !r->lost) {
		bool fits, need;

		if (*r->at == '|') {
			any |= all;
			all = true;
			r->at++;
			continue;
		}
		fits = one_fits(r);
		need = needed(r);
		all &= fits || !need;
	}
	return any || all;
}

bool
bh_pattern_fits(const char *at, size_t len, uint32_t kinds)
{
	struct reader r = {.at = at, .end = at + len, .kinds = kinds};
	bool fits = alternatives(&r);

	return fits || r.lost || r.at < r.end;
}

size_t
bh_pattern_branch(const char *at, size_t len)
{
	unsigned depth = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (at[i] == '\\') {
			i++;
		} else if (at[i] == '[') {
			i += 1 + (i + 1 < len && at[i + 1] == '^');
			for (i += i < len && at[i] == ']'; i < len && at[i] != ']'; i++)
				i += at[i] == '\\';
		} else if (at[i] == '(') {
			depth++;
		} else if (at[i] == ')') {
			depth--;
		} else if (at[i] == '|' && depth == 0) {
			return i;
		}
	}
	return len;
}
