/* Small random rule bases, their text, and each end, port and application that they can be asked about. Nothing here
 * asks the room under test what a segment or a rule means. */
#ifndef BH_POLICY_LINT_WORLD_H
#define BH_POLICY_LINT_WORLD_H

#include <arpa/inet.h>
#include <regex.h>
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

enum { IS, IS_NOT, IN, NOT_IN, EXISTS, ABSENT, FREE, TEXT };

/* Requirements on text; what they mean is asked of the C library. */
static const struct {
	const char *op, *one, *two; /* two: another value of the same kind */
} texts[] = {
	{"prefix", "v", NULL},          {"prefix", "v1", "w"},
	{"prefix", "w0", NULL},         {"contains", "1", NULL},
	{"contains", "0w", "x"},        {"~", "^v[01]$", NULL},
	{"~", "[12]$", NULL},           {"!~", "^v", NULL},
	{"!~", "(0|1)+$", NULL},        {"~", "^(v|w)+[0-9]", NULL},
	{"~", "^v[^0-9]?[0-9]$", NULL}, {"~", "^$", NULL},
	{"~", "x|^w?0*$", NULL},        {"~", "^[a-v][0-9]{1,2}$", NULL},
};

/* A value of each kind that requirements tell apart: v0, v1, v2 are the first. */
#define VALUES_MAX 512
static char values[VALUES_MAX][8];
static unsigned value_kinds[VALUES_MAX], n_values;
#define NO_VALUE VALUES_MAX

static bool
text_takes(unsigned i, const char *value)
{
	const char *two = texts[i].two != NULL ? texts[i].two : texts[i].one;
	regex_t re;
	bool met;

	if (texts[i].op[0] == 'p')
		return strncmp(value, texts[i].one, strlen(texts[i].one)) == 0 ||
		       strncmp(value, two, strlen(two)) == 0;
	if (texts[i].op[0] == 'c')
		return strstr(value, texts[i].one) != NULL || strstr(value, two) != NULL;
	if (regcomp(&re, texts[i].one, REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	met = regexec(&re, value, 0, NULL, 0) == 0;
	regfree(&re);
	return met == (texts[i].op[0] == '~');
}

static unsigned
value_kind(const char *value)
{
	unsigned kind = 0, i;

	for (i = 0; i < 3; i++)
		kind |= (value[0] == 'v' && value[1] == '0' + (char)i && value[2] == '\0') ? 1u << i
											   : 0;
	for (i = 0; i < BH_ARRAY_SIZE(texts); i++)
		kind |= text_takes(i, value) ? 8u << i : 0;
	return kind;
}

static unsigned
find_kind(unsigned kind)
{
	unsigned i = 0;

	while (i < n_values && value_kinds[i] != kind)
		i++;
	return i;
}

/* All texts of up to four characters that matter to them. */
static void
make_values(void)
{
	static const char letters[] = "vw0123xb";
	const unsigned n = sizeof(letters) - 1;
	unsigned i, k, rest, len, total = 1;
	char text[8];

	for (i = 0; i < 3; i++) {
		snprintf(values[i], sizeof(values[i]), "v%u", i);
		value_kinds[i] = value_kind(values[i]);
	}
	n_values = 3;
	for (len = 0; len <= 4; len++, total *= n) {
		for (i = 0; i < total; i++) {
			for (k = 0, rest = i; k < len; k++, rest /= n)
				text[k] = letters[rest % n];
			text[len] = '\0';
			if (find_kind(value_kind(text)) != n_values || n_values == VALUES_MAX)
				continue;
			snprintf(values[n_values], sizeof(values[0]), "%s", text);
			value_kinds[n_values] = value_kind(text);
			n_values++;
		}
	}
}

/* What one key has to be. A value is one of values[], or absent. */
struct term {
	unsigned op, value, other, text;
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
		return value != NO_VALUE;
	case ABSENT:
		return value == NO_VALUE;
	case TEXT:
		return value == NO_VALUE ? texts[t->text].op[0] == '!'
					 : (value_kinds[value] >> (3 + t->text) & 1) != 0;
	default:
		return true;
	}
}

/* Two of them may be of one key. */
#define TERMS 3
static const unsigned key_of[TERMS] = {0, 1, 0};
static const char *const key_names[] = {"a", "b"};

/* Addresses are 10.0.0.0 to .3 (0 to 3), another one (4), fd00::1 (5), another one (6). */
static const struct {
	const char *text;
	unsigned addresses;
} prefixes[] = {
	{"10.0.0.0/32", 1},  {"10.0.0.1/32", 2},  {"10.0.0.0/31", 3},
	{"10.0.0.2/31", 12}, {"10.0.0.0/30", 15}, {"fd00::1/128", 32},
};

/* Where an endpoint is: all of a prefix. Its packets have one of these addresses. */
static const struct {
	const char *address;
	unsigned len, addresses;
} places[] = {
	{"10.0.0.0", 32, 1},  {"10.0.0.1", 32, 2},  {"10.0.0.2", 32, 4},  {"10.0.0.3", 32, 8},
	{"10.9.9.9", 32, 16}, {"fd00::1", 128, 32}, {"fd99::9", 128, 64}, {"10.0.0.0", 31, 3},
	{"10.0.0.2", 31, 12}, {"10.0.0.0", 30, 15}, {"10.0.0.0", 24, 31}, {"fd00::", 64, 96},
};

struct segment {
	struct term term[TERMS];
	bool selects;
	unsigned prefix[2], n_prefixes, addresses;
	unsigned within[2], n_within;
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

/* Without, bases are those of lists alone. */
static bool with_texts;
static unsigned n_texts = 1;

static const char *const actions[] = {"allow", "deny", "reject"};
static const char *const app_names[] = {"redis", "mysql"};

static void
random_segment(struct segment *s)
{
	unsigned i, k;

	*s = (struct segment){.selects = rnd(5) != 0};
	for (i = 0; i < TERMS; i++) {
		s->term[i] = (struct term){.op = rnd(3) == 0 ? FREE : rnd(6), .value = rnd(2)};
		s->term[i].other = (s->term[i].value + 1 + rnd(2)) % 3;
		if (with_texts && (i == 2 || rnd(2) == 0))
			s->term[i].op = TEXT;
		s->term[i].text = rnd(n_texts);
	}
	if (!with_texts || s->term[0].op == ABSENT || rnd(3) != 0)
		s->term[2].op = FREE;
	if (s->selects && s->term[0].op == FREE && s->term[1].op == FREE)
		s->term[0].op = rnd(6);
	if (s->term[0].op == ABSENT)
		s->term[2].op = FREE;
	s->n_within = s->selects && with_texts && rnd(3) == 0 ? 1 + rnd(2) : 0;
	for (i = 0; i < s->n_within; i++)
		s->within[i] = rnd(BH_ARRAY_SIZE(prefixes));
	if (s->n_within == 2 && s->within[0] == s->within[1])
		s->n_within = 1;
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
	for (i = 0; s->selects && i < TERMS; i++) {
		const struct term *t = &s->term[i];
		const char *key = key_names[key_of[i]];

		if (t->op == FREE)
			continue;
		bh_buf_str(b, n++ == 0 ? "selector: '" : ", ");
		if (t->op == TEXT && texts[t->text].two != NULL)
			bh_buf_printf(b, "%s %s (%s, %s)", key, texts[t->text].op,
				      texts[t->text].one, texts[t->text].two);
		else if (t->op == TEXT)
			bh_buf_printf(b,
				      strchr(texts[t->text].op, '~') != NULL ? "%s %s \"%s\""
									     : "%s %s %s",
				      key, texts[t->text].op, texts[t->text].one);
		else if (t->op == EXISTS || t->op == ABSENT)
			bh_buf_printf(b, "%s%s", t->op == ABSENT ? "!" : "", key);
		else if (t->op == IS || t->op == IS_NOT)
			bh_buf_printf(b, t->op == IS ? "%s=v%u" : "%s!=v%u", key, t->value);
		else
			bh_buf_printf(b, t->op == IN ? "%s in (v%u, v%u)" : "%s notin (v%u, v%u)",
				      key, t->value, t->other);
	}
	bh_buf_str(b, n != 0 ? "'" : "");
	for (i = 0; i < s->n_prefixes; i++)
		bh_buf_printf(b, "%s%s",
			      i != 0   ? ", "
			      : n != 0 ? ", addresses: ["
				       : "addresses: [",
			      prefixes[s->prefix[i]].text);
	bh_buf_str(b, s->n_prefixes != 0 ? "]" : "");
	for (i = 0; i < s->n_within; i++)
		bh_buf_printf(b, "%s%s", i == 0 ? ", within: [" : ", ",
			      prefixes[s->within[i]].text);
	bh_buf_str(b, s->n_within != 0 ? "]}\n" : "}\n");
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
static uint8_t end_seen[2][1024];

static void
add_end(unsigned in, bool v6)
{
	if (end_seen[v6][in]++ == 0)
		ends[n_ends++] = (struct end){in, v6};
}

static bool
is_within(unsigned prefix, const char *address, unsigned len)
{
	uint8_t a[16] = {0}, b[16] = {0};
	char text[64];
	unsigned bits, i;
	int family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;

	snprintf(text, sizeof(text), "%s", prefixes[prefix].text);
	bits = (unsigned)atoi(strchr(text, '/') + 1);
	*strchr(text, '/') = '\0';
	if (inet_pton(family, text, a) != 1 || inet_pton(family, address, b) != 1 || len < bits)
		return false;
	for (i = 0; i < bits; i++) {
		if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1) != 0)
			return false;
	}
	return true;
}

/* An endpoint's (labels other than NULL; at: bits of segments that its place is within), or a bare address's segments. */
static unsigned
segments_of(const unsigned *labels, unsigned at, unsigned address)
{
	unsigned in = 1u << ANY, i, k;

	for (i = 0; i < SEGMENTS; i++) {
		const struct segment *s = &segments[i];
		bool met = labels != NULL && s->selects && (at >> i & 1) != 0;

		for (k = 0; met && k < TERMS; k++)
			met = term_takes(&s->term[k], labels[key_of[k]]);
		if ((s->addresses >> address & 1) != 0 || met)
			in |= 1u << i;
	}
	return in;
}

static unsigned
segments_at(const char *address, unsigned len)
{
	unsigned at = 0, i, k;

	for (i = 0; i < SEGMENTS; i++) {
		for (k = 0;
		     k < segments[i].n_within && !is_within(segments[i].within[k], address, len);)
			k++;
		if (segments[i].n_within == 0 || k < segments[i].n_within)
			at |= 1u << i;
	}
	return at;
}

/* One value of each kind that the segments of this base tell apart, and none. */
static unsigned
make_kinds(unsigned key, unsigned *out)
{
	unsigned n = 0, v, i, k, kind, seen[VALUES_MAX + 1];

	for (v = 0; v <= n_values; v++) {
		unsigned value = v == n_values ? NO_VALUE : v;

		for (i = 0, kind = 0; i < SEGMENTS * TERMS; i++)
			kind |= key_of[i % TERMS] != key ||
						term_takes(&segments[i / TERMS].term[i % TERMS],
							   value)
					? 1u << i
					: 0;
		for (k = 0; k < n && seen[k] != kind;)
			k++;
		if (k == n) {
			seen[n] = kind;
			out[n++] = value;
		}
	}
	return n;
}

static void
make_ends(void)
{
	unsigned address, a, b, in, v6, at, p, na, nb;
	unsigned va[VALUES_MAX + 1], vb[VALUES_MAX + 1];

	n_ends = 0;
	memset(end_seen, 0, sizeof(end_seen));
	for (v6 = 0; v6 < 2; v6++) {
		add_end(1u << ANY | 1u << OUTSIDE, v6 != 0);
		add_end(1u << ANY | 1u << NOWHERE, v6 != 0);
	}
	na = make_kinds(0, va);
	nb = make_kinds(1, vb);
	for (p = 0; p < BH_ARRAY_SIZE(places); p++) {
		at = segments_at(places[p].address, places[p].len);
		for (address = 0; address < 7; address++) {
			if ((places[p].addresses >> address & 1) == 0)
				continue;
			for (a = 0; a < na; a++) {
				for (b = 0; b < nb; b++)
					add_end(segments_of((unsigned[]){va[a], vb[b]}, at,
							    address),
						address > 4);
			}
		}
	}
	for (address = 0; address < 7; address++) {
		in = segments_of(NULL, 0, address);
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
