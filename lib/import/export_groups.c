/* The older form: rules stand in the group that they start from, so that only the order within a group is said. Where a rule
 * denies, order counts: then each run of rules from one segment is a group of its own, with the same selectors. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "export.h"

/* What all names have in common, as the form writes it apart. */
struct naming {
	const char *prefix, *suffix;
};

struct writer {
	struct bh_export *x;
	struct naming naming;
	const struct bh_ex_segment *open; /* the group that rules go to; NULL: none */
	bool *written;                    /* by segment */
	bool has_rules;                   /* of the open group */
	bool failed;
};

static const char *
no_group(const struct bh_ex_segment *s)
{
	if (s->why != NULL)
		return s->why;
	if (s->has_addresses)
		return "a group has selectors, not addresses or names";
	return s->labels.n + s->labels.n_more == 0 ? "a group needs a selector" : NULL;
}

/* ---- names -------------------------------------------------------------------------------------------- */

/* NAME of PREFIX-NAME-SUFFIX; NULL: it has another form. */
static char *
short_name(struct bh_import *im, const struct naming *n, const char *name)
{
	size_t p = strlen(n->prefix), s = strlen(n->suffix), len = strlen(name);

	p += p != 0;
	s += s != 0;
	if (len <= p + s ||
	    (p != 0 && (strncmp(name, n->prefix, p - 1) != 0 || name[p - 1] != '-')) ||
	    (s != 0 && (strcmp(name + len - s + 1, n->suffix) != 0 || name[len - s] != '-')))
		return NULL;
	return bh_import_text(im, "%.*s", (int)(len - p - s), name + p);
}

/* RULE of PREFIX-GROUP-RULE-SUFFIX; NULL: it has another form. */
static const char *
short_id(struct bh_export *x, const struct naming *n, const struct bh_ex_segment *from,
	 const char *id)
{
	const char *group = short_name(x->im, n, from->name), *rest = short_name(x->im, n, id);
	size_t len = group != NULL ? strlen(group) : 0;

	if (group == NULL || rest == NULL || strncmp(rest, group, len) != 0 || rest[len] != '-' ||
	    rest[len + 1] == '\0')
		return NULL;
	return rest + len + 1;
}

static bool
all_fit(struct bh_export *x, const struct naming *n)
{
	size_t i;

	for (i = 0; i < x->n_segments; i++) {
		if (x->segment[i].node != NULL && no_group(&x->segment[i]) == NULL &&
		    short_name(x->im, n, x->segment[i].name) == NULL)
			return false;
	}
	for (i = 0; i < x->n_rules; i++) {
		if (!x->rule[i].dropped &&
		    short_id(x, n, &x->segment[x->rule[i].from.segment[0]], x->rule[i].id) == NULL)
			return false;
	}
	return true;
}

/* A prefix and a suffix, where every name of a group and of a rule has them: as an import made them. */
static struct naming
find_naming(struct bh_export *x)
{
	static const struct naming none = {"", ""};
	const char *first = NULL, *p, *s;
	struct naming n;
	size_t i;

	for (i = 0; i < x->n_segments && first == NULL; i++) {
		if (x->segment[i].node != NULL && no_group(&x->segment[i]) == NULL)
			first = x->segment[i].name;
	}
	/* The longest of each that fit all. */
	for (p = first != NULL ? strrchr(first, '-') : NULL; p != NULL && p > first; p--) {
		if (*p != '-')
			continue;
		for (s = p + 1; s != NULL; s = strchr(s, '-')) {
			s += *s == '-';
			n.prefix = bh_import_text(x->im, "%.*s", (int)(p - first), first);
			n.suffix = s > p + 1 ? s : "";
			if (n.prefix != NULL && s > p + 1 && all_fit(x, &n))
				return n;
		}
	}
	return none;
}

/* ---- groups ------------------------------------------------------------------------------------------- */

static void
selector(struct bh_buf *out, const struct bh_term *t)
{
	struct bh_buf text = {0};

	bh_term_selector(t, &text);
	if (text.len != 0) {
		bh_buf_str(out, "    - ");
		bh_out_quoted(out, text.data);
		bh_buf_str(out, "\n");
	}
	out->failed |= text.failed;
	bh_buf_free(&text);
}

static void
selectors(struct bh_buf *out, const struct bh_term *t)
{
	size_t i, k;

	bh_buf_str(out, "    selectors:\n");
	for (i = 0; i < t->n; i++) {
		const struct bh_want *w = &t->want[i];

		/* Of one key, alternatives: as the form has them. */
		for (k = 0; w->in && k < w->n; k++)
			bh_buf_printf(out, "    - \"%s=%s\"\n", w->key, w->value[k]);
		if (!w->in)
			selector(out, &(struct bh_term){.kind = BH_TERM_LABELS,
							.want = &t->want[i],
							.n = 1});
	}
	for (i = 0; i < t->n_more; i++)
		selector(out, &(struct bh_term){.kind = BH_TERM_LABELS,
						.more = &t->more[i],
						.n_more = 1});
}

static const char *
group_name(struct writer *w, const struct bh_ex_segment *s)
{
	const char *name = short_name(w->x->im, &w->naming, s->name);

	w->failed |= name == NULL;
	return name != NULL ? name : "";
}

static void
open_group(struct writer *w, const struct bh_ex_segment *s)
{
	struct bh_buf *out = w->x->out;
	bool *written = &w->written[s - w->x->segment];
	const char *name = *written ? bh_out_name(w->x->im, s->name) : s->name;

	if (*written)
		name = name != NULL ? short_name(w->x->im, &w->naming, name) : NULL;
	else
		name = group_name(w, s);
	/* A further one whose name has another form: the form's own would change it. */
	w->failed |= name == NULL;
	bh_buf_str(out, "  ");
	bh_out_quoted(out, name != NULL ? name : "");
	bh_buf_str(out, ":\n");
	selectors(out, &s->labels);
	*written = true;
	w->open = s;
	w->has_rules = false;
}

/* ---- rules -------------------------------------------------------------------------------------------- */

static void
rule(struct writer *w, const struct bh_ex_rule *r, const struct bh_ex_segment *from, size_t to)
{
	struct bh_buf *out = w->x->out;
	const char *id = short_id(w->x, &w->naming, from, r->id), *target = "any";
	size_t i;

	if (w->open != from)
		open_group(w, from);
	bh_buf_str(out, w->has_rules ? "" : "    rules:\n");
	w->has_rules = true;
	if (!r->to.any) {
		const struct bh_ex_segment *s = &w->x->segment[r->to.segment[to]];

		target = s->node == NULL ? s->name : group_name(w, s);
	}
	bh_buf_printf(out, "      \"%s", id != NULL ? id : r->id);
	bh_buf_printf(out, to != 0 ? "-%zu\":\n" : "\":\n", to + 1);
	if (r->n_apps != 0)
		bh_buf_str(out, "        applications:\n");
	for (i = 0; i < r->n_apps; i++)
		bh_buf_printf(out, "        - %s\n", bh_export_app(r->app[i]));
	bh_buf_str(out, "        toTarget: ");
	bh_out_quoted(out, target);
	if (r->n_ports != 1 || r->port[0].last < 0xffffff) {
		bh_buf_str(out, "\n        ports: \"");
		bh_ex_ports(w->x, r);
		bh_buf_str(out, "\"");
	}
	bh_buf_printf(out, "\n        action: %s\n", r->deny ? "deny" : "allow");
}

static void
rules_from(struct writer *w, const struct bh_ex_rule *r, const struct bh_ex_segment *only)
{
	size_t f, t;

	for (f = 0; !r->dropped && f < r->from.n; f++) {
		const struct bh_ex_segment *from = &w->x->segment[r->from.segment[f]];

		for (t = 0; (only == NULL || only == from) && t < (r->to.any ? 1 : r->to.n); t++)
			rule(w, r, from, t);
	}
}

static const char *
refusal(const struct bh_export *x, const struct bh_ex_rule *r)
{
	const struct bh_ex_segment *s;
	const char *why = NULL;
	size_t i;

	if (r->from.any)
		return "a rule stands in the group that it starts from: any is none";
	for (i = 0; why == NULL && i < r->from.n; i++) {
		s = &x->segment[r->from.segment[i]];
		why = s->node == NULL ? "a rule stands in the group that it starts from, which has "
					"selectors"
				      : no_group(s);
	}
	for (i = 0; why == NULL && i < r->to.n; i++) {
		s = &x->segment[r->to.segment[i]];
		why = s->node == NULL ? s->why : no_group(s);
	}
	return why != NULL ? why : bh_ex_no_service(r);
}

/* Returns whether one that is left denies. */
static bool
drop_some(struct bh_export *x)
{
	const struct bh_ex_rule *before;
	bool denies = false;
	const char *why;
	size_t i;

	for (i = 0; i < x->n_rules; i++) {
		struct bh_ex_rule *r = &x->rule[i];

		why = refusal(x, r);
		before = why == NULL && !r->deny ? bh_ex_in_the_way(x, r) : NULL;
		if (before != NULL)
			why = "a rule that denies before it could not be said";
		if (why != NULL)
			bh_ex_drop(x, r, why);
		else
			denies |= r->deny;
	}
	return denies;
}

static void
head(struct writer *w)
{
	bh_buf_str(w->x->out, "apiVersion: v1\n");
	if (w->naming.prefix[0] != '\0') {
		bh_buf_str(w->x->out, "prefix: ");
		bh_out_quoted(w->x->out, w->naming.prefix);
		bh_buf_str(w->x->out, "\nsuffix: ");
		bh_out_quoted(w->x->out, w->naming.suffix);
		bh_buf_str(w->x->out, "\n");
	}
	bh_buf_str(w->x->out, "groups:\n");
}

int
bh_export_groups(struct bh_export *x)
{
	struct writer w = {.x = x};
	bool denies = drop_some(x);
	size_t i, k, n = 0;

	w.written = bh_import_alloc(x->im, x->n_segments * sizeof(*w.written));
	if (w.written == NULL)
		return -ENOMEM;
	/* The names of further groups are not of the form that an import makes. */
	w.naming = denies ? (struct naming){"", ""} : find_naming(x);
	head(&w);
	for (i = 0; denies && i < x->n_rules; i++)
		rules_from(&w, &x->rule[i], NULL);
	for (i = 0; i < x->n_segments; i++) {
		const struct bh_ex_segment *s = &x->segment[i];

		if (s->node == NULL || no_group(s) != NULL) {
			if (s->node != NULL)
				bh_import_note(x->im, s->node, "segment '%.100s' is left out: %s",
					       s->name, no_group(s));
			continue;
		}
		n++;
		if (w.written[i])
			continue;
		open_group(&w, s);
		for (k = 0; !denies && k < x->n_rules; k++)
			rules_from(&w, &x->rule[k], s);
	}
	if (w.failed)
		return bh_import_nomem(x->im);
	return n != 0 ? 0
		      : bh_err_set(x->im->err, EINVAL,
				   "no segment of the policy can be said as a group");
}
