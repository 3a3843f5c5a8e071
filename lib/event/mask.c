/* Card numbers in words that are recorded: 12 to 19 digits with a right check digit (ISO/IEC 7812), in groups or not, as they
 * stand in targets, statements, keys, names. The issuer's six and the last four digits stay. */
#include <string.h>

#include "event_priv.h"

#define CARD_MIN 12
#define CARD_MAX 19

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One separator between groups: its length, 0: there is none. */
static size_t
separator(const char *p)
{
	if (*p == ' ' || *p == '-' || *p == '+' || *p == '.')
		return 1;
	return strncmp(p, "%20", 3) == 0 ? 3 : 0;
}

/* Digits with single separators between them. */
struct run {
	char *digit[BH_OP_VALUE_MAX];
	bool begins[BH_OP_VALUE_MAX + 1]; /* a group does, with this digit */
	unsigned n;
};

/* Returns where it ends. */
static char *
read_run(struct run *r, char *p)
{
	size_t gap;

	r->n = 0;
	r->begins[0] = true;
	for (;;) {
		r->digit[r->n++] = p++;
		gap = is_digit(*p) ? 0 : separator(p);
		r->begins[r->n] = !is_digit(*p);
		if (!is_digit(p[gap]) || r->n == BH_OP_VALUE_MAX)
			return p;
		p += gap;
	}
}

/* Numbers of 0, 1, 7 are no cards; they are times and counters. */
static bool
is_card(const struct run *r, unsigned at, unsigned n)
{
	unsigned sum = 0, i;

	if (strchr("017", *r->digit[at]) != NULL)
		return false;
	for (i = 0; i < n; i++) {
		unsigned d = (unsigned)(*r->digit[at + n - 1 - i] - '0') * (i % 2 + 1);

		sum += d > 9 ? d - 9 : d;
	}
	return sum % 10 == 0;
}

/* Every group may be where a number begins or ends: "4111 1111 1111 1111 123". What is hidden already counts as it was. */
static void
mask_run(const struct run *r)
{
	bool hide[BH_OP_VALUE_MAX] = {false};
	unsigned at, n, i;

	for (at = 0; at + CARD_MIN <= r->n; at++) {
		for (n = CARD_MIN; r->begins[at] && n <= CARD_MAX && at + n <= r->n; n++) {
			if (!r->begins[at + n] || !is_card(r, at, n))
				continue;
			for (i = 6; i + 4 < n; i++)
				hide[at + i] = true;
		}
	}
	for (i = 0; i < r->n; i++)
		if (hide[i])
			*r->digit[i] = '*';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

/* Is it a part of a hash (MD5, SHA-1, SHA-256), which may have so many digits by chance? */
static bool
is_in_hash(const char *text, const char *p)
{
	size_t n = 0;

	while (p > text && is_hex(p[-1]))
		p--;
	while (is_hex(p[n]))
		n++;
	return n == 32 || n == 40 || n == 64;
}

void
bh_event_mask(char *text)
{
	const char *begin = text;
	struct run r;

	while (*text != '\0') {
		if (!is_digit(*text)) {
			text++;
			continue;
		}
		text = read_run(&r, text);
		if (r.n >= CARD_MIN && !is_in_hash(begin, r.digit[0]))
			mask_run(&r);
	}
}
