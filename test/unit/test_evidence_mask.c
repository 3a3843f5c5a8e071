/* evidence: what is hidden of a text. */
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/evidence/evidence.h"
#include "unit.h"

/* The text as a file would show it. */
static const char *
masked(const char *text, size_t len, bool all)
{
	static char out[4096];
	uint8_t hide[512] = {0};
	size_t i;

	bh_evidence_hide(hide, (const uint8_t *)text, len, all);
	for (i = 0; i < len; i++)
		out[i] = (hide[i / 8] & 1u << (i & 7)) != 0 ? '*' : text[i];
	out[len] = '\0';
	return out;
}

#define SHOWS(text, all, want) CU_ASSERT_STRING_EQUAL(masked(text, strlen(text), all), want)

static void
a_card_number_keeps_its_first_six_and_last_four(void)
{
	SHOWS("card=4111111111111111&x=1", false, "card=411111******1111&x=1");
	SHOWS("card=4111111111111111&x=1", true, "card=411111******1111&x=1");
	SHOWS("5500 0000 0000 0004", false, "5500 00** **** 0004");
	SHOWS("5500-0000-0000-0004", false, "5500-00**-****-0004");
	SHOWS("\"378282246310005\"", false, "\"378282*****0005\"");
	SHOWS("6011000990139424", false, "601100******9424");
}

static void
other_numbers_stay_where_only_cards_are_hidden(void)
{
	/* No check digit of a card; a telephone; an order. */
	SHOWS("order 9999888877776665 of 2026", false, "order 9999888877776665 of 2026");
	SHOWS("tel +49 30 1234567", false, "tel +49 30 1234567");
	SHOWS("GET /items/12345678 HTTP/1.1", false, "GET /items/12345678 HTTP/1.1");
}

static void
everything_private_is_hidden_where_all_is(void)
{
	SHOWS("ssn=123-45-6789;", true, "ssn=***-**-6789;");
	SHOWS("mail alice@example.org now", true, "mail a****@example.org now");
	SHOWS("password=hunter2&a=b", true, "password=*******&a=b");
	SHOWS("{\"token\": \"abc\"}", true, "{\"token\": \"***\"}");
	SHOWS("Authorization: Basic dXNlcjpw\r\nHost: a", true,
	      "Authorization: **************\r\nHost: a");
	SHOWS("key AKIAIOSFODNN7EXAMPLE", true, "key AKIA****************");
	SHOWS("GET /index.html HTTP/1.1\r\nHost: shop\r\n", true,
	      "GET /index.html HTTP/1.1\r\nHost: shop\r\n");
}

static void
escaped_and_wide_digits_are_digits(void)
{
	static const char wide[] = "4\0001\0001\0001\0001\0001\0001\0001\0001\0001\0001\0001\0001"
				   "\0001\0001\0001\000";
	char text[200] = "";
	unsigned i, digits = 0;
	const char *out;

	for (i = 0; i < 16; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%%3%c",
			 "4111111111111111"[i]);
	out = masked(text, strlen(text), true);
	for (i = 0; out[i] != '\0'; i++)
		digits += out[i] >= '0' && out[i] <= '9';
	CU_ASSERT(digits <= 4);
	out = masked(wide, sizeof(wide) - 1, true);
	for (i = digits = 0; i < sizeof(wide) - 1; i++)
		digits += out[i] == '1' || out[i] == '4';
	CU_ASSERT(digits <= 10);
}

static void
bytes_that_are_no_text_are_hidden_where_all_is(void)
{
	CU_ASSERT_STRING_EQUAL(masked("a\x1f\x8b\x08z", 5, true), "a***z");
	CU_ASSERT_STRING_EQUAL(masked("a\x1f\x8b\x08z", 5, false), "a\x1f\x8b\x08z");
}

static unsigned
check_digit(const char *digits, unsigned n)
{
	unsigned sum = 0, i, d;

	for (i = 0; i < n; i++) {
		d = (unsigned)(digits[n - 1 - i] - '0') * (i % 2 == 0 ? 2 : 1);
		sum += d > 9 ? d - 9 : d;
	}
	return (10 - sum % 10) % 10;
}

/* Any card number, anywhere, beside anything: its digits never stand together again. */
static void
no_card_number_survives_in_random_text(void)
{
	static const char around[] = "abc ;=\"\r\n0123456789-._{}<>";
	static const char *const separators[] = {"", " ", "-", "."};
	char text[256], card[20], plain[64];
	unsigned round, i, n, len, both;
	const char *out, *sep;

	srand(7);
	for (round = 0; round < 20000; round++) {
		n = 13 + (unsigned)rand() % 7;
		card[0] = (char)('2' + rand() % 5);
		for (i = 1; i < n - 1; i++)
			card[i] = (char)('0' + rand() % 10);
		card[n - 1] = (char)('0' + check_digit(card, n - 1));
		card[n] = '\0';
		sep = separators[rand() % 4];
		len = 0;
		for (i = (unsigned)rand() % 30; i > 0; i--)
			text[len++] = around[(unsigned)rand() % (sizeof(around) - 1)];
		plain[0] = '\0';
		for (i = 0; i < n; i++)
			snprintf(plain + strlen(plain), sizeof(plain) - strlen(plain), "%s%c",
				 i != 0 && i % 4 == 0 ? sep : "", card[i]);
		memcpy(text + len, plain, strlen(plain));
		len += (unsigned)strlen(plain);
		for (i = (unsigned)rand() % 30; i > 0; i--)
			text[len++] = around[(unsigned)rand() % (sizeof(around) - 1)];
		text[len] = '\0';
		for (both = 0; both < 2; both++) {
			out = masked(text, len, both != 0);
			CU_ASSERT_EQUAL(strlen(out), len);
			CU_ASSERT_PTR_NULL(strstr(out, plain));
		}
	}
}

const struct bh_unit_test bh_suite_evidence_mask[] = {
	BH_TEST(a_card_number_keeps_its_first_six_and_last_four),
	BH_TEST(other_numbers_stay_where_only_cards_are_hidden),
	BH_TEST(everything_private_is_hidden_where_all_is),
	BH_TEST(escaped_and_wide_digits_are_digits),
	BH_TEST(bytes_that_are_no_text_are_hidden_where_all_is),
	BH_TEST(no_card_number_survives_in_random_text),
	BH_TEST_END,
};
