/* The linter on random documents: what it calls useless is taken out, and no judgement becomes another. */
#include <stdio.h>
#include <stdlib.h>

#include "policy_apps_world.h"
#include "policy_lint_rig.h"

/* ---- random documents ------------------------------------------------------------------------------- */

/* One connection whose application is known: opened, and with each operation of a few. */
static void
judge_said(const struct bh_view *view, const struct bh_flow_key *key, uint32_t asked, unsigned app,
	   uint8_t *out, size_t *n)
{
	struct bh_proto_state state = {.app = (uint8_t)app, .decided = 1};
	struct bh_op op = {.app = (uint8_t)app};
	struct bh_said said = {.app = &state};
	struct bh_judgement j;
	size_t o;

	bh_policy_judge(view, key, 0, (uint16_t)asked, &said, &j);
	out[(*n)++] = j.verdict;
	said.op = &op;
	for (o = 0; o < BH_ARRAY_SIZE(keys) && app != BH_APP_UNKNOWN; o++) {
		op.n = 0;
		bh_op_add(&op, (enum bh_op_field)keys[o].field, keys[o].value[0],
			  strlen(keys[o].value[0]));
		bh_policy_judge(view, key, 0, (uint16_t)asked, &said, &j);
		out[(*n)++] = j.verdict;
	}
}

/* All that the two documents could be asked. */
static void
judge_all(const struct bh_view *view, uint8_t *out, size_t *n, unsigned hosts, bool apps)
{
	static const uint32_t asked[] = {6 << 16 | 80,  6 << 16 | 53,     6 << 16 | 75,
					 17 << 16 | 53, 1 << 16 | 8 << 8, 132 << 16 | 80};
	static const uint8_t said[] = {BH_APP_UNKNOWN, BH_APP_HTTP, BH_APP_REDIS, BH_APP_POSTGRESQL,
				       BH_APP_GRPC,    BH_APP_DNS,  BH_APP_TLS};
	struct bh_flow_key key = {.family = BH_IP4};
	unsigned i, s, a, over;

	*n = 0;
	key.addr[0].b[0] = key.addr[1].b[0] = 10;
	for (i = 0; i < hosts * hosts; i++) {
		key.addr[0].b[3] = (uint8_t)(i / hosts);
		key.addr[1].b[3] = (uint8_t)(i % hosts);
		for (s = 0; s < BH_ARRAY_SIZE(asked); s++) {
			key.proto = (uint8_t)(asked[s] >> 16);
			over = key.proto == 6 ? BH_OVER_TCP : key.proto == 17 ? BH_OVER_UDP : 0;
			for (a = 0; a < (apps ? BH_ARRAY_SIZE(said) : 1); a++) {
				if (a == 0 || (lines[said[a]].over & over) != 0)
					judge_said(view, &key, asked[s], said[a], out, n);
			}
		}
	}
}

/* Without the rules that are called useless every judgement is the same. */
static void
useless_rules_can_go(void)
{
	static uint8_t before[2000000], after[2000000];
	struct bh_policy *p = make_policy(), *q = make_policy();
	struct bh_buf b = {0};
	unsigned round, i, kept, gone = 0;
	size_t n, m;

	srand(11);
	for (round = 0; round < 40; round++) {
		struct bh_lint *l;

		doc.n_rules = 6 + rnd(RULES - 6);
		for (i = 0; i < HOSTS; i++)
			doc.in[i] = rnd(1u << SEGMENTS);
		for (i = 0; i < doc.n_rules; i++) {
			random_rule(&doc.rule[i]);
			/* Few, broad sides, and some rules again: there is something to find. */
			doc.rule[i].from &= rnd(2) != 0 ? 3 : 0;
			doc.rule[i].to &= rnd(2) != 0 ? 5 : 0;
			if (i > 0 && doc.rule[i].n_apps == 0 && rnd(4) == 0)
				doc.rule[i].service = doc.rule[i - 1].service;
		}
		bh_buf_reset(&b);
		put_doc(&b);
		load(p, b.data, b.len);
		judge_all(current, before, &n, HOSTS / 2, true);
		l = lint(p, b.data);
		for (i = 0; i < l->n_findings; i++) {
			if (l->finding[i].kind <= BH_LINT_REDUNDANT)
				doc.rule[l->finding[i].rule].action = 99;
		}
		bh_lint_free(l);
		for (i = kept = 0; i < doc.n_rules; i++) {
			if (doc.rule[i].action != 99)
				doc.rule[kept++] = doc.rule[i];
		}
		gone += doc.n_rules - kept;
		doc.n_rules = kept;
		bh_buf_reset(&b);
		put_doc(&b);
		load(q, b.data, b.len);
		judge_all(current, after, &m, HOSTS / 2, true);
		CU_ASSERT_EQUAL(n, m);
		CU_ASSERT_EQUAL(memcmp(before, after, n), 0);
	}
	CU_ASSERT(gone > 100);
	bh_buf_free(&b);
	bh_policy_destroy(p);
	bh_policy_destroy(q);
}

/* ---- random segments -------------------------------------------------------------------------------- */

#define KEYS 3
#define ENDS 64 /* every set of three labels with three values, or without */

static void
put_selector(struct bh_buf *b)
{
	static const char *const ops[] = {
		"%s=v%u", "%s!=v%u", "%s in (v%u, v%u)", "%s notin (v%u, v%u)", "%s", "!%s"};
	static const char *const key_names[] = {"a", "b", "c"};
	unsigned key, n = 0;

	for (key = 0; key < KEYS; key++) {
		unsigned v = rnd(3);

		if (rnd(2) == 0 && !(key == KEYS - 1 && n == 0))
			continue;
		bh_buf_str(b, n++ == 0 ? "" : ", ");
		switch (rnd(6)) {
		case 0:
			bh_buf_printf(b, ops[0], key_names[key], v);
			break;
		case 1:
			bh_buf_printf(b, ops[1], key_names[key], v);
			break;
		case 2:
			bh_buf_printf(b, ops[2], key_names[key], v, (v + 1) % 3);
			break;
		case 3:
			bh_buf_printf(b, ops[3], key_names[key], v, (v + 1) % 3);
			break;
		case 4:
			bh_buf_printf(b, ops[4], key_names[key]);
			if (rnd(2) == 0)
				bh_buf_printf(b, ", %s!=v%u", key_names[key], v);
			break;
		default:
			bh_buf_printf(b, ops[5], key_names[key]);
		}
	}
}

static void
put_segment_world(struct bh_buf *b, unsigned *n_rules, uint32_t gone)
{
	static char rules[24][160], segments[12][200];
	unsigned i, k, n;

	bh_buf_reset(b);
	bh_buf_str(b, "version: 1\nendpoints:\n");
	for (i = 0; i < ENDS; i++) {
		bh_buf_printf(b, "- {address: 10.0.0.%u, labels: {n: x", i);
		for (k = 0, n = i; k < KEYS; k++, n /= 4) {
			if (n % 4 != 3)
				bh_buf_printf(b, ", %c: v%u", 'a' + (char)k, n % 4);
		}
		bh_buf_str(b, "}}\n");
	}
	for (i = 0; i < 12 && gone == 0; i++) {
		struct bh_buf s = {0};

		if (rnd(4) != 0)
			put_selector(&s);
		if (s.len != 0)
			snprintf(segments[i], sizeof(segments[i]), "selector: '%s'%s", s.data,
				 rnd(5) == 0 ? ", addresses: [10.0.0.8/29]" : "");
		else
			snprintf(segments[i], sizeof(segments[i]), "addresses: [10.0.0.%u/%u]",
				 rnd(2) * 32, 27 + rnd(3));
		bh_buf_free(&s);
	}
	bh_buf_str(b, "segments:\n");
	for (i = 0; i < 12; i++)
		bh_buf_printf(b, "  s%u: {%s}\n", i, segments[i]);
	*n_rules = 24;
	for (i = 0; i < 24 && gone == 0; i++) {
		snprintf(rules[i], sizeof(rules[i]),
			 "{id: r%u, from: s%u, to: %s%.*u, ports: tcp/%u-%u, action: %s}", i,
			 rnd(12), rnd(3) == 0 ? "any" : "s", 1, rnd(12), 50 + rnd(10), 60 + rnd(20),
			 rnd(4) == 0 ? "deny" : "allow");
		/* "any" takes no number. */
		if (strstr(rules[i], "any") != NULL) {
			char *at = strstr(rules[i], "any") + 3, *end = strchr(at, ',');

			memmove(at, end, strlen(end) + 1);
		}
	}
	bh_buf_str(b, "rules:\n");
	for (i = 0; i < 24; i++) {
		if ((gone >> i & 1) == 0)
			bh_buf_printf(b, "- %s\n", rules[i]);
	}
}

static void
segments_inside_others_are_told_from_those_that_overlap(void)
{
	static uint8_t before[ENDS * ENDS * 6], after[ENDS * ENDS * 6];
	struct bh_policy *p = make_policy(), *q = make_policy();
	unsigned round, i, n_rules, total = 0;
	struct bh_buf b = {0};
	size_t n, m;

	srand(13);
	for (round = 0; round < 100; round++) {
		uint32_t gone = 0;
		struct bh_lint *l;

		put_segment_world(&b, &n_rules, 0);
		load(p, b.data, b.len);
		judge_all(current, before, &n, ENDS, false);
		l = lint(p, b.data);
		for (i = 0; i < l->n_findings; i++) {
			if (l->finding[i].kind <= BH_LINT_REDUNDANT)
				gone |= 1u << l->finding[i].rule;
		}
		bh_lint_free(l);
		total += (unsigned)__builtin_popcount(gone);
		if (gone == 0)
			continue;
		put_segment_world(&b, &n_rules, gone);
		load(q, b.data, b.len);
		judge_all(current, after, &m, ENDS, false);
		CU_ASSERT_EQUAL(n, m);
		CU_ASSERT_EQUAL(memcmp(before, after, n), 0);
	}
	CU_ASSERT(total > 100);
	bh_buf_free(&b);
	bh_policy_destroy(p);
	bh_policy_destroy(q);
}

const struct bh_unit_test bh_suite_policy_lint_random[] = {
	BH_TEST(useless_rules_can_go),
	BH_TEST(segments_inside_others_are_told_from_those_that_overlap),
	BH_TEST_END,
};
