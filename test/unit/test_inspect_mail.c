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

/* ---- parts behind their transfer encoding ------------------------------------------------------------ */

static size_t
zip(uint8_t *out, size_t room, const void *at, size_t len)
{
	z_stream z = {0};

	CU_ASSERT_EQUAL_FATAL(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)at;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = (uInt)room;
	CU_ASSERT_EQUAL(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

static size_t
wide(uint8_t *out, const char *at, bool mark, bool big)
{
	size_t n = 0;

	if (mark)
		out[n++] = big ? 0xfe : 0xff, out[n++] = big ? 0xff : 0xfe;
	for (; *at != '\0'; at++) {
		out[n++] = big ? 0 : (uint8_t)*at;
		out[n++] = big ? (uint8_t)*at : 0;
	}
	return n;
}

/* Lines of 76. */
static void
base64(char *out, const uint8_t *at, size_t len)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i, n = 0;
	unsigned k;

	for (i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)at[i] << 16 | (i + 1 < len ? (uint32_t)at[i + 1] << 8 : 0) |
			     (i + 2 < len ? at[i + 2] : 0);

		for (k = 0; k < 4; k++)
			out[n++] = i + k > len ? '=' : set[v >> (18 - 6 * k) & 63];
		if (i % 57 == 54)
			out[n++] = '\r', out[n++] = '\n';
	}
	out[n] = '\0';
}

#define SECRET "the number of the card is " CARD " as you know\r\n"

/* A part of this type that holds these bytes. */
static struct inspect_talk *
part(const char *head, const uint8_t *at, size_t len)
{
	static char text[8192];
	struct inspect_talk *t = talk_new();

	base64(text, at, len);
	talk_words(t, 0, ASK);
	talk_words(t, 1, GO);
	talk_words(t, 0, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n");
	talk_words(t, 0, head);
	talk_words(t, 0, "Content-Transfer-Encoding: base64\r\n\r\n");
	talk_words(t, 0, text);
	talk_words(t, 0, "\r\n--b\r\n\r\nregards\r\n--b--\r\n.\r\nQUIT\r\n");
	return t;
}

static void
sees(const char *head, const uint8_t *at, size_t len)
{
	unsigned k;

	for (k = 0; k < BH_ARRAY_SIZE(cuts); k++)
		CU_ASSERT_EQUAL(talk_feed(part(head, at, len), BH_APP_SMTP, cuts[k]), CARD_BIT);
	CU_ASSERT_EQUAL(inspect_rig()->taken, 0);
}

static void
a_gzip_attachment_is_read(void)
{
	static uint8_t packed[4096];
	size_t n = zip(packed, sizeof(packed), SECRET, sizeof(SECRET) - 1);

	sees("Content-Type: application/gzip; name=a.gz\r\n", packed, n);
	sees("", packed, n);
}

static void
text_in_utf16_is_read(void)
{
	static uint8_t bytes[512];
	unsigned i;

	for (i = 0; i < 4; i++)
		sees(i == 2 ? "Content-Type: text/plain; charset=\"UTF-16\"\r\n"
			    : "Content-Type: text/csv; name=a.csv\r\n",
		     bytes, wide(bytes, SECRET, i < 2, i % 2 == 0));
}

#define DEEP(body)                                                                                 \
	"Subject: x\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"                   \
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n" body "\r\n--c--\r\n"

/* Encoded as a whole, its part encoded once more; and as deep as is looked. */
static void
a_mail_that_is_encoded_as_a_whole_is_read(void)
{
	static const char mail[] = DEEP("4111=\r\n11111=31=\r\n111111");
	static char text[4096], more[8192];

	sees("Content-Type: message/rfc822\r\n", (const uint8_t *)mail, sizeof(mail) - 1);
	base64(text, (const uint8_t *)mail, sizeof(mail) - 1);
	snprintf(more, sizeof(more),
		 "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n",
		 text);
	sees("Content-Type: message/rfc822\r\n", (const uint8_t *)more, strlen(more));
}

/* Broken, or no memory: what it was is not known, and that is told. */
static void
a_part_that_cannot_be_inflated_is_told(void)
{
	static struct bh_inspect_wire wire;
	static uint8_t packed[4096];
	size_t n = zip(packed, sizeof(packed), SECRET, sizeof(SECRET) - 1);
	unsigned how, i;

	for (how = 0; how < 3; how++) {
		struct inspect_rig *r;
		struct inspect_talk *t;

		packed[12] = how == 1 ? (uint8_t)~packed[12] : packed[12];
		t = part("", packed, n);
		r = inspect_rig();
		if (how == 2)
			r->ctx.memory = NULL;
		bh_inspect_wire_open(&wire, BH_APP_SMTP);
		for (i = 0; i < t->n; i++)
			bh_inspect_wire_feed(&wire, &r->ctx, t->turn[i].side,
					     t->bytes + t->turn[i].at, t->turn[i].len, false);
		CU_ASSERT_EQUAL(r->unread, how != 0);
		bh_inspect_wire_close(&wire, &r->ctx);
		CU_ASSERT_EQUAL(r->taken, 0);
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
	BH_TEST(a_gzip_attachment_is_read),
	BH_TEST(text_in_utf16_is_read),
	BH_TEST(a_mail_that_is_encoded_as_a_whole_is_read),
	BH_TEST(a_part_that_cannot_be_inflated_is_told),
	BH_TEST(chunks_pop3_and_imap_carry_mails_too),
	BH_TEST(a_password_in_the_clear_is_told_and_not_shown),
	BH_TEST(messages_of_a_websocket_are_unmasked_and_put_together),
	BH_TEST(deflated_messages_are_inflated_with_their_context),
	BH_TEST_END,
};
