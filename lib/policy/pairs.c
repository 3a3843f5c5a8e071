/* Rules to pairs of segments, and each pair's rules to disjoint intervals of services that hold the first
 * rule in document order; where that names applications, the chain of rules up to the first that names none. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

/* Bound on rules x from x to: 4 Mi take 300 MiB while they are sorted out. A policy that needs more has
 * a list that should be a segment. */
#define EXPANDED_MAX (UINT64_C(4) << 20)
/* Bound on rules in the chains of all pairs' intervals: 16 Mi take 64 MiB. A thousand rules with applications between
 * two segments, whose ranges of ports all overlap and all differ, need 1 Mi. */
#define CHAINS_MAX (UINT64_C(16) << 20)

struct builder {
	struct bh_snapshot *s;
	const struct bh_doc *doc;
	/* every (pair, rule), grouped by pair, in document order */
	struct bh_pair *pair; /* first: into rules[]; n: rules */
	uint32_t *cell, mask; /* key -> index into pair[] */
	uint32_t n_pairs;
	uint32_t *rules;
	uint64_t n_rules;
	/* steps */
	struct bh_step *step;
	uint64_t n_steps, cap_steps;
	uint32_t *chain;
	uint64_t n_chain, cap_chain;
	uint32_t last_chain; /* length of the last one */
	uint32_t failed;     /* rule at which they became too many */
	uint64_t asked;      /* rules in chains, also where the next interval has the same */
	/* of one pair: its intervals' edges and the rules that are open */
	struct edge {
		uint32_t at;
		uint32_t rule; /* opens at an edge, ends before it */
		bool opens;
	} * edge;
	uint64_t n_edges, cap_edges;
	uint32_t *heap, n_heap;
	uint32_t *open;          /* by rule: how many of its services are open here */
	bool *in_heap;           /* by rule */
	struct bh_pair *by_rule; /* steps of a pair that has this rule alone */
};

static void
err_at(const struct bh_doc *doc, const struct bh_doc_rule *rule, struct bh_err *err)
{
	if (err != NULL && err->what[0] == '\0') {
		memcpy(err->file, doc->name, sizeof(err->file));
		err->line = rule->line;
		err->column = rule->column;
	}
}

static int
too_long(const struct bh_doc *doc, const struct bh_doc_rule *rule, struct bh_err *err)
{
	err_at(doc, rule, err);
	return bh_err_set(err, E2BIG,
			  "the rules that name applications overlap in more than %llu places, last "
			  "those from %.80s to %.80s: give them fewer different ports, or join "
			  "rules that allow the same",
			  (unsigned long long)CHAINS_MAX, rule->from.text, rule->to.text);
}

static int
too_many(const struct bh_doc *doc, struct bh_err *err)
{
	const struct bh_doc_rule *worst = &doc->rule[0], *r;
	uint64_t most = 0, n;
	uint32_t i;

	for (i = 0; i < doc->n_rules; i++) {
		r = &doc->rule[i];
		n = (uint64_t)(r->from.n != 0 ? r->from.n : 1) * (r->to.n != 0 ? r->to.n : 1);
		if (n > most) {
			most = n;
			worst = r;
		}
	}
	err_at(doc, worst, err);
	return bh_err_set(err, E2BIG,
			  "the rules name more than %llu pairs of segments, rule '%s' alone %llu: "
			  "give the segments in its lists a common label and make that one segment",
			  (unsigned long long)EXPANDED_MAX, worst->id, (unsigned long long)most);
}

/* Segment k of a side; any is the one behind the last. */
static inline uint32_t
side_segment(const struct bh_doc *doc, const struct bh_side *side, uint32_t k)
{
	return side->n != 0 ? side->segment[k] : doc->n_segments;
}

static inline uint32_t
side_count(const struct bh_side *side)
{
	return side->n != 0 ? side->n : 1;
}

static struct bh_pair *
pair_of(struct builder *b, uint64_t key)
{
	uint32_t i = (uint32_t)bh_pair_hash(b->s, key) & b->mask;

	while (b->cell[i] != BH_NONE && b->pair[b->cell[i]].key != key)
		i = (i + 1) & b->mask;
	if (b->cell[i] == BH_NONE) {
		b->cell[i] = b->n_pairs;
		b->pair[b->n_pairs++].key = key;
	}
	return &b->pair[b->cell[i]];
}

/* Group (pair, rule) by pair: count, place, fill. */
static int
group(struct builder *b)
{
	const struct bh_doc *doc = b->doc;
	uint32_t i, f, t, pass, at = 0;

	for (b->mask = 63; b->mask < 2 * b->n_rules;)
		b->mask = 2 * b->mask + 1;
	b->cell = malloc(((size_t)b->mask + 1) * sizeof(*b->cell));
	b->pair = calloc(b->n_rules + 1, sizeof(*b->pair));
	b->rules = malloc((b->n_rules + 1) * sizeof(*b->rules));
	if (b->cell == NULL || b->pair == NULL || b->rules == NULL)
		return -ENOMEM;
	memset(b->cell, 0xff, ((size_t)b->mask + 1) * sizeof(*b->cell));
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < doc->n_rules; i++) {
			const struct bh_doc_rule *r = &doc->rule[i];

			for (f = 0; !r->expired && f < side_count(&r->from); f++) {
				uint64_t from = (uint64_t)side_segment(doc, &r->from, f) << 32;

				for (t = 0; t < side_count(&r->to); t++) {
					struct bh_pair *p =
						pair_of(b, from | side_segment(doc, &r->to, t));

					if (pass == 1)
						b->rules[p->first + p->n] = i;
					p->n++;
				}
			}
		}
		for (i = 0; pass == 0 && i < b->n_pairs; i++) {
			b->pair[i].first = at;
			at += b->pair[i].n;
			b->pair[i].n = 0;
		}
	}
	return 0;
}

/* ---- one pair's rules to steps: a sweep over the edges of their intervals ----------------------------- */

/* Room for so many in all. */
static int
grow(void **array, uint64_t *cap, uint64_t need, size_t size)
{
	void *grown;

	if (need <= *cap)
		return 0;
	while (*cap < need)
		*cap = *cap != 0 ? 2 * *cap : 1024;
	grown = realloc(*array, *cap * size);
	if (grown == NULL)
		return -ENOMEM;
	*array = grown;
	return 0;
}

static int
add_step(struct builder *b, uint32_t service, uint32_t rule, uint64_t first)
{
	struct bh_step *last = b->n_steps > first ? &b->step[b->n_steps - 1] : NULL;

	if (last != NULL ? last->rule == rule : rule == BH_NO_RULE)
		return 0;
	if (grow((void **)&b->step, &b->cap_steps, b->n_steps + 1, sizeof(*b->step)) != 0)
		return -ENOMEM;
	b->step[b->n_steps++] = (struct bh_step){.service = service, .rule = rule};
	return 0;
}

static void
heap_push(struct builder *b, uint32_t rule)
{
	uint32_t i = b->n_heap++, up;

	b->in_heap[rule] = true;
	for (; i > 0 && b->heap[up = (i - 1) / 2] > rule; i = up)
		b->heap[i] = b->heap[up];
	b->heap[i] = rule;
}

static void
heap_pop(struct builder *b)
{
	uint32_t last = b->heap[--b->n_heap], i = 0, child;

	b->in_heap[b->heap[0]] = false;
	while ((child = 2 * i + 1) < b->n_heap) {
		if (child + 1 < b->n_heap && b->heap[child + 1] < b->heap[child])
			child++;
		if (b->heap[child] >= last)
			break;
		b->heap[i] = b->heap[child];
		i = child;
	}
	b->heap[i] = last;
}

/* ---- chains ----------------------------------------------------------------------------------------- */

/* Rules of the heap in document order, up to the first that names no application, as the newest chain; they stay
 * in the heap. The top one is open. Sets *step to the chain's place, or that of the chain before, if it is equal. */
static int
take_chain(struct builder *b, uint32_t *step)
{
	uint64_t start = b->n_chain, n, i;
	uint32_t rule;
	bool end = false;

	if (grow((void **)&b->chain, &b->cap_chain, start + b->n_heap, sizeof(*b->chain)) != 0)
		return -ENOMEM;
	while (b->n_heap > 0 && !end) {
		rule = b->heap[0];
		heap_pop(b);
		if (b->open[rule] == 0)
			continue;
		end = b->doc->rule[rule].n_apps == 0;
		b->chain[b->n_chain++] = rule;
		if (++b->asked > CHAINS_MAX) {
			b->failed = rule;
			return -E2BIG;
		}
	}
	n = b->n_chain - start;
	for (i = 0; i < n; i++)
		heap_push(b, b->chain[start + i]);
	b->chain[b->n_chain - 1] |= BH_CHAIN_LAST;
	*step = BH_STEP_CHAIN | (uint32_t)start;
	if (n == b->last_chain &&
	    memcmp(&b->chain[start - n], &b->chain[start], n * sizeof(*b->chain)) == 0) {
		*step = BH_STEP_CHAIN | (uint32_t)(start - n);
		b->n_chain = start;
	}
	b->last_chain = (uint32_t)n;
	return 0;
}

static int
by_edge(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static void
add_edges(struct builder *b, uint32_t rule, uint32_t first, uint32_t last)
{
	b->edge[b->n_edges++] = (struct edge){first, rule, true};
	b->edge[b->n_edges++] = (struct edge){last + 1, rule, false};
}

/* A service of a rule that names applications: what of it they can use. */
static void
add_clipped(struct builder *b, uint32_t rule, const struct bh_service *svc)
{
	static const struct {
		uint8_t over;
		struct bh_service all;
	} clip[] = {{BH_OVER_TCP, {6 << 16, 6 << 16 | 0xffff}},
		    {BH_OVER_UDP, {17 << 16, 17 << 16 | 0xffff}}};
	uint32_t i, first, last;

	for (i = 0; i < BH_ARRAY_SIZE(clip); i++) {
		first = svc->first > clip[i].all.first ? svc->first : clip[i].all.first;
		last = svc->last < clip[i].all.last ? svc->last : clip[i].all.last;
		if ((b->doc->rule[rule].over & clip[i].over) != 0 && first <= last)
			add_edges(b, rule, first, last);
	}
}

/* Edges of the pair's rules up to the first that takes every service: none behind it can win. */
static int
collect_edges(struct builder *b, const struct bh_pair *p)
{
	static const struct bh_service any = {0, BH_SERVICE_LAST};
	const struct bh_doc_rule *r;
	const struct bh_service *svc;
	uint32_t i, k, n, rule;
	bool all = false;

	b->n_edges = 0;
	for (i = 0; i < p->n && !all; i++) {
		rule = b->rules[p->first + i];
		r = &b->doc->rule[rule];
		n = r->n_services != 0 ? r->n_services : 1;
		svc = r->n_services != 0 ? r->service : &any;
		if (grow((void **)&b->edge, &b->cap_edges, b->n_edges + 4 * (uint64_t)n,
			 sizeof(*b->edge)) != 0)
			return -ENOMEM;
		for (k = 0; k < n; k++) {
			if (r->n_apps != 0) {
				add_clipped(b, rule, &svc[k]);
				continue;
			}
			add_edges(b, rule, svc[k].first, svc[k].last);
			all |= svc[k].first == 0 && svc[k].last == BH_SERVICE_LAST;
		}
	}
	qsort(b->edge, b->n_edges, sizeof(*b->edge), by_edge);
	return 0;
}

static int
sweep(struct builder *b, struct bh_pair *p)
{
	uint64_t first = b->n_steps;
	size_t i = 0;
	int rc = collect_edges(b, p);

	b->n_heap = 0;
	b->last_chain = 0;
	while (rc == 0 && i < b->n_edges) {
		uint32_t at = b->edge[i].at, rule;

		for (; i < b->n_edges && b->edge[i].at == at; i++) {
			const struct edge *e = &b->edge[i];

			b->open[e->rule] += e->opens ? 1 : UINT32_MAX;
			if (e->opens && !b->in_heap[e->rule])
				heap_push(b, e->rule);
		}
		/* A rule may stand in the heap after it has closed: dropped when it comes to the top. */
		while (b->n_heap > 0 && b->open[b->heap[0]] == 0)
			heap_pop(b);
		rule = b->n_heap > 0 ? b->heap[0] : BH_NO_RULE;
		if (rule != BH_NO_RULE && b->doc->rule[rule].n_apps != 0)
			rc = take_chain(b, &rule);
		if (rc == 0)
			rc = add_step(b, at, rule, first);
	}
	p->first = (uint32_t)first;
	p->n = (uint32_t)(b->n_steps - first);
	return rc != 0 ? rc : b->n_steps > UINT32_MAX ? -ENOMEM : 0;
}

/* Most pairs have one rule, and a rule with lists many such pairs: they share its steps. */
static int
make_steps(struct builder *b)
{
	uint32_t i, rule;
	int rc = 0;

	b->heap = malloc((b->doc->n_rules + 1) * sizeof(*b->heap));
	b->in_heap = calloc(b->doc->n_rules + 1, sizeof(*b->in_heap));
	b->open = calloc(b->doc->n_rules + 1, sizeof(*b->open));
	b->by_rule = calloc(b->doc->n_rules + 1, sizeof(*b->by_rule));
	if (b->heap == NULL || b->in_heap == NULL || b->open == NULL || b->by_rule == NULL)
		return -ENOMEM;
	for (i = 0; rc == 0 && i < b->n_pairs; i++) {
		struct bh_pair *p = &b->pair[i];

		rule = b->rules[p->first];
		if (p->n != 1) {
			rc = sweep(b, p);
		} else if (b->by_rule[rule].n != 0) {
			p->first = b->by_rule[rule].first;
			p->n = b->by_rule[rule].n;
		} else {
			rc = sweep(b, p);
			b->by_rule[rule] = *p;
		}
	}
	return rc;
}

/* The table that workers ask, and the signatures that tell them what not to ask. */
static int
publish_pairs(struct builder *b)
{
	struct bh_snapshot *s = b->s;
	uint32_t i, k;

	for (s->pair_mask = 15; s->pair_mask < 2 * (uint64_t)b->n_pairs;)
		s->pair_mask = 2 * s->pair_mask + 1;
	s->pair = calloc((size_t)s->pair_mask + 1, sizeof(*s->pair));
	s->step = malloc((b->n_steps + 1) * sizeof(*s->step));
	if (s->pair == NULL || s->step == NULL)
		return -ENOMEM;
	if (b->n_steps != 0)
		memcpy(s->step, b->step, b->n_steps * sizeof(*s->step));
	for (i = 0; i < b->n_pairs; i++) {
		const struct bh_pair *p = &b->pair[i];

		k = (uint32_t)bh_pair_hash(s, p->key) & s->pair_mask;
		while (s->pair[k].n != 0)
			k = (k + 1) & s->pair_mask;
		s->pair[k] = *p;
		s->seg[p->key >> 32].to |= s->seg[(uint32_t)p->key].bit;
	}
	s->chain = b->chain;
	s->n_chain = b->n_chain;
	b->chain = NULL;
	s->n_pairs = b->n_pairs;
	s->n_steps = (uint32_t)b->n_steps;
	return 0;
}

int
bh_pairs_build(struct bh_snapshot *s, const struct bh_doc *doc, struct bh_err *err)
{
	struct builder b = {.s = s, .doc = doc};
	uint32_t i;
	int rc;

	for (i = 0; i < doc->n_rules; i++) {
		b.n_rules +=
			(uint64_t)side_count(&doc->rule[i].from) * side_count(&doc->rule[i].to);
		if (b.n_rules > EXPANDED_MAX)
			return too_many(doc, err);
	}
	rc = group(&b);
	if (rc == 0)
		rc = make_steps(&b);
	if (rc == -E2BIG)
		rc = too_long(doc, &doc->rule[b.failed], err);
	if (rc == 0)
		rc = publish_pairs(&b);
	free(b.pair);
	free(b.cell);
	free(b.rules);
	free(b.step);
	free(b.chain);
	free(b.edge);
	free(b.heap);
	free(b.open);
	free(b.in_heap);
	free(b.by_rule);
	return rc;
}
