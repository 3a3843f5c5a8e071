/* The learned list: the smallest readable rules that allow what was seen, and no port, application or party that was not.
 *
 *   1 hosts that only talk with who meets all the world are the world (whole_hosts)
 *   2 each (from, to, service): which applications, or any where one was not proven (take_port)
 *   3 ports of a pair with the same applications are one rule (take_pair)
 *   4 rules that differ in who opens are one, then those that differ in to whom (merge)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "draft.h"
#include "rules_priv.h"

static void *
take(struct bh_learned *o, size_t size)
{
	void *p = o->failed ? NULL : bh_arena_alloc(&o->arena, size != 0 ? size : 1);

	o->failed |= p == NULL;
	return p;
}

const char *
bh_learned_text(struct bh_learned *o, const char *text)
{
	char *p = o->failed ? NULL : bh_arena_text(&o->arena, text, strlen(text));

	o->failed |= p == NULL;
	return p != NULL ? p : "";
}

/* ---- 1: facts ------------------------------------------------------------------------------------------ */

static const char *
party_name(struct maker *m, const char *name)
{
	char stem[BH_LEARN_NAME];

	if (bh_learn_stem_name(m->p->labels, name, stem))
		name = stem;
	if (m->p->rename != NULL)
		name = m->p->rename(m->p->rename_arg, name);
	return bh_learned_text(m->out, name);
}

static bool
take_fact(void *arg, const struct bh_conversation *c)
{
	struct maker *m = arg;
	struct fact *f;
	unsigned i;

	if (!c->learn || (m->p->wanted != NULL && !m->p->wanted(m->p->arg, c)))
		return true;
	if (m->n == m->cap) {
		uint32_t cap = m->cap != 0 ? 2 * m->cap : 256;
		struct fact *p = realloc(m->fact, cap * sizeof(*p));

		if (p == NULL) {
			m->out->failed = true;
			return false;
		}
		m->fact = p;
		m->cap = cap;
	}
	f = &m->fact[m->n++];
	*f = (struct fact){
		.end = {c->from, c->to},
		.service = c->service,
		.app = bh_learned_text(m->out, c->app),
		.undecided = c->undecided,
		.seen = {.first_ns = c->first_ns,
			 .last_ns = c->last_ns,
			 .sessions =
				 c->sessions[BH_SEEN_RULE] + c->sessions[BH_SEEN_LEARNED] + c->open,
			 .bytes = c->bytes[0] + c->bytes[1],
			 .conversations = 1},
	};
	f->end[0].name = party_name(m, c->from.name);
	f->end[1].name = party_name(m, c->to.name);
	f->value = take(m->out, c->n_values * sizeof(*f->value));
	for (i = 0; f->value != NULL && i < c->n_values; i++) {
		f->value[i] = c->value[i];
		f->value[i].text = (char *)bh_learned_text(m->out, c->value[i].text);
		f->n_values++;
	}
	return !m->out->failed;
}

/* Who meets the world: a party and a direction in which it has met a reserved segment as a whole. */
struct meeting {
	const char *party, *whole;
	unsigned end; /* at which the world is */
};

static int
by_meeting(const void *a, const void *b)
{
	const struct meeting *x = a, *y = b;
	int rc = strcmp(x->party, y->party);

	if (rc == 0)
		rc = strcmp(x->whole, y->whole);
	return rc != 0 ? rc : (int)x->end - (int)y->end;
}

static const char *
whole_of(const struct bh_party *p)
{
	return p->reserved == 1 ? "external" : p->reserved == 2 ? "unknown" : NULL;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A host that talks with anybody else keeps its name: as a segment it is no longer part of the world. */
static void
whole_hosts(struct maker *m)
{
	struct meeting *met = calloc(2 * m->n + 1u, sizeof(*met));
	const char **kept = calloc(2 * m->n + 1u, sizeof(*kept));
	uint32_t n_met = 0, n_kept = 0, i;
	unsigned e;

	for (i = 0; met != NULL && i < 2 * m->n; i++) {
		const struct fact *f = &m->fact[i / 2];

		e = i % 2;
		if (f->end[e].whole)
			met[n_met++] = (struct meeting){f->end[1 - e].name, f->end[e].name, e};
	}
	m->out->failed |= met == NULL || kept == NULL;
	if (m->out->failed || n_met == 0)
		goto out;
	qsort(met, n_met, sizeof(*met), by_meeting);
	for (i = 0; i < 2 * m->n; i++) {
		const struct fact *f = &m->fact[i / 2];
		struct meeting key = {f->end[1 - i % 2].name, whole_of(&f->end[i % 2]), i % 2};

		if (f->end[i % 2].address.family != 0 &&
		    (key.whole == NULL ||
		     bsearch(&key, met, n_met, sizeof(*met), by_meeting) == NULL))
			kept[n_kept++] = f->end[i % 2].name;
	}
	qsort(kept, n_kept, sizeof(*kept), by_name);
	for (i = 0; i < 2 * m->n; i++) {
		struct bh_party *p = &m->fact[i / 2].end[i % 2];

		if (p->address.family == 0 || whole_of(p) == NULL ||
		    bsearch(&p->name, kept, n_kept, sizeof(*kept), by_name) != NULL)
			continue;
		*p = (struct bh_party){.name = whole_of(p), .whole = true};
	}
out:
	free(met);
	free(kept);
}

/* ---- 2 and 3: the rules of a pair ------------------------------------------------------------------------ */

static int
by_pair(const struct fact *x, const struct fact *y)
{
	int rc = strcmp(x->end[0].name, y->end[0].name);

	return rc != 0 ? rc : strcmp(x->end[1].name, y->end[1].name);
}

static int
by_fact(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;
	int rc = by_pair(x, y);

	if (rc == 0)
		rc = x->service < y->service ? -1 : x->service > y->service;
	return rc != 0 ? rc : strcmp(x->app, y->app);
}

void
bh_seen_add(struct bh_learned_seen *to, const struct bh_learned_seen *s)
{
	if (to->conversations == 0 || s->first_ns < to->first_ns)
		to->first_ns = s->first_ns;
	if (s->last_ns > to->last_ns)
		to->last_ns = s->last_ns;
	to->sessions += s->sessions;
	to->bytes += s->bytes;
	to->conversations += s->conversations;
}

/* One service of a pair: facts [0, n). An application rule is only as good as the proof: where connections went by of
 * which nothing is proven, it would cut them off. */
static void
take_port(struct maker *m, const struct fact *f, uint32_t n, struct port *out)
{
	struct bh_buf b = {0};
	bool unproven = false;
	uint32_t i, named = 0;

	*out = (struct port){.service = f[0].service};
	for (i = 0; i < n; i++) {
		bh_seen_add(&out->seen, &f[i].seen);
		named += f[i].app[0] != '\0';
		unproven |= f[i].app[0] == '\0' && !f[i].undecided;
	}
	for (i = 0; i < n && named != 0 && !unproven; i++) {
		if (f[i].app[0] == '\0' || (i != 0 && strcmp(f[i].app, f[i - 1].app) == 0))
			continue;
		bh_buf_str(&b, b.len == 0 ? "[" : ", ");
		bh_learned_application(m, f[i].app, &b);
	}
	if (b.len != 0)
		bh_buf_str(&b, "]");
	m->out->failed |= b.failed;
	out->apps = bh_learned_text(m->out, b.len != 0 ? b.data : "");
	bh_buf_free(&b);
}

static int
by_port(const void *a, const void *b)
{
	const struct port *x = a, *y = b;
	int rc = strcmp(x->apps, y->apps);

	return rc != 0 ? rc : x->service < y->service ? -1 : x->service > y->service;
}

static bool
has_ports(uint32_t service)
{
	unsigned proto = service >> 16;

	return proto == 6 || proto == 17 || proto == 132;
}

/* "tcp/80", "tcp/80-82", "icmp/8", "proto/47": services first to last. */
static void
put_service(struct bh_buf *b, uint32_t first, uint32_t last)
{
	unsigned proto = first >> 16;
	const char *name = proto == 6 ? "tcp" : proto == 17 ? "udp" : "sctp";

	bh_buf_str(b, b->len == 0 ? "[" : ", ");
	if (proto == 1 || proto == 58)
		bh_buf_printf(b, "%s/%u/%u", proto == 1 ? "icmp" : "icmpv6", first >> 8 & 0xff,
			      first & 0xff);
	else if (!has_ports(first))
		bh_buf_printf(b, "proto/%u", proto);
	else if (first == last)
		bh_buf_printf(b, "%s/%u", name, first & 0xffff);
	else
		bh_buf_printf(b, "%s/%u-%u", name, first & 0xffff, last & 0xffff);
}

/* Sorted services as a list; ports that follow one another are a range, and where that leaves more than the bound, all
 * from the lowest to the highest of a protocol are. */
static const char *
ports_text(struct maker *m, const struct port *p, uint32_t n)
{
	bool wide = false;
	struct bh_buf b = {0};
	uint32_t i, k, ranges = 0;
	const char *text;

	for (i = 1, ranges = 1; i < n; i++)
		ranges += p[i].service != p[i - 1].service + 1;
	wide = ranges > m->p->ports;
	for (i = 0; i < n; i = k) {
		for (k = i + 1;
		     k < n && has_ports(p[i].service) && p[k].service >> 16 == p[i].service >> 16 &&
		     (wide || p[k].service == p[k - 1].service + 1);
		     k++)
			;
		put_service(&b, p[i].service, p[k - 1].service);
	}
	bh_buf_str(&b, "]");
	m->out->failed |= b.failed;
	text = bh_learned_text(m->out, b.failed ? "" : b.data);
	bh_buf_free(&b);
	return text;
}

static void
add_rule(struct maker *m, const struct fact *pair, const struct port *p, uint32_t n)
{
	struct bh_learned *o = m->out;
	struct bh_learned_rule *r = &m->rule[m->n_rules];
	uint32_t i;

	*r = (struct bh_learned_rule){.n_from = 1, .n_to = 1, .applications = p->apps};
	r->from = take(o, sizeof(*r->from));
	r->to = take(o, sizeof(*r->to));
	if (o->failed)
		return;
	r->from[0] = pair->end[0].name;
	r->to[0] = pair->end[1].name;
	r->ports = ports_text(m, p, n);
	for (i = 0; i < n; i++)
		bh_seen_add(&r->seen, &p[i].seen);
	m->n_rules++;
}

/* All facts of one pair, sorted by service. */
static void
take_pair(struct maker *m, const struct fact *f, uint32_t n)
{
	struct port *port = calloc(n, sizeof(*port));
	uint32_t i, k, n_ports = 0;

	m->out->failed |= port == NULL;
	m->pair = f;
	m->n_pair = n;
	for (i = 0; !m->out->failed && i < n; i = k) {
		for (k = i + 1; k < n && f[k].service == f[i].service; k++)
			;
		take_port(m, f + i, k - i, &port[n_ports++]);
	}
	if (!m->out->failed)
		qsort(port, n_ports, sizeof(*port), by_port);
	for (i = 0; !m->out->failed && i < n_ports; i = k) {
		for (k = i + 1; k < n_ports && strcmp(port[k].apps, port[i].apps) == 0; k++)
			;
		add_rule(m, f, port + i, k - i);
	}
	free(port);
}

/* ---- 4: rules that differ in one side -------------------------------------------------------------------- */

static int
by_list(const char **a, uint32_t n_a, const char **b, uint32_t n_b)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < n_a && i < n_b; i++)
		rc = strcmp(a[i], b[i]);
	return rc != 0 ? rc : n_a < n_b ? -1 : n_a > n_b;
}

static int
by_what(const struct bh_learned_rule *x, const struct bh_learned_rule *y)
{
	int rc = strcmp(x->applications, y->applications);

	return rc != 0 ? rc : strcmp(x->ports, y->ports);
}

static int
by_to(const void *a, const void *b)
{
	const struct bh_learned_rule *x = a, *y = b;
	int rc = by_list(x->to, x->n_to, y->to, y->n_to);

	if (rc == 0)
		rc = by_what(x, y);
	return rc != 0 ? rc : by_list(x->from, x->n_from, y->from, y->n_from);
}

static int
by_from(const void *a, const void *b)
{
	const struct bh_learned_rule *x = a, *y = b;
	int rc = by_list(x->from, x->n_from, y->from, y->n_from);

	if (rc == 0)
		rc = by_what(x, y);
	return rc != 0 ? rc : by_list(x->to, x->n_to, y->to, y->n_to);
}

/* Rules [i, k) say the same but for one side, on which each names one or more: the first takes all of them. */
static void
join(struct maker *m, struct bh_learned_rule *r, uint32_t n, bool from)
{
	uint32_t i, k, total = 0;
	const char **list;

	for (i = 0; i < n; i++)
		total += from ? r[i].n_from : r[i].n_to;
	list = take(m->out, total * sizeof(*list));
	if (list == NULL)
		return;
	for (i = 0, total = 0; i < n; i++) {
		for (k = 0; k < (from ? r[i].n_from : r[i].n_to); k++)
			list[total++] = from ? r[i].from[k] : r[i].to[k];
		if (i != 0)
			bh_seen_add(&r->seen, &r[i].seen);
	}
	if (from) {
		r->from = list;
		r->n_from = total;
	} else {
		r->to = list;
		r->n_to = total;
	}
}

static void
merge(struct maker *m, bool from)
{
	uint32_t i, k, n = 0;

	qsort(m->rule, m->n_rules, sizeof(*m->rule), from ? by_to : by_from);
	for (i = 0; !m->out->failed && i < m->n_rules; i = k) {
		struct bh_learned_rule *r = &m->rule[i];

		for (k = i + 1;
		     k < m->n_rules && by_what(r, &m->rule[k]) == 0 &&
		     (from ? by_list(r->to, r->n_to, m->rule[k].to, m->rule[k].n_to)
			   : by_list(r->from, r->n_from, m->rule[k].from, m->rule[k].n_from)) == 0;
		     k++)
			;
		if (k - i > 1)
			join(m, r, k - i, from);
		m->rule[n++] = *r;
	}
	m->n_rules = n;
}

/* ---- all of it --------------------------------------------------------------------------------------------- */

static int
by_host(const void *a, const void *b)
{
	const struct bh_party *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Addresses that rules name are segments. */
static void
take_hosts(struct maker *m)
{
	struct bh_learned *o = m->out;
	uint32_t i, n = 0;

	o->host = take(o, 2 * m->n * sizeof(*o->host));
	for (i = 0; !o->failed && i < 2 * m->n; i++) {
		if (m->fact[i / 2].end[i % 2].address.family != 0)
			o->host[o->n_hosts++] = m->fact[i / 2].end[i % 2];
	}
	if (o->failed)
		return;
	qsort(o->host, o->n_hosts, sizeof(*o->host), by_host);
	for (i = 0; i < o->n_hosts; i++) {
		if (n == 0 || by_host(&o->host[n - 1], &o->host[i]) != 0)
			o->host[n++] = o->host[i];
	}
	o->n_hosts = n;
}

static void
make_rules(struct maker *m)
{
	uint32_t i, k;

	m->rule = calloc(m->n + 1u, sizeof(*m->rule));
	m->out->failed |= m->rule == NULL;
	whole_hosts(m);
	if (m->out->failed)
		return;
	qsort(m->fact, m->n, sizeof(*m->fact), by_fact);
	for (i = 0; !m->out->failed && i < m->n; i = k) {
		for (k = i + 1; k < m->n && by_pair(&m->fact[k], &m->fact[i]) == 0; k++)
			;
		take_pair(m, m->fact + i, k - i);
	}
	merge(m, true);
	merge(m, false);
	qsort(m->rule, m->n_rules, sizeof(*m->rule), by_to);
	m->out->rule = take(m->out, m->n_rules * sizeof(*m->rule));
	if (m->out->failed)
		return;
	memcpy(m->out->rule, m->rule, m->n_rules * sizeof(*m->rule));
	m->out->n_rules = m->n_rules;
	bh_learned_names(m);
	take_hosts(m);
}

int
bh_learn_rules(struct bh_learn *l, const struct bh_learned_params *params, struct bh_learned **out,
	       struct bh_err *err)
{
	const struct bh_learn_filter all = {.seen = -1};
	struct maker m = {.p = params};
	int rc = 0;

	m.out = calloc(1, sizeof(*m.out));
	if (m.out == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	bh_learn_each(l, &all, take_fact, &m);
	if (m.n != 0 && !m.out->failed)
		make_rules(&m);
	free(m.fact);
	free(m.rule);
	*out = m.out;
	if (m.out->failed) {
		bh_learned_free(m.out);
		*out = NULL;
		rc = bh_err_set(err, ENOMEM, "out of memory");
	}
	return rc;
}

void
bh_learned_free(struct bh_learned *o)
{
	if (o == NULL)
		return;
	bh_arena_free(&o->arena);
	free(o);
}
