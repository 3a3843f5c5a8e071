/* Targets of HTTP requests (RFC 9110 4, RFC 9112 3.2, RFC 3986): what servers read differently is
 * an error. */
#include "http.h"

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool
is_alnum(uint8_t c)
{
	return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

static int
hex(uint8_t c)
{
	c = lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
one_of(uint8_t c, const char *set)
{
	return c != 0 && strchr(set, c) != NULL;
}

bool
bh_http_is_token(const uint8_t *at, size_t len)
{
	/* A bit a character of each 32: letters, digits and !#$%&'*+-.^_`|~ */
	static const uint32_t token[8] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};
	size_t i;

	for (i = 0; i < len; i++) {
		if ((token[at[i] >> 5] >> (at[i] & 31) & 1) == 0)
			return false;
	}
	return len != 0;
}

/* Is one of eight bytes below 0x20, or 0x7f? Bytes from 0x80 on are neither. */
static bool
has_control(uint64_t w)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t del = w ^ (ones * 0x7f);

	return (((w - ones * 0x20) & ~w) | ((del - ones) & ~del)) & high;
}

bool
bh_http_is_value(const uint8_t *at, size_t len)
{
	size_t i = 0;
	uint64_t w;

	for (; len - i >= sizeof(w); i += sizeof(w)) {
		memcpy(&w, at + i, sizeof(w));
		if (has_control(w))
			break;
	}
	for (; i < len; i++) {
		if ((at[i] < 0x20 && at[i] != '\t') || at[i] == 0x7f)
			return false;
	}
	return true;
}

bool
bh_http_is_nocase(const uint8_t *at, size_t len, const char *text)
{
	size_t i;

	if (strlen(text) != len)
		return false;
	for (i = 0; i < len; i++) {
		if (lower(at[i]) != lower((uint8_t)text[i]))
			return false;
	}
	return true;
}

bool
bh_http_length(const uint8_t *at, size_t len, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	if (len == 0 || len > 18)
		return false;
	for (i = 0; i < len; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(at[i] - '0');
	}
	*out = v;
	return true;
}

/* Length of the host at the start, 0 when it is none. */
static size_t
host_len(const uint8_t *at, size_t len)
{
	bool colon = false;
	size_t i;

	if (at[0] != '[') {
		for (i = 0; i < len && (is_alnum(at[i]) || one_of(at[i], "-._~")); i++)
			;
		return i;
	}
	for (i = 1; i < len && (hex(at[i]) >= 0 || at[i] == ':' || at[i] == '.'); i++)
		colon = colon || at[i] == ':';
	return i < len && at[i] == ']' && colon ? i + 1 : 0;
}

const char *
bh_http_authority(const uint8_t *at, size_t len, struct bh_http_authority *out)
{
	uint64_t port = 0;
	size_t n, i;

	out->len = 0;
	out->port = 0;
	if (len == 0)
		return NULL;
	n = host_len(at, len);
	if (n == 0 || n > BH_HTTP_HOST_MAX)
		return "host is not a name or an address";
	if (n != len && at[n] != ':')
		return "host has characters that a name can't have";
	if (n + 1 < len && (len - n > 6 || !bh_http_length(at + n + 1, len - n - 1, &port) ||
			    port == 0 || port > UINT16_MAX))
		return "port of the host is no number from 1 to 65535";
	if (n > 1 && at[n - 1] == '.')
		n--;
	for (i = 0; i < n; i++)
		out->host[i] = lower(at[i]);
	out->len = (uint16_t)n;
	out->port = (uint16_t)port;
	return NULL;
}

bool
bh_http_same_authority(const struct bh_http_authority *a, const struct bh_http_authority *b,
		       uint16_t default_port)
{
	uint16_t pa = a->port != 0 ? a->port : default_port;
	uint16_t pb = b->port != 0 ? b->port : default_port;

	return a->len == b->len && memcmp(a->host, b->host, a->len) == 0 &&
	       (pa == pb || pa == 0 || pb == 0);
}

/* Browsers do not escape | [ ] ^ in a path, and in a query neither { } ` \ (URL standard,
 * percent-encode sets). */
const char *
bh_http_path_and_query(const uint8_t *at, size_t len, struct bh_http_target *out)
{
	bool query = false;
	size_t i;

	if (len > BH_HTTP_PATH_MAX)
		return "target is too long";
	out->path = (struct bh_http_text){at, (uint32_t)len};
	out->query = (struct bh_http_text){NULL, 0};
	for (i = 0; i < len; i++) {
		if (at[i] == '?' && !query) {
			query = true;
			out->path.len = (uint32_t)i;
			out->query = (struct bh_http_text){at + i + 1, (uint32_t)(len - i - 1)};
		} else if (!is_alnum(at[i]) && !one_of(at[i], "-._~%!$&'()*+,;=:@/|[]^") &&
			   !(query && one_of(at[i], "?{}`\\"))) {
			return "target has a character that must be escaped";
		}
	}
	return NULL;
}

static const char *
absolute(struct bh_http_text t, struct bh_http_target *out)
{
	uint32_t skip, i;

	if (t.len > 7 && bh_http_is_nocase(t.at, 7, "http://")) {
		skip = 7;
		out->default_port = 80;
	} else if (t.len > 8 && bh_http_is_nocase(t.at, 8, "https://")) {
		skip = 8;
		out->default_port = 443;
	} else {
		return "target is of no known form";
	}
	for (i = skip; i < t.len && t.at[i] != '/' && t.at[i] != '?'; i++)
		;
	if (i == skip)
		return "target has an empty authority";
	out->authority = (struct bh_http_text){t.at + skip, i - skip};
	return bh_http_path_and_query(t.at + i, t.len - i, out);
}

const char *
bh_http_target(struct bh_http_text method, struct bh_http_text target, struct bh_http_target *out)
{
	memset(out, 0, sizeof(*out));
	if (target.len == 0)
		return "target is empty";
	if (bh_http_is_nocase(method.at, method.len, "CONNECT")) {
		out->authority = target;
		return NULL;
	}
	if (target.len == 1 && target.at[0] == '*') {
		out->path = target;
		return method.len == 7 && memcmp(method.at, "OPTIONS", 7) == 0
			       ? NULL
			       : "target * of another method than OPTIONS";
	}
	if (target.at[0] == '/')
		return bh_http_path_and_query(target.at, target.len, out);
	return absolute(target, out);
}

/* What stands for escaped bytes until dot segments are known. Control characters never get so
 * far. */
enum { ESCAPED_SLASH = 1, ESCAPED_BACKSLASH, ESCAPED_DOT };

/* Overlong forms of ASCII (RFC 3629 3: never valid), which some decoders read as '/' or '.'. */
static bool
overlong(const uint8_t *p, size_t i)
{
	if (p[i] == 0xc0 || p[i] == 0xc1)
		return true;
	return i != 0 && p[i] >= 0x80 &&
	       ((p[i - 1] == 0xe0 && p[i] < 0xa0) || (p[i - 1] == 0xf0 && p[i] < 0x90));
}

static const char *
decode(const uint8_t *at, size_t len, uint8_t *out, size_t *n)
{
	size_t i;

	for (i = 0, *n = 0; i < len; i++, (*n)++) {
		uint8_t c = at[i];

		if (c == '%') {
			if (len - i < 3 || hex(at[i + 1]) < 0 || hex(at[i + 2]) < 0)
				return "path has an invalid escape";
			c = (uint8_t)(hex(at[i + 1]) << 4 | hex(at[i + 2]));
			i += 2;
			if (c < 0x20 || c == 0x7f)
				return "path has an escaped control character";
			c = c == '/'    ? ESCAPED_SLASH
			    : c == '\\' ? ESCAPED_BACKSLASH
			    : c == '.'  ? ESCAPED_DOT
					: c;
		}
		out[*n] = c;
		if (overlong(out, *n))
			return "path has an overlong UTF-8 form";
	}
	return NULL;
}

/* Would a second decoding find a separator, a dot or NUL? */
static bool
escaped_twice(const uint8_t *p, size_t len)
{
	size_t i, j;

	for (i = 0; i + 2 < len; i++) {
		if (p[i] != '%')
			continue;
		for (j = i + 1; j + 4 <= len && p[j] == '2' && p[j + 1] == '5'; j += 2)
			;
		if (j + 2 <= len && hex(p[j]) >= 0 && hex(p[j + 1]) >= 0 &&
		    one_of((uint8_t)(hex(p[j]) << 4 | hex(p[j + 1])), "./\\"))
			return true;
		if (j + 2 <= len && p[j] == '0' && p[j + 1] == '0')
			return true;
	}
	return false;
}

static bool
is_dots(const uint8_t *p, size_t len)
{
	return (len == 1 || len == 2) && (p[0] == '.' || p[0] == ESCAPED_DOT) &&
	       (p[len - 1] == '.' || p[len - 1] == ESCAPED_DOT);
}

/* A dot segment for receivers that decode first, cut parameters off (RFC 3986 3.3) or split at
 * what is escaped. */
static bool
hides_dots(const uint8_t *p, size_t len)
{
	size_t start = 0, i;

	for (i = 0; i <= len; i++) {
		if (i < len && p[i] != ESCAPED_SLASH && p[i] != ESCAPED_BACKSLASH && p[i] != ';')
			continue;
		if (is_dots(p + start, i - start))
			return true;
		start = i + 1;
	}
	return false;
}

static void
append(struct bh_http_path *out, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len && out->len < sizeof(out->text); i++)
		out->text[out->len++] = (uint8_t)text[i];
}

static void
append_segment(struct bh_http_path *out, const uint8_t *p, size_t len)
{
	size_t i;

	append(out, "/", 1);
	for (i = 0; i < len; i++) {
		switch (p[i]) {
		case ESCAPED_SLASH:
			append(out, "%2F", 3);
			break;
		case ESCAPED_BACKSLASH:
			append(out, "%5C", 3);
			break;
		case ESCAPED_DOT:
			append(out, ".", 1);
			break;
		default:
			append(out, (const char *)p + i, 1);
		}
	}
}

/* The last segment goes (RFC 3986 5.2.4). One without a name is an error: servers that merge
 * slashes take away the one before. A path that is cut already stays so. */
static const char *
climb(struct bh_http_path *out)
{
	uint16_t n = out->len;

	if (n == sizeof(out->text))
		return NULL;
	if (n == 0)
		return "path climbs above its root";
	if (out->text[n - 1] == '/')
		return "path climbs over an empty segment";
	while (out->text[n - 1] != '/')
		n--;
	out->len = (uint16_t)(n - 1);
	return NULL;
}

const char *
bh_http_path(const uint8_t *at, size_t len, struct bh_http_path *out)
{
	uint8_t path[BH_HTTP_PATH_MAX];
	const char *why;
	size_t n, i, end;

	out->len = 0;
	if (len == 0 || (len == 1 && at[0] == '*')) {
		append(out, len == 0 ? "/" : "*", 1);
		return NULL;
	}
	if (at[0] != '/' || len > sizeof(path))
		return at[0] != '/' ? "path does not begin with /" : "target is too long";
	why = decode(at, len, path, &n);
	if (why == NULL && escaped_twice(path, n))
		why = "path is escaped twice";
	for (i = 1; why == NULL && i <= n; i = end + 1) {
		size_t size;

		for (end = i; end < n && path[end] != '/'; end++)
			;
		size = end - i;
		if (size == 2 && memcmp(path + i, "..", 2) == 0)
			why = climb(out);
		else if (hides_dots(path + i, size) && !(size == 1 && path[i] == '.'))
			why = "path hides a dot segment";
		else if (!(size == 1 && path[i] == '.'))
			append_segment(out, path + i, size);
		if (end == n && size != 0 && size <= 2 && memcmp(path + i, "..", size) == 0)
			append(out, "/", 1);
	}
	return why;
}
