/* The patterns: compiled once, and what a thread needs to match it. */
#include <hs.h>
#include <stdlib.h>

#include "inspect_priv.h"
#include "pattern.h"

#define V BH_ON_VALUE
#define N BH_ON_NAME
#define P BH_ON_PATH
#define Q BH_ON_QUERY
#define U BH_ON_AGENT
#define R BH_ON_RESPONSE
#define B BH_ON_BODY
#define H BH_ON_HEADER
#define F BH_ON_FILE
#define D BH_ON_DATA

const struct bh_inspect_rule bh_inspect_rules[] = {
#define BH_RULE(cls, where, regex) {regex, where, BH_INSPECT_##cls},
#include "rule.def"
#include "rule_dlp.def"
#undef BH_RULE
};

#undef V
#undef N
#undef P
#undef Q
#undef U
#undef R
#undef B
#undef H
#undef F
#undef D

#define SET(class) BH_INSPECT_BIT(BH_INSPECT_##class)
#define N_RULES BH_ARRAY_SIZE(bh_inspect_rules)
const unsigned bh_inspect_n_rules = N_RULES;

/* Several databases, so that a text is matched against those patterns alone that could match in it. Some are for a place's
 * ordinary texts; the others hold the alternatives of patterns that need a byte which ordinary texts seldom have, rarest
 * first. Which alternative needs what is read off its expression (pattern.h). */
static const uint32_t needs[] = {
	BH_KIND_CONTROL | BH_KIND_HIGH,
	BH_KIND_ANGLE,
	BH_KIND_BRACE,
	BH_KIND_DOLLAR,
	BH_KIND_PAREN | BH_KIND_SQUARE,
	BH_KIND_QUOTE | BH_KIND_BACKTICK,
	BH_KIND_PIPE | BH_KIND_SEMICOLON | BH_KIND_AMPERSAND | BH_KIND_BACKSLASH | BH_KIND_MARK |
		BH_KIND_AT | BH_KIND_PERCENT | BH_KIND_EQUALS,
	BH_KIND_STAR | BH_KIND_QUESTION,
	BH_KIND_SLASH | BH_KIND_COLON | BH_KIND_PLUS | BH_KIND_COMMA,
	BH_KIND_ALL & ~BH_KIND_WORD,
	0, /* words are enough */
};
enum {
	SET_NAMES = BH_ARRAY_SIZE(needs), /* ordinary names of arguments */
	SET_TARGETS,                      /* ordinary paths and queries */
	SET_PLACES, /* what is looked for in single headers, files' names, bodies */
	SET_RESPONSE,
	SET_DATA,
	SETS
};
_Static_assert(SETS == BH_INSPECT_DATABASES, "a database each");

#define PLACES ((uint16_t)(BH_ON_AGENT | BH_ON_HEADER | BH_ON_FILE | BH_ON_BODY))
#define TARGETS ((uint16_t)(BH_ON_PATH | BH_ON_QUERY))

/* What ordinary names, paths and queries are made of. */
static const uint32_t name_kinds = BH_KIND_WORD | BH_KIND_SPACE | BH_KIND_DOT | BH_KIND_DASH;
static const uint32_t target_kinds = BH_KIND_WORD | BH_KIND_SPACE | BH_KIND_DOT | BH_KIND_DASH |
				     BH_KIND_SLASH | BH_KIND_COLON | BH_KIND_COMMA |
				     BH_KIND_QUESTION | BH_KIND_PLUS | BH_KIND_PERCENT |
				     BH_KIND_EQUALS | BH_KIND_AMPERSAND | BH_KIND_SEMICOLON;

/* A database being put together. */
struct plan {
	char *text; /* of patterns, each ended by a NUL */
	size_t used;
	const char *pattern[N_RULES];
	unsigned flags[N_RULES], id[N_RULES], n;
};

/* One alternative of a pattern: behind those of the same one that are in the plan already. */
static void
add(struct plan *p, struct bh_inspect_database *d, unsigned rule, const struct bh_view *text)
{
	if (p->n > 0 && p->id[p->n - 1] == rule) {
		p->text[p->used - 1] = '|';
	} else {
		p->pattern[p->n] = p->text + p->used;
		p->flags[p->n] = HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH |
				 (bh_inspect_rules[rule].on & BH_ON_DATA ? 0 : HS_FLAG_CASELESS);
		p->id[p->n++] = rule;
	}
	memcpy(p->text + p->used, text->at, text->len);
	p->used += text->len;
	p->text[p->used++] = '\0';
	d->classes |= BH_INSPECT_BIT(bh_inspect_rules[rule].class);
}

/* One alternative into the databases of the places where its rule applies. */
static void
place(struct bh_inspect_engine *e, struct plan *plans, unsigned rule, const struct bh_view *text)
{
	const char *at = (const char *)text->at;
	uint16_t on = bh_inspect_rules[rule].on & BH_ON_REQUEST;
	unsigned k = 0;

	if ((on & PLACES) && !(on & BH_ON_VALUE)) {
		add(&plans[SET_PLACES], &e->db[SET_PLACES], rule, text);
		e->db[SET_PLACES].on |= on & PLACES;
		on &= (uint16_t)~PLACES;
	}
	if ((on & BH_ON_NAME) && bh_pattern_fits(at, text->len, name_kinds)) {
		add(&plans[SET_NAMES], &e->db[SET_NAMES], rule, text);
		e->db[SET_NAMES].ordinary |= BH_ON_NAME;
		on &= (uint16_t)~BH_ON_NAME;
	}
	if ((on & TARGETS) && bh_pattern_fits(at, text->len, target_kinds)) {
		add(&plans[SET_TARGETS], &e->db[SET_TARGETS], rule, text);
		e->db[SET_TARGETS].ordinary |= on & TARGETS;
		on &= (uint16_t)~TARGETS;
	}
	if (on == 0)
		return;
	while (needs[k] != 0 && bh_pattern_fits(at, text->len, BH_KIND_ALL & ~needs[k]))
		k++;
	add(&plans[k], &e->db[k], rule, text);
	e->db[k].on |= on;
	e->db[k].needs = needs[k];
}

static void
distribute(struct bh_inspect_engine *e, struct plan *plans)
{
	unsigned i;

	for (i = 0; i < N_RULES; i++) {
		const uint8_t *at = (const uint8_t *)bh_inspect_rules[i].pattern;
		struct bh_view whole = {at, strlen(bh_inspect_rules[i].pattern)};
		size_t pos = 0;

		if (bh_inspect_rules[i].on & BH_ON_RESPONSE) {
			add(&plans[SET_RESPONSE], &e->db[SET_RESPONSE], i, &whole);
			e->db[SET_RESPONSE].on |= BH_ON_RESPONSE;
		}
		if (bh_inspect_rules[i].on & BH_ON_DATA) {
			add(&plans[SET_DATA], &e->db[SET_DATA], i, &whole);
			e->db[SET_DATA].on |= BH_ON_DATA;
		}
		while ((bh_inspect_rules[i].on & BH_ON_REQUEST) && pos <= whole.len) {
			struct bh_view one = {at + pos, 0};

			one.len = bh_pattern_branch(bh_inspect_rules[i].pattern + pos,
						    whole.len - pos);
			place(e, plans, i, &one);
			pos += one.len + 1;
		}
	}
}

static int
compile(struct bh_inspect_database *d, struct plan *p, struct bh_err *err)
{
	hs_compile_error_t *why = NULL;
	hs_error_t rc;
	unsigned i;

	d->least = UINT32_MAX;
	for (i = 0; i < p->n; i++) {
		hs_expr_info_t *info = NULL;

		if (hs_expression_info(p->pattern[i], p->flags[i], &info, &why) == HS_SUCCESS &&
		    info->min_width < d->least)
			d->least = info->min_width;
		free(info);
		hs_free_compile_error(why);
	}
	why = NULL;
	if (p->n == 0)
		return 0;
	rc = hs_compile_multi(p->pattern, p->flags, p->id, p->n, HS_MODE_BLOCK, NULL, &d->db, &why);
	if (rc == HS_SUCCESS)
		return 0;
	bh_err_set(err, rc == HS_COMPILER_ERROR ? 22 : 12, "inspection pattern \"%.300s\": %s",
		   why != NULL && why->expression >= 0 ? p->pattern[why->expression] : "all",
		   why != NULL ? why->message : "no memory");
	if (why != NULL)
		hs_free_compile_error(why);
	return rc == HS_COMPILER_ERROR ? -22 : -12;
}

static int
build(struct bh_inspect_engine *e, struct plan *plans, struct bh_err *err)
{
	unsigned i;

	distribute(e, plans);
	for (i = 0; i < SETS; i++) {
		int rc = compile(&e->db[i], &plans[i], err);

		if (rc != 0)
			return rc;
		if (e->db[i].db != NULL && hs_alloc_scratch(e->db[i].db, &e->proto) != HS_SUCCESS)
			return bh_err_set(err, 12, "no memory for the inspection engine");
	}
	return 0;
}

int
bh_inspect_engine_create(struct bh_inspect_engine **out, struct bh_err *err)
{
	struct bh_inspect_engine *e = calloc(1, sizeof(*e));
	struct plan *plans = calloc(SETS, sizeof(*plans));
	size_t size = 0;
	char *text;
	unsigned i;
	int rc = -12;

	*out = NULL;
	for (i = 0; i < N_RULES; i++)
		size += strlen(bh_inspect_rules[i].pattern) + 1;
	text = malloc(SETS * size);
	if (e == NULL || plans == NULL || text == NULL) {
		bh_err_set(err, 12, "no memory for the inspection engine");
	} else {
		for (i = 0; i < SETS; i++)
			plans[i].text = text + i * size;
		rc = build(e, plans, err);
	}
	free(text);
	free(plans);
	if (rc != 0) {
		bh_inspect_engine_destroy(e);
		return rc;
	}
	*out = e;
	return 0;
}

void
bh_inspect_engine_destroy(struct bh_inspect_engine *e)
{
	unsigned i;

	if (e == NULL)
		return;
	hs_free_scratch(e->proto);
	for (i = 0; i < SETS; i++)
		hs_free_database(e->db[i].db);
	free(e);
}

int
bh_inspect_scratch_create(struct bh_inspect_scratch **out, const struct bh_inspect_engine *e)
{
	struct bh_inspect_scratch *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL)
		return -12;
	if (hs_clone_scratch(e->proto, &s->hs) != HS_SUCCESS) {
		free(s);
		return -12;
	}
	*out = s;
	return 0;
}

void
bh_inspect_scratch_destroy(struct bh_inspect_scratch *s)
{
	if (s == NULL)
		return;
	hs_free_scratch(s->hs);
	free(s);
}

struct matching {
	struct bh_judge *j;
	uint64_t before; /* classes found in other readings */
};

static int
on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
	struct matching *m = arg;
	struct bh_judge *j = m->j;
	uint32_t offset = to > 24 ? (uint32_t)to - 24 : 0;
	unsigned class = bh_inspect_rules[id].class;

	(void)from;
	(void)flags;
	if (!(bh_inspect_rules[id].on & j->on) || (m->before & BH_INSPECT_BIT(class)))
		return 0;
	/* the first of a reading, whichever database has it */
	if ((j->found & BH_INSPECT_BIT(class)) && j->offset[class] <= offset)
		return 0;
	j->found |= BH_INSPECT_BIT(class);
	j->offset[class] = offset;
	return 0;
}

/* Is the text what the place's own database is for? */
static bool
is_ordinary(const struct bh_judge *j)
{
	return (j->on == BH_ON_NAME && !(j->kinds & ~name_kinds)) ||
	       ((j->on & TARGETS) && !(j->kinds & ~target_kinds));
}

void
bh_judge_rules(struct bh_judge *j, const struct bh_view *v, uint64_t classes)
{
	struct matching m = {j, j->found};
	bool ordinary = is_ordinary(j);
	unsigned i;

	for (i = 0; i < SET_DATA; i++) {
		const struct bh_inspect_database *d = &j->engine->db[i];
		uint16_t on = ordinary ? d->ordinary : d->ordinary | d->on;

		if ((on & j->on) && (d->classes & classes) && v->len >= d->least &&
		    (d->needs == 0 || (d->needs & j->kinds)))
			hs_scan(d->db, (const char *)v->at, (unsigned)v->len, 0, j->scratch->hs,
				on_match, &m);
	}
}

static int
on_data(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
	struct bh_judge *j = arg;

	(void)from;
	(void)flags;
	/* where it ends is known; the excerpt begins far enough before to show what it is */
	bh_judge_hit(j, bh_inspect_rules[id].class, to > 40 ? to - 40 : 0);
	return 0;
}

void
bh_judge_data(struct bh_judge *j, const struct bh_view *v)
{
	const struct bh_inspect_database *d = &j->engine->db[SET_DATA];

	if (v->len >= d->least)
		hs_scan(d->db, (const char *)v->at, (unsigned)v->len, 0, j->scratch->hs, on_data,
			j);
}

static const struct bh_inspect_class_info classes[] = {
#define BH_INSPECT_CLASS(sym, key, severity, attack, text) {key, attack, text, severity},
#include "../base/inspect_class.def"
#undef BH_INSPECT_CLASS
};

const struct bh_inspect_class_info *
bh_inspect_class_info(unsigned class)
{
	return class < BH_INSPECT_CLASS_COUNT ? &classes[class] : NULL;
}

unsigned
bh_inspect_class_find(const char *key)
{
	unsigned i;

	for (i = 0; i < BH_INSPECT_CLASS_COUNT; i++)
		if (strcmp(classes[i].key, key) == 0)
			break;
	return i;
}
