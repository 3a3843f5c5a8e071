/* Mails and frames: what they carry is seen through their encodings, however it is cut. */
#include <stdlib.h>
#include <zlib.h>

#include "inspect_talk.h"
#include "unit.h"

#define CARD "4111111111111111"
#define CARD_BIT BH_INSPECT_BIT(BH_INSPECT_DLP_CARD)
#define PASSWORD_BIT BH_INSPECT_BIT(BH_INSPECT_DLP_PASSWORD)

static const size_t cuts[] = {0, 1, 2, 3, 7, 60, 77};

#define ASK "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<>\r\nDATA\r\n"
#define GO "220 mx\r\n250 a\r\n250 ok\r\n250 ok\r\n354 go on\r\n"
#define NESTED                                                                                     \
	"Subject: report\r\nContent-Type: multipart/mixed;\r\n boundary=\"outer\"\r\n\r\n"         \
	"preamble\r\n--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n"       \
	"--inner\r\nContent-Type: text/plain\r\n\r\nHello\r\n"

static const char *const mails[] = {
	/* plain, split by a dot that was stuffed */
	"Subject: x\r\n\r\nthe number\r\n.." CARD "\r\n.\r\n",
	/* base64, lines of 76 */
	"Content-Transfer-Encoding: BASE64\r\n\r\n"
	"VGhlIG51bWJlciBvZiB0aGUgY2FyZCB0aGF0IHdhcyBpc3N1ZWQgdG8gSmFuZSBpczogNDExMTEx\r\n"
	"MTExMTExMTExMS4K\r\n.\r\n",
	/* base64, odd lines */
	"Content-Transfer-Encoding: base64\r\n\r\nNDEx\r\nMTExM\r\nTExMTExMTExMQ==\r\n.\r\n",
	/* quoted-printable, a soft break within the number */
	"Content-Transfer-Encoding: "
	"quoted-printable\r\n\r\na=3D4111111=\r\n111111=31=\r\n11\r\n.\r\n",
	/* an encoded word in a folded field */
	"To: a\r\nSubject: =?utf-8?B?Y2FyZCA0MTExMTExMQ==?=\r\n "
	"=?utf-8?q?11111111_x?=\r\n\r\nHi\r\n.\r\n",
	/* the second part of a part */
	NESTED "--inner\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	       "NDExMTExMTExMTExMTExMQ==\r\n--inner--\r\n--outer--\r\n.\r\n",
	/* an attachment behind parts within a part */
	NESTED "--inner--\r\n--outer\r\nContent-Type: text/csv; name=a.csv\r\n"
	       "Content-Disposition: attachment; filename=a.csv\r\n\r\nJane," CARD
	       ",2029\r\n--outer--\r\n.\r\n",
	/* a mail in a mail */
	"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\nContent-Type: "
	"message/rfc822\r\n\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\nNDExMTExMTExMTExMTExMQ==\r\n--b--\r\n.\r\n",
};

static void
a_card_in_a_mail_is_seen_through_its_encodings(void)
{
	unsigned i, k;

	for (i = 0; i < BH_ARRAY_SIZE(mails); i++) {
		struct inspect_talk *t = talk_new();

		talk_words(t, 0, ASK);
		talk_words(t, 1, GO);
		talk_words(t, 0, mails[i]);
		talk_words(t, 1, "250 taken\r\n");
		talk_words(t, 0, "QUIT\r\n");
		for (k = 0; k < BH_ARRAY_SIZE(cuts); k++) {
			uint64_t seen = talk_feed(t, BH_APP_SMTP, cuts[k]);

			CU_ASSERT_EQUAL(seen, CARD_BIT);
			if (seen != CARD_BIT)
				fprintf(stderr, "mail %u, cut %zu\n", i, cuts[k]);
		}
	}
}

static void
chunks_pop3_and_imap_carry_mails_too(void)
{
	unsigned k;

	for (k = 0; k < BH_ARRAY_SIZE(cuts); k++) {
		struct inspect_talk *t = talk_new();

		talk_words(t, 0, "EHLO a\r\n");
		talk_words(t, 1, "250 CHUNKING\r\n");
		talk_words(t, 0,
			   "BDAT 49\r\nContent-Transfer-Encoding: base64\r\n\r\nNDExMTExMTEx");
		talk_words(t, 0, "BDAT 14 LAST\r\nMTExMTExMQ==\r\n");
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_SMTP, cuts[k]), CARD_BIT);
		t = talk_new();
		talk_words(t, 0, "RETR 1\r\n");
		talk_words(t, 1, "+OK 99 octets\r\n");
		talk_words(t, 1, mails[5]);
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_POP3, cuts[k]), CARD_BIT);
		t = talk_new();
		talk_words(t, 0, "a FETCH 1 BODY[1]\r\n");
		talk_words(t, 1,
			   "* 1 FETCH (BODY[1] {26}\r\nNDExMTExMTExMTExMTExMQ==\r\n)\r\na OK\r\n");
		CU_ASSERT_EQUAL(talk_feed(t, BH_APP_IMAP, cuts[k]), CARD_BIT);
	}
}

static void
a_password_in_the_clear_is_told_and_not_shown(void)
{
	static const struct {
		unsigned app;
		const char *say, *answer, *then;
	} list[] = {
		{BH_APP_SMTP, "AUTH PLAIN AGEAaHVudGVyMg==\r\n", "235 ok\r\n", ""},
		{BH_APP_SMTP, "AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n",
		 "amFuZQ==\r\naHVudGVyMg==\r\n"},
		{BH_APP_SMTP, "AUTH PLAIN\r\n", "334 \r\n", "AGEAaHVudGVyMg==\r\n"},
		{BH_APP_POP3, "USER jane\r\nPASS hunter2\r\n", "+OK\r\n", ""},
		{BH_APP_IMAP, "a1 LOGIN jane hunter2\r\n", "a1 OK\r\n", ""},
		{BH_APP_FTP, "USER jane\r\nPASS hunter2\r\n", "230 in\r\n", ""},
	};
	struct inspect_talk *t = talk_new();
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(list); i++) {
		t = talk_new();
		talk_words(t, 0, list[i].say);
		talk_words(t, 1, list[i].answer);
		talk_words(t, 0, list[i].then);
		CU_ASSERT_EQUAL(talk_feed(t, list[i].app, 0), PASSWORD_BIT);
		CU_ASSERT_EQUAL(talk_feed(t, list[i].app, 1), PASSWORD_BIT);
	}
	t = talk_new();
	talk_words(t, 0, "USER anonymous\r\nPASS guest\r\n");
	CU_ASSERT_EQUAL(talk_feed(t, BH_APP_FTP, 0), 0);
}

/* ---- websocket ------------------------------------------------------------------------------------------ */

#define UP                                                                                         \
	"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"           \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
#define SWITCH                                                                                     \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

static struct bh_inspect_http conn;

static void
push(const struct bh_inspect_ctx *ctx, unsigned side, const void *at, size_t len, size_t cut)
{
	size_t pos, n;

	for (pos = 0; pos < len; pos += n) {
		uint8_t *copy;

		n = cut != 0 && len - pos > cut ? cut : len - pos;
		copy = malloc(n);
		CU_ASSERT_FATAL(copy != NULL);
		memcpy(copy, (const uint8_t *)at + pos, n);
		bh_inspect_http_feed(&conn, ctx, side, copy, n, false);
		free(copy);
	}
}

static void
frame(const struct bh_inspect_ctx *ctx, unsigned side, uint8_t first, const void *at, size_t len,
      size_t cut)
{
	static const uint8_t mask[4] = {0x12, 0xf4, 0x7a, 0x01};
	uint8_t f[2048], *p = f;
	size_t i;

	CU_ASSERT_FATAL(len < 2000);
	*p++ = first;
	*p++ = (uint8_t)((side == 0 ? 0x80 : 0) | (len < 126 ? len : 126));
	if (len >= 126)
		*p++ = (uint8_t)(len >> 8), *p++ = (uint8_t)len;
	for (i = 0; side == 0 && i < 4; i++)
		*p++ = mask[i];
	for (i = 0; i < len; i++)
		*p++ = ((const uint8_t *)at)[i] ^ (side == 0 ? mask[i & 3] : 0);
	push(ctx, side, f, (size_t)(p - f), cut);
}

static struct inspect_rig *
upgraded(size_t cut)
{
	struct inspect_rig *r = inspect_rig();

	memset(&conn, 0, sizeof(conn));
	bh_inspect_http_open(&conn);
	push(&r->ctx, 0, UP, strlen(UP), cut);
	push(&r->ctx, 1, SWITCH, strlen(SWITCH), cut);
	CU_ASSERT_EQUAL(r->seen, 0);
	return r;
}

static void
messages_of_a_websocket_are_unmasked_and_put_together(void)
{
	static const char attack[] = "1' union select name, pass from users-- x";
	unsigned k;

	for (k = 0; k < BH_ARRAY_SIZE(cuts); k++) {
		struct inspect_rig *r = upgraded(cuts[k]);

		frame(&r->ctx, 0, 0x01, "{\"card\": \"41111111", 18, cuts[k]);
		frame(&r->ctx, 0, 0x89, "ping", 4, cuts[k]);
		frame(&r->ctx, 0, 0x80, "11111111\"}", 10, cuts[k]);
		CU_ASSERT_EQUAL(r->seen, CARD_BIT);
		CU_ASSERT_EQUAL(bh_inspect_http_waits(&conn, 0), 0);
		frame(&r->ctx, 0, 0x81, attack, strlen(attack), cuts[k]);
		CU_ASSERT(SAW(r->seen, SQLI));
		bh_inspect_http_close(&conn, &r->ctx);
		r = upgraded(cuts[k]);
		frame(&r->ctx, 1, 0x81, "card " CARD, 21, cuts[k]);
		CU_ASSERT_EQUAL(r->seen, CARD_BIT);
		bh_inspect_http_close(&conn, &r->ctx);
		r = upgraded(cuts[k]);
		frame(&r->ctx, 1, 0x8a, "card " CARD, 21, cuts[k]); /* in a pong */
		CU_ASSERT_EQUAL(r->seen, CARD_BIT);
		/* two messages are not one */
		bh_inspect_http_close(&conn, &r->ctx);
		r = upgraded(cuts[k]);
		frame(&r->ctx, 1, 0x81, "41111111", 8, cuts[k]);
		frame(&r->ctx, 1, 0x81, "11111111", 8, cuts[k]);
		CU_ASSERT_EQUAL(r->seen, 0);
		bh_inspect_http_close(&conn, &r->ctx);
	}
}

/* The second message refers to the first one: the context is taken over (RFC 7692 7.1.1). */
static void
deflated_messages_are_inflated_with_their_context(void)
{
	static const char one[] = "the number of the card is 41111111",
			  two[] = "the number of the card is 4111111111111111";
	unsigned k;

	for (k = 0; k < BH_ARRAY_SIZE(cuts); k++) {
		struct inspect_rig *r = upgraded(cuts[k]);
		uint8_t out[256];
		z_stream z = {0};

		CU_ASSERT_FATAL(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) ==
				Z_OK);
		z.next_in = (Bytef *)(uintptr_t)one;
		z.avail_in = sizeof(one) - 1;
		z.next_out = out;
		z.avail_out = sizeof(out);
		deflate(&z, Z_SYNC_FLUSH);
		frame(&r->ctx, 0, 0xc1, out, sizeof(out) - z.avail_out - 4, cuts[k]);
		CU_ASSERT_EQUAL(r->seen, 0);
		z.next_in = (Bytef *)(uintptr_t)two;
		z.avail_in = sizeof(two) - 1;
		z.next_out = out;
		z.avail_out = sizeof(out);
		deflate(&z, Z_SYNC_FLUSH);
		frame(&r->ctx, 0, 0x41, out, 5, cuts[k]);
		frame(&r->ctx, 0, 0x80, out + 5, sizeof(out) - z.avail_out - 9, cuts[k]);
		CU_ASSERT_EQUAL(r->seen, CARD_BIT);
		deflateEnd(&z);
		bh_inspect_http_close(&conn, &r->ctx);
		CU_ASSERT_EQUAL(r->taken, 0);
	}
}

const struct bh_unit_test bh_suite_inspect_mail[] = {
	BH_TEST(a_card_in_a_mail_is_seen_through_its_encodings),
	BH_TEST(chunks_pop3_and_imap_carry_mails_too),
	BH_TEST(a_password_in_the_clear_is_told_and_not_shown),
	BH_TEST(messages_of_a_websocket_are_unmasked_and_put_together),
	BH_TEST(deflated_messages_are_inflated_with_their_context),
	BH_TEST_END,
};
