/* The path of a decision: each rule in order, what it asks and what it gets. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "explain.h"

/* Policies up to so many rules are shown whole, longer ones without the rules about others. */
#define WHOLE_MAX 200
#define STEPS_MAX 10000

static bool
side_fits(const struct bh_side *side, const uint32_t *in, uint32_t n)
{
	uint32_t i = 0, k = 0;

	while (i < side->n && k < n) {
		if (side->segment[i] == in[k])
			return true;
		if (side->segment[i] < in[k])
			i++;
		else
			k++;
	}
	return side->n == 0;
}

/* A rule that names applications says nothing of transports that none of them uses. */
static bool
service_fits(const struct bh_doc_rule *r, uint32_t service)
{
	unsigned proto = service >> 16;
	uint32_t i;

	if (r->n_apps != 0 && !(proto == 6 && (r->over & BH_OVER_TCP) != 0) &&
	    !(proto == 17 && (r->over & BH_OVER_UDP) != 0))
		return false;
	for (i = 0; i < r->n_services; i++) {
		if (r->service[i].first <= service && service <= r->service[i].last)
			return true;
	}
	return r->n_services == 0;
}

/* What is said, as the rule's applications take it: the best of them. */
static enum bh_explain_outcome
app_outcome(const struct bh_explain_run *run, uint32_t rule)
{
	const struct bh_snapshot *s = run->p->snapshot;
	const struct bh_rule *r = &s->rule[rule];
	const struct bh_asked_app *a = &s->app[r->first_app];
	const struct bh_op *op = run->said.op;
	bool later = false, by_operation = false, refused = false;
	uint32_t i;

	if (op != NULL && (op->flags & (BH_OP_SESSION | BH_OP_RECORD)) != 0)
		op = NULL;
	for (i = 0; i < r->n_apps; i++, a++) {
		if (!bh_appset_meet(&a->lines, &run->proven))
			later |= bh_appset_meet(&a->lines, &run->possible);
		else if (a->n_allow == 0)
			return BH_EXPLAIN_DECIDES;
		else if (op == NULL)
			by_operation = true;
		else if (bh_operation_fits(a, op, run->said.scratch, r->action != BH_VERDICT_ALLOW))
			return BH_EXPLAIN_DECIDES;
		else
			refused = true;
	}
	return r->n_apps == 0 ? BH_EXPLAIN_DECIDES
	       : later        ? BH_EXPLAIN_MAY
	       : by_operation ? BH_EXPLAIN_MAY_OPERATION
	       : refused      ? BH_EXPLAIN_OPERATION
			      : BH_EXPLAIN_APPLICATION;
}

/* ---- words ------------------------------------------------------------------------------------------ */

static const char *
words(struct bh_explain_run *run, const char *fmt, ...)
{
	struct bh_buf b = {0};
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	bh_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	text = b.failed ? NULL : bh_arena_text(&run->out->arena, b.data, b.len);
	bh_buf_free(&b);
	if (text == NULL)
		run->rc = -ENOMEM;
	return text != NULL ? text : "";
}

static const char *
outcome_text(struct bh_explain_run *run, const struct bh_doc_rule *r, enum bh_explain_outcome o)
{
	char service[32];

	bh_service_format(run->q->service, service, sizeof(service));
	switch (o) {
	case BH_EXPLAIN_FROM:
		return words(run, "it does not come from %s", r->from.text);
	case BH_EXPLAIN_TO:
		return words(run, "it does not go to %s", r->to.text);
	case BH_EXPLAIN_PORT:
		return words(run, "%s is not in %s%s%s", service, r->ports_text,
			     r->n_apps != 0 ? " of " : "", r->n_apps != 0 ? r->apps_text : "");
	case BH_EXPLAIN_APPLICATION:
		return words(run, "%s is not %s", run->q->application, r->apps_text);
	case BH_EXPLAIN_OPERATION:
		return words(run, "the operation is not in %s", r->apps_text);
	case BH_EXPLAIN_MAY:
		return words(run, "may decide, if it proves to be %s", r->apps_text);
	case BH_EXPLAIN_MAY_OPERATION:
		return words(run, "may decide, operation by operation: %s", r->apps_text);
	case BH_EXPLAIN_EXPIRED:
		return words(run, "it has expired, and no longer counts");
	case BH_EXPLAIN_BEHIND:
		return words(run, "a rule before it decides");
	default:
		return words(run, "fits, and decides: %s", bh_verdict_name(r->action));
	}
}

static void
set_step(struct bh_explain_run *run, struct bh_explain_step *s, uint32_t rule,
	 enum bh_explain_outcome outcome)
{
	const struct bh_doc_rule *r = &run->p->doc->rule[rule];

	*s = (struct bh_explain_step){.rule = rule,
				      .id = words(run, "%s", r->id),
				      .text = outcome_text(run, r, outcome),
				      .line = r->line,
				      .action = r->action,
				      .outcome = (uint8_t)outcome};
}

static void
add_step(struct bh_explain_run *run, uint32_t rule, enum bh_explain_outcome outcome)
{
	struct bh_explanation *e = run->out;
	struct bh_explain_step *grown;
	uint32_t n = e->n_steps;

	if ((outcome <= BH_EXPLAIN_TO && run->p->doc->n_rules > WHOLE_MAX) || n == STEPS_MAX) {
		e->n_left_out++;
		return;
	}
	/* Room doubles: full at each power of two. */
	if ((n & (n - 1)) == 0) {
		grown = bh_arena_alloc(&e->arena, (n != 0 ? 2 * (size_t)n : 1) * sizeof(*grown));
		if (grown == NULL) {
			run->rc = -ENOMEM;
			return;
		}
		if (n != 0)
			memcpy(grown, e->step, n * sizeof(*grown));
		e->step = grown;
	}
	set_step(run, &e->step[e->n_steps++], rule, outcome);
}

/* ---- the path --------------------------------------------------------------------------------------- */

static enum bh_explain_outcome
ask(const struct bh_explain_run *run, uint32_t rule)
{
	const struct bh_doc_rule *r = &run->p->doc->rule[rule];

	if (r->expired)
		return BH_EXPLAIN_EXPIRED;
	if (!side_fits(&r->from, run->in[0], run->n_in[0]))
		return BH_EXPLAIN_FROM;
	if (!side_fits(&r->to, run->in[1], run->n_in[1]))
		return BH_EXPLAIN_TO;
	if (!service_fits(r, run->q->service))
		return BH_EXPLAIN_PORT;
	return app_outcome(run, rule);
}

/* All conditions of a rule that are not met. */
static unsigned
unmet(const struct bh_explain_run *run, uint32_t rule, uint32_t decider)
{
	const struct bh_doc_rule *r = &run->p->doc->rule[rule];
	enum bh_explain_outcome app = app_outcome(run, rule);
	unsigned mask = 0;

	mask |= !side_fits(&r->from, run->in[0], run->n_in[0]) ? 1u << BH_EXPLAIN_FROM : 0;
	mask |= !side_fits(&r->to, run->in[1], run->n_in[1]) ? 1u << BH_EXPLAIN_TO : 0;
	mask |= !service_fits(r, run->q->service) ? 1u << BH_EXPLAIN_PORT : 0;
	if (app == BH_EXPLAIN_APPLICATION || app == BH_EXPLAIN_MAY)
		mask |= 1u << BH_EXPLAIN_APPLICATION;
	if (app == BH_EXPLAIN_OPERATION || app == BH_EXPLAIN_MAY_OPERATION)
		mask |= 1u << BH_EXPLAIN_OPERATION;
	mask |= r->expired ? 1u << BH_EXPLAIN_EXPIRED : 0;
	if (decider != BH_NO_RULE && rule > decider)
		mask |= 1u << BH_EXPLAIN_BEHIND;
	return mask;
}

static void
find_nearest(struct bh_explain_run *run, uint32_t decider)
{
	const struct bh_doc *doc = run->p->doc;
	uint32_t i, best = BH_NO_RULE;
	unsigned least = 0, mask;
	unsigned o = 0;

	for (i = 0; i < doc->n_rules; i++) {
		if (doc->rule[i].action != BH_VERDICT_ALLOW)
			continue;
		mask = unmet(run, i, decider);
		if (best == BH_NO_RULE || __builtin_popcount(mask) < __builtin_popcount(least)) {
			best = i;
			least = mask;
		}
	}
	if (best == BH_NO_RULE)
		return;
	while (o < BH_EXPLAIN_EXPIRED && (least >> o & 1) == 0)
		o++;
	run->out->unmet = least;
	set_step(run, &run->out->nearest, best, (enum bh_explain_outcome)o);
}

/* An end's mode, and the segment that it has it from. */
static const char *
end_mode(struct bh_explain_run *run, unsigned end, unsigned *bits)
{
	const struct bh_modes *m = run->p->modes;
	enum bh_mode_origin origin;
	uint32_t i, by = BH_NONE;
	enum bh_mode mode;

	*bits = 0;
	for (i = 0; i < run->n_in[end]; i++) {
		unsigned one = m->segment[run->in[end][i]];

		if ((one & BH_ENDMODE_NAMED) > (*bits & BH_ENDMODE_NAMED))
			by = run->in[end][i];
		*bits = bh_endmode_join(*bits, one);
	}
	if ((*bits & BH_ENDMODE_MEMBER) == 0)
		return "none";
	if (by == BH_NONE)
		return words(run, "%s by default",
			     bh_mode_name(bh_modes_between(m, *bits & ~(unsigned)BH_ENDMODE_CDE,
							   *bits & ~(unsigned)BH_ENDMODE_CDE)));
	mode = (enum bh_mode)((*bits & BH_ENDMODE_NAMED) - 1);
	bh_modes_of(run->p, by, &origin);
	return words(run, "%s by segment %s%s", bh_mode_name(mode), run->p->doc->segment[by].name,
		     origin == BH_MODE_SET ? " (set)" : "");
}

static void
find_mode(struct bh_explain_run *run)
{
	const struct bh_modes *m = run->p->modes;
	struct bh_explanation *e = run->out;
	unsigned from, to;
	const char *a = end_mode(run, 0, &from), *b = end_mode(run, 1, &to);
	bool both = (from & to & BH_ENDMODE_MEMBER) != 0;

	e->mode = (uint8_t)bh_modes_between(m, from, to);
	if (run->p->doc->override_mode != 0)
		e->mode_text = words(run, "%s: modes.override", bh_mode_name(e->mode));
	else if (!both)
		e->mode_text =
			words(run, "%s: from has %s, to has %s", bh_mode_name(e->mode), a, b);
	else
		e->mode_text =
			words(run, "%s: from has %s, to has %s; %s", bh_mode_name(e->mode), a, b,
			      ((from | to) & BH_ENDMODE_CDE) != 0
				      ? "the stricter, for a CDE zone is touched"
			      : run->p->doc->strict ? "the stricter, contention is strict"
						    : "the less strict, contention is basic");
}

static void
find_fences(const struct bh_explain_run *run, struct bh_decider *d)
{
	const struct bh_modes *m = run->p->modes;
	uint64_t fence[2] = {0, 0};
	uint32_t i;
	unsigned end;

	for (end = 0; end < 2; end++) {
		for (i = 0; i < run->n_in[end]; i++)
			fence[end] |= m->segment_fence[run->in[end][i]];
	}
	d->fence[0] = fence[0] & ~fence[1];
	d->fence[1] = fence[1] & ~fence[0];
	d->hard = m->hard;
}

void
bh_explain_path(struct bh_explain_run *run)
{
	const struct bh_snapshot *s = run->p->snapshot;
	struct bh_explanation *e = run->out;
	enum bh_explain_outcome outcome;
	struct bh_decider d;
	uint32_t i, decider = BH_NO_RULE;

	bh_decider_start(&d, s, &run->said, (uint8_t)(run->q->service >> 16));
	for (i = 0; run->rc == 0 && decider == BH_NO_RULE && i < s->n_rules; i++) {
		outcome = ask(run, i);
		add_step(run, i, outcome);
		if (outcome >= BH_EXPLAIN_APPLICATION && outcome != BH_EXPLAIN_EXPIRED &&
		    bh_decider_add(&d, i))
			decider = i;
	}
	find_mode(run);
	find_fences(run, &d);
	e->rule = bh_decider_end(&d, (enum bh_mode)e->mode, run->unknown[0] || run->unknown[1],
				 &e->path);
	e->path.rule = BH_NO_RULE;
	if (e->rule != BH_NO_RULE) {
		e->path.rule = s->rule[e->rule].name_id;
		e->id = words(run, "%s", run->p->doc->rule[e->rule].id);
		e->line = run->p->doc->rule[e->rule].line;
	}
	if (e->path.verdict != BH_VERDICT_ALLOW || e->path.by_operation ||
	    e->path.reason == BH_REASON_DISCOVER)
		find_nearest(run, decider);
}
