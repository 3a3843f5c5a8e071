/* tls operations: the hello, whole and in pieces, what it must not hide, and the server's records. */
#include "proto_hello.h"
#include "unit.h"

#define END 0xffff

/* Two clients' hellos as they were sent: openssl s_client 3.0 and curl 7.88. The fingerprints below were computed
 * from these bytes by a separate program. */
static const char openssl_hello[] =
	"16030101510100014d0303ced52d2f1df41de53540633c0997a069e6962e972d28b5a9cf5759077084720b20"
	"98135bed1017c55917299ed678e9ab2d0fd6a19589d98393c5ef641b92c5cdb7003e130213031301c02cc030"
	"009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d"
	"003c0035002f00ff010000c60000001700150000124f72646572732e4578616d706c652e434f4d000b000403"
	"000102000a00160014001d0017001e0019001801000101010201030104002300000010000e000c0268320868"
	"7474702f312e310016000000170000000d002a0028040305030603080708080809080a080b08040805080604"
	"0105010601030303010302040205020602002b0009080304030303020301002d00020101003300260024001d"
	"00203445e71474f92983997b4ff4f594e2a04d6cec532f471e167fabd6a7325ba20e";
static const char openssl_words[] =
	"[0] sni=orders.example.com version=1.3 ja3.hash=5a1edc7f170af1014fc65c994878e63c "
	"ja4=t13d3111h2_e8f1e7e78f70_1f22a2ca17c4 client_alpns=h2 client_alpns=http/1.1\n";
static const char curl_hello[] =
	"1603010200010001fc0303d619161dd4760b6098f71e5de94937ebc76d989b7d639ff8c62c39836252489d20"
	"d2c0d4dfe0d986b1de17b987842b9ce8b23dfa7e3e58ea014da419b5572cb10c003e130213031301c02cc030"
	"009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d"
	"003c0035002f00ff0100017500000015001300001073686f702e6578616d706c652e636f6d000b0004030001"
	"02000a00160014001d0017001e00190018010001010102010301040010000e000c02683208687474702f312e"
	"31001600000017000000310000000d002a0028040305030603080708080809080a080b080408050806040105"
	"010601030303010302040205020602002b0009080304030303020301002d00020101003300260024001d0020"
	"ed74126fde67bce731d1b779b246e359c5f884cb249bfb9caed11d7d055cf10e001500ad";

static void
hello_is_one_operation_however_it_is_cut(void)
{
	uint8_t b[1024];
	size_t n = put_hex(b, openssl_hello), piece, split;
	struct heard t;
	struct bh_ops s;

	for (piece = 0; piece < 8; piece++) {
		client_says(&t, b, n, piece);
		CU_ASSERT_STRING_EQUAL(t.text, openssl_words);
		CU_ASSERT_EQUAL(t.end, BH_OPS_MORE);
		CU_ASSERT_EQUAL(t.pending, 0);
	}
	for (split = 1; split < n; split++) {
		open_tls(&s, &t);
		tell(&s, &t, 0, b, split, 0);
		CU_ASSERT_EQUAL(t.pending, split);
		CU_ASSERT_EQUAL(t.ops, 0);
		tell(&s, &t, 0, b + split, n - split, 0);
		CU_ASSERT_STRING_EQUAL(t.text, openssl_words);
	}
}

static void
padding_counts_for_the_fingerprint(void)
{
	uint8_t b[1024];
	struct heard t;

	memset(b, 0, sizeof(b));
	put_hex(b, curl_hello);
	client_says(&t, b, 517, 1);
	CU_ASSERT_STRING_EQUAL(
		t.text,
		"[0] sni=shop.example.com version=1.3 ja3.hash=0149f47eabf9a20d0893e2a44e5a6323 "
		"ja4=t13d3112h2_e8f1e7e78f70_b26ce05bbdd6 client_alpns=h2 client_alpns=http/1.1\n");
}

/* 16 KiB in records of any size, the last byte is what waits. */
static void
long_hello_passes_but_for_its_last_byte(void)
{
	static const uint16_t extensions[] = {0, 43, 21, END};
	static struct bytes message, stream;
	struct hello h = plain("long.example");
	struct heard t;
	struct bh_ops s;

	h.extensions = extensions;
	h.pad = 16384 - 105;
	message.n = stream.n = 0;
	put_hello(&message, &h);
	CU_ASSERT(message.n - 4 <= 16384 && message.n - 4 > 16300);
	put_records(&stream, &message, 100);
	open_tls(&s, &t);
	tell(&s, &t, 0, stream.b, 8000, 7);
	CU_ASSERT_EQUAL(t.pending, 8000);
	tell(&s, &t, 0, stream.b + 8000, 1000, 7);
	CU_ASSERT_EQUAL(t.pending, 1);
	tell(&s, &t, 0, stream.b + 9000, stream.n - 9001, 7);
	CU_ASSERT_EQUAL(t.pending, 1);
	CU_ASSERT_EQUAL(t.ops, 0);
	tell(&s, &t, 0, stream.b + stream.n - 1, 1, 7);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, "[0] sni=long.example version=1.3"));
	h.pad = 16384;
	hello_says(&t, &h, 16384);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
	CU_ASSERT_STRING_EQUAL(t.why, "hello longer than 16 KiB");
}

/* One call with a hello of one record. */
static void
client_says_to(struct bh_ops *s, struct bh_ops_out *out, const struct hello *h)
{
	static struct bytes message, stream;

	message.n = stream.n = 0;
	put_hello(&message, h);
	put_records(&stream, &message, 16384);
	bh_ops_open(s, BH_APP_TLS, BH_OVER_TCP, NULL);
	CU_ASSERT_EQUAL(bh_ops_feed(s, 0, stream.b, (uint32_t)stream.n, false, out), BH_OPS_OP);
}

static void
encrypted_client_hello_hides_names(void)
{
	static const uint16_t extensions[] = {0, 16, 43, 0xfe0d, END};
	struct hello h = plain("front.example");
	struct bh_ops_out out;
	struct bh_ops s;
	struct heard t;
	unsigned i;

	h.extensions = extensions;
	hello_says(&t, &h, 16384);
	CU_ASSERT_EQUAL(strncmp(t.text, "[0 partial] ech=offered sni=front.example version=1.3 ",
				54),
			0);
	client_says_to(&s, &out, &h);
	for (i = 0; i < out.op.n; i++) {
		CU_ASSERT_NOT_EQUAL(out.op.value[i].field, BH_OP_TLS_SNI);
		CU_ASSERT_NOT_EQUAL(out.op.value[i].field, BH_OP_TLS_SERVICE);
	}
}

static void
ssl_versions_rank_below_tls(void)
{
	/* SSL 2's hello, of version 2.0 and 3.1: header 9 bytes, one cipher, challenge of 16 */
	uint8_t b[] = {0x80, 28, 1, 0, 2, 0, 3, 0, 0, 0,  16, 1,  0,  0x80, 0,
		       1,    2,  3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,   15};
	struct hello h = plain("a.example");
	struct heard t;
	struct bh_ops s;

	client_says(&t, b, sizeof(b), 1);
	CU_ASSERT_STRING_EQUAL(t.text, "[0] version=0.2\n");
	open_tls(&s, &t);
	tell(&s, &t, 0, b, sizeof(b) - 1, 3);
	CU_ASSERT_EQUAL(t.pending, sizeof(b) - 1);
	b[3] = 3;
	b[4] = 1;
	client_says(&t, b, sizeof(b), 0);
	CU_ASSERT_STRING_EQUAL(t.text, "[0] version=1.0\n");
	b[2] = 4;
	client_says(&t, b, sizeof(b), 0);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
	h.version = 0x0300;
	h.extensions = NULL;
	hello_says(&t, &h, 16384);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, "[0] version=0.3 "));
}

static void
damaged_hello_is_an_error(void)
{
	static struct bytes message, stream;
	struct hello h = plain("a.example");
	struct heard t;
	size_t i;

	message.n = 0;
	put_hello(&message, &h);
	/* any byte, one more and one less; only those of the random do not matter */
	for (i = 0; i < message.n; i++) {
		unsigned k;

		for (k = 0; k < 2; k++) {
			stream.n = 0;
			message.b[i] = (uint8_t)(message.b[i] + (k == 0 ? 1 : -2));
			put_records(&stream, &message, 16384);
			client_says(&t, stream.b, stream.n, 0);
			CU_ASSERT(t.ops <= 1);
			if (i >= 6 && i < 6 + 32)
				CU_ASSERT_EQUAL(t.ops, 1);
			if (i < 4)
				CU_ASSERT_EQUAL(t.ops, 0);
		}
		message.b[i]++;
	}
	client_says(&t, "\x17\x03\x03\x00\x01\x00", 6, 0);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
	client_says(&t, "GET / HTTP/1.1\r\n\r\n", 18, 0);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
	client_says(&t, "\x16\x03\x01\x00\x00", 5, 0);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
	/* another record between two parts */
	stream.n = 0;
	put_records(&stream, &message, 20);
	memcpy(stream.b + 25, "\x15\x03\x01\x00\x02\x01\x00", 7);
	client_says(&t, stream.b, stream.n, 0);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
}

static void
end_inside_a_hello_is_an_error(void)
{
	struct bh_ops s;
	struct heard t;
	struct bh_ops_out out;
	uint8_t b[1024];

	put_hex(b, openssl_hello);
	open_tls(&s, &t);
	tell(&s, &t, 0, b, 200, 0);
	CU_ASSERT_EQUAL(bh_ops_feed(&s, 0, b, 0, true, &out), BH_OPS_ERROR);
	open_tls(&s, &t);
	CU_ASSERT_EQUAL(bh_ops_feed(&s, 0, b, 0, true, &out), BH_OPS_MORE);
}

/* ServerHello of a version; retry: HelloRetryRequest. */
static void
put_server_hello(struct bytes *o, uint16_t version, bool retry)
{
	struct bytes m = {.n = 0};
	size_t at;

	put_n(&m, 2, 1);
	at = begin_length(&m, 3);
	put_n(&m, 0x0303, 2);
	if (retry)
		m.n += put_hex(m.b + m.n,
			       "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c");
	else
		put(&m, "0123456789abcdef0123456789abcdef", 32);
	put(&m, "\x00\x13\x01\x00", 4);
	if (version == 0x0304) {
		put(&m, "\x00\x06\x00\x2b\x00\x02", 6);
		put_n(&m, version, 2);
	} else {
		put(&m, "\x00\x09\x00\x10\x00\x05\x00\x03\x02h2", 11);
	}
	end_length(&m, at, 3);
	put_records(o, &m, 16384);
}

/* First hello, HelloRetryRequest, then a second hello. */
static void
retry_with(struct heard *t, const struct hello *second, bool pipelined, size_t piece)
{
	static struct bytes message, stream, answer;
	struct hello h = plain("first.example");
	struct bh_ops s;

	open_tls(&s, t);
	message.n = stream.n = answer.n = 0;
	put_server_hello(&answer, 0x0304, true);
	put_hello(&message, &h);
	put_records(&stream, &message, 16384);
	put(&stream, "\x14\x03\x03\x00\x01\x01", 6);
	tell(&s, t, 0, stream.b, stream.n, piece);
	if (!pipelined)
		tell(&s, t, 1, answer.b, answer.n, piece);
	message.n = stream.n = 0;
	put(&stream,
	    "\x17\x03\x03\x00\x03"
	    "abc",
	    8); /* early data that the server skips */
	put_hello(&message, second);
	put_records(&stream, &message, 50);
	tell(&s, t, 0, stream.b, stream.n - 1, piece);
	if (t->end == BH_OPS_MORE)
		CU_ASSERT(t->pending != 0);
	tell(&s, t, 0, stream.b + stream.n - 1, 1, piece);
}

static void
second_hello_must_ask_for_the_same(void)
{
	struct hello same = plain("first.example"), other = plain("other.example");
	struct hello alpn = plain("first.example");
	struct heard t;
	size_t piece;

	alpn.alpn[0] = "h3";
	for (piece = 0; piece < 4; piece++) {
		retry_with(&t, &same, false, piece);
		CU_ASSERT_EQUAL(t.end, BH_OPS_MORE);
		CU_ASSERT_EQUAL(t.pending, 0);
		CU_ASSERT_EQUAL(t.ops, 1);
		retry_with(&t, &same, true, piece);
		CU_ASSERT_EQUAL(t.end, BH_OPS_MORE);
		retry_with(&t, &other, false, piece);
		CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
		retry_with(&t, &other, true, piece);
		CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
		retry_with(&t, &alpn, true, piece);
		CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
	}
}

/* A certificate: issuer O=Example CA, subject C=DE, CN=www.example, until 2031-12-24 18:30:59. */
static const char certificate[] =
	"30819130818aa00302010202021234300d06092a864886f70d01010b0500301531133011060355040a0c0a45"
	"78616d706c65204341301e170d3231313232343138333035395a170d3331313232343138333035395a302331"
	"0b30090603550406130244453114301206035504030c0b7777772e6578616d706c6530140500050005000500"
	"05000500050005000500050030020500";

static void
put_chain(struct bytes *o)
{
	struct bytes m = {.n = 0};
	size_t message, list, one;

	put_n(&m, 11, 1);
	message = begin_length(&m, 3);
	list = begin_length(&m, 3);
	one = begin_length(&m, 3);
	m.n += put_hex(m.b + m.n, certificate);
	end_length(&m, one, 3);
	one = begin_length(&m, 3);
	memset(m.b + m.n, 0x30, 5000);
	m.n += 5000;
	end_length(&m, one, 3);
	end_length(&m, list, 3);
	end_length(&m, message, 3);
	put_records(o, &m, 2000);
}

static void
servers_hello_and_certificate_are_records(void)
{
	static struct bytes answer;
	struct bh_ops s;
	struct heard t;
	uint8_t b[1024];
	size_t n = put_hex(b, openssl_hello), piece;

	answer.n = 0;
	put_server_hello(&answer, 0x0303, false);
	put_chain(&answer);
	put(&answer, "\x14\x03\x03\x00\x01\x01\x16\x03\x03\x40\x28", 11);
	for (piece = 0; piece < 4; piece++) {
		open_tls(&s, &t);
		tell(&s, &t, 0, b, n, 0);
		t.n = 0;
		tell(&s, &t, 1, answer.b, answer.n, piece);
		CU_ASSERT_EQUAL(t.end, BH_OPS_MORE);
		CU_ASSERT_STRING_EQUAL(
			t.text, "[1 record] server_version=1.2 "
				"ja3s.hash=0a26c219c6c129f5c955265975fedfd6 server_alpns=h2\n"
				"[1 record] subject=C=DE, CN=www.example issuerdn=O=Example CA "
				"notafter=2031-12-24T18:30:59 serial=12:34 "
				"fingerprint=e0:45:b8:e3:11:c0:83:e1:17:1b:22:d8:de:c7:c0:8d:cd:35:"
				"77:09\n");
		/* what follows is not looked at */
		tell(&s, &t, 0, "anything", 8, 0);
		tell(&s, &t, 1, "anything", 8, 0);
		CU_ASSERT_EQUAL(t.end, BH_OPS_MORE);
		CU_ASSERT_EQUAL(t.pending, 0);
	}
	open_tls(&s, &t);
	tell(&s, &t, 1, answer.b, answer.n, 0);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
}

/* Of a certificate that is cut or damaged at any byte as much is shown as is sure, and never more than is there. */
static void
damaged_certificate_is_no_record(void)
{
	static struct bytes answer, chain;
	struct bh_ops s;
	struct heard t;
	uint8_t b[1024];
	size_t n = put_hex(b, openssl_hello), i;
	unsigned kept = 0;

	for (i = 0; i < sizeof(certificate) / 2; i++) {
		answer.n = chain.n = 0;
		put_server_hello(&answer, 0x0303, false);
		put_chain(&chain);
		chain.b[5 + 4 + 6 + i] ^= 0xff;
		put(&answer, chain.b, chain.n);
		open_tls(&s, &t);
		tell(&s, &t, 0, b, n, 0);
		tell(&s, &t, 1, answer.b, answer.n, 0);
		CU_ASSERT_EQUAL(t.end, BH_OPS_MORE);
		kept += strstr(t.text, "issuerdn=O=Example CA notafter=2031-12-24T18:30:59") !=
			NULL;
	}
	/* the serial number, the signature's name, what lies behind the subject ...; not the rest */
	CU_ASSERT(kept > 10 && kept < sizeof(certificate) / 2 - 40);
}

/* A flow whose server is not seen goes on with what answers it; a draft's server is not understood. */
static void
what_is_not_judged_is_no_error(void)
{
	static const uint8_t key_exchange[] = {0x16, 3, 3, 0, 6, 16, 0, 0, 2, 0, 0};
	static struct bytes draft;
	struct bh_ops s;
	struct heard t;
	uint8_t b[1024];
	size_t n = put_hex(b, openssl_hello), piece;

	draft.n = put_hex(draft.b, "1603010028020000247f12");
	memset(draft.b + draft.n, 7, 34);
	draft.n += 34;
	for (piece = 0; piece < 3; piece++) {
		open_tls(&s, &t);
		tell(&s, &t, 0, b, n, piece);
		tell(&s, &t, 0, key_exchange, sizeof(key_exchange), piece);
		CU_ASSERT_EQUAL(t.end, BH_OPS_MORE);
		CU_ASSERT_EQUAL(t.pending, 0);
		open_tls(&s, &t);
		tell(&s, &t, 0, b, n, piece);
		tell(&s, &t, 1, draft.b, draft.n, piece);
		tell(&s, &t, 0, "anything", 8, piece);
		CU_ASSERT_EQUAL(t.end, BH_OPS_MORE);
		CU_ASSERT_EQUAL(t.ops, 1);
	}
}

static void
alert_instead_of_a_hello_ends_it(void)
{
	struct bh_ops s;
	struct heard t;
	uint8_t b[1024];
	size_t n = put_hex(b, openssl_hello);

	open_tls(&s, &t);
	tell(&s, &t, 0, b, n, 0);
	tell(&s, &t, 1, "\x15\x03\x03\x00\x02\x02\x28", 7, 1);
	CU_ASSERT_EQUAL(t.end, BH_OPS_MORE);
	CU_ASSERT_EQUAL(t.ops, 1);
}

const struct bh_unit_test bh_suite_proto_ops_tls[] = {
	BH_TEST(hello_is_one_operation_however_it_is_cut),
	BH_TEST(padding_counts_for_the_fingerprint),
	BH_TEST(long_hello_passes_but_for_its_last_byte),
	BH_TEST(encrypted_client_hello_hides_names),
	BH_TEST(ssl_versions_rank_below_tls),
	BH_TEST(damaged_hello_is_an_error),
	BH_TEST(end_inside_a_hello_is_an_error),
	BH_TEST(second_hello_must_ask_for_the_same),
	BH_TEST(servers_hello_and_certificate_are_records),
	BH_TEST(damaged_certificate_is_no_record),
	BH_TEST(what_is_not_judged_is_no_error),
	BH_TEST(alert_instead_of_a_hello_ends_it),
	BH_TEST_END,
};
