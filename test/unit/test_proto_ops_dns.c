/* dns operations: questions over UDP and TCP, what more than one of them mean, names that are not plain. */
#include "proto_hello.h"
#include "unit.h"

struct dns_message {
	uint16_t flags, questions;
	const char *body; /* questions as bytes */
	size_t len;
};

#define S(text) text, sizeof(text) - 1
#define WWW                                                                                        \
	"\x03WwW\x07"                                                                              \
	"Example\x03"                                                                              \
	"com\x00"
#define A_IN "\x00\x01\x00\x01"

static void
put_message(struct bytes *o, const struct dns_message *m)
{
	put_n(o, 0x1234, 2);
	put_n(o, m->flags, 2);
	put_n(o, m->questions, 2);
	put_n(o, 0, 2);
	put_n(o, 0, 4);
	put(o, m->body, m->len);
}

static void
open_dns(struct bh_ops *s, struct heard *t, uint8_t transport)
{
	memset(t, 0, sizeof(*t));
	bh_ops_open(s, BH_APP_DNS, transport, NULL);
}

/* One datagram from the client. */
static void
ask(struct heard *t, uint16_t flags, uint16_t questions, const char *body, size_t len)
{
	struct dns_message m = {flags, questions, body, len};
	static struct bytes o;
	struct bh_ops s;

	o.n = 0;
	put_message(&o, &m);
	open_dns(&s, t, BH_OVER_UDP);
	tell(&s, t, 0, o.b, o.n, 0);
}

static void
question_is_type_and_name(void)
{
	struct heard t;

	ask(&t, 0x0100, 1, S(WWW A_IN));
	CU_ASSERT_STRING_EQUAL(t.text, "[0] rrname=www.example.com rrtype=A\n");
	CU_ASSERT_EQUAL(t.pending, 0);
	ask(&t, 0x0100, 1, S("\x00\x00\x02\x00\x01"));
	CU_ASSERT_STRING_EQUAL(t.text, "[0] rrname=. rrtype=NS\n");
	ask(&t, 0x0100, 1, S("\x03www\x00\x00\xfc\x00\x01"));
	CU_ASSERT_STRING_EQUAL(t.text, "[0] rrname=www rrtype=AXFR\n");
	ask(&t, 0x0100, 1, S("\x03www\x00\x00\xff\x00\x01"));
	CU_ASSERT_STRING_EQUAL(t.text, "[0] rrname=www rrtype=ANY\n");
	ask(&t, 0x0100, 1, S("\x03www\x00\x30\x39\x00\x01"));
	CU_ASSERT_STRING_EQUAL(t.text, "[0] rrname=www rrtype=TYPE12345\n");
	ask(&t, 0x0100, 1, S("\x01_\x05_http\x00\x00\x21\x80\x01"));
	CU_ASSERT_STRING_EQUAL(t.text, "[0] rrname=_._http rrtype=SRV\n");
}

static void
other_opcodes_stand_for_the_type(void)
{
	struct heard t;

	ask(&t, 5 << 11, 1, S("\x04zone\x00\x00\x06\x00\x01"));
	CU_ASSERT_STRING_EQUAL(t.text, "[0] rrtype=UPDATE rrname=zone\n");
	ask(&t, 4 << 11, 1, S("\x04zone\x00\x00\x06\x00\x01"));
	CU_ASSERT_STRING_EQUAL(t.text, "[0] rrtype=NOTIFY rrname=zone\n");
	ask(&t, 6 << 11, 0, S(""));
	CU_ASSERT_STRING_EQUAL(t.text, "[0] rrtype=DSO\n");
	ask(&t, 9 << 11, 0, S(""));
	CU_ASSERT_STRING_EQUAL(t.text, "[0] rrtype=OPCODE9\n");
}

static void
each_of_several_questions_counts(void)
{
	struct heard t;
	char many[40 * 7];
	unsigned i;

	/* the second one's name is "mail" and a pointer to the first one's second label */
	ask(&t, 0, 2, S(WWW A_IN "\x04mail\xc0\x10\x00\x0f\x00\x01"));
	CU_ASSERT_STRING_EQUAL(
		t.text, "[0] rrname=www.example.com rrtype=A rrname=mail.example.com rrtype=MX\n");
	ask(&t, 0, 0, S(""));
	CU_ASSERT_STRING_EQUAL(t.text, "[0]\n");
	for (i = 0; i < 40; i++)
		memcpy(many + i * 7, "\x01x\x00\x00\x01\x00\x01", 7);
	ask(&t, 0, 40, many, sizeof(many));
	CU_ASSERT_EQUAL(strncmp(t.text, "[0 partial] rrname=x rrtype=A ", 30), 0);
}

static void
odd_bytes_of_a_name_are_escaped(void)
{
	struct heard t;

	ask(&t, 0, 1,
	    S("\x03"
	      "a.b\x04"
	      "c\\\x00\xff\x00" A_IN));
	CU_ASSERT_STRING_EQUAL(t.text, "[0] rrname=a\\.b.c\\\\\\000\\255 rrtype=A\n");
}

static void
names_that_can_be_read_differently_are_errors(void)
{
	static const struct {
		const char *body;
		size_t len;
	} cases[] = {
		{S("\xc0\x0c" A_IN)},           /* leads to itself */
		{S("\x03www\xc0\x0c" A_IN)},    /* a loop */
		{S("\xc0\x20" A_IN)},           /* ahead */
		{S("\xc0\x02" A_IN)},           /* into the header */
		{S("\x41www\x00" A_IN)},        /* label of 65 */
		{S("\x83www\x00" A_IN)},        /* an unknown kind */
		{S("\x03www\x00\x00\x01\x00")}, /* cut */
		{S("\x03ww")},
		{S("\x03www\xc0")},
		{S("")},
	};
	uint8_t name[4 * 64 + 5];
	struct heard t;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask(&t, 0, 1, cases[i].body, cases[i].len);
		CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
		CU_ASSERT_EQUAL(t.ops, 0);
	}
	/* 255 bytes are a name, 256 are none: three labels of 63, one of 61 or 62 */
	memset(name, 'x', sizeof(name));
	for (i = 0; i < 4; i++)
		name[i * 64] = 63;
	name[3 * 64] = 61;
	memcpy(name + 3 * 64 + 62, "\0" A_IN, 5);
	ask(&t, 0, 1, (const char *)name, 3 * 64 + 62 + 5);
	CU_ASSERT_EQUAL(t.ops, 1);
	name[3 * 64] = 62;
	memcpy(name + 3 * 64 + 63, "\0" A_IN, 5);
	ask(&t, 0, 1, (const char *)name, 3 * 64 + 63 + 5);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
}

static void
answers_are_records_once_asked_for(void)
{
	static const struct dns_message q = {0x0100, 1, S(WWW A_IN)};
	static const struct dns_message a = {0x8183, 1, S(WWW A_IN)};
	static struct bytes query, answer;
	struct bh_ops s;
	struct heard t;

	query.n = answer.n = 0;
	put_message(&query, &q);
	put_message(&answer, &a);
	open_dns(&s, &t, BH_OVER_UDP);
	tell(&s, &t, 0, query.b, query.n, 0);
	tell(&s, &t, 1, answer.b, answer.n, 0);
	CU_ASSERT_STRING_EQUAL(t.text,
			       "[0] rrname=www.example.com rrtype=A\n"
			       "[1 record] rrname=www.example.com rrtype=A rcode=NXDOMAIN\n");
	/* what nobody asked for is judged, from either side */
	tell(&s, &t, 0, answer.b, answer.n, 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(t.text, "\n[0] rrtype=RESPONSE rrname=www.example.com rrtype=A\n"));
	/* a parser that sees a UDP flow's datagrams one by one: the opener asked */
	open_dns(&s, &t, BH_OVER_UDP);
	tell(&s, &t, 1, answer.b, answer.n, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, "[1 record] rrname=www.example.com rrtype=A rcode="));
}

/* Pipelined queries over TCP, cut anywhere. */
static void
queries_over_tcp_are_cut_out_of_the_stream(void)
{
	static const struct dns_message q = {0x0100, 1, S(WWW A_IN)};
	static const struct dns_message u = {5 << 11, 1, S("\x04zone\x00\x00\x06\x00\x01")};
	static struct bytes o;
	struct bh_ops s;
	struct heard t;
	size_t at, piece, split, first;

	o.n = 0;
	at = begin_length(&o, 2);
	put_message(&o, &q);
	end_length(&o, at, 2);
	first = o.n;
	at = begin_length(&o, 2);
	put_message(&o, &u);
	memset(o.b + o.n, 7, 9000); /* records to change */
	o.n += 9000;
	end_length(&o, at, 2);
	at = begin_length(&o, 2);
	put_message(&o, &q);
	end_length(&o, at, 2);
	for (piece = 0; piece < 40; piece++) {
		open_dns(&s, &t, BH_OVER_TCP);
		tell(&s, &t, 0, o.b, o.n, piece);
		CU_ASSERT_STRING_EQUAL(t.text, "[0] rrname=www.example.com rrtype=A\n"
					       "[0] rrtype=UPDATE rrname=zone\n"
					       "[0] rrname=www.example.com rrtype=A\n");
		CU_ASSERT_EQUAL(t.pending, 0);
	}
	for (split = 1; split < first; split++) {
		open_dns(&s, &t, BH_OVER_TCP);
		tell(&s, &t, 0, o.b, split, 0);
		CU_ASSERT_EQUAL(t.pending, split);
	}
	open_dns(&s, &t, BH_OVER_TCP);
	tell(&s, &t, 0, "\x00\x0b", 2, 0);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
}

static void
end_inside_a_message_is_an_error(void)
{
	struct bh_ops_out out;
	struct bh_ops s;
	struct heard t;

	open_dns(&s, &t, BH_OVER_TCP);
	tell(&s, &t, 0, "\x00\x1d\x12\x34\x01\x00", 6, 0);
	CU_ASSERT_EQUAL(bh_ops_feed(&s, 0, (const uint8_t *)"", 0, true, &out), BH_OPS_ERROR);
}

const struct bh_unit_test bh_suite_proto_ops_dns[] = {
	BH_TEST(question_is_type_and_name),
	BH_TEST(other_opcodes_stand_for_the_type),
	BH_TEST(each_of_several_questions_counts),
	BH_TEST(odd_bytes_of_a_name_are_escaped),
	BH_TEST(names_that_can_be_read_differently_are_errors),
	BH_TEST(answers_are_records_once_asked_for),
	BH_TEST(queries_over_tcp_are_cut_out_of_the_stream),
	BH_TEST(end_inside_a_message_is_an_error),
	BH_TEST_END,
};
