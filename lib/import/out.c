/* The document that is made: segments by what they hold, each once, and rules in order. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "import_priv.h"

#define NAME_LEN 127 /* of a segment or rule */

static bool
name_char(char c, bool edge)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (!edge && (c == '-' || c == '_' || c == '.' || c == '/'));
}

/* Of a name that is too long, what tells it from others is kept as a hash. */
static void
clean_name(const char *hint, char out[NAME_LEN + 1])
{
	size_t len = strlen(hint), i, n = 0;

	for (i = 0; i < len && n < NAME_LEN; i++) {
		if (n > 0 || name_char(hint[i], true))
			out[n++] = name_char(hint[i], false) ? hint[i] : '-';
	}
	if (i < len)
		n = (size_t)snprintf(out + 100, NAME_LEN - 99, "-%08x",
				     (unsigned)bh_import_hash(hint, 0)) +
		    100;
	while (n > 0 && !name_char(out[n - 1], true))
		n--;
	out[n] = '\0';
	if (n == 0)
		snprintf(out, NAME_LEN + 1, "x");
}

const char *
bh_out_name(struct bh_import *im, const char *hint)
{
	static const char *const reserved[] = {"any", "external", "unknown"};
	char name[NAME_LEN + 1], tail[16];
	uint32_t *count, number = 1;
	const char *kept;
	bool fresh;
	size_t i, n;

	if (im->p->prefix != NULL) {
		hint = bh_import_text(im, "%s/%s", im->p->prefix, hint);
		if (hint == NULL)
			return NULL;
	}
	clean_name(hint, name);
	for (i = 0; i < BH_ARRAY_SIZE(reserved); i++) {
		if (strcmp(name, reserved[i]) == 0)
			snprintf(name, sizeof(name), "%s-1", reserved[i]);
	}
	for (;;) {
		kept = bh_import_text(im, "%s", name);
		count = kept == NULL ? NULL : bh_words_at(&im->names, kept, 1, &fresh);
		if (count == NULL) {
			bh_import_nomem(im);
			return NULL;
		}
		if (fresh)
			return kept;
		/* Cells may move with the next one: what is needed of this one is taken now. */
		number = ++*count;
		n = (size_t)snprintf(tail, sizeof(tail), "-%u", number);
		snprintf(name, sizeof(name), "%.*s%s", (int)(NAME_LEN - n), kept, tail);
	}
}

void
bh_out_quoted(struct bh_buf *b, const char *text)
{
	const unsigned char *p;

	bh_buf_str(b, "\"");
	for (p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			bh_buf_printf(b, "\\%c", *p);
		else if (*p < ' ' || *p == 0x7f)
			bh_buf_printf(b, "\\x%02x", *p);
		else
			bh_buf_add(b, p, 1);
	}
	bh_buf_str(b, "\"");
}

static void
prefix_list(const struct bh_term *t, struct bh_buf *out)
{
	char text[64];
	size_t i;

	for (i = 0; i < t->n_prefixes; i++) {
		bh_prefix_format(&t->prefix[i], text, sizeof(text));
		bh_buf_printf(out, "%s\"%s\"", i == 0 ? "" : ", ", text);
	}
}

/* What an address term holds, as members of a segment. */
static void
address_text(const struct bh_term *t, struct bh_buf *out)
{
	size_t i;

	if (t->n_prefixes != 0 || t->n_hosts == 0) {
		bh_buf_str(out, "addresses: [");
		prefix_list(t, out);
		bh_buf_str(out, t->n_hosts != 0 ? "], " : "]");
	}
	for (i = 0; i < t->n_hosts; i++)
		bh_buf_printf(out, "%s\"%s\"", i == 0 ? "names: [" : ", ", t->host[i]);
	bh_buf_str(out, t->n_hosts != 0 ? "]" : "");
}

static int
add_name(struct bh_import *im, const char *name, const char ***names, size_t *n)
{
	size_t i;

	for (i = 0; i < *n; i++) {
		if (strcmp((*names)[i], name) == 0)
			return 0;
	}
	return bh_import_push(im, names, n, &name, sizeof(name));
}

/* The segment with this content, new or known. */
static int
intern_segment(struct bh_import *im, const char *content, const char *hint, const char ***names,
	       size_t *n)
{
	const char *name;
	uint32_t *at;
	bool fresh;
	int rc;

	at = bh_words_at(&im->contents, content, (uint32_t)im->n_contents, &fresh);
	if (at == NULL)
		return bh_import_nomem(im);
	if (!fresh)
		return add_name(im, im->content_name[*at], names, n);
	name = bh_out_name(im, hint);
	if (name == NULL)
		return -ENOMEM;
	rc = bh_import_push(im, &im->content_name, &im->n_contents, &name, sizeof(name));
	if (rc != 0)
		return rc;
	bh_buf_printf(&im->segments, "  \"%s\": {%s}\n", name, content);
	return add_name(im, name, names, n);
}

/* A list of values may hold neither an empty one nor more than 256: such a term is several segments. */
static struct bh_want *
to_split(const struct bh_term *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		struct bh_want *w = &t->want[i];

		if (w->in && w->n > 1 && (w->n > 200 || w->value[0][0] == '\0'))
			return w;
	}
	return NULL;
}

static int
split_segment(struct bh_import *im, const struct bh_term *t, const struct bh_want *w,
	      const char *hint, const char ***names, size_t *n)
{
	size_t first = w->value[0][0] == '\0' ? 1 : 200, i = (size_t)(w - t->want);
	struct bh_term part = *t;
	int rc;

	part.want = bh_import_alloc(im, t->n * sizeof(*t->want));
	if (part.want == NULL)
		return -ENOMEM;
	memcpy(part.want, t->want, t->n * sizeof(*t->want));
	part.want[i].n = first;
	rc = bh_out_segment(im, &part, hint, names, n);
	part.want[i].value = w->value + first;
	part.want[i].n = w->n - first;
	return rc != 0 ? rc : bh_out_segment(im, &part, hint, names, n);
}

#define HOSTS_MAX 1000 /* of one segment: the policy room takes a few more */

static int
split_hosts(struct bh_import *im, const struct bh_term *t, const char *hint, const char ***names,
	    size_t *n)
{
	struct bh_term part = *t;
	int rc;

	part.n_hosts = HOSTS_MAX;
	rc = bh_out_segment(im, &part, hint, names, n);
	part.n_prefixes = 0;
	part.host = t->host + HOSTS_MAX;
	part.n_hosts = t->n_hosts - HOSTS_MAX;
	return rc != 0 ? rc : bh_out_segment(im, &part, hint, names, n);
}

/* The policy room takes so many in a selector. */
#define REQUIREMENTS_MAX 64

static size_t
requirements(const struct bh_term *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->n; i++) {
		const struct bh_want *w = &t->want[i];
		/* As want_text() writes them: a list of more than one value may begin with the empty one. */
		bool empty = w->n > 1 && w->value[0][0] == '\0';

		n += w->exists + w->absent + empty + (w->n - empty + 199) / 200;
	}
	return n + t->n_more;
}

int
bh_out_segment(struct bh_import *im, const struct bh_term *t, const char *hint, const char ***names,
	       size_t *n)
{
	const struct bh_want *w = t->kind == BH_TERM_LABELS ? to_split(t) : NULL;
	struct bh_buf selector = {0}, text = {0};
	const char *content;

	if (w != NULL)
		return split_segment(im, t, w, hint, names, n);
	if (t->kind == BH_TERM_NAMED)
		return add_name(im, t->name, names, n);
	if (t->n_hosts > HOSTS_MAX)
		return split_hosts(im, t, hint, names, n);
	if (requirements(t) > REQUIREMENTS_MAX)
		return bh_err_set(im->err, E2BIG,
				  "segment '%.100s' would need more than %d requirements: give its "
				  "members a common label",
				  hint, REQUIREMENTS_MAX);
	if (t->kind == BH_TERM_LABELS) {
		bh_term_selector(t, &selector);
		bh_buf_str(&text, "selector: ");
		bh_out_quoted(&text, selector.data != NULL ? selector.data : "");
	} else {
		address_text(t, &text);
	}
	content = selector.failed || text.failed ? NULL : bh_import_text(im, "%s", text.data);
	bh_buf_free(&text);
	bh_buf_free(&selector);
	if (content == NULL)
		return bh_import_nomem(im);
	return intern_segment(im, content, hint, names, n);
}

static void
side_text(struct bh_buf *b, const char *key, const char *const *name, size_t n)
{
	size_t i;

	if (n == 0) {
		bh_buf_printf(b, "    %s: any\n", key);
		return;
	}
	bh_buf_printf(b, "    %s: [", key);
	for (i = 0; i < n; i++)
		bh_buf_printf(b, "%s\"%s\"", i == 0 ? "" : ", ", name[i]);
	bh_buf_str(b, "]\n");
}

void
bh_out_span(struct bh_buf *b, const struct bh_span *s)
{
	static const struct {
		unsigned proto;
		const char *name;
	} protos[] = {{6, "tcp"}, {17, "udp"}, {132, "sctp"}, {1, "icmp"}, {58, "icmpv6"}};
	unsigned proto = s->first >> 16, first = s->first & 0xffff, last = s->last & 0xffff;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(protos) && protos[i].proto != proto; i++)
		;
	if (i == BH_ARRAY_SIZE(protos))
		bh_buf_printf(b, "proto/%u", proto);
	else if (first <= 1 && last == 0xffff)
		bh_buf_str(b, protos[i].name);
	else if (first == last)
		bh_buf_printf(b, "%s/%u", protos[i].name, first);
	else
		bh_buf_printf(b, "%s/%u-%u", protos[i].name, first, last);
}

int
bh_spans_and(struct bh_import *im, const struct bh_span *a, size_t n_a, const struct bh_span *b,
	     size_t n_b, struct bh_span **out, size_t *n)
{
	struct bh_span s;
	size_t i, k;
	int rc = 0;

	for (i = 0; rc == 0 && i < n_a; i++) {
		for (k = 0; rc == 0 && k < n_b; k++) {
			s.first = a[i].first > b[k].first ? a[i].first : b[k].first;
			s.last = a[i].last < b[k].last ? a[i].last : b[k].last;
			if (s.first <= s.last)
				rc = bh_import_push(im, out, n, &s, sizeof(s));
		}
	}
	return rc;
}

static void
rule_ports(struct bh_buf *b, const struct bh_out_rule *r)
{
	size_t i;

	for (i = 0; i < r->n_ports; i++) {
		if (r->port[i].first == 0 && r->port[i].last >= 0xffffff)
			return;
	}
	for (i = 0; i < r->n_ports; i++) {
		bh_buf_str(b, i == 0 ? "    ports: [" : ", ");
		bh_out_span(b, &r->port[i]);
	}
	bh_buf_str(b, r->n_ports != 0 ? "]\n" : "");
}

int
bh_out_rule(struct bh_import *im, const struct bh_out_rule *r)
{
	struct bh_buf *b = &im->rules;
	char id[256];
	const char *name;
	size_t i;

	if (++im->n_rules > BH_RULES_LIMIT)
		return bh_err_set(im->err, E2BIG,
				  "more than %u rules would be needed: import fewer files at once",
				  BH_RULES_LIMIT);
	snprintf(id, sizeof(id), "%s", r->id);
	name = bh_out_name(im, id);
	if (name == NULL)
		return -ENOMEM;
	bh_buf_printf(b, "  - id: \"%s\"\n", name);
	side_text(b, "from", r->from, r->n_from);
	side_text(b, "to", r->to, r->n_to);
	rule_ports(b, r);
	for (i = 0; i < r->n_apps; i++)
		bh_buf_printf(b, "%s%s", i == 0 ? "    applications: [" : ", ", r->app[i]);
	bh_buf_printf(b, "%s    action: %s\n", r->n_apps != 0 ? "]\n" : "", r->action);
	if (r->comment != NULL && r->comment[0] != '\0') {
		bh_buf_str(b, "    comment: ");
		bh_out_quoted(b, r->comment);
		bh_buf_str(b, "\n");
	}
	return 0;
}
