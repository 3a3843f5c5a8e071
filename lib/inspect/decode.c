/* Readings of a value: what a receiver makes of it before use. All bounded by the input: no decoder grows. */
#include "inspect_priv.h"

/* %uFF0E and the like: characters that servers are known to fold into ASCII when they narrow a path or a query
 * (best fit of Windows code pages, Unicode compatibility forms). 0: none. */
static uint8_t
fold(uint32_t cp)
{
	if (cp >= 0xff01 && cp <= 0xff5e) /* full-width forms */
		return (uint8_t)(cp - 0xff01 + 0x21);
	switch (cp) {
	case 0x2215:
	case 0x2044:
	case 0x2571:
	case 0x29f8:
	case 0xefc9:
		return '/';
	case 0x2216:
	case 0x29f5:
	case 0xefc8:
	case 0xf025:
	case 0xfe68:
		return '\\';
	case 0x2024:
	case 0xfe52:
	case 0x3002:
	case 0xff61:
		return '.';
	case 0xfe64:
	case 0x3008:
	case 0x2039:
		return '<';
	case 0xfe65:
	case 0x3009:
	case 0x203a:
		return '>';
	case 0xa0:
	case 0x3000:
		return ' ';
	case 0x2b9:
	case 0x2bc:
		return '\'';
	}
	return cp < 0x80 ? (uint8_t)cp : 0;
}

/* cp as UTF-8, or folded into one byte; n >= 4 bytes are free. */
static size_t
put_cp(uint8_t *out, uint32_t cp)
{
	uint8_t c = fold(cp);

	if (c != 0 || cp == 0) {
		out[0] = c;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (uint8_t)(0xc0 | cp >> 6);
		out[1] = (uint8_t)(0x80 | (cp & 63));
		return 2;
	}
	out[0] = (uint8_t)(0xe0 | (cp >> 12 & 15));
	out[1] = (uint8_t)(0x80 | (cp >> 6 & 63));
	out[2] = (uint8_t)(0x80 | (cp & 63));
	return 3;
}

static int
hex_run(const struct bh_view *v, size_t pos, unsigned n)
{
	int cp = 0;
	unsigned i;

	if (v->len - pos < n)
		return -1;
	for (i = 0; i < n; i++) {
		int h = bh_hex(v->at[pos + i]);

		if (h < 0)
			return -1;
		cp = cp << 4 | h;
	}
	return cp;
}

/* A digit as decoders take it that subtract and never check: letters go on behind F. -1: neither digit nor letter. */
static int
sloppy_digit(uint8_t c)
{
	if (bh_is_digit(c))
		return c - '0';
	return bh_is_alpha(c) ? bh_lower(c) - 'a' + 10 : -1;
}

/* %c0%qf (%c0%af to such a decoder), and %2%f, what is left when %%32%%66 was decoded once. Length read, or 0. */
static size_t
sloppy(const struct bh_view *v, size_t pos, uint8_t *out)
{
	int hi, lo;

	if (v->len - pos >= 4 && v->at[pos + 2] == '%' && (hi = bh_hex(v->at[pos + 1])) >= 2 &&
	    hi < 8 && (lo = bh_hex(v->at[pos + 3])) >= 0) {
		*out = (uint8_t)(hi << 4 | lo);
		return strchr("./\\", *out) != NULL && *out != 0 ? 4 : 0;
	}
	if (v->len - pos < 3 || (hi = sloppy_digit(v->at[pos + 1])) < 8 ||
	    (lo = sloppy_digit(v->at[pos + 2])) < 0)
		return 0;
	*out = (uint8_t)(hi * 16 + lo);
	return *out == 0xc0 || *out == 0xc1 || *out == 0xaf || *out == 0x9c ? 3 : 0;
}

size_t
bh_decode_percent(uint8_t *out, size_t cap, const struct bh_view *in, bool plus, bool *changed)
{
	size_t i = 0, n = 0, run;
	int cp;

	*changed = false;
	while (i < in->len && n + 4 <= cap) {
		uint8_t c = in->at[i];

		if (c == '%' && i + 2 < in->len && (in->at[i + 1] | 0x20) == 'u' &&
		    (cp = hex_run(in, i + 2, 4)) >= 0) {
			n += put_cp(out + n, (uint32_t)cp);
			i += 6;
			*changed = true;
		} else if (c == '%' && (cp = hex_run(in, i + 1, 2)) >= 0) {
			out[n++] = (uint8_t)cp;
			i += 3;
			*changed = true;
		} else if (c == '%' && !plus && (run = sloppy(in, i, &out[n])) > 0) {
			n++;
			i += run;
			*changed = true;
		} else if (c == '+' && plus) {
			out[n++] = ' ';
			i++;
			*changed = true;
		} else {
			out[n++] = c;
			i++;
		}
	}
	return n;
}

/* Length of the sequence that a lead byte announces, as old decoders have it (up to six bytes, RFC 2279). */
static unsigned
sequence(uint8_t lead, uint32_t *bits)
{
	static const struct {
		uint8_t from, n;
	} lead_of[] = {{0xfc, 6}, {0xf8, 5}, {0xf0, 4}, {0xe0, 3}, {0xc0, 2}};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(lead_of); i++)
		if (lead >= lead_of[i].from) {
			*bits = lead & ((1u << (7 - lead_of[i].n)) - 1);
			return lead_of[i].n;
		}
	return 1;
}

/* What a sloppy decoder makes of the byte behind C0: the bits that a continuation byte carries, or its own. */
static uint8_t
overlong(uint8_t c)
{
	uint8_t low = c & 0x7f;

	if (low == '.' || low == '/' || low == '\\')
		return low;
	if ((c & 0x3f) == '.' || low == 0x5e || low == 0x7e)
		return '.';
	return (c & 0x3f) == '/' ? '/' : low;
}

/* Overlong forms become the character they stand for, look-alikes fold. A lead byte C0 or C1 can only be
 * overlong: its second byte counts even when it is no continuation byte, as sloppy decoders take it. */
size_t
bh_decode_utf8(uint8_t *out, size_t cap, const struct bh_view *in, bool *changed)
{
	size_t i = 0, n = 0;

	*changed = false;
	while (i < in->len && n + 4 <= cap) {
		uint32_t cp = 0;
		unsigned len = in->at[i] < 0xc0 ? 1 : sequence(in->at[i], &cp), k;

		if (len == 1 || i + len > in->len) {
			out[n++] = in->at[i++];
			continue;
		}
		for (k = 1; k < len && (in->at[i + k] & 0xc0) == 0x80; k++)
			cp = cp << 6 | (in->at[i + k] & 63);
		if (k < len && len == 2 && in->at[i] <= 0xc1) {
			out[n++] = overlong(in->at[i + 1]);
			i += 2;
			*changed = true;
		} else if (len == 2 && in->at[i] == 0xc1 && in->at[i + 1] == 0xaf) {
			out[n++] = '/';
			i += 2;
			*changed = true;
		} else if (k == len && fold(cp) != 0) {
			out[n++] = fold(cp);
			i += len;
			*changed = true;
		} else {
			out[n++] = in->at[i++];
		}
	}
	return n;
}

/* The few names of HTML that matter for what hides behind them. */
static const struct {
	const char *name;
	uint8_t c;
} entities[] = {
	{"lt", '<'},       {"gt", '>'},     {"amp", '&'},    {"quot", '"'},   {"apos", '\''},
	{"lpar", '('},     {"rpar", ')'},   {"colon", ':'},  {"semi", ';'},   {"tab", '\t'},
	{"newline", '\n'}, {"sol", '/'},    {"bsol", '\\'},  {"lcub", '{'},   {"rcub", '}'},
	{"lbrace", '{'},   {"rbrace", '}'}, {"equals", '='}, {"period", '.'}, {"comma", ','},
	{"dollar", '$'},   {"num", '#'},    {"grave", '`'},  {"lsqb", '['},   {"rsqb", ']'},
	{"lbrack", '['},   {"rbrack", ']'}, {"excl", '!'},   {"quest", '?'},  {"percnt", '%'},
	{"plus", '+'},     {"ast", '*'},    {"verbar", '|'}, {"vert", '|'},   {"lowbar", '_'},
	{"commat", '@'},   {"nbsp", ' '},   {"hat", '^'},
};

/* &#x6a; &#106; &colon; with or without the semicolon, which browsers forgive. Length of the text, or 0. */
static size_t
entity(const struct bh_view *v, size_t pos, uint32_t *cp)
{
	size_t i = pos + 1, start;
	unsigned k;

	*cp = 0;
	if (i < v->len && v->at[i] == '#') {
		bool hex = i + 1 < v->len && (v->at[i + 1] | 0x20) == 'x';

		start = i += hex ? 2 : 1;
		for (; i < v->len && i < start + 9; i++) {
			int h = bh_hex(v->at[i]);

			if (h < 0 || (!hex && h > 9))
				break;
			*cp = *cp * (hex ? 16 : 10) + (uint32_t)h;
		}
		if (i == start)
			return 0;
		return i + (i < v->len && v->at[i] == ';') - pos;
	}
	for (start = i; i < v->len && bh_is_alpha(v->at[i]) && i < start + 8; i++)
		;
	for (k = 0; k < BH_ARRAY_SIZE(entities); k++)
		if (bh_is(v, start, i - start, entities[k].name) && i < v->len && v->at[i] == ';') {
			*cp = entities[k].c;
			return i + 1 - pos;
		} else if (strlen(entities[k].name) > 5 && bh_at(v, start, entities[k].name)) {
			*cp = entities[k].c;
			return strlen(entities[k].name) + 1;
		}
	return 0;
}

/* \u0041 \x41 \u{41} \101 of JavaScript, and \41 of CSS. Length of the text, or 0. */
static size_t
escape(const struct bh_view *v, size_t pos, uint32_t *cp)
{
	size_t i = pos + 1;
	int n;

	if (i >= v->len)
		return 0;
	if ((v->at[i] | 0x20) == 'u' && (n = hex_run(v, i + 1, 4)) >= 0) {
		*cp = (uint32_t)n;
		return 6;
	}
	if (v->at[i] == 'u' && i + 1 < v->len && v->at[i + 1] == '{') {
		size_t k;

		*cp = 0;
		for (k = i + 2; k < v->len && k < i + 8 && bh_hex(v->at[k]) >= 0; k++)
			*cp = *cp << 4 | (uint32_t)bh_hex(v->at[k]);
		return k < v->len && v->at[k] == '}' ? k + 1 - pos : 0;
	}
	if ((v->at[i] | 0x20) == 'x' && (n = hex_run(v, i + 1, 2)) >= 0) {
		*cp = (uint32_t)n;
		return 4;
	}
	if (v->at[i] >= '0' && v->at[i] <= '3' && i + 2 < v->len && v->at[i + 1] >= '0' &&
	    v->at[i + 1] <= '7' && v->at[i + 2] >= '0' && v->at[i + 2] <= '7') {
		*cp = (uint32_t)((v->at[i] - '0') << 6 | (v->at[i + 1] - '0') << 3 |
				 (v->at[i + 2] - '0'));
		return 4;
	}
	return 0;
}

size_t
bh_decode_escapes(uint8_t *out, size_t cap, const struct bh_view *in, bool *changed)
{
	size_t i = 0, n = 0;

	*changed = false;
	while (i < in->len && n + 4 <= cap) {
		uint32_t cp = 0;
		size_t len = 0;

		if (in->at[i] == '&')
			len = entity(in, i, &cp);
		else if (in->at[i] == '\\')
			len = escape(in, i, &cp);
		if (len == 0) {
			out[n++] = in->at[i++];
			continue;
		}
		n += put_cp(out + n, cp > 0xffff ? 0xfffd : cp);
		i += len;
		*changed = true;
	}
	return n;
}

static int
base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (bh_is_digit(c))
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

size_t
bh_decode_base64(uint8_t *out, size_t cap, const struct bh_view *in)
{
	size_t i, n = 0, text = 0;
	uint32_t acc = 0;
	unsigned bits = 0;

	if (in->len < 12)
		return 0;
	for (i = 0; i < in->len && n < cap; i++) {
		int d = base64_digit(in->at[i]);

		if (d < 0)
			break;
		acc = acc << 6 | (uint32_t)d;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		out[n] = (uint8_t)(acc >> bits);
		text += (out[n] >= 32 && out[n] < 127) || bh_is_space(out[n]);
		n++;
	}
	while (i < in->len && (in->at[i] == '=' || bh_is_space(in->at[i])))
		i++;
	if (i < in->len || n < 8)
		return 0;
	/* Text, or the magic of a serialised object. */
	return text * 10 >= n * 9 || (out[0] == 0xac && out[1] == 0xed) || out[0] == 0x80 ? n : 0;
}

bool
bh_in_list(const struct bh_view *v, size_t pos, size_t len, const char *const *list, size_t n)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2, i;
		int cmp = 0;

		for (i = 0; i < len && cmp == 0; i++)
			cmp = list[mid][i] == '\0'
				      ? 1
				      : bh_lower(v->at[pos + i]) - (uint8_t)list[mid][i];
		if (cmp == 0 && list[mid][len] != '\0')
			cmp = -1;
		if (cmp == 0)
			return true;
		if (cmp < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}
