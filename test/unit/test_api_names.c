/* /names: what is known of the names that segments list. */
#include "../../lib/policy/host.h"
#include "api_fixture.h"

static const char document[] =
	"version: 1\nsegments: {pay: {names: [pay.example.com, '*.bank.example']}}\n";

static void
learn(const struct fix *f, const char *name, const char *address)
{
	struct bh_name_answer a = {.name = name, .ttl = 600};
	struct bh_prefix p;

	CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(address, &p, NULL), 0);
	a.family = p.family;
	memcpy(a.addr, p.addr, 16);
	CU_ASSERT_EQUAL(bh_policy_names_learn(f->policy, &a, 1, bh_clock_system.mono_ns(NULL),
					      NULL),
			1);
}

/* How many items an answer has; text: its names and addresses. */
static size_t
names(const struct fix *f, const char *path, struct bh_buf *text, char next[64])
{
	struct answer a;
	size_t i, n;

	fix_ask(f, &(struct ask){.method = "GET", .path = path}, &a);
	CU_ASSERT_EQUAL_FATAL(a.status, 200);
	n = json_array_size(json_object_get(a.json, "items"));
	for (i = 0; i < n; i++) {
		json_t *o = json_array_get(json_object_get(a.json, "items"), i);

		bh_buf_printf(text, "%s %s\n", fix_str(o, "name"), fix_str(o, "address"));
		CU_ASSERT_TRUE(fix_int(o, "left_ms") > 500000 && fix_int(o, "left_ms") <= 600000);
	}
	snprintf(next, 64, "%s",
		 json_is_string(json_object_get(a.json, "next")) ? fix_str(a.json, "next") : "");
	fix_answer_free(&a);
	return n;
}

static void
what_is_known_is_listed_by_name_and_in_pages(void)
{
	struct bh_buf text = {0};
	char next[64], path[128];
	struct fix f;

	fix_start(&f, NULL);
	CU_ASSERT_EQUAL(names(&f, "/api/v1/names", &text, next), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_load_text(f.policy, "n.yaml", document,
						  sizeof(document) - 1, false, NULL, NULL),
			      0);
	learn(&f, "pay.example.com", "192.0.2.1");
	learn(&f, "pay.example.com", "2001:db8::1");
	learn(&f, "a.bank.example", "192.0.2.1");
	CU_ASSERT_EQUAL(names(&f, "/api/v1/names?name=a.bank.example", &text, next), 1);
	CU_ASSERT_STRING_EQUAL(text.data, "a.bank.example 192.0.2.1\n");
	bh_buf_reset(&text);
	CU_ASSERT_EQUAL(names(&f, "/api/v1/names?limit=2", &text, next), 2);
	CU_ASSERT_NOT_EQUAL(next[0], '\0');
	snprintf(path, sizeof(path), "/api/v1/names?limit=2&cursor=%s", next);
	CU_ASSERT_EQUAL(names(&f, path, &text, next), 1);
	CU_ASSERT_EQUAL(next[0], '\0');
	CU_ASSERT_PTR_NOT_NULL(strstr(text.data, "pay.example.com 192.0.2.1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.data, "pay.example.com 2001:db8::1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.data, "a.bank.example 192.0.2.1\n"));
	bh_buf_free(&text);
	fix_stop(&f);
}

const struct bh_unit_test bh_suite_api_names[] = {
	BH_TEST(what_is_known_is_listed_by_name_and_in_pages), BH_TEST_END};
