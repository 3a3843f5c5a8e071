/* gateway: which flows stay judged as they were, without the policy stage, when policy or labels change elsewhere. All that this
 * stage would do more than renew a stamp keeps a flow from it, one by one. */
#include "gateway_talk.h"

static struct bh_flow *
only_flow(struct rig *r)
{
	uint32_t cursor = 0;
	struct bh_flow *f = bh_flow_next(bh_gateway_worker(r->g, 0)->flows, &cursor, UINT32_MAX);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	return f;
}

/* As within a turn. */
static struct bh_worker *
worker(struct rig *r)
{
	struct bh_worker *w = bh_gateway_worker(r->g, 0);

	w->view = r->g->view;
	return w;
}

/* An allowed connection whose stamp is that of a policy before. */
static struct bh_flow *
stale_flow(struct rig *r, const struct rig_options *o)
{
	struct talk t;

	rig_start(r, o);
	CU_ASSERT_TRUE(opens(&t, r, 40000, 6379));
	rig_load(r, o->policy != NULL ? o->policy : rig_policy);
	return only_flow(r);
}

/* Not this one: and nothing of it has changed. */
static bool
is_left(struct rig *r, struct bh_flow *f)
{
	struct bh_worker *w = worker(r);
	const struct bh_flow before = *f;
	uint64_t judged = w->c.judged;

	return !bh_judge_stays(w, f) && memcmp(&before, f, sizeof(before)) == 0 &&
	       w->c.judged == judged;
}

static void
what_is_judged_the_same_is_current_again(void)
{
	struct rig r;
	struct bh_flow *f = stale_flow(&r, &(struct rig_options){.mode = BH_MODE_PROTECT});
	struct bh_worker *w = worker(&r);
	uint64_t judged = w->c.judged;

	CU_ASSERT_NOT_EQUAL(f->stamp, bh_view_stamp(w->view, f->slot[0], f->slot[1]));
	f->rule = BH_NO_RULE;
	f->segment[0] = f->segment[1] = 0;
	CU_ASSERT_TRUE(bh_judge_stays(w, f));
	CU_ASSERT_EQUAL(f->stamp, bh_view_stamp(w->view, f->slot[0], f->slot[1]));
	CU_ASSERT_STRING_EQUAL(bh_policy_rule_name(r.policy, f->rule), "web-redis");
	CU_ASSERT_NOT_EQUAL(f->segment[0], 0);
	CU_ASSERT_NOT_EQUAL(f->segment[1], 0);
	CU_ASSERT_EQUAL(w->c.judged, judged + 1);
	rig_stop(&r);
}

static void
what_is_judged_otherwise_is_left(void)
{
	struct rig r;
	struct bh_flow *f = stale_flow(&r, &(struct rig_options){.mode = BH_MODE_PROTECT});
	const struct bh_flow as_it_was = *f;
	unsigned i;

	f->verdict = BH_VERDICT_VIOLATE;
	CU_ASSERT_TRUE(is_left(&r, f));
	*f = as_it_was;
	f->reason = BH_REASON_EXCEPTION;
	CU_ASSERT_TRUE(is_left(&r, f));
	*f = as_it_was;
	f->mode = BH_MODE_MONITOR;
	CU_ASSERT_TRUE(is_left(&r, f));
	for (i = 0; i < 2; i++) {
		*f = as_it_was;
		f->class_[i]++;
		CU_ASSERT_TRUE(is_left(&r, f));
	}
	*f = as_it_was;
	CU_ASSERT_TRUE(bh_judge_stays(worker(&r), f));
	rig_stop(&r);
}

static void
what_is_examined_here_or_was_elsewhere_is_left(void)
{
	struct rig r;
	struct bh_flow *f = stale_flow(&r, &(struct rig_options){.mode = BH_MODE_PROTECT});

	f->ext = 1;
	CU_ASSERT_TRUE(is_left(&r, f));
	f->ext = 0;
	f->carried = BH_CARRIED_EXAMINED;
	CU_ASSERT_TRUE(is_left(&r, f));
	f->carried = BH_CARRIED;
	CU_ASSERT_TRUE(bh_judge_stays(worker(&r), f));
	rig_stop(&r);
}

static void
a_quota(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->quota[0] = (struct bh_threat_quota){.per = BH_QUOTA_SOURCE,
					       .from = BH_THREAT_ANY,
					       .to = BH_THREAT_ANY,
					       .limit[BH_QUOTA_CONNECTIONS] = 100,
					       .name = "q"};
	c->n_quotas = 1;
}

/* Another rule of the same meaning may count for another quota. */
static void
what_quotas_count_is_left(void)
{
	struct rig r;
	struct bh_flow *f =
		stale_flow(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = a_quota});

	CU_ASSERT_TRUE(bh_gateway_worker(r.g, 0)->watch.opened);
	CU_ASSERT_TRUE(is_left(&r, f));
	rig_stop(&r);
}

/* Its rule allows some of what it says: what it says next has to be heard. */
static void
what_is_judged_by_its_operations_is_left(void)
{
	static const char by_ports[] =
		RIG_WEB_DB "rules:\n"
			   "  - {id: site, from: web, to: db, ports: [tcp/6379], action: allow}\n";
	static const char by_words[] =
		RIG_WEB_DB "rules:\n"
			   "  - {id: site, from: web, to: db, ports: [tcp/6379],\n"
			   "     applications: [{http: {methods: [GET]}}], action: allow}\n";
	struct rig r;
	struct bh_flow *f =
		stale_flow(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = by_ports});
	struct bh_judgement j;

	rig_load(&r, by_words);
	f->app = BH_APP_HTTP;
	f->app_proof = BH_PROOF_CLIENT;
	f->flags |= BH_FLAG_APP_DONE;
	bh_judge_flow(worker(&r), f, &j);
	CU_ASSERT_TRUE(j.by_operation);
	f->verdict = j.verdict;
	f->reason = j.reason;
	CU_ASSERT_TRUE(is_left(&r, f));
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_stays[] = {
	BH_TEST(what_is_judged_the_same_is_current_again),
	BH_TEST(what_is_judged_otherwise_is_left),
	BH_TEST(what_is_examined_here_or_was_elsewhere_is_left),
	BH_TEST(what_quotas_count_is_left),
	BH_TEST(what_is_judged_by_its_operations_is_left),
	BH_TEST_END,
};
