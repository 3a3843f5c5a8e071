/* learn: what other gateways have seen is known here, the same in any order and however often it is said. */
#include "learn_rig.h"

static struct bh_conversation
far(const char *from, const char *to, uint64_t sessions)
{
	return (struct bh_conversation){.from = {.name = from},
					.to = {.name = to},
					.service = 6u << 16 | 6379,
					.app = "redis",
					.learn = true,
					.first_ns = 1000 + sessions,
					.last_ns = 2000 + sessions,
					.sessions = {[BH_SEEN_LEARNED] = sessions},
					.bytes = {10 * sessions, 20 * sessions}};
}

struct found {
	unsigned n, here;
	uint64_t sessions, own, bytes, first_ns, last_ns;
	bool learn;
};

static bool
find_one(void *arg, const struct bh_conversation *c)
{
	struct found *f = arg;

	f->n++;
	f->here += c->here;
	f->sessions += c->sessions[BH_SEEN_LEARNED];
	f->own += c->own_sessions[BH_SEEN_LEARNED];
	f->bytes += c->bytes[0] + c->bytes[1];
	f->first_ns = c->first_ns;
	f->last_ns = c->last_ns;
	f->learn = c->learn;
	return true;
}

static struct found
all(struct rig *r)
{
	const struct bh_learn_filter f = {.seen = BH_SEEN_LEARNED};
	struct found out = {0};

	bh_learn_each(r->l, &f, find_one, &out);
	return out;
}

static void
say(struct rig *r, const char *gateway, uint64_t sessions)
{
	struct bh_conversation c = far("s5", "s6", sessions);

	CU_ASSERT_EQUAL(bh_learn_far(r->l, gateway, &c), 0);
}

static unsigned
rules(struct rig *r)
{
	const struct bh_learned_params p = {.ports = 8};
	struct bh_learned *o = NULL;
	unsigned n = 0;

	CU_ASSERT_EQUAL(bh_learn_rules(r->l, &p, &o, NULL), 0);
	if (o != NULL)
		n = o->n_rules;
	bh_learned_free(o);
	return n;
}

static void
conversation_of_another_gateway_makes_a_rule_here(void)
{
	struct found f;
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL(rules(&r), 0);
	say(&r, "gw-b", 3);
	CU_ASSERT_EQUAL(rules(&r), 1);
	f = all(&r);
	CU_ASSERT_EQUAL(f.n, 1);
	CU_ASSERT_EQUAL(f.here, 0);
	CU_ASSERT_EQUAL(f.sessions, 3);
	CU_ASSERT_EQUAL(f.own, 0);
	CU_ASSERT_TRUE(f.learn);
	rig_leave(&r);
}

/* Three gateways, each with an older and a newer word, in any order, twice. */
static void
outcome_is_the_same_in_any_order(void)
{
	static const char *const name[] = {"gw-b", "gw-c", "gw-d"};
	unsigned order, i, at;
	struct found f;
	struct rig r;

	for (order = 0; order < 6; order++) {
		rig_enter(&r);
		for (i = 0; i < 12; i++) {
			at = (i * (1 + order % 2) + order) % 3;
			say(&r, name[at], i < 6 ? 1 + at : 100 * (1 + at));
		}
		for (i = 0; i < 3; i++)
			say(&r, name[(i + order) % 3], 100 * (1 + (i + order) % 3));
		f = all(&r);
		CU_ASSERT_EQUAL(f.n, 1);
		CU_ASSERT_EQUAL(f.sessions, 600);
		CU_ASSERT_EQUAL(f.bytes, 30 * 600);
		CU_ASSERT_EQUAL(f.last_ns, 2300);
		rig_leave(&r);
	}
}

static void
figures_of_others_stand_beside_those_seen_here(void)
{
	struct found f;
	struct bh_event e;
	struct rig r;

	rig_enter(&r);
	say(&r, "gw-b", 3);
	e = rig_flow(&r, 5, 6, 6379, (unsigned)bh_app_find("redis"));
	bh_learn_events(r.l, &e, 1);
	f = all(&r);
	CU_ASSERT_EQUAL(f.n, 1);
	CU_ASSERT_EQUAL(f.here, 1);
	CU_ASSERT_EQUAL(f.own, 1);
	CU_ASSERT_EQUAL(f.sessions, 4);
	rig_leave(&r);
}

/* Who is cut off at its start still knows what the others have seen; only their figures are not there. */
static void
what_others_have_seen_is_kept_over_a_restart(void)
{
	struct found f;
	struct rig r;

	rig_enter(&r);
	say(&r, "gw-b", 3);
	CU_ASSERT_EQUAL(bh_learn_save(r.l, &r.err), 0);
	rig_again(&r);
	f = all(&r);
	CU_ASSERT_EQUAL(f.n, 1);
	CU_ASSERT_EQUAL(f.here, 0);
	CU_ASSERT_EQUAL(f.sessions, 0);
	CU_ASSERT_EQUAL(rules(&r), 1);
	say(&r, "gw-b", 4);
	f = all(&r);
	CU_ASSERT_EQUAL(f.n, 1);
	CU_ASSERT_EQUAL(f.sessions, 4);
	rig_leave(&r);
}

static void
unknown_application_is_left_out(void)
{
	struct bh_conversation c = far("s5", "s6", 1);
	struct rig r;

	rig_enter(&r);
	c.app = "of-tomorrow";
	CU_ASSERT_EQUAL(bh_learn_far(r.l, "gw-b", &c), -EINVAL);
	CU_ASSERT_EQUAL(all(&r).n, 0);
	rig_leave(&r);
}

const struct bh_unit_test bh_suite_learn_far[] = {
	BH_TEST(conversation_of_another_gateway_makes_a_rule_here),
	BH_TEST(outcome_is_the_same_in_any_order),
	BH_TEST(figures_of_others_stand_beside_those_seen_here),
	BH_TEST(what_others_have_seen_is_kept_over_a_restart),
	BH_TEST(unknown_application_is_left_out),
	BH_TEST_END,
};
