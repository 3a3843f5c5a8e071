/* multipart/form-data (RFC 7578): each part's content is an argument, its file name a file name. */
#include "message.h"

enum { BEFORE, CONTENT };

static size_t
line_end(const struct bh_view *t, size_t i, size_t *next)
{
	const uint8_t *lf = memchr(t->at + i, '\n', t->len - i);
	size_t end = lf != NULL ? (size_t)(lf - t->at) : t->len;

	*next = lf != NULL ? end + 1 : t->len;
	return end > i && t->at[end - 1] == '\r' ? end - 1 : end;
}

/* The place of the next boundary line from `from` on; t->len: none. */
static size_t
boundary(const struct bh_message *m, const struct bh_view *t, size_t from)
{
	const struct bh_inspect_side *s = m->s;
	const uint8_t *p;

	if (s->boundary_len == 0 || from >= t->len)
		return t->len;
	p = memmem(t->at + from, t->len - from, s->boundary, s->boundary_len);
	return p != NULL ? (size_t)(p - t->at) : t->len;
}

/* name="..." and filename="..." of Content-Disposition: between quotes as far as the last one, so that what some
 * receivers take for the end is seen as part of it. */
static struct bh_view
parameter(const struct bh_view *line, const char *key)
{
	struct bh_view v = {NULL, 0};
	size_t i, n = strlen(key), end;

	for (i = 0; i + n < line->len; i++)
		if (bh_at(line, i, key) && (i == 0 || !bh_is_alpha(line->at[i - 1])))
			break;
	if (i + n >= line->len)
		return v;
	i += n;
	if (line->at[i] != '"') {
		for (end = i; end < line->len && line->at[end] != ';'; end++)
			;
		return (struct bh_view){line->at + i, end - i};
	}
	for (end = ++i; end < line->len; end++)
		if (line->at[end] == '"' && (end + 1 == line->len || line->at[end + 1] == ';' ||
					     bh_is_space(line->at[end + 1])))
			break;
	return (struct bh_view){line->at + i, end - i};
}

/* &eacute; and its like: how browsers send a letter that the form's character set lacks. Length, or 0. */
static size_t
accent(const struct bh_view *v, size_t pos)
{
	static const char *const ends[] = {"acute", "grave", "circ", "tilde", "uml",  "caron",
					   "cedil", "ring",  "amp",  "lig",   "slash"};
	size_t i = pos + 1;
	unsigned k;

	if (v->at[pos] != '&')
		return 0;
	while (i < v->len && bh_is_alpha(v->at[i]))
		i++;
	if (i >= v->len || v->at[i] != ';')
		return 0;
	for (k = 0; k < BH_ARRAY_SIZE(ends); k++)
		if (i - pos > strlen(ends[k]) && bh_at(v, i - strlen(ends[k]), ends[k]))
			return i + 1 - pos;
	return 0;
}

static bool
is_odd(const struct bh_view *v)
{
	size_t i;

	for (i = 0; i < v->len; i++) {
		size_t n;

		while (i < v->len && (n = accent(v, i)) > 0)
			i += n;
		if (i < v->len && (memchr("'\";=\\", v->at[i], 5) != NULL || v->at[i] < 0x20))
			return true;
	}
	return false;
}

/* Headers of a part. Returns where its content begins. */
static size_t
part_headers(struct bh_message *m, const struct bh_view *t, size_t i)
{
	struct bh_inspect_side *s = m->s;
	size_t next, end;

	s->name_len = 0;
	for (; i < t->len; i = next) {
		struct bh_view line, name, file;
		size_t k;

		end = line_end(t, i, &next);
		if (end == i)
			return next;
		line = (struct bh_view){t->at + i, end - i};
		if (bh_at(&line, 0, "content-disposition:")) {
			name = parameter(&line, "name=");
			file = parameter(&line, "filename=");
			s->name_len =
				(uint8_t)(name.len < sizeof(s->name) ? name.len : sizeof(s->name));
			if (s->name_len > 0)
				memcpy(s->name, name.at, s->name_len);
			if (is_odd(&name) || is_odd(&file))
				bh_message_say(
					m, BH_INSPECT_HTTP,
					"a part's name has characters that end it elsewhere");
			bh_message_value(m, BH_AT_NAME, name, name);
			bh_message_value(m, BH_AT_FILE, name, file);
		} else if (bh_at(&line, 0, "content-type:")) {
			for (k = 13; k + 8 < line.len; k++)
				if (bh_at(&line, k, "charset") &&
				    memmem(line.at + k, line.len - k, "tf-8", 4) == NULL &&
				    memmem(line.at + k, line.len - k, "TF-8", 4) == NULL &&
				    !bh_at(&line, k, "charset=iso-8859-1") &&
				    !bh_at(&line, k, "charset=windows-1252") &&
				    !bh_at(&line, k, "charset=us-ascii"))
					bh_message_say(m, BH_INSPECT_HTTP,
						       "a part in an unusual character set");
		} else if (bh_at(&line, 0, "content-transfer-encoding:")) {
			bh_message_say(m, BH_INSPECT_HTTP,
				       "a part with a transfer encoding (RFC 7578 4.7)");
		} else if (memmem(line.at, line.len, "isposition", 10) != NULL) {
			bh_message_say(m, BH_INSPECT_HTTP,
				       "a part's header that some receivers read and others don't");
		}
	}
	return t->len;
}

static void
content(struct bh_message *m, struct bh_view text)
{
	struct bh_inspect_side *s = m->s;
	struct bh_view name = {s->name, s->name_len};

	while (text.len > 0 && (text.at[text.len - 1] == '-' || bh_is_space(text.at[text.len - 1])))
		text.len--;
	if (text.len == 0)
		return;
	bh_message_value(m, BH_AT_ARG, name, text);
	if (text.at[0] == '<' && bh_at(&text, 0, "<?xml"))
		bh_message_markup(m, text, true);
	else if (text.at[0] == '{')
		bh_message_json(m, text, true);
}

size_t
bh_message_multipart(struct bh_message *m, struct bh_view text, bool final)
{
	struct bh_inspect_side *s = m->s;
	size_t i = 0, next, end;

	while (i < text.len) {
		if (s->part == BEFORE) {
			size_t at = boundary(m, &text, i), body;

			if (at == text.len) {
				if (final && i == 0)
					content(m, text);
				return text.len;
			}
			line_end(&text, at, &next);
			end = boundary(m, &text, next);
			if (end == text.len && !final && at > 0)
				return at;
			body = part_headers(m, &text, next);
			if (body > end)
				body = end;
			content(m, (struct bh_view){text.at + body, end - body});
			if (end == text.len && !final) {
				s->part = CONTENT;
				return 0;
			}
			i = end;
			if (end == text.len)
				break;
		} else {
			end = boundary(m, &text, 0);
			content(m, (struct bh_view){text.at, end});
			if (end == text.len)
				return final ? end : 0;
			s->part = BEFORE;
			i = end;
		}
	}
	return text.len;
}
