/* Values of content and pcre: escapes and bytes in hex; an expression, its modifiers and its buffer. */
#include <errno.h>
#include <stdio.h>

#include "suricata.h"

/* Reading one value: where it stands, and what is wrong with it. */
struct value {
	const char *p;
	struct bh_suricata_bad *bad;
	const char *start;
};

static int
bad(const struct value *v, const char *what)
{
	v->bad->at = (size_t)(v->p - v->start);
	v->bad->what = what;
	return -EINVAL;
}

/* "!" in front, and the quotes around: *p and *len are what stands between. */
static int
unquote(struct value *v, bool *negated, const char **end)
{
	size_t len;

	*negated = *v->p == '!';
	v->p += *negated;
	while (*v->p == ' ' || *v->p == '\t')
		v->p++;
	len = strlen(v->p);
	if (*v->p != '"')
		return bad(v, "expected a text in double quotes");
	v->p++;
	if (len < 2 || v->p[len - 2] != '"')
		return bad(v, "expected '\"' at its end; a ';' in a text is written \\;");
	*end = v->p + len - 2;
	return 0;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Bytes between two '|'; v->p stands behind the first. */
static int
hex_part(struct value *v, const char *end, uint8_t *out, size_t *n)
{
	const char *bar = memchr(v->p, '|', (size_t)(end - v->p));
	int high, low;

	if (bar == NULL)
		return bad(v, "bytes in hex without '|' at their end");
	while (v->p < bar) {
		if (*v->p == ' ') {
			v->p++;
			continue;
		}
		high = hex_digit(v->p[0]);
		if (high < 0)
			return bad(v, "expected bytes in hex between '|' and '|'");
		low = v->p + 1 < bar ? hex_digit(v->p[1]) : -1;
		if (low < 0)
			return bad(v, "a byte in hex has two digits");
		out[(*n)++] = (uint8_t)(high << 4 | low);
		v->p += 2;
	}
	v->p = bar + 1;
	return 0;
}

int
bh_suricata_content(struct bh_arena *a, const char *value, struct bh_suricata_pattern *out,
		    struct bh_suricata_bad *why)
{
	struct value v = {value, why, value};
	const char *end;
	uint8_t *text;
	size_t n = 0;
	int rc = unquote(&v, &out->negated, &end);

	if (rc != 0)
		return rc;
	text = bh_arena_alloc(a, (size_t)(end - v.p) + 1);
	if (text == NULL)
		return -ENOMEM;
	while (v.p < end) {
		if (*v.p == '|') {
			v.p++;
			rc = hex_part(&v, end, text, &n);
			if (rc != 0)
				return rc;
			continue;
		}
		if (*v.p == '"')
			return bad(&v, "a '\"' in a text is written \\\"");
		if (*v.p == '\\') {
			v.p++;
			if (v.p == end || strchr(":;\\\"", *v.p) == NULL)
				return bad(&v,
					   "only \\: \\; \\\\ and \\\" are escapes in a content; "
					   "other bytes are written in hex: |5c|");
		}
		text[n++] = (uint8_t)*v.p++;
	}
	if (n == 0)
		return bad(&v, "an empty content");
	out->text = text;
	out->len = n;
	return 0;
}

static const struct {
	char letter;
	uint16_t flag;
	const char *buffer;
} pcre_modifiers[] = {
	{'i', BH_PCRE_NOCASE, NULL},
	{'m', BH_PCRE_MULTILINE, NULL},
	{'s', BH_PCRE_DOTALL, NULL},
	{'x', BH_PCRE_EXTENDED, NULL},
	{'A', BH_PCRE_ANCHORED, NULL},
	{'E', BH_PCRE_DOLLAR_END, NULL},
	{'G', BH_PCRE_UNGREEDY, NULL},
	{'R', BH_PCRE_RELATIVE, NULL},
	{'B', 0, NULL}, /* bytes as they are: always so */
	{'O', 0, NULL}, /* lifts a limit that is not ours */
	{'U', 0, "http.uri"},
	{'I', 0, "http.uri.raw"},
	{'P', 0, "http.request_body"},
	{'Q', 0, "http.response_body"},
	{'H', 0, "http.header"},
	{'D', 0, "http.header.raw"},
	{'M', 0, "http.method"},
	{'C', 0, "http.cookie"},
	{'S', 0, "http.stat_code"},
	{'Y', 0, "http.stat_msg"},
	{'V', 0, "http.user_agent"},
	{'W', 0, "http.host"},
	{'Z', 0, "http.host.raw"},
};

static int
pcre_flags(struct value *v, const char *end, struct bh_suricata_pattern *out)
{
	size_t i;

	for (; v->p < end; v->p++) {
		if (*v->p == ',')
			return bad(v, "captures into variables are not supported");
		for (i = 0; i < BH_ARRAY_SIZE(pcre_modifiers); i++) {
			if (pcre_modifiers[i].letter == *v->p)
				break;
		}
		if (i == BH_ARRAY_SIZE(pcre_modifiers))
			return bad(v,
				   "unknown modifier: known are i m s x A E G R B O and those of "
				   "buffers, U I P Q H D M C S Y V W Z");
		if (pcre_modifiers[i].buffer != NULL && out->buffer != NULL)
			return bad(v, "two buffers for one expression");
		if (pcre_modifiers[i].buffer != NULL)
			out->buffer = pcre_modifiers[i].buffer;
		out->flags |= pcre_modifiers[i].flag;
	}
	return 0;
}

int
bh_suricata_pcre(struct bh_arena *a, const char *value, struct bh_suricata_pattern *out,
		 struct bh_suricata_bad *why)
{
	struct value v = {value, why, value};
	const char *end, *slash;
	int rc = unquote(&v, &out->negated, &end);

	if (rc != 0)
		return rc;
	if (v.p == end || *v.p != '/')
		return bad(&v, "expected /EXPRESSION/MODIFIERS");
	v.p++;
	slash = memrchr(v.p, '/', (size_t)(end - v.p));
	if (slash == NULL)
		return bad(&v, "expected '/' behind the expression");
	if (slash == v.p)
		return bad(&v, "an empty expression");
	out->regex = true;
	out->value_at = (size_t)(v.p - value);
	out->len = (size_t)(slash - v.p);
	out->text = (const uint8_t *)bh_arena_text(a, v.p, out->len);
	if (out->text == NULL)
		return -ENOMEM;
	v.p = slash + 1;
	return pcre_flags(&v, end, out);
}
