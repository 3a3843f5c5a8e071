/* Rules that name applications and operations, against an evaluator that goes through the rules as they are
 * written: random documents, states of identification and operations. It shares no code with the room: its own
 * table of applications by name, its own patterns (POSIX regular expressions, a recursive *), its own sets. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "policy_apps_world.h"
#include "unit.h"

static const struct bh_view *current;
static struct bh_policy_scratch *scratch;

static void
publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	current = view;
}

static struct bh_policy *
load_random(void)
{
	struct bh_policy_params params = {.max_endpoints = HOSTS, .publish = publish};
	struct bh_policy *p = NULL;
	struct bh_buf b = {0};
	struct bh_err err = {0};
	unsigned i, dense = rnd(3);

	doc.mode = rnd(6) == 0 ? rnd(2) != 0 ? BH_MODE_DISCOVER : BH_MODE_MONITOR : BH_MODE_PROTECT;
	params.mode = (enum bh_mode)doc.mode;
	doc.n_rules = rnd(RULES + 1);
	for (i = 0; i < HOSTS; i++)
		doc.in[i] = dense == 0   ? 1u << rnd(SEGMENTS + 2) & ((1u << SEGMENTS) - 1)
			    : dense == 1 ? rnd(1u << SEGMENTS)
					 : (1u << SEGMENTS) - 1 - (1u << rnd(SEGMENTS));
	for (i = 0; i < doc.n_rules; i++)
		random_rule(&doc.rule[i]);
	put_doc(&b);
	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&p, &params), 0);
	if (bh_policy_load_text(p, "apps.yaml", b.data, b.len, false, NULL, &err) != 0) {
		fprintf(stderr, "\n%u:%u: %s\n%s", err.line, err.column, err.what, b.data);
		CU_FAIL_FATAL("a good policy does not load");
	}
	bh_buf_free(&b);
	return p;
}

/* ---- what it means ------------------------------------------------------------------------------------ */

static struct {
	struct bh_flow_key key;
	uint16_t port;
	unsigned from, to; /* hosts */
	bool heard;
	struct bh_proto_state state;
	bool has_op;
	struct bh_op op;
} now;

static bool
stars(const char *p, const char *v)
{
	if (*p == '*')
		return stars(p + 1, v) || (*v != '\0' && stars(p, v + 1));
	return *p == *v && (*p == '\0' || stars(p + 1, v + 1));
}

static bool
text_fits(const struct key *key, const char *pattern, const char *value)
{
	char p[64] = "", v[64] = "";
	regex_t re;
	unsigned i;
	bool fits;

	if (pattern[0] == '~') {
		CU_ASSERT_EQUAL_FATAL(regcomp(&re, pattern + 1,
					      REG_EXTENDED | REG_NOSUB |
						      (key->fold ? REG_ICASE : 0)),
				      0);
		fits = regexec(&re, value, 0, NULL, 0) == 0;
		regfree(&re);
		return fits;
	}
	if (key->how == LEAST)
		return value[0] == '1' && value[2] >= pattern[2];
	for (i = 0; pattern[i] != '\0'; i++)
		p[i] = key->fold && pattern[i] >= 'A' && pattern[i] <= 'Z' ? pattern[i] + 32
									   : pattern[i];
	for (i = 0; value[i] != '\0'; i++)
		v[i] = key->fold && value[i] >= 'A' && value[i] <= 'Z' ? value[i] + 32 : value[i];
	return stars(p, v);
}

static bool
list_fits(const struct list *l, bool denies)
{
	bool partial = (now.op.flags & BH_OP_PARTIAL) != 0, used[2] = {false, false}, in;
	unsigned i, k, n = 0, n_in = 0;

	for (i = 0; i < now.op.n; i++) {
		if (now.op.value[i].field != l->key->field)
			continue;
		for (k = 0, in = false; k < l->n; k++) {
			if (text_fits(l->key, l->pattern[k], (const char *)now.op.value[i].at))
				used[k] = in = true;
		}
		n++;
		n_in += in;
	}
	/* What an operation has once is all there when it is: not so SQL's verbs and DNS' questions. */
	if (l->key->how == LEAST || (l->key->how == ONE && strcmp(l->key->key, "verbs") != 0 &&
				     strcmp(l->key->key, "types") != 0))
		partial = partial && n != 1;
	if (denies)
		return n_in != 0 || partial;
	if (l->key->how == PRESENT)
		return used[0] && (l->n == 1 || used[1]);
	if (partial || n_in != n)
		return false;
	return l->key->how == EVERY || (l->key->how == ONE ? n >= 1 : n == 1);
}

/* Is the line of this name, or on top of one? */
static bool
is_named(unsigned line, const char *name)
{
	if (strcmp(name, "unknown") == 0 || line == 0)
		return false;
	return strcmp(lines[line].name, name) == 0 ||
	       (strcmp(name, "http") == 0 && strcmp(lines[line].name, "http2") == 0) ||
	       is_named(lines[line].below, name);
}

static bool
can_be(unsigned line, unsigned over)
{
	if (line == now.state.app)
		return true;
	if (line == 0 || now.state.decided || (lines[line].over & over) == 0 ||
	    (now.state.ruled_out[line / 64] >> line % 64 & 1) != 0)
		return false;
	return can_be(lines[line].below, over);
}

static bool
name_can_be(const char *name, unsigned over)
{
	unsigned i;

	if (strcmp(name, "unknown") == 0)
		return now.state.app == 0;
	for (i = 1; i < BH_ARRAY_SIZE(lines); i++) {
		if (is_named(i, name) && can_be(i, over))
			return true;
	}
	return false;
}

static bool
name_is(const char *name)
{
	if (strcmp(name, "unknown") == 0)
		return now.state.app == 0 && now.state.decided;
	return is_named(now.state.app, name);
}

struct answer {
	unsigned verdict, reason, denied;
	int rule;
	bool by_operation, by_application;
};

enum say { PASSES, DECIDES, LATER, BY_OPERATION };

struct told {
	enum say say;
	bool operation, lists;
};

static struct told
ask_rule(const struct rule *r, unsigned over)
{
	struct told t = {PASSES, false, false};
	bool later = false, by_operation = false, decides = r->n_apps == 0, fits;
	unsigned i, k;
	bool op = now.has_op && (now.op.flags & BH_OP_SESSION) == 0;

	for (i = 0; i < r->n_apps; i++) {
		const struct app *a = &r->app[i];

		if (!name_is(a->name)) {
			later |= name_can_be(a->name, over);
			continue;
		}
		for (k = 0, fits = true; k < a->n_lists && op; k++)
			fits &= list_fits(&a->list[k], r->action != BH_VERDICT_ALLOW);
		t.lists |= a->n_lists != 0;
		decides |= a->n_lists == 0 || (op && fits);
		by_operation |= a->n_lists != 0 && !op;
		t.operation |= a->n_lists != 0 && op && !fits;
	}
	t.say = decides ? DECIDES : later ? LATER : by_operation ? BY_OPERATION : PASSES;
	return t;
}

static bool
rule_is_met(const struct rule *r, unsigned over)
{
	unsigned service = (unsigned)now.key.proto << 16 | now.port, i;
	bool spoken = r->n_apps == 0;

	for (i = 0; i < r->n_apps; i++)
		spoken |= over != 0 && is_over(r->app[i].name, over);
	return spoken && service >= r->service->first && service <= r->service->last &&
	       (r->from == 0 || (r->from & doc.in[now.from]) != 0) &&
	       (r->to == 0 || (r->to & doc.in[now.to]) != 0);
}

static void
set_denied(struct answer *a, int decides, int listed)
{
	a->denied = a->verdict == BH_VERDICT_REJECT ? BH_DENIED_RESET : BH_DENIED_DROP;
	if (decides >= 0 && doc.rule[decides].denied != 0)
		a->denied = doc.rule[decides].denied - 1;
	else if (listed >= 0 && doc.rule[listed].denied != 0)
		a->denied = doc.rule[listed].denied - 1;
}

static void
expect(struct answer *a)
{
	unsigned over = now.key.proto == 6 ? BH_OVER_TCP : now.key.proto == 17 ? BH_OVER_UDP : 0, i;
	int decides = -1, may[RULES], n_may = 0, listed = -1, allow = -1, k;
	bool all_same = true, all_by_operation = true, app_passed = false, operation_passed = false;

	*a = (struct answer){.verdict = BH_VERDICT_DENY, .rule = -1};
	for (i = 0; i < doc.n_rules && decides < 0; i++) {
		const struct rule *r = &doc.rule[i];
		struct told t;

		if (!rule_is_met(r, over))
			continue;
		t = ask_rule(r, over);
		a->by_application |= r->n_apps != 0;
		listed = listed < 0 && t.lists ? (int)i : listed;
		if (t.say == DECIDES)
			decides = (int)i;
		else if (t.say != PASSES)
			may[n_may++] = (int)i;
		else if (r->action == BH_VERDICT_ALLOW && t.operation)
			operation_passed = true;
		else if (r->action == BH_VERDICT_ALLOW)
			app_passed = true;
		all_by_operation &= t.say != LATER;
		if (t.say != PASSES && allow < 0 && r->action == BH_VERDICT_ALLOW)
			allow = (int)i;
	}
	if (decides >= 0)
		a->verdict = doc.rule[decides].action;
	for (k = 0; k < n_may; k++)
		all_same &= doc.rule[may[k]].action == a->verdict;
	set_denied(a, decides, listed);
	a->rule = decides;
	a->reason = a->verdict == BH_VERDICT_ALLOW    ? BH_REASON_RULE_ALLOW
		    : a->verdict == BH_VERDICT_REJECT ? BH_REASON_RULE_REJECT
						      : BH_REASON_RULE_DENY;
	if (decides < 0)
		a->reason = operation_passed                   ? BH_REASON_OPERATION_DENY
			    : app_passed && now.state.app != 0 ? BH_REASON_APP_DENY
			    : app_passed                       ? BH_REASON_APP_UNKNOWN
			    : doc.in[now.from] == 0 || doc.in[now.to] == 0
				    ? BH_REASON_UNKNOWN_SEGMENT
				    : BH_REASON_DEFAULT_DENY;
	if (!all_same && allow >= 0) {
		a->by_operation = all_by_operation;
		a->verdict = all_by_operation ? BH_VERDICT_ALLOW : BH_VERDICT_PENDING;
		a->reason = all_by_operation ? BH_REASON_RULE_ALLOW : BH_REASON_HANDSHAKE;
		a->rule = all_by_operation ? allow : may[0];
	} else if (a->verdict != BH_VERDICT_ALLOW && doc.mode != BH_MODE_PROTECT) {
		a->verdict = doc.mode == BH_MODE_DISCOVER ? BH_VERDICT_ALLOW : BH_VERDICT_VIOLATE;
		a->reason = doc.mode == BH_MODE_DISCOVER ? BH_REASON_DISCOVER : a->reason;
	}
}

/* ---- what is ------------------------------------------------------------------------------------------- */

static void
random_operation(void)
{
	const char *app = keys[rnd(BH_ARRAY_SIZE(keys))].app, *value;
	unsigned i, n = rnd(5);

	now.op.n = 0;
	now.op.flags = rnd(8) == 0 ? BH_OP_PARTIAL : 0;
	now.op.flags |= rnd(12) == 0 ? BH_OP_SESSION : 0;
	for (i = 0; i < 40 && now.op.n < n; i++) {
		const struct key *key = &keys[rnd(BH_ARRAY_SIZE(keys))];

		value = key->value[rnd(6)];
		if (strcmp(key->app, app) == 0 && value != NULL)
			now.op.value[now.op.n++] =
				(struct bh_op_value){(const uint8_t *)value,
						     (uint16_t)strlen(value), (uint8_t)key->field};
	}
}

static void
random_question(void)
{
	static const uint8_t protos[] = {6, 6, 6, 6, 17, 17, 1, 132};
	static const uint16_t ports[] = {80, 53, 75, 443};
	unsigned i, k;

	memset(&now, 0, sizeof(now));
	now.from = rnd(HOSTS);
	now.to = rnd(HOSTS);
	now.key = (struct bh_flow_key){.family = BH_IP4, .proto = protos[rnd(sizeof(protos))]};
	now.key.addr[0].b[0] = now.key.addr[1].b[0] = 10;
	now.key.addr[0].b[3] = (uint8_t)now.from;
	now.key.addr[1].b[3] = (uint8_t)now.to;
	now.port = ports[rnd(BH_ARRAY_SIZE(ports))];
	now.heard = rnd(8) != 0;
	if (!now.heard)
		return;
	now.state.decided = rnd(2) == 0;
	if (rnd(4) != 0) {
		do {
			i = 1 + rnd(BH_APP_COUNT - 1);
			for (k = 0; k < BH_ARRAY_SIZE(names); k++) {
				if (strcmp(names[k], lines[i].name) == 0)
					break;
			}
		} while (k == BH_ARRAY_SIZE(names) && rnd(8) != 0);
		now.state.app = (uint8_t)i;
	}
	for (i = 0; i < 2; i++)
		now.state.ruled_out[i] = rnd(3) == 0
						 ? 0
						 : (uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^
							   (uint64_t)rand();
	now.has_op = rnd(2) == 0;
	random_operation();
}

static bool
answer_is_right(struct bh_policy *p, unsigned *seen)
{
	struct bh_said said = {&now.state, now.has_op ? &now.op : NULL, scratch};
	struct bh_judgement j;
	struct answer a;
	char id[16] = "";
	bool good;

	expect(&a);
	bh_policy_judge(current, &now.key, 0, now.port, now.heard ? &said : NULL, &j);
	if (a.rule >= 0)
		sprintf(id, "rule-%d", a.rule + 1);
	good = j.verdict == a.verdict && j.reason == a.reason && j.denied == a.denied &&
	       j.by_operation == a.by_operation && j.by_application == a.by_application &&
	       strcmp(bh_policy_rule_name(p, j.rule), id) == 0;
	if (!good)
		fprintf(stderr,
			"\nwant %s %s '%s' denied %u operation %u application %u\ngot  %s %s '%s' "
			"denied %u "
			"operation %u application %u\n",
			bh_verdict_name(a.verdict), bh_reason_name(a.reason), id, a.denied,
			a.by_operation, a.by_application, bh_verdict_name(j.verdict),
			bh_reason_name(j.reason), bh_policy_rule_name(p, j.rule), j.denied,
			j.by_operation, j.by_application);
	seen[j.reason]++;
	return good;
}

static void
judgements_by_application_are_those_of_the_written_rules(void)
{
	static const unsigned must[] = {BH_REASON_HANDSHAKE,   BH_REASON_RULE_ALLOW,
					BH_REASON_RULE_DENY,   BH_REASON_APP_DENY,
					BH_REASON_APP_UNKNOWN, BH_REASON_OPERATION_DENY,
					BH_REASON_DISCOVER,    BH_REASON_UNKNOWN_SEGMENT};
	unsigned seen[BH_REASON_COUNT] = {0}, round, i, wrong = 0;
	struct bh_policy *p;
	struct bh_buf b = {0};

	srand(31);
	CU_ASSERT_EQUAL_FATAL(bh_policy_scratch_create(&scratch), 0);
	for (round = 0; round < 1000 && wrong == 0; round++) {
		p = load_random();
		for (i = 0; i < 200 && wrong == 0; i++) {
			random_question();
			wrong += !answer_is_right(p, seen);
		}
		if (wrong != 0) {
			put_doc(&b);
			fprintf(stderr, "%s", b.data);
			bh_buf_free(&b);
		}
		bh_policy_destroy(p);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	for (i = 0; i < BH_ARRAY_SIZE(must); i++)
		CU_ASSERT_TRUE(seen[must[i]] > 500);
	bh_policy_scratch_destroy(scratch);
}

const struct bh_unit_test bh_suite_policy_apps[] = {
	BH_TEST(judgements_by_application_are_those_of_the_written_rules), BH_TEST_END};
