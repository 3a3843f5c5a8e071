/* Protocols that only matter for their upgrade to TLS, and ssh: where the upgrade begins, what looks like one, and clear
 * text that is sent behind the request for it. */
#include "proto_hello.h"
#include "unit.h"

#define S(text) text, sizeof(text) - 1
#define MAX_TURNS 12

struct turn {
	unsigned side;
	const char *text;
	size_t len;
};

struct talk {
	enum bh_app app;
	enum bh_ops_status end;
	struct turn turn[MAX_TURNS]; /* the last one is followed by one without text */
};

/* Whole, byte by byte, in threes: the same end, exactly behind the last turn. */
static void
check(const struct talk *talks, size_t n)
{
	size_t i, piece, k;

	for (i = 0; i < n; i++) {
		for (piece = 0; piece < 4; piece++) {
			struct heard t = {.n = 0};
			struct bh_ops s;

			bh_ops_open(&s, talks[i].app, BH_OVER_TCP, NULL);
			for (k = 0; k < MAX_TURNS && talks[i].turn[k].text != NULL; k++) {
				CU_ASSERT_EQUAL(t.end, BH_OPS_MORE);
				tell(&s, &t, talks[i].turn[k].side, talks[i].turn[k].text,
				     talks[i].turn[k].len, piece);
				CU_ASSERT_EQUAL(t.pending, 0);
			}
			CU_ASSERT_EQUAL(t.end, talks[i].end);
			CU_ASSERT_EQUAL(t.ops, 0);
			if (t.end == BH_OPS_OPAQUE)
				CU_ASSERT_EQUAL(t.became, BH_APP_TLS);
			bh_ops_close(&s);
		}
	}
}

#define CHECK(talks) check(talks, sizeof(talks) / sizeof((talks)[0]))

static void
smtp_goes_on_as_tls(void)
{
	static const struct talk talks[] = {
		{BH_APP_SMTP,
		 BH_OPS_OPAQUE,
		 {{1, S("220-mx\r\n220 ESMTP\r\n")},
		  {0, S("EHLO me\r\n")},
		  {1, S("250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n")},
		  {0, S("starttls\r\n")},
		  {1, S("220 go ahead\r\n")}}},
		/* refused, asked for again */
		{BH_APP_SMTP,
		 BH_OPS_OPAQUE,
		 {{1, S("220 ESMTP\r\n")},
		  {0, S("STARTTLS\r\n")},
		  {1, S("454 later\r\n")},
		  {0, S("NOOP\r\n")},
		  {1, S("250 ok\r\n")},
		  {0, S("STARTTLS\r\n")},
		  {1, S("220 ok\r\n")}}},
		/* the answers to what was pipelined before come first */
		{BH_APP_SMTP,
		 BH_OPS_OPAQUE,
		 {{0, S("EHLO me\r\nNOOP\r\nSTARTTLS\r\n")},
		  {1, S("220 ESMTP\r\n250-a\r\n220 b\r\n250 c\r\n250 ok\r\n220 go\r\n")}}},
		/* a mail that speaks of it, by DATA and by BDAT */
		{BH_APP_SMTP,
		 BH_OPS_MORE,
		 {{1, S("220 ESMTP\r\n")},
		  {0, S("MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n")},
		  {1, S("250 ok\r\n250 ok\r\n354 go\r\n")},
		  {0, S("Subject: x\r\n\r\nSTARTTLS\r\nmore\r\n.\r\nBDAT 20 "
			"LAST\r\nSTARTTLS\r\nSTARTTLS\r\n")},
		  {1, S("250 ok\r\n250 ok\r\n")},
		  {0, S("QUIT\r\n")},
		  {1, S("221 bye\r\n")}}},
		{BH_APP_SMTP,
		 BH_OPS_MORE,
		 {{1, S("220 ESMTP\r\n")},
		  {0, S("STARTTLSX\r\nNOOP\r\n")},
		  {1, S("500 ?\r\n220 x\r\n")}}},
	};

	CHECK(talks);
}

static void
clear_text_behind_the_request_is_an_error(void)
{
	static const struct talk talks[] = {
		{BH_APP_SMTP,
		 BH_OPS_ERROR,
		 {{1, S("220 ESMTP\r\n")}, {0, S("STARTTLS\r\nMAIL FROM:<a>\r\n")}}},
		{BH_APP_SMTP,
		 BH_OPS_ERROR,
		 {{1, S("220 ESMTP\r\n")}, {0, S("STARTTLS\r\n")}, {0, S("\x16")}}},
		{BH_APP_IMAP,
		 BH_OPS_ERROR,
		 {{1, S("* OK\r\n")}, {0, S("a STARTTLS\r\nb LOGIN x y\r\n")}}},
		{BH_APP_POP3, BH_OPS_ERROR, {{1, S("+OK\r\n")}, {0, S("STLS\r\nUSER x\r\n")}}},
		{BH_APP_FTP, BH_OPS_ERROR, {{1, S("220 x\r\n")}, {0, S("AUTH TLS\r\nUSER x\r\n")}}},
		{BH_APP_LDAP,
		 BH_OPS_ERROR,
		 {{0, S("\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
			"1.3.6.1.4.1.1466.20037\x30")}}},
	};

	CHECK(talks);
}

static void
imap_goes_on_as_tls(void)
{
	static const struct talk talks[] = {
		{BH_APP_IMAP,
		 BH_OPS_OPAQUE,
		 {{1, S("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")},
		  {0, S("a.1 STARTTLS\r\n")},
		  {1, S("* 3 EXISTS\r\na.10 OK\r\na.1 OK begin\r\n")}}},
		{BH_APP_IMAP,
		 BH_OPS_MORE,
		 {{1, S("* OK\r\n")},
		  {0, S("a STARTTLS\r\n")},
		  {1, S("a NO\r\n")},
		  {0, S("b NOOP\r\n")},
		  {1, S("b OK\r\n")}}},
		/* literals: the client's, with and without waiting, and the server's */
		{BH_APP_IMAP,
		 BH_OPS_OPAQUE,
		 {{1, S("* OK\r\n")},
		  {0, S("a APPEND x {14}\r\n")},
		  {1, S("+ go\r\n")},
		  {0, S("\r\nb STARTTLS\r\n\r\nc LOGIN {1+}\r\nx {0}\r\n\r\n")},
		  {1, S("a OK\r\n* 1 FETCH (BODY[] {8}\r\nd OK x\r\n)\r\nc OK\r\n")},
		  {0, S("d STARTTLS\r\n")},
		  {1, S("* 1 FETCH (BODY[] {8}\r\nd OK x\r\n d OK)\r\nd OK\r\n")}}},
	};

	CHECK(talks);
}

static void
pop3_and_ftp_go_on_as_tls(void)
{
	static const struct talk talks[] = {
		{BH_APP_POP3,
		 BH_OPS_OPAQUE,
		 {{1, S("+OK ready\r\n")},
		  {0, S("CAPA\r\n")},
		  {1, S("+OK\r\nSTLS\r\n.\r\n")},
		  {0, S("stls\r\n")},
		  {1, S("+OK go\r\n")}}},
		{BH_APP_POP3,
		 BH_OPS_MORE,
		 {{1, S("+OK ready\r\n")},
		  {0, S("STLS\r\n")},
		  {1, S("-ERR no\r\n")},
		  {0, S("USER x\r\n")},
		  {1, S("+OK\r\n")}}},
		{BH_APP_POP3, BH_OPS_ERROR, {{1, S("+OK\r\n")}, {0, S("CAPA\r\nSTLS\r\n")}}},
		{BH_APP_FTP,
		 BH_OPS_OPAQUE,
		 {{1, S("220-a\r\n 220 b\r\n220 ready\r\n")},
		  {0, S("AUTH TLS\r\n")},
		  {1, S("234 go\r\n")}}},
		{BH_APP_FTP,
		 BH_OPS_OPAQUE,
		 {{1, S("120 wait\r\n220 ready\r\n")},
		  {0, S("FEAT\r\nauth ssl\r\n")},
		  {1, S("211-x\r\n234 no answer\r\n211 end\r\n234 go\r\n")}}},
		{BH_APP_FTP,
		 BH_OPS_MORE,
		 {{1, S("220 ready\r\n")},
		  {0, S("AUTH TLS\r\n")},
		  {1, S("502 no\r\n")},
		  {0, S("AUTH GSSAPI\r\n")},
		  {1, S("234 go\r\n")},
		  {0, S("ADAT x\r\n")}}},
	};

	CHECK(talks);
}

#define START_TLS                                                                                  \
	"\x30\x1d\x02\x01\x02\x77\x18\x80\x16"                                                     \
	"1.3.6.1.4.1.1466.20037"

static void
ldap_goes_on_as_tls(void)
{
	static const struct talk talks[] = {
		{BH_APP_LDAP,
		 BH_OPS_OPAQUE,
		 {{0, S(START_TLS)},
		  {1, S("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")},
		  {1,
		   S("\x30\x84\x00\x00\x00\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\x00\x04\x00")}}},
		{BH_APP_LDAP,
		 BH_OPS_MORE,
		 {{0, S(START_TLS)},
		  {1, S("\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x35\x04\x00\x04\x00")},
		  {0, S("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00")},
		  {1, S("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00")},
		  /* wrapped by what the bind agreed on */
		  {0, S("\x00\x00\x00\x10" START_TLS)},
		  {1, S("\x00\x00\x00\x10 anything")}}},
	};

	CHECK(talks);
}

/* No command of a client, and so no password, is ever a value. */
static void
only_ssh_shows_a_line(void)
{
	size_t piece;

	for (piece = 0; piece < 4; piece++) {
		struct heard t = {.n = 0};
		struct bh_ops s;

		bh_ops_open(&s, BH_APP_SSH, BH_OVER_TCP, NULL);
		tell(&s, &t, 1, S("hello\r\nSSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\x00\x00\x01"),
		     piece);
		tell(&s, &t, 0, S("SSH-2.0-libssh_0.10\n\x00\x00\x01\nSSH-2.0-x\n"), piece);
		CU_ASSERT_EQUAL(t.end, BH_OPS_MORE);
		CU_ASSERT_STRING_EQUAL(t.text, "[1 record] server.proto_version=2.0 "
					       "server.software_version=OpenSSH_9.2p1\n"
					       "[0 record] client.proto_version=2.0 "
					       "client.software_version=libssh_0.10\n");
	}
}

static void
ssh_without_an_identification_is_an_error(void)
{
	static char lines[3 * 1025];
	static const struct talk talks[] = {
		{BH_APP_SSH, BH_OPS_ERROR, {{0, S("hello\r\n")}}},
		{BH_APP_SSH, BH_OPS_ERROR, {{1, S("SSH-2.0\r\n")}}},
		{BH_APP_SSH, BH_OPS_ERROR, {{1, lines, sizeof(lines)}}},
	};
	unsigned i;

	for (i = 0; i < 1025; i++)
		memcpy(lines + 3 * i, "a\r\n", 3);
	CHECK(talks);
}

const struct bh_unit_test bh_suite_proto_ops_starttls[] = {
	BH_TEST(smtp_goes_on_as_tls),
	BH_TEST(clear_text_behind_the_request_is_an_error),
	BH_TEST(imap_goes_on_as_tls),
	BH_TEST(pop3_and_ftp_go_on_as_tls),
	BH_TEST(ldap_goes_on_as_tls),
	BH_TEST(only_ssh_shows_a_line),
	BH_TEST(ssh_without_an_identification_is_an_error),
	BH_TEST_END,
};
