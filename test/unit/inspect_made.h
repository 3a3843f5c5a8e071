/* Sensitive data of every kind, and what only looks like it, made from a seed that is set first. */
#ifndef BH_INSPECT_MADE_H
#define BH_INSPECT_MADE_H

#include <stdio.h>
#include <string.h>

#include "inspect_rig.h"

static uint64_t seed;

static uint32_t
draw(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

static void
digits(char *out, unsigned n)
{
	while (n-- > 0)
		*out++ = (char)('0' + draw(10));
	*out = '\0';
}

static void
letters(char *out, unsigned n, const char *set)
{
	while (n-- > 0)
		*out++ = set[draw((uint32_t)strlen(set))];
	*out = '\0';
}

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALNUM UPPER "abcdefghijklmnopqrstuvwxyz0123456789"

/* ---- what is to be found ----------------------------------------------------------------------------- */

static unsigned
luhn(const char *text, unsigned n)
{
	unsigned sum = 0, i;

	for (i = 0; i < n; i++) {
		unsigned d = (unsigned)(text[n - 1 - i] - '0') * (i % 2 == 0 ? 2 : 1);

		sum += d > 9 ? d - 9 : d;
	}
	return (10 - sum % 10) % 10;
}

/* right: with its check digit. Groups as printed, or none. */
static void
card_number(char *out, bool right)
{
	static const struct {
		const char *prefix;
		uint8_t len;
	} issuers[] = {{"4", 16},    {"4", 13},    {"4", 19},    {"51", 16},   {"55", 16},
		       {"2221", 16}, {"2720", 16}, {"34", 15},   {"37", 15},   {"36", 14},
		       {"3000", 14}, {"6011", 16}, {"65", 16},   {"3530", 16}, {"62", 16},
		       {"62", 19},   {"2200", 16}, {"6304", 16}, {"6759", 13}, {"9792", 16}};
	char d[24];
	unsigned k = draw(BH_ARRAY_SIZE(issuers)), n = issuers[k].len, i, group = 0;
	unsigned how = draw(3);
	char separator = how == 0 ? '\0' : how == 1 ? ' ' : '-';

	digits(d, n);
	memcpy(d, issuers[k].prefix, strlen(issuers[k].prefix));
	d[n - 1] = (char)('0' + (luhn(d, n - 1) + (right ? 0 : 1 + draw(9))) % 10);
	for (i = 0; i < n; i++) {
		bool wide = n < 16 && n > 13;

		if (i > 0 && separator != '\0' &&
		    (wide ? i == 4 || i == 10 : i % 4 == 0 && (n != 13 || i < 13)))
			out[group++] = separator;
		out[group++] = d[i];
	}
	out[group] = '\0';
}

static void
card(char *out)
{
	card_number(out, true);
}

static void
ssn(char *out)
{
	unsigned area = 1 + draw(898);

	sprintf(out, "%03u-%02u-%04u", area == 666 ? 667 : area, 1 + draw(99), 1 + draw(9999));
}

static void
iban_number(char *out, unsigned wrong)
{
	static const struct {
		char country[3];
		uint8_t len;
	} list[] = {{"DE", 22}, {"NL", 18}, {"ES", 24}, {"AT", 20}, {"PL", 28}, {"CH", 21}};
	unsigned k = draw(BH_ARRAY_SIZE(list)), rest = 0, i, n = 0;
	bool spaced = draw(2) != 0;
	char body[40], all[48];

	digits(body, list[k].len - 4u);
	if (k == 1)
		letters(body, 4, UPPER), digits(body + 4, 10);
	sprintf(all, "%s%s00", body, list[k].country);
	for (i = 0; all[i] != '\0'; i++)
		rest = all[i] <= '9' ? (rest * 10 + (unsigned)(all[i] - '0')) % 97
				     : (rest * 100 + (unsigned)(all[i] - 'A') + 10) % 97;
	rest = 98 - rest;
	rest = wrong != 0 ? 2 + (rest + wrong - 2) % 96 : rest;
	sprintf(all, "%s%02u%s", list[k].country, rest, body);
	for (i = 0; all[i] != '\0'; i++) {
		if (spaced && i > 0 && i % 4 == 0)
			out[n++] = ' ';
		out[n++] = all[i];
	}
	out[n] = '\0';
}

static void
iban(char *out)
{
	iban_number(out, 0);
}

static void
email(char *out)
{
	char user[12], host[12];

	letters(user, 3 + draw(6), "abcdefghijklmnopqrstuvwxyz");
	letters(host, 3 + draw(6), "abcdefghijklmnopqrstuvwxyz");
	sprintf(out, "%s.%u@%s.%s", user, draw(90), host, draw(2) ? "com" : "co.uk");
}

static void
phone(char *out)
{
	unsigned a = 200 + draw(800), b = 200 + draw(800), c = draw(10000);

	switch (draw(4)) {
	case 0:
		sprintf(out, "(%03u) %03u-%04u", a, b, c);
		break;
	case 1:
		sprintf(out, "%03u-%03u-%04u", a, b, c);
		break;
	case 2:
		sprintf(out, "+1 %03u-%03u-%04u", a, b, c);
		break;
	default:
		sprintf(out, "+49 30 %07u", 1000000 + draw(8999999));
		break;
	}
}

static void
national(char *out)
{
	static const char dni[] = "TRWAGMYFPDXBNJZSQVHLCKE";
	unsigned d[11], i, k, sum, n;

	if (draw(2) == 0) {
		n = draw(100000000);
		sprintf(out, "%08u%c", n, dni[n % 23]);
		return;
	}
	for (i = 0; i < 9; i++)
		d[i] = draw(10);
	d[0] = d[1] + 1 > 9 ? 0 : d[1] + 1;
	for (k = 9; k < 11; k++) {
		for (sum = 0, i = 0; i < k; i++)
			sum += d[i] * (k + 1 - i);
		d[k] = sum * 10 % 11 % 10;
	}
	sprintf(out, "%u%u%u.%u%u%u.%u%u%u-%u%u", d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7],
		d[8], d[9], d[10]);
}

static char
icao(const char *text, unsigned n)
{
	static const unsigned weights[] = {7, 3, 1};
	unsigned sum = 0, i;

	for (i = 0; i < n; i++)
		sum += weights[i % 3] * (text[i] == '<'   ? 0u
					 : text[i] <= '9' ? (unsigned)(text[i] - '0')
							  : (unsigned)(text[i] - 'A' + 10));
	return (char)('0' + sum % 10);
}

static void
passport(char *out)
{
	char number[12], born[8], ends[8];

	letters(number, 9, UPPER "0123456789");
	number[0] = 'C';
	sprintf(born, "%02u%02u%02u", draw(100), 1 + draw(12), 1 + draw(28));
	sprintf(ends, "%02u%02u%02u", 26 + draw(9), 1 + draw(12), 1 + draw(28));
	sprintf(out, "%s%cUTO%s%cF%s%c<<<<<<<<<<<<<<<%u", number, icao(number, 9), born,
		icao(born, 6), ends, icao(ends, 6), draw(10));
}

static void
key(char *out)
{
	static const char *const before[] = {"AKIA", "ghp_", "xoxb-", "sk_live_", "AIza", "glpat-"};
	static const uint8_t len[] = {16, 36, 24, 24, 35, 20};
	unsigned k = draw(BH_ARRAY_SIZE(before));
	char rest[64];

	letters(rest, len[k], k == 0 ? UPPER "0123456789" : ALNUM);
	sprintf(out, "%s%s", before[k], rest);
}

static void
jwt(char *out)
{
	char a[40], b[60], c[60];

	letters(a, 20, ALNUM);
	letters(b, 40, ALNUM);
	letters(c, 43, ALNUM);
	sprintf(out, "eyJ%s.eyJ%s.%s", a, b, c);
}

static void
private_key(char *out)
{
	char rest[48];

	letters(rest, 40, ALNUM);
	sprintf(out, "-----BEGIN %sPRIVATE KEY----- %s", draw(2) ? "RSA " : "", rest);
}

static void
password(char *out)
{
	char rest[20];

	letters(rest, 8 + draw(6), ALNUM);
	sprintf(out, "password = '%s'", rest);
}

/* A magnetic stripe's track 1 or 2, as cards hold it or as logs cut it. */
static void
track(char *out)
{
	char number[32], rest[12], name[12];
	unsigned month = 1 + draw(12), year = 26 + draw(9), form = draw(4);

	do
		card_number(number, true);
	while (strpbrk(number, " -") != NULL);
	digits(rest, 5 + draw(5));
	letters(name, 4 + draw(6), UPPER);
	if (form < 2)
		sprintf(out, form == 0 ? "%%B%s^%s/J^%02u%02u101%s?" : "%s^%s/J^%02u%02u101%s",
			number, name, year, month, rest);
	else
		sprintf(out, form == 2 ? ";%s=%02u%02u201%s?" : "%s=%02u%02u201%s", number, year,
			month, rest);
}

static const struct kind {
	uint8_t class;
	void (*make)(char *out);
	uint64_t also; /* found in it, and rightly */
} kinds[] = {
	{BH_INSPECT_DLP_CARD, card, 0},
	{BH_INSPECT_DLP_TRACK, track, BH_INSPECT_BIT(BH_INSPECT_DLP_CARD)},
	{BH_INSPECT_DLP_SSN, ssn, 0},
	{BH_INSPECT_DLP_IBAN, iban, 0},
	{BH_INSPECT_DLP_EMAIL, email, 0},
	{BH_INSPECT_DLP_PHONE, phone, 0},
	{BH_INSPECT_DLP_NATIONAL, national, 0},
	{BH_INSPECT_DLP_PASSPORT, passport, 0},
	{BH_INSPECT_DLP_KEY, key, 0},
	{BH_INSPECT_DLP_JWT, jwt, 0},
	{BH_INSPECT_DLP_PRIVATE, private_key, 0},
	{BH_INSPECT_DLP_PASSWORD, password, 0},
};

/* ---- what only looks like it ---------------------------------------------------------------------------- */

static void
miss_card(char *out)
{
	card_number(out, false);
}

static void
miss_run(char *out)
{
	char all[32];

	card_number(all, true);
	digits(out, 4 + draw(6));
	while (strpbrk(all, " -") != NULL)
		card_number(all, true);
	strcat(out, all);
}

static void
miss_order(char *out)
{
	char d[16];

	digits(d, 9);
	sprintf(out, "ORD-2026-%s", d);
}

static void
miss_time(char *out)
{
	sprintf(out, "%llu", 1700000000000000ull + (unsigned long long)draw(1u << 30) * 60000);
}

/* Serial numbers of telephones and of their cards: with the same check digit, of other issuers. */
static void
miss_imei(char *out)
{
	static const char *const type[] = {"35", "86", "01", "99", "8949"};
	unsigned k = draw(BH_ARRAY_SIZE(type)), n = k == 4 ? 19 : 15;

	digits(out, n);
	memcpy(out, type[k], strlen(type[k]));
	out[n - 1] = (char)('0' + luhn(out, n - 1));
}

/* Of articles, as shops have them: German ones begin as cards do. */
static void
miss_article(char *out)
{
	unsigned sum = 0, i;

	digits(out, 13);
	memcpy(out, draw(2) ? "400" : "978", 3);
	for (i = 0; i < 12; i++)
		sum += (unsigned)(out[i] - '0') * (i % 2 == 0 ? 1u : 3u);
	out[12] = (char)('0' + (10 - sum % 10) % 10);
}

static void
miss_uuid(char *out)
{
	char h[5][16];

	letters(h[0], 8, "0123456789abcdef");
	letters(h[1], 4, "0123456789abcdef");
	letters(h[2], 3, "0123456789abcdef");
	letters(h[3], 3, "0123456789abcdef");
	letters(h[4], 12, "0123456789abcdef");
	sprintf(out, "%s-%s-4%s-a%s-%s", h[0], h[1], h[2], h[3], h[4]);
}

static void
miss_ssn(char *out)
{
	sprintf(out, "%03u-%02u-%04u", draw(2) ? 666 : 900 + draw(100), 1 + draw(99), draw(10000));
}

static void
miss_iban(char *out)
{
	iban_number(out, 1 + draw(90));
}

static void
miss_dni(char *out)
{
	static const char dni[] = "TRWAGMYFPDXBNJZSQVHLCKE";
	unsigned n = draw(100000000);

	sprintf(out, "%08u%c", n, dni[(n + 1 + draw(22)) % 23]);
}

static void
miss_fraction(char *out)
{
	char d[24];

	card_number(d, true);
	while (strpbrk(d, " -") != NULL)
		card_number(d, true);
	sprintf(out, "%u.%s", draw(9), d);
}

/* A number, and what no stripe has behind it. */
static void
miss_track(char *out)
{
	char number[24];

	digits(number, 16);
	number[0] = '8';
	sprintf(out, "%s=%02u%02u%03u%05u", number, 26 + draw(9), 13 + draw(80), draw(1000),
		draw(100000));
}

static void
miss_hash(char *out)
{
	letters(out, 64, "0123456789abcdef");
}

static void
miss_place(char *out)
{
	sprintf(out, "2026-%02u-%02uT%02u:%02u:%02u.%06uZ 10.%u.%u.%u:%u", 1 + draw(12),
		1 + draw(28), draw(24), draw(60), draw(60), draw(1000000), draw(256), draw(256),
		draw(256), 1024 + draw(60000));
}

static void
miss_at(char *out)
{
	char name[12];

	letters(name, 8, "abcdefghijklmnopqrstuvwxyz");
	sprintf(out, draw(2) ? "@%s(value=1)" : "%s@localhost", name);
}

static void (*const misses[])(char *out) = {
	miss_card,  miss_run,  miss_order, miss_time,     miss_uuid,
	miss_ssn,   miss_iban, miss_dni,   miss_fraction, miss_hash,
	miss_place, miss_at,   miss_imei,  miss_article,  miss_track,
};

#endif
