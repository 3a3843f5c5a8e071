/* The patterns are spread over databases, of which a text meets those alone that could match in it. What is found is the same as
 * with all patterns in one database: in texts that are made from the patterns themselves. */
#include <hs.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/inspect/inspect_priv.h"
#include "unit.h"

#define TEXTS 60000
#define ROOM 512

#define RULES 512 /* room for */

/* ---- texts ------------------------------------------------------------------------------------------------ */

struct text {
	uint8_t b[ROOM];
	size_t n;
};

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

static void
say(struct text *t, unsigned byte)
{
	if (t->n < ROOM)
		t->b[t->n++] = (uint8_t)byte;
}

/* What an escape stands for: a byte, or 256 and beyond: several, or a place. */
static unsigned
escape(const char **at)
{
	static const char from[] = "nrtfave", to[] = "\n\r\t\f\a\v\x1b";
	char c = *(*at)++, digits[3] = {0};
	const char *p = strchr(from, c);

	if (p != NULL)
		return (uint8_t)to[p - from];
	if (c == 'x') {
		memcpy(digits, *at, 2);
		*at += 2;
		return (unsigned)strtoul(digits, NULL, 16);
	}
	return strchr("dDwWsSbBAzZ", c) != NULL ? 256u + (uint8_t)c : (uint8_t)c;
}

static bool
is_in(unsigned set, unsigned byte)
{
	bool digit = byte >= '0' && byte <= '9', space = byte == ' ' || (byte >= 9 && byte <= 13);
	bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z' && byte < 128;

	switch (set - 256) {
	case 'd':
		return digit;
	case 'D':
		return !digit;
	case 'w':
		return digit || letter || byte == '_';
	case 'W':
		return !(digit || letter || byte == '_');
	case 's':
		return space;
	case 'S':
		return !space;
	}
	return false;
}

static void
say_one_of(struct text *t, const bool *set)
{
	unsigned i, n = 0, k;

	for (i = 0; i < 256; i++)
		n += set[i];
	for (i = 0, k = n != 0 ? rnd(n) : 0; n != 0 && (!set[i] || k-- != 0); i++)
		;
	if (n != 0)
		say(t, i);
}

static void
add_set(bool *set, unsigned what)
{
	unsigned i;

	for (i = 0; i < 256; i++)
		set[i] |= is_in(what, i);
}

/* Behind the bracket; returns behind the other one. */
static const char *
say_class(struct text *t, const char *at)
{
	bool set[256] = {false}, negated = *at == '^', first = true;
	unsigned i, from, to;

	at += negated;
	for (; *at != ']' || first; first = false) {
		from = (uint8_t)*at++;
		if (from == '\\' && *at == 'b')
			from = (uint8_t)(at++, '\b');
		else if (from == '\\')
			from = escape(&at);
		to = from;
		if (from < 256 && *at == '-' && at[1] != ']') {
			to = (uint8_t) * ++at;
			at++;
			if (to == '\\')
				to = escape(&at);
		}
		if (from >= 256)
			add_set(set, from);
		for (i = from; i <= to && i < 256; i++)
			set[i] = true;
	}
	for (i = 0; negated && i < 256; i++)
		set[i] = !set[i];
	if (t != NULL)
		say_one_of(t, set);
	return at + 1;
}

/* Where the branch that begins here ends: at a bar, a bracket, or the end. */
static const char *
branch_end(const char *at)
{
	unsigned depth = 0;

	for (; *at != '\0' && (depth != 0 || (*at != '|' && *at != ')')); at++) {
		if (*at == '\\')
			at++;
		else if (*at == '[')
			at = say_class(NULL, at + 1) - 1;
		else if (*at == '(')
			depth++;
		else if (*at == ')')
			depth--;
	}
	return at;
}

static const char *say_alternatives(struct text *t, const char *at);

/* One piece without its quantifier; t NULL: nothing is said. Returns behind it. */
static const char *
say_piece(struct text *t, const char *at)
{
	bool set[256] = {false};
	char c = *at++;
	unsigned what;

	if (c == '(') {
		at += strncmp(at, "?:", 2) == 0 ? 2 : strncmp(at, "?i:", 3) == 0 ? 3 : 0;
		return say_alternatives(t, at) + 1;
	}
	if (c == '[')
		return say_class(t, at);
	what = c == '\\' ? escape(&at) : (uint8_t)c;
	if (t == NULL || (c == '^' || c == '$'))
		return at;
	if (c == '.')
		what = rnd(4) == 0 ? rnd(256) : 'a' + rnd(26);
	if (what >= 256) {
		add_set(set, what);
		say_one_of(t, set);
	} else {
		say(t, what < 128 && rnd(8) == 0 && ((what | 0x20) >= 'a' && (what | 0x20) <= 'z')
			       ? what ^ 0x20
			       : what);
	}
	return at;
}

static const char *
quantifier(const char *at, unsigned *least, unsigned *most)
{
	char *end;

	*least = *most = 1;
	if (*at == '?' || *at == '*' || *at == '+') {
		*least = *at == '+';
		*most = *at == '?' ? 1 : 3;
		at++;
	} else if (*at == '{' && at[1] >= '0' && at[1] <= '9') {
		*least = *most = (unsigned)strtoul(at + 1, &end, 10);
		if (*end == ',')
			*most = end[1] == '}' ? *least + 2 : (unsigned)strtoul(end + 1, &end, 10);
		at = strchr(end, '}') + 1;
	} else {
		return at;
	}
	*most = *most > *least + 2 ? *least + 2 : *most;
	return at + (*at == '?' || *at == '+');
}

/* One of them; returns where the last one ends. */
static const char *
say_alternatives(struct text *t, const char *at)
{
	const char *begin = at, *end, *behind;
	unsigned n = 1, k, least, most;

	for (end = branch_end(at); *end == '|'; end = branch_end(end + 1))
		n++;
	for (k = rnd(n); k-- != 0;)
		begin = branch_end(begin) + 1;
	for (at = begin; t != NULL && at < branch_end(begin); at = behind) {
		behind = quantifier(say_piece(NULL, at), &least, &most);
		for (k = least + rnd(most - least + 1); k-- != 0;)
			say_piece(t, at);
	}
	return end;
}

/* A text in which the rule is likely to match, among other things; sometimes with a byte that spoils it. */
static void
make(struct text *t, const struct bh_inspect_rule *rule)
{
	unsigned i;

	t->n = 0;
	for (i = rnd(3) == 0 ? rnd(12) : 0; i-- != 0;)
		say(t, rnd(5) != 0 ? 'a' + rnd(26) : 32 + rnd(95));
	say_alternatives(t, rule->pattern);
	for (i = rnd(3) == 0 ? rnd(12) : 0; i-- != 0;)
		say(t, rnd(5) != 0 ? 'a' + rnd(26) : 32 + rnd(95));
	if (rnd(4) == 0 && t->n != 0)
		t->b[rnd((unsigned)t->n)] = (uint8_t)rnd(256);
}

/* ---- all patterns in one ------------------------------------------------------------------------------------ */

struct found {
	uint16_t on;
	uint64_t classes;
	uint32_t offset[BH_INSPECT_CLASS_COUNT];
};

static int
on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
	uint32_t offset = to > 24 ? (uint32_t)to - 24 : 0;
	unsigned class = bh_inspect_rules[id].class;
	struct found *f = arg;

	(void)from;
	(void)flags;
	if ((bh_inspect_rules[id].on & f->on) == 0)
		return 0;
	if ((f->classes & BH_INSPECT_BIT(class)) == 0 || offset < f->offset[class])
		f->offset[class] = offset;
	f->classes |= BH_INSPECT_BIT(class);
	return 0;
}

/* But for those of sensitive data, which is looked for by itself. Their numbers are in id. */
static hs_database_t *
compile_all(unsigned *id, unsigned *n)
{
	const char *pattern[RULES];
	unsigned flags[RULES], i;
	hs_compile_error_t *why = NULL;
	hs_database_t *db = NULL;

	CU_ASSERT_TRUE_FATAL(bh_inspect_n_rules <= RULES);
	for (*n = i = 0; i < bh_inspect_n_rules; i++) {
		if ((bh_inspect_rules[i].on & BH_ON_DATA) != 0)
			continue;
		pattern[*n] = bh_inspect_rules[i].pattern;
		flags[*n] = HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH | HS_FLAG_CASELESS;
		id[(*n)++] = i;
	}
	CU_ASSERT_EQUAL_FATAL(hs_compile_multi(pattern, flags, id, *n, HS_MODE_BLOCK, NULL, &db,
					       &why),
			      HS_SUCCESS);
	return db;
}

static bool
same(const struct found *want, const struct bh_judge *got)
{
	unsigned i;

	if (want->classes != got->found)
		return false;
	for (i = 0; i < BH_INSPECT_CLASS_COUNT; i++) {
		if ((want->classes & BH_INSPECT_BIT(i)) != 0 && want->offset[i] != got->offset[i])
			return false;
	}
	return true;
}

static void
a_text_finds_what_it_finds_among_all_patterns(void)
{
	unsigned id[RULES], n = 0;
	hs_database_t *all = compile_all(id, &n);
	struct bh_inspect_engine *engine;
	struct bh_inspect_scratch *scratch;
	hs_scratch_t *own = NULL;
	bool hit[RULES] = {false};
	unsigned i, wrong = 0, matches = 0, rules_hit = 0;
	struct bh_err err = {0};
	struct text t;

	CU_ASSERT_EQUAL_FATAL(bh_inspect_engine_create(&engine, &err), 0);
	CU_ASSERT_EQUAL_FATAL(bh_inspect_scratch_create(&scratch, engine), 0);
	CU_ASSERT_EQUAL_FATAL(hs_alloc_scratch(all, &own), HS_SUCCESS);
	srand(20261122);
	for (i = 0; i < TEXTS; i++) {
		unsigned k = id[i % n];
		struct found want = {.on = (uint16_t)(1u << rnd(9))};
		struct bh_judge j = {.scratch = scratch, .engine = engine};
		struct bh_view v;

		/* Where the rule is looked for, mostly. */
		while (rnd(4) != 0 && (bh_inspect_rules[k].on & want.on) == 0)
			want.on = (uint16_t)(1u << rnd(9));
		make(&t, &bh_inspect_rules[k]);
		v = (struct bh_view){t.b, t.n};
		hs_scan(all, (const char *)t.b, (unsigned)t.n, 0, own, on_match, &want);
		j.on = want.on;
		j.kinds = bh_kinds(t.b, t.n);
		bh_judge_rules(&j, &v, BH_INSPECT_ALL);
		wrong += !same(&want, &j);
		matches += want.classes != 0;
		hit[k] |= (want.classes & BH_INSPECT_BIT(bh_inspect_rules[k].class)) != 0;
	}
	for (i = 0; i < n; i++)
		rules_hit += hit[id[i]];
	CU_ASSERT_EQUAL(wrong, 0);
	/* Or this shows nothing. */
	CU_ASSERT_TRUE(matches > TEXTS / 3);
	CU_ASSERT_TRUE(rules_hit > n * 9 / 10);
	hs_free_scratch(own);
	hs_free_database(all);
	bh_inspect_scratch_destroy(scratch);
	bh_inspect_engine_destroy(engine);
}

const struct bh_unit_test bh_suite_inspect_engine[] = {
	BH_TEST(a_text_finds_what_it_finds_among_all_patterns),
	BH_TEST_END,
};
