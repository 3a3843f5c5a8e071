/* Payment card numbers: ISO/IEC 7812 (issuer prefixes, Luhn), written plainly or in the groups that cards are printed with. */
#include "dlp_number.h"

#define CARD_MAX 19

static bool
luhn(const uint8_t *digit, unsigned n)
{
	unsigned sum = 0, i;

	for (i = 0; i < n; i++) {
		unsigned d = digit[n - 1 - i];

		d = i % 2 == 1 ? d * 2 : d;
		sum += d > 9 ? d - 9 : d;
	}
	return sum % 10 == 0;
}

/* Prefixes of six digits and the lengths that their issuers use. */
static bool
issued(const uint8_t *digit, unsigned n)
{
	static const struct {
		uint32_t from, to;
		uint8_t shortest, longest;
	} ranges[] = {
		{222100, 272099, 16, 16},                           /* Mastercard */
		{510000, 559999, 16, 16}, {340000, 349999, 15, 15}, /* American Express */
		{370000, 379999, 15, 15}, {300000, 305999, 14, 16}, /* Diners Club */
		{309500, 309599, 14, 16}, {360000, 369999, 14, 14}, {380000, 399999, 14, 16},
		{601100, 601199, 16, 19},                           /* Discover */
		{644000, 659999, 16, 19}, {352800, 358999, 16, 19}, /* JCB */
		{620000, 629999, 16, 19},                           /* UnionPay */
		{810000, 817199, 16, 19}, {220000, 220499, 16, 19}, /* Mir */
		{501800, 501899, 12, 19},                           /* Maestro */
		{502000, 502099, 12, 19}, {503800, 503899, 12, 19}, {589300, 589399, 12, 19},
		{630400, 630499, 12, 19}, {639000, 639099, 12, 19}, {675900, 675999, 12, 19},
		{676100, 676399, 12, 19}, {979200, 979299, 16, 16}, /* Troy */
		{508500, 508999, 16, 16},                           /* RuPay */
		{606900, 608999, 16, 16}, {636297, 636368, 16, 16}, /* Elo */
	};
	uint32_t prefix = 0;
	unsigned i;

	for (i = 0; i < 6; i++)
		prefix = prefix * 10 + digit[i];
	if (digit[0] == 4)
		return n == 13 || n == 16 || n == 19; /* Visa */
	for (i = 0; i < BH_ARRAY_SIZE(ranges); i++)
		if (prefix >= ranges[i].from && prefix <= ranges[i].to)
			return n >= ranges[i].shortest && n <= ranges[i].longest;
	return false;
}

/* An article number that begins as Visa's did when they had 13 digits (GS1 General Specifications 7.9: weights 1 and 3). One
 * such number in ten is also right as an article's, but none has been issued for long. */
static bool
is_article(const uint8_t *digit, unsigned n)
{
	unsigned sum = 0, i;

	for (i = 0; i < n; i++)
		sum += digit[i] * (i % 2 == 0 ? 1u : 3u);
	return n == 13 && digit[0] == 4 && sum % 10 == 0;
}

/* Groups as printed: fours with a rest, 4-6-5 (American Express), 4-6-4 (Diners Club). */
static bool
printed(const uint8_t *group, unsigned n)
{
	unsigned i;

	if (n == 1)
		return true;
	if (n == 3 && group[0] == 4 && group[1] == 6)
		return group[2] == 5 || group[2] == 4;
	for (i = 0; i + 1 < n; i++)
		if (group[i] != 4)
			return false;
	return n >= 3 && group[n - 1] <= 4;
}

static inline bool
is_separator(uint8_t c)
{
	return c == ' ' || c == '-';
}

/* Is there more of the same number before or behind? Then this is a part of something else. */
static bool
is_part(const struct bh_view *v, size_t pos, size_t end, uint8_t separator)
{
	uint8_t before = pos > 0 ? v->at[pos - 1] : 0, after = end < v->len ? v->at[end] : 0;

	if (bh_is_digit(before) || bh_is_digit(after))
		return true;
	/* letters before or behind: an identifier; but a length's byte or an escape may stand right before */
	if (before == '_' || after == '_' ||
	    (after != 0 && bh_is_alpha(after) && bh_is_alpha(before)))
		return true;
	if ((before == '.' || before == '-' || before == '+') && pos > 1 &&
	    bh_is_digit(v->at[pos - 2]))
		return true;
	if ((after == '.' || after == '-') && end + 1 < v->len && bh_is_digit(v->at[end + 1]))
		return true;
	/* the country and check digits of an IBAN: "CH92 ..." */
	if (separator == ' ' && before == ' ' && pos > 4 && bh_is_digit(v->at[pos - 2]) &&
	    bh_is_digit(v->at[pos - 3]) && v->at[pos - 4] >= 'A' && v->at[pos - 4] <= 'Z' &&
	    v->at[pos - 5] >= 'A' && v->at[pos - 5] <= 'Z')
		return true;
	/* a further group of four in the same manner */
	if (separator != 0 && before == separator && pos > 4 && bh_is_digit(v->at[pos - 2]) &&
	    bh_is_digit(v->at[pos - 3]) && bh_is_digit(v->at[pos - 4]) &&
	    bh_is_digit(v->at[pos - 5]))
		return true;
	return false;
}

size_t
bh_dlp_card(const struct bh_view *v, size_t pos)
{
	uint8_t digit[CARD_MAX], group[CARD_MAX], separator = 0;
	unsigned n = 0, groups = 0;
	size_t i = pos, best = 0;

	while (i < v->len && n <= CARD_MAX) {
		size_t start = i;

		for (; i < v->len && bh_is_digit(v->at[i]); i++) {
			if (n == CARD_MAX)
				return best;
			digit[n++] = v->at[i] - '0';
		}
		if (i == start || groups == 6)
			break;
		group[groups++] = (uint8_t)(i - start);
		if (n >= 12 && printed(group, groups) && issued(digit, n) && luhn(digit, n) &&
		    !is_part(v, pos, i, separator) && !(groups == 1 && is_article(digit, n))) {
			bool more = i + 4 < v->len && v->at[i] == separator && separator != 0 &&
				    bh_is_digit(v->at[i + 1]) && bh_is_digit(v->at[i + 2]) &&
				    bh_is_digit(v->at[i + 3]) && bh_is_digit(v->at[i + 4]) &&
				    (i + 5 >= v->len || !bh_is_digit(v->at[i + 5]));

			/* fewer than 16 and a short group: a longer number whose beginning fits by chance */
			more = more || (n < 16 && n % 4 == 0 && separator != 0 && i + 1 < v->len &&
					v->at[i] == separator && bh_is_digit(v->at[i + 1]));
			best = more ? best : i - pos;
		}
		if (i >= v->len || !is_separator(v->at[i]) ||
		    (separator != 0 && v->at[i] != separator))
			break;
		separator = v->at[i++];
	}
	return best;
}

/* ISO/IEC 7813: YYMM, and a service code whose first digit is one of six; what the issuer adds behind it is not asked for. */
static bool
is_expiry(const struct bh_view *v, size_t i)
{
	enum { LEN = 7 };
	unsigned month;
	size_t k;

	if (i + LEN > v->len)
		return false;
	for (k = 0; k < LEN; k++)
		if (!bh_is_digit(v->at[i + k]))
			return false;
	month = (v->at[i + 2] - '0') * 10u + (v->at[i + 3] - '0');
	return month >= 1 && month <= 12 && memchr("125679", v->at[i + 4], 6) != NULL;
}

/* Track 2: number=expiry. Track 1: number^NAME^expiry. Readers and logs leave the sentinels away. */
bool
bh_dlp_track(const struct bh_view *v, size_t end)
{
	enum { NAME_MAX_LEN = 26 };
	size_t i = end + 1;

	if (end >= v->len)
		return false;
	if (v->at[end] == '=')
		return is_expiry(v, i);
	if (v->at[end] != '^')
		return false;
	while (i < v->len && i - end <= NAME_MAX_LEN && v->at[i] != '^' && v->at[i] >= ' ')
		i++;
	return i > end + 2 && i < v->len && v->at[i] == '^' && is_expiry(v, i + 1);
}
