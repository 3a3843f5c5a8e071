/* What a rule's own shape says: too broad, or about nobody. */
#include <errno.h>
#include <stdlib.h>

#include "lint.h"

/* Half of all ports: nobody counts them out by hand. */
#define BROAD_PORTS 32768

/* Are so many ports of TCP or UDP allowed? A range that is most of another protocol's types is not what this is about. */
static bool
is_wide(const struct bh_doc_rule *r)
{
	uint32_t i;

	for (i = 0; i < r->n_services; i++) {
		if (r->service[i].last == BH_SERVICE_LAST)
			return true;
		if ((r->service[i].first >> 16 == 6 || r->service[i].first >> 16 == 17) &&
		    r->service[i].last - r->service[i].first + 1 >= BROAD_PORTS)
			return true;
	}
	return r->n_services == 0;
}

static void
check_broad(struct bh_lint_run *run, uint32_t rule)
{
	const struct bh_doc_rule *r = &run->doc->rule[rule];
	bool all = r->from.n == 0 && r->to.n == 0;
	struct bh_lint_finding *f;
	uint32_t segment[2];
	uint64_t k;

	if (r->action != BH_VERDICT_ALLOW || r->n_apps != 0 || (r->from.n != 0 && r->to.n != 0) ||
	    !is_wide(r))
		return;
	f = bh_lint_find(run, BH_LINT_OVER_BROAD, all ? BH_LINT_ERROR : BH_LINT_WARNING, rule);
	if (f == NULL)
		return;
	bh_lint_say(run, f,
		    all ? "rule '%s' allows anybody to say anything to anybody (ports: %s): name "
			  "segments, ports or applications"
			: "rule '%s' has any on one side, no applications and half of all ports or "
			  "more (%s): name segments, ports or applications",
		    r->id, r->ports_text);
	for (k = 0; bh_lint_pair(run->doc, rule, k, segment); k++) {
		if (bh_lint_boxes(run, segment, run->plane[rule].rect, 1) != 0) {
			bh_lint_witness(run, f, segment, &run->box[0], BH_NONE);
			break;
		}
	}
}

static bool
has_members(const struct bh_lint_run *run, uint32_t segment)
{
	return segment <= BH_SEGMENT_UNKNOWN || run->sample_of[segment] != BH_NONE ||
	       run->segments.segment[segment].n_ranges != 0;
}

/* Segments of a side that nobody is in, into b. Returns how many. */
static uint32_t
put_empty(const struct bh_lint_run *run, const struct bh_side *side, struct bh_buf *b,
	  bool *impossible)
{
	uint32_t i, n = 0;

	for (i = 0; i < side->n; i++) {
		if (has_members(run, side->segment[i]))
			continue;
		*impossible |= run->segments.segment[side->segment[i]].impossible;
		bh_buf_printf(b, "%s'%s'", b->len == 0 ? "" : ", ",
			      run->doc->segment[side->segment[i]].name);
		n++;
	}
	return n;
}

static void
check_members(struct bh_lint_run *run, uint32_t rule)
{
	const struct bh_doc_rule *r = &run->doc->rule[rule];
	struct bh_lint_finding *f;
	struct bh_buf b = {0};
	bool impossible = false;
	uint32_t n = put_empty(run, &r->from, &b, &impossible);

	n += put_empty(run, &r->to, &b, &impossible);
	if (n != 0 && !b.failed) {
		f = bh_lint_find(run, BH_LINT_NO_MEMBERS,
				 impossible ? BH_LINT_ERROR : BH_LINT_WARNING, rule);
		if (f != NULL)
			bh_lint_say(run, f, "rule '%s' names %s %s: nobody %s in %s", r->id,
				    n == 1 ? "segment" : "segments", b.data,
				    impossible ? "can be" : "is", n == 1 ? "it" : "them");
	}
	bh_buf_free(&b);
}

/* Does another segment that rules speak of have addresses, or names, so that it may share those of this one? */
static bool
may_share(const struct bh_lint_run *run, uint32_t segment, const uint8_t *spoken)
{
	uint32_t i;

	for (i = 0; i < run->doc->n_segments; i++) {
		const struct bh_lint_segment *s = &run->segments.segment[i];

		if (i != segment && spoken[i] != 0 && (s->by_name || s->n_ranges != 0))
			return true;
	}
	return false;
}

/* Once a segment, with the first rule that speaks of it. */
static void
say_unread(struct bh_lint_run *run, uint32_t rule, uint32_t segment, const uint8_t *spoken)
{
	const struct bh_lint_segment *s = &run->segments.segment[segment];
	const char *name = run->doc->segment[segment].name, *id = run->doc->rule[rule].id;
	struct bh_lint_finding *f;

	if (s->unread == NULL && !(s->by_name && may_share(run, segment, spoken)))
		return;
	f = bh_lint_find(run, BH_LINT_UNDECIDED, BH_LINT_INFO, rule);
	if (f == NULL)
		return;
	if (s->unread != NULL)
		bh_lint_say(run, f,
			    "segment '%s' of rule '%s' asks for '%s', which was compared by its "
			    "wording alone: a rule that another one hides by its values may be "
			    "missing here",
			    name, id, s->unread);
	else
		bh_lint_say(run, f,
			    "segment '%s' of rule '%s' lists DNS names, whose addresses change: no "
			    "other segment was taken to hold them all; a rule that another one "
			    "hides while it does is missing here",
			    name, id);
}

void
bh_lint_check_unread(struct bh_lint_run *run)
{
	uint8_t *spoken = calloc((size_t)run->doc->n_segments + 1, 1);
	bool said;
	uint32_t i, k, pass;

	if (spoken == NULL)
		run->rc = -ENOMEM;
	/* First which segments rules speak of, then what is to be said of each. */
	for (pass = 0; run->rc == 0 && pass < 2; pass++) {
		for (i = 0; run->rc == 0 && i < run->doc->n_rules; i++) {
			const struct bh_doc_rule *r = &run->doc->rule[i];

			for (k = 0; run->rc == 0 && k < r->from.n + r->to.n; k++) {
				uint32_t at = k < r->from.n ? r->from.segment[k]
							    : r->to.segment[k - r->from.n];

				said = spoken[at] == 2;
				spoken[at] = (uint8_t)(pass + 1);
				if (pass == 1 && !said)
					say_unread(run, i, at, spoken);
			}
		}
	}
	free(spoken);
}

void
bh_lint_check_shape(struct bh_lint_run *run)
{
	uint32_t i;

	for (i = 0; run->rc == 0 && i < run->doc->n_rules; i++) {
		check_broad(run, i);
		/* Without any endpoint there is nothing to compare with: they come later, over REST. */
		if (run->n_samples != 0)
			check_members(run, i);
	}
}
