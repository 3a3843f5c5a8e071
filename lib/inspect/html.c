/* A value as HTML: tags and attributes as a browser's tokenizer cuts them (WHATWG HTML 13.2.5), also when the value lands
 * behind an open attribute. Ordinary markup (a link, a table, a span) is no attack. */
#include "inspect_priv.h"

/* Tags that run, load, or change how the page is read, whatever they carry. Sorted. */
static const char *const active[] = {
	"applet",  "bgsound", "embed",    "frame",  "frameset", "iframe",   "ilayer", "import",
	"isindex", "keygen",  "noscript", "script", "svg",      "vmlframe", "xmp",    "xss",
};

/* Tags that do so by an attribute or content; alone they are also what manuals write for a word to be filled in. */
static const char *const suspect[] = {
	"animate",  "audio",     "base",     "body",    "button", "comment", "details",
	"dialog",   "form",      "handler",  "head",    "html",   "image",   "input",
	"layer",    "link",      "listener", "marquee", "math",   "meta",    "object",
	"param",    "plaintext", "portal",   "select",  "set",    "source",  "style",
	"template", "textarea",  "title",    "video",   "xml",
};

static const char *const url_attributes[] = {
	"action", "background", "code",   "codebase", "content", "data", "dynsrc", "from",
	"href",   "lowsrc",     "poster", "src",      "srcdoc",  "to",   "values",
};

/* Is this URL one that runs? Browsers drop white space and control characters in a scheme. */
static bool
runs(const struct bh_view *v, size_t from, size_t to)
{
	static const char *const schemes[] = {"javascript:",    "vbscript:",        "livescript:",
					      "mocha:",         "data:text",        "data:,",
					      "data:image/svg", "data:application", "view-source:"};
	uint8_t low[24];
	struct bh_view head;
	size_t n = 0;
	unsigned i;

	for (; from < to && n < sizeof(low); from++)
		if (v->at[from] > 0x20)
			low[n++] = bh_lower(v->at[from]);
	head = (struct bh_view){low, n};
	for (i = 0; i < BH_ARRAY_SIZE(schemes); i++)
		if (bh_at(&head, 0, schemes[i]))
			return true;
	return false;
}

/* A style that loads, or hides what it says. */
static bool
odd_style(const struct bh_view *v, size_t from, size_t to)
{
	struct bh_view s = {v->at + from, to - from};
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.at[i] == '\\' || s.at[i] == '[' || bh_at(&s, i, "url(") ||
		    bh_at(&s, i, "/*") || bh_at(&s, i, "&#") || bh_at(&s, i, "binding") ||
		    bh_at(&s, i, "expression"))
			return true;
	return false;
}

struct tag {
	unsigned attributes; /* with a value */
	bool hit;
};

/* Where one stands in the text. */
struct attribute {
	size_t name, name_len, value, end;
};

static void
attribute(const struct bh_view *v, const struct attribute *a, struct tag *t)
{
	size_t name = a->name, name_len = a->name_len, value = a->value, end = a->end;
	size_t i;

	t->attributes++;
	if (name_len > 4 && bh_at(v, name, "on")) {
		for (i = name; i < name + name_len && bh_is_alpha(v->at[i]); i++)
			;
		if (i == name + name_len)
			t->hit = true;
	}
	if (bh_in_list(v, name, name_len, url_attributes, BH_ARRAY_SIZE(url_attributes)) ||
	    memchr(v->at + name, ':', name_len) != NULL)
		t->hit |= runs(v, value, end);
	if (bh_is(v, name, name_len, "style"))
		t->hit |= odd_style(v, value, end);
	if (bh_at(v, name, "data") &&
	    (bh_is(v, name, name_len, "datasrc") || bh_is(v, name, name_len, "datafld") ||
	     bh_is(v, name, name_len, "dataformatas")))
		t->hit = true;
	if (bh_is(v, name, name_len, "srcdoc") || bh_is(v, name, name_len, "formaction"))
		t->hit = true;
}

/* Attributes from pos on. Returns where the tag ends. */
static size_t
attributes(const struct bh_view *v, size_t pos, struct tag *t)
{
	while (pos < v->len && v->at[pos] != '>') {
		size_t name, name_len, value, end;
		uint8_t c = v->at[pos];

		if (c <= 0x20 || c == '/' || c == '"' || c == '\'' || c == '`') {
			pos++;
			continue;
		}
		for (name = pos; pos < v->len && v->at[pos] > 0x20 && v->at[pos] != '=' &&
				 v->at[pos] != '>' && v->at[pos] != '/';
		     pos++)
			;
		name_len = pos - name;
		while (pos < v->len && v->at[pos] <= 0x20)
			pos++;
		if (pos >= v->len || v->at[pos] != '=') {
			if (name_len == 0)
				pos++;
			continue;
		}
		for (pos++; pos < v->len && v->at[pos] <= 0x20; pos++)
			;
		c = pos < v->len ? v->at[pos] : 0;
		if (c == '"' || c == '\'' || c == '`') {
			for (value = ++pos; pos < v->len && v->at[pos] != c; pos++)
				;
		} else {
			for (value = pos; pos < v->len && v->at[pos] > 0x20 && v->at[pos] != '>';
			     pos++)
				;
		}
		end = pos;
		attribute(v, &(struct attribute){name, name_len, value, end}, t);
	}
	return pos;
}

static bool
closes(const struct bh_view *v, size_t pos, size_t len)
{
	size_t i;

	for (i = 0; i + len + 2 < v->len; i++)
		if (v->at[i] == '<' && v->at[i + 1] == '/') {
			size_t k;

			for (k = 0;
			     k < len && bh_lower(v->at[i + 2 + k]) == bh_lower(v->at[pos + k]); k++)
				;
			if (k == len)
				return true;
		}
	return false;
}

/* Tags that never end are read to the text's end again and again: more of them than this is itself no ordinary text. */
#define HTML_BUDGET (16 * BH_INSPECT_PIECE)

static bool
spend(size_t *budget, size_t n)
{
	if (*budget < n)
		return false;
	*budget -= n;
	return true;
}

static bool
open_tag(const struct bh_view *v, size_t pos, size_t *budget)
{
	struct tag t = {0};
	size_t end = pos, colon, pos_end;
	uint8_t c;

	while (end < v->len && (bh_is_word(v->at[end]) || v->at[end] == ':' || v->at[end] == '-'))
		end++;
	/* a namespace's script is a script */
	for (colon = end; colon > pos && v->at[colon - 1] != ':'; colon--)
		;
	c = end < v->len ? v->at[end] : '>';
	if (c > 0x20 && c != '/' && c != '>' && c != '<' && c != '"' && c != '\'' && c != '[' &&
	    c != '%')
		return false;
	if (bh_in_list(v, pos, end - pos, active, BH_ARRAY_SIZE(active)) ||
	    bh_in_list(v, colon, end - colon, active, BH_ARRAY_SIZE(active)) ||
	    bh_at(v, pos, "xsl:") || bh_at(v, pos, "svg:") || bh_at(v, pos, "xml:"))
		return true;
	pos_end = attributes(v, end, &t);
	if (!spend(budget, pos_end - end))
		return true;
	if (t.hit)
		return true;
	if (bh_in_list(v, pos, end - pos, suspect, BH_ARRAY_SIZE(suspect)))
		return t.attributes > 0 || !spend(budget, v->len) || closes(v, pos, end - pos);
	return false;
}

void
bh_judge_html(struct bh_judge *j, const struct bh_view *v)
{
	static const char *const breakout[] = {"/script",   "/style",    "/textarea", "/title",
					       "/noscript", "/iframe",   "/svg",      "/xmp",
					       "/comment",  "/template", "?import",   "![endif",
					       "!--[if"};
	const uint8_t *lt = v->at;
	size_t budget = HTML_BUDGET;
	unsigned i;

	/* a document's own tags are not an injection; its texts are judged on their own */
	if (j->where == BH_AT_BODY && v->len > 0 && v->at[0] == '<')
		return;
	while (lt < v->at + v->len &&
	       (lt = memchr(lt, '<', (size_t)(v->at + v->len - lt))) != NULL) {
		size_t pos = (size_t)(++lt - v->at);

		while (pos < v->len && v->at[pos] <= 0x20 && v->at[pos] != ' ')
			pos++;
		if (pos >= v->len)
			return;
		if (bh_is_alpha(v->at[pos]) && open_tag(v, pos, &budget)) {
			bh_judge_hit(j, BH_INSPECT_XSS, pos - 1);
			return;
		}
		for (i = 0; i < BH_ARRAY_SIZE(breakout); i++)
			if (bh_at(v, pos, breakout[i])) {
				bh_judge_hit(j, BH_INSPECT_XSS, pos - 1);
				return;
			}
	}
}
