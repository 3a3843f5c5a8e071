/* Redis: arguments and replies are values of their own, however they are cut. */
#include <stdio.h>
#include <string.h>

#include "inspect_talk.h"
#include "unit.h"

#define CARD "4111111111111111"

void
talk_redis_command(struct inspect_talk *t, unsigned n, const char *const *arguments)
{
	char head[32];
	unsigned i;

	snprintf(head, sizeof(head), "*%u\r\n", n);
	talk_words(t, 0, head);
	for (i = 0; i < n; i++) {
		snprintf(head, sizeof(head), "$%zu\r\n", strlen(arguments[i]));
		talk_words(t, 0, head);
		talk_words(t, 0, arguments[i]);
		talk_words(t, 0, "\r\n");
	}
}

void
talk_redis_reply(struct inspect_talk *t, const char *value, bool resp3)
{
	char head[32];

	talk_words(t, 1,
		   resp3 ? "|1\r\n+ttl\r\n:7\r\n%2\r\n+a\r\n*2\r\n_\r\n:17\r\n+b\r\n"
			 : "*3\r\n:41111111\r\n$-1\r\n");
	snprintf(head, sizeof(head), "$%zu\r\n", strlen(value));
	talk_words(t, 1, head);
	talk_words(t, 1, value);
	talk_words(t, 1, "\r\n");
}

static uint64_t
asked(unsigned n, const char *const *arguments, const char *reply, bool resp3, size_t cut)
{
	struct inspect_talk *t = talk_new();

	talk_redis_command(t, n, arguments);
	talk_redis_reply(t, reply, resp3);
	return talk_feed(t, BH_APP_REDIS, cut);
}

static void
arguments_and_replies_are_values(void)
{
	static const char *const set[] = {"SET", "a:1", CARD}, *const get[] = {"GET", "a:1"};
	static const char *const two[] = {"MSET", "4111111111", "111111"};
	size_t cut;

	for (cut = 0; cut <= 100; cut++) {
		CU_ASSERT_EQUAL(asked(3, set, "OK", cut & 1, cut),
				BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
		CU_ASSERT_EQUAL(asked(2, get, CARD, cut & 1, cut),
				BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
		CU_ASSERT_EQUAL(asked(3, two, "1", cut & 1, cut), 0);
	}
}

/* 16 digits whose length stands before them, as the last thing that comes for a while. */
static void
a_number_at_the_end_of_a_reply_is_told_at_once(void)
{
	static const char *const whole[] = {"$16\r\n" CARD,
					    "$16\r\n" CARD "\r\n",
					    ":" CARD "\r\n",
					    "+" CARD "\r\n",
					    "(" CARD "\r\n",
					    "=20\r\ntxt:" CARD,
					    "$?\r\n;8\r\n41111111\r\n;8\r\n11111111\r\n;0\r\n"};
	static struct bh_inspect_wire c;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(whole); i++) {
		struct inspect_rig *r = inspect_rig();

		bh_inspect_wire_open(&c, BH_APP_REDIS);
		CU_ASSERT(SAW(bh_inspect_wire_feed(&c, &r->ctx, 1, (const uint8_t *)whole[i],
						   strlen(whole[i]), false),
			      DLP_CARD));
		bh_inspect_wire_close(&c, &r->ctx);
	}
}

static void
passwords_are_told_and_not_shown(void)
{
	static const char *const auth[] = {"auth", CARD}, *const get[] = {"GET", CARD};
	static const char *const hello[] = {"HELLO", "3", "AUTH", "default", CARD};
	size_t cut;

	for (cut = 0; cut <= 100; cut++) {
		CU_ASSERT_EQUAL(asked(2, auth, "OK", false, cut),
				BH_INSPECT_BIT(BH_INSPECT_DLP_PASSWORD));
		CU_ASSERT_EQUAL(asked(5, hello, "OK", true, cut),
				BH_INSPECT_BIT(BH_INSPECT_DLP_PASSWORD));
		CU_ASSERT_EQUAL(asked(2, hello, "OK", true, cut), 0);
		CU_ASSERT_EQUAL(asked(2, get, "1", false, cut),
				BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
	}
}

static void
what_is_no_resp_is_read_as_it_is(void)
{
	struct inspect_talk *t = talk_new();
	size_t cut;

	talk_words(t, 0, "PING\r\nSET a 1\r\nSET b " CARD "\r\n");
	for (cut = 0; cut <= 100; cut++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_REDIS, cut),
				BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
	t = talk_new();
	talk_words(t, 1, "$3\r\nabcdef: the card is " CARD " and nothing else\r\n");
	for (cut = 0; cut <= 100; cut++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_REDIS, cut),
				BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
}

static void
each_reply_is_a_message_of_its_own(void)
{
	static const char *const get[] = {"GET", "a"};
	struct inspect_rig *r = inspect_rig();
	struct inspect_talk *t = talk_new();
	unsigned i;

	for (i = 0; i < 6; i++) {
		talk_redis_command(t, 2, get);
		talk_redis_reply(t, CARD, i & 1);
	}
	talk_feed_to(t, BH_APP_REDIS, 0, &r->ctx);
	CU_ASSERT_EQUAL(r->n, 6);
}

const struct bh_unit_test bh_suite_inspect_redis[] = {
	BH_TEST(arguments_and_replies_are_values),
	BH_TEST(a_number_at_the_end_of_a_reply_is_told_at_once),
	BH_TEST(passwords_are_told_and_not_shown),
	BH_TEST(what_is_no_resp_is_read_as_it_is),
	BH_TEST(each_reply_is_a_message_of_its_own),
	BH_TEST_END,
};
