/* lint: the algebra that proves what a rule base does, shared by lint*.c and explain*.c.
 *
 * A rule is a set of points (from-end, to-end, service, application, operation). Services and applications of a rule
 * are a union of rectangles (lint_plane.c), ends of a segment one of cubes (lint_cube.c), and a rule's set is one of
 * boxes, their products (lint_box.c). What is proven holds for all endpoints that could exist, whatever their labels and
 * addresses; what can't be proven is not claimed. */
#ifndef BH_POLICY_LINT_H
#define BH_POLICY_LINT_H

#include "policy_priv.h"

/* ---- segments (lint_segment.c) ---------------------------------------------------------------------- */

struct bh_lint_range {
	unsigned __int128 first, last;
	uint8_t family;
};

/* All that a label key can be, where the document asks for more than lists can say (lint_domain.c): atoms, sets of values
 * that nothing tells apart, each written as one of them. Of places: prefixes that some `within` has, the smallest
 * one that has all of an endpoint; and being in none of a family's. */
struct bh_lint_domain {
	const char **value; /* sorted; of places: the first n_places of them */
	uint32_t n_values;
	const struct bh_lint_range
		*range; /* of places: where their addresses are; NULL: of labels */
	uint32_t n_places;
};

/* What one label key may be: absent, and values: those listed, or with `co` all but those. */
struct bh_lint_key {
	const char *key;
	const char **value;                  /* sorted, n_values */
	const struct bh_lint_domain *domain; /* NULL: there is always one value more */
	uint32_t n_values;
	bool absent, co;
};
/* The key of places, before all others. */
#define BH_LINT_PLACE "\x01within"

/* Endpoints whose labels meet all keys, and addresses in the ranges. */
struct bh_lint_segment {
	struct bh_lint_key *key; /* sorted by key; n_keys */
	uint32_t n_keys;
	const struct bh_lint_range *range; /* sorted, merged; n_ranges */
	uint32_t n_ranges;
	uint32_t first_sup, n_sup;
	uint32_t first_cube, n_cubes; /* that it is the union of */
	const struct bh_lint_range
		*within; /* that its endpoints' addresses are in; n_within, 0: anywhere */
	uint32_t n_within;
	bool by_name;       /* lists DNS names: only ever equal to itself */
	const char *unread; /* a requirement that is only ever equal to itself; NULL: none */
	bool has_selector;
	bool opaque;     /* has such a requirement, names or members */
	bool impossible; /* nothing can be in it */
};

/* Who an end may be. Labels are an endpoint's alone. */
enum {
	BH_LINT_WHO_ENDPOINT = 1 << 0,
	BH_LINT_WHO_ADDRESS = 1 << 1, /* nobody's, that a segment lists */
	BH_LINT_WHO_EXTERNAL = 1 << 2,
	BH_LINT_WHO_UNKNOWN = 1 << 3,
	BH_LINT_WHO_ALL = 15
};

/* Ends that are one of these, with an address in the ranges, and labels that meet all keys. */
struct bh_lint_cube {
	uint8_t who;
	uint32_t
		sig_key; /* 0: none; else of a key with listed values, and a bit of `sig` for each of them */
	uint64_t sig;
	const struct bh_lint_key *key;
	const struct bh_lint_range *range;
	uint32_t n_keys, n_ranges;
};
extern const struct bh_lint_cube bh_lint_anybody;

struct bh_lint_segments {
	const struct bh_doc *doc;
	struct bh_arena arena;
	struct bh_lint_segment *segment; /* as in the document; [n_segments]: any, cubes alone */
	struct bh_lint_cube *cube;
	uint32_t n_cubes, cap_cubes;
	uint32_t *sup; /* segments that surely hold all of another, and itself */
	size_t n_sup, cap_sup;
	struct bh_strmap domain_of, term_of; /* of keys; of requirements on text */
	struct bh_lint_domain *domain;
	struct bh_lint_key *term; /* domain NULL: it is only ever equal to itself */
	struct bh_lint_domain place;
};

/* 0 or -ENOMEM. x is zeroed; it is freed in any case. */
int bh_lint_segments_build(struct bh_lint_segments *x, const struct bh_doc *doc,
			   const struct bh_snapshot *s, const struct bh_hash_key *key);
void bh_lint_segments_free(struct bh_lint_segments *x);
/* Is all that could be in `inner` in `outer`? true is proof. n_segments is any. */
bool bh_lint_includes(const struct bh_lint_segments *x, uint32_t outer, uint32_t inner);
struct bh_lint_range *bh_lint_ranges_alloc(struct bh_arena *arena, size_t n);
struct bh_lint_range bh_lint_range_of(const struct bh_prefix *p);
/* A label set that meets the keys, and each segment that holds all such. 0, -ENOMEM, or another code where there is none to
 * be written. */
int bh_lint_example(const struct bh_lint_key *key, uint32_t n_keys, struct bh_label_sets *sets,
		    struct bh_label_set **out);

/* ---- keys (lint_key.c) ------------------------------------------------------------------------------- */

bool bh_lint_key_has(const struct bh_lint_key *k, const char *value);
bool bh_lint_key_in(const struct bh_lint_key *inner, const struct bh_lint_key *outer);
/* Have the two no value in common, nor that there is none? */
bool bh_lint_key_disjoint(const struct bh_lint_key *a, const struct bh_lint_key *b);
bool bh_lint_key_empty(const struct bh_lint_key *k);
/* a becomes what is in both; its values' array has room for those of both. Not for an a that lists what is not in it
 * and a b that lists what is. */
void bh_lint_key_join(struct bh_lint_key *a, const struct bh_lint_key *b);
/* What is in both, into the arena. false: no memory. */
bool bh_lint_key_meet(struct bh_arena *arena, const struct bh_lint_key *a,
		      const struct bh_lint_key *b, struct bh_lint_key *out);
/* A value that it takes; not of an empty one. */
const char *bh_lint_key_example(const struct bh_lint_key *k, char *room, size_t size);

/* ---- domains (lint_domain.c) ------------------------------------------------------------------------- */

/* 0 or -ENOMEM. */
int bh_lint_domains_build(struct bh_lint_segments *x, const struct bh_hash_key *hash);
void bh_lint_domains_free(struct bh_lint_segments *x);
/* NULL: the key's values have no end. */
const struct bh_lint_domain *bh_lint_domain(const struct bh_lint_segments *x, const char *key);
/* What a requirement on text asks of its key. 0, -ENOMEM, or 1: it could not be read, and is only ever equal to itself. */
int bh_lint_domain_term(struct bh_lint_segments *x, const struct bh_requirement *q,
			struct bh_lint_key *out);
/* Places of a segment that has `within`. 0 or -ENOMEM. */
int bh_lint_domain_within(struct bh_lint_segments *x, const struct bh_doc_segment *from,
			  struct bh_lint_key *out);

/* ---- cubes (lint_cube.c) ---------------------------------------------------------------------------- */

int bh_lint_cubes_build(struct bh_lint_segments *x, const struct bh_hash_key *hash);
/* Has it a requirement that could not be read? It may be empty then. */
bool bh_lint_cube_unread(const struct bh_lint_cube *c);
bool bh_lint_cube_meets(const struct bh_lint_cube *a, const struct bh_lint_cube *b);
/* Has an address of one the family of an address of the other? */
bool bh_lint_cubes_talk(const struct bh_lint_cube *a, const struct bh_lint_cube *b);
/* Of a, what has the family that b has alone: the two talk. */
void bh_lint_cubes_family(struct bh_lint_cube *a, const struct bh_lint_cube *b);
/* Parts of a outside of b, which it meets, into `part`; a becomes what is in both. How many, -ENOMEM, or -E2BIG: more
 * than max. What is written lies in the arena. */
int bh_lint_cube_split(struct bh_arena *arena, struct bh_lint_cube *a, const struct bh_lint_cube *b,
		       struct bh_lint_cube *part, uint32_t max);

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

/* ---- boxes (lint_box.c) ----------------------------------------------------------------------------- */

struct bh_lint_box {
	struct bh_lint_cube end[2];
	struct bh_lint_rect rect;
};

/* What takes of boxes: a rule. */
struct bh_lint_taker {
	const struct bh_side *from, *to;
	const struct bh_lint_plane *plane;
	uint32_t rule;
	bool stops; /* the answer is LEFT when it may have a part of what the takers before it leave */
	bool took; /* out: a part */
};

struct bh_lint_question {
	const struct bh_lint_box *box;
	uint32_t n_boxes;
	struct bh_lint_taker *taker; /* asked in this order */
	uint32_t n_takers;
};
enum bh_lint_answer { BH_LINT_TAKEN, BH_LINT_LEFT, BH_LINT_UNDECIDABLE };

struct bh_lint_run;
/* Do the takers take all of the boxes? Exact, but for operations, of which what can't be told from the patterns is not
 * taken. LEFT: *left is a box of what is left, valid until the next call.
 * UNDECIDABLE: the bound was met, or memory is out (run->rc). */
enum bh_lint_answer bh_lint_search(struct bh_lint_run *run, const struct bh_lint_question *q,
				   struct bh_lint_box *left);

/* ---- the linter (lint*.c) --------------------------------------------------------------------------- */

/* An end as a witness is: one that is known, or the poorest that the segment allows. */
struct bh_lint_end {
	uint32_t segment; /* that it stands for; n_segments: any */
	const uint32_t *in;
	uint32_t n_in; /* segments that it is in, ascending */
	struct bh_prefix address;
	bool has_address;
	const struct bh_label_set *set; /* labels of one that is not there yet; NULL: none */
};

struct bh_lint_sample {
	struct bh_prefix prefix;
	uint32_t *in;
	uint32_t n_in;
};

struct bh_lint_run {
	struct bh_lint *out;
	struct bh_doc *doc;
	struct bh_snapshot *snapshot;
	struct bh_lint_segments segments;
	struct bh_lint_plane *plane; /* by rule */
	struct bh_service *reach;    /* by rule: its first and last service; expired: none */
	struct bh_lint_taker *taker; /* scratch, n_takers */
	uint32_t n_takers, cap_takers;
	struct bh_lint_box *box; /* scratch of bh_lint_boxes() */
	uint32_t cap_boxes;
	struct bh_arena kept; /* that the last box of bh_lint_search() lies in */
	uint32_t *in;         /* scratch of witnesses: room for all segments, eight times */
	struct bh_label_sets sets;
	struct bh_lint_sample *sample; /* endpoints, one of each set of segments that is new */
	uint32_t n_samples, cap_samples;
	uint32_t *sample_of; /* by segment: sample in it, or BH_NONE */
	uint8_t *dead;       /* by rule: shadowed or redundant, reported */
	uint64_t work;       /* comparisons so far */
	int rc;
};

static inline bool
bh_lint_opposite(const struct bh_doc_rule *a, const struct bh_doc_rule *b)
{
	return (a->action == BH_VERDICT_ALLOW) != (b->action == BH_VERDICT_ALLOW);
}

/* Comparisons in one run: some seconds. Beyond, nothing more is claimed and the result says so. */
#define BH_LINT_WORK_MAX (UINT64_C(1) << 30)

/* May two rules have a point in common? The services first, which tell most of them apart. */
static inline bool
bh_lint_reach_meets(const struct bh_lint_run *run, uint32_t a, uint32_t b)
{
	return run->reach[a].first <= run->reach[b].last &&
	       run->reach[b].first <= run->reach[a].last;
}

bool bh_lint_sets_meet(struct bh_lint_run *run, uint32_t a, uint32_t b); /* lint_rules.c */

static inline bool
bh_lint_rules_meet(struct bh_lint_run *run, uint32_t a, uint32_t b)
{
	return bh_lint_reach_meets(run, a, b) && bh_lint_sets_meet(run, a, b);
}

/* lint_rules.c */
/* One more taker, the rule. */
void bh_lint_taker(struct bh_lint_run *run, uint32_t rule, bool stops);
/* The k-th pair of a rule's segments; false behind the last. */
bool bh_lint_pair(const struct bh_doc *doc, uint32_t rule, uint64_t k, uint32_t segment[2]);
/* Boxes of a pair of segments, into run->box. How many. */
uint32_t bh_lint_boxes(struct bh_lint_run *run, const uint32_t segment[2],
		       const struct bh_lint_rect *rect, uint32_t n_rects);
/* A finding that says that there is none. */
void bh_lint_undecided(struct bh_lint_run *run, uint32_t rule, const char *what);
/* What could not be read, in a finding of the first rule that names the segment. */
void bh_lint_check_unread(struct bh_lint_run *run);   /* lint_shape.c */
void bh_lint_check_rules(struct bh_lint_run *run);    /* lint_rules.c: shadowed, redundant */
void bh_lint_check_conflict(struct bh_lint_run *run); /* lint_conflict.c */
void bh_lint_check_shape(struct bh_lint_run *run); /* lint_shape.c: over-broad, without members */
/* A new finding about `rule`, with the sentence; NULL: no memory, run->rc is set. */
struct bh_lint_finding *bh_lint_find(struct bh_lint_run *run, enum bh_lint_kind kind,
				     enum bh_lint_severity severity, uint32_t rule);
void bh_lint_say(struct bh_lint_run *run, struct bh_lint_finding *f, const char *fmt, ...)
	BH_PRINTF(3, 4);
void bh_lint_other(struct bh_lint_run *run, struct bh_lint_finding *f, uint32_t rule);
/* lint_witness.c: a connection from one segment to another in the box, and who decides it. by: who should; BH_NONE: no
 * matter who. Ends that are known, if they show it. */
void bh_lint_witness(struct bh_lint_run *run, struct bh_lint_finding *f, const uint32_t segment[2],
		     const struct bh_lint_box *box, uint32_t by);
/* Endpoints that are known, into samples. model: those that came over REST, too; NULL: none. 0 or -ENOMEM. */
int bh_lint_samples(struct bh_lint_run *run, struct bh_policy *model);
void bh_lint_samples_free(struct bh_lint_run *run);

#endif
