/* Domains: all values that a label key can have, as far as the document tells them apart, where requirements on the text of
 * values ask for more than a list can say; and all places that an endpoint can be at, where `within` asks for them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lint_text.h"

/* Work on all keys of a document; beyond, the rest is equal only to what is written alike. */
#define KEYS_MAX 256
/* Values and beginnings are an atom each; what stands anywhere may make so many more of them. */
#define ATOMS_MORE 2048

/* A value or a requirement on the text of one, of one key. */
struct asked {
	const struct bh_requirement *q;
	const char *whole; /* a value; NULL: the requirement */
	uint32_t key;
};

struct gather {
	struct bh_lint_segments *x;
	struct asked *asked;
	uint32_t n, cap;
	uint32_t *of_key; /* indices of one key's, in the order of order() */
	int rc;
};

static bool
is_text(const struct bh_requirement *q)
{
	return q->op == BH_REQUIRE_PREFIX || q->op == BH_REQUIRE_CONTAINS ||
	       q->op == BH_REQUIRE_REGEX || q->op == BH_REQUIRE_NOT_REGEX;
}

/* What two requirements have in common that are met by the same values, or by opposite ones. */
static const char *
identity(struct bh_arena *a, const struct bh_requirement *q, const char *whole)
{
	struct bh_buf b = {0};
	const char *text;
	unsigned i;

	bh_buf_printf(&b, "%s\x01%d", q->key,
		      whole != NULL                   ? -1
		      : q->op == BH_REQUIRE_NOT_REGEX ? (int)BH_REQUIRE_REGEX
						      : (int)q->op);
	for (i = 0; whole == NULL && i < q->n_values; i++)
		bh_buf_printf(&b, "\x01%s", q->value[i]);
	if (whole != NULL)
		bh_buf_printf(&b, "\x01%s", whole);
	text = b.failed ? NULL : bh_arena_text(a, b.data, b.len);
	bh_buf_free(&b);
	return text;
}

static void
gather_one(struct gather *g, const struct bh_requirement *q, const char *whole, uint32_t key)
{
	const char *text = identity(&g->x->arena, q, whole);
	struct asked *grown;
	uint32_t old;

	if (g->rc == 0 && (text == NULL || bh_strmap_add(&g->x->term_of, text, g->n, &old) != 0))
		g->rc = -ENOMEM;
	if (g->rc != 0 || old != BH_NONE)
		return;
	if (g->n == g->cap) {
		g->cap = g->cap != 0 ? 2 * g->cap : 256;
		grown = realloc(g->asked, g->cap * sizeof(*grown));
		if (grown == NULL) {
			g->rc = -ENOMEM;
			return;
		}
		g->asked = grown;
	}
	g->asked[g->n++] = (struct asked){q, whole, key};
}

/* Keys that have a requirement on text, then all that is asked of these. */
static void
gather_all(struct gather *g)
{
	const struct bh_doc *doc = g->x->doc;
	const struct bh_requirement *q;
	uint32_t i, old, key;
	unsigned k;

	for (i = 0; g->rc == 0 && i < doc->n_segments; i++) {
		q = doc->segment[i].selector != NULL ? doc->segment[i].selector->first : NULL;
		for (; q != NULL; q = q->next) {
			if (is_text(q) && g->x->domain_of.n < KEYS_MAX &&
			    bh_strmap_add(&g->x->domain_of, q->key, g->x->domain_of.n, &old) != 0)
				g->rc = -ENOMEM;
		}
	}
	for (i = 0; g->rc == 0 && g->x->domain_of.n != 0 && i < doc->n_segments; i++) {
		q = doc->segment[i].selector != NULL ? doc->segment[i].selector->first : NULL;
		for (; q != NULL; q = q->next) {
			key = bh_strmap_get(&g->x->domain_of, q->key);
			if (key != BH_NONE && is_text(q))
				gather_one(g, q, NULL, key);
			for (k = 0; key != BH_NONE && !is_text(q) && k < q->n_values; k++)
				gather_one(g, q, q->value[k], key);
		}
	}
}

/* ---- terms ------------------------------------------------------------------------------------------- */

static bool
add_to_machine(struct bh_text_machine *m, const struct asked *a, uint32_t number)
{
	unsigned i;

	if (a->whole != NULL) {
		bh_text_add_whole(m, a->whole, number);
		return true;
	}
	for (i = 0; i < a->q->n_values; i++) {
		if (a->q->op == BH_REQUIRE_PREFIX)
			bh_text_add_prefix(m, a->q->value[i], number);
		else if (a->q->op == BH_REQUIRE_CONTAINS)
			bh_text_add_part(m, a->q->value[i], number);
		else if (!bh_text_add_regex(m, a->q->value[i], number))
			return false;
	}
	return true;
}

/* Values and beginnings multiply nothing; what stands anywhere may. */
static unsigned
rank(const struct asked *a)
{
	return a->whole != NULL ? 0 : a->q->op == BH_REQUIRE_PREFIX ? 1 : 2;
}

/* The key's, ranked. How many; *firm: how many of them multiply nothing. */
static uint32_t
order(struct gather *g, uint32_t key, uint32_t *firm)
{
	uint32_t n = 0, i;
	unsigned r;

	for (r = 0; r < 3; r++) {
		if (r == 2)
			*firm = n;
		for (i = 0; i < g->n; i++) {
			if (g->asked[i].key == key && rank(&g->asked[i]) == r)
				g->of_key[n++] = i;
		}
	}
	return n;
}

static bool
is_met(const struct bh_text_atom *a, uint32_t number)
{
	uint32_t k = 0;

	while (k < a->n_asked && a->asked[k] != number)
		k++;
	return k < a->n_asked;
}

/* Atoms that meet a requirement, or those that don't if these are fewer. What is listed is filled in by make_terms(). */
static int
begin_term(struct gather *g, const struct bh_lint_domain *d, const struct bh_text_atom *atom,
	   uint32_t n_met, uint32_t number)
{
	struct bh_lint_key *t = &g->x->term[g->of_key[number]];
	uint32_t i;

	*t = (struct bh_lint_key){.domain = d, .co = n_met > d->n_values / 2};
	t->value = bh_arena_alloc(&g->x->arena,
				  (d->n_values - (t->co ? n_met : 0) + 1) * sizeof(*t->value));
	if (t->value == NULL)
		return -ENOMEM;
	for (i = 0; t->co && i < d->n_values; i++) {
		if (!is_met(&atom[i], number))
			t->value[t->n_values++] = d->value[i];
	}
	return 0;
}

static int
make_terms(struct gather *g, struct bh_lint_domain *d, const struct bh_text_atom *atom,
	   uint32_t n_asked)
{
	uint32_t *n_met = calloc((size_t)n_asked + 1, sizeof(*n_met)), i, k;
	int rc = n_met != NULL ? 0 : -ENOMEM;

	for (i = 0; rc == 0 && i < d->n_values; i++) {
		for (k = 0; k < atom[i].n_asked; k++)
			n_met[atom[i].asked[k]]++;
	}
	for (i = 0; rc == 0 && i < n_asked; i++) {
		const struct asked *a = &g->asked[g->of_key[i]];

		if (a->whole == NULL && g->x->term[g->of_key[i]].key != NULL)
			rc = begin_term(g, d, atom, n_met[i], i);
	}
	for (i = 0; rc == 0 && i < d->n_values; i++) {
		for (k = 0; k < atom[i].n_asked; k++) {
			struct bh_lint_key *t = &g->x->term[g->of_key[atom[i].asked[k]]];

			if (t->domain != NULL && !t->co)
				t->value[t->n_values++] = d->value[i];
		}
	}
	free(n_met);
	return rc;
}

/* A key's first n requirements at once. 0, -ENOMEM, or -E2BIG. */
static int
try_key(struct gather *g, uint32_t key, uint32_t n, uint32_t firm)
{
	struct bh_lint_domain *d = &g->x->domain[key];
	struct bh_text_machine m = {.n_asked = n};
	struct bh_text_atom *atom;
	uint32_t i, n_atoms = firm + ATOMS_MORE;
	int rc;

	for (i = 0; i < n; i++) {
		/* Marked: it is one of the machine's. */
		g->x->term[g->of_key[i]].key =
			add_to_machine(&m, &g->asked[g->of_key[i]], i) ? "" : NULL;
	}
	rc = bh_text_atoms(&m, &g->x->arena, &atom, &n_atoms);
	bh_text_machine_free(&m);
	if (rc == 0) {
		d->value = bh_arena_alloc(&g->x->arena, (n_atoms + 1) * sizeof(*d->value));
		rc = d->value != NULL ? 0 : -ENOMEM;
	}
	if (rc != 0)
		return rc;
	for (i = 0; i < n_atoms; i++)
		d->value[i] = atom[i].text;
	d->n_values = n_atoms;
	return make_terms(g, d, atom, n);
}

static void
read_key(struct gather *g, uint32_t key)
{
	uint32_t firm = 0, n = order(g, key, &firm), i, most = n;
	int rc = -E2BIG;

	/* As many as fit: the others are equal only to themselves. */
	while (rc == -E2BIG) {
		for (i = 0; i < most; i++)
			g->x->term[g->of_key[i]] = (struct bh_lint_key){0};
		rc = try_key(g, key, n, firm);
		if (rc == -E2BIG && n <= firm)
			break;
		n = rc == -E2BIG ? firm + (n - firm) / 2 : n;
	}
	for (i = 0; rc == -E2BIG && i < most; i++)
		g->x->term[g->of_key[i]] = (struct bh_lint_key){0};
	if (rc == -ENOMEM)
		g->rc = rc;
}

/* ---- places ------------------------------------------------------------------------------------------ */

static int
by_place(const void *a, const void *b)
{
	const struct bh_lint_range *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	/* The wider one before those in it. */
	return x->last > y->last ? -1 : x->last < y->last;
}

/* In the order of by_place(), and no label's value. */
static const char *
name_place(struct bh_arena *a, const struct bh_lint_range *r, bool outside)
{
	char text[80];
	int n = snprintf(text, sizeof(text), "%u%c%016llx%016llx-%016llx%016llx", r->family,
			 outside ? '~' : ':', (unsigned long long)(r->first >> 64),
			 (unsigned long long)r->first, (unsigned long long)~(r->last >> 64),
			 (unsigned long long)~r->last);

	return bh_arena_text(a, text, (size_t)n);
}

static bool
is_whole_family(const struct bh_lint_range *r)
{
	return r->first == 0 &&
	       r->last == (r->family == BH_IP6 ? ~(unsigned __int128)0 : UINT32_MAX);
}

/* Every prefix that a `within` has, and being in none of a family's. */
static int
read_places(struct bh_lint_segments *x)
{
	static const struct bh_lint_range all[2] = {{0, UINT32_MAX, BH_IP4},
						    {0, ~(unsigned __int128)0, BH_IP6}};
	struct bh_lint_domain *d = &x->place;
	struct bh_lint_range *r;
	uint32_t i, k, n = 0, kept = 0, f;
	bool whole;

	for (i = 0; i < x->doc->n_segments; i++)
		n += x->doc->segment[i].n_within;
	if (n == 0)
		return 0;
	r = bh_lint_ranges_alloc(&x->arena, (size_t)n + 2);
	d->value = bh_arena_alloc(&x->arena, ((size_t)n + 2) * sizeof(*d->value));
	if (r == NULL || d->value == NULL)
		return -ENOMEM;
	for (i = 0, n = 0; i < x->doc->n_segments; i++) {
		for (k = 0; k < x->doc->segment[i].n_within; k++)
			r[n++] = bh_lint_range_of(&x->doc->segment[i].within[k]);
	}
	qsort(r, n, sizeof(*r), by_place);
	for (i = 0; i < n; i++) {
		if (kept == 0 || by_place(&r[kept - 1], &r[i]) != 0)
			r[kept++] = r[i];
	}
	d->n_places = kept;
	for (f = 0; f < 2; f++) {
		for (i = 0, whole = false; i < d->n_places; i++)
			whole |= r[i].family == all[f].family && is_whole_family(&r[i]);
		if (!whole)
			r[kept++] = all[f];
	}
	for (i = 0; i < kept; i++) {
		d->value[i] = name_place(&x->arena, &r[i], i >= d->n_places);
		if (d->value[i] == NULL)
			return -ENOMEM;
	}
	d->range = r;
	d->n_values = kept;
	return 0;
}

int
bh_lint_domain_within(struct bh_lint_segments *x, const struct bh_doc_segment *from,
		      struct bh_lint_key *out)
{
	const struct bh_lint_domain *d = &x->place;
	uint32_t i, k;

	*out = (struct bh_lint_key){.key = BH_LINT_PLACE, .domain = d};
	out->value = bh_arena_alloc(&x->arena, ((size_t)d->n_places + 1) * sizeof(*out->value));
	if (out->value == NULL)
		return -ENOMEM;
	for (i = 0; i < d->n_places; i++) {
		for (k = 0; k < from->n_within; k++) {
			struct bh_lint_range r = bh_lint_range_of(&from->within[k]);

			if (r.family == d->range[i].family && r.first <= d->range[i].first &&
			    d->range[i].last <= r.last)
				break;
		}
		if (k < from->n_within)
			out->value[out->n_values++] = d->value[i];
	}
	return 0;
}

/* ---- what others ask --------------------------------------------------------------------------------- */

const struct bh_lint_domain *
bh_lint_domain(const struct bh_lint_segments *x, const char *key)
{
	uint32_t i = bh_strmap_get(&x->domain_of, key);

	return i != BH_NONE && x->domain[i].n_values != 0 ? &x->domain[i] : NULL;
}

int
bh_lint_domain_term(struct bh_lint_segments *x, const struct bh_requirement *q,
		    struct bh_lint_key *out)
{
	const char *text = identity(&x->arena, q, NULL);
	uint32_t i;
	char *other;

	if (text == NULL)
		return -ENOMEM;
	i = bh_strmap_get(&x->term_of, text);
	if (i == BH_NONE || x->term[i].domain == NULL) {
		/* A key of its own, equal only to what is written alike: taking it as independent of all others can hide
		 * an inclusion, and can't invent one. */
		static const char *yes[] = {"1"};

		*out = (struct bh_lint_key){.key = text, .value = yes, .n_values = 1};
		/* What takes too many steps is neither. */
		if (q->op == BH_REQUIRE_NOT_REGEX) {
			other = bh_arena_alloc(&x->arena, strlen(text) + 2);
			if (other == NULL)
				return -ENOMEM;
			other[0] = '!';
			memcpy(other + 1, text, strlen(text) + 1);
			out->key = other;
		}
		return 1;
	}
	*out = x->term[i];
	out->key = q->key;
	if (q->op == BH_REQUIRE_NOT_REGEX) {
		out->absent = true;
		out->co = !out->co;
	}
	return 0;
}

int
bh_lint_domains_build(struct bh_lint_segments *x, const struct bh_hash_key *hash)
{
	struct gather g = {.x = x};
	uint32_t i;

	if (bh_strmap_init(&x->domain_of, hash, 16) != 0 ||
	    bh_strmap_init(&x->term_of, hash, 16) != 0)
		return -ENOMEM;
	gather_all(&g);
	x->domain = calloc((size_t)x->domain_of.n + 1, sizeof(*x->domain));
	x->term = calloc((size_t)g.n + 1, sizeof(*x->term));
	g.of_key = malloc(((size_t)g.n + 1) * sizeof(*g.of_key));
	if (x->domain == NULL || x->term == NULL || g.of_key == NULL)
		g.rc = -ENOMEM;
	for (i = 0; g.rc == 0 && i < x->domain_of.n; i++)
		read_key(&g, i);
	free(g.asked);
	free(g.of_key);
	return g.rc == 0 ? read_places(x) : g.rc;
}

void
bh_lint_domains_free(struct bh_lint_segments *x)
{
	bh_strmap_free(&x->domain_of);
	bh_strmap_free(&x->term_of);
	free(x->domain);
	free(x->term);
}
