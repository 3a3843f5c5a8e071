/* Names and dates of a certificate: X.690 DER, RFC 5280 4.1. Nothing is verified: this is for records. */
#include "ber.h"
#include "der.h"

enum {
	TAG_INTEGER = 0x02,
	TAG_OID = 0x06,
	TAG_UTC = 0x17,
	TAG_TIME = 0x18,
	TAG_SEQUENCE = 0x30,
	TAG_SET = 0x31
};
#define TAG_VERSION 0xa0

/* What is inside the next element, as far as it is here. */
static bool
open_part(struct bh_cur *c, uint8_t tag, struct bh_cur *inside)
{
	uint32_t len;

	if (!bh_ber_expect(c, tag, &len))
		return false;
	*inside = bh_cur(c->p, len < bh_cur_left(c) ? len : bh_cur_left(c));
	return true;
}

static bool
open_whole(struct bh_cur *c, uint8_t tag, struct bh_cur *inside)
{
	uint32_t len;
	const uint8_t *p;

	if (!bh_ber_expect(c, tag, &len))
		return false;
	p = bh_cur_take(c, len);
	if (p == NULL)
		return false;
	*inside = bh_cur(p, len);
	return true;
}

static bool
skip(struct bh_cur *c)
{
	uint32_t len;
	uint8_t tag;

	return bh_ber_head(c, &tag, &len) && bh_cur_take(c, len) != NULL;
}

static void
put(struct bh_der_name *n, const void *p, size_t len)
{
	size_t room = sizeof(n->text) - n->len;

	len = len < room ? len : room;
	memcpy(n->text + n->len, p, len);
	n->len = (uint16_t)(n->len + len);
}

/* id-at (2.5.4.n) and e-mail; what has no short name is left out. */
static const char *
short_name(struct bh_cur oid)
{
	static const struct {
		uint8_t last;
		const char *name;
	} known[] = {{3, "CN"}, {6, "C"},   {7, "L"},           {8, "ST"},
		     {10, "O"}, {11, "OU"}, {5, "serialNumber"}};
	const uint8_t *p = oid.p;
	size_t i;

	for (i = 0; bh_cur_left(&oid) == 3 && i < BH_ARRAY_SIZE(known); i++) {
		if (p[0] == 0x55 && p[1] == 0x04 && p[2] == known[i].last)
			return known[i].name;
	}
	return NULL;
}

static void
put_value(struct bh_der_name *n, const char *key, const uint8_t *p, uint32_t len)
{
	uint32_t i;

	if (n->len != 0)
		put(n, ", ", 2);
	put(n, key, strlen(key));
	put(n, "=", 1);
	for (i = 0; i < len; i++)
		put(n, p[i] >= ' ' && p[i] != 0x7f ? (const char *)p + i : "?", 1);
}

static bool
name(struct bh_cur *c, struct bh_der_name *n)
{
	struct bh_cur rdns, set, pair, oid;

	n->len = 0;
	if (!open_whole(c, TAG_SEQUENCE, &rdns))
		return false;
	while (bh_cur_left(&rdns) != 0) {
		if (!open_whole(&rdns, TAG_SET, &set))
			return false;
		while (bh_cur_left(&set) != 0) {
			const uint8_t *p;
			uint32_t len;
			uint8_t tag;

			if (!open_whole(&set, TAG_SEQUENCE, &pair) ||
			    !open_whole(&pair, TAG_OID, &oid) || !bh_ber_head(&pair, &tag, &len))
				return false;
			p = bh_cur_take(&pair, len);
			if (p == NULL)
				return false;
			if (short_name(oid) != NULL)
				put_value(n, short_name(oid), p, len);
		}
	}
	return true;
}

/* UTCTime YYMMDDHHMMSSZ (50 to 99: 19xx), GeneralizedTime YYYYMMDDHHMMSSZ (RFC 5280 4.1.2.5). */
static bool
date(struct bh_cur *c, char *out)
{
	static const char separator[] = "--T::";
	uint32_t len, i, at = 0;
	const uint8_t *p;
	uint8_t tag;

	if (!bh_ber_head(c, &tag, &len) || (p = bh_cur_take(c, len)) == NULL)
		return false;
	if (len != (tag == TAG_UTC ? 13u : 15u) || (tag != TAG_UTC && tag != TAG_TIME))
		return false;
	for (i = 0; i + 1 < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
	}
	if (tag == TAG_UTC) {
		memcpy(out, p[0] >= '5' ? "19" : "20", 2);
		at = 2;
	}
	for (i = 0; i + 1 < len; i++) {
		out[at++] = (char)p[i];
		if (at == 4 || at == 7 || at == 10 || at == 13 || at == 16) {
			out[at] = separator[at / 3 - 1];
			at++;
		}
	}
	out[at] = '\0';
	return at == 19;
}

/* An INTEGER's bytes as they are; one of 20 may have a 0 before them. */
static bool
serial(struct bh_cur *c, char *out)
{
	static const char hex[] = "0123456789ABCDEF";
	struct bh_cur in;
	uint8_t byte;

	out[0] = '\0';
	if (!open_whole(c, TAG_INTEGER, &in))
		return false;
	if (bh_cur_left(&in) > BH_DER_SERIAL / 3)
		return true;
	while (bh_cur_u8(&in, &byte)) {
		*out++ = hex[byte >> 4];
		*out++ = hex[byte & 15];
		*out++ = bh_cur_left(&in) > 0 ? ':' : '\0';
	}
	return true;
}

bool
bh_der_certificate(const uint8_t *p, size_t len, const struct bh_der_certificate *out)
{
	struct bh_cur c = bh_cur(p, len), tbs, validity;
	char not_before[20];

	out->not_after[0] = '\0';
	if (!open_part(&c, TAG_SEQUENCE, &c) || !open_part(&c, TAG_SEQUENCE, &tbs))
		return false;
	/* version (absent in v1), serial number, signature */
	if (bh_cur_left(&tbs) != 0 && tbs.p[0] == TAG_VERSION && !skip(&tbs))
		return false;
	if (!serial(&tbs, out->serial) || !skip(&tbs) || !name(&tbs, out->issuer) ||
	    !open_whole(&tbs, TAG_SEQUENCE, &validity) || !name(&tbs, out->subject))
		return false;
	if (!date(&validity, not_before) || !date(&validity, out->not_after))
		out->not_after[0] = '\0';
	return true;
}
