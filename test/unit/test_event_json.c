/* event: JSON text by hand. jansson, which refuses bad UTF-8 and bad JSON, is the judge. */
#include <jansson.h>
#include <stdlib.h>

#include "../../lib/event/event.h"
#include "unit.h"

/* The string as a reader of the JSON sees it. Free it. */
static char *
round_trip(const char *s)
{
	struct bh_buf b = {0};
	json_t *v;
	char *out;

	bh_json_string(&b, s);
	v = json_loads(b.data, JSON_DECODE_ANY, NULL);
	out = v != NULL ? strdup(json_string_value(v)) : NULL;
	json_decref(v);
	bh_buf_free(&b);
	return out;
}

static void
check(const char *in, const char *expected)
{
	char *got = round_trip(in);

	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_STRING_EQUAL(got, expected);
	free(got);
}

static void
plain_text_and_escapes_survive(void)
{
	check("", "");
	check(NULL, "");
	check("shop/frontend", "shop/frontend");
	check("a\"b\\c", "a\"b\\c");
	check("tab\tnl\ncr\r\x01\x1f\x7f", "tab\tnl\ncr\r\x01\x1f\x7f");
	check("grün €", "grün €");
	check("\xf0\x9f\x94\x92", "\xf0\x9f\x94\x92");
	check("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"); /* U+10FFFF */
}

static void
control_characters_never_reach_the_file(void)
{
	struct bh_buf b = {0};
	size_t i;

	bh_json_string(&b, "\x1b[31m\n\r\t\x7f");
	for (i = 0; i < b.len; i++)
		CU_ASSERT(b.data[i] >= 0x20 && b.data[i] < 0x7f);
	bh_buf_free(&b);
}

static void
bad_utf8_is_replaced(void)
{
	check("\xff", "\xef\xbf\xbd");
	check("a\x80z", "a\xef\xbf\xbdz");
	check("\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd");                 /* overlong NUL */
	check("\xc1\xbf!", "\xef\xbf\xbd\xef\xbf\xbd!");               /* overlong */
	check("\xe0\x9f\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* overlong */
	check("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* surrogate */
	check("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	check("\xf0\x8f\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	check("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"); /* cut by the end */
	check("\xe2\x82\"", "\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void
any_bytes_make_a_valid_string(void)
{
	char s[40], *got;
	unsigned i, k, bad = 0;

	srand(11);
	for (i = 0; i < 20000; i++) {
		unsigned n = (unsigned)rand() % (sizeof(s) - 1);

		for (k = 0; k < n; k++)
			s[k] = (char)(rand() % 4 == 0 ? rand() : 0x80 + rand() % 0x80);
		s[n] = '\0';
		got = round_trip(s);
		bad += got == NULL;
		free(got);
	}
	CU_ASSERT_EQUAL(bad, 0);
}

static void
members_are_separated(void)
{
	struct bh_buf b = {0};
	struct bh_json j = {.out = &b};

	bh_json_open(&j, NULL, '{');
	bh_json_u64(&j, "zero", 0);
	bh_json_u64(&j, "big", UINT64_MAX);
	bh_json_open(&j, "list", '[');
	bh_json_u64(&j, NULL, 1);
	bh_json_u64(&j, NULL, 2);
	bh_json_open(&j, NULL, '{');
	bh_json_close(&j, '}');
	bh_json_close(&j, ']');
	bh_json_bool(&j, "yes", true);
	bh_json_bool(&j, "no", false);
	bh_json_time(&j, "when", UINT64_C(1767323045678901234));
	bh_json_close(&j, '}');
	CU_ASSERT_STRING_EQUAL(b.data, "{\"zero\":0,\"big\":9223372036854775807,\"list\":[1,2,{}],"
				       "\"yes\":true,\"no\":false,"
				       "\"when\":\"2026-01-02T03:04:05.678901+0000\"}");
	bh_buf_free(&b);
}

const struct bh_unit_test bh_suite_event_json[] = {
	BH_TEST(plain_text_and_escapes_survive), BH_TEST(control_characters_never_reach_the_file),
	BH_TEST(bad_utf8_is_replaced),           BH_TEST(any_bytes_make_a_valid_string),
	BH_TEST(members_are_separated),          BH_TEST_END,
};
