/* Text for records: printable, and with nothing in it that a record must not show whole. */
#include "inspect_priv.h"

static uint8_t
printable(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' ? c : '.';
}

/* Digits with single separators between them, as cards, telephone and identity numbers are written. */
static size_t
digit_run(const uint8_t *p, size_t len, unsigned *digits)
{
	size_t i = 0, last = 0;
	unsigned gap = 0;

	for (*digits = 0; i < len; i++) {
		if (bh_is_digit(p[i])) {
			(*digits)++;
			gap = 0;
			last = i + 1;
		} else if (memchr(" -.()/+", p[i], 7) == NULL || ++gap > 2) {
			break;
		}
	}
	return last;
}

static size_t
mask_digits(char *out, const uint8_t *p, size_t run, unsigned digits)
{
	unsigned seen = 0, head = digits >= 13 && digits <= 19 ? 6 : 0;
	size_t i;

	for (i = 0; i < run; i++) {
		if (bh_is_digit(p[i])) {
			seen++;
			out[i] = (char)(seen <= head || seen + 4 > digits ? p[i] : '*');
		} else {
			out[i] = (char)p[i];
		}
	}
	return run;
}

/* Letters, digits and what base64 and tokens are made of, without a space. */
static size_t
token_run(const uint8_t *p, size_t len)
{
	size_t i = 0;

	while (i < len &&
	       (bh_is_word(p[i]) || p[i] == '-' || p[i] == '+' || p[i] == '/' || p[i] == '='))
		i++;
	return i;
}

/* A token that could be a key: long, and with digits and letters mixed, or without a digit, with as many capitals as
 * chance gives it. */
static bool
is_secret(const uint8_t *p, size_t run)
{
	size_t i, digits = 0, upper = 0;

	for (i = 0; i < run; i++) {
		digits += bh_is_digit(p[i]);
		upper += p[i] >= 'A' && p[i] <= 'Z';
	}
	return run >= 12 && ((digits > 0 && (upper > 1 || digits > 4 || run >= 32)) || upper >= 8 ||
			     (run >= 20 && upper >= 4));
}

void
bh_inspect_mask(char *out, size_t size, const uint8_t *at, size_t len)
{
	size_t n = 0, i = 0, secret_end = 0, run, k;
	unsigned digits;

	if (at == NULL)
		len = 0;
	while (i < len && n + 1 < size) {
		run = i > 0 && bh_is_digit(at[i - 1]) ? 0 : digit_run(at + i, len - i, &digits);
		if (run > 0 && bh_is_digit(at[i]) && digits >= 8) {
			char tmp[64];
			size_t part = run < sizeof(tmp) ? run : sizeof(tmp);

			mask_digits(tmp, at + i, part, digits);
			for (k = 0; k < part && n + 1 < size; k++)
				out[n++] = (char)printable((uint8_t)tmp[k]);
			i += run;
			continue;
		}
		run = i > 0 && bh_is_alnum(at[i - 1]) ? 0 : token_run(at + i, len - i);
		if (is_secret(at + i, run) ||
		    (run >= 8 && i > 1 && i - 1 == secret_end && at[i - 1] == '.')) {
			secret_end = i + run;
			for (k = 0; k < 4 && n + 1 < size; k++)
				out[n++] = (char)printable(at[i + k]);
			for (k = 0; k < 4 && n + 1 < size; k++)
				out[n++] = '*';
			i += run;
			continue;
		}
		/* an address keeps its first letter and its domain */
		if (i > 0 && n > 1 && at[i] == '@' && i + 1 < len && bh_is_alnum(at[i + 1]))
			for (k = n; k > 1 &&
				    (bh_is_word((uint8_t)out[k - 1]) || out[k - 1] == '.' ||
				     out[k - 1] == '-' || out[k - 1] == '+') &&
				    (bh_is_word((uint8_t)out[k - 2]) || out[k - 2] == '.');
			     k--)
				out[k - 1] = '*';
		out[n++] = (char)printable(at[i++]);
	}
	out[n] = '\0';
}
