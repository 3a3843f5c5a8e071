/* JSON text: strings that are valid whatever the bytes, members with their commas. */
#include "event.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Length of the well-formed UTF-8 sequence at p, which is not ASCII; 0 when there is none. The ranges
 * of the second byte exclude overlong forms, surrogates and what lies beyond U+10FFFF (The Unicode
 * Standard, table 3-7). A NUL ends the string and is no continuation byte, so that no read leaves it. */
static size_t
utf8_len(const uint8_t *p)
{
	uint8_t lo = 0x80, hi = 0xbf;
	size_t len, i;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

static void
add_escaped(struct bh_buf *out, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	char code[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
	char two[2] = {'\\', (char)c};

	switch (c) {
	case '\n':
		two[1] = 'n';
		break;
	case '\r':
		two[1] = 'r';
		break;
	case '\t':
		two[1] = 't';
		break;
	case '"':
	case '\\':
		break;
	default:
		bh_buf_add(out, code, sizeof(code));
		return;
	}
	bh_buf_add(out, two, sizeof(two));
}

void
bh_json_string(struct bh_buf *out, const char *s)
{
	const uint8_t *p = (const uint8_t *)(s != NULL ? s : ""), *plain = p;
	size_t len;

	bh_buf_add(out, "\"", 1);
	while (*p != '\0') {
		/* DEL is legal in JSON, but does a terminal no good. */
		if (*p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\') {
			p++;
			continue;
		}
		len = *p >= 0x80 ? utf8_len(p) : 0;
		if (len != 0) {
			p += len;
			continue;
		}
		bh_buf_add(out, plain, (size_t)(p - plain));
		if (*p >= 0x80)
			bh_buf_str(out, REPLACEMENT);
		else
			add_escaped(out, *p);
		plain = ++p;
	}
	bh_buf_add(out, plain, (size_t)(p - plain));
	bh_buf_add(out, "\"", 1);
}

static void
add_key(struct bh_json *j, const char *key)
{
	if (j->comma)
		bh_buf_add(j->out, ",", 1);
	j->comma = true;
	if (key == NULL)
		return;
	bh_buf_add(j->out, "\"", 1);
	bh_buf_str(j->out, key);
	bh_buf_add(j->out, "\":", 2);
}

void
bh_json_open(struct bh_json *j, const char *key, char bracket)
{
	add_key(j, key);
	bh_buf_add(j->out, &bracket, 1);
	j->comma = false;
}

void
bh_json_close(struct bh_json *j, char bracket)
{
	bh_buf_add(j->out, &bracket, 1);
	j->comma = true;
}

void
bh_json_str(struct bh_json *j, const char *key, const char *s)
{
	add_key(j, key);
	bh_json_string(j->out, s);
}

void
bh_json_u64(struct bh_json *j, const char *key, uint64_t v)
{
	char digits[20], *p = digits + sizeof(digits); /* 2^64 - 1 has 20 */

	if (v > INT64_MAX)
		v = INT64_MAX;
	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	add_key(j, key);
	bh_buf_add(j->out, p, (size_t)(digits + sizeof(digits) - p));
}

void
bh_json_bool(struct bh_json *j, const char *key, bool v)
{
	add_key(j, key);
	bh_buf_str(j->out, v ? "true" : "false");
}

void
bh_json_time(struct bh_json *j, const char *key, uint64_t wall_ns)
{
	char text[40];

	bh_time_format(wall_ns, text, sizeof(text));
	bh_json_str(j, key, text);
}
