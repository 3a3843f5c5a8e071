/* selector: requirements over labels (selector.c selector_text.c), and which could match (selector_index.c).
 * policy_priv.h includes it. */
#ifndef BH_POLICY_SELECTOR_H
#define BH_POLICY_SELECTOR_H

#include "policy.h"

struct bh_label_set;

enum bh_requirement_op {
	BH_REQUIRE_IN,
	BH_REQUIRE_NOT_IN,
	BH_REQUIRE_EXISTS,
	BH_REQUIRE_ABSENT,
	BH_REQUIRE_PREFIX, /* of values none begins another */
	BH_REQUIRE_CONTAINS,
	BH_REQUIRE_REGEX,     /* one value, its text, and code */
	BH_REQUIRE_NOT_REGEX, /* holds where the key is absent */
};

struct bh_requirement {
	enum bh_requirement_op op;
	const char *key;
	const char **value; /* n_values; =, != and regular expressions have one */
	unsigned n_values;
	void *code; /* pcre2_code in the selector's arena */
	struct bh_requirement *next;
};

struct bh_selector {
	struct bh_requirement *first;
};

/* Parse more requirements into a selector, ANDed with those that it has. */
int bh_selector_add(struct bh_arena *a, struct bh_selector *s, const char *text, size_t *at,
		    struct bh_err *err);

/* selector_text.c: the text behind `key ~`, quoted. Moves *p behind it. 0, -ENOMEM, or -EINVAL with *at and err. */
int bh_selector_regex(struct bh_arena *a, const char **p, struct bh_requirement *r, const char **at,
		      struct bh_err *err);
/* PREFIX, CONTAINS, REGEX and NOT_REGEX of the value that an endpoint has; NULL: it has no such label. */
bool bh_selector_text_met(const struct bh_requirement *r, const char *value);
/* Of values that begin with another one, the other is enough. */
void bh_selector_shortest(struct bh_requirement *r);

struct bh_doc;
/* Finds the segments whose selector matches a label set without asking all of them: each selector hangs
 * at its rarest key=value, key and beginning of the value, or key; those without a positive requirement at none. */
struct bh_selector_index {
	struct bh_anchor {
		uint64_t hash; /* of "key=value", "key" and beginning, or "key" */
		uint32_t segment;
	} * anchor; /* sorted */
	uint32_t n_anchors;
	uint32_t *always;
	uint32_t n_always;
	uint64_t prefix_len[2]; /* lengths of beginnings that something hangs at, a bit each */
	struct bh_hash_key hash_key;
};
_Static_assert(BH_NAME_MAX <= 128, "a value's lengths are bits of prefix_len");
int bh_selector_index_build(struct bh_selector_index *x, const struct bh_doc *doc,
			    const struct bh_hash_key *key);
void bh_selector_index_free(struct bh_selector_index *x);
/* Segments that take a label set in, ascending, into out (room for all segments). Returns how many. */
uint32_t bh_selector_index_match(const struct bh_selector_index *x, const struct bh_doc *doc,
				 const struct bh_label_set *set, uint32_t *out);
/* The zones of n segments, behind them and sorted with them. Returns how many there are then. */
uint32_t bh_segments_close(const struct bh_doc *doc, uint32_t *out, uint32_t n);

#endif
