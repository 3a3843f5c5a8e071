/* HTTP conversations: where a value is found in a message, however the message is encoded, framed and cut. */
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "inspect_rig.h"
#include "unit.h"

#define ATTACK "7 union select name, secret from accounts"
#define ATTACK_URL "7+union+select+name,+secret+from+accounts"
#define HEAD " HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x\r\n"

static struct bh_inspect_http conn;
static bool last_unread;

/* The client's bytes in steps of `step`, each in a block of its own (so that reading beyond is seen by a sanitizer). */
static uint64_t
says_side(unsigned side, const void *text, size_t len, size_t step, bool close)
{
	struct inspect_rig *r = inspect_rig();
	size_t at;

	bh_inspect_http_open(&conn);
	if (side == 1)
		bh_inspect_http_feed(&conn, &r->ctx, 0, (const uint8_t *)"GET /" HEAD "\r\n",
				     7 + strlen(HEAD), false);
	for (at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step;
		uint8_t *copy = malloc(n);

		memcpy(copy, (const uint8_t *)text + at, n);
		bh_inspect_http_feed(&conn, &r->ctx, side, copy, n, false);
		free(copy);
	}
	if (close) {
		bh_inspect_http_close(&conn, &r->ctx);
		CU_ASSERT_EQUAL(r->taken, 0);
	}
	last_unread = r->unread;
	return r->seen;
}

static uint64_t
says(const char *text)
{
	return says_side(0, text, strlen(text), strlen(text), true);
}

static uint64_t
posts(const char *type, const void *body, size_t len, const char *more)
{
	static char text[200000];
	size_t n =
		(size_t)snprintf(text, sizeof(text),
				 "POST /x" HEAD "Content-Type: %s\r\n%sContent-Length: %zu\r\n\r\n",
				 type, more, len);

	memcpy(text + n, body, len);
	return says_side(0, text, n + len, n + len, true);
}

static void
a_harmless_conversation_is_silent(void)
{
	CU_ASSERT_EQUAL(says("GET /shop/item.html?id=7&name=O%27Neill" HEAD
			     "Accept: */*\r\nCookie: a=b; c=d\r\n\r\n"),
			0);
	CU_ASSERT_EQUAL(posts("application/json", "{\"a\":\"b\",\"c\":[1,2]}", 19, ""), 0);
}

/* No type is declared: a document is read as one, not as a form with an odd name. */
static void
a_body_of_no_type_is_read_as_what_it_begins_like(void)
{
	struct inspect_rig *r;
	static const char xml[] = "POST /x" HEAD "Content-Length: 46\r\n\r\n"
				  "<?xml version=\"1.0\"?><param name=\"s\">1</param>";
	static const char json[] = "POST /x" HEAD "Content-Length: 56\r\n\r\n"
				   "{\"n\":{\"id\":\"" ATTACK "\"}}";

	CU_ASSERT_FALSE(SAW(says(xml), XSS));
	r = inspect_rig();
	CU_ASSERT(SAW(says(json), SQLI));
	CU_ASSERT_STRING_EQUAL(r->of[BH_INSPECT_SQLI].name, "id");
}

static void
ranges_of_a_document_are_not_counted_like_others(void)
{
	static const char ranges[] = HEAD "Range: bytes=1-2,4-5,7-8,10-11,13-14,16-17\r\n\r\n";
	char text[256];

	snprintf(text, sizeof(text), "GET /a.pdf%s", ranges);
	CU_ASSERT_EQUAL(says(text), 0);
	snprintf(text, sizeof(text), "GET /a.txt%s", ranges);
	CU_ASSERT(SAW(says(text), HTTP));
}

static void
what_old_clients_say_is_odd_and_no_attack(void)
{
	CU_ASSERT_EQUAL(says("GET /x HTTP/1.1\r\nUser-Agent: x\r\n\r\n"), 0);
	CU_ASSERT_EQUAL(says("GET /x" HEAD "X-Nodes: 7;\r\n\t8; 9\r\n\r\n"), 0);
	CU_ASSERT(SAW(says("POST /x" HEAD "Transfer-Encoding:\r\n chunked\r\n\r\n"), SMUGGLING));
	CU_ASSERT_EQUAL(posts("text/plain", "hello", 5, ""), 0);
	CU_ASSERT(SAW(posts("text/plain", "hello", 5, "Content-Type: text/xml\r\n"), HTTP));
	CU_ASSERT(
		SAW(says("GET /x" HEAD "X-Nodes: 7;\r\n\t8\r\nX-Item: " ATTACK "\r\n\r\n"), SQLI));
}

static void
an_attack_is_seen_in_each_place(void)
{
	struct inspect_rig *r;

	CU_ASSERT(SAW(says("GET /x?a=1&id=" ATTACK_URL HEAD "\r\n"), SQLI));
	r = inspect_rig();
	CU_ASSERT(SAW(says("GET /x?a=1&id=" ATTACK_URL HEAD "\r\n"), SQLI));
	CU_ASSERT_EQUAL(r->of[BH_INSPECT_SQLI].where, BH_AT_ARG);
	CU_ASSERT_STRING_EQUAL(r->of[BH_INSPECT_SQLI].name, "id");
	CU_ASSERT(SAW(says("GET /..%2f..%2fetc/passwd" HEAD "\r\n"), TRAVERSAL));
	CU_ASSERT(SAW(says("GET /x" HEAD "Cookie: a=b; id=" ATTACK "\r\n\r\n"), SQLI));
	CU_ASSERT(SAW(says("GET /x" HEAD "X-Item: " ATTACK "\r\n\r\n"), SQLI));
	CU_ASSERT(SAW(says("GET /x" HEAD "Referer: ${jndi:ldap://x/y}\r\n\r\n"), LOG4SHELL));
	CU_ASSERT(SAW(posts("application/x-www-form-urlencoded", "a=1&id=" ATTACK_URL,
			    strlen("a=1&id=" ATTACK_URL), ""),
		      SQLI));
	CU_ASSERT(SAW(posts("application/json", "{\"a\":{\"id\":\"" ATTACK "\"}}",
			    strlen("{\"a\":{\"id\":\"" ATTACK "\"}}"), ""),
		      SQLI));
	CU_ASSERT(SAW(posts("text/xml", "<a><b id=\"" ATTACK "\"/></a>",
			    strlen("<a><b id=\"" ATTACK "\"/></a>"), ""),
		      SQLI));
}

static void
an_attack_is_seen_in_a_part(void)
{
	static const char body[] =
		"--bb\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n" ATTACK "\r\n--bb\r\n"
		"Content-Disposition: form-data; name=\"f\"; "
		"filename=\"x.php\"\r\n\r\nhello\r\n--bb--\r\n";
	uint64_t seen = posts("multipart/form-data; boundary=bb", body, sizeof(body) - 1, "");

	CU_ASSERT(SAW(seen, SQLI));
	CU_ASSERT(SAW(seen, PHP));
}

/* What deflate makes of text, in the given format (zlib's windowBits). */
static size_t
squeeze(uint8_t *out, size_t cap, const void *text, size_t len, int bits)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)text,
		      .avail_in = (uInt)len,
		      .next_out = out,
		      .avail_out = (uInt)cap};

	CU_ASSERT_EQUAL(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	CU_ASSERT_EQUAL(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return cap - z.avail_out;
}

static void
compressed_bodies_are_read(void)
{
	static const char body[] = "a=1&id=" ATTACK_URL;
	const char *form = "application/x-www-form-urlencoded";
	uint8_t once[1000], twice[1000];
	size_t n = squeeze(once, sizeof(once), body, sizeof(body) - 1, 31), m;

	CU_ASSERT(SAW(posts(form, once, n, "Content-Encoding: gzip\r\n"), SQLI));
	m = squeeze(twice, sizeof(twice), once, n, 31);
	CU_ASSERT(SAW(posts(form, twice, m, "Content-Encoding: gzip, gzip\r\n"), SQLI));
	n = squeeze(once, sizeof(once), body, sizeof(body) - 1, 15);
	CU_ASSERT(SAW(posts(form, once, n, "Content-Encoding: deflate\r\n"), SQLI));
	n = squeeze(once, sizeof(once), body, sizeof(body) - 1, -15);
	CU_ASSERT(SAW(posts(form, once, n, "Content-Encoding: deflate\r\n"), SQLI));
	{
		char text[1500];
		size_t head =
			(size_t)snprintf(text, sizeof(text),
					 "POST /x" HEAD
					 "Content-Encoding: deflate\r\nContent-Length: %zu\r\n\r\n",
					 n);

		memcpy(text + head, once, n);
		CU_ASSERT(SAW(says_side(0, text, head + n, 1, true), SQLI));
	}
	CU_ASSERT(SAW(posts(form, "\x1f\x8b no gzip", 10, "Content-Encoding: gzip\r\n"), HTTP));
}

/* Brotli without compression (RFC 7932 9.2): a window of 64 KiB, one stored meta-block, an empty last one. */
static void
brotli_is_read(void)
{
	static const char body[] = "a=1&id=" ATTACK_URL;
	uint8_t packed[200];
	uint32_t head = (uint32_t)(sizeof(body) - 2) << 4 | 1u << 20;
	size_t i;

	for (i = 0; i < 3; i++)
		packed[i] = (uint8_t)(head >> 8 * i);
	memcpy(packed + 3, body, sizeof(body) - 1);
	packed[3 + sizeof(body) - 1] = 0x03;
	CU_ASSERT(SAW(posts("application/x-www-form-urlencoded", packed, sizeof(body) + 3,
			    "Content-Encoding: br\r\n"),
		      SQLI));
}

static void
zstd_is_read(void)
{
	static const char body[] = "a=1&id=" ATTACK_URL;
	uint8_t packed[400];
	size_t n = ZSTD_compress(packed, sizeof(packed), body, sizeof(body) - 1, 3);

	CU_ASSERT(SAW(posts("application/x-www-form-urlencoded", packed, n,
			    "Content-Encoding: zstd\r\n"),
		      SQLI));
	CU_ASSERT_FALSE(last_unread);
}

/* A coding that nobody undoes is no attack, but it was not looked into; what is no coding is passed over, as receivers do. */
static void
a_body_that_is_not_read_is_told(void)
{
	static const char *const codings[] = {"compress", "exi", "gzip, aes128gcm"};
	static const char *const none[] = {"aws-chunked", "utf-8", "identity"};
	static const char body[] = "a=1&id=" ATTACK_URL;
	char more[64];
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(codings); i++) {
		snprintf(more, sizeof(more), "Content-Encoding: %s\r\n", codings[i]);
		CU_ASSERT_EQUAL(posts("text/plain", "hello", 5, more), 0);
		CU_ASSERT(last_unread);
		CU_ASSERT_EQUAL(posts("text/plain", "", 0, more), 0);
		CU_ASSERT_FALSE(last_unread);
		snprintf(more, sizeof(more), "Content-Encoding: %s\r\n", none[i]);
		CU_ASSERT(SAW(posts("application/x-www-form-urlencoded", body, sizeof(body) - 1,
				    more),
			      SQLI));
		CU_ASSERT_FALSE(last_unread);
	}
}

static void
a_bomb_is_named_and_not_unpacked(void)
{
	static uint8_t zeros[4 << 20], packed[20000];
	size_t n = squeeze(packed, sizeof(packed), zeros, sizeof(zeros), 31);

	CU_ASSERT(SAW(posts("text/plain", packed, n, "Content-Encoding: gzip\r\n"), HTTP));
}

static void
findings_do_not_depend_on_segments(void)
{
	static const char text[] =
		"POST /x?p=..%2f..%2fetc%2fpasswd" HEAD
		"Content-Type: application/x-www-form-urlencoded\r\n"
		"Transfer-Encoding: chunked\r\n\r\n5\r\na=1&i\r\n2c\r\nd=" ATTACK_URL
		"x\r\n0\r\n\r\n"
		"GET /y?c=%3Bcat+/etc/shadow" HEAD "\r\n";
	uint64_t whole = says(text);
	size_t step;

	CU_ASSERT(SAW(whole, SQLI));
	CU_ASSERT(SAW(whole, TRAVERSAL));
	CU_ASSERT(SAW(whole, CMDI));
	for (step = 1; step < 60; step++)
		CU_ASSERT_EQUAL(says_side(0, text, sizeof(text) - 1, step, true), whole);
}

static void
an_attack_at_any_place_of_a_long_body_is_seen(void)
{
	static char body[100000];
	size_t at;

	for (at = 0; at < sizeof(body) - 200; at += 7919) {
		memset(body, 'a', sizeof(body));
		memcpy(body + at, "&id=" ATTACK_URL "&", strlen("&id=" ATTACK_URL "&"));
		CU_ASSERT(SAW(posts("application/x-www-form-urlencoded", body, sizeof(body), ""),
			      SQLI));
	}
}

static void
what_strict_http_refuses_is_read_all_the_same(void)
{
	uint64_t seen = says("GET /x?id=" ATTACK_URL HEAD
			     "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	static const char broken[] =
		"GET  /x?id=" ATTACK_URL " HTTP/1.1\r\nHost: a\r\nX: ${jndi:ldap://x/y}\r\n\r\n";
	size_t step;

	CU_ASSERT(SAW(seen, SQLI));
	CU_ASSERT(SAW(seen, SMUGGLING));
	for (step = 1; step < 40; step++) {
		seen = says_side(0, broken, sizeof(broken) - 1, step, true);
		CU_ASSERT(SAW(seen, LOG4SHELL));
		CU_ASSERT(SAW(seen, SQLI));
		CU_ASSERT(SAW(seen, HTTP));
	}
}

/* Empty lines before a head, ends of lines in all spellings, and a connection that ends before anything was judged. */
static void
a_broken_head_is_read_alike_however_it_is_cut(void)
{
	static const char *const list[] = {
		"\r\n\r\nGET /x" HEAD "X-Item: " ATTACK "\r\n\r\n",
		"\n\n\001\002 /x?id=" ATTACK_URL "\nX-Item: " ATTACK "\n\nrest",
		"GET /x" HEAD "X\001: y\r\nX-Item: " ATTACK "\r\r\n\r\n",
		"GET  /x HTTP/1.1\r\nX-Item: " ATTACK "\r\n",
		"POST /x" HEAD "Content-Length: 500\r\n\r\nid=" ATTACK_URL,
	};
	unsigned i;
	size_t step;

	for (i = 0; i < BH_ARRAY_SIZE(list); i++) {
		uint64_t whole = says(list[i]);

		CU_ASSERT(SAW(whole, SQLI));
		for (step = 1; step < 12; step++)
			CU_ASSERT_EQUAL(says_side(0, list[i], strlen(list[i]), step, true), whole);
	}
}

static void
responses_are_read_for_leaks_and_data_only(void)
{
	static const char leak[] =
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 79\r\n\r\n"
		"<script>x()</script> You have an error in your SQL syntax; 4111 1111 1111 1111 \n";
	uint64_t seen = says_side(1, leak, sizeof(leak) - 1, 9, true);

	CU_ASSERT(SAW(seen, LEAK));
	CU_ASSERT(SAW(seen, DLP_CARD));
	CU_ASSERT_FALSE(SAW(seen, XSS));
}

static uint64_t
answers(const char *type, const char *body)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
			 "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
			 type, strlen(body), body);

	return says_side(1, text, (size_t)n, (size_t)n, true);
}

static void
a_coding_that_was_only_said_hides_nothing(void)
{
	static const char gzip[] = "Content-Encoding: gzip\r\n", json[] = "application/json";
	static const char harmless[] = "{\"id\": \"7\"}", attack[] = "{\"id\": \"" ATTACK "\"}";

	CU_ASSERT_EQUAL(posts(json, harmless, sizeof(harmless) - 1, gzip), 0);
	CU_ASSERT(SAW(posts(json, attack, sizeof(attack) - 1, gzip), SQLI));
	CU_ASSERT(SAW(posts(json, "\x1f\x8b\x08 cut", 7, gzip), HTTP));
}

/* What applications tell their users is none; what an interpreter says of its own has a form. */
static void
a_leak_has_the_form_of_an_interpreters_message(void)
{
	static const char *const told[] = {
		"Invalid date",
		"Unable to open the order book",
		"The start cannot be empty",
		"The allowed file size is 5 MB",
		"The function is not available in your country",
		"Tables of both offices must be compatible with each other",
	};
	static const char *const leaks[] = {
		"Uncaught TypeError: Unsupported operand types: string + array",
		"Warning: fopen(a.txt): failed to open stream: No such file in /a.php on line 7",
		"Traceback (most recent call last):\n  File \"/srv/a.py\", line 7, in f",
		"Static function A\\B::c() should not be abstract",
		"Non-static method Shop::list() cannot be called statically",
		"Declaration of B::a() must be compatible with A::a($x)",
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(told); i++) {
		CU_ASSERT_EQUAL(answers("text/html; charset=utf-8", told[i]), 0);
		CU_ASSERT_EQUAL(answers("text/plain", told[i]), 0);
	}
	for (i = 0; i < BH_ARRAY_SIZE(leaks); i++)
		CU_ASSERT(SAW(answers("text/html", leaks[i]), LEAK));
}

/* Files have forms, too: lines of passwd and shadow, listings, connection strings with a password, dumps. */
static void
a_leak_has_the_form_of_a_file_that_should_be_kept(void)
{
	static const char *const told[] = {
		"drwxr-xr-x is how ls shows a folder that all may read",
		"Use postgres://host/db or jdbc:mysql://host/db to connect",
		"CREATE TABLE statements define tables, SELECT reads them",
		"Server=name; Path=/; Secure",
		"The word after password= is not shown",
		"Access denied for user accounts that were closed",
		"We catch every exception and every error",
	};
	static const char *const leaks[] = {
		"www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n",
		"root:$6$salt$hash:19000:0:99999:7:::\n",
		"total 8\n-rw-r--r-- 1 root root 12 Jan  1  2024 x\n",
		"APP_ENV=production\nDB_PASSWORD=hunter2\n",
		"Server=db;Database=shop;User Id=sa;Password=hunter2;",
		"mongodb://shop:hunter2@db:27017/shop",
		"-- MySQL dump 10.13  Distrib 8.0.30, for Linux (x86_64)\n",
		"uid=33(www-data) gid=33(www-data) groups=33(www-data)",
		"com.fasterxml.jackson.databind.JsonMappingException: x",
		"Symfony\\Component\\HttpKernel\\Exception\\NotFoundHttpException",
		"Access denied for user 'root'@'10.0.0.1' (using password: YES)",
		"Error: ENOENT: no such file or directory, open '/app/x.json'",
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(told); i++)
		CU_ASSERT_EQUAL(answers("text/html; charset=utf-8", told[i]), 0);
	for (i = 0; i < BH_ARRAY_SIZE(leaks); i++)
		CU_ASSERT(SAW(answers("text/plain", leaks[i]), LEAK));
}

static void
a_document_that_pulls_files_in_is_seen(void)
{
	static const char *const docs[] = {
		"<svg><image xlink:href=\"file:///etc/hostname\"/></svg>",
		"<a xsi:noNamespaceSchemaLocation=\"http://x.example/a.xsd\"/>",
		"<?xml-stylesheet type=\"text/xsl\" href=\"http://x.example/a.xsl\"?><a/>",
	};
	static const char fine[] = "<svg><image xlink:href=\"https://x.example/a.png\"/></svg>";
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(docs); i++)
		CU_ASSERT(SAW(posts("application/xml", docs[i], strlen(docs[i]), ""), XML));
	CU_ASSERT_EQUAL(posts("application/xml", fine, sizeof(fine) - 1, ""), 0);
}

static void
a_form_that_is_none_is_read_as_what_it_is(void)
{
	static const char form[] = "application/x-www-form-urlencoded";
	static const char parts[] =
		"--q7\nContent-Disposition: form-data; name=\"id\"\n\n" ATTACK "\n--q7--\n";
	static const char json[] = "{\"a\":{\"id\":\"" ATTACK "\"}}";
	struct inspect_rig *r = inspect_rig();

	CU_ASSERT(SAW(posts(form, parts, sizeof(parts) - 1, ""), SQLI));
	CU_ASSERT_STRING_EQUAL(r->of[BH_INSPECT_SQLI].name, "id");
	r = inspect_rig();
	CU_ASSERT(SAW(posts(form, json, sizeof(json) - 1, ""), SQLI));
	CU_ASSERT_STRING_EQUAL(r->of[BH_INSPECT_SQLI].name, "id");
	CU_ASSERT_EQUAL(posts(form, "--q7=1&b=2", 10, ""), 0);
}

static void
each_message_reports_a_class_once(void)
{
	struct inspect_rig *r = inspect_rig();

	says("GET /x?a=" ATTACK_URL "&b=" ATTACK_URL HEAD "\r\nGET /x?a=" ATTACK_URL HEAD "\r\n");
	CU_ASSERT_EQUAL(r->n, 2);
	CU_ASSERT_EQUAL(r->last.message, 1);
}

static void
memory_that_is_refused_is_no_crash(void)
{
	static const char body[] = "a=1&id=" ATTACK_URL;
	uint8_t packed[200];
	char text[600];
	size_t n = squeeze(packed, sizeof(packed), body, sizeof(body) - 1, 31), head;
	struct inspect_rig *r = inspect_rig();

	head = (size_t)snprintf(text, sizeof(text),
				"POST /x" HEAD "Content-Type: text/plain\r\n"
				"Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
				n);
	memcpy(text + head, packed, n);
	r->ctx.memory = NULL;
	bh_inspect_http_open(&conn);
	bh_inspect_http_feed(&conn, &r->ctx, 0, (const uint8_t *)text, head + n, false);
	bh_inspect_http_close(&conn, &r->ctx);
	CU_ASSERT_EQUAL(r->seen, 0);
	CU_ASSERT(r->unread);
}

/* UTF-16 with a mark or without, little-endian or big. */
static size_t
wide_request(uint8_t *text, const char *type, const char *doc, unsigned way)
{
	size_t mark = way < 2 ? 2 : 0, n, k;

	n = (size_t)sprintf((char *)text,
			    "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\n"
			    "Content-Length: %zu\r\n\r\n",
			    type, mark + 2 * strlen(doc));
	if (mark) {
		text[n++] = way & 1 ? 0xfe : 0xff;
		text[n++] = way & 1 ? 0xff : 0xfe;
	}
	for (k = 0; doc[k] != '\0'; k++) {
		text[n++] = way & 1 ? 0 : (uint8_t)doc[k];
		text[n++] = way & 1 ? (uint8_t)doc[k] : 0;
	}
	return n;
}

/* XML 1.0 appendix F, RFC 4627 3: readers take UTF-16 by its first bytes, whatever was said. */
static void
a_document_in_utf16_is_read(void)
{
	static const struct {
		const char *type, *doc;
		uint64_t class;
	} list[] = {
		{"text/xml", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
		 BH_INSPECT_BIT(BH_INSPECT_XXE)},
		{"application/json", "{\"name\": \"' or 1=1 -- \"}",
		 BH_INSPECT_BIT(BH_INSPECT_SQLI)},
	};
	uint8_t text[512];
	unsigned i, way;
	size_t step, n;

	for (i = 0; i < BH_ARRAY_SIZE(list); i++) {
		for (way = 0; way < 4; way++) {
			n = wide_request(text, list[i].type, list[i].doc, way);
			for (step = 1; step < 40; step += 6)
				CU_ASSERT(says_side(0, text, n, step, true) & list[i].class);
		}
	}
}

const struct bh_unit_test bh_suite_inspect_http[] = {
	BH_TEST(a_harmless_conversation_is_silent),
	BH_TEST(a_body_of_no_type_is_read_as_what_it_begins_like),
	BH_TEST(ranges_of_a_document_are_not_counted_like_others),
	BH_TEST(what_old_clients_say_is_odd_and_no_attack),
	BH_TEST(an_attack_is_seen_in_each_place),
	BH_TEST(an_attack_is_seen_in_a_part),
	BH_TEST(a_document_in_utf16_is_read),
	BH_TEST(compressed_bodies_are_read),
	BH_TEST(brotli_is_read),
	BH_TEST(zstd_is_read),
	BH_TEST(a_body_that_is_not_read_is_told),
	BH_TEST(a_bomb_is_named_and_not_unpacked),
	BH_TEST(findings_do_not_depend_on_segments),
	BH_TEST(an_attack_at_any_place_of_a_long_body_is_seen),
	BH_TEST(what_strict_http_refuses_is_read_all_the_same),
	BH_TEST(a_broken_head_is_read_alike_however_it_is_cut),
	BH_TEST(responses_are_read_for_leaks_and_data_only),
	BH_TEST(a_coding_that_was_only_said_hides_nothing),
	BH_TEST(a_leak_has_the_form_of_an_interpreters_message),
	BH_TEST(a_leak_has_the_form_of_a_file_that_should_be_kept),
	BH_TEST(a_document_that_pulls_files_in_is_seen),
	BH_TEST(a_form_that_is_none_is_read_as_what_it_is),
	BH_TEST(each_message_reports_a_class_once),
	BH_TEST(memory_that_is_refused_is_no_crash),
	BH_TEST_END,
};
