/* Small random rule bases, their text, and each end, port and application that they can be asked about. Nothing here
 * asks the room under test what a segment or a rule means. */
#ifndef BH_POLICY_LINT_WORLD_H
#define BH_POLICY_LINT_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/policy.h"

#define SEGMENTS 6
#define RULES 9
#define ANY SEGMENTS
#define OUTSIDE (SEGMENTS + 1)
#define NOWHERE (SEGMENTS + 2)
#define SIDE_MAX 3

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

/* ---- a base ----------------------------------------------------------------------------------------- */

enum { IS, IS_NOT, IN, NOT_IN, EXISTS, ABSENT, FREE };

/* What one key has to be: values are 0, 1, 2 ("v0" ...); an end's may be another one (3), or absent (4). */
struct term {
	unsigned op, value, other;
};

static bool
term_takes(const struct term *t, unsigned value)
{
	switch (t->op) {
	case IS:
		return value == t->value;
	case IS_NOT:
		return value != t->value;
	case IN:
		return value == t->value || value == t->other;
	case NOT_IN:
		return value != t->value && value != t->other;
	case EXISTS:
		return value != 4;
	case ABSENT:
		return value == 4;
	default:
		return true;
	}
}

static const char *const key_names[] = {"a", "b"};

/* Addresses are 10.0.0.0 to .3 (0 to 3), another one (4), fd00::1 (5), another one (6). */
static const struct {
	const char *text;
	unsigned addresses;
} prefixes[] = {
	{"10.0.0.0/32", 1},  {"10.0.0.1/32", 2},  {"10.0.0.0/31", 3},
	{"10.0.0.2/31", 12}, {"10.0.0.0/30", 15}, {"fd00::1/128", 32},
};

struct segment {
	struct term term[2];
	bool selects;
	unsigned prefix[2], n_prefixes, addresses;
};

struct rule {
	unsigned from[SIDE_MAX], to[SIDE_MAX], n_from, n_to; /* n 0: any */
	unsigned first, last;                                /* of tcp; first 0: any service */
	unsigned apps;                                       /* bits; 0: any */
	unsigned action;                                     /* 0 allow, 1 deny, 2 reject */
};

static struct segment segments[SEGMENTS];
static struct rule rules[RULES];
static unsigned n_rules;

static const char *const actions[] = {"allow", "deny", "reject"};
static const char *const app_names[] = {"redis", "mysql"};

static void
random_segment(struct segment *s)
{
	unsigned i, k;

	*s = (struct segment){.selects = rnd(5) != 0};
	for (i = 0; i < 2; i++)
		s->term[i] = (struct term){.op = rnd(3) == 0 ? FREE : rnd(6), .value = rnd(2)};
	for (i = 0; i < 2; i++)
		s->term[i].other = (s->term[i].value + 1 + rnd(2)) % 3;
	if (s->selects && s->term[0].op == FREE && s->term[1].op == FREE)
		s->term[0].op = rnd(6);
	s->n_prefixes = s->selects ? rnd(4) == 0 : 1 + rnd(2);
	for (i = 0; i < s->n_prefixes; i++) {
		k = s->prefix[i] = rnd(BH_ARRAY_SIZE(prefixes));
		s->addresses |= prefixes[k].addresses;
	}
	if (s->n_prefixes == 2 && s->prefix[0] == s->prefix[1])
		s->n_prefixes = 1;
}

static unsigned
random_side(unsigned *side)
{
	unsigned n = rnd(4) == 0 ? 0 : 1 + (rnd(3) == 0) + (rnd(5) == 0), i, k;

	for (i = 0; i < n; i++) {
		side[i] = rnd(12) == 0 ? OUTSIDE + rnd(2) : rnd(SEGMENTS);
		for (k = 0; k < i && side[k] != side[i];)
			k++;
		if (k < i) {
			n--;
			i--;
		}
	}
	return n;
}

static void
random_base(void)
{
	unsigned i;

	for (i = 0; i < SEGMENTS; i++)
		random_segment(&segments[i]);
	n_rules = 3 + rnd(RULES - 2);
	for (i = 0; i < n_rules; i++) {
		struct rule *r = &rules[i];

		*r = (struct rule){.action = rnd(3) != 0 ? 0 : 1 + rnd(2)};
		r->n_from = random_side(r->from);
		r->n_to = rnd(3) == 0 ? 0 : random_side(r->to);
		if (rnd(4) != 0) {
			r->first = 10 + rnd(6);
			r->last = r->first + rnd(16 - r->first);
		}
		r->apps = rnd(3) == 0 ? 1 + rnd(3) : 0;
		/* Alike but for one thing: rules like that are what this is about. */
		if (i > 0 && rnd(3) == 0) {
			unsigned action = r->action, from = rnd(SEGMENTS);

			*r = rules[rnd(i)];
			if (rnd(2) == 0)
				r->action = action;
			else if (r->n_from == 1)
				r->from[0] = from;
		}
	}
}

static const char *
segment_name(unsigned s)
{
	static char name[8][8];
	static unsigned at;

	if (s == OUTSIDE || s == NOWHERE)
		return s == OUTSIDE ? "external" : "unknown";
	at = (at + 1) % 8;
	snprintf(name[at], sizeof(name[at]), "s%u", s);
	return name[at];
}

static void
put_side(struct bh_buf *b, const char *what, const unsigned *side, unsigned n)
{
	unsigned i;

	bh_buf_printf(b, "%s: %s", what, n == 0 ? "any" : "[");
	for (i = 0; i < n; i++)
		bh_buf_printf(b, "%s%s", i == 0 ? "" : ", ", segment_name(side[i]));
	bh_buf_str(b, n == 0 ? ", " : "], ");
}

static void
put_segment(struct bh_buf *b, unsigned at)
{
	const struct segment *s = &segments[at];
	unsigned i, n = 0;

	bh_buf_printf(b, "  s%u: {", at);
	for (i = 0; s->selects && i < 2; i++) {
		const struct term *t = &s->term[i];

		if (t->op == FREE)
			continue;
		bh_buf_str(b, n++ == 0 ? "selector: '" : ", ");
		if (t->op == EXISTS || t->op == ABSENT)
			bh_buf_printf(b, "%s%s", t->op == ABSENT ? "!" : "", key_names[i]);
		else if (t->op == IS || t->op == IS_NOT)
			bh_buf_printf(b, t->op == IS ? "%s=v%u" : "%s!=v%u", key_names[i],
				      t->value);
		else
			bh_buf_printf(b, t->op == IN ? "%s in (v%u, v%u)" : "%s notin (v%u, v%u)",
				      key_names[i], t->value, t->other);
	}
	bh_buf_str(b, n != 0 ? "'" : "");
	for (i = 0; i < s->n_prefixes; i++)
		bh_buf_printf(b, "%s%s",
			      i != 0   ? ", "
			      : n != 0 ? ", addresses: ["
				       : "addresses: [",
			      prefixes[s->prefix[i]].text);
	bh_buf_str(b, s->n_prefixes != 0 ? "]}\n" : "}\n");
}

static void
put_base(struct bh_buf *b)
{
	unsigned i;

	bh_buf_reset(b);
	bh_buf_str(b, "version: 1\nsegments:\n");
	for (i = 0; i < SEGMENTS; i++)
		put_segment(b, i);
	bh_buf_str(b, "rules:\n");
	for (i = 0; i < n_rules; i++) {
		const struct rule *r = &rules[i];

		bh_buf_printf(b, "- {id: r%u, ", i);
		put_side(b, "from", r->from, r->n_from);
		put_side(b, "to", r->to, r->n_to);
		if (r->first != 0)
			bh_buf_printf(b, "ports: tcp/%u-%u, ", r->first, r->last);
		if (r->apps != 0)
			bh_buf_printf(b, "applications: [%s%s%s], ",
				      (r->apps & 1) != 0 ? app_names[0] : "",
				      r->apps == 3 ? ", " : "",
				      (r->apps & 2) != 0 ? app_names[1] : "");
		bh_buf_printf(b, "action: %s}\n", actions[r->action]);
	}
}

/* ---- the universe ----------------------------------------------------------------------------------- */

/* Ends that are in the same segments and of the same family are one. */
struct end {
	unsigned in; /* bits of segments, ANY, OUTSIDE, NOWHERE */
	bool v6;
};

static struct end ends[1024];
static unsigned n_ends;

static void
add_end(unsigned in, bool v6)
{
	unsigned i;

	for (i = 0; i < n_ends && (ends[i].in != in || ends[i].v6 != v6);)
		i++;
	if (i == n_ends)
		ends[n_ends++] = (struct end){in, v6};
}

/* An endpoint's (labels other than NULL) or a bare address's segments. */
static unsigned
segments_of(const unsigned *labels, unsigned address)
{
	unsigned in = 1u << ANY, i;

	for (i = 0; i < SEGMENTS; i++) {
		const struct segment *s = &segments[i];

		if ((s->addresses >> address & 1) != 0 ||
		    (labels != NULL && s->selects && term_takes(&s->term[0], labels[0]) &&
		     term_takes(&s->term[1], labels[1])))
			in |= 1u << i;
	}
	return in;
}

static void
make_ends(void)
{
	unsigned address, a, b, in, v6;

	n_ends = 0;
	for (v6 = 0; v6 < 2; v6++) {
		add_end(1u << ANY | 1u << OUTSIDE, v6 != 0);
		add_end(1u << ANY | 1u << NOWHERE, v6 != 0);
	}
	for (address = 0; address < 7; address++) {
		for (a = 0; a < 5; a++) {
			for (b = 0; b < 5; b++)
				add_end(segments_of((unsigned[]){a, b}, address), address > 4);
		}
		in = segments_of(NULL, address);
		if (in != 1u << ANY)
			add_end(in, address > 4);
	}
}

/* Services x applications: tcp/10 to 15 and another port, each with redis, mysql, or something else; UDP; the rest. */
#define OTHER_PORT 16
#define UDP_BIT (1u << 21)
#define REST_BIT (1u << 22)

static unsigned
tcp_bits(unsigned first, unsigned last, unsigned apps)
{
	unsigned bits = 0, port;

	for (port = first; port <= last && port <= OTHER_PORT; port++)
		bits |= apps << 3 * (port - 10);
	return bits;
}

static unsigned
rule_apps(const struct rule *r)
{
	return r->apps != 0 ? r->apps : 7;
}

static unsigned
rule_bits(const struct rule *r)
{
	if (r->first != 0)
		return tcp_bits(r->first, r->last, rule_apps(r));
	return tcp_bits(10, OTHER_PORT, rule_apps(r)) | (r->apps == 0 ? UDP_BIT | REST_BIT : 0);
}

static unsigned
side_set(const unsigned *side, unsigned n)
{
	unsigned set = n == 0 ? 1u << ANY : 0, i;

	for (i = 0; i < n; i++)
		set |= 1u << side[i];
	return set;
}

/* What a rule speaks of between two ends. */
static unsigned
fits(const struct rule *r, const struct end *from, const struct end *to)
{
	if (from->v6 != to->v6 || (side_set(r->from, r->n_from) & from->in) == 0 ||
	    (side_set(r->to, r->n_to) & to->in) == 0)
		return 0;
	return rule_bits(r);
}

#endif
