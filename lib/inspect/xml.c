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

void
bh_judge_xml(struct bh_judge *j, const struct bh_view *v)
{
	const uint8_t *p = v->at, *end = v->at + v->len;

	if (is_reference(v))
		bh_judge_hit(j, BH_INSPECT_XXE, 0);
	while (p < end && (p = memchr(p, '<', (size_t)(end - p))) != NULL) {
		size_t pos = (size_t)(p - v->at);
		struct bh_view rest = {p, (size_t)(end - p)};

		p++;
		if (pos + 2 >= v->len || v->at[pos + 1] != '!')
			continue;
		if (bh_at(v, pos, "<!entity") ||
		    (bh_at(v, pos, "<!doctype") &&
		     (has(&rest, " system") || has(&rest, " public \"-//a")))) {
			/* a document type of its own that names nothing outside is HTML's habit */
			if (bh_at(v, pos, "<!doctype html") && !has(&rest, "<!entity"))
				continue;
			bh_judge_hit(j, BH_INSPECT_XXE, pos);
			return;
		}
	}
}
