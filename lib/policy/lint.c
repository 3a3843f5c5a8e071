/* The linter: reads a document, compiles it (what does not compile is not in force), and has its rules checked one after
 * the other. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "lint.h"

/* More findings than a person reads. */
#define FINDINGS_MAX 100000

static const char *const kind_names[BH_LINT_KINDS] = {"shadowed", "redundant", "contradicting",
						      "over-broad", "no-members"};
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

struct bh_lint_finding *
bh_lint_find(struct bh_lint_run *run, enum bh_lint_kind kind, enum bh_lint_severity severity,
	     uint32_t rule)
{
	struct bh_lint *l = run->out;
	struct bh_lint_finding *f;
	void *grown;

	if (l->n_findings == FINDINGS_MAX) {
		l->complete = false;
		return NULL;
	}
	if (l->n_findings == l->cap) {
		l->cap = l->cap != 0 ? 2 * l->cap : 64;
		grown = realloc(l->finding, l->cap * sizeof(*l->finding));
		if (grown == NULL) {
			run->rc = -ENOMEM;
			return NULL;
		}
		l->finding = grown;
	}
	f = &l->finding[l->n_findings++];
	*f = (struct bh_lint_finding){
		.kind = (uint8_t)kind,
		.severity = (uint8_t)severity,
		.rule = rule,
		.id = bh_arena_text(&l->arena, run->doc->rule[rule].id,
				    strlen(run->doc->rule[rule].id)),
		.line = run->doc->rule[rule].line,
		.text = "",
	};
	if (f->id == NULL)
		run->rc = -ENOMEM;
	return f;
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

/* ---- rules by pair of segments ---------------------------------------------------------------------- */

static int
by_pair(const void *a, const void *b)
{
	const struct bh_lint_pair *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static int
make_pairs(struct bh_lint_run *run)
{
	const struct bh_doc *doc = run->doc;
	uint32_t any = doc->n_segments, i, f, t;
	size_t n = 0;

	for (i = 0; i < doc->n_rules; i++)
		n += (size_t)(doc->rule[i].from.n != 0 ? doc->rule[i].from.n : 1) *
		     (doc->rule[i].to.n != 0 ? doc->rule[i].to.n : 1);
	run->pair = malloc((n + 1) * sizeof(*run->pair));
	if (run->pair == NULL)
		return -ENOMEM;
	for (i = 0; i < doc->n_rules; i++) {
		const struct bh_side *from = &doc->rule[i].from, *to = &doc->rule[i].to;

		/* What has expired decides nothing. */
		for (f = 0; !doc->rule[i].expired && f < (from->n != 0 ? from->n : 1); f++) {
			for (t = 0; t < (to->n != 0 ? to->n : 1); t++) {
				uint64_t key = (uint64_t)(from->n != 0 ? from->segment[f] : any)
					       << 32;

				key |= to->n != 0 ? to->segment[t] : any;
				run->pair[run->n_pairs++] = (struct bh_lint_pair){key, i};
			}
		}
	}
	qsort(run->pair, run->n_pairs, sizeof(*run->pair), by_pair);
	return 0;
}

/* Merge the rules of one pair into run->cover. */
static bool
merge_pair(struct bh_lint_run *run, uint64_t key)
{
	size_t low = 0, high = run->n_pairs, mid;
	uint32_t need, n = 0, i = 0, *swap;

	while (low < high) {
		mid = (low + high) / 2;
		if (run->pair[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	for (high = low; high < run->n_pairs && run->pair[high].key == key;)
		high++;
	if (low == high)
		return true;
	need = run->n_cover + (uint32_t)(high - low);
	if (need > run->cap_spare) {
		run->cap_spare = 2 * need;
		swap = realloc(run->spare, run->cap_spare * sizeof(*swap));
		if (swap == NULL)
			return false;
		run->spare = swap;
	}
	while (i < run->n_cover || low < high) {
		uint32_t a = i < run->n_cover ? run->cover[i] : BH_NONE,
			 b = low < high ? run->pair[low].rule : BH_NONE;

		run->spare[n++] = a < b ? a : b;
		i += a <= b;
		low += b <= a;
	}
	run->work += n;
	swap = run->cover;
	run->cover = run->spare;
	run->spare = swap;
	need = run->cap_cover;
	run->cap_cover = run->cap_spare;
	run->cap_spare = need;
	run->n_cover = n;
	return true;
}

bool
bh_lint_cover(struct bh_lint_run *run, uint32_t from, uint32_t to)
{
	const struct bh_lint_segments *x = &run->segments;
	uint32_t any = run->doc->n_segments, nf, nt, f, t;
	bool ok = true;

	/* Behind the segments that hold an end comes any; any is held by itself alone. */
	nf = from != any ? x->segment[from].n_sup : 0;
	nt = to != any ? x->segment[to].n_sup : 0;
	run->n_cover = 0;
	for (f = 0; ok && f <= nf; f++) {
		uint64_t key = (uint64_t)(f < nf ? x->sup[x->segment[from].first_sup + f] : any)
			       << 32;

		for (t = 0; ok && t <= nt; t++)
			ok = merge_pair(run, key | (t < nt ? x->sup[x->segment[to].first_sup + t]
							   : any));
	}
	if (!ok)
		run->rc = -ENOMEM;
	return ok;
}

/* ---- the run ---------------------------------------------------------------------------------------- */

static int
make_planes(struct bh_lint_run *run)
{
	uint32_t i;

	run->plane = calloc((size_t)run->doc->n_rules + 1, sizeof(*run->plane));
	run->dead = calloc((size_t)run->doc->n_rules + 1, 1);
	if (run->plane == NULL || run->dead == NULL)
		return -ENOMEM;
	for (i = 0; i < run->doc->n_rules; i++) {
		bh_lint_plane_rule(&run->plane[i], &run->doc->rule[i], true);
		if (run->plane[i].failed)
			return -ENOMEM;
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

static int
check(struct bh_lint_run *run, struct bh_policy *p, struct bh_err *err)
{
	int rc = bh_snapshot_create(&run->snapshot, run->doc, &p->params.hash_key, 1, 0, err);

	if (rc == 0)
		rc = bh_lint_segments_build(&run->segments, run->doc, run->snapshot,
					    &p->params.hash_key);
	if (rc == 0)
		rc = make_pairs(run);
	if (rc == 0)
		rc = make_planes(run);
	if (rc == 0)
		rc = bh_lint_samples(run, p);
	if (rc == 0) {
		bh_lint_check_rules(run);
		bh_lint_check_conflict(run);
		bh_lint_check_shape(run);
		rc = run->rc;
	}
	if (rc == 0 && run->out->n_findings != 0)
		qsort(run->out->finding, run->out->n_findings, sizeof(*run->out->finding), by_rule);
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
	free(run->pair);
	free(run->cover);
	free(run->spare);
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
