/* memcached: what is stored and fetched is read, in text and binary. */
#include <stdio.h>
#include <string.h>

#include "inspect_talk.h"
#include "unit.h"

#define CARD "4111111111111111"

static void
binary(struct inspect_talk *t, unsigned side, uint8_t opcode, const char *value)
{
	size_t n = strlen(value);
	uint8_t head[24] = {(uint8_t)(0x80 + side), opcode, 0, 3, 8};

	head[10] = (uint8_t)((n + 11) >> 8);
	head[11] = (uint8_t)(n + 11);
	talk_say(t, side, head, 24);
	talk_say(t, side,
		 "\0\0\0\1\0\0\0\2"
		 "a:1",
		 11);
	talk_say(t, side, value, n);
}

void
talk_memcached(struct inspect_talk *t, const char *value, unsigned form)
{
	size_t n = strlen(value);
	char line[64];

	switch (form) {
	case 0:
		snprintf(line, sizeof(line), "set a:1 7 0 %zu\r\n", n);
		talk_words(t, 0, line);
		talk_words(t, 0, value);
		talk_words(t, 0, "\r\n");
		talk_words(t, 1, "STORED\r\n");
		break;
	case 1:
		talk_words(t, 0, "gets a:1 b\r\n");
		snprintf(line, sizeof(line), "VALUE b 7 1 9\r\nx\r\nVALUE a:1 7 %zu 77\r\n", n);
		talk_words(t, 1, line);
		talk_words(t, 1, value);
		talk_words(t, 1, "\r\nEND\r\n");
		break;
	case 2:
		snprintf(line, sizeof(line), "ms a:1 %zu T90\r\n", n);
		talk_words(t, 0, line);
		talk_words(t, 0, value);
		talk_words(t, 0, "\r\n");
		talk_words(t, 1, "HD\r\n");
		break;
	case 3:
		binary(t, 0, 1, value);
		break;
	default:
		binary(t, 1, 0, value);
	}
}

static void
values_are_read_in_text_and_binary(void)
{
	unsigned form;
	size_t cut;

	for (form = 0; form < 5; form++) {
		struct inspect_talk *t = talk_new();

		talk_memcached(t, CARD, form);
		for (cut = 0; cut <= 100; cut++)
			CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MEMCACHED, cut),
					BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
	}
}

/* 10 digits in a value, 6 in the next one; a length of 16 before 16 digits is none of them. */
static void
a_value_is_not_joined_to_another(void)
{
	struct inspect_talk *t = talk_new();
	size_t cut;

	talk_words(t, 1, "VALUE a 0 10\r\n4111111111\r\nVALUE b 0 6\r\n111111\r\nEND\r\n");
	for (cut = 0; cut <= 100; cut++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MEMCACHED, cut), 0);
	t = talk_new();
	binary(t, 1, 0, "4111111111");
	binary(t, 1, 0, "111111");
	for (cut = 0; cut <= 100; cut++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MEMCACHED, cut), 0);
}

/* The server goes by a connection's first byte: to one that speaks text, this is a line and no log-in of any length. */
static void
text_does_not_become_binary(void)
{
	struct inspect_talk *t = talk_new();
	size_t cut;

	talk_words(t, 0, "version\r\n");
	talk_say(t, 0, "\x80\x21\0\0\0\0\0\0\0\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0\r\n", 26);
	talk_memcached(t, CARD, 0);
	for (cut = 0; cut <= 100; cut++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MEMCACHED, cut),
				BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
}

static void
a_line_too_long_is_looked_at_whole(void)
{
	struct inspect_talk *t = talk_new();
	unsigned i;

	talk_words(t, 0, "get " CARD);
	for (i = 0; i < 500; i++)
		talk_words(t, 0, " key:7");
	talk_words(t, 0, "\r\n");
	CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MEMCACHED, 0), BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
}

static void
a_secret_is_told_and_not_shown(void)
{
	struct inspect_talk *t = talk_new();
	size_t cut;

	binary(t, 0, 0x21, CARD);
	for (cut = 0; cut <= 100; cut++)
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MEMCACHED, cut),
				BH_INSPECT_BIT(BH_INSPECT_DLP_PASSWORD));
}

static void
each_command_is_a_message_of_its_own(void)
{
	struct inspect_talk *t = talk_new();
	struct inspect_rig *r = inspect_rig();
	unsigned form;

	for (form = 0; form < 3; form++)
		talk_memcached(t, CARD, form);
	talk_feed_to(t, BH_APP_MEMCACHED, 0, &r->ctx);
	CU_ASSERT_EQUAL(r->n, 3);
	t = talk_new();
	for (; form < 5; form++)
		talk_memcached(t, CARD, form);
	talk_feed_to(t, BH_APP_MEMCACHED, 0, &r->ctx);
	CU_ASSERT_EQUAL(r->n, 5);
}

const struct bh_unit_test bh_suite_inspect_memcached[] = {
	BH_TEST(values_are_read_in_text_and_binary),
	BH_TEST(a_value_is_not_joined_to_another),
	BH_TEST(a_secret_is_told_and_not_shown),
	BH_TEST(text_does_not_become_binary),
	BH_TEST(a_line_too_long_is_looked_at_whole),
	BH_TEST(each_command_is_a_message_of_its_own),
	BH_TEST_END,
};
