/* Look-ups that log4j resolves: ${...} evaluated inside out as it would be, so that whatever spelling ends in
 * ${jndi:...} is seen. Nesting and work are bounded. */
#include "inspect_priv.h"

#define LOOKUP_DEPTH 24
#define LOOKUP_TEXT 1024

struct frame {
	size_t start; /* of the look-up's text in out */
};

/* ${...} whose text is known: what stands for it. Returns its length, written over the text itself. */
static size_t
resolve(uint8_t *text, size_t len)
{
	struct bh_view v = {text, len};
	size_t i, skip = 0;
	bool lower = bh_at(&v, 0, "lower:"), upper = bh_at(&v, 0, "upper:");

	if (lower || upper) {
		skip = 6;
	} else {
		for (i = 0; i + 1 < len; i++)
			if (text[i] == ':' && text[i + 1] == '-')
				skip = i + 2;
		if (skip == 0 && bh_at(&v, 0, "date:")) {
			/* date:'j' prints what is quoted */
			for (i = 5, skip = 5; i < len; i++)
				if (text[i] == '\'')
					text[i] = 0;
		} else if (skip == 0) {
			return 0;
		}
	}
	memmove(text, text + skip, len - skip);
	/* U+0131 in upper case is I, U+0130 in lower case is i */
	for (i = 0; (lower || upper) && i + 1 < len - skip; i++)
		if (text[i] == 0xc4 && text[i + 1] == (upper ? 0xb1 : 0xb0)) {
			text[i] = 'i';
			text[i + 1] = 0;
		}
	for (i = 0, len -= skip, skip = 0; i < len; i++)
		if (text[i] != 0)
			text[skip++] = text[i];
	return skip;
}

static bool
is_jndi(const uint8_t *text, size_t len)
{
	struct bh_view v = {text, len};
	size_t i = 0;

	while (i < len && i < 16 &&
	       (text[i] == '$' || text[i] == '{' || bh_is_space(text[i]) || text[i] == '-' ||
		text[i] == ':'))
		i++;
	return bh_at(&v, i, "jndi") && i + 4 < len &&
	       memchr(text + i + 4, ':', len - i - 4) != NULL;
}

static bool
evaluate(const struct bh_view *v, size_t from)
{
	uint8_t out[LOOKUP_TEXT];
	struct frame stack[LOOKUP_DEPTH];
	size_t n = 0, i, depth = 0;

	for (i = from; i < v->len && n < sizeof(out); i++) {
		if (v->at[i] == '$' && i + 1 < v->len && v->at[i + 1] == '{') {
			if (depth == LOOKUP_DEPTH)
				return true; /* nobody nests so deep in earnest */
			stack[depth++].start = n;
			i++;
		} else if (v->at[i] == '}' && depth > 0) {
			size_t start = stack[--depth].start;

			if (is_jndi(out + start, n - start))
				return true;
			n = start + resolve(out + start, n - start);
			if (depth == 0) {
				/* what came out may open a look-up of its own: "$" from a default, then "{jndi:" */
				if (!(n > 0 && out[n - 1] == '$') &&
				    !(i + 1 < v->len && v->at[i + 1] == '{'))
					return is_jndi(out, n);
			}
		} else {
			out[n++] = v->at[i];
		}
	}
	for (i = 0; i < n; i++)
		if ((out[i] == '$' || i == 0) && is_jndi(out + i, n - i))
			return true;
	return depth > 0 && is_jndi(out + stack[depth - 1].start, n - stack[depth - 1].start);
}

void
bh_judge_lookup(struct bh_judge *j, const struct bh_view *v)
{
	const uint8_t *p = v->at, *end = v->at + v->len;
	unsigned tries = 0;

	while (p < end && (p = memchr(p, '$', (size_t)(end - p))) != NULL) {
		size_t pos = (size_t)(p - v->at);

		if (pos + 1 < v->len && v->at[pos + 1] == '{' && tries++ < 16 && evaluate(v, pos)) {
			bh_judge_hit(j, BH_INSPECT_LOG4SHELL, pos);
			return;
		}
		p++;
	}
}
