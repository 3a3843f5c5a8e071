/* Who may do what: each route with no token, a wrong one and the right one; what may be listened on. */
#include "api_fixture.h"

/* What is free on loopback comes first. */
enum right { NONE, SELF, READ_ENDPOINTS, READ, PUSH, OPERATE, WRITE, EVIDENCE, AUDIT, ADMIN };

static const struct {
	const char *method, *path;
	enum right right;
} routes[] = {
#define BH_ROUTE(method, path, handler, right, body, arguments, summary) {#method, path, right},
#include "../../lib/api/route.def"
#undef BH_ROUTE
};

/* The path with something in place of {name}, and the status of the request. */
static long
ask_route(const struct fix *f, size_t i, const char *token, const char *header)
{
	const char *brace = strchr(routes[i].path, '{');
	bool body = strcmp(routes[i].method, "GET") != 0 && strcmp(routes[i].method, "DELETE") != 0;
	struct fix as = *f;
	struct answer a;
	char path[128];
	long status;

	snprintf(path, sizeof(path), "%.*s%s",
		 brace != NULL ? (int)(brace - routes[i].path) : (int)strlen(routes[i].path),
		 routes[i].path, brace != NULL ? "10.200.0.1" : "");
	as.token = token;
	/* The body is refused for its content once the token is accepted: nothing is changed by the matrix. */
	fix_ask(&as,
		&(struct ask){.method = routes[i].method,
			      .path = path,
			      .type = body ? "application/json" : NULL,
			      .body = body ? "[" : NULL,
			      .header = header},
		&a);
	status = a.status;
	if (status == 401)
		CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head.data, "WWW-Authenticate: Bearer"));
	fix_answer_free(&a);
	return status;
}

static bool
let_in(long status)
{
	return status != 0 && status != 401 && status != 403 && status != 421;
}

static void
changes_need_the_right_token(void)
{
	static const char *const wrong[] = {"", "x", "fixture-token-012345678", FIX_TOKEN "0",
					    "Fixture-token-0123456789"};
	struct fix f;
	size_t i, k;

	fix_start(&f, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(routes); i++) {
		CU_ASSERT(let_in(ask_route(&f, i, FIX_TOKEN, NULL)));
		CU_ASSERT_EQUAL(let_in(ask_route(&f, i, NULL, NULL)), routes[i].right <= READ);
		for (k = 0; k < BH_ARRAY_SIZE(wrong); k++)
			CU_ASSERT_EQUAL(let_in(ask_route(&f, i, wrong[k], NULL)),
					routes[i].right == NONE);
		CU_ASSERT_EQUAL(let_in(ask_route(&f, i, NULL, "Authorization: Basic Zm9vOmJhcg==")),
				routes[i].right == NONE);
	}
	fix_stop(&f);
}

static void
scheme_is_read_in_any_case_and_trailing_bytes_are_not_ignored(void)
{
	struct fix f;
	size_t i;

	fix_start(&f, NULL);
	for (i = 0; routes[i].right <= READ; i++)
		;
	CU_ASSERT(let_in(ask_route(&f, i, NULL, "Authorization: bearer " FIX_TOKEN)));
	CU_ASSERT_EQUAL(ask_route(&f, i, NULL, "Authorization: Bearer " FIX_TOKEN " x"), 401);
	CU_ASSERT_EQUAL(ask_route(&f, i, NULL, "Authorization: Bearer"), 401);
	CU_ASSERT_EQUAL(ask_route(&f, i, NULL, "Authorization: " FIX_TOKEN), 401);
	fix_stop(&f);
}

static void
no_token(struct bh_api_params *p)
{
	p->token[0] = '\0';
}

static void
without_a_configured_token_changes_are_403_and_reads_work(void)
{
	struct fix f;
	size_t i;

	fix_start(&f, no_token);
	for (i = 0; i < BH_ARRAY_SIZE(routes); i++) {
		bool write = routes[i].right > READ;

		CU_ASSERT_EQUAL(ask_route(&f, i, NULL, NULL) == 403, write);
		CU_ASSERT_EQUAL(ask_route(&f, i, "", NULL) == 403, write);
		CU_ASSERT_EQUAL(ask_route(&f, i, FIX_TOKEN, NULL) == 403, write);
	}
	fix_stop(&f);
}

static void
name_of_another_host_is_refused_without_a_token(void)
{
	static const struct {
		const char *host;
		bool in;
	} hosts[] = {
		{"Host: localhost", true},
		{"Host: LOCALHOST:8471", true},
		{"Host: 127.0.0.1:8471", true},
		{"Host: 127.9.9.9", true},
		{"Host: [::1]:8471", true},
		{"Host: evil.example", false},
		{"Host: 127.0.0.1.evil.example", false},
		{"Host: localhost.evil.example", false},
		{"Host: 10.0.0.1", false},
		{"Host: [::1].evil.example", false},
		{"Host: [::11]", false},
	};
	struct fix f;
	size_t i, k;

	fix_start(&f, NULL);
	for (i = 0; routes[i].right != READ; i++)
		;
	for (k = 0; k < BH_ARRAY_SIZE(hosts); k++) {
		CU_ASSERT_EQUAL(ask_route(&f, i, NULL, hosts[k].host) != 421, hosts[k].in);
		CU_ASSERT(let_in(ask_route(&f, i, FIX_TOKEN, hosts[k].host)));
	}
	fix_stop(&f);
}

static void
all_addresses(struct bh_api_params *p)
{
	snprintf(p->listen, sizeof(p->listen), "0.0.0.0:0");
}

static void
on_other_addresses_reads_need_the_token_too(void)
{
	struct fix f;
	size_t i;

	fix_start(&f, all_addresses);
	for (i = 0; i < BH_ARRAY_SIZE(routes); i++) {
		CU_ASSERT(let_in(ask_route(&f, i, FIX_TOKEN, NULL)));
		CU_ASSERT_EQUAL(let_in(ask_route(&f, i, NULL, NULL)), routes[i].right == NONE);
	}
	fix_stop(&f);
}

/* ---- start ------------------------------------------------------------------------------------------- */

static int
start(const char *listen, const char *token, struct bh_err *err)
{
	struct fix f = {0};
	struct bh_api *api = NULL;
	struct bh_api_params p;
	int rc;

	memset(err, 0, sizeof(*err));
	fix_params(&f, &p);
	snprintf(p.listen, sizeof(p.listen), "%s", listen);
	snprintf(p.token, sizeof(p.token), "%s", token);
	rc = bh_api_start(&api, &p, err);
	bh_api_stop(api);
	return rc;
}

static void
other_than_loopback_without_a_token_does_not_start(void)
{
	static const char *const listen[] = {"0.0.0.0:0", "[::]:0", "192.0.2.1:0", "128.0.0.1:0"};
	struct bh_err err;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(listen); i++) {
		CU_ASSERT_EQUAL(start(listen[i], "", &err), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "api.token_file"));
	}
	CU_ASSERT_EQUAL(start("127.0.0.2:0", "", &err), 0);
	CU_ASSERT_EQUAL(start("[::1]:0", "", &err), 0);
	CU_ASSERT_EQUAL(start("0.0.0.0:0", FIX_TOKEN, &err), 0);
}

static void
what_cannot_be_listened_on_is_explained(void)
{
	static const char *const bad[] = {"",
					  "127.0.0.1",
					  "localhost:80",
					  "127.0.0.1:",
					  "127.0.0.1:70000",
					  "127.0.0.1:80x",
					  "::1:80",
					  "[::1:80",
					  ":8471",
					  "127.0.0.1:-1",
					  "[]:1"};
	struct bh_err err;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		CU_ASSERT_EQUAL(start(bad[i], "", &err), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "api.listen"));
	}
	CU_ASSERT_EQUAL(start("127.0.0.1:0", "two words", &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "token"));
}

static void
address_in_use_says_so(void)
{
	struct bh_err err;
	char listen[64];
	struct fix f;

	fix_start(&f, NULL);
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", bh_api_port_number(f.api));
	CU_ASSERT_EQUAL(start(listen, "", &err), -EADDRINUSE);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "in use"));
	fix_stop(&f);
}

const struct bh_unit_test bh_suite_api_auth[] = {
	BH_TEST(changes_need_the_right_token),
	BH_TEST(scheme_is_read_in_any_case_and_trailing_bytes_are_not_ignored),
	BH_TEST(without_a_configured_token_changes_are_403_and_reads_work),
	BH_TEST(name_of_another_host_is_refused_without_a_token),
	BH_TEST(on_other_addresses_reads_need_the_token_too),
	BH_TEST(other_than_loopback_without_a_token_does_not_start),
	BH_TEST(what_cannot_be_listened_on_is_explained),
	BH_TEST(address_in_use_says_so),
	BH_TEST_END,
};
