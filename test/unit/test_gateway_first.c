/* gateway: whose packet of a connection without a handshake comes first is chance; who may open one is not. */
#include "gateway_rig.h"

#define WEB "10.1.0.1"
#define REDIS "10.2.0.1"

#define ENDS                                                                                       \
	"version: 1\n"                                                                             \
	"endpoints:\n"                                                                             \
	"  - {address: 10.1.0.1, labels: {app: web}}\n"                                            \
	"  - {address: 10.2.0.1, labels: {app: redis}}\n"                                          \
	"segments:\n"                                                                              \
	"  web: {selector: app=web}\n"                                                             \
	"  redis: {selector: app=redis}\n"                                                         \
	"rules:\n"

static void
udp(struct rig_frame *f, bool to_redis, uint16_t port, const void *text)
{
	rig_build(f, &(struct rig_packet){.src = to_redis ? WEB : REDIS,
					  .dst = to_redis ? REDIS : WEB,
					  .proto = 17,
					  .sport = to_redis ? 40000 : port,
					  .dport = to_redis ? port : 40000,
					  .payload = 64,
					  .text = text});
}

static void
echo(struct rig_frame *f, bool to_redis)
{
	rig_build(f, &(struct rig_packet){.src = to_redis ? WEB : REDIS,
					  .dst = to_redis ? REDIS : WEB,
					  .proto = 1,
					  .icmp_type = to_redis ? 8 : 0,
					  .sport = 77,
					  .payload = 56});
}

static void
an_answer_that_comes_first_does_not_shut_the_question_out(void)
{
	struct rig_frame question, answer;
	struct rig r;
	unsigned i;

	rig_start(&r, NULL);
	udp(&question, true, 6379, NULL);
	udp(&answer, false, 6379, NULL);
	for (i = 0; i < 3; i++)
		CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &answer, BH_REASON_DEFAULT_DENY));
	for (i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &question));
		CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &answer));
	}
	CU_ASSERT_EQUAL(r.c.flows, 1);
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 1);
	echo(&answer, false);
	echo(&question, true);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &answer, BH_REASON_DEFAULT_DENY));
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &question));
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &answer));
	rig_stop(&r);
}

static void
questions_of_one_burst_open_one_flow(void)
{
	struct rig_frame question, answer;
	struct rig r;

	rig_start(&r, NULL);
	udp(&question, true, 6379, NULL);
	udp(&answer, false, 6379, NULL);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &answer, BH_REASON_DEFAULT_DENY));
	rig_clear(&r);
	rig_put(&r, RIG_OUTSIDE, &question);
	rig_put(&r, RIG_OUTSIDE, &question);
	rig_put(&r, RIG_OUTSIDE, &question);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 3);
	CU_ASSERT_EQUAL(r.c.flows, 1);
	CU_ASSERT_EQUAL(r.c.flows_opened, 2);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_DEFAULT_DENY], 1);
	rig_stop(&r);
}

static void
what_neither_end_may_open_stays_shut(void)
{
	struct rig_frame question, answer;
	struct rig r;
	unsigned i;

	rig_start(&r, NULL);
	udp(&question, true, 53, NULL);
	udp(&answer, false, 53, NULL);
	for (i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &answer, BH_REASON_DEFAULT_DENY));
		CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &question, BH_REASON_DEFAULT_DENY));
	}
	CU_ASSERT_EQUAL(r.c.flows_opened, 1);
	rig_stop(&r);
}

/* Its sender may open connections of its own; this is none. */
static void
the_answer_to_a_refused_question_is_no_question(void)
{
	static const char policy[] =
		ENDS "  - {from: redis, to: web, ports: [any], action: allow}\n";
	struct rig_frame question, answer;
	struct rig r;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = policy});
	udp(&question, true, 53, NULL);
	udp(&answer, false, 53, NULL);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &question, BH_REASON_DEFAULT_DENY));
	CU_ASSERT_TRUE(rig_drops(&r, RIG_INSIDE, &answer, BH_REASON_DEFAULT_DENY));
	CU_ASSERT_EQUAL(r.c.flows_opened, 1);
	rig_stop(&r);
}

static void
what_was_refused_for_its_content_stays_refused(void)
{
	static const char policy[] =
		ENDS "  - {from: web, to: redis, ports: [udp/50000], applications: [dns], action: "
		     "allow}\n"
		     "  - {from: redis, to: web, ports: [any], action: allow}\n";
	struct rig_frame question, answer;
	uint8_t noise[64];
	struct rig r;
	unsigned i;

	memset(noise, 0xee, sizeof(noise));
	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = policy});
	udp(&question, true, 50000, noise);
	for (i = 0; i < 40; i++) {
		rig_put(&r, RIG_OUTSIDE, &question);
		rig_run(&r);
	}
	CU_ASSERT_TRUE(r.c.dropped[BH_REASON_APP_DENY] + r.c.dropped[BH_REASON_APP_UNKNOWN] > 0);
	/* redis may open what looks like the other half of it, and did not. */
	udp(&answer, false, 50000, noise);
	for (i = 0; i < 3; i++) {
		rig_put(&r, RIG_INSIDE, &answer);
		rig_put(&r, RIG_OUTSIDE, &question);
		rig_run(&r);
	}
	CU_ASSERT_EQUAL(r.c.forwarded, 0);
	udp(&answer, false, 50001, noise);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &answer));
	rig_stop(&r);
}

static void
monitor_reports_who_came_first_alone(void)
{
	struct rig_frame question, answer;
	struct rig r;
	unsigned i;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_MONITOR});
	udp(&question, true, 6379, NULL);
	udp(&answer, false, 6379, NULL);
	for (i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &answer));
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &question));
	}
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_VIOLATION), 1);
	CU_ASSERT_EQUAL(r.c.flows_opened, 2);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_first[] = {
	BH_TEST(an_answer_that_comes_first_does_not_shut_the_question_out),
	BH_TEST(questions_of_one_burst_open_one_flow),
	BH_TEST(what_neither_end_may_open_stays_shut),
	BH_TEST(the_answer_to_a_refused_question_is_no_question),
	BH_TEST(what_was_refused_for_its_content_stays_refused),
	BH_TEST(monitor_reports_who_came_first_alone),
	BH_TEST_END,
};
