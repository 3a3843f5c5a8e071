/* The patterns: one database, compiled once, and what a thread needs to match it. */
#include <hs.h>
#include <stdlib.h>

#include "inspect_priv.h"

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

static const struct rule {
	const char *pattern;
	uint16_t on;
	uint8_t class;
} rules[] = {
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
#define N_RULES BH_ARRAY_SIZE(rules)

/* Several databases: what is said to servers needs other patterns than what servers say; and three that know few classes
 * each are compiled in a third of the time that one for all takes. */
static const struct set {
	uint64_t classes;
	uint16_t on;
} sets[BH_INSPECT_DATABASES] = {
	{SET(XSS) | SET(CMDI) | SET(SHELLSHOCK) | SET(SSI), BH_ON_REQUEST},
	{SET(PHP) | SET(JAVA) | SET(CODE) | SET(SSTI) | SET(NODEJS) | SET(DESER), BH_ON_REQUEST},
	{SET(CRLF) | SET(SMUGGLING) | SET(HTTP) | SET(FORMAT) | SET(NOSQLI) | SET(LDAPI) |
		 SET(XPATHI) | SET(SESSION) | SET(SCANNER) | SET(XML) | SET(RFI) | SET(REDIRECT),
	 BH_ON_REQUEST},
	{BH_INSPECT_ALL, BH_ON_RESPONSE},
	{BH_INSPECT_ALL, BH_ON_DATA},
};

/* The rules of a set, in a database of their own. */
static int
compile(struct hs_database **db, const struct set *set, struct bh_err *err)
{
	const char *pattern[N_RULES];
	unsigned flags[N_RULES], id[N_RULES], n = 0, i;
	hs_compile_error_t *why = NULL;
	hs_error_t rc;

	for (i = 0; i < N_RULES; i++) {
		if (!(rules[i].on & set->on) || !(set->classes & BH_INSPECT_BIT(rules[i].class)))
			continue;
		pattern[n] = rules[i].pattern;
		flags[n] = HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH |
			   (set->on & BH_ON_DATA ? 0 : HS_FLAG_CASELESS);
		id[n++] = i;
	}
	rc = hs_compile_multi(pattern, flags, id, n, HS_MODE_BLOCK, NULL, db, &why);
	if (rc == HS_SUCCESS)
		return 0;
	bh_err_set(err, rc == HS_COMPILER_ERROR ? 22 : 12, "inspection pattern \"%.300s\": %s",
		   why != NULL && why->expression >= 0 ? pattern[why->expression] : "all",
		   why != NULL ? why->message : "no memory");
	if (why != NULL)
		hs_free_compile_error(why);
	return rc == HS_COMPILER_ERROR ? -22 : -12;
}

int
bh_inspect_engine_create(struct bh_inspect_engine **out, struct bh_err *err)
{
	struct bh_inspect_engine *e = calloc(1, sizeof(*e));
	unsigned i;
	int rc;

	*out = NULL;
	if (e == NULL)
		return bh_err_set(err, 12, "no memory for the inspection engine");
	for (i = 0; i < BH_INSPECT_DATABASES; i++) {
		rc = compile(&e->db[i], &sets[i], err);
		if (rc != 0)
			goto fail;
		if (hs_alloc_scratch(e->db[i], &e->proto) != HS_SUCCESS) {
			rc = bh_err_set(err, 12, "no memory for the inspection engine");
			goto fail;
		}
	}
	*out = e;
	return 0;
fail:
	bh_inspect_engine_destroy(e);
	return rc;
}

void
bh_inspect_engine_destroy(struct bh_inspect_engine *e)
{
	unsigned i;

	if (e == NULL)
		return;
	hs_free_scratch(e->proto);
	for (i = 0; i < BH_INSPECT_DATABASES; i++)
		hs_free_database(e->db[i]);
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

static int
on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
	struct bh_judge *j = arg;

	(void)from;
	(void)flags;
	if (rules[id].on & j->on)
		bh_judge_hit(j, rules[id].class, to > 24 ? to - 24 : 0);
	return 0;
}

void
bh_judge_rules(struct bh_judge *j, const struct bh_view *v)
{
	unsigned i;

	for (i = 0; i < BH_INSPECT_DATABASES - 1; i++)
		if (!(sets[i].on & BH_ON_RESPONSE) == !(j->on & BH_ON_RESPONSE))
			hs_scan(j->engine->db[i], (const char *)v->at, (unsigned)v->len, 0,
				j->scratch->hs, on_match, j);
}

static int
on_data(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
	struct bh_judge *j = arg;

	(void)from;
	(void)flags;
	/* where it ends is known; the excerpt begins far enough before to show what it is */
	bh_judge_hit(j, rules[id].class, to > 40 ? to - 40 : 0);
	return 0;
}

void
bh_judge_data(struct bh_judge *j, const struct bh_view *v)
{
	hs_scan(j->engine->db[BH_INSPECT_DATABASES - 1], (const char *)v->at, (unsigned)v->len, 0,
		j->scratch->hs, on_data, j);
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
