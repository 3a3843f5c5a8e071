/* Generated patterns over generated inputs: streams in random pieces == one piece == Hyperscan's block mode == PCRE2. And rules
 * of literals with places, distances and negation against an evaluator that tries all positions. */
#include <hs.h>
#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "sensor_rig.h"

#define PATTERNS 40
#define INPUTS 60
#define INPUT_MAX 200

struct random {
	uint64_t s;
};

static unsigned
draw(struct random *r, unsigned n)
{
	r->s = r->s * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)((r->s >> 33) % n);
}

static size_t
random_text(struct random *r, char *out, size_t max)
{
	static const char letters[] = "aabbcAB1 \n";
	size_t n = draw(r, (unsigned)max + 1), i;

	for (i = 0; i < n; i++)
		out[i] = letters[draw(r, sizeof(letters) - 1)];
	out[n] = '\0';
	return n;
}

/* ---- regular expressions ----------------------------------------------------------------------------------- */

static void
random_atom(struct random *r, struct bh_buf *out, unsigned depth)
{
	static const char *const atom[] = {"a",    "b",      "c",   "A",   "1",   ".",
					   "[ab]", "[^a]",   "\\d", "\\s", "\\w", "\\bb",
					   "\\n",  "[a-c1]", "ab",  "\\Bb"};
	static const char *const look[] = {"(?=a)", "(?!b)", "(?<=a)", "(?<!b)", "(?=.b)"};
	unsigned what = draw(r, 12);

	if (what == 0 && depth < 3) {
		bh_buf_str(out, "(");
		random_atom(r, out, depth + 1);
		bh_buf_str(out, "|");
		random_atom(r, out, depth + 1);
		bh_buf_str(out, ")");
	} else if (what == 1 && depth == 0) {
		bh_buf_str(out, look[draw(r, BH_ARRAY_SIZE(look))]);
	} else {
		bh_buf_str(out, atom[draw(r, BH_ARRAY_SIZE(atom))]);
	}
}

static void
random_regex(struct random *r, struct bh_buf *out)
{
	static const char *const repeat[] = {"*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"};
	unsigned n = 1 + draw(r, 5), i;

	bh_buf_reset(out);
	if (draw(r, 10) == 0)
		bh_buf_str(out, draw(r, 2) ? "^" : "\\A");
	for (i = 0; i < n; i++) {
		size_t before = out->len;

		random_atom(r, out, 0);
		if (draw(r, 3) == 0 && out->data[before] != '\\' &&
		    strncmp(out->data + before, "(?", 2) != 0)
			bh_buf_str(out, repeat[draw(r, BH_ARRAY_SIZE(repeat))]);
	}
	if (draw(r, 10) == 0)
		bh_buf_str(out, draw(r, 2) ? "$" : "\\z");
}

struct generated {
	char text[128];
	unsigned flags;
	pcre2_code *code;
	hs_database_t *block; /* NULL: Hyperscan does not take it */
};

static void
generate(struct random *r, struct generated *g)
{
	struct bh_buf b = {0};
	int error;
	PCRE2_SIZE at;

	random_regex(r, &b);
	snprintf(g->text, sizeof(g->text), "%s", b.data);
	bh_buf_free(&b);
	g->flags = (draw(r, 3) == 0 ? BH_SENSOR_NOCASE : 0) | (draw(r, 2) ? BH_SENSOR_DOTALL : 0) |
		   (draw(r, 4) == 0 ? BH_SENSOR_MULTILINE : 0);
	g->code = pcre2_compile((PCRE2_SPTR)g->text, PCRE2_ZERO_TERMINATED,
				(g->flags & BH_SENSOR_NOCASE ? PCRE2_CASELESS : 0) |
					(g->flags & BH_SENSOR_DOTALL ? PCRE2_DOTALL : 0) |
					(g->flags & BH_SENSOR_MULTILINE ? PCRE2_MULTILINE : 0),
				&error, &at, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->code);
}

static void
compile_block(struct generated *g)
{
	hs_compile_error_t *why = NULL;
	unsigned flags = (g->flags & BH_SENSOR_NOCASE ? HS_FLAG_CASELESS : 0) |
			 (g->flags & BH_SENSOR_DOTALL ? HS_FLAG_DOTALL : 0) |
			 (g->flags & BH_SENSOR_MULTILINE ? HS_FLAG_MULTILINE : 0) |
			 HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY;

	g->block = NULL;
	if (hs_compile(g->text, flags, HS_MODE_BLOCK, NULL, &g->block, &why) != HS_SUCCESS)
		hs_free_compile_error(why);
}

static int
on_block(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
	(void)id;
	(void)from;
	(void)to;
	(void)flags;
	*(bool *)arg = true;
	return 0;
}

/* PCRE2 gives up on some that explode: what they would say is not known. */
static uint64_t
by_reference(struct generated *g, const char *text, size_t len, hs_scratch_t **scratch,
	     pcre2_match_data *data, uint64_t *known)
{
	pcre2_match_context *bound = pcre2_match_context_create(NULL);
	uint64_t found = 0;
	unsigned i;

	*known = 0;
	pcre2_set_match_limit(bound, 50000);

	for (i = 0; i < PATTERNS; i++) {
		int rc = pcre2_match(g[i].code, (PCRE2_SPTR)text, len, 0, 0, data, bound);
		bool pcre = rc >= 0, block = false;

		if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
			continue;
		*known |= UINT64_C(1) << i;
		if (g[i].block != NULL) {
			hs_alloc_scratch(g[i].block, scratch);
			hs_scan(g[i].block, text, (unsigned)len, 0, *scratch, on_block, &block);
			CU_ASSERT_EQUAL(block, pcre);
			if (block != pcre)
				fprintf(stderr, "block %d, PCRE2 %d: /%s/ %x\n", block, pcre,
					g[i].text, g[i].flags);
		}
		found |= (uint64_t)pcre << i;
	}
	pcre2_match_context_free(bound);
	return found;
}

/* In pieces of up to `most` bytes; 0: in one. */
static uint64_t
by_stream(struct rig *r, struct random *dice, const char *text, size_t len, unsigned most)
{
	size_t at = 0, n;
	uint64_t found = 0;
	unsigned i;

	r->n = 0;
	do {
		n = most == 0 ? len : draw(dice, most + 1);
		n = n < len - at ? n : len - at;
		/* The end sometimes comes with the last bytes, sometimes after them. */
		bh_sensor_feed(r->worker, &r->conn, 0, BH_SENSOR_BODY, (const uint8_t *)text + at,
			       n, at + n == len && (most == 0 || draw(dice, 2)));
		at += n;
	} while (at < len);
	bh_sensor_message_end(r->worker, &r->conn, 0);
	for (i = 0; i < r->n; i++)
		found |= UINT64_C(1) << atoi(r->hit[i].rule);
	return found;
}

static void
compare_one_set(uint64_t seed, unsigned *confirmed)
{
	struct random dice = {seed};
	struct generated g[PATTERNS];
	hs_scratch_t *scratch = NULL;
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	struct bh_sensor_set_info info;
	char text[INPUT_MAX + 1], name[16];
	struct rig r;
	unsigned i, k;

	rig_begin(&r);
	for (i = 0; i < PATTERNS; i++) {
		generate(&dice, &g[i]);
		compile_block(&g[i]);
		snprintf(name, sizeof(name), "%u", i);
		rig_rule(&r, name);
		rig_pattern(&r, BH_SENSOR_REGEX, BH_SENSOR_BODY, g[i].text, g[i].flags);
	}
	rig_start(&r);
	bh_sensor_set_info(r.set, &info);
	*confirmed += info.confirmed;
	for (k = 0; k < INPUTS; k++) {
		size_t len = random_text(&dice, text, INPUT_MAX);
		uint64_t known, got, want = by_reference(g, text, len, &scratch, data, &known);
		unsigned most[] = {0, 1, 3, 40}, m;

		for (m = 0; m < BH_ARRAY_SIZE(most); m++) {
			got = by_stream(&r, &dice, text, len, most[m]) & known;
			CU_ASSERT_EQUAL(got, want);
			for (i = 0; i < PATTERNS && got != want; i++)
				if ((got ^ want) >> i & 1)
					fprintf(stderr, "/%s/ %x, pieces of %u, '%s': %d\n",
						g[i].text, g[i].flags, most[m], text,
						(int)(got >> i & 1));
		}
	}
	for (i = 0; i < PATTERNS; i++) {
		pcre2_code_free(g[i].code);
		hs_free_database(g[i].block);
	}
	pcre2_match_data_free(data);
	hs_free_scratch(scratch);
	rig_end(&r);
}

static void
streams_in_any_pieces_find_what_block_mode_and_pcre2_find(void)
{
	unsigned i, confirmed = 0;

	for (i = 0; i < 25; i++)
		compare_one_set(1000 + i, &confirmed);
	CU_ASSERT(confirmed > 50); /* those of PCRE2 were among them */
}

/* ---- rules of literals --------------------------------------------------------------------------------------- */

#define RULES 20
#define PIECES 4

struct literal {
	char text[4];
	unsigned flags, context;
	unsigned offset, depth, distance, within;
};

struct rule {
	struct literal p[PIECES];
	unsigned n;
};

static const uint8_t contexts[] = {BH_SENSOR_URL, BH_SENSOR_BODY};

static void
generate_rule(struct random *d, struct rule *r)
{
	unsigned i;

	r->n = 1 + draw(d, PIECES);
	for (i = 0; i < r->n; i++) {
		struct literal *p = &r->p[i];
		size_t len;

		*p = (struct literal){.context = contexts[draw(d, 2)]};
		len = 1 + draw(d, 3);
		while (random_text(d, p->text, len) != len)
			;
		p->flags |= draw(d, 3) == 0 ? BH_SENSOR_NOCASE : 0;
		p->flags |= draw(d, 5) == 0 ? BH_SENSOR_NEGATED : 0;
		if (draw(d, 2)) {
			if (draw(d, 2)) {
				p->flags |= BH_SENSOR_OFFSET;
				p->offset = draw(d, 12);
			}
			if (draw(d, 2)) {
				p->flags |= BH_SENSOR_DEPTH;
				p->depth = (unsigned)len + draw(d, 20);
			}
		} else {
			p->flags |= BH_SENSOR_RELATIVE;
			if (draw(d, 2)) {
				p->flags |= BH_SENSOR_DISTANCE;
				p->distance = draw(d, 5);
			}
			if (draw(d, 2)) {
				p->flags |= BH_SENSOR_WITHIN;
				p->within = (unsigned)len + draw(d, 10);
			}
		}
	}
}

static bool
is_at(const struct literal *p, const char *text, size_t len, size_t at)
{
	size_t n = strlen(p->text);

	if (at + n > len)
		return false;
	return p->flags & BH_SENSOR_NOCASE ? strncasecmp(text + at, p->text, n) == 0
					   : memcmp(text + at, p->text, n) == 0;
}

/* May it begin at `at`, the match before having ended at `from`? */
static bool
may_be_at(const struct literal *p, size_t from, size_t at)
{
	size_t n = strlen(p->text);

	if (p->flags & BH_SENSOR_RELATIVE)
		return at >= from + p->distance &&
		       (!(p->flags & BH_SENSOR_WITHIN) || at + n <= from + p->distance + p->within);
	return (!(p->flags & BH_SENSOR_OFFSET) || at >= p->offset) &&
	       (!(p->flags & BH_SENSOR_DEPTH) || at + n <= p->offset + p->depth);
}

/* The patterns of a context from `i` on, tried at every place. */
static bool
tried(const struct rule *r, unsigned i, unsigned context, size_t from, const char *text, size_t len)
{
	const struct literal *p;
	bool there = false;
	size_t at;

	while (i < r->n && r->p[i].context != context)
		i++;
	if (i == r->n)
		return true;
	p = &r->p[i];
	if (p->flags & BH_SENSOR_NEGATED) {
		for (at = 0; at < len; at++)
			there |= may_be_at(p, from, at) && is_at(p, text, len, at);
		return !there && tried(r, i + 1, context, from, text, len);
	}
	for (at = 0; at < len; at++)
		if (may_be_at(p, from, at) && is_at(p, text, len, at) &&
		    tried(r, i + 1, context, at + strlen(p->text), text, len))
			return true;
	return false;
}

static void
add_rule(struct rig *r, const struct rule *g, const char *name)
{
	unsigned i;

	rig_rule(r, name);
	for (i = 0; i < g->n; i++) {
		struct bh_sensor_pattern *p = rig_pattern(r, BH_SENSOR_LITERAL, g->p[i].context,
							  g->p[i].text, g->p[i].flags);

		p->offset = g->p[i].offset;
		p->depth = g->p[i].depth;
		p->distance = (int32_t)g->p[i].distance;
		p->within = g->p[i].within;
	}
}

static void
compare_rules(uint64_t seed, unsigned *n_hits)
{
	struct random dice = {seed};
	struct rule g[RULES];
	char text[2][65], name[16];
	struct rig r;
	unsigned i, k;

	rig_begin(&r);
	for (i = 0; i < RULES; i++) {
		generate_rule(&dice, &g[i]);
		snprintf(name, sizeof(name), "%u", i);
		add_rule(&r, &g[i], name);
	}
	rig_start(&r);
	for (k = 0; k < 100; k++) {
		uint64_t got = 0, want = 0;
		size_t len[2], at[2] = {0, 0};

		len[0] = random_text(&dice, text[0], 64);
		len[1] = random_text(&dice, text[1], 64);
		r.n = 0;
		/* Both regions at once, a few bytes of one or the other. */
		do {
			unsigned c = draw(&dice, 2);
			size_t n = draw(&dice, 8);

			n = n < len[c] - at[c] ? n : len[c] - at[c];
			bh_sensor_feed(r.worker, &r.conn, 0, contexts[c],
				       (const uint8_t *)text[c] + at[c], n, false);
			at[c] += n;
		} while (at[0] < len[0] || at[1] < len[1]);
		bh_sensor_feed(r.worker, &r.conn, 0, contexts[0], NULL, 0, true);
		bh_sensor_feed(r.worker, &r.conn, 0, contexts[1], NULL, 0, true);
		bh_sensor_message_end(r.worker, &r.conn, 0);
		for (i = 0; i < r.n; i++)
			got |= UINT64_C(1) << atoi(r.hit[i].rule);
		for (i = 0; i < RULES; i++)
			want |= (uint64_t)(tried(&g[i], 0, contexts[0], 0, text[0], len[0]) &&
					   tried(&g[i], 0, contexts[1], 0, text[1], len[1]))
				<< i;
		CU_ASSERT_EQUAL(got, want);
		*n_hits += (unsigned)__builtin_popcountll(want);
		for (i = 0; i < RULES && got != want; i++)
			if ((got ^ want) >> i & 1)
				fprintf(stderr, "seed %llu rule %u: %d\n", (unsigned long long)seed,
					i, (int)(got >> i & 1));
	}
	rig_end(&r);
}

static void
rules_of_literals_are_hit_as_trying_all_positions_says(void)
{
	unsigned i, hits = 0;

	for (i = 0; i < 40; i++)
		compare_rules(5000 + i, &hits);
	CU_ASSERT(hits > 4000 && hits < 40 * 100 * RULES * 9 / 10);
}

/* A region longer than the window: what lies within one is found, however the bytes come. */
static void
what_pcre2_confirms_is_found_in_long_regions(void)
{
	static char text[5 * BH_SENSOR_WINDOW];
	struct random dice = {77};
	struct rig r;
	unsigned k;

	rig_begin(&r);
	rig_rule(&r, "0");
	rig_pattern(&r, BH_SENSOR_REGEX, BH_SENSOR_BODY, "(q[xy])z{100}(?=\\1)", 0);
	rig_rule(&r, "1");
	rig_pattern(&r, BH_SENSOR_REGEX, BH_SENSOR_BODY, "\\A(?=qx)", 0);
	rig_start(&r);
	for (k = 0; k < 200; k++) {
		unsigned at = draw(&dice, sizeof(text) - 200);
		bool same = draw(&dice, 2);
		uint64_t got;

		memset(text, '.', sizeof(text));
		memcpy(text + at, "qx", 2);
		memset(text + at + 2, 'z', 100);
		memcpy(text + at + 102, same ? "qx" : "qy", 2);
		got = by_stream(&r, &dice, text, sizeof(text), k % 2 ? 3000 : 100000);
		CU_ASSERT_EQUAL(got & 1, same);
		CU_ASSERT_EQUAL(got >> 1 & 1, at == 0);
	}
	rig_end(&r);
}

const struct bh_unit_test bh_suite_sensor_differential[] = {
	BH_TEST(streams_in_any_pieces_find_what_block_mode_and_pcre2_find),
	BH_TEST(rules_of_literals_are_hit_as_trying_all_positions_says),
	BH_TEST(what_pcre2_confirms_is_found_in_long_regions),
	BH_TEST_END,
};
