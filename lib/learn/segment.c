/* Segments for endpoints that nobody wrote any for. */
#include <stdio.h>
#include <stdlib.h>

#include "draft.h"

#define OTHER "other" /* who has a namespace, and nothing that names it */

struct made {
	char name[2 * BH_NAME_MAX];
	char line[16 * BH_NAME_MAX];
};

struct walk {
	const struct bh_learn_labels *labels;
	struct made *made; /* max, sorted by name */
	unsigned n, max;
};

/* ---- names ------------------------------------------------------------------------------------------------- */

static bool
begins(const char *text, const char *pattern, size_t n)
{
	return strncmp(text, pattern, n) == 0;
}

/* Is this label one of those that name nothing? */
static bool
is_ignored(const struct bh_config_words *ignore, const char *key)
{
	unsigned i;

	for (i = 0; i < ignore->n; i++) {
		const char *p = ignore->word[i];
		size_t n = strlen(p);

		if (strchr(p, '=') == NULL &&
		    (p[n - 1] == '*' ? begins(key, p, n - 1) : strcmp(key, p) == 0))
			return true;
	}
	return false;
}

/* The beginning that values of this key share with this one, when they are all one; NULL: it is a name of its own. */
static const char *
stem_pattern(const struct bh_config_words *ignore, const char *key, const char *value, size_t *len)
{
	size_t n = strlen(key);
	unsigned i;

	for (i = 0; i < ignore->n; i++) {
		const char *p = ignore->word[i];

		if (!begins(p, key, n) || p[n] != '=')
			continue;
		p += n + 1;
		*len = strlen(p) - 1;
		if (begins(value, p, *len))
			return p;
	}
	return NULL;
}

/* What it is called: "runner-" is "runner". */
static void
put_stem(const char *pattern, size_t len, char out[BH_NAME_MAX])
{
	while (len > 1 && strchr("-_./", pattern[len - 1]) != NULL)
		len--;
	snprintf(out, BH_NAME_MAX, "%.*s", (int)len, pattern);
}

static const struct bh_label *
find_label(const struct bh_endpoint *e, const struct bh_config_words *keys,
	   const struct bh_config_words *ignore)
{
	unsigned k, i;

	for (k = 0; k < keys->n; k++) {
		for (i = 0; i < e->n_labels; i++) {
			if (strcmp(e->labels[i].key, keys->word[k]) == 0 &&
			    e->labels[i].value[0] != '\0' && !is_ignored(ignore, keys->word[k]))
				return &e->labels[i];
		}
	}
	return NULL;
}

/* "runner-7f3c.ci" is "runner.ci" when all that begin with "runner-" are one. */
bool
bh_learn_stem_name(const struct bh_learn_labels *labels, const char *name, char out[BH_NAME_MAX])
{
	const char *dot = strrchr(name, '.');
	char stem[BH_NAME_MAX];
	unsigned k;

	for (k = 0; labels != NULL && labels->services != NULL && k < labels->services->n; k++) {
		size_t len;
		const char *p = stem_pattern(labels->ignore, labels->services->word[k], name, &len);

		if (p == NULL)
			continue;
		put_stem(p, len, stem);
		if (snprintf(out, BH_NAME_MAX, "%s%s", stem, dot != NULL ? dot : "") < BH_NAME_MAX)
			return true;
	}
	return false;
}

/* ---- segments ------------------------------------------------------------------------------------------------ */

/* No label that would name it otherwise. */
static void
put_absent(struct bh_buf *b, const struct bh_config_words *keys,
	   const struct bh_config_words *ignore)
{
	unsigned k;

	for (k = 0; k < keys->n; k++) {
		if (!is_ignored(ignore, keys->word[k]))
			bh_buf_printf(b, "%s!%s", b->len != 0 ? ", " : "", keys->word[k]);
	}
}

static void
put_selector(struct bh_buf *b, const struct walk *w, const struct bh_label *service,
	     const struct bh_label *space, char name[BH_NAME_MAX])
{
	const struct bh_config_words *ignore = w->labels->ignore;
	const char *stem;
	size_t len;

	snprintf(name, BH_NAME_MAX, "%s", service != NULL ? service->value : OTHER);
	if (service == NULL) {
		put_absent(b, w->labels->services, ignore);
	} else if ((stem = stem_pattern(ignore, service->key, service->value, &len)) != NULL) {
		put_stem(stem, len, name);
		bh_buf_printf(b, "%s prefix %.*s", service->key, (int)len, stem);
	} else {
		bh_buf_printf(b, "%s=%s", service->key, service->value);
	}
	if (space != NULL)
		bh_buf_printf(b, "%s%s=%s", b->len != 0 ? ", " : "", space->key, space->value);
	else
		put_absent(b, w->labels->namespaces, ignore);
}

static void
add(struct walk *w, const struct bh_label *service, const struct bh_label *space)
{
	char name[2 * BH_NAME_MAX], first[BH_NAME_MAX];
	struct bh_buf selector = {0};
	struct made *m;
	unsigned i;
	int rc = 1;

	put_selector(&selector, w, service, space, first);
	snprintf(name, sizeof(name), space != NULL ? "%s.%s" : "%s", first,
		 space != NULL ? space->value : "");
	if (selector.failed || selector.len + strlen(name) + 64 > sizeof(m->line) ||
	    strlen(name) >= BH_NAME_MAX || strcmp(name, "any") == 0 ||
	    strcmp(name, "external") == 0 || strcmp(name, "unknown") == 0 ||
	    strcmp(name, "nodes") == 0)
		goto out;
	for (i = 0; i < w->n && (rc = strcmp(w->made[i].name, name)) < 0; i++)
		;
	if ((i < w->n && rc == 0) || w->n == w->max)
		goto out;
	memmove(&w->made[i + 1], &w->made[i], (w->n - i) * sizeof(w->made[0]));
	m = &w->made[i];
	w->n++;
	snprintf(m->name, sizeof(m->name), "%s", name);
	snprintf(m->line, sizeof(m->line), "    %s: {selector: \"%s\"}\n", name, selector.data);
out:
	bh_buf_free(&selector);
}

static bool
take(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n_segments)
{
	const struct bh_label *service, *space;
	struct walk *w = arg;

	(void)segments;
	if (n_segments != 0)
		return true;
	service = find_label(e, w->labels->services, w->labels->ignore);
	space = find_label(e, w->labels->namespaces, w->labels->ignore);
	if (service != NULL || space != NULL)
		add(w, service, space);
	return w->n < w->max;
}

unsigned
bh_learn_new_segments(struct bh_policy *p, const struct bh_learn_labels *labels, unsigned max,
		      struct bh_buf *lines, struct bh_buf *names)
{
	struct walk w = {.labels = labels, .max = max};
	unsigned i;

	w.made = calloc(max + 1, sizeof(*w.made));
	if (w.made == NULL)
		return 0;
	bh_policy_endpoints_each(p, NULL, take, &w);
	for (i = 0; i < w.n; i++) {
		bh_buf_str(lines, w.made[i].line);
		bh_buf_printf(names, "%s%s", i != 0 ? ", " : "", w.made[i].name);
	}
	free(w.made);
	return w.n;
}

/* ---- those that others take the place of ----------------------------------------------------------------------- */

/* The name and the label of a line like `    NAME: {selector: "KEY=VALUE, REST"}`. */
static bool
read_line(const char *line, size_t len, char name[BH_NAME_MAX], struct bh_label *label,
	  char text[4 * BH_NAME_MAX], const char **rest)
{
	static const char open[] = ": {selector: \"";
	const char *at = memmem(line, len, open, strlen(open)), *end;
	char *equals, *comma;
	size_t n;

	while (len != 0 && *line == ' ') {
		line++;
		len--;
	}
	if (at == NULL || (size_t)(at - line) >= BH_NAME_MAX)
		return false;
	snprintf(name, BH_NAME_MAX, "%.*s", (int)(at - line), line);
	at += strlen(open);
	end = memchr(at, '"', (size_t)(line + len - at));
	n = end != NULL ? (size_t)(end - at) : 0;
	if (n == 0 || n >= 4 * BH_NAME_MAX)
		return false;
	memcpy(text, at, n);
	text[n] = '\0';
	equals = strchr(text, '=');
	comma = strstr(text, ", ");
	if (equals == NULL || (comma != NULL && comma < equals))
		return false;
	*equals = '\0';
	*rest = "";
	if (comma != NULL) {
		*comma = '\0';
		*rest = comma + 2;
	}
	*label = (struct bh_label){text, equals + 1};
	return true;
}

void
bh_learn_supersede(const struct bh_learn_labels *labels, const char *lines, size_t len,
		   struct bh_buf *out)
{
	char name[BH_NAME_MAX], stem_name[BH_NAME_MAX], text[4 * BH_NAME_MAX];
	const char *end = lines + len, *next, *rest, *stem;
	struct bh_label label;
	struct bh_buf line = {0};
	size_t n;

	for (; lines < end; lines = next) {
		next = memchr(lines, '\n', (size_t)(end - lines));
		next = next != NULL ? next + 1 : end;
		bh_buf_reset(&line);
		if (read_line(lines, (size_t)(next - lines), name, &label, text, &rest) &&
		    (stem = stem_pattern(labels->ignore, label.key, label.value, &n)) != NULL &&
		    bh_learn_stem_name(labels, name, stem_name))
			bh_buf_printf(&line, "    %s: {selector: \"%s prefix %.*s%s%s\"}\n",
				      stem_name, label.key, (int)n, stem,
				      rest[0] != '\0' ? ", " : "", rest);
		else
			bh_buf_add(&line, lines, (size_t)(next - lines));
		/* Once: many lines become one. */
		if (line.failed)
			out->failed = true;
		else if (out->len == 0 || memmem(out->data, out->len, line.data, line.len) == NULL)
			bh_buf_add(out, line.data, line.len);
	}
	bh_buf_free(&line);
}
