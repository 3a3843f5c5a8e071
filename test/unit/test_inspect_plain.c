/* What resembles an attack and is none, next to what differs from it only by what makes it one. */
#include <stdio.h>

#include "inspect_rig.h"
#include "unit.h"

static bool
is(unsigned where, const char *text, unsigned class)
{
	return (inspect_at(where, "q", text, strlen(text)) & BH_INSPECT_BIT(class)) != 0;
}

static void
none_is(const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		uint64_t found = inspect_arg(list[i]);

		if (found != 0)
			printf("  found in: %s\n", list[i]);
		CU_ASSERT_EQUAL(found, 0);
	}
}

static void
a_path_that_stays_inside_is_no_traversal(void)
{
	CU_ASSERT(!is(BH_AT_PATH, "/shop/..", BH_INSPECT_TRAVERSAL));
	CU_ASSERT(!is(BH_AT_PATH, "/a/b/../c.css", BH_INSPECT_TRAVERSAL));
	CU_ASSERT(is(BH_AT_PATH, "/../c.css", BH_INSPECT_TRAVERSAL));
	CU_ASSERT(is(BH_AT_PATH, "/a/../../c.css", BH_INSPECT_TRAVERSAL));
	CU_ASSERT(is(BH_AT_PATH, "/a/b/%2e%2e/c.css", BH_INSPECT_TRAVERSAL));
	CU_ASSERT(is(BH_AT_PATH, "/a/b/..;/manager", BH_INSPECT_TRAVERSAL));
}

static void
a_windows_path_is_judged_by_what_lies_there(void)
{
	static const char *const list[] = {
		"C:\\fakepath\\holiday.jpg",
		"D:\\Users\\kim\\report.docx",
		"C:\\Windows\\System32\\calc.exe",
	};

	none_is(list, BH_ARRAY_SIZE(list));
	CU_ASSERT(is(BH_AT_ARG, "C:\\Windows\\System32\\config\\SYSTEM", BH_INSPECT_TRAVERSAL));
	CU_ASSERT(is(BH_AT_ARG, "E:\\xampp\\passwords.txt", BH_INSPECT_TRAVERSAL));
	CU_ASSERT(is(BH_AT_ARG, "D:\\app\\settings.ini", BH_INSPECT_TRAVERSAL));
}

static void
a_name_before_a_host_is_suspect_when_it_looks_like_one(void)
{
	CU_ASSERT_EQUAL(inspect_arg("https://kim:secret@git.example.org/repo"), 0);
	CU_ASSERT(is(BH_AT_ARG, "https://bank.example.com@other.example.org/", BH_INSPECT_RFI));
	CU_ASSERT(
		is(BH_AT_ARG, "https://bank.example.com@other.example.org/", BH_INSPECT_REDIRECT));
}

static void
a_whole_filter_is_not_injected_and_half_of_one_is(void)
{
	CU_ASSERT(!is(BH_AT_ARG, "(&(objectClass=printer)(floor=3))", BH_INSPECT_LDAPI));
	CU_ASSERT(!is(BH_AT_ARG, " (|(cn=a*)(cn=b*)) ", BH_INSPECT_LDAPI));
	CU_ASSERT(is(BH_AT_ARG, "a)(|(cn=*)", BH_INSPECT_LDAPI));
	CU_ASSERT(is(BH_AT_ARG, "(cn=a))(|(cn=*)", BH_INSPECT_LDAPI));
}

static void
code_and_patterns_in_text_are_text(void)
{
	static const char *const list[] = {
		"#{t('menu.title')}",
		"#{ t(\"menu\") }",
		"compiled into a Java .class file",
		"it calls printf(\"%d items\", n); and returns",
		"searches /opt/*/lib/** and /usr/bin/** for it",
		"a matrix $m[](), which is no PHP",
		"no blanks around the equals sign (\"=\"), the name, the value or what follows",
		"50%60",
	};

	none_is(list, BH_ARRAY_SIZE(list));
	CU_ASSERT(is(BH_AT_ARG, "#{T(java.lang.System).exit(1)}", BH_INSPECT_JAVA));
	CU_ASSERT(is(BH_AT_ARG, "java . lang . Runtime", BH_INSPECT_JAVA));
	CU_ASSERT(is(BH_AT_ARG, "$m[0]('id')", BH_INSPECT_PHP));
	CU_ASSERT(is(BH_AT_ARG, "/b?n/c?t x", BH_INSPECT_CMDI));
	CU_ASSERT(is(BH_AT_ARG, "kim\" = \"", BH_INSPECT_SQLI));
	CU_ASSERT(is(BH_AT_ARG, "name%s", BH_INSPECT_FORMAT));
}

const struct bh_unit_test bh_suite_inspect_plain[] = {
	BH_TEST(a_path_that_stays_inside_is_no_traversal),
	BH_TEST(a_windows_path_is_judged_by_what_lies_there),
	BH_TEST(a_name_before_a_host_is_suspect_when_it_looks_like_one),
	BH_TEST(a_whole_filter_is_not_injected_and_half_of_one_is),
	BH_TEST(code_and_patterns_in_text_are_text),
	BH_TEST_END,
};
