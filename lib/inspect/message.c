/* The parts of a message before its body: what each is, and what is odd about the request as such. */
#include "message.h"

enum { METHOD_OTHER, METHOD_GET, METHOD_HEAD, METHOD_POST };

static bool
text_is(struct bh_http_text t, const char *s)
{
	return t.len == strlen(s) && strncasecmp((const char *)t.at, s, t.len) == 0;
}

static bool
text_has(struct bh_http_text t, const char *lower)
{
	struct bh_view v = {t.at, t.len};
	size_t i;

	for (i = 0; i < v.len; i++)
		if (bh_at(&v, i, lower))
			return true;
	return false;
}

static void
method(struct bh_message *m, struct bh_http_text name)
{
	static const char *const usual[] = {"OPTIONS", "PUT",  "PATCH",    "DELETE",  "GET",
					    "HEAD",    "POST", "PROPFIND", "CONNECT", "REPORT"};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(usual); i++)
		if (name.len == strlen(usual[i]) && memcmp(name.at, usual[i], name.len) == 0)
			break;
	m->s->method = i == 4   ? METHOD_GET
		       : i == 5 ? METHOD_HEAD
		       : i == 6 ? METHOD_POST
				: METHOD_OTHER;
	if (i == BH_ARRAY_SIZE(usual))
		bh_message_say(m, BH_INSPECT_HTTP, "an unusual method");
}

/* Percent-encoding that is cut short or encodes what no text has. */
static void
encoding(struct bh_message *m, struct bh_http_text t, bool target)
{
	uint32_t i;

	for (i = 0; i < t.len; i++) {
		int hi, lo;

		if (t.at[i] >= 0x7f && target) {
			bh_message_say(m, BH_INSPECT_HTTP, "a raw byte beyond ASCII in the target");
		} else if (t.at[i] == '%') {
			hi = i + 1 < t.len ? bh_hex(t.at[i + 1]) : -1;
			lo = i + 2 < t.len ? bh_hex(t.at[i + 2]) : -1;
			if (target && i + 1 < t.len && (t.at[i + 1] | 0x20) == 'u')
				bh_message_say(m, BH_INSPECT_HTTP, "%u encoding in the target");
			else if (hi == 0 && lo >= 0 && lo != 9 && lo != 10 && lo != 13)
				bh_message_say(m, BH_INSPECT_HTTP, "an encoded control character");
			else if (hi == 1 && lo >= 0)
				bh_message_say(m, BH_INSPECT_HTTP, "an encoded control character");
		}
	}
}

/* Files that are left over from work on a site, or that only its server should read. */
static void
leftover(struct bh_message *m, struct bh_http_text path)
{
	static const char *const ends[] = {
		".bak",     ".backup",   ".old",       ".orig", ".sql",  ".rdb", ".swp",
		".swo",     "~",         ".save",      ".tmp",  ".dist", ".ini", ".conf",
		".cfg",     ".log",      ".pem",       ".key",  ".mdb",  ".dbf", ".db",
		".sqlite",  ".config",   ".asa",       ".asax", ".ascx", ".axd", ".bat",
		".cer",     ".csproj",   ".dos",       ".htr",  ".htw",  ".ida", ".idc",
		".idq",     ".licx",     ".lnk",       ".pass", ".pdb",  ".pol", ".printer",
		".pwd",     ".rdb",      ".resources", ".resx", ".vb",   ".vbs", ".vbproj",
		".vsdisco", ".webinfo",  ".xsd",       ".xsx",  ".cmd",  ".inc", ".bkp",
		".env",     ".ds_store",
	};
	char low[512];
	const char *end;
	size_t len;
	uint32_t i, n = 0;

	for (i = 0; i < path.len && n < sizeof(low); i++) {
		uint8_t c = path.at[i];

		if (c == '%' && i + 2 < path.len && bh_hex(path.at[i + 1]) >= 0 &&
		    bh_hex(path.at[i + 2]) >= 0) {
			c = (uint8_t)(bh_hex(path.at[i + 1]) << 4 | bh_hex(path.at[i + 2]));
			i += 2;
		}
		low[n++] = (char)bh_lower(c);
	}
	if (i < path.len || n == 0)
		return;
	/* each begins with its only dot, but for the tilde */
	end = low[n - 1] == '~' ? low + n - 1 : memrchr(low, '.', n);
	if (end == NULL || end == low || end[-1] == '/')
		return;
	len = (size_t)(low + n - end);
	for (i = 0; i < BH_ARRAY_SIZE(ends); i++)
		if (strlen(ends[i]) == len && memcmp(end, ends[i], len) == 0)
			bh_message_say(m, BH_INSPECT_HTTP, "a file that is not meant to be served");
}

void
bh_message_request(struct bh_message *m, const struct bh_http1_part *part)
{
	const struct bh_view none = {NULL, 0};
	struct bh_view path = {part->path.at, part->path.len};
	struct bh_view query = {part->query.at, part->query.len};

	method(m, part->name);
	encoding(m, part->value, true);
	leftover(m, part->path);
	if (memchr(part->value.at, '#', part->value.len) != NULL)
		bh_message_say(m, BH_INSPECT_HTTP, "a fragment in the target");
	if (path.len > 4 && bh_at(&path, path.len - 4, ".pdf"))
		m->s->fields |= BH_SEEN_DOCUMENT;
	bh_message_value(m, BH_AT_PATH, none, path);
	bh_message_dlp(m, BH_AT_PATH, none, path);
	if (query.len == 0)
		return;
	bh_message_value(m, BH_AT_QUERY, none, query);
	bh_message_args(m, query, true);
	bh_message_dlp(m, BH_AT_QUERY, none, query);
}

/* ---- headers ------------------------------------------------------------------------------------ */

/* type/subtype *( ; name=value ) */
static void
parameters(struct bh_message *m, const struct bh_view *t)
{
	const uint8_t *p = memchr(t->at, ';', t->len), *end = t->at + t->len, *next;

	for (; p != NULL && ++p < end; p = next) {
		next = memchr(p, ';', (size_t)(end - p));
		if (memchr(p, '=', (size_t)((next != NULL ? next : end) - p)) == NULL)
			bh_message_say(m, BH_INSPECT_HTTP, "a media type with a broken parameter");
	}
}

static void
content_type(struct bh_message *m, struct bh_http_text v)
{
	struct bh_inspect_side *s = m->s;
	struct bh_view t = {v.at, v.len};
	size_t i, end;

	if (bh_at(&t, 0, "multipart/"))
		s->kind = BH_BODY_MULTIPART;
	else if (text_has(v, "x-www-form-urlencoded"))
		s->kind = BH_BODY_FORM;
	else if (text_has(v, "json"))
		s->kind = BH_BODY_JSON;
	else if (text_has(v, "xml") && !text_has(v, "html") && !text_has(v, "officedocument"))
		s->kind = BH_BODY_XML;
	else if (bh_at(&t, 0, "application/grpc"))
		s->kind = BH_BODY_GRPC;
	else if (bh_at(&t, 0, "image/") || bh_at(&t, 0, "video/") || bh_at(&t, 0, "audio/") ||
		 bh_at(&t, 0, "font/"))
		s->kind = BH_BODY_BINARY;
	parameters(m, &t);
	for (i = 0; i + 9 < t.len; i++)
		if (bh_at(&t, i, "boundary="))
			break;
	if (i + 9 >= t.len)
		return;
	if (s->kind != BH_BODY_MULTIPART)
		bh_message_say(m, BH_INSPECT_HTTP, "a boundary without parts");
	i = bh_skip_space(&t, i + 9);
	if (i >= t.len) {
		end = i;
	} else if (t.at[i] == '"') {
		for (end = ++i; end < t.len && t.at[end] != '"'; end++)
			;
	} else {
		for (end = i; end < t.len && t.at[end] != ';' && !bh_is_space(t.at[end]); end++)
			;
	}
	if (end - i > BH_INSPECT_BOUNDARY - 2 || end == i) {
		bh_message_say(m, BH_INSPECT_HTTP, "a boundary that is no boundary");
		return;
	}
	s->boundary[0] = s->boundary[1] = '-';
	memcpy(s->boundary + 2, t.at + i, end - i);
	s->boundary_len = (uint8_t)(end - i + 2);
}

/* IANA, HTTP Content Coding Registry. What stands in neither list is no coding, and receivers take the body as it is:
 * character sets, aws-chunked. */
static enum bh_coding
coding_of(const struct bh_view *t, size_t i, size_t len)
{
	static const struct {
		const char *name;
		enum bh_coding coding;
	} list[] = {
		{"gzip", BH_CODING_GZIP},          {"x-gzip", BH_CODING_GZIP},
		{"deflate", BH_CODING_DEFLATE},    {"br", BH_CODING_BROTLI},
		{"zstd", BH_CODING_ZSTD},          {"compress", BH_CODING_UNKNOWN},
		{"x-compress", BH_CODING_UNKNOWN}, {"aes128gcm", BH_CODING_UNKNOWN},
		{"exi", BH_CODING_UNKNOWN},        {"pack200-gzip", BH_CODING_UNKNOWN},
		{"dcb", BH_CODING_UNKNOWN},        {"dcz", BH_CODING_UNKNOWN},
		{"bzip2", BH_CODING_UNKNOWN},      {"lzma", BH_CODING_UNKNOWN},
		{"xz", BH_CODING_UNKNOWN},         {"lz4", BH_CODING_UNKNOWN},
		{"snappy", BH_CODING_UNKNOWN},
	};
	unsigned k;

	for (k = 0; k < BH_ARRAY_SIZE(list); k++)
		if (bh_is(t, i, len, list[k].name))
			return list[k].coding;
	return BH_CODING_NONE;
}

static void
content_encoding(struct bh_message *m, struct bh_http_text v)
{
	struct bh_inspect_side *s = m->s;
	struct bh_view t = {v.at, v.len};
	enum bh_coding list[2], coding;
	size_t i, end;
	unsigned n = 0;

	for (i = 0; i < t.len; i = end + 1) {
		i = bh_skip_space(&t, i);
		for (end = i; end < t.len && t.at[end] != ',' && !bh_is_space(t.at[end]); end++)
			;
		coding = coding_of(&t, i, end - i);
		if (coding == BH_CODING_NONE)
			continue;
		if (n == 2 || s->coding[0] != BH_CODING_NONE) {
			s->unread = true;
			bh_message_say(m, BH_INSPECT_HTTP, "more than two content codings");
			return;
		}
		list[n++] = coding;
		s->unread |= coding == BH_CODING_UNKNOWN;
	}
	/* the last one named was applied last, so it comes off first (RFC 9110 8.4) */
	s->coding[0] = (uint8_t)(n > 0 ? list[n - 1] : BH_CODING_NONE);
	s->coding[1] = (uint8_t)(n > 1 ? list[0] : BH_CODING_NONE);
}

static void
range(struct bh_message *m, struct bh_http_text v)
{
	uint32_t i, commas = 0;

	for (i = 0; i < v.len; i++)
		commas += v.at[i] == ',';
	/* readers of documents ask for many pieces at once */
	if (commas >= (m->s->fields & BH_SEEN_DOCUMENT ? 63u : 5u))
		bh_message_say(m, BH_INSPECT_HTTP, "a request for many ranges");
}

/* What framing and routing hang on, and what clients that are no browsers leave out. */
static void
request_header(struct bh_message *m, const struct bh_http1_part *p)
{
	struct bh_inspect_side *s = m->s;

	if (text_is(p->name, "host")) {
		struct bh_view host = {p->value.at, p->value.len};

		if (host.len == 0)
			bh_message_say(m, BH_INSPECT_HTTP, "an empty Host");
		else if (bh_at(&host, 0, "[fe80") || bh_at(&host, 0, "[::1]"))
			bh_message_say(m, BH_INSPECT_HTTP, "a Host that is no one's name");
	} else if (text_is(p->name, "accept") &&
		   (text_has(p->value, "charset=cp") || text_has(p->value, "charset=ibm") ||
		    text_has(p->value, "charset=utf-7") || text_has(p->value, "charset=utf-16") ||
		    text_has(p->value, "charset=utf-32"))) {
		bh_message_say(m, BH_INSPECT_HTTP, "a character set asked for where none belongs");
	} else if (text_is(p->name, "content-length")) {
		if (p->value.len != 1 || p->value.at[0] != '0')
			s->fields |= BH_SEEN_BODY;
		if (s->fields & BH_SEEN_BODY)
			if (s->method == METHOD_GET || s->method == METHOD_HEAD)
				bh_message_say(m, BH_INSPECT_HTTP, "a body where none belongs");
	} else if (text_is(p->name, "transfer-encoding")) {
		s->fields |= BH_SEEN_CHUNKED;
		if (s->method == METHOD_GET || s->method == METHOD_HEAD)
			bh_message_say(m, BH_INSPECT_HTTP, "a body where none belongs");
	} else if (text_is(p->name, "connection")) {
		bool keep = text_has(p->value, "keep-alive"), close = text_has(p->value, "close");

		if ((s->fields & BH_SEEN_CONNECTION) || (keep && close) ||
		    memchr(p->value.at, ',', p->value.len) != NULL)
			if (!text_has(p->value, "upgrade") && !text_has(p->value, "te"))
				bh_message_say(m, BH_INSPECT_HTTP,
					       "connection options that contradict or repeat");
		s->fields |= BH_SEEN_CONNECTION;
	} else if (text_is(p->name, "range")) {
		range(m, p->value);
	} else if (text_is(p->name, "request-range")) {
		bh_message_say(m, BH_INSPECT_HTTP, "a header that only old servers obey");
	} else if (text_is(p->name, "x-http-method-override") ||
		   text_is(p->name, "x-method-override") || text_is(p->name, "x-http-method")) {
		bh_message_say(m, BH_INSPECT_HTTP, "a header that changes the method");
	} else if (text_is(p->name, "accept-encoding") && p->value.len > 100) {
		bh_message_say(m, BH_INSPECT_HTTP, "an accept-encoding that no client sends");
	} else if (text_is(p->name, "proxy") || text_is(p->name, "lock-token") ||
		   text_is(p->name, "if")) {
		bh_message_say(m, BH_INSPECT_HTTP, "a header that scripts take for a setting");
	}
}

void
bh_message_header(struct bh_message *m, const struct bh_http1_part *p)
{
	struct bh_view name = {p->name.at, p->name.len}, value = {p->value.at, p->value.len};

	if (text_is(p->name, "content-type")) {
		/* RFC 9110 8.3: which of two counts is the receiver's guess */
		if ((m->s->fields & BH_SEEN_TYPE) && m->side == 0)
			bh_message_say(m, BH_INSPECT_HTTP, "two media types of one body");
		m->s->fields |= BH_SEEN_TYPE;
		content_type(m, p->value);
	} else if (text_is(p->name, "content-encoding")) {
		content_encoding(m, p->value);
	}
	if (m->side == 0) {
		request_header(m, p);
		if (text_is(p->name, "cookie")) {
			encoding(m, p->value, false);
			bh_message_cookies(m, value);
		} else
			bh_message_value(m, BH_AT_HEADER, name, value);
	}
	bh_message_dlp(m, BH_AT_HEADER, name, value);
}

void
bh_message_headers_end(struct bh_message *m)
{
	struct bh_inspect_side *s = m->s;

	if (m->side != 0)
		return;
	if ((s->fields & (BH_SEEN_BODY | BH_SEEN_CHUNKED)) && !(s->fields & BH_SEEN_TYPE))
		bh_message_say(m, BH_INSPECT_HTTP, "a body of no type");
	if (s->kind == BH_BODY_TEXT && !(s->fields & BH_SEEN_TYPE))
		s->kind = BH_BODY_FORM;
	s->sniffs = s->kind == BH_BODY_FORM;
}
