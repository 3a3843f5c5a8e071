/* Identity, bank and telephone numbers, addresses, passports. */
#include "dlp_number.h"

/* The text at pos against a pattern: 9 a digit, A a letter (upper case), * either, anything else itself. */
static bool
shaped(const struct bh_view *v, size_t pos, const char *shape)
{
	size_t i;

	for (i = 0; shape[i] != '\0'; i++) {
		uint8_t c;

		if (pos + i >= v->len)
			return false;
		c = v->at[pos + i];
		if (shape[i] == '9'   ? !bh_is_digit(c)
		    : shape[i] == 'A' ? !(c >= 'A' && c <= 'Z')
		    : shape[i] == '*' ? !(bh_is_digit(c) || (c >= 'A' && c <= 'Z'))
				      : c != (uint8_t)shape[i])
			return false;
	}
	return true;
}

/* Nothing that goes on with it on either side. */
static bool
alone(const struct bh_view *v, size_t pos, size_t len)
{
	uint8_t before = pos > 0 ? v->at[pos - 1] : ' ',
		after = pos + len < v->len ? v->at[pos + len] : ' ';

	if (bh_is_alnum(before) || before == '_' || bh_is_alnum(after) || after == '_')
		return false;
	if ((before == '-' || before == '.' || before == '/') && pos > 1 &&
	    bh_is_alnum(v->at[pos - 2]))
		return false;
	return !((after == '-' || after == '/' || after == '.') && pos + len + 1 < v->len &&
		 bh_is_alnum(v->at[pos + len + 1]));
}

static unsigned
number(const struct bh_view *v, size_t pos, unsigned n)
{
	unsigned value = 0;

	while (n-- > 0)
		value = value * 10 + (unsigned)(v->at[pos++] - '0');
	return value;
}

/* Never issued: area 000, 666, 900-999, group 00, serial 0000 (SSA, since 2011). */
size_t
bh_dlp_ssn(const struct bh_view *v, size_t pos)
{
	unsigned area;

	if (!shaped(v, pos, "999-99-9999") || !alone(v, pos, 11))
		return 0;
	area = number(v, pos, 3);
	if (area == 0 || area == 666 || area >= 900 || number(v, pos + 4, 2) == 0 ||
	    number(v, pos + 7, 4) == 0)
		return 0;
	return 11;
}

/* North American numbers (NANP: area and exchange begin with 2-9), and international ones behind a plus. */
size_t
bh_dlp_phone(const struct bh_view *v, size_t pos)
{
	static const char *const shapes[] = {"(999) 999-9999", "(999)999-9999", "999-999-9999",
					     "999.999.9999",   "999 999 9999",  "999 999-9999"};
	unsigned i, digits = 0;
	size_t start = pos, k;

	if (shaped(v, pos, "+1 ") || shaped(v, pos, "+1-") || shaped(v, pos, "+1."))
		start = pos + 3;
	for (i = 0; i < BH_ARRAY_SIZE(shapes); i++) {
		size_t n = strlen(shapes[i]), area = start + (shapes[i][0] == '(');

		if (!shaped(v, start, shapes[i]) || v->at[area] < '2')
			continue;
		if (v->at[start + n - 8] < '2' ||
		    (pos > 0 && shapes[i][0] != '(' && !alone(v, start, n)) ||
		    (start + n < v->len && bh_is_alnum(v->at[start + n])))
			continue;
		return start + n - pos;
	}
	if (v->at[pos] != '+' || (pos > 0 && bh_is_alnum(v->at[pos - 1])))
		return 0;
	for (k = pos + 1; k < v->len && k < pos + 22; k++) {
		if (bh_is_digit(v->at[k]))
			digits++;
		else if ((v->at[k] != ' ' && v->at[k] != '-' && v->at[k] != '(' &&
			  v->at[k] != ')') ||
			 !(k + 1 < v->len && (bh_is_digit(v->at[k + 1]) || v->at[k + 1] == '(')))
			break;
	}
	return digits >= 10 && digits <= 15 && v->at[pos + 1] != '0' ? k - pos : 0;
}

/* ISO 13616: country, two check digits, as many characters as the country has; mod 97 is 1. */
size_t
bh_dlp_iban(const struct bh_view *v, size_t pos)
{
	static const char lengths[] = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24"
				      "DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22GE22"
				      "GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28"
				      "LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27"
				      "MT31MU30NL18NO15PK24PL28PS29PT25QA29RO24RS22SA24SC31SE24SI19"
				      "SK24SM27ST25SV28TL23TN24TR26UA29VA22VG24XK20";
	uint8_t text[34];
	unsigned want = 0, n = 0, rest = 0, i;
	size_t k;

	if (!shaped(v, pos, "AA99") || (pos > 0 && bh_is_alnum(v->at[pos - 1])))
		return 0;
	for (i = 0; i + 3 < sizeof(lengths); i += 4)
		if ((uint8_t)lengths[i] == v->at[pos] && (uint8_t)lengths[i + 1] == v->at[pos + 1])
			want = (unsigned)(lengths[i + 2] - '0') * 10 +
			       (unsigned)(lengths[i + 3] - '0');
	if (want == 0)
		return 0;
	for (k = pos; k < v->len && n < want; k++) {
		uint8_t c = v->at[k];

		if (bh_is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z' && n > 3))
			text[n++] = c & (bh_is_alpha(c) ? 0xdf : 0xff);
		else if ((c != ' ' && c != '-') || n % 4 != 0)
			return 0;
	}
	if (n < want || (k < v->len && bh_is_alnum(v->at[k])))
		return 0;
	for (i = 0; i < n; i++) {
		uint8_t c = text[(i + 4) % n];

		rest = bh_is_digit(c) ? (rest * 10 + c - '0') % 97
				      : (rest * 100 + c - 'A' + 10) % 97;
	}
	return rest == 1 ? k - pos : 0;
}

/* ---- national numbers --------------------------------------------------------------------------- */

/* Spain: number modulo 23 gives the letter; X, Y, Z of foreigners stand for 0, 1, 2. */
static bool
spain(const struct bh_view *v, size_t pos)
{
	static const char letters[] = "TRWAGMYFPDXBNJZSQVHLCKE";
	unsigned n;

	if (shaped(v, pos, "99999999A"))
		n = number(v, pos, 8);
	else if (shaped(v, pos, "A9999999A") && v->at[pos] >= 'X')
		n = number(v, pos + 1, 7) + (unsigned)(v->at[pos] - 'X') * 10000000u;
	else
		return false;
	return letters[n % 23] == (char)v->at[pos + 8];
}

/* Italy, codice fiscale: odd characters by a table, even ones by value, modulo 26. */
static bool
italy(const struct bh_view *v, size_t pos)
{
	static const uint8_t odd[] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
				      20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
	unsigned sum = 0, i;

	if (!shaped(v, pos, "AAAAAA99A99A999A"))
		return false;
	for (i = 0; i < 15; i++) {
		uint8_t c = v->at[pos + i];
		unsigned value = bh_is_digit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'A');

		sum += i % 2 == 0 ? odd[value] : value;
	}
	return 'A' + sum % 26 == v->at[pos + 15];
}

/* Brazil, CPF: two digits modulo 11, weights falling to 2. */
static bool
brazil(const struct bh_view *v, size_t pos)
{
	uint8_t d[11];
	unsigned n = 0, i, k;

	if (!shaped(v, pos, "999.999.999-99"))
		return false;
	for (i = 0; i < 14; i++)
		if (bh_is_digit(v->at[pos + i]))
			d[n++] = v->at[pos + i] - '0';
	for (k = 9; k < 11; k++) {
		unsigned sum = 0;

		for (i = 0; i < k; i++)
			sum += d[i] * (k + 1 - i);
		if (d[k] != (sum * 10 % 11) % 10)
			return false;
	}
	return d[0] != d[1] || d[1] != d[2] || d[2] != d[3];
}

/* France, NIR: 13 digits and 97 minus their remainder, in the groups it is printed with. */
static bool
france(const struct bh_view *v, size_t pos)
{
	static const uint8_t groups[] = {1, 2, 2, 2, 3, 3};
	uint64_t n = 0;
	unsigned g;
	size_t i = pos;

	if (!shaped(v, pos, "9 99 99 99 999 999 99") || (v->at[pos] != '1' && v->at[pos] != '2'))
		return false;
	for (g = 0; g < BH_ARRAY_SIZE(groups); i += groups[g++] + 1) {
		unsigned k, scale = 1;

		for (k = 0; k < groups[g]; k++)
			scale *= 10;
		n = n * scale + number(v, i, groups[g]);
	}
	return 97 - n % 97 == number(v, i, 2);
}

/* United Kingdom: letters that are never used, and the suffix A to D. */
static bool
britain(const struct bh_view *v, size_t pos, size_t *len)
{
	bool spaced = shaped(v, pos, "AA 99 99 99 A");

	*len = spaced ? 13 : 9;
	if (!spaced && !shaped(v, pos, "AA999999A"))
		return false;
	return strchr("DFIQUV", v->at[pos]) == NULL && strchr("DFIQUVO", v->at[pos + 1]) == NULL &&
	       v->at[pos + *len - 1] <= 'D';
}

/* Canada: Luhn over nine digits. */
static bool
canada(const struct bh_view *v, size_t pos)
{
	unsigned sum = 0, i, n = 0;

	if (!shaped(v, pos, "999 999 999") || v->at[pos] == '0' || v->at[pos] == '8')
		return false;
	for (i = 0; i < 11; i++) {
		unsigned d;

		if (!bh_is_digit(v->at[pos + i]))
			continue;
		d = (unsigned)(v->at[pos + i] - '0') * (n++ % 2 + 1);
		sum += d > 9 ? d - 9 : d;
	}
	return sum % 10 == 0;
}

size_t
bh_dlp_national(const struct bh_view *v, size_t pos)
{
	size_t len = 0;

	if (spain(v, pos))
		len = 9;
	else if (italy(v, pos))
		len = 16;
	else if (brazil(v, pos))
		len = 14;
	else if (france(v, pos))
		len = 21;
	else if (canada(v, pos))
		len = 11;
	else if (!britain(v, pos, &len))
		return 0;
	return alone(v, pos, len) ? len : 0;
}

/* ICAO 9303: the second line of a passport, each field with its check digit (weights 7, 3, 1). */
size_t
bh_dlp_passport(const struct bh_view *v, size_t pos)
{
	static const uint8_t weights[] = {7, 3, 1};
	static const struct {
		uint8_t at, len;
	} fields[] = {{0, 9}, {13, 6}, {21, 6}};
	unsigned f, i;

	if (pos + 44 > v->len || !shaped(v, pos + 9, "9") || !shaped(v, pos + 13, "9999999") ||
	    !shaped(v, pos + 21, "9999999"))
		return 0;
	if (v->at[pos + 20] != 'M' && v->at[pos + 20] != 'F' && v->at[pos + 20] != '<')
		return 0;
	for (f = 0; f < BH_ARRAY_SIZE(fields); f++) {
		unsigned sum = 0;

		for (i = 0; i < fields[f].len; i++) {
			uint8_t c = v->at[pos + fields[f].at + i];

			if (c != '<' && !bh_is_digit(c) && !(c >= 'A' && c <= 'Z'))
				return 0;
			sum += (c == '<'         ? 0u
				: bh_is_digit(c) ? (unsigned)(c - '0')
						 : (unsigned)(c - 'A' + 10)) *
			       weights[i % 3];
		}
		if ('0' + sum % 10 != v->at[pos + fields[f].at + fields[f].len])
			return 0;
	}
	return 44;
}

static inline bool
is_local(uint8_t c)
{
	return bh_is_alnum(c) || c == '.' || c == '_' || c == '-' || c == '+' || c == '%';
}

/* name@label.label.tld, the last one of letters. */
size_t
bh_dlp_email(const struct bh_view *v, size_t at)
{
	size_t start = at, end = at + 1, dot = 0;

	while (start > 0 && is_local(v->at[start - 1]) && at - start < 64)
		start--;
	while (start < at && !bh_is_alnum(v->at[start]))
		start++;
	while (end < v->len &&
	       (bh_is_alnum(v->at[end]) || v->at[end] == '-' || v->at[end] == '.')) {
		if (v->at[end] == '.')
			dot = end;
		end++;
	}
	while (end > at + 1 && !bh_is_alnum(v->at[end - 1]))
		end--;
	if (dot >= end)
		for (dot = end; dot > at && v->at[dot - 1] != '.'; dot--)
			;
	else
		dot++;
	if (start == at || dot <= at + 2 || end < dot + 2 || end - dot > 24 ||
	    !bh_is_alpha(v->at[end - 1]))
		return 0;
	/* //user@host, //user:secret@host: an address of a site */
	if (start > 0 && (v->at[start - 1] == '/' || v->at[start - 1] == ':') && start > 2 &&
	    memmem(v->at + (start > 16 ? start - 16 : 0), start > 16 ? 16 : start, "//", 2) != NULL)
		return 0;
	return end - start;
}
