/* Mails: fields with their encoded words (RFC 2047), parts within parts (RFC 2046), base64 and quoted-printable
 * (RFC 2045). A line at a time, in fixed memory: the output is never longer than the input. */
#include "mime.h"

enum { HEADERS, BODY, BETWEEN };
enum { PLAIN, QUOTED, BASE64 };

static int
sextet(uint8_t c)
{
	if (bh_is_alpha(c))
		return c >= 'a' ? c - 'a' + 26 : c - 'A';
	return bh_is_digit(c) ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decoded bytes of a part, or of a field. */
static void
put(struct bh_wire *w, struct bh_mime *m, const uint8_t *at, size_t len)
{
	if (m->state == BODY)
		bh_mime_part(w, m, at, len);
	else
		bh_wire_text(w, at, len);
}

/* ---- bodies --------------------------------------------------------------------------------------------- */

static void
base64(struct bh_wire *w, struct bh_mime *m, const uint8_t *at, size_t len)
{
	uint8_t out[BH_MIME_LINE];
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		int six = sextet(at[i]);

		if (six < 0)
			continue;
		m->bits = m->bits << 6 | (uint32_t)six;
		m->n_bits += 6;
		if (m->n_bits >= 8) {
			m->n_bits -= 8;
			out[n++] = (uint8_t)(m->bits >> m->n_bits);
		}
	}
	put(w, m, out, n);
}

/* In encoded words an underscore is a space (RFC 2047 4.2). Returns how much of it was decoded: the rest may go on. */
static size_t
quoted(struct bh_wire *w, struct bh_mime *m, struct bh_view v, bool last)
{
	bool underscore = m->state == HEADERS;
	const uint8_t *at = v.at;
	size_t len = v.len;
	uint8_t out[BH_MIME_LINE];
	size_t i = 0, n = 0;

	while (i < len) {
		int hi = i + 1 < len ? bh_hex(at[i + 1]) : -1,
		    lo = i + 2 < len ? bh_hex(at[i + 2]) : -1;

		if (at[i] == '=' && !last && i + 2 >= len)
			break;
		if (at[i] == '=' && hi >= 0 && lo >= 0) {
			out[n++] = (uint8_t)(hi << 4 | lo);
			i += 3;
		} else {
			out[n++] = underscore && at[i] == '_' ? ' ' : at[i];
			i++;
		}
	}
	put(w, m, out, n);
	return i;
}

/* A line's text; ends: it is all of it. Returns the bytes done with. */
static size_t
content(struct bh_wire *w, struct bh_mime *m, const uint8_t *at, size_t len, bool ends)
{
	bool soft = ends && len > 0 && at[len - 1] == '=';

	switch (m->coding) {
	case BASE64:
		base64(w, m, at, len);
		return len;
	case QUOTED:
		len = quoted(w, m, (struct bh_view){at, soft ? len - 1 : len}, ends);
		if (ends && !soft)
			put(w, m, (const uint8_t *)"\n", 1);
		return len;
	}
	put(w, m, at, len);
	if (ends)
		put(w, m, (const uint8_t *)"\n", 1);
	return len;
}

/* ---- fields --------------------------------------------------------------------------------------------- */

/* =?charset?B?text?= and =?charset?Q?text?=, one behind the other without what is between them. */
static void
encoded_words(struct bh_wire *w, struct bh_mime *m, const struct bh_view *v)
{
	size_t i = 0;
	bool any = false;

	while (i + 8 < v->len) {
		const uint8_t *end = v->at + v->len, *p = memmem(v->at + i, v->len - i, "=?", 2);
		const uint8_t *how = p != NULL ? memchr(p + 2, '?', (size_t)(end - p) - 2) : NULL;
		const uint8_t *stop;

		if (how == NULL || end - how < 4 || how[2] != '?')
			break;
		stop = memmem(how + 3, (size_t)(end - how) - 3, "?=", 2);
		if (stop == NULL)
			break;
		m->n_bits = 0;
		if ((how[1] | 0x20) == 'b')
			base64(w, m, how + 3, (size_t)(stop - how) - 3);
		else
			quoted(w, m, (struct bh_view){how + 3, (size_t)(stop - how) - 3}, true);
		any = true;
		i = (size_t)(stop - v->at) + 2;
	}
	m->n_bits = 0;
	if (any)
		bh_wire_gap(w);
}

static bool
has(const struct bh_view *v, const char *lower)
{
	size_t i;

	for (i = 0; i < v->len; i++)
		if (bh_at(v, i, lower))
			return true;
	return false;
}

static void
content_type(struct bh_mime *m, const struct bh_view *v)
{
	size_t i, end;

	m->message = has(v, "message/rfc822");
	m->multipart = has(v, "multipart/");
	m->utf16 = has(v, "utf-16");
	m->file |= has(v, "name=") || has(v, "application/");
	if (!m->multipart || m->depth == BH_MIME_DEPTH)
		return;
	for (i = 0; i < v->len && !bh_at(v, i, "boundary="); i++)
		;
	i += 9;
	if (i >= v->len)
		return;
	if (v->at[i] == '"') {
		for (end = ++i; end < v->len && v->at[end] != '"'; end++)
			;
	} else {
		for (end = i; end < v->len && v->at[end] != ';' && !bh_is_space(v->at[end]); end++)
			;
	}
	if (end == i || end - i > sizeof(m->boundary[0].text))
		return;
	m->boundary[m->depth].len = (uint8_t)(end - i);
	memcpy(m->boundary[m->depth++].text, v->at + i, end - i);
}

static void
field(struct bh_wire *w, struct bh_mime *m)
{
	struct bh_view v = {m->header, m->header_len};

	if (v.len == 0)
		return;
	bh_wire_text(w, v.at, v.len);
	bh_wire_gap(w);
	encoded_words(w, m, &v);
	if (bh_at(&v, 0, "content-type:"))
		content_type(m, &v);
	else if (bh_at(&v, 0, "content-transfer-encoding:"))
		m->coding = has(&v, "base64")             ? BASE64
			    : has(&v, "quoted-printable") ? QUOTED
							  : PLAIN;
	else if (bh_at(&v, 0, "content-disposition:"))
		m->file |= has(&v, "attachment") || has(&v, "filename");
	m->header_len = 0;
}

static void
begin_headers(struct bh_wire *w, struct bh_mime *m)
{
	bh_mime_part_end(w, m);
	m->state = HEADERS;
	m->coding = PLAIN;
	m->file = m->multipart = m->message = m->utf16 = false;
	m->header_len = 0;
	bh_wire_begin(w, BH_TEXT_DATA);
}

static void
headers_end(struct bh_wire *w, struct bh_mime *m)
{
	field(w, m);
	m->n_bits = 0;
	if (m->message && m->coding == PLAIN) {
		begin_headers(w, m);
		return;
	}
	m->state = m->multipart && m->coding == PLAIN ? BETWEEN : BODY;
	bh_wire_begin(w, m->file || m->coding == BASE64 ? BH_TEXT_FILE : BH_TEXT_DATA);
	bh_mime_part_begin(w, m);
}

/* ---- lines ---------------------------------------------------------------------------------------------- */

/* --boundary, --boundary--: the innermost one that fits; those within it are over. */
static bool
is_boundary(struct bh_wire *w, struct bh_mime *m)
{
	unsigned i;
	size_t n;

	if (m->used < 3 || m->line[0] != '-' || m->line[1] != '-')
		return false;
	for (i = m->depth; i-- > 0;) {
		n = m->boundary[i].len;
		if (m->used < n + 2 || memcmp(m->line + 2, m->boundary[i].text, n) != 0)
			continue;
		m->depth = (uint8_t)(i + 1);
		begin_headers(w, m);
		if (m->used >= n + 4 && memcmp(m->line + 2 + n, "--", 2) == 0) {
			m->depth = (uint8_t)i;
			m->state = BETWEEN;
		}
		return true;
	}
	return false;
}

/* A part that was asked for without its header (IMAP BODY[1]): lines of base64 are known by their look. */
static bool
headless(struct bh_wire *w, struct bh_mime *m)
{
	size_t i;

	if (memchr(m->line, ':', m->used) != NULL || m->used == 0)
		return false;
	for (i = 0; i < m->used && (sextet(m->line[i]) >= 0 || m->line[i] == '='); i++)
		;
	m->state = BODY;
	bh_mime_part_begin(w, m);
	m->coding = i == m->used && m->used % 4 == 0 ? BASE64 : PLAIN;
	return true;
}

static void
header_line(struct bh_wire *w, struct bh_mime *m)
{
	size_t room = sizeof(m->header) - m->header_len;

	if (m->used == 0) {
		headers_end(w, m);
		return;
	}
	if (m->line[0] != ' ' && m->line[0] != '\t')
		field(w, m);
	room = sizeof(m->header) - m->header_len;
	room = m->used < room ? m->used : room;
	memcpy(m->header + m->header_len, m->line, room);
	m->header_len = (uint16_t)(m->header_len + room);
}

/* The line so far; ends: its end has come. */
static void
line(struct bh_wire *w, struct bh_mime *m, bool ends)
{
	size_t done;

	if (ends && m->used > 0 && m->line[m->used - 1] == '\r')
		m->used--;
	if (!m->begun && is_boundary(w, m)) {
		m->used = 0;
		m->begun = !ends;
		return;
	}
	if (m->first && m->state == HEADERS)
		(void)headless(w, m);
	m->first = false;
	done = m->used;
	if (m->state == HEADERS && !m->begun)
		header_line(w, m);
	else if (m->state == BODY || m->begun)
		done = content(w, m, m->line, m->used, ends);
	if (ends)
		done = m->used;
	memmove(m->line, m->line + done, m->used - done);
	m->used = (uint16_t)(m->used - done);
	m->begun = !ends;
}

void
bh_mime_open(struct bh_mime *m)
{
	memset(m, 0, offsetof(struct bh_mime, line));
	m->first = true;
}

void
bh_mime_feed(struct bh_wire *w, struct bh_mime *m, struct bh_cur in)
{
	while (bh_cur_left(&in) > 0) {
		size_t room = sizeof(m->line) - m->used;
		struct bh_cur part = bh_wire_upto(&in, room);
		const uint8_t *lf = memchr(part.p, '\n', bh_cur_left(&part));
		size_t n = lf != NULL ? (size_t)(lf - part.p) : bh_cur_left(&part);

		memcpy(m->line + m->used, part.p, n);
		m->used = (uint16_t)(m->used + n);
		if (lf != NULL) {
			in.p = lf + 1;
			line(w, m, true);
		} else if (m->used == sizeof(m->line)) {
			line(w, m, false);
		}
	}
}

void
bh_mime_end(struct bh_wire *w, struct bh_mime *m)
{
	if (m->used > 0 || m->begun)
		line(w, m, true);
	if (m->state == HEADERS)
		field(w, m);
	bh_mime_part_end(w, m);
	bh_wire_end(w, w->side);
}
