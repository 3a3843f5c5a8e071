/* The linter against brute force: thousands of small rule bases, of which each end that there could be, each port and
 * each application is gone through one by one. What is found is what there is: all of it, and nothing else. */
#include <stdio.h>
#include <stdlib.h>

#include "policy_lint_rig.h"
#include "policy_lint_world.h"

#define BASES 3000

/* ---- what there is to be found ---------------------------------------------------------------------- */

static bool dead[RULES];

static bool
is_shadowed(unsigned rule, unsigned by)
{
	unsigned f, t, i, left;
	bool some = false;

	for (f = 0; f < n_ends; f++) {
		for (t = 0; t < n_ends; t++) {
			left = fits(&rules[rule], &ends[f], &ends[t]);
			some |= left != 0;
			for (i = 0; i < rule && left != 0; i++) {
				if ((by >> i & 1) != 0)
					left &= ~fits(&rules[i], &ends[f], &ends[t]);
			}
			if (left != 0)
				return false;
		}
	}
	return some;
}

static bool
is_redundant(unsigned rule)
{
	unsigned f, t, i, left, meets;

	bool some = false;

	for (f = 0; f < n_ends; f++) {
		for (t = 0; t < n_ends; t++) {
			left = fits(&rules[rule], &ends[f], &ends[t]);
			for (i = 0; i < n_rules && left != 0; i++) {
				some |= i == rule;
				meets = fits(&rules[i], &ends[f], &ends[t]);
				if (i == rule || dead[i])
					continue;
				if (i > rule && rules[i].action != rules[rule].action &&
				    (meets & left) != 0)
					return false;
				left &= ~meets;
			}
			if (left != 0)
				return false;
		}
	}
	return some;
}

/* Is a segment's every end in a side? false, too, if it has none. */
static bool
holds(const unsigned *side, unsigned n, unsigned segment)
{
	bool some = false;
	unsigned i;

	for (i = 0; i < n_ends; i++) {
		if ((ends[i].in >> segment & 1) == 0)
			continue;
		some = true;
		if ((ends[i].in & side_set(side, n)) == 0)
			return false;
	}
	return some;
}

/* Where an earlier rule's services and applications contradict one item's of a rule: all it is, or ports that cross. */
static unsigned
contradicted(const struct rule *e, const struct rule *r, unsigned apps)
{
	unsigned ef = e->first != 0 ? e->first : 1, el = e->first != 0 ? e->last : 65535;
	unsigned rf = r->first != 0 ? r->first : 1, rl = r->first != 0 ? r->last : 65535;
	bool cross = (ef < rf && el < rl) || (rf < ef && rl < el);
	bool inside = ef <= rf && rl <= el && (apps & ~rule_apps(e)) == 0;
	unsigned bits = rule_bits(e) & rule_bits(r), where = 0;

	if (cross || inside)
		where = bits & tcp_bits(10, OTHER_PORT, apps);
	if (e->first == 0 && r->first == 0 && e->apps == 0 && r->apps == 0)
		where |= UDP_BIT | REST_BIT;
	return where;
}

static bool
is_left(unsigned from, unsigned to, unsigned where, unsigned before)
{
	unsigned f, t, i, left;

	for (f = 0; f < n_ends; f++) {
		for (t = 0; t < n_ends; t++) {
			if ((ends[f].in >> from & 1) == 0 || (ends[t].in >> to & 1) == 0 ||
			    ends[f].v6 != ends[t].v6)
				continue;
			left = where;
			for (i = 0; i < before; i++)
				left &= ~fits(&rules[i], &ends[f], &ends[t]);
			if (left != 0)
				return true;
		}
	}
	return false;
}

static bool
pair_contradicts(unsigned rule, unsigned earlier, unsigned from, unsigned to)
{
	const struct rule *r = &rules[rule], *e = &rules[earlier];
	unsigned app, where;

	if (!holds(e->from, e->n_from, from) || !holds(e->to, e->n_to, to))
		return false;
	for (app = 0; app < 2; app++) {
		/* One application as written, or all there are. */
		if (r->apps == 0 ? app == 1 : (r->apps >> app & 1) == 0)
			continue;
		where = contradicted(e, r, r->apps == 0 ? 7 : 1u << app);
		if (where != 0 && is_left(from, to, where, earlier))
			return true;
	}
	return false;
}

static bool
is_contradicting(unsigned rule, unsigned earlier)
{
	const struct rule *r = &rules[rule];
	unsigned f, t;

	if ((r->action == 0) == (rules[earlier].action == 0))
		return false;
	for (f = 0; f < (r->n_from != 0 ? r->n_from : 1); f++) {
		for (t = 0; t < (r->n_to != 0 ? r->n_to : 1); t++) {
			if (pair_contradicts(rule, earlier, r->n_from != 0 ? r->from[f] : ANY,
					     r->n_to != 0 ? r->to[t] : ANY))
				return true;
		}
	}
	return false;
}

static bool
is_broad(const struct rule *r)
{
	return r->action == 0 && r->apps == 0 && r->first == 0 && (r->n_from == 0 || r->n_to == 0);
}

static void
brute_force(struct bh_buf *b, unsigned *n)
{
	bool shadowed[RULES] = {false}, redundant[RULES] = {false};
	unsigned i, k;

	memset(dead, 0, sizeof(dead));
	for (i = 0; i < n_rules; i++)
		shadowed[i] = dead[i] = is_shadowed(i, ~0u);
	for (i = 0; i < n_rules; i++) {
		if (!dead[i])
			redundant[i] = dead[i] = is_redundant(i);
	}
	bh_buf_reset(b);
	bh_buf_str(b, "");
	for (i = 0; i < n_rules; i++) {
		if (shadowed[i])
			bh_buf_printf(b, "shadowed r%u\n", i);
		if (redundant[i])
			bh_buf_printf(b, "redundant r%u\n", i);
		n[0] += shadowed[i];
		n[1] += redundant[i];
		for (k = 0; k < i && !dead[i]; k++) {
			if (dead[k] || !is_contradicting(i, k))
				continue;
			bh_buf_printf(b, "contradicting r%u r%u\n", i, k);
			n[2]++;
		}
		if (is_broad(&rules[i]))
			bh_buf_printf(b, "over-broad r%u\n", i);
		n[3] += is_broad(&rules[i]);
	}
}

/* ---- what was found --------------------------------------------------------------------------------- */

static void
put_findings(const struct bh_lint *l, struct bh_buf *b)
{
	uint32_t i;

	bh_buf_reset(b);
	bh_buf_str(b, "");
	for (i = 0; i < l->n_findings; i++) {
		const struct bh_lint_finding *f = &l->finding[i];

		bh_buf_printf(b, "%s %s", bh_lint_kind_name(f->kind), f->id);
		if (f->kind == BH_LINT_CONTRADICTING)
			bh_buf_printf(b, " %s", f->other[0]);
		bh_buf_str(b, "\n");
	}
}

/* Ends that a witness may mean: its labels and its address (of a whole prefix: each in it), or that it is outside. */
static unsigned
witness_ends(const struct bh_lint_witness *w, unsigned i, struct end *out)
{
	unsigned labels[2] = {NO_VALUE, NO_VALUE}, address, k, len, n = 0, at;
	char text[64], value[64];
	const char *p;

	if (w->labels[i] == NULL && w->address[i][0] == '\0') {
		out[0] = (struct end){1u << ANY | 1u << (strcmp(w->segment[i], "unknown") == 0
								 ? NOWHERE
								 : OUTSIDE),
				      false};
		return 1;
	}
	for (k = 0; w->labels[i] != NULL && k < 2; k++) {
		p = strstr(w->labels[i], k == 0 ? "a=" : "b=");
		if (p == NULL)
			continue;
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(p + 2, ","), p + 2);
		labels[k] = find_kind(value_kind(value));
		CU_ASSERT_FATAL(labels[k] < n_values);
	}
	snprintf(text, sizeof(text), "%s", w->address[i][0] != '\0' ? w->address[i] : "10.9.9.9");
	len = strchr(text, ':') != NULL ? 128 : 32;
	if (strchr(text, '/') != NULL) {
		len = (unsigned)atoi(strchr(text, '/') + 1);
		*strchr(text, '/') = '\0';
	}
	at = segments_at(text, len);
	for (address = 0; address < 7; address++) {
		const char *one = places[address].address;
		uint8_t a[16] = {0}, b[16] = {0};
		int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
		unsigned bits = 0;

		if (inet_pton(family, one, a) != 1 || inet_pton(family, text, b) != 1)
			continue;
		while (bits < len && ((a[bits / 8] ^ b[bits / 8]) >> (7 - bits % 8) & 1) == 0)
			bits++;
		/* Another address than those of prefixes is like any other. */
		if (bits == len || address == 4 || address == 6)
			out[n++] = (struct end){segments_of(w->labels[i] != NULL ? labels : NULL,
							    at, address),
						address > 4};
		if (bits == len && len == places[address].len)
			return out[0] = out[n - 1], 1;
	}
	return n;
}

static bool
witness_fits(const struct bh_lint_finding *f, struct end from, struct end to)
{
	const struct bh_lint_witness *w = &f->witness;
	unsigned port = w->service & 0xffff, bit, i, app = 4;

	if (w->application != NULL && strcmp(w->application, app_names[0]) == 0)
		app = 1;
	else if (w->application != NULL && strcmp(w->application, app_names[1]) == 0)
		app = 2;
	bit = w->service >> 16 == 6    ? app << 3 * ((port < 10 || port > 15 ? 16 : port) - 10)
	      : w->service >> 16 == 17 ? UDP_BIT
				       : REST_BIT;
	/* Somebody outside has an address of either family. */
	if ((from.in & (1u << OUTSIDE | 1u << NOWHERE)) != 0 || w->address[0][0] == '\0')
		from.v6 = to.v6;
	if ((to.in & (1u << OUTSIDE | 1u << NOWHERE)) != 0 || w->address[1][0] == '\0')
		to.v6 = from.v6;
	if ((fits(&rules[f->rule], &from, &to) & bit) == 0)
		return false;
	for (i = 0; i < n_rules && (fits(&rules[i], &from, &to) & bit) == 0;)
		i++;
	if (w->by == NULL || i == n_rules || (unsigned)atoi(w->by + 1) != i)
		return false;
	return f->kind == BH_LINT_SHADOWED        ? i != f->rule
	       : f->kind == BH_LINT_REDUNDANT     ? i == f->rule
	       : f->kind == BH_LINT_CONTRADICTING ? i == f->other_index[0]
						  : true;
}

static bool
speaks(const struct rule *r)
{
	unsigned f, t, left = 0;

	for (f = 0; f < n_ends && left == 0; f++) {
		for (t = 0; t < n_ends && left == 0; t++)
			left = fits(r, &ends[f], &ends[t]);
	}
	return left != 0;
}

/* The witness is a connection that the rule named decides, and its rule takes part in. */
static bool
witness_is_true(const struct bh_lint_finding *f)
{
	struct end from[8], to[8];
	unsigned nf, nt, i, k;

	/* Where nobody can be in a segment, there is no connection to show. */
	if (!f->witness.valid)
		return f->kind == BH_LINT_OVER_BROAD && !speaks(&rules[f->rule]);
	nf = witness_ends(&f->witness, 0, from);
	nt = witness_ends(&f->witness, 1, to);
	for (i = 0; i < nf; i++) {
		for (k = 0; k < nt; k++) {
			if (witness_fits(f, from[i], to[k]))
				return true;
		}
	}
	return false;
}

static bool
others_suffice(const struct bh_lint_finding *f)
{
	unsigned by = 0, i;

	for (i = 0; i < f->n_others; i++)
		by |= 1u << f->other_index[i];
	return f->kind != BH_LINT_SHADOWED || is_shadowed(f->rule, by);
}

static void
compare(unsigned bases)
{
	struct bh_policy *p = make_policy();
	struct bh_buf text = {0}, found = {0}, expected = {0};
	unsigned base, n[4] = {0}, wrong = 0;
	struct bh_lint *l;
	uint32_t i;

	for (base = 0; base < bases && wrong < 3; base++) {
		srand(base + 1);
		/* Few of them at a time: they are to have something in common. */
		n_texts = with_texts ? 2 + rnd(BH_ARRAY_SIZE(texts) - 1) : 1;
		random_base();
		make_ends();
		put_base(&text);
		l = lint(p, text.data);
		put_findings(l, &found);
		brute_force(&expected, n);
		CU_ASSERT(l->complete);
		if (strcmp(found.data, expected.data) != 0) {
			fprintf(stderr, "\nbase %u\n%s\nexpected:\n%s\nfound:\n%s\n", base,
				text.data, expected.data, found.data);
			CU_FAIL("findings");
			wrong++;
		}
		for (i = 0; i < l->n_findings && wrong == 0; i++) {
			const struct bh_lint_finding *f = &l->finding[i];

			if (witness_is_true(f) && others_suffice(f))
				continue;
			fprintf(stderr,
				"\nbase %u\n%s\n%s %s: %s [%s] %s -> %s [%s] %s %u/%u %s by %s\n",
				base, text.data, bh_lint_kind_name(f->kind), f->id,
				f->witness.segment[0], f->witness.labels[0] ?: "-",
				f->witness.address[0], f->witness.segment[1],
				f->witness.labels[1] ?: "-", f->witness.address[1],
				f->witness.service >> 16, f->witness.service & 0xffff,
				f->witness.application ?: "-", f->witness.by ?: "-");
			CU_FAIL("witness");
			wrong++;
		}
		bh_lint_free(l);
	}
	if (getenv("BH_VERBOSE") != NULL)
		fprintf(stderr,
			"\n%u bases: %u shadowed, %u redundant, %u contradicting, %u broad\n", base,
			n[0], n[1], n[2], n[3]);
	for (i = 0; i < 4; i++)
		CU_ASSERT(n[i] > bases / 10);
	bh_buf_free(&text);
	bh_buf_free(&found);
	bh_buf_free(&expected);
	bh_policy_destroy(p);
}

static void
findings_are_those_of_brute_force(void)
{
	with_texts = false;
	make_values();
	compare(BASES);
}

static void
findings_on_texts_and_places_are_those_of_brute_force(void)
{
	with_texts = true;
	make_values();
	CU_ASSERT(n_values < VALUES_MAX);
	compare(BASES);
}

const struct bh_unit_test bh_suite_policy_lint_brute[] = {
	BH_TEST(findings_are_those_of_brute_force),
	BH_TEST(findings_on_texts_and_places_are_those_of_brute_force),
	BH_TEST_END,
};
