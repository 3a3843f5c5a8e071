/* The linter: reads a document, compiles it (what does not compile is not in force), and has its rules checked one after
 * the other. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "lint.h"

/* More findings than a person reads. */
#define FINDINGS_MAX 100000

static const char *const kind_names[BH_LINT_KINDS] = {"shadowed",   "redundant",  "contradicting",
						      "over-broad", "no-members", "not-decided",
						      "never-hit"};
static const char *const severity_names[] = {"info", "warning", "error"};

const char *
bh_lint_kind_name(unsigned kind)
{
	return kind < BH_LINT_KINDS ? kind_names[kind] : "invalid";
}

const char *
bh_lint_severity_name(unsigned severity)
{
	return severity < BH_ARRAY_SIZE(severity_names) ? severity_names[severity] : "invalid";
}

/* ---- findings --------------------------------------------------------------------------------------- */

/* A copy of f behind the others; NULL: no memory, or as many as there may be, and then it is not complete. */
static struct bh_lint_finding *
add_finding(struct bh_lint *l, const struct bh_lint_finding *f)
{
	struct bh_lint_finding *out;
	void *grown;

	if (l->n_findings == FINDINGS_MAX) {
		l->complete = false;
		return NULL;
	}
	if (l->n_findings == l->cap) {
		grown = realloc(l->finding, (l->cap != 0 ? 2 * l->cap : 64) * sizeof(*out));
		if (grown == NULL)
			return NULL;
		l->finding = grown;
		l->cap = l->cap != 0 ? 2 * l->cap : 64;
	}
	out = &l->finding[l->n_findings];
	*out = *f;
	out->id = bh_arena_text(&l->arena, f->id, strlen(f->id));
	if (out->id == NULL)
		return NULL;
	l->n_findings++;
	return out;
}

struct bh_lint_finding *
bh_lint_find(struct bh_lint_run *run, enum bh_lint_kind kind, enum bh_lint_severity severity,
	     uint32_t rule)
{
	struct bh_lint_finding *f = add_finding(run->out, &(struct bh_lint_finding){
								  .kind = (uint8_t)kind,
								  .severity = (uint8_t)severity,
								  .rule = rule,
								  .id = run->doc->rule[rule].id,
								  .line = run->doc->rule[rule].line,
								  .text = "",
							  });

	if (f == NULL && run->out->n_findings != FINDINGS_MAX)
		run->rc = -ENOMEM;
	return f;
}

int
bh_lint_never_hit(struct bh_lint *l, const struct bh_lint_finding *f)
{
	struct bh_lint_finding *out = add_finding(l, f);

	if (out == NULL)
		return l->n_findings == FINDINGS_MAX ? 0 : -ENOMEM;
	out->kind = BH_LINT_NEVER_HIT;
	out->severity = BH_LINT_WARNING;
	out->text = bh_arena_text(&l->arena, f->text, strlen(f->text));
	if (out->text != NULL)
		return 0;
	l->n_findings--;
	return -ENOMEM;
}

void
bh_lint_say(struct bh_lint_run *run, struct bh_lint_finding *f, const char *fmt, ...)
{
	struct bh_buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	bh_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	f->text = b.failed ? NULL : bh_arena_text(&run->out->arena, b.data, b.len);
	bh_buf_free(&b);
	if (f->text == NULL)
		run->rc = -ENOMEM;
}

void
bh_lint_other(struct bh_lint_run *run, struct bh_lint_finding *f, uint32_t rule)
{
	struct bh_arena *a = &run->out->arena;
	const char *id = run->doc->rule[rule].id, **ids;
	uint32_t n = f->n_others, *index;

	if (n != 0 && f->other_index[n - 1] == rule)
		return;
	/* Room doubles: full at each power of two. */
	if ((n & (n - 1)) == 0) {
		ids = bh_arena_alloc(a, (n != 0 ? 2 * n : 1) * sizeof(*ids));
		index = bh_arena_alloc(a, (n != 0 ? 2 * n : 1) * sizeof(*index));
		if (ids == NULL || index == NULL) {
			run->rc = -ENOMEM;
			return;
		}
		if (n != 0) {
			memcpy(ids, f->other, n * sizeof(*ids));
			memcpy(index, f->other_index, n * sizeof(*index));
		}
		f->other = ids;
		f->other_index = index;
	}
	f->other[n] = bh_arena_text(a, id, strlen(id));
	f->other_index[n] = rule;
	f->n_others += f->other[n] != NULL;
	if (f->other[n] == NULL)
		run->rc = -ENOMEM;
}

static int
tell_rules(struct bh_lint_run *run)
{
	struct bh_lint *l = run->out;
	struct bh_rule_info r;
	uint32_t i;

	l->rule = bh_arena_alloc(&l->arena, ((size_t)l->n_rules + 1) * sizeof(*l->rule));
	if (l->rule == NULL)
		return -ENOMEM;
	for (i = 0; i < l->n_rules; i++) {
		bh_doc_rule_info(run->doc, i, &r);
		l->rule[i] = (struct bh_lint_rule){bh_arena_text(&l->arena, r.id, strlen(r.id)),
						   bh_rule_body(&r), r.line, r.expired};
		if (l->rule[i].id == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* ---- the run ---------------------------------------------------------------------------------------- */

static int
make_planes(struct bh_lint_run *run)
{
	uint32_t i, k;
	size_t n = (size_t)run->doc->n_segments + 1;

	run->plane = calloc((size_t)run->doc->n_rules + 1, sizeof(*run->plane));
	run->reach = calloc((size_t)run->doc->n_rules + 1, sizeof(*run->reach));
	run->in = malloc(8 * n * sizeof(*run->in));
	run->dead = calloc((size_t)run->doc->n_rules + 1, 1);
	if (run->plane == NULL || run->dead == NULL || run->reach == NULL || run->in == NULL)
		return -ENOMEM;
	for (i = 0; i < run->doc->n_rules; i++) {
		bh_lint_plane_rule(&run->plane[i], &run->doc->rule[i], true);
		if (run->plane[i].failed)
			return -ENOMEM;
		run->reach[i] = (struct bh_service){UINT32_MAX, 0};
		for (k = 0; k < run->plane[i].n && !run->doc->rule[i].expired; k++) {
			const struct bh_lint_rect *r = &run->plane[i].rect[k];

			if (r->first < run->reach[i].first)
				run->reach[i].first = r->first;
			if (r->last > run->reach[i].last)
				run->reach[i].last = r->last;
		}
	}
	return 0;
}

static int
by_rule(const void *a, const void *b)
{
	const struct bh_lint_finding *x = a, *y = b;

	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	if (x->kind != y->kind)
		return (int)x->kind - (int)y->kind;
	if (x->n_others == 0 || y->n_others == 0)
		return 0;
	return x->other_index[0] < y->other_index[0] ? -1 : x->other_index[0] > y->other_index[0];
}

void
bh_lint_sort(struct bh_lint *l)
{
	if (l->n_findings != 0)
		qsort(l->finding, l->n_findings, sizeof(*l->finding), by_rule);
}

static int
check(struct bh_lint_run *run, struct bh_policy *p, struct bh_err *err)
{
	int rc = bh_snapshot_create(&run->snapshot, run->doc, &p->params.hash_key, 1, 0, err);

	if (rc == 0)
		rc = bh_lint_segments_build(&run->segments, run->doc, run->snapshot,
					    &p->params.hash_key);
	if (rc == 0)
		rc = bh_label_sets_init(&run->sets, &p->params.hash_key);
	if (rc == 0)
		rc = make_planes(run);
	if (rc == 0)
		rc = bh_lint_samples(run, p);
	if (rc == 0) {
		bh_lint_check_rules(run);
		bh_lint_check_conflict(run);
		bh_lint_check_shape(run);
		if (run->rc == 0)
			bh_lint_check_unread(run);
		rc = run->rc;
	}
	if (rc == 0)
		bh_lint_sort(run->out);
	return rc;
}

static void
run_free(struct bh_lint_run *run)
{
	uint32_t i;

	for (i = 0; run->plane != NULL && i < run->doc->n_rules; i++)
		bh_lint_plane_free(&run->plane[i]);
	free(run->plane);
	free(run->dead);
	free(run->reach);
	free(run->taker);
	free(run->box);
	free(run->in);
	bh_arena_free(&run->kept);
	bh_label_sets_free(&run->sets);
	bh_lint_samples_free(run);
	bh_lint_segments_free(&run->segments);
	bh_snapshot_free(run->snapshot);
	bh_doc_free(run->doc);
}

static int
read_doc(struct bh_lint_run *run, struct bh_policy *p, const char *name, struct bh_buf *text,
	 struct bh_err *err)
{
	struct bh_yaml_doc *yaml;
	int rc;

	if (text->len == 0)
		bh_buf_str(text, "version: 1\n");
	if (text->failed)
		return bh_err_set(err, ENOMEM, "out of memory");
	rc = bh_yaml_load_text(&yaml, name, text->data, text->len, err);
	if (rc != 0)
		return rc;
	rc = bh_doc_parse(&run->doc, yaml, &p->params.hash_key, err);
	bh_yaml_free(yaml);
	return rc;
}

int
bh_policy_lint(struct bh_policy *p, const char *name, const char *text, size_t len,
	       struct bh_lint **out, struct bh_err *err)
{
	uint64_t start = bh_clock_system.mono_ns(NULL);
	struct bh_lint_run run = {.out = calloc(1, sizeof(*run.out))};
	struct bh_buf copy = {0};
	int rc = run.out != NULL ? 0 : -ENOMEM;

	/* The document in force is read again from its text: nobody waits for the linter. */
	if (text != NULL)
		bh_buf_add(&copy, text, len);
	else
		bh_policy_text(p, &copy);
	if (rc == 0)
		rc = read_doc(&run, p, name, &copy, err);
	bh_buf_free(&copy);
	if (rc == 0) {
		run.out->complete = true;
		run.out->n_rules = run.doc->n_rules;
		run.out->n_segments = run.doc->n_segments - 2;
		rc = tell_rules(&run);
		if (rc == 0)
			rc = check(&run, p, err);
	}
	if (run.doc != NULL)
		run_free(&run);
	if (rc != 0) {
		bh_lint_free(run.out);
		return rc == -ENOMEM ? bh_err_set(err, ENOMEM, "out of memory") : rc;
	}
	run.out->elapsed_ns = bh_clock_system.mono_ns(NULL) - start;
	*out = run.out;
	return 0;
}

void
bh_lint_free(struct bh_lint *l)
{
	if (l == NULL)
		return;
	free(l->finding);
	bh_arena_free(&l->arena);
	free(l);
}
