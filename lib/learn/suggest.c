/* Segments that could be one: what they do is the same, or nearly.
 *
 * What a segment does is a set of facets (direction, peer, service, application). Segments of one namespace with equal sets are
 * a group; groups whose sets have four of five in common are joined. Peers count by their names of now: what pods of one job
 * say to those of another is found once the others are one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "draft.h"
#include "rules_priv.h"

#define GROUPS_MAX 1024 /* that are compared with one another: those of most segments */
#define SHARED_MAX 16   /* conversations told as evidence */
#define STEM_MIN 3      /* bytes that values have in common to be called one */

struct facet {
	uint64_t hash;
	const char *text;
	struct bh_learned_seen seen;
};

struct member {
	const char *name, *space; /* space: behind the last dot, "" = none */
	const char *selector;     /* as written, "" */
	struct facet *facet;      /* n, sorted by hash, each once */
	uint32_t n, group;
	uint64_t hash; /* of all */
};

struct raw {
	const char *name;
	struct facet facet;
};

struct work {
	struct bh_suggestions *out;
	const struct bh_learn_labels *labels;
	struct raw *raw;
	uint32_t n_raw, cap_raw;
	struct member *member; /* sorted by name */
	uint32_t n;
	uint32_t *group; /* members, in order of groups */
};

static void *
take(struct work *w, size_t size)
{
	void *p = w->out->failed ? NULL : bh_arena_alloc(&w->out->arena, size != 0 ? size : 1);

	w->out->failed |= p == NULL;
	return p;
}

static const char *
text(struct work *w, const char *s)
{
	const char *p = w->out->failed ? NULL : bh_arena_text(&w->out->arena, s, strlen(s));

	w->out->failed |= p == NULL;
	return p != NULL ? p : "";
}

/* ---- what each does ------------------------------------------------------------------------------------------ */

static uint64_t
hash_text(const char *s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	/* FNV-1a: no secret is needed, equal hashes only make a suggestion. */
	for (; *s != '\0'; s++)
		h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	return h;
}

static bool
is_segment(const struct bh_party *p)
{
	return p->address.family == 0 && !p->whole && strncmp(p->name, "host-", 5) != 0;
}

static const char *
name_now(const struct work *w, const char *name, char stem[BH_NAME_MAX])
{
	return bh_learn_stem_name(w->labels, name, stem) ? stem : name;
}

static void
add_facet(struct work *w, const struct bh_conversation *c, bool from)
{
	const struct bh_party *self = from ? &c->from : &c->to, *peer = from ? &c->to : &c->from;
	char service[32], stem[2][BH_NAME_MAX], line[2 * BH_NAME_MAX];
	struct raw *p;

	if (!is_segment(self))
		return;
	if (w->n_raw == w->cap_raw) {
		w->cap_raw = w->cap_raw != 0 ? 2 * w->cap_raw : 1024;
		p = realloc(w->raw, w->cap_raw * sizeof(*p));
		w->out->failed |= p == NULL;
		if (p == NULL)
			return;
		w->raw = p;
	}
	snprintf(line, sizeof(line), "%s %s %s%s%s", from ? "to" : "from",
		 name_now(w, peer->name, stem[1]),
		 bh_service_format(c->service, service, sizeof(service)),
		 c->app[0] != '\0' ? " " : "", c->app);
	p = &w->raw[w->n_raw++];
	*p = (struct raw){.name = text(w, name_now(w, self->name, stem[0])),
			  .facet = {.hash = hash_text(line),
				    .text = text(w, line),
				    .seen = {.first_ns = c->first_ns,
					     .last_ns = c->last_ns,
					     .sessions = c->sessions[BH_SEEN_LEARNED] +
							 c->sessions[BH_SEEN_RULE] + c->open,
					     .bytes = c->bytes[0] + c->bytes[1],
					     .conversations = 1}}};
}

static bool
take_conversation(void *arg, const struct bh_conversation *c)
{
	struct work *w = arg;

	if (c->learn) {
		add_facet(w, c, true);
		add_facet(w, c, false);
	}
	return !w->out->failed;
}

static int
by_raw(const void *a, const void *b)
{
	const struct raw *x = a, *y = b;
	int rc = strcmp(x->name, y->name);

	if (rc == 0)
		rc = x->facet.hash < y->facet.hash ? -1 : x->facet.hash > y->facet.hash;
	return rc;
}

/* From here on `raw` is sorted, and each member's facets are a part of one array. */
static void
make_members(struct work *w)
{
	struct facet *facet = take(w, w->n_raw * sizeof(*facet));
	struct member *m = NULL;
	uint32_t i;

	w->member = take(w, w->n_raw * sizeof(*w->member));
	if (w->out->failed)
		return;
	if (w->n_raw > 1)
		qsort(w->raw, w->n_raw, sizeof(*w->raw), by_raw);
	for (i = 0; i < w->n_raw; i++) {
		const struct raw *r = &w->raw[i];
		const char *dot = strrchr(r->name, '.');

		if (m == NULL || strcmp(m->name, r->name) != 0) {
			m = &w->member[w->n++];
			*m = (struct member){.name = r->name,
					     .space = dot != NULL ? dot + 1 : "",
					     .selector = "",
					     .facet = facet};
		}
		if (m->n == 0 || m->facet[m->n - 1].hash != r->facet.hash) {
			m->facet[m->n++] = r->facet;
			m->hash = (m->hash ^ r->facet.hash) * UINT64_C(0x9e3779b97f4a7c15);
			facet++;
		} else {
			m->facet[m->n - 1].seen.sessions += r->facet.seen.sessions;
		}
	}
}

/* ---- who does the same ------------------------------------------------------------------------------------------ */

static int
by_set(const void *a, const void *b, void *arg)
{
	const struct member *m = arg, *x = &m[*(const uint32_t *)a], *y = &m[*(const uint32_t *)b];
	int rc = strcmp(x->space, y->space);

	if (rc == 0)
		rc = x->n < y->n ? -1 : x->n > y->n;
	if (rc == 0)
		rc = x->hash < y->hash ? -1 : x->hash > y->hash;
	return rc != 0 ? rc : strcmp(x->name, y->name);
}

static uint32_t
in_common(const struct member *a, const struct member *b)
{
	uint32_t i = 0, k = 0, n = 0;

	while (i < a->n && k < b->n) {
		uint64_t x = a->facet[i].hash, y = b->facet[k].hash;

		n += x == y;
		i += x <= y;
		k += y <= x;
	}
	return n;
}

static bool
are_near(const struct member *a, const struct member *b)
{
	uint32_t both;

	if (strcmp(a->space, b->space) != 0 || 5 * a->n < 4 * b->n || 5 * b->n < 4 * a->n)
		return false;
	both = in_common(a, b);
	return 5 * both >= 4 * (a->n + b->n - both);
}

/* Equal sets are a group, numbered by its first member in w->group; near ones are joined to the first that they are near to. */
static void
make_groups(struct work *w)
{
	struct member *m = w->member;
	uint32_t first[GROUPS_MAX], n_first = 0, i, k;

	w->group = take(w, w->n * sizeof(*w->group));
	if (w->out->failed)
		return;
	for (i = 0; i < w->n; i++)
		w->group[i] = i;
	qsort_r(w->group, w->n, sizeof(*w->group), by_set, m);
	for (i = 0; i < w->n; i++) {
		struct member *x = &m[w->group[i]], *before = i != 0 ? &m[w->group[i - 1]] : NULL;

		x->group = w->group[i];
		if (before != NULL && before->hash == x->hash && before->n == x->n &&
		    strcmp(before->space, x->space) == 0) {
			x->group = before->group;
			continue;
		}
		for (k = 0; k < n_first; k++) {
			if (are_near(&m[first[k]], x)) {
				x->group = m[first[k]].group;
				break;
			}
		}
		if (k == n_first && n_first < GROUPS_MAX)
			first[n_first++] = w->group[i];
	}
}

static int
by_group(const void *a, const void *b, void *arg)
{
	const struct member *m = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (m[x].group != m[y].group)
		return m[x].group < m[y].group ? -1 : 1;
	return strcmp(m[x].name, m[y].name);
}

/* ---- telling ------------------------------------------------------------------------------------------------------ */

static size_t
common_length(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] != '\0' && a[n] == b[n])
		n++;
	return n;
}

/* "app=runner-1, namespace=ci" and "app=runner-2, namespace=ci": key and rest are the same, values begin alike. */
static void
join_selectors(struct work *w, struct bh_suggestion *s, struct member *const *m)
{
	const char *first = m[0]->selector, *equals = strchr(first, '='), *rest;
	size_t key, stem, value, i;
	struct bh_buf b = {0};

	if (equals == NULL || equals == first || strpbrk(first, "!(~\"") != NULL)
		return;
	key = (size_t)(equals - first) + 1;
	value = strcspn(first + key, ",");
	rest = first + key + value;
	stem = value;
	for (i = 1; i < s->n_segments; i++) {
		const char *other = m[i]->selector;

		if (strncmp(other, first, key) != 0 ||
		    strcmp(other + key + strcspn(other + key, ","), rest) != 0)
			return;
		value = common_length(first + key, other + key);
		stem = value < stem ? value : stem;
	}
	while (stem > 0 && strchr("-_./", first[key + stem - 1]) == NULL)
		stem--;
	if (stem > STEM_MIN) {
		bh_buf_printf(&b, "%.*s prefix %.*s%s", (int)key - 1, first, (int)stem, first + key,
			      rest);
		s->selector = text(w, b.data);
		bh_buf_reset(&b);
		bh_buf_printf(&b, "%.*s%.*s*", (int)key, first, (int)stem, first + key);
		s->ignore = text(w, b.data);
	} else if (s->n_segments <= 16) {
		bh_buf_printf(&b, "%.*s in (", (int)key - 1, first);
		for (i = 0; i < s->n_segments; i++)
			bh_buf_printf(&b, "%s%.*s", i != 0 ? ", " : "",
				      (int)strcspn(m[i]->selector + key, ","),
				      m[i]->selector + key);
		bh_buf_printf(&b, ")%s", rest);
		s->selector = text(w, b.data);
	}
	w->out->failed |= b.failed;
	bh_buf_free(&b);
}

/* What their names begin with, or that of the first. */
static void
find_name(struct work *w, struct bh_suggestion *s, struct member *const *m)
{
	size_t n = strlen(m[0]->name), i;
	char name[BH_NAME_MAX];

	for (i = 1; i < s->n_segments; i++) {
		size_t k = common_length(m[0]->name, m[i]->name);

		n = k < n ? k : n;
	}
	while (n > 0 && strchr("-_./", m[0]->name[n - 1]) == NULL)
		n--;
	while (n > 0 && strchr("-_./", m[0]->name[n - 1]) != NULL)
		n--;
	if (n < STEM_MIN)
		snprintf(name, sizeof(name), "%s", m[0]->name);
	else
		snprintf(name, sizeof(name), "%.*s%s%s", (int)n, m[0]->name,
			 m[0]->space[0] != '\0' ? "." : "", m[0]->space);
	s->name = text(w, name);
}

static bool
has_facet(const struct member *m, uint64_t hash)
{
	uint32_t low = 0, high = m->n;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (m->facet[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return low < m->n && m->facet[low].hash == hash;
}

/* What all have, and how much any has. */
static void
find_shared(struct work *w, struct bh_suggestion *s, struct member *const *m)
{
	uint32_t i, k, extra = 0;

	s->shared = take(w, SHARED_MAX * sizeof(*s->shared));
	for (i = 0; !w->out->failed && i < m[0]->n; i++) {
		for (k = 1; k < s->n_segments && has_facet(m[k], m[0]->facet[i].hash); k++)
			;
		if (k < s->n_segments)
			continue;
		s->in_common++;
		if (s->n_shared < SHARED_MAX)
			s->shared[s->n_shared++] = m[0]->facet[i].text;
	}
	for (k = 0; k < s->n_segments; k++) {
		for (i = 0; i < m[k]->n; i++)
			bh_seen_add(&s->seen, &m[k]->facet[i].seen);
		/* Bounded from above: what two of them have beyond may be the same. */
		extra = m[k]->n - s->in_common > extra ? m[k]->n - s->in_common : extra;
	}
	s->in_all = s->in_common + extra;
}

/* One conversation alone (with the DNS server, say) makes nobody alike, unless it is many that are called alike. */
static bool
is_worth_it(const struct bh_suggestion *s)
{
	return s->in_common >= 2 ||
	       (s->in_common == 1 && s->n_segments >= 3 && s->ignore[0] != '\0');
}

static int
by_size(const void *a, const void *b)
{
	const struct bh_suggestion *x = a, *y = b;

	if (x->n_segments != y->n_segments)
		return x->n_segments > y->n_segments ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void
tell_groups(struct work *w)
{
	struct member **m = take(w, w->n * sizeof(*m));
	uint32_t i, k, n;

	w->out->item = take(w, (w->n / 2 + 1) * sizeof(*w->out->item));
	if (w->out->failed)
		return;
	qsort_r(w->group, w->n, sizeof(*w->group), by_group, w->member);
	for (i = 0; !w->out->failed && i < w->n; i += n) {
		struct bh_suggestion *s = &w->out->item[w->out->n];

		for (n = 1; i + n < w->n &&
			    w->member[w->group[i + n]].group == w->member[w->group[i]].group;)
			n++;
		if (n == 1)
			continue;
		*s = (struct bh_suggestion){.n_segments = n, .selector = "", .ignore = ""};
		s->segment = take(w, n * sizeof(*s->segment));
		for (k = 0; !w->out->failed && k < n; k++) {
			m[k] = &w->member[w->group[i + k]];
			s->segment[k] = m[k]->name;
		}
		if (w->out->failed)
			return;
		find_name(w, s, m);
		join_selectors(w, s, m);
		find_shared(w, s, m);
		w->out->n += is_worth_it(s);
	}
	if (w->out->n > 1)
		qsort(w->out->item, w->out->n, sizeof(*w->out->item), by_size);
}

/* ---- all of it -------------------------------------------------------------------------------------------------------- */

static int
by_member(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static bool
take_selector(void *arg, const struct bh_segment_info *s)
{
	struct work *w = arg;
	const struct member key = {.name = s->name};
	struct member *m = bsearch(&key, w->member, w->n, sizeof(*w->member), by_member);

	if (m != NULL)
		m->selector = text(w, s->selector);
	return !w->out->failed;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What the list would be if all were followed. */
static const char *
rename_party(void *arg, const char *name)
{
	const struct bh_suggestions *o = arg;
	uint32_t i;

	for (i = 0; i < o->n; i++) {
		if (bsearch(&name, o->item[i].segment, o->item[i].n_segments,
			    sizeof(*o->item[i].segment), by_name) != NULL)
			return o->item[i].name;
	}
	return name;
}

static int
count_rules(struct bh_learn *l, struct bh_suggestions *o, struct bh_err *err)
{
	struct bh_learned_params params = {.ports = 20, .labels = bh_learn_labels(l)};
	struct bh_learned *list = NULL;
	unsigned then;
	uint32_t i;
	int rc = 0;

	for (then = 0; rc == 0 && then < 2; then++) {
		params.rename = then != 0 ? rename_party : NULL;
		params.rename_arg = o;
		rc = bh_learn_rules(l, &params, &list, err);
		if (rc != 0)
			break;
		o->rules[then] = list->n_rules;
		for (i = 0; i < list->n_rules; i++)
			o->names[then] += list->rule[i].n_from + list->rule[i].n_to;
		bh_learned_free(list);
	}
	return rc;
}

int
bh_learn_suggestions(struct bh_learn *l, struct bh_policy *p, struct bh_suggestions **out,
		     struct bh_err *err)
{
	const struct bh_learn_filter all = {.seen = -1};
	struct work w = {.out = calloc(1, sizeof(*w.out)), .labels = bh_learn_labels(l)};
	int rc = 0;

	if (w.out == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	bh_learn_each(l, &all, take_conversation, &w);
	make_members(&w);
	if (!w.out->failed && p != NULL)
		bh_policy_segments_each(p, take_selector, &w);
	make_groups(&w);
	if (!w.out->failed)
		tell_groups(&w);
	free(w.raw);
	rc = w.out->failed ? bh_err_set(err, ENOMEM, "out of memory") : count_rules(l, w.out, err);
	if (rc != 0)
		bh_suggestions_free(w.out);
	else
		*out = w.out;
	return rc;
}

void
bh_suggestions_free(struct bh_suggestions *o)
{
	if (o == NULL)
		return;
	bh_arena_free(&o->arena);
	free(o);
}
