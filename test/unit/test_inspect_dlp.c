/* Sensitive data: what proves itself, what only looks like it, and that no record shows it whole. */
#include <stdio.h>

#include "inspect_rig.h"
#include "unit.h"

static uint64_t
data(const char *text)
{
	struct inspect_rig *r = inspect_rig();
	struct bh_inspect_value v = {.at = (const uint8_t *)text,
				     .len = strlen(text),
				     .where = BH_AT_BODY};

	return bh_inspect_dlp(&r->ctx, &v);
}

static void
cards_of_every_issuer_are_seen_as_they_are_printed(void)
{
	static const char *const list[] = {
		"4111111111111111",
		"pan=4111 1111 1111 1111;",
		"5500-0000-0000-0004",
		"3400 000000 00009",
		"30000000000004",
		"3000 000000 0004",
		"6011000000000004",
		"3530111333300000",
		"2223003122003222",
		"6200 0000 0000 0005",
		"<b>4012888888881881</b>",
		"\"4222222222222\"",
		"x,Jane,4111111111111111,2029-01",
	};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(list); i++)
		CU_ASSERT(SAW(data(list[i]), DLP_CARD));
}

static void
look_alikes_of_cards_are_none(void)
{
	static const char *const list[] = {
		"4111111111111112",              /* Luhn */
		"1234567812345670",              /* no issuer */
		"411111111111111111111111",      /* longer run */
		"94111111111111111",             /* within digits */
		"ts=1.4111111111111111",         /* a fraction */
		"4111 1111 11111 111",           /* no card's groups */
		"4111-1111 1111-1111",           /* mixed separators */
		"4111 1111 1111 1111 1111 1111", /* more groups */
		"id_4111111111111111_x",
	};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(list); i++)
		CU_ASSERT_FALSE(SAW(data(list[i]), DLP_CARD));
}

static void
identity_and_bank_numbers_need_their_check_digits(void)
{
	CU_ASSERT(SAW(data("SSN 123-45-6789."), DLP_SSN));
	CU_ASSERT_FALSE(
		SAW(data("666-45-6789 000-45-6789 900-45-6789 123-00-6789 123-45-0000"), DLP_SSN));
	CU_ASSERT_FALSE(SAW(data("1-123-45-6789"), DLP_SSN));
	CU_ASSERT(SAW(data("GB82 WEST 1234 5698 7654 32"), DLP_IBAN));
	CU_ASSERT(SAW(data("iban=DE89370400440532013000&"), DLP_IBAN));
	CU_ASSERT_FALSE(SAW(data("GB83 WEST 1234 5698 7654 32"), DLP_IBAN));
	CU_ASSERT_FALSE(SAW(data("DE8937040044053201300"), DLP_IBAN));
	CU_ASSERT(SAW(data("DNI 12345678Z"), DLP_NATIONAL));
	CU_ASSERT_FALSE(SAW(data("DNI 12345678A"), DLP_NATIONAL));
	CU_ASSERT(SAW(data("CPF 529.982.247-25"), DLP_NATIONAL));
	CU_ASSERT_FALSE(SAW(data("CPF 529.982.247-26"), DLP_NATIONAL));
	CU_ASSERT(SAW(data("RSSMRA85T10A562S"), DLP_NATIONAL));
	CU_ASSERT(SAW(data("L898902C36UTO7408122F1204159ZE184226B<<<<<10"), DLP_PASSPORT));
	CU_ASSERT_FALSE(SAW(data("L898902C46UTO7408122F1204159ZE184226B<<<<<10"), DLP_PASSPORT));
}

static void
keys_addresses_and_numbers_are_seen(void)
{
	CU_ASSERT(SAW(data("key AKIAIOSFODNN7EXAMPLE"), DLP_KEY));
	CU_ASSERT(SAW(data("-----BEGIN EC PRIVATE KEY-----\nMHc"), DLP_PRIVATE));
	CU_ASSERT(
		SAW(data("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXg"), DLP_JWT));
	CU_ASSERT(SAW(data("write to anna.b@mail.example.org today"), DLP_EMAIL));
	CU_ASSERT_FALSE(SAW(data("http://user@host.example/ a@b c@d."), DLP_EMAIL));
	CU_ASSERT(SAW(data("call (212) 555-0123"), DLP_PHONE));
	CU_ASSERT(SAW(data("call +44 20 7946 0958"), DLP_PHONE));
	CU_ASSERT_FALSE(SAW(data("part 112-555-0123 or 1.2.3.4"), DLP_PHONE));
	CU_ASSERT(SAW(data("%B4111111111111111^DOE/JANE^29011010000000000?"), DLP_TRACK));
}

static bool
shows(const struct inspect_rig *r, const char *secret)
{
	unsigned i;

	for (i = 0; i < BH_INSPECT_CLASS_COUNT; i++)
		if (strstr(r->of[i].excerpt, secret) != NULL ||
		    strstr(r->of[i].name, secret) != NULL)
			return true;
	return false;
}

static void
no_record_shows_a_secret_whole(void)
{
	static const struct {
		const char *text, *secret;
	} list[] = {
		{"4111111111111111", "4111111111111111"},
		{"5500-0000-0000-0004", "5500-0000-0000-0004"},
		{"123-45-6789", "123-45-6789"},
		{"GB82 WEST 1234 5698 7654 32", "1234 5698 7654 32"},
		{"AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"},
		{"anna.b@mail.example.org", "anna.b@mail"},
		{"(212) 555-0123", "555-0123"},
		{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXg",
		 "eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXg"},
	};
	char attack[256];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(list); i++) {
		struct inspect_rig *r = inspect_rig();
		struct bh_inspect_value v = {.len = strlen(list[i].text), .where = BH_AT_BODY};

		v.at = (const uint8_t *)list[i].text;
		CU_ASSERT_NOT_EQUAL(bh_inspect_dlp(&r->ctx, &v), 0);
		CU_ASSERT_FALSE(shows(r, list[i].secret));
		snprintf(attack, sizeof(attack), "<script>%s</script>", list[i].text);
		v.at = (const uint8_t *)attack;
		v.len = strlen(attack);
		v.where = BH_AT_ARG;
		CU_ASSERT(SAW(bh_inspect_value(&r->ctx, &v), XSS));
		CU_ASSERT_FALSE(shows(r, list[i].secret));
	}
}

static void
a_card_keeps_its_issuer_and_last_four(void)
{
	char out[64];

	bh_inspect_mask(out, sizeof(out), (const uint8_t *)"4111 1111 1111 1234", 19);
	CU_ASSERT_STRING_EQUAL(out, "4111 11** **** 1234");
	bh_inspect_mask(out, sizeof(out), (const uint8_t *)"a\nb\"c\x80", 6);
	CU_ASSERT_STRING_EQUAL(out, "a.b.c.");
	bh_inspect_mask(out, 4, (const uint8_t *)"abcdef", 6);
	CU_ASSERT_STRING_EQUAL(out, "abc");
}

static void
a_number_at_the_end_of_a_window_waits(void)
{
	struct inspect_rig *r = inspect_rig();
	struct bh_inspect_value v = {.at = (const uint8_t *)"pan 4111111111111111",
				     .len = 20,
				     .where = BH_AT_STREAM,
				     .more = true};

	CU_ASSERT_EQUAL(bh_inspect_dlp(&r->ctx, &v), 0);
	v.more = false;
	CU_ASSERT(SAW(bh_inspect_dlp(&r->ctx, &v), DLP_CARD));
}

static void
a_stream_finds_what_is_cut_anywhere(void)
{
	static const char text[] =
		"INSERT INTO t VALUES ('4111 1111 1111 1111');\n${jndi:ldap://x/y}\n";
	size_t cut;

	for (cut = 1; cut < sizeof(text) - 1; cut++) {
		static struct bh_inspect_text c;
		struct inspect_rig *r = inspect_rig();

		memset(&c, 0, sizeof(c));
		bh_inspect_text_feed(&c, &r->ctx, 0, (const uint8_t *)text, cut, false);
		bh_inspect_text_feed(&c, &r->ctx, 0, (const uint8_t *)text + cut,
				     sizeof(text) - 1 - cut, true);
		CU_ASSERT(SAW(r->seen, DLP_CARD));
		CU_ASSERT(SAW(r->seen, LOG4SHELL));
		CU_ASSERT_EQUAL(r->n, 2);
	}
}

/* RFC 2045: what a mail's part says behind its encoding, wherever the bytes are cut. */
static void
numbers_in_encoded_parts_of_a_mail_are_seen(void)
{
	static const char base64[] =
		"Content-Transfer-Encoding: base64\r\n\r\n"
		"aWQsbmFtZSxjaXR5LHBhbix1bnRpbA0KMTcsSmFuZSBFeGFtcGxlLFNwcmluZ2ZpZWxkLDQxMTEg\r\n"
		"MTExMSAxMTExIDExMTEsMTIvMjkNCjE4LEpvaG4gRXhhbXBsZSxTaGVsYnl2aWxsZSxub25lLG5v\r\n"
		"bmUNCg==\r\n"
		"--part--\r\n";
	static const char quoted[] = "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
				     "pan=3D4111 1111 11=\r\n11 1111 of Jane\r\n.\r\n";
	static const char *const texts[] = {base64, quoted};
	static struct bh_inspect_text c;
	unsigned i;
	size_t at, step;

	for (i = 0; i < BH_ARRAY_SIZE(texts); i++)
		for (step = 1; step < 300; step += 13) {
			struct inspect_rig *r = inspect_rig();
			size_t len = strlen(texts[i]);

			memset(&c, 0, sizeof(c));
			for (at = 0; at < len; at += step)
				bh_inspect_text_feed(&c, &r->ctx, 0, (const uint8_t *)texts[i] + at,
						     len - at < step ? len - at : step,
						     at + step >= len);
			CU_ASSERT(SAW(r->seen, DLP_CARD));
			CU_ASSERT_PTR_NULL(strstr(r->of[BH_INSPECT_DLP_CARD].excerpt, "1111 1111"));
		}
}

/* Both sides of a connection, with this threshold for cards. */
static struct bh_inspect_tally tally[2];
static uint8_t least[BH_INSPECT_CLASS_COUNT];

static struct bh_inspect_ctx
counted(unsigned n, bool by_message)
{
	struct bh_inspect_ctx ctx = inspect_rig()->ctx;

	least[BH_INSPECT_DLP_CARD] = (uint8_t)n;
	memset(tally, 0, sizeof(tally));
	tally[0].least = tally[1].least = least;
	tally[0].by_message = tally[1].by_message = by_message;
	ctx.tally = tally;
	return ctx;
}

static uint64_t
answers(struct bh_inspect_http *c, const struct bh_inspect_ctx *ctx, const char *body)
{
	static const char ask[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct inspect_rig *r = ctx->arg;
	char text[512];

	r->seen = 0;
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	bh_inspect_http_feed(c, ctx, 0, (const uint8_t *)ask, strlen(ask), false);
	bh_inspect_http_feed(c, ctx, 1, (const uint8_t *)text, strlen(text), false);
	return r->seen;
}

static void
a_threshold_counts_distinct_numbers(void)
{
	static struct bh_inspect_http c;
	struct bh_inspect_ctx ctx = counted(3, true);

	bh_inspect_http_open(&c);
	CU_ASSERT_FALSE(SAW(answers(&c, &ctx, "4111111111111111 5500000000000004"), DLP_CARD));
	/* the same one in another writing is no other one */
	CU_ASSERT_FALSE(
		SAW(answers(&c, &ctx, "4111111111111111 5500000000000004 4111-1111-1111-1111"),
		    DLP_CARD));
	CU_ASSERT(SAW(answers(&c, &ctx, "4111111111111111 5500000000000004 6011000000000004"),
		      DLP_CARD));
	/* each message begins anew, and other classes are not counted */
	CU_ASSERT_EQUAL(answers(&c, &ctx, "4111111111111111 jane.doe@example.com"),
			BH_INSPECT_BIT(BH_INSPECT_DLP_EMAIL));
	bh_inspect_http_close(&c, &ctx);
	ctx = counted(3, false);
	bh_inspect_http_open(&c);
	CU_ASSERT_EQUAL(answers(&c, &ctx, "4111111111111111"), 0);
	CU_ASSERT_EQUAL(answers(&c, &ctx, "5500000000000004"), 0);
	CU_ASSERT(SAW(answers(&c, &ctx, "6011000000000004"), DLP_CARD));
	bh_inspect_http_close(&c, &ctx);
}

/* More than there is room to remember: told. */
static void
a_full_count_tells(void)
{
	struct bh_inspect_ctx ctx = counted(2, false);
	static const char card[] = "4111111111111111";
	struct bh_inspect_value v = {.at = (const uint8_t *)card,
				     .len = strlen(card),
				     .where = BH_AT_BODY};

	CU_ASSERT_EQUAL(bh_inspect_dlp(&ctx, &v), 0);
	CU_ASSERT_EQUAL(bh_inspect_dlp(&ctx, &v), 0);
	tally[0].n = BH_INSPECT_TALLY;
	memset(tally[0].hash, 0, sizeof(tally[0].hash));
	CU_ASSERT(SAW(bh_inspect_dlp(&ctx, &v), DLP_CARD));
}

/* What a request with this target and form says to the data sensors. */
static uint64_t
asks(const struct bh_inspect_ctx *ctx, const char *target, const char *header, const char *form)
{
	static struct bh_inspect_http c;
	struct inspect_rig *r = ctx->arg;
	char text[2048];
	int n = snprintf(text, sizeof(text),
			 "POST %s HTTP/1.1\r\nHost: a\r\n%s"
			 "Content-Type: application/x-www-form-urlencoded\r\n"
			 "Content-Length: %zu\r\n\r\n%s",
			 target, header, strlen(form), form);

	r->seen = 0;
	bh_inspect_http_open(&c);
	bh_inspect_http_feed(&c, ctx, 0, (const uint8_t *)text, (size_t)n, false);
	bh_inspect_http_close(&c, ctx);
	return r->seen;
}

static void
an_address_of_ones_own_is_no_leak_and_a_list_is(void)
{
	struct bh_inspect_ctx ctx = inspect_rig()->ctx;

	CU_ASSERT_EQUAL(asks(&ctx, "/user/a.b@example.org/?q=212-555-0123&m=a.b@example.org",
			     "From: ops@example.org\r\nUser-Agent: bot (+mail:c@example.net)\r\n",
			     "email=jane@example.com&copy=jane@example.com"),
			0);
	/* five of them, wherever, are somebody else's */
	CU_ASSERT(SAW(asks(&ctx, "/?a=1@example.org&b=2@example.org", "From: 3@example.org\r\n",
			   "c=4@example.org&d=5@example.org"),
		      DLP_EMAIL));
	/* numbers of value count everywhere, and a telephone number in a form */
	CU_ASSERT(SAW(asks(&ctx, "/?q=4111111111111111", "", "a=b"), DLP_CARD));
	CU_ASSERT(SAW(asks(&ctx, "/", "", "tel=212-555-0123"), DLP_PHONE));
	/* what the server says, and what programs tell each other */
	CU_ASSERT(SAW(asks(&ctx, "/", "", "{\"email\": \"jane@example.com\"}"), DLP_EMAIL));
	/* a number that is set holds everywhere */
	ctx = counted(1, true);
	least[BH_INSPECT_DLP_EMAIL] = 1;
	CU_ASSERT(SAW(asks(&ctx, "/?a=1@example.org", "", "a=b"), DLP_EMAIL));
	least[BH_INSPECT_DLP_EMAIL] = 0;
}

static void
a_login_is_a_name_and_a_password(void)
{
	struct bh_inspect_ctx ctx = inspect_rig()->ctx;

	CU_ASSERT(SAW(asks(&ctx, "/login", "", "user=jane&password=correcthorse"), DLP_PASSWORD));
	CU_ASSERT(SAW(asks(&ctx, "/login?pwd=correcthorse", "", "login=jane"), DLP_PASSWORD));
	CU_ASSERT(SAW(asks(&ctx, "/", "Authorization: Basic amFuZTpjb3JyZWN0\r\n", "a=b"),
		      DLP_PASSWORD));
	CU_ASSERT_EQUAL(asks(&ctx, "/list", "", "pwd=homedirectory&sort=name"), 0);
	CU_ASSERT_EQUAL(asks(&ctx, "/login", "", "user=jane&password="), 0);
}

const struct bh_unit_test bh_suite_inspect_dlp[] = {
	BH_TEST(an_address_of_ones_own_is_no_leak_and_a_list_is),
	BH_TEST(a_login_is_a_name_and_a_password),
	BH_TEST(a_threshold_counts_distinct_numbers),
	BH_TEST(a_full_count_tells),
	BH_TEST(cards_of_every_issuer_are_seen_as_they_are_printed),
	BH_TEST(look_alikes_of_cards_are_none),
	BH_TEST(identity_and_bank_numbers_need_their_check_digits),
	BH_TEST(keys_addresses_and_numbers_are_seen),
	BH_TEST(no_record_shows_a_secret_whole),
	BH_TEST(a_card_keeps_its_issuer_and_last_four),
	BH_TEST(a_number_at_the_end_of_a_window_waits),
	BH_TEST(a_stream_finds_what_is_cut_anywhere),
	BH_TEST(numbers_in_encoded_parts_of_a_mail_are_seen),
	BH_TEST_END,
};
