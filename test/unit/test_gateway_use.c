/* gateway: how often each rule decided, and when last. */
#include "gateway_talk.h"

static const char policy[] =
	RIG_WEB_DB "rules:\n"
		   "  - {id: cache, from: web, to: db, applications: [redis], action: allow}\n"
		   "  - {id: site, from: web, to: db, ports: [tcp/80],\n"
		   "     applications: [{http: {methods: [GET]}}], action: allow}\n"
		   "  - {id: plain, from: web, to: db, ports: [udp/53], action: allow}\n"
		   "  - {id: idle, from: db, to: web, ports: [udp/53], action: allow}\n";

static const char later[] =
	RIG_WEB_DB "rules:\n"
		   "  - {id: new, from: web, to: db, ports: [udp/53], action: allow}\n";

struct find {
	const char *id;
	uint32_t name_id;
};

static bool
find_rule(void *arg, const struct bh_rule_info *r)
{
	struct find *f = arg;

	if (strcmp(r->id, f->id) == 0)
		f->name_id = r->name_id;
	return true;
}

static struct bh_rule_use
use_of(struct rig *r, const char *id)
{
	struct find f = {.id = id, .name_id = BH_NO_RULE};
	struct bh_rule_use u;

	if (id[0] != '\0') {
		bh_policy_rules_each(r->policy, find_rule, &f);
		CU_ASSERT_NOT_EQUAL(f.name_id, BH_NO_RULE);
	}
	CU_ASSERT_TRUE(bh_gateway_rule_use(r->g, f.name_id, &u));
	return u;
}

static void
datagram(struct rig_frame *f, uint16_t client, uint16_t port)
{
	rig_build(f, &(struct rig_packet){.src = WEB,
					  .dst = DB,
					  .proto = 17,
					  .sport = client,
					  .dport = port,
					  .payload = 30});
}

static void
connections_count_once_and_packets_do_not(void)
{
	struct rig_frame f;
	struct rig r;
	uint64_t first;
	unsigned i;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = policy});
	CU_ASSERT_EQUAL(use_of(&r, "plain").hits, 0);
	CU_ASSERT_EQUAL(use_of(&r, "plain").last_ns, 0);
	datagram(&f, 1000, 53);
	for (i = 0; i < 5; i++)
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	CU_ASSERT_EQUAL(use_of(&r, "plain").hits, 1);
	first = use_of(&r, "plain").last_ns;
	CU_ASSERT(first >= RIG_WALL0);
	datagram(&f, 1001, 53);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	CU_ASSERT_EQUAL(use_of(&r, "plain").hits, 2);
	CU_ASSERT(use_of(&r, "plain").last_ns > first);
	CU_ASSERT_EQUAL(use_of(&r, "idle").hits, 0);
	CU_ASSERT_EQUAL(use_of(&r, "").hits, 0);
	datagram(&f, 1001, 54);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_DEFAULT_DENY));
	CU_ASSERT_EQUAL(use_of(&r, "").hits, 1);
	CU_ASSERT_EQUAL(use_of(&r, "plain").hits, 2);
	rig_stop(&r);
}

static void
ended_connections_leave_their_bytes_and_the_time_of_their_last_packet(void)
{
	struct bh_rule_use u;
	struct rig_frame f;
	uint64_t last;
	struct rig r;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = policy});
	datagram(&f, 1000, 53);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_wait(&r, 5000);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	last = RIG_WALL0 + 5000 * BH_NS_PER_MS;
	CU_ASSERT_EQUAL(use_of(&r, "plain").bytes, 0);
	rig_wait(&r, 600000);
	while (r.c.flows != 0)
		rig_run(&r);
	u = use_of(&r, "plain");
	CU_ASSERT_EQUAL(u.hits, 1);
	CU_ASSERT_EQUAL(u.packets, 2);
	CU_ASSERT_EQUAL(u.bytes, 2 * (20 + 8 + 30));
	CU_ASSERT(u.last_ns >= last && u.last_ns < last + BH_NS_PER_SEC);
	rig_stop(&r);
}

static void
an_application_s_rule_counts_once_it_is_proven_and_operations_each(void)
{
	struct rig r;
	struct talk t, u;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = policy});
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 7777));
	CU_ASSERT_EQUAL(use_of(&r, "cache").hits, 0);
	CU_ASSERT_TRUE(says(&t, 0, PING));
	CU_ASSERT_EQUAL(use_of(&r, "cache").hits, 1);
	CU_ASSERT_TRUE(says(&t, 1, "+PONG\r\n"));
	CU_ASSERT_TRUE(says(&t, 0, PING));
	CU_ASSERT_EQUAL(use_of(&r, "cache").hits, 1);
	CU_ASSERT_TRUE(opens(&u, &r, 40001, 80));
	CU_ASSERT_TRUE(says(&u, 0, GET));
	CU_ASSERT_EQUAL(use_of(&r, "site").hits, 1);
	CU_ASSERT_TRUE(says(&u, 0, GET));
	CU_ASSERT_EQUAL(use_of(&r, "site").hits, 2);
	CU_ASSERT_EQUAL(use_of(&r, "").hits, 0);
	CU_ASSERT_FALSE(says(&u, 0, DELETE_IT));
	CU_ASSERT_EQUAL(use_of(&r, "site").hits, 2);
	CU_ASSERT_EQUAL(use_of(&r, "").hits, 1);
	rig_stop(&r);
}

static void
an_open_connection_counts_for_the_rule_that_a_new_policy_gives_it(void)
{
	struct rig_frame f;
	struct rig r;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = policy});
	datagram(&f, 1000, 53);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_load(&r, policy);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	CU_ASSERT_EQUAL(use_of(&r, "plain").hits, 1);
	rig_load(&r, later);
	CU_ASSERT_EQUAL(use_of(&r, "new").hits, 0);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	CU_ASSERT_EQUAL(use_of(&r, "new").hits, 1);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	CU_ASSERT_EQUAL(use_of(&r, "new").hits, 1);
	rig_stop(&r);
}

static void
ids_beyond_the_slots_are_counted_together(void)
{
	struct bh_rule_use u;
	struct rig r;

	rig_start(&r, NULL);
	bh_rule_decided(bh_gateway_worker(r.g, 0), BH_RULE_SLOTS);
	bh_rule_decided(bh_gateway_worker(r.g, 0), BH_RULE_SLOTS + 7);
	CU_ASSERT_FALSE(bh_gateway_rule_use(r.g, BH_RULE_SLOTS + 7, &u));
	CU_ASSERT_EQUAL(u.hits, 2);
	CU_ASSERT_TRUE(bh_gateway_rule_use(r.g, BH_RULE_SLOTS - 1, &u));
	CU_ASSERT_EQUAL(u.hits, 0);
	CU_ASSERT_TRUE(bh_gateway_rule_use(r.g, BH_NO_RULE, &u));
	CU_ASSERT_EQUAL(u.hits, 0);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_use[] = {
	BH_TEST(connections_count_once_and_packets_do_not),
	BH_TEST(ended_connections_leave_their_bytes_and_the_time_of_their_last_packet),
	BH_TEST(an_application_s_rule_counts_once_it_is_proven_and_operations_each),
	BH_TEST(an_open_connection_counts_for_the_rule_that_a_new_policy_gives_it),
	BH_TEST(ids_beyond_the_slots_are_counted_together),
	BH_TEST_END,
};
