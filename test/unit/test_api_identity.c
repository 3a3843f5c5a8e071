/* Who may do what: every role at every route; tokens that end, are wrong, or are used too often; requests said twice. */
#include <stdlib.h>
#include <sys/stat.h>

#include "../../lib/store/store.h"
#include "api_fixture.h"

static struct {
	struct fix fix;
	struct bh_store *store;
	char dir[40], path[80], first[80];
	const char *configured;
	unsigned rate;
} w;

/* No policy of these tests is one. */
static int
refuse(void *arg, const struct bh_api_commit *c, struct bh_policy_change *change,
       struct bh_err *err)
{
	(void)arg;
	(void)c;
	(void)change;
	return bh_err_set(err, EINVAL, "not a policy");
}

static void
adjust(struct bh_api_params *p)
{
	p->store = w.store;
	p->rate = w.rate;
	snprintf(p->token, sizeof(p->token), "%s", w.configured);
	snprintf(p->first_token_file, sizeof(p->first_token_file), "%s", w.first);
	p->ops.policy_commit = p->ops.policy_rollback = refuse;
}

static void
begin(void)
{
	struct bh_store_params p = {.path = w.path};

	CU_ASSERT_EQUAL_FATAL(bh_store_open(&w.store, &p, NULL), 0);
	fix_start(&w.fix, adjust);
	w.fix.token = w.configured[0] != '\0' ? w.configured : NULL;
}

static void
enter(const char *configured, unsigned rate)
{
	memset(&w, 0, sizeof(w));
	w.configured = configured;
	w.rate = rate;
	strcpy(w.dir, "/tmp/bh_api_XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(w.dir));
	snprintf(w.path, sizeof(w.path), "%s/store.db", w.dir);
	snprintf(w.first, sizeof(w.first), "%s/admin-token", w.dir);
	begin();
}

static void
end(void)
{
	fix_stop(&w.fix);
	bh_store_close(w.store);
}

static void
leave(void)
{
	end();
	unlink(w.path);
	unlink(w.first);
	CU_ASSERT_EQUAL(rmdir(w.dir), 0);
}

static long
ask(const char *token, const char *method, const char *path, const char *body)
{
	w.fix.token = token;
	return fix_send(&w.fix, method, path, body);
}

/* PUT as the bearer of `by`; its token into out. The status. */
static long
make(const char *by, const char *name, const char *body, char out[160])
{
	struct answer a;
	char path[128];
	long status;

	snprintf(path, sizeof(path), "/api/v1/identities/%s", name);
	w.fix.token = by;
	fix_ask(&w.fix,
		&(struct ask){
			.method = "PUT", .path = path, .type = "application/json", .body = body},
		&a);
	status = a.status;
	if (out != NULL)
		snprintf(out, 160, "%s", status < 300 ? fix_str(a.json, "token") : "");
	fix_answer_free(&a);
	return status;
}

/* ---- the matrix ---------------------------------------------------------------------------------------- */

static const struct {
	const char *method, *path, *right;
} routes[] = {
#define BH_ROUTE(method, path, handler, right, body, arguments, summary) {#method, path, #right},
#include "../../lib/api/route.def"
#undef BH_ROUTE
};

/* Said here once more, by hand: v viewer, o operator, p policy-admin, a auditor, u pusher, A admin, - nobody. */
static const struct {
	const char *right, *who;
} may[] = {
	{"NONE", "vopauA-"}, {"SELF", "vopauA-"}, {"READ_ENDPOINTS", "vopauA-"},
	{"READ", "vopaA-"},  {"PUSH", "puA"},     {"OPERATE", "opA"},
	{"WRITE", "pA"},     {"AUDIT", "aA"},     {"EVIDENCE", "opaA"},
	{"ADMIN", "A"},
};

static const struct {
	char letter;
	const char *name;
} role_names[] = {{'v', "viewer"},  {'o', "operator"}, {'p', "policy-admin"},
		  {'a', "auditor"}, {'u', "pusher"},   {'A', "admin"}};

static bool
expected(const char *right, char letter)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(may); i++) {
		if (strcmp(may[i].right, right) == 0)
			return strchr(may[i].who, letter) != NULL;
	}
	CU_FAIL("a right that this test does not know");
	return false;
}

/* The body is refused for its content once its bearer is let in: nothing is changed by the matrix. */
static long
ask_route(size_t i, const char *token)
{
	const char *brace = strchr(routes[i].path, '{');
	bool body = strcmp(routes[i].method, "GET") != 0 && strcmp(routes[i].method, "DELETE") != 0;
	char path[128];

	snprintf(path, sizeof(path), "%.*s%s",
		 brace != NULL ? (int)(brace - routes[i].path) : (int)strlen(routes[i].path),
		 routes[i].path, brace != NULL ? "10.200.0.1" : "");
	return ask(token, routes[i].method, path, body ? "[" : NULL);
}

static void
every_role_may_what_is_said_of_it_and_nothing_else(void)
{
	char token[BH_ARRAY_SIZE(role_names)][160], body[64];
	size_t i, k, cells = 0;
	long status;

	enter(FIX_TOKEN, 0);
	for (k = 0; k < BH_ARRAY_SIZE(role_names); k++) {
		snprintf(body, sizeof(body), "{\"role\":\"%s\"}", role_names[k].name);
		CU_ASSERT_EQUAL(make(FIX_TOKEN, role_names[k].name, body, token[k]), 201);
	}
	for (i = 0; i < BH_ARRAY_SIZE(routes); i++) {
		for (k = 0; k < BH_ARRAY_SIZE(role_names); k++, cells++) {
			bool in = expected(routes[i].right, role_names[k].letter);

			status = ask_route(i, token[k]);
			if ((status == 403) == in || status == 401)
				fprintf(stderr, "%s %s as %s: %ld\n", routes[i].method,
					routes[i].path, role_names[k].name, status);
			CU_ASSERT_EQUAL(status == 403, !in);
			CU_ASSERT_NOT_EQUAL(status, 401);
		}
		CU_ASSERT_EQUAL(ask_route(i, NULL) == 401, !expected(routes[i].right, '-'));
	}
	CU_ASSERT(cells > 200);
	/* Some of them by name, whatever the tables say. */
	CU_ASSERT_EQUAL(ask(token[0], "PUT", "/api/v1/policy", "{}"), 403);
	CU_ASSERT_EQUAL(ask(token[4], "GET", "/api/v1/flows", NULL), 403);
	CU_ASSERT_EQUAL(ask(token[2], "GET", "/api/v1/audit", NULL), 403);
	CU_ASSERT_EQUAL(ask(token[2], "GET", "/api/v1/identities", NULL), 403);
	CU_ASSERT_EQUAL(ask(token[3], "GET", "/api/v1/audit", NULL), 200);
	CU_ASSERT_EQUAL(ask(token[4], "PUT", "/api/v1/endpoints/10.3.3.3",
			    "{\"labels\":{\"a\":\"b\"}}"),
			201);
	leave();
}

/* ---- tokens ---------------------------------------------------------------------------------------------- */

static void
first_admin_is_made_with_a_token_that_then_ends(void)
{
	char first[200] = "", alice[160], mode[160];
	struct stat st;
	FILE *f;

	enter("", 0);
	CU_ASSERT_EQUAL_FATAL(stat(w.first, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	f = fopen(w.first, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(first, sizeof(first), f));
	fclose(f);
	first[strcspn(first, "\n")] = '\0';
	CU_ASSERT_EQUAL(ask(first, "PUT", "/api/v1/policy", "{}"), 403);
	CU_ASSERT_EQUAL(ask(first, "GET", "/api/v1/flows", NULL), 403);
	/* Not the first admin: it still counts. */
	CU_ASSERT_EQUAL(make(first, "bob", "{\"role\":\"viewer\"}", NULL), 201);
	CU_ASSERT_EQUAL(make(first, "alice", "{\"role\":\"admin\"}", alice), 201);
	CU_ASSERT_EQUAL(make(first, "eve", "{\"role\":\"admin\"}", NULL), 401);
	CU_ASSERT_NOT_EQUAL(stat(w.first, &st), 0);
	CU_ASSERT_EQUAL(ask(alice, "GET", "/api/v1/identities", NULL), 200);
	/* Over a restart too, and no other is made. */
	end();
	begin();
	CU_ASSERT_EQUAL(ask(alice, "GET", "/api/v1/identities", NULL), 200);
	CU_ASSERT_EQUAL(ask(first, "GET", "/api/v1/identities", NULL), 401);
	CU_ASSERT_NOT_EQUAL(stat(w.first, &st), 0);
	/* Who would lock everybody out. */
	CU_ASSERT_EQUAL(make(alice, "alice", "{\"role\":\"viewer\"}", mode), 409);
	CU_ASSERT_EQUAL(ask(alice, "DELETE", "/api/v1/identities/alice", NULL), 409);
	leave();
}

static void
token_ends_when_it_is_replaced_deleted_or_over(void)
{
	char one[160], two[160];

	enter(FIX_TOKEN, 0);
	CU_ASSERT_EQUAL(make(FIX_TOKEN, "x", "{\"role\":\"auditor\"}", one), 201);
	CU_ASSERT_EQUAL(ask(one, "GET", "/api/v1/audit", NULL), 200);
	CU_ASSERT_EQUAL(make(FIX_TOKEN, "x", "{\"role\":\"viewer\"}", two), 200);
	CU_ASSERT_EQUAL(ask(one, "GET", "/api/v1/flows", NULL), 401);
	CU_ASSERT_EQUAL(ask(two, "GET", "/api/v1/flows", NULL), 200);
	CU_ASSERT_EQUAL(ask(two, "GET", "/api/v1/audit", NULL), 403);
	CU_ASSERT_EQUAL(ask(FIX_TOKEN, "DELETE", "/api/v1/identities/x", NULL), 204);
	CU_ASSERT_EQUAL(ask(two, "GET", "/api/v1/flows", NULL), 401);
	CU_ASSERT_EQUAL(ask(FIX_TOKEN, "DELETE", "/api/v1/identities/x", NULL), 404);
	CU_ASSERT_EQUAL(make(FIX_TOKEN, "y",
			     "{\"role\":\"viewer\",\"expires\":\"2001-01-01T00:00:00Z\"}", one),
			201);
	CU_ASSERT_EQUAL(ask(one, "GET", "/api/v1/flows", NULL), 401);
	leave();
}

static void
mistakes_in_an_identity_are_named(void)
{
	static const struct {
		const char *name, *body;
	} wrong[] = {
		{"x", "{}"},
		{"x", "{\"role\":\"root\"}"},
		{"x", "{\"role\":7}"},
		{"x", "{\"role\":\"viewer\",\"expires\":\"tomorrow\"}"},
		{"x", "{\"role\":\"viewer\",\"certificate\":\"00\"}"},
		{"x", "{\"role\":\"viewer\",\"token\":false}"},
		{"x", "{\"role\":\"viewer\",\"colour\":\"red\"}"},
		{"X", "{\"role\":\"viewer\"}"},
		{"token", "{\"role\":\"viewer\"}"},
		{"-x", "{\"role\":\"viewer\"}"},
		{"a.b", "{\"role\":\"viewer\"}"},
	};
	size_t i;

	enter(FIX_TOKEN, 0);
	for (i = 0; i < BH_ARRAY_SIZE(wrong); i++)
		CU_ASSERT_EQUAL(make(FIX_TOKEN, wrong[i].name, wrong[i].body, NULL), 422);
	CU_ASSERT_EQUAL(ask(FIX_TOKEN, "DELETE", "/api/v1/identities/x", NULL), 404);
	leave();
}

static void
guessing_locks_the_name_for_that_address(void)
{
	struct answer a;
	char token[160];
	int i;

	enter(FIX_TOKEN, 0);
	CU_ASSERT_EQUAL(make(FIX_TOKEN, "x", "{\"role\":\"viewer\"}", token), 201);
	for (i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(ask("bhk.x.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "GET",
				    "/api/v1/flows", NULL),
				401);
	/* The right one, not known yet: not even looked at. */
	w.fix.token = token;
	fix_ask(&w.fix, &(struct ask){.method = "GET", .path = "/api/v1/flows"}, &a);
	CU_ASSERT_EQUAL(a.status, 429);
	CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head.data, "Retry-After: 60"));
	fix_answer_free(&a);
	/* Another name is not locked by that. */
	CU_ASSERT_EQUAL(make(FIX_TOKEN, "y", "{\"role\":\"viewer\"}", token), 201);
	CU_ASSERT_EQUAL(ask(token, "GET", "/api/v1/flows", NULL), 200);
	leave();
}

static void
more_requests_than_the_rate_are_429(void)
{
	struct answer a;
	int i, refused = 0;

	enter(FIX_TOKEN, 5);
	w.fix.token = FIX_TOKEN;
	fix_ask(&w.fix, &(struct ask){.method = "GET", .path = "/api/v1/version"}, &a);
	CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head.data, "RateLimit-Limit: 5\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head.data, "RateLimit-Remaining: 9\r\n"));
	fix_answer_free(&a);
	for (i = 0; i < 40; i++)
		refused += ask(FIX_TOKEN, "GET", "/api/v1/version", NULL) == 429;
	CU_ASSERT(refused > 0);
	/* Health is nobody's. */
	CU_ASSERT_EQUAL(ask(FIX_TOKEN, "GET", "/api/v1/health", NULL), 200);
	leave();
}

/* The hash is slow, and so many a second are made at most: none is made for what was right before. */
static void
tokens_in_use_are_hashed_once_each(void)
{
	char token[24][160], name[24];
	int i, k;

	enter(FIX_TOKEN, 0);
	for (i = 0; i < 24; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		CU_ASSERT_EQUAL(make(FIX_TOKEN, name, "{\"role\":\"viewer\"}", token[i]), 201);
	}
	/* The first time of each, as often as it takes. */
	for (i = 0; i < 24; i++) {
		while (ask(token[i], "GET", "/api/v1/version", NULL) == 429)
			usleep(20000);
	}
	for (k = 0; k < 20; k++) {
		for (i = 0; i < 24; i++)
			CU_ASSERT_EQUAL(ask(token[i], "GET", "/api/v1/version", NULL), 200);
	}
	leave();
}

static void
store_holds_no_token(void)
{
	char token[160], data[4096 * 16], *secret;
	size_t n;
	FILE *f;

	enter(FIX_TOKEN, 0);
	CU_ASSERT_EQUAL(make(FIX_TOKEN, "x", "{\"role\":\"viewer\"}", token), 201);
	secret = strrchr(token, '.') + 1;
	end();
	f = fopen(w.path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	CU_ASSERT(n > 4096);
	CU_ASSERT_PTR_NOT_NULL(memmem(data, n, "$argon2id$", 10));
	CU_ASSERT_PTR_NULL(memmem(data, n, secret, strlen(secret)));
	begin();
	leave();
}

/* ---- said twice ------------------------------------------------------------------------------------------ */

static long
post(const char *key, const char *body)
{
	struct answer a;
	char header[64];
	long status;

	snprintf(header, sizeof(header), "Idempotency-Key: %s", key);
	w.fix.token = FIX_TOKEN;
	fix_ask(&w.fix,
		&(struct ask){.method = "POST",
			      .path = "/api/v1/endpoints",
			      .type = "application/json",
			      .body = body,
			      .header = header},
		&a);
	status = a.status;
	fix_answer_free(&a);
	return status;
}

static void
request_with_the_same_key_is_done_once(void)
{
	static const char make_it[] = "{\"changes\":[{\"op\":\"put\",\"address\":\"10.5.5.5\","
				      "\"labels\":{\"app\":\"web\"}}]}";
	static const char other[] = "{\"changes\":[{\"op\":\"put\",\"address\":\"10.5.5.6\","
				    "\"labels\":{\"app\":\"web\"}}]}";

	enter(FIX_TOKEN, 0);
	CU_ASSERT_EQUAL(post("k1", make_it), 200);
	CU_ASSERT_EQUAL(ask(FIX_TOKEN, "DELETE", "/api/v1/endpoints/10.5.5.5", NULL), 204);
	CU_ASSERT_EQUAL(post("k1", make_it), 200);
	CU_ASSERT_EQUAL(ask(FIX_TOKEN, "GET", "/api/v1/endpoints/10.5.5.5", NULL), 404);
	CU_ASSERT_EQUAL(post("k1", other), 422);
	CU_ASSERT_EQUAL(ask(FIX_TOKEN, "GET", "/api/v1/endpoints/10.5.5.6", NULL), 404);
	CU_ASSERT_EQUAL(post("k2", make_it), 200);
	CU_ASSERT_EQUAL(ask(FIX_TOKEN, "GET", "/api/v1/endpoints/10.5.5.5", NULL), 200);
	leave();
}

/* ---- the record ------------------------------------------------------------------------------------------- */

static void
what_was_done_is_in_the_audit_log_with_who_did_it(void)
{
	struct answer a;
	char token[160];
	const char *log;

	enter(FIX_TOKEN, 0);
	CU_ASSERT_EQUAL(make(FIX_TOKEN, "alice", "{\"role\":\"operator\"}", token), 201);
	CU_ASSERT_EQUAL(ask(token, "GET", "/api/v1/evidence/x.pcapng", NULL), 409);
	w.fix.token = FIX_TOKEN;
	fix_ask(&w.fix, &(struct ask){.method = "GET", .path = "/api/v1/audit"}, &a);
	log = a.body.data;
	CU_ASSERT_EQUAL(a.status, 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "identity.make"));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "identity alice"));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "\"actor\":\"api:alice\",\"action\":\"evidence.read\""));
	CU_ASSERT_PTR_NULL(strstr(log, token));
	fix_answer_free(&a);
	leave();
}

const struct bh_unit_test bh_suite_api_identity[] = {
	BH_TEST(every_role_may_what_is_said_of_it_and_nothing_else),
	BH_TEST(first_admin_is_made_with_a_token_that_then_ends),
	BH_TEST(token_ends_when_it_is_replaced_deleted_or_over),
	BH_TEST(mistakes_in_an_identity_are_named),
	BH_TEST(guessing_locks_the_name_for_that_address),
	BH_TEST(more_requests_than_the_rate_are_429),
	BH_TEST(tokens_in_use_are_hashed_once_each),
	BH_TEST(store_holds_no_token),
	BH_TEST(request_with_the_same_key_is_done_once),
	BH_TEST(what_was_done_is_in_the_audit_log_with_who_did_it),
	BH_TEST_END,
};
