/* Attachments and exceptions: what is done about a hit between two ends. */
#include "signature_rig.h"

/* Segments a..f are 0..5. */
static bool
find(void *arg, const char *name, uint32_t *id)
{
	(void)arg;
	*id = (uint32_t)(name[0] - 'a');
	return name[1] == '\0' && name[0] >= 'a' && name[0] <= 'f';
}

/* Rules of the policy are 0..9. */
static bool
find_rule(void *arg, const char *name, uint32_t *id)
{
	(void)arg;
	*id = (uint32_t)(name[0] - '0');
	return name[1] == '\0' && name[0] >= '0' && name[0] <= '9';
}

static const struct bh_signature_segment segments = {find, find_rule, NULL};

#define SENSORS                                                                                    \
	"sensors:\n"                                                                               \
	"- name: one\n"                                                                            \
	"  rules: [{name: x, patterns: [{value: x}]}, {name: y, action: reject, patterns: "        \
	"[{value: y}]}]\n"                                                                         \
	"- name: two\n"                                                                            \
	"  rules: [{name: x, patterns: [{value: x}]}]\n"

struct scoped {
	struct rig r;
	struct bh_signature_scope *scope;
	const struct bh_sensor_rule *one_x, *one_y, *two_x;
};

static void
scope(struct scoped *s, const char *text)
{
	char all[2048];

	snprintf(all, sizeof(all), SENSORS "%s", text);
	rig_must(&s->r, "a.yaml", all);
	s->one_x = s->r.s->model->sensors->rules;
	s->one_y = s->one_x->next;
	s->two_x = s->r.s->model->sensors->next->rules;
	CU_ASSERT_EQUAL_FATAL(bh_signature_scope_create(&s->scope, s->r.s, s->r.s->model, &segments,
							NULL),
			      0);
}

static void
scope_end(struct scoped *s)
{
	bh_signature_scope_destroy(s->scope);
	rig_free(&s->r);
}

/* "ab>c": the client is in a and b, the server in c. */
static enum bh_sensor_action
between(const struct scoped *s, const struct bh_sensor_rule *rule, unsigned class, const char *ends)
{
	uint32_t id[2][6];
	struct bh_signature_pair pair = {{id[0], 0}, {id[1], 0}, UINT32_MAX};
	const struct bh_signature_hit hit = {.rule = rule, .class_ = class};
	const uint64_t all = (UINT64_C(1) << BH_INSPECT_CLASS_COUNT) - 1;
	const struct bh_signature_plan none = {{0}};
	struct bh_signature_plan plan;

	for (; *ends != '>'; ends++)
		id[0][pair.client.n++] = (uint32_t)(*ends - 'a');
	for (ends++; *ends != '\0'; ends++)
		id[1][pair.server.n++] = (uint32_t)(*ends - 'a');
	/* Attached is what has an action for some rule or class, exceptions aside. */
	if (bh_signature_action(s->scope, &hit, &pair) != BH_SENSOR_DEFAULT)
		CU_ASSERT_TRUE(bh_signature_attached(s->scope, &pair));
	bh_signature_plan(s->scope, &pair, &none, all, &plan);
	if (rule == NULL)
		CU_ASSERT_EQUAL(plan.action[class], bh_signature_action(s->scope, &hit, &pair));
	return bh_signature_action(s->scope, &hit, &pair);
}

static void
first_attachment_that_holds_says_the_action(void)
{
	struct scoped s;

	scope(&s, "attach:\n"
		  "- {sensor: one, segments: [a, c], action: deny}\n"
		  "- {sensor: '*', segments: [b], action: alert}\n"
		  "- {sensor: dlp.card, segments: [d], action: quarantine}\n");
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "a>b"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "b>ce"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "b>d"), BH_SENSOR_ALERT);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "a>b"), BH_SENSOR_ALERT);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "a>c"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "d>e"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, ">"), BH_SENSOR_DEFAULT);
	/* What the rule says of itself, where it is attached. */
	CU_ASSERT_EQUAL(between(&s, s.one_y, 0, "a>b"), BH_SENSOR_REJECT);
	CU_ASSERT_EQUAL(between(&s, s.one_y, 0, "d>e"), BH_SENSOR_DEFAULT);
	/* Built-in ones. */
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_DLP_CARD, "d>e"), BH_SENSOR_QUARANTINE);
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_SQLI, "d>e"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_SQLI, "b>e"), BH_SENSOR_ALERT);
	scope_end(&s);
}

static void
sides_and_peers_narrow_an_attachment(void)
{
	struct scoped s;

	scope(&s, "attach:\n"
		  "- {sensor: one, segments: [a], side: server, action: deny}\n"
		  "- {sensor: one, segments: [a], side: client, peers: [f], action: capture}\n"
		  "- {sensor: two, rules: [x], segments: [b], peers: [c]}\n");
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "b>a"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "a>b"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "a>f"), BH_SENSOR_CAPTURE);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "a>af"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "b>c"), BH_SENSOR_ALERT);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "c>b"), BH_SENSOR_ALERT);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "b>d"), BH_SENSOR_DEFAULT);
	scope_end(&s);
}

static void
exceptions_win_over_attachments(void)
{
	struct scoped s;

	scope(&s, "attach: [{sensor: '*', action: deny}]\n"
		  "exceptions:\n"
		  "- {sensor: one, rules: [x], segments: [a], side: client}\n"
		  "- {sensor: sqli, segments: [b]}\n"
		  "- {rules: [x], segments: [e]}\n"
		  "- {segments: [f]}\n");
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "a>b"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "b>a"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, s.one_y, 0, "a>b"), BH_SENSOR_REJECT);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "a>b"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_SQLI, "a>b"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_XSS, "a>b"), BH_SENSOR_DENY);
	/* A rule's name without its sensor: in all of them, and of no built-in one. */
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "e>d"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "e>d"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, s.one_y, 0, "e>d"), BH_SENSOR_REJECT);
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_XSS, "e>d"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "c>f"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_XSS, "f>c"), BH_SENSOR_DEFAULT);
	scope_end(&s);
}

static void
a_segment_that_is_not_there_is_told_by_place(void)
{
	struct bh_signature_scope *none;
	struct bh_err err = {0};
	char text[1400];
	struct rig r;

	rig_must(&r, "a.yaml", "attach:\n- {sensor: sqli, segments: [a, shop]}\n");
	CU_ASSERT_EQUAL(bh_signature_scope_create(&none, r.s, r.s->model, &segments, &err),
			-EINVAL);
	bh_err_format(&err, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "a.yaml:2:12: no segment of the policy is called 'shop'");
	rig_free(&r);
}

/* The policy's rule that lets the connection pass. */
static void
attachments_and_exceptions_may_name_rules_of_the_policy(void)
{
	const struct bh_signature_hit sqli = {.class_ = BH_INSPECT_SQLI};
	struct bh_signature_pair pair = {.allowed_by = 3};
	struct scoped s;

	scope(&s, "attach:\n"
		  "- {sensor: sqli, allowed_by: ['3', '5'], action: deny}\n"
		  "- {sensor: sqli, allowed_by: ['4'], action: capture}\n"
		  "exceptions: [{sensor: sqli, allowed_by: ['5']}]\n");
	CU_ASSERT_EQUAL(bh_signature_action(s.scope, &sqli, &pair), BH_SENSOR_DENY);
	pair.allowed_by = 4;
	CU_ASSERT_EQUAL(bh_signature_action(s.scope, &sqli, &pair), BH_SENSOR_CAPTURE);
	pair.allowed_by = 5;
	CU_ASSERT_EQUAL(bh_signature_action(s.scope, &sqli, &pair), BH_SENSOR_DEFAULT);
	pair.allowed_by = UINT32_MAX;
	CU_ASSERT_EQUAL(bh_signature_action(s.scope, &sqli, &pair), BH_SENSOR_DEFAULT);
	scope_end(&s);
}

/* What is not attached keeps what the configuration says; '*' leaves out what that switches off. */
static void
classes_that_no_attachment_decides_keep_their_own_action(void)
{
	const struct bh_signature_pair pair = {.allowed_by = UINT32_MAX};
	const uint64_t any = ~(UINT64_C(1) << BH_INSPECT_XSS);
	struct bh_signature_plan base = {{0}}, plan;
	struct scoped s;

	base.action[BH_INSPECT_SQLI] = BH_SENSOR_REJECT;
	base.action[BH_INSPECT_CMDI] = BH_SENSOR_ALERT;
	base.action[BH_INSPECT_SSTI] = BH_SENSOR_DENY;
	scope(&s, "attach:\n"
		  "- {sensor: cmdi, action: quarantine}\n"
		  "exceptions: [{sensor: ssti}]\n");
	bh_signature_plan(s.scope, &pair, &base, any, &plan);
	CU_ASSERT_EQUAL(plan.action[BH_INSPECT_SQLI], BH_SENSOR_REJECT);
	CU_ASSERT_EQUAL(plan.action[BH_INSPECT_CMDI], BH_SENSOR_QUARANTINE);
	CU_ASSERT_EQUAL(plan.action[BH_INSPECT_SSTI], BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(plan.action[BH_INSPECT_XSS], BH_SENSOR_DEFAULT);
	scope_end(&s);
	scope(&s, "attach: [{sensor: '*', action: capture}]\n");
	bh_signature_plan(s.scope, &pair, &base, any, &plan);
	CU_ASSERT_EQUAL(plan.action[BH_INSPECT_SQLI], BH_SENSOR_CAPTURE);
	CU_ASSERT_EQUAL(plan.action[BH_INSPECT_XSS], BH_SENSOR_DEFAULT);
	scope_end(&s);
	scope(&s, "attach: [{sensor: xss, action: capture}]\n");
	bh_signature_plan(s.scope, &pair, &base, any, &plan);
	CU_ASSERT_EQUAL(plan.action[BH_INSPECT_XSS], BH_SENSOR_CAPTURE);
	scope_end(&s);
}

static bool
excepted(const struct scoped *s, const char *path, const char *where)
{
	const struct bh_signature_pair pair = {.allowed_by = UINT32_MAX};
	const struct bh_signature_hit hit = {
		.class_ = BH_INSPECT_SQLI,
		.where = where,
		.paths = path != NULL
				 ? bh_signature_paths(s->scope, (const uint8_t *)path, strlen(path))
				 : 0,
	};
	const struct bh_signature_plan base = {{[BH_INSPECT_SQLI] = BH_SENSOR_DENY}};
	struct bh_signature_plan plan;

	/* Not excepted as a whole: findings are asked for one by one. */
	bh_signature_plan(s->scope, &pair, &base, 0, &plan);
	CU_ASSERT_EQUAL(plan.action[BH_INSPECT_SQLI], BH_SENSOR_DENY);
	return bh_signature_excepted(s->scope, &hit, &pair);
}

static void
exceptions_may_be_of_paths_and_places(void)
{
	struct scoped s;

	scope(&s, "exceptions:\n"
		  "- {sensor: sqli, paths: [/search, '/db/*/query', '*.sql']}\n"
		  "- {sensor: sqli, where: [argument q, cookie]}\n"
		  "- {sensor: sqli, paths: [/both], where: [header x-note]}\n");
	CU_ASSERT_TRUE(bh_signature_has_paths(s.scope));
	CU_ASSERT_TRUE(excepted(&s, "/search", "argument x"));
	CU_ASSERT_FALSE(excepted(&s, "/search/", "argument x"));
	CU_ASSERT_FALSE(excepted(&s, "/searc", "argument x"));
	CU_ASSERT_TRUE(excepted(&s, "/db/a/b/query", NULL));
	CU_ASSERT_TRUE(excepted(&s, "/db//query", NULL));
	CU_ASSERT_FALSE(excepted(&s, "/db/query", NULL));
	CU_ASSERT_TRUE(excepted(&s, "/x.sql.sql", NULL));
	CU_ASSERT_FALSE(excepted(&s, "/x.sqlx", NULL));
	CU_ASSERT_FALSE(excepted(&s, NULL, NULL));
	CU_ASSERT_TRUE(excepted(&s, "/", "argument q"));
	CU_ASSERT_FALSE(excepted(&s, "/", "argument q2"));
	CU_ASSERT_FALSE(excepted(&s, "/", "argument"));
	CU_ASSERT_TRUE(excepted(&s, "/", "cookie session"));
	CU_ASSERT_FALSE(excepted(&s, "/", "cookies x"));
	CU_ASSERT_TRUE(excepted(&s, "/both", "header X-Note"));
	CU_ASSERT_FALSE(excepted(&s, "/other", "header X-Note"));
	CU_ASSERT_FALSE(excepted(&s, "/both", "header host"));
	scope_end(&s);
}

const struct bh_unit_test bh_suite_signature_scope[] = {
	BH_TEST(attachments_and_exceptions_may_name_rules_of_the_policy),
	BH_TEST(classes_that_no_attachment_decides_keep_their_own_action),
	BH_TEST(exceptions_may_be_of_paths_and_places),
	BH_TEST(first_attachment_that_holds_says_the_action),
	BH_TEST(sides_and_peers_narrow_an_attachment),
	BH_TEST(exceptions_win_over_attachments),
	BH_TEST(a_segment_that_is_not_there_is_told_by_place),
	BH_TEST_END};
