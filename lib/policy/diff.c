/* What differs between two documents, by name. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

static bool
same_segment(const struct bh_doc_segment *a, const struct bh_doc_segment *b)
{
	return strcmp(a->selector_text, b->selector_text) == 0 && a->mode == b->mode &&
	       a->n_addresses == b->n_addresses &&
	       (a->n_addresses == 0 ||
		memcmp(a->address, b->address, a->n_addresses * sizeof(*a->address)) == 0);
}

/* By data: in the text a pattern with a comma looks like two. */
static bool
same_list(const struct bh_rule_list *a, const struct bh_rule_list *b)
{
	uint32_t i;

	if (a->field != b->field || a->n_patterns != b->n_patterns)
		return false;
	for (i = 0; i < a->n_patterns; i++) {
		if (strcmp(a->pattern[i], b->pattern[i]) != 0)
			return false;
	}
	return true;
}

static bool
same_applications(const struct bh_doc_rule *a, const struct bh_doc_rule *b)
{
	const struct bh_rule_app *x, *y;
	uint32_t i, k;

	if (a->n_apps != b->n_apps)
		return false;
	for (i = 0; i < a->n_apps; i++) {
		x = &a->app[i];
		y = &b->app[i];
		if (x->app != y->app || x->n_lists != y->n_lists)
			return false;
		for (k = 0; k < x->n_lists; k++) {
			if (!same_list(&x->list[k], &y->list[k]))
				return false;
		}
	}
	return true;
}

static bool
same_rule(const struct bh_doc_rule *a, const struct bh_doc_rule *b)
{
	return a->action == b->action && strcmp(a->from.text, b->from.text) == 0 &&
	       strcmp(a->to.text, b->to.text) == 0 && strcmp(a->ports_text, b->ports_text) == 0 &&
	       a->denied == b->denied && a->expires_ns == b->expires_ns && same_applications(a, b);
}

static int
diff_segments(const struct bh_doc *old, const struct bh_doc *new, const struct bh_hash_key *key,
	      struct bh_policy_change *c)
{
	struct bh_strmap names;
	uint32_t i, at, kept = 0;
	int rc = bh_strmap_init(&names, key, old->n_segments);

	for (i = 0; rc == 0 && i < old->n_segments; i++)
		rc = bh_strmap_add(&names, old->segment[i].name, i, &at);
	for (i = 0; rc == 0 && i < new->n_segments; i++) {
		at = bh_strmap_get(&names, new->segment[i].name);
		if (at == BH_NONE)
			continue;
		kept++;
		c->segments_changed += !same_segment(&old->segment[at], &new->segment[i]);
	}
	c->segments = new->n_segments - 2;
	c->segments_added = new->n_segments - kept;
	c->segments_removed = old->n_segments - kept;
	bh_strmap_free(&names);
	return rc;
}

/* Rules in both documents that must have been moved: all but the longest run that kept its order.
 * at[]: old index of each, in the new order; tail[]: scratch. A moved rule counts as changed. */
static void
mark_moved(const uint32_t *at, uint32_t n, uint32_t *tail, uint32_t *before, bool *stays)
{
	uint32_t len = 0, i, low, high, mid;

	for (i = 0; i < n; i++) {
		for (low = 0, high = len; low < high;) {
			mid = (low + high) / 2;
			if (at[tail[mid]] < at[i])
				low = mid + 1;
			else
				high = mid;
		}
		before[i] = low > 0 ? tail[low - 1] : BH_NONE;
		tail[low] = i;
		len += low == len;
	}
	for (i = len > 0 ? tail[len - 1] : BH_NONE; i != BH_NONE; i = before[i])
		stays[i] = true;
}

static int
diff_rules(const struct bh_doc *old, const struct bh_doc *new, const struct bh_hash_key *key,
	   struct bh_policy_change *c)
{
	size_t room = (size_t) new->n_rules + 1;
	uint32_t *at = malloc(3 * room * sizeof(*at)), *which = malloc(room * sizeof(*which));
	uint32_t i, old_index, n = 0;
	bool *stays = calloc(room, sizeof(*stays));
	struct bh_strmap ids;
	int rc = bh_strmap_init(&ids, key, old->n_rules);

	if (at == NULL || which == NULL || stays == NULL)
		rc = -ENOMEM;
	for (i = 0; rc == 0 && i < old->n_rules; i++)
		rc = bh_strmap_add(&ids, old->rule[i].id, i, &old_index);
	for (i = 0; rc == 0 && i < new->n_rules; i++) {
		old_index = bh_strmap_get(&ids, new->rule[i].id);
		if (old_index == BH_NONE)
			continue;
		at[n] = old_index;
		which[n++] = i;
	}
	if (rc == 0) {
		mark_moved(at, n, at + room, at + 2 * room, stays);
		for (i = 0; i < n; i++)
			c->rules_changed +=
				!stays[i] || !same_rule(&old->rule[at[i]], &new->rule[which[i]]);
		c->rules = new->n_rules;
		c->rules_added = new->n_rules - n;
		c->rules_removed = old->n_rules - n;
	}
	bh_strmap_free(&ids);
	free(at);
	free(which);
	free(stays);
	return rc;
}

int
bh_doc_diff(const struct bh_doc *old, const struct bh_doc *new, const struct bh_hash_key *key,
	    struct bh_policy_change *change)
{
	int rc = diff_segments(old, new, key, change);

	return rc == 0 ? diff_rules(old, new, key, change) : rc;
}
