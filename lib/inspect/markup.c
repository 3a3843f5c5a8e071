/* XML by its texts: character data and attribute values are judged as arguments; the document as a
 * whole for what only a document can do (entities, style sheets, inclusion). */
#include "message.h"

struct markup {
	struct bh_message *m;
	struct bh_view text;
	size_t pos;
};

static void
value(struct markup *x, size_t from, size_t to, unsigned where)
{
	struct bh_inspect_side *s = x->m->s;

	while (from < to && bh_is_space(x->text.at[from]))
		from++;
	if (to > from)
		bh_message_value(x->m, where, (struct bh_view){s->name, s->name_len},
				 (struct bh_view){x->text.at + from, to - from});
}

static void
set_name(struct markup *x, size_t from, size_t to)
{
	struct bh_inspect_side *s = x->m->s;
	size_t n = to - from;

	s->name_len = (uint8_t)(n < sizeof(s->name) ? n : sizeof(s->name));
	memcpy(s->name, x->text.at + from, s->name_len);
}

static size_t
name_end(const struct markup *x, size_t i)
{
	while (i < x->text.len && !bh_is_space(x->text.at[i]) &&
	       memchr("=/>\"'", x->text.at[i], 5) == NULL)
		i++;
	return i;
}

/* Attributes from behind the tag's name to behind its '>'; false: the tag does not end here. */
static bool
attributes(struct markup *x, size_t i)
{
	const struct bh_view *t = &x->text;

	while (i < t->len && t->at[i] != '>') {
		size_t start = i, end;
		uint8_t q;

		if (bh_is_space(t->at[i]) || memchr("=/\"'", t->at[i], 4) != NULL) {
			i++;
			continue;
		}
		end = i = name_end(x, i);
		set_name(x, start, end);
		i = bh_skip_space(t, i);
		if (i >= t->len || t->at[i] != '=')
			continue;
		i = bh_skip_space(t, i + 1);
		if (i >= t->len || (t->at[i] != '"' && t->at[i] != '\''))
			continue;
		q = t->at[i];
		for (start = ++i; i < t->len && t->at[i] != q; i++)
			;
		if (i >= t->len)
			return false;
		value(x, start, i, BH_AT_ARG);
		i++;
	}
	x->pos = i + 1;
	return i < t->len;
}

/* <![CDATA[ ... ]]>, comments, declarations. */
static bool
declaration(struct markup *x, size_t i)
{
	const struct bh_view *t = &x->text;
	const char *end = ">";
	size_t skip = 2, depth = 0, k;

	if (bh_at(t, i, "<![cdata["))
		skip = 9, end = "]]>";
	else if (bh_at(t, i, "<!--"))
		skip = 4, end = "-->";
	else if (bh_at(t, i, "<?"))
		end = "?>";
	for (k = i + skip; k < t->len; k++) {
		if (end[1] == '\0') {
			depth += t->at[k] == '[';
			depth -= t->at[k] == ']' && depth > 0;
			if (depth > 0)
				continue;
		}
		if (bh_at(t, k, end))
			break;
	}
	if (k >= t->len)
		return false;
	if (end[0] == ']' || end[0] == '-')
		value(x, i + skip, k, BH_AT_ARG);
	x->pos = k + strlen(end);
	return true;
}

size_t
bh_message_markup(struct bh_message *m, struct bh_view text, bool final)
{
	struct markup x = {.m = m, .text = text};
	const uint8_t *lt;
	size_t at, end;

	bh_message_value(m, BH_AT_BODY, (struct bh_view){NULL, 0}, text);
	while (x.pos < text.len) {
		lt = memchr(text.at + x.pos, '<', text.len - x.pos);
		at = lt != NULL ? (size_t)(lt - text.at) : text.len;
		if (lt == NULL && !final)
			return x.pos;
		value(&x, x.pos, at, BH_AT_ARG);
		if (lt == NULL)
			break;
		if (at + 1 < text.len && (text.at[at + 1] == '!' || text.at[at + 1] == '?')) {
			if (!declaration(&x, at))
				return final ? text.len : at;
			continue;
		}
		end = name_end(&x, at + 1);
		set_name(&x, at + 1, end);
		if (!attributes(&x, end))
			return final ? text.len : at;
	}
	return text.len;
}
