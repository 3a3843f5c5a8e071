/* What must not be seen in a file of evidence: marked byte by byte, so that lengths, offsets and sequence numbers of the
 * packets stay what they were. Rather too much is hidden than too little: the event says what was found. */
#include <strings.h>

#include "evidence_priv.h"

#define CARD_MIN 13u /* ISO/IEC 7812-1: digits of an identification number in use */
#define CARD_MAX 19u
#define RUN_MIN 8u  /* digits of the shortest number that is hidden */
#define RUN_MAX 256 /* digits looked at as one */
#define TOKEN_MIN 12u

/* A few digits, and where in the text they stand. */
struct run {
	unsigned n;
	size_t at[RUN_MAX];
	uint8_t digit[RUN_MAX];
};

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alpha(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static size_t
hide_one(uint8_t *hide, size_t at)
{
	uint8_t bit = (uint8_t)(1u << (at & 7));
	bool is_new = (hide[at / 8] & bit) == 0;

	hide[at / 8] |= bit;
	return is_new;
}

static size_t
hide_range(uint8_t *hide, size_t from, size_t to)
{
	size_t n = 0;

	for (; from < to; from++)
		n += hide_one(hide, from);
	return n;
}

/* Digits from `from` on with at most `gap` other bytes between two; letters among them only if `letters`. Returns where the
 * search goes on. */
static size_t
read_run(const uint8_t *text, size_t from, size_t len, unsigned gap, struct run *run)
{
	size_t i, last = from;

	for (run->n = 0, i = from; i < len && i - last <= gap && run->n < RUN_MAX; i++) {
		if (is_digit(text[i])) {
			run->at[run->n] = i;
			run->digit[run->n++] = text[i] - '0';
			last = i + 1;
		} else if (gap == 1 && is_alpha(text[i])) {
			break;
		}
	}
	/* A run that is longer than one look goes on in the next one, which begins a card's length before. */
	return run->n == RUN_MAX ? run->at[RUN_MAX - CARD_MAX] : last;
}

/* ISO/IEC 7812-1, annex B. */
static bool
has_check_digit(const uint8_t *digit, unsigned n)
{
	unsigned sum = 0, i, d;

	for (i = 0; i < n; i++) {
		d = digit[n - 1 - i];
		if (i % 2 == 1)
			d = d > 4 ? 2 * d - 9 : 2 * d;
		sum += d;
	}
	return sum % 10 == 0;
}

/* Wherever in the run: what stands before or behind a number may be digits, too. Issuers of payment cards: 2 to 6. */
static size_t
hide_cards(uint8_t *hide, const struct run *run)
{
	unsigned from, n, i;
	size_t hidden = 0;

	for (from = 0; from + CARD_MIN <= run->n; from++) {
		if (run->digit[from] < 2 || run->digit[from] > 6)
			continue;
		for (n = CARD_MIN; n <= CARD_MAX && from + n <= run->n; n++) {
			if (!has_check_digit(run->digit + from, n))
				continue;
			for (i = from + 6; i + 4 < from + n; i++)
				hidden += hide_one(hide, run->at[i]);
		}
	}
	return hidden;
}

static size_t
hide_number(uint8_t *hide, const struct run *run)
{
	bool card = run->n >= CARD_MIN && run->n <= CARD_MAX && has_check_digit(run->digit, run->n);
	size_t hidden = 0;
	unsigned i;

	for (i = card ? 6 : 0; i + 4 < run->n; i++)
		hidden += hide_one(hide, run->at[i]);
	return hidden;
}

static size_t
hide_digits(uint8_t *hide, const uint8_t *text, size_t len, bool all)
{
	struct run run;
	size_t i = 0, hidden = 0;

	while (i < len) {
		if (!is_digit(text[i])) {
			i++;
			continue;
		}
		/* Two bytes between: "%34%31", "\u0034" and UTF-16 are digits to who decodes them. */
		i = read_run(text, i, len, all ? 2 : 1, &run);
		if (!all || run.n == RUN_MAX)
			hidden += hide_cards(hide, &run);
		if (all && run.n >= RUN_MIN)
			hidden += hide_number(hide, &run);
	}
	return hidden;
}

/* ---- everything that may be private ----------------------------------------------------------------- */

static bool
is_token(uint8_t c)
{
	return is_digit(c) || is_alpha(c) || c == '_' || c == '-' || c == '+' || c == '/';
}

/* Keys, hashes, base64: long, and letters mixed with digits or capitals. */
static size_t
hide_tokens(uint8_t *hide, const uint8_t *text, size_t len)
{
	size_t i = 0, from, k, digits, letters, upper, hidden = 0;

	while (i < len) {
		for (from = i, digits = letters = upper = 0; i < len && is_token(text[i]); i++) {
			digits += is_digit(text[i]);
			letters += is_alpha(text[i]);
			upper += text[i] >= 'A' && text[i] <= 'Z';
		}
		if (i - from >= TOKEN_MIN && letters != 0 && (digits > 1 || upper > 3)) {
			for (k = from + 4; k < i; k++)
				hidden += hide_one(hide, k);
		}
		i += i == from;
	}
	return hidden;
}

static size_t
hide_mail(uint8_t *hide, const uint8_t *text, size_t len)
{
	size_t i, k, hidden = 0;

	for (i = 1; i + 1 < len; i++) {
		if (text[i] != '@')
			continue;
		for (k = i;
		     k > 0 && (is_token(text[k - 1]) || text[k - 1] == '.' || text[k - 1] == '%') &&
		     i - k < 64;
		     k--)
			;
		hidden += hide_range(hide, k + 1 < i ? k + 1 : k, i);
	}
	return hidden;
}

/* What follows one of these up to the end of the value. */
static size_t
hide_named(uint8_t *hide, const uint8_t *text, size_t len)
{
	static const char *const names[] = {"authorization", "cookie", "passw", "pwd",
					    "secret",        "token",  "api"};
	size_t i, k, n, from, hidden = 0;

	for (i = 0; i < len; i++) {
		for (k = 0; k < BH_ARRAY_SIZE(names); k++) {
			n = strlen(names[k]);
			if (i + n >= len || strncasecmp((const char *)text + i, names[k], n) != 0)
				continue;
			for (from = i + n; from < len && is_token(text[from]); from++)
				;
			while (from < len && text[from] != '\0' &&
			       strchr(":=\" '", text[from]) != NULL)
				from++;
			for (n = from; n < len && text[n] != '\0' &&
				       strchr(k < 2 ? "\r\n" : "&\"'\r\n;, ", text[n]) == NULL;
			     n++)
				;
			hidden += hide_range(hide, from, n);
			break;
		}
	}
	return hidden;
}

/* A body that is compressed or binary can be decoded again, as long as all of it is there. */
static size_t
hide_binary(uint8_t *hide, const uint8_t *text, size_t len)
{
	size_t i, hidden = 0;

	for (i = 0; i < len; i++) {
		uint8_t c = text[i];

		if (c >= 0x7f || (c < 0x20 && c != '\r' && c != '\n' && c != '\t'))
			hidden += hide_one(hide, i);
	}
	return hidden;
}

size_t
bh_evidence_hide(uint8_t *hide, const uint8_t *text, size_t len, bool all)
{
	size_t n = hide_digits(hide, text, len, all);

	if (!all)
		return n;
	n += hide_digits(hide, text, len, false);
	n += hide_tokens(hide, text, len);
	n += hide_mail(hide, text, len);
	n += hide_named(hide, text, len);
	n += hide_binary(hide, text, len);
	return n;
}
