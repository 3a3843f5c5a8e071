/* The parts of a policy document that the gateway writes: lines from `learned:` or `clusters:` up to the next one that begins a key. The
 * rest of the text stays as people wrote it, comments and all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "draft.h"

#define KEY "learned:"

struct range {
	size_t from, to; /* bytes */
};

static size_t
line_end(const char *text, size_t len, size_t at)
{
	const char *nl = memchr(text + at, '\n', len - at);

	return nl != NULL ? (size_t)(nl - text) + 1 : len;
}

/* A line that belongs to the block above it: indented, empty, or (where `dash`) an item at the margin. */
static bool
goes_on(const char *text, size_t len, size_t at, bool dash)
{
	return at < len && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' ||
			    (dash && text[at] == '-' && at + 1 < len && text[at + 1] == ' '));
}

/* The lines of a key of the document; false: it has no such key at the margin. */
static bool
find_block(const char *text, size_t len, const char *key, struct range *out)
{
	size_t at, n = strlen(key);

	for (at = 0; at < len; at = line_end(text, len, at)) {
		if (len - at >= n && memcmp(text + at, key, n) == 0)
			break;
	}
	if (at >= len)
		return false;
	out->from = at;
	do {
		at = line_end(text, len, at);
	} while (goes_on(text, len, at, true));
	out->to = at;
	return true;
}

/* Where something can be added to a block: behind its last line that is not empty. */
static size_t
block_tail(const char *text, const struct range *r)
{
	size_t at = r->to;

	while (at > r->from &&
	       (text[at - 1] == '\n' || text[at - 1] == ' ' || text[at - 1] == '\r'))
		at--;
	return at;
}

static void
without(const char *text, size_t len, const char *key, struct bh_buf *out)
{
	struct range r;

	if (!find_block(text, len, key, &r)) {
		bh_buf_add(out, text, len);
		return;
	}
	bh_buf_add(out, text, r.from);
	bh_buf_add(out, text + r.to, len - r.to);
}

void
bh_document_part(const char *text, size_t len, const char *key, struct bh_buf *out)
{
	struct range r;

	if (find_block(text, len, key, &r))
		bh_buf_add(out, text + r.from, r.to - r.from);
}

void
bh_document_written(const char *text, size_t len, struct bh_buf *out)
{
	without(text, len, KEY, out);
}

void
bh_document_learned(const char *text, size_t len, struct bh_buf *out)
{
	bh_document_part(text, len, KEY, out);
}

static bool
is_flow_style(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len && (text[at] == '#' || text[at] == '\n' || text[at] == '\r'))
		at = line_end(text, len, at);
	while (at < len && (text[at] == ' ' || text[at] == '\n'))
		at++;
	return at < len && text[at] == '{';
}

int
bh_document_with_part(const char *text, size_t len, const char *key, const char *part,
		      struct bh_buf *out, struct bh_err *err)
{
	if (len == 0) {
		bh_buf_str(out, "version: 1\n");
	} else if (is_flow_style(text, len)) {
		return bh_err_set(err, EINVAL,
				  "the policy in force is written in flow style (JSON), to which "
				  "%.*s rules can't be added: write it as YAML, a key a line",
				  (int)strcspn(key, ":"), key);
	} else {
		without(text, len, key, out);
		if (out->len != 0 && out->data[out->len - 1] != '\n')
			bh_buf_str(out, "\n");
	}
	bh_buf_str(out, part);
	return out->failed ? bh_err_set(err, ENOMEM, "out of memory") : 0;
}

int
bh_document_with(const char *text, size_t len, const char *learned, struct bh_buf *out,
		 struct bh_err *err)
{
	return bh_document_with_part(text, len, KEY, learned, out, err);
}

/* ---- segments ------------------------------------------------------------------------------------------------ */

int
bh_document_add_segments(const char *text, size_t len, const char *lines, struct bh_buf *out,
			 struct bh_err *err)
{
	static const char head[] = "  segments:\n";
	struct bh_buf part = {0}, with = {0};
	const char *rest, *at;
	int rc;

	bh_document_learned(text, len, &part);
	rest = part.len != 0 ? part.data + strlen(KEY "\n") : "";
	at = part.len != 0 ? strstr(part.data, "\n  segments:\n") : NULL;
	bh_buf_str(&with, KEY "\n");
	if (at != NULL) {
		bh_buf_add(&with, rest, (size_t)(at + 1 - rest) + strlen(head));
		bh_buf_str(&with, lines);
		bh_buf_str(&with, at + 1 + strlen(head));
	} else {
		bh_buf_printf(&with, "%s%s%s", head, lines, rest);
	}
	rc = part.failed || with.failed ? bh_err_set(err, ENOMEM, "out of memory")
					: bh_document_with(text, len, with.data, out, err);
	bh_buf_free(&part);
	bh_buf_free(&with);
	return rc;
}

void
bh_document_selectors(const char *learned, size_t len, struct bh_buf *out)
{
	size_t at, end;

	for (at = 0; at < len; at = end) {
		end = line_end(learned, len, at);
		if (end - at > 4 && memcmp(learned + at, "    ", 4) == 0 &&
		    learned[at + 4] != ' ' &&
		    memmem(learned + at, end - at, ": {selector: ", 13) != NULL)
			bh_buf_add(out, learned + at, end - at);
	}
}

/* ---- adopting ---------------------------------------------------------------------------------------------- */

struct adoption {
	const char *text;
	size_t len;
	struct range *move; /* n_move lines of the learned part that leave it, in order */
	size_t n_move;
	struct bh_buf segments, rules; /* the same, as they are to stand in their new place */
};

static size_t
offset_of(const struct adoption *a, unsigned line)
{
	size_t at = 0;
	unsigned i;

	for (i = 1; i < line && at < a->len; i++)
		at = line_end(a->text, a->len, at);
	return at;
}

/* Lines of an item that begins in `line`: up to the next one that is not indented deeper than `indent`. */
static struct range
item_lines(const struct adoption *a, unsigned line, size_t indent)
{
	struct range r = {.from = offset_of(a, line)};
	size_t at = line_end(a->text, a->len, r.from), n;

	for (; at < a->len; at = line_end(a->text, a->len, at)) {
		for (n = 0; at + n < a->len && a->text[at + n] == ' '; n++)
			;
		if (n <= indent && at + n < a->len && a->text[at + n] != '\n')
			break;
	}
	r.to = at;
	return r;
}

/* Copy lines with `cut` blanks less and `put` more at their beginning. */
static void
copy_indented(struct bh_buf *out, const struct adoption *a, const struct range *r, size_t cut,
	      size_t put)
{
	size_t at, end, n;

	for (at = r->from; at < r->to; at = end) {
		end = line_end(a->text, a->len, at);
		for (n = 0; n < cut && a->text[at + n] == ' '; n++)
			;
		bh_buf_printf(out, "%*s", (int)put, "");
		bh_buf_add(out, a->text + at + n, end - at - n);
	}
}

/* Blanks before the items of a block of the document, or 2; -EINVAL: it is no block. */
static int
block_indent(const struct adoption *a, const struct bh_yaml *node, const char *key, size_t *indent,
	     struct bh_err *err)
{
	size_t at;

	*indent = 2;
	if (node == NULL || bh_yaml_is_null(node))
		return 0;
	if (node->type == BH_YAML_SCALAR || node->n == 0)
		goto flow;
	at = offset_of(a, node->type == BH_YAML_LIST ? node->item[0]->line : node->key[0]->line);
	for (*indent = 0; a->text[at + *indent] == ' '; ++*indent)
		;
	if (node->type == BH_YAML_LIST ? a->text[at + *indent] == '-'
				       : *indent + 1 == node->key[0]->column)
		return 0;
flow:
	return bh_err_set(err, EINVAL,
			  "'%s' is written in flow style, to which nothing can be added: write one "
			  "a line",
			  key);
}

static bool
is_wanted(const char *id, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (strcmp(list[i], id) == 0)
			return true;
	}
	return n == 0;
}

static bool
names(const struct bh_yaml *side, const char *segment)
{
	size_t i;

	if (side == NULL || side->type == BH_YAML_SCALAR)
		return side != NULL && strcmp(side->text, segment) == 0;
	for (i = 0; i < side->n; i++) {
		if (strcmp(side->item[i]->text, segment) == 0)
			return true;
	}
	return false;
}

static const char *
id_of(const struct bh_yaml *rule)
{
	const struct bh_yaml *id = rule->type == BH_YAML_MAP ? bh_yaml_get(rule, "id") : NULL;

	return id != NULL && id->type == BH_YAML_SCALAR ? id->text : "";
}

static bool
is_named(const struct bh_yaml *rules, const char *segment, const char *const *id, size_t n)
{
	size_t i;

	for (i = 0; i < rules->n; i++) {
		const struct bh_yaml *r = rules->item[i];

		if (is_wanted(id_of(r), id, n) && (names(bh_yaml_get(r, "from"), segment) ||
						   names(bh_yaml_get(r, "to"), segment)))
			return true;
	}
	return false;
}

static int
check_wanted(const struct bh_yaml *rules, const char *const *id, size_t n, struct bh_err *err)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; rules != NULL && k < rules->n; k++) {
			if (strcmp(id_of(rules->item[k]), id[i]) == 0)
				break;
		}
		if (rules == NULL || k == rules->n)
			return bh_err_set(err, ENOENT, "no learned rule in force is named '%.100s'",
					  id[i]);
	}
	return 0;
}

struct wanted {
	const char *const *id;
	size_t n;
};

/* What moves, in the order of the text: segments first, as the gateway writes them. */
static int
collect(struct adoption *a, const struct bh_yaml *root, const struct wanted *w, unsigned *moved,
	struct bh_err *err)
{
	const struct bh_yaml *learned = bh_yaml_get(root, "learned");
	const struct bh_yaml *segments, *rules = NULL;
	size_t i, indent[2];
	int rc;

	segments = learned != NULL && learned->type == BH_YAML_MAP
			   ? bh_yaml_get(learned, "segments")
			   : NULL;
	if (learned != NULL && learned->type == BH_YAML_MAP)
		rules = bh_yaml_get(learned, "rules");
	if (rules != NULL && rules->type != BH_YAML_LIST)
		rules = NULL;
	rc = check_wanted(rules, w->id, w->n, err);
	if (rc == 0)
		rc = block_indent(a, bh_yaml_get(root, "segments"), "segments", &indent[0], err);
	if (rc == 0)
		rc = block_indent(a, bh_yaml_get(root, "rules"), "rules", &indent[1], err);
	if (rc != 0 || rules == NULL)
		return rc;
	a->move = calloc(rules->n + (segments != NULL ? segments->n : 0) + 1, sizeof(*a->move));
	if (a->move == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	for (i = 0; segments != NULL && segments->type == BH_YAML_MAP && i < segments->n; i++) {
		if (!is_named(rules, segments->key[i]->text, w->id, w->n))
			continue;
		a->move[a->n_move] = item_lines(a, segments->key[i]->line, 4);
		copy_indented(&a->segments, a, &a->move[a->n_move++], 4, indent[0]);
	}
	for (i = 0; i < rules->n; i++) {
		if (!is_wanted(id_of(rules->item[i]), w->id, w->n))
			continue;
		a->move[a->n_move] = item_lines(a, rules->item[i]->line, 4);
		copy_indented(&a->rules, a, &a->move[a->n_move++], 4, indent[1]);
		++*moved;
	}
	return 0;
}

struct insertion {
	size_t at;
	const char *key; /* not NULL: the block does not exist yet */
	const struct bh_buf *lines;
};

static void
place(const struct adoption *a, const char *key, const struct bh_buf *lines, struct insertion *out)
{
	struct range r;

	*out = (struct insertion){.at = 0, .key = key, .lines = lines};
	if (find_block(a->text, a->len, key, &r)) {
		out->at = block_tail(a->text, &r);
		out->key = NULL;
	} else if (find_block(a->text, a->len, KEY, &r)) {
		out->at = r.from; /* before the learned part */
	}
}

static void
insert(struct bh_buf *out, const struct insertion *in)
{
	if (in->lines->len == 0)
		return;
	if (in->key != NULL)
		bh_buf_printf(out, "%s%s\n",
			      out->len != 0 && out->data[out->len - 1] != '\n' ? "\n" : "",
			      in->key);
	else
		bh_buf_str(out, "\n");
	/* Behind a line without its end: the last one of these goes without, too. */
	bh_buf_add(out, in->lines->data, in->lines->len - (in->key == NULL));
}

/* The text with insertions, without what moved. */
static void
write_text(const struct adoption *a, const struct insertion in[2], struct bh_buf *out)
{
	size_t at, m = 0, k;

	for (at = 0; at < a->len;) {
		size_t next = a->len;

		for (k = 0; k < 2; k++) {
			if (in[k].at == at)
				insert(out, &in[k]);
		}
		if (m < a->n_move && a->move[m].from == at) {
			at = a->move[m++].to;
			continue;
		}
		for (k = 0; k < 2; k++) {
			if (in[k].at > at && in[k].at < next)
				next = in[k].at;
		}
		if (m < a->n_move && a->move[m].from < next)
			next = a->move[m].from;
		bh_buf_add(out, a->text + at, next - at);
		at = next;
	}
	for (k = 0; k < 2; k++) {
		if (in[k].at == a->len)
			insert(out, &in[k]);
	}
}

int
bh_document_adopt(const char *text, size_t len, const char *const *id, size_t n, struct bh_buf *out,
		  unsigned *moved, struct bh_err *err)
{
	struct adoption a = {.text = text, .len = len};
	const struct wanted w = {.id = id, .n = n};
	struct insertion in[2];
	struct bh_yaml_doc *doc;
	int rc = bh_yaml_load_text(&doc, "policy in force", text, len, err);

	*moved = 0;
	if (rc != 0)
		return rc;
	rc = bh_yaml_root(doc)->type == BH_YAML_MAP ? collect(&a, bh_yaml_root(doc), &w, moved, err)
						    : 0;
	if (rc == 0) {
		place(&a, "segments:", &a.segments, &in[0]);
		place(&a, "rules:", &a.rules, &in[1]);
		write_text(&a, in, out);
		if (out->failed || a.segments.failed || a.rules.failed)
			rc = bh_err_set(err, ENOMEM, "out of memory");
	}
	bh_yaml_free(doc);
	bh_buf_free(&a.segments);
	bh_buf_free(&a.rules);
	free(a.move);
	return rc;
}
