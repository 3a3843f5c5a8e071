/* A document as a whole: entities of its own, files and addresses it pulls in. */
#include "inspect_priv.h"

static bool
has(const struct bh_view *v, const char *text)
{
	size_t i;

	for (i = 0; i + strlen(text) <= v->len; i++)
		if (bh_lower(v->at[i]) == (uint8_t)text[0] && bh_at(v, i, text))
			return true;
	return false;
}

/* Nothing but a reference to an entity that only a document type could declare. */
static bool
is_reference(const struct bh_view *v)
{
	size_t i = bh_skip_space(v, 0), start = ++i;

	if (start > v->len || (v->at[start - 1] != '&' && v->at[start - 1] != '%'))
		return false;
	while (i < v->len && bh_is_word(v->at[i]))
		i++;
	return i > start && i < v->len && v->at[i] == ';' && bh_skip_space(v, i + 1) >= v->len;
}

/* "-//owner//DTD name//EN" (ISO 8879 10.2.2.2): what published document types are called. */
static bool
is_formal(const struct bh_view *v, size_t pos, size_t len)
{
	struct bh_view id = {v->at + pos, len};
	size_t i;
	unsigned pairs = 0;

	for (i = 0; i + 1 < len; i++)
		if (id.at[i] == '/' && id.at[i + 1] == '/') {
			pairs++;
			i++;
		}
	return pairs >= 3 && has(&id, "//dtd ");
}

/* <!DOCTYPE name SYSTEM "..."> and PUBLIC "..." "...": a file or address that the reader would fetch. HTML's own types are
 * never fetched; those with a formal public name are in readers' catalogues. */
static bool
is_foreign(const struct bh_view *v)
{
	size_t i = bh_skip_space(v, 9), name = i, end;
	bool system;

	while (i < v->len && (bh_is_word(v->at[i]) || memchr(":-.", v->at[i], 3) != NULL))
		i++;
	end = i;
	i = bh_skip_space(v, i);
	system = bh_at(v, i, "system");
	if (i == end || end == name || (!system && !bh_at(v, i, "public")))
		return false;
	i = bh_skip_space(v, i + 6);
	if (i >= v->len || (v->at[i] != '"' && v->at[i] != '\''))
		return false;
	for (end = i + 1; end < v->len && v->at[end] != v->at[i]; end++)
		;
	if (!system && is_formal(v, i + 1, end - i - 1))
		return false;
	if (bh_is(v, name, 4, "html") && !bh_is_word(v->at[name + 4]))
		return system && !bh_at(v, i + 1, "about:legacy-compat");
	/* a public name alone names nothing that could be fetched */
	return system || bh_skip_space(v, end + 1) + 1 < v->len;
}

void
bh_judge_xml(struct bh_judge *j, const struct bh_view *v)
{
	const uint8_t *p = v->at, *end = v->at + v->len;

	if (j->where == BH_AT_BODY && is_reference(v))
		bh_judge_hit(j, BH_INSPECT_XXE, 0);
	while (p < end && (p = memchr(p, '<', (size_t)(end - p))) != NULL) {
		size_t pos = (size_t)(p - v->at);
		struct bh_view rest = {p, (size_t)(end - p)};

		p++;
		if (pos + 2 >= v->len || v->at[pos + 1] != '!')
			continue;
		if (bh_at(v, pos, "<!entity") ||
		    (bh_at(v, pos, "<!doctype") && is_foreign(&rest))) {
			bh_judge_hit(j, BH_INSPECT_XXE, pos);
			return;
		}
	}
}
