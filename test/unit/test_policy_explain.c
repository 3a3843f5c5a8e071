/* Explain: its way through the rules comes to what the judge says, over random documents and questions; and its words. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy_apps_world.h"
#include "policy_lint_rig.h"

static const uint32_t asked[] = {6 << 16 | 80,  6 << 16 | 53,     6 << 16 | 75,
				 17 << 16 | 53, 1 << 16 | 8 << 8, 132 << 16 | 80};

static struct bh_explanation *
explain(struct bh_policy *p, const struct bh_question *q)
{
	struct bh_explanation *e = NULL;
	struct bh_err err = {0};

	if (bh_policy_explain(p, q, &e, &err) != 0) {
		fprintf(stderr, "\n%s\n", err.what);
		CU_FAIL_FATAL("not explained");
	}
	return e;
}

static void
set_host(struct bh_question_end *e, unsigned host)
{
	*e = (struct bh_question_end){.address = {.family = BH_IP4, .len = 32}};
	e->address.addr[0] = 10;
	e->address.addr[3] = (uint8_t)host;
}

static void
random_said(struct bh_question *q, struct bh_op *op)
{
	const struct key *key = &keys[rnd(BH_ARRAY_SIZE(keys))];
	unsigned i;

	*op = (struct bh_op){0};
	q->application = rnd(4) == 0 ? NULL : rnd(6) == 0 ? "unknown" : key->app;
	q->op = NULL;
	if (q->application == NULL || rnd(2) == 0)
		return;
	for (i = 0; i < BH_ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].app, key->app) == 0 && rnd(3) != 0)
			bh_op_add(op, (enum bh_op_field)keys[i].field, keys[i].value[0],
				  strlen(keys[i].value[0]));
	}
	op->flags = rnd(10) == 0 ? BH_OP_SESSION : 0;
	q->op = op;
}

/* The judge's own answer, not through explain. */
static void
ask_judge(const struct bh_question *q, struct bh_policy_scratch *scratch, struct bh_judgement *j)
{
	struct bh_flow_key key = {.family = BH_IP4, .proto = (uint8_t)(q->service >> 16)};
	struct bh_proto_state state = {.decided = 1};
	struct bh_said said = {.op = q->op, .scratch = scratch};

	memcpy(key.addr[0].b, q->end[0].address.addr, 16);
	memcpy(key.addr[1].b, q->end[1].address.addr, 16);
	if (q->application != NULL) {
		state.app = (uint8_t)bh_app_find(q->application);
		said.app = &state;
	}
	bh_policy_judge(current, &key, 0, (uint16_t)q->service, &said, j);
}

static void
check_question(struct bh_policy *p, struct bh_question *q, struct bh_policy_scratch *scratch,
	       const unsigned host[2])
{
	static const char *const names_of[] = {"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"};
	struct bh_label label[2][SEGMENTS];
	struct bh_explanation *e = explain(p, q);
	struct bh_judgement j;
	unsigned i, k;

	ask_judge(q, scratch, &j);
	CU_ASSERT(e->judged);
	CU_ASSERT_EQUAL(e->verdict, j.verdict);
	CU_ASSERT_EQUAL(e->path.verdict, j.verdict);
	CU_ASSERT_EQUAL(e->path.reason, j.reason);
	CU_ASSERT_EQUAL(e->path.denied, j.denied);
	CU_ASSERT_EQUAL(e->path.by_operation, j.by_operation);
	CU_ASSERT_EQUAL(e->path.by_application, j.by_application);
	CU_ASSERT_EQUAL(e->path.rule, j.rule);
	for (i = 0; i + 1 < e->n_steps; i++)
		CU_ASSERT(e->step[i].outcome != BH_EXPLAIN_DECIDES && e->step[i].rule == i);
	CU_ASSERT((e->nearest.id != NULL) <= (j.verdict != BH_VERDICT_ALLOW || j.by_operation ||
					      j.reason == BH_REASON_DISCOVER));
	bh_explanation_free(e);
	/* The same by labels. */
	for (i = 0; i < 2; i++) {
		for (k = 0; k < SEGMENTS; k++)
			label[i][k] =
				(struct bh_label){names_of[k],
						  (doc.in[host[i]] >> k & 1) != 0 ? "1" : "0"};
		q->end[i] = (struct bh_question_end){.label = label[i], .n_labels = SEGMENTS};
	}
	e = explain(p, q);
	CU_ASSERT(!e->judged);
	CU_ASSERT_EQUAL(e->verdict, j.verdict);
	CU_ASSERT_EQUAL(e->reason, j.reason);
	CU_ASSERT_EQUAL(e->path.rule, j.rule);
	bh_explanation_free(e);
}

static void
the_path_comes_to_what_the_judge_says(void)
{
	struct bh_policy_scratch *scratch = NULL;
	unsigned round, i, host[2], decided = 0;
	struct bh_question q;
	struct bh_buf b = {0};
	struct bh_op op;

	srand(17);
	CU_ASSERT_EQUAL_FATAL(bh_policy_scratch_create(&scratch), 0);
	for (round = 0; round < 60; round++) {
		struct bh_policy *p = make_policy();

		doc.n_rules = rnd(RULES + 1);
		for (i = 0; i < HOSTS; i++)
			doc.in[i] = rnd(8) == 0 ? 0 : rnd(1u << SEGMENTS);
		for (i = 0; i < doc.n_rules; i++)
			random_rule(&doc.rule[i]);
		bh_buf_reset(&b);
		put_doc(&b);
		load(p, b.data, b.len);
		for (i = 0; i < 300; i++) {
			q = (struct bh_question){.service = asked[rnd(BH_ARRAY_SIZE(asked))]};
			set_host(&q.end[0], host[0] = rnd(HOSTS));
			set_host(&q.end[1], host[1] = rnd(HOSTS));
			random_said(&q, &op);
			decided += q.op != NULL;
			check_question(p, &q, scratch, host);
		}
		bh_policy_destroy(p);
	}
	CU_ASSERT(decided > 1000);
	bh_policy_scratch_destroy(scratch);
	bh_buf_free(&b);
}

static const char shop[] =
	"version: 1\n"
	"endpoints:\n"
	"  - {address: 10.0.0.1, labels: {app: web, env: prod}}\n"
	"segments:\n"
	"  web: {selector: app=web}\n"
	"  prod: {selector: env=prod}\n"
	"  webprod: {selector: 'app=web, env=prod'}\n"
	"  db: {addresses: [10.0.9.0/24]}\n"
	"rules:\n"
	"  - {id: r-port, from: web, to: db, ports: tcp/80, action: allow}\n"
	"  - {id: r-to, from: web, to: web, action: allow}\n"
	"  - {id: r-app, from: web, to: db, applications: redis, action: allow}\n"
	"  - {id: r-op, from: web, to: db, applications: [postgresql: {verbs: select}], action: "
	"allow}\n"
	"  - {id: r-deny, from: prod, to: any, ports: tcp/5432, action: deny}\n"
	"  - {id: r-late, from: any, to: db, ports: tcp/5432, action: allow}\n";

static void
each_rule_says_why_it_did_not_fit(void)
{
	static const struct {
		const char *id;
		unsigned outcome;
	} expected[] = {{"r-port", BH_EXPLAIN_PORT},
			{"r-to", BH_EXPLAIN_TO},
			{"r-app", BH_EXPLAIN_APPLICATION},
			{"r-op", BH_EXPLAIN_OPERATION},
			{"r-deny", BH_EXPLAIN_DECIDES}};
	struct bh_policy *p = make_policy();
	struct bh_op op = {.app = BH_APP_POSTGRESQL};
	struct bh_question q = {.service = 6 << 16 | 5432, .application = "postgresql", .op = &op};
	struct bh_explanation *e;
	unsigned i;

	load(p, shop, sizeof(shop) - 1);
	bh_op_add(&op, BH_OP_PG_VERB, "drop", 4);
	/* A segment stands for somebody who is in it, and so in those that hold all of it. */
	q.end[0].segment = "webprod";
	q.end[1].segment = "db";
	e = explain(p, &q);
	CU_ASSERT_EQUAL(e->n_segments[0], 3);
	CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(e->reason, BH_REASON_RULE_DENY);
	CU_ASSERT_STRING_EQUAL(e->id, "r-deny");
	CU_ASSERT_EQUAL(e->line, 14);
	CU_ASSERT_EQUAL_FATAL(e->n_steps, BH_ARRAY_SIZE(expected));
	for (i = 0; i < e->n_steps; i++) {
		CU_ASSERT_STRING_EQUAL(e->step[i].id, expected[i].id);
		CU_ASSERT_EQUAL(e->step[i].outcome, expected[i].outcome);
	}
	CU_ASSERT_STRING_EQUAL(e->step[0].text, "tcp/5432 is not in tcp/80");
	/* Of those with one condition that is not met, the first. */
	CU_ASSERT_STRING_EQUAL(e->nearest.id, "r-port");
	CU_ASSERT_EQUAL(e->unmet, 1u << BH_EXPLAIN_PORT);
	bh_explanation_free(e);
	q.end[0].segment = "web"; /* and perhaps not prod */
	e = explain(p, &q);
	CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_STRING_EQUAL(e->id, "r-late");
	CU_ASSERT_PTR_NULL(e->nearest.id);
	bh_explanation_free(e);
	bh_policy_destroy(p);
}

static void
what_does_not_exist_is_said(void)
{
	struct bh_policy *p = make_policy();
	struct bh_question q = {.service = 6 << 16 | 80};
	struct bh_explanation *e = NULL;
	struct bh_err err = {0};

	load(p, shop, sizeof(shop) - 1);
	q.end[0].segment = "wep";
	q.end[1].segment = "db";
	CU_ASSERT_EQUAL(bh_policy_explain(p, &q, &e, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "did you mean 'web'"));
	err.what[0] = '\0';
	q.end[0].segment = "web";
	q.application = "rediss";
	CU_ASSERT_EQUAL(bh_policy_explain(p, &q, &e, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "did you mean 'redis'"));
	err.what[0] = '\0';
	q.application = NULL;
	set_host(&q.end[0], 1);
	q.end[1] = (struct bh_question_end){.address = {.family = BH_IP6, .len = 128}};
	CU_ASSERT_EQUAL(bh_policy_explain(p, &q, &e, &err), -EINVAL);
	bh_policy_destroy(p);
}

const struct bh_unit_test bh_suite_policy_explain[] = {
	BH_TEST(the_path_comes_to_what_the_judge_says),
	BH_TEST(each_rule_says_why_it_did_not_fit),
	BH_TEST(what_does_not_exist_is_said),
	BH_TEST_END,
};
