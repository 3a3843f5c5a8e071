/* lint: the algebra that proves what a rule base does, shared by lint*.c and explain*.c.
 *
 * A rule is a set of points (from-end, to-end, service, application, operation). Services and applications of a rule
 * are a union of rectangles (lint_plane.c); segments are compared by inclusion and disjointness (lint_segment.c). What
 * is proven holds for all endpoints that could exist, whatever their labels and addresses; what can't be proven is not
 * claimed. */
#ifndef BH_POLICY_LINT_H
#define BH_POLICY_LINT_H

#include "policy_priv.h"

/* ---- segments (lint_segment.c) ---------------------------------------------------------------------- */

/* What one label key may be: absent, and values: those listed, or with `co` all but those. */
struct bh_lint_key {
	const char *key;
	const char **value; /* sorted, n_values */
	uint32_t n_values;
	bool absent, co;
};

struct bh_lint_range {
	unsigned __int128 first, last;
	uint8_t family;
};

/* Endpoints whose labels meet all keys, and addresses in the ranges. */
struct bh_lint_segment {
	struct bh_lint_key *key; /* sorted by key; n_keys */
	uint32_t n_keys;
	struct bh_lint_range *range; /* sorted, merged; n_ranges */
	uint32_t n_ranges;
	uint32_t first_sup, n_sup;
	bool has_selector;
	bool opaque;     /* a requirement that is only ever equal to itself */
	bool impossible; /* nothing can be in it */
};

struct bh_lint_segments {
	const struct bh_doc *doc;
	struct bh_arena arena;
	struct bh_lint_segment *segment; /* as in the document */
	uint32_t *sup;                   /* segments that surely hold all of another, and itself */
	size_t n_sup, cap_sup;
};

/* 0 or -ENOMEM. x is zeroed; it is freed in any case. */
int bh_lint_segments_build(struct bh_lint_segments *x, const struct bh_doc *doc,
			   const struct bh_snapshot *s, const struct bh_hash_key *key);
void bh_lint_segments_free(struct bh_lint_segments *x);
/* Is all that could be in `inner` in `outer`? true is proof. n_segments is any. */
bool bh_lint_includes(const struct bh_lint_segments *x, uint32_t outer, uint32_t inner);
/* Can no end be in both? true is proof. */
bool bh_lint_disjoint(const struct bh_lint_segments *x, uint32_t a, uint32_t b);

/* ---- services and applications (lint_plane.c) ------------------------------------------------------- */

/* Services first to last x applications; of a listed application only the operations of its list. A rectangle never
 * spans two transports: which applications there are depends on it. */
struct bh_lint_rect {
	uint32_t first, last;
	struct bh_appset apps;
	const struct bh_rule_app *op; /* with lists; NULL: all operations */
	bool denies; /* of a rule that does: its lists are read the other way round */
};

struct bh_lint_plane {
	struct bh_lint_rect *rect;
	uint32_t n, cap;
	bool failed; /* no memory, or more pieces than are followed */
};

void bh_lint_plane_free(struct bh_lint_plane *p);
void bh_lint_plane_add(struct bh_lint_plane *p, const struct bh_lint_rect *r);
/* All that a rule speaks of. merged: applications without operations are one rectangle, not one each. */
void bh_lint_plane_rule(struct bh_lint_plane *p, const struct bh_doc_rule *r, bool merged);
/* Take b out of a. true: a got less. */
bool bh_lint_plane_subtract(struct bh_lint_plane *a, const struct bh_lint_rect *b);
/* May they have a point in common? false is proof. */
bool bh_lint_rect_meets(const struct bh_lint_rect *a, const struct bh_lint_rect *b);
/* Have they, for sure? */
bool bh_lint_rect_surely_meets(const struct bh_lint_rect *a, const struct bh_lint_rect *b);
/* Is all of b in a? true is proof. */
bool bh_lint_rect_includes(const struct bh_lint_rect *a, const struct bh_lint_rect *b);

/* ---- the linter (lint*.c) --------------------------------------------------------------------------- */

/* An end as a witness is: one that is known, or the poorest that the segment allows. */
struct bh_lint_end {
	uint32_t segment; /* that it stands for; n_segments: any */
	const uint32_t *in;
	uint32_t n_in; /* segments that it is in, ascending */
	struct bh_prefix address;
	bool has_address;
};

struct bh_lint_sample {
	struct bh_prefix prefix;
	uint32_t *in;
	uint32_t n_in;
};

struct bh_lint_pair {
	uint64_t key; /* from << 32 | to */
	uint32_t rule;
};

struct bh_lint_run {
	struct bh_lint *out;
	struct bh_doc *doc;
	struct bh_snapshot *snapshot;
	struct bh_lint_segments segments;
	struct bh_lint_plane *plane; /* by rule */
	struct bh_lint_pair *pair;   /* sorted; n_pairs */
	size_t n_pairs;
	struct bh_lint_sample *sample; /* endpoints, one of each set of segments that is new */
	uint32_t n_samples, cap_samples;
	uint32_t *sample_of; /* by segment: sample in it, or BH_NONE */
	uint8_t *dead;       /* by rule: shadowed or redundant, reported */
	uint32_t *cover, n_cover, cap_cover, *spare, cap_spare;
	uint64_t work; /* comparisons so far */
	int rc;
};

static inline bool
bh_lint_opposite(const struct bh_doc_rule *a, const struct bh_doc_rule *b)
{
	return (a->action == BH_VERDICT_ALLOW) != (b->action == BH_VERDICT_ALLOW);
}

/* Comparisons in one run: some seconds. Beyond, nothing more is claimed and the result says so. */
#define BH_LINT_WORK_MAX (UINT64_C(1) << 30)

/* Rules that surely fit all ends of a pair of segments, in document order, into run->cover. false: no memory. */
bool bh_lint_cover(struct bh_lint_run *run, uint32_t from, uint32_t to);
void bh_lint_check_rules(struct bh_lint_run *run);    /* lint_rules.c: shadowed, redundant */
void bh_lint_check_conflict(struct bh_lint_run *run); /* lint_conflict.c */
void bh_lint_check_shape(struct bh_lint_run *run); /* lint_shape.c: over-broad, without members */
/* A new finding about `rule`, with the sentence; NULL: no memory, run->rc is set. */
struct bh_lint_finding *bh_lint_find(struct bh_lint_run *run, enum bh_lint_kind kind,
				     enum bh_lint_severity severity, uint32_t rule);
void bh_lint_say(struct bh_lint_run *run, struct bh_lint_finding *f, const char *fmt, ...)
	BH_PRINTF(3, 4);
void bh_lint_other(struct bh_lint_run *run, struct bh_lint_finding *f, uint32_t rule);
/* lint_witness.c: a connection from one segment to another at a point of the rectangle, and who decides it. */
void bh_lint_witness(struct bh_lint_run *run, struct bh_lint_finding *f, const uint32_t segment[2],
		     const struct bh_lint_rect *at);
/* Endpoints that are known, into samples. model: those that came over REST, too; NULL: none. 0 or -ENOMEM. */
int bh_lint_samples(struct bh_lint_run *run, struct bh_policy *model);
void bh_lint_samples_free(struct bh_lint_run *run);

#endif
